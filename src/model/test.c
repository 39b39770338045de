/*-------------------------------------------------------------------------
 *
 * test.c
 *	  Choosing a statistical test, running it on two versions' predictions, and
 *	  telling what it says: model_test().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"

#include "core/args.h"
#include "core/options.h"
#include "model/test.h"

PG_FUNCTION_INFO_V1(aipipe_model_test);

static const char *const test_names[] = {"delong", "mcnemar", "bootstrap", "paired_t", NULL};
static const char *const method_names[] = {"exact", "corrected", "chi2", NULL};
static const char *const require_names[] = {"not_worse", "better", NULL};

/* The smallest alpha: below it, an interval of so many resamples is their range. */
#define LEAST_ALPHA 1e-9

#define MAX_RESAMPLES 1000000

/* Those of a check first; model_test() takes those from "metric" on. */
static const OptionSpec test_specs[] = {
	{"source", OPTION_TEXT, OPTION_FIELD(TestOptions, source), 0, 0, 0, NULL, NULL},
	{"require", OPTION_TEXT, OPTION_FIELD(TestOptions, require), 0, 0, 0, "not_worse", require_names},
	{"margin", OPTION_REAL, OPTION_FIELD(TestOptions, margin), 0, 0, 1e300, NULL, NULL},
	{"test", OPTION_TEXT, OPTION_FIELD(TestOptions, test), 0, 0, 0, NULL, test_names},
	{"metric", OPTION_TEXT, OPTION_FIELD(TestOptions, metric), 0, 0, 0, NULL, NULL},
	{"method", OPTION_TEXT, OPTION_FIELD(TestOptions, method), 0, 0, 0, "exact", method_names},
	{"alpha", OPTION_REAL, OPTION_FIELD(TestOptions, alpha), 0.05, LEAST_ALPHA, 0.5, NULL, NULL},
	{"resamples", OPTION_INT, OPTION_FIELD(TestOptions, resamples), 2000, 100, MAX_RESAMPLES, NULL, NULL},
	{"seed", OPTION_INT, OPTION_FIELD(TestOptions, seed), 0, 0, 9007199254740991.0, NULL, NULL},
	{"target", OPTION_TEXT, OPTION_FIELD(TestOptions, target), 0, 0, 0, NULL, NULL},
	{"group", OPTION_TEXT, OPTION_FIELD(TestOptions, group), 0, 0, 0, NULL, NULL},
	{"quantile", OPTION_REAL, OPTION_FIELD(TestOptions, quantile), 0, 0.0001, 0.9999, NULL, NULL},
};

/* The test itself is an argument there. */
#define FIRST_TEST_SPEC 4

/* Reads model_test()'s options. */
void
test_read_options(const Jsonb *params, TestOptions *options)
{
	memset(options, 0, sizeof(TestOptions));
	options_parse(params, "model_test", test_specs + FIRST_TEST_SPEC,
				  lengthof(test_specs) - FIRST_TEST_SPEC, options);
}

/* Reads a check's options. */
void
test_read_check(const Jsonb *check, TestOptions *options)
{
	memset(options, 0, sizeof(TestOptions));
	options_parse(check, "model_promote", test_specs, lengthof(test_specs), options);
	if (options->source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a promotion's check needs a source"),
				 errdetail("It names the rows on which the versions are compared."),
				 errhint("Give option \"source\": a relation or one SELECT with the target column.")));
}

/* Appends a check's options as they took effect. */
void
test_write_check(const TestOptions *options, StringInfo out)
{
	options_to_json(out, test_specs, lengthof(test_specs), options);
}

/* Gives a test's name. */
const char *
test_name(TestKind kind)
{
	return test_names[kind];
}

/* Gives the test that serves a metric by itself. */
static TestKind
usual_test(const char *metric, ModelTask task, int nclasses)
{
	if (task != TASK_CLASSIFICATION)
		return TEST_BOOTSTRAP;
	if (metric == NULL)
		return nclasses == 2 ? TEST_DELONG : TEST_MCNEMAR;
	if (strcmp(metric, "auc") == 0 && nclasses == 2)
		return TEST_DELONG;
	return strcmp(metric, "accuracy") == 0 ? TEST_MCNEMAR : TEST_BOOTSTRAP;
}

