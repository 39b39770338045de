-- Quarantined rows: whole, put back with corrections, or discarded.
SELECT setval('aipipe.gate_data_id_seq', 4000, false) AS gate, setval('aipipe.decision_data_id_seq', 4000, false) AS decision \gset base_

CREATE TABLE quar_history AS SELECT i AS id, i * 10.0::float8 AS amount, (i > 100)::int::float8 AS bad FROM generate_series(1, 200) i;
SELECT aipipe.model_train('quar_size', 'regression', 'quar_history', 'bad', features => ARRAY['amount'],
    params => '{"n_estimators": 1, "learning_rate": 1, "lambda": 0, "max_depth": 1, "holdout": 0}');

-- Every type comes back as it was, whatever the session's settings are.
CREATE TYPE quar_mood AS ENUM ('fine', 'bad');
CREATE TYPE quar_pair AS (a int, b text);
CREATE DOMAIN quar_percent AS numeric(5, 2) CHECK (VALUE BETWEEN 0 AND 100);
CREATE TABLE quar_types (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, amount float8, f4 float4, neg float8, nan float8, inf float4, num numeric, numnan numeric, scaled numeric(10, 4),
    b boolean, t text, c char(5), v varchar(10), n name, by bytea, u uuid, d date, tm time, tz timestamptz, ts timestamp, iv interval, money_ money,
    j json, jb jsonb, jbs jsonb, ia int[], ta text[], m quar_mood, p quar_pair, pct quar_percent, ip inet, r int4range, rc regclass, bits bit(4), pt point,
    "weird ""name" text, empty text, missing text, gen float8 GENERATED ALWAYS AS (amount * 2) STORED);
SELECT aipipe.gate_create('quar_types', 'quar_size', threshold => 0.5) IS NOT NULL AS created;
SET DateStyle = 'German'; SET IntervalStyle = 'sql_standard'; SET extra_float_digits = -5; SET bytea_output = 'escape'; SET TimeZone = 'Asia/Tokyo';
INSERT INTO quar_types (amount, f4, neg, nan, inf, num, numnan, scaled, b, t, c, v, n, by, u, d, tm, tz, ts, iv, money_, j, jb, jbs, ia, ta, m, p, pct, ip, r, rc, bits, pt, "weird ""name", empty)
VALUES (12345.678901234567, 0.1, '-0', 'NaN', '-Infinity', 123456789012345678901234567890.12345678901234567890, 'NaN', 1.5, true, E'tab\t "quote" \\ uni', 'ab', 'v', 'n', '\x00ff27', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    '2024-02-29', '23:59:59.123456', '2024-02-29 12:00:00.5+00', '0044-03-15 00:00 BC', '1 year -2 days 03:04:05.678', 12.34::money,
    '{"b":1,  "a" : [1, 2 ]}', '{"k": [1, null, "x"]}', '"just text"', '[0:2]={1,NULL,3}', '{"a,b","","NULL",NULL}', 'bad', '(7,"x,y")', 99.99, '10.0.0.1/8', '[1,5)', 'quar_history', '1010', '(1,2)', 'w', '');
SELECT "row" FROM aipipe.quarantine WHERE model = 'quar_size';
SET DateStyle = 'ISO, DMY'; SET IntervalStyle = 'iso_8601'; SET extra_float_digits = 3; SET bytea_output = 'hex'; SET TimeZone = 'America/New_York';
-- compare with the row itself, past the gate
SELECT aipipe.gate_pause('quar_types');
INSERT INTO quar_types (amount, f4, neg, nan, inf, num, numnan, scaled, b, t, c, v, n, by, u, d, tm, tz, ts, iv, money_, j, jb, jbs, ia, ta, m, p, pct, ip, r, rc, bits, pt, "weird ""name", empty)
VALUES (12345.678901234567, 0.1, '-0', 'NaN', '-Infinity', 123456789012345678901234567890.12345678901234567890, 'NaN', 1.5, true, E'tab\t "quote" \\ uni', 'ab', 'v', 'n', '\x00ff27', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    '2024-02-29', '23:59:59.123456', '2024-02-29 12:00:00.5+00', '0044-03-15 00:00 BC', 'P1Y-2DT3H4M5.678S', 12.34::money,
    '{"b":1,  "a" : [1, 2 ]}', '{"k": [1, null, "x"]}', '"just text"', '[0:2]={1,NULL,3}', '{"a,b","","NULL",NULL}', 'bad', '(7,"x,y")', 99.99, '10.0.0.1/8', '[1,5)', 'quar_history', '1010', '(1,2)', 'w', '');
