-- worker_start(), worker_stop(), worker_resume(), worker_status(): what they say and do to tables. Processes are in test/t/05*.
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE ROLE regress_worker_clerk;

-- Nobody may switch workers who was not granted it; everybody may ask.
SET ROLE regress_worker_clerk;
SELECT aipipe.worker_start();
SELECT aipipe.worker_stop();
SELECT aipipe.worker_resume();
SELECT kind, pid, role, since, state, job, run, attempt FROM aipipe.worker_status();
RESET ROLE;
BEGIN READ ONLY;
SELECT aipipe.worker_start();
ROLLBACK;
BEGIN READ ONLY;
SELECT aipipe.worker_stop();
ROLLBACK;
BEGIN READ ONLY;
SELECT aipipe.worker_resume();
ROLLBACK;
BEGIN READ ONLY;
SELECT count(*) FROM aipipe.worker_status();
ROLLBACK;

-- A stop is a row; another changes it.
SELECT count(*) FROM aipipe.worker_data;
SELECT aipipe.worker_stop();
SELECT enabled, changed_by = current_user AS mine, changed_at <= clock_timestamp() AS past FROM aipipe.worker_data;
GRANT EXECUTE ON FUNCTION aipipe.worker_stop() TO regress_worker_clerk;
SET ROLE regress_worker_clerk;
SELECT aipipe.worker_stop();
SELECT kind, since IS NOT NULL AS since, state, note FROM aipipe.worker_status();
SELECT enabled FROM aipipe.worker_data;
RESET ROLE;
SELECT enabled, changed_by FROM aipipe.worker_data;
DELETE FROM aipipe.worker_data;

-- Jobs of a restore or a copy have another home, and wait.
CREATE FUNCTION restored(id bigint, name text, schedule text, once boolean DEFAULT false, state text DEFAULT 'active', home text DEFAULT '1/1') RETURNS void
LANGUAGE sql AS $$
    INSERT INTO aipipe.job_data (id, name, owner, command, schedule, timezone, search_path, timeout_ms, retries, backoff_ms, backoff_max_ms, jitter, overlap,
        parallel, queue_limit, catch_up, catch_up_limit, grace_ms, priority, nice, io, settings, event_rows, event_wait_ms, event_quiet_ms,
        keep_ms, keep_runs, once, home, created_at, event_schema, event_relation)
    VALUES (id, name, current_user::regrole, 'SELECT 1', schedule, 'UTC', '', 0, 3, 10000, 3600000, 0.2, 'skip',
        1, 100, 'one', 1000, 60000, 0, 0, 'normal', '{}', 1, 60000, 0, 2592000000, 10000, once, home, '2020-01-01 00:00+00',
        CASE WHEN schedule ~ '^on ' THEN 'staging' END, CASE WHEN schedule ~ '^on ' THEN 'orders' END);
    INSERT INTO aipipe.job_state_data (job, state, next_due, last_due)
    VALUES (id, state, '2020-01-02 00:00+00', '2020-01-01 00:00+00');
$$;
CREATE FUNCTION left_open(run bigint, job bigint, state text) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO aipipe.job_run_data (id, job, job_name, owner, cause, due_at, state, priority, not_before, attempts)
    VALUES (run, job, 'job ' || job, current_user::regrole, 'manual', '2020-01-01 00:00+00', state, 0, '2020-01-01 00:00+00', 1);
    INSERT INTO aipipe.job_attempt_data (id, run, number, job, owner, state, pid)
    SELECT run, run, 1, job, current_user::regrole, state, 1 WHERE state <> 'queued';
$$;
SELECT restored(9001, 'nightly', '0 3 * * *'), restored(9002, 'on demand', NULL), restored(9003, 'once, long ago', 'at 2020-01-03 00:00'),
    restored(9004, 'once, far away', 'at 2120-01-01 00:00'), restored(9005, 'paused', '0 3 * * *', state => 'paused'),
    restored(9006, 'goes with its run', NULL, once => true), restored(9007, 'on rows', 'on staging.orders');
UPDATE aipipe.job_state_data SET last_due = '2200-01-01 00:00+00' WHERE job = 9004;
SELECT left_open(9001, 9001, 'running'), left_open(9002, 9002, 'queued'), left_open(9003, 9006, 'starting'), left_open(9004, 9001, 'succeeded'), left_open(9005, 9001, 'queued');
SELECT note ~ '; 7 jobs came with a copy of the database and wait for worker_resume\(\)$' AS counted FROM aipipe.worker_status() WHERE kind = 'database';
SELECT aipipe.worker_resume();
SELECT note ~ 'worker_resume' AS waiting FROM aipipe.worker_status() WHERE kind = 'database';
SELECT j.id, j.name, j.home = (SELECT system_identifier FROM pg_control_system()) || '/' || (SELECT oid FROM pg_database WHERE datname = current_database()) AS here,
    s.state, s.next_due > now() AS ahead, s.next_due <= now() + interval '1 day' AS soon, s.last_due
FROM aipipe.job_data j JOIN aipipe.job_state_data s ON s.job = j.id WHERE j.id > 9000 ORDER BY j.id;
SELECT r.id, r.job, r.state, r.why, r.finished_at IS NOT NULL AS finished, a.state AS attempt, a.message, a.finished_at IS NOT NULL AS ended
FROM aipipe.job_run_data r LEFT JOIN aipipe.job_attempt_data a ON a.run = r.id WHERE r.id > 9000 ORDER BY r.id;

-- Once more there is nothing to do, and runs of jobs that are at home stay open.
SELECT left_open(9006, 9001, 'running');
SELECT aipipe.worker_resume();
SELECT r.state, a.state FROM aipipe.job_run_data r JOIN aipipe.job_attempt_data a ON a.run = r.id WHERE r.id = 9006;

-- A schedule that cannot be read here keeps nobody from coming home: it is due now, and the scheduler pauses it with the reason.
SELECT restored(9008, 'bad', 'whenever');
SELECT aipipe.worker_resume();
SELECT state, next_due <= now() AS due FROM aipipe.job_state_data WHERE job = 9008;

DELETE FROM aipipe.job_data WHERE id > 9000;
DELETE FROM aipipe.job_state_data WHERE job > 9000;
DELETE FROM aipipe.job_run_data WHERE id > 9000;
DELETE FROM aipipe.job_attempt_data WHERE id > 9000;
DROP FUNCTION restored, left_open;
REVOKE EXECUTE ON FUNCTION aipipe.worker_stop() FROM regress_worker_clerk;
DROP ROLE regress_worker_clerk;
