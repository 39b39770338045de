/*-------------------------------------------------------------------------
 *
 * metrics_class.c
 *	  Metrics of class probabilities and of the decisions made from them.
 *
 * For two classes precision, recall and F1 are those of class 1; for more the
 * mean over the classes that occur as truth or decision.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>

#include "miscadmin.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "learn/metrics_private.h"

/* A confusion matrix of more classes than this is no reading matter: aipipe.model_confusion() gives it as rows. */
#define CONFUSION_MAX_CLASSES 100

/* Gives the class that is decided: by the threshold when there is one, else the most probable, the first of equals. */
int
metrics_decide(const float *proba, int nclasses, double threshold)
{
	int			best = 0;

	if (nclasses == 2 && !isnan(threshold))
		return proba[1] >= threshold;
	for (int c = 1; c < nclasses; c++)
	{
		if (proba[c] > proba[best])
			best = c;
	}
	return best;
}

/* Gives the class that is decided for a row: of a pair as a model of these two classes decides, wherever they stand. */
int
metrics_decide_row(const Scored *scored, int64 row)
{
	const float *proba = scored->values + (size_t) row * scored->nvalues;
	const int  *pair = scored->pair;
	bool		positive;

	if (pair == NULL)
		return metrics_decide(proba, scored->nclasses, scored->threshold);
	positive = isnan(scored->threshold) ? proba[pair[1]] > proba[pair[0]] : proba[pair[1]] >= scored->threshold;
	return pair[positive];
}

/* Counts how often each class was decided for rows of each class. */
int64 *
metrics_confusion(const Scored *scored)
{
	int			n = scored->nclasses;
	Size		bytes = mul_size(mul_size(n, n), sizeof(int64));
	int64	   *counts = MemoryContextAllocHuge(CurrentMemoryContext, bytes);

	memset(counts, 0, bytes);
	for (int64 row = 0; row < scored->nrows; row++)
	{
		if (row % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		counts[(Size) scored->labels[row] * n + metrics_decide_row(scored, row)]++;
	}
	return counts;
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

/* Gives log loss and Brier score of the probabilities. */
void
metrics_class_losses(const Scored *scored, double *log_loss, double *brier)
{
	Sum			logs = {0};
	Sum			squares = {0};

	for (int64 row = 0; row < scored->nrows; row++)
	{
		const float *proba = scored->values + (size_t) row * scored->nclasses;
		int			label = (int) scored->labels[row];

		if (row % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		sum_add(&logs, row_log_loss(proba, scored->nclasses, label));
		sum_add(&squares, row_brier(proba, scored->nclasses, label));
	}
	*log_loss = ratio(sum_value(&logs), (double) scored->nrows);
	*brier = ratio(sum_value(&squares), (double) scored->nrows);
}

/* Counts of one class against the rest. */
typedef struct ClassCounts
{
	double		right;
	double		actual;			/* rows that are of the class */
	double		decided;		/* rows that were said to be */
} ClassCounts;

/* Counts one class's row and column of a confusion matrix. */
static ClassCounts
count_class(const int64 *confusion, int nclasses, int c)
{
	ClassCounts counts = {confusion[(Size) c * nclasses + c], 0, 0};

	for (int i = 0; i < nclasses; i++)
	{
		counts.actual += confusion[(Size) c * nclasses + i];
		counts.decided += confusion[(Size) i * nclasses + c];
	}
	return counts;
}

/* Gives the metrics of decisions. */
DecisionMetrics
metrics_decisions(const int64 *confusion, int nclasses)
{
	DecisionMetrics metrics = {0};
	double		rows = 0;
	double		right = 0;
	double		chance = 0;		/* sums of products of what is and what was said */
	double		actual_squares = 0;
	double		decided_squares = 0;
	double		recalls = 0;
	int			noccur = 0;		/* classes with rows */
	int			nseen = 0;		/* classes with rows or decisions */

	for (int c = 0; c < nclasses; c++)
	{
		ClassCounts counts = count_class(confusion, nclasses, c);

		rows += counts.actual;
		right += counts.right;
		chance += counts.actual * counts.decided;
		actual_squares += counts.actual * counts.actual;
		decided_squares += counts.decided * counts.decided;
		if (counts.actual > 0)
			recalls += counts.right / counts.actual;
		noccur += counts.actual > 0;
		if ((counts.actual == 0 && counts.decided == 0 && nclasses > 2) || (nclasses == 2 && c == 0))
			continue;
		nseen++;
		metrics.precision += ratio(counts.right, counts.decided);
		metrics.recall += ratio(counts.right, counts.actual);
		metrics.f1 += ratio(2 * counts.right, counts.actual + counts.decided);
		metrics.base_rate = counts.actual;
	}
	metrics.accuracy = ratio(right, rows);
	metrics.balanced_accuracy = ratio(recalls, noccur);
	metrics.precision = ratio(metrics.precision, nseen);
	metrics.recall = ratio(metrics.recall, nseen);
	metrics.f1 = ratio(metrics.f1, nseen);
	metrics.mcc = ratio(right * rows - chance, sqrt(rows * rows - actual_squares) * sqrt(rows * rows - decided_squares));
	if (!isnan(metrics.mcc))	/* rounding must not make it more than perfect */
		metrics.mcc = Min(Max(metrics.mcc, -1), 1);
	metrics.base_rate = nclasses == 2 ? ratio(metrics.base_rate, rows) : NAN;
	return metrics;
}

/* Appends precision, recall, F1 and number of rows of every class. */
static void
append_per_class(const Scored *scored, const int64 *confusion, StringInfo out)
{
	metrics_append_name(out, "per_class");
	appendStringInfoChar(out, '{');
	for (int c = 0; c < scored->nclasses; c++)
	{
		ClassCounts counts = count_class(confusion, scored->nclasses, c);

		if (c > 0)
			appendStringInfoString(out, ", ");
		escape_json(out, scored->classes[c]);
		appendStringInfoString(out, ": {");
		metrics_append(out, "precision", ratio(counts.right, counts.decided));
		metrics_append(out, "recall", ratio(counts.right, counts.actual));
		metrics_append(out, "f1", ratio(2 * counts.right, counts.actual + counts.decided));
		metrics_append(out, "support", counts.actual);
		appendStringInfoChar(out, '}');
	}
	appendStringInfoChar(out, '}');
}

/* Appends the confusion matrix: for each actual class how often each class was decided. */
static void
append_confusion(const Scored *scored, const int64 *confusion, StringInfo out)
{
	int			n = scored->nclasses;

	metrics_append_name(out, "confusion");
	appendStringInfoChar(out, '{');
	for (int actual = 0; actual < n; actual++)
	{
		if (actual > 0)
			appendStringInfoString(out, ", ");
		escape_json(out, scored->classes[actual]);
		appendStringInfoString(out, ": {");
		for (int decided = 0; decided < n; decided++)
		{
			if (decided > 0)
				appendStringInfoString(out, ", ");
			escape_json(out, scored->classes[decided]);
			appendStringInfo(out, ": " INT64_FORMAT, confusion[actual * n + decided]);
		}
		appendStringInfoChar(out, '}');
	}
	appendStringInfoChar(out, '}');
}

/* Appends "per_class" and, unless there are very many classes, "confusion". */
void
metrics_append_classes(const Scored *scored, const int64 *confusion, StringInfo out)
{
	append_per_class(scored, confusion, out);
	if (scored->nclasses <= CONFUSION_MAX_CLASSES)
		append_confusion(scored, confusion, out);
}
