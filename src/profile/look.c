/*-------------------------------------------------------------------------
 *
 * look.c
 *	  One pass over a text: its pattern, its characters, and what it could be.
 *
 * The pass adds a table's entry for each byte: counts of eight classes, side by side in one
 * word.  They decide which recognisers are asked at all, so that most texts ask none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "core/text.h"
#include "profile/look_int.h"

/* A class's count: one byte of a word, so that a run may have 255 bytes. */
#define LANE(n) (UINT64CONST(1) << (8 * (n)))
#define LANE_DIGIT 0
#define LANE_HEX 1
#define LANE_LETTER 2
#define LANE_SPACE 3
#define LANE_DASH 4
#define LANE_DOT 5
#define LANE_COLON 6
#define LANE_OTHER 7
#define LANE_RUN 248

/* Longest word that stands for nothing, or for true or false. */
#define LOOK_WORD 14

/* What the pass takes from a byte: its symbol, the bits before its lane, and SEEN_ bits; in one word, so that the table is small. */
#define CLASS(lane, seen, symbol) ((uint32) (seen) << 16 | (8 * (lane)) << 8 | (symbol))
#define CLASS_SYMBOL(class) ((char) ((class) & 0xff))
#define CLASS_LANE(class) (UINT64CONST(1) << ((class) >> 8 & 0xff))
#define CLASS_SEEN(class) ((class) >> 16)

#define B_OTHER(c) CLASS(LANE_OTHER, 0, c)
#define B_CONTROL CLASS(LANE_OTHER, 0, '?')
#define B_BLANK CLASS(LANE_SPACE, 0, '?')
#define B_DIGIT CLASS(LANE_DIGIT, 0, '9')
#define B_UPPER CLASS(LANE_LETTER, 0, 'A')
#define B_LOWER CLASS(LANE_LETTER, 0, 'a')
#define B_UPPER_HEX CLASS(LANE_HEX, 0, 'A')
#define B_LOWER_HEX CLASS(LANE_HEX, 0, 'a')
#define B_WIDE CLASS(LANE_OTHER, SEEN_WIDE, 'x')

static const uint32 byte_classes[256] = {
	[0x00 ... 0x08] = B_CONTROL,
	[0x09 ... 0x0d] = B_BLANK,
	[0x0e ... 0x1f] = B_CONTROL,
	[' '] = CLASS(LANE_SPACE, 0, ' '),
	['!'] = B_OTHER('!'), ['"'] = B_OTHER('"'), ['#'] = B_OTHER('#'), ['$'] = B_OTHER('$'),
	['%'] = B_OTHER('%'), ['&'] = B_OTHER('&'), ['\''] = B_OTHER('\''), ['('] = B_OTHER('('),
	[')'] = B_OTHER(')'), ['*'] = B_OTHER('*'), ['+'] = B_OTHER('+'),
	[','] = CLASS(LANE_OTHER, SEEN_COMMA, ','),
	['-'] = CLASS(LANE_DASH, 0, '-'),
	['.'] = CLASS(LANE_DOT, 0, '.'),
	['/'] = CLASS(LANE_OTHER, SEEN_SLASH, '/'),
	['0' ... '9'] = B_DIGIT,
	[':'] = CLASS(LANE_COLON, 0, ':'),
	[';'] = B_OTHER(';'),
	['<'] = CLASS(LANE_OTHER, SEEN_ANGLE, '<'),
	['='] = B_OTHER('='), ['>'] = B_OTHER('>'), ['?'] = B_OTHER('?'),
	['@'] = CLASS(LANE_OTHER, SEEN_AT, '@'),
	['A' ... 'F'] = B_UPPER_HEX,
	['G' ... 'Z'] = B_UPPER,
	['['] = CLASS(LANE_OTHER, SEEN_BRACKET, '['),
	['\\'] = B_OTHER('\\'), [']'] = B_OTHER(']'), ['^'] = B_OTHER('^'), ['_'] = B_OTHER('_'), ['`'] = B_OTHER('`'),
	['a' ... 'f'] = B_LOWER_HEX,
	['g' ... 'z'] = B_LOWER,
	['{'] = CLASS(LANE_OTHER, SEEN_BRACKET, '{'),
	['|'] = B_OTHER('|'), ['}'] = B_OTHER('}'), ['~'] = B_OTHER('~'),
	[0x7f] = B_CONTROL,
	[0x80 ... 0xff] = B_WIDE,
};

/* A word that looks like something; in small letters. */
typedef struct Word
{
	const char *word;
	int			len;
	Look		look;
} Word;

