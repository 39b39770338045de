/*
 * replay.h
 *	  All points of a source through a detector, series by series, walking forward.
 */
#ifndef SERIES_REPLAY_H
#define SERIES_REPLAY_H

#include "series/points.h"
#include "series/watch.h"

/* Who looks on; functions may be NULL. */
typedef struct ReplayViewer
{
	/* a series begins: true when its state was put into the watch, and only later points are new */
	bool		(*begin) (void *arg, const char *series, Watch *watch);
	/* a point was judged and learned */
	void		(*point) (void *arg, const char *series, const WatchOutcome *outcome, int label);
	/* a series ends */
	void		(*end) (void *arg, const char *series, const Watch *watch);
	void	   *arg;
} ReplayViewer;

typedef struct ReplayCounts
{
	int64		series;
	int64		points;
	int64		old;			/* not behind the state's last one */
	int64		learning;		/* series that still learn */
	int64		anomalies;
} ReplayCounts;

extern void replay_points(Points *points, const SeasonalOptions *options, const ReplayViewer *viewer,
						  Progress *progress, ReplayCounts *counts);

#endif							/* SERIES_REPLAY_H */
