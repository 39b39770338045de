-- The demo's story: a shop's order feed and a cold chain's readings, judged as they land.
--
-- Run by run.sh in a folder for the CSV files; every statement that is aipipe's is shown before its result.
\set ECHO none
\pset pager off
\pset footer off
\pset null ''
SET client_min_messages = warning;

\i :here/generator.sql
\i :here/faults.sql

-- The reasons of a decision, a line each.
CREATE FUNCTION demo.told(reasons jsonb, most int DEFAULT 2) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN (SELECT string_agg(CASE WHEN length(r ->> 'sentence') > 110 THEN left(r ->> 'sentence', 108) || ' …' ELSE r ->> 'sentence' END, E'\n' ORDER BY i)
        FROM jsonb_array_elements(reasons) WITH ORDINALITY AS t(r, i) WHERE i <= most);

CREATE SCHEMA warehouse;
CREATE SCHEMA staging;

-- ────────────────────────────────────────────────────────────────────────
\echo
\echo :bold'1. The world': :plain 'a shop in nine countries. Six months of orders are in the warehouse;'
\echo '   each is one row of 19 columns, of every type a feed has. (Generated here, seeded: the same rows on every machine.)'
\echo
CREATE TABLE warehouse.orders AS
SELECT (o).*, demo.returned(o) AS returned FROM demo.orders(1, 120000, '2025-03-03', 182) AS o;
CREATE TABLE staging.orders (LIKE demo.order_shape);
ALTER TABLE staging.orders ADD PRIMARY KEY (order_id);
ANALYZE warehouse.orders;
SELECT count(*) AS orders, min(placed_at)::date AS since, max(placed_at)::date AS until, count(DISTINCT country) AS countries,
       count(DISTINCT store) AS stores, percentile_disc(.5) WITHIN GROUP (ORDER BY amount) AS median_amount, max(amount) AS greatest
FROM warehouse.orders;
\x on
SELECT * FROM warehouse.orders WHERE order_id = 60001;
\x off

-- ────────────────────────────────────────────────────────────────────────
\echo :bold'2. Learn what is normal.':plain 'No labels, no rules: a detector learns from the rows themselves.'
\echo '   Keys and dates are left out: they are new in every row.'
\echo
\set ECHO queries
SELECT aipipe.anomaly_train('orders', 'warehouse.orders',
    columns => '{country,currency,channel,payment,category,quantity,unit_price,discount,coupon,tax,amount,weight_kg,delivery_days,local_time,email}') AS version;
SELECT model, version, algorithm, row_count, round(cpu_seconds::numeric, 2) AS cpu_seconds, pg_size_pretty(compiled_bytes::bigint) AS size, left(sha256, 16) AS sha256
FROM aipipe.model_version WHERE model = 'orders';
\set ECHO none

