/*-------------------------------------------------------------------------
 *
 * forest_divide.c
 *	  The margin of a row whose missing values go both ways.
 *
 * At a marked split a row without the value goes left and right, each with its
 * share of the training rows, and the tree gives the weighted mean of both.  After
 * FOREST_MAX_DIVISIONS such splits on a way the mean of the training rows below
 * counts instead, so a tree is walked two ways at most and a row that is nearly
 * empty does not cost all of its nodes.  (Two divisions cost a row that lacks a third of its
 * values 1.7 times as much, and found little more where that was measured.)
 *
 * Walks are taken eight at a time, as in forest_score.c.  One stops at a leaf or where
 * the row divides; there its children are queued, behind the walks of the other
 * trees.  No walk waits for another but by its eight.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"

#include "learn/forest_walk.h"

/* Trees that are walked together, and the walks that they can become: 1 + 2 + 4 … each. */
#define CHUNK 128
#define MAX_WALKS (CHUNK * ((2 << FOREST_MAX_DIVISIONS) - 1))

/* One way down from a node; weight is the share of the row that goes it. */
typedef struct Walk
{
	uint32		node;
	float		weight;
	int			ndivisions;
} Walk;

/* A row's two columns a feature, and their codes. */
typedef struct RowColumns
{
	float	   *values;
	uint8	   *codes;
} RowColumns;

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

/* Spreads one row over columns, as forest_score.c does. */
static void
spread_row(const CompiledForest *forest, const float *row, RowColumns *columns)
{
	int			nfeatures = forest->header->nfeatures;
	Size		ncolumns = 2 * (Size) nfeatures + 1;

	columns->values = palloc(mul_size(ncolumns, sizeof(float)));
	columns->codes = palloc(ncolumns);
	for (int f = 0; f < nfeatures; f++)
	{
		float		value = known_value(row[f]);
		bool		missing = isnan(value);

		columns->values[2 * f] = value;
		columns->values[2 * f + 1] = missing ? -INFINITY : value;
		if (forest->sets == NULL)
			continue;
		columns->codes[2 * f] = missing ? NARROW_PRESENT : code_of(value);
		columns->codes[2 * f + 1] = missing ? NARROW_ABSENT : code_of(value);
	}
	columns->values[2 * nfeatures] = -INFINITY;
	columns->codes[2 * nfeatures] = NARROW_ABSENT;
}

/* Takes a walk to its end where sets of categories are wide. */
static const uint64 *
walk_wide(const CompiledForest *forest, const uint64 *node, const float *values)
{
	for (;;)
	{
		const uint64 *next;
		uint64		plain = *node & ~NODE_DIVIDES;
		float		value = values[node_column(plain) & ~1u];

		if (!node_is_categorical(plain) || node_distance(plain) == 0)
			next = step(node, values, NULL, 0, NULL, true);
		else if (isnan(value))
			next = node + node_distance(plain) + 1 - (node_column(plain) & 1);
		else
			next = node + node_distance(plain) + !category_goes_left(forest->words, plain, value);
		if (next == node)
			return node;
		node = next;
	}
}

/* Takes up to eight walks to their ends. */
static void
take_walks(const CompiledForest *forest, const RowColumns *columns, Walk *walks, int n)
{
	const uint64 *nodes[LANES];
	int			depth = 0;

	if (forest->has_categories && forest->sets == NULL)
	{
		for (int i = 0; i < n; i++)
			walks[i].node = walk_wide(forest, forest->marked + walks[i].node, columns->values) - forest->marked;
		return;
	}
	for (int i = 0; i < LANES; i++)
	{
		uint32		node = walks[Min(i, n - 1)].node;

		nodes[i] = forest->marked + node;
		depth = Max(depth, forest->subtrees[node].height);
	}
	if (forest->sets != NULL)
		walk_eight(nodes, depth, columns->values, columns->codes, 0, 0, forest->sets, true);
	else
		walk_eight(nodes, depth, columns->values, columns->codes, 0, 0, NULL, true);
	for (int i = 0; i < n; i++)
		walks[i].node = nodes[i] - forest->marked;
}

/* Gives what a walk that has ended brings, and queues what goes on below it. */
static inline double
end_walk(const CompiledForest *forest, const Walk *walk, Walk *queue, int *nqueued)
{
	uint64		node = forest->nodes[walk->node];
	const CompiledSubtree *subtree = &forest->subtrees[walk->node];
	Walk	   *next = queue + *nqueued;

	if (node_distance(node) == 0)
		return walk->weight * node_value(node);
	if (walk->ndivisions == FOREST_MAX_DIVISIONS)
		return walk->weight * subtree->mean;
	for (int i = 0; i < 2; i++)
	{
		next[i].node = walk->node + node_distance(node) + i;
		next[i].ndivisions = walk->ndivisions + 1;
	}
	next[0].weight = walk->weight * subtree->left_share;
	next[1].weight = walk->weight - next[0].weight;
	*nqueued += 2;
	return 0;
}

/* Gives the sum of some trees. */
static double
sum_chunk(const CompiledForest *forest, const RowColumns *columns, int from, int ntrees)
{
	Walk		walks[MAX_WALKS];
	int			n = ntrees;
	int			lanes;
	double		sum = 0;

	for (int i = 0; i < ntrees; i++)
	{
		walks[i].node = forest->trees[from + i].first;
		walks[i].weight = forest->trees[from + i].weight;
		walks[i].ndivisions = 0;
	}
	for (int i = 0; i < n; i += lanes)
	{
		lanes = Min(LANES, n - i);
		take_walks(forest, columns, walks + i, lanes);
		for (int lane = 0; lane < lanes; lane++)
			sum += end_walk(forest, &walks[i + lane], walks, &n);
	}
	return sum;
}

/* Gives the margin of one row some of whose missing values go both ways. */
float
forest_margin_divided(const CompiledForest *forest, const float *row)
{
	RowColumns	columns;
	double		margin = forest->header->base_margin;

	if (forest->marked == NULL || forest->header->ngroups != 1)
		elog(ERROR, "no missing value goes both ways in this forest");
	spread_row(forest, row, &columns);
	for (int i = 0; i < forest->header->ntrees; i += CHUNK)
	{
		CHECK_FOR_INTERRUPTS();
		margin += sum_chunk(forest, &columns, i, Min(CHUNK, forest->header->ntrees - i));
	}
	pfree(columns.values);
	pfree(columns.codes);
	return (float) margin;
}
