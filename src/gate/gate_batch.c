/*-------------------------------------------------------------------------
 *
 * gate_batch.c
 *	  Batches that are being judged, and what becomes of them.
 *
 * Row timing opens a batch in the BEFORE STATEMENT trigger and closes it in the
 * AFTER STATEMENT trigger.  Statements nest (a trigger's function may load the
 * same table), so open batches form a stack; a row belongs to the topmost one
 * of its gate and event that was opened in its own subtransaction.
 *
 * Where no statement trigger fires (apply of logical replication, a direct load
 * into a partition that carries none), the first row opens an implicit batch.
 * Its decisions are written at once, and the batch itself before commit, with the
 * predictions that still wait.
 *
 * A batch belongs to the subtransaction that opened it: an abort forgets it, as
 * the abort undoes its rows; a commit hands it to the parent.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "core/writer.h"
#include "gate/gate.h"

/* Decisions are written when this much of them waits. */
#define BATCH_MAX_BYTES (1024 * 1024)

static GateBatch *open_batches = NULL;

static const char *const decision_columns[] = {
	"id", "gate", "batch", "schema_name", "relation_name", "event", "decision", "key", "row",
	"score", "threshold", "reasons", "model", "model_version", "role", "decided_at", "state"
};

static const char *const batch_columns[] = {
	"id", "gate", "schema_name", "relation_name", "event", "role", "started_at", "duration_ms",
	"rows", "accepted", "marked", "quarantined", "errors", "error", "score_min", "score_mean",
	"score_max", "threshold", "model", "model_version", "recorded", "shadow_errors", "shadow_error"
};

/* Gives how many triggers deep the current call is. */
int
gate_trigger_depth(void)
{
	LOCAL_FCINFO(fcinfo, 0);

	InitFunctionCallInfoData(*fcinfo, NULL, 0, InvalidOid, NULL, NULL);
	return DatumGetInt32(pg_trigger_depth(fcinfo));
}

