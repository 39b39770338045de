/*-------------------------------------------------------------------------
 *
 * iforest_tree.c
 *	  Grows isolation trees (Liu, Ting, Zhou 2008: "Isolation Forest").
 *
 * A tree takes a sample of the rows and splits it at random until rows stand
 * alone or the depth is used up.  Rows unlike the rest are alone after few
 * splits.  A leaf holds the length of the path to it plus the length that a
 * tree over its remaining rows would have on average, divided by the number of
 * trees, so that the leaves of a row add up to its mean path length.
 *
 * What the node's sample does not hold (NULL, or one of the other categories)
 * goes to the side with fewer rows: never having been seen here, it should be alone
 * sooner, not follow the crowd.  NULLs that are there and say nothing go both ways: a
 * row that is scored with both shares (forest_divide.c), a row of the sample to one of
 * them by a coin with these weights, so that every node owns whole rows.
 *
 * Nodes are numbered in the order of their depth, siblings next to each other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "learn/iforest_grow.h"

/*
 * Tabulates the mean path length of an unsuccessful search in a random binary
 * tree over n rows, 2 H(n-1) - 2 (n-1) / n, from exact harmonic numbers.
 */
static double *
path_table(int nrows)
{
	double	   *path = palloc(mul_size(sizeof(double), nrows + 1));
	double		harmonic = 0.0;

	path[0] = 0.0;
	for (int n = 1; n <= nrows; n++)
	{
		path[n] = 2.0 * harmonic - 2.0 * (n - 1) / n;
		harmonic += 1.0 / n;
	}
	return path;
}

/* Gives the column of a given feature. */
static int
column_of(const Encoder *encoder, int feature)
{
	return encoder ? encoder->features[feature].column : feature;
}

/* Lists the pairs by the columns that are in them. */
static void
list_pairs(Grower *g, const Encoder *encoder)
{
	const IforestPairs *pairs = g->pairs;
	int			n = 0;

	g->column_pairs = palloc0(mul_size(sizeof(int), g->ncolumns + 1));
	g->pairs_of = palloc(mul_size(sizeof(int), 2 * pairs->npairs + 1));
	for (int c = 0; c < g->ncolumns; c++)
	{
		g->column_pairs[c] = n;
		for (int i = 0; i < pairs->npairs; i++)
		{
			if (column_of(encoder, pairs->scaled[pairs->pairs[i].first].feature) == c ||
				column_of(encoder, pairs->scaled[pairs->pairs[i].second].feature) == c)
				g->pairs_of[n++] = i;
		}
	}
	g->column_pairs[g->ncolumns] = n;
}

/* Learns which features belong together and which are categories. */
static void
grower_layout(Grower *g, const Encoder *encoder)
{
	int			most = 1;
	int			widest = 1;

	g->ncolumns = encoder ? encoder->ncolumns : g->ngiven;
	g->column_first = palloc(mul_size(sizeof(int), g->ncolumns + 1));
	g->ncategories = palloc0(mul_size(sizeof(int), g->nfeatures));
	for (int c = 0; c < g->ncolumns; c++)
		g->column_first[c] = encoder ? encoder->columns[c].first_feature : c;
	g->column_first[g->ncolumns] = g->ngiven;

	for (int f = 0; encoder && f < g->ngiven; f++)
	{
		if (encoder->features[f].categorical)
			g->ncategories[f] = encoder->features[f].ncategories + 1;
		most = Max(most, g->ncategories[f]);
	}
	g->columns = palloc(mul_size(sizeof(int), g->ncolumns));
	for (int c = 0; c < g->ncolumns; c++)
	{
		g->columns[c] = c;
		widest = Max(widest, g->column_first[c + 1] - g->column_first[c]);
	}
	g->features = palloc(mul_size(sizeof(int), widest));
	g->present = palloc(mul_size(sizeof(int), most));
	g->side = palloc(mul_size(sizeof(int8), most));
	list_pairs(g, encoder);
}

