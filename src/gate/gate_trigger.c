/*-------------------------------------------------------------------------
 *
 * gate_trigger.c
 *	  The trigger function of every gate, and row timing.
 *
 *		BEFORE STATEMENT	opens the statement's batch
 *		BEFORE ROW			judges one row: encode, score, compare
 *		AFTER STATEMENT		closes the batch; with a transition table, judges all rows
 *
 * What a row needs of its statement hangs on the trigger's fn_extra, which
 * PostgreSQL keeps for one statement and one table (each partition its own).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "utils/memutils.h"

#include "gate/gate.h"

PG_FUNCTION_INFO_V1(aipipe_gate_trigger);

/* ON CONFLICT DO UPDATE and MERGE fire one trigger for both events. */
typedef struct RowCalls
{
	GateCall   *by_event[2];
} RowCalls;

/* Gives the event of a fired trigger, which must be INSERT or UPDATE. */
static GateEvent
fired_event(const TriggerData *trigdata)
{
	if (TRIGGER_FIRED_BY_INSERT(trigdata->tg_event))
		return GATE_INSERT;
	if (TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event))
		return GATE_UPDATE;
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("trigger \"%s\" must fire on INSERT or UPDATE", trigdata->tg_trigger->tgname),
			 errhint("Let aipipe.gate_create() attach gates.")));
	return GATE_INSERT;
}

/*
 * Says whether an INSERT row trigger fires only because an UPDATE moves the row
 * to another partition: then this gate's UPDATE is open at the same trigger
 * depth, and no INSERT.
 */
static bool
is_moved_row(int64 gate_id, GateEvent event)
{
	GateBatch  *update;

	if (event != GATE_INSERT)
		return false;
	update = batch_find(gate_id, GATE_UPDATE, false);
	return update != NULL && update->depth == gate_trigger_depth();
}

/* Gives a call without a batch: rows pass unjudged. */
static GateCall *
passing_call(MemoryContext context)
{
	return MemoryContextAllocZero(context, sizeof(GateCall));
}

/*
 * Finds the batch that rows of this statement and table belong to, or opens an
 * implicit one, which reads the gate and its model anew for each statement.
 */
static GateBatch *
batch_for_rows(int64 gate_id, Relation rel, GateEvent event, const Gate **gate, MemoryContext context)
{
	GateBatch  *batch = batch_find(gate_id, event, false);
	MemoryContext old;

	if (batch != NULL)
	{
		*gate = batch->gate;
		return batch;
	}
	batch = batch_find(gate_id, event, true);
	if (batch == NULL)
		batch = batch_open(gate_id, rel, event, true);
	old = MemoryContextSwitchTo(context);
	*gate = gate_read(gate_id);
	MemoryContextSwitchTo(old);
	return batch;
}

/* Sets up the judging of a statement's rows in one table. */
static GateCall *
begin_rows(const TriggerData *trigdata, GateEvent event, MemoryContext context)
{
	Relation	rel = trigdata->tg_relation;
	int64		gate_id = gate_trigger_id(trigdata->tg_trigger);
	const Gate *gate;
	GateBatch  *batch;

	if (gate_bypassed(rel))
		return passing_call(context);
	if (batch_find(gate_id, event, false) == NULL && is_moved_row(gate_id, event))
		return passing_call(context);

	batch = batch_for_rows(gate_id, rel, event, &gate, context);
	gate_check_call(gate, trigdata, "");
	if (gate->state == GATE_PAUSED)
		return passing_call(context);
	return gate_call_begin(batch, gate, rel, context);
}

/* Gives the statement's call for this event, set up at its first row. */
static GateCall *
rows_call(FmgrInfo *flinfo, const TriggerData *trigdata, GateEvent event)
{
	RowCalls   *calls = flinfo->fn_extra;

	if (calls == NULL)
	{
		calls = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(RowCalls));
		flinfo->fn_extra = calls;
	}
	if (calls->by_event[event] == NULL)
		calls->by_event[event] = begin_rows(trigdata, event, flinfo->fn_mcxt);
	return calls->by_event[event];
}

