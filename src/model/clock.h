/*
 * clock.h
 *	  A column that says when a row came: its times as timestamptz, and how long a source spans.
 *
 * Dates and timestamps without a time zone are taken in the session's.
 */
#ifndef MODEL_CLOCK_H
#define MODEL_CLOCK_H

#include "access/tupdesc.h"
#include "datatype/timestamp.h"

typedef struct Clock
{
	AttrNumber	attno;			/* 0 = none, and then nothing is noted */
	Oid			type;			/* base type */
	bool		seen;
	TimestampTz first;
	TimestampTz last;
} Clock;

/* Finds the column, of a row type that what names; ERROR 42703, 42804 unless it is a date or timestamp. */
extern void clock_open(Clock *clock, TupleDesc desc, const char *column, const char *what);

/* The time of a row; false when it has none: NULL, infinite, beyond timestamptz. */
extern bool clock_read(const Clock *clock, const Datum *values, const bool *nulls, TimestampTz *time);

/* Takes note of a row's time. */
extern void clock_note(Clock *clock, const Datum *values, const bool *nulls);

/* Days from the first time noted to the last one. */
extern double clock_days(const Clock *clock);

#endif							/* MODEL_CLOCK_H */
