/*-------------------------------------------------------------------------
 *
 * iforest.c
 *	  The isolation forest as one of the algorithms.
 *
 * Training draws the pairs of columns (iforest_pairs.c), grows the trees
 * (iforest_tree.c), adds the guards (iforest_guard.c), scores the training rows with them and keeps how their scores are distributed
 * (iforest_severity.c).  A row's raw score is its mean path length less the
 * guards' penalties, low for a strange row; what is served is the severity.  Trees are scored, explained and stored as every other forest's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "learn/algorithm.h"
#include "learn/iforest.h"
#include "learn/severity.h"

/* With more rows than this, every k-th is scored: for the severity, and before for the guards. */
#define SEVERITY_MAX_ROWS (256 * 1024)
#define GUARD_MAX_ROWS (32 * 1024)

#define SCORE_BLOCK 256

/* 2 * max_samples - 1 nodes must fit FOREST_MAX_NODES */
#define MAX_SAMPLES 32768

/* Nodes of all trees: keeps the artifact well below the limit of a value. */
#define MAX_NODES (8 * 1024 * 1024)

static const OptionSpec iforest_options[] = {
	{"guards", OPTION_BOOL, OPTION_FIELD(IforestOptions, guards), 1},
	{"max_depth", OPTION_INT, OPTION_FIELD(IforestOptions, max_depth), 0, 0, FOREST_MAX_DEPTH},
	{"max_samples", OPTION_INT, OPTION_FIELD(IforestOptions, max_samples), 256, 2, MAX_SAMPLES},
	{"n_estimators", OPTION_INT, OPTION_FIELD(IforestOptions, n_estimators), 100, 1, 10000},
	{"ndim", OPTION_INT, OPTION_FIELD(IforestOptions, ndim), 2, 1, 2},
	{"prob_pooled_gain", OPTION_REAL, OPTION_FIELD(IforestOptions, prob_pooled_gain), 0.5, 0, 1},
};

/* Says that detectors are what an isolation forest is for. */
static bool
iforest_serves(ModelTask task)
{
	return task == TASK_ANOMALY;
}

/* Checks the parameters before any row is read. */
static void
iforest_check_options(ModelTask task, const Jsonb *params, const char *const *common)
{
	IforestOptions options;

	options_parse_some(params, "isolation forest", iforest_options, lengthof(iforest_options), common, &options);
}

/* Reads the options and replaces what depends on the number of rows. */
static void
resolve_options(const Jsonb *params, const char *const *common, int64 nrows, IforestOptions *options)
{
	options_parse_some(params, "isolation forest", iforest_options, lengthof(iforest_options), common, options);
	options->max_samples = Min(options->max_samples, Max(nrows, 1));
	if (options->max_depth == 0)
	{
		while (((int64) 1 << options->max_depth) < options->max_samples)
			options->max_depth++;
		options->max_depth = Max(options->max_depth, 1);
	}
}

/* Gives the bytes that the trees, their growth and the scores of the training rows take. */
static Size
training_bytes(int64 nrows, int ncols, const IforestOptions *options)
{
	return add_size(iforest_grow_estimate(ncols + IFOREST_MAX_PAIRS, options), mul_size(sizeof(float), Min(nrows, SEVERITY_MAX_ROWS)));
}

/* Estimates what a training on so many rows takes beside the data. */
static Size
iforest_estimate(const TrainSize *size)
{
	IforestOptions options;

	resolve_options(size->params, size->common, size->nrows, &options);
	return training_bytes(size->nrows, size->ncols, &options);
}

/* Refuses what cannot be trained on. */
static void
check_request(const TrainRequest *request)
{
	if (request->rows->nrows < 1)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("no rows to train on"),
				errdetail("The source gives no row."));
	if (request->rows->ncols > FOREST_MAX_FEATURES)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("too many features for an isolation forest"),
				errdetail("The columns give %d features; the limit is %d.",
						  request->rows->ncols, FOREST_MAX_FEATURES),
				errhint("Name fewer columns."));
}

/* Refuses a forest whose artifact could become too large to store. */
static void
check_nodes(const IforestOptions *options)
{
	int64		nodes = options->n_estimators * 2 * options->max_samples;

	if (options->max_depth < 30)
		nodes = Min(nodes, options->n_estimators * ((int64) 2 << options->max_depth));
	if (nodes > MAX_NODES)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("the isolation forest would become too large"),
				errdetail("These options allow " INT64_FORMAT " nodes; the limit is %d.", nodes, MAX_NODES),
				errhint("Lower n_estimators, max_samples or max_depth."));
}

/* Ends with an error before the memory for training would be exceeded. */
static void
check_budget(const TrainRequest *request, Size needed)
{
	if (request->budget > 0 && needed > request->budget)
		ereport(ERROR,
				errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				errmsg("an isolation forest on this data needs more memory than allowed"),
				errdetail("It needs %zu kB beside the data; %zu kB are left of aipipe.train_max_memory.",
						  needed / 1024, request->budget / 1024),
				errhint("Lower max_samples, name fewer columns, or raise aipipe.train_max_memory."));
}