/* Gives the tuple with the score in its column; the tuple itself when the gate names none. */
static HeapTuple
with_score(const GateCall *call, HeapTuple tuple, double score)
{
	int			attnum = call->score.attnum;
	Datum		value;
	bool		isnull;

	if (attnum == InvalidAttrNumber)
		return tuple;
	value = score_column_datum(&call->score, score, &isnull);
	return heap_modify_tuple_by_cols(tuple, call->desc, 1, &attnum, &value, &isnull);
}

/* Judges one row; gives the tuple that goes on, or NULL when the row leaves. */
static HeapTuple
judge_row(GateCall *call, TupleTableSlot *slot, HeapTuple tuple)
{
	GateRow		row;
	GateDecision decision;
	GateVerdict verdict;

	if (call->profile != NULL)
		profile_row(call, slot);
	gate_reset(call);
	gate_add(call, 0, slot, &row);
	gate_run(call);
	verdict = gate_judge(call, &row, &decision);
	batch_count(call->batch, verdict.action, verdict.score);
	if (verdict.action != GATE_ACCEPT)
		batch_decide(call->batch, &decision);
	if (call->shadow != NULL)
		shadow_record(call, 0);
	if (verdict.action == GATE_QUARANTINE)
		return NULL;
	return with_score(call, tuple, verdict.score);
}

/* Serves a BEFORE ROW trigger. */
static HeapTuple
row_trigger(FmgrInfo *flinfo, const TriggerData *trigdata)
{
	GateEvent	event = fired_event(trigdata);
	bool		insert = event == GATE_INSERT;
	HeapTuple	tuple = insert ? trigdata->tg_trigtuple : trigdata->tg_newtuple;
	GateCall   *call = rows_call(flinfo, trigdata, event);

	if (call->batch == NULL)
		return tuple;
	call->old = insert ? NULL : trigdata->tg_trigslot;
	return judge_row(call, insert ? trigdata->tg_trigslot : trigdata->tg_newslot, tuple);
}

/* Serves a BEFORE STATEMENT trigger: opens the batch. */
static void
open_trigger(const TriggerData *trigdata)
{
	GateEvent	event = fired_event(trigdata);
	GateBatch  *batch;

	if (gate_bypassed(trigdata->tg_relation))
		return;
	batch = batch_open(gate_trigger_id(trigdata->tg_trigger), trigdata->tg_relation, event, false);
	gate_check_call(batch->gate, trigdata, "_open");
}

/* Serves an AFTER STATEMENT trigger without rows: closes the batch. */
static void
close_trigger(const TriggerData *trigdata)
{
	GateBatch  *batch;

	if (gate_bypassed(trigdata->tg_relation))
		return;
	batch = batch_find(gate_trigger_id(trigdata->tg_trigger), fired_event(trigdata), false);
	if (batch == NULL)
		return;
	gate_check_call(batch->gate, trigdata, "_close");
	batch_close(batch);
}

/* The trigger function of every gate. */
Datum
aipipe_gate_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	bool		before;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("aipipe.gate_trigger() must be called by a trigger")));
	before = TRIGGER_FIRED_BEFORE(trigdata->tg_event);

	if (before && TRIGGER_FIRED_FOR_ROW(trigdata->tg_event))
		return PointerGetDatum(row_trigger(fcinfo->flinfo, trigdata));
	if (before)
		open_trigger(trigdata);
	else if (TRIGGER_FIRED_FOR_ROW(trigdata->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" must fire BEFORE ROW or FOR STATEMENT", trigdata->tg_trigger->tgname),
				 errhint("Let aipipe.gate_create() attach gates.")));
	else if (trigdata->tg_newtable != NULL)
		gate_judge_statement(trigdata);
	else
		close_trigger(trigdata);
	return PointerGetDatum(NULL);
}
