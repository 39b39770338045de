-- Replaying history: the detector as it is, and as it would have been.
\set VERBOSITY default
\set SHOW_CONTEXT never
CREATE SCHEMA anomaly_backtest;
SET search_path = anomaly_backtest;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
-- 10 days, 240 rows a day, not in the order of time; one row without a time; two faults
CREATE TABLE feed AS
SELECT id, timestamp '2024-03-01' + (id - 1) * interval '6 minutes' AS at, (20 + (id * 7919 % 997) / 10.0)::numeric(10, 2) AS amount,
       (ARRAY['EUR', 'USD', 'GBP'])[1 + id * 7907 % 3] AS currency, false AS wrong
FROM (SELECT 1 + i * 1009 % 2400 AS id FROM generate_series(1, 2400) i) q;
UPDATE feed SET amount = 99999.99, wrong = true WHERE id = 1300;
UPDATE feed SET currency = 'XXX', wrong = true WHERE id = 1310;
UPDATE feed SET wrong = NULL WHERE id = 1311;
\set walk '\'{"columns": ["amount", "currency"], "period": "2 days", "label": "wrong", "threshold": 0.9999}\''
\set cols '\'{amount,currency}\''

-- walking: each period by what came before it; nothing needs to be stored, and nothing is
CREATE TABLE replayed AS SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', 'at', :walk);
SELECT period_start, period_end, rows, trained_rows, flagged IS NULL AS learning, (max_severity >= threshold) = (flagged > 0) AS above, share = flagged::float8 / rows AS share,
       flagged = coalesce((SELECT sum(n) FROM unnest(columns_flagged) n), 0) AS blamed, anomalies, caught FROM replayed;
SELECT 'amount' = ANY (top_columns) AS amount, 'currency' = ANY (top_columns) AS currency, cardinality(top_columns) = cardinality(columns_flagged) AS pairs,
       recall, precision BETWEEN 2.0 / flagged AND 2.0 / (flagged - 1) AS precision, round(f1::numeric, 9) = round((2 * precision * recall / (precision + recall))::numeric, 9) AS f1 FROM replayed WHERE anomalies > 0;
SELECT count(*) FILTER (WHERE recall IS NULL) AS no_recall, bool_and((precision IS NULL) = (flagged = 0)) AS no_precision FROM replayed WHERE anomalies = 0;
SELECT count(*) AS models FROM aipipe.model WHERE name = 'feed';
-- it is what a detector trained on the rows before says
SELECT aipipe.anomaly_train('feed', 'SELECT * FROM feed WHERE at < ''2024-03-05'' ORDER BY at', :cols);
SELECT b.flagged = s.flagged AS flagged, b.max_severity = s.max AS max, b.trained_rows
FROM aipipe.anomaly_backtest('no such', 'feed', 'at', '{"columns": ["amount", "currency"], "threshold": 0.99}') b,
     (SELECT count(*) FILTER (WHERE severity >= 0.99) AS flagged, max(severity) FROM (SELECT aipipe.anomaly_score('feed', f) AS severity FROM feed f WHERE at >= '2024-03-05' AND at < '2024-03-06') q) s
WHERE b.period_start = '2024-03-05';
-- a window, and trainings further apart
SELECT period_start, trained_rows FROM aipipe.anomaly_backtest('no such', 'feed', 'at', '{"columns": ["amount", "currency"], "window": "36 hours", "retrain": "3 days"}');
SELECT period_start, trained_rows, flagged IS NULL AS learning FROM aipipe.anomaly_backtest('no such', 'feed', 'at', '{"columns": ["amount", "currency"], "min_rows": 600, "to": "2024-03-05"}');

-- frozen: the champion as it is, with its own threshold
SELECT period_start, rows, trained_rows, threshold, flagged = s.expected AS flagged
FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"period": "5 days"}') b,
     LATERAL (SELECT count(*) AS expected FROM feed f WHERE at >= b.period_start AND at < b.period_end AND aipipe.anomaly_flag('feed', f)) s;
