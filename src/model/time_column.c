/*-------------------------------------------------------------------------
 *
 * time_column.c
 *	  A column that says when a row came.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "core/source.h"
#include "model/time_column.h"

/* Finds the column and checks its type. */
void
time_column_open(TimeColumn *column, TupleDesc desc, const char *name, const char *what)
{
	memset(column, 0, sizeof(TimeColumn));
	column->attno = source_need_column(desc, name, what);
	column->type = getBaseType(TupleDescAttr(desc, column->attno - 1)->atttypid);
	if (column->type != DATEOID && column->type != TIMESTAMPOID && column->type != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s does not say when a row came", name, format_type_be(column->type)),
				 errhint("Use a column of type date, timestamp or timestamptz.")));
}

/* Gives the time of a row; false when it has none. */
bool
time_column_read(const TimeColumn *column, const Datum *values, const bool *nulls, TimestampTz *time)
{
	Datum		value = values[column->attno - 1];
	int			overflow = 0;

	if (nulls[column->attno - 1])
		return false;
	if (column->type == DATEOID)
		*time = date2timestamptz_opt_overflow(DatumGetDateADT(value), &overflow);
	else if (column->type == TIMESTAMPOID)
		*time = timestamp2timestamptz_opt_overflow(DatumGetTimestamp(value), &overflow);
	else
		*time = DatumGetTimestampTz(value);
	return overflow == 0 && !TIMESTAMP_NOT_FINITE(*time);
}

/* Takes note of a row's time. */
void
time_column_note(TimeColumn *column, const Datum *values, const bool *nulls)
{
	TimestampTz time;

	if (column->attno == InvalidAttrNumber || !time_column_read(column, values, nulls, &time))
		return;
	if (!column->seen || time < column->first)
		column->first = time;
	if (!column->seen || time > column->last)
		column->last = time;
	column->seen = true;
}

/* Gives the days from the first time noted to the last one. */
double
time_column_days(const TimeColumn *column)
{
	return column->seen ? ((double) column->last - (double) column->first) / USECS_PER_DAY : 0;
}
