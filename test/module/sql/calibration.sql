-- Calibrations and thresholds against what scikit-learn 1.2.1 gives for the same numbers, computed once in float64 from the same float32.
SET search_path = aipipe_test, public;
CREATE TEMP TABLE data AS
SELECT array_agg(v ORDER BY i, o) AS p, array_agg(u.q ORDER BY i, o) AS q, array_agg(y ORDER BY i) FILTER (WHERE o = 1) AS y,
       array_agg(w ORDER BY i) FILTER (WHERE o = 1) AS w, array_agg(v ORDER BY i) FILTER (WHERE o = 2) AS positive
FROM (SELECT i, (i * 37 % 101 / 100.0)::real AS p, ((i * 37 % 101 + 1) / 103.0)::real AS q,
             (i * 53 % 97 < 20 + i * 37 % 101 * 0.5)::int::real AS y, (i % 4)::real AS w FROM generate_series(1, 400) i) r,
     unnest(ARRAY[(1 - p)::real, p], ARRAY[(1 - r.q)::real, r.q]) WITH ORDINALITY u(v, q, o);

-- isotonic: IsotonicRegression(out_of_bounds='clip').fit(p, y, sample_weight): X_thresholds_, y_thresholds_
CREATE TEMP TABLE fitted AS
SELECT 'plain' AS weights, calibration_fit('isotonic', 2, p, y) AS c FROM data
UNION ALL SELECT 'weighted', calibration_fit('isotonic', 2, p, y, w) FROM data;
SELECT weights, c FROM fitted;
WITH e(weights, x, y) AS (VALUES
    ('plain', '{0,0.02,0.03,0.05,0.06,0.11,0.12,0.46,0.47,0.52,0.53,0.59,0.6,0.65,0.66,0.71,0.72,1}'::real[],
     ARRAY[0.18181818181818182, 0.18181818181818182, 0.25, 0.25, 0.3333333333333333, 0.3333333333333333, 0.39568345323741005, 0.39568345323741005,
           0.4166666666666667, 0.4166666666666667, 0.5, 0.5, 0.5652173913043478, 0.5652173913043478, 0.5833333333333334, 0.5833333333333334,
           0.6086956521739131, 0.6086956521739131]),
    ('weighted', '{0,0.02,0.03,0.05,0.06,0.14,0.15,0.49,0.5,0.59,0.6,0.62,0.63,0.71,0.72,0.73,0.74,0.97,0.98,1}',
     ARRAY[0.1111111111111111, 0.1111111111111111, 0.16666666666666666, 0.16666666666666666, 0.3333333333333333, 0.3333333333333333,
           0.39903846153846156, 0.39903846153846156, 0.5, 0.5, 0.5555555555555556, 0.5555555555555556, 0.5686274509803921, 0.5686274509803921,
           0.5833333333333334, 0.5833333333333334, 0.6153846153846154, 0.6153846153846154, 0.8333333333333334, 0.8333333333333334]))
