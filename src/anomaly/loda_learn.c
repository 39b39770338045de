/*-------------------------------------------------------------------------
 *
 * loda_learn.c
 *	  LODA's histograms: from rows, and from more rows later.
 *
 * A histogram has bins of one width over the range that sampled rows show.
 * Their number maximises the likelihood less a penalty, D - 1 + (ln D)^2.5 for D
 * bins (Birgé, Rozenholc 2006), among the divisors of LODA_FINE up to
 * LODA_MAX_CHOSEN: rows are counted once, in fine bins, and every candidate is a sum of
 * neighbours.  Finer ones would count how often values repeat, not how dense they are.
 *
 * More rows are counted into the same bins after all counts were multiplied by
 * what the old rows are still worth.  Rows beyond the edges belong to the tails; when
 * more than GROW_SHARE of the new ones do, bins of the same width are added up to where
 * they reach, and neighbours are joined when that makes too many.  The inputs'
 * scale stays.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "anomaly/loda.h"

/* Share of the new rows beyond an edge from which a histogram grows there. */
#define GROW_SHARE 0.001

/* Calls back with a block of every projection's values. */
typedef void (*VisitBlock) (void *arg, int projection, const float *values, int nrows);

/* Projects every stride-th row of a matrix and shows the values block by block. */
static void
visit_rows(const Loda *loda, const Matrix *rows, int64 stride, VisitBlock visit, void *arg, Progress *progress)
{
	const LodaState *state = loda_view(loda, false);
	Size		width = sizeof(float) * rows->ncols;
	int64		total = (rows->nrows - 1) / stride + 1;
	float	   *block = palloc(mul_size(width, LODA_BLOCK));
	float	   *inputs = palloc(mul_size(sizeof(float) * LODA_BLOCK, Max(loda->ninputs, 1)));
	float		values[LODA_BLOCK];

	for (int64 done = 0; done < total; done += LODA_BLOCK)
	{
		int			n = (int) Min(LODA_BLOCK, total - done);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n; i++)
			memcpy((char *) block + width * i, matrix_row(rows, (done + i) * stride), width);
		loda_scale(state, block, n, inputs);
		for (int p = 0; p < loda->nprojections; p++)
		{
			loda_project(state, p, inputs, n, values);
			visit(arg, p, values, n);
		}
		progress_update(progress, done + n);
	}
	pfree(block);
	pfree(inputs);
}

/* The least and the greatest value of each projection. */
typedef struct Ranges
{
	float	   *least;
	float	   *greatest;
} Ranges;

/* Widens the ranges by a block. */
static void
visit_range(void *arg, int projection, const float *values, int nrows)
{
	Ranges	   *ranges = arg;
	float		least = ranges->least[projection];
	float		greatest = ranges->greatest[projection];

	for (int r = 0; r < nrows; r++)
	{
		least = values[r] < least ? values[r] : least;
		greatest = values[r] > greatest ? values[r] : greatest;
	}
	ranges->least[projection] = least;
	ranges->greatest[projection] = greatest;
}

/* Reads the ranges of all projections off sampled rows. */
static void
find_ranges(const Loda *loda, const Matrix *rows, Ranges *ranges)
{
	int64		stride = (rows->nrows - 1) / loda_sample_rows(rows->nrows) + 1;

	ranges->least = palloc(mul_size(sizeof(float), Max(loda->nprojections, 1)));
	ranges->greatest = palloc(mul_size(sizeof(float), Max(loda->nprojections, 1)));
	for (int p = 0; p < loda->nprojections; p++)
	{
		ranges->least[p] = FLT_MAX;
		ranges->greatest[p] = -FLT_MAX;
	}
	visit_rows(loda, rows, stride, visit_range, ranges, NULL);
}

/* Counts a block's values into their bins and tails. */
static void
visit_count(void *arg, int projection, const float *values, int nrows)
{
	LodaProjection *p = &((Loda *) arg)->projections[projection];
	float		inverse = 1 / p->width;
	float		nbins = p->nbins;

	for (int r = 0; r < nrows; r++)
	{
		/* as loda_excess() places it */
		float		place = (values[r] - p->from) * inverse;

		if (place >= 0 && place < nbins)
			p->count[(int) place] += 1;
		else if (place < 0)
			p->below += 1;
		else if (!isnan(place))
			p->above += 1;
	}
}

/* Divides the range of a projection into even bins with nothing in them. */
static void
lay_bins(LodaProjection *p, float least, float greatest, int nbins)
{
	double		width = ((double) greatest - least) / nbins;

	if (!(width > 0))
	{
		/* one value, or none at all */
		least = (least == FLT_MAX) ? 0 : least;
		width = 1;
		nbins = 1;
		least -= 0.5f;
	}
	p->from = least;
	/* a little wider, so that the greatest value lies below the upper edge */
	p->width = Max((float) (width * (1 + 1e-5)), LODA_MIN_WIDTH);
	p->nbins = nbins;
	p->count = palloc0(mul_size(sizeof(double), nbins));
	p->below = p->above = 0;
}

/* Gives the penalised likelihood of D even bins, each the sum of fine ones. */
static double
judge_bins(const LodaProjection *p, int nbins, double rows)
{
	int			step = p->nbins / nbins;
	double		likelihood = 0;

	for (int b = 0; b < nbins; b++)
	{
		double		count = 0;

		for (int i = 0; i < step; i++)
			count += p->count[b * step + i];
		if (count > 0)
			likelihood += count * log(count * nbins / rows);
	}
	return likelihood - (nbins - 1 + pow(log(nbins), 2.5));
}

