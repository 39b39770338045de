/*-------------------------------------------------------------------------
 *
 * dependencies_sample.c
 *	  Refutes most dependencies by few rows.
 *
 * Of the rows that a dependency cannot keep, a sample shows its share: a dependency within the
 * error allowed would show more than the bound below in one of a hundred million samples
 * (Chernoff's bound).  With no error allowed, one pair of rows that breaks it refutes it for good.
 *
 * Two samples: rows at random, which meet each other where groups are large; and groups at random with
 * all of their rows, chosen by the hash of the left side, for the many left sides that are nearly unique.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "profile/dependencies.h"

#define SAMPLE_ROWS 2048
#define SAMPLE_GROUPED_ROWS 16384
/* -ln of the chance that a sample is wrong. */
#define SAMPLE_DOUBT 18.4

/*
 * Gives how many rows to remove a sample may show when the mean is so many of them, and they come in lumps
 * of at most so many.
 */
static int64
sample_limit(double mean, double lump)
{
	double		nu = mean / lump;
	double		low = nu;
	double		high = 2 * nu + 2 * SAMPLE_DOUBT;

	if (mean <= 0)
		return 0;
	for (int i = 0; i < 60; i++)
	{
		double		x = (low + high) / 2;

		if (x * log(x / nu) - x + nu > SAMPLE_DOUBT)
			high = x;
		else
			low = x;
	}
	return (int64) ceil(high * lump);
}

/* Chooses rows at random, the same for the same number of rows, and gives them codes of their own. */
RowSample *
dependencies_sample(CodeTable *table)
{
	RowSample  *sample = palloc0(sizeof(RowSample));
	double		share = Min((double) SAMPLE_ROWS / Max(table->nrows, 1), 1.0);

	sample->rows = palloc(mul_size(SAMPLE_ROWS, sizeof(int32)));
	/* one row out of each of SAMPLE_ROWS stretches */
	sample->n = (int) Min(table->nrows, SAMPLE_ROWS);
	for (int i = 0; i < sample->n; i++)
	{
		int64		from = (int64) (i / share);
		int64		to = Min((int64) ((i + 1) / share), table->nrows);

		sample->rows[i] = (int32) (share >= 1.0 ? i : from + hash_mix(i + 1) % Max(to - from, 1));
	}
	sample->codes = palloc(mul_size(Max(table->ncols, 1), sizeof(int32 *)));
	sample->ncodes = palloc(mul_size(Max(table->ncols, 1), sizeof(int32)));
	for (int c = 0; c < table->ncols; c++)
	{
		CodeMap		map;

		sample->codes[c] = palloc(mul_size(Max(sample->n, 1), sizeof(int32)));
		code_map_init(&map, table);
		for (int i = 0; i < sample->n; i++)
			sample->codes[c][i] = code_map_number(&map, table->columns[c].codes[sample->rows[i]]);
		sample->ncodes[c] = map.n;
		code_map_free(&map);
	}
	return sample;
}

/* Keeps the candidates that the sample allows. */
int
dependencies_refute(DependencySearch *search, const RowSample *sample, const int *left, int nleft, int *rights, int nrights)
{
	CodeTable  *table = search->table;
	int32		ids[SAMPLE_ROWS];
	Groups		groups = {sample->codes[left[0]], sample->n, sample->ncodes[left[0]]};
	int64		limit = sample->n == table->nrows ? (int64) floor(search->max_error * table->nrows + 1e-9)
		: sample_limit(search->max_error * sample->n, 1);
	int			kept = 0;

	if (nleft > 1)
	{
		groups.n = codes_combine(table, sample->codes[left[0]], sample->ncodes[left[0]],
								 sample->codes[left[1]], sample->ncodes[left[1]], sample->n, ids);
		groups.ids = ids;
	}
	if (groups.n == groups.nrows)
		return nrights;
	for (int i = 0; i < nrights; i++)
		if (dependency_removed(table, &groups, sample->codes[rights[i]], sample->ncodes[rights[i]], limit) <= limit)
			rights[kept++] = rights[i];
	return kept;
}

