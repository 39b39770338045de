-- Options of every training: what is refused before a row is read, and what becomes of those that are taken.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA model_train_options;
SET search_path = model_train_options;
CREATE TABLE t AS SELECT i AS id, i * 7 % 31 AS x, i * 11 % 17 AS z, (i * 7 % 31 > 15)::text AS y, (i % 4)::float8 AS w, 'group ' || i % 20 AS g,
    timestamp '2024-01-01' + i * interval '1 hour' AS at, (i * 7 % 31)::float8 AS value, i % 4 AS relevance
FROM generate_series(1, 400) i;
-- a source that cannot be read: whatever is found out, is found out before
CREATE FUNCTION unread() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a row was read'; END $$;
CREATE VIEW unread AS SELECT t.*, unread() FROM t;
CREATE FUNCTION train(task text, target text, params jsonb, features text[] DEFAULT NULL) RETURNS int LANGUAGE sql AS
$$ SELECT aipipe.model_train('option ' || task, task, 'model_train_options.unread', target, features, params => params) $$;

-- options of other tasks
SELECT train('regression', 'value', '{"calibration": "platt"}');
SELECT train('regression', 'value', '{"threshold": 0.4}');
SELECT train('regression', 'value', '{"class_weight": "balanced"}');
SELECT train('regression', 'value', '{"positive": "true"}');
SELECT train('regression', 'value', '{"split": "stratified"}');
SELECT train('regression', 'value', '{"group": "g"}');
SELECT train('classification', 'y', '{"group": "g"}');
SELECT train('ranking', 'relevance', '{"group": "g", "calibration": "platt"}');
SELECT train('ranking', 'relevance', '{"group": "g", "split_column": "at"}');
SELECT train('ranking', 'relevance', '{"group": "g", "split": "time"}');
SELECT train('ranking', 'relevance', '{}');
SELECT aipipe.anomaly_train('option', 'unread', params => '{"weight": "w"}');
SELECT aipipe.anomaly_train('option', 'unread', params => '{"search": {}}');
SELECT aipipe.anomaly_train('option', 'unread', params => '{"validation": 0.1}');
SELECT aipipe.anomaly_train('option', 'unread', params => '{"weight": null}');

-- ill values and combinations
SELECT train('classification', 'y', '{"split": "stratifyed"}');
SELECT train('classification', 'y', '{"splt": "time"}');
SELECT train('classification', 'y', '{"split": "time"}');
SELECT train('classification', 'y', '{"split": "group"}');
SELECT train('classification', 'y', '{"split_column": "at"}');
SELECT train('classification', 'y', '{"split": "random", "split_column": "at"}');
SELECT train('classification', 'y', '{"validation": 0.95}');
SELECT train('classification', 'y', '{"validation": 0.5, "holdout": 0.5}');
SELECT train('classification', 'y', '{"validation": 0, "calibration": "platt"}');
SELECT train('classification', 'y', '{"validation": 0, "threshold": "f1"}');
SELECT train('classification', 'y', '{"validation": 0, "early_stopping_rounds": 5}');
SELECT train('classification', 'y', '{"calibration": "plat"}');
SELECT train('classification', 'y', '{"threshold": "f2"}');
SELECT train('classification', 'y', '{"threshold": 2}');
SELECT train('classification', 'y', '{"class_weight": "even"}');
SELECT train('classification', 'y', '{"class_weight": 3}');
SELECT train('classification', 'y', '{"class_weight": {}}');
SELECT train('classification', 'y', '{"class_weight": [1, 2]}');
SELECT train('classification', 'y', '{"class_weight": {"true": "2"}}');
SELECT train('classification', 'y', '{"class_weight": {"true": -2}}');
SELECT train('classification', 'y', '{"search": {"trails": 3}}');
SELECT train('classification', 'y', '{"weight": 3}');

-- columns
SELECT train('classification', 'y', '{"weight": "ww"}');
SELECT train('classification', 'y', '{"weight": "g"}');
SELECT train('classification', 'y', '{"weight": "y"}');
SELECT train('classification', 'y', '{"weight": "w"}', ARRAY['x', 'w']);
SELECT train('classification', 'y', '{"split": "time", "split_column": "g"}');
SELECT train('classification', 'y', '{"split": "time", "split_column": "y"}');
SELECT train('classification', 'y', '{"split": "time", "split_column": "aat"}');
SELECT train('ranking', 'relevance', '{"group": "relevance"}');
SELECT train('ranking', 'relevance', '{"group": "gg"}');
SELECT train('ranking', 'g', '{"group": "g"}');
SELECT train('ranking', 'y', '{"group": "g"}');
SELECT count(*) AS models FROM aipipe.model;

