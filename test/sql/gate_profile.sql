-- Gates take a profile of each batch: what came, before any decision on it.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE VIEW taken AS
SELECT p.relation, p.batch IS NOT NULL AS of_batch, b.gate, p.rows, c.column_name, c.type, aipipe.sketch_count(c.sketch) AS count, aipipe.sketch_nulls(c.sketch) AS nulls,
       aipipe.sketch_distinct(c.sketch) AS "distinct"
  FROM aipipe.profile p JOIN aipipe.profile_column c ON c.profile = p.id LEFT JOIN aipipe.batch b ON b.id = p.batch;

-- without a model: counted and profiled
CREATE TABLE land (id int PRIMARY KEY, amount numeric(10, 2), status text, twice numeric GENERATED ALWAYS AS (amount * 2) STORED);
SELECT aipipe.gate_create('land', timing => 'statement', params => '{"profile": true}') AS statement \gset
SELECT aipipe.gate_create('land', params => '{"profile": true, "profile_rows": 10}') AS by_row \gset
SELECT gate.id - :statement AS gate, detector, timing, on_anomaly, threshold, profile_rows FROM aipipe.gate WHERE relation = 'public.land' ORDER BY id;
INSERT INTO land SELECT i, i, CASE WHEN i % 4 > 0 THEN 'a' || i % 2 END FROM generate_series(1, 99) i;
INSERT INTO land SELECT i, i, 'b' FROM generate_series(101, 300) i;
INSERT INTO land VALUES (1000, 5, 'c');
INSERT INTO land SELECT i, i, 'b' FROM generate_series(401, 500) i;
SELECT gate - :statement AS gate, rows, accepted, quarantined, errors, model, score_max FROM aipipe.batch WHERE relation = 'public.land' ORDER BY id;
SELECT gate - :statement AS gate, rows, column_name, type, count, nulls, "distinct" FROM taken WHERE relation = 'public.land' ORDER BY gate, rows, column_name;
-- a batch that is rolled back, or whose savepoint is, leaves none
BEGIN; INSERT INTO land SELECT i, i, 'b' FROM generate_series(2001, 2200) i; ROLLBACK;
BEGIN; SAVEPOINT s; INSERT INTO land SELECT i, i, 'b' FROM generate_series(2001, 2200) i; ROLLBACK TO s; COMMIT;
SELECT count(DISTINCT rows) FROM taken WHERE relation = 'public.land';
-- profiles of batches are no snapshots: the two latest of the table are not batches
SELECT * FROM aipipe.profile_diff('land');
-- COPY, paused
COPY land (id, amount, status) FROM PROGRAM 'seq -f "%.0f,1,z" 3001 3150' WITH (FORMAT csv);
SELECT gate - :statement AS gate, rows FROM taken WHERE relation = 'public.land' AND column_name = 'id' AND rows = 150 ORDER BY 1;
SELECT aipipe.gate_pause('land');
INSERT INTO land SELECT i, i, 'b' FROM generate_series(4001, 4400) i;
SELECT count(*) FROM taken WHERE relation = 'public.land' AND rows = 400;
SELECT aipipe.gate_drop('land');

-- with a model: rows that leave are in the profile too
CREATE TABLE known AS SELECT i AS id, 10 + (i * 7919 % 100) / 10.0 AS amount FROM generate_series(1, 500) i;
SELECT aipipe.anomaly_train('amounts', 'known', ARRAY['amount'], '{"seed": 1}');
CREATE TABLE judged (id int PRIMARY KEY, amount float8);
SELECT aipipe.gate_create('judged', 'amounts', params => '{"profile": true, "profile_rows": 1}') > 0;
INSERT INTO judged SELECT i, CASE WHEN i = 3 THEN 1e9 ELSE 10 + i END FROM generate_series(1, 5) i;
SELECT rows, column_name, count, "distinct" FROM taken WHERE relation = 'public.judged' ORDER BY column_name;
SELECT rows, accepted, quarantined FROM aipipe.batch WHERE relation = 'public.judged';
SELECT aipipe.gate_drop('judged');

-- partitions: columns meet by name, whatever their order
CREATE TABLE parts (id int, kind text, n float8) PARTITION BY LIST (kind);
CREATE TABLE part_a PARTITION OF parts FOR VALUES IN ('a');
CREATE TABLE part_b (n float8, junk int, kind text, id int);
ALTER TABLE part_b DROP COLUMN junk;
ALTER TABLE parts ATTACH PARTITION part_b FOR VALUES IN ('b');
SELECT aipipe.gate_create('parts', params => '{"profile": true, "profile_rows": 1}') > 0;
INSERT INTO parts SELECT i, CASE WHEN i % 3 = 0 THEN 'a' ELSE 'b' END, i FROM generate_series(1, 300) i;
SELECT relation, rows, column_name, count, "distinct" FROM taken WHERE relation = 'public.parts' ORDER BY column_name;
SELECT aipipe.gate_drop('parts');

-- types that are read through code that could fail
CREATE TYPE mood AS (a int, b text);
CREATE TABLE moods (id int PRIMARY KEY, m mood, x xml);
SELECT aipipe.gate_create('moods', timing => 'statement', params => '{"profile": true, "profile_rows": 1}') > 0;
INSERT INTO moods SELECT i, ROW(i, 'x')::mood, '<a/>' FROM generate_series(1, 70) i;
SELECT column_name, type, count, "distinct" FROM taken WHERE relation = 'public.moods' ORDER BY column_name;

-- errors
CREATE TABLE plain (id int PRIMARY KEY, score float8);
SELECT aipipe.gate_create('plain');
SELECT aipipe.gate_create('plain', params => '{"profile": false}');
SELECT aipipe.gate_create('plain', threshold => .5, params => '{"profile": true}');
SELECT aipipe.gate_create('plain', score_column => 'score', params => '{"profile": true}');
SELECT aipipe.gate_create('plain', params => '{"profile": true, "log": 0.5}');
SELECT aipipe.gate_create('plain', params => '{"profile": true, "profile_rows": 0}');
SELECT aipipe.gate_create('plain', params => '{"profile": 1}');
SELECT aipipe.gate_create('plain', params => '{"profile": true}') > 0;
SELECT aipipe.gate_create('plain', params => '{"profile": true}') > 0;

DROP TABLE land, known, judged, parts, moods, plain CASCADE;
DROP VIEW taken;
DROP TYPE mood;
SELECT aipipe.model_drop('amounts');
DELETE FROM aipipe.profile_column_data;
DELETE FROM aipipe.profile_data;
