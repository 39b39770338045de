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

/* Share of training rows that are as strange as row i of the block, or stranger; detectors have one margin a row. */
static inline double
detector_pvalue(const Scorer *scorer, int i)
{
	const LoadedModel *loaded = scorer->version->loaded;

	if (loaded->algorithm->pvalue != NULL)
		return loaded->algorithm->pvalue(loaded, scorer->margins[i]);
	return 1 - scorer_value(scorer, i);
}

#endif							/* ANOMALY_DETECTOR_H */
