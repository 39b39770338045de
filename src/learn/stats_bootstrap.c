/*-------------------------------------------------------------------------
 *
 * stats_bootstrap.c
 *	  The paired bootstrap, for figures that have no formula of their own.
 *
 * Efron (1979): units (rows, or groups of rows) are drawn with replacement, as many
 * as there are, and both figures are computed on the same draw.  The interval is
 * the percentile one; the p-value is twice the smaller share of resamples on either
 * side of no difference, the observed one counted among them (Davison and Hinkley
 * 1997, 4.2), so it is never below 2 / (resamples + 1).
 *
 * A draw is kept as how often each unit occurs, so a figure reads its rows in
 * order.  One seed gives the same draws on every machine.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "learn/stats.h"

/* Resampled figures: those of the first, of the second, and their differences. */
typedef struct Resampled
{
	int			n;
	double	   *figures[2];
	double	   *differences;
} Resampled;

/* Draws a resample: how often each unit occurs in it. */
static void
draw(pg_prng_state *random, int64 nunits, uint32 *times)
{
	memset(times, 0, sizeof(uint32) * nunits);
	for (int64 i = 0; i < nunits; i++)
	{
		if (i % 1048576 == 0)
			CHECK_FOR_INTERRUPTS();
		times[(int64) (pg_prng_double(random) * (double) nunits)]++;
	}
}

/* Orders doubles. */
static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* Gives a quantile of sorted values, linear between them (type 7 of Hyndman and Fan 1996). */
static double
sorted_quantile(const double *values, int n, double p)
{
	double		at = p * (n - 1);
	int			below = (int) floor(at);

	if (n == 0)
		return NAN;
	if (below >= n - 1)
		return values[n - 1];
	return values[below] + (at - below) * (values[below + 1] - values[below]);
}

/* Sorts values and gives the interval that leaves alpha / 2 of them on each side. */
static void
interval(double *values, int n, double alpha, double *low, double *high)
{
	qsort(values, n, sizeof(double), compare_doubles);
	*low = sorted_quantile(values, n, alpha / 2);
	*high = sorted_quantile(values, n, 1 - alpha / 2);
}

/* Fills statistic and p-value from the differences. */
static void
judge_differences(const Resampled *resampled, StatsDifference *out)
{
	StatsMoments moments = {0};
	int			below = 0;
	int			above = 0;
	double		deviation;

	for (int i = 0; i < resampled->n; i++)
	{
		stats_moments_add(&moments, resampled->differences[i]);
		below += resampled->differences[i] <= 0;
		above += resampled->differences[i] >= 0;
	}
	deviation = sqrt(stats_variance(&moments));
	out->statistic = out->difference == 0 ? 0 : out->difference / deviation;
	out->p_value = resampled->n == 0 ? NAN : Min(1, 2.0 * (1 + Min(below, above)) / (resampled->n + 1));
}

/* Computes both figures on resamples of the units and gives their intervals, and that of their difference. */
void
stats_bootstrap(int64 nunits, int nresamples, uint64 seed, double alpha,
				StatsFigures figures, void *arg, StatsBootstrap *out)
{
	pg_prng_state random;
	uint32	   *times = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(nunits, 1), sizeof(uint32)));
	Resampled	resampled = {0};
	double		both[2];

	for (int64 i = 0; i < nunits; i++)
		times[i] = 1;
	figures(arg, times, both);
	out->difference.first = both[0];
	out->difference.second = both[1];
	out->difference.difference = both[0] - both[1];

	for (int s = 0; s < 2; s++)
		resampled.figures[s] = palloc(mul_size(nresamples, sizeof(double)));
	resampled.differences = palloc(mul_size(nresamples, sizeof(double)));
	pg_prng_seed(&random, seed);
	for (int i = 0; i < nresamples; i++)
	{
		CHECK_FOR_INTERRUPTS();
		draw(&random, nunits, times);
		figures(arg, times, both);
		if (isnan(both[0]) || isnan(both[1]))
			continue;
		resampled.figures[0][resampled.n] = both[0];
		resampled.figures[1][resampled.n] = both[1];
		resampled.differences[resampled.n++] = both[0] - both[1];
	}
	out->nresamples = resampled.n;
	judge_differences(&resampled, &out->difference);
	interval(resampled.differences, resampled.n, alpha, &out->difference.ci_low, &out->difference.ci_high);
	for (int s = 0; s < 2; s++)
	{
		interval(resampled.figures[s], resampled.n, alpha, &out->low[s], &out->high[s]);
		pfree(resampled.figures[s]);
	}
	pfree(resampled.differences);
	pfree(times);
}

/* Gives the means of the rows' losses in a resample, or their roots. */
void
stats_mean_figures(void *arg, const uint32 *times, double figures[2])
{
	const StatsMeans *means = arg;

	for (int s = 0; s < 2; s++)
	{
		double		sum = 0;
		double		n = 0;

		figures[s] = 0;
		if (means->losses[s] == NULL)
			continue;
		for (int64 i = 0; i < means->nrows; i++)
		{
			sum += times[i] * means->losses[s][i];
			n += times[i];
		}
		figures[s] = means->root ? sqrt(sum / n) : sum / n;
	}
}
