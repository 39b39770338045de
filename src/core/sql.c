/*-------------------------------------------------------------------------
 *
 * sql.c
 *	  The one way to run SQL from C: prepared, parameters as Datums, names
 *	  fully qualified, as the owner of aipipe's tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <stdarg.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/runas.h"
#include "core/sql.h"

/* Prepares the statement once per backend. */
static void
sql_prepare(SqlStatement *stmt)
{
	SPIPlanPtr	plan;

	if (stmt->plan != NULL)
		return;
	plan = SPI_prepare(stmt->text, stmt->nargs, stmt->argtypes);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", stmt->text, SPI_result_code_string(SPI_result));
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "could not keep the plan of \"%s\"", stmt->text);
	stmt->plan = plan;
}

/* Copies SPI's current result into a context that outlives SPI_finish(). */
static SqlResult *
sql_copy_result(MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "aipipe sql result", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	SqlResult  *result = palloc0(sizeof(SqlResult));

	result->context = context;
	result->nrows = SPI_processed;
	if (SPI_tuptable != NULL)
	{
		result->desc = CreateTupleDescCopy(SPI_tuptable->tupdesc);
		result->rows = palloc(sizeof(HeapTuple) * Max(SPI_processed, 1));
		for (uint64 i = 0; i < SPI_processed; i++)
			result->rows[i] = heap_copytuple(SPI_tuptable->vals[i]);
	}
	MemoryContextSwitchTo(old);
	return result;
}

/* Becomes the tables' owner with the statement prepared and its NULLs as SPI wants them; runas_end() follows SPI_finish(). */
static void
sql_begin(SqlStatement *stmt, const bool *nulls, RunAs *saved, char *spi_nulls)
{
	int			rc;

	for (int i = 0; i < stmt->nargs; i++)
		spi_nulls[i] = (nulls != NULL && nulls[i]) ? 'n' : ' ';

	runas_tables_begin(saved);
	if ((rc = SPI_connect()) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed: %s", SPI_result_code_string(rc));
	sql_prepare(stmt);
}

/* Rows of one block. */
#define SQL_BLOCK 1000

/* Reads the statement's rows as the tables' owner, block by block. */
void
sql_each(SqlStatement *stmt, Datum *values, const bool *nulls, SqlBlock take, void *arg)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext inside;
	char		spi_nulls[SQL_MAX_ARGS];
	Portal		portal;
	RunAs		saved;
	int			rc;

	sql_begin(stmt, nulls, &saved, spi_nulls);
	portal = SPI_cursor_open(NULL, stmt->plan, values, spi_nulls, true);
	do
	{
		SqlResult  *block;

		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, SQL_BLOCK);
		block = sql_copy_result(caller);
		SPI_freetuptable(SPI_tuptable);
		inside = MemoryContextSwitchTo(caller);
		take(block, arg);
		MemoryContextSwitchTo(inside);
		rc = (int) block->nrows;
		sql_free(block);
	} while (rc == SQL_BLOCK);
	SPI_cursor_close(portal);
	SPI_finish();
	runas_end(&saved);
}

/* Runs the statement with arrays of values as the tables' owner and gives a copy of its rows. */
SqlResult *
sql_run_values(SqlStatement *stmt, SqlMode mode, Datum *values, const bool *nulls)
{
	MemoryContext caller = CurrentMemoryContext;
	char		spi_nulls[SQL_MAX_ARGS];
	SqlResult  *result;
	RunAs		saved;
	int			rc;

	sql_begin(stmt, nulls, &saved, spi_nulls);
	rc = SPI_execute_plan(stmt->plan, values, spi_nulls, mode == SQL_READ, 0);
	if (rc < 0)
		elog(ERROR, "could not run \"%s\": %s", stmt->text, SPI_result_code_string(rc));
	result = sql_copy_result(caller);
	SPI_finish();
	runas_end(&saved);
	return result;
}

