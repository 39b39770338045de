/*-------------------------------------------------------------------------
 *
 * sketch_read.c
 *	  Bytes that somebody says are a sketch.
 *
 * They may come from anywhere: from SQL as text or binary, from a restored dump, from a
 * damaged page.  Everything is checked against the end and against everything else
 * before it is used; the parts check themselves (bytes.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "profile/bytes.h"
#include "profile/sketch_int.h"

/* Complains unless something holds. */
static inline void
require(bool holds, const char *why)
{
	if (unlikely(!holds))
		bytes_error(why);
}

/* Reads an extreme; NaN is only among the first and the last. */
static void
read_extreme(Bytes *b, SketchExtreme *extreme, bool numeric, bool timed)
{
	uint8		flags = bytes_uint8(b);

	require((flags & ~(EXTREME_CLIPPED | EXTREME_TIMED)) == 0, "An extreme value has unknown flags.");
	extreme->known = true;
	extreme->clipped = (flags & EXTREME_CLIPPED) != 0;
	extreme->timed = (flags & EXTREME_TIMED) != 0;
	if (numeric)
		extreme->number = bytes_double(b);
	require(timed || !isnan(extreme->number), "An extreme value is not a number.");
	if (extreme->timed)
		extreme->at = (TimestampTz) bytes_uint64(b);
	require(!extreme->timed || IS_VALID_TIMESTAMP(extreme->at), "An extreme value has no valid time.");
	require(extreme->timed || !timed, "A first or last value has no time.");
	extreme->len = bytes_uint8(b);
	require(extreme->len <= FREQUENT_TEXT, "The text of an extreme value is too long.");
	memcpy(extreme->text, bytes_text(bytes_take(b, extreme->len), extreme->len), extreme->len);
}

/* Reads what is counted and summed for numbers. */
static void
read_number_counts(Bytes *b, Sketch *sketch)
{
	int64		values = sketch_values(sketch);

	sketch->nans = bytes_count(b, 0, values);
	sketch->plus_infinite = bytes_count(b, 0, values - sketch->nans);
	sketch->minus_infinite = bytes_count(b, 0, values - sketch->nans - sketch->plus_infinite);
	moments_read(b, &sketch->numbers);
	require(sketch->numbers.n == values - sketch->nans - sketch->plus_infinite - sketch->minus_infinite,
			"The moments are of another number of values.");
}

/* Reads what is counted and summed for texts. */
static void
read_text_counts(Bytes *b, Sketch *sketch)
{
	moments_read(b, &sketch->characters);
	require(sketch->characters.n == sketch_values(sketch), "The moments are of another number of texts.");
	sketch->characters_min = bytes_count(b, 0, MaxAllocSize);
	sketch->characters_max = bytes_count(b, sketch->characters_min, MaxAllocSize);
	if (sketch->kind == VALUE_TEXT)
		for (int i = 0; i < LOOK_N; i++)
			sketch->looks[i] = bytes_count(b, 0, sketch_values(sketch));
}

/* Reads what is counted and summed. */
static void
read_counts(Bytes *b, Sketch *sketch)
{
	int64		neighbours;

	sketch->count = bytes_count(b, 0, SKETCH_MAX_COUNT);
	sketch->nulls = bytes_count(b, 0, sketch->count);
	require((sketch_values(sketch) == 0) == (sketch->kind == VALUE_NONE), "The kind does not go with the number of values.");
	if (sketch->kind == VALUE_NONE)
		return;
	sketch->bytes = bytes_count(b, 0, SKETCH_MAX_BYTES);
	neighbours = sketch_values(sketch) - 1;
	sketch->order.rising = bytes_count(b, 0, neighbours);
	sketch->order.falling = bytes_count(b, 0, neighbours - sketch->order.rising);
	sketch->order.equal = bytes_count(b, 0, neighbours - sketch->order.rising - sketch->order.falling);
	if (value_kind_is_numeric(sketch->kind))
		read_number_counts(b, sketch);
	else
		read_text_counts(b, sketch);
}

/* Reads the extremes, which are there as the parts say. */
static void
read_extremes(Bytes *b, Sketch *sketch, uint8 parts)
{
	bool		numeric = value_kind_is_numeric(sketch->kind);

	if (parts & SKETCH_HAS_MIN)
		read_extreme(b, &sketch->min, numeric, false);
	if (parts & SKETCH_HAS_MAX)
		read_extreme(b, &sketch->max, numeric, false);
	if (parts & SKETCH_HAS_FIRST)
		read_extreme(b, &sketch->first, numeric, true);
	if (parts & SKETCH_HAS_LAST)
		read_extreme(b, &sketch->last, numeric, true);
	/* Kinds whose order means nothing have no extremes. */
	require(sketch->max.known == sketch->min.known &&
			(sketch->min.known ? sketch_ranked(sketch) > 0 : sketch_ranked(sketch) == 0 || sketch->kind == VALUE_OTHER),
			"The extremes do not go with the number of values.");
	require(!numeric || !sketch->min.known || extreme_compare(&sketch->min, &sketch->max, numeric) <= 0, "The smallest value is above the largest.");
	require(sketch->first.known == sketch->last.known &&
			(!sketch->first.known || sketch->first.at <= sketch->last.at), "The first value is later than the last.");
}

