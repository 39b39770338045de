/*
 * series_options.h
 *	  Options of series detectors as people give them.
 */
#ifndef SERIES_SERIES_OPTIONS_H
#define SERIES_SERIES_OPTIONS_H

#include "utils/jsonb.h"

#include "series/points.h"
#include "series/seasonal_artifact.h"

/*
 * Reads options from params (NULL = none) and columns from the points that they are for; holidays are read
 * from their source as the caller.  Errors 22023, 42703, 42804.
 */
extern void series_read_options(const Jsonb *params, const char *function, const PointsSpec *spec,
								SeasonalOptions *options, StringInfo effective);

/* Sets what the type of the time column says; ERROR 22023 where option "timezone" does not go with it. */
extern void series_set_times(const Points *points, SeasonalOptions *options);

#endif							/* SERIES_SERIES_OPTIONS_H */
