/*-------------------------------------------------------------------------
 *
 * forest_divide.c
 *	  The margins of rows whose missing values go both ways.
 *
 * At a marked split a row without the value goes left and right, each with its
 * share of the training rows, and the tree gives the weighted mean of both.  After
 * FOREST_MAX_DIVISIONS such splits on a way the mean of the training rows below
 * counts instead, so a tree is walked two ways at most and a row that is nearly
 * empty does not cost all of its nodes.  (Two divisions cost a row that lacks a third of its
 * values 1.7 times as much, and found little more where that was measured.)
 *
 * Walks are taken eight at a time, as in forest_score.c: of eight trees for a single row, of
 * eight rows for a block.  One stays at a leaf or where the row divides.  The ways that
 * go on from there are queued, whatever their tree and row, and taken eight at a time too.
 *
 * What a row's walks bring is added in the order of the trees, those that did not divide and
 * the others apart, so a row has the same margin alone and in every block.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"

#include "learn/forest_walk.h"

StaticAssertDecl(FOREST_MAX_DIVISIONS == 1, "a way that divided once is not followed beyond where it would again");

#define BLOCK 64
#define SHIFT 6

StaticAssertDecl(BLOCK == 1 << SHIFT, "the shift of a column is that of a block");

/* Rows from which on a block is walked, rather than each row alone: a block's lanes are eight. */
#define LEAST_BLOCK 6

/* Walks that are queued before they go on, and room for what is added until that is seen: a tree's for a block. */
#define QUEUED 128
#define MAX_QUEUED (QUEUED + BLOCK)

/* Walks that go on together: each goes two ways. */
#define PAIRS (LANES / 2)

/* Trees after which interrupts are looked for. */
#define TREES_PER_CHECK 1024

/*
 * The columns of a row or of a block: of each its values and, behind them, whether walks go on there; and
 * the codes where the forest has slots of category sets.
 */
typedef struct Columns
{
	float	   *values;
	uint8	   *codes;
} Columns;

/* Walks that ended where their row divides. */
typedef struct Queue
{
	int			n;
	uint32		nodes[MAX_QUEUED];
	float		weights[MAX_QUEUED];
	uint32		rows[MAX_QUEUED];
} Queue;

static const uint32 same_row[LANES] = {0, 0, 0, 0, 0, 0, 0, 0};
static const uint32 neighbours[LANES] = {0, 1, 2, 3, 4, 5, 6, 7};

/* Says of each feature whether a missing value goes both ways in some split. */
bool
forest_dividing(const CompiledForest *forest, bool *features)
{
	memset(features, 0, sizeof(bool) * forest->header->nfeatures);
	if (forest->marked == NULL)
		return false;
	for (uint32 i = 0; i < forest->header->nnodes; i++)
	{
		if (node_divides(forest->marked[i]))
			features[node_column(forest->nodes[i]) / 2] = true;
	}
	return true;
}

/* Gives where a column's values begin. */
static inline Size
column_at(Size column, int shift)
{
	return column << (shift + 1);
}

/* Says for each of n values, one or eight of them, that walks go on there: always, or (stays, a constant) unless it is missing. */
static pg_attribute_always_inline void
let_go(const float *restrict values, int n, bool stays, int32 *restrict goes)
{
	for (int i = 0; i < n; i++)
		goes[i] = stays ? -(int32) !isnan(values[i]) : -1;
}

/* Makes the columns of a feature that any node looks at from the first; shift, a constant, is that of one row or of a block. */
static pg_attribute_always_inline void
fill_columns(uint8 looked_at, int shift, int lanes, float *right)
{
	const int	n = shift == 0 ? 1 : LANES;
	Size		rows = (Size) 1 << shift;
	float	   *left = right + column_at(1, shift);
	float	   *both = right + column_at(2, shift);

	for (int at = 0; at < lanes; at += n)
	{
		if (looked_at & 1)
			let_go(right + at, n, false, (int32 *) (right + rows + at));
		if (looked_at & 2)
		{
			for (int i = at; i < at + n; i++)
				left[i] = isnan(right[i]) ? -INFINITY : right[i];
			let_go(left + at, n, false, (int32 *) (left + rows + at));
		}
		if (looked_at & 4)
		{
			memcpy(both + at, right + at, sizeof(float) * n);
			let_go(both + at, n, true, (int32 *) (both + rows + at));
		}
	}
}

/* Makes the codes of a feature's columns; one that is made of others is no category. */
static void
fill_codes(const CompiledForest *forest, int f, bool category, const Columns *columns, int lanes, int shift)
{
	Size		rows = (Size) 1 << shift;
	const float *values = columns->values + column_at((Size) DIVIDING_COLUMNS * f, shift);
	uint8	   *codes = columns->codes + DIVIDING_COLUMNS * rows * f;

	for (int i = 0; i < lanes; i++)
	{
		uint8		code = category ? code_of(values[i]) : NARROW_ABSENT;

		codes[i] = category && isnan(values[i]) ? NARROW_PRESENT : code;
		codes[rows + i] = codes[2 * rows + i] = code;
	}
}

