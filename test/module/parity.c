/*-------------------------------------------------------------------------
 *
 * parity.c
 *	  Counts floats in which our results and the library's differ in any bit.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <math.h>

#include "funcapi.h"

PG_FUNCTION_INFO_V1(test_parity);
PG_FUNCTION_INFO_V1(test_shap);

/* One model, read and compiled, and its canonical bytes in the library. */
typedef struct Subject
{
	Forest	   *forest;
	const CompiledForest *compiled;
	Oracle	   *oracle;			/* with the canonical bytes */
	Oracle	   *original;		/* with the bytes as given */
	int			nfeatures;
	int			ngroups;
} Subject;

/* Reads, compiles and opens a model, and gives it to the library. */
static void
open_subject(Subject *subject, Datum model)
{
	Size		len;
	const char *bytes = bytea_bytes(model, &len);
	StringInfoData canonical;
	char	   *compiled;
	Size		compiled_len;

	subject->forest = forest_read(bytes, len);
	initStringInfo(&canonical);
	forest_write(subject->forest, &canonical);
	compiled = compile_model(subject->forest, &compiled_len);
	subject->compiled = forest_open(compiled, compiled_len);
	subject->oracle = oracle_load(canonical.data, canonical.len);
	subject->original = oracle_load(bytes, len);
	subject->nfeatures = subject->forest->nfeatures;
	subject->ngroups = subject->forest->ngroups;
}

/* Counts floats that are not the same bit by bit; any two NaN count as the same. */
static int64
count_different(const float *a, const float *b, Size n)
{
	int64		different = 0;

	for (Size i = 0; i < n; i++)
	{
		if (memcmp(&a[i], &b[i], sizeof(float)) != 0 && !(isnan(a[i]) && isnan(b[i])))
			different++;
	}
	return different;
}

/* Compares served values; for multi:softmax the library gives the class, which must be our most probable one. */
static int64
count_different_values(Subject *subject, const float *rows, int nrows, const float *margins)
{
	int			ngroups = subject->ngroups;
	bool		classes = strcmp(subject->forest->objective_name, "multi:softmax") == 0;
	int			per_row = classes ? 1 : ngroups;
	float	   *ours = palloc(sizeof(float) * nrows * ngroups);
	float	   *theirs = palloc(sizeof(float) * nrows * per_row);
	int64		different = 0;

	forest_transform(subject->compiled, margins, nrows, ours);
	oracle_predict(subject->oracle, ORACLE_VALUE, rows, nrows, subject->nfeatures, theirs, per_row);
	if (!classes)
		return count_different(ours, theirs, (Size) nrows * ngroups);
	for (int row = 0; row < nrows; row++)
	{
		int			best = 0;

		for (int g = 1; g < ngroups; g++)
		{
			if (margins[row * ngroups + g] > margins[row * ngroups + best])
				best = g;
		}
		different += theirs[row] != best;
	}
	return different;
}

/* Compares every path with the library on hostile rows. */
Datum
test_parity(PG_FUNCTION_ARGS)
{
	int			nrows = PG_GETARG_INT32(1);
	Subject		subject;
	TupleDesc	desc;
	Datum		values[6];
	bool		nulls[6] = {0};
	float	   *rows;
	float	   *ours;
	float	   *block;
	float	   *theirs;
	Size		n;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	open_subject(&subject, PG_GETARG_DATUM(0));
	n = (Size) nrows * subject.ngroups;
	rows = palloc(sizeof(float) * nrows * subject.nfeatures);
	ours = palloc(sizeof(float) * n);
	block = palloc(sizeof(float) * n);
	theirs = palloc(sizeof(float) * n);
	data_hostile(subject.forest, nrows, PG_GETARG_INT32(2), rows);

	for (int row = 0; row < nrows; row++)
		forest_margin(subject.compiled, rows + (Size) row * subject.nfeatures, 1, ours + (Size) row * subject.ngroups);
	forest_margin(subject.compiled, rows, nrows, block);
	oracle_predict(subject.oracle, ORACLE_MARGIN, rows, nrows, subject.nfeatures, theirs, subject.ngroups);
	values[0] = Int64GetDatum(n);
	values[1] = Int64GetDatum(count_different(ours, theirs, n));
	values[2] = Int64GetDatum(count_different(block, theirs, n));
	/* for dart the library's call for dense rows sums otherwise than its call for a DMatrix */
	nulls[3] = subject.forest->dart;
	oracle_predict_dense(subject.oracle, ORACLE_MARGIN, rows, nrows, subject.nfeatures, theirs, subject.ngroups);
	values[3] = Int64GetDatum(count_different(ours, theirs, n));
	oracle_predict(subject.original, ORACLE_MARGIN, rows, nrows, subject.nfeatures, theirs, subject.ngroups);
	values[4] = Int64GetDatum(count_different(ours, theirs, n));
	values[5] = Int64GetDatum(count_different_values(&subject, rows, nrows, block));
	oracle_free(subject.oracle);
	oracle_free(subject.original);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* Raises *max to the given difference. */
static void
raise(double *max, double difference)
{
	if (!(difference <= *max))
		*max = difference;
}

/* Compares contributions with the margin, with the library's and with those of another algorithm. */
Datum
test_shap(PG_FUNCTION_ARGS)
{
	int			nrows = PG_GETARG_INT32(1);
	Subject		subject;
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {0};
	float	   *rows;
	float	   *margins;
	float	   *theirs;
	double	   *phi;
	double	   *by_paths;
	double		to_margin = 0;
	double		to_library = 0;
	double		to_paths = 0;
	int			width;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	open_subject(&subject, PG_GETARG_DATUM(0));
	width = subject.nfeatures + 1;
	rows = palloc(sizeof(float) * nrows * subject.nfeatures);
	margins = palloc(sizeof(float) * nrows * subject.ngroups);
	theirs = palloc(sizeof(float) * nrows * subject.ngroups * width);
	phi = palloc(sizeof(double) * width);
	by_paths = palloc(sizeof(double) * width);
	data_hostile(subject.forest, nrows, PG_GETARG_INT32(2), rows);
	forest_margin(subject.compiled, rows, nrows, margins);
	nulls[1] = !PG_GETARG_BOOL(3);
	if (!nulls[1])
		oracle_predict(subject.oracle, ORACLE_CONTRIBUTIONS, rows, nrows, subject.nfeatures, theirs,
					   subject.ngroups * width);
	for (int row = 0; row < nrows; row++)
	{
		for (int g = 0; g < subject.ngroups; g++)
		{
			const float *expected = theirs + ((Size) row * subject.ngroups + g) * width;
			double		margin = margins[(Size) row * subject.ngroups + g];
			double		size = Max(1.0, fabs(margin));
			double		sum = 0;

			forest_shap(subject.compiled, rows + (Size) row * subject.nfeatures, g, phi);
			path_shap(subject.compiled, rows + (Size) row * subject.nfeatures, g, by_paths);
			for (int f = 0; f < width; f++)
			{
				sum += phi[f];
				raise(&to_library, nulls[1] ? 0 : fabs(phi[f] - expected[f]) / size);
				raise(&to_paths, fabs(phi[f] - by_paths[f]) / size);
			}
			raise(&to_margin, fabs(sum - margin) / size);
		}
	}
	oracle_free(subject.oracle);
	oracle_free(subject.original);
	values[0] = Float8GetDatum(to_margin);
	values[1] = Float8GetDatum(to_library);
	values[2] = Float8GetDatum(to_paths);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
