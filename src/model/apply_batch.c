/*-------------------------------------------------------------------------
 *
 * apply_batch.c
 *	  The table and column that model_apply() fills, and how one batch of it is filled.
 *
 *		SELECT key, features … WHERE key > last ORDER BY key LIMIT n FOR NO KEY UPDATE
 *			→ arrays of keys and predictions →
 *		UPDATE … FROM the arrays WHERE key = key AND key BETWEEN first AND last
 *
 * Both statements run as the caller, so rights, row security and triggers are
 * those of an UPDATE of his own.  The range makes the UPDATE read only the
 * batch's part of the key's index, whatever join is chosen.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "core/key.h"
#include "core/rowjson.h"
#include "core/source.h"
#include "model/apply.h"

/* Ends with an error when rows of the relation cannot be updated in place. */
static void
check_relation(Relation rel)
{
	if (rel->rd_rel->relkind != RELKIND_RELATION && rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(rel)),
				 errdetail("Predictions are written into the rows of tables and partitioned tables.")));
	if (RELATION_IS_OTHER_TEMP(rel))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"%s\" is a temporary table of another session", RelationGetRelationName(rel))));
}

/* Ends with an error unless the column is of a type that the version's predictions have; says whether they are classes. */
static bool
check_column_type(Form_pg_attribute att, const ModelVersion *version)
{
	switch (getBaseType(att->atttypid))
	{
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			scorer_check_single(version);
			return false;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			if (version->task == TASK_CLASSIFICATION)
				return true;
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("model \"%s\" has task %s and no classes to write into column \"%s\"", version->model,
							algorithm_task_name(version->task), NameStr(att->attname)),
					 errhint("Use a column of type double precision, real or numeric.")));
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of type %s cannot take predictions", NameStr(att->attname),
							format_type_be(att->atttypid)),
					 errhint("Use double precision, real or numeric for values, text for classes.")));
	}
	return false;
}

/* Finds the column and checks that it can be written. */
static void
find_column(ApplyTarget *target, Relation rel, const ModelVersion *version)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Form_pg_attribute att;

	target->attno = source_need_column(desc, target->column, psprintf("table \"%s\"", target->relation));
	att = TupleDescAttr(desc, target->attno - 1);
	if (att->attgenerated != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_GENERATED_ALWAYS),
				 errmsg("column \"%s\" of table \"%s\" is generated", target->column, target->relation)));
	target->classes = check_column_type(att, version);
}

/* Finds the key that the batches follow. */
static void
find_key(ApplyTarget *target, Relation rel)
{
	AttrNumber *keys;

	target->nkeys = key_find(rel, &keys);
	if (target->nkeys == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has no key to follow in batches", target->relation),
				 errhint("Add a primary key, or a unique constraint on NOT NULL columns.")));
	target->key_desc = key_row_desc(RelationGetDescr(rel), keys, target->nkeys);
	for (int i = 0; i < target->nkeys; i++)
	{
		Form_pg_attribute att = TupleDescAttr(target->key_desc, i);

		if (keys[i] == target->attno)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" belongs to the key of table \"%s\"", target->column, target->relation)));
		if (!OidIsValid(get_array_type(getBaseType(att->atttypid))))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("key column \"%s\" of type %s cannot be followed in batches", NameStr(att->attname),
							format_type_be(att->atttypid))));
	}
}

/* Lists the columns to read: the key's, then what the model wants of the others. */
static void
list_columns(ApplyTarget *target, const ModelVersion *version)
{
	for (int i = 0; i < target->nkeys; i++)
		target->columns = lappend(target->columns, NameStr(TupleDescAttr(target->key_desc, i)->attname));
	for (int c = 0; c < version->encoder->ncolumns; c++)
		if (source_column(target->key_desc, version->encoder->columns[c].name) == InvalidAttrNumber)
			target->columns = lappend(target->columns, version->encoder->columns[c].name);
}

/* Looks at the table, which is locked, and checks that the version can fill the column. */
ApplyTarget *
apply_open(Oid relid, const char *column, const ModelVersion *version, bool only_null)
{
	ApplyTarget *target = palloc0(sizeof(ApplyTarget));
	Relation	rel;

	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the table to fill does not exist"),
				 errdetail("No relation has OID %u.", relid)));
	rel = table_open(relid, NoLock);
	check_relation(rel);
	target->schema = get_namespace_name(RelationGetNamespace(rel));
	target->relation = pstrdup(RelationGetRelationName(rel));
	target->owner = rel->rd_rel->relowner;
	target->column = pstrdup(column);
	target->partitioned = (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE);
	target->estimate = Max(rel->rd_rel->reltuples, 0);
	target->only_null = only_null;
	find_column(target, rel, version);
	find_key(target, rel);
	/* bound once to the whole table, for an error that names the nearest of all its columns */
	(void) scorer_create(version, RelationGetDescr(rel), CurrentMemoryContext);
	list_columns(target, version);
	table_close(rel, NoLock);
	return target;
}

