-- What happens to rows when the model's side fails: on_error.
SELECT setval('aipipe.gate_data_id_seq', 5000, false) AS gate, setval('aipipe.decision_data_id_seq', 5000, false) AS decision \gset base_

CREATE TABLE err_history AS SELECT i AS id, i * 10.0::float8 AS amount, (i > 100)::int::float8 AS bad, CASE WHEN i % 3 = 0 THEN 'x' WHEN i % 3 = 1 THEN 'y' ELSE 'z' END AS kind,
    point(i % 2, 0) AS place FROM generate_series(1, 200) i;
CREATE TABLE err_accept (id int PRIMARY KEY, amount float8, score float8);
CREATE TABLE err_quar (id int PRIMARY KEY, amount float8);
CREATE TABLE err_reject (id int PRIMARY KEY, amount float8);
CREATE TABLE err_stmt (id int PRIMARY KEY, amount float8);
CREATE FUNCTION err_train(name text, features text[]) RETURNS int LANGUAGE sql AS $$
    SELECT aipipe.model_train(name, 'regression', 'err_history', 'bad', features => features, params => '{"n_estimators": 1, "learning_rate": 1, "lambda": 0, "max_depth": 1, "holdout": 0}') $$;
SELECT err_train('err_size', ARRAY['amount']);
SELECT aipipe.gate_create('err_accept', 'err_size', threshold => 0.5, score_column => 'score');
SELECT aipipe.gate_create('err_quar', 'err_size', threshold => 0.5, on_error => 'quarantine');
SELECT aipipe.gate_create('err_reject', 'err_size', threshold => 0.5, on_error => 'reject');
SELECT aipipe.gate_create('err_stmt', 'err_size', timing => 'statement', threshold => 0.5, on_error => 'quarantine');
CREATE PROCEDURE err_load(base int) LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO err_accept VALUES (base, 1, 0.5), (base + 1, 5000, 0.5);
    INSERT INTO err_quar VALUES (base, 1), (base + 1, 5000);
    INSERT INTO err_stmt VALUES (base, 1), (base + 1, 5000);
    INSERT INTO err_reject VALUES (base, 1), (base + 1, 5000);
END $$;
CREATE VIEW err_batches AS SELECT relation, rows, accepted, quarantined, errors, error, model_version FROM aipipe.batch WHERE model IN ('err_size', 'err_place') ORDER BY id;
CREATE VIEW err_held AS SELECT relation, "row"->'id' AS id, score, jsonb_path_query_array(reasons, '$[*].error') AS error FROM aipipe.quarantine q WHERE model = 'err_size' ORDER BY q.id;

-- all is well
CALL err_load(10);
SELECT * FROM err_batches;

-- the champion needs a column that the table lacks
SELECT err_train('err_size', ARRAY['amount', 'kind']);
SELECT aipipe.model_promote('err_size', 2);
INSERT INTO err_accept VALUES (20, 1, 0.5), (21, 5000, 0.5) RETURNING *;
INSERT INTO err_quar VALUES (20, 1), (21, 5000) RETURNING *;
INSERT INTO err_stmt VALUES (20, 1), (21, 5000);
INSERT INTO err_reject VALUES (20, 1), (21, 5000);
SELECT * FROM err_batches OFFSET 4;
SELECT * FROM err_held OFFSET 3;

