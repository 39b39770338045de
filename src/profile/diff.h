/*
 * diff.h
 *	  What is different between two profiles of one table.
 */
#ifndef PROFILE_DIFF_H
#define PROFILE_DIFF_H

#include "nodes/pg_list.h"

#include "profile/sketch.h"

typedef struct DiffColumn
{
	const char *name;
	const char *type;
	const Sketch *sketch;
} DiffColumn;

typedef struct DiffSide
{
	int64		rows;
	int			ncolumns;
	DiffColumn *columns;
} DiffSide;

/*
 * One change.  The score is a population stability index, in nats, of the two or more shares that the change is
 * about, so that changes of all kinds compare: above .25 a lot, below .1 little; infinite when columns come,
 * go or change their type.
 */
typedef struct DiffChange
{
	int			order;			/* among all that were found */
	const char *column;			/* NULL: of the table */
	const char *change;			/* "nulls", "new values", … */
	double		score;
	char	   *from;
	char	   *to;
	char	   *sentence;
} DiffChange;

/* Index of what happened to the share of one event: (b - a) ln (b / a), the other event's part included; shares are floored. */
extern double diff_index(double a, double b);

/* Whether two shares of so many rows each differ by more than chance gives once in a thousand times. */
extern bool diff_is_significant(double a, double na, double b, double nb);

/* "12.5 %", with as many digits as the share needs. */
extern char *diff_percent(double share);

/* What is different in one column that both have, as DiffChange *, appended to the list. */
extern List *diff_column(List *changes, const DiffColumn *from, const DiffColumn *to);

/* The parts of it that are about frequent values, patterns and looks. */
extern List *diff_frequent(List *changes, const DiffColumn *from, const DiffColumn *to);

/* Makes a change and appends it. */
extern List *diff_add(List *changes, const char *column, const char *change, double score, char *from, char *to, char *sentence);

/* All changes, the greatest first. */
extern List *diff_profiles(const DiffSide *from, const DiffSide *to);

#endif							/* PROFILE_DIFF_H */
