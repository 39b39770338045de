/*
 * trigger.h
 *	  Triggers that the library puts on users' tables.
 */
#ifndef CORE_TRIGGER_H
#define CORE_TRIGGER_H

#include "utils/rel.h"

/*
 * Creates a trigger that calls aipipe.<function>(id) as the current user, who needs the right to.  timing and
 * events are TRIGGER_TYPE_*; with_rows gives a statement's trigger the rows that are new.
 */
extern void trigger_create(Relation rel, char *name, char *function, int64 id, bool row, int16 timing, int16 events, bool with_rows);

#endif							/* CORE_TRIGGER_H */
