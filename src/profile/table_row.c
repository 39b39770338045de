/*-------------------------------------------------------------------------
 *
 * table_row.c
 *	  What a sketch says of its column, as one row of SQL.
 *
 * What the column's kind has not is NULL: a text has no mean, a number no
 * patterns.  Shares of values leave NULLs out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "storage/shmem.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"

#include "profile/access.h"
#include "profile/hint.h"
#include "profile/table_int.h"

/* Frequent values and patterns that a row shows. */
#define TABLE_TOP 10

static const double table_quantiles[] = {.01, .05, .25, .5, .75, .95, .99};

/* A row that is being filled. */
typedef struct RowBuilder
{
	Datum	   *values;
	bool	   *nulls;
	int			n;
} RowBuilder;

/* Adds the next column's value. */
static void
put(RowBuilder *row, Datum value)
{
	Assert(row->n < TABLE_ROW_COLUMNS);
	row->nulls[row->n] = false;
	row->values[row->n++] = value;
}

/* Leaves the next columns NULL. */
static void
put_nulls(RowBuilder *row, int n)
{
	Assert(row->n + n <= TABLE_ROW_COLUMNS);
	for (int i = 0; i < n; i++)
	{
		row->values[row->n] = (Datum) 0;
		row->nulls[row->n++] = true;
	}
}

/* Adds a number, NULL when it is NaN. */
static void
put_number(RowBuilder *row, double number)
{
	if (isnan(number))
		put_nulls(row, 1);
	else
		put(row, Float8GetDatum(number));
}

/* Adds a text, or NULL. */
static void
put_text(RowBuilder *row, const char *text)
{
	if (text == NULL)
		put_nulls(row, 1);
	else
		put(row, CStringGetTextDatum(text));
}

/* Adds JSON, or NULL when there is none. */
static void
put_json(RowBuilder *row, StringInfo json)
{
	if (json == NULL)
		put_nulls(row, 1);
	else
		put(row, DirectFunctionCall1(jsonb_in, CStringGetDatum(json->data)));
}

/* Appends a member's name to a JSON object that was opened. */
static void
append_name(StringInfo json, const char *name)
{
	if (json->data[json->len - 1] != '{')
		appendStringInfoString(json, ", ");
	escape_json(json, name);
	appendStringInfoString(json, ": ");
}

/* Appends a number as JSON, null when it is none. */
static void
append_number(StringInfo json, double number)
{
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (!isfinite(number))
		appendStringInfoString(json, "null");
	else
	{
		double_to_shortest_decimal_buf(number, text);
		appendStringInfoString(json, text);
	}
}

/* Appends a share of values with four digits. */
static void
append_share(StringInfo json, int64 count, int64 values)
{
	append_number(json, rint(1e4 * (double) count / (double) values) / 1e4);
}

/* Gives the number of values that are not NULL. */
static inline int64
values_of(const Sketch *sketch)
{
	return sketch->count - sketch->nulls;
}

/*
 * Gives the most frequent items as [{"value": …, "count": …, "share": …}], or NULL.  Where counts may be too
 * small, "error" says by how much, and items that this may have put among the first are left out.
 */
static StringInfo
frequent_json(const Frequent *frequent, const char *word, int64 values)
{
	FrequentItem *items;
	StringInfo	json;
	int			n;
	int			shown = 0;
	bool		exact;

	if (frequent == NULL || values == 0)
		return NULL;
	exact = frequent_exact(frequent);
	n = frequent_items(frequent, &items);
	json = makeStringInfo();
	appendStringInfoChar(json, '[');
	for (int i = 0; i < n && shown < TABLE_TOP; i++)
	{
		if (!exact && items[i].count <= Max(frequent_error(frequent), 1))
			break;
		appendStringInfoString(json, shown++ > 0 ? ", {" : "{");
		append_name(json, word);
		escape_json(json, psprintf("%s%s", pnstrdup(items[i].text, items[i].len), items[i].clipped ? "..." : ""));
		append_name(json, "count");
		appendStringInfo(json, INT64_FORMAT, items[i].count);
		append_name(json, "share");
		append_share(json, items[i].count, values);
		if (!exact)
		{
			append_name(json, "error");
			appendStringInfo(json, INT64_FORMAT, frequent_error(frequent));
		}
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, ']');
	return json;
}

/* Gives the shares of texts by what they look like as {"email": .98, …}, the largest first, or NULL. */
static StringInfo
looks_json(const Sketch *sketch)
{
	StringInfo	json;

	if (sketch->kind != VALUE_TEXT || values_of(sketch) == 0)
		return NULL;
	json = makeStringInfo();
	appendStringInfoChar(json, '{');
	for (int look = 0; look < LOOK_N; look++)
	{
		if (sketch->looks[look] == 0)
			continue;
		append_name(json, look_name(look));
		append_share(json, sketch->looks[look], values_of(sketch));
	}
	appendStringInfoChar(json, '}');
	return json;
}

/* Gives the lengths in characters as {"min": …, "max": …, "mean": …, "p50": …, "p95": …}, or NULL. */
static StringInfo
lengths_json(const Sketch *sketch)
{
	StringInfo	json;

	if (sketch->characters.n == 0)
		return NULL;
	json = makeStringInfo();
	appendStringInfoChar(json, '{');
	append_name(json, "min");
	appendStringInfo(json, INT64_FORMAT, sketch->characters_min);
	append_name(json, "p05");
	append_number(json, sketch_quantile(sketch, .05));
	append_name(json, "p50");
	append_number(json, sketch_quantile(sketch, .5));
	append_name(json, "p95");
	append_number(json, sketch_quantile(sketch, .95));
	append_name(json, "max");
	appendStringInfo(json, INT64_FORMAT, sketch->characters_max);
	append_name(json, "mean");
	append_number(json, rint(1e3 * sketch->characters.mean) / 1e3);
	appendStringInfoChar(json, '}');
	return json;
}

