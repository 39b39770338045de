/*
 * metrics_private.h
 *	  What the files of the metrics share.
 *
 * Sums are in double precision and compensated (Neumaier), so a million rows
 * lose no digits.
 */
#ifndef LEARN_METRICS_PRIVATE_H
#define LEARN_METRICS_PRIVATE_H

#include <math.h>

#include "learn/metrics.h"

/* A sum that keeps what rounding takes away. */
typedef struct Sum
{
	double		total;
	double		lost;
} Sum;

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

/* Gives a / b, undefined when b is zero. */
static inline double
ratio(double a, double b)
{
	return b == 0 ? NAN : a / b;
}

/* Appends a name to the open JSON object; its value is the caller's. */
extern void metrics_append_name(StringInfo out, const char *name);

/* A row for the metrics that order rows by score. */
typedef struct ScoredRow
{
	float		score;
	float		label;
} ScoredRow;

/* Rows ordered by score, the greatest first, whose label is 1 where the given one equals label (metrics_order.c). */
extern void metrics_order(ScoredRow *rows, int64 nrows);

/* Of ordered rows with labels 0 and 1. */
extern double ordered_auc(const ScoredRow *rows, int64 nrows, int64 npositive);
extern double ordered_average_precision(const ScoredRow *rows, int64 nrows, int64 npositive);

/* Area under the ROC curve and average precision: of class 1 of two, else the mean over the classes (metrics_order.c). */
extern void metrics_curves(const Scored *scored, double *auc, double *average_precision);

/* Losses of the probabilities (metrics_class.c). */
extern void metrics_class_losses(const Scored *scored, double *log_loss, double *brier);

/* Metrics of decisions (metrics_class.c). */
typedef struct DecisionMetrics
{
	double		accuracy;
	double		balanced_accuracy;
	double		precision;
	double		recall;
	double		f1;
	double		mcc;
	double		base_rate;		/* two classes */
} DecisionMetrics;

extern DecisionMetrics metrics_decisions(const int64 *confusion, int nclasses);

/* Appends "per_class" and "confusion". */
extern void metrics_append_classes(const Scored *scored, const int64 *confusion, StringInfo out);

/* Expected calibration error over ten equally wide bins (metrics_reliability.c). */
extern double metrics_calibration_error(const Scored *scored);

/* Errors of values (metrics_value.c). */
typedef struct ValueMetrics
{
	double		rmse;
	double		mae;
	double		r2;
	double		mape;
	double		mean_error;
} ValueMetrics;

extern ValueMetrics metrics_values(const Scored *scored);
extern double metrics_median_absolute_error(const Scored *scored);
extern double metrics_quantile_loss(const Scored *scored);

/* Means over the groups of a ranking (metrics_rank.c); best = how many ranks count, 0 = all. */
extern double metrics_ndcg(const Scored *scored, int64 best);
extern double metrics_map(const Scored *scored);
extern int64 metrics_ngroups(const Scored *scored);

#endif							/* LEARN_METRICS_PRIVATE_H */
