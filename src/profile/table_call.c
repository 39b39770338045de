/*-------------------------------------------------------------------------
 *
 * table_call.c
 *	  SQL's profiles of relations and queries: profile_table(), profile_source().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "core/args.h"
#include "profile/table_int.h"

PG_FUNCTION_INFO_V1(aipipe_profile_table);
PG_FUNCTION_INFO_V1(aipipe_profile_source);

/* Gives the number of workers asked for, -1 when that is left to the table's size. */
static int
workers_argument(FunctionCallInfo fcinfo, int argno)
{
	if (PG_ARGISNULL(argno))
		return -1;
	if (PG_GETARG_INT32(argno) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("workers must be at least 0, not %d", PG_GETARG_INT32(argno)),
				 errhint("0 reads with this process alone; NULL leaves it to the size of the table.")));
	return PG_GETARG_INT32(argno);
}

/* Puts a row a column into the result. */
static void
put_profile(ReturnSetInfo *rsinfo, const Profile *profile)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe profile row", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Datum		values[TABLE_ROW_COLUMNS];
	bool		nulls[TABLE_ROW_COLUMNS];

	for (int i = 0; i < profile->ncolumns; i++)
	{
		table_row(profile, i, values, nulls);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Profiles what the first argument names, and gives a row a column. */
static Datum
profile_call(FunctionCallInfo fcinfo, bool relation)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe profile table", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	Source	   *source;
	List	   *columns;
	int			workers;

	InitMaterializedSRF(fcinfo, 0);
	old = MemoryContextSwitchTo(context);
	arg_require(fcinfo, 0, relation ? "relation" : "source");
	arg_require(fcinfo, 1, "sample");
	columns = arg_text_list(fcinfo, 2, "columns");
	workers = workers_argument(fcinfo, 3);
	arg_require(fcinfo, 4, "seed");
	source = relation ? source_of_relation(PG_GETARG_OID(0)) : source_resolve(arg_text(fcinfo, 0, "source"));
	put_profile(rsinfo, profile_source(source, columns, PG_GETARG_FLOAT8(1), PG_GETARG_INT64(4), workers));
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}

/* profile_table(relation, sample, columns, workers, seed): what is known of every column of a relation. */
Datum
aipipe_profile_table(PG_FUNCTION_ARGS)
{
	return profile_call(fcinfo, true);
}

/* profile_source(source, sample, columns, workers, seed): the same of a SELECT, or of a relation by its name. */
Datum
aipipe_profile_source(PG_FUNCTION_ARGS)
{
	return profile_call(fcinfo, false);
}
