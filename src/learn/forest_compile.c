/*-------------------------------------------------------------------------
 *
 * forest_compile.c
 *	  From a Forest to the flat form that is stored and scored as it is.
 *
 * forest_private.h draws the layout.  Everything is computed here, once: the
 * base margin, a tree's expected value.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "learn/compiled.h"
#include "learn/forest_private.h"

/* Gives the offsets of the sections for the given counts. */
void
forest_compiled_layout(CompiledLayout *layout, uint32 ntrees, uint32 nnodes, uint32 nwords)
{
	layout->trees = sizeof(CompiledHeader);
	layout->nodes = add_size(layout->trees, mul_size(ntrees, sizeof(CompiledTree)));
	layout->words = add_size(layout->nodes, mul_size(nnodes, sizeof(uint64)));
	/* an even number of words, so that what follows is aligned */
	layout->stats = add_size(layout->words, mul_size(TYPEALIGN(2, (Size) nwords), sizeof(uint32)));
	layout->means = add_size(layout->stats, mul_size(nnodes, sizeof(CompiledStat)));
	layout->length = add_size(layout->means, mul_size(ntrees, sizeof(double)));
}

/* Lists a tree's nodes breadth first; order[new number] = number in the tree. */
static void
order_nodes(const ForestTree *tree, int32 *order)
{
	int			n = 1;

	order[0] = 0;
	for (int i = 0; i < n; i++)
	{
		if (tree->left[order[i]] >= 0)
		{
			order[n++] = tree->left[order[i]];
			order[n++] = tree->right[order[i]];
		}
	}
	Assert(n == tree->nnodes);
}

