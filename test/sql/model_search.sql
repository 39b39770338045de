-- Hyper-parameter search: what is drawn, who wins, what is recorded, and what is refused before a row is read.
\set VERBOSITY default
\set SHOW_CONTEXT never
CREATE SCHEMA model_search;
SET search_path = model_search;
CREATE TABLE sale AS
SELECT i AS day, i % 40 AS shop, (i * 7919 % 1000)::int AS spend, (i * 104729 % 97)::float8 / 10 AS visits,
       (ARRAY['north', 'south', 'east', 'west'])[1 + i * 31 % 4] AS region,
       (i * 7919 % 1000 < 300 + i * 104729 % 97) <> (i * 48271 % 10 = 0) AS churned,
       (i * 7919 % 1000) * 0.5 + (i * 104729 % 97) AS amount, i * 7919 % 3 AS relevance
FROM generate_series(1, 1200) i;

-- without a space: the algorithm's own, and the parameters as they are given compete too
SELECT aipipe.model_train('s', 'classification', 'sale', 'churned', features => ARRAY['spend', 'visits', 'region'],
    params => '{"n_estimators": 20, "subsample": 0.9, "search": {"trials": 6, "folds": 3}}');
SELECT count(*) AS trials, count(*) FILTER (WHERE state = 'chosen') AS chosen, min(trial) AS first, max(trial) AS last,
       count(*) FILTER (WHERE params = '{}') AS as_given, bool_and(cardinality(scores) = 3) AS all_folds,
       count(DISTINCT params) AS points, bool_and(error IS NULL) AS fine, min(resource) AS rounds, max(metric) AS metric
FROM aipipe.model_trial WHERE model = 's' AND version = 1;
SELECT DISTINCT jsonb_object_keys(params) AS drawn FROM aipipe.model_trial WHERE model = 's' AND version = 1 ORDER BY 1;
SELECT bool_and((p ->> 'max_depth')::numeric BETWEEN 3 AND 10 AND (p ->> 'max_depth')::numeric % 1 = 0 AND
                (p ->> 'learning_rate')::float8 BETWEEN 0.03 AND 0.3) AS within
FROM (SELECT params AS p FROM aipipe.model_trial WHERE model = 's' AND version = 1 AND params <> '{}') s;
-- what won is in the version's parameters, beside what was given, with a summary
SELECT v.params @> t.params AS chosen, v.params -> 'subsample' AS given, v.params -> 'n_estimators' AS rounds, v.row_count,
       (v.params -> 'search') - 'mean' - 'space' - 'chosen' AS search,
       (v.params #>> '{search,mean}')::float8 = t.mean AS mean, (v.params #>> '{search,chosen}')::int = t.trial AS trial,
       v.params #> '{search,space,learning_rate}' AS learning_rate
FROM aipipe.model_version v JOIN aipipe.model_trial t USING (model, version)
WHERE v.model = 's' AND t.state = 'chosen';
-- the held-out rows measured it, and took no part
SELECT (metrics ->> 'rows')::int + row_count AS rows FROM aipipe.model_version WHERE model = 's';

-- the same seeds: the same trials and the same bytes; another seed of the search: other points
SELECT aipipe.model_train('s', 'classification', 'sale', 'churned', features => ARRAY['spend', 'visits', 'region'],
    params => '{"n_estimators": 20, "subsample": 0.9, "search": {"trials": 6, "folds": 3}}');
SELECT aipipe.model_train('s', 'classification', 'sale', 'churned', features => ARRAY['spend', 'visits', 'region'],
    params => '{"n_estimators": 20, "subsample": 0.9, "search": {"trials": 6, "folds": 3, "seed": 5}}');
SELECT count(*) AS different FROM (
    (SELECT trial, params, scores, mean, state FROM aipipe.model_trial WHERE model = 's' AND version = 1)
    EXCEPT (SELECT trial, params, scores, mean, state FROM aipipe.model_trial WHERE model = 's' AND version = 2)) s;
SELECT count(*) AS different FROM (
    (SELECT trial, params FROM aipipe.model_trial WHERE model = 's' AND version = 1)
    EXCEPT (SELECT trial, params FROM aipipe.model_trial WHERE model = 's' AND version = 3)) s;
SELECT a.sha256 = b.sha256 AS same FROM aipipe.model_version a, aipipe.model_version b
WHERE a.model = 's' AND b.model = 's' AND a.version = 1 AND b.version = 2;
-- the winner is what the same parameters train without a search
SELECT format('{"n_estimators": 20, "subsample": 0.9, %s', substr(params::text, 2)) AS params
FROM aipipe.model_trial WHERE model = 's' AND version = 3 AND state = 'chosen' \gset
SELECT aipipe.model_train('s', 'classification', 'sale', 'churned', features => ARRAY['spend', 'visits', 'region'],
    params => :'params');
SELECT a.sha256 = b.sha256 AS same FROM aipipe.model_version a, aipipe.model_version b
WHERE a.model = 's' AND b.model = 's' AND a.version = 3 AND b.version = 4;

-- a space smaller than the number of trials is tried whole; whole numbers stay whole, other kinds are chosen
SELECT aipipe.model_train('space', 'classification', 'sale', 'churned', features => ARRAY['spend', 'visits', 'region'],
    params => '{"n_estimators": 5, "search": {"trials": 100, "folds": 2, "metric": "auc", "split": "random",
        "space": {"max_depth": {"min": 2, "max": 3}, "booster": ["gbtree", "dart"], "min_child_weight": [1, 2.5]}}}');
