/*
 * pin.h
 *	  One text form for a value, whatever the session's settings are.
 *
 * Output functions look at settings: a date is written as DateStyle says, a regclass
 * as search_path says.  Whoever keeps or compares text forms asks once what a type
 * depends on, and sets just that around the output or input functions.  Types that
 * depend on nothing (text, integers, booleans, ...) cost nothing, and neither does a
 * setting that is as needed already.
 */
#ifndef CORE_PIN_H
#define CORE_PIN_H

#include "access/tupdesc.h"

/* Settings that text forms depend on, and what they are set to. */
typedef enum PinFlag
{
	PIN_DATES = 1 << 0,			/* DateStyle = ISO, YMD */
	PIN_ZONE = 1 << 1,			/* TimeZone = UTC */
	PIN_INTERVALS = 1 << 2,		/* IntervalStyle = postgres */
	PIN_FLOATS = 1 << 3,		/* extra_float_digits = 1 */
	PIN_BYTES = 1 << 4,			/* bytea_output = hex */
	PIN_MONEY = 1 << 5,			/* lc_monetary = C */
	PIN_NAMES = 1 << 6,			/* search_path = pg_catalog, pg_temp; quote_all_identifiers = off */
	PIN_XML = 1 << 7,			/* xmloption = content; for reading */
	PIN_ARRAYS = 1 << 8			/* array_nulls = on; for reading */
} PinFlag;

/* A set of them. */
typedef int PinNeeds;

/* What the text form of a type, down to the types that it is made of, or of any column of a row type depends on. */
extern PinNeeds pin_type_needs(Oid type);
extern PinNeeds pin_row_needs(TupleDesc desc);

/*
 * Sets what is needed, and gives what pin_end() takes.  An error in between
 * rolls the settings back with its (sub)transaction.
 */
extern int	pin_begin(PinNeeds needs);
extern void pin_end(int level);

#endif							/* CORE_PIN_H */
