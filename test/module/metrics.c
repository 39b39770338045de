/*-------------------------------------------------------------------------
 *
 * metrics.c
 *	  Metrics, calibrations and thresholds on arrays, to be compared with
 *	  scikit-learn's values.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "learn/calibration.h"
#include "learn/metrics.h"

PG_FUNCTION_INFO_V1(test_metrics);
PG_FUNCTION_INFO_V1(test_metric);
PG_FUNCTION_INFO_V1(test_reliability);
PG_FUNCTION_INFO_V1(test_calibration_fit);
PG_FUNCTION_INFO_V1(test_calibration_apply);
PG_FUNCTION_INFO_V1(test_calibration_mutate);
PG_FUNCTION_INFO_V1(test_threshold);

/* Gives the floats of a real[] argument without NULLs, or NULL when the argument is. */
static const float *
float_array(FunctionCallInfo fcinfo, int argno, int *n)
{
	ArrayType  *array;

	*n = 0;
	if (PG_ARGISNULL(argno))
		return NULL;
	array = PG_GETARG_ARRAYTYPE_P(argno);
	if (ARR_ELEMTYPE(array) != FLOAT4OID || array_contains_nulls(array))
		elog(ERROR, "real[] without NULLs expected");
	*n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	return (const float *) ARR_DATA_PTR(array);
}

/* Fills in predictions and truth: task, values, labels, groups, threshold, quantile. */
static Scored
scored_arguments(FunctionCallInfo fcinfo)
{
	Scored		scored = {0};
	char	   *task = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			nvalues;
	int			nrows;

	scored.task = algorithm_task(task);
	scored.values = float_array(fcinfo, 1, &nvalues);
	scored.labels = float_array(fcinfo, 2, &nrows);
	if (nrows == 0 || nvalues % nrows != 0)
		elog(ERROR, "%d values for %d rows", nvalues, nrows);
	scored.nrows = nrows;
	scored.nvalues = nvalues / nrows;
	scored.nclasses = scored.task == TASK_CLASSIFICATION ? scored.nvalues : 0;
	if (!PG_ARGISNULL(3))
		scored.groups = (const int32 *) ARR_DATA_PTR(PG_GETARG_ARRAYTYPE_P(3));
	scored.threshold = PG_ARGISNULL(4) ? NAN : PG_GETARG_FLOAT8(4);
	scored.quantile = PG_ARGISNULL(5) ? 0 : PG_GETARG_FLOAT8(5);
	return scored;
}

/* metrics_append_all() as text; classes are called a, b, c … */
Datum
test_metrics(PG_FUNCTION_ARGS)
{
	Scored		scored = scored_arguments(fcinfo);
	StringInfoData out;

	scored.classes = palloc(sizeof(char *) * (scored.nclasses + 1));
	for (int c = 0; c < scored.nclasses; c++)
		scored.classes[c] = psprintf("%c", 'a' + c);
	initStringInfo(&out);
	appendStringInfoChar(&out, '{');
	metrics_append_all(&scored, &out);
	appendStringInfoChar(&out, '}');
	PG_RETURN_TEXT_P(cstring_to_text(out.data));
}

/* One metric by name. */
Datum
test_metric(PG_FUNCTION_ARGS)
{
	Scored		scored = scored_arguments(fcinfo);

	PG_RETURN_FLOAT8(metric_find(text_to_cstring(PG_GETARG_TEXT_PP(6)), scored.task, scored.nclasses)->compute(&scored));
}

