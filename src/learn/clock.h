/*
 * clock.h
 *	  Numbers that rise or fall with the order of the rows: serial numbers, times of arrival.
 *
 * Such a number leaves the range that training saw by itself, on the side that
 * it moves to, so to be beyond that side says nothing.  From row to row it moves one way,
 * and so it does over the whole: what begins again and again (a number of each group, in rows
 * sorted by groups) moves nowhere.
 */
#ifndef LEARN_CLOCK_H
#define LEARN_CLOCK_H

#include <math.h>

#include "postgres.h"

/* A feature's numbers follow the row order when this share of them rises (or falls). */
#define CLOCK_SHARE 0.95
/* And this share of the marks, which are evenly spread over the rows. */
#define CLOCK_MARK_SHARE 0.9
#define CLOCK_MARKS 64
/* Fewer values follow it by chance. */
#define CLOCK_MIN_VALUES 20

typedef struct Clock
{
	int64		nvalues;
	int64		nrising;
	int64		nfalling;
	float		last;
	int			nmarks;
	int64		step;			/* values from one mark to the next */
	int64		due;			/* value that is the next mark */
	float		marks[CLOCK_MARKS];
} Clock;

/* Begins to look at a feature. */
static inline void
clock_begin(Clock *clock)
{
	clock->nvalues = clock->nrising = clock->nfalling = clock->due = 0;
	clock->nmarks = 0;
	clock->step = 1;
	clock->last = NAN;
}

/* Marks the present value; with all marks taken, every second of them stays. */
static inline void
clock_mark(Clock *clock, float value)
{
	if (clock->nmarks == CLOCK_MARKS)
	{
		for (int i = 0; i < CLOCK_MARKS / 2; i++)
			clock->marks[i] = clock->marks[2 * i];
		clock->nmarks = CLOCK_MARKS / 2;
		clock->step *= 2;
	}
	clock->marks[clock->nmarks++] = value;
	clock->due += clock->step;
}

/* Looks at the next row's value, which is not NaN. */
static inline void
clock_value(Clock *clock, float value)
{
	if (clock->nvalues == clock->due)
		clock_mark(clock, value);
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
	double		marks = CLOCK_MARK_SHARE * (clock->nmarks - 1);
	int			rising = 0;
	int			falling = 0;

	for (int i = 1; i < clock->nmarks; i++)
	{
		rising += clock->marks[i] > clock->marks[i - 1];
		falling += clock->marks[i] < clock->marks[i - 1];
	}
	if (clock->nvalues < CLOCK_MIN_VALUES)
		return 0;
	if (clock->nrising >= needed && rising >= marks)
		return 1;
	return clock->nfalling >= needed && falling >= marks ? -1 : 0;
}

#endif							/* LEARN_CLOCK_H */
