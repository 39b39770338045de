/*-------------------------------------------------------------------------
 *
 * value.c
 *	  Which types are read how, and the readers' entry points.
 *
 * A block holds values of one column: the form is looked at once a block, and the loops
 * below it know their type.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/cash.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "core/encoder.h"
#include "profile/value_int.h"

/* Numerics whose floats are nearer to each other than this share are compared digit by digit. */
#define VALUE_NEAR 1e-14

/* Built-in types that are not read through their output function. */
static const struct
{
	Oid			type;
	ValueForm	form;
	ValueKind	kind;
}			value_types[] =
{
	{BOOLOID, VALUE_FORM_BOOL, VALUE_BOOL},
	{INT2OID, VALUE_FORM_INT2, VALUE_NUMBER},
	{INT4OID, VALUE_FORM_INT4, VALUE_NUMBER},
	{INT8OID, VALUE_FORM_INT8, VALUE_NUMBER},
	{OIDOID, VALUE_FORM_OID, VALUE_NUMBER},
	{MONEYOID, VALUE_FORM_MONEY, VALUE_NUMBER},
	{FLOAT4OID, VALUE_FORM_FLOAT4, VALUE_NUMBER},
	{FLOAT8OID, VALUE_FORM_FLOAT8, VALUE_NUMBER},
	{NUMERICOID, VALUE_FORM_NUMERIC, VALUE_NUMBER},
	{DATEOID, VALUE_FORM_DATE, VALUE_TIME},
	{TIMESTAMPOID, VALUE_FORM_TIMESTAMP, VALUE_TIME},
	{TIMESTAMPTZOID, VALUE_FORM_TIMESTAMPTZ, VALUE_TIME},
	{TIMEOID, VALUE_FORM_TIME, VALUE_DURATION},
	{TIMETZOID, VALUE_FORM_TIMETZ, VALUE_DURATION},
	{INTERVALOID, VALUE_FORM_INTERVAL, VALUE_DURATION},
	{TEXTOID, VALUE_FORM_TEXT, VALUE_TEXT},
	{VARCHAROID, VALUE_FORM_TEXT, VALUE_TEXT},
	{BPCHAROID, VALUE_FORM_BPCHAR, VALUE_TEXT},
	{NAMEOID, VALUE_FORM_NAME, VALUE_TEXT},
	{CHAROID, VALUE_FORM_CHAR, VALUE_TEXT},
	{UUIDOID, VALUE_FORM_UUID, VALUE_OTHER},
	{INETOID, VALUE_FORM_INET, VALUE_OTHER},
	{CIDROID, VALUE_FORM_INET, VALUE_OTHER},
	{JSONOID, VALUE_FORM_TEXT, VALUE_OTHER},
	{JSONBOID, VALUE_FORM_BYTES, VALUE_OTHER},
	{BYTEAOID, VALUE_FORM_BYTES, VALUE_OTHER},
};

static const char *const value_kinds[VALUE_NKINDS] =
{
	[VALUE_NONE] = "none",
	[VALUE_NUMBER] = "number",
	[VALUE_TIME] = "time",
	[VALUE_DURATION] = "duration",
	[VALUE_BOOL] = "bool",
	[VALUE_TEXT] = "text",
	[VALUE_OTHER] = "other",
};

/* Finds out how values of a base type are read; what is no built-in type is told by the catalogs. */
static void
value_form_of(ValueReader *reader)
{
	char		category;
	bool		preferred;

	for (int i = 0; i < lengthof(value_types); i++)
		if (value_types[i].type == reader->base)
		{
			reader->form = value_types[i].form;
			reader->kind = value_types[i].kind;
			return;
		}
	if (type_is_enum(reader->base))
	{
		reader->form = VALUE_FORM_ENUM;
		reader->kind = VALUE_TEXT;
		return;
	}
	if (OidIsValid(get_element_type(reader->base)) && reader->typlen == -1)
	{
		reader->form = VALUE_FORM_ARRAY;
		reader->kind = VALUE_OTHER;
		return;
	}
	get_type_category_preferred(reader->base, &category, &preferred);
	reader->form = VALUE_FORM_OUTPUT;
	reader->kind = category == TYPCATEGORY_STRING ? VALUE_TEXT : VALUE_OTHER;
}

/* Prepares to read the elements of arrays. */
static void
value_reader_elements(ValueReader *reader)
{
	Oid			element = get_element_type(reader->base);

	reader->element = value_reader_create(reader->context, element);
	reader->elements = palloc0(sizeof(ValueBlock));
	get_typlenbyvalalign(element, &reader->element_len, &reader->element_byval, &reader->element_align);
}

/* Makes a reader of a type's values; it lives in the context. */
ValueReader *
value_reader_create(MemoryContext context, Oid type)
{
	MemoryContext before = MemoryContextSwitchTo(context);
	ValueReader *reader = palloc0(sizeof(ValueReader));
	Oid			output;
	bool		varlena;

	check_stack_depth();
	reader->context = context;
	reader->base = getBaseType(type);
	reader->typlen = get_typlen(reader->base);
	reader->type_name = encoder_type_name(type);
	value_form_of(reader);
	getTypeOutputInfo(reader->base, &output, &varlena);
	fmgr_info_cxt(output, &reader->output, context);
	reader->needs = pin_type_needs(reader->base);
	if (reader->form == VALUE_FORM_ARRAY)
		value_reader_elements(reader);
	MemoryContextSwitchTo(before);
	return reader;
}

