/*-------------------------------------------------------------------------
 *
 * surprise.c
 *	  Algorithm "cell_surprise" called as a training calls it; mutants; timings.
 *
 * A mutant must be refused with the error that is promised, or be sound: then it is
 * scored and explained, and an artifact is written again byte by byte.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "anomaly/surprise.h"
#include "core/source.h"
#include "learn/compiled.h"

PG_FUNCTION_INFO_V1(test_surprise_train);
PG_FUNCTION_INFO_V1(test_surprise_refresh);
PG_FUNCTION_INFO_V1(test_surprise_compile);
PG_FUNCTION_INFO_V1(test_surprise_score);
PG_FUNCTION_INFO_V1(test_surprise_cells);
PG_FUNCTION_INFO_V1(test_surprise_mutate);
PG_FUNCTION_INFO_V1(test_bench_surprise);

/* Rows of a mutant's test, more than one block. */
#define MUTANT_ROWS 70

/* Gives a bytea of bytes. */
static Datum
bytea_datum(const StringInfo bytes)
{
	bytea	   *result = palloc(VARHDRSZ + bytes->len);

	SET_VARSIZE(result, VARHDRSZ + bytes->len);
	memcpy(VARDATA(result), bytes->data, bytes->len);
	return PointerGetDatum(result);
}

/* Opens a compiled form. */
static LoadedModel *
open_compiled(Datum datum)
{
	Size		len;
	const char *bytes = bytea_bytes(datum, &len);

	return algorithm_surprise.open(aligned_copy(bytes, len), len);
}

/* Gives a float4[] argument's elements, NULL as NaN. */
static float *
row_floats(Datum datum, int nfeatures)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	float	   *row = palloc(sizeof(float) * nfeatures);

	deconstruct_array(DatumGetArrayTypeP(datum), FLOAT4OID, sizeof(float4), true, TYPALIGN_INT, &elements, &nulls, &n);
	if (n != nfeatures)
		elog(ERROR, "the row has %d features, not %d", n, nfeatures);
	for (int i = 0; i < n; i++)
		row[i] = nulls[i] ? NAN : DatumGetFloat4(elements[i]);
	return row;
}

/* Fills a request with the rows of a source. */
static void
fill_request(TrainRequest *request, Datum encoder, Datum source, Jsonb *params)
{
	Size		len;
	const char *bytes = bytea_bytes(encoder, &len);

	request->task = TASK_ANOMALY;
	request->encoder = encoder_read(bytes, len);
	request->rows = encode_source(source_resolve(text_to_cstring(DatumGetTextPP(source))), request->encoder, 0);
	request->params = params;
}

/* Trains on the rows of a source. */
Datum
test_surprise_train(PG_FUNCTION_ARGS)
{
	TrainRequest request = {0};
	TrainResult result = {0};

	fill_request(&request, PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), PG_GETARG_JSONB_P(2));
	request.budget = PG_GETARG_INT64(3);
	algorithm_surprise.check(TASK_ANOMALY, request.params, NULL);
	algorithm_surprise.train(&request, &result);
	PG_RETURN_DATUM(bytea_datum(&result.artifact));
}

/* Learns more rows into an artifact. */
Datum
test_surprise_refresh(PG_FUNCTION_ARGS)
{
	TrainRequest request = {0};
	TrainResult result = {0};
	RefreshRequest refresh = {.train = &request, .keep = PG_GETARG_FLOAT8(3)};

	refresh.artifact = bytea_bytes(PG_GETARG_DATUM(1), &refresh.artifact_len);
	fill_request(&request, PG_GETARG_DATUM(0), PG_GETARG_DATUM(2), PG_GETARG_JSONB_P(4));
	algorithm_surprise.refresh(&refresh, &result);
	PG_RETURN_DATUM(bytea_datum(&result.artifact));
}

/* Compiles an artifact. */
Datum
test_surprise_compile(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);
	StringInfoData compiled;

	initStringInfo(&compiled);
	algorithm_surprise.compile(bytes, len, &compiled);
	PG_RETURN_DATUM(bytea_datum(&compiled));
}

