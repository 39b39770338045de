/*-------------------------------------------------------------------------
 *
 * forest_score.c
 *	  Margins: the two hot loops.
 *
 * A walk down one tree waits for memory at every step, so eight walks are
 * interleaved: over eight trees for a single row, over eight rows for a block.
 * There is no branch on the data.  Leaves are added in the order of the trees
 * and start from the base margin, one float32 addition each, as the library does;
 * that makes the sums equal bit by bit.  (The library multiplies by the tree's
 * weight for dart only, but a product with 1 is exact.)
 *
 * Values of a block lie column by column, 64 floats each, so that the eight
 * rows of a step are neighbours and one address serves them all.
 *
 * For the dart booster the library's two prediction calls differ in the last
 * bits; this is XGBoosterPredictFromDMatrix's sum, the one that training uses.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"

#include "learn/forest_private.h"

#define BLOCK 64
#define LANES 8

/* Floats of the columns that are kept on the stack: enough for a block of 63 features. */
#define STACK_FLOATS (128 * BLOCK)

/* Trees after which interrupts are looked for. */
#define TREES_PER_CHECK 1024

/* Gives the node after this one for a value at columns[column << shift]. */
static pg_attribute_always_inline const uint64 *
step(const uint64 *node, const float *columns, int shift)
{
	uint64		bits = *node;
	float		threshold;
	float		value = columns[((bits >> 32) & 0xFFFF) << shift];

	memcpy(&threshold, node, sizeof(threshold));
	return node + (bits >> 48) + !(value < threshold);
}

/* Walks a tree that has categorical splits, and gives its leaf. */
static const uint64 *
walk_categorical(const CompiledForest *forest, const uint64 *node, const float *columns, int shift)
{
	while (node_distance(*node) != 0)
	{
		float		value;

		if (!node_is_categorical(*node))
		{
			node = step(node, columns, shift);
			continue;
		}
		/* the even column is NaN when the value is missing; an odd one says that missing goes left */
		value = columns[(Size) (node_column(*node) & ~1u) << shift];
		if (isnan(value))
			node += node_distance(*node) + 1 - (node_column(*node) & 1);
		else
			node += node_distance(*node) + !category_goes_left(forest->words, *node, value);
	}
	return node;
}

/* Walks a numeric tree, and gives its leaf. */
static const uint64 *
walk(const uint64 *node, const float *columns, int shift)
{
	while (node_distance(*node) != 0)
		node = step(node, columns, shift);
	return node;
}

/* Adds the leaves of up to eight trees that cannot be interleaved. */
static void
add_trees_one_by_one(const CompiledForest *forest, int from, int to, const float *columns, float *out)
{
	for (int i = from; i < to; i++)
	{
		const CompiledTree *tree = &forest->trees[i];
		const uint64 *root = forest->nodes + tree->first;
		const uint64 *leaf = tree->has_categories
			? walk_categorical(forest, root, columns, 0)
			: walk(root, columns, 0);

		out[tree->group] += node_value(*leaf) * tree->weight;
	}
}

/* Adds the leaves of eight numeric trees, walked together. */
static void
add_eight_trees(const CompiledForest *forest, int from, const float *columns, float *out)
{
	const CompiledTree *tree = &forest->trees[from];
	const uint64 *nodes = forest->nodes;
	const uint64 *n0 = nodes + tree[0].first;
	const uint64 *n1 = nodes + tree[1].first;
	const uint64 *n2 = nodes + tree[2].first;
	const uint64 *n3 = nodes + tree[3].first;
	const uint64 *n4 = nodes + tree[4].first;
	const uint64 *n5 = nodes + tree[5].first;
	const uint64 *n6 = nodes + tree[6].first;
	const uint64 *n7 = nodes + tree[7].first;
	int			depth = 0;

	for (int i = 0; i < LANES; i++)
		depth = Max(depth, tree[i].depth);
	for (; depth > 0; depth--)
	{
		n0 = step(n0, columns, 0);
		n1 = step(n1, columns, 0);
		n2 = step(n2, columns, 0);
		n3 = step(n3, columns, 0);
		n4 = step(n4, columns, 0);
		n5 = step(n5, columns, 0);
		n6 = step(n6, columns, 0);
		n7 = step(n7, columns, 0);
	}
	out[tree[0].group] += node_value(*n0) * tree[0].weight;
	out[tree[1].group] += node_value(*n1) * tree[1].weight;
	out[tree[2].group] += node_value(*n2) * tree[2].weight;
	out[tree[3].group] += node_value(*n3) * tree[3].weight;
	out[tree[4].group] += node_value(*n4) * tree[4].weight;
	out[tree[5].group] += node_value(*n5) * tree[5].weight;
	out[tree[6].group] += node_value(*n6) * tree[6].weight;
	out[tree[7].group] += node_value(*n7) * tree[7].weight;
}

/* Says whether one of eight trees has categorical splits. */
static inline bool
any_categorical(const CompiledForest *forest, int from)
{
	bool		any = false;

	for (int i = from; forest->has_categories && i < from + LANES; i++)
		any |= forest->trees[i].has_categories;
	return any;
}