/* Gives an extreme as text, with three dots where it is clipped; NULL when there is none. */
static char *
extreme_text(const SketchExtreme *extreme)
{
	if (!extreme->known)
		return NULL;
	return psprintf("%s%s", pnstrdup(extreme->text, extreme->len), extreme->clipped ? "..." : "");
}

/* Adds what is counted: rows, NULLs, distinct values, keys. */
static void
put_counts(RowBuilder *row, const Profile *profile, const Sketch *sketch)
{
	int64		values = values_of(sketch);
	bool		exact = true;
	double		distinct = values == 0 ? 0 : sketch_distinct(sketch, &exact);

	put(row, Int64GetDatum(sketch->count));
	put(row, Int64GetDatum((int64) rint(sketch->count / profile->share)));
	put(row, Int64GetDatum(sketch->nulls));
	put_number(row, sketch->count == 0 ? NAN : (double) sketch->nulls / sketch->count);
	put(row, Int64GetDatum((int64) rint(distinct)));
	put(row, BoolGetDatum(exact));
	put_number(row, sketch_uniqueness(sketch));
	put(row, BoolGetDatum(exact && distinct == 1));
	put(row, BoolGetDatum(sketch->nulls == 0 && sketch_is_unique(sketch)));
}

/* Adds mean, deviation and form of the distribution, for kinds whose numbers mean something by themselves. */
static void
put_moments(RowBuilder *row, const Sketch *sketch)
{
	if (!value_kind_is_numeric(sketch->kind) || sketch->kind == VALUE_TIME || sketch->numbers.n == 0)
	{
		put_nulls(row, 4);
		return;
	}
	put_number(row, sketch->numbers.mean);
	put_number(row, sqrt(moments_variance(&sketch->numbers)));
	put_number(row, moments_skewness(&sketch->numbers));
	put_number(row, moments_kurtosis(&sketch->numbers));
}

/* Adds quantiles in the column's type. */
static void
put_quantiles(RowBuilder *row, const Sketch *sketch)
{
	for (int i = 0; i < lengthof(table_quantiles); i++)
	{
		double		number = value_kind_is_numeric(sketch->kind) ? sketch_quantile(sketch, table_quantiles[i]) : NAN;

		put_text(row, isnan(number) ? NULL : sketch_number_text(sketch, number));
	}
}

/* Adds the shares of values that are zero and below it. */
static void
put_signs(RowBuilder *row, const Sketch *sketch)
{
	double		below;

	if ((sketch->kind != VALUE_NUMBER && sketch->kind != VALUE_DURATION) || !sketch->min.known)
	{
		put_nulls(row, 2);
		return;
	}
	below = sketch->min.number >= 0 ? 0 : sketch_cdf(sketch, nextafter(0, -1));
	put_number(row, sketch->max.number < 0 || sketch->min.number > 0 ? 0 : Max(sketch_cdf(sketch, 0) - below, 0));
	put_number(row, below);
}

/* Adds what the column seems to be, as an array that may be empty. */
static void
put_hints(RowBuilder *row, const ProfileColumn *column)
{
	List	   *hints = hint_column(column->sketch, column->name, column->typeid);
	Datum	   *texts = palloc(Max(mul_size(sizeof(Datum), list_length(hints)), 1));
	ListCell   *cell;

	foreach(cell, hints)
		texts[foreach_current_index(cell)] = CStringGetTextDatum(lfirst(cell));
	put(row, PointerGetDatum(construct_array(texts, list_length(hints), TEXTOID, -1, false, TYPALIGN_INT)));
}

/* Fills the row of one column. */
void
table_row(const Profile *profile, int column, Datum *values, bool *nulls)
{
	const ProfileColumn *profiled = &profile->columns[column];
	const Sketch *sketch = profiled->sketch;
	RowBuilder	row = {values, nulls, 0};

	put(&row, DirectFunctionCall1(namein, CStringGetDatum(profiled->name)));
	put_text(&row, profiled->type);
	put_text(&row, sketch->kind == VALUE_NONE ? NULL : value_kind_name(sketch->kind));
	put_counts(&row, profile, sketch);
	put_text(&row, extreme_text(&sketch->min));
	put_text(&row, extreme_text(&sketch->max));
	put_moments(&row, sketch);
	put_quantiles(&row, sketch);
	put_signs(&row, sketch);
	put(&row, Int64GetDatum(sketch->plus_infinite + sketch->minus_infinite));
	put(&row, Int64GetDatum(sketch->nans));
	put_json(&row, frequent_json(sketch->values, "value", values_of(sketch)));
	put_json(&row, frequent_json(sketch->patterns, "pattern", values_of(sketch)));
	put_json(&row, looks_json(sketch));
	put_json(&row, lengths_json(sketch));
	put_text(&row, sketch_monotonic(sketch));
	put_hints(&row, profiled);
	put(&row, Int64GetDatum(sketch->bytes));
	put(&row, Int32GetDatum(profile->workers));
	put(&row, PointerGetDatum(sketch_write(sketch)));
	Assert(row.n == TABLE_ROW_COLUMNS);
}