-- ────────────────────────────────────────────────────────────────────────
\echo :bold'3. Put a gate before the staging table.':plain 'From now on every landing row is scored, inside the load and its transaction.'
\echo
\set ECHO queries
SELECT aipipe.gate_create('staging.orders', 'orders', on_anomaly => 'quarantine', threshold => .999) AS gate;
\set ECHO none
CALL demo.send_orders(200001, 24000, '2025-09-01', 7, .016);
\copy (SELECT * FROM demo.order_live WHERE order_id - 200001 < 4000 ORDER BY order_id) TO 'orders_1.csv' WITH (FORMAT csv, HEADER)
\copy (SELECT * FROM demo.order_live WHERE (order_id - 200001) / 4000 = 1 ORDER BY order_id) TO 'orders_2.csv' WITH (FORMAT csv, HEADER)
\copy (SELECT * FROM demo.order_live WHERE (order_id - 200001) / 4000 = 2 ORDER BY order_id) TO 'orders_3.csv' WITH (FORMAT csv, HEADER)
\copy (SELECT * FROM demo.order_live WHERE (order_id - 200001) / 4000 = 3 ORDER BY order_id) TO 'orders_4.csv' WITH (FORMAT csv, HEADER)
\copy (SELECT * FROM demo.order_live WHERE (order_id - 200001) / 4000 = 4 ORDER BY order_id) TO 'orders_5.csv' WITH (FORMAT csv, HEADER)
\copy (SELECT * FROM demo.order_live WHERE order_id - 200001 >= 20000 ORDER BY order_id) TO 'orders_6.csv' WITH (FORMAT csv, HEADER)
\echo 'The next week arrives as six CSV files. In about 3 of 200 rows somebody made a mistake.'
\echo
\echo '\\copy staging.orders FROM ''orders_1.csv'' WITH (FORMAT csv, HEADER)     (and so on)'
\copy staging.orders FROM 'orders_1.csv' WITH (FORMAT csv, HEADER)
\copy staging.orders FROM 'orders_2.csv' WITH (FORMAT csv, HEADER)
\copy staging.orders FROM 'orders_3.csv' WITH (FORMAT csv, HEADER)
\copy staging.orders FROM 'orders_4.csv' WITH (FORMAT csv, HEADER)
\copy staging.orders FROM 'orders_5.csv' WITH (FORMAT csv, HEADER)
\copy staging.orders FROM 'orders_6.csv' WITH (FORMAT csv, HEADER)
\echo
\set ECHO queries
SELECT id AS batch, rows, accepted, quarantined, errors, round(score_mean::numeric, 3) AS mean, round(score_max::numeric, 5) AS max,
       round(duration_ms) AS ms, model_version AS version
FROM aipipe.batch WHERE relation = 'staging.orders' ORDER BY id;
\set ECHO none

-- ────────────────────────────────────────────────────────────────────────
\echo :bold'4. What was held back, and why.':plain 'The strangest row for each column that comes first among the reasons.'
\echo
\set ECHO queries
SELECT DISTINCT ON (reasons -> 0 ->> 'column')
       id, "row" ->> 'order_id' AS order_id, round(score::numeric, 5) AS severity, demo.told(reasons) AS reasons
FROM aipipe.quarantine WHERE relation = 'staging.orders' ORDER BY reasons -> 0 ->> 'column', score DESC, id;
\set ECHO none

-- ────────────────────────────────────────────────────────────────────────
\echo :bold'5. Was it right?':plain 'The generator knows; the detector never saw this table.'
\echo
CREATE TABLE demo.order_scored AS
SELECT o.order_id, t.kind, aipipe.anomaly_score('orders', o) AS severity, q.id IS NOT NULL AS held
FROM demo.order_live o
LEFT JOIN demo.order_truth t USING (order_id)
LEFT JOIN aipipe.quarantine q ON q.relation = 'staging.orders' AND (q."row" ->> 'order_id')::bigint = o.order_id;
SELECT s.kind, k.told AS "what went wrong", count(*) AS planted, count(*) FILTER (WHERE held) AS caught,
       round(avg(held::int), 2) AS recall, round(avg(severity)::numeric, 3) AS "mean severity"
FROM demo.order_scored s JOIN demo.fault_kind k USING (kind)
GROUP BY s.kind, k.told ORDER BY recall DESC, "mean severity" DESC;
SELECT count(*) AS landed, count(kind) AS faulty, count(*) FILTER (WHERE held) AS held, count(kind) FILTER (WHERE held) AS "faulty among them",
       round(avg((kind IS NOT NULL)::int) FILTER (WHERE held), 2) AS precision, round(avg(held::int) FILTER (WHERE kind IS NOT NULL), 2) AS recall
FROM demo.order_scored;
\echo 'The same week at other thresholds:'
SELECT threshold, count(*) FILTER (WHERE severity >= threshold) AS held,
       count(kind) FILTER (WHERE severity >= threshold) AS "faulty among them",
       round(avg((kind IS NOT NULL)::int) FILTER (WHERE severity >= threshold), 2) AS precision,
       round(avg((severity >= threshold)::int) FILTER (WHERE kind IS NOT NULL), 2) AS recall
