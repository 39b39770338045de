/*-------------------------------------------------------------------------
 *
 * executor.c
 *	  The executor: one process for one attempt, from its first transaction to
 *	  its last.
 *
 *		begin		a step: the attempt is still wanted, and this is its job's owner; it is running
 *		prepare		a transaction: the session as the job wants it
 *		work		the command's own transaction, with the attempt's success in it
 *		report		a step, only when the success could not be written there, or there was none
 *
 * The process is connected as the owner: there is nobody to go back to, and what
 * the owner's code leaves behind (cursors, settings, another role, temporary
 * tables) can harm nobody else.  The bookkeeping after it consists of fixed
 * statements that run as the owner of aipipe's tables, under a search_path and
 * with operators that the owner cannot touch, and it comes before the commit:
 * deferred triggers still fire after it, but they have only the owner's rights,
 * and when they fail, the success fails with them.
 *
 * The success cannot be part of a transaction that may not write, nor of one that
 * must be committed at once (CREATE DATABASE): then it is written after the
 * commit.  A crash in between has the work done again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>
#include <signal.h>
#include <unistd.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "jit/jit.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "compat/compat.h"
#include "core/sql.h"
#include "core/usage.h"
#include "worker/execute.h"
#include "worker/job.h"
#include "worker/worker.h"

/* ms after which work that went on in spite of its timeout is cancelled again. */
#define TIMEOUT_AGAIN 1000

/* What this process is for. */
typedef struct Attempt
{
	int64		id;
	int64		run;
	Job		   *job;
	MemoryContext context;		/* lives as long as the process */
} Attempt;

static SqlStatement find_attempt = {
	"SELECT a.state AS attempt_state, a.run, a.owner::pg_catalog.oid AS attempt_owner, r.cancel_by IS NOT NULL AS cancelled,"
	" j.id IS NULL AS dropped, j.home," JOB_COLUMNS
	" FROM aipipe.job_attempt_data a JOIN aipipe.job_run_data r ON r.id OPERATOR(pg_catalog.=) a.run"
	" LEFT JOIN aipipe.job_data j ON j.id OPERATOR(pg_catalog.=) a.job WHERE a.id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

static SqlStatement start_run = {
	"UPDATE aipipe.job_run_data SET state = 'running', started_at = COALESCE(started_at, pg_catalog.clock_timestamp())"
	" WHERE id OPERATOR(pg_catalog.=) $1 AND " BY_KEY("state OPERATOR(pg_catalog.=) 'starting'"),
	1, {INT8OID}
};

static SqlStatement start_attempt = {
	"UPDATE aipipe.job_attempt_data SET state = 'running', pid = $2, started_at = pg_catalog.clock_timestamp(), deadline = $3"
	" WHERE id OPERATOR(pg_catalog.=) $1 AND state OPERATOR(pg_catalog.=) 'starting'",
	3, {INT8OID, INT4OID, TIMESTAMPTZOID}
};

/* The attempt's timer, and whether it has gone off. */
static TimeoutId timer;
static volatile sig_atomic_t timed_out = false;

/* Cancels what runs, and what the process has started, as statement_timeout does. */
static void
end_of_time(void)
{
	timed_out = true;
	kill(-MyProcPid, SIGINT);
	kill(MyProcPid, SIGINT);
}

/* Has the work cancelled when its time is over, and again as long as it goes on. */
static void
start_timer(int64 timeout)
{
	timer = RegisterTimeout(USER_TIMEOUT, end_of_time);
	if (timeout > 0)
		enable_timeout_every(timer, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), timeout), TIMEOUT_AGAIN);
}

/* From here to the end of the process nothing is cancelled any more: what is left is to say how it ended. */
static void
stop_timer(void)
{
	disable_timeout(timer, false);
	HOLD_CANCEL_INTERRUPTS();
	QueryCancelPending = false;
}

