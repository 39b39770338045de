-- Bad input ends in a clear error and leaves no detector.
\set VERBOSITY default
\set SHOW_CONTEXT never
CREATE SCHEMA series_errors;
SET search_path = series_errors;
SET timezone = 'UTC';
CREATE TABLE t AS SELECT date '2023-01-01' + i AS day, i AS n, 'a' AS name, i % 2 = 0 AS flag, now() AS ts, '1 day'::interval AS span FROM generate_series(1, 50) i;
SELECT aipipe.series_train(NULL, 't', 'n', 'day');
SELECT aipipe.series_train('d', NULL, 'n', 'day');
SELECT aipipe.series_train('d', 't', NULL, 'day');
SELECT aipipe.series_train('d', 't', 'n', NULL);
SELECT aipipe.series_train('', 't', 'n', 'day');
SELECT aipipe.series_train('d', 'no_such_table', 'n', 'day');
SELECT aipipe.series_train('d', 't', 'm', 'day');
SELECT aipipe.series_train('d', 't', 'n', 'date');
SELECT aipipe.series_train('d', 't', 'n', 'day', 'nam');
SELECT aipipe.series_train('d', 't', 'name', 'day');
SELECT aipipe.series_train('d', 't', 'flag', 'day');
SELECT aipipe.series_train('d', 't', 'span', 'day');
SELECT aipipe.series_train('d', 't', 'n', 'n');
SELECT aipipe.series_train('d', 'SELECT * FROM series_errors.t WHERE false', 'n', 'day');
SELECT aipipe.series_train('d', 'SELECT n, NULL::date AS day FROM series_errors.t', 'n', 'day');
SELECT aipipe.series_train('d', 't', 'n', 'day', params => '{"alfa": 0.1}');
SELECT aipipe.series_train('d', 't', 'n', 'day', params => '{"alpha": 0.5}');
SELECT aipipe.series_train('d', 't', 'n', 'day', params => '{"kind": "counts"}');
SELECT aipipe.series_train('d', 't', 'n', 'day', params => '{"method": "arima"}');
SELECT aipipe.series_train('d', 't', 'n', 'day', params => '{"direction": "left"}');
SELECT aipipe.series_train('d', 't', 'n', 'day', params => '{"least_relative": -1}');
SELECT aipipe.series_train('d', 't', 'n', 'day', params => '{"rest": 1.5}');
SELECT aipipe.series_train('d', 't', 'n', 'day', params => '{"learning": 5}');
SELECT aipipe.series_train('d', 't', 'n', 'day', params => '{"timezone": "Europe/Berlin"}');
SELECT aipipe.series_train('d', 't', 'n', 'ts', params => '{"timezone": "Nowhere"}');
SELECT aipipe.series_train('d', 't', 'n', 'day', params => '{"holidays": "no_such_table"}');
SELECT aipipe.series_train('d', 't', 'n', 'day', params => '{"holidays": "SELECT n FROM series_errors.t"}');
CREATE TABLE no_columns ();
SELECT aipipe.series_train('d', 't', 'n', 'day', params => '{"holidays": "no_columns"}');
SELECT aipipe.series_train('d', 't', 'n', 'day', params => '{"holidays": "SELECT date ''2000-01-01'' + i FROM generate_series(1, 100001) i"}');
SET aipipe.train_max_memory = '1MB';
SELECT aipipe.series_train('d', 'SELECT i AS s, date ''2023-01-01'' + j AS day, j AS n FROM generate_series(1, 2000) i, generate_series(1, 30) j', 'n', 'day', 's');
RESET aipipe.train_max_memory;
SELECT aipipe.series_train('d', 'DELETE FROM series_errors.t RETURNING *', 'n', 'day');
CREATE FUNCTION sly() RETURNS int LANGUAGE sql VOLATILE AS 'DELETE FROM series_errors.t; SELECT 1';
SELECT aipipe.series_train('d', 'SELECT day, series_errors.sly() AS n FROM series_errors.t', 'n', 'day');
BEGIN TRANSACTION READ ONLY;
SELECT aipipe.series_train('d', 't', 'n', 'day');
ROLLBACK;
SELECT count(*) AS detectors FROM aipipe.model WHERE name = 'd';

-- asked for what it is not
SELECT aipipe.series_score('nobody', now(), 1);
SELECT aipipe.series_refresh('nobody', 't');
SELECT aipipe.anomaly_train('errors_rows', 'SELECT n FROM series_errors.t');
SELECT aipipe.series_score('errors_rows', now(), 1);
SELECT * FROM aipipe.series_explain('errors_rows', now(), 1);
SELECT aipipe.series_refresh('errors_rows', 't');
SELECT aipipe.series_train('errors_rows', 't', 'n', 'day');
SELECT aipipe.series_train('errors_series', 't', 'n', 'day');
SELECT aipipe.series_score('errors_series', 'infinity', 1);
SELECT aipipe.series_refresh('errors_series', NULL);
SELECT aipipe.series_refresh('errors_series', 't', NULL);
SELECT aipipe.series_refresh('errors_series', 'SELECT day FROM series_errors.t');
SELECT aipipe.series_refresh('errors_series', 'SELECT n, ts AS day FROM series_errors.t');
SELECT aipipe.series_refresh('errors_series', 'SELECT * FROM series_errors.t WHERE false');
-- the replays
SELECT * FROM aipipe.series_detect(NULL, 'n', 'day');
SELECT * FROM aipipe.series_detect('t', 'n', 'day', params => '{"alarm": 1}');
SELECT * FROM aipipe.series_detect('t', 'n', 'span');
SELECT * FROM aipipe.series_backtest('t', 'n', 'day', label => 'name');
SELECT * FROM aipipe.series_backtest('t', 'n', 'day', label => 'labl');
SELECT * FROM aipipe.series_backtest('t', 'n', 'day', params => '[]');

SELECT aipipe.model_drop('errors_rows');
SELECT aipipe.model_drop('errors_series');
RESET search_path;
DROP SCHEMA series_errors CASCADE;
