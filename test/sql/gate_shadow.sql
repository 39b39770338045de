-- Challengers in a gate: scored on the same rows, recorded beside the champion, and harmless.
SELECT setval('aipipe.gate_data_id_seq', 13000, false) AS gate, setval('aipipe.decision_data_id_seq', 13000, false) AS decision \gset base_

SET enable_nestloop = off; SET jit = off; -- the log has no statistics yet
CREATE TABLE shadow_history AS
SELECT i AS id, (i * 37 % 1000)::float8 AS amount, CASE WHEN i % 9 > 0 THEN i * 17 % 7 END AS quantity, 'k' || i % 5 AS kind,
       CASE WHEN (i * 37 % 1000) > 600 AND i * 17 % 7 > 2 THEN 'bad' ELSE 'good' END AS verdict
FROM generate_series(1, 2000) i;
SELECT aipipe.model_train('shadow_c', 'classification', 'shadow_history', 'verdict', features => ARRAY['amount', 'quantity', 'kind'],
    params => jsonb_build_object('n_estimators', 10 * v, 'max_depth', 2 + v, 'seed', v, 'positive', 'bad')) FROM generate_series(1, 3) v;
SELECT aipipe.anomaly_train('shadow_d', 'shadow_history', ARRAY['amount', 'quantity', 'kind'], jsonb_build_object('algorithm', 'isolation_forest', 'n_estimators', 20 * v, 'seed', v)) FROM generate_series(1, 2) v;

