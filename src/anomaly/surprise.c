/*-------------------------------------------------------------------------
 *
 * surprise.c
 *	  Cell surprise as one of the algorithms: how unlikely is each value, alone
 *	  and given the others of its row?
 *
 * Training learns the outcomes of every aspect, chooses its parents, counts, and
 * reads off the training rows how surprising is strange (see surprise.h).  A greater
 * margin is stranger; what is served is the severity.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "storage/shmem.h"
#include "utils/memutils.h"

#include "anomaly/surprise.h"

/* Bytes of a cell of the tables of pairs: counts twice, compiled, written. */
#define CELL_BYTES 24

/* Bytes of one aspect's own tables, tails and their texts. */
#define ASPECT_BYTES (24 * 1024)

/* Bytes for all scores of the severity: points and their texts included. */
#define SEVERITY_BYTES 8
#define SEVERITY_ROWS (512 * 1024)

static const OptionSpec surprise_options[] = {
	{"bins", OPTION_INT, OPTION_FIELD(SurpriseOptions, bins), 32, 2, SURPRISE_MAX_BINS},
	{"full_conditional", OPTION_BOOL, OPTION_FIELD(SurpriseOptions, full_conditional), false},
	{"min_information", OPTION_REAL, OPTION_FIELD(SurpriseOptions, min_information), 0.02, 0, 64},
	{"parents", OPTION_INT, OPTION_FIELD(SurpriseOptions, parents), -1, -1, SURPRISE_MAX_PARENTS},
	{"partition_by", OPTION_TEXT, OPTION_FIELD(SurpriseOptions, partition_by)},
	{"power", OPTION_REAL, OPTION_FIELD(SurpriseOptions, power), 0, 0, 1},
	{"smoothing", OPTION_REAL, OPTION_FIELD(SurpriseOptions, smoothing), 2, 0.001, 1e6},
	{"tail_share", OPTION_REAL, OPTION_FIELD(SurpriseOptions, tail_share), 0.005, 0, 0.2},
};

/* Says that detectors are what cell surprise is for. */
static bool
surprise_serves(ModelTask task)
{
	return task == TASK_ANOMALY;
}

/* Reads the options. */
static void
parse_options(const Jsonb *params, const char *const *common, SurpriseOptions *options)
{
	memset(options, 0, sizeof(*options));
	options_parse_some(params, "cell surprise", surprise_options, lengthof(surprise_options), common, options);
}

/* Checks the parameters before any row is read. */
static void
surprise_check_options(ModelTask task, const Jsonb *params, const char *const *common)
{
	SurpriseOptions options;

	parse_options(params, common, &options);
}

/* Gives the bytes that a training takes beside the data. */
static Size
training_bytes(int64 nrows, int ncols, const SurpriseOptions *options)
{
	int64		sample = surprise_sample_rows(Max(nrows, 1), ncols);
	int64		width = Max(2 * options->bins + 3, SURPRISE_PAIR_CATEGORIES + 3);
	int64		parents = options->parents < 0 ? SURPRISE_PARENTS : options->parents;
	Size		cells = Min((Size) ncols * parents * width * width, (Size) SURPRISE_MAX_CELLS);
	Size		bytes = mul_size(cells, CELL_BYTES);

	bytes = add_size(bytes, mul_size(ncols, ASPECT_BYTES));
	/* codes of the sample for pairs, or its surprises for the tails */
	bytes = add_size(bytes, mul_size(mul_size(sample, ncols), 2 * sizeof(float)));
	if (options->full_conditional)
		bytes = add_size(bytes, surprise_full_bytes(nrows, ncols));
	return add_size(bytes, mul_size(Min(Max(nrows, 1), SEVERITY_ROWS), SEVERITY_BYTES));
}

/* Estimates what a training on so many rows takes beside the data. */
static Size
surprise_estimate(const TrainSize *size)
{
	SurpriseOptions options;

	parse_options(size->params, size->common, &options);
	return training_bytes(size->nrows, size->ncols, &options);
}

/* Refuses what cannot be trained on. */
static void
check_request(const TrainRequest *request)
{
	if (request->rows->nrows < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no rows to train on"),
				 errdetail("The source gives no row.")));
	if (request->rows->ncols > SURPRISE_MAX_FEATURES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many features for cell surprise"),
				 errdetail("The columns give %d features; the limit is %d.",
						   request->rows->ncols, SURPRISE_MAX_FEATURES),
				 errhint("Name fewer columns.")));
}

/* Ends with an error before the memory for training would be exceeded. */
static void
check_budget(const TrainRequest *request, Size needed)
{
	if (request->budget > 0 && needed > request->budget)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("cell surprise on this data needs more memory than allowed"),
				 errdetail("It needs %zu kB beside the data; %zu kB are left of aipipe.train_max_memory.",
						   needed / 1024, request->budget / 1024),
				 errhint("Name fewer columns, lower bins or parents, or raise aipipe.train_max_memory.")));
}

