/*-------------------------------------------------------------------------
 *
 * claim.c
 *	  A run becomes an attempt with a process of its own.
 *
 * Claiming writes the attempt before any process exists, so that a crash at any
 * point leaves a trace.  The most urgent runs go first: by priority, then by
 * when they could have begun.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/sql.h"
#include "worker/job.h"
#include "worker/worker.h"

/*
 * Runs that may begin.  A job has at most "parallel" processes; a run that waits for its retry lets others pass;
 * a pause holds back what was not asked for by hand.  A retry can be no farther away than its job's backoff
 * allows: if it is, the clock was put back, and the run is ready.  What somebody has locked is not counted, or
 * a few runs that are held for long would leave no place for others.
 */
static SqlStatement find_ready = {
	"WITH open AS MATERIALIZED (" SURVEYED("o.id, o.job, o.state, o.cause, o.priority, o.not_before, o.due_at", "aipipe.job_run_data",
										   "'queued', 'starting', 'running'", "$4", "$5") "),"
	" busy AS (SELECT b.job, pg_catalog.count(*) AS n FROM open b WHERE b.state OPERATOR(pg_catalog.<>) 'queued' GROUP BY b.job),"
	" ready AS (SELECT r.id, r.priority, r.not_before, j.parallel, COALESCE(busy.n, 0) AS n,"
	" pg_catalog.row_number() OVER (PARTITION BY r.job ORDER BY r.priority DESC, r.due_at, r.id) AS place"
	" FROM open r"
	" JOIN aipipe.job_data j ON j.id OPERATOR(pg_catalog.=) r.job AND j.home OPERATOR(pg_catalog.=) $1"
	" JOIN aipipe.job_state_data s ON s.job OPERATOR(pg_catalog.=) r.job"
	" AND (s.state OPERATOR(pg_catalog.<>) 'paused' OR r.cause OPERATOR(pg_catalog.=) 'manual')"
	" LEFT JOIN busy ON busy.job OPERATOR(pg_catalog.=) r.job"
	" WHERE r.state OPERATOR(pg_catalog.=) 'queued' AND (r.not_before OPERATOR(pg_catalog.<=) $2"
	" OR r.not_before OPERATOR(pg_catalog.>) ($2 OPERATOR(pg_catalog.+)"
	" pg_catalog.make_interval(secs => 60 OPERATOR(pg_catalog.+) (j.backoff_max_ms OPERATOR(pg_catalog./) 500.0)))))"
	" SELECT o.id FROM ready JOIN aipipe.job_run_data o ON o.id OPERATOR(pg_catalog.=) ready.id"
	" WHERE ready.place OPERATOR(pg_catalog.<=) (ready.parallel OPERATOR(pg_catalog.-) ready.n)"
	" AND " BY_KEY("o.state OPERATOR(pg_catalog.=) 'queued'")
	" ORDER BY ready.priority DESC, ready.not_before, ready.id LIMIT $3 FOR UPDATE OF o SKIP LOCKED",
	5, {TEXTOID, TIMESTAMPTZOID, INT8OID, INT8ARRAYOID, INT8OID}
};

