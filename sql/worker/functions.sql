-- worker: jobs and the processes that run them.

-- Events.

CREATE OR REPLACE FUNCTION aipipe.job_landed() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_job_landed';
COMMENT ON FUNCTION aipipe.job_landed() IS
    'Trigger function of jobs that wait for rows; its argument is the job''s id. aipipe.job_create() attaches it';
REVOKE ALL ON FUNCTION aipipe.job_landed() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION aipipe.job_landed() TO PUBLIC;
