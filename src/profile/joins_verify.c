/*-------------------------------------------------------------------------
 *
 * joins_verify.c
 *	  Counts exactly how many values of columns are found in other columns.
 *
 * The tables are read as the caller, like any source, and only the columns of the pairs.  All of a column's different
 * values are there together, by their hashes, which values that are equal share whatever their types are; each pair
 * is counted by merging two of these sets.  What does not fit into aipipe.profile_max_memory is counted range of
 * hashes after range of hashes, reading the tables again for each: counts of ranges add up.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "profile/joins.h"

/* Takes values into the column's set. */
static void
take_set(JoinColumn *column, const uint64 *hashes, int n, void *arg)
{
	join_sets_add(arg, column->set, hashes, n);
}

/* Marks the columns of the first n pairs and numbers their sets; gives how many there are. */
static int
choose_columns(JoinSearch *search, int n)
{
	int			nsets = 0;

	for (int c = 0; c < search->ncolumns; c++)
		search->columns[c].read = false;
	for (int p = 0; p < n; p++)
	{
		search->columns[search->pairs[p].left].read = true;
		search->columns[search->pairs[p].right].read = true;
	}
	for (int c = 0; c < search->ncolumns; c++)
		if (search->columns[c].read)
			search->columns[c].set = nsets++;
	return nsets;
}

/* Adds what a range of hashes says of a column. */
static void
count_column(JoinColumn *column, const JoinSet *set)
{
	column->different += set->n;
	for (Size i = 0; i < set->n; i++)
	{
		column->rows += set->values[i].count;
		column->most = Max(column->most, set->values[i].count);
	}
}

/* Adds what a range of hashes says of the columns and of the first n pairs. */
static void
count_range(JoinSearch *search, int n, const JoinSets *sets)
{
	for (int c = 0; c < search->ncolumns; c++)
	{
		CHECK_FOR_INTERRUPTS();
		if (search->columns[c].read)
			count_column(&search->columns[c], &sets->sets[search->columns[c].set]);
	}
	progress_phase(&search->progress, "verifying pairs", n);
	for (int p = 0; p < n; p++)
	{
		JoinPair   *pair = &search->pairs[p];

		CHECK_FOR_INTERRUPTS();
		join_sets_match(&sets->sets[search->columns[pair->left].set], &sets->sets[search->columns[pair->right].set],
						&pair->matched_distinct, &pair->matched_rows);
		progress_update(&search->progress, p + 1);
	}
}

/* Counts the first n pairs exactly. */
void
joins_verify(JoinSearch *search, int n)
{
	int			nsets = choose_columns(search, n);
	uint64		first = 0;

	for (bool more = n > 0; more;)
	{
		JoinSets	sets;

		join_sets_begin(&sets, nsets, first, (Size) core_profile_max_memory * 1024, &search->progress);
		progress_phase(&search->progress, "collecting values", search->ntables);
		for (int t = 0; t < search->ntables; t++)
		{
			joins_read_table(search, &search->tables[t], 1.0, take_set, &sets);
			progress_update(&search->progress, t + 1);
		}
		join_sets_end(&sets);
		count_range(search, n, &sets);
		more = sets.last < PG_UINT64_MAX;
		first = sets.last + 1;
		join_sets_free(&sets);
	}
	for (int p = 0; p < n; p++)
	{
		JoinPair   *pair = &search->pairs[p];
		const JoinColumn *left = &search->columns[pair->left];
		const JoinColumn *right = &search->columns[pair->right];

		pair->score = joins_score(pair, (double) pair->matched_distinct / Max(left->different, 1),
								  (double) pair->matched_distinct / Max(right->different, 1), right->most <= 1);
	}
}
