/*
 * dependencies.h
 *	  Which columns tell another one: functional dependencies X → A with up to two columns in X.
 *
 *		codes → a sample of rows, then a sample of whole groups, refute most (dependencies_sample.c)
 *			  → what is left is counted on all rows (dependencies_measure.c)
 *			  → minimal ones, level by level (dependencies_search.c) → rows of the result (dependencies.c)
 *
 * Two rows are of one group when they are alike in X; NULL is a value like any other.  The error
 * is the least share of rows without which the dependency would hold: g3 of Kivinen and Mannila,
 * "Approximate inference of functional dependencies from relations" (1995).
 */
#ifndef PROFILE_DEPENDENCIES_H
#define PROFILE_DEPENDENCIES_H

#include "profile/keys_codes.h"

#define DEPENDENCY_MAX_LEFT 2

/* What is known of a column as the right side. */
typedef struct RightSide
{
	int32		ncodes;			/* values and NULL */
	int64		most;			/* rows of its most frequent value */
	double		square;			/* chance that two of its rows (drawn with replacement) are alike */
} RightSide;

/* The rows that show best how a dependency is broken. */
typedef struct Violation
{
	int64		usual_row;		/* first row of the group's most frequent value */
	int64		usual_rows;
	int64		other_row;		/* first row of its second most frequent value */
	int64		other_rows;
} Violation;

typedef struct Dependency
{
	int			nleft;
	int			left[DEPENDENCY_MAX_LEFT];	/* in the table's order */
	int			right;
	int64		ngroups;
	int64		removed;		/* rows to remove */
	int64		violating;		/* groups with more than one value on the right */
	double		pdep;			/* chance that two rows of a group (drawn with replacement) are alike on the right */
	double		score;
	Violation	violation;		/* when removed > 0 */
} Dependency;

typedef struct DependencySearch
{
	CodeTable  *table;
	int			max_left;
	double		max_error;
	double		min_repeat;		/* least share of rows that repeat a left side; 0 lets keys in */
	bool		trivial;		/* constants and keys too */

	RightSide  *rights;			/* by column */
	int			nfound;
	int			max_found;
	Dependency *found;
} DependencySearch;

/* Fills found with the minimal dependencies. */
extern void dependencies_search(DependencySearch *search);

/* A left side, grouped. */
typedef struct Groups
{
	const int32 *ids;			/* of each row, from 0 on */
	int64		nrows;
	int32		n;
} Groups;

/* Counts a dependency whose left and right are set on all rows; false when more than limit of them have to be removed. */
extern bool dependency_measure(DependencySearch *search, const Groups *groups, int64 limit, Dependency *dependency);

/* Says only how many rows have to be removed; beyond limit it may stop early with any number above it. */
extern int64 dependency_removed(CodeTable *table, const Groups *groups, const int32 *right, int32 nright, int64 limit);

/* How much a dependency tells, 0 to 1. */
extern double dependency_score(const DependencySearch *search, const Dependency *dependency);

/* A sample of rows with codes of their own. */
typedef struct RowSample
{
	int			n;
	int32	   *rows;			/* ascending */
	int32	  **codes;			/* by column: from 0 on, NULL among them */
	int32	   *ncodes;
} RowSample;

extern RowSample *dependencies_sample(CodeTable *table);

/* Takes what the sample of rows refutes off the candidates (columns on the right, by number); gives how many are left. */
extern int	dependencies_refute(DependencySearch *search, const RowSample *sample, const int *left, int nleft, int *rights, int nrights);

/* The same by a sample of whole groups; when too few rows repeat a left side none is left. */
extern int	dependencies_refute_groups(DependencySearch *search, const int *left, int nleft, int *rights, int nrights);

#endif							/* PROFILE_DEPENDENCIES_H */
