/*-------------------------------------------------------------------------
 *
 * xgbod_train.c
 *	  Learning from labels: the base, the trees, and what their scores mean.
 *
 * The base learns from all rows, as long as few are called anomalous.  Were those
 * left out, they alone would be new to it, and the trees would learn to tell what
 * is new to the base instead of what is wrong.  A row without a label counts as
 * not anomalous.  Boosted trees then learn the labels from what the base makes of
 * the rows.  Margins of trees on the rows that they were grown on say little about
 * other rows, so the tails come from trees that did not see the row
 * (cross-fitting); rows called anomalous take no part in them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "anomaly/xgbod.h"
#include "core/encoder.h"

#define MAX_FOLDS 10

/* Rows called anomalous among those that the base learns from, at most: it bears so much dirt. */
#define BASE_MAX_ANOMALOUS 0.05

/* Few labels want weak trees: shallow, shrunk, and each on a part of the rows and the features. */
#define BOOST_DEFAULTS "{\"n_estimators\": 100, \"max_depth\": 3, \"learning_rate\": 0.05, \"reg_lambda\": 5, " \
	"\"subsample\": 0.8, \"colsample_bytree\": 0.5}"

const OptionSpec xgbod_specs[] = {
	{"boost", OPTION_JSON, OPTION_FIELD(XgbodOptions, boost)},
	{"folds", OPTION_INT, OPTION_FIELD(XgbodOptions, folds), 3, 0, MAX_FOLDS},
	{"novelty", OPTION_REAL, OPTION_FIELD(XgbodOptions, novelty), 0.25, 0, 100},
};

const int	xgbod_nspecs = lengthof(xgbod_specs);

/* What one training works on. */
typedef struct Learning
{
	const TrainRequest *request;
	XgbodOptions options;
	const char *const *base_common;
	XgbodModel	model;
	XgbodLayout layout;
	const LoadedModel *base;
	const LoadedModel *unseen;	/* the base that judges a row of its training as though it had not been seen */
	const uint8 *taken;		/* rows that the base learned from; NULL = all */
	Matrix	   *augmented;
	float	   *labels;			/* 0 or 1 */
	float	   *base_margins;
	int64		npositive;
	Jsonb	   *boost;			/* the trees' parameters */
	float		positive_weight;	/* of a row called anomalous; others weigh 1 */
	Encoder    *encoder;		/* of what the trees look at */
} Learning;

/* Reads the own options and checks the base's. */
void
xgbod_read_options(ModelTask task, const Jsonb *params, const char *const *common,
				   XgbodOptions *options, const char *const **base_common)
{
	int			n = 0;
	const char **names;

	while (common[n] != NULL)
		n++;
	names = palloc0(mul_size(n + lengthof(xgbod_specs) + 1, sizeof(char *)));
	for (int i = 0; i < n; i++)
		names[i] = common[i];
	for (int i = 0; i < lengthof(xgbod_specs); i++)
		names[n + i] = xgbod_specs[i].name;
	options_parse_own(params, "xgbod", xgbod_specs, lengthof(xgbod_specs), options);
	algorithm_ensemble.check(task, params, names);
	if (options->boost != NULL)
	{
		static const char *const none[] = {NULL};

		if (!JB_ROOT_IS_OBJECT(options->boost))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"boost\" of xgbod must be an object"),
					 errhint("Give parameters of algorithm xgboost, such as {\"max_depth\": 4}.")));
		algorithm_xgboost.check(TASK_CLASSIFICATION, options->boost, none);
	}
	*base_common = names;
}

/* Gives the trees' parameters: what was given over the defaults. */
Jsonb *
xgbod_boost_params(const Jsonb *given)
{
	Datum		defaults = DirectFunctionCall1(jsonb_in, CStringGetDatum(BOOST_DEFAULTS));

	if (given != NULL)
		defaults = DirectFunctionCall2(jsonb_concat, defaults, JsonbPGetDatum(given));
	return DatumGetJsonbP(defaults);
}

