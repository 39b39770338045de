-- Late labels: what turned out to be true, by the row's key.
CREATE SCHEMA model_truth;
SET search_path = model_truth;
CREATE TABLE t AS SELECT i AS id, i % 7 AS a, CASE WHEN i % 7 > 3 THEN 'yes' ELSE 'no' END AS y, (i % 7)::float8 AS v, (i % 7 > 3) AS b, (i % 7 / 2.0)::numeric AS n FROM generate_series(1, 200) i;
SELECT aipipe.model_train('truth_c', 'classification', 't', 'y', '{a}', params => '{"n_estimators": 2}'),
       aipipe.model_train('truth_b', 'classification', 't', 'b', '{a}', params => '{"n_estimators": 2}'),
       aipipe.model_train('truth_n', 'classification', 't', 'n', '{a}', params => '{"n_estimators": 2}'),
       aipipe.model_train('truth_r', 'regression', 't', 'v', '{a}', params => '{"n_estimators": 2}'),
       aipipe.anomaly_train('truth_a', 't', '{a}', '{"n_estimators": 2}');
-- one by one; the last one counts
SELECT aipipe.model_label('truth_c', '1', 'no');
SELECT aipipe.model_label('truth_c', '1', 'yes');
SELECT aipipe.model_label('truth_r', '{"a": 1, "b": "x"}', '1e3');
SELECT aipipe.model_label('truth_a', 'k', 'on');
SELECT model, key, label, labeled_by = current_user AS me, labeled_at <= clock_timestamp() AS dated FROM aipipe.model_labels ORDER BY model, key;
-- from a relation or a SELECT: of keys that are there twice the last one counts, rows without key or label are passed over
SELECT aipipe.model_label('truth_c', 't', 'id', 'y');
SELECT count(*), count(*) FILTER (WHERE l.label = t.y) AS equal FROM aipipe.model_labels l JOIN t ON t.id::text = l.key WHERE l.model = 'truth_c';
SELECT aipipe.model_label('truth_c', 'SELECT * FROM (VALUES (1, ''yes''), (2, NULL), (NULL, ''no''), (1, ''no'')) v(k, truth)', 'k', 'truth');
SELECT label FROM aipipe.model_labels WHERE model = 'truth_c' AND key = '1';
SELECT aipipe.model_label('truth_c', 'SELECT i AS k, ''no'' AS y FROM generate_series(1, 2500) i', 'k', 'y');
SELECT aipipe.model_label('truth_c', 'SELECT 1 AS k, ''no'' AS y WHERE false', 'k', 'y');
SELECT count(*) FROM aipipe.model_labels WHERE model = 'truth_c';
-- keys in the text that jsonb gives them, whatever the session's settings; labels as the classes are written
SET datestyle = 'German'; SET timezone = 'Asia/Tokyo'; SET extra_float_digits = -5;
SELECT aipipe.model_label('truth_b', 'SELECT date ''2024-02-01'' AS k, true AS y', 'k', 'y'),
       aipipe.model_label('truth_b', 'SELECT timestamptz ''2024-02-01 00:00+00'' AS k, false AS y', 'k', 'y'),
       aipipe.model_label('truth_b', 'SELECT 1e20::float8 AS k, false AS y', 'k', 'y'),
       aipipe.model_label('truth_b', 'SELECT 0.1::float8 AS k, false AS y', 'k', 'y'),
       aipipe.model_label('truth_b', 'SELECT ''NaN''::float8 AS k, false AS y', 'k', 'y'),
       aipipe.model_label('truth_b', 'SELECT true AS k, false AS y', 'k', 'y'),
       aipipe.model_label('truth_b', 'SELECT 1.50 AS k, false AS y', 'k', 'y'),
       aipipe.model_label('truth_b', 'SELECT jsonb_build_object(''b'', 1, ''a'', ''x'') AS k, false AS y', 'k', 'y'),
       aipipe.model_label('truth_n', 'SELECT ''q'' AS k, 1.500 AS y', 'k', 'y');
RESET datestyle; RESET timezone; RESET extra_float_digits;
SELECT key, label FROM aipipe.model_labels WHERE model IN ('truth_b', 'truth_n') ORDER BY key COLLATE "C";
SELECT key = (SELECT to_jsonb(s) ->> 'k' FROM (SELECT 1e20::float8 AS k) s) AS as_jsonb FROM aipipe.model_labels WHERE model = 'truth_b' AND key LIKE '1000%';
-- what goes wrong
SELECT aipipe.model_label(NULL, 'k', 'yes');
SELECT aipipe.model_label('truth_c', NULL, 'yes');
SELECT aipipe.model_label('truth_c', 'k', NULL);
SELECT aipipe.model_label('truth_c', 't', 'id', NULL);
SELECT aipipe.model_label('truth_d', 'k', 'yes');
SELECT aipipe.model_label('truth_c', 'k', 'yess');
SELECT aipipe.model_label('truth_c', 'SELECT 5 AS k, ''maybe'' AS y', 'k', 'y');
SELECT aipipe.model_label('truth_r', 'k', 'much');
SELECT aipipe.model_label('truth_r', 'k', 'inf');
SELECT aipipe.model_label('truth_r', 'k', '1x');
SELECT aipipe.model_label('truth_a', 'k', 'perhaps');
SELECT aipipe.model_label('truth_c', 't', 'idd', 'y');
SELECT aipipe.model_label('truth_c', 't', 'id', 'yy');
SELECT aipipe.model_label('truth_c', repeat('k', 3000), 'yes');
BEGIN TRANSACTION READ ONLY;
SELECT aipipe.model_label('truth_c', 'k', 'yes');
ROLLBACK;
-- rights: to manage the model, and to read the rows
CREATE ROLE regress_labeller;
GRANT USAGE ON SCHEMA model_truth TO regress_labeller;
SELECT aipipe.model_grant('truth_c', 'regress_labeller');
SET ROLE regress_labeller;
SELECT aipipe.model_label('truth_c', '1', 'yes');
SELECT count(*) FROM aipipe.model_labels;
RESET ROLE;
SELECT aipipe.model_grant('truth_c', 'regress_labeller', 'manage');
SET ROLE regress_labeller;
SELECT aipipe.model_label('truth_c', '1', 'yes');
SELECT label, labeled_by FROM aipipe.model_labels WHERE key = '1';
SELECT aipipe.model_label('truth_c', 't', 'id', 'y');
INSERT INTO aipipe.model_label_data (model_id, key, label, labeled_by) VALUES (1, 'x', 'y', 'z');
RESET ROLE;
-- labels leave with their model
SELECT aipipe.model_drop('truth_' || m) FROM unnest('{c,b,n,r,a}'::text[]) m;
SELECT count(*) FROM aipipe.model_label_data;
\set VERBOSITY terse
DROP SCHEMA model_truth CASCADE;
DROP ROLE regress_labeller;
