/*-------------------------------------------------------------------------
 *
 * encoder_encode.c
 *	  Binds an encoder to a row type by column name and encodes rows.
 *
 * The binding decides everything that depends on types, so that encoding a
 * value is one switch and the value's own arithmetic.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "port/pg_bitutils.h"
#include "utils/builtins.h"
#include "utils/cash.h"
#include "utils/date.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "compat/compat.h"
#include "core/encoder_int.h"
#include "core/source.h"
#include "core/text.h"

/* Enum values whose code is remembered, by the low bits of their OID. */
#define ENUM_CACHE_SIZE 64
/* Bytes of a value that are shown. */
#define ENCODER_SHOWN 1000

/* Finds a category's code by its text: open addressing over the encoder's own strings. */
typedef struct CategoryIndex
{
	uint32		mask;
	int32	   *slots;			/* code, or -1 */
	uint32	   *hashes;			/* by code */
	int		   *lengths;		/* by code */
	char	  **texts;			/* the encoder's */
} CategoryIndex;

typedef struct EnumCode
{
	Oid			value;
	float		code;
} EnumCode;

typedef struct BoundColumn
{
	int			attno;			/* 0-based */
	EncoderKind kind;
	EncoderForm form;
	int			nfeatures;
	Oid			type;			/* of the row's column */
	EncoderReader *reader;		/* text forms */
	CategoryIndex *index;		/* CATEGORY */
	EnumCode   *enums;			/* CATEGORY read from an enum */
} BoundColumn;

struct EncoderBinding
{
	const Encoder *encoder;
	int			ncolumns;
	int			last_attno;		/* 1-based */
	PinNeeds	needs;			/* settings that what is read depends on */
	BoundColumn *columns;
};

/* Builds the index over a column's categories. */
static CategoryIndex *
bind_categories(const EncoderColumn *column)
{
	CategoryIndex *index = palloc(sizeof(CategoryIndex));
	uint32		nslots = pg_nextpower2_32(Max(2 * column->ncategories, 2));

	index->mask = nslots - 1;
	index->slots = palloc(sizeof(int32) * nslots);
	memset(index->slots, -1, sizeof(int32) * nslots);
	index->hashes = palloc(sizeof(uint32) * Max(column->ncategories, 1));
	index->lengths = palloc(sizeof(int) * Max(column->ncategories, 1));
	index->texts = column->categories;
	for (int i = 0; i < column->ncategories; i++)
	{
		int			len = (int) strlen(column->categories[i]);
		uint32		hash = hash_bytes((const unsigned char *) column->categories[i], len);
		uint32		slot = hash & index->mask;

		while (index->slots[slot] >= 0)
			slot = (slot + 1) & index->mask;
		index->slots[slot] = i;
		index->hashes[i] = hash;
		index->lengths[i] = len;
	}
	return index;
}

/* Gives a category's code, or NaN for a text that was never seen. */
static inline float
category_code(const CategoryIndex *index, const char *text, int len)
{
	uint32		hash = hash_bytes((const unsigned char *) text, len);
	uint32		slot = hash & index->mask;
	int32		code;

	while ((code = index->slots[slot]) >= 0)
	{
		if (index->hashes[code] == hash && index->lengths[code] == len &&
			memcmp(index->texts[code], text, len) == 0)
			return (float) code;
		slot = (slot + 1) & index->mask;
	}
	return get_float4_nan();
}

/* Says whether the column was learned from a type that holds text by nature. */
static bool
bind_learned_from_string(const EncoderColumn *column)
{
	EncoderType learned;

	if (!OidIsValid(column->type))
		return false;
	encoder_type_of(column->type, &learned);
	return learned.string;
}

/* Says whether a row's column of this type can serve the learned column. */
static bool
bind_serves(const EncoderColumn *column, const EncoderType *type)
{
	switch (column->kind)
	{
		case ENCODER_DATE:
		case ENCODER_TIMESTAMP:
			return type->kind == ENCODER_DATE || type->kind == ENCODER_TIMESTAMP;
		case ENCODER_CATEGORY:
		case ENCODER_TEXT:
			if (!ENCODER_FORM_IS_TEXT(type->form))
				return false;
			/* Whatever was read as text may come as text; another type must be the same. */
			return type->string ||
				(!bind_learned_from_string(column) &&
				 strcmp(encoder_type_name(type->base), column->type_name) == 0);
		default:
			return type->kind == column->kind;
	}
}

