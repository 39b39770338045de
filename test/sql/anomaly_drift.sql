-- Are rows as strange to a detector as its training rows were?
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = error;
CREATE SCHEMA anomaly_drift;
SET search_path = anomaly_drift;
CREATE TABLE t AS SELECT i AS id, round((50 + 10 * (sin(i * 12.9898) + sin(i * 78.233) + sin(i * 37.719)))::numeric, 4)::float8 AS a,
       round(exp(sin(i * 4.1414) + sin(i * 93.9898))::numeric, 4)::float8 AS b, (ARRAY['x', 'x', 'x', 'y', 'z'])[1 + (i * 7919) % 5] AS k
FROM generate_series(1, 8000) i;
CREATE VIEW old_rows AS SELECT a, b, k FROM t WHERE id <= 4000;
CREATE VIEW new_rows AS SELECT a, b, k FROM t WHERE id > 4000;
SELECT aipipe.model_train('drift_l', 'anomaly', 'old_rows', algorithm => 'loda'), aipipe.model_train('drift_f', 'anomaly', 'old_rows', algorithm => 'isolation_forest'), aipipe.anomaly_train('drift_e', 'old_rows', params => '{"components": {"isolation_forest": 1, "loda": 1}}');

-- more of the same; another mean; only the most ordinary; and as many wild ones as ten bins do not see
CREATE TABLE judged AS
SELECT d.detector, s.what, r.*
FROM (VALUES ('drift_l'), ('drift_f'), ('drift_e')) d(detector),
     (VALUES ('same', 'SELECT a, b, k FROM new_rows'), ('moved', 'SELECT a + 25 AS a, b, k FROM new_rows'), ('ordinary', 'SELECT 50 + (a - 50) / 50 AS a, 1 + (b - 1) / 100 AS b, ''x''::text AS k FROM new_rows'),
             ('wild', 'SELECT CASE WHEN id % 12 = 0 THEN 900 ELSE a END AS a, b, k FROM t WHERE id > 4000')) s(what, source),
     LATERAL aipipe.anomaly_drift(d.detector, s.source) r;
SELECT detector, what, count(*) FILTER (WHERE rows <> 4000) AS wrong_rows, bool_and(expected = 0.001) AS expected, CASE what WHEN 'same' THEN bool_and(verdict = 'stable') WHEN 'ordinary' THEN bool_or(verdict <> 'stable') ELSE bool_or(verdict = 'drifted') END AS verdict FROM judged GROUP BY 1, 2 ORDER BY 1, 2;
SELECT detector, component FROM judged WHERE what = 'same' AND detector <> 'drift_e' ORDER BY 1;
SELECT count(*) FILTER (WHERE component = '(all)') AS whole, count(*) > 1 AS parts_too FROM judged WHERE what = 'same' AND detector = 'drift_e';
SELECT what, round(flagged::numeric, 2) AS flagged, psi > 0.25 AS seen_by_bins FROM judged WHERE detector = 'drift_l' AND what IN ('wild', 'same') ORDER BY 1;

-- distance, its p-value and the index by SQL alone
WITH p AS (SELECT ((1 - prediction)::float4)::float8 AS p FROM aipipe.model_predict_batch('drift_l', 'SELECT a + 2 AS a, b, k FROM new_rows')),
n AS (SELECT count(*)::float8 AS n FROM p),
f AS (SELECT p, (sum(count(*)) OVER (ORDER BY p)) / (SELECT n FROM n)::numeric AS share FROM p GROUP BY p),
ends AS (SELECT DISTINCT ON (q) q, f.p, f.share::float8 FROM generate_series(1, 9) q, f ORDER BY q, abs(f.p - q / 10.0::float8), f.p),
bins AS (SELECT p - lag(p, 1, 0::float8) OVER w AS expected, share - lag(share, 1, 0::float8) OVER w AS got FROM (SELECT DISTINCT p, share FROM ends UNION SELECT 1, 1) e WINDOW w AS (ORDER BY p)),
ks AS (SELECT max(abs(share::float8 - p)) AS ks FROM f)
SELECT abs(d.ks - ks.ks) < 1e-6 AS ks, abs(d.psi - (SELECT sum((greatest(got, 0.5 / n.n) - expected) * ln(greatest(got, 0.5 / n.n) / expected)) FROM bins WHERE expected > 0)) < 1e-4 AS psi,
       abs(d.pvalue - (SELECT 2 * sum((-1) ^ (k - 1) * exp(-2 * k ^ 2 * ((sqrt(m) + 0.12 + 0.11 / sqrt(m)) * ks.ks) ^ 2)) FROM generate_series(1, 6) k)) < 1e-6 AS pvalue
FROM aipipe.anomaly_drift('drift_l', 'SELECT a + 2 AS a, b, k FROM new_rows') d, ks, n, LATERAL (SELECT n.n * 4000 / (n.n + 4000) AS m) two_samples;