/* Ends with an error when a test is asked for a metric that it says nothing of. */
static void
check_metric(TestKind kind, const char *metric)
{
	const char *only = kind == TEST_DELONG ? "auc" : "accuracy";
	bool		root = false;

	if (kind == TEST_PAIRED_T && (!measure_has_losses(metric, &root) || root))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("test \"paired_t\" cannot compare metric \"%s\"", metric),
				 errdetail("It compares means over rows."),
				 errhint("Use test \"bootstrap\".")));
	if ((kind == TEST_DELONG || kind == TEST_MCNEMAR) && strcmp(metric, only) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("test \"%s\" cannot compare metric \"%s\"", test_names[kind], metric),
				 errdetail("It compares \"%s\".", only),
				 errhint("Use test \"bootstrap\".")));
}

/* Chooses test and metric. */
void
test_choose(const TestOptions *options, ModelTask task, int nclasses, TestResult *result)
{
	const char *metric = options->metric;

	memset(result, 0, sizeof(TestResult));
	result->alpha = options->alpha;
	if (task == TASK_ANOMALY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("detectors have no target to be compared by"),
				 errhint("Compare them by late labels with aipipe.model_compare().")));
	result->kind = usual_test(metric, task, nclasses);
	if (options->test != NULL)
		while (strcmp(test_names[result->kind], options->test) != 0)
			result->kind = (result->kind + 1) % (TEST_PAIRED_T + 1);
	if (result->kind == TEST_DELONG && (task != TASK_CLASSIFICATION || nclasses != 2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("test \"delong\" needs a classification of two classes"),
				 errhint("Use test \"%s\".", task == TASK_CLASSIFICATION ? "mcnemar" : "bootstrap")));
	if (result->kind == TEST_MCNEMAR && task != TASK_CLASSIFICATION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("test \"mcnemar\" needs a classification"),
				 errhint("Use test \"bootstrap\".")));
	if (metric == NULL && result->kind == TEST_DELONG)
		metric = "auc";
	else if (metric == NULL && result->kind == TEST_MCNEMAR)
		metric = "accuracy";
	else if (metric == NULL && result->kind == TEST_PAIRED_T && task == TASK_REGRESSION)
		metric = "mae";
	result->metric = metric != NULL ? metric_find(metric, task, nclasses) : metric_default(task);
	check_metric(result->kind, result->metric->name);
}

/* Ends with the error for a metric that says nothing of the rows. */
static void
undefined_metric(const char *metric, int64 defined, int64 all, const char *units)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("metric \"%s\" is undefined on these rows", metric),
			 errdetail("It could be computed on " INT64_FORMAT " of " INT64_FORMAT " %s.", defined, all, units)));
}

/* Compares areas under ROC curves. */
static void
run_delong(const Paired *rows, TestResult *result)
{
	StatsAucs	aucs;

	stats_delong(rows->nrows, measure_scores(rows, 0), measure_scores(rows, 1), measure_positive(rows), &aucs);
	if (aucs.npositive < 2 || aucs.nnegative < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("too few rows to compare areas under ROC curves"),
				 errdetail("There are " INT64_FORMAT " of the positive class and " INT64_FORMAT " of the other; two of each are needed.",
						   aucs.npositive, aucs.nnegative)));
	stats_auc_difference(&aucs, result->alpha, &result->difference);
}

