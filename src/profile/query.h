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

/* Says whether no value came twice, as far as the sketch can tell; false without values. */
extern bool sketch_is_unique(const Sketch *sketch);

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
 * Population stability index of b against a: by value where all values of both are counted (at most 20 different ones
 * of a for kinds with numbers), else by a's deciles for kinds with numbers, by the values that are frequent in a or b and
 * "other" for the rest; NULL and NaN are bins of their own.  0 = alike, above .25 = shifted.
 */
extern double sketch_psi(const Sketch *a, const Sketch *b);

/* Kolmogorov and Smirnov's distance of the ranked values, 0 to 1 (largest difference of the two distribution functions). */
extern double sketch_ks(const Sketch *a, const Sketch *b);

/* Jaccard's similarity of the distinct values, and the estimated share of a's distinct values that b has. */
extern double sketch_similarity(const Sketch *a, const Sketch *b);
extern double sketch_containment(const Sketch *a, const Sketch *b);

/* A number of a kind as its type would print it ("2024-01-03 00:00:00+00", "5", "true"); palloc'd. */
extern char *sketch_number_text(const Sketch *sketch, double number);

/* A time beside the values in ISO form, UTC ("2024-01-03 00:00:00+00"); palloc'd. */
extern char *sketch_moment_text(TimestampTz at);

/* ERROR 42804 unless the values of both are numbers, or of both are texts, of one kind. */
extern void sketch_require_alike(const Sketch *a, const Sketch *b);

/* The ranked values of a sketch, as quantiles.h gives them. */
typedef struct SketchRanks
{
	int			n;
	double	   *values;
	int64	   *cumulative;
	int64		count;
} SketchRanks;

extern void sketch_ranks(const Sketch *sketch, SketchRanks *ranks);

/* The same answers as sketch_quantile() and sketch_cdf(), from ranks that were taken once. */
extern double sketch_ranks_quantile(const Sketch *sketch, const SketchRanks *ranks, double p);
extern double sketch_ranks_cdf(const Sketch *sketch, const SketchRanks *ranks, double x);

/*
 * PSI of shares: what is missing on one side counts as .0001 there, or as a millionth of the least share when that
 * is no more than .0001 (Evidently's rule).  expected and actual are changed.
 */
extern double psi_of_shares(double *expected, double *actual, int n);

#endif							/* PROFILE_QUERY_H */
