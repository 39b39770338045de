-- Detectors made of components: which ones, their weights and options, what is recorded, what old versions do.
CREATE SCHEMA anomaly_ensemble;
SET search_path = anomaly_ensemble;

-- numbers alone, and with words; a and b rise together, c is the kind that a and d have
CREATE TABLE numbers AS
SELECT i, (i * 7919 % 1009) / 100.0::float8 AS a, (i * 7919 % 1009) / 50.0 + (i * 104729 % 101) / 100.0::float8 AS b, (i * 6007 % 97)::int AS c FROM generate_series(1, 4000) i;
CREATE TABLE fresh AS
SELECT i, (i * 7919 % 1009) / 100.0::float8 AS a, (i * 7919 % 1009) / 50.0 + (i * 104729 % 101) / 100.0::float8 AS b, (i * 6007 % 97)::int AS c FROM generate_series(4001, 8000) i;
CREATE TABLE words AS
SELECT i, (i * 7919 % 1009) / 100.0::float8 AS a, (ARRAY['bread', 'milk', 'shoes', 'boots'])[1 + i * 104729 % 4] AS what,
       CASE WHEN i * 104729 % 4 < 2 THEN 'food' ELSE 'wear' END AS kind, i * 6007 % 97 < 30 AS paid FROM generate_series(1, 4000) i;

-- the columns decide: words, or one truth value, are judged cell by cell; numbers by a forest too
SELECT aipipe.anomaly_train('ens_numbers', 'numbers', '{a,b,c}'), aipipe.anomaly_train('ens_words', 'words', '{a,what,kind,paid}'),
       aipipe.anomaly_train('ens_truth', 'words', '{a,paid}'), aipipe.anomaly_train('ens_time', 'SELECT a, timestamp ''2026-01-01'' + i * interval ''1 min'' AS t, date ''2026-01-01'' + i % 50 AS d FROM words');
SELECT model, algorithm, params -> 'components' AS components, params ? 'n_estimators' AS forest_options, params ? 'parents' AS surprise_options
FROM aipipe.model_version WHERE model ~ '^ens_' ORDER BY model COLLATE "C";

-- asked for by name: weights, their order does not matter; one alone; options go to whom they belong
SELECT aipipe.anomaly_train('ens_two', 'numbers', '{a,b,c}', '{"components": {"cell_surprise": 0.25, "isolation_forest": 2}, "n_estimators": 20, "parents": 2}'),
       aipipe.anomaly_train('ens_two', 'numbers', '{a,b,c}', '{"parents": 2, "components": {"isolation_forest": 2, "cell_surprise": 0.25}, "n_estimators": 20}'),
       aipipe.anomaly_train('ens_forest', 'words', '{a,what,kind,paid}', '{"algorithm": "isolation_forest", "max_samples": 64}'),
       aipipe.anomaly_train('ens_loda', 'numbers', '{a,b,c}', '{"algorithm": "loda"}');
SELECT model, version, params -> 'components' AS components, params -> 'n_estimators' AS trees, params -> 'max_samples' AS samples, params -> 'parents' AS parents
FROM aipipe.model_version WHERE model IN ('ens_two', 'ens_forest', 'ens_loda') ORDER BY model COLLATE "C", version;
SELECT count(DISTINCT sha256) AS artifacts FROM aipipe.model_version WHERE model = 'ens_two';
-- nulls mean the default
SELECT aipipe.anomaly_train('ens_nulls', 'words', '{a,what}', '{"components": null, "algorithm": null, "n_estimators": null, "projections": null}');
SELECT params -> 'components' AS components FROM aipipe.model_version WHERE model = 'ens_nulls';
-- what was recorded trains the same again
SELECT aipipe.anomaly_train('ens_two', 'numbers', '{a,b,c}', (SELECT params FROM aipipe.model_version WHERE model = 'ens_two' AND version = 1)) AS version;
SELECT count(DISTINCT sha256) AS artifacts FROM aipipe.model_version WHERE model = 'ens_two';

