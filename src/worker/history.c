/*-------------------------------------------------------------------------
 *
 * history.c
 *	  Old runs are forgotten, with their attempts.
 *
 * A job says how long and how many of its finished runs are kept; those of
 * a job that was dropped stay for 30 days.  Each call deletes some, so that a
 * step is short whatever has piled up.  What is old is found by an index, each
 * time.  What is too many has to be counted, and what was dropped to be looked
 * for: a few jobs a call, all of them every ten minutes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "core/sql.h"
#include "worker/worker.h"

/* Runs that one call deletes at most. */
#define PRUNE_LIMIT 1000

/* How often each job's runs are counted, and those of how many jobs in one call. */
#define ROUND_EVERY (10 * USECS_PER_MINUTE)
#define ROUND_JOBS "20"

/* Runs beyond their job's age that nobody holds: those of one who holds a thousand would take the places of all others. */
static SqlStatement find_old = {
	"SELECT o.id FROM aipipe.job_data j CROSS JOIN LATERAL ("
	"SELECT r.id FROM aipipe.job_run_data r WHERE r.job OPERATOR(pg_catalog.=) j.id AND r.finished_at IS NOT NULL"
	" AND r.finished_at OPERATOR(pg_catalog.<) ($1 OPERATOR(pg_catalog.-) pg_catalog.make_interval(secs => j.keep_ms OPERATOR(pg_catalog./) 1000.0))"
	" ORDER BY r.finished_at LIMIT $2 FOR UPDATE OF r SKIP LOCKED) o LIMIT $2",
	2, {TIMESTAMPTZOID, INT8OID}
};

/* Runs beyond their job's number, of the next jobs after one: at least one row for each of these. */
static SqlStatement find_surplus = {
	"SELECT j.id AS job, o.id FROM (SELECT d.id, d.keep_runs FROM aipipe.job_data d WHERE d.id OPERATOR(pg_catalog.>) $1"
	" ORDER BY d.id LIMIT " ROUND_JOBS ") j LEFT JOIN LATERAL ("
	"SELECT r.id FROM aipipe.job_run_data r WHERE r.job OPERATOR(pg_catalog.=) j.id AND r.finished_at IS NOT NULL"
	" ORDER BY r.finished_at DESC, r.id DESC OFFSET j.keep_runs LIMIT $2) o ON true ORDER BY j.id LIMIT $2",
	2, {INT8OID, INT8OID}
};

/* Runs of jobs that are gone, that nobody holds: the history's jobs are found one after the other in the index. */
static SqlStatement find_orphans = {
	"WITH RECURSIVE job AS ("
	"(SELECT r.job AS id FROM aipipe.job_run_data r ORDER BY r.job LIMIT 1)"
	" UNION ALL SELECT (SELECT r.job FROM aipipe.job_run_data r WHERE r.job OPERATOR(pg_catalog.>) job.id ORDER BY r.job LIMIT 1)"
	" FROM job WHERE job.id IS NOT NULL)"
	" SELECT o.id FROM job CROSS JOIN LATERAL ("
	"SELECT r.id FROM aipipe.job_run_data r WHERE r.job OPERATOR(pg_catalog.=) job.id AND r.finished_at IS NOT NULL"
	" AND r.finished_at OPERATOR(pg_catalog.<) ($1 OPERATOR(pg_catalog.-) pg_catalog.make_interval(days => 30))"
	" ORDER BY r.finished_at LIMIT $2 FOR UPDATE OF r SKIP LOCKED) o"
	" WHERE NOT EXISTS (SELECT FROM aipipe.job_data j WHERE j.id OPERATOR(pg_catalog.=) job.id) LIMIT $2",
	2, {TIMESTAMPTZOID, INT8OID}
};

/* A run that was queued while its job was dropped. */
static SqlStatement end_orphans = {
	"WITH free AS (SELECT r.id FROM aipipe.job_run_data r"
	" WHERE r.state OPERATOR(pg_catalog.=) 'queued'"
	" AND NOT EXISTS (SELECT FROM aipipe.job_data j WHERE j.id OPERATOR(pg_catalog.=) r.job) FOR UPDATE SKIP LOCKED)"
	" UPDATE aipipe.job_run_data o SET state = 'cancelled', why = 'the job was dropped', finished_at = pg_catalog.clock_timestamp()"
	" FROM free WHERE o.id OPERATOR(pg_catalog.=) free.id RETURNING o.job, o.id",
	0, {0}
};

/* Of these runs, those that nobody holds: whoever cancels one of his keeps it to the end of his transaction. */
static SqlStatement delete_runs = {
	"WITH free AS (SELECT r.id FROM aipipe.job_run_data r WHERE r.id OPERATOR(pg_catalog.=) ANY ($1) FOR UPDATE SKIP LOCKED),"
	" attempts AS (DELETE FROM aipipe.job_attempt_data a USING free WHERE a.run OPERATOR(pg_catalog.=) free.id)"
	" DELETE FROM aipipe.job_run_data o USING free WHERE o.id OPERATOR(pg_catalog.=) free.id",
	1, {INT8ARRAYOID}
};

/*
 * Deletes the runs that were found, of which column id may be NULL; says whether there may be more of them: as many rows
 * as one call takes were found, and somebody does not hold them all.
 */
static bool
delete_found(const SqlResult *found)
{
	int			n;
	Datum		ids = sql_int64_column(found, "id", &n);
	uint64		deleted = 0;

	if (n > 0)
	{
		SqlResult  *result = sql_run(&delete_runs, SQL_WRITE, ids);

		deleted = result->nrows;
		sql_free(result);
	}
	return found->nrows == PRUNE_LIMIT && deleted > 0;
}

/* Ends runs that no job will ever begin. */
static void
end_orphaned_runs(void)
{
	SqlResult  *ended = sql_run(&end_orphans, SQL_WRITE);

	for (uint64 i = 0; i < ended->nrows; i++)
		run_notify(sql_int64(ended, i, "job", NULL), sql_int64(ended, i, "id", NULL), "cancelled");
	sql_free(ended);
}

/*
 * Goes on with the round: deletes what the next jobs have too many of, after the last one what was left by jobs that
 * are gone; false when the round is over.
 */
static bool
go_round(TimestampTz now, int64 *after)
{
	SqlResult  *found = sql_run(&find_surplus, SQL_WRITE, Int64GetDatum(*after), Int64GetDatum(PRUNE_LIMIT));
	bool		more = found->nrows > 0;

	if (more)
	{
		if (!delete_found(found))
			*after = sql_int64(found, found->nrows - 1, "job", NULL);
	}
	else
		more = delete_found(sql_run(&find_orphans, SQL_WRITE, TimestampTzGetDatum(now), Int64GetDatum(PRUNE_LIMIT)));
	sql_free(found);
	return more;
}

/* Deletes old runs, some at a time; true when there is more to do. */
bool
history_prune(TimestampTz now)
{
	static int64 after = 0;		/* the job that the round has come to */
	static TimestampTz over = 0;	/* when the last round was over */

	end_orphaned_runs();
	if (delete_found(sql_run(&find_old, SQL_WRITE, TimestampTzGetDatum(now), Int64GetDatum(PRUNE_LIMIT))))
		return true;
	if (over != 0 && now >= over && now - over < ROUND_EVERY)
		return false;
	if (go_round(now, &after))
		return true;
	after = 0;
	over = now;
	return false;
}
