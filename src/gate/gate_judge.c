/*-------------------------------------------------------------------------
 *
 * gate_judge.c
 *	  From a row to a verdict.
 *
 * The set-up (version check, rights, champion, binding) happens once a
 * statement and relation.  After it, the hot path is: encode, score, compare.
 *
 * A failure on the model's side follows the gate's on_error policy instead of
 * failing the load.  Errors are only ever caught around a subtransaction: one
 * for the set-up, one for the evidence (reasons, row image) of a row that
 * is not accepted, and one a row only when a column's type has output code that
 * may raise errors.  With on_error = 'reject' nothing is caught.  A cancel, an
 * exhausted resource or a conflict between transactions is never swallowed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/attempt.h"
#include "core/key.h"
#include "core/rowjson.h"
#include "core/source.h"
#include "core/version.h"
#include "gate/gate.h"

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
static char *
run_step(const GateCall *call, GateStep step, void *arg)
{
	if (call->gate->on_error != GATE_REJECT)
		return gate_try(step, arg);
	step(arg);
	return NULL;
}

/* Says whether encoding a value of the type runs no code that could raise an error. */
static bool
type_is_harmless(Oid type)
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

		if (attnum != InvalidAttrNumber && !type_is_harmless(TupleDescAttr(desc, attnum - 1)->atttypid))
			return true;
	}
	return false;
}

