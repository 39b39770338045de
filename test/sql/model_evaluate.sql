-- Evaluations on any source: metrics, confusion and reliability as tables, rankings, quantiles; against the same
-- formulas in SQL.  (The metrics themselves are compared with scikit-learn's values in test/module.)
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA model_evaluate;
SET search_path = model_evaluate;
CREATE TABLE visit AS
SELECT i AS id, (i * 7919 % 1000) / 10.0::float8 AS a, i * 104729 % 89 AS b, i * 31 % 7 AS c, 'q' || i % 43 AS query FROM generate_series(1, 1500) AS i;
ALTER TABLE visit ADD y boolean, ADD k text, ADD v float8, ADD stars int;
UPDATE visit SET y = (a + b > 90) <> (id % 9 = 0), k = chr(97 + (c + (a / 30)::int) % 4), v = a * 2 + b + id % 11,
    stars = CASE WHEN id % 43 = 7 THEN 0 ELSE ((a + b) / 40)::int + id % 2 END;
ANALYZE visit;
SELECT aipipe.model_train('eval y', 'classification', 'visit', 'y', ARRAY['a','b','c'], params => '{"n_estimators": 3, "max_depth": 2, "holdout": 0}'),
       aipipe.model_train('eval k', 'classification', 'visit', 'k', ARRAY['a','b','c'], params => '{"n_estimators": 4, "holdout": 0}'),
       aipipe.model_train('eval v', 'regression', 'visit', 'v', ARRAY['a','b','c'], params => '{"n_estimators": 9, "holdout": 0}'),
       aipipe.model_train('eval stars', 'ranking', 'visit', 'stars', ARRAY['a','b','c'], params => '{"n_estimators": 5, "max_depth": 2, "group": "query"}');

-- two classes: what there is
SELECT string_agg(key, ', ' ORDER BY key COLLATE "C") AS metrics FROM aipipe.model_evaluate('eval y', 'visit') m, jsonb_object_keys(m) key;
CREATE TABLE scored AS SELECT y::int AS y, aipipe.model_predict('eval y', t) AS p FROM visit t;
-- a predecessor computed the area under decisions: two points instead of a curve
SELECT abs((m ->> 'auc')::float8 - auc) < 1e-12 AS on_probabilities, abs((m ->> 'balanced_accuracy')::float8 - balanced) < 1e-12 AS balanced_accuracy,
       abs(auc - balanced) > 0.01 AS they_differ
FROM aipipe.model_evaluate('eval y', 'visit') m,
     (SELECT sum(CASE WHEN a.p > b.p THEN 1 WHEN a.p = b.p THEN 0.5 ELSE 0 END) / count(*) AS auc FROM scored a, scored b WHERE a.y = 1 AND b.y = 0) r,
     (SELECT (avg((p > 0.5)::int) FILTER (WHERE y = 1) + avg((p <= 0.5)::int) FILTER (WHERE y = 0)) / 2 AS balanced FROM scored) s;
-- confusion: as a table, in the metrics, and by another threshold
SELECT actual, predicted, rows = e.n AS counted, abs(share - rows / sum(rows) OVER (PARTITION BY actual)::float8) < 1e-12 AS share, (m -> 'confusion' -> actual ->> predicted)::bigint = rows AS same
FROM aipipe.model_confusion('eval y', 'visit') c,
     LATERAL (SELECT count(*) AS n FROM scored WHERE y = (actual = 'true')::int AND (p > 0.5) = (predicted = 'true')) e,
     aipipe.model_evaluate('eval y', 'visit') m;
SELECT actual, predicted, rows = e.n AS counted
FROM aipipe.model_confusion('eval y', 'visit', params => '{"threshold": 0.3}') c,
     LATERAL (SELECT count(*) AS n FROM scored WHERE y = (actual = 'true')::int AND (p >= 0.3) = (predicted = 'true')) e;
SELECT sum(rows) AS rows, count(*) AS cells FROM aipipe.model_confusion('eval k', 'visit');
SELECT bool_and(rows = n) AS counted FROM aipipe.model_confusion('eval k', 'visit') c
JOIN (SELECT actual, predicted, count(s.*) AS n FROM unnest('{a,b,c,d}'::text[]) actual CROSS JOIN unnest('{a,b,c,d}'::text[]) predicted
      LEFT JOIN (SELECT k AS actual, aipipe.model_predict_class('eval k', t) AS predicted FROM visit t) s USING (actual, predicted)
      GROUP BY actual, predicted) e USING (actual, predicted);
SELECT class, (p ->> 'support')::int = n AS support, abs((p ->> 'recall')::float8 - recall) < 1e-12 AS recall
FROM aipipe.model_evaluate('eval k', 'visit') m, jsonb_each(m -> 'per_class') c(class, p)
JOIN (SELECT k, count(*) AS n, avg((aipipe.model_predict_class('eval k', t) = k)::int) AS recall FROM visit t GROUP BY k) e ON k = class ORDER BY class;
-- a class that has no rows has no shares
SELECT actual, sum(rows) AS rows, round(sum(share)) AS share FROM aipipe.model_confusion('eval y', 'SELECT * FROM visit WHERE y') GROUP BY actual ORDER BY actual;

-- reliability: equally wide bins are those of width, each probability with the bin below its bound
SELECT bool_and(r.rows = e.n) AS rows, bool_and(abs(mean_probability - m) < 1e-9) AS mean_probability, bool_and(abs(observed_share - s) < 1e-9) AS observed_share,
       sum(r.rows) AS all_rows, bool_and(class = 'true') AS positive
FROM aipipe.model_reliability('eval y', 'visit') r
FULL JOIN (SELECT greatest(ceil(p * 10), 1) AS bin, count(*) AS n, avg(p) AS m, avg(y) AS s FROM scored GROUP BY 1) e USING (bin);
SELECT abs((m ->> 'ece')::float8 - ece) < 1e-12 AS ece
FROM aipipe.model_evaluate('eval y', 'visit') m,
     (SELECT sum(rows * abs(mean_probability - observed_share)) / sum(rows) AS ece FROM aipipe.model_reliability('eval y', 'visit')) r;
SELECT bool_and(lower = (bin - 1) / 5.0::float8 AND upper = bin / 5.0::float8) AS bounds, bool_and(mean_probability > lower AND mean_probability <= upper) AS within
FROM aipipe.model_reliability('eval k', 'visit', 5);
SELECT class, sum(rows) AS rows FROM aipipe.model_reliability('eval k', 'visit', 5, 1) GROUP BY class ORDER BY class;
SELECT count(*) BETWEEN 2 AND 4 AS bins, sum(rows) AS rows FROM aipipe.model_reliability('eval k', 'visit', 4, strategy => 'quantile') WHERE class = 'a';

-- labels that the model does not know, and no labels at all: left out and counted
SELECT m -> 'rows' AS rows, m -> 'skipped' AS skipped, m -> 'unknown_class' AS unknown_class
FROM aipipe.model_evaluate('eval k', $$SELECT a, b, c, CASE id % 5 WHEN 0 THEN 'z' WHEN 1 THEN NULL ELSE k END AS k FROM visit$$) m;
SELECT sum(rows) FROM aipipe.model_confusion('eval k', $$SELECT a, b, c, CASE id % 5 WHEN 0 THEN 'z' WHEN 1 THEN NULL ELSE k END AS k FROM visit$$);
SELECT aipipe.model_evaluate('eval k', $$SELECT a, b, c, 'z' AS k FROM visit$$);

-- values: a quantile that was asked for
SELECT string_agg(key, ', ' ORDER BY key COLLATE "C") AS metrics FROM aipipe.model_evaluate('eval v', 'visit') m, jsonb_object_keys(m) key;
SELECT abs((m ->> 'quantile_loss')::float8 - loss) < 1e-9 AS quantile_loss, abs((m ->> 'median_absolute_error')::float8 - median) < 1e-9 AS median_absolute_error
FROM aipipe.model_evaluate('eval v', 'visit', params => '{"quantile": 0.9}') m,
     (SELECT avg(greatest(0.9 * (v - p), -0.1 * (v - p))) AS loss, percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(v - p)) AS median
      FROM (SELECT v::real::float8 AS v, aipipe.model_predict('eval v', t) AS p FROM visit t) s) r;

