-- P-values of rows: the share of ordinary rows that are as strange, also beyond what training saw.
CREATE SCHEMA anomaly_pvalue;
SET search_path = anomaly_pvalue;
CREATE TABLE t AS SELECT i, (i * 7919 % 10007) / 100.0::float8 AS a, ((i * 104729 % 10009) / 100.0)::float8 AS b FROM generate_series(1, 10000) i;
CREATE TYPE ab AS (a float8, b float8);
SELECT aipipe.anomaly_train('pvalue_d', 't', '{a,b}');

-- among rows like the training rows they are uniform: a tenth is at most .1, a hundredth at most .01
CREATE TABLE fresh AS SELECT i, (i * 7919 % 10007) / 100.0::float8 AS a, ((i * 104729 % 10009) / 100.0)::float8 AS b FROM generate_series(10001, 20000) i;
SELECT round(avg((p <= 0.5)::int), 1) AS half, round(avg((p <= 0.1)::int), 2) AS tenth, round(avg((p <= 0.01)::int), 3) AS hundredth, round(avg((p <= 0.001)::int), 4) AS thousandth,
       min(p) > 0 AS above_zero, max(p) <= 1 AS to_one
FROM (SELECT aipipe.anomaly_pvalue('pvalue_d', t)::numeric AS p FROM fresh t) q;
-- among rows of mixed types too, where many pairs of values are new: training rows are judged as though they had not been counted
CREATE FUNCTION u(i int, what text) RETURNS float8 IMMUTABLE LANGUAGE sql AS $$ SELECT ('x' || left(encode(sha256((i || what)::bytea), 'hex'), 7))::bit(28)::int / 268435456.0 $$;
CREATE TABLE mixed AS SELECT i, 50 + 10 * (u(i, 'a') + u(i, 'b') + u(i, 'c')) AS a, -ln(1 - u(i, 'd')) AS b, round(40 * u(i, 'a')) + round(9 * u(i, 'e')) AS c, chr(97 + floor(12 * u(i, 'f') ^ 3)::int) AS k,
       CASE WHEN u(i, 'g') < 0.6 THEN 'x' ELSE chr(97 + floor(26 * u(i, 'a'))::int) END AS l FROM generate_series(1, 9000) i;
SELECT aipipe.anomaly_train('pvalue_m', 'SELECT * FROM mixed WHERE i <= 3000', '{a,b,c,k,l}');
SELECT round(avg((p <= 0.5)::int), 1) AS half, round(avg((p <= 0.1)::int), 2) AS tenth, avg((p <= 0.01)::int) BETWEEN 0.006 AND 0.014 AS hundredth, avg((p <= 0.001)::int) < 0.006 AS thousandth, avg((s >= 0.999)::int) < 0.006 AS flagged
FROM (SELECT aipipe.anomaly_pvalue('pvalue_m', m)::numeric AS p, aipipe.anomaly_score('pvalue_m', m) AS s FROM mixed m WHERE i > 3000) q;
-- few training rows are judged as though they had not been seen: of n rows nothing rarer than one in n + 1 is known, so about as many new rows are stranger than all of them
CREATE FUNCTION stranger(params jsonb, rows int, columns text[]) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	made int;
	sum float8 := 0;
BEGIN
	FOR s IN 0 .. 9 LOOP
		made := aipipe.anomaly_train('pvalue_small', format('SELECT * FROM mixed WHERE i > %s AND i <= %s', s * rows, s * rows + rows), columns, params);
		sum := sum + (SELECT avg((aipipe.model_predict('pvalue_small', m, made) >= 0.999)::int) FROM mixed m WHERE i > 6000);
	END LOOP;
	PERFORM aipipe.model_drop('pvalue_small');
	RETURN sum / 10 * (rows + 1);
