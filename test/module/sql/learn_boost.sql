-- Algorithm xgboost called as a training calls it: early stopping, weights, groups, constraints, what it refuses.
SET search_path = aipipe_test, public;
\set VERBOSITY terse

-- Stopping early keeps what a training of so many rounds gives: with dart too, where later rounds change earlier trees.
CREATE TEMP TABLE stopped AS
SELECT t.*, l.*, (l.effective ->> 'best_iteration')::int AS best
FROM (VALUES
	('classification', 'binary:logistic', 2, 0, '{}'::jsonb), ('classification', 'multi:softprob', 3, 0, '{}'), ('regression', 'reg:squarederror', 0, 0, '{"eta": 0.5}'),
	('ranking', 'rank:ndcg', 0, 20, '{}'), ('classification', 'binary:logistic', 2, 0, '{"booster": "dart", "rate_drop": 0.4}'),
	('ranking', 'rank:pairwise', 0, 20, '{"booster": "dart", "rate_drop": 0.4, "objective": "rank:pairwise"}'),
	('regression', 'reg:squarederror', 0, 0, '{"num_parallel_tree": 4, "subsample": 0.5, "eta": 0.6}')) AS t(task, labels, classes, group_rows, params),
	LATERAL learn(t.task, t.labels, t.params || '{"n_estimators": 400, "early_stopping_rounds": 4}', t.classes, true, 800,
		nvalidation => 300, group_rows => t.group_rows) AS l;
SELECT labels, params, s.effective ->> 'eval_metric' AS metric, s.scores < 400 AS stopped, s.scores = best + 5 AS after_four_more,
	l.model = s.model AS as_of_that_round
FROM stopped AS s, LATERAL learn(task, labels, params || jsonb_build_object('n_estimators', best + 1), classes, true, 800, group_rows => group_rows) AS l;
-- a training that is better to its end serves to its end
SELECT scores, effective ->> 'best_iteration' AS best, (effective ->> 'best_score')::float8 = last_score AS last_is_best
FROM learn('regression', 'reg:squarederror', '{"n_estimators": 5, "early_stopping_rounds": 1, "eta": 0.1}', nvalidation => 300);
-- of some metrics more is better
SELECT effective ->> 'eval_metric' AS metric, (effective ->> 'best_score')::float8 BETWEEN 0.9 AND 1 AS good
FROM unnest('{auc,aucpr}'::text[]) AS m, LATERAL learn('classification', 'binary:logistic',
	jsonb_build_object('n_estimators', 100, 'early_stopping_rounds', 5, 'eval_metric', m), nvalidation => 300);

-- every metric of every objective
SELECT o.name, count(*) AS metrics, bool_and(l.scores = 2) AS scored,
	string_agg(l.effective ->> 'eval_metric', ' ' ORDER BY l.effective ->> 'eval_metric' COLLATE "C") AS names
FROM (VALUES
	('classification', 'binary:logistic', 2, '{logloss,auc,aucpr,error}'::text[]), ('classification', 'multi:softprob', 3, '{mlogloss,auc,merror}'), ('classification', 'multi:softmax', 3, '{mlogloss,auc,merror}'),
	('regression', 'reg:squarederror', 0, '{rmse,mae,mape}'), ('regression', 'reg:absoluteerror', 0, '{mae,mape,rmse}'), ('regression', 'reg:pseudohubererror', 0, '{mphe,mae,mape,rmse}'),
	('regression', 'reg:squaredlogerror', 0, '{rmsle,mae,mape,rmse}'), ('regression', 'count:poisson', 0, '{poisson-nloglik,mae,rmse,rmsle}'),
	('regression', 'reg:gamma', 0, '{gamma-nloglik,gamma-deviance,mae,mape,rmse,rmsle}'), ('regression', 'reg:tweedie', 0, '{tweedie-nloglik,mae,mape,rmse,rmsle}'),
	('ranking', 'rank:map', 0, '{map,map@3,ndcg,ndcg@10}'), ('ranking', 'rank:ndcg', 0, '{ndcg,ndcg@5}'), ('ranking', 'rank:pairwise', 0, '{ndcg,ndcg@5}')) AS o(task, name, classes, metrics),
	unnest(o.metrics) AS m,
	LATERAL learn(o.task, o.name, jsonb_build_object('objective', o.name, 'n_estimators', 2, 'early_stopping_rounds', 2, 'eval_metric', m), o.classes,
		nvalidation => 200, group_rows => 10) AS l
