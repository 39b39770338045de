/*-------------------------------------------------------------------------
 *
 * look_moment.c
 *	  Texts that are dates, times of day, or both.
 *
 *		date	2024-01-31  2024/1/31  2024.01.31  20240131  31.01.2024  31/1/2024  1/31/24  31-Jan-2024  31 January 2024
 *				Jan 31, 2024  Wed, 31 Jan 2024; with BC after it
 *		time	15:04  3:04 pm  15:04:05.678  15:04:05Z  15:04:05 +01:00  15:04 UTC
 *		both	a date, then T, a blank or a comma and a blank, then a time; 20240131150405  20240131T150405Z  31/Jan/2024:15:04:05
 *				Wed Jan 31 15:04:05 2024  Wed Jan 31 15:04:05.678 UTC 2024  Wed Jan 31 15:04:05 2024 CET
 *
 * Days are checked against their month and year.  Where day and month could be either way round, one
 * of both has to be right.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "profile/look_int.h"

#define MOMENT_MAX 44
/* Years of dates that are written as one run of digits, which could be any number. */
#define COMPACT_FIRST 1900
#define COMPACT_LAST 2099

typedef struct Cursor
{
	const char *at;
	const char *end;
} Cursor;

static const char *const month_names[] = {
	"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"
};
static const char *const day_names[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};

/* Says whether a day exists. */
static bool
day_exists(int year, int month, int day)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] && (month != 2 || day < 29 || leap);
}

/* Gives the next character, or NUL at the end. */
static inline char
peek(const Cursor *c)
{
	return c->at < c->end ? *c->at : '\0';
}

/* Takes a character when it is the next. */
static inline bool
take(Cursor *c, char wanted)
{
	if (peek(c) != wanted)
		return false;
	c->at++;
	return true;
}

/* Takes up to max digits, gives their number and their value. */
static int
take_digits(Cursor *c, int max, int *value)
{
	int			n = 0;

	*value = 0;
	while (n < max && c->at < c->end && look_is_digit(*c->at))
	{
		*value = *value * 10 + (*c->at++ - '0');
		n++;
	}
	return n;
}

/* Takes exactly two digits of at most max. */
static bool
take_two(Cursor *c, int max)
{
	int			value;

	return take_digits(c, 2, &value) == 2 && value <= max;
}

/* Takes one of some names, whole or its first three letters; gives its number from 1, or 0. */
static int
take_name(Cursor *c, const char *const *names, int nnames)
{
	const char *s = c->at;
	int			len = 0;

	while (s + len < c->end && look_is_letter(s[len]))
		len++;
	if (len < 3)
		return 0;
	for (int i = 0; i < nnames; i++)
	{
		int			n = 0;

		while (n < len && names[i][n] != '\0' && (s[n] | 0x20) == names[i][n])
			n++;
		if (n == len && (n == 3 || names[i][n] == '\0'))
		{
			c->at += len;
			return i + 1;
		}
	}
	return 0;
}

/* Takes a zone: Z, UTC, GMT, +01, +0100, +01:00. */
static bool
take_zone(Cursor *c)
{
	if (take(c, 'Z') || take(c, 'z'))
		return true;
	if (c->end - c->at == 3 && (memcmp(c->at, "UTC", 3) == 0 || memcmp(c->at, "GMT", 3) == 0))
	{
		c->at += 3;
		return true;
	}
	if (!take(c, '+') && !take(c, '-'))
		return false;
	if (!take_two(c, 15))
		return false;
	if (c->at == c->end)
		return true;
	(void) take(c, ':');
	return take_two(c, 59);
}

/* Takes am or pm. */
static bool
take_half(Cursor *c)
{
	if (c->end - c->at != 2 || (c->at[1] | 0x20) != 'm' || ((c->at[0] | 0x20) != 'a' && (c->at[0] | 0x20) != 'p'))
		return false;
	c->at += 2;
	return true;
}

/* Says whether what is left is a time of day; bare ones without colons stand behind a T only. */
static bool
is_time(Cursor c, bool bare)
{
	int			hour;
	int			value;
	int			n = take_digits(&c, 2, &hour);
	bool		seconds = false;

	if (n == 0 || hour > 24)
		return false;
	if (bare && n == 2 && look_is_digit(peek(&c)))
	{
		if (!take_two(&c, 59))
			return false;
		seconds = look_is_digit(peek(&c));
		if (seconds && !take_two(&c, 60))
			return false;
	}
	else
	{
		if (!take(&c, ':') || !take_two(&c, 59))
			return false;
		seconds = take(&c, ':');
		if (seconds && !take_two(&c, 60))
			return false;
	}
	if (seconds && (take(&c, '.') || take(&c, ',')) && take_digits(&c, 9, &value) == 0)
		return false;
	if (c.at == c.end)
		return true;
	if (peek(&c) == ' ')
		c.at++;
	if (take_half(&c))
		return hour >= 1 && hour <= 12;
	return take_zone(&c) && c.at == c.end;
}

/* Takes what follows a year that stood first. */
static bool
take_after_year(Cursor *c, int year)
{
	char		separator = peek(c);
	int			month;
	int			day;

	if (separator != '-' && separator != '/' && separator != '.')
		return false;
	c->at++;
	if (look_is_letter(peek(c)))
		month = take_name(c, month_names, lengthof(month_names));
	else if (take_digits(c, 2, &month) == 0)
		return false;
	return take(c, separator) && take_digits(c, 2, &day) > 0 && day_exists(year, month, day);
}

