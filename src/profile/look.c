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

typedef struct ByteClass
{
	uint64		lanes;
	uint32		seen;
	char		symbol;
} ByteClass;

#define B_OTHER(c) {LANE(LANE_OTHER), 0, c}
#define B_CONTROL {LANE(LANE_OTHER), 0, '?'}
#define B_BLANK {LANE(LANE_SPACE), 0, '?'}
#define B_DIGIT {LANE(LANE_DIGIT), 0, '9'}
#define B_UPPER {LANE(LANE_LETTER), 0, 'A'}
#define B_LOWER {LANE(LANE_LETTER), 0, 'a'}
#define B_UPPER_HEX {LANE(LANE_HEX), 0, 'A'}
#define B_LOWER_HEX {LANE(LANE_HEX), 0, 'a'}
#define B_WIDE {LANE(LANE_OTHER), SEEN_WIDE, 'x'}

static const ByteClass byte_classes[256] = {
	[0x00 ... 0x08] = B_CONTROL,
	[0x09 ... 0x0d] = B_BLANK,
	[0x0e ... 0x1f] = B_CONTROL,
	[' '] = {LANE(LANE_SPACE), 0, ' '},
	['!'] = B_OTHER('!'), ['"'] = B_OTHER('"'), ['#'] = B_OTHER('#'), ['$'] = B_OTHER('$'),
	['%'] = B_OTHER('%'), ['&'] = B_OTHER('&'), ['\''] = B_OTHER('\''), ['('] = B_OTHER('('),
	[')'] = B_OTHER(')'), ['*'] = B_OTHER('*'), ['+'] = B_OTHER('+'),
	[','] = {LANE(LANE_OTHER), SEEN_COMMA, ','},
	['-'] = {LANE(LANE_DASH), 0, '-'},
	['.'] = {LANE(LANE_DOT), 0, '.'},
	['/'] = {LANE(LANE_OTHER), SEEN_SLASH, '/'},
	['0' ... '9'] = B_DIGIT,
	[':'] = {LANE(LANE_COLON), 0, ':'},
	[';'] = B_OTHER(';'),
	['<'] = {LANE(LANE_OTHER), SEEN_ANGLE, '<'},
	['='] = B_OTHER('='), ['>'] = B_OTHER('>'), ['?'] = B_OTHER('?'),
	['@'] = {LANE(LANE_OTHER), SEEN_AT, '@'},
	['A' ... 'F'] = B_UPPER_HEX,
	['G' ... 'Z'] = B_UPPER,
	['['] = {LANE(LANE_OTHER), SEEN_BRACKET, '['},
	['\\'] = B_OTHER('\\'), [']'] = B_OTHER(']'), ['^'] = B_OTHER('^'), ['_'] = B_OTHER('_'), ['`'] = B_OTHER('`'),
	['a' ... 'f'] = B_LOWER_HEX,
	['g' ... 'z'] = B_LOWER,
	['{'] = {LANE(LANE_OTHER), SEEN_BRACKET, '{'},
	['|'] = B_OTHER('|'), ['}'] = B_OTHER('}'), ['~'] = B_OTHER('~'),
	[0x7f] = B_CONTROL,
	[0x80 ... 0xff] = B_WIDE,
};

/* A word that looks like something; in small letters. */
typedef struct Word
{
	const char *word;
	Look		look;
} Word;

static const Word words_sign[] = {
	{"-", LOOK_NULL}, {"--", LOOK_NULL}, {"---", LOOK_NULL}, {"?", LOOK_NULL}, {"??", LOOK_NULL}, {"???", LOOK_NULL},
	{".", LOOK_NULL}, {"..", LOOK_NULL}, {"...", LOOK_NULL}, {"#n/a", LOOK_NULL}, {"#na", LOOK_NULL}, {"#null!", LOOK_NULL},
	{"(null)", LOOK_NULL}, {"(none)", LOOK_NULL}, {"<null>", LOOK_NULL}, {"<na>", LOOK_NULL}, {"\\n", LOOK_NULL}, {NULL}
};
static const Word words_f[] = {{"f", LOOK_BOOLEAN}, {"false", LOOK_BOOLEAN}, {NULL}};
static const Word words_m[] = {{"missing", LOOK_NULL}, {NULL}};
static const Word words_n[] = {
	{"n", LOOK_BOOLEAN}, {"no", LOOK_BOOLEAN}, {"na", LOOK_NULL}, {"nil", LOOK_NULL}, {"nan", LOOK_NULL}, {"n/a", LOOK_NULL},
	{"null", LOOK_NULL}, {"none", LOOK_NULL}, {"n.a.", LOOK_NULL}, {"n.a", LOOK_NULL}, {"n. a.", LOOK_NULL},
	{"not available", LOOK_NULL}, {"not applicable", LOOK_NULL}, {"no data", LOOK_NULL}, {NULL}
};
static const Word words_o[] = {{"on", LOOK_BOOLEAN}, {"off", LOOK_BOOLEAN}, {NULL}};
static const Word words_t[] = {{"t", LOOK_BOOLEAN}, {"true", LOOK_BOOLEAN}, {NULL}};
static const Word words_u[] = {{"unknown", LOOK_NULL}, {"undefined", LOOK_NULL}, {"unspecified", LOOK_NULL}, {NULL}};
static const Word words_y[] = {{"y", LOOK_BOOLEAN}, {"yes", LOOK_BOOLEAN}, {NULL}};

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
look_word(const LookText *text)
{
	const Word *word = words_of(text->s[0]);

	if (word == NULL)
		return 0;
	for (; word->word != NULL; word++)
	{
		int			i = 0;

		while (i < text->len && word->word[i] != '\0' &&
			   word->word[i] == (look_is_upper(text->s[i]) ? (text->s[i] | 0x20) : text->s[i]))
			i++;
		if (i == text->len && word->word[i] == '\0')
			return LOOK_MASK(word->look);
	}
	return 0;
}

