/*-------------------------------------------------------------------------
 *
 * diff.c
 *	  What is different between two profiles: columns that come and go, and the order of all changes.
 *
 * Every change is measured by one yardstick, the population stability index of the shares that it is about
 * (Siddiqi, "Credit Risk Scorecards", 2006), and must be more than chance gives: profiles of small batches
 * differ a little in everything.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/float.h"

#include "profile/diff.h"

/* Shares below it count as it, as usual for the index. */
#define DIFF_FLOOR 1e-4
/* Two-sided normal quantile of one in a thousand. */
#define DIFF_Z 3.29
/* Numbers of rows that differ by less are not worth a word. */
#define DIFF_ROWS_RATIO 1.5

/* Gives the index of an event's share that went from a to b. */
double
diff_index(double a, double b)
{
	double		sum = 0;

	for (int i = 0; i < 2; i++)
	{
		double		from = Max(i == 0 ? a : 1 - a, DIFF_FLOOR);
		double		to = Max(i == 0 ? b : 1 - b, DIFF_FLOOR);

		sum += (to - from) * log(to / from);
	}
	return sum;
}

/* Says whether two shares differ by more than chance (test of two proportions, pooled). */
bool
diff_is_significant(double a, double na, double b, double nb)
{
	double		pooled;
	double		variance;

	if (na < 1 || nb < 1)
		return false;
	pooled = (a * na + b * nb) / (na + nb);
	variance = pooled * (1 - pooled) * (1 / na + 1 / nb);
	return variance > 0 && fabs(a - b) > DIFF_Z * sqrt(variance);
}

/* Writes a share as a percentage. */
char *
diff_percent(double share)
{
	double		percent = share * 100;

	if (percent == 0 || percent >= 99.95)
		return psprintf("%.0f %%", percent);
	return psprintf(percent >= 10 ? "%.1f %%" : percent >= 0.095 ? "%.2g %%" : "%.1g %%", percent);
}

/* Appends a change. */
List *
diff_add(List *changes, const char *column, const char *change, double score, char *from, char *to, char *sentence)
{
	DiffChange *added = palloc(sizeof(DiffChange));

	added->order = list_length(changes);
	added->column = column;
	added->change = change;
	added->score = score;
	added->from = from;
	added->to = to;
	added->sentence = sentence;
	return lappend(changes, added);
}

/* Finds a column by name, or gives NULL. */
static const DiffColumn *
find_column(const DiffSide *side, const char *name)
{
	for (int i = 0; i < side->ncolumns; i++)
		if (strcmp(side->columns[i].name, name) == 0)
			return &side->columns[i];
	return NULL;
}

/* Says that the number of rows is another one. */
static List *
diff_rows(List *changes, const DiffSide *from, const DiffSide *to)
{
	double		ratio = (to->rows + 1.0) / (from->rows + 1.0);

	if (ratio < DIFF_ROWS_RATIO && ratio > 1 / DIFF_ROWS_RATIO)
		return changes;
	return diff_add(changes, NULL, "rows", diff_index(0.5, ratio / (1 + ratio)),
					psprintf(INT64_FORMAT, from->rows), psprintf(INT64_FORMAT, to->rows),
					psprintf(INT64_FORMAT " rows instead of " INT64_FORMAT, to->rows, from->rows));
}

/* Puts the greatest change first; equal ones in the order in which they were found. */
static int
compare_changes(const ListCell *a, const ListCell *b)
{
	const DiffChange *x = lfirst(a);
	const DiffChange *y = lfirst(b);

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return x->order - y->order;
}

/* Gives all that is different, the greatest change first. */
List *
diff_profiles(const DiffSide *from, const DiffSide *to)
{
	List	   *changes = diff_rows(NIL, from, to);

	for (int i = 0; i < from->ncolumns; i++)
	{
		const DiffColumn *before = &from->columns[i];
		const DiffColumn *after = find_column(to, before->name);

		if (after == NULL)
			changes = diff_add(changes, before->name, "column removed", get_float8_infinity(), pstrdup(before->type), NULL,
							   psprintf("column \"%s\" of type %s is not there any more", before->name, before->type));
		else
			changes = diff_column(changes, before, after);
	}
	for (int i = 0; i < to->ncolumns; i++)
		if (find_column(from, to->columns[i].name) == NULL)
			changes = diff_add(changes, to->columns[i].name, "column added", get_float8_infinity(), NULL, pstrdup(to->columns[i].type),
							   psprintf("column \"%s\" of type %s is new", to->columns[i].name, to->columns[i].type));
	list_sort(changes, compare_changes);
	return changes;
}
