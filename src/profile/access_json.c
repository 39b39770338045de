/*-------------------------------------------------------------------------
 *
 * access_json.c
 *	  A whole sketch as jsonb, to read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "profile/access.h"
#include "profile/sketch_int.h"

PG_FUNCTION_INFO_V1(aipipe_sketch_json);

/* Begins a member of an object. */
static void
key(StringInfo out, const char *name)
{
	if (out->len > 0 && out->data[out->len - 1] != '{')
		appendStringInfoChar(out, ',');
	escape_json(out, name);
	appendStringInfoChar(out, ':');
}

/* Writes a number: null for NaN, infinities as text, which JSON has no numbers for. */
static void
put_number(StringInfo out, double x)
{
	if (isnan(x))
		appendStringInfoString(out, "null");
	else if (isinf(x))
		appendStringInfoString(out, x > 0 ? "\"Infinity\"" : "\"-Infinity\"");
	else
		appendStringInfo(out, "%.17g", x);
}

/* Writes a member that is a number. */
static void
number(StringInfo out, const char *name, double x)
{
	key(out, name);
	put_number(out, x);
}

/* Writes a member that is a count. */
static void
count(StringInfo out, const char *name, int64 n)
{
	key(out, name);
	appendStringInfo(out, INT64_FORMAT, n);
}

/* Writes a member that is a text, null for none. */
static void
string(StringInfo out, const char *name, const char *text)
{
	key(out, name);
	if (text == NULL)
		appendStringInfoString(out, "null");
	else
		escape_json(out, text);
}

/* Writes an extreme. */
static void
extreme(StringInfo out, const char *name, const SketchExtreme *value)
{
	if (!value->known)
		return;
	key(out, name);
	appendStringInfoChar(out, '{');
	string(out, "value", pnstrdup(value->text, value->len));
	if (value->clipped)
	{
		key(out, "clipped");
		appendStringInfoString(out, "true");
	}
	if (value->timed)
		string(out, "at", sketch_moment_text(value->at));
	appendStringInfoChar(out, '}');
}

/* Writes moments. */
static void
moments(StringInfo out, const char *name, const Moments *m)
{
	double		variance = moments_variance(m);

	if (m->n == 0)
		return;
	key(out, name);
	appendStringInfoChar(out, '{');
	count(out, "count", m->n);
	number(out, "mean", m->mean);
	number(out, "stddev", sqrt(variance));
	number(out, "variance", variance);
	number(out, "skewness", moments_skewness(m));
	number(out, "kurtosis", moments_kurtosis(m));
	appendStringInfoChar(out, '}');
}

/* Writes frequent items. */
static void
frequent(StringInfo out, const char *name, const Frequent *f)
{
	FrequentItem *items;
	int			n;

	if (f == NULL)
		return;
	key(out, name);
	appendStringInfoChar(out, '{');
	count(out, "error", frequent_error(f));
	key(out, "items");
	appendStringInfoChar(out, '[');
	n = frequent_items(f, &items);
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(out, i > 0 ? ",[" : "[");
		escape_json(out, pnstrdup(items[i].text, items[i].len));
		appendStringInfo(out, "," INT64_FORMAT "]", items[i].count);
	}
	appendStringInfoString(out, "]}");
}

/* Writes the quantiles that people ask for. */
static void
quantiles(StringInfo out, const Sketch *sketch)
{
	static const double ranks[] = {0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1};
	SketchRanks sorted;

	sketch_ranks(sketch, &sorted);
	if (sorted.n == 0)
		return;
	key(out, "quantiles");
	appendStringInfoChar(out, '{');
	for (int i = 0; i < lengthof(ranks); i++)
		number(out, psprintf("%g", ranks[i]), sketch_ranks_quantile(sketch, &sorted, ranks[i]));
	appendStringInfoChar(out, '}');
}

/* Writes counts of numbers that are no finite ones, and of looks. */
static void
special(StringInfo out, const Sketch *sketch)
{
	if (value_kind_is_numeric(sketch->kind))
	{
		count(out, "nan", sketch->nans);
		count(out, "plus_infinity", sketch->plus_infinite);
		count(out, "minus_infinity", sketch->minus_infinite);
	}
	if (sketch->kind != VALUE_TEXT)
		return;
	key(out, "looks");
	appendStringInfoChar(out, '{');
	for (int i = 0; i < LOOK_N; i++)
		if (sketch->looks[i] > 0)
			count(out, look_name(i), sketch->looks[i]);
	appendStringInfoChar(out, '}');
}

/* Writes the order of the values. */
static void
order(StringInfo out, const Sketch *sketch)
{
	key(out, "order");
	appendStringInfoChar(out, '{');
	count(out, "rising", sketch->order.rising);
	count(out, "falling", sketch->order.falling);
	count(out, "equal", sketch->order.equal);
	string(out, "monotonic", sketch_monotonic(sketch));
	appendStringInfoChar(out, '}');
}

/* Gives everything that a sketch says. */
Datum
aipipe_sketch_json(PG_FUNCTION_ARGS)
{
	const Sketch *sketch = sketch_argument(fcinfo, 0);
	StringInfoData out;
	bool		exact;

	initStringInfo(&out);
	appendStringInfoChar(&out, '{');
	string(&out, "type", sketch->type_name[0] == '\0' ? NULL : sketch->type_name);
	string(&out, "kind", value_kind_name(sketch->kind));
	count(&out, "count", sketch->count);
	count(&out, "nulls", sketch->nulls);
	if (sketch->kind != VALUE_NONE)
	{
		number(&out, "distinct", sketch_distinct(sketch, &exact));
		key(&out, "distinct_exact");
		appendStringInfoString(&out, exact ? "true" : "false");
		number(&out, "uniqueness", sketch_uniqueness(sketch));
		count(&out, "bytes", sketch->bytes);
		special(&out, sketch);
		moments(&out, "moments", &sketch->numbers);
		moments(&out, "characters", &sketch->characters);
		quantiles(&out, sketch);
		extreme(&out, "min", &sketch->min);
		extreme(&out, "max", &sketch->max);
		extreme(&out, "first", &sketch->first);
		extreme(&out, "last", &sketch->last);
		order(&out, sketch);
		frequent(&out, "values", sketch->values);
		frequent(&out, "patterns", sketch->patterns);
	}
	appendStringInfoChar(&out, '}');
	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data)));
}
