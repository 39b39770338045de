-- Sketches of parts give the sketch of the whole: merged by hand, by parallel workers, over partitions, over window frames.
SET TimeZone = 'UTC';
CREATE SCHEMA profile_merge;
SET search_path = profile_merge;
-- The parts that are exact: they must not depend on how rows were split, but for the order within parts.
CREATE FUNCTION exact(s aipipe.sketch) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('n', aipipe.sketch_count(s), 'nulls', aipipe.sketch_nulls(s), 'kind', aipipe.sketch_kind(s), 'type', aipipe.sketch_type(s),
		'mean', round(m.mean::numeric, 6), 'stddev', round(m.stddev::numeric, 6), 'skewness', round(m.skewness::numeric, 6), 'kurtosis', round(m.kurtosis::numeric, 6),
		'min', e.min, 'max', e.max, 'looks', (SELECT jsonb_object_agg(look, l.count) FROM aipipe.sketch_looks(s) l), 'bytes', aipipe.sketch_json(s) -> 'bytes', 'distinct', aipipe.sketch_distinct(s))
	FROM aipipe.sketch_moments(s) m, aipipe.sketch_extremes(s) e
$$;
-- Greatest error of ranks against the sorted values, as a share of them.
CREATE FUNCTION rank_error(s aipipe.sketch, sorted float8[]) RETURNS float8 LANGUAGE sql AS $$
	SELECT max(abs(p - (width_bucket(q, sorted) / cardinality(sorted)::float8))) FROM generate_series(0.01, 0.99, 0.01) p, aipipe.sketch_quantile(s, p) q
$$;
CREATE TABLE t AS
SELECT i, i % 1000 AS part, (i::bigint * 7919 % 100003 + i / 100003.0)::float8 AS f, CASE WHEN i % 11 <> 0 THEN 'n' || i * 37 % 300 END AS text, 'id-' || i AS id, i::bigint * 7919 % 999983 AS n
FROM generate_series(1, 100000) i;
ANALYZE t;
-- a thousand parts
CREATE TABLE whole AS SELECT aipipe.profile_sketch(f) AS f, aipipe.profile_sketch(text) AS text, aipipe.profile_sketch(id) AS id, aipipe.profile_sketch(n) AS n FROM t;
CREATE TABLE parts AS SELECT part, aipipe.profile_sketch(f) AS f, aipipe.profile_sketch(text) AS text, aipipe.profile_sketch(id) AS id, aipipe.profile_sketch(n) AS n FROM t GROUP BY part;
CREATE TABLE merged AS SELECT aipipe.profile_merge(f) AS f, aipipe.profile_merge(text) AS text, aipipe.profile_merge(id) AS id, aipipe.profile_merge(n) AS n FROM parts;
SELECT exact(m.f) = exact(w.f) AS f, exact(m.text) = exact(w.text) AS text, exact(m.id) = exact(w.id) AS id, exact(m.n) = exact(w.n) AS n FROM merged m, whole w;
SELECT exact(f) AS f, exact(text) AS text FROM merged;
SELECT rank_error(m.f, sorted) < 0.01 AS f, rank_error(m.n, ns) < 0.01 AS n, rank_error(w.f, sorted) < 0.01 AS whole
FROM merged m, whole w, (SELECT array_agg(f ORDER BY f) AS sorted, array_agg(n::float8 ORDER BY n) AS ns FROM t) q;
SELECT abs(aipipe.sketch_distinct(id) / 100000 - 1) < 0.03 AS "distinct", (SELECT max(error) <= 100000 / 64 FROM aipipe.sketch_top(text)) AS top FROM merged;
-- in any order, in any grouping
SELECT count(DISTINCT exact(s)) AS different FROM (
	SELECT aipipe.profile_merge(f ORDER BY part) AS s FROM parts UNION ALL SELECT aipipe.profile_merge(f ORDER BY part DESC) FROM parts
	UNION ALL SELECT aipipe.profile_merge(s) FROM (SELECT aipipe.profile_merge(f) AS s FROM parts GROUP BY part % 7) q) q;
