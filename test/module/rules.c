/*-------------------------------------------------------------------------
 *
 * rules.c
 *	  Mutated rule tables: artifacts and compiled forms.
 *
 * A mutant must be refused with the error that is promised, or be sound: then
 * it is scored and explained, and an artifact is written again byte by byte.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "learn/compiled.h"
#include "learn/rules.h"

PG_FUNCTION_INFO_V1(test_rules_compile);
PG_FUNCTION_INFO_V1(test_rules_open);
PG_FUNCTION_INFO_V1(test_rules_mutate);

/* Where the checksum of a compiled form is. */
#define CRC_AT 16

/* What happened to all mutants. */
typedef struct Tally
{
	int			accepted;
	int			refused;
	int			other;			/* an error that is not promised */
	int			different;		/* accepted, but not written again as it was */
} Tally;

/* Copies bytes to where a compiled form may lie. */
static char *
aligned_copy(const char *bytes, Size len)
{
	char	   *copy = palloc(len + 1);

	memcpy(copy, bytes, len);
	return copy;
}

/* Compiles an artifact. */
Datum
test_rules_compile(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);
	StringInfoData compiled;
	bytea	   *result;

	initStringInfo(&compiled);
	rules_compile(bytes, len, &compiled);
	result = palloc(VARHDRSZ + compiled.len);
	SET_VARSIZE(result, VARHDRSZ + compiled.len);
	memcpy(VARDATA(result), compiled.data, compiled.len);
	PG_RETURN_BYTEA_P(result);
}

/* Opens a compiled form and gives the number of its rules. */
Datum
test_rules_open(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);

	PG_RETURN_INT32(rules_open_table(aligned_copy(bytes, len), len)->nrules);
}

/* Scores and explains three rows by an opened table. */
static void
use(RuleTable *table, Random *random)
{
	LoadedModel model = {.nfeatures = table->nfeatures, .nmargins = table->noutputs, .nvalues = table->nvalues, .state = table};
	Size		n = table->nfeatures;
	float	   *rows = palloc(sizeof(float) * 3 * n);
	float	   *margins = palloc(sizeof(float) * 3 * table->noutputs);
	float	   *values = palloc(sizeof(float) * 3 * table->nvalues);
	double	   *phi = palloc(sizeof(double) * 3 * (n + 1));
	double		sum = 0;

	for (Size i = 0; i < 3 * n; i++)
		rows[i] = random_below(random, 5) == 0 ? NAN : random_below(random, 2000);
	rules_margin(&model, rows, 3, margins);
	rules_values(&model, margins, 3, values);
	rules_explain(&model, rows, table->noutputs - 1, phi);
	for (Size f = 0; f <= n; f++)
		sum += phi[f];
	if (!(fabs(sum - margins[table->noutputs - 1]) <= 1e-6 * Max(1, fabs(sum) + fabs(table->overall[table->noutputs - 1]))))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("contributions sum to %g, not %g", sum, margins[table->noutputs - 1])));
	rules_importance(&model, phi, phi + n, phi + 2 * n);
}

/* Takes a mutant the whole way; false when a sound artifact is not written again as it was. */
static bool
serve(const char *bytes, Size len, bool compiled, Random *random)
{
	StringInfoData again;

	if (compiled)
	{
		char	   *copy = aligned_copy(bytes, len);

		if (len >= CRC_AT + sizeof(uint32))
		{
			uint32		crc = compiled_crc(copy, len, CRC_AT);

			memcpy(copy + CRC_AT, &crc, sizeof(crc));
		}
		use(rules_open_table(copy, len), random);
		return true;
	}
	use(rules_read(bytes, len), random);
	initStringInfo(&again);
	rules_write(rules_read(bytes, len), &again);
	/* a number may be written otherwise than in its shortest form: what is written is stable */
	bytes = pnstrdup(again.data, again.len);
	len = again.len;
	resetStringInfo(&again);
	rules_write(rules_read(bytes, len), &again);
	return again.len == len && memcmp(again.data, bytes, len) == 0;
}

/* Tries one mutant and keeps count, without a subtransaction: nothing here touches the database. */
static void
try_mutant(const StringInfo mutant, bool compiled, Random *random, Tally *tally)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		bool		same = serve(mutant->data, mutant->len, compiled, random);

		tally->accepted++;
		tally->different += !same;
	}
	PG_CATCH();
	{
		int			promised = compiled ? ERRCODE_DATA_CORRUPTED : ERRCODE_INVALID_PARAMETER_VALUE;
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
}

/* Tries mutants of an artifact or of its compiled form; the first is the thing itself. */
Datum
test_rules_mutate(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);
	bool		compiled = PG_GETARG_BOOL(1);
	MemoryContext old = CurrentMemoryContext;
	MemoryContext each = AllocSetContextCreate(old, "aipipe_test rules", ALLOCSET_DEFAULT_SIZES);
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {0};
	Tally		tally = {0};
	Random		random;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	random_seed(&random, PG_GETARG_INT32(3));
	for (int i = 0; i < PG_GETARG_INT32(2); i++)
	{
		StringInfoData mutant;

		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(each);
		initStringInfo(&mutant);
		appendBinaryStringInfo(&mutant, bytes, len);
		for (int k = (i == 0) ? 0 : 1 + random_below(&random, 2); k > 0; k--)
			mutate_bytes(&mutant, &random);
		try_mutant(&mutant, compiled, &random, &tally);
		MemoryContextSwitchTo(old);
		MemoryContextReset(each);
	}
	values[0] = Int32GetDatum(tally.accepted);
	values[1] = Int32GetDatum(tally.refused);
	values[2] = Int32GetDatum(tally.other);
	values[3] = Int32GetDatum(tally.different);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
