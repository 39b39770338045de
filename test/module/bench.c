/*-------------------------------------------------------------------------
 *
 * bench.c
 *	  Timings against the library in the same run, in CPU time, one thread.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(test_bench_kernel);
PG_FUNCTION_INFO_V1(test_bench_shap);
PG_FUNCTION_INFO_V1(test_bench_load);
PG_FUNCTION_INFO_V1(test_noop);
PG_FUNCTION_INFO_V1(test_xgb_predict_row);
PG_FUNCTION_INFO_V1(test_xgb_predict_batch);

/* Timings are repeated and the best one counts: the others are other people's work. */
#define REPEATS 5

/* Makes rows of plain random numbers with five percent missing. */
static float *
plain_rows(int nrows, int nfeatures)
{
	float	   *rows = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * (Size) nrows * nfeatures);
	Random		random;

	random_seed(&random, 42);
	for (Size i = 0; i < (Size) nrows * nfeatures; i++)
		rows[i] = (random_below(&random, 20) == 0) ? NAN : random_unit(&random) * 4 - 2;
	return rows;
}

/* What to time, and on what. */
typedef struct Work
{
	const CompiledForest *forest;
	Oracle	   *oracle;
	const float *rows;
	int			nrows;
	int			nfeatures;
	int			ngroups;
	float	   *out;
	double	   *phi;
} Work;

typedef void (*WorkFunction) (Work *work);

/* Ours, row by row. */
static void
our_row(Work *work)
{
	for (int i = 0; i < work->nrows; i++)
		forest_margin(work->forest, work->rows + (Size) i * work->nfeatures, 1, work->out);
}

/* Ours, in blocks as a scorer does. */
static void
our_block(Work *work)
{
	for (int i = 0; i + 64 <= work->nrows; i += 64)
		forest_margin(work->forest, work->rows + (Size) i * work->nfeatures, 64, work->out);
}

/* Our contributions, row by row. */
static void
our_shap(Work *work)
{
	for (int i = 0; i < work->nrows; i++)
	{
		for (int g = 0; g < work->ngroups; g++)
			forest_shap(work->forest, work->rows + (Size) i * work->nfeatures, g, work->phi);
	}
}

/* The same by the algorithm of Lundberg et al. */
static void
our_path_shap(Work *work)
{
	for (int i = 0; i < work->nrows; i++)
	{
		for (int g = 0; g < work->ngroups; g++)
			path_shap(work->forest, work->rows + (Size) i * work->nfeatures, g, work->phi);
	}
}

/* The library's contributions of all rows. */
static void
library_shap(Work *work)
{
	oracle_predict(work->oracle, ORACLE_CONTRIBUTIONS, work->rows, work->nrows, work->nfeatures, work->out,
				   work->ngroups * (work->nfeatures + 1));
}

/* The library through a DMatrix of all rows. */
static void
library_dmatrix(Work *work)
{
	oracle_predict(work->oracle, ORACLE_MARGIN, work->rows, work->nrows, work->nfeatures, work->out, work->ngroups);
}

/* The library in place. */
static void
library_inplace(Work *work)
{
	oracle_predict_dense(work->oracle, ORACLE_MARGIN, work->rows, work->nrows, work->nfeatures, work->out, work->ngroups);
}

/* The library, a DMatrix a row; fewer rows, as it takes so long. */
static void
library_row(Work *work)
{
	for (int i = 0; i < work->nrows / 16; i++)
		oracle_predict_row(work->oracle, work->rows + (Size) i * work->nfeatures, work->nfeatures, work->out);
}

/* Gives the best time of some runs, in nanoseconds a row. */
static double
time_work(WorkFunction function, Work *work, int nrows)
{
	double		best = INFINITY;

	for (int i = 0; i < REPEATS; i++)
	{
		double		start = cpu_seconds();

		CHECK_FOR_INTERRUPTS();
		function(work);
		best = Min(best, cpu_seconds() - start);
	}
	return best / nrows * 1e9;
}

/* Times our two paths and the library's three. */
Datum
test_bench_kernel(PG_FUNCTION_ARGS)
{
	int			nrows = TYPEALIGN(64, PG_GETARG_INT32(1));
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);
	Forest	   *forest = forest_read(bytes, len);
	Size		compiled_len;
	char	   *compiled = compile_model(forest, &compiled_len);
	StringInfoData canonical;
	TupleDesc	desc;
	Datum		values[6];
	bool		nulls[6] = {0};
	Work		work;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	initStringInfo(&canonical);
	forest_write(forest, &canonical);
	work.forest = forest_open(compiled, compiled_len);
	work.oracle = oracle_load(canonical.data, canonical.len);
	work.nrows = nrows;
	work.nfeatures = forest->nfeatures;
	work.ngroups = forest->ngroups;
	work.rows = plain_rows(nrows, forest->nfeatures);
	work.out = palloc(sizeof(float) * nrows * forest->ngroups);
	values[0] = Float8GetDatum(time_work(our_row, &work, nrows));
	values[1] = Float8GetDatum(time_work(our_block, &work, nrows));
	values[2] = Float8GetDatum(time_work(library_dmatrix, &work, nrows));
	values[3] = Float8GetDatum(time_work(library_inplace, &work, nrows));
	values[4] = Float8GetDatum(time_work(library_row, &work, nrows / 16));
	values[5] = Int32GetDatum(forest->best_iteration_trees);
	oracle_free(work.oracle);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* Times contributions: ours, ours by the older algorithm, the library's. */
