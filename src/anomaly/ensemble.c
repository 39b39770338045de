/*-------------------------------------------------------------------------
 *
 * ensemble.c
 *	  Detectors made of components, as one of the algorithms.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "storage/shmem.h"

#include "anomaly/ensemble_int.h"

#define EVIDENCE_BLOCK 64

/* Says that detectors are what ensembles are for. */
static bool
ensemble_serves(ModelTask task)
{
	return task == TASK_ANOMALY;
}

/* Checks the parameters before any row is read, the components' own too. */
static void
ensemble_check(ModelTask task, const Jsonb *params, const char *const *common)
{
	EnsembleChoice choice;

	ensemble_choose_possible(params, &choice);
	ensemble_check_options(params, common, &choice);
	for (int i = 0; i < choice.n; i++)
		choice.algorithm[i]->check(task, params, ensemble_passed_over(choice.algorithm[i], common));
}

/* Opens a compiled ensemble in CurrentMemoryContext. */
static LoadedModel *
ensemble_load(const char *compiled, Size len)
{
	LoadedModel *model = palloc0(sizeof(LoadedModel));
	EnsembleState *state = palloc0(sizeof(EnsembleState));

	model->nfeatures = ensemble_open(compiled, len, state);
	model->algorithm = &algorithm_ensemble;
	model->nmargins = 1;
	model->nvalues = 1;
	model->state = state;
	return model;
}

/* Gives -1 for an algorithm whose margin is low for a strange row, as a forest's path length is, else 1. */
int
ensemble_sign(const Algorithm *component)
{
	return component == &algorithm_iforest ? -1 : 1;
}

/* Gives a component's margins of a block as strangeness: a greater one is stranger. */
void
ensemble_strangeness(const LoadedModel *component, const float *rows, int nrows, float *out)
{
	component->algorithm->margin(component, rows, nrows, out);
	if (ensemble_sign(component->algorithm) < 0)
	{
		for (int i = 0; i < nrows; i++)
			out[i] = -out[i];
	}
}

/* Gives the components' raw strangeness (or NULL) and the margins of a block. */
void
ensemble_evidence(const LoadedModel *model, const float *rows, int nrows, float *strangeness, float *margins)
{
	const EnsembleState *state = model->state;
	float		raw[EVIDENCE_BLOCK];

	for (int done = 0; done < nrows; done += EVIDENCE_BLOCK)
	{
		int			n = Min(EVIDENCE_BLOCK, nrows - done);

		memset(margins + done, 0, sizeof(float) * n);
		for (int c = 0; c < state->n; c++)
		{
			const EnsembleComponent *component = &state->component[c];

			ensemble_strangeness(component->model, rows + (size_t) done * model->nfeatures, n, raw);
			for (int i = 0; i < n; i++)
				margins[done + i] += (float) (component->weight * tail_bits(&component->tail, raw[i]));
			for (int i = 0; strangeness != NULL && i < n; i++)
				strangeness[(size_t) (done + i) * state->n + c] = raw[i];
		}
	}
}

/* Gives the margins of a block. */
static void
ensemble_margin(const LoadedModel *model, const float *rows, int nrows, float *out)
{
	ensemble_evidence(model, rows, nrows, NULL, out);
}

/* Turns margins into severities. */
static void
ensemble_values(const LoadedModel *model, const float *margin, int nrows, float *out)
{
	const EnsembleState *state = model->state;

	for (int i = 0; i < nrows; i++)
		out[i] = severity_of(&state->severity, -margin[i]);
}

/* Gives the parts of one encoded row's margin. */
int
ensemble_parts(const LoadedModel *model, const float *row, EnsemblePart parts[ENSEMBLE_MAX_COMPONENTS])
{
	const EnsembleState *state = model->state;

	for (int c = 0; c < state->n; c++)
	{
		const EnsembleComponent *component = &state->component[c];
		float		raw;

		ensemble_strangeness(component->model, row, 1, &raw);
		parts[c].component = component->model->algorithm->name;
		parts[c].weight = component->weight;
		parts[c].strangeness = raw;
		parts[c].bits = tail_bits(&component->tail, raw);
	}
	return state->n;
}

/* Gives the number of components. */
int
ensemble_ncomponents(const LoadedModel *model)
{
	const EnsembleState *state = model->state;

	return state->n;
}

