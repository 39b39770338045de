/*-------------------------------------------------------------------------
 *
 * value.c
 *	  Single values of columns that are no features: labels, weights, groups, times.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "model/value.h"

/* Prepares to write values of a type. */
void
value_text_init(ValueText *reader, Oid type)
{
	Oid			output;
	bool		varlena;

	reader->type = getBaseType(type);
	get_typlenbyval(reader->type, &reader->typlen, &reader->typbyval);
	getTypeOutputInfo(reader->type, &output, &varlena);
	fmgr_info(output, &reader->output);
	reader->needs = pin_type_needs(reader->type);
}

/*
 * Changes a number's text form in place into the one that all values equal to it
 * share: no zeros that a numeric's scale adds, no minus before a float's zero.
 */
static void
simplify(Oid type, char *text)
{
	size_t		len = strlen(text);

	if (type == NUMERICOID && strchr(text, '.') != NULL && strspn(text, "-0123456789.") == len)
	{
		while (text[len - 1] == '0')
			len--;
		if (text[len - 1] == '.')
			len--;
		text[len] = '\0';
	}
	else if ((type == FLOAT4OID || type == FLOAT8OID) && strcmp(text, "-0") == 0)
		strlcpy(text, "0", len + 1);
}

/* Gives the text of a value. */
const char *
value_text(ValueText *reader, Datum value)
{
	char	   *text;
	int			level;

	/* as a cast to text writes it: the output function of boolean says t and f */
	if (reader->type == BOOLOID)
		return DatumGetBool(value) ? "true" : "false";
	level = pin_begin(reader->needs);
	text = OutputFunctionCall(&reader->output, value);
	pin_end(level);
	simplify(reader->type, text);
	return text;
}

/* Gives a copy of a text that was written elsewhere, as the type's values have it. */
char *
value_text_given(Oid type, const char *text)
{
	char	   *copy = pstrdup(text);

	simplify(type, copy);
	return copy;
}

/* Tells whether values of the type are read as numbers. */
bool
value_is_number(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			return true;
		default:
			return false;
	}
}

/* Gives a numeric value as a double. */
double
value_number(Oid type, Datum value)
{
	switch (type)
	{
		case BOOLOID:
			return DatumGetBool(value) ? 1 : 0;
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		case INT8OID:
			return (double) DatumGetInt64(value);
		case FLOAT4OID:
			return DatumGetFloat4(value);
		case FLOAT8OID:
			return DatumGetFloat8(value);
		default:
			Assert(type == NUMERICOID);
			return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value));
	}
}

/* Tells whether values of the type are read as times. */
bool
value_is_time(Oid type)
{
	switch (type)
	{
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return true;
		default:
			return type != BOOLOID && value_is_number(type);
	}
}

/* Gives a time as a double: days, microseconds, or the number itself. */
double
value_time(Oid type, Datum value)
{
	switch (type)
	{
		case DATEOID:
			return DatumGetDateADT(value);
		case TIMESTAMPOID:
			return (double) DatumGetTimestamp(value);
		case TIMESTAMPTZOID:
			return (double) DatumGetTimestampTz(value);
		default:
			return value_number(type, value);
	}
}
