/*-------------------------------------------------------------------------
 *
 * process.c
 *	  Registering background processes, finding them, ringing the scheduler.
 *
 * Nothing here has shared memory of its own, so that all of it works in a server
 * that has not preloaded the library.  Who runs is read from the server's own
 * array of processes: a process of ours is one whose kind, which the postmaster
 * keeps from its registration, begins with "aipipe".  A launcher that serves one
 * database has no database of its own to be found by, so its kind ends with that
 * database's OID.
 *
 *		aipipe launcher				static, for aipipe.worker_databases
 *		aipipe launcher 16384		dynamic, by worker_start() in that database
 *		aipipe scheduler
 *		aipipe executor
 *
 * pg_stat_activity shows the kind as backend_type.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "compat/compat.h"
#include "core/guc.h"
#include "worker/worker.h"

/* Seconds after which the postmaster starts a launcher again that ended by an error or with the server. */
#define LAUNCHER_RESTART 10

static const struct
{
	const char *type;
	const char *main;
	int			restart;
}			kinds[WORKER_KINDS] =
{
	{"aipipe launcher", "aipipe_launcher_main", LAUNCHER_RESTART},
	{"aipipe scheduler", "aipipe_scheduler_main", BGW_NEVER_RESTART},
	{"aipipe executor", "aipipe_executor_main", BGW_NEVER_RESTART},
};

/* Set by worker_dismiss() in another process, heeded by wake_up(). */
static volatile sig_atomic_t dismissed = false;

/* Set in the postmaster, of which every process has a copy. */
static bool preloaded = false;

/* Whether the current transaction rings the scheduler when it commits. */
static bool ring_at_commit = false;

/* Writes the kind of a process as the postmaster keeps it. */
static void
put_type(char *out, Size size, WorkerKind kind, Oid database)
{
	if (kind == WORKER_LAUNCHER && OidIsValid(database))
		snprintf(out, size, "%s %u", kinds[kind].type, database);
	else
		strlcpy(out, kinds[kind].type, size);
}

/* Fills in a registration; the name is what ps shows and what messages about a process's end call it. */
static void
fill_registration(BackgroundWorker *worker, WorkerKind kind, const WorkerOrder *order)
{
	memset(worker, 0, sizeof(BackgroundWorker));
	put_type(worker->bgw_type, BGW_MAXLEN, kind, order->database);
	if (kind == WORKER_EXECUTOR)
		snprintf(worker->bgw_name, BGW_MAXLEN, "%s for attempt " INT64_FORMAT " in database %u",
				 kinds[kind].type, order->attempt, order->database);
	else if (OidIsValid(order->database))
		snprintf(worker->bgw_name, BGW_MAXLEN, "%s for database %u", kinds[kind].type, order->database);
	else
		strlcpy(worker->bgw_name, kinds[kind].type, BGW_MAXLEN);
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = kinds[kind].restart;
	strlcpy(worker->bgw_library_name, "aipipe", BGW_MAXLEN);
	strlcpy(worker->bgw_function_name, kinds[kind].main, BGW_MAXLEN);
	memcpy(worker->bgw_extra, order, sizeof(WorkerOrder));
}

/* Registers the static launcher when the library is being preloaded, though not in a server that pg_upgrade runs. */
void
worker_init(void)
{
	WorkerOrder order = {InvalidOid, InvalidOid, 0};
	BackgroundWorker worker;

	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	fill_registration(&worker, WORKER_LAUNCHER, &order);
	RegisterBackgroundWorker(&worker);
	preloaded = true;
}

/* Says whether the library was preloaded, so that there is a static launcher. */
bool
worker_is_preloaded(void)
{
	return preloaded;
}

/* Asks the postmaster for a process that tells this one when it starts and ends; false when there is no free slot. */
bool
worker_register(WorkerKind kind, const WorkerOrder *order, BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker;

	if (IsBinaryUpgrade)
		return false;
	fill_registration(&worker, kind, order);
	worker.bgw_notify_pid = MyProcPid;
	return RegisterDynamicBackgroundWorker(&worker, handle);
}

