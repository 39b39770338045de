-- Calibrated versions: what is served, what stays as it was, what is refused.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA model_calibration;
SET search_path = model_calibration;
CREATE TABLE visit AS
SELECT i AS id, (i * 7919 % 1000) / 10.0::float8 AS a, i * 104729 % 89 AS b, i * 31 % 7 AS c FROM generate_series(1, 2000) AS i;
ALTER TABLE visit ADD y boolean, ADD k text, ADD v float8;
UPDATE visit SET y = (a + b > 110) <> (id % 9 < 2), k = chr(97 + (c + (a / 30)::int + (id % 5) / 4) % 3), v = a * 2 + b;
-- versions 1 to 3 of each learn from the same rows; 2 and 3 then calibrate on the same others
CREATE FUNCTION train(model text, target text, more jsonb) RETURNS int LANGUAGE sql AS $$
SELECT aipipe.model_train(model, 'classification', 'model_calibration.visit', target, ARRAY['a','b','c'],
                          params => '{"n_estimators": 20, "validation": 0.3, "seed": 5}' || more) $$;
SELECT count(train(model, target, more))
FROM (VALUES ('cal y', 'y'), ('cal k', 'k')) m(model, target), unnest(ARRAY['{}', '{"calibration": "platt"}', '{"calibration": "isotonic"}']::jsonb[]) more;
SELECT model, version, calibration, threshold, params -> 'calibration' AS params FROM aipipe.model_version WHERE model LIKE 'cal %' ORDER BY 1, 2;
SELECT model, count(DISTINCT md5(aipipe.model_export(model, version))) AS artifacts, count(DISTINCT sha256) AS versions
FROM aipipe.model_version WHERE model LIKE 'cal %' GROUP BY model ORDER BY model;
-- the same rows and the same seed: the same calibration
SELECT train('cal y', 'y', '{"calibration": "isotonic"}') AS version;
SELECT count(*), count(DISTINCT sha256) FROM aipipe.model_version WHERE model = 'cal y' AND version IN (3, 4);

