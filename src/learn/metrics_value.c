/*-------------------------------------------------------------------------
 *
 * metrics_value.c
 *	  Metrics of predicted values against true ones.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "learn/metrics_private.h"

/* Gives how far a prediction lies above the truth. */
static inline double
row_error(const Scored *scored, int64 row)
{
	return (double) scored->values[row] - (double) scored->labels[row];
}

/* Gives the metrics that are sums over the rows. */
ValueMetrics
metrics_values(const Scored *scored)
{
	ValueMetrics metrics;
	double		nrows = (double) scored->nrows;
	Sum			squared = {0};
	Sum			absolute = {0};
	Sum			relative = {0};
	Sum			error = {0};
	Sum			label = {0};
	Sum			spread = {0};
	double		mean;
	bool		has_zero = false;

	for (int64 row = 0; row < scored->nrows; row++)
	{
		double		distance = row_error(scored, row);
		double		truth = scored->labels[row];

		if (row % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		sum_add(&squared, distance * distance);
		sum_add(&absolute, fabs(distance));
		sum_add(&error, distance);
		sum_add(&label, truth);
		if (truth == 0)
			has_zero = true;
		else
			sum_add(&relative, fabs(distance / truth));
	}
	mean = ratio(sum_value(&label), nrows);
	for (int64 row = 0; row < scored->nrows; row++)
		sum_add(&spread, (scored->labels[row] - mean) * (scored->labels[row] - mean));

	metrics.rmse = sqrt(ratio(sum_value(&squared), nrows));
	metrics.mae = ratio(sum_value(&absolute), nrows);
	metrics.r2 = 1 - ratio(sum_value(&squared), sum_value(&spread));
	metrics.mape = has_zero ? NAN : ratio(sum_value(&relative), nrows);
	metrics.mean_error = ratio(sum_value(&error), nrows);
	return metrics;
}

/* Gives the mean pinball loss at the quantile, at the median when none is asked for. */
double
metrics_quantile_loss(const Scored *scored)
{
	double		quantile = scored->quantile > 0 ? scored->quantile : 0.5;
	Sum			loss = {0};

	for (int64 row = 0; row < scored->nrows; row++)
	{
		double		above = row_error(scored, row);

		if (row % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		sum_add(&loss, above > 0 ? (1 - quantile) * above : -quantile * above);
	}
	return ratio(sum_value(&loss), (double) scored->nrows);
}

/* Orders doubles. */
static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	/* millions of them take longer than a cancel may wait */
	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

/* Gives the median of the absolute errors; of an even number the mean of the middle two. */
double
metrics_median_absolute_error(const Scored *scored)
{
	int64		n = scored->nrows;
	double	   *errors;
	double		median;

	if (n == 0)
		return NAN;
	errors = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(n, sizeof(double)));
	for (int64 row = 0; row < n; row++)
		errors[row] = fabs(row_error(scored, row));
	CHECK_FOR_INTERRUPTS();
	qsort(errors, n, sizeof(double), compare_doubles);
	CHECK_FOR_INTERRUPTS();
	median = (errors[(n - 1) / 2] + errors[n / 2]) / 2;
	pfree(errors);
	return median;
}
