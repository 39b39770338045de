-- What must be equal after a restore, floats to the last bit: every score of every version, and what was recorded.
SET extra_float_digits = 3;
SET timezone = 'UTC';
SELECT v.model, v.version, v.sha256, v.threshold, v.params, md5(string_agg(aipipe.model_predict(v.model, s, v.version)::text, ',' ORDER BY s.id))
FROM aipipe.model_version v, sale s WHERE v.model <> ALL (ARRAY['kinds', 'visits', 'loads']) GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2;
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
SELECT md5(aipipe.model_export(model)) FROM unnest(ARRAY['visits', 'loads']) AS model;
SELECT s.*, e.* FROM (VALUES ('shop'), ('school')) AS s (name), generate_series(200, 206) AS i, aipipe.series_explain('visits', '2026-01-01'::date + i, 1000, s.name) AS e
ORDER BY s.name, i;
SELECT s.*, i, e.* FROM (VALUES ('shop'), ('school')) AS s (name), generate_series(200, 206) AS i, aipipe.arrival_explain('loads', '2026-01-01 23:30+00'::timestamptz + i * interval '1 day', s.name) AS e
ORDER BY s.name, i;
SELECT model, grantee, privilege FROM aipipe.model_grants ORDER BY 1, 2, 3;
SELECT name, relation, description, contact, every FROM aipipe.source;
SELECT dimension, measure, value, unit FROM aipipe.source_report('dock') WHERE unit <> 'seconds' AND dimension <> 'velocity';
SELECT relation, waiting_rows FROM aipipe.gate WHERE timing = 'background';
SELECT name, owner, command, function, arguments, schedule, timezone, search_path, settings, timeout, retries, event_rows, event_wait FROM aipipe.job ORDER BY id;
SELECT job_name, cause, state, attempts FROM aipipe.job_run ORDER BY id;
SELECT count(*) FROM aipipe.job_event_data;
-- A restored gate judges, a restored model is trained again, a new profile is a restored one's equal.
BEGIN;
INSERT INTO landing VALUES (5001, 1e9, 100000, 'mammoth', '2026-02-01 00:00+00', 1, 0, NULL), (5002, 50, 5, 'toy', '2026-02-01 00:00+00', 1, 0, NULL);
SELECT id FROM landing WHERE id > 5000;
SELECT gate, score, state FROM aipipe.quarantine ORDER BY id DESC LIMIT 1;
SELECT aipipe.model_train('returns', 'classification', 'sale', 'returned', features => ARRAY['amount', 'quantity', 'kind'], params => '{"n_estimators": 2}');
SELECT aipipe.gate_drain('dock');
SELECT id FROM dock WHERE id > 100 ORDER BY id;
SELECT aipipe.series_refresh('visits', $$SELECT name, day + 200 AS day, visits FROM traffic$$);
SELECT md5(aipipe.model_export('visits', 2));
SELECT aipipe.arrival_refresh('loads', $$SELECT name, came + interval '200 days' AS came FROM traffic$$);
SELECT md5(aipipe.model_export('loads', 2));
SELECT aipipe.profile_snapshot('sale') > 0;
SELECT * FROM aipipe.profile_diff('sale') WHERE change <> 'same';
SELECT a.column_name, a.sketch::text = b.sketch::text, md5(b.sketch::text) FROM aipipe.profile_column a JOIN aipipe.profile_column b USING (column_name)
WHERE a.profile < b.profile AND b.profile = (SELECT max(id) FROM aipipe.profile WHERE relation = 'public.sale') AND a.profile = (SELECT min(id) FROM aipipe.profile WHERE relation = 'public.sale')
ORDER BY a.column_name;
ROLLBACK;
