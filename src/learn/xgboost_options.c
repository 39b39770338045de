/*-------------------------------------------------------------------------
 *
 * xgboost_options.c
 *	  What algorithm "xgboost" makes of a training's parameters.
 *
 * Options carry the library's own names.  Everything that the library would
 * ignore, guess or crash on is checked or made explicit here: unknown options,
 * options of another booster, targets outside an objective's domain, the score
 * that a model starts from.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "learn/forest.h"
#include "learn/xgboost_options.h"

/* Probabilities and rates that a model starts from stay this far from where the link function ends. */
#define BASE_MARGIN 1e-6

/* Leaves in a tree whose depth alone does not bound it: FOREST_MAX_NODES nodes and no more. */
#define MAX_LEAVES ((FOREST_MAX_NODES + 1) / 2)

/* Depth up to which a full tree has no more than MAX_LEAVES leaves. */
#define FREE_DEPTH 15

typedef struct XgboostOptions
{
	int64		n_estimators;
	int64		max_depth;
	int64		max_leaves;
	int64		max_bin;
	int64		max_cat_to_onehot;
	int64		max_cat_threshold;
	double		learning_rate;
	double		eta;
	double		min_child_weight;
	double		subsample;
	double		colsample_bytree;
	double		colsample_bylevel;
	double		colsample_bynode;
	double		gamma;
	double		min_split_loss;
	double		reg_alpha;
	double		alpha;
	double		reg_lambda;
	double		lambda;
	double		scale_pos_weight;
	double		tweedie_variance_power;
	double		huber_slope;
	double		rate_drop;
	double		skip_drop;
	bool		one_drop;
	char	   *grow_policy;
	char	   *booster;
	char	   *normalize_type;
	char	   *sample_type;
	char	   *objective;
	char	   *categorical;
} XgboostOptions;

static const char *const booster_names[] = {"gbtree", "dart", NULL};
static const char *const grow_policies[] = {"depthwise", "lossguide", NULL};
static const char *const normalize_types[] = {"tree", "forest", NULL};
static const char *const sample_types[] = {"uniform", "weighted", NULL};
static const char *const categorical_ways[] = {"native", "ordinal", NULL};

