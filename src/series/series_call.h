/*
 * series_call.h
 *	  Detectors of metric series as SQL functions: what their files share.
 */
#ifndef SERIES_SERIES_CALL_H
#define SERIES_SERIES_CALL_H

#include "fmgr.h"

#include "model/registry.h"
#include "series/points.h"
#include "series/seasonal_artifact.h"
#include "series/watch.h"

/* Reads the arguments source, value, time and series from argument argno on. */
extern void series_read_spec(FunctionCallInfo fcinfo, int argno, PointsSpec *spec);

/* The detector of a resolved version, kept until holder is reset or deleted; ERROR 22023 when the model is none of metrics. */
extern const SeasonalDetector *series_acquire(const ModelRef *ref, const char *model, MemoryContext holder);

/* An outcome as the columns state, score, pvalue, expected, lower, upper, event and reason. */
#define SERIES_OUTCOME_COLUMNS 8
extern void series_outcome_values(const WatchOutcome *outcome, Datum *values, bool *nulls);

#endif							/* SERIES_SERIES_CALL_H */
