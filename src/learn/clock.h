/*
 * clock.h
 *	  Numbers that rise or fall with the order of the rows: serial numbers, times of arrival.
 *
 * Such a number leaves the range that training saw by itself, on the side that
 * it moves to, so to be beyond that side says nothing.
 */
#ifndef LEARN_CLOCK_H
#define LEARN_CLOCK_H

#include <math.h>

#include "postgres.h"

/* A feature's numbers follow the row order when this share of them rises (or falls). */
#define CLOCK_SHARE 0.95
/* Fewer values follow it by chance. */
#define CLOCK_MIN_VALUES 20

typedef struct Clock
{
	int64		nvalues;
	int64		nrising;
	int64		nfalling;
	float		last;
} Clock;

/* Begins to look at a feature. */
static inline void
clock_begin(Clock *clock)
{
	clock->nvalues = clock->nrising = clock->nfalling = 0;
	clock->last = NAN;
}

/* Looks at the next row's value, which is not NaN. */
static inline void
clock_value(Clock *clock, float value)
{
	clock->nvalues++;
	clock->nrising += value > clock->last;
	clock->nfalling += value < clock->last;
	clock->last = value;
}

/* Gives the direction that the values follow: 1, -1, or 0 when they follow none. */
static inline int
clock_direction(const Clock *clock)
{
	double		needed = CLOCK_SHARE * (clock->nvalues - 1);

	if (clock->nvalues < CLOCK_MIN_VALUES)
		return 0;
	if (clock->nrising >= needed)
		return 1;
	return clock->nfalling >= needed ? -1 : 0;
}

#endif							/* LEARN_CLOCK_H */