/* Scores a row, alone and among others. */
Datum
test_surprise_score(PG_FUNCTION_ARGS)
{
	LoadedModel *model = open_compiled(PG_GETARG_DATUM(0));
	float	   *row = row_floats(PG_GETARG_DATUM(1), model->nfeatures);
	float	   *rows = palloc(sizeof(float) * MUTANT_ROWS * model->nfeatures);
	float		margins[MUTANT_ROWS];
	float		margin;
	float		severity;
	double	   *phi = palloc(sizeof(double) * (model->nfeatures + 1));
	double		sum = 0;
	double		off = 0;
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (int i = 0; i < MUTANT_ROWS; i++)
		memcpy(rows + i * model->nfeatures, row, sizeof(float) * model->nfeatures);
	algorithm_surprise.margin(model, row, 1, &margin);
	algorithm_surprise.margin(model, rows, MUTANT_ROWS, margins);
	algorithm_surprise.values(model, &margin, 1, &severity);
	algorithm_surprise.explain(model, row, 0, phi);
	for (int f = 0; f <= model->nfeatures; f++)
		sum += phi[f];
	for (int i = 0; i < MUTANT_ROWS; i++)
		off = Max(off, fabs(margins[i] - margin));
	values[0] = Float8GetDatum(margin);
	values[1] = Float8GetDatum(severity);
	values[2] = Float8GetDatum(sum);
	values[3] = Float8GetDatum(off);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* Tells why cells are strange. */
Datum
test_surprise_cells(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);
	Encoder    *encoder = encoder_read(bytes, len);
	LoadedModel *model = open_compiled(PG_GETARG_DATUM(1));
	float	   *row = row_floats(PG_GETARG_DATUM(2), model->nfeatures);

	InitMaterializedSRF(fcinfo, 0);
	for (int c = 0; c < encoder->ncolumns; c++)
	{
		CellReason	reason;
		Datum		values[5];
		bool		nulls[5] = {0};

		if (!algorithm_surprise.cell(model, encoder, row, c, &reason))
			continue;
		values[0] = CStringGetTextDatum(encoder->columns[c].name);
		values[1] = Float8GetDatum(reason.bits);
		nulls[2] = reason.expected == NULL;
		values[2] = nulls[2] ? (Datum) 0 : CStringGetTextDatum(reason.expected);
		nulls[3] = reason.given < 0;
		values[3] = nulls[3] ? (Datum) 0 : CStringGetTextDatum(encoder->columns[reason.given].name);
		nulls[4] = reason.note == NULL;
		values[4] = nulls[4] ? (Datum) 0 : CStringGetTextDatum(reason.note);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* Scores and explains random rows. */
static void
use(const LoadedModel *model, Random *random)
{
	Size		n = model->nfeatures;
	float	   *rows = palloc(sizeof(float) * MUTANT_ROWS * n);
	float		margins[MUTANT_ROWS];
	float		values[MUTANT_ROWS];
	double	   *phi = palloc(sizeof(double) * 3 * (n + 1));
	const Encoder *encoder = plain_encoder((int) n, true);
	double		sum = 0;
	CellReason	reason;

	for (Size i = 0; i < MUTANT_ROWS * n; i++)
	{
		int			what = random_below(random, 8);

		rows[i] = what == 0 ? NAN : what == 1 ? FLT_MAX : what == 2 ? -FLT_MAX : what < 5 ? random_below(random, 5)
			: (random_unit(random) - 0.5) * 2000;
	}
	algorithm_surprise.margin(model, rows, MUTANT_ROWS, margins);
	algorithm_surprise.values(model, margins, MUTANT_ROWS, values);
	for (int i = 0; i < MUTANT_ROWS; i++)
		if (!isfinite(margins[i]) || !(values[i] >= 0 && values[i] <= 1))
			elog(ERROR, "margin %g, severity %g", margins[i], values[i]);
	algorithm_surprise.explain(model, rows, 0, phi);
	for (Size f = 0; f <= n; f++)
		sum += phi[f];
	if (!(fabs(sum - margins[0]) <= 1e-4 * Max(1, fabs(sum))))
		elog(ERROR, "contributions sum to %g, not %g", sum, margins[0]);
	for (int c = 0; c < n; c++)
		if (algorithm_surprise.cell(model, encoder, rows, c, &reason) && !isfinite(reason.bits))
			elog(ERROR, "cell of %g bits", reason.bits);
	algorithm_surprise.importance(model, phi, phi + n, phi + 2 * n);
}

/* Takes a mutant the whole way; false when a sound artifact is not written again as it was. */
static bool
serve(const char *bytes, Size len, bool compiled, Random *random, const void *arg)
{
	StringInfoData out;

	if (compiled)
	{
		use(algorithm_surprise.open(bytes, len), random);
		return true;
	}
	initStringInfo(&out);
	algorithm_surprise.compile(bytes, len, &out);
	use(algorithm_surprise.open(out.data, out.len), random);
	resetStringInfo(&out);
	surprise_write(surprise_read(bytes, len), &out);
	/* a number may be written otherwise than in its shortest form: what is written is stable */
	bytes = pnstrdup(out.data, out.len);
	len = out.len;
	resetStringInfo(&out);
	surprise_write(surprise_read(bytes, len), &out);
	return out.len == len && memcmp(out.data, bytes, len) == 0;
}

/* Tries mutants of an artifact or of its compiled form; the first is the thing itself. */
Datum
test_surprise_mutate(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);

	return mutants_run(fcinfo, bytes, len, PG_GETARG_BOOL(1), PG_GETARG_INT32(2), PG_GETARG_INT32(3), serve, NULL);
}

/* Makes an encoder of one feature a column, every fifth a category of twenty when asked for. */
Encoder *
plain_encoder(int ncols, bool categorical)
{
	Encoder    *encoder = palloc0(sizeof(Encoder));

	encoder->ncolumns = encoder->nfeatures = ncols;
	encoder->columns = palloc0(sizeof(EncoderColumn) * ncols);
	encoder->features = palloc0(sizeof(EncoderFeature) * ncols);
	for (int f = 0; f < ncols; f++)
	{
		encoder->columns[f].name = psprintf("f%d", f);
		encoder->columns[f].first_feature = f;
		encoder->columns[f].nfeatures = 1;
		encoder->features[f].name = encoder->columns[f].name;
		encoder->features[f].column = f;
		encoder->features[f].categorical = categorical && f % 5 == 4;
		encoder->features[f].ncategories = 20;
	}
	return encoder;
}

/* Makes random rows whose columns depend on a hidden number, so that there is something to learn. */
static Matrix *
make_rows(int nrows, const Encoder *encoder)
{
	Matrix	   *rows = matrix_create(CurrentMemoryContext, encoder->nfeatures, 0, "rows");
	Random		random;

	random_seed(&random, 5);
	for (int i = 0; i < nrows; i++)
	{
		float	   *row = matrix_append(rows);
		double		hidden = random_unit(&random);

		for (int f = 0; f < encoder->nfeatures; f++)
		{
			double		x = (f % 3 == 0 ? random_unit(&random) : hidden) + random_unit(&random) * random_unit(&random);

			row[f] = random_below(&random, 20) == 0 ? NAN : encoder->features[f].categorical ? floor(x * 10) : x * (f + 1);
		}
	}
	return rows;
}

/* Measures learning and scoring. */
Datum
test_bench_surprise(PG_FUNCTION_ARGS)
{
	Encoder    *encoder = plain_encoder(PG_GETARG_INT32(1), PG_GETARG_BOOL(2));
	TrainRequest request = {.task = TASK_ANOMALY, .encoder = encoder, .params = PG_GETARG_JSONB_P(3)};
	TrainResult result = {0};
	LoadedModel *model;
	float		margins[SURPRISE_BLOCK];
	TupleDesc	desc;
	Datum		values[5];
	bool		nulls[5] = {0};
	double		best[2] = {HUGE_VAL, HUGE_VAL};
	double		start;
	const Matrix *rows;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	request.rows = rows = make_rows(PG_GETARG_INT32(0), encoder);
	start = cpu_seconds();
	algorithm_surprise.train(&request, &result);
	values[0] = Float8GetDatum(cpu_seconds() - start);
	model = algorithm_surprise.open(result.compiled.data, result.compiled.len);
	for (int repeat = 0; repeat < 3; repeat++)
	{
		int			n = (int) Min(rows->nrows, rows->chunk_rows) / SURPRISE_BLOCK * SURPRISE_BLOCK;

		start = cpu_seconds();
		for (int i = 0; i < n; i += SURPRISE_BLOCK)
			algorithm_surprise.margin(model, matrix_row(rows, i), SURPRISE_BLOCK, margins);
		best[0] = Min(best[0], (cpu_seconds() - start) / n * 1e9);
		start = cpu_seconds();
		for (int i = 0; i < n; i++)
			algorithm_surprise.margin(model, matrix_row(rows, i), 1, margins);
		best[1] = Min(best[1], (cpu_seconds() - start) / n * 1e9);
	}
	values[1] = Float8GetDatum(best[0]);
	values[2] = Float8GetDatum(best[1]);
	values[3] = Int32GetDatum(result.artifact.len);
	values[4] = Int32GetDatum(result.compiled.len);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
