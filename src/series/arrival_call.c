/*-------------------------------------------------------------------------
 *
 * arrival_call.c
 *	  Detectors of arrival times as SQL functions: score, explain, expect, overdue.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/args.h"
#include "model/cache.h"
#include "model/call.h"
#include "series/arrival_call.h"
#include "series/arrival_train.h"

PG_FUNCTION_INFO_V1(aipipe_arrival_score);
PG_FUNCTION_INFO_V1(aipipe_arrival_explain);
PG_FUNCTION_INFO_V1(aipipe_arrival_expected);
PG_FUNCTION_INFO_V1(aipipe_arrival_overdue);

#define COMING_DAYS 7

/* What a call site keeps: the detector while the snapshot is the same, and the series of the last call. */
typedef struct ArrivalCall
{
	MemoryContext context;		/* child of fn_mcxt; holds all of this */
	char	   *detector;
	Oid			role;
	SnapshotMark mark;
	const ArrivalModel *model;
	pg_tz	   *zone;
	MemoryContext each;			/* holds name and view of the series */
	char	   *name;			/* NULL = none yet */
	bool		found;
	ArrivalPart part;
	ArrivalView view;			/* only of a series that has learned */
} ArrivalCall;

/* Resolves the champion of a detector. */
const ArrivalModel *
arrival_acquire(const char *detector, ModelPrivilege needed, MemoryContext holder, ModelRef *ref)
{
	const ModelVersion *version;

	*ref = registry_resolve(detector, MODEL_CHAMPION, needed, GetUserId());
	if (ref->task != TASK_ARRIVAL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" does not know arrival times", detector),
				 errdetail("Its task is %s.", algorithm_task_name(ref->task)),
				 errhint("Train one with aipipe.arrival_train().")));
	version = cache_acquire(ref, holder);
	return version->loaded->state;
}

/* Gives the call's state with the detector resolved. */
static ArrivalCall *
find_detector(FunctionCallInfo fcinfo, const char *detector)
{
	ArrivalCall *call = fcinfo->flinfo->fn_extra;
	MemoryContext context;
	SnapshotMark mark;
	ModelRef	ref;

	call_mark_snapshot(&mark);
	if (call != NULL && memcmp(&mark, &call->mark, sizeof(mark)) == 0 && call->role == GetUserId() &&
		strcmp(call->detector, detector) == 0)
		return call;
	fcinfo->flinfo->fn_extra = NULL;
	if (call != NULL)
		MemoryContextDelete(call->context);
	context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "aipipe arrival call", ALLOCSET_SMALL_SIZES);
	call = MemoryContextAllocZero(context, sizeof(ArrivalCall));
	call->context = context;
	call->model = arrival_acquire(detector, MODEL_PREDICT, context, &ref);
	call->zone = arg_zone(call->model->settings.timezone);
	call->each = AllocSetContextCreate(context, "aipipe arrival series", ALLOCSET_SMALL_SIZES);
	call->detector = MemoryContextStrdup(context, detector);
	call->mark = mark;
	call->role = GetUserId();
	fcinfo->flinfo->fn_extra = call;
	return call;
}

/* Finds detector and series of a call; *learned says whether the series can be asked. */
static ArrivalCall *
begin_call(FunctionCallInfo fcinfo, int series_argno, bool *learned)
{
	char	   *detector = arg_text(fcinfo, 0, "detector");
	char	   *series = arg_optional_text(fcinfo, series_argno);
	ArrivalCall *call = find_detector(fcinfo, detector);
	MemoryContext old;

	if (series == NULL && call->model->settings.series != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"series\" must not be NULL"),
				 errdetail("Detector \"%s\" knows many series, told apart by column \"%s\".",
						   detector, call->model->settings.series)));
	if (series == NULL)
		series = "";
	if (call->name == NULL || strcmp(call->name, series) != 0)
	{
		call->name = NULL;
		MemoryContextReset(call->each);
		old = MemoryContextSwitchTo(call->each);
		call->found = arrival_find(call->model, series, &call->part);
		if (call->found && call->part.series.nslots > 0)
			arrival_view(&call->model->settings, &call->part, &call->view);
		call->name = pstrdup(series);
		MemoryContextSwitchTo(old);
	}
	*learned = call->found && call->part.series.nslots > 0;
	return call;
}

/* Gives a finite time argument. */
static TimestampTz
time_argument(FunctionCallInfo fcinfo, int argno, const char *name)
{
	TimestampTz time;

	arg_require(fcinfo, argno, name);
	time = PG_GETARG_TIMESTAMPTZ(argno);
	if (TIMESTAMP_NOT_FINITE(time))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("argument \"%s\" must be finite", name)));
	return time;
}

/* Gives a time as the call's series sees it. */
static ArrivalPoint
see(const ArrivalCall *call, TimestampTz time)
{
	Arrival		local = arrival_local(time, call->zone);

	return arrival_point(call->part.series.cut, call->part.series.shift, local.day, local.second);
}

