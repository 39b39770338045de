-- Row timing: what each action does, and each way in which rows can land.
\set VERBOSITY default
SELECT setval('aipipe.gate_data_id_seq', 1000, false) AS gate, setval('aipipe.decision_data_id_seq', 1000, false) AS decision \gset base_

-- A model that says 1 for amounts above 1,000 and 0 for others.
CREATE TABLE row_history AS SELECT i AS id, i * 10.0::float8 AS amount, (i > 100)::int::float8 AS bad FROM generate_series(1, 200) i;
SELECT aipipe.model_train('row_size', 'regression', 'row_history', 'bad', features => ARRAY['amount'],
    params => '{"n_estimators": 1, "learning_rate": 1, "lambda": 0, "max_depth": 1, "holdout": 0}');

CREATE VIEW row_batches AS
SELECT g.on_anomaly, b.event, b.rows, b.accepted, b.marked, b.quarantined, b.errors, b.score_min, b.score_max
FROM aipipe.batch b JOIN aipipe.gate g ON g.id = b.gate WHERE b.model = 'row_size' ORDER BY b.id;

-- Quarantine: the row leaves, whole, with its reasons.
CREATE TABLE row_q (id int PRIMARY KEY, amount float8, note text, score float8);
SELECT aipipe.gate_create('row_q', 'row_size', threshold => 0.5, score_column => 'score');
SELECT relation, detector, timing, on_anomaly, threshold, score_column, on_error, on_update, state, owner = current_user::regrole AS mine, uncovered_partitions FROM aipipe.gate WHERE detector = 'row_size';
INSERT INTO row_q VALUES (1, 20, 'small'), (2, 5000, 'large'), (3, NULL, 'missing') RETURNING *;
SELECT id, relation, "row", score, jsonb_path_query_array(reasons, '$[*].column') AS reasons, state, event, model, model_version, role = current_user AS by_me, resolved_at FROM aipipe.quarantine WHERE model = 'row_size' ORDER BY id;
SELECT * FROM row_batches;
-- the score is the gate's to say
INSERT INTO row_q VALUES (4, 30, 'forged', 0.77) RETURNING *;

-- COPY, ON CONFLICT, several rows, INSERT … SELECT.
COPY row_q (id, amount) FROM stdin;
10	10
11	9000
12	12
\.
INSERT INTO row_q VALUES (10, 1, 'dropped by conflict'), (13, 13, 'new'), (14, 8000, 'large') ON CONFLICT DO NOTHING;
INSERT INTO row_q VALUES (10, 7000, 'judged before the conflict') ON CONFLICT (id) DO UPDATE SET note = 'updated';
INSERT INTO row_q SELECT 100 + i, i * 100 FROM generate_series(1, 20) i;
INSERT INTO row_q SELECT id FROM row_q WHERE false;
UPDATE row_q SET amount = 1e6 WHERE id = 13;
SELECT count(*), max(amount) FROM row_q;
SELECT * FROM row_batches OFFSET 1;

