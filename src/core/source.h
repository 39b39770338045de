/*
 * source.h
 *	  What a user names as a source of rows: a relation or one SELECT.
 *
 * The text is resolved once on the caller's search_path and scanned as it was
 * resolved.  The resolved text qualifies every name that lies outside pg_catalog,
 * so it means the same again under search_path = pg_catalog.
 */
#ifndef CORE_SOURCE_H
#define CORE_SOURCE_H

#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/snapshot.h"

#include "compat/compat.h"

typedef struct Source
{
	char	   *text;			/* as the caller wrote it */
	char	   *resolved;		/* qualified relation name, or the deparsed query */
	char	   *query;			/* what to run: "SELECT * FROM …" or the resolved query */
	Oid			relid;			/* the relation, or InvalidOid for a query */
	bool		direct;			/* a table scan may be taken: plain table or matview, caller may SELECT, no row security */
	TupleDesc	desc;			/* row type; dropped columns of a relation stay as holes when direct */
	struct Query *tree;			/* analysed query when not direct: names mean what they meant to the caller */
} Source;

/* Resolves and checks the source as the current user; every failure is a clear error. */
extern Source *source_resolve(const char *text);

/*
 * The source's rows in the order of a column of type date, timestamp or timestamptz,
 * from one time on (DT_NOBEGIN: from the first) and before another (DT_NOEND: to the
 * last).  Rows without a time come last, and not at all when there is an end.
 */
extern Source *source_by_time(const Source *source, AttrNumber attno, TimestampTz start, TimestampTz end);

/* Attribute number of a column by exact name, or InvalidAttrNumber; dropped columns never match. */
extern AttrNumber source_column(TupleDesc desc, const char *name);

/* The same; a column that is missing is an error 42703. */
extern AttrNumber source_need_column(TupleDesc desc, const char *name, const char *what);

/* ERROR 42703 naming the column, the source and the nearest column. */
extern void source_no_column(const char *column, const char *what, TupleDesc desc) pg_attribute_noreturn();

typedef struct SourceScan SourceScan;

/* Optional reproducible sampling: each row is kept with probability share (1.0 = all), decided by the seed and the row's ordinal. */
extern SourceScan *source_scan_begin(Source *source, double share, uint64 seed);

/*
 * Gives the next row's values (arrays of desc->natts owned by the scan, valid
 * until the next call) or false at the end.  Checks interrupts.
 */
extern bool source_scan_next(SourceScan *scan, Datum **values, bool **nulls);

extern void source_scan_end(SourceScan *scan);

#endif							/* CORE_SOURCE_H */
