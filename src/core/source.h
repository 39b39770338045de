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

/* The same for a relation that is known by its OID. */
extern Source *source_of_relation(Oid relid);

/* A table that is scanned itself, without asking for rights: its reader has them by a source that was resolved. */
extern Source *source_of_table(Oid relid);

/*
 * Tables whose own scans, one after the other, give the source's rows: itself when direct, a partitioned
 * or inherited table's members where the caller may read all of it; each is locked.  NIL: only the query does.
 */
extern List *source_parts(Source *source);

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
 * Where the table is scanned itself, draws pages rather than rows and reads no others; a
 * query's rows are drawn as above.
 */
extern SourceScan *source_scan_begin_pages(Source *source, double share, uint64 seed);

/* Of a scan that has ended by itself: the share of pages or rows that were drawn, 1 when there were none to draw from. */
extern double source_scan_drawn(const SourceScan *scan);

/* This process's part of a table scan that several processes share; the source is direct. */
struct ParallelTableScanDescData;
extern SourceScan *source_scan_begin_shared(Source *source, struct ParallelTableScanDescData *shared);

/*
 * Gives the next row's values (arrays of desc->natts owned by the scan, valid
 * until the next call) or false at the end.  Checks interrupts.
 */
extern bool source_scan_next(SourceScan *scan, Datum **values, bool **nulls);

/* Rows of a block at most; fewer where rows are wide. */
#define SOURCE_BLOCK 512

/*
 * Gives the next rows, at most SOURCE_BLOCK, with the values of their first natts columns (the same
 * natts in all calls): rows[i][column], good until the next call.  0 at the end.  Not to be mixed with
 * source_scan_next().  Checks interrupts.
 */
extern int	source_scan_block(SourceScan *scan, int natts, Datum ***rows, bool ***nulls);

extern void source_scan_end(SourceScan *scan);

#endif							/* CORE_SOURCE_H */
