-- Which rows teach, which validate, which are held out: seen in what was learned and measured.
\set SHOW_CONTEXT never
CREATE SCHEMA model_split;
SET search_path = model_split;

-- by time: what held until row 800 is the contrary from there on, so only a split that holds out the latest measures nothing right
CREATE TABLE turned AS SELECT i AS id, i * 13 % 100 AS x, ((i * 13 % 100 >= 50) = (i <= 800)) AS y, date '2024-01-01' + i / 4 AS day,
    timestamptz '2024-01-01 00:00Z' + i * interval '1 minute' AS at, i * 0.5 AS number, i::float8 AS real
FROM generate_series(1, 1000) i;
CREATE FUNCTION train(params jsonb, source text DEFAULT 'turned') RETURNS int LANGUAGE sql AS
$$ SELECT aipipe.model_train('split', 'classification', source, 'y', ARRAY['x'], params => params || '{"n_estimators": 5}') $$;
SELECT train('{"split": "time", "split_column": "at"}'), train('{"split": "time", "split_column": "id"}'),
       train('{"split": "time", "split_column": "number"}'), train('{"split": "time", "split_column": "real"}'),
       train('{"split": "time", "split_column": "id"}', 'SELECT * FROM turned ORDER BY x, id DESC'), train('{"split": "random"}');
SELECT version, params ->> 'split_column' AS split_column, metrics ->> 'rows' AS held_out, row_count AS taught, (metrics ->> 'accuracy')::float8 AS accuracy
FROM aipipe.model_version WHERE model = 'split' AND version < 6 ORDER BY version;
SELECT (metrics ->> 'accuracy')::float8 > 0.7 AS random_mixes FROM aipipe.model_version WHERE model = 'split' AND version = 6;
-- rows of one day stay together: the last day that teaches is whole
SELECT train('{"split": "time", "split_column": "day", "holdout": 0.1985}');
SELECT metrics ->> 'rows' AS held_out, (SELECT count(*) FROM turned WHERE day > date '2024-01-01' + 200) AS later FROM aipipe.model_version WHERE model = 'split' AND version = 7;
-- a row without a time is an early one
SELECT train('{"split": "time", "split_column": "at"}', 'SELECT x, y, CASE WHEN id > 10 THEN at END AS at FROM turned');
SELECT metrics ->> 'rows' AS held_out, metrics ->> 'accuracy' AS accuracy FROM aipipe.model_version WHERE model = 'split' AND version = 8;
-- the latest of the rest validate: rows 601 to 800 are the contrary, so calibration turns the probabilities round as far as a curve can
SELECT aipipe.model_train('split late', 'classification', 'SELECT x, id, CASE WHEN id > 600 THEN x < 50 ELSE x >= 50 END AS y FROM turned', 'y', ARRAY['x'],
    params => '{"n_estimators": 5, "split": "time", "split_column": "id", "validation": 0.2, "calibration": "platt"}');
SELECT row_count AS taught, (metrics ->> 'accuracy')::float8 AS accuracy FROM aipipe.model_version WHERE model = 'split late';

-- by group: a group's number tells its label, so a group on both sides would be told right
CREATE TABLE crowd AS SELECT i AS id, (i * 37 % 100)::int AS who, hashint4((i * 37 % 100)::int) % 2 = 0 AS y, md5((i * 37 % 100)::text) AS name FROM generate_series(1, 2000) i;
SELECT aipipe.model_train('split group', 'classification', 'crowd', 'y', ARRAY['who'], params => '{"n_estimators": 50, "split": "group", "split_column": "who"}'),
       aipipe.model_train('split group', 'classification', 'crowd', 'y', ARRAY['who'], params => '{"n_estimators": 50, "split": "group", "split_column": "name"}'),
       aipipe.model_train('split group', 'classification', 'crowd', 'y', ARRAY['who'], params => '{"n_estimators": 50, "split": "random"}');
SELECT version, metrics ->> 'rows' AS held_out, row_count AS taught, (metrics ->> 'accuracy')::float8 > 0.9 AS told_right FROM aipipe.model_version WHERE model = 'split group' ORDER BY version;
SELECT count(DISTINCT sha256) AS different FROM aipipe.model_version WHERE model = 'split group' AND version < 3;
-- groups validate whole too; NULLs are one group
SELECT aipipe.model_train('split group', 'classification', 'SELECT NULLIF(who, 3) AS who, y FROM crowd', 'y', params => '{"n_estimators": 5, "split": "group", "split_column": "who", "validation": 0.3}', features => ARRAY['who']);
SELECT (metrics ->> 'rows')::int % 20 AS held_out_parts, row_count % 20 AS taught_parts, (metrics ->> 'rows')::int + row_count AS rows FROM aipipe.model_version WHERE model = 'split group' AND version = 4;

