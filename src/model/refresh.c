/*-------------------------------------------------------------------------
 *
 * refresh.c
 *	  From a champion and more rows to the next version, without training anew.
 *
 *		champion ─▶ its encoder, parameters, artifact ┐
 *		source   ─▶ rows, encoded ────────────────────┴▶ refresh() ─▶ registry ─▶ (promote)
 *
 * The rows are read as a training reads them.  Columns, categories and parameters
 * are the champion's: what it never knew stays unknown until a training.  Nothing
 * is written before the last step.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "core/sql.h"
#include "core/usage.h"
#include "model/alias.h"
#include "model/refresh.h"
#include "model/train_int.h"

/* What is at hand while one version is refreshed. */
typedef struct Refreshing
{
	const RefreshSpec *spec;
	TrainSpec	train;
	Training	training;
	ModelRef	ref;
	const ModelVersion *champion;
	char	   *artifact;
	Size		artifact_len;
} Refreshing;

static SqlStatement find_artifact = {
	"SELECT v.artifact, v.params::pg_catalog.text AS params FROM aipipe.model_version_data v"
	" WHERE v.id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* Ends with the error for an algorithm that cannot learn on. */
static void
check_algorithm(const Refreshing *refreshing)
{
	const Algorithm *algorithm = refreshing->champion->loaded->algorithm;

	if (algorithm->refresh == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("algorithm \"%s\" of model \"%s\" cannot learn more rows", algorithm->name, refreshing->spec->model),
				 errhint("Train a new version.")));
}

/* Finds the champion and what it was made with. */
static void
find_champion(Refreshing *refreshing)
{
	const RefreshSpec *spec = refreshing->spec;
	SqlResult  *found;
	bytea	   *artifact;

	refreshing->ref = registry_resolve(spec->model, MODEL_CHAMPION, MODEL_MANAGE, GetUserId());
	refreshing->champion = cache_acquire(&refreshing->ref, CurrentMemoryContext);
	if (spec->check != NULL)
		spec->check(refreshing->champion);
	check_algorithm(refreshing);
	found = sql_run(&find_artifact, SQL_READ, Int64GetDatum(refreshing->ref.version_id));
	if (found->nrows == 0)
		elog(ERROR, "version %d of model \"%s\" has no row", refreshing->ref.version, spec->model);
	artifact = DatumGetByteaPP(sql_datum(found, 0, "artifact", NULL));
	refreshing->artifact_len = VARSIZE_ANY_EXHDR(artifact);
	refreshing->artifact = palloc_extended(refreshing->artifact_len + 1, MCXT_ALLOC_HUGE);
	memcpy(refreshing->artifact, VARDATA_ANY(artifact), refreshing->artifact_len);
	refreshing->train.params = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(sql_text(found, 0, "params"))));
	sql_free(found);
}

/* Reads the new rows as a training would. */
static void
read_rows(Refreshing *refreshing)
{
	Training   *training = &refreshing->training;
	TrainSpec  *train = &refreshing->train;

	train->function = refreshing->spec->function;
	train->model = refreshing->spec->model;
	train->task = refreshing->champion->task;
	train->source = refreshing->spec->source;
	train->algorithm = refreshing->champion->loaded->algorithm->name;
	training->spec = train;
	training->limit = (Size) core_train_max_memory * 1024;
	train_read_options(training);
	train_read_source(training);
	training->encoder = refreshing->champion->encoder;
	progress_begin(&training->progress, psprintf("refreshing model \"%s\"", train->model));
	train_read_rows(training);
}

/* Says what is to be learned to the algorithm; every version draws from a seed of its own. */
static void
fill_request(Refreshing *refreshing, TrainRequest *train, RefreshRequest *request)
{
	Training   *training = &refreshing->training;

	train->task = refreshing->champion->task;
	train->rows = training->set->rows;
	train->encoder = training->encoder;
	train->params = training->params;
	train->common = training->common;
	train->seed = (uint64) training->options.seed + refreshing->ref.version;
	train->budget = Max(training->limit - (training->set->rows->bytes + training->beside), 1);
	train->progress = &training->progress;
	request->train = train;
	request->artifact = refreshing->artifact;
	request->artifact_len = refreshing->artifact_len;
	request->keep = refreshing->spec->keep;
}

/* Gives the new version's metrics: what it came from, and what the champion said of the rows. */
static char *
make_metrics(Refreshing *refreshing)
{
	const RefreshSpec *spec = refreshing->spec;
	const Matrix *rows = refreshing->training.set->rows;
	char		keep[DOUBLE_SHORTEST_DECIMAL_LEN];
	StringInfoData out;

	double_to_shortest_decimal_buf(spec->keep, keep);
	initStringInfo(&out);
	appendStringInfo(&out, "{\"refresh\": {\"version\": %d, \"keep\": %s, \"rows\": " INT64_FORMAT "}",
					 refreshing->ref.version, keep, rows->nrows);
	if (spec->measure != NULL)
	{
		train_reserve(&refreshing->training, mul_size(rows->nrows, spec->measure_bytes));
		progress_phase(&refreshing->training.progress, "measuring", 0);
		appendStringInfo(&out, ", %s", spec->measure(refreshing->champion, rows));
	}
	appendStringInfoChar(&out, '}');
	return out.data;
}

/* Stores what was learned as the model's next version. */
static int
store(Refreshing *refreshing, const TrainResult *result, const char *metrics, double cpu_start)
{
	Training   *training = &refreshing->training;
	NewVersion	version = {0};

	progress_phase(&training->progress, "storing", 0);
	version.model = training->spec->model;
	version.continues = refreshing->ref.model_id;
	version.task = training->spec->task;
	version.algorithm = training->algorithm->name;
	version.encoder = training->encoder;
	version.artifact = result->artifact.data;
	version.artifact_len = result->artifact.len;
	version.compiled = result->compiled.data;
	version.compiled_len = result->compiled.len;
	version.params = train_effective_params(training, result->params.data);
	version.metrics = metrics;
	version.source = training->spec->source;
	version.source_resolved = training->source->resolved;
	version.nrows = training->set->rows->nrows;
	version.seed = training->options.seed;
	version.peak_bytes = training->peak;
	version.library = result->library;
	version.cpu_seconds = usage_cpu_seconds() - cpu_start;
	if (!isnan(refreshing->champion->threshold))
		version.threshold = refreshing->champion->threshold;
	return registry_add_version(&version);
}

/* Learns the rows and registers what was learned. */
static int
learn_and_register(Refreshing *refreshing, double cpu_start)
{
	Training   *training = &refreshing->training;
	TrainRequest train = {0};
	RefreshRequest request = {0};
	TrainResult result = {0};
	char	   *metrics = make_metrics(refreshing);

	fill_request(refreshing, &train, &request);
	training->algorithm->refresh(&request, &result);
	train_note_peak(training, add_size(add_size(training->set->rows->bytes, training->beside), result.peak_bytes));
	return store(refreshing, &result, metrics, cpu_start);
}

/* Refreshes the champion; gives the number of the next version. */
int
refresh_version(const RefreshSpec *spec)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe model refresh", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	double		cpu_start = usage_cpu_seconds();
	Refreshing	refreshing = {0};
	int			version;

	PreventCommandIfReadOnly("refreshing a model");
	refreshing.spec = spec;
	find_champion(&refreshing);
	read_rows(&refreshing);
	version = learn_and_register(&refreshing, cpu_start);
	if (spec->promote)
		alias_succeed(spec->model, refreshing.ref.version, version, "refreshed");
	progress_end(&refreshing.training.progress);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return version;
}