FROM demo.order_scored, unnest(ARRAY[.9995, .999, .995, .99, .98]) AS threshold GROUP BY threshold ORDER BY threshold DESC;
\echo 'What no order of half a year ever showed is caught every time. So is what only contradicts another column: cash'
\echo 'outside a shop, the currency of another country, 100 times the amount that fits the price. A total a quarter too'
\echo 'high often still fits price and quantity one by one, and a clock nine hours early is a time of day like others.'
\echo

-- ────────────────────────────────────────────────────────────────────────
\echo :bold'6. Explain one row, correct it, let it in.':plain
\echo
SELECT q.id, q."row" ->> 'order_id' AS order_id, ltrim(q."row" ->> 'amount', '-') AS amount
FROM aipipe.quarantine q JOIN demo.order_truth t ON t.order_id = (q."row" ->> 'order_id')::bigint
WHERE t.kind = 'sign_flip' ORDER BY q.score DESC, q.id LIMIT 1 \gset
\set ECHO queries
SELECT e."column", round(e.contribution::numeric, 2) AS bits, e.sentence FROM aipipe.quarantine q,
     aipipe.anomaly_explain('orders', jsonb_populate_record(NULL::staging.orders, q."row")) e
WHERE q.id = :id LIMIT 5;
SELECT aipipe.quarantine_release(:id, jsonb_build_object('amount', :'amount'));
SELECT order_id, quantity, unit_price, discount, tax, amount FROM staging.orders WHERE order_id = :order_id;
SELECT id, state, resolved_by, correction FROM aipipe.quarantine WHERE id = :id;
\set ECHO none
SELECT q.id AS other FROM aipipe.quarantine q WHERE relation = 'staging.orders' AND state = 'held' ORDER BY score DESC, id LIMIT 1 \gset
\set ECHO queries
SELECT aipipe.quarantine_discard(:other, 'sent again by the shop');
SELECT state, count(*) FROM aipipe.quarantine WHERE relation = 'staging.orders' GROUP BY state ORDER BY state;
\set ECHO none

-- ────────────────────────────────────────────────────────────────────────
\echo :bold'7. A second feed:':plain 'readings of 400 cooling boxes, judged once per statement, in blocks. Nothing is held back here: rows are marked.'
\echo
CREATE TABLE warehouse.readings AS SELECT (r).* FROM demo.readings(1, 40000, '2025-08-27') AS r;
CREATE TABLE staging.readings (LIKE demo.reading_shape);
ALTER TABLE staging.readings ADD PRIMARY KEY (reading_id);
CALL demo.send_readings(100001, 10000, '2025-09-01', .01);
\copy (SELECT * FROM demo.reading_live ORDER BY reading_id) TO 'readings.csv' WITH (FORMAT csv, HEADER)
\set ECHO queries
SELECT aipipe.anomaly_train('readings', 'warehouse.readings',
    columns => '{latitude,longitude,temperature,humidity,shock_g,battery_v,signal_dbm,carrier}') AS version;
SELECT aipipe.gate_create('staging.readings', 'readings', timing => 'statement', on_anomaly => 'mark') AS gate;
\set ECHO none
\echo '\\copy staging.readings FROM ''readings.csv'' WITH (FORMAT csv, HEADER)'
\copy staging.readings FROM 'readings.csv' WITH (FORMAT csv, HEADER)
\echo
\set ECHO queries
SELECT rows, accepted, marked, round(duration_ms) AS ms FROM aipipe.batch WHERE relation = 'staging.readings';
SELECT key, round(score::numeric, 5) AS severity, demo.told(reasons) AS reasons
FROM aipipe.decision WHERE relation = 'staging.readings' ORDER BY score DESC, id LIMIT 4;
\set ECHO none
WITH marked AS (SELECT (key ->> 'reading_id')::bigint AS reading_id FROM aipipe.decision WHERE relation = 'staging.readings')
SELECT coalesce(t.kind, '(nothing wrong)') AS kind, count(t.kind) AS planted, count(m.reading_id) AS marked,
       CASE WHEN t.kind IS NOT NULL THEN round(count(m.reading_id)::numeric / count(*), 2) END AS recall
