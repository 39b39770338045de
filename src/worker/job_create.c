/*-------------------------------------------------------------------------
 *
 * job_create.c
 *	  job_create() and job_alter(): everything that can be wrong with a job is an
 *	  error here, before anything is changed.
 *
 * Rights are those of the job's owner, as whom it runs.  Who alters a job has
 * the privileges of its owner and may become him, or he could have another's job run what
 * he could not run himself.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "compat/compat.h"
#include "core/args.h"
#include "core/attempt.h"
#include "core/options.h"
#include "core/sql.h"
#include "worker/job.h"
#include "worker/job_int.h"
#include "worker/worker.h"

PG_FUNCTION_INFO_V1(aipipe_job_create);
PG_FUNCTION_INFO_V1(aipipe_job_alter);

/* Bytes of what a job does and with what: the scheduler reads it, too. */
#define JOB_TEXT_MAX (1024 * 1024)

/* What job_create() writes and job_alter() may change, in the order of job_values(). */
#define JOB_VALUES 32
#define JOB_VALUE_TYPES \
	TEXTOID, OIDOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, INT4OID, INT8OID, INT8OID, \
	FLOAT8OID, TEXTOID, INT4OID, INT4OID, TEXTOID, INT4OID, INT8OID, INT4OID, INT4OID, TEXTOID, JSONBOID, \
	TEXTOID, TEXTOID, OIDOID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, OIDOID
#define JOB_VALUE_NAMES \
	"name, owner, command, function_name, arguments, schedule, timezone, search_path, timeout_ms, retries, backoff_ms," \
	" backoff_max_ms, jitter, overlap, parallel, queue_limit, catch_up, catch_up_limit, grace_ms, priority, nice, io, settings," \
	" event_schema, event_relation, event_table_owner, event_rows, event_wait_ms, event_quiet_ms, keep_ms, keep_runs," \
	" function_owner"
#define JOB_VALUE_PARAMS \
	"$1, $2::pg_catalog.regrole, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22," \
	" $23, $24, $25, $26::pg_catalog.regrole, $27, $28, $29, $30, $31, $32::pg_catalog.regrole"

/* A name that is taken gives no row. */
static SqlStatement insert_job = {
	"INSERT INTO aipipe.job_data (" JOB_VALUE_NAMES ", once, home, created_at)"
	" VALUES (" JOB_VALUE_PARAMS ", $33, $34, $35) ON CONFLICT (name) DO NOTHING RETURNING id",
	JOB_VALUES + 3, {JOB_VALUE_TYPES, BOOLOID, TEXTOID, TIMESTAMPTZOID}
};

static SqlStatement update_job = {
	"UPDATE aipipe.job_data SET (" JOB_VALUE_NAMES ", changed_at)"
	" = ROW(" JOB_VALUE_PARAMS ", pg_catalog.clock_timestamp()) WHERE id OPERATOR(pg_catalog.=) $33",
	JOB_VALUES + 1, {JOB_VALUE_TYPES, INT8OID}
};

static SqlStatement insert_state = {
	"INSERT INTO aipipe.job_state_data (job, state, why, next_due) VALUES ($1, $2, $3, $4)",
	4, {INT8OID, TEXTOID, TEXTOID, TIMESTAMPTZOID}
};

/* Slots become no runs meanwhile. */
static SqlStatement lock_state = {
	"SELECT FROM aipipe.job_state_data WHERE job OPERATOR(pg_catalog.=) $1 FOR UPDATE",
	1, {INT8OID}
};

/* What was finished begins again; what is paused stays so. */
static SqlStatement update_due = {
	"UPDATE aipipe.job_state_data SET"
	" state = CASE WHEN state OPERATOR(pg_catalog.=) 'finished' THEN 'active' ELSE state END,"
	" why = CASE WHEN state OPERATOR(pg_catalog.=) 'finished' THEN NULL ELSE why END,"
	" next_due = CASE WHEN state OPERATOR(pg_catalog.<>) 'paused' THEN $2 END,"
	" changed_at = pg_catalog.clock_timestamp() WHERE job OPERATOR(pg_catalog.=) $1",
	2, {INT8OID, TIMESTAMPTZOID}
};

