/*-------------------------------------------------------------------------
 *
 * history.c
 *	  Profiles that are kept: taking, reading, comparing and forgetting them.
 *
 * A snapshot belongs to the role that took it and to the owner of the table at that time: they alone see what
 * values it holds.  It is found by the table's name, so that it outlives a table that is loaded by
 * dropping and creating it; the owner's name keeps others from inheriting it with the name.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/args.h"
#include "core/sql.h"
#include "core/writer.h"
#include "profile/diff.h"
#include "profile/profile.h"

PG_FUNCTION_INFO_V1(aipipe_profile_snapshot);
PG_FUNCTION_INFO_V1(aipipe_profile_diff);
PG_FUNCTION_INFO_V1(aipipe_profile_diff_ids);
PG_FUNCTION_INFO_V1(aipipe_profile_prune);

/* Columns of profile_diff()'s result. */
#define DIFF_COLUMNS 6

static const char *const profile_columns[] = {
	"id", "schema_name", "relation_name", "table_owner", "taken_by", "taken_at", "rows", "share", "bytes", "batch"
};

static const char *const column_columns[] = {
	"profile", "position", "column_name", "type", "sketch"
};

static SqlStatement find_profile = {
	"SELECT p.schema_name, p.relation_name, p.taken_at, p.rows, p.share FROM aipipe.profile_data p"
	" WHERE p.id OPERATOR(pg_catalog.=) $1"
	" AND (pg_catalog.pg_has_role($2, p.taken_by, 'USAGE') OR pg_catalog.pg_has_role($2, p.table_owner, 'USAGE'))",
	2, {INT8OID, OIDOID}
};

static SqlStatement find_columns = {
	"SELECT c.column_name, c.type, c.sketch FROM aipipe.profile_column_data c"
	" WHERE c.profile OPERATOR(pg_catalog.=) $1 ORDER BY c.position",
	1, {INT8OID}
};

static SqlStatement find_at = {
	"SELECT p.id FROM aipipe.profile_data p"
	" WHERE p.schema_name OPERATOR(pg_catalog.=) $1 AND p.relation_name OPERATOR(pg_catalog.=) $2"
	" AND p.batch IS NULL AND p.taken_at OPERATOR(pg_catalog.<=) $3 AND p.id OPERATOR(pg_catalog.<>) $4"
	" AND (pg_catalog.pg_has_role($5, p.taken_by, 'USAGE') OR pg_catalog.pg_has_role($5, p.table_owner, 'USAGE'))"
	" ORDER BY p.taken_at DESC, p.id DESC LIMIT 1",
	5, {TEXTOID, TEXTOID, TIMESTAMPTZOID, INT8OID, OIDOID}
};

static SqlStatement prune_profiles = {
	"WITH gone AS (DELETE FROM aipipe.profile_data p"
	" WHERE p.schema_name OPERATOR(pg_catalog.=) $1 AND p.relation_name OPERATOR(pg_catalog.=) $2"
	" AND p.taken_at OPERATOR(pg_catalog.<) $3"
	" AND (pg_catalog.pg_has_role($4, p.taken_by, 'USAGE') OR pg_catalog.pg_has_role($4, p.table_owner, 'USAGE'))"
	" RETURNING p.id), columns AS (DELETE FROM aipipe.profile_column_data c USING gone"
	" WHERE c.profile OPERATOR(pg_catalog.=) gone.id)"
	" SELECT pg_catalog.count(*) AS n FROM gone",
	4, {TEXTOID, TEXTOID, TIMESTAMPTZOID, OIDOID}
};

/* Name and owner of a relation, as its profiles are filed under. */
typedef struct FiledUnder
{
	char	   *schema;
	char	   *relation;
	Oid			owner;
} FiledUnder;

/* Looks a relation up; error 42P01 when it is gone. */
static FiledUnder
file_under(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	FiledUnder	filed;
	Form_pg_class class;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	class = (Form_pg_class) GETSTRUCT(tuple);
	filed.schema = get_namespace_name_or_temp(class->relnamespace);
	filed.relation = pstrdup(NameStr(class->relname));
	filed.owner = class->relowner;
	ReleaseSysCache(tuple);
	return filed;
}

