-- What the isolation forest's own options do: splits on pairs of columns, best thresholds, NULLs that go both ways.
CREATE SCHEMA anomaly_forest;
SET search_path = anomaly_forest;

-- b follows a, except in forty rows; c says nothing.  Numbers that look random come from primes
CREATE TABLE rows AS
SELECT i AS id, a::float8, (a + i * 104729 % 11 - 5)::float8 AS b, (i * 6007 % 100)::float8 AS c
FROM (SELECT i, i * 7919 % 101 AS a FROM generate_series(1, 4000) i) s;
CREATE TABLE odd AS SELECT 4000 + i AS id, (15 + i * 7 % 20)::float8 AS a, (65 + i * 11 % 20)::float8 AS b, (i * 6007 % 100)::float8 AS c FROM generate_series(1, 40) i;
INSERT INTO rows SELECT * FROM odd;
CREATE FUNCTION train(detector text, source text, params jsonb, columns text[] DEFAULT '{a,b,c}') RETURNS void LANGUAGE sql AS
$$ SELECT aipipe.model_train(detector, 'anomaly', source, features => columns, algorithm => 'isolation_forest', params => params) $$;
CREATE FUNCTION severity(detector text, a float8, b float8, c float8) RETURNS float8 LANGUAGE sql AS
$$ SELECT aipipe.anomaly_score(detector, r) FROM (SELECT a, b, c) r $$;

-- ordinary in each column and strange in two together: pairs see it, single columns hardly
SELECT train('forest_pairs', 'rows', '{}'), train('forest_single', 'rows', '{"ndim": 1}');
SELECT round(avg(aipipe.anomaly_score('forest_pairs', o))::numeric, 2) AS pairs, round(avg(aipipe.anomaly_score('forest_single', o))::numeric, 2) AS single FROM odd o;
SELECT severity('forest_pairs', 50, 50, 50) < 0.5 AS ordinary;
-- and it is explained by the two, nearly in equal parts
SELECT array_agg(e."column" ORDER BY contribution DESC) FILTER (WHERE contribution > 0.2) AS columns,
       min(contribution) FILTER (WHERE e."column" <> 'c') > 0.6 * max(contribution) AS alike
FROM (SELECT 20::float8 AS a, 80::float8 AS b, 50::float8 AS c) r, aipipe.anomaly_explain('forest_pairs', r) e;
-- where one of the two lies in the middle, the pair's part is the other's
SELECT (array_agg(e."column" ORDER BY contribution DESC))[1] AS column
FROM (SELECT 50::float8 AS a, 100::float8 AS b, 50::float8 AS c) r, aipipe.anomaly_explain('forest_pairs', r) e;
-- contributions and bias are minus the raw score, with pairs too: rows keep their order
SELECT corr(rank_score, rank_sum) > 0.999 AS same_order
FROM (SELECT rank() OVER (ORDER BY aipipe.anomaly_score('forest_pairs', r)) AS rank_score,
             rank() OVER (ORDER BY (SELECT round(sum(contribution)::numeric, 4) FROM aipipe.anomaly_explain('forest_pairs', r))) AS rank_sum
      FROM rows r WHERE id <= 80) q;
-- splits on pairs count for their columns, in halves
SELECT feature, gain > 0 AS gain, cover > 0 AS cover, round(weight * 2) = weight * 2 AS halves FROM aipipe.model_importance('forest_pairs');
-- a key has no pairs, nor has a constant: with one column left there is none
SELECT train('forest_key', 'SELECT id, c, 1 AS one FROM rows', '{}', '{id,c,one}');
SELECT name, substr(convert_from(aipipe.model_export(name), 'UTF8'), 28, 18) AS format FROM unnest('{forest_pairs,forest_single,forest_key}'::text[]) name;

-- two groups with a small gap between: the best threshold always lies in the gap, so trees of one split know two kinds of rows; a random one is anywhere
CREATE TABLE groups AS SELECT i AS id, (i * 7919 % 10 * 10 + CASE WHEN i % 3 = 0 THEN 110 ELSE 0 END)::float8 AS a FROM generate_series(1, 3000) i;
SELECT train('forest_best', 'groups', '{"prob_pooled_gain": 1, "max_depth": 1, "guards": false}', '{a}'),
       train('forest_random', 'groups', '{"prob_pooled_gain": 0, "max_depth": 1, "guards": false}', '{a}'),
       train('forest_half', 'groups', '{"prob_pooled_gain": 0.5, "max_depth": 1, "guards": false}', '{a}');
SELECT detector, count(DISTINCT aipipe.anomaly_score(detector, g)) = 2 AS two, bool_and((aipipe.anomaly_score(detector, g) > 0.5) = (a > 105)) AS smaller_is_stranger
FROM unnest('{forest_best,forest_half,forest_random}'::text[]) detector, groups g GROUP BY detector ORDER BY detector;

-- NULL where it is ordinary makes no row strange, and hides nothing either
CREATE TABLE holes AS SELECT id, CASE WHEN id % 5 > 0 THEN a END AS a, CASE WHEN id % 7 > 0 THEN b END AS b, c FROM rows;
SELECT train('forest_holes', 'holes', '{}');
SELECT abs(avg(s) FILTER (WHERE a IS NULL) - avg(s) FILTER (WHERE a IS NOT NULL)) < 0.25 AS alike
FROM (SELECT a, aipipe.anomaly_score('forest_holes', h) AS s FROM holes h WHERE b IS NOT NULL) scored;
SELECT severity('forest_holes', NULL, 50, 50) < 0.9 AS ordinary, severity('forest_holes', NULL, 50, 5000) > 0.99 AS strange,
       severity('forest_holes', NULL, NULL, 50) < 0.95 AS both_null;
-- what was never NULL is strange when it is
SELECT severity('forest_holes', 50, 50, NULL) > 0.999 AS never_null;
-- in blocks, mixed with rows without NULL, the scores are those of single rows
SELECT count(*) AS rows, count(*) FILTER (WHERE p.prediction = aipipe.anomaly_score('forest_holes', h)) AS same
FROM aipipe.model_predict_batch('forest_holes', 'holes', 'id') p JOIN holes h ON h.id = p.key::int;
SELECT count(*) AS rows, bool_and(abs(m.sum - b.bias - a.sum) < 1e-9) AS same_sum FROM holes h,
	LATERAL (SELECT sum(contribution) FROM aipipe.anomaly_explain('forest_holes', h)) a,
	LATERAL (SELECT sum(contribution) FROM aipipe.model_explain('forest_holes', h)) m,
	LATERAL (SELECT contribution AS bias FROM aipipe.model_explain('forest_holes', h) WHERE feature = '(bias)') b WHERE id <= 70;

-- same rows and seed, same bytes
SELECT train('forest_holes', 'holes', '{}');
SELECT count(DISTINCT sha256) AS artifacts FROM aipipe.model_version WHERE model = 'forest_holes';

-- options
SELECT train('forest_bad', 'rows', '{"ndim": 3}');
SELECT train('forest_bad', 'rows', '{"prob_pooled_gain": 1.5}');
SET client_min_messages = warning;
SELECT count(aipipe.model_drop(name)) AS dropped FROM aipipe.model WHERE name LIKE 'forest\_%';
DROP SCHEMA anomaly_forest CASCADE;
