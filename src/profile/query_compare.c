/*-------------------------------------------------------------------------
 *
 * query_compare.c
 *	  What two sketches say of each other: shift of a distribution. The overlap of their values is in query_overlap.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "profile/query.h"
#include "profile/sketch_int.h"

/* With more different values than this numbers are compared by ranges. */
#define PSI_BY_VALUE 20
#define PSI_QUANTILES 10
/* From this share of the values on a text is frequent enough for a bin of its own. */
#define PSI_FREQUENT 0.01
/* A share that is missing, and what the least other share is divided by when it is no larger. */
#define PSI_MISSING 0.0001
#define PSI_MISSING_DIVISOR 1e6

/* Complains unless both are numbers or both are texts of one kind. */
void
sketch_require_alike(const Sketch *a, const Sketch *b)
{
	if (a->kind != VALUE_NONE && b->kind != VALUE_NONE && a->kind != b->kind)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("cannot compare a sketch of type %s with one of type %s", a->type_name, b->type_name),
				 errdetail("One holds values of kind %s, the other of kind %s.",
						   value_kind_name(a->kind), value_kind_name(b->kind)),
				 errhint("Cast the values of one of them before they are sketched.")));
}

/* Puts something small in the place of shares that are missing. */
static void
fill_missing(double *shares, int n)
{
	double		least = INFINITY;

	for (int i = 0; i < n; i++)
		if (shares[i] > 0)
			least = Min(least, shares[i]);
	for (int i = 0; i < n; i++)
		if (shares[i] <= 0)
			shares[i] = (least <= PSI_MISSING) ? least / PSI_MISSING_DIVISOR : PSI_MISSING;
}

/* Gives the population stability index of shares. */
double
psi_of_shares(double *expected, double *actual, int n)
{
	double		psi = 0;

	fill_missing(expected, n);
	fill_missing(actual, n);
	for (int i = 0; i < n; i++)
		psi += (expected[i] - actual[i]) * log(expected[i] / actual[i]);
	return psi;
}

/* The same with shares that are estimates: none counts as smaller than the floor. */
static double
psi_of_estimates(double *expected, double *actual, int n)
{
	for (int i = 0; i < n; i++)
	{
		expected[i] = Max(expected[i], PSI_MISSING);
		actual[i] = Max(actual[i], PSI_MISSING);
	}
	return psi_of_shares(expected, actual, n);
}

/* Shares of the bins of two sketches; a bin that neither has anything in is left out. */
typedef struct Shares
{
	int			n;
	double	   *a;
	double	   *b;
} Shares;

/* Makes room for so many bins and fills those of NULL and NaN. */
static Shares
shares_begin(const Sketch *a, const Sketch *b, int most)
{
	Shares		shares = {0};

	shares.a = palloc(sizeof(double) * (most + 3));
	shares.b = palloc(sizeof(double) * (most + 3));
	return shares;
}

/* Adds a bin. */
static void
shares_add(Shares *shares, double a, double b)
{
	if (a <= 0 && b <= 0)
		return;
	shares->a[shares->n] = Max(a, 0);
	shares->b[shares->n] = Max(b, 0);
	shares->n++;
}

/* Finds the count of an item by its hash. */
static int64
count_of(const FrequentItem *items, int n, uint64 hash)
{
	for (int i = 0; i < n; i++)
		if (items[i].hash == hash)
			return items[i].count;
	return 0;
}

