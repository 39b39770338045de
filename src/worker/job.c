/*-------------------------------------------------------------------------
 *
 * job.c
 *	  Jobs as they are stored: reading them, finding them by name, and putting
 *	  their runs in the queue.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "compat/compat.h"
#include "core/options.h"
#include "core/sql.h"
#include "core/version.h"
#include "worker/job.h"
#include "worker/job_int.h"
#include "worker/worker.h"

int64		job_current_run_id = 0;

const char *const job_overlaps[] = {"skip", "queue", "parallel", NULL};
const char *const job_catch_ups[] = {"skip", "one", "all", NULL};

static SqlStatement by_id = {
	"SELECT" JOB_COLUMNS " FROM aipipe.job_data j WHERE j.id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

static SqlStatement owner_by_name = {
	"SELECT j.owner::pg_catalog.oid AS owner FROM aipipe.job_data j WHERE j.name OPERATOR(pg_catalog.=) $1",
	1, {TEXTOID}
};

static SqlStatement by_name_for_update = {
	"SELECT" JOB_COLUMNS " FROM aipipe.job_data j WHERE j.name OPERATOR(pg_catalog.=) $1 FOR UPDATE OF j",
	1, {TEXTOID}
};

static SqlStatement by_name_for_share = {
	"SELECT" JOB_COLUMNS " FROM aipipe.job_data j WHERE j.name OPERATOR(pg_catalog.=) $1 FOR SHARE OF j",
	1, {TEXTOID}
};

static SqlStatement all_names = {
	"SELECT j.name, j.owner::pg_catalog.oid AS owner FROM aipipe.job_data j"
	" ORDER BY j.name COLLATE pg_catalog.\"C\" USING OPERATOR(pg_catalog.<)",
	0
};

static SqlStatement running = {
	"SELECT FROM aipipe.job_run_data r WHERE r.job OPERATOR(pg_catalog.=) $1"
	" AND r.state OPERATOR(pg_catalog.=) ANY (ARRAY['queued', 'starting', 'running'])"
	" AND r.state OPERATOR(pg_catalog.<>) 'queued' LIMIT 1",
	1, {INT8OID}
};

/* A job that goes with its last run: its rows are taken before the run's. */
static SqlStatement lock_once = {
	"SELECT FROM aipipe.job_data j JOIN aipipe.job_state_data s ON s.job OPERATOR(pg_catalog.=) j.id"
	" WHERE j.id OPERATOR(pg_catalog.=) $1 AND j.once FOR UPDATE OF j, s",
	1, {INT8OID}
};

static SqlStatement remove_once = {
	"WITH gone AS (DELETE FROM aipipe.job_data j WHERE j.id OPERATOR(pg_catalog.=) $1 AND j.once AND NOT EXISTS ("
	"SELECT FROM aipipe.job_run_data r WHERE r.job OPERATOR(pg_catalog.=) $1"
	" AND r.state OPERATOR(pg_catalog.=) ANY (ARRAY['queued', 'starting', 'running'])) RETURNING j.id)"
	" DELETE FROM aipipe.job_state_data s USING gone WHERE s.job OPERATOR(pg_catalog.=) gone.id",
	1, {INT8OID}
};

/* One whose row somebody has locked is paused the next time. */
static SqlStatement disable = {
	"WITH free AS (SELECT s.job FROM aipipe.job_state_data s WHERE s.job OPERATOR(pg_catalog.=) $1"
	" AND s.state OPERATOR(pg_catalog.<>) 'paused' FOR UPDATE SKIP LOCKED)"
	" UPDATE aipipe.job_state_data p SET state = 'paused', why = $2, changed_at = pg_catalog.clock_timestamp()"
	" FROM free WHERE p.job OPERATOR(pg_catalog.=) free.job",
	2, {INT8OID, TEXTOID}
};

/* A slot that has its run already gives no row. */
static SqlStatement insert_run = {
	"INSERT INTO aipipe.job_run_data (job, job_name, owner, cause, due_at, state, why, priority, not_before, event_rows, finished_at)"
	" VALUES ($1, $2, $3::pg_catalog.regrole, $4, $5, $6, $7, $8, $5, $9,"
	" CASE WHEN $6 OPERATOR(pg_catalog.=) 'skipped' THEN pg_catalog.clock_timestamp() END)"
	" ON CONFLICT (job, due_at) WHERE cause OPERATOR(pg_catalog.=) ANY (ARRAY['schedule', 'catch_up']) DO NOTHING"
	" RETURNING id",
	9, {INT8OID, TEXTOID, OIDOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, INT4OID, INT8OID}
};