/* Appends the table under alias t; a key does not hold in inheritance children, so they are left out. */
static void
append_table(StringInfo out, const ApplyTarget *target)
{
	appendStringInfo(out, "%s%s AS t", target->partitioned ? "" : "ONLY ",
					 quote_qualified_identifier(target->schema, target->relation));
}

/* Gives the query for the next batch: $1 is its size, the key to start behind follows. */
static char *
select_text(const ApplyTarget *target, bool from_start)
{
	StringInfoData out;
	ListCell   *cell;

	initStringInfo(&out);
	appendStringInfoString(&out, "SELECT ");
	foreach(cell, target->columns)
		appendStringInfo(&out, "%st.%s", foreach_current_index(cell) > 0 ? ", " : "", quote_identifier(lfirst(cell)));
	appendStringInfoString(&out, " FROM ");
	append_table(&out, target);
	appendStringInfoString(&out, " WHERE true");
	if (!from_start)
		appendStringInfo(&out, " AND %s", key_comparison(target->key_desc, "t", 2, BTGreaterStrategyNumber));
	if (target->only_null)
		appendStringInfo(&out, " AND t.%s IS NULL", quote_identifier(target->column));
	for (int i = 0; i < target->nkeys; i++)
		appendStringInfo(&out, "%s t.%s", i == 0 ? " ORDER BY" : ",",
						 quote_identifier(NameStr(TupleDescAttr(target->key_desc, i)->attname)));
	appendStringInfoString(&out, " LIMIT $1 FOR NO KEY UPDATE OF t");
	return out.data;
}

/* Gives the statement that writes a batch: arrays of the key's columns and of the predictions, then the first key, then the last. */
static char *
update_text(const ApplyTarget *target)
{
	int			n = target->nkeys;
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoString(&out, "UPDATE ");
	append_table(&out, target);
	/* in a select list, arrays of composites unnest into one column each */
	appendStringInfo(&out, " SET %s = s.v FROM (SELECT", quote_identifier(target->column));
	for (int i = 1; i <= n; i++)
		appendStringInfo(&out, " pg_catalog.unnest($%d) AS k%d,", i, i);
	appendStringInfo(&out, " pg_catalog.unnest($%d) AS v) AS s WHERE %s", n + 1, key_join(target->key_desc, "t", "s"));
	appendStringInfo(&out, " AND %s", key_comparison(target->key_desc, "t", n + 2, BTGreaterEqualStrategyNumber));
	appendStringInfo(&out, " AND %s", key_comparison(target->key_desc, "t", 2 * n + 2, BTLessEqualStrategyNumber));
	return out.data;
}

/* Gives the columns of a stored key as parameters. */
static void
key_parameters(const ApplyTarget *target, const Jsonb *key, Oid *types, Datum *values)
{
	bool		isnull[INDEX_MAX_KEYS];

	heap_deform_tuple(rowjson_form(target->key_desc, key), target->key_desc, values, isnull);
	for (int i = 0; i < target->nkeys; i++)
		types[i] = TupleDescAttr(target->key_desc, i)->atttypid;
}

/* Says whether the row with this key is there and its column has a value. */
bool
apply_is_filled(const ApplyTarget *target, const Jsonb *key)
{
	Oid			types[INDEX_MAX_KEYS];
	Datum		values[INDEX_MAX_KEYS];
	StringInfoData text;
	int			rc;

	key_parameters(target, key, types, values);
	initStringInfo(&text);
	appendStringInfoString(&text, "SELECT FROM ");
	append_table(&text, target);
	appendStringInfo(&text, " WHERE %s AND t.%s IS NOT NULL", key_condition(target->key_desc, 1), quote_identifier(target->column));
	rc = SPI_execute_with_args(text.data, target->nkeys, types, values, NULL, true, 1);
	if (rc != SPI_OK_SELECT)
		elog(ERROR, "could not read a row that was filled: %s", SPI_result_code_string(rc));
	return SPI_processed == 1;
}

/* Reads and locks the next rows; they are in SPI_tuptable. */
static void
select_rows(const ApplyTarget *target, const Jsonb *after, int batch_size)
{
	Oid			types[INDEX_MAX_KEYS + 1] = {INT8OID};
	Datum		values[INDEX_MAX_KEYS + 1];
	int			nargs = 1;
	int			rc;

	values[0] = Int64GetDatum(batch_size);
	if (after != NULL)
	{
		key_parameters(target, after, types + 1, values + 1);
		nargs += target->nkeys;
	}
	rc = SPI_execute_with_args(select_text(target, after == NULL), nargs, types, values, NULL, false, 0);
	if (rc != SPI_OK_SELECT)
		elog(ERROR, "could not read rows to predict: %s", SPI_result_code_string(rc));
}

