/*
 * arrival_train.h
 *	  Takes arrivals in, series by series, and learns each.
 */
#ifndef SERIES_ARRIVAL_TRAIN_H
#define SERIES_ARRIVAL_TRAIN_H

#include "series/arrival.h"
#include "series/points.h"

/* The remembered arrivals of one series, oldest first. */
typedef struct ArrivalMemory
{
	int			keep;
	pg_tz	   *zone;
	Arrival    *arrivals;		/* room for twice as many as are kept */
	int			n;				/* lie behind each other from arrivals on */
	int64		seen;
	int64		last;			/* seconds since 2000-01-01 UTC */
} ArrivalMemory;

extern void arrival_memory_init(ArrivalMemory *memory, const ArrivalSettings *settings);

/* Begins another series. */
extern void arrival_memory_clear(ArrivalMemory *memory);

/* Adds an arrival, the newest so far, and forgets the oldest when there are too many. */
extern void arrival_memory_add(ArrivalMemory *memory, TimestampTz time);

/* The arrivals that are kept, and their number. */
extern Arrival *arrival_memory_kept(ArrivalMemory *memory, int *n);

/* Whole seconds since 2000-01-01 UTC of a time. */
extern int64 arrival_seconds(TimestampTz time);

#endif							/* SERIES_ARRIVAL_TRAIN_H */
