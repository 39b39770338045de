-- Categories or text features, and what they count.
SET search_path = public, aipipe_test;
CREATE TYPE pair AS (a int, b timestamptz);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE t AS SELECT i,
    (ARRAY['EUR','USD','GBP'])[1 + i % 3] AS currency,
    CASE WHEN i % 10 < 9 THEN 'c' || i % 18 ELSE 'rare ' || i END AS skewed,
    'u' || i % 500 AS many, md5(i::text) AS unique_text, md5(i::text)::uuid AS id,
    CASE WHEN i % 100 = 0 THEN repeat('long', 100) ELSE 'short' END AS long,
    (ARRAY['a','b'])[1 + i % 2]::char(10) AS padded, (ARRAY['a','b'])[1 + i % 2]::varchar AS var,
    (ARRAY['a','b'])[1 + i % 2]::name AS nam, (ARRAY['a','b'])[1 + i % 2]::"char" AS ch,
    (ARRAY['sad','ok'])[1 + i % 2]::mood AS mood, ('\x0' || i % 2)::bytea AS bytes,
    ROW(i % 2, '2024-01-01 00:00+00')::pair AS pair, point(i % 2, 0.1) AS pt,
    '08:00:2b:01:02:03'::macaddr AS mac, int4range(i % 2, 5) AS range, B'101' AS bits, NULL::text AS nothing
FROM generate_series(1, 4000) AS i;
SELECT encoder_learn('t', text_buckets => 1) AS e \gset
SELECT f ->> 'column' AS column, f ->> 'type' AS type, f ->> 'kind' AS kind, count(*) AS features
FROM jsonb_array_elements(encoder_features(:'e')) WITH ORDINALITY AS x(f, n) GROUP BY 1, 2, 3 ORDER BY min(n);
SELECT convert_from(:'e', 'UTF8')::jsonb #> '{columns,2}' ->> 'other' AS rare,
       jsonb_array_length(convert_from(:'e', 'UTF8')::jsonb #> '{columns,2,categories}') AS kept;
SELECT string_agg(f ->> 'feature', ' ') FROM jsonb_array_elements(encoder_features(:'e')) AS f WHERE f ->> 'column' = 'many';

-- most frequent first, ties in byte order; a limit keeps the first ones, the rest is missing
CREATE TABLE c AS SELECT unnest(ARRAY['b','b','a','a','B','B','z','z','z','é','é','']) AS x;
SELECT convert_from(encoder_learn('c'), 'UTF8')::jsonb #> '{columns,0,categories}' AS all,
       convert_from(encoder_learn('SELECT * FROM c WHERE x <> ''''', max_categories => 4), 'UTF8')::jsonb #> '{columns,0,categories}' AS four;
SELECT x, encoder_encode(encoder_learn('SELECT * FROM c', max_categories => 5), c) FROM c GROUP BY c, x ORDER BY x COLLATE "C";
SELECT left(x, 10) AS x, encoder_encode(encoder_learn('c'), s) FROM (VALUES ('z'), ('Z'), ('z '), (repeat('z', 260)), (NULL)) AS s(x);

-- an enum is always a category, a new label is missing
CREATE TABLE m AS SELECT 'ok'::mood AS x;
SELECT encoder_learn('m') AS e \gset
ALTER TYPE mood ADD VALUE 'new';
SELECT x, encoder_encode(:'e', s) FROM (SELECT unnest(enum_range(NULL::mood)) AS x) AS s;
SELECT x, encoder_encode(:'e', s) FROM (SELECT 'ok' AS x UNION ALL SELECT 'no') AS s;

-- bytes, shares of digits, upper, lower, space, punctuation, non-ASCII, then 3-grams in buckets
CREATE TABLE n AS SELECT 'text ' || i AS x FROM generate_series(1, 50) AS i;
SELECT encoder_learn('n', text_buckets => 4) AS e \gset
SELECT left(x, 20) AS x, encoder_encode(:'e', s) FROM (VALUES (''), ('a'), ('ab'), ('abc'), ('ABC'), ('Ab1 .é'), ('日本語'), (E'\t\x01\x7f'), (repeat('aB', 3000)), (NULL)) AS s(x);
SELECT encoder_encode(encoder_learn('n', text_buckets => 0), s) FROM (SELECT 'abc' AS x) AS s;
-- only the first 1,000 bytes are looked at, also where that splits a character
SELECT encoder_encode(:'e', a) = encoder_encode(:'e', b) AS same FROM (SELECT repeat('é', 600) AS x) AS a, (SELECT repeat('é', 500) || repeat('z', 200) AS x) AS b;
SELECT encoder_encode(:'e', s) FROM (SELECT 'x' || repeat('é', 600) AS x) AS s;

-- text forms do not depend on the session
SET datestyle = 'German'; SET timezone = 'Asia/Tokyo'; SET extra_float_digits = -10; SET bytea_output = 'escape';
SELECT encoder_learn('t', '{pair,pt,bytes}') AS f \gset
RESET ALL;
SET search_path = public, aipipe_test;
SELECT encoder_learn('t', '{pair,pt,bytes}') = :'f' AS same;

-- bounded memory: half a million distinct values, the frequent ones are found, no chance survivor is kept
SELECT jsonb_array_length(j #> '{columns,0,categories}') AS kept, j #> '{columns,0,categories,0}' -> 0 AS first, (j #>> '{columns,0,other}')::int BETWEEN 50000 AND 50100 AS rest
FROM (SELECT convert_from(encoder_learn('SELECT CASE WHEN i % 10 < 9 THEN ''k'' || i % 9 ELSE ''r'' || i END AS x FROM generate_series(1, 500000) AS i'), 'UTF8')::jsonb AS j) AS s;
DROP TABLE t, c, m, n;
DROP TYPE pair; DROP TYPE mood;
