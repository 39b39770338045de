#!/usr/bin/env bash
# `make check`: installs what is missing, builds aipipe in a private copy of the
# server's tree, and runs every kind of test in a throw-away cluster.
#
#	test/setup/check.sh [KIND …]	only these kinds: static regress isolation tap module pgtap
#
# Prints the failures' details as they come and last one line, "N passed, N failed".
# What is counted: a static gate, a gate's own proof that it can fail, a
# pg_regress test, an isolation spec, an assertion of a TAP or pgTAP file; the
# build, and a kind that ran nothing, count as one failure.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/setup/stage.sh
. "$here/stage.sh"
# shellcheck source=test/setup/cluster.sh
. "$here/cluster.sh"

kinds=${*:-static regress isolation tap module pgtap}
passed=0
failed=0
started=$SECONDS

# Adds up TAP, pg_regress 15 and 16+ alike; gives "ok notok skipped".
tally()
{
	awk '
		/^ok [0-9]+.*# *[Ss][Kk][Ii][Pp]/ { skipped++; next }
		/^not ok .*# *TODO/ { skipped++; next }
		/^ok [0-9]+/ { ok++; next }
		/^not ok / { notok++; infile++; next }
		/^[^ ]+\.pl \.+ *$/ { infile = 0; next }
		/^Dubious, test returned/ && !infile { notok++; next }
		/^(test| {4,}) *[^ ]+ +\.\.\. ok/ { ok++; next }
		/^(test| {4,}) *[^ ]+ +\.\.\. .*FAILED/ { notok++; next }
		END { print ok + 0, notok + 0, skipped + 0 }' "$1"
}

# Prints the part of a log that tells what went wrong.
show_failure()
{
	local kind=$1 log=$2 dir=$STAGE_SRC

	[ "$kind" != module ] || dir=$STAGE_SRC/test/module
	case $kind in
		regress | isolation | module)
			grep -E 'FAILED|^not ok|rror' "$log" | head -n 20 || :
			[ ! -s "$dir/regression.diffs" ] || head -n 300 "$dir/regression.diffs"
			if ! grep -qE 'FAILED|^not ok' "$log"; then tail -n 40 "$log"; fi
			;;
		*)
			grep -vE '^ok |^[^ ]+ \.+ *$|^echo |^\+\+\+' "$log" | tail -n 120 || :
			;;
	esac
	# A TAP file that died says why in a log of its own.
	[ "$kind" = tap ] || return 0
	sed -n 's/^test\/t\/\([^ ]*\)\.pl *(Wstat.*/\1/p' "$log" | while read -r file; do
		echo "== from $file's log"
		grep -E 'ERROR:|FATAL:|DETAIL:|not ok|#  |imed out|timeout| line [0-9]+\.$' "$STAGE_SRC/tmp_check/log/regress_log_$file" |
			tail -n 15
	done
}

# Runs one kind: its command's output is counted, and shown where it failed.
run_kind()
{
	local kind=$1 log=$STAGE/$1.log ok notok skipped status=0 began=$SECONDS
	shift

	"$@" >"$log" 2>&1 || status=$?
	read -r ok notok skipped <<<"$(tally "$log")"
	if [ "$status" -ne 0 ] && [ "$notok" -eq 0 ]; then
		notok=1
	elif [ "$status" -eq 0 ] && [ $((ok + notok)) -eq 0 ]; then
		echo "$kind: no test ran"
		notok=1
	fi
	[ "$notok" -eq 0 ] || show_failure "$kind" "$log"
	printf '%-10s %4d passed, %d failed' "$kind" "$ok" "$notok"
	[ "$skipped" -eq 0 ] || printf ', %d skipped' "$skipped"
	printf ' (%d s)\n' $((SECONDS - began))
	passed=$((passed + ok))
	failed=$((failed + notok))
}

# The pgTAP files, each in a database of its own that has aipipe and pgTAP.
# shellcheck disable=SC2317 # run_kind calls it
run_pgtap()
{
	local file name status=0

	for file in "$STAGE_SRC"/test/pgtap/*.sql; do
		[ -f "$file" ] || continue
		name=pgtap_$(basename "$file" .sql)
		echo "# $(basename "$file")"
		cluster_psql -c "CREATE DATABASE $name" || { status=1; continue; }
		cluster_psql -d "$name" -c 'CREATE EXTENSION pgtap' -c 'CREATE EXTENSION aipipe' || { status=1; continue; }
		stage_run env PATH="$STAGE_BIN:$PATH" PGDATABASE="$name" PGOPTIONS='-c client_min_messages=warning' \
			pg_prove --verbose "$file" || status=1
	done
	return "$status"
}

# The verdict: always the last line.
finish()
{
	echo "all kinds took $((SECONDS - started)) s"
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] || exit 1
	exit 0
}

"$here/install.sh" check
stage_open

# The compiler's warnings are errors here; a user's build only prints them.
if ! { stage_build AIPIPE_CFLAGS=-Werror && stage_build_module AIPIPE_CFLAGS=-Werror; }; then
	failed=1
	finish
fi
for kind in $kinds; do
	case $kind in
		regress | isolation | tap | module | pgtap)
			cluster_start check
			break
			;;
	esac
done
for kind in $kinds; do
	case $kind in
		static) run_kind static stage_run env PG_CONFIG="$STAGE_PG_CONFIG" python3 -B "$STAGE_SRC/test/check/run.py" "$STAGE_SRC" ;;
		regress) run_kind regress stage_make installcheck ISOLATION= TAP_TESTS= ;;
		isolation) run_kind isolation stage_make installcheck REGRESS= TAP_TESTS= ;;
		tap) run_kind tap stage_make installcheck REGRESS= ISOLATION= PROVE_FLAGS=--verbose ;;
		module) run_kind module stage_make -C test/module installcheck ;;
		pgtap) run_kind pgtap run_pgtap ;;
		*)
			echo "check.sh: unknown kind of test \"$kind\"" >&2
			exit 2
			;;
	esac
done
finish
