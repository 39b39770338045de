-- Bad input ends in a clear error and leaves no detector.
\set VERBOSITY default
\set SHOW_CONTEXT never
CREATE SCHEMA anomaly_errors;
SET search_path = anomaly_errors;
CREATE TABLE t AS SELECT i AS x, i % 7 AS y, i % 2 AS label FROM generate_series(1, 200) i;
CREATE TABLE nothing (x int);
CREATE TABLE no_columns ();
INSERT INTO no_columns DEFAULT VALUES;
SELECT aipipe.anomaly_train(NULL, 't');
SELECT aipipe.anomaly_train('d', NULL);
SELECT aipipe.anomaly_train('', 't');
SELECT aipipe.anomaly_train('d', 'no_such_table');
SELECT aipipe.anomaly_train('d', 'nothing');
SELECT aipipe.anomaly_train('d', 'no_columns');
SELECT aipipe.anomaly_train('d', 't', ARRAY['z']);
SELECT aipipe.anomaly_train('d', 't', ARRAY[]::text[]);
SELECT aipipe.anomaly_train('d', 't', ARRAY['x', 'x']);
SELECT aipipe.anomaly_train('d', 't', params => '{"n_estimator": 10}');
SELECT aipipe.anomaly_train('d', 't', params => '{"n_estimators": 0}');
SELECT aipipe.anomaly_train('d', 't', params => '{"n_estimators": 1.5}');
SELECT aipipe.anomaly_train('d', 't', params => '{"max_samples": 1}');
SELECT aipipe.anomaly_train('d', 't', params => '{"max_depth": 65}');
SELECT aipipe.anomaly_train('d', 't', params => '{"guards": "no"}');
SELECT aipipe.anomaly_train('d', 't', params => '{"positive": "1"}');
SELECT aipipe.anomaly_train('d', 't', params => '[]');
SELECT aipipe.anomaly_train('d', 'SELECT i AS x FROM generate_series(1, 40000) i', params => '{"n_estimators": 10000, "max_samples": 32768}');
SELECT aipipe.model_train('d', 'anomaly', 't', algorithm => 'xgboost');
SELECT aipipe.model_train('d', 'classification', 't', 'label', algorithm => 'isolation_forest');
SELECT count(*) AS detectors FROM aipipe.model WHERE name = 'd';

-- memory
SET aipipe.train_max_memory = '1MB';
SELECT aipipe.anomaly_train('d', 't');
SELECT aipipe.anomaly_train('d', 'SELECT i AS x, i AS y FROM generate_series(1, 200000) i');
RESET aipipe.train_max_memory;
SELECT count(*) AS detectors FROM aipipe.model WHERE name = 'd';

-- a model that is no detector, a detector that is not there, a row that does not fit
SELECT aipipe.model_train('errors_class', 'classification', 't', 'label', params => '{"n_estimators": 2}');
SELECT aipipe.anomaly_score('errors_class', t) FROM t LIMIT 1;
SELECT * FROM t, aipipe.anomaly_explain('errors_class', t) LIMIT 1;
SELECT aipipe.anomaly_train('errors_class', 't');
SELECT aipipe.anomaly_score('no_such', t) FROM t LIMIT 1;
SELECT aipipe.anomaly_train('errors_d', 't', ARRAY['x', 'y']);
SELECT aipipe.anomaly_score('errors_d', r) FROM (SELECT 1 AS x) r;
SELECT aipipe.anomaly_score('errors_d', r) FROM (SELECT 1 AS x, 'one' AS y) r;
SELECT aipipe.model_predict_class('errors_d', t) FROM t LIMIT 1;
SELECT aipipe.anomaly_score(NULL, t) IS NULL AS null_detector, aipipe.anomaly_score('errors_d', NULL::t) IS NULL AS null_row FROM t LIMIT 1;
SELECT count(*) AS explained FROM aipipe.anomaly_explain('errors_d', NULL::t);

-- what was exported comes back the same; anything else is refused
SELECT aipipe.model_import('errors_copy', aipipe.model_export('errors_d', 1), ARRAY['x', 'y'], 'anomaly');
SELECT count(*) AS rows FROM t WHERE aipipe.anomaly_score('errors_copy', t) = aipipe.anomaly_score('errors_d', t);
CREATE FUNCTION damaged(what bytea) RETURNS text LANGUAGE plpgsql AS
$$ DECLARE detail text; BEGIN PERFORM aipipe.model_import('errors_bad', what, ARRAY['x', 'y'], 'anomaly'); RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL; RETURN SQLSTATE || ' ' || SQLERRM || ' ' || detail; END $$;
CREATE TABLE artifact AS SELECT convert_from(aipipe.model_export('errors_d', 1), 'UTF8') AS a;
SELECT damaged('');
SELECT damaged('{}');
SELECT damaged(convert_to(left(a, 40), 'UTF8')) FROM artifact;
SELECT damaged(convert_to(left(a, 2000), 'UTF8')) FROM artifact;
SELECT damaged(convert_to(left(a, -1), 'UTF8')) FROM artifact;
SELECT damaged(convert_to(a || ' ', 'UTF8')) FROM artifact;
SELECT damaged(convert_to(replace(a, '"format_version":1', '"format_version":2'), 'UTF8')) FROM artifact;
SELECT damaged(convert_to(replace(a, '"rows":200', '"rows":0'), 'UTF8')) FROM artifact;
SELECT damaged(convert_to(replace(a, '"rows":200', '"rows":-200'), 'UTF8')) FROM artifact;
SELECT damaged(convert_to(replace(a, '"rows":200', '"rows":99999999999999999999'), 'UTF8')) FROM artifact;
SELECT damaged(convert_to(replace(a, '"above":[', '"above":[200,'), 'UTF8')) FROM artifact;
SELECT damaged(convert_to(replace(a, '"score":[', '"score":[1e999,'), 'UTF8')) FROM artifact;
SELECT damaged(convert_to(replace(a, '"score":[', '"score":[nan,'), 'UTF8')) FROM artifact;
SELECT damaged(convert_to(replace(a, '"score":[', '"score":[99,'), 'UTF8')) FROM artifact;
SELECT damaged(convert_to(replace(a, 'aipipe:isolation', 'reg:squarederror'), 'UTF8')) FROM artifact;
SELECT damaged(convert_to(regexp_replace(a, '"left_children":\s*\[\d+', '"left_children":[99999'), 'UTF8')) FROM artifact;

SET client_min_messages = warning;
SELECT count(aipipe.model_drop(name)) AS dropped FROM aipipe.model WHERE name LIKE 'errors\_%';
DROP SCHEMA anomaly_errors CASCADE;
