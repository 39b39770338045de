/*
 * keys.h
 *	  Sets of columns whose values tell the rows of a table apart, wholly or nearly.
 *
 *		codes → sets of 1, 2, 3 columns, level by level (keys_search.c) → what the server
 *		has to say where codes are not enough (keys_verify.c) → rows of the result (keys.c)
 */
#ifndef PROFILE_KEYS_H
#define PROFILE_KEYS_H

#include "profile/keys_codes.h"

#define KEYS_MAX_COLUMNS 3

typedef struct KeySet
{
	int			n;
	int			columns[KEYS_MAX_COLUMNS];	/* in the table's order */
	int64		nrows;
	int64		ndistinct;		/* different values without NULL */
	int64		duplicates;		/* rows beyond the first of each value */
	int64		nulls;			/* rows with a NULL in one of the columns */
	bool		declared;		/* a unique index says so */
} KeySet;

typedef struct KeySearch
{
	CodeTable  *table;
	int			max_columns;
	double		max_error;		/* share of rows that may break a key */
	int64		max_verified;	/* sets that the server may be asked about */

	int64		nverified;
	int64		nskipped;		/* sets that it was not asked about any more */
	int			nfound;
	int			max_found;
	KeySet	   *found;
} KeySearch;

/* Rows that are in the way of a key. */
static inline int64
key_broken(const KeySet *set)
{
	return set->duplicates + set->nulls;
}

/* Fills found with the minimal sets, level by level. */
extern void keys_search(KeySearch *search);

/* Counts a set by the server's own equality, over all rows that the caller sees. */
extern void keys_count_sql(CodeTable *table, KeySet *set);

/* Says of each set whether a unique index has exactly its columns. */
extern void keys_find_declared(CodeTable *table, KeySet *sets, int n);

#endif							/* PROFILE_KEYS_H */
