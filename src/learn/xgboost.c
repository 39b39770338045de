/*-------------------------------------------------------------------------
 *
 * xgboost.c
 *	  Algorithm "xgboost": gradient-boosted trees, trained by the library,
 *	  served by our own evaluator.
 *
 * The library's bytes are not trusted: they go through the strict reader, what
 * is kept is the canonical form that we wrote, and before it is handed out the
 * compiled form of that must give the margins of the library's own model bit for
 * bit on rows of the training data.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/float.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "learn/forest.h"
#include "learn/xgb.h"
#include "learn/xgboost_options.h"

/* Rows of the training data on which evaluator and library must agree. */
#define PARITY_ROWS 1000

/* Estimates what a training takes beside the data: the library, and the trees as they are written and read. */
static Size
xgboost_estimate(const TrainSize *size)
{
	XgbSize		library;

	xgboost_size(size, &library);
	library.nthread = core_train_threads;
	return xgb_train_estimate(&library);
}

/* Estimates a training by its rows and so many rounds. */
static Size
estimate_request(const TrainRequest *request, int rounds)
{
	TrainSize	size = {0};
	XgbSize		library;

	size.task = request->task;
	size.nrows = request->rows->nrows;
	size.nvalidation = request->validation ? request->validation->rows->nrows : 0;
	size.ncols = request->rows->ncols;
	size.nclasses = request->nclasses;
	size.weighted = request->weights != NULL;
	size.params = request->params;
	size.common = request->common;
	xgboost_size(&size, &library);
	library.nthread = core_train_threads;
	library.rounds = rounds;
	return xgb_train_estimate(&library);
}

/* Ends with an error when the need exceeds the budget. */
static void
check_budget(const TrainRequest *request, Size need)
{
	if (request->budget == 0 || need <= request->budget)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("training would need too much memory"),
			 errdetail("XGBoost needs about %zu MB beside the training data, %zu MB are left of aipipe.train_max_memory.",
					   need / (1024 * 1024) + 1, request->budget / (1024 * 1024)),
			 errhint("Train on a sample, with fewer columns or rounds, or with a smaller max_bin or max_depth; or raise aipipe.train_max_memory.")));
}

/*
 * Compares what will be served with the model as the library made it, on rows
 * spread over the training data; any difference in any bit is an error.
 */
static void
check_parity(const TrainRequest *request, const XgboostPlan *plan, const StringInfo bytes, const XgbOutcome *outcome,
			 const StringInfo compiled)
{
	const Matrix *rows = request->rows;
	int			nrows = (int) Min(rows->nrows, PARITY_ROWS);
	LoadedModel *model;
	float	   *sample = palloc(mul_size(mul_size(nrows, rows->ncols), sizeof(float)));
	float	   *ours;
	float	   *theirs;

	model = algorithm_xgboost.open(compiled->data, compiled->len);
	if (model->nfeatures != rows->ncols)
		elog(ERROR, "trained model has %d features instead of %d", model->nfeatures, rows->ncols);

	for (int i = 0; i < nrows; i++)
		memcpy(sample + (size_t) i * rows->ncols, matrix_row(rows, rows->nrows * i / nrows),
			   rows->ncols * sizeof(float));
	ours = palloc(mul_size(mul_size(nrows, model->nmargins), sizeof(float)));
	theirs = palloc(mul_size(mul_size(nrows, model->nmargins), sizeof(float)));
	forest_margin(model->state, sample, nrows, ours);
	xgb_margin(bytes, plan->dart ? 0 : outcome->best_round + 1, plan->dart, sample, nrows, rows->ncols, theirs, model->nmargins);

	for (int i = 0; i < nrows * model->nmargins; i++)
	{
		int64		row = rows->nrows * (i / model->nmargins) / nrows;

		if (!isfinite(ours[i]))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("the trained model gives no finite score"),
					 errdetail("Row " INT64_FORMAT " of the training data scores %g.", row + 1, ours[i]),
					 errhint("The target's values may be too large; scale them, or lower learning_rate.")));
		/* a dart that learned nothing gives zeros, whose signs the library does not keep */
		if (ours[i] != theirs[i])
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("evaluator and XGBoost %s disagree on the trained model", xgb_version()),
					 errdetail("Row " INT64_FORMAT " of the training data: %.9g here, %.9g in the library.",
							   row + 1, ours[i], theirs[i])));
	}
}

/* Reads the library's bytes strictly and writes the canonical artifact. */
static void
write_artifact(const StringInfo bytes, StringInfo artifact)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe learn read",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Forest	   *forest = forest_read(bytes->data, bytes->len);
	const char *wrong = forest_check(forest);

	if (wrong != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the trained model cannot be served"),
				 errdetail_internal("%s", wrong)));
	forest_write(forest, artifact);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Tells whether the algorithm serves a task. */
static bool
xgboost_serves(ModelTask task)
{
	return task == TASK_CLASSIFICATION || task == TASK_REGRESSION || task == TASK_RANKING;
}