/* Runs that wait are of the job as it is now. */
static SqlStatement update_queued = {
	"UPDATE aipipe.job_run_data SET owner = $2::pg_catalog.regrole, job_name = $3, priority = $4"
	" WHERE job OPERATOR(pg_catalog.=) $1 AND state OPERATOR(pg_catalog.=) 'queued'",
	4, {INT8OID, OIDOID, TEXTOID, INT4OID}
};

static SqlStatement forget_events = {
	"DELETE FROM aipipe.job_event_data WHERE job OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* Ends with an error when the name cannot be a job's. */
static void
check_name(const char *name)
{
	const char *control = name;

	if (name[0] == '\0' || strlen(name) > JOB_NAME_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid job name \"%.*s\"", pg_mbcliplen(name, strlen(name), 64), name),
				 errdetail("A job name has 1 to %d bytes; this one has %zu.", JOB_NAME_MAX, strlen(name))));
	while ((unsigned char) *control >= 0x20 && *control != 0x7f)
		control++;
	if (*control != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("a job name cannot have control characters"),
				 errdetail("Byte %d of it is one.", (int) (control - name) + 1)));
}

/* Ends with an error when a part of a job is too large. */
static void
check_size(const char *part, Size size)
{
	if (size > JOB_TEXT_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the %s of a job cannot be larger than 1 MB", part),
				 errhint("Create a function or a table for it.")));
}

/* Ends with an error when the job is too large to be read each time that it is due. */
static void
check_sizes(const Job *job)
{
	check_size("command", job->command != NULL ? strlen(job->command) : 0);
	check_size("schedule", job->schedule != NULL ? strlen(job->schedule) : 0);
	check_size("search_path", strlen(job->search_path));
	check_size("arguments", job->arguments != NULL ? VARSIZE_ANY(job->arguments) : 0);
	check_size("settings", VARSIZE_ANY(job->settings));
}

/* Ends with an error unless the role exists and may log in, which the server wants of whom a process connects as. */
static void
check_owner(Oid role)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	bool		can_login;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role with OID %u does not exist", role)));
	can_login = ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;
	ReleaseSysCache(tuple);
	if (!can_login)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("role \"%s\" cannot own jobs", GetUserNameFromId(role, false)),
				 errdetail("A job connects as its owner, and this role may not log in."),
				 errhint("Create the job as a role that may, or ALTER ROLE ... LOGIN.")));
}

/* Says whether a stored signature has an argument. */
static bool
takes_arguments(const char *function)
{
	size_t		len = strlen(function);

	return len < 2 || strcmp(function + len - 2, "()") != 0;
}

/* Sets what the job does: a command, a function, or what it has done so far. */
static void
set_work(Job *job, const char *command, const char *function, const Jsonb *params)
{
	if (command != NULL && function != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a job has a command or a function, not both")));
	if (command != NULL)
		job_check_command(command);
	if (command != NULL || function != NULL)
	{
		job->command = command != NULL ? pstrdup(command) : NULL;
		job->function = function != NULL ? job_resolve_function(function, job->owner, &job->function_owner) : NULL;
		job->search_path = pstrdup(namespace_search_path);
		if (options_value(params, "arguments") == NULL &&
			(job->function == NULL || !takes_arguments(job->function)))
			job->arguments = NULL;
	}
	if (job->command == NULL && job->function == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a job needs a command or a function")));
	if (job->arguments != NULL && (job->function == NULL || !takes_arguments(job->function)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" is for a function with an argument of type jsonb", "arguments")));
}

/* Ends with an error unless the job's owner may have rows of the table counted. */
static void
check_event_right(const Job *job, Oid relid)
{
	if (pg_class_aclcheck(relid, job->owner, ACL_TRIGGER) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for table \"%s\"", get_rel_name(relid)),
				 errdetail("Role \"%s\" lacks the privilege TRIGGER on it.", GetUserNameFromId(job->owner, false))));
}

/* Ends with an error for a table that a job cannot wait for; before it is locked. */
static void
check_event_table(const RangeVar *name, Oid relid, Oid old_relid, void *arg)
{
	const Job  *job = arg;
	char		relkind;

	if (!OidIsValid(relid))
		return;
	relkind = get_rel_relkind(relid);
	if (relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", name->relname),
				 errdetail("A job can wait for rows of a table or of a partitioned table.")));
	if (IsCatalogRelationOid(relid) || get_rel_namespace(relid) == get_namespace_oid("aipipe", false) ||
		get_rel_persistence(relid) == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("a job cannot wait for rows of \"%s\"", name->relname),
				 errdetail("It is a temporary table, a catalog, or one of aipipe's own.")));
	check_event_right(job, relid);
}