/* Estimates what a training takes beside the data: the base, its rows again, what the trees look at, and the trees. */
Size
xgbod_train_bytes(const TrainSize *size)
{
	static const char *const none[] = {NULL};
	XgbodOptions options;
	const char *const *base_common;
	TrainSize	base = *size;
	TrainSize	trees = *size;
	Size		width = add_size(mul_size(size->ncols, 2), ENSEMBLE_MAX_COMPONENTS + 1);
	Size		rows = mul_size(mul_size(width, sizeof(float)), Max(size->nrows, 1));

	xgbod_read_options(size->task, size->params, size->common, &options, &base_common);
	base.common = base_common;
	trees.task = TASK_CLASSIFICATION;
	trees.ncols = (int) width;
	trees.nclasses = 2;
	trees.params = xgbod_boost_params(options.boost);
	trees.common = none;
	return add_size(Max(algorithm_ensemble.estimate(&base), add_size(rows, algorithm_xgboost.estimate(&trees))),
					options.folds > 0 ? rows : mul_size(mul_size(size->ncols, sizeof(float)), size->nrows));
}

/* Copies the rows that a function of their number takes. */
static Matrix *
copy_rows(const Learning *learning, const Matrix *rows, const uint8 *taken)
{
	Matrix	   *copy = matrix_create(CurrentMemoryContext, rows->ncols, learning->request->budget, "rows to learn from");

	for (int64 i = 0; i < rows->nrows; i++)
	{
		if (i % 8192 == 0)
			CHECK_FOR_INTERRUPTS();
		if (taken[i])
			memcpy(matrix_append(copy), matrix_row(rows, i), sizeof(float) * rows->ncols);
	}
	return copy;
}

/* Reads the labels: what is not called anomalous is not. */
static void
read_labels(Learning *learning)
{
	const TrainRequest *request = learning->request;
	int64		n = request->rows->nrows;

	if (request->labels == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("algorithm xgbod learns from labels, and there are none"),
				 errhint("Name the column that tells which rows are anomalous in option \"label\".")));
	learning->labels = palloc_extended(mul_size(n, sizeof(float)), MCXT_ALLOC_HUGE);
	for (int64 i = 0; i < n; i++)
	{
		learning->labels[i] = request->labels[i] > 0.5f ? 1 : 0;
		learning->npositive += request->labels[i] > 0.5f;
	}
	if (learning->npositive == 0 || learning->npositive == n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 learning->npositive == 0 ? errmsg("no row is labelled anomalous") : errmsg("every row is labelled anomalous"),
				 errdetail("The source has " INT64_FORMAT " rows.", n),
				 errhint("Algorithm xgbod needs rows of both kinds; a row whose label is NULL counts as not anomalous.")));
}

/* Takes over what training must know of the encoder. */
static void
describe_features(Learning *learning)
{
	const Encoder *encoder = learning->request->encoder;
	XgbodModel *model = &learning->model;

	model->nfeatures = encoder->nfeatures;
	model->novelty = (float) learning->options.novelty;
	model->limits = palloc0(mul_size(encoder->nfeatures, sizeof(int32)));
	model->owners = palloc0(mul_size(encoder->nfeatures, sizeof(int32)));
	for (int f = 0; f < encoder->nfeatures; f++)
	{
		model->owners[f] = encoder->features[f].column;
		if (encoder->features[f].categorical)
			model->limits[f] = Max(encoder->features[f].ncategories, 1);
	}
}

/* Gives the rows that the base learns from: all, or not more anomalous ones than it bears, evenly taken. */
static const Matrix *
base_rows(Learning *learning)
{
	const Matrix *rows = learning->request->rows;
	int64		normal = rows->nrows - learning->npositive;
	int64		most = Max((int64) (normal * BASE_MAX_ANOMALOUS / (1 - BASE_MAX_ANOMALOUS)), 1);
	int64		seen = 0;
	uint8	   *taken;
	Matrix	   *part;

	learning->taken = NULL;
	if (learning->npositive <= most)
		return rows;
	taken = palloc_extended(rows->nrows, MCXT_ALLOC_HUGE);
	for (int64 i = 0; i < rows->nrows; i++)
	{
		taken[i] = true;
		if (learning->labels[i] == 0)
			continue;
		/* whether the row is one of most, spread over npositive */
		taken[i] = (seen + 1) * most / learning->npositive > seen * most / learning->npositive;
		seen++;
	}
	part = copy_rows(learning, rows, taken);
	learning->taken = taken;
	return part;
}