-- Both timings and a partitioned table; classifier and detector. Nothing is recorded while the champion is alone.
CREATE TABLE shadow_row (id int PRIMARY KEY, amount float8, quantity int, kind text);
CREATE TABLE shadow_stmt (LIKE shadow_row INCLUDING ALL);
CREATE TABLE shadow_part (kind text, id int, amount float8, quantity int, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
CREATE TABLE shadow_part_a PARTITION OF shadow_part FOR VALUES IN ('k0', 'k1');
CREATE TABLE shadow_part_b (id int NOT NULL, quantity int, gone int, amount float8, kind text NOT NULL);
ALTER TABLE shadow_part_b DROP COLUMN gone;
ALTER TABLE shadow_part ATTACH PARTITION shadow_part_b DEFAULT;
SELECT aipipe.gate_create('shadow_row', 'shadow_c', 'row', 'mark', 0.5, params => '{"update": true}') AS row_gate,
       aipipe.gate_create('shadow_stmt', 'shadow_c', 'statement', 'quarantine', 0.5, params => '{"update": true}') AS stmt_gate,
       aipipe.gate_create('shadow_part', 'shadow_d', 'statement', 'mark', 0.9) AS part_gate \gset
INSERT INTO shadow_row SELECT id, amount, quantity, kind FROM shadow_history WHERE id <= 10;
SELECT count(*) FROM aipipe.prediction WHERE model LIKE 'shadow%';
SELECT aipipe.model_alias('shadow_c', 'challenger', 2), aipipe.model_alias('shadow_c', 'challenger_2', 3), aipipe.model_alias('shadow_c', 'mine', 1), aipipe.model_alias('shadow_d', 'challenger', 2);
INSERT INTO shadow_row SELECT id, amount, quantity, kind FROM shadow_history WHERE id BETWEEN 11 AND 300;
INSERT INTO shadow_stmt SELECT id, amount, quantity, kind FROM shadow_history WHERE id <= 300;
INSERT INTO shadow_part SELECT kind, id, amount, quantity FROM shadow_history WHERE id <= 200;
INSERT INTO shadow_part_b (id, amount, quantity, kind) SELECT id, amount, quantity, 'k2' FROM shadow_history WHERE id BETWEEN 201 AND 250;
SELECT gate, model, version, served, count(*), count(DISTINCT key) FROM aipipe.prediction WHERE model LIKE 'shadow%' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3;
SELECT gate, rows, recorded, shadow_errors, shadow_error, model_version FROM aipipe.batch WHERE gate IN (:row_gate, :stmt_gate, :part_gate) ORDER BY id;
-- every one is what model_predict() says of that version, rows that left included
SELECT count(*), bool_and(p.prediction = aipipe.model_predict('shadow_c', t, p.version)) FROM aipipe.prediction p JOIN shadow_row t ON t.id::text = p.key WHERE p.gate = :row_gate;
SELECT count(*), bool_and(p.prediction = aipipe.model_predict('shadow_c', t, p.version)) FROM aipipe.prediction p JOIN shadow_history t ON t.id::text = p.key WHERE p.gate = :stmt_gate;
SELECT count(*), bool_and(p.prediction = aipipe.model_predict('shadow_d', t, p.version)) FROM aipipe.prediction p JOIN shadow_part t ON jsonb_build_object('id', id, 'kind', kind) = p.key::jsonb WHERE p.gate = :part_gate;
SELECT count(*) > 20 AS left FROM aipipe.quarantine WHERE gate = :stmt_gate;
SELECT key FROM aipipe.prediction WHERE gate = :part_gate ORDER BY key::jsonb->'id' LIMIT 2;
SELECT count(DISTINCT at) > 1 AS times, bool_and(at BETWEEN now() - interval '10 min' AND clock_timestamp()) AS recent FROM aipipe.prediction;
-- the champion's score decides, whatever challengers say
SELECT count(*) FROM aipipe.decision WHERE gate = :stmt_gate AND (model_version <> 1 OR score <> (SELECT p.prediction FROM aipipe.prediction p WHERE p.gate = :stmt_gate AND p.version = 1 AND p.key = "row"->>'id'));
-- an update is another row image
UPDATE shadow_row SET amount = amount + 1 WHERE id = 20;
UPDATE shadow_stmt SET amount = 1 WHERE id = 1;
SELECT gate, version, served, count(*) FROM aipipe.prediction WHERE (gate, key) IN ((:row_gate, '20'), (:stmt_gate, '1')) GROUP BY 1, 2, 3 ORDER BY 1, 2;
-- a released row was recorded when it came
SELECT count(*) AS before FROM aipipe.prediction \gset
SELECT aipipe.quarantine_release(min(id)) FROM aipipe.quarantine WHERE gate = :stmt_gate;
SELECT count(*) = :before AS none FROM aipipe.prediction;

-- The log belongs to the load's transaction.
BEGIN;
INSERT INTO shadow_stmt VALUES (5001, 1, 1, 'k1');
SELECT count(*) FROM aipipe.prediction WHERE key = '5001';
SAVEPOINT s;
INSERT INTO shadow_row VALUES (5002, 1, 1, 'k1');
ROLLBACK TO s;
INSERT INTO shadow_row VALUES (5003, 1, 1, 'k1');
-- a batch without statement triggers is the transaction's: written before commit
SELECT aipipe.gate_create('shadow_part', 'shadow_c', 'row', 'mark', 0.5) AS leaf_gate \gset
SAVEPOINT s;
INSERT INTO shadow_part_a VALUES ('k1', 6001, 1, 1);
ROLLBACK TO s;
INSERT INTO shadow_part_a VALUES ('k1', 6002, 1, 1), ('k0', 6003, 1, 1);
COMMIT;
SELECT gate, key, count(*) FROM aipipe.prediction WHERE key ~ '500[123]|600[123]' GROUP BY 1, 2 ORDER BY 1, 2;
BEGIN;
INSERT INTO shadow_stmt VALUES (5004, 1, 1, 'k1');
INSERT INTO shadow_part_a VALUES ('k1', 6004, 1, 1);
ROLLBACK;
SELECT count(*) FROM aipipe.prediction WHERE key ~ '5004|6004';
-- a statement that fails after it was judged
ALTER TABLE shadow_row ADD CONSTRAINT small CHECK (id < 9000) NOT VALID;
INSERT INTO shadow_row VALUES (5005, 1, 1, 'k1'), (9001, 1, 1, 'k1');
SELECT count(*) FROM aipipe.prediction WHERE key IN ('5005', '9001');
ALTER TABLE shadow_row DROP CONSTRAINT small;

-- More than waits in memory.
CREATE TABLE shadow_large (LIKE shadow_row INCLUDING ALL);
SELECT aipipe.gate_create('shadow_large', 'shadow_c', 'statement', 'accept', 1) AS large_gate \gset
INSERT INTO shadow_large SELECT i, i % 1000, i % 7, 'k1' FROM generate_series(1, 20000) i;
SELECT version, count(*), count(DISTINCT key), min(key::int), max(key::int) FROM aipipe.prediction WHERE gate = :large_gate GROUP BY 1 ORDER BY 1;
SELECT recorded FROM aipipe.batch WHERE gate = :large_gate;
SELECT count(*), bool_and(p.prediction = aipipe.model_predict('shadow_c', t, 3)) FROM aipipe.prediction p JOIN shadow_large t ON t.id::text = p.key WHERE p.gate = :large_gate AND p.version = 3 AND t.id % 20 = 0;

-- A sample of the keys: the same in every gate, and all of a smaller one in a greater one.
CREATE TABLE shadow_tenth (LIKE shadow_row INCLUDING ALL);
CREATE TABLE shadow_third (LIKE shadow_row INCLUDING ALL);
CREATE TABLE shadow_none (LIKE shadow_row INCLUDING ALL);
SELECT aipipe.gate_create('shadow_tenth', 'shadow_c', 'statement', 'accept', 1, params => '{"log": 0.1}') AS tenth_gate,
       aipipe.gate_create('shadow_third', 'shadow_d', 'row', 'accept', 1, params => '{"log": 0.3}') AS third_gate,
       aipipe.gate_create('shadow_none', 'shadow_c', 'row', 'accept', 1, params => '{"log": 0}') AS none_gate \gset
INSERT INTO shadow_tenth SELECT id, amount, quantity, kind FROM shadow_history;
INSERT INTO shadow_third SELECT id, amount, quantity, kind FROM shadow_history ORDER BY id DESC;
INSERT INTO shadow_none SELECT id, amount, quantity, kind FROM shadow_history;
SELECT gate = :tenth_gate AS tenth, version, round(count(*) / 2000.0, 1) AS share FROM aipipe.prediction WHERE gate IN (:tenth_gate, :third_gate, :none_gate) GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) FROM (SELECT key FROM aipipe.prediction WHERE gate = :tenth_gate EXCEPT SELECT key FROM aipipe.prediction WHERE gate = :third_gate) s;
DELETE FROM shadow_tenth;
INSERT INTO shadow_tenth SELECT id, amount, quantity, kind FROM shadow_history;
SELECT count(*) FROM (SELECT key FROM aipipe.prediction WHERE gate = :tenth_gate GROUP BY key HAVING count(*) <> 6) s;
SELECT relation, log, log_always, log_key FROM aipipe.gate WHERE id IN (:row_gate, :tenth_gate, :none_gate) ORDER BY id;

