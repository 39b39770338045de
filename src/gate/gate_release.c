/*-------------------------------------------------------------------------
 *
 * gate_release.c
 *	  quarantine_release() and quarantine_discard().
 *
 * Whoever can act for the gate's owner may decide on a held row.  The row goes
 * back with an ordinary INSERT of the caller (an UPDATE by key, when row timing
 * held back an update), so the caller's rights, the table's defaults, triggers,
 * constraints and policies apply.  Only the table's gates let it pass.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "compat/compat.h"
#include "core/args.h"
#include "core/key.h"
#include "core/rowjson.h"
#include "core/source.h"
#include "core/sql.h"
#include "core/version.h"
#include "gate/gate.h"

PG_FUNCTION_INFO_V1(aipipe_quarantine_release);
PG_FUNCTION_INFO_V1(aipipe_quarantine_discard);

static SqlStatement find_item = {
	"SELECT d.gate FROM aipipe.decision_data d"
	" WHERE d.id OPERATOR(pg_catalog.=) $1 AND d.decision OPERATOR(pg_catalog.=) 'quarantine'",
	1, {INT8OID}
};

static SqlStatement lock_item = {
	"SELECT d.schema_name, d.relation_name, d.event, d.key, d.\"row\", d.state, d.resolved_by"
	" FROM aipipe.decision_data d WHERE d.id OPERATOR(pg_catalog.=) $1 FOR UPDATE",
	1, {INT8OID}
};

static SqlStatement resolve_item = {
	"UPDATE aipipe.decision_data SET state = $2, resolved_at = pg_catalog.clock_timestamp(),"
	" resolved_by = $3, correction = $4, why = $5 WHERE id OPERATOR(pg_catalog.=) $1"
	" AND state OPERATOR(pg_catalog.=) 'held'",
	5, {INT8OID, TEXTOID, TEXTOID, JSONBOID, TEXTOID}
};

/* A held row, locked. */
typedef struct HeldRow
{
	int64		id;
	Gate	   *gate;
	char	   *schema;
	char	   *relation;
	bool		update;			/* row timing held back an UPDATE */
	Jsonb	   *key;			/* or NULL */
	Jsonb	   *row;
} HeldRow;

/*
 * A release that is writing its row: gates on the table let pass what fires at
 * this trigger depth.  An abort of the subtransaction takes it away.
 */
typedef struct Bypass
{
	struct Bypass *below;
	Oid			relid;
	int			depth;
	SubTransactionId subid;
} Bypass;

static Bypass *bypass = NULL;

/* Says whether the current trigger fires for a row that is being released. */
bool
gate_bypassed(Relation rel)
{
	if (bypass == NULL || bypass->depth != gate_trigger_depth())
		return false;
	return bypass->relid == RelationGetRelid(rel) ||
		(rel->rd_rel->relispartition &&
		 list_member_oid(get_partition_ancestors(RelationGetRelid(rel)), bypass->relid));
}

/* Opens the way past the gates of one table. */
static void
bypass_begin(Oid relid)
{
	Bypass	   *entry = MemoryContextAlloc(TopTransactionContext, sizeof(Bypass));

	entry->below = bypass;
	entry->relid = relid;
	entry->depth = gate_trigger_depth() + 1;
	entry->subid = GetCurrentSubTransactionId();
	bypass = entry;
}

/* Closes the way again. */
static void
bypass_end(void)
{
	Bypass	   *entry = bypass;

	bypass = entry->below;
	pfree(entry);
}

/* Closes what an aborted subtransaction opened; everything, when the transaction ends. */
void
release_reset(SubTransactionId subid)
{
	if (subid == InvalidSubTransactionId)
		bypass = NULL;
	while (bypass != NULL && bypass->subid == subid)
		bypass_end();
}

/* Ends with an error when somebody has decided on the row before. */
static void
check_held(int64 id, const SqlResult *result)
{
	char	   *state = sql_text(result, 0, "state");

	if (strcmp(state, "held") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("quarantined row " INT64_FORMAT " was already %s", id, state),
				 errdetail("By role \"%s\".", sql_text(result, 0, "resolved_by"))));
}

/* Checks the caller's right on a held row and locks it. */
static HeldRow *
open_item(int64 id)
{
	SqlResult  *result = sql_run(&find_item, SQL_WRITE, Int64GetDatum(id));
	HeldRow    *item = palloc0(sizeof(HeldRow));
	char	   *event;

	if (result->nrows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("quarantined row " INT64_FORMAT " does not exist", id)));
	item->id = id;
	item->gate = gate_read(sql_int64(result, 0, "gate", NULL));
	gate_check_manager(item->gate);
	sql_free(result);

	result = sql_run(&lock_item, SQL_WRITE, Int64GetDatum(id));
	if (result->nrows == 0)
		elog(ERROR, "quarantined row " INT64_FORMAT " went away", id);
	check_held(id, result);
	item->schema = sql_text(result, 0, "schema_name");
	item->relation = sql_text(result, 0, "relation_name");
	event = sql_text(result, 0, "event");
	item->update = strcmp(event, "UPDATE") == 0 && !item->gate->statement;
	item->key = sql_jsonb(result, 0, "key");
	item->row = sql_jsonb(result, 0, "row");
	sql_free(result);
	return item;
}

