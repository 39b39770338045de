/*-------------------------------------------------------------------------
 *
 * reason.c
 *	  Why one cell of a row is strange: what was expected, given what, in one sentence.
 *
 * The algorithm says it when it judges cells (Algorithm.cell); else it is what
 * training saw in the column.  Values come from anywhere: they are clipped and
 * quoted, and what could break a line or turn the writing direction becomes a space.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "core/text.h"
#include "model/score.h"

/* Bytes of a value or phrase that a sentence shows. */
#define REASON_VALUE_BYTES 60
#define REASON_PHRASE_BYTES 200

/* Appends at most so many bytes of a text, whole characters. */
static void
append_clipped(StringInfo out, const char *text, int limit)
{
	int			len = (int) strlen(text);
	int			shown = text_clip(text, len, limit);

	appendBinaryStringInfo(out, text, shown);
	if (shown < len)
		appendStringInfoString(out, "...");
}

/* Appends a value: words in quotes, amounts as they are. */
static void
append_value(StringInfo out, const EncoderColumn *column, const char *value)
{
	bool		words = column->kind == ENCODER_CATEGORY || column->kind == ENCODER_TEXT || column->kind == ENCODER_JSON ||
		column->kind == ENCODER_ARRAY;
	StringInfoData shown;

	if (value == NULL)
	{
		appendStringInfoString(out, "NULL");
		return;
	}
	initStringInfo(&shown);
	append_clipped(&shown, value, REASON_VALUE_BYTES);
	if (words)
		appendStringInfoChar(out, '\'');
	for (int i = 0; i < shown.len; i++)
	{
		if (words && shown.data[i] == '\'')
			appendStringInfoChar(out, '\'');
		appendStringInfoChar(out, shown.data[i]);
	}
	if (words)
		appendStringInfoChar(out, '\'');
	pfree(shown.data);
}

/* Gives the bytes of a character of UTF-8 that breaks lines, is not seen, or turns the writing direction; 0 of another. */
static int
unruly_bytes(const unsigned char *s, int len)
{
	if (len >= 2 && s[0] == 0xC2 && s[1] >= 0x80 && s[1] < 0xA0)
		return 2;
	if (len < 3 || s[0] != 0xE2)
		return 0;
	if ((s[1] == 0x80 && ((s[2] >= 0x8B && s[2] <= 0x8F) || (s[2] >= 0xA8 && s[2] <= 0xAE))) ||
		(s[1] == 0x81 && s[2] >= 0xA0 && s[2] <= 0xAF))
		return 3;
	return 0;
}

/* Says whether the bytes from 0x80 to 0x9F control a terminal in an encoding, as those of ISO 8859 do. */
static bool
has_high_controls(int encoding)
{
	switch (encoding)
	{
		case PG_LATIN1:
		case PG_LATIN2:
		case PG_LATIN3:
		case PG_LATIN4:
		case PG_LATIN5:
		case PG_LATIN6:
		case PG_LATIN7:
		case PG_LATIN8:
		case PG_LATIN9:
		case PG_LATIN10:
		case PG_ISO_8859_5:
		case PG_ISO_8859_6:
		case PG_ISO_8859_7:
		case PG_ISO_8859_8:
			return true;
		default:
			return false;
	}
}

/* Replaces what must not reach a log or terminal by spaces. */
static void
tame(StringInfo text)
{
	int			encoding = GetDatabaseEncoding();
	/* what has no encoding is shown as UTF-8 more often than not */
	bool		utf8 = encoding == PG_UTF8 || encoding == PG_SQL_ASCII;
	bool		high = has_high_controls(encoding);
	char	   *end = text->data + text->len;

	for (char *at = text->data; at < end;)
	{
		int			step = text_step(at, end);
		unsigned char c = (unsigned char) *at;
		int			unruly = utf8 ? unruly_bytes((unsigned char *) at, (int) (end - at)) : 0;

		if (unruly == 0 && step == 1 && (c < 0x20 || c == 0x7F || (high && c >= 0x80 && c < 0xA0)))
			unruly = 1;
		memset(at, ' ', unruly);
		at += Max(unruly, step);
	}
}

