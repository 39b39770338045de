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
 * What is ours where the paper is silent:
 *
 * - A column is drawn first, then one of its features that vary in the node: a
 *	 column that the encoder turned into twelve features counts no more than a
 *	 plain number.
 * - Categories split by a random subset of those present in the node, each
 *	 going left or right by a coin.  NULL is one more of them.
 * - A numeric feature that has both values and NULLs in the node splits by a
 *	 coin at a threshold or into values and NULLs: the rare one is isolated
 *	 whichever it is.  At a threshold the NULLs go together to a side drawn with
 *	 the sides' sizes as weights.
 * - What the node's sample does not hold (NULL, or one of the other categories)
 *	 goes to the side with fewer rows: never having been seen here, it should be
 *	 alone sooner, not follow the crowd.
 *
 *		sample: feature-major, nrows floats a feature
 *		rows:	row numbers of the sample; node i owns rows[start[i] .. end[i])
 *
 * Nodes are numbered in the order of their depth, siblings next to each other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "learn/iforest.h"

typedef struct Grower
{
	pg_prng_state rng;
	int			ntrees;
	int			max_depth;
	int			nrows;			/* in a sample */
	int			nfeatures;
	int			ncolumns;
	int		   *column_first;	/* first feature of each column, ncolumns + 1 */
	int		   *ncategories;	/* per feature; 0 = numeric */
	double	   *path;			/* mean path length of a tree over n rows, 0 … nrows */
	/* scratch of one tree */
	int64	   *picked;			/* row numbers of the sample in the matrix */
	int64	   *slots;			/* hash set of them */
	int			nslots;
	float	   *sample;
	int		   *rows;
	int		   *start;
	int		   *end;
	int		   *depth;
	ForestTree	tree;			/* arrays of 2 * nrows nodes */
	int			cats_capacity;
	/* scratch of one node */
	int		   *columns;		/* a permutation of all columns */
	int		   *features;		/* a permutation of a column's features */
	int		   *present;		/* per category: rows in the node */
	int8	   *side;			/* per category: 1 = right */
	MemoryContext result;		/* what stays */
} Grower;

/* What a node's rows hold of one feature. */
typedef struct Summary
{
	int			nmissing;
	int			nvalues;
	float		min;
	float		max;
	int			npresent;		/* categories */
} Summary;

typedef struct Split
{
	int			feature;
	bool		categorical;	/* g->side says where a category goes */
	float		threshold;
	bool		missing_left;
	bool		missing_open;	/* no missing value is in the node: the side is chosen by size */
} Split;

/* Draws one of 0 … n - 1. */
static inline int
draw(Grower *g, int n)
{
	return (int) pg_prng_uint64_range(&g->rng, 0, n - 1);
}

/* Gives one of the two values by a fair coin. */
static inline bool
coin(Grower *g)
{
	return pg_prng_bool(&g->rng);
}

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

