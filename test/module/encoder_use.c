/*-------------------------------------------------------------------------
 *
 * encoder_use.c
 *	  Encoders as SQL functions: encoding rows, telling, reading mutants.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "core/encoder.h"

PG_FUNCTION_INFO_V1(test_encoder_encode);
PG_FUNCTION_INFO_V1(test_encoder_show);
PG_FUNCTION_INFO_V1(test_encoder_features);
PG_FUNCTION_INFO_V1(test_encoder_range);
PG_FUNCTION_INFO_V1(test_encoder_canonical);
PG_FUNCTION_INFO_V1(test_encoder_mutate);

/* An encoder bound to one row, and the row. */
typedef struct BoundRow
{
	Encoder    *encoder;
	EncoderBinding *binding;
	Datum	   *values;
	bool	   *nulls;
} BoundRow;

/* Reads an encoder argument. */
static Encoder *
read_encoder(Datum datum)
{
	Size		len;
	const char *bytes = bytea_bytes(datum, &len);

	return encoder_read(bytes, len);
}

/* Binds the encoder of the first argument to the row of the second. */
static BoundRow
bind_row(FunctionCallInfo fcinfo)
{
	HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(1);
	TupleDesc	desc = lookup_rowtype_tupdesc_copy(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple;
	BoundRow	row;

	row.encoder = read_encoder(PG_GETARG_DATUM(0));
	row.binding = encoder_bind(row.encoder, desc, "model \"test\"");
	row.values = palloc(sizeof(Datum) * desc->natts);
	row.nulls = palloc(sizeof(bool) * desc->natts);
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	tuple.t_data = header;
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	heap_deform_tuple(&tuple, desc, row.values, row.nulls);
	return row;
}

/* Encodes one row. */
Datum
test_encoder_encode(PG_FUNCTION_ARGS)
{
	BoundRow	row = bind_row(fcinfo);
	int			n = row.encoder->nfeatures;
	float	   *features = palloc(sizeof(float) * n);
	Datum	   *elements = palloc(sizeof(Datum) * n);

	encoder_encode(row.binding, row.values, row.nulls, features);
	for (int i = 0; i < n; i++)
		elements[i] = Float4GetDatum(features[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, n, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT));
}

/* Gives each column's value and what training saw. */
Datum
test_encoder_show(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	BoundRow	row = bind_row(fcinfo);

	InitMaterializedSRF(fcinfo, 0);
	for (int c = 0; c < row.encoder->ncolumns; c++)
	{
		char	   *value = encoder_column_text(row.binding, c, row.values, row.nulls);
		Datum		values[3];
		bool		nulls[3] = {0};

		values[0] = CStringGetTextDatum(row.encoder->columns[c].name);
		nulls[1] = (value == NULL);
		values[1] = value ? CStringGetTextDatum(value) : (Datum) 0;
		values[2] = CStringGetTextDatum(encoder_expected(row.encoder, c));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* Gives which column became which features. */
Datum
test_encoder_features(PG_FUNCTION_ARGS)
{
	StringInfoData out;

	initStringInfo(&out);
	encoder_describe(read_encoder(PG_GETARG_DATUM(0)), &out);
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data));
}

/* Tells a range of a feature's values, or one value when both ends are the same. */
Datum
test_encoder_range(PG_FUNCTION_ARGS)
{
	Encoder    *encoder = read_encoder(PG_GETARG_DATUM(0));
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	double		low = PG_GETARG_FLOAT8(2);
	double		high = PG_GETARG_FLOAT8(3);

	for (int f = 0; f < encoder->nfeatures; f++)
		if (strcmp(encoder->features[f].name, name) == 0)
			PG_RETURN_TEXT_P(cstring_to_text(low == high ? encoder_value_text(encoder, f, low) :
											 encoder_range_text(encoder, f, low, high)));
	elog(ERROR, "no feature \"%s\"", name);
}

/* Reads an encoder and writes it again. */
Datum
test_encoder_canonical(PG_FUNCTION_ARGS)
{
	StringInfoData out;

	initStringInfo(&out);
	encoder_write(read_encoder(PG_GETARG_DATUM(0)), &out);
	PG_RETURN_BYTEA_P(cstring_to_text_with_len(out.data, out.len));
}

/* Tells ordinary and impossible values of every feature. */
static void
tell_values(const Encoder *encoder)
{
	static const double values[] = {-HUGE_VAL, -1e300, -1.5, -0.0, 0.5, 1, 7, 63, 1e10, 1e300, HUGE_VAL, NAN};

	for (int f = 0; f < encoder->nfeatures; f++)
		for (int i = 0; i < lengthof(values); i++)
		{
			(void) encoder_value_text(encoder, f, values[i]);
			(void) encoder_range_text(encoder, f, values[i], values[(i + 3) % lengthof(values)]);
		}
}

/* Encodes a few texts and NULL with each column that holds text, and checks that no more is written than its features. */
static void
encode_texts(const Encoder *encoder)
{
	static const char *const texts[] = {"", "EUR", "AB-1234", NULL};

	for (int c = 0; c < encoder->ncolumns; c++)
	{
		EncoderColumn alone = encoder->columns[c];
		Encoder		one = {.ncolumns = 1, .columns = &alone, .nfeatures = alone.nfeatures, .marks_unseen = encoder->marks_unseen};
		float	   *out = palloc(sizeof(float) * (alone.nfeatures + 1));
		TupleDesc	desc = CreateTemplateTupleDesc(1);

		if (alone.kind != ENCODER_CATEGORY && alone.kind != ENCODER_TEXT)
			continue;
		alone.type = TEXTOID;
		TupleDescInitEntry(desc, 1, alone.name, TEXTOID, -1, 0);
		out[alone.nfeatures] = 42.0f;
		for (int i = 0; i < lengthof(texts); i++)
		{
			bool		isnull = (texts[i] == NULL);
			Datum		value = isnull ? (Datum) 0 : CStringGetTextDatum(texts[i]);

			encoder_encode(encoder_bind(&one, desc, "the mutant"), &value, &isnull, out);
		}
		if (out[alone.nfeatures] != 42.0f)
			elog(ERROR, "encoding wrote beyond the features");
	}
}

/* Reads a mutant and uses what came out; false when it was refused as corrupted. */
static bool
survive(StringInfo mutant, int *other)
{
	MemoryContext old = CurrentMemoryContext;
	volatile bool accepted = false;

	PG_TRY();
	{
		Encoder    *encoder = encoder_read(mutant->data, mutant->len);
		StringInfoData out;

		initStringInfo(&out);
		encoder_write(encoder, &out);
		(void) encoder_read(out.data, out.len);
		encoder_describe(encoder, &out);
		for (int c = 0; c < encoder->ncolumns; c++)
			(void) encoder_expected(encoder, c);
		tell_values(encoder);
		encode_texts(encoder);
		accepted = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(old);
		error = CopyErrorData();
		FlushErrorState();
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED || error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
			ReThrowError(error);
		if (error->sqlerrcode != ERRCODE_DATA_CORRUPTED)
		{
			(*other)++;
			elog(NOTICE, "%s: %s", unpack_sql_state(error->sqlerrcode), error->message);
		}
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	return accepted;
}

/* Tries n mutants of an encoder. */
Datum
test_encoder_mutate(PG_FUNCTION_ARGS)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext each = AllocSetContextCreate(old, "aipipe_test mutant", ALLOCSET_DEFAULT_SIZES);
	Random		random;
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);
	int			n = PG_GETARG_INT32(1);
	int			accepted = 0;
	int			other = 0;
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {0};

	random_seed(&random, PG_GETARG_INT32(2));
	for (int i = 0; i < n; i++)
	{
		StringInfoData mutant;

		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(each);
		initStringInfo(&mutant);
		appendBinaryStringInfo(&mutant, bytes, (int) len);
		for (int k = (i == 0) ? 0 : 1 + random_below(&random, 3); k > 0; k--)
			mutate_bytes(&mutant, &random);
		accepted += survive(&mutant, &other);
		MemoryContextSwitchTo(old);
		MemoryContextReset(each);
	}
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int32GetDatum(accepted);
	values[1] = Int32GetDatum(n - accepted - other);
	values[2] = Int32GetDatum(other);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
