/*-------------------------------------------------------------------------
 *
 * gate_statement.c
 *	  Statement timing: all rows of a statement, in blocks, after they landed;
 *	  and background timing, when they are drained.
 *
 * The rows are read from the transition table's tuplestore itself, 64 at a time
 * in as many slots, so that a row that is not accepted can be looked at again.
 * A quarantined row is deleted by the table's key, with triggers and rules as
 * for any DELETE.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "core/key.h"
#include "core/rowjson.h"
#include "gate/gate.h"

/* A statement's rows while they are judged. */
typedef struct StatementRows
{
	GateCall   *call;
	Relation	rel;
	GateEvent	event;
	bool		later;			/* the statement has committed: a row may have left, or be another one by now */
	Tuplestorestate *store;
	Tuplestorestate *changed;	/* rows that were another one by then */
	TupleTableSlot *slots[SCORER_BLOCK];
	int			nslots;			/* filled by the current block */
	GateRow		rows[SCORER_BLOCK];
	MemoryContext context;		/* holds the tuples in the slots */
	MemoryContext block;		/* reset after each block */
	GateRemoval *removal;		/* DELETE by key, prepared at the first quarantined row */
} StatementRows;

/* Points an own read pointer to the first row: other triggers read the same tuplestore. */
static void
rewind_store(Tuplestorestate *store)
{
	int			pointer = tuplestore_alloc_read_pointer(store, EXEC_FLAG_REWIND);

	tuplestore_select_read_pointer(store, pointer);
	tuplestore_rescan(store);
}

/* Reads the next row into a slot; a tuple that comes from disk is the slot's to free, so it must outlive the block. */
static bool
read_row(StatementRows *rows, TupleTableSlot *slot)
{
	MemoryContext old = MemoryContextSwitchTo(rows->context);
	bool		found = tuplestore_gettupleslot(rows->store, true, false, slot);

	MemoryContextSwitchTo(old);
	return found;
}

/* Reads and encodes the next block; says whether it holds any row. */
static bool
read_block(StatementRows *rows)
{
	GateCall   *call = rows->call;

	rows->nslots = 0;
	gate_reset(call);
	while (rows->nslots < SCORER_BLOCK)
	{
		int			n = rows->nslots;

		if (!read_row(rows, rows->slots[n]))
			break;
		gate_add(call, n, rows->slots[n], &rows->rows[n]);
		rows->nslots++;
	}
	return rows->nslots > 0;
}

/*
 * Ends with an error where a key does not say which row to remove: an UPDATE of
 * an inheritance parent gives the children's rows along with its own, and nothing
 * tells whose they are.  gate_create() refuses such a gate; a child may come later.
 */
static void
check_no_children(const StatementRows *rows)
{
	if (rows->event != GATE_UPDATE || !key_has_children(rows->rel))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("gate " INT64_FORMAT " cannot quarantine updated rows of table \"%s\"", rows->call->gate->id, rows->call->relation),
			 errdetail("Tables inherit from it, so an updated row may be a child's and another one may have its key."),
			 errhint("Use a gate with timing 'row'.")));
}

/* Prepares the DELETE of one row by its key; later, a look at it before. */
static void
prepare_removal(StatementRows *rows)
{
	GateCall   *call = rows->call;
	MemoryContext old;

	check_no_children(rows);
	if (!gate_call_key(call))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("gate " INT64_FORMAT " cannot quarantine rows of table \"%s\"", call->gate->id, call->relation),
				 errdetail("The table has no primary key any more, so its rows cannot be told apart."),
				 errhint("Add a primary key, or use a gate with timing 'row'.")));
	old = MemoryContextSwitchTo(rows->context);
	rows->removal = removal_prepare(call->gate, call->key_desc, rows->rel);
	if (rows->later)
		removal_prepare_look(rows->removal, call->key_desc, rows->rel);
	MemoryContextSwitchTo(old);
}

/* Says whether a row that was read again still is what the gate judged. */
static bool
is_same_row(TupleDesc desc, TupleTableSlot *slot, HeapTuple row, TupleDesc row_desc)
{
	int			n = 0;

	slot_getallattrs(slot);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Datum		value;
		bool		isnull;

		if (att->attisdropped)
			continue;
		if (n >= row_desc->natts)
			return false;
		value = heap_getattr(row, ++n, row_desc, &isnull);
		if (isnull != slot->tts_isnull[i] ||
			(!isnull && !datum_image_eq(value, slot->tts_values[i], att->attbyval, att->attlen)))
			return false;
	}
	return n == row_desc->natts;
}

typedef struct ImageStep
{
	HeapTuple	removed;
	TupleDesc	desc;
	Jsonb	   *image;
} ImageStep;

/* Forms the row that the DELETE returned as jsonb, as a step that may fail. */
static void
form_image(void *arg)
{
	ImageStep  *step = arg;
	Datum	   *values = palloc(mul_size(sizeof(Datum), step->desc->natts));
	bool	   *nulls = palloc(mul_size(sizeof(bool), step->desc->natts));

	heap_deform_tuple(step->removed, step->desc, values, nulls);
	step->image = rowjson_build(step->desc, values, nulls);
}

/* Gives the row that the DELETE returned as jsonb; a row that cannot be kept ends the statement. */
static Jsonb *
removed_image(const GateCall *call, HeapTuple removed, TupleDesc desc)
{
	ImageStep	step = {removed, desc};
	char	   *cause = gate_try(form_image, &step);

	if (cause != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("gate " INT64_FORMAT " cannot hold a row of table \"%s\"", call->gate->id, call->relation),
				 errdetail("A trigger changed it after it landed, and it cannot be kept as jsonb: %s.", cause)));
	return step.image;
}

