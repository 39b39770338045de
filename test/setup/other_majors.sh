#!/usr/bin/env bash
# Builds and tests aipipe on the other supported servers, each in a Debian of its own.
#
#	sudo test/setup/other_majors.sh FOLDER [bookworm] [trixie] [sid]
#
# bookworm (PostgreSQL 15, XGBoost 1.7) shows what a fresh machine lacks; trixie has PostgreSQL 17 and
# XGBoost 3.0, sid PostgreSQL 18 and XGBoost 3.3; without a name, the last two.  Debootstraps what is not
# there yet below FOLDER (about 1 GB each, kept for the next run), installs the packages of
# test/setup/packages inside, and runs test/setup/check.sh there: all of it on bookworm, and on the others all
# but the static gates, whose tools say other things there.  Then a database that this machine's server dumped is
# restored there and must give the same scores (test/setup/world.sh).  Needs root and a Debian mirror.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

[ $# -ge 1 ] || { sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
folder=$1
shift
[ $# -gt 0 ] || set -- trixie sid
[ "$(id -u)" -eq 0 ] || { echo "other_majors.sh: debootstrap and chroot need root" >&2; exit 1; }
command -v debootstrap >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get -q install -y debootstrap

# The mirror that this machine's own packages come from.
# shellcheck disable=SC2016 # apt fills this in
mirror()
{
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -E '/debian/?$' | head -n 1
}

# The server of a suite.
major()
{
	case $1 in
		bookworm) echo 15 ;;
		trixie) echo 17 ;;
		sid) echo 18 ;;
		*) echo "other_majors.sh: no suite \"$1\" is known" >&2; return 1 ;;
	esac
}

# Runs a command in a suite's root, where /proc and /dev are there for its time only.
# shellcheck disable=SC2016 # the inner shell expands these
inside()
{
	local suite=$1
	shift
	unshare --mount --propagation private sh -c '
		mount --bind /dev "$0/dev" && mount -t proc proc "$0/proc" && mount -t tmpfs tmpfs "$0/tmp" -o mode=1777 &&
		exec chroot "$0" "$@"' "$folder/$suite" "$@"
}

status=0
rm -rf "$folder/world"
mkdir -p "$folder/world"
"$here/world.sh" dump "$folder/world" || status=1
for suite in "$@"; do
	pg=$(major "$suite")
	if [ ! -x "$folder/$suite/usr/bin/apt-get" ]; then
		mkdir -p "$folder"
		debootstrap --variant=minbase "$suite" "$folder/$suite" "$(mirror)"
		cp /etc/resolv.conf "$folder/$suite/etc/resolv.conf"
		# A mirror that stands still is as good here; its signatures are checked all the same.
		echo 'Acquire::Check-Valid-Until "false";' >"$folder/$suite/etc/apt/apt.conf.d/99still"
	fi
	rm -rf "$folder/$suite/src/aipipe"
	mkdir -p "$folder/$suite/src/aipipe"
	tar -C "$root" --exclude-vcs --exclude='*.o' --exclude='*.so' --exclude='*.bc' --exclude=./build -cf - . |
		tar -C "$folder/$suite/src/aipipe" -xf -
	kinds=(regress isolation tap module pgtap)
	[ "$suite" != bookworm ] || kinds=()
	echo "== $suite: PostgreSQL $pg"
	inside "$suite" env AIPIPE_PG_MAJOR="$pg" HOME=/tmp LC_ALL=C.UTF-8 /src/aipipe/test/setup/check.sh "${kinds[@]}" || status=1
	cp -r "$folder/world" "$folder/$suite/src/aipipe/world"
	inside "$suite" env AIPIPE_PG_MAJOR="$pg" HOME=/tmp LC_ALL=C.UTF-8 /src/aipipe/test/setup/world.sh restore /src/aipipe/world || status=1
done
exit "$status"
