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
	const int32 *groups;		/* ranking: rows of a group adjacent; NULL = all rows are one */
	double		threshold;		/* two classes: class 1 from this probability on; NaN = the most probable class */
	const int  *pair;			/* the negative and the positive one of two classes that alone are decided for; NULL = 0 and 1, or all */
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

/* Appends one metric to the open JSON object; what is undefined becomes null. */
extern void metrics_append(StringInfo out, const char *name, double value);

/* Bytes that the metrics of so many rows take beside the rows. */
extern Size metrics_estimate(int64 nrows);

/* Class that is decided for a row of probabilities (threshold as in Scored). */
extern int	metrics_decide(const float *proba, int nclasses, double threshold);

/* The same of a row of predictions, for the pair when there is one. */
extern int	metrics_decide_row(const Scored *scored, int64 row);

/* How often each class was decided for rows of each class: counts[actual * nclasses + decided], to be freed by the caller. */
extern int64 *metrics_confusion(const Scored *scored);

/* Rows whose probability of a class lies between two bounds, the upper one included. */
typedef struct ReliabilityBin
{
	double		lower;
	double		upper;
	int64		nrows;
	double		mean_probability;	/* NaN without rows */
	double		observed_share; /* of rows that are of the class */
} ReliabilityBin;

/*
 * Fills nbins bins of the probabilities of a class: equally wide, or (by_quantile) of about as many
 * rows each.  The bins are those of scikit-learn's calibration_curve().
 */
extern void metrics_reliability(const Scored *scored, int class, int nbins, bool by_quantile, ReliabilityBin *bins);

#endif							/* LEARN_METRICS_H */
