-- Weights of rows and classes change what is learned.
\set SHOW_CONTEXT never
CREATE SCHEMA model_weight;
SET search_path = model_weight;
-- x tells nothing: a model can only learn how often the classes are, by weight
CREATE TABLE t AS SELECT i AS id, i % 2 AS x, i % 10 = 0 AS y, CASE WHEN i % 10 = 0 THEN 9 ELSE 1 END AS w, (i % 10 = 0)::int * 0.5 AS half, i % 7 AS z FROM generate_series(1, 1000) i;
CREATE TABLE learned (what text, params jsonb, version int);
INSERT INTO learned SELECT what, params, aipipe.model_train('weight', 'classification', 'SELECT id, 1 AS x, y, w FROM t', 'y', ARRAY['x'],
    params => params || '{"holdout": 0, "n_estimators": 50, "reg_lambda": 0, "min_child_weight": 0}') FROM (VALUES
    ('nothing', '{}'::jsonb), ('a column', '{"weight": "w"}'), ('balanced', '{"class_weight": "balanced"}'), ('auto', '{"class_weight": "auto"}'),
    ('by label', '{"class_weight": {"true": 9}}'), ('both', '{"class_weight": {"true": 3, "false": 0.5}, "weight": "w"}')) v(what, params);
-- 100 rows of 1,000: 0.1; with nine times the weight 900 of 1,800: 0.5; 2,700 of 3,150
SELECT what, round(aipipe.model_predict('weight', r, version)::numeric, 3) AS p FROM learned, (SELECT 1 AS x) r ORDER BY version;
-- "balanced" is scikit-learn's n / (classes * count), counted on the rows that teach: here 1000 / 2 / 900 and 1000 / 2 / 100
SELECT aipipe.model_train('weight', 'classification', 'SELECT id, 1 AS x, y FROM t', 'y', ARRAY['x'],
    params => '{"class_weight": {"false": 0.5555555555555556, "true": 5}, "holdout": 0, "n_estimators": 50, "reg_lambda": 0, "min_child_weight": 0}');
SELECT count(DISTINCT sha256) AS different FROM aipipe.model_version WHERE model = 'weight' AND version IN (3, 4, 7);
-- three classes: each gets the same say
SELECT aipipe.model_train('weight three', 'classification', 'SELECT 1 AS x, CASE WHEN id <= 700 THEN ''a'' WHEN id <= 950 THEN ''b'' ELSE ''c'' END AS y FROM t', 'y',
    params => '{"class_weight": "balanced", "holdout": 0, "n_estimators": 100, "reg_lambda": 0, "min_child_weight": 0}');
SELECT class, round(probability::numeric, 2) AS p FROM (SELECT 1 AS x) r, aipipe.model_predict_proba('weight three', r);
-- a weight of 0 takes rows out, as if they were not there
SELECT aipipe.model_train('weight zero', 'regression', 'SELECT 1 AS x, id::float8 AS y, (id <= 100)::int AS w FROM t', 'y', params => '{"weight": "w", "holdout": 0, "n_estimators": 50, "reg_lambda": 0}');
SELECT round(aipipe.model_predict('weight zero', r)::numeric, 1) AS mean_of_1_to_100 FROM (SELECT 1 AS x) r;
-- weights of every numeric type; the same values, the same bytes
SELECT aipipe.model_train('weight type', 'regression', 'SELECT id, z, id::float8 AS y, ' || w || ' AS w FROM t', 'y', ARRAY['id', 'z'], params => '{"weight": "w", "n_estimators": 5}')
FROM unnest(ARRAY['(id % 3)::int2', '(id % 3)::int4', '(id % 3)::int8', '(id % 3)::float4', '(id % 3)::float8', '(id % 3)::numeric']) w;
SELECT count(DISTINCT sha256) AS different FROM aipipe.model_version WHERE model = 'weight type';
-- class weights say when to stop; what is served stays calibrated to how often the classes are
SELECT aipipe.model_train('weight calibrated', 'classification', 'SELECT id, x, z, y FROM t', 'y', ARRAY['x'],
    params => '{"class_weight": "balanced", "calibration": "platt", "n_estimators": 20, "early_stopping_rounds": 3}');
SELECT round(avg(aipipe.model_predict('weight calibrated', t))::numeric, 1) AS mean FROM t;