/* Says how many rows what is new counts for: as many as came with a category of their own, or went farther than all others. */
static void
learn_novelty(SurpriseModel *model)
{
	for (int a = 0; a < model->naspects; a++)
	{
		SurpriseAspect *aspect = &model->aspects[a];
		int64		once = 0;

		for (int k = 0; aspect->categorical && k < aspect->nvalues; k++)
			once += aspect->counts[k] == 1;
		if (!aspect->categorical)
			once = (aspect->single_lo && !aspect->open_below) + (aspect->single_hi && !aspect->open_above);
		aspect->novelty = Max((double) once, 0.5);
	}
}

/*
 * Chooses what was left open.  A wrong number or a wrong text is one cell, so the
 * strangest cell decides (power 1); where all columns are categories, rows are as
 * often strange by many cells that are a little so, and more than two parents
 * dilute what the best ones tell.
 */
static void
resolve_options(const Encoder *encoder, SurpriseOptions *options)
{
	bool		number = (encoder == NULL);

	for (int c = 0; !number && c < encoder->ncolumns; c++)
		number = encoder->columns[c].kind != ENCODER_CATEGORY && encoder->columns[c].kind != ENCODER_BOOL;
	if (options->power == 0)
		options->power = number ? 1 : 0.5;
	if (options->parents < 0)
		options->parents = number ? SURPRISE_PARENTS : SURPRISE_PARENTS / 2;
}

/* Learns a model from the rows. */
static SurpriseModel *
learn(const TrainRequest *request, const SurpriseOptions *options)
{
	SurpriseModel *model = palloc0(sizeof(SurpriseModel));
	Progress   *progress = request->progress;

	model->power = (float) options->power;
	model->smoothing = (float) options->smoothing;
	if (progress)
		progress_phase(progress, "binning", request->rows->ncols);
	surprise_learn_aspects(request, options, model);
	surprise_learn_groups(request, options, model);
	if (progress)
		progress_phase(progress, "comparing columns", model->naspects);
	surprise_choose_parents(request->rows, options, model, progress);
	if (progress)
		progress_phase(progress, "counting", request->rows->nrows);
	surprise_count(request->rows, model, progress);
	learn_novelty(model);
	if (options->full_conditional)
		surprise_learn_full(request, options, model);
	surprise_calibrate(request->rows, 0, model, progress);
	return model;
}

/* Checks an artifact wholly and writes its compiled form. */
static void
surprise_compile(const char *artifact, Size len, StringInfo compiled)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller, "aipipe surprise read", ALLOCSET_DEFAULT_SIZES);
	SurpriseModel *model;

	MemoryContextSwitchTo(scratch);
	model = surprise_read(artifact, len);
	MemoryContextSwitchTo(caller);
	surprise_compile_model(model, false, compiled);
	MemoryContextDelete(scratch);
}

/* Begins a result. */
static void
begin_result(TrainResult *result, const SurpriseOptions *options)
{
	initStringInfo(&result->artifact);
	initStringInfo(&result->compiled);
	initStringInfo(&result->unseen);
	initStringInfo(&result->params);
	result->library = pstrdup("aipipe " AIPIPE_VERSION);
	options_to_json(&result->params, surprise_options, lengthof(surprise_options), options);
}

