/*
 * hint_int.h
 *	  How the files of hints see each other; only hint*.c include it.
 *
 *		hint.c			rows, values, uniqueness, order
 *		hint_text.c		what texts look like
 *		hint_list.c		codes of currencies, countries and languages
 *		hint_name.c		what the column's name says
 */
#ifndef PROFILE_HINT_INT_H
#define PROFILE_HINT_INT_H

#include "profile/hint.h"

/* Words of a column's name that are looked at. */
#define HINT_WORDS 8
#define HINT_WORD 32

/* What is known of a column. */
typedef struct HintColumn
{
	const Sketch *sketch;
	Oid			type;			/* domains resolved */
	int			nwords;			/* of its name, in small letters: customerId and customer_id are the same */
	char		words[HINT_WORDS][HINT_WORD];
	int64		values;			/* rows that are not NULL */
	double		distinct;
	bool		exact;			/* distinct is no estimate */
	bool		unique;			/* as far as the sketch can tell */
	int			nitems;			/* frequent values */
	FrequentItem *items;
	int			npatterns;		/* frequent patterns */
	FrequentItem *patterns;
	bool		explained;		/* texts were recognised */
	List	   *hints;
} HintColumn;

/* Adds a hint with its evidence: a share, 1 for all. */
extern void hint_add(HintColumn *column, const char *hint, double share);

/* Says whether a word is among the name's, or is its last. */
extern bool hint_word(const HintColumn *column, const char *word);
extern bool hint_last_word(const HintColumn *column, const char *word);

/* Each adds the hints that its file is for. */
extern void hint_texts(HintColumn *column);
extern void hint_lists(HintColumn *column);
extern void hint_names(HintColumn *column);

/* Says whether smallest and largest number are within a range. */
extern bool hint_within(const HintColumn *column, double low, double high);

/* Says whether a column holds whole numbers by its type. */
extern bool hint_is_integer(const HintColumn *column);

#endif							/* PROFILE_HINT_INT_H */
