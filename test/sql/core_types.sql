-- Every type can be learned from, and what it became is told in a view.
CREATE SCHEMA core_types;
SET search_path = core_types;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a int, b date);
CREATE DOMAIN percent AS numeric(5, 2) CHECK (VALUE BETWEEN 0 AND 100);
CREATE TABLE everything AS SELECT i * 1.0::float8 AS y,
    i::int2 AS small, i AS whole, i::int8 AS big, i::oid AS object, i::float4 AS single, i::float8 AS double, i / 3.0 AS exact,
    i::numeric::money AS cash, (i % 100)::percent AS share, i % 2 = 0 AS flag,
    date '2024-01-01' + i AS day, time '00:00' + i * interval '1 s' AS at, timetz '00:00+00' + i * interval '1 s' AS at_zone,
    timestamp '2024-01-01' + i * interval '1 h' AS placed, timestamptz '2024-01-01 00:00+00' + i * interval '1 h' AS placed_zone,
    i * interval '1 min' AS took, (ARRAY['EUR', 'USD', 'GBP'])[1 + i % 3] AS currency, 'note ' || i AS note,
    (ARRAY['x', 'y'])[1 + i % 2]::char(5) AS padded, 'n'::name AS label, 'c'::"char" AS letter, (ARRAY['sad', 'ok'])[1 + i % 2]::mood AS mood,
    md5(i::text)::uuid AS id, ('10.0.0.' || i % 250)::inet AS host, '10.0.0.0/8'::cidr AS net, '08:00:2b:01:02:03'::macaddr AS mac,
    array_fill(1, ARRAY[i % 5]) AS list, jsonb_build_object('a', i) AS body, json_build_array(i) AS old_body,
    decode(md5(i::text), 'hex') AS bytes, ROW(i % 2, '2024-01-01')::pair AS pair, point(i % 2, 0) AS place, int4range(0, i % 3) AS range,
    B'1010' AS bits, 'word other'::tsvector AS words, NULL::text AS nothing, NULL::int AS no_number
FROM generate_series(1, 400) AS i;
SELECT aipipe.model_train('core types', 'regression', 'everything', 'y', params => '{"n_estimators": 5, "text_buckets": 2}');
SELECT "column", column_type, kind, count(*) AS features, string_agg(feature, ' ' ORDER BY number) FILTER (WHERE kind <> 'text') AS names
FROM aipipe.model_feature WHERE model = 'core types' GROUP BY 1, 2, 3 ORDER BY min(number);
SELECT string_agg(feature, ' ' ORDER BY number) FROM aipipe.model_feature WHERE model = 'core types' AND "column" = 'note';
SELECT count(aipipe.model_predict('core types', e)) AS predicted FROM everything AS e;
-- a row of NULLs, and one of the strangest values
SELECT aipipe.model_predict('core types', r) IS NOT NULL AS predicted FROM (SELECT (jsonb_populate_record(NULL::everything, '{}')).*) AS r;
INSERT INTO everything VALUES ('NaN', -32768, -2147483648, -9223372036854775808, 4294967295, 'Infinity', '-Infinity', 'NaN', '-92233720368547758.08'::numeric::money, 0, NULL,
    'infinity', '24:00', '00:00+15:59', '-infinity', 'infinity', '-178000000 years', '', repeat('é', 100000), '', '', '', 'happy', NULL, '::/0', '::/128', NULL,
    '{}', 'null', '"x"', '', NULL, '(NaN,Infinity)', 'empty', '', '', 'something', 1);
SELECT aipipe.model_predict('core types', e) BETWEEN 0 AND 400 AS predicted FROM everything AS e WHERE y = 'NaN';
-- features that nothing can be learned from still make a model
SELECT aipipe.model_train('core types', 'regression', 'SELECT y, nothing, no_number FROM everything', 'y', params => '{"n_estimators": 2}');
-- what the session says does not matter: the same version again
SELECT aipipe.model_train('core types 2', 'regression', 'everything', 'y', params => '{"n_estimators": 5, "text_buckets": 2}');
SET datestyle = 'German'; SET timezone = 'Asia/Tokyo'; SET intervalstyle = 'iso_8601'; SET extra_float_digits = -5; SET bytea_output = 'escape';
SELECT aipipe.model_train('core types 2', 'regression', 'everything', 'y', params => '{"n_estimators": 5, "text_buckets": 2}');
SELECT count(DISTINCT sha256) AS different FROM aipipe.model_version WHERE model = 'core types 2';
SELECT aipipe.model_drop('core types'), aipipe.model_drop('core types 2');
RESET ALL;
SET client_min_messages = warning;
DROP SCHEMA core_types CASCADE;
