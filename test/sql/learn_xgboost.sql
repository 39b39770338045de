-- Algorithm xgboost: its options, its objectives and what they refuse, determinism.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA learn_xgboost;
SET search_path = learn_xgboost;
-- every run sees these rows: no random()
CREATE TABLE sale AS
SELECT i AS id,
       (i * 7919 % 1000) / 10.0::float8 AS amount,
       CASE WHEN i % 13 = 0 THEN NULL ELSE i * 104729 % 89 END AS items,
       (ARRAY['web','shop','phone','post','kiosk',NULL])[1 + i * 31 % 6] AS channel,
       'city ' || i * 17 % 40 AS city
FROM generate_series(1, 2000) AS i;
ALTER TABLE sale ADD returned boolean, ADD kind text, ADD value float8, ADD n int, ADD below float8;
UPDATE sale SET returned = amount > 60 AND channel IN ('web', 'post'),
                kind = CASE WHEN amount < 30 THEN 'a' WHEN coalesce(items, 50) < 40 THEN 'b' ELSE 'c' END,
                value = 1 + amount * 2 + coalesce(items, 0),
                n = id * 31 % 5,
                below = amount - 50;
ANALYZE sale;
CREATE FUNCTION train(task text, target text, params jsonb DEFAULT '{}') RETURNS int LANGUAGE sql AS $$
    SELECT aipipe.model_train('sale ' || target, task, 'sale', target, ARRAY['amount','items','channel','city'],
        params => '{"n_estimators": 8}' || params)
$$;
-- a model that training leaves has been compared with the library on its own rows, bit for bit
SELECT train('classification', 'returned', p) FROM unnest(ARRAY[
    '{}',
    '{"objective": "binary:logistic", "scale_pos_weight": 3}',
    '{"objective": "multi:softprob"}',
    '{"booster": "dart", "rate_drop": 0.3, "skip_drop": 0.1, "one_drop": true, "normalize_type": "forest", "sample_type": "weighted"}',
    '{"categorical": "ordinal"}',
    '{"max_cat_to_onehot": 64}',
    '{"max_cat_to_onehot": 1, "max_cat_threshold": 2}',
    '{"grow_policy": "lossguide", "max_depth": 0, "max_leaves": 12}',
    '{"max_depth": 64, "max_bin": 16}',
    '{"subsample": 0.5, "colsample_bytree": 0.5, "colsample_bylevel": 0.7, "colsample_bynode": 0.7, "seed": 5}',
    '{"gamma": 3, "alpha": 1, "lambda": 0.1, "eta": 0.1, "min_child_weight": 0}']::jsonb[]) AS p;
SELECT train('classification', 'kind', p) FROM unnest(ARRAY[
    '{}', '{"objective": "multi:softmax"}', '{"booster": "dart", "rate_drop": 0.5}']::jsonb[]) AS p;
SELECT train('regression', 'value', jsonb_build_object('objective', o)) FROM unnest(ARRAY[
    'reg:squarederror', 'reg:absoluteerror', 'reg:pseudohubererror', 'reg:squaredlogerror',
    'count:poisson', 'reg:gamma', 'reg:tweedie']) AS o;
SELECT train('regression', 'value', '{"objective": "reg:tweedie", "tweedie_variance_power": 1.2, "booster": "dart"}'),
       train('regression', 'value', '{"objective": "reg:pseudohubererror", "huber_slope": 5}');
-- objectives that learn this target in eight rounds
SELECT version, params ->> 'objective' AS objective, (metrics ->> 'r2')::float8 > 0.2 AS learns
FROM aipipe.model_version WHERE model = 'sale value' AND params ->> 'objective' NOT IN ('reg:pseudohubererror', 'reg:squaredlogerror', 'count:poisson')
ORDER BY version;
-- softmax and softprob are the same trees; probabilities of all classes sum to one
SELECT bool_and(abs(total - 1) < 1e-6) AS sums FROM (
    SELECT sum(p.probability) AS total FROM sale s, aipipe.model_predict_proba('sale kind', s, 2) p WHERE id <= 50 GROUP BY id) t;
