/*
 * sql.h
 *	  The one way to run SQL from C.
 *
 * A statement is a static SqlStatement: fixed text, fully qualified, values
 * only as parameters.  Its plan is prepared once per backend.  Results are read
 * by column name, so that a column added to a table later does no harm.
 *
 *		static SqlStatement find = {"SELECT id FROM aipipe.model_data WHERE name = $1", 1, {TEXTOID}};
 *
 *		SqlResult *r = sql_run(&find, SQL_READ, CStringGetTextDatum(name));
 *		if (r->nrows > 0) id = sql_int64(r, 0, "id", NULL);
 *		sql_free(r);
 *
 * Statements run as the owner of aipipe's tables: check the caller's rights first.
 */
#ifndef CORE_SQL_H
#define CORE_SQL_H

#include "datatype/timestamp.h"
#include "executor/spi.h"
#include "utils/jsonb.h"

#define SQL_MAX_ARGS 40

typedef enum SqlMode
{
	SQL_READ,					/* sees the active snapshot; fit for STABLE functions and parallel workers */
	SQL_WRITE					/* takes a new snapshot, may write */
} SqlMode;

typedef struct SqlStatement
{
	const char *text;
	int			nargs;
	Oid			argtypes[SQL_MAX_ARGS];
	SPIPlanPtr	plan;			/* prepared at first use; leave zero */
} SqlStatement;

/* Rows copied into one memory context of their own. */
typedef struct SqlResult
{
	MemoryContext context;
	TupleDesc	desc;
	uint64		nrows;			/* rows returned, or affected when none are returned */
	HeapTuple  *rows;
} SqlResult;

/* Runs the statement with stmt->nargs Datums (no NULLs) as the tables' owner. */
extern SqlResult *sql_run(SqlStatement *stmt, SqlMode mode, ...);

/* The same with arrays; nulls may be NULL. */
extern SqlResult *sql_run_values(SqlStatement *stmt, SqlMode mode, Datum *values, const bool *nulls);

/*
 * Reads a result of any size in blocks, each of which is given to a function in the
 * caller's memory context and freed after it; the function only computes.
 */
typedef void (*SqlBlock) (const SqlResult *block, void *arg);

extern void sql_each(SqlStatement *stmt, Datum *values, const bool *nulls, SqlBlock take, void *arg);

extern void sql_free(SqlResult *result);

/* Values by column name; isnull may be NULL, and then a NULL value is an internal error. */
extern Datum sql_datum(const SqlResult *result, uint64 row, const char *column, bool *isnull);
extern int64 sql_int64(const SqlResult *result, uint64 row, const char *column, bool *isnull);
extern int32 sql_int32(const SqlResult *result, uint64 row, const char *column, bool *isnull);
extern double sql_float8(const SqlResult *result, uint64 row, const char *column, bool *isnull);
extern bool sql_bool(const SqlResult *result, uint64 row, const char *column, bool *isnull);
extern Oid	sql_oid(const SqlResult *result, uint64 row, const char *column, bool *isnull);
extern TimestampTz sql_time(const SqlResult *result, uint64 row, const char *column, bool *isnull);

/* A palloc'd copy in the current context of a text or jsonb value, or NULL. */
extern char *sql_text(const SqlResult *result, uint64 row, const char *column);
extern Jsonb *sql_jsonb(const SqlResult *result, uint64 row, const char *column);

/* An int8[] as a parameter, and one of the values of a column that are not NULL. */
extern Datum sql_int64_array(const int64 *values, int n);
extern Datum sql_int64_column(const SqlResult *result, const char *column, int *n);

#endif							/* CORE_SQL_H */