END $$;
SELECT algorithm, rows, stranger(jsonb_build_object('algorithm', algorithm), rows, '{a,b,c,k,l}') < CASE algorithm WHEN 'loda' THEN 4 ELSE 2 END AS about_one FROM unnest(ARRAY['cell_surprise', 'loda', 'isolation_forest']) algorithm, unnest(ARRAY[200, 500]) rows ORDER BY 1, 2;
-- it says the same as the severity, from the other side
SELECT count(*) AS rows, bool_and(abs(1 - aipipe.anomaly_pvalue('pvalue_d', t) - aipipe.anomaly_score('pvalue_d', t)) < 0.01) AS near FROM t WHERE i <= 300;
-- beyond the training rows it goes on falling, below one in as many rows, but not below the millionth part of that
SELECT bool_and(p < 0.0001) AS below, bool_and(p > 0.0001 * 2 ^ -20) AS above_zero, bool_and(p <= before) IS NOT FALSE AS falling
FROM (SELECT a, p, lag(p) OVER (ORDER BY a) AS before FROM (SELECT a, aipipe.anomaly_pvalue('pvalue_d', ROW(a, 50)::ab) AS p FROM unnest(ARRAY[1500, 15000, 150000, 1e15, 1e300]) a) r) s;
SELECT aipipe.anomaly_pvalue('pvalue_d', ROW('NaN', 'Infinity')::ab) > 0 AS no_numbers, aipipe.anomaly_pvalue('pvalue_d', ROW(NULL, NULL)::ab) < 0.001 AS nulls;

-- a version without tails (the forest alone): what its severity says, and no nearer to 0 than one row
SELECT aipipe.model_train('pvalue_old', 'anomaly', 't', features => '{a,b}', algorithm => 'isolation_forest');
SELECT count(*) AS rows, bool_and(aipipe.anomaly_pvalue('pvalue_old', t) = greatest(1 - aipipe.anomaly_score('pvalue_old', t), 1 / 10001.0::float8)) AS by_severity FROM t WHERE i <= 300;
SELECT aipipe.anomaly_pvalue('pvalue_old', ROW(1e6, -1e6)::ab) = 1 / 10001.0::float8 AS floor;

-- few rows and one row
SELECT aipipe.anomaly_train('pvalue_few', 'SELECT i::float8 AS a, 1::float8 AS b FROM generate_series(1, 5) i'), aipipe.anomaly_train('pvalue_one', 'SELECT 1::float8 AS a, 1::float8 AS b');
SELECT aipipe.anomaly_pvalue('pvalue_few', ROW(3, 1)::ab) BETWEEN 0.2 AND 1 AS ordinary, aipipe.anomaly_pvalue('pvalue_few', ROW(300, 2)::ab) <= 0.2 AS other,
       aipipe.anomaly_pvalue('pvalue_one', ROW(1, 1)::ab) AS one, aipipe.anomaly_pvalue('pvalue_one', ROW(2, NULL)::ab) BETWEEN 2 ^ -20 AND 0.5 AS of_one;

-- NULL detector or row; models that are no detectors, and that are not there
SELECT aipipe.anomaly_pvalue(NULL, ROW(1, 1)::ab) AS detector, aipipe.anomaly_pvalue('pvalue_d', NULL::ab) AS row;
SELECT aipipe.model_train('pvalue_c', 'regression', 't', 'b', '{a}', params => '{"n_estimators": 2}');
SELECT aipipe.anomaly_pvalue('pvalue_c', t) FROM t LIMIT 1;
SELECT aipipe.anomaly_pvalue('pvalue_none', t) FROM t LIMIT 1;
SELECT aipipe.anomaly_pvalue('pvalue_d', ROW(1)) FROM t LIMIT 1;
-- whoever may not predict gets none
CREATE ROLE regress_anomaly_pvalue;
GRANT USAGE ON SCHEMA anomaly_pvalue TO regress_anomaly_pvalue;
SET ROLE regress_anomaly_pvalue;
SELECT aipipe.anomaly_pvalue('pvalue_d', ROW(1, 1)::ab);
RESET ROLE;
DROP OWNED BY regress_anomaly_pvalue;
DROP ROLE regress_anomaly_pvalue;

SET client_min_messages = warning;
SELECT count(aipipe.model_drop(name)) AS dropped FROM aipipe.model WHERE name ~ '^pvalue_';
DROP SCHEMA anomaly_pvalue CASCADE;
