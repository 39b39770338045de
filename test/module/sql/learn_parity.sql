-- Everything that algorithm xgboost trains, as it trains it, scored here and by the library: no float may differ in any
-- bit.  The training itself compares on its own rows; these are the hostile ones.
SET search_path = aipipe_test, public;

CREATE TEMP TABLE lesson AS
SELECT o.task, o.name, o.classes, b.name AS booster, v.what, v.params, v.weighted, v.nvalidation, v.categorical
FROM (VALUES
	('classification', 'binary:logistic', 2), ('classification', 'multi:softprob', 2), ('classification', 'multi:softprob', 4), ('classification', 'multi:softmax', 3),
	('ranking', 'rank:map', 0), ('ranking', 'rank:ndcg', 0), ('ranking', 'rank:pairwise', 0),
	('regression', 'count:poisson', 0), ('regression', 'reg:absoluteerror', 0), ('regression', 'reg:gamma', 0),
	('regression', 'reg:pseudohubererror', 0), ('regression', 'reg:squarederror', 0), ('regression', 'reg:squaredlogerror', 0),
	('regression', 'reg:tweedie', 0)) AS o(task, name, classes),
	(VALUES ('gbtree'), ('dart')) AS b(name),
	(VALUES ('plain', '{}'::jsonb, false, 0, false),
		('categorical', '{"max_cat_to_onehot": 4}', false, 0, true),
		('weights', '{"subsample": 0.7}', true, 0, false),
		('early stopping', '{"early_stopping_rounds": 2, "n_estimators": 12}', false, 400, true),
		('early stopping, weights', '{"early_stopping_rounds": 3, "n_estimators": 12, "max_delta_step": 0.5}', true, 400, false),
		('constraints', '{"monotone_constraints": {"f1": 1, "f2": -1}, "interaction_constraints": [["f1", "f2"], ["f0", "f4"]]}', false, 0, true),
		('boosted forest', '{"num_parallel_tree": 3, "subsample": 0.6, "n_estimators": 4}', true, 0, true),
		('boosted forest, early stopping', '{"num_parallel_tree": 2, "subsample": 0.6, "early_stopping_rounds": 2}', false, 400, false)) AS v(what, params, weighted, nvalidation, categorical)
WHERE NOT (o.name = 'reg:absoluteerror' AND v.what LIKE 'boosted%');

CREATE TEMP TABLE result AS
SELECT t.*, l.effective, p.*
FROM lesson t,
	LATERAL learn(t.task, t.name, jsonb_build_object('n_estimators', 6, 'objective', t.name, 'booster', t.booster) || t.params ||
		CASE WHEN t.booster = 'dart' THEN '{"rate_drop": 0.3, "one_drop": true}' ELSE '{}' END::jsonb,
		t.classes, t.categorical, 400, 6, 3, t.weighted, t.nvalidation, CASE WHEN t.task = 'ranking' THEN 10 ELSE 0 END) AS l,
	LATERAL parity(l.model, 700) AS p;
SELECT task, name, booster, what, margin_row, margin_block, margin_dense, margin_original, "values"
FROM result WHERE margin_row + margin_block + coalesce(margin_dense, 0) + margin_original + "values" > 0;
SELECT count(*) AS models, sum(compared) >= 150000 AS enough, count(DISTINCT (name, booster)) AS objectives_times_boosters,
	count(*) FILTER (WHERE effective ? 'best_iteration') AS stopped_early
FROM result;

-- a quantile, where the library has it (from 2.0 on): all of them or none
CREATE FUNCTION pg_temp.quantile(params jsonb, categorical boolean, weighted boolean, nvalidation int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	differing bigint;
BEGIN
	SELECT p.margin_row + p.margin_block + coalesce(p.margin_dense, 0) + p.margin_original + p."values" INTO STRICT differing
	FROM learn('regression', 'reg:squarederror', params || '{"objective": "reg:quantileerror", "quantile_alpha": 0.8, "n_estimators": 6}',
		0, categorical, 400, 6, 3, weighted, nvalidation) AS l, parity(l.model, 700) AS p;
	RETURN differing;
EXCEPTION WHEN feature_not_supported THEN
	RETURN NULL;
END $$;
SELECT count(DISTINCT differing IS NULL) AS all_or_none, coalesce(sum(differing), 0) AS differing
FROM (SELECT pg_temp.quantile(params, categorical, weighted, nvalidation) AS differing
	FROM (VALUES ('{}'::jsonb, false, false, 0), ('{"booster": "dart", "rate_drop": 0.3}', true, false, 0), ('{"subsample": 0.7}', false, true, 0),
		('{"early_stopping_rounds": 2}', true, true, 400), ('{"booster": "dart", "rate_drop": 0.3, "early_stopping_rounds": 2}', false, false, 400)) AS v(params, categorical, weighted, nvalidation)) AS q;