/* Gives the process of a kind, or NULL.  Allocates nothing and cannot fail, so that it may be called after a commit. */
static PGPROC *
find_process(const char *type, Oid database)
{
	for (uint32 i = 0; i < ProcGlobal->allProcCount; i++)
	{
		PGPROC	   *proc = &ProcGlobal->allProcs[i];
		int			pid = proc->pid;
		const char *found;

		if (pid == 0 || proc->databaseId != database)
			continue;
		found = GetBackgroundWorkerTypeByPid(pid);
		if (found != NULL && strcmp(found, type) == 0 && BackendPidGetProc(pid) == proc)
			return proc;
	}
	return NULL;
}

/* Gives a process of this kind that works in the database (a launcher: that was started for it), or 0. */
pid_t
worker_find(WorkerKind kind, Oid database)
{
	char		type[BGW_MAXLEN];
	PGPROC	   *proc;

	put_type(type, sizeof(type), kind, database);
	proc = find_process(type, kind == WORKER_LAUNCHER ? InvalidOid : database);
	return proc == NULL ? 0 : proc->pid;
}

/* Says whether the process is one of this kind. */
bool
worker_is(pid_t pid, WorkerKind kind)
{
	const char *type = GetBackgroundWorkerTypeByPid(pid);
	size_t		length = strlen(kinds[kind].type);

	return type != NULL && strncmp(type, kinds[kind].type, length) == 0 && (type[length] == '\0' || type[length] == ' ');
}

/* Asks a process of this kind to end at its next rest and for good; gives its pid, or 0 when there is none. */
pid_t
worker_dismiss(WorkerKind kind, Oid database)
{
	pid_t		pid = worker_find(kind, database);

	if (pid != 0)
		(void) kill(pid, SIGUSR2);
	return pid;
}

/* Wakes this database's scheduler now, if there is one. */
void
worker_ring(void)
{
	PGPROC	   *proc = find_process(kinds[WORKER_SCHEDULER].type, MyDatabaseId);

	if (proc != NULL)
		SetLatch(&proc->procLatch);
}

/* Rings when the transaction has become visible.  A prepared one is left to the scheduler's next look. */
static void
end_transaction(XactEvent event, void *arg)
{
	if (!ring_at_commit || (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE))
		return;
	ring_at_commit = false;
	if (event == XACT_EVENT_COMMIT)
		worker_ring();
}

/* Wakes this database's scheduler when the current transaction commits. */
void
worker_ring_at_commit(void)
{
	static bool registered = false;

	if (!registered)
		RegisterXactCallback(end_transaction, NULL);
	registered = true;
	ring_at_commit = true;
}

/* Takes note that this process is to end. */
static void
take_dismissal(SIGNAL_ARGS)
{
	int			saved = errno;

	dismissed = true;
	SetLatch(MyLatch);
	errno = saved;
}

/* Makes signals heard, and gives the order with which this process was registered. */
const WorkerOrder *
worker_begin(void)
{
	static WorkerOrder order;

	memcpy(&order, MyBgworkerEntry->bgw_extra, sizeof(WorkerOrder));
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	pqsignal(SIGUSR2, take_dismissal);
	BackgroundWorkerUnblockSignals();
	return &order;
}

/* Waits for these events or for the time to be over; whether the latch was set. */
static bool
rest(int events, long ms)
{
	return (WaitLatch(MyLatch, events | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms, compat_wait_event("AipipeWorkerMain")) & WL_LATCH_SET) != 0;
}

/* Takes interrupts after a rest; a process that was dismissed ends here. */
static void
wake_up(void)
{
	CHECK_FOR_INTERRUPTS();
	if (dismissed)
		proc_exit(0);
}

/* Rests until rung or signalled, or until the time is over.  Who rings just then is heard by the next rest. */
bool
worker_sleep(long ms)
{
	bool		rung = rest(WL_LATCH_SET, ms);

	if (rung)
		ResetLatch(MyLatch);
	wake_up();
	return rung;
}

/* Rests until the time is over with the latch set: who rings then finds that it is, and need not wake anybody. */
void
worker_doze(long ms)
{
	SetLatch(MyLatch);
	(void) rest(0, ms);
	ResetLatch(MyLatch);
	wake_up();
}

/* Reads the configuration again when the server was told to. */
bool
worker_reload(void)
{
	if (!ConfigReloadPending)
		return false;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	return true;
}

/* Gives "now" of schedules: the clock, shifted by aipipe.worker_time_shift. */
TimestampTz
worker_now(void)
{
	return GetCurrentTimestamp() + core_worker_time_shift * USECS_PER_SEC;
}
