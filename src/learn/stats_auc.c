/*-------------------------------------------------------------------------
 *
 * stats_auc.c
 *	  Areas under ROC curves: variances, their test, and areas of resamples.
 *
 * DeLong, DeLong and Clarke-Pearson (1988): a positive row's placement is the share
 * of negative rows below it, a negative row's that of positive rows above it, ties
 * at half.  The area is the mean placement; its variance is that of the positive
 * rows' placements by their number plus that of the negative rows' by theirs; the
 * variance of two areas' difference is that of the placements' differences.  One sort
 * gives all placements (Sun and Xu 2014), so n rows take O(n log n).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "learn/stats.h"

/* A row's place among the others. */
typedef struct OrderedRow
{
	double		score;
	int64		row;
} OrderedRow;

struct StatsOrder
{
	int64		nrows;
	int64	   *rows;			/* lowest score first */
	uint8	   *marks;			/* by place: ORDER_POSITIVE, ORDER_TIED */
};

#define ORDER_POSITIVE 1
#define ORDER_TIED 2			/* has the score of the place before */

/* Orders rows by score, lowest first, equal ones by number. */
static int
compare_rows(const void *a, const void *b)
{
	const OrderedRow *x = a;
	const OrderedRow *y = b;

	/* millions of them take longer than a cancel may wait */
	CHECK_FOR_INTERRUPTS();
	if (x->score != y->score)
		return x->score < y->score ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

/* Gives the rows in the order of their score. */
static OrderedRow *
order_rows(int64 nrows, const double *scores)
{
	OrderedRow *rows = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(nrows, 1), sizeof(OrderedRow)));

	for (int64 i = 0; i < nrows; i++)
	{
		rows[i].score = scores[i];
		rows[i].row = i;
	}
	CHECK_FOR_INTERRUPTS();
	qsort(rows, nrows, sizeof(OrderedRow), compare_rows);
	CHECK_FOR_INTERRUPTS();
	return rows;
}

/* Gives each row's placement. */
static double *
placements(int64 nrows, const double *scores, const uint8 *labels, int64 npositive)
{
	OrderedRow *rows = order_rows(nrows, scores);
	double	   *placement = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(nrows, 1), sizeof(double)));
	double		nnegative = (double) (nrows - npositive);
	int64		positives_below = 0;
	int64		negatives_below = 0;

	for (int64 first = 0, end; first < nrows; first = end)
	{
		int64		positives = 0;
		double		positive_place;
		double		negative_place;

		for (end = first; end < nrows && rows[end].score == rows[first].score; end++)
			positives += labels[rows[end].row];
		positive_place = ((double) negatives_below + 0.5 * (double) (end - first - positives)) / nnegative;
		negative_place = ((double) (npositive - positives_below - positives) + 0.5 * (double) positives) / (double) npositive;
		for (int64 i = first; i < end; i++)
			placement[rows[i].row] = labels[rows[i].row] ? positive_place : negative_place;
		positives_below += positives;
		negatives_below += end - first - positives;
	}
	pfree(rows);
	return placement;
}

/* Adds what one class contributes to the variances of the areas and of their difference. */
static void
add_class(int64 nrows, double *const placement[2], int nscores, const uint8 *labels, int class, StatsAucs *out)
{
	StatsMoments moments[2] = {{0}};
	StatsMoments apart = {0};

	for (int64 i = 0; i < nrows; i++)
	{
		if (labels[i] != class)
			continue;
		for (int s = 0; s < nscores; s++)
			stats_moments_add(&moments[s], placement[s][i]);
		if (nscores == 2)
			stats_moments_add(&apart, placement[0][i] - placement[1][i]);
	}
	for (int s = 0; s < nscores; s++)
	{
		out->auc[s] = moments[s].mean;
		out->variance[s] += stats_variance(&moments[s]) / (double) moments[s].n;
	}
	if (nscores == 2)
		out->difference_variance += stats_variance(&apart) / (double) apart.n;
}

