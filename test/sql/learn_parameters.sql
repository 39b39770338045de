-- Every parameter reaches the library: the trees with it are others than those without.  A parameter that is checked,
-- stored and then lost would pass every other test.
SET client_min_messages = warning;
CREATE TABLE lesson AS
SELECT (i * 7919 % 1000) / 10.0::float8 AS a, (i * 104729 % 997) / 9.97::float8 AS b, (i * 1299709 % 991) / 9.91::float8 AS c, 'c' || i * 31 % 12 AS kind,
       i % 40 AS batch, 1 + i * 17 % 3 AS weight, (i * 7919 % 1000 + i * 31 % 12 * 40 + i * 6151 % 503 > 900)::text AS yes,
       1 + (i * 7919 % 1000 + i * 31 % 12 * 40 + i * 6151 % 503) / 100.0::float8 AS amount, i * 7919 % 1000 / 250 AS relevance
FROM generate_series(1, 1200) AS i;
CREATE FUNCTION trees(task text, target text, params jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	PERFORM aipipe.model_train('lesson', task, 'lesson', target, ARRAY['a', 'b', 'c', 'kind'], params => '{"n_estimators": 5, "max_depth": 4, "holdout": 0}'::jsonb || params);
	RETURN (SELECT convert_from(aipipe.model_export('lesson'), 'UTF8')::jsonb #> '{learner,gradient_booster}');
END $$;
CREATE FUNCTION reaches(task text, target text, params jsonb, given jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	plain jsonb := trees(task, target, given);
	changed jsonb;
BEGIN
	PERFORM aipipe.model_drop('lesson');
	changed := trees(task, target, given || params);
	PERFORM aipipe.model_drop('lesson');
	RETURN changed <> plain;
END $$;
CREATE TABLE parameter (task text, target text, params jsonb, given jsonb DEFAULT '{}');
INSERT INTO parameter SELECT 'classification', 'yes', p::jsonb FROM unnest(ARRAY[
	'{"n_estimators": 6}', '{"num_parallel_tree": 2}', '{"learning_rate": 0.1}', '{"max_depth": 3}', '{"max_leaves": 4}', '{"min_child_weight": 60}',
	'{"max_delta_step": 0.1}', '{"gamma": 5}', '{"reg_lambda": 20}', '{"reg_alpha": 5}', '{"subsample": 0.5}', '{"colsample_bytree": 0.5}', '{"colsample_bylevel": 0.5}',
	'{"colsample_bynode": 0.5}', '{"max_bin": 8}', '{"categorical": "ordinal"}', '{"max_cat_to_onehot": 20}', '{"max_cat_threshold": 2}', '{"booster": "dart", "rate_drop": 0.5}',
	'{"monotone_constraints": {"a": -1}}', '{"interaction_constraints": [["a"], ["b", "c"], ["kind"]]}', '{"scale_pos_weight": 3}',
	'{"weight": "weight"}', '{"class_weight": {"true": 3}}', '{"class_weight": "auto"}', '{"sample": 0.5}', '{"validation": 0.3, "early_stopping_rounds": 5}']) AS p;
INSERT INTO parameter SELECT 'classification', 'yes', p::jsonb, g::jsonb FROM (VALUES
	('{"grow_policy": "lossguide"}', '{"max_leaves": 5, "max_depth": 6}'), ('{"seed": 3}', '{"subsample": 0.5}'),
	('{"rate_drop": 0.9}', '{"booster": "dart", "rate_drop": 0.5}'), ('{"skip_drop": 0.9}', '{"booster": "dart", "rate_drop": 0.5}'),
	('{"one_drop": true}', '{"booster": "dart", "rate_drop": 0.1}'), ('{"normalize_type": "forest"}', '{"booster": "dart", "rate_drop": 0.5}'),
	('{"sample_type": "weighted"}', '{"booster": "dart", "rate_drop": 0.5, "n_estimators": 12}'),
	('{"early_stopping_rounds": 2}', '{"validation": 0.3, "n_estimators": 60, "eta": 0.9, "calibration": "platt"}'),
	('{"eval_metric": "auc"}', '{"validation": 0.3, "n_estimators": 60, "eta": 0.9, "early_stopping_rounds": 2}')) AS v (p, g);
INSERT INTO parameter SELECT 'regression', 'amount', p::jsonb, g::jsonb FROM (VALUES
	('{"huber_slope": 0.2}', '{"objective": "reg:pseudohubererror"}'), ('{"tweedie_variance_power": 1.2}', '{"objective": "reg:tweedie"}'),
	('{"objective": "reg:absoluteerror"}', '{}'), ('{"objective": "reg:pseudohubererror"}', '{}'), ('{"objective": "reg:squaredlogerror"}', '{}'),
	('{"objective": "count:poisson"}', '{}'), ('{"objective": "reg:gamma"}', '{}'), ('{"objective": "reg:tweedie"}', '{"objective": "reg:gamma"}')) AS v (p, g);
INSERT INTO parameter SELECT 'ranking', 'relevance', p::jsonb, '{"group": "batch"}' FROM unnest(ARRAY['{"objective": "rank:pairwise"}', '{"max_depth": 1}']) AS p;
CREATE TABLE result AS SELECT *, reaches(task, target, params, given) AS reaches FROM parameter;
SELECT count(*) AS parameters, count(*) FILTER (WHERE reaches) AS reach FROM result;
SELECT task, params, given FROM result WHERE NOT reaches;

DROP FUNCTION reaches(text, text, jsonb, jsonb);
DROP FUNCTION trees(text, text, jsonb);
DROP TABLE lesson, parameter, result;
