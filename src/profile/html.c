/*-------------------------------------------------------------------------
 *
 * html.c
 *	  profile_html(): a table's profile as one page.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/args.h"
#include "profile/hint.h"
#include "profile/html.h"
#include "profile/query.h"

PG_FUNCTION_INFO_V1(aipipe_profile_html);

static const char page_head[] =
"<meta charset=\"utf-8\">\n"
"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
"<meta name=\"generator\" content=\"aipipe " AIPIPE_VERSION "\">\n"
"<style>\n"
":root{color-scheme:light dark;--line:#8884;--bar:#3b7dd8;--soft:#8882}\n"
"body{font:15px/1.45 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}\n"
"h1{font-size:1.5rem;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:0;overflow-wrap:anywhere}\n"
"table{border-collapse:collapse;width:100%}td,th{padding:.15rem .5rem;text-align:left;border-bottom:1px solid var(--line)}\n"
"td:not(:first-child),th:not(:first-child){text-align:right}caption{text-align:left;font-weight:600;padding-top:.6rem}\n"
"code{font-family:ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}\n"
"section{border:1px solid var(--line);border-radius:.5rem;padding:1rem;margin:1rem 0}\n"
".type{color:#888;font-weight:400;font-size:.9em}.hint{display:inline-block;background:var(--soft);border-radius:1rem;padding:0 .6rem;margin:.2rem .2rem 0 0;font-size:.85em}\n"
".two{display:grid;grid-template-columns:repeat(auto-fit,minmax(18rem,1fr));gap:1.5rem}figure{margin:.6rem 0}\n"
"svg{width:100%;height:6rem;background:var(--soft)}rect{fill:var(--bar)}figcaption{display:flex;justify-content:space-between;font-size:.85em}\n"
".bars td:nth-child(2){width:30%}.bars i{display:block;height:.7rem;background:var(--bar);margin-left:auto}\n"
"</style>\n";

/* Appends one row of a column's numbers: a name of ours and a text of anybody's. */
static void
put_fact(StringInfo out, const char *name, const char *text)
{
	appendStringInfo(out, "<tr><td>%s</td><td>", name);
	html_text(out, text, strlen(text));
	appendStringInfoString(out, "</td></tr>\n");
}

/* Appends a count with its share. */
static void
put_count(StringInfo out, const char *name, double count, double of)
{
	put_fact(out, name, of > 0 ? psprintf("%.0f (%.2f %%)", count, 100 * count / of) : psprintf("%.0f", count));
}

/* Appends a quantile. */
static void
put_quantile(StringInfo out, const Sketch *sketch, const char *name, double p)
{
	double		value = sketch_quantile(sketch, p);

	if (isnan(value))
		return;
	put_fact(out, name, value_kind_is_numeric(sketch->kind) ? sketch_number_text(sketch, value) : psprintf("%.0f", value));
}

/* Appends an extreme. */
static void
put_extreme(StringInfo out, const char *name, const SketchExtreme *extreme)
{
	if (extreme->known)
		put_fact(out, name, psprintf("%.*s%s", extreme->len, extreme->text, extreme->clipped ? " ..." : ""));
}

/* Appends what the sketch says in numbers. */
static void
put_facts(StringInfo out, const Sketch *sketch)
{
	double		values = sketch->count - sketch->nulls;
	bool		exact;
	double		distinct = sketch_distinct(sketch, &exact);

	appendStringInfoString(out, "<table>\n");
	put_count(out, "NULL", sketch->nulls, sketch->count);
	put_count(out, exact ? "distinct" : "distinct, about", distinct, values);
	put_extreme(out, "minimum", &sketch->min);
	put_extreme(out, "maximum", &sketch->max);
	if (value_kind_is_numeric(sketch->kind) && sketch->kind != VALUE_BOOL && sketch->kind != VALUE_TIME && sketch->numbers.n > 0)
	{
		put_fact(out, "mean", psprintf("%.6g", sketch->numbers.mean));
		if (sketch->numbers.n > 1)
			put_fact(out, "standard deviation", psprintf("%.6g", sqrt(moments_variance(&sketch->numbers))));
	}
	if (sketch->nans > 0)
		put_count(out, "NaN", sketch->nans, values);
	if (sketch->plus_infinite + sketch->minus_infinite > 0)
		put_count(out, "infinite", sketch->plus_infinite + sketch->minus_infinite, values);
	if (sketch->kind != VALUE_BOOL)
	{
		bool		lengths = !value_kind_is_numeric(sketch->kind);

		put_quantile(out, sketch, lengths ? "length, 5 %" : "5 %", 0.05);
		put_quantile(out, sketch, lengths ? "length, median" : "median", 0.5);
		put_quantile(out, sketch, lengths ? "length, 95 %" : "95 %", 0.95);
	}
	for (int look = 0; look < LOOK_N; look++)
		if (sketch->looks[look] > 0)
			put_count(out, psprintf("looks like %s", look_name((Look) look)), sketch->looks[look], values);
	appendStringInfoString(out, "</table>\n");
}

