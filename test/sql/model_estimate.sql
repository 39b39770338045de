-- model_train_estimate(): what a training would take, compared with what trainings took (a search is estimated more from above).
\set SHOW_CONTEXT never
CREATE SCHEMA model_estimate;
SET search_path = model_estimate;
CREATE TABLE t AS SELECT i AS id, i * 7 % 31 AS a, i * 11 % 1009 / 3.0 AS b, 'word ' || i % 12 AS c, (i * 7 % 31 > 15)::text AS y, i % 5 AS many, i % 4 AS relevance, (i % 400)::int AS g, 1.5 AS w
FROM generate_series(1, 20000) i;
CREATE TABLE training (number int, task text, target text, params jsonb);
INSERT INTO training VALUES
    (1, 'classification', 'y', '{}'), (2, 'classification', 'y', '{"early_stopping_rounds": 2, "calibration": "isotonic", "threshold": "f1", "class_weight": "balanced"}'),
    (3, 'classification', 'many', '{"weight": "w", "class_weight": "balanced", "split": "group", "split_column": "g"}'),
    (4, 'classification', 'y', '{"split": "time", "split_column": "id", "holdout": 0.5, "validation": 0.3}'),
    (5, 'regression', 'b', '{"holdout": 0}'), (6, 'regression', 'b', '{"booster": "dart", "sample": 0.5}'),
    (7, 'ranking', 'relevance', '{"group": "g"}'), (8, 'regression', 'b', '{"search": {"trials": 2, "folds": 2}}'), (9, 'anomaly', NULL, '{"algorithm": "isolation_forest"}');
CREATE TABLE estimated AS SELECT t.number, e.* FROM training t, aipipe.model_train_estimate(task, 't', target, params => params || '{"n_estimators": 3}') e;
-- no version, no model comes of it
SELECT count(*) AS models FROM aipipe.model;
SELECT count(aipipe.model_train('estimate ' || number, task, 't', target, params => params || '{"n_estimators": 3}')) AS trained FROM training;
SELECT number, params, e.row_count, feature_count, fits, limit_bytes = 2147483648 AS all_of_it, e.peak_bytes >= data_bytes + library_bytes AS adds_up,
       v.peak_bytes <= 1.2 * e.peak_bytes AS not_more, e.peak_bytes <= CASE number WHEN 8 THEN 1.5 ELSE 1.2 END * v.peak_bytes AS not_much_less
FROM training JOIN estimated e USING (number) JOIN (SELECT model, peak_bytes FROM aipipe.model_version) v ON v.model = 'estimate ' || number ORDER BY number;
SELECT count(aipipe.model_drop(name)) AS dropped FROM aipipe.model WHERE name LIKE 'estimate%';
SELECT row_count, feature_count FROM aipipe.model_train_estimate('classification', 'SELECT a, c, CASE WHEN id % 4 > 0 THEN y END AS y FROM t', 'y');
SELECT row_count, feature_count FROM aipipe.model_train_estimate('classification', 't', 'y', ARRAY['a', 'b'], 'xgboost', '{"n_estimators": 3}');
SELECT row_count FROM aipipe.model_train_estimate('ranking', 'SELECT a, relevance, CASE WHEN id % 4 > 0 THEN g END AS g FROM t', 'relevance', params => '{"group": "g"}');
SELECT count(*) AS models FROM aipipe.model;
-- whether it fits is what a training finds
SET aipipe.train_max_memory = '16MB';
SELECT fits FROM aipipe.model_train_estimate('regression', 't', 'b');
SELECT aipipe.model_train('estimate', 'regression', 't', 'b', params => '{"n_estimators": 2}');
RESET aipipe.train_max_memory;
-- the arguments are those of a training, and so are their errors
\set VERBOSITY default
SELECT aipipe.model_train_estimate('regression', 't');
SELECT aipipe.model_train_estimate('regression', 't', 'bb');
SELECT aipipe.model_train_estimate('regression', 't', 'b', params => '{"max_dept": 3}');
SELECT aipipe.model_train_estimate('regression', 't', 'b', params => '{"calibration": "platt"}');
SELECT aipipe.model_train_estimate('regression', 't', 'b', algorithm => 'isolation_forest');
SELECT aipipe.model_train_estimate('regression', 'SELECT * FROM t WHERE false', 'b');
SELECT aipipe.model_train_estimate(NULL, 't', 'b');
SELECT aipipe.model_train_estimate('regression', 'SELECT b FROM t', 'b');
-- as the caller: a table that may not be read is not
CREATE ROLE regress_model_estimate;
GRANT USAGE ON SCHEMA model_estimate TO regress_model_estimate;
SET ROLE regress_model_estimate;
SELECT aipipe.model_train_estimate('regression', 't', 'b');
RESET ROLE;
\set VERBOSITY terse
RESET search_path;
DROP SCHEMA model_estimate CASCADE;
DROP ROLE regress_model_estimate;