/* Fills in what the library is to train on and how. */
static void
describe_training(const TrainRequest *request, const XgboostPlan *plan, XgbTraining *training)
{
	training->data.rows = request->rows;
	training->data.labels = request->labels;
	training->data.weights = request->weights;
	/* a split by groups is no business of the library's */
	training->data.groups = request->task == TASK_RANKING ? request->groups : NULL;
	if (plan->patience > 0)
	{
		training->validation.rows = request->validation->rows;
		training->validation.labels = request->validation->labels;
		training->validation.weights = request->validation->weights;
		training->validation.groups = request->task == TASK_RANKING ? request->validation->groups : NULL;
	}
	training->categorical = plan->categorical;
	training->params = plan->params;
	training->nparams = plan->nparams;
	training->max_bin = plan->max_bin;
	training->nthread = core_train_threads;
	training->rounds = plan->rounds;
	training->dart = plan->dart;
	training->patience = plan->patience;
	training->metric = plan->metric;
	training->higher_is_better = plan->higher_is_better;
	training->progress = request->progress;
}

/* Adds to the effective parameters where the training stopped. */
static void
note_outcome(const XgbOutcome *outcome, StringInfo params)
{
	if (outcome->best_round < 0)
		return;
	params->data[--params->len] = '\0';
	appendStringInfo(params, ", \"best_iteration\": %d, \"best_score\": %s}",
					 outcome->best_round, float8out_internal(outcome->best_score));
}

/* Trains a model and gives its canonical artifact with the form that is scored. */
static void
xgboost_train(const TrainRequest *request, TrainResult *result)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe learn train",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	XgboostPlan plan;
	XgbTraining training = {0};
	XgbOutcome	outcome;
	StringInfoData bytes;

	initStringInfo(&result->artifact);
	initStringInfo(&result->compiled);
	initStringInfo(&result->params);
	result->library = psprintf("xgboost %s", xgb_version());

	old = MemoryContextSwitchTo(context);
	xgboost_plan(request, &plan, &result->params);
	/* how many rounds it is until training stops early is not known; the model is checked when it is there */
	check_budget(request, estimate_request(request, plan.patience > 0 ? Min(plan.patience, plan.rounds) : plan.rounds));

	describe_training(request, &plan, &training);
	initStringInfo(&bytes);
	xgb_train(&training, &bytes, &outcome);
	check_budget(request, xgb_model_estimate(bytes.len));
	result->peak_bytes = estimate_request(request, outcome.rounds);
	note_outcome(&outcome, &result->params);
	write_artifact(&bytes, &result->artifact);
	progress_phase(request->progress, "checking the model", 0);
	algorithm_xgboost.compile(result->artifact.data, result->artifact.len, &result->compiled);
	check_parity(request, &plan, &bytes, &outcome, &result->compiled);

	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Checks an artifact and writes the form that is scored. */
static void
xgboost_compile(const char *artifact, Size len, StringInfo compiled)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe learn compile",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	forest_compile(forest_read(artifact, len), compiled);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Opens a compiled form for scoring. */
static LoadedModel *
xgboost_open(const char *compiled, Size len)
{
	LoadedModel *model = palloc(sizeof(LoadedModel));
	const CompiledForest *forest = forest_open(compiled, len);

	model->algorithm = &algorithm_xgboost;
	model->state = forest;
	model->nfeatures = forest_nfeatures(forest);
	model->nmargins = forest_ngroups(forest);
	model->nvalues = forest_objective(forest) == FOREST_LOGISTIC ? 2 : model->nmargins;
	return model;
}

/* Gives the margins of a block. */
static void
xgboost_margin(const LoadedModel *model, const float *rows, int nrows, float *out)
{
	forest_margin(model->state, rows, nrows, out);
}

/* Turns margins into probabilities of every class, or into values. */
static void
xgboost_values(const LoadedModel *model, const float *margin, int nrows, float *out)
{
	forest_transform(model->state, margin, nrows, out);

	/* p becomes [1 - p, p], from the last row back so that nothing is overwritten early */
	if (model->nvalues == 2 && model->nmargins == 1)
	{
		for (int i = nrows - 1; i >= 0; i--)
		{
			float		p = out[i];

			out[2 * i] = 1.0f - p;
			out[2 * i + 1] = p;
		}
	}
}

/* Gives the exact contributions of one row's features to one margin. */
static void
xgboost_explain(const LoadedModel *model, const float *row, int output, double *phi)
{
	forest_shap(model->state, row, output, phi);
}

/* Gives gain, cover and weight of every feature. */
static void
xgboost_importance(const LoadedModel *model, double *gain, double *cover, double *weight)
{
	forest_importance(model->state, gain, cover, weight);
}

/* What decides most about boosted trees, within bounds that suit tables of a thousand rows and of a million. */
static const AlgorithmRange xgboost_space[] = {
	{"learning_rate", "eta", 0.03, 0.3, true},
	{"max_depth", NULL, 3, 10, false},
	{"min_child_weight", NULL, 1, 20, true},
	{"subsample", NULL, 0.6, 1, false},
	{"colsample_bytree", NULL, 0.5, 1, false},
	{"reg_lambda", "lambda", 0.1, 10, true},
	{NULL}
};

const Algorithm algorithm_xgboost = {
	.name = "xgboost",
	.serves = xgboost_serves,
	.check = xgboost_check_options,
	.estimate = xgboost_estimate,
	.train = xgboost_train,
	.compile = xgboost_compile,
	.open = xgboost_open,
	.margin = xgboost_margin,
	.values = xgboost_values,
	.explain = xgboost_explain,
	.importance = xgboost_importance,
	.option = xgboost_option,
	.space = xgboost_space,
	.resource = "n_estimators"
};
