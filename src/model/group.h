/*
 * group.h
 *	  Numbers for the groups that a column's values make.
 *
 * Rows with the same value, of any type, are one group.  Groups are numbered in
 * the order in which they first appear, so the same rows give the same numbers.
 */
#ifndef MODEL_GROUP_H
#define MODEL_GROUP_H

#include "access/tupdesc.h"

typedef struct GroupColumn GroupColumn;

/* Prepares to read a column; everything lives below the current memory context. */
extern GroupColumn *group_begin(TupleDesc desc, AttrNumber attno);

/* Gives the number of the row's group, 0 …; NULL is a group too. */
extern int32 group_read(GroupColumn *column, const Datum *values, const bool *nulls);

/* Bytes that the groups' values take now. */
extern Size group_bytes(const GroupColumn *column);

extern void group_end(GroupColumn *column);

#endif							/* MODEL_GROUP_H */