/* Trains the base. */
static void
train_base(Learning *learning, TrainResult *result)
{
	TrainRequest request = *learning->request;

	request.rows = base_rows(learning);
	request.labels = NULL;
	request.common = learning->base_common;
	request.component = true;
	algorithm_ensemble.train(&request, result);
	if (request.rows != learning->request->rows)
		matrix_free(unconstify(Matrix *, request.rows));
	learning->base = algorithm_ensemble.open(result->compiled.data, result->compiled.len);
	learning->unseen = algorithm_ensemble.open(result->unseen.data, result->unseen.len);
	xgbod_layout(learning->base, &learning->layout);
}

/* Makes what the trees look at, as it would be were each row a new one. */
static void
augment_rows(Learning *learning)
{
	const Matrix *rows = learning->request->rows;
	const XgbodLayout *layout = &learning->layout;
	float	   *block = palloc(mul_size(mul_size(XGBOD_BLOCK, rows->ncols), sizeof(float)));
	float	   *wide = palloc(mul_size(mul_size(XGBOD_BLOCK, layout->width), sizeof(float)));

	learning->augmented = matrix_create(CurrentMemoryContext, layout->width, learning->request->budget, "what the trees look at");
	learning->base_margins = palloc_extended(mul_size(rows->nrows, sizeof(float)), MCXT_ALLOC_HUGE);
	progress_phase(learning->request->progress, "scoring rows", rows->nrows);
	for (int64 done = 0; done < rows->nrows; done += XGBOD_BLOCK)
	{
		int			n = (int) Min(XGBOD_BLOCK, rows->nrows - done);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n; i++)
			memcpy(block + (Size) i * rows->ncols, matrix_row(rows, done + i), sizeof(float) * rows->ncols);
		xgbod_augment(learning->unseen, layout, learning->model.limits, block, n, wide, learning->base_margins + done);
		/* rows that the base was not shown are new to it as it is */
		for (int i = 0; learning->taken != NULL && i < n; i++)
			if (!learning->taken[done + i])
				xgbod_augment(learning->base, layout, learning->model.limits, block + (Size) i * rows->ncols, 1,
							  wide + (Size) i * layout->width, learning->base_margins + done + i);
		for (int i = 0; i < n; i++)
			memcpy(matrix_append(learning->augmented), wide + (Size) i * layout->width, sizeof(float) * layout->width);
		progress_update(learning->request->progress, done + n);
	}
	pfree(block);
	pfree(wide);
}

/* Adds a number that is no column of the source to what the trees look at. */
static void
add_number(Encoder *encoder, const char *name)
{
	EncoderColumn *column = &encoder->columns[encoder->ncolumns];
	EncoderFeature *feature = &encoder->features[encoder->nfeatures];

	column->name = pstrdup(name);
	column->kind = ENCODER_NUMBER;
	column->first_feature = encoder->nfeatures;
	column->nfeatures = 1;
	feature->name = column->name;
	feature->column = encoder->ncolumns++;
	encoder->nfeatures++;
}

/* Describes what the trees look at as an encoder would. */
static void
describe_augmented(Learning *learning)
{
	const Encoder *given = learning->request->encoder;
	const XgbodLayout *layout = &learning->layout;
	Encoder    *encoder = palloc0(sizeof(Encoder));
	int			more = layout->width - layout->nfeatures;

	encoder->columns = palloc0(mul_size(given->ncolumns + more, sizeof(EncoderColumn)));
	encoder->features = palloc0(mul_size(layout->width, sizeof(EncoderFeature)));
	memcpy(encoder->columns, given->columns, sizeof(EncoderColumn) * given->ncolumns);
	memcpy(encoder->features, given->features, sizeof(EncoderFeature) * given->nfeatures);
	encoder->ncolumns = given->ncolumns;
	encoder->nfeatures = given->nfeatures;
	for (int i = 0; i < layout->nparts; i++)
		add_number(encoder, psprintf("(%s)", ensemble_component(learning->base, i)->algorithm->name));
	add_number(encoder, "(margin)");
	for (int c = 0; c < layout->ncolumns; c++)
		add_number(encoder, psprintf("(surprise of %s)", given->columns[c].name));
	learning->encoder = encoder;
}

