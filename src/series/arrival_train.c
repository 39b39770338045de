/*-------------------------------------------------------------------------
 *
 * arrival_train.c
 *	  arrival_train() and arrival_refresh(): learn when batches arrive.
 *
 * One pass over the sorted source, one series in memory at a time; a series is written into the artifact
 * as soon as it is whole.  A refresh goes through the old detector and the source side by side.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "core/args.h"
#include "core/usage.h"
#include "model/alias.h"
#include "model/cache.h"
#include "model/registry.h"
#include "series/arrival_call.h"
#include "series/arrival_train.h"

PG_FUNCTION_INFO_V1(aipipe_arrival_train);
PG_FUNCTION_INFO_V1(aipipe_arrival_refresh);

typedef struct Training
{
	const char *detector;
	ArrivalSettings settings;
	const char *source;
	const ArrivalModel *old;	/* that is continued, or NULL */
	int64		continues;		/* id of its model */
	Progress	progress;
	Points	   *points;
	ArrivalHeights *heights;
	ArrivalMemory memory;
	StringInfoData name;		/* of the series in memory */
	StringInfoData artifact;
	MemoryContext each;			/* what one series takes */
	int64		nseries;
	int64		nlearning;
	int64		nold;			/* rows of a refresh that were known */
	int			next_old;		/* series of the old detector that was not taken over yet */
} Training;

/* Learns the series in memory and writes it. */
static void
finish_series(Training *training)
{
	MemoryContext old = MemoryContextSwitchTo(training->each);
	ArrivalPart part = {.name = training->name.data};
	int			n;
	Arrival    *arrivals = arrival_memory_kept(&training->memory, &n);

	part.arrivals = arrivals;
	part.slots = arrival_fit(&training->settings, training->heights, arrivals, n, &part.series);
	part.series.last = training->memory.last;
	part.series.seen = training->memory.seen;
	MemoryContextSwitchTo(old);
	arrival_write_series(&part, training->nseries == 0, &training->artifact);
	MemoryContextReset(training->each);
	training->nseries++;
	training->nlearning += part.series.nslots == 0;
}

/* Begins a series with what the old detector remembers of it. */
static void
recall(Training *training, const ArrivalPart *part)
{
	ArrivalMemory *memory = &training->memory;

	resetStringInfo(&training->name);
	appendStringInfoString(&training->name, part->name);
	memory->n = part->series.narrivals;
	memcpy(memory->arrivals, part->arrivals, memory->n * sizeof(Arrival));
	for (int i = 0; i < memory->n; i++)
		memory->arrivals[i].second &= ~ARRIVAL_OUTLIER;
	memory->seen = part->series.seen;
	memory->last = part->series.last;
}

/* Takes over the old series whose names come before a name, and recalls the one of that name; NULL = all. */
static bool
take_over(Training *training, const char *name)
{
	const ArrivalModel *old = training->old;

	while (old != NULL && training->next_old < old->nseries)
	{
		ArrivalPart part;
		int			order;

		CHECK_FOR_INTERRUPTS();
		arrival_get(old, training->next_old, &part);
		order = name == NULL ? -1 : strcmp(part.name, name);
		if (order > 0)
			return false;
		recall(training, &part);
		training->next_old++;
		if (order == 0)
			return true;
		finish_series(training);
	}
	return false;
}

/* Begins the series of a point. */
static void
begin_series(Training *training, const char *name)
{
	if (take_over(training, name))
		return;
	arrival_memory_clear(&training->memory);
	resetStringInfo(&training->name);
	appendStringInfoString(&training->name, name);
}

