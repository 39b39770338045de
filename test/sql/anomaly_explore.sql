-- One call from a table to its strangest rows with reasons; nothing is stored.
\set VERBOSITY default
\set SHOW_CONTEXT never
CREATE SCHEMA anomaly_explore;
SET search_path = anomaly_explore;
CREATE TABLE orders AS
SELECT i AS id, (20 + (i * 7919 % 997) / 10.0)::numeric(10, 2) AS amount, (1 + i * 104729 % 9)::int AS quantity,
       (ARRAY['EUR', 'USD', 'GBP', 'CHF'])[1 + i * 7907 % 4] AS currency, NULL::text AS gone, repeat('x', 3000) AS bulky
FROM generate_series(1, 3000) i;
ALTER TABLE orders DROP COLUMN gone;
UPDATE orders SET amount = 99999.99 WHERE id = 700;
UPDATE orders SET currency = 'XXX' WHERE id = 1400;
UPDATE orders SET quantity = NULL WHERE id = 2100;

SELECT severity > 0.999 AS strange, pvalue < 0.01 AND pvalue > 0 AS rare, "row" ->> 'id' AS id, reasons -> 0 ->> 'column' AS because, reasons -> 0 ->> 'value' AS value
FROM aipipe.anomaly_detect('orders', ARRAY['amount', 'quantity', 'currency'], 3) ORDER BY "row" ->> 'id';
-- the whole row, also what was not learned from, as a quarantined row is kept
SELECT d."row" = to_jsonb(o) AS whole FROM aipipe.anomaly_detect('orders', ARRAY['amount', 'quantity', 'currency'], 3) d JOIN orders o ON o.id = (d."row" ->> 'id')::int;
-- the same as a detector that is stored, scored row by row
SELECT aipipe.anomaly_train('explore', 'orders', ARRAY['amount', 'quantity', 'currency']);
SELECT count(*) AS rows, count(*) FILTER (WHERE d.severity = s.severity) AS same_severity, count(*) FILTER (WHERE (d."row" ->> 'id')::int = s.id) AS same_row
FROM aipipe.anomaly_detect('orders', ARRAY['amount', 'quantity', 'currency'], 50) d
JOIN (SELECT id, severity, row_number() OVER (ORDER BY severity DESC, id) AS rank FROM (SELECT id, aipipe.anomaly_score('explore', o) AS severity FROM orders o) q) s ON s.rank = d.rank;
SELECT count(*) AS rows, bool_and(severity <= previous) IS NOT FALSE AS descending, min(rank) AS first, max(rank) AS last
FROM (SELECT *, lag(severity) OVER (ORDER BY rank) AS previous FROM aipipe.anomaly_detect('orders', ARRAY['amount', 'quantity', 'currency'])) q;
-- fewer rows than asked for; ties keep the order of rows
SELECT rank, "row", severity, pvalue FROM aipipe.anomaly_detect('SELECT i, 1 AS a FROM generate_series(1, 4) i', ARRAY['a'], 10);
SELECT rank, "row" -> 'i' AS i FROM aipipe.anomaly_detect('SELECT i, 1 AS a FROM generate_series(1, 1000) i', ARRAY['a'], 3);
-- the seed and every other option of a training
SELECT count(*) FROM aipipe.anomaly_detect('orders', NULL, 5, '{"seed": 9, "sample": 0.5, "max_categories": 8}');
-- a query, a view, a table with row security
CREATE VIEW cheap AS SELECT * FROM orders WHERE amount < 1000;
SELECT bool_and(("row" ->> 'amount')::numeric < 1000) AS cheap FROM aipipe.anomaly_detect('cheap', ARRAY['amount', 'quantity'], 5);
SELECT count(*) AS models FROM aipipe.model WHERE name = 'anomaly_detect';

-- rights: what the caller may not read is not read
CREATE ROLE explore_nobody;
GRANT USAGE ON SCHEMA anomaly_explore TO explore_nobody;
GRANT SELECT ON cheap TO explore_nobody;
SET ROLE explore_nobody;
SELECT count(*) FROM aipipe.anomaly_detect('cheap', ARRAY['amount'], 5);
SELECT count(*) FROM aipipe.anomaly_detect('orders', ARRAY['amount'], 5);
RESET ROLE;
-- a function in the source cannot write
CREATE FUNCTION sneak(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM anomaly_explore.orders; RETURN $1; END $$;
SELECT count(*) FROM aipipe.anomaly_detect('SELECT sneak(id) AS id FROM orders', NULL, 5);

-- bad input
SELECT * FROM aipipe.anomaly_detect(NULL);
SELECT * FROM aipipe.anomaly_detect('orders', ARRAY['z']);
SELECT * FROM aipipe.anomaly_detect('orders', NULL, NULL);
SELECT * FROM aipipe.anomaly_detect('orders', NULL, 0);
SELECT * FROM aipipe.anomaly_detect('orders', NULL, 10001);
SELECT * FROM aipipe.anomaly_detect('orders', NULL, 5, '{"threshold": 0.9}');
SELECT * FROM aipipe.anomaly_detect('orders', NULL, 5, '{"holdout": 0.1}');
SELECT * FROM aipipe.anomaly_detect('orders', NULL, 5, '{"validation": 0.1}');
DO $$ BEGIN PERFORM aipipe.anomaly_detect('orders', NULL, 5, '{"tres": 0.1}'); EXCEPTION WHEN invalid_parameter_value THEN RAISE NOTICE 'refused'; END $$;
SELECT * FROM aipipe.anomaly_detect('orders', NULL, 5, '[1]');
SELECT * FROM aipipe.anomaly_detect('SELECT 1 AS a WHERE false');
SELECT rank, severity, "row" FROM aipipe.anomaly_detect('SELECT NULL::int AS a, NULL::text AS b');
SELECT rank, "row" FROM aipipe.anomaly_detect('SELECT i AS a, CASE i WHEN 1 THEN ''NaN'' WHEN 2 THEN ''Infinity'' ELSE i::text END::float8 AS b FROM generate_series(1, 2) i');

SET client_min_messages = warning;
SELECT aipipe.model_drop('explore');
DROP SCHEMA anomaly_explore CASCADE;
DROP ROLE explore_nobody;