/*
 * Says whether a row that landed earlier still is the one that was judged, and keeps it so to the transaction's end.
 * One that is another one by now is put aside, to be judged as that.
 */
static bool
is_still_there(StatementRows *rows, TupleTableSlot *slot, const Datum *key)
{
	TupleDesc	desc = NULL;
	HeapTuple	row = removal_look(rows->removal, key, &desc);

	if (row == NULL)
		return false;
	if (is_same_row(rows->call->desc, slot, row, desc))
		return true;
	if (rows->changed == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(rows->context);

		rows->changed = tuplestore_begin_heap(true, false, work_mem);
		MemoryContextSwitchTo(old);
	}
	tuplestore_puttupleslot(rows->changed, slot);
	return false;
}

/*
 * Deletes one row.  When an AFTER ROW trigger changed it meanwhile, the decision
 * keeps it as it was when it left.  False: it is not there any more, or not this one, and there is nothing to decide.
 */
static bool
remove_row(StatementRows *rows, TupleTableSlot *slot, GateDecision *decision)
{
	GateCall   *call = rows->call;
	Datum		key[INDEX_MAX_KEYS];
	TupleDesc	desc = NULL;
	HeapTuple	removed;

	slot_getallattrs(slot);
	if (rows->removal == NULL)
		prepare_removal(rows);
	for (int i = 0; i < call->key_desc->natts; i++)
		key[i] = slot->tts_values[call->keys[i] - 1];
	if (rows->later && !is_still_there(rows, slot, key))
		return false;
	removed = removal_run(rows->removal, key, &desc);
	if (removed == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("gate " INT64_FORMAT " could not remove a row from table \"%s\"", call->gate->id, call->relation),
				 errdetail("A trigger, rule or policy of the table kept the row or had removed it before."),
				 errhint("Use a gate with timing 'row'.")));
	if (!is_same_row(call->desc, slot, removed, desc))
		decision->row = removed_image(call, removed, desc);
	return true;
}

/* Judges the block that was read. */
static void
judge_block(StatementRows *rows)
{
	GateCall   *call = rows->call;

	if (call->profile != NULL)
		profile_block(call, rows->slots, rows->nslots, rows->nslots < SCORER_BLOCK);
	gate_run(call);
	for (int i = 0; i < rows->nslots; i++)
	{
		GateDecision decision;
		GateVerdict verdict = gate_judge(call, &rows->rows[i], &decision);

		if (verdict.action == GATE_QUARANTINE && !remove_row(rows, rows->slots[i], &decision))
			continue;
		batch_count(call->batch, verdict.action, verdict.score);
		if (verdict.action != GATE_ACCEPT)
			batch_decide(call->batch, &decision);
		if (call->shadow != NULL)
			shadow_record(call, i);
	}
}

/* Judges all rows of the statement, block by block. */
static void
judge_rows(StatementRows *rows)
{
	MemoryContext old = MemoryContextSwitchTo(rows->block);

	while (read_block(rows))
	{
		CHECK_FOR_INTERRUPTS();
		judge_block(rows);
		MemoryContextReset(rows->block);
	}
	MemoryContextSwitchTo(old);
}

/* Notes the rows that were others than those judged for the next drain, or what is left of this one; gives their number. */
static int64
note_changed(GateBatch *batch, StatementRows *rows)
{
	int64		n;

	if (rows->changed == NULL)
		return 0;
	n = tuplestore_tuple_count(rows->changed);
	queue_statement(batch, rows->rel, rows->changed);
	tuplestore_end(rows->changed);
	return n;
}

/* Judges the rows of a store, the relation's own row type, as a batch; later: they may have left or changed meanwhile.  Gives how many were noted again. */
int64
gate_judge_store(GateBatch *batch, Relation rel, Tuplestorestate *store, bool later)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe gate statement", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	StatementRows rows = {0};
	int64		changed;

	rows.context = context;
	rows.rel = rel;
	rows.event = batch->event;
	rows.later = later;
	rows.store = store;
	rows.block = AllocSetContextCreate(context, "aipipe gate block", ALLOCSET_DEFAULT_SIZES);
	rows.call = gate_call_begin(batch, batch->gate, rel, context);
	for (int i = 0; i < SCORER_BLOCK; i++)
		rows.slots[i] = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsMinimalTuple);

	rewind_store(rows.store);
	judge_rows(&rows);
	changed = note_changed(batch, &rows);

	for (int i = 0; i < SCORER_BLOCK; i++)
		ExecDropSingleTupleTableSlot(rows.slots[i]);
	batch_close(batch);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return changed;
}

/* Serves an AFTER STATEMENT trigger with a transition table. */
void
gate_judge_statement(TriggerData *trigdata)
{
	Relation	rel = trigdata->tg_relation;
	GateEvent	event = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event) ? GATE_UPDATE : GATE_INSERT;
	GateBatch  *batch;

	if (gate_bypassed(rel))
		return;
	batch = batch_open(gate_trigger_id(trigdata->tg_trigger), rel, event, false);
	gate_check_call(batch->gate, trigdata, event == GATE_UPDATE ? "_update" : "_insert");
	if (batch->gate->state == GATE_PAUSED)
		batch_close(batch);
	else if (batch->gate->background)
	{
		queue_statement(batch, rel, trigdata->tg_newtable);
		batch_close(batch);
	}
	else
		(void) gate_judge_store(batch, rel, trigdata->tg_newtable, false);
}