/* Asks the recognisers of texts that have digits. */
static uint32
look_digits(const LookText *text)
{
	int			letters = text->hexes + text->letters;
	uint32		looks = 0;

	if (letters <= 3)
		looks |= look_number(text);
	if (text->len >= 4)
		looks |= look_moment(text);
	if (text->digits >= 13 && letters == 0)
		looks |= look_card(text);
	if (text->digits >= 7 && letters == 0 && text->len > text->digits)
		looks |= look_phone(text);
	if (letters >= 2 && text->digits >= 2 && text->len >= 15)
		looks |= look_iban(text);
	if (text->dashes == 4 && text->digits + text->hexes == 32)
		looks |= look_uuid(text);
	else if (text->len >= 8 && letters > 0)
		looks |= look_hex(text);
	if ((text->dots == 3 && letters == 0) || text->colons >= 2)
		looks |= look_ip(text);

	/* Four groups of three digits are an address, not thousands. */
	if (looks & LOOK_MASK(LOOK_IP))
		looks &= ~(LOOK_MASK(LOOK_NUMBER) | LOOK_MASK(LOOK_PHONE));
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
			looks |= look_word(text);
		if (text->colons >= 2 && text->len <= LOOK_SHORT)
			looks |= look_ip(text);
		if (text->dashes == 4 && text->hexes == 32)
			looks |= look_uuid(text);
	}
	else if (text->len <= LOOK_SHORT)
		looks |= look_digits(text);
	else if (text->digits + text->hexes + text->letters == text->len)
		looks |= look_hex(text);
	if (text->seen & SEEN_AT)
		looks |= look_email(text);
	if (text->seen & SEEN_SLASH || (text->dots > 1 && (text->s[0] | 0x20) == 'w'))
		looks |= look_url(text);
	if (text->seen & SEEN_BRACKET)
		looks |= look_json(text);
	if (text->seen & SEEN_ANGLE)
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

/* Counts the characters of bytes in UTF-8: those that continue none. */
static int
count_utf8(const unsigned char *s, int len)
{
	int			n = 0;
	int			i = 0;

	for (; i + 8 <= len; i += 8)
	{
		uint64		word;

		memcpy(&word, s + i, sizeof(word));
		/* A byte that continues a character has its highest bit set and the next one not. */
		n += 8 - __builtin_popcountll(word & ~(word << 1) & UINT64CONST(0x8080808080808080));
	}
	for (; i < len; i++)
		n += (s[i] & 0xc0) != 0x80;
	return n;
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
	int			n = 0;

	for (; s < end && n < LOOK_PATTERN; n++)
	{
		out->pattern[n] = byte_classes[(unsigned char) *s].symbol;
		s += text_step(s, end);
	}
	out->npattern = n;
	out->characters = n + count_characters(s, (int) (end - s));
}

/* Passes over a text: pattern, characters, and counts of what is in its first LOOK_BYTES. */
static void
look_pass(const char *s, int len, TextLook *out, LookText *text)
{
	int			bound = Min(len, LOOK_BYTES);
	int			n = Min(len, LOOK_PATTERN);
	uint64		lanes = 0;
	uint32		seen = 0;

	for (int i = 0; i < n; i++)
	{
		const ByteClass *class = &byte_classes[(unsigned char) s[i]];

		out->pattern[i] = class->symbol;
		lanes += class->lanes;
		seen |= class->seen;
	}
	add_lanes(text, lanes);
	for (int i = n; i < bound;)
	{
		int			stop = Min(bound, i + LANE_RUN);

		for (lanes = 0; i < stop; i++)
		{
			const ByteClass *class = &byte_classes[(unsigned char) s[i]];

			lanes += class->lanes;
			seen |= class->seen;
		}
		add_lanes(text, lanes);
	}
	text->seen = seen;
	if (seen & SEEN_WIDE)
		look_wide(s, len, out);
	else
	{
		out->npattern = n;
		out->characters = bound + (len > bound ? count_characters(s + bound, len - bound) : 0);
	}
	if (out->characters > LOOK_PATTERN)
		out->pattern[out->npattern++] = '+';
}

/* Looks at one text. */
void
look_at(const char *s, int len, TextLook *out)
{
	LookText	text = {0};
	int			bound = Min(len, LOOK_BYTES);
	int			start = 0;
	int			end = bound;

	look_pass(s, len, out, &text);
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
