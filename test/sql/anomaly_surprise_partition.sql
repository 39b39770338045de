-- Cell surprise within groups: one detector for a table of many.
SET client_min_messages = warning;
CREATE SCHEMA parts;
SET search_path = parts, public;
CREATE FUNCTION strange(model text, "row" record) RETURNS text LANGUAGE plpgsql AS
	$$ BEGIN RETURN CASE WHEN aipipe.anomaly_score(model, "row") > 0.999 THEN (SELECT feature FROM aipipe.model_explain(model, "row") ORDER BY contribution DESC LIMIT 1) END; END $$;

-- 500 stores of 40 rows: amounts around the store's own, a method of payment that eight of ten stores take, open or not
CREATE TABLE sale AS SELECT store, round(store * 10 * (1 + ((i * 7919 + store * 31) % 41 - 20) / 100.0), 2) AS amount,
	'm' || CASE WHEN (i * 13 + store * 7) % 20 = 0 THEN (i + store) % 5 ELSE store % 5 END AS method, store % 2 = 0 AS online
FROM generate_series(1, 500) store, generate_series(1, 40) i;
SELECT aipipe.model_train('grouped', 'anomaly', 'sale', algorithm => 'cell_surprise', params => '{"partition_by": "store", "max_categories": 1000}');
SELECT aipipe.model_train('whole', 'anomaly', 'sale', algorithm => 'cell_surprise', params => '{"max_categories": 1000}');
SELECT params->'partition_by' AS partition_by FROM aipipe.model_version WHERE model = 'grouped';

-- usual in its store, usual in another; a method that others have too, and one that it has not; online or not
SELECT store, amount, method, online, strange('grouped', v) AS grouped, strange('whole', v) AS whole
FROM (VALUES (5, 50, 'm0', false), (5, 4000, 'm0', false), (400, 4000, 'm0', true), (400, 50, 'm0', true), (403, 4030, 'm3', false), (403, 4030, 'cash', false),
	(403, 4030, 'm3', true)) v(store, amount, method, online);

-- a store that training did not see is judged by the whole: what is usual anywhere is not strange for it, what is nowhere is
SELECT amount, aipipe.anomaly_score('grouped', v) > 0.999 AS strange,
	(SELECT contribution FROM aipipe.model_explain('grouped', v) WHERE feature LIKE 'amount%') > 3 AS amount_is
FROM (VALUES (9999, 2500, 'm0', false), (9999, 50000, 'm0', false), (NULL, 2500, 'm0', false)) v(store, amount, method, online);

-- the partition may be of any type; small groups are mostly the whole
CREATE TABLE small AS SELECT date '2024-01-01' + i % 300 AS day, (i * 71 % 1000) / 10.0 AS x FROM generate_series(1, 600) i;
SELECT aipipe.model_train('small', 'anomaly', 'small', algorithm => 'cell_surprise', params => '{"partition_by": "day", "max_categories": 1000}');
SELECT count(*) FILTER (WHERE aipipe.anomaly_score('small', s) > 0.99) <= 7 AS few FROM small s;
SELECT aipipe.anomaly_score('small', v) > 0.99 AS strange FROM (VALUES ('2024-01-05'::date, 900), ('2024-01-05', 50)) v(day, x);

-- a key is a name, not a length, a pattern or a weekday: one of few letters is no strange row, nor is one in another case
CREATE TABLE named AS SELECT 'store-' || 1000 + store AS store, store * 10 + i * 7919 % 41 AS amount FROM generate_series(1, 60) store, generate_series(1, 40) i
	UNION ALL SELECT 's5', 500 + i * 7919 % 41 FROM generate_series(1, 40) i;
SELECT aipipe.model_train('named', 'anomaly', 'named', algorithm => 'cell_surprise', params => '{"partition_by": "store", "max_categories": 1000}');
SELECT store, aipipe.anomaly_score('named', v) > 0.999 AS strange, e.sentence FROM (VALUES ('s5', 520), ('store-1050', 520), ('s9', 520)) v(store, amount), LATERAL (SELECT sentence FROM aipipe.anomaly_explain('named', v) WHERE "column" = 'store') e ORDER BY 1;
SELECT DISTINCT feature FROM aipipe.model_importance('named') WHERE gain > 0 OR cover > 0 OR weight > 0 ORDER BY 1;

-- no such column, not among the columns, a text that hardly repeats, no task for it
SELECT aipipe.model_train('bad', 'anomaly', 'sale', algorithm => 'cell_surprise', params => '{"partition_by": "shop"}');
SELECT aipipe.model_train('bad', 'anomaly', 'sale', features => '{amount, method}', algorithm => 'cell_surprise', params => '{"partition_by": "store"}');
SELECT aipipe.model_train('bad', 'anomaly', 'sale', algorithm => 'cell_surprise', params => '{"partition_by": 1}');
\set VERBOSITY terse
SELECT aipipe.model_train('bad', 'anomaly', 'sale', algorithm => 'isolation_forest', params => '{"partition_by": "store"}');

\set VERBOSITY default
-- a number that is constant in every group, each another one: any other is strange, however near
CREATE TABLE fixed AS SELECT 's' || i % 300 AS store, i % 300 * 7 + 11 AS code, (ARRAY['a','b','c'])[1 + i * 7919 % 3] AS kind FROM generate_series(1, 9000) i;
SELECT aipipe.model_train('fixed', 'anomaly', 'fixed', algorithm => 'cell_surprise', params => '{"partition_by": "store", "max_categories": 1000}');
SELECT code, aipipe.anomaly_score('fixed', v) > 0.999 AS strange FROM (VALUES ('s105', 'a', 746), ('s105', 'a', 747), ('s105', 'a', 1800)) v(store, kind, code);
-- where groups hardly differ, a group's own few rows say little: one wrong row does not make the usual strange
CREATE TABLE alike AS SELECT CASE WHEN i = 9001 THEN 'odd' ELSE 's' || i % 300 END AS store, CASE WHEN i = 9001 THEN 1000 ELSE i * 7919 % 101 + i % 7 / 10.0 END AS amount FROM generate_series(1, 9001) i;
SELECT aipipe.model_train('alike', 'anomaly', 'alike', algorithm => 'cell_surprise', params => '{"partition_by": "store", "max_categories": 1000}');
SELECT store, amount, contribution > 3 AS strange FROM (VALUES ('s7', 50), ('odd', 50), ('odd', 1000), ('s7', 1000)) v(store, amount), aipipe.model_explain('alike', v) e WHERE e.feature = 'amount' ORDER BY 1, 2;
DO $$ BEGIN
	PERFORM aipipe.model_drop(name) FROM aipipe.model WHERE name IN ('grouped', 'whole', 'small', 'named', 'fixed', 'alike');
END $$;
DROP SCHEMA parts CASCADE;