SELECT aipipe.gate_resume('quar_types');
SELECT aipipe.quarantine_release(id) FROM aipipe.quarantine WHERE model = 'quar_size';
RESET DateStyle; RESET IntervalStyle; RESET extra_float_digits; RESET bytea_output; RESET TimeZone;
SELECT id FROM quar_types ORDER BY id;
SELECT count(*) AS different_rows FROM (SELECT DISTINCT (to_jsonb(q) - 'id')::text, q.j::text, q.neg::text, q.ia::text, q.scaled::text FROM quar_types q) d;

-- Corrections.
CREATE TABLE quar_land (id int PRIMARY KEY, amount float8, kind text NOT NULL DEFAULT 'plain', tags text[]);
SELECT aipipe.gate_create('quar_land', 'quar_size', threshold => 0.5) IS NOT NULL AS created;
INSERT INTO quar_land SELECT i, 1000 * i, 'k' || i FROM generate_series(2, 12) i;
CREATE FUNCTION quar_id(which int) RETURNS bigint LANGUAGE sql AS $$ SELECT id FROM aipipe.quarantine WHERE relation = 'public.quar_land' AND "row"->>'id' = which::text $$;
SELECT aipipe.quarantine_release(quar_id(2));
SELECT aipipe.quarantine_release(quar_id(3), '{"amount": 3.5, "tags": "{a,b}", "kind": "corrected"}');
SELECT aipipe.quarantine_release(quar_id(4), '{"amuont": 3}');
SELECT aipipe.quarantine_release(quar_id(4), '[1]');
SELECT aipipe.quarantine_release(quar_id(4), '{"amount": "many"}');
SELECT aipipe.quarantine_release(quar_id(4), '{"kind": null}');
SELECT aipipe.quarantine_release(quar_id(4), '{"id": 3}');
SELECT aipipe.quarantine_release(quar_id(4), '{"tags": ["a"]}');
SELECT aipipe.quarantine_release(quar_id(2));
SELECT aipipe.quarantine_discard(quar_id(5), 'a test order');
SELECT aipipe.quarantine_release(quar_id(5));
SELECT aipipe.quarantine_discard(quar_id(5));
SELECT aipipe.quarantine_release(99999999);
SELECT aipipe.quarantine_discard(99999999);
SELECT aipipe.quarantine_release(NULL);
SELECT * FROM quar_land ORDER BY id;
SELECT "row"->'id' AS id, state, correction, why, resolved_by = current_user AS by_me, resolved_at IS NOT NULL AS resolved FROM aipipe.quarantine WHERE relation = 'public.quar_land' ORDER BY id LIMIT 4;
-- undone with its transaction
BEGIN;
SELECT aipipe.quarantine_release(quar_id(4));
ROLLBACK;
SELECT state FROM aipipe.quarantine WHERE id = quar_id(4);
-- the way past the gate is for the released row alone, and ends with it
DO $$ BEGIN PERFORM aipipe.quarantine_release(public.quar_id(4), '{"id": 3}'); EXCEPTION WHEN unique_violation THEN RAISE NOTICE 'caught'; END $$;
INSERT INTO quar_land VALUES (100, 100000) RETURNING *;
CREATE FUNCTION quar_more() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id < 1000 THEN INSERT INTO public.quar_land VALUES (NEW.id + 1000, NEW.amount); END IF; RETURN NEW; END $$;
CREATE TRIGGER more BEFORE INSERT ON quar_land FOR EACH ROW EXECUTE FUNCTION quar_more();
SELECT aipipe.quarantine_release(quar_id(6));
SELECT id FROM quar_land WHERE id IN (6, 1006);
SELECT state FROM aipipe.quarantine WHERE id = quar_id(1006);
DROP TRIGGER more ON quar_land;
-- a trigger of the table that drops it
CREATE FUNCTION quar_none() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER none BEFORE INSERT ON quar_land FOR EACH ROW EXECUTE FUNCTION quar_none();
SELECT aipipe.quarantine_release(quar_id(7));
DROP TRIGGER none ON quar_land;