/* Gives a component. */
const LoadedModel *
ensemble_component(const LoadedModel *model, int i)
{
	const EnsembleState *state = model->state;

	return state->component[i].model;
}

/* Gives the tail of a component's strangeness. */
const Tail *
ensemble_tail(const LoadedModel *model, int i)
{
	const EnsembleState *state = model->state;

	return &state->component[i].tail;
}

/* Gives P(a training row has this margin or a greater one). */
static double
ensemble_pvalue(const LoadedModel *model, float margin)
{
	const EnsembleState *state = model->state;

	return exp2(-(double) tail_bits(&state->tail, margin));
}

/*
 * Gives each feature's share of the margin.  A component's bits are shared out
 * in proportion to what its own explanation says makes the row strange; what it
 * cannot say goes to the bias.
 */
static void
ensemble_explain(const LoadedModel *model, const float *row, int output, double *phi)
{
	const EnsembleState *state = model->state;
	int			nfeatures = model->nfeatures;
	double	   *own = palloc(mul_size(nfeatures + 1, sizeof(double)));
	EnsemblePart parts[ENSEMBLE_MAX_COMPONENTS];

	memset(phi, 0, sizeof(double) * (nfeatures + 1));
	ensemble_parts(model, row, parts);
	for (int c = 0; c < state->n; c++)
	{
		const LoadedModel *component = state->component[c].model;
		double		bits = parts[c].weight * parts[c].bits;
		double		sum = 0;

		component->algorithm->explain(component, row, 0, own);
		for (int f = 0; f < nfeatures; f++)
			sum += Max(own[f], 0);
		if (!(sum > 0 && isfinite(sum)))
		{
			phi[nfeatures] += bits;
			continue;
		}
		for (int f = 0; f < nfeatures; f++)
			phi[f] += bits * (Max(own[f], 0) / sum);
	}
	pfree(own);
}

/* Gives what the first component says that has something to say about a cell. */
static bool
ensemble_cell(const LoadedModel *model, const Encoder *encoder, const float *row, int column, CellReason *reason)
{
	const EnsembleState *state = model->state;

	for (int c = 0; c < state->n; c++)
	{
		const LoadedModel *component = state->component[c].model;

		if (component->algorithm->cell != NULL &&
			component->algorithm->cell(component, encoder, row, column, reason))
			return true;
	}
	return false;
}

/* Adds a component's figures to the sums, as shares of one that are worth its share of the weights. */
static void
add_shares(const double *own, int n, double worth, double *sums)
{
	double		sum = 0;

	for (int f = 0; f < n; f++)
		sum += own[f];
	if (!(sum > 0 && isfinite(sum)))
		return;
	for (int f = 0; f < n; f++)
		sums[f] += worth * own[f] / sum;
}

/* Gives each feature's share of what the components say of themselves, weighted. */
static void
ensemble_importance(const LoadedModel *model, double *gain, double *cover, double *weight)
{
	const EnsembleState *state = model->state;
	int			n = model->nfeatures;
	double	   *sums[3] = {gain, cover, weight};
	double		weights = 0;

	for (int i = 0; i < 3; i++)
		memset(sums[i], 0, sizeof(double) * n);
	for (int c = 0; c < state->n; c++)
		weights += state->component[c].weight;
	for (int c = 0; c < state->n; c++)
	{
		const LoadedModel *component = state->component[c].model;
		double	   *own[3];

		for (int i = 0; i < 3; i++)
			own[i] = palloc0(mul_size(Max(n, 1), sizeof(double)));
		component->algorithm->importance(component, own[0], own[1], own[2]);
		for (int i = 0; i < 3; i++)
		{
			add_shares(own[i], n, state->component[c].weight / weights, sums[i]);
			pfree(own[i]);
		}
	}
}

const Algorithm algorithm_ensemble = {
	.name = "ensemble",
	.serves = ensemble_serves,
	.check = ensemble_check,
	.estimate = ensemble_training_bytes,
	.train = ensemble_train_components,
	.compile = ensemble_compile,
	.open = ensemble_load,
	.margin = ensemble_margin,
	.values = ensemble_values,
	.pvalue = ensemble_pvalue,
	.explain = ensemble_explain,
	.cell = ensemble_cell,
	.refresh = ensemble_refresh_components,
	.importance = ensemble_importance,
};
