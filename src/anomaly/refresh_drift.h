/*
 * refresh_drift.h
 *	  Whether rows are as strange to a detector as its training rows were.
 *
 * On training rows the share of rows as strange as a row, its p-value, is evenly
 * distributed.  Drift is by how much it is not on other rows, component by component.
 */
#ifndef ANOMALY_REFRESH_DRIFT_H
#define ANOMALY_REFRESH_DRIFT_H

#include "anomaly/ensemble.h"
#include "core/matrix.h"
#include "model/score.h"

/* The components, and the detector as a whole. */
#define DRIFT_MAX_PARTS (ENSEMBLE_MAX_COMPONENTS + 1)

/* From here on the index of a component is a drift. */
#define DRIFT_PSI 0.25

typedef struct DriftReport
{
	const char *component;		/* name of its algorithm; "(all)" = all of an ensemble */
	int64		rows;
	double		flagged;		/* share of the rows at or above the detector's threshold */
	double		expected;		/* that of training rows */
	double		ks;				/* Kolmogorov-Smirnov distance of the p-values from the uniform distribution */
	double		pvalue;			/* of that, asymptotically */
	double		psi;			/* population stability index over ten bins of the p-values */
	const char *verdict;		/* "stable", "shifted", "drifted" */
} DriftReport;

typedef struct Drift Drift;

#define DRIFT_BLOCK SCORER_BLOCK

/* Begins to collect within a budget of bytes (0 = none; error 53400 beyond it). */
extern Drift *drift_begin(const ModelVersion *version, Size budget);

/* Bytes that so many rows take at most, and judging them. */
#define DRIFT_ROW_BYTES (sizeof(float) * (DRIFT_MAX_PARTS + 1))

/* Takes in at most DRIFT_BLOCK encoded rows with their severities. */
extern void drift_add(Drift *drift, const float *rows, const float *severities, int nrows);

/* Judges what was collected; gives the number of reports, 0 without rows. */
extern int	drift_judge(const Drift *drift, DriftReport reports[DRIFT_MAX_PARTS]);

#endif							/* ANOMALY_REFRESH_DRIFT_H */
