/*
 * query.h
 *	  What a sketch answers: numbers derived from its parts, for SQL's accessors, tables and reports alike.
 *
 * Estimates carry the bounds of their parts.  Where a sketch saw no value of the needed kind the
 * answer is NaN, which SQL shows as NULL.
 */
#ifndef PROFILE_QUERY_H
#define PROFILE_QUERY_H

#include "profile/sketch.h"

/* Different values, NULL not among them; exact says that it is no estimate. */
extern double sketch_distinct(const Sketch *sketch, bool *exact);

/* Distinct values per value that is not NULL, at most 1; NaN without values. */
extern double sketch_uniqueness(const Sketch *sketch);

/*
 * The value of rank p (0 to 1), as percentile_disc() would give it: number of the kind (seconds since
 * 1970 for TIME), characters for TEXT and OTHER.  0 and 1 are the exact extremes.
 */
extern double sketch_quantile(const Sketch *sketch, double p);

/* Share of the ranked values that are at most x. */
extern double sketch_cdf(const Sketch *sketch, double x);

typedef struct SketchBin
{
	double		low;			/* inclusive */
	double		high;			/* exclusive, but for the last */
	double		count;
} SketchBin;

/* At most n bins of equal width over the ranked finite values (one when all are equal); array in CurrentMemoryContext. */
extern int	sketch_histogram(const Sketch *sketch, int n, SketchBin **bins);

/*
 * Population stability index of b against a: by a's deciles for kinds with numbers, by a's frequent values and
 * "other" for the rest, NULL a bin of its own; shares are floored at 1e-4.  0 = alike, above .25 = shifted.
 */
extern double sketch_psi(const Sketch *a, const Sketch *b);

/* Kolmogorov and Smirnov's distance of the ranked values, 0 to 1 (largest difference of the two distribution functions). */
extern double sketch_ks(const Sketch *a, const Sketch *b);

/* Jaccard's similarity of the distinct values, and the estimated share of a's distinct values that b has. */
extern double sketch_similarity(const Sketch *a, const Sketch *b);
extern double sketch_containment(const Sketch *a, const Sketch *b);

/* A number of a kind as its type would print it ("2024-01-03 00:00:00+00", "5", "true"); palloc'd. */
extern char *sketch_number_text(const Sketch *sketch, double number);

#endif							/* PROFILE_QUERY_H */
