/*-------------------------------------------------------------------------
 *
 * diff_frequent.c
 *	  Values and patterns that are new or gone, and texts that look like something else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "profile/diff.h"

/* Values or patterns that a sentence names. */
#define DIFF_NAMED 5
/* An item that both should have shown this often, and one did not at all, came or went. */
#define DIFF_EXPECTED 7.0
/* Where not all items are known some new one comes once or twice by chance. */
#define DIFF_REPEATED 3
#define DIFF_MIN_INDEX 0.01

/* What is frequent in one profile. */
typedef struct FrequentSide
{
	FrequentItem *items;
	int			nitems;
	double		total;			/* values, NULLs not among them */
	bool		exact;			/* all items are listed */
	double		unseen;			/* largest share that an item can have that is not listed */
} FrequentSide;

/* Reads one side. */
static void
read_side(FrequentSide *side, const Frequent *frequent, const Sketch *sketch)
{
	memset(side, 0, sizeof(*side));
	side->exact = frequent == NULL || frequent_exact(frequent);
	side->total = sketch->count - sketch->nulls;
	if (frequent == NULL)
		return;
	side->nitems = frequent_items(frequent, &side->items);
	if (side->total > 0)
		side->unseen = frequent_absent(frequent) / side->total;
}

/* Says whether a side lists an item. */
static bool
has_item(const FrequentSide *side, uint64 hash)
{
	for (int i = 0; i < side->nitems; i++)
		if (side->items[i].hash == hash)
			return true;
	return false;
}

/* Appends the names of items that only one side has, and gives their share there; 0 when there is none that chance does not explain. */
static double
only_here(const FrequentSide *here, const FrequentSide *there, StringInfo names)
{
	double		share = 0;
	int			named = 0;

	for (int i = 0; i < here->nitems; i++)
	{
		const FrequentItem *item = &here->items[i];
		double		s = item->count / here->total;

		if (!there->exact && item->count < DIFF_REPEATED)
			continue;
		if (s <= 2 * there->unseen || s * there->total < DIFF_EXPECTED || has_item(there, item->hash))
			continue;
		share += s;
		if (named++ < DIFF_NAMED)
			appendStringInfo(names, "%s'%.*s'%s (%s)", named > 1 ? ", " : "", (int) item->len, item->text,
							 item->clipped ? "..." : "", diff_percent(s));
	}
	if (named > DIFF_NAMED)
		appendStringInfo(names, " and %d more", named - DIFF_NAMED);
	return share;
}

/* Compares what is frequent of one sort, values or patterns; where not all are known, what is not listed was seldom at most. */
static List *
diff_items(List *changes, const DiffColumn *from, const DiffColumn *to, const Frequent *a, const Frequent *b, const char *what)
{
	FrequentSide before;
	FrequentSide after;
	StringInfoData names;
	double		share;

	read_side(&before, a, from->sketch);
	read_side(&after, b, to->sketch);
	initStringInfo(&names);
	share = only_here(&after, &before, &names);
	if (share > 0)
		changes = diff_add(changes, to->name, psprintf(before.exact ? "new %s" : "frequent %s", what), diff_index(0, share), NULL, pstrdup(names.data),
						   psprintf(before.exact ? "\"%s\" has new %s: %s" : "\"%s\" has %s that were seldom or not there: %s",
									to->name, what, names.data));
	resetStringInfo(&names);
	share = only_here(&before, &after, &names);
	if (share > 0)
		changes = diff_add(changes, to->name, psprintf(after.exact ? "missing %s" : "seldom %s", what), diff_index(share, 0), pstrdup(names.data), NULL,
						   psprintf(after.exact ? "%s that \"%s\" had do not come any more: %s" : "%s that \"%s\" had come seldom now or not at all: %s",
									what, to->name, names.data));
	return changes;
}

/* Compares which shares of the texts look like numbers, dates, … */
static List *
diff_looks(List *changes, const DiffColumn *from, const DiffColumn *to)
{
	double		na = from->sketch->count - from->sketch->nulls;
	double		nb = to->sketch->count - to->sketch->nulls;

	if (na < 1 || nb < 1)
		return changes;
	for (int look = 0; look < LOOK_N; look++)
	{
		double		a = from->sketch->looks[look] / na;
		double		b = to->sketch->looks[look] / nb;
		double		index = diff_index(a, b);

		if (index < DIFF_MIN_INDEX || !diff_is_significant(a, na, b, nb))
			continue;
		changes = diff_add(changes, to->name, "looks", index, diff_percent(a), diff_percent(b),
						   psprintf("%s of \"%s\" looks like %s instead of %s", diff_percent(b), to->name,
									look_name((Look) look), diff_percent(a)));
	}
	return changes;
}

/* Appends what is different in frequent values, patterns and looks. */
List *
diff_frequent(List *changes, const DiffColumn *from, const DiffColumn *to)
{
	/* dates of a feed are new every day; their range says it */
	if (to->sketch->kind != VALUE_TIME)
		changes = diff_items(changes, from, to, from->sketch->values, to->sketch->values, "values");
	if (to->sketch->kind != VALUE_TEXT)
		return changes;
	changes = diff_items(changes, from, to, from->sketch->patterns, to->sketch->patterns, "patterns");
	return diff_looks(changes, from, to);
}