/* Opens a batch of a gate for rows of the relation. */
GateBatch *
batch_open(int64 gate_id, Relation rel, GateEvent event, bool implicit)
{
	MemoryContext context = AllocSetContextCreate(TopTransactionContext, "aipipe gate batch",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	GateBatch  *batch = palloc0(sizeof(GateBatch));

	batch->context = context;
	batch->gate = gate_read(gate_id);
	gate_name_target(batch->gate, rel, &batch->schema, &batch->relation);
	batch->event = event;
	batch->depth = gate_trigger_depth();
	batch->subid = GetCurrentSubTransactionId();
	batch->implicit = implicit;
	batch->role = GetUserNameFromId(GetUserId(), false);
	batch->started = GetCurrentTimestamp();
	batch->threshold = batch->gate->threshold;
	batch->waiting = AllocSetContextCreate(context, "aipipe gate decisions", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(old);

	batch->below = open_batches;
	open_batches = batch;
	return batch;
}

/* Gives the topmost open batch of a gate and event in this subtransaction, or NULL. */
GateBatch *
batch_find(int64 gate_id, GateEvent event, bool implicit)
{
	SubTransactionId subid = GetCurrentSubTransactionId();

	for (GateBatch *batch = open_batches; batch != NULL; batch = batch->below)
	{
		if (batch->gate->id == gate_id && batch->event == event &&
			batch->implicit == implicit && batch->subid == subid)
			return batch;
	}
	return NULL;
}

/* Gives the batch its id at the first need of it. */
int64
batch_id(GateBatch *batch)
{
	if (batch->id == 0)
		batch->id = writer_next_id("batch_data_id_seq");
	return batch->id;
}

/* Gives an event's word. */
const char *
gate_event_name(GateEvent event)
{
	return event == GATE_INSERT ? "INSERT" : "UPDATE";
}

/* Writes one decision through an open writer. */
static void
put_decision(Writer *writer, GateBatch *batch, const GateDecision *decision)
{
	Datum		values[lengthof(decision_columns)];
	bool		nulls[lengthof(decision_columns)] = {0};
	bool		held = decision->action == GATE_QUARANTINE;

	values[0] = Int64GetDatum(writer_next_id("decision_data_id_seq"));
	values[1] = Int64GetDatum(batch->gate->id);
	values[2] = Int64GetDatum(batch_id(batch));
	values[3] = CStringGetTextDatum(decision->schema);
	values[4] = CStringGetTextDatum(decision->relation);
	values[5] = CStringGetTextDatum(gate_event_name(batch->event));
	values[6] = CStringGetTextDatum(gate_action_name(decision->action));
	values[7] = PointerGetDatum(decision->key);
	nulls[7] = decision->key == NULL;
	values[8] = PointerGetDatum(decision->row);
	nulls[8] = decision->row == NULL;
	values[9] = Float8GetDatum(decision->score);
	nulls[9] = decision->score != decision->score;
	values[10] = Float8GetDatum(decision->threshold);
	nulls[10] = decision->threshold != decision->threshold;
	values[11] = PointerGetDatum(decision->reasons);
	values[12] = CStringGetTextDatum(batch->gate->detector);
	values[13] = Int32GetDatum(decision->model_version);
	nulls[13] = decision->model_version == 0;
	values[14] = CStringGetTextDatum(batch->role);
	values[15] = TimestampTzGetDatum(decision->at);
	values[16] = held ? CStringGetTextDatum("held") : (Datum) 0;
	nulls[16] = !held;
	writer_put(writer, values, nulls);
}

/* Writes the decisions that wait. */
static void
flush_decisions(GateBatch *batch)
{
	MemoryContext old;
	Writer	   *writer;
	ListCell   *cell;

	if (batch->decisions == NIL)
		return;
	old = MemoryContextSwitchTo(batch->waiting);
	writer = writer_open("decision_data", lengthof(decision_columns), decision_columns, batch->waiting);
	foreach(cell, batch->decisions)
		put_decision(writer, batch, lfirst(cell));
	writer_close(writer);
	MemoryContextSwitchTo(old);

	batch->decisions = NIL;
	batch->bytes = 0;
	MemoryContextReset(batch->waiting);
}

/* Copies a jsonb value, NULL allowed, and adds up its size. */
static Jsonb *
copy_jsonb(const Jsonb *value, Size *bytes)
{
	Jsonb	   *copy;

	if (value == NULL)
		return NULL;
	copy = palloc(VARSIZE(value));
	memcpy(copy, value, VARSIZE(value));
	*bytes = add_size(*bytes, VARSIZE(value));
	return copy;
}

/* Takes a copy of a decision; an implicit batch writes it at once. */
void
batch_decide(GateBatch *batch, const GateDecision *decision)
{
	MemoryContext old = MemoryContextSwitchTo(batch->waiting);
	GateDecision *copy = palloc(sizeof(GateDecision));

	*copy = *decision;
	copy->schema = pstrdup(decision->schema);
	copy->relation = pstrdup(decision->relation);
	copy->key = copy_jsonb(decision->key, &batch->bytes);
	copy->row = copy_jsonb(decision->row, &batch->bytes);
	copy->reasons = copy_jsonb(decision->reasons, &batch->bytes);
	copy->at = GetCurrentTimestamp();
	batch->decisions = lappend(batch->decisions, copy);
	MemoryContextSwitchTo(old);

	if (batch->implicit || batch->bytes >= BATCH_MAX_BYTES)
		flush_decisions(batch);
}

/* Writes the batch's own row. */
static void
write_batch(GateBatch *batch)
{
	Datum		values[lengthof(batch_columns)];
	bool		nulls[lengthof(batch_columns)] = {0};
	double		duration = (GetCurrentTimestamp() - batch->started) / 1000.0;
	Writer	   *writer;

	values[0] = Int64GetDatum(batch_id(batch));
	values[1] = Int64GetDatum(batch->gate->id);
	values[2] = CStringGetTextDatum(batch->schema);
	values[3] = CStringGetTextDatum(batch->relation);
	values[4] = CStringGetTextDatum(gate_event_name(batch->event));
	values[5] = CStringGetTextDatum(batch->role);
	values[6] = TimestampTzGetDatum(batch->started);
	values[7] = Float8GetDatum(duration);
	values[8] = Int64GetDatum(batch->rows);
	values[9] = Int64GetDatum(batch->accepted);
	values[10] = Int64GetDatum(batch->marked);
	values[11] = Int64GetDatum(batch->quarantined);
	values[12] = Int64GetDatum(batch->errors);
	values[13] = batch->error ? CStringGetTextDatum(batch->error) : (Datum) 0;
	nulls[13] = batch->error == NULL;
	nulls[14] = nulls[15] = nulls[16] = batch->scored == 0;
	values[14] = Float8GetDatum(batch->score_min);
	values[15] = Float8GetDatum(batch->scored == 0 ? 0 : batch->score_sum / batch->scored);
	values[16] = Float8GetDatum(batch->score_max);
	values[17] = Float8GetDatum(batch->threshold);
	nulls[17] = batch->threshold != batch->threshold;
	values[18] = batch->gate->detector ? CStringGetTextDatum(batch->gate->detector) : (Datum) 0;
	nulls[18] = batch->gate->detector == NULL;
	values[19] = Int32GetDatum(batch->model_version);
	nulls[19] = batch->model_version == 0;
	values[20] = Int64GetDatum(batch->recorded);
	values[21] = Int64GetDatum(batch->shadow_errors);
	values[22] = batch->shadow_error ? CStringGetTextDatum(batch->shadow_error) : (Datum) 0;
	nulls[22] = batch->shadow_error == NULL;

	writer = writer_open("batch_data", lengthof(batch_columns), batch_columns, batch->context);
	writer_put(writer, values, nulls);
	writer_close(writer);
}

/* Takes a batch off the stack and frees it. */
static void
forget_batch(GateBatch *batch)
{
	GateBatch **link = &open_batches;

	while (*link != batch)
		link = &(*link)->below;
	*link = batch->below;
	MemoryContextDelete(batch->context);
}

/* Writes what the batch still holds, and the batch itself unless it saw no row. */
void
batch_close(GateBatch *batch)
{
	MemoryContext old = MemoryContextSwitchTo(batch->context);

	flush_decisions(batch);
	log_flush(batch);
	profile_close(batch);
	if (batch->rows > 0)
		write_batch(batch);
	MemoryContextSwitchTo(old);
	forget_batch(batch);
}

/* Writes all batches that are still open, before the transaction commits or is prepared. */
static void
close_all(void)
{
	if (open_batches == NULL)
		return;
	PushActiveSnapshot(GetTransactionSnapshot());
	while (open_batches != NULL)
		batch_close(open_batches);
	PopActiveSnapshot();
}

/* Ends batches with their transaction. */
static void
end_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			close_all();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_ABORT:
			open_batches = NULL;	/* their memory goes with the transaction */
			release_reset(InvalidSubTransactionId);
			break;
		default:
			break;
	}
}

/* Forgets the batches of an aborted subtransaction, or hands them to its parent. */
static void
end_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	GateBatch  *next;

	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	for (GateBatch *batch = open_batches; batch != NULL; batch = next)
	{
		next = batch->below;
		if (batch->subid != mine)
			continue;
		if (event == SUBXACT_EVENT_ABORT_SUB)
			forget_batch(batch);
		else
			batch->subid = parent;
	}
	if (event == SUBXACT_EVENT_ABORT_SUB)
		release_reset(mine);
}

/* Registers for transaction ends. */
void
batch_init(void)
{
	RegisterXactCallback(end_transaction, NULL);
	RegisterSubXactCallback(end_subtransaction, NULL);
}
