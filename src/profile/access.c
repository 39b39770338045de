/*-------------------------------------------------------------------------
 *
 * access.c
 *	  One number or text of a sketch, or of two, as SQL functions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "profile/access.h"
#include "profile/sketch_int.h"

PG_FUNCTION_INFO_V1(aipipe_sketch_count);
PG_FUNCTION_INFO_V1(aipipe_sketch_nulls);
PG_FUNCTION_INFO_V1(aipipe_sketch_bytes);
PG_FUNCTION_INFO_V1(aipipe_sketch_kind);
PG_FUNCTION_INFO_V1(aipipe_sketch_type);
PG_FUNCTION_INFO_V1(aipipe_sketch_distinct);
PG_FUNCTION_INFO_V1(aipipe_sketch_uniqueness);
PG_FUNCTION_INFO_V1(aipipe_sketch_quantile);
PG_FUNCTION_INFO_V1(aipipe_sketch_quantiles);
PG_FUNCTION_INFO_V1(aipipe_sketch_cdf);
PG_FUNCTION_INFO_V1(aipipe_sketch_similarity);
PG_FUNCTION_INFO_V1(aipipe_sketch_containment);
PG_FUNCTION_INFO_V1(aipipe_sketch_psi);
PG_FUNCTION_INFO_V1(aipipe_sketch_ks);

/* Quantiles that are asked for at once, at most. */
#define MAX_QUANTILES 10000

/* Gives the number of rows. */
Datum
aipipe_sketch_count(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(sketch_argument_upto(fcinfo, 0, SKETCH_COUNTS)->count);
}

/* Gives the number of NULLs. */
Datum
aipipe_sketch_nulls(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(sketch_argument_upto(fcinfo, 0, SKETCH_COUNTS)->nulls);
}

/* Gives the size of the values. */
Datum
aipipe_sketch_bytes(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(sketch_argument_upto(fcinfo, 0, SKETCH_COUNTS)->bytes);
}

/* Gives the kind of the values. */
Datum
aipipe_sketch_kind(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(value_kind_name(sketch_argument_upto(fcinfo, 0, SKETCH_COUNTS)->kind)));
}

/* Gives the name of the values' type, NULL when none is known. */
Datum
aipipe_sketch_type(PG_FUNCTION_ARGS)
{
	const Sketch *sketch = sketch_argument_upto(fcinfo, 0, SKETCH_COUNTS);

	if (sketch->type_name[0] == '\0')
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(sketch->type_name));
}

/* Gives the number of different values. */
Datum
aipipe_sketch_distinct(PG_FUNCTION_ARGS)
{
	bool		exact;

	PG_RETURN_FLOAT8(sketch_distinct(sketch_argument(fcinfo, 0), &exact));
}

/* Gives different values per value. */
Datum
aipipe_sketch_uniqueness(PG_FUNCTION_ARGS)
{
	RETURN_NUMBER(sketch_uniqueness(sketch_argument(fcinfo, 0)));
}

/* Complains about what is no rank. */
static void
check_rank(double p)
{
	if (!(p >= 0 && p <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rank %g is not between 0 and 1", p)));
}

/* Gives the value of a rank. */
Datum
aipipe_sketch_quantile(PG_FUNCTION_ARGS)
{
	double		p = PG_GETARG_FLOAT8(1);

	check_rank(p);
	RETURN_NUMBER(sketch_quantile(sketch_argument_upto(fcinfo, 0, SKETCH_QUANTILES), p));
}

/* Gives the values of many ranks; NULL for each that is NULL. */
Datum
aipipe_sketch_quantiles(PG_FUNCTION_ARGS)
{
	const Sketch *sketch = sketch_argument_upto(fcinfo, 0, SKETCH_QUANTILES);
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	SketchRanks ranks;
	Datum	   *values;
	bool	   *isnull;
	int			n;

	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values, &isnull, &n);
	if (n > MAX_QUANTILES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%d ranks are too many", n),
				 errdetail("At most %d are answered at once.", MAX_QUANTILES)));
	sketch_ranks(sketch, &ranks);
	for (int i = 0; i < n; i++)
	{
		double		x;

		if (isnull[i])
			continue;
		check_rank(DatumGetFloat8(values[i]));
		x = sketch_ranks_quantile(sketch, &ranks, DatumGetFloat8(values[i]));
		isnull[i] = isnan(x);
		values[i] = Float8GetDatum(x);
	}
	if (n == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(FLOAT8OID));
	PG_RETURN_ARRAYTYPE_P(construct_md_array(values, isnull, ARR_NDIM(array), ARR_DIMS(array), ARR_LBOUND(array),
											 FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* Gives the share of the values up to a number. */
Datum
aipipe_sketch_cdf(PG_FUNCTION_ARGS)
{
	RETURN_NUMBER(sketch_cdf(sketch_argument_upto(fcinfo, 0, SKETCH_QUANTILES), PG_GETARG_FLOAT8(1)));
}

/* Gives Jaccard's similarity of the values of two sketches. */
Datum
aipipe_sketch_similarity(PG_FUNCTION_ARGS)
{
	RETURN_NUMBER(sketch_similarity(sketch_argument(fcinfo, 0), sketch_argument(fcinfo, 1)));
}

/* Gives the share of the first's values that the second has. */
Datum
aipipe_sketch_containment(PG_FUNCTION_ARGS)
{
	RETURN_NUMBER(sketch_containment(sketch_argument(fcinfo, 0), sketch_argument(fcinfo, 1)));
}

/* Gives the population stability index of the second against the first. */
Datum
aipipe_sketch_psi(PG_FUNCTION_ARGS)
{
	RETURN_NUMBER(sketch_psi(sketch_argument(fcinfo, 0), sketch_argument(fcinfo, 1)));
}

/* Gives Kolmogorov and Smirnov's distance of two sketches. */
Datum
aipipe_sketch_ks(PG_FUNCTION_ARGS)
{
	RETURN_NUMBER(sketch_ks(sketch_argument_upto(fcinfo, 0, SKETCH_QUANTILES), sketch_argument_upto(fcinfo, 1, SKETCH_QUANTILES)));
}

/* Says how the values follow each other. */
const char *
sketch_monotonic(const Sketch *sketch)
{
	const SketchOrder *order = &sketch->order;

	if (order->rising + order->falling + order->equal == 0)
		return NULL;
	if (order->rising > 0 && order->falling > 0)
		return "mixed";
	if (order->rising > 0)
		return order->equal > 0 ? "rising" : "strictly rising";
	if (order->falling > 0)
		return order->equal > 0 ? "falling" : "strictly falling";
	return "constant";
}
