/*-------------------------------------------------------------------------
 *
 * encoder.c
 *	  Sources and encoders as SQL functions: reading and learning.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/encoder.h"
#include "core/matrix.h"
#include "core/source.h"

PG_FUNCTION_INFO_V1(test_source_describe);
PG_FUNCTION_INFO_V1(test_source_read);
PG_FUNCTION_INFO_V1(test_encoder_learn);
PG_FUNCTION_INFO_V1(test_bench_encode);

/* Forms the function's result row. */
static Datum
result_row(FunctionCallInfo fcinfo, Datum *values)
{
	bool		nulls[8] = {0};
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* Resolves a source and tells what came out. */
Datum
test_source_describe(PG_FUNCTION_ARGS)
{
	Source	   *source = source_resolve(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	Datum		values[3];

	values[0] = CStringGetTextDatum(source->resolved);
	values[1] = BoolGetDatum(source->direct);
	values[2] = Int32GetDatum(source->desc->natts);
	return result_row(fcinfo, values);
}

/* Reads a source and gives the number of rows and a hash over its first column. */
Datum
test_source_read(PG_FUNCTION_ARGS)
{
	Source	   *source = source_resolve(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	SourceScan *scan = source_scan_begin(source, PG_GETARG_FLOAT8(1), PG_GETARG_INT32(2));
	int64		stop_after = PG_GETARG_INT64(3);
	Datum	   *row;
	bool	   *nulls;
	Datum		values[2];
	int64		nrows = 0;
	uint64		hash = 0;
	Oid			output;
	bool		varlena;

	getTypeOutputInfo(TupleDescAttr(source->desc, 0)->atttypid, &output, &varlena);
	while (nrows != stop_after && source_scan_next(scan, &row, &nulls))
	{
		char	   *text = nulls[0] ? pstrdup("") : OidOutputFunctionCall(output, row[0]);

		hash = hash_combine64(hash, hash_bytes_extended((unsigned char *) text, (int) strlen(text), 0));
		pfree(text);
		nrows++;
	}
	source_scan_end(scan);
	values[0] = Int64GetDatum(nrows);
	values[1] = Int64GetDatum((int64) (hash & PG_INT64_MAX));
	return result_row(fcinfo, values);
}

/* Gives a text[] argument as a list of strings. */
static List *
string_list(ArrayType *array)
{
	List	   *list = NIL;
	Datum	   *elements;
	int			nelements;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &nelements);
	for (int i = 0; i < nelements; i++)
		list = lappend(list, TextDatumGetCString(elements[i]));
	return list;
}

/* Fills a matrix from the source. */
static Matrix *
encode_source(Source *source, const Encoder *encoder, Size budget)
{
	EncoderBinding *binding = encoder_bind(encoder, source->desc, "the source");
	Matrix	   *matrix = matrix_create(CurrentMemoryContext, encoder->nfeatures, budget, "training data");
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "aipipe_test encode", ALLOCSET_DEFAULT_SIZES);
	SourceScan *scan = source_scan_begin(source, 1.0, 0);
	Datum	   *values;
	bool	   *nulls;

	while (source_scan_next(scan, &values, &nulls))
	{
		MemoryContext old = MemoryContextSwitchTo(scratch);

		encoder_encode(binding, values, nulls, matrix_append(matrix));
		MemoryContextSwitchTo(old);
		if (matrix->nrows % 1000 == 0)
			MemoryContextReset(scratch);
	}
	source_scan_end(scan);
	MemoryContextDelete(scratch);
	return matrix;
}

/* Learns an encoder's columns from a source. */
static Encoder *
learn_source(Source *source, List *columns, List *exclude, const EncoderParams *params)
{
	bool		needs_rows;
	EncoderLearner *learner = encoder_learn_begin(source->desc, columns, exclude, params, &needs_rows);

	if (needs_rows)
	{
		SourceScan *scan = source_scan_begin(source, 1.0, 0);
		Datum	   *values;
		bool	   *nulls;

		while (source_scan_next(scan, &values, &nulls))
			encoder_learn_row(learner, values, nulls);
		source_scan_end(scan);
	}
	return encoder_learn_end(learner);
}

/* Learns an encoder as a training does, and gives its stored form. */
Datum
test_encoder_learn(PG_FUNCTION_ARGS)
{
	Source	   *source = source_resolve(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	EncoderParams params;
	Encoder    *encoder;
	Matrix	   *matrix;
	StringInfoData out;

	encoder_default_params(&params);
	params.max_categories = PG_GETARG_INT32(3);
	params.text_buckets = PG_GETARG_INT32(4);
	params.marks_unseen = PG_GETARG_BOOL(6);
	params.as_category = string_list(PG_GETARG_ARRAYTYPE_P(7));
	encoder = learn_source(source, string_list(PG_GETARG_ARRAYTYPE_P(1)), string_list(PG_GETARG_ARRAYTYPE_P(2)), &params);
	matrix = encode_source(source, encoder, (Size) PG_GETARG_INT64(5));
	encoder_profile(encoder, matrix);
	matrix_free(matrix);
	initStringInfo(&out);
	encoder_write(encoder, &out);
	PG_RETURN_BYTEA_P(cstring_to_text_with_len(out.data, out.len));
}

/* Measures reading a source, and reading and encoding it. */
Datum
test_bench_encode(PG_FUNCTION_ARGS)
{
	Source	   *source = source_resolve(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	EncoderParams params;
	Encoder    *encoder;
	SourceScan *scan;
	Matrix	   *matrix;
	Datum	   *row;
	bool	   *nulls;
	Datum		values[3];
	double		start;

	encoder_default_params(&params);
	params.marks_unseen = PG_GETARG_BOOL(1);
	encoder = learn_source(source, NIL, NIL, &params);

	start = cpu_seconds();
	scan = source_scan_begin(source, 1.0, 0);
	while (source_scan_next(scan, &row, &nulls))
		;
	source_scan_end(scan);
	values[1] = Float8GetDatum(cpu_seconds() - start);

	start = cpu_seconds();
	matrix = encode_source(source, encoder, 0);
	values[2] = Float8GetDatum(cpu_seconds() - start);
	values[0] = Int64GetDatum(matrix->nrows);
	matrix_free(matrix);
	return result_row(fcinfo, values);
}
