/*-------------------------------------------------------------------------
 *
 * gate_drain.c
 *	  gate_drain(): judges the rows that loads have noted for gates with
 *	  background timing.
 *
 * Each note becomes one batch.  Its rows are fetched by their key, judged like a
 * statement's, and the note is deleted, all in the caller's transaction: a row
 * is judged once, or the note is still there.  Notes that another drain works on
 * are passed by.  A row that has left its table since then needs no decision; a
 * row that was changed is judged as it is now.  Before a row is taken out it is
 * looked at again and locked: one that was changed in between is noted once more.
 *
 * Rights on the table are asked of its owner, as when a statement's gate removes
 * a row; what runs, runs as the caller.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "compat/compat.h"
#include "core/key.h"
#include "core/pin.h"
#include "core/progress.h"
#include "core/receiver.h"
#include "core/sql.h"
#include "core/version.h"
#include "gate/gate.h"

PG_FUNCTION_INFO_V1(aipipe_gate_drain);

static SqlStatement find_queued = {
	"SELECT q.gate, pg_catalog.count(*) AS notes FROM aipipe.gate_queue_data q"
	" WHERE $1 IS NULL OR q.gate OPERATOR(pg_catalog.=) ANY ($1) GROUP BY q.gate ORDER BY q.gate",
	1, {INT8ARRAYOID}
};

static SqlStatement take_note = {
	"DELETE FROM aipipe.gate_queue_data WHERE id OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT q.id FROM aipipe.gate_queue_data q WHERE q.gate OPERATOR(pg_catalog.=) $1 AND q.id OPERATOR(pg_catalog.>) $2"
	" ORDER BY q.id LIMIT 1 FOR UPDATE SKIP LOCKED))"
	" RETURNING id, schema_name, relation_name, event, role, rows, columns, keys",
	2, {INT8OID, INT8OID}
};

/* Takes the rows that the query gives: one column, the table's row type. */
typedef struct StoreReceiver
{
	DestReceiver base;
	Tuplestorestate *store;
} StoreReceiver;

/* Gives the relation that a decision or a note names, which may have been renamed; InvalidOid when it is gone. */
Oid
gate_target_relation(const Gate *gate, const char *schema, const char *relation)
{
	Oid			namespace;

	if (strcmp(schema, gate->schema) == 0 && strcmp(relation, gate->relation) == 0)
		return gate_current_relation(gate);
	namespace = get_namespace_oid(schema, true);
	return OidIsValid(namespace) ? get_relname_relid(relation, namespace) : InvalidOid;
}

/* Copies a row out of its composite value. */
static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	StoreReceiver *receiver = (StoreReceiver *) self;
	HeapTupleHeader header;
	HeapTupleData tuple;
	bool		isnull;
	Datum		value = slot_getattr(slot, 1, &isnull);

	if (isnull)
		return true;
	header = DatumGetHeapTupleHeader(value);
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	tuplestore_puttuple(receiver->store, &tuple);
	return true;
}

/* Gives the SELECT of whole rows by arrays of their keys: one look-up each, since a join with the table would read all of it for each note. */
static char *
select_text(Relation rel, TupleDesc key_desc)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoString(&out, "SELECT f.t FROM (SELECT");
	for (int i = 1; i <= key_desc->natts; i++)
		appendStringInfo(&out, "%s pg_catalog.unnest($%d) AS k%d", i > 1 ? "," : "", i, i);
	appendStringInfo(&out, ") AS s, LATERAL (SELECT t FROM %s AS t WHERE %s LIMIT 1) AS f", gate_target_text(rel), key_join(key_desc, "t", "s"));
	return out.data;
}

/* Gives the arrays of a note's keys as parameters. */
static ParamListInfo
key_parameters(TupleDesc key_desc, Datum keys)
{
	ParamListInfo params = makeParamList(key_desc->natts);
	Datum	   *texts;
	int			n;
	int			level;
	PinNeeds	needs = PIN_ARRAYS;

	deconstruct_array(DatumGetArrayTypeP(keys), TEXTOID, -1, false, TYPALIGN_INT, &texts, NULL, &n);
	for (int i = 0; i < key_desc->natts; i++)
		needs |= pin_type_needs(TupleDescAttr(key_desc, i)->atttypid);
	level = pin_begin(needs);
	for (int i = 0; i < key_desc->natts; i++)
	{
		ParamExternData *param = &params->params[i];
		Oid			input;
		Oid			io_param;

		param->ptype = get_array_type(getBaseType(TupleDescAttr(key_desc, i)->atttypid));
		param->pflags = PARAM_FLAG_CONST;
		param->isnull = false;
		getTypeInputInfo(param->ptype, &input, &io_param);
		param->value = OidInputFunctionCall(input, TextDatumGetCString(texts[i]), io_param, -1);
	}
	pin_end(level);
	return params;
}

/* Says whether a note's columns are those of the table's key today. */
static bool
same_columns(TupleDesc key_desc, Datum columns)
{
	Datum	   *names;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(columns), TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &n);
	for (int i = 0; i < n && i < key_desc->natts; i++)
		if (strcmp(TextDatumGetCString(names[i]), NameStr(TupleDescAttr(key_desc, i)->attname)) != 0)
			return false;
	return n == key_desc->natts;
}

