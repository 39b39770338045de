/*
 * detector.h
 *	  What the functions of detectors share.
 */
#ifndef ANOMALY_DETECTOR_H
#define ANOMALY_DETECTOR_H

#include <math.h>

#include "learn/flag.h"
#include "model/score.h"

/* Ends with an error when the version is no detector's. */
extern void detector_check(const ModelVersion *version);

/* From which severity on the version flags rows. */
static inline double
detector_threshold(const ModelVersion *version)
{
	return isnan(version->threshold) ? FLAG_DEFAULT_SEVERITY : version->threshold;
}

/*
 * P(an ordinary row is as strange as row i of the block, or stranger); detectors have
 * one margin a row.  An algorithm that knows no better gives what its severity
 * tells, no nearer to 0 than one training row.
 */
static inline double
detector_pvalue(const Scorer *scorer, int i)
{
	const ModelVersion *version = scorer->version;
	const LoadedModel *loaded = version->loaded;
	double		rows = version->encoder->ncolumns > 0 ? (double) version->encoder->columns[0].nrows : 0;

	if (loaded->algorithm->pvalue != NULL)
		return loaded->algorithm->pvalue(loaded, scorer->margins[i]);
	return Max(1 - scorer_value(scorer, i), 1 / (rows + 1));
}

#endif							/* ANOMALY_DETECTOR_H */