/* Compares right decisions. */
static void
run_mcnemar(const Paired *rows, const TestOptions *options, TestResult *result)
{
	Scored		sides[2] = {paired_side(rows, 0), paired_side(rows, 1)};
	McnemarMethod method = MCNEMAR_EXACT;
	int64		both = 0;

	while (strcmp(method_names[method], options->method) != 0)
		method++;
	for (int64 row = 0; row < rows->nrows; row++)
	{
		bool		right[2];

		if (row % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		for (int side = 0; side < 2; side++)
			right[side] = metrics_decide_row(&sides[side], row) == (int) rows->labels[row];
		both += right[0] && right[1];
		result->alone[0] += right[0] && !right[1];
		result->alone[1] += right[1] && !right[0];
	}
	stats_mcnemar_difference(rows->nrows, both, result->alone[0], result->alone[1], method, result->alpha,
							 &result->difference);
}

/* Compares means of per-row losses. */
static void
run_paired_t(const Paired *rows, TestResult *result)
{
	double	   *losses[2];
	StatsMoments moments[2] = {{0}};
	StatsMoments apart = {0};
	int64		ndefined = 0;

	if (rows->nrows < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("too few rows to compare means"),
				 errdetail("There is one; two are needed.")));
	for (int side = 0; side < 2; side++)
		losses[side] = measure_losses(rows, side, result->metric, false);
	for (int64 row = 0; row < rows->nrows; row++)
	{
		for (int side = 0; side < 2; side++)
			stats_moments_add(&moments[side], losses[side][row]);
		stats_moments_add(&apart, losses[0][row] - losses[1][row]);
		ndefined += !isnan(losses[0][row]) && !isnan(losses[1][row]);
	}
	if (ndefined < rows->nrows)
		undefined_metric(result->metric->name, ndefined, rows->nrows, "rows");
	stats_paired_t(moments[0].mean, moments[1].mean, &apart, result->alpha, &result->difference);
}

/* Compares a metric by resampling: means and areas without copying a row, other metrics on copies. */
static void
run_bootstrap(const Paired *rows, const TestOptions *options, TestResult *result)
{
	const char *metric = result->metric->name;
	StatsBootstrap bootstrap;
	StatsMeans	means = {rows->nrows};
	StatsOrder *orders[2];
	MeasureResample resample;
	StatsFigures figures = measure_resample_figures;
	void	   *arg = &resample;

	measure_resample_begin(&resample, rows, result->metric);
	if (resample.nunits < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("too few rows to resample"),
				 errdetail("There is one %s; two are needed.", rows->task == TASK_RANKING ? "group" : "row")));
	if (measure_has_losses(metric, &means.root))
	{
		for (int side = 0; side < 2; side++)
			means.losses[side] = measure_losses(rows, side, result->metric, means.root);
		figures = stats_mean_figures;
		arg = &means;
	}
	else if (strcmp(metric, "auc") == 0 && rows->nclasses == 2)
	{
		for (int side = 0; side < 2; side++)
			orders[side] = stats_order(rows->nrows, measure_scores(rows, side), measure_positive(rows));
		figures = stats_auc_figures;
		arg = orders;
	}
	stats_bootstrap(resample.nunits, (int) options->resamples, (uint64) options->seed, result->alpha, figures, arg, &bootstrap);
	if (isnan(bootstrap.difference.difference))
		undefined_metric(metric, 0, options->resamples, "resamples");
	if (bootstrap.nresamples < options->resamples / 2)
		undefined_metric(metric, bootstrap.nresamples, options->resamples, "resamples");
	result->difference = bootstrap.difference;
}

/* Runs the chosen test. */
void
test_run(const Paired *rows, const TestOptions *options, TestResult *result)
{
	result->n = rows->nrows;
	result->nskipped = rows->nskipped;
	switch (result->kind)
	{
		case TEST_DELONG:
			run_delong(rows, result);
			break;
		case TEST_MCNEMAR:
			run_mcnemar(rows, options, result);
			break;
		case TEST_BOOTSTRAP:
			run_bootstrap(rows, options, result);
			break;
		case TEST_PAIRED_T:
			run_paired_t(rows, result);
			break;
	}
}

/* Chooses a test, scores the source with both versions and runs it. */
void
test_versions(const ModelRef refs[2], const char *source, const TestOptions *options, TestResult *result)
{
	Paired		rows;
	PairedScan *scan = paired_begin(refs, source, &rows);
	PairedColumns columns = {options->target, options->group};

	rows.quantile = options->quantile;
	test_choose(options, rows.task, rows.nclasses, result);
	paired_read(scan, &columns);
	result->quantile = rows.quantile;
	test_run(&rows, options, result);
}