FROM demo.reading_live r LEFT JOIN demo.reading_truth t USING (reading_id) LEFT JOIN marked m USING (reading_id)
GROUP BY t.kind ORDER BY t.kind IS NULL, recall DESC;

-- ────────────────────────────────────────────────────────────────────────
\echo :bold'8. Learn from labels.':plain 'Which orders come back? Last half year they know; train on it, keep August to compare.'
\echo
\set ECHO queries
SELECT aipipe.model_train('returns', 'classification',
    'SELECT * FROM warehouse.orders WHERE placed_at < ''2025-08-01''', target => 'returned',
    features => '{country,channel,quantity,amount}', params => '{"n_estimators": 60, "max_depth": 4, "seed": 1}') AS version;
SELECT aipipe.model_train('returns', 'classification',
    'SELECT * FROM warehouse.orders WHERE placed_at < ''2025-08-01''', target => 'returned',
    features => '{country,channel,quantity,amount,category,payment,discount,delivery_days}', params => '{"n_estimators": 60, "max_depth": 4, "seed": 1}') AS version;
SELECT v.version, v.aliases, v.row_count, round(v.cpu_seconds::numeric, 1) AS cpu_s,
       round((m ->> 'auc')::numeric, 3) AS auc, round((m ->> 'log_loss')::numeric, 3) AS log_loss, round((m ->> 'base_rate')::numeric, 3) AS base_rate
FROM aipipe.model_version v,
     aipipe.model_evaluate('returns', 'SELECT * FROM warehouse.orders WHERE placed_at >= ''2025-08-01''', v.version) AS m
WHERE v.model = 'returns' ORDER BY v.version;
\set ECHO none
\echo 'Version 1 serves until somebody says otherwise; promotion and rollback are transactional.'
\echo
\set ECHO queries
SELECT aipipe.model_promote('returns', 2, 'knows what was bought and how it was paid');
SELECT order_id, category, payment, amount, round(aipipe.model_predict('returns', o)::numeric, 3) AS p_returned
FROM staging.orders o ORDER BY aipipe.model_predict('returns', o) DESC, order_id LIMIT 5;
SELECT feature, value, round(contribution::numeric, 3) AS contribution
FROM aipipe.model_explain('returns', (SELECT o FROM staging.orders o WHERE order_id = 200010)) LIMIT 5;
SELECT aipipe.model_rollback('returns', why => 'finance wants to look first');
SELECT alias, action, old_version, new_version, why FROM aipipe.model_alias_history WHERE model = 'returns' ORDER BY id;
\set ECHO none

-- ────────────────────────────────────────────────────────────────────────
\echo :bold'9. Let a challenger prove itself where rows land.':plain 'The champion serves; the challenger is scored on the same rows, and both are recorded.'
\echo
CREATE TABLE staging.parcels (LIKE demo.order_shape);
ALTER TABLE staging.parcels ADD PRIMARY KEY (order_id);
CREATE TABLE demo.next_week AS SELECT (o).*, demo.returned(o) AS returned FROM demo.orders(300001, 12000, '2025-09-08', 7) AS o;
\copy (SELECT * FROM demo.orders(300001, 12000, '2025-09-08', 7) ORDER BY order_id) TO 'parcels.csv' WITH (FORMAT csv, HEADER)
\set ECHO queries
SELECT aipipe.model_alias('returns', 'challenger', 2, 'scored, never served');
SELECT aipipe.gate_create('staging.parcels', 'returns', timing => 'statement', on_anomaly => 'mark', threshold => .9, params => '{"reasons": 0}') AS gate;
\set ECHO none
\echo '\\copy staging.parcels FROM ''parcels.csv'' WITH (FORMAT csv, HEADER)'
\copy staging.parcels FROM 'parcels.csv' WITH (FORMAT csv, HEADER)
\echo
\set ECHO queries
SELECT key AS order_id, version, round(prediction::numeric, 3) AS p_returned, served, at::date AS day
FROM aipipe.prediction WHERE model = 'returns' ORDER BY key, version LIMIT 4;
\set ECHO none
\echo 'Weeks later it is known what came back; the truth joins what was predicted by the key.'
\echo
\set ECHO queries
SELECT aipipe.model_label('returns', 'SELECT order_id, returned FROM demo.next_week', 'order_id', 'returned') AS labels;
SELECT version, role, predicted, labelled, metric, round(value::numeric, 4) AS value, round(difference::numeric, 4) AS difference,
       round(difference_ci_low::numeric, 4) AS ci_low, round(difference_ci_high::numeric, 4) AS ci_high, test
