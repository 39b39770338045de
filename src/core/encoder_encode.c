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

/* Features that a CATEGORY column has at most. */
#define CATEGORY_FEATURES 3

/* Finds the code of a category or pattern by its text: open addressing over the encoder's own strings. */
typedef struct TextIndex
{
	uint32		mask;
	int32	   *slots;			/* code, or -1 */
	uint32	   *hashes;			/* by code */
	int		   *lengths;		/* by code */
	char	  **texts;			/* the encoder's */
	int			ntexts;
} TextIndex;

typedef struct EnumCode
{
	Oid			value;
	float		features[CATEGORY_FEATURES];
} EnumCode;

typedef struct BoundColumn
{
	int			attno;			/* 0-based */
	EncoderKind kind;
	EncoderForm form;			/* a text form where the text form is what counts */
	int			nfeatures;
	Oid			type;			/* of the row's column */
	EncoderReader *reader;		/* text forms */
	TextIndex  *index;			/* CATEGORY */
	float		unseen;			/* CATEGORY: code of a value that is not in the index */
	EnumCode   *enums;			/* CATEGORY read from an enum */
	TextIndex  *patterns;		/* NULL when they are not among the features */
	float	   *category_patterns;	/* CATEGORY with patterns: codes of the categories' own patterns */
} BoundColumn;

struct EncoderBinding
{
	const Encoder *encoder;
	int			ncolumns;
	int			last_attno;		/* 1-based */
	PinNeeds	needs;			/* settings that what is read depends on */
	BoundColumn *columns;
};

/* Builds the index over a column's categories or patterns. */
static TextIndex *
bind_texts(char **texts, int ntexts)
{
	TextIndex  *index = palloc(sizeof(TextIndex));
	uint32		nslots = pg_nextpower2_32(Max(2 * ntexts, 2));

	index->mask = nslots - 1;
	index->slots = palloc(sizeof(int32) * nslots);
	memset(index->slots, -1, sizeof(int32) * nslots);
	index->hashes = palloc(sizeof(uint32) * Max(ntexts, 1));
	index->lengths = palloc(sizeof(int) * Max(ntexts, 1));
	index->texts = texts;
	index->ntexts = ntexts;
	for (int i = 0; i < ntexts; i++)
	{
		int			len = (int) strlen(texts[i]);
		uint32		hash = hash_bytes((const unsigned char *) texts[i], len);
		uint32		slot = hash & index->mask;

		while (index->slots[slot] >= 0)
			slot = (slot + 1) & index->mask;
		index->slots[slot] = i;
		index->hashes[i] = hash;
		index->lengths[i] = len;
	}
	return index;
}

/* Gives the code of a text, or -1 when it is not in the index. */
static inline int32
text_code(const TextIndex *index, const char *text, int len)
{
	uint32		hash = hash_bytes((const unsigned char *) text, len);
	uint32		slot = hash & index->mask;
	int32		code;

	while ((code = index->slots[slot]) >= 0)
	{
		if (index->hashes[code] == hash && index->lengths[code] == len &&
			memcmp(index->texts[code], text, len) == 0)
			break;
		slot = (slot + 1) & index->mask;
	}
	return code;
}

/* Gives the code of a text's character pattern: their number for one that is not in the index. */
static float
pattern_code(const TextIndex *patterns, const char *text, int len)
{
	char		pattern[TEXT_PATTERN_MAX];
	int32		code = text_code(patterns, pattern, text_pattern(text, len, pattern));

	return (float) (code >= 0 ? code : patterns->ntexts);
}

/* Prepares to look a column's categories up, and their patterns with them. */
static void
bind_categories(BoundColumn *bound, const EncoderColumn *column, bool marks_unseen)
{
	bound->index = bind_texts(column->categories, column->ncategories);
	bound->unseen = marks_unseen ? (float) column->ncategories : get_float4_nan();
	if (bound->patterns == NULL)
		return;
	bound->category_patterns = palloc(sizeof(float) * Max(column->ncategories, 1));
	for (int i = 0; i < column->ncategories; i++)
		bound->category_patterns[i] = pattern_code(bound->patterns, column->categories[i], bound->index->lengths[i]);
}

