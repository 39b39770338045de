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

GRANT EXECUTE ON FUNCTION
    aipipe.job_create(text, text, text, text, jsonb),
    aipipe.job_alter(text, text, text, text, jsonb, regrole, text)
TO PUBLIC;

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