/* Appends one column's section. */
static void
put_column(StringInfo out, const ProfileColumn *column, int position)
{
	ListCell   *cell;

	appendStringInfo(out, "<section id=\"c%d\"><h2>", position);
	html_text(out, column->name, strlen(column->name));
	appendStringInfoString(out, " <span class=\"type\">");
	html_text(out, column->type, strlen(column->type));
	appendStringInfoString(out, "</span></h2>\n");
	foreach(cell, hint_column(column->sketch, column->name, column->typeid))
	{
		appendStringInfoString(out, "<span class=\"hint\">");
		html_text(out, lfirst(cell), strlen(lfirst(cell)));
		appendStringInfoString(out, "</span>");
	}
	appendStringInfoString(out, "<div class=\"two\"><div>\n");
	put_facts(out, column->sketch);
	appendStringInfoString(out, "</div><div>\n");
	html_histogram(out, column->sketch);
	html_frequent(out, column->sketch, column->sketch->values, "frequent values");
	html_frequent(out, column->sketch, column->sketch->patterns, "patterns");
	appendStringInfoString(out, "</div></div></section>\n");
}

/* Appends the table of all columns, each linked to its section. */
static void
put_overview(StringInfo out, const Profile *profile)
{
	appendStringInfoString(out, "<table><tr><th>column</th><th>type</th><th>NULL</th><th>distinct</th><th>minimum</th><th>maximum</th></tr>\n");
	for (int i = 0; i < profile->ncolumns; i++)
	{
		const ProfileColumn *column = &profile->columns[i];
		const Sketch *sketch = column->sketch;
		bool		exact;

		appendStringInfo(out, "<tr><td><a href=\"#c%d\">", i + 1);
		html_text(out, column->name, strlen(column->name));
		appendStringInfoString(out, "</a></td><td>");
		html_text(out, column->type, strlen(column->type));
		appendStringInfo(out, "</td><td>%.2f %%</td><td>%.0f</td><td>",
						 sketch->count > 0 ? 100.0 * sketch->nulls / sketch->count : 0.0, sketch_distinct(sketch, &exact));
		html_text(out, sketch->min.text, sketch->min.len);
		appendStringInfoString(out, "</td><td>");
		html_text(out, sketch->max.text, sketch->max.len);
		appendStringInfoString(out, "</td></tr>\n");
	}
	appendStringInfoString(out, "</table>\n");
}

/* Writes the whole page. */
void
html_page(StringInfo out, const Profile *profile)
{
	char	   *name = psprintf("%s.%s", profile->schema, profile->relation);
	const char *taken = timestamptz_to_str(profile->taken_at);

	appendStringInfoString(out, "<!DOCTYPE html>\n<html lang=\"en\"><head>\n");
	appendStringInfoString(out, page_head);
	appendStringInfoString(out, "<title>Profile of ");
	html_text(out, name, strlen(name));
	appendStringInfoString(out, "</title></head><body>\n<h1>");
	html_text(out, name, strlen(name));
	appendStringInfo(out, "</h1>\n<p>" INT64_FORMAT " rows%s, %d columns, ", profile->rows,
					 profile->share < 1 ? psprintf(" (a sample of %.2g %%)", 100 * profile->share) : "", profile->ncolumns);
	html_text(out, taken, strlen(taken));
	appendStringInfoString(out, "</p>\n");
	put_overview(out, profile);
	for (int i = 0; i < profile->ncolumns; i++)
	{
		CHECK_FOR_INTERRUPTS();
		put_column(out, &profile->columns[i], i + 1);
	}
	appendStringInfoString(out, "</body></html>\n");
}

/* profile_html(relation, sample, columns): a table's profile as one self-contained page. */
Datum
aipipe_profile_html(PG_FUNCTION_ARGS)
{
	StringInfoData page;

	arg_require(fcinfo, 0, "relation");
	arg_require(fcinfo, 1, "sample");
	initStringInfo(&page);
	html_page(&page, profile_relation(PG_GETARG_OID(0), arg_text_list(fcinfo, 2, "columns"), PG_GETARG_FLOAT8(1), -1));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(page.data, page.len));
}
