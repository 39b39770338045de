/*-------------------------------------------------------------------------
 *
 * forest_importance.c
 *	  What each feature did in a compiled forest: total gain, total cover and
 *	  number of its splits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "learn/forest_private.h"

/* Sums gain, cover and the number of splits per feature over all trees. */
void
forest_importance(const CompiledForest *forest, double *gain, double *cover, double *weight)
{
	int			nfeatures = forest->header->nfeatures;

	for (int f = 0; f < nfeatures; f++)
		gain[f] = cover[f] = weight[f] = 0;
	for (uint32 i = 0; i < forest->header->nnodes; i++)
	{
		int			feature = node_column(forest->nodes[i]) / 2;

		if (node_distance(forest->nodes[i]) == 0)
			continue;
		gain[feature] += forest->stats[i].gain;
		cover[feature] += forest->stats[i].cover;
		weight[feature] += 1;
	}
}
