/*-------------------------------------------------------------------------
 *
 * job_run.c
 *	  job_run_now(), job_cancel(), job_wait() and job_current_run().
 *
 * A run that waits is cancelled where it stands.  One that is under way is only
 * marked: the scheduler, rung at commit, ends its process.  Nobody else sends
 * signals, so that a cancel that is rolled back has ended nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "compat/compat.h"
#include "core/args.h"
#include "core/sql.h"
#include "core/version.h"
#include "worker/job.h"
#include "worker/job_int.h"
#include "worker/worker.h"

PG_FUNCTION_INFO_V1(aipipe_job_run_now);
PG_FUNCTION_INFO_V1(aipipe_job_cancel);
PG_FUNCTION_INFO_V1(aipipe_job_wait);
PG_FUNCTION_INFO_V1(aipipe_job_current_run);
PG_FUNCTION_INFO_V1(aipipe_job_home);

/* ms between looks at a run that is waited for: the first, and the longest. */
#define WAIT_FIRST 5
#define WAIT_LONGEST 200

static SqlStatement find_home = {
	"SELECT j.home, (SELECT pg_catalog.count(*) FROM aipipe.job_run_data r WHERE r.job OPERATOR(pg_catalog.=) j.id"
	" AND r.state OPERATOR(pg_catalog.=) 'queued') AS queued"
	" FROM aipipe.job_data j WHERE j.id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

static SqlStatement find_run = {
	"SELECT r.job, r.owner::pg_catalog.oid AS owner, r.state, r.xmin AS written_by FROM aipipe.job_run_data r"
	" WHERE r.id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

static SqlStatement lock_run = {
	"SELECT r.owner::pg_catalog.oid AS owner, r.state, a.pid FROM aipipe.job_run_data r"
	" LEFT JOIN aipipe.job_attempt_data a ON a.run OPERATOR(pg_catalog.=) r.id AND a.state OPERATOR(pg_catalog.=) 'running'"
	" WHERE r.id OPERATOR(pg_catalog.=) $1 FOR UPDATE OF r",
	1, {INT8OID}
};

static SqlStatement cancel_queued = {
	"UPDATE aipipe.job_run_data SET state = 'cancelled', cancel_by = $2, finished_at = pg_catalog.clock_timestamp()"
	" WHERE id OPERATOR(pg_catalog.=) $1",
	2, {INT8OID, TEXTOID}
};

static SqlStatement ask_to_end = {
	"UPDATE aipipe.job_run_data SET cancel_by = COALESCE(cancel_by, $2) WHERE id OPERATOR(pg_catalog.=) $1",
	2, {INT8OID, TEXTOID}
};

/* Ends with an error when the job cannot take another run. */
static void
check_queue(const Job *job)
{
	SqlResult  *found = sql_run(&find_home, SQL_WRITE, Int64GetDatum(job->id));

	if (strcmp(sql_text(found, 0, "home"), job_home()) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("job \"%s\" came with a copy of another database", job->name),
				 errhint("Let it run here with aipipe.job_resume(), or all of them with aipipe.worker_resume().")));
	if (sql_int64(found, 0, "queued", NULL) >= job->queue_limit)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many runs of job \"%s\" wait", job->name),
				 errdetail("Its option \"%s\" allows %d.", "queue_limit", job->queue_limit)));
	sql_free(found);
}

/* Queues a run and gives its id. */
Datum
aipipe_job_run_now(PG_FUNCTION_ARGS)
{
	char	   *name = arg_text(fcinfo, 0, "name");
	Job		   *job;
	int64		run;

	job_begin_write("running a job");
	job = job_find_shared(name);
	check_queue(job);
	run = job_enqueue(job, "manual", worker_now(), 0);
	worker_ring_at_commit();
	PG_RETURN_INT64(run);
}

/* Ends with an error unless there is such a run and the current user has the privileges of its owner. */
static void
check_run(const SqlResult *found, int64 run)
{
	if (found->nrows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("run " INT64_FORMAT " does not exist", run),
				 errhint("The view aipipe.job_run lists the runs of your jobs.")));
	if (!has_privs_of_role(GetUserId(), sql_oid(found, 0, "owner", NULL)))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for run " INT64_FORMAT, run),
				 errdetail("You do not have the privileges of its owner.")));
}

/* Says whether a run in this state has ended. */
static bool
has_ended(const char *state)
{
	return strcmp(state, "queued") != 0 && strcmp(state, "starting") != 0 && strcmp(state, "running") != 0;
}

