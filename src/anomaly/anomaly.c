/*-------------------------------------------------------------------------
 *
 * anomaly.c
 *	  Detectors as SQL functions: train, score a row, and what its score is made of.
 *
 * A detector is a model whose task is anomaly.  Training and scoring are the
 * model room's; here they get their own names and arguments.  Detectors are
 * ensembles; a version of another algorithm (trained by an earlier aipipe, or by
 * model_train) counts as its own only component.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/tuplestore.h"

#include "anomaly/detector.h"
#include "anomaly/ensemble.h"
#include "anomaly/xgbod.h"
#include "core/args.h"
#include "model/call.h"
#include "model/train.h"

PG_FUNCTION_INFO_V1(aipipe_anomaly_train);
PG_FUNCTION_INFO_V1(aipipe_anomaly_score);
PG_FUNCTION_INFO_V1(aipipe_anomaly_pvalue);
PG_FUNCTION_INFO_V1(aipipe_anomaly_parts);
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

/* anomaly_pvalue(detector, row): the probability that an ordinary row is as strange. */
Datum
aipipe_anomaly_pvalue(PG_FUNCTION_ARGS)
{
	ModelCall  *call = call_score(fcinfo, false, detector_check);

	if (call == NULL)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(detector_pvalue(call->scorer, 0));
}

/* Gives the parts of the scored row's margin; a version without components is its own only one. */
static int
row_parts(const Scorer *scorer, EnsemblePart *parts)
{
	const LoadedModel *loaded = scorer->version->loaded;

	if (loaded->algorithm == &algorithm_ensemble)
		return ensemble_parts(loaded, scorer->rows, parts);
	if (loaded->algorithm == &algorithm_xgbod)
		return xgbod_parts(loaded, scorer->rows, parts);
	parts->component = loaded->algorithm->name;
	parts->weight = 1;
	parts->strangeness = ensemble_sign(loaded->algorithm) * scorer->margins[0];
	parts->bits = -log2(detector_pvalue(scorer, 0));
	return 1;
}

/* anomaly_parts(detector, row): what each component says about a row. */
Datum
aipipe_anomaly_parts(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ModelCall  *call = call_score(fcinfo, false, detector_check);
	EnsemblePart parts[ENSEMBLE_MAX_COMPONENTS];
	int			n = 0;

	InitMaterializedSRF(fcinfo, 0);
	if (call != NULL)
		n = row_parts(call->scorer, parts);
	for (int i = 0; i < n; i++)
	{
		Datum		values[5];
		bool		nulls[5] = {0};

		values[0] = CStringGetTextDatum(parts[i].component);
		values[1] = Float8GetDatum(parts[i].weight);
		values[2] = Float8GetDatum(parts[i].strangeness);
		values[3] = Float8GetDatum(parts[i].bits);
		values[4] = Float8GetDatum(exp2(-parts[i].bits));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* Sets a text column of a result row, NULL for NULL. */
static void
put_text(Datum *values, bool *nulls, int at, const char *text)
{
	nulls[at] = (text == NULL);
	values[at] = nulls[at] ? (Datum) 0 : CStringGetTextDatum(text);
}

/* anomaly_explain(detector, row): what each column adds to the strangeness of a row, the most first, and why. */
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
		Reason		reason;
		Datum		values[6];
		bool		nulls[6] = {0};

		/* the bias is no column: people read this list */
		if (contributions[i].column < 0)
			continue;
		scorer_reason(call->scorer, 0, &contributions[i], call->values, call->nulls, &reason);
		values[0] = CStringGetTextDatum(contributions[i].name);
		put_text(values, nulls, 1, contributions[i].value);
		values[2] = Float8GetDatum(contributions[i].contribution);
		put_text(values, nulls, 3, reason.expected);
		put_text(values, nulls, 4, reason.given);
		put_text(values, nulls, 5, reason.sentence);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
