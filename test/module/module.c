/*-------------------------------------------------------------------------
 *
 * module.c
 *	  Module magic, and the small functions around reading and opening.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <time.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_MODULE_MAGIC;

/* OpenMP's own; not every compiler brings its header. */
extern void omp_set_num_threads(int nthreads);

PGDLLEXPORT void _PG_init(void);

PG_FUNCTION_INFO_V1(test_train);
PG_FUNCTION_INFO_V1(test_canonical);
PG_FUNCTION_INFO_V1(test_compile);
PG_FUNCTION_INFO_V1(test_open);
PG_FUNCTION_INFO_V1(test_score);

/* Keeps the library at one thread: another would take the backend's signals. */
void
_PG_init(void)
{
	omp_set_num_threads(1);
}

/* Gives the seconds of CPU that this process used. */
double
cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* Gives a bytea argument's bytes, detoasted. */
const char *
bytea_bytes(Datum datum, Size *len)
{
	bytea	   *value = DatumGetByteaPP(datum);

	*len = VARSIZE_ANY_EXHDR(value);
	return VARDATA_ANY(value);
}

/* Gives the compiled form of a forest. */
char *
compile_model(const Forest *forest, Size *len)
{
	StringInfoData compiled;

	initStringInfo(&compiled);
	forest_compile(forest, &compiled);
	*len = compiled.len;
	return compiled.data;
}

/* Gives bytes as a bytea. */
static Datum
bytea_datum(const char *bytes, Size len)
{
	bytea	   *value = palloc(VARHDRSZ + len);

	SET_VARSIZE(value, VARHDRSZ + len);
	memcpy(VARDATA(value), bytes, len);
	return PointerGetDatum(value);
}

/* Trains a booster of the library on seeded random data. */
Datum
test_train(PG_FUNCTION_ARGS)
{
	OracleTraining training = {0};
	StringInfoData out;
	float	   *rows;
	float	   *labels;

	training.objective = text_to_cstring(PG_GETARG_TEXT_PP(0));
	training.booster = text_to_cstring(PG_GETARG_TEXT_PP(1));
	training.classes = PG_GETARG_INT32(2);
	training.categorical = PG_GETARG_BOOL(3);
	training.rounds = PG_GETARG_INT32(4);
	training.depth = PG_GETARG_INT32(5);
	training.nfeatures = PG_GETARG_INT32(6);
	training.nrows = PG_GETARG_INT32(7);
	training.seed = PG_GETARG_INT32(8);
	training.format = text_to_cstring(PG_GETARG_TEXT_PP(9));
	training.params = text_to_cstring(PG_GETARG_TEXT_PP(10));
	rows = palloc(sizeof(float) * training.nrows * training.nfeatures);
	labels = palloc(sizeof(float) * training.nrows);
	data_training(training.nrows, training.nfeatures, training.categorical, training.classes,
				  training.objective, training.seed, rows, labels);
	training.rows = rows;
	training.labels = labels;
	initStringInfo(&out);
	oracle_train(&training, &out);
	return bytea_datum(out.data, out.len);
}

/* Reads the first argument as a model; the second says whether it is our own isolation forest. */
static Forest *
read_argument(FunctionCallInfo fcinfo)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);

	return PG_GETARG_BOOL(1) ? forest_read_isolation(bytes, len) : forest_read(bytes, len);
}

/* Gives the canonical bytes of a model. */
Datum
test_canonical(PG_FUNCTION_ARGS)
{
	StringInfoData out;

	initStringInfo(&out);
	forest_write(read_argument(fcinfo), &out);
	return bytea_datum(out.data, out.len);
}

/* Gives the compiled form of a model. */
Datum
test_compile(PG_FUNCTION_ARGS)
{
	Size		len;
	char	   *compiled = compile_model(read_argument(fcinfo), &len);

	return bytea_datum(compiled, len);
}

/* Opens a compiled model given as bytea, in aligned memory. */
static const CompiledForest *
open_argument(Datum datum)
{
	Size		len;
	const char *bytes = bytea_bytes(datum, &len);
	char	   *aligned = palloc(len);

	memcpy(aligned, bytes, len);
	return forest_open(aligned, len);
}

/* Opens a compiled model and describes it. */
Datum
test_open(PG_FUNCTION_ARGS)
{
	const CompiledForest *forest = open_argument(PG_GETARG_DATUM(0));

	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%d features, %d outputs", forest_nfeatures(forest), forest_ngroups(forest))));
}

/* Gives the margins of one row. */
Datum
test_score(PG_FUNCTION_ARGS)
{
	const CompiledForest *forest = open_argument(PG_GETARG_DATUM(0));
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	int			ngroups = forest_ngroups(forest);
	float	   *margin = palloc(sizeof(float) * ngroups);
	Datum	   *result = palloc(sizeof(Datum) * ngroups);

	if (ARR_NDIM(array) != 1 || ARR_HASNULL(array) || ARR_DIMS(array)[0] != forest_nfeatures(forest))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the row must have %d values", forest_nfeatures(forest))));
	forest_margin(forest, (const float *) ARR_DATA_PTR(array), 1, margin);
	for (int i = 0; i < ngroups; i++)
		result[i] = Float4GetDatum(margin[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(result, ngroups, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT));
}
