/*-------------------------------------------------------------------------
 *
 * dependencies_search.c
 *	  Finds the minimal dependencies, level by level.
 *
 * The order is that of TANE (Huhtala, Kärkkäinen, Porkka and Toivonen, 1999): nothing, one, two columns
 * on the left; what a smaller left side tells already is not asked of a larger one, and a left side
 * that is a key is not made larger.  As in HyFD (Papenbrock and Naumann, 2016) samples refute first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "profile/dependencies.h"

/* Combinations of two columns on the left and one on the right. */
#define DEPENDENCY_MAX_TRIPLES INT64CONST(20000000)

/* What one column tells of another. */
typedef enum Tells
{
	TELLS_NOT,
	TELLS_NEARLY,
	TELLS_EXACTLY
} Tells;

typedef struct Level
{
	DependencySearch *search;
	RowSample  *sample;
	int64		limit;			/* rows that may have to be removed */
	bool	   *given;			/* column is nearly constant: nothing has to tell it */
	bool	   *usable;			/* column may stand on the left */
	uint8	   *tells;			/* Tells by left * ncols + right */
	int		   *rights;			/* candidates of one left side */
} Level;

/* Takes a dependency into the result, unless it is no more than chance. */
static void
keep_dependency(DependencySearch *search, Dependency *dependency)
{
	dependency->score = dependency_score(search, dependency);
	if (dependency->score <= 0 && !search->trivial)
		return;
	if (search->nfound == search->max_found)
	{
		int			max = Max(search->max_found * 2, 64);
		Dependency *found = codes_alloc(search->table, max, sizeof(Dependency), false);

		if (search->found != NULL)
		{
			memcpy(found, search->found, mul_size(search->nfound, sizeof(Dependency)));
			codes_free(search->table, search->found, search->max_found, sizeof(Dependency));
		}
		search->found = found;
		search->max_found = max;
	}
	search->found[search->nfound++] = *dependency;
}

/* Counts the values of every column, as the right side of others. */
static void
count_rights(DependencySearch *search)
{
	CodeTable  *table = search->table;

	search->rights = palloc0(mul_size(Max(table->ncols, 1), sizeof(RightSide)));
	for (int c = 0; c < table->ncols; c++)
	{
		const CodeColumn *column = &table->columns[c];
		int32		n = column->ndistinct + 1;
		int32	   *counts = codes_alloc(table, n, sizeof(int32), true);
		double		sum = 0;

		CHECK_FOR_INTERRUPTS();
		for (int64 row = 0; row < table->nrows; row++)
			counts[column->codes[row]]++;
		for (int32 i = 0; i < n; i++)
		{
			search->rights[c].most = Max(search->rights[c].most, counts[i]);
			sum += (double) counts[i] * counts[i];
		}
		search->rights[c].ncodes = n;
		search->rights[c].square = sum / table->nrows / table->nrows;
		codes_free(table, counts, n, sizeof(int32));
	}
}

/* Says whether enough rows repeat a left side for it to tell anything. */
static bool
repeats_enough(const Level *level, int64 ngroups)
{
	const DependencySearch *search = level->search;
	int64		repeated = search->table->nrows - ngroups;

	return search->trivial ||
		(repeated > level->limit && repeated >= search->min_repeat * search->table->nrows);
}

/* Gives the different values of a column, NULL one of them. */
static int64
column_groups(const CodeColumn *column)
{
	return column->ndistinct + (column->nulls > 0);
}

/* Finds columns that nothing has to tell, and those that may stand on the left. */
static void
look_at_columns(Level *level)
{
	DependencySearch *search = level->search;
	CodeTable  *table = search->table;

	for (int c = 0; c < table->ncols; c++)
	{
		const CodeColumn *column = &table->columns[c];
		Dependency	constant = {0};

		level->given[c] = table->nrows - search->rights[c].most <= level->limit;
		level->usable[c] = column_groups(column) > 1 && repeats_enough(level, column_groups(column));
		if (!level->given[c] || !search->trivial)
			continue;
		constant.right = c;
		constant.ngroups = 1;
		constant.removed = table->nrows - search->rights[c].most;
		constant.violating = constant.removed > 0;
		constant.pdep = search->rights[c].square;
		keep_dependency(search, &constant);
	}
}

/* Counts the candidates of a grouped left side and keeps those that hold. */
static void
measure_rights(Level *level, const Groups *groups, Dependency *dependency, int nrights)
{
	for (int i = 0; i < nrights; i++)
	{
		CHECK_FOR_INTERRUPTS();
		dependency->right = level->rights[i];
		if (!dependency_measure(level->search, groups, level->limit, dependency))
			continue;
		if (dependency->nleft == 1)
			level->tells[(Size) dependency->left[0] * level->search->table->ncols + dependency->right] =
				dependency->removed == 0 ? TELLS_EXACTLY : TELLS_NEARLY;
		keep_dependency(level->search, dependency);
	}
}

