/*-------------------------------------------------------------------------
 *
 * arrival_artifact.c
 *	  A detector of arrival times as canonical JSON.
 *
 * One fixed form, without any freedom of order or spacing, so that the same detector has the same bytes
 * and the reader needs no JSON parser:
 *
 *		{"format":"aipipe-arrival","format_version":1,"timezone":"UTC","time":"t","series":"feed" | null,
 *		 "alpha":A,"half_life":H,"keep":K,"min_arrivals":M,"tolerance":T,"weekend":W,"days":D,"list":[
 *		 {"name":"…","last":N,"seen":N,"arrivals":[first,difference,…],"fit":null},
 *		 {"name":"…",…,"fit":{"cut":N,"shift":N,"width":N,"group":F,"other":F,"scale":F,"surprise":[17 F],
 *		  "rate":[7 F],"slots":[[start,end,7 F],…],"outliers":[number,…]}},…]}
 *
 * (on one line).  Arrivals are local seconds since 2000-01-01.  A series without a fit is still learning.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "learn/artifact.h"
#include "series/arrival.h"

#define ARTIFACT_HEAD "{\"format\":\"aipipe-arrival\",\"format_version\":1,\"timezone\":"
#define MAX_TEXT (1024 * 1024)	/* bytes of a name */

/* Appends "[a,b,…]" without its brackets. */
static void
append_floats(StringInfo out, const float *values, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			appendStringInfoChar(out, ',');
		artifact_put_float(out, values[i]);
	}
}

/* Appends a name and a double. */
static void
append_double(StringInfo out, const char *name, double value)
{
	appendStringInfo(out, ",\"%s\":", name);
	artifact_put_double(out, value);
}

/* Writes what holds for all series. */
void
arrival_write_head(const ArrivalSettings *settings, StringInfo out)
{
	appendStringInfoString(out, ARTIFACT_HEAD);
	escape_json(out, settings->timezone);
	appendStringInfoString(out, ",\"time\":");
	escape_json(out, settings->time);
	appendStringInfoString(out, ",\"series\":");
	if (settings->series != NULL)
		escape_json(out, settings->series);
	else
		appendStringInfoString(out, "null");
	append_double(out, "alpha", settings->alpha);
	append_double(out, "half_life", settings->half_life);
	appendStringInfo(out, ",\"keep\":%d,\"min_arrivals\":%d,\"tolerance\":%d,\"weekend\":%d,\"days\":%d,\"list\":[",
					 settings->keep, settings->min_arrivals, settings->tolerance, settings->weekend, settings->days);
}

/* Writes what was learned of a series. */
static void
write_fit(const ArrivalPart *part, StringInfo out)
{
	const ArrivalSeries *series = &part->series;
	bool		first = true;

	appendStringInfo(out, "{\"cut\":%d,\"shift\":%d,\"width\":%d,\"group\":", series->cut, series->shift, series->width);
	append_floats(out, &series->group, 1);
	appendStringInfoString(out, ",\"other\":");
	append_floats(out, &series->other, 1);
	appendStringInfoString(out, ",\"scale\":");
	append_floats(out, &series->scale, 1);
	appendStringInfoString(out, ",\"surprise\":[");
	append_floats(out, series->surprise, ARRIVAL_NSURPRISES);
	appendStringInfoString(out, "],\"rate\":[");
	append_floats(out, series->rate, ARRIVAL_WEEK);
	appendStringInfoString(out, "],\"slots\":[");
	for (int k = 0; k < series->nslots; k++)
	{
		appendStringInfo(out, "%s[%d,%d,", k == 0 ? "" : ",", part->slots[k].start, part->slots[k].end);
		append_floats(out, part->slots[k].rate, ARRIVAL_WEEK);
		appendStringInfoChar(out, ']');
	}
	appendStringInfoString(out, "],\"outliers\":[");
	for (int i = 0; i < series->narrivals; i++)
	{
		if (!arrival_is_outlier(&part->arrivals[i]))
			continue;
		appendStringInfo(out, "%s%d", first ? "" : ",", i);
		first = false;
	}
	appendStringInfoString(out, "]}");
}

/* Writes a series. */
void
arrival_write_series(const ArrivalPart *part, bool first, StringInfo out)
{
	int64		before = 0;

	appendStringInfoString(out, first ? "{\"name\":" : ",{\"name\":");
	escape_json(out, part->name);
	appendStringInfo(out, ",\"last\":" INT64_FORMAT ",\"seen\":" INT64_FORMAT ",\"arrivals\":[",
					 part->series.last, part->series.seen);
	for (int i = 0; i < part->series.narrivals; i++)
	{
		int64		second = (int64) part->arrivals[i].day * ARRIVAL_DAY + arrival_second(&part->arrivals[i]);

		appendStringInfo(out, "%s" INT64_FORMAT, i == 0 ? "" : ",", second - before);
		before = second;
	}
	appendStringInfoString(out, "],\"fit\":");
	if (part->series.nslots > 0)
		write_fit(part, out);
	else
		appendStringInfoString(out, "null");
	appendStringInfoChar(out, '}');
}