/* Learns what is usual and writes it as the artifact. */
static void
surprise_train(const TrainRequest *request, TrainResult *result)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	SurpriseOptions options;
	SurpriseModel *model;
	Size		needed;

	check_request(request);
	parse_options(request->params, request->common, &options);
	resolve_options(request->encoder, &options);
	needed = training_bytes(request->rows->nrows, request->rows->ncols, &options);
	check_budget(request, needed);
	begin_result(result, &options);

	context = AllocSetContextCreate(caller, "aipipe surprise train", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	model = learn(request, &options);
	if (model->library != NULL)
		result->library = MemoryContextStrdup(caller, psprintf("aipipe " AIPIPE_VERSION ", %s", model->library));
	surprise_write(model, &result->artifact);
	if (request->component)
		surprise_compile_model(model, true, &result->unseen);
	surprise_compile(result->artifact.data, result->artifact.len, &result->compiled);
	result->peak_bytes = Max(MemoryContextMemAllocated(context, true), needed);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* Learns more rows into an artifact. */
static void
surprise_refresh(const RefreshRequest *request, TrainResult *result)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	SurpriseModel *model;
	SurpriseOptions options;
	Size		needed;

	check_request(request->train);
	parse_options(request->train->params, request->train->common, &options);
	needed = training_bytes(request->train->rows->nrows, request->train->rows->ncols, &options);
	check_budget(request->train, needed);
	begin_result(result, &options);

	context = AllocSetContextCreate(caller, "aipipe surprise refresh", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	model = surprise_read(request->artifact, request->artifact_len);
	refresh_check_features(request, model->nfeatures);
	surprise_refresh_model(request, model);
	surprise_write(model, &result->artifact);
	if (request->train->component)
		surprise_compile_model(model, true, &result->unseen);
	surprise_compile(result->artifact.data, result->artifact.len, &result->compiled);
	result->peak_bytes = Max(MemoryContextMemAllocated(context, true), needed);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* Opens a compiled form in CurrentMemoryContext. */
static LoadedModel *
surprise_load(const char *compiled, Size len)
{
	LoadedModel *model = palloc0(sizeof(LoadedModel));
	SurpriseTables *tables = surprise_open(compiled, len, true);

	model->algorithm = &algorithm_surprise;
	model->nfeatures = tables->nfeatures;
	model->nmargins = 1;
	model->nvalues = 1;
	model->state = tables;
	return model;
}

/* Gives the margins of a block. */
static void
margin(const LoadedModel *model, const float *rows, int nrows, float *out)
{
	surprise_margin(model->state, rows, nrows, out);
}

/* Turns margins into severities, which take a low score for strange. */
static void
values(const LoadedModel *model, const float *margin, int nrows, float *out)
{
	const SurpriseTables *tables = model->state;

	for (int i = 0; i < nrows; i++)
		out[i] = severity_of(&tables->severity, -margin[i]);
}

/* Shares the margin among the columns by their 2^(power * z); a column's first feature carries its share, the bias is 0. */
static void
explain(const LoadedModel *model, const float *row, int output, double *phi)
{
	const SurpriseTables *tables = model->state;
	float	   *columns = palloc0(mul_size(sizeof(float), tables->ncolumns));
	double		sum = 0;
	float		margin;

	memset(phi, 0, sizeof(double) * (model->nfeatures + 1));
	surprise_columns(tables, row, 1, columns);
	surprise_margin(tables, row, 1, &margin);
	for (int c = 0; c < tables->ncolumns; c++)
		sum += columns[c];
	for (int a = 0; a < tables->naspects; a++)
	{
		const SurpriseNode *node = &tables->nodes[a];

		if (a == 0 || tables->nodes[a - 1].column != node->column)
			phi[node->feature] = margin * columns[node->column] / sum;
	}
	pfree(columns);
}

/* Adds each feature's part in what trees look at: those of one column have a gain of 1 together, as its pairs have. */
static void
add_trees(const SurpriseTables *tables, const SurpriseTrees *trees, double *gain)
{
	Size		n = trees->nlooks;
	double	   *sums = palloc0(mul_size(sizeof(double), 4 * n));
	double		total = 0;

	for (int f = 0; f < SURPRISE_FULL_FOLDS; f++)
	{
		forest_importance(trees->forest[f], sums + n, sums + 2 * n, sums + 3 * n);
		for (Size k = 0; k < n; k++)
			sums[k] += Max(sums[n + k], 0);
	}
	for (Size k = 0; k < n; k++)
		total += sums[k];
	for (Size k = 0; k < n && total > 0 && isfinite(total); k++)
		gain[tables->nodes[trees->looks[k]].feature] += sums[k] / total;
	pfree(sums);
}

/* Tells what features take part in: gain is their weight as parents and to trees, cover the bits of their outcomes, weight the pairs. */
static void
importance(const LoadedModel *model, double *gain, double *cover, double *weight)
{
	const SurpriseTables *tables = model->state;

	for (int f = 0; f < model->nfeatures; f++)
		gain[f] = cover[f] = weight[f] = 0;
	for (int a = 0; a < tables->naspects; a++)
	{
		const SurpriseNode *node = &tables->nodes[a];
		const float *bits = tables->floats + node->bits;

		for (int k = 0; k < node->nvalues + 2; k++)
			cover[node->feature] += bits[k] * exp2(-bits[k]);
		for (int k = 0; k < node->nparents; k++)
		{
			const SurpriseLink *link = &tables->links[node->first_parent + k];

			gain[tables->nodes[link->aspect].feature] += link->weight;
			weight[tables->nodes[link->aspect].feature]++;
			weight[node->feature]++;
		}
	}
	for (int k = 0; k < tables->nfulls; k++)
		add_trees(tables, &tables->fulls[k], gain);
}

const Algorithm algorithm_surprise = {
	.name = "cell_surprise",
	.serves = surprise_serves,
	.check = surprise_check_options,
	.estimate = surprise_estimate,
	.train = surprise_train,
	.compile = surprise_compile,
	.open = surprise_load,
	.margin = margin,
	.values = values,
	.explain = explain,
	.cell = surprise_cell,
	.refresh = surprise_refresh,
	.importance = importance,
	.specs = surprise_options,
	.nspecs = lengthof(surprise_options),
};