-- shares are of all rows; every class has its part
CREATE TABLE few AS SELECT i AS x, (i > 70)::int + (i > 90)::int AS y FROM generate_series(1, 100) i;
SELECT aipipe.model_train('split few', 'classification', 'few', 'y', params => '{"n_estimators": 2, "holdout": 0.3, "validation": 0.2, "calibration": "platt"}');
SELECT row_count AS taught, metrics ->> 'rows' AS held_out, (SELECT jsonb_object_agg(key, value -> 'support') FROM jsonb_each(metrics -> 'per_class')) AS per_class FROM aipipe.model_version WHERE model = 'split few';

-- tiny tables
CREATE TABLE ten AS SELECT i AS x, (i % 2 = 0) AS y, i AS at, i % 3 AS relevance, i / 4 AS g FROM generate_series(1, 10) i;
SELECT aipipe.model_train('split ten', 'classification', 'ten', 'y', ARRAY['x'], params => '{"n_estimators": 2, "early_stopping_rounds": 1, "calibration": "isotonic", "threshold": "accuracy"}');
SELECT aipipe.model_train('split ten', 'classification', 'ten', 'y', ARRAY['x'], params => '{"n_estimators": 2, "split": "time", "split_column": "at", "validation": 0.2}');
SELECT version, row_count AS taught, metrics ->> 'rows' AS held_out FROM aipipe.model_version WHERE model = 'split ten' ORDER BY version;
SELECT aipipe.model_train('split ten rank', 'ranking', 'ten', 'relevance', ARRAY['x'], params => '{"n_estimators": 2, "group": "g"}');
SELECT row_count + (metrics ->> 'rows')::int AS rows FROM aipipe.model_version WHERE model = 'split ten rank';
SELECT aipipe.model_train('split two', 'classification', 'SELECT * FROM ten WHERE x < 3', 'y', ARRAY['x'], params => '{"n_estimators": 2}');
SELECT row_count AS taught, metrics FROM aipipe.model_version WHERE model = 'split two';
SELECT aipipe.model_train('split two', 'classification', 'SELECT * FROM ten WHERE x < 3', 'y', ARRAY['x'], params => '{"n_estimators": 2, "calibration": "platt"}');
SELECT aipipe.model_train('split three', 'regression', 'SELECT x, at FROM ten WHERE x < 3', 'at', params => '{"n_estimators": 2, "early_stopping_rounds": 1}');

-- one class in a part: in the held-out one its AUC is unknown, in the validating one training can stop but not be calibrated, where it teaches nothing is learned
CREATE TABLE blocks AS SELECT i AS id, i % 10 AS x, i % 2 = 0 AND i <= 60 AS mixed FROM generate_series(1, 100) i;
SELECT aipipe.model_train('split class', 'classification', 'blocks', 'mixed', ARRAY['x'], params => '{"n_estimators": 2, "split": "time", "split_column": "id"}');
SELECT metrics ->> 'rows' AS held_out, metrics -> 'auc' AS auc FROM aipipe.model_version WHERE model = 'split class';
SELECT aipipe.model_train('split class', 'classification', 'blocks', 'mixed', ARRAY['x'], params => '{"n_estimators": 2, "split": "time", "split_column": "id", "early_stopping_rounds": 1, "eval_metric": "logloss"}');
SELECT aipipe.model_train('split class', 'classification', 'blocks', 'mixed', ARRAY['x'], params => '{"n_estimators": 2, "split": "time", "split_column": "id", "calibration": "platt"}');
SELECT aipipe.model_train('split class', 'classification', 'blocks', 'mixed', ARRAY['x'], params => '{"n_estimators": 2, "split": "time", "split_column": "id", "calibration": "isotonic", "threshold": "f1"}');
SELECT aipipe.model_train('split class', 'classification', 'SELECT id, x, id > 70 AS y FROM blocks', 'y', ARRAY['x'], params => '{"n_estimators": 2, "split": "time", "split_column": "id", "holdout": 0.3}');
SELECT aipipe.model_train('split class', 'classification', 'SELECT x, 7 AS at, x > 5 AS y FROM blocks', 'y', ARRAY['x'], params => '{"n_estimators": 2, "split": "time", "split_column": "at", "holdout": 0, "validation": 0.3, "calibration": "platt"}');

