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

/* proba: row-major nrows x nclasses; labels: class indexes.  log_loss, accuracy, brier; binary also auc, pr_auc, f1, precision, recall, mcc, base_rate */
extern void metrics_classification(int64 nrows, int nclasses, const float *proba, const float *labels, StringInfo out);

/* Bytes that the metrics of so many rows take beside the rows. */
extern Size metrics_estimate(int64 nrows);

/* rmse, mae, r2, mape, mean_error */
extern void metrics_regression(int64 nrows, const float *values, const float *labels, StringInfo out);

#endif							/* LEARN_METRICS_H */
