/*-------------------------------------------------------------------------
 *
 * detector.c
 *	  Detectors by the name of their algorithm: mutated artifacts and compiled
 *	  forms, and what scoring costs.
 *
 * A mutant must be refused with the error that is promised, or serve: then rows
 * have a finite margin, alone as in a block, severities in [0, 1], and contributions that
 * add up to the margin.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "learn/algorithm.h"
#include "learn/compiled.h"

PG_FUNCTION_INFO_V1(test_detector_compile);
PG_FUNCTION_INFO_V1(test_detector_open);
PG_FUNCTION_INFO_V1(test_detector_mutate);
PG_FUNCTION_INFO_V1(test_detector_bench);

#define ROWS 3
#define REPEATS 5

/* Compiles an artifact. */
static bytea *
compile(const Algorithm *algorithm, const char *bytes, Size len)
{
	StringInfoData compiled;
	bytea	   *result;

	initStringInfo(&compiled);
	algorithm->compile(bytes, len, &compiled);
	result = palloc(VARHDRSZ + compiled.len);
	SET_VARSIZE(result, VARHDRSZ + compiled.len);
	memcpy(VARDATA(result), compiled.data, compiled.len);
	return result;
}

/* Compiles an artifact of an algorithm. */
Datum
test_detector_compile(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(1), &len);

	PG_RETURN_BYTEA_P(compile(algorithm_find(text_to_cstring(PG_GETARG_TEXT_PP(0))), bytes, len));
}

/* Opens a compiled form and gives the number of its features. */
Datum
test_detector_open(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(1), &len);

	PG_RETURN_INT32(algorithm_find(text_to_cstring(PG_GETARG_TEXT_PP(0)))->open(aligned_copy(bytes, len), len)->nfeatures);
}

/* Makes hostile rows. */
static float *
hostile_rows(int nrows, int nfeatures, Random *random)
{
	static const float extremes[] = {0, -1, 1e30f, -3e38f, 1, 2, 1e9f};
	float	   *rows = palloc(sizeof(float) * nrows * nfeatures);

	for (Size i = 0; i < (Size) nrows * nfeatures; i++)
	{
		int			kind = random_below(random, 8);

		rows[i] = kind == 0 ? NAN : kind == 1 ? INFINITY : kind == 2 ? extremes[random_below(random, lengthof(extremes))]
			: (float) (random_unit(random) * 10);
	}
	return rows;
}

/* Ends with an error that is never promised. */
static void
unsound(const char *what, double one, double other)
{
	ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("%s: %g, %g", what, one, other)));
}

/* Scores and explains rows by an opened detector. */
static void
use(const LoadedModel *model, Random *random)
{
	const Algorithm *algorithm = model->algorithm;
	int			n = model->nfeatures;
	float	   *rows = hostile_rows(ROWS, n, random);
	float		margins[ROWS];
	float		values[ROWS];
	double	   *phi = palloc(sizeof(double) * 3 * (n + 1));
	double		sum = 0;
	Encoder    *encoder = plain_encoder(n, true);
	CellReason	reason;

	algorithm->margin(model, rows, ROWS, margins);
	algorithm->values(model, margins, ROWS, values);
	for (int i = 0; i < ROWS; i++)
	{
		float		alone;

		algorithm->margin(model, rows + (Size) i * n, 1, &alone);
		if (!isfinite(margins[i]) || alone != margins[i])
			unsound("margins differ", margins[i], alone);
		if (!(values[i] >= 0 && values[i] <= 1))
			unsound("no severity", values[i], margins[i]);
	}
	algorithm->explain(model, rows, 0, phi);
	for (int f = 0; f <= n; f++)
		sum += phi[f];
	if (!(fabs(fabs(sum) - fabs(margins[0])) <= 1e-4 * Max(1, fabs(sum))))
		unsound("contributions do not add up", sum, margins[0]);
	for (int f = 0; algorithm->cell != NULL && f < n; f++)
	{
		if (algorithm->cell(model, encoder, rows, f, &reason) && !(reason.bits >= 0 && isfinite(reason.bits)))
			unsound("no bits", reason.bits, f);
	}
	algorithm->importance(model, phi, phi + n, phi + 2 * n);
}

/* Takes a mutant the whole way: an artifact, or a compiled form; arg is its algorithm. */
static bool
serve(const char *bytes, Size len, bool compiled, Random *random, const void *arg)
{
	const Algorithm *algorithm = arg;

	if (!compiled)
	{
		bytea	   *form = compile(algorithm, bytes, len);

		len = VARSIZE_ANY_EXHDR(form);
		bytes = aligned_copy(VARDATA_ANY(form), len);
	}
	use(algorithm->open(bytes, len), random);
	return true;
}

/* Tries mutants of an artifact or of its compiled form; the first is the thing itself. */
Datum
test_detector_mutate(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(1), &len);

	return mutants_run(fcinfo, bytes, len, PG_GETARG_BOOL(2), PG_GETARG_INT32(3), PG_GETARG_INT32(4), serve, algorithm_find(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

/* Gives the best of some timings of scoring rows, so many at a time, in nanoseconds of CPU a row. */
static double
time_margin(const LoadedModel *model, const float *rows, int nrows, int block, float *out)
{
	double		best = INFINITY;

	for (int k = 0; k < REPEATS; k++)
	{
		double		start = cpu_seconds();

		for (int i = 0; i < nrows; i += block)
			model->algorithm->margin(model, rows + (Size) i * model->nfeatures, Min(block, nrows - i), out + i);
		best = Min(best, cpu_seconds() - start);
		CHECK_FOR_INTERRUPTS();
	}
	return best * 1e9 / nrows;
}

/* Times a compiled detector on rows of plain random numbers: in blocks of 64 and one by one. */
Datum
test_detector_bench(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(1), &len);
	const LoadedModel *model = algorithm_find(text_to_cstring(PG_GETARG_TEXT_PP(0)))->open(aligned_copy(bytes, len), len);
	int			nrows = PG_GETARG_INT32(2);
	Size		n = (Size) nrows * model->nfeatures;
	float	   *rows = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * n);
	float	   *out = palloc(sizeof(float) * nrows);
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {0};
	Random		random;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	random_seed(&random, 42);
	for (Size i = 0; i < n; i++)
		rows[i] = random_unit(&random);
	values[0] = Float8GetDatum(time_margin(model, rows, nrows, 64, out));
	values[1] = Float8GetDatum(time_margin(model, rows, nrows, 1, out));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
