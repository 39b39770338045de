/*-------------------------------------------------------------------------
 *
 * iforest_score.c
 *	  Scores and explains rows by an isolation forest.
 *
 * Rows go through the block kernel, with the pairs made on the way.  Only a row that
 * misses a value which goes both ways in some split takes the slower walk; whether
 * it does is said by the row alone, so that it has the same score in every block.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "storage/shmem.h"

#include "learn/iforest.h"

/* Finds the given features whose missing values go both ways, in a split on them or on one of their pairs. */
void
iforest_prepare(IforestState *state)
{
	const IforestPairs *pairs = &state->pairs;
	bool	   *dividing = palloc(mul_size(sizeof(bool), forest_nfeatures(state->forest)));

	state->ndividing = 0;
	if (!forest_dividing(state->forest, dividing))
		return;
	for (int i = 0; i < pairs->npairs; i++)
	{
		if (!dividing[pairs->ngiven + i])
			continue;
		dividing[pairs->scaled[pairs->pairs[i].first].feature] = true;
		dividing[pairs->scaled[pairs->pairs[i].second].feature] = true;
	}
	state->dividing = palloc(mul_size(sizeof(int), Max(pairs->ngiven, 1)));
	for (int f = 0; f < pairs->ngiven; f++)
	{
		if (dividing[f])
			state->dividing[state->ndividing++] = f;
	}
	pfree(dividing);
}

/* Says whether the row misses a value that goes both ways somewhere. */
static inline bool
row_divides(const IforestState *state, const float *row)
{
	bool		missing = false;

	for (int i = 0; i < state->ndividing; i++)
		missing |= isnan(row[state->dividing[i]]);
	return missing;
}

/* Scores rows all or none of which divide. */
static void
score_alike(const IforestState *state, const float *rows, int nrows, bool divide, float *out)
{
	ForestDerived derived = {.ngiven = state->pairs.ngiven};

	if (state->pairs.npairs > 0)
	{
		derived.derive = iforest_derive;
		derived.arg = &state->pairs;
	}
	if (divide)
		forest_margin_divided(state->forest, &derived, rows, nrows, out);
	else
		forest_margin_derived(state->forest, &derived, rows, nrows, out);
}

/* Scores the rows of a block that divide, or the others, moved together. */
static void
score_some(const IforestState *state, const float *rows, int nrows, const bool *divides, bool divide, float *out)
{
	int			ngiven = state->pairs.ngiven;
	float	   *some = palloc(mul_size(mul_size(sizeof(float), nrows), ngiven));
	float	   *scores = palloc(mul_size(sizeof(float), nrows));
	int			n = 0;

	for (int i = 0; i < nrows; i++)
	{
		if (divides[i] == divide)
			memcpy(some + (Size) n++ * ngiven, rows + (Size) i * ngiven, sizeof(float) * ngiven);
	}
	score_alike(state, some, n, divide, scores);
	n = 0;
	for (int i = 0; i < nrows; i++)
	{
		if (divides[i] == divide)
			out[i] = scores[n++];
	}
	pfree(some);
	pfree(scores);
}

/* Scores a block: the rows that divide, and those that do not. */
void
iforest_score(const IforestState *state, const float *rows, int nrows, float *out)
{
	bool	   *divides;
	int			n = 0;

	if (nrows == 1)
	{
		score_alike(state, rows, 1, row_divides(state, rows), out);
		return;
	}
	divides = palloc(mul_size(sizeof(bool), Max(nrows, 1)));
	for (int i = 0; i < nrows; i++)
	{
		divides[i] = row_divides(state, rows + (Size) i * state->pairs.ngiven);
		n += divides[i];
	}
	if (n == 0 || n == nrows)
		score_alike(state, rows, nrows, n > 0, out);
	else
	{
		score_some(state, rows, nrows, divides, true, out);
		score_some(state, rows, nrows, divides, false, out);
	}
	pfree(divides);
}

/* Gives a copy of the row with its pairs. */
static float *
whole_row(const IforestState *state, const float *row)
{
	float	   *whole = palloc(mul_size(sizeof(float), forest_nfeatures(state->forest)));

	memcpy(whole, row, sizeof(float) * state->pairs.ngiven);
	if (state->pairs.npairs > 0)
		iforest_derive(&state->pairs, whole, 1, 1);
	return whole;
}

/* Gives each given feature's share in a row's raw score and, behind them, the bias. */
void
iforest_contributions(const IforestState *state, const float *row, double *phi)
{
	int			ngiven = state->pairs.ngiven;
	int			nfeatures = forest_nfeatures(state->forest);
	double	   *all = palloc(mul_size(sizeof(double), nfeatures + 1));
	float	   *whole = whole_row(state, row);

	forest_shap(state->forest, whole, 0, all);
	iforest_pairs_divide(&state->pairs, row, all);
	memcpy(phi, all, sizeof(double) * ngiven);
	phi[ngiven] = all[nfeatures];
	pfree(whole);
	pfree(all);
}
