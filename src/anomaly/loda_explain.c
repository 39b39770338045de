/*-------------------------------------------------------------------------
 *
 * loda_explain.c
 *	  Which columns make a row strange to LODA.
 *
 * The paper's own way: a column that makes a row strange makes the projections
 * that use it more surprised than those that do not.  How sure that is says a one-tailed
 * t-test of two samples with unequal variances (Welch).  It is done per column, not per
 * feature, because the projections are drawn by columns.
 *
 * The test says which columns, not by how many bits each.  So the row's margin is
 * shared out by the statistics: a strange row's among the columns with a positive
 * one, an ordinary row's (below zero) among those with a negative one.  When no column
 * can be told from the others, the bias takes it all.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "storage/shmem.h"

#include "anomaly/loda.h"
#include "learn/stats.h"

/* Variance of projections that do not differ at all: keeps the statistic finite. */
#define LEAST_VARIANCE 1e-6

/* The excess bits of one row's projections. */
typedef struct Excesses
{
	float	   *bits;			/* per projection; NaN = it misses an input */
	StatsMoments all;
} Excesses;

/* A column's test. */
typedef struct ColumnTest
{
	double		t;				/* 0 when nothing can be said */
	double		df;
} ColumnTest;

/* Gives the excess bits of one row, projection by projection. */
static void
row_excesses(const LodaState *state, const float *row, Excesses *excesses)
{
	float	   *inputs = palloc(mul_size(sizeof(float) * LODA_BLOCK, Max(state->ninputs, 1)));

	memset(excesses, 0, sizeof(*excesses));
	excesses->bits = palloc(mul_size(sizeof(float), Max(state->nprojections, 1)));
	loda_scale(state, row, 1, inputs);
	for (int p = 0; p < state->nprojections; p++)
	{
		float		values[LODA_BLOCK];

		loda_project(state, p, inputs, 1, values);
		excesses->bits[p] = isnan(values[0]) ? NAN : loda_excess(state, p, values[0]);
		if (!isnan(values[0]))
			stats_moments_add(&excesses->all, excesses->bits[p]);
	}
	pfree(inputs);
}

/* Says whether a projection uses an input of a column. */
static bool
uses_column(const LodaState *state, int projection, int column)
{
	for (int e = state->entry_first[projection]; e < state->entry_first[projection + 1]; e++)
	{
		if (state->column[state->entry_input[e]] == column)
			return true;
	}
	return false;
}

/* Gives the variance of a mean; a single projection is taken to vary as all do. */
static double
mean_variance(const StatsMoments *moments, const StatsMoments *all)
{
	double		variance = stats_variance(moments->n > 1 ? moments : all);

	return Max(isnan(variance) ? 0 : variance, LEAST_VARIANCE) / moments->n;
}

/* Tests whether the projections that use a column are more surprised than the others. */
static ColumnTest
test_column(const LodaState *state, const Excesses *excesses, int column)
{
	StatsMoments with = {0};
	StatsMoments without = {0};
	ColumnTest	test = {0, 1};
	double		v1;
	double		v2;

	for (int p = 0; p < state->nprojections; p++)
	{
		if (!isnan(excesses->bits[p]))
			stats_moments_add(uses_column(state, p, column) ? &with : &without, excesses->bits[p]);
	}
	if (with.n == 0 || without.n == 0)
		return test;
	v1 = mean_variance(&with, &excesses->all);
	v2 = mean_variance(&without, &excesses->all);
	test.t = (with.mean - without.mean) / sqrt(v1 + v2);
	test.df = (v1 + v2) * (v1 + v2) /
		(v1 * v1 / Max(with.n - 1, 1) + v2 * v2 / Max(without.n - 1, 1));
	return test;
}

/* Says whether an input is the first one of its column. */
static bool
begins_column(const LodaState *state, int input)
{
	return input == 0 || state->column[input] != state->column[input - 1];
}