/* Scores the rows and gives the predictions, one Datum a row. */
static Datum *
score_rows(const ApplyTarget *target, const ModelVersion *version, const SPITupleTable *rows, uint64 nrows)
{
	Scorer	   *scorer = scorer_create(version, rows->tupdesc, CurrentMemoryContext);
	Datum	   *values = palloc(mul_size(sizeof(Datum), rows->tupdesc->natts));
	bool	   *nulls = palloc(mul_size(sizeof(bool), rows->tupdesc->natts));
	Datum	   *predictions = palloc(mul_size(sizeof(Datum), nrows));
	Datum	   *classes = palloc(mul_size(sizeof(Datum), Max(version->nclasses, 1)));

	for (int c = 0; c < version->nclasses; c++)
		classes[c] = CStringGetTextDatum(version->classes[c]);
	for (uint64 first = 0; first < nrows; first += scorer->nrows)
	{
		CHECK_FOR_INTERRUPTS();
		scorer_reset(scorer);
		for (uint64 i = first; i < nrows && !scorer_full(scorer); i++)
		{
			heap_deform_tuple(rows->vals[i], rows->tupdesc, values, nulls);
			scorer_add(scorer, values, nulls);
		}
		scorer_run(scorer);
		for (int i = 0; i < scorer->nrows; i++)
			predictions[first + i] = target->classes
				? classes[scorer_class(scorer, i)] : Float8GetDatum(scorer_value(scorer, i));
	}
	return predictions;
}

/* Makes an array of a type's values. */
static Datum
make_array(Datum *values, uint64 n, Oid type)
{
	int16		len;
	bool		byval;
	char		align;

	get_typlenbyvalalign(type, &len, &byval, &align);
	return PointerGetDatum(construct_array(values, (int) n, type, len, byval, align));
}

/* Writes the predictions into their rows and gives the number of rows that took them. */
static int64
update_rows(const ApplyTarget *target, const SPITupleTable *rows, uint64 nrows, Datum *predictions)
{
	int			n = target->nkeys;
	int			nargs = 3 * n + 1;
	Oid			type = target->classes ? TEXTOID : FLOAT8OID;
	Oid		   *types = palloc(mul_size(sizeof(Oid), nargs));
	Datum	   *values = palloc(mul_size(sizeof(Datum), nargs));
	Datum	   *column = palloc(mul_size(sizeof(Datum), nrows));
	int			rc;

	for (int k = 0; k < n; k++)
	{
		Oid			own = TupleDescAttr(target->key_desc, k)->atttypid;
		Oid			base = getBaseType(own);
		bool		isnull;

		for (uint64 i = 0; i < nrows; i++)
			column[i] = heap_getattr(rows->vals[i], k + 1, rows->tupdesc, &isnull);
		types[k] = get_array_type(base);
		values[k] = make_array(column, nrows, base);
		types[n + 1 + k] = types[2 * n + 1 + k] = own;
		values[n + 1 + k] = column[0];
		values[2 * n + 1 + k] = column[nrows - 1];
	}
	types[n] = get_array_type(type);
	values[n] = make_array(predictions, nrows, type);
	rc = SPI_execute_with_args(update_text(target), nargs, types, values, NULL, false, 0);
	if (rc != SPI_OK_UPDATE)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("predictions could not be written into table \"%s\"", target->relation),
				 errdetail("A rule turns its UPDATE into something else (%s).", SPI_result_code_string(rc))));
	return (int64) SPI_processed;
}

/* Gives the key of a row that was read. */
static Jsonb *
row_key(const ApplyTarget *target, const SPITupleTable *rows, uint64 row)
{
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];

	for (int k = 0; k < target->nkeys; k++)
		values[k] = heap_getattr(rows->vals[row], k + 1, rows->tupdesc, &nulls[k]);
	return rowjson_build(target->key_desc, values, nulls);
}

/* Fills the next batch behind a key and gives the number of rows that were read. */
int64
apply_batch(const ApplyTarget *target, const ModelVersion *version, const Jsonb *after,
			int batch_size, int64 *updated, Jsonb **last)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "aipipe model apply batch", ALLOCSET_DEFAULT_SIZES);
	SPITupleTable *rows;
	uint64		nrows;

	MemoryContextSwitchTo(context);
	select_rows(target, after, batch_size);
	rows = SPI_tuptable;
	nrows = SPI_processed;
	*updated = 0;
	*last = NULL;
	if (nrows > 0)
	{
		*updated = update_rows(target, rows, nrows, score_rows(target, version, rows, nrows));
		MemoryContextSwitchTo(caller);
		*last = row_key(target, rows, nrows - 1);
	}
	MemoryContextSwitchTo(caller);
	SPI_freetuptable(rows);
	MemoryContextDelete(context);
	return (int64) nrows;
}