SELECT aipipe.anomaly_train('feed', 'SELECT * FROM feed WHERE at < ''2024-03-05''', :cols, '{"threshold": 0.95}');
SELECT aipipe.model_promote('feed', 2);
SELECT threshold, sum(flagged) = (SELECT count(*) FROM feed f WHERE aipipe.anomaly_score('feed', f) >= 0.95) AS flagged FROM aipipe.anomaly_backtest('feed', 'feed', 'at') GROUP BY threshold;
-- walking with a detector that is there: its columns and parameters, which the caller may change
SELECT threshold, max(trained_rows) AS trained, count(*) FILTER (WHERE top_columns <@ '{amount,currency}') AS periods FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"mode": "walk", "period": "5 days"}') GROUP BY threshold;
SELECT threshold FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"mode": "walk", "period": "5 days", "params": {"threshold": 0.97}, "columns": ["amount"]}');

-- the rows themselves, the strangest of each period
SELECT period_start, "row" ->> 'id' AS id, severity > 0.9999 AS strange, reasons -> 0 ->> 'column' AS because
FROM aipipe.anomaly_backtest_rows('no such', 'feed', 'at', '{"columns": ["amount", "currency"], "period": "2 days", "threshold": 0.9999}') WHERE "row" ->> 'id' IN ('1300', '1310') ORDER BY "row" ->> 'id';
SELECT max(rows) <= 4 AS limited, bool_and(flagged) AS flagged, max(reasons) AS reasons
FROM (SELECT count(*) AS rows, bool_and(severity >= 0.95) AS flagged, max(jsonb_array_length(reasons)) AS reasons
      FROM aipipe.anomaly_backtest_rows('feed', 'feed', 'at', '{"period": "5 days", "limit": 4, "reasons": 1}') GROUP BY period_start) q;
SELECT b."row" - 'at' = to_jsonb(f) - 'at' AS whole, (b."row" ->> 'at')::timestamp = f.at AS at FROM aipipe.anomaly_backtest_rows('feed', 'feed', 'at', '{"limit": 1, "from": "2024-03-06", "to": "2024-03-07"}') b JOIN feed f ON f.id = (b."row" ->> 'id')::int;
-- no more than so many rows are explained; no column, no row
SELECT sum(flagged) > 1 AS flagged, sum(n) AS explained FROM (SELECT period_start, flagged, (SELECT sum(x) FROM unnest(columns_flagged) x) AS n
      FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"period": "1 year", "explain_limit": 1}')) q;
SELECT top_columns FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"period": "1 year", "top": 0}');

-- periods: months, hours, days across a change of the clock, gaps that are jumped over, times before Christ
CREATE FUNCTION periods(source text, params jsonb) RETURNS TABLE (period_start text, period_end text, rows bigint) LANGUAGE sql AS
$$ SELECT period_start::text, period_end::text, rows FROM aipipe.anomaly_backtest('feed', source, 'at', params) $$;
CREATE FUNCTION at(VARIADIC times text[]) RETURNS text LANGUAGE sql AS
$$ SELECT format('SELECT 1.0 AS amount, ''EUR'' AS currency, t::timestamptz AS at FROM unnest(%L::text[]) t', times) $$;
SELECT * FROM periods(at('2024-01-31 12:00', '2024-02-29 23:59', '2024-03-31', '2023-12-31'), '{"period": "1 month"}');
SELECT * FROM periods(at('2024-01-31 12:30', '2024-01-31 13:00', '2024-01-31 19:59:59.999999'), '{"period": "90 minutes"}');
SET timezone = 'Europe/Berlin';
SELECT * FROM periods(at('2024-03-30 12:00', '2024-03-31 12:00', '2024-04-01 00:00'), '{"period": "1 day"}');
SELECT * FROM periods('SELECT 1.0 AS amount, ''EUR'' AS currency, d::date AS at FROM unnest(ARRAY[''2024-03-30'', ''2024-03-31'']) d', '{"period": "1 day", "from": "2024-03-30 12:00"}');
SET timezone = 'UTC';
SELECT * FROM periods(at('4713-01-01 BC', '0044-03-15 BC', '2024-01-01', '290000-12-31'), '{"period": "1 hour"}');
SELECT * FROM periods(at('4713-01-01 BC', '2024-01-01'), '{"period": "1 microsecond"}');
SELECT * FROM periods(at('2024-01-01', '2024-01-03'), '{"period": "1 day", "from": "2023-12-30 06:00", "to": "2024-01-02"}');
-- rows without a time are left out
SELECT rows FROM aipipe.anomaly_backtest('feed', at('2024-01-01', NULL, 'infinity', '-infinity'), 'at');
SELECT count(*) FROM aipipe.anomaly_backtest('feed', 'SELECT * FROM feed WHERE false', 'at');
SELECT count(*) FROM aipipe.anomaly_backtest('no such', 'SELECT * FROM feed WHERE false', 'at');
-- settings of the session do not matter
SET datestyle = 'SQL, DMY'; SET timezone = 'Asia/Kolkata';
SELECT max(trained_rows) AS trained FROM aipipe.anomaly_backtest('no such', 'SELECT *, at::timestamptz AS t FROM feed', 't', '{"columns": ["amount", "currency"], "window": "1 day"}');
SET datestyle = 'ISO, YMD'; SET timezone = 'UTC';
-- hostile names, and names that mean something else elsewhere
CREATE TABLE "se""lect; --" AS SELECT at AS "a""t; --", amount AS "or""der" FROM feed;
SELECT sum(rows) AS rows FROM aipipe.anomaly_backtest('no such', '"se""lect; --"', 'a"t; --', '{"period": "4 days"}');
CREATE FUNCTION anomaly_backtest.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT 'mine' $$;
SET search_path = anomaly_backtest, pg_catalog;
SELECT DISTINCT "row" ->> 'l' AS l FROM aipipe.anomaly_backtest_rows('no such', 'SELECT at, amount, lower(currency) AS l FROM feed; -- all', 'at', '{"period": "5 days", "threshold": 0.5, "limit": 1}');
SET search_path = anomaly_backtest;