-- merging one gives it again; merging nothing changes nothing; a merged sketch says how neighbours stood in each part
SELECT aipipe.profile_merge(f)::text = min(f::text) AS same FROM whole;
SELECT exact(aipipe.profile_merge(s)) = exact((SELECT f FROM whole)) AS same FROM (SELECT f AS s FROM whole UNION ALL SELECT aipipe.profile_sketch(x) FROM generate_series(1, 0) x UNION ALL SELECT NULL) q;
SELECT aipipe.sketch_count(aipipe.profile_merge(s)) AS n, aipipe.sketch_kind(aipipe.profile_merge(s)) AS kind FROM (SELECT NULL::aipipe.sketch AS s WHERE false) q;
SELECT aipipe.sketch_order(aipipe.profile_sketch(i ORDER BY i)) AS whole, (SELECT aipipe.sketch_order(aipipe.profile_merge(s)) FROM (SELECT aipipe.profile_sketch(i ORDER BY i) AS s FROM t GROUP BY part) q) AS parts FROM t;
-- integers and floats are numbers; a column of NULLs goes with anything
SELECT aipipe.sketch_type(aipipe.profile_merge(s ORDER BY o)) AS type, aipipe.sketch_count(aipipe.profile_merge(s)) AS n, aipipe.sketch_nulls(aipipe.profile_merge(s)) AS nulls, aipipe.sketch_distinct(aipipe.profile_merge(s)) AS "distinct"
FROM (SELECT 1 AS o, aipipe.profile_sketch(NULL::text) AS s UNION ALL SELECT 2, aipipe.profile_sketch(i) FROM generate_series(1, 5) i UNION ALL SELECT 3, aipipe.profile_sketch(i::float8) FROM generate_series(3, 7) i) q;
-- times: first and last of all parts
SELECT e.* FROM (SELECT aipipe.profile_merge(s) AS s FROM (SELECT aipipe.profile_sketch(i, timestamptz '2024-01-01' + make_interval(secs => i * 7919 % 100003)) AS s FROM t GROUP BY part) q) q, aipipe.sketch_extremes(s) e;
SELECT min(at) AS first_at, max(at) AS last_at FROM (SELECT timestamptz '2024-01-01' + make_interval(secs => i * 7919 % 100003) AS at FROM t) q;

-- parallel workers
ALTER TABLE t SET (parallel_workers = 2);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS off) SELECT aipipe.profile_sketch(f), aipipe.profile_merge(NULL::aipipe.sketch) FROM t;
CREATE TABLE parallel AS SELECT aipipe.profile_sketch(f) AS f, aipipe.profile_sketch(text) AS text, aipipe.profile_sketch(i, timestamptz '2024-01-01' + make_interval(secs => i)) AS at FROM t;
SELECT exact(p.f) = exact(w.f) AS f, exact(p.text) = exact(w.text) AS text, (SELECT array_agg(top ORDER BY value) FROM aipipe.sketch_top(p.text, 1000) top) = (SELECT array_agg(top ORDER BY value) FROM aipipe.sketch_top(w.text, 1000) top) AS top,
	rank_error(p.f, (SELECT array_agg(f ORDER BY f) FROM t)) < 0.01 AS ranks, (SELECT first || ' ' || last FROM aipipe.sketch_extremes(p.at)) AS ends FROM parallel p, whole w;
SET enable_sort = off;
EXPLAIN (COSTS off) SELECT part % 5, aipipe.profile_sketch(f) FROM t GROUP BY 1;
RESET enable_sort;
SELECT g, aipipe.sketch_count(s) AS n, abs(mean / (SELECT avg(f) FROM t WHERE part % 5 = g) - 1) < 1e-12 AS mean FROM (SELECT part % 5 AS g, aipipe.profile_sketch(f) AS s FROM t GROUP BY 1) q, aipipe.sketch_moments(s) ORDER BY 1;
SET max_parallel_workers_per_gather = 0;

-- partitions, each aggregated for itself
CREATE TABLE p (i int, f float8) PARTITION BY RANGE (i);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (30000);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (30000) TO (60000);
CREATE TABLE p3 PARTITION OF p DEFAULT;
INSERT INTO p SELECT i, f FROM t;
ANALYZE p;
SET enable_partitionwise_aggregate = on;
EXPLAIN (COSTS off) SELECT aipipe.profile_sketch(f) FROM p;
SELECT exact(aipipe.profile_sketch(f)) = (SELECT exact(f) FROM whole) AS same FROM p;
RESET enable_partitionwise_aggregate;