/* Says whether training saw no such value in a column, as far as the encoder knows. */
static bool
never_seen(const EncoderColumn *column, const char *value)
{
	if (value == NULL)
		return column->nrows > 0 && column->nnulls == 0;
	if (column->kind != ENCODER_CATEGORY || column->nother > 0)
		return false;
	for (int i = 0; i < column->ncategories; i++)
	{
		if (strcmp(column->categories[i], value) == 0)
			return false;
	}
	return true;
}

/* Appends what was expected, as the end of a sentence. */
static void
append_expected(StringInfo out, const char *expected)
{
	static const char always[] = "always ";
	static const char null_always[] = "NULL always";
	static const char median[] = " (median ";
	const char *at;

	if (strcmp(expected, null_always) == 0)
		appendStringInfoString(out, "; it was always NULL in training");
	else if (strncmp(expected, always, sizeof(always) - 1) == 0)
	{
		appendStringInfoString(out, "; it was always ");
		append_clipped(out, expected + sizeof(always) - 1, REASON_PHRASE_BYTES);
		appendStringInfoString(out, " in training");
	}
	else
	{
		/* a range is enough for a sentence */
		at = strncmp(expected, "between ", 8) == 0 ? strstr(expected, median) : NULL;
		appendStringInfoString(out, "; ");
		append_clipped(out, at ? pnstrdup(expected, at - expected) : expected, REASON_PHRASE_BYTES);
		appendStringInfoString(out, " is expected");
	}
}

/* Gives the sentence. */
static char *
make_sentence(const Scorer *scorer, const Contribution *contribution, const char *expected, const char *note,
			  int given, const Datum *values, const bool *nulls)
{
	const Encoder *encoder = scorer->version->encoder;
	const EncoderColumn *column = &encoder->columns[contribution->column];
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoString(&out, quote_identifier(column->name));
	appendStringInfoString(&out, " is ");
	append_value(&out, column, contribution->value);
	if (note == NULL && never_seen(column, contribution->value))
		note = "which training never saw";
	if (note != NULL)
	{
		appendStringInfoString(&out, ", ");
		append_clipped(&out, note, REASON_PHRASE_BYTES);
	}
	if (expected != NULL)
		append_expected(&out, expected);
	if (given >= 0)
	{
		appendStringInfoString(&out, expected != NULL ? " when " : ", which is rare when ");
		appendStringInfoString(&out, quote_identifier(encoder->columns[given].name));
		appendStringInfoString(&out, " is ");
		append_value(&out, &encoder->columns[given], encoder_column_text(scorer->binding, given, values, nulls));
	}
	tame(&out);
	return out.data;
}

/* Says why the cell of a contribution with its value is strange, row i of the block being the row. */
void
scorer_reason(const Scorer *scorer, int i, const Contribution *contribution, const Datum *values, const bool *nulls,
			  Reason *reason)
{
	const LoadedModel *loaded = scorer->version->loaded;
	const Encoder *encoder = scorer->version->encoder;
	CellReason	cell = {0};
	int			given = -1;

	Assert(contribution->column >= 0);
	if (loaded->algorithm->cell != NULL &&
		loaded->algorithm->cell(loaded, encoder, scorer->rows + (size_t) i * loaded->nfeatures,
								contribution->column, &cell) &&
		cell.given >= 0 && cell.given < encoder->ncolumns)
		given = cell.given;
	reason->expected = cell.expected ? cell.expected : encoder_expected(encoder, contribution->column);
	reason->given = given >= 0 ? encoder->columns[given].name : NULL;
	/* what a column holds in general says nothing about it given another */
	reason->sentence = make_sentence(scorer, contribution, given >= 0 ? cell.expected : reason->expected, cell.note,
									 given, values, nulls);
}