#define FIELD(name) #name, OPTION_FIELD(XgboostOptions, name)
#define INT_OPTION(name, dflt, min, max) \
	{#name, OPTION_INT, OPTION_FIELD(XgboostOptions, name), dflt, min, max, NULL, NULL}
#define REAL_OPTION(name, dflt, min, max) \
	{#name, OPTION_REAL, OPTION_FIELD(XgboostOptions, name), dflt, min, max, NULL, NULL}
#define BOOL_OPTION(name, dflt) \
	{#name, OPTION_BOOL, OPTION_FIELD(XgboostOptions, name), dflt, 0, 1, NULL, NULL}
#define TEXT_OPTION(name, dflt, choices) \
	{#name, OPTION_TEXT, OPTION_FIELD(XgboostOptions, name), 0, 0, 0, dflt, choices}

/* The last entries are other names of earlier ones and not among the effective parameters. */
static const OptionSpec xgboost_specs[] = {
	TEXT_OPTION(booster, "gbtree", booster_names),
	TEXT_OPTION(categorical, "native", categorical_ways),
	REAL_OPTION(colsample_bylevel, 1, 1e-3, 1),
	REAL_OPTION(colsample_bynode, 1, 1e-3, 1),
	REAL_OPTION(colsample_bytree, 1, 1e-3, 1),
	REAL_OPTION(gamma, 0, 0, 1e30),
	TEXT_OPTION(grow_policy, "depthwise", grow_policies),
	REAL_OPTION(huber_slope, 1, 1e-6, 1e30),
	REAL_OPTION(learning_rate, 0.3, 1e-6, 1),
	INT_OPTION(max_bin, 256, 2, 65535),
	INT_OPTION(max_cat_threshold, 64, 1, 65535),
	INT_OPTION(max_cat_to_onehot, 4, 1, 65535),
	INT_OPTION(max_depth, 6, 0, FOREST_MAX_DEPTH),
	INT_OPTION(max_leaves, 0, 0, MAX_LEAVES),
	REAL_OPTION(min_child_weight, 1, 0, 1e30),
	INT_OPTION(n_estimators, 100, 1, FOREST_MAX_TREES),
	TEXT_OPTION(normalize_type, "tree", normalize_types),
	TEXT_OPTION(objective, NULL, NULL),
	BOOL_OPTION(one_drop, false),
	REAL_OPTION(rate_drop, 0, 0, 1),
	REAL_OPTION(reg_alpha, 0, 0, 1e30),
	REAL_OPTION(reg_lambda, 1, 0, 1e30),
	TEXT_OPTION(sample_type, "uniform", sample_types),
	REAL_OPTION(scale_pos_weight, 1, 1e-6, 1e30),
	REAL_OPTION(skip_drop, 0, 0, 1),
	REAL_OPTION(subsample, 1, 1e-3, 1),
	REAL_OPTION(tweedie_variance_power, 1.5, 1.001, 1.999),
	REAL_OPTION(alpha, 0, 0, 1e30),
	REAL_OPTION(eta, 0.3, 1e-6, 1),
	REAL_OPTION(lambda, 1, 0, 1e30),
	REAL_OPTION(min_split_loss, 0, 0, 1e30)
};

/* Another name of an option, where its value belongs. */
typedef struct XgboostAlias
{
	const char *name;
	size_t		offset;
	const char *canonical;
	size_t		canonical_offset;
} XgboostAlias;

static const XgboostAlias xgboost_aliases[] = {
	{FIELD(alpha), FIELD(reg_alpha)},
	{FIELD(eta), FIELD(learning_rate)},
	{FIELD(lambda), FIELD(reg_lambda)},
	{FIELD(min_split_loss), FIELD(gamma)}
};

/* An option that only one booster or objective looks at. */
typedef struct XgboostCondition
{
	const char *option;
	const char *booster;		/* or NULL when any */
	const char *objective;		/* or NULL when any */
} XgboostCondition;

static const XgboostCondition xgboost_conditions[] = {
	{"huber_slope", NULL, "reg:pseudohubererror"},
	{"normalize_type", "dart", NULL},
	{"one_drop", "dart", NULL},
	{"rate_drop", "dart", NULL},
	{"sample_type", "dart", NULL},
	{"scale_pos_weight", NULL, "binary:logistic"},
	{"skip_drop", "dart", NULL},
	{"tweedie_variance_power", NULL, "reg:tweedie"}
};

/* What the labels of an objective may be. */
typedef enum LabelDomain
{
	LABEL_ANY,
	LABEL_ABOVE_MINUS_ONE,
	LABEL_NOT_NEGATIVE,
	LABEL_POSITIVE
} LabelDomain;

/* What a model starts from before its first tree. */
typedef enum BaseScore
{
	BASE_SHARE,					/* share of the positive class */
	BASE_HALF,					/* the same for every class */
	BASE_MEAN,
	BASE_MEDIAN,
	BASE_LOG_MEAN,				/* mean of log(1 + label), turned back */
	BASE_POSITIVE_MEAN
} BaseScore;

typedef struct XgboostObjective
{
	const char *name;
	const char *library_name;	/* softmax and softprob learn the same trees */
	ModelTask	task;
	int			nclasses;		/* 0 = any number */
	LabelDomain labels;
	BaseScore	base;
} XgboostObjective;

/* The first that fits is the default of its task. */
static const XgboostObjective xgboost_objectives[] = {
	{"binary:logistic", "binary:logistic", TASK_CLASSIFICATION, 2, LABEL_ANY, BASE_SHARE},
	{"multi:softprob", "multi:softprob", TASK_CLASSIFICATION, 0, LABEL_ANY, BASE_HALF},
	{"multi:softmax", "multi:softprob", TASK_CLASSIFICATION, 0, LABEL_ANY, BASE_HALF},
	{"reg:squarederror", "reg:squarederror", TASK_REGRESSION, 0, LABEL_ANY, BASE_MEAN},
	{"reg:absoluteerror", "reg:absoluteerror", TASK_REGRESSION, 0, LABEL_ANY, BASE_MEDIAN},
	{"reg:pseudohubererror", "reg:pseudohubererror", TASK_REGRESSION, 0, LABEL_ANY, BASE_MEDIAN},
	{"reg:squaredlogerror", "reg:squaredlogerror", TASK_REGRESSION, 0, LABEL_ABOVE_MINUS_ONE, BASE_LOG_MEAN},
	{"count:poisson", "count:poisson", TASK_REGRESSION, 0, LABEL_NOT_NEGATIVE, BASE_POSITIVE_MEAN},
	{"reg:gamma", "reg:gamma", TASK_REGRESSION, 0, LABEL_POSITIVE, BASE_POSITIVE_MEAN},
	{"reg:tweedie", "reg:tweedie", TASK_REGRESSION, 0, LABEL_NOT_NEGATIVE, BASE_POSITIVE_MEAN}
};

/* Tells whether the user gave an option. */
static bool
option_given(const Jsonb *params, const char *name)
{
	JsonbValue	value;

	return params != NULL &&
		getKeyJsonValueFromContainer((JsonbContainer *) &params->root, name, strlen(name), &value) != NULL;
}

/* Takes over options that were given by another name; both names at once are an error. */
static void
merge_aliases(const Jsonb *params, XgboostOptions *options)
{
	for (int i = 0; i < lengthof(xgboost_aliases); i++)
	{
		const XgboostAlias *alias = &xgboost_aliases[i];

		if (!option_given(params, alias->name))
			continue;
		if (option_given(params, alias->canonical))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("options \"%s\" and \"%s\" are the same", alias->canonical, alias->name),
					 errhint("Give one of them.")));
		*(double *) ((char *) options + alias->canonical_offset) =
			*(double *) ((char *) options + alias->offset);
	}
}

/* Gives the condition of an option that the chosen booster and objective do not meet, or NULL. */
static const XgboostCondition *
unmet_condition(const char *name, const XgboostOptions *options)
{
	for (int i = 0; i < lengthof(xgboost_conditions); i++)
	{
		const XgboostCondition *condition = &xgboost_conditions[i];

		if (strcmp(condition->option, name) != 0)
			continue;
		if (condition->booster != NULL && strcmp(condition->booster, options->booster) != 0)
			return condition;
		if (condition->objective != NULL && strcmp(condition->objective, options->objective) != 0)
			return condition;
	}
	return NULL;
}

/* Refuses options that the chosen booster or objective would ignore. */
static void
check_conditions(const Jsonb *params, const XgboostOptions *options)
{
	for (int i = 0; i < lengthof(xgboost_conditions); i++)
	{
		const char *name = xgboost_conditions[i].option;
		const XgboostCondition *unmet = unmet_condition(name, options);

		if (unmet == NULL || !option_given(params, name))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" has no effect here", name),
				 unmet->booster
				 ? errdetail("It belongs to booster \"%s\".", unmet->booster)
				 : errdetail("It belongs to objective \"%s\".", unmet->objective)));
	}
}