/* Says why the attempt cannot be made and with which state it ends; NULL when it can. */
static const char *
unfit(const SqlResult *found, AttemptState *state)
{
	*state = ATTEMPT_CANCELLED;
	if (sql_bool(found, 0, "dropped", NULL))
		return "the job was dropped before the attempt began";
	if (sql_bool(found, 0, "cancelled", NULL))
		return "the run was cancelled before the attempt began";
	*state = ATTEMPT_FAILED;
	if (strcmp(sql_text(found, 0, "home"), job_home()) != 0)
		return "the job belongs to another database";
	if (sql_oid(found, 0, "owner", NULL) != GetSessionUserId() ||
		sql_oid(found, 0, "attempt_owner", NULL) != GetSessionUserId())
		return "the job changed its owner before the attempt began";
	return NULL;
}

/* Writes that the attempt is running; false when somebody has ended it. */
static bool
write_running(const Attempt *attempt)
{
	TimestampTz deadline = GetCurrentTimestamp() + attempt->job->timeout * 1000;
	Datum		values[3] = {Int64GetDatum(attempt->id), Int32GetDatum(MyProcPid), TimestampTzGetDatum(deadline)};
	bool		nulls[3] = {false, false, attempt->job->timeout == 0};

	if (sql_run(&start_run, SQL_WRITE, Int64GetDatum(attempt->run))->nrows != 1 ||
		sql_run_values(&start_attempt, SQL_WRITE, values, nulls)->nrows != 1)
		return false;
	run_notify(attempt->job->id, attempt->run, attempt_states[ATTEMPT_RUNNING]);
	return true;
}

/* Reads the attempt and its job in one look, and makes it a running one; false when there is nothing to do. */
static bool
begin_attempt(Attempt *attempt)
{
	SqlResult  *found = sql_run(&find_attempt, SQL_WRITE, Int64GetDatum(attempt->id));
	AttemptEnd	end = {.rows = -1, .cpu_seconds = NAN, .memory_peak = -1};

	if (found->nrows == 0 || strcmp(sql_text(found, 0, "attempt_state"), attempt_states[ATTEMPT_STARTING]) != 0)
		return false;
	end.message = unfit(found, &end.state);
	if (end.message != NULL)
	{
		(void) attempt_end(attempt->id, &end);
		return false;
	}
	attempt->run = sql_int64(found, 0, "run", NULL);
	MemoryContextSwitchTo(attempt->context);
	attempt->job = job_read(found, 0);
	return write_running(attempt);
}

/* The first step; false when the attempt is over before it began. */
static bool
begin(Attempt *attempt)
{
	bool		begun;

	if (step_begin_patiently() != STEP_BEGUN)
		return false;
	begun = attempt_hold(attempt->id) && begin_attempt(attempt);
	step_end();
	job_current_run_id = attempt->run;
	return begun;
}

/* Makes the session the job's, and shows in the server's views what is about to run. */
static void
prepare(const Attempt *attempt)
{
	const char *text = attempt->job->command != NULL ? attempt->job->command : attempt->job->function;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	prepare_session(attempt->job);
	CommitTransactionCommand();
	prepare_process(attempt->job->nice, attempt->job->io);
	MemoryContextSwitchTo(attempt->context);
	debug_query_string = text;
	pgstat_report_activity(STATE_RUNNING, text);
}

/* Holds the extension until the transaction ends, so that the success can be written in it. */
static void
hold_extension(void)
{
	if (!step_hold_extension())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"aipipe\" was dropped or is of another version")));
}

/* Fills in what this process has used. */
static void
measure(AttemptEnd *end)
{
	end->cpu_seconds = usage_cpu_seconds();
	end->memory_peak = usage_memory_peak();
}

/* Writes the success into the current transaction, which may commit only if nobody has ended the attempt before. */
static void
write_success(const Attempt *attempt, AttemptEnd *end)
{
	end->state = ATTEMPT_SUCCEEDED;
	measure(end);
	PushActiveSnapshot(GetTransactionSnapshot());
	if (!attempt_end(attempt->id, end))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("attempt " INT64_FORMAT " was ended by somebody else", attempt->id),
				 errdetail("What it did since its last commit is rolled back.")));
	PopActiveSnapshot();
}

/*
 * Says whether the success can be part of this transaction: not of one that must be committed at once, nor of one that only
 * reads.  One that has written and was made read-only after that writes this too.
 */
static bool
may_write_success(void)
{
	if (MyXactFlags & XACT_FLAGS_NEEDIMMEDIATECOMMIT)
		return false;
	if (XactReadOnly && TransactionIdIsValid(GetTopTransactionIdIfAny()))
		XactReadOnly = false;
	return !XactReadOnly;
}

