-- Cell surprise given all other columns at once: trees tell a column from the others where pairs cannot.
SET client_min_messages = warning;
CREATE SCHEMA fullcond;
SET search_path = fullcond, public;

CREATE FUNCTION learn(detector text, source text, params jsonb DEFAULT '{}') RETURNS int LANGUAGE sql AS
	$$ SELECT aipipe.anomaly_train(detector, source, params => '{"algorithm": "cell_surprise"}' || params) $$;
CREATE FUNCTION sha(detector text) RETURNS text LANGUAGE sql AS
	$$ SELECT sha256::text FROM aipipe.model_version WHERE model = detector ORDER BY version DESC LIMIT 1 $$;

-- The tax is low where exactly one of two things holds: an even country, food; but for one row in a hundred.  Neither tells anything of the tax alone.
CREATE TABLE sale AS SELECT 'c' || k % 5 AS country, CASE WHEN f THEN 'food' ELSE 'other' END AS kind,
	CASE WHEN (((k % 5) % 2 = 0) <> f) <> (e % 100 = 0) THEN 'low' ELSE 'full' END AS tax, e / 100 % 1000 / 10.0 AS amount, i > 2000 AS later
FROM (SELECT i, abs(hashint4(i + 1000000)) AS k, hashint4(i + 2000000) % 2 = 0 AS f, abs(hashint4(i + 3000000)) AS e FROM generate_series(1, 4000) i) s;
CREATE TABLE news AS SELECT country, kind, tax, amount FROM sale WHERE later;
DELETE FROM sale WHERE later;
ALTER TABLE sale DROP later;
SELECT learn('pairs', 'sale'), learn('trees', 'sale', '{"full_conditional": true}');
CREATE TEMP TABLE asked AS SELECT * FROM (VALUES ('right', 'c1', 'other', 'full', 50.0), ('right', 'c1', 'food', 'low', 50.0), ('right', 'c2', 'food', 'full', 50.0),
	('wrong', 'c1', 'other', 'low', 50.0), ('wrong', 'c2', 'food', 'low', 50.0)) v(what, country, kind, tax, amount);
SELECT what, bool_or(aipipe.anomaly_score('pairs', a) > 0.97) AS pairs, bool_and(aipipe.anomaly_score('trees', a) > 0.97) AS trees FROM asked a GROUP BY what ORDER BY what;
-- what was expected, and because of what
SELECT a.country, a.kind, e."column", e.value, split_part(e.expected, ' ', 1) AS expected, e."given" IN ('country', 'kind') AS because, e.contribution > 2 AS strange
FROM asked a, aipipe.anomaly_explain('trees', a) e WHERE what = 'wrong' AND e."column" = 'tax' ORDER BY country;
SELECT count(*) AS rows, bool_and(s BETWEEN 0 AND 1) AS sound, count(*) FILTER (WHERE s > 0.9) < 300 AS few FROM (SELECT aipipe.anomaly_score('trees', t) AS s FROM sale t) q;
SELECT count(*), bool_and(p.prediction = aipipe.anomaly_score('trees', a)) AS block_is_row FROM (SELECT *, row_number() OVER () AS id FROM sale) a
	JOIN aipipe.model_predict_batch('trees', 'SELECT *, row_number() OVER () AS id FROM fullcond.sale', 'id') p ON p.key::int = a.id;
-- severities are those of rows that taught no trees that judge them: new rows are no stranger
SELECT bool_and(verdict <> 'drifted') AS alike FROM aipipe.anomaly_drift('trees', 'news');

-- NULL, never seen, extreme: scored, and the trees have no say in what they never saw
SELECT country, kind, tax, amount, round(aipipe.anomaly_score('trees', v)::numeric, 1) >= 0 AS scored,
	(SELECT string_agg(e."column", ' ' ORDER BY e."column") FROM aipipe.anomaly_explain('trees', v) e WHERE e.expected IS NOT NULL AND e.contribution > 1) AS strange
FROM (VALUES (NULL, NULL, NULL, NULL::float8), ('c1', 'other', 'none', 50), ('zz', 'other', 'full', 50), ('c1', 'other', 'full', 'NaN'), ('c1', 'other', 'full', '1e300'), ('c1', 'other', 'full', '-Infinity')) v(country, kind, tax, amount);
SELECT learn('holes', 'SELECT nullif(country, ''c4'') AS country, kind, CASE WHEN amount > 80 THEN NULL ELSE tax END AS tax, amount FROM sale', '{"full_conditional": true}');
SELECT aipipe.anomaly_score('holes', v) > 0.9 AS strange FROM (VALUES ('c1', 'other', NULL, 90.0), ('c1', 'other', NULL, 20.0)) v(country, kind, tax, amount);

