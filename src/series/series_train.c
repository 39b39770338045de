/*-------------------------------------------------------------------------
 *
 * series_train.c
 *	  From a source of points to a new version, and from a version and newer points to the next.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/args.h"
#include "core/guc.h"
#include "core/sql.h"
#include "core/usage.h"
#include "model/alias.h"
#include "model/cache.h"
#include "series/replay.h"
#include "series/series_options.h"
#include "series/series_call.h"

PG_FUNCTION_INFO_V1(aipipe_series_train);
PG_FUNCTION_INFO_V1(aipipe_series_refresh);

/* The artifact that is being written. */
typedef struct Making
{
	StringInfoData artifact;
	int			nseries;
	const SeasonalDetector *before; /* what is refreshed, or NULL */
	int			next;			/* the first series of it that is not written yet */
} Making;

/* What is to be stored beside the artifact. */
typedef struct Storing
{
	const char *model;
	const PointsSpec *spec;
	const char *params;			/* JSON */
	int64		continues;		/* id of the model that is refreshed, or 0 */
	double		cpu_start;
} Storing;

/* Ends with an error when artifact and compiled form would not fit the memory that a training may take. */
static void
check_size(const Making *making)
{
	Size		limit = (Size) core_train_max_memory * 1024;

	if ((Size) making->artifact.len * 2 > limit)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("the detector needs more than aipipe.train_max_memory"),
				 errdetail("After %d series its artifact has %d bytes, and its compiled form takes as much again.",
						   making->nseries, making->artifact.len),
				 errhint("Train several detectors with a part of the series each.")));
}

/* Copies the series before a name that the source has nothing of. */
static void
copy_before(Making *making, const char *name)
{
	for (; making->before != NULL && making->next < making->before->nseries; making->next++)
	{
		int			len;
		const char *old = seasonal_name(making->before, making->next, &len);

		if (name != NULL && (strncmp(old, name, len) > 0 || (strncmp(old, name, len) == 0 && strlen(name) <= len)))
			return;
		seasonal_artifact_copy(&making->artifact, making->before, making->next);
		making->nseries++;
		check_size(making);
	}
}

/* A series begins: takes the state that it had. */
static bool
begin_series(void *arg, const char *series, Watch *watch)
{
	Making	   *making = arg;
	int			place;

	copy_before(making, series);
	place = seasonal_find(making->before, series, strlen(series));
	if (place < 0)
		return false;
	making->next = place + 1;
	seasonal_get(making->before, place, &watch->state);
	/* one value tells no step */
	return watch->state.nvalues > 1;
}

/* A series ends: appends its state. */
static void
end_series(void *arg, const char *series, const Watch *watch)
{
	Making	   *making = arg;

	seasonal_artifact_add(&making->artifact, series, &watch->state);
	making->nseries++;
	check_size(making);
}

/* Ends with an error when the source gave no point. */
static void
check_points(const PointsSpec *spec, const Points *points, const ReplayCounts *counts)
{
	if (counts->points + counts->old > 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("source \"%s\" has no points", spec->source),
			 errdetail("Of its " INT64_FORMAT " rows none has a finite time and a series.", points_nrows(points))));
}

/* Registers the artifact as the model's next version. */
static int
store(const Storing *storing, const Making *making, Points *points, const ReplayCounts *counts)
{
	NewVersion	version = {0};
	Encoder		encoder = {0};
	StringInfoData compiled;

	initStringInfo(&compiled);
	seasonal_compile(making->artifact.data, making->artifact.len, &compiled);
	version.model = storing->model;
	version.continues = storing->continues;
	version.task = TASK_SERIES;
	version.algorithm = algorithm_seasonal.name;
	version.encoder = &encoder;
	version.artifact = making->artifact.data;
	version.artifact_len = making->artifact.len;
	version.compiled = compiled.data;
	version.compiled_len = compiled.len;
	version.params = storing->params;
	version.metrics = psprintf("{\"series\": %d, \"points\": " INT64_FORMAT ", \"learning\": " INT64_FORMAT
							   ", \"anomalies\": " INT64_FORMAT ", \"old\": " INT64_FORMAT ", \"skipped\": " INT64_FORMAT "}",
							   making->nseries, counts->points, counts->learning, counts->anomalies, counts->old,
							   points_nskipped(points));
	version.source = storing->spec->source;
	version.source_resolved = points_source(points)->resolved;
	version.target = storing->spec->value;
	version.nrows = points_nrows(points);
	version.peak_bytes = (Size) making->artifact.len + compiled.len;
	version.library = "aipipe " AIPIPE_VERSION;
	version.cpu_seconds = usage_cpu_seconds() - storing->cpu_start;
	return registry_add_version(&version);
}