-- two classes: the served probability is the curve's
CREATE VIEW stored AS
SELECT m.name AS model, v.version, v.calibration::jsonb AS calibration FROM aipipe.model_version_data v JOIN aipipe.model_data m ON m.id = v.model_id;
CREATE TABLE scored AS
SELECT id, y, aipipe.model_predict('cal y', t, 1) AS raw, aipipe.model_predict('cal y', t, 2) AS platt, aipipe.model_predict('cal y', t, 3) AS isotonic FROM visit t;
SELECT max(abs(platt - 1 / (1 + exp(-((calibration #>> '{curves,0,slope}')::float8 * ln(raw / (1 - raw)) + (calibration #>> '{curves,0,intercept}')::float8))))) < 1e-6 AS platt
FROM scored, stored WHERE model = 'cal y' AND version = 2;
SELECT bool_and(isotonic BETWEEN 0 AND 1) AS shares, count(DISTINCT isotonic) < count(DISTINCT raw) AS pooled FROM scored;
SELECT (calibration #>> '{curves,0,slope}')::float8 < 1 AS flattened FROM stored WHERE model = 'cal y' AND version = 2;
-- the order is the model's own
SELECT bool_and(platt >= before_platt) AS platt, bool_and(isotonic >= before_isotonic) AS isotonic
FROM (SELECT platt, isotonic, lag(platt) OVER w AS before_platt, lag(isotonic) OVER w AS before_isotonic FROM scored WINDOW w AS (ORDER BY raw)) s;
SELECT abs((m1 ->> 'auc')::float8 - (m2 ->> 'auc')::float8) < 1e-4 AS platt_auc, abs((m1 ->> 'auc')::float8 - (m3 ->> 'auc')::float8) < 0.02 AS isotonic_auc,
       (m2 ->> 'log_loss')::float8 < (m1 ->> 'log_loss')::float8 AS better_log_loss, (m2 ->> 'brier')::float8 < (m1 ->> 'brier')::float8 AS better_brier,
       (m2 ->> 'ece')::float8 < (m1 ->> 'ece')::float8 AS better_platt, (m3 ->> 'ece')::float8 < (m1 ->> 'ece')::float8 AS better_isotonic
FROM (SELECT metrics FROM aipipe.model_version WHERE model = 'cal y' AND version = 1) v1(m1),
     (SELECT metrics FROM aipipe.model_version WHERE model = 'cal y' AND version = 2) v2(m2),
     (SELECT metrics FROM aipipe.model_version WHERE model = 'cal y' AND version = 3) v3(m3);
-- every way to score says the same
SELECT bool_and(p.probability = CASE p.class WHEN 'true' THEN s.isotonic ELSE (1 - s.isotonic::real)::real END) AS proba
FROM visit t JOIN scored s USING (id), aipipe.model_predict_proba('cal y', t, 3) p;
SELECT bool_and(b.prediction = s.isotonic) AS batch FROM aipipe.model_predict_batch('cal y', 'visit', 'id', 3) b JOIN scored s ON s.id = b.key::int;
SELECT abs((m ->> 'brier')::float8 - brier) < 1e-12 AS evaluated
FROM aipipe.model_evaluate('cal y', 'visit', 3) m, (SELECT avg((isotonic - y::int) ^ 2) AS brier FROM scored) s;
SELECT bool_and((aipipe.model_predict_class('cal y', t, 3) = 'true') = (s.isotonic > 0.5)) AS class FROM visit t JOIN scored s USING (id);
-- contributions are before the calibration: they add up to the model's margin, the same for each version
SELECT count(*), max(abs(sum - ln(raw / (1 - raw)))) < 1e-4 AS margin
FROM (SELECT id, sum(contribution) FROM visit t, generate_series(1, 3) n, aipipe.model_explain('cal y', t, n) WHERE id <= 20 GROUP BY id, n) e JOIN scored USING (id);

-- several classes: one curve each, scaled to sum to one
SELECT model, version, calibration -> 'method' AS method, jsonb_array_length(calibration -> 'curves') AS curves FROM stored WHERE model LIKE 'cal %' AND calibration IS NOT NULL ORDER BY 1, 2;
WITH raw AS (SELECT id, n AS version, class, probability FROM visit t, generate_series(1, 3) n, aipipe.model_predict_proba('cal k', t, n) WHERE id <= 200),
     curve AS (SELECT chr(96 + n::int) AS class, (c ->> 'slope')::float8 AS slope, (c ->> 'intercept')::float8 AS intercept
               FROM stored, jsonb_array_elements(calibration -> 'curves') WITH ORDINALITY e(c, n) WHERE stored.model = 'cal k' AND stored.version = 2),
     platt AS (SELECT id, class, q / sum(q) OVER (PARTITION BY id) AS q
               FROM (SELECT id, class, 1 / (1 + exp(-(slope * ln(probability / (1 - probability)) + intercept))) AS q FROM raw JOIN curve USING (class) WHERE raw.version = 1) s)
SELECT (SELECT max(abs(sum - 1)) < 1e-6 FROM (SELECT sum(probability) FROM raw GROUP BY id, version) s) AS sum_to_one,
       (SELECT max(abs(probability - q)) < 1e-6 FROM raw JOIN platt USING (id, class) WHERE version = 2) AS platt;

-- the checksum covers all that a version says
SELECT m.name, v.version, encode(v.sha256, 'hex') = encode(sha256(v.encoder || v.artifact || convert_to(coalesce(v.calibration, '') || coalesce('threshold=' || v.threshold, ''), 'UTF8')), 'hex') AS sha256
FROM aipipe.model_version_data v JOIN aipipe.model_data m ON m.id = v.model_id WHERE m.name LIKE 'cal %' ORDER BY 1, 2;

-- what cannot be
SELECT train('cal y', 'y', '{"calibration": "isotone"}');
SELECT aipipe.model_train('cal v', 'regression', 'visit', 'v', ARRAY['a'], params => '{"calibration": "platt"}');

-- a stored calibration that was damaged is found out, not used
\c -
SET search_path = model_calibration;
CREATE PROCEDURE damage(damaged int, new_calibration text, new_threshold float8 DEFAULT NULL) LANGUAGE sql AS $$
UPDATE aipipe.model_version_data SET calibration = new_calibration, threshold = new_threshold
WHERE version = damaged AND model_id = (SELECT id FROM aipipe.model_data WHERE name = 'cal y') $$;
CREATE FUNCTION predicts(version int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE why text; state text;
BEGIN
    RETURN aipipe.model_predict('cal y', t, predicts.version) BETWEEN 0 AND 1 FROM model_calibration.visit t LIMIT 1;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS why = PG_EXCEPTION_DETAIL, state = RETURNED_SQLSTATE;
    RETURN state || ' ' || why;
END $$;
CALL damage(1, '{"format":"aipipe-calibration","format_version":1,"method":"platt","nclasses":2,"curves":[{"slope":-1,"intercept":0}]}');
SELECT predicts(1);
CALL damage(1, 'not JSON');
SELECT predicts(1);
CALL damage(1, '{"format":"aipipe-calibration","format_version":1,"method":"platt","nclasses":3,"curves":[null,null,null]}');
SELECT predicts(1);
CALL damage(1, NULL, 2);
SELECT predicts(1);
CALL damage(1, NULL, 'NaN');
SELECT predicts(1);
-- the view shows what it can
SELECT version, calibration FROM aipipe.model_version WHERE model = 'cal y' ORDER BY version;
-- one that is sound but not the version's own is found by the checksum
CALL damage(2, '{"format":"aipipe-calibration","format_version":1,"method":"platt","nclasses":2,"curves":[{"slope":1,"intercept":0}]}');
SELECT predicts(2);
SELECT aipipe.model_export('cal y', 2);
UPDATE aipipe.model_version_data SET threshold = 0.5 WHERE version = 3 AND model_id = (SELECT id FROM aipipe.model_data WHERE name = 'cal y');
SELECT aipipe.model_export('cal y', 3);
SELECT length(aipipe.model_export('cal y', 4)) > 100 AS exported;

SELECT count(aipipe.model_drop(name)) AS dropped FROM aipipe.model WHERE name LIKE 'cal %';
SET client_min_messages = warning;
DROP SCHEMA model_calibration CASCADE;