/* Writes the profile's columns. */
static void
store_columns(const Profile *profile, int64 id)
{
	Writer	   *writer = writer_open("profile_column_data", lengthof(column_columns), column_columns, CurrentMemoryContext);

	for (int i = 0; i < profile->ncolumns; i++)
	{
		const ProfileColumn *column = &profile->columns[i];
		Datum		values[lengthof(column_columns)];

		values[0] = Int64GetDatum(id);
		values[1] = Int32GetDatum(i + 1);
		values[2] = CStringGetTextDatum(column->name);
		values[3] = CStringGetTextDatum(column->type);
		values[4] = PointerGetDatum(sketch_write(column->sketch));
		writer_put(writer, values, NULL);
	}
	writer_close(writer);
}

/* Stores a profile for its two readers and gives its id. */
int64
profile_store(const Profile *profile, Oid table_owner, Oid taken_by, int64 batch)
{
	int64		id = writer_next_id("profile_data_id_seq");
	Datum		values[lengthof(profile_columns)];
	bool		nulls[lengthof(profile_columns)] = {0};
	int64		bytes = 0;
	Writer	   *writer;

	for (int i = 0; i < profile->ncolumns; i++)
		bytes += profile->columns[i].sketch->bytes;

	values[0] = Int64GetDatum(id);
	values[1] = CStringGetTextDatum(profile->schema);
	values[2] = CStringGetTextDatum(profile->relation);
	values[3] = ObjectIdGetDatum(table_owner);
	values[4] = ObjectIdGetDatum(taken_by);
	values[5] = TimestampTzGetDatum(profile->taken_at);
	values[6] = Int64GetDatum(profile->rows);
	values[7] = Float8GetDatum(profile->share);
	values[8] = Int64GetDatum(bytes);
	values[9] = Int64GetDatum(batch);
	nulls[9] = batch == 0;
	writer = writer_open("profile_data", lengthof(profile_columns), profile_columns, CurrentMemoryContext);
	writer_put(writer, values, nulls);
	writer_close(writer);
	store_columns(profile, id);
	return id;
}

/* Reads the columns of a stored profile. */
static void
read_columns(Profile *profile)
{
	SqlResult  *found = sql_run(&find_columns, SQL_READ, Int64GetDatum(profile->id));

	profile->ncolumns = found->nrows;
	profile->columns = palloc0(mul_size(sizeof(ProfileColumn), Max(profile->ncolumns, 1)));
	for (int i = 0; i < profile->ncolumns; i++)
	{
		ProfileColumn *column = &profile->columns[i];

		column->name = sql_text(found, i, "column_name");
		column->type = sql_text(found, i, "type");
		column->sketch = sketch_read(DatumGetByteaPP(sql_datum(found, i, "sketch", NULL)), CurrentMemoryContext);
	}
	sql_free(found);
}

/* Reads a stored profile that the current user may see. */
Profile *
profile_read(int64 id)
{
	Profile    *profile = palloc0(sizeof(Profile));
	SqlResult  *found = sql_run(&find_profile, SQL_READ, Int64GetDatum(id), ObjectIdGetDatum(GetUserId()));

	if (found->nrows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("profile " INT64_FORMAT " does not exist", id),
				 errdetail("It is not there, or taken by a role that the current user is no member of."),
				 errhint("The view aipipe.profile lists the profiles that you may read.")));
	profile->id = id;
	profile->schema = sql_text(found, 0, "schema_name");
	profile->relation = sql_text(found, 0, "relation_name");
	profile->taken_at = sql_time(found, 0, "taken_at", NULL);
	profile->rows = sql_int64(found, 0, "rows", NULL);
	profile->share = sql_float8(found, 0, "share", NULL);
	sql_free(found);
	read_columns(profile);
	return profile;
}

/* profile_snapshot(relation, sample, columns): keeps a profile of a table and gives its id. */
Datum
aipipe_profile_snapshot(PG_FUNCTION_ARGS)
{
	Profile    *profile;
	Oid			relid;

	PreventCommandIfReadOnly("aipipe.profile_snapshot()");
	arg_require(fcinfo, 0, "relation");
	arg_require(fcinfo, 1, "sample");
	relid = PG_GETARG_OID(0);
	profile = profile_relation(relid, arg_text_list(fcinfo, 2, "columns"), PG_GETARG_FLOAT8(1), -1);
	PG_RETURN_INT64(profile_store(profile, file_under(relid).owner, GetUserId(), 0));
}