-- A challenger that fails harms nothing, whatever the gate's policy: a column that the table lacks, several classes.
CREATE TABLE shadow_wide AS SELECT *, id % 10 AS extra, CASE WHEN id % 3 = 0 THEN 'other' ELSE verdict END AS third FROM shadow_history;
SELECT aipipe.model_train('shadow_f', 'classification', 'shadow_wide', 'verdict', ARRAY['amount', 'quantity'], params => '{"n_estimators": 3, "positive": "bad"}'),
       aipipe.model_train('shadow_f', 'classification', 'shadow_wide', 'verdict', ARRAY['amount', 'extra'], params => '{"n_estimators": 3, "positive": "bad"}'),
       aipipe.model_train('shadow_f', 'classification', 'shadow_wide', 'third', ARRAY['amount'], params => '{"n_estimators": 3}');
CREATE TABLE shadow_fails (LIKE shadow_row INCLUDING ALL);
CREATE TABLE shadow_fails_stmt (LIKE shadow_row INCLUDING ALL);
SELECT aipipe.gate_create('shadow_fails', 'shadow_f', 'row', 'accept', 0.5, on_error => 'reject') AS fails_gate,
       aipipe.gate_create('shadow_fails_stmt', 'shadow_f', 'statement', 'accept', 0.5, on_error => 'reject') AS fails_stmt_gate \gset