-- rows of one time or one group stay together: a part that would be empty though a share is asked for is no part
\set VERBOSITY default
SELECT aipipe.model_train('split same', 'classification', 'SELECT x, 7 AS at, x > 5 AS y FROM blocks', 'y', ARRAY['x'], params => '{"n_estimators": 2, "split": "time", "split_column": "at"}');
SELECT aipipe.model_train('split same', 'classification', 'SELECT x, id > 60 AS at, x > 5 AS y FROM blocks', 'y', ARRAY['x'], params => '{"n_estimators": 2, "split": "group", "split_column": "at", "validation": 0.3}');
SELECT aipipe.model_train('split same', 'classification', 'SELECT x, 7 AS at, x > 5 AS y FROM blocks', 'y', ARRAY['x'], params => '{"n_estimators": 2, "split": "group", "split_column": "at"}');
SELECT aipipe.model_train('split same', 'classification', 'SELECT x, (id > 20)::int AS at, x > 5 AS y FROM blocks', 'y', ARRAY['x'], params => '{"n_estimators": 2, "split": "time", "split_column": "at"}');
\set VERBOSITY terse
SELECT aipipe.model_train('split same', 'classification', 'SELECT x, 7 AS at, x > 5 AS y FROM blocks', 'y', ARRAY['x'], params => '{"n_estimators": 2, "split": "time", "split_column": "at", "holdout": 0}');
SELECT aipipe.model_train('split same', 'classification', 'SELECT x, 7 AS at, x > 5 AS y FROM blocks', 'y', ARRAY['x'], params => '{"n_estimators": 2, "split": "time", "split_column": "at", "holdout": 0.001}');
\set VERBOSITY default

-- labels of every type go all the way
CREATE TYPE mood AS ENUM ('sad', 'fair', 'glad');
CREATE TABLE labels AS SELECT i AS id, i % 12 AS x, (ARRAY['sad', 'fair', 'glad'])[1 + i % 12 / 4]::mood AS mood, i % 12 > 5 AS yes,
    date '2024-02-28' + i % 12 / 4 AS day, 100 - i % 12 / 6 AS number, 'it''s "' || i % 12 / 6 || '"' AS words, (i % 12 / 6)::numeric(4, 2) AS price, i % 4 AS g FROM generate_series(1, 480) i;
SELECT t AS target, aipipe.model_train('split ' || t, 'classification', 'labels', t, ARRAY['x'],
    params => '{"n_estimators": 10, "split": "group", "split_column": "id", "class_weight": "balanced", "calibration": "platt", "early_stopping_rounds": 3}') AS version
FROM unnest(ARRAY['mood', 'yes', 'day', 'number', 'words', 'price']) t;
SELECT model, classes, metrics ->> 'accuracy' AS accuracy FROM aipipe.model_version WHERE model IN ('split mood', 'split yes', 'split day', 'split number', 'split words', 'split price') ORDER BY model;
SELECT count(*) FILTER (WHERE aipipe.model_predict_class('split mood', l)::mood = mood) AS mood, count(*) FILTER (WHERE aipipe.model_predict_class('split day', l)::date = day) AS day,
       count(*) FILTER (WHERE aipipe.model_predict_class('split words', l) = words) AS words FROM labels l;
-- NULL features and categories never seen abort nothing
SELECT aipipe.model_train('split null', 'classification', 'SELECT CASE WHEN id % 3 = 0 THEN x END AS x, CASE WHEN id % 5 > 0 THEN words END AS words, id, yes FROM labels', 'yes', ARRAY['x', 'words'],
    params => '{"n_estimators": 5, "split": "time", "split_column": "id", "calibration": "platt", "threshold": "youden", "early_stopping_rounds": 2}');
SELECT aipipe.model_predict('split null', r) BETWEEN 0 AND 1 AS scored, aipipe.model_predict_class('split null', r) IN ('true', 'false') AS decided
FROM (SELECT NULL::int AS x, NULL::text AS words UNION ALL SELECT 3, 'never seen') r;

\set VERBOSITY terse
SELECT count(aipipe.model_drop(name)) > 10 AS dropped FROM aipipe.model WHERE name LIKE 'split%';
RESET search_path;
DROP SCHEMA model_split CASCADE;