/* Appends the options that have an effect, defaults included, as JSON. */
static void
write_effective(const XgboostOptions *options, StringInfo effective)
{
	OptionSpec	specs[lengthof(xgboost_specs)];
	int			nspecs = 0;

	for (int i = 0; i < lengthof(xgboost_specs) - lengthof(xgboost_aliases); i++)
	{
		if (unmet_condition(xgboost_specs[i].name, options) == NULL)
			specs[nspecs++] = xgboost_specs[i];
	}
	options_to_json(effective, specs, nspecs, options);
}

/* Gives the objective that was asked for, or the default when none was; nclasses is 0 while it is unknown. */
static const XgboostObjective *
choose_objective(ModelTask task, int nclasses, const char *name)
{
	const char *fitting[lengthof(xgboost_objectives)];
	int			nfitting = 0;
	const char *nearest;

	for (int i = 0; i < lengthof(xgboost_objectives); i++)
	{
		const XgboostObjective *objective = &xgboost_objectives[i];

		if (objective->task != task ||
			(objective->nclasses != 0 && nclasses != 0 && objective->nclasses != nclasses))
			continue;
		if (name == NULL || strcmp(objective->name, name) == 0)
			return objective;
		fitting[nfitting++] = objective->name;
	}
	nearest = options_nearest(name, fitting, nfitting);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("objective \"%s\" does not serve this training", name),
			 nclasses > 0
			 ? errdetail("The task is %s with %d classes.", algorithm_task_name(task), nclasses)
			 : errdetail("The task is %s.", algorithm_task_name(task)),
			 errhint("Perhaps you want \"%s\".", nearest ? nearest : fitting[0])));
}

