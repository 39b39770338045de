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

/* A block's values, and their codes where the forest has slots of category sets. */
typedef struct Columns
{
	float	   *values;
	uint8	   *codes;
} Columns;

/*
 * Gives the node after this one for the value at index column << shift.  sets is
 * a constant NULL where all splits are numeric.  A categorical split's
 * threshold is NaN, so that the comparison says right and the set decides; a numeric
 * one's set holds everything, so that the comparison decides.
 */
static pg_attribute_always_inline const uint64 *
step(const uint64 *node, const float *values, const uint8 *codes, int shift, const uint32 *sets)
{
	uint64		bits = *node;
	uint32		column = (uint32) ((bits >> 32) & 0xFFFF) << shift;
	float		threshold;
	uint32		right;

	memcpy(&threshold, node, sizeof(threshold));
	right = !(values[column] < threshold);
	if (sets != NULL)
	{
		uint32		low = (uint32) bits;
		uint32		slot = (low + 1) & NODE_CATEGORY_MASK & -(uint32) (low >= NODE_CATEGORY_MARK);
		uint32		code = codes[column];

		right &= sets[slot * NARROW_SLOT + code / 32] >> (code % 32);
	}
	return node + (bits >> 48) + right;
}

/* Walks a tree that has wide sets of categories, and gives its leaf. */
static const uint64 *
walk_wide(const CompiledForest *forest, const uint64 *node, const float *values, int shift)
{
	while (node_distance(*node) != 0)
	{
		float		value;

		if (!node_is_categorical(*node))
		{
			node = step(node, values, NULL, shift, NULL);
			continue;
		}
		/* the even column is NaN when the value is missing; an odd one says that missing goes left */
		value = values[(Size) (node_column(*node) & ~1u) << shift];
		if (isnan(value))
			node += node_distance(*node) + 1 - (node_column(*node) & 1);
		else
			node += node_distance(*node) + !category_goes_left(forest->words, *node, value);
	}
	return node;
}

/*
 * Takes eight walks down to their leaves.  Their nodes live in registers between
 * the steps, so each is named.  Walk i looks at values + i * stride.
 */
static pg_attribute_always_inline void
walk_eight(const uint64 **nodes, int depth, const float *values, const uint8 *codes,
		   int shift, int stride, const uint32 *sets)
{
	const uint64 *n0 = nodes[0];
	const uint64 *n1 = nodes[1];
	const uint64 *n2 = nodes[2];
	const uint64 *n3 = nodes[3];
	const uint64 *n4 = nodes[4];
	const uint64 *n5 = nodes[5];
	const uint64 *n6 = nodes[6];
	const uint64 *n7 = nodes[7];

	for (; depth > 0; depth--)
	{
		n0 = step(n0, values, codes, shift, sets);
		n1 = step(n1, values + stride, codes + stride, shift, sets);
		n2 = step(n2, values + 2 * stride, codes + 2 * stride, shift, sets);
		n3 = step(n3, values + 3 * stride, codes + 3 * stride, shift, sets);
		n4 = step(n4, values + 4 * stride, codes + 4 * stride, shift, sets);
		n5 = step(n5, values + 5 * stride, codes + 5 * stride, shift, sets);
		n6 = step(n6, values + 6 * stride, codes + 6 * stride, shift, sets);
		n7 = step(n7, values + 7 * stride, codes + 7 * stride, shift, sets);
	}
	nodes[0] = n0;
	nodes[1] = n1;
	nodes[2] = n2;
	nodes[3] = n3;
	nodes[4] = n4;
	nodes[5] = n5;
	nodes[6] = n6;
	nodes[7] = n7;
}

/* Adds the leaves of n trees, at most eight, walked together; lanes beyond repeat the last tree. */
static pg_attribute_always_inline void
add_trees(const CompiledForest *forest, int from, int n, const Columns *columns, const uint32 *sets, float *out)
{
	const CompiledTree *tree = &forest->trees[from];
	const uint64 *nodes[LANES];
	int			depth = 0;

	for (int i = 0; i < LANES; i++)
	{
		nodes[i] = forest->nodes + tree[Min(i, n - 1)].first;
		depth = Max(depth, tree[Min(i, n - 1)].depth);
	}
	walk_eight(nodes, depth, columns->values, columns->codes, 0, 0, sets);
	for (int i = 0; i < n; i++)
		out[tree[i].group] += node_value(*nodes[i]) * tree[i].weight;
}

/* Adds the leaves of trees with wide sets of categories, one by one. */
static void
add_wide_trees(const CompiledForest *forest, int from, int n, const float *values, float *out)
{
	for (int i = from; i < from + n; i++)
	{
		const CompiledTree *tree = &forest->trees[i];

		out[tree->group] += node_value(*walk_wide(forest, forest->nodes + tree->first, values, 0)) * tree->weight;
	}
}

/* Says whether one of n trees has categorical splits. */
static inline bool
any_categorical(const CompiledForest *forest, int from, int n)
{
	bool		any = false;

	for (int i = from; forest->has_categories && i < from + n; i++)
		any |= forest->trees[i].has_categories;
	return any;
}

