/*-------------------------------------------------------------------------
 *
 * worker_status.c
 *	  worker_status(): the processes that work here, and why none does.
 *
 * The first row is about the database and always there: whoever asks why his job
 * does not run reads its note.  The others are processes, from the server's own list
 * of backends.  Everybody sees launchers and the scheduler; what an executor does,
 * its owner's members and pg_read_all_stats, as in pg_stat_activity.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/acl.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/wait_event.h"

#include "compat/compat.h"
#include "core/guc.h"
#include "core/sql.h"
#include "core/version.h"
#include "worker/job.h"
#include "worker/worker.h"

PG_FUNCTION_INFO_V1(aipipe_worker_status);

#define STATUS_COLUMNS 9

static SqlStatement find_switch = {
	"SELECT enabled, changed_by, changed_at FROM aipipe.worker_data",
	0, {0}
};

static SqlStatement count_foreign = {
	"SELECT pg_catalog.count(*) AS jobs FROM aipipe.job_data j WHERE j.home OPERATOR(pg_catalog.<>) $1",
	1, {TEXTOID}
};

static SqlStatement find_attempts = {
	"SELECT a.pid, a.id, a.run, r.job_name FROM aipipe.job_attempt_data a"
	" JOIN aipipe.job_run_data r ON r.id OPERATOR(pg_catalog.=) a.run"
	" WHERE a.state OPERATOR(pg_catalog.=) ANY (ARRAY['starting', 'running']) AND a.pid IS NOT NULL",
	0, {0}
};

/* What worker_status() writes to, and what it has found on its way. */
typedef struct Status
{
	ReturnSetInfo *rsinfo;
	SqlResult  *attempts;
	int			workers;		/* background workers of the whole server that run */
	pid_t		scheduler;
	pid_t		launcher;		/* that serves this database */
} Status;

/* Puts a row into the result; NULL and 0 are no value. */
static void
put_row(Status *status, const char *kind, int pid, Oid role, TimestampTz since, const char *state,
		int64 attempt_row, const char *note)
{
	Datum		values[STATUS_COLUMNS] = {0};
	bool		nulls[STATUS_COLUMNS] = {false, pid == 0, !OidIsValid(role), since == 0, state == NULL, true, true, true, note == NULL};
	const char *name = OidIsValid(role) ? GetUserNameFromId(role, true) : NULL;

	nulls[2] = name == NULL;
	values[0] = CStringGetTextDatum(kind);
	values[1] = Int32GetDatum(pid);
	values[2] = nulls[2] ? (Datum) 0 : CStringGetTextDatum(name);
	values[3] = TimestampTzGetDatum(since);
	values[4] = nulls[4] ? (Datum) 0 : CStringGetTextDatum(state);
	if (attempt_row >= 0)
	{
		nulls[5] = nulls[6] = nulls[7] = false;
		values[5] = CStringGetTextDatum(sql_text(status->attempts, attempt_row, "job_name"));
		values[6] = Int64GetDatum(sql_int64(status->attempts, attempt_row, "run", NULL));
		values[7] = Int64GetDatum(sql_int64(status->attempts, attempt_row, "id", NULL));
	}
	values[8] = nulls[8] ? (Datum) 0 : CStringGetTextDatum(note);
	tuplestore_putvalues(status->rsinfo->setResult, status->rsinfo->setDesc, values, nulls);
}

/* Gives the row of the attempt that a process works on, or -1. */
static int64
attempt_of(const Status *status, int pid)
{
	for (uint64 i = 0; i < status->attempts->nrows; i++)
		if (sql_int32(status->attempts, i, "pid", NULL) == pid)
			return (int64) i;
	return -1;
}

/* Gives what a process does: it works, rests (no executor does), or waits for something that the server has a name for. */
static const char *
state_of(const PgBackendStatus *backend, bool rests)
{
	PGPROC	   *proc = BackendPidGetProc(backend->st_procpid);
	uint32		wait = proc == NULL ? 0 : proc->wait_event_info;
	const char *type = pgstat_get_wait_event_type(wait);

	if (type != NULL && rests && strcmp(type, "Extension") == 0)
		return "resting";
	if (type != NULL)
		return psprintf("waiting: %s %s", type, pgstat_get_wait_event(wait));
	return "working";
}

/* Puts the row of one process, if it is one of ours and the current role may see it. */
static void
put_process(Status *status, const PgBackendStatus *backend)
{
	bool		here = backend->st_databaseid == MyDatabaseId;
	int			pid = backend->st_procpid;
	const char *state;

	if (worker_is(pid, WORKER_LAUNCHER))
	{
		if (pid == worker_find(WORKER_LAUNCHER, InvalidOid) || pid == worker_find(WORKER_LAUNCHER, MyDatabaseId))
			put_row(status, "launcher", pid, InvalidOid, backend->st_proc_start_timestamp, state_of(backend, true), -1,
					pid == status->launcher ? NULL : "serves other databases");
		return;
	}
	if (!here)
		return;
	state = state_of(backend, !worker_is(pid, WORKER_EXECUTOR));
	if (worker_is(pid, WORKER_SCHEDULER))
		put_row(status, "scheduler", pid, backend->st_userid, backend->st_proc_start_timestamp, state, -1, NULL);
	else if (worker_is(pid, WORKER_EXECUTOR) &&
			 (has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS) || has_privs_of_role(GetUserId(), backend->st_userid)))
		put_row(status, "executor", pid, backend->st_userid, backend->st_proc_start_timestamp, state, attempt_of(status, pid), NULL);
}