-- many groups in a hash table, with little memory each
SET work_mem = '8MB';
SELECT count(*) AS groups, sum(aipipe.sketch_count(s)) AS n, bool_and(aipipe.sketch_distinct(s) = 5) AS exact FROM (SELECT i / 5 AS g, aipipe.profile_sketch(i) AS s FROM generate_series(0, 49999) i GROUP BY 1) q;
RESET work_mem;
-- FILTER, DISTINCT, ORDER BY
SELECT aipipe.sketch_count(aipipe.profile_sketch(part) FILTER (WHERE part < 100)) AS filtered, aipipe.sketch_count(aipipe.profile_sketch(DISTINCT part)) AS "distinct",
	(aipipe.sketch_order(aipipe.profile_sketch(f ORDER BY f))).monotonic AS rising, (aipipe.sketch_order(aipipe.profile_sketch(f ORDER BY f DESC))).monotonic AS falling, (aipipe.sketch_order(aipipe.profile_sketch(f))).monotonic AS mixed FROM t;
-- window frames: the same as an aggregate over the rows of the frame, to the byte
CREATE TABLE few AS SELECT i, f, text FROM t WHERE i <= 200;
SELECT count(*) AS frames, bool_and(w = a) AS same FROM (
	SELECT aipipe.profile_sketch(f) OVER frame::text AS w, (SELECT aipipe.profile_sketch(f)::text FROM (SELECT f FROM few i WHERE i.i BETWEEN o.i - 70 AND o.i ORDER BY i.i) q) AS a
	FROM (SELECT i, f FROM few WHERE i <= 150) o WINDOW frame AS (ORDER BY i ROWS BETWEEN 70 PRECEDING AND CURRENT ROW)) q;
SELECT count(*) AS frames, bool_and(w = a) AS same FROM (
	SELECT aipipe.profile_sketch(text) OVER (ORDER BY i)::text AS w, (SELECT aipipe.profile_sketch(text)::text FROM (SELECT text FROM few i WHERE i.i <= o.i ORDER BY i.i) q) AS a FROM (SELECT i, text FROM few) o) q;
SELECT i, aipipe.sketch_count(aipipe.profile_merge(s) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)) AS n FROM (SELECT i, aipipe.profile_sketch(x) AS s FROM generate_series(1, 4) i, generate_series(1, i * 10) x GROUP BY i) q;
-- a table of sketches is grouped over time
CREATE TABLE days (day date, s aipipe.sketch);
INSERT INTO days SELECT date '2024-01-01' + part % 31, aipipe.profile_sketch(f) FROM t GROUP BY 1;
SELECT date_trunc('week', day)::date AS week, aipipe.sketch_count(aipipe.profile_merge(s)) AS n FROM days GROUP BY 1 ORDER BY 1;
SELECT max(pg_column_size(s)) <= 16384 AS fits FROM days;
RESET ALL;
SET client_min_messages = warning;
DROP SCHEMA profile_merge CASCADE;

-- looks and bytes of merged sketches are those of the whole
WITH texts AS (SELECT i, CASE i % 4 WHEN 0 THEN i::text WHEN 1 THEN '2024-01-0' || 1 + i % 9 WHEN 2 THEN 'u' || i || '@example.com' ELSE '' END AS t FROM generate_series(1, 400) i),
     parts AS (SELECT aipipe.profile_sketch(t) AS s FROM texts GROUP BY i % 7),
     merged AS (SELECT aipipe.profile_merge(s) AS s FROM parts),
     whole AS (SELECT aipipe.profile_sketch(t) AS s FROM texts)
SELECT l.look, l.count, l.count = w.count AS same, aipipe.sketch_bytes(m.s) = aipipe.sketch_bytes(o.s) AS same_bytes
  FROM merged m, whole o, aipipe.sketch_looks(m.s) l JOIN LATERAL (SELECT * FROM whole, aipipe.sketch_looks(whole.s)) w ON w.look = l.look ORDER BY l.look;

-- moments that no values have do not make a sketch that nobody can read
WITH s AS (SELECT aipipe.profile_sketch(x % 3 = 0) AS s FROM generate_series(1, 50) x),
hostile AS (SELECT ('\x' || encode(overlay(overlay(aipipe.sketch_send(s) placing '\x3fd4ffe147ae147b' from 22 for 8) placing '\xff0f559b3d07c848' from 46 for 8), 'hex'))::aipipe.sketch AS h, s FROM s)
SELECT aipipe.sketch_count(aipipe.profile_merge(x)::text::aipipe.sketch) FROM hostile, LATERAL (VALUES (h), (s)) v(x);
