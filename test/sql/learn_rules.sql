-- Algorithm rules: a CASE as a model, with what it leaves open learned from the rows.
CREATE SCHEMA learn_rules;
SET search_path = learn_rules;
CREATE TABLE claim AS
SELECT i AS id, CASE WHEN i % 11 > 0 THEN (i * 37 % 2000)::numeric END AS amount, (ARRAY['EU', 'US', 'JP', NULL])[1 + i % 4] AS region,
       CASE WHEN i % 9 > 0 THEN i % 3 = 0 END AS vip, CASE WHEN i % 5 = 0 THEN 'note ' || i END AS note,
       CASE WHEN i % 13 > 0 THEN date '2024-01-01' + i % 400 END AS day, timestamptz '2024-01-01 12:00+00' + i * interval '7 hours' AS seen,
       time '00:00' + i % 24 * interval '1 hour' AS hour, i % 48 * interval '1 hour' AS wait, ARRAY[i, i] AS list, '10.0.0.1'::inet AS address,
       (i % 7)::float8 / 10 AS ratio, i % 6 = 0 OR i * 37 % 2000 > 1500 AS fraud
FROM generate_series(1, 1200) AS i;

-- Trains a model on the table and gives its version.
CREATE FUNCTION train(model text, rules text, target text DEFAULT 'fraud', task text DEFAULT 'classification') RETURNS int LANGUAGE sql AS
$$ SELECT aipipe.model_train(model, task, 'claim', target, features => '{amount,region,vip,note,day,seen,hour,wait,list,address,ratio}', algorithm => 'rules', params => rules::jsonb || '{"holdout": 0}') $$;

-- first match wins, else is last
SELECT train('triage', '{"rules": [{"when": {"amount": {">": 1500}}, "then": "true"}, {"when": {"region": "EU", "vip": true}, "then": false},
	{"when": {"note": null, "region": {"in": ["US", "JP"]}}, "then": true}], "else": false}');
SELECT count(*) AS rows, count(*) FILTER (WHERE aipipe.model_predict_class('triage', c) <> (CASE WHEN amount > 1500 THEN 'true' WHEN region = 'EU' AND vip THEN 'false'
	WHEN note IS NULL AND region IN ('US', 'JP') THEN 'true' ELSE 'false' END)) AS wrong FROM claim c;
SELECT params - 'holdout' ->> 'rules' AS rules, params ->> 'else' AS otherwise FROM aipipe.model_version WHERE model = 'triage';

-- every operator on every kind of column against the same condition in SQL
CREATE TABLE condition (number int GENERATED ALWAYS AS IDENTITY, "when" jsonb, sql text);
INSERT INTO condition("when", sql) VALUES
	('{"amount": 37}', 'amount = 37'), ('{"amount": {"=": 37}}', 'amount = 37'), ('{"amount": {"<>": 37}}', 'amount <> 37'),
	('{"amount": {"<": 500}}', 'amount < 500'), ('{"amount": {"<=": 500}}', 'amount <= 500'), ('{"amount": {">": 500}}', 'amount > 500'), ('{"amount": {">=": 500}}', 'amount >= 500'),
	('{"amount": {">=": 200, "<": 500}}', 'amount >= 200 AND amount < 500'), ('{"amount": {"in": [1, 37, 74, 1e9]}}', 'amount IN (1, 37, 74, 1e9)'),
	('{"amount": null}', 'amount IS NULL'), ('{"amount": {"null": true}}', 'amount IS NULL'), ('{"amount": {"null": false}}', 'amount IS NOT NULL'),
	('{"amount": {"<": -1e300}}', 'amount < -1e300'), ('{"ratio": 0.3}', 'ratio = 0.3'), ('{"ratio": {">": 0.3}}', 'ratio > 0.3'), ('{"ratio": {"in": [0.1, 0.6]}}', 'ratio IN (0.1, 0.6)'),
	('{"region": "EU"}', 'region = ''EU'''), ('{"region": {"<>": "EU"}}', 'region <> ''EU'''), ('{"region": {"in": ["EU", "JP"]}}', 'region IN (''EU'', ''JP'')'), ('{"region": null}', 'region IS NULL'),
	('{"region": {"null": false}}', 'region IS NOT NULL'), ('{"vip": true}', 'vip'), ('{"vip": false}', 'NOT vip'), ('{"vip": {"<>": true}}', 'vip <> true'), ('{"vip": {"in": [true, false]}}', 'vip IS NOT NULL'),
	('{"vip": null}', 'vip IS NULL'), ('{"note": null}', 'note IS NULL'), ('{"note": {"null": false}}', 'note IS NOT NULL'), ('{"list": {"null": false}}', 'true'), ('{"address": null}', 'false'),
	('{"day": "2024-03-01"}', 'day = ''2024-03-01'''), ('{"day": {"<": "2024-03-01"}}', 'day < ''2024-03-01'''), ('{"day": {">=": "2024-12-31", "<": "infinity"}}', 'day >= ''2024-12-31'''),
	('{"day": {"in": ["2024-02-29", "1/2/2024"]}}', 'day IN (''2024-02-29'')'), ('{"day": null}', 'day IS NULL'), ('{"seen": {"<": "2024-06-01 00:00+00"}}', 'seen < ''2024-06-01 00:00+00'''),
	('{"seen": {">": "2024-06-01 02:00+02"}}', 'seen > ''2024-06-01 00:00+00'''), ('{"seen": {">": "2024-06-01"}}', 'seen > ''2024-06-01 00:00+00'''),
	('{"hour": {">=": "18:00"}}', 'hour >= ''18:00'''), ('{"hour": "03:00"}', 'hour = ''03:00'''), ('{"wait": {">": "1 day"}}', 'wait > ''1 day'''),
	('{"amount": {">": 100}, "region": "EU", "vip": false, "day": {"<": "2024-09-01"}}', 'amount > 100 AND region = ''EU'' AND NOT vip AND day < ''2024-09-01''');
