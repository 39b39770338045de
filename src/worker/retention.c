/*-------------------------------------------------------------------------
 *
 * retention.c
 *	  worker_retention(): what aipipe has recorded is deleted when it is old.
 *
 * One call deletes what the caller has a say over: batches and decisions of its
 * gates, predictions of models that it may manage, profiles that it took or that
 * are of its tables.  What is still a question to somebody is never old: a row
 * that is held, and the batch that it came with.
 *
 * It is a function of one jsonb, so that it can be a job's:
 *
 *		SELECT aipipe.job_create('retention', function => 'aipipe.worker_retention(jsonb)', schedule => '30 4 * * *',
 *								 params => '{"arguments": {"predictions": "30 days", "batches": "1 year"}}');
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "core/args.h"
#include "core/options.h"
#include "core/progress.h"
#include "core/sql.h"
#include "core/version.h"

PG_FUNCTION_INFO_V1(aipipe_worker_retention);

/* Rows of one DELETE. */
#define RETENTION_BLOCK 10000

/* Ages, as texts of intervals; NULL: kept. */
typedef struct RetentionOptions
{
	char	   *batches;
	char	   *decisions;
	char	   *predictions;
	char	   *profiles;
} RetentionOptions;

static const OptionSpec retention_options[] = {
	{"batches", OPTION_TEXT, OPTION_FIELD(RetentionOptions, batches)},
	{"decisions", OPTION_TEXT, OPTION_FIELD(RetentionOptions, decisions)},
	{"predictions", OPTION_TEXT, OPTION_FIELD(RetentionOptions, predictions)},
	{"profiles", OPTION_TEXT, OPTION_FIELD(RetentionOptions, profiles)},
};

/* Each takes the caller, a time, and how many rows to delete at most. */
static SqlStatement delete_decisions = {
	"DELETE FROM aipipe.decision_data WHERE id OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT d.id FROM aipipe.decision_data d JOIN aipipe.gate_data g ON g.id OPERATOR(pg_catalog.=) d.gate"
	" WHERE pg_catalog.pg_has_role($1, g.owner::pg_catalog.oid, 'USAGE') AND d.decided_at OPERATOR(pg_catalog.<) $2"
	" AND d.state IS DISTINCT FROM 'held' LIMIT $3))",
	3, {OIDOID, TIMESTAMPTZOID, INT8OID}
};

static SqlStatement delete_batches = {
	"DELETE FROM aipipe.batch_data WHERE id OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT b.id FROM aipipe.batch_data b JOIN aipipe.gate_data g ON g.id OPERATOR(pg_catalog.=) b.gate"
	" WHERE pg_catalog.pg_has_role($1, g.owner::pg_catalog.oid, 'USAGE') AND b.started_at OPERATOR(pg_catalog.<) $2"
	" AND NOT EXISTS (SELECT FROM aipipe.decision_data d WHERE d.batch OPERATOR(pg_catalog.=) b.id) LIMIT $3))",
	3, {OIDOID, TIMESTAMPTZOID, INT8OID}
};

static SqlStatement delete_predictions = {
	"DELETE FROM aipipe.prediction_data WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT p.ctid FROM aipipe.prediction_data p JOIN aipipe.model_data m ON m.id OPERATOR(pg_catalog.=) p.model_id"
	" WHERE (pg_catalog.pg_has_role($1, m.owner::pg_catalog.oid, 'USAGE') OR EXISTS (SELECT FROM aipipe.model_grant_data r"
	" WHERE r.model_id OPERATOR(pg_catalog.=) m.id AND r.privilege OPERATOR(pg_catalog.=) 'manage'"
	" AND (r.grantee::pg_catalog.oid OPERATOR(pg_catalog.=) 0::pg_catalog.oid"
	" OR pg_catalog.pg_has_role($1, r.grantee::pg_catalog.oid, 'USAGE'))))"
	" AND p.at OPERATOR(pg_catalog.<) $2 LIMIT $3))",
	3, {OIDOID, TIMESTAMPTZOID, INT8OID}
};

static SqlStatement delete_profiles = {
	"WITH gone AS (DELETE FROM aipipe.profile_data WHERE id OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT p.id FROM aipipe.profile_data p WHERE p.taken_at OPERATOR(pg_catalog.<) $2"
	" AND (pg_catalog.pg_has_role($1, p.taken_by::pg_catalog.oid, 'USAGE')"
	" OR pg_catalog.pg_has_role($1, p.table_owner::pg_catalog.oid, 'USAGE')) LIMIT $3)) RETURNING id),"
	" columns AS (DELETE FROM aipipe.profile_column_data c USING gone WHERE c.profile OPERATOR(pg_catalog.=) gone.id)"
	" SELECT gone.id FROM gone",
	3, {OIDOID, TIMESTAMPTZOID, INT8OID}
};

/* Gives the time before which something is old; an age must be an interval that is not negative. */
static TimestampTz
cutoff(const char *option, const char *age)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	TimestampTz before = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(now),
																 IntervalPGetDatum(arg_interval(age))));

	if (before > now)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" of worker_retention is negative: %s", option, age)));
	return before;
}

/* Deletes what is older than the option says, block by block; gives the number of rows. */
static int64
delete_older(SqlStatement *stmt, const char *option, const char *age, Progress *progress)
{
	TimestampTz before;
	int64		deleted = 0;
	uint64		n;

	if (age == NULL)
		return 0;
	before = cutoff(option, age);
	progress_phase(progress, option, 0);
	do
	{
		SqlResult  *result = sql_run(stmt, SQL_WRITE, ObjectIdGetDatum(GetUserId()), TimestampTzGetDatum(before),
									 Int64GetDatum(RETENTION_BLOCK));

		CHECK_FOR_INTERRUPTS();
		n = result->nrows;
		deleted += n;
		progress_update(progress, deleted);
		sql_free(result);
	} while (n == RETENTION_BLOCK);
	return deleted;
}

/* Deletes what is older than the options say and gives the number of rows; decisions first, for their batches wait for them. */
Datum
aipipe_worker_retention(PG_FUNCTION_ARGS)
{
	RetentionOptions options;
	Progress	progress = {0};
	int64		deleted = 0;

	PreventCommandIfReadOnly("deleting old records");
	core_check_version();
	options_parse(PG_ARGISNULL(0) ? NULL : PG_GETARG_JSONB_P(0), "worker_retention",
				  retention_options, lengthof(retention_options), &options);
	progress_begin(&progress, "deleting old records");
	deleted += delete_older(&delete_decisions, "decisions", options.decisions, &progress);
	deleted += delete_older(&delete_batches, "batches", options.batches, &progress);
	deleted += delete_older(&delete_predictions, "predictions", options.predictions, &progress);
	deleted += delete_older(&delete_profiles, "profiles", options.profiles, &progress);
	progress_end(&progress);
	PG_RETURN_INT64(deleted);
}
