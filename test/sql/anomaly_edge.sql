-- Tables that leave a detector little to learn from.
CREATE SCHEMA anomaly_edge;
SET search_path = anomaly_edge;
CREATE FUNCTION severity(detector text, query text) RETURNS numeric LANGUAGE plpgsql AS
$$ DECLARE s float8; BEGIN EXECUTE format('SELECT aipipe.anomaly_score($1, r) FROM (%s) r', query) INTO s USING detector; RETURN round(s::numeric, 4); END $$;

-- one row: nothing is stranger or more normal
SELECT aipipe.anomaly_train('edge_one', 'SELECT 1 AS a, ''x'' AS b');
SELECT severity('edge_one', 'SELECT 1 AS a, ''x'' AS b') AS the_row, severity('edge_one', 'SELECT 9 AS a, NULL AS b') AS another;

-- two rows
SELECT aipipe.anomaly_train('edge_two', 'SELECT i AS a FROM generate_series(1, 2) i');
SELECT severity('edge_two', 'SELECT 1 AS a') AS first, severity('edge_two', 'SELECT 2 AS a') AS second;

-- constant columns: any other value is strange, the same is not
SELECT aipipe.anomaly_train('edge_constant', 'SELECT 7 AS a, ''x'' AS b, true AS c FROM generate_series(1, 500)');
SELECT severity('edge_constant', 'SELECT 7 AS a, ''x'' AS b, true AS c') AS same,
       severity('edge_constant', 'SELECT 8 AS a, ''x'' AS b, true AS c') AS number,
       severity('edge_constant', 'SELECT 6 AS a, ''x'' AS b, true AS c') AS smaller,
       severity('edge_constant', 'SELECT 7 AS a, ''y'' AS b, true AS c') AS category,
       severity('edge_constant', 'SELECT 7 AS a, ''x'' AS b, false AS c') AS truth,
       severity('edge_constant', 'SELECT NULL::int AS a, ''x'' AS b, true AS c') AS missing;

-- columns without a value: a value is what is strange
SELECT aipipe.anomaly_train('edge_null', 'SELECT NULL::int AS a, NULL::text AS b, i % 10 AS c FROM generate_series(1, 500) i');
SELECT severity('edge_null', 'SELECT NULL::int AS a, NULL::text AS b, 5 AS c') < 0.999 AS same,
       severity('edge_null', 'SELECT 1 AS a, NULL::text AS b, 5 AS c') AS value,
       severity('edge_null', 'SELECT NULL::int AS a, NULL::text AS b, NULL::int AS c') AS missing;
SELECT aipipe.anomaly_train('edge_nothing', 'SELECT NULL::int AS a, NULL::text AS b FROM generate_series(1, 500) i');
SELECT severity('edge_nothing', 'SELECT NULL::int AS a, NULL::text AS b') AS same, severity('edge_nothing', 'SELECT 1 AS a, NULL::text AS b') AS value;

-- values and NULLs only: the rare one is the stranger
SELECT aipipe.anomaly_train('edge_missing', 'SELECT CASE WHEN i % 50 > 0 THEN 1 END AS a FROM generate_series(1, 2000) i');
SELECT severity('edge_missing', 'SELECT 1 AS a') AS value, severity('edge_missing', 'SELECT NULL::int AS a') AS missing;

-- infinities and NaN
SELECT aipipe.anomaly_train('edge_infinite', $$SELECT CASE i % 100 WHEN 0 THEN 'Infinity' WHEN 1 THEN '-Infinity' WHEN 2 THEN 'NaN' ELSE (i % 100)::text END::float8 AS a FROM generate_series(1, 1000) i$$);
SELECT severity('edge_infinite', $$SELECT 'Infinity'::float8 AS a$$) BETWEEN 0 AND 1 AS infinite, severity('edge_infinite', $$SELECT 'NaN'::float8 AS a$$) BETWEEN 0 AND 1 AS nan,
       severity('edge_infinite', 'SELECT 1e308::float8 AS a') BETWEEN 0 AND 1 AS huge;