/* Gives the kind of a reader's values. */
ValueKind
value_reader_kind(const ValueReader *reader)
{
	return reader->kind;
}

/* Gives the name of the reader's type. */
const char *
value_reader_type_name(const ValueReader *reader)
{
	return reader->type_name;
}

/* Says whether texts are made on demand only, though the kind has no numbers. */
bool
value_reader_is_lazy(const ValueReader *reader)
{
	return reader->form >= VALUE_FORM_BYTES;
}

/* Gives a kind's name; NULL for a number that is no kind. */
const char *
value_kind_name(ValueKind kind)
{
	return (int) kind >= 0 && kind < VALUE_NKINDS ? value_kinds[kind] : NULL;
}

/* Reads a block of values that are not NULL. */
void
value_read(ValueReader *reader, ValueBlock *block)
{
	Assert(block->n <= PROFILE_BLOCK);
	block->bytes = 0;
	if (reader->form <= VALUE_FORM_NUMERIC)
		value_read_number(reader, block);
	else if (reader->form <= VALUE_FORM_INTERVAL)
		value_read_moment(reader, block);
	else if (reader->form <= VALUE_FORM_OUTPUT)
		value_read_text(reader, block);
	else
		value_read_other(reader, block);
}

/* Calls the type's output function with the settings that it depends on pinned. */
static const char *
value_output(ValueReader *reader, Datum datum)
{
	int			level = pin_begin(reader->needs);
	const char *text = OutputFunctionCall(&reader->output, datum);

	pin_end(level);
	return text;
}

/* Gives the text of a value that a block has no text of. */
static const char *
value_made_text(ValueReader *reader, const ValueBlock *block, int i)
{
	Datum		datum = block->datums[i];
	char	   *out;

	switch (reader->form)
	{
		case VALUE_FORM_BOOL:
			return DatumGetBool(datum) ? "true" : "false";
		case VALUE_FORM_MONEY:
			return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(int64_div_fast_to_numeric(DatumGetCash(datum), 2))));
		case VALUE_FORM_FLOAT4:
			return value_output(reader, Float4GetDatum(DatumGetFloat4(datum) + 0.0f));
		case VALUE_FORM_FLOAT8:
			return value_output(reader, Float8GetDatum(DatumGetFloat8(datum) + 0.0));
		case VALUE_FORM_DATE:
		case VALUE_FORM_TIMESTAMP:
		case VALUE_FORM_TIMESTAMPTZ:
			out = palloc(MAXDATELEN + 1);
			if (value_moment_text(reader->form, datum, out))
				return out;
			break;
		default:
			break;
	}
	return value_output(reader, datum);
}

/* Gives the text of one value of the block. */
const char *
value_block_text(ValueReader *reader, const ValueBlock *block, int i, int *len)
{
	const char *text;

	if (!value_kind_is_numeric(reader->kind) && block->texts[i] != NULL)
	{
		*len = block->lengths[i];
		return block->texts[i];
	}
	text = value_made_text(reader, block, i);
	*len = (int) strlen(text);
	return text;
}

/* Compares two 64-bit integers. */
static inline int
compare_int64(int64 a, int64 b)
{
	return (a > b) - (a < b);
}

/* Compares two runs of bytes; a prefix comes first. */
static int
compare_bytes(const char *a, int alen, const char *b, int blen)
{
	int			order = memcmp(a, b, Min(alen, blen));

	return order != 0 ? order : (alen > blen) - (alen < blen);
}

/* Compares two numbers, NaN being the largest. */
static inline int
compare_numbers(double a, double b)
{
	if (likely(!isnan(a) && !isnan(b)))
		return (a > b) - (a < b);
	return (int) isnan(a) - (int) isnan(b);
}

/* Compares two numerics, digit by digit where their floats do not tell. */
static int
compare_numerics(const ValueBlock *block, int i, int j)
{
	double		a = block->numbers[i];
	double		b = block->numbers[j];

	if (block->hashes[i] == block->hashes[j])
		return 0;
	if (isfinite(a) && isfinite(b) && fabs(a - b) > VALUE_NEAR * fabs(a))
		return a < b ? -1 : 1;
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, block->datums[i], block->datums[j]));
}

/* Says which of two values of the block comes first. */
int
value_compare(ValueReader *reader, const ValueBlock *block, int i, int j)
{
	int			ilen;
	int			jlen;
	Datum		idatum = block->datums[i];
	Datum		jdatum = block->datums[j];
	const char *ibytes;
	const char *jbytes;

	switch (reader->form)
	{
		case VALUE_FORM_INT8:
		case VALUE_FORM_MONEY:
		case VALUE_FORM_TIMESTAMP:
		case VALUE_FORM_TIMESTAMPTZ:
			return compare_int64(DatumGetInt64(idatum), DatumGetInt64(jdatum));
		case VALUE_FORM_NUMERIC:
			return compare_numerics(block, i, j);
		default:
			break;
	}
	if (value_kind_is_numeric(reader->kind))
		return compare_numbers(block->numbers[i], block->numbers[j]);
	if (block->texts[i] != NULL)
		return compare_bytes(block->texts[i], block->lengths[i], block->texts[j], block->lengths[j]);
	ibytes = value_varlena(&idatum, &ilen);
	jbytes = value_varlena(&jdatum, &jlen);
	return compare_bytes(ibytes, ilen, jbytes, jlen);
}