GROUP BY 1 ORDER BY 1;

-- weights change the model; groups, too
SELECT count(DISTINCT l.model) AS different FROM (VALUES (false), (true)) AS w(weighted), LATERAL learn('regression', 'reg:squarederror', '{"n_estimators": 3}', weighted => w.weighted) AS l;
SELECT count(DISTINCT l.model) AS different FROM (VALUES (10, false), (20, false), (20, true)) AS g(rows, weighted),
	LATERAL learn('ranking', 'rank:ndcg', '{"n_estimators": 3}', group_rows => g.rows, weighted => g.weighted) AS l;
-- more rows and columns than a batch and a chunk hold, whose ends no group keeps
SELECT b AS booster, (effective ->> 'best_score')::float8 BETWEEN 0.8 AND 1 AS good
FROM unnest('{gbtree,dart}'::text[]) AS b, LATERAL learn('ranking', 'rank:ndcg', jsonb_build_object('n_estimators', 3, 'early_stopping_rounds', 3, 'booster', b),
	nrows => 21000, features => 64, weighted => true, nvalidation => 17000, group_rows => 37);
-- the same rows, the same bytes
SELECT count(DISTINCT l.model) AS one FROM generate_series(1, 2), LATERAL learn('ranking', 'rank:pairwise', '{"n_estimators": 5, "objective": "rank:pairwise"}', weighted => true, group_rows => 10) AS l;

-- monotone: along a grid of the feature every row's score only rises, or only falls
CREATE TEMP TABLE monotone AS
SELECT c.what, c.params, compile(l.model) AS model FROM (VALUES ('not', '{}'::jsonb), ('up', '{"monotone_constraints": {"f1": 1}}'), ('down', '{"monotone_constraints": {"f1": -1, "f0": 0}}'),
	('up with sets', '{"monotone_constraints": {"f1": 1}, "interaction_constraints": [["f1", "f2"]]}'), ('up, dart', '{"monotone_constraints": {"f1": 1}, "booster": "dart", "rate_drop": 0.2}'),
	('up, lossguide', '{"monotone_constraints": {"f1": 1}, "grow_policy": "lossguide", "max_leaves": 30, "max_depth": 0}')) AS c(what, params),
	LATERAL learn('regression', 'reg:squarederror', c.params || '{"n_estimators": 30}', categorical => true, nrows => 2000) AS l;
SELECT what, count(*) FILTER (WHERE score > before) > 0 AS rises, count(*) FILTER (WHERE score < before) > 0 AS falls
FROM (SELECT what, r, (score(model, row))[1] AS score, lag((score(model, row))[1]) OVER (PARTITION BY what, r ORDER BY x) AS before
	FROM monotone, generate_series(1, 20) AS r, generate_series(-20, 20) AS x,
		LATERAL (SELECT ARRAY[r % 7, x / 10.0, (r * 7 % 13 - 6) / 3.0, r % 22, (r * 5 % 11 - 5) / 3.0, (r * 3 % 17 - 8) / 4.0]::float4[] AS row) AS g) AS s
GROUP BY 1 ORDER BY 1;

