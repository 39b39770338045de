/*-------------------------------------------------------------------------
 *
 * metrics.c
 *	  Metrics of predictions against the truth.
 *
 * Sums are in double precision and compensated (Neumaier), so a million rows
 * lose no digits.  The definitions are scikit-learn's; where it falls back to an
 * arbitrary value or warns, the metric is null here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "learn/metrics.h"

/* A sum that keeps what rounding takes away. */
typedef struct Sum
{
	double		total;
	double		lost;
} Sum;

/* A row for the metrics that order rows by score. */
typedef struct ScoredRow
{
	float		score;
	bool		positive;
} ScoredRow;

/* Counts of a binary decision against the truth. */
typedef struct Confusion
{
	double		true_positive;
	double		false_positive;
	double		true_negative;
	double		false_negative;
} Confusion;

/* Adds a value to a compensated sum. */
static inline void
sum_add(Sum *sum, double value)
{
	double		total = sum->total + value;

	if (fabs(sum->total) >= fabs(value))
		sum->lost += (sum->total - total) + value;
	else
		sum->lost += (value - total) + sum->total;
	sum->total = total;
}

/* Gives the value of a compensated sum. */
static inline double
sum_value(const Sum *sum)
{
	return sum->total + sum->lost;
}

/* Tells whether the JSON object text waits for its next pair: it has just been opened or ends in a comma. */
static bool
metrics_at_pair(const StringInfo out)
{
	int			end = out->len;

	while (end > 0 && out->data[end - 1] == ' ')
		end--;
	return end == 0 || out->data[end - 1] == '{' || out->data[end - 1] == ',';
}

/* Appends one metric to the open JSON object; what is undefined becomes null. */
static void
metrics_append(StringInfo out, const char *name, double value)
{
	if (!metrics_at_pair(out))
		appendStringInfoString(out, ", ");
	appendStringInfo(out, "\"%s\": ", name);
	if (isfinite(value))
	{
		char		number[DOUBLE_SHORTEST_DECIMAL_LEN];

		double_to_shortest_decimal_buf(value, number);
		appendStringInfoString(out, number);
	}
	else
		appendStringInfoString(out, "null");
}

/* Gives a / b, undefined when b is zero. */
static double
ratio(double a, double b)
{
	return b == 0 ? NAN : a / b;
}

/* Orders rows by score, highest first. */
static int
scored_row_compare(const void *a, const void *b)
{
	float		x = ((const ScoredRow *) a)->score;
	float		y = ((const ScoredRow *) b)->score;

	return (x < y) - (x > y);
}

/* Gives the bytes that the metrics of so many rows take beside the rows. */
Size
metrics_estimate(int64 nrows)
{
	return mul_size(nrows, sizeof(ScoredRow));
}

/* Gives the rows ordered by score and the number of positive ones; to be freed by the caller. */
static ScoredRow *
metrics_order(int64 nrows, const float *scores, int stride, const float *labels, int64 *npositive)
{
	ScoredRow  *rows = MemoryContextAllocHuge(CurrentMemoryContext,
											  mul_size(Max(nrows, 1), sizeof(ScoredRow)));

	*npositive = 0;
	for (int64 i = 0; i < nrows; i++)
	{
		rows[i].score = scores[i * stride];
		rows[i].positive = labels[i] > 0.5f;
		*npositive += rows[i].positive;
	}
	CHECK_FOR_INTERRUPTS();
	qsort(rows, nrows, sizeof(ScoredRow), scored_row_compare);
	CHECK_FOR_INTERRUPTS();
	return rows;
}

/* Gives the area under the ROC curve of ordered rows: the share of pairs that are in the right order, ties at half. */
static double
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
			if (rows[i].positive)
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
static double
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
			positives += rows[i++].positive;
		while (i < nrows && rows[i].score == score);
		found += positives;
		sum_add(&precision, (double) positives * ((double) found / (double) i));
	}
	return sum_value(&precision) / (double) npositive;
}

/* Gives the class of the highest probability, the first of equals. */
static int
best_class(const float *proba, int nclasses)
{
	int			best = 0;

	for (int i = 1; i < nclasses; i++)
	{
		if (proba[i] > proba[best])
			best = i;
	}
	return best;
}

/* Gives -log of the probability given to the true class, clipped away from 0 and 1 and renormalised over the classes. */
static double
row_log_loss(const float *proba, int nclasses, int label)
{
	double		total = 0;
	double		truth = 0;

	for (int i = 0; i < nclasses; i++)
	{
		double		p = Min(Max((double) proba[i], DBL_EPSILON), 1 - DBL_EPSILON);

		total += p;
		if (i == label)
			truth = p;
	}
	return -log(truth / total);
}

