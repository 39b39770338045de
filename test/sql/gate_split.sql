-- A split: versions beside the champion serve a share of the row keys, and a key stays with its version.
-- Version 1 holds amounts above 1,000, version 2 those up to 1,000, version 3 all above 500.
-- Which keys a version gets depends on the model's id: it is the same in every run.
SELECT setval('aipipe.gate_data_id_seq', 14000, false) AS gate, setval('aipipe.decision_data_id_seq', 14000, false) AS decision, setval('aipipe.model_data_id_seq', 14000, false) AS model \gset base_
SET enable_nestloop = off; SET jit = off; -- the log has no statistics yet
CREATE TABLE split_history AS SELECT i AS id, i * 10.0::float8 AS amount, (i > 100)::int::float8 AS bad, 0 AS extra FROM generate_series(1, 200) i;
CREATE FUNCTION split_train(columns text[]) RETURNS int LANGUAGE sql AS $$
	SELECT aipipe.model_train('split_size', 'regression', 'public.split_history', 'bad', columns,
		params => '{"n_estimators": 1, "learning_rate": 1, "lambda": 0, "max_depth": 1, "holdout": 0, "max_bin": 512}') $$;
SELECT split_train(ARRAY['amount']);
UPDATE split_history SET bad = 1 - bad;
SELECT split_train(ARRAY['amount']);
UPDATE split_history SET bad = (id > 50)::int;
SELECT split_train(ARRAY['amount']);

-- What model_split() refuses.
SELECT aipipe.model_split('split_size', 2, 1.5);
SELECT aipipe.model_split('split_size', 2, 'NaN');
SELECT aipipe.model_split('split_size', 2, -0.1);
SELECT aipipe.model_split('split_size', 7, 0.1);
SELECT aipipe.model_split('split_sise', 2, 0.1);
SELECT aipipe.model_split('split_size', NULL, 0.1);
SELECT aipipe.model_split(NULL, 2, 0.1);
SELECT aipipe.model_split('split_size', 0, 0.1);
BEGIN READ ONLY;
SELECT aipipe.model_split('split_size', 2, 0.1);
ROLLBACK;
CREATE ROLE regress_split_user;
SELECT aipipe.model_grant('split_size', 'regress_split_user', 'predict');
SET ROLE regress_split_user;
SELECT aipipe.model_split('split_size', 2, 0.1);
RESET ROLE;
SELECT aipipe.model_grant('split_size', 'regress_split_user', 'manage');
SET ROLE regress_split_user;
SELECT aipipe.model_split('split_size', 2, 0.1, 'a first try');
SELECT aipipe.model_split('split_size', 2, 0.1);
SELECT model, version, share, changed_by FROM aipipe.model_split;
RESET ROLE;
SELECT aipipe.model_revoke('split_size', 'regress_split_user', 'manage'), aipipe.model_revoke('split_size', 'regress_split_user', 'predict');
SET ROLE regress_split_user;
SELECT count(*) FROM aipipe.model_split;
RESET ROLE;
SELECT aipipe.model_split('split_size', 3, 0.91);
SELECT aipipe.model_split('split_size', 3, 0.9);
SELECT aipipe.model_split('split_size', 3, 0), aipipe.model_split('split_size', 2, NULL, 'enough');
SELECT aipipe.model_split('split_size', 3, 0);
SELECT alias, action, old_version, new_version, changed_by = 'regress_split_user' AS by_user, why FROM aipipe.model_alias_history WHERE model = 'split_size' ORDER BY id;
SELECT count(*) FROM aipipe.model_split WHERE model = 'split_size';

-- Shares are near nominal, and a changed share moves keys between its version and the champion only.
CREATE TABLE split_keys (id bigint PRIMARY KEY, amount float8);
SELECT aipipe.gate_create('split_keys', 'split_size', 'statement', 'accept', 0.5) AS gate \gset
CREATE TABLE split_seen (step text, key text, version int);
CREATE PROCEDURE split_look(step text) LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE public.split_keys;
	INSERT INTO public.split_keys SELECT i, 700 FROM generate_series(1, 10000) i;
	INSERT INTO public.split_seen SELECT step, p.key, p.version FROM aipipe.prediction p WHERE p.batch = (SELECT max(id) FROM aipipe.batch WHERE model = 'split_size') AND p.served;
