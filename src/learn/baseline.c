/*-------------------------------------------------------------------------
 *
 * baseline.c
 *	  Algorithm "baseline": one constant, the best that knows no column.
 *
 * The shares of the classes, the mean or the median: what any other model has
 * to beat.  It is a rule table without rules (rules.h).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "learn/compiled.h"
#include "learn/rules.h"

typedef struct BaselineOptions
{
	char	   *statistic;
} BaselineOptions;

static const char *const statistics[] = {"mean", "median", NULL};

static const OptionSpec baseline_options[] = {
	{"statistic", OPTION_TEXT, OPTION_FIELD(BaselineOptions, statistic), .choices = statistics},
};

/* Reads the options; the statistic becomes explicit where there is one. */
static void
read_options(ModelTask task, const Jsonb *params, const char *const *common, BaselineOptions *options)
{
	options_parse_some(params, "baseline", baseline_options, lengthof(baseline_options), common, options);
	if (task != TASK_CLASSIFICATION)
	{
		if (options->statistic == NULL)
			options->statistic = pstrdup("mean");
	}
	else if (options->statistic != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"statistic\" of baseline is for task regression or ranking"),
				 errdetail("Of classes the baseline is their shares.")));
}

/* Checks the parameters before any row is read. */
static void
baseline_check(ModelTask task, const Jsonb *params, const char *const *common)
{
	BaselineOptions options;

	read_options(task, params, common, &options);
}

/* Estimates what a training takes beside the data. */
static Size
baseline_estimate(const TrainSize *size)
{
	baseline_check(size->task, size->params, size->common);
	return rules_fit_bytes(0, size->nclasses);
}

/* Learns the constant. */
static void
baseline_train(const TrainRequest *request, TrainResult *result)
{
	RuleTable	table = {0};
	BaselineOptions options;

	read_options(request->task, request->params, request->common, &options);
	initStringInfo(&result->artifact);
	initStringInfo(&result->compiled);
	initStringInfo(&result->params);
	options_to_json(&result->params, baseline_options, lengthof(baseline_options), &options);
	rules_set_shape(&table, request->task, request->nclasses, request->rows->ncols);
	rules_fit(&table, NULL, options.statistic != NULL && strcmp(options.statistic, "median") == 0, request);
	rules_finish(&table, result);
	result->peak_bytes = rules_fit_bytes(0, request->nclasses);
}

/* Opens a compiled form for scoring. */
static LoadedModel *
baseline_load(const char *compiled, Size len)
{
	LoadedModel *model = rules_load(&algorithm_baseline, compiled, len);

	if (((const RuleTable *) model->state)->nrules > 0)
		compiled_corrupted("A baseline has no rules.");
	return model;
}

const Algorithm algorithm_baseline = {
	.name = "baseline",
	.serves = rules_serves,
	.check = baseline_check,
	.estimate = baseline_estimate,
	.train = baseline_train,
	.compile = rules_compile,
	.open = baseline_load,
	.margin = rules_margin,
	.values = rules_values,
	.explain = rules_explain,
	.importance = rules_importance
};