SELECT params FROM aipipe.model_trial WHERE model = 'space' ORDER BY params::text COLLATE "C";
-- of equal means (a dart that drops nothing is a gbtree) the earlier trial wins
SELECT (SELECT trial FROM aipipe.model_trial WHERE model = 'space' AND state = 'chosen') =
       (SELECT trial FROM aipipe.model_trial WHERE model = 'space' ORDER BY mean DESC, trial LIMIT 1) AS earliest_of_best,
       (SELECT count(DISTINCT mean) FROM aipipe.model_trial WHERE model = 'space') < 8 AS ties;
SELECT aipipe.model_train('space2', 'regression', 'sale', 'amount', features => ARRAY['spend', 'visits'],
    params => '{"n_estimators": 3, "search": {"trials": 30, "folds": 2,
        "space": {"gamma": {"min": 0, "max": 2}, "max_depth": {"min": 1, "max": 40, "scale": "log"}}}}');
SELECT count(*), bool_and(d BETWEEN 1 AND 40 AND d = floor(d)) AS depths, count(*) FILTER (WHERE d <= 6) BETWEEN 9 AND 21 AS half_below_6,
       bool_and(g BETWEEN 0 AND 2) AS gammas, bool_or(g <> floor(g)) AS fractions, max(metric) AS metric
FROM (SELECT (params ->> 'max_depth')::float8 AS d, (params ->> 'gamma')::float8 AS g, metric FROM aipipe.model_trial WHERE model = 'space2') s;

-- the mean decides, as a number, not the best fold and not the first text: in the last slice of time the target is what
-- one would say who has learned nothing
CREATE TABLE shift AS
SELECT i AS day, (i * 7919 % 100)::float8 AS x, CASE WHEN i <= 600 THEN (i * 7919 % 100) * 10 ELSE 495 END AS y
FROM generate_series(1, 800) i;
SELECT aipipe.model_train('shift', 'regression', 'shift', 'y', features => ARRAY['x'],
    params => '{"holdout": 0, "split": "time", "split_column": "day", "max_depth": 5,
        "search": {"folds": 3, "space": {"n_estimators": [1, 60], "learning_rate": [0.000001, 0.3]}}}');
SELECT params #>> '{search,split}' AS split, params -> 'n_estimators' AS rounds, params -> 'learning_rate' AS learning_rate, row_count
FROM aipipe.model_version WHERE model = 'shift';
WITH t AS (SELECT * FROM aipipe.model_trial WHERE model = 'shift')
SELECT (SELECT state FROM t ORDER BY mean, trial LIMIT 1) AS best_mean,
       (SELECT state FROM t ORDER BY least(scores[1], scores[2], scores[3]), trial LIMIT 1) AS best_fold,
       (SELECT state FROM t ORDER BY mean::text COLLATE "C", trial LIMIT 1) AS first_as_text,
       (SELECT bool_and(abs(mean - (scores[1] + scores[2] + scores[3]) / 3) < 1e-9) FROM t) AS means;

