/*-------------------------------------------------------------------------
 *
 * plan.c
 *	  What is due becomes a run.
 *
 * Each job has one row that says which slot comes next (job_state_data).  A slot
 * that has come becomes a queued run, or is passed over with a note in the
 * history: because the job's last run is still open (overlap), because too many
 * wait, or because nobody was there when it was due (catch_up).
 *
 * Slots are never planned twice: next_due only moves forward, and the unique
 * index on (job, due_at) stands behind it.  When the clock was put back, jobs
 * wait until it is past the slots that they had; when it was put back by hours,
 * it had been wrong, and slots are counted from the new time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/attempt.h"
#include "core/sql.h"
#include "worker/job.h"
#include "worker/job_int.h"
#include "worker/schedule.h"
#include "worker/worker.h"

/* A clock that was put back by more was wrong before. */
#define CLOCK_WRONG (3 * USECS_PER_HOUR)

/* Late slots of one job that are planned at once. */
#define MAX_LATE 100000

/* Notes of rows that landed for one job, each a transaction's, beyond which they are put together. */
#define MAX_NOTES 1000

/*
 * Whether the job of a row of job_state_data is at home here.  As a subquery: the planner, which expects few jobs to be, would
 * read the other table again for each that is.
 */
#define AT_HOME "(SELECT j.home FROM aipipe.job_data j WHERE j.id OPERATOR(pg_catalog.=) s.job) OPERATOR(pg_catalog.=) $1"

static SqlStatement lock_due = {
	"SELECT s.job FROM aipipe.job_state_data s"
	" WHERE s.state OPERATOR(pg_catalog.=) 'active' AND s.next_due OPERATOR(pg_catalog.<=) $2 AND " AT_HOME
	" ORDER BY s.next_due, s.job FOR UPDATE OF s SKIP LOCKED",
	2, {TEXTOID, TIMESTAMPTZOID}
};

/* Read after the rows of job_state_data are locked: a job_alter() that was before us is seen. */
static SqlStatement read_due = {
	"SELECT" JOB_COLUMNS ", s.next_due,"
	" (SELECT pg_catalog.count(*) FROM aipipe.job_run_data r WHERE r.job OPERATOR(pg_catalog.=) j.id"
	" AND r.state OPERATOR(pg_catalog.=) ANY (ARRAY['queued', 'starting', 'running'])) AS open,"
	" (SELECT pg_catalog.count(*) FROM aipipe.job_run_data r WHERE r.job OPERATOR(pg_catalog.=) j.id"
	" AND r.state OPERATOR(pg_catalog.=) 'queued') AS queued"
	" FROM aipipe.job_data j, aipipe.job_state_data s"
	" WHERE s.job OPERATOR(pg_catalog.=) j.id AND j.id OPERATOR(pg_catalog.=) ANY ($1)"
	" ORDER BY s.next_due, j.id",
	1, {INT8ARRAYOID}
};

static SqlStatement move_on = {
	"UPDATE aipipe.job_state_data SET next_due = $2, last_due = GREATEST(last_due, $3), state = $4,"
	" changed_at = pg_catalog.clock_timestamp() WHERE job OPERATOR(pg_catalog.=) $1",
	4, {INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID}
};

static SqlStatement find_next = {
	"SELECT pg_catalog.min(s.next_due) AS next_due FROM aipipe.job_state_data s"
	" WHERE s.state OPERATOR(pg_catalog.=) 'active' AND s.next_due IS NOT NULL AND " AT_HOME,
	1, {TEXTOID}
};

static SqlStatement find_ahead = {
	"SELECT" JOB_COLUMNS " FROM aipipe.job_data j, aipipe.job_state_data s"
	" WHERE j.id OPERATOR(pg_catalog.=) s.job AND j.home OPERATOR(pg_catalog.=) $1"
	" AND s.state OPERATOR(pg_catalog.=) 'active' AND s.next_due IS NOT NULL AND s.last_due OPERATOR(pg_catalog.>) $2"
	" FOR UPDATE OF s SKIP LOCKED",
	2, {TEXTOID, TIMESTAMPTZOID}
};

static SqlStatement set_back = {
	"UPDATE aipipe.job_state_data SET next_due = $2, last_due = NULL, changed_at = pg_catalog.clock_timestamp()"
	" WHERE job OPERATOR(pg_catalog.=) $1",
	2, {INT8OID, TIMESTAMPTZOID}
};

