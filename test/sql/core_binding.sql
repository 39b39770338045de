-- Rows are bound by column name: order, extra, dropped and re-added columns do not matter, a missing or other one is an error.
CREATE SCHEMA core_binding;
SET search_path = core_binding;
CREATE TABLE t AS SELECT i AS id, i % 40 AS amount, (ARRAY['a', 'b', 'c'])[1 + i % 3] AS kind, date '2024-01-01' + i % 28 AS day, (i % 40 * 2 + i % 3)::float8 AS y FROM generate_series(1, 600) AS i;
SELECT aipipe.model_train('core binding', 'regression', 't', 'y', features => '{amount,kind,day}', params => '{"n_estimators": 20}');
CREATE TABLE expected AS SELECT id, aipipe.model_predict('core binding', t) AS p FROM t;
SELECT count(*) AS same FROM expected JOIN (SELECT id, aipipe.model_predict('core binding', s) AS p FROM (SELECT day::timestamp, 'x' AS extra, kind::varchar(9), id, amount::numeric FROM t) AS s) AS o USING (id, p);
-- columns dropped, added, moved; a view; a table whose columns came in another order
ALTER TABLE t DROP COLUMN kind, ADD COLUMN more text DEFAULT 'x', ADD COLUMN kind text;
UPDATE t SET kind = (ARRAY['a', 'b', 'c'])[1 + id % 3];
SELECT count(*) AS same FROM expected JOIN (SELECT id, aipipe.model_predict('core binding', t) AS p FROM t) AS o USING (id, p);
CREATE VIEW v AS SELECT kind, id, day, amount FROM t;
SELECT count(*) AS same FROM expected JOIN (SELECT id, aipipe.model_predict('core binding', v) AS p FROM v) AS o USING (id, p);
SELECT count(*) AS same FROM expected JOIN aipipe.model_predict_batch('core binding', 'v', key => 'id') AS b ON b.key = id::text AND b.prediction = p;
SELECT aipipe.model_train('core binding', 'regression', 't', 'y', features => '{amount,kind,day}', params => '{"n_estimators": 20}');
SELECT count(DISTINCT sha256) AS different FROM aipipe.model_version WHERE model = 'core binding';
-- errors name the column, and the nearest one
SELECT aipipe.model_predict('core binding', s) FROM (SELECT 1 AS amuont, 'a' AS kind, now() AS day) AS s;
SELECT aipipe.model_predict('core binding', s) FROM (SELECT 1 AS "AMOUNT", 'a' AS kind, now() AS day) AS s;
SELECT aipipe.model_predict('core binding', s) FROM (SELECT '1'::text AS amount, 'a' AS kind, now() AS day) AS s;
SELECT aipipe.model_predict('core binding', s) FROM (SELECT 1 AS amount, 5 AS kind, now() AS day) AS s;
SELECT aipipe.model_predict('core binding', s) FROM (SELECT 1 AS amount, 'a' AS kind, interval '1 day' AS day) AS s;
SELECT aipipe.model_predict_batch('core binding', 'SELECT 1 AS amount');
ALTER TABLE t DROP COLUMN kind CASCADE;
SELECT aipipe.model_predict('core binding', t) FROM t LIMIT 1;
\set VERBOSITY sqlstate
SELECT aipipe.model_predict('core binding', t) FROM t LIMIT 1;
SELECT aipipe.model_predict('core binding', s) FROM (SELECT 1 AS amount, 5 AS kind, now() AS day) AS s;
\set VERBOSITY default
SELECT aipipe.model_train('core binding', 'regression', 't', 'y', features => '{amount,kind}');
SELECT aipipe.model_train('core binding', 'regression', 't', 'y', features => '{amount,amount}');
-- hostile names of table and columns
CREATE TABLE "we""ird; DROP TABLE t --" AS SELECT i AS "a b", 'v' || i % 3 AS "c""d", i % 5 AS "select", i AS "\é'", i * 2.0 AS "$1" FROM generate_series(1, 200) AS i;
SELECT aipipe.model_train('"; DROP TABLE t --', 'regression', '"we""ird; DROP TABLE t --"', '$1', params => '{"n_estimators": 5}');
SELECT aipipe.model_train('"; DROP TABLE t --', 'regression', 'SELECT * FROM "we""ird; DROP TABLE t --"', '$1', params => '{"n_estimators": 5}');
SELECT version, source, source_resolved FROM aipipe.model_version WHERE model = '"; DROP TABLE t --' ORDER BY version;
SELECT feature FROM aipipe.model_feature WHERE model = '"; DROP TABLE t --' AND version = 1 ORDER BY number;
SELECT count(aipipe.model_predict('"; DROP TABLE t --', w)) FROM "we""ird; DROP TABLE t --" AS w;
-- as many columns as a table can have
DO $$ BEGIN EXECUTE (SELECT 'CREATE TABLE wide (' || string_agg(format('c%s %s', i, CASE i % 4 WHEN 0 THEN '"char"' ELSE 'bool' END), ', ') || ')' FROM generate_series(1, 1600) AS i); END $$;
INSERT INTO wide (c1, c4, c1600) SELECT i % 2 = 0, chr(97 + i % 3), chr(97 + i % 5) FROM generate_series(1, 200) AS i;
SELECT aipipe.model_train('wide', 'classification', 'wide', 'c1', params => '{"n_estimators": 3}');
SELECT count(*) AS features FROM aipipe.model_feature WHERE model = 'wide';
SELECT count(aipipe.model_predict('wide', w)) FROM wide AS w;
SELECT aipipe.model_drop('core binding'), aipipe.model_drop('wide'), aipipe.model_drop('"; DROP TABLE t --');
SET client_min_messages = warning;
DROP SCHEMA core_binding CASCADE;
