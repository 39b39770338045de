/*-------------------------------------------------------------------------
 *
 * gate_key.c
 *	  What names a row of a table: its primary key, or a unique key without NULLs.
 *	  Keys hold in one table (with its partitions), never across inheritance.
 *	  What names a row in the prediction log may be other columns.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "compat/compat.h"
#include "core/source.h"
#include "gate/gate.h"

/* Says whether an index makes every row of the table tell apart: unique now, whole, on columns that are NOT NULL. */
static bool
index_names_rows(Relation rel, Relation index)
{
	Form_pg_index form = index->rd_index;

	if (!form->indisunique || !form->indimmediate || !form->indisvalid ||
		RelationGetIndexPredicate(index) != NIL)
		return false;
	for (int i = 0; i < form->indnkeyatts; i++)
	{
		AttrNumber	attnum = form->indkey.values[i];

		if (attnum <= 0 || !TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attnotnull)
			return false;
	}
	return true;
}

/* Gives the number of columns in the table's key and their attribute numbers; 0 when it has none. */
int
gate_find_key(Relation rel, AttrNumber **keys)
{
	List	   *indexes = RelationGetIndexList(rel);
	bool		primary = false;
	int			nkeys = 0;
	ListCell   *cell;

	*keys = NULL;
	foreach(cell, indexes)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		if ((nkeys == 0 || index->rd_index->indisprimary) && !primary && index_names_rows(rel, index))
		{
			nkeys = index->rd_index->indnkeyatts;
			*keys = palloc(mul_size(sizeof(AttrNumber), nkeys));
			memcpy(*keys, index->rd_index->indkey.values, mul_size(sizeof(AttrNumber), nkeys));
			primary = index->rd_index->indisprimary;
		}
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	return nkeys;
}

/* Says whether other tables inherit from this one; its partitions do not count. */
bool
gate_has_children(Relation rel)
{
	return rel->rd_rel->relkind == RELKIND_RELATION && rel->rd_rel->relhassubclass &&
		find_inheritance_children(RelationGetRelid(rel), NoLock) != NIL;
}

/* Gives a row type of just the key's columns. */
TupleDesc
gate_key_desc(TupleDesc desc, const AttrNumber *keys, int nkeys)
{
	TupleDesc	key_desc = CreateTemplateTupleDesc(nkeys);

	for (int i = 0; i < nkeys; i++)
		TupleDescCopyEntry(key_desc, i + 1, desc, keys[i]);
	return key_desc;
}

/* Appends the equality operator of a type, qualified. */
static void
append_equality(StringInfo out, Form_pg_attribute att, Oid base)
{
	TypeCacheEntry *type = lookup_type_cache(base, TYPECACHE_EQ_OPR);
	HeapTuple	tuple;
	Form_pg_operator operator;

	if (!OidIsValid(type->eq_opr))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("key column \"%s\" has no equality operator", NameStr(att->attname))));
	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(type->eq_opr));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", type->eq_opr);
	operator = (Form_pg_operator) GETSTRUCT(tuple);
	appendStringInfo(out, " OPERATOR(%s.%s) ",
					 quote_identifier(get_namespace_name(operator->oprnamespace)),
					 NameStr(operator->oprname));
	ReleaseSysCache(tuple);
}

/*
 * Appends a cast of a key column's domain to its base type, for which the operator
 * is: one on anyenum or anyarray takes no domain.  Other types need none.
 */
static void
append_cast(StringInfo out, Form_pg_attribute att, Oid base)
{
	HeapTuple	tuple;
	Form_pg_type type;

	if (base == att->atttypid)
		return;
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(base));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", base);
	type = (Form_pg_type) GETSTRUCT(tuple);
	appendStringInfo(out, "::%s", quote_qualified_identifier(get_namespace_name(type->typnamespace),
															 NameStr(type->typname)));
	ReleaseSysCache(tuple);
}

/* Gives a WHERE condition that finds a row by its key, given as parameters from first_param on. */
char *
gate_key_condition(TupleDesc key_desc, int first_param)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < key_desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(key_desc, i);
		Oid			base = getBaseType(att->atttypid);

		if (i > 0)
			appendStringInfoString(&out, " AND ");
		appendStringInfoString(&out, quote_identifier(NameStr(att->attname)));
		append_cast(&out, att, base);
		append_equality(&out, att, base);
		appendStringInfo(&out, "$%d", first_param + i);
		append_cast(&out, att, base);
	}
	return out.data;
}

/* Gives the attribute numbers of columns by name; a column that is missing is an error. */
static int
columns_by_name(Relation rel, const List *names, AttrNumber **keys)
{
	int			nkeys = 0;
	ListCell   *cell;

	*keys = palloc(mul_size(sizeof(AttrNumber), Max(list_length(names), 1)));
	foreach(cell, names)
	{
		AttrNumber	attnum = source_column(RelationGetDescr(rel), lfirst(cell));

		if (attnum == InvalidAttrNumber)
			source_no_column(lfirst(cell), RelationGetRelationName(rel), RelationGetDescr(rel));
		(*keys)[nkeys++] = attnum;
	}
	return nkeys;
}

/* Gives the names of the key's columns of the topmost table that a partition belongs to. */
static List *
root_key(Relation rel)
{
	Relation	root = table_open(llast_oid(get_partition_ancestors(RelationGetRelid(rel))), AccessShareLock);
	List	   *names = NIL;
	AttrNumber *keys;
	int			nkeys = gate_find_key(root, &keys);

	for (int i = 0; i < nkeys; i++)
		names = lappend(names, pstrdup(NameStr(TupleDescAttr(RelationGetDescr(root), keys[i] - 1)->attname)));
	table_close(root, NoLock);
	return names;
}

/*
 * Gives what names a row in the prediction log: the gate's columns for it, else the
 * table's key, a partition's being that of the partitioned table; 0 when there is none.
 */
int
gate_find_log_key(const Gate *gate, Relation rel, AttrNumber **keys)
{
	if (gate->log_key != NIL)
		return columns_by_name(rel, gate->log_key, keys);
	if (rel->rd_rel->relispartition)
		return columns_by_name(rel, root_key(rel), keys);
	return gate_find_key(rel, keys);
}
