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
-- components: unknown ones, weights that are none, what says nothing
SELECT aipipe.anomaly_train('d', 't', params => '{"algorithm": "isolation_forrest"}');
SELECT aipipe.anomaly_train('d', 't', params => '{"algorithm": "xgboost"}');
SELECT aipipe.anomaly_train('d', 't', params => '{"algorithm": "ensemble"}');
SELECT aipipe.anomaly_train('d', 't', params => '{"algorithm": 1}');
SELECT aipipe.anomaly_train('d', 't', params => '{"components": {"cell_suprise": 1}}');
SELECT aipipe.anomaly_train('d', 't', params => '{"components": {"cell_surprise": 0}}');
SELECT aipipe.anomaly_train('d', 't', params => '{"components": {"cell_surprise": -1, "loda": 1}}');
SELECT aipipe.anomaly_train('d', 't', params => '{"components": {"cell_surprise": "much"}}');
SELECT aipipe.anomaly_train('d', 't', params => '{"components": {"cell_surprise": null}}');
SELECT aipipe.anomaly_train('d', 't', params => '{"components": {"cell_surprise": 1e300}}');
SELECT aipipe.anomaly_train('d', 't', params => '{"components": {}}');
SELECT aipipe.anomaly_train('d', 't', params => '{"components": ["loda"]}');
SELECT aipipe.anomaly_train('d', 't', params => '{"components": "loda"}');
SELECT aipipe.anomaly_train('d', 't', params => '{"components": {"loda": 1}, "algorithm": "loda"}');
-- an option of a component that is not there, asked for or by the columns
SELECT aipipe.anomaly_train('d', 't', params => '{"algorithm": "cell_surprise", "n_estimators": 10}');
SELECT aipipe.anomaly_train('d', 'SELECT i AS x, chr(65 + i % 3) AS c FROM generate_series(1, 50) i', params => '{"n_estimators": 10}');
SELECT aipipe.anomaly_train('d', 't', params => '{"projections": 10}');
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

-- an artifact can be taken out but not in: it means nothing without its encoder
SELECT convert_from(substr(aipipe.model_export('errors_d', 1), 1, 60), 'UTF8') AS artifact;
SELECT aipipe.model_import('errors_copy', aipipe.model_export('errors_d', 1), ARRAY['x', 'y'], 'anomaly');
SELECT aipipe.model_import('errors_copy', aipipe.model_export('errors_d', 1), ARRAY['x', 'y'], 'regression');

-- a compiled form that storage damaged is noticed wherever it was damaged, when it is loaded
CREATE FUNCTION damaged(what bytea) RETURNS text LANGUAGE plpgsql AS
$$ DECLARE state text; BEGIN
   UPDATE aipipe.model_version_data SET compiled = what WHERE id = (SELECT max(id) FROM aipipe.model_version_data);
   PERFORM aipipe.anomaly_score('errors_damaged', t) FROM t LIMIT 1;
   RAISE EXCEPTION USING ERRCODE = 'AP000';
EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE; RETURN state; END $$;
SELECT aipipe.anomaly_train('errors_damaged', 't', ARRAY['x', 'y'], '{"n_estimators": 5}');
CREATE TABLE compiled AS SELECT compiled AS c, length(compiled) AS n FROM aipipe.model_version_data ORDER BY id DESC LIMIT 1;
SELECT damaged(set_byte(c, at, get_byte(c, at) # 1)) AS state, count(*) > 0 AS found
FROM compiled, generate_series(0, n - 1, 97) AS at GROUP BY 1;
SELECT damaged(substr(c, 1, len)) AS state, count(*) AS found
FROM compiled, unnest(ARRAY[0, 1, 20, 47, 48, 500, n / 2, n - 8, n - 1]) AS len GROUP BY 1;
SELECT damaged(c || '\x00') AS state FROM compiled;
SELECT damaged(c) AS undamaged FROM compiled;

SET client_min_messages = warning;
SELECT count(aipipe.model_drop(name)) AS dropped FROM aipipe.model WHERE name LIKE 'errors\_%';
DROP SCHEMA anomaly_errors CASCADE;