/* Writes what stands behind the last series. */
void
arrival_write_end(StringInfo out)
{
	appendStringInfoString(out, "]}");
}

/* Reads a name's whole number. */
static int32
read_field(ArtifactReader *r, const char *name, int32 max)
{
	artifact_expect(r, name);
	return (int32) artifact_integer(r, 0, max);
}

/* Reads numbers with commas between them. */
static void
read_floats(ArtifactReader *r, float *out, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			artifact_expect(r, ",");
		out[i] = artifact_float(r);
	}
}

/* Reads what stands behind a backslash. */
static char
read_escape(ArtifactReader *r)
{
	static const char *const hex = "0123456789abcdef";
	const char *high;
	const char *low;

	if (artifact_take(r, "n"))
		return '\n';
	if (artifact_take(r, "t"))
		return '\t';
	if (artifact_take(r, "r"))
		return '\r';
	if (artifact_take(r, "b"))
		return '\b';
	if (artifact_take(r, "f"))
		return '\f';
	if (artifact_take(r, "\""))
		return '"';
	if (artifact_take(r, "\\"))
		return '\\';
	artifact_expect(r, "u00");
	if (r->len - r->at < 2 || r->bytes[r->at] == '\0' || r->bytes[r->at + 1] == '\0')
		artifact_error(r, "it is cut short");
	high = strchr(hex, r->bytes[r->at]);
	low = strchr(hex, r->bytes[r->at + 1]);
	r->at += 2;
	/* nothing but control characters is written so */
	if (high == NULL || low == NULL || high > hex + 1 || (high == hex && low == hex))
		artifact_error(r, "a text is not written as aipipe writes it");
	return (char) ((high - hex) * 16 + (low - hex));
}

/* Reads a text of this database's encoding. */
static char *
read_string(ArtifactReader *r)
{
	StringInfoData text;

	initStringInfo(&text);
	artifact_expect(r, "\"");
	while (r->at < r->len && r->bytes[r->at] != '"')
	{
		char		c = r->bytes[r->at++];

		if ((unsigned char) c < ' ' || text.len >= MAX_TEXT)
			artifact_error(r, "a text is too long or not written as aipipe writes it");
		appendStringInfoChar(&text, c == '\\' ? read_escape(r) : c);
	}
	artifact_expect(r, "\"");
	if (!pg_verifymbstr(text.data, text.len, true))
		artifact_error(r, "a text is not valid in the encoding of this database");
	return text.data;
}

/* Reads what holds for all series. */
static void
read_head(ArtifactReader *r, ArrivalSettings *settings)
{
	const char *wrong;

	memset(settings, 0, sizeof(ArrivalSettings));
	artifact_expect(r, ARTIFACT_HEAD);
	settings->timezone = read_string(r);
	artifact_expect(r, ",\"time\":");
	settings->time = read_string(r);
	artifact_expect(r, ",\"series\":");
	if (!artifact_take(r, "null"))
		settings->series = read_string(r);
	artifact_expect(r, ",\"alpha\":");
	settings->alpha = artifact_double(r);
	artifact_expect(r, ",\"half_life\":");
	settings->half_life = artifact_double(r);
	settings->keep = read_field(r, ",\"keep\":", ARRIVAL_MAX_KEEP);
	settings->min_arrivals = read_field(r, ",\"min_arrivals\":", ARRIVAL_MAX_KEEP);
	settings->tolerance = read_field(r, ",\"tolerance\":", ARRIVAL_DAY);
	settings->weekend = read_field(r, ",\"weekend\":", 127);
	settings->days = read_field(r, ",\"days\":", ARRIVAL_DAYS_EACH);
	artifact_expect(r, ",\"list\":[");
	if ((wrong = arrival_check_settings(settings)) != NULL)
		artifact_error(r, wrong);
}

