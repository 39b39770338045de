/*-------------------------------------------------------------------------
 *
 * predict.c
 *	  The scalar entry points: predict, class, probabilities, explanation.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "model/call.h"

PG_FUNCTION_INFO_V1(aipipe_model_predict);
PG_FUNCTION_INFO_V1(aipipe_model_predict_class);
PG_FUNCTION_INFO_V1(aipipe_model_predict_proba);
PG_FUNCTION_INFO_V1(aipipe_model_explain);
PG_FUNCTION_INFO_V1(aipipe_model_importance);

/* Ends with an error when the model has no classes. */
static void
check_classification(const ModelVersion *version)
{
	if (version->task != TASK_CLASSIFICATION)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("model \"%s\" has task %s and no classes", version->model,
						algorithm_task_name(version->task)),
				 errhint("Use aipipe.model_predict().")));
}

/* model_predict(model, row, version): probability of the positive class, value or severity. */
Datum
aipipe_model_predict(PG_FUNCTION_ARGS)
{
	ModelCall  *call = call_score(fcinfo, true, scorer_check_single);

	if (call == NULL)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(scorer_value(call->scorer, 0));
}

/* model_predict_class(model, row, version): the class that the version's threshold decides, or the most probable. */
Datum
aipipe_model_predict_class(PG_FUNCTION_ARGS)
{
	ModelCall  *call = call_score(fcinfo, true, check_classification);

	if (call == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(call->scorer->version->classes[scorer_class(call->scorer, 0)]));
}

/*
 * Set functions of a row keep their call state between executions in
 * flinfo->fn_extra; the executor's materialize mode leaves that field to us.
 */

/* model_predict_proba(model, row, version): every class with its probability. */
Datum
aipipe_model_predict_proba(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ModelCall  *call = call_score(fcinfo, true, check_classification);

	InitMaterializedSRF(fcinfo, 0);
	for (int c = 0; call != NULL && c < call->scorer->version->nclasses; c++)
	{
		Datum		values[2];
		bool		nulls[2] = {0};

		values[0] = CStringGetTextDatum(call->scorer->version->classes[c]);
		values[1] = Float8GetDatum(scorer_values(call->scorer, 0)[c]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* model_explain(model, row, version): each column's contribution to the margin, the bias last. */
Datum
aipipe_model_explain(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ModelCall  *call = call_score(fcinfo, true, NULL);
	Contribution *contributions;
	int			n = 0;

	InitMaterializedSRF(fcinfo, 0);
	if (call == NULL)
		return (Datum) 0;
	contributions = scorer_explain(call->scorer, 0, call->values, call->nulls, &n);
	for (int i = 0; i < n; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {0};

		values[0] = CStringGetTextDatum(contributions[i].name);
		nulls[1] = (contributions[i].value == NULL);
		values[1] = nulls[1] ? (Datum) 0 : CStringGetTextDatum(contributions[i].value);
		values[2] = Float8GetDatum(contributions[i].contribution);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* model_importance(model, version): gain, cover and number of splits of each feature. */
Datum
aipipe_model_importance(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const ModelVersion *version;
	ModelRef	ref;
	double	   *sums[3];

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	ref = registry_resolve(text_to_cstring(PG_GETARG_TEXT_PP(0)),
						   registry_version_arg(fcinfo, 1),
						   MODEL_PREDICT, GetUserId());
	version = cache_acquire(&ref, CurrentMemoryContext);
	algorithm_check_scores_rows(version->task, version->model);
	for (int i = 0; i < 3; i++)
		sums[i] = palloc0(mul_size(Max(version->loaded->nfeatures, 1), sizeof(double)));
	version->loaded->algorithm->importance(version->loaded, sums[0], sums[1], sums[2]);
	for (int f = 0; f < version->encoder->nfeatures; f++)
	{
		Datum		values[4];
		bool		nulls[4] = {0};

		values[0] = CStringGetTextDatum(version->encoder->features[f].name);
		for (int i = 0; i < 3; i++)
			values[i + 1] = Float8GetDatum(sums[i][f]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