/* Gives the bits of a float. */
static inline uint32
float_bits(float value)
{
	uint32		bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

/* Writes a categorical split's set behind the words used so far and gives the bits of its node. */
static uint32
write_set(const ForestTree *tree, int node, uint32 *words, uint32 *nwords)
{
	const int32 *codes = tree->cats + tree->cat_start[node];
	int			count = tree->cat_count[node];
	uint32		at = *nwords;
	uint32		size = 1 + codes[count - 1] / 32;

	words[at] = size;
	memset(words + at + 1, 0, size * sizeof(uint32));
	for (int i = 0; i < count; i++)
		words[at + 1 + codes[i] / 32] |= 1u << (codes[i] % 32);
	*nwords += 1 + size;
	return NODE_CATEGORY_MARK | at;
}

/* Gives how many words a tree's category sets take. */
static uint32
count_words(const ForestTree *tree)
{
	uint32		n = 0;

	for (int i = 0; tree->has_categories && i < tree->nnodes; i++)
	{
		if (tree->split_type[i] == 1)
			n += 2 + tree->cats[tree->cat_start[i] + tree->cat_count[i] - 1] / 32;
	}
	return n;
}

/*
 * Gives the expected value of a compiled tree over its training rows: leaves
 * weighted by the shares of cover on the way to them.
 */
static double
expected_value(const uint64 *nodes, const CompiledStat *stats, int nnodes)
{
	double	   *share = palloc(mul_size(nnodes, sizeof(double)));
	double		mean = 0;

	share[0] = 1;
	for (int i = 0; i < nnodes; i++)
	{
		int			left = i + node_distance(nodes[i]);

		if (left == i)
			mean += share[i] * node_value(nodes[i]);
		else
		{
			share[left] = share[i] * compiled_share(stats, i, left);
			share[left + 1] = share[i] * compiled_share(stats, i, left + 1);
		}
	}
	pfree(share);
	return mean;
}

/* Where the parts of the bytes being written are. */
typedef struct Target
{
	CompiledTree *trees;
	uint64	   *nodes;
	uint32	   *words;
	CompiledStat *stats;
	double	   *means;
	uint32		nnodes;			/* written so far */
	uint32		nwords;
} Target;

/* Compiles one tree. */
static void
compile_tree(const Forest *forest, int number, Target *target)
{
	const ForestTree *tree = &forest->trees[number];
	CompiledTree *head = &target->trees[number];
	uint64	   *nodes = target->nodes + target->nnodes;
	CompiledStat *stats = target->stats + target->nnodes;
	int32	   *order = palloc(mul_size(tree->nnodes, sizeof(int32)));
	int			next = 1;		/* where the next pair of children goes */

	head->first = target->nnodes;
	head->nnodes = tree->nnodes;
	head->group = tree->group;
	head->depth = tree->depth;
	head->has_categories = tree->has_categories;
	head->weight = tree->weight;
	order_nodes(tree, order);
	for (int i = 0; i < tree->nnodes; i++)
	{
		int			node = order[i];
		float		value = tree->value[node];

		stats[i].gain = tree->gain[node];
		stats[i].cover = tree->cover[node];
		if (tree->left[node] < 0)
			nodes[i] = node_make(float_bits(value), 2 * forest->nfeatures, 0);
		else
		{
			uint32		bits = float_bits(known_value(value));

			if (tree->has_categories && tree->split_type[node] == 1)
				bits = write_set(tree, node, target->words, &target->nwords);
			nodes[i] = node_make(bits, 2 * tree->feature[node] + (tree->default_left[node] == 1), next - i);
			next += 2;
		}
	}
	target->means[number] = expected_value(nodes, stats, tree->nnodes);
	for (int i = 0; i < tree->nnodes; i++)
	{
		if (tree->left[order[i]] >= 0 && tree->default_left[order[i]] == FOREST_DIVIDES)
			nodes[i] |= NODE_DIVIDES;
	}
	target->nnodes += tree->nnodes;
	pfree(order);
}

/* Says whether a tree has a split at which a missing value goes both ways. */
static bool
tree_divides(const ForestTree *tree)
{
	bool		divides = false;

	for (int i = 0; i < tree->nnodes; i++)
		divides |= tree->left[i] >= 0 && tree->default_left[i] == FOREST_DIVIDES;
	return divides;
}

/* Counts what a compiled form holds. */
static void
fill_header(const Forest *forest, CompiledHeader *header)
{
	memset(header, 0, sizeof(CompiledHeader));
	memcpy(header->magic, COMPILED_MAGIC, sizeof(header->magic));
	header->format = COMPILED_FORMAT;
	header->byte_order = COMPILED_BYTE_ORDER;
	header->objective = forest->objective;
	header->nfeatures = forest->nfeatures;
	header->ngroups = forest->ngroups;
	header->ntrees = forest->best_iteration_trees;
	for (int i = 0; i < header->ntrees; i++)
	{
		header->nnodes += forest->trees[i].nnodes;
		header->nwords += count_words(&forest->trees[i]);
		if (tree_divides(&forest->trees[i]))
			header->flags = COMPILED_DIVIDES;
	}
	if (!forest_base_margin(forest, &header->base_margin))
		elog(ERROR, "forest has no base margin");
}

/* Appends the compiled form of a sound forest. */
void
forest_compile(const Forest *forest, StringInfo out)
{
	CompiledHeader header;
	CompiledLayout layout;
	Target		target = {0};
	char	   *bytes;
	uint64		nnodes = 0;

	for (int i = 0; i < forest->best_iteration_trees; i++)
		nnodes += forest->trees[i].nnodes;
	if (nnodes > MaxAllocSize / (sizeof(uint64) + sizeof(CompiledStat)) / 2)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the model is too large"),
				 errdetail("It has " UINT64_FORMAT " nodes.", nnodes)));
	fill_header(forest, &header);
	forest_compiled_layout(&layout, header.ntrees, header.nnodes, header.nwords);
	header.length = layout.length;

	bytes = palloc0(layout.length);
	target.trees = (CompiledTree *) (bytes + layout.trees);
	target.nodes = (uint64 *) (bytes + layout.nodes);
	target.words = (uint32 *) (bytes + layout.words);
	target.stats = (CompiledStat *) (bytes + layout.stats);
	target.means = (double *) (bytes + layout.means);
	for (int i = 0; i < header.ntrees; i++)
	{
		CHECK_FOR_INTERRUPTS();
		compile_tree(forest, i, &target);
	}
	memcpy(bytes, &header, sizeof(header));
	header.crc = compiled_crc(bytes, layout.length, offsetof(CompiledHeader, crc));
	memcpy(bytes, &header, sizeof(header));
	appendBinaryStringInfo(out, bytes, layout.length);
	pfree(bytes);
}
