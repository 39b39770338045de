-- The live comparison: recorded predictions, late labels, shares of a split.  The gates' part is played by INSERTs.
CREATE SCHEMA model_compare;
SET search_path = model_compare;
CREATE TABLE t AS SELECT i AS id, (i * 37 % 101) / 101.0 AS a, (i * 53 % 97) / 97.0 AS b, (i * 29 % 89) / 89.0 AS noise,
    CASE WHEN (i * 37 % 101) / 101.0 + (i * 53 % 97) / 97.0 + (i * 71 % 103) / 103.0 > 1.5 THEN 'yes' ELSE 'no' END AS y,
    ((i * 37 % 101) / 101.0 + (i * 53 % 97) / 97.0 + (i * 71 % 103) / 103.0)::float8 AS v
FROM generate_series(1, 900) i;
CREATE VIEW train AS SELECT * FROM t WHERE id <= 500;
CREATE VIEW fresh AS SELECT * FROM t WHERE id > 500;
SELECT aipipe.model_train('live', 'classification', 'train', 'y', f::text[], params => '{"n_estimators": 20, "max_depth": 3}') FROM unnest(ARRAY['{a,b}', '{a}', '{noise}', '{b}']) f;
CREATE FUNCTION record(model text, version int, rows text, served bool, at timestamptz DEFAULT now()) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
    INSERT INTO aipipe.prediction_data SELECT m.id, $2, 1, 1, p.key, p.prediction, $4, $5 FROM aipipe.model_data m, aipipe.model_predict_batch($1, $3, 'id', $2) p WHERE m.name = $1;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;
-- nothing recorded, nothing to compare
SELECT * FROM aipipe.model_compare('live');
-- 1 serves, 2 and 3 are scored beside it; 4 served before
SELECT record('live', 1, 'fresh', true), record('live', 2, 'fresh', false), record('live', 3, 'fresh', false), record('live', 4, 'train', true, now() - interval '2 years');
SELECT aipipe.model_alias('live', 'challenger', 2), aipipe.model_alias('live', 'challenger_b', 3);
-- no labels yet
SELECT version, role, predicted, served, labelled, metric, value, pairs, test FROM aipipe.model_compare('live');
SELECT aipipe.model_label('live', 'fresh', 'id', 'y');
SELECT version, role, predicted, served, labelled, metric, value > ci_low AND value < ci_high AS inside, pairs, test,
       difference < 0 AND difference_ci_high < 0 AS worse, p_value < 0.05 AS significant FROM aipipe.model_compare('live');
-- the same as a test on the source would say
SELECT c.version, m.metric, abs(c.value - (r ->> 'value')::float8) < 1e-6 AS value, abs(c.difference - (r ->> 'difference')::float8) < 1e-6 AS difference,
       abs(c.difference_ci_low - (r ->> 'ci_low')::float8) < 1e-6 AS low, abs(c.p_value - (r ->> 'p_value')::float8) < 1e-6 AS p, c.test
FROM (VALUES ('auc', 'delong'), ('accuracy', 'mcnemar'), ('brier', 'paired_t'), ('log_loss', 'paired_t')) m(metric, test),
     aipipe.model_compare('live', jsonb_build_object('metric', m.metric)) c, aipipe.model_test('live', 'fresh', c.version, 1, m.test, jsonb_build_object('metric', m.metric)) r
WHERE c.role = 'challenger' ORDER BY 1, 2;
SELECT version, value = round(value * labelled) / labelled AS a_share FROM aipipe.model_compare('live', '{"metric": "accuracy"}') WHERE labelled > 0;
-- a window, by age or by date; the newest prediction of a key counts
SELECT version, role, predicted FROM aipipe.model_compare('live', '{"since": "1 year"}');
SELECT version, predicted FROM aipipe.model_compare('live', jsonb_build_object('since', to_char(now() - interval '1 year', 'YYYY-MM-DD')));
SELECT record('live', 1, 'SELECT id, noise AS a, noise AS b FROM fresh', true, now() - interval '1 day');
SELECT version, predicted, labelled, round(value::numeric, 4) = round((aipipe.model_evaluate('live', 'fresh', 1) ->> 'auc')::numeric, 4) AS newest FROM aipipe.model_compare('live', '{"since": "1 year"}') WHERE role = 'champion';
SELECT version, predicted, labelled FROM aipipe.model_compare('live', '{"since": "1 year", "max_rows": 200}');
-- labels that are no class of the champion
INSERT INTO aipipe.model_label_data (model_id, key, label, labeled_by) SELECT id, '1', 'perhaps', 'somebody' FROM aipipe.model_data WHERE name = 'live';
SELECT version, labelled FROM aipipe.model_compare('live') WHERE role = 'former';
-- a split: an arm serves keys of its own
DELETE FROM aipipe.prediction_data;
SELECT aipipe.model_split('live', 2, 0.25);
SELECT record('live', 2, 'SELECT * FROM fresh WHERE id % 4 = 0', true, clock_timestamp()), record('live', 1, 'SELECT * FROM fresh WHERE id % 4 <> 0', true, clock_timestamp());
SELECT version, role, served, round(expected_share::numeric, 3) AS expected, round(served_share::numeric, 3) AS share, round(srm_p_value::numeric, 3) AS srm, pairs, test,
       difference_ci_low < difference AND difference < difference_ci_high AS inside FROM aipipe.model_compare('live');
