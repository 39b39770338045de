/*-------------------------------------------------------------------------
 *
 * series_score.c
 *	  What a trained detector says of a point: score and explanation.
 *
 * A call judges the point as the next one behind the history that was learned.  The state hangs on
 * fn_extra: detector and series are looked up again when the snapshot, the role or an argument is another.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/args.h"
#include "model/cache.h"
#include "model/call.h"
#include "series/series_call.h"

PG_FUNCTION_INFO_V1(aipipe_series_score);
PG_FUNCTION_INFO_V1(aipipe_series_explain);

typedef struct SeriesCall
{
	MemoryContext context;		/* child of fn_mcxt: holds the version and all below */
	SnapshotMark mark;
	Oid			role;
	char	   *detector_name;
	const SeasonalDetector *detector;
	char	   *series;			/* NULL = none was looked up */
	bool		found;
	SeasonalState learned;		/* of the series */
	Watch		watch;			/* for one call */
} SeriesCall;

/* Reads the arguments source, value, time and series. */
void
series_read_spec(FunctionCallInfo fcinfo, int argno, PointsSpec *spec)
{
	spec->source = arg_text(fcinfo, argno, "source");
	spec->value = arg_text(fcinfo, argno + 1, "value");
	spec->time = arg_text(fcinfo, argno + 2, "time");
	spec->series = arg_optional_text(fcinfo, argno + 3);
}

/* Gives the detector of a resolved version. */
const SeasonalDetector *
series_acquire(const ModelRef *ref, const char *model, MemoryContext holder)
{
	if (ref->task != TASK_SERIES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" does not judge series", model),
				 errdetail("Its task is %s.", algorithm_task_name(ref->task)),
				 errhint("Train a detector of series with aipipe.series_train().")));
	return cache_acquire(ref, holder)->loaded->state;
}

/* Gives the call's state with the detector resolved. */
static SeriesCall *
begin_call(FunctionCallInfo fcinfo, const char *detector)
{
	SeriesCall *call = fcinfo->flinfo->fn_extra;
	SnapshotMark mark;
	ModelRef	ref;
	MemoryContext context;

	call_mark_snapshot(&mark);
	if (call != NULL && memcmp(&mark, &call->mark, sizeof(mark)) == 0 && call->role == GetUserId() &&
		strcmp(call->detector_name, detector) == 0)
		return call;
	fcinfo->flinfo->fn_extra = NULL;
	if (call != NULL)
		MemoryContextDelete(call->context);
	context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "aipipe series call", ALLOCSET_SMALL_SIZES);
	call = MemoryContextAllocZero(context, sizeof(SeriesCall));
	call->context = context;
	ref = registry_resolve(detector, MODEL_CHAMPION, MODEL_PREDICT, GetUserId());
	call->detector = series_acquire(&ref, detector, context);
	call->detector_name = MemoryContextStrdup(context, detector);
	call->mark = mark;
	call->role = GetUserId();
	watch_open(&call->watch, &call->detector->options);
	fcinfo->flinfo->fn_extra = call;
	return call;
}

/* Looks the series up unless it is that of the last call. */
static void
find_series(SeriesCall *call, const char *series)
{
	int			place;

	if (call->series != NULL && strcmp(call->series, series) == 0)
		return;
	if (call->series != NULL)
		pfree(call->series);
	call->series = NULL;
	place = seasonal_find(call->detector, series, strlen(series));
	call->found = (place >= 0);
	if (call->found)
		seasonal_get(call->detector, place, &call->learned);
	call->series = MemoryContextStrdup(call->context, series);
}

/* A time argument as the detector takes times. */
static TimestampTz
call_time(const SeriesCall *call, TimestampTz time)
{
	if (TIMESTAMP_NOT_FINITE(time))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("argument \"ts\" must be finite")));
	/* a date or timestamp became a timestamptz by the session's time zone: back */
	if (call->detector->options.wall)
		return DatumGetTimestamp(DirectFunctionCall1(timestamptz_timestamp, TimestampTzGetDatum(time)));
	return time;
}

/* Judges the point of arguments detector, ts, value, series; NULL when detector or ts is. */
static SeriesCall *
judge_point(FunctionCallInfo fcinfo, WatchOutcome *outcome)
{
	const char *series = arg_optional_text(fcinfo, 3);
	double		value = PG_ARGISNULL(2) ? NAN : PG_GETARG_FLOAT8(2);
	TimestampTz time;
	SeriesCall *call;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return NULL;
	call = begin_call(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	time = call_time(call, PG_GETARG_TIMESTAMPTZ(1));
	find_series(call, series ? series : "");
	memset(outcome, 0, sizeof(WatchOutcome));
	if (call->found)
	{
		call->watch.state = call->learned;
		watch_judge(&call->watch, time, value, outcome);
	}
	return call;
}

/* series_score(detector, ts, value, series): one minus the p-value; NULL while the series is learning. */
Datum
aipipe_series_score(PG_FUNCTION_ARGS)
{
	WatchOutcome outcome;

	if (judge_point(fcinfo, &outcome) == NULL || !outcome.judged)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(1 - outcome.pvalue);
}

/* Says that the detector does not know the series. */
static char *
unknown_reason(const SeriesCall *call)
{
	if (call->detector->options.series[0] == '\0')
		return psprintf("The detector has one series without a name.");
	if (call->series[0] == '\0')
		return psprintf("No series is named; the detector has %d of them.", call->detector->nseries);
	return psprintf("The detector has not seen series \"%s\".", call->series);
}

/* series_explain(detector, ts, value, series): state, score, band, event and a sentence. */
Datum
aipipe_series_explain(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	WatchOutcome outcome;
	SeriesCall *call = judge_point(fcinfo, &outcome);
	Datum		values[SERIES_OUTCOME_COLUMNS];
	bool		nulls[SERIES_OUTCOME_COLUMNS];

	InitMaterializedSRF(fcinfo, 0);
	if (call == NULL)
		return (Datum) 0;
	series_outcome_values(&outcome, values, nulls);
	if (!call->found)
	{
		values[0] = CStringGetTextDatum(watch_status_name(WATCH_LEARNING));
		values[7] = CStringGetTextDatum(unknown_reason(call));
	}
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}
