-- A database with one of everything that is kept: models of every task and algorithm, aliases, gates, what they held.
CREATE EXTENSION aipipe;
SET client_min_messages = warning;
CREATE TABLE sale AS
SELECT i AS id, 20 + (i * 7919 % 1000) / 10.0::float8 AS amount, 1 + i * 31 % 9 AS quantity, (ARRAY['book', 'tool', 'toy'])[1 + i * 17 % 3] AS kind,
       '2026-01-01 00:00+00'::timestamptz + i * interval '7 minutes' AS placed, i / 20 AS basket, i * 31 % 9 / 3 AS relevance,
       CASE WHEN (i * 7919 % 1000) > 600 AND i * 31 % 9 > 3 THEN 'yes' ELSE 'no' END AS returned
FROM generate_series(1, 2000) AS i;
ALTER TABLE sale ADD PRIMARY KEY (id);
SELECT aipipe.model_train('returns', 'classification', 'sale', 'returned', features => ARRAY['amount', 'quantity', 'kind', 'placed'],
                          params => '{"n_estimators": 20, "max_depth": 4}');
SELECT aipipe.model_train('returns', 'classification', 'sale', 'returned', features => ARRAY['amount', 'quantity', 'kind'],
                          params => '{"n_estimators": 20, "booster": "dart", "rate_drop": 0.1, "calibration": "isotonic", "threshold": "f1"}');
SELECT aipipe.model_promote('returns', 2, 'calibrated');
SELECT aipipe.model_alias('returns', 'challenger', 1);
SELECT aipipe.model_train('kinds', 'classification', 'sale', 'kind', params => '{"n_estimators": 5, "calibration": "platt"}');
SELECT aipipe.model_train('amounts', 'regression', 'sale', 'amount', params => '{"n_estimators": 20, "objective": "reg:gamma", "early_stopping_rounds": 3}');
SELECT aipipe.model_train('order', 'ranking', 'sale', 'relevance', features => ARRAY['amount', 'quantity', 'kind'], params => '{"n_estimators": 5, "group": "basket"}');
SELECT aipipe.model_train('share', 'classification', 'sale', 'returned', algorithm => 'baseline');
SELECT aipipe.model_train('table', 'classification', 'sale', 'returned', algorithm => 'rules',
                          params => '{"rules": [{"when": {"amount": {">": 80}, "quantity": {">": 4}}, "then": "yes"}, {"when": {"kind": "toy"}}]}');
SELECT aipipe.model_train('searched', 'classification', 'sale', 'returned', features => ARRAY['amount', 'quantity'],
                          params => '{"n_estimators": 5, "search": {"trials": 3, "folds": 2, "space": {"max_depth": {"min": 2, "max": 4}}}}');
SELECT aipipe.anomaly_train('sales', 'sale', columns => ARRAY['amount', 'quantity', 'kind']);
CREATE TABLE landing (LIKE sale INCLUDING ALL);
SELECT aipipe.gate_create('landing', 'sales');
SELECT aipipe.gate_create('landing', 'returns', on_anomaly => 'mark', timing => 'statement');
INSERT INTO landing SELECT * FROM sale WHERE id <= 98;
INSERT INTO landing VALUES (99, 1e9, 100000, 'mammoth', now(), 1, 0, NULL), (100, -1e9, -5, 'mammoth', now(), 1, 0, NULL);
SELECT aipipe.model_split('returns', 1, 0.2);
INSERT INTO landing SELECT id + 1000, amount, quantity, kind, placed, basket, relevance, returned FROM sale WHERE id <= 50;
SELECT aipipe.model_label('returns', 'SELECT id, returned FROM sale WHERE id <= 98', 'id', 'returned');
CREATE TABLE filled AS SELECT *, NULL::float8 AS chance FROM sale;
ALTER TABLE filled ADD PRIMARY KEY (id);
CALL aipipe.model_apply('returns', 'filled', 'chance', batch_size => 500);

-- What is judged later, what comes in time, what is measured, and what is done by itself.
SET timezone = 'Europe/Berlin';
SELECT aipipe.model_grant('sales', 'public');
CREATE TABLE dock (LIKE sale INCLUDING ALL);
SELECT aipipe.source_register('dock', 'dock', 'sales that are judged later', '{"contact": "shop@example.com", "every": "1 hour"}');
SELECT aipipe.gate_create('dock', 'sales', 'background', params => '{"profile": true, "profile_rows": 1}');
INSERT INTO dock SELECT * FROM sale WHERE id <= 60;
SELECT aipipe.gate_drain('dock');
INSERT INTO dock VALUES (101, 1e9, 100000, 'mammoth', now(), 1, 0, NULL), (102, 50, 5, 'toy', now(), 1, 0, NULL);
CREATE TABLE traffic AS
SELECT s.name, '2026-01-01'::date + i AS day, CASE WHEN i % 7 > 4 THEN 400 ELSE 1000 END * s.size + i * 7919 % 37 AS visits,
       '2026-01-01 00:00+00'::timestamptz + make_interval(days => i, secs => 82800 * s.size + i * 7919 % 1800) AS came
FROM generate_series(0, 199) AS i, (VALUES ('shop', 1), ('school', 3)) AS s (name, size);
SELECT aipipe.series_train('visits', 'traffic', 'visits', 'day', 'name');
SELECT aipipe.arrival_train('loads', 'traffic', 'came', 'name');
SELECT aipipe.profile_snapshot('sale');
CREATE FUNCTION sum_up(jsonb) RETURNS bigint LANGUAGE sql RETURN (SELECT count(*) FROM public.landing);
SELECT aipipe.job_create('learn', $$SELECT aipipe.anomaly_refresh('sales', 'sale')$$, '0 3 * * *', params => '{"timezone": "Europe/Berlin", "retries": 5}');
SELECT aipipe.job_create('drain', $$SELECT aipipe.gate_drain('dock')$$, 'on dock', params => '{"event_rows": 10, "settings": {"work_mem": "8MB"}}');
SELECT aipipe.job_create('sum', schedule => 'every 5 minutes', function => 'sum_up(jsonb)', params => '{"arguments": {"until": "now"}, "timeout": "2 minutes"}');
SELECT aipipe.job_create('asked for', 'SELECT 1');
SELECT aipipe.job_pause('sum');
SELECT aipipe.job_run_now('asked for');
INSERT INTO dock VALUES (103, 50, 5, 'toy', now(), 1, 0, NULL);
