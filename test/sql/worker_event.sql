-- Rows that land make jobs due: what is counted, and for whom.
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS worker_event CASCADE;
CREATE SCHEMA worker_event;
SET search_path = worker_event;
RESET client_min_messages;
SELECT setval('aipipe.job_data_id_seq', 9800, false) AS job \gset base_

CREATE TABLE landing (id int PRIMARY KEY, a int);
SELECT aipipe.job_create('worker_event land', 'SELECT 1', 'on landing', params => '{"event_rows": 100}') AS job \gset
SELECT tgname = 'zz_aipipe_job_' || :job AS named, tgtype FROM pg_trigger WHERE tgrelid = 'landing'::regclass;
CREATE FUNCTION counted(bigint) RETURNS bigint[] LANGUAGE sql AS 'SELECT array_agg(rows ORDER BY id) FROM aipipe.job_event_data WHERE job = $1';

-- One row for each transaction; what an abort takes back is not counted.
INSERT INTO landing SELECT i, i FROM generate_series(1, 5) i;
BEGIN;
INSERT INTO landing VALUES (6, 6);
SAVEPOINT a;
INSERT INTO landing VALUES (7, 7), (8, 8);
SAVEPOINT b;
INSERT INTO landing VALUES (9, 9);
RELEASE b;
ROLLBACK TO a;
SAVEPOINT c;
INSERT INTO landing VALUES (10, 10);
RELEASE c;
COMMIT;
BEGIN;
INSERT INTO landing VALUES (11, 11);
ROLLBACK;
SELECT counted(:job);
-- Updates and deletes land nothing; COPY does.
UPDATE landing SET a = 0;
DELETE FROM landing WHERE id = 1;
COPY landing FROM STDIN;
21	1
22	2
\.
SELECT counted(:job);
-- What is in conflict has not landed, and a statement without rows tells nothing.
INSERT INTO landing VALUES (21, 3), (23, 3) ON CONFLICT (id) DO NOTHING;
INSERT INTO landing VALUES (22, 4), (24, 4), (25, 4) ON CONFLICT (id) DO UPDATE SET a = 4;
INSERT INTO landing SELECT 99, 99 WHERE false;
SELECT counted(:job);

-- A paused job is told once.
SELECT aipipe.job_pause('worker_event land');
DELETE FROM aipipe.job_event_data WHERE job = :job;
INSERT INTO landing VALUES (31, 1);
INSERT INTO landing VALUES (32, 1);
SELECT counted(:job);
-- When it is resumed that makes it due, however few they were; one that runs already is left alone.
SELECT aipipe.job_resume('worker_event land');
SELECT rows, landed_at FROM aipipe.job_event_data WHERE job = :job;
INSERT INTO landing VALUES (33, 1);
SELECT aipipe.job_resume('worker_event land');
SELECT rows, isfinite(landed_at) AS waits FROM aipipe.job_event_data WHERE job = :job ORDER BY id;
-- So is one that came with a copy of its database.
UPDATE aipipe.job_data SET home = '1/1' WHERE id = :job;
DELETE FROM aipipe.job_event_data WHERE job = :job;
INSERT INTO landing VALUES (35, 1);
INSERT INTO landing VALUES (36, 1);
SELECT counted(:job);
UPDATE aipipe.job_data SET home = aipipe.job_home() WHERE id = :job;

-- Partitions, also those that come later and those that are loaded directly.
CREATE TABLE parted (id int, a int) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
SELECT aipipe.job_create('worker_event parted', 'SELECT 1', 'on parted') AS parted \gset
CREATE TABLE parted_2 (a int, id int);
ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM (10) TO (20);
INSERT INTO parted SELECT i, i FROM generate_series(5, 14) i;
INSERT INTO parted_2 VALUES (1, 15);
SELECT counted(:parted);

-- A row that a gate holds back has not landed.
CREATE TABLE history AS SELECT (i % 100)::float8 AS a FROM generate_series(1, 1000) i;
SELECT aipipe.anomaly_train('worker_event', 'history');
CREATE TABLE gated (a float8);
SELECT aipipe.gate_create('gated', 'worker_event') IS NOT NULL AS gate;
SELECT aipipe.job_create('worker_event gated', 'SELECT 1', 'on gated') AS gated \gset
INSERT INTO gated VALUES (1), (2), (1e9);
SELECT counted(:gated);