/* PSI by value: of values that are frequent on either side, and of all others together. */
static double
psi_by_value(const Sketch *a, const Sketch *b, bool exact)
{
	FrequentItem *of_a = NULL;
	FrequentItem *of_b = NULL;
	int			na = (a->values == NULL) ? 0 : frequent_items(a->values, &of_a);
	int			nb = (b->values == NULL) ? 0 : frequent_items(b->values, &of_b);
	Shares		shares = shares_begin(a, b, na + nb);
	double		least = exact ? 0 : PSI_FREQUENT;
	double		other_a = (double) sketch_values(a) / a->count;
	double		other_b = (double) sketch_values(b) / b->count;

	shares_add(&shares, (double) a->nulls / a->count, (double) b->nulls / b->count);
	for (int i = 0; i < na + nb; i++)
	{
		uint64		hash = (i < na) ? of_a[i].hash : of_b[i - na].hash;
		double		in_a = (double) count_of(of_a, na, hash) / a->count;
		double		in_b = (double) count_of(of_b, nb, hash) / b->count;

		if ((i >= na && count_of(of_a, na, hash) > 0) || Max(in_a, in_b) < least)
			continue;
		shares_add(&shares, in_a, in_b);
		other_a -= in_a;
		other_b -= in_b;
	}
	if (exact)
		return psi_of_shares(shares.a, shares.b, shares.n);
	shares_add(&shares, other_a, other_b);
	return psi_of_estimates(shares.a, shares.b, shares.n);
}

/* PSI by the deciles of a. */
static double
psi_by_decile(const Sketch *a, const Sketch *b)
{
	Shares		shares = shares_begin(a, b, PSI_QUANTILES);
	SketchRanks of_a;
	SketchRanks of_b;
	double		below_a = 0;
	double		below_b = 0;
	double		part_a = (double) sketch_ranked(a) / a->count;
	double		part_b = (double) sketch_ranked(b) / b->count;
	double		edge = -INFINITY;

	sketch_ranks(a, &of_a);
	sketch_ranks(b, &of_b);
	shares_add(&shares, (double) a->nulls / a->count, (double) b->nulls / b->count);
	shares_add(&shares, (double) a->nans / a->count, (double) b->nans / b->count);
	for (int i = 1; i <= PSI_QUANTILES && of_a.n > 0; i++)
	{
		double		upper = (i == PSI_QUANTILES) ? INFINITY : sketch_ranks_quantile(a, &of_a, (double) i / PSI_QUANTILES);
		double		upto_a;
		double		upto_b;

		if (i < PSI_QUANTILES && upper <= edge)
			continue;
		upto_a = sketch_ranks_cdf(a, &of_a, upper) * part_a;
		upto_b = (of_b.n == 0) ? 0 : sketch_ranks_cdf(b, &of_b, upper) * part_b;
		shares_add(&shares, upto_a - below_a, upto_b - below_b);
		below_a = upto_a;
		below_b = upto_b;
		edge = upper;
	}
	return psi_of_estimates(shares.a, shares.b, shares.n);
}

/* Gives the population stability index of b against a. */
double
sketch_psi(const Sketch *a, const Sketch *b)
{
	bool		exact;
	bool		numeric;
	bool		known;

	sketch_require_alike(a, b);
	if (a->count == 0 || b->count == 0)
		return NAN;
	numeric = value_kind_is_numeric(a->kind) || value_kind_is_numeric(b->kind);
	exact = (a->values == NULL || frequent_exact(a->values)) && (b->values == NULL || frequent_exact(b->values));
	if (numeric && sketch_values(a) > 0 && !(exact && sketch_distinct(a, &known) <= PSI_BY_VALUE))
		return psi_by_decile(a, b);
	return psi_by_value(a, b, exact);
}

/* Gives Kolmogorov and Smirnov's distance of the ranked values. */
double
sketch_ks(const Sketch *a, const Sketch *b)
{
	SketchRanks of_a;
	SketchRanks of_b;
	double		largest = 0;
	int			i = 0;
	int			j = 0;

	sketch_require_alike(a, b);
	sketch_ranks(a, &of_a);
	sketch_ranks(b, &of_b);
	if (of_a.n == 0 || of_b.n == 0)
		return NAN;
	while (i < of_a.n && j < of_b.n)
	{
		double		x = Min(of_a.values[i], of_b.values[j]);
		double		below_a;
		double		below_b;

		while (i < of_a.n && of_a.values[i] <= x)
			i++;
		while (j < of_b.n && of_b.values[j] <= x)
			j++;
		below_a = (i == 0) ? 0 : (double) of_a.cumulative[i - 1] / of_a.count;
		below_b = (j == 0) ? 0 : (double) of_b.cumulative[j - 1] / of_b.count;
		largest = Max(largest, fabs(below_a - below_b));
	}
	return largest;
}
