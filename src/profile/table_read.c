/*-------------------------------------------------------------------------
 *
 * table_read.c
 *	  Blocks of rows into the sketches of their columns.
 *
 * A row is deformed once.  What lies in the block's arrays is then read column
 * by column, PROFILE_BLOCK values at a time, so that one column's sketch and its
 * type's code stay in the processor's caches for a whole block.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "storage/shmem.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "profile/table_int.h"

/* Rows between two reports of progress. */
#define TABLE_REPORT 4096

/* Sets up columns to be read. */
void
table_reading_begin(TableReading *reading, ProfileColumn *columns, int ncolumns)
{
	reading->ncolumns = ncolumns;
	reading->columns = columns;
	reading->readers = palloc(Max(mul_size(sizeof(ValueReader *), ncolumns), 1));
	reading->expands = palloc(Max(mul_size(sizeof(bool), ncolumns), 1));
	reading->block = AllocSetContextCreate(CurrentMemoryContext, "aipipe profile block", ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < ncolumns; i++)
	{
		reading->readers[i] = value_reader_create(CurrentMemoryContext, columns[i].typeid);
		reading->expands[i] = get_typlen(columns[i].typeid) == -1;
		columns[i].sketch = sketch_create(CurrentMemoryContext);
	}
}

/* Counts the rows from one on whose values may be detoasted together. */
static int
rows_at_once(Datum **rows, bool **nulls, int place, int from, int n)
{
	Size		bytes = 0;

	for (int i = from; i < from + n; i++)
	{
		struct varlena *value;

		if (nulls[i][place])
			continue;
		value = (struct varlena *) DatumGetPointer(rows[i][place]);
		if (!VARATT_IS_COMPRESSED(value) && !VARATT_IS_EXTERNAL(value))
			continue;
		bytes += toast_raw_datum_size(PointerGetDatum(value));
		if (bytes > TABLE_EXPANDED && i > from)
			return i - from;
	}
	return n;
}

/* Has the processor fetch the beginnings of values that will be read next. */
static inline void
prefetch_values(Datum **rows, bool **nulls, int place, int from, int end)
{
	for (int i = from; i < end; i++)
		if (!nulls[i][place])
			__builtin_prefetch(DatumGetPointer(rows[i][place]));
}

/* Adds a block's values of one column. */
static void
read_column(TableReading *reading, int column, Datum **rows, bool **nulls, int place, int n)
{
	int			step;

	for (int from = 0; from < n; from += step)
	{
		step = Min(n - from, PROFILE_BLOCK);
		if (reading->expands[column])
		{
			prefetch_values(rows, nulls, place, from + step, Min(n, from + step + PROFILE_BLOCK));
			step = rows_at_once(rows, nulls, place, from, step);
		}
		sketch_add(reading->columns[column].sketch, reading->readers[column],
				   (const Datum *const *) rows + from, (const bool *const *) nulls + from, place, step, NULL);
		MemoryContextReset(reading->block);
	}
}

/* Says how far all processes are; a worker only counts. */
static void
report_rows(TableReading *reading, int64 more)
{
	uint64		rows = pg_atomic_add_fetch_u64(reading->rows, more);

	progress_update(reading->progress, rows);
}

/* Reads a scan to its end. */
int64
table_read(TableReading *reading, const TablePart *part, SourceScan *scan)
{
	MemoryContext old = MemoryContextSwitchTo(reading->block);
	int64		total = 0;
	int64		reported = 0;
	Datum	  **rows;
	bool	  **nulls;
	int			n;

	while ((n = source_scan_block(scan, part->natts, &rows, &nulls)) > 0)
	{
		for (int i = 0; i < reading->ncolumns; i++)
			read_column(reading, i, rows, nulls, part->places[i], n);
		total += n;
		if (total - reported < TABLE_REPORT)
			continue;
		report_rows(reading, total - reported);
		reported = total;
	}
	report_rows(reading, total - reported);
	MemoryContextSwitchTo(old);
	return total;
}
