-- What each component says about a row.
CREATE SCHEMA anomaly_parts;
SET search_path = anomaly_parts;
CREATE TABLE t AS SELECT i, (i * 7919 % 1009) / 100.0::float8 AS a, (i * 7919 % 1009) / 50.0 + (i * 104729 % 101) / 100.0::float8 AS b FROM generate_series(1, 4000) i;
CREATE TYPE ab AS (a float8, b float8);
SELECT aipipe.anomaly_train('parts_d', 't', '{a,b}', '{"components": {"loda": 0.5, "cell_surprise": 0.25, "isolation_forest": 3}}');

-- one row a component, always in the same order, with the weights given
SELECT component, weight, strangeness < 0 AS low, bits < 1 AS ordinary, abs(pvalue - 2 ^ -bits) < 1e-12 AS same FROM aipipe.anomaly_parts('parts_d', ROW(5, 10.5)::ab);
-- each is calibrated by itself: as a share of the training rows as strange
SELECT p.component, avg((p.pvalue <= 0.1)::int) BETWEEN 0.07 AND 0.11 AS tenth, avg((p.pvalue <= 0.01)::int) <= 0.012 AS hundredth, bool_and(p.pvalue > 0 AND p.pvalue <= 1 AND p.bits >= 0) AS probability
FROM t, aipipe.anomaly_parts('parts_d', t) p GROUP BY p.component ORDER BY p.component COLLATE "C";
-- a greater strangeness never has fewer bits, and is a stranger row
SELECT component, bool_and(bits >= before) IS NOT FALSE AS rising
FROM (SELECT component, bits, lag(bits) OVER (PARTITION BY component ORDER BY strangeness, bits) AS before FROM t, aipipe.anomaly_parts('parts_d', t) WHERE i <= 500) q GROUP BY component ORDER BY component COLLATE "C";
SELECT far.component, far.bits > near.bits AS stranger FROM aipipe.anomaly_parts('parts_d', ROW(500, -500)::ab) far JOIN aipipe.anomaly_parts('parts_d', ROW(5, 10.5)::ab) near USING (component) ORDER BY 1;
-- what belongs together and does not: one component knows
SELECT component FROM aipipe.anomaly_parts('parts_d', ROW(9, 2)::ab) ORDER BY bits DESC, component LIMIT 1;

SELECT count(*) AS none FROM aipipe.anomaly_parts(NULL, ROW(1, 1)::ab);
SELECT count(*) AS none FROM aipipe.anomaly_parts('parts_d', NULL::ab);
SELECT * FROM aipipe.anomaly_parts('parts_none', ROW(1, 1)::ab);

SELECT aipipe.model_drop('parts_d');
DROP SCHEMA anomaly_parts CASCADE;