/* Sets the table that the job waits for; it is locked as the trigger on it needs. */
static void
set_event_table(Job *job, const char *relation)
{
	RangeVar   *name = makeRangeVarFromNameList(compat_string_to_names(relation));
	Oid			relid = RangeVarGetRelidExtended(name, ShareRowExclusiveLock, 0, check_event_table, job);
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	job->event_schema = get_namespace_name(get_rel_namespace(relid));
	job->event_relation = get_rel_name(relid);
	job->event_table_owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	job->event_relid = relid;
	job->schedule = psprintf("on %s", quote_qualified_identifier(job->event_schema, job->event_relation));
	ReleaseSysCache(tuple);
}

/* Ends with an error for options about rows that land when the job waits for none. */
static void
check_event_options(const Job *job, const Jsonb *params, const char *what)
{
	static const char *const keys[] = {"event_quiet", "event_rows", "event_wait"};

	for (int i = 0; i < lengthof(keys) && job->event_relation == NULL; i++)
		if (options_value(params, keys[i]) != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" of %s needs a schedule that waits for rows", keys[i], what),
					 errhint("Write it as \"on schema.table\".")));
}

/* Sets when the job is due; an empty text is no schedule. */
static void
set_schedule(Job *job, const char *text)
{
	Schedule   *schedule;

	job->schedule = NULL;
	job->event_schema = NULL;
	job->event_relation = NULL;
	job->event_table_owner = InvalidOid;
	if (text == NULL || text[0] == '\0')
		return;
	job->schedule = pstrdup(text);
	schedule = schedule_parse(text, job->timezone, job->created_at);
	if (schedule->kind == SCHEDULE_ON)
		set_event_table(job, schedule->relation);
	else if (schedule_next(schedule, worker_now()) == DT_NOEND)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("schedule \"%s\" is never due", text),
				 errdetail("It has no slot after this moment.")));
}

/* Gives the job's next slot after a time; DT_NOEND when it has none, or waits for rows. */
TimestampTz
job_next_due(const Job *job, TimestampTz after)
{
	Schedule   *schedule;

	if (job->schedule == NULL || job->event_relation != NULL)
		return DT_NOEND;
	schedule = schedule_parse(job->schedule, job->timezone, job->created_at);
	return schedule_next(schedule, after);
}

/* Says whether a job that has this slot next has run out of them. */
bool
job_is_finished(const Job *job, TimestampTz next)
{
	return next == DT_NOEND && job->schedule != NULL && job->event_relation == NULL;
}

/* Gives the table whose rows the job waits for, InvalidOid when it is gone. */
static Oid
job_event_relid(const Job *job)
{
	Oid			schema;

	if (job->event_relation == NULL)
		return InvalidOid;
	schema = get_namespace_oid(job->event_schema, true);
	return OidIsValid(schema) ? get_relname_relid(job->event_relation, schema) : InvalidOid;
}

/* Gives a text as a parameter. */
static void
text_value(const char *text, Datum *value, bool *isnull)
{
	*isnull = text == NULL;
	*value = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/* Gives the job as the first JOB_VALUES parameters of a statement. */
static void
job_values(const Job *job, Datum *values, bool *nulls)
{
	MemSet(nulls, 0, JOB_VALUES * sizeof(bool));
	text_value(job->name, &values[0], &nulls[0]);
	values[1] = ObjectIdGetDatum(job->owner);
	text_value(job->command, &values[2], &nulls[2]);
	text_value(job->function, &values[3], &nulls[3]);
	values[4] = JsonbPGetDatum(job->arguments);
	nulls[4] = job->arguments == NULL;
	text_value(job->schedule, &values[5], &nulls[5]);
	text_value(job->timezone, &values[6], &nulls[6]);
	text_value(job->search_path, &values[7], &nulls[7]);
	values[8] = Int64GetDatum(job->timeout);
	values[9] = Int32GetDatum(job->retries);
	values[10] = Int64GetDatum(job->backoff);
	values[11] = Int64GetDatum(job->backoff_max);
	values[12] = Float8GetDatum(job->jitter);
	values[13] = CStringGetTextDatum(job_overlaps[job->overlap]);
	values[14] = Int32GetDatum(job->parallel);
	values[15] = Int32GetDatum(job->queue_limit);
	values[16] = CStringGetTextDatum(job_catch_ups[job->catch_up]);
	values[17] = Int32GetDatum(job->catch_up_limit);
	values[18] = Int64GetDatum(job->grace);
	values[19] = Int32GetDatum(job->priority);
	values[20] = Int32GetDatum(job->nice);
	text_value(job->io, &values[21], &nulls[21]);
	values[22] = JsonbPGetDatum(job->settings);
	text_value(job->event_schema, &values[23], &nulls[23]);
	text_value(job->event_relation, &values[24], &nulls[24]);
	values[25] = ObjectIdGetDatum(job->event_table_owner);
	nulls[25] = job->event_relation == NULL;
	values[26] = Int64GetDatum(job->event_rows);
	values[27] = Int64GetDatum(job->event_wait);
	values[28] = Int64GetDatum(job->event_quiet);
	values[29] = Int64GetDatum(job->keep);
	values[30] = Int64GetDatum(job->keep_runs);
	values[31] = ObjectIdGetDatum(job->function_owner);
	nulls[31] = job->function == NULL;
}

/* Ends with the error for a name that another job has. */
static void
name_is_taken(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 errmsg("job \"%s\" already exists", name)));
}

