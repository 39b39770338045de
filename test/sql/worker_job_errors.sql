-- Everything that job_create(), job_alter() and the other calls about jobs refuse.
SELECT setval('aipipe.job_data_id_seq', 3400, false), setval('aipipe.job_run_data_id_seq', 5500, false);
SET timezone = 'UTC';
CREATE SCHEMA joberr_area;
SET search_path = joberr_area, public;
CREATE TABLE joberr_land (id int, at date) PARTITION BY RANGE (at);
CREATE TEMP TABLE joberr_temp (id int);
CREATE VIEW joberr_view AS SELECT 1 AS a;
CREATE FUNCTION joberr_int(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION joberr_two(jsonb, jsonb) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION joberr_many(VARIADIC jsonb[]) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION joberr_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE AGGREGATE joberr_sum(jsonb) (SFUNC = jsonb_concat, STYPE = jsonb);
CREATE FUNCTION joberr_none() RETURNS void LANGUAGE sql AS '';
SELECT aipipe.job_create('there', 'SELECT 1');

-- names
SELECT aipipe.job_create(NULL, 'SELECT 1');
SELECT aipipe.job_create('', 'SELECT 1');
SELECT aipipe.job_create(repeat('n', 256), 'SELECT 1');
SELECT aipipe.job_create(repeat('n', 255), 'SELECT 1');
SELECT length(name) FROM aipipe.job WHERE name LIKE 'nn%';
SELECT aipipe.job_drop(repeat('n', 255));
SELECT aipipe.job_create(E'tab\there', 'SELECT 1');
SELECT aipipe.job_create(E'del\x7f', 'SELECT 1');
SELECT aipipe.job_create('there', 'SELECT 2');

-- what is too large to be read at each slot
SELECT aipipe.job_create('large', 'SELECT 1' || repeat(' ', 1024 * 1024));
SELECT aipipe.job_create('large', 'SELECT 1', '0 3 * * *' || repeat(' ', 1024 * 1024));
SELECT aipipe.job_create('large', function => 'pg_catalog.jsonb_pretty(jsonb)', params => jsonb_build_object('arguments', jsonb_build_object('a', repeat('a', 1024 * 1024))));
SELECT aipipe.job_create('large', 'SELECT 1', params => jsonb_build_object('settings', jsonb_build_object('my.setting', repeat('a', 1024 * 1024))));
SELECT aipipe.job_alter('there', 'SELECT 1' || repeat(' ', 1024 * 1024));

-- what it does
SELECT aipipe.job_create('new');
SELECT aipipe.job_create('new', 'SELECT 1', function => 'joberr_none()');
SELECT aipipe.job_create('new', '');
SELECT aipipe.job_create('new', ' ;; -- nothing');
SELECT aipipe.job_create('new', 'SELEC 1');
SELECT aipipe.job_create('new', 'SELECT 1, ''open');
SELECT aipipe.job_create('new', 'BEGIN');
SELECT aipipe.job_create('new', 'SELECT 1;
  COMMIT');
SELECT aipipe.job_create('new', 'SAVEPOINT s');
SELECT aipipe.job_create('new', 'PREPARE TRANSACTION ''t''');
SELECT aipipe.job_create('new', 'COPY joberr_temp FROM STDIN');
SELECT aipipe.job_create('new', 'COPY (SELECT 1) TO STDOUT');
SELECT aipipe.job_create('new', 'SELECT 1; LISTEN news');
SELECT aipipe.job_create('new', function => 'joberr_none');
SELECT aipipe.job_create('new', function => 'joberr_missing()');
SELECT aipipe.job_create('new', function => 'joberr_none(no_such_type)');
-- 15 misses the schema, later servers the function
DO $$ BEGIN PERFORM aipipe.job_create('new', function => 'no_such_schema.joberr_none()');
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN RAISE NOTICE 'refused'; END $$;
SELECT aipipe.job_create('new', function => '4294967295');
SELECT aipipe.job_create('new', function => 'joberr_int(int)');
SELECT aipipe.job_create('new', function => 'joberr_two(jsonb, jsonb)');
SELECT aipipe.job_create('new', function => 'joberr_many(jsonb[])');
SELECT aipipe.job_create('new', function => 'joberr_trigger()');
SELECT aipipe.job_create('new', function => 'joberr_sum(jsonb)');
SELECT aipipe.job_create('new', function => 'pg_catalog.row_number()');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"arguments": {}}');
SELECT aipipe.job_create('new', function => 'joberr_none()', params => '{"arguments": {}}');

-- when
SELECT aipipe.job_create('new', 'SELECT 1', 'sometimes');
SELECT aipipe.job_create('new', 'SELECT 1', '0 0 30 2 *');
SELECT aipipe.job_create('new', 'SELECT 1', 'at 2001-01-01');
SELECT aipipe.job_create('new', 'SELECT 1', '* * * * *', params => '{"timezone": "Nowhere/At_All"}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"timezone": "Nowhere/At_All"}');
SELECT aipipe.job_create('new', 'SELECT 1', 'on joberr_missing');
SELECT aipipe.job_create('new', 'SELECT 1', 'on no_such_schema.t');
SELECT aipipe.job_create('new', 'SELECT 1', 'on joberr_view');
SELECT aipipe.job_create('new', 'SELECT 1', 'on joberr_temp');
SELECT aipipe.job_create('new', 'SELECT 1', 'on pg_catalog.pg_class');
SELECT aipipe.job_create('new', 'SELECT 1', 'on aipipe.job_data');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"event_rows": 5}');
SELECT aipipe.job_create('new', 'SELECT 1', '* * * * *', params => '{"event_wait": "1 s"}');
SELECT aipipe.job_create('new', 'SELECT 1', 'every 1 minute', params => '{"event_quiet": "1 s"}');

