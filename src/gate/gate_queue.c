/*-------------------------------------------------------------------------
 *
 * gate_queue.c
 *	  Background timing: the load only notes which rows came.
 *
 * A statement's rows are noted by their table's key, which costs a fraction of
 * judging them: one row of gate_queue_data for each 10,000, with an array of
 * values in text form for each column of the key.  The note is written in the
 * load's transaction, so it is there exactly when the rows are, and there is no
 * watermark that a late commit could be below.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "core/key.h"
#include "core/pin.h"
#include "core/sql.h"
#include "core/writer.h"
#include "gate/gate.h"

/* Keys in one row of the queue. */
#define QUEUE_CHUNK 10000

static const char *const queue_columns[] = {
	"id", "gate", "schema_name", "relation_name", "event", "role", "landed_at", "rows", "columns", "keys"
};

static SqlStatement delete_queue = {
	"DELETE FROM aipipe.gate_queue_data WHERE gate OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* A statement's keys while they are noted. */
typedef struct Queue
{
	GateBatch  *batch;
	TupleDesc	key_desc;
	AttrNumber *keys;
	Writer	   *writer;
	Datum	   *values[INDEX_MAX_KEYS]; /* of the chunk, for each column */
	int			rows;
	PinNeeds	needs;
	MemoryContext chunk;		/* holds the values */
} Queue;

/* Ends with an error when values of the key cannot stand in an array. */
void
queue_check_key(TupleDesc key_desc)
{
	for (int i = 0; i < key_desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(key_desc, i);

		if (!OidIsValid(get_array_type(getBaseType(att->atttypid))))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("timing 'background' cannot note key column \"%s\" of type %s", NameStr(att->attname),
							format_type_be(att->atttypid)),
					 errhint("Use timing 'row' or 'statement'.")));
	}
}

/* Gives the chunk's values of one column of the key as the text form of their array. */
static Datum
column_text(const Queue *queue, int i)
{
	Oid			base = getBaseType(TupleDescAttr(queue->key_desc, i)->atttypid);
	ArrayType  *array;
	Oid			output;
	bool		varlena;
	int16		len;
	bool		byval;
	char		align;

	get_typlenbyvalalign(base, &len, &byval, &align);
	array = construct_array(queue->values[i], queue->rows, base, len, byval, align);
	getTypeOutputInfo(get_array_type(base), &output, &varlena);
	return CStringGetTextDatum(OidOutputFunctionCall(output, PointerGetDatum(array)));
}

/* Writes the chunk. */
static void
flush_chunk(Queue *queue)
{
	GateBatch  *batch = queue->batch;
	int			nkeys = queue->key_desc->natts;
	Datum		values[lengthof(queue_columns)];
	bool		nulls[lengthof(queue_columns)] = {0};
	Datum		names[INDEX_MAX_KEYS];
	Datum		texts[INDEX_MAX_KEYS];
	MemoryContext old;
	int			level;

	if (queue->rows == 0)
		return;
	old = MemoryContextSwitchTo(queue->chunk);
	level = pin_begin(queue->needs);
	for (int i = 0; i < nkeys; i++)
	{
		names[i] = CStringGetTextDatum(NameStr(TupleDescAttr(queue->key_desc, i)->attname));
		texts[i] = column_text(queue, i);
	}
	pin_end(level);
	values[0] = Int64GetDatum(writer_next_id("gate_queue_data_id_seq"));
	values[1] = Int64GetDatum(batch->gate->id);
	values[2] = CStringGetTextDatum(batch->schema);
	values[3] = CStringGetTextDatum(batch->relation);
	values[4] = CStringGetTextDatum(gate_event_name(batch->event));
	values[5] = CStringGetTextDatum(batch->role);
	values[6] = TimestampTzGetDatum(batch->started);
	values[7] = Int64GetDatum(queue->rows);
	values[8] = PointerGetDatum(construct_array(names, nkeys, TEXTOID, -1, false, TYPALIGN_INT));
	values[9] = PointerGetDatum(construct_array(texts, nkeys, TEXTOID, -1, false, TYPALIGN_INT));
	writer_put(queue->writer, values, nulls);
	MemoryContextSwitchTo(old);
	MemoryContextReset(queue->chunk);
	queue->rows = 0;
}

/* Takes the key of one row. */
static void
add_row(Queue *queue, TupleTableSlot *slot)
{
	MemoryContext old = MemoryContextSwitchTo(queue->chunk);

	slot_getallattrs(slot);
	for (int i = 0; i < queue->key_desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(queue->key_desc, i);
		Datum		value = slot->tts_values[queue->keys[i] - 1];

		queue->values[i][queue->rows] = att->attlen == -1
			? PointerGetDatum(PG_DETOAST_DATUM_COPY(value)) : datumCopy(value, att->attbyval, att->attlen);
	}
	queue->rows++;
	MemoryContextSwitchTo(old);
}

/* Finds the key of the statement's table; without one its rows could not be found again. */
static void
find_key(Queue *queue, Relation rel)
{
	int			nkeys = key_find(rel, &queue->keys);

	if (nkeys == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("gate " INT64_FORMAT " cannot note rows of table \"%s\"", queue->batch->gate->id, RelationGetRelationName(rel)),
				 errdetail("The table has no primary key any more, so its rows cannot be found again."),
				 errhint("Add a primary key, or use a gate with timing 'row'.")));
	queue->key_desc = key_row_desc(RelationGetDescr(rel), queue->keys, nkeys);
	for (int i = 0; i < nkeys; i++)
	{
		queue->needs |= pin_type_needs(TupleDescAttr(queue->key_desc, i)->atttypid);
		queue->values[i] = palloc(mul_size(sizeof(Datum), QUEUE_CHUNK));
	}
}

/* Notes the rows of a statement for gate_drain(). */
void
queue_statement(GateBatch *batch, Relation rel, Tuplestorestate *store)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe gate queue", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Queue		queue = {.batch = batch};
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsMinimalTuple);
	int			pointer = tuplestore_alloc_read_pointer(store, EXEC_FLAG_REWIND);

	tuplestore_select_read_pointer(store, pointer);
	tuplestore_rescan(store);
	find_key(&queue, rel);
	queue.chunk = AllocSetContextCreate(context, "aipipe gate queue chunk", ALLOCSET_DEFAULT_SIZES);
	queue.writer = writer_open("gate_queue_data", lengthof(queue_columns), queue_columns, context);
	while (tuplestore_gettupleslot(store, true, false, slot))
	{
		if (queue.rows % 1000 == 0)
			CHECK_FOR_INTERRUPTS();
		add_row(&queue, slot);
		if (queue.rows == QUEUE_CHUNK)
			flush_chunk(&queue);
	}
	flush_chunk(&queue);
	writer_close(queue.writer);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Forgets what waits for a gate that was dropped. */
void
queue_forget(int64 gate)
{
	sql_free(sql_run(&delete_queue, SQL_WRITE, Int64GetDatum(gate)));
}
