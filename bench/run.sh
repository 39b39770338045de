#!/usr/bin/env bash
# `make bench [ONLY=word]`: measures what the README claims, each figure beside its peer in the same run.
#
# Runs bench/<nn>_<name>.{sql,sh,py} in order (00_* always, others when their name
# contains ONLY) against a private cluster and prints one table.  A piece reports by lines
#
#	RESULT|name|value|unit|baseline|ratio|goal|ok
#
# (ok or MISS; baseline, ratio and goal may be empty), everything else that it prints is
# shown as it comes.  SQL pieces run in psql in database "bench", which has aipipe and,
# when it was built, aipipe_test; the others find the server in PGHOST, PGPORT, PGUSER and
# PGDATABASE, scratch space in BENCH_TMP and the server's process directory in BENCH_DATA.
# A piece whose first lines say "needs: AIPIPE_DATA" takes real data from that folder.
# The status is 0 when every piece ran and no figure missed its goal.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/setup/stage.sh
. "$here/../test/setup/stage.sh"
# shellcheck source=test/setup/cluster.sh
. "$here/../test/setup/cluster.sh"

only=${1:-}
failed=0
skipped=0

settings=(
	shared_buffers=1GB work_mem=64MB maintenance_work_mem=256MB max_wal_size=16GB checkpoint_timeout=1h
	wal_level=minimal max_wal_senders=0 autovacuum=off jit=off max_parallel_workers_per_gather=0
	synchronous_commit=off
)

# Runs one piece with its kind of interpreter.
run_piece()
{
	case $1 in
		*.sql) cluster_psql -At -f "$1" ;;
		*.sh) bash "$1" ;;
		*.py) /usr/bin/python3 -B "$1" ;;
	esac
}

# Prints the results as one table.
print_table()
{
	awk -F'|' '
		BEGIN { split("figure,value,unit,peer or limit,ratio,goal,verdict", head, ","); n = 1
				for (i = 1; i <= 7; i++) { cell[1, i] = head[i]; width[i] = length(head[i]) } }
		{ n++; for (i = 1; i <= 7; i++) { cell[n, i] = $(i + 1); if (length($(i + 1)) > width[i]) width[i] = length($(i + 1)) } }
		END { for (r = 1; r <= n; r++) { line = ""
				for (i = 1; i <= 7; i++) line = line sprintf("%-" width[i] "s  ", cell[r, i])
				sub(/ +$/, "", line); print line } }' "$1"
}

"$here/../test/setup/install.sh" bench
stage_open
stage_build
stage_build_module
cluster_start bench "${settings[@]}"
cluster_psql -c 'CREATE DATABASE bench'
export PGDATABASE=bench BENCH_TMP=$STAGE/tmp BENCH_DATA=$STAGE/data/bench
cluster_psql -c 'CREATE EXTENSION aipipe'
if [ -f "$STAGE_SRC/test/module/Makefile" ]; then
	cluster_psql -c 'CREATE EXTENSION aipipe_test'
fi

echo "machine: $(nproc) cores, $(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)"
echo "server: $("$STAGE_BIN/postgres" --version); fsync=off ${settings[*]}"
: >"$STAGE/results"
for piece in "$here"/[0-9][0-9]_*; do
	name=$(basename "$piece")
	case $name in
		*.sql | *.sh | *.py) ;;
		*) continue ;;
	esac
	case $name in
		00_*) ;;
		*"$only"*) ;;
		*) continue ;;
	esac
	if head -n 5 "$piece" | grep -q 'needs: AIPIPE_DATA' && [ ! -d "${AIPIPE_DATA:-}" ]; then
		echo "== $name: skipped, AIPIPE_DATA names no folder with real data"
		skipped=$((skipped + 1))
		continue
	fi
	echo "== $name"
	began=$SECONDS
	if ! run_piece "$piece" 2>&1 | tee "$STAGE/piece.log"; then
		echo "== $name failed"
		failed=$((failed + 1))
	fi
	grep '^RESULT|' "$STAGE/piece.log" >>"$STAGE/results" || :
	echo "== $name took $((SECONDS - began)) s"
done
echo
print_table "$STAGE/results"
misses=$(grep -c '|MISS$' "$STAGE/results" || :)
echo
echo "$(wc -l <"$STAGE/results") figures, $misses missed, $failed pieces failed, $skipped skipped"
[ "$misses" -eq 0 ] && [ "$failed" -eq 0 ] || exit 1
