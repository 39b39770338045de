-- Training and scoring: every task, on a table and on a SELECT.
CREATE SCHEMA model_train;
SET search_path = model_train;
CREATE TABLE customer AS
SELECT i AS id,
       (i * 7919 % 1000)::int AS spend,
       (i * 104729 % 97)::float8 / 10 AS visits,
       (ARRAY['north','south','east','west'])[1 + i * 31 % 4] AS region,
       CASE WHEN i % 11 = 0 THEN NULL ELSE (i % 60)::numeric END AS age,
       date '2024-01-01' + i % 365 AS joined
FROM generate_series(1, 3000) AS i;
ALTER TABLE customer ADD churned boolean, ADD value float8, ADD tier text;
UPDATE customer SET churned = spend < 300 OR (region = 'west' AND visits > 5),
                    value = spend * 0.5 + visits * 10 + CASE region WHEN 'north' THEN 100 ELSE 0 END,
                    tier = CASE WHEN spend < 300 THEN 'bronze' WHEN spend < 700 THEN 'silver' ELSE 'gold' END;
ANALYZE customer;

-- binary classification; the identifier is left out by naming the features
SELECT aipipe.model_train('churn', 'classification', 'customer', 'churned',
    features => ARRAY['spend','visits','region','age','joined'],
    params => '{"n_estimators": 30, "max_depth": 4, "seed": 7}');
SELECT count(*) AS rows, bool_and(p BETWEEN 0 AND 1) AS probabilities,
       avg(((p > 0.5) = churned)::int) > 0.99 AS accurate
FROM (SELECT churned, aipipe.model_predict('churn', c) AS p FROM customer c) s;
SELECT count(*) AS agree FROM customer c
WHERE aipipe.model_predict_class('churn', c) = (aipipe.model_predict('churn', c) > 0.5)::text;
-- probabilities of one row sum to one, and the positive class is the greater label
SELECT class, round(probability::numeric, 2) = round((CASE class WHEN 'true' THEN p ELSE 1 - p END)::numeric, 2) AS same
FROM customer c, aipipe.model_predict_proba('churn', c), aipipe.model_predict('churn', c) AS p WHERE id = 1;
SELECT (metrics ->> 'auc')::float8 > 0.99 AS auc, metrics ->> 'rows' AS held_out, classes, target, row_count, algorithm, aliases
FROM aipipe.model_version WHERE model = 'churn';
SELECT (aipipe.model_evaluate('churn', 'customer') ->> 'accuracy')::float8 > 0.99 AS accurate;
-- contributions sum to the margin
SELECT abs(sum(contribution) - ln(p / (1 - p))) < 1e-3 AS sums
FROM customer c, aipipe.model_explain('churn', c), aipipe.model_predict('churn', c) AS p WHERE id = 5 GROUP BY p;
SELECT feature, weight > 0 AS used FROM aipipe.model_importance('churn') WHERE feature IN ('spend', 'region') ORDER BY 1;
SELECT number, feature, "column", column_type, kind FROM aipipe.model_feature WHERE model = 'churn' ORDER BY number;

-- regression on a SELECT; the resolved text means the same under any search_path
SELECT aipipe.model_train('value', 'regression', 'SELECT spend, visits, region, value FROM customer WHERE id > 10', 'value',
    params => '{"n_estimators": 60, "seed": 1}');
SELECT (metrics ->> 'r2')::float8 > 0.98 AS r2, source, source_resolved FROM aipipe.model_version WHERE model = 'value';
SELECT max(abs(aipipe.model_predict('value', c) - value)) < 100 AS close FROM customer c;

-- multi-class
SELECT aipipe.model_train('tier', 'classification', 'customer', 'tier', features => ARRAY['spend','visits'],
    params => '{"n_estimators": 20}');
SELECT classes, (metrics ->> 'accuracy')::float8 > 0.98 AS accurate FROM aipipe.model_version WHERE model = 'tier';
SELECT count(*) FILTER (WHERE aipipe.model_predict_class('tier', c) = tier) > 2950 AS accurate FROM customer c;
SELECT aipipe.model_predict('tier', c) FROM customer c LIMIT 1;

-- the batch function gives the same values as the scalar one
SELECT count(*) AS same FROM aipipe.model_predict_batch('churn', 'customer', key => 'id') b
JOIN customer c ON c.id::text = b.key WHERE aipipe.model_predict('churn', c) = b.prediction;
SELECT count(*), min(row_number), max(row_number), count(key) FROM aipipe.model_predict_batch('value', 'SELECT * FROM customer WHERE id <= 130');

-- same data and seed: the same bytes; another seed: others
SELECT aipipe.model_train('churn', 'classification', 'customer', 'churned',
    features => ARRAY['spend','visits','region','age','joined'],
    params => '{"n_estimators": 30, "max_depth": 4, "seed": 7}');
SELECT aipipe.model_train('churn', 'classification', 'customer', 'churned',
    features => ARRAY['spend','visits','region','age','joined'],
    params => '{"n_estimators": 30, "max_depth": 4, "seed": 8}');
SELECT count(DISTINCT sha256) FILTER (WHERE version IN (1, 2)) AS same, count(DISTINCT sha256) AS all FROM aipipe.model_version WHERE model = 'churn';

-- classes of other types: ordered as their type orders them; positive chooses
SELECT aipipe.model_train('n', 'classification', 'SELECT spend, (CASE WHEN spend < 500 THEN 10 ELSE 9 END) AS y FROM customer', 'y', params => '{"n_estimators": 3}');
SELECT aipipe.model_train('n', 'classification', 'SELECT spend, (CASE WHEN spend < 500 THEN 10 ELSE 9 END) AS y FROM customer', 'y', params => '{"n_estimators": 3, "positive": "9"}');
SELECT version, classes FROM aipipe.model_version WHERE model = 'n' ORDER BY 1;

-- binding is by name: order, extra columns and a NULL do not matter
SELECT aipipe.model_predict('tier', ROW(1)) ;
SELECT count(DISTINCT round(p::numeric, 6)) FROM (
    SELECT (SELECT probability FROM aipipe.model_predict_proba('tier', s) WHERE class = 'gold') AS p FROM (SELECT 5.0::numeric AS visits, 'x' AS extra, 900 AS spend) s
    UNION ALL
    SELECT (SELECT probability FROM aipipe.model_predict_proba('tier', s) WHERE class = 'gold') FROM (SELECT 900::float8 AS spend, 5::int AS visits) s) t;
SELECT aipipe.model_predict('value', s) IS NOT NULL AS null_is_missing
FROM (SELECT NULL::int AS spend, NULL::float8 AS visits, 'never seen'::text AS region) s;
SELECT aipipe.model_predict('value', NULL::customer) IS NULL AS no_row, aipipe.model_predict(NULL, c) IS NULL AS no_model FROM customer c LIMIT 1;

SELECT aipipe.model_drop(name) FROM aipipe.model WHERE name IN ('churn', 'value', 'tier', 'n') ORDER BY name;
RESET search_path;
\set VERBOSITY terse
DROP SCHEMA model_train CASCADE;