static SqlStatement count_events = {
	"SELECT n.job, n.landed, n.oldest, n.newest, n.notes, EXISTS (SELECT FROM aipipe.job_run_data o WHERE o.job OPERATOR(pg_catalog.=) n.job"
	" AND o.state OPERATOR(pg_catalog.=) ANY (ARRAY['queued', 'starting', 'running'])) AS open"
	" FROM (SELECT e.job, pg_catalog.sum(e.rows)::pg_catalog.int8 AS landed, pg_catalog.min(e.landed_at) AS oldest,"
	" pg_catalog.max(e.landed_at) AS newest, pg_catalog.count(*) AS notes FROM aipipe.job_event_data e GROUP BY e.job) n"
	" JOIN aipipe.job_state_data s ON s.job OPERATOR(pg_catalog.=) n.job AND s.state OPERATOR(pg_catalog.=) 'active'"
	" JOIN aipipe.job_data j ON j.id OPERATOR(pg_catalog.=) n.job AND j.home OPERATOR(pg_catalog.=) $1"
	" ORDER BY n.job",
	1, {TEXTOID}
};

static SqlStatement lock_waiting = {
	"SELECT s.job FROM aipipe.job_state_data s WHERE s.job OPERATOR(pg_catalog.=) $1"
	" AND s.state OPERATOR(pg_catalog.=) 'active' FOR UPDATE SKIP LOCKED",
	1, {INT8OID}
};

static SqlStatement take_events = {
	"WITH taken AS (DELETE FROM aipipe.job_event_data WHERE job OPERATOR(pg_catalog.=) $1 RETURNING rows)"
	" SELECT COALESCE(pg_catalog.sum(rows), 0)::pg_catalog.int8 AS landed FROM taken",
	1, {INT8OID}
};

/* Two notes say what many did: how many rows, when the first landed, and when the last. */
static SqlStatement fold_events = {
	"WITH taken AS (DELETE FROM aipipe.job_event_data WHERE job OPERATOR(pg_catalog.=) $1 RETURNING rows, landed_at),"
	" whole AS (SELECT pg_catalog.sum(rows)::pg_catalog.int8 AS rows, pg_catalog.min(landed_at) AS oldest, pg_catalog.max(landed_at) AS newest FROM taken)"
	" INSERT INTO aipipe.job_event_data (job, rows, landed_at)"
	" SELECT $1, whole.rows OPERATOR(pg_catalog.-) 1, whole.oldest FROM whole WHERE whole.rows OPERATOR(pg_catalog.>) 1"
	" UNION ALL SELECT $1, 1, whole.newest FROM whole WHERE whole.rows OPERATOR(pg_catalog.>=) 1",
	1, {INT8OID}
};

/* The slots of one job that have come, oldest first, and how many more there were before them. */
typedef struct Slots
{
	TimestampTz *at;
	int			count;
	bool		missed;			/* the oldest was due before the grace period: nobody was there */
	bool		more;			/* slots before at[0] are left out */
} Slots;

/* Adds a slot behind the others; beyond limit the oldest leaves. */
static void
add_slot(Slots *slots, TimestampTz at, int limit)
{
	if (slots->count == limit)
	{
		memmove(slots->at, slots->at + 1, sizeof(TimestampTz) * (limit - 1));
		slots->count--;
	}
	slots->at[slots->count++] = at;
}

/* Collects the latest slots after a time and up to now, at most limit of them; false when there are not that many. */
static bool
collect(const Schedule *schedule, TimestampTz after, TimestampTz now, int limit, Slots *slots)
{
	slots->count = 0;
	for (TimestampTz at = schedule_next(schedule, after); at <= now; at = schedule_next(schedule, at))
	{
		CHECK_FOR_INTERRUPTS();
		add_slot(slots, at, limit);
	}
	return slots->count == limit;
}

/* How many slots of a job are looked at: all that are late, of those that were missed as many as it catches up with. */
static int
slots_wanted(const Job *job, bool missed)
{
	if (missed)
		return job->catch_up == JOB_CATCH_UP_ALL ? job->catch_up_limit : 1;
	return (int) Min(job->grace / 1000 + 2, MAX_LATE);
}

/*
 * Finds the slots from next_due up to now, the latest of them when there are more than are wanted.  There
 * may be millions after a long absence, so it looks back from now in ever longer stretches.
 */
