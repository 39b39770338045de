/*
 * encoder_int.h
 *	  How the encoder's files see each other; nobody else includes it.
 *
 *		encoder_kind.c		type → form and kind; kinds' names and features
 *		encoder_text.c		a value's text form
 *		encoder_count.c		the most frequent values in bounded memory
 *		encoder_learn.c		choosing columns, learning categories
 *		encoder_value.c		numbers, moments, arrays, JSON → floats
 *		encoder_encode.c	binding to a row type, encoding rows
 *		encoder_profile.c	what training saw
 *		encoder_phrase.c	telling it in words
 *		encoder_json.c		a strict reader of JSON
 *		encoder_store.c		writing and reading an encoder
 */
#ifndef CORE_ENCODER_INT_H
#define CORE_ENCODER_INT_H

#include <float.h>

#include "fmgr.h"
#include "utils/array.h"

#include "compat/compat.h"
#include "core/encoder.h"
#include "core/pin.h"

/* Texts longer than this many bytes are never categories. */
#define ENCODER_MAX_CATEGORY 256
/* Bytes of a text that its features look at; its whole length is counted all the same. */
#define ENCODER_TEXT_LIMIT 1000
/* Features of a TEXT column before its 3-gram buckets. */
#define ENCODER_TEXT_BASE 7

#define ENCODER_MAX_CATEGORIES 10000
#define ENCODER_MAX_PATTERNS 63
#define ENCODER_MAX_BUCKETS 1024
/* The compiled forest addresses two copies of every feature with 16 bits. */
#define ENCODER_MAX_FEATURES 32000

/* How a Datum of a type is read. */
typedef enum EncoderForm
{
	FORM_BOOL,
	FORM_INT2,
	FORM_INT4,
	FORM_INT8,
	FORM_MONEY,					/* in hundreds of its smallest unit, whatever lc_monetary says */
	FORM_OID,
	FORM_FLOAT4,
	FORM_FLOAT8,
	FORM_NUMERIC,
	FORM_DATE,
	FORM_TIME,
	FORM_TIMETZ,
	FORM_TIMESTAMP,				/* and timestamptz, in UTC */
	FORM_INTERVAL,
	FORM_INET,
	FORM_ARRAY,
	FORM_JSON,
	FORM_JSONB,
	/* from here on: the text form is what counts */
	FORM_TEXT,
	FORM_BPCHAR,				/* without its padding */
	FORM_NAME,
	FORM_CHAR,
	FORM_ENUM,
	FORM_UUID,
	FORM_BYTEA,					/* as hexadecimal digits */
	FORM_OUTPUT					/* what the type's output function gives */
} EncoderForm;

#define ENCODER_FORM_IS_TEXT(form) ((form) >= FORM_TEXT)

typedef struct EncoderType
{
	Oid			base;			/* domains resolved */
	EncoderForm form;
	EncoderKind kind;			/* CATEGORY for text forms: undecided until learned */
	bool		string;			/* holds text by nature, so that any other such type may serve */
} EncoderType;

extern void encoder_type_of(Oid type, EncoderType *out);
extern bool encoder_type_is_builtin(Oid type);

extern const char *encoder_kind_name(EncoderKind kind);
extern bool encoder_kind_by_name(const char *name, EncoderKind *kind);

/* Says whether columns of this kind have patterns in an encoder that marks what is unseen. */
extern bool encoder_kind_has_patterns(EncoderKind kind);

/* Features of a column of this kind, with or without patterns; nbuckets matters to TEXT alone. */
extern int	encoder_kind_nfeatures(EncoderKind kind, bool patterns, int nbuckets);

/* Gives which of a column's features is its pattern, or -1. */
extern int	encoder_pattern_feature(const EncoderColumn *column);

/* What a feature's name has behind the column's: "", ".hour"; NULL for a bucket of 3-grams. */
extern const char *encoder_feature_suffix(const EncoderColumn *column, int i);

/* Lays the columns' features out one after the other and names them. */
extern void encoder_build_features(Encoder *encoder);

/* Gives the text form of one column's values, of any type. */
typedef struct EncoderReader
{
	EncoderForm form;
	FmgrInfo	output;			/* FORM_OUTPUT, and what is not text by itself */
	char		buffer[NAMEDATALEN];	/* forms that are made here */
} EncoderReader;

extern void encoder_reader_init(EncoderReader *reader, const EncoderType *type);

/* Settings that the text form depends on. */
extern PinNeeds encoder_reader_needs(const EncoderType *type);

/*
 * Gives the text's first bytes, at most limit, not NUL-terminated, and the
 * length of the whole.  Good until the next call; copies go to CurrentMemoryContext.
 */
extern const char *encoder_reader_text(EncoderReader *reader, Datum value, int limit, int *len, Size *full);

/* One of the values that a counter kept. */
typedef struct ValueCount
{
	int64		count;
	uint32		hash;
	int			len;
	char	   *text;			/* NUL-terminated */
} ValueCount;

typedef struct ValueCounter ValueCounter;

/* A counter of at most capacity values and about so many bytes, which are VALUE_COUNTER_MIN_BYTES or more. */
#define VALUE_COUNTER_MIN_BYTES ((Size) 16 * 1024)
extern ValueCounter *value_counter_create(MemoryContext parent, int capacity, Size budget);
extern void value_counter_add(ValueCounter *counter, const char *text, int len);

/* The kept values, most frequent first, ties in byte order; a count may be short by so much, 0 when all were kept. */
extern ValueCount *value_counter_sorted(ValueCounter *counter, int *nvalues, int64 *short_by);

/* Brings a value into the range of finite floats, as the library takes no other; NaN stays NaN. */
static inline float
encoder_clamp(double value)
{
	if (unlikely(value > FLT_MAX))
		return FLT_MAX;
	if (unlikely(value < -FLT_MAX))
		return -FLT_MAX;
	return (float) value;
}

extern double encoder_numeric(Datum value);
extern int64 encoder_time_of_day(EncoderForm form, Datum value);
extern void encoder_date(int32 date, int nfeatures, float *out);
extern void encoder_timestamp(int64 timestamp, int nfeatures, float *out);
extern void encoder_inet(Datum value, float *out);
extern float encoder_array(Datum value);
extern void encoder_json(Datum value, float *out);
extern void encoder_jsonb(Datum value, float *out);

/* Names of the type codes that encoder_json() and encoder_jsonb() give, from 1 on. */
#define ENCODER_JSON_TYPES 6
extern const char *encoder_json_type(int code);

/* Fields of a JSON object or elements of an array, read one after the other. */
typedef struct JsonCursor
{
	const char *at;
	const char *end;			/* there is a NUL */
} JsonCursor;

extern void json_corrupt(const char *what) pg_attribute_noreturn();
extern int	json_encoding(void);
extern void json_begin(JsonCursor *json, const char *text, Size len);
extern void json_end(JsonCursor *json);
extern bool json_boolean(JsonCursor *json);
extern bool json_next_key(JsonCursor *json, bool *first, char **key);
extern bool json_next_element(JsonCursor *json, bool *first);
extern char *json_string(JsonCursor *json);
extern int64 json_integer(JsonCursor *json, int64 min, int64 max);
extern float json_real(JsonCursor *json);

#endif							/* CORE_ENCODER_INT_H */
