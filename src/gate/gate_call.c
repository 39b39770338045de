/*-------------------------------------------------------------------------
 *
 * gate_call.c
 *	  One statement's judging of one relation's rows: set-up and scoring.
 *
 * The set-up (version check, rights, which versions serve, binding) happens once a
 * statement and relation.  After it, the hot path is: encode, score, compare.
 *
 * Errors are only ever caught around a subtransaction: one for the set-up, one
 * for the evidence of a row that is not accepted, and one a row only when a
 * column's type has output code that may raise errors.  With on_error = 'reject'
 * nothing that serves is caught.  A cancel, an exhausted resource or a conflict
 * between transactions is never swallowed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/table.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/attempt.h"
#include "core/key.h"
#include "core/source.h"
#include "gate/gate.h"
#include "learn/flag.h"

/* Runs a step in a subtransaction; gives NULL, or the message of the error that it ended with. */
char *
gate_try(GateStep step, void *arg)
{
	ErrorData  *error = attempt_run(step, arg);

	if (error == NULL)
		return NULL;
	if (attempt_must_go_on(error))
		ReThrowError(error);
	return error->message ? error->message : pstrdup("unknown error");
}

/* Runs a step under the gate's error policy; gives NULL, or the message of the error. */
char *
gate_run_step(const GateCall *call, GateStep step, void *arg)
{
	if (call->gate->on_error != GATE_REJECT)
		return gate_try(step, arg);
	step(arg);
	return NULL;
}

/* Says whether encoding a value of the type runs no code that could raise an error. */
bool
gate_type_is_harmless(Oid type)
{
	switch (getBaseType(type))
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case DATEOID:
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case INTERVALOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
		case CHAROID:
		case UUIDOID:
		case INETOID:
		case CIDROID:
		case BYTEAOID:
		case JSONBOID:
			return true;
		default:
			return type_is_enum(type) || OidIsValid(get_element_type(type));
	}
}

/* Says whether a bound column's type may raise errors while it is encoded. */
static bool
needs_guard(const Encoder *encoder, TupleDesc desc)
{
	for (int i = 0; i < encoder->ncolumns; i++)
	{
		AttrNumber	attnum = source_column(desc, encoder->columns[i].name);

		if (attnum != InvalidAttrNumber && !gate_type_is_harmless(TupleDescAttr(desc, attnum - 1)->atttypid))
			return true;
	}
	return false;
}

/* Says whether a column has no value yet, or none at all, in the rows that the gate judges. */
bool
gate_lacks_column(const Gate *gate, Form_pg_attribute att)
{
	return att->attgenerated != '\0' && !(gate->statement && att->attgenerated == ATTRIBUTE_GENERATED_STORED);
}

/* Adds to an error why gate_lacks_column() is so. */
int
gate_generated_detail(const Gate *gate)
{
	if (gate->statement)
		return errdetail("Virtual generated columns are computed by queries and not in the stored rows, which a gate judges.");
	return errdetail("Generated columns are not computed yet when row timing judges a row.");
}

/* Ends with an error when the model reads a column that the gate's rows do not have. */
void
gate_check_generated(const Gate *gate, TupleDesc desc, const Encoder *encoder)
{
	for (int i = 0; i < encoder->ncolumns; i++)
	{
		AttrNumber	attnum = source_column(desc, encoder->columns[i].name);

		if (attnum != InvalidAttrNumber && gate_lacks_column(gate, TupleDescAttr(desc, attnum - 1)))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("model \"%s\" reads generated column \"%s\"", gate->detector, encoder->columns[i].name),
					 gate_generated_detail(gate),
					 gate->statement ? errhint("Train the model without the column.")
					 : errhint("Use timing 'statement', or train the model without the column.")));
	}
}

/* Gives the score from which on a version decides on rows: the gate's threshold, else the version's own, else the task's usual one. */
double
gate_threshold(const Gate *gate, const ModelVersion *version)
{
	if (!isnan(gate->threshold))
		return gate->threshold;
	if (!isnan(version->threshold))
		return version->threshold;
	if (version->task == TASK_ANOMALY)
		return FLAG_DEFAULT_SEVERITY;
	if (version->task == TASK_CLASSIFICATION)
		return 0.5;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a gate with a %s model needs a threshold", algorithm_task_name(version->task)),
			 errdetail("Rows whose predicted value reaches it are decided on.")));
}

/* Binds a version to the relation's rows. With always_guard, encoding is guarded whatever the error policy. */
void
gate_version_bind(const GateCall *call, const ModelRef *ref, bool always_guard, GateVersion *version)
{
	const ModelVersion *loaded = cache_acquire(ref, call->context);

	scorer_check_single(loaded);
	gate_check_generated(call->gate, call->desc, loaded->encoder);
	version->threshold = gate_threshold(call->gate, loaded);
	version->guarded = (always_guard || call->gate->on_error != GATE_REJECT) && needs_guard(loaded->encoder, call->desc);
	version->scorer = scorer_create(loaded, call->desc, call->context);
}

