-- Metrics of a model against the same formulas in SQL; the held-out share.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA learn_metrics;
SET search_path = learn_metrics;
CREATE TABLE visit AS
SELECT i AS id, (i * 7919 % 1000) / 10.0::float8 AS a, i * 104729 % 89 AS b, i * 31 % 7 AS c FROM generate_series(1, 1500) AS i;
ALTER TABLE visit ADD y boolean, ADD k text, ADD v float8;
UPDATE visit SET y = (a + b > 90) <> (id % 9 = 0), k = chr(97 + (c + (a / 30)::int) % 4), v = a * 2 + b + id % 11;
ANALYZE visit;
-- few rounds, so that many rows share a score
SELECT aipipe.model_train('visit y', 'classification', 'visit', 'y', ARRAY['a','b','c'], params => '{"n_estimators": 3, "max_depth": 2, "holdout": 0}'),
       aipipe.model_train('visit k', 'classification', 'visit', 'k', ARRAY['a','b','c'], params => '{"n_estimators": 4, "holdout": 0}'),
       aipipe.model_train('visit v', 'regression', 'visit', 'v', ARRAY['a','b','c'], params => '{"n_estimators": 9, "holdout": 0}');

-- binary
CREATE TABLE scored AS SELECT y::int AS y, aipipe.model_predict('visit y', t) AS p FROM visit t;
SELECT count(DISTINCT p) < 20 AS ties FROM scored;
CREATE TABLE expected (metric text, value float8);
INSERT INTO expected
SELECT 'accuracy', avg(((p > 0.5)::int = y)::int) FROM scored
UNION ALL SELECT 'brier', avg((p - y) ^ 2) FROM scored
UNION ALL SELECT 'base_rate', avg(y) FROM scored
UNION ALL SELECT 'log_loss', -avg(ln(CASE y WHEN 1 THEN p ELSE 1 - p END)) FROM scored
UNION ALL SELECT 'auc', sum(CASE WHEN a.p > b.p THEN 1 WHEN a.p = b.p THEN 0.5 ELSE 0 END) / count(*)
          FROM scored a, scored b WHERE a.y = 1 AND b.y = 0
UNION ALL SELECT 'pr_auc', sum(gain * found / ranked) FROM (
              SELECT sum(y) / sum(sum(y)) OVER () AS gain, sum(sum(y)) OVER (ORDER BY p DESC) AS found,
                     sum(count(*)) OVER (ORDER BY p DESC) AS ranked FROM scored GROUP BY p) s
UNION ALL SELECT unnest(ARRAY['precision','recall','f1','mcc']),
                 unnest(ARRAY[tp / (tp + fp), tp / (tp + fn), 2 * tp / (2 * tp + fp + fn),
                              (tp * tn - fp * fn) / sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))])
          FROM (SELECT count(*) FILTER (WHERE p > 0.5 AND y = 1)::float8 AS tp, count(*) FILTER (WHERE p > 0.5 AND y = 0)::float8 AS fp,
                       count(*) FILTER (WHERE p <= 0.5 AND y = 1)::float8 AS fn, count(*) FILTER (WHERE p <= 0.5 AND y = 0)::float8 AS tn
                FROM scored) c;
SELECT metric, abs(value - (m ->> metric)::float8) < 1e-7 AS equal
FROM expected, aipipe.model_evaluate('visit y', 'visit') AS m ORDER BY metric;

-- several classes
SELECT abs((m ->> 'accuracy')::float8 - accuracy) < 1e-12 AS accuracy, abs((m ->> 'log_loss')::float8 - log_loss) < 1e-6 AS log_loss,
       abs((m ->> 'brier')::float8 - brier) < 1e-9 AS brier, m ? 'auc' AS auc
FROM aipipe.model_evaluate('visit k', 'visit') AS m,
     (SELECT avg((best = k)::int) AS accuracy, -avg(ln(truth)) AS log_loss, avg(squares) AS brier FROM (
          SELECT t.k, aipipe.model_predict_class('visit k', t) AS best, sum(p.probability) FILTER (WHERE p.class = t.k) AS truth,
                 sum((p.probability - (p.class = t.k)::int) ^ 2) AS squares
          FROM visit t, aipipe.model_predict_proba('visit k', t) p GROUP BY t.id, t.k, t) s) r;

-- values
SELECT abs((m ->> 'rmse')::float8 - rmse) < 1e-9 AS rmse, abs((m ->> 'mae')::float8 - mae) < 1e-9 AS mae,
       abs((m ->> 'r2')::float8 - r2) < 1e-9 AS r2, abs((m ->> 'mape')::float8 - mape) < 1e-9 AS mape,
       abs((m ->> 'mean_error')::float8 - mean_error) < 1e-9 AS mean_error
FROM aipipe.model_evaluate('visit v', 'SELECT * FROM visit WHERE v <> 0') AS m,
     (SELECT sqrt(avg((p - v) ^ 2)) AS rmse, avg(abs(p - v)) AS mae, 1 - sum((p - v) ^ 2) / (var_pop(v) * count(*)) AS r2,
             avg(abs((p - v) / v)) AS mape, avg(p - v) AS mean_error
      FROM (SELECT v::real::float8 AS v, aipipe.model_predict('visit v', t) AS p FROM visit t WHERE v <> 0) s) r;

-- what is undefined is null: one class only, no variance, a zero to divide by
SELECT m ->> 'auc' AS auc, m ->> 'pr_auc' AS pr_auc, m ->> 'mcc' AS mcc, m ->> 'base_rate' AS base_rate
FROM aipipe.model_evaluate('visit y', 'SELECT * FROM visit WHERE NOT y') AS m;
SELECT m ->> 'r2' AS r2, m ->> 'mape' AS mape, (m ->> 'rmse')::float8 > 0 AS rmse
FROM aipipe.model_evaluate('visit v', 'SELECT a, b, c, 0 AS v FROM visit') AS m;

-- the held-out share is stratified, and what it holds is decided by the seed
CREATE FUNCTION held_out(holdout float8, seed int) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    new int := aipipe.model_train('held', 'classification', 'SELECT id, id % 10 = 0 AS y FROM learn_metrics.visit', 'y',
        params => jsonb_build_object('n_estimators', 1, 'holdout', holdout, 'seed', seed));
BEGIN
    RETURN (SELECT jsonb_build_object('rows', metrics -> 'rows', 'rate', metrics -> 'base_rate', 'sha256', sha256)
            FROM aipipe.model_version v WHERE model = 'held' AND v.version = new);
END $$;
SELECT share, h -> 'rows' AS rows, h -> 'rate' AS rate FROM unnest(ARRAY[0, 0.1, 0.2, 0.5, 0.9]) share, held_out(share, 1) h;
SELECT held_out(0.2, 1) = held_out(0.2, 1) AS same, held_out(0.2, 1) <> held_out(0.2, 2) AS other;

SELECT count(aipipe.model_drop(name)) AS dropped FROM aipipe.model WHERE name LIKE 'visit %' OR name = 'held';
DROP TABLE visit, scored, expected;
DROP SCHEMA learn_metrics CASCADE;