/* Gives which of the words a stored one is. */
static int
word_index(const char *word, const char *const *words)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(word, words[i]) == 0)
			return i;
	elog(ERROR, "unexpected word \"%s\" in aipipe.job_data", word);
	return 0;
}

/* Reads the columns that say what happens when: schedule, retries, overlap and the like. */
static void
read_policy(Job *job, const SqlResult *result, uint64 row)
{
	job->schedule = sql_text(result, row, "schedule");
	job->timezone = sql_text(result, row, "timezone");
	job->timeout = sql_int64(result, row, "timeout_ms", NULL);
	job->retries = sql_int32(result, row, "retries", NULL);
	job->backoff = sql_int64(result, row, "backoff_ms", NULL);
	job->backoff_max = sql_int64(result, row, "backoff_max_ms", NULL);
	job->jitter = sql_float8(result, row, "jitter", NULL);
	job->overlap = word_index(sql_text(result, row, "overlap"), job_overlaps);
	job->parallel = sql_int32(result, row, "parallel", NULL);
	job->queue_limit = sql_int32(result, row, "queue_limit", NULL);
	job->catch_up = word_index(sql_text(result, row, "catch_up"), job_catch_ups);
	job->catch_up_limit = sql_int32(result, row, "catch_up_limit", NULL);
	job->grace = sql_int64(result, row, "grace_ms", NULL);
	job->priority = sql_int32(result, row, "priority", NULL);
	job->keep = sql_int64(result, row, "keep_ms", NULL);
	job->keep_runs = sql_int64(result, row, "keep_runs", NULL);
	job->once = sql_bool(result, row, "once", NULL);
	job->created_at = sql_time(result, row, "created_at", NULL);
}

/* Gives a job from a row that has JOB_COLUMNS. */
Job *
job_read(const SqlResult *result, uint64 row)
{
	Job		   *job = palloc0(sizeof(Job));
	bool		none;

	job->id = sql_int64(result, row, "id", NULL);
	job->name = sql_text(result, row, "name");
	job->owner = sql_oid(result, row, "owner", NULL);
	job->command = sql_text(result, row, "command");
	job->function = sql_text(result, row, "function_name");
	job->function_owner = sql_oid(result, row, "function_owner", &none);
	job->arguments = sql_jsonb(result, row, "arguments");
	job->search_path = sql_text(result, row, "search_path");
	job->nice = sql_int32(result, row, "nice", NULL);
	job->io = sql_text(result, row, "io");
	job->settings = sql_jsonb(result, row, "settings");
	job->event_schema = sql_text(result, row, "event_schema");
	job->event_relation = sql_text(result, row, "event_relation");
	job->event_table_owner = sql_oid(result, row, "event_table_owner", &none);
	job->event_rows = sql_int64(result, row, "event_rows", NULL);
	job->event_wait = sql_int64(result, row, "event_wait_ms", NULL);
	job->event_quiet = sql_int64(result, row, "event_quiet_ms", NULL);
	read_policy(job, result, row);
	return job;
}

/* Gives the only row of a result as a job, NULL when there is none, and frees the result. */
static Job *
only_job(SqlResult *result)
{
	Job		   *job = result->nrows == 0 ? NULL : job_read(result, 0);

	sql_free(result);
	return job;
}

/* Gives the job of that id, or NULL. */
Job *
job_by_id(int64 id)
{
	return only_job(sql_run(&by_id, SQL_WRITE, Int64GetDatum(id)));
}

/* Ends with the error for a job that does not exist, naming the nearest that the caller may see. */
static void pg_attribute_noreturn()
unknown_job(const char *name)
{
	SqlResult  *result = sql_run(&all_names, SQL_READ);
	const char **names = palloc(mul_size(sizeof(char *), Max(result->nrows, 1)));
	int			nnames = 0;
	const char *nearest;

	for (uint64 i = 0; i < result->nrows; i++)
		if (has_privs_of_role(GetUserId(), sql_oid(result, i, "owner", NULL)))
			names[nnames++] = sql_text(result, i, "name");
	nearest = options_nearest(name, names, nnames);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("job \"%s\" does not exist", name),
			 nearest != NULL ? errhint("Perhaps you meant \"%s\".", nearest)
			 : errhint("The view aipipe.job lists your jobs.")));
}

