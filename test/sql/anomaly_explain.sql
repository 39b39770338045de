-- Why a row is strange, cell by cell, in bits and in one sentence each.
CREATE SCHEMA anomaly_explain;
SET search_path = anomaly_explain;
CREATE TABLE people AS
SELECT i, 17 + i * 7919 % 74 AS age, (ARRAY['HS-grad', 'Bachelors', 'Masters', 'Doctorate'])[1 + i * 104729 % 4] AS education,
       (ARRAY[9, 13, 14, 16])[1 + i * 104729 % 4] AS education_num, (ARRAY['private', 'state', 'self'])[1 + i * 6007 % 3] AS workclass,
       i * 31 % 10 < 7 AS member, 'constant' AS source, NULL::int AS never
FROM generate_series(1, 4000) i;
CREATE TYPE person AS (age int, education text, education_num int, workclass text, member bool, source text, never int);
SELECT aipipe.anomaly_train('explain_d', 'people', '{age,education,education_num,workclass,member,source,never}');

-- the strangest cell of each fault
CREATE TABLE faults (fault text, row person);
INSERT INTO faults VALUES
    ('ordinary', ROW(40, 'HS-grad', 9, 'private', true, 'constant', NULL)),
    ('negative', ROW(-39, 'HS-grad', 9, 'private', true, 'constant', NULL)),
    ('NULL', ROW(40, 'HS-grad', 9, NULL, true, 'constant', NULL)),
    ('never seen', ROW(40, 'HS-grad', 9, 'pirate', true, 'constant', NULL)),
    ('contradiction', ROW(40, 'HS-grad', 16, 'private', true, 'constant', NULL)),
    ('not constant', ROW(40, 'HS-grad', 9, 'private', true, 'constants', NULL)),
    ('a value where none was', ROW(40, 'HS-grad', 9, 'private', true, 'constant', 7));
SELECT f.fault, e."column", e.value, e.given, e.sentence
FROM faults f, LATERAL (SELECT * FROM aipipe.anomaly_explain('explain_d', f.row) LIMIT 1) e WHERE fault <> 'ordinary' ORDER BY f.fault COLLATE "C";

-- every column once, the most first, in bits that add up to the margin
SELECT f.fault, count(*) AS columns, count(DISTINCT e."column") AS different, bool_and(e.contribution >= 0) AS bits, count(e.sentence) AS sentences,
       abs(sum(e.contribution) - (SELECT sum(weight * bits) FROM aipipe.anomaly_parts('explain_d', f.row))) < 1e-4 AS adds_up
FROM faults f, aipipe.anomaly_explain('explain_d', f.row) e GROUP BY f.fault, f.row ORDER BY f.fault COLLATE "C";
SELECT bool_and(contribution <= before) IS NOT FALSE AS descending FROM (SELECT contribution, lag(contribution) OVER () AS before FROM faults f, aipipe.anomaly_explain('explain_d', f.row) e WHERE fault = 'contradiction') q;
-- a column is never its own reason
SELECT count(*) FILTER (WHERE e.given = e."column") AS own FROM faults f, aipipe.anomaly_explain('explain_d', f.row) e;

-- a forest says no more than what training saw in the column
SELECT aipipe.anomaly_train('explain_f', 'people', '{age,education_num}', '{"algorithm": "isolation_forest"}');
SELECT "column", value, expected, given, sentence FROM aipipe.anomaly_explain('explain_f', ROW(-39, 'HS-grad', 9, 'private', true, 'constant', NULL)::person) LIMIT 1;

-- hostile names and values stay in one line, are quoted, and are cut
CREATE TABLE hostile AS SELECT i % 5 AS "a "" is 1; b", 'x' || i % 3 AS t FROM generate_series(1, 500) i;
SELECT aipipe.anomaly_train('explain_h', 'hostile');
SELECT "column", sentence FROM (VALUES (1, E'it''s\n\r\t\x7f; DROP TABLE hostile; --'), (1, repeat('long ', 100)), (1, '%s%n%1$s')) h ("a "" is 1; b", t), aipipe.anomaly_explain('explain_h', h) WHERE "column" = 't';
SELECT length(sentence) < 500 AS cut, sentence !~ '[\x01-\x1f]' AS one_line FROM (VALUES (99, E'\x1b[31mred\n')) h ("a "" is 1; b", t), aipipe.anomaly_explain('explain_h', h);

-- the same reasons are in a gate's decisions
CREATE TABLE landing (id int PRIMARY KEY, age int, education text, education_num int, workclass text, member bool, source text, never int);
SELECT aipipe.gate_create('landing', 'explain_d', on_anomaly => 'quarantine') > 0 AS gate;
INSERT INTO landing SELECT row_number() OVER (ORDER BY fault COLLATE "C"), (f.row).* FROM faults f WHERE fault IN ('ordinary', 'contradiction', 'negative');
SELECT "row" ->> 'id' AS id, reasons -> 0 ->> 'column' AS first, reasons -> 0 ->> 'given' AS given, reasons -> 0 ->> 'sentence' AS sentence,
       (SELECT array_agg(k ORDER BY k COLLATE "C") FROM jsonb_object_keys(reasons -> 0) k) AS keys
FROM aipipe.quarantine WHERE relation = 'anomaly_explain.landing' ORDER BY id;
SELECT aipipe.gate_drop('landing');

SELECT (SELECT count(*) FROM aipipe.anomaly_explain(NULL, ROW(1))) AS no_detector, (SELECT count(*) FROM aipipe.anomaly_explain('explain_d', NULL::person)) AS no_row;
SET client_min_messages = warning;
SELECT count(aipipe.model_drop(name)) AS dropped FROM aipipe.model WHERE name ~ '^explain_';
DROP SCHEMA anomaly_explain CASCADE;