/* Reads the arrivals of a series into a place for as many as may be. */
static int
read_arrivals(ArtifactReader *r, Arrival *arrivals)
{
	const int64 limit = (int64) ARRIVAL_MAX_DAY * ARRIVAL_DAY;
	int64		second = 0;
	int			n = 0;

	artifact_expect(r, ",\"arrivals\":[");
	while (!artifact_take(r, "]"))
	{
		if (n > 0)
			artifact_expect(r, ",");
		if (n == ARRIVAL_MAX_KEEP)
			artifact_error(r, "a series has too many arrivals");
		second += artifact_integer(r, -2 * limit, 2 * limit);
		if (second < -limit || second >= limit)
			artifact_error(r, "an arrival is out of range");
		arrivals[n].day = (int32) (second / ARRIVAL_DAY - (second % ARRIVAL_DAY < 0 ? 1 : 0));
		arrivals[n].second = (int32) (second - (int64) arrivals[n].day * ARRIVAL_DAY);
		n++;
	}
	return n;
}

/* Reads what was learned of a series. */
static void
read_fit(ArtifactReader *r, ArrivalSeries *series, ArrivalSlot *slots, Arrival *arrivals)
{
	int			last = -1;

	series->cut = read_field(r, "{\"cut\":", ARRIVAL_DAY - 1);
	series->shift = read_field(r, ",\"shift\":", 1);
	series->width = read_field(r, ",\"width\":", ARRIVAL_DAY);
	artifact_expect(r, ",\"group\":");
	read_floats(r, &series->group, 1);
	artifact_expect(r, ",\"other\":");
	read_floats(r, &series->other, 1);
	artifact_expect(r, ",\"scale\":");
	read_floats(r, &series->scale, 1);
	artifact_expect(r, ",\"surprise\":[");
	read_floats(r, series->surprise, ARRIVAL_NSURPRISES);
	artifact_expect(r, "],\"rate\":[");
	read_floats(r, series->rate, ARRIVAL_WEEK);
	artifact_expect(r, "],\"slots\":[");
	do
	{
		ArrivalSlot *slot = &slots[series->nslots];

		if (series->nslots++ == ARRIVAL_MAX_SLOTS)
			artifact_error(r, "a series has too many slots");
		artifact_expect(r, "[");
		slot->start = (int32) artifact_integer(r, 0, ARRIVAL_DAY);
		artifact_expect(r, ",");
		slot->end = (int32) artifact_integer(r, 0, ARRIVAL_DAY);
		artifact_expect(r, ",");
		read_floats(r, slot->rate, ARRIVAL_WEEK);
		artifact_expect(r, "]");
	} while (artifact_take(r, ","));
	artifact_expect(r, "],\"outliers\":[");
	for (bool first = true; !artifact_take(r, "]"); first = false)
	{
		if (!first)
			artifact_expect(r, ",");
		last = (int) artifact_integer(r, last + 1, series->narrivals - 1);
		arrivals[last].second |= ARRIVAL_OUTLIER;
	}
	artifact_expect(r, "}");
}

/* Reads an artifact and gives its series one by one. */
void
arrival_read(const char *artifact, Size len, ArrivalSettings *settings,
			 void (*take) (const ArrivalPart *part, void *arg), void *arg)
{
	ArtifactReader r;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext each = AllocSetContextCreate(caller, "aipipe arrival series", ALLOCSET_DEFAULT_SIZES);
	Arrival    *arrivals = palloc(mul_size(ARRIVAL_MAX_KEEP, sizeof(Arrival)));
	ArrivalSlot *slots = palloc(mul_size(ARRIVAL_MAX_SLOTS, sizeof(ArrivalSlot)));

	artifact_reader(&r, artifact, len, "detector of arrival times");
	read_head(&r, settings);
	for (bool first = true; !artifact_take(&r, "]}"); first = false)
	{
		ArrivalPart part = {.slots = slots, .arrivals = arrivals};
		const char *wrong;

		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(each);
		artifact_expect(&r, first ? "{\"name\":" : ",{\"name\":");
		part.name = read_string(&r);
		part.series.name_len = (int32) strlen(part.name);
		artifact_expect(&r, ",\"last\":");
		part.series.last = artifact_integer(&r, -(int64) ARRIVAL_MAX_DAY * ARRIVAL_DAY, (int64) ARRIVAL_MAX_DAY * ARRIVAL_DAY);
		artifact_expect(&r, ",\"seen\":");
		part.series.seen = artifact_integer(&r, 1, PG_INT64_MAX);
		part.series.narrivals = read_arrivals(&r, arrivals);
		artifact_expect(&r, ",\"fit\":");
		if (!artifact_take(&r, "null"))
			read_fit(&r, &part.series, slots, arrivals);
		artifact_expect(&r, "}");
		if ((wrong = arrival_check_part(settings, &part)) != NULL)
			artifact_error(&r, wrong);
		MemoryContextSwitchTo(caller);
		take(&part, arg);
		MemoryContextReset(each);
	}
	artifact_end(&r);
	MemoryContextDelete(each);
	pfree(arrivals);
	pfree(slots);
}
