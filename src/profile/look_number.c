/*-------------------------------------------------------------------------
 *
 * look_number.c
 *	  Texts that are made of digits: numbers, codes, card and account numbers, telephone numbers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "profile/look_int.h"

/* Lengths of account numbers by country, as SWIFT's IBAN registry has them. */
static const char *const iban_lengths[] = {
	"AD24", "AE23", "AL28", "AT20", "AZ28", "BA20", "BE16", "BG22", "BH22", "BI27", "BR29", "BY28", "CH21", "CR22", "CY28", "CZ24",
	"DE22", "DJ27", "DK18", "DO28", "EE20", "EG29", "ES24", "FI18", "FK18", "FO18", "FR27", "GB22", "GE22", "GI23", "GL18", "GR27",
	"GT28", "HR21", "HU28", "IE22", "IL23", "IQ23", "IS26", "IT27", "JO30", "KW30", "KZ20", "LB28", "LC32", "LI21", "LT20", "LU20",
	"LV21", "LY25", "MC27", "MD24", "ME22", "MK19", "MN20", "MR27", "MT31", "MU30", "NI28", "NL18", "NO15", "OM23", "PK24", "PL28",
	"PS29", "PT25", "QA29", "RO24", "RS22", "RU33", "SA24", "SC31", "SD18", "SE24", "SI19", "SK24", "SM27", "SO23", "ST25", "SV28",
	"TL23", "TN24", "TR26", "UA29", "VA22", "VG24", "XK20", "YE30"
};

#define IBAN_MAX 34
#define CARD_MIN 13
#define CARD_MAX 19
#define PHONE_GROUPS 8

/* Signs of currency beyond ASCII, in UTF-8. */
static const char *const currency_signs[] = {"\xe2\x82\xac", "\xc2\xa3", "\xc2\xa5", "\xe2\x82\xb9"};

/* Gives the bytes of the sign of currency that stands at s, or 0. */
static int
currency_at(const char *s, const char *end)
{
	if (s < end && *s == '$')
		return 1;
	if (GetDatabaseEncoding() == PG_UTF8)
		for (int i = 0; i < lengthof(currency_signs); i++)
		{
			int			len = (int) strlen(currency_signs[i]);

			if (end - s >= len && memcmp(s, currency_signs[i], len) == 0)
				return len;
		}
	return 0;
}

/* Gives the bytes of the sign of currency or percent that ends before end, or 0. */
static int
unit_before(const char *s, const char *end)
{
	if (end - s > 1 && end[-1] == '%')
		return 1;
	for (int len = 1; len <= 3 && end - s > len; len++)
		if (currency_at(end - len, end) == len)
			return len;
	return 0;
}

/* Says whether digits between separators are thousands: one to three, then three each. */
static bool
are_thousands(const char *s, const char *end, char separator)
{
	int			run = 0;
	bool		first = true;

	if (*s == '0')
		return false;
	for (; s < end; s++)
	{
		if (*s != separator)
		{
			run++;
			continue;
		}
		if (first ? (run < 1 || run > 3) : run != 3)
			return false;
		first = false;
		run = 0;
	}
	return !first && run == 3;
}

/* Gives where the exponent of a number begins; end when there is none. */
static const char *
before_exponent(const char *s, const char *end)
{
	const char *at = end;

	while (at > s && end - at < 3 && look_is_digit(at[-1]))
		at--;
	if (at == end)
		return end;
	if (at > s && (at[-1] == '+' || at[-1] == '-'))
		at--;
	return at > s + 1 && (at[-1] == 'e' || at[-1] == 'E') ? at - 1 : end;
}

/* Says whether all is digits with points and commas that make a number. */
static bool
is_decimal(const char *s, const char *end)
{
	const char *last = NULL;
	int			points = 0;
	int			commas = 0;
	int			digits = 0;

	for (const char *at = s; at < end; at++)
	{
		if (look_is_digit(*at))
		{
			digits++;
			continue;
		}
		if (*at == '.')
			points++;
		else if (*at == ',')
			commas++;
		else
			return false;
		last = at;
	}
	if (digits == 0)
		return false;
	if (points + commas <= 1)
		return commas == 0 || (look_is_digit(*s) && last + 1 < end);
	if (points == 0 || commas == 0)
		return are_thousands(s, end, *last);
	if ((*last == '.' ? points : commas) != 1)
		return false;
	return last + 1 < end && are_thousands(s, last, *last == '.' ? ',' : '.');
}

