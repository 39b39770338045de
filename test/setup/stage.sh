# shellcheck shell=bash
# stage.sh: a private, relocatable copy of the server's tree with aipipe in it.
#
# Sourced, never run.  PostgreSQL finds its directories relative to its
# programs, so a copy of them elsewhere is a complete installation of its own,
# and nothing is ever installed into the system's.
#
#	. test/setup/stage.sh
#	stage_open			makes the temp folder; it and all clusters in it go at exit
#	stage_build [make arguments]	builds aipipe from a copy of the source tree and installs it there
#	stage_build_module [make arguments]	the test module too, for what needs more than a user has
#	stage_run COMMAND…		runs a command as the unprivileged user
#	stage_make ARGUMENTS…		runs make in the copy of the source tree
#
# Afterwards: STAGE (the folder), STAGE_SRC (the copy of the sources), STAGE_BIN
# (the server's programs), STAGE_PG_CONFIG, STAGE_USER.  Run by root, everything
# after the copying is done by an unprivileged user, because a server refuses root.
# AIPIPE_PG_MAJOR chooses the server (15), AIPIPE_KEEP=1 keeps the folder.

AIPIPE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
STAGE_MAJOR=${AIPIPE_PG_MAJOR:-15}

# Runs a command as the unprivileged user, from the stage's folder.
stage_run()
(
	cd "$STAGE" || exit 1
	if [ "$(id -u)" -eq 0 ]; then
		exec setpriv --reuid="$STAGE_USER" --regid="$(id -g "$STAGE_USER")" --init-groups \
			env HOME="$STAGE" TMPDIR="$STAGE/tmp" "$@"
	fi
	exec env HOME="$STAGE" TMPDIR="$STAGE/tmp" "$@"
)

# Gives a folder for temporary files whose name make, unix sockets and everybody's shell can live with.
stage_tmp()
{
	local tmp=${TMPDIR:-/tmp}

	case $tmp in
		*[!A-Za-z0-9_./+-]* | [!/]* | ????????????????????????????????????????*) tmp=/tmp ;;
	esac
	[ -w "$tmp" ] && [ -x "$tmp" ] || tmp=/tmp
	printf '%s\n' "$tmp"
}

# Stops what still runs and removes the folder.
stage_close()
{
	local status=$? pidfile

	trap - EXIT
	[ -n "${STAGE:-}" ] || exit "$status"
	for pidfile in "$STAGE"/data/*/postmaster.pid; do
		[ -f "$pidfile" ] || continue
		stage_run "$STAGE_BIN/pg_ctl" -D "$(dirname "$pidfile")" -m immediate -w stop >/dev/null 2>&1 || :
	done
	if [ "${AIPIPE_KEEP:-}" = 1 ]; then
		echo "kept: $STAGE" >&2
	else
		rm -rf "$STAGE"
	fi
	exit "$status"
}

# Makes the temp folder with its copy of the server's tree, and arranges that both go at exit.
stage_open()
{
	local pg=postgresql/$STAGE_MAJOR variable

	# Neither an outer make nor the user's connection settings may reach inside.
	unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES MAKEFILES GNUMAKEFLAGS CDPATH
	for variable in $(compgen -e PG); do
		unset "$variable"
	done

	if [ ! -x "/usr/lib/$pg/bin/postgres" ] || [ ! -d "/usr/include/$pg/server" ]; then
		echo "stage.sh: PostgreSQL $STAGE_MAJOR and its server headers are not installed" >&2
		return 1
	fi
	if [ "$(id -u)" -ne 0 ]; then
		STAGE_USER=$(id -un)
	elif id postgres >/dev/null 2>&1; then
		STAGE_USER=postgres
	else
		STAGE_USER=nobody
	fi
	STAGE=$(mktemp -d "$(stage_tmp)/aipipe.XXXXXX")
	STAGE_BIN=$STAGE/usr/lib/$pg/bin
	STAGE_PG_CONFIG=$STAGE_BIN/pg_config
	STAGE_SRC=$STAGE/src
	trap stage_close EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	chmod 755 "$STAGE"
	[ "$(id -u)" -ne 0 ] || chown "$STAGE_USER" "$STAGE"

	stage_run mkdir -p tmp data "usr/lib/postgresql" "usr/share/postgresql" "usr/include/postgresql"
	stage_run cp -R --preserve=mode,timestamps,links "/usr/lib/$pg" usr/lib/postgresql/
	stage_run cp -R --preserve=mode,timestamps,links "/usr/share/$pg" usr/share/postgresql/
	stage_run ln -s "/usr/include/$pg" "usr/include/$pg"
}

# Runs make in the copy of the sources, against the private server tree.
stage_make()
{
	stage_run make --no-print-directory -C "$STAGE_SRC" PG_CONFIG="$STAGE_PG_CONFIG" with_llvm=no "$@"
}

# Copies the source tree; the checkout itself may be read-only or another user's.
stage_sources()
{
	stage_run mkdir -p "$STAGE_SRC"
	tar -C "$AIPIPE_ROOT" --mode='u+rwX,go+rX' --exclude-vcs \
		--exclude=./build --exclude=./results --exclude=./output_iso --exclude=./tmp_check \
		--exclude='*.o' --exclude='*.so' --exclude='*.bc' --exclude='regression.*' -cf - . |
		stage_run tar -C "$STAGE_SRC" --no-same-owner -xf -
}

# Builds aipipe and installs it into the private tree.
stage_build()
{
	stage_sources
	stage_install aipipe "$@"
}

# Builds the test module from the sources that stage_build copied, and installs it too.
stage_build_module()
{
	[ ! -f "$STAGE_SRC/test/module/Makefile" ] || stage_install "the test module" -C test/module "$@"
}

# Runs make install in the copy of the sources; what the compiler says is shown when that fails.
stage_install()
{
	local what=$1 log=$STAGE/build.log
	shift

	if ! stage_make -j2 "$@" all install >"$log" 2>&1; then
		grep -vE '^[^ ]*(gcc|clang)[^ ]* -' "$log" >&2 || :
		echo "stage.sh: $what does not build" >&2
		return 1
	fi
}
