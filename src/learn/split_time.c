/*-------------------------------------------------------------------------
 *
 * split_time.c
 *	  Which rows train and which are held out: by time.
 *
 * The n-th of the times is found by counting, 16 bits of the times at a time from
 * the highest on, so that neither a copy nor an order of the rows is needed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "learn/split.h"

#define DIGIT_BITS 16
#define NDIGITS (1 << DIGIT_BITS)

/* Gives an integer that is ordered as the times are; a NaN is the earliest, and the zeros are one. */
static inline uint64
time_key(double time)
{
	uint64		bits;

	if (isnan(time))
		return 0;
	time += 0.0;
	memcpy(&bits, &time, sizeof(bits));
	return (bits & UINT64CONST(0x8000000000000000)) ? ~bits : bits | UINT64CONST(0x8000000000000000);
}

/* Gives the key of the row that has rank rows before it in the order of time. */
static uint64
key_at_rank(int64 nrows, const double *times, int64 rank)
{
	int64	   *counts = palloc(sizeof(int64) * NDIGITS);
	uint64		key = 0;
	uint64		mask = 0;

	Assert(rank >= 0 && rank < nrows);
	for (int shift = 64 - DIGIT_BITS; shift >= 0; shift -= DIGIT_BITS)
	{
		int			digit = 0;

		memset(counts, 0, sizeof(int64) * NDIGITS);
		for (int64 row = 0; row < nrows; row++)
		{
			uint64		k = time_key(times[row]);

			if (row % 65536 == 0)
				CHECK_FOR_INTERRUPTS();
			if ((k & mask) == key)
				counts[(k >> shift) & (NDIGITS - 1)]++;
		}
		for (; rank >= counts[digit]; digit++)
			rank -= counts[digit];
		key |= (uint64) digit << shift;
		mask |= (uint64) (NDIGITS - 1) << shift;
	}
	pfree(counts);
	return key;
}

/* Marks the latest rows. */
void
split_latest(int64 nrows, double share, const double *times, uint8 *held_out)
{
	int64		wanted = (int64) rint((double) nrows * share);
	uint64		last;

	/* at least one row stays */
	wanted = Min(wanted, nrows - 1);
	if (wanted <= 0)
	{
		memset(held_out, 0, nrows);
		return;
	}
	last = key_at_rank(nrows, times, nrows - wanted - 1);
	for (int64 row = 0; row < nrows; row++)
		held_out[row] = time_key(times[row]) > last;
}

/* Gives every row the number of its slice. */
void
split_time_slices(int64 nrows, int nfolds, const double *times, uint8 *slice)
{
	if (nfolds < 1 || nfolds > SPLIT_MAX_FOLDS)
		elog(ERROR, "cannot make %d folds", nfolds);
	memset(slice, 0, nrows);
	for (int cut = 1; cut <= nfolds; cut++)
	{
		int64		before = (int64) rint((double) nrows * cut / (nfolds + 1));
		uint64		last;

		if (before == 0 || before == nrows)
			continue;
		last = key_at_rank(nrows, times, before - 1);
		for (int64 row = 0; row < nrows; row++)
			slice[row] += time_key(times[row]) > last;
	}
}