SELECT aipipe.model_alias('shadow_f', 'challenger', 2);
INSERT INTO shadow_fails SELECT id, amount, quantity, kind FROM shadow_history WHERE id <= 3;
INSERT INTO shadow_fails_stmt SELECT id, amount, quantity, kind FROM shadow_history WHERE id <= 100;
SELECT aipipe.model_alias('shadow_f', 'challenger', 3);
INSERT INTO shadow_fails_stmt SELECT id, amount, quantity, kind FROM shadow_history WHERE id BETWEEN 101 AND 200;
SELECT gate = :fails_gate AS row, rows, accepted, errors, error, recorded, shadow_errors, shadow_error FROM aipipe.batch WHERE model = 'shadow_f' ORDER BY id;
SELECT version, served, count(*) FROM aipipe.prediction WHERE model = 'shadow_f' GROUP BY 1, 2;
-- the other challenger is recorded all the same, and one that the champion's failure does not touch
SELECT aipipe.gate_drop('shadow_fails', :fails_gate), aipipe.gate_drop('shadow_fails_stmt', :fails_stmt_gate);
SELECT aipipe.model_promote('shadow_f', 2), aipipe.model_alias('shadow_f', 'challenger', 3), aipipe.model_alias('shadow_f', 'challenger of old', 1);
ALTER TABLE shadow_fails ADD extra int;
SELECT aipipe.gate_create('shadow_fails', 'shadow_f', 'statement', 'accept', 0.5) AS fails_gate \gset
ALTER TABLE shadow_fails DROP extra;
INSERT INTO shadow_fails SELECT id, amount, quantity, kind FROM shadow_history WHERE id BETWEEN 11 AND 15;
SELECT rows, accepted, errors, error, recorded, shadow_errors, shadow_error FROM aipipe.batch WHERE gate = :fails_gate;
SELECT version, served, count(*) FROM aipipe.prediction WHERE gate = :fails_gate GROUP BY 1, 2;

-- Promoted, the challenger serves and is none any more.
SELECT aipipe.model_alias('shadow_c', 'challenger_2', NULL), aipipe.model_promote('shadow_c', 2);
INSERT INTO shadow_stmt VALUES (7001, 1, 1, 'k1');
SELECT aipipe.model_alias('shadow_c', 'challenger', 1);
INSERT INTO shadow_stmt VALUES (7002, 1, 1, 'k1');
SELECT key, version, served FROM aipipe.prediction WHERE key LIKE '700_' ORDER BY key, version;
SELECT rows, model_version, recorded FROM aipipe.batch ORDER BY id DESC LIMIT 1;
SELECT aipipe.model_alias('shadow_c', 'challenger', NULL);
INSERT INTO shadow_stmt VALUES (7003, 1, 1, 'k1');
SELECT count(*) FROM aipipe.prediction WHERE key = '7003';

-- The champion alone, when asked to.
CREATE TABLE shadow_always (LIKE shadow_row INCLUDING ALL);
SELECT aipipe.gate_create('shadow_always', 'shadow_c', 'row', 'accept', 0.5, params => '{"log_always": true}') AS always_gate \gset
INSERT INTO shadow_always VALUES (1, 1, 1, 'k1'), (2, 2, 2, 'k2');
SELECT key, version, served FROM aipipe.prediction WHERE gate = :always_gate ORDER BY key;

-- Keys of every kind, in the text that ->> gives of them.
CREATE DOMAIN shadow_id AS bigint;
CREATE TYPE shadow_pair AS (a int, b text);
CREATE TABLE shadow_keys (i2 int2, i8 bigint, d shadow_id, u uuid, t text, v varchar(9), c char(4), n numeric, f float8, b bool, ts timestamptz, dt date, j jsonb, ar int[], p shadow_pair, by bytea, amount float8, quantity int, kind text);
CREATE FUNCTION shadow_key(column_names text) RETURNS TABLE (key text, same bool) LANGUAGE plpgsql AS $$
DECLARE
	gate_id bigint;
	names text[] := string_to_array(column_names, ',');