END $$;
CREATE FUNCTION split_moves(one text, other text) RETURNS TABLE (moved text, share numeric) LANGUAGE sql AS $$
	SELECT a.version || ' to ' || b.version, round(count(*) / 10000.0, 1) FROM public.split_seen a JOIN public.split_seen b USING (key)
	WHERE a.step = one AND b.step = other AND a.version <> b.version GROUP BY 1 ORDER BY 1 $$;
SELECT aipipe.model_split('split_size', 2, 0.1);
CALL split_look('tenth');
SELECT version, round(count(*) / 10000.0, 1) AS share FROM split_seen WHERE step = 'tenth' GROUP BY 1 ORDER BY 1;
CALL split_look('again');
SELECT * FROM split_moves('tenth', 'again');
SELECT aipipe.model_split('split_size', 3, 0.2);
CALL split_look('two');
SELECT version, round(count(*) / 10000.0, 1) AS share FROM split_seen WHERE step = 'two' GROUP BY 1 ORDER BY 1;
SELECT * FROM split_moves('tenth', 'two');
SELECT aipipe.model_split('split_size', 2, 0.4);
CALL split_look('more');
SELECT * FROM split_moves('two', 'more');
SELECT aipipe.model_split('split_size', 3, 0.1);
CALL split_look('less');
SELECT * FROM split_moves('more', 'less');
SELECT aipipe.model_split('split_size', 2, 0.1);
CALL split_look('back');
SELECT * FROM split_moves('less', 'back');
SELECT count(*) FROM (SELECT key FROM split_seen WHERE step = 'back' AND version = 2 EXCEPT SELECT key FROM split_seen WHERE step = 'tenth' AND version = 2) s;
SELECT s.slots FROM aipipe.model_split_data s JOIN aipipe.model_data m ON m.id = s.model_id WHERE m.name = 'split_size' ORDER BY s.version_id;
-- nothing is left for the champion
SELECT aipipe.model_split('split_size', 2, 2 / 3.0), aipipe.model_split('split_size', 3, 1 / 3.0);
CALL split_look('all');
SELECT version, round(count(*) / 10000.0, 1) AS share FROM split_seen WHERE step = 'all' GROUP BY 1 ORDER BY 1;
SELECT aipipe.model_split('split_size', 2, 0), aipipe.model_split('split_size', 3, 1);
CALL split_look('one');
SELECT version, count(*) FROM split_seen WHERE step = 'one' GROUP BY 1;
SELECT aipipe.model_split('split_size', 3, 1e-9);
CALL split_look('least');
SELECT version, count(*) > 9900 AS nearly_all FROM split_seen WHERE step = 'least' GROUP BY 1;
-- a sample is fair to every version
SELECT aipipe.model_split('split_size', 3, 0.5), aipipe.gate_drop('split_keys');
SELECT aipipe.gate_create('split_keys', 'split_size', 'statement', 'accept', 0.5, params => '{"log": 0.2}') AS gate \gset
CALL split_look('sample');
SELECT version, round(count(*) / 10000.0, 1) AS share FROM split_seen WHERE step = 'sample' GROUP BY 1 ORDER BY 1;
-- another model cuts the keys in another way
SELECT aipipe.model_import('split_other', aipipe.model_export('split_size', v), ARRAY['amount'], 'regression') FROM generate_series(1, 2) v;
SELECT aipipe.model_split('split_other', 2, 0.5);
CREATE TABLE split_cut (id bigint PRIMARY KEY, amount float8);
SELECT aipipe.gate_create('split_cut', 'split_other', 'row', 'accept', 0.5) AS cut_gate \gset
INSERT INTO split_cut SELECT i, 700 FROM generate_series(1, 10000) i;
SELECT a.version = 3 AS one, p.version = 2 AS other, count(*) BETWEEN 400 AND 600 AS quarter FROM aipipe.prediction p JOIN split_seen a USING (key) WHERE a.step = 'sample' AND p.gate = :cut_gate GROUP BY 1, 2 ORDER BY 1, 2;
-- a split of the champion's own waits until it is champion no more
SELECT aipipe.model_split('split_other', 1, 0.5);
SELECT aipipe.model_promote('split_other', 2);
TRUNCATE split_cut;
INSERT INTO split_cut SELECT i, 700 FROM generate_series(1, 1000) i;
SELECT version, round(count(*) / 1000.0, 1) AS share FROM aipipe.prediction WHERE batch = (SELECT max(id) FROM aipipe.batch WHERE gate = :cut_gate) GROUP BY 1 ORDER BY 1;