/* Parses the parameters; the objective becomes explicit. */
static const XgboostObjective *
parse_options(ModelTask task, int nclasses, const Jsonb *params, const char *const *common,
			  XgboostOptions *options)
{
	const XgboostObjective *objective;

	options_parse_some(params, "xgboost", xgboost_specs, lengthof(xgboost_specs), common, options);
	merge_aliases(params, options);
	objective = choose_objective(task, nclasses, options->objective);
	options->objective = pstrdup(objective->name);
	check_conditions(params, options);

	/* the evaluator's bounds on depth and nodes hold for every tree that the library may grow */
	if (options->max_depth == 0)
		options->max_depth = FOREST_MAX_DEPTH;
	if (options->max_depth > FREE_DEPTH && options->max_leaves == 0)
		options->max_leaves = MAX_LEAVES;
	return objective;
}

/* Checks the parameters before the number of classes and the target are known. */
void
xgboost_check_options(ModelTask task, const Jsonb *params, const char *const *common)
{
	XgboostOptions options;

	(void) parse_options(task, 0, params, common, &options);
}

/* Gives the parameter of that name, or NULL. */
const OptionSpec *
xgboost_option(const char *name)
{
	for (int i = 0; i < lengthof(xgboost_specs); i++)
		if (strcmp(xgboost_specs[i].name, name) == 0)
			return &xgboost_specs[i];
	return NULL;
}

/* Tells whether a label lies in the domain; infinities and NaN never do. */
static bool
label_in_domain(float label, LabelDomain domain)
{
	if (!isfinite(label))
		return false;
	switch (domain)
	{
		case LABEL_ANY:
			return true;
		case LABEL_ABOVE_MINUS_ONE:
			return label > -1;
		case LABEL_NOT_NEGATIVE:
			return label >= 0;
		case LABEL_POSITIVE:
			return label > 0;
	}
	return false;
}

/* Refuses targets that the objective cannot learn. */
static void
check_labels(const TrainRequest *request, const XgboostObjective *objective)
{
	static const char *const domains[] = {
		[LABEL_ANY] = "be finite",
		[LABEL_ABOVE_MINUS_ONE] = "be greater than -1",
		[LABEL_NOT_NEGATIVE] = "not be negative",
		[LABEL_POSITIVE] = "be greater than 0"
	};
	int64		nbad = 0;
	float		bad = 0;

	for (int64 i = 0; i < request->rows->nrows; i++)
	{
		if (label_in_domain(request->labels[i], objective->labels))
			continue;
		if (nbad++ == 0)
			bad = request->labels[i];
	}
	if (nbad > 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("objective \"%s\" cannot learn this target", objective->name),
				 errdetail("The target must %s; " INT64_FORMAT " of " INT64_FORMAT " values are not so, the first is %g.",
						   domains[objective->labels], nbad, request->rows->nrows, bad)));
}