BEGIN
	gate_id := aipipe.gate_create('shadow_keys', 'shadow_c', 'row', 'accept', 1, params => jsonb_build_object('log_always', true, 'log_key', names));
	INSERT INTO public.shadow_keys VALUES (-7, 9000000000, 12, '00112233-4455-6677-8899-aabbccddeeff', 'a "text"', 'v', 'c', 1.50, 1e20, true, '2026-02-03 04:05:06.7+09', '2026-02-03', '{"b": 1, "a": "x"}', '{1,NULL}', '(1,x y)', '\x00ff', 1, 1, 'k1');
	PERFORM aipipe.gate_drop('shadow_keys', gate_id);
	RETURN QUERY SELECT p.key, p.key = CASE WHEN cardinality(names) = 1 THEN k.row ->> names[1] ELSE (SELECT jsonb_object_agg(e.key, e.value)::text FROM jsonb_each(k.row) e WHERE e.key = ANY (names)) END
		FROM aipipe.prediction p, (SELECT to_jsonb(s) AS row FROM public.shadow_keys s LIMIT 1) k WHERE p.gate = gate_id;
END $$;
SET timezone = 'Asia/Tokyo';
SET datestyle = 'German';
SELECT names, k.* FROM unnest(ARRAY['i2', 'i8', 'd', 'u', 't', 'v', 'c', 'n', 'f', 'b', 'j', 'i8,t', 'n,f,b', 'by']) names, shadow_key(names) k;
-- where jsonb has no form of its own, the type's text under pinned settings
SELECT names, k.key FROM unnest(ARRAY['ts', 'dt', 'ar', 'p', 'ts,i2']) names, shadow_key(names) k;
RESET timezone;
RESET datestyle;
-- no key: what is recorded by default is missing, which is counted and said once
CREATE TABLE shadow_keyless (id int, amount float8, quantity int, kind text, double float8 GENERATED ALWAYS AS (amount * 2) STORED);
SELECT aipipe.gate_create('shadow_keyless', 'shadow_c', 'row', 'accept', 1) AS keyless_gate \gset
INSERT INTO shadow_keyless VALUES (1, 1, 1, 'k1');
SELECT aipipe.model_alias('shadow_c', 'challenger', 1);
INSERT INTO shadow_keyless VALUES (1, 1, 1, 'k1'), (2, 1, 1, 'k1');
SELECT rows, accepted, errors, recorded, shadow_errors, shadow_error FROM aipipe.batch WHERE gate = :keyless_gate ORDER BY id;
-- not NULL, not endless: such rows are judged, and not recorded
SELECT aipipe.gate_drop('shadow_keyless', :keyless_gate);
SELECT aipipe.gate_create('shadow_keyless', 'shadow_c', 'row', 'accept', 1, params => '{"log_key": "kind"}') AS keyless_gate \gset
INSERT INTO shadow_keyless VALUES (1, 1, 1, NULL), (2, 1, 1, repeat('x', 8200)), (3, 1, 1, 'k1'), (4, 2, 2, 'k1');
SELECT rows, accepted, recorded, shadow_errors FROM aipipe.batch WHERE gate = :keyless_gate;
SELECT key, version, count(*) FROM aipipe.prediction WHERE gate = :keyless_gate GROUP BY 1, 2 ORDER BY 2;
-- a key that cannot be formed, a row that a challenger cannot encode
SET client_min_messages = warning;
CREATE TYPE shadow_mute;
CREATE FUNCTION shadow_mute_in(cstring) RETURNS shadow_mute LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION shadow_mute_out(shadow_mute) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'shell_out';
CREATE TYPE shadow_mute (INPUT = shadow_mute_in, OUTPUT = shadow_mute_out, LIKE = int4);
RESET client_min_messages;
CREATE TABLE shadow_silent (id shadow_mute, amount float8, quantity int, kind text);
SELECT aipipe.gate_create('shadow_silent', 'shadow_c', 'statement', 'accept', 1, params => '{"log_key": ["id"]}') AS silent_gate \gset
INSERT INTO shadow_silent VALUES ('1', 1, 1, 'k1'), (NULL, 1, 1, 'k1'), ('2', 1, 1, 'k1');
SELECT rows, accepted, errors, recorded, shadow_errors, shadow_error FROM aipipe.batch WHERE gate = :silent_gate;
CREATE TABLE shadow_mutes AS SELECT h.*, NULL::shadow_mute AS mute FROM shadow_history h;
SELECT aipipe.model_train('shadow_m', 'classification', 'shadow_mutes', 'verdict', ARRAY['amount', 'quantity'], params => '{"n_estimators": 3}'),
       aipipe.model_train('shadow_m', 'classification', 'shadow_mutes', 'verdict', ARRAY['amount', 'mute'], params => '{"n_estimators": 3}');