/* Joins each step neighbours to one bin; bins without rows fill up the last. */
static void
join_bins(LodaProjection *p, int64 step)
{
	int			nbins = (int) ((p->nbins + step - 1) / step);

	for (int b = 0; b < nbins; b++)
	{
		double		count = 0;

		for (int64 i = b * step; i < Min((b + 1) * step, p->nbins); i++)
			count += p->count[i];
		p->count[b] = count;
	}
	p->nbins = nbins;
	p->width *= step;
}

/* Chooses the number of bins of a projection that was counted in fine ones. */
static void
choose_bins(LodaProjection *p)
{
	double		rows = 0;
	double		best_judged = -INFINITY;
	int			best = 1;

	for (int b = 0; b < p->nbins; b++)
		rows += p->count[b];
	for (int nbins = 1; nbins <= LODA_MAX_CHOSEN && p->nbins == LODA_FINE; nbins++)
	{
		double		judged;

		/* the theory's own bound: more bins than rows / ln(rows) are not judged rightly */
		if (LODA_FINE % nbins != 0 || (nbins > 1 && nbins * log(Max(rows, 2)) > rows))
			continue;
		judged = judge_bins(p, nbins, rows);
		if (judged > best_judged)
		{
			best_judged = judged;
			best = nbins;
		}
	}
	join_bins(p, p->nbins / best);
}

/* Makes the histograms of drawn projections. */
void
loda_learn(const TrainRequest *request, const LodaOptions *options, Loda *loda)
{
	const Matrix *rows = request->rows;
	int			nbins = options->bins > 0 ? (int) options->bins : LODA_FINE;
	Ranges		ranges;

	if (request->progress)
		progress_phase(request->progress, "counting rows", rows->nrows);
	find_ranges(loda, rows, &ranges);
	for (int p = 0; p < loda->nprojections; p++)
		lay_bins(&loda->projections[p], ranges.least[p], ranges.greatest[p], nbins);
	visit_rows(loda, rows, 1, visit_count, loda, request->progress);
	for (int p = 0; options->bins == 0 && p < loda->nprojections; p++)
		choose_bins(&loda->projections[p]);
}

/* Shares of rows beyond the edges of a projection. */
typedef struct Outside
{
	Loda	   *loda;
	int64	   *rows;
	int64	   *below;
	int64	   *above;
} Outside;

/* Counts a block's rows beyond the edges. */
static void
visit_outside(void *arg, int projection, const float *values, int nrows)
{
	Outside    *outside = arg;
	const LodaProjection *p = &outside->loda->projections[projection];
	float		to = p->from + p->width * p->nbins;

	for (int r = 0; r < nrows; r++)
	{
		outside->rows[projection] += !isnan(values[r]);
		outside->below[projection] += values[r] < p->from;
		outside->above[projection] += values[r] >= to;
	}
}

/* Adds so many empty bins on both sides, joining neighbours until there are few enough. */
static void
grow_bins(LodaProjection *p, double below, double above)
{
	int64		step = 1;
	int			nbelow;
	int			nabove;
	double	   *count;

	while (ceil(below / step) + ceil(above / step) + (p->nbins + step - 1) / step > LODA_MAX_BINS)
		step *= 2;
	join_bins(p, step);
	nbelow = (int) ceil(below / step);
	nabove = (int) ceil(above / step);
	count = palloc0(mul_size(sizeof(double), p->nbins + nbelow + nabove));
	memcpy(count + nbelow, p->count, sizeof(double) * p->nbins);
	p->count = count;
	p->from -= p->width * nbelow;
	p->nbins += nbelow + nabove;
}

/* Grows the histograms to where the new rows reach, if enough of them lie beyond their edges. */
static void
grow_histograms(Loda *loda, const Matrix *rows)
{
	int64		stride = (rows->nrows - 1) / loda_sample_rows(rows->nrows) + 1;
	Size		bytes = mul_size(sizeof(int64), Max(loda->nprojections, 1));
	Outside		outside = {loda, palloc0(bytes), palloc0(bytes), palloc0(bytes)};
	Ranges		ranges;

	find_ranges(loda, rows, &ranges);
	visit_rows(loda, rows, stride, visit_outside, &outside, NULL);
	for (int i = 0; i < loda->nprojections; i++)
	{
		LodaProjection *p = &loda->projections[i];
		double		to = (double) p->from + (double) p->width * p->nbins;
		double		enough = GROW_SHARE * outside.rows[i];
		double		below = outside.below[i] > enough ? (p->from - (double) ranges.least[i]) / p->width : 0;
		double		above = outside.above[i] > enough ? (ranges.greatest[i] - to) / p->width + 1e-3 : 0;

		if (below > 0 || above > 0)
			grow_bins(p, Max(below, 0), Max(above, 0));
	}
}

/* Adds more rows: one of them counts 1, what was known keep. */
void
loda_add(const TrainRequest *request, double keep, Loda *loda)
{
	if (request->progress)
		progress_phase(request->progress, "counting rows", request->rows->nrows);
	for (int i = 0; i < loda->nprojections; i++)
	{
		LodaProjection *p = &loda->projections[i];

		for (int b = 0; b < p->nbins; b++)
			p->count[b] *= keep;
		p->below *= keep;
		p->above *= keep;
	}
	grow_histograms(loda, request->rows);
	visit_rows(loda, request->rows, 1, visit_count, loda, request->progress);
	loda->rows = loda->rows * keep + request->rows->nrows;
}
