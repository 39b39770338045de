/*
 * iforest_grow.h
 *	  What choosing a split (iforest_split.c) and growing a tree (iforest_tree.c) share.
 */
#ifndef LEARN_IFOREST_GROW_H
#define LEARN_IFOREST_GROW_H

#include "learn/iforest.h"

/*
 *		sample: feature-major, nrows floats a feature
 *		rows:	row numbers of the sample; node i owns rows[start[i] .. end[i])
 */
typedef struct Grower
{
	pg_prng_state *rng;
	int			ntrees;
	int			max_depth;
	double		prob_pooled_gain;
	int			nrows;			/* in a sample */
	int			ngiven;
	int			nfeatures;		/* with the pairs */
	int			ncolumns;
	const IforestPairs *pairs;
	int		   *column_first;	/* first feature of each column, ncolumns + 1 */
	int		   *column_pairs;	/* first of each column in pairs_of, ncolumns + 1 */
	int		   *pairs_of;		/* pairs by column */
	int		   *ncategories;	/* per feature, with the one for all others; 0 = numeric */
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
	float	   *values;			/* of the node's rows, without the missing ones */
	MemoryContext result;		/* what stays */
} Grower;

/* Where rows without the feature's value go. */
typedef enum SplitMissing
{
	MISSING_RIGHT,
	MISSING_LEFT,
	MISSING_BOTH,				/* there are some, and nothing is known about them */
	MISSING_SMALLER				/* there are none: to the side with fewer rows */
} SplitMissing;

typedef struct Split
{
	int			feature;
	bool		categorical;	/* g->side says where a category goes */
	float		threshold;
	double		left_share;		/* of the rows that have a value; for MISSING_BOTH */
	SplitMissing missing;
} Split;

/* Draws one of 0 … n - 1. */
static inline int
draw(Grower *g, int n)
{
	return (int) pg_prng_uint64_range(g->rng, 0, n - 1);
}

/* Gives one of the two values by a fair coin. */
static inline bool
coin(Grower *g)
{
	return pg_prng_bool(g->rng);
}

/* Finds a split of a node; false when nothing varies in it. */
extern bool iforest_find_split(Grower *g, int node, Split *split);

#endif							/* LEARN_IFOREST_GROW_H */
