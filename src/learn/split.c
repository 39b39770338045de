/*-------------------------------------------------------------------------
 *
 * split.c
 *	  Which rows train and which are held out: drawn, or whole groups.
 *
 * The choice depends on the arguments alone, so the same call holds out the same
 * rows on every machine.
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

/* One group, on its way to a side or a fold. */
typedef struct SplitGroup
{
	int32		group;
	int64		nrows;
} SplitGroup;

/* Counts the rows of every group number. */
static SplitGroup *
count_groups(int64 nrows, const int32 *groups, int64 *ngroups)
{
	SplitGroup *counts;
	int32		last = -1;

	for (int64 row = 0; row < nrows; row++)
		last = Max(last, groups[row]);
	*ngroups = (int64) last + 1;
	counts = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(*ngroups, 1), sizeof(SplitGroup)));
	for (int64 i = 0; i < *ngroups; i++)
	{
		counts[i].group = (int32) i;
		counts[i].nrows = 0;
	}
	for (int64 row = 0; row < nrows; row++)
		counts[groups[row]].nrows++;
	return counts;
}

/* Leaves out the numbers that no row has. */
static int64
drop_empty_groups(SplitGroup *counts, int64 ngroups)
{
	int64		kept = 0;

	for (int64 i = 0; i < ngroups; i++)
		if (counts[i].nrows > 0)
			counts[kept++] = counts[i];
	return kept;
}

/* Brings the groups into a random order. */
static void
shuffle_groups(SplitGroup *counts, int64 ngroups, uint64 seed)
{
	pg_prng_state random;

	pg_prng_seed(&random, seed);
	for (int64 i = ngroups - 1; i > 0; i--)
	{
		int64		j = (int64) pg_prng_uint64_range(&random, 0, (uint64) i);
		SplitGroup	moved = counts[i];

		counts[i] = counts[j];
		counts[j] = moved;
	}
}

/* Gives the counts of the groups that there are, in random order. */
static SplitGroup *
random_groups(int64 nrows, uint64 seed, const int32 *groups, int64 *ngroups)
{
	SplitGroup *counts = count_groups(nrows, groups, ngroups);

	*ngroups = drop_empty_groups(counts, *ngroups);
	shuffle_groups(counts, *ngroups, seed);
	return counts;
}

/* Gives the bytes that splitting by groups takes, with a mark for every group number. */
Size
split_groups_bytes(int64 nrows, const int32 *groups)
{
	int32		last = -1;

	for (int64 row = 0; row < nrows; row++)
		last = Max(last, groups[row]);
	return mul_size((Size) ((int64) last + 1), sizeof(SplitGroup) + sizeof(uint8));
}

/*
 * Chooses which of the groups, in their random order, are held out: each that
 * brings the number of rows nearer to what is wanted.
 */
static void
choose_groups(const SplitGroup *counts, int64 ngroups, int64 wanted, uint8 *chosen)
{
	int64		held = 0;
	int64		nchosen = 0;
	int64		smallest = 0;

	for (int64 i = 0; i < ngroups; i++)
	{
		if (counts[i].nrows < counts[smallest].nrows)
			smallest = i;
		if (nchosen == ngroups - 1 || counts[i].nrows >= 2 * (wanted - held))
			continue;
		chosen[counts[i].group] = 1;
		held += counts[i].nrows;
		nchosen++;
	}
	if (nchosen == 0 && ngroups > 1)
		chosen[counts[smallest].group] = 1;
}

