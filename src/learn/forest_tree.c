/*-------------------------------------------------------------------------
 *
 * forest_tree.c
 *	  One tree: from a model's parallel arrays to a ForestTree.
 *
 * What only the stored format has is checked here: lengths, parents, deleted nodes (which
 * are dropped, so that numbers below are those of the compacted tree), and
 * category lists.  What every tree must satisfy is forest_check()'s.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "storage/shmem.h"

#include "learn/forest_private.h"

/* Nodes of a tree as stored; more than a served tree may have, because pruned nodes are still listed. */
#define MAX_RAW_NODES (4 * FOREST_MAX_NODES)

/* The library's marks: no parent, and the feature of a pruned node. */
#define NO_PARENT 2147483647
#define PRUNED_FEATURE 2147483647

static const char *const int_names[] = {
	"left_children", "right_children", "parents", "split_indices", "default_left", "split_type",
	"categories", "categories_nodes", "categories_segments", "categories_sizes"
};

static const char *const float_names[] = {
	"split_conditions", "loss_changes", "sum_hessian", "base_weights"
};

/* Appends to a growing array of integers. */
void
forest_ints_add(ForestInts *ints, int32 value)
{
	if (ints->n == ints->max)
	{
		if (ints->max >= FOREST_MAX_CATEGORY_WORDS)
			forest_refuse("an array has more than %d elements", FOREST_MAX_CATEGORY_WORDS);
		ints->max = Max(64, ints->max * 2);
		ints->values = ints->values == NULL
			? palloc(mul_size(ints->max, sizeof(int32)))
			: repalloc(ints->values, mul_size(ints->max, sizeof(int32)));
	}
	ints->values[ints->n++] = value;
}

/* Appends to a growing array of floats. */
void
forest_floats_add(ForestFloats *floats, float value)
{
	if (floats->n == floats->max)
	{
		if (floats->max >= FOREST_MAX_CATEGORY_WORDS)
			forest_refuse("an array has more than %d elements", FOREST_MAX_CATEGORY_WORDS);
		floats->max = Max(64, floats->max * 2);
		floats->values = floats->values == NULL
			? palloc(mul_size(floats->max, sizeof(float)))
			: repalloc(floats->values, mul_size(floats->max, sizeof(float)));
	}
	floats->values[floats->n++] = value;
}

/* Checks that every per-node array has one element a node. */
static void
check_lengths(const ForestRawTree *raw, int number)
{
	if (raw->num_nodes > MAX_RAW_NODES)
		forest_refuse("tree %d: more than %d nodes", number, MAX_RAW_NODES);
	for (int i = TREE_LEFT; i <= TREE_SPLIT_TYPE; i++)
	{
		if (i == TREE_SPLIT_TYPE && !raw->has_split_type)
			continue;
		if (raw->ints[i].n != raw->num_nodes)
			forest_refuse("tree %d: %s has %d elements for %d nodes",
						  number, int_names[i], raw->ints[i].n, raw->num_nodes);
	}
	for (int i = 0; i < TREE_NFLOATS; i++)
	{
		if (raw->floats[i].n != raw->num_nodes)
			forest_refuse("tree %d: %s has %d elements for %d nodes",
						  number, float_names[i], raw->floats[i].n, raw->num_nodes);
	}
	for (int i = TREE_CATEGORY_STARTS; i <= TREE_CATEGORY_COUNTS; i++)
	{
		if (raw->ints[i].n != raw->ints[TREE_CATEGORY_NODES].n)
			forest_refuse("tree %d: %s has %d elements for %d categorical splits",
						  number, int_names[i], raw->ints[i].n, raw->ints[TREE_CATEGORY_NODES].n);
	}
}

