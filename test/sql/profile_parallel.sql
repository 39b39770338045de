-- A profile by several processes says what one by a single process says.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET max_parallel_workers_per_gather = 2;
SET max_parallel_workers = 8;
CREATE SCHEMA profile_parallel;
SET search_path = profile_parallel, pg_catalog;
CREATE TABLE t (id int, grp text, num numeric, at timestamptz, flag bool, mostly int, many int, arr int[]);
INSERT INTO t
SELECT i, 'g' || i % 200, i % 50 / 4.0, '2024-01-01'::timestamptz + i * interval '1 minute', i % 2 = 0, CASE WHEN i % 10 = 0 THEN i % 7 END, (i::bigint * 7919) % 30011, ARRAY[i % 3]
FROM generate_series(1, 30000) AS i;
ANALYZE t;

CREATE VIEW serial AS SELECT * FROM aipipe.profile_table('t', workers => 0);
CREATE VIEW team AS SELECT * FROM aipipe.profile_table('t', workers => 2);
SELECT DISTINCT workers FROM serial;
SELECT DISTINCT workers FROM team;
-- counts, extremes, distinct values, frequent values, shares of looks and patterns: the same
SELECT s.column_name, s.rows = p.rows AS rows, s.nulls = p.nulls AS nulls, (s.distinct_values, s.distinct_exact) = (p.distinct_values, p.distinct_exact) AS "distinct",
       (s.min, s.max) IS NOT DISTINCT FROM (p.min, p.max) AS extremes, s.bytes = p.bytes AS bytes, s.monotonic IS NOT DISTINCT FROM p.monotonic AS monotonic, s.candidate_key = p.candidate_key AS key,
       s.top IS NOT DISTINCT FROM p.top AS top, (s.patterns, s.looks) IS NOT DISTINCT FROM (p.patterns, p.looks) AS patterns
FROM serial AS s JOIN team AS p USING (column_name);
-- moments but for rounding, ranks within their bound
SELECT s.column_name, abs(s.mean - p.mean) < 1e-9 * greatest(abs(s.mean), 1) AS mean, abs(s.stddev - p.stddev) < 1e-9 * s.stddev AS stddev
FROM serial AS s JOIN team AS p USING (column_name) WHERE s.mean IS NOT NULL AND s.stddev > 0;
SELECT max(abs(p50::int - 15000)) <= 300 AS median, max(abs(p95::int - 28500)) <= 300 AS p95 FROM (SELECT * FROM team UNION ALL SELECT * FROM serial) AS u WHERE column_name = 'id';

-- the size of the table decides, its own setting, and the session's limit
SELECT DISTINCT workers FROM aipipe.profile_table('t');
SET min_parallel_table_scan_size = 0;
SELECT DISTINCT workers > 0 AS has_workers FROM aipipe.profile_table('t');
ALTER TABLE t SET (parallel_workers = 1);
SELECT DISTINCT workers FROM aipipe.profile_table('t');
ALTER TABLE t SET (parallel_workers = 0);
SELECT DISTINCT workers FROM aipipe.profile_table('t');
ALTER TABLE t RESET (parallel_workers);
SET max_parallel_workers_per_gather = 0;
SELECT DISTINCT workers FROM aipipe.profile_table('t');
SET max_parallel_workers_per_gather = 2;
SET max_parallel_workers = 0;
SELECT DISTINCT workers, rows FROM aipipe.profile_table('t', workers => 2);
SET max_parallel_workers = 8;

-- the leader may stand aside
SET parallel_leader_participation = off;
SELECT DISTINCT workers, rows FROM aipipe.profile_table('t', workers => 1);
RESET parallel_leader_participation;

-- no workers: samples, temporary tables, queries, types whose output function is not safe in a worker
SELECT DISTINCT workers FROM aipipe.profile_table('t', .5, workers => 2);
CREATE TEMP TABLE mine AS SELECT id FROM t LIMIT 1000;
SELECT workers, rows FROM aipipe.profile_table('mine', workers => 2);
SELECT workers, rows FROM aipipe.profile_source('SELECT id FROM profile_parallel.t', workers => 2);
CREATE TYPE odd;
CREATE FUNCTION odd_in(cstring) RETURNS odd LANGUAGE internal STRICT IMMUTABLE AS 'int4in';
CREATE FUNCTION odd_out(odd) RETURNS cstring LANGUAGE internal STRICT IMMUTABLE PARALLEL UNSAFE AS 'int4out';
CREATE TYPE odd (INPUT = odd_in, OUTPUT = odd_out, LIKE = int4);
CREATE TYPE odd_pair AS (a int, o odd);
CREATE TABLE odds (o odd, p odd_pair, a odd[], i int);
INSERT INTO odds SELECT v::text::odd, ROW(1, v::text::odd)::odd_pair, ARRAY[v::text::odd], v FROM generate_series(1, 100) AS v;
SELECT column_name, workers, distinct_values FROM aipipe.profile_table('odds', columns => '{o}', workers => 2);
SELECT column_name, workers, distinct_values FROM aipipe.profile_table('odds', columns => '{p}', workers => 2);
SELECT column_name, workers, distinct_values FROM aipipe.profile_table('odds', columns => '{a}', workers => 2);
SELECT column_name, workers, distinct_values FROM aipipe.profile_table('odds', columns => '{i}', workers => 2);

-- members of a partitioned table, their columns elsewhere
CREATE TABLE parted (k int, v text) PARTITION BY RANGE (k);
CREATE TABLE parted_1 (v text, k int);
ALTER TABLE parted ATTACH PARTITION parted_1 FOR VALUES FROM (1) TO (15001);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (15001) TO (30001);
INSERT INTO parted SELECT id, grp FROM t;
SELECT column_name, rows, workers, min, max FROM aipipe.profile_table('parted', workers => 2);

-- what this transaction wrote is seen by workers too, also in a subtransaction and read-only
BEGIN;
CREATE TABLE fresh AS SELECT id FROM t;
SAVEPOINT a;
DELETE FROM fresh WHERE id > 100;
SELECT rows, workers FROM aipipe.profile_table('fresh', workers => 1);
ROLLBACK TO a;
SET TRANSACTION READ ONLY;
SELECT rows, workers FROM aipipe.profile_table('fresh', workers => 1);
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT DISTINCT rows, workers FROM aipipe.profile_table('t', workers => 1);
COMMIT;

-- an error in a worker is raised here, and no worker is left
SET parallel_leader_participation = off;
CREATE TYPE bad;
CREATE FUNCTION bad_in(cstring) RETURNS bad LANGUAGE internal STRICT IMMUTABLE PARALLEL SAFE AS 'int4in';
CREATE FUNCTION bad_out(bad) RETURNS cstring LANGUAGE internal STRICT IMMUTABLE PARALLEL SAFE AS 'anyelement_out';
CREATE TYPE bad (INPUT = bad_in, OUTPUT = bad_out, LIKE = int4);
CREATE TABLE worse AS SELECT i, '1'::bad AS b FROM generate_series(1, 1000) AS i;
SELECT 1 FROM aipipe.profile_table('worse', workers => 2);
DO $$
BEGIN
	PERFORM FROM aipipe.profile_table('profile_parallel.worse', workers => 2);
EXCEPTION WHEN feature_not_supported THEN
	RAISE WARNING 'caught: %', SQLERRM;
	PERFORM FROM aipipe.profile_table('profile_parallel.worse', columns => '{i}', workers => 2);
END
$$;
RESET parallel_leader_participation;
SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker' AND query LIKE '%profile_table%';

DROP SCHEMA profile_parallel CASCADE;
