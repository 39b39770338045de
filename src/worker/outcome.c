/*-------------------------------------------------------------------------
 *
 * outcome.c
 *	  How an attempt ended, and what becomes of its run.
 *
 * An attempt ends once.  Whoever says how takes the row of the run first (README:
 * the order of locks), then moves the attempt out of "running"; who finds that
 * it is not there any more has come too late.  What becomes of the run follows
 * from the attempt's state, the job's retries, and whether somebody asked for
 * the run's end; a run that was asked to end and did not succeed is cancelled.
 *
 * This runs in transactions of the job's own command too, after code of the
 * owner's: statements are fixed and run through core/sql.h, and what they wait
 * for is not bound by the lock_timeout that the command left.  A serializable
 * transaction of a job is to conflict with others because of what the job does, not
 * because two attempts have rows on the same page: it takes its turn here, and
 * reads nothing but its own rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "common/pg_prng.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "compat/compat.h"
#include "core/sql.h"
#include "worker/job.h"
#include "worker/worker.h"

/* Bytes of one text of an error that are kept. */
#define ERROR_TEXT_MAX 8192

/* Share of the server's notification queue from which on nothing more is put in: when it is full, commits fail. */
#define NOTIFY_QUEUE_LIMIT 0.5

const char *const attempt_states[] = {
	"starting", "running", "succeeded", "failed", "timed_out", "cancelled", "crashed",
};

/* What is known of an attempt, its run and its job. */
typedef struct Ended
{
	int64		attempt;
	int64		run;
	int64		job;
	int32		number;
	bool		cancelled;		/* somebody asked for the run's end */
	bool		dropped;		/* the job is gone; nothing below is known */
	bool		once;
	int32		retries;
	int64		backoff;		/* ms */
	int64		backoff_max;
	double		jitter;
} Ended;