/* Numbers the nodes without the pruned ones; gives how many there are and -1 for a pruned one. */
static int
number_nodes(const ForestRawTree *raw, int number, int32 *new_number)
{
	int			n = 0;

	for (int i = 0; i < raw->num_nodes; i++)
	{
		bool		pruned = raw->num_deleted > 0 &&
			(raw->ints[TREE_FEATURE].values[i] == PRUNED_FEATURE ||
			 raw->ints[TREE_FEATURE].values[i] == -1);

		new_number[i] = pruned ? -1 : n++;
	}
	if (raw->num_nodes - n != raw->num_deleted)
		forest_refuse("tree %d: num_deleted is %d but %d nodes are pruned",
					  number, raw->num_deleted, raw->num_nodes - n);
	if (n > FOREST_MAX_NODES)
		forest_refuse("tree %d: more than %d nodes", number, FOREST_MAX_NODES);
	return n;
}

/* Gives the new number of a child, -1 for none. */
static int32
child_number(const ForestRawTree *raw, int number, int node, int32 child, const int32 *new_number)
{
	if (child == -1)
		return -1;
	if (child <= 0 || child >= raw->num_nodes || new_number[child] < 0)
		forest_refuse("tree %d, node %d: child %d does not exist", number, node, child);
	if (raw->ints[TREE_PARENT].values[child] != node)
		forest_refuse("tree %d, node %d: its parent is not node %d", number, child, node);
	return new_number[child];
}

/* Allocates a tree's arrays. */
static void
allocate(ForestTree *tree, int nnodes)
{
	memset(tree, 0, sizeof(ForestTree));
	tree->nnodes = nnodes;
	tree->weight = 1.0f;
	tree->left = palloc(mul_size(nnodes, sizeof(int32)));
	tree->right = palloc(mul_size(nnodes, sizeof(int32)));
	tree->feature = palloc(mul_size(nnodes, sizeof(int32)));
	tree->value = palloc(mul_size(nnodes, sizeof(float)));
	tree->default_left = palloc(nnodes);
	tree->gain = palloc(mul_size(nnodes, sizeof(float)));
	tree->cover = palloc(mul_size(nnodes, sizeof(float)));
	tree->base_weight = palloc(mul_size(nnodes, sizeof(float)));
}

/* Makes a tree in CurrentMemoryContext that is one leaf. */
void
forest_tree_constant(ForestTree *tree, float value, int group)
{
	allocate(tree, 1);
	tree->group = group;
	tree->left[0] = tree->right[0] = -1;
	tree->feature[0] = 0;
	tree->value[0] = tree->base_weight[0] = value;
	tree->default_left[0] = 0;
	tree->gain[0] = tree->cover[0] = 0;
}

/* Copies one node to its new place; a leaf's unused fields become zero. */
static void
copy_node(ForestTree *tree, const ForestRawTree *raw, int number, int from, int to, const int32 *new_number)
{
	int32		default_left = raw->ints[TREE_DEFAULT_LEFT].values[from];
	bool		leaf;

	tree->left[to] = child_number(raw, number, from, raw->ints[TREE_LEFT].values[from], new_number);
	tree->right[to] = child_number(raw, number, from, raw->ints[TREE_RIGHT].values[from], new_number);
	leaf = tree->left[to] < 0 && tree->right[to] < 0;
	/* whether a tree may divide is forest_check()'s */
	if (default_left < 0 || default_left > FOREST_DIVIDES)
		forest_refuse("tree %d, node %d: default_left is %d", number, from, default_left);
	tree->default_left[to] = leaf ? 0 : default_left;
	tree->feature[to] = leaf ? 0 : raw->ints[TREE_FEATURE].values[from];
	tree->value[to] = raw->floats[TREE_VALUE].values[from];
	tree->gain[to] = leaf ? 0 : raw->floats[TREE_GAIN].values[from];
	tree->cover[to] = raw->floats[TREE_COVER].values[from];
	tree->base_weight[to] = raw->floats[TREE_BASE_WEIGHT].values[from];
}