/* Refuses what would crash the library or give a model that says nothing. */
static void
check_request(const TrainRequest *request, const XgboostOptions *options, const XgboostObjective *objective)
{
	int64		ngroups = request->task == TASK_CLASSIFICATION ? request->nclasses : 1;

	if (request->rows->nrows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are no rows to train on")));
	if (request->rows->ncols > FOREST_MAX_FEATURES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many features to train on"),
				 errdetail("There are %d features, the limit is %d.", request->rows->ncols, FOREST_MAX_FEATURES)));
	if (request->task == TASK_CLASSIFICATION && request->nclasses < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the target has fewer than two classes")));
	if (ngroups > FOREST_MAX_GROUPS || ngroups * options->n_estimators > FOREST_MAX_TREES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the model would have too many trees"),
				 errdetail(INT64_FORMAT " rounds of " INT64_FORMAT " trees are more than %d trees or %d classes.",
						   options->n_estimators, ngroups, FOREST_MAX_TREES, FOREST_MAX_GROUPS)));
	check_labels(request, objective);
}

/* Orders floats. */
static int
float_compare(const void *a, const void *b)
{
	float		x = *(const float *) a;
	float		y = *(const float *) b;

	return (x > y) - (x < y);
}

/* Gives the median of the labels. */
static double
labels_median(const float *labels, int64 nrows)
{
	Size		bytes = mul_size(nrows, sizeof(float));
	float	   *sorted = MemoryContextAllocHuge(CurrentMemoryContext, bytes);
	double		median;

	memcpy(sorted, labels, bytes);
	qsort(sorted, nrows, sizeof(float), float_compare);
	median = ((double) sorted[(nrows - 1) / 2] + (double) sorted[nrows / 2]) / 2;
	pfree(sorted);
	return median;
}

/* Gives the mean of the labels, of log(1 + label) when asked for. */
static double
labels_mean(const float *labels, int64 nrows, bool of_logs)
{
	double		total = 0;

	for (int64 i = 0; i < nrows; i++)
		total += of_logs ? log1p(labels[i]) : (double) labels[i];
	return total / (double) nrows;
}

/* Gives what the model starts from: the best constant, away from where the link function ends. */
static double
base_score(const TrainRequest *request, BaseScore base)
{
	const float *labels = request->labels;
	int64		nrows = request->rows->nrows;

	switch (base)
	{
		case BASE_SHARE:
			return Min(Max(labels_mean(labels, nrows, false), BASE_MARGIN), 1 - BASE_MARGIN);
		case BASE_HALF:
			return 0.5;
		case BASE_MEAN:
			return labels_mean(labels, nrows, false);
		case BASE_MEDIAN:
			return labels_median(labels, nrows);
		case BASE_LOG_MEAN:
			return Max(expm1(labels_mean(labels, nrows, true)), -1 + BASE_MARGIN);
		case BASE_POSITIVE_MEAN:
			return Max(labels_mean(labels, nrows, false), 1e-30);
	}
	return 0.5;
}

/* Adds a text parameter. */
static void
add_param(XgboostPlan *plan, const char *name, const char *value)
{
	Assert(plan->nparams < XGBOOST_MAX_PARAMS);
	plan->params[plan->nparams].name = name;
	plan->params[plan->nparams].value = value;
	plan->nparams++;
}

/* Adds a number parameter. */
static void
add_number(XgboostPlan *plan, const char *name, double value)
{
	add_param(plan, name, psprintf("%.9g", value));
}

/* Adds an integer parameter. */
static void
add_integer(XgboostPlan *plan, const char *name, int64 value)
{
	add_param(plan, name, psprintf(INT64_FORMAT, value));
}

