/*-------------------------------------------------------------------------
 *
 * metrics_reliability.c
 *	  Whether probabilities can be taken at their word.
 *
 * The rows are put into bins by the probability that they were given; in each
 * bin the mean probability stands beside the share of rows that are of the class.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "learn/metrics_private.h"

#define CALIBRATION_ERROR_BINS 10

/* Gives the probability of a class for a row. */
static inline double
row_probability(const Scored *scored, int64 row, int class)
{
	return scored->values[(size_t) row * scored->nvalues + class];
}

/* Orders floats. */
static int
compare_floats(const void *a, const void *b)
{
	float		x = *(const float *) a;
	float		y = *(const float *) b;

	/* millions of them take longer than a cancel may wait */
	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

/* Gives a share's quantile of ordered numbers: between two of them in proportion. */
static double
ordered_quantile(const float *ordered, int64 n, double share)
{
	double		place = share * (double) (n - 1);
	int64		below = Min((int64) place, n - 1);
	int64		above = Min(below + 1, n - 1);
	double		part = place - (double) below;
	double		step = (double) ordered[above] - (double) ordered[below];

	/* from the nearer end, so that the ends are exact */
	return part < 0.5 ? ordered[below] + step * part : ordered[above] - step * (1 - part);
}

/* Gives the share of the rows that lies below a bin, rounded as numpy's linspace() and percentile() do: ties hang on it. */
static double
bin_share(int bin, int nbins)
{
	return bin == nbins ? 1 : bin * (1.0 / nbins) * 100 / 100;
}

/* Sets the bounds of bins that hold about as many rows each. */
static void
set_quantile_bounds(const Scored *scored, int class, int nbins, ReliabilityBin *bins)
{
	float	   *ordered = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(scored->nrows, 1), sizeof(float)));

	for (int64 row = 0; row < scored->nrows; row++)
		ordered[row] = row_probability(scored, row, class);
	CHECK_FOR_INTERRUPTS();
	qsort(ordered, scored->nrows, sizeof(float), compare_floats);
	CHECK_FOR_INTERRUPTS();
	for (int i = 0; i < nbins && scored->nrows > 0; i++)
	{
		bins[i].lower = ordered_quantile(ordered, scored->nrows, bin_share(i, nbins));
		bins[i].upper = ordered_quantile(ordered, scored->nrows, bin_share(i + 1, nbins));
	}
	pfree(ordered);
}

/* Gives the bin of a probability: the first whose upper bound it does not exceed. */
static int
find_bin(const ReliabilityBin *bins, int nbins, double proba)
{
	int			low = 0;
	int			high = nbins - 1;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (proba <= bins[middle].upper)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Fills the bins of the probabilities of a class. */
void
metrics_reliability(const Scored *scored, int class, int nbins, bool by_quantile, ReliabilityBin *bins)
{
	Sum		   *probabilities = palloc0(mul_size(nbins, sizeof(Sum)));

	for (int i = 0; i < nbins; i++)
	{
		bins[i].lower = (double) i / nbins;
		bins[i].upper = (double) (i + 1) / nbins;
		bins[i].nrows = 0;
		bins[i].observed_share = 0;
	}
	if (by_quantile)
		set_quantile_bounds(scored, class, nbins, bins);
	for (int64 row = 0; row < scored->nrows; row++)
	{
		double		proba = row_probability(scored, row, class);
		int			bin = find_bin(bins, nbins, proba);

		if (row % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		bins[bin].nrows++;
		bins[bin].observed_share += (int) scored->labels[row] == class;
		sum_add(&probabilities[bin], proba);
	}
	for (int i = 0; i < nbins; i++)
	{
		bins[i].mean_probability = ratio(sum_value(&probabilities[i]), (double) bins[i].nrows);
		bins[i].observed_share = ratio(bins[i].observed_share, (double) bins[i].nrows);
	}
	pfree(probabilities);
}

/*
 * Gives the expected calibration error: the distance of mean probability and
 * observed share in ten equally wide bins, by their rows; of class 1 of two, else
 * the mean over the classes.
 */
double
metrics_calibration_error(const Scored *scored)
{
	int			first = scored->nclasses == 2 ? 1 : 0;
	ReliabilityBin bins[CALIBRATION_ERROR_BINS];
	Sum			error = {0};

	for (int c = first; c < scored->nclasses; c++)
	{
		metrics_reliability(scored, c, CALIBRATION_ERROR_BINS, false, bins);
		for (int i = 0; i < CALIBRATION_ERROR_BINS; i++)
			if (bins[i].nrows > 0)
				sum_add(&error, fabs(bins[i].mean_probability - bins[i].observed_share) * (double) bins[i].nrows);
	}
	return ratio(sum_value(&error), (double) scored->nrows * (scored->nclasses - first));
}
