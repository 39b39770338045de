/*-------------------------------------------------------------------------
 *
 * surprise_code.c
 *	  From a feature's values to the outcomes of its aspect.
 *
 * A number's bins become edges and a map: the outcome of x is map[number of
 * edges <= x].  So what is outside the training range, and what lies between two
 * values that stand alone, is "unseen" without a branch.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "anomaly/surprise.h"

/* Edges while they are made. */
typedef struct EdgeList
{
	int			n;
	float	   *edges;
	uint16	   *map;
} EdgeList;

/* Says that from an edge on an outcome holds. */
static void
add_edge(EdgeList *list, float edge, int outcome)
{
	if (!isfinite(edge))
		return;
	list->edges[list->n++] = edge;
	list->map[list->n] = (uint16) outcome;
}

/* Adds what lies between bin i and the next one, and the next one. */
static void
add_next(EdgeList *list, const SurpriseAspect *aspect, int i)
{
	float		next = aspect->lo[i + 1];
	float		behind = nextafterf(aspect->hi[i], INFINITY);

	if (!aspect->alone[i] || behind >= next)
		add_edge(list, next, i + 1);
	else if (!aspect->alone[i + 1])
		add_edge(list, behind, i + 1);
	else
	{
		add_edge(list, behind, SURPRISE_UNSEEN(aspect));
		add_edge(list, next, i + 1);
	}
}

/* Makes what codes the values of an aspect, in CurrentMemoryContext. */
SurpriseCoder *
surprise_coder(const SurpriseAspect *aspect)
{
	SurpriseCoder *coder = palloc0(sizeof(SurpriseCoder));
	EdgeList	list = {0};

	coder->categorical = aspect->categorical;
	coder->nvalues = aspect->nvalues;
	if (aspect->categorical)
		return coder;
	list.edges = palloc(sizeof(float) * (2 * aspect->nvalues + 1));
	list.map = palloc(sizeof(uint16) * (2 * aspect->nvalues + 2));
	list.map[0] = aspect->nvalues > 0 && aspect->open_below ? 0 : SURPRISE_UNSEEN(aspect);
	if (aspect->nvalues > 0)
		add_edge(&list, aspect->lo[0], 0);
	for (int i = 0; i < aspect->nvalues - 1; i++)
		add_next(&list, aspect, i);
	if (aspect->nvalues > 0 && !aspect->open_above)
		add_edge(&list, nextafterf(aspect->hi[aspect->nvalues - 1], INFINITY), SURPRISE_UNSEEN(aspect));
	coder->nedges = list.n;
	coder->edges = list.edges;
	coder->map = list.map;
	return coder;
}

/* Codes categories: what is none of the known codes is unseen. */
static void
code_categories(const SurpriseCoder *coder, const float *values, Size stride, int n, uint16 *codes)
{
	float		limit = (float) coder->nvalues;

	for (int i = 0; i < n; i++)
	{
		float		x = values[i * stride];

		if (isnan(x))
			codes[i] = (uint16) (coder->nvalues + 1);
		else
			codes[i] = (x >= 0 && x < limit) ? (uint16) x : (uint16) coder->nvalues;
	}
}

/* Codes numbers: all searches of a block take the same steps, and a step is a mask, so nothing is mispredicted. */
static void
code_numbers(const SurpriseCoder *coder, const float *values, Size stride, int n, uint16 *codes)
{
	const float *edges = coder->edges;
	float		x[SURPRISE_BLOCK];
	int32		at[SURPRISE_BLOCK];
	int			len = coder->nedges;

	for (int i = 0; i < n; i++)
	{
		x[i] = values[i * stride];
		at[i] = 0;
	}
	while (len > 1)
	{
		int			half = len / 2;

		for (int i = 0; i < n; i++)
			at[i] += half & -(int32) (edges[at[i] + half - 1] <= x[i]);
		len -= half;
	}
	for (int i = 0; i < n; i++)
	{
		int			below = at[i] + (len > 0 && edges[at[i]] <= x[i]);

		codes[i] = isnan(x[i]) ? (uint16) (coder->nvalues + 1) : coder->map[below];
	}
}

/* Gives the outcomes of at most SURPRISE_BLOCK values that lie stride floats apart. */
void
surprise_code(const SurpriseCoder *coder, const float *values, Size stride, int n, uint16 *codes)
{
	Assert(n <= SURPRISE_BLOCK);
	if (coder->categorical)
		code_categories(coder, values, stride, n, codes);
	else
		code_numbers(coder, values, stride, n, codes);
}
