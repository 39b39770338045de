/*-------------------------------------------------------------------------
 *
 * train_options.c
 *	  The options that every training has.
 *
 * What can be known without rows is checked here, before any is read: unknown
 * options, values out of range, options of another task, options that need one
 * another.  The algorithm checks its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "model/train_int.h"

/* Share of the rows that validates when it is needed and not said. */
#define DEFAULT_VALIDATION 0.2

/* At least this share of the rows teaches. */
#define LEAST_TEACHING 0.05

static const char *const split_names[] = {"stratified", "random", "time", "group", NULL};
static const char *const calibration_names[] = {"none", "platt", "isotonic", NULL};

static const OptionSpec common_specs[] = {
	{"seed", OPTION_INT, OPTION_FIELD(TrainOptions, seed), 0, 0, 9007199254740991.0, NULL, NULL},
	{"holdout", OPTION_REAL, OPTION_FIELD(TrainOptions, holdout), 0.2, 0, 0.9, NULL, NULL},
	{"validation", OPTION_REAL, OPTION_FIELD(TrainOptions, validation), -1, 0, 0.9, NULL, NULL},
	{"sample", OPTION_REAL, OPTION_FIELD(TrainOptions, sample), 1, 0.000001, 1, NULL, NULL},
	{"split", OPTION_TEXT, OPTION_FIELD(TrainOptions, split), 0, 0, 0, NULL, split_names},
	{"split_column", OPTION_TEXT, OPTION_FIELD(TrainOptions, split_column), 0, 0, 0, NULL, NULL},
	{"group", OPTION_TEXT, OPTION_FIELD(TrainOptions, group), 0, 0, 0, NULL, NULL},
	{"weight", OPTION_TEXT, OPTION_FIELD(TrainOptions, weight), 0, 0, 0, NULL, NULL},
	{"class_weight", OPTION_JSON, OPTION_FIELD(TrainOptions, class_weight), 0, 0, 0, NULL, NULL},
	{"calibration", OPTION_TEXT, OPTION_FIELD(TrainOptions, calibration), 0, 0, 0, "none", calibration_names},
	{"threshold", OPTION_JSON, OPTION_FIELD(TrainOptions, threshold), 0, 0, 0, NULL, NULL},
	{"search", OPTION_JSON, OPTION_FIELD(TrainOptions, search), 0, 0, 0, NULL, NULL},
	{"max_categories", OPTION_INT, OPTION_FIELD(TrainOptions, max_categories), 64, 1, 10000, NULL, NULL},
	{"text_buckets", OPTION_INT, OPTION_FIELD(TrainOptions, text_buckets), 8, 0, 1024, NULL, NULL},
	{"positive", OPTION_TEXT, OPTION_FIELD(TrainOptions, positive), 0, 0, 0, NULL, NULL}
};

#define SERVES(task) (1 << (task))
#define CLASSES SERVES(TASK_CLASSIFICATION)
#define TEACHES (SERVES(TASK_CLASSIFICATION) | SERVES(TASK_REGRESSION) | SERVES(TASK_RANKING))

/* The tasks of an option that does not serve all of them. */
typedef struct OptionTasks
{
	const char *option;
	int			tasks;
	const char *names;			/* for the message */
} OptionTasks;

static const OptionTasks option_tasks[] = {
	{"calibration", CLASSES, "classification"},
	{"class_weight", CLASSES, "classification"},
	{"group", SERVES(TASK_RANKING), "ranking"},
	{"positive", CLASSES, "classification"},
	{"search", TEACHES, "classification, regression or ranking"},
	{"split", TEACHES, "classification, regression or ranking"},
	{"split_column", CLASSES | SERVES(TASK_REGRESSION), "classification or regression"},
	{"threshold", CLASSES | SERVES(TASK_ANOMALY), "classification or anomaly"},
	{"weight", TEACHES, "classification, regression or ranking"}
};

