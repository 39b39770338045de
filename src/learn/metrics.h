/*
 * metrics.h
 *	  Metrics of predictions against the truth, on probabilities and values.
 *
 * All are appended to a JSON object text as "name": number pairs; a metric
 * that is undefined on the data (one class, no variance) is null.  Equal to
 * scikit-learn's to 1e-9.
 */
#ifndef LEARN_METRICS_H
#define LEARN_METRICS_H

#include "lib/stringinfo.h"

#include "learn/algorithm.h"

/* Predictions beside the truth: what every metric is computed from. */
typedef struct Scored
{
	ModelTask	task;
	int64		nrows;
	int			nclasses;		/* classification: ≥ 2 */
	int			nvalues;		/* floats a row in values: nclasses, or 1 */
	const float *values;		/* row-major probabilities, or values */
	const float *labels;		/* class indexes, values or relevances */
	const int32 *groups;		/* ranking: rows of a group adjacent; else NULL */
	double		threshold;		/* two classes: class 1 from this probability on; NaN = the most probable class */
	double		quantile;		/* regression: also pinball loss at this quantile; 0 = not */
	char	  **classes;		/* labels of the classes, for per-class metrics; NULL = leave them out */
} Scored;

/* One number out of predictions, by name: for searches, early decisions and tests. */
typedef struct Metric
{
	const char *name;			/* "auc", "log_loss", "rmse", "ndcg" … */
	bool		higher_is_better;
	double		(*compute) (const Scored *scored);	/* NaN when undefined */
} Metric;

/* The metric of that name for the task; ERROR 22023 naming the nearest. */
extern const Metric *metric_find(const char *name, ModelTask task, int nclasses);

/* log_loss, rmse, ndcg. */
extern const Metric *metric_default(ModelTask task);

/* All metrics of the task, as "name": number pairs appended to an open JSON object. */
extern void metrics_append_all(const Scored *scored, StringInfo out);

/* proba: row-major nrows x nclasses; labels: class indexes.  log_loss, accuracy, brier; binary also auc, pr_auc, f1, precision, recall, mcc, base_rate */
extern void metrics_classification(int64 nrows, int nclasses, const float *proba, const float *labels, StringInfo out);

/* Bytes that the metrics of so many rows take beside the rows. */
extern Size metrics_estimate(int64 nrows);

/* rmse, mae, r2, mape, mean_error */
extern void metrics_regression(int64 nrows, const float *values, const float *labels, StringInfo out);

#endif							/* LEARN_METRICS_H */
