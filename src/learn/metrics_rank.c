/*-------------------------------------------------------------------------
 *
 * metrics_rank.c
 *	  Metrics of rankings: how well scores order the rows of each group.
 *
 * A metric is the mean over the groups.  A group without a relevant row counts
 * zero, as in scikit-learn.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "learn/metrics_private.h"

/* Gives the end of the group that begins at a row. */
static int64
group_end(const Scored *scored, int64 start)
{
	int64		end = start + 1;

	if (scored->groups == NULL)
		return scored->nrows;
	while (end < scored->nrows && scored->groups[end] == scored->groups[start])
		end++;
	return end;
}

/* Gives the number of groups. */
int64
metrics_ngroups(const Scored *scored)
{
	int64		n = 0;

	for (int64 start = 0; start < scored->nrows; start = group_end(scored, start))
		n++;
	return n;
}

/* Gives what a place in a ranking counts; nothing beyond the best. */
static inline double
discount(int64 rank, int64 best)
{
	return best > 0 && rank >= best ? 0 : 1 / log2((double) rank + 2);
}

/*
 * Gives the discounted gain of ordered rows.  Rows of equal score share their
 * places: each of them gets the mean, as over all orders they could have.
 */
static double
ordered_gain(const ScoredRow *rows, int64 nrows, int64 best)
{
	Sum			total = {0};

	for (int64 i = 0; i < nrows;)
	{
		float		score = rows[i].score;
		int64		start = i;
		double		gain = 0;
		double		discounts = 0;

		for (; i < nrows && rows[i].score == score; i++)
		{
			gain += rows[i].label;
			discounts += discount(i, best);
		}
		sum_add(&total, gain / (double) (i - start) * discounts);
	}
	return sum_value(&total);
}

/* Gives the normalised discounted gain of one group; rows is scratch space. */
static double
group_ndcg(const float *scores, const float *relevances, int64 nrows, int64 best, ScoredRow *rows)
{
	double		gain;
	double		ideal;

	for (int64 i = 0; i < nrows; i++)
	{
		if (relevances[i] < 0)
			return NAN;
		rows[i].score = scores[i];
		rows[i].label = relevances[i];
	}
	metrics_order(rows, nrows);
	gain = ordered_gain(rows, nrows, best);
	for (int64 i = 0; i < nrows; i++)
		rows[i].score = rows[i].label;
	metrics_order(rows, nrows);
	ideal = ordered_gain(rows, nrows, best);
	return ideal == 0 ? 0 : gain / ideal;
}

/* Gives the average precision of one group, whose relevant rows are those above zero. */
static double
group_precision(const float *scores, const float *relevances, int64 nrows, int64 best, ScoredRow *rows)
{
	int64		npositive = 0;

	for (int64 i = 0; i < nrows; i++)
	{
		rows[i].score = scores[i];
		rows[i].label = relevances[i] > 0;
		npositive += relevances[i] > 0;
	}
	if (npositive == 0)
		return 0;
	metrics_order(rows, nrows);
	return ordered_average_precision(rows, nrows, npositive);
}

/* Gives the mean of a metric over the groups. */
static double
mean_over_groups(const Scored *scored, int64 best,
				 double (*metric) (const float *scores, const float *relevances, int64 nrows, int64 best,
								   ScoredRow *rows))
{
	ScoredRow  *rows = MemoryContextAllocHuge(CurrentMemoryContext,
											  mul_size(Max(scored->nrows, 1), sizeof(ScoredRow)));
	Sum			sum = {0};
	int64		ngroups = 0;

	for (int64 start = 0; start < scored->nrows;)
	{
		int64		end = group_end(scored, start);

		sum_add(&sum, metric(scored->values + start, scored->labels + start, end - start, best, rows));
		ngroups++;
		start = end;
	}
	pfree(rows);
	return ratio(sum_value(&sum), (double) ngroups);
}

/* Gives the mean normalised discounted cumulative gain, with the relevance itself as gain. */
double
metrics_ndcg(const Scored *scored, int64 best)
{
	return mean_over_groups(scored, best, group_ndcg);
}

/* Gives the mean average precision. */
double
metrics_map(const Scored *scored)
{
	return mean_over_groups(scored, 0, group_precision);
}
