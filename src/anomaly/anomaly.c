/*-------------------------------------------------------------------------
 *
 * anomaly.c
 *	  Detectors as SQL functions: train, score a row, explain its score.
 *
 * A detector is a model whose task is anomaly.  Training and scoring are the
 * model room's; here they get their own names and arguments.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/tuplestore.h"

#include "anomaly/detector.h"
#include "core/args.h"
#include "model/call.h"
#include "model/train.h"

PG_FUNCTION_INFO_V1(aipipe_anomaly_train);
PG_FUNCTION_INFO_V1(aipipe_anomaly_score);
PG_FUNCTION_INFO_V1(aipipe_anomaly_explain);

/* Ends with an error when the version is no detector's. */
void
detector_check(const ModelVersion *version)
{
	if (version->task != TASK_ANOMALY)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("model \"%s\" is not a detector", version->model),
				errdetail("Its task is %s.", algorithm_task_name(version->task)),
				errhint("Use aipipe.model_predict() or aipipe.model_explain()."));
}

/* Orders contributions from what makes strange to what makes normal. */
static int
compare_strangeness(const void *a, const void *b)
{
	const Contribution *left = a;
	const Contribution *right = b;

	if (left->contribution != right->contribution)
		return left->contribution > right->contribution ? -1 : 1;
	return left->column - right->column;
}

/* Takes the column of labels out of the parameters: it is the target, and no business of an algorithm. */
static void
take_label(TrainSpec *spec)
{
	static const OptionSpec specs[] = {{"label", OPTION_TEXT, 0}};
	char	   *label = NULL;

	if (spec->params == NULL)
		return;
	options_parse_own(spec->params, spec->function, specs, lengthof(specs), &label);
	if (label == NULL)
		return;
	spec->target = label;
	spec->params = DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(spec->params), CStringGetTextDatum("label")));
}

/* anomaly_train(detector, source, columns, params): learns what is normal and gives the new version. */
Datum
aipipe_anomaly_train(PG_FUNCTION_ARGS)
{
	TrainSpec	spec = {0};

	spec.function = "anomaly_train";
	spec.model = arg_text(fcinfo, 0, "detector");
	spec.task = TASK_ANOMALY;
	spec.source = arg_text(fcinfo, 1, "source");
	spec.columns = arg_text_list(fcinfo, 2, "columns");
	spec.params = PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3);
	take_label(&spec);
	PG_RETURN_INT32(train_version(&spec));
}

/* anomaly_score(detector, row): the share of training rows that look more normal. */
Datum
aipipe_anomaly_score(PG_FUNCTION_ARGS)
{
	ModelCall  *call = call_score(fcinfo, false, detector_check);

	if (call == NULL)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(scorer_value(call->scorer, 0));
}

/* anomaly_explain(detector, row): what each column adds to the strangeness of a row, the most first. */
Datum
aipipe_anomaly_explain(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ModelCall  *call = call_score(fcinfo, false, detector_check);
	Contribution *contributions;
	int			n = 0;

	InitMaterializedSRF(fcinfo, 0);
	if (call == NULL)
		return (Datum) 0;
	contributions = scorer_explain(call->scorer, 0, call->values, call->nulls, &n);
	qsort(contributions, n, sizeof(Contribution), compare_strangeness);
	for (int i = 0; i < n; i++)
	{
		char	   *expected = scorer_expected(call->scorer, &contributions[i]);
		Datum		values[4];
		bool		nulls[4] = {0};

		/* the bias is no column: people read this list */
		if (contributions[i].column < 0)
			continue;
		values[0] = CStringGetTextDatum(contributions[i].name);
		nulls[1] = (contributions[i].value == NULL);
		values[1] = nulls[1] ? (Datum) 0 : CStringGetTextDatum(contributions[i].value);
		values[2] = Float8GetDatum(contributions[i].contribution);
		nulls[3] = (expected == NULL);
		values[3] = nulls[3] ? (Datum) 0 : CStringGetTextDatum(expected);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