/* Says whether all inputs are of one column, which then has no others to be compared with. */
static bool
is_one_column(const LodaState *state)
{
	return state->ninputs > 0 && state->column[0] == state->column[state->ninputs - 1];
}

/* Shares a row's margin out to the columns' first inputs. */
void
loda_explain(const LoadedModel *model, const float *row, int output, double *phi)
{
	const LodaState *state = model->state;
	Excesses	excesses;
	double	   *shares = palloc0(mul_size(sizeof(double), Max(state->ninputs, 1)));
	double		total = 0;
	float		margin;

	memset(phi, 0, mul_size(sizeof(double), model->nfeatures + 1));
	loda_margin(state, row, 1, &margin);
	row_excesses(state, row, &excesses);
	for (int i = 0; i < state->ninputs; i++)
	{
		double		t;

		if (!begins_column(state, i))
			continue;
		t = is_one_column(state) ? margin : test_column(state, &excesses, state->column[i]).t;
		shares[i] = Max(margin > 0 ? t : -t, 0);
		total += shares[i];
	}
	for (int i = 0; i < state->ninputs && total > 0; i++)
		phi[state->feature[i]] = margin * (shares[i] / total);
	if (!(total > 0))
		phi[model->nfeatures] = margin;
	pfree(excesses.bits);
	pfree(shares);
}

/* Gives the bits of a strange row's only column: those of the row. */
static double
row_bits(const LodaState *state, float margin)
{
	return -log2(Max(1.0 - severity_of(&state->severity, -margin), 1e-9));
}

/* Gives the bits by which a column of a strange row stands out, by the test's p-value; 0 when it does not. */
static double
column_bits(const LodaState *state, const float *row, int column)
{
	Excesses	excesses;
	ColumnTest	test;

	row_excesses(state, row, &excesses);
	test = test_column(state, &excesses, column);
	pfree(excesses.bits);
	if (test.t <= 0)
		return 0;
	return -log2(Max(stats_t_p(test.t, test.df) / 2, 1e-300));
}

/* Says how surely a column makes a row strange; false when it does not. */
bool
loda_cell(const LoadedModel *model, const Encoder *encoder, const float *row, int column, CellReason *reason)
{
	const LodaState *state = model->state;
	float		margin;
	double		bits;

	loda_margin(state, row, 1, &margin);
	if (margin <= 0)
		return false;
	if (is_one_column(state))
		bits = (state->column[0] == column) ? row_bits(state, margin) : 0;
	else
		bits = column_bits(state, row, column);
	if (bits <= 0)
		return false;
	memset(reason, 0, sizeof(*reason));
	reason->bits = bits;
	reason->given = -1;
	return true;
}

/* Gives by how many bits the histogram of a projection is narrower than one of even bins. */
static double
concentration(const LodaState *state, int projection)
{
	int			first = state->cell_first[projection];
	int			nbins = state->cell_first[projection + 1] - first;
	double		sum = 0;

	/* excess bits are -log2(share) less the entropy, so this is 2 ^ entropy */
	for (int b = 0; b < nbins; b++)
		sum += exp2(-state->cells[first + b]);
	return log2(nbins) - log2(Max(sum, 1));
}

/* Adds up over the projections of each feature: weight counts them, cover their weights, gain how narrow they are. */
void
loda_importance(const LoadedModel *model, double *gain, double *cover, double *weight)
{
	const LodaState *state = model->state;

	for (int f = 0; f < model->nfeatures; f++)
		gain[f] = cover[f] = weight[f] = 0;
	for (int p = 0; p < state->nprojections; p++)
	{
		double		narrow = concentration(state, p);

		for (int e = state->entry_first[p]; e < state->entry_first[p + 1]; e++)
		{
			int			f = state->feature[state->entry_input[e]];

			weight[f] += 1;
			cover[f] += fabs(state->entry_weight[e]);
			gain[f] += narrow;
		}
	}
}