/*
 * Grows trees on some rows.  Both kinds of rows weigh the same together: few
 * labels would otherwise hardly move trees that start from their share.
 */
static void
train_trees(const Learning *learning, const Matrix *rows, const float *labels, TrainResult *result)
{
	static const char *const none[] = {NULL};
	static char *const classes[] = {"false", "true"};
	TrainRequest request = {0};
	float	   *weights = palloc_extended(mul_size(rows->nrows, sizeof(float)), MCXT_ALLOC_HUGE);

	for (int64 i = 0; i < rows->nrows; i++)
		weights[i] = labels[i] > 0 ? learning->positive_weight : 1;
	request.task = TASK_CLASSIFICATION;
	request.rows = rows;
	request.labels = labels;
	request.weights = weights;
	request.encoder = learning->encoder;
	request.nclasses = 2;
	request.classes = classes;
	request.params = learning->boost;
	request.common = none;
	request.seed = learning->request->seed;
	request.budget = learning->request->budget;
	request.progress = learning->request->progress;
	algorithm_xgboost.train(&request, result);
	pfree(weights);
}

/* Scores the rows of one fold (all of them when fold is NULL) by trees, in blocks. */
static void
score_rows(const Learning *learning, const LoadedModel *trees, const uint8 *fold, int k, float *margins)
{
	const Matrix *rows = learning->augmented;
	float	   *block = palloc(mul_size(mul_size(XGBOD_BLOCK, rows->ncols), sizeof(float)));
	float		scores[XGBOD_BLOCK];
	int64		which[XGBOD_BLOCK];
	int			n = 0;

	for (int64 i = 0; i < rows->nrows; i++)
	{
		if (fold == NULL || fold[i] == k)
		{
			memcpy(block + (Size) n * rows->ncols, matrix_row(rows, i), sizeof(float) * rows->ncols);
			which[n++] = i;
		}
		if (n < XGBOD_BLOCK && i < rows->nrows - 1)
			continue;
		CHECK_FOR_INTERRUPTS();
		algorithm_xgboost.margin(trees, block, n, scores);
		while (n > 0)
		{
			n--;
			margins[which[n]] = scores[n];
		}
	}
	pfree(block);
}

/* Deals the rows out to folds at random, those of each label evenly. */
static uint8 *
deal_folds(const Learning *learning, int nfolds)
{
	int64		n = learning->augmented->nrows;
	uint8	   *fold = palloc_extended(n, MCXT_ALLOC_HUGE);
	int			next[2] = {0, 0};
	uint8		order[2][MAX_FOLDS];
	pg_prng_state rng;

	pg_prng_seed(&rng, learning->request->seed ^ UINT64CONST(0x5bd1e995));
	for (int64 i = 0; i < n; i++)
	{
		int			label = (int) learning->labels[i];

		if (next[label] == 0)
		{
			for (int k = 0; k < nfolds; k++)
				order[label][k] = (uint8) k;
			for (int k = nfolds - 1; k > 0; k--)
			{
				int			other = (int) pg_prng_uint64_range(&rng, 0, k);
				uint8		kept = order[label][k];

				order[label][k] = order[label][other];
				order[label][other] = kept;
			}
		}
		fold[i] = order[label][next[label]];
		next[label] = (next[label] + 1) % nfolds;
	}
	return fold;
}