/* Tells whether an option serves a task. */
static bool
option_serves(const char *option, ModelTask task)
{
	for (int i = 0; i < lengthof(option_tasks); i++)
		if (strcmp(option_tasks[i].option, option) == 0)
			return (option_tasks[i].tasks & SERVES(task)) != 0;
	return true;
}

/* Gives the names of the common options of a task, NULL-terminated. */
static const char *const *
common_names(ModelTask task)
{
	const char **names = palloc(sizeof(char *) * (lengthof(common_specs) + 1));
	int			n = 0;

	for (int i = 0; i < lengthof(common_specs); i++)
		if (option_serves(common_specs[i].name, task))
			names[n++] = common_specs[i].name;
	names[n] = NULL;
	return names;
}

/* Tells whether an option was given, be it null. */
bool
train_option_given(const Training *training, const char *option)
{
	return options_value(training->spec->params, option) != NULL;
}

/* Ends with an error for options that say nothing to the task. */
static void
check_tasks(const TrainSpec *spec)
{
	/* a null too: the algorithm would not know the option */
	for (int i = 0; i < lengthof(option_tasks); i++)
		if (!option_serves(option_tasks[i].option, spec->task) &&
			options_value(spec->params, option_tasks[i].option) != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" of %s is for task %s", option_tasks[i].option, spec->function,
							option_tasks[i].names)));
}

/* Chooses how rows are split when that is not said, and checks that it can be done so. */
static void
check_split(const TrainSpec *spec, TrainOptions *options)
{
	const char *usual = spec->task == TASK_CLASSIFICATION ? "stratified"
		: spec->task == TASK_RANKING ? "group" : "random";
	bool		by_column;

	if (options->split == NULL)
		options->split = pstrdup(usual);
	if (spec->task == TASK_RANKING && strcmp(options->split, "group") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("task ranking cannot be split as \"%s\"", options->split),
				 errdetail("The rows of a group belong together, so whole groups are held out."),
				 errhint("Leave out option \"split\".")));
	if (spec->task == TASK_RANKING && options->group == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("task ranking needs a group column"),
				 errhint("Name the column whose values say which rows are ranked together in option \"group\".")));
	if (spec->task != TASK_CLASSIFICATION && strcmp(options->split, "stratified") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split \"stratified\" of %s is for task classification", spec->function),
				 errhint("Use \"random\", \"time\" or \"group\".")));
	by_column = strcmp(options->split, "time") == 0 ||
		(strcmp(options->split, "group") == 0 && spec->task != TASK_RANKING);
	if (by_column && options->split_column == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split \"%s\" of %s needs a column", options->split, spec->function),
				 errhint("Name it in option \"split_column\".")));
	if (!by_column && options->split_column != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"split_column\" has no effect here"),
				 errdetail("It belongs to the splits \"time\" and \"group\"; this one is \"%s\".", options->split)));
}

/* Tells whether the algorithm was asked to stop when validating rows get no better. */
static bool
stops_early(const Jsonb *params)
{
	const JsonbValue *value = options_value(params, "early_stopping_rounds");

	return value != NULL && value->type == jbvNumeric &&
		DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric))) > 0;
}

/* Tells whether rows choose the threshold. */
bool
train_chooses_threshold(const Training *training)
{
	return training->threshold_rule != NULL && threshold_is_chosen(training->threshold_rule);
}

/* Ends with an error when the shares leave too few rows that teach. */
static void
check_shares(const Training *training)
{
	const TrainOptions *options = &training->options;

	if (options->holdout + options->validation > 1 - LEAST_TEACHING)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options \"holdout\" and \"validation\" of %s leave too few rows that teach", training->spec->function),
				 errdetail("They are %g and %g; their sum may be %g.", options->holdout, options->validation,
						   1 - LEAST_TEACHING)));
}