/* Stores a new job and where it stands, and gives it its id. */
static void
store_job(Job *job, const JobFlags *flags)
{
	Datum		values[JOB_VALUES + 3];
	bool		nulls[JOB_VALUES + 3] = {0};
	TimestampTz due = flags->paused ? DT_NOEND : job_next_due(job, worker_now());
	SqlResult  *result;

	job_values(job, values, nulls);
	values[JOB_VALUES] = BoolGetDatum(job->once);
	values[JOB_VALUES + 1] = CStringGetTextDatum(job_home());
	values[JOB_VALUES + 2] = TimestampTzGetDatum(job->created_at);
	result = sql_run_values(&insert_job, SQL_WRITE, values, nulls);
	if (result->nrows == 0)
		name_is_taken(job->name);
	job->id = sql_int64(result, 0, "id", NULL);
	sql_free(result);

	values[0] = Int64GetDatum(job->id);
	values[1] = CStringGetTextDatum(flags->paused ? "paused" : "active");
	text_value(flags->paused ? "created paused" : NULL, &values[2], &nulls[2]);
	values[3] = TimestampTzGetDatum(due);
	nulls[0] = nulls[1] = false;
	nulls[3] = due == DT_NOEND;
	sql_free(sql_run_values(&insert_state, SQL_WRITE, values, nulls));
}

/* Creates a job of the current user and gives its id. */
int64
job_create(const NewJob *new)
{
	Job		   *job = palloc0(sizeof(Job));
	JobFlags	flags;

	job_begin_write("creating a job");
	check_name(new->name);
	job->name = pstrdup(new->name);
	job->owner = GetUserId();
	job->created_at = GetCurrentTimestamp();
	job->once = new->once;
	check_owner(job->owner);
	job_apply_options(job, new->params, "job_create", false, &flags);
	job_check_settings(job, "job_create");
	set_work(job, new->command, new->function, new->params);
	set_schedule(job, new->schedule);
	check_event_options(job, new->params, "job_create");
	check_sizes(job);
	store_job(job, &flags);
	if (job->event_relation != NULL)
		event_attach(job->id, job->event_relid);
	worker_ring_at_commit();
	return job->id;
}

/* Creates a job and gives its id. */
Datum
aipipe_job_create(PG_FUNCTION_ARGS)
{
	NewJob		new = {0};

	new.name = arg_text(fcinfo, 0, "name");
	new.command = arg_optional_text(fcinfo, 1);
	new.schedule = arg_optional_text(fcinfo, 2);
	new.function = arg_optional_text(fcinfo, 3);
	new.params = PG_ARGISNULL(4) ? NULL : PG_GETARG_JSONB_P(4);
	PG_RETURN_INT64(job_create(&new));
}

/* Writes the job's definition; the step of an attempt. */
static void
write_definition(void *arg)
{
	const Job  *job = arg;
	Datum		values[JOB_VALUES + 1];
	bool		nulls[JOB_VALUES + 1] = {0};

	job_values(job, values, nulls);
	values[JOB_VALUES] = Int64GetDatum(job->id);
	sql_free(sql_run_values(&update_job, SQL_WRITE, values, nulls));
}

