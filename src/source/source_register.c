/*-------------------------------------------------------------------------
 *
 * source_register.c
 *	  source_register(), source_alter(), source_drop(): the catalogue of feeds.
 *
 * A source is a name for what lands in a staging table, with what only people know
 * of it.  What can be measured is not stored with it: it is read from the batches
 * of the table's gates (sql/source/functions.sql).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "compat/compat.h"
#include "core/args.h"
#include "core/options.h"
#include "core/sql.h"
#include "core/version.h"

PG_FUNCTION_INFO_V1(aipipe_source_register);
PG_FUNCTION_INFO_V1(aipipe_source_alter);
PG_FUNCTION_INFO_V1(aipipe_source_drop);

/* What people say of a source. */
typedef struct SourceOptions
{
	char	   *contact;
	char	   *every;			/* interval, as text */
} SourceOptions;

static const OptionSpec source_options[] = {
	{"contact", OPTION_TEXT, OPTION_FIELD(SourceOptions, contact)},
	{"every", OPTION_TEXT, OPTION_FIELD(SourceOptions, every)},
};

/* Values of a row of aipipe.source_data from the schema's name on; what is not given is NULL. */
typedef struct SourceValues
{
	Datum		values[6];
	bool		nulls[6];
} SourceValues;

static SqlStatement insert_source = {
	"INSERT INTO aipipe.source_data (name, owner, schema_name, relation_name, table_owner, description, contact, every)"
	" VALUES ($1, $2::pg_catalog.regrole, $3, $4, $5::pg_catalog.regrole, $6, $7, $8)"
	" ON CONFLICT (name) DO NOTHING RETURNING id",
	8, {TEXTOID, OIDOID, TEXTOID, TEXTOID, OIDOID, TEXTOID, TEXTOID, INTERVALOID}
};

static SqlStatement find_source = {
	"SELECT s.id, s.owner FROM aipipe.source_data s WHERE s.name OPERATOR(pg_catalog.=) $1 FOR UPDATE",
	1, {TEXTOID}
};

static SqlStatement update_source = {
	"UPDATE aipipe.source_data SET schema_name = COALESCE($2, schema_name), relation_name = COALESCE($3, relation_name),"
	" table_owner = COALESCE($4::pg_catalog.regrole, table_owner), description = NULLIF(COALESCE($5, description), ''),"
	" contact = CASE WHEN $8 THEN $6 ELSE contact END, every = CASE WHEN $9 THEN $7 ELSE every END,"
	" changed_at = pg_catalog.clock_timestamp() WHERE id OPERATOR(pg_catalog.=) $1",
	9, {INT8OID, TEXTOID, TEXTOID, OIDOID, TEXTOID, TEXTOID, INTERVALOID, BOOLOID, BOOLOID}
};

static SqlStatement delete_source = {
	"DELETE FROM aipipe.source_data WHERE id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* Reads the name of a source. */
static char *
name_argument(FunctionCallInfo fcinfo)
{
	char	   *name = arg_text(fcinfo, 0, "name");

	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the name of a source must not be empty")));
	return name;
}

/* Takes the name and owner of the table that the feed lands in; the caller must be able to read it. */
static void
take_relation(FunctionCallInfo fcinfo, int argno, SourceValues *row)
{
	Relation	rel;
	char		kind;

	if (PG_ARGISNULL(argno))
	{
		row->nulls[0] = row->nulls[1] = row->nulls[2] = true;
		return;
	}
	rel = try_relation_open(PG_GETARG_OID(argno), AccessShareLock);
	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", PG_GETARG_OID(argno))));
	kind = rel->rd_rel->relkind;
	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE && kind != RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" cannot be the table of a source", RelationGetRelationName(rel)),
				 errdetail("A source lands in a table, a partitioned table or a foreign table.")));
	if (pg_class_aclcheck(RelationGetRelid(rel), GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(kind), RelationGetRelationName(rel));
	row->values[0] = CStringGetTextDatum(get_namespace_name(RelationGetNamespace(rel)));
	row->values[1] = CStringGetTextDatum(RelationGetRelationName(rel));
	row->values[2] = ObjectIdGetDatum(rel->rd_rel->relowner);
	relation_close(rel, NoLock);
}

