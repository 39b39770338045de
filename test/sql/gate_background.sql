-- Background timing: a load notes its rows, gate_drain() judges them.
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS gate_background CASCADE;
CREATE SCHEMA gate_background;
SET search_path = gate_background;
RESET client_min_messages;
SELECT setval('aipipe.gate_data_id_seq', 9700, false) AS gate \gset base_

CREATE TABLE history AS
SELECT (i % 100)::float8 AS amount, 'k' || i % 5 AS kind FROM generate_series(1, 2000) i;
SELECT aipipe.anomaly_train('gate_background', 'SELECT amount, kind FROM history');

-- A key of two columns, one of them with everything that an array's text form quotes, and a dropped column before the others.
CREATE TABLE landing (id int, gone int, part text, amount float8, kind text, PRIMARY KEY (id, part));
ALTER TABLE landing DROP COLUMN gone;
SELECT aipipe.gate_create('landing', 'gate_background', 'background') AS gate \gset

-- More rows than one note takes, and than memory holds; another table's wait for their own drain.
CREATE TABLE beside (id int PRIMARY KEY, amount float8, kind text);
SELECT aipipe.gate_create('beside', 'gate_background', 'background') AS beside \gset
INSERT INTO beside VALUES (1, 1e6, 'k1');
SET work_mem = '64kB';
INSERT INTO landing SELECT i, E'p''"{},\\' || i % 3, CASE WHEN i % 1000 = 0 THEN 1e6 ELSE i % 100 END, 'k' || i % 5
  FROM generate_series(1, 12000) i;
RESET work_mem;
SELECT timing, waiting_rows FROM aipipe.gate WHERE id = :gate;
SELECT count(*) AS batches FROM aipipe.batch WHERE gate = :gate;
-- Notes commit and abort with their rows.
BEGIN;
INSERT INTO landing VALUES (20001, 'a', 1, 'k1');
SAVEPOINT s;
INSERT INTO landing VALUES (20002, 'a', 1, 'k1');
ROLLBACK TO s;
COMMIT;
SELECT waiting_rows FROM aipipe.gate WHERE id = :gate;
-- A row that has left needs no decision; one that was changed is judged as it is now.
DELETE FROM landing WHERE id = 1000;
UPDATE landing SET amount = 1 WHERE id = 2000;

SELECT aipipe.gate_drain('landing', 1);
SELECT waiting_rows FROM aipipe.gate WHERE id = :gate;
SELECT aipipe.gate_drain('landing');
SELECT waiting_rows FROM aipipe.gate WHERE id = :beside;
SELECT aipipe.gate_drain();
SELECT aipipe.gate_drop('beside');
SELECT rows, accepted, quarantined, errors, event, role = current_user AS mine FROM aipipe.batch WHERE gate = :gate ORDER BY id;
SELECT (q."row" ->> 'id')::int AS id, q."row" ->> 'part' AS part, score > .99 AS strange FROM aipipe.quarantine q WHERE gate = :gate ORDER BY 1;
SELECT count(*) AS rows, max(amount) AS most FROM landing;
SELECT aipipe.quarantine_release(min(id)) FROM aipipe.quarantine WHERE gate = :gate;
SELECT count(*) AS rows, max(amount) AS most FROM landing;
SELECT waiting_rows FROM aipipe.gate WHERE id = :gate;

-- Paused: what waits keeps waiting, what comes is not noted.
INSERT INTO landing VALUES (30001, 'a', 1, 'k1');
SELECT aipipe.gate_pause('landing');
INSERT INTO landing VALUES (30002, 'a', 1, 'k1');
SELECT aipipe.gate_drain('landing');
SELECT aipipe.gate_resume('landing');
SELECT aipipe.gate_drain('landing');

-- A table with another name is the same table.
INSERT INTO landing VALUES (30004, 'a', 1e6, 'k1');
ALTER TABLE landing RENAME TO landed;
SELECT aipipe.gate_drain('landed');
ALTER TABLE landed RENAME TO landing;
SELECT q."row" ->> 'id' AS id FROM aipipe.quarantine q WHERE gate = :gate AND state = 'held' AND (q."row" ->> 'id')::int > 30000;

-- The key is another one than when they landed.
INSERT INTO landing VALUES (30003, 'a', 1, 'k1');
ALTER TABLE landing RENAME part TO piece;
SELECT aipipe.gate_drain('landing');
ALTER TABLE landing RENAME piece TO part;
ALTER TABLE landing DROP CONSTRAINT landing_pkey, ADD PRIMARY KEY (id);
SELECT aipipe.gate_drain('landing');
-- There is none any more.
ALTER TABLE landing DROP CONSTRAINT landing_pkey;
INSERT INTO landing VALUES (30005, 'a', 1, 'k1');
SELECT aipipe.gate_drain('landing');
SELECT aipipe.gate_drop('landing');
SELECT count(*) AS notes FROM aipipe.gate_queue_data WHERE gate = :gate;

