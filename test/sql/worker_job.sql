-- Jobs: what is stored, what changes, and what the views show.  Nothing is scheduled here, so runs stay where they are put.
SELECT setval('aipipe.job_data_id_seq', 3000, false), setval('aipipe.job_run_data_id_seq', 5000, false), setval('aipipe.job_attempt_data_id_seq', 9000, false);
SET timezone = 'Europe/Berlin';
CREATE ROLE regress_job_boss LOGIN SUPERUSER;
CREATE SCHEMA job_area;
SET SESSION AUTHORIZATION regress_job_boss;
SET search_path = job_area, public;
CREATE TABLE job_land (id int);
CREATE FUNCTION job_none() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION job_one(jsonb) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION job_one(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE job_proc() LANGUAGE sql AS 'SELECT 1';

-- all defaults
SELECT aipipe.job_create('plain', 'SELECT 1');
\x on
SELECT id, name, owner, command, function, arguments, schedule, timezone, state, why, next_due, last_due, search_path, settings, timeout, retries,
       backoff, backoff_max, jitter, overlap, parallel, queue_limit, catch_up, catch_up_limit, grace, priority, nice, io,
       event_rows, event_wait, event_quiet, keep, keep_runs, once, created_at <= changed_at AS dated
FROM aipipe.job;

-- every option
SELECT aipipe.job_create('all', schedule => '0 3 * * *', function => 'job_one(jsonb)', params => '{
    "arguments": {"a": [1]}, "backoff": "1.5 seconds", "backoff_max": "2 days", "catch_up": "all", "catch_up_limit": 7, "grace": "0",
    "io": "idle", "jitter": 0, "keep": "1 week 1 hour", "keep_runs": 0, "nice": 19, "overlap": "parallel", "parallel": 3, "paused": true,
    "priority": -100, "queue_limit": 1, "retries": 0, "timeout": "2 minutes", "timezone": "America/New_York",
    "settings": {"work_mem": "8MB", "jit": false, "seq_page_cost": 1.5, "myapp.anything": "x", "default_transaction_isolation": "serializable"}}');
SELECT id, name, owner, command, function, arguments, schedule, timezone, state, why, next_due, last_due, search_path, settings, timeout, retries,
       backoff, backoff_max, jitter, overlap, parallel, queue_limit, catch_up, catch_up_limit, grace, priority, nice, io,
       event_rows, event_wait, event_quiet, keep, keep_runs, once
FROM aipipe.job WHERE name = 'all';
\x off
-- null is the default
SELECT aipipe.job_create('nulls', 'SELECT 1', params => '{"retries": null, "timeout": null, "settings": null, "timezone": null, "arguments": null}');
SELECT retries, timeout, settings, timezone, arguments FROM aipipe.job WHERE name = 'nulls';
SELECT aipipe.job_create('no options', 'SELECT 1', params => NULL);

-- functions are kept with their schema and their types', procedures too
SELECT aipipe.job_create('f0', function => 'job_none()'), aipipe.job_create('p0', function => 'job_area.job_proc ( )');
SELECT name, command, function FROM aipipe.job WHERE name IN ('f0', 'p0') ORDER BY 1;

-- several statements, and names that come later
SELECT aipipe.job_create('later', 'SELECT * FROM no_such_table; VACUUM; CALL no_such_procedure()');

-- schedules
SELECT aipipe.job_create('s cron', 'SELECT 1', '0 3 * * *'),
       aipipe.job_create('s every', 'SELECT 1', 'every 2 hours'),
       aipipe.job_create('s at', 'SELECT 1', 'at 2999-01-01 10:00'),
       aipipe.job_create('s at zone', 'SELECT 1', 'at 2999-01-01 10:00', params => '{"timezone": "UTC"}'),
       aipipe.job_create('s none', 'SELECT 1', ''),
       aipipe.job_create('s on', 'SELECT 1', 'on job_land', params => '{"event_rows": 10, "event_wait": "90 seconds", "event_quiet": "5 seconds"}');
SELECT name, schedule, state, to_char(next_due, 'HH24:MI'), next_due > now() AS ahead, event_rows, event_wait, event_quiet
FROM aipipe.job WHERE name LIKE 's %' AND name <> 's every' ORDER BY name;
SELECT next_due - created_at FROM aipipe.job WHERE name = 's every';
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgfoid = 'aipipe.job_landed()'::regprocedure;

-- each thing is altered by itself
CREATE FUNCTION pg_temp.altered(call text) RETURNS TABLE (what text, before text, after text) LANGUAGE plpgsql AS $$
DECLARE
    old jsonb := (SELECT to_jsonb(j) - 'changed_at' FROM aipipe.job j WHERE name IN ('plain', 'renamed'));
BEGIN
    EXECUTE 'SELECT ' || call;
    RETURN QUERY SELECT n.key, old ->> n.key, n.value FROM aipipe.job j, jsonb_each_text(to_jsonb(j) - 'changed_at') n
        WHERE j.name IN ('plain', 'renamed') AND n.value IS DISTINCT FROM old ->> n.key ORDER BY 1;
END $$;
SELECT * FROM pg_temp.altered($$aipipe.job_alter('plain')$$);
SELECT * FROM pg_temp.altered($$aipipe.job_alter('plain', params => '{}')$$);
SELECT * FROM pg_temp.altered($$aipipe.job_alter('plain', 'SELECT 2')$$);
SELECT * FROM pg_temp.altered($$aipipe.job_alter('plain', function => 'job_one(jsonb)', params => '{"arguments": 5}')$$);
SELECT * FROM pg_temp.altered($$aipipe.job_alter('plain', params => '{"arguments": [6]}')$$);
SELECT * FROM pg_temp.altered($$aipipe.job_alter('plain', function => 'job_none()')$$);
SELECT * FROM pg_temp.altered($$aipipe.job_alter('plain', function => 'job_one(jsonb)', params => '{"arguments": 7}')$$);
SET search_path = public;
SELECT * FROM pg_temp.altered($$aipipe.job_alter('plain', command => 'SELECT 3')$$);
SET search_path = job_area, public;
SELECT what, before FROM pg_temp.altered($$aipipe.job_alter('plain', schedule => '0 4 * * *')$$);
SELECT to_char(next_due, 'HH24:MI TZH') <> '' AS due, to_char(next_due, 'HH24:MI') FROM aipipe.job WHERE name = 'plain';
SELECT what, before, CASE WHEN what = 'timezone' THEN after END AS after FROM pg_temp.altered($$aipipe.job_alter('plain', params => '{"timezone": "Asia/Tokyo"}')$$) WHERE what <> 'next_due';
SELECT to_char(next_due AT TIME ZONE 'Asia/Tokyo', 'HH24:MI') FROM aipipe.job WHERE name = 'plain';
SELECT what, after FROM pg_temp.altered($$aipipe.job_alter('plain', schedule => '')$$);
SELECT what, after FROM pg_temp.altered($$aipipe.job_alter('plain', schedule => 'on job_land')$$);
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgfoid = 'aipipe.job_landed()'::regprocedure ORDER BY 2;
INSERT INTO job_land SELECT generate_series(1, 5);
SELECT job, rows FROM aipipe.job_event_data ORDER BY 1;
SELECT * FROM pg_temp.altered($$aipipe.job_alter('plain', params => '{"event_rows": 50, "event_wait": "1 hour", "event_quiet": "1 second"}')$$);
SELECT * FROM pg_temp.altered($$aipipe.job_alter('plain', params => '{"timezone": "UTC"}')$$);
SELECT what, before FROM pg_temp.altered($$aipipe.job_alter('plain', schedule => 'every 1 hour')$$) WHERE what <> 'next_due';
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgfoid = 'aipipe.job_landed()'::regprocedure ORDER BY 2;
SELECT job, rows FROM aipipe.job_event_data ORDER BY 1;
SELECT what, before FROM pg_temp.altered($$aipipe.job_alter('plain', schedule => '')$$) WHERE what <> 'next_due';
SELECT * FROM pg_temp.altered($$aipipe.job_alter('plain', params => '{"overlap": "parallel", "parallel": 4}')$$);
SELECT * FROM pg_temp.altered($$aipipe.job_alter('plain', params => '{"overlap": "queue"}')$$);
SELECT * FROM pg_temp.altered($$aipipe.job_alter('plain', params => '{"backoff": "1 minute", "backoff_max": "1 minute", "jitter": 1, "retries": 1, "timeout": "1 day"}')$$);
SELECT * FROM pg_temp.altered($$aipipe.job_alter('plain', params => '{"catch_up": "skip", "catch_up_limit": 1, "grace": "10 seconds", "queue_limit": 2}')$$);
SELECT * FROM pg_temp.altered($$aipipe.job_alter('plain', params => '{"priority": 9, "nice": 1, "io": "low", "keep": "1 day", "keep_runs": 3}')$$);
SELECT * FROM pg_temp.altered($$aipipe.job_alter('plain', params => '{"settings": {"work_mem": 128}}')$$);
SELECT * FROM pg_temp.altered($$aipipe.job_alter('plain', params => '{"timeout": null, "settings": null}')$$);
SELECT * FROM pg_temp.altered($$aipipe.job_alter('plain', new_name => 'renamed')$$);

-- runs that wait follow their job; those that have ended do not
SELECT aipipe.job_run_now('renamed'), aipipe.job_run_now('renamed');
SELECT aipipe.job_cancel(5000);
SELECT aipipe.job_alter('renamed', new_name => 'plain', params => '{"priority": 2}');
SELECT id, job_name, cause, state, why, priority, cancel_by, attempts, due_at = not_before AS now, finished_at IS NULL AS open
FROM aipipe.job_run WHERE job = 3000 ORDER BY id;

-- a pause has no next slot; altering the schedule does not end it, and job_resume() goes on from now
SELECT aipipe.job_pause('s cron'), aipipe.job_pause('s cron');
SELECT state, why, next_due FROM aipipe.job WHERE name = 's cron';
SELECT aipipe.job_alter('s cron', schedule => '0 5 * * *');
SELECT state, why, next_due FROM aipipe.job WHERE name = 's cron';
SELECT aipipe.job_run_now('s cron');
SELECT aipipe.job_resume('s cron');
SELECT state, why, to_char(next_due, 'HH24:MI') FROM aipipe.job WHERE name = 's cron';
UPDATE aipipe.job_state_data SET next_due = '2001-01-01' WHERE job = (SELECT id FROM aipipe.job WHERE name = 's cron');
SELECT aipipe.job_resume('s cron');
SELECT state, extract(year FROM next_due) FROM aipipe.job WHERE name = 's cron';
-- what has no slot left is finished, until there is one again
SELECT aipipe.job_pause('s at');
UPDATE aipipe.job_data SET schedule = 'at 2001-01-01 10:00' WHERE name = 's at';
SELECT aipipe.job_resume('s at');
SELECT state, why, next_due FROM aipipe.job WHERE name = 's at';
SELECT aipipe.job_alter('s at', schedule => 'at 2999-01-01 00:00');
SELECT state, why, extract(year FROM next_due) FROM aipipe.job WHERE name = 's at';

-- a copy of a database has its jobs paused; one by one, or all at once, they may run in it
UPDATE aipipe.job_data SET home = '1/1' WHERE name IN ('s cron', 's every', 's none');
SELECT name, state, why, next_due FROM aipipe.job WHERE name IN ('s cron', 's every', 's none') ORDER BY name;
SELECT aipipe.job_run_now('s cron');
SELECT aipipe.job_resume('s cron');
SELECT state, why, next_due > now() FROM aipipe.job WHERE name = 's cron';
SELECT state, why, cancel_by FROM aipipe.job_run WHERE job = (SELECT id FROM aipipe.job WHERE name = 's cron');
SELECT aipipe.worker_resume();
SELECT name, state, why FROM aipipe.job WHERE name IN ('s cron', 's every', 's none') ORDER BY name;

-- the end of a run that is under way is only asked for: nobody is there to end it
SELECT aipipe.job_run_now('f0') AS run \gset
UPDATE aipipe.job_run_data SET state = 'starting', attempts = 1 WHERE id = :run;
INSERT INTO aipipe.job_attempt_data (run, number, job, owner, state) SELECT id, 1, job, owner, 'starting' FROM aipipe.job_run_data WHERE id = :run;
SELECT aipipe.job_cancel(:run);
UPDATE aipipe.job_run_data SET state = 'running', cancel_by = NULL, started_at = due_at + interval '1.5 s' WHERE id = :run;
UPDATE aipipe.job_attempt_data SET state = 'running', pid = 1, started_at = now() WHERE run = :run;
SELECT aipipe.job_cancel(:run);
SELECT state, cancel_by, lag, duration FROM aipipe.job_run WHERE id = :run;
SELECT aipipe.job_cancel(:run);
SELECT number, state, pid FROM aipipe.job_attempt WHERE run = :run;
SELECT open_runs, pid, running_since IS NOT NULL AS running, progress, last_run, last_state, runs_24h FROM aipipe.job_status WHERE name = 'f0';
-- nor can it be dropped meanwhile, unless it is forced; what waits goes with it
SELECT aipipe.job_run_now('f0') AS other \gset
SELECT aipipe.job_drop('f0');
SELECT aipipe.job_drop('f0', force => true);
SELECT state, why, cancel_by FROM aipipe.job_run WHERE id IN (:run, :other) ORDER BY id;
SELECT count(*) FROM aipipe.job WHERE name = 'f0';
UPDATE aipipe.job_run_data SET state = 'cancelled', finished_at = now() WHERE id = :run;
SELECT aipipe.job_cancel(:run), aipipe.job_cancel(:other);

-- a job that goes with its last run goes with its cancel
INSERT INTO aipipe.job_data SELECT (jsonb_populate_record(j, '{"id": 4000, "name": "once", "once": true}')).* FROM aipipe.job_data j WHERE name = 'plain';
INSERT INTO aipipe.job_state_data (job, state) VALUES (4000, 'active');
SELECT aipipe.job_run_now('once') AS run, aipipe.job_run_now('once') AS other \gset
SELECT aipipe.job_cancel(:run);
SELECT count(*) FROM aipipe.job WHERE name = 'once';
SELECT aipipe.job_cancel(:other);
SELECT count(*) FROM aipipe.job_data WHERE name = 'once';
SELECT count(*) FROM aipipe.job_state_data WHERE job = 4000;

-- waiting
SELECT aipipe.job_wait(:other);
SELECT aipipe.job_run_now('p0') AS run \gset
SELECT aipipe.job_wait(:run, '0');
SELECT aipipe.job_wait(:run, '20 milliseconds');
BEGIN READ ONLY;
SELECT aipipe.job_wait(:run, '0');
ROLLBACK;
UPDATE aipipe.job_run_data SET state = 'failed', finished_at = now() WHERE id = :run;
SELECT aipipe.job_wait(:run), aipipe.job_wait(:run, '1 month');
SELECT aipipe.job_current_run();

-- what the last run and the last day were like
UPDATE aipipe.job_run_data SET due_at = now() - interval '10 s', started_at = now() - interval '8 s', finished_at = now(), attempts = 2 WHERE id = :run;
INSERT INTO aipipe.job_attempt_data (run, number, job, owner, state, message)
SELECT r.id, n, r.job, r.owner, 'failed', 'message ' || n FROM aipipe.job_run_data r, generate_series(1, 2) n WHERE r.id = :run;
INSERT INTO aipipe.job_run_data (job, job_name, owner, cause, due_at, state, priority, not_before, started_at, finished_at)
SELECT r.job, r.job_name, r.owner, 'manual', now(), s, 0, now(), now() - d * interval '1 s', now() - ago FROM aipipe.job_run_data r,
    (VALUES ('succeeded', 4000, interval '1 hour'), ('succeeded', 4002, '1 hour'), ('skipped', NULL, '0'), ('cancelled', 1, '1 hour'), ('succeeded', 100000, '25 hours')) v(s, d, ago)
WHERE r.id = :run;
SELECT name, open_runs, last_run = :run AS last, last_state, last_error, last_duration, last_lag, runs_24h, failures_24h, mean_duration_24h FROM aipipe.job_status WHERE name = 'p0';

-- a trigger goes with its job
SELECT aipipe.job_drop('s on');
SELECT count(*) FROM pg_trigger WHERE tgfoid = 'aipipe.job_landed()'::regprocedure;
SELECT count(*) FROM aipipe.job_event_data;

-- a name is free again after a drop
SELECT aipipe.job_drop('plain');
SELECT aipipe.job_create('plain', 'SELECT 1') > 3000;

SELECT aipipe.job_drop(name) FROM aipipe.job;
SELECT count(*) FROM aipipe.job_data, aipipe.job_state_data;
DELETE FROM aipipe.job_run_data;
DELETE FROM aipipe.job_attempt_data;
RESET SESSION AUTHORIZATION;
SET client_min_messages = warning;
DROP FUNCTION pg_temp.altered(text);
DROP SCHEMA job_area CASCADE;
DROP ROLE regress_job_boss;