Datum
test_bench_shap(PG_FUNCTION_ARGS)
{
	int			nrows = PG_GETARG_INT32(1);
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);
	Forest	   *forest = forest_read(bytes, len);
	Size		compiled_len;
	char	   *compiled = compile_model(forest, &compiled_len);
	StringInfoData canonical;
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {0};
	Work		work;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	initStringInfo(&canonical);
	forest_write(forest, &canonical);
	work.forest = forest_open(compiled, compiled_len);
	work.oracle = oracle_load(canonical.data, canonical.len);
	work.nrows = nrows;
	work.nfeatures = forest->nfeatures;
	work.ngroups = forest->ngroups;
	work.rows = plain_rows(nrows, forest->nfeatures);
	work.phi = palloc(sizeof(double) * (forest->nfeatures + 1));
	work.out = MemoryContextAllocHuge(CurrentMemoryContext,
									  sizeof(float) * (Size) nrows * forest->ngroups * (forest->nfeatures + 1));
	values[0] = Float8GetDatum(time_work(our_shap, &work, nrows));
	values[1] = Float8GetDatum(time_work(our_path_shap, &work, nrows));
	values[2] = Float8GetDatum(time_work(library_shap, &work, nrows));
	oracle_free(work.oracle);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* Times reading, writing, compiling and opening a model. */
Datum
test_bench_load(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);
	TupleDesc	desc;
	Datum		values[5];
	bool		nulls[5] = {0};
	double		times[5];
	StringInfoData canonical;
	Forest	   *forest;
	char	   *compiled;
	Size		compiled_len;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	times[0] = cpu_seconds();
	forest = forest_read(bytes, len);
	times[1] = cpu_seconds();
	initStringInfo(&canonical);
	forest_write(forest, &canonical);
	times[2] = cpu_seconds();
	compiled = compile_model(forest, &compiled_len);
	times[3] = cpu_seconds();
	(void) forest_open(compiled, compiled_len);
	times[4] = cpu_seconds();
	for (int i = 0; i < 4; i++)
		values[i] = Float8GetDatum((times[i + 1] - times[i]) * 1000);
	values[4] = Int64GetDatum(compiled_len);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* Takes a row and does nothing. */
Datum
test_noop(PG_FUNCTION_ARGS)
{
	(void) PG_GETARG_DATUM(0);
	PG_RETURN_FLOAT8(0);
}

/* What a call site keeps: the booster and where a row's numbers are. */
typedef struct RowCall
{
	Oracle	   *oracle;
	TupleDesc	desc;
	Datum	   *values;
	bool	   *nulls;
	float	   *row;
	int			nfeatures;
	int			ngroups;
} RowCall;

/* Loads the booster and looks at the row type, once a call site. */
static RowCall *
prepare_row_call(FunctionCallInfo fcinfo, HeapTupleHeader header)
{
	MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	RowCall    *call = palloc0(sizeof(RowCall));
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);
	Forest	   *forest = forest_read(bytes, len);
	StringInfoData canonical;

	initStringInfo(&canonical);
	forest_write(forest, &canonical);
	call->oracle = oracle_load(canonical.data, canonical.len);
	call->nfeatures = forest->nfeatures;
	call->ngroups = forest->ngroups;
	call->desc = lookup_rowtype_tupdesc_copy(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
	call->values = palloc(sizeof(Datum) * call->desc->natts);
	call->nulls = palloc(sizeof(bool) * call->desc->natts);
	call->row = palloc0(sizeof(float) * Max(call->nfeatures, call->desc->natts));
	MemoryContextSwitchTo(old);
	return call;
}

/* Turns the row's numbers into floats, column by column. */
static void
fill_row(RowCall *call, HeapTupleHeader header)
{
	HeapTupleData tuple;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	heap_deform_tuple(&tuple, call->desc, call->values, call->nulls);
	for (int i = 0; i < call->desc->natts && i < call->nfeatures; i++)
	{
		if (call->nulls[i])
			call->row[i] = NAN;
		else
		{
			switch (TupleDescAttr(call->desc, i)->atttypid)
			{
				case FLOAT8OID:
					call->row[i] = (float) DatumGetFloat8(call->values[i]);
					break;
				case FLOAT4OID:
					call->row[i] = DatumGetFloat4(call->values[i]);
					break;
				case INT4OID:
					call->row[i] = DatumGetInt32(call->values[i]);
					break;
				case INT8OID:
					call->row[i] = DatumGetInt64(call->values[i]);
					break;
				default:
					call->row[i] = NAN;
					break;
			}
		}
	}
}

/* Predicts one row by the library's call sequence; the booster stays for the statement (and is not freed). */
Datum
test_xgb_predict_row(PG_FUNCTION_ARGS)
{
	HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(1);
	RowCall    *call = fcinfo->flinfo->fn_extra;
	float	   *out;

	if (call == NULL)
		call = fcinfo->flinfo->fn_extra = prepare_row_call(fcinfo, header);
	out = palloc(sizeof(float) * call->ngroups);
	fill_row(call, header);
	oracle_predict_row(call->oracle, call->row, call->nfeatures, out);
	PG_RETURN_FLOAT8(out[0]);
}

/* Times the library's batch predict. */
Datum
test_xgb_predict_batch(PG_FUNCTION_ARGS)
{
	int			nrows = PG_GETARG_INT32(1);
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);
	Forest	   *forest = forest_read(bytes, len);
	StringInfoData canonical;
	Work		work = {0};
	double		ns;

	initStringInfo(&canonical);
	forest_write(forest, &canonical);
	work.oracle = oracle_load(canonical.data, canonical.len);
	work.nrows = nrows;
	work.nfeatures = forest->nfeatures;
	work.ngroups = forest->ngroups;
	work.rows = plain_rows(nrows, forest->nfeatures);
	work.out = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * (Size) nrows * forest->ngroups);
	ns = Min(time_work(library_inplace, &work, nrows), time_work(library_dmatrix, &work, nrows));
	oracle_free(work.oracle);
	PG_RETURN_FLOAT8(ns);
}
