/*-------------------------------------------------------------------------
 *
 * backtest_version.c
 *	  The detector as it would have been at the start of a period.
 *
 * Frozen, it is the champion.  Walking, it is trained on the rows before the
 * period, all of them or those of a window, whenever it is due.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "anomaly/backtest.h"
#include "core/sql.h"

static SqlStatement find_model = {
	"SELECT m.id FROM aipipe.model_data m WHERE m.name OPERATOR(pg_catalog.=) $1",
	1, {TEXTOID}
};

static SqlStatement find_training = {
	"SELECT v.params, v.row_count, v.algorithm FROM aipipe.model_version_data v WHERE v.id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* Says whether there is a model of that name. */
static bool
model_exists(const char *name)
{
	SqlResult  *result = sql_run(&find_model, SQL_READ, CStringGetTextDatum(name));
	bool		exists = result->nrows > 0;

	sql_free(result);
	return exists;
}

/* Gives the names of a version's columns. */
static List *
version_columns(const ModelVersion *version)
{
	List	   *columns = NIL;

	for (int c = 0; c < version->encoder->ncolumns; c++)
		columns = lappend(columns, pstrdup(version->encoder->columns[c].name));
	return columns;
}

/* Has the walking trainings be like the one that made the version, but for what the caller says. */
static void
follow_version(Backtest *test, const SqlResult *training)
{
	Datum		params = PointerGetDatum(PG_DETOAST_DATUM_COPY(sql_datum(training, 0, "params", NULL)));

	if (test->spec.columns == NIL)
		test->spec.columns = version_columns(test->version);
	if (test->spec.params != NULL)
		params = DirectFunctionCall2(jsonb_concat, params, JsonbPGetDatum(test->spec.params));
	test->spec.params = DatumGetJsonbP(params);
	test->spec.algorithm = sql_text(training, 0, "algorithm");
}

/* Takes a version as the one at hand. */
static void
take_version(Backtest *test, const ModelVersion *version)
{
	test->version = version;
	if (version == NULL)
		return;
	test->threshold = isnan(test->options.threshold) ? detector_threshold(version) : test->options.threshold;
	test->block = strange_block(version, test->source->desc, test->held);
}

/* Finds the detector and what is known of its training. */
static void
find_detector(Backtest *test)
{
	ModelRef	ref = registry_resolve(test->detector, MODEL_CHAMPION, MODEL_PREDICT, GetUserId());
	SqlResult  *training;
	bool		unknown;

	test->version = cache_acquire(&ref, test->context);
	detector_check(test->version);
	training = sql_run(&find_training, SQL_READ, Int64GetDatum(ref.version_id));
	if (training->nrows != 1)
		elog(ERROR, "version " INT64_FORMAT " is gone", ref.version_id);
	test->trained_rows = sql_int64(training, 0, "row_count", &unknown);
	if (unknown)
		test->trained_rows = -1;
	if (test->walks)
		follow_version(test, training);
	sql_free(training);
}

/* Ends with an error for options of a walk when nothing walks. */
static void
check_frozen(const Backtest *test)
{
	const BacktestOptions *options = &test->options;
	const char *idle = options->window ? "window" : options->retrain ? "retrain"
		: options->columns != NIL ? "columns" : options->params ? "params" : NULL;

	if (idle != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" of %s belongs to mode \"walk\"", idle, test->function),
				 errdetail("Mode \"frozen\" asks the champion of detector \"%s\" as it is.", test->detector),
				 errhint("Set option \"mode\" to \"walk\".")));
}

/* Finds the detector, or prepares to train one. */
void
backtest_versions_begin(Backtest *test)
{
	bool		exists = model_exists(test->detector);

	test->walks = test->options.mode ? strcmp(test->options.mode, "walk") == 0 : !exists;
	test->held = AllocSetContextCreate(test->context, "aipipe anomaly backtest version", ALLOCSET_DEFAULT_SIZES);
	test->spec.function = test->function;
	test->spec.model = test->detector;
	test->spec.task = TASK_ANOMALY;
	test->spec.source = test->source->text;
	test->spec.columns = test->options.columns;
	test->spec.params = test->options.params;
	test->spec.least_rows = test->options.min_rows;
	test->spec.exclude = list_make1(NameStr(TupleDescAttr(test->source->desc, test->time.attno - 1)->attname));
	if (test->options.label != NULL)
		test->spec.exclude = lappend(test->spec.exclude, test->options.label);
	if (!test->walks)
		check_frozen(test);
	if (exists || !test->walks)
		find_detector(test);
	if (!test->walks)
		take_version(test, test->version);
	test->next_training = DT_NOBEGIN;
}

/* Trains the detector on the rows before a time. */
static void
train_before(Backtest *test, TimestampTz start)
{
	TrainSpec	spec = test->spec;
	TimestampTz first = test->window ? backtest_shift(start, test->window, -1) : DT_NOBEGIN;
	MemoryContext old;

	MemoryContextReset(test->held);
	old = MemoryContextSwitchTo(test->held);
	spec.rows = source_by_time(test->source, test->time.attno, first, start);
	take_version(test, train_transient(&spec, test->held, &test->trained_rows));
	MemoryContextSwitchTo(old);
}

/* Has the detector be as it would have been at the start of a period. */
void
backtest_version_at(Backtest *test, TimestampTz start)
{
	if (!test->walks || start < test->next_training)
		return;
	train_before(test, start);
	if (test->version != NULL && test->retrain != NULL)
		test->next_training = backtest_shift(start, test->retrain, 1);
}
