-- LODA: projections, histograms, its t-test; numbers by a reference of its own.
\set VERBOSITY default
\set SHOW_CONTEXT never
CREATE SCHEMA anomaly_loda;
SET search_path = anomaly_loda;
-- numbers that are random enough, the same everywhere: three that hang together, a count with gaps, a category
CREATE TABLE t AS SELECT i AS id, round((50 + 10 * (sin(i * 12.9898) + sin(i * 78.233)))::numeric, 3)::float8 AS a,
       round((100 + 20 * (sin(i * 12.9898) + sin(i * 78.233)) + sin(i * 5.123))::numeric, 3)::float8 AS b,
       round(exp(2 * sin(i * 37.719))::numeric, 3)::float8 AS c, CASE WHEN i % 7 <> 0 THEN (i * 7919) % 10 END AS n,
       (ARRAY['EUR', 'EUR', 'EUR', 'EUR', 'USD', 'USD', 'GBP'])[1 + i % 7] AS k
FROM generate_series(1, 3000) i;
SELECT aipipe.model_train('loda_d', 'anomaly', 't', features => ARRAY['a', 'b', 'c', 'n', 'k'], algorithm => 'loda', params => '{"projections": 40, "seed": 7}');
SELECT algorithm, params ->> 'projections' AS projections, params ->> 'histogram_bins' AS bins, row_count FROM aipipe.model_version WHERE model = 'loda_d';

-- The reference: from the projections of model_export() alone, in Python with numpy in double precision: z = (x - centre) / scale, beyond 5 only
-- 5 * (1 + ln(z / 5)); counts of all rows over the exported range; bins among the divisors of 192 up to 64 by log-likelihood less
-- D - 1 + ln(D)^2.5; excess = -log2((count + .5) / (rows + .5 * (bins + 2))) less its mean over the rows, tails + 2 * log2(1 + distance in bins);
-- margin = mean excess; t by scipy.stats.ttest_ind(equal_var = False) of the projections with and without a column.
CREATE TEMP TABLE asked (what text, a float8, b float8, c float8, n int, k text, margin float8);
INSERT INTO asked VALUES
	('ordinary', 50, 100, 1, 4, 'EUR', -0.63475), ('not together', 60, 80, 1, 4, 'EUR', -0.09558), ('far', 50, 100, 500, 4, 'EUR', 7.51157),
	('wild', 1e30, 100, 1, 4, 'EUR', 13.16658), ('missing', NULL, 100, 1, NULL, 'EUR', -0.63339), ('rare', 50, 100, 1, 4, 'GBP', 0.26358);
SELECT what, abs(sum(contribution) - min(margin)) < 0.001 * greatest(1, abs(min(margin))) AS as_reference
FROM asked q, aipipe.model_explain('loda_d', q) e GROUP BY what ORDER BY what;
SELECT b.total = 1492 AS bins_as_reference FROM (SELECT sum(jsonb_array_length(p -> 'count')) AS total FROM jsonb_array_elements(convert_from(aipipe.model_export('loda_d'), 'UTF8')::jsonb -> 'projections') p) b;
-- the margin is shared out by the positive t
SELECT feature, abs(contribution - expected) < 0.002 * expected + 1e-6 AS as_reference
FROM (VALUES ('a', 0.00000), ('b', 0.00000), ('c', 0.03578), ('n', 0.02251), ('k', 0.20530)) AS v(feature, expected) LEFT JOIN LATERAL (SELECT e.feature, e.contribution FROM asked q, aipipe.model_explain('loda_d', q) e WHERE what = 'rare') e USING (feature) ORDER BY 1;

-- what a row's strangeness is, and where: the first column named
SELECT what, round(aipipe.anomaly_score('loda_d', q)::numeric, 1) AS severity, (SELECT e."column" FROM aipipe.anomaly_explain('loda_d', q) e WHERE contribution > 0 LIMIT 1) AS column FROM asked q ORDER BY what;
-- a row of which nothing is known is an average one; one alone scores as in a block
SELECT round(aipipe.anomaly_score('loda_d', q)::numeric, 1) BETWEEN 0.4 AND 0.9 AS average FROM (SELECT NULL::float8 AS a, NULL::float8 AS b, NULL::float8 AS c, NULL::int AS n, NULL::text AS k) q;
SELECT count(*) AS rows, count(*) FILTER (WHERE p.prediction = aipipe.anomaly_score('loda_d', t)) AS same FROM t JOIN aipipe.model_predict_batch('loda_d', 't', 'id') p ON p.key = t.id::text;
-- severities of the training rows are even
SELECT round(avg(prediction)::numeric, 2) AS mean, round((count(*) FILTER (WHERE prediction >= 0.9) / count(*)::numeric), 2) AS a_tenth FROM aipipe.model_predict_batch('loda_d', 't');
SELECT feature, weight > 0 AS used, gain > 0 AS narrow FROM aipipe.model_importance('loda_d') ORDER BY feature;

-- the same rows and seed: the same bytes; another seed: others
SELECT aipipe.model_train('loda_d', 'anomaly', 't', features => ARRAY['a', 'b', 'c', 'n', 'k'], algorithm => 'loda', params => '{"projections": 40, "seed": 7}'),
       aipipe.model_train('loda_d', 'anomaly', 't', features => ARRAY['a', 'b', 'c', 'n', 'k'], algorithm => 'loda', params => '{"projections": 40, "seed": 8}');