-- Mark, accept and reject.
CREATE TABLE row_mark (id int PRIMARY KEY, amount numeric(12, 2));
CREATE TABLE row_mark_nokey (id int, amount int);
CREATE TABLE row_accept (id int, amount float4, score numeric(6, 3));
CREATE TABLE row_reject (id int, amount float8);
SELECT aipipe.gate_create('row_mark', 'row_size', on_anomaly => 'mark', threshold => 0.5) IS NOT NULL AS created;
SELECT aipipe.gate_create('row_mark_nokey', 'row_size', on_anomaly => 'mark', threshold => 0.5) IS NOT NULL AS created;
SELECT aipipe.gate_create('row_accept', 'row_size', on_anomaly => 'accept', threshold => 0.5, score_column => 'score') IS NOT NULL AS created;
SELECT aipipe.gate_create('row_reject', 'row_size', on_anomaly => 'reject', threshold => 0.5) IS NOT NULL AS created;
INSERT INTO row_mark VALUES (1, 1), (2, 2000) RETURNING *;
INSERT INTO row_mark_nokey VALUES (1, 1), (2, 2000) RETURNING *;
INSERT INTO row_accept VALUES (1, 1), (2, 2000), (3, 3000) RETURNING *;
INSERT INTO row_reject VALUES (1, 1) RETURNING *;
INSERT INTO row_reject VALUES (2, 2), (3, 3000);
SELECT relation, decision, key, "row", score, threshold FROM aipipe.decision WHERE decision = 'mark' AND model = 'row_size' ORDER BY id;
SELECT count(*) FROM row_reject;
CREATE TABLE row_plain (id int, amount float8);
SELECT aipipe.gate_create('row_plain', 'row_size', threshold => 0.5, params => '{"reasons": 0}') IS NOT NULL AS created;
INSERT INTO row_plain VALUES (1, 1000000);
SELECT "row", reasons FROM aipipe.quarantine WHERE relation = 'public.row_plain';
-- only so many rows of a batch are explained; the rest can be later
SELECT aipipe.gate_drop('row_plain');
SELECT aipipe.gate_create('row_plain', 'row_size', threshold => 0.5, params => '{"explain_limit": 2}') IS NOT NULL AS created;
INSERT INTO row_plain SELECT i, 1000000 FROM generate_series(2, 5) i;
INSERT INTO row_plain VALUES (6, 1000000);
SELECT explain_limit, reasons FROM aipipe.gate WHERE relation = 'public.row_plain';
SELECT "row"->'id' AS id, coalesce(reasons->0->'column', reasons) AS because FROM aipipe.quarantine WHERE relation = 'public.row_plain' ORDER BY id;
SELECT e.feature, e.value FROM aipipe.quarantine q, aipipe.model_explain('row_size', jsonb_populate_record(NULL::row_plain, q."row"), q.model_version) e
    WHERE relation = 'public.row_plain' AND reasons->0 ? 'note' AND q."row"->>'id' = '5';
SELECT aipipe.gate_drop('row_plain');
SELECT aipipe.gate_create('row_plain', 'row_size', 'row', 'mark', threshold => 0.5, params => '{"explain_limit": 0}') IS NOT NULL AS created;
INSERT INTO row_plain VALUES (7, 1000000);
SELECT reasons FROM aipipe.decision WHERE relation = 'public.row_plain' AND decision = 'mark';
DROP TABLE row_plain;
SELECT aipipe.gate_drop(NULL, id) FROM aipipe.gate WHERE state = 'orphaned' AND relation = 'public.row_plain';

-- Updates are judged only when asked for; a held update leaves the old row.
CREATE TABLE row_upd (id int PRIMARY KEY, amount float8, note text);
SELECT aipipe.gate_create('row_upd', 'row_size', threshold => 0.5, params => '{"update": true, "reasons": 1}') IS NOT NULL AS created;
INSERT INTO row_upd VALUES (1, 1), (2, 2), (3, 3);
UPDATE row_upd SET amount = amount * 700 WHERE id < 3 RETURNING *;
UPDATE row_upd SET id = 30, amount = 3000 WHERE id = 3 RETURNING *;
INSERT INTO row_upd VALUES (1, 5) ON CONFLICT (id) DO UPDATE SET amount = 9999 RETURNING *;
MERGE INTO row_upd t USING (VALUES (1, 11.0), (2, 22000.0), (7, 77.0), (8, 88000.0)) s (id, amount) ON t.id = s.id
    WHEN MATCHED THEN UPDATE SET amount = s.amount WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.amount);
SELECT * FROM row_upd ORDER BY id;
SELECT event, key, "row" FROM aipipe.decision WHERE relation = 'public.row_upd' ORDER BY id;
SELECT b.event, b.rows, b.accepted, b.quarantined FROM aipipe.batch b WHERE relation = 'public.row_upd' ORDER BY b.id;

-- Several gated tables in one statement, one table twice, and a trigger that loads the table it watches.
CREATE TABLE row_other (id int, amount float8);
SELECT aipipe.gate_create('row_other', 'row_size', threshold => 0.5) IS NOT NULL AS created;
WITH a AS (INSERT INTO row_other VALUES (1, 1), (2, 2000) RETURNING *),
     b AS (INSERT INTO row_mark VALUES (3, 3), (4, 4000) RETURNING *)