-- A trigger of one's own with another's job does nothing to it.
CREATE ROLE regress_aipipe_event;
GRANT USAGE, CREATE ON SCHEMA worker_event TO regress_aipipe_event;
SET ROLE regress_aipipe_event;
CREATE TABLE planted (id int);
SELECT format('CREATE TRIGGER zz_aipipe_job_%s BEFORE INSERT ON planted FOR EACH ROW EXECUTE FUNCTION aipipe.job_landed(%s)', :gated, :gated) \gexec
SELECT format('CREATE TRIGGER planted_too AFTER INSERT ON planted REFERENCING NEW TABLE AS n EXECUTE FUNCTION aipipe.job_landed(%s)', :gated) \gexec
INSERT INTO planted VALUES (1), (2);
CREATE TABLE after_row (id int);
CREATE TRIGGER after_row AFTER INSERT ON after_row FOR EACH ROW EXECUTE FUNCTION aipipe.job_landed('1');
INSERT INTO after_row VALUES (1);
CREATE TABLE on_update (id int);
CREATE TRIGGER on_update BEFORE UPDATE ON on_update FOR EACH ROW EXECUTE FUNCTION aipipe.job_landed('1');
INSERT INTO on_update VALUES (1);
UPDATE on_update SET id = 2;
CREATE TABLE by_statement (id int);
CREATE TRIGGER by_statement BEFORE INSERT ON by_statement EXECUTE FUNCTION aipipe.job_landed('1');
INSERT INTO by_statement VALUES (1);
CREATE TABLE no_rows (id int);
CREATE TRIGGER no_rows AFTER INSERT ON no_rows EXECUTE FUNCTION aipipe.job_landed('1');
INSERT INTO no_rows VALUES (1);
CREATE TABLE no_argument (id int);
CREATE TRIGGER no_argument BEFORE INSERT ON no_argument FOR EACH ROW EXECUTE FUNCTION aipipe.job_landed();
INSERT INTO no_argument VALUES (1);
CREATE TABLE no_number (id int);
CREATE TRIGGER no_number BEFORE INSERT ON no_number FOR EACH ROW EXECUTE FUNCTION aipipe.job_landed('one');
INSERT INTO no_number VALUES (1);
SELECT aipipe.job_landed();
RESET ROLE;
SELECT counted(:gated);
-- Nor beside rows that land for the job in the same transaction.
BEGIN;
INSERT INTO planted VALUES (3), (4);
INSERT INTO gated VALUES (3);
INSERT INTO planted VALUES (5);
COMMIT;
SELECT counted(:gated);
-- A partition's rows count for the job, whoever owns it.
ALTER TABLE parted_2 OWNER TO regress_aipipe_event;
INSERT INTO parted_2 VALUES (1, 16), (1, 17);
SELECT counted(:parted);

-- The trigger follows the job: to another table, away with it.
CREATE TABLE other (id int);
SELECT aipipe.job_alter('worker_event land', schedule => 'on other');
SELECT tgrelid::regclass FROM pg_trigger WHERE tgname = 'zz_aipipe_job_' || :job;
SELECT counted(:job);
INSERT INTO other VALUES (1);
SELECT counted(:job);
-- A job whose rows nobody counts says so.
SELECT name, state, why FROM aipipe.job WHERE name ~ '^worker_event' ORDER BY name;
ALTER TABLE other RENAME TO renamed;
SELECT state, why FROM aipipe.job WHERE name = 'worker_event land';
ALTER TABLE renamed OWNER TO regress_aipipe_event;
SELECT state, why FROM aipipe.job WHERE name = 'worker_event land';
ALTER TABLE renamed OWNER TO CURRENT_USER;
ALTER TABLE renamed DISABLE TRIGGER USER;
SELECT why IS NOT NULL AS says_so FROM aipipe.job WHERE name = 'worker_event land';
ALTER TABLE renamed ENABLE TRIGGER USER;
SELECT why IS NOT NULL AS says_so FROM aipipe.job WHERE name = 'worker_event land';
DROP TABLE renamed;
SELECT j.why = s.why AS says_so FROM aipipe.job j JOIN aipipe.job_status s ON s.job = j.id WHERE j.name = 'worker_event land';
SELECT aipipe.job_pause('worker_event land');
SELECT state, why ~ '^paused by ' AS paused FROM aipipe.job WHERE name = 'worker_event land';
SELECT aipipe.job_alter('worker_event land', schedule => 'on landing'), aipipe.job_resume('worker_event land');
SELECT state, why FROM aipipe.job WHERE name = 'worker_event land';
SELECT aipipe.job_drop('worker_event land'), aipipe.job_drop('worker_event parted'), aipipe.job_drop('worker_event gated');
SELECT count(*) FROM pg_trigger WHERE tgname = ANY (ARRAY['zz_aipipe_job_' || :job, 'zz_aipipe_job_' || :parted, 'zz_aipipe_job_' || :gated]) AND tgrelid <> 'planted'::regclass;
INSERT INTO landing VALUES (41, 1);
SELECT count(*) FROM aipipe.job_event_data WHERE job = ANY (ARRAY[:job, :parted, :gated]::bigint[]);

SELECT aipipe.gate_drop('gated');
SELECT aipipe.model_drop('worker_event');
SET client_min_messages = warning;
DROP SCHEMA worker_event CASCADE;
DROP ROLE regress_aipipe_event;
