#!/usr/bin/env bash
# `make demo`: aipipe at work in a private, throw-away cluster.
#
#	make demo			two generated feeds with planted faults, judged as they land
#	make demo CSV=file.csv		any CSV of yours: types found, 80 % learned, the rest landed through a gate
#
# Settings, as variables: KEEP=1 keeps the cluster running until Enter is pressed (the default on a
# terminal) or, without a terminal, until the script is stopped.  For a CSV also ENCODING=, DELIMITER=,
# HEADER=no and SKIP=column,column (not to be learned).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/setup/stage.sh
. "$here/../test/setup/stage.sh"
# shellcheck source=test/setup/cluster.sh
. "$here/../test/setup/cluster.sh"
# shellcheck source=demo/csv.sh
. "$here/csv.sh"

# Runs one of the demo's scripts; psql's working folder holds the CSV files.
run_script()
(
	local script=$1
	shift
	cd "$STAGE/csv"
	cluster_psql -v here="$here" -v bold="$bold" -v plain="$plain" -v dim="$dim" "$@" -f "$here/$script"
)

# Builds and installs aipipe into the private tree; the test module is not needed here.
build()
{
	stage_sources
	stage_make -j2 all install >"$STAGE/build.log" 2>&1 ||
		{ cat "$STAGE/build.log" >&2; echo "demo: aipipe does not build" >&2; return 1; }
}

# The story of the two generated feeds.
run_story()
{
	run_script story.sql
}

# The user's own file.
run_csv()
{
	local file=$1

	cluster_psql -f "$here/csv_functions.sql"
	csv_normalise "$file"
	csv_land "$file"
	[ "$(cluster_psql -At -c 'SELECT count(*) FROM csv.raw')" -gt 1 ] || csv_refuse "\"$file\" has no records below its first line"
	run_script csv.sql -v file="$(basename "$file")" -v encoding="$(cat "$STAGE/csv/encoding")" \
		-v delimiter="$CSV_DELIMITER" -v header="${HEADER:-}" -v skip="${SKIP:-}"
}

# Says how to look around, and waits as long as somebody wants to.
linger()
{
	local wait_for=

	if [ -t 0 ] && [ "${KEEP:-}" != 0 ]; then
		wait_for=Enter
	elif [ "${KEEP:-}" = 1 ]; then
		wait_for='a signal (Ctrl-C)'
	else
		echo "Nobody waits here, so its cluster is gone. KEEP=1 make demo keeps it, and says how to connect and look around."
		return 0
	fi
	cat <<EOF

${bold}Look around${plain} while the cluster runs, from another terminal:

    $STAGE_BIN/psql -h $PGHOST -p $PGPORT -U $PGUSER $PGDATABASE

    \df aipipe.*                                          every function
    SELECT * FROM aipipe.batch;                           what landed
    SELECT id, score, "row", reasons FROM aipipe.quarantine WHERE state = 'held' LIMIT 5;

The cluster goes away with everything in it after $wait_for.
EOF
	if [ "$wait_for" = Enter ]; then
		read -r || :
	else
		while :; do sleep 3600 & wait $!; done
	fi
}

bold='' plain='' dim=''
if [ -t 1 ]; then
	bold=$'\e[1m' plain=$'\e[0m' dim=$'\e[2m'
fi
csv=${CSV:-${1:-}}
case $csv in
	\~/*) csv=$HOME/${csv#\~/} ;;
esac
[ -z "$csv" ] || [ -e "$csv" ] || csv_refuse "there is no file \"$csv\""

"$here/../test/setup/install.sh" demo
began=$SECONDS
echo "Building aipipe and starting a private cluster …"
stage_open
build
stage_run mkdir -p csv
[ "$(id -u)" -ne 0 ] || chmod 755 "$STAGE/csv"
cluster_start demo shared_buffers=256MB work_mem=64MB max_wal_size=4GB jit=off synchronous_commit=off autovacuum_naptime=10s timezone=UTC
cluster_psql -c 'CREATE EXTENSION aipipe'
echo "Ready after $((SECONDS - began)) s."

if [ -n "$csv" ]; then
	run_csv "$csv"
else
	run_story
fi
echo
echo "The demo took $((SECONDS - began)) s."
linger