/* Chooses the rows of groups at random; false when they are too many, because groups are large. */
static bool
choose_groups(CodeTable *table, const int *left, int nleft, double share, int32 *rows, int32 *ids, Groups *groups)
{
	const int32 *a = table->columns[left[0]].codes;
	const int32 *b = nleft > 1 ? table->columns[left[1]].codes : a;
	uint64		nb = nleft > 1 ? (uint64) table->columns[left[1]].ndistinct + 1 : 0;
	uint64		below = (uint64) (share * 18446744073709551615.0);
	CodeMap		map;

	groups->nrows = 0;
	code_map_init(&map, table);
	for (int64 row = 0; row < table->nrows; row++)
	{
		uint64		key = nleft > 1 ? (uint64) a[row] * nb + b[row] : (uint64) a[row];

		if (row % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (hash_mix(key + UINT64CONST(0x9e3779b97f4a7c15)) >= below)
			continue;
		if (groups->nrows == 4 * SAMPLE_GROUPED_ROWS)
		{
			code_map_free(&map);
			return false;
		}
		rows[groups->nrows] = (int32) row;
		ids[groups->nrows++] = code_map_number(&map, key);
	}
	groups->ids = ids;
	groups->n = map.n;
	code_map_free(&map);
	return true;
}

/* Gives the rows of the largest group. */
static int32
largest_group(CodeTable *table, const Groups *groups)
{
	int32	   *sizes = codes_alloc(table, groups->n, sizeof(int32), true);
	int32		largest = 1;

	for (int64 i = 0; i < groups->nrows; i++)
		largest = Max(largest, ++sizes[groups->ids[i]]);
	codes_free(table, sizes, groups->n, sizeof(int32));
	return largest;
}

/* Says whether so many groups among the sampled rows mean that too few rows repeat a left side in the whole table. */
static bool
repeats_too_little(const DependencySearch *search, const Groups *groups, double share, int32 largest)
{
	double		mean = share * Max(search->min_repeat, search->max_error) * search->table->nrows;

	return !search->trivial && groups->nrows - groups->n < mean - sqrt(2 * SAMPLE_DOUBT * mean * largest);
}

/* Keeps the candidates that the rows of some whole groups allow. */
static int
refute_by_rows(DependencySearch *search, const Groups *groups, const int32 *rows, int64 limit, int *rights, int nrights)
{
	CodeTable  *table = search->table;
	int32	   *right = codes_alloc(table, groups->nrows, sizeof(int32), false);
	int			kept = 0;

	for (int i = 0; i < nrights; i++)
	{
		for (int64 k = 0; k < groups->nrows; k++)
			right[k] = table->columns[rights[i]].codes[rows[k]];
		if (dependency_removed(table, groups, right, search->rights[rights[i]].ncodes, limit) <= limit)
			rights[kept++] = rights[i];
	}
	codes_free(table, right, groups->nrows, sizeof(int32));
	return kept;
}

/* Keeps the candidates that a sample of whole groups allows. */
int
dependencies_refute_groups(DependencySearch *search, const int *left, int nleft, int *rights, int nrights)
{
	CodeTable  *table = search->table;
	double		share = (double) SAMPLE_GROUPED_ROWS / Max(table->nrows, 1);
	int32	   *rows;
	int32	   *ids;
	Groups		groups;

	if (share > .5)
		return nrights;
	rows = codes_alloc(table, 4 * SAMPLE_GROUPED_ROWS, sizeof(int32), false);
	ids = codes_alloc(table, 4 * SAMPLE_GROUPED_ROWS, sizeof(int32), false);
	if (choose_groups(table, left, nleft, share, rows, ids, &groups))
	{
		int32		largest = largest_group(table, &groups);

		if (repeats_too_little(search, &groups, share, largest))
			nrights = 0;
		else if (groups.n < groups.nrows)
			nrights = refute_by_rows(search, &groups, rows, sample_limit(share * search->max_error * table->nrows, largest), rights, nrights);
	}
	codes_free(table, rows, 4 * SAMPLE_GROUPED_ROWS, sizeof(int32));
	codes_free(table, ids, 4 * SAMPLE_GROUPED_ROWS, sizeof(int32));
	return nrights;
}