/* Resolves the champion once a statement and binds it to the relation's rows. */
static void
set_up(void *arg)
{
	GateCall   *call = arg;
	GateBatch  *batch = call->batch;
	const ModelVersion *version;

	if (call->gate->score_column != NULL)
		score_column_find(&call->score, call->gate->score_column, call->relation, call->desc);
	core_check_version();
	if (!batch->resolved)
	{
		batch->ref = registry_resolve(call->gate->detector, MODEL_CHAMPION, MODEL_PREDICT, call->gate->owner);
		batch->resolved = true;
	}
	version = cache_acquire(&batch->ref, call->context);
	scorer_check_single(version);
	call->guarded = call->gate->on_error != GATE_REJECT && needs_guard(version->encoder, call->desc);
	call->scorer = scorer_create(version, call->desc, call->context);
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
	call->error = run_step(call, set_up, call);
	if (call->error != NULL)
		call->scorer = NULL;
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

/* Encodes a row as the next of the scorer's block; gives NULL, or why it could not. */
char *
gate_add(GateCall *call, TupleTableSlot *slot)
{
	Scorer	   *scorer = call->scorer;
	AddStep		step = {scorer, slot};
	int			nrows = scorer->nrows;
	char	   *failure;

	slot_getsomeattrs(slot, scorer->last_attno);
	if (!call->guarded)
	{
		scorer_add(scorer, slot->tts_values, slot->tts_isnull);
		return NULL;
	}
	failure = gate_try(add_row, &step);
	if (failure != NULL)
		scorer->nrows = nrows;
	return failure;
}

typedef struct ScoreStep
{
	const ScoreColumn *column;
	double		score;
} ScoreStep;

/* Forms a value of the score column, as a step that may fail. */
static void
form_score(void *arg)
{
	const ScoreStep *step = arg;
	bool		isnull;

	(void) score_column_datum(step->column, step->score, &isnull);
}

/* Gives NULL when the score column can take the score, or why it cannot. */
static char *
check_score(const GateCall *call, double score)
{
	ScoreStep	step = {&call->score, score};
	char	   *failure;

	if (!call->score.narrow)
		return NULL;
	if (call->score.type == FLOAT4OID && fabs(score) <= FLT_MAX)
		return NULL;
	failure = run_step(call, form_score, &step);
	return failure ? psprintf("score column \"%s\" cannot take score %.6g: %s", call->gate->score_column, score, failure) : NULL;
}

/* Gives the row as jsonb, with the score in its column. */
static Jsonb *
row_image(const GateCall *call, TupleTableSlot *slot, double score)
{
	Datum	   *values;
	bool	   *nulls;

	slot_getallattrs(slot);
	if (call->score.attnum == InvalidAttrNumber)
		return rowjson_build(call->desc, slot->tts_values, slot->tts_isnull);
	values = palloc(mul_size(sizeof(Datum), call->desc->natts));
	nulls = palloc(mul_size(sizeof(bool), call->desc->natts));
	memcpy(values, slot->tts_values, mul_size(sizeof(Datum), call->desc->natts));
	memcpy(nulls, slot->tts_isnull, mul_size(sizeof(bool), call->desc->natts));
	values[call->score.attnum - 1] = score_column_datum(&call->score, score, &nulls[call->score.attnum - 1]);
	return rowjson_build(call->desc, values, nulls);
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

/* Gives the row's key as jsonb, or NULL when the table has none. */
static Jsonb *
row_key(GateCall *call, TupleTableSlot *slot)
{
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];

	if (!gate_call_key(call))
		return NULL;
	slot_getallattrs(slot);
	for (int i = 0; i < call->key_desc->natts; i++)
	{
		values[i] = slot->tts_values[call->keys[i] - 1];
		nulls[i] = slot->tts_isnull[call->keys[i] - 1];
	}
	return rowjson_build(call->key_desc, values, nulls);
}

/*
 * Fills a decision's common part.  A mark keeps the whole row only when no key
 * names it; a quarantined update keeps the key of the row that stays.
 */
static void
describe_row(GateCall *call, TupleTableSlot *slot, GateAction action, double score,
			 GateDecision *decision)
{
	decision->action = action;
	decision->schema = call->schema;
	decision->relation = call->relation;
	decision->score = score;
	decision->model_version = call->scorer ? call->scorer->version->version : 0;
	decision->key = row_key(call, action == GATE_QUARANTINE && call->old ? call->old : slot);
	if (action == GATE_QUARANTINE || decision->key == NULL)
		decision->row = row_image(call, slot, score);
}

typedef struct EvidenceStep
{
	GateCall   *call;
	int			i;
	TupleTableSlot *slot;
	double		score;
	GateDecision *decision;
	StringInfoData reasons;		/* for a message */
} EvidenceStep;

/*
 * Collects key, image and reasons of a row that is marked or quarantined.
 * Reasons cost some hundred times what the score does, so only the first decisions
 * of a batch have them: a feed that went wrong as a whole must not stall the load.
 */
static void
collect_evidence(void *arg)
{
	EvidenceStep *step = arg;
	GateCall   *call = step->call;
	char	   *reasons = "[]";

	describe_row(call, step->slot, call->gate->on_anomaly, step->score, step->decision);
	slot_getallattrs(step->slot);
	if (call->gate->reasons > 0 && call->batch->explained >= call->gate->explain_limit)
		reasons = psprintf("[{\"note\": \"not explained: the gate explains %d rows of a batch\"}]", call->gate->explain_limit);
	else if (call->gate->reasons > 0)
	{
		reasons = scorer_reasons(call->scorer, step->i, step->slot->tts_values, step->slot->tts_isnull,
								 call->gate->reasons);
		call->batch->explained++;
	}
	step->decision->reasons = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(reasons)));
}

/* Collects the reasons of a row that is rejected as one line of text. */
static void
collect_reasons(void *arg)
{
	EvidenceStep *step = arg;
	int			n;
	int			shown = 0;
	Contribution *found;

	slot_getallattrs(step->slot);
	found = scorer_explain(step->call->scorer, step->i, step->slot->tts_values, step->slot->tts_isnull, &n);
	for (int c = 0; c < n && shown < step->call->gate->reasons; c++)
	{
		if (found[c].column < 0 || found[c].contribution <= 0)
			continue;
		appendStringInfo(&step->reasons, "%s%s = %s", shown++ ? "; " : ": ", found[c].name,
						 found[c].value ? found[c].value : "NULL");
		if (found[c].expected)
			appendStringInfo(&step->reasons, " (expected %s)", found[c].expected);
	}
}