/* Gives one row's margins, from its columns. */
static void
margin_row(const CompiledForest *forest, const Columns *columns, float *out)
{
	int			ntrees = forest->header->ntrees;

	for (int g = 0; g < forest->header->ngroups; g++)
		out[g] = forest->header->base_margin;
	for (int i = 0; i < ntrees; i += LANES)
	{
		int			n = Min(LANES, ntrees - i);

		if (i % TREES_PER_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
		if (!any_categorical(forest, i, n))
			add_trees(forest, i, n, columns, NULL, out);
		else if (forest->sets != NULL)
			add_trees(forest, i, n, columns, forest->sets, out);
		else
			add_wide_trees(forest, i, n, columns->values, out);
	}
}

/* Writes one tree's leaves for the rows of a block, eight neighbours at a time. */
static pg_attribute_always_inline void
walk_rows(const uint64 *root, int depth, const Columns *columns, const uint32 *sets, int nrows, float *leaves)
{
	const uint64 *nodes[LANES];

	for (int row = 0; row < nrows; row += LANES)
	{
		for (int i = 0; i < LANES; i++)
			nodes[i] = root;
		walk_eight(nodes, depth, columns->values + row, columns->codes + row, 6, 1, sets);
		for (int i = 0; i < LANES; i++)
			leaves[row + i] = node_value(*nodes[i]);
	}
}

StaticAssertDecl(BLOCK == 1 << 6, "the shift of a column is that of a block");

/* Gives a block's margins, from its columns. */
static void
margin_block(const CompiledForest *forest, const Columns *columns, int nrows, float *out)
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
		if (!tree->has_categories)
			walk_rows(root, tree->depth, columns, NULL, nrows, leaves);
		else if (forest->sets != NULL)
			walk_rows(root, tree->depth, columns, forest->sets, nrows, leaves);
		else
		{
			for (int row = 0; row < nrows; row++)
				leaves[row] = node_value(*walk_wide(forest, root, columns->values + row, 6));
		}
		for (int row = 0; row < nrows; row++)
			at[row * ngroups] += leaves[row] * tree->weight;
	}
}

/* Gives the code of a value that is not missing: its category when it is one that a slot has. */
static inline uint8
code_of(float value)
{
	return (value >= 0 && value < NARROW_CATEGORIES) ? (uint8) value : NARROW_ABSENT;
}

/*
 * Spreads rows over columns, two a feature: as they are, and with -inf for
 * missing; codes likewise where there are any.  Lanes beyond the rows repeat the last one.
 */
static void
spread(const CompiledForest *forest, const float *rows, int nrows, const Columns *columns, int lanes, int shift)
{
	int			nfeatures = forest->header->nfeatures;

	for (int row = 0; row < lanes; row++)
	{
		const float *values = rows + (Size) Min(row, nrows - 1) * nfeatures;

		for (int f = 0; f < nfeatures; f++)
		{
			float		value = known_value(values[f]);

			columns->values[((Size) (2 * f) << shift) + row] = value;
			columns->values[((Size) (2 * f + 1) << shift) + row] = isnan(value) ? -INFINITY : value;
		}
		columns->values[((Size) (2 * nfeatures) << shift) + row] = -INFINITY;
		if (forest->sets == NULL)
			continue;
		for (int f = 0; f < nfeatures; f++)
		{
			columns->codes[((Size) (2 * f) << shift) + row] = isnan(values[f]) ? NARROW_PRESENT : code_of(values[f]);
			columns->codes[((Size) (2 * f + 1) << shift) + row] = code_of(values[f]);
		}
		columns->codes[((Size) (2 * nfeatures) << shift) + row] = NARROW_ABSENT;
	}
}

/* Gives the margins of rows; one takes the path of interleaved trees, more that of blocks. */
void
forest_margin(const CompiledForest *forest, const float *rows, int nrows, float *out)
{
	int			nfeatures = forest->header->nfeatures;
	int			ngroups = forest->header->ngroups;
	float		on_stack[STACK_FLOATS];
	uint8		codes_on_stack[STACK_FLOATS];
	Columns		columns = {on_stack, codes_on_stack};
	Size		needed = mul_size(2 * (Size) nfeatures + 1, nrows == 1 ? 1 : BLOCK);

	if (needed > STACK_FLOATS)
	{
		columns.values = palloc(mul_size(needed, sizeof(float)));
		columns.codes = palloc(needed);
	}
	if (nrows == 1)
	{
		spread(forest, rows, 1, &columns, 1, 0);
		margin_row(forest, &columns, out);
	}
	else
	{
		for (int row = 0; row < nrows; row += BLOCK)
		{
			int			n = Min(BLOCK, nrows - row);

			spread(forest, rows + (Size) row * nfeatures, n, &columns, TYPEALIGN(LANES, n), 6);
			margin_block(forest, &columns, n, out + (Size) row * ngroups);
		}
	}
	if (columns.values != on_stack)
	{
		pfree(columns.values);
		pfree(columns.codes);
	}
}
