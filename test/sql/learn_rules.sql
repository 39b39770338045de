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
$$ SELECT aipipe.model_train(model, task, 'claim', target, features => array_remove('{amount,region,vip,note,day,seen,hour,wait,list,address,ratio}', target), algorithm => 'rules', params => rules::jsonb || '{"holdout": 0}') $$;

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
	('{"amount": {"<": -1e30}}', 'amount < -1e30'), ('{"ratio": 0.3}', 'ratio = 0.3'), ('{"ratio": {">": 0.3}}', 'ratio > 0.3'), ('{"ratio": {"in": [0.1, 0.6]}}', 'ratio IN (0.1, 0.6)'),
	('{"region": "EU"}', 'region = ''EU'''), ('{"region": {"<>": "EU"}}', 'region <> ''EU'''), ('{"region": {"in": ["EU", "JP"]}}', 'region IN (''EU'', ''JP'')'), ('{"region": null}', 'region IS NULL'),
	('{"region": {"null": false}}', 'region IS NOT NULL'), ('{"vip": true}', 'vip'), ('{"vip": false}', 'NOT vip'), ('{"vip": {"<>": true}}', 'vip <> true'), ('{"vip": {"in": [true, false]}}', 'vip IS NOT NULL'),
	('{"vip": null}', 'vip IS NULL'), ('{"note": null}', 'note IS NULL'), ('{"note": {"null": false}}', 'note IS NOT NULL'), ('{"list": {"null": false}}', 'true'), ('{"address": null}', 'false'),
	('{"day": "2024-03-01"}', 'day = ''2024-03-01'''), ('{"day": {"<": "2024-03-01"}}', 'day < ''2024-03-01'''), ('{"day": {">=": "2024-12-31", "<": "infinity"}}', 'day >= ''2024-12-31'''),
	('{"day": {"in": ["2024-02-29", "2024-03-01"]}}', 'day IN (''2024-02-29'', ''2024-03-01'')'), ('{"day": null}', 'day IS NULL'), ('{"seen": {"<": "2024-06-01 00:00+00"}}', 'seen < ''2024-06-01 00:00+00'''),
	('{"seen": {">": "2024-06-01 02:00+02"}}', 'seen > ''2024-06-01 00:00+00'''), ('{"seen": {">": "2024-06-01"}}', 'seen > ''2024-06-01 00:00+00'''),
	('{"hour": {">=": "18:00"}}', 'hour >= ''18:00'''), ('{"hour": "03:00"}', 'hour = ''03:00'''), ('{"wait": {">": "1 day"}}', 'wait > ''1 day'''),
	('{"amount": {">": 100}, "region": "EU", "vip": false, "day": {"<": "2024-09-01"}}', 'amount > 100 AND region = ''EU'' AND NOT vip AND day < ''2024-09-01''');