/* Scores every stride-th row of the matrix into scores. */
static void
score_strided(const IforestState *state, const Matrix *rows, int64 stride, int64 nscores,
			  float *scores, Progress *progress)
{
	Size		width = sizeof(float) * rows->ncols;
	float	   *block = palloc(mul_size(width, SCORE_BLOCK));

	for (int64 done = 0; done < nscores; done += SCORE_BLOCK)
	{
		int			n = (int) Min(SCORE_BLOCK, nscores - done);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n; i++)
			memcpy((char *) block + width * i, matrix_row(rows, (done + i) * stride), width);
		iforest_score(state, block, n, scores + done);
		progress_update(progress, done + n);
	}
	pfree(block);
}

/* Gives the raw scores of the training rows, or of at most so many of them, evenly taken. */
static float *
score_rows(const Forest *forest, const IforestPairs *pairs, const Matrix *rows, int64 most,
		   int64 *nscores, Progress *progress)
{
	int64		stride = (rows->nrows - 1) / most + 1;
	IforestState state = {.pairs = *pairs};
	float	   *scores;
	StringInfoData compiled;

	*nscores = (rows->nrows - 1) / stride + 1;
	scores = palloc_extended(mul_size(sizeof(float), *nscores), MCXT_ALLOC_HUGE);
	if (progress)
		progress_phase(progress, "scoring rows", *nscores);
	initStringInfo(&compiled);
	forest_compile(forest, &compiled);
	state.forest = forest_open(compiled.data, compiled.len);
	iforest_prepare(&state);
	score_strided(&state, rows, stride, *nscores, scores, progress);
	pfree(compiled.data);
	return scores;
}

/* Draws the pairs, grows the trees and adds the guards. */
static Forest *
grow_guarded(const TrainRequest *request, const IforestOptions *options, IforestPairs *pairs)
{
	pg_prng_state rng;
	Forest	   *forest;
	float	   *scores;
	int64		nscores;

	pg_prng_seed(&rng, request->seed);
	pairs->ngiven = request->rows->ncols;
	if (options->ndim > 1)
		iforest_pairs_learn(request->rows, request->encoder, &rng, pairs);
	if (request->progress)
		progress_phase(request->progress, "growing trees", options->n_estimators);
	forest = iforest_grow(request->rows, request->encoder, options, pairs, &rng, request->progress);
	if (!options->guards)
		return forest;
	scores = score_rows(forest, pairs, request->rows, GUARD_MAX_ROWS, &nscores, request->progress);
	severity_sort(scores, nscores);
	iforest_add_guards(forest, request->rows, request->encoder, scores, nscores, options->max_samples);
	pfree(scores);
	return forest;
}

/* Prepares what is handed back, in the current memory context. */
static void
begin_result(TrainResult *result, const IforestOptions *options)
{
	initStringInfo(&result->artifact);
	initStringInfo(&result->compiled);
	initStringInfo(&result->params);
	result->library = pstrdup("aipipe " AIPIPE_VERSION);
	options_to_json(&result->params, iforest_options, lengthof(iforest_options), options);
}

