-- Keys: the same minimal sets as counting every set in SQL finds, for any values; limits, rights, errors.
CREATE SCHEMA profile_keys;
SET search_path = profile_keys;
SET aipipe.progress_interval = 0;
-- what values can be: NULLs, NaN, zeros of both signs, blanks, scales, padding, a dropped column, a constant, hostile names
CREATE TABLE odd (gone int, a int, b text, f float8, n numeric, c char(3), d date, "we ""ird, name" int, one int);
ALTER TABLE odd DROP COLUMN gone;
INSERT INTO odd SELECT i % 10, CASE i % 4 WHEN 0 THEN '' WHEN 1 THEN ' ' WHEN 2 THEN 'x' END, (ARRAY['NaN', '-0', '0', 'Infinity', i::text])[1 + i % 5]::float8,
    CASE i % 3 WHEN 0 THEN 1.0 WHEN 1 THEN 1.00 ELSE i END, chr(97 + i % 26) || repeat(' ', i % 3), date '2024-01-01' + i / 2, i % 17, 1
    FROM generate_series(0, 99) AS i;
CREATE TABLE small AS SELECT i % 4 AS a, i / 4 AS b, i % 6 AS c, i % 9 AS d, i % 5 AS e FROM generate_series(0, 35) AS i;
CREATE TABLE doubled AS SELECT i AS a, 'x' || i AS b FROM generate_series(1, 5) AS i, generate_series(1, 2);
CREATE TABLE one_row AS SELECT 1 AS a, NULL::int AS b;
CREATE TABLE empty (a int PRIMARY KEY, b int);
CREATE TABLE large AS SELECT i AS id, i % 300 AS a, i / 300 AS b, i % 7 AS c, CASE WHEN i % 1000 = 7 THEN NULL ELSE i END AS n, i - i / 20000 AS nearly
    FROM generate_series(0, 39999) AS i;
-- every set of up to so many columns, counted in SQL; minimal ones within max_error, and keys that hold no key
CREATE FUNCTION by_sql(relation regclass, most int, max_error float8)
RETURNS TABLE (columns text[], "rows" bigint, distinct_values bigint, duplicates bigint, nulls bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    names text[] := ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped ORDER BY attnum);
    k int := cardinality(names);
    subset int; list text[]; r record;
BEGIN
    SET LOCAL work_mem = '64MB';
    CREATE TEMP TABLE sets (mask int, list text[], n bigint, ndistinct bigint, dups bigint, missing bigint) ON COMMIT DROP;
    FOR subset IN 1 .. (1 << k) - 1 LOOP
        list := ARRAY(SELECT names[i] FROM generate_series(1, k) AS i WHERE subset & (1 << (i - 1)) <> 0 ORDER BY i);
        CONTINUE WHEN cardinality(list) > most;
        EXECUTE format('SELECT coalesce(sum(n), 0) AS n, count(*) FILTER (WHERE NOT m) AS d, coalesce(sum(n) FILTER (WHERE m), 0) AS m FROM (SELECT count(*) AS n, %s AS m FROM %s GROUP BY %s) AS g',
            (SELECT string_agg(format('%I IS NULL', x), ' OR ') FROM unnest(list) AS x), relation, (SELECT string_agg(format('%I', x), ', ') FROM unnest(list) AS x))
            INTO r;
        INSERT INTO sets VALUES (subset, list, r.n, r.d, r.n - r.d - r.m, r.m);
    END LOOP;
    RETURN QUERY
    WITH within AS (SELECT * FROM sets WHERE n > 0 AND dups + missing <= max_error * n),
         alone AS (SELECT * FROM within AS w WHERE NOT EXISTS (SELECT FROM within AS v WHERE v.mask <> w.mask AND v.mask & w.mask = v.mask))
    SELECT list, n, ndistinct, dups, missing FROM alone
    UNION
    SELECT list, n, ndistinct, dups, missing FROM within AS w WHERE dups + missing = 0
       AND NOT EXISTS (SELECT FROM within AS v WHERE v.dups + v.missing = 0 AND v.mask <> w.mask AND v.mask & w.mask = v.mask);
    DROP TABLE sets;
END $$;
CREATE FUNCTION compare(relation regclass, most int, max_error float8) RETURNS TABLE (found bigint, missed bigint, wrong bigint) LANGUAGE sql AS $$
    WITH ours AS MATERIALIZED (SELECT columns, "rows", distinct_values, duplicates, nulls FROM aipipe.profile_keys(relation, most, max_error)),
         theirs AS MATERIALIZED (SELECT * FROM profile_keys.by_sql(relation, most, max_error))
    SELECT (SELECT count(*) FROM ours), (SELECT count(*) FROM (SELECT * FROM theirs EXCEPT SELECT * FROM ours) AS x), (SELECT count(*) FROM (SELECT * FROM ours EXCEPT SELECT * FROM theirs) AS x) $$;
SELECT r, most, e, c.* FROM unnest(ARRAY['odd', 'small', 'doubled', 'one_row', 'empty']) AS r, unnest(ARRAY[1, 2, 3]) AS most, unnest(ARRAY[0, 0.02, 0.3]) AS e,
    LATERAL compare(r::regclass, most, e) AS c ORDER BY r, most, e;
