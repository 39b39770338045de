/*-------------------------------------------------------------------------
 *
 * gate_judge.c
 *	  From a scored row to a verdict.
 *
 * The score of the version that serves the row decides.  A failure on the model's
 * side follows the gate's on_error policy instead of failing the load; evidence
 * (reasons, row image) is collected in a subtransaction for a row that is not
 * accepted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "core/rowjson.h"
#include "gate/gate.h"

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
	failure = gate_run_step(call, form_score, &step);
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
describe_row(GateCall *call, const GateRow *row, GateAction action, double score,
			 GateDecision *decision)
{
	decision->action = action;
	decision->schema = call->schema;
	decision->relation = call->relation;
	decision->score = score;
	decision->model_version = row->scorer ? row->scorer->version->version : 0;
	decision->threshold = row->scorer ? row->threshold : call->gate->threshold;
	decision->key = row_key(call, action == GATE_QUARANTINE && call->old ? call->old : row->slot);
	if (action == GATE_QUARANTINE || decision->key == NULL)
		decision->row = row_image(call, row->slot, score);
}

typedef struct EvidenceStep
{
	GateCall   *call;
	const GateRow *row;
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
	TupleTableSlot *slot = step->row->slot;
	char	   *reasons = "[]";

	describe_row(call, step->row, call->gate->on_anomaly, step->score, step->decision);
	slot_getallattrs(slot);
	if (call->gate->reasons > 0 && call->batch->explained >= call->gate->explain_limit)
		reasons = psprintf("[{\"note\": \"not explained: the gate explains %d rows of a batch\"}]", call->gate->explain_limit);
	else if (call->gate->reasons > 0)
	{
		reasons = scorer_reasons(step->row->scorer, step->row->place, slot->tts_values, slot->tts_isnull,
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
	TupleTableSlot *slot = step->row->slot;
	int			n;
	int			shown = 0;
	Contribution *found;

	slot_getallattrs(slot);
	found = scorer_explain(step->row->scorer, step->row->place, slot->tts_values, slot->tts_isnull, &n);
	for (int c = 0; c < n && shown < step->call->gate->reasons; c++)
	{
		char	   *expected;

		if (found[c].column < 0 || found[c].contribution <= 0)
			continue;
		appendStringInfo(&step->reasons, "%s%s = %s", shown++ ? "; " : ": ", found[c].name,
						 found[c].value ? found[c].value : "NULL");
		expected = scorer_expected(step->row->scorer, &found[c]);
		if (expected != NULL)
			appendStringInfo(&step->reasons, " (expected %s)", expected);
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
					   call->gate->detector, step->row->threshold, step->reasons.data)));
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

	describe_row(step->call, step->row, GATE_QUARANTINE, NAN, step->decision);
}

/* Fills the decision on a row that is held because of a failure; a row that cannot be kept ends the statement. */
static void
hold_failed_row(GateCall *call, const char *failure, const GateRow *row, GateDecision *decision)
{
	EvidenceStep step = {call, row, NAN, decision};
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
judge_failure(GateCall *call, const char *failure, const GateRow *row, GateDecision *decision)
{
	GateVerdict verdict = {call->gate->on_error, NAN};

	if (call->gate->on_error == GATE_REJECT)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("gate " INT64_FORMAT " could not judge a row of table \"%s\"", call->gate->id, call->relation),
				 errdetail("The error was: %s.", failure)));
	note_failure(call, failure);
	if (call->gate->on_error == GATE_QUARANTINE)
		hold_failed_row(call, failure, row, decision);
	return verdict;
}

/*
 * Gives the verdict on a row of the scored block, or on one that failed.  A mark
 * or quarantine fills the decision, in the current context; a rejection is an
 * error.  The caller counts.
 */
GateVerdict
gate_judge(GateCall *call, const GateRow *row, GateDecision *decision)
{
	GateVerdict verdict = {GATE_ACCEPT, NAN};
	EvidenceStep step = {call, row};
	const char *failure;

	if (call->gate->detector == NULL)
		return verdict;
	if (row->failure != NULL)
		return judge_failure(call, row->failure, row, decision);

	verdict.score = scorer_value(row->scorer, row->place);
	if (isnan(verdict.score))
		return judge_failure(call, "the model's score is not a number", row, decision);
	failure = check_score(call, verdict.score);
	if (failure != NULL)
		return judge_failure(call, failure, row, decision);
	if (verdict.score < row->threshold || call->gate->on_anomaly == GATE_ACCEPT)
		return verdict;

	step.score = verdict.score;
	if (call->gate->on_anomaly == GATE_REJECT)
		reject_row(&step);
	memset(decision, 0, sizeof(GateDecision));
	step.decision = decision;
	failure = gate_run_step(call, collect_evidence, &step);
	if (failure != NULL)
		return judge_failure(call, failure, row, decision);
	verdict.action = call->gate->on_anomaly;
	return verdict;
}