-- The version that serves decides: both timings, with its number and its reasons; an update stays with it.
SELECT aipipe.model_split('split_size', 3, 0), aipipe.model_split('split_size', 2, 0.5), aipipe.gate_drop('split_keys');
CREATE TABLE split_row (id int PRIMARY KEY, amount float8, score float8);
CREATE TABLE split_stmt (id int PRIMARY KEY, amount float8);
SELECT aipipe.gate_create('split_row', 'split_size', 'row', 'quarantine', 0.5, 'score', params => '{"update": true}') AS row_gate,
       aipipe.gate_create('split_stmt', 'split_size', 'statement', 'quarantine', 0.5, params => '{"log": 0, "update": true}') AS stmt_gate \gset
INSERT INTO split_row SELECT i, CASE WHEN i % 2 = 0 THEN 2000 ELSE 1 END FROM generate_series(1, 400) i;
INSERT INTO split_stmt SELECT i, CASE WHEN i % 2 = 0 THEN 2000 ELSE 1 END FROM generate_series(1, 400) i;
SELECT gate = :row_gate AS row, model_version, ("row"->>'amount')::float8 AS amount, score, reasons->0->>'column' AS because, count(*) BETWEEN 70 AND 130 AS fair
FROM aipipe.quarantine WHERE gate IN (:row_gate, :stmt_gate) GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2;
SELECT id FROM split_row WHERE score <> 0;
SELECT count(*) FROM split_row FULL JOIN split_stmt USING (id) WHERE split_row.id IS NULL OR split_stmt.id IS NULL;
SELECT count(*), bool_and(p.served) AS served, bool_and(p.prediction = CASE WHEN (p.version = 1) = (p.key::int % 2 = 0) THEN 1 ELSE 0 END) AS right FROM aipipe.prediction p WHERE gate = :row_gate;
SELECT count(*) FROM aipipe.prediction WHERE gate = :stmt_gate;
SELECT gate = :row_gate AS row, rows, accepted + quarantined AS decided, score_min, score_max, model_version, shadow_errors FROM aipipe.batch WHERE gate IN (:row_gate, :stmt_gate) ORDER BY id;
UPDATE split_row SET amount = 3000 WHERE amount = 2000;
UPDATE split_stmt SET amount = 3000 WHERE amount = 2000;
SELECT event, rows BETWEEN 70 AND 130 AS some, quarantined FROM aipipe.batch WHERE gate IN (:row_gate, :stmt_gate) AND event = 'UPDATE' ORDER BY id;
-- reject, in the words of the version that serves
CREATE TABLE split_reject (id int PRIMARY KEY, amount float8);
SELECT aipipe.gate_create('split_reject', 'split_size', 'row', 'reject', 0.5) AS reject_gate \gset
SELECT key AS of_2 FROM aipipe.prediction WHERE gate = :row_gate AND version = 2 AND prediction = 1 ORDER BY key::int LIMIT 1 \gset
INSERT INTO split_reject VALUES (:of_2, 1);
INSERT INTO split_reject VALUES (:of_2, 2000) RETURNING amount;

-- An arm may be a challenger too: then both say something of every row, one serves.
SELECT aipipe.model_alias('split_size', 'challenger', 2);
INSERT INTO split_row SELECT i, 1 FROM generate_series(1001, 1200) i;
SELECT version, served, count(*) > 70 AS fair FROM aipipe.prediction WHERE batch = (SELECT max(id) FROM aipipe.batch WHERE gate = :row_gate) GROUP BY 1, 2 ORDER BY 1, 2;
SELECT aipipe.model_alias('split_size', 'challenger', NULL);

-- One key for several rows: a customer's rows go to one version together.
CREATE TABLE split_order (id int PRIMARY KEY, customer text, amount float8);
SELECT aipipe.gate_create('split_order', 'split_size', 'statement', 'accept', 0.5, params => '{"log_key": ["customer"]}') AS order_gate \gset
INSERT INTO split_order SELECT i, 'c' || i % 50, 1 FROM generate_series(1, 500) i;
SELECT count(*), count(DISTINCT key), count(DISTINCT (key, version)) FROM aipipe.prediction WHERE gate = :order_gate;
-- without a key the champion serves, and that is said
CREATE TABLE split_keyless (id int, amount float8);
SELECT aipipe.gate_create('split_keyless', 'split_size', 'statement', 'mark', 0.5, params => '{"log": 0}') AS keyless_gate \gset
INSERT INTO split_keyless SELECT i, 2000 FROM generate_series(1, 20) i;
SELECT rows, marked, recorded, shadow_errors, shadow_error FROM aipipe.batch WHERE gate = :keyless_gate;

