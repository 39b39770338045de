/*-------------------------------------------------------------------------
 *
 * forest_open.c
 *	  Opens a compiled forest in place.
 *
 * The bytes come from a table, hence from a dump or a disk: nothing in them is
 * believed before it was checked, and after the check the kernels run without any.
 * Breadth-first numbering makes the check one pass: the children of the nodes,
 * in order, must be exactly the nodes that follow, which leaves no room for a
 * cycle, an orphan or an index out of range.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "storage/shmem.h"
#include "utils/memutils.h"

#include "learn/compiled.h"
#include "learn/forest_private.h"

/* Checks all that the header alone can say, and the CRC. */
static void
check_header(const char *bytes, Size len, CompiledLayout *layout)
{
	const CompiledHeader *header = (const CompiledHeader *) bytes;

	if (bytes != (const char *) MAXALIGN(bytes))
		elog(ERROR, "compiled forest is not aligned");
	if (len < sizeof(CompiledHeader) || memcmp(header->magic, COMPILED_MAGIC, sizeof(header->magic)) != 0)
		compiled_corrupted("It does not start as a compiled forest does.");
	if (header->byte_order != COMPILED_BYTE_ORDER)
		compiled_corrupted("It was made on a machine of another byte order.");
	if (header->format != COMPILED_FORMAT || (header->flags & ~COMPILED_DIVIDES) != 0 || header->reserved != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the compiled model is corrupted"),
				 errdetail("Its format is %u, flags %u; this version of aipipe reads format %d.",
						   header->format, header->flags, COMPILED_FORMAT)));
	if (header->length != len)
		compiled_corrupted("Its length is not what its header says.");
	if (header->crc != compiled_crc(bytes, len, offsetof(CompiledHeader, crc)))
		compiled_corrupted("Its checksum does not match.");
	if (header->objective < 0 || header->objective > FOREST_ISOLATION ||
		header->nfeatures < 1 || header->nfeatures > FOREST_MAX_FEATURES ||
		header->ngroups < 1 || header->ngroups > FOREST_MAX_GROUPS ||
		header->ntrees < 1 || header->ntrees > FOREST_MAX_TREES ||
		(header->flags != 0 && header->objective != FOREST_ISOLATION) ||
		header->nnodes > MaxAllocSize / sizeof(uint64) || header->nwords > FOREST_MAX_CATEGORY_WORDS ||
		!isfinite(header->base_margin))
		compiled_corrupted("A number in its header is out of range.");
	forest_compiled_layout(layout, header->ntrees, header->nnodes, header->nwords);
	if (layout->length != len)
		compiled_corrupted("Its sections do not fit its length.");
}

/* Says whether a categorical split's set lies inside the words. */
static inline bool
set_is_sound(const CompiledForest *forest, uint64 node)
{
	uint32		at = node_bits(node) & NODE_CATEGORY_MASK;
	uint32		nwords = forest->header->nwords;

	return at < nwords && forest->words[at] <= nwords - at - 1;
}

/*
 * Says whether a tree's nodes are numbered breadth first, end in leaves that
 * lead to themselves, look at columns that exist and are as deep as the tree says.
 */
static bool
nodes_are_sound(const CompiledForest *forest, const CompiledTree *tree)
{
	const uint64 *nodes = forest->nodes + tree->first;
	uint32		ncolumns = 2 * (uint32) forest->header->nfeatures;
	uint32		next = 1;
	uint32		level_end = 1;
	uint32		depth = 0;

	for (uint32 i = 0; i < tree->nnodes; i++)
	{
		uint64		node = nodes[i];

		if (i == level_end)
		{
			level_end = next;
			depth++;
		}
		if (node_distance(node) == 0)
		{
			if (node_column(node) != ncolumns || !isfinite(node_value(node)))
				return false;
			continue;
		}
		if (i + node_distance(node) != next || node_column(node) >= ncolumns)
			return false;
		if (!isfinite(node_value(node)) && node_value(node) != INFINITY &&
			!(tree->has_categories && node_is_categorical(node) && set_is_sound(forest, node)))
			return false;
		next += 2;
		if (next > tree->nnodes)
			return false;
	}
	return next == tree->nnodes && depth == tree->depth;
}

/* Checks every tree: where it lies, what it adds to, and its nodes. */
static void
check_trees(CompiledForest *forest)
{
	const CompiledHeader *header = forest->header;
	uint32		next = 0;

	for (int i = 0; i < header->ntrees; i++)
	{
		const CompiledTree *tree = &forest->trees[i];

		if (tree->first != next || tree->nnodes < 1 || tree->nnodes > FOREST_MAX_NODES ||
			tree->nnodes > header->nnodes - next || tree->group >= header->ngroups ||
			tree->has_categories > 1 || !isfinite(tree->weight) || !isfinite(forest->means[i]) ||
			!nodes_are_sound(forest, tree))
			compiled_corrupted(psprintf("Tree %d is not sound.", i));
		next += tree->nnodes;
		forest->has_categories |= tree->has_categories;
	}
	if (next != header->nnodes)
		compiled_corrupted("Some nodes belong to no tree.");
}

