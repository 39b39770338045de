/*-------------------------------------------------------------------------
 *
 * keys_verify.c
 *	  What the server says of a set of columns: how often it is unique, and whether an index declares it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "catalog/pg_index.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "compat/compat.h"
#include "profile/keys.h"

/* Appends the set's columns of alias r, each followed by what is given and joined by what is given. */
static void
append_columns(StringInfo out, const CodeTable *table, const KeySet *set, const char *after, const char *between)
{
	for (int i = 0; i < set->n; i++)
		appendStringInfo(out, "%sr.%s%s", i > 0 ? between : "", quote_identifier(table->columns[set->columns[i]].name), after);
}

/* Counts a set by the server's own equality. */
void
keys_count_sql(CodeTable *table, KeySet *set)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "aipipe profile verify", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	StringInfoData text;
	Source	   *source;
	SourceScan *scan;
	Datum	   *values;
	bool	   *nulls;
	int			level;

	initStringInfo(&text);
	appendStringInfoString(&text, "SELECT pg_catalog.sum(g.n)::pg_catalog.int8 AS n,"
						   " pg_catalog.count(*) FILTER (WHERE NOT g.missing) AS different,"
						   " (pg_catalog.sum(g.n) FILTER (WHERE g.missing))::pg_catalog.int8 AS nulls"
						   " FROM (SELECT pg_catalog.count(*) AS n, ");
	/* IS NULL would also say so of a row of NULLs, which is a value */
	append_columns(&text, table, set, " IS NOT DISTINCT FROM NULL", " OR ");
	appendStringInfo(&text, " AS missing FROM (%s) AS r GROUP BY ", table->source->query);
	append_columns(&text, table, set, "", ", ");
	appendStringInfoString(&text, ") AS g");

	level = NewGUCNestLevel();
	compat_restrict_search_path();
	source = source_resolve(text.data);
	AtEOXact_GUC(false, level);
	scan = source_scan_begin(source, 1.0, 0);
	if (!source_scan_next(scan, &values, &nulls))
		elog(ERROR, "counting a set of columns gave no row");
	set->nrows = nulls[0] ? 0 : DatumGetInt64(values[0]);
	set->ndistinct = DatumGetInt64(values[1]);
	set->nulls = nulls[2] ? 0 : DatumGetInt64(values[2]);
	set->duplicates = set->nrows - set->ndistinct - set->nulls;
	source_scan_end(scan);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}

/* Says whether an index makes rows unique by exactly the set's columns. */
static bool
index_declares(Form_pg_index index, TupleDesc desc, const CodeTable *table, const KeySet *set)
{
	if (index->indnkeyatts != set->n)
		return false;
	for (int i = 0; i < set->n; i++)
	{
		AttrNumber	attno = source_column(desc, table->columns[set->columns[i]].name);
		bool		there = false;

		for (int k = 0; k < index->indnkeyatts; k++)
			there = there || (attno != InvalidAttrNumber && index->indkey.values[k] == attno);
		if (!there)
			return false;
	}
	return true;
}

/* Says of each set whether a unique index has exactly its columns. */
void
keys_find_declared(CodeTable *table, KeySet *sets, int n)
{
	Relation	rel = relation_open(table->spec.relid, AccessShareLock);
	List	   *indexes = RelationGetIndexList(rel);
	ListCell   *cell;

	foreach(cell, indexes)
	{
		HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));
		Form_pg_index index;

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for index %u", lfirst_oid(cell));
		index = (Form_pg_index) GETSTRUCT(tuple);
		if (index->indisunique && index->indisvalid &&
			heap_attisnull(tuple, Anum_pg_index_indpred, NULL) && heap_attisnull(tuple, Anum_pg_index_indexprs, NULL))
			for (int i = 0; i < n; i++)
				sets[i].declared = sets[i].declared || index_declares(index, RelationGetDescr(rel), table, &sets[i]);
		ReleaseSysCache(tuple);
	}
	list_free(indexes);
	relation_close(rel, NoLock);
}