SELECT aipipe.anomaly_train('edge_extreme', $$SELECT (CASE WHEN i % 2 = 0 THEN 3.4e38 ELSE -3.4e38 END)::float8 AS a, (1 + i * 1e-9)::float8 AS b FROM generate_series(1, 500) i$$);
SELECT severity('edge_extreme', 'SELECT 3.4e38::float8 AS a, 1::float8 AS b') < 0.999 AS same;

-- numbers that differ only beyond float32 are one number
SELECT aipipe.anomaly_train('edge_close', 'SELECT 1 + (i % 2) * 1e-12::float8 AS a FROM generate_series(1, 300) i');
SELECT severity('edge_close', 'SELECT 1::float8 AS a') AS same;

-- many categories, rare ones among them
SELECT aipipe.anomaly_train('edge_categories', $$SELECT CASE WHEN i <= 3 THEN 'rare' ELSE 'c' || i % 20 END AS a, i % 7 AS b FROM generate_series(1, 5000) i$$);
SELECT severity('edge_categories', $$SELECT 'c3' AS a, 3 AS b$$) < 0.99 AS common, severity('edge_categories', $$SELECT 'rare' AS a, 3 AS b$$) > 0.99 AS rare,
       severity('edge_categories', $$SELECT 'never' AS a, 3 AS b$$) > 0.999 AS never;

-- a key counts on: it is not guarded, though far from what was seen
SELECT aipipe.anomaly_train('edge_key', 'SELECT i AS id, i * 7919 % 100 AS a FROM generate_series(1, 2000) i');
SELECT severity('edge_key', 'SELECT 1000000 AS id, 50 AS a') < 0.999 AS later, severity('edge_key', 'SELECT 1000 AS id, 1000000 AS a') > 0.999 AS far;

-- options
SELECT aipipe.anomaly_train('edge_options', 'SELECT i AS a FROM generate_series(1, 100) i', params => '{"n_estimators": 1, "max_samples": 2, "max_depth": 1}');
SELECT aipipe.anomaly_train('edge_options', 'SELECT i % 97 AS a FROM generate_series(1, 3000) i', params => '{"n_estimators": 20, "max_samples": 2048, "max_depth": 64}');
SELECT aipipe.anomaly_train('edge_options', 'SELECT i % 97 AS a FROM generate_series(1, 3000) i', params => '{"max_samples": 1000}');
SELECT version, params -> 'n_estimators' AS trees, params -> 'max_samples' AS samples, params -> 'max_depth' AS depth FROM aipipe.model_version WHERE model = 'edge_options' ORDER BY version;

-- a larger table keeps a grid of its scores instead of all: still, of the rows a share of 1 - x is stranger than x
CREATE TABLE large AS SELECT (i * 7919::bigint % 100003)::float8 AS a, (i * 104729::bigint % 99991)::float8 AS b FROM generate_series(1, 60000) i;
SELECT aipipe.model_train('edge_large', 'anomaly', 'large', algorithm => 'isolation_forest');
CREATE TABLE scored AS SELECT aipipe.anomaly_score('edge_large', l) AS s FROM large l;
SELECT x, abs((SELECT avg((s > x)::int) FROM scored) - (1 - x)) <= 0.002 * (1 - x) + 2 / 60000.0 AS close
FROM unnest(ARRAY[0, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999]) AS x;
SELECT count(DISTINCT s) > 4000 AS fine FROM scored;

SELECT feature, gain > 0 AS gain, cover > 0 AS cover, weight > 0 AS weight FROM aipipe.model_importance('edge_key');
SET client_min_messages = warning;
SELECT count(aipipe.model_drop(name)) AS dropped FROM aipipe.model WHERE name LIKE 'edge\_%';
DROP SCHEMA anomaly_edge CASCADE;
