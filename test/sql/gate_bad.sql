-- Bad input: a clear error, and nothing changed.
SELECT setval('aipipe.gate_data_id_seq', 6000, false) AS gate, setval('aipipe.decision_data_id_seq', 6000, false) AS decision \gset base_
\set VERBOSITY verbose
\set SHOW_CONTEXT never

CREATE TABLE bad_history AS SELECT i AS id, i * 10.0::float8 AS amount, (i > 100)::int AS bad FROM generate_series(1, 200) i;
SELECT aipipe.model_train('bad_size', 'regression', 'bad_history', 'bad', features => ARRAY['amount'], params => '{"n_estimators": 1}');
SELECT aipipe.model_train('bad_class', 'classification', 'bad_history', 'bad', features => ARRAY['amount'], params => '{"n_estimators": 1}');
SELECT aipipe.model_train('bad_double', 'regression', 'SELECT *, amount * 2 AS double FROM bad_history', 'bad', features => ARRAY['double'], params => '{"n_estimators": 1}');
SELECT aipipe.anomaly_train('bad_strange', 'bad_history', ARRAY['amount'], '{"n_estimators": 5}') ;
CREATE TABLE bad_land (id int, amount float8, score float8, label text, double float8 GENERATED ALWAYS AS (amount * 2) STORED);
\set VERBOSITY terse

-- arguments
SELECT aipipe.gate_create(NULL, 'bad_size');
SELECT aipipe.gate_create('bad_land');
SELECT aipipe.gate_create('bad_missing', 'bad_size');
SELECT aipipe.gate_create(0::regclass, 'bad_size');
SELECT aipipe.gate_create('bad_land', 'bad_none');
SELECT aipipe.gate_create('bad_land', 'bad_size');
SELECT aipipe.gate_create('bad_land', 'bad_size', threshold => 'NaN');
SELECT aipipe.gate_create('bad_land', 'bad_class', threshold => 1.5, on_anomaly => 'mark');
SELECT aipipe.gate_create('bad_land', 'bad_class', timing => 'later');
SELECT aipipe.gate_create('bad_land', 'bad_class', timing => NULL);
SELECT aipipe.gate_create('bad_land', 'bad_class', on_anomaly => 'ignore');
SELECT aipipe.gate_create('bad_land', 'bad_class', on_error => 'mark');
SELECT aipipe.gate_create('bad_land', 'bad_class', params => '{"updates": true}');
SELECT aipipe.gate_create('bad_land', 'bad_class', params => '{"update": "yes"}');
SELECT aipipe.gate_create('bad_land', 'bad_class', params => '{"reasons": -1}');
SELECT aipipe.gate_create('bad_land', 'bad_class', params => '{"explain_limit": -1}');
SELECT aipipe.gate_create('bad_land', 'bad_class', params => '{"explain_limits": 5}');
SELECT aipipe.gate_create('bad_land', 'bad_class', params => '[]');
SELECT aipipe.gate_create('bad_land', 'bad_class', score_column => 'scroe');
SELECT aipipe.gate_create('bad_land', 'bad_class', score_column => 'label');
SELECT aipipe.gate_create('bad_land', 'bad_class', score_column => 'double');
SELECT aipipe.gate_create('bad_land', 'bad_class', score_column => 'amount');
CREATE DOMAIN bad_share AS numeric(4, 3) CHECK (VALUE < 1);
CREATE DOMAIN bad_given AS float8 NOT NULL;
CREATE DOMAIN bad_below AS bad_share;
CREATE DOMAIN bad_free AS float8;
CREATE TABLE bad_scores (amount float8, needed float8 NOT NULL, share bad_share, given bad_given, below bad_below, free bad_free);
SELECT aipipe.gate_create('bad_scores', 'bad_class', score_column => 'needed');
SELECT aipipe.gate_create('bad_scores', 'bad_class', score_column => 'share');
SELECT aipipe.gate_create('bad_scores', 'bad_class', score_column => 'given');
SELECT aipipe.gate_create('bad_scores', 'bad_class', score_column => 'below');
BEGIN;
SELECT aipipe.gate_create('bad_scores', 'bad_class', score_column => 'free') IS NOT NULL AS created;
ROLLBACK;
DROP TABLE bad_scores;
DROP DOMAIN bad_below, bad_share, bad_given, bad_free;
SELECT aipipe.gate_create('bad_land', 'bad_class', timing => 'statement', on_anomaly => 'mark', score_column => 'score');
-- no key
SELECT aipipe.gate_create('bad_land', 'bad_class', timing => 'statement');
SELECT aipipe.gate_create('bad_land', 'bad_class', timing => 'statement', on_anomaly => 'mark', on_error => 'quarantine');
SELECT aipipe.gate_create('bad_land', 'bad_class', params => '{"update": true}');
-- generated columns are not there yet in row timing
SELECT aipipe.gate_create('bad_land', 'bad_double', threshold => 0.5);
SELECT aipipe.gate_create('bad_land', 'bad_double', timing => 'statement', on_anomaly => 'mark', threshold => 0.5) IS NOT NULL AS created;
SELECT aipipe.gate_drop('bad_land');
-- nor in any stored row when they are virtual (from 18 on)
DO $$
DECLARE
    kind text := CASE WHEN current_setting('server_version_num')::int >= 180000 THEN 'VIRTUAL' ELSE 'STORED' END;
    timing text := CASE kind WHEN 'VIRTUAL' THEN 'statement' ELSE 'row' END;