FROM aipipe.model_compare('returns') ORDER BY version;
SELECT aipipe.model_promote('returns', 2, 'won on live orders',
    only_if => '{"source": "demo.next_week", "test": "delong", "require": "better"}');
SELECT new_version, why, evidence -> 'result' ->> 'verdict' AS verdict, round((evidence -> 'result' ->> 'difference')::numeric, 4) AS difference
FROM aipipe.model_alias_history WHERE model = 'returns' AND evidence IS NOT NULL;
SELECT split_part(aipipe.model_card_markdown('returns'), E'\n\n## ', 1) AS "how its card begins";
\set ECHO none

-- ────────────────────────────────────────────────────────────────────────
\echo :bold'10. Is the feed itself as expected?':plain 'Orders a day and country, half a year of them: each country a series with its own weekdays.'
\echo
\set ECHO queries
SELECT aipipe.series_train('orders_a_day', 'SELECT placed_at::date AS day, country, count(*) AS orders FROM warehouse.orders WHERE placed_at < ''2025-08-25'' GROUP BY 1, 2',
    value => 'orders', "time" => 'day', series => 'country') AS version;
\set ECHO none
\echo 'The next day as it was, and as if half of the German orders had not come:'
\set ECHO queries
SELECT d.country, d.orders, e.state, round(e.expected) AS expected, round(e.lower) AS lower, round(e.upper) AS upper, e.reason
FROM (SELECT country, count(*) AS orders FROM warehouse.orders WHERE placed_at::date = '2025-08-25' AND country = ANY ('{DE,FR}') GROUP BY 1
      UNION ALL SELECT 'DE', count(*) / 2 FROM warehouse.orders WHERE placed_at::date = '2025-08-25' AND country = 'DE') AS d,
     aipipe.series_explain('orders_a_day', '2025-08-25', d.orders, d.country) AS e ORDER BY d.country, d.orders DESC;
\set ECHO none

-- ────────────────────────────────────────────────────────────────────────
\echo :bold'11. What does the feed look like, and what changed?':plain 'One scan gives a sketch of every column; sketches are kept, merged, compared.'
\echo
\set ECHO queries
SELECT column_name AS "column", type, round(null_share::numeric, 3) AS nulls, distinct_values AS "distinct", p05, p50, p95, top -> 0 ->> 'value' AS most_frequent
FROM aipipe.profile_table('warehouse.orders', columns => '{order_id,email,country,unit_price,coupon,placed_at}');
SELECT determinant, dependent, round(error::numeric, 5) AS error, round(score::numeric, 2) AS score
FROM aipipe.profile_dependencies('warehouse.orders', max_lhs => 1, params => '{"columns": ["country", "currency", "store", "channel", "category", "payment"]}');
\set ECHO none
\echo 'A new export: every batch is profiled as it lands. Overnight somebody changes it, and no row breaks a rule.'
CREATE TABLE staging.export (LIKE demo.order_shape);
CREATE TABLE demo.export AS SELECT o.* FROM demo.orders(400001, 6000, '2025-09-08', 2) AS o;
\set ECHO queries
SELECT aipipe.source_register('shop export', 'staging.export', 'orders of all shops, nightly', '{"every": "1 day"}') > 0 AS registered,
       aipipe.gate_create('staging.export', timing => 'statement', params => '{"profile": true}') > 0 AS profiled;