-- rankings: groups by a column, in whatever order the rows come; rows of equal score share their places
CREATE TABLE ranked AS
SELECT query, stars, p, dense_rank() OVER (PARTITION BY query ORDER BY p DESC) AS place, row_number() OVER (PARTITION BY query ORDER BY p DESC) AS n,
       row_number() OVER (PARTITION BY query ORDER BY stars DESC) AS best
FROM (SELECT query, stars, aipipe.model_predict('eval stars', t) AS p FROM visit t) s;
SELECT string_agg(key, ', ' ORDER BY key COLLATE "C") AS metrics FROM aipipe.model_evaluate('eval stars', 'visit') m, jsonb_object_keys(m) key;
SELECT m -> 'groups' AS groups, abs((m ->> 'ndcg')::float8 - ndcg) < 1e-9 AS ndcg, abs((m ->> 'ndcg@10')::float8 - ndcg10) < 1e-9 AS ndcg10
FROM aipipe.model_evaluate('eval stars', 'SELECT * FROM visit ORDER BY id * 61 % 1501') m,
     (SELECT avg(CASE WHEN ideal > 0 THEN gain / ideal ELSE 0 END) AS ndcg, avg(CASE WHEN ideal10 > 0 THEN gain10 / ideal10 ELSE 0 END) AS ndcg10
      FROM (SELECT query, sum(mean * discounts) AS gain, sum(mean * discounts10) AS gain10
            FROM (SELECT query, avg(stars) AS mean, sum(ln(2) / ln(n + 1)) AS discounts, coalesce(sum(ln(2) / ln(n + 1)) FILTER (WHERE n <= 10), 0) AS discounts10
                  FROM ranked GROUP BY query, place) p GROUP BY query) g
      JOIN (SELECT query, sum(stars * ln(2) / ln(best + 1)) AS ideal, sum(stars * ln(2) / ln(best + 1)) FILTER (WHERE best <= 10) AS ideal10
            FROM ranked GROUP BY query) i USING (query)) r;