/* Binds one column. */
static void
bind_column(EncoderBinding *binding, BoundColumn *bound, const EncoderColumn *column,
			TupleDesc desc, const char *what)
{
	AttrNumber	attno = source_column(desc, column->name);
	EncoderType type;

	if (attno == InvalidAttrNumber)
		source_no_column(column->name, psprintf("the row given to %s", what), desc);
	bound->type = TupleDescAttr(desc, attno - 1)->atttypid;
	encoder_type_of(bound->type, &type);
	if (!bind_serves(column, &type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" is of type %s, but %s learned it from type %s",
						column->name, format_type_be(bound->type), what, column->type_name),
				 errhint("Cast the column, or train a new version.")));

	bound->attno = attno - 1;
	bound->kind = column->kind;
	bound->form = type.form;
	bound->nfeatures = column->nfeatures;
	if (ENCODER_FORM_IS_TEXT(type.form))
	{
		bound->reader = palloc(sizeof(EncoderReader));
		encoder_reader_init(bound->reader, &type);
		binding->needs |= encoder_reader_needs(&type);
	}
	if (column->kind == ENCODER_CATEGORY)
	{
		bound->index = bind_categories(column);
		if (type.form == FORM_ENUM)
			bound->enums = palloc0(sizeof(EnumCode) * ENUM_CACHE_SIZE);
	}
	binding->last_attno = Max(binding->last_attno, attno);
}

/* Binds the encoder to a row type in the current memory context; what names the model in messages. */
EncoderBinding *
encoder_bind(const Encoder *encoder, TupleDesc desc, const char *what)
{
	EncoderBinding *binding = palloc0(sizeof(EncoderBinding));

	binding->encoder = encoder;
	binding->ncolumns = encoder->ncolumns;
	binding->columns = palloc0(sizeof(BoundColumn) * Max(encoder->ncolumns, 1));
	for (int i = 0; i < encoder->ncolumns; i++)
		bind_column(binding, &binding->columns[i], &encoder->columns[i], desc, what);
	return binding;
}

/* Gives the highest attribute number that the binding reads. */
int
encoder_last_attno(const EncoderBinding *binding)
{
	return binding->last_attno;
}

/* Gives a time column's feature: seconds since midnight, in UTC when the zone is known. */
static float
encode_time(EncoderForm form, Datum value)
{
	TimeTzADT  *timetz;
	int64		usecs;

	if (form == FORM_TIME)
		return (float) ((double) DatumGetTimeADT(value) / (double) USECS_PER_SEC);
	timetz = DatumGetTimeTzADTP(value);
	usecs = (timetz->time + timetz->zone * USECS_PER_SEC) % USECS_PER_DAY;
	if (usecs < 0)
		usecs += USECS_PER_DAY;
	return (float) ((double) usecs / (double) USECS_PER_SEC);
}

/* Gives a category column's feature. */
static float
encode_category(BoundColumn *column, Datum value)
{
	const char *text;
	int			len;
	Size		full;
	EnumCode   *known = NULL;
	float		code;

	if (column->enums != NULL)
	{
		known = &column->enums[DatumGetObjectId(value) % ENUM_CACHE_SIZE];
		if (known->value == DatumGetObjectId(value))
			return known->code;
	}
	text = encoder_reader_text(column->reader, value, ENCODER_MAX_CATEGORY, &len, &full);
	code = (full <= ENCODER_MAX_CATEGORY) ? category_code(column->index, text, len) : get_float4_nan();
	if (known != NULL)
	{
		known->value = DatumGetObjectId(value);
		known->code = code;
	}
	return code;
}

