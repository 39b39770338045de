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

#include "learn/forest_walk.h"

#define BLOCK 64

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

/*
 * Spreads rows over columns, two a feature: as they are, and with -inf for
 * missing; codes likewise where there are any.  Lanes beyond the rows repeat the last one.
 * A row has the first ngiven features.
 */
static void
spread(const CompiledForest *forest, const float *rows, int ngiven, int nrows, const Columns *columns, int lanes, int shift)
{
	int			nfeatures = forest->header->nfeatures;

	for (int row = 0; row < lanes; row++)
	{
		const float *values = rows + (Size) Min(row, nrows - 1) * ngiven;

		for (int f = 0; f < ngiven; f++)
		{
			float		value = known_value(values[f]);

			columns->values[((Size) (2 * f) << shift) + row] = value;
			columns->values[((Size) (2 * f + 1) << shift) + row] = isnan(value) ? -INFINITY : value;
		}
		columns->values[((Size) (2 * nfeatures) << shift) + row] = -INFINITY;
		if (forest->sets == NULL)
			continue;
		for (int f = 0; f < ngiven; f++)
		{
			columns->codes[((Size) (2 * f) << shift) + row] = isnan(values[f]) ? NARROW_PRESENT : code_of(values[f]);
			columns->codes[((Size) (2 * f + 1) << shift) + row] = code_of(values[f]);
		}
		columns->codes[((Size) (2 * nfeatures) << shift) + row] = NARROW_ABSENT;
	}
}

/* Lets the features behind the given ones be made of them, in both columns of each; no category is among them. */
static void
spread_derived(const CompiledForest *forest, const ForestDerived *derived, const Columns *columns, int lanes, int shift)
{
	derived->derive(derived->arg, columns->values, (Size) 2 << shift, lanes);
	for (int f = derived->ngiven; f < forest->header->nfeatures; f++)
	{
		Size		at = (Size) (2 * f) << shift;
		float	   *values = columns->values + at;
		float	   *twin = values + ((Size) 1 << shift);

		for (int row = 0; row < lanes; row++)
			twin[row] = isnan(values[row]) ? -INFINITY : values[row];
		if (forest->sets != NULL)
			memset(columns->codes + at, NARROW_ABSENT, (Size) 2 << shift);
	}
}

/* Gives the margins of rows whose last features are made of the others. */
void
forest_margin_derived(const CompiledForest *forest, const ForestDerived *derived, const float *rows, int nrows, float *out)
{
	int			ngiven = derived->ngiven;
	int			ngroups = forest->header->ngroups;
	float		on_stack[STACK_FLOATS];
	uint8		codes_on_stack[STACK_FLOATS];
	Columns		columns = {on_stack, codes_on_stack};
	Size		needed = mul_size(2 * (Size) forest->header->nfeatures + 1, nrows == 1 ? 1 : BLOCK);

	if (needed > STACK_FLOATS)
	{
		columns.values = palloc(mul_size(needed, sizeof(float)));
		columns.codes = palloc(needed);
	}
	if (nrows == 1)
	{
		spread(forest, rows, ngiven, 1, &columns, 1, 0);
		if (derived->derive != NULL)
			spread_derived(forest, derived, &columns, 1, 0);
		margin_row(forest, &columns, out);
	}
	else
	{
		for (int row = 0; row < nrows; row += BLOCK)
		{
			int			n = Min(BLOCK, nrows - row);
			int			lanes = TYPEALIGN(LANES, n);

			spread(forest, rows + (Size) row * ngiven, ngiven, n, &columns, lanes, 6);
			if (derived->derive != NULL)
				spread_derived(forest, derived, &columns, lanes, 6);
			margin_block(forest, &columns, n, out + (Size) row * ngroups);
		}
	}
	if (columns.values != on_stack)
	{
		pfree(columns.values);
		pfree(columns.codes);
	}
}

/* Gives the margins of rows; one takes the path of interleaved trees, more that of blocks. */
void
forest_margin(const CompiledForest *forest, const float *rows, int nrows, float *out)
{
	ForestDerived none = {.ngiven = forest->header->nfeatures};

	forest_margin_derived(forest, &none, rows, nrows, out);
}
