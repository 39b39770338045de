/*-------------------------------------------------------------------------
 *
 * quantiles_code.c
 *	  Storing a sketch of quantiles.
 *
 *		count, number of levels; for each level from the lowest: how many values; if any:
 *			zero bits that all end in, the first value (8 bytes), a varint a value: distance to the one before
 *
 * Values are written as unsigned integers in the same order, without the zero bits that all
 * of a level end in, so that whole numbers take a few bytes each.
 *
 * A sketch that retains few values is stored as it is.  A larger one is stored as QUANTILES_STORED values
 * or fewer of one weight 2^h, taken at the middles of steps of 2^h ranks, and at most one value of each
 * lower weight for the rest: that puts ranks off by 2^h / 2, .26 % of the count, at most.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "libpq/pqformat.h"
#include "port/pg_bitutils.h"
#include "storage/shmem.h"

#include "profile/bytes.h"
#include "profile/quantiles_int.h"

StaticAssertDecl(QUANTILES_STORED_ALL < QUANTILES_K, "what is read must leave room to add");

#define SIGN_BIT (UINT64CONST(1) << 63)

/* Gives a number as an integer in the same order. */
static inline uint64
to_ordered(double value)
{
	uint64		bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits & SIGN_BIT ? ~bits : bits | SIGN_BIT;
}

/* Gives the number of an integer; what is no number, or no form of it that is kept, is an error. */
static inline double
from_ordered(uint64 ordered)
{
	uint64		bits = ordered & SIGN_BIT ? ordered & ~SIGN_BIT : ~ordered;
	double		value;

	memcpy(&value, &bits, sizeof(value));
	if (isnan(value) || bits == SIGN_BIT)
		bytes_error("A quantile is no number.");
	return value;
}

/* Writes one level's values, which are sorted. */
static void
write_level(const double *values, int n, StringInfo out)
{
	uint64		any = 0;
	int			shift;
	uint64		before;

	bytes_put_count(out, n);
	if (n == 0)
		return;
	for (int i = 0; i < n; i++)
		any |= to_ordered(values[i]);
	shift = pg_rightmost_one_pos64(any);	/* 0 of an order is a NaN */
	before = to_ordered(values[0]) >> shift;
	pq_sendint8(out, shift);
	pq_sendint64(out, before);
	for (int i = 1; i < n; i++)
	{
		uint64		ordered = to_ordered(values[i]) >> shift;

		bytes_put_varint(out, ordered - before);
		before = ordered;
	}
}

/* Gives a sketch of few values: steps of equal weight, and what is left over. */
static Quantiles *
thin(const Quantiles *q)
{
	Quantiles  *few = quantiles_create(CurrentMemoryContext);
	QuantilesItem *items;
	double		picks[QUANTILES_STORED];
	int			npicks = 0;
	int			top = 0;
	int64		reached;
	int64		from = 0;
	int			at = 0;

	(void) quantiles_collect(q, &items);
	reached = items[0].weight;
	while (q->count >> top > QUANTILES_STORED)
		top++;
	for (int l = top; l >= 0; l--)
	{
		int64		weight = INT64CONST(1) << l;

		npicks = 0;
		for (; q->count - from >= weight; from += weight)
		{
			while (reached <= from + weight / 2)
				reached += items[++at].weight;
			picks[npicks++] = items[at].value;
		}
		quantiles_put(few, l, picks, npicks);
	}
	few->count = q->count;
	pfree(items);
	return few;
}

/* Writes all levels of a sketch that has few values and no run. */
static void
write_levels(const Quantiles *q, StringInfo out)
{
	bytes_put_count(out, q->count);
	pq_sendint8(out, q->nlevels);
	for (int l = 0; l < q->nlevels; l++)
	{
		const QuantilesLevel *level = &q->levels[l];
		double	   *sorted = palloc(mul_size(level->n + 1, sizeof(double)));

		memcpy(sorted, level->values, sizeof(double) * level->n);
		if (l <= q->base)
			quantiles_sort(sorted, level->n);
		write_level(sorted, level->n, out);
		pfree(sorted);
	}
}

/* Writes a sketch, with fewer values where it has too many. */
void
quantiles_write(const Quantiles *q, StringInfo out)
{
	if (q->run_seen > 0 || q->retained > QUANTILES_STORED_ALL)
		write_levels(thin(q), out);
	else
		write_levels(q, out);
}

/* Reads one level's values. */
static void
read_level(Bytes *b, Quantiles *q, int level, int n)
{
	double		values[QUANTILES_STORED_ALL];
	uint64		any;
	int			shift = bytes_uint8(b);
	uint64		ordered = bytes_uint64(b);

	if (shift > 63 || ordered > PG_UINT64_MAX >> shift)
		bytes_error("A quantile is out of range.");
	any = ordered;
	values[0] = from_ordered(ordered << shift);
	for (int i = 1; i < n; i++)
	{
		uint64		step = bytes_varint(b);

		if (step > (PG_UINT64_MAX >> shift) - ordered)
			bytes_error("A quantile is out of range.");
		ordered += step;
		any |= ordered;
		values[i] = from_ordered(ordered << shift);
	}
	if ((any & 1) == 0)
		bytes_error("Quantiles are not written as briefly as they could be.");
	quantiles_put(q, level, values, n);
}

/* Reads what quantiles_write() wrote. */
Quantiles *
quantiles_read(Bytes *b)
{
	Quantiles  *q = quantiles_create(CurrentMemoryContext);
	int			nlevels;
	int64		sum = 0;

	q->count = bytes_count(b, 0, PG_INT64_MAX);
	nlevels = bytes_uint8(b);
	if (nlevels < 1 || nlevels > QUANTILES_MAX_LEVELS)
		bytes_error("Its quantiles have no levels, or too many.");
	q->random = (uint64) q->count;
	quantiles_set_levels(q, nlevels);
	for (int l = 0; l < nlevels; l++)
	{
		int			n = bytes_count(b, 0, QUANTILES_STORED_ALL - q->retained);

		if (n > q->count >> l || (int64) n << l > q->count - sum)
			bytes_error("Weights of quantiles add up to more than their count.");
		sum += (int64) n << l;
		if (n > 0)
			read_level(b, q, l, n);
		else if (l > 0 && l == nlevels - 1)
			bytes_error("The highest level of quantiles is empty.");
	}
	if (sum != q->count)
		bytes_error("Weights of quantiles do not add up to their count.");
	return q;
}