-- Partitions, also loaded directly; updates; marks.
CREATE TABLE parted (id int PRIMARY KEY, amount float8, kind text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE TABLE parted_2 (kind text, id int NOT NULL, amount float8);
ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM (100) TO (200);
SELECT aipipe.gate_create('parted', 'gate_background', 'background', 'mark', params => '{"update": true}') AS gate \gset
INSERT INTO parted SELECT i, 5, 'k1' FROM generate_series(90, 110) i;
INSERT INTO parted_2 VALUES ('k2', 150, 1e6);
UPDATE parted SET amount = 1e6 WHERE id = 95;
SELECT aipipe.gate_drain('parted');
SELECT event, rows, marked FROM aipipe.batch WHERE gate = :gate ORDER BY id;
SELECT event, key FROM aipipe.decision WHERE gate = :gate ORDER BY id;

-- A table that is gone, or is another's.
INSERT INTO parted VALUES (1, 5, 'k1');
DROP TABLE parted;
SELECT aipipe.gate_drain();
SELECT aipipe.gate_drop(NULL, :gate);

-- Keys are noted in one form, whatever the sessions' settings are; rows of inheritance children are not the table's.
CREATE TABLE dated (on_day date, took interval, what regclass, amount float8, kind text, PRIMARY KEY (on_day, took, what));
CREATE TABLE dated_child () INHERITS (dated);
SELECT aipipe.gate_create('dated', 'gate_background', 'background') AS gate \gset
SET DateStyle = 'SQL, DMY';
SET IntervalStyle = 'sql_standard';
INSERT INTO dated VALUES ('03/02/2026', '-1 day +2:03:04', 'pg_class', 1e6, 'k1'), ('04/02/2026', '1 day', 'history', 5, 'k1');
INSERT INTO dated_child VALUES ('03/02/2026', '-1 day +2:03:04', 'pg_class', 1e6, 'k1');
CREATE TABLE pg_class (id int);
SET search_path = gate_background, pg_catalog;
SET DateStyle = 'ISO, MDY';
SET IntervalStyle = 'iso_8601';
SELECT aipipe.gate_drain('dated');
RESET DateStyle;
RESET IntervalStyle;
SET search_path = gate_background;
DROP TABLE gate_background.pg_class;
SELECT tableoid::regclass AS "from", on_day = '2026-02-03' AS third FROM dated ORDER BY 1;
SELECT rows, quarantined FROM aipipe.batch WHERE gate = :gate;
-- Another's table, once it is that.
INSERT INTO dated VALUES ('2026-02-05', '1 day', 'history', 1e6, 'k1');
CREATE ROLE regress_aipipe_drain_heir;
ALTER TABLE dated OWNER TO regress_aipipe_drain_heir;
SELECT aipipe.gate_drain();
SELECT count(*) AS rows FROM ONLY dated;
SELECT aipipe.gate_drop(NULL, :gate);
DROP TABLE dated CASCADE;
DROP ROLE regress_aipipe_drain_heir;

-- Rights: who may act for the gate's owner drains it, nobody else.
CREATE ROLE regress_aipipe_drain_owner;
CREATE ROLE regress_aipipe_drain_other;
CREATE TABLE owned (id int PRIMARY KEY, amount float8, kind text);
ALTER TABLE owned OWNER TO regress_aipipe_drain_owner;
GRANT USAGE ON SCHEMA gate_background TO regress_aipipe_drain_owner, regress_aipipe_drain_other;
GRANT INSERT ON owned TO regress_aipipe_drain_other;
SELECT aipipe.model_grant('gate_background', 'regress_aipipe_drain_owner', 'predict');
SET ROLE regress_aipipe_drain_owner;
SELECT aipipe.gate_create('owned', 'gate_background', 'background') IS NOT NULL AS created;
SET ROLE regress_aipipe_drain_other;
INSERT INTO owned VALUES (1, 1e6, 'k1'), (2, 3, 'k1');
SELECT aipipe.gate_drain('owned');
SELECT aipipe.gate_drain();
SET ROLE regress_aipipe_drain_owner;
SELECT aipipe.gate_drain();
SELECT role, rows, quarantined FROM aipipe.batch WHERE relation = 'gate_background.owned';
RESET ROLE;

-- A row that a trigger does not let go: the drain says so, and the note stays.
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER keep BEFORE DELETE ON owned FOR EACH ROW EXECUTE FUNCTION keep();
INSERT INTO owned VALUES (5, 1e6, 'k1');
SELECT aipipe.gate_drain('owned');
SELECT waiting_rows FROM aipipe.gate WHERE relation = 'gate_background.owned';
DROP TRIGGER keep ON owned;
SELECT aipipe.gate_drain('owned');

-- What cannot be.
CREATE TABLE listed (id int[] PRIMARY KEY, amount float8, kind text);
SELECT aipipe.gate_create('listed', 'gate_background', 'background');
CREATE TABLE keyless (amount float8, kind text);
SELECT aipipe.gate_create('keyless', 'gate_background', 'background', 'mark');
SELECT aipipe.gate_create('owned', 'gate_background', 'background', 'reject');
SELECT aipipe.gate_create('owned', 'gate_background', 'background', on_error => 'reject');
SELECT aipipe.gate_create('owned', 'gate_background', 'background', score_column => 'amount');
SELECT aipipe.gate_drain('owned', 0);
SELECT aipipe.gate_drain(0);
BEGIN READ ONLY;
SELECT aipipe.gate_drain();
ROLLBACK;

SELECT aipipe.gate_drop('owned');
SELECT aipipe.model_drop('gate_background');
SET client_min_messages = warning;
DROP SCHEMA gate_background CASCADE;
DROP ROLE regress_aipipe_drain_owner, regress_aipipe_drain_other;