-- interaction: no branch asks for features that are in no set together
CREATE FUNCTION pg_temp.branches(params jsonb) RETURNS SETOF text LANGUAGE sql AS $$
	WITH RECURSIVE tree AS (
		SELECT t.n, t.tree FROM learn('regression', 'reg:squarederror', params || '{"n_estimators": 10}', nrows => 2000) AS l,
			jsonb_array_elements(convert_from(l.model, 'UTF8')::jsonb #> '{learner,gradient_booster,model,trees}') WITH ORDINALITY AS t(tree, n)
	), branch AS (
		SELECT n, tree, 0 AS node, ARRAY[]::int[] AS features FROM tree
		UNION ALL
		SELECT n, tree, (tree -> side ->> node)::int, features || (tree -> 'split_indices' ->> node)::int
		FROM branch, unnest('{left_children,right_children}'::text[]) AS side WHERE (tree -> 'left_children' ->> node)::int >= 0
	)
	SELECT DISTINCT (SELECT string_agg(DISTINCT f::text, ' ') FROM unnest(features) AS f) FROM branch WHERE (tree -> 'left_children' ->> node)::int < 0 ORDER BY 1
$$;
SELECT pg_temp.branches('{"interaction_constraints": [["f0", "f1"], ["f2"]], "max_depth": 3}') AS features;
SELECT count(*) > 10 AS many FROM pg_temp.branches('{"interaction_constraints": [], "max_depth": 3}');

-- tweedie_variance_power is what was given, whatever the labels are; two classes are one output unless they are asked for as two
SELECT convert_from(model, 'UTF8')::jsonb #>> '{learner,objective,tweedie_regression_param,tweedie_variance_power}' AS power
FROM learn('regression', 'reg:tweedie', '{"objective": "reg:tweedie", "tweedie_variance_power": 1.25, "n_estimators": 1}');
SELECT convert_from(model, 'UTF8')::jsonb #>> '{learner,objective,name}' AS objective, convert_from(model, 'UTF8')::jsonb #>> '{learner,learner_model_param,num_class}' AS classes,
	jsonb_array_length(convert_from(model, 'UTF8')::jsonb #> '{learner,gradient_booster,model,trees}') AS trees
FROM unnest('{NULL,multi:softprob}'::text[]) AS o, LATERAL learn('classification', 'binary:logistic', jsonb_strip_nulls(jsonb_build_object('objective', o)) || '{"n_estimators": 3}', 2);
SELECT convert_from(model, 'UTF8')::jsonb #>> '{learner,objective,poisson_regression_param,max_delta_step}' AS "max_delta_step", effective -> 'max_delta_step' AS effective
FROM unnest(ARRAY['{}', '{"max_delta_step": 0.2}']::jsonb[]) AS p, LATERAL learn('regression', 'count:poisson', p || '{"objective": "count:poisson", "n_estimators": 1}');
-- rounds of several trees
SELECT jsonb_array_length(convert_from(model, 'UTF8')::jsonb #> '{learner,gradient_booster,model,trees}') AS trees
FROM learn('classification', 'multi:softprob', '{"num_parallel_tree": 3, "n_estimators": 2, "subsample": 0.5}', 4);

-- refused
SELECT learn('classification', 'binary:logistic', '{"early_stopping_rounds": 3}');
\echo :LAST_ERROR_SQLSTATE
SELECT learn('classification', 'binary:logistic', '{"early_stopping_rounds": -1}');
SELECT learn('classification', 'binary:logistic', '{"eval_metric": "auc"}');
SELECT learn('classification', 'binary:logistic', '{"eval_metric": "auc", "early_stopping_rounds": 0}', nvalidation => 100);
\set VERBOSITY default
SELECT learn('classification', 'binary:logistic', '{"eval_metric": "loglos", "early_stopping_rounds": 3}', nvalidation => 100);
SELECT learn('ranking', 'rank:ndcg', '{"eval_metric": "ndcg@x", "early_stopping_rounds": 3}', nvalidation => 100, group_rows => 10);
SELECT learn('classification', 'binary:logistic', '{"unknown": 1}');
\set VERBOSITY terse
SELECT learn('regression', 'reg:squarederror', '{"eval_metric": "rmse@3", "early_stopping_rounds": 3}', nvalidation => 100);
SELECT learn('ranking', 'rank:ndcg', '{"eval_metric": "ndcg@0", "early_stopping_rounds": 3}', nvalidation => 100, group_rows => 10);
SELECT learn('ranking', 'rank:ndcg', '{"eval_metric": "map", "early_stopping_rounds": 3}', nvalidation => 100, group_rows => 10);
\echo :LAST_ERROR_SQLSTATE
SELECT learn('ranking', 'rank:pairwise', '{"objective": "rank:map"}', group_rows => 10);
\echo :LAST_ERROR_SQLSTATE
SELECT learn('ranking', 'reg:squarederror', '{"objective": "rank:ndcg"}', group_rows => 10);
SELECT learn('ranking', 'reg:squarederror', '{"objective": "rank:pairwise"}', group_rows => 10);
SELECT learn('ranking', 'rank:ndcg');
SELECT learn('ranking', 'rank:ndcg', '{"objective": "reg:squarederror"}', group_rows => 10);
SELECT learn('regression', 'count:poisson', '{"objective": "count:poisson", "eval_metric": "mape", "early_stopping_rounds": 3}', nvalidation => 100);
\echo :LAST_ERROR_SQLSTATE
SELECT learn('regression', 'reg:absoluteerror', '{"objective": "reg:absoluteerror", "num_parallel_tree": 2}');
SELECT learn('regression', 'reg:squarederror', '{"num_parallel_tree": 1001, "n_estimators": 100}');
SELECT learn('regression', 'reg:squarederror', '{"quantile_alpha": 0.9}');
SELECT learn('regression', 'reg:squarederror', p::jsonb) FROM (VALUES ('{"monotone_constraints": [1]}')) AS v(p);
SELECT learn('regression', 'reg:squarederror', '{"monotone_constraints": {"f1": 2}}');
SELECT learn('regression', 'reg:squarederror', '{"monotone_constraints": {"f1": "up"}}');
SELECT learn('regression', 'reg:squarederror', '{"monotone_constraints": {"f99": 1}}');
SELECT learn('regression', 'reg:squarederror', '{"monotone_constraints": {"f0": 1}}', categorical => true);
SELECT (learn('regression', 'reg:squarederror', '{"monotone_constraints": {"f0": 1}, "categorical": "ordinal", "n_estimators": 1}', categorical => true)).model IS NOT NULL AS ordinal;
SELECT learn('regression', 'reg:squarederror', '{"interaction_constraints": {"f1": 2}}');
SELECT learn('regression', 'reg:squarederror', '{"interaction_constraints": ["f1"]}');
SELECT learn('regression', 'reg:squarederror', '{"interaction_constraints": [[]]}');
SELECT learn('regression', 'reg:squarederror', '{"interaction_constraints": [["f1", 2]]}');
SELECT learn('regression', 'reg:squarederror', '{"interaction_constraints": [[["f1"]]]}');
\set VERBOSITY default
SELECT learn('regression', 'reg:squarederror', '{"interaction_constraints": [["f1", "column_x"]]}');
SELECT learn('regression', 'reg:squarederror', '{"interaction_constraints": [["f1", "f33"]]}');
\set VERBOSITY terse

-- an estimate says what a training says of itself, before it
SELECT bool_and(l.estimate = e) AS same FROM (VALUES (0, false, '{}'::jsonb), (200, true, '{"early_stopping_rounds": 2}')) AS v(nvalidation, weighted, params),
	LATERAL learn('classification', 'binary:logistic', v.params || '{"n_estimators": 2}', nvalidation => v.nvalidation, weighted => v.weighted) AS l,
	estimate('xgboost', 'classification', v.params || '{"n_estimators": 2}', 1000, 6, v.nvalidation, 2, v.weighted) AS e;
-- what makes it larger
SELECT what, estimate('xgboost', task, params::jsonb, 1000000, 20, nvalidation, classes, weighted) > estimate('xgboost', 'classification', '{}', 1000000, 20) AS larger
FROM (VALUES ('validation', 'classification', '{"early_stopping_rounds": 2}', 900000, 2, false), ('dart', 'classification', '{"booster": "dart"}', 0, 2, false),
	('classes', 'classification', '{}', 0, 10, false), ('depth', 'regression', '{"max_depth": 12}', 0, 0, false), ('bins', 'regression', '{"max_bin": 4096}', 0, 0, false),
	('rounds', 'regression', '{"n_estimators": 10000}', 0, 0, false), ('trees', 'regression', '{"num_parallel_tree": 100}', 0, 0, false)) AS v(what, task, params, nvalidation, classes, weighted);
SELECT estimate('isolation_forest', 'anomaly', '{}', 1000000, 20) > 4000000 AS scores_and_trees, estimate('isolation_forest', 'anomaly', '{"max_samples": 32768}', 1000, 20) < 20000000 AS no_more_than_rows;
SELECT estimate('xgboost', 'classification', '{"early_stoping_rounds": 2}', 1000, 20);
