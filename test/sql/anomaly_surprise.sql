-- Cell surprise: small cases that are computed by hand, options, bad input.
SET client_min_messages = warning;
CREATE SCHEMA surprise;
SET search_path = surprise, public;

-- the row's margin: the sum of its contributions
CREATE FUNCTION margin(model text, "row" record) RETURNS numeric LANGUAGE plpgsql AS
	$$ BEGIN RETURN (SELECT round(sum(contribution)::numeric, 3) FROM aipipe.model_explain(model, "row")); END $$;
CREATE FUNCTION learn(model text, source text, params jsonb DEFAULT '{}') RETURNS int LANGUAGE sql AS
	$$ SELECT aipipe.model_train(model, 'anomaly', source, algorithm => 'cell_surprise', params => '{"power": 0.75}' || params) $$;

-- One column, 90 times 1 and 10 times 2; 101 rows with half a row each for unseen and NULL.  A training row is judged by the others: 1 has
-- log2(100 / 89) = 0.168 bits, 2 has log2(100 / 9) = 3.474, whose z is -log2 of the share of rows as surprising: 0, and log2(10) = 3.322.
-- A new 2 has log2(101 / 10) = 3.336 bits, and z is interpolated: 3.322 * (3.336 - 0.168) / (3.474 - 0.168) = 3.184.  NULL was never
-- there: it has half a row of 101, log2(202) = 7.658 bits, and z is no more than that.  3 is outside, and three widths from the core besides:
-- the core is [1, 2], widths are 1, room around it 0.05, so 2 * log2(1 + 0.95) = 1.927 bits more.
CREATE TABLE one AS SELECT 1 + (i % 10 = 0)::int AS n FROM generate_series(1, 100) i;
SELECT learn('one', 'one');
SELECT n, margin('one', v), round(aipipe.anomaly_score('one', v)::numeric, 4) AS severity FROM (VALUES (1), (2), (NULL), (3)) v(n);
SELECT algorithm, p.key, p.value FROM aipipe.model_version, jsonb_each(params) p
WHERE model = 'one' AND p.key IN ('bins', 'min_information', 'parents', 'partition_by', 'power', 'smoothing', 'tail_share') ORDER BY p.key;

-- Two columns that say nothing of each other: log2(2^0 + 2^(0.75 z)) / 0.75.  Both usual: log2(2) / 0.75 = 1.333.
-- One of a share of a tenth: z = 3.322 * (log2(1001 / 100) - log2(1000 / 899)) / (log2(1000 / 99) - log2(1000 / 899)) = 3.308 as above,
-- log2(1 + 2^(0.75 * 3.308)) / 0.75 = 3.625.  Both: 3.308 + 1.333 = 4.642.
CREATE TABLE two AS SELECT 1 + (i % 10 = 0)::int AS a, 1 + (i / 10 % 10 = 0)::int AS b FROM generate_series(0, 999) i;
SELECT learn('two', 'two');
SELECT a, b, margin('two', v) FROM (VALUES (1, 1), (1, 2), (2, 1), (2, 2)) v(a, b);
SELECT feature, round(contribution::numeric, 3) AS contribution FROM (VALUES (1, 2)) v(a, b), aipipe.model_explain('two', v);

-- Two columns that are always equal, 1 or 2.  P(a = 2 | b = 1) = (0 + 2 * 200 / 401) / (200 + 2): 7.662 bits; 400 rows cannot tell more
-- than log2(401) = 8.647 where all were as usual.  Both columns have that z: 8.647 + 1 / 0.75 = 9.981.
CREATE TABLE same AS SELECT 1 + i % 2 AS a, 1 + i % 2 AS b FROM generate_series(1, 400) i;
SELECT learn('same', 'same');
SELECT a, b, margin('same', v) FROM (VALUES (1, 1), (2, 2), (1, 2), (2, 1)) v(a, b);
-- without parents nothing is known of it, nor when more information is asked for than there is
SELECT learn('same_alone', 'same', '{"parents": 0}'), learn('same_asked', 'same', '{"min_information": 1.1}');
SELECT margin('same_alone', v) AS alone, margin('same_asked', v) AS asked FROM (VALUES (1, 2)) v(a, b);
-- power 1: log2(2 * 2^z)
SELECT learn('same_power', 'same', '{"power": 1}');
SELECT margin('same_power', v) FROM (VALUES (1, 2)) v(a, b);

-- what moves by itself is not strange for it: a serial number, the time of arrival, a date in any order
CREATE TABLE clock AS SELECT i AS id, timestamp '2024-01-01' + i * interval '1 hour' AS at, date '2024-01-01' + (i * 7919 + i * i * 31) % 400 AS day,
	(i * 104729 + i * i * 17) % 1009 AS n FROM generate_series(1, 1000) i;
SELECT learn('clock', 'clock');
SELECT id, at, day, n, margin('clock', v) > 8 AS strange FROM (VALUES (500, timestamp '2024-01-21 20:00', date '2024-05-01', 500),
	(5000, timestamp '2024-07-27 08:00', date '2024-05-01', 500), (1, timestamp '2024-01-01 01:00', date '2024-05-01', 500),
	(500, timestamp '2024-01-21 20:00', date '2025-05-01', 500), (500, timestamp '9999-12-31 00:00', date '2024-05-01', 500),
	(500, timestamp '2024-01-21 20:00', date '4001-05-01 BC', 500), (500, timestamp '2024-01-21 20:00', date '2024-05-01', 5000),
	(-500, timestamp '2024-01-21 20:00', date '2024-05-01', 500)) v(id, at, day, n);