/* The bins of one class. */
Datum
test_reliability(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Scored		scored = scored_arguments(fcinfo);
	int			nbins = PG_GETARG_INT32(7);
	ReliabilityBin *bins = palloc(sizeof(ReliabilityBin) * nbins);

	InitMaterializedSRF(fcinfo, 0);
	metrics_reliability(&scored, PG_GETARG_INT32(6), nbins, PG_GETARG_BOOL(8), bins);
	for (int i = 0; i < nbins; i++)
	{
		bool		nulls[5] = {0};
		Datum		values[5] = {Float8GetDatum(bins[i].lower), Float8GetDatum(bins[i].upper),
			Int64GetDatum(bins[i].nrows), Float8GetDatum(bins[i].mean_probability),
		Float8GetDatum(bins[i].observed_share)};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* calibration_fit(method, nclasses, proba, labels, weights) as canonical JSON. */
Datum
test_calibration_fit(PG_FUNCTION_ARGS)
{
	int			nclasses = PG_GETARG_INT32(1);
	int			nproba;
	int			nrows;
	int			nweights;
	const float *proba = float_array(fcinfo, 2, &nproba);
	const float *labels = float_array(fcinfo, 3, &nrows);
	const float *weights = float_array(fcinfo, 4, &nweights);
	StringInfoData out;
	Calibration *calibration;

	if (nproba != nrows * nclasses || (weights != NULL && nweights != nrows))
		elog(ERROR, "%d probabilities for %d rows", nproba, nrows);
	calibration = calibration_fit(calibration_method(text_to_cstring(PG_GETARG_TEXT_PP(0))), nrows, nclasses,
								  proba, labels, weights);
	if (calibration == NULL)
		PG_RETURN_NULL();
	initStringInfo(&out);
	calibration_write(calibration, &out);
	PG_RETURN_TEXT_P(cstring_to_text(out.data));
}

/* calibration_read + calibration_apply */
Datum
test_calibration_apply(PG_FUNCTION_ARGS)
{
	Calibration *calibration = calibration_read(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	ArrayType  *proba = PG_GETARG_ARRAYTYPE_P_COPY(1);
	int			n = ArrayGetNItems(ARR_NDIM(proba), ARR_DIMS(proba));

	if (n % calibration_nclasses(calibration) != 0)
		elog(ERROR, "%d probabilities of %d classes", n, calibration_nclasses(calibration));
	calibration_apply(calibration, (float *) ARR_DATA_PTR(proba), n / calibration_nclasses(calibration));
	PG_RETURN_ARRAYTYPE_P(proba);
}

/* Reads a mutant and calibrates a few rows with it; whether it was refused. */
static bool
try_calibration(const char *json)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool refused = false;

	PG_TRY();
	{
		Calibration *calibration = calibration_read(json);
		int			n = calibration_nclasses(calibration);
		float	   *proba = palloc0(sizeof(float) * n * 5);

		for (int i = 0; i < 5; i++)
			proba[i * n + 1] = i / 4.0f;
		calibration_apply(calibration, proba, 5);
		for (int i = 0; i < n * 5; i++)
			if (!(proba[i] >= 0 && proba[i] <= 1))
				elog(ERROR, "a calibrated probability is %g", proba[i]);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		if (geterrcode() != ERRCODE_DATA_CORRUPTED)
			PG_RE_THROW();
		FlushErrorState();
		refused = true;
	}
	PG_END_TRY();
	return refused;
}

/* n mutants of a calibration through read and apply. */
Datum
test_calibration_mutate(PG_FUNCTION_ARGS)
{
	char	   *json = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			n = PG_GETARG_INT32(1);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe_test mutant", ALLOCSET_DEFAULT_SIZES);
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {0};
	int			refused = 0;
	Random		random;

	random_seed(&random, PG_GETARG_INT32(2));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "row type expected");
	for (int i = 0; i < n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		StringInfoData bytes;

		initStringInfo(&bytes);
		appendStringInfoString(&bytes, json);
		for (int m = 1 + random_below(&random, 3); m > 0 && bytes.len > 0; m--)
			mutate_bytes(&bytes, &random);
		refused += try_calibration(pnstrdup(bytes.data, bytes.len));
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	values[0] = Int32GetDatum(n - refused);
	values[1] = Int32GetDatum(refused);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}

/* threshold_parse + threshold_choose on probabilities of class 1. */
Datum
test_threshold(PG_FUNCTION_ARGS)
{
	int			nproba;
	int			nrows;
	int			nweights;
	const float *proba = float_array(fcinfo, 1, &nproba);
	const float *labels = float_array(fcinfo, 2, &nrows);
	const float *weights = float_array(fcinfo, 3, &nweights);
	ThresholdRule *rule = threshold_parse(PG_ARGISNULL(0) ? NULL : PG_GETARG_JSONB_P(0));

	if (rule == NULL)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(threshold_choose(rule, nrows, proba, 1, labels, weights));
}