/* Writes a text column's features: length in bytes, shares of character classes, counts of 3-grams. */
static void
encode_text(BoundColumn *column, Datum value, float *out)
{
	int			counts[TEXT_NCLASSES] = {0};
	int			nbuckets = column->nfeatures - ENCODER_TEXT_BASE;
	float	   *buckets = out + ENCODER_TEXT_BASE;
	const char *text;
	int			len;
	int			nchars;
	Size		full;

	text = encoder_reader_text(column->reader, value, ENCODER_TEXT_LIMIT, &len, &full);
	for (int i = 0; i < nbuckets; i++)
		buckets[i] = 0.0f;
	nchars = text_shape(text, len, counts, buckets, nbuckets);
	out[0] = (float) full;
	for (int i = TEXT_DIGIT; i <= TEXT_NON_ASCII; i++)
		out[i + 1] = (nchars > 0) ? (float) counts[i] / (float) nchars : 0.0f;
}

/* Writes one value's features; the form alone says how, but for text. */
static inline void
encode_value(BoundColumn *column, Datum value, float *out)
{
	switch (column->form)
	{
		case FORM_BOOL:
			out[0] = DatumGetBool(value) ? 1.0f : 0.0f;
			break;
		case FORM_INT2:
			out[0] = (float) DatumGetInt16(value);
			break;
		case FORM_INT4:
			out[0] = (float) DatumGetInt32(value);
			break;
		case FORM_INT8:
			out[0] = (float) DatumGetInt64(value);
			break;
		case FORM_MONEY:
			out[0] = (float) ((double) DatumGetCash(value) / 100.0);
			break;
		case FORM_OID:
			out[0] = (float) DatumGetObjectId(value);
			break;
		case FORM_FLOAT4:
			out[0] = encoder_clamp(DatumGetFloat4(value));
			break;
		case FORM_FLOAT8:
			out[0] = encoder_clamp(DatumGetFloat8(value));
			break;
		case FORM_NUMERIC:
			out[0] = encoder_clamp(encoder_numeric(value));
			break;
		case FORM_DATE:
			encoder_date(DatumGetDateADT(value), column->nfeatures, out);
			break;
		case FORM_TIMESTAMP:
			encoder_timestamp(DatumGetTimestamp(value), column->nfeatures, out);
			break;
		case FORM_TIME:
		case FORM_TIMETZ:
			out[0] = encode_time(column->form, value);
			break;
		case FORM_INTERVAL:
			out[0] = encoder_clamp(encoder_interval(value));
			break;
		case FORM_INET:
			encoder_inet(value, out);
			break;
		case FORM_ARRAY:
			out[0] = encoder_array(value);
			break;
		case FORM_JSON:
			encoder_json(value, out);
			break;
		case FORM_JSONB:
			encoder_jsonb(value, out);
			break;
		default:
			if (column->kind == ENCODER_CATEGORY)
				out[0] = encode_category(column, value);
			else
				encode_text(column, value, out);
	}
}

/* Encodes one deformed row. */
void
encoder_encode(EncoderBinding *binding, const Datum *values, const bool *nulls, float *out)
{
	int			level = pin_begin(binding->needs);
	const float missing = get_float4_nan();

	for (int i = 0; i < binding->ncolumns; i++)
	{
		BoundColumn *column = &binding->columns[i];

		if (!nulls[column->attno])
			encode_value(column, values[column->attno], out);
		else
			for (int f = 0; f < column->nfeatures; f++)
				out[f] = missing;
		out += column->nfeatures;
	}
	pin_end(level);
}

/* Gives a copy of a column's value as people read it, at most 1,000 bytes of it, or NULL. */
char *
encoder_column_text(EncoderBinding *binding, int column, const Datum *values, const bool *nulls)
{
	const BoundColumn *bound = &binding->columns[column];
	Oid			output;
	bool		varlena;
	int			level;
	char	   *text;
	int			len;

	if (nulls[bound->attno])
		return NULL;
	getTypeOutputInfo(bound->type, &output, &varlena);
	level = pin_begin(pin_type_needs(bound->type));
	text = OidOutputFunctionCall(output, values[bound->attno]);
	pin_end(level);
	len = (int) strlen(text);
	if (len <= ENCODER_SHOWN)
		return text;
	return psprintf("%.*s...", text_clip(text, len, ENCODER_SHOWN), text);
}
