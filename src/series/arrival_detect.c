/*-------------------------------------------------------------------------
 *
 * arrival_detect.c
 *	  arrival_detect(): judges a history of arrivals, each with the earlier ones only.
 *
 * A series is learned anew when it has grown by a twentieth, so that a long history takes time in
 * proportion to its length.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "core/args.h"
#include "series/arrival_slot.h"
#include "series/arrival_train.h"

PG_FUNCTION_INFO_V1(aipipe_arrival_detect);

#define GROWTH 20				/* arrivals for each of which one more may come before the series is learned anew */

typedef struct Walk
{
	ArrivalSettings settings;
	ArrivalHeights *heights;
	ArrivalMemory memory;
	MemoryContext fitted;		/* what the series looked like when it was learned last */
	ArrivalPart part;			/* its slots are NULL until somebody asks for them */
	ArrivalView view;
	int64		next_fit;		/* arrivals seen when it is to be learned again */
} Walk;

/* Learns the series from the arrivals so far. */
static void
learn_again(Walk *walk)
{
	MemoryContext old;
	int			n;
	Arrival    *arrivals;
	Arrival    *copy;

	MemoryContextReset(walk->fitted);
	old = MemoryContextSwitchTo(walk->fitted);
	arrivals = arrival_memory_kept(&walk->memory, &n);
	copy = palloc(n * sizeof(Arrival));
	memcpy(copy, arrivals, n * sizeof(Arrival));
	memset(&walk->part, 0, sizeof(ArrivalPart));
	walk->part.arrivals = copy;
	(void) arrival_fit_density(&walk->settings, walk->heights, copy, n, &walk->part.series);
	arrival_view(&walk->settings, &walk->part, &walk->view);
	walk->next_fit = walk->memory.seen + 1 + walk->memory.seen / GROWTH;
	MemoryContextSwitchTo(old);
}

/* Finds the slots of the series, unless they are known: only an arrival that is not normal asks for them. */
static void
find_slots(Walk *walk)
{
	MemoryContext old;

	if (walk->part.slots != NULL)
		return;
	old = MemoryContextSwitchTo(walk->fitted);
	walk->part.slots = arrival_find_slots(&walk->settings, walk->part.arrivals, walk->part.series.narrivals, &walk->part.series);
	walk->view.slots = walk->part.slots;
	walk->view.series.nslots = walk->part.series.nslots;
	MemoryContextSwitchTo(old);
}

/* Judges an arrival with those before it. */
static void
judge(Walk *walk, TimestampTz time, ArrivalVerdict *verdict)
{
	Arrival		local = arrival_local(time, walk->memory.zone);
	ArrivalPoint point;

	if (walk->memory.seen < walk->settings.min_arrivals)
	{
		arrival_learning(&walk->settings, walk->memory.seen, verdict);
		return;
	}
	if (walk->memory.seen >= walk->next_fit)
		learn_again(walk);
	point = arrival_point(walk->part.series.cut, walk->part.series.shift, local.day, local.second);
	if (arrival_is_normal(&walk->view, &point, verdict))
		return;
	find_slots(walk);
	arrival_judge(&walk->view, &point, false, verdict);
}

/* Begins another series. */
static void
begin_series(Walk *walk)
{
	arrival_memory_clear(&walk->memory);
	walk->next_fit = 0;
}

/* Puts the verdict on an arrival into the result. */
static void
put_row(ReturnSetInfo *rsinfo, const char *series, TimestampTz time, const ArrivalVerdict *verdict)
{
	Datum		values[6];
	bool		nulls[6] = {0};

	values[0] = CStringGetTextDatum(series);
	values[1] = TimestampTzGetDatum(time);
	values[2] = CStringGetTextDatum(verdict->state);
	values[3] = Float8GetDatum(1 - verdict->pvalue);
	values[4] = Float8GetDatum(verdict->pvalue);
	nulls[3] = nulls[4] = isnan(verdict->pvalue);
	nulls[5] = verdict->reason == NULL;
	values[5] = nulls[5] ? (Datum) 0 : CStringGetTextDatum(verdict->reason);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* arrival_detect(source, time, series, params): judges all arrivals of a source, each with the earlier ones only. */
Datum
aipipe_arrival_detect(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe arrival detect", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	MemoryContext each;
	Walk		walk = {{0}};
	PointsSpec	spec = {0};
	Points	   *points;
	Point		point;
	Progress	progress = {0};

	InitMaterializedSRF(fcinfo, 0);
	old = MemoryContextSwitchTo(context);
	each = AllocSetContextCreate(context, "aipipe arrival row", ALLOCSET_SMALL_SIZES);
	walk.fitted = AllocSetContextCreate(context, "aipipe arrival series", ALLOCSET_DEFAULT_SIZES);
	spec.source = arg_text(fcinfo, 0, "source");
	spec.time = arg_text(fcinfo, 1, "time");
	spec.series = arg_optional_text(fcinfo, 2);
	arrival_read_options(PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3), "arrival_detect", &walk.settings);
	arrival_memory_init(&walk.memory, &walk.settings);
	walk.heights = arrival_heights(&walk.settings);
	progress_begin(&progress, "judging arrivals");
	points = points_open(&spec, &progress);
	progress_phase(&progress, "judging arrivals", 0);
	for (int64 n = 0; points_next(points, &point); n++)
	{
		ArrivalVerdict verdict;

		if (point.first)
			begin_series(&walk);
		MemoryContextSwitchTo(each);
		judge(&walk, point.time, &verdict);
		put_row(rsinfo, point.series, point.time, &verdict);
		MemoryContextSwitchTo(context);
		MemoryContextReset(each);
		arrival_memory_add(&walk.memory, point.time);
		if (n % 1000 == 0)
			progress_update(&progress, n);
	}
	points_close(points);
	progress_end(&progress);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}