#define W_NULL(word) {word, sizeof(word) - 1, LOOK_NULL}
#define W_BOOLEAN(word) {word, sizeof(word) - 1, LOOK_BOOLEAN}

static const Word words_sign[] = {
	W_NULL("-"), W_NULL("--"), W_NULL("---"), W_NULL("?"), W_NULL("??"), W_NULL("???"),
	W_NULL("."), W_NULL(".."), W_NULL("..."), W_NULL("#n/a"), W_NULL("#na"), W_NULL("#null!"),
	W_NULL("(null)"), W_NULL("(none)"), W_NULL("<null>"), W_NULL("<na>"), W_NULL("\\n"), {NULL}
};
static const Word words_f[] = {W_BOOLEAN("f"), W_BOOLEAN("false"), {NULL}};
static const Word words_m[] = {W_NULL("missing"), {NULL}};
static const Word words_n[] = {
	W_BOOLEAN("n"), W_BOOLEAN("no"), W_NULL("na"), W_NULL("nil"), W_NULL("nan"), W_NULL("n/a"),
	W_NULL("null"), W_NULL("none"), W_NULL("n.a."), W_NULL("n.a"), W_NULL("n. a."),
	W_NULL("not available"), W_NULL("not applicable"), W_NULL("no data"), {NULL}
};
static const Word words_o[] = {W_BOOLEAN("on"), W_BOOLEAN("off"), {NULL}};
static const Word words_t[] = {W_BOOLEAN("t"), W_BOOLEAN("true"), {NULL}};
static const Word words_u[] = {W_NULL("unknown"), W_NULL("undefined"), W_NULL("unspecified"), {NULL}};
static const Word words_y[] = {W_BOOLEAN("y"), W_BOOLEAN("yes"), {NULL}};

static const char *const look_names[LOOK_N] =
{
	[LOOK_EMPTY] = "empty",
	[LOOK_PADDED] = "padded",
	[LOOK_NULL] = "null",
	[LOOK_INTEGER] = "integer",
	[LOOK_NUMBER] = "number",
	[LOOK_CODE] = "code",
	[LOOK_BOOLEAN] = "boolean",
	[LOOK_DATE] = "date",
	[LOOK_TIMESTAMP] = "timestamp",
	[LOOK_TIME] = "time",
	[LOOK_UUID] = "uuid",
	[LOOK_EMAIL] = "email",
	[LOOK_URL] = "url",
	[LOOK_IP] = "ip",
	[LOOK_PHONE] = "phone",
	[LOOK_IBAN] = "iban",
	[LOOK_CARD] = "card",
	[LOOK_JSON] = "json",
	[LOOK_HTML] = "html",
	[LOOK_HEX] = "hex",
};

/* Gives a look's name. */
const char *
look_name(Look look)
{
	return look_names[look];
}

/* Gives the words that begin with a character, or NULL. */
static inline const Word *
words_of(char c)
{
	switch (c)
	{
		case '-':
		case '?':
		case '.':
		case '#':
		case '(':
		case '<':
		case '\\':
			return words_sign;
		case 'f':
		case 'F':
			return words_f;
		case 'm':
		case 'M':
			return words_m;
		case 'n':
		case 'N':
			return words_n;
		case 'o':
		case 'O':
			return words_o;
		case 't':
		case 'T':
			return words_t;
		case 'u':
		case 'U':
			return words_u;
		case 'y':
		case 'Y':
			return words_y;
		default:
			return NULL;
	}
}

/* Gives the look of a word that stands for nothing, or for true or false. */
static uint32
look_word(const char *s, int len)
{
	const Word *word = words_of(s[0]);

	if (word == NULL)
		return 0;
	for (; word->word != NULL; word++)
	{
		int			i = 0;

		if (word->len != len)
			continue;
		while (i < len && word->word[i] == (look_is_upper(s[i]) ? (s[i] | 0x20) : s[i]))
			i++;
		if (i == len)
			return LOOK_MASK(word->look);
	}
	return 0;
}

/* Gives the looks of a text of digits alone. */
static uint32
look_plain_digits(const LookText *text)
{
	uint32		looks = LOOK_MASK(LOOK_INTEGER) | LOOK_MASK(LOOK_NUMBER);

	if (text->s[0] == '0' && text->len > 1)
		looks |= LOOK_MASK(LOOK_CODE);
	if (text->len == 8 || text->len == 14)
		looks |= look_moment(text);
	if (text->len >= 13)
		looks |= look_card(text);
	return looks;
}

