/*-------------------------------------------------------------------------
 *
 * arrival_height.c
 *	  Heights of the kernels that a fit tries, by whole seconds.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "storage/shmem.h"

#include "series/arrival_height.h"

/* Widths that are tried, in tolerances. */
static const double widths[ARRIVAL_WIDTHS] = {1, 1.5, 2, 3, 5, 8, 13};

/* Prepares the heights for fits with those settings, in CurrentMemoryContext. */
ArrivalHeights *
arrival_heights(const ArrivalSettings *settings)
{
	ArrivalHeights *heights = palloc(sizeof(ArrivalHeights));

	for (int h = 0; h < ARRIVAL_WIDTHS; h++)
		heights->width[h] = (int) Min(Max(widths[h] * settings->tolerance, 1), ARRIVAL_DAY);
	for (int h = 0; h < ARRIVAL_WIDTHS; h++)
		heights->kernel[h] = arrival_kernel(heights->width[h]);
	/* at a multiple of their size */
	heights->rows = (ArrivalHeightRow *) TYPEALIGN(sizeof(ArrivalHeightRow),
												   palloc0(mul_size(ARRIVAL_DAY / 2 + 2, sizeof(ArrivalHeightRow))));
	return heights;
}

/* Computes the heights at a distance. */
void
arrival_heights_fill(ArrivalHeights *heights, int distance)
{
	ArrivalHeightRow *row = &heights->rows[distance];

	for (int h = 0; h < ARRIVAL_WIDTHS; h++)
		row->height[h] = arrival_height(&heights->kernel[h], (double) distance * distance);
	row->known = 1;
}