SELECT count(DISTINCT sha256) AS of_seeds FROM aipipe.model_version WHERE model = 'loda_d';
-- told bins
SELECT aipipe.model_train('loda_b', 'anomaly', 't', features => ARRAY['a', 'c'], algorithm => 'loda', params => '{"histogram_bins": 17, "projections": 3}');
SELECT jsonb_array_length(p -> 'count') AS bins, jsonb_array_length(p -> 'input') AS inputs FROM jsonb_array_elements(convert_from(aipipe.model_export('loda_b'), 'UTF8')::jsonb -> 'projections') p;

-- bad input: constants, nothing but NULL, one row, equal rows, infinities, days, one column, many columns
SELECT aipipe.model_train('loda_e', 'anomaly', 'SELECT 1 AS x, NULL::float8 AS y, ''a''::text AS z FROM generate_series(1, 100)', algorithm => 'loda') AS constant;
SELECT aipipe.anomaly_score('loda_e', q) AS score, (SELECT count(*) FROM aipipe.anomaly_explain('loda_e', q) WHERE contribution <> 0) AS reasons FROM (SELECT 5 AS x, 7.0::float8 AS y, 'b' AS z) q;
SELECT aipipe.model_train('loda_e', 'anomaly', 'SELECT 1 AS x, 2 AS y', algorithm => 'loda') AS one_row;
SELECT aipipe.model_train('loda_e', 'anomaly', 'SELECT CASE i % 4 WHEN 0 THEN ''Infinity'' WHEN 1 THEN ''-Infinity'' WHEN 2 THEN ''NaN'' ELSE i::text END::float8 AS x, i % 3 AS y FROM generate_series(1, 400) i', algorithm => 'loda') AS infinities;
SELECT aipipe.model_promote('loda_e', 3);
SELECT x, aipipe.anomaly_score('loda_e', q) BETWEEN 0 AND 1 AS scored FROM (SELECT unnest(ARRAY['Infinity', '-Infinity', 'NaN', '5', '1e308']::float8[]) AS x, 1 AS y) q ORDER BY x;
SELECT aipipe.model_train('loda_days', 'anomaly', 'SELECT date ''2020-01-01'' + i % 365 AS day, (i * 7919) % 100 AS x FROM generate_series(1, 1000) i', algorithm => 'loda') AS days;
-- the days go on, which is not strange; a weekday that never was would be
SELECT aipipe.anomaly_score('loda_days', q) < 0.9 AS later_is_ordinary FROM (SELECT date '2034-01-11' AS day, 50 AS x) q;
SELECT aipipe.anomaly_score('loda_days', q) BETWEEN 0 AND 1 AS before_christ FROM (SELECT date '0044-03-15 BC' AS day, 50 AS x) q;
SELECT aipipe.model_train('loda_one', 'anomaly', 'SELECT (i * 7919) % 1000 AS x FROM generate_series(1, 1000) i', algorithm => 'loda') AS one_column;
SELECT aipipe.anomaly_score('loda_one', q) > 0.99 AS strange, (SELECT "column" FROM aipipe.anomaly_explain('loda_one', q) WHERE contribution > 0) AS because FROM (SELECT 5000 AS x) q;
DO $$ BEGIN EXECUTE (SELECT 'CREATE TABLE wide AS SELECT ' || string_agg('((i * ' || 7919 + c || ') % 1000)::float4 AS c' || c, ', ') || ' FROM generate_series(1, 50) i' FROM generate_series(1, 1600) c); END $$;
SELECT aipipe.model_train('loda_wide', 'anomaly', 'wide', algorithm => 'loda', params => '{"projections": 20}') AS wide;
SELECT count(prediction) AS scored FROM aipipe.model_predict_batch('loda_wide', 'wide');
SELECT aipipe.model_train('loda_e', 'anomaly', 'SELECT ''k'' || i AS k, i % 9 AS x FROM generate_series(1, 20000) i', algorithm => 'loda', params => '{"max_categories": 10000, "projections": 5}') AS categories;

-- options
SELECT aipipe.model_train('loda_x', 'anomaly', 't', algorithm => 'loda', params => '{"projection": 5}');
SELECT aipipe.model_train('loda_x', 'anomaly', 't', algorithm => 'loda', params => '{"projections": 0}');
SELECT aipipe.model_train('loda_x', 'anomaly', 't', algorithm => 'loda', params => '{"histogram_bins": 385}');
SELECT aipipe.model_train('loda_x', 'anomaly', 'SELECT * FROM t WHERE false', algorithm => 'loda');
SELECT aipipe.model_train('loda_x', 'regression', 't', 'a', algorithm => 'loda');
SET aipipe.train_max_memory = '4MB';
SELECT aipipe.model_train('loda_x', 'anomaly', 't', algorithm => 'loda', params => '{"projections": 1000}');
RESET aipipe.train_max_memory;
-- an artifact can be taken out but not in
SELECT convert_from(substr(aipipe.model_export('loda_d', 1), 1, 70), 'UTF8') AS artifact;
SELECT aipipe.model_import('loda_copy', aipipe.model_export('loda_d', 1), ARRAY['a', 'b', 'c', 'n', 'k'], 'anomaly');

SELECT aipipe.model_drop(name) FROM aipipe.model WHERE name LIKE 'loda\_%' ORDER BY name;
DROP SCHEMA anomaly_loda CASCADE;
