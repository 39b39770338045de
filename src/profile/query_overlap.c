/*-------------------------------------------------------------------------
 *
 * query_overlap.c
 *	  What two sketches say of the values that both columns have.
 *
 * The registers of two columns tell more together than each alone: where the register of a is above that of b,
 * a has a value that b has not; where both are the same, they often have one in common.  Containment is the most
 * likely share for all pairs of registers (Ertl, "New cardinality estimation algorithms for HyperLogLog sketches",
 * 2017, section 4), given how many values each side has.
 *
 * Values come to a register as drops of rain (Poisson): of z values, no rank is above k with probability
 * F(z, k) = exp(-z / m / 2^k), which is what the terms below are made of:
 *
 *		ranks k of a and l of b		probability, with d(z, k) = F(z, k) - F(z, k - 1)
 *		k < l						d(only a and both, k) d(only b, l)
 *		k > l						d(only a, k) d(only b and both, l)
 *		k = l						F(only a, k) F(only b, k) d(both, k) + F(both, k - 1) d(only a, k) d(only b, k)
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "profile/query.h"
#include "profile/sketch_int.h"

/* Half of the 95 % quantile of chi-squared: shares whose logarithm of likelihood is this near the greatest may be true. */
#define PLAUSIBLE 1.92
/* Where shares up to more than this are possible and plausible, nothing is known. */
#define OPEN 0.5
/* Logarithms of likelihood below this are as good as impossible. */
#define IMPOSSIBLE 1e-300
#define STEPS 24
#define GOLDEN 0.6180339887498949

/* Pairs of registers by the ranks of both, and how many values each side has. */
typedef struct Overlap
{
	int			(*pairs)[DISTINCT_RANKS];
	double		of_a;
	double		of_b;
} Overlap;

/* What the ranks of a number of values are by chance: at most k, and just k. */
typedef struct Ranks
{
	double		upto[DISTINCT_RANKS];
	double		just[DISTINCT_RANKS];
} Ranks;

/* Gives Jaccard's similarity of the distinct values. */
double
sketch_similarity(const Sketch *a, const Sketch *b)
{
	return minhash_similarity(&a->minhash, &b->minhash);
}

/* Gives what the ranks of so many values are by chance. */
static void
ranks_of(double values, Ranks *ranks)
{
	double		rate = Max(values, 0) / DISTINCT_REGISTERS;

	for (int k = 0; k < DISTINCT_RANKS; k++)
	{
		double		above = k < DISTINCT_RANKS - 1 ? ldexp(rate, -k) : 0;

		ranks->upto[k] = exp(-above);
		if (k == 0)
			ranks->just[k] = ranks->upto[k];
		else if (k < DISTINCT_RANKS - 1)
			ranks->just[k] = -ranks->upto[k] * expm1(-above);
		else
			ranks->just[k] = -expm1(-ldexp(rate, 1 - k));
	}
}

/* Gives the logarithm of the likelihood that this share of a's values is in b. */
static double
likelihood(const Overlap *overlap, double share)
{
	double		common = share * overlap->of_a;
	double		sum = 0;
	Ranks		only_a;
	Ranks		only_b;
	Ranks		both;
	Ranks		all_a;
	Ranks		all_b;

	ranks_of(overlap->of_a - common, &only_a);
	ranks_of(overlap->of_b - common, &only_b);
	ranks_of(common, &both);
	ranks_of(overlap->of_a, &all_a);
	ranks_of(Max(overlap->of_b, common), &all_b);
	for (int k = 0; k < DISTINCT_RANKS; k++)
		for (int l = 0; l < DISTINCT_RANKS; l++)
		{
			double		p;

			if (overlap->pairs[k][l] == 0)
				continue;
			if (k < l)
				p = all_a.just[k] * only_b.just[l];
			else if (k > l)
				p = only_a.just[k] * all_b.just[l];
			else
				p = only_a.upto[k] * only_b.upto[k] * both.just[k] +
					(k > 0 ? both.upto[k - 1] * only_a.just[k] * only_b.just[k] : 0);
			sum += overlap->pairs[k][l] * log(Max(p, IMPOSSIBLE));
		}
	return sum;
}

/* Gives the most likely share of a's values that b has; NaN when any may be true, where that leaves much open. */
static double
most_likely(const Overlap *overlap)
{
	double		low = 0;
	double		possible = Min(1, overlap->of_b / overlap->of_a);
	double		high = possible;
	double		at_none = likelihood(overlap, low);
	double		at_all = likelihood(overlap, high);
	double		left = high - GOLDEN * (high - low);
	double		right = low + GOLDEN * (high - low);
	double		at_left = likelihood(overlap, left);
	double		at_right = likelihood(overlap, right);
	double		most = Max(at_none, at_all);
	double		share = at_none > at_all ? low : high;

	for (int i = 0; i < STEPS; i++)
	{
		if (at_left >= at_right)
		{
			high = right;
			right = left;
			at_right = at_left;
			left = high - GOLDEN * (high - low);
			at_left = likelihood(overlap, left);
		}
		else
		{
			low = left;
			left = right;
			at_left = at_right;
			right = low + GOLDEN * (high - low);
			at_right = likelihood(overlap, right);
		}
	}
	if (Max(at_left, at_right) > most)
	{
		most = Max(at_left, at_right);
		share = at_left > at_right ? left : right;
	}
	return possible > OPEN && most - at_none < PLAUSIBLE && most - at_all < PLAUSIBLE ? NAN : share;
}

/* Gives how many of a's least hashes b has, where b's are known as far as all of a's go; -1 where they are not. */
static int
hashes_shared(const MinHash *a, const MinHash *b)
{
	int			shared = 0;

	if (a->n == MINHASH_K || (b->n == MINHASH_K && a->hashes[a->n - 1] > b->hashes[MINHASH_K - 1]))
		return -1;
	for (int i = 0, j = 0; i < a->n; i++)
	{
		while (j < b->n && b->hashes[j] < a->hashes[i])
			j++;
		shared += j < b->n && b->hashes[j] == a->hashes[i];
	}
	return shared;
}

/* Gives the share of a's distinct values that b has: exactly where all of them are known, else the most likely one. */
double
sketch_containment(const Sketch *a, const Sketch *b)
{
	int			pairs[DISTINCT_RANKS][DISTINCT_RANKS];
	Overlap		overlap = {pairs};
	int			shared;
	bool		exact;

	if (sketch_values(a) == 0)
		return NAN;
	if (sketch_values(b) == 0)
		return 0;
	shared = hashes_shared(&a->minhash, &b->minhash);
	if (shared >= 0)
		return (double) shared / a->minhash.n;
	distinct_pairs(a->distinct, b->distinct, pairs);
	overlap.of_a = Max(sketch_distinct(a, &exact), 1);
	overlap.of_b = Max(sketch_distinct(b, &exact), 1);
	return most_likely(&overlap);
}
