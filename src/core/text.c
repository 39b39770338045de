/*-------------------------------------------------------------------------
 *
 * text.c
 *	  Looking at text of any server encoding without ever reading past its end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "core/text.h"

/* No server encoding has longer characters; the tail is padded to it before it is measured. */
#define TEXT_MAX_CHAR 8

/* Gives the bytes of the character at s, at least 1 and never beyond end. */
int
text_step(const char *s, const char *end)
{
	ptrdiff_t	left = end - s;
	int			step;

	if (!IS_HIGHBIT_SET(*s))
		return 1;
	if (left >= TEXT_MAX_CHAR)
		step = pg_encoding_mblen(GetDatabaseEncoding(), s);
	else
	{
		char		tail[TEXT_MAX_CHAR] = {0};

		memcpy(tail, s, left);
		step = pg_encoding_mblen(GetDatabaseEncoding(), tail);
	}
	return Max(1, Min(step, (int) Min(left, TEXT_MAX_CHAR)));
}

/* Gives the bytes of the longest run of whole characters within limit bytes. */
int
text_clip(const char *s, int len, int limit)
{
	const char *start = s;
	const char *end = s + len;

	if (len <= limit)
		return len;
	while (s < end)
	{
		int			step = text_step(s, end);

		if ((s - start) + step > limit)
			break;
		s += step;
	}
	return (int) (s - start);
}

/* Gives the class of one ASCII byte. */
TextClass
text_ascii_class(unsigned char c)
{
	if (c >= 'a' && c <= 'z')
		return TEXT_LOWER;
	if (c >= 'A' && c <= 'Z')
		return TEXT_UPPER;
	if (c >= '0' && c <= '9')
		return TEXT_DIGIT;
	if (c == ' ' || (c >= '\t' && c <= '\r'))
		return TEXT_SPACE;
	if (c > ' ' && c < 0x7f)
		return TEXT_PUNCTUATION;
	return TEXT_CONTROL;
}

/* Gives a number for a character of several bytes. */
static inline uint32
text_wide_code(const char *s, int step)
{
	uint32		code = 2166136261u;

	for (int i = 0; i < step; i++)
		code = (code ^ (unsigned char) s[i]) * 16777619u;
	return code;
}

/* Mixes three characters' numbers into one well-spread hash. */
static inline uint32
text_gram_hash(uint32 a, uint32 b, uint32 c)
{
	uint32		h = a * 0x9e3779b1u + b * 0x85ebca77u + c * 0xc2b2ae3du;

	h ^= h >> 16;
	h *= 0x7feb352du;
	h ^= h >> 15;
	h *= 0x846ca68bu;
	h ^= h >> 16;
	return h;
}

/* Counts characters by class and 3-grams by bucket, and gives the number of characters. */
int
text_shape(const char *s, int len, int counts[TEXT_NCLASSES], float *buckets, int nbuckets)
{
	const char *end = s + len;
	uint32		before_last = 0;
	uint32		last = 0;
	int			nchars = 0;

	while (s < end)
	{
		unsigned char c = (unsigned char) *s;
		uint32		code;

		if (!IS_HIGHBIT_SET(c))
		{
			TextClass	class = text_ascii_class(c);

			counts[class]++;
			code = (class == TEXT_UPPER) ? c + ('a' - 'A') : c;
			s++;
		}
		else
		{
			int			step = text_step(s, end);

			counts[TEXT_NON_ASCII]++;
			code = text_wide_code(s, step);
			s += step;
		}
		nchars++;
		if (nbuckets > 0 && nchars >= 3)
			buckets[text_gram_hash(before_last, last, code) % nbuckets] += 1.0f;
		before_last = last;
		last = code;
	}

	/* A shorter text is one gram, so that it is told from an empty one. */
	if (nbuckets > 0 && nchars > 0 && nchars < 3)
		buckets[text_gram_hash(0, before_last, last) % nbuckets] += 1.0f;
	return nchars;
}

/* Symbols of the ASCII characters in their order; no symbol is zero. */
static const char ascii_symbols[] =
	"\001\001\002\003\004\005\006\007\010\011\012\013\014\015\016\017"
	"\020\021\022\023\024\025\026\027\030\031\032\033\034\035\036\037"
	" !\"#$%&'()*+,-./9999999999:;<=>?"
	"@AAAAAAAAAAAAAAAAAAAAAAAAAA[\\]^_"
	"`aaaaaaaaaaaaaaaaaaaaaaaaaa{|}~\177";

/* Gives the symbol that stands for a run of characters like the one with this byte. */
static inline char
text_symbol(unsigned char c)
{
	/* in every server encoding, all bytes of a character beyond ASCII have the high bit */
	return IS_HIGHBIT_SET(c) ? 'x' : ascii_symbols[c];
}

/* Writes a text's character pattern and gives its length. */
int
text_pattern(const char *s, int len, char out[TEXT_PATTERN_MAX])
{
	const char *end = s + len;
	char		last = '\0';
	int			n = 0;

	/* without a branch on the text: where runs end cannot be foretold */
	while (s < end && n < TEXT_PATTERN_MAX)
	{
		char		symbol = text_symbol((unsigned char) *s++);

		out[n] = symbol;
		n += (symbol != last);
		last = symbol;
	}
	return n;
}

/* Says whether text_pattern() can have written this: symbols only, none beside itself, not too many. */
bool
text_is_pattern(const char *pattern)
{
	for (int i = 0; pattern[i] != '\0'; i++)
	{
		if (i == TEXT_PATTERN_MAX || (i > 0 && pattern[i] == pattern[i - 1]))
			return false;
		if (pattern[i] != 'x' && text_symbol((unsigned char) pattern[i]) != pattern[i])
			return false;
	}
	return true;
}
