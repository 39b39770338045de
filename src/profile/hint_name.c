/*-------------------------------------------------------------------------
 *
 * hint_name.c
 *	  Hints that follow from a column's name, where its values do not contradict.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"

#include "profile/hint_int.h"

/* Seconds from 1990 to 2100, as epochs go. */
#define EPOCH_FIRST 631152000.0
#define EPOCH_LAST 4102444800.0
/* Characters of the longest postal code, with its blank or dash. */
#define POSTAL_MAX 10

/* What a name promises of numbers, and the range that it is believed in. */
static const struct
{
	const char *word;
	const char *hint;
	double		low;
	double		high;
}			hint_numbers[] =
{
	{"lat", "latitude", -90, 90},
	{"latitude", "latitude", -90, 90},
	{"lon", "longitude", -180, 180},
	{"lng", "longitude", -180, 180},
	{"long", "longitude", -180, 180},
	{"longitude", "longitude", -180, 180},
	{"percent", "percentage", 0, 100},
	{"percentage", "percentage", 0, 100},
	{"pct", "percentage", 0, 100},
	{"rate", "percentage", 0, 1},
	{"ratio", "percentage", 0, 1},
	{"share", "percentage", 0, 1},
	{"year", "year", 1000, 2999},
	{"yr", "year", 1000, 2999},
	{"age", "age", 0, 130},
};

static const char *const amount_words[] = {
	"price", "amount", "cost", "total", "fee", "salary", "revenue", "tax", "discount", "balance", "payment", "charge", "budget", "income"
};
static const char *const epoch_words[] = {"epoch", "time", "timestamp", "ts", "unix", "at", "date", "created", "updated", "when"};
static const char *const name_words[] = {"first", "last", "full", "given", "family", "middle", "maiden", "person", "customer", "contact", "employee", "author"};
static const char *const city_words[] = {"city", "town", "municipality", "village"};
static const char *const postal_words[] = {"zip", "zipcode", "postal", "postcode", "plz"};

/* Says whether one of some words is among the name's. */
static bool
has_word(const HintColumn *column, const char *const *words, int nwords)
{
	for (int i = 0; i < nwords; i++)
		if (hint_word(column, words[i]))
			return true;
	return false;
}

/* Says whether the patterns that are known are mostly of letters, as names of people and places are. */
static bool
has_letters(const HintColumn *column)
{
	double		all = 0.0;
	double		letters = 0.0;

	if (column->explained)
		return false;
	for (int i = 0; i < column->npatterns; i++)
	{
		const FrequentItem *item = &column->patterns[i];
		bool		plain = item->len > 0 && (item->text[0] == 'A' || item->text[0] == 'a' || item->text[0] == 'x');

		for (int k = 0; k < item->len && plain; k++)
			plain = strchr("Aax -.',()/+", item->text[k]) != NULL;
		all += item->count;
		if (plain)
			letters += item->count;
	}
	return all > 0.0 && letters >= HINT_SHARE * all;
}

/* Hints at numbers by name and range. */
static void
hint_named_numbers(HintColumn *column)
{
	for (int i = 0; i < lengthof(hint_numbers); i++)
		if (hint_word(column, hint_numbers[i].word) && hint_within(column, hint_numbers[i].low, hint_numbers[i].high))
		{
			hint_add(column, hint_numbers[i].hint, 1.0);
			return;
		}
	if (has_word(column, amount_words, lengthof(amount_words)) && !hint_last_word(column, "id"))
		hint_add(column, "price or amount", 1.0);
	else if (has_word(column, epoch_words, lengthof(epoch_words)))
	{
		if (hint_within(column, EPOCH_FIRST, EPOCH_LAST))
			hint_add(column, "epoch seconds", 1.0);
		if (hint_within(column, EPOCH_FIRST * 1000.0, EPOCH_LAST * 1000.0))
			hint_add(column, "epoch milliseconds", 1.0);
	}
}

/* Hints at texts by name and pattern. */
static void
hint_named_texts(HintColumn *column)
{
	bool		person = hint_word(column, "surname") || hint_word(column, "firstname") || hint_word(column, "lastname") ||
		hint_word(column, "fullname") || (hint_last_word(column, "name") && has_word(column, name_words, lengthof(name_words)));

	if (person && has_letters(column))
		hint_add(column, "person name", 1.0);
	else if (has_word(column, city_words, lengthof(city_words)) && has_letters(column))
		hint_add(column, "city", 1.0);
}

/* Hints at postal codes, which are numbers or short texts. */
static void
hint_postal(HintColumn *column)
{
	if (!has_word(column, postal_words, lengthof(postal_words)))
		return;
	if (column->sketch->kind == VALUE_TEXT ? column->sketch->characters_max <= POSTAL_MAX :
		hint_is_integer(column) && hint_within(column, 0, 9999999999.0))
		hint_add(column, "postal code", 1.0);
}

/* Hints at references: a name that ends in id behind what it refers to, of values that repeat. */
static void
hint_reference(HintColumn *column)
{
	bool		first = column->nwords > 0 && strcmp(column->words[0], "fk") == 0;
	bool		last = hint_last_word(column, "id") || hint_last_word(column, "fk") || hint_last_word(column, "uuid");
	StringInfoData hint;
	int			from = first ? 1 : 0;
	int			to = column->nwords - (last ? 1 : 0);

	if ((!first && !last) || from >= to || column->unique)
		return;
	if (!hint_is_integer(column) && column->sketch->kind != VALUE_TEXT && column->type != UUIDOID && column->type != NUMERICOID)
		return;
	initStringInfo(&hint);
	appendStringInfoString(&hint, "foreign key by name (");
	for (int i = from; i < to; i++)
		appendStringInfo(&hint, "%s%s", i > from ? "_" : "", column->words[i]);
	appendStringInfoChar(&hint, ')');
	hint_add(column, hint.data, 1.0);
}

/* Adds the hints of a column's name. */
void
hint_names(HintColumn *column)
{
	hint_reference(column);
	if (column->sketch->kind == VALUE_NUMBER)
		hint_named_numbers(column);
	else if (column->sketch->kind == VALUE_TEXT)
		hint_named_texts(column);
	hint_postal(column);
}
