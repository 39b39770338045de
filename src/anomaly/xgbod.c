/*-------------------------------------------------------------------------
 *
 * xgbod.c
 *	  Boosted trees over a row's features and what detectors say about it, as one
 *	  of the algorithms: detectors that learn from labels.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "storage/shmem.h"

#include "anomaly/xgbod.h"

/* Says that detectors are what it is for. */
static bool
serves(ModelTask task)
{
	return task == TASK_ANOMALY;
}

/* Checks the parameters before any row is read. */
static void
check(ModelTask task, const Jsonb *params, const char *const *common)
{
	XgbodOptions options;
	const char *const *base_common;

	xgbod_read_options(task, params, common, &options, &base_common);
}

/* Opens a compiled form in the current context. */
static LoadedModel *
load(const char *compiled, Size len)
{
	LoadedModel *model = palloc0(sizeof(LoadedModel));
	XgbodState *state = xgbod_open_state(compiled, len);

	model->algorithm = &algorithm_xgbod;
	model->nfeatures = state->model.nfeatures;
	model->nmargins = 1;
	model->nvalues = 1;
	model->state = state;
	return model;
}

/* Gives the margins of a block and, unless NULL, what the trees look at and their bits. */
static void
score_block(const XgbodState *state, const float *rows, int nrows, float *augmented, float *bits, float *out)
{
	float		base[XGBOD_BLOCK];

	xgbod_augment(state->base, &state->layout, state->model.limits, rows, nrows, augmented, base);
	algorithm_xgboost.margin(state->trees, augmented, nrows, bits);
	for (int i = 0; i < nrows; i++)
	{
		bits[i] = tail_bits(&state->model.trees_tail, bits[i]);
		out[i] = bits[i] + state->model.novelty * base[i];
	}
}

/* Gives the margins of any number of rows. */
static void
margin(const LoadedModel *model, const float *rows, int nrows, float *out)
{
	const XgbodState *state = model->state;
	int			block = Min(nrows, XGBOD_BLOCK);
	float	   *augmented = palloc(mul_size(mul_size(Max(block, 1), state->layout.width), sizeof(float)));
	float		bits[XGBOD_BLOCK];

	for (int done = 0; done < nrows; done += block)
		score_block(state, rows + (Size) done * model->nfeatures, Min(block, nrows - done), augmented, bits, out + done);
	pfree(augmented);
}

/* Turns margins into severities: shares of the training rows not called anomalous that look more normal. */
static void
values(const LoadedModel *model, const float *margin, int nrows, float *out)
{
	const XgbodState *state = model->state;

	for (int i = 0; i < nrows; i++)
		out[i] = (float) (1.0 - exp2(-tail_bits(&state->model.tail, margin[i])));
}

/* P(a training row not called anomalous has this margin or a greater one). */
static double
pvalue(const LoadedModel *model, float margin)
{
	const XgbodState *state = model->state;

	return exp2(-tail_bits(&state->model.tail, margin));
}

/* Gives the parts of one row's margin. */
int
xgbod_parts(const LoadedModel *model, const float *row, EnsemblePart parts[ENSEMBLE_MAX_COMPONENTS])
{
	const XgbodState *state = model->state;
	EnsemblePart base[ENSEMBLE_MAX_COMPONENTS];
	int			n = Min(ensemble_parts(state->base, row, base), ENSEMBLE_MAX_COMPONENTS - 1);
	float	   *augmented = palloc(mul_size(state->layout.width, sizeof(float)));
	float		margin;

	xgbod_augment(state->base, &state->layout, state->model.limits, row, 1, augmented, &margin);
	algorithm_xgboost.margin(state->trees, augmented, 1, &margin);
	parts[0].component = algorithm_xgbod.name;
	parts[0].weight = 1;
	parts[0].strangeness = margin;
	parts[0].bits = tail_bits(&state->model.trees_tail, margin);
	for (int i = 0; i < n; i++)
	{
		parts[i + 1] = base[i];
		parts[i + 1].weight *= state->model.novelty;
	}
	pfree(augmented);
	return n + 1;
}

