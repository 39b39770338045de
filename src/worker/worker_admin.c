/*-------------------------------------------------------------------------
 *
 * worker_admin.c
 *	  worker_start(), worker_stop(), worker_resume(): whether jobs run here.
 *
 * Processes know nothing of transactions, so what is asked for takes effect in two
 * ways.  That the database may have a scheduler is a row, and counts when it is
 * committed; a scheduler that begins waits for that (worker_enabled()).  Processes
 * are asked for and dismissed at once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "compat/compat.h"
#include "core/attempt.h"
#include "core/guc.h"
#include "core/sql.h"
#include "core/version.h"
#include "worker/job.h"
#include "worker/job_int.h"
#include "worker/worker.h"

PG_FUNCTION_INFO_V1(aipipe_worker_resume);
PG_FUNCTION_INFO_V1(aipipe_worker_start);
PG_FUNCTION_INFO_V1(aipipe_worker_stop);

/* ms: how long a start or a stop is waited for, how often it is looked at, and when a process that does not rest is ended. */
#define WAIT_LIMIT 10000
#define WAIT_EVERY 50
#define WAIT_GENTLY 2000

static SqlStatement find_enabled = {
	"SELECT enabled FROM aipipe.worker_data",
	0, {0}
};

static SqlStatement find_enabled_committed = {
	"SELECT enabled FROM aipipe.worker_data FOR SHARE",
	0, {0}
};

static SqlStatement enable = {
	"UPDATE aipipe.worker_data SET enabled = true, changed_by = $1, changed_at = pg_catalog.clock_timestamp() WHERE NOT enabled",
	1, {TEXTOID}
};

static SqlStatement disable = {
	"INSERT INTO aipipe.worker_data (enabled, changed_by) VALUES (false, $1)"
	" ON CONFLICT ((true)) DO UPDATE SET enabled = false, changed_by = $1, changed_at = pg_catalog.clock_timestamp()",
	1, {TEXTOID}
};

static SqlStatement adopt_jobs = {
	"UPDATE aipipe.job_data j SET home = $1, changed_at = pg_catalog.clock_timestamp()"
	" WHERE j.home OPERATOR(pg_catalog.<>) $1 AND (j.id OPERATOR(pg_catalog.=) $2 OR $2 OPERATOR(pg_catalog.=) 0)"
	" RETURNING" JOB_COLUMNS,
	2, {TEXTOID, INT8OID}
};

static SqlStatement adopt_state = {
	"UPDATE aipipe.job_state_data SET next_due = $2, last_due = CASE WHEN last_due OPERATOR(pg_catalog.<=) $3 THEN last_due END,"
	" state = CASE WHEN $4 THEN 'finished' ELSE state END, changed_at = pg_catalog.clock_timestamp()"
	" WHERE job OPERATOR(pg_catalog.=) $1 AND state OPERATOR(pg_catalog.=) 'active'",
	4, {INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, BOOLOID}
};

static SqlStatement end_runs = {
	"UPDATE aipipe.job_run_data SET state = 'cancelled', why = 'left open by a copy of the database',"
	" finished_at = pg_catalog.clock_timestamp() WHERE job OPERATOR(pg_catalog.=) ANY ($1)"
	" AND state OPERATOR(pg_catalog.=) ANY (ARRAY['queued', 'starting', 'running'])",
	1, {INT8ARRAYOID}
};

static SqlStatement end_attempts = {
	"UPDATE aipipe.job_attempt_data SET state = 'crashed', message = 'left open by a copy of the database',"
	" finished_at = pg_catalog.clock_timestamp() WHERE job OPERATOR(pg_catalog.=) ANY ($1)"
	" AND state OPERATOR(pg_catalog.=) ANY (ARRAY['starting', 'running'])",
	1, {INT8ARRAYOID}
};