SET TimeZone = 'Asia/Tokyo';
SET DateStyle = 'SQL, DMY';
SELECT bool_and(train('c' || number, jsonb_build_object('rules', jsonb_build_array(jsonb_build_object('when', "when", 'then', true)), 'else', false)::text) > 0) AS trained
FROM condition;
RESET TimeZone;
RESET DateStyle;
CREATE FUNCTION differences(number int, sql text, OUT matched bigint, OUT wrong bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT count(*) FILTER (WHERE p = 1), count(*) FILTER (WHERE (p = 1) IS DISTINCT FROM coalesce(%s, false)) FROM (SELECT c.*, aipipe.model_predict(%L, c) AS p FROM claim c) AS s', sql, 'c' || number) INTO matched, wrong;
END $$;
SELECT "when", d.* FROM condition, differences(number, sql) AS d ORDER BY number;

-- categories and moments of other types
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN birthday AS date;
CREATE TABLE person AS
SELECT i, (ARRAY['sad', 'ok', 'happy'])[1 + i % 3]::mood AS mood, (ARRAY['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'])[1 + i % 2]::uuid AS token,
	(ARRAY['x', 'yz'])[1 + i % 2]::char(4) AS code, (date '2000-01-01' + i)::birthday AS born, (i * 1.5)::numeric::money AS fee, i * 1.0 AS y
FROM generate_series(1, 60) AS i;
SELECT w, aipipe.model_train('person', 'regression', 'person', 'y', features => '{mood,token,code,born,fee}', algorithm => 'rules',
	params => jsonb_build_object('rules', jsonb_build_array(jsonb_build_object('when', w::jsonb, 'then', 1)), 'else', 0, 'holdout', 0)) AS version
FROM unnest(ARRAY['{"mood": "happy"}', '{"token": "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"}', '{"code": "x"}', '{"born": {">": "2000-02-01"}}', '{"fee": {"<": 30}}']) AS w;
SELECT sum(aipipe.model_predict('person', p, 1)) = count(*) FILTER (WHERE mood = 'happy') AS mood, sum(aipipe.model_predict('person', p, 2)) = count(*) FILTER (WHERE i % 2 = 0) AS token,
	sum(aipipe.model_predict('person', p, 3)) = count(*) FILTER (WHERE code = 'x') AS code, sum(aipipe.model_predict('person', p, 4)) = count(*) FILTER (WHERE born > '2000-02-01') AS born,
	sum(aipipe.model_predict('person', p, 5)) = count(*) FILTER (WHERE fee::numeric < 30) AS fee FROM person p;

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
	version int;
BEGIN
	SELECT * INTO made FROM random_case(seed);
	version := aipipe.model_train('random', 'regression', 'SELECT *, 1.5 * id AS y FROM claim', 'y', features => '{amount,region,vip,note,day,seen,hour,wait,list,address,ratio}',
		algorithm => 'rules', params => jsonb_build_object('rules', made.rules, 'else', 0, 'holdout', 0));
	EXECUTE format('SELECT count(DISTINCT p), count(*) FILTER (WHERE p <> %s) FROM (SELECT c.*, aipipe.model_predict(''random'', c, %s) AS p FROM claim c) AS s', made.expression, version) INTO outcomes, wrong;
END $$;
SELECT count(*) AS tables, sum(wrong) AS wrong, min(outcomes) >= 4 AS varied FROM generate_series(1, 20) AS seed, compare_case(seed);
-- in blocks as in single rows
SELECT count(*) AS same FROM aipipe.model_predict_batch('random', 'claim', key => 'id') AS b JOIN claim c ON c.id::text = b.key WHERE b.prediction = aipipe.model_predict('random', c);

-- what a rule leaves open is learned from the rows that it decides; one that decides none falls back to all rows
SELECT train('open', '{"rules": [{"when": {"amount": {">": 100000}}}, {"when": {"amount": {">": 1500}}}, {"when": {"region": "EU"}, "then": true}]}');
SELECT CASE WHEN amount > 1500 THEN 'large' WHEN region = 'EU' THEN 'EU' ELSE 'else' END AS part, round(avg(fraud::int), 5) AS share, round(min(p)::numeric, 5) AS least, round(max(p)::numeric, 5) AS most
FROM (SELECT c.*, aipipe.model_predict('open', c) AS p FROM claim c) AS s GROUP BY 1 ORDER BY 1;
SELECT round(aipipe.model_predict('open', c)::numeric, 5) AS overall, (SELECT round(avg(fraud::int), 5) FROM claim) AS expected
FROM (SELECT 200000 AS amount, NULL::text AS region, NULL::bool AS vip, NULL::text AS note, NULL::date AS day, NULL::timestamptz AS seen, NULL::time AS hour,
	NULL::interval AS wait, NULL::int[] AS list, NULL::inet AS address, NULL::float8 AS ratio) AS c;
SELECT train('means', '{"rules": [{"when": {"region": "EU"}}, {"when": {"region": "US"}, "then": -3.5}]}', 'ratio', 'regression');
SELECT region, round(avg(ratio)::numeric, 5) AS mean, round(min(p)::numeric, 5) AS least, round(max(p)::numeric, 5) AS most FROM (SELECT c.*, aipipe.model_predict('means', c) AS p FROM claim c) AS s GROUP BY 1 ORDER BY 1;
-- weights count
SELECT aipipe.model_train('weighted', 'regression', 'SELECT x, y, w FROM (VALUES (1, 10, 1), (1, 20, 3), (2, 5, 2), (3, 100, 0)) AS v(x, y, w)', 'y', features => '{x}', algorithm => 'rules',
	params => '{"rules": [{"when": {"x": 1}}, {"when": {"x": 3}}], "weight": "w", "holdout": 0}');
SELECT x, aipipe.model_predict('weighted', v) FROM (VALUES (1), (2), (3)) AS v(x);

-- several classes
SELECT train('regions', '{"rules": [{"when": {"amount": {"<": 1000}}}, {"when": {"amount": {">=": 1990}}, "then": "JP"}], "else": "US"}', 'region');
SELECT part, class, round(probability::numeric, 5) AS probability
FROM (SELECT DISTINCT ON (1) CASE WHEN amount < 1000 THEN 'small' WHEN amount >= 1990 THEN 'huge' ELSE 'else' END AS part, c FROM claim c ORDER BY 1, id) AS s, aipipe.model_predict_proba('regions', c) ORDER BY 1, 2;

-- contributions: the deciding rule's columns share alike; with the bias they sum to what is served
SELECT feature, round(contribution::numeric, 5) AS contribution FROM aipipe.model_explain('triage', (SELECT c FROM claim c WHERE region = 'EU' AND vip AND amount < 1500 ORDER BY id LIMIT 1)) WHERE contribution <> 0;
SELECT feature, round(contribution::numeric, 5) AS contribution FROM aipipe.model_explain('triage', (SELECT c FROM claim c WHERE region = 'EU' AND NOT vip AND amount < 1500 ORDER BY id LIMIT 1)) WHERE contribution <> 0;
SELECT model, max(abs(sum - margin)) < 1e-6 AS sums
FROM (SELECT m.model, c.id, CASE WHEN m.model = 'regions' THEN (SELECT max(probability) FROM aipipe.model_predict_proba('regions', c)) ELSE aipipe.model_predict(m.model, c) END AS margin,
		(SELECT sum(contribution) FROM aipipe.model_explain(m.model, c)) AS sum
	FROM claim c, (VALUES ('triage'), ('open'), ('means'), ('random'), ('regions')) AS m(model)) AS s GROUP BY 1 ORDER BY 1;
SELECT feature, round(gain::numeric, 5) AS gain, round(cover::numeric, 5) AS cover, weight FROM aipipe.model_importance('triage') WHERE weight > 0;

-- a category that training never saw is missing, as to any model
SELECT v, aipipe.model_predict('c17', c) AS is_eu, aipipe.model_predict('c18', c) AS is_other, aipipe.model_predict('c20', c) AS is_null
FROM (VALUES ('EU'), ('US'), ('Mars'), (NULL)) AS v(v), LATERAL (SELECT amount, v AS region, vip, note, day, seen, hour, wait, list, address, ratio FROM claim WHERE id = 1) AS c;

-- the same rows and rules, the same bytes; the artifact compiles to what was stored
SELECT train('triage', '{"else": false, "rules": [{"then": "true", "when": {"amount": {">": 1500.0}}}, {"when": {"vip": true, "region": "EU"}, "then": false},
	{"when": {"note": null, "region": {"in": ["US", "JP"]}}, "then": true}]}');