/* Replays the points into a new artifact and stores it. */
static int
make_version(Storing *storing, Making *making, Points *points, const SeasonalOptions *options, Progress *progress)
{
	ReplayViewer viewer = {making->before ? begin_series : NULL, NULL, end_series, making};
	ReplayCounts counts;
	int			version;

	initStringInfo(&making->artifact);
	seasonal_artifact_begin(&making->artifact, options);
	replay_points(points, options, &viewer, progress, &counts);
	copy_before(making, NULL);
	check_points(storing->spec, points, &counts);
	seasonal_artifact_end(&making->artifact, making->nseries);
	progress_phase(progress, "storing", 0);
	version = store(storing, making, points, &counts);
	points_close(points);
	return version;
}

/* series_train(detector, source, value, time, series, params): learns the seasons of every series and gives the new version. */
Datum
aipipe_series_train(PG_FUNCTION_ARGS)
{
	Storing		storing = {.cpu_start = usage_cpu_seconds()};
	Making		making = {{0}};
	PointsSpec	spec = {0};
	SeasonalOptions options;
	StringInfoData params;
	Progress	progress = {0};
	Points	   *points;
	int			version;

	storing.model = arg_text(fcinfo, 0, "detector");
	series_read_spec(fcinfo, 1, &spec);
	registry_check_trainable(storing.model, TASK_SERIES);
	initStringInfo(&params);
	series_read_options(PG_ARGISNULL(5) ? NULL : PG_GETARG_JSONB_P(5), "series_train", &spec, &options, &params);
	storing.spec = &spec;
	storing.params = params.data;
	progress_begin(&progress, psprintf("training detector \"%s\"", storing.model));
	points = points_open(&spec, &progress);
	series_set_times(points, &options);
	version = make_version(&storing, &making, points, &options, &progress);
	progress_end(&progress);
	PG_RETURN_INT32(version);
}

static SqlStatement find_params = {
	"SELECT v.params::pg_catalog.text AS params FROM aipipe.model_version_data v WHERE v.id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* Gives the parameters that a version was trained with. */
static char *
version_params(int64 version_id)
{
	SqlResult  *found = sql_run(&find_params, SQL_READ, Int64GetDatum(version_id));
	char	   *params = found->nrows > 0 ? sql_text(found, 0, "params") : NULL;

	sql_free(found);
	return params ? params : pstrdup("{}");
}

/* series_refresh(detector, source, promote): the champion's states go on with newer points; gives the new version. */
Datum
aipipe_series_refresh(PG_FUNCTION_ARGS)
{
	Storing		storing = {.cpu_start = usage_cpu_seconds()};
	Making		making = {{0}};
	PointsSpec	spec = {0};
	SeasonalOptions options;
	Progress	progress = {0};
	ModelRef	ref;
	Points	   *points;
	int			version;
	bool		wall;

	storing.model = arg_text(fcinfo, 0, "detector");
	spec.source = arg_text(fcinfo, 1, "source");
	arg_require(fcinfo, 2, "promote");
	ref = registry_resolve(storing.model, MODEL_CHAMPION, MODEL_MANAGE, GetUserId());
	storing.continues = ref.model_id;
	registry_check_trainable(storing.model, ref.task);
	making.before = series_acquire(&ref, storing.model, CurrentMemoryContext);
	options = making.before->options;
	spec.value = options.value;
	spec.time = options.time;
	spec.series = options.series[0] != '\0' ? options.series : NULL;
	storing.spec = &spec;
	storing.params = version_params(ref.version_id);
	progress_begin(&progress, psprintf("refreshing detector \"%s\"", storing.model));
	points = points_open(&spec, &progress);
	wall = options.wall;
	series_set_times(points, &options);
	if (wall != options.wall)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("time column \"%s\" is of another kind than at the training", spec.time),
				 errdetail("It was a time %s time zone then.", wall ? "without" : "with")));
	version = make_version(&storing, &making, points, &options, &progress);
	if (PG_GETARG_BOOL(2))
		alias_succeed(storing.model, ref.version, version, "series_refresh");
	progress_end(&progress);
	PG_RETURN_INT32(version);
}