/* Allocates what one tree needs and the next one uses again. */
static void
grower_scratch(Grower *g)
{
	Size		nodes = mul_size(2, g->nrows);

	g->nslots = 64;
	while (g->nslots < 4 * g->nrows)
		g->nslots *= 2;
	g->picked = palloc(mul_size(sizeof(int64), g->nrows));
	g->slots = palloc(mul_size(sizeof(int64), g->nslots));
	g->sample = MemoryContextAllocHuge(CurrentMemoryContext,
									   mul_size(mul_size(sizeof(float), g->nrows), g->nfeatures));
	g->rows = palloc(mul_size(sizeof(int), g->nrows));
	g->values = palloc(mul_size(sizeof(float), g->nrows));
	g->start = palloc(mul_size(sizeof(int), nodes));
	g->end = palloc(mul_size(sizeof(int), nodes));
	g->depth = palloc(mul_size(sizeof(int), nodes));

	g->tree.left = palloc(mul_size(sizeof(int32), nodes));
	g->tree.right = palloc(mul_size(sizeof(int32), nodes));
	g->tree.feature = palloc(mul_size(sizeof(int32), nodes));
	g->tree.value = palloc(mul_size(sizeof(float), nodes));
	g->tree.default_left = palloc(mul_size(sizeof(uint8), nodes));
	g->tree.gain = palloc(mul_size(sizeof(float), nodes));
	g->tree.cover = palloc(mul_size(sizeof(float), nodes));
	g->tree.base_weight = palloc(mul_size(sizeof(float), nodes));
	g->tree.split_type = palloc(mul_size(sizeof(uint8), nodes));
	g->tree.cat_start = palloc(mul_size(sizeof(int32), nodes));
	g->tree.cat_count = palloc(mul_size(sizeof(int32), nodes));
	g->cats_capacity = 1024;
	g->tree.cats = palloc(mul_size(sizeof(int32), g->cats_capacity));
}

/* Adds a row number to the set; false when it is there already. */
static bool
pick(Grower *g, int64 row)
{
	uint64		slot = (uint64) row * UINT64CONST(0x9E3779B97F4A7C15);

	for (slot >>= 32;; slot++)
	{
		slot &= g->nslots - 1;
		if (g->slots[slot] == row)
			return false;
		if (g->slots[slot] < 0)
		{
			g->slots[slot] = row;
			return true;
		}
	}
}

/* Draws the tree's rows without replacement (Floyd's method): as many draws as rows. */
static void
draw_rows(Grower *g, int64 available)
{
	int			n = 0;

	memset(g->slots, 0xff, sizeof(int64) * g->nslots);
	for (int64 last = available - g->nrows; last < available; last++)
	{
		int64		row = (int64) pg_prng_uint64_range(g->rng, 0, last);

		if (!pick(g, row))
		{
			row = last;
			(void) pick(g, row);
		}
		g->picked[n++] = row;
	}
}

