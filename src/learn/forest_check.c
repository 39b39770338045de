/*-------------------------------------------------------------------------
 *
 * forest_check.c
 *	  Every invariant of a Forest, however it was made.
 *
 * A forest that passes can be written, compiled and scored without a further
 * look: the graph of every tree is one binary tree of bounded depth, every index
 * is in range, every number that is used is finite.  One exception: the library splits known
 * from missing at +inf when a column's largest value is near the end of float32.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "storage/shmem.h"

#include "learn/forest_private.h"

/* Gives one node's reason why the links around it cannot be part of a tree, or NULL. */
static const char *
check_links(const ForestTree *tree, int node)
{
	int32		left = tree->left[node];
	int32		right = tree->right[node];

	if (left == -1 && right == -1)
		return NULL;
	if (left == -1 || right == -1)
		return "it has one child";
	if (left < 1 || left >= tree->nnodes || right < 1 || right >= tree->nnodes || left == right)
		return "a child is out of range";
	return NULL;
}

/*
 * Walks a tree level by level and gives its longest path in splits, or -1 with
 * the reason when its nodes are not exactly one binary tree.
 */
int
forest_tree_depth(const ForestTree *tree, int number, const char **reason)
{
	bool	   *reached;
	int32	   *queue;
	int			n = 1;			/* nodes in the queue so far */
	int			level_end = 1;
	int			depth = 0;

	*reason = NULL;
	reached = palloc0(tree->nnodes);
	queue = palloc(mul_size(tree->nnodes, sizeof(int32)));
	queue[0] = 0;
	reached[0] = true;
	for (int i = 0; i < n && *reason == NULL; i++)
	{
		int			node = queue[i];

		if (i == level_end)
		{
			level_end = n;
			depth++;
		}
		*reason = check_links(tree, node);
		if (*reason == NULL && tree->left[node] >= 0)
		{
			if (reached[tree->left[node]] || reached[tree->right[node]])
				*reason = "a child is reached twice";
			else if (depth >= FOREST_MAX_DEPTH)
				*reason = psprintf("it is deeper than %d", FOREST_MAX_DEPTH);
			else
			{
				reached[tree->left[node]] = true;
				reached[tree->right[node]] = true;
				queue[n++] = tree->left[node];
				queue[n++] = tree->right[node];
			}
		}
		if (*reason != NULL)
			*reason = psprintf("tree %d, node %d: %s", number, node, *reason);
	}
	if (*reason == NULL && n != tree->nnodes)
		*reason = psprintf("tree %d: %d of %d nodes cannot be reached", number, tree->nnodes - n, tree->nnodes);
	pfree(reached);
	pfree(queue);
	return *reason == NULL ? depth : -1;
}

/* Gives the reason why a categorical split's codes are unsound, or NULL; adds the words that its set takes. */
static const char *
check_categories(const ForestTree *tree, int node, int64 *nwords)
{
	int32		start = tree->cat_start[node];
	int32		count = tree->cat_count[node];

	if (start < 0 || count < 1 || start > tree->ncats || count > tree->ncats - start)
		return "its categories are out of range";
	for (int i = start; i < start + count; i++)
	{
		if (tree->cats[i] < 0 || tree->cats[i] > FOREST_MAX_CATEGORY)
			return psprintf("category %d is out of range", tree->cats[i]);
		if (i > start && tree->cats[i] <= tree->cats[i - 1])
			return "its categories are not ascending";
	}
	*nwords += 2 + tree->cats[start + count - 1] / 32;
	return NULL;
}