/* Records what was decided on a held row, which the table's own triggers may have decided on meanwhile. */
static void
close_item(const HeldRow *item, const char *state, Jsonb *correction, text *why)
{
	Datum		values[5];
	bool		nulls[5] = {0};
	SqlResult  *result;

	values[0] = Int64GetDatum(item->id);
	values[1] = CStringGetTextDatum(state);
	values[2] = CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
	values[3] = PointerGetDatum(correction);
	nulls[3] = correction == NULL;
	values[4] = PointerGetDatum(why);
	nulls[4] = why == NULL;
	result = sql_run_values(&resolve_item, SQL_WRITE, values, nulls);
	if (result->nrows != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("quarantined row " INT64_FORMAT " was decided on while it was being %s", item->id, state),
				 errdetail("A trigger or function of its table did it.")));
	sql_free(result);
}

/* Opens the table that takes the row back. */
static Relation
open_target(const HeldRow *item)
{
	Oid			relid = gate_target_relation(item->gate, item->schema, item->relation);
	Relation	rel;

	rel = OidIsValid(relid) ? try_table_open(relid, RowExclusiveLock) : NULL;
	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s.%s\" of quarantined row " INT64_FORMAT " does not exist",
						item->schema, item->relation, item->id),
				 errhint("The row can still be read in aipipe.quarantine, and discarded.")));
	if (!gate_serves(item->gate, rel))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s.%s\" is not the one that quarantined row " INT64_FORMAT " was kept from",
						item->schema, item->relation, item->id),
				 errdetail("It has another owner than the table that the gate was created on."),
				 errhint("The row can still be read in aipipe.quarantine, and discarded.")));
	return rel;
}

/* Gives the object's keys as a list of C strings. */
static List *
object_keys(const Jsonb *object)
{
	JsonbIterator *it = JsonbIteratorInit(&unconstify(Jsonb *, object)->root);
	JsonbValue	value;
	JsonbIteratorToken token;
	List	   *keys = NIL;

	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			keys = lappend(keys, pnstrdup(value.val.string.val, value.val.string.len));
	}
	return keys;
}

/* Gives the value of a key, or NULL. */
static JsonbValue *
object_value(const Jsonb *object, const char *key)
{
	return getKeyJsonValueFromContainer(&unconstify(Jsonb *, object)->root, key, strlen(key), NULL);
}

/* Ends with an error unless a correction is an object whose keys are columns, or keys of the stored row. */
static void
check_correction(const HeldRow *item, const Jsonb *correction, Relation rel)
{
	ListCell   *cell;

	if (!JB_ROOT_IS_OBJECT(correction))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a correction must be a JSON object"),
				 errdetail("Its keys are the columns to change.")));
	foreach(cell, object_keys(correction))
	{
		const char *key = lfirst(cell);

		if (source_column(RelationGetDescr(rel), key) == InvalidAttrNumber &&
			object_value(item->row, key) == NULL)
			source_no_column(key, RelationGetRelationName(rel), RelationGetDescr(rel));
	}
}

/*
 * Gives the row with its correction, fit for the table as it is now: a stored
 * column that the table has lost may be left out by correcting it to null.
 */
static Jsonb *
corrected_row(const HeldRow *item, Jsonb *correction, Relation rel)
{
	Jsonb	   *row = item->row;
	ListCell   *cell;

	if (correction != NULL)
	{
		check_correction(item, correction, rel);
		row = DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(row), JsonbPGetDatum(correction)));
	}
	foreach(cell, object_keys(row))
	{
		const char *key = lfirst(cell);

		if (source_column(RelationGetDescr(rel), key) != InvalidAttrNumber)
			continue;
		if (object_value(row, key)->type != jbvNull)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of the quarantined row does not exist in table \"%s\" any more",
							key, RelationGetRelationName(rel)),
					 errhint("Correct it to null to leave it out.")));
		row = DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(row), CStringGetTextDatum(key)));
	}
	return row;
}

/* One statement that writes the row back. */
typedef struct WriteBack
{
	StringInfoData text;
	int			nargs;
	Oid		   *types;
	Datum	   *values;
	char	   *nulls;
} WriteBack;

/* Adds one value of a tuple as the statement's next parameter. */
static void
add_parameter(WriteBack *write, HeapTuple tuple, TupleDesc desc, AttrNumber attnum)
{
	bool		isnull;

	write->types[write->nargs] = TupleDescAttr(desc, attnum - 1)->atttypid;
	write->values[write->nargs] = heap_getattr(tuple, attnum, desc, &isnull);
	write->nulls[write->nargs] = isnull ? 'n' : ' ';
	write->nargs++;
}

