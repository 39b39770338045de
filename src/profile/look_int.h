/*
 * look_int.h
 *	  How the recognisers see a text; only look*.c include it.
 *
 *		look.c			the pass over the text; which recognisers it is worth asking
 *		look_number.c	numbers, codes, card and account numbers, telephone numbers
 *		look_moment.c	dates, timestamps, times
 *		look_web.c		uuid, email, url, ip, hexadecimal
 *		look_markup.c	json, html
 */
#ifndef PROFILE_LOOK_INT_H
#define PROFILE_LOOK_INT_H

#include "profile/look.h"

/* Bytes of a text that its looks are taken from; and the longest text that is a number, a date, a word … */
#define LOOK_BYTES 1024
#define LOOK_SHORT 64

/* Characters that were seen. */
#define SEEN_AT 0x01
#define SEEN_SLASH 0x02
#define SEEN_BRACKET 0x04		/* { or [ */
#define SEEN_ANGLE 0x08			/* < */
#define SEEN_WIDE 0x10			/* beyond ASCII */
#define SEEN_COMMA 0x20

/* A text without white space at its ends, and what is in it. */
typedef struct LookText
{
	const char *s;
	int			len;
	bool		cut;			/* the text goes on after LOOK_BYTES */
	uint32		seen;
	int			digits;
	int			hexes;			/* a to f, whatever the case */
	int			letters;		/* other ASCII letters */
	int			spaces;
	int			dashes;
	int			dots;
	int			colons;
	int			others;
} LookText;

/* Says whether a byte is a digit. */
static inline bool
look_is_digit(char c)
{
	return (unsigned char) (c - '0') < 10;
}

/* Says whether a byte is an ASCII capital, whatever the locale. */
static inline bool
look_is_upper(char c)
{
	return (unsigned char) (c - 'A') < 26;
}

/* Says whether a byte is an ASCII letter, whatever the locale. */
static inline bool
look_is_letter(char c)
{
	return (unsigned char) ((c | 0x20) - 'a') < 26;
}

/* Says whether a byte is a hexadecimal digit, whatever the locale. */
static inline bool
look_is_hex(char c)
{
	return look_is_digit(c) || (unsigned char) ((c | 0x20) - 'a') < 6;
}

/* Says whether a byte is ASCII white space, whatever the locale. */
static inline bool
look_is_space(char c)
{
	return c == ' ' || (unsigned char) (c - '\t') < 5;
}

/* Each gives the LOOK_MASK()s of what the text is. */
extern uint32 look_number(const LookText *text);	/* INTEGER, NUMBER */
extern uint32 look_card(const LookText *text);
extern uint32 look_iban(const LookText *text);
extern uint32 look_phone(const LookText *text);
extern uint32 look_moment(const LookText *text);	/* DATE, TIMESTAMP, TIME */
extern uint32 look_uuid(const LookText *text);
extern uint32 look_email(const LookText *text);
extern uint32 look_url(const LookText *text);
extern uint32 look_ip(const LookText *text);
extern uint32 look_hex(const LookText *text);
extern uint32 look_json(const LookText *text);
extern uint32 look_html(const LookText *text);

#endif							/* PROFILE_LOOK_INT_H */
