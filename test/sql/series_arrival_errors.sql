-- Bad input to detectors of arrival times ends in a clear error or a documented answer.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
CREATE SCHEMA series_arrival_errors;
SET search_path = series_arrival_errors;
CREATE TABLE t AS SELECT timestamptz '2024-01-01 06:00' + make_interval(days => i, mins => i * 7919 % 20) AS at, 'a' AS feed, i AS x FROM generate_series(0, 29) i;
CREATE TABLE rows (x int, y int);
INSERT INTO rows SELECT i, i % 2 FROM generate_series(1, 50) i;

-- what cannot be learned
SELECT aipipe.arrival_train(NULL, 't', 'at');
SELECT aipipe.arrival_train('d', NULL, 'at');
SELECT aipipe.arrival_train('d', 't', NULL);
SELECT aipipe.arrival_train('', 't', 'at');
SELECT aipipe.arrival_train('d', 'no_such_table', 'at');
SELECT aipipe.arrival_train('d', 't', 'att');
SELECT aipipe.arrival_train('d', 't', 'x');
SELECT aipipe.arrival_train('d', 't', 'at', 'feeds');
SELECT aipipe.arrival_train('d', 'SELECT * FROM t WHERE x < 0', 'at');
SELECT aipipe.arrival_train('d', 'SELECT unnest(''{infinity,-infinity,NULL}''::timestamptz[]) AS at, NULL::text AS feed', 'at', 'feed');
SELECT aipipe.arrival_train('d', 't', 'at', params => '[]');
SELECT aipipe.arrival_train('d', 't', 'at', params => '{"half_live": 3}');
SELECT aipipe.arrival_train('d', 't', 'at', params => '{"half_life": 0.5}');
SELECT aipipe.arrival_train('d', 't', 'at', params => '{"keep": 100000}');
SELECT aipipe.arrival_train('d', 't', 'at', params => '{"keep": 20, "min_arrivals": 30}');
SELECT aipipe.arrival_train('d', 't', 'at', params => '{"days": "month"}');
SELECT aipipe.arrival_train('d', 't', 'at', params => '{"timezone": "Mars/Base"}');
SELECT aipipe.arrival_train('d', 't', 'at', params => '{"weekend": ["sunnday"]}');
SELECT aipipe.arrival_train('d', 't', 'at', params => '{"tolerance": 0}');
SELECT aipipe.arrival_detect('t', 'att');
SELECT aipipe.arrival_detect('t', 'at', params => '{"alpha": 2}');
SELECT aipipe.arrival_detect(NULL, 'at');
SELECT count(*) AS detectors FROM aipipe.model WHERE name = 'd';

-- what learns but says little
SELECT aipipe.arrival_train('one', 'SELECT timestamptz ''2024-01-01'' AS at', 'at');
SELECT state, score, pvalue, reason FROM aipipe.arrival_explain('one', '2024-01-02');
SELECT aipipe.arrival_train('one', 'SELECT timestamptz ''2024-01-01'' AS at FROM generate_series(1, 1000)', 'at', params => '{"min_arrivals": 3}');
SELECT aipipe.model_promote('one', 2);
SELECT state, reason FROM aipipe.arrival_explain('one', '2024-01-02');
SELECT aipipe.arrival_train('skipping', 'SELECT at, feed FROM t UNION ALL SELECT unnest(''{infinity,-infinity,NULL}''::timestamptz[]), ''a'' UNION ALL SELECT at, NULL FROM t', 'at', 'feed');
SELECT metrics FROM aipipe.model_version WHERE model = 'skipping';
-- a series that comes on the minute: what lies within minutes is not strange
SELECT aipipe.arrival_train('clockwork', 'SELECT date ''2024-01-01'' + i AS at FROM generate_series(0, 99) i', 'at');
SELECT at, state FROM unnest('{2024-05-01 00:04,2024-05-01 00:30}'::timestamptz[]) at, aipipe.arrival_explain('clockwork', at);

-- times at the ends of the calendar
SELECT aipipe.arrival_train('old', 'SELECT timestamptz ''4713-01-01 BC'' + i * interval ''1 day'' AS at FROM generate_series(0, 59) i', 'at');
SELECT e.state, e.expected_from, e.reason FROM unnest('{4713-02-01 03:00 BC,2024-01-01 00:00,294276-12-31 03:00}'::timestamptz[]) at, aipipe.arrival_explain('old', at) e;
SELECT expected_from, expected_at FROM aipipe.arrival_expected('old', '294276-12-31 03:00') LIMIT 2;
SELECT round(aipipe.arrival_overdue('old', '294276-12-31 03:00')::numeric, 3) AS overdue;
SELECT aipipe.arrival_train('far', 'SELECT unnest(ARRAY[''4713-01-01 BC'', ''2000-01-01'', ''2024-01-01'', ''9999-01-01'', ''294276-12-31'']::timestamptz[]) AS at', 'at', params => '{"half_life": 36500}');
SELECT state, pvalue BETWEEN 0 AND 1 AS sane FROM aipipe.arrival_explain('far', '2024-01-02');
SELECT aipipe.arrival_score('clockwork', 'infinity');
SELECT aipipe.arrival_score('one', '-infinity');
SELECT * FROM aipipe.arrival_explain('clockwork', 'infinity');
SELECT aipipe.arrival_overdue('clockwork', 'infinity');
SELECT aipipe.arrival_overdue('clockwork', '2024-05-01', last => '-infinity');

