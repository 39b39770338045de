/*-------------------------------------------------------------------------
 *
 * metrics_order.c
 *	  Metrics of how well scores order rows: areas under curves.
 *
 * They are computed on the scores themselves, ties at half; never on decisions,
 * whose two values would leave a curve of one corner.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "learn/metrics_private.h"

/* Orders rows by score, highest first. */
static int
scored_row_compare(const void *a, const void *b)
{
	float		x = ((const ScoredRow *) a)->score;
	float		y = ((const ScoredRow *) b)->score;

	/* millions of them take longer than a cancel may wait */
	CHECK_FOR_INTERRUPTS();
	return (x < y) - (x > y);
}

/* Puts the row with the highest score first. */
void
metrics_order(ScoredRow *rows, int64 nrows)
{
	CHECK_FOR_INTERRUPTS();
	qsort(rows, nrows, sizeof(ScoredRow), scored_row_compare);
	CHECK_FOR_INTERRUPTS();
}

/* Gives the area under the ROC curve of ordered rows: the share of pairs that are in the right order, ties at half. */
double
ordered_auc(const ScoredRow *rows, int64 nrows, int64 npositive)
{
	int64		nnegative = nrows - npositive;
	int64		positives_above = 0;
	Sum			pairs = {0};

	if (npositive == 0 || nnegative == 0)
		return NAN;
	for (int64 i = 0; i < nrows;)
	{
		int64		positives = 0;
		int64		negatives = 0;
		float		score = rows[i].score;

		do
		{
			if (rows[i].label > 0.5f)
				positives++;
			else
				negatives++;
			i++;
		} while (i < nrows && rows[i].score == score);
		sum_add(&pairs, (double) negatives * (double) positives_above +
				0.5 * (double) negatives * (double) positives);
		positives_above += positives;
	}
	return sum_value(&pairs) / ((double) npositive * (double) nnegative);
}

/* Gives the average precision of ordered rows: precision at each distinct score, weighted by the recall it adds. */
double
ordered_average_precision(const ScoredRow *rows, int64 nrows, int64 npositive)
{
	int64		found = 0;
	Sum			precision = {0};

	if (npositive == 0)
		return NAN;
	for (int64 i = 0; i < nrows;)
	{
		int64		positives = 0;
		float		score = rows[i].score;

		do
			positives += rows[i++].label > 0.5f;
		while (i < nrows && rows[i].score == score);
		found += positives;
		sum_add(&precision, (double) positives * ((double) found / (double) i));
	}
	return sum_value(&precision) / (double) npositive;
}

/*
 * Gives the area under the ROC curve and the average precision: of class 1 of
 * two; of several classes the mean over each against the rest, undefined when
 * one of them has no rows.
 */
void
metrics_curves(const Scored *scored, double *auc, double *average_precision)
{
	int			first = scored->nclasses == 2 ? 1 : 0;
	ScoredRow  *rows = MemoryContextAllocHuge(CurrentMemoryContext,
											  mul_size(Max(scored->nrows, 1), sizeof(ScoredRow)));
	Sum			areas = {0};
	Sum			precisions = {0};

	for (int c = first; c < scored->nclasses; c++)
	{
		int64		npositive = 0;

		for (int64 i = 0; i < scored->nrows; i++)
		{
			rows[i].score = scored->values[(size_t) i * scored->nvalues + c];
			rows[i].label = (int) scored->labels[i] == c;
			npositive += rows[i].label > 0.5f;
		}
		metrics_order(rows, scored->nrows);
		sum_add(&areas, ordered_auc(rows, scored->nrows, npositive));
		sum_add(&precisions, ordered_average_precision(rows, scored->nrows, npositive));
	}
	pfree(rows);
	*auc = sum_value(&areas) / (scored->nclasses - first);
	*average_precision = sum_value(&precisions) / (scored->nclasses - first);
}