-- options
SELECT aipipe.job_create('new', 'SELECT 1', params => '[]');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"retry": 1}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"retries": -1}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"retries": 1.5}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"overlap": "skipp"}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"overlap": "parallel"}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"parallel": 2}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"catch_up": "none"}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"catch_up_limit": 0}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"queue_limit": 0}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"priority": 101}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"nice": -1}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"io": "fast"}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"jitter": 1.1}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"paused": 1}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"timeout": 60}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"timeout": "soon"}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"timeout": "1 month"}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"timeout": "-1 second"}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"keep": "36501 days"}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"grace": "1 day -25 hours"}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"event_wait": "2 years"}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"backoff": "2 hours"}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"settings": []}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"settings": 5}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"settings": {"work_mem": "much"}}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"settings": {"work_memory": "1MB"}}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"settings": {"aipipe.nothing": "1"}}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"settings": {"shared_buffers": "1MB"}}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"settings": {"work_mem": null}}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"settings": {"work_mem": [1]}}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"settings": {"Role": "postgres"}}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"settings": {"SESSION_authorization": "postgres"}}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"settings": {"statement_timeout": 5}}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"settings": {"exit_on_error": true}}');
SELECT aipipe.job_create('new', 'SELECT 1', params => '{"settings": {"transaction_read_only": true}}');
SELECT count(*) FROM aipipe.job_data;

-- nothing is changed by an alter that is refused
SELECT aipipe.job_create('alter me', function => 'joberr_none()', schedule => 'on joberr_land');
CREATE TEMP TABLE before AS SELECT j.*, s.state, s.next_due FROM aipipe.job_data j JOIN aipipe.job_state_data s ON s.job = j.id WHERE name = 'alter me';
SELECT aipipe.job_alter(NULL);
SELECT aipipe.job_alter('alter mee');
SELECT aipipe.job_alter('zzzzzzzzzzzzzzzzzz');
SELECT aipipe.job_alter('alter me', 'SELECT 1', function => 'joberr_none()');
SELECT aipipe.job_alter('alter me', '');
SELECT aipipe.job_alter('alter me', 'ROLLBACK');
SELECT aipipe.job_alter('alter me', function => 'joberr_int(int)');
SELECT aipipe.job_alter('alter me', schedule => 'never');
SELECT aipipe.job_alter('alter me', schedule => 'at 2001-01-01');
SELECT aipipe.job_alter('alter me', schedule => 'on joberr_view');
SELECT aipipe.job_alter('alter me', params => '{"event_rows": 0}');
SELECT aipipe.job_alter('alter me', schedule => '* * * * *', params => '{"event_rows": 2}');
SELECT aipipe.job_alter('alter me', params => '{"arguments": 1}');
SELECT aipipe.job_alter('alter me', params => '{"paused": true}');
SELECT aipipe.job_alter('alter me', params => '{"parallel": 2}');
SELECT aipipe.job_alter('alter me', params => '{"overlap": "parallel"}');
SELECT aipipe.job_alter('alter me', params => '{"backoff_max": "1 second"}');
SELECT aipipe.job_alter('alter me', params => '{"timezone": "Nowhere"}');
SELECT aipipe.job_alter('alter me', params => '{"settings": {"is_superuser": true}}');
SELECT aipipe.job_alter('alter me', params => '{"settings": {"jit": "perhaps"}}');
SELECT aipipe.job_alter('alter me', new_name => '');
SELECT aipipe.job_alter('alter me', new_name => 'there');
SELECT aipipe.job_alter('alter me', owner => 'pg_monitor');
SELECT aipipe.job_alter('alter me', owner => 999999999::regrole);
SELECT to_jsonb(b) = (SELECT to_jsonb(j) || jsonb_build_object('state', s.state, 'next_due', s.next_due) FROM aipipe.job_data j JOIN aipipe.job_state_data s ON s.job = j.id WHERE name = 'alter me') AS same FROM before b;
SELECT tgrelid::regclass FROM pg_trigger WHERE tgfoid = 'aipipe.job_landed()'::regprocedure;

