/*-------------------------------------------------------------------------
 *
 * points.c
 *	  Points in time of many series, read from a source and sorted.
 *
 * The order is total (series in byte order, time, value, label), so the same rows give the same points
 * whatever order they came in.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"

#include "model/value.h"
#include "series/points.h"

/* Columns of the sorted rows. */
enum
{
	SORTED_SERIES,
	SORTED_TIME,
	SORTED_VALUE,
	SORTED_LABEL,
	SORTED_NCOLUMNS
};

/* A column of the source; attno 0 = there is none. */
typedef struct PointsColumn
{
	AttrNumber	attno;
	Oid			type;			/* base type */
} PointsColumn;

/* One sorted row. */
typedef struct SortedRow
{
	text	   *series;			/* in the slot, so until the next row is fetched */
	TimestampTz time;
	double		value;
	int			label;
} SortedRow;

struct Points
{
	Source	   *source;
	PointsColumn series;
	PointsColumn time;
	PointsColumn value;
	PointsColumn label;
	ValueText	series_text;
	int64		nrows;
	int64		nskipped;
	Tuplesortstate *sort;
	TupleTableSlot *slot;		/* a row on its way into the sort */
	TupleTableSlot *sorted;		/* the row that came out of it last */
	bool		pending;		/* row holds a row that was not given yet */
	SortedRow	row;
	bool		started;
	StringInfoData current;		/* the series that is being given */
};

/* Finds a column, or none for a NULL name. */
static PointsColumn
find_column(const Source *source, const char *name)
{
	PointsColumn column = {0};

	if (name == NULL)
		return column;
	column.attno = source_need_column(source->desc, name, source->text);
	column.type = getBaseType(TupleDescAttr(source->desc, column.attno - 1)->atttypid);
	return column;
}

/* Ends with the error for a column of a type that does not serve. */
static void
refuse_type(const char *role, const char *name, Oid type, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("%s column \"%s\" is of type %s", role, name, format_type_be(type)),
			 errhint("%s", hint)));
}

/* Finds the columns and checks their types. */
static void
find_columns(Points *points, const PointsSpec *spec)
{
	Oid			type;

	points->time = find_column(points->source, spec->time);
	points->value = find_column(points->source, spec->value);
	points->series = find_column(points->source, spec->series);
	points->label = find_column(points->source, spec->label);
	type = points->time.type;
	if (type != TIMESTAMPTZOID && type != TIMESTAMPOID && type != DATEOID)
		refuse_type("time", spec->time, type, "Use a column of type timestamptz, timestamp or date.");
	type = points->value.type;
	if (spec->value != NULL && (type == BOOLOID || !value_is_number(type)))
		refuse_type("value", spec->value, type, "Use a numeric column.");
	type = points->label.type;
	if (spec->label != NULL && !value_is_number(type))
		refuse_type("label", spec->label, type, "Use a boolean or numeric column.");
	if (spec->series != NULL)
		value_text_init(&points->series_text, points->series.type);
}

/* Reads a time; false for infinity and what lies beyond the range of timestamps. */
static bool
read_time(Oid type, Datum value, TimestampTz *time)
{
	int			overflow = 0;

	if (type == DATEOID)
		*time = date2timestamp_opt_overflow(DatumGetDateADT(value), &overflow);
	else
		*time = DatumGetTimestampTz(value);
	return overflow == 0 && !TIMESTAMP_NOT_FINITE(*time);
}

/* Puts a row of the source into the sort; false when it is no point. */
static bool
put_row(Points *points, const Datum *values, const bool *nulls)
{
	Datum	   *sorted = points->slot->tts_values;
	bool	   *none = points->slot->tts_isnull;
	const PointsColumn *series = &points->series;
	const PointsColumn *label = &points->label;
	AttrNumber	value = points->value.attno;
	TimestampTz time;

	if (nulls[points->time.attno - 1] || (series->attno > 0 && nulls[series->attno - 1]) ||
		!read_time(points->time.type, values[points->time.attno - 1], &time))
		return false;
	ExecClearTuple(points->slot);
	memset(none, 0, sizeof(bool) * SORTED_NCOLUMNS);
	sorted[SORTED_SERIES] = CStringGetTextDatum(series->attno > 0 ?
												value_text(&points->series_text, values[series->attno - 1]) : "");
	sorted[SORTED_TIME] = Int64GetDatum(time);
	none[SORTED_VALUE] = (value == 0 || nulls[value - 1]);
	if (!none[SORTED_VALUE])
		sorted[SORTED_VALUE] = Float8GetDatum(value_number(points->value.type, values[value - 1]));
	none[SORTED_LABEL] = (label->attno == 0 || nulls[label->attno - 1]);
	if (!none[SORTED_LABEL])
		sorted[SORTED_LABEL] = Int32GetDatum(value_number(label->type, values[label->attno - 1]) != 0);
	ExecStoreVirtualTuple(points->slot);
	tuplesort_puttupleslot(points->sort, points->slot);
	return true;
}