-- another type
SELECT aipipe.model_promote('err_size', 1);
ALTER TABLE err_accept ALTER COLUMN amount TYPE text;
INSERT INTO err_accept VALUES (30, 'a', NULL) RETURNING *;
ALTER TABLE err_accept ALTER COLUMN amount TYPE float8 USING NULL;
-- the score column is gone
ALTER TABLE err_accept DROP COLUMN score;
INSERT INTO err_accept VALUES (31, 5000) RETURNING *;
ALTER TABLE err_accept ADD COLUMN score float8;
INSERT INTO err_accept VALUES (32, 1) RETURNING *;
-- the score column became one that cannot take every score
ALTER TABLE err_accept ALTER COLUMN score TYPE text;
INSERT INTO err_accept VALUES (33, 1, 'mine') RETURNING *;
ALTER TABLE err_accept ALTER COLUMN score TYPE float8 USING 0;
UPDATE err_accept SET score = 0;
ALTER TABLE err_accept ALTER COLUMN score SET NOT NULL;
INSERT INTO err_accept VALUES (34, 1, 7) RETURNING *;
ALTER TABLE err_accept ALTER COLUMN score DROP NOT NULL;
-- a score that its column is too narrow for
CREATE DOMAIN err_share AS numeric(2, 2);
CREATE TABLE err_narrow (id int PRIMARY KEY, amount float8, score err_share);
CREATE TABLE err_narrow_quar (id int, amount float8, score numeric(2, 2));
CREATE TABLE err_narrow_reject (id int, amount float8, score numeric(2, 2));
SELECT aipipe.gate_create('err_narrow', 'err_size', on_anomaly => 'mark', threshold => 0.5, score_column => 'score') IS NOT NULL AS created;
SELECT aipipe.gate_create('err_narrow_quar', 'err_size', threshold => 0.5, score_column => 'score', on_error => 'quarantine') IS NOT NULL AS created;
SELECT aipipe.gate_create('err_narrow_reject', 'err_size', threshold => 0.5, score_column => 'score', on_error => 'reject') IS NOT NULL AS created;
INSERT INTO err_narrow VALUES (1, 1), (2, 5000) RETURNING *;
INSERT INTO err_narrow_quar VALUES (1, 1), (2, 5000) RETURNING *;
INSERT INTO err_narrow_reject VALUES (1, 1) RETURNING *;
INSERT INTO err_narrow_reject VALUES (2, 5000);
SELECT relation, decision, "row", score, reasons FROM aipipe.decision WHERE relation LIKE 'public.err_narrow%' ORDER BY id;
SELECT relation, rows, accepted, marked, quarantined, errors, error, score_max FROM aipipe.batch WHERE relation LIKE 'public.err_narrow%' ORDER BY id;
DROP TABLE err_narrow, err_narrow_quar, err_narrow_reject;
DROP DOMAIN err_share;
-- a row that cannot be kept: its image fails, as that of a row does which is too large for jsonb
SET client_min_messages = warning;
CREATE TYPE err_mute;
CREATE FUNCTION err_mute_in(cstring) RETURNS err_mute LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION err_mute_out(err_mute) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'shell_out';
RESET client_min_messages;
CREATE TYPE err_mute (INPUT = err_mute_in, OUTPUT = err_mute_out, LIKE = int4);
CREATE TABLE err_keep (id int PRIMARY KEY, amount float8, mute err_mute);
CREATE TABLE err_keep_stmt (LIKE err_keep INCLUDING ALL);
CREATE TABLE err_keep_not (LIKE err_keep INCLUDING ALL);
SELECT aipipe.gate_create('err_keep', 'err_size', threshold => 0.5, on_error => 'quarantine') IS NOT NULL AS created;
SELECT aipipe.gate_create('err_keep_stmt', 'err_size', 'statement', threshold => 0.5, on_error => 'quarantine') IS NOT NULL AS created;
SELECT aipipe.gate_create('err_keep_not', 'err_size', threshold => 0.5) IS NOT NULL AS created;
INSERT INTO err_keep VALUES (1, 1, '1'), (2, 5000, NULL);
INSERT INTO err_keep VALUES (3, 5000, '1');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO err_keep_stmt VALUES (3, 5000, '1');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO err_keep_not VALUES (3, 5000, '1');
SELECT (SELECT array_agg(id) FROM err_keep) AS kept, (SELECT array_agg(id) FROM err_keep_stmt) AS stmt, (SELECT array_agg(id) FROM err_keep_not) AS accepted;
-- a row that cannot be kept as a trigger left it
CREATE FUNCTION err_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE public.err_keep_stmt SET mute = '1' WHERE id = NEW.id; RETURN NULL; END $$;
CREATE TRIGGER change AFTER INSERT ON err_keep_stmt FOR EACH ROW EXECUTE FUNCTION err_change();
INSERT INTO err_keep_stmt VALUES (4, 5000, NULL);
DROP TABLE err_keep, err_keep_stmt, err_keep_not;
DROP FUNCTION err_change();
DROP TYPE err_mute CASCADE;

