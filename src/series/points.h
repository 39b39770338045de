/*
 * points.h
 *	  Points in time of many series, read from a source, series by series and in the order of time.
 *
 *		points = points_open(&spec, progress);
 *		while (points_next(points, &point)) …
 *		points_close(points);
 *
 * The source is read as the caller.  Rows whose series or time is NULL, or whose time is infinite, are
 * no points; they are counted.  Several rows of one series and time are one point, whose value is
 * their mean.
 */
#ifndef SERIES_POINTS_H
#define SERIES_POINTS_H

#include "datatype/timestamp.h"

#include "core/progress.h"
#include "core/source.h"

/* Which columns of which source; series, value and label may be NULL. */
typedef struct PointsSpec
{
	const char *source;
	const char *series;
	const char *time;			/* timestamptz, timestamp (taken as UTC) or date */
	const char *value;			/* any number */
	const char *label;			/* boolean, or a number that is not zero for true */
} PointsSpec;

typedef struct Point
{
	const char *series;			/* "" without a column of series; good until the next series begins */
	bool		first;			/* of its series */
	TimestampTz time;
	double		value;			/* NaN = missing, or no such column */
	int			label;			/* 0, 1, or -1 = NULL or no such column */
} Point;

typedef struct Points Points;

/*
 * Resolves the source and its columns and reads and sorts all rows within work_mem, on disk beyond it.
 * Errors 42703 and 42804 name the column; progress may be NULL.
 */
extern Points *points_open(const PointsSpec *spec, Progress *progress);

/* Gives the next point, or false at the end.  Checks interrupts. */
extern bool points_next(Points *points, Point *point);

extern void points_close(Points *points);

/* The source as it was resolved. */
extern const Source *points_source(const Points *points);

/* Rows read, and those of them that are no points. */
extern int64 points_nrows(const Points *points);
extern int64 points_nskipped(const Points *points);

#endif							/* SERIES_POINTS_H */