/* Says whether a text that is not of digits alone is a number: with a sign, an exponent, thousands, a currency or a percent sign. */
uint32
look_number(const LookText *text)
{
	const char *s = text->s;
	const char *end = s + text->len;
	bool		plain = true;
	int			unit;

	if (*s == '+' || *s == '-')
		s++;
	if (look_is_digit(*s) && text->dashes + text->spaces + text->hexes + text->letters == (text->s[0] == '-') &&
		look_is_digit(end[-1]))
		return end - s == text->digits ? LOOK_MASK(LOOK_INTEGER) | LOOK_MASK(LOOK_NUMBER) :
			is_decimal(s, end) ? LOOK_MASK(LOOK_NUMBER) : 0;
	unit = currency_at(s, end);
	if (unit > 0)
	{
		s += unit;
		if (s < end && *s == ' ')
			s++;
		if (s < end && s == text->s + unit && (*s == '+' || *s == '-'))
			s++;
		plain = false;
	}
	else if ((unit = unit_before(s, end)) > 0)
	{
		end -= unit;
		if (end > s && end[-1] == ' ')
			end--;
		plain = false;
	}
	if (s == end || !(look_is_digit(*s) || *s == '.'))
		return 0;
	if (plain && end - s == text->digits)
		return LOOK_MASK(LOOK_INTEGER) | LOOK_MASK(LOOK_NUMBER);
	if (text->hexes + text->letters == 1 && plain && !(text->seen & SEEN_COMMA))
	{
		const char *exponent = before_exponent(s, end);

		if (exponent == end)
			return 0;
		end = exponent;
	}
	return is_decimal(s, end) ? LOOK_MASK(LOOK_NUMBER) : 0;
}

/* Says whether a text is the number of a payment card: a known first digit, groups of digits, Luhn's check. */
uint32
look_card(const LookText *text)
{
	int			sum = 0;
	int			n = 0;
	int			run = 0;

	if (text->digits < CARD_MIN || text->digits > CARD_MAX || text->s[0] < '2' || text->s[0] > '6' ||
		text->digits + text->spaces + text->dashes != text->len)
		return 0;
	if (text->spaces > 0 && text->dashes > 0)
		return 0;
	for (int i = text->len - 1; i >= 0; i--)
	{
		int			digit = text->s[i] - '0';

		if (!look_is_digit(text->s[i]))
		{
			if (text->s[i] != ' ' && text->s[i] != '-')
				return 0;
			if (run < 3 || run > 6)
				return 0;
			run = 0;
			continue;
		}
		if (n++ % 2 == 1)
			digit = digit > 4 ? 2 * digit - 9 : 2 * digit;
		sum += digit;
		run++;
	}
	return sum % 10 == 0 ? LOOK_MASK(LOOK_CARD) : 0;
}

/* Gives the length of account numbers of the country that a text begins with, or 0. */
static int
iban_length(const char *s)
{
	for (int i = 0; i < lengthof(iban_lengths); i++)
		if (iban_lengths[i][0] == s[0] && iban_lengths[i][1] == s[1])
			return (iban_lengths[i][2] - '0') * 10 + iban_lengths[i][3] - '0';
	return 0;
}

