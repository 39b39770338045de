-- Decision thresholds: given or chosen, kept with the version, used by everything that decides.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA model_threshold;
SET search_path = model_threshold;
CREATE TABLE visit AS
SELECT i AS id, (i * 7919 % 1000) / 10.0::float8 AS a, i * 104729 % 89 AS b, i * 31 % 7 AS c FROM generate_series(1, 2000) AS i;
ALTER TABLE visit ADD y text, ADD k text;
UPDATE visit SET y = CASE WHEN (a + b > 140) <> (id % 9 < 2) THEN 'yes' ELSE 'no' END, k = chr(97 + c % 3);
CREATE FUNCTION train(more jsonb, model text DEFAULT 'cut y', target text DEFAULT 'y') RETURNS int LANGUAGE sql AS $$
SELECT aipipe.model_train(model, 'classification', 'model_threshold.visit', target, ARRAY['a','b','c'],
                          params => '{"n_estimators": 8, "max_depth": 3, "holdout": 0, "validation": 0.5, "seed": 5}' || more) $$;
-- all versions learn from the same rows and choose on the same others
SELECT train(more) AS version, more FROM unnest(ARRAY['{}', '{"threshold": 0.25}', '{"threshold": "f1"}', '{"threshold": "mcc"}', '{"threshold": "accuracy"}', '{"threshold": "youden"}',
    '{"threshold": {"precision": 0.6}}', '{"threshold": {"recall": 0.8}}', '{"threshold": {"cost": {"false_positive": 1, "false_negative": 10}}}',
    '{"threshold": "f1", "calibration": "platt"}']::jsonb[]) more;
SELECT version, threshold IS NOT NULL AS has, threshold > 0 AND threshold <= 1 AS sound, params -> 'threshold' AS rule FROM aipipe.model_version WHERE model = 'cut y' ORDER BY version;
SELECT threshold FROM aipipe.model_version WHERE model = 'cut y' AND version = 2;
SELECT count(DISTINCT md5(aipipe.model_export('cut y', v))) AS artifacts FROM generate_series(1, 10) v;

-- the class follows the threshold, the probability does not; without one it is the most probable
SELECT version, bool_and((aipipe.model_predict_class('cut y', t, version) = 'yes') = (aipipe.model_predict('cut y', t, version) >= coalesce(threshold, 0.5000001))) AS class,
       version = 10 OR bool_and(aipipe.model_predict('cut y', t, version) = aipipe.model_predict('cut y', t, 1)) AS probability
FROM visit t, aipipe.model_version WHERE model = 'cut y' GROUP BY version ORDER BY version;
-- decisions of an evaluation too; curves and losses are those of the probabilities
SELECT version, abs((m ->> 'accuracy')::float8 - accuracy) < 1e-12 AS accuracy, (m -> 'auc') = (first -> 'auc') AS auc, (m -> 'log_loss') = (first -> 'log_loss') AS log_loss
FROM generate_series(2, 9) version, aipipe.model_evaluate('cut y', 'visit', version) m, aipipe.model_evaluate('cut y', 'visit', 1) first,
     LATERAL (SELECT avg((aipipe.model_predict_class('cut y', t, version) = y)::int) AS accuracy FROM visit t) a;
SELECT aipipe.model_evaluate('cut y', 'visit', 1, '{"threshold": 0.25}') = aipipe.model_evaluate('cut y', 'visit', 2) AS other_threshold,
       aipipe.model_evaluate('cut y', 'visit', 1, '{"threshold": 0.25}') = aipipe.model_evaluate('cut y', 'visit', 1) AS same;
SELECT bool_and(c.rows = e.n) AS confusion
FROM aipipe.model_confusion('cut y', 'visit', 9) c
JOIN (SELECT y AS actual, aipipe.model_predict_class('cut y', t, 9) AS predicted, count(*) AS n FROM visit t GROUP BY 1, 2) e USING (actual, predicted);
-- a costly miss lowers it
SELECT (SELECT threshold FROM aipipe.model_version WHERE model = 'cut y' AND version = 9) < (SELECT threshold FROM aipipe.model_version WHERE model = 'cut y' AND version = 5) AS lower;
-- on all rows the rules do what they say, about
SELECT (aipipe.model_evaluate('cut y', 'visit', 7) ->> 'precision')::float8 > 0.55 AS precision, (aipipe.model_evaluate('cut y', 'visit', 8) ->> 'recall')::float8 > 0.75 AS recall,
       (aipipe.model_evaluate('cut y', 'visit', 3) ->> 'f1')::float8 > (aipipe.model_evaluate('cut y', 'visit', 1) ->> 'f1')::float8 - 0.05 AS f1;

-- what cannot be
SELECT train('{"threshold": 0}');
SELECT train('{"threshold": "f2"}');
SELECT train('{"threshold": {"precison": 0.5}}');
SELECT train('{"threshold": true}');
-- "c" tells nothing of "y"
SELECT aipipe.model_train('cut y', 'classification', 'visit', 'y', ARRAY['c'], params => '{"validation": 0.5, "seed": 5, "threshold": {"precision": 0.999}}');
-- the hint is about the rule: F1 and recall without a positive row, Matthews' coefficient where all rows have one probability
CREATE FUNCTION hint(rule jsonb, y text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
BEGIN
	PERFORM aipipe.model_train('cut hint', 'classification', format('SELECT id, b, %s AS y FROM model_threshold.visit', y), 'y', ARRAY['b'],
	    params => jsonb_build_object('threshold', rule, 'split', 'time', 'split_column', 'id', 'validation', 0.2, 'n_estimators', 1, 'max_depth', 1, 'gamma', 1e6));
	RETURN 'chosen';
EXCEPTION WHEN invalid_parameter_value THEN
	GET STACKED DIAGNOSTICS said = PG_EXCEPTION_HINT;
	RETURN said;
END $$;
SELECT rule, hint(rule, 'id <= 1000 AND id % 2 = 0') AS no_positive, hint(rule, 'id % 2 = 0') AS one_probability
FROM unnest(ARRAY['"f1"', '"mcc"', '"youden"', '"accuracy"', '{"precision": 0.99}', '{"recall": 0.99}']::jsonb[]) AS rule;
SELECT train('{"threshold": 0.5}', 'cut k', 'k');
SELECT aipipe.model_train('cut a', 'regression', 'visit', 'a', ARRAY['b'], params => '{"threshold": 0.5}');
SELECT max(version) AS versions FROM aipipe.model_version WHERE model = 'cut y';

SELECT count(aipipe.model_drop(name)) AS dropped FROM aipipe.model WHERE name LIKE 'cut %';
DROP SCHEMA model_threshold CASCADE;