SELECT metric, test, difference_ci_low < difference AND difference < difference_ci_high AS inside, p_value BETWEEN 0 AND 1 AS p FROM unnest('{accuracy,brier,log_loss}'::text[]) m, aipipe.model_compare('live', jsonb_build_object('metric', m)) WHERE role = 'arm';
-- rows that went the wrong way are noticed
SELECT record('live', 2, 'SELECT * FROM train WHERE id <= 100', true, clock_timestamp());
SELECT version, round(served_share::numeric, 3) AS share, srm_p_value < 1e-6 AS mismatch FROM aipipe.model_compare('live');
-- what was served before the shares changed does not count
SELECT aipipe.model_split('live', 3, 0.1);
SELECT version, role, served, expected_share, served_share, srm_p_value FROM aipipe.model_compare('live');
-- a share that ended gave its keys back: what was served before does not count
SELECT aipipe.model_split('live', 3, 0);
SELECT record('live', 2, 'SELECT * FROM fresh WHERE id % 4 = 0', true, clock_timestamp()), record('live', 1, 'SELECT * FROM fresh WHERE id % 4 <> 0', true, clock_timestamp());
SELECT version, role, expected_share, served_share, srm_p_value FROM aipipe.model_compare('live') WHERE expected_share IS NOT NULL;
-- a champion with a share of its own serves all that others leave; alone it is no split
SELECT aipipe.model_promote('live', 2);
SELECT count(expected_share) FROM aipipe.model_compare('live');
SELECT aipipe.model_split('live', 1, 0.25);
SELECT record('live', 1, 'SELECT * FROM fresh WHERE id % 4 = 0', true, clock_timestamp()), record('live', 2, 'SELECT * FROM fresh WHERE id % 4 <> 0', true, clock_timestamp());
SELECT version, role, expected_share, served_share, srm_p_value FROM aipipe.model_compare('live') WHERE expected_share IS NOT NULL;
SELECT aipipe.model_split('live', 1, 0), aipipe.model_promote('live', 1);
-- a version of other classes has counts alone, one of the same in another order is compared
SELECT aipipe.model_train('live_o', 'classification', s, 'y', '{a,b}', params => p || '{"n_estimators": 5}')
FROM (VALUES (1, 'train', '{}'::jsonb), (2, 'SELECT a, b, CASE y WHEN ''no'' THEN ''yes'' ELSE ''z'' END AS y FROM train', '{}'), (3, 'train', '{"positive": "no"}')) v(n, s, p) ORDER BY n;
SELECT record('live_o', v, 'fresh', v = 1) FROM generate_series(1, 3) v;
SELECT aipipe.model_label('live_o', 'fresh', 'id', 'y');
SELECT version, predicted, labelled, value IS NULL AS none, pairs, test, difference FROM aipipe.model_compare('live_o', '{"metric": "accuracy"}');
SELECT aipipe.model_drop('live_o');
-- where a probability is the threshold itself, it decides as it serves
CREATE TABLE even AS SELECT i AS id, i % 3 AS a, CASE WHEN i / 3 % 4 < i % 3 + 1 THEN 'yes' ELSE 'no' END AS y FROM generate_series(0, 599) i;
SELECT aipipe.model_train('live_e', 'classification', 'even', 'y', '{a}', 'rules', p || '{"holdout": 0, "rules": [{"when": {"a": 0}}, {"when": {"a": 1}}]}')
FROM (VALUES (1, '{"threshold": 0.5}'::jsonb), (2, '{"threshold": 0.25, "positive": "no"}'), (3, '{"positive": "no"}')) v(n, p) ORDER BY n;
SELECT record('live_e', v, 'even', v = 1) FROM generate_series(1, 3) v;
SELECT aipipe.model_label('live_e', 'even', 'id', 'y');
SELECT version, abs(value - (aipipe.model_evaluate('live_e', 'even', version) ->> 'accuracy')::float8) < 1e-9 AS value, round(value::numeric, 4) AS accuracy, pairs FROM aipipe.model_compare('live_e', '{"metric": "accuracy"}');
SELECT aipipe.model_drop('live_e');
-- regressions; detectors with what turned out to be an anomaly; several classes have counts alone
SELECT aipipe.model_train('live_r', 'regression', 'train', 'v', f::text[], params => '{"n_estimators": 20, "max_depth": 3}') FROM unnest(ARRAY['{a,b}', '{a}', '{noise}']) f;
SELECT record('live_r', v, 'fresh', v = 1) FROM generate_series(1, 2) v;
SELECT record('live_r', 3, 'train', true);
SELECT aipipe.model_label('live_r', 't', 'id', 'v');
SELECT c.version, role, labelled, c.metric, abs(value - (aipipe.model_evaluate('live_r', CASE c.version WHEN 3 THEN 'train' ELSE 'fresh' END, c.version) ->> c.metric)::float8) < 1e-6 AS value,
       ci_low < value AND value < ci_high AS inside, pairs, test, difference_ci_low < difference AND difference < difference_ci_high AS between, p_value < 0.05 AS significant
