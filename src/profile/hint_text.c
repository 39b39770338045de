/*-------------------------------------------------------------------------
 *
 * hint_text.c
 *	  Hints that follow from what texts look like.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "profile/hint_int.h"

/* Free text: characters on average, their standard deviation as a share of that, and share of different texts. */
#define FREE_LENGTH 25.0
#define FREE_VARIATION 0.2
#define FREE_DIFFERENT 0.5
/* Ways of writing a missing value that are named. */
#define MISSING_SHOWN 3

/* Looks that tell what a column is; each hides those below it. */
static const struct
{
	Look		look;
	const char *hint;
}			hint_looks[] =
{
	{LOOK_EMAIL, "email"},
	{LOOK_URL, "url"},
	{LOOK_UUID, "uuid"},
	{LOOK_IP, "ip address"},
	{LOOK_IBAN, "iban"},
	{LOOK_CARD, "credit card number"},
	{LOOK_PHONE, "phone number"},
	{LOOK_JSON, "json stored as text"},
	{LOOK_HTML, "html"},
	{LOOK_BOOLEAN, "boolean stored as text"},
	{LOOK_TIME, "time stored as text"},
	{LOOK_DATE, "date stored as text"},
	{LOOK_TIMESTAMP, "timestamp stored as text"},
	{LOOK_HEX, "hexadecimal"},
};

/* Hints at numbers among texts, and at those that would lose something as numbers. */
static bool
hint_digits(HintColumn *column, double known)
{
	const int64 *looks = column->sketch->looks;

	if (looks[LOOK_INTEGER] >= HINT_SHARE * known && looks[LOOK_CODE] >= Max(1.0, HINT_SOME * known))
	{
		hint_add(column, "code with leading zeros", looks[LOOK_CODE] / known);
		return true;
	}
	if (looks[LOOK_NUMBER] >= HINT_SHARE * known)
	{
		hint_add(column, "number stored as text", looks[LOOK_NUMBER] / known);
		return true;
	}
	return false;
}

/* Hints at what most texts look like. */
static bool
hint_recognised(HintColumn *column, double known)
{
	const int64 *looks = column->sketch->looks;

	for (int i = 0; i < lengthof(hint_looks); i++)
		if (looks[hint_looks[i].look] >= HINT_SHARE * known)
		{
			hint_add(column, hint_looks[i].hint, looks[hint_looks[i].look] / known);
			return true;
		}
	if (looks[LOOK_DATE] + looks[LOOK_TIMESTAMP] >= HINT_SHARE * known)
	{
		hint_add(column, "timestamp stored as text", (looks[LOOK_DATE] + looks[LOOK_TIMESTAMP]) / known);
		return true;
	}
	return hint_digits(column, known);
}

/* Hints at long texts that differ. */
static void
hint_free_text(HintColumn *column)
{
	const Moments *characters = &column->sketch->characters;
	double		deviation = FREE_VARIATION * characters->mean;

	if (characters->mean >= FREE_LENGTH && moments_variance(characters) >= deviation * deviation &&
		column->distinct >= FREE_DIFFERENT * column->values)
		hint_add(column, "free text", 1.0);
}

/* Hints at texts that stand for a missing value, and says which ones. */
static void
hint_missing(HintColumn *column)
{
	double		share = (double) column->sketch->looks[LOOK_NULL] / column->values;
	StringInfoData hint;
	int			shown = 0;

	if (share < HINT_SOME)
		return;
	initStringInfo(&hint);
	appendStringInfoString(&hint, "missing value written as text");
	for (int i = 0; i < column->nitems && shown < MISSING_SHOWN; i++)
	{
		TextLook	look;

		look_at(column->items[i].text, column->items[i].len, &look);
		if (!(look.looks & LOOK_MASK(LOOK_NULL)))
			continue;
		appendStringInfoString(&hint, shown++ == 0 ? ": " : ", ");
		appendBinaryStringInfo(&hint, column->items[i].text, column->items[i].len);
	}
	hint_add(column, hint.data, share);
}

/* Adds the hints of a column of texts. */
void
hint_texts(HintColumn *column)
{
	const int64 *looks = column->sketch->looks;
	int64		known = column->values - looks[LOOK_EMPTY] - looks[LOOK_NULL];

	column->explained = known >= HINT_MIN && hint_recognised(column, (double) known);
	if (!column->explained)
		hint_free_text(column);
	hint_missing(column);
	if (looks[LOOK_EMPTY] >= Max(1.0, HINT_SOME * column->values))
		hint_add(column, "empty texts", (double) looks[LOOK_EMPTY] / column->values);
	if (looks[LOOK_PADDED] >= Max(1.0, HINT_SOME * column->values))
		hint_add(column, "padded with blanks", (double) looks[LOOK_PADDED] / column->values);
}