/* Runs the statement with its values as arguments, none of them NULL. */
SqlResult *
sql_run(SqlStatement *stmt, SqlMode mode,...)
{
	Datum		values[SQL_MAX_ARGS];
	va_list		args;

	va_start(args, mode);
	for (int i = 0; i < stmt->nargs; i++)
		values[i] = va_arg(args, Datum);
	va_end(args);
	return sql_run_values(stmt, mode, values, NULL);
}

/* Frees a result and all that was read by reference from it. */
void
sql_free(SqlResult *result)
{
	MemoryContextDelete(result->context);
}

/* Gives a value by column name; a by-reference value lives as long as the result. */
Datum
sql_datum(const SqlResult *result, uint64 row, const char *column, bool *isnull)
{
	int			attnum = SPI_fnumber(result->desc, column);
	Datum		value;
	bool		null;

	if (attnum <= 0)
		elog(ERROR, "query result has no column \"%s\"", column);
	if (row >= result->nrows)
		elog(ERROR, "query result has no row %llu", (unsigned long long) row);
	value = heap_getattr(result->rows[row], attnum, result->desc, &null);
	if (isnull != NULL)
		*isnull = null;
	else if (null)
		elog(ERROR, "column \"%s\" is unexpectedly NULL", column);
	return value;
}

/* Gives an int8 value by column name. */
int64
sql_int64(const SqlResult *result, uint64 row, const char *column, bool *isnull)
{
	return DatumGetInt64(sql_datum(result, row, column, isnull));
}

/* Gives an int4 value by column name. */
int32
sql_int32(const SqlResult *result, uint64 row, const char *column, bool *isnull)
{
	return DatumGetInt32(sql_datum(result, row, column, isnull));
}

/* Gives a float8 value by column name; 0 when it is NULL. */
double
sql_float8(const SqlResult *result, uint64 row, const char *column, bool *isnull)
{
	Datum		value = sql_datum(result, row, column, isnull);

	return (isnull && *isnull) ? 0.0 : DatumGetFloat8(value);
}

/* Gives a boolean value by column name. */
bool
sql_bool(const SqlResult *result, uint64 row, const char *column, bool *isnull)
{
	return DatumGetBool(sql_datum(result, row, column, isnull));
}

/* Gives an OID by column name; InvalidOid when it is NULL. */
Oid
sql_oid(const SqlResult *result, uint64 row, const char *column, bool *isnull)
{
	return DatumGetObjectId(sql_datum(result, row, column, isnull));
}

/* Gives a timestamptz value by column name. */
TimestampTz
sql_time(const SqlResult *result, uint64 row, const char *column, bool *isnull)
{
	return DatumGetTimestampTz(sql_datum(result, row, column, isnull));
}

/* Gives a palloc'd copy of a jsonb value, or NULL. */
Jsonb *
sql_jsonb(const SqlResult *result, uint64 row, const char *column)
{
	bool		isnull;
	Datum		value = sql_datum(result, row, column, &isnull);

	return isnull ? NULL : DatumGetJsonbPCopy(value);
}

/* Gives numbers as an int8[]. */
Datum
sql_int64_array(const int64 *values, int n)
{
	Datum	   *datums = palloc(mul_size(sizeof(Datum), Max(n, 1)));

	for (int i = 0; i < n; i++)
		datums[i] = Int64GetDatum(values[i]);
	return PointerGetDatum(construct_array(datums, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* Gives a column's values as an int8[], NULLs left out, and their number. */
Datum
sql_int64_column(const SqlResult *result, const char *column, int *n)
{
	int64	   *values = palloc(mul_size(sizeof(int64), Max(result->nrows, 1)));

	*n = 0;
	for (uint64 i = 0; i < result->nrows; i++)
	{
		bool		isnull;

		values[*n] = sql_int64(result, i, column, &isnull);
		*n += !isnull;
	}
	return sql_int64_array(values, *n);
}

/* Gives a palloc'd copy of a text value, or NULL. */
char *
sql_text(const SqlResult *result, uint64 row, const char *column)
{
	bool		isnull;
	Datum		value = sql_datum(result, row, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}
