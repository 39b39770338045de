/*-------------------------------------------------------------------------
 *
 * key.c
 *	  What names a row of a table: its primary key, or a unique key without NULLs.
 *	  Keys hold in one table (with its partitions), never across inheritance.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
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
#include "core/key.h"

/*
 * Says whether what an index column holds apart is apart for the column's own equality, by which rows are
 * looked for: a case-insensitive column may have an index that tells A from a.
 */
static bool
index_is_as_strict(Form_pg_attribute att, Oid collation)
{
	return collation == att->attcollation || !OidIsValid(att->attcollation) ||
		get_collation_isdeterministic(att->attcollation);
}

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
		Form_pg_attribute att;

		if (attnum <= 0)
			return false;
		att = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
		if (!att->attnotnull || !index_is_as_strict(att, index->rd_indcollation[i]))
			return false;
	}
	return true;
}

/* Gives the number of columns in the table's key and their attribute numbers; 0 when it has none. */
int
key_find(Relation rel, AttrNumber **keys)
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
key_has_children(Relation rel)
{
	return rel->rd_rel->relkind == RELKIND_RELATION && rel->rd_rel->relhassubclass &&
		find_inheritance_children(RelationGetRelid(rel), NoLock) != NIL;
}

/* Gives a row type of just the key's columns. */
TupleDesc
key_row_desc(TupleDesc desc, const AttrNumber *keys, int nkeys)
{
	TupleDesc	key_desc = CreateTemplateTupleDesc(nkeys);

	for (int i = 0; i < nkeys; i++)
		TupleDescCopyEntry(key_desc, i + 1, desc, keys[i]);
	return key_desc;
}

/* Gives the operator that a type's default ordering or equality has for a strategy of a B-tree. */
static Oid
key_operator(Form_pg_attribute att, Oid base, StrategyNumber strategy)
{
	TypeCacheEntry *type = lookup_type_cache(base, TYPECACHE_EQ_OPR | TYPECACHE_BTREE_OPFAMILY);
	Oid			operator = type->eq_opr;

	if (strategy != BTEqualStrategyNumber)
		operator = OidIsValid(type->btree_opf)
			? get_opfamily_member(type->btree_opf, type->btree_opintype, type->btree_opintype, strategy) : InvalidOid;
	if (!OidIsValid(operator))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 strategy == BTEqualStrategyNumber
				 ? errmsg("key column \"%s\" has no equality operator", NameStr(att->attname))
				 : errmsg("key column \"%s\" has no ordering", NameStr(att->attname))));
	return operator;
}

/* Appends an operator, qualified, and gives its schema. */
static Oid
append_operator(StringInfo out, Oid oid)
{
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(oid));
	Form_pg_operator operator;
	Oid			schema;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", oid);
	operator = (Form_pg_operator) GETSTRUCT(tuple);
	schema = operator->oprnamespace;
	appendStringInfo(out, " OPERATOR(%s.%s) ",
					 quote_identifier(get_namespace_name(schema)), NameStr(operator->oprname));
	ReleaseSysCache(tuple);
	return schema;
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
key_condition(TupleDesc key_desc, int first_param)
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
		append_operator(&out, key_operator(att, base, BTEqualStrategyNumber));
		appendStringInfo(&out, "$%d", first_param + i);
		append_cast(&out, att, base);
	}
	return out.data;
}

/* Appends one column of the key on the one side, its parameter on the other. */
static void
append_side(StringInfo out, TupleDesc key_desc, int i, const char *alias, int first_param)
{
	Form_pg_attribute att = TupleDescAttr(key_desc, i);

	if (alias != NULL)
		appendStringInfo(out, "%s.%s", alias, quote_identifier(NameStr(att->attname)));
	else
		appendStringInfo(out, "$%d", first_param + i);
	append_cast(out, att, getBaseType(att->atttypid));
}