SELECT * FROM compare('large', 3, 0.02);
-- what an answer looks like
CREATE UNIQUE INDEX large_b_a ON large (b, a);
CREATE UNIQUE INDEX large_part ON large (id) WHERE c = 1;
CREATE UNIQUE INDEX large_expression ON large ((id + 1));
SELECT columns, "rows", distinct_values, duplicates, nulls, error, is_key, declared, examples FROM aipipe.profile_keys('large', 2, 0.01);
SELECT columns, error, examples FROM aipipe.profile_keys('doubled', 1, 0.5, '{"examples": 2}');
SELECT columns, examples FROM aipipe.profile_keys('doubled', 1, 0.5, '{"examples": 0, "columns": "a"}');
SELECT columns, error, is_key FROM aipipe.profile_keys('odd', 2, 0.1, '{"columns": ["we \"ird, name", "a", "d"]}');
SELECT columns FROM aipipe.profile_keys('large', 2, params => '{"top": 1}');
-- equality that is more than equal hashes is the server's
CREATE TABLE spans AS SELECT v::interval AS span, j::jsonb AS doc, p::point AS place FROM (VALUES ('1 day', '1.0', '(1,1)'), ('24:00', '1.00', '(1,2)'), ('2 days', '2', '(1,3)')) AS t (v, j, p);
SELECT columns, distinct_values, duplicates, is_key FROM aipipe.profile_keys('spans', 1, 0.4);
-- a sample proposes, all rows decide
SELECT columns, "rows", duplicates, nulls, is_key FROM aipipe.profile_keys('large', 2, params => '{"sample": 0.02, "seed": 1}');
SELECT columns, "rows", duplicates, nulls FROM aipipe.profile_keys('large', 2, 0.001, '{"sample": 0.02, "seed": 1, "columns": ["n", "nearly", "a", "b"]}');
SELECT columns FROM aipipe.profile_keys('large', 2, params => '{"sample": 0.02, "max_verified": 1}');
-- views, partitions, rights and row security
CREATE VIEW seen AS SELECT id, a FROM large WHERE id < 300;
CREATE TABLE parts (a int, b int, PRIMARY KEY (a, b)) PARTITION BY LIST (b);
CREATE TABLE part0 PARTITION OF parts FOR VALUES IN (0);
CREATE TABLE part1 PARTITION OF parts DEFAULT;
INSERT INTO parts SELECT i / 2, i % 2 FROM generate_series(0, 9) AS i;
SELECT columns, "rows", declared FROM aipipe.profile_keys('seen');
SELECT columns, "rows", declared FROM aipipe.profile_keys('parts');
CREATE ROLE regress_profile_keys;
GRANT USAGE ON SCHEMA profile_keys TO regress_profile_keys;
GRANT SELECT (id, a) ON large TO regress_profile_keys;
CREATE TABLE policed AS SELECT i AS a, i % 5 AS b FROM generate_series(1, 50) AS i;
ALTER TABLE policed ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON policed USING (a <= 5);
GRANT SELECT ON policed TO regress_profile_keys;
SET ROLE regress_profile_keys;
SELECT aipipe.profile_keys('large');
SELECT columns, "rows", declared FROM aipipe.profile_keys('large', params => '{"columns": ["id", "a"]}');
SELECT aipipe.profile_keys('large', params => '{"columns": ["id", "b"]}');
SELECT columns, "rows" FROM aipipe.profile_keys('policed');
SELECT columns, "rows" FROM aipipe.profile_keys('policed', params => '{"sample": 0.9}');
SET aipipe.profile_max_memory = '2GB';
RESET ROLE;
-- errors
SELECT aipipe.profile_keys(NULL);
SELECT aipipe.profile_keys('large', NULL);
SELECT aipipe.profile_keys('large', 0);
SELECT aipipe.profile_keys('large', 4);
SELECT aipipe.profile_keys('large', 1, NULL);
SELECT aipipe.profile_keys('large', 1, 1);
SELECT aipipe.profile_keys('large', 1, 'NaN');
SELECT aipipe.profile_keys('large', 1, -0.1);
SELECT aipipe.profile_keys('large', params => '{"colums": "a"}');
SELECT aipipe.profile_keys('large', params => '{"columns": "z"}');
SELECT aipipe.profile_keys('large', params => '{"sample": 0}');
SELECT aipipe.profile_keys('large_b_a');
SELECT aipipe.profile_keys(4294967295::oid::regclass);
SET aipipe.profile_max_memory = '1MB';
\set VERBOSITY terse
SELECT aipipe.profile_keys('large');
SELECT columns FROM aipipe.profile_keys('large', 1, params => '{"sample": 0.02}');
\set VERBOSITY default
RESET aipipe.profile_max_memory;
-- a row of NULLs is a value, also where the server counts
CREATE TYPE pair AS (a int, b int);
CREATE TABLE pairs (p pair, n int);
INSERT INTO pairs VALUES (ROW(1, 2), 1), (ROW(NULL, NULL), 2), (ROW(1, NULL), 3);
SELECT columns, nulls, is_key FROM aipipe.profile_keys('pairs', 1);
SELECT columns, nulls, is_key FROM aipipe.profile_keys('pairs', 1, params => '{"sample": 0.999999}');
INSERT INTO pairs VALUES (NULL, 4);
SELECT columns, nulls, is_key FROM aipipe.profile_keys('pairs', 1, 0.5, '{"sample": 0.999999}');
-- as many columns as a table can have
DO $$ BEGIN EXECUTE (SELECT format('CREATE TABLE wide AS SELECT %s FROM generate_series(1, 20) AS i', string_agg(format('(i %% %s)::int2 AS c%s', 2 + n % 7, n), ', ')) FROM generate_series(1, 1600) AS n); END $$;
SELECT count(*) FROM aipipe.profile_keys('wide', 1);
SELECT aipipe.profile_keys('wide', 3);
SELECT count(*) > 0 AS found FROM aipipe.profile_keys('wide', 2, params => '{"top": 100000}') WHERE cardinality(columns) = 2 AND is_key;
SET client_min_messages = warning;
DROP SCHEMA profile_keys CASCADE;
DROP ROLE regress_profile_keys;
