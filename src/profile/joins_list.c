/*-------------------------------------------------------------------------
 *
 * joins_list.c
 *	  Which relations and columns are looked at for joins.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/sql.h"
#include "profile/joins.h"
#include "profile/keys_codes.h"

/* Columns that one search looks at; each pair of them may be asked about. */
#define JOINS_MAX_COLUMNS 5000

/* Tables and materialized views that the caller may read, partitions left out. */
static SqlStatement find_relations = {
	"SELECT c.oid AS relid FROM pg_catalog.pg_class AS c"
	" JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
	" WHERE (c.relkind OPERATOR(pg_catalog.=) 'r' OR c.relkind OPERATOR(pg_catalog.=) 'p'"
	"  OR (c.relkind OPERATOR(pg_catalog.=) 'm' AND c.relispopulated))"
	" AND NOT c.relispartition"
	" AND (n.nspname OPERATOR(pg_catalog.=) $2 OR ($2 IS NULL AND"
	"  n.nspname OPERATOR(pg_catalog.!~) '^(pg_.*|information_schema|aipipe)$'))"
	" AND pg_catalog.has_schema_privilege($1, n.oid, 'USAGE')"
	" AND pg_catalog.has_table_privilege($1, c.oid, 'SELECT')"
	" ORDER BY n.nspname, c.relname",
	2, {OIDOID, NAMEOID}
};

/* Says how a type's values are compared. */
static JoinClass
class_of(Oid type)
{
	char		category;
	bool		preferred;

	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
			return JOIN_INTEGER;
		case NUMERICOID:
			return JOIN_DECIMAL;
		case FLOAT4OID:
		case FLOAT8OID:
			return JOIN_FLOAT;
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return JOIN_TIME;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
			return JOIN_STRING;
		case UUIDOID:
		case INETOID:
		case CIDROID:
		case MACADDROID:
			return JOIN_OWN;
	}
	get_type_category_preferred(type, &category, &preferred);
	return category == TYPCATEGORY_STRING || category == TYPCATEGORY_ENUM ? JOIN_STRING : JOIN_NOT;
}

/* Takes a table and its columns. */
static void
add_table(JoinSearch *search, Oid relid)
{
	JoinTable  *table = &search->tables[search->ntables];
	CodeSpec	spec = {relid};
	TupleDesc	desc;

	CHECK_FOR_INTERRUPTS();
	table->relid = relid;
	table->source = codes_source(&spec);
	table->first_column = search->ncolumns;
	desc = table->source->desc;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);
		JoinColumn *column = &search->columns[search->ncolumns];

		if (attr->attisdropped || class_of(getBaseType(attr->atttypid)) == JOIN_NOT)
			continue;
		if (search->ncolumns == JOINS_MAX_COLUMNS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many columns to look for joins"),
					 errdetail("At most %d columns are looked at.", JOINS_MAX_COLUMNS),
					 errhint("Name the relations, or a schema.")));
		column->table = search->ntables;
		column->name = NameStr(attr->attname);
		column->attno = i + 1;
		column->relation_attno = get_attnum(relid, column->name);
		column->type = getBaseType(attr->atttypid);
		column->class = class_of(column->type);
		column->read = true;
		search->ncolumns++;
	}
	table->ncolumns = search->ncolumns - table->first_column;
	search->ntables++;
}

/* Gives the OIDs of the relations of a schema, or of all schemas, that the caller may read. */
static List *
readable_relations(const char *schema)
{
	Datum		values[2] = {ObjectIdGetDatum(GetUserId()), (Datum) 0};
	bool		nulls[2] = {false, schema == NULL};
	List	   *relations = NIL;
	NameData	name;
	SqlResult  *result;

	if (schema != NULL)
	{
		(void) get_namespace_oid(schema, false);
		namestrcpy(&name, schema);
		values[1] = NameGetDatum(&name);
	}
	result = sql_run_values(&find_relations, SQL_READ, values, nulls);
	for (uint64 i = 0; i < result->nrows; i++)
		relations = lappend_oid(relations, sql_oid(result, i, "relid", NULL));
	sql_free(result);
	return relations;
}

/* Fills tables and columns. */
void
joins_list(JoinSearch *search, List *relations, const char *schema)
{
	ListCell   *cell;

	if (relations == NIL)
		relations = readable_relations(schema);
	search->tables = palloc0(mul_size(Max(list_length(relations), 1), sizeof(JoinTable)));
	search->columns = MemoryContextAllocExtended(CurrentMemoryContext, mul_size(JOINS_MAX_COLUMNS, sizeof(JoinColumn)),
												 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	foreach(cell, relations)
		add_table(search, lfirst_oid(cell));
}