SELECT a.sha256 = b.sha256 AS same_trees FROM aipipe.model_version a, aipipe.model_version b
WHERE a.model = 'sale kind' AND b.model = 'sale kind' AND (a.version, b.version) = (1, 2);

-- effective parameters: defaults included, other names resolved, nothing that had no effect
SELECT version, params - ARRAY['holdout', 'max_categories', 'positive', 'sample', 'text_buckets'] AS params
FROM aipipe.model_version WHERE model = 'sale returned' AND version IN (4, 8, 11) ORDER BY version;

-- same rows, same seed: same bytes, in this session and in another one; another seed: other bytes
SELECT train('classification', 'returned', '{"subsample": 0.5, "colsample_bytree": 0.5, "seed": 7}') AS first;
SELECT train('classification', 'returned', '{"subsample": 0.5, "colsample_bytree": 0.5, "seed": 7}') AS again;
\c -
SET search_path = learn_xgboost;
SET client_min_messages = warning;
SELECT train('classification', 'returned', '{"subsample": 0.5, "colsample_bytree": 0.5, "seed": 7}') AS elsewhere;
SELECT train('classification', 'returned', '{"subsample": 0.5, "colsample_bytree": 0.5, "seed": 8}') AS other_seed;
SELECT count(DISTINCT sha256) FILTER (WHERE version < 15) AS one, count(DISTINCT sha256) AS two
FROM aipipe.model_version WHERE model = 'sale returned' AND version BETWEEN 12 AND 15;

-- refused options
SELECT train('classification', 'returned', '{"n_estimators": 0}');
SELECT train('classification', 'returned', '{"max_dept": 3}');
\echo :LAST_ERROR_SQLSTATE
SELECT train('classification', 'returned', '{"eta": 0.1, "learning_rate": 0.2}');
SELECT train('classification', 'returned', '{"lambda": 1, "reg_lambda": 1}');
SELECT train('classification', 'returned', '{"learning_rate": 1e38}');
SELECT train('classification', 'returned', '{"subsample": 0}');
SELECT train('classification', 'returned', '{"booster": "gblinear"}');
SELECT train('classification', 'returned', '{"rate_drop": 0.1}');
SELECT train('classification', 'returned', '{"tweedie_variance_power": 1.3}');
SELECT train('classification', 'returned', '{"objective": "reg:squarederror"}');
SELECT train('classification', 'returned', '{"objective": "binary:logitraw"}');
SELECT train('classification', 'kind', '{"objective": "binary:logistic"}');
SELECT train('classification', 'kind', '{"scale_pos_weight": 2}');
SELECT train('classification', 'kind', '{"n_estimators": 100000}');
SELECT train('regression', 'value', '{"objective": "reg:squarederor"}');
SELECT train('regression', 'value', '{"objective": "rank:pairwise"}');
SELECT train('regression', 'value', '{"tree_method": "exact"}');
-- targets outside an objective's domain
SELECT train('regression', 'below', '{"objective": "count:poisson"}');
\echo :LAST_ERROR_SQLSTATE
SELECT train('regression', 'n', '{"objective": "reg:gamma"}');
SELECT train('regression', 'below', '{"objective": "reg:tweedie"}');
SELECT train('regression', 'below', '{"objective": "reg:squaredlogerror"}');
-- the budget is checked before the library allocates
SET aipipe.train_max_memory = '8MB';
SELECT train('regression', 'value', '{"max_depth": 15, "max_bin": 4096}');
\echo :LAST_ERROR_SQLSTATE
RESET aipipe.train_max_memory;
-- none of them left a version
SELECT model, max(version) FROM aipipe.model_version WHERE model LIKE 'sale %' GROUP BY 1 ORDER BY 1;