SELECT aipipe.model_alias('shadow_m', 'challenger', 2);
CREATE TABLE shadow_land (id int PRIMARY KEY, amount float8, quantity int, mute shadow_mute);
SELECT aipipe.gate_create('shadow_land', 'shadow_m', 'row', 'accept', 1, on_error => 'reject') AS land_gate \gset
INSERT INTO shadow_land VALUES (1, 1, 1, NULL), (2, 2, 2, '1'), (3, 3, 3, NULL), (4, 4, 4, '2');
SELECT rows, accepted, errors, recorded, shadow_errors, shadow_error FROM aipipe.batch WHERE gate = :land_gate;
SELECT key, version, served, prediction = aipipe.model_predict('shadow_m', t, version) AS same FROM aipipe.prediction p JOIN shadow_land t ON t.id::text = p.key WHERE p.gate = :land_gate AND (t.mute IS NULL OR version = 1) ORDER BY key, version;
-- a corrupted challenger, in a backend that has not loaded it yet
UPDATE aipipe.model_version_data SET compiled = overlay(compiled PLACING '\xdeadbeef'::bytea FROM 64)
 WHERE version = 2 AND model_id = (SELECT id FROM aipipe.model_data WHERE name = 'shadow_m');
\c
SET jit = off;
INSERT INTO shadow_land VALUES (5, 5, 5, NULL);
SELECT rows, errors, recorded, shadow_errors FROM aipipe.batch WHERE gate = :land_gate ORDER BY id DESC LIMIT 1;
DROP TABLE shadow_mutes, shadow_land, shadow_silent;
SELECT count(aipipe.gate_drop(NULL, id)) FROM aipipe.gate WHERE id IN (:land_gate, :silent_gate);
SELECT aipipe.model_drop('shadow_m');
DROP TYPE shadow_mute CASCADE;
-- the key's column went
CREATE TABLE shadow_renamed (id point, amount float8, quantity int, kind text);
SELECT aipipe.gate_create('shadow_renamed', 'shadow_c', 'statement', 'accept', 1, params => '{"log_key": ["id"]}') AS renamed_gate \gset
INSERT INTO shadow_renamed VALUES ('(1,2)', 1, 1, 'k1');
ALTER TABLE shadow_renamed RENAME id TO other;
INSERT INTO shadow_renamed VALUES ('(1,3)', 1, 1, 'k1');
SELECT recorded, shadow_errors, shadow_error FROM aipipe.batch WHERE gate = :renamed_gate ORDER BY id;

