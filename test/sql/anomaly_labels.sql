-- Detectors that learn from labels: what people called anomalous, and what nobody looked at.
\set VERBOSITY default
\set SHOW_CONTEXT never
CREATE SCHEMA anomaly_labels;
SET search_path = anomaly_labels;

-- 3,000 orders; those of channel 'api' whose amount ends in 7 are what the people here call wrong, and nothing about them is rare.
CREATE TABLE orders AS
SELECT i AS id, (i * 7919) % 1000 AS amount, CASE i % 3 WHEN 0 THEN 'web' WHEN 1 THEN 'shop' ELSE 'api' END AS channel,
       (i * 31) % 97 AS items, ((i * 7919) % 1000) % 10 = 7 AND i % 3 = 2 AS wrong, NULL::boolean AS told
  FROM generate_series(1, 3000) AS i;
UPDATE orders SET told = wrong WHERE id % 4 < 2 AND (wrong OR id % 10 = 0);
SELECT count(*) FILTER (WHERE wrong) AS wrong, count(*) FILTER (WHERE told) AS told_wrong, count(*) FILTER (WHERE NOT told) AS told_right,
       count(*) FILTER (WHERE told IS NULL) AS untold FROM orders;
-- a digit is what the trees cannot see, so it is a column
CREATE VIEW seen AS SELECT amount, channel, items, amount % 10 AS digit, told, wrong, id FROM orders;

SELECT aipipe.anomaly_train('plain', 'seen', ARRAY['amount', 'channel', 'items', 'digit']);
SELECT aipipe.anomaly_train('told', 'seen', ARRAY['amount', 'channel', 'items', 'digit'], '{"label": "told"}');
SELECT model, algorithm, target, params->'folds' AS folds, params->'novelty' AS novelty, params->'components' AS components, params ? 'label' AS label
  FROM aipipe.model_version WHERE model = ANY ('{plain,told}') ORDER BY model;
-- rows that nobody labelled are found by what the labelled ones have in common
WITH s AS (SELECT d.detector, s.wrong, aipipe.anomaly_score(d.detector, s) AS severity FROM (VALUES ('plain'), ('told')) AS d(detector), seen s WHERE told IS NULL)
SELECT detector, round(avg((severity > (SELECT percentile_cont(.95) WITHIN GROUP (ORDER BY o.severity) FROM s o WHERE NOT o.wrong AND o.detector = s.detector))::int), 1) AS found
  FROM s WHERE wrong GROUP BY 1 ORDER BY 1;
-- severities are shares of the rows that nobody called wrong, so a hundredth of them lies above .99; these are the ones nobody looked at
SELECT round(avg((aipipe.anomaly_score('told', s) >= .99)::int), 2) AS above, bool_and(wrong) FILTER (WHERE aipipe.anomaly_score('told', s) >= .99) AS wrong FROM seen s WHERE told IS NOT TRUE;
-- what is strange in a way that no label told of is still strange
SELECT aipipe.anomaly_score('told', r) > .95 AS far_off FROM (SELECT 500 AS amount, 'web' AS channel, -4000 AS items, 3 AS digit) AS r;
-- the columns that the labels are about come first, and all add up to the margin
SELECT "column", value, contribution > 1 AS matters FROM (SELECT * FROM seen WHERE wrong ORDER BY id LIMIT 1) AS s, aipipe.anomaly_explain('told', s) AS e LIMIT 2;
SELECT feature, weight > 0 AS used FROM aipipe.model_importance('told') WHERE feature = ANY ('{digit,channel}') ORDER BY feature;

-- 0 and 1 serve as labels too; the same rows give the same bytes; a version more of a detector that knew no labels
SELECT aipipe.anomaly_train('told', 'SELECT amount, channel, items, digit, told::int AS told FROM seen', params => '{"label": "told"}');
SELECT count(DISTINCT sha256) AS distinct_bytes FROM aipipe.model_version WHERE model = 'told';
SELECT aipipe.anomaly_train('plain', 'seen', ARRAY['amount', 'channel', 'items', 'digit'], '{"label": "told", "boost": {"max_depth": 2, "n_estimators": 20}, "folds": 0, "novelty": 1, "algorithm": "isolation_forest", "n_estimators": 20}');
SELECT version, algorithm, params->'boost' AS boost, params->'components' AS components, params->'n_estimators' AS n_estimators FROM aipipe.model_version WHERE model = 'plain' AND version = 2;
SELECT alias, version FROM aipipe.model_alias WHERE model = 'plain';
SELECT aipipe.model_alias('plain', 'challenger', 2);
-- one label is enough to learn from, though nothing is left to check it by
SELECT aipipe.anomaly_train('one', 'SELECT amount, digit, channel, CASE WHEN id = 53 THEN true END AS told FROM seen', params => '{"label": "told"}');
SELECT params->'folds' AS folds FROM aipipe.model_version WHERE model = 'one';

