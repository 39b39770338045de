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

#include <errno.h>
#include <float.h>
#include <math.h>

#include "common/shortest_dec.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "compat/compat.h"
#include "series/arrival.h"

#define ARTIFACT_HEAD "{\"format\":\"aipipe-arrival\",\"format_version\":1,\"timezone\":"
#define MAX_TEXT (1024 * 1024)	/* bytes of a name */

/* A place in an artifact that is being read. */
typedef struct Reader
{
	const char *bytes;
	Size		len;
	Size		at;
} Reader;

/* Raises the error for an artifact that is not one of ours. */
static void pg_attribute_noreturn()
artifact_error(const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid detector of arrival times"),
			 errdetail("The artifact is damaged or was not written by aipipe: %s.", why)));
}

/* Appends "[a,b,…]" without its brackets. */
static void
append_floats(StringInfo out, const float *values, int n)
{
	char		number[FLOAT_SHORTEST_DECIMAL_LEN];

	for (int i = 0; i < n; i++)
	{
		float_to_shortest_decimal_buf(values[i], number);
		appendStringInfo(out, "%s%s", i == 0 ? "" : ",", number);
	}
}

/* Appends a name and a double. */
static void
append_double(StringInfo out, const char *name, double value)
{
	char		number[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(value, number);
	appendStringInfo(out, ",\"%s\":%s", name, number);
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

/* Steps over a text when it comes next. */
static bool
take_text(Reader *r, const char *text)
{
	Size		len = strlen(text);

	if (r->len - r->at < len || memcmp(r->bytes + r->at, text, len) != 0)
		return false;
	r->at += len;
	return true;
}

/* Steps over a text that must come next. */
static void
expect(Reader *r, const char *text)
{
	if (!take_text(r, text))
		artifact_error("it is not in the fixed form");
}

/* Copies the number that must come next as text. */
static void
read_number(Reader *r, char *buffer, Size size)
{
	Size		n = 0;

	while (r->at < r->len && n < size - 1 && r->bytes[r->at] != '\0' && strchr("+-.0123456789e", r->bytes[r->at]) != NULL)
		buffer[n++] = r->bytes[r->at++];
	buffer[n] = '\0';
	if (n == 0 || n == size - 1)
		artifact_error("a number is missing or too long");
}

/* Reads a whole number between bounds. */
static int64
read_integer(Reader *r, int64 min, int64 max)
{
	char		text[32];
	char	   *end;
	int64		value;

	read_number(r, text, sizeof(text));
	errno = 0;
	value = strtoi64(text, &end, 10);
	if (*end != '\0' || errno != 0 || value < min || value > max)
		artifact_error("a whole number is none, or out of range");
	return value;
}

/* Reads a name's whole number. */
static int32
read_field(Reader *r, const char *name, int32 max)
{
	expect(r, name);
	return (int32) read_integer(r, 0, max);
}

/* Reads a number. */
static double
read_double(Reader *r)
{
	char		text[40];
	char	   *end;
	double		value;

	read_number(r, text, sizeof(text));
	value = strtod(text, &end);
	if (*end != '\0' || !isfinite(value))
		artifact_error("a number is not finite");
	return value;
}

/* Reads numbers with commas between them. */
static void
read_floats(Reader *r, float *out, int n)
{
	for (int i = 0; i < n; i++)
	{
		double		value;

		if (i > 0)
			expect(r, ",");
		value = read_double(r);
		if (fabs(value) > FLT_MAX)
			artifact_error("a number is out of range");
		out[i] = (float) value;
	}
}

/* Reads what stands behind a backslash. */
static char
read_escape(Reader *r)
{
	static const char *const hex = "0123456789abcdef";
	const char *high;
	const char *low;

	if (take_text(r, "n"))
		return '\n';
	if (take_text(r, "t"))
		return '\t';
	if (take_text(r, "r"))
		return '\r';
	if (take_text(r, "b"))
		return '\b';
	if (take_text(r, "f"))
		return '\f';
	if (take_text(r, "\""))
		return '"';
	if (take_text(r, "\\"))
		return '\\';
	expect(r, "u00");
	if (r->len - r->at < 2 || r->bytes[r->at] == '\0' || r->bytes[r->at + 1] == '\0')
		artifact_error("it is cut short");
	high = strchr(hex, r->bytes[r->at]);
	low = strchr(hex, r->bytes[r->at + 1]);
	r->at += 2;
	/* nothing but control characters is written so */
	if (high == NULL || low == NULL || high > hex + 1 || (high == hex && low == hex))
		artifact_error("a text is not written as aipipe writes it");
	return (char) ((high - hex) * 16 + (low - hex));
}

/* Reads a text of this database's encoding. */
static char *
read_string(Reader *r)
{
	StringInfoData text;

	initStringInfo(&text);
	expect(r, "\"");
	while (r->at < r->len && r->bytes[r->at] != '"')
	{
		char		c = r->bytes[r->at++];

		if ((unsigned char) c < ' ' || text.len >= MAX_TEXT)
			artifact_error("a text is too long or not written as aipipe writes it");
		appendStringInfoChar(&text, c == '\\' ? read_escape(r) : c);
	}
	expect(r, "\"");
	if (!pg_verifymbstr(text.data, text.len, true))
		artifact_error("a text is not valid in the encoding of this database");
	return text.data;
}

/* Reads what holds for all series. */
static void
read_head(Reader *r, ArrivalSettings *settings)
{
	const char *wrong;

	memset(settings, 0, sizeof(ArrivalSettings));
	expect(r, ARTIFACT_HEAD);
	settings->timezone = read_string(r);
	expect(r, ",\"time\":");
	settings->time = read_string(r);
	expect(r, ",\"series\":");
	if (!take_text(r, "null"))
		settings->series = read_string(r);
	expect(r, ",\"alpha\":");
	settings->alpha = read_double(r);
	expect(r, ",\"half_life\":");
	settings->half_life = read_double(r);
	settings->keep = read_field(r, ",\"keep\":", ARRIVAL_MAX_KEEP);
	settings->min_arrivals = read_field(r, ",\"min_arrivals\":", ARRIVAL_MAX_KEEP);
	settings->tolerance = read_field(r, ",\"tolerance\":", ARRIVAL_DAY);
	settings->weekend = read_field(r, ",\"weekend\":", 127);
	settings->days = read_field(r, ",\"days\":", ARRIVAL_DAYS_EACH);
	expect(r, ",\"list\":[");
	if ((wrong = arrival_check_settings(settings)) != NULL)
		artifact_error(wrong);
}

/* Reads the arrivals of a series into a place for as many as may be. */
static int
read_arrivals(Reader *r, Arrival *arrivals)
{
	const int64 limit = (int64) ARRIVAL_MAX_DAY * ARRIVAL_DAY;
	int64		second = 0;
	int			n = 0;

	expect(r, ",\"arrivals\":[");
	while (!take_text(r, "]"))
	{
		if (n > 0)
			expect(r, ",");
		if (n == ARRIVAL_MAX_KEEP)
			artifact_error("a series has too many arrivals");
		second += read_integer(r, -2 * limit, 2 * limit);
		if (second < -limit || second >= limit)
			artifact_error("an arrival is out of range");
		arrivals[n].day = (int32) (second / ARRIVAL_DAY - (second % ARRIVAL_DAY < 0 ? 1 : 0));
		arrivals[n].second = (int32) (second - (int64) arrivals[n].day * ARRIVAL_DAY);
		n++;
	}
	return n;
}

/* Reads what was learned of a series. */
static void
read_fit(Reader *r, ArrivalSeries *series, ArrivalSlot *slots, Arrival *arrivals)
{
	int			last = -1;

	series->cut = read_field(r, "{\"cut\":", ARRIVAL_DAY - 1);
	series->shift = read_field(r, ",\"shift\":", 1);
	series->width = read_field(r, ",\"width\":", ARRIVAL_DAY);
	expect(r, ",\"group\":");
	read_floats(r, &series->group, 1);
	expect(r, ",\"other\":");
	read_floats(r, &series->other, 1);
	expect(r, ",\"scale\":");
	read_floats(r, &series->scale, 1);
	expect(r, ",\"surprise\":[");
	read_floats(r, series->surprise, ARRIVAL_NSURPRISES);
	expect(r, "],\"rate\":[");
	read_floats(r, series->rate, ARRIVAL_WEEK);
	expect(r, "],\"slots\":[");
	do
	{
		ArrivalSlot *slot = &slots[series->nslots];

		if (series->nslots++ == ARRIVAL_MAX_SLOTS)
			artifact_error("a series has too many slots");
		expect(r, "[");
		slot->start = (int32) read_integer(r, 0, ARRIVAL_DAY);
		expect(r, ",");
		slot->end = (int32) read_integer(r, 0, ARRIVAL_DAY);
		expect(r, ",");
		read_floats(r, slot->rate, ARRIVAL_WEEK);
		expect(r, "]");
	} while (take_text(r, ","));
	expect(r, "],\"outliers\":[");
	for (bool first = true; !take_text(r, "]"); first = false)
	{
		if (!first)
			expect(r, ",");
		last = (int) read_integer(r, last + 1, series->narrivals - 1);
		arrivals[last].second |= ARRIVAL_OUTLIER;
	}
	expect(r, "}");
}

/* Reads an artifact and gives its series one by one. */
void
arrival_read(const char *artifact, Size len, ArrivalSettings *settings,
			 void (*take) (const ArrivalPart *part, void *arg), void *arg)
{
	Reader		r = {artifact, len};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext each = AllocSetContextCreate(caller, "aipipe arrival series", ALLOCSET_DEFAULT_SIZES);
	Arrival    *arrivals = palloc(mul_size(ARRIVAL_MAX_KEEP, sizeof(Arrival)));
	ArrivalSlot *slots = palloc(mul_size(ARRIVAL_MAX_SLOTS, sizeof(ArrivalSlot)));

	read_head(&r, settings);
	for (bool first = true; !take_text(&r, "]}"); first = false)
	{
		ArrivalPart part = {.slots = slots, .arrivals = arrivals};
		const char *wrong;

		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(each);
		expect(&r, first ? "{\"name\":" : ",{\"name\":");
		part.name = read_string(&r);
		part.series.name_len = (int32) strlen(part.name);
		expect(&r, ",\"last\":");
		part.series.last = read_integer(&r, -(int64) ARRIVAL_MAX_DAY * ARRIVAL_DAY, (int64) ARRIVAL_MAX_DAY * ARRIVAL_DAY);
		expect(&r, ",\"seen\":");
		part.series.seen = read_integer(&r, 1, PG_INT64_MAX);
		part.series.narrivals = read_arrivals(&r, arrivals);
		expect(&r, ",\"fit\":");
		if (!take_text(&r, "null"))
			read_fit(&r, &part.series, slots, arrivals);
		expect(&r, "}");
		if ((wrong = arrival_check_part(settings, &part)) != NULL)
			artifact_error(wrong);
		MemoryContextSwitchTo(caller);
		take(&part, arg);
		MemoryContextReset(each);
	}
	if (r.at != len)
		artifact_error("something follows its end");
	MemoryContextDelete(each);
	pfree(arrivals);
	pfree(slots);
}
