/*-------------------------------------------------------------------------
 *
 * hint.c
 *	  Hints that follow from counts: NULLs, constants, keys, categories, order, skew.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/lsyscache.h"

#include "profile/hint_int.h"
#include "profile/query.h"

/* Share of their range that the numbers of a surrogate key fill. */
#define HINT_DENSE 0.5

/* Adds a hint with the share of what it rests on. */
void
hint_add(HintColumn *column, const char *hint, double share)
{
	char	   *text;

	if (share >= 1.0 || isnan(share))
		text = pstrdup(hint);
	else
		text = psprintf("%s (%.1f %%)", hint, Max(Min(floor(share * 1000.0) / 10.0, 99.9), 0.1));
	column->hints = lappend(column->hints, text);
}

/* Says whether a word is among those of the column's name. */
bool
hint_word(const HintColumn *column, const char *word)
{
	for (int i = 0; i < column->nwords; i++)
		if (strcmp(column->words[i], word) == 0)
			return true;
	return false;
}

/* Says whether a word is the last of the column's name. */
bool
hint_last_word(const HintColumn *column, const char *word)
{
	return column->nwords > 0 && strcmp(column->words[column->nwords - 1], word) == 0;
}

/* Says whether smallest and largest number are within a range. */
bool
hint_within(const HintColumn *column, double low, double high)
{
	return column->sketch->min.known && column->sketch->max.known &&
		column->sketch->min.number >= low && column->sketch->max.number <= high;
}

/* Says whether a column holds whole numbers by its type. */
bool
hint_is_integer(const HintColumn *column)
{
	return column->type == INT2OID || column->type == INT4OID || column->type == INT8OID;
}

/* Splits a name into words: at anything but letters and digits, and before a capital that follows a small letter. */
static void
hint_split_name(HintColumn *column, const char *name)
{
	int			len = 0;
	char		before = '\0';

	for (; column->nwords < HINT_WORDS; before = *name++)
	{
		bool		upper = *name >= 'A' && *name <= 'Z';
		bool		part = upper || (*name >= 'a' && *name <= 'z') || (*name >= '0' && *name <= '9') || IS_HIGHBIT_SET(*name);

		if (len > 0 && (!part || (upper && before >= 'a' && before <= 'z')))
		{
			column->words[column->nwords++][len] = '\0';
			len = 0;
		}
		if (*name == '\0' || column->nwords == HINT_WORDS)
			break;
		if (part && len < HINT_WORD - 1)
			column->words[column->nwords][len++] = upper ? (char) (*name | 0x20) : *name;
	}
}

/* Hints at NULLs. */
static void
hint_nulls(HintColumn *column)
{
	const Sketch *sketch = column->sketch;
	double		share = sketch->count > 0 ? (double) sketch->nulls / sketch->count : 0.0;

	if (share == 1.0)
		hint_add(column, "all null", 1.0);
	else if (share >= HINT_MOSTLY && sketch->count >= HINT_MIN)
		hint_add(column, "mostly null", share);
}

/* Hints at keys. */
static void
hint_keys(HintColumn *column)
{
	const Sketch *sketch = column->sketch;
	double		range;

	if (!column->unique || sketch->nulls > 0 || column->type == FLOAT4OID || column->type == FLOAT8OID ||
		sketch->kind == VALUE_BOOL)
		return;
	hint_add(column, "candidate key", 1.0);
	range = sketch->max.number - sketch->min.number + 1.0;
	if ((hint_is_integer(column) && column->values >= HINT_DENSE * range) || column->type == UUIDOID ||
		sketch->looks[LOOK_UUID] == column->values)
		hint_add(column, "surrogate key", 1.0);
}

/* Hints at few different values. */
static void
hint_categories(HintColumn *column)
{
	double		share = column->nitems > 0 ? (double) column->items[0].count / column->values : 0.0;

	if (column->exact && column->distinct == 1.0)
	{
		hint_add(column, "constant", 1.0);
		return;
	}
	if (share >= HINT_SHARE)
		hint_add(column, "one value almost everywhere", share);
	if ((column->sketch->kind == VALUE_TEXT || hint_is_integer(column)) &&
		column->distinct <= HINT_CATEGORIES && column->values >= HINT_REPEATS * column->distinct)
		hint_add(column, "category", 1.0);
}

/* Hints at the order of rows. */
static void
hint_order(HintColumn *column)
{
	const SketchOrder *order = &column->sketch->order;

	if (order->rising + order->equal >= HINT_MIN - 1 && order->falling == 0 && order->rising > order->equal)
		hint_add(column, "monotonic (rising)", 1.0);
	if (order->falling + order->equal >= HINT_MIN - 1 && order->rising == 0 && order->falling > order->equal)
		hint_add(column, "monotonic (falling)", 1.0);
}

/* Hints at numbers with a long tail. */
static void
hint_skew(HintColumn *column)
{
	double		skewness;

	if (column->sketch->kind != VALUE_NUMBER || column->unique || column->distinct <= 2.0)
		return;
	skewness = moments_skewness(&column->sketch->numbers);
	if (skewness >= HINT_SKEWED)
		hint_add(column, "skewed right", 1.0);
	if (skewness <= -HINT_SKEWED)
		hint_add(column, "skewed left", 1.0);
}

/* Gives the hints of a column, the most telling first. */
List *
hint_column(const Sketch *sketch, const char *name, Oid type)
{
	HintColumn	column = {0};

	column.sketch = sketch;
	column.type = OidIsValid(type) ? getBaseType(type) : InvalidOid;
	column.values = sketch->count - sketch->nulls;
	hint_split_name(&column, name);
	if (sketch->values != NULL)
		column.nitems = frequent_items(sketch->values, &column.items);
	if (sketch->patterns != NULL)
		column.npatterns = frequent_items(sketch->patterns, &column.patterns);
	hint_nulls(&column);
	if (column.values < HINT_MIN)
		return column.hints;
	column.distinct = sketch_distinct(sketch, &column.exact);
	column.unique = sketch_is_unique(sketch);
	hint_keys(&column);
	if (sketch->kind == VALUE_TEXT)
	{
		hint_texts(&column);
		hint_lists(&column);
	}
	hint_names(&column);
	hint_categories(&column);
	hint_order(&column);
	hint_skew(&column);
	return column.hints;
}