/* Writes the job's definition under another name. */
static void
write_renamed(Job *job)
{
	ErrorData  *error = attempt_run(write_definition, job);

	if (error == NULL)
		return;
	if (error->sqlerrcode == ERRCODE_UNIQUE_VIOLATION)
		name_is_taken(job->name);
	ReThrowError(error);
}

/* Writes when the job is due from now on. */
static void
write_due(const Job *job)
{
	TimestampTz due = job_next_due(job, worker_now());
	Datum		values[] = {Int64GetDatum(job->id), TimestampTzGetDatum(due)};
	bool		nulls[] = {false, due == DT_NOEND};

	sql_free(sql_run_values(&update_due, SQL_WRITE, values, nulls));
}

/* Ends with an error unless the current user may give the job to another role. */
static void
check_new_owner(Oid owner)
{
	check_owner(owner);
	compat_check_can_set_role(GetUserId(), owner);
}

/* Has the rows of another table counted, or of none. */
static void
move_trigger(const Job *before, const Job *job)
{
	if (before->event_relation != NULL)
	{
		event_detach(job->id, before->event_table_owner);
		sql_free(sql_run(&forget_events, SQL_WRITE, Int64GetDatum(job->id)));
	}
	if (job->event_relation != NULL)
		event_attach(job->id, job->event_relid);
}

/* Ends with an error unless the job's owner can call the function that the job has. */
static void
check_function_right(const Job *job)
{
	Oid			function_owner;

	(void) job_resolve_function(job->function, job->owner, &function_owner);
	job_check_function_owner(job, function_owner);
}

/* Takes over what job_alter() was given; *rescheduled: when the job is due may be another time. */
static void
take_changes(FunctionCallInfo fcinfo, Job *job, bool *rescheduled)
{
	char	   *command = arg_optional_text(fcinfo, 1);
	char	   *schedule = arg_optional_text(fcinfo, 2);
	char	   *function = arg_optional_text(fcinfo, 3);
	Jsonb	   *params = PG_ARGISNULL(4) ? NULL : PG_GETARG_JSONB_P(4);
	bool		given = !PG_ARGISNULL(5);

	if (given)
	{
		check_new_owner(PG_GETARG_OID(5));
		job->owner = PG_GETARG_OID(5);
	}
	if (!PG_ARGISNULL(6))
	{
		job->name = text_to_cstring(PG_GETARG_TEXT_PP(6));
		check_name(job->name);
	}
	job_apply_options(job, params, "job_alter", true, NULL);
	if (given || options_value(params, "settings") != NULL)
		job_check_settings(job, "job_alter");
	if (given && command == NULL && function == NULL && job->function != NULL)
		check_function_right(job);
	set_work(job, command, function, params);
	*rescheduled = schedule != NULL || (job->event_relation == NULL && options_value(params, "timezone") != NULL);
	if (*rescheduled)
		set_schedule(job, schedule != NULL ? schedule : job->schedule);
	else if (given && OidIsValid(job_event_relid(job)))
		check_event_right(job, job_event_relid(job));
	check_event_options(job, params, "job_alter");
	check_sizes(job);
}

/* Changes what is given of a job. */
Datum
aipipe_job_alter(PG_FUNCTION_ARGS)
{
	Job		   *job;
	Job			before;
	bool		rescheduled;
	char	   *name = arg_text(fcinfo, 0, "name");

	job_begin_write("altering a job");
	job = job_find(name);
	compat_check_can_set_role(GetUserId(), job->owner);
	sql_free(sql_run(&lock_state, SQL_WRITE, Int64GetDatum(job->id)));
	before = *job;
	take_changes(fcinfo, job, &rescheduled);
	if (strcmp(before.name, job->name) != 0)
		write_renamed(job);
	else
		write_definition(job);
	if (rescheduled)
		write_due(job);
	sql_free(sql_run(&update_queued, SQL_WRITE, Int64GetDatum(job->id), ObjectIdGetDatum(job->owner),
					 CStringGetTextDatum(job->name), Int32GetDatum(job->priority)));
	if (before.owner != job->owner && job_is_running(job->id))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("job \"%s\" is running", name),
				 errdetail("It cannot be given to another role meanwhile."),
				 errhint("Wait for its run, or end it with aipipe.job_cancel().")));
	if (rescheduled)
		move_trigger(&before, job);
	worker_ring_at_commit();
	PG_RETURN_VOID();
}