-- What gate_create refuses.
SELECT aipipe.gate_drop('shadow_keyless');
SELECT aipipe.gate_create('shadow_keyless', 'shadow_c', 'row', 'accept', 1, params => '{"log": 0.5}');
SELECT aipipe.gate_create('shadow_keyless', 'shadow_c', 'row', 'accept', 1, params => '{"log_always": true}');
SELECT aipipe.gate_create('shadow_keyless', 'shadow_c', 'row', 'accept', 1, params => '{"log": 1.5, "log_key": "id"}');
SELECT aipipe.gate_create('shadow_keyless', 'shadow_c', 'row', 'accept', 1, params => '{"log": 0, "log_always": true}');
SELECT aipipe.gate_create('shadow_keyless', 'shadow_c', 'row', 'accept', 1, params => '{"log_key": ["id", "ammount"]}');
SELECT aipipe.gate_create('shadow_keyless', 'shadow_c', 'row', 'accept', 1, params => '{"log_key": ["id", "id"]}');
SELECT aipipe.gate_create('shadow_keyless', 'shadow_c', 'row', 'accept', 1, params => '{"log_key": "double"}');
SELECT aipipe.gate_create('shadow_keyless', 'shadow_c', 'statement', 'accept', 1, params => '{"log_key": "double"}') AS double_gate \gset
SELECT aipipe.gate_create('shadow_keyless', 'shadow_c', 'row', 'accept', 1, params => '{"log": 0}') IS NOT NULL AS created;
INSERT INTO shadow_keyless VALUES (8, 8, 8, 'k1');
SELECT key, version FROM aipipe.prediction WHERE gate = :double_gate ORDER BY version;
SELECT format('CREATE TABLE shadow_columns (amount float8, quantity int, kind text, %s)', string_agg(format('c%s int', i), ', ')) FROM generate_series(1, 33) i \gexec
SELECT aipipe.gate_create('shadow_columns', 'shadow_c', 'row', 'accept', 1, params => jsonb_build_object('log_key', (SELECT array_agg('c' || i) FROM generate_series(1, 33) i)));

-- Who reads: the gate's owner and who manages the model, not who may only predict. Who loads needs neither.
CREATE ROLE regress_shadow_user;
GRANT CREATE ON SCHEMA public TO regress_shadow_user;
GRANT INSERT ON shadow_always TO regress_shadow_user;
SELECT aipipe.model_grant('shadow_c', 'regress_shadow_user', 'predict');
SET ROLE regress_shadow_user;
INSERT INTO shadow_always VALUES (3, 1, 1, 'k1');
SELECT count(*) FROM aipipe.prediction;
CREATE TABLE shadow_own (id int PRIMARY KEY, amount float8, quantity int, kind text);
SELECT aipipe.gate_create('shadow_own', 'shadow_c', 'row', 'accept', 1) AS own_gate \gset
INSERT INTO shadow_own VALUES (1, 1, 1, 'k1');
SELECT count(*), bool_and(gate = :own_gate) AS own FROM aipipe.prediction;
SELECT aipipe.prediction_prune('shadow_c', now());
RESET ROLE;
SELECT key, version, served FROM aipipe.prediction WHERE gate = :always_gate AND key = '3' ORDER BY version;
SELECT aipipe.model_grant('shadow_c', 'regress_shadow_user', 'manage');
SET ROLE regress_shadow_user;
SELECT count(*) > 100 AS all, count(DISTINCT gate) > 5 AS of_gates, array_agg(DISTINCT model) AS of FROM aipipe.prediction;
RESET ROLE;

-- Old predictions go.
SELECT count(*) AS before FROM aipipe.prediction WHERE model = 'shadow_c' \gset
SELECT aipipe.prediction_prune('shadow_c', '2026-01-01');
SELECT aipipe.prediction_prune('shadow_c', NULL);
SELECT aipipe.prediction_prune('shadow_cc', now());
SELECT aipipe.prediction_prune('shadow_c', 'infinity') = :before AS all;
SELECT model, count(*) > 0 AS still FROM aipipe.prediction WHERE model LIKE 'shadow%' GROUP BY 1 ORDER BY 1;

SELECT count(aipipe.gate_drop(NULL, id)) > 0 AS dropped FROM aipipe.gate WHERE detector LIKE 'shadow%';
DROP TABLE shadow_history, shadow_row, shadow_stmt, shadow_part, shadow_large, shadow_tenth, shadow_third, shadow_none, shadow_wide, shadow_fails, shadow_fails_stmt, shadow_always, shadow_keys, shadow_keyless, shadow_renamed, shadow_columns, shadow_own;
DROP FUNCTION shadow_key(text);
DROP TYPE shadow_pair;
DROP DOMAIN shadow_id;
SELECT aipipe.model_drop('shadow_c'), aipipe.model_drop('shadow_d'), aipipe.model_drop('shadow_f');
SELECT count(*) FROM aipipe.prediction_data WHERE gate >= :row_gate;
REVOKE CREATE ON SCHEMA public FROM regress_shadow_user;
DROP ROLE regress_shadow_user;
