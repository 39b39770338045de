/*-------------------------------------------------------------------------
 *
 * metrics.c
 *	  The metrics on arrays, to be compared with scikit-learn's values.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "learn/metrics.h"

PG_FUNCTION_INFO_V1(test_metrics_classification);
PG_FUNCTION_INFO_V1(test_metrics_regression);

/* Gives the floats of a real[] argument without NULLs. */
static const float *
float_array(Datum datum, int *n)
{
	ArrayType  *array = DatumGetArrayTypeP(datum);

	if (ARR_ELEMTYPE(array) != FLOAT4OID || array_contains_nulls(array))
		elog(ERROR, "real[] without NULLs expected");
	*n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	return (const float *) ARR_DATA_PTR(array);
}

/* metrics_classification(proba, labels) as text. */
Datum
test_metrics_classification(PG_FUNCTION_ARGS)
{
	int			nproba;
	int			nrows;
	const float *proba = float_array(PG_GETARG_DATUM(0), &nproba);
	const float *labels = float_array(PG_GETARG_DATUM(1), &nrows);
	StringInfoData out;

	if (nrows == 0 || nproba % nrows != 0)
		elog(ERROR, "%d probabilities for %d rows", nproba, nrows);
	initStringInfo(&out);
	appendStringInfoChar(&out, '{');
	metrics_classification(nrows, nproba / nrows, proba, labels, &out);
	appendStringInfoChar(&out, '}');
	PG_RETURN_TEXT_P(cstring_to_text(out.data));
}

/* metrics_regression(values, labels) as text. */
Datum
test_metrics_regression(PG_FUNCTION_ARGS)
{
	int			nvalues;
	int			nrows;
	const float *values = float_array(PG_GETARG_DATUM(0), &nvalues);
	const float *labels = float_array(PG_GETARG_DATUM(1), &nrows);
	StringInfoData out;

	if (nrows != nvalues)
		elog(ERROR, "%d values for %d rows", nvalues, nrows);
	initStringInfo(&out);
	appendStringInfoChar(&out, '{');
	metrics_regression(nrows, values, labels, &out);
	appendStringInfoChar(&out, '}');
	PG_RETURN_TEXT_P(cstring_to_text(out.data));
}
