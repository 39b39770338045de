/*-------------------------------------------------------------------------
 *
 * sketch_write.c
 *	  A sketch as bytes.
 *
 *		version (1) | kind (1) | parts (1) | type name | counts | moments … | extremes | order
 *		quantiles | distinct | minhash | values | patterns
 *
 * Counts are varints, all else is in network order; the parts' own layouts are with them.
 * The same sketch gives the same bytes, and what is read from bytes gives these bytes again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "libpq/pqformat.h"

#include "profile/bytes.h"
#include "profile/sketch_int.h"

/* Writes an extreme. */
static void
write_extreme(StringInfo out, const SketchExtreme *extreme, bool numeric)
{
	pq_sendbyte(out, (extreme->clipped ? EXTREME_CLIPPED : 0) | (extreme->timed ? EXTREME_TIMED : 0));
	if (numeric)
		bytes_put_double(out, extreme->number);
	if (extreme->timed)
		pq_sendint64(out, extreme->at);
	pq_sendbyte(out, extreme->len);
	pq_sendbytes(out, extreme->text, extreme->len);
}

/* Gives the parts that a sketch has. */
static uint8
parts_of(const Sketch *sketch)
{
	return (sketch->min.known ? SKETCH_HAS_MIN : 0) |
		(sketch->max.known ? SKETCH_HAS_MAX : 0) |
		(sketch->first.known ? SKETCH_HAS_FIRST : 0) |
		(sketch->last.known ? SKETCH_HAS_LAST : 0) |
		(sketch->patterns != NULL ? SKETCH_HAS_PATTERNS : 0);
}

/* Writes what is counted and summed. */
static void
write_counts(StringInfo out, const Sketch *sketch)
{
	bytes_put_count(out, sketch->count);
	bytes_put_count(out, sketch->nulls);
	if (sketch->kind == VALUE_NONE)
		return;
	bytes_put_count(out, sketch->bytes);
	bytes_put_count(out, sketch->order.rising);
	bytes_put_count(out, sketch->order.falling);
	bytes_put_count(out, sketch->order.equal);
	if (value_kind_is_numeric(sketch->kind))
	{
		bytes_put_count(out, sketch->nans);
		bytes_put_count(out, sketch->plus_infinite);
		bytes_put_count(out, sketch->minus_infinite);
		moments_write(&sketch->numbers, out);
		return;
	}
	moments_write(&sketch->characters, out);
	bytes_put_count(out, sketch->characters_min);
	bytes_put_count(out, sketch->characters_max);
	if (sketch->kind == VALUE_TEXT)
		for (int i = 0; i < LOOK_N; i++)
			bytes_put_count(out, sketch->looks[i]);
}

/* Writes all but the frequent items. */
static void
write_fixed(StringInfo out, const Sketch *sketch)
{
	bool		numeric = value_kind_is_numeric(sketch->kind);
	int			len = strlen(sketch->type_name);

	pq_sendbyte(out, SKETCH_VERSION);
	pq_sendbyte(out, sketch->kind);
	pq_sendbyte(out, parts_of(sketch));
	bytes_put_count(out, len);
	pq_sendbytes(out, sketch->type_name, len);
	write_counts(out, sketch);
	if (sketch->kind == VALUE_NONE)
		return;
	if (sketch->min.known)
		write_extreme(out, &sketch->min, numeric);
	if (sketch->max.known)
		write_extreme(out, &sketch->max, numeric);
	if (sketch->first.known)
		write_extreme(out, &sketch->first, numeric);
	if (sketch->last.known)
		write_extreme(out, &sketch->last, numeric);
	quantiles_write(sketch->quantiles, out);
	distinct_write(sketch->distinct, out);
	minhash_write(&sketch->minhash, out);
}

/* Writes as many frequent items as fit in so many bytes. */
static void
write_frequent(StringInfo out, const Frequent *frequent, int most, int budget)
{
	int			from = out->len;

	for (;;)
	{
		frequent_write_most(frequent, most, out);
		if (out->len - from <= budget || most == 0)
			return;
		/* Items are of similar size: what is left over is tried one by one. */
		most = Max(0, Min(most - 1, (int) ((int64) most * budget / (out->len - from)) + 1));
		out->len = from;
	}
}

/* Writes a sketch, with most frequent items or as many as fit. */
static bytea *
write_sketch(const Sketch *sketch, int most, int limit)
{
	StringInfoData out;
	int			left;

	sketch_check_counts(sketch);
	initStringInfo(&out);
	enlargeStringInfo(&out, Min(limit, SKETCH_BYTES));
	pq_sendint32(&out, 0);		/* room for the header */
	write_fixed(&out, sketch);
	if (sketch->kind != VALUE_NONE)
	{
		/* Patterns are short and few: they get at most a third of what is left, values the rest. */
		StringInfoData patterns;

		initStringInfo(&patterns);
		left = limit - out.len;
		if (sketch->patterns != NULL)
			write_frequent(&patterns, sketch->patterns, most, left / 3);
		write_frequent(&out, sketch->values, most, left - patterns.len);
		pq_sendbytes(&out, patterns.data, patterns.len);
		pfree(patterns.data);
	}
	if (out.len > limit)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("sketch has %d bytes", out.len),
				 errdetail("A sketch has at most %d bytes.", limit)));
	SET_VARSIZE(out.data, out.len);
	return (bytea *) out.data;
}

/* Gives the stored form of a sketch. */
bytea *
sketch_write(const Sketch *sketch)
{
	return write_sketch(sketch, FREQUENT_STORED, SKETCH_BYTES);
}

/* Gives everything that is known. */
bytea *
sketch_write_whole(const Sketch *sketch)
{
	return write_sketch(sketch, FREQUENT_COUNTERS, 8 * SKETCH_BYTES);
}