/* Marks a run that is under way, for the scheduler to end. */
static void
mark_running(int64 run, const SqlResult *found, Datum caller)
{
	bool		no_pid;
	int			pid = sql_int32(found, 0, "pid", &no_pid);

	sql_free(sql_run(&ask_to_end, SQL_WRITE, Int64GetDatum(run), caller));
	if (worker_find(WORKER_SCHEDULER, MyDatabaseId) != 0)
		return;
	ereport(NOTICE,
			(errmsg("run " INT64_FORMAT " ends when a scheduler works in this database", run),
			 no_pid ? errhint("Start one with aipipe.worker_start().")
			 : errhint("Start one with aipipe.worker_start(), or call pg_cancel_backend(%d) after the commit.", pid)));
}

/* Ends a run that waits or runs; false when it had ended. */
Datum
aipipe_job_cancel(PG_FUNCTION_ARGS)
{
	Datum		caller;
	SqlResult  *found;
	int64		run;
	int64		job;
	char	   *state;

	arg_require(fcinfo, 0, "run");
	run = PG_GETARG_INT64(0);
	job_begin_write("cancelling a run");
	found = sql_run(&find_run, SQL_WRITE, Int64GetDatum(run));
	check_run(found, run);
	job = sql_int64(found, 0, "job", NULL);
	sql_free(found);
	job_lock_once(job);
	found = sql_run(&lock_run, SQL_WRITE, Int64GetDatum(run));
	check_run(found, run);
	state = sql_text(found, 0, "state");
	if (has_ended(state))
		PG_RETURN_BOOL(false);
	caller = CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
	if (strcmp(state, "queued") == 0)
	{
		sql_free(sql_run(&cancel_queued, SQL_WRITE, Int64GetDatum(run), caller));
		job_remove_once(job);
		run_notify(job, run, "cancelled");
	}
	else
		mark_running(run, found, caller);
	sql_free(found);
	worker_ring_at_commit();
	PG_RETURN_BOOL(true);
}

/* Gives the run's state as it is committed now; ERROR when it cannot end while this transaction waits. */
static char *
look_at_run(int64 run)
{
	SqlResult  *found = sql_run(&find_run, SQL_WRITE, Int64GetDatum(run));
	char	   *state;

	check_run(found, run);
	state = sql_text(found, 0, "state");
	if (!has_ended(state) && TransactionIdIsCurrentTransactionId(DatumGetTransactionId(sql_datum(found, 0, "written_by", NULL))))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("run " INT64_FORMAT " cannot end before this transaction does", run),
				 errdetail("This transaction queued or changed it."),
				 errhint("Commit first, then wait.")));
	if (!has_ended(state) && run == job_current_run_id)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("run " INT64_FORMAT " cannot wait for itself", run)));
	sql_free(found);
	return state;
}

/* Gives when to wait no longer. */
static TimestampTz
wait_until(FunctionCallInfo fcinfo)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz until;

	if (PG_ARGISNULL(1))
		return DT_NOEND;
	until = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(now), PG_GETARG_DATUM(1)));
	if (until < now)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be negative", "timeout")));
	return until;
}

/* Sleeps for some ms, not beyond a time. */
static void
sleep_for(long ms, TimestampTz until)
{
	long		left = until == DT_NOEND ? ms : TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);

	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, Min(ms, Max(left, 1)), compat_wait_event("AipipeJobWait"));
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* Waits for a run's end and gives its state, NULL when that took too long. */
Datum
aipipe_job_wait(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	MemoryContext caller;
	TimestampTz until;
	int64		run;
	char	   *state;

	arg_require(fcinfo, 0, "run");
	run = PG_GETARG_INT64(0);
	core_check_version();
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot wait for a run in an isolation level above read committed"),
				 errdetail("This transaction would never see its end.")));
	until = wait_until(fcinfo);
	state = look_at_run(run);
	if (!has_ended(state))
		worker_notice_none();
	context = AllocSetContextCreate(CurrentMemoryContext, "aipipe job wait", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	for (long ms = WAIT_FIRST; !has_ended(state) && GetCurrentTimestamp() < until; ms = Min(ms * 2, WAIT_LONGEST))
	{
		MemoryContextReset(context);
		sleep_for(ms, until);
		state = look_at_run(run);
	}
	MemoryContextSwitchTo(caller);
	if (!has_ended(state))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(state));
}

/* Gives the run that this process executes, NULL when it is none of a job. */
Datum
aipipe_job_current_run(PG_FUNCTION_ARGS)
{
	if (job_current_run_id == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(job_current_run_id);
}

/* Gives the place where jobs of this database belong. */
Datum
aipipe_job_home(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(job_home()));
}