BEGIN
    EXECUTE 'CREATE TABLE bad_computed (id int PRIMARY KEY, amount float8, double float8 GENERATED ALWAYS AS (amount * 2) ' || kind || ')';
    PERFORM aipipe.gate_create('bad_computed', 'bad_double', timing => timing, threshold => 0.5);
EXCEPTION WHEN object_not_in_prerequisite_state THEN
    RAISE NOTICE '%', SQLERRM;
END $$;
-- a version that serves later is looked at when it does
SELECT aipipe.model_train('bad_later', 'regression', 'bad_history', 'bad', features => ARRAY['amount'], params => '{"n_estimators": 1}');
SELECT aipipe.gate_create('bad_land', 'bad_later', threshold => 1e9, on_error => 'reject') IS NOT NULL AS created;
INSERT INTO bad_land (id, amount) VALUES (1, 10);
SELECT aipipe.model_train('bad_later', 'regression', 'SELECT *, amount * 2 AS double FROM bad_history', 'bad', features => ARRAY['double'], params => '{"n_estimators": 1}') AS version;
SELECT aipipe.model_alias('bad_later', 'champion', 2);
INSERT INTO bad_land (id, amount) VALUES (2, 10);
SELECT aipipe.gate_drop('bad_land');
DELETE FROM bad_land;

-- relations
CREATE VIEW bad_view AS SELECT * FROM bad_land;
CREATE MATERIALIZED VIEW bad_matview AS SELECT * FROM bad_history;
CREATE TEMP TABLE bad_temp (amount float8);
CREATE SEQUENCE bad_sequence;
CREATE INDEX bad_index ON bad_history (id);
CREATE FOREIGN DATA WRAPPER bad_fdw;
CREATE SERVER bad_server FOREIGN DATA WRAPPER bad_fdw;
CREATE FOREIGN TABLE bad_foreign (amount float8) SERVER bad_server;
SELECT aipipe.gate_create('bad_view', 'bad_class');
SELECT aipipe.gate_create('bad_matview', 'bad_class');
SELECT aipipe.gate_create('bad_temp', 'bad_class');
SELECT aipipe.gate_create('bad_sequence', 'bad_class');
SELECT aipipe.gate_create('bad_index', 'bad_class');
SELECT aipipe.gate_create('bad_foreign', 'bad_class');
SELECT aipipe.gate_create('pg_catalog.pg_class', 'bad_class');
SELECT aipipe.gate_create('information_schema.tables', 'bad_class');
SELECT aipipe.gate_create('aipipe.gate_data', 'bad_class');
SELECT aipipe.gate_create('aipipe.model_data', 'bad_class');
CREATE TABLE bad_root (id int, amount float8) PARTITION BY RANGE (id);
CREATE FOREIGN TABLE bad_leaf PARTITION OF bad_root FOR VALUES FROM (0) TO (10) SERVER bad_server;
SELECT aipipe.gate_create('bad_root', 'bad_class', on_anomaly => 'mark');
SELECT count(*) FROM pg_trigger WHERE tgfoid = 'aipipe.gate_trigger()'::regprocedure;

-- a table without the model's column, or with another type of it
CREATE TABLE bad_lacks (id int);
CREATE TABLE bad_type (amount text);
SELECT aipipe.gate_create('bad_lacks', 'bad_class');
SELECT aipipe.gate_create('bad_type', 'bad_class');
CREATE TABLE bad_empty ();
SELECT aipipe.gate_create('bad_empty', 'bad_class');

-- hostile names
CREATE SCHEMA "bad ""; DROP TABLE bad_land; --";
CREATE TABLE "bad ""; DROP TABLE bad_land; --"."t'a""b" ("i'd"" x" int, amount float8, "se""lect" float8, PRIMARY KEY ("i'd"" x"));
SELECT aipipe.gate_create('"bad ""; DROP TABLE bad_land; --"."t''a""b"', 'bad_size', threshold => 0.5, score_column => 'se"lect') IS NOT NULL AS created;
INSERT INTO "bad ""; DROP TABLE bad_land; --"."t'a""b" VALUES (1, 1), (2, 1e6);
SELECT aipipe.gate_drop('"bad ""; DROP TABLE bad_land; --"."t''a""b"');
SELECT aipipe.gate_create('"bad ""; DROP TABLE bad_land; --"."t''a""b"', 'bad_size', 'statement', threshold => 0.5) IS NOT NULL AS created;
INSERT INTO "bad ""; DROP TABLE bad_land; --"."t'a""b" VALUES (3, 1), (4, 1e6);
SELECT relation, key FROM aipipe.decision WHERE model = 'bad_size' ORDER BY id;
SELECT aipipe.quarantine_release(id, '{"amount": 3, "se\"lect": 1}') FROM aipipe.quarantine WHERE model = 'bad_size';
SELECT count(*) FROM "bad ""; DROP TABLE bad_land; --"."t'a""b";
SELECT relation FROM aipipe.gate WHERE detector = 'bad_size';

