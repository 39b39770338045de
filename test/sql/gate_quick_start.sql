-- The quick start of README.md as a newcomer runs it; what README shows is what comes out.
CREATE TABLE orders AS SELECT i AS id, (ARRAY['EUR', 'USD', 'GBP'])[1 + i % 3] AS currency,
                              round((30 + 15 * sin(i) + i % 50)::numeric, 2) AS amount FROM generate_series(1, 20000) AS i;
SELECT aipipe.anomaly_train('orders', 'orders', columns => '{currency,amount}');
-- only numbers are left out: they depend on the gates and rows of other tests
SELECT aipipe.gate_create('orders', 'orders') AS gate \gset
INSERT INTO orders VALUES (20001, 'EUR', 41.50), (20002, 'EUR', -4150.00), (20003, 'EURO', 41.50);
SELECT q.id - min(q.id) OVER () + 1 AS id, "row", r ->> 'column' AS "column", r ->> 'value' AS value, r ->> 'expected' AS expected
FROM aipipe.quarantine q, LATERAL (SELECT reasons -> 0) AS first (r) WHERE q.gate = :gate ORDER BY 1;
SELECT min(id) AS first FROM aipipe.quarantine WHERE gate = :gate \gset
SELECT aipipe.quarantine_release(:first, '{"amount": 41.50}');
SELECT * FROM orders WHERE id > 20000 ORDER BY id;
SELECT "row", score > 0.9999 AS stranger_than_all FROM aipipe.quarantine WHERE gate = :gate AND state = 'held';

SELECT aipipe.gate_drop('orders');
SELECT aipipe.model_drop('orders');
DROP TABLE orders;
