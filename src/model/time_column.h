/*
 * time_column.h
 *	  A column that says when a row came: its times as timestamptz, and how long a source spans.
 *
 * Dates and timestamps without a time zone are taken in the session's.
 */
#ifndef MODEL_TIME_COLUMN_H
#define MODEL_TIME_COLUMN_H

#include "access/tupdesc.h"
#include "datatype/timestamp.h"

typedef struct TimeColumn
{
	AttrNumber	attno;			/* 0 = none, and then nothing is noted */
	Oid			type;			/* base type */
	bool		seen;
	TimestampTz first;
	TimestampTz last;
} TimeColumn;

/* Finds the column, of a row type that what names; ERROR 42703, 42804 unless it is a date or timestamp. */
extern void time_column_open(TimeColumn *column, TupleDesc desc, const char *name, const char *what);

/* The time of a row; false when it has none: NULL, infinite, beyond timestamptz. */
extern bool time_column_read(const TimeColumn *column, const Datum *values, const bool *nulls, TimestampTz *time);

/* Takes note of a row's time. */
extern void time_column_note(TimeColumn *column, const Datum *values, const bool *nulls);

/* Days from the first time noted to the last one. */
extern double time_column_days(const TimeColumn *column);

#endif							/* MODEL_TIME_COLUMN_H */
