-- NULL, a category never seen and NaN are missing; infinities are the largest numbers. Trained and served alike.
CREATE SCHEMA core_missing;
SET search_path = core_missing;
CREATE TABLE t AS SELECT i AS id, CASE WHEN i % 10 = 0 THEN 'NaN'::float8 WHEN i % 10 = 1 THEN NULL ELSE i % 50 END AS x,
    CASE WHEN i % 7 = 0 THEN NULL ELSE 'k' || i % 5 END AS k, '2024-01-01'::date + i % 30 AS d
FROM generate_series(1, 2000) AS i;
ALTER TABLE t ADD y float8;
UPDATE t SET y = coalesce(nullif(x, 'NaN'), 500) + CASE WHEN k IS NULL THEN 1000 WHEN k = 'k1' THEN 50 ELSE 0 END;
SELECT aipipe.model_train('core missing', 'regression', 't', 'y', features => '{x,k,d}', params => '{"n_estimators": 60, "seed": 1}');
CREATE FUNCTION p(x float8, k text, d date DEFAULT '2024-01-05') RETURNS float8 LANGUAGE sql AS
$$ SELECT aipipe.model_predict('core missing', s) FROM (SELECT $1 AS x, $2 AS k, $3 AS d) AS s $$;
SELECT p(NULL, 'k2') = p('NaN', 'k2') AS nan_is_null, p(5, NULL) = p(5, 'never seen') AS unseen_is_null, p(5, NULL) <> p(5, 'k2') AS but_not_k2,
       p(5, NULL) - p(5, 'k2') BETWEEN 900 AND 1100 AS learned, p(NULL, 'k2') > 400 AS learned_too;
SELECT p('Infinity', 'k2') = p(1e300, 'k2') AS infinity_is_large, p('-Infinity', 'k2') = p(-1e300, 'k2') AS and_below;
SELECT p(5, 'k2', 'infinity') IS NOT NULL AS far, p(5, 'k2', NULL) IS NOT NULL AS unknown;
-- categories are exact: case, spaces and length matter
SELECT p(5, 'K2') = p(5, NULL) AS case, p(5, 'k2 ') = p(5, NULL) AS space, p(5, '') = p(5, NULL) AS empty, p(5, repeat('k2', 100000)) = p(5, NULL) AS long;
-- the padding of char(n) does not
SELECT aipipe.model_predict('core missing', s) = p(5, 'k2') AS same FROM (SELECT 5 AS x, 'k2'::char(20) AS k, '2024-01-05'::date AS d) AS s;
-- infinities are trained on as what they are served as
INSERT INTO t SELECT i, 'Infinity', 'k2', '2024-01-01', -2000 FROM generate_series(1, 300) AS i;
SELECT aipipe.model_train('core missing', 'regression', 't', 'y', features => '{x,k,d}', params => '{"n_estimators": 60, "seed": 1}');
SELECT aipipe.model_promote('core missing', 2);
SELECT p('Infinity', 'k2') < -1500 AS learned, p(5, 'k2') > -500 AS others;
-- what explains and what was expected
SELECT feature, value FROM aipipe.model_explain('core missing', (SELECT s FROM (SELECT NULL::float8 AS x, 'never seen'::text AS k, '2024-01-05'::date AS d) AS s)) ORDER BY feature;
SELECT aipipe.model_drop('core missing');
SET client_min_messages = warning;
DROP SCHEMA core_missing CASCADE;