/*
 * Gives a row's squared distance from the truth: of the positive class for two
 * classes, summed over the classes for more.
 */
static double
row_brier(const float *proba, int nclasses, int label)
{
	double		total = 0;

	for (int i = (nclasses == 2) ? 1 : 0; i < nclasses; i++)
	{
		double		distance = (double) proba[i] - (i == label);

		total += distance * distance;
	}
	return total;
}

/* Appends the metrics that exist for two classes only. */
static void
metrics_binary(int64 nrows, const float *proba, const float *labels, const Confusion *c, StringInfo out)
{
	int64		npositive;
	ScoredRow  *rows = metrics_order(nrows, proba + 1, 2, labels, &npositive);
	double		tp = c->true_positive;
	double		fp = c->false_positive;
	double		tn = c->true_negative;
	double		fn = c->false_negative;

	metrics_append(out, "auc", ordered_auc(rows, nrows, npositive));
	metrics_append(out, "pr_auc", ordered_average_precision(rows, nrows, npositive));
	metrics_append(out, "f1", ratio(2 * tp, 2 * tp + fp + fn));
	metrics_append(out, "precision", ratio(tp, tp + fp));
	metrics_append(out, "recall", ratio(tp, tp + fn));
	metrics_append(out, "mcc", ratio(tp * tn - fp * fn,
									 sqrt(tp + fp) * sqrt(tp + fn) * sqrt(tn + fp) * sqrt(tn + fn)));
	metrics_append(out, "base_rate", ratio((double) npositive, (double) nrows));
	pfree(rows);
}

/* Appends the metrics of class probabilities against class indexes. */
void
metrics_classification(int64 nrows, int nclasses, const float *proba, const float *labels, StringInfo out)
{
	Sum			log_loss = {0};
	Sum			brier = {0};
	int64		right = 0;
	Confusion	confusion = {0};

	for (int64 row = 0; row < nrows; row++)
	{
		const float *p = proba + (size_t) row * nclasses;
		int			label = (int) labels[row];
		int			answer = best_class(p, nclasses);

		if (row % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		sum_add(&log_loss, row_log_loss(p, nclasses, label));
		sum_add(&brier, row_brier(p, nclasses, label));
		right += answer == label;
		if (label == 1)
			*(answer == 1 ? &confusion.true_positive : &confusion.false_negative) += 1;
		else
			*(answer == 1 ? &confusion.false_positive : &confusion.true_negative) += 1;
	}
	metrics_append(out, "log_loss", ratio(sum_value(&log_loss), (double) nrows));
	metrics_append(out, "accuracy", ratio((double) right, (double) nrows));
	metrics_append(out, "brier", ratio(sum_value(&brier), (double) nrows));
	if (nclasses == 2)
		metrics_binary(nrows, proba, labels, &confusion, out);
}

/* Appends the metrics of predicted values against true ones. */
void
metrics_regression(int64 nrows, const float *values, const float *labels, StringInfo out)
{
	Sum			squared = {0};
	Sum			absolute = {0};
	Sum			relative = {0};
	Sum			error = {0};
	Sum			label = {0};
	Sum			spread = {0};
	double		mean;
	bool		has_zero = false;

	for (int64 row = 0; row < nrows; row++)
	{
		double		distance = (double) values[row] - (double) labels[row];

		if (row % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		sum_add(&squared, distance * distance);
		sum_add(&absolute, fabs(distance));
		sum_add(&error, distance);
		sum_add(&label, labels[row]);
		if (labels[row] == 0)
			has_zero = true;
		else
			sum_add(&relative, fabs(distance / labels[row]));
	}
	mean = ratio(sum_value(&label), (double) nrows);
	for (int64 row = 0; row < nrows; row++)
		sum_add(&spread, (labels[row] - mean) * (labels[row] - mean));

	metrics_append(out, "rmse", sqrt(ratio(sum_value(&squared), (double) nrows)));
	metrics_append(out, "mae", ratio(sum_value(&absolute), (double) nrows));
	metrics_append(out, "r2", 1 - ratio(sum_value(&squared), sum_value(&spread)));
	metrics_append(out, "mape", has_zero ? NAN : ratio(sum_value(&relative), (double) nrows));
	metrics_append(out, "mean_error", ratio(sum_value(&error), (double) nrows));
}