/* Learns which features belong together and which are categories. */
static void
grower_layout(Grower *g, const Encoder *encoder)
{
	int			most = 1;
	int			widest = 1;

	g->ncolumns = encoder ? encoder->ncolumns : g->nfeatures;
	g->column_first = palloc(mul_size(sizeof(int), g->ncolumns + 1));
	g->ncategories = palloc0(mul_size(sizeof(int), g->nfeatures));
	for (int c = 0; c < g->ncolumns; c++)
		g->column_first[c] = encoder ? encoder->columns[c].first_feature : c;
	g->column_first[g->ncolumns] = g->nfeatures;

	for (int f = 0; encoder && f < g->nfeatures; f++)
	{
		if (encoder->features[f].categorical)
			g->ncategories[f] = encoder->features[f].ncategories;
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
		int64		row = (int64) pg_prng_uint64_range(&g->rng, 0, last);

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
		for (int f = 0; f < g->nfeatures; f++)
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
}

/* Says what the node's rows hold of a numeric feature. */
static void
summarize_numbers(const Grower *g, int node, const float *values, Summary *s)
{
	memset(s, 0, sizeof(*s));
	s->min = FLT_MAX;
	s->max = -FLT_MAX;
	for (int i = g->start[node]; i < g->end[node]; i++)
	{
		float		v = values[g->rows[i]];

		if (isnan(v))
		{
			s->nmissing++;
			continue;
		}
		s->min = Min(s->min, v);
		s->max = Max(s->max, v);
	}
	s->nvalues = g->end[node] - g->start[node] - s->nmissing;
}

/* Says which categories of a feature the node's rows hold, in g->present. */
static void
summarize_categories(const Grower *g, int node, int feature, const float *values, Summary *s)
{
	memset(s, 0, sizeof(*s));
	memset(g->present, 0, sizeof(int) * g->ncategories[feature]);
	for (int i = g->start[node]; i < g->end[node]; i++)
	{
		float		v = values[g->rows[i]];

		if (isnan(v))
			s->nmissing++;
		else if (g->present[(int) v]++ == 0)
			s->npresent++;
	}
	s->nvalues = g->end[node] - g->start[node] - s->nmissing;
}

/* Draws a threshold above min and at most max, so that both sides have rows. */
static float
draw_threshold(Grower *g, float min, float max)
{
	double		t = min + pg_prng_double(&g->rng) * ((double) max - (double) min);
	float		threshold = (float) t;

	return (threshold > min && threshold <= max) ? threshold : max;
}

/* Tries to split the node by a numeric feature; false when nothing varies. */
static bool
split_numbers(Grower *g, int node, int feature, Split *split)
{
	const float *values = g->sample + (size_t) feature * g->nrows;
	Summary		s;
	bool		varies;
	bool		gaps;

	summarize_numbers(g, node, values, &s);
	varies = s.nvalues > 0 && s.min < s.max;
	gaps = s.nmissing > 0 && s.nvalues > 0;
	if (!varies && !gaps)
		return false;

	split->feature = feature;
	split->categorical = false;
	split->missing_open = (s.nmissing == 0);
	if (gaps && (!varies || coin(g)))
	{
		/* values against NULLs: no value is below the least float */
		split->threshold = -FLT_MAX;
		split->missing_left = true;
		return true;
	}
	split->threshold = draw_threshold(g, s.min, s.max);
	if (gaps)
	{
		int			nleft = 0;

		for (int i = g->start[node]; i < g->end[node]; i++)
			nleft += values[g->rows[i]] < split->threshold;
		split->missing_left = draw(g, s.nvalues) < nleft;
	}
	return true;
}

/* Tries to split the node by a random subset of the categories present, NULL being one of them. */
static bool
split_categories(Grower *g, int node, int feature, Split *split)
{
	Summary		s;
	int			nright;
	int			nsides;

	summarize_categories(g, node, feature, g->sample + (size_t) feature * g->nrows, &s);
	nsides = s.npresent + (s.nmissing > 0);
	if (nsides < 2)
		return false;

	split->feature = feature;
	split->categorical = true;
	split->missing_open = (s.nmissing == 0);
	do
	{
		nright = 0;
		for (int c = 0; c < g->ncategories[feature]; c++)
		{
			if (g->present[c] > 0)
				nright += (g->side[c] = coin(g));
		}
		if (s.nmissing > 0)
		{
			split->missing_left = coin(g);
			nright += !split->missing_left;
		}
	} while (nright == 0 || nright == nsides);
	return true;
}

/* Finds a split: a column uniformly at random, then one of its features, until something varies. */
static bool
find_split(Grower *g, int node, Split *split)
{
	for (int ncolumns = g->ncolumns; ncolumns > 0; ncolumns--)
	{
		int			pick_column = draw(g, ncolumns);
		int			column = g->columns[pick_column];
		int			nfeatures = g->column_first[column + 1] - g->column_first[column];

		g->columns[pick_column] = g->columns[ncolumns - 1];
		g->columns[ncolumns - 1] = column;
		for (int i = 0; i < nfeatures; i++)
			g->features[i] = g->column_first[column] + i;
		for (; nfeatures > 0; nfeatures--)
		{
			int			pick_feature = (nfeatures > 1) ? draw(g, nfeatures) : 0;
			int			feature = g->features[pick_feature];

			g->features[pick_feature] = g->features[nfeatures - 1];
			if (g->ncategories[feature] > 0
				? split_categories(g, node, feature, split)
				: split_numbers(g, node, feature, split))
				return true;
		}
	}
	return false;
}

/* Says whether a value of the split's feature goes left. */
static inline bool
goes_left(const Grower *g, const Split *split, float v)
{
	if (isnan(v))
		return split->missing_left;
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
	tree->default_left[node] = split->missing_open ? small_left : split->missing_left;
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
			find_split(g, node, &split))
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

/* Grows a forest from resolved options in CurrentMemoryContext. */
Forest *
iforest_grow(const Matrix *rows, const Encoder *encoder, const IforestOptions *options,
			 uint64 seed, Progress *progress)
{
	MemoryContext result = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(result, "aipipe iforest grow", ALLOCSET_DEFAULT_SIZES);
	Forest	   *forest = palloc0(sizeof(Forest));
	Grower		g = {0};

	forest->context = result;
	forest->objective = FOREST_ISOLATION;
	forest->objective_name = pstrdup("aipipe:isolation");
	forest->nfeatures = rows->ncols;
	forest->ngroups = 1;
	forest->ntrees = forest->best_iteration_trees = options->n_estimators;
	forest->trees = palloc0(mul_size(sizeof(ForestTree), forest->ntrees));

	MemoryContextSwitchTo(scratch);
	pg_prng_seed(&g.rng, seed);
	g.result = result;
	g.ntrees = forest->ntrees;
	g.max_depth = options->max_depth;
	g.nrows = options->max_samples;
	g.nfeatures = rows->ncols;
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
