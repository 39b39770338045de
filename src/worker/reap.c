/*-------------------------------------------------------------------------
 *
 * reap.c
 *	  Attempts that ended without saying so, and attempts that must end.
 *
 * Whether an attempt's process lives is asked of the postmaster, for processes
 * that this scheduler started, and else of the attempt's lock; never of the table.
 * How long it has been running is measured here by a clock that nobody sets: a
 * timeout must not depend on the time of day.  An attempt that does not answer
 * is asked again, more firmly.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>
#include <signal.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/sql.h"
#include "worker/job.h"
#include "worker/worker.h"

/* s: what an attempt has to begin when its scheduler no longer knows of it, to end by its own timeout, and to end when it was asked. */
#define BEGIN_LIMIT 30
#define TIMEOUT_MARGIN 5
#define ANSWER_LIMIT 10

/* What a copy of a database took over is not this database's: worker_resume() ends it. */
static SqlStatement find_open = {
	"SELECT a.id, a.state, a.pid, a.claimed_at, r.cancel_by, COALESCE(j.timeout_ms, 0) AS timeout_ms"
	" FROM (" SURVEYED("o.id, o.run, o.job, o.state, o.pid, o.claimed_at", "aipipe.job_attempt_data", "'starting', 'running'", "$2", "$3") ") a"
	" JOIN aipipe.job_run_data r ON r.id OPERATOR(pg_catalog.=) a.run"
	" LEFT JOIN aipipe.job_data j ON j.id OPERATOR(pg_catalog.=) a.job"
	" WHERE j.id IS NULL OR j.home OPERATOR(pg_catalog.=) $1 ORDER BY a.id",
	3, {TEXTOID, INT8ARRAYOID, INT8OID}
};

/* What the scheduler remembers of an attempt that runs. */
typedef struct Watched
{
	int64		attempt;		/* key */
	instr_time	since;			/* first seen running */
	instr_time	asked;			/* last asked to end; zero: not yet */
	bool		firmly;			/* was asked with SIGTERM */
	bool		seen;			/* in the last look */
} Watched;

static HTAB *watched = NULL;

/* Seconds since a time of the steady clock. */
static double
seconds_since(instr_time since)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, since);
	return INSTR_TIME_GET_DOUBLE(now);
}

/* Gives what is remembered of an attempt, new when it was not seen before. */
static Watched *
watch(int64 attempt)
{
	Watched    *entry;
	bool		found;

	if (watched == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(int64), .entrysize = sizeof(Watched), .hcxt = TopMemoryContext};

		watched = hash_create("aipipe worker attempts", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(watched, &attempt, HASH_ENTER, &found);
	if (!found)
	{
		INSTR_TIME_SET_CURRENT(entry->since);
		INSTR_TIME_SET_ZERO(entry->asked);
		entry->firmly = false;
	}
	entry->seen = true;
	return entry;
}

/* Forgets the attempts that were not seen since the last call. */
static void
forget_ended(void)
{
	HASH_SEQ_STATUS status;
	Watched    *entry;

	if (watched == NULL)
		return;
	hash_seq_init(&status, watched);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (!entry->seen)
			(void) hash_search(watched, &entry->attempt, HASH_REMOVE, NULL);
		entry->seen = false;
	}
}

/* Writes that an attempt's process is gone without a word, unless somebody has its rows; gives in how many seconds to look again, or -1. */
static double
end_crashed(int64 attempt, const char *message)
{
	AttemptEnd	end = {.state = ATTEMPT_CRASHED, .rows = -1, .cpu_seconds = NAN, .memory_peak = -1, .message = message};

	if (!attempt_try_rows(attempt))
		return 1;
	(void) attempt_end(attempt, &end);
	return -1;
}

/* Asks a process to end: a cancel first, a SIGTERM when it does not answer. */
static void
ask_to_end(Watched *entry, pid_t pid)
{
	if (INSTR_TIME_IS_ZERO(entry->asked))
		kill(pid, SIGINT);
	else if (seconds_since(entry->asked) < ANSWER_LIMIT)
		return;
	else
	{
		kill(pid, SIGTERM);
		if (!entry->firmly)
			ereport(LOG,
					(errmsg("aipipe: attempt " INT64_FORMAT " (PID %d) did not answer a cancel and is terminated", entry->attempt, (int) pid)));
		entry->firmly = true;
	}
	INSTR_TIME_SET_CURRENT(entry->asked);
}

/* Looks after an attempt whose process lives; gives in how many seconds to look again, or -1. */
static double
look_after(int64 attempt, pid_t pid, double timeout, bool cancelled)
{
	Watched    *entry = watch(attempt);
	double		left = timeout + TIMEOUT_MARGIN - seconds_since(entry->since);
	bool		late = timeout > 0 && left <= 0;

	if ((cancelled || late) && worker_is(pid, WORKER_EXECUTOR))
	{
		ask_to_end(entry, pid);
		return ANSWER_LIMIT;
	}
	return timeout > 0 ? left : -1;
}

/* Looks at one open attempt, which may be dead; gives in how many seconds to look again, or -1. */
static double
reap_one(const SqlResult *open, uint64 i, AttemptKnown known, void *arg, bool *dead)
{
	int64		attempt = sql_int64(open, i, "id", NULL);
	bool		running = strcmp(sql_text(open, i, "state"), attempt_states[ATTEMPT_RUNNING]) == 0;
	bool		no_pid;
	int			pid = sql_int32(open, i, "pid", &no_pid);
	AttemptProcess process = known(attempt, arg);

	*dead = false;
	if (running && (process == PROCESS_LIVES || attempt_is_held(attempt)) && !no_pid)
		return look_after(attempt, pid, sql_int64(open, i, "timeout_ms", NULL) / 1000.0, sql_text(open, i, "cancel_by") != NULL);
	*dead = running;
	if (running)
		return end_crashed(attempt, "the attempt's process ended without reporting an outcome");
	if (process == PROCESS_LIVES)
		return -1;				/* told by its end */
	if (attempt_is_held(attempt))
		return 1;				/* begins right now */
	if (process == PROCESS_ENDED ||
		TimestampDifferenceExceeds(sql_time(open, i, "claimed_at", NULL), GetCurrentTimestamp(), BEGIN_LIMIT * 1000))
	{
		*dead = true;
		return end_crashed(attempt, "the attempt's process ended before it began; the server's log may say why");
	}
	return BEGIN_LIMIT;
}

/* Ends what is dead, asks what must end, and counts what lives. */
int
reap_attempts(const Survey *survey, AttemptKnown known, void *arg, TimestampTz *next)
{
	SqlResult  *open = sql_run(&find_open, SQL_WRITE, CStringGetTextDatum(job_home()), survey->attempts, Int64GetDatum(survey->last_attempt));
	int			count = 0;

	for (uint64 i = 0; i < open->nrows; i++)
	{
		bool		dead;
		double		again = reap_one(open, i, known, arg, &dead);

		count += dead ? 0 : 1;
		if (again >= 0)
			*next = Min(*next, worker_now() + (int64) (again * USECS_PER_SEC));
	}
	sql_free(open);
	forget_ended();
	return count;
}
