/*-------------------------------------------------------------------------
 *
 * iforest_refresh.c
 *	  An isolation forest that learns more rows: its oldest trees make room.
 *
 * A model keeps no training rows: they may be somebody's who is allowed to see
 * the model only, may have to be deleted, and would make it as large as its source.
 * So old and new rows cannot be drawn from together.  What can be done:
 *
 * - Of the trees, the share that the new rows have of all rows (old ones counting
 *	 keep each), but at most 1 - keep, is replaced, the oldest first.  Trees stand in the order
 *	 of their age.  When batches of one size come one after the other, that is 1 - keep each time.
 * - A guard stays while what it watches for is still rare, counted in all rows:
 *	 of the old ones it was.  Otherwise the new rows say what is watched for in
 *	 its place.  Where there was no guard comes none: old rows showed all that.
 * - Severities are learned from the new rows' scores, the old points counting keep a row.
 *
 * Pairs of columns and their scales stay.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "learn/iforest.h"

/* Says how many trees new rows replace. */
int64
iforest_renewed_trees(int64 ntrees, int64 nold, int64 nnew, double keep)
{
	double		share = nnew / (nnew + keep * nold);

	return (int64) rint(ntrees * Min(share, 1 - keep));
}

/* Brings the leaves of a tree to their share in a forest of other trees. */
static void
scale_leaves(ForestTree *tree, double factor)
{
	for (int node = 0; node < tree->nnodes; node++)
	{
		if (tree->left[node] >= 0)
			continue;
		tree->value[node] = (float) (tree->value[node] * factor);
		tree->base_weight[node] = tree->value[node];
	}
}

/* Makes the trees of the next forest, without guards, in CurrentMemoryContext. */
Forest *
iforest_renew(const Forest *old, const Matrix *rows, const Encoder *encoder, const IforestOptions *options,
			  const IforestPairs *pairs, int64 nrenewed, uint64 seed, Progress *progress)
{
	int64		nkept = options->n_estimators - nrenewed;
	Forest	   *forest = palloc(sizeof(Forest));
	IforestOptions some = *options;
	pg_prng_state rng;
	Forest	   *grown;

	*forest = *old;
	forest->context = CurrentMemoryContext;
	forest->ntrees = forest->best_iteration_trees = (int) options->n_estimators;
	forest->trees = palloc_extended(mul_size(sizeof(ForestTree), options->n_estimators), MCXT_ALLOC_HUGE);
	memcpy(forest->trees, old->trees + nrenewed, sizeof(ForestTree) * nkept);
	if (nrenewed == 0)
		return forest;
	some.n_estimators = nrenewed;
	pg_prng_seed(&rng, seed);
	grown = iforest_grow(rows, encoder, &some, pairs, &rng, progress);
	for (int64 t = 0; t < nrenewed; t++)
	{
		scale_leaves(&grown->trees[t], (double) nrenewed / options->n_estimators);
		forest->trees[nkept + t] = grown->trees[t];
	}
	return forest;
}

/* Orders category codes. */
static int
compare_codes(const void *a, const void *b)
{
	return *(const int32 *) a - *(const int32 *) b;
}

/* Says whether a row takes an exit of a guard. */
static bool
takes_exit(const ForestTree *guard, const float *row)
{
	int			node = 0;

	while (guard->left[node] >= 0)
	{
		float		v = row[guard->feature[node]];
		bool		left;

		if (isnan(v))
			left = guard->default_left[node] == 1;
		else if (guard->has_categories && guard->split_type[node] != 0)
		{
			int32		code = (v >= 0 && v < 1e9f) ? (int32) v : -1;

			left = bsearch(&code, guard->cats + guard->cat_start[node], guard->cat_count[node],
						   sizeof(int32), compare_codes) == NULL;
		}
		else
			left = v < guard->value[node];
		node = left ? guard->left[node] : guard->right[node];
	}
	return guard->value[node] < 0;
}

/* Says whether what a guard watches for is still rare. */
static bool
still_rare(const ForestTree *guard, const Matrix *rows, int ncolumns, double nold)
{
	int64		exits = 0;

	for (int64 i = 0; i < rows->nrows; i++)
	{
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		exits += takes_exit(guard, matrix_row(rows, i));
	}
	return (double) exits * ncolumns < IFOREST_GUARD_SHARE * (nold + rows->nrows);
}

/* Gives the guard on a feature, or NULL. */
static const ForestTree *
find_guard(const Forest *guards, int feature)
{
	for (int t = 0; t < guards->ntrees; t++)
	{
		if (guards->trees[t].feature[0] == feature)
			return &guards->trees[t];
	}
	return NULL;
}

/* Adds the guards to the trees of the next forest; nold is what the old rows still count. */
void
iforest_renew_guards(Forest *forest, const Forest *old, const Matrix *rows, const Encoder *encoder,
					 const float *scores, int64 nscores, int64 sample, double nold)
{
	int			first = forest->ntrees;
	int			ncolumns = encoder ? encoder->ncolumns : rows->ncols;
	Forest		fresh = {.context = forest->context};

	fresh.trees = palloc(sizeof(ForestTree));
	iforest_add_guards(&fresh, rows, encoder, scores, nscores, sample);
	forest->trees = repalloc_huge(forest->trees, mul_size(sizeof(ForestTree), Max(old->ntrees, first)));
	for (int t = first; t < old->ntrees; t++)
	{
		const ForestTree *guard = &old->trees[t];

		if (!still_rare(guard, rows, ncolumns, nold))
			guard = find_guard(&fresh, guard->feature[0]);
		if (guard != NULL)
			forest->trees[forest->ntrees++] = *guard;
	}
	forest->best_iteration_trees = forest->ntrees;
}