/* Marks whole groups until about the share of the rows is held out. */
void
split_groups(int64 nrows, double share, uint64 seed, const int32 *groups, uint8 *held_out)
{
	int64		ngroups;
	SplitGroup *counts = random_groups(nrows, seed, groups, &ngroups);
	int32		last = 0;
	uint8	   *chosen;

	for (int64 row = 0; row < nrows; row++)
		last = Max(last, groups[row]);
	chosen = MemoryContextAllocExtended(CurrentMemoryContext, (Size) last + 1, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	choose_groups(counts, ngroups, (int64) rint((double) nrows * share), chosen);
	for (int64 row = 0; row < nrows; row++)
	{
		if (row % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		held_out[row] = chosen[groups[row]];
	}
	pfree(chosen);
	pfree(counts);
}

/* Orders groups from the largest to the smallest. */
static int
compare_size(const void *a, const void *b)
{
	const SplitGroup *left = a;
	const SplitGroup *right = b;

	if (left->nrows != right->nrows)
		return left->nrows > right->nrows ? -1 : 1;
	return (left->group > right->group) - (left->group < right->group);
}

/*
 * Gives whole groups to folds: the largest group first, each to the fold that has
 * the fewest rows by then.  Groups of one size are dealt in a random order.
 */
static void
fold_groups(int64 nrows, int nfolds, uint64 seed, const int32 *groups, uint8 *fold)
{
	int64		ngroups;
	SplitGroup *counts = count_groups(nrows, groups, &ngroups);
	int64		nall = ngroups;
	uint8	   *of_group = MemoryContextAllocHuge(CurrentMemoryContext, Max(nall, 1));
	int64		filled[SPLIT_MAX_FOLDS] = {0};

	ngroups = drop_empty_groups(counts, ngroups);
	qsort(counts, ngroups, sizeof(SplitGroup), compare_size);
	for (int64 first = 0, n; first < ngroups; first += n)
	{
		for (n = 1; first + n < ngroups && counts[first + n].nrows == counts[first].nrows; n++)
			;
		shuffle_groups(counts + first, n, seed + (uint64) first);
	}
	for (int64 i = 0; i < ngroups; i++)
	{
		int			least = 0;

		for (int f = 1; f < nfolds; f++)
			if (filled[f] < filled[least])
				least = f;
		filled[least] += counts[i].nrows;
		of_group[counts[i].group] = (uint8) least;
	}
	for (int64 row = 0; row < nrows; row++)
		fold[row] = of_group[groups[row]];
	pfree(of_group);
	pfree(counts);
}

/* The folds that the next rows of one class go to, one each, in a random order that is drawn again when it is used up. */
typedef struct FoldDeck
{
	uint8		folds[SPLIT_MAX_FOLDS];
	int			used;
} FoldDeck;

/* Draws a new order of the folds. */
static void
shuffle_deck(FoldDeck *deck, int nfolds, pg_prng_state *random)
{
	for (int i = nfolds - 1; i > 0; i--)
	{
		int			j = (int) pg_prng_uint64_range(random, 0, i);
		uint8		moved = deck->folds[i];

		deck->folds[i] = deck->folds[j];
		deck->folds[j] = moved;
	}
	deck->used = 0;
}

/* Deals rows to folds, class by class, so that no fold has two rows more of a class than another. */
static void
fold_rows(int64 nrows, int nfolds, uint64 seed, const float *labels, int nclasses, uint8 *fold)
{
	int			ndecks = labels ? nclasses : 1;
	FoldDeck   *decks = palloc(mul_size(ndecks, sizeof(FoldDeck)));
	pg_prng_state random;

	for (int d = 0; d < ndecks; d++)
	{
		for (int f = 0; f < nfolds; f++)
			decks[d].folds[f] = (uint8) f;
		decks[d].used = nfolds;
	}
	pg_prng_seed(&random, seed);
	for (int64 row = 0; row < nrows; row++)
	{
		FoldDeck   *deck = &decks[split_class(labels, ndecks, row)];

		if (row % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (deck->used == nfolds)
			shuffle_deck(deck, nfolds, &random);
		fold[row] = deck->folds[deck->used++];
	}
	pfree(decks);
}

/* Gives every row the number of the fold in which it measures. */
void
split_folds(int64 nrows, int nfolds, uint64 seed, const float *labels, int nclasses,
			const int32 *groups, uint8 *fold)
{
	if (nfolds < 1 || nfolds > SPLIT_MAX_FOLDS)
		elog(ERROR, "cannot make %d folds", nfolds);
	if (groups != NULL)
		fold_groups(nrows, nfolds, seed, groups, fold);
	else
		fold_rows(nrows, nfolds, seed, labels, nclasses, fold);
}