-- The table changes while rows are held.
ALTER TABLE quar_land DROP COLUMN kind, ADD COLUMN added int DEFAULT 42, ALTER COLUMN amount TYPE numeric(12, 1);
SELECT aipipe.quarantine_release(quar_id(7));
SELECT aipipe.quarantine_release(quar_id(7), '{"kind": null}');
ALTER TABLE quar_land RENAME TO quar_renamed;
SELECT aipipe.quarantine_release(quar_id(8), '{"kind": null, "added": 43}');
SELECT * FROM quar_renamed WHERE id IN (7, 8) ORDER BY id;
SELECT aipipe.gate_drop('quar_renamed');
SELECT aipipe.quarantine_release(quar_id(9), '{"kind": null}');
ALTER TABLE quar_renamed RENAME TO quar_land;
SELECT aipipe.quarantine_release(quar_id(9), '{"kind": null}');
DROP TABLE quar_land;
SELECT aipipe.quarantine_release(quar_id(10));
SELECT aipipe.quarantine_discard(quar_id(10));
SELECT "row"->'id' AS id, state FROM aipipe.quarantine WHERE relation = 'public.quar_land' ORDER BY id;

-- Held updates go back as updates.
CREATE TABLE quar_upd (id int, region text, amount float8, stamp int GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (region, id));
SELECT aipipe.gate_create('quar_upd', 'quar_size', threshold => 0.5, params => '{"update": true}') IS NOT NULL AS created;
INSERT INTO quar_upd (id, region, amount) VALUES (1, 'eu', 1), (2, 'us', 2), (3, 'as', 3);
UPDATE quar_upd SET amount = 5000, id = id + 10;
SELECT * FROM quar_upd ORDER BY id;
SELECT aipipe.quarantine_release(id) FROM aipipe.quarantine WHERE relation = 'public.quar_upd' AND key->>'region' = 'eu';
DELETE FROM quar_upd WHERE region = 'us';
SELECT aipipe.quarantine_release(id) FROM aipipe.quarantine WHERE relation = 'public.quar_upd' AND key->>'region' = 'us';
SELECT * FROM quar_upd ORDER BY id;

-- Read-only transactions.
BEGIN READ ONLY;
SELECT aipipe.quarantine_release(1);
ROLLBACK;