/* Gives the areas of one or two scores of the same rows with their variances. */
void
stats_delong(int64 nrows, const double *first, const double *second, const uint8 *labels, StatsAucs *out)
{
	double	   *placement[2] = {NULL, NULL};
	int			nscores = second != NULL ? 2 : 1;

	memset(out, 0, sizeof(StatsAucs));
	for (int64 i = 0; i < nrows; i++)
		out->npositive += labels[i];
	out->nnegative = nrows - out->npositive;
	if (out->npositive == 0 || out->nnegative == 0)
	{
		out->auc[0] = out->auc[1] = NAN;
		out->variance[0] = out->variance[1] = out->difference_variance = NAN;
		return;
	}
	placement[0] = placements(nrows, first, labels, out->npositive);
	if (nscores == 2)
		placement[1] = placements(nrows, second, labels, out->npositive);
	for (int class = 0; class < 2; class++)
		add_class(nrows, placement, nscores, labels, class, out);
	for (int s = 0; s < nscores; s++)
		pfree(placement[s]);
}

/* Gives the difference of two areas of the same rows with its z test and interval. */
void
stats_auc_difference(const StatsAucs *aucs, double alpha, StatsDifference *out)
{
	stats_normal_difference(aucs->auc[0], aucs->auc[1], aucs->difference_variance, alpha, out);
}

/* Gives the interval of one area, cut at 0 and 1. */
void
stats_auc_interval(double auc, double variance, double alpha, double *low, double *high)
{
	double		reach = stats_normal_quantile(1 - alpha / 2) * sqrt(variance);

	*low = *high = NAN;
	if (isnan(reach))
		return;
	*low = Max(auc - reach, 0);
	*high = Min(auc + reach, 1);
}

/* Gives the rows in the order of a score, for areas of many resamples. */
StatsOrder *
stats_order(int64 nrows, const double *scores, const uint8 *labels)
{
	StatsOrder *order = palloc(sizeof(StatsOrder));
	OrderedRow *rows = order_rows(nrows, scores);

	order->nrows = nrows;
	order->rows = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(nrows, 1), sizeof(int64)));
	order->marks = MemoryContextAllocHuge(CurrentMemoryContext, Max(nrows, 1));
	for (int64 i = 0; i < nrows; i++)
	{
		order->rows[i] = rows[i].row;
		order->marks[i] = labels[rows[i].row] ? ORDER_POSITIVE : 0;
		if (i > 0 && rows[i].score == rows[i - 1].score)
			order->marks[i] |= ORDER_TIED;
	}
	pfree(rows);
	return order;
}

/* Gives the area when row i occurs times[i] times; NaN without rows of both classes. */
double
stats_order_auc(const StatsOrder *order, const uint32 *times)
{
	double		pairs = 0;
	double		negatives_below = 0;
	double		npositive = 0;
	double		positives = 0;	/* of the score that is being looked at */
	double		negatives = 0;

	for (int64 i = 0; i < order->nrows; i++)
	{
		if (!(order->marks[i] & ORDER_TIED))
		{
			pairs += positives * (negatives_below + 0.5 * negatives);
			npositive += positives;
			negatives_below += negatives;
			positives = negatives = 0;
		}
		if (order->marks[i] & ORDER_POSITIVE)
			positives += times[order->rows[i]];
		else
			negatives += times[order->rows[i]];
	}
	pairs += positives * (negatives_below + 0.5 * negatives);
	npositive += positives;
	negatives_below += negatives;
	return npositive == 0 || negatives_below == 0 ? NAN : pairs / (npositive * negatives_below);
}

/* Gives the areas of a resample. */
void
stats_auc_figures(void *arg, const uint32 *times, double figures[2])
{
	StatsOrder *const *orders = arg;

	figures[0] = stats_order_auc(orders[0], times);
	figures[1] = orders[1] != NULL ? stats_order_auc(orders[1], times) : 0;
}