/* Says whether a feature is the first of its column, where the column's own share belongs. */
static bool
is_first(const XgbodState *state, int feature)
{
	const int32 *owners = state->model.owners;

	return (feature == 0 || owners[feature] != owners[feature - 1]) && owners[feature] < state->layout.ncolumns;
}

/* Adds what speaks for the trees' verdict, by place, to the features that it comes from. */
static void
spread(const XgbodState *state, const double *places, const double *base, double *phi)
{
	const XgbodLayout *layout = &state->layout;
	double		shared = 0;
	double		total = 0;

	for (int f = 0; f < layout->nfeatures; f++)
		phi[f] += places[f] + (is_first(state, f) ? places[XGBOD_SURPRISE(layout) + state->model.owners[f]] : 0);
	/* a component's strangeness and the margin are the columns' in the base's own shares */
	for (int i = 0; i <= layout->nparts; i++)
		shared += places[XGBOD_PART(layout) + i];
	for (int f = 0; f < layout->nfeatures; f++)
		total += Max(base[f], 0);
	for (int f = 0; f < layout->nfeatures; f++)
		phi[f] += shared * (total > 0 ? Max(base[f], 0) / total : 1.0 / layout->nfeatures);
}

/*
 * Gives each feature's share in the margin: the base's evidence as the base
 * shares it, the trees' in the ratio of the places that speak for it (positive
 * Shapley values).  They add up to the margin; the bias is zero.
 */
static void
explain(const LoadedModel *model, const float *row, int output, double *phi)
{
	const XgbodState *state = model->state;
	const XgbodLayout *layout = &state->layout;
	float	   *augmented = palloc(mul_size(layout->width, sizeof(float)));
	double	   *places = palloc(mul_size(layout->width + 1, sizeof(double)));
	double	   *base = palloc(mul_size(layout->nfeatures + 1, sizeof(double)));
	double		total = 0;
	float		bits;
	float		all;

	score_block(state, row, 1, augmented, &bits, &all);
	state->base->algorithm->explain(state->base, row, 0, base);
	state->trees->algorithm->explain(state->trees, augmented, 0, places);
	for (int p = 0; p < layout->width; p++)
	{
		places[p] = Max(places[p], 0);
		total += places[p];
	}
	for (int p = 0; p < layout->width; p++)
		places[p] = total > 0 ? bits * places[p] / total : bits / layout->width;
	for (int f = 0; f < layout->nfeatures; f++)
		phi[f] = state->model.novelty * base[f];
	phi[layout->nfeatures] = state->model.novelty * base[layout->nfeatures];
	spread(state, places, base, phi);
	pfree(augmented);
	pfree(places);
	pfree(base);
}

/* Says what the base says about a cell. */
static bool
cell(const LoadedModel *model, const Encoder *encoder, const float *row, int column, CellReason *reason)
{
	const XgbodState *state = model->state;

	return state->base->algorithm->cell != NULL && state->base->algorithm->cell(state->base, encoder, row, column, reason);
}

/* Gives the trees' gain, cover and weight of the features; what the base tells them is nobody's. */
static void
importance(const LoadedModel *model, double *gain, double *cover, double *weight)
{
	const XgbodState *state = model->state;
	const XgbodLayout *layout = &state->layout;
	double	   *sums = palloc(mul_size(mul_size(3, layout->width), sizeof(double)));
	double	   *from[3];
	double	   *to[3] = {gain, cover, weight};

	for (int k = 0; k < 3; k++)
		from[k] = sums + (Size) k * layout->width;
	algorithm_xgboost.importance(state->trees, from[0], from[1], from[2]);
	for (int k = 0; k < 3; k++)
	{
		for (int f = 0; f < layout->nfeatures; f++)
			to[k][f] = from[k][f] + (is_first(state, f) ? from[k][XGBOD_SURPRISE(layout) + state->model.owners[f]] : 0);
	}
	pfree(sums);
}

const Algorithm algorithm_xgbod = {
	.name = "xgbod",
	.serves = serves,
	.check = check,
	.estimate = xgbod_train_bytes,
	.train = xgbod_train,
	.compile = xgbod_compile,
	.open = load,
	.margin = margin,
	.values = values,
	.explain = explain,
	.pvalue = pvalue,
	.cell = cell,
	.importance = importance,
};