DELETE FROM condition WHERE "when"::text LIKE '%1/2/2024%';
SET TimeZone = 'Asia/Tokyo';
SET DateStyle = 'SQL, DMY';
SELECT bool_and(train('c' || number, jsonb_build_object('rules', jsonb_build_array(jsonb_build_object('when', "when", 'then', 1)), 'else', 0)::text, 'amount', 'regression') > 0) AS trained
FROM condition WHERE "when"::text NOT LIKE '%amount%';
SELECT bool_and(train('c' || number, jsonb_build_object('rules', jsonb_build_array(jsonb_build_object('when', "when", 'then', true)), 'else', false)::text) > 0) AS trained
FROM condition WHERE "when"::text LIKE '%amount%';
RESET TimeZone;
RESET DateStyle;
CREATE FUNCTION differences(number int, sql text, OUT matched bigint, OUT wrong bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT count(*) FILTER (WHERE p = 1), count(*) FILTER (WHERE (p = 1) IS DISTINCT FROM coalesce(%s, false)) FROM (SELECT c.*, aipipe.model_predict(%L, c) AS p FROM claim c) AS s', sql, 'c' || number) INTO matched, wrong;
END $$;
SELECT "when", d.* FROM condition, differences(number, sql) AS d ORDER BY number;

-- random tables of rules against CASE
CREATE FUNCTION random_case(seed int, OUT rules jsonb, OUT expression text) LANGUAGE plpgsql AS $$
DECLARE
	picked record;
	i int := 0;
BEGIN
	rules := '[]';
	expression := 'CASE';
	FOR picked IN SELECT a."when" || b."when" AS "when", a.sql || ' AND ' || b.sql AS sql
		FROM condition a, condition b
		WHERE NOT a."when" ?| ARRAY(SELECT jsonb_object_keys(b."when"))
		ORDER BY md5(a.number || ' ' || b.number || ' ' || seed) COLLATE "C" LIMIT 12
	LOOP
		i := i + 1;
		rules := rules || jsonb_build_object('when', picked."when", 'then', i);
		expression := expression || format(' WHEN %s THEN %s', picked.sql, i);
	END LOOP;
	expression := expression || ' ELSE 0 END';
END $$;
CREATE FUNCTION compare_case(seed int, OUT outcomes bigint, OUT wrong bigint) LANGUAGE plpgsql AS $$
DECLARE
	made record;
BEGIN
	SELECT * INTO made FROM random_case(seed);
	PERFORM aipipe.model_train('random', 'regression', 'SELECT *, 1.5 * id AS y FROM claim', 'y', features => '{amount,region,vip,note,day,seen,hour,wait,list,address,ratio}',
		algorithm => 'rules', params => jsonb_build_object('rules', made.rules, 'else', 0, 'holdout', 0));
	EXECUTE format('SELECT count(DISTINCT p), count(*) FILTER (WHERE p <> %s) FROM (SELECT c.*, aipipe.model_predict(''random'', c) AS p FROM claim c) AS s', made.expression) INTO outcomes, wrong;
END $$;
SELECT count(*) AS tables, sum(wrong) AS wrong, min(outcomes) >= 4 AS varied FROM generate_series(1, 20) AS seed, compare_case(seed);
-- in blocks as in single rows
SELECT count(*) AS same FROM aipipe.model_predict_batch('random', 'claim', key => 'id') AS b JOIN claim c ON c.id::text = b.key WHERE b.prediction = aipipe.model_predict('random', c);

-- what a rule leaves open is learned from the rows that it decides; one that decides none falls back to all rows
SELECT train('open', '{"rules": [{"when": {"amount": {">": 1500}}}, {"when": {"amount": {">": 100000}}}, {"when": {"region": "EU"}, "then": true}]}');
SELECT CASE WHEN amount > 1500 THEN 'large' WHEN region = 'EU' THEN 'EU' ELSE 'else' END AS part, round(avg(fraud::int), 5) AS share, round(min(p)::numeric, 5) AS least, round(max(p)::numeric, 5) AS most
FROM (SELECT c.*, aipipe.model_predict('open', c) AS p FROM claim c) AS s GROUP BY 1 ORDER BY 1;
SELECT round(aipipe.model_predict('open', c)::numeric, 5) AS overall, (SELECT round(avg(fraud::int), 5) FROM claim) AS expected
FROM (SELECT 200000 AS amount, NULL::text AS region, NULL::bool AS vip, NULL::text AS note, NULL::date AS day, NULL::timestamptz AS seen, NULL::time AS hour,
	NULL::interval AS wait, NULL::int[] AS list, NULL::inet AS address, NULL::float8 AS ratio) AS c
WHERE aipipe.model_predict('open', c) > .9;
SELECT train('means', '{"rules": [{"when": {"region": "EU"}}, {"when": {"region": "US"}, "then": -3.5}]}', 'ratio', 'regression');