-- One column of each type, held under hostile settings and released under others, is to the byte what a plain INSERT stores.
CREATE SCHEMA quar_area;
CREATE TABLE quar_area.target (id int);
CREATE FUNCTION quar_area.f(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE DOMAIN quar_json AS jsonb;
CREATE DOMAIN quar_json_all AS quar_json NOT NULL;
CREATE DOMAIN quar_code AS char(4);
CREATE DOMAIN quar_class AS regclass;
CREATE TYPE quar_deep AS (c regclass, m money, j jsonb, a regproc[], p quar_pair);
CREATE TYPE quar_span_money AS RANGE (subtype = money);
CREATE FUNCTION quar_exact(type text, value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    same boolean;
    held jsonb;
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS quar_one; CREATE TABLE quar_one (amount float8, v %s)', type);
    PERFORM aipipe.gate_create('quar_one', 'quar_size', threshold => 0.5);
    EXECUTE format('INSERT INTO quar_one VALUES (1e6, %L)', value);
    PERFORM aipipe.gate_pause('quar_one');
    EXECUTE format('INSERT INTO quar_one VALUES (1e6, %L)', value);
    PERFORM aipipe.gate_resume('quar_one');
    SELECT q."row"->'v' INTO held FROM aipipe.quarantine q WHERE relation = 'public.quar_one' AND state = 'held';
    PERFORM set_config(s.name, s.value, true) FROM (VALUES ('DateStyle', 'SQL, DMY'), ('IntervalStyle', 'iso_8601'), ('TimeZone', 'America/St_Johns'),
        ('array_nulls', 'off'), ('xmloption', 'document'), ('search_path', 'pg_catalog')) s (name, value);
    PERFORM aipipe.quarantine_release(id) FROM aipipe.quarantine WHERE relation = 'public.quar_one' AND state = 'held';
    SELECT count(DISTINCT record_send(q)) = 1 AND count(*) = 2 INTO same FROM public.quar_one q;
    PERFORM set_config(s.name, s.value, true) FROM (VALUES ('DateStyle', 'German'), ('IntervalStyle', 'sql_standard'), ('TimeZone', 'Asia/Tokyo'),
        ('array_nulls', 'on'), ('xmloption', 'content'), ('search_path', 'public, quar_area')) s (name, value);
    RETURN CASE WHEN same THEN 'same ' ELSE 'DIFFERENT ' END || held;
END $$;
SET DateStyle = 'German'; SET IntervalStyle = 'sql_standard'; SET extra_float_digits = -5; SET bytea_output = 'escape'; SET TimeZone = 'Asia/Tokyo';
SET search_path = public, quar_area; SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
SELECT type, value, quar_exact(type, value) FROM (VALUES
    ('jsonb', NULL), ('jsonb', 'null'), ('jsonb', '"null"'), ('jsonb', '"\"null\""'), ('jsonb', '"x"'), ('jsonb', '""'), ('jsonb', '1.50'), ('jsonb', 'false'), ('jsonb', '[null]'), ('jsonb', '{"a": null}'), ('jsonb', '[]'),
    ('quar_json', NULL), ('quar_json', 'null'), ('quar_json', '"str"'), ('quar_json', '{"a": [1.0]}'), ('quar_json_all', 'null'), ('quar_json_all', '"s"'), ('jsonb[]', '{"null","\"x\"",NULL}'), ('quar_json[]', '{"null","\"x\""}'),
    ('json', NULL), ('json', 'null'), ('json', ' "x" '), ('json', '{"b":1,  "a":2}'), ('json', '7'),
    ('float8', '-0'), ('float8', '1e-320'), ('float8', '1.7976931348623157e308'), ('float8', '0.1'), ('float4', '1e-45'), ('float8[]', '{0.1,NaN,-0,-Infinity}'),
    ('numeric', 'NaN'), ('numeric', '-Infinity'), ('numeric', '1.000'), ('numeric', '1e-100'), ('numeric(6,-2)', '123456'), ('quar_percent', '5'), ('numeric[]', '{NaN,1.10}'),
    ('char(5)', 'ab'), ('char(5)', ''), ('bpchar', 'ab  '), ('quar_code', 'ab'), ('quar_code[]', '{ab,"  "}'), ('"char"', ''), ('"char"', 'x'), ('varchar(3)', 'a  '), ('text', 'null'), ('text', ''), ('name', 'n'),
    ('date', 'infinity'), ('date', '-infinity'), ('date', '01.02.0044 BC'), ('timestamp', 'infinity'), ('timestamptz', '-infinity'), ('timestamptz(0)', '2024-03-31 02:30:00+03:30'), ('timetz', '03:04:05+13:59'), ('time', '24:00'), ('interval', '-1-2 +3 -4:05:06.7'),
    ('daterange', '(,01.02.2024)'), ('tstzrange[]', '{"[2024-01-01 00:00+00,)",empty}'), ('datemultirange', '{[01.02.2024,03.02.2024)}'), ('int4range', 'empty'),
    ('bytea', '\x00ff5c27'), ('bytea[]', '{"\\x00ff"}'), ('bit(4)', '1010'), ('varbit', ''), ('uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'), ('inet', '::1/8'), ('macaddr', '08:00:2b:01:02:03'),
    ('xml', '<?xml version="1.0" encoding="UTF-8"?><a/>'), ('xml', 'just <b>content</b>'), ('xml[]', '{"a<b/>c"}'),
    ('text[]', '{NULL,"NULL","",a b}'), ('int[]', '[-1:0]={1,NULL}'), ('int[]', '{}'), ('int2vector', '1 2'), ('quar_mood[]', '{bad}'), ('quar_pair[]', '{"(1,\"x,y\")","(,)"}'), ('quar_pair', '(,)'),
    ('regclass', 'target'), ('regclass[]', '{target,quar_area.target}'), ('quar_class', 'target'), ('regprocedure', 'f(int)'), ('regproc[]', '{f}'), ('regtype', 'target'), ('regrole', 'pg_monitor'),
    ('quar_deep', '(target,$1.50,"null","{f}","(1,a)")'), ('quar_deep[]', '{"(target,,\"[1]\",,)"}'), ('money[]', '{$1.50}'), ('quar_span_money', '[$1.50,$2.50)'),
    ('point', '(0.1,-0)'), ('box', '((2,2),(1,1))'), ('polygon', '((0.1,0),(1,1))'), ('tsvector', '''a b'':1A c'), ('tsquery', '!a & b:*'), ('jsonpath', '$.a[*] ? (@ > 1)'), ('pg_lsn', '16/B374D848'), ('tid', '(0,1)'), ('xid8', '99999999999')) v (type, value);
RESET DateStyle; RESET IntervalStyle; RESET extra_float_digits; RESET bytea_output; RESET TimeZone; RESET search_path; RESET client_min_messages;
\pset format aligned
\pset tuples_only off
-- corrections of a jsonb column: null is SQL's, a string holds JSON text
CREATE TABLE quar_jsonb (id int, amount float8, j jsonb DEFAULT '{}');
SELECT aipipe.gate_create('quar_jsonb', 'quar_size', threshold => 0.5) IS NOT NULL AS created;
INSERT INTO quar_jsonb SELECT i, 1e6, '{"old": 1}' FROM generate_series(1, 5) i;
SELECT aipipe.quarantine_release(q.id, (ARRAY['{"j": null}', '{"j": "null"}', '{"j": "\"x\""}', '{"j": [1]}'])[("row"->>'id')::int]::jsonb)
    FROM aipipe.quarantine q WHERE relation = 'public.quar_jsonb' AND "row"->>'id' < '5' ORDER BY q.id;
SELECT aipipe.quarantine_release(id, '{"j": "x"}') FROM aipipe.quarantine WHERE relation = 'public.quar_jsonb' AND state = 'held';
SELECT id, j, j IS NULL AS missing FROM quar_jsonb ORDER BY id;
DROP TABLE quar_one, quar_jsonb;
DROP SCHEMA quar_area CASCADE;
DROP FUNCTION quar_exact(text, text);
DROP TYPE quar_deep, quar_span_money;
DROP DOMAIN quar_json_all, quar_json, quar_code, quar_class;

DROP TABLE quar_history, quar_types, quar_upd;
DROP TYPE quar_mood, quar_pair;
DROP DOMAIN quar_percent;
DROP FUNCTION quar_id(int), quar_more(), quar_none();
SELECT count(aipipe.gate_drop(NULL, id)) FROM aipipe.gate WHERE detector = 'quar_size';
SELECT aipipe.model_drop('quar_size');