/* Counts the server's background workers, ours and others'. */
static int
count_workers(void)
{
	int			count = 0;

	for (int i = pgstat_fetch_stat_numbackends(); i > 0; i--)
	{
		const PgBackendStatus *backend = compat_backend_status(i);

		if (backend != NULL && backend->st_procpid > 0 && backend->st_backendType == B_BG_WORKER)
			count++;
	}
	return count;
}

/* Gives the launcher that serves this database, or 0. */
static pid_t
find_launcher(void)
{
	pid_t		own = worker_find(WORKER_LAUNCHER, MyDatabaseId);

	return own == 0 && worker_is_configured() ? worker_find(WORKER_LAUNCHER, InvalidOid) : own;
}

/* Gives what keeps the launcher from having a scheduler here. */
static const char *
why_waiting(void)
{
	bool		own = worker_find(WORKER_LAUNCHER, MyDatabaseId) != 0;
	Oid			role = core_worker_role[0] == '\0' ? InvalidOid : get_role_oid(core_worker_role, true);
	char	   *obstacle;

	if (!own && core_worker_role[0] == '\0')
		return "aipipe.worker_role is not set";
	if (!own && !OidIsValid(role))
		return "the role of aipipe.worker_role does not exist";
	obstacle = own ? NULL : worker_obstacle(MyDatabaseId, role);
	return obstacle != NULL ? obstacle : "the launcher starts a scheduler again within a minute; the server's log says what hinders it";
}

/* Gives why nobody serves this database. */
static const char *
why_off(void)
{
	if (!worker_is_preloaded())
		return "call worker_start(), or add aipipe to shared_preload_libraries, set aipipe.worker_databases and aipipe.worker_role,"
			" and restart the server";
	if (!worker_is_configured())
		return "call worker_start(), or add this database to aipipe.worker_databases and reload the configuration";
	return "the launcher has ended; the server starts it again within 10 seconds";
}

/* Gives what is to be said of processes and jobs while a scheduler works. */
static const char *
why_working(const Status *status)
{
	return psprintf("at most %d attempts at one time (aipipe.worker_max); %d of %d background workers run on this server",
					core_worker_max, status->workers, max_worker_processes);
}

/* Puts the row of the database: whether jobs run here, and if not, why. */
static void
put_database(Status *status)
{
	SqlResult  *set = sql_run(&find_switch, SQL_READ);
	SqlResult  *foreign = sql_run(&count_foreign, SQL_READ, CStringGetTextDatum(job_home()));
	int64		jobs = sql_int64(foreign, 0, "jobs", NULL);
	TimestampTz since = set->nrows == 0 ? 0 : sql_time(set, 0, "changed_at", NULL);
	const char *state;
	const char *note;

	if (RecoveryInProgress())
	{
		state = "standby";
		note = "workers start when this server is promoted";
	}
	else if (set->nrows > 0 && !sql_bool(set, 0, "enabled", NULL))
	{
		state = "stopped";
		note = psprintf("%s called worker_stop(); worker_start() lets jobs run again", sql_text(set, 0, "changed_by"));
	}
	else if (status->scheduler != 0)
	{
		state = "working";
		note = why_working(status);
	}
	else if (status->launcher != 0)
	{
		state = "waiting";
		note = why_waiting();
	}
	else
	{
		state = "off";
		note = why_off();
	}
	if (jobs > 0)
		note = psprintf("%s; " INT64_FORMAT "%s with a copy of the database and wait%s for worker_resume()", note, jobs,
						jobs == 1 ? " job came" : " jobs came", jobs == 1 ? "s" : "");
	put_row(status, "database", 0, InvalidOid, since, state, -1, note);
}

/* worker_status(): a row about this database, and one for each process that works for it and that the current role may see. */
Datum
aipipe_worker_status(PG_FUNCTION_ARGS)
{
	Status		status = {.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo};

	core_check_version();
	InitMaterializedSRF(fcinfo, 0);
	pgstat_clear_backend_activity_snapshot();
	status.attempts = sql_run(&find_attempts, SQL_READ);
	status.workers = count_workers();
	status.scheduler = worker_find(WORKER_SCHEDULER, MyDatabaseId);
	status.launcher = find_launcher();
	put_database(&status);
	for (int i = 1; i <= pgstat_fetch_stat_numbackends(); i++)
	{
		const PgBackendStatus *backend = compat_backend_status(i);

		if (backend != NULL && backend->st_procpid > 0 && backend->st_backendType == B_BG_WORKER)
			put_process(&status, backend);
	}
	return (Datum) 0;
}