-- small trainings are samples too: of 40 windows of the same rows few are called anything else, of moved ones most
CREATE FUNCTION u(i int, what text) RETURNS float8 IMMUTABLE LANGUAGE sql AS $$ SELECT ('x' || left(md5(i || what), 7))::bit(28)::int / 268435456.0 $$;
CREATE TABLE many AS SELECT i, u(i, 'a') + u(i, 'b') + u(i, 'c') AS a, -ln(1 - u(i, 'd')) AS b, chr(97 + floor(8 * u(i, 'e') ^ 2)::int) AS k FROM generate_series(1, 42000) i;
CREATE FUNCTION verdicts(params jsonb, rows int, n int, by float8) RETURNS TABLE (calm bigint, others bigint) LANGUAGE plpgsql AS $$
BEGIN
	FOR s IN 0 .. 9 LOOP
		PERFORM aipipe.anomaly_train('drift_small', format('SELECT a, b, k FROM many WHERE i > %s AND i <= %s', s * 200, s * 200 + rows), params => params || jsonb_build_object('threshold', 0.99));
		PERFORM aipipe.model_promote('drift_small', s + 1);
		RETURN QUERY SELECT count(*) FILTER (WHERE stable), count(*) FILTER (WHERE NOT stable)
		FROM generate_series(0, 3) w, LATERAL (SELECT bool_and(verdict = 'stable') AS stable FROM aipipe.anomaly_drift('drift_small',
			format('SELECT a + %s AS a, b, k FROM many WHERE i > 2000 AND i %% 40 = %s LIMIT %s', by, s * 4 + w, n))) d;
	END LOOP;
	PERFORM aipipe.model_drop('drift_small');
END $$;
SELECT params ->> 'algorithm' AS algorithm, rows, n, by, CASE WHEN by = 0 THEN (SELECT sum(others) FROM verdicts(params, rows, n, by)) <= 4 ELSE (SELECT sum(others) FROM verdicts(params, rows, n, by)) >= 36 END AS right_so
FROM (VALUES ('{"algorithm": "cell_surprise"}'::jsonb), ('{"algorithm": "loda", "projections": 30}')) p(params), (VALUES (200, 50, 0), (200, 1000, 0), (200, 1000, 2)) v(rows, n, by);

-- cell surprise gives heaps of equal scores, and a new row is a little less strange to it than a training row was that it leaves out: no drift
SELECT aipipe.anomaly_train('drift_d', 'old_rows', params => '{"algorithm": "cell_surprise"}');
SELECT component, ks < 0.03 AS near, verdict FROM aipipe.anomaly_drift('drift_d', 'new_rows');

-- few rows are no proof; rows that are all alike in training raise no alarm
SELECT verdict FROM aipipe.anomaly_drift('drift_l', 'SELECT a, b, k FROM t WHERE id BETWEEN 4001 AND 4008');
SELECT aipipe.model_train('drift_same', 'anomaly', 'SELECT CASE WHEN i % 100 = 0 THEN 7 ELSE 1 END AS x FROM generate_series(1, 5000) i', algorithm => 'loda');
SELECT rows, verdict FROM aipipe.anomaly_drift('drift_same', 'SELECT CASE WHEN i % 100 = 0 THEN 7 ELSE 1 END AS x FROM generate_series(1, 3000) i');
SELECT rows, verdict FROM aipipe.anomaly_drift('drift_same', 'SELECT CASE WHEN i % 4 = 0 THEN 7 ELSE 1 END AS x FROM generate_series(1, 3000) i');
SELECT aipipe.model_train('drift_const', 'anomaly', 'SELECT 1 AS x FROM generate_series(1, 100) i', algorithm => 'loda');
SELECT rows, flagged, ks, pvalue, psi, verdict FROM aipipe.anomaly_drift('drift_const', 'SELECT i AS x FROM generate_series(1, 100) i');

-- a refreshed version knows what its champion said of the rows; the caller is warned
SELECT aipipe.anomaly_refresh('drift_l', 'new_rows');
SELECT d ->> 'component' AS component, d ->> 'verdict' AS verdict, (d ->> 'rows')::int AS rows, (d ->> 'ks')::float8 = j.ks AND (d ->> 'psi')::float8 = j.psi AND (d ->> 'flagged')::float8 = j.flagged AND (d ->> 'pvalue')::float8 = j.pvalue AS as_before
FROM aipipe.model_version v, jsonb_array_elements(v.metrics -> 'drift') d, judged j WHERE v.model = 'drift_l' AND v.version = 2 AND j.detector = 'drift_l' AND j.what = 'same';

-- bad input
SELECT * FROM aipipe.anomaly_drift('drift_l', 'SELECT * FROM new_rows WHERE false');
SELECT * FROM aipipe.anomaly_drift('drift_l', 'SELECT a FROM new_rows');
SELECT * FROM aipipe.anomaly_drift('no_such', 'new_rows');
SELECT * FROM aipipe.anomaly_drift(NULL, 'new_rows');
SELECT * FROM aipipe.anomaly_drift('drift_l', NULL);
SELECT aipipe.model_train('drift_b', 'regression', 'old_rows', 'a', algorithm => 'baseline');
SELECT * FROM aipipe.anomaly_drift('drift_b', 'new_rows');
SET aipipe.train_max_memory = '1MB';
SELECT * FROM aipipe.anomaly_drift('drift_l', 'SELECT n.* FROM new_rows n, generate_series(1, 200)');
RESET aipipe.train_max_memory;
SET statement_timeout = '200ms';
SELECT * FROM aipipe.anomaly_drift('drift_l', 'SELECT n.* FROM new_rows n, generate_series(1, 5000)');
RESET statement_timeout;
-- to predict is enough
CREATE ROLE regress_drifter;
SET ROLE regress_drifter;
SELECT * FROM aipipe.anomaly_drift('drift_l', 'SELECT 1::float8 AS a, 1::float8 AS b, ''x'' AS k');
RESET ROLE;
SELECT aipipe.model_grant('drift_l', 'regress_drifter');
SET ROLE regress_drifter;
SELECT rows FROM aipipe.anomaly_drift('drift_l', 'SELECT 1::float8 AS a, 1::float8 AS b, ''x'' AS k');
RESET ROLE;

SELECT aipipe.model_drop(name) FROM aipipe.model WHERE name LIKE 'drift\_%' ORDER BY name;
DROP SCHEMA anomaly_drift CASCADE;
DROP ROLE regress_drifter;
