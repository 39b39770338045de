/*
 * key.h
 *	  What names a row of a table.
 */
#ifndef CORE_KEY_H
#define CORE_KEY_H

#include "access/tupdesc.h"
#include "utils/rel.h"

/* Number of columns in the table's primary key, or unique key without NULLs, and their attribute numbers; 0 when it has none. */
extern int	key_find(Relation rel, AttrNumber **keys);

/* Whether other tables inherit from this one, where its key does not hold; its partitions do not count. */
extern bool key_has_children(Relation rel);

/* A row type of just the key's columns. */
extern TupleDesc key_row_desc(TupleDesc desc, const AttrNumber *keys, int nkeys);

/* A WHERE condition that finds a row by its key, given as parameters from first_param on. */
extern char *key_condition(TupleDesc key_desc, int first_param);

#endif							/* CORE_KEY_H */
