/*
 * keys_texts.h
 *	  The texts of some values of a table that was read as codes: a second scan up to the last row that is asked for.
 */
#ifndef PROFILE_KEYS_TEXTS_H
#define PROFILE_KEYS_TEXTS_H

#include "lib/stringinfo.h"

#include "profile/keys_codes.h"

typedef struct KeyTexts KeyTexts;

extern KeyTexts *key_texts_create(CodeTable *table);

/* Asks for a value; gives the number under which it is found later. */
extern int	key_texts_want(KeyTexts *texts, int64 row, int column);

/* Reads what was asked for. */
extern void key_texts_read(KeyTexts *texts);

/* Appends a text that was read as a JSON string, or null. */
extern void key_texts_json(KeyTexts *texts, int number, StringInfo out);

#endif							/* PROFILE_KEYS_TEXTS_H */
