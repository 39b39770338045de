#!/usr/bin/env bash
# Hostile models: many thousands of mutants through the reader and the kernels,
# in a private cluster that dies with the script.
#
#	test/fuzz/run.sh [MUTANTS [SEED]]		100000 mutants of models and as many of compiled ones, seed 1
#
# Prints what was served and what refused, signals, and the longest call; the
# status is 0 when nothing but the promised errors happened, no process died and no
# call took a second.  Every tenth part of the mutants is also predicted by the library from the
# canonical bytes, which must give the same.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/setup/stage.sh
. "$here/../setup/stage.sh"
# shellcheck source=test/setup/cluster.sh
. "$here/../setup/cluster.sh"

mutants=${1:-100000}
seed=${2:-1}

stage_open
stage_build AIPIPE_CFLAGS=
stage_build_module AIPIPE_CFLAGS=
cluster_start fuzz log_min_messages=error
cluster_psql -c 'CREATE EXTENSION aipipe_test' -f "$here/models.sql" >/dev/null

# Ten sessions one after the other, so that a crash costs a tenth and is counted.
died=0
for part in 1 2 3 4 5 6 7 8 9 10; do
	cluster_psql -v mutants="$mutants" -v seed="$seed" -v part="$part" -f "$here/campaign.sql" >/dev/null || died=$((died + 1))
	until cluster_psql -c 'SELECT' >/dev/null 2>&1; do sleep 1; done
done
signals=$(grep -c 'terminated by signal' "$STAGE/data/fuzz/log" || :)

cluster_psql -f "$here/report.sql"
echo "sessions that died: $died, signals: $signals"
bad=$(cluster_psql -At -c 'SELECT sum(other) + sum(different) + count(*) FILTER (WHERE longest_ms >= 1000) FROM fuzz.result')
[ "$died" -eq 0 ] && [ "$signals" -eq 0 ] && [ "$bad" -eq 0 ]