/* Says whether the row's value of a column is written; a generated one is computed anew. */
static bool
is_written(const Jsonb *row, Form_pg_attribute att, bool update)
{
	return !att->attisdropped && att->attgenerated == '\0' &&
		!(update && att->attidentity == ATTRIBUTE_IDENTITY_ALWAYS) &&
		object_value(row, NameStr(att->attname)) != NULL;
}

/* Composes the INSERT of the row. */
static void
compose_insert(WriteBack *write, Relation rel, const Jsonb *row, const char *table)
{
	TupleDesc	desc = RelationGetDescr(rel);
	HeapTuple	tuple = rowjson_form(desc, row);
	StringInfoData params;

	initStringInfo(&params);
	appendStringInfo(&write->text, "INSERT INTO %s (", table);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		const char *comma = write->nargs > 0 ? ", " : "";

		if (!is_written(row, att, false))
			continue;
		appendStringInfo(&write->text, "%s%s", comma, quote_identifier(NameStr(att->attname)));
		appendStringInfo(&params, "%s$%d", comma, write->nargs + 1);
		add_parameter(write, tuple, desc, att->attnum);
	}
	if (write->nargs > 0)
		appendStringInfo(&write->text, ") OVERRIDING SYSTEM VALUE VALUES (%s)", params.data);
	else
	{
		resetStringInfo(&write->text);
		appendStringInfo(&write->text, "INSERT INTO %s DEFAULT VALUES", table);
	}
}

/* Composes the UPDATE that the gate had held back. */
static void
compose_update(WriteBack *write, Relation rel, const HeldRow *item, const Jsonb *row, const char *table)
{
	TupleDesc	desc = RelationGetDescr(rel);
	HeapTuple	tuple = rowjson_form(desc, row);
	AttrNumber *keys;
	int			nkeys = key_find(rel, &keys);
	TupleDesc	key_desc;
	HeapTuple	key;

	if (nkeys == 0 || item->key == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the row that the held update changes cannot be found"),
				 errdetail("Table \"%s\" has no primary key any more.", RelationGetRelationName(rel))));
	key_desc = key_row_desc(desc, keys, nkeys);
	key = rowjson_form(key_desc, item->key);

	appendStringInfo(&write->text, "UPDATE %s SET ", table);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!is_written(row, att, true))
			continue;
		appendStringInfo(&write->text, "%s%s = $%d", write->nargs > 0 ? ", " : "",
						 quote_identifier(NameStr(att->attname)), write->nargs + 1);
		add_parameter(write, tuple, desc, att->attnum);
	}
	appendStringInfo(&write->text, " WHERE %s", key_condition(key_desc, write->nargs + 1));
	for (int i = 0; i < nkeys; i++)
		add_parameter(write, key, key_desc, i + 1);
}

/* Runs the statement as the caller, past the table's gates. */
static void
run_write_back(const WriteBack *write, Relation rel, const HeldRow *item)
{
	int			rc;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	bypass_begin(RelationGetRelid(rel));
	rc = SPI_execute_with_args(write->text.data, write->nargs, write->types, write->values,
							   write->nulls, false, 0);
	bypass_end();
	if (rc < 0)
		elog(ERROR, "could not write a released row: %s", SPI_result_code_string(rc));
	if (SPI_processed != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" did not take quarantined row " INT64_FORMAT, RelationGetRelationName(rel), item->id),
				 item->update ? errdetail("The row that the held update changes is gone.")
				 : errdetail("A trigger or rule of the table dropped it.")));
	SPI_finish();
}

/* Writes the row back into its table. */
static void
write_back(const HeldRow *item, Jsonb *correction)
{
	Relation	rel = open_target(item);
	Jsonb	   *row = corrected_row(item, correction, rel);
	int			max = RelationGetDescr(rel)->natts + INDEX_MAX_KEYS;
	WriteBack	write = {0};
	const char *table = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
												   RelationGetRelationName(rel));

	initStringInfo(&write.text);
	write.types = palloc(mul_size(sizeof(Oid), max));
	write.values = palloc(mul_size(sizeof(Datum), max));
	write.nulls = palloc(max);
	if (item->update)
		compose_update(&write, rel, item, row, table);
	else
		compose_insert(&write, rel, row, table);
	run_write_back(&write, rel, item);
	table_close(rel, NoLock);
}

/* Puts a held row back into its table, corrected. */
Datum
aipipe_quarantine_release(PG_FUNCTION_ARGS)
{
	Jsonb	   *correction = PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1);
	HeldRow    *item;

	arg_require(fcinfo, 0, "id");
	PreventCommandIfReadOnly("releasing a quarantined row");
	core_check_version();
	item = open_item(PG_GETARG_INT64(0));
	write_back(item, correction);
	close_item(item, "released", correction, NULL);
	PG_RETURN_VOID();
}

/* Closes a held row without putting it back. */
Datum
aipipe_quarantine_discard(PG_FUNCTION_ARGS)
{
	text	   *why = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);

	arg_require(fcinfo, 0, "id");
	PreventCommandIfReadOnly("discarding a quarantined row");
	core_check_version();
	close_item(open_item(PG_GETARG_INT64(0)), "discarded", NULL, why);
	PG_RETURN_VOID();
}
