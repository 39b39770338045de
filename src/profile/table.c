/*-------------------------------------------------------------------------
 *
 * table.c
 *	  Profiles of relations and queries: every column's sketch, in one scan.
 *
 * A table that the caller may read whole is scanned itself, by several processes
 * where that pays; of a partitioned or inherited table each member is.  Everything
 * else (views, foreign tables, row security, virtual columns, queries) gives its rows through
 * its query.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_class.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "core/text.h"
#include "profile/table_int.h"

/* Fills one profiled column from its attribute. */
static void
take_column(ProfileColumn *column, Form_pg_attribute attr)
{
	column->name = pstrdup(NameStr(attr->attname));
	column->type = format_type_with_typemod(attr->atttypid, attr->atttypmod);
	column->attno = attr->attnum;
	column->typeid = attr->atttypid;
}

/* Chooses the columns: those that are named, in that order, or all. */
static void
choose_columns(Profile *profile, const Source *source, List *names)
{
	TupleDesc	desc = source->desc;
	ListCell   *cell;

	profile->columns = palloc0(Max(mul_size(sizeof(ProfileColumn), Max(desc->natts, list_length(names))), 1));
	foreach(cell, names)
	{
		AttrNumber	attno = source_need_column(desc, lfirst(cell), source->text);

		take_column(&profile->columns[profile->ncolumns++], TupleDescAttr(desc, attno - 1));
	}
	if (names != NIL)
		return;
	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
			take_column(&profile->columns[profile->ncolumns++], TupleDescAttr(desc, i));
}

/* Finds the profiled columns in the rows of one of the tables: its members' columns may stand elsewhere. */
static TablePart
make_part(Source *source, const Profile *profile)
{
	TablePart	part = {0};

	part.source = source;
	part.places = palloc(Max(mul_size(sizeof(int), profile->ncolumns), 1));
	for (int i = 0; i < profile->ncolumns; i++)
	{
		AttrNumber	attno = source_need_column(source->desc, profile->columns[i].name, source->text);

		part.places[i] = attno - 1;
		part.natts = Max(part.natts, attno);
	}
	return part;
}

/* Gives the number of rows that a table is thought to have, 0 when nothing is known. */
static double
expected_rows(const Source *source)
{
	HeapTuple	tuple = OidIsValid(source->relid) ? SearchSysCache1(RELOID, ObjectIdGetDatum(source->relid)) : NULL;
	double		rows = 0;

	if (HeapTupleIsValid(tuple))
	{
		rows = Max(((Form_pg_class) GETSTRUCT(tuple))->reltuples, 0);
		ReleaseSysCache(tuple);
	}
	return rows;
}

/* Tells which of a part's rows this process reads alone. */
typedef struct TableSample
{
	double		share;
	uint64		seed;
	int			workers;
} TableSample;

/* Reads one part, and adds to rows and to the number that all of them stand for. */
static void
read_part(TableReading *reading, const TablePart *part, const TableSample *sample, Profile *profile, double *estimate)
{
	int64		rows = 0;
	SourceScan *scan;

	if (sample->share >= 1.0 && part->source->direct &&
		table_read_parallel(reading, part, sample->workers, &rows, &profile->workers))
		*estimate += rows;
	else
	{
		scan = source_scan_begin_pages(part->source, sample->share, sample->seed);
		rows = table_read(reading, part, scan);
		*estimate += rows == 0 ? 0 : rows / source_scan_drawn(scan);
		source_scan_end(scan);
	}
	profile->rows += rows;
}

/* Gives the name of what is profiled for messages, in double quotes where it is a relation. */
static char *
describe_work(const Source *source)
{
	return OidIsValid(source->relid) ? psprintf("profiling \"%s\"", get_rel_name(source->relid)) : pstrdup("profiling a query");
}

/* Reads all parts into the profile's columns. */
static void
read_parts(Profile *profile, Source *source, const TableSample *sample)
{
	List	   *parts = source_parts(source);
	TableReading reading = {0};
	pg_atomic_uint64 rows;
	Progress	progress;
	double		expected = 0;
	double		estimate = 0;
	ListCell   *cell;

	if (parts == NIL)
		parts = list_make1(source);
	foreach(cell, parts)
		expected += expected_rows(lfirst(cell));
	pg_atomic_init_u64(&rows, 0);
	table_reading_begin(&reading, profile->columns, profile->ncolumns);
	reading.rows = &rows;
	reading.progress = &progress;
	progress_begin(&progress, describe_work(source));
	progress_phase(&progress, "reading rows", (int64) Min(expected * sample->share, 1e18));
	foreach(cell, parts)
	{
		TablePart	part = make_part(lfirst(cell), profile);

		read_part(&reading, &part, sample, profile, &estimate);
	}
	progress_end(&progress);
	MemoryContextDelete(reading.block);
	profile->share = sample->share >= 1.0 ? 1.0 : profile->rows == 0 ? sample->share : profile->rows / estimate;
}

/* Profiles a source that was resolved as the current user. */
Profile *
profile_source(Source *source, List *columns, double share, uint64 seed, int workers)
{
	Profile    *profile = palloc0(sizeof(Profile));
	TableSample sample = {share, seed, workers};

	if (isnan(share) || share <= 0 || share > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("sample must be above 0 and at most 1"),
				 errhint("1 reads all rows; .01 reads one page in a hundred.")));
	if (OidIsValid(source->relid))
	{
		profile->schema = get_namespace_name_or_temp(get_rel_namespace(source->relid));
		profile->relation = get_rel_name(source->relid);
	}
	profile->taken_at = GetCurrentTimestamp();
	profile->share = share;
	choose_columns(profile, source, columns);
	if (profile->ncolumns > 0)
		read_parts(profile, source, &sample);
	return profile;
}

/* Profiles a relation. */
Profile *
profile_relation(Oid relid, List *columns, double share, int workers)
{
	return profile_source(source_of_relation(relid), columns, share, 0, workers);
}
