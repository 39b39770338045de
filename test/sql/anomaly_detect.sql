-- A forest finds what was planted, names the column and says what was expected.
CREATE SCHEMA anomaly_detect;
SET search_path = anomaly_detect;
-- 5,000 ordinary orders; numbers that look random come from primes, so that every server makes the same ones
CREATE TABLE orders AS
SELECT i AS id,
       (20 + (i * 7919 % 997) / 10.0)::numeric(10, 2) AS amount,
       (1 + i * 104729 % 9)::int AS quantity,
       (ARRAY['EUR', 'USD', 'GBP', 'CHF'])[1 + i * 7907 % 4] AS currency,
       (ARRAY['open', 'paid', 'sent'])[1 + i * 6007 % 3] AS state,
       timestamp '2024-03-01' + i * interval '7 minutes' AS placed_at,
       i * 31 % 10 < 7 AS member,
       CASE WHEN i * 17 % 5 > 0 THEN (i * 5281 % 1000) / 1000.0 END AS discount
FROM generate_series(1, 5000) i;
SELECT aipipe.anomaly_train('orders', 'orders', ARRAY['amount', 'quantity', 'currency', 'state', 'placed_at', 'member', 'discount'], '{"algorithm": "isolation_forest"}');

SELECT name, task, champion, versions FROM aipipe.model WHERE name = 'orders';
SELECT algorithm, row_count, params, library IS NOT NULL AS library, peak_bytes > 0 AS peak, metrics
FROM aipipe.model_version WHERE model = 'orders';

-- scores are shares of the training rows: spread evenly, within 0 and 1
SELECT round(avg(s)::numeric, 2) AS mean, min(s) >= 0 AS from_zero, max(s) < 1 AS below_one,
       round(avg((s > 0.9)::int)::numeric, 2) AS tenth
FROM (SELECT aipipe.anomaly_score('orders', o) AS s FROM orders o) scored;

-- each fault is stranger than all but the strangest rows, and the explanation names its column
CREATE TABLE faults (fault text, wrong text, row orders);
INSERT INTO faults
SELECT f.fault, f.wrong, jsonb_populate_record(o, f.change::jsonb)
FROM orders o, (VALUES
    ('ordinary', NULL, '{}'),
    ('NULL where there was none', 'amount', '{"amount": null}'),
    ('new category', 'currency', '{"currency": "XXX"}'),
    ('category spelt otherwise', 'state', '{"state": "Paid"}'),
    ('NULL category', 'state', '{"state": null}'),
    ('far too large', 'amount', '{"amount": 99999.99}'),
    ('negative', 'quantity', '{"quantity": -3}'),
    ('NULL truth value', 'member', '{"member": null}'),
    ('NULL time', 'placed_at', '{"placed_at": null}')) AS f (fault, wrong, change)
WHERE o.id = 2500;
SELECT fault, aipipe.anomaly_score('orders', f.row) > 0.999 AS strange, e."column" IS NOT DISTINCT FROM f.wrong AS named, e.value, e.expected
FROM faults f
LEFT JOIN LATERAL (SELECT * FROM aipipe.anomaly_explain('orders', f.row) ORDER BY contribution DESC LIMIT 1) e ON f.wrong IS NOT NULL
ORDER BY fault COLLATE "C";

-- a NULL that training often saw is no fault
SELECT max(aipipe.anomaly_score('orders', o)) < 0.9999 AS ordinary FROM orders o WHERE discount IS NULL;

-- the clock runs on: a later time is no fault by itself
SELECT aipipe.anomaly_score('orders', jsonb_populate_record(o, '{"placed_at": "2025-03-01"}')) < 0.99 AS ordinary FROM orders o WHERE id = 2500;

-- two faults are stranger than one of them
SELECT aipipe.anomaly_score('orders', jsonb_populate_record(o, '{"amount": null, "currency": "XXX"}')) >
       aipipe.anomaly_score('orders', jsonb_populate_record(o, '{"amount": null}')) AS stranger FROM orders o WHERE id = 2500;

-- the explanation lists every column once, the strangest first, and with the bias it is the margin of model_explain
SELECT count(*) AS columns, count(DISTINCT "column") AS distinct_columns,
       bool_and(contribution <= previous) IS NOT FALSE AS descending