-- several classes
CREATE TABLE err_kinds AS SELECT * FROM err_history;
SELECT aipipe.model_train('err_kinds', 'classification', 'err_kinds', 'kind', features => ARRAY['amount'], params => '{"n_estimators": 2}');
SELECT aipipe.gate_create('err_kinds', 'err_kinds', on_anomaly => 'mark');

-- a corrupted artifact, in a backend that has not loaded it yet
UPDATE aipipe.model_version_data SET compiled = overlay(compiled PLACING '\xdeadbeef'::bytea FROM 64) WHERE model_id = (SELECT id FROM aipipe.model_data WHERE name = 'err_size');
\c
INSERT INTO err_accept VALUES (40, 5000) RETURNING *;
INSERT INTO err_quar VALUES (40, 1) RETURNING *;
INSERT INTO err_reject VALUES (40, 1);

-- the right to predict was taken away
CREATE ROLE regress_gate_owner;
GRANT CREATE ON SCHEMA public TO regress_gate_owner;
SELECT err_train('err_place', ARRAY['amount', 'place']);
SELECT aipipe.model_grant('err_place', 'regress_gate_owner');
SET ROLE regress_gate_owner;
CREATE TABLE err_granted (id int PRIMARY KEY, amount float8, place point);
SELECT aipipe.gate_create('err_granted', 'err_place', threshold => 0.5, on_error => 'quarantine');
-- a type whose values are encoded by its output function: each row in a subtransaction
INSERT INTO err_granted VALUES (1, 1, '(1,0)'), (2, 2000, '(0,0)'), (3, 3, NULL);
RESET ROLE;
SELECT aipipe.model_revoke('err_place', 'regress_gate_owner');
INSERT INTO err_granted VALUES (4, 4, NULL);
SELECT id FROM err_granted ORDER BY id;
SELECT rows, accepted, quarantined, errors, error FROM aipipe.batch WHERE relation = 'public.err_granted' ORDER BY id;

-- the model is gone
SELECT aipipe.model_drop('err_size');
INSERT INTO err_accept VALUES (50, 5000) RETURNING *;
INSERT INTO err_quar VALUES (50, 1) RETURNING *;
INSERT INTO err_reject VALUES (50, 1);
SELECT rows, accepted, quarantined, errors, error, score_max, model_version FROM aipipe.batch ORDER BY id DESC LIMIT 2;
-- held rows can be released all the same
SELECT aipipe.quarantine_release(max(id)) FROM aipipe.quarantine WHERE relation = 'public.err_quar';
SELECT max(id) FROM err_quar;

-- A statement_timeout is never swallowed.
SELECT err_train('err_size', ARRAY['amount']);
SET statement_timeout = '100ms';
INSERT INTO err_accept SELECT i, 1 FROM generate_series(1000, 10000000) i;
RESET statement_timeout;
SELECT max(id) FROM err_accept;

DROP VIEW err_batches, err_held;
DROP PROCEDURE err_load(int);
DROP FUNCTION err_train(text, text[]);
DROP TABLE err_history, err_accept, err_quar, err_reject, err_stmt, err_kinds, err_granted;
SELECT count(aipipe.gate_drop(NULL, id)) FROM aipipe.gate WHERE detector IN ('err_size', 'err_place');
SELECT aipipe.model_drop('err_size'), aipipe.model_drop('err_place'), aipipe.model_drop('err_kinds');
REVOKE CREATE ON SCHEMA public FROM regress_gate_owner;
DROP ROLE regress_gate_owner;
