-- worker: jobs and the processes that run them.

-- Events.

CREATE OR REPLACE FUNCTION aipipe.job_landed() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_job_landed';
COMMENT ON FUNCTION aipipe.job_landed() IS
    'Trigger function of jobs that wait for rows; its argument is the job''s id. aipipe.job_create() attaches it';
REVOKE ALL ON FUNCTION aipipe.job_landed() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION aipipe.job_landed() TO PUBLIC;

-- Processes.

CREATE OR REPLACE FUNCTION aipipe.worker_start() RETURNS int
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_worker_start';
COMMENT ON FUNCTION aipipe.worker_start() IS
    'Lets jobs run in this database, and starts its scheduler unless it runs: its pid, NULL when it has not come within 10 seconds';
REVOKE ALL ON FUNCTION aipipe.worker_start() FROM PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.worker_stop() RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_worker_stop';
COMMENT ON FUNCTION aipipe.worker_stop() IS
    'No jobs run in this database until worker_start(); attempts that run go on to their end. Whether the scheduler is gone';
REVOKE ALL ON FUNCTION aipipe.worker_stop() FROM PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.worker_resume() RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_worker_resume';
COMMENT ON FUNCTION aipipe.worker_resume() IS
    'Lets the jobs that came with a restore or a copy of the database run here, from now on; how many there were';
REVOKE ALL ON FUNCTION aipipe.worker_resume() FROM PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.worker_status(
    OUT kind text, OUT pid int, OUT role text, OUT since timestamptz, OUT state text,
    OUT job text, OUT run bigint, OUT attempt bigint, OUT note text)
RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 5 AS 'MODULE_PATHNAME', 'aipipe_worker_status';
COMMENT ON FUNCTION aipipe.worker_status() IS
    'Whether jobs run in this database, and if not why; and the processes that work for it, executors only of roles that you are a member of';
REVOKE ALL ON FUNCTION aipipe.worker_status() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION aipipe.worker_status() TO PUBLIC;

-- Schedules.

CREATE OR REPLACE FUNCTION aipipe.job_schedule_next(
    schedule text, after timestamptz DEFAULT pg_catalog.now(), count int DEFAULT 1, timezone text DEFAULT NULL)
RETURNS SETOF timestamptz
AS 'MODULE_PATHNAME', 'aipipe_job_schedule_next' LANGUAGE C STABLE PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION aipipe.job_schedule_next(text, timestamptz, int, text) IS
'gives the next slots of a schedule after a time, in a time zone (NULL: the session''s); an interval without "from" is counted from that time';
GRANT EXECUTE ON FUNCTION aipipe.job_schedule_next(text, timestamptz, int, text) TO PUBLIC;

-- Jobs.

CREATE OR REPLACE FUNCTION aipipe.job_create(
    name text, command text DEFAULT NULL, schedule text DEFAULT NULL, function text DEFAULT NULL, params jsonb DEFAULT '{}')
RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_job_create';
COMMENT ON FUNCTION aipipe.job_create(text, text, text, text, jsonb) IS
    'Creates a job of the current role: a command or a function, run as that role by its schedule (cron, every, at, on a table; NULL: on demand); gives its id';

CREATE OR REPLACE FUNCTION aipipe.job_alter(
    name text, command text DEFAULT NULL, schedule text DEFAULT NULL, function text DEFAULT NULL, params jsonb DEFAULT NULL,
    owner regrole DEFAULT NULL, new_name text DEFAULT NULL)
RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_job_alter';
COMMENT ON FUNCTION aipipe.job_alter(text, text, text, text, jsonb, regrole, text) IS
    'Changes what is given of a job; options that are not named stay as they are; an empty schedule is none';

