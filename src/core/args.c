/*-------------------------------------------------------------------------
 *
 * args.c
 *	  Arguments of SQL functions as C values.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "core/args.h"

/* Ends with an error when a required argument is NULL. */
void
arg_require(FunctionCallInfo fcinfo, int argno, const char *name)
{
	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be NULL", name)));
}

/* Gives a required text argument as a C string. */
char *
arg_text(FunctionCallInfo fcinfo, int argno, const char *name)
{
	arg_require(fcinfo, argno, name);
	return text_to_cstring(PG_GETARG_TEXT_PP(argno));
}

/* Gives an optional text argument as a C string or NULL. */
char *
arg_optional_text(FunctionCallInfo fcinfo, int argno)
{
	return PG_ARGISNULL(argno) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argno));
}

/* Gives a required positive int argument. */
int
arg_positive(FunctionCallInfo fcinfo, int argno, const char *name)
{
	int			value;

	arg_require(fcinfo, argno, name);
	value = PG_GETARG_INT32(argno);
	if (value <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be positive, not %d", name, value)));
	return value;
}

/* Gives a required share, from 0 to below 1. */
double
arg_share(FunctionCallInfo fcinfo, int argno, const char *name)
{
	double		value;

	arg_require(fcinfo, argno, name);
	value = PG_GETARG_FLOAT8(argno);
	if (!(value >= 0 && value < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be at least 0 and below 1, not %g", name, value)));
	return value;
}

/* Gives a text[] argument as a list of distinct C strings, NIL when it is NULL. */
List *
arg_text_list(FunctionCallInfo fcinfo, int argno, const char *name)
{
	List	   *list = NIL;
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	if (PG_ARGISNULL(argno))
		return NIL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argno), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be an empty array", name),
				 errhint("Leave it out for the default.")));
	for (int i = 0; i < n; i++)
	{
		ListCell   *cell;
		char	   *element;

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not contain NULL", name)));
		element = TextDatumGetCString(elements[i]);
		foreach(cell, list)
			if (strcmp(lfirst(cell), element) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("\"%s\" is named twice in argument \"%s\"", element, name)));
		list = lappend(list, element);
	}
	return list;
}

/* Gives the time zone of a name. */
pg_tz *
arg_zone(const char *name)
{
	pg_tz	   *zone = pg_tzset(name);

	if (zone == NULL || !pg_tz_acceptable(zone))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no time zone \"%s\"", name),
				 errhint("The view pg_timezone_names lists them.")));
	return zone;
}

/* Gives the interval that a text says. */
Interval *
arg_interval(const char *text)
{
	return DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}
