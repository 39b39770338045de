/*
 * watch.h
 *	  A detector at work on one series: times, values and options around the machine of seasonal.h.
 *
 *		watch_open(&watch, &options);
 *		per series: watch_begin(&watch, watch_step(times, n), first time) or seasonal_get(…, &watch.state)
 *		per point: watch_judge(&watch, time, value, &outcome); watch_learn(&watch, &outcome);
 */
#ifndef SERIES_WATCH_H
#define SERIES_WATCH_H

#include "datatype/timestamp.h"
#include "pgtime.h"

#include "series/seasonal_artifact.h"

/* Points of a series that are looked at for its step. */
#define WATCH_STEP_POINTS 64

typedef enum WatchStatus
{
	WATCH_LEARNING,
	WATCH_NORMAL,
	WATCH_ANOMALY,
	WATCH_RESTING				/* strange, but so soon after an alarm that it raises no other */
} WatchStatus;

typedef struct WatchOutcome
{
	WatchStatus status;
	TimestampTz time;
	double		value;			/* NaN = none */
	bool		judged;			/* the numbers below are there */
	double		pvalue;
	double		expected;
	double		lower;
	double		upper;
	const char *event;			/* or NULL */
	int64		missing;		/* slots before it that had no point */
	int64		seen;			/* values before it */
	int			needed;			/* values of the learning phase */
	int			repeats;		/* of this value, before it */
	int64		since_alarm;	/* slots */
	SeasonalDay day;
	SeasonalVerdict verdict;
} WatchOutcome;

typedef struct Watch
{
	SeasonalOptions options;
	pg_tz	   *zone;			/* NULL = UTC */
	SeasonalState state;
} Watch;

/* Sets the options; ERROR 22023 for a time zone that is not known. */
extern void watch_open(Watch *watch, const SeasonalOptions *options);

/* The usual time between points, whole units where it is near one. */
extern int64 watch_step(const TimestampTz *times, int n);

extern void watch_begin(Watch *watch, int64 step, TimestampTz first);

/* Judges a point behind the last one; passes the slots between. */
extern void watch_judge(Watch *watch, TimestampTz time, double value, WatchOutcome *outcome);

/* Learns the point that was judged, which may add an event to it. */
extern void watch_learn(Watch *watch, WatchOutcome *outcome);

extern const char *watch_status_name(WatchStatus status);

/* The outcome in one plain sentence, in CurrentMemoryContext. */
extern char *watch_reason(const WatchOutcome *outcome);

#endif							/* SERIES_WATCH_H */
