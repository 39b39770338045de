/*
 * arrival_height.h
 *	  Heights of the kernels that a fit tries, by whole seconds: a series is fitted again and again
 *	  while it grows, and its arrivals lie whole seconds apart.
 */
#ifndef SERIES_ARRIVAL_HEIGHT_H
#define SERIES_ARRIVAL_HEIGHT_H

#include "series/arrival.h"

#define ARRIVAL_WIDTHS 7		/* of the kernel, that are tried */

/* The heights at one distance; they fill a line of the processor's cache. */
typedef struct ArrivalHeightRow
{
	double		height[ARRIVAL_WIDTHS];
	double		known;			/* 0 = it was never asked for */
} ArrivalHeightRow;

struct ArrivalHeights
{
	int			width[ARRIVAL_WIDTHS];
	ArrivalKernel kernel[ARRIVAL_WIDTHS];
	ArrivalHeightRow *rows;		/* by distance, half a day at most */
};

extern void arrival_heights_fill(ArrivalHeights *heights, int distance);

/* Gives the heights at the distance of two times of day, either way around midnight. */
static inline const double *
arrival_heights_at(ArrivalHeights *heights, int a, int b)
{
	int			distance = abs(a - b);

	distance = Min(distance, ARRIVAL_DAY - distance);
	if (unlikely(heights->rows[distance].known == 0))
		arrival_heights_fill(heights, distance);
	return heights->rows[distance].height;
}

#endif							/* SERIES_ARRIVAL_HEIGHT_H */
