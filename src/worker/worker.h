/*
 * worker.h
 *	  What the processes of the background have in common.  README.md beside this
 *	  file has the processes, the states and the locks.
 *
 *		process.c			registering processes, finding them, ringing the scheduler
 *		step.c				one short transaction of a worker; locks that say who is alive
 *		session.c			settings of a worker's session
 *		launcher.c			the launcher
 *		scheduler.c			the scheduler's loop
 *		survey.c			which runs and attempts are open
 *		plan.c				what is due becomes a run
 *		claim.c				a run becomes an attempt with a process of its own
 *		reap.c				attempts that ended without saying so, or that must end
 *		executor.c			the executor: one attempt from its first transaction to its last
 *		execute.c			runs a command or a function as the owner
 *		outcome.c			how an attempt ended, and what becomes of its run
 *		worker_admin.c		worker_start(), worker_stop(), worker_resume(), worker_status()
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "datatype/timestamp.h"
#include "postmaster/bgworker.h"

typedef enum WorkerKind
{
	WORKER_LAUNCHER,
	WORKER_SCHEDULER,
	WORKER_EXECUTOR
} WorkerKind;

#define WORKER_KINDS (WORKER_EXECUTOR + 1)

/* What a process is told when it is registered (bgw_extra). */
typedef struct WorkerOrder
{
	Oid			database;		/* launcher: the one it serves, InvalidOid for those of aipipe.worker_databases */
	Oid			role;			/* whom the process connects as; launcher: whom its scheduler connects as */
	int64		attempt;		/* executor only */
} WorkerOrder;

StaticAssertDecl(sizeof(WorkerOrder) <= BGW_EXTRALEN, "an order must fit in bgw_extra");

/* What the postmaster calls. */
extern PGDLLEXPORT void aipipe_launcher_main(Datum arg);
extern PGDLLEXPORT void aipipe_scheduler_main(Datum arg);
extern PGDLLEXPORT void aipipe_executor_main(Datum arg);

/*** process.c ***/

/* Registers the static launcher; called by _PG_init(), does nothing unless the library is being preloaded. */
extern void worker_init(void);

/* Whether the library was preloaded, so that there is a static launcher. */
extern bool worker_is_preloaded(void);

/* Asks the postmaster for a process; false when there is no free slot.  The handle may be NULL. */
extern bool worker_register(WorkerKind kind, const WorkerOrder *order, BackgroundWorkerHandle **handle);

/*
 * A process of this kind that works in the database, or 0.  Launcher: the one that was started
 * for it; InvalidOid: the one for aipipe.worker_databases.
 */
extern pid_t worker_find(WorkerKind kind, Oid database);

/* Whether the process is one of this kind. */
extern bool worker_is(pid_t pid, WorkerKind kind);

/* Asks a launcher or scheduler to end at its next rest, for good; gives its pid, or 0 when there is none. */
extern pid_t worker_dismiss(WorkerKind kind, Oid database);

/* Wakes this database's scheduler: now, or when the current transaction commits. */
extern void worker_ring(void);
extern void worker_ring_at_commit(void);

/* What every process does first: signals, and the order it was given. */
extern const WorkerOrder *worker_begin(void);

/*
 * Rests until rung or signalled, or until the time is over, and takes interrupts; true when rung or signalled.  A process that was
 * dismissed ends here.
 */
extern bool worker_sleep(long ms);

/* Rests until the time is over, deaf to rings and signals, and takes interrupts then; rings cost nobody anything meanwhile. */
extern void worker_doze(long ms);

/* Reads the configuration again when the server was told to; true when it did. */
extern bool worker_reload(void);

/* Settings of the session that scheduler and executor need whatever the role's or the database's are: no timeouts, read committed, … */
extern void worker_settings(void);

/* "Now" of schedules: the clock, shifted by aipipe.worker_time_shift. */
extern TimestampTz worker_now(void);

/*** step.c ***/

typedef enum Step
{
	STEP_BEGUN,
	STEP_BUSY,					/* somebody changes or drops the extension right now */
	STEP_GONE					/* the extension is not here, or of another version */
} Step;

/*
 * Begins a transaction with a snapshot, holding the extension so that it cannot be dropped before
 * step_end().  Anything but STEP_BEGUN has ended the transaction again.
 */
extern Step step_begin(void);

/* The same, but waits where step_begin() would give STEP_BUSY. */
extern Step step_begin_patiently(void);

/* Commits, and reports statistics. The memory context is what it was before the step. */
extern void step_end(void);

/*
 * Takes back what an error left of a step, or of what stood between steps, and goes back to the memory context from before the
 * step.  The error has been reported or copied, and flushed.  The locks of step_become_scheduler() and attempt_hold() stay.
 */
extern void step_abort(void);

/* In a PG_CATCH(): logs the error that ended a step, and takes back what it left. */
extern void step_failed(void);

/* Holds the extension in the current transaction, as step_begin() does; false when it is gone. */
extern bool step_hold_extension(void);

/* Until the current transaction ends, no other one gets past this point, unless that takes longer than a second. */
extern void step_end_one_by_one(void);

/* Becomes this database's only scheduler until the process ends; false when there is one. Inside a step. */
extern bool step_become_scheduler(void);

/* Whether somebody waits for this, or a, database to be without sessions (DROP, RENAME, TEMPLATE). Outside of steps. */
extern bool step_database_wanted(void);
extern bool database_wanted(Oid database);

/* Becomes the only launcher that was started for the database until the process ends; false when there is one. */
extern bool launcher_hold(Oid database);

/* The executor's sign of life: held until its process ends. False: another process has it. Inside a step. */
extern bool attempt_hold(int64 attempt);

/* Whether a process holds it. Inside a step. */
extern bool attempt_is_held(int64 attempt);

