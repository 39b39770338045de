/*-------------------------------------------------------------------------
 *
 * mutants.c
 *	  Mutants of bytes that an algorithm must refuse as promised, or serve.
 *
 * How bytes are changed is told in mutate.c, how a compiled form's checksums are
 * made right again in seal.c.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* What happened to all mutants. */
typedef struct MutantTally
{
	int			accepted;
	int			refused;
	int			other;			/* an error that is not promised */
	int			different;		/* accepted, but not served the same */
	double		longest;		/* seconds of CPU */
} MutantTally;

/* Copies bytes to where a compiled form may lie. */
char *
aligned_copy(const char *bytes, Size len)
{
	char	   *copy = palloc(len + 1);

	memcpy(copy, bytes, len);
	return copy;
}

/* Tries one mutant and keeps count, without a subtransaction: nothing here touches the database. */
static void
try_mutant(const StringInfo mutant, bool compiled, int promised, MutantServe serve, const void *arg, Random *random, MutantTally *tally)
{
	MemoryContext context = CurrentMemoryContext;
	double		start = cpu_seconds();

	PG_TRY();
	{
		if (compiled)
			seal_compiled(mutant->data, mutant->len);
		tally->different += !serve(mutant->data, mutant->len, compiled, random, arg);
		tally->accepted++;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED || error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
			ReThrowError(error);
		if (error->sqlerrcode == promised)
			tally->refused++;
		else if (++tally->other <= 5)
			elog(NOTICE, "%s: %s", unpack_sql_state(error->sqlerrcode), error->message);
	}
	PG_END_TRY();
	tally->longest = Max(tally->longest, cpu_seconds() - start);
}

/* Gives a tally as the row that the function returns, by the names of its columns. */
static Datum
tally_row(FunctionCallInfo fcinfo, const MutantTally *tally)
{
	const struct
	{
		const char *name;
		Datum		value;
	}			figures[] = {
		{"accepted", Int32GetDatum(tally->accepted)},
		{"refused", Int32GetDatum(tally->refused)},
		{"other", Int32GetDatum(tally->other)},
		{"different", Int32GetDatum(tally->different)},
		{"longest_ms", Float8GetDatum(tally->longest * 1000)}
	};
	TupleDesc	desc;
	Datum		values[lengthof(figures)];
	bool		nulls[lengthof(figures)];

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE || desc->natts > lengthof(figures))
		elog(ERROR, "return type must be a row of a tally's figures");
	for (int c = 0; c < desc->natts; c++)
	{
		nulls[c] = true;
		for (int i = 0; i < lengthof(figures); i++)
			if (strcmp(NameStr(TupleDescAttr(desc, c)->attname), figures[i].name) == 0)
			{
				values[c] = figures[i].value;
				nulls[c] = false;
			}
	}
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* Serves n mutants of some bytes, the first of which are the bytes themselves, and gives what happened; refusing takes the promised error. */
Datum
mutants_run_promised(FunctionCallInfo fcinfo, const char *bytes, Size len, bool compiled, int promised, int n, uint64 seed,
					 MutantServe serve, const void *arg)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext each = AllocSetContextCreate(old, "aipipe_test mutants", ALLOCSET_DEFAULT_SIZES);
	MutantTally tally = {0};
	Random		random;

	random_seed(&random, seed);
	MemoryContextSwitchTo(each);
	for (int i = 0; i < n; i++)
	{
		StringInfoData mutant;
		int			changes = (i == 0) ? 0 : (random_below(&random, 4) == 0) ? 3 : 1;

		CHECK_FOR_INTERRUPTS();
		initStringInfo(&mutant);
		appendBinaryStringInfo(&mutant, bytes, len);
		for (int k = 0; k < changes; k++)
			mutate_bytes(&mutant, &random);
		try_mutant(&mutant, compiled, promised, serve, arg, &random, &tally);
		MemoryContextReset(each);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(each);
	return tally_row(fcinfo, &tally);
}

/* Serves n mutants of an artifact, or of a compiled form. */
Datum
mutants_run(FunctionCallInfo fcinfo, const char *bytes, Size len, bool compiled, int n, uint64 seed,
			MutantServe serve, const void *arg)
{
	int			promised = compiled ? ERRCODE_DATA_CORRUPTED : ERRCODE_INVALID_PARAMETER_VALUE;

	return mutants_run_promised(fcinfo, bytes, len, compiled, promised, n, seed, serve, arg);
}