/* Gives a text as a Datum, or says that it is NULL. */
static Datum
text_or_null(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/* Takes what people say: description and options. */
static void
take_words(FunctionCallInfo fcinfo, int argno, const char *function, SourceValues *row)
{
	SourceOptions options;
	Datum		none;

	options_parse(PG_ARGISNULL(argno + 1) ? NULL : PG_GETARG_JSONB_P(argno + 1), function,
				  source_options, lengthof(source_options), &options);
	row->values[3] = text_or_null(arg_optional_text(fcinfo, argno), &row->nulls[3]);
	row->values[4] = text_or_null(options.contact, &row->nulls[4]);
	row->nulls[5] = options.every == NULL;
	if (options.every == NULL)
		return;
	row->values[5] = IntervalPGetDatum(arg_interval(options.every));
	none = IntervalPGetDatum(arg_interval("0"));
	if (!DatumGetBool(DirectFunctionCall2(interval_gt, row->values[5], none)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"every\" of %s must be longer than nothing, not %s", function, options.every)));
}

/* source_register(name, relation, description, params): adds a source to the catalogue and gives its id. */
Datum
aipipe_source_register(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo);
	SourceValues row = {0};
	Datum		values[8];
	bool		nulls[8] = {0};
	SqlResult  *inserted;
	int64		id;

	PreventCommandIfReadOnly("registering a source");
	core_check_version();
	arg_require(fcinfo, 1, "relation");
	take_relation(fcinfo, 1, &row);
	take_words(fcinfo, 2, "source_register", &row);
	values[0] = CStringGetTextDatum(name);
	values[1] = ObjectIdGetDatum(GetUserId());
	memcpy(values + 2, row.values, sizeof(Datum) * 6);
	memcpy(nulls + 2, row.nulls, sizeof(bool) * 6);
	inserted = sql_run_values(&insert_source, SQL_WRITE, values, nulls);
	if (inserted->nrows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("source \"%s\" already exists", name),
				 errhint("Change it with aipipe.source_alter(), or drop it with aipipe.source_drop().")));
	id = sql_int64(inserted, 0, "id", NULL);
	sql_free(inserted);
	PG_RETURN_INT64(id);
}

/* Finds a source that the current user may change, and locks it. */
static int64
find_owned(const char *name)
{
	SqlResult  *found = sql_run(&find_source, SQL_WRITE, CStringGetTextDatum(name));
	int64		id;

	if (found->nrows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("source \"%s\" does not exist", name),
				 errhint("The view aipipe.source lists the sources that you may see.")));
	if (!has_privs_of_role(GetUserId(), sql_oid(found, 0, "owner", NULL)))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of source \"%s\"", name)));
	id = sql_int64(found, 0, "id", NULL);
	sql_free(found);
	return id;
}

/* source_alter(name, relation, description, params): changes what is given and leaves the rest; an empty description and null options take theirs away. */
Datum
aipipe_source_alter(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo);
	SourceValues row = {0};
	const Jsonb *params = PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3);
	Datum		values[9];
	bool		nulls[9] = {0};

	PreventCommandIfReadOnly("changing a source");
	core_check_version();
	take_relation(fcinfo, 1, &row);
	take_words(fcinfo, 2, "source_alter", &row);
	values[0] = Int64GetDatum(find_owned(name));
	memcpy(values + 1, row.values, sizeof(Datum) * 6);
	memcpy(nulls + 1, row.nulls, sizeof(bool) * 6);
	values[7] = BoolGetDatum(options_value(params, "contact") != NULL);
	values[8] = BoolGetDatum(options_value(params, "every") != NULL);
	sql_free(sql_run_values(&update_source, SQL_WRITE, values, nulls));
	PG_RETURN_VOID();
}

/* source_drop(name): takes a source off the catalogue; its table, batches and profiles stay. */
Datum
aipipe_source_drop(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo);

	PreventCommandIfReadOnly("dropping a source");
	core_check_version();
	sql_free(sql_run(&delete_source, SQL_WRITE, Int64GetDatum(find_owned(name))));
	PG_RETURN_VOID();
}
