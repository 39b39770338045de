/*
 * value_int.h
 *	  How the reader's files see each other; nobody else includes it.
 *
 *		value.c			type → form and kind; dispatch; comparing
 *		value_number.c	integers, floats, numeric, money
 *		value_moment.c	dates, timestamps, times, intervals
 *		value_text.c	what is read as text, and enums
 *		value_other.c	what is not: arrays, bytea, jsonb, and texts on demand
 */
#ifndef PROFILE_VALUE_INT_H
#define PROFILE_VALUE_INT_H

#include "fmgr.h"
#include "utils/hsearch.h"

#include "compat/compat.h"
#include "core/pin.h"
#include "profile/hash.h"
#include "profile/value.h"

/* How a Datum of a type is read. */
typedef enum ValueForm
{
	VALUE_FORM_BOOL,
	VALUE_FORM_INT2,
	VALUE_FORM_INT4,
	VALUE_FORM_INT8,
	VALUE_FORM_OID,
	VALUE_FORM_MONEY,
	VALUE_FORM_FLOAT4,
	VALUE_FORM_FLOAT8,
	VALUE_FORM_NUMERIC,
	VALUE_FORM_DATE,
	VALUE_FORM_TIMESTAMP,
	VALUE_FORM_TIMESTAMPTZ,
	VALUE_FORM_TIME,
	VALUE_FORM_TIMETZ,
	VALUE_FORM_INTERVAL,
	VALUE_FORM_TEXT,			/* and json */
	VALUE_FORM_BPCHAR,
	VALUE_FORM_NAME,
	VALUE_FORM_CHAR,
	VALUE_FORM_ENUM,
	VALUE_FORM_UUID,
	VALUE_FORM_INET,
	VALUE_FORM_OUTPUT,			/* what the type's output function gives */
	VALUE_FORM_BYTES,			/* bytea, jsonb */
	VALUE_FORM_ARRAY
} ValueForm;

struct ValueReader
{
	MemoryContext context;		/* holds it and what it learns */
	Oid			base;			/* domains resolved */
	ValueForm	form;
	ValueKind	kind;
	const char *type_name;
	int16		typlen;
	FmgrInfo	output;
	PinNeeds	needs;			/* settings that the output function depends on */

	HTAB	   *labels;			/* ENUM: what was read so far */
	struct ValueLabel *recent[PROFILE_BLOCK];	/* ENUM: by the lowest bits of their OID */

	struct ValueReader *element;	/* ARRAY */
	ValueBlock *elements;
	int16		element_len;
	bool		element_byval;
	char		element_align;
};

/* Hash of a whole number, whatever its type. */
static inline uint64
value_hash_whole(int64 value)
{
	return hash_bits(HASH_INTEGER, (uint64) value);
}

/* Hash of a float: as a whole number where it is one. */
static inline uint64
value_hash_real(double value)
{
	uint64		bits;

	if (value >= -9223372036854775808.0 && value < 9223372036854775808.0)
	{
		int64		whole = (int64) value;

		if ((double) whole == value)
			return value_hash_whole(whole);
	}
	else if (value != value)
		return hash_bits(HASH_REAL, UINT64CONST(0x7ff8000000000000));
	memcpy(&bits, &value, sizeof(bits));
	return hash_bits(HASH_REAL, bits);
}

/* Hash of a text that begins and ends as a number does: as a whole number where it is written as one is. */
extern uint64 value_hash_digits(const char *text, int len);

/* Hash of a text: as a whole number where it is written as one is. */
static inline uint64
value_hash_string(const char *text, int len)
{
	if (len > 0 && len <= 19 && (unsigned char) (text[len - 1] - '0') < 10 &&
		((unsigned char) (text[0] - '0') < 10 || text[0] == '-'))
		return value_hash_digits(text, len);
	return hash_text(HASH_TEXT, text, len);
}

/* Bytes of a varlena value, with its detoasted copy in the datum's place when it needs one. */
static inline const char *
value_varlena(Datum *datum, int *len)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(*datum);

	if (unlikely(VARATT_IS_COMPRESSED(value) || VARATT_IS_EXTERNAL(value)))
	{
		value = pg_detoast_datum_packed(value);
		*datum = PointerGetDatum(value);
	}
	*len = (int) VARSIZE_ANY_EXHDR(value);
	return VARDATA_ANY(value);
}

/* Each reads a block of the forms that its name says; value_read() chooses. */
extern void value_read_number(const ValueReader *reader, ValueBlock *block);
extern void value_read_moment(const ValueReader *reader, ValueBlock *block);
extern void value_read_text(ValueReader *reader, ValueBlock *block);
extern void value_read_other(ValueReader *reader, ValueBlock *block);

/* A moment or money as text; false when the output function has to say it. */
extern bool value_moment_text(ValueForm form, Datum datum, char *out);

/* The number of a numeric, and its hash. */
extern double value_numeric(Datum *datum, uint64 *hash, int *len);

#endif							/* PROFILE_VALUE_INT_H */