static SqlStatement find_attempt = {
	"SELECT a.run, a.job, a.number, j.id IS NULL AS dropped, COALESCE(j.once, false) AS once, COALESCE(j.retries, 0) AS retries,"
	" COALESCE(j.backoff_ms, 0) AS backoff_ms, COALESCE(j.backoff_max_ms, 0) AS backoff_max_ms,"
	" COALESCE(j.jitter, 0) AS jitter FROM aipipe.job_attempt_data a"
	" LEFT JOIN aipipe.job_data j ON j.id OPERATOR(pg_catalog.=) a.job WHERE a.id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

static SqlStatement lock_run = {
	"SELECT r.cancel_by IS NOT NULL AS cancelled FROM aipipe.job_run_data r WHERE r.id OPERATOR(pg_catalog.=) $1 FOR UPDATE",
	1, {INT8OID}
};

static SqlStatement try_job = {
	"SELECT j.id FROM aipipe.job_data j JOIN aipipe.job_state_data s ON s.job OPERATOR(pg_catalog.=) j.id"
	" WHERE j.id OPERATOR(pg_catalog.=) $1 FOR UPDATE OF j, s SKIP LOCKED",
	1, {INT8OID}
};

static SqlStatement try_run = {
	"SELECT r.id FROM aipipe.job_run_data r WHERE r.id OPERATOR(pg_catalog.=) $1 FOR UPDATE SKIP LOCKED",
	1, {INT8OID}
};

static SqlStatement end_attempt = {
	"UPDATE aipipe.job_attempt_data SET state = $2, finished_at = pg_catalog.clock_timestamp(), rows = $3, cpu_seconds = $4,"
	" memory_peak = $5, sqlstate = $6, message = $7, detail = $8, hint = $9, context = $10"
	" WHERE id OPERATOR(pg_catalog.=) $1 AND (state OPERATOR(pg_catalog.=) 'running'"
	" OR (state OPERATOR(pg_catalog.=) 'starting' AND $2 OPERATOR(pg_catalog.<>) 'succeeded'))",
	10, {INT8OID, TEXTOID, INT8OID, FLOAT8OID, INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}
};

static SqlStatement requeue_run = {
	"UPDATE aipipe.job_run_data SET state = 'queued', not_before = $2 WHERE id OPERATOR(pg_catalog.=) $1",
	2, {INT8OID, TIMESTAMPTZOID}
};

static SqlStatement end_run = {
	"UPDATE aipipe.job_run_data SET state = $2, rows = $3, finished_at = pg_catalog.clock_timestamp()"
	" WHERE id OPERATOR(pg_catalog.=) $1",
	3, {INT8OID, TEXTOID, INT8OID}
};

/* Reads what is known; false when there is no such attempt. */
static bool
find(Ended *ended, int64 attempt)
{
	SqlResult  *found = sql_run(&find_attempt, SQL_WRITE, Int64GetDatum(attempt));

	if (found->nrows == 0)
		return false;
	ended->attempt = attempt;
	ended->run = sql_int64(found, 0, "run", NULL);
	ended->job = sql_int64(found, 0, "job", NULL);
	ended->number = sql_int32(found, 0, "number", NULL);
	ended->dropped = sql_bool(found, 0, "dropped", NULL);
	ended->once = sql_bool(found, 0, "once", NULL);
	ended->retries = sql_int32(found, 0, "retries", NULL);
	ended->backoff = sql_int64(found, 0, "backoff_ms", NULL);
	ended->backoff_max = sql_int64(found, 0, "backoff_max_ms", NULL);
	ended->jitter = sql_float8(found, 0, "jitter", NULL);
	sql_free(found);
	return true;
}

/* Takes the rows that may change, in the order in which everybody takes them. */
static void
lock_rows(Ended *ended)
{
	SqlResult  *run;

	if (ended->once)
		job_lock_once(ended->job);
	run = sql_run(&lock_run, SQL_WRITE, Int64GetDatum(ended->run));
	ended->cancelled = run->nrows > 0 && sql_bool(run, 0, "cancelled", NULL);
	sql_free(run);
}

/* Says whether a statement that locks a row found it free. */
static bool
found_free(SqlStatement *statement, int64 id)
{
	SqlResult  *locked = sql_run(statement, SQL_WRITE, Int64GetDatum(id));
	bool		found = locked->nrows > 0;

	sql_free(locked);
	return found;
}

/* Takes the rows that the attempt's end will change, until the transaction ends; false when somebody has one of them. */
bool
attempt_try_rows(int64 attempt)
{
	Ended		ended;

	if (!find(&ended, attempt))
		return false;
	return (!ended.once || found_free(&try_job, ended.job)) && found_free(&try_run, ended.run);
}

/* Makes a text of an error fit to be stored: not too long, and valid in the server's encoding. */
static Datum
error_text(const char *text)
{
	char	   *kept = pnstrdup(text, pg_mbcliplen(text, strlen(text), ERROR_TEXT_MAX));

	if (!pg_verifymbstr(kept, strlen(kept), true))
		for (char *c = kept; *c != '\0'; c++)
			if (IS_HIGHBIT_SET(*c))
				*c = '?';
	return CStringGetTextDatum(kept);
}

/* Sets one parameter to a text of the error, or to NULL. */
static void
put_text(Datum *values, bool *nulls, int i, const char *text)
{
	nulls[i] = text == NULL;
	values[i] = text == NULL ? (Datum) 0 : error_text(text);
}

/* Moves the attempt to its end; false when it is there. */
static bool
write_attempt(int64 attempt, AttemptState state, const AttemptEnd *end)
{
	const ErrorData *error = end->error;
	Datum		values[10] = {Int64GetDatum(attempt), CStringGetTextDatum(attempt_states[state]),
	Int64GetDatum(end->rows), Float8GetDatum(end->cpu_seconds), Int64GetDatum(end->memory_peak)};
	bool		nulls[10] = {false, false, end->rows < 0, isnan(end->cpu_seconds), end->memory_peak < 0};
	SqlResult  *updated;
	bool		mine;

	put_text(values, nulls, 5, error ? unpack_sql_state(error->sqlerrcode) : NULL);
	put_text(values, nulls, 6, end->message == NULL && error ? error->message : end->message);
	put_text(values, nulls, 7, error ? error->detail : NULL);
	put_text(values, nulls, 8, error ? error->hint : NULL);
	put_text(values, nulls, 9, error ? error->context : NULL);
	updated = sql_run_values(&end_attempt, SQL_WRITE, values, nulls);
	mine = updated->nrows == 1;
	sql_free(updated);
	return mine;
}

/* Gives when the next attempt may begin: the backoff doubles with each one, up to its limit, and is spread by the jitter. */
static TimestampTz
next_attempt_at(const Ended *ended)
{
	double		pause = Min(ldexp((double) ended->backoff, Min(ended->number - 1, 62)), (double) ended->backoff_max);

	pause *= 1.0 + ended->jitter * (2.0 * pg_prng_double(&pg_global_prng_state) - 1.0);
	return worker_now() + (int64) (pause * 1000.0);
}

/* Writes what becomes of the run, and gives the word for it. */
static const char *
write_run(const Ended *ended, AttemptState state, int64 rows)
{
	bool		again = state != ATTEMPT_SUCCEEDED && state != ATTEMPT_CANCELLED &&
		!ended->cancelled && !ended->dropped && ended->number <= ended->retries;
	const char *word;
	Datum		values[3];
	bool		nulls[3] = {false, false, rows < 0};

	if (again)
	{
		sql_free(sql_run(&requeue_run, SQL_WRITE, Int64GetDatum(ended->run), TimestampTzGetDatum(next_attempt_at(ended))));
		return "queued";
	}
	if (state == ATTEMPT_SUCCEEDED)
		word = "succeeded";
	else
		word = state == ATTEMPT_CANCELLED || ended->cancelled ? "cancelled" : "failed";
	values[0] = Int64GetDatum(ended->run);
	values[1] = CStringGetTextDatum(word);
	values[2] = Int64GetDatum(rows);
	sql_free(sql_run_values(&end_run, SQL_WRITE, values, nulls));
	if (ended->once)
		job_remove_once(ended->job);
	return word;
}

/* Says how the attempt ended, given that its end is being written: an answer to job_cancel() is no failure. */
static AttemptState
state_of(const Ended *ended, const AttemptEnd *end)
{
	if (ended->cancelled && end->state == ATTEMPT_FAILED && end->error != NULL && end->error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		return ATTEMPT_CANCELLED;
	return end->state;
}

/* Sets something until the settings' nest level ends. */
static void
set_for_now(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/* Writes an attempt's end and what becomes of its run; false when somebody has done so before. */
bool
attempt_end(int64 attempt, const AttemptEnd *end)
{
	int			nest = NewGUCNestLevel();
	Ended		ended;
	AttemptState state;
	bool		mine;

	set_for_now("lock_timeout", "0");
	if (IsolationIsSerializable())
	{
		set_for_now("enable_seqscan", "off");
		step_end_one_by_one();
	}
	mine = find(&ended, attempt);
	if (mine)
	{
		lock_rows(&ended);
		state = state_of(&ended, end);
		mine = write_attempt(attempt, state, end);
	}
	if (mine)
	{
		run_notify(ended.job, ended.run, write_run(&ended, state, state == ATTEMPT_SUCCEEDED ? end->rows : -1));
		worker_ring_at_commit();
	}
	AtEOXact_GUC(false, nest);
	return mine;
}

/* Notifies of a run's change at commit, as long as the server's queue has room. */
void
run_notify(int64 job, int64 run, const char *state)
{
	char	   *payload;

	if (DatumGetFloat8(DirectFunctionCall1(pg_notification_queue_usage, (Datum) 0)) > NOTIFY_QUEUE_LIMIT)
		return;
	payload = psprintf("{\"job\": " INT64_FORMAT ", \"run\": " INT64_FORMAT ", \"state\": \"%s\"}", job, run, state);
	Async_Notify("aipipe_job", payload);
	pfree(payload);
}