/* Gives each row's margin by trees that did not see it. */
static void
cross_fit(const Learning *learning, int nfolds, float *margins)
{
	int64		n = learning->augmented->nrows;
	uint8	   *fold = deal_folds(learning, nfolds);
	uint8	   *taken = palloc_extended(n, MCXT_ALLOC_HUGE);
	float	   *labels = palloc_extended(mul_size(n, sizeof(float)), MCXT_ALLOC_HUGE);

	for (int k = 0; k < nfolds; k++)
	{
		MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe xgbod fold", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(context);
		TrainResult result = {0};
		int64		nlabels = 0;

		for (int64 i = 0; i < n; i++)
		{
			taken[i] = fold[i] != k;
			if (taken[i])
				labels[nlabels++] = learning->labels[i];
		}
		train_trees(learning, copy_rows(learning, learning->augmented, taken), labels, &result);
		score_rows(learning, algorithm_xgboost.open(result.compiled.data, result.compiled.len), fold, k, margins);
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
	}
	pfree(fold);
	pfree(taken);
	pfree(labels);
}

/* Learns what the trees' margins, and the margins of both, mean on rows that nobody called anomalous. */
static void
learn_tails(Learning *learning, const float *margins)
{
	XgbodModel *model = &learning->model;
	int64		n = learning->augmented->nrows;
	int64		kept = 0;
	float	   *scores = palloc_extended(mul_size(n, sizeof(float)), MCXT_ALLOC_HUGE);

	for (int64 i = 0; i < n; i++)
		if (learning->labels[i] == 0)
			scores[kept++] = margins[i];
	tail_learn(scores, kept, &model->trees_tail);
	kept = 0;
	for (int64 i = 0; i < n; i++)
		if (learning->labels[i] == 0)
			scores[kept++] = tail_bits(&model->trees_tail, margins[i]) + model->novelty * learning->base_margins[i];
	tail_learn(scores, kept, &model->tail);
	pfree(scores);
}

/* Writes the effective parameters: the own ones, then the base's. */
static void
write_params(const Learning *learning, const XgbodOptions *options, const char *base, StringInfo out)
{
	options_to_json(out, xgbod_specs, lengthof(xgbod_specs), options);
	if (strlen(base) > 2)
	{
		out->data[--out->len] = '\0';
		appendStringInfo(out, ", %s", base + 1);
	}
}

/* Trains base and trees and writes both, with what their scores mean, as the artifact. */
void
xgbod_train(const TrainRequest *request, TrainResult *result)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "aipipe xgbod train", ALLOCSET_DEFAULT_SIZES);
	Learning	learning = {.request = request};
	TrainResult base = {0};
	TrainResult trees = {0};
	float	   *margins;
	int			nfolds;

	initStringInfo(&result->artifact);
	initStringInfo(&result->compiled);
	initStringInfo(&result->params);
	MemoryContextSwitchTo(context);
	xgbod_read_options(request->task, request->params, request->common, &learning.options, &learning.base_common);
	read_labels(&learning);
	describe_features(&learning);
	train_base(&learning, &base);
	augment_rows(&learning);
	describe_augmented(&learning);
	learning.boost = xgbod_boost_params(learning.options.boost);
	learning.positive_weight = (float) (request->rows->nrows - learning.npositive) / learning.npositive;
	/* each fold's trees must have a labelled row to learn from */
	nfolds = learning.npositive < 2 ? 0 : (int) Min(learning.options.folds, learning.npositive);
	nfolds = nfolds < 2 ? 0 : nfolds;
	learning.options.folds = nfolds;
	learning.options.boost = learning.boost;
	margins = palloc_extended(mul_size(request->rows->nrows, sizeof(float)), MCXT_ALLOC_HUGE);
	if (nfolds > 0)
		cross_fit(&learning, nfolds, margins);
	train_trees(&learning, learning.augmented, learning.labels, &trees);
	if (nfolds == 0)
		score_rows(&learning, algorithm_xgboost.open(trees.compiled.data, trees.compiled.len), NULL, 0, margins);
	learn_tails(&learning, margins);
	xgbod_write(&learning.model, &base.artifact, &trees.artifact, &result->artifact);
	write_params(&learning, &learning.options, base.params.data, &result->params);
	MemoryContextSwitchTo(caller);
	xgbod_compile(result->artifact.data, result->artifact.len, &result->compiled);
	result->library = pstrdup(trees.library);
	result->peak_bytes = Max(MemoryContextMemAllocated(context, true), Max(base.peak_bytes, trees.peak_bytes));
	MemoryContextDelete(context);
}