-- what belongs together and does not is found with words and with numbers, each value by itself being ordinary
CREATE TYPE thing AS (a float8, what text, kind text, paid bool);
CREATE TYPE spot AS (a float8, b float8, c int);
SELECT aipipe.anomaly_score('ens_words', ROW(5, 'bread', 'food', true)::thing) < 0.99 AS ordinary, aipipe.anomaly_score('ens_words', ROW(5, 'bread', 'wear', true)::thing) > 0.999 AS contradiction;
SELECT aipipe.anomaly_score('ens_numbers', ROW(5, 10.5, 50)::spot) < 0.99 AS ordinary, aipipe.anomaly_score('ens_numbers', ROW(9, 2, 50)::spot) > 0.99 AS contradiction,
       aipipe.anomaly_score('ens_numbers', ROW(5, 10.5, 5000)::spot) > 0.999 AS far;

-- evidence adds up: the margin is the weighted sum, and rows are ordered by it
SELECT count(*) AS pairs, bool_and((r.margin > s.margin) = (r.severity > s.severity) OR r.margin = s.margin OR r.severity = s.severity) AS same_order
FROM (SELECT i, aipipe.anomaly_score('ens_numbers', n) AS severity, (SELECT sum(weight * bits) FROM aipipe.anomaly_parts('ens_numbers', n)) AS margin FROM numbers n WHERE i <= 60) r,
     (SELECT i, aipipe.anomaly_score('ens_numbers', n) AS severity, (SELECT sum(weight * bits) FROM aipipe.anomaly_parts('ens_numbers', n)) AS margin FROM numbers n WHERE i <= 60) s;

-- severities of rows like the training rows spread evenly; blocks, rows and parallel workers give the same
SELECT round(avg(s)::numeric, 2) AS mean, min(s) >= 0 AS from_zero, max(s) < 1 AS below_one, round(avg((s >= 0.99)::int)::numeric, 3) AS hundredth
FROM (SELECT aipipe.anomaly_score('ens_numbers', n) AS s FROM fresh n) q;
SELECT count(*) AS rows, count(*) FILTER (WHERE p.prediction = aipipe.anomaly_score('ens_numbers', n)) AS same
FROM aipipe.model_predict_batch('ens_numbers', 'numbers', 'i') p JOIN numbers n ON n.i = p.key::int;
SELECT sum(aipipe.anomaly_score('ens_words', w)) AS alone FROM words w \gset
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
ALTER TABLE words SET (parallel_workers = 2);
SELECT abs(sum(aipipe.anomaly_score('ens_words', w)) - :alone) < 1e-9 AS parallel_same FROM words w;

-- each measure of importance is shares of one, a component's by its weight
SELECT round(sum(gain)::numeric, 6) AS gain, round(sum(cover)::numeric, 6) AS cover, round(sum(weight)::numeric, 6) AS weight, count(*) AS features FROM aipipe.model_importance('ens_numbers');

-- its artifact is a frame around its components
SELECT convert_from(substr(aipipe.model_export('ens_numbers', 1), 1, 45), 'UTF8') AS artifact;

-- a version of the forest alone, as earlier versions of aipipe trained it, scores as ever and is its own only component
SELECT aipipe.model_train('ens_old', 'anomaly', 'numbers', features => '{a,b,c}', algorithm => 'isolation_forest');
SELECT aipipe.anomaly_train('ens_same', 'numbers', '{a,b,c}', '{"algorithm": "isolation_forest"}');
SELECT algorithm FROM aipipe.model_version WHERE model IN ('ens_old', 'ens_same') ORDER BY 1;
SELECT count(*) AS rows, max(abs(aipipe.anomaly_score('ens_old', n) - aipipe.anomaly_score('ens_same', n))) < 1e-3 AS same FROM numbers n WHERE i <= 500;
SELECT component, weight, strangeness < 0 AS path, bits >= 0 AS bits, pvalue FROM aipipe.anomaly_parts('ens_old', ROW(5, 10.5, 5000)::spot);
SELECT count(*) AS reasons, count(sentence) AS sentences, count(given) AS given FROM aipipe.anomaly_explain('ens_old', ROW(5, 10.5, 5000)::spot);

SET client_min_messages = warning;
SELECT count(aipipe.model_drop(name)) AS dropped FROM aipipe.model WHERE name ~ '^ens_';
DROP SCHEMA anomaly_ensemble CASCADE;
