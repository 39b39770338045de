/*-------------------------------------------------------------------------
 *
 * clock.c
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
#include "model/clock.h"

/* Finds the column and checks its type. */
void
clock_open(Clock *clock, TupleDesc desc, const char *column, const char *what)
{
	memset(clock, 0, sizeof(Clock));
	clock->attno = source_need_column(desc, column, what);
	clock->type = getBaseType(TupleDescAttr(desc, clock->attno - 1)->atttypid);
	if (clock->type != DATEOID && clock->type != TIMESTAMPOID && clock->type != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s does not say when a row came", column, format_type_be(clock->type)),
				 errhint("Use a column of type date, timestamp or timestamptz.")));
}

/* Gives the time of a row; false when it has none. */
bool
clock_read(const Clock *clock, const Datum *values, const bool *nulls, TimestampTz *time)
{
	Datum		value = values[clock->attno - 1];
	int			overflow = 0;

	if (nulls[clock->attno - 1])
		return false;
	if (clock->type == DATEOID)
		*time = date2timestamptz_opt_overflow(DatumGetDateADT(value), &overflow);
	else if (clock->type == TIMESTAMPOID)
		*time = timestamp2timestamptz_opt_overflow(DatumGetTimestamp(value), &overflow);
	else
		*time = DatumGetTimestampTz(value);
	return overflow == 0 && !TIMESTAMP_NOT_FINITE(*time);
}

/* Takes note of a row's time. */
void
clock_note(Clock *clock, const Datum *values, const bool *nulls)
{
	TimestampTz time;

	if (clock->attno == InvalidAttrNumber || !clock_read(clock, values, nulls, &time))
		return;
	if (!clock->seen || time < clock->first)
		clock->first = time;
	if (!clock->seen || time > clock->last)
		clock->last = time;
	clock->seen = true;
}

/* Gives the days from the first time noted to the last one. */
double
clock_days(const Clock *clock)
{
	return clock->seen ? ((double) clock->last - (double) clock->first) / USECS_PER_DAY : 0;
}