/* Read after the run is locked: a job_alter() that was before us is seen. */
static SqlStatement find_job = {
	"SELECT j.id, j.name, j.owner::pg_catalog.oid AS owner FROM aipipe.job_run_data r"
	" JOIN aipipe.job_data j ON j.id OPERATOR(pg_catalog.=) r.job WHERE r.id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

static SqlStatement start_run = {
	"UPDATE aipipe.job_run_data SET state = 'starting', owner = $2::pg_catalog.regrole, attempts = attempts OPERATOR(pg_catalog.+) 1"
	" WHERE id OPERATOR(pg_catalog.=) $1 RETURNING attempts",
	2, {INT8OID, OIDOID}
};

static SqlStatement add_attempt = {
	"INSERT INTO aipipe.job_attempt_data (run, number, job, owner, state)"
	" VALUES ($1, $2, $3, $4::pg_catalog.regrole, 'starting') RETURNING id",
	4, {INT8OID, INT4OID, INT8OID, OIDOID}
};

static SqlStatement find_waiting = {
	"SELECT pg_catalog.min(r.not_before) AS next FROM (" SURVEYED("o.not_before", "aipipe.job_run_data", "'queued'", "$2", "$3") ") r"
	" WHERE r.not_before OPERATOR(pg_catalog.>) $1",
	3, {TIMESTAMPTZOID, INT8ARRAYOID, INT8OID}
};

/* A run that somebody has locked keeps its attempt, which is reaped. */
static SqlStatement remove_attempt = {
	"WITH free AS (SELECT r.id FROM aipipe.job_run_data r WHERE r.id OPERATOR(pg_catalog.=)"
	" (SELECT a.run FROM aipipe.job_attempt_data a WHERE a.id OPERATOR(pg_catalog.=) $1) FOR UPDATE SKIP LOCKED),"
	" gone AS (DELETE FROM aipipe.job_attempt_data d USING free WHERE d.id OPERATOR(pg_catalog.=) $1"
	" AND d.run OPERATOR(pg_catalog.=) free.id AND d.state OPERATOR(pg_catalog.=) 'starting' RETURNING d.run)"
	" UPDATE aipipe.job_run_data r SET state = 'queued', attempts = r.attempts OPERATOR(pg_catalog.-) 1"
	" FROM gone WHERE r.id OPERATOR(pg_catalog.=) gone.run",
	1, {INT8OID}
};

static SqlStatement fail_run = {
	"UPDATE aipipe.job_run_data SET state = 'failed', why = $2, finished_at = pg_catalog.clock_timestamp()"
	" WHERE id OPERATOR(pg_catalog.=) $1",
	2, {INT8OID, TEXTOID}
};

/* Ends a run whose job nobody can execute, and pauses the job so that this happens once. */
static void
refuse_run(int64 run, int64 job, const char *name, const char *why)
{
	job_disable(job, name, why);
	sql_free(sql_run(&fail_run, SQL_WRITE, Int64GetDatum(run), CStringGetTextDatum(why)));
	run_notify(job, run, "failed");
}

/* Claims a run that is locked; false when its job is gone or nobody can execute it. */
static bool
claim_run(int64 run, Claim *claim)
{
	SqlResult  *found = sql_run(&find_job, SQL_WRITE, Int64GetDatum(run));
	SqlResult  *started;
	SqlResult  *added;
	int64		job;
	char	   *obstacle;

	if (found->nrows == 0)
		return false;
	job = sql_int64(found, 0, "id", NULL);
	claim->owner = sql_oid(found, 0, "owner", NULL);
	obstacle = worker_role_obstacle(MyDatabaseId, claim->owner);
	if (obstacle != NULL)
	{
		refuse_run(run, job, sql_text(found, 0, "name"), psprintf("its owner cannot connect: %s", obstacle));
		return false;
	}
	started = sql_run(&start_run, SQL_WRITE, Int64GetDatum(run), ObjectIdGetDatum(claim->owner));
	added = sql_run(&add_attempt, SQL_WRITE, Int64GetDatum(run), sql_datum(started, 0, "attempts", NULL),
					Int64GetDatum(job), ObjectIdGetDatum(claim->owner));
	claim->attempt = sql_int64(added, 0, "id", NULL);
	return true;
}

/* Claims runs that may begin now, and says when another one may. */
int
claim_runs(const Survey *survey, TimestampTz now, int limit, Claim *claims, TimestampTz *next)
{
	int			nclaims = 0;
	SqlResult  *result;
	TimestampTz waiting;
	bool		none;

	if (limit > 0)
	{
		result = sql_run(&find_ready, SQL_WRITE, CStringGetTextDatum(job_home()), TimestampTzGetDatum(now), Int64GetDatum(limit),
						 survey->runs, Int64GetDatum(survey->last_run));
		for (uint64 i = 0; i < result->nrows; i++)
			if (claim_run(sql_int64(result, i, "id", NULL), &claims[nclaims]))
				nclaims++;
		sql_free(result);
	}

	result = sql_run(&find_waiting, SQL_WRITE, TimestampTzGetDatum(now), survey->runs, Int64GetDatum(survey->last_run));
	waiting = sql_time(result, 0, "next", &none);
	if (!none)
		*next = Min(*next, waiting);
	sql_free(result);
	return nclaims;
}

/* Puts a claimed run back into the queue as if it had not been claimed. */
void
claim_return(int64 attempt)
{
	sql_free(sql_run(&remove_attempt, SQL_WRITE, Int64GetDatum(attempt)));
}
