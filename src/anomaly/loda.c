/*-------------------------------------------------------------------------
 *
 * loda.c
 *	  LODA as one of the algorithms: a detector for streams, which learns on.
 *
 * A row's raw score is the mean over the projections of how many bits it is less
 * probable than the training rows were on average (loda_score.c), so a greater one is stranger; what
 * is served is the severity.  As the paper has it, projections of a missing
 * value are left out of the mean.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "anomaly/loda.h"

/* With more rows than this, every k-th is scored for the severity. */
#define SEVERITY_MAX_ROWS (4 * 1024 * 1024)

static const OptionSpec loda_options[] = {
	{"histogram_bins", OPTION_INT, OPTION_FIELD(LodaOptions, bins), 0, 0, LODA_MAX_BINS},
	{"projections", OPTION_INT, OPTION_FIELD(LodaOptions, projections), 100, 1, LODA_MAX_PROJECTIONS},
};

/* Says that detectors are what LODA is for. */
static bool
loda_serves(ModelTask task)
{
	return task == TASK_ANOMALY;
}

/* Reads the options. */
static void
parse_options(const Jsonb *params, const char *const *common, LodaOptions *options)
{
	options_parse_some(params, "loda", loda_options, lengthof(loda_options), common, options);
}

/* Checks the parameters before any row is read. */
static void
loda_check_options(ModelTask task, const Jsonb *params, const char *const *common)
{
	LodaOptions options;

	parse_options(params, common, &options);
}

/* Gives the bytes that learning takes beside the data: projections, their bins and a view of them, samples, scores. */
static Size
learning_bytes(int64 nrows, int ncols, int64 projections)
{
	Size		projection = sizeof(LodaProjection) + LODA_MAX_BINS * (sizeof(double) + sizeof(float)) +
		4 * LODA_MAX_INPUTS * sizeof(float);
	Size		inputs = mul_size(sizeof(LodaInput) + LODA_BLOCK * sizeof(float) + 64, ncols);

	return add_size(add_size(mul_size(projection, projections), inputs),
					mul_size(sizeof(float), add_size(loda_sample_rows(nrows), Min(nrows, SEVERITY_MAX_ROWS))));
}

/* Estimates what a training on so many rows takes beside the data. */
static Size
loda_estimate(const TrainSize *size)
{
	LodaOptions options;

	parse_options(size->params, size->common, &options);
	return learning_bytes(Max(size->nrows, 1), size->ncols, options.projections);
}

/* Refuses what cannot be learned. */
static void
check_request(const TrainRequest *request, int64 projections)
{
	Size		needed;

	if (request->rows->nrows < 1)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("no rows to learn from"),
				errdetail("The source gives no row."));
	if (request->rows->ncols > LODA_MAX_FEATURES)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("too many features for loda"),
				errdetail("The columns give %d features; the limit is %d.", request->rows->ncols, LODA_MAX_FEATURES),
				errhint("Name fewer columns."));
	needed = learning_bytes(request->rows->nrows, request->rows->ncols, projections);
	if (request->budget > 0 && needed > request->budget)
		ereport(ERROR,
				errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				errmsg("loda on this data needs more memory than allowed"),
				errdetail("It needs %zu kB beside the data; %zu kB are left of aipipe.train_max_memory.",
						  needed / 1024, request->budget / 1024),
				errhint("Use fewer projections, name fewer columns, or raise aipipe.train_max_memory."));
}

/*
 * Gives minus the raw scores of the rows, or of every stride-th, each as though it had
 * not been counted: severities count a lower score as stranger.
 */
static float *
score_rows(const Loda *loda, const TrainRequest *request, int64 *stride, int64 *nscores)
{
	const LodaState *state = loda_view(loda, true);
	const Matrix *rows = request->rows;
	Size		width = sizeof(float) * rows->ncols;
	float	   *block = palloc(mul_size(width, LODA_BLOCK));
	float	   *scores;

	*stride = (rows->nrows - 1) / SEVERITY_MAX_ROWS + 1;
	*nscores = (rows->nrows - 1) / *stride + 1;
	scores = palloc_extended(mul_size(sizeof(float), *nscores), MCXT_ALLOC_HUGE);
	if (request->progress)
		progress_phase(request->progress, "scoring rows", *nscores);
	for (int64 done = 0; done < *nscores; done += LODA_BLOCK)
	{
		int			n = (int) Min(LODA_BLOCK, *nscores - done);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n; i++)
			memcpy((char *) block + width * i, matrix_row(rows, (done + i) * *stride), width);
		loda_margin(state, block, n, scores + done);
		for (int i = 0; i < n; i++)
			scores[done + i] = -scores[done + i];
		progress_update(request->progress, done + n);
	}
	return scores;
}