/* Appends a comparison of one column of the key with its parameter, and gives the operator's schema. */
static Oid
append_comparison(StringInfo out, TupleDesc key_desc, int i, const char *alias, int first_param, StrategyNumber strategy)
{
	Form_pg_attribute att = TupleDescAttr(key_desc, i);
	Oid			schema;

	append_side(out, key_desc, i, alias, first_param);
	schema = append_operator(out, key_operator(att, getBaseType(att->atttypid), strategy));
	append_side(out, key_desc, i, NULL, first_param);
	return schema;
}

/* Says whether one qualified operator compares every column of the key, as a comparison of rows needs it. */
static bool
one_operator(TupleDesc key_desc, const char *alias, int first_param, StrategyNumber strategy)
{
	StringInfoData unused;
	Oid			schema = InvalidOid;

	initStringInfo(&unused);
	for (int i = 0; i < key_desc->natts; i++)
	{
		Oid			next = append_comparison(&unused, key_desc, i, alias, first_param, strategy);

		if (i > 0 && next != schema)
			return false;
		schema = next;
	}
	return true;
}

/* Appends a comparison of rows; an index on the key's columns serves it whole. */
static void
append_row_comparison(StringInfo out, TupleDesc key_desc, const char *alias, int first_param, StrategyNumber strategy)
{
	Form_pg_attribute first = TupleDescAttr(key_desc, 0);

	for (int side = 0; side < 2; side++)
	{
		appendStringInfoString(out, "ROW(");
		for (int i = 0; i < key_desc->natts; i++)
		{
			if (i > 0)
				appendStringInfoString(out, ", ");
			append_side(out, key_desc, i, side == 0 ? alias : NULL, first_param);
		}
		appendStringInfoChar(out, ')');
		if (side == 0)
			append_operator(out, key_operator(first, getBaseType(first->atttypid), strategy));
	}
}

/*
 * Gives a condition that a row's key stands in this B-tree strategy's relation
 * (greater, less or equal …) to the key given as parameters from first_param on.
 *
 * Where operators are of several schemas, (a, b) > (x, y) is written out as
 * a >= x AND (a > x OR b > y), so that each has its own qualified name.
 */
char *
key_comparison(TupleDesc key_desc, const char *alias, int first_param, StrategyNumber strategy)
{
	bool		greater = (strategy == BTGreaterStrategyNumber || strategy == BTGreaterEqualStrategyNumber);
	int			last = key_desc->natts - 1;
	StringInfoData out;

	initStringInfo(&out);
	if (one_operator(key_desc, alias, first_param, strategy))
	{
		append_row_comparison(&out, key_desc, alias, first_param, strategy);
		return out.data;
	}
	for (int i = 0; i < last; i++)
	{
		appendStringInfoChar(&out, '(');
		append_comparison(&out, key_desc, i, alias, first_param,
						  greater ? BTGreaterEqualStrategyNumber : BTLessEqualStrategyNumber);
		appendStringInfoString(&out, " AND (");
		append_comparison(&out, key_desc, i, alias, first_param,
						  greater ? BTGreaterStrategyNumber : BTLessStrategyNumber);
		appendStringInfoString(&out, " OR ");
	}
	append_comparison(&out, key_desc, last, alias, first_param, strategy);
	for (int i = 0; i < last; i++)
		appendStringInfoString(&out, "))");
	return out.data;
}

/* Gives the condition that a row's key is that of another alias, whose columns are called k1, k2, … and are of the base types. */
char *
key_join(TupleDesc key_desc, const char *alias, const char *other)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < key_desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(key_desc, i);

		if (i > 0)
			appendStringInfoString(&out, " AND ");
		append_side(&out, key_desc, i, alias, 0);
		append_operator(&out, key_operator(att, getBaseType(att->atttypid), BTEqualStrategyNumber));
		appendStringInfo(&out, "%s.k%d", other, i + 1);
	}
	return out.data;
}
