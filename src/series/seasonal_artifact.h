/*
 * seasonal_artifact.h
 *	  A seasonal detector: options, holidays and the states of all its series, as an artifact and ready to score.
 */
#ifndef SERIES_SEASONAL_ARTIFACT_H
#define SERIES_SEASONAL_ARTIFACT_H

#include "lib/stringinfo.h"

#include "learn/algorithm.h"
#include "series/seasonal.h"

typedef enum SeasonalDirection
{
	DIRECTION_BOTH,
	DIRECTION_UP,
	DIRECTION_DOWN
} SeasonalDirection;

/* What holds for all series of a detector; texts are "" where there is none. */
typedef struct SeasonalOptions
{
	SeasonalKind kind;
	int			method;			/* SEASONAL_METHODS = the best of late */
	SeasonalDirection direction;
	double		alpha;			/* p-value below which a value is strange; 0 = by the step */
	double		least_absolute; /* deviations below either are never strange */
	double		least_relative;
	int			rest;			/* values after an alarm's end that raise no other */
	int			learning;		/* values before the first verdict; 0 = by the step */
	bool		wall;			/* times have no time zone */
	const char *timezone;		/* of the calendar; "" = UTC */
	const char *value;			/* columns of the source */
	const char *time;
	const char *series;
	int			nholidays;
	const int32 *holidays;		/* days since 2000-01-01, ascending */
} SeasonalOptions;

typedef struct SeasonalDetector
{
	SeasonalOptions options;
	int			nseries;
	const char *artifact;		/* the artifact's bytes within the compiled form */
	const uint64 *offsets;		/* of the series' records, in the order of their names */
} SeasonalDetector;

/* Writing: begin, the series in ascending byte order, end. */
extern void seasonal_artifact_begin(StringInfo out, const SeasonalOptions *options);
extern void seasonal_artifact_add(StringInfo out, const char *series, const SeasonalState *state);
extern void seasonal_artifact_copy(StringInfo out, const SeasonalDetector *detector, int i);
extern void seasonal_artifact_end(StringInfo out, int nseries);

/* Artifact → compiled form; error 22023 unless the artifact is sound. */
extern void seasonal_compile(const char *artifact, Size len, StringInfo compiled);

/* Opens a compiled form in place; error XX001 when anything is off. */
extern SeasonalDetector *seasonal_open(const char *compiled, Size len);

/* The place of a series, or -1. */
extern int	seasonal_find(const SeasonalDetector *detector, const char *series, Size len);

/* Name and state of a series; error XX001 when the state is damaged. */
extern const char *seasonal_name(const SeasonalDetector *detector, int i, int *len);
extern void seasonal_get(const SeasonalDetector *detector, int i, SeasonalState *state);

#endif							/* SERIES_SEASONAL_ARTIFACT_H */
