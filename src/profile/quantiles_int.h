/*
 * quantiles_int.h
 *	  How quantiles.c (adding, merging), quantiles_sort.c and quantiles_code.c (storing) see each other; nobody
 *	  else includes it.
 */
#ifndef PROFILE_QUANTILES_INT_H
#define PROFILE_QUANTILES_INT_H

#include "profile/quantiles.h"

/* Levels that are kept below the top; what would be below them is drawn. */
#define QUANTILES_DEPTH 6
/* Capacity of the lowest level that values are added to, at least. */
#define QUANTILES_BASE 256
/* Values of the greatest weight that are stored, and all values that are. */
#define QUANTILES_STORED 384
#define QUANTILES_STORED_ALL (QUANTILES_STORED + QUANTILES_MAX_LEVELS)

typedef struct QuantilesLevel
{
	double	   *values;
	int			n;
	int			room;
	int			capacity;
	bool		turn;			/* the next compaction takes the other half than the last */
	bool		odd;			/* which half it was */
} QuantilesLevel;

struct Quantiles
{
	MemoryContext context;
	int64		count;
	uint64		random;			/* state of the generator */
	int			nlevels;		/* at least 1 */
	int			base;			/* the level that values are added to; it and those below are unsorted */
	int			retained;		/* of all levels */
	int			limit;			/* of retained */

	/* the run that one value is being drawn from, when base > 0 */
	int64		run_seen;
	int64		run_pick;		/* place of the value in its run */
	double		run_value;

	QuantilesLevel levels[QUANTILES_MAX_LEVELS];
};

/* Sorts numbers. */
extern void quantiles_sort(double *values, int n);

/* Merges two sorted arrays into out, which may begin where a does not. */
extern void quantiles_merge_sorted(const double *a, int na, const double *b, int nb, double *out);

/* Gives every value with its weight, sorted. */
typedef struct QuantilesItem
{
	double		value;
	int64		weight;
} QuantilesItem;

extern int	quantiles_collect(const Quantiles *q, QuantilesItem **items);

/* Puts values on a level; makes levels up to it. */
extern void quantiles_put(Quantiles *q, int level, const double *values, int n);

/* Sets the base level, the capacities and the limit of what is retained, by the number of levels. */
extern void quantiles_set_levels(Quantiles *q, int nlevels);

#endif							/* PROFILE_QUANTILES_INT_H */