/* Sets the share of validating rows when it is not said, and checks that there are some when they are needed. */
static void
check_validation(Training *training)
{
	const TrainSpec *spec = training->spec;
	TrainOptions *options = &training->options;

	training->stops_early = stops_early(spec->params);
	training->validates = training->stops_early ||
		training->calibration_method != CALIBRATION_NONE ||
		train_chooses_threshold(training);
	if (options->validation < 0)
		options->validation = training->validates ? DEFAULT_VALIDATION : 0;
	if (training->validates && options->validation == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"validation\" of %s cannot be 0 here", spec->function),
				 errdetail("Early stopping, calibration and the choice of a threshold need rows that did not teach."),
				 errhint("Leave it out for a share of %g.", DEFAULT_VALIDATION)));
}

/* Reads "auto" as "balanced". */
static void
check_class_weight(Training *training)
{
	TrainOptions *options = &training->options;

	if (options->class_weight == NULL)
		return;
	train_check_class_weight(options->class_weight, training->spec->function);
	if (JB_ROOT_IS_SCALAR(options->class_weight))
		options->class_weight = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("\"balanced\"")));
}

/* Gives the algorithm that was named, or the task's default; labels of anomalies want one that learns from them. */
static const Algorithm *
pick_algorithm(const TrainSpec *spec)
{
	bool		labelled = spec->task == TASK_ANOMALY && spec->target != NULL;
	const Algorithm *algorithm = spec->algorithm ? algorithm_find(spec->algorithm)
		: labelled ? &algorithm_xgbod : algorithm_default(spec->task);

	if (spec->task == TASK_ANOMALY && labelled != (algorithm == &algorithm_xgbod))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 labelled ? errmsg("algorithm \"%s\" does not learn from labels", algorithm->name)
				 : errmsg("algorithm \"%s\" needs labels", algorithm->name),
				 labelled ? errhint("Leave out option \"algorithm\", or option \"label\".")
				 : errhint("Name the column that tells which rows are anomalous in option \"label\".")));
	return algorithm;
}

/* Reads the common options and picks the algorithm, which checks its own ones. */
void
train_read_options(Training *training)
{
	const TrainSpec *spec = training->spec;
	TrainOptions *options = &training->options;

	training->algorithm = pick_algorithm(spec);
	if (!training->algorithm->serves(spec->task))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("algorithm \"%s\" does not serve task %s", training->algorithm->name,
						algorithm_task_name(spec->task))));

	/* everything that is not common is left to the algorithm, which refuses what it does not know */
	options_parse_own(spec->params, spec->function, common_specs, lengthof(common_specs), options);
	check_tasks(spec);
	training->params = spec->params;
	training->common = common_names(spec->task);
	training->algorithm->check(spec->task, spec->params, training->common);
	if (spec->task == TASK_ANOMALY)
	{
		train_read_flags(training);
		check_shares(training);
		return;
	}
	check_split(spec, options);
	check_class_weight(training);
	training->calibration_method = calibration_method(options->calibration);
	training->threshold_rule = threshold_parse(options->threshold);
	check_validation(training);
	check_shares(training);
	if (options->search != NULL)
		search_check(options->search, spec->params, training->common, (uint64) options->seed, spec->task,
					 training->algorithm);
}

/* Joins the common and the algorithm's effective parameters to one JSON object. */
char *
train_effective_params(const Training *training, const char *algorithm_params)
{
	OptionSpec	specs[lengthof(common_specs)];
	int			nspecs = 0;
	StringInfoData out;

	for (int i = 0; i < lengthof(common_specs); i++)
		if (option_serves(common_specs[i].name, training->spec->task))
			specs[nspecs++] = common_specs[i];
	initStringInfo(&out);
	options_to_json(&out, specs, nspecs, &training->options);
	if (strlen(algorithm_params) > 2)
	{
		out.data[--out.len] = '\0';
		appendStringInfo(&out, ", %s", algorithm_params + 1);
	}
	return out.data;
}