-- many columns; dropped and re-added ones
DO $$ BEGIN EXECUTE 'CREATE TABLE bad_wide (' || (SELECT string_agg('c' || i || ' int', ', ') FROM generate_series(1, 1598) i) || ', amount float8, score float8)'; END $$;
SELECT aipipe.gate_create('bad_wide', 'bad_size', threshold => 0.5, score_column => 'score') IS NOT NULL AS created;
INSERT INTO bad_wide (c1, amount) VALUES (1, 1), (2, 1e6);
SELECT c1 FROM bad_wide;
SELECT count(*) FROM aipipe.quarantine, jsonb_object_keys("row") WHERE relation = 'public.bad_wide';
SELECT aipipe.gate_create('bad_land', 'bad_size', threshold => 0.5) IS NOT NULL AS created;
ALTER TABLE bad_land DROP COLUMN amount CASCADE;
INSERT INTO bad_land (id) VALUES (1);
ALTER TABLE bad_land ADD COLUMN amount float8;
INSERT INTO bad_land (id, amount) VALUES (2, 2), (3, 1e6) RETURNING id;

-- NaN and infinities are values like any other
INSERT INTO bad_land (id, amount) VALUES (4, 'NaN'), (5, '-Infinity'), (6, 'Infinity') RETURNING id;
SELECT rows, errors FROM aipipe.batch ORDER BY id DESC LIMIT 1;

-- gates that are not there
SELECT aipipe.gate_drop('bad_lacks');
SELECT aipipe.gate_drop(NULL);
SELECT aipipe.gate_drop(NULL, 123456);
SELECT aipipe.gate_pause('bad_lacks', 123456);
SELECT aipipe.gate_resume('bad_lacks', id) FROM aipipe.gate WHERE relation = 'public.bad_land';
SELECT aipipe.gate_create('bad_land', 'bad_size', threshold => 0.9);

-- functions called as what they are not
SELECT aipipe.gate_trigger();
CREATE TRIGGER no_argument BEFORE INSERT ON bad_lacks FOR EACH ROW EXECUTE FUNCTION aipipe.gate_trigger();
INSERT INTO bad_lacks VALUES (1);
DROP TRIGGER no_argument ON bad_lacks;
CREATE TRIGGER no_number BEFORE INSERT ON bad_lacks FOR EACH ROW EXECUTE FUNCTION aipipe.gate_trigger('x');
INSERT INTO bad_lacks VALUES (1);
DROP TRIGGER no_number ON bad_lacks;
CREATE TRIGGER no_gate BEFORE INSERT ON bad_lacks FOR EACH ROW EXECUTE FUNCTION aipipe.gate_trigger('123456');
INSERT INTO bad_lacks VALUES (1);
DROP TRIGGER no_gate ON bad_lacks;
CREATE TRIGGER other_timing AFTER INSERT ON bad_land FOR EACH ROW EXECUTE FUNCTION aipipe.gate_trigger('6008');
INSERT INTO bad_land (id, amount) VALUES (9, 9);
DROP TRIGGER other_timing ON bad_land;
CREATE TRIGGER other_event BEFORE DELETE ON bad_land FOR EACH ROW EXECUTE FUNCTION aipipe.gate_trigger('6008');
DELETE FROM bad_land;
DROP TRIGGER other_event ON bad_land;
CREATE EVENT TRIGGER bad_event ON ddl_command_start EXECUTE FUNCTION aipipe.gate_trigger();
CREATE TRIGGER row_event BEFORE INSERT ON bad_lacks FOR EACH ROW EXECUTE FUNCTION aipipe.gate_follow_partitions();
BEGIN READ ONLY;
SELECT aipipe.gate_create('bad_land', 'bad_class');
ROLLBACK;
BEGIN READ ONLY;
SELECT aipipe.gate_drop('bad_land');
ROLLBACK;
-- the tables are C's to write
INSERT INTO aipipe.gate (id) VALUES (1);
-- DROP EXTENSION knows its gates
DROP EXTENSION aipipe;

\set VERBOSITY default
DROP SCHEMA "bad ""; DROP TABLE bad_land; --" CASCADE;
DROP TABLE bad_history, bad_land, bad_root, bad_lacks, bad_type, bad_empty, bad_wide CASCADE;
DROP FOREIGN DATA WRAPPER bad_fdw CASCADE;
DROP SEQUENCE bad_sequence;
SELECT count(aipipe.gate_drop(NULL, id)) FROM aipipe.gate WHERE detector LIKE 'bad%';
SELECT count(aipipe.model_drop(name)) FROM aipipe.model WHERE name LIKE 'bad%';