/* Translates the options to the library's parameters. */
static void
build_params(const TrainRequest *request, const XgboostOptions *o,
			 const XgboostObjective *objective, XgboostPlan *plan)
{
	plan->nparams = 0;
	add_param(plan, "booster", o->booster);
	add_param(plan, "objective", objective->library_name);
	add_number(plan, "base_score", base_score(request, objective->base));
	add_integer(plan, "seed", (int64) (request->seed & PG_INT32_MAX));
	if (objective->base == BASE_HALF)
		add_integer(plan, "num_class", request->nclasses);
	add_number(plan, "eta", o->learning_rate);
	add_number(plan, "gamma", o->gamma);
	add_integer(plan, "max_depth", o->max_depth);
	add_integer(plan, "max_leaves", o->max_leaves);
	add_number(plan, "min_child_weight", o->min_child_weight);
	add_number(plan, "subsample", o->subsample);
	add_number(plan, "colsample_bytree", o->colsample_bytree);
	add_number(plan, "colsample_bylevel", o->colsample_bylevel);
	add_number(plan, "colsample_bynode", o->colsample_bynode);
	add_number(plan, "alpha", o->reg_alpha);
	add_number(plan, "lambda", o->reg_lambda);
	add_param(plan, "grow_policy", o->grow_policy);
	add_integer(plan, "max_cat_to_onehot", o->max_cat_to_onehot);
	add_integer(plan, "max_cat_threshold", o->max_cat_threshold);
	if (objective->base == BASE_SHARE)
		add_number(plan, "scale_pos_weight", o->scale_pos_weight);
	if (strcmp(objective->name, "reg:pseudohubererror") == 0)
		add_number(plan, "huber_slope", o->huber_slope);
	if (strcmp(objective->name, "reg:tweedie") == 0)
		add_number(plan, "tweedie_variance_power", o->tweedie_variance_power);
	if (strcmp(o->booster, "dart") == 0)
	{
		add_number(plan, "rate_drop", o->rate_drop);
		add_number(plan, "skip_drop", o->skip_drop);
		add_param(plan, "one_drop", o->one_drop ? "1" : "0");
		add_param(plan, "normalize_type", o->normalize_type);
		add_param(plan, "sample_type", o->sample_type);
	}
}

/* Tells whether any row has a value of the feature. */
static bool
has_value(const Matrix *rows, int feature)
{
	for (int64 row = 0; row < rows->nrows; row++)
	{
		if (!isnan(matrix_row(rows, row)[feature]))
			return true;
	}
	return false;
}

/*
 * Gives which features are split by sets of categories.  One without any value
 * is left out: the library reads beyond the end of its list of categories then.
 */
static uint8 *
categorical_features(const TrainRequest *request, const XgboostOptions *options)
{
	uint8	   *categorical = palloc0(request->rows->ncols);

	if (strcmp(options->categorical, "native") != 0)
		return categorical;
	for (int i = 0; i < request->rows->ncols; i++)
		categorical[i] = request->encoder->features[i].categorical && has_value(request->rows, i);
	return categorical;
}

/* Checks the parameters and the target and plans the training. */
void
xgboost_plan(const TrainRequest *request, XgboostPlan *plan, StringInfo effective)
{
	XgboostOptions options;
	const XgboostObjective *objective = parse_options(request->task, request->nclasses, request->params,
													  request->common, &options);

	check_request(request, &options, objective);
	write_effective(&options, effective);

	build_params(request, &options, objective, plan);
	plan->categorical = categorical_features(request, &options);
	plan->rounds = (int) options.n_estimators;
	plan->max_bin = (int) options.max_bin;
	plan->ngroups = objective->base == BASE_HALF ? request->nclasses : 1;
	plan->dart = strcmp(options.booster, "dart") == 0;
	plan->depth = (int) options.max_depth;
	if (options.max_leaves > 0)
		plan->depth = Min(plan->depth, (int) ceil(log2((double) options.max_leaves)));
}