/* Says whether a text has the separators of a date or a time. */
static inline bool
may_be_moment(const LookText *text, int letters)
{
	bool		slash = (text->seen & SEEN_SLASH) != 0;

	if (text->colons > 0 || slash || text->dashes == 2 || text->dots == 2)
		return text->dashes <= 3 && text->dots <= 3;
	if (letters >= 3)
		return text->spaces >= 2;
	return letters >= 1 && text->digits >= 12;
}

/* Asks the recognisers of texts that have digits and something else. */
static uint32
look_digits(const LookText *text)
{
	int			letters = text->hexes + text->letters;
	uint32		looks = 0;

	if (may_be_moment(text, letters))
	{
		looks = look_moment(text);
		if (looks != 0)
			return looks;
	}
	if ((text->dots == 3 && letters == 0) || text->colons >= 2)
	{
		/* Four groups of three digits are an address, not thousands. */
		looks = look_ip(text);
		if (looks != 0)
			return looks;
	}
	if (letters <= 1 && text->dashes <= 2 && text->colons == 0 && text->spaces <= 1)
		looks |= look_number(text);
	if (text->dashes == 4 && text->digits + text->hexes == 32)
		return looks | look_uuid(text);
	if (letters == 0)
	{
		if (text->digits >= 13)
			looks |= look_card(text);
		if (text->digits >= 7 && text->colons == 0)
			looks |= look_phone(text);
		return looks;
	}
	if (text->digits >= 2 && text->len >= 15 && look_is_upper(text->s[0]))
		looks |= look_iban(text);
	if (looks == 0 && text->letters <= 1 && text->dashes + text->dots + text->spaces + text->others == 0)
		looks |= look_hex(text);
	return looks;
}

/* Asks those recognisers that the text's characters do not rule out. */
static uint32
look_recognise(const LookText *text)
{
	uint32		looks = 0;

	if (text->digits == 0)
	{
		if (text->len <= LOOK_WORD)
			looks |= look_word(text->s, text->len);
		if (text->colons >= 2 && text->len <= LOOK_SHORT)
			looks |= look_ip(text);
		if (text->dashes == 4 && text->hexes == 32)
			looks |= look_uuid(text);
	}
	else if (text->len <= LOOK_SHORT)
		looks |= text->digits == text->len ? look_plain_digits(text) : look_digits(text);
	else if (text->digits + text->hexes + text->letters == text->len)
		looks |= look_hex(text);
	if (text->seen & SEEN_AT)
		looks |= look_email(text);
	if (text->seen & SEEN_SLASH || (text->dots > 1 && (text->s[0] | 0x20) == 'w'))
		looks |= look_url(text);
	if (text->seen & SEEN_BRACKET)
		looks |= look_json(text);
	if ((text->seen & SEEN_ANGLE) && looks == 0)
		looks |= look_html(text);
	return looks;
}

/* Adds a run's counts to the text's. */
static inline void
add_lanes(LookText *text, uint64 lanes)
{
	text->digits += (lanes >> (8 * LANE_DIGIT)) & 0xff;
	text->hexes += (lanes >> (8 * LANE_HEX)) & 0xff;
	text->letters += (lanes >> (8 * LANE_LETTER)) & 0xff;
	text->spaces += (lanes >> (8 * LANE_SPACE)) & 0xff;
	text->dashes += (lanes >> (8 * LANE_DASH)) & 0xff;
	text->dots += (lanes >> (8 * LANE_DOT)) & 0xff;
	text->colons += (lanes >> (8 * LANE_COLON)) & 0xff;
	text->others += (lanes >> (8 * LANE_OTHER)) & 0xff;
}

/* Counts the characters of bytes in UTF-8: all bytes but those that continue one. */
static int
count_utf8(const unsigned char *s, int len)
{
	int			continued = 0;
	int			i = 0;

	while (i + 8 <= len)
	{
		int			stop = Min(len - 7, i + 8 * 255);
		uint64		lanes = 0;

		/* A byte that continues a character has its highest bit set and the next one not. */
		for (; i < stop; i += 8)
		{
			uint64		word;

			memcpy(&word, s + i, sizeof(word));
			lanes += ((word & ~(word << 1)) >> 7) & UINT64CONST(0x0101010101010101);
		}
		for (int lane = 0; lane < 8; lane++)
			continued += (lanes >> (8 * lane)) & 0xff;
	}
	for (; i < len; i++)
		continued += (s[i] & 0xc0) == 0x80;
	return len - continued;
}

/* Gives the bytes of the character at s, at least 1 and never beyond end; as text_step() does. */
static inline int
step_utf8(const char *s, const char *end)
{
	unsigned char c = (unsigned char) *s;
	int			step = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf8 ? 4 : 1;

	return Min(step, (int) (end - s));
}