-- errors
SELECT aipipe.anomaly_train('bad', 'seen', params => '{"label": "no_such_column"}');
SELECT aipipe.anomaly_train('bad', 'seen', params => '{"label": "channel"}');
SELECT aipipe.anomaly_train('bad', 'seen', params => '{"label": "digit"}');
SELECT aipipe.anomaly_train('bad', 'seen', params => '{"label": 7}');
SELECT aipipe.anomaly_train('bad', 'seen', ARRAY['amount', 'told'], params => '{"label": "told"}');
SELECT aipipe.anomaly_train('bad', 'SELECT amount, NULL::boolean AS told FROM seen', params => '{"label": "told"}');
SELECT aipipe.anomaly_train('bad', 'SELECT amount, true AS told FROM seen', params => '{"label": "told"}');
SELECT aipipe.anomaly_train('bad', 'SELECT amount, told FROM seen WHERE false', params => '{"label": "told"}');
SELECT aipipe.anomaly_train('bad', 'seen', params => '{"label": "told", "novelty": -1}');
SELECT aipipe.anomaly_train('bad', 'seen', params => '{"label": "told", "fold": 2}');
SELECT aipipe.anomaly_train('bad', 'seen', params => '{"label": "told", "boost": {"max_dept": 2}}');
SELECT aipipe.anomaly_train('bad', 'seen', params => '{"label": "told", "boost": 2}');
SELECT aipipe.model_train('bad', 'anomaly', 'seen', 'told');
SELECT aipipe.model_train('bad', 'anomaly', 'seen', algorithm => 'xgbod');
SELECT aipipe.model_train('bad', 'classification', 'seen', 'wrong', algorithm => 'xgbod');
SELECT count(*) AS models FROM aipipe.model WHERE name = 'bad';

-- labels from review: what was discarded or corrected was wrong, what was released as it came was not
CREATE TABLE landing (amount int, channel text, items int, digit int);
SELECT setval('aipipe.gate_data_id_seq', 21000, false) AS gate \gset base_
SELECT aipipe.gate_create('landing', 'plain', threshold => 0) IS NOT NULL AS created;
INSERT INTO landing VALUES (1, 'web', 1, 1), (7, 'api', 2, 7), (17, 'api', 3, 7), (3, 'shop', 4, 3);
SELECT count(*) AS labelled FROM aipipe.quarantine_labels('landing');
SELECT aipipe.quarantine_release(q.id, CASE WHEN q."row"->>'amount' = '7' THEN '{"amount": 8}'::jsonb END) FROM aipipe.quarantine q WHERE q.relation = 'anomaly_labels.landing' AND q."row"->>'amount' = ANY ('{1,7}') ORDER BY q.id;
SELECT aipipe.quarantine_discard(q.id, 'wrong') FROM aipipe.quarantine q WHERE q.relation = 'anomaly_labels.landing' AND q."row"->>'amount' = '17';
SELECT r.*, l.anomalous, l.decided_at IS NOT NULL AS decided FROM aipipe.quarantine_labels('landing') AS l, jsonb_populate_record(NULL::landing, l."row") AS r ORDER BY r.amount;
SELECT aipipe.anomaly_train('reviewed', 'SELECT r.*, l.anomalous FROM aipipe.quarantine_labels(''anomaly_labels.landing'') AS l, jsonb_populate_record(NULL::anomaly_labels.landing, l."row") AS r
    UNION ALL SELECT amount, channel, items, digit, NULL FROM seen', params => '{"label": "anomalous"}');
SELECT aipipe.gate_drop('landing');

-- another owner's quarantine gives no labels
CREATE ROLE regress_labels_other;
GRANT USAGE ON SCHEMA anomaly_labels TO regress_labels_other;
SET ROLE regress_labels_other;
SELECT count(*) AS labels FROM aipipe.quarantine_labels('landing');
RESET ROLE;
REVOKE ALL ON SCHEMA anomaly_labels FROM regress_labels_other;
DROP ROLE regress_labels_other;
SELECT count(*) AS dropped FROM (SELECT aipipe.model_drop(m) FROM unnest('{plain,told,one,reviewed}'::text[]) AS m) AS s;
DROP SCHEMA anomaly_labels CASCADE;
