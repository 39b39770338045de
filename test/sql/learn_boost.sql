-- Algorithm xgboost: early stopping, constraints, ranking, quantiles, rounds of several trees.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA learn_boost;
SET search_path = learn_boost;
CREATE TABLE rent AS
WITH flat AS (
    SELECT i AS id, i % 60 AS query, (i * 7919 % 1000) / 10.0 AS size, (i * 104729 % 89)::int AS age, (ARRAY['north', 'south', 'east'])[1 + i * 31 % 3] AS side,
           timestamp '2024-01-01' + i * interval '7 hours' AS listed, i % 7 AS noise, (i * 15485863::bigint % 2003) / 100.0 AS error
    FROM generate_series(1, 3000) AS i
), priced AS (
    SELECT *, (5 + size * 1.5 - age * 0.4 + CASE side WHEN 'south' THEN 20 ELSE 0 END + error + (listed::date - date '2024-01-01') * 0.01)::float8 AS price FROM flat
)
SELECT *, price > 80 AS dear, greatest(0, least(4, (price / 40)::int)) AS grade, (1 + query % 3)::float8 AS per_query FROM priced ORDER BY id;
ANALYZE rent;
CREATE FUNCTION train(task text, target text, params jsonb, features text[] DEFAULT '{size,age,side,listed}') RETURNS int LANGUAGE sql AS $$
    SELECT aipipe.model_train('rent ' || target, task, 'rent', target, features, params => '{"n_estimators": 500, "max_depth": 4, "seed": 3}' || params)
$$;
-- the validation rows say when to stop; best_iteration and best_score stay with the version
SELECT train('regression', 'price', '{"early_stopping_rounds": 5}'), train('regression', 'price', '{"early_stopping_rounds": 5, "booster": "dart", "rate_drop": 0.3, "n_estimators": 40}'),
       train('classification', 'dear', '{"early_stopping_rounds": 5, "eval_metric": "auc", "validation": 0.4}'), train('ranking', 'grade', '{"early_stopping_rounds": 5, "group": "query", "n_estimators": 60}');
SELECT model, version, params ->> 'eval_metric' AS metric, params ->> 'early_stopping_rounds' AS patience, (params ->> 'best_iteration')::int BETWEEN 1 AND (params ->> 'n_estimators')::int - 1 AS stopped,
       (params ->> 'best_score')::float8 > 0 AS scored FROM aipipe.model_version WHERE model LIKE 'rent%' ORDER BY 1, 2;