/* Gives one row's margins, from its columns. */
static void
margin_row(const CompiledForest *forest, const float *columns, float *out)
{
	int			ntrees = forest->header->ntrees;
	int			i;

	for (int g = 0; g < forest->header->ngroups; g++)
		out[g] = forest->header->base_margin;
	for (i = 0; i + LANES <= ntrees; i += LANES)
	{
		if (i % TREES_PER_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
		if (any_categorical(forest, i))
			add_trees_one_by_one(forest, i, i + LANES, columns, out);
		else
			add_eight_trees(forest, i, columns, out);
	}
	add_trees_one_by_one(forest, i, ntrees, columns, out);
}

/* Writes one numeric tree's leaves for eight neighbouring rows of a block. */
static pg_attribute_always_inline void
walk_eight_rows(const uint64 *root, int depth, const float *columns, float *leaves)
{
	const uint64 *n0 = root;
	const uint64 *n1 = root;
	const uint64 *n2 = root;
	const uint64 *n3 = root;
	const uint64 *n4 = root;
	const uint64 *n5 = root;
	const uint64 *n6 = root;
	const uint64 *n7 = root;

	for (; depth > 0; depth--)
	{
		n0 = step(n0, columns, 6);
		n1 = step(n1, columns + 1, 6);
		n2 = step(n2, columns + 2, 6);
		n3 = step(n3, columns + 3, 6);
		n4 = step(n4, columns + 4, 6);
		n5 = step(n5, columns + 5, 6);
		n6 = step(n6, columns + 6, 6);
		n7 = step(n7, columns + 7, 6);
	}
	leaves[0] = node_value(*n0);
	leaves[1] = node_value(*n1);
	leaves[2] = node_value(*n2);
	leaves[3] = node_value(*n3);
	leaves[4] = node_value(*n4);
	leaves[5] = node_value(*n5);
	leaves[6] = node_value(*n6);
	leaves[7] = node_value(*n7);
}

StaticAssertDecl(BLOCK == 1 << 6, "the shift of a column is that of a block");

/* Gives a block's margins, from its columns; lanes is nrows rounded up to eight. */
static void
margin_block(const CompiledForest *forest, const float *columns, int nrows, float *out)
{
	int			ngroups = forest->header->ngroups;
	float		leaves[BLOCK];

	for (int i = 0; i < nrows * ngroups; i++)
		out[i] = forest->header->base_margin;
	for (int i = 0; i < forest->header->ntrees; i++)
	{
		const CompiledTree *tree = &forest->trees[i];
		const uint64 *root = forest->nodes + tree->first;
		float	   *at = out + tree->group;

		if (i % TREES_PER_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
		if (tree->has_categories)
		{
			for (int row = 0; row < nrows; row++)
				leaves[row] = node_value(*walk_categorical(forest, root, columns + row, 6));
		}
		else
		{
			for (int row = 0; row < nrows; row += LANES)
				walk_eight_rows(root, tree->depth, columns + row, leaves + row);
		}
		for (int row = 0; row < nrows; row++)
			at[row * ngroups] += leaves[row] * tree->weight;
	}
}

/*
 * Spreads rows over columns, two a feature: as they are, and with -inf for
 * missing.  Lanes beyond the rows repeat the last one.
 */
static void
spread(const CompiledForest *forest, const float *rows, int nrows, float *columns, int lanes, int shift)
{
	int			nfeatures = forest->header->nfeatures;

	for (int row = 0; row < lanes; row++)
	{
		const float *values = rows + (Size) Min(row, nrows - 1) * nfeatures;

		for (int f = 0; f < nfeatures; f++)
		{
			columns[((Size) (2 * f) << shift) + row] = values[f];
			columns[((Size) (2 * f + 1) << shift) + row] = isnan(values[f]) ? -INFINITY : values[f];
		}
		columns[((Size) (2 * nfeatures) << shift) + row] = -INFINITY;
	}
}

/* Gives the margins of rows; one takes the path of interleaved trees, more that of blocks. */
void
forest_margin(const CompiledForest *forest, const float *rows, int nrows, float *out)
{
	int			nfeatures = forest->header->nfeatures;
	int			ngroups = forest->header->ngroups;
	float		on_stack[STACK_FLOATS];
	float	   *columns = on_stack;
	Size		needed = mul_size(2 * (Size) nfeatures + 1, nrows == 1 ? 1 : BLOCK);

	if (needed > STACK_FLOATS)
		columns = palloc(mul_size(needed, sizeof(float)));
	if (nrows == 1)
	{
		spread(forest, rows, 1, columns, 1, 0);
		margin_row(forest, columns, out);
	}
	else
	{
		for (int row = 0; row < nrows; row += BLOCK)
		{
			int			n = Min(BLOCK, nrows - row);

			spread(forest, rows + (Size) row * nfeatures, n, columns, TYPEALIGN(LANES, n), 6);
			margin_block(forest, columns, n, out + (Size) row * ngroups);
		}
	}
	if (columns != on_stack)
		pfree(columns);
}