/* Gives how far side 0 is ahead: positive is better whatever the metric. */
double
test_lead(const TestResult *result, double *low, double *high)
{
	const StatsDifference *difference = &result->difference;

	if (result->metric->higher_is_better)
	{
		*low = difference->ci_low;
		*high = difference->ci_high;
		return difference->difference;
	}
	*low = -difference->ci_high;
	*high = -difference->ci_low;
	return -difference->difference;
}

/* Tells what the test says of side 0. */
const char *
test_verdict(const TestResult *result)
{
	double		low;
	double		high;
	double		lead = test_lead(result, &low, &high);

	if (!(result->difference.p_value < result->alpha) || lead == 0)
		return "no difference";
	return lead > 0 ? "better" : "worse";
}

/* Appends , "name": number; null for what is none. */
static void
append_number(StringInfo out, const char *name, double value)
{
	char		number[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(value, number);
	appendStringInfo(out, ", \"%s\": %s", name, isfinite(value) ? number : "null");
}

/* Appends the result as one JSON object. */
void
test_write(const TestResult *result, int version, int other_version, StringInfo out)
{
	const StatsDifference *difference = &result->difference;

	appendStringInfo(out, "{\"version\": %d, \"other_version\": %d, \"test\": \"%s\", \"metric\": \"%s\"",
					 version, other_version, test_names[result->kind], result->metric->name);
	appendStringInfo(out, ", \"n\": " INT64_FORMAT ", \"skipped\": " INT64_FORMAT, result->n, result->nskipped);
	if (result->kind == TEST_MCNEMAR)
		appendStringInfo(out, ", \"right_alone\": " INT64_FORMAT ", \"other_right_alone\": " INT64_FORMAT,
						 result->alone[0], result->alone[1]);
	append_number(out, "value", difference->first);
	append_number(out, "other_value", difference->second);
	append_number(out, "difference", difference->difference);
	append_number(out, "ci_low", difference->ci_low);
	append_number(out, "ci_high", difference->ci_high);
	append_number(out, "alpha", result->alpha);
	append_number(out, "statistic", difference->statistic);
	append_number(out, "p_value", difference->p_value);
	appendStringInfo(out, ", \"verdict\": \"%s\"}", test_verdict(result));
}

/* Ends with an error when a test's name is none. */
static void
check_test(const char *test)
{
	const char *nearest;

	if (test == NULL)
		return;
	for (int i = 0; test_names[i] != NULL; i++)
		if (strcmp(test_names[i], test) == 0)
			return;
	nearest = options_nearest(test, test_names, lengthof(test_names) - 1);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown test \"%s\"", test),
			 errdetail("Tests are delong, mcnemar, bootstrap and paired_t."),
			 nearest != NULL ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
}

/* model_test(model, source, version, other_version, test, params): whether a version is better than another on a source. */
Datum
aipipe_model_test(PG_FUNCTION_ARGS)
{
	char	   *model = arg_text(fcinfo, 0, "model");
	char	   *source = arg_text(fcinfo, 1, "source");
	int			version = arg_positive(fcinfo, 2, "version");
	ModelRef	refs[2];
	TestOptions options;
	TestResult	result;
	StringInfoData out;

	test_read_options(PG_ARGISNULL(5) ? NULL : PG_GETARG_JSONB_P(5), &options);
	options.test = arg_optional_text(fcinfo, 4);
	check_test(options.test);
	refs[0] = registry_resolve(model, version, MODEL_PREDICT, GetUserId());
	refs[1] = registry_resolve(model, registry_version_arg(fcinfo, 3), MODEL_PREDICT, GetUserId());
	test_versions(refs, source, &options, &result);
	initStringInfo(&out);
	test_write(&result, refs[0].version, refs[1].version, &out);
	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data)));
}
