/*
 * look.h
 *	  What a text looks like: its pattern of character classes, and which types it could be.
 *
 * The pattern has a symbol for each of the first LOOK_PATTERN characters: A capital, a small letter,
 * 9 digit, x any character beyond ASCII, other characters themselves (control characters as ?): "AAA-9999".
 * A longer text's pattern ends in "+".  All ASCII, whatever the server's encoding; invalid bytes count as x.
 */
#ifndef PROFILE_LOOK_H
#define PROFILE_LOOK_H

#include "postgres.h"

#define LOOK_PATTERN 40

/* What a text can look like; a text may look like several things or none. */
typedef enum Look
{
	LOOK_EMPTY,					/* no character, or only white space */
	LOOK_PADDED,				/* white space at an end */
	LOOK_NULL,					/* 'null', 'n/a', 'na', 'none', 'nil', '-', '?', 'unknown', '.', '#N/A' …, whatever the case */
	LOOK_INTEGER,				/* [+-]digits; a leading zero makes it LOOK_CODE too */
	LOOK_NUMBER,				/* integer, decimal or scientific, thousands with , or ., a currency sign or % at an end */
	LOOK_CODE,					/* digits with a leading zero */
	LOOK_BOOLEAN,				/* true/false, t/f, yes/no, y/n, on/off, whatever the case */
	LOOK_DATE,					/* ISO 8601, 1/2/2024, 01.02.2024, 2 Jan 2024 … with numbers in range */
	LOOK_TIMESTAMP,				/* a date and a time of day */
	LOOK_TIME,					/* a time of day */
	LOOK_UUID,
	LOOK_EMAIL,
	LOOK_URL,
	LOOK_IP,					/* IPv4 or IPv6 */
	LOOK_PHONE,
	LOOK_IBAN,					/* with its check digits */
	LOOK_CARD,					/* 13 to 19 digits that pass Luhn's check */
	LOOK_JSON,					/* { … } or [ … ] */
	LOOK_HTML,
	LOOK_HEX
} Look;

#define LOOK_N (LOOK_HEX + 1)
#define LOOK_MASK(look) ((uint32) 1 << (look))

typedef struct TextLook
{
	int			characters;		/* in the server's encoding */
	int			npattern;
	char		pattern[LOOK_PATTERN + 1];	/* not NUL-terminated */
	uint32		looks;			/* LOOK_MASK()s */
} TextLook;

/* Looks at one text; one pass, bounded by len whatever the bytes are. */
extern void look_at(const char *text, int len, TextLook *out);

/* "empty", "integer", "email" …, as views and hints say it. */
extern const char *look_name(Look look);

#endif							/* PROFILE_LOOK_H */