/* Copies the nodes without their marks, which may stand at numeric splits only. */
static void
open_marks(CompiledForest *forest)
{
	uint32		nnodes = forest->header->nnodes;
	uint64	   *nodes;

	if ((forest->header->flags & COMPILED_DIVIDES) == 0)
		return;
	nodes = palloc_extended(mul_size(Max(nnodes, 1), sizeof(uint64)), MCXT_ALLOC_HUGE);
	for (uint32 i = 0; i < nnodes; i++)
	{
		nodes[i] = forest->nodes[i] & ~NODE_DIVIDES;
		if (node_divides(forest->nodes[i]) &&
			(node_distance(nodes[i]) == 0 || node_is_categorical(nodes[i]) || node_column(nodes[i]) % 2 != 0))
			compiled_corrupted("A node bears a mark that does not belong to it.");
	}
	forest->marked = forest->nodes;
	forest->nodes = nodes;
}

/* Copies the nodes into the form for rows that divide. */
static void
open_dividing(CompiledForest *forest)
{
	uint32		nnodes = forest->header->nnodes;
	uint64	   *dividing;
	uint8	   *looked_at;

	if (forest->marked == NULL)
		return;
	dividing = palloc_extended(mul_size(nnodes, sizeof(uint64)), MCXT_ALLOC_HUGE);
	looked_at = palloc0((Size) forest->header->nfeatures + 1);	/* leaves look at one more */
	for (uint32 i = 0; i < nnodes; i++)
	{
		uint64		node = forest->nodes[i];
		uint32		feature = node_column(node) / 2;
		uint32		place = node_divides(forest->marked[i]) ? 2 : node_column(node) % 2;

		dividing[i] = dividing_make(node_bits(node), DIVIDING_COLUMNS * feature + place, node_distance(node));
		looked_at[feature] |= 1 << place;
	}
	forest->dividing = dividing;
	forest->looked_at = looked_at;
}

/* Computes what is to be known of the trees below each node where walks go both ways. */
static void
open_subtrees(CompiledForest *forest)
{
	CompiledSubtree *subtrees;

	if (forest->marked == NULL)
		return;
	subtrees = palloc_extended(mul_size(forest->header->nnodes, sizeof(CompiledSubtree)), MCXT_ALLOC_HUGE);
	for (int t = 0; t < forest->header->ntrees; t++)
	{
		const CompiledTree *tree = &forest->trees[t];
		const uint64 *nodes = forest->nodes + tree->first;
		const CompiledStat *stats = forest->stats + tree->first;

		/* a child is behind its parent */
		for (int i = (int) tree->nnodes - 1; i >= 0; i--)
		{
			int			left = i + node_distance(nodes[i]);
			CompiledSubtree *subtree = &subtrees[tree->first + i];
			const CompiledSubtree *child = &subtrees[tree->first + left];

			subtree->mean = node_value(nodes[i]);
			subtree->left_share = 1;
			subtree->height = 0;
			if (left == i)
				continue;
			subtree->left_share = (float) compiled_share(stats, i, left);
			subtree->mean = subtree->left_share * child[0].mean + (1 - subtree->left_share) * child[1].mean;
			subtree->height = 1 + Max(child[0].height, child[1].height);
		}
	}
	forest->subtrees = subtrees;
}

/* Copies the category sets into slots, or leaves it when one is too wide for them. */
static void
open_sets(CompiledForest *forest)
{
	Size		nslots = (Size) forest->header->nwords + 1;
	uint32	   *sets;

	if (!forest->has_categories || forest->header->nwords > NARROW_MAX_WORDS)
		return;
	sets = palloc0(mul_size(nslots * NARROW_SLOT, sizeof(uint32)));
	memset(sets, 0xff, NARROW_SLOT * sizeof(uint32));
	for (uint32 i = 0; i < forest->header->nnodes; i++)
	{
		uint64		node = forest->nodes[i];
		uint32		at = node_bits(node) & NODE_CATEGORY_MASK;
		uint32	   *slot;

		if (node_distance(node) == 0 || !node_is_categorical(node))
			continue;
		if (forest->words[at] > NARROW_CATEGORIES / 32)
		{
			pfree(sets);
			return;
		}
		slot = sets + (Size) (at + 1) * NARROW_SLOT;
		memcpy(slot, forest->words + at + 1, forest->words[at] * sizeof(uint32));
		slot[NARROW_PRESENT / 32] = 1u << (NARROW_PRESENT % 32);
	}
	forest->sets = sets;
}

/* Opens compiled bytes in place, or ends with an error when anything is off. */
const CompiledForest *
forest_open(const char *bytes, Size len)
{
	CompiledForest *forest;
	CompiledLayout layout;

	check_header(bytes, len, &layout);
	forest = palloc0(sizeof(CompiledForest));
	forest->header = (const CompiledHeader *) bytes;
	forest->trees = (const CompiledTree *) (bytes + layout.trees);
	forest->nodes = (const uint64 *) (bytes + layout.nodes);
	forest->words = (const uint32 *) (bytes + layout.words);
	forest->stats = (const CompiledStat *) (bytes + layout.stats);
	forest->means = (const double *) (bytes + layout.means);
	open_marks(forest);
	check_trees(forest);
	open_dividing(forest);
	open_subtrees(forest);
	open_sets(forest);
	return forest;
}

/* Gives the number of floats of a row. */
int
forest_nfeatures(const CompiledForest *forest)
{
	return forest->header->nfeatures;
}

/* Gives the number of margins of a row. */
int
forest_ngroups(const CompiledForest *forest)
{
	return forest->header->ngroups;
}

/* Gives the objective. */
ForestObjective
forest_objective(const CompiledForest *forest)
{
	return forest->header->objective;
}