/* Gives the time of an offset of a day of the call's series. */
static TimestampTz
moment(const ArrivalCall *call, int64 day, double offset)
{
	return arrival_time(day - call->part.series.shift, (int64) offset + call->part.series.cut, call->zone);
}

/* arrival_score(detector, ts, series): one minus the p-value of an arrival at that time. */
Datum
aipipe_arrival_score(PG_FUNCTION_ARGS)
{
	ArrivalCall *call;
	bool		learned;
	ArrivalPoint point;
	TimestampTz time;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	time = time_argument(fcinfo, 1, "ts");
	call = begin_call(fcinfo, 2, &learned);
	if (!learned)
		PG_RETURN_NULL();
	point = see(call, time);
	PG_RETURN_FLOAT8(1 - arrival_pvalue(&call->view, &point));
}

/* arrival_explain(detector, ts, series): what there is to say about an arrival at that time. */
Datum
aipipe_arrival_explain(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ArrivalCall *call;
	bool		learned;
	ArrivalVerdict verdict;
	ArrivalPoint point;
	TimestampTz time;
	Datum		values[8];
	bool		nulls[8] = {0};

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	time = time_argument(fcinfo, 1, "ts");
	call = begin_call(fcinfo, 2, &learned);
	if (learned)
	{
		point = see(call, time);
		arrival_judge(&call->view, &point, true, &verdict);
	}
	else
		arrival_learning(&call->model->settings, call->found ? call->part.series.seen : 0, &verdict);
	values[0] = CStringGetTextDatum(verdict.state);
	values[1] = Float8GetDatum(1 - verdict.pvalue);
	values[2] = Float8GetDatum(verdict.pvalue);
	nulls[1] = nulls[2] = isnan(verdict.pvalue);
	for (int i = 3; i < 7; i++)
		nulls[i] = !verdict.windowed;
	if (verdict.windowed)
	{
		values[3] = TimestampTzGetDatum(moment(call, verdict.window.day, verdict.window.from));
		values[4] = TimestampTzGetDatum(moment(call, verdict.window.day, verdict.window.until));
		values[5] = TimestampTzGetDatum(moment(call, verdict.window.day, verdict.window.mode));
		values[6] = CStringGetTextDatum(arrival_day_name(arrival_window_weekday(&call->part.series, &verdict.window)));
	}
	values[7] = CStringGetTextDatum(verdict.reason);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}

/* arrival_expected(detector, after, series, coverage): the windows of the coming week in which a batch is expected. */
Datum
aipipe_arrival_expected(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ArrivalCall *call;
	bool		learned;
	ArrivalPoint after;
	TimestampTz time;
	double		coverage;

	InitMaterializedSRF(fcinfo, 0);
	time = time_argument(fcinfo, 1, "after");
	arg_require(fcinfo, 3, "coverage");
	coverage = PG_GETARG_FLOAT8(3);
	if (!(coverage > 0 && coverage < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"coverage\" must lie between 0 and 1, without the bounds")));
	call = begin_call(fcinfo, 2, &learned);
	if (!learned)
		return (Datum) 0;
	after = see(call, time);
	for (int64 day = after.day; day <= after.day + COMING_DAYS; day++)
	{
		for (int k = 0; k < call->part.series.nslots; k++)
		{
			double		probability = arrival_slot_probability(&call->part.slots[k], arrival_weekday(day));
			ArrivalWindow window;
			Datum		values[5];
			bool		nulls[5] = {0};

			if (probability < ARRIVAL_SELDOM)
				continue;
			arrival_window(&call->view, day, k, coverage, &window);
			if ((day == after.day && window.until <= after.offset) ||
				(day == after.day + COMING_DAYS && window.until > after.offset))
				continue;
			values[0] = TimestampTzGetDatum(moment(call, day, window.from));
			values[1] = TimestampTzGetDatum(moment(call, day, window.until));
			values[2] = TimestampTzGetDatum(moment(call, day, window.mode));
			values[3] = Float8GetDatum(probability);
			values[4] = CStringGetTextDatum(arrival_day_name(arrival_window_weekday(&call->part.series, &window)));
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		}
	}
	return (Datum) 0;
}

/* arrival_overdue(detector, now, series, last): the probability that a batch should have come since the last one. */
Datum
aipipe_arrival_overdue(PG_FUNCTION_ARGS)
{
	ArrivalCall *call;
	bool		learned;
	ArrivalPoint last;
	ArrivalPoint now;
	TimestampTz now_time;
	TimestampTz last_time;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	now_time = time_argument(fcinfo, 1, "now");
	call = begin_call(fcinfo, 2, &learned);
	if (!learned)
		PG_RETURN_NULL();
	last_time = PG_ARGISNULL(3) ? call->part.series.last * USECS_PER_SEC : time_argument(fcinfo, 3, "last");
	if (last_time >= now_time)
		PG_RETURN_FLOAT8(0);
	last = see(call, last_time);
	now = see(call, now_time);
	PG_RETURN_FLOAT8(arrival_overdue(&call->view, &last, &now));
}
