-- worker: jobs and the processes that run them.

-- Events.

CREATE OR REPLACE FUNCTION aipipe.job_landed() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_job_landed';
COMMENT ON FUNCTION aipipe.job_landed() IS
    'Trigger function of jobs that wait for rows; its argument is the job''s id. aipipe.job_create() attaches it';
REVOKE ALL ON FUNCTION aipipe.job_landed() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION aipipe.job_landed() TO PUBLIC;

-- Schedules.

CREATE OR REPLACE FUNCTION aipipe.job_schedule_next(
    schedule text, after timestamptz DEFAULT pg_catalog.now(), count int DEFAULT 1, timezone text DEFAULT NULL)
RETURNS SETOF timestamptz
AS 'MODULE_PATHNAME', 'aipipe_job_schedule_next' LANGUAGE C STABLE PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION aipipe.job_schedule_next(text, timestamptz, int, text) IS
'gives the next slots of a schedule after a time, in a time zone (NULL: the session''s); an interval without "from" is counted from that time';
GRANT EXECUTE ON FUNCTION aipipe.job_schedule_next(text, timestamptz, int, text) TO PUBLIC;