/* Gives the versions of the gate's model: resolved once a statement, so once for all relations of its batch. */
static const Serving *
serving_of_batch(GateCall *call)
{
	GateBatch  *batch = call->batch;
	MemoryContext old;
	Serving    *serving;

	if (batch->serving != NULL)
		return batch->serving;
	old = MemoryContextSwitchTo(batch->implicit ? call->context : batch->context);
	serving = serving_resolve(call->gate->detector, MODEL_PREDICT, call->gate->owner);
	MemoryContextSwitchTo(old);
	if (!batch->implicit)
		batch->serving = serving;
	batch->model_version = serving->versions[serving->champion].ref.version;
	return serving;
}

/* Resolves what serves and binds the champion to the relation's rows. */
static void
set_up(void *arg)
{
	GateCall   *call = arg;

	if (call->gate->score_column != NULL)
		score_column_find(&call->score, call->gate->score_column, call->relation, call->desc);
	call->serving = serving_of_batch(call);
	gate_version_bind(call, &call->serving->versions[call->serving->champion].ref, false, &call->champion);
	call->batch->threshold = call->champion.threshold;
}

/* Sets up the judging of rows of one relation in a child of the given context. */
GateCall *
gate_call_begin(GateBatch *batch, const Gate *gate, Relation rel, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "aipipe gate call", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	GateCall   *call = palloc0(sizeof(GateCall));

	call->context = context;
	call->batch = batch;
	call->gate = gate;
	call->desc = RelationGetDescr(rel);
	call->relid = RelationGetRelid(rel);
	gate_name_target(gate, rel, &call->schema, &call->relation);
	call->profile = profile_rows_of(call);
	if (gate->detector != NULL)
		call->champion.error = gate_run_step(call, set_up, call);
	if (call->champion.error != NULL)
		call->champion.scorer = NULL;
	if (call->serving != NULL)
		call->shadow = shadow_begin(call);
	MemoryContextSwitchTo(old);
	return call;
}

typedef struct AddStep
{
	Scorer	   *scorer;
	TupleTableSlot *slot;
} AddStep;

/* Encodes one row, as a step that may fail. */
static void
add_row(void *arg)
{
	AddStep    *step = arg;

	scorer_add(step->scorer, step->slot->tts_values, step->slot->tts_isnull);
}

/* Encodes a row as the next of a version's block, and says in the row where it is or why it is not. */
void
gate_version_add(const GateVersion *version, TupleTableSlot *slot, GateRow *row)
{
	Scorer	   *scorer = version->scorer;
	AddStep		step = {scorer, slot};

	row->slot = slot;
	row->scorer = scorer;
	row->failure = version->error;
	row->threshold = version->threshold;
	if (scorer == NULL)
		return;
	row->place = scorer->nrows;
	slot_getsomeattrs(slot, scorer->last_attno);
	if (!version->guarded)
	{
		scorer_add(scorer, slot->tts_values, slot->tts_isnull);
		return;
	}
	row->failure = gate_try(add_row, &step);
	if (row->failure != NULL)
		scorer->nrows = row->place;
}

/* Empties the block. */
void
gate_reset(GateCall *call)
{
	if (call->shadow != NULL)
		shadow_reset(call->shadow);
	else if (call->champion.scorer != NULL)
		scorer_reset(call->champion.scorer);
}

/* Takes a row as the block's n-th, for the version that serves it. */
void
gate_add(GateCall *call, int n, TupleTableSlot *slot, GateRow *row)
{
	if (call->shadow != NULL)
		shadow_add(call, n, slot, row);
	else
		gate_version_add(&call->champion, slot, row);
}

/* Scores the rows of the block. */
void
gate_run(GateCall *call)
{
	if (call->shadow != NULL)
		shadow_run(call->shadow);
	else if (call->champion.scorer != NULL)
		scorer_run(call->champion.scorer);
}

/* Finds the table's key at its first need; says whether there is one. */
bool
gate_call_key(GateCall *call)
{
	if (!call->key_sought)
	{
		MemoryContext old = MemoryContextSwitchTo(call->context);
		Relation	rel = table_open(call->relid, NoLock);
		int			nkeys = key_find(rel, &call->keys);

		if (nkeys > 0)
			call->key_desc = key_row_desc(call->desc, call->keys, nkeys);
		table_close(rel, NoLock);
		MemoryContextSwitchTo(old);
		call->key_sought = true;
	}
	return call->key_desc != NULL;
}

