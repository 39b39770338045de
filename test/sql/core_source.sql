-- Sources: what may be one, as whom it is read, and that a refused one leaves nothing behind.
CREATE SCHEMA core_source;
SET search_path = core_source;
CREATE TABLE t AS SELECT i AS a, i % 3 AS b, (i % 2)::float8 AS y FROM generate_series(1, 300) AS i;
CREATE VIEW v AS SELECT * FROM t;
CREATE MATERIALIZED VIEW m AS SELECT * FROM t;
CREATE MATERIALIZED VIEW empty AS SELECT * FROM t WITH NO DATA;
CREATE TABLE parts (a int, b int, y float8) PARTITION BY LIST (b);
CREATE TABLE part0 PARTITION OF parts FOR VALUES IN (0);
CREATE TABLE part1 PARTITION OF parts DEFAULT;
INSERT INTO parts SELECT * FROM t;
CREATE TABLE parent (LIKE t);
CREATE TABLE child () INHERITS (parent);
INSERT INTO parent SELECT * FROM t WHERE a <= 100;
INSERT INTO child SELECT * FROM t WHERE a > 100;
CREATE TEMP TABLE tmp AS SELECT * FROM t;
CREATE SEQUENCE seq;
CREATE TYPE row_type AS (a int);
CREATE INDEX t_a ON t (a);
CREATE FUNCTION train(source text) RETURNS int LANGUAGE sql AS
$$ SELECT aipipe.model_train('core source', 'regression', source, 'y', features => '{a,b}', params => '{"n_estimators": 2}') $$;
-- whatever can be read; the same rows in the same order make the same bytes
SELECT train(s) FROM unnest(ARRAY['t', ' core_source . "t" ', 'v', 'm', 'tmp', 'parts', 'parent', 'TABLE t', 'SELECT * FROM t', 'SELECT * FROM t;', '(SELECT y, b, a FROM t)',
    'WITH w AS (SELECT * FROM t) SELECT * FROM w', 'SELECT i AS a, i % 3 AS b, (i % 2)::float8 AS y FROM generate_series(1, 300) AS i']) AS s;
SELECT sha256 = first_value(sha256) OVER (ORDER BY version) AS same, row_count, source, source_resolved FROM aipipe.model_version WHERE model = 'core source' ORDER BY version;
-- whatever cannot
SELECT train('nothing');
SELECT train('core_source.nothing');
SELECT train('nowhere.t');
SELECT train('a.b.c.d');
SELECT train('empty');
SELECT train('seq');
SELECT train('row_type');
SELECT train('t_a');
SELECT train('');
SELECT train(' -- nothing');
SELECT train('SELECT 1; SELECT 2');
SELECT train('INSERT INTO t VALUES (1, 1, 1) RETURNING *');
SELECT train('DROP TABLE t');
SELECT train('EXPLAIN SELECT * FROM t');
SELECT train('WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d');
SELECT train('SELECT * INTO t2 FROM t');
SELECT train('SELECT * FROM t FOR UPDATE');
SELECT train('SELEC * FROM t');
SELECT train('SELECT nope FROM t');
SELECT train('SELECT $1');
SELECT train('SELECT a, a, b, y FROM t');
SELECT train('SELECT 1/(a - 50) AS a, b, y FROM t');
\set VERBOSITY sqlstate
SELECT train('nothing');
SELECT train('seq');
SELECT train('SELECT 1; SELECT 2');
SELECT train('SELECT a, a, b, y FROM t');
\set VERBOSITY default
-- a function in it cannot write, also not late, and the transaction is writable again afterwards
CREATE FUNCTION writer(i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN IF i >= 200 THEN INSERT INTO core_source.t VALUES (0, 0, 0); END IF; RETURN i; END $$;
SELECT train('SELECT writer(a) AS a, b, y FROM t');
SELECT train('SELECT nextval(''seq'') AS a, b, y FROM t');
BEGIN;
SELECT train('SELECT abs(a) AS a, b, y FROM t') > 0 AS trained;
INSERT INTO t VALUES (301, 1, 1);
ROLLBACK;
SELECT count(*) FROM t;
-- a sample is reproducible
SELECT aipipe.model_train('core source 2', 'regression', 't', 'y', params => '{"n_estimators": 2, "sample": 0.5, "seed": 3}'),
       aipipe.model_train('core source 2', 'regression', 'v', 'y', params => '{"n_estimators": 2, "sample": 0.5, "seed": 3}');
SELECT count(DISTINCT (sha256, row_count)) AS different, bool_and(row_count BETWEEN 100 AND 200) AS half FROM aipipe.model_version WHERE model = 'core source 2';
-- the memory limit is kept before it is reached
SET aipipe.train_max_memory = '1MB';
SELECT aipipe.model_train('core source 3', 'regression', 'SELECT i, i + 1 AS j, i AS y FROM generate_series(1, 1000000) AS i', 'y');
RESET aipipe.train_max_memory;
SELECT count(*) FROM aipipe.model WHERE name = 'core source 3';
-- rights and row security are the caller's
CREATE ROLE regress_core_source;
GRANT USAGE, CREATE ON SCHEMA core_source TO regress_core_source;
GRANT SELECT (a, y) ON t TO regress_core_source;
CREATE TABLE policed AS SELECT *, CASE WHEN a <= 100 THEN 'regress_core_source' ELSE 'other' END AS who FROM t;
ALTER TABLE policed ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON policed USING (who = current_user);
GRANT SELECT ON policed TO regress_core_source;
SET ROLE regress_core_source;
SELECT aipipe.model_train('core source 4', 'regression', 't', 'y');
SELECT aipipe.model_train('core source 4', 'regression', 'SELECT * FROM t', 'y');
SELECT aipipe.model_train('core source 4', 'regression', 'm', 'y');
SELECT aipipe.model_train('core source 4', 'regression', 'SELECT a, y FROM t', 'y', params => '{"n_estimators": 2}');
SELECT aipipe.model_train('core source 4', 'regression', 'policed', 'y', features => '{a}', params => '{"n_estimators": 2}');
SELECT version, row_count FROM aipipe.model_version WHERE model = 'core source 4' ORDER BY version;
SELECT count(*) FROM aipipe.model_predict_batch('core source 4', 'policed');
SET row_security = off;
SELECT aipipe.model_train('core source 4', 'regression', 'policed', 'y', features => '{a}');
RESET row_security;
RESET ROLE;
SELECT aipipe.model_drop('core source'), aipipe.model_drop('core source 2'), aipipe.model_drop('core source 4');
SET client_min_messages = warning;
DROP SCHEMA core_source CASCADE;
DROP ROLE regress_core_source;