CREATE OR REPLACE FUNCTION aipipe.job_pause(name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_job_pause';
COMMENT ON FUNCTION aipipe.job_pause(text) IS
    'Holds a job: no slot and no landed row becomes a run, and runs that wait for their turn go on waiting; job_run_now() still works';

CREATE OR REPLACE FUNCTION aipipe.job_resume(name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_job_resume';
COMMENT ON FUNCTION aipipe.job_resume(text) IS
    'Lets a paused job run again, from its next slot on; a job that came with a copy of a database belongs to this one from now on';

CREATE OR REPLACE FUNCTION aipipe.job_drop(name text, force boolean DEFAULT false) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_job_drop';
COMMENT ON FUNCTION aipipe.job_drop(text, boolean) IS
    'Takes a job away and cancels its runs that wait; one that is running is an error, or ended too with force; the history stays for 30 days';

CREATE OR REPLACE FUNCTION aipipe.job_run_now(name text) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_job_run_now';
COMMENT ON FUNCTION aipipe.job_run_now(text) IS
    'Queues a run of a job, paused or not, behind those that it has; gives the run';

CREATE OR REPLACE FUNCTION aipipe.job_cancel(run bigint) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_job_cancel';
COMMENT ON FUNCTION aipipe.job_cancel(bigint) IS
    'Ends a run that waits at once, and one that runs when this transaction has committed; false when it had ended';

CREATE OR REPLACE FUNCTION aipipe.job_wait(run bigint, timeout interval DEFAULT NULL) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_job_wait';
COMMENT ON FUNCTION aipipe.job_wait(bigint, interval) IS
    'Waits until a run has ended and gives its state: succeeded, failed, cancelled or skipped; NULL when that took longer than the timeout';

CREATE OR REPLACE FUNCTION aipipe.job_current_run() RETURNS bigint
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'aipipe_job_current_run';
COMMENT ON FUNCTION aipipe.job_current_run() IS 'Inside of a job: the run; NULL elsewhere';

CREATE OR REPLACE FUNCTION aipipe.job_home() RETURNS text
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'aipipe_job_home';
COMMENT ON FUNCTION aipipe.job_home() IS
    'What tells this database from a copy of it: system identifier and OID; jobs of another home are paused';

GRANT EXECUTE ON FUNCTION
    aipipe.job_create(text, text, text, text, jsonb),
    aipipe.job_alter(text, text, text, text, jsonb, regrole, text),
    aipipe.job_pause(text),
    aipipe.job_resume(text),
    aipipe.job_drop(text, boolean),
    aipipe.job_run_now(text),
    aipipe.job_cancel(bigint),
    aipipe.job_wait(bigint, interval),
    aipipe.job_current_run(),
    aipipe.job_home()
TO PUBLIC;

-- What pg_read_all_stats may see of a session's queries it may see of jobs.
CREATE OR REPLACE VIEW aipipe.job WITH (security_barrier) AS
SELECT j.id, j.name, j.owner, j.command, j.function_name AS function, j.arguments, j.schedule, j.timezone,
       CASE WHEN h.copied THEN 'paused' ELSE s.state END AS state,
       CASE WHEN h.copied THEN 'copied from another database: worker_resume()'
            WHEN s.why IS NULL AND j.event_relation IS NOT NULL
                 AND pg_catalog.concat('zz_aipipe_job_', j.id, ' ', j.event_table_owner::pg_catalog.oid) <> ALL (ARRAY(
                     SELECT pg_catalog.concat(t.tgname, ' ', c.relowner) FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
                      WHERE t.tgname ^@ 'zz_aipipe_job_' AND t.tgenabled <> 'D'))
            THEN 'no rows are counted: its table is gone, has another owner, or has lost the trigger; job_alter() with the schedule attaches it again'
            ELSE s.why END AS why,
       CASE WHEN h.copied THEN NULL ELSE s.next_due END AS next_due,
       s.last_due, j.search_path, j.settings,
       pg_catalog.justify_hours(pg_catalog.make_interval(secs => NULLIF(j.timeout_ms, 0) / 1000.0)) AS timeout,
       j.retries,
       pg_catalog.justify_hours(pg_catalog.make_interval(secs => j.backoff_ms / 1000.0)) AS backoff,
       pg_catalog.justify_hours(pg_catalog.make_interval(secs => j.backoff_max_ms / 1000.0)) AS backoff_max,
       j.jitter, j.overlap, j.parallel, j.queue_limit, j.catch_up, j.catch_up_limit,
       pg_catalog.justify_hours(pg_catalog.make_interval(secs => j.grace_ms / 1000.0)) AS grace,
       j.priority, j.nice, j.io,
       CASE WHEN j.event_relation IS NOT NULL THEN j.event_rows END AS event_rows,
       CASE WHEN j.event_relation IS NOT NULL THEN pg_catalog.justify_hours(pg_catalog.make_interval(secs => j.event_wait_ms / 1000.0)) END AS event_wait,
       CASE WHEN j.event_relation IS NOT NULL THEN pg_catalog.justify_hours(pg_catalog.make_interval(secs => j.event_quiet_ms / 1000.0)) END AS event_quiet,
       pg_catalog.justify_hours(pg_catalog.make_interval(secs => j.keep_ms / 1000.0)) AS keep,
       j.keep_runs, j.once, j.created_at, j.changed_at
  FROM aipipe.job_data j
  JOIN aipipe.job_state_data s ON s.job = j.id
 CROSS JOIN LATERAL (SELECT j.home <> aipipe.job_home() AS copied) h
 WHERE pg_catalog.pg_has_role(j.owner, 'USAGE')
    OR (SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'));
COMMENT ON VIEW aipipe.job IS
    'Jobs of roles that you are a member of, all of them for pg_read_all_stats: what is done, when, and how; next_due NULL: on demand, when rows land, or not at all; state finished: its schedule has no slot left';

CREATE OR REPLACE VIEW aipipe.job_run WITH (security_barrier) AS
SELECT r.id, r.job, r.job_name, r.owner, r.cause, r.due_at, r.state, r.why, r.attempts, r.priority, r.not_before, r.cancel_by,
       r.event_rows, r.queued_at, r.started_at, r.finished_at,
       r.started_at - r.due_at AS lag, r.finished_at - r.started_at AS duration,
       r.rows, r.parent, r.step
  FROM aipipe.job_run_data r
 WHERE pg_catalog.pg_has_role(r.owner, 'USAGE')
    OR (SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'));
COMMENT ON VIEW aipipe.job_run IS
    'Runs of jobs of roles that you are a member of, all of them for pg_read_all_stats: one row for every execution, due or asked for, until it is pruned';

CREATE OR REPLACE VIEW aipipe.job_attempt WITH (security_barrier) AS
SELECT a.id, a.run, a.number, a.job, a.owner, a.state, a.pid, a.claimed_at, a.started_at, a.finished_at, a.deadline,
       a.rows, a.cpu_seconds, a.memory_peak, a.sqlstate, a.message, a.detail, a.hint, a.context
  FROM aipipe.job_attempt_data a
 WHERE pg_catalog.pg_has_role(a.owner, 'USAGE')
    OR (SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'));
COMMENT ON VIEW aipipe.job_attempt IS
    'Attempts of these runs: each try with its process, what it used, and its error';

CREATE OR REPLACE VIEW aipipe.job_status WITH (security_barrier) AS
SELECT j.id AS job, j.name, j.owner, j.schedule, j.state, j.why, j.next_due,
       (SELECT pg_catalog.count(*) FROM aipipe.job_run_data r
         WHERE r.job = j.id AND r.state = ANY (ARRAY['queued', 'starting', 'running'])) AS open_runs,
       now_running.pid, now_running.started_at AS running_since,
       CASE WHEN p.pid IS NOT NULL
            THEN pg_catalog.concat_ws(', ', p.what, p.phase, p.done || COALESCE(' of ' || NULLIF(p.total, 0), '')) END AS progress,
       l.id AS last_run, l.state AS last_state,
       CASE WHEN l.state = 'failed' THEN COALESCE(l.why, e.message) END AS last_error,
       l.started_at AS last_started_at, l.finished_at - l.started_at AS last_duration, l.started_at - l.due_at AS last_lag,
       d.runs AS runs_24h, d.failures AS failures_24h, d.mean_duration AS mean_duration_24h
  FROM aipipe.job j
  LEFT JOIN LATERAL (
       SELECT a.pid, a.started_at FROM aipipe.job_attempt_data a
        WHERE a.state = ANY (ARRAY['starting', 'running']) AND a.state = 'running' AND a.job = j.id
        ORDER BY a.id DESC LIMIT 1) now_running ON true
  LEFT JOIN aipipe.progress p ON p.pid = now_running.pid
  LEFT JOIN LATERAL (
       SELECT r.id, r.state, r.why, r.started_at, r.finished_at, r.due_at FROM aipipe.job_run_data r
        WHERE r.id = (SELECT f.id FROM aipipe.job_run_data f
                       WHERE f.job = j.id AND f.finished_at IS NOT NULL AND f.state <> 'skipped'
                       ORDER BY f.finished_at DESC, f.id DESC LIMIT 1)) l ON true
  LEFT JOIN LATERAL (
       SELECT a.message FROM aipipe.job_attempt_data a WHERE a.run = l.id ORDER BY a.number DESC LIMIT 1) e ON true
 CROSS JOIN LATERAL (
       SELECT pg_catalog.count(*) FILTER (WHERE f.state <> 'skipped') AS runs,
              pg_catalog.count(*) FILTER (WHERE f.state = 'failed') AS failures,
              pg_catalog.avg(f.finished_at - f.started_at) FILTER (WHERE f.state = 'succeeded') AS mean_duration
         FROM aipipe.job_run_data f
        WHERE f.job = j.id AND f.finished_at > pg_catalog.now() - interval '24 hours') d;
COMMENT ON VIEW aipipe.job_status IS
    'The same jobs, one row each: where it stands, what runs now, how the last run ended, and what the last 24 hours brought';

GRANT SELECT ON aipipe.job, aipipe.job_run, aipipe.job_attempt, aipipe.job_status TO PUBLIC;

-- Work in the background.

CREATE OR REPLACE FUNCTION aipipe.model_train_async(
    model text, task text, source text, target text DEFAULT NULL, features text[] DEFAULT NULL,
    algorithm text DEFAULT NULL, params jsonb DEFAULT '{}', job_params jsonb DEFAULT '{}') RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_model_train_async';
COMMENT ON FUNCTION aipipe.model_train_async(text, text, text, text, text[], text, jsonb, jsonb) IS
    'trains a new version of a model in the background, as the caller, and gives the run: a job "train <model>" that runs once; job_params are options of job_create(), aipipe.job_wait() waits for it';
GRANT EXECUTE ON FUNCTION aipipe.model_train_async(text, text, text, text, text[], text, jsonb, jsonb) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.worker_retention(params jsonb) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_worker_retention';
COMMENT ON FUNCTION aipipe.worker_retention(jsonb) IS
    'deletes what is older than params say of what you have a say over, and gives the number of rows: batches, decisions (not those on rows that are held), predictions, profiles, each with an interval. A function for a job';
GRANT EXECUTE ON FUNCTION aipipe.worker_retention(jsonb) TO PUBLIC;