/* A job that goes with its last run has none to come. */
static SqlStatement forget_once = {
	"WITH gone AS (DELETE FROM aipipe.job_data j USING aipipe.job_state_data s WHERE j.id OPERATOR(pg_catalog.=) ANY ($1) AND j.once"
	" AND s.job OPERATOR(pg_catalog.=) j.id AND s.next_due IS NULL AND j.event_relation IS NULL RETURNING j.id)"
	" DELETE FROM aipipe.job_state_data s USING gone WHERE s.job OPERATOR(pg_catalog.=) gone.id",
	1, {INT8ARRAYOID}
};

/* Ends with an error where nothing may be written, and for a session whose SQL is of another version. */
static void
begin_admin(const char *what)
{
	PreventCommandDuringRecovery(what);
	PreventCommandIfReadOnly(what);
	core_check_version();
}

/* Says whether a scheduler may work in this database; waiting for whoever is changing that, or as it stands. */
bool
worker_enabled(bool wait)
{
	SqlResult  *result = sql_run(wait ? &find_enabled_committed : &find_enabled, SQL_WRITE);
	bool		enabled = result->nrows == 0 || sql_bool(result, 0, "enabled", NULL);

	sql_free(result);
	return enabled;
}

/* Says that nobody is there who would run anything. */
void
worker_notice_none(void)
{
	if (worker_find(WORKER_SCHEDULER, MyDatabaseId) == 0)
		ereport(NOTICE,
				(errmsg("no scheduler works in this database"),
				 errhint("aipipe.worker_status() says why, aipipe.worker_start() starts one.")));
}

/* Gives the role that this database's scheduler connects as: aipipe.worker_role, or who calls. */
static Oid
scheduler_role(void)
{
	return core_worker_role[0] != '\0' ? get_role_oid(core_worker_role, false) : GetSessionUserId();
}

/* Says whether aipipe.worker_databases names this database. */
bool
worker_is_configured(void)
{
	char	   *own = get_database_name(MyDatabaseId);
	List	   *names = NIL;
	ListCell   *cell;

	if (SplitIdentifierString(pstrdup(core_worker_databases), ',', &names))
		foreach(cell, names)
			if (strcmp(lfirst(cell), own) == 0)
				return true;
	return false;
}

/* Rests for a moment. */
static void
wait_a_moment(void)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, WAIT_EVERY, compat_wait_event("AipipeWorkerStart"));
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* Has a launcher see to this database now: the one that serves it, or a new one. */
static void
start_launcher(Oid role)
{
	WorkerOrder order = {.database = MyDatabaseId, .role = role};
	pid_t		pid = worker_find(WORKER_LAUNCHER, MyDatabaseId);

	if (pid == 0 && worker_is_configured())
		pid = worker_find(WORKER_LAUNCHER, InvalidOid);
	if (pid != 0)
	{
		/* it forgets that the last scheduler ended early */
		(void) kill(pid, SIGHUP);
		return;
	}
	if (!worker_register(WORKER_LAUNCHER, &order, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no background worker slot is free for a launcher"),
				 errhint("Raise max_worker_processes.")));
}

/* Waits for this database's scheduler; 0 when it does not come, or does not stay. */
static pid_t
await_scheduler(void)
{
	pid_t		before = 0;

	for (int waited = 0; waited < WAIT_LIMIT; waited += WAIT_EVERY)
	{
		pid_t		pid = worker_find(WORKER_SCHEDULER, MyDatabaseId);

		if (pid != 0 && pid == before)
			return pid;
		before = pid;
		wait_a_moment();
	}
	return 0;
}

/* worker_start() → int: lets jobs run in this database; the scheduler's pid. */
Datum
aipipe_worker_start(PG_FUNCTION_ARGS)
{
	Oid			role;
	char	   *obstacle;
	pid_t		pid;

	begin_admin("aipipe.worker_start()");
	role = scheduler_role();
	obstacle = worker_obstacle(MyDatabaseId, role);
	if (obstacle != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no scheduler can work in this database"),
				 errdetail_internal("%s.", obstacle),
				 errhint("Schedulers connect as the role of aipipe.worker_role, or as the role that calls worker_start().")));
	sql_free(sql_run(&enable, SQL_WRITE, CStringGetTextDatum(GetUserNameFromId(GetUserId(), false))));
	pid = worker_find(WORKER_SCHEDULER, MyDatabaseId);
	if (pid == 0)
	{
		start_launcher(role);
		pid = await_scheduler();
	}
	if (pid == 0)
	{
		ereport(NOTICE,
				(errmsg("the scheduler has not started yet"),
				 errhint("The server's log says why, and aipipe.worker_status() whether it has.")));
		PG_RETURN_NULL();
	}
	PG_RETURN_INT32(pid);
}

