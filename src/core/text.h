/*
 * text.h
 *	  Looking at text of any server encoding without ever reading past its end.
 *
 * Text may come from SQL_ASCII databases or damaged pages, so nothing here
 * trusts a length byte: every step is bounded by the end that the caller gives.
 */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include "postgres.h"

typedef enum TextClass
{
	TEXT_DIGIT,
	TEXT_UPPER,
	TEXT_LOWER,
	TEXT_SPACE,
	TEXT_PUNCTUATION,
	TEXT_NON_ASCII,
	TEXT_CONTROL				/* belongs to none of the others */
} TextClass;

#define TEXT_NCLASSES (TEXT_CONTROL + 1)

/* Bytes of the character at s; at least 1 and never beyond end. */
extern int	text_step(const char *s, const char *end);

/* Bytes of the longest run of whole characters within limit bytes. */
extern int	text_clip(const char *s, int len, int limit);

/* Class of one ASCII byte. */
extern TextClass text_ascii_class(unsigned char c);

/*
 * Counts the characters by class and adds each 3-gram (ASCII letters folded to
 * lower case) to one of nbuckets counts; gives the number of characters.  The
 * hash is part of the stored format: the same text gives the same buckets on
 * every machine and in every version.
 */
extern int	text_shape(const char *s, int len, int counts[TEXT_NCLASSES],
					   float *buckets, int nbuckets);

/* Symbols of the longest pattern; the rest of a text is not looked at. */
#define TEXT_PATTERN_MAX 32

/*
 * Writes a text's character pattern, not NUL-terminated, and gives its length:
 * A, a and 9 for runs of capitals, small letters and digits, x for a run of
 * characters beyond ASCII, any other character for a run of itself.  All ASCII,
 * whatever the encoding.
 */
extern int	text_pattern(const char *s, int len, char out[TEXT_PATTERN_MAX]);

/* Says whether text_pattern() can have written this. */
extern bool text_is_pattern(const char *pattern);

#endif							/* CORE_TEXT_H */