-- rights: the model's and the source's
CREATE ROLE backtest_nobody;
GRANT USAGE ON SCHEMA anomaly_backtest TO backtest_nobody;
SET ROLE backtest_nobody;
SELECT count(*) FROM aipipe.anomaly_backtest('feed', 'SELECT 1 AS amount, ''x'' AS currency, now() AS at', 'at');
SELECT count(*) FROM aipipe.anomaly_backtest('feed', 'SELECT 1 AS amount, ''x'' AS currency, now() AS at', 'at', '{"mode": "walk"}');
SELECT count(*) FROM aipipe.anomaly_backtest('other', 'feed', 'at');
SELECT count(*) FROM aipipe.anomaly_backtest('other', 'SELECT 1 AS amount, now() AS at', 'at');
RESET ROLE;

-- bad input
SELECT * FROM aipipe.anomaly_backtest(NULL, 'feed', 'at');
SELECT * FROM aipipe.anomaly_backtest('feed', NULL, 'at');
SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', NULL);
SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', 'att');
SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', 'id');
SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"periode": "1 day"}');
SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"period": "-1 day"}');
SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"period": "0"}');
SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"period": "1 month -40 days"}');
SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"period": "daily"}');
SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"period": "170000000 years"}');
SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"mode": "walking"}');
SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"window": "1 day"}');
SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"retrain": "1 day"}');
SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"columns": ["amount"]}');
SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"params": {}}');
SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"threshold": 1}');
SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"threshold": 0}');
SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"from": "2024-03-05", "to": "2024-03-05"}');
SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"label": "wrang"}');
SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"label": "currency"}');
SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"mode": "walk", "label": "wrong", "columns": ["amount", "wrong"]}');
SELECT * FROM aipipe.anomaly_backtest('feed', 'feed', 'at', '{"limit": 5}');
SELECT * FROM aipipe.anomaly_backtest_rows('feed', 'feed', 'at', '{"label": "wrong"}');
SELECT * FROM aipipe.anomaly_backtest_rows('feed', 'feed', 'at', '{"limit": 0}');
SELECT * FROM aipipe.anomaly_backtest('no such', 'feed', 'at', '{"mode": "frozen"}');
SELECT * FROM aipipe.anomaly_backtest('no such', 'feed', 'at', '{"columns": ["z"]}');
DO $$ BEGIN PERFORM aipipe.anomaly_backtest('no such', 'feed', 'at', '{"params": {"tres": 5}}'); EXCEPTION WHEN invalid_parameter_value THEN RAISE NOTICE 'refused'; END $$;
SELECT * FROM aipipe.anomaly_backtest('feed', 'SELECT at FROM feed', 'at');
SELECT aipipe.model_train('feed class', 'classification', 'feed', 'currency', ARRAY['amount'], params => '{"n_estimators": 1}');
SELECT * FROM aipipe.anomaly_backtest('feed class', 'feed', 'at');

SET client_min_messages = warning;
SELECT aipipe.model_drop('feed'), aipipe.model_drop('feed class');
DROP SCHEMA anomaly_backtest CASCADE;
DROP ROLE backtest_nobody;
