#!/usr/bin/env bash
# Carries a database from one server to a newer one by dump and restore, and compares every score.
#
#	test/setup/world.sh dump FOLDER		fills a database on this machine's server and dumps it into FOLDER
#	test/setup/world.sh restore FOLDER	restores it into the server of AIPIPE_PG_MAJOR and compares; its jobs wait, and run when they may
#
# other_majors.sh runs the first on Debian 12 and the second in each newer Debian.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/setup/stage.sh
. "$here/stage.sh"
# shellcheck source=test/setup/cluster.sh
. "$here/cluster.sh"

[ $# -eq 2 ] || { sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
folder=$2
stage_open
stage_build
cluster_start world

case $1 in
	dump)
		cluster_psql -f "$here/world.sql" >/dev/null
		cluster_psql -At -f "$here/world_scores.sql" >"$folder/scores"
		"$STAGE_BIN/pg_dump" -f "$folder/world.sql"
		echo "dumped $(wc -l <"$folder/scores") lines of scores from $("$STAGE_BIN/postgres" --version)"
		;;
	restore)
		cluster_psql -f "$folder/world.sql" >/dev/null
		cluster_psql -At -f "$here/world_scores.sql" >"$STAGE/scores"
		diff -u "$folder/scores" "$STAGE/scores"
		cluster_psql -f "$here/world_jobs.sql" >/dev/null
		echo "restored into $("$STAGE_BIN/postgres" --version): all $(wc -l <"$folder/scores") lines of scores are equal"
		;;
	*)
		echo "world.sh: dump or restore, not \"$1\"" >&2
		exit 2
		;;
esac