/* Reads the source and learns all series. */
static void
learn(Training *training)
{
	PointsSpec	spec = {.source = training->source, .series = training->settings.series, .time = training->settings.time};
	Point		point;
	bool		begun = false;

	arrival_memory_init(&training->memory, &training->settings);
	training->heights = arrival_heights(&training->settings);
	initStringInfo(&training->name);
	initStringInfo(&training->artifact);
	training->each = AllocSetContextCreate(CurrentMemoryContext, "aipipe arrival series", ALLOCSET_DEFAULT_SIZES);
	training->points = points_open(&spec, &training->progress);
	progress_phase(&training->progress, "learning series", 0);
	arrival_write_head(&training->settings, &training->artifact);
	while (points_next(training->points, &point))
	{
		if (point.first)
		{
			if (begun)
				finish_series(training);
			progress_update(&training->progress, training->nseries);
			begin_series(training, point.series);
			begun = true;
		}
		if (training->memory.seen > 0 && arrival_seconds(point.time) <= training->memory.last)
			training->nold++;
		else
			arrival_memory_add(&training->memory, point.time);
	}
	if (!begun)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the source has no arrivals"),
				 errdetail("Of its " INT64_FORMAT " rows none has a finite time%s.", points_nrows(training->points),
						   training->settings.series != NULL ? " and a series" : "")));
	finish_series(training);
	(void) take_over(training, NULL);
	arrival_write_end(&training->artifact);
	points_close(training->points);
}

/* Stores what was learned as the model's next version. */
static int
store(Training *training, double cpu_start)
{
	NewVersion	version = {0};
	Encoder    *none = palloc0(sizeof(Encoder));

	progress_phase(&training->progress, "storing", 0);
	version.model = training->detector;
	version.continues = training->continues;
	version.task = TASK_ARRIVAL;
	version.algorithm = algorithm_arrival.name;
	version.encoder = none;
	version.artifact = training->artifact.data;
	version.artifact_len = training->artifact.len;
	version.params = arrival_options_json(&training->settings);
	version.metrics = psprintf("{\"series\":" INT64_FORMAT ",\"learning\":" INT64_FORMAT ",\"rows\":" INT64_FORMAT
							   ",\"skipped\":" INT64_FORMAT ",\"known\":" INT64_FORMAT "}",
							   training->nseries, training->nlearning, points_nrows(training->points),
							   points_nskipped(training->points), training->nold);
	version.source = training->source;
	version.source_resolved = points_source(training->points)->resolved;
	version.nrows = points_nrows(training->points);
	version.peak_bytes = MemoryContextMemAllocated(CurrentMemoryContext, true);
	version.library = "aipipe " AIPIPE_VERSION;
	version.cpu_seconds = usage_cpu_seconds() - cpu_start;
	return registry_add_version(&version);
}

/* Learns and stores in a memory context of its own; gives the new version. */
static int
run(Training *training)
{
	double		cpu_start = usage_cpu_seconds();
	int			version;

	progress_begin(&training->progress, psprintf("training model \"%s\"", training->detector));
	learn(training);
	version = store(training, cpu_start);
	progress_end(&training->progress);
	return version;
}

/* arrival_train(detector, source, time, series, params): learns when batches arrive and gives the new version. */
Datum
aipipe_arrival_train(PG_FUNCTION_ARGS)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe arrival train", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Training	training = {0};
	int			version;

	training.detector = arg_text(fcinfo, 0, "detector");
	training.source = arg_text(fcinfo, 1, "source");
	arrival_read_options(PG_ARGISNULL(4) ? NULL : PG_GETARG_JSONB_P(4), "arrival_train", &training.settings);
	training.settings.time = arg_text(fcinfo, 2, "time");
	training.settings.series = arg_optional_text(fcinfo, 3);
	registry_check_trainable(training.detector, TASK_ARRIVAL);
	version = run(&training);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	PG_RETURN_INT32(version);
}

/* arrival_refresh(detector, source, promote): continues with newer arrivals and gives the new version. */
Datum
aipipe_arrival_refresh(PG_FUNCTION_ARGS)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe arrival train", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Training	training = {0};
	ModelRef	ref;
	int			version;

	training.detector = arg_text(fcinfo, 0, "detector");
	training.source = arg_text(fcinfo, 1, "source");
	arg_require(fcinfo, 2, "promote");
	training.old = arrival_acquire(training.detector, MODEL_MANAGE, context, &ref);
	training.continues = ref.model_id;
	training.settings = training.old->settings;
	version = run(&training);
	if (PG_GETARG_BOOL(2))
		alias_succeed(training.detector, ref.version, version, "arrival_refresh");
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	PG_RETURN_INT32(version);
}