/* Says whether a text is an international account number: length of its country, check digits (ISO 13616). */
uint32
look_iban(const LookText *text)
{
	char		compact[IBAN_MAX];
	int			n = 0;
	int			remainder = 0;
	int			length;

	if (!look_is_upper(text->s[0]) || !look_is_upper(text->s[1]) || !look_is_digit(text->s[2]) || !look_is_digit(text->s[3]))
		return 0;
	length = iban_length(text->s);
	if (length == 0 || text->len > length + (length - 1) / 4 || text->len < length)
		return 0;
	for (int i = 0; i < text->len; i++)
	{
		char		c = text->s[i];

		if (c == ' ' && n % 4 == 0 && i > 0 && text->s[i - 1] != ' ')
			continue;
		if (n == length || !(look_is_digit(c) || look_is_upper(c)))
			return 0;
		compact[n++] = c;
	}
	if (n != length)
		return 0;
	for (int i = 0; i < n; i++)
	{
		char		c = compact[(i + 4) % n];

		if (look_is_digit(c))
			remainder = (remainder * 10 + c - '0') % 97;
		else
			remainder = (remainder * 100 + c - 'A' + 10) % 97;
	}
	return remainder == 1 ? LOOK_MASK(LOOK_IBAN) : 0;
}

/* Groups of digits of a telephone number. */
typedef struct PhoneGroups
{
	int			n;
	int			lengths[PHONE_GROUPS];
	int			run;			/* digits of the group that is being read */
	bool		open;			/* within brackets */
	bool		points;			/* has points between groups */
} PhoneGroups;

/* Ends a group; false when there are too many. */
static bool
phone_end_group(PhoneGroups *groups)
{
	if (groups->run == 0)
		return true;
	if (groups->n == PHONE_GROUPS)
		return false;
	groups->lengths[groups->n++] = groups->run;
	groups->run = 0;
	return true;
}

/* Says whether a separator may follow a character, 0 at the start. */
static bool
phone_may_follow(char separator, char before, bool open)
{
	switch (separator)
	{
		case '(':
			return !open && before != ')' && before != '.';
		case ')':
			return open && look_is_digit(before);
		case ' ':
			return look_is_digit(before) || before == ')' || before == '-' || before == '/';
		case '-':
		case '/':
			return look_is_digit(before) || before == ')' || before == ' ';
		case '.':
			return look_is_digit(before) && !open;
		default:
			return false;
	}
}

/* Splits a text into groups of digits; false when anything else than digits and separators is there. */
static bool
phone_groups(const char *s, const char *end, PhoneGroups *groups)
{
	char		before = '\0';

	memset(groups, 0, sizeof(PhoneGroups));
	for (; s < end; before = *s++)
	{
		if (look_is_digit(*s))
		{
			groups->run++;
			continue;
		}
		if (!phone_may_follow(*s, before, groups->open) || !phone_end_group(groups))
			return false;
		groups->points |= (*s == '.');
		if (*s == '(')
			groups->open = true;
		else if (*s == ')')
			groups->open = false;
	}
	return look_is_digit(before) && !groups->open && phone_end_group(groups);
}

/* Says whether groups are those of North America: 3, 3 and 4 digits, with or without a 1 before them. */
static bool
phone_is_american(const PhoneGroups *groups, bool one)
{
	const int  *lengths = groups->lengths + one;

	return groups->n == 3 + one && (!one || groups->lengths[0] == 1) &&
		lengths[0] == 3 && lengths[1] == 3 && lengths[2] == 4;
}

/* Says whether a text is written as telephone numbers are: +, brackets, a leading zero, or the groups of North America. */
uint32
look_phone(const LookText *text)
{
	const char *s = text->s;
	const char *end = s + text->len;
	int			digits = text->digits;
	PhoneGroups groups;
	bool		is_phone;

	if (digits > 15 || !phone_groups(*s == '+' ? s + 1 : s, end, &groups))
		return 0;
	if (*s == '+')
		is_phone = digits >= 8 && s[1] >= '1' && s[1] <= '9' && !(groups.points && groups.n < 3);
	else if (*s == '(')
		is_phone = digits >= 7 && groups.n >= 2 && groups.lengths[0] >= 2 && groups.lengths[0] <= 5;
	else if (*s == '0')
		is_phone = digits >= 9 && digits <= 14 && groups.n >= 2 && groups.lengths[0] >= 2 &&
			groups.lengths[groups.n - 1] >= 2 && !(groups.points && groups.n < 4);
	else
		is_phone = phone_is_american(&groups, *s == '1');
	return is_phone ? LOOK_MASK(LOOK_PHONE) : 0;
}