-- the same rows give the same bytes; a version says what its trees were grown with
SELECT learn('again', 'sale', '{"full_conditional": true}');
SELECT sha('trees') = sha('again') AS same, sha('trees') <> sha('pairs') AS trees;
SELECT model, library LIKE 'aipipe %, xgboost %' AS xgboost, params -> 'full_conditional' AS option FROM aipipe.model_version WHERE model IN ('pairs', 'trees') ORDER BY model;
SELECT feature, gain > 0 AS gain FROM aipipe.model_importance('trees') WHERE feature IN ('country', 'kind') ORDER BY feature;

-- where trees do not help there are none: columns that tell nothing, constants, too few rows
CREATE TABLE noise AS SELECT hashint4(i) % 4 AS a, 'w' || abs(hashint4(i + 100000)) % 3 AS b, hashint4(i + 200000) AS c FROM generate_series(1, 1000) i;
CREATE TABLE poor AS SELECT 5 AS constant, NULL::int AS nothing, 'x'::text AS word FROM generate_series(1, 500);
CREATE FUNCTION same(source text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
	PERFORM learn('with', source, '{"full_conditional": true}'), learn('without', source);
	RETURN sha('with') = sha('without');
END $$;
SELECT same('noise') AS noise, same('poor') AS poor, same('SELECT * FROM sale LIMIT 1') AS one_row, same('SELECT * FROM sale LIMIT 60') AS few,
	same('SELECT tax FROM sale') AS alone, same('SELECT tax, ''x'' AS constant FROM sale') AS beside_constant;
SELECT same('SELECT i AS id, timestamp ''2024-01-01'' + i * interval ''1 hour'' AS at FROM generate_series(1, 500) i') AS clocks;

-- many columns, few of which get trees
DO $$ BEGIN
	EXECUTE (SELECT format('CREATE TABLE wide AS SELECT %s FROM generate_series(1, 150) i', string_agg(format('(i * %s %% 7) AS c%s', 1 + c % 6, c), ', ')) FROM generate_series(1, 1600) c);
END $$;
SELECT learn('wide', 'wide', '{"full_conditional": true}');
SELECT aipipe.anomaly_score('wide', w) BETWEEN 0 AND 1 AS sound FROM wide w LIMIT 1;

-- a refresh keeps the trees and learns how surprising they find the new rows
SELECT aipipe.anomaly_refresh('again', 'news', keep => 1);
SELECT bool_and(aipipe.anomaly_score('again', a) > 0.97) AS still FROM asked a WHERE what = 'wrong';
CREATE TEMP TABLE before AS SELECT *, aipipe.anomaly_pvalue('again', a) AS p FROM asked a WHERE what = 'wrong';
SET client_min_messages = error;
SELECT aipipe.anomaly_refresh('again', 'SELECT country, kind, CASE WHEN amount < 80 THEN CASE tax WHEN ''low'' THEN ''full'' ELSE ''low'' END ELSE tax END AS tax, amount FROM sale', keep => 0.1);
SET client_min_messages = warning;
SELECT bool_and(aipipe.anomaly_pvalue('again', b) > 5 * p) AS more_usual_now FROM before b;

-- within groups: the group is one of the columns that trees look at
SELECT learn('parts', 'sale', '{"full_conditional": true, "partition_by": "country"}');
SELECT what, bool_and(aipipe.anomaly_score('parts', a) > 0.97) AS strange FROM asked a GROUP BY what ORDER BY what;

-- as a component of the default detector, beside a forest, and below labels
SELECT aipipe.anomaly_train('default', 'sale', params => '{"full_conditional": true}'),
	aipipe.anomaly_train('both', 'sale', params => '{"full_conditional": true, "components": {"cell_surprise": 1, "isolation_forest": 0.5}}'),
	aipipe.anomaly_train('labelled', 'SELECT *, amount > 99 AS bad FROM sale', params => '{"full_conditional": true, "label": "bad"}');
SELECT bool_and(aipipe.anomaly_score('default', a) > 0.97) AS default, bool_and(aipipe.anomaly_score('both', a) > 0.9) AS both FROM asked a WHERE what = 'wrong';
SELECT aipipe.anomaly_score('labelled', a) BETWEEN 0 AND 1 AS labelled FROM asked a LIMIT 1;

-- memory, and options that are none
SET aipipe.train_max_memory = '20MB';
\set VERBOSITY terse
SELECT learn('small', 'sale') > 0 AS pairs;
SELECT learn('big', 'sale', '{"full_conditional": true}');
RESET aipipe.train_max_memory;
\set VERBOSITY default
SELECT learn('bad', 'sale', '{"full_conditional": 1}');
SELECT learn('bad', 'sale', '{"full_conditionals": true}');
SELECT aipipe.anomaly_train('bad', 'sale', params => '{"algorithm": "isolation_forest", "full_conditional": true}');

DO $$ BEGIN
	PERFORM aipipe.model_drop(name) FROM aipipe.model WHERE name IN ('pairs', 'trees', 'holes', 'again', 'with', 'without', 'wide', 'parts', 'default', 'both', 'labelled', 'small');
END $$;
DROP SCHEMA fullcond CASCADE;