FROM unnest('{rmse,mae}'::text[]) m, aipipe.model_compare('live_r', jsonb_build_object('metric', m)) c;
SELECT aipipe.anomaly_train('live_a', 'train', '{a,b}', '{"n_estimators": 10}');
SELECT record('live_a', 1, 'SELECT id, CASE WHEN id % 10 = 0 THEN 99 ELSE a END AS a, b FROM fresh', true);
SELECT aipipe.model_label('live_a', 'SELECT id, id % 10 = 0 AS strange FROM fresh', 'id', 'strange');
SELECT version, role, labelled, metric, value > 0.9 AS good FROM aipipe.model_compare('live_a');
SELECT aipipe.model_train('live_m', 'classification', 'SELECT a, (id % 3)::text AS z FROM train', 'z', params => '{"n_estimators": 2}');
INSERT INTO aipipe.prediction_data SELECT id, 1, 1, 1, '1', 0.5, true, now() FROM aipipe.model_data WHERE name = 'live_m';
SELECT version, predicted, labelled, metric, value FROM aipipe.model_compare('live_m');
SELECT * FROM aipipe.model_compare('live_m', '{"metric": "auc"}');
-- few labels are no error
DELETE FROM aipipe.model_label_data WHERE key::int > 501;
SELECT version, labelled, value IS NULL AS none, ci_low IS NULL AS no_interval, test FROM aipipe.model_compare('live_r') ORDER BY version;
-- what goes wrong
SELECT * FROM aipipe.model_compare(NULL);
SELECT * FROM aipipe.model_compare('liver');
SELECT * FROM aipipe.model_compare('live', '{"metric": "f1"}');
SELECT * FROM aipipe.model_compare('live_r', '{"metric": "auc"}');
SELECT * FROM aipipe.model_compare('live', '{"since": "long ago"}');
-- its hint is written otherwise from 18 on
\set VERBOSITY terse
SELECT * FROM aipipe.model_compare('live', '{"since": "2024-13-01"}');
\set VERBOSITY default
SELECT * FROM aipipe.model_compare('live', '{"sinse": "1 day"}');
SELECT aipipe.model_sample_size(0.1, 0.1), aipipe.model_sample_size(0.1, 1.2);
SELECT aipipe.model_sample_size(0.1, 0.12, 0);
SELECT round(aipipe.model_sample_size(0.10, 0.12)::numeric, 2) AS rows, aipipe.model_sample_size(NULL, 0.1) AS none;
-- rights, and dropping
CREATE ROLE regress_comparer;
SET ROLE regress_comparer;
SELECT * FROM aipipe.model_compare('live');
RESET ROLE;
SELECT aipipe.model_grant('live', 'regress_comparer');
SET ROLE regress_comparer;
SELECT count(*) FROM aipipe.model_compare('live');
RESET ROLE;
SELECT aipipe.model_split('live', 2, 0), aipipe.model_alias('live', 'challenger', NULL);
SELECT aipipe.model_drop('live', 2);
SELECT DISTINCT version FROM aipipe.prediction WHERE model = 'live' ORDER BY 1;
SELECT aipipe.model_drop(m) FROM unnest('{live,live_r,live_a,live_m}'::text[]) m;
SELECT count(*) FROM aipipe.prediction_data;
\set VERBOSITY terse
DROP SCHEMA model_compare CASCADE;
DROP ROLE regress_comparer;
