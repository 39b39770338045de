/*-------------------------------------------------------------------------
 *
 * gate_key.c
 *	  What names a row in the prediction log: its table's key, or other columns.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/partition.h"
#include "utils/rel.h"

#include "core/key.h"
#include "core/source.h"
#include "gate/gate.h"

/* Gives the attribute numbers of columns by name; a column that is missing is an error. */
static int
columns_by_name(Relation rel, const List *names, AttrNumber **keys)
{
	int			nkeys = 0;
	ListCell   *cell;

	*keys = palloc(mul_size(sizeof(AttrNumber), Max(list_length(names), 1)));
	foreach(cell, names)
	{
		AttrNumber	attnum = source_need_column(RelationGetDescr(rel), lfirst(cell), RelationGetRelationName(rel));
		(*keys)[nkeys++] = attnum;
	}
	return nkeys;
}

/*
 * Gives the names of the key's columns of the topmost table that a partition belongs to.
 * A partition that is being detached concurrently has no ancestors any more: it is the topmost itself.
 */
static List *
root_key(Relation rel)
{
	List	   *ancestors = get_partition_ancestors(RelationGetRelid(rel));
	Relation	root = table_open(ancestors != NIL ? llast_oid(ancestors) : RelationGetRelid(rel), AccessShareLock);
	List	   *names = NIL;
	AttrNumber *keys;
	int			nkeys = key_find(root, &keys);

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
	return key_find(rel, keys);
}