/* Spreads rows over columns; lanes beyond the rows repeat the last one.  shift is a constant. */
static pg_attribute_always_inline void
spread(const CompiledForest *forest, const ForestDerived *derived, const float *rows, int nrows, int lanes,
	   const Columns *columns, int shift)
{
	int			nfeatures = forest->header->nfeatures;
	int			ngiven = derived->ngiven;
	Size		stride = column_at(DIVIDING_COLUMNS, shift);
	float	   *last = columns->values + nfeatures * stride;

	for (int row = 0; row < lanes; row++)
	{
		const float *values = rows + (Size) Min(row, nrows - 1) * ngiven;

		for (int f = 0; f < ngiven; f++)
			columns->values[f * stride + row] = known_value(values[f]);
	}
	if (derived->derive != NULL)
		derived->derive(derived->arg, columns->values, stride, lanes);
	for (int f = 0; f < nfeatures; f++)
		fill_columns(forest->looked_at[f], shift, lanes, columns->values + f * stride);
	for (int f = 0; f < nfeatures && forest->sets != NULL; f++)
		fill_codes(forest, f, f < ngiven, columns, lanes, shift);
	for (int row = 0; row < lanes; row++)
		last[row] = -INFINITY;
	let_go(last, lanes, false, (int32 *) (last + ((Size) 1 << shift)));
	memset(columns->codes + ((Size) DIVIDING_COLUMNS * nfeatures << shift), NARROW_ABSENT, (Size) 1 << shift);
}

/* Takes a walk of a row alone to its end where sets of categories are wide. */
static const uint64 *
walk_wide(const CompiledForest *forest, const uint64 *node, const float *values)
{
	for (;;)
	{
		const uint64 *next;
		uint32		column = dividing_column(*node);
		float		value = values[column_at(column, 0)];

		if (!node_is_categorical(*node) || dividing_distance(*node) == 0)
			next = dividing_step(node, values, NULL, 0, NULL);
		else if (column % DIVIDING_COLUMNS == 0 ? isnan(value) : value == -INFINITY)
			next = node + dividing_distance(*node) + 1 - column % DIVIDING_COLUMNS;
		else
			next = node + dividing_distance(*node) + !category_goes_left(forest->words, *node, value);
		if (next == node)
			return node;
		node = next;
	}
}

/* Takes eight walks to their ends. */
static pg_attribute_always_inline void
take_eight(const CompiledForest *forest, const uint64 **nodes, int depth, const Columns *columns, int shift, const uint32 *rows)
{
	if (forest->sets != NULL)
		dividing_eight(nodes, depth, columns->values, columns->codes, shift, rows, forest->sets);
	else if (!forest->has_categories)
		dividing_eight(nodes, depth, columns->values, columns->codes, shift, rows, NULL);
	else
	{
		/* a row alone */
		for (int i = 0; i < LANES; i++)
			nodes[i] = walk_wide(forest, nodes[i], columns->values);
	}
}

/* Lets the walks of the queue go both ways and adds what that brings to their rows' parts; what would divide once more counts as the mean below. */
static pg_attribute_always_inline void
take_queue(const CompiledForest *forest, const Columns *columns, int shift, Queue *queue, double *parts)
{
	for (int from = 0; from < queue->n; from += PAIRS)
	{
		const uint64 *nodes[LANES];
		uint32		rows[LANES];
		float		weights[LANES];
		int			n = 2 * Min(PAIRS, queue->n - from);
		int			depth = 0;

		for (int i = 0; i < PAIRS; i++)
		{
			int			at = Min(from + i, queue->n - 1);
			uint32		node = queue->nodes[at];
			const CompiledSubtree *subtree = &forest->subtrees[node];

			nodes[2 * i] = forest->dividing + node + dividing_distance(forest->dividing[node]);
			nodes[2 * i + 1] = nodes[2 * i] + 1;
			rows[2 * i] = rows[2 * i + 1] = queue->rows[at];
			weights[2 * i] = queue->weights[at] * subtree->left_share;
			weights[2 * i + 1] = queue->weights[at] - weights[2 * i];
			depth = Max(depth, subtree->height - 1);
		}
		take_eight(forest, nodes, depth, columns, shift, shift == 0 ? same_row : rows);
		for (int i = 0; i < n; i++)
			parts[rows[i]] += weights[i] * forest->subtrees[nodes[i] - forest->dividing].mean;
	}
	queue->n = 0;
}

