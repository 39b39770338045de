/*-------------------------------------------------------------------------
 *
 * dependencies_measure.c
 *	  Counts how far a column follows from a grouping of the rows.
 *
 *		g3		rows that are not of their group's most frequent value
 *		pdep	chance that two rows of a group agree (Piatetsky-Shapiro and Matheus, "Measuring
 *				data dependencies in large databases", 1993)
 *		mu		pdep beyond what as many groups would have by chance
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "profile/dependencies.h"

/* Value pairs (group, right side) with their counts. */
typedef struct Pairs
{
	int32		n;
	int32	   *groups;
	int32	   *counts;
	int32	   *first;			/* row */
} Pairs;

/* Says whether every group has one value; stops at the first that has two. */
static bool
holds_exactly(CodeTable *table, const Groups *groups, const int32 *right)
{
	int32	   *first = codes_alloc(table, groups->n, sizeof(int32), true);
	bool		holds = true;

	for (int64 row = 0; row < groups->nrows && holds; row++)
	{
		int32	   *value = &first[groups->ids[row]];

		if (row % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (*value == 0)
			*value = right[row] + 1;
		else
			holds = *value == right[row] + 1;
	}
	codes_free(table, first, groups->n, sizeof(int32));
	return holds;
}

/* Counts the pairs of group and value. */
static void
count_pairs(CodeTable *table, const Groups *groups, const int32 *right, int32 nright, Pairs *pairs)
{
	int32	   *ids = codes_alloc(table, groups->nrows, sizeof(int32), false);

	pairs->n = codes_combine(table, groups->ids, groups->n, right, nright, groups->nrows, ids);
	pairs->groups = codes_alloc(table, pairs->n, sizeof(int32), false);
	pairs->first = codes_alloc(table, pairs->n, sizeof(int32), false);
	pairs->counts = codes_alloc(table, pairs->n, sizeof(int32), true);
	for (int64 row = 0; row < groups->nrows; row++)
	{
		int32		pair = ids[row];

		if (pairs->counts[pair]++ > 0)
			continue;
		pairs->groups[pair] = groups->ids[row];
		pairs->first[pair] = (int32) row;
	}
	codes_free(table, ids, groups->nrows, sizeof(int32));
}

/* Frees them. */
static void
free_pairs(CodeTable *table, Pairs *pairs)
{
	codes_free(table, pairs->groups, pairs->n, sizeof(int32));
	codes_free(table, pairs->first, pairs->n, sizeof(int32));
	codes_free(table, pairs->counts, pairs->n, sizeof(int32));
}

/* Says how many rows have to be removed. */
int64
dependency_removed(CodeTable *table, const Groups *groups, const int32 *right, int32 nright, int64 limit)
{
	int64		removed = groups->nrows;
	int32	   *best;
	Pairs		pairs;

	if (limit == 0)
		return holds_exactly(table, groups, right) ? 0 : 1;
	count_pairs(table, groups, right, nright, &pairs);
	best = codes_alloc(table, groups->n, sizeof(int32), true);
	for (int32 p = 0; p < pairs.n; p++)
		best[pairs.groups[p]] = Max(best[pairs.groups[p]], pairs.counts[p]);
	for (int32 g = 0; g < groups->n; g++)
		removed -= best[g];
	codes_free(table, best, groups->n, sizeof(int32));
	free_pairs(table, &pairs);
	return removed;
}

/* Shows the group that has most rows to remove: its two most frequent values, the first of equals. */
static void
find_violation(const Pairs *pairs, int32 group, Violation *violation)
{
	for (int32 p = 0; p < pairs->n; p++)
	{
		if (pairs->groups[p] != group)
			continue;
		if (pairs->counts[p] > violation->usual_rows)
		{
			violation->other_row = violation->usual_row;
			violation->other_rows = violation->usual_rows;
			violation->usual_row = pairs->first[p];
			violation->usual_rows = pairs->counts[p];
		}
		else if (pairs->counts[p] > violation->other_rows)
		{
			violation->other_row = pairs->first[p];
			violation->other_rows = pairs->counts[p];
		}
	}
}

/* Fills what the pairs say of the dependency. */
static void
sum_pairs(CodeTable *table, const Groups *groups, const Pairs *pairs, Dependency *dependency)
{
	int32	   *best = codes_alloc(table, groups->n, sizeof(int32), true);
	int32	   *size = codes_alloc(table, groups->n, sizeof(int32), true);
	double		alike = 0;
	int32		worst = 0;

	dependency->removed = groups->nrows;
	dependency->violating = 0;
	for (int32 p = 0; p < pairs->n; p++)
	{
		best[pairs->groups[p]] = Max(best[pairs->groups[p]], pairs->counts[p]);
		size[pairs->groups[p]] += pairs->counts[p];
	}
	for (int32 p = 0; p < pairs->n; p++)
		alike += (double) pairs->counts[p] * pairs->counts[p] / size[pairs->groups[p]];
	for (int32 g = 0; g < groups->n; g++)
	{
		dependency->removed -= best[g];
		dependency->violating += best[g] < size[g];
		if (size[g] - best[g] > size[worst] - best[worst])
			worst = g;
	}
	dependency->pdep = alike / groups->nrows;
	memset(&dependency->violation, 0, sizeof(Violation));
	if (dependency->removed > 0)
		find_violation(pairs, worst, &dependency->violation);
	codes_free(table, best, groups->n, sizeof(int32));
	codes_free(table, size, groups->n, sizeof(int32));
}

/* Counts a dependency on all rows. */
bool
dependency_measure(DependencySearch *search, const Groups *groups, int64 limit, Dependency *dependency)
{
	CodeTable  *table = search->table;
	const int32 *right = table->columns[dependency->right].codes;
	Pairs		pairs;

	dependency->removed = 0;
	dependency->violating = 0;
	dependency->pdep = 1;
	if (limit == 0)
		return holds_exactly(table, groups, right);
	count_pairs(table, groups, right, search->rights[dependency->right].ncodes, &pairs);
	sum_pairs(table, groups, &pairs, dependency);
	free_pairs(table, &pairs);
	return dependency->removed <= limit;
}

/*
 * Gives how much a dependency tells: how far the right side follows from the left beyond chance (mu of
 * Piatetsky-Shapiro and Matheus, 0 at least), times the share of rows that repeat a left side, times
 * the chance that unrelated columns would have broken it somewhere.
 */
double
dependency_score(const DependencySearch *search, const Dependency *dependency)
{
	double		n = search->table->nrows;
	double		k = dependency->ngroups;
	double		unlike = 1 - search->rights[dependency->right].square;
	double		mu;

	if (k >= n || k <= 1 || unlike <= 0)
		return 0;
	mu = 1 - (1 - dependency->pdep) / unlike * (n - 1) / (n - k);
	return Max(mu, 0) * (n - k) / n * -expm1(-(n - k) * unlike);
}
