-- What profile_table() says of columns of every sort, of samples, members and hostile tables.
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
SET timezone = 'UTC';
CREATE SCHEMA profile_table;
SET search_path = profile_table, pg_catalog;
\pset null '-'

CREATE TABLE orders (
	id int, gone text, code varchar(12), status text, amount numeric(10, 2), weight float8, active bool,
	ordered timestamptz, born date, wait interval, nothing int, same text, tags text[], doc jsonb, "hostile ""name'; --" text);
INSERT INTO orders
SELECT i, 'gone', 'ORD-' || lpad(i::text, 4, '0'), (ARRAY['new', 'open', 'closed'])[1 + i % 3], round(i / 8.0, 2), CASE WHEN i % 100 = 0 THEN 'NaN'::float8 WHEN i % 100 = 1 THEN 'Infinity' ELSE i % 10 - 5 END,
       i % 4 = 0, '2024-01-01 00:00+00'::timestamptz + i * interval '1 hour', '2024-03-01'::date - i % 7, i % 3 * interval '1 day', NULL, 'same',
       ARRAY['a', (i % 2)::text], jsonb_build_object('k', i % 5), CASE WHEN i % 10 > 0 THEN 'x' || i % 2 END
FROM generate_series(1, 1000) AS i;
ALTER TABLE orders DROP COLUMN gone;

SELECT column_name, type, kind, rows, table_rows, nulls, null_share, distinct_values AS "distinct", distinct_exact AS exact, uniqueness, constant, candidate_key
FROM aipipe.profile_table('orders');
SELECT column_name, min, max, round(mean::numeric, 3) AS mean, round(stddev::numeric, 3) AS stddev, round(skewness::numeric, 3) AS skewness, round(kurtosis::numeric, 3) AS kurtosis,
       zero_share, negative_share, infinities, nans, monotonic, bytes
FROM aipipe.profile_table('orders', columns => '{id,amount,weight,active,ordered,born,wait,nothing,same,code}');
-- 1,000 values are few enough for exact ranks of small sketches but for rounding: quantiles of what takes few values
SELECT column_name, p01, p05, p25, p50, p75, p95, p99 FROM aipipe.profile_table('orders', columns => '{weight,active,born,wait,nothing,same}');
SELECT column_name, top FROM aipipe.profile_table('orders', columns => '{status,active,same,tags,doc,nothing,"hostile \"name''; --"}');
SELECT column_name, patterns, looks, lengths FROM aipipe.profile_table('orders', columns => '{code,status,id,tags}');
-- what columns seem to be
SELECT column_name, hints FROM aipipe.profile_table('orders', columns => '{id,status,nothing,same,tags}');
-- the sketch is the one that the aggregate gives
SELECT column_name, aipipe.sketch_count(sketch), aipipe.sketch_nulls(sketch), aipipe.sketch_type(sketch) FROM aipipe.profile_table('orders', columns => '{id,nothing}');
SELECT t.sketch::text = s.sketch::text AS equal FROM aipipe.profile_table('orders', columns => '{code}') AS t, (SELECT aipipe.profile_sketch(code) AS sketch FROM orders) AS s;

-- columns come in the order in which they are named
SELECT array_agg(column_name) FROM aipipe.profile_table('orders', columns => '{status,id}');

-- a SELECT, and a relation by its name
SELECT column_name, type, rows, distinct_values, top FROM aipipe.profile_source('SELECT status, amount > 60 AS dear FROM profile_table.orders WHERE id <= 500');
SELECT count(*), sum(rows) FROM aipipe.profile_source('orders');

-- nothing to see
CREATE TABLE empty (a int, b text);
SELECT column_name, kind, rows, table_rows, nulls, null_share, distinct_values, uniqueness, constant, candidate_key, min, p50, top, lengths FROM aipipe.profile_table('empty');
SELECT rows, table_rows FROM aipipe.profile_table('empty', .5);
CREATE TABLE columnless ();
INSERT INTO columnless DEFAULT VALUES;
SELECT count(*) FROM aipipe.profile_table('columnless');
SELECT count(*) FROM aipipe.profile_source('SELECT FROM generate_series(1, 3)');

-- rows that miss a column that was added, and values that need detoasting
CREATE TABLE late (a int);
INSERT INTO late SELECT generate_series(1, 100);
ALTER TABLE late ADD b text DEFAULT 'added';
CREATE TABLE large (a text, b text);
ALTER TABLE large ALTER b SET STORAGE EXTERNAL;
INSERT INTO large SELECT repeat(chr(96 + i), 1000000), repeat('xy', 500000) FROM generate_series(1, 20) AS i;
SELECT column_name, rows, nulls, top FROM aipipe.profile_table('late', columns => '{b}');
SELECT column_name, rows, distinct_values, bytes, left(min, 3) AS min, length(min), lengths FROM aipipe.profile_table('large');