/* Begins the sort of rows of series, time, value and label. */
static void
begin_sort(Points *points)
{
	TupleDesc	desc = CreateTemplateTupleDesc(SORTED_NCOLUMNS);
	AttrNumber	columns[SORTED_NCOLUMNS] = {1, 2, 3, 4};
	Oid			operators[SORTED_NCOLUMNS] = {TextLessOperator, Int8LessOperator, Float8LessOperator, Int4LessOperator};
	Oid			collations[SORTED_NCOLUMNS] = {C_COLLATION_OID};
	bool		nulls_first[SORTED_NCOLUMNS] = {false};

	TupleDescInitEntry(desc, 1, "series", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 2, "time", INT8OID, -1, 0);
	TupleDescInitEntry(desc, 3, "value", FLOAT8OID, -1, 0);
	TupleDescInitEntry(desc, 4, "label", INT4OID, -1, 0);
	points->sort = tuplesort_begin_heap(desc, SORTED_NCOLUMNS, columns, operators, collations, nulls_first,
										work_mem, NULL, TUPLESORT_NONE);
	points->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	points->sorted = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
}

/* Fetches the next sorted row, if there is one. */
static void
fetch_row(Points *points)
{
	SortedRow  *row = &points->row;
	const Datum *values = points->sorted->tts_values;
	const bool *nulls = points->sorted->tts_isnull;

	points->pending = tuplesort_gettupleslot(points->sort, true, false, points->sorted, NULL);
	if (!points->pending)
		return;
	slot_getallattrs(points->sorted);
	row->series = DatumGetTextPP(values[SORTED_SERIES]);
	row->time = DatumGetTimestampTz(values[SORTED_TIME]);
	row->value = nulls[SORTED_VALUE] ? NAN : DatumGetFloat8(values[SORTED_VALUE]);
	row->label = nulls[SORTED_LABEL] ? -1 : DatumGetInt32(values[SORTED_LABEL]);
}

/* Resolves the source and its columns and reads and sorts all rows. */
Points *
points_open(const PointsSpec *spec, Progress *progress)
{
	Points	   *points = palloc0(sizeof(Points));
	MemoryContext row = AllocSetContextCreate(CurrentMemoryContext, "aipipe series row", ALLOCSET_SMALL_SIZES);
	SourceScan *scan;
	Datum	   *values;
	bool	   *nulls;

	points->source = source_resolve(spec->source);
	find_columns(points, spec);
	initStringInfo(&points->current);
	begin_sort(points);
	progress_phase(progress, "reading points", 0);
	scan = source_scan_begin(points->source, 1.0, 0);
	while (source_scan_next(scan, &values, &nulls))
	{
		MemoryContext old = MemoryContextSwitchTo(row);

		if (!put_row(points, values, nulls))
			points->nskipped++;
		if (++points->nrows % 1000 == 0)
			progress_update(progress, points->nrows);
		MemoryContextSwitchTo(old);
		MemoryContextReset(row);
	}
	source_scan_end(scan);
	MemoryContextDelete(row);
	tuplesort_performsort(points->sort);
	fetch_row(points);
	return points;
}

/* Whether the fetched row belongs to the series that is being given. */
static bool
same_series(const Points *points)
{
	const text *series = points->row.series;

	return VARSIZE_ANY_EXHDR(series) == points->current.len &&
		memcmp(VARDATA_ANY(series), points->current.data, points->current.len) == 0;
}

/* Gives the next point: all rows of one series and time. */
bool
points_next(Points *points, Point *point)
{
	double		sum = 0;
	int			n = 0;

	CHECK_FOR_INTERRUPTS();
	if (!points->pending)
		return false;
	point->first = !points->started || !same_series(points);
	points->started = true;
	if (point->first)
	{
		resetStringInfo(&points->current);
		appendBinaryStringInfo(&points->current, VARDATA_ANY(points->row.series),
							   VARSIZE_ANY_EXHDR(points->row.series));
	}
	point->series = points->current.data;
	point->time = points->row.time;
	point->label = -1;
	do
	{
		if (!isnan(points->row.value))
		{
			sum += points->row.value;
			n++;
		}
		point->label = Max(point->label, points->row.label);
		fetch_row(points);
	} while (points->pending && points->row.time == point->time && same_series(points));
	point->value = n > 0 ? sum / n : NAN;
	return true;
}

/* Frees the sort. */
void
points_close(Points *points)
{
	ExecDropSingleTupleTableSlot(points->slot);
	ExecDropSingleTupleTableSlot(points->sorted);
	tuplesort_end(points->sort);
	pfree(points->current.data);
}

/* Gives the source as it was resolved. */
const Source *
points_source(const Points *points)
{
	return points->source;
}

/* Gives the number of rows that were read. */
int64
points_nrows(const Points *points)
{
	return points->nrows;
}

/* Gives the number of rows that are no points. */
int64
points_nskipped(const Points *points)
{
	return points->nskipped;
}
