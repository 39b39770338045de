-- A class is the same whatever the session's settings are, and equal numbers are one class.
CREATE SCHEMA model_label;
SET search_path = model_label;
CREATE TABLE t AS SELECT i AS id, i % 50 AS a, i % 50 < 25 AS low, '2024-05-06 12:00+00'::timestamptz + (i % 50 / 25) * interval '1 month' AS moment FROM generate_series(1, 400) AS i;
ALTER TABLE t ADD f8 float8, ADD f4 float4, ADD d date, ADD span interval, ADD bytes bytea, ADD price money, ADD tab regclass, ADD rng daterange, ADD pair float8[];
UPDATE t SET f8 = CASE WHEN low THEN 0.1::float8 ELSE 0.1::float8 + 0.2::float8 END, f4 = CASE WHEN low THEN 0.1 ELSE 0.3 END, d = moment::date, span = moment - '2024-01-01 00:00+00',
    bytes = CASE WHEN low THEN '\x00ff' ELSE '\x61' END::bytea, price = CASE WHEN low THEN 1.5 ELSE 2.5 END::numeric::money,
    tab = CASE WHEN low THEN 'model_label.t' ELSE 'pg_class' END::regclass, rng = daterange(moment::date, NULL);
UPDATE t SET pair = ARRAY[f8, 1.0 / 3];
SET DateStyle = 'ISO, MDY';
SET TimeZone = 'UTC';
SELECT c, aipipe.model_train('label ' || c, 'classification', 't', c, features => '{a}', params => '{"n_estimators": 3}') FROM unnest('{f8,f4,d,moment,span,bytes,price,tab,rng,pair,low}'::text[]) AS c;
CREATE VIEW evaluated AS SELECT substr(name, 7) AS c, e -> 'rows' AS rows, e -> 'skipped' AS skipped, e -> 'accuracy' AS accuracy
FROM aipipe.model, aipipe.model_evaluate(name, 'model_label.t') AS e WHERE name LIKE 'label %' ORDER BY name COLLATE "C";
SELECT * FROM evaluated;
SET extra_float_digits = 0;
SET DateStyle = 'German';
SET IntervalStyle = 'sql_standard';
SET bytea_output = 'escape';
SET TimeZone = 'Asia/Tokyo';
SET search_path = pg_catalog;
SET quote_all_identifiers = on;
SELECT * FROM model_label.evaluated;
SHOW DateStyle;
-- trained under these settings, the classes are the same
SELECT c, aipipe.model_train('label ' || c, 'classification', 'model_label.t', c, features => '{a}', params => '{"n_estimators": 3}') FROM unnest('{f8,f4,d,moment,span,bytes,price,tab,rng,pair,low}'::text[]) AS c;
RESET ALL;
SET search_path = model_label;
SELECT model, min(classes::text) = max(classes::text) AS same, min(classes::text) AS classes FROM aipipe.model_version WHERE model LIKE 'label %' AND model <> 'label price' GROUP BY model ORDER BY model COLLATE "C";
SELECT count(*) AS versions, count(DISTINCT classes) AS different FROM aipipe.model_version WHERE model = 'label price';
-- a scale is no class, nor is the sign of a zero
CREATE TABLE n AS SELECT i % 50 AS a, CASE WHEN i % 50 < 25 THEN (ARRAY['1.0', '1.00', '1', '1.000'])[1 + i % 4] ELSE (ARRAY['100', '1e2', '100.0', '100.00'])[1 + i % 4] END::numeric AS y,
    CASE WHEN i % 50 < 25 THEN (ARRAY['0', '-0'])[1 + i / 50 % 2] ELSE '10' END::float8 AS z FROM generate_series(1, 400) AS i;
SELECT aipipe.model_train('label n', 'classification', 'n', 'y', features => '{a}', params => '{"n_estimators": 3, "positive": "1.00"}'), aipipe.model_train('label z', 'classification', 'n', 'z', features => '{a}', params => '{"n_estimators": 3}');
SELECT model, classes, aipipe.model_evaluate(model, 'n') ->> 'skipped' AS skipped FROM aipipe.model_version WHERE model IN ('label n', 'label z') ORDER BY model;
SELECT aipipe.model_train('label n', 'classification', 'n', 'y', features => '{a}', params => '{"n_estimators": 3, "positive": "2.0"}');
-- other values that are equal and written differently come in the order of their bytes
CREATE TABLE s AS SELECT i % 60 AS a, (ARRAY['24:00:00', '1 day', '1 month'])[1 + i % 60 / 20]::interval AS y FROM generate_series(1, 300) AS i;
SELECT aipipe.model_train('label s', 'classification', source, 'y', features => '{a}', params => '{"n_estimators": 3}') FROM unnest(ARRAY['SELECT * FROM s ORDER BY a', 'SELECT * FROM s ORDER BY a DESC']) AS source;
SELECT version, classes FROM aipipe.model_version WHERE model = 'label s' ORDER BY version;
SELECT count(aipipe.model_drop(name)) FROM aipipe.model WHERE name LIKE 'label %';
SET client_min_messages = warning;
DROP SCHEMA model_label CASCADE;