/* Gives the row type of the table's key, which must be the one that the note was made by. */
static TupleDesc
key_of_note(const Gate *gate, Relation rel, Datum columns)
{
	AttrNumber *keys;
	int			nkeys = key_find(rel, &keys);
	TupleDesc	key_desc = nkeys > 0 ? key_row_desc(RelationGetDescr(rel), keys, nkeys) : NULL;

	if (key_desc == NULL || !same_columns(key_desc, columns))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("rows that wait for gate " INT64_FORMAT " cannot be found again in table \"%s\"", gate->id, RelationGetRelationName(rel)),
				 errdetail("The table's key is another one than when they landed."),
				 errhint("Drop the gate, which forgets them, and create it again.")));
	return key_desc;
}

/* Reads the rows of a note that are still there. */
static Tuplestorestate *
read_rows(Relation rel, TupleDesc key_desc, Datum keys)
{
	char	   *text = select_text(rel, key_desc);
	ParamListInfo params = key_parameters(key_desc, keys);
	StoreReceiver receiver;
	Oid			types[INDEX_MAX_KEYS];
	PlannedStmt *plan;

	for (int i = 0; i < key_desc->natts; i++)
		types[i] = params->params[i].ptype;
	receiver_init(&receiver.base, receive_row);
	receiver.store = tuplestore_begin_heap(true, false, work_mem);
	plan = pg_plan_query(linitial_node(Query, gate_rewrite_as_owner(text, rel->rd_rel->relowner, types, key_desc->natts)),
						 text, CURSOR_OPT_NO_SCROLL, params);
	PushCopiedSnapshot(GetTransactionSnapshot());
	(void) gate_run_plan(plan, text, params, &receiver.base, NULL);
	PopActiveSnapshot();
	return receiver.store;
}

/* Judges the rows of one note; gives their number. */
static int64
judge_note(const Gate *gate, const SqlResult *note)
{
	char	   *schema = sql_text(note, 0, "schema_name");
	char	   *relation = sql_text(note, 0, "relation_name");
	Oid			relid = gate_target_relation(gate, schema, relation);
	Relation	rel = OidIsValid(relid) ? try_table_open(relid, RowExclusiveLock) : NULL;
	GateEvent	event = strcmp(sql_text(note, 0, "event"), "UPDATE") == 0 ? GATE_UPDATE : GATE_INSERT;
	Tuplestorestate *store;
	GateBatch  *batch;
	int64		rows;

	if (rel == NULL || !gate_serves(gate, rel))
	{
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg(INT64_FORMAT " rows that waited for gate " INT64_FORMAT " are forgotten", sql_int64(note, 0, "rows", NULL), gate->id),
				 errdetail("Table \"%s.%s\" is gone, or another role owns it now.", schema, relation)));
		if (rel != NULL)
			table_close(rel, RowExclusiveLock);
		return 0;
	}
	store = read_rows(rel, key_of_note(gate, rel, sql_datum(note, 0, "columns", NULL)), sql_datum(note, 0, "keys", NULL));
	rows = tuplestore_tuple_count(store);
	batch = batch_open(gate->id, rel, event, false);
	batch->role = MemoryContextStrdup(batch->context, sql_text(note, 0, "role"));
	rows -= gate_judge_store(batch, rel, store, true);
	tuplestore_end(store);
	table_close(rel, NoLock);
	return rows;
}

/* Judges what waits for one gate, until max_rows are judged (0: all); adds to *judged. */
static void
drain_gate(const Gate *gate, int64 max_rows, int64 *judged, Progress *progress)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe gate drain", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	int64		last = 0;

	while (max_rows == 0 || *judged < max_rows)
	{
		SqlResult  *note = sql_run(&take_note, SQL_WRITE, Int64GetDatum(gate->id), Int64GetDatum(last));

		CHECK_FOR_INTERRUPTS();
		if (note->nrows == 0)
			break;
		last = sql_int64(note, 0, "id", NULL);
		*judged += judge_note(gate, note);
		progress_update(progress, *judged);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Gives the gates of a table as an int8 array. */
static Datum
gates_of(Oid relid)
{
	List	   *ids = gate_ids_on(relid);
	int64	   *values = palloc(mul_size(sizeof(int64), Max(list_length(ids), 1)));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, ids)
		values[n++] = *(int64 *) lfirst(cell);
	return sql_int64_array(values, n);
}

/* Gives the number of rows that one call may judge; 0: all. */
static int64
max_rows_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(1))
		return 0;
	if (PG_GETARG_INT64(1) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be positive", "max_rows")));
	return PG_GETARG_INT64(1);
}

/* Judges what waits for the gates of a table, or for all of the caller's; gives the number of rows. */
Datum
aipipe_gate_drain(PG_FUNCTION_ARGS)
{
	bool		all = PG_ARGISNULL(0);
	int64		max_rows = max_rows_argument(fcinfo);
	int64		judged = 0;
	Progress	progress = {0};
	Datum		values[1] = {0};
	SqlResult  *queued;

	PreventCommandIfReadOnly("draining a gate");
	core_check_version();
	if (!all && get_rel_name(PG_GETARG_OID(0)) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", PG_GETARG_OID(0))));
	if (!all)
		values[0] = gates_of(PG_GETARG_OID(0));
	queued = sql_run_values(&find_queued, SQL_READ, values, &all);
	progress_begin(&progress, "draining gates");
	for (uint64 i = 0; i < queued->nrows && (max_rows == 0 || judged < max_rows); i++)
	{
		Gate	   *gate = gate_read(sql_int64(queued, i, "gate", NULL));

		if (all && !has_privs_of_role(GetUserId(), gate->owner))
			continue;
		gate_check_manager(gate);
		if (gate->state != GATE_PAUSED)
			drain_gate(gate, max_rows, &judged, &progress);
	}
	progress_end(&progress);
	PG_RETURN_INT64(judged);
}