static Slots
slots_due(const Job *job, const Schedule *schedule, TimestampTz next_due, TimestampTz now)
{
	int64		stretch = Max(job->grace, 1000) * 1000;
	bool		missed = now - next_due > stretch;
	int			limit = slots_wanted(job, missed);
	Slots		slots = {palloc(mul_size(sizeof(TimestampTz), limit))};

	slots.missed = missed;
	while (now - next_due > stretch)
	{
		if (collect(schedule, now - stretch, now, limit, &slots))
		{
			slots.more = true;
			return slots;
		}
		stretch = stretch < PG_INT64_MAX / 4 ? stretch * 4 : PG_INT64_MAX;
	}

	/* next_due itself is a slot, whatever the schedule says by now. */
	(void) collect(schedule, next_due, now, limit, &slots);
	if (slots.count < limit)
	{
		memmove(slots.at + 1, slots.at, sizeof(TimestampTz) * slots.count);
		slots.at[0] = next_due;
		slots.count++;
	}
	else
		slots.more = true;
	return slots;
}

/* Says why a slot gets no run of its own now, or NULL. */
static const char *
overlapped(const Job *job, int64 open, int64 queued)
{
	if (job->overlap == JOB_SKIP && open > 0)
		return "the run before is still open";
	if (queued >= job->queue_limit)
		return "the queue is full";
	return NULL;
}

/* Queues the slots of a job that were missed as its catch_up says. */
static void
catch_up(const Job *job, const Slots *slots, TimestampTz now, int64 open, int64 queued)
{
	TimestampTz last = slots->at[slots->count - 1];
	const char *why = NULL;

	switch (job->catch_up)
	{
		case JOB_CATCH_UP_ALL:
			for (int i = 0; i < slots->count; i++)
				(void) job_enqueue(job, "catch_up", slots->at[i], 0);
			if (slots->more)
				job_record_skip(job, "catch_up", slots->at[0] - 1, "slots before catch_up_limit");
			return;
		case JOB_CATCH_UP_SKIP:
			if (now - last > Max(job->grace, 1000) * 1000)
				why = "missed";
			break;
		case JOB_CATCH_UP_ONE:
			break;
	}
	if (why == NULL)
		why = overlapped(job, open, queued);
	if (why == NULL)
		(void) job_enqueue(job, "catch_up", last, 0);
	else
		job_record_skip(job, "catch_up", last, why);
}

/* Queues the slots of a job that have just come. */
static void
enqueue_slots(const Job *job, const Slots *slots, int64 open, int64 queued)
{
	for (int i = 0; i < slots->count; i++)
	{
		const char *why = overlapped(job, open, queued);

		if (why != NULL)
			job_record_skip(job, "schedule", slots->at[i], why);
		else if (job_enqueue(job, "schedule", slots->at[i], 0) != 0)
		{
			open++;
			queued++;
		}
	}
}

/* Writes which slot of a job comes next; without one the job is finished. */
static void
job_move_on(int64 job, TimestampTz next, TimestampTz last)
{
	Datum		values[4] = {Int64GetDatum(job), TimestampTzGetDatum(next), TimestampTzGetDatum(last),
	CStringGetTextDatum(next == DT_NOEND ? "finished" : "active")};
	bool		nulls[4] = {false, next == DT_NOEND, false, false};

	sql_free(sql_run_values(&move_on, SQL_WRITE, values, nulls));
}

/* Plans one job whose next slot has come. */
static void
plan_job(const Job *job, TimestampTz next_due, TimestampTz now, int64 open, int64 queued)
{
	Schedule   *schedule = schedule_parse(job->schedule, job->timezone, job->created_at);
	Slots		slots = slots_due(job, schedule, next_due, now);

	if (slots.missed)
		catch_up(job, &slots, now, open, queued);
	else
		enqueue_slots(job, &slots, open, queued);
	job_move_on(job->id, schedule_next(schedule, now), slots.at[slots.count - 1]);
}

/* What plan_one() and set_back_one() work on. */
typedef struct PlanOne
{
	const SqlResult *jobs;
	uint64		row;
	TimestampTz now;
} PlanOne;

/* Plans the job of one row; one without a schedule has no slot. */
static void
plan_one(void *arg)
{
	PlanOne    *one = arg;
	Job		   *job = job_read(one->jobs, one->row);
	TimestampTz due = sql_time(one->jobs, one->row, "next_due", NULL);

	if (job->schedule == NULL)
		job_move_on(job->id, DT_NOEND, due);
	else
		plan_job(job, due, one->now, sql_int64(one->jobs, one->row, "open", NULL), sql_int64(one->jobs, one->row, "queued", NULL));
}

/* Counts the slots of the job of one row from now. */
static void
set_back_one(void *arg)
{
	PlanOne    *one = arg;
	Job		   *job = job_read(one->jobs, one->row);
	TimestampTz next = job_next_due(job, one->now);
	Datum		values[2] = {Int64GetDatum(job->id), TimestampTzGetDatum(next)};
	bool		nulls[2] = {false, next == DT_NOEND};

	sql_free(sql_run_values(&set_back, SQL_WRITE, values, nulls));
	ereport(LOG,
			(errmsg("aipipe: the clock was put back; job \"%s\" is due next at %s", job->name, timestamptz_to_str(next))));
}