/* Asks what each single column tells. */
static void
look_at_singles(Level *level)
{
	DependencySearch *search = level->search;
	CodeTable  *table = search->table;

	progress_phase(&table->progress, "one column", table->ncols);
	for (int x = 0; x < table->ncols; x++)
	{
		const CodeColumn *column = &table->columns[x];
		Groups		groups = {column->codes, table->nrows, column->ndistinct + 1};
		Dependency	dependency = {1, {x}};
		int			n = 0;

		CHECK_FOR_INTERRUPTS();
		progress_update(&table->progress, x);
		if (!level->usable[x])
			continue;
		for (int a = 0; a < table->ncols; a++)
			if (a != x && !level->given[a])
				level->rights[n++] = a;
		dependency.ngroups = column_groups(column);
		n = dependencies_refute(search, level->sample, dependency.left, 1, level->rights, n);
		if (n > 1)
			n = dependencies_refute_groups(search, dependency.left, 1, level->rights, n);
		measure_rights(level, &groups, &dependency, n);
	}
}

/* Groups the rows by two columns and asks what they tell. */
static void
measure_pair(Level *level, Dependency *dependency, int nrights)
{
	CodeTable  *table = level->search->table;
	const CodeColumn *a = &table->columns[dependency->left[0]];
	const CodeColumn *b = &table->columns[dependency->left[1]];
	int32	   *ids = codes_alloc(table, table->nrows, sizeof(int32), false);
	Groups		groups = {ids, table->nrows, 0};

	groups.n = codes_combine(table, a->codes, a->ndistinct + 1, b->codes, b->ndistinct + 1, table->nrows, ids);
	dependency->ngroups = groups.n;
	if (repeats_enough(level, groups.n))
		measure_rights(level, &groups, dependency, nrights);
	codes_free(table, ids, table->nrows, sizeof(int32));
}

/* Asks what two columns tell that neither tells alone. */
static void
look_at_pair(Level *level, int x, int y)
{
	DependencySearch *search = level->search;
	Size		ncols = search->table->ncols;
	Dependency	dependency = {2, {x, y}};
	int			n = 0;

	/* where one tells the other, the pair groups rows as the first does */
	if (level->tells[x * ncols + y] == TELLS_EXACTLY || level->tells[y * ncols + x] == TELLS_EXACTLY)
		return;
	for (int a = 0; a < ncols; a++)
		if (a != x && a != y && !level->given[a] &&
			level->tells[x * ncols + a] == TELLS_NOT && level->tells[y * ncols + a] == TELLS_NOT)
			level->rights[n++] = a;
	if (n > 0)
		n = dependencies_refute(search, level->sample, dependency.left, 2, level->rights, n);
	if (n > 0)
		n = dependencies_refute_groups(search, dependency.left, 2, level->rights, n);
	if (n > 0)
		measure_pair(level, &dependency, n);
}

/* Asks what pairs of columns tell. */
static void
look_at_pairs(Level *level)
{
	CodeTable  *table = level->search->table;

	progress_phase(&table->progress, "two columns", table->ncols);
	for (int x = 0; x < table->ncols; x++)
	{
		progress_update(&table->progress, x);
		for (int y = x + 1; y < table->ncols; y++)
		{
			CHECK_FOR_INTERRUPTS();
			if (level->usable[x] && level->usable[y])
				look_at_pair(level, x, y);
		}
	}
}

/* Ends with an error when there are more combinations than can be looked at. */
static void
check_combinations(const DependencySearch *search)
{
	double		n = search->table->ncols;
	double		triples = n * (n - 1) / 2 * Max(n - 2, 0);

	if (search->max_left > 1 && triples > DEPENDENCY_MAX_TRIPLES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many columns to look for dependencies on two of them"),
				 errdetail("%d columns make %.0f combinations; at most %lld are looked at.", search->table->ncols, triples,
						   (long long) DEPENDENCY_MAX_TRIPLES),
				 errhint("Name fewer columns in the option \"columns\", or ask with max_lhs => 1.")));
}

/* Finds the minimal dependencies, level by level. */
void
dependencies_search(DependencySearch *search)
{
	CodeTable  *table = search->table;
	Size		ncols = Max(table->ncols, 1);
	Level		level = {search};

	check_combinations(search);
	if (table->nrows == 0)
		return;
	level.limit = (int64) floor(search->max_error * table->nrows + 1e-9);
	level.given = palloc0(mul_size(ncols, sizeof(bool)));
	level.usable = palloc0(mul_size(ncols, sizeof(bool)));
	level.tells = MemoryContextAllocExtended(CurrentMemoryContext, mul_size(ncols, ncols), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	level.rights = palloc(mul_size(ncols, sizeof(int)));
	count_rights(search);
	level.sample = dependencies_sample(table);
	look_at_columns(&level);
	look_at_singles(&level);
	if (search->max_left > 1)
		look_at_pairs(&level);
}