FROM (SELECT e.*, lag(contribution) OVER () AS previous
      FROM faults f, aipipe.anomaly_explain('orders', f.row) e WHERE fault = 'negative') q;
SELECT f.fault, abs(sum(a.contribution) - sum(m.contribution)) < 1e-9 AS same_sum, max(b.contribution) AS bias
FROM faults f
CROSS JOIN LATERAL (SELECT sum(contribution) AS contribution FROM aipipe.anomaly_explain('orders', f.row)) a
CROSS JOIN LATERAL (SELECT sum(contribution) AS contribution FROM aipipe.model_explain('orders', f.row) WHERE feature <> '(bias)') m
CROSS JOIN LATERAL (SELECT contribution FROM aipipe.model_explain('orders', f.row) WHERE feature = '(bias)') b
WHERE fault IN ('ordinary', 'negative', 'new category') GROUP BY f.fault ORDER BY f.fault COLLATE "C";
-- sums rank the rows as scores do
SELECT corr(rank_score, rank_sum) > 0.999 AS same_order
FROM (SELECT rank() OVER (ORDER BY aipipe.anomaly_score('orders', o)) AS rank_score,
             rank() OVER (ORDER BY (SELECT round(sum(contribution)::numeric, 4) FROM aipipe.anomaly_explain('orders', o))) AS rank_sum
      FROM orders o WHERE id <= 80) q;

-- model_predict serves a detector too, in blocks as well, with the same numbers
SELECT count(*) AS rows, count(*) FILTER (WHERE aipipe.model_predict('orders', o) = aipipe.anomaly_score('orders', o)) AS same FROM orders o WHERE id <= 500;
SELECT count(*) AS rows, count(*) FILTER (WHERE p.prediction = aipipe.anomaly_score('orders', o)) AS same
FROM aipipe.model_predict_batch('orders', 'orders', 'id') p JOIN orders o ON o.id = p.key::int;

-- column order, extra columns and a dropped one do not matter
CREATE TABLE elsewhere (note text, gone int, discount numeric, member boolean, placed_at timestamptz, state varchar(10), currency char(3), quantity bigint, amount float8);
ALTER TABLE elsewhere DROP COLUMN gone;
SET timezone = 'UTC';
INSERT INTO elsewhere SELECT 'x', discount, member, placed_at, state, currency, quantity, amount FROM orders WHERE id <= 100;
SELECT count(*) AS rows FROM elsewhere e JOIN orders o USING (placed_at) WHERE aipipe.anomaly_score('orders', e) = aipipe.anomaly_score('orders', o);

-- same rows and seed, same bytes; another seed, others
SELECT aipipe.anomaly_train('orders', 'orders', ARRAY['amount', 'quantity', 'currency', 'state', 'placed_at', 'member', 'discount'], '{"algorithm": "isolation_forest"}');
SELECT aipipe.anomaly_train('orders', 'orders', ARRAY['amount', 'quantity', 'currency', 'state', 'placed_at', 'member', 'discount'], '{"algorithm": "isolation_forest", "seed": 7}');
SELECT count(DISTINCT sha256) AS artifacts, max(sha256) FILTER (WHERE version = 1) = max(sha256) FILTER (WHERE version = 2) AS same
FROM aipipe.model_version WHERE model = 'orders';

-- guards can be left out: the forest alone sees less
SELECT aipipe.anomaly_train('plain', 'orders', ARRAY['amount', 'quantity', 'currency', 'state', 'placed_at', 'member', 'discount'], '{"algorithm": "isolation_forest", "guards": false}');
SELECT aipipe.anomaly_score('plain', row) < aipipe.anomaly_score('orders', row) AS less FROM faults WHERE fault = 'new category';

-- a prepared plan and parallel workers give the same
PREPARE scored AS SELECT round(sum(aipipe.anomaly_score('orders', o))) AS sum FROM orders o;
EXECUTE scored;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
ALTER TABLE orders SET (parallel_workers = 2);
EXECUTE scored;

SET client_min_messages = warning;
SELECT aipipe.model_drop('orders'), aipipe.model_drop('plain');
DROP SCHEMA anomaly_detect CASCADE;
