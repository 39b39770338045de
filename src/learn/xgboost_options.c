/*-------------------------------------------------------------------------
 *
 * xgboost_options.c
 *	  What algorithm "xgboost" makes of a training's parameters.
 *
 * Options carry the library's own names.  Everything that the library would
 * ignore, guess or crash on is checked or made explicit here: unknown options,
 * options of another booster, weights that say nothing.  What hangs on the objective
 * is in xgboost_objective.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "learn/forest.h"
#include "learn/xgboost_constraints.h"
#include "learn/xgboost_objective.h"
#include "learn/xgboost_options.h"

/* Leaves in a tree whose depth alone does not bound it: FOREST_MAX_NODES nodes and no more. */
#define MAX_LEAVES ((FOREST_MAX_NODES + 1) / 2)

/* Depth up to which a full tree has no more than MAX_LEAVES leaves. */
#define FREE_DEPTH 15

typedef struct XgboostOptions
{
	int64		n_estimators;
	int64		num_parallel_tree;
	int64		early_stopping_rounds;
	int64		max_depth;
	int64		max_leaves;
	int64		max_bin;
	int64		max_cat_to_onehot;
	int64		max_cat_threshold;
	double		learning_rate;
	double		eta;
	double		min_child_weight;
	double		max_delta_step;
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
	double		quantile_alpha;
	double		rate_drop;
	double		skip_drop;
	bool		one_drop;
	char	   *grow_policy;
	char	   *booster;
	char	   *normalize_type;
	char	   *sample_type;
	char	   *objective;
	char	   *eval_metric;
	char	   *categorical;
	Jsonb	   *monotone_constraints;
	Jsonb	   *interaction_constraints;
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
#define JSON_OPTION(name) \
	{#name, OPTION_JSON, OPTION_FIELD(XgboostOptions, name), 0, 0, 0, NULL, NULL}

/* The last entries are other names of earlier ones and not among the effective parameters. */
static const OptionSpec xgboost_specs[] = {
	TEXT_OPTION(booster, "gbtree", booster_names),
	TEXT_OPTION(categorical, "native", categorical_ways),
	REAL_OPTION(colsample_bylevel, 1, 1e-3, 1),
	REAL_OPTION(colsample_bynode, 1, 1e-3, 1),
	REAL_OPTION(colsample_bytree, 1, 1e-3, 1),
	INT_OPTION(early_stopping_rounds, 0, 0, FOREST_MAX_TREES),
	TEXT_OPTION(eval_metric, NULL, NULL),
	REAL_OPTION(gamma, 0, 0, 1e30),
	TEXT_OPTION(grow_policy, "depthwise", grow_policies),
	REAL_OPTION(huber_slope, 1, 1e-6, 1e30),
	JSON_OPTION(interaction_constraints),
	REAL_OPTION(learning_rate, 0.3, 1e-6, 1),
	INT_OPTION(max_bin, 256, 2, 65535),
	INT_OPTION(max_cat_threshold, 64, 1, 65535),
	INT_OPTION(max_cat_to_onehot, 4, 1, 65535),
	REAL_OPTION(max_delta_step, 0, 0, 1e30),
	INT_OPTION(max_depth, 6, 0, FOREST_MAX_DEPTH),
	INT_OPTION(max_leaves, 0, 0, MAX_LEAVES),
	REAL_OPTION(min_child_weight, 1, 0, 1e30),
	JSON_OPTION(monotone_constraints),
	INT_OPTION(n_estimators, 100, 1, FOREST_MAX_TREES),
	TEXT_OPTION(normalize_type, "tree", normalize_types),
	INT_OPTION(num_parallel_tree, 1, 1, FOREST_MAX_TREES),
	TEXT_OPTION(objective, NULL, NULL),
	BOOL_OPTION(one_drop, false),
	REAL_OPTION(quantile_alpha, 0.5, 1e-6, 1 - 1e-6),
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
	{"quantile_alpha", NULL, "reg:quantileerror"},
	{"rate_drop", "dart", NULL},
	{"sample_type", "dart", NULL},
	{"scale_pos_weight", NULL, "binary:logistic"},
	{"skip_drop", "dart", NULL},
	{"tweedie_variance_power", NULL, "reg:tweedie"}
};

/* Tells whether the user gave an option. */
static bool
option_given(const Jsonb *params, const char *name)
{
	JsonbValue	value;

	/* null means the default */
	return params != NULL &&
		getKeyJsonValueFromContainer((JsonbContainer *) &params->root, name, strlen(name), &value) != NULL &&
		value.type != jbvNull;
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

/* Refuses options that only something else than booster and objective makes pointless. */
static void
check_pointless(const XgboostOptions *options, const XgboostObjective *objective)
{
	if (options->eval_metric != NULL && options->early_stopping_rounds == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"eval_metric\" has no effect here"),
				 errdetail("It says when to stop early."),
				 errhint("Give option \"early_stopping_rounds\" too.")));
	if (options->num_parallel_tree > 1 &&
		(objective->base == BASE_QUANTILE || strcmp(objective->name, "reg:absoluteerror") == 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("objective \"%s\" grows one tree a round", objective->name),
				 errdetail("Option \"num_parallel_tree\" is " INT64_FORMAT ".", options->num_parallel_tree)));
}

/* Parses the parameters; the objective becomes explicit. */
static const XgboostObjective *
parse_options(ModelTask task, int nclasses, const Jsonb *params, const char *const *common,
			  XgboostOptions *options, XgboostMetric *metric)
{
	const XgboostObjective *objective;

	options_parse_some(params, "xgboost", xgboost_specs, lengthof(xgboost_specs), common, options);
	merge_aliases(params, options);
	objective = xgboost_objective(task, nclasses, options->objective);
	options->objective = pstrdup(objective->name);
	check_conditions(params, options);
	check_pointless(options, objective);
	if (options->early_stopping_rounds > 0)
	{
		/* without the number of classes the objective may yet be another, and so its metrics */
		if (task != TASK_CLASSIFICATION || nclasses > 0 || options->eval_metric == NULL)
			xgboost_metric(objective, options->eval_metric, options->tweedie_variance_power, metric);
	}
	xgboost_check_monotone(options->monotone_constraints);
	xgboost_check_interaction(options->interaction_constraints);
	/* the library's own default for it */
	if (strcmp(objective->name, "count:poisson") == 0 && !option_given(params, "max_delta_step"))
		options->max_delta_step = 0.7;

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
	XgboostMetric metric;

	xgboost_objective_check_library(parse_options(task, 0, params, common, &options, &metric));
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

/* Refuses what would crash the library or give a model that says nothing. */
static void
check_request(const TrainRequest *request, const XgboostOptions *options, const XgboostObjective *objective)
{
	int64		ngroups = xgboost_objective_multiclass(objective) ? request->nclasses : 1;
	double		ntrees = (double) ngroups * options->n_estimators * options->num_parallel_tree;

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
	if (request->task == TASK_RANKING && request->groups == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ranking needs a group for every row")));
	if (ntrees > FOREST_MAX_TREES || ngroups > FOREST_MAX_GROUPS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the model would have too many trees"),
				 errdetail(INT64_FORMAT " rounds of " INT64_FORMAT " trees are more than %d trees or %d classes.",
						   options->n_estimators, ngroups * options->num_parallel_tree,
						   FOREST_MAX_TREES, FOREST_MAX_GROUPS)));
	if (options->early_stopping_rounds > 0 &&
		(request->validation == NULL || request->validation->rows->nrows == 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("stopping early needs rows that say when to stop"),
				 errdetail("Option \"early_stopping_rounds\" is given and there are no validation rows."),
				 errhint("Give option \"validation\", the share of such rows.")));
}

/* Refuses weights that cannot be weighed with. */
static void
check_weights(const float *weights, const int32 *groups, int64 nrows)
{
	double		total = 0;

	if (weights == NULL)
		return;
	for (int64 i = 0; i < nrows; i++)
	{
		if (groups != NULL && i > 0 && groups[i] == groups[i - 1] && weights[i] != weights[i - 1])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("rows of one group have different weights"),
					 errdetail("One has the weight %g, another one %g.", weights[i - 1], weights[i]),
					 errhint("In ranking a weight is that of a group: give all its rows the same.")));
		total += weights[i];
	}
	if (!(total > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the weights of all rows are 0")));
}

/* Refuses rows, to learn from or to stop by, that objective or metric cannot take. */
static void
check_data(const TrainRequest *request, const XgboostOptions *options, const XgboostObjective *objective,
		   const XgboostMetric *metric)
{
	bool		ranking = request->task == TASK_RANKING;
	const TrainSet *validation = options->early_stopping_rounds > 0 ? request->validation : NULL;

	xgboost_check_labels(request->labels, request->rows->nrows, objective, NULL);
	check_weights(request->weights, ranking ? request->groups : NULL, request->rows->nrows);
	if (validation == NULL)
		return;
	xgboost_check_labels(validation->labels, validation->rows->nrows, objective, NULL);
	xgboost_check_labels(validation->labels, validation->rows->nrows, objective, metric);
	check_weights(validation->weights, ranking ? validation->groups : NULL, validation->rows->nrows);
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

/* Adds the parameters that belong to one objective. */
static void
build_objective_params(const TrainRequest *request, const XgboostOptions *o,
					   const XgboostObjective *objective, XgboostPlan *plan)
{
	add_param(plan, "objective", objective->library_name);
	add_number(plan, "base_score", xgboost_base_score(objective, request->labels, request->weights,
													  request->rows->nrows, o->quantile_alpha));
	if (xgboost_objective_multiclass(objective))
		add_integer(plan, "num_class", request->nclasses);
	if (objective->base == BASE_SHARE)
		add_number(plan, "scale_pos_weight", o->scale_pos_weight);
	if (strcmp(objective->name, "reg:pseudohubererror") == 0)
		add_number(plan, "huber_slope", o->huber_slope);
	if (strcmp(objective->name, "reg:tweedie") == 0)
		add_number(plan, "tweedie_variance_power", o->tweedie_variance_power);
	if (objective->base == BASE_QUANTILE)
		add_number(plan, "quantile_alpha", o->quantile_alpha);
}

/* Adds what bounds the trees' splits. */
static void
build_constraints(const TrainRequest *request, const XgboostOptions *o, XgboostPlan *plan)
{
	char	   *sets;

	if (o->monotone_constraints != NULL)
		add_param(plan, "monotone_constraints",
				  xgboost_monotone(o->monotone_constraints, request->encoder, plan->categorical));
	if (o->interaction_constraints != NULL &&
		(sets = xgboost_interaction(o->interaction_constraints, request->encoder)) != NULL)
		add_param(plan, "interaction_constraints", sets);
}

/* Translates the options to the library's parameters. */
static void
build_params(const TrainRequest *request, const XgboostOptions *o,
			 const XgboostObjective *objective, XgboostPlan *plan)
{
	plan->nparams = 0;
	add_param(plan, "booster", o->booster);
	build_objective_params(request, o, objective, plan);
	add_integer(plan, "seed", (int64) (request->seed & PG_INT32_MAX));
	add_integer(plan, "num_parallel_tree", o->num_parallel_tree);
	add_number(plan, "eta", o->learning_rate);
	add_number(plan, "gamma", o->gamma);
	add_integer(plan, "max_depth", o->max_depth);
	add_integer(plan, "max_leaves", o->max_leaves);
	add_number(plan, "min_child_weight", o->min_child_weight);
	add_number(plan, "max_delta_step", o->max_delta_step);
	add_number(plan, "subsample", o->subsample);
	add_number(plan, "colsample_bytree", o->colsample_bytree);
	add_number(plan, "colsample_bylevel", o->colsample_bylevel);
	add_number(plan, "colsample_bynode", o->colsample_bynode);
	add_number(plan, "alpha", o->reg_alpha);
	add_number(plan, "lambda", o->reg_lambda);
	add_param(plan, "grow_policy", o->grow_policy);
	add_integer(plan, "max_cat_to_onehot", o->max_cat_to_onehot);
	add_integer(plan, "max_cat_threshold", o->max_cat_threshold);
	build_constraints(request, o, plan);
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

/* Gives the depth of the largest tree when it is full. */
static int
tree_depth(const XgboostOptions *options)
{
	int			depth = (int) options->max_depth;

	if (options->max_leaves > 0)
		depth = Min(depth, (int) ceil(log2((double) options->max_leaves)));
	return depth;
}

/* Checks the parameters and the data and plans the training. */
void
xgboost_plan(const TrainRequest *request, XgboostPlan *plan, StringInfo effective)
{
	XgboostOptions options;
	XgboostMetric metric = {0};
	const XgboostObjective *objective = parse_options(request->task, request->nclasses, request->params,
													  request->common, &options, &metric);

	xgboost_objective_check_library(objective);
	check_request(request, &options, objective);
	check_data(request, &options, objective, &metric);
	if (options.early_stopping_rounds > 0)
		options.eval_metric = pstrdup(metric.name);
	write_effective(&options, effective);

	plan->categorical = categorical_features(request, &options);
	build_params(request, &options, objective, plan);
	plan->rounds = (int) options.n_estimators;
	plan->max_bin = (int) options.max_bin;
	plan->dart = strcmp(options.booster, "dart") == 0;
	plan->patience = (int) options.early_stopping_rounds;
	plan->metric = metric.name;
	plan->higher_is_better = metric.higher_is_better;
}

/* Gives what the estimate of memory goes by. */
void
xgboost_size(const TrainSize *size, XgbSize *out)
{
	XgboostOptions options;
	XgboostMetric metric;
	const XgboostObjective *objective = parse_options(size->task, size->nclasses, size->params, size->common,
													  &options, &metric);

	memset(out, 0, sizeof(XgbSize));
	out->nrows = size->nrows;
	out->nvalidation = options.early_stopping_rounds > 0 ? size->nvalidation : 0;
	out->ncols = size->ncols;
	out->max_bin = (int) options.max_bin;
	out->depth = tree_depth(&options);
	out->ngroups = xgboost_objective_multiclass(objective) ? Max(size->nclasses, 2) : 1;
	out->ntrees = (int) options.num_parallel_tree;
	out->rounds = (int) options.n_estimators;
	out->dart = strcmp(options.booster, "dart") == 0;
	out->weighted = size->weighted;
	out->ranked = size->task == TASK_RANKING;
}