-- a table that is gone: the job waits for nothing, and goes
DROP TABLE joberr_land;
SELECT aipipe.job_alter('alter me', params => '{"event_rows": 2}');
SELECT aipipe.job_drop('alter me');

-- the other calls
SELECT aipipe.job_pause(NULL);
SELECT aipipe.job_pause('ther');
SELECT aipipe.job_resume(NULL);
SELECT aipipe.job_resume('nothing like it');
SELECT aipipe.job_drop(NULL);
SELECT aipipe.job_drop('there', NULL);
SELECT aipipe.job_drop('theres');
SELECT aipipe.job_run_now(NULL);
SELECT aipipe.job_run_now('tere');
SELECT aipipe.job_cancel(NULL);
SELECT aipipe.job_cancel(0);
SELECT aipipe.job_wait(NULL);
SELECT aipipe.job_wait(-1);
SELECT aipipe.job_alter('there', params => '{"queue_limit": 1}');
SELECT aipipe.job_run_now('there') AS run \gset
SELECT aipipe.job_run_now('there');
SELECT aipipe.job_wait(:run, '-1 second');
SELECT aipipe.job_wait(:run, '-1 month');

-- a transaction that could not see the end, or that the run waits for
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT aipipe.job_wait(:run);
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT aipipe.job_wait(:run);
ROLLBACK;
SELECT aipipe.job_cancel(:run);
BEGIN;
SELECT aipipe.job_run_now('there') AS mine \gset
SELECT aipipe.job_wait(:mine);
ROLLBACK;
SELECT aipipe.job_run_now('there') AS run \gset
BEGIN;
SAVEPOINT before_cancel;
SELECT aipipe.job_cancel(:run);
ROLLBACK TO before_cancel;
SELECT state FROM aipipe.job_run WHERE id = :run;
UPDATE aipipe.job_run_data SET state = 'running' WHERE id = :run;
SELECT aipipe.job_wait(:run);
ROLLBACK;
SET statement_timeout = '50ms';
SET client_min_messages = warning;
-- it may come while a statement of ours runs
\set SHOW_CONTEXT never
SELECT aipipe.job_wait(:run);
\set SHOW_CONTEXT errors
RESET client_min_messages;
RESET statement_timeout;

-- read-only transactions
BEGIN READ ONLY;
SELECT aipipe.job_create('new', 'SELECT 1');
ROLLBACK;
BEGIN READ ONLY;
SELECT aipipe.job_alter('there');
ROLLBACK;
BEGIN READ ONLY;
SELECT aipipe.job_pause('there');
ROLLBACK;
BEGIN READ ONLY;
SELECT aipipe.job_resume('there');
ROLLBACK;
BEGIN READ ONLY;
SELECT aipipe.job_drop('there');
ROLLBACK;
BEGIN READ ONLY;
SELECT aipipe.job_run_now('there');
ROLLBACK;
BEGIN READ ONLY;
SELECT aipipe.job_cancel(:run);
ROLLBACK;

-- what somebody's expression does inside of a restricted operation leaves nothing behind
CREATE FUNCTION joberr_call(call text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    EXECUTE 'SELECT ' || call;
    RETURN 1;
END $$;
CREATE TABLE joberr_calls (call text);
CREATE FUNCTION pg_temp.restricted(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE joberr_calls;
    INSERT INTO joberr_calls VALUES (call);
    CREATE INDEX ON joberr_calls (joberr_area.joberr_call(call));
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT pg_temp.restricted(c) FROM unnest(ARRAY[
    $$aipipe.job_create('new', 'SELECT 1')$$, $$aipipe.job_alter('there', 'SELECT 2')$$, $$aipipe.job_pause('there')$$,
    $$aipipe.job_resume('there')$$, $$aipipe.job_drop('there')$$, $$aipipe.job_run_now('there')$$, $$aipipe.job_cancel(5500)$$]) c;

SELECT aipipe.job_drop('there');
SELECT count(*) FROM aipipe.job_data;
DELETE FROM aipipe.job_run_data;
SET client_min_messages = warning;
DROP SCHEMA joberr_area CASCADE;
