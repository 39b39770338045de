/*-------------------------------------------------------------------------
 *
 * evaluate_table.c
 *	  Evaluations as tables: model_confusion(), model_reliability().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "core/args.h"
#include "model/evaluate.h"

PG_FUNCTION_INFO_V1(aipipe_model_confusion);
PG_FUNCTION_INFO_V1(aipipe_model_reliability);

#define RELIABILITY_MAX_BINS 1000

/* Evaluates a classification: arguments 0 model, 1 source, then version and params where they are. */
static Evaluation *
evaluate_classes(FunctionCallInfo fcinfo, int version_argno, int params_argno, const char *function)
{
	char	   *model = arg_text(fcinfo, 0, "model");
	char	   *source = arg_text(fcinfo, 1, "source");
	EvaluateOptions options = evaluate_options(PG_ARGISNULL(params_argno) ? NULL : PG_GETARG_JSONB_P(params_argno),
											   function);
	ModelRef	ref = registry_resolve(model, registry_version_arg(fcinfo, version_argno), MODEL_PREDICT, GetUserId());

	if (ref.task != TASK_CLASSIFICATION)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("model \"%s\" has task %s and no classes", model, algorithm_task_name(ref.task)),
				 errhint("Use aipipe.model_evaluate().")));
	return evaluate_source(&ref, source, &options);
}

/* model_confusion(model, source, version, params): how often which class was decided for rows of which class. */
Datum
aipipe_model_confusion(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Evaluation *evaluation;
	char	  **classes;
	int64	   *counts;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	evaluation = evaluate_classes(fcinfo, 2, 3, "model_confusion");
	counts = metrics_confusion(&evaluation->scored);
	classes = evaluation->scored.classes;
	n = evaluation->scored.nclasses;
	for (int actual = 0; actual < n; actual++)
	{
		const int64 *row = counts + (Size) actual * n;
		int64		total = 0;

		CHECK_FOR_INTERRUPTS();
		for (int decided = 0; decided < n; decided++)
			total += row[decided];
		for (int decided = 0; decided < n; decided++)
		{
			bool		nulls[4] = {0};
			Datum		values[4];

			values[0] = CStringGetTextDatum(classes[actual]);
			values[1] = CStringGetTextDatum(classes[decided]);
			values[2] = Int64GetDatum(row[decided]);
			nulls[3] = (total == 0);
			values[3] = Float8GetDatum((double) row[decided] / (double) Max(total, 1));
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
			pfree(DatumGetPointer(values[0]));
			pfree(DatumGetPointer(values[1]));
		}
	}
	pfree(counts);
	evaluate_end(evaluation);
	return (Datum) 0;
}

/* Gives the number of bins asked for. */
static int
bins_argument(FunctionCallInfo fcinfo, int argno)
{
	int			nbins = arg_positive(fcinfo, argno, "bins");

	if (nbins > RELIABILITY_MAX_BINS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("bins must be at most %d, not %d", RELIABILITY_MAX_BINS, nbins)));
	return nbins;
}

/* Tells whether the bins are to hold about as many rows each. */
static bool
strategy_argument(FunctionCallInfo fcinfo, int argno)
{
	char	   *strategy = arg_text(fcinfo, argno, "strategy");

	if (strcmp(strategy, "quantile") == 0)
		return true;
	if (strcmp(strategy, "uniform") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("strategy must be uniform or quantile, not \"%s\"", strategy)));
	return false;
}

/* model_reliability(model, source, bins, version, strategy, params): mean probability beside observed share, bin by bin. */
Datum
aipipe_model_reliability(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Evaluation *evaluation;
	ReliabilityBin *bins;
	bool		by_quantile;
	int			nbins;

	InitMaterializedSRF(fcinfo, 0);
	nbins = bins_argument(fcinfo, 2);
	by_quantile = strategy_argument(fcinfo, 4);
	evaluation = evaluate_classes(fcinfo, 3, 5, "model_reliability");
	bins = palloc(mul_size(nbins, sizeof(ReliabilityBin)));
	for (int c = evaluation->scored.nclasses == 2 ? 1 : 0; c < evaluation->scored.nclasses; c++)
	{
		metrics_reliability(&evaluation->scored, c, nbins, by_quantile, bins);
		for (int i = 0; i < nbins; i++)
		{
			bool		nulls[7] = {0};
			Datum		values[7];

			if (bins[i].nrows == 0)
				continue;
			values[0] = CStringGetTextDatum(evaluation->scored.classes[c]);
			values[1] = Int32GetDatum(i + 1);
			values[2] = Float8GetDatum(bins[i].lower);
			values[3] = Float8GetDatum(bins[i].upper);
			values[4] = Int64GetDatum(bins[i].nrows);
			values[5] = Float8GetDatum(bins[i].mean_probability);
			values[6] = Float8GetDatum(bins[i].observed_share);
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
			pfree(DatumGetPointer(values[0]));
		}
	}
	pfree(bins);
	evaluate_end(evaluation);
	return (Datum) 0;
}