-- as many trees as serve
SELECT jsonb_array_length(convert_from(aipipe.model_export('rent price', 1), 'UTF8')::jsonb #> '{learner,gradient_booster,model,trees}') = (params ->> 'best_iteration')::int + 1 AS trimmed
FROM aipipe.model_version WHERE model = 'rent price' AND version = 1;
-- the same rows, the same seed: the same stop
SELECT train('regression', 'price', '{"early_stopping_rounds": 5}');
SELECT count(DISTINCT sha256) AS different FROM aipipe.model_version WHERE model = 'rent price' AND version IN (1, 3);

-- the predictions are monotone in fact
SELECT train('regression', 'price', '{"monotone_constraints": {"size": 1, "age": -1, "listed": 1, "listed.hour": 0}, "n_estimators": 40}');
CREATE FUNCTION wrong(along text, sign int) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FILTER (WHERE (p - before) * sign < 0) FROM (
        SELECT p, lag(p) OVER (PARTITION BY id ORDER BY step) AS before FROM (
            SELECT id, step, aipipe.model_predict('rent price', r, version => 4) AS p FROM (
                SELECT id, step, CASE along WHEN 'size' THEN step * 2.0 ELSE size END AS size, CASE along WHEN 'age' THEN step * 2 ELSE age END AS age, side, listed FROM rent, generate_series(0, 50) AS step WHERE id % 100 = 7) AS r) AS s) AS t
$$;
SELECT wrong('size', 1) AS size, wrong('age', -1) AS age;
-- a column stands for all its features in a set
SELECT train('regression', 'price', '{"interaction_constraints": [["size", "side"], ["listed"]], "n_estimators": 10}');
CREATE FUNCTION branches(version int) RETURNS SETOF text LANGUAGE sql AS $$
    WITH RECURSIVE tree AS (
        SELECT t.tree FROM jsonb_array_elements(convert_from(aipipe.model_export('rent price', version), 'UTF8')::jsonb #> '{learner,gradient_booster,model,trees}') AS t(tree)
    ), branch AS (
        SELECT tree, 0 AS node, ARRAY[]::int[] AS features FROM tree
        UNION ALL
        SELECT tree, (tree -> side ->> node)::int, features || (tree -> 'split_indices' ->> node)::int
        FROM branch, unnest('{left_children,right_children}'::text[]) AS side WHERE (tree -> 'left_children' ->> node)::int >= 0
    )
    SELECT DISTINCT (SELECT string_agg(DISTINCT f.column, ' ' ORDER BY f.column) FROM unnest(features) AS n
        JOIN (SELECT *, row_number() OVER (ORDER BY feature_number) - 1 AS n FROM (
            SELECT "column", ordinality AS feature_number FROM unnest('{size,age,side,listed,listed,listed,listed}'::text[]) WITH ORDINALITY AS c("column", ordinality)) AS s) AS f USING (n))
    FROM branch WHERE (tree -> 'left_children' ->> node)::int < 0 ORDER BY 1
$$;
SELECT branches FROM branches(5) WHERE branches ~ ' ' AND branches <> 'side size';
SELECT count(*) > 0 AS together FROM branches(5) WHERE branches = 'side size';
SELECT count(*) > 3 AS all_together FROM branches(1) WHERE branches ~ ' ';

-- ranking: the library's objectives; a weight is that of a group
SELECT train('ranking', 'grade', jsonb_build_object('group', 'query', 'n_estimators', 5, 'objective', o, 'weight', 'per_query')) FROM unnest('{rank:ndcg,rank:pairwise}'::text[]) AS o;
SELECT version, params ->> 'objective' AS objective, (metrics ->> 'ndcg')::float8 > 0.8 AS good FROM aipipe.model_version WHERE model = 'rent grade' ORDER BY version;
-- dear rows rank higher: the score is a margin, not a probability
SELECT aipipe.model_train('rent map', 'ranking', 'SELECT size, age, side, query, dear::int AS dear FROM rent', 'dear', params => '{"group": "query", "n_estimators": 5, "objective": "rank:map"}') IS NOT NULL AS trained;
SELECT avg(aipipe.model_predict('rent map', r)) FILTER (WHERE dear) > avg(aipipe.model_predict('rent map', r)) FILTER (WHERE NOT dear) AS higher FROM rent r;

-- a quantile where the library has it (from 2.0 on), error 0A000 where not
CREATE FUNCTION quantile() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM train('regression', 'price', '{"objective": "reg:quantileerror", "quantile_alpha": 0.9, "n_estimators": 50}');
    RETURN true;
EXCEPTION WHEN feature_not_supported THEN
    RETURN nullif(SQLERRM <> 'objective "reg:quantileerror" needs XGBoost 2.0 or newer', true);
END $$;
SELECT quantile() = (split_part(split_part(library, ' ', 2), '.', 1)::int >= 2) AS as_the_library FROM aipipe.model_version WHERE model = 'rent price' AND version = 1;
SELECT coalesce(bool_and(share BETWEEN 0.8 AND 0.97), true) AS ninety_percent_below FROM (SELECT avg((price <= aipipe.model_predict('rent price', rent, version => v.version))::int) AS share
    FROM rent, aipipe.model_version v WHERE v.model = 'rent price' AND v.params ->> 'objective' = 'reg:quantileerror' HAVING count(*) > 0) AS s;
-- imported, it is served anywhere
SELECT aipipe.model_import('rent quantile', convert_to(jsonb_set(convert_from(aipipe.model_export('rent price', 3), 'UTF8')::jsonb, '{learner,objective}',
    '{"name": "reg:quantileerror", "quantile_loss_param": {"quantile_alpha": "[9E-1]"}}')::text, 'UTF8'), '{size,age,side,listed,listed.hour,listed.weekday,listed.day}', 'regression');
SELECT convert_from(aipipe.model_export('rent quantile', 1), 'UTF8')::jsonb #> '{learner,objective}' AS objective;
SELECT aipipe.model_import('rent quantile', convert_to(jsonb_set(convert_from(aipipe.model_export('rent price', 3), 'UTF8')::jsonb, '{learner,objective}',
    jsonb_build_object('name', 'reg:quantileerror', 'quantile_loss_param', jsonb_build_object('quantile_alpha', a)))::text, 'UTF8'), '{size,age,side,listed,listed.hour,listed.weekday,listed.day}', 'regression')
FROM unnest(ARRAY['[1E-1,9E-1]']) AS a;

-- rounds of several trees, alone and stopped early
SELECT train('classification', 'dear', '{"num_parallel_tree": 5, "subsample": 0.6, "colsample_bynode": 0.7, "early_stopping_rounds": 2, "n_estimators": 20}');
SELECT jsonb_array_length(convert_from(aipipe.model_export('rent dear', version), 'UTF8')::jsonb #> '{learner,gradient_booster,model,trees}') = 5 * ((params ->> 'best_iteration')::int + 1) AS whole_rounds
FROM aipipe.model_version WHERE model = 'rent dear' AND params ->> 'num_parallel_tree' = '5';

-- refused before a row is read
\set VERBOSITY default
SELECT train('regression', 'price', '{"early_stopping_rounds": 5, "eval_metric": "auc"}');
SELECT train('regression', 'price', '{"eval_metric": "rmse"}');
SELECT train('regression', 'price', '{"quantile_alpha": 0.3}');
SELECT train('regression', 'price', '{"objective": "rank:ndcg"}');
SELECT train('regression', 'price', '{"monotone_constraints": {"size": 0.5}}');
SELECT train('regression', 'price', '{"interaction_constraints": "size"}');
SELECT train('regression', 'price', '{"early_stoping_rounds": 5}');
\echo :LAST_ERROR_SQLSTATE
-- and after it
SELECT train('regression', 'price', '{"early_stopping_rounds": 5, "validation": 0}');
SELECT train('regression', 'price', '{"monotone_constraints": {"sise": 1}}');
SELECT train('regression', 'price', '{"monotone_constraints": {"side": 1}}');
SELECT aipipe.model_train('rent none', 'regression', 'SELECT price, md5(id::text) AS words FROM rent', 'price', params => '{"monotone_constraints": {"words": 1}}');
SELECT train('regression', 'price', '{"interaction_constraints": [["size", "listed.houre"]]}');
-- a column that is called as a feature of another one: its name alone does not say which is meant, those of the others do
SELECT aipipe.model_train('rent two', 'regression', 'SELECT price, listed, size AS "listed.hour", age FROM rent', 'price', params => p || '{"n_estimators": 2}')
FROM unnest(ARRAY['{"monotone_constraints": {"listed.hour": 1}}']::jsonb[]) AS p;
SELECT aipipe.model_train('rent two', 'regression', 'SELECT price, listed, size AS "listed.hour", age FROM rent', 'price', params => p || '{"n_estimators": 2}')
FROM unnest(ARRAY['{"interaction_constraints": [["listed.hour", "age"]]}']::jsonb[]) AS p;
SELECT aipipe.model_train('rent two', 'regression', 'SELECT price, listed, size AS "listed.hour", age FROM rent', 'price', params => p || '{"n_estimators": 2}')
FROM unnest(ARRAY['{"monotone_constraints": {"listed": 1, "age": -1}}', '{"interaction_constraints": [["listed", "age"]]}', '{"interaction_constraints": [["listed.day", "age"]]}', '{"interaction_constraints": [["age"]]}']::jsonb[]) AS p;
SELECT train('ranking', 'grade', '{"group": "query", "weight": "per_query", "n_estimators": 2}', '{size}') IS NOT NULL AS trained;
SELECT aipipe.model_train('rent none', 'ranking', 'SELECT size, grade, query, 1.0 + id % 7 AS w FROM rent', 'grade', params => '{"group": "query", "weight": "w", "n_estimators": 2}');
SELECT aipipe.model_train('rent none', 'ranking', 'SELECT size, -grade AS grade, query FROM rent', 'grade', params => '{"group": "query", "objective": "rank:pairwise"}');
SELECT aipipe.model_train('rent none', 'ranking', 'SELECT size, grade * 10 AS grade, query FROM rent', 'grade', params => '{"group": "query"}');
SELECT aipipe.model_train('rent none', 'ranking', 'SELECT size, grade, query FROM rent', 'grade', params => '{"group": "query", "objective": "rank:map"}');
\set VERBOSITY terse
SELECT count(*) AS models FROM aipipe.model WHERE name = 'rent none';
SELECT count(aipipe.model_drop(name)) AS dropped FROM aipipe.model WHERE name LIKE 'rent%';
RESET search_path;
DROP SCHEMA learn_boost CASCADE;