/* Gives the reason why one node's values are unsound, or NULL. */
static const char *
check_node(const Forest *forest, const ForestTree *tree, int node, int64 *nwords)
{
	bool		categorical = tree->has_categories && tree->split_type[node] == 1;
	bool		leaf = tree->left[node] < 0;

	if (leaf && !isfinite(tree->value[node]))
		return "its output is not finite";
	if (isnan(tree->value[node]))
		return "its threshold is not a number";
	if (!isfinite(tree->gain[node]) || !isfinite(tree->base_weight[node]))
		return "a statistic is not finite";
	if (!isfinite(tree->cover[node]) || tree->cover[node] < 0)
		return "its cover is negative or not finite";
	if (tree->has_categories && tree->split_type[node] > 1)
		return "its split type is unknown";
	if (leaf)
		return categorical ? "a leaf has categories" : NULL;
	if (tree->feature[node] < 0 || tree->feature[node] >= forest->nfeatures)
		return psprintf("feature %d does not exist", tree->feature[node]);
	if (tree->default_left[node] > 1 &&
		(forest->objective != FOREST_ISOLATION || tree->default_left[node] > FOREST_DIVIDES || categorical))
		return "its default direction is neither left nor right";
	return categorical ? check_categories(tree, node, nwords) : NULL;
}

/* Gives the reason why a tree is unsound, or NULL. */
static const char *
check_tree(const Forest *forest, int number, int64 *nwords)
{
	const ForestTree *tree = &forest->trees[number];
	const char *reason;
	int			depth;

	if (tree->nnodes < 1 || tree->nnodes > FOREST_MAX_NODES)
		return psprintf("tree %d: it has %d nodes", number, tree->nnodes);
	if (tree->group < 0 || tree->group >= forest->ngroups)
		return psprintf("tree %d: output %d does not exist", number, tree->group);
	if (!isfinite(tree->weight) || (!forest->dart && tree->weight != 1.0f))
		return psprintf("tree %d: its weight is not sound", number);
	depth = forest_tree_depth(tree, number, &reason);
	if (reason != NULL)
		return reason;
	if (depth != tree->depth)
		return psprintf("tree %d: its depth is %d, not %d", number, depth, tree->depth);
	for (int node = 0; node < tree->nnodes; node++)
	{
		reason = check_node(forest, tree, node, nwords);
		if (reason != NULL)
			return psprintf("tree %d, node %d: %s", number, node, reason);
	}
	if (*nwords > FOREST_MAX_CATEGORY_WORDS)
		return "the sets of categories are too large";
	return NULL;
}

/* Gives the reason why the forest as a whole is unsound, or NULL. */
static const char *
check_head(const Forest *forest)
{
	const ForestObjectiveInfo *info = forest_objective_find(forest->objective_name);
	float		margin;

	if (info == NULL || info->objective != forest->objective)
		return psprintf("objective \"%s\" is not supported", forest->objective_name);
	if (forest->nfeatures < 1 || forest->nfeatures > FOREST_MAX_FEATURES)
		return psprintf("it has %d features", forest->nfeatures);
	if (forest->ngroups < 1 || forest->ngroups > FOREST_MAX_GROUPS)
		return psprintf("it has %d outputs", forest->ngroups);
	if ((forest->objective == FOREST_SOFTPROB) != (forest->ngroups > 1))
		return psprintf("%d outputs do not fit objective \"%s\"", forest->ngroups, forest->objective_name);
	if (forest->ntrees < 1 || forest->ntrees > FOREST_MAX_TREES)
		return psprintf("it has %d trees", forest->ntrees);
	if (forest->best_iteration_trees < 1 || forest->best_iteration_trees > forest->ntrees)
		return psprintf("%d of its %d trees serve", forest->best_iteration_trees, forest->ntrees);
	if (forest->best_iteration_trees % forest->ngroups != 0)
		return psprintf("%d trees do not make whole rounds of %d", forest->best_iteration_trees, forest->ngroups);
	if (!isfinite(forest->base_score) || !forest_base_margin(forest, &margin))
		return psprintf("base_score %g has no margin", forest->base_score);
	return NULL;
}

/* Gives the reason why a forest is unsound, or NULL when every invariant holds. */
const char *
forest_check(const Forest *forest)
{
	const char *reason = check_head(forest);
	int64		nwords = 0;

	for (int i = 0; i < forest->ntrees && reason == NULL; i++)
		reason = check_tree(forest, i, &nwords);
	return reason;
}