-- what was used is what is kept: defaults, other names, nothing that has no meaning
SELECT aipipe.model_train('option', 'classification', 't', 'y', ARRAY['x', 'z'], params => '{"n_estimators": 5, "class_weight": "auto", "threshold": {"recall": 0.9}}');
SELECT aipipe.model_train('option', 'classification', 't', 'y', ARRAY['x', 'z'], params => '{"n_estimators": 5, "weight": "w", "split": "time", "split_column": "at", "early_stopping_rounds": 2, "class_weight": {"true": 2}}');
SELECT aipipe.model_train('option value', 'regression', 't', 'value', ARRAY['x', 'z'], params => '{"n_estimators": 5}');
SELECT aipipe.model_train('option rank', 'ranking', 't', 'relevance', ARRAY['x', 'z'], params => '{"n_estimators": 5, "group": "g"}');
CREATE VIEW common AS SELECT model, version, key, value FROM aipipe.model_version, jsonb_each(params)
WHERE key IN ('seed', 'holdout', 'validation', 'sample', 'split', 'split_column', 'group', 'weight', 'class_weight', 'calibration', 'threshold', 'search', 'n_estimators', 'max_categories', 'text_buckets', 'positive', 'early_stopping_rounds');
SELECT model, version, jsonb_object_agg(key, value) AS params FROM common GROUP BY model, version ORDER BY model, version;
-- the same in another session, and they train the same version again
\c -
SET client_min_messages = warning;
SET search_path = model_train_options;
SELECT model, version, jsonb_object_agg(key, value) AS params FROM common GROUP BY model, version ORDER BY model, version;
CREATE TABLE kept AS SELECT params - 'best_iteration' - 'best_score' AS params FROM aipipe.model_version WHERE model = 'option' AND version = 2;
SELECT aipipe.model_train('option', 'classification', 't', 'y', ARRAY['x', 'z'], params => params) FROM kept;
SELECT count(DISTINCT sha256) AS different FROM aipipe.model_version WHERE model = 'option' AND version IN (2, 3);

-- every option at once, twice: the same bytes
SELECT aipipe.model_train('option', 'classification', 't', 'y', params => '{"n_estimators": 6, "seed": 4, "sample": 0.8, "weight": "w", "class_weight": "balanced", "split": "group", "split_column": "g",
    "early_stopping_rounds": 3, "calibration": "isotonic", "threshold": "mcc", "subsample": 0.7, "search": {"trials": 2, "folds": 2, "space": {"max_depth": [2, 3]}}}') FROM generate_series(1, 2);
SELECT count(DISTINCT sha256) AS different, count(DISTINCT metrics) AS metrics, count(*) AS versions FROM aipipe.model_version WHERE model = 'option' AND version > 3;
-- columns of weight, group and split are no features; listed ones are, but for the weight
SELECT version, string_agg(feature, ', ' ORDER BY number) AS features FROM aipipe.model_feature WHERE model = 'option' AND version IN (2, 4) GROUP BY version ORDER BY version;
SELECT aipipe.model_train('option', 'classification', 't', 'y', ARRAY['g', 'at'], params => '{"n_estimators": 2, "split": "group", "split_column": "g"}');
SELECT string_agg(DISTINCT "column", ', ') AS columns FROM aipipe.model_feature WHERE model = 'option' AND version = 6;

-- a failure after the rows were read leaves nothing
SELECT aipipe.model_train('option none', 'classification', 't', 'relevance', params => '{"threshold": 0.4}');
SELECT aipipe.model_train('option none', 'classification', 't', 'y', params => '{"class_weight": {"yes": 4}}');
SELECT aipipe.model_train('option none', 'classification', 't', 'y', ARRAY['x'], params => '{"class_weight": {"true": 0, "false": 0}}');
SELECT aipipe.model_train('option none', 'classification', 't', 'y', ARRAY['z'], params => '{"n_estimators": 2, "threshold": {"precision": 1}}');
SELECT count(*) AS models FROM aipipe.model WHERE name = 'option none';

SELECT aipipe.model_drop(name) FROM aipipe.model WHERE name LIKE 'option%' ORDER BY name;
RESET search_path;
\set VERBOSITY terse
DROP SCHEMA model_train_options CASCADE;
