-- Our floats against the library's in full size: every objective, 100,000 hostile rows each, both boosters.
\ir common.sql
\echo 'margins by row and by block, and values, compared bit by bit with the library'
CREATE TEMP TABLE parity AS
WITH objective(name, classes) AS (VALUES
	('binary:logistic', 0), ('binary:logitraw', 0), ('count:poisson', 0), ('multi:softmax', 3), ('multi:softprob', 3),
	('rank:ndcg', 0), ('rank:pairwise', 0), ('reg:absoluteerror', 0), ('reg:gamma', 0), ('reg:logistic', 0),
	('reg:pseudohubererror', 0), ('reg:squarederror', 0), ('reg:squaredlogerror', 0), ('reg:tweedie', 0))
SELECT o.name, p.*
FROM objective o, (VALUES ('gbtree', false), ('dart', true)) AS b(booster, categorical),
     LATERAL aipipe_test.parity(aipipe_test.train(o.name, b.booster, o.classes, b.categorical, rounds => 8), 100000) AS p;
SELECT bench.result('floats that differ from the library''s, of ' || sum(compared) || ' compared five ways',
                    sum(margin_row + margin_block + coalesce(margin_dense, 0) + margin_original + "values"), 'floats', NULL, NULL, '= 0',
                    sum(margin_row + margin_block + coalesce(margin_dense, 0) + margin_original + "values") = 0)
FROM parity;

\echo 'the same for what aipipe trains itself: every task, booster and objective, with weights, early stopping, constraints and rounds of several trees'
CREATE FUNCTION pg_temp.has_quantile() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM aipipe_test.learn('regression', 'reg:quantileerror', '{"objective": "reg:quantileerror", "n_estimators": 1}', 0, false, 100, 6, 3, false, 0, 0);
	RETURN true;
EXCEPTION WHEN feature_not_supported THEN
	RETURN false;
END $$;
CREATE TEMP TABLE trained_parity AS
SELECT o.name, b.booster, v.what, p.*
FROM (VALUES
	('classification', 'binary:logistic', 2), ('classification', 'multi:softprob', 3), ('classification', 'multi:softmax', 3),
	('ranking', 'rank:map', 0), ('ranking', 'rank:ndcg', 0), ('ranking', 'rank:pairwise', 0),
	('regression', 'count:poisson', 0), ('regression', 'reg:absoluteerror', 0), ('regression', 'reg:gamma', 0),
	('regression', 'reg:pseudohubererror', 0), ('regression', 'reg:squarederror', 0), ('regression', 'reg:squaredlogerror', 0),
	('regression', 'reg:quantileerror', 0), ('regression', 'reg:tweedie', 0)) AS o(task, name, classes),
	(VALUES ('gbtree', '{}'::jsonb), ('dart', '{"rate_drop": 0.3, "one_drop": true}')) AS b(booster, params),
	(VALUES ('weights, early stopping', '{"early_stopping_rounds": 3, "n_estimators": 15}'::jsonb, true, 400, true),
		('constraints', '{"monotone_constraints": {"f1": 1, "f2": -1}, "interaction_constraints": [["f1", "f2"], ["f0", "f4"]]}', false, 0, false),
		('boosted forest', '{"num_parallel_tree": 3, "subsample": 0.6, "n_estimators": 5}', false, 0, true)) AS v(what, params, weighted, nvalidation, categorical),
	LATERAL aipipe_test.learn(o.task, o.name, jsonb_build_object('n_estimators', 8, 'objective', o.name, 'booster', b.booster) || b.params ||
		CASE WHEN o.name IN ('reg:absoluteerror', 'reg:quantileerror') THEN v.params - 'num_parallel_tree' ELSE v.params END,
		o.classes, v.categorical, 1000, 6, 3, v.weighted, v.nvalidation, CASE WHEN o.task = 'ranking' THEN 10 ELSE 0 END) AS l,
	LATERAL aipipe_test.parity(l.model, 100000) AS p
WHERE o.name <> 'reg:quantileerror' OR pg_temp.has_quantile();
SELECT bench.result('floats that differ from the library''s, of ' || sum(compared) || ' of trained models compared five ways',
                    sum(margin_row + margin_block + coalesce(margin_dense, 0) + margin_original + "values"), 'floats', NULL, NULL, '= 0',
                    sum(margin_row + margin_block + coalesce(margin_dense, 0) + margin_original + "values") = 0)
FROM trained_parity;
