/*-------------------------------------------------------------------------
 *
 * encoder_phrase.c
 *	  Columns and features in words: what was expected, one value, a range.
 *
 * Values come from models, which may have been damaged: any double is told.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/date.h"
#include "utils/datetime.h"

#include "core/encoder_int.h"
#include "core/text.h"

/* Categories that are named, and bytes of each. */
#define EXPECTED_CATEGORIES 3
#define EXPECTED_CATEGORY_BYTES 40

/* How a feature's values are written. */
typedef enum PhraseForm
{
	PHRASE_OWN,					/* as the column's kind says */
	PHRASE_NUMBER,
	PHRASE_SHARE,
	PHRASE_HOUR,
	PHRASE_WEEKDAY,
	PHRASE_DAY,
	PHRASE_FAMILY,
	PHRASE_PREFIX,
	PHRASE_JSON_TYPE,
	PHRASE_PATTERN
} PhraseForm;

/* What a feature is called, by the suffix of its name. */
typedef struct Phrase
{
	const char *suffix;
	PhraseForm	form;
	const char *noun;			/* stands before the value or the range */
	const char *unit;			/* stands behind it */
} Phrase;

static const Phrase phrases[] =
{
	{"", PHRASE_OWN, NULL, ""},
	{".length", PHRASE_NUMBER, "a length", ""},
	{".elements", PHRASE_NUMBER, "a number of elements", ""},
	{".members", PHRASE_NUMBER, "a number of members", ""},
	{".type", PHRASE_JSON_TYPE, NULL, ""},
	{".hour", PHRASE_HOUR, NULL, ""},
	{".weekday", PHRASE_WEEKDAY, NULL, ""},
	{".day", PHRASE_DAY, NULL, " of the month"},
	{".family", PHRASE_FAMILY, NULL, ""},
	{".prefix", PHRASE_PREFIX, NULL, ""},
	{".digits", PHRASE_SHARE, NULL, " digits"},
	{".upper", PHRASE_SHARE, NULL, " capitals"},
	{".lower", PHRASE_SHARE, NULL, " small letters"},
	{".space", PHRASE_SHARE, NULL, " white space"},
	{".punctuation", PHRASE_SHARE, NULL, " punctuation"},
	{".non_ascii", PHRASE_SHARE, NULL, " characters beyond ASCII"},
	{".pattern", PHRASE_PATTERN, NULL, ""},
};

static const Phrase gram_phrase = {NULL, PHRASE_NUMBER, "a count of letter groups", ""};

/* Gives what one of a column's features is called. */
static const Phrase *
phrase_of(const EncoderColumn *column, int i)
{
	const char *suffix = encoder_feature_suffix(column, i);

	for (int p = 0; suffix != NULL && p < lengthof(phrases); p++)
		if (strcmp(phrases[p].suffix, suffix) == 0)
			return &phrases[p];
	return &gram_phrase;
}

/* Writes a number as people would: no exponent unless it needs one. */
static void
expected_number(StringInfo out, double value)
{
	if (value == floor(value) && fabs(value) < 1e15)
		appendStringInfo(out, "%.0f", value);
	else if (fabs(value) >= 1e-4 && fabs(value) < 1e6)
		appendStringInfo(out, "%.6g", value);
	else
		appendStringInfo(out, "%.4g", value);
}

