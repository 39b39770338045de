/*-------------------------------------------------------------------------
 *
 * tail_unseen.c
 *	  What training rows themselves are to be judged by: the tails of the others.
 *
 * No training row lies beyond the greatest of them, but every new row may, in each
 * of the figures that make up its margin.  If training rows were judged by tails that they
 * are part of, they would look more normal than new rows, the more so the fewer rows
 * and the more figures there are.  So a score among n that k reach gets the bits that
 * (k - 1) / (n - 1) and k / (n - 1) are, between its neighbours.  Above the threshold of a generalised Pareto tail it gets those of
 * the distribution fitted to the other exceedances, whose weighted moments follow
 * from the sums over all; a greatest score without such a tail, those of the exponential
 * tail that follows the second greatest.
 *
 * These bits depend on the score alone, so they are told as a tail is: by points.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "learn/tail_private.h"

/* Points at most above the threshold of a generalised Pareto tail. */
#define UNSEEN_EXCEEDANCES 1024

/* Bits that points above the threshold lie apart at least. */
#define UNSEEN_STEP (1.0 / 64)

/* Adds a point, of no more bits than a point may have. */
static void
add_point(Tail *unseen, float score, double bits)
{
	double		most = log2((double) unseen->rows) + TAIL_BEYOND_BITS;

	/* less than the most, or rounding could exceed it */
	tail_add_point(unseen, score, Min(bits, most * (1 - FLT_EPSILON)));
}

/*
 * Gives the bits of the scores from first to end, which are equal, by the others.  One that
 * is alone lies between two of them, so its bits are interpolated as theirs would be.
 */
static double
share_bits(const float *scores, int64 before, int64 first, int64 end, int64 n)
{
	double		bits = log2((double) (n - 1) / (n - first - 1));
	double		lower;
	double		part;

	if (end - first > 1)
		return bits;
	if (first == 0)
		return 0;
	lower = log2((double) (n - 1) / (n - before - 1));
	part = ((double) scores[first] - scores[before]) / ((double) scores[end] - scores[before]);
	return lower + part * (bits - lower);
}

/* Makes points of the first scores but a greatest one that is alone, thinned evenly in bits. */
static void
share_points(const float *scores, int64 nfirst, int64 n, int most, Tail *unseen)
{
	double		step = nfirst > most ? log2((double) n / Max(n - nfirst, 1)) / (most - 2) : 0;
	double		due = 0;
	int64		before = 0;
	int64		next;

	for (int64 i = 0; i < nfirst; before = i, i = next)
	{
		double		bits;

		for (next = i + 1; next < n && scores[next] == scores[i];)
			next++;
		if (i == n - 1)
			break;
		bits = share_bits(scores, before, i, next, n);
		if (bits < due && next < nfirst)
			continue;
		add_point(unseen, scores[i], bits);
		due = bits + step;
	}
}

/* Adds the greatest score, if it is so alone, by what follows the second greatest. */
static void
judge_greatest(const float *scores, int64 n, Tail *unseen)
{
	float		score[2];
	float		bits[2];
	Tail		others = {.rows = n - 1, .score = score, .bits = bits};
	int64		ties = 1;

	if (n < 2 || scores[n - 1] == scores[n - 2])
		return;
	while (ties < n - 1 && scores[n - 2 - ties] == scores[n - 2])
		ties++;
	tail_add_point(&others, scores[n - 2], log2((double) (n - 1) / ties));
	tail_follow_greatest(scores, n - 1, &others);
	others.share = (float) exp2(-others.bits[others.npoints - 1]);
	add_point(unseen, scores[n - 1], tail_bits(&others, scores[n - 1]));
}

/*
 * Adds the exceedances, each judged by a fit to the others.  Without exceedance i, of
 * those below it one fewer is greater: weighted sums of them shrink by their own sum.
 */
static void
judge_exceedances(const float *scores, int64 first, int64 n, const Tail *tail, Tail *unseen)
{
	int64		m = n - first;
	double		reach = log2((double) (n - 1) / (m - 1));
	double		sum = 0;
	double		ranked = 0;
	double		below = 0;
	double		last = 0;

	for (int64 i = 0; i < m; i++)
	{
		double		excess = (double) scores[first + i] - tail->threshold;

		sum += excess;
		ranked += excess * (m - 1 - i);
	}
	add_point(unseen, tail->threshold, reach);
	for (int64 i = 0; i < m; i++)
	{
		double		excess = (double) scores[first + i] - tail->threshold;
		double		mean = (sum - excess) / (m - 1);
		double		weighted = (ranked - excess * (m - 1 - i) - below) / ((double) (m - 1) * (m - 2));
		float		scale;
		float		shape;
		double		bits;

		below += excess;
		if (mean <= 0)
			continue;
		tail_fit_moments(mean, weighted, &scale, &shape);
		bits = reach + tail_excess_bits(excess, scale, shape);
		/* what a fit to others says may fall from one score to the next, but a tail never does */
		if (i + 1 < m && bits < last + UNSEEN_STEP)
			continue;
		last = Max(bits, last);
		if (unseen->npoints < TAIL_MAX_POINTS)
			add_point(unseen, scores[first + i], Max(last, reach));
	}
}

/* Learns what to judge the rows by that a tail was learned from. */
void
tail_learn_unseen(const float *scores, int64 nscores, const Tail *tail, Tail *unseen)
{
	int64		first = nscores;
	int			end;

	Assert(nscores > 0);
	*unseen = *tail;
	unseen->npoints = 0;
	unseen->rows = Max(nscores - 1, 1);
	unseen->score = palloc(sizeof(float) * TAIL_MAX_POINTS);
	unseen->bits = palloc(sizeof(float) * TAIL_MAX_POINTS);
	while (first > 0 && scores[first - 1] >= tail->threshold)
		first--;
	/* exceedances of which there are several are told by a fit, see tail_learn() */
	if (nscores - first < 3 || tail->threshold > scores[nscores - 1])
		first = nscores;
	share_points(scores, first, nscores, first < nscores ? TAIL_THINNED - UNSEEN_EXCEEDANCES : TAIL_THINNED, unseen);
	if (first < nscores)
		judge_exceedances(scores, first, nscores, tail, unseen);
	else
		judge_greatest(scores, nscores, unseen);
	if (unseen->npoints == 0)
		add_point(unseen, scores[0], 0);
	end = unseen->npoints - 1;
	unseen->threshold = unseen->score[end];
	unseen->share = (float) exp2(-unseen->bits[end]);
}