-- 1,600 columns
SELECT 'CREATE TABLE wide (' || string_agg('c' || i || ' smallint', ', ') || ')' FROM generate_series(1, 1600) AS i \gexec
SELECT 'INSERT INTO wide (c1, c800, c1600) SELECT i, NULL, i % 3 FROM generate_series(1, 200) AS i' \gexec
SELECT count(*), sum(rows), sum(nulls), count(*) FILTER (WHERE candidate_key) AS keys FROM aipipe.profile_table('wide');
SELECT column_name, distinct_values, max FROM aipipe.profile_table('wide', columns => '{c1600,c800,c1}');

-- partitions and children, whose columns stand elsewhere; a member may be a table of its own kind
CREATE TABLE parted (k int, v text, w int) PARTITION BY RANGE (k);
CREATE TABLE parted_1 (w int, gone int, v text, k int);
ALTER TABLE parted_1 DROP COLUMN gone;
ALTER TABLE parted ATTACH PARTITION parted_1 FOR VALUES FROM (0) TO (100);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (100) TO (200) PARTITION BY RANGE (k);
CREATE TABLE parted_2a PARTITION OF parted_2 FOR VALUES FROM (100) TO (200);
INSERT INTO parted SELECT i, 'v' || i % 2, -i FROM generate_series(0, 199) AS i;
SELECT column_name, rows, distinct_values, min, max, monotonic, candidate_key FROM aipipe.profile_table('parted');
CREATE TABLE parent (a int, b text);
CREATE TABLE child (c int) INHERITS (parent);
INSERT INTO parent VALUES (1, 'parent');
INSERT INTO child VALUES (2, 'child', 3);
SELECT column_name, rows, top FROM aipipe.profile_table('parent');
CREATE TABLE parted_empty (k int) PARTITION BY LIST (k);
SELECT column_name, rows FROM aipipe.profile_table('parted_empty');

-- views, materialized views, catalogs, domains, composites
CREATE VIEW seen AS SELECT id, status FROM orders WHERE id > 900;
CREATE MATERIALIZED VIEW kept AS SELECT id FROM orders WHERE id > 990;
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE pair AS (a int, b text);
CREATE TABLE typed (d positive, p pair, r int4range);
INSERT INTO typed SELECT i, ROW(i % 2, 'b'::text)::pair, int4range(i, i + 2) FROM generate_series(1, 10) AS i;
SELECT column_name, rows, distinct_values FROM aipipe.profile_table('seen');
SELECT column_name, rows, distinct_values FROM aipipe.profile_table('kept');
SELECT column_name, type, kind, distinct_values, min, max FROM aipipe.profile_table('typed');
SELECT rows = (SELECT count(*) FROM pg_class) AS all_rows, candidate_key FROM aipipe.profile_table('pg_catalog.pg_class', columns => '{oid}');

-- samples: some of the pages of a table, some of the rows of a view; the same seed gives the same
CREATE TABLE long WITH (autovacuum_enabled = off) AS SELECT i, repeat('x', 200) AS pad FROM generate_series(1, 20000) AS i;
CREATE VIEW long_view AS SELECT i FROM long;
CREATE FUNCTION sampled(OUT share float8, OUT off float8, OUT again bool, OUT other bool) LANGUAGE sql AS $$
	SELECT a.rows / 20000.0, abs(a.table_rows / 20000.0 - 1), a.sketch::text = b.sketch::text, a.sketch::text <> c.sketch::text
	FROM aipipe.profile_table('long', .2, '{i}') AS a, aipipe.profile_table('long', .2, '{i}') AS b, aipipe.profile_table('long', .2, '{i}', seed => 1) AS c $$;
SELECT share BETWEEN .14 AND .26 AS about_a_fifth, off < .05 AS estimates, again, other FROM sampled();
SELECT rows BETWEEN 3600 AND 4400 AS about_a_fifth, abs(table_rows - 20000) < 200 AS estimates FROM aipipe.profile_table('long_view', .2);
-- one page at least
SELECT rows > 0 AS some, table_rows BETWEEN 15000 AND 25000 AS estimates FROM aipipe.profile_table('long', 1e-9, '{i}');

-- in a transaction that may not write
BEGIN READ ONLY;
SELECT rows FROM aipipe.profile_table('orders', columns => '{id}');
ROLLBACK;
-- what the transaction itself wrote is seen, what it deleted is not
BEGIN;
DELETE FROM orders WHERE id > 10;
INSERT INTO orders (id) VALUES (-1);
SELECT rows, min FROM aipipe.profile_table('orders', columns => '{id}');
ROLLBACK;

DROP SCHEMA profile_table CASCADE;

-- what has a NULL is no key, however different its values
CREATE TABLE public.nearly (id int, gap int);
INSERT INTO public.nearly SELECT i, CASE WHEN i <> 50 THEN i END FROM generate_series(1, 100) i;
SELECT column_name, nulls, uniqueness, candidate_key FROM aipipe.profile_table('public.nearly');
DROP TABLE public.nearly;