INSERT INTO staging.export SELECT * FROM demo.export WHERE order_id <= 403000;
\set ECHO none
INSERT INTO staging.export
SELECT order_id, customer_id, CASE WHEN order_id % 3 > 0 THEN email END, country, lower(currency), store, channel, CASE payment WHEN 'paypal' THEN 'wallet' ELSE payment END,
       category, quantity, unit_price * 100, discount, coupon, tax * 100, amount * 100, weight_kg, delivery_days, placed_at, local_time
FROM demo.export WHERE order_id > 403000;
\set ECHO queries
SELECT d.column_name AS "column", d.change, round(d.score::numeric, 2) AS score, d.sentence
FROM (SELECT min(id) AS yesterday, max(id) AS today FROM aipipe.profile WHERE relation = 'staging.export') AS p, aipipe.profile_diff(p.yesterday, p.today) AS d LIMIT 12;
SELECT dimension, measure, round(value::numeric, 3) AS value, unit FROM aipipe.source_report('shop export')
WHERE measure IN ('rows per batch', 'bytes per day', 'columns', 'patterns of text', 'cells that are not NULL', 'quality');
\set ECHO none

-- ────────────────────────────────────────────────────────────────────────
\echo :bold'12. By itself, in the background.':plain 'A load only notes its rows; a job judges them when enough have landed. Another learns while you work on.'
\echo
CREATE TABLE staging.night (LIKE demo.order_shape);
ALTER TABLE staging.night ADD PRIMARY KEY (order_id);
CREATE TABLE demo.night AS SELECT (f.o).* FROM (SELECT demo.orders(500001, 8000, '2025-09-10', 1) AS o) AS f;
UPDATE demo.night SET unit_price = unit_price * 1000, amount = amount * 1000 WHERE order_id % 2000 = 7;
\set ECHO queries
SELECT aipipe.worker_start() > 0 AS scheduler_runs;
SELECT aipipe.gate_create('staging.night', 'orders', timing => 'background') > 0 AS gate,
       aipipe.job_create('judge the night', $$SELECT aipipe.gate_drain('staging.night')$$, 'on staging.night', params => '{"event_rows": 5000, "event_wait": "30 seconds"}') > 0 AS job;
INSERT INTO staging.night SELECT * FROM demo.night;
SELECT relation, timing, waiting_rows FROM aipipe.gate WHERE relation = 'staging.night';
SELECT aipipe.model_train_async('returns', 'classification', 'SELECT * FROM demo.next_week', 'returned') AS run \gset
SELECT aipipe.job_wait(:run, '2 minutes') AS training;
\set ECHO none
DO $$ BEGIN
	FOR i IN 1 .. 600 LOOP
		EXIT WHEN EXISTS (SELECT FROM aipipe.job_run WHERE job_name = 'judge the night' AND state = 'succeeded');
		PERFORM pg_sleep(.1);
		COMMIT;
	END LOOP; END $$;
\set ECHO queries
SELECT job_name, cause, event_rows, state, attempts, round(extract(epoch FROM lag)::numeric, 2) AS lag_s, round(extract(epoch FROM duration)::numeric, 2) AS took_s
FROM aipipe.job_run ORDER BY id;
SELECT rows, accepted, quarantined, role FROM aipipe.batch WHERE relation = 'staging.night';
SELECT version, created_by FROM aipipe.model_version WHERE model = 'returns' ORDER BY version DESC LIMIT 1;
SELECT aipipe.job_create('learn at night', $$SELECT aipipe.anomaly_refresh('orders', 'staging.night')$$, '30 2 * * *', params => '{"timezone": "Europe/Berlin", "timeout": "1 hour"}') > 0 AS job;
SELECT at AT TIME ZONE 'Europe/Berlin' AS "due in Berlin, where the clock is put back in between" FROM aipipe.job_schedule_next('30 2 * * *', '2026-10-24 00:00+00', 3, 'Europe/Berlin') AS at;
SELECT name, schedule, state, last_state, runs_24h, failures_24h FROM aipipe.job_status ORDER BY name;
\set ECHO none
