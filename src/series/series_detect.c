/*-------------------------------------------------------------------------
 *
 * series_detect.c
 *	  Replaying a source: series_detect() gives every point, series_backtest() every series.
 *
 * Nothing is stored: a point is judged by the points before it, as a detector would have on its day.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/args.h"
#include "series/replay.h"
#include "series/series_call.h"
#include "series/series_options.h"

PG_FUNCTION_INFO_V1(aipipe_series_detect);
PG_FUNCTION_INFO_V1(aipipe_series_backtest);

#define MONTH (30.4375 * SEASONAL_DAY)

/* What is counted of one series. */
typedef struct Backtest
{
	ReturnSetInfo *rsinfo;
	bool		named;			/* there is a column of series */
	bool		labelled;		/* there is a column of labels */
	TimestampTz begin;			/* first and last judged point */
	TimestampTz end;
	int64		points;
	int64		judged;
	int64		events;			/* alarms: runs of anomalies */
	int64		false_alarms;	/* alarms without a labelled point */
	int64		flagged;
	int64		hits;			/* flagged and labelled */
	int64		misses;			/* labelled and not flagged */
	bool		alarm;			/* within one */
	bool		right;			/* that holds a labelled point */
} Backtest;

/* Gives an outcome as columns; numbers are NULL where there is no verdict. */
void
series_outcome_values(const WatchOutcome *outcome, Datum *values, bool *nulls)
{
	memset(nulls, 0, sizeof(bool) * SERIES_OUTCOME_COLUMNS);
	values[0] = CStringGetTextDatum(watch_status_name(outcome->status));
	values[1] = Float8GetDatum(1 - outcome->pvalue);
	values[2] = Float8GetDatum(outcome->pvalue);
	values[3] = Float8GetDatum(outcome->expected);
	values[4] = Float8GetDatum(outcome->lower);
	values[5] = Float8GetDatum(outcome->upper);
	for (int i = 1; i <= 5; i++)
		nulls[i] = !outcome->judged;
	nulls[6] = (outcome->event == NULL);
	values[6] = nulls[6] ? (Datum) 0 : CStringGetTextDatum(outcome->event);
	values[7] = CStringGetTextDatum(watch_reason(outcome));
}

/* A point of series_detect(): a row. */
static void
detect_point(void *arg, const char *series, const WatchOutcome *outcome, int label)
{
	const Backtest *detect = arg;
	Datum		values[3 + SERIES_OUTCOME_COLUMNS];
	bool		nulls[3 + SERIES_OUTCOME_COLUMNS];

	values[0] = CStringGetTextDatum(series);
	nulls[0] = !detect->named;
	values[1] = TimestampTzGetDatum(outcome->time);
	nulls[1] = false;
	values[2] = Float8GetDatum(outcome->value);
	nulls[2] = isnan(outcome->value);
	series_outcome_values(outcome, values + 3, nulls + 3);
	tuplestore_putvalues(detect->rsinfo->setResult, detect->rsinfo->setDesc, values, nulls);
}

/* Ends the alarm that goes on. */
static void
end_alarm(Backtest *test)
{
	test->false_alarms += test->alarm && !test->right;
	test->alarm = test->right = false;
}

/* A point of series_backtest(): counts it. */
static void
count_point(void *arg, const char *series, const WatchOutcome *outcome, int label)
{
	Backtest   *test = arg;
	bool		flagged = (outcome->status == WATCH_ANOMALY);

	test->points++;
	if (!outcome->judged)
		return;
	if (test->judged++ == 0)
		test->begin = outcome->time;
	test->end = outcome->time;
	test->flagged += flagged;
	test->hits += flagged && label > 0;
	test->misses += !flagged && label > 0;
	if (!flagged)
	{
		end_alarm(test);
		return;
	}
	test->events += !test->alarm;
	test->alarm = true;
	test->right |= (label > 0);
}

/* Sets a share, or NULL when it is of nothing. */
static void
put_share(Datum *values, bool *nulls, int column, double part, double whole)
{
	nulls[column] = !(whole > 0);
	values[column] = nulls[column] ? (Datum) 0 : Float8GetDatum(part / whole);
}

/* The end of a series of series_backtest(): a row, and the counts begin anew. */
static void
put_counts(void *arg, const char *series, const Watch *watch)
{
	Backtest   *test = arg;
	double		months = test->judged > 0 ? ((double) test->end - (double) test->begin + watch->state.step) / MONTH : 0;
	Datum		values[9];
	bool		nulls[9] = {0};

	end_alarm(test);
	values[0] = CStringGetTextDatum(series);
	nulls[0] = !test->named;
	values[1] = Int64GetDatum(test->points);
	values[2] = Int64GetDatum(test->points - test->judged);
	values[3] = Int64GetDatum(test->flagged);
	values[4] = Int64GetDatum(test->events);
	put_share(values, nulls, 5, test->labelled ? test->false_alarms : test->events, months);
	put_share(values, nulls, 6, test->hits, test->labelled ? test->flagged : 0);
	put_share(values, nulls, 7, test->hits, test->hits + test->misses);
	put_share(values, nulls, 8, 2.0 * test->hits, test->labelled ? test->hits + test->misses + test->flagged : 0);
	tuplestore_putvalues(test->rsinfo->setResult, test->rsinfo->setDesc, values, nulls);
	*test = (Backtest) {.rsinfo = test->rsinfo, .named = test->named, .labelled = test->labelled};
}

/* Replays the source of a call for a viewer. */
static void
replay_source(const PointsSpec *spec, const Jsonb *params, const char *function, const ReplayViewer *viewer)
{
	SeasonalOptions options;
	Progress	progress = {0};
	ReplayCounts counts;
	Points	   *points;

	series_read_options(params, function, spec, &options, NULL);
	progress_begin(&progress, psprintf("aipipe.%s()", function));
	points = points_open(spec, &progress);
	series_set_times(points, &options);
	replay_points(points, &options, viewer, &progress, &counts);
	points_close(points);
	progress_end(&progress);
}

/* series_detect(source, value, time, series, params): every point with the verdict of its day. */
Datum
aipipe_series_detect(PG_FUNCTION_ARGS)
{
	Backtest	detect = {0};
	ReplayViewer viewer = {NULL, detect_point, NULL, &detect};
	PointsSpec	spec = {0};

	series_read_spec(fcinfo, 0, &spec);
	InitMaterializedSRF(fcinfo, 0);
	detect.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	detect.named = (spec.series != NULL);
	replay_source(&spec, PG_ARGISNULL(4) ? NULL : PG_GETARG_JSONB_P(4), "series_detect", &viewer);
	return (Datum) 0;
}

/* series_backtest(source, value, time, series, label, params): every series with what would have been flagged. */
Datum
aipipe_series_backtest(PG_FUNCTION_ARGS)
{
	Backtest	test = {0};
	ReplayViewer viewer = {NULL, count_point, put_counts, &test};
	PointsSpec	spec = {0};

	series_read_spec(fcinfo, 0, &spec);
	spec.label = arg_optional_text(fcinfo, 4);
	InitMaterializedSRF(fcinfo, 0);
	test.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	test.named = (spec.series != NULL);
	test.labelled = (spec.label != NULL);
	replay_source(&spec, PG_ARGISNULL(5) ? NULL : PG_GETARG_JSONB_P(5), "series_backtest", &viewer);
	return (Datum) 0;
}