/* Makes a forest, learns the severities and writes both as the artifact. */
static void
iforest_train(const TrainRequest *request, TrainResult *result)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	IforestOptions options;
	IforestPairs pairs = {0};
	Severity	severity;
	Forest	   *forest;
	float	   *scores;
	int64		nscores;

	check_request(request);
	resolve_options(request->params, request->common, request->rows->nrows, &options);
	check_nodes(&options);
	check_budget(request, training_bytes(request->rows->nrows, request->rows->ncols, &options));
	begin_result(result, &options);

	context = AllocSetContextCreate(caller, "aipipe iforest train", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	forest = grow_guarded(request, &options, &pairs);
	scores = score_rows(forest, &pairs, request->rows, request->component ? GUARD_MAX_ROWS : SEVERITY_MAX_ROWS,
						&nscores, request->progress);
	severity_learn(scores, nscores, &severity);
	iforest_write(forest, &pairs, &severity, &result->artifact);
	iforest_compile(result->artifact.data, result->artifact.len, &result->compiled);
	result->peak_bytes = Max(MemoryContextMemAllocated(context, true),
								  iforest_grow_estimate(request->rows->ncols + IFOREST_MAX_PAIRS, &options));
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* Makes the next forest of one and more rows. */
static Forest *
renew_guarded(const TrainRequest *train, const IforestOptions *options, const Forest *old,
			  const IforestPairs *pairs, int64 nold, double keep)
{
	int64		nrenewed = iforest_renewed_trees(options->n_estimators, nold, train->rows->nrows, keep);
	Forest	   *forest;
	float	   *scores;
	int64		nscores;

	if (train->progress)
		progress_phase(train->progress, "growing trees", nrenewed);
	forest = iforest_renew(old, train->rows, train->encoder, options, pairs, nrenewed, train->seed, train->progress);
	if (!options->guards)
		return forest;
	scores = score_rows(forest, pairs, train->rows, GUARD_MAX_ROWS, &nscores, train->progress);
	severity_sort(scores, nscores);
	iforest_renew_guards(forest, old, train->rows, train->encoder, scores, nscores, options->max_samples, keep * nold);
	pfree(scores);
	return forest;
}

/* Replaces the oldest trees of an artifact by some of more rows, and weighs the severities in. */
static void
iforest_refresh(const RefreshRequest *request, TrainResult *result)
{
	const TrainRequest *train = request->train;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	IforestOptions options;
	IforestPairs pairs;
	Severity	old;
	Severity	severity;
	Forest	   *forest;
	float	   *scores;
	int64		nscores;

	check_request(train);
	/* the version's own; only what grows now is as small as the rows are few */
	options_parse_some(train->params, "isolation forest", iforest_options, lengthof(iforest_options), train->common, &options);
	begin_result(result, &options);
	resolve_options(train->params, train->common, train->rows->nrows, &options);
	check_budget(train, training_bytes(train->rows->nrows, train->rows->ncols, &options));

	context = AllocSetContextCreate(caller, "aipipe iforest refresh", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	forest = iforest_read(request->artifact, request->artifact_len, &pairs, &old);
	refresh_check_features(request, pairs.ngiven);
	if (forest->ntrees < options.n_estimators)
		refresh_misfit(psprintf("It has %d trees; the version's parameters say " INT64_FORMAT ".", forest->ntrees, options.n_estimators));
	forest = renew_guarded(train, &options, forest, &pairs, old.rows, request->keep);
	scores = score_rows(forest, &pairs, train->rows, SEVERITY_MAX_ROWS, &nscores, train->progress);
	severity_merge(&old, request->keep, scores, nscores, &severity);
	iforest_write(forest, &pairs, &severity, &result->artifact);
	iforest_compile(result->artifact.data, result->artifact.len, &result->compiled);
	result->peak_bytes = MemoryContextMemAllocated(context, true);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* Opens a compiled isolation forest in CurrentMemoryContext. */
static LoadedModel *
iforest_load(const char *compiled, Size len)
{
	LoadedModel *model = palloc0(sizeof(LoadedModel));
	IforestState *state = palloc0(sizeof(IforestState));

	iforest_open(compiled, len, state);
	iforest_prepare(state);
	model->algorithm = &algorithm_iforest;
	model->nfeatures = state->pairs.ngiven;
	model->nmargins = 1;
	model->nvalues = 1;
	model->state = state;
	return model;
}

/* Gives the raw scores of a block. */
static void
iforest_margin(const LoadedModel *model, const float *rows, int nrows, float *out)
{
	iforest_score(model->state, rows, nrows, out);
}

/* Turns raw scores into severities. */
static void
iforest_values(const LoadedModel *model, const float *margin, int nrows, float *out)
{
	const IforestState *state = model->state;

	for (int i = 0; i < nrows; i++)
		out[i] = severity_of(&state->severity, margin[i]);
}

/* Gives each feature's share in what makes the row strange; with the bias they add up to minus the raw score. */
static void
iforest_explain(const LoadedModel *model, const float *row, int output, double *phi)
{
	iforest_contributions(model->state, row, phi);
	for (int i = 0; i <= model->nfeatures; i++)
		phi[i] = -phi[i];
}

/*
 * Sums over the splits of each feature: gain is the rows by which the sides differ,
 * cover the rows split.  A split on a pair is half a one of each column.
 */
static void
iforest_importance(const LoadedModel *model, double *gain, double *cover, double *weight)
{
	const IforestState *state = model->state;
	double	   *const figures[] = {gain, cover, weight};
	int			nfeatures = forest_nfeatures(state->forest);
	double	   *sums = palloc(mul_size(mul_size(sizeof(double), nfeatures), lengthof(figures)));

	forest_importance(state->forest, sums, sums + nfeatures, sums + 2 * nfeatures);
	for (int i = 0; i < lengthof(figures); i++)
	{
		iforest_pairs_halve(&state->pairs, sums + i * nfeatures);
		memcpy(figures[i], sums + i * nfeatures, sizeof(double) * model->nfeatures);
	}
	pfree(sums);
}

const Algorithm algorithm_iforest = {
	.name = "isolation_forest",
	.serves = iforest_serves,
	.check = iforest_check_options,
	.estimate = iforest_estimate,
	.train = iforest_train,
	.compile = iforest_compile,
	.open = iforest_load,
	.margin = iforest_margin,
	.values = iforest_values,
	.explain = iforest_explain,
	.refresh = iforest_refresh,
	.importance = iforest_importance,
	.specs = iforest_options,
	.nspecs = lengthof(iforest_options),
};