/* Asks this database's processes to end, those that do not rest more firmly; true when none is left. */
static bool
dismiss(bool firmly)
{
	pid_t		launcher = worker_dismiss(WORKER_LAUNCHER, MyDatabaseId);
	pid_t		scheduler = worker_dismiss(WORKER_SCHEDULER, MyDatabaseId);

	if (firmly && scheduler != 0)
		(void) kill(scheduler, SIGTERM);
	return launcher == 0 && scheduler == 0;
}

/* worker_stop() → boolean: no new runs in this database; whether its scheduler is gone. */
Datum
aipipe_worker_stop(PG_FUNCTION_ARGS)
{
	int			waited = 0;

	begin_admin("aipipe.worker_stop()");
	sql_free(sql_run(&disable, SQL_WRITE, CStringGetTextDatum(GetUserNameFromId(GetUserId(), false))));

	/* One that a launcher starts before we commit looks again then. */
	worker_ring_at_commit();
	while (!dismiss(waited >= WAIT_GENTLY))
	{
		if (waited >= WAIT_LIMIT)
		{
			ereport(NOTICE,
					(errmsg("the scheduler has not ended yet"),
					 errdetail("It ends at its next rest.")));
			PG_RETURN_BOOL(false);
		}
		wait_a_moment();
		waited += WAIT_EVERY;
	}
	PG_RETURN_BOOL(true);
}

/* A job and the slot that it has next. */
typedef struct Adopted
{
	const Job  *job;
	TimestampTz now;
	TimestampTz next;
} Adopted;

/* Finds the slot that a job has next. */
static void
find_slot(void *arg)
{
	Adopted    *adopted = arg;

	adopted->next = job_next_due(adopted->job, adopted->now);
}

/* Has a job's slots begin from now; one whose schedule cannot be read is left to the scheduler, which says so and pauses it. */
static void
adopt_job(const Job *job, TimestampTz now)
{
	Adopted		adopted = {job, now, now};
	ErrorData  *error = attempt_run(find_slot, &adopted);
	Datum		values[4] = {Int64GetDatum(job->id), TimestampTzGetDatum(adopted.next), TimestampTzGetDatum(now),
	BoolGetDatum(job_is_finished(job, adopted.next))};
	bool		nulls[4] = {false, adopted.next == DT_NOEND};
	SqlResult  *active;

	if (error != NULL && attempt_must_go_on(error))
		ReThrowError(error);
	active = sql_run_values(&adopt_state, SQL_WRITE, values, nulls);
	if (active->nrows > 0)
		event_release(job->id);
	sql_free(active);
}

/* Has one job (0: each) that came with a copy of another database belong to this one, and gives how many did. */
int64
worker_adopt_jobs(int64 job)
{
	SqlResult  *jobs = sql_run(&adopt_jobs, SQL_WRITE, CStringGetTextDatum(job_home()), Int64GetDatum(job));
	int			n;
	Datum		list = sql_int64_column(jobs, "id", &n);

	for (uint64 i = 0; i < jobs->nrows; i++)
		adopt_job(job_read(jobs, i), worker_now());
	sql_free(sql_run(&end_runs, SQL_WRITE, list));
	sql_free(sql_run(&end_attempts, SQL_WRITE, list));
	sql_free(sql_run(&forget_once, SQL_WRITE, list));
	return n;
}

/* worker_resume() → bigint: the jobs of a copied or restored database may run here; how many there were. */
Datum
aipipe_worker_resume(PG_FUNCTION_ARGS)
{
	int64		adopted;

	begin_admin("aipipe.worker_resume()");
	adopted = worker_adopt_jobs(0);
	worker_ring_at_commit();
	PG_RETURN_INT64(adopted);
}
