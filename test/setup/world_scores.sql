-- What must be equal after a restore, floats to the last bit: every score of every version, and what was recorded.
SET extra_float_digits = 3;
SET timezone = 'UTC';
SELECT v.model, v.version, v.sha256, v.threshold, v.params, md5(string_agg(aipipe.model_predict(v.model, s, v.version)::text, ',' ORDER BY s.id))
FROM aipipe.model_version v, sale s WHERE v.model <> 'kinds' GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2;
SELECT md5(string_agg(p.class || p.probability::text, ',' ORDER BY s.id, p.class)) FROM sale s, aipipe.model_predict_proba('kinds', s) AS p;
SELECT md5(string_agg(e.feature || round(e.contribution::numeric, 6), ',' ORDER BY s.id, e.feature)) FROM sale s, aipipe.model_explain('returns', s) AS e WHERE s.id <= 50;
SELECT md5(string_agg(aipipe.anomaly_score('sales', s)::text, ',' ORDER BY id)) FROM sale s;
SELECT * FROM aipipe.model_alias ORDER BY 1, 2;
SELECT model, version, trial, rung, params, mean, state FROM aipipe.model_trial ORDER BY 1, 2, 3, 4;
SELECT model, version, share FROM aipipe.model_split ORDER BY 1, 2;
SELECT model, version, gate, batch, key, prediction, served FROM aipipe.prediction ORDER BY 1, 2, 3, 4, 5;
SELECT gate, relation, score, reasons, state FROM aipipe.quarantine ORDER BY id;
SELECT count(*) FROM aipipe.model_labels;
SELECT id, relation, detector, timing, on_anomaly, threshold, log, state FROM aipipe.gate ORDER BY 1;
SELECT count(*), bool_and(chance = aipipe.model_predict('returns', f)) FROM filled f;
SELECT model, version, relation, "column", state, rows FROM aipipe.model_applies;
-- A restored gate judges, a restored model is trained again.
BEGIN;
INSERT INTO landing VALUES (5001, 1e9, 100000, 'mammoth', '2026-02-01 00:00+00', 1, 0, NULL), (5002, 50, 5, 'book', '2026-02-01 00:00+00', 1, 0, NULL);
SELECT id FROM landing WHERE id > 5000;
SELECT gate, score, state FROM aipipe.quarantine ORDER BY id DESC LIMIT 1;
SELECT aipipe.model_train('returns', 'classification', 'sale', 'returned', features => ARRAY['amount', 'quantity', 'kind'], params => '{"n_estimators": 2}');
ROLLBACK;