/* Gives what a walk brings that ended in a leaf, or queues it where its row divides and gives 0, without a branch. */
static pg_attribute_always_inline float
end_walk(const CompiledForest *forest, const uint64 *end, float weight, uint32 row, Queue *queue)
{
	uint32		divides = dividing_distance(*end) != 0;
	uint32		bits = node_bits(*end) & (divides - 1);
	float		leaf;

	memcpy(&leaf, &bits, sizeof(leaf));
	queue->nodes[queue->n] = end - forest->dividing;
	queue->weights[queue->n] = weight;
	queue->rows[queue->n] = row;
	queue->n += divides;
	return leaf * weight;
}

/* Gives the sum of the trees of one row. */
static double
sum_row(const CompiledForest *forest, const Columns *columns)
{
	double		whole = 0;		/* of trees whose walk did not divide */
	double		parts = 0;		/* of the others */
	Queue		queue;

	queue.n = 0;
	for (int t = 0; t < forest->header->ntrees; t += LANES)
	{
		const CompiledTree *trees = &forest->trees[t];
		const uint64 *nodes[LANES];
		int			n = Min(LANES, forest->header->ntrees - t);
		int			depth = 0;

		if (t % TREES_PER_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < LANES; i++)
		{
			nodes[i] = forest->dividing + trees[Min(i, n - 1)].first;
			depth = Max(depth, trees[Min(i, n - 1)].depth);
		}
		take_eight(forest, nodes, depth, columns, 0, same_row);
		for (int i = 0; i < n; i++)
			whole += end_walk(forest, nodes[i], trees[i].weight, 0, &queue);
		if (queue.n >= QUEUED)
			take_queue(forest, columns, 0, &queue, &parts);
	}
	take_queue(forest, columns, 0, &queue, &parts);
	return whole + parts;
}

/* Gives the sums of the trees of a block of rows. */
static void
sum_block(const CompiledForest *forest, const Columns *columns, int nrows, double *sums)
{
	double		whole[BLOCK] = {0};
	double		parts[BLOCK] = {0};
	Queue		queue;

	queue.n = 0;
	for (int t = 0; t < forest->header->ntrees; t++)
	{
		const CompiledTree *tree = &forest->trees[t];

		if (t % TREES_PER_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
		for (int from = 0; from < nrows; from += LANES)
		{
			const Columns at = {columns->values + from, columns->codes + from};
			const uint64 *nodes[LANES];
			int			n = Min(LANES, nrows - from);

			for (int i = 0; i < LANES; i++)
				nodes[i] = forest->dividing + tree->first;
			take_eight(forest, nodes, tree->depth, &at, SHIFT, neighbours);
			for (int i = 0; i < n; i++)
				whole[from + i] += end_walk(forest, nodes[i], tree->weight, from + i, &queue);
		}
		if (queue.n >= QUEUED)
			take_queue(forest, columns, SHIFT, &queue, parts);
	}
	take_queue(forest, columns, SHIFT, &queue, parts);
	for (int i = 0; i < nrows; i++)
		sums[i] = whole[i] + parts[i];
}

/* Gives the margin of a row. */
static float
margin_row(const CompiledForest *forest, const ForestDerived *derived, const float *row, const Columns *columns)
{
	spread(forest, derived, row, 1, 1, columns, 0);
	return (float) (forest->header->base_margin + sum_row(forest, columns));
}

/* Gives the margins of a block. */
static void
margin_block(const CompiledForest *forest, const ForestDerived *derived, const float *rows, int nrows,
			 const Columns *columns, float *out)
{
	double		sums[BLOCK];

	spread(forest, derived, rows, nrows, TYPEALIGN(LANES, nrows), columns, SHIFT);
	sum_block(forest, columns, nrows, sums);
	for (int i = 0; i < nrows; i++)
		out[i] = (float) (forest->header->base_margin + sums[i]);
}

/* Gives the margins of rows some of whose missing values go both ways. */
void
forest_margin_divided(const CompiledForest *forest, const ForestDerived *derived, const float *rows, int nrows, float *out)
{
	bool		alone = nrows < LEAST_BLOCK || (forest->has_categories && forest->sets == NULL);
	int			shift = alone ? 0 : SHIFT;
	Size		ncolumns = DIVIDING_COLUMNS * (Size) forest->header->nfeatures + 1;
	Columns		columns;

	if (forest->marked == NULL || forest->header->ngroups != 1)
		elog(ERROR, "no missing value goes both ways in this forest");
	columns.values = palloc(mul_size(column_at(ncolumns, shift), sizeof(float)));
	columns.codes = palloc(ncolumns << shift);
	for (int row = 0; row < nrows && alone; row++)
		out[row] = margin_row(forest, derived, rows + (Size) row * derived->ngiven, &columns);
	for (int row = 0; row < nrows && !alone; row += BLOCK)
		margin_block(forest, derived, rows + (Size) row * derived->ngiven, Min(BLOCK, nrows - row), &columns, out + row);
	pfree(columns.values);
	pfree(columns.codes);
}
