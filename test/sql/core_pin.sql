-- What the encoder reads as text is the same whatever the session's settings are.
CREATE SCHEMA core_pin;
SET search_path = core_pin;
CREATE TABLE here (a int);
CREATE TYPE pair AS (at timestamptz, tab regclass, price money);
CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE DOMAIN tab AS regclass;
CREATE TABLE t AS SELECT i AS id, CASE WHEN i % 2 = 0 THEN 'core_pin.here' ELSE 'pg_class' END::regclass AS tab, i % 2 = 0 AS y FROM generate_series(1, 400) AS i;
ALTER TABLE t ADD dom tab, ADD typ regtype, ADD fun regprocedure, ADD row pair, ADD rng tstzrange, ADD pt point, ADD rol regrole;
UPDATE t SET dom = tab, typ = CASE WHEN y THEN 'core_pin.pair' ELSE 'text' END::regtype, fun = CASE WHEN y THEN 'core_pin.f(int)' ELSE 'abs(int)' END::regprocedure,
    row = ROW('2024-05-06 12:00+00', tab, 1.5::numeric::money)::pair, rng = tstzrange('2024-05-06 12:00+00', CASE WHEN y THEN '2024-06-06 12:00+00' END::timestamptz),
    pt = CASE WHEN y THEN point(0.1::float8 + 0.2::float8, 1) ELSE point(0, 1) END, rol = CASE WHEN y THEN 'pg_monitor' ELSE 'pg_read_all_data' END::regrole;
CREATE VIEW scored AS SELECT substr(name, 5) AS c, s.* FROM aipipe.model,
    LATERAL (SELECT count(*) AS rows, avg(abs(aipipe.model_predict(name, t) - y::int)) < 0.2 AS told, count(DISTINCT aipipe.model_predict(name, t)) AS different FROM core_pin.t) AS s WHERE name LIKE 'pin %' ORDER BY name COLLATE "C";
SELECT c, aipipe.model_train('pin ' || c, 'classification', 't', 'y', features => ARRAY[c], params => '{"n_estimators": 20, "learning_rate": 0.5}') FROM unnest('{tab,dom,typ,fun,row,rng,pt,rol}'::text[]) AS c;
SELECT * FROM scored;
CREATE TABLE before AS SELECT name, id, aipipe.model_predict(name, t) AS p FROM aipipe.model, t WHERE name LIKE 'pin %';
SET search_path = pg_catalog;
SET extra_float_digits = -3;
SET DateStyle = 'German';
SET TimeZone = 'Asia/Tokyo';
SELECT * FROM core_pin.scored;
SET quote_all_identifiers = on;
SELECT name, count(*) FROM core_pin.before JOIN core_pin.t USING (id) WHERE p IS DISTINCT FROM aipipe.model_predict(name, t) GROUP BY name ORDER BY name;
SELECT b.value FROM aipipe.model_explain('pin tab', (SELECT t FROM core_pin.t WHERE id = 2)) AS b;
-- and what is set comes back
SHOW search_path;
SHOW DateStyle;
RESET ALL;
-- a virtual generated column is computed by a query alone; servers that have none take a stored one
SET search_path = core_pin;
DO $$ BEGIN EXECUTE format('CREATE TABLE g (a int, y int, double int GENERATED ALWAYS AS (a * 2) %s)', CASE WHEN current_setting('server_version_num')::int >= 180000 THEN 'VIRTUAL' ELSE 'STORED' END); END $$;
INSERT INTO g SELECT i % 50, i % 50 FROM generate_series(1, 400) AS i;
SELECT aipipe.model_train('pin g', 'regression', 'g', 'y', features => '{double}', params => '{"n_estimators": 50, "learning_rate": 0.5}');
SELECT round((aipipe.model_evaluate('pin g', 'g') ->> 'r2')::numeric, 2) AS r2;
SELECT bool_and(abs(prediction - key::int) < 1) AS near FROM aipipe.model_predict_batch('pin g', 'g', key => 'a');
SELECT count(aipipe.model_drop(name)) FROM aipipe.model WHERE name LIKE 'pin %';
SET client_min_messages = warning;
DROP SCHEMA core_pin CASCADE;
