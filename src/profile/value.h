/*
 * value.h
 *	  Reading a block of one column's values, whatever the type.
 *
 * A reader is made once for a type.  It gives each value's hash (see hash.h) and, by kind, a number
 * or a text; what is only wanted now and then (the text of a frequent number) is made on demand.
 *
 *		kind		numbers are									texts are
 *		NUMBER		the value as float8							on demand
 *		TIME		seconds since 1970-01-01 00:00 (UTC)		on demand
 *		DURATION	seconds (a month has 30 days, twelve of them 365.25); since midnight for time	on demand
 *		BOOL		0 or 1										on demand
 *		TEXT		-											the value's bytes, bpchar's without its padding
 *		OTHER		-											the output function's; on demand for arrays, bytea and jsonb
 *
 * NUMBER: integers, floats, numeric, money (in its unit, not in cents), oid.  TIME: date, timestamp, timestamptz.
 * DURATION: interval, time, timetz (in UTC).  TEXT: text, varchar, bpchar, name, "char", enums, and extensions' types of
 * category S (citext).  OTHER: everything else.  A domain is read as its base type.  A numeric beyond float8 is infinite as a number.
 *
 * Texts are the same in every session: dates ISO, timestamptz in UTC, floats in full, money without a sign of
 * currency, names of a regclass qualified.
 */
#ifndef PROFILE_VALUE_H
#define PROFILE_VALUE_H

#include "postgres.h"

typedef enum ValueKind
{
	VALUE_NONE,					/* no value was seen: merges with any kind */
	VALUE_NUMBER,
	VALUE_TIME,
	VALUE_DURATION,
	VALUE_BOOL,
	VALUE_TEXT,
	VALUE_OTHER
} ValueKind;

#define VALUE_NKINDS (VALUE_OTHER + 1)

/* Rows that are looked at together. */
#define PROFILE_BLOCK 64

typedef struct ValueReader ValueReader;

/* One block of values that are not NULL. */
typedef struct ValueBlock
{
	int			n;
	Datum		datums[PROFILE_BLOCK];	/* value_read() may put detoasted copies in their place */
	uint64		hashes[PROFILE_BLOCK];
	double		numbers[PROFILE_BLOCK];

	/*
	 * TEXT, OTHER: bytes in the datum or in CurrentMemoryContext, good until the reader reads its next block.  NULL
	 * throughout the block where a text costs much and order means nothing (value_reader_is_lazy()).
	 */
	const char *texts[PROFILE_BLOCK];
	int			lengths[PROFILE_BLOCK]; /* bytes of texts; of the value where texts is NULL */
	int64		bytes;			/* sum of the values' sizes as stored, detoasted, without their headers */
} ValueBlock;

extern ValueReader *value_reader_create(MemoryContext context, Oid type);
extern ValueKind value_reader_kind(const ValueReader *reader);

/* format_type of the reader's type, the same in every session. */
extern const char *value_reader_type_name(const ValueReader *reader);

/* Says whether an OTHER reader's blocks hold no texts: value_block_text() makes one when it is asked for. */
extern bool value_reader_is_lazy(const ValueReader *reader);

/* "number", "time" …; NULL for a number that is no kind. */
extern const char *value_kind_name(ValueKind kind);

/* Says whether numbers (rather than texts) are read from a kind. */
static inline bool
value_kind_is_numeric(ValueKind kind)
{
	return kind >= VALUE_NUMBER && kind <= VALUE_BOOL;
}

/*
 * Reads block->datums (n of them, none NULL).  Detoasted copies go to
 * CurrentMemoryContext, which the caller resets after each block.
 */
extern void value_read(ValueReader *reader, ValueBlock *block);

/* The text of one value of the block, in CurrentMemoryContext or in place. */
extern const char *value_block_text(ValueReader *reader, const ValueBlock *block, int i, int *len);

/*
 * Which of two values of the block comes first (< 0, 0, > 0): exactly by number (int8 and numeric beyond float8 too; NaN
 * is the largest), by bytes for text; by the stored bytes, which is some order, where texts are NULL.
 */
extern int	value_compare(ValueReader *reader, const ValueBlock *block, int i, int j);

#endif							/* PROFILE_VALUE_H */