/* Writes days since 2000-01-01 as a date. */
static void
expected_date(StringInfo out, double days)
{
	int			year;
	int			month;
	int			day;

	if (days < -POSTGRES_EPOCH_JDATE || days > DATE_END_JULIAN - POSTGRES_EPOCH_JDATE)
	{
		appendStringInfoString(out, days < 0 ? "-infinity" : "infinity");
		return;
	}
	j2date((int) floor(days) + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	appendStringInfo(out, "%04d-%02d-%02d%s", year > 0 ? year : 1 - year, month, day, year > 0 ? "" : " BC");
}

/* Writes seconds since midnight as a time. */
static void
expected_time(StringInfo out, double seconds)
{
	int			whole = (int) Max(0.0, Min(seconds, 86400.0));

	appendStringInfo(out, "%02d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
}

/* Writes a span of seconds in the unit that suits it. */
static void
expected_span(StringInfo out, double seconds)
{
	double		size = fabs(seconds);

	if (size < 120)
		appendStringInfo(out, "%.3g s", seconds);
	else if (size < 7200)
		appendStringInfo(out, "%.3g min", seconds / 60);
	else if (size < 2 * 86400)
		appendStringInfo(out, "%.3g h", seconds / 3600);
	else
		appendStringInfo(out, "%.4g days", seconds / 86400);
}

/* Writes the first 32 bits of an address; float32 blurs the last ones. */
static void
expected_address(StringInfo out, double value)
{
	uint32		bits = value >= 4294967295.0 ? PG_UINT32_MAX : (uint32) Max(value, 0.0);

	appendStringInfo(out, "%u.%u.%u.%u", bits >> 24, (bits >> 16) & 255, (bits >> 8) & 255, bits & 255);
}

/* Writes one value of a column's first feature. */
static void
expected_value(StringInfo out, EncoderKind kind, double value)
{
	switch (kind)
	{
		case ENCODER_DATE:
		case ENCODER_TIMESTAMP:
			expected_date(out, value);
			break;
		case ENCODER_TIME:
			expected_time(out, value);
			break;
		case ENCODER_INTERVAL:
			expected_span(out, value);
			break;
		case ENCODER_INET:
			expected_address(out, value);
			break;
		default:
			expected_number(out, value);
	}
}

/* Writes a text in quotes, clipped. */
static void
expected_quoted(StringInfo out, const char *text)
{
	int			len = (int) strlen(text);
	int			shown = text_clip(text, len, EXPECTED_CATEGORY_BYTES);

	appendStringInfo(out, "'%.*s%s'", shown, text, shown < len ? "..." : "");
}

/* Writes the most frequent categories and their shares. */
static void
expected_categories(StringInfo out, const EncoderColumn *column)
{
	int64		present = column->nrows - column->nnulls;
	int			named = Min(column->ncategories, EXPECTED_CATEGORIES);

	for (int i = 0; i < named; i++)
	{
		appendStringInfoString(out, i > 0 ? ", " : "");
		expected_quoted(out, column->categories[i]);
		appendStringInfo(out, " (%.3g %%)", 100.0 * column->category_counts[i] / Max(present, 1));
	}
	if (column->ncategories > named)
		appendStringInfo(out, " or %d more", column->ncategories - named);
}

/* Writes which value of few is the usual one, with its share among the quantiles. */
static void
expected_usual(StringInfo out, const EncoderColumn *column)
{
	int			best = 0;
	int			best_count = 0;
	int			count = 0;

	for (int q = 0; q < column->nquantiles; q++)
	{
		count = (q > 0 && column->quantiles[q] == column->quantiles[q - 1]) ? count + 1 : 1;
		if (count > best_count)
		{
			best_count = count;
			best = (int) column->quantiles[q];
		}
	}
	appendStringInfoString(out, column->kind == ENCODER_BOOL ? (best ? "true" : "false") : encoder_json_type(best));
	if (best_count < column->nquantiles)
		appendStringInfo(out, " (%.0f %%)", 100.0 * best_count / column->nquantiles);
}

/* Writes the range in which nearly all values were. */
static void
expected_range(StringInfo out, const EncoderColumn *column)
{
	double		low = column->quantiles[1];
	double		median = column->quantiles[50];
	double		high = column->quantiles[99];
	const char *noun = phrase_of(column, 0)->noun;

	if (noun != NULL)
		appendStringInfo(out, "%s ", noun);
	if (column->quantiles[0] == column->quantiles[100])
	{
		appendStringInfoString(out, noun != NULL ? "of " : "always ");
		expected_value(out, column->kind, median);
		return;
	}
	appendStringInfoString(out, "between ");
	expected_value(out, column->kind, low);
	appendStringInfoString(out, " and ");
	expected_value(out, column->kind, high);
	appendStringInfoString(out, " (median ");
	expected_value(out, column->kind, median);
	appendStringInfoChar(out, ')');
}

/* Gives what training saw in a column as a short phrase. */
char *
encoder_expected(const Encoder *encoder, int c)
{
	const EncoderColumn *column = &encoder->columns[c];
	StringInfoData out;

	initStringInfo(&out);
	if (column->kind == ENCODER_CATEGORY ? column->ncategories == 0 : column->nquantiles == 0)
		appendStringInfoString(&out, column->nother == 0 ? "NULL always" : "values that hardly repeat");
	else if (column->kind == ENCODER_CATEGORY)
		expected_categories(&out, column);
	else if (column->kind == ENCODER_BOOL || column->kind == ENCODER_JSON)
		expected_usual(&out, column);
	else
		expected_range(&out, column);
	return out.data;
}

/* Writes the text that a code stands for, or says that it stands for none. */
static void
phrase_code(StringInfo out, char **texts, int ntexts, double code, const char *unknown)
{
	if (code >= 0 && code < ntexts)
		expected_quoted(out, texts[(int) code]);
	else
		appendStringInfoString(out, unknown);
}

/* Writes one value of a column's own feature. */
static void
phrase_own(StringInfo out, const EncoderColumn *column, double value)
{
	if (column->kind == ENCODER_CATEGORY)
		phrase_code(out, column->categories, column->ncategories, value, "an unknown value");
	else if (column->kind == ENCODER_BOOL)
		appendStringInfoString(out, value >= 0.5 ? "true" : "false");
	else
		expected_value(out, column->kind, value);
}

/* Writes a number of hours as a time of day. */
static void
phrase_hour(StringInfo out, double value)
{
	int			minutes = (int) rint(Max(0.0, Min(value, 24.0)) * 60.0);

	appendStringInfo(out, "%02d:%02d", minutes / 60, minutes % 60);
}

/* Writes the name of an ISO weekday. */
static void
phrase_weekday(StringInfo out, double value)
{
	/* from Sunday on, as the array has it */
	appendStringInfoString(out, days[(int) rint(Max(1.0, Min(value, 7.0))) % 7]);
}

/* Writes one value of a feature, without its noun and unit. */
static void
phrase_value(StringInfo out, const EncoderColumn *column, const Phrase *phrase, double value)
{
	switch (phrase->form)
	{
		case PHRASE_OWN:
			phrase_own(out, column, value);
			break;
		case PHRASE_NUMBER:
			expected_number(out, value);
			break;
		case PHRASE_SHARE:
			appendStringInfo(out, "%.3g %%", 100.0 * value);
			break;
		case PHRASE_HOUR:
			phrase_hour(out, value);
			break;
		case PHRASE_WEEKDAY:
			phrase_weekday(out, value);
			break;
		case PHRASE_DAY:
			appendStringInfo(out, "day %.3g", value);
			break;
		case PHRASE_FAMILY:
			appendStringInfo(out, "IPv%.3g", value);
			break;
		case PHRASE_PREFIX:
			appendStringInfo(out, "/%.4g", value);
			break;
		case PHRASE_JSON_TYPE:
			appendStringInfoString(out, encoder_json_type(value >= 1 && value <= ENCODER_JSON_TYPES ? (int) value : 0));
			break;
		case PHRASE_PATTERN:
			if (value >= 0 && value < column->npatterns)
				appendStringInfoString(out, "the pattern ");
			phrase_code(out, column->patterns, column->npatterns, value, "an unknown pattern");
			break;
	}
}

/* Gives one value of a feature as people read it, by itself. */
char *
encoder_value_text(const Encoder *encoder, int f, double value)
{
	return encoder_range_text(encoder, f, value, value);
}

/* Gives the highest code of a feature whose values have no order, or -1. */
static int
phrase_last_code(const EncoderFeature *feature, const EncoderColumn *column, const Phrase *phrase)
{
	if (feature->categorical)
		return feature->ncategories;
	if (phrase->form == PHRASE_OWN && column->kind == ENCODER_BOOL)
		return 1;
	return phrase->form == PHRASE_JSON_TYPE ? ENCODER_JSON_TYPES : -1;
}

/* Writes the first of a range's codes, in which order means nothing. */
static void
phrase_codes(StringInfo out, const EncoderColumn *column, const Phrase *phrase, double low, double high, int last_code)
{
	int			first = (int) Max(0.0, Min(rint(low), last_code));
	int			last = (int) Max(0.0, Min(rint(high), last_code));
	int			named = Min(last - first + 1, EXPECTED_CATEGORIES);

	for (int i = 0; i < named; i++)
	{
		appendStringInfoString(out, i == 0 ? "" : (i == last - first) ? " or " : ", ");
		phrase_value(out, column, phrase, first + i);
	}
	if (last - first >= named)
		appendStringInfo(out, " or %d more", last - first + 1 - named);
}

/* Writes a range of a feature's values, without its noun and unit. */
static void
phrase_range(StringInfo out, const EncoderColumn *column, const Phrase *phrase, double low, double high)
{
	const char *of = phrase->noun != NULL ? "of " : "";
	StringInfoData lower;
	StringInfoData upper;

	initStringInfo(&lower);
	initStringInfo(&upper);
	phrase_value(&lower, column, phrase, low);
	phrase_value(&upper, column, phrase, high);
	if (low < high && isinf(low))
		appendStringInfo(out, "%sat most %s", of, upper.data);
	else if (low < high && isinf(high))
		appendStringInfo(out, "%sat least %s", of, lower.data);
	else if (strcmp(lower.data, upper.data) == 0)
		appendStringInfo(out, "%s%s", of, lower.data);
	else
		appendStringInfo(out, "between %s and %s", lower.data, upper.data);
	pfree(lower.data);
	pfree(upper.data);
}

/* Gives a range of a feature's values as people read it; one value when both ends read the same. */
char *
encoder_range_text(const Encoder *encoder, int f, double low, double high)
{
	const EncoderFeature *feature = &encoder->features[f];
	const EncoderColumn *column = &encoder->columns[feature->column];
	const Phrase *phrase = phrase_of(column, f - column->first_feature);
	int			last_code = phrase_last_code(feature, column, phrase);
	StringInfoData out;

	initStringInfo(&out);
	if (isnan(low) || isnan(high))
	{
		appendStringInfoString(&out, "NULL");
		return out.data;
	}
	if (phrase->noun != NULL)
		appendStringInfo(&out, "%s ", phrase->noun);
	if (last_code >= 0 && low < high)
		phrase_codes(&out, column, phrase, low, high, last_code);
	else
		phrase_range(&out, column, phrase, low, high);
	appendStringInfoString(&out, phrase->unit);
	return out.data;
}
