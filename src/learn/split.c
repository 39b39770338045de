/*-------------------------------------------------------------------------
 *
 * split.c
 *	  Which rows train and which are held out.
 *
 * The choice depends on the number of rows, the labels, the share and the seed
 * alone, so the same call holds out the same rows on every machine.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"
#include "miscadmin.h"

#include "learn/split.h"

/* Rows of one class that are still to be looked at, and how many of them are still to be held out. */
typedef struct ClassQuota
{
	int64		rows;
	int64		wanted;
} ClassQuota;

/* Gives the class of a row: all rows are of class 0 when there are no labels. */
static inline int
split_class(const float *labels, int nclasses, int64 row)
{
	int			class;

	if (labels == NULL)
		return 0;
	class = (int) labels[row];
	if (class < 0 || class >= nclasses)
		elog(ERROR, "label %g is no class index below %d", labels[row], nclasses);
	return class;
}

/* Counts the classes and sets how many rows of each are held out; at least one of each stays. */
static void
split_set_quotas(ClassQuota *quotas, int nclasses, int64 nrows, double share, const float *labels)
{
	for (int64 row = 0; row < nrows; row++)
		quotas[split_class(labels, nclasses, row)].rows++;
	for (int i = 0; i < nclasses; i++)
	{
		quotas[i].wanted = (int64) rint((double) quotas[i].rows * share);
		quotas[i].wanted = Max(Min(quotas[i].wanted, quotas[i].rows - 1), 0);
	}
}

/*
 * Marks the held-out rows.
 *
 * Selection sampling: a row is taken with the probability that its class's
 * remaining quota has among the class's remaining rows, which gives exactly the
 * quota and every subset with the same probability.
 */
void
split_holdout(int64 nrows, double share, uint64 seed,
			  const float *labels, int nclasses, uint8 *held_out)
{
	int			nquotas = labels ? nclasses : 1;
	ClassQuota *quotas = palloc0(mul_size(nquotas, sizeof(ClassQuota)));
	pg_prng_state random;

	split_set_quotas(quotas, nquotas, nrows, share, labels);
	pg_prng_seed(&random, seed);
	for (int64 row = 0; row < nrows; row++)
	{
		ClassQuota *quota = &quotas[split_class(labels, nquotas, row)];

		if (row % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		held_out[row] = pg_prng_double(&random) * quota->rows < quota->wanted;
		quota->rows--;
		quota->wanted -= held_out[row];
	}
	pfree(quotas);
}