-- never seen, never NULL, a value between two that stand alone
CREATE TABLE shop AS SELECT CASE WHEN i % 10 < 7 THEN 'EUR' WHEN i % 10 < 9 THEN 'USD' ELSE 'GBP' END AS currency,
	(i % 5) * 10 AS items, i % 2 = 0 AS vip, (i * 71 % 1000) / 10.0 AS amount FROM generate_series(1, 1000) i;
SELECT learn('shop', 'shop');
SELECT currency, items, vip, amount, (SELECT e.feature FROM aipipe.model_explain('shop', v) e ORDER BY contribution DESC LIMIT 1) AS first,
	aipipe.anomaly_score('shop', v) > 0.999 AS strange
FROM (VALUES ('EUR', 10, true, 50), ('XXX', 10, true, 50), ('eur', 10, true, 50), (NULL, 10, true, 50), ('EUR', 15, true, 50), ('EUR', 10, NULL, 50),
	('EUR', 10, true, 5000), ('EUR', 10, true, 'Infinity'::float8), ('EUR', 10, true, 'NaN'::float8)) v(currency, items, vip, amount);

-- the same rows give the same bytes, whatever the seed
SELECT learn('shop2', 'shop', '{"seed": 7}');
SELECT count(DISTINCT sha256) FROM aipipe.model_version WHERE model IN ('shop', 'shop2');
SELECT feature, weight, gain >= 0 AS gain, cover > 0 AS cover FROM aipipe.model_importance('shop') ORDER BY feature;

-- nothing to compare with: one row, constants, nothing but NULL, one column of it
CREATE TABLE poor AS SELECT 5 AS constant, NULL::int AS nothing, 'x'::text AS word FROM generate_series(1, 50);
SELECT learn('poor', 'poor'), learn('row', 'SELECT * FROM poor LIMIT 1'), learn('nothing', 'SELECT nothing FROM poor');
SELECT constant, nothing, word, margin('poor', v) > 5 AS poor, margin('row', v) > 1.5 AS of_one_row
FROM (VALUES (5, NULL::int, 'x'), (6, NULL, 'x'), (5, 1, 'x'), (5, NULL, 'y')) v(constant, nothing, word);
SELECT nothing, margin('nothing', v) FROM (VALUES (NULL::int), (1)) v(nothing);

-- infinite and extreme values, in training too
CREATE TABLE wild AS SELECT CASE i % 4 WHEN 0 THEN 'Infinity'::float8 WHEN 1 THEN '-Infinity' WHEN 2 THEN 'NaN' ELSE i END AS x,
	CASE WHEN i % 2 = 0 THEN date '4713-01-01 BC' + i ELSE 'infinity' END AS d FROM generate_series(1, 400) i;
SELECT learn('wild', 'wild');
SELECT count(*), bool_and(s BETWEEN 0 AND 1) AS sound FROM (SELECT aipipe.anomaly_score('wild', w) AS s FROM wild w) q;
SELECT aipipe.anomaly_score('wild', v) BETWEEN 0 AND 1 AS sound FROM (VALUES (1e308::float8, 'infinity'::date), (-1e308, '-infinity'), (0, '4713-01-01 BC')) v(x, d);

-- many columns, many categories
DO $$ BEGIN
	EXECUTE (SELECT format('CREATE TABLE wide AS SELECT %s FROM generate_series(1, 60) i', string_agg(format('(i * %s %% 61) AS c%s', c, c), ', ')) FROM generate_series(1, 1600) c);
END $$;
SELECT learn('wide', 'wide');
SELECT count(*) AS features, max(aipipe.anomaly_score('wide', w)) <= 1 AS sound FROM aipipe.model_importance('wide'), (SELECT * FROM wide LIMIT 1) w;
CREATE TABLE words AS SELECT 'w' || i % 20000 AS word, i % 3 AS n FROM generate_series(1, 100000) i;
SELECT learn('words', 'words', '{"max_categories": 10000}');
SELECT word, aipipe.anomaly_score('words', v) > 0.9 AS strange FROM (VALUES ('w12345', 1), ('w123', 1), ('zz', 1), ('w12345', 7)) v(word, n);

-- too little memory, and options that are none
SET aipipe.train_max_memory = '5MB';
\set VERBOSITY terse
SELECT learn('wide', 'wide');
\set VERBOSITY default
RESET aipipe.train_max_memory;
\set VERBOSITY terse
SELECT learn('bad', 'one', '{"bin": 3}');
\set VERBOSITY default
SELECT learn('bad', 'one', '{"bins": 1}');
SELECT learn('bad', 'one', '{"bins": 101}');
SELECT learn('bad', 'one', '{"parents": 17}');
SELECT learn('bad', 'one', '{"power": 1.1}');
SELECT learn('bad', 'one', '{"smoothing": 0}');
SELECT learn('bad', 'one', '{"tail_share": 0.5}');
SELECT learn('bad', 'one', '{"min_information": -1}');
SELECT learn('bad', 'SELECT * FROM one WHERE false');

DO $$ BEGIN
	PERFORM aipipe.model_drop(name) FROM aipipe.model WHERE name IN ('one', 'two', 'same', 'same_alone', 'same_asked', 'same_power', 'clock', 'shop', 'shop2',
		'poor', 'row', 'nothing', 'wild', 'wide', 'words');
END $$;
DROP SCHEMA surprise CASCADE;