/* Writes what was learned as artifact and compiled form. */
static void
write_result(const Loda *loda, const Severity *severity, const LodaOptions *options, TrainResult *result)
{
	loda_write(loda, severity, &result->artifact);
	loda_compile(loda, severity, false, &result->compiled);
	loda_compile(loda, severity, true, &result->unseen);
	options_to_json(&result->params, loda_options, lengthof(loda_options), options);
}

/* Prepares what is handed back, in the current memory context. */
static void
begin_result(TrainResult *result)
{
	initStringInfo(&result->artifact);
	initStringInfo(&result->compiled);
	initStringInfo(&result->unseen);
	initStringInfo(&result->params);
	result->library = pstrdup("aipipe " AIPIPE_VERSION);
}

/* Draws projections, counts the rows, learns the severities. */
static void
loda_train(const TrainRequest *request, TrainResult *result)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	LodaOptions options;
	Severity	severity;
	Loda		loda;
	float	   *scores;
	int64		stride;
	int64		nscores;

	parse_options(request->params, request->common, &options);
	check_request(request, options.projections);
	begin_result(result);
	context = AllocSetContextCreate(caller, "aipipe loda train", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	loda_draw(request, &options, &loda);
	loda_learn(request, &options, &loda);
	scores = score_rows(&loda, request, &stride, &nscores);
	severity_learn(scores, nscores, &severity);
	write_result(&loda, &severity, &options, result);
	result->peak_bytes = MemoryContextMemAllocated(context, true);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* Counts more rows into the histograms of an artifact and weighs their severities in. */
static void
loda_refresh(const RefreshRequest *request, TrainResult *result)
{
	const TrainRequest *train = request->train;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	LodaOptions options;
	Severity	old;
	Severity	severity;
	Loda		loda;
	float	   *scores;
	int64		stride;
	int64		nscores;

	parse_options(train->params, train->common, &options);
	check_request(train, options.projections);
	begin_result(result);
	context = AllocSetContextCreate(caller, "aipipe loda refresh", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	loda_read(request->artifact, request->artifact_len, &loda, &old);
	refresh_check_features(request, loda.nfeatures);
	loda_add(train, request->keep, &loda);
	scores = score_rows(&loda, train, &stride, &nscores);
	severity_merge(&old, request->keep / stride, scores, nscores, &severity);
	write_result(&loda, &severity, &options, result);
	result->peak_bytes = MemoryContextMemAllocated(context, true);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* Checks an artifact wholly and writes its compiled form. */
static void
compile_artifact(const char *artifact, Size len, StringInfo compiled)
{
	Loda		loda;
	Severity	severity;

	loda_read(artifact, len, &loda, &severity);
	loda_compile(&loda, &severity, false, compiled);
}

/* Opens a compiled form in CurrentMemoryContext. */
static LoadedModel *
loda_load(const char *compiled, Size len)
{
	LoadedModel *model = palloc0(sizeof(LoadedModel));
	LodaState  *state = palloc0(sizeof(LodaState));

	loda_open(compiled, len, state);
	model->algorithm = &algorithm_loda;
	model->nfeatures = state->nfeatures;
	model->nmargins = 1;
	model->nvalues = 1;
	model->state = state;
	return model;
}

/* Gives the raw scores of a block. */
static void
margin_rows(const LoadedModel *model, const float *rows, int nrows, float *out)
{
	loda_margin(model->state, rows, nrows, out);
}

/* Turns raw scores into severities. */
static void
loda_values(const LoadedModel *model, const float *margin, int nrows, float *out)
{
	const LodaState *state = model->state;

	for (int i = 0; i < nrows; i++)
		out[i] = severity_of(&state->severity, -margin[i]);
}

const Algorithm algorithm_loda = {
	.name = "loda",
	.serves = loda_serves,
	.check = loda_check_options,
	.estimate = loda_estimate,
	.train = loda_train,
	.compile = compile_artifact,
	.open = loda_load,
	.margin = margin_rows,
	.values = loda_values,
	.explain = loda_explain,
	.cell = loda_cell,
	.refresh = loda_refresh,
	.importance = loda_importance,
	.specs = loda_options,
	.nspecs = lengthof(loda_options),
};