/* Checks that frequent items are no more than there are values. */
static void
check_frequent(const Sketch *sketch, const Frequent *frequent)
{
	FrequentItem *items;
	int			n = frequent_items(frequent, &items);
	int64		left = sketch_values(sketch);

	for (int i = 0; i < n; i++)
	{
		require(items[i].count <= left, "Frequent items are more than there are values.");
		left -= items[i].count;
	}
	require(frequent_error(frequent) <= sketch_values(sketch), "The error of frequent items is larger than their number.");
	if (n > 0)
		pfree(items);
}

/* Reads the quantiles. */
static void
read_quantiles(Bytes *b, Sketch *sketch)
{
	sketch->quantiles = quantiles_read(b);
	require(quantiles_count(sketch->quantiles) == sketch_ranked(sketch), "The quantiles are of another number of values.");
}

/* Reads what is known of the different values. */
static void
read_values(Bytes *b, Sketch *sketch, uint8 parts, int items)
{
	sketch->distinct = distinct_read(b);
	minhash_read(b, &sketch->minhash);
	require(sketch->minhash.n > 0 && sketch->minhash.n <= sketch_values(sketch), "There are more hashes than values.");
	sketch->values = frequent_read(b, items);
	check_frequent(sketch, sketch->values);
	require(((parts & SKETCH_HAS_PATTERNS) != 0) == (sketch->kind == VALUE_TEXT), "Only texts have patterns.");
	if (parts & SKETCH_HAS_PATTERNS)
	{
		sketch->patterns = frequent_read(b, items);
		check_frequent(sketch, sketch->patterns);
	}
}

/* Reads a sketch of at most limit bytes, with at most so many frequent items, up to one of its parts. */
static Sketch *
read_sketch(const bytea *stored, MemoryContext context, int limit, int items, SketchPart upto)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	Sketch	   *sketch = sketch_create(context);
	Bytes		b = {(const unsigned char *) VARDATA_ANY(stored), NULL};
	uint8		parts;
	int			len;

	b.end = b.at + VARSIZE_ANY_EXHDR(stored);
	require(VARSIZE_ANY_EXHDR(stored) + VARHDRSZ <= limit, "It is too long.");
	require(bytes_uint8(&b) == SKETCH_VERSION, "Its version is not known.");
	sketch->kind = bytes_uint8(&b);
	require(sketch->kind < VALUE_NKINDS, "Its kind is not known.");
	parts = bytes_uint8(&b);
	require((parts & ~SKETCH_ALL_PARTS) == 0 && (sketch->kind != VALUE_NONE || parts == 0), "It has unknown parts.");
	len = bytes_count(&b, 0, SKETCH_TYPE_NAME);
	memcpy(sketch->type_name, bytes_text(bytes_take(&b, len), len), len);
	read_counts(&b, sketch);
	if (sketch->kind != VALUE_NONE)
	{
		read_extremes(&b, sketch, parts);
		if (upto >= SKETCH_QUANTILES)
			read_quantiles(&b, sketch);
		if (upto >= SKETCH_WHOLE)
			read_values(&b, sketch, parts, items);
	}
	require(upto < SKETCH_WHOLE || b.at == b.end, "There are bytes behind its end.");
	MemoryContextSwitchTo(old);
	return sketch;
}

/* Reads and checks a stored sketch. */
Sketch *
sketch_read(const bytea *stored, MemoryContext context)
{
	return read_sketch(stored, context, SKETCH_BYTES, FREQUENT_STORED, SKETCH_WHOLE);
}

/* Reads and checks what comes first in a stored sketch. */
Sketch *
sketch_read_upto(const bytea *stored, MemoryContext context, SketchPart upto)
{
	return read_sketch(stored, context, SKETCH_BYTES, FREQUENT_STORED, upto);
}

/* Reads what sketch_write_whole() wrote. */
Sketch *
sketch_read_whole(const bytea *stored, MemoryContext context)
{
	return read_sketch(stored, context, 8 * SKETCH_BYTES, FREQUENT_COUNTERS, SKETCH_WHOLE);
}
