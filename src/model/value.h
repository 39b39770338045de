/*
 * value.h
 *	  Single values of columns that are no features: labels, weights, groups, times.
 *
 * A text form is the same in every session, and equal numbers have one; a number
 * or a time is a double.
 */
#ifndef MODEL_VALUE_H
#define MODEL_VALUE_H

#include "access/tupdesc.h"
#include "fmgr.h"

#include "core/pin.h"

/* How values of one type are written. */
typedef struct ValueText
{
	Oid			type;			/* base type */
	int16		typlen;
	bool		typbyval;
	FmgrInfo	output;
	PinNeeds	needs;			/* settings that the text depends on */
} ValueText;

extern void value_text_init(ValueText *reader, Oid type);

/* The text of a value, in the current memory context. */
extern const char *value_text(ValueText *reader, Datum value);

/* A copy of a text that a person or an older version wrote, as the type's values have it. */
extern char *value_text_given(Oid type, const char *text);

/* Whether value_number() reads values of the base type: booleans and numbers. */
extern bool value_is_number(Oid type);
extern double value_number(Oid type, Datum value);

/* Whether value_time() reads values of the base type: dates, timestamps, and numbers that stand for times. */
extern bool value_is_time(Oid type);

/* A time as a double that grows with it; good for comparing only. */
extern double value_time(Oid type, Datum value);

#endif							/* MODEL_VALUE_H */