SELECT count(DISTINCT artifact) AS artifacts FROM aipipe.model_version, aipipe.model_export(model, version) AS artifact WHERE model = 'triage';
SELECT jsonb_pretty(convert_from(aipipe.model_export('means'), 'UTF8')::jsonb);

-- a gate quarantines by rules as by any classifier
CREATE TABLE landing (LIKE claim);
DO $$ BEGIN PERFORM aipipe.gate_create('landing', detector => 'triage', threshold => .5); END $$;
INSERT INTO landing SELECT * FROM claim WHERE id <= 100;
SELECT (SELECT count(*) FROM landing) AS landed, count(*) AS quarantined, min(q.reasons ->> 0) AS reasons FROM aipipe.quarantine q WHERE relation = 'learn_rules.landing';
SELECT aipipe.gate_drop('landing');

-- errors, each with where it is
\set VERBOSITY default
SELECT train('bad', '{}');
SELECT train('bad', '{"rules": []}');
SELECT train('bad', '{"rules": {"when": {"vip": true}}}');
SELECT train('bad', '{"rules": ["vip"]}');
SELECT train('bad', '{"rules": [{"when": {"vip": true}, "than": true}]}');
SELECT train('bad', '{"rules": [{"when": {"vip": true}}, {"then": true}]}');
SELECT train('bad', '{"rules": [{"when": {}}]}');
SELECT train('bad', '{"rules": [{"when": true}]}');
SELECT train('bad', '{"rules": [{"when": {"vip": {}}}]}');
SELECT train('bad', '{"rules": [{"when": {"vip": [true]}}]}');
SELECT train('bad', '{"rules": [{"when": {"amount": {"!=": 3}}}]}');
SELECT train('bad', '{"rules": [{"when": {"amount": {"inn": [3]}}}]}');
SELECT train('bad', '{"rules": [{"when": {"amount": {"=": null}}}]}');
SELECT train('bad', '{"rules": [{"when": {"amount": {"<": [3]}}}]}');
SELECT train('bad', '{"rules": [{"when": {"amount": {"in": 3}}}]}');
SELECT train('bad', '{"rules": [{"when": {"amount": {"in": []}}}]}');
SELECT train('bad', '{"rules": [{"when": {"amount": {"null": 1}}}]}');
SELECT train('bad', '{"rules": [{"when": {"amuont": {"<": 3}}}]}');
SELECT train('bad', '{"rules": [{"when": {"fraud": true}}]}');
SELECT train('bad', '{"rules": [{"when": {"amount": "3"}}]}');
SELECT train('bad', '{"rules": [{"when": {"vip": 1}}]}');
SELECT train('bad', '{"rules": [{"when": {"vip": {">": false}}}]}');
SELECT train('bad', '{"rules": [{"when": {"region": {">": "EU"}}}]}');
SELECT train('bad', '{"rules": [{"when": {"region": 3}}]}');
SELECT train('bad', '{"rules": [{"when": {"region": "UE"}}]}');
SELECT train('bad', '{"rules": [{"when": {"region": {"in": ["EU", "Atlantis"]}}}]}');
SELECT train('bad', '{"rules": [{"when": {"note": "note 5"}}]}');
SELECT train('bad', '{"rules": [{"when": {"list": "{1}"}}]}');
SELECT train('bad', '{"rules": [{"when": {"address": "10.0.0.1"}}]}');
SELECT train('bad', '{"rules": [{"when": {"day": 20240101}}]}');
SELECT train('bad', '{"rules": [{"when": {"day": {">": "2024-02-30"}}}]}');
SELECT train('bad', '{"rules": [{"when": {"day": {">": "Yesterday"}}}]}');
SELECT train('bad', '{"rules": [{"when": {"vip": true}, "then": "yes"}]}');
SELECT train('bad', '{"rules": [{"when": {"vip": true}, "then": "ture"}]}');
SELECT train('bad', '{"rules": [{"when": {"vip": true}, "then": ["true"]}]}');
SELECT train('bad', '{"rules": [{"when": {"vip": true}}], "else": "maybe"}');
SELECT train('bad', '{"rules": [{"when": {"vip": true}}], "else": {"true": 1}}');
SELECT train('bad', '{"rules": [{"when": {"vip": true}}], "esle": true}');
SELECT train('bad', '{"rules": [{"when": {"vip": true}, "then": "3"}]}', 'ratio', 'regression');
SELECT train('bad', '{"rules": [{"when": {"vip": true}, "then": 1e300}]}', 'ratio', 'regression');
SELECT train('bad', '{"rules": [{"when": {"vip": true}}], "search": {}}');
SELECT count(*) AS models FROM aipipe.model WHERE name = 'bad';

DO $$ BEGIN PERFORM aipipe.model_drop(name) FROM aipipe.model; END $$;
DROP SCHEMA learn_rules CASCADE;