/* Orders category codes. */
static int
compare_codes(const void *a, const void *b)
{
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;

	return (x > y) - (x < y);
}

/* Takes over the category lists of a tree that has categorical splits. */
static void
copy_categories(ForestTree *tree, const ForestRawTree *raw, int number, const int32 *new_number)
{
	int			nsplits = raw->ints[TREE_CATEGORY_NODES].n;
	const ForestInts *codes = &raw->ints[TREE_CATEGORIES];
	int			marked = 0;

	for (int i = 0; raw->has_split_type && i < raw->num_nodes; i++)
	{
		int32		type = raw->ints[TREE_SPLIT_TYPE].values[i];

		if (type != 0 && type != 1)
			forest_refuse("tree %d, node %d: split_type is %d", number, i, type);
		marked += type == 1 && new_number[i] >= 0;
	}
	if (marked != nsplits)
		forest_refuse("tree %d: %d nodes are categorical but %d have categories", number, marked, nsplits);
	if (nsplits == 0)
		return;

	tree->has_categories = true;
	tree->split_type = palloc0(tree->nnodes);
	tree->cat_start = palloc0(mul_size(tree->nnodes, sizeof(int32)));
	tree->cat_count = palloc0(mul_size(tree->nnodes, sizeof(int32)));
	tree->ncats = 0;
	tree->cats = palloc(mul_size(Max(codes->n, 1), sizeof(int32)));
	for (int i = 0; i < nsplits; i++)
	{
		int32		node = raw->ints[TREE_CATEGORY_NODES].values[i];
		int32		start = raw->ints[TREE_CATEGORY_STARTS].values[i];
		int32		count = raw->ints[TREE_CATEGORY_COUNTS].values[i];
		int32		to;

		if (node < 0 || node >= raw->num_nodes || (to = new_number[node]) < 0 ||
			raw->ints[TREE_SPLIT_TYPE].values[node] != 1 || tree->split_type[to] != 0)
			forest_refuse("tree %d: categories for node %d, which is no categorical split", number, node);
		/* segments follow each other: so no code is used twice and memory is bounded */
		if (start != tree->ncats || count <= 0 || count > codes->n - start)
			forest_refuse("tree %d, node %d: its categories are not where they should be", number, node);
		tree->split_type[to] = 1;
		tree->cat_start[to] = start;
		tree->cat_count[to] = count;
		memcpy(tree->cats + start, codes->values + start, count * sizeof(int32));
		qsort(tree->cats + start, count, sizeof(int32), compare_codes);
		tree->ncats += count;
		tree->value[to] = 0.0f;
	}
	if (tree->ncats != codes->n)
		forest_refuse("tree %d: %d categories belong to no node", number, codes->n - tree->ncats);
}

/* Makes a tree in CurrentMemoryContext from a model's arrays, or refuses them. */
void
forest_tree_from_raw(ForestTree *tree, const ForestRawTree *raw, int number)
{
	int32	   *new_number;
	int			nnodes;
	const char *reason;

	check_lengths(raw, number);
	if (raw->ints[TREE_PARENT].values[0] != NO_PARENT && raw->ints[TREE_PARENT].values[0] != -1)
		forest_refuse("tree %d, node 0: the root has a parent", number);
	new_number = palloc(mul_size(raw->num_nodes, sizeof(int32)));
	nnodes = number_nodes(raw, number, new_number);
	if (new_number[0] != 0)
		forest_refuse("tree %d, node 0: the root is pruned", number);
	allocate(tree, nnodes);
	for (int i = 0; i < raw->num_nodes; i++)
	{
		if (new_number[i] >= 0)
			copy_node(tree, raw, number, i, new_number[i], new_number);
	}
	copy_categories(tree, raw, number, new_number);
	pfree(new_number);

	tree->depth = forest_tree_depth(tree, number, &reason);
	if (tree->depth < 0)
		forest_refuse("%s", reason);
}