-- An arm that fails follows on_error for its rows; the champion's rows are judged.
UPDATE split_history SET bad = (id > 100)::int, extra = id % 7;
SELECT split_train(ARRAY['amount', 'extra']) AS failing \gset
SELECT aipipe.model_split('split_size', 2, 0), aipipe.model_split('split_size', :failing, 0.5);
SELECT aipipe.gate_drop('split_row'), aipipe.gate_drop('split_stmt'), aipipe.gate_drop('split_reject');
TRUNCATE split_row, split_stmt, split_reject;
SELECT aipipe.gate_create('split_row', 'split_size', 'row', 'quarantine', 0.5, on_error => 'quarantine') AS row_gate,
       aipipe.gate_create('split_stmt', 'split_size', 'statement', 'quarantine', 0.5, on_error => 'accept') AS stmt_gate,
       aipipe.gate_create('split_reject', 'split_size', 'row', 'mark', 0.5, on_error => 'reject') AS reject_gate \gset
INSERT INTO split_row SELECT i, 2000 FROM generate_series(1, 200) i;
INSERT INTO split_stmt SELECT i, 2000 FROM generate_series(1, 200) i;
SELECT gate = :row_gate AS row, rows, quarantined BETWEEN 70 AND 130 AS some, errors BETWEEN 70 AND 130 AS failed, error, recorded = rows - errors AS recorded, shadow_errors FROM aipipe.batch WHERE gate IN (:row_gate, :stmt_gate) ORDER BY id;
SELECT count(*) = (SELECT errors FROM aipipe.batch WHERE gate = :row_gate) AS held FROM aipipe.quarantine WHERE gate = :row_gate AND reasons->0 ? 'error' AND score IS NULL AND model_version IS NULL;
SELECT min(key::int) AS of_champion FROM aipipe.prediction WHERE gate = :row_gate \gset
SELECT min(i) AS of_failing FROM generate_series(1, 200) i WHERE i::text NOT IN (SELECT key FROM aipipe.prediction WHERE gate = :row_gate) \gset
INSERT INTO split_reject VALUES (:of_champion, 1) RETURNING amount;
INSERT INTO split_reject VALUES (:of_failing, 1);

-- A version with a share is not dropped; a model takes its split and log along.
SELECT aipipe.model_drop('split_size', :failing);
SELECT aipipe.model_split('split_size', :failing, 0);
SELECT aipipe.model_drop('split_size', :failing);
SELECT shadowed FROM aipipe.model_data WHERE name = 'split_size';
SELECT aipipe.model_split('split_size', 2, 0.25);
SELECT shadowed FROM aipipe.model_data WHERE name = 'split_size';
-- A version without a single score would leave its keys unjudged.
SELECT aipipe.model_train('split_classes', 'classification', format('SELECT i AS a, (i %% %s)::text AS y FROM generate_series(1, 100) i', n), 'y', params => '{"n_estimators": 1}') FROM generate_series(2, 3) n;
SELECT aipipe.model_split('split_classes', 2, 0.1);
SELECT aipipe.model_split('split_classes', 1, 0.1);
SELECT aipipe.model_split('split_classes', 2, 0);
SELECT aipipe.model_drop('split_classes');
SELECT count(aipipe.gate_drop(NULL, id)) > 0 AS dropped FROM aipipe.gate WHERE detector LIKE 'split%';
SELECT aipipe.model_drop('split_size'), aipipe.model_drop('split_other');
SELECT count(*) FROM aipipe.model_split_data s WHERE NOT EXISTS (SELECT FROM aipipe.model_data m WHERE m.id = s.model_id);
SELECT count(*) FROM aipipe.prediction_data p WHERE NOT EXISTS (SELECT FROM aipipe.model_data m WHERE m.id = p.model_id);
DROP TABLE split_history, split_keys, split_seen, split_cut, split_row, split_stmt, split_reject, split_order, split_keyless;
DROP PROCEDURE split_look(text);
DROP FUNCTION split_train(text[]), split_moves(text, text);
DROP ROLE regress_split_user;