/* Gives the latest profile of a table that was taken by a time, other than one; 0 when there is none. */
static int64
profile_at(const FiledUnder *filed, TimestampTz at, int64 other)
{
	SqlResult  *found = sql_run(&find_at, SQL_READ, CStringGetTextDatum(filed->schema), CStringGetTextDatum(filed->relation),
								TimestampTzGetDatum(at), Int64GetDatum(other), ObjectIdGetDatum(GetUserId()));
	int64		id = found->nrows == 0 ? 0 : sql_int64(found, 0, "id", NULL);

	sql_free(found);
	return id;
}

/* Ends with an error when no profile was found. */
static void
check_found(int64 id, const FiledUnder *filed)
{
	if (id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("table \"%s.%s\" has no two profiles to compare", filed->schema, filed->relation),
				 errhint("Take one with aipipe.profile_snapshot(); the view aipipe.profile lists those that you may read.")));
}

/* Makes one side of a comparison of a profile. */
static DiffSide
side_of(const Profile *profile)
{
	DiffSide	side;

	side.rows = profile->rows;
	side.ncolumns = profile->ncolumns;
	side.columns = palloc(mul_size(sizeof(DiffColumn), Max(profile->ncolumns, 1)));
	for (int i = 0; i < profile->ncolumns; i++)
	{
		side.columns[i].name = profile->columns[i].name;
		side.columns[i].type = profile->columns[i].type;
		side.columns[i].sketch = profile->columns[i].sketch;
	}
	return side;
}

/* Gives a text as a Datum, NULL for none. */
static Datum
optional_text(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/* Puts all that is different between two profiles into the result. */
static void
put_changes(FunctionCallInfo fcinfo, const Profile *from, const Profile *to)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	DiffSide	before = side_of(from);
	DiffSide	after = side_of(to);
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, diff_profiles(&before, &after))
	{
		const DiffChange *change = lfirst(cell);
		Datum		values[DIFF_COLUMNS];
		bool		nulls[DIFF_COLUMNS] = {0};

		values[0] = optional_text(change->column, &nulls[0]);
		values[1] = CStringGetTextDatum(change->change);
		values[2] = Float8GetDatum(change->score);
		values[3] = optional_text(change->from, &nulls[3]);
		values[4] = optional_text(change->to, &nulls[4]);
		values[5] = CStringGetTextDatum(change->sentence);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/* profile_diff(relation, from, to): what changed from the profile that was current at one time to that at another. */
Datum
aipipe_profile_diff(PG_FUNCTION_ARGS)
{
	FiledUnder	filed;
	Profile    *after;
	int64		from;
	int64		to;

	arg_require(fcinfo, 0, "relation");
	filed = file_under(PG_GETARG_OID(0));
	to = profile_at(&filed, PG_ARGISNULL(2) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(2), 0);
	check_found(to, &filed);
	after = profile_read(to);
	if (PG_ARGISNULL(1))
		from = profile_at(&filed, after->taken_at, to);
	else
		from = profile_at(&filed, PG_GETARG_TIMESTAMPTZ(1), 0);
	check_found(from, &filed);
	put_changes(fcinfo, profile_read(from), after);
	return (Datum) 0;
}

/* profile_diff(from, to): what changed from one kept profile to another, of whatever table. */
Datum
aipipe_profile_diff_ids(PG_FUNCTION_ARGS)
{
	arg_require(fcinfo, 0, "from");
	arg_require(fcinfo, 1, "to");
	put_changes(fcinfo, profile_read(PG_GETARG_INT64(0)), profile_read(PG_GETARG_INT64(1)));
	return (Datum) 0;
}

/* profile_prune(relation, before): forgets kept profiles of a table from before a time and gives their number. */
Datum
aipipe_profile_prune(PG_FUNCTION_ARGS)
{
	FiledUnder	filed;
	SqlResult  *pruned;
	int64		n;

	PreventCommandIfReadOnly("aipipe.profile_prune()");
	arg_require(fcinfo, 0, "relation");
	arg_require(fcinfo, 1, "before");
	filed = file_under(PG_GETARG_OID(0));
	pruned = sql_run(&prune_profiles, SQL_WRITE, CStringGetTextDatum(filed.schema), CStringGetTextDatum(filed.relation),
					 TimestampTzGetDatum(PG_GETARG_TIMESTAMPTZ(1)), ObjectIdGetDatum(GetUserId()));
	n = sql_int64(pruned, 0, "n", NULL);
	sql_free(pruned);
	PG_RETURN_INT64(n);
}