/* Ends with an error unless the current user may do things to jobs of that owner. */
static void
check_rights(const char *name, Oid owner)
{
	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for job \"%s\"", name),
				 errdetail("You do not have the privileges of its owner.")));
}

/* Gives the job of that name, locked by the statement; rights are checked before anything is locked, and again after. */
static Job *
find_locked(const char *name, SqlStatement *statement)
{
	SqlResult  *result = sql_run(&owner_by_name, SQL_WRITE, CStringGetTextDatum(name));
	Job		   *job;

	if (result->nrows == 0)
		unknown_job(name);
	check_rights(name, sql_oid(result, 0, "owner", NULL));
	sql_free(result);
	job = only_job(sql_run(statement, SQL_WRITE, CStringGetTextDatum(name)));
	if (job == NULL)
		unknown_job(name);
	else
		check_rights(name, job->owner);
	return job;
}

/* Gives the job of that name, locked against others who would change it or hold it still. */
Job *
job_find(const char *name)
{
	return find_locked(name, &by_name_for_update);
}

/* Gives the job of that name, locked against others who would change it. */
Job *
job_find_shared(const char *name)
{
	return find_locked(name, &by_name_for_share);
}

/* Says whether an attempt of the job is under way. */
bool
job_is_running(int64 job)
{
	SqlResult  *result = sql_run(&running, SQL_WRITE, Int64GetDatum(job));
	bool		found = result->nrows > 0;

	sql_free(result);
	return found;
}

/* Ends with an error where nothing may be written, or nothing that outlives a restricted operation. */
void
job_begin_write(const char *what)
{
	PreventCommandIfReadOnly(what);
	core_check_version();
	if (InSecurityRestrictedOperation())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot execute %s within security-restricted operation", what)));
}

/* Gives the place where jobs of this database belong. */
char *
job_home(void)
{
	return psprintf(UINT64_FORMAT "/%u", GetSystemIdentifier(), MyDatabaseId);
}

/* Writes a run and gives its id, 0 when the slot has one already; why is NULL unless it was passed over. */
static int64
write_run(const Job *job, const char *cause, TimestampTz due, const char *state, const char *why, int64 event_rows)
{
	bool		nulls[9] = {0};
	Datum		values[9];
	SqlResult  *result;
	int64		id = 0;

	values[0] = Int64GetDatum(job->id);
	values[1] = CStringGetTextDatum(job->name);
	values[2] = ObjectIdGetDatum(job->owner);
	values[3] = CStringGetTextDatum(cause);
	values[4] = TimestampTzGetDatum(due);
	values[5] = CStringGetTextDatum(state);
	values[6] = why != NULL ? CStringGetTextDatum(why) : (Datum) 0;
	nulls[6] = why == NULL;
	values[7] = Int32GetDatum(job->priority);
	values[8] = Int64GetDatum(event_rows);
	nulls[8] = strcmp(cause, "event") != 0;
	result = sql_run_values(&insert_run, SQL_WRITE, values, nulls);
	if (result->nrows > 0)
	{
		id = sql_int64(result, 0, "id", NULL);
		run_notify(job->id, id, state);
	}
	sql_free(result);
	return id;
}

/* Puts a run in the queue and gives its id, 0 when the slot has one already. */
int64
job_enqueue(const Job *job, const char *cause, TimestampTz due, int64 event_rows)
{
	return write_run(job, cause, due, "queued", NULL, event_rows);
}

/* Writes down a run that was passed over. */
void
job_record_skip(const Job *job, const char *cause, TimestampTz due, const char *why)
{
	(void) write_run(job, cause, due, "skipped", why, 0);
}

/* Locks a job that goes with its last run; others are left alone. */
void
job_lock_once(int64 job)
{
	sql_free(sql_run(&lock_once, SQL_WRITE, Int64GetDatum(job)));
}

/* Takes a job away that goes with its last run, if that has ended. */
void
job_remove_once(int64 job)
{
	sql_free(sql_run(&remove_once, SQL_WRITE, Int64GetDatum(job)));
}

/* Pauses a job that cannot run as it is, so that it fails once and stops nobody else. */
void
job_disable(int64 job, const char *name, const char *why)
{
	ereport(LOG,
			(errmsg("aipipe: job \"%s\" is paused: %s", name, why)));
	sql_free(sql_run(&disable, SQL_WRITE, Int64GetDatum(job), CStringGetTextDatum(why)));
}