/*
 * Has a commit wait for the lock that transactions with notifications take turns at, whatever lock_timeout the job has set: its
 * success is among them.  Deferred triggers have run by now, and the setting comes back with the next transaction.
 */
static void
commit_without_lock_timeout(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT)
		(void) set_config_option("lock_timeout", "0", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

/* Does the work in a transaction of its own; says whether the success was written with it. */
static bool
work(const Attempt *attempt, AttemptEnd *end)
{
	const Job  *job = attempt->job;
	LocalTransactionId began;
	bool		written = false;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	MemoryContextSwitchTo(attempt->context);
	hold_extension();
	began = compat_lxid();
	end->rows = job->command != NULL ? execute_command(job->command) : execute_function(job);

	if (may_write_success())
	{
		/* a command that committed by itself let go of it */
		if (compat_lxid() != began)
			hold_extension();
		write_success(attempt, end);
		written = true;
	}
	EndImplicitTransactionBlock();
	CommitTransactionCommand();
	MemoryContextSwitchTo(attempt->context);
	return written;
}

/* Takes back what an error left, and gives the error. */
static ErrorData *
recover(const Attempt *attempt)
{
	ErrorData  *error;

	HOLD_INTERRUPTS();
	stop_timer();
	error_context_stack = NULL;
	MemoryContextSwitchTo(attempt->context);
	error = CopyErrorData();
	EmitErrorReport();
	FlushErrorState();
	step_abort();
	PortalErrorCleanup();
	jit_reset_after_error();
	MemoryContextSwitchTo(attempt->context);
	debug_query_string = NULL;
	RESUME_INTERRUPTS();
	return error;
}

/* Prepares and works; NULL, or the error with which it ended. */
static ErrorData *
run(const Attempt *attempt, AttemptEnd *end, bool *written)
{
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		prepare(attempt);
		*written = work(attempt, end);
	}
	PG_CATCH();
	{
		error = recover(attempt);
	}
	PG_END_TRY();
	stop_timer();
	return error;
}

/* Describes an attempt that ended with an error. */
static void
describe_failure(const Attempt *attempt, const ErrorData *error, AttemptEnd *end)
{
	end->state = ATTEMPT_FAILED;
	end->error = error;
	end->rows = -1;
	if (timed_out && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
	{
		end->state = ATTEMPT_TIMED_OUT;
		end->message = psprintf("the attempt ran into its timeout of " INT64_FORMAT " ms", attempt->job->timeout);
		ereport(LOG,
				(errmsg("aipipe: job \"%s\" ran into its timeout of " INT64_FORMAT " ms", attempt->job->name, attempt->job->timeout)));
	}
}

/* The last step: says how the attempt ended. */
static void
report(const Attempt *attempt, AttemptEnd *end)
{
	measure(end);
	if (step_begin_patiently() != STEP_BEGUN)
		return;
	(void) attempt_end(attempt->id, end);
	step_end();
}

/* The executor's main function. */
void
aipipe_executor_main(Datum arg)
{
	const WorkerOrder *order = worker_begin();
	Attempt		attempt = {.id = order->attempt};
	AttemptEnd	end = {.state = ATTEMPT_SUCCEEDED, .rows = -1, .cpu_seconds = NAN, .memory_peak = -1};
	bool		written = false;
	ErrorData  *error;

	BackgroundWorkerInitializeConnectionByOid(order->database, order->role, 0);

	/* what guards the owner's sessions guards his jobs */
	process_session_preload_libraries();
	worker_settings();
	RegisterXactCallback(commit_without_lock_timeout, NULL);
	attempt.context = AllocSetContextCreate(TopMemoryContext, "aipipe attempt", ALLOCSET_DEFAULT_SIZES);

	/* utility hooks of other extensions may want it, as in a backend that serves a client */
	MessageContext = attempt.context;
	MemoryContextSwitchTo(attempt.context);
	if (!begin(&attempt))
		proc_exit(0);

	start_timer(attempt.job->timeout);
	error = run(&attempt, &end, &written);
	if (error != NULL)
		describe_failure(&attempt, error, &end);
	if (error != NULL || !written)
		report(&attempt, &end);
	proc_exit(0);
}