/* Counts the characters of bytes. */
static int
count_characters(const char *s, int len)
{
	const char *end = s + len;
	int			n = 0;

	if (pg_database_encoding_max_length() == 1)
		return len;
	if (GetDatabaseEncoding() == PG_UTF8)
		return count_utf8((const unsigned char *) s, len);
	for (; s < end; s += text_step(s, end))
	{
		if ((n & 0xffff) == 0xffff)
			CHECK_FOR_INTERRUPTS();
		n++;
	}
	return n;
}

/* Writes the pattern of a text with characters of several bytes, and counts its characters. */
static void
look_wide(const char *s, int len, TextLook *out)
{
	const char *end = s + len;
	bool		utf8 = GetDatabaseEncoding() == PG_UTF8;
	int			n = 0;

	for (; s < end && n < LOOK_PATTERN; n++)
	{
		out->pattern[n] = CLASS_SYMBOL(byte_classes[(unsigned char) *s]);
		s += utf8 ? step_utf8(s, end) : text_step(s, end);
	}
	out->npattern = n;
	out->characters = n + (s < end ? count_characters(s, (int) (end - s)) : 0);
}

/* Counts what is in a text's bytes from first to before bound. */
static void
look_on(const char *s, int first, int bound, LookText *text)
{
	while (first < bound)
	{
		int			stop = Min(bound, first + LANE_RUN);
		uint64		lanes = 0;

		for (; first < stop; first++)
		{
			uint32		class = byte_classes[(unsigned char) s[first]];

			lanes += CLASS_LANE(class);
			text->seen |= CLASS_SEEN(class);
		}
		add_lanes(text, lanes);
	}
}

/* Says whether a text whose counts are in lanes has no digit, nothing that marks a look, no word's beginning and no blanks at its ends. */
static inline bool
looks_like_nothing(const char *s, int len, uint64 lanes, uint32 seen)
{
	/* Digits, colons, four dashes or more. */
	const uint64 some = LANE(LANE_DIGIT) * 0xff | LANE(LANE_COLON) * 0xff | LANE(LANE_DASH) * 0xfc;

	return (lanes & some) == 0 && (seen & ~(SEEN_WIDE | SEEN_COMMA)) == 0 &&
		!look_is_space(s[0]) && !look_is_space(s[len - 1]) &&
		(len > LOOK_WORD || words_of(s[0]) == NULL) && (s[0] | 0x20) != 'w';
}

/* Looks at what the pass over the beginning did not settle. */
static void
look_closely(const char *s, int len, uint64 lanes, uint32 seen, TextLook *out)
{
	LookText	text = {0};
	int			bound = Min(len, LOOK_BYTES);
	int			start = 0;
	int			end = bound;

	text.seen = seen;
	add_lanes(&text, lanes);
	look_on(s, Min(len, LOOK_PATTERN), bound, &text);
	if (text.seen & SEEN_WIDE)
		look_wide(s, len, out);
	else
		out->characters = bound + (len > bound ? count_characters(s + bound, len - bound) : 0);
	if (text.spaces == bound)
	{
		/* Blanks as far as it is looked at; whoever writes more than that means nothing by it. */
		out->looks = LOOK_MASK(LOOK_EMPTY);
		return;
	}
	while (look_is_space(s[start]))
		start++;
	if (len == bound)
		while (look_is_space(s[end - 1]))
			end--;
	text.cut = len > bound;
	text.s = s + start;
	text.len = end - start;
	text.spaces -= bound - text.len;
	out->looks = (text.len < bound || look_is_space(s[len - 1])) ? LOOK_MASK(LOOK_PADDED) : 0;
	out->looks |= look_recognise(&text);
}

/* Looks at one text. */
void
look_at(const char *s, int len, TextLook *out)
{
	int			n = Min(len, LOOK_PATTERN);
	uint64		lanes = 0;
	uint32		classes = 0;
	uint32		seen;

	for (int i = 0; i < n; i++)
	{
		uint32		class = byte_classes[(unsigned char) s[i]];

		out->pattern[i] = CLASS_SYMBOL(class);
		lanes += CLASS_LANE(class);
		classes |= class;
	}
	seen = CLASS_SEEN(classes);
	out->npattern = n;
	if (len == n && len > 0 && looks_like_nothing(s, len, lanes, seen))
	{
		out->characters = n;
		out->looks = 0;
		if (seen & SEEN_WIDE)
			look_wide(s, len, out);
	}
	else
		look_closely(s, len, lanes, seen, out);
	if (out->characters > LOOK_PATTERN)
		out->pattern[out->npattern++] = '+';
}