/* Ends the statement because of one row. */
static void
reject_row(EvidenceStep *step)
{
	const GateCall *call = step->call;

	initStringInfo(&step->reasons);
	(void) gate_try(collect_reasons, step);
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("gate " INT64_FORMAT " rejects a row of table \"%s\"", call->gate->id, call->relation),
			 errdetail("Score %.6g of model \"%s\" reaches threshold %.6g%s.", step->score,
					   call->gate->detector, call->gate->threshold, step->reasons.data)));
}

/* Remembers a failure and warns of a batch's first one. */
static void
note_failure(const GateCall *call, const char *failure)
{
	GateBatch  *batch = call->batch;

	batch->errors++;
	if (batch->error != NULL)
		return;
	batch->error = MemoryContextStrdup(batch->context, failure);
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("gate " INT64_FORMAT " could not judge rows of table \"%s\"", call->gate->id, call->relation),
			 errdetail("The error was: %s.", failure),
			 errhint("The gate's on_error policy applies: %s.", gate_action_name(call->gate->on_error))));
}

/* Collects key and image of a row that is held because it could not be judged. */
static void
collect_failed_row(void *arg)
{
	EvidenceStep *step = arg;

	describe_row(step->call, step->slot, GATE_QUARANTINE, NAN, step->decision);
}

/* Fills the decision on a row that is held because of a failure; a row that cannot be kept ends the statement. */
static void
hold_failed_row(GateCall *call, const char *failure, TupleTableSlot *slot, GateDecision *decision)
{
	EvidenceStep step = {call, 0, slot, NAN, decision};
	StringInfoData reasons;
	char	   *cause;

	memset(decision, 0, sizeof(GateDecision));
	cause = gate_try(collect_failed_row, &step);
	if (cause != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("gate " INT64_FORMAT " can neither judge nor hold a row of table \"%s\"", call->gate->id, call->relation),
				 errdetail("The row cannot be kept as jsonb: %s. Judging it had failed with: %s.", cause, failure),
				 errhint("A gate whose on_error is 'accept' lets such rows land.")));
	initStringInfo(&reasons);
	appendStringInfoString(&reasons, "[{\"error\": ");
	escape_json(&reasons, failure);
	appendStringInfoString(&reasons, "}]");
	decision->reasons = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(reasons.data)));
}

/* Gives the verdict on a row that could not be judged. */
static GateVerdict
judge_failure(GateCall *call, const char *failure, TupleTableSlot *slot, GateDecision *decision)
{
	GateVerdict verdict = {call->gate->on_error, NAN};

	if (call->gate->on_error == GATE_REJECT)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("gate " INT64_FORMAT " could not judge a row of table \"%s\"", call->gate->id, call->relation),
				 errdetail("The error was: %s.", failure)));
	note_failure(call, failure);
	if (call->gate->on_error == GATE_QUARANTINE)
		hold_failed_row(call, failure, slot, decision);
	return verdict;
}

/*
 * Gives the verdict on row i of the scored block, whose tuple is in the slot,
 * or on a row that failed.  A mark or quarantine fills the decision, in the
 * current context; a rejection is an error.  The caller counts.
 */
GateVerdict
gate_judge(GateCall *call, int i, const char *failure, TupleTableSlot *slot, GateDecision *decision)
{
	GateVerdict verdict = {GATE_ACCEPT, NAN};
	EvidenceStep step = {call, i, slot};

	if (call->scorer == NULL)
		failure = call->error;
	if (failure != NULL)
		return judge_failure(call, failure, slot, decision);

	verdict.score = scorer_value(call->scorer, i);
	if (isnan(verdict.score))
		return judge_failure(call, "the model's score is not a number", slot, decision);
	failure = check_score(call, verdict.score);
	if (failure != NULL)
		return judge_failure(call, failure, slot, decision);
	if (verdict.score < call->gate->threshold || call->gate->on_anomaly == GATE_ACCEPT)
		return verdict;

	step.score = verdict.score;
	if (call->gate->on_anomaly == GATE_REJECT)
		reject_row(&step);
	memset(decision, 0, sizeof(GateDecision));
	step.decision = decision;
	failure = run_step(call, collect_evidence, &step);
	if (failure != NULL)
		return judge_failure(call, failure, slot, decision);
	verdict.action = call->gate->on_anomaly;
	return verdict;
}
