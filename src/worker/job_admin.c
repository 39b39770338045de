/*-------------------------------------------------------------------------
 *
 * job_admin.c
 *	  job_pause(), job_resume() and job_drop().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/args.h"
#include "core/sql.h"
#include "worker/job.h"
#include "worker/job_int.h"
#include "worker/worker.h"

PG_FUNCTION_INFO_V1(aipipe_job_pause);
PG_FUNCTION_INFO_V1(aipipe_job_resume);
PG_FUNCTION_INFO_V1(aipipe_job_drop);

/* Who paused a job first is remembered. */
static SqlStatement pause_job = {
	"UPDATE aipipe.job_state_data SET state = 'paused', why = $2, next_due = NULL, changed_at = pg_catalog.clock_timestamp()"
	" WHERE job OPERATOR(pg_catalog.=) $1 AND state OPERATOR(pg_catalog.<>) 'paused'",
	2, {INT8OID, TEXTOID}
};

/* A job that runs already is left alone, with the slot that it has. */
static SqlStatement resume_job = {
	"UPDATE aipipe.job_state_data SET state = $2, why = NULL, next_due = $3, last_due = NULL, changed_at = pg_catalog.clock_timestamp()"
	" WHERE job OPERATOR(pg_catalog.=) $1 AND state OPERATOR(pg_catalog.=) 'paused'",
	3, {INT8OID, TEXTOID, TIMESTAMPTZOID}
};

static SqlStatement delete_state = {
	"DELETE FROM aipipe.job_state_data WHERE job OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

static SqlStatement cancel_queued = {
	"UPDATE aipipe.job_run_data SET state = 'cancelled', why = 'the job was dropped', cancel_by = $2,"
	" finished_at = pg_catalog.clock_timestamp()"
	" WHERE job OPERATOR(pg_catalog.=) $1 AND state OPERATOR(pg_catalog.=) 'queued' RETURNING id",
	2, {INT8OID, TEXTOID}
};

static SqlStatement cancel_running = {
	"UPDATE aipipe.job_run_data SET cancel_by = COALESCE(cancel_by, $2), why = 'the job was dropped'"
	" WHERE job OPERATOR(pg_catalog.=) $1 AND state OPERATOR(pg_catalog.=) ANY (ARRAY['starting', 'running'])",
	2, {INT8OID, TEXTOID}
};

static SqlStatement delete_events = {
	"DELETE FROM aipipe.job_event_data WHERE job OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

static SqlStatement delete_job = {
	"DELETE FROM aipipe.job_data WHERE id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* Gives the current user's name. */
static char *
caller_name(void)
{
	return GetUserNameFromId(GetUserId(), false);
}

/* Has a job queue no more runs by itself. */
Datum
aipipe_job_pause(PG_FUNCTION_ARGS)
{
	char	   *name = arg_text(fcinfo, 0, "name");
	Job		   *job;

	job_begin_write("pausing a job");
	job = job_find(name);
	sql_free(sql_run(&pause_job, SQL_WRITE, Int64GetDatum(job->id), CStringGetTextDatum(psprintf("paused by %s", caller_name()))));
	worker_ring_at_commit();
	PG_RETURN_VOID();
}

/* Has a job run again, from now on; one that came with a copy of the database belongs here from now on. */
Datum
aipipe_job_resume(PG_FUNCTION_ARGS)
{
	char	   *name = arg_text(fcinfo, 0, "name");
	bool		nulls[3] = {false};
	Datum		values[3];
	Job		   *job;
	TimestampTz due;
	SqlResult  *resumed;

	job_begin_write("resuming a job");
	job = job_find(name);
	(void) worker_adopt_jobs(job->id);
	due = job_next_due(job, worker_now());
	values[0] = Int64GetDatum(job->id);
	values[1] = CStringGetTextDatum(job_is_finished(job, due) ? "finished" : "active");
	values[2] = TimestampTzGetDatum(due);
	nulls[2] = due == DT_NOEND;
	resumed = sql_run_values(&resume_job, SQL_WRITE, values, nulls);
	if (resumed->nrows > 0)
		event_release(job->id);
	sql_free(resumed);
	worker_ring_at_commit();
	PG_RETURN_VOID();
}

/* Cancels the runs of a job that is about to go; those that are under way only when asked for. */
static void
end_runs(const Job *job, bool force)
{
	Datum		caller = CStringGetTextDatum(caller_name());
	SqlResult  *queued = sql_run(&cancel_queued, SQL_WRITE, Int64GetDatum(job->id), caller);

	for (uint64 i = 0; i < queued->nrows; i++)
		run_notify(job->id, sql_int64(queued, i, "id", NULL), "cancelled");
	sql_free(queued);
	if (!job_is_running(job->id))
		return;
	if (!force)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("job \"%s\" is running", job->name),
				 errhint("Wait for its run, end it with aipipe.job_cancel(), or give force => true.")));
	sql_free(sql_run(&cancel_running, SQL_WRITE, Int64GetDatum(job->id), caller));
}

/* Takes a job away; its history stays. */
Datum
aipipe_job_drop(PG_FUNCTION_ARGS)
{
	char	   *name = arg_text(fcinfo, 0, "name");
	Datum		id;
	Job		   *job;

	arg_require(fcinfo, 1, "force");
	job_begin_write("dropping a job");
	job = job_find(name);
	id = Int64GetDatum(job->id);
	sql_free(sql_run(&delete_state, SQL_WRITE, id));
	end_runs(job, PG_GETARG_BOOL(1));
	if (job->event_relation != NULL)
		event_detach(job->id, job->event_table_owner);
	sql_free(sql_run(&delete_events, SQL_WRITE, id));
	sql_free(sql_run(&delete_job, SQL_WRITE, id));
	worker_ring_at_commit();
	PG_RETURN_VOID();
}