-- successive halving: one in three goes on with three times the rounds; none of them is worse than one that does not
SELECT aipipe.model_train('halving', 'classification', 'sale', 'churned', features => ARRAY['spend', 'visits', 'region'],
    params => '{"n_estimators": 45, "search": {"method": "halving", "trials": 10, "folds": 2, "min_rounds": 5}}');
SELECT rung, count(*) AS trials, min(resource) AS rounds, max(resource) AS same, count(*) FILTER (WHERE state = 'eliminated') AS eliminated,
       max(mean) FILTER (WHERE state <> 'eliminated') <= coalesce(min(mean) FILTER (WHERE state = 'eliminated'), 1e9) AS best_go_on
FROM aipipe.model_trial WHERE model = 'halving' GROUP BY rung ORDER BY rung;
-- what is chosen is the best of all rungs, with its rounds
SELECT (SELECT (trial, rung) FROM aipipe.model_trial WHERE model = 'halving' AND state = 'chosen') =
       (SELECT (trial, rung) FROM aipipe.model_trial WHERE model = 'halving' ORDER BY mean, rung, trial LIMIT 1) AS best;
SELECT (v.params ->> 'n_estimators')::float8 = t.resource AS rounds, v.params @> t.params AS chosen, (v.params #>> '{search,rung}')::int = t.rung AS rung,
       (v.params -> 'search') - 'mean' - 'space' - 'chosen' - 'rung' AS search
FROM aipipe.model_version v JOIN aipipe.model_trial t USING (model, version) WHERE v.model = 'halving' AND t.state = 'chosen';
SELECT count(*) AS gone_on_without_being_kept FROM aipipe.model_trial t WHERE model = 'halving' AND rung > 0 AND NOT EXISTS (
    SELECT FROM aipipe.model_trial b WHERE b.model = 'halving' AND b.trial = t.trial AND b.rung = t.rung - 1 AND b.state <> 'eliminated');
-- too few rounds to halve: all trials run with all of them
SELECT aipipe.model_train('halving2', 'classification', 'sale', 'churned', features => ARRAY['spend', 'visits', 'region'],
    params => '{"n_estimators": 12, "search": {"method": "halving", "trials": 4, "folds": 2, "reduction": 2}}');
SELECT rung, count(*), min(resource) AS rounds FROM aipipe.model_trial WHERE model = 'halving2' GROUP BY rung;

-- whole groups, and ranking
SELECT aipipe.model_train('grouped', 'regression', 'sale', 'amount', features => ARRAY['spend'],
    params => '{"n_estimators": 3, "split": "group", "split_column": "shop", "search": {"trials": 2, "folds": 4}}');
SELECT aipipe.model_train('grouped', 'regression', 'sale', 'amount', features => ARRAY['spend'],
    params => '{"n_estimators": 3, "split": "group", "split_column": "shop", "search": {"trials": 2, "folds": 4, "split": "random", "metric": "r2"}}');
SELECT aipipe.model_train('ranked', 'ranking', 'sale', 'relevance', features => ARRAY['spend', 'visits'],
    params => '{"n_estimators": 3, "group": "shop", "search": {"trials": 2, "folds": 4}}');
SELECT model, version, params #>> '{search,split}' AS split, params #>> '{search,metric}' AS metric FROM aipipe.model_version
WHERE model IN ('grouped', 'ranked') ORDER BY 1, 2;
SELECT bool_and(mean BETWEEN 0 AND 1) AS ndcg FROM aipipe.model_trial WHERE model = 'ranked';
SELECT aipipe.model_train('grouped', 'regression', 'sale', 'amount', features => ARRAY['spend'],
    params => '{"split": "group", "split_column": "shop", "search": {"trials": 2, "folds": 50}}');

-- early stopping: a fold keeps rows of its own to stop by
SELECT aipipe.model_train('early', 'classification', 'sale', 'churned', features => ARRAY['spend', 'visits', 'region'],
    params => '{"n_estimators": 60, "early_stopping_rounds": 3, "search": {"trials": 3, "folds": 2}}');
SELECT count(*), bool_and(mean IS NOT NULL) AS measured FROM aipipe.model_trial WHERE model = 'early';
SELECT aipipe.model_train('early', 'classification', 'sale', 'churned', features => ARRAY['spend', 'visits', 'region'],
    params => '{"n_estimators": 60, "early_stopping_rounds": 3, "split": "time", "split_column": "day", "search": {"trials": 3, "folds": 2}}');
SELECT aipipe.model_train('early ranked', 'ranking', 'sale', 'relevance', features => ARRAY['spend', 'visits'],
    params => '{"n_estimators": 60, "early_stopping_rounds": 3, "group": "shop", "search": {"trials": 3, "folds": 2}}');
-- a quantile is judged by its own loss, where the library can learn one
CREATE FUNCTION quantile_metric() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    metric text;
BEGIN
    PERFORM aipipe.model_train('quantile', 'regression', 'sale', 'amount', features => ARRAY['visits'], params =>
        '{"n_estimators": 3, "objective": "reg:quantileerror", "quantile_alpha": 0.9, "search": {"trials": 2, "folds": 2}}');
    metric := (SELECT t.metric FROM aipipe.model_trial t WHERE t.model = 'quantile' AND t.state = 'chosen');
    PERFORM aipipe.model_drop('quantile');
    RETURN metric;
EXCEPTION WHEN OTHERS THEN
    RETURN CASE WHEN SQLERRM LIKE '%needs XGBoost 2.0 or newer' THEN 'quantile_loss' ELSE SQLERRM END;
END $$;
SELECT quantile_metric();
SELECT aipipe.model_train('median', 'regression', 'sale', 'amount', features => ARRAY['visits'],
    params => '{"n_estimators": 3, "search": {"trials": 2, "folds": 2, "metric": "quantile_loss"}}');
SELECT count(mean) AS measured FROM aipipe.model_trial WHERE model = 'median';

-- a trial that cannot be trained fails alone
SET aipipe.train_max_memory = '38MB';
SELECT aipipe.model_train('failing', 'regression', 'sale', 'amount', features => ARRAY['spend', 'visits', 'region'],
    params => '{"n_estimators": 3, "search": {"trials": 9, "folds": 2, "space": {"max_depth": [3, 15]}}}');
SELECT params, state, mean IS NULL AS no_mean, scores = '{NULL,NULL}' AS no_scores, error FROM aipipe.model_trial WHERE model = 'failing' ORDER BY params -> 'max_depth';
-- all of them cannot
SELECT aipipe.model_train('failing', 'regression', 'sale', 'amount', features => ARRAY['spend', 'visits', 'region'],
    params => '{"n_estimators": 3, "search": {"trials": 9, "folds": 2, "space": {"max_depth": [14, 15]}}}');
SET aipipe.train_max_memory = '1MB';
SELECT aipipe.model_train('failing', 'regression', 'SELECT * FROM sale, generate_series(1, 40)', 'amount', features => ARRAY['spend', 'visits'],
    params => '{"n_estimators": 3, "holdout": 0, "search": {"trials": 2, "folds": 2}}');
SELECT aipipe.model_train('failing', 'regression', 'SELECT i AS x, i % 7 AS y FROM generate_series(1, 98304) i', 'y',
    params => '{"n_estimators": 3, "holdout": 0, "search": {"trials": 2, "folds": 2}}');
RESET aipipe.train_max_memory;
-- a metric that is undefined on a fold
SELECT aipipe.model_train('undefined', 'classification', 'SELECT day, spend, day < 700 AS y FROM sale', 'y', features => ARRAY['spend'],
    params => '{"n_estimators": 3, "split": "time", "holdout": 0, "split_column": "day", "search": {"trials": 2, "folds": 3, "metric": "auc"}}');
SELECT max(version) AS versions FROM aipipe.model_version WHERE model = 'failing';

-- refused before a row is read: the source would fail
CREATE FUNCTION never() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a row was read'; END $$;
CREATE FUNCTION try(search text, task text DEFAULT 'classification', algorithm text DEFAULT NULL, more text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    hint text;
BEGIN
    PERFORM aipipe.model_train('bad', task, 'SELECT never() AS x, 1 AS y', CASE WHEN task <> 'anomaly' THEN 'y' END, algorithm => algorithm,
                               params => format('{"search": %s%s}', search, more)::jsonb);
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, left(nullif(detail, ''), 70), nullif(hint, ''));
END $$;
SELECT try('{}');
SELECT try('7');
SELECT try('[]');
SELECT try('{"trails": 7}');
SELECT try('{"trials": 0}');
SELECT try('{"folds": 1}');
SELECT try('{"method": "grid"}');
SELECT try('{"metric": "acu"}');
SELECT try('{"metric": "rmse"}');
SELECT try('{"split": "stratified"}', 'regression');
SELECT try('{"split": "time"}');
SELECT try('{"split": "group"}', more => ', "split": "time", "split_column": "x"');
SELECT try('{"split": "random"}', 'ranking', more => ', "group": "x"');
SELECT try('{"reduction": 2}');
SELECT try('{"space": []}');
SELECT try('{"space": {}}');
SELECT try('{"space": {"max_depht": {"min": 1, "max": 2}}}');
SELECT try('{"space": {"max_depth": 4}}');
SELECT try('{"space": {"max_depth": {"min": 1}}}');
SELECT try('{"space": {"max_depth": {"min": 4, "max": 2}}}');
SELECT try('{"space": {"max_depth": {"min": 1.5, "max": 2}}}');
SELECT try('{"space": {"max_depth": {"min": 2, "max": 65}}}');
SELECT try('{"space": {"max_depth": {"min": -1, "max": 5}}}');
SELECT try('{"space": {"max_depth": {"min": 1, "max": 5, "step": 2}}}');
SELECT try('{"space": {"gamma": {"min": 0, "max": 5, "scale": "log"}}}');
SELECT try('{"space": {"gamma": {"min": 0, "max": 5, "scale": "cubic"}}}');
SELECT try('{"space": {"subsample": []}}');
SELECT try('{"space": {"subsample": [0.5, 2]}}');
SELECT try('{"space": {"subsample": [0.5, "all"]}}');
SELECT try('{"space": {"booster": {"min": 1, "max": 2}}}');
SELECT try('{"space": {"booster": ["gbtree", "gblinear"]}}');
SELECT try('{"space": {"booster": ["gbtree", "dart"], "rate_drop": [0.1, 0.2]}}');
SELECT try('{"space": {"seed": {"min": 1, "max": 9}}}');
SELECT try('{"space": {"search": [1]}}');
SELECT try('{"space": {"max_depth": [3, 4]}}', more => ', "max_depth": 5');
SELECT try('{"space": {"eta": [0.1, 0.2]}}', more => ', "learning_rate": 0.1');
SELECT try('{"method": "halving", "space": {"n_estimators": [10, 100]}}');
SELECT try('{}', 'anomaly');
SELECT try('{}', more => ', "learning_rate": 0.1, "max_depth": 3, "min_child_weight": 1, "subsample": 1, "colsample_bytree": 1, "lambda": 1');
SELECT count(*) AS nothing_left FROM aipipe.model WHERE name = 'bad';

-- trials belong to their version, and are seen by whom the model is
CREATE ROLE regress_stranger;
GRANT USAGE ON SCHEMA model_search TO regress_stranger;
SET ROLE regress_stranger;
SELECT count(*) AS seen FROM aipipe.model_trial;
SELECT count(*) FROM aipipe.model_trial_data;
RESET ROLE;
DROP OWNED BY regress_stranger;
DROP ROLE regress_stranger;
SELECT aipipe.model_drop('s', 3);
SELECT version, count(*) FROM aipipe.model_trial WHERE model = 's' GROUP BY version ORDER BY version;
BEGIN;
SELECT aipipe.model_train('s', 'classification', 'sale', 'churned', features => ARRAY['spend'],
    params => '{"n_estimators": 2, "search": {"trials": 2, "folds": 2}}');
ROLLBACK;
SELECT aipipe.model_drop(name) FROM aipipe.model
WHERE name IN ('s', 'space', 'space2', 'shift', 'halving', 'halving2', 'grouped', 'ranked', 'early', 'early ranked', 'median', 'failing') ORDER BY name COLLATE "C";
SELECT count(*) AS trials_without_model FROM aipipe.model_trial_data WHERE model_id NOT IN (SELECT id FROM aipipe.model_data);
RESET search_path;
\set VERBOSITY terse
DROP SCHEMA model_search CASCADE;
