/*-------------------------------------------------------------------------
 *
 * replay.c
 *	  All points of a source through a detector, series by series, walking forward.
 *
 * The step of a series is told by its first points, so these wait until there are enough, or no more.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/memutils.h"

#include "series/replay.h"

typedef struct Waiting
{
	TimestampTz time;
	double		value;
	int			label;
} Waiting;

typedef struct Replay
{
	const ReplayViewer *viewer;
	ReplayCounts *counts;
	Watch	   *watch;
	StringInfoData series;		/* name of the current series */
	bool		open;			/* there is one */
	bool		begun;			/* its state is there */
	int			nwaiting;
	Waiting		waiting[WATCH_STEP_POINTS];
	MemoryContext scratch;		/* reset per point */
} Replay;

/* Judges and learns one point. */
static void
take_point(Replay *replay, const Waiting *point)
{
	MemoryContext old = MemoryContextSwitchTo(replay->scratch);
	WatchOutcome outcome;

	watch_judge(replay->watch, point->time, point->value, &outcome);
	watch_learn(replay->watch, &outcome);
	replay->counts->points++;
	replay->counts->anomalies += (outcome.status == WATCH_ANOMALY);
	if (replay->viewer->point != NULL)
		replay->viewer->point(replay->viewer->arg, replay->series.data, &outcome, point->label);
	MemoryContextSwitchTo(old);
	MemoryContextReset(replay->scratch);
}

/* Begins the series by the points that wait, and takes them. */
static void
begin_state(Replay *replay)
{
	TimestampTz times[WATCH_STEP_POINTS];

	for (int i = 0; i < replay->nwaiting; i++)
		times[i] = replay->waiting[i].time;
	watch_begin(replay->watch, watch_step(times, replay->nwaiting), times[0]);
	replay->begun = true;
	for (int i = 0; i < replay->nwaiting; i++)
		take_point(replay, &replay->waiting[i]);
	replay->nwaiting = 0;
}

/* Ends the current series, if there is one. */
static void
end_series(Replay *replay)
{
	if (!replay->open)
		return;
	if (!replay->begun)
		begin_state(replay);
	replay->counts->learning += !replay->watch->state.fitted;
	if (replay->viewer->end != NULL)
		replay->viewer->end(replay->viewer->arg, replay->series.data, replay->watch);
	replay->open = false;
}

/* Begins a series. */
static void
begin_series(Replay *replay, const char *name)
{
	resetStringInfo(&replay->series);
	appendStringInfoString(&replay->series, name);
	replay->open = true;
	replay->nwaiting = 0;
	replay->counts->series++;
	replay->begun = replay->viewer->begin != NULL &&
		replay->viewer->begin(replay->viewer->arg, replay->series.data, replay->watch);
}

/* Takes a point of the source. */
static void
put_point(Replay *replay, const Point *point)
{
	Waiting		waiting = {point->time, point->value, point->label};

	if (point->first)
	{
		end_series(replay);
		begin_series(replay, point->series);
	}
	if (!replay->begun)
	{
		replay->waiting[replay->nwaiting++] = waiting;
		if (replay->nwaiting == WATCH_STEP_POINTS)
			begin_state(replay);
	}
	else if (replay->viewer->begin != NULL && point->time <= replay->watch->state.last_time)
		replay->counts->old++;
	else
		take_point(replay, &waiting);
}

/* Takes all points of the source through a detector with these options. */
void
replay_points(Points *points, const SeasonalOptions *options, const ReplayViewer *viewer,
			  Progress *progress, ReplayCounts *counts)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe series replay", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Replay	   *replay = palloc0(sizeof(Replay));
	int64		total = points_nrows(points) - points_nskipped(points);
	int64		done = 0;
	Point		point;

	memset(counts, 0, sizeof(ReplayCounts));
	replay->viewer = viewer;
	replay->counts = counts;
	replay->watch = palloc0(sizeof(Watch));
	replay->scratch = AllocSetContextCreate(context, "aipipe series point", ALLOCSET_SMALL_SIZES);
	initStringInfo(&replay->series);
	watch_open(replay->watch, options);
	progress_phase(progress, "replaying points", total);
	while (points_next(points, &point))
	{
		put_point(replay, &point);
		if (++done % 1000 == 0)
			progress_update(progress, done);
	}
	end_series(replay);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
