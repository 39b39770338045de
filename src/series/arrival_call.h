/*
 * arrival_call.h
 *	  A detector of arrival times by its name.
 */
#ifndef SERIES_ARRIVAL_CALL_H
#define SERIES_ARRIVAL_CALL_H

#include "model/registry.h"
#include "series/arrival.h"

/* Resolves the champion of a detector and keeps it as long as the holder; ERROR 22023 when it is another kind of model. */
extern const ArrivalModel *arrival_acquire(const char *detector, ModelPrivilege needed, MemoryContext holder, ModelRef *ref);

#endif							/* SERIES_ARRIVAL_CALL_H */
