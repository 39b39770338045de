-- Thresholds of detectors: given or chosen, kept with the version, checked on rows that did not teach.
\set VERBOSITY default
\set SHOW_CONTEXT never
CREATE SCHEMA anomaly_threshold;
SET search_path = anomaly_threshold;
-- numbers that look random come from a hash, so that every server makes the same ones
CREATE FUNCTION uniform(i int, salt int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT ('x' || substr(md5(i || ':' || salt), 1, 8))::bit(32)::bigint::float8 / 4294967296.0 $$;
CREATE TABLE visit AS
SELECT i AS id, timestamptz '2024-03-01 00:00+00' + i * interval '6 minutes' AS at, -ln(1 - uniform(i, 1)) AS a, uniform(i, 2) ^ 2 AS b,
       uniform(i, 3) + uniform(i, 4) AS c, (ARRAY['x', 'y', 'z'])[1 + floor(3 * uniform(i, 5) ^ 2)::int] AS k
FROM generate_series(1, 12000) i;
CREATE TABLE clean AS
SELECT i AS id, timestamptz '2024-05-01 00:00+00' + i * interval '6 minutes' AS at, -ln(1 - uniform(i, 1)) AS a, uniform(i, 2) ^ 2 AS b,
       uniform(i, 3) + uniform(i, 4) AS c, (ARRAY['x', 'y', 'z'])[1 + floor(3 * uniform(i, 5) ^ 2)::int] AS k
FROM generate_series(20001, 26000) i;
CREATE FUNCTION train(rule jsonb, more jsonb DEFAULT '{}', detector text DEFAULT 'cut') RETURNS int LANGUAGE sql AS
$$ SELECT aipipe.anomaly_train(detector, 'anomaly_threshold.visit', ARRAY['a', 'b', 'c', 'k'], jsonb_build_object('threshold', rule, 'seed', 3) || more) $$;

SELECT train(rule) AS version, rule FROM unnest(ARRAY['null', '0.99', '{"percentile": 0.99}', '{"false_alarms": 2.4, "rows_per_day": 240}', '{"false_alarms": 0.1, "per": "hour", "time": "at"}',
    '{"false_alarms": 5, "per": "2 days 2 hours", "rows_per_day": 240}', '{"cost": {"false_alarm": 1, "miss": 20, "rate": 0.01}}']::jsonb[]) rule;
-- the time of a budget is no feature unless it is listed
SELECT aipipe.anomaly_train('timed', 'visit', NULL, '{"threshold": {"false_alarms": 2.4, "time": "at"}}');
SELECT DISTINCT f ->> 'column' AS feature FROM aipipe.model_version, jsonb_array_elements(features) f WHERE model = 'timed' ORDER BY 1;
SELECT version, threshold IS NULL AS none, threshold = 0.99 AS given, params -> 'holdout' AS holdout, params -> 'validation' AS validation, row_count,
       round((metrics ->> 'nominal_share')::numeric, 4) AS nominal, metrics ->> 'threshold_chosen_on' AS chosen_on, (metrics ->> 'rows')::int AS held_out,
       (metrics ->> 'flagged_share')::float8 <= 1.5 * (metrics ->> 'nominal_share')::float8 AS kept,
       metrics ->> 'flagged_share' = ((metrics ->> 'flagged')::float8 / (metrics ->> 'rows')::float8)::text AS share,
       (metrics ->> 'flagged_low')::float8 < (metrics ->> 'flagged_share')::float8 AND (metrics ->> 'flagged_share')::float8 < (metrics ->> 'flagged_high')::float8 AS within
FROM aipipe.model_version WHERE model = 'cut' ORDER BY version;
-- the cost rule meets -e p ln p = .01 / .99 * 20
SELECT round((-exp(1.0::float8) * p * ln(p))::numeric, 9) AS left_side, round((0.01 / 0.99 * 20)::numeric, 9) AS right_side
FROM (SELECT (metrics ->> 'nominal_share')::float8 AS p FROM aipipe.model_version WHERE model = 'cut' AND version = 7) q;

-- what is flagged is what reaches the threshold, .999 without one
SELECT aipipe.model_promote('cut', 3);
SELECT count(*) AS rows, count(*) FILTER (WHERE aipipe.anomaly_flag('cut', w) = (aipipe.anomaly_score('cut', w) >= threshold)) AS right, avg(aipipe.anomaly_flag('cut', w)::int) <= 0.015 AS kept
FROM clean w, aipipe.model_version v WHERE v.model = 'cut' AND v.version = 3;
SELECT aipipe.model_promote('cut', 1);
SELECT count(*) FILTER (WHERE aipipe.anomaly_flag('cut', w) = (aipipe.anomaly_score('cut', w) >= 0.999)) AS right, count(*) FILTER (WHERE aipipe.anomaly_flag('cut', w)) BETWEEN 1 AND 30 AS few FROM clean w;
SELECT aipipe.anomaly_flag('cut', NULL) IS NULL AS no_row, aipipe.anomaly_flag(NULL, w) IS NULL AS no_detector FROM clean w LIMIT 1;
-- other rows of a threshold: the hash of the version covers it
SELECT count(DISTINCT sha256) AS hashes FROM aipipe.model_version WHERE model = 'cut' AND version IN (1, 2);

-- a rule tried on clean rows: at most the nominal share, the lowest severity that does it
SELECT rule, threshold > 0 AND threshold <= 1 AS sound, rows, share <= nominal AS kept, low < share AND share < high AS within, nominal > 0.01 OR share > nominal / 2 AS near
FROM (VALUES ('{"percentile": 0.99}'::jsonb, 0.01), ('{"percentile": 0.9}', 0.1), ('{"percentile": 0.3}', 0.7), ('{"false_alarms": 2.4, "time": "at"}', 0.01), ('{"false_alarms": 1, "per": "week", "rows_per_day": 14.2857142857}', 0.01)) r (rule, nominal),
     aipipe.anomaly_threshold('cut', 'clean', rule);
SELECT threshold, flagged = (SELECT count(*) FROM clean w WHERE aipipe.anomaly_score('cut', w) >= 0.98) AS counted FROM aipipe.anomaly_threshold('cut', 'clean', '0.98');
-- too few rows bound nothing: training's own severities decide; no rows at all
SELECT threshold, rows, flagged FROM aipipe.anomaly_threshold('cut', 'SELECT * FROM clean LIMIT 150', '{"percentile": 0.99}');
SELECT * FROM aipipe.anomaly_threshold('cut', 'SELECT * FROM clean WHERE false', '{"percentile": 0.99}');
-- 200 rows bound 1 % when none of them is flagged
SELECT threshold > (SELECT max(aipipe.anomaly_score('cut', w)) FROM (SELECT * FROM clean ORDER BY id LIMIT 200) w) AS above, flagged FROM aipipe.anomaly_threshold('cut', 'SELECT * FROM clean ORDER BY id LIMIT 200', '{"percentile": 0.99}');
-- few rows: the training's threshold; then nothing is held out
SELECT aipipe.anomaly_train('few', 'SELECT * FROM visit LIMIT 9', ARRAY['a'], '{"threshold": {"percentile": 0.5}}'),
       aipipe.anomaly_train('few', 'SELECT * FROM visit LIMIT 300', ARRAY['a'], '{"threshold": {"percentile": 0.99}}');
SELECT version, threshold, row_count, metrics ->> 'threshold_chosen_on' AS chosen_on FROM aipipe.model_version WHERE model = 'few' ORDER BY version;
-- rows held out without a rule say what .999 flags of them; a given threshold is checked as well
SELECT train('null', '{"holdout": 0.3}', 'held'), train('0.95', '{"holdout": 0.2}', 'held');
SELECT version, threshold, row_count, metrics -> 'rows' AS held_out, metrics ->> 'threshold_chosen_on' AS chosen_on, round((metrics ->> 'nominal_share')::numeric, 4) AS nominal,
       (metrics ->> 'flagged_share')::float8 < 3 * (metrics ->> 'nominal_share')::float8 AS near FROM aipipe.model_version WHERE model = 'held' ORDER BY version;
-- an estimate knows the parts
SELECT row_count, fits FROM aipipe.model_train_estimate('anomaly', 'visit', features => ARRAY['a'], params => '{"threshold": {"percentile": 0.99}}');

-- bad rules
SELECT train('0');
SELECT train('1');
SELECT train('-0.5');
SELECT train('true');
SELECT train('"f1"');
SELECT train('[0.9]');
SELECT train('{}');
SELECT train('{"percentil": 0.9}');
SELECT train('{"percentile": 1}');
SELECT train('{"percentile": 0}');
SELECT train('{"percentile": 0.9, "false_alarms": 3, "rows_per_day": 10}');
SELECT train('{"percentile": 0.9, "per": "day"}');
SELECT train('{"percentile": 0.9, "time": "at"}');
SELECT train('{"percentile": 0.9, "rows_per_day": 9}');
SELECT train('{"false_alarms": 0, "rows_per_day": 10}');
SELECT train('{"false_alarms": 1}');
SELECT train('{"false_alarms": 1, "rows_per_day": 10, "time": "at"}');
SELECT train('{"false_alarms": 1, "rows_per_day": 0}');
SELECT train('{"false_alarms": 1, "rows_per_day": 1}');
SELECT train('{"false_alarms": 1, "rows_per_day": 10, "per": "0 days"}');
SELECT train('{"false_alarms": 1, "rows_per_day": 10, "per": "fortnight"}');
SELECT train('{"false_alarms": 1, "time": "when"}');
SELECT train('{"false_alarms": 1, "time": "a"}');
SELECT aipipe.anomaly_train('cut', 'SELECT a, timestamp ''2024-01-01'' AS at FROM visit', ARRAY['a'], '{"threshold": {"false_alarms": 1, "time": "at"}}');
SELECT aipipe.anomaly_train('cut', 'SELECT a, date ''infinity'' AS at FROM visit', ARRAY['a'], '{"threshold": {"false_alarms": 1, "time": "at"}}');
SELECT aipipe.anomaly_train('cut', 'SELECT a, NULL::date AS at FROM visit', ARRAY['a'], '{"threshold": {"false_alarms": 1, "time": "at"}}');
SELECT train('{"cost": {"false_alarm": 1, "miss": 2}}');
SELECT train('{"cost": {"false_alarm": 0, "miss": 2, "rate": 0.1}}');
SELECT train('{"cost": {"false_alarm": 1, "miss": 2, "rate": 0}}');
SELECT train('{"cost": {"false_alarm": 1, "miss": 2, "rate": 0.1, "hit": 3}}');
SELECT train('{"cost": {"false_alarm": 1, "miss": 200, "rate": 0.01}}');
SELECT train('{"cost": {"false_alarm": 1e100, "miss": 1e-100, "rate": 1e-200}}');
SELECT train('{"cost": 3}');
SELECT train('0.9', '{"validation": 0.1}');
SELECT train('{"percentile": 0.9}', '{"validation": 0.5, "holdout": 0.5}');
-- more rows with the greatest severity than may be flagged
SELECT string_agg(format('1 AS c%s', i), ', ') AS ones, string_agg(format('2 AS c%s', i), ', ') AS twos FROM generate_series(1, 600) i \gset
SELECT aipipe.model_train('tied', 'anomaly', format('SELECT %s FROM generate_series(1, 200)', :'ones'), algorithm => 'isolation_forest', params => '{"n_estimators": 1}');
SELECT * FROM aipipe.anomaly_threshold('tied', format('SELECT %s FROM generate_series(1, 100)', :'twos'), '{"percentile": 0.9}');
SELECT aipipe.anomaly_threshold('cut', 'clean', NULL);
SELECT aipipe.anomaly_threshold('cut', 'clean', 'null');
SELECT aipipe.anomaly_threshold('cut', NULL, '0.9');
SELECT aipipe.anomaly_threshold(NULL, 'clean', '0.9');
SELECT aipipe.anomaly_threshold('no such', 'clean', '0.9');
SELECT aipipe.anomaly_threshold('cut', 'SELECT id FROM clean', '0.9');
SELECT aipipe.model_train('cut class', 'classification', 'SELECT a, k = ''x'' AS y FROM visit LIMIT 100', 'y', params => '{"n_estimators": 1}');
SELECT aipipe.anomaly_threshold('cut class', 'clean', '0.9');
SELECT aipipe.anomaly_flag('cut class', w) FROM clean w LIMIT 1;
SET aipipe.train_max_memory = '1MB';
SELECT aipipe.anomaly_threshold('cut', 'SELECT c.* FROM clean c, generate_series(1, 60)', '0.9');
RESET aipipe.train_max_memory;
SELECT count(*) AS versions FROM aipipe.model_version WHERE model = 'cut';

SET client_min_messages = warning;
SELECT count(aipipe.model_drop(m)) FROM unnest(ARRAY['cut', 'timed', 'few', 'held', 'tied', 'cut class']) m;
DROP SCHEMA anomaly_threshold CASCADE;