/* Takes a year of four digits, or of two where that is allowed. */
static bool
take_year(Cursor *c, bool two, int *year)
{
	int			n = take_digits(c, 4, year);

	if (n == 2 && two)
	{
		*year += 2000;
		return true;
	}
	return n == 4;
}

/* Takes what follows a day, or a month, that stood first. */
static bool
take_after_day(Cursor *c, int day, bool padded)
{
	char		separator = peek(c);
	int			month;
	int			year;
	int			n;

	if (separator != '-' && separator != '/' && separator != '.' && separator != ' ')
		return false;
	c->at++;
	if (separator == '.')
		(void) take(c, ' ');
	if (look_is_letter(peek(c)))
	{
		month = take_name(c, month_names, lengthof(month_names));
		if (separator == '.')
			separator = ' ';
		if (!take(c, separator) || !take_year(c, separator == '-', &year))
			return false;
		return day_exists(year, month, day);
	}
	n = take_digits(c, 2, &month);
	if (n == 0 || separator == ' ' || !take(c, separator))
		return false;
	if (!take_year(c, separator == '/' || (padded && n == 2), &year))
		return false;
	return day_exists(year, month, day) || (separator != '.' && day_exists(year, day, month));
}

/* Takes a date that begins with a name: [Wed, ]31 Jan 2024, Jan 31, 2024. */
static bool
take_named_date(Cursor *c)
{
	int			month;
	int			day;
	int			year;
	int			n;

	if (take_name(c, day_names, lengthof(day_names)) > 0)
	{
		(void) take(c, ',');
		if (!take(c, ' '))
			return false;
		if (look_is_digit(peek(c)))
		{
			n = take_digits(c, 2, &day);
			return take_after_day(c, day, n == 2);
		}
	}
	month = take_name(c, month_names, lengthof(month_names));
	if (month == 0 || !take(c, ' ') || take_digits(c, 2, &day) == 0)
		return false;
	(void) take(c, ',');
	return take(c, ' ') && take_year(c, false, &year) && day_exists(year, month, day);
}

/* Passes a blank and the capitals of a zone behind it, when they are there. */
static void
pass_zone_name(Cursor *c)
{
	const char *at = c->at + 1;

	if (peek(c) != ' ')
		return;
	while (at < c->end && look_is_upper(*at))
		at++;
	if (at - c->at >= 3)
		c->at = at;
}

/* Says whether all is a date with its time before the year: Wed Jan 31 15:04:05 2024, with a zone before or behind the year. */
static bool
is_year_last(Cursor c)
{
	const char *time;
	int			month;
	int			day;
	int			year;

	if (take_name(&c, day_names, lengthof(day_names)) == 0 || !take(&c, ' '))
		return false;
	month = take_name(&c, month_names, lengthof(month_names));
	if (month == 0 || !take(&c, ' '))
		return false;
	(void) take(&c, ' ');
	if (take_digits(&c, 2, &day) == 0 || !take(&c, ' '))
		return false;
	time = c.at;
	while (c.at < c.end && *c.at != ' ')
		c.at++;
	if (!is_time((Cursor) {time, c.at}, false))
		return false;
	pass_zone_name(&c);
	if (!take(&c, ' ') || !take_year(&c, false, &year) || !day_exists(year, month, day))
		return false;
	pass_zone_name(&c);
	return c.at == c.end;
}

/* Takes a date of eight digits, or of fourteen with its time. */
static bool
take_compact_date(Cursor *c)
{
	int			year;
	int			month;
	int			day;

	(void) take_digits(c, 4, &year);
	(void) take_digits(c, 2, &month);
	(void) take_digits(c, 2, &day);
	return year >= COMPACT_FIRST && year <= COMPACT_LAST && day_exists(year, month, day);
}

/* Takes a date. */
static bool
take_date(Cursor *c)
{
	int			run = 0;
	int			value;

	if (look_is_letter(*c->at))
		return take_named_date(c);
	while (c->at + run < c->end && look_is_digit(c->at[run]))
		run++;
	switch (run)
	{
		case 1:
		case 2:
			(void) take_digits(c, 2, &value);
			return take_after_day(c, value, run == 2);
		case 4:
			(void) take_digits(c, 4, &value);
			return take_after_year(c, value);
		case 8:
		case 14:
			return take_compact_date(c);
		default:
			return false;
	}
}

/* Says whether a text is a date, a time of day, or both. */
uint32
look_moment(const LookText *text)
{
	Cursor		c = {text->s, text->s + text->len};
	bool		bare = false;

	if (text->len > MOMENT_MAX || text->digits < 3 || !(look_is_digit(*c.at) || (text->letters >= 1 && look_is_letter(*c.at))))
		return 0;
	if (text->colons > 0 && text->colons <= 3 && text->digits <= 15 && (c.at[1] == ':' || c.at[2] == ':'))
		return is_time(c, false) ? LOOK_MASK(LOOK_TIME) : 0;
	if (text->colons > 0 && look_is_letter(*c.at) && is_year_last(c))
		return LOOK_MASK(LOOK_TIMESTAMP);
	if (text->digits < 4 || text->len < 6 || !take_date(&c))
		return 0;
	if (c.at == c.end || (c.end - c.at == 3 && memcmp(c.at, " BC", 3) == 0))
		return LOOK_MASK(LOOK_DATE);
	if (take(&c, 'T') || take(&c, 't'))
		bare = true;
	else if (look_is_digit(peek(&c)))
		bare = true;
	else if (!(take(&c, ',') && take(&c, ' ')) && !take(&c, ' ') && !take(&c, ':'))
		return 0;
	return is_time(c, bare) ? LOOK_MASK(LOOK_TIMESTAMP) : 0;
}
