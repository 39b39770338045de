-- The restored jobs wait until somebody says that they may run here; then they do.
DO $$
DECLARE
	jobs bigint := (SELECT count(*) FROM aipipe.job);
BEGIN
	ASSERT jobs > 0 AND (SELECT bool_and(state = 'paused' AND why ~ 'copied' AND next_due IS NULL) FROM aipipe.job), 'a restored job does not wait';
	ASSERT aipipe.worker_resume() = jobs, 'worker_resume() counts other jobs';
	ASSERT (SELECT string_agg(name || ' ' || state, ',' ORDER BY id) FROM aipipe.job) = 'learn active,drain active,sum paused,asked for active', 'jobs are in other states than before';
	ASSERT (SELECT next_due > now() FROM aipipe.job WHERE name = 'learn'), 'a job that was resumed is never due';
	ASSERT (SELECT bool_and(state = 'cancelled') FROM aipipe.job_run), 'a run that was open goes on';
	PERFORM aipipe.job_run_now('asked for');
	ASSERT (SELECT count(*) FROM aipipe.job_run WHERE state = 'queued') = 1, 'a job cannot be run';
END $$;
