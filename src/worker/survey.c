/*-------------------------------------------------------------------------
 *
 * survey.c
 *	  Which runs and attempts are open.
 *
 * The indexes of open runs and attempts keep an entry for each row that was open
 * once, until it is vacuumed away; while somebody holds an old snapshot, that is
 * every one since then, and reading such an index takes ever longer.  So it is read now
 * and then only.  In between, a look takes the ids that were open the last time,
 * and whatever has come since, both by the primary key.
 *
 * A row may become visible under a lower id than the last survey saw (ids are
 * taken before transactions commit): the next survey finds it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/memutils.h"

#include "core/sql.h"
#include "worker/worker.h"

/* One statement, so that what is open and what comes later is seen in one snapshot. */
static SqlStatement find_open = {
	"SELECT ARRAY(SELECT r.id FROM aipipe.job_run_data r"
	" WHERE r.state OPERATOR(pg_catalog.=) ANY (ARRAY['queued', 'starting', 'running'])) AS runs,"
	" COALESCE((SELECT pg_catalog.max(r.id) FROM aipipe.job_run_data r), 0) AS last_run,"
	" ARRAY(SELECT a.id FROM aipipe.job_attempt_data a"
	" WHERE a.state OPERATOR(pg_catalog.=) ANY (ARRAY['starting', 'running'])) AS attempts,"
	" COALESCE((SELECT pg_catalog.max(a.id) FROM aipipe.job_attempt_data a), 0) AS last_attempt",
	0
};

/* Gives a copy of an array of the result in the current context. */
static Datum
copy_ids(const SqlResult *result, const char *column)
{
	return PointerGetDatum(DatumGetArrayTypePCopy(sql_datum(result, 0, column, NULL)));
}

/* Finds out what is open. */
void
survey_take(Survey *survey)
{
	SqlResult  *found = sql_run(&find_open, SQL_WRITE);
	MemoryContext fresh = AllocSetContextCreate(CurrentMemoryContext, "aipipe worker survey", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(fresh);

	survey->runs = copy_ids(found, "runs");
	survey->last_run = sql_int64(found, 0, "last_run", NULL);
	survey->attempts = copy_ids(found, "attempts");
	survey->last_attempt = sql_int64(found, 0, "last_attempt", NULL);
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(fresh, TopMemoryContext);
	if (survey->context != NULL)
		MemoryContextDelete(survey->context);
	survey->context = fresh;
	sql_free(found);
}