-- NULLs and wrong arguments
SELECT aipipe.arrival_score(NULL, '2024-01-01') AS nothing, aipipe.arrival_score('clockwork', NULL) AS no_time, aipipe.arrival_overdue('clockwork', NULL) AS no_now;
SELECT count(*) AS nothing FROM aipipe.arrival_explain('clockwork', NULL);
SELECT aipipe.arrival_score('skipping', '2024-01-01');
SELECT aipipe.arrival_score('skipping', '2024-01-01', 'b') AS unseen;
SELECT aipipe.arrival_score('clockwork', '2024-01-01', 'b') AS unseen;
SELECT aipipe.arrival_expected('clockwork', NULL);
SELECT aipipe.arrival_expected('clockwork', '2024-01-01', coverage => 1);
SELECT aipipe.arrival_expected('clockwork', '2024-01-01', coverage => 'NaN');
SELECT aipipe.arrival_expected('clockwork', '2024-01-01', coverage => NULL);
SELECT aipipe.arrival_refresh('clockwork', 't', NULL);
SELECT aipipe.arrival_refresh('clockwork', 'rows');
SELECT aipipe.arrival_refresh('clockwork', 'SELECT * FROM t WHERE x < 0');
SELECT aipipe.arrival_score('clokwork', '2024-01-01');

-- detectors are models, but not of rows; other models are no detectors of arrivals
SELECT aipipe.model_predict('clockwork', ROW(1));
SELECT aipipe.model_train('d', 'arrival', 't');
SELECT aipipe.model_train('d', 'classification', 'rows', 'y', algorithm => 'arrival');
SELECT aipipe.anomaly_train('forest', 'rows', params => '{"n_estimators": 2}');
SELECT aipipe.arrival_score('forest', '2024-01-01');
SELECT aipipe.arrival_refresh('forest', 't');
SELECT aipipe.arrival_train('forest', 't', 'at');
SELECT aipipe.model_import('d', aipipe.model_export('clockwork'), ARRAY['x'], 'arrival');

-- rights: who may ask, who may train, and what is read is read as the caller
CREATE ROLE regress_series_arrival;
GRANT USAGE ON SCHEMA series_arrival_errors TO regress_series_arrival;
SET ROLE regress_series_arrival;
SELECT aipipe.arrival_score('clockwork', '2024-01-01');
SELECT aipipe.arrival_train('clockwork', 'SELECT now() AS at', 'at');
SELECT aipipe.arrival_train('d', 't', 'at');
SELECT aipipe.arrival_detect('t', 'at');
RESET ROLE;
SELECT aipipe.model_grant('clockwork', 'regress_series_arrival', 'predict');
SET ROLE regress_series_arrival;
SELECT aipipe.arrival_score('clockwork', '2024-01-01') < 1 AS granted;
SELECT aipipe.arrival_refresh('clockwork', 'SELECT now() AS at');
RESET ROLE;

-- read-only transactions train nothing
BEGIN TRANSACTION READ ONLY;
SELECT aipipe.arrival_train('d', 't', 'at');
ROLLBACK;
BEGIN;
SELECT aipipe.arrival_train('d', 't', 'at');
ROLLBACK;
SELECT count(*) AS detectors FROM aipipe.model WHERE name = 'd';

-- a stored detector that was damaged is refused
DO $$
DECLARE
	pieces bytea := (SELECT compiled FROM aipipe.model_version_data v JOIN aipipe.model_data m ON m.id = v.model_id WHERE m.name = 'old');
BEGIN
	UPDATE aipipe.model_version_data SET compiled = set_byte(pieces, 200, 255 - get_byte(pieces, 200))
	WHERE model_id = (SELECT id FROM aipipe.model_data WHERE name = 'old');
END $$;
\c -
SELECT aipipe.arrival_score('old', '2024-01-01');
SELECT count(aipipe.model_drop(name)) FROM aipipe.model WHERE name IN ('one', 'skipping', 'clockwork', 'old', 'far', 'forest');
DROP SCHEMA series_arrival_errors CASCADE;
DROP ROLE regress_series_arrival;