/*** launcher.c ***/

/* Why no scheduler can connect to the database as the role: part of a message, or NULL. */
extern char *worker_obstacle(Oid database, Oid role);

/* Why the role cannot connect to the database, or NULL. */
extern char *worker_role_obstacle(Oid database, Oid role);

/*** worker_admin.c ***/

/*
 * Whether a scheduler may work in this database. Inside a step. A scheduler that begins waits for a worker_start() or
 * worker_stop() that has not committed; later it only looks.
 */
extern bool worker_enabled(bool wait);

/* Whether aipipe.worker_databases names this database. */
extern bool worker_is_configured(void);

/* Has one job (0: each) that came with a copy of another database belong to this one, from now on; gives how many did. */
extern int64 worker_adopt_jobs(int64 job);

/* A NOTICE, for who has queued or waits for something, when no scheduler works in this database. */
extern void worker_notice_none(void);

/*** survey.c, plan.c, claim.c, reap.c: each called inside a step of the scheduler ***/

/* Ids that were open at the last survey, and the last ids that there were; all zero before the first. */
typedef struct Survey
{
	MemoryContext context;		/* of the arrays */
	Datum		runs;			/* int8[] */
	Datum		attempts;		/* int8[] */
	int64		last_run;
	int64		last_attempt;
} Survey;

/*
 * A condition on the state in a statement that must find its rows by their key.  The planner makes nothing of it: it expects half of
 * the rows, and does not see that an index of open rows has them all.
 */
#define BY_KEY(condition) "CASE WHEN " condition " THEN true ELSE false END"

/*
 * What a look reads of a table: columns of the rows that are in one of the states, and in array "known" or behind id "last", the
 * statement's parameters.  The upper bound has the planner expect few rows, as an open end would not.
 */
#define SURVEYED(columns, table, states, known, last) \
	" SELECT " columns " FROM " table " o WHERE o.id OPERATOR(pg_catalog.=) ANY (" known ")" \
	" AND " BY_KEY("o.state OPERATOR(pg_catalog.=) ANY (ARRAY[" states "])") \
	" UNION ALL SELECT " columns " FROM " table " o WHERE o.id OPERATOR(pg_catalog.>) " last \
	" AND o.id OPERATOR(pg_catalog.<=) 9223372036854775807" \
	" AND " BY_KEY("o.state OPERATOR(pg_catalog.=) ANY (ARRAY[" states "])")

/* Finds out what is open. */
extern void survey_take(Survey *survey);

/* Gives when the next slot is due (DT_NOEND: none). */
extern TimestampTz plan_next(void);

/* Turns every slot that is due into a run or passes it over. */
extern void plan_due(TimestampTz now);

/* Counts the slots of jobs that are far ahead from now, for the clock may have been put back. */
extern void plan_set_back(TimestampTz now);

/* Releases what events have brought together long enough; gives when to look again (DT_NOEND: no need). */
extern TimestampTz plan_events(TimestampTz now);

/* A run that was claimed: its attempt has a row, state starting. */
typedef struct Claim
{
	int64		attempt;
	Oid			owner;
} Claim;

/* Claims at most limit runs, most urgent first; *next is lowered to when a waiting one may begin. */
extern int	claim_runs(const Survey *survey, TimestampTz now, int limit, Claim *claims, TimestampTz *next);

/* Takes a claim back: no process could be had for it. */
extern void claim_return(int64 attempt);

/* What a scheduler knows of an attempt's process. */
typedef enum AttemptProcess
{
	PROCESS_UNKNOWN,			/* another scheduler's, or long gone */
	PROCESS_LIVES,				/* was registered and has not ended */
	PROCESS_ENDED				/* has ended since the last look */
} AttemptProcess;

/*
 * Ends the attempts that no process works on any more as crashed, has those that are late or to be cancelled
 * ended, and gives the number that was open.  *next is lowered to when to look again.
 */
typedef AttemptProcess (*AttemptKnown) (int64 attempt, void *arg);
extern int	reap_attempts(const Survey *survey, AttemptKnown known, void *arg, TimestampTz *next);

/* Deletes old runs as their jobs say, some at a time; true when there are more. */
extern bool history_prune(TimestampTz now);

/*** outcome.c ***/

typedef enum AttemptState
{
	ATTEMPT_STARTING,
	ATTEMPT_RUNNING,
	ATTEMPT_SUCCEEDED,
	ATTEMPT_FAILED,
	ATTEMPT_TIMED_OUT,
	ATTEMPT_CANCELLED,
	ATTEMPT_CRASHED
} AttemptState;

extern const char *const attempt_states[];

/* How an attempt ended. */
typedef struct AttemptEnd
{
	AttemptState state;			/* one of the last five */
	int64		rows;			/* -1: unknown */
	double		cpu_seconds;	/* NaN: unknown */
	int64		memory_peak;	/* bytes; -1: unknown */
	const ErrorData *error;		/* or NULL */
	const char *message;		/* when there is no error; or NULL */
} AttemptEnd;

/*
 * Writes how an attempt ended, and what becomes of its run: succeeded, failed, cancelled, or queued again after
 * the job's backoff.  Notifies.  False, and nothing is written, when somebody has ended the attempt before:
 * then whatever the current transaction did for it must not commit.
 */
extern bool attempt_end(int64 attempt, const AttemptEnd *end);

/*
 * Takes the rows that attempt_end() will change, without waiting; false when somebody has one of them.  A job's owner can hold
 * them as long as he likes, so the scheduler never waits for one.
 */
extern bool attempt_try_rows(int64 attempt);

/* Notifies channel aipipe_job of a change: {"job": 1, "run": 2, "state": "succeeded"}. */
extern void run_notify(int64 job, int64 run, const char *state);

#endif							/* WORKER_WORKER_H */