/* Says whether a type's values are of the class that the kind stands for. */
static bool
bind_of_kind(EncoderKind kind, const EncoderType *type)
{
	if (kind == ENCODER_DATE || kind == ENCODER_TIMESTAMP)
		return type->kind == ENCODER_DATE || type->kind == ENCODER_TIMESTAMP;
	return type->kind == kind;
}

/* Says whether a type that holds no text can serve a category: one made of its class can it serve. */
static bool
bind_serves_category(const EncoderColumn *column, const EncoderType *type)
{
	EncoderType learned;

	if (!OidIsValid(column->type))
		return strcmp(encoder_type_name(type->base), column->type_name) == 0;
	encoder_type_of(column->type, &learned);
	return !ENCODER_FORM_IS_TEXT(learned.form) && bind_of_kind(learned.kind, type);
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
		case ENCODER_CATEGORY:
		case ENCODER_TEXT:
			if (!ENCODER_FORM_IS_TEXT(type->form))
				return column->kind == ENCODER_CATEGORY && bind_serves_category(column, type);
			/* Whatever was read as text may come as text; another type must be the same. */
			return type->string ||
				(!bind_learned_from_string(column) &&
				 strcmp(encoder_type_name(type->base), column->type_name) == 0);
		default:
			return bind_of_kind(column->kind, type);
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
	bound->form = column->kind == ENCODER_CATEGORY ? FORM_TEXT : type.form;
	bound->nfeatures = column->nfeatures;
	if (column->patterns != NULL)
		bound->patterns = bind_texts(column->patterns, column->npatterns);
	if (ENCODER_FORM_IS_TEXT(bound->form))
	{
		bound->reader = palloc(sizeof(EncoderReader));
		encoder_reader_init(bound->reader, &type);
		binding->needs |= encoder_reader_needs(&type);
	}
	if (column->kind == ENCODER_CATEGORY)
	{
		bind_categories(bound, column, binding->encoder->marks_unseen);
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

/* Gives a time column's feature: seconds since midnight. */
static float
encode_time(EncoderForm form, Datum value)
{
	return (float) ((double) encoder_time_of_day(form, value) / (double) USECS_PER_SEC);
}

/* Writes a category column's features: code, and where there are patterns the pattern's code and the length in bytes. */
static void
encode_category(BoundColumn *column, Datum value, float *out)
{
	int			limit = column->patterns != NULL ? ENCODER_TEXT_LIMIT : ENCODER_MAX_CATEGORY;
	const char *text;
	int			len;
	Size		full;
	int32		code = -1;

	text = encoder_reader_text(column->reader, value, limit, &len, &full);
	if (full <= ENCODER_MAX_CATEGORY)
		code = text_code(column->index, text, len);
	out[0] = (code >= 0) ? (float) code : column->unseen;
	if (column->patterns == NULL)
		return;
	out[1] = (code >= 0) ? column->category_patterns[code] : pattern_code(column->patterns, text, len);
	out[2] = (float) full;
}

/* Writes the features of a category read from an enum: labels seldom change, so they are remembered by OID. */
static void
encode_enum(BoundColumn *column, Datum value, float *out)
{
	EnumCode   *known = &column->enums[DatumGetObjectId(value) % ENUM_CACHE_SIZE];

	if (known->value != DatumGetObjectId(value))
	{
		encode_category(column, value, known->features);
		known->value = DatumGetObjectId(value);
	}
	memcpy(out, known->features, sizeof(float) * column->nfeatures);
}

/* Writes a text column's features: length in bytes, shares of character classes, its pattern where there are such, counts of 3-grams. */
static void
encode_text(BoundColumn *column, Datum value, float *out)
{
	int			counts[TEXT_NCLASSES] = {0};
	int			base = encoder_kind_nfeatures(ENCODER_TEXT, column->patterns != NULL, 0);
	int			nbuckets = column->nfeatures - base;
	float	   *buckets = out + base;
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
	if (column->patterns != NULL)
		out[ENCODER_TEXT_BASE] = pattern_code(column->patterns, text, len);
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
			if (column->enums != NULL)
				encode_enum(column, value, out);
			else if (column->kind == ENCODER_CATEGORY)
				encode_category(column, value, out);
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
