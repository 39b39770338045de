#!/usr/bin/env bash
# What a fresh backend pays: LOAD of the library, and the first score of a big model.
# CPU milliseconds, medians of 15 backends.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Runs psql with the values alone.
ask()
{
	psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"
}

# Prints the median of the numbers on its input.
median()
{
	sort -g | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

ask -f "$here/common.sql"
ask <<'SQL'
SET client_min_messages = warning;
CREATE TABLE IF NOT EXISTS bench.load_cost (what text, ms float8, kb float8);
TRUNCATE bench.load_cost;
-- Milliseconds of LOAD and kilobytes that this backend grew by; the first LOAD, of a library that is always there, warms up the path.
CREATE OR REPLACE PROCEDURE bench.load_once(library text) LANGUAGE plpgsql AS $$
DECLARE
	ms float8;
	kb float8;
BEGIN
	LOAD 'plpgsql';
	kb := substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s+(\d+)')::float8 + substring(pg_read_file('/proc/self/status') FROM 'RssFile:\s+(\d+)')::float8;
	PERFORM bench.cost_ns('SELECT 1');
	ms := bench.cost_ns(format('LOAD %L', library)) / 1e6;
	kb := substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s+(\d+)')::float8 + substring(pg_read_file('/proc/self/status') FROM 'RssFile:\s+(\d+)')::float8 - kb;
	INSERT INTO bench.load_cost VALUES (library, ms, kb);
END $$;
SQL
for _ in $(seq 15); do
	ask -c "CALL bench.load_once('aipipe')"
	ask -c "CALL bench.load_once('pg_trgm')" 2>/dev/null || :
done
ask <<'SQL'
SELECT bench.result('LOAD of aipipe in a fresh backend', percentile_cont(.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE what = 'aipipe'), 'ms CPU',
       round((percentile_cont(.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE what = 'pg_trgm'))::numeric, 2) || ' (pg_trgm)', NULL, '<= 2',
       percentile_cont(.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE what = 'aipipe') <= 2) FROM bench.load_cost;
SELECT bench.result('memory of that backend for it', percentile_cont(.5) WITHIN GROUP (ORDER BY kb) FILTER (WHERE what = 'aipipe') / 1024, 'MB',
       round((percentile_cont(.5) WITHIN GROUP (ORDER BY kb) FILTER (WHERE what = 'pg_trgm') / 1024)::numeric, 3) || ' (pg_trgm)', NULL, '<= 2',
       percentile_cont(.5) WITHIN GROUP (ORDER BY kb) FILTER (WHERE what = 'aipipe') / 1024 <= 2) FROM bench.load_cost;
SQL

echo 'a model of 500 trees × depth 8, trained by the library and imported'
ask <<'SQL'
SELECT NOT EXISTS (SELECT FROM aipipe.model WHERE name = 'bench_500x8') AS missing \gset
\if :missing
	SELECT aipipe.model_import('bench_500x8',
	       aipipe_test.train('binary:logistic', rounds => 500, depth => 8, features => 20, nrows => 50000),
	       ARRAY(SELECT 'f' || i FROM generate_series(1, 20) AS i), 'classification') \g /dev/null
\endif
SELECT format('%s bytes compiled', compiled_bytes) FROM aipipe.model_version WHERE model = 'bench_500x8';
SQL
# The first score in a backend whose catalogue and code are warm, less a later one's: the CPU time that making the version ready took.
for _ in $(seq 15); do
	ask <<'SQL'
SELECT aipipe.model_predict('bench_100x6', t) FROM bench.wide t LIMIT 1 \g /dev/null
DO $$
DECLARE
	ms float8[];
BEGIN
	FOR i IN 0 .. 10 LOOP
		ms := ms || bench.cost_ns(format('SELECT aipipe.model_predict(%L, t) FROM bench.wide t LIMIT 1', CASE WHEN i = 0 THEN 'bench_100x6' ELSE 'bench_500x8' END)) / 1e6;
	END LOOP;
	RAISE INFO '%', ms[2] - (SELECT percentile_cont(.5) WITHIN GROUP (ORDER BY v) FROM unnest(ms[3:]) AS v);
END $$;
SQL
done 2>&1 | sed -n 's/.*INFO: *//p' >"$BENCH_TMP/cold"
cold=$(median <"$BENCH_TMP/cold")
ask -c "SELECT bench.result('cold 500 x depth-8 model ready', $cold, 'ms CPU', NULL, NULL, '<= 5', $cold <= 5)"
