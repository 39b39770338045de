/*
 * table_int.h
 *	  How the files that make a profile see each other.
 *
 *		table.c				the columns, the tables to scan, who scans them
 *		table_read.c		blocks of rows into the columns' sketches
 *		table_parallel.c	the same by several processes at once
 *		table_row.c			a column's sketch as a row of SQL
 *		table_call.c		the SQL functions
 */
#ifndef PROFILE_TABLE_INT_H
#define PROFILE_TABLE_INT_H

#include "port/atomics.h"

#include "core/progress.h"
#include "profile/profile.h"

/* Bytes of values that are detoasted together at most, but for one value. */
#define TABLE_EXPANDED ((Size) 8 * 1024 * 1024)

/* Columns into which rows are read. */
typedef struct TableReading
{
	int			ncolumns;
	ProfileColumn *columns;
	ValueReader **readers;		/* of each column */
	bool	   *expands;		/* values of the column may be toasted */
	MemoryContext block;		/* copies that one column's values need; reset after each */
	Progress   *progress;		/* NULL in a worker */
	pg_atomic_uint64 *rows;		/* read so far by all processes, every one of which adds to it */
} TableReading;

/* One table, or one query, of those that are read one after the other. */
typedef struct TablePart
{
	Source	   *source;
	int			natts;			/* the columns beyond are not needed */
	int		   *places;			/* of each profiled column in the rows */
} TablePart;

/* Sets up columns (name, type and attno filled in) to be read; their sketches come to be in CurrentMemoryContext. */
extern void table_reading_begin(TableReading *reading, ProfileColumn *columns, int ncolumns);

/* Reads a scan to its end into the columns, and gives the number of rows. */
extern int64 table_read(TableReading *reading, const TablePart *part, SourceScan *scan);

/*
 * Reads a part by several processes.  False when there are to be none, or none can be had: then nothing
 * was read.  workers is what the user asked for (-1 leaves it to the size of the table); rows and helpers
 * (workers that took part) are added to.
 */
extern bool table_read_parallel(TableReading *reading, const TablePart *part, int workers, int64 *rows, int *helpers);

/* Columns of the result of profile_table(), and one row of it. */
#define TABLE_ROW_COLUMNS 37
extern void table_row(const Profile *profile, int column, Datum *values, bool *nulls);

#endif							/* PROFILE_TABLE_INT_H */