-- columns that would trouble the library: all missing, constant, huge, tiny, one category, a category column without a value
CREATE TABLE odd AS
SELECT id, amount, NULL::float8 AS nothing, 7 AS same, (amount - 50) * 1e300 AS huge, amount * 1e-300 AS tiny,
       'one'::text AS one, CASE WHEN id > 5000 THEN 'x' END AS no_text,
       CASE id % 3 WHEN 0 THEN 'Infinity' WHEN 1 THEN '-Infinity' ELSE 'NaN' END::float8 AS not_finite, returned
FROM sale;
SELECT aipipe.model_train('odd', 'classification', 'odd', 'returned', params => '{"n_estimators": 5}'),
       aipipe.model_train('odd', 'classification', 'odd', 'returned', params => '{"n_estimators": 5, "booster": "dart"}');
SELECT bool_and(aipipe.model_predict('odd', o) BETWEEN 0 AND 1) AS scored FROM odd o;

-- targets of extreme size learn or say why not
SELECT aipipe.model_train('extreme', 'regression', 'SELECT amount, value * 1e30 AS value FROM sale', 'value', params => '{"n_estimators": 3}') > 0 AS trained;
SELECT aipipe.model_train('rare', 'classification', 'SELECT amount, id = 77 AS y FROM sale', 'y', params => '{"n_estimators": 3, "holdout": 0}') > 0 AS trained;
SELECT aipipe.model_train('zeros', 'regression', 'SELECT amount, (id = 77)::int * 1e-20 AS y FROM sale', 'y',
    params => '{"n_estimators": 3, "objective": "count:poisson", "holdout": 0}') > 0 AS trained;
-- a dart without anything to learn from is all zeros, of either sign
SELECT aipipe.model_train('rare', 'classification', 'SELECT 7 AS same, id % 2 = 0 AS y FROM sale', 'y',
    params => '{"n_estimators": 3, "booster": "dart", "holdout": 0}') > 0 AS trained;
-- two rows are enough for the library not to fall over
SELECT aipipe.model_train('two', 'classification', 'SELECT id, id = 2 AS y FROM sale WHERE id < 3', 'y', params => '{"n_estimators": 3, "holdout": 0}') > 0 AS trained;

-- training leaves no thread behind, at one thread and at two
SELECT count(*) AS threads FROM pg_ls_dir('/proc/self/task');
SET aipipe.train_threads = 2;
SELECT train('classification', 'returned') > 0 AS trained;
-- with two, the other one has HUP, INT, USR1, USR2, ALRM and TERM blocked
SELECT bool_and(blocked & 27139 = 27139) AS blocked FROM (
    SELECT ('x' || right(substring(pg_read_file('/proc/self/task/' || t || '/status') FROM 'SigBlk:\s+(\w+)'), 8))::bit(32)::bigint AS blocked
    FROM pg_ls_dir('/proc/self/task') t WHERE t <> pg_backend_pid()::text) s;
RESET aipipe.train_threads;

-- a timeout is answered while rows are binned and while trees grow
CREATE FUNCTION answered(ms int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz := clock_timestamp();
BEGIN
    PERFORM set_config('statement_timeout', ms::text, true);
    PERFORM aipipe.model_train('long', 'classification',
        'SELECT i * 7919 % 1009 AS a, i::bigint * 104729 % 997 AS b, i * 31 % 89 AS c, i % 7 < 3 AS y FROM generate_series(1, 60000) i', 'y',
        params => '{"n_estimators": 5000, "max_depth": 8}');
    RETURN 'trained';
EXCEPTION WHEN query_canceled THEN
    RETURN CASE WHEN clock_timestamp() - began < interval '20 s' THEN 'answered' ELSE 'late' END;
END $$;
SET statement_timeout = '150ms';
SELECT answered(150);
SET statement_timeout = '1500ms';
SELECT answered(1500);
RESET statement_timeout;
SELECT count(*) AS versions FROM aipipe.model_version WHERE model = 'long';

SELECT count(aipipe.model_drop(name)) AS dropped FROM aipipe.model
WHERE name LIKE 'sale %' OR name IN ('odd', 'extreme', 'rare', 'zeros', 'two');
DROP SCHEMA learn_xgboost CASCADE;