-- values that are no weights: all are counted, the first is named
\set VERBOSITY default
SELECT aipipe.model_train('weight none', 'classification', 'SELECT x, y, CASE WHEN id % 4 > 0 THEN w END AS w FROM t', 'y', params => '{"weight": "w"}');
SELECT aipipe.model_train('weight none', 'classification', 'SELECT x, y, CASE id WHEN 7 THEN -1 WHEN 8 THEN ''NaN'' WHEN 9 THEN ''Infinity'' WHEN 10 THEN 1e300 ELSE 1 END::float8 AS w FROM t', 'y', params => '{"weight": "w"}');
SELECT aipipe.model_train('weight none', 'classification', 'SELECT x, y, 0 AS w FROM t', 'y', params => '{"weight": "w"}');
SELECT aipipe.model_train('weight none', 'classification', 'SELECT x, y, (id > 900)::int AS w, id FROM t', 'y', ARRAY['x'], params => '{"weight": "w", "split": "time", "split_column": "id"}');
SELECT aipipe.model_train('weight none', 'classification', 'SELECT x, y, (id > 900)::text AS w FROM t', 'y', ARRAY['x'], params => '{"weight": "w"}');
SELECT aipipe.model_train('weight none', 'classification', 'SELECT x, y, id > 900 AS w FROM t', 'y', ARRAY['x'], params => '{"weight": "w"}');
-- without a weight nothing can be stopped by, calibrated or decided; rows that validate for nothing need none
SELECT aipipe.model_train('weight none', 'classification', 'SELECT x, y, (id <= 600)::int AS w, id FROM t', 'y', ARRAY['x'], params => '{"weight": "w", "split": "time", "split_column": "id", "early_stopping_rounds": 2}');
SELECT aipipe.model_train('weight none', 'classification', 'SELECT x, y, (id <= 600)::int AS w, id FROM t', 'y', ARRAY['x'], params => '{"weight": "w", "split": "time", "split_column": "id", "calibration": "platt"}');
SELECT aipipe.model_train('weight aside', 'classification', 'SELECT x, y, (id <= 600)::int AS w, id FROM t', 'y', ARRAY['x'], params => '{"weight": "w", "split": "time", "split_column": "id", "validation": 0.2, "n_estimators": 2}');
-- weights that a float holds but their sum does not
SELECT aipipe.model_train('weight none', 'classification', 'SELECT x, y, 1e38 AS w FROM t', 'y', ARRAY['x'], params => '{"weight": "w"}');
SELECT aipipe.model_train('weight none', 'classification', 'SELECT x, y, 1e30 AS w FROM t', 'y', ARRAY['x'], params => '{"weight": "w", "class_weight": {"true": 1e10}}');
SELECT aipipe.model_train('weight large', 'classification', 'SELECT x, y, 1e35 AS w FROM t', 'y', ARRAY['x'], params => '{"weight": "w", "n_estimators": 2}');
-- equal weights start from where none do, whole or not; a weight of 0 is no row; where half the weight ends exactly, the middle
CREATE FUNCTION base(weight text, source text DEFAULT 't') RETURNS float8 LANGUAGE sql AS $$
SELECT aipipe.model_train('weight base', 'regression', format('SELECT id, ((id * 7919 %% 1000) ^ 2)::float8 AS target, %s AS w FROM %s', weight, source), 'target', ARRAY['id'],
    params => '{"weight": "w", "objective": "reg:absoluteerror", "n_estimators": 1, "holdout": 0}');
SELECT round((convert_from(aipipe.model_export('weight base', (SELECT max(version) FROM aipipe.model_version WHERE model = 'weight base')), 'UTF8')::jsonb #>> '{learner,learner_model_param,base_score}')::numeric, 1)::float8 $$;
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY round((id * 7919 % 1000) ^ 2)) AS median, base('1') AS ones, base('3') AS threes, base('0.1') AS tenths, base('(id % 2)::int') AS half, 
    (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY (id * 7919 % 1000) ^ 2) FROM t WHERE id % 2 = 1) AS median_of_half,
    base('CASE WHEN id * 7919 % 1000 < 500 THEN 1 WHEN id % 2 = 0 THEN 2 ELSE 0 END') AS middle,
    base('CASE WHEN id * 7919 % 1000 < 400 THEN 1 ELSE 3 END') AS more FROM t;
-- a row without a target needs no weight
SELECT aipipe.model_train('weight skipped', 'classification', 'SELECT x, CASE WHEN id % 4 > 0 THEN y END AS y, CASE WHEN id % 4 > 0 THEN w END AS w FROM t', 'y', params => '{"weight": "w", "n_estimators": 2}');
SELECT count(*) AS models FROM aipipe.model WHERE name = 'weight none';
\set VERBOSITY terse
SELECT count(aipipe.model_drop(name)) > 5 AS dropped FROM aipipe.model WHERE name LIKE 'weight%';
RESET search_path;
DROP SCHEMA model_weight CASCADE;