SELECT weights, array_agg(k.x::real ORDER BY n) = min(e.x) AS x, max(abs(k.y::float8 - e.y[n])) < 1e-9 AS y
FROM fitted JOIN e USING (weights), CAST(c AS jsonb) j,
     ROWS FROM (jsonb_array_elements_text(j #> '{curves,0,x}'), jsonb_array_elements_text(j #> '{curves,0,y}')) WITH ORDINALITY k(x, y, n)
GROUP BY weights ORDER BY weights;
-- predict(): on corners, between them, beyond them; to the float4 that a probability is
SELECT weights, bool_and(abs(got - expected) < 6e-8) AS equal
FROM (VALUES ('plain', ARRAY[0.18181818181818182, 0.18181818181818182, 0.3333333333333333, 0.39568345323741005, 0.4166666666666667, 0.6086956521739131, 0.6086956521739131, 0.6086956521739131]),
             ('weighted', ARRAY[0.1111111111111111, 0.1111111111111111, 0.3333333333333333, 0.39903846153846156, 0.5, 0.6153846153846154, 0.8333333333333334, 0.8333333333333334])) e(weights, y)
JOIN fitted USING (weights),
     unnest(calibration_apply(c, '{1,0,0.995,0.005,0.9,0.1,0.667,0.333,0.5,0.5,0.23,0.77,0.005,0.995,0,1}')) WITH ORDINALITY g(got, n),
     unnest(y) WITH ORDINALITY x(expected, m)
WHERE g.n = 2 * m GROUP BY weights;
SELECT calibration_apply('{"format":"aipipe-calibration","format_version":1,"method":"isotonic","nclasses":2,"curves":[{"x":[0.25,0.5,0.75],"y":[0,0.5,1]}]}',
                         '{0.625,0.375,0.75,0.25,0.875,0.125,0.375,0.625,0.125,0.875}') AS between;

-- Platt: minimum of the loss on log odds with smoothed targets, by scipy's BFGS after Newton to a gradient of 1e-12
SELECT weights, abs((c #>> '{curves,0,slope}')::float8 - slope) < 1e-8 AS slope, abs((c #>> '{curves,0,intercept}')::float8 - intercept) < 1e-8 AS intercept
FROM (SELECT 'plain' AS weights, calibration_fit('platt', 2, q, y)::jsonb AS c FROM data
      UNION ALL SELECT 'weighted', calibration_fit('platt', 2, q, y, w)::jsonb FROM data) f
JOIN (VALUES ('plain', 0.24338551, -0.1053317), ('weighted', 0.28446094, -0.09233562)) e(weights, slope, intercept) USING (weights);
-- probabilities of 0 and 1 have finite log odds
SELECT round((c #>> '{curves,0,slope}')::numeric, 7) AS slope, round((c #>> '{curves,0,intercept}')::numeric, 7) AS intercept
FROM data, calibration_fit('platt', 2, p, y) t, CAST(t AS jsonb) c;
SELECT calibration_apply('{"format":"aipipe-calibration","format_version":1,"method":"platt","nclasses":2,"curves":[{"slope":1,"intercept":0}]}',
                         '{1,0,0.75,0.25,0.5,0.5,0.25,0.75,0,1}') AS unchanged;
-- its order is the model's; isotonic at least never contradicts it
SELECT method, bool_and(after >= before) AS never_falls, bool_and(after > before) AS strict
FROM (SELECT method, g AS after, lag(g) OVER (PARTITION BY method ORDER BY n) AS before
      FROM data, unnest('{platt,isotonic}'::text[]) method,
           unnest(calibration_apply(calibration_fit(method, 2, p, y), (SELECT array_agg(v ORDER BY k, o) FROM generate_series(0, 1000) k,
                                    unnest(ARRAY[1 - k / 1000.0, k / 1000.0]::real[]) WITH ORDINALITY u(v, o)))) WITH ORDINALITY a(g, n)
      WHERE n % 2 = 0) s GROUP BY method ORDER BY method;
-- scores that contradict the truth are flattened, not turned around
SELECT (c #>> '{curves,0,slope}')::float8 AS slope, round((c #>> '{curves,0,intercept}')::numeric, 5) AS intercept
FROM calibration_fit('platt', 2, '{0.9,0.1,0.8,0.2,0.2,0.8,0.1,0.9}', '{1,1,0,0}') t, CAST(t AS jsonb) c;

-- three classes: one against the rest, then scaled to sum to one, as CalibratedClassifierCV does
CREATE TEMP TABLE multi AS
SELECT array_agg(v ORDER BY i, o) AS p, array_agg(y ORDER BY i) FILTER (WHERE o = 1) AS y
FROM (SELECT i, ((i * 7 % 31 + 1) / 64.0)::real AS a, ((i * 11 % 29 + 1) / 64.0)::real AS b, (i * 5 % 7 % 3)::real AS y FROM generate_series(1, 400) i) r,
     unnest(ARRAY[a, b, (1 - a - b)::real]) WITH ORDINALITY u(v, o);
SELECT bool_and(abs(got - expected) < 1e-7) AS first_rows, (SELECT abs(sum(v::float8 ^ 2) - 139.13266227445484) < 1e-4 FROM unnest(out) v) AS all_rows
FROM multi, calibration_apply(calibration_fit('isotonic', 3, p, y), p) out, unnest(out) WITH ORDINALITY g(got, n)
JOIN unnest(ARRAY[0.41867552375197264, 0.2786243114818953, 0.3027001647661321, 0.4329185826345686, 0.291587773870706, 0.2754936434947255,
                  0.4259970457902511, 0.27986213687838507, 0.2941408173313639]) WITH ORDINALITY e(expected, n) USING (n)
GROUP BY out;
-- a class without rows keeps its probabilities; nothing left of any class is shared evenly
SELECT calibration_fit('isotonic', 3, '{0.5,0.25,0.25,0.25,0.5,0.25}', '{0,1}') AS c;
SELECT calibration_apply(calibration_fit('isotonic', 3, '{0.5,0.25,0.25,0.25,0.5,0.25}', '{0,1}'), '{0.5,0.25,0.25,0.25,0.25,0.5,0.1,0.1,0.8}') AS keeps;
SELECT calibration_apply('{"format":"aipipe-calibration","format_version":1,"method":"isotonic","nclasses":4,"curves":[{"x":[0],"y":[0]},{"x":[0],"y":[0]},{"x":[0],"y":[0]},{"x":[0],"y":[0]}]}',
                         '{0.25,0.25,0.25,0.25}') AS evenly;
SELECT calibration_fit('none', 2, '{0.5,0.5}', '{1}') IS NULL AS none;
SELECT calibration_fit('platt', 2, '{0.5,0.5,0.25,0.75}', '{1,1}');
SELECT calibration_fit('isotonic', 2, '{0.5,0.5,0.25,0.75}', '{1,0}', '{1,0}');
SELECT calibration_fit('isotone', 2, '{0.5,0.5}', '{1}');

-- what was written is read; anything else is refused with XX001, whatever it is
\set VERBOSITY terse
CREATE FUNCTION refusal(c text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE why text; state text;
BEGIN
    PERFORM aipipe_test.calibration_apply(c, '{}');
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS why = PG_EXCEPTION_DETAIL, state = RETURNED_SQLSTATE;
    RETURN state || ' ' || why;
END $$;
CREATE FUNCTION curves(method text, nclasses text, curves text) RETURNS text LANGUAGE sql AS
$$SELECT format('{"format":"aipipe-calibration","format_version":1,"method":"%s","nclasses":%s,"curves":[%s]}', method, nclasses, curves)$$;
SELECT left(c, 40) AS text, refusal(c) FROM unnest(ARRAY['', '{}', 'null', '{"format":"aipipe-calibration"}']) c;
SELECT method, n, curves AS text, refusal(curves(method, n, curves)) FROM (VALUES
    ('platt', '2', '{"slope":1,"intercept":0}'), ('platt', '3', '{"slope":1,"intercept":0},null,{"slope":0.5,"intercept":-2}'),
    ('platt', '2', '{"slope":0,"intercept":0}'), ('platt', '2', '{"slope":-1,"intercept":0}'), ('platt', '2', '{"slope":nan,"intercept":0}'),
    ('platt', '2', '{"slope":1e999,"intercept":0}'), ('platt', '2', '{"slope":1.0,"intercept":0}'), ('platt', '2', '{"slope":0x1,"intercept":0}'),
    ('platt', '2', '{"slope":1,"intercept":}'), ('platt', '2', '{"slope":1, "intercept":0}'), ('platt', '2', 'null'), ('platt', '2', '{"x":[0],"y":[0]}'),
    ('platt', '3', '{"slope":1,"intercept":0}'), ('platt', '1', '{"slope":1,"intercept":0}'), ('platt', '2.5', '{"slope":1,"intercept":0}'),
    ('platt', '9999', 'null'), ('platt', '1000000000', 'null'), ('linear', '2', '{"slope":1,"intercept":0}'),
    ('isotonic', '2', '{"x":[0,1],"y":[0,1]}'), ('isotonic', '2', '{"x":[0,1],"y":[1,0]}'), ('isotonic', '2', '{"x":[0,0],"y":[0,1]}'),
    ('isotonic', '2', '{"x":[1,0],"y":[0,1]}'), ('isotonic', '2', '{"x":[0,1.5],"y":[0,1]}'), ('isotonic', '2', '{"x":[0,1],"y":[0,1.5]}'),
    ('isotonic', '2', '{"x":[0,1],"y":[0]}'), ('isotonic', '2', '{"x":[0],"y":[0,1]}'), ('isotonic', '2', '{"x":[],"y":[]}'),
    ('isotonic', '2', '{"x":[-1,1],"y":[0,1]}'), ('isotonic', '2', '{"x":[0,0.10000000001],"y":[0,1]}')) c(method, n, curves);
SELECT refusal(curves('platt', '2', '{"slope":1,"intercept":0}') || ' ') AS more;

-- mutants: nothing but a calibration is accepted, and what is accepted gives probabilities
SELECT accepted < 3000 AS some_refused, accepted + refused AS all FROM calibration_mutate((SELECT c FROM fitted WHERE weights = 'plain'), 20000, 1);
SELECT accepted < 3000 AS some_refused, accepted + refused AS all FROM calibration_mutate(curves('platt', '3', '{"slope":1.25,"intercept":-0.75},null,{"slope":0.5,"intercept":-2}'), 20000, 2);

-- thresholds: the best among the distinct probabilities by f1_score, matthews_corrcoef, accuracy_score, roc_curve's tpr - fpr,
-- precision_score and recall_score; of equal ones the greatest
SELECT rule, threshold(rule::jsonb, positive, y)::real AS chosen, expected::real
FROM data, (VALUES ('"f1"', 0.06), ('"mcc"', 0.53), ('"accuracy"', 0.6), ('"youden"', 0.53), ('{"precision": 0.6}', 0.63), ('{"recall": 0.9}', 0.15),
    ('{"cost": {"false_positive": 1, "false_negative": 5}}', 0.03), ('{"cost": {"false_positive": 50, "false_negative": 1}}', 1), ('0.25', 0.25)) e(rule, expected);
SELECT rule, threshold(rule::jsonb, positive, y, w)::real AS chosen, expected::real
FROM data, (VALUES ('"f1"', 0.06), ('"accuracy"', 0.6)) e(rule, expected);
SELECT threshold(NULL, '{0.5}', '{1}') AS none, threshold('null', '{0.5}', '{1}') AS null;
-- where predicting nothing is best, 1 says so
SELECT threshold('"accuracy"', '{0.5,0.4,0.3}', '{0,0,1}') AS nothing, threshold('"accuracy"', '{0.5,0.4,0.3}', '{1,0,1}') AS tie;
SELECT threshold('{"precision": 0.5}', '{0.9,0.8,0.7,0.6}', '{1,0,1,0}') AS most_recall, threshold('{"recall": 0.5}', '{0.9,0.8,0.7,0.6}', '{1,1,0,0}') AS most_precision;
SELECT threshold('{"precision": 0.7}', positive, y) FROM data;
SELECT threshold('{"recall": 1}', '{0.5,0}', '{0,1}');
SELECT threshold('"mcc"', '{0.5,0.4}', '{1,1}');
SELECT threshold('"f1"', '{0.5,0.4}', '{0,0}');
SELECT threshold('"youden"', '{}', '{}');
SELECT threshold('0', '{}', '{}');
SELECT threshold('1.5', '{}', '{}');
SELECT threshold('true', '{}', '{}');
SELECT threshold('[0.5]', '{}', '{}');
SELECT threshold('"f2"', '{}', '{}');
SELECT threshold('{}', '{}', '{}');
SELECT threshold('{"precision": 0.5, "recall": 0.5}', '{}', '{}');
SELECT threshold('{"precison": 0.5}', '{}', '{}');
SELECT threshold('{"precision": 2}', '{}', '{}');
SELECT threshold('{"cost": {"false_positive": 1}}', '{}', '{}');
SELECT threshold('{"cost": {"false_positive": 0, "false_negative": 0}}', '{}', '{}');
SELECT threshold('{"cost": 1}', '{}', '{}');
