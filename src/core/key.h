/*
 * key.h
 *	  What names a row of a table.
 */
#ifndef CORE_KEY_H
#define CORE_KEY_H

#include "access/stratnum.h"
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

/*
 * Conditions on rows of a table under an alias: how its key compares (a B-tree
 * strategy) with the one given as parameters from first_param on; and that it is that of another alias with
 * columns k1, k2, … of the key's base types.
 */
extern char *key_comparison(TupleDesc key_desc, const char *alias, int first_param, StrategyNumber strategy);
extern char *key_join(TupleDesc key_desc, const char *alias, const char *other);

#endif							/* CORE_KEY_H */