/* Does something to the job of each row; one whose slots cannot be found is paused, so that it stops nobody else. */
static void
each_job(SqlResult *jobs, AttemptStep step, TimestampTz now)
{
	for (uint64 i = 0; i < jobs->nrows; i++)
	{
		PlanOne		one = {jobs, i, now};
		ErrorData  *error = attempt_run(step, &one);

		if (error == NULL)
			continue;
		if (attempt_must_go_on(error))
			ReThrowError(error);
		job_disable(sql_int64(jobs, i, "id", NULL), sql_text(jobs, i, "name"), error->message);
	}
	sql_free(jobs);
}

/* Counts the slots of jobs that are far ahead of the clock from now: it was put back, so it had been wrong. */
void
plan_set_back(TimestampTz now)
{
	each_job(sql_run(&find_ahead, SQL_WRITE, CStringGetTextDatum(job_home()), TimestampTzGetDatum(now + CLOCK_WRONG)), set_back_one, now);
}

/* Plans what is due. */
void
plan_due(TimestampTz now)
{
	SqlResult  *due = sql_run(&lock_due, SQL_WRITE, CStringGetTextDatum(job_home()), TimestampTzGetDatum(now));
	int			n;

	if (due->nrows > 0)
		each_job(sql_run(&read_due, SQL_WRITE, sql_int64_column(due, "job", &n)), plan_one, now);
	sql_free(due);
}

/* Gives when the next slot is due. */
TimestampTz
plan_next(void)
{
	SqlResult  *result = sql_run(&find_next, SQL_WRITE, CStringGetTextDatum(job_home()));
	bool		none;
	TimestampTz next = sql_time(result, 0, "next_due", &none);

	sql_free(result);
	return none ? DT_NOEND : next;
}

/* Says when what has landed for a job makes it due. */
static TimestampTz
events_due(const Job *job, int64 landed, TimestampTz oldest, TimestampTz newest)
{
	TimestampTz latest = oldest + job->event_wait * 1000;

	if (landed < job->event_rows)
		return latest;
	return Min(latest, newest + job->event_quiet * 1000);
}

/* Takes a job that waits for rows, as whoever changes it does; false when somebody changes it, or has just paused it. */
static bool
lock_job(const Job *job)
{
	SqlResult  *locked = sql_run(&lock_waiting, SQL_WRITE, Int64GetDatum(job->id));
	bool		mine = locked->nrows > 0;

	sql_free(locked);
	return mine;
}

/* Puts together what has landed for a job that goes on waiting, so that a look is short however many transactions it was. */
static void
fold_landed(const Job *job)
{
	if (lock_job(job))
		sql_free(sql_run(&fold_events, SQL_WRITE, Int64GetDatum(job->id)));
}

/* Queues a run for what has landed, unless a job_alter() has just forgotten it; false when somebody changes the job. */
static bool
take_landed(const Job *job)
{
	SqlResult  *taken;
	int64		rows;

	if (!lock_job(job))
		return false;
	taken = sql_run(&take_events, SQL_WRITE, Int64GetDatum(job->id));
	rows = sql_int64(taken, 0, "landed", NULL);
	if (rows > 0)
		(void) job_enqueue(job, "event", worker_now(), rows);
	sql_free(taken);
	return true;
}

/* Queues runs of jobs whose rows have landed; what lands while a run is open waits for its end. */
TimestampTz
plan_events(TimestampTz now)
{
	SqlResult  *waiting = sql_run(&count_events, SQL_WRITE, CStringGetTextDatum(job_home()));
	TimestampTz next = DT_NOEND;

	for (uint64 i = 0; i < waiting->nrows; i++)
	{
		Job		   *job = job_by_id(sql_int64(waiting, i, "job", NULL));
		TimestampTz due = DT_NOEND;

		if (job == NULL)
			continue;
		if (!sql_bool(waiting, i, "open", NULL) || job->overlap == JOB_PARALLEL)
			due = events_due(job, sql_int64(waiting, i, "landed", NULL),
							 sql_time(waiting, i, "oldest", NULL),
							 sql_time(waiting, i, "newest", NULL));
		if (due > now)
		{
			next = Min(next, due);
			if (sql_int64(waiting, i, "notes", NULL) > MAX_NOTES)
				fold_landed(job);
		}
		else if (!take_landed(job))
			next = Min(next, now + USECS_PER_SEC);
	}
	sql_free(waiting);
	return next;
}