/* Copies the tree's rows feature by feature; infinities become the largest numbers, impossible categories missing. */
static void
copy_sample(Grower *g, const Matrix *rows)
{
	for (int i = 0; i < g->nrows; i++)
	{
		const float *row = matrix_row(rows, g->picked[i]);

		g->rows[i] = i;
		for (int f = 0; f < g->ngiven; f++)
		{
			float		v = row[f];

			if (isinf(v))
				v = (v > 0) ? FLT_MAX : -FLT_MAX;
			if (g->ncategories[f] > 0 && !(v >= 0 && v < g->ncategories[f]))
				v = NAN;
			g->sample[(size_t) f * g->nrows + i] = v;
		}
		if (i % 64 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	for (int i = 0; g->pairs->npairs > 0 && i < g->nrows; i += FOREST_DERIVE_ROWS)
		iforest_derive(g->pairs, g->sample + i, g->nrows, Min(FOREST_DERIVE_ROWS, g->nrows - i));
}

/* Says whether a value of the split's feature goes left. */
static inline bool
goes_left(Grower *g, const Split *split, float v)
{
	if (isnan(v))
		return split->missing == MISSING_LEFT ||
			(split->missing == MISSING_BOTH && pg_prng_double(g->rng) < split->left_share);
	if (split->categorical)
		return !g->side[(int) v];
	return v < split->threshold;
}

/* Parts the node's rows in place and gives where the right side begins. */
static int
part_rows(Grower *g, int node, const Split *split)
{
	const float *values = g->sample + (size_t) split->feature * g->nrows;
	int			lo = g->start[node];
	int			hi = g->end[node];

	while (lo < hi)
	{
		int			row = g->rows[lo];

		if (goes_left(g, split, values[row]))
			lo++;
		else
		{
			g->rows[lo] = g->rows[--hi];
			g->rows[hi] = row;
		}
	}
	Assert(lo > g->start[node] && lo < g->end[node]);
	return lo;
}

/* Writes the categories that go right, those that the node does not hold with the smaller side. */
static void
note_categories(Grower *g, int node, int feature, bool small_left)
{
	ForestTree *tree = &g->tree;
	int			ncategories = g->ncategories[feature];

	while (tree->ncats + ncategories > g->cats_capacity)
	{
		g->cats_capacity *= 2;
		tree->cats = repalloc(tree->cats, mul_size(sizeof(int32), g->cats_capacity));
	}
	tree->has_categories = true;
	tree->split_type[node] = 1;
	tree->cat_start[node] = tree->ncats;
	for (int c = 0; c < ncategories; c++)
	{
		if (g->present[c] > 0 ? g->side[c] : !small_left)
			tree->cats[tree->ncats++] = c;
	}
	tree->cat_count[node] = tree->ncats - tree->cat_start[node];
	if (tree->cat_count[node] == 0)
	{
		/* only NULLs go right: every code is below the largest float */
		tree->split_type[node] = 0;
		tree->value[node] = FLT_MAX;
	}
}

/* Appends a node over some of the rows as a leaf, which it stays unless it is split. */
static int
add_node(Grower *g, int start, int end, int depth)
{
	ForestTree *tree = &g->tree;
	int			node = tree->nnodes++;

	g->start[node] = start;
	g->end[node] = end;
	g->depth[node] = depth;
	tree->depth = Max(tree->depth, depth);
	tree->left[node] = tree->right[node] = -1;
	tree->feature[node] = 0;
	tree->value[node] = (float) ((depth + g->path[end - start]) / g->ntrees);
	tree->base_weight[node] = tree->value[node];
	tree->default_left[node] = 0;
	tree->gain[node] = 0;
	tree->cover[node] = end - start;
	tree->split_type[node] = 0;
	tree->cat_start[node] = tree->cat_count[node] = 0;
	return node;
}

/* Splits a node in two. */
static void
split_node(Grower *g, int node, const Split *split)
{
	ForestTree *tree = &g->tree;
	int			middle = part_rows(g, node, split);
	int			nleft = middle - g->start[node];
	int			nright = g->end[node] - middle;
	bool		small_left = nleft <= nright;

	tree->feature[node] = split->feature;
	tree->value[node] = split->categorical ? 0 : split->threshold;
	if (split->categorical)
		note_categories(g, node, split->feature, small_left);
	tree->default_left[node] = (split->missing == MISSING_BOTH) ? FOREST_DIVIDES :
		(split->missing == MISSING_SMALLER) ? small_left : (split->missing == MISSING_LEFT);
	tree->gain[node] = abs(nleft - nright);
	tree->left[node] = add_node(g, g->start[node], middle, g->depth[node] + 1);
	tree->right[node] = add_node(g, middle, g->end[node], g->depth[node] + 1);
}

/* Gives a copy of an array in the context that stays. */
static void *
keep(const Grower *g, const void *array, int n, size_t width)
{
	void	   *copy = MemoryContextAlloc(g->result, mul_size(width, Max(n, 1)));

	memcpy(copy, array, width * n);
	return copy;
}

/* Grows one tree and leaves a copy of it in the forest. */
static void
grow_tree(Grower *g, const Matrix *rows, ForestTree *out)
{
	ForestTree *tree = &g->tree;
	Split		split = {0};

	draw_rows(g, rows->nrows);
	copy_sample(g, rows);
	tree->nnodes = tree->depth = tree->ncats = 0;
	tree->has_categories = false;
	(void) add_node(g, 0, g->nrows, 0);
	for (int node = 0; node < tree->nnodes; node++)
	{
		CHECK_FOR_INTERRUPTS();
		if (g->end[node] - g->start[node] > 1 && g->depth[node] < g->max_depth &&
			iforest_find_split(g, node, &split))
			split_node(g, node, &split);
	}

	*out = *tree;
	out->weight = 1;
	out->left = keep(g, tree->left, tree->nnodes, sizeof(int32));
	out->right = keep(g, tree->right, tree->nnodes, sizeof(int32));
	out->feature = keep(g, tree->feature, tree->nnodes, sizeof(int32));
	out->value = keep(g, tree->value, tree->nnodes, sizeof(float));
	out->default_left = keep(g, tree->default_left, tree->nnodes, sizeof(uint8));
	out->gain = keep(g, tree->gain, tree->nnodes, sizeof(float));
	out->cover = keep(g, tree->cover, tree->nnodes, sizeof(float));
	out->base_weight = keep(g, tree->base_weight, tree->nnodes, sizeof(float));
	out->split_type = keep(g, tree->split_type, tree->nnodes, sizeof(uint8));
	out->cat_start = keep(g, tree->cat_start, tree->nnodes, sizeof(int32));
	out->cat_count = keep(g, tree->cat_count, tree->nnodes, sizeof(int32));
	out->cats = keep(g, tree->cats, tree->ncats, sizeof(int32));
}

/* Gives the bytes that growing takes beside the matrix, the trees included. */
Size
iforest_grow_estimate(int nfeatures, const IforestOptions *options)
{
	Size		sample = mul_size(mul_size(sizeof(float), nfeatures), options->max_samples);
	Size		nodes = mul_size(2, options->max_samples);

	if (options->max_depth < 30)
		nodes = Min(nodes, (Size) 2 << options->max_depth);
	return add_size(add_size(sample, mul_size(options->max_samples, 256)),
					mul_size(mul_size(nodes, options->n_estimators), 64));
}

/* Grows a forest from resolved options in CurrentMemoryContext, with the pairs as features behind the given ones. */
Forest *
iforest_grow(const Matrix *rows, const Encoder *encoder, const IforestOptions *options,
			 const IforestPairs *pairs, pg_prng_state *rng, Progress *progress)
{
	MemoryContext result = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(result, "aipipe iforest grow", ALLOCSET_DEFAULT_SIZES);
	Forest	   *forest = palloc0(sizeof(Forest));
	Grower		g = {0};

	forest->context = result;
	forest->objective = FOREST_ISOLATION;
	forest->objective_name = pstrdup("aipipe:isolation");
	forest->nfeatures = rows->ncols + pairs->npairs;
	forest->ngroups = 1;
	forest->ntrees = forest->best_iteration_trees = options->n_estimators;
	forest->trees = palloc0(mul_size(sizeof(ForestTree), forest->ntrees));

	MemoryContextSwitchTo(scratch);
	g.rng = rng;
	g.result = result;
	g.ntrees = forest->ntrees;
	g.max_depth = options->max_depth;
	g.prob_pooled_gain = options->prob_pooled_gain;
	g.nrows = options->max_samples;
	g.ngiven = rows->ncols;
	g.nfeatures = forest->nfeatures;
	g.pairs = pairs;
	g.path = path_table(g.nrows);
	grower_layout(&g, encoder);
	grower_scratch(&g);
	for (int t = 0; t < forest->ntrees; t++)
	{
		grow_tree(&g, rows, &forest->trees[t]);
		progress_update(progress, t + 1);
	}
	MemoryContextSwitchTo(result);
	MemoryContextDelete(scratch);
	return forest;
}