SELECT m -> 'rows' AS rows, m -> 'skipped' AS skipped, m -> 'groups' AS groups
FROM aipipe.model_evaluate('eval stars', $$SELECT a, b, c, stars, CASE WHEN id % 43 = 1 THEN NULL ELSE query END AS query FROM visit$$) m;
SELECT m -> 'groups' AS groups FROM aipipe.model_evaluate('eval stars', 'visit', params => '{"group": "c"}') m;
SELECT aipipe.model_evaluate('eval stars', 'SELECT a, b, c, stars FROM visit');
SELECT aipipe.model_evaluate('eval stars', $$SELECT a, b, c, 'five' AS stars, query FROM visit$$);

-- an imported model has no columns of its own for the truth and the groups: they are named
SELECT aipipe.model_import('eval import', aipipe.model_export('eval stars'), ARRAY['a','b','c'], 'ranking') AS ranking,
       aipipe.model_import('eval binary', aipipe.model_export('eval y'), ARRAY['a','b','c'], 'classification', ARRAY['false','true']) AS classification;
SELECT aipipe.model_evaluate('eval import', 'visit', params => '{"target": "stars", "group": "query"}') = aipipe.model_evaluate('eval stars', 'visit') AS ranking,
       aipipe.model_evaluate('eval binary', 'visit', params => '{"target": "y"}') = aipipe.model_evaluate('eval y', 'visit') AS classification;
SELECT aipipe.model_evaluate('eval import', 'visit');
SELECT aipipe.model_evaluate('eval import', 'visit', params => '{"target": "stars"}');
SELECT aipipe.model_import('eval import', aipipe.model_export('eval stars'), ARRAY['a','b','c'], 'regression');
SELECT aipipe.model_import('eval other', aipipe.model_export('eval stars'), ARRAY['a','b','c'], 'regression');
SELECT aipipe.model_import('eval other', aipipe.model_export('eval v'), ARRAY['a','b','c'], 'ranking');

-- what cannot be
SELECT aipipe.model_evaluate('eval y', 'visit', params => '{"treshold": 0.5}');
SELECT aipipe.model_evaluate('eval y', 'visit', params => '{"threshold": 1.5}');
SELECT aipipe.model_evaluate('eval k', 'visit', params => '{"threshold": 0.5}');
SELECT aipipe.model_evaluate('eval v', 'visit', params => '{"group": "query"}');
SELECT aipipe.model_evaluate('eval stars', 'visit', params => '{"quantile": 0.5}');
SELECT aipipe.model_evaluate('eval v', 'visit', params => '{"target": "w"}');
SELECT aipipe.model_evaluate('eval y', NULL);
SELECT aipipe.model_evaluate('eval y', 'visit', 2);
SELECT * FROM aipipe.model_confusion('eval v', 'visit');
SELECT * FROM aipipe.model_confusion('eval y', 'visit', params => '{"classes": 2}');
SELECT * FROM aipipe.model_reliability('eval stars', 'visit');
SELECT * FROM aipipe.model_reliability('eval y', 'visit', 0);
SELECT * FROM aipipe.model_reliability('eval y', 'visit', 1001);
SELECT * FROM aipipe.model_reliability('eval y', 'visit', NULL);
SELECT * FROM aipipe.model_reliability('eval y', 'visit', strategy => 'equal');
SELECT aipipe.anomaly_train('eval anomaly', 'visit', ARRAY['a','b']);
SELECT aipipe.model_evaluate('eval anomaly', 'visit', params => '{"target": "y"}');
-- groups and predictions stay within a training's memory
SET aipipe.train_max_memory = '1MB';
\set VERBOSITY terse
SELECT aipipe.model_evaluate('eval stars', $$SELECT a, b, c, stars, 'q' || id || '/' || n AS query FROM visit, generate_series(1, 40) n$$);
RESET aipipe.train_max_memory;

-- a perfect model is not more than perfect
SELECT aipipe.model_train('eval perfect', 'classification', 'SELECT i AS a, i > 6 AS yes FROM generate_series(1, 12) i', 'yes', params => '{"holdout": 0, "min_child_weight": 0, "lambda": 0}');
SELECT aipipe.model_evaluate('eval perfect', 'SELECT i AS a, i > 6 AS yes FROM generate_series(1, 12) i') -> 'mcc' AS mcc;
-- a column of one letter is not near every other
SELECT aipipe.model_evaluate('eval perfect', 'SELECT 1 AS b, true AS yes');

SELECT count(aipipe.model_drop(name)) AS dropped FROM aipipe.model WHERE name LIKE 'eval %';
DROP SCHEMA model_evaluate CASCADE;