INSERT INTO row_other SELECT id + 10, amount FROM b RETURNING *;
CREATE FUNCTION row_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id < 1000 THEN INSERT INTO row_other VALUES (NEW.id + 1000, NEW.amount * 100), (NEW.id + 2000, 5); END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER again BEFORE INSERT ON row_other FOR EACH ROW EXECUTE FUNCTION row_again();
INSERT INTO row_other VALUES (50, 50), (51, 1), (52, 9000);
SELECT id, amount FROM row_other WHERE id >= 50 ORDER BY id;
SELECT rows, accepted, quarantined FROM aipipe.batch WHERE relation = 'public.row_other' ORDER BY id;

-- What a subtransaction did goes with it.
BEGIN;
SAVEPOINT s;
INSERT INTO row_mark VALUES (20, 2000);
ROLLBACK TO s;
INSERT INTO row_mark VALUES (21, 2100);
SAVEPOINT s2;
INSERT INTO row_mark VALUES (22, 2200);
RELEASE s2;
COMMIT;
DO $$ BEGIN
    BEGIN
        INSERT INTO row_mark VALUES (23, 2300), (21, 1);
    EXCEPTION WHEN unique_violation THEN RAISE NOTICE 'caught';
    END;
    INSERT INTO row_mark VALUES (24, 2400);
END $$;
SELECT key FROM aipipe.decision WHERE relation = 'public.row_mark' ORDER BY id;
SELECT rows, marked FROM aipipe.batch WHERE relation = 'public.row_mark' ORDER BY id OFFSET 2;

-- Paused, resumed, renamed, dropped.
SELECT aipipe.gate_pause('row_other');
INSERT INTO row_other VALUES (5000, 5000) RETURNING *;
SELECT aipipe.gate_pause('row_other');
SELECT aipipe.gate_resume('row_other');
ALTER TABLE row_other RENAME TO row_renamed;
INSERT INTO row_renamed VALUES (5001, 5000), (5002, 1) RETURNING *;
SELECT relation, state FROM aipipe.gate WHERE relation LIKE '%row_renamed';
SELECT relation, "row" FROM aipipe.quarantine WHERE model = 'row_size' ORDER BY id DESC LIMIT 1;
SELECT aipipe.gate_drop('row_renamed');
INSERT INTO row_renamed VALUES (5003, 5000) RETURNING *;
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'row_renamed'::regclass AND NOT tgisinternal;
DROP TABLE row_renamed, row_accept;
SELECT relation, state FROM aipipe.gate WHERE detector = 'row_size' AND state <> 'active';
SELECT aipipe.gate_drop(NULL, id) FROM aipipe.gate WHERE state = 'orphaned' AND detector = 'row_size';

-- Cursors, prepared statements and PL/pgSQL keep what they should: each statement is a batch.
PREPARE load(int, float8) AS INSERT INTO row_mark VALUES ($1, $2);
EXECUTE load(31, 1);
EXECUTE load(32, 3200);
DO $$ BEGIN FOR i IN 1..3 LOOP INSERT INTO row_mark VALUES (40 + i, i * 600); END LOOP; END $$;
SELECT rows, accepted, marked FROM aipipe.batch WHERE relation = 'public.row_mark' ORDER BY id DESC LIMIT 5;
DEALLOCATE load;

-- A promote counts from the next statement on: version 2 says 1 for amounts of 1,000 and less.
UPDATE row_history SET bad = 1 - bad;
SELECT aipipe.model_train('row_size', 'regression', 'row_history', 'bad', features => ARRAY['amount'],
    params => '{"n_estimators": 1, "learning_rate": 1, "lambda": 0, "max_depth": 1, "holdout": 0}');
INSERT INTO row_reject VALUES (5, 5);
SELECT aipipe.model_promote('row_size', 2);
INSERT INTO row_reject VALUES (6, 6);
INSERT INTO row_reject VALUES (7, 7000);
SELECT aipipe.model_rollback('row_size') IS NOT NULL AS rolled_back;
INSERT INTO row_reject VALUES (8, 8);
SELECT rows, model_version FROM aipipe.batch WHERE relation = 'public.row_reject' ORDER BY id;

DROP TABLE row_history, row_q, row_mark, row_mark_nokey, row_reject, row_upd CASCADE;
DROP FUNCTION row_again();
SELECT count(aipipe.gate_drop(NULL, id)) FROM aipipe.gate WHERE detector = 'row_size';
DROP VIEW row_batches;
SELECT aipipe.model_drop('row_size');
