/*-------------------------------------------------------------------------
 *
 * series.c
 *	  Mutated seasonal detectors: artifacts and compiled forms.
 *
 * A mutant must be refused with the error that is promised, or be sound: then every series of it judges and
 * learns, and what is written of it reads the same again.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "learn/compiled.h"
#include "series/seasonal_artifact.h"

PG_FUNCTION_INFO_V1(test_series_artifact);
PG_FUNCTION_INFO_V1(test_series_compile);
PG_FUNCTION_INFO_V1(test_series_open);
PG_FUNCTION_INFO_V1(test_series_mutate);

/* Where the checksum of a compiled form is. */
#define CRC_AT 16

typedef struct Tally
{
	int			accepted;
	int			refused;
	int			other;			/* an error that is not promised */
	int			different;		/* accepted, but what is written of it reads otherwise */
} Tally;

/* The calendar of a slot: hours from a Monday on, or days. */
static SeasonalDay
day_of(int64 slot, bool hourly)
{
	int64		date = hourly ? slot / 24 : slot;
	SeasonalDay day = {hourly ? slot % 24 : 0, date % 7, date % 30, 29 - date % 30, date % 50 == 49};

	return day;
}

/* A seeded value with a season and, seldom, an incident. */
static double
value_of(int64 slot, Random *random)
{
	double		value = 1000 + 300 * (slot % 7) + random_below(random, 100);

	return random_below(random, 40) == 0 ? value * random_below(random, 4) : floor(value);
}

/* Judges and learns so many values. */
static void
run(SeasonalState *state, int n, Random *random)
{
	for (int i = 0; i < n; i++)
	{
		SeasonalDay day = day_of(Max(state->next, 0), state->shape.hourly);
		double		value = value_of(i, random);
		SeasonalVerdict verdict;
		double		lower;
		double		upper;

		if (i % 20 == 19)
			seasonal_skip(state, 1 + random_below(random, 3));
		seasonal_judge(state, &day, value, &verdict);
		if (verdict.judged)
		{
			if (!(verdict.pvalue >= 0 && verdict.pvalue <= 1))
				ereport(ERROR,
						(errcode(ERRCODE_INTERNAL_ERROR), errmsg("p-value %g", verdict.pvalue)));
			(void) seasonal_expected(state, &verdict);
			seasonal_band(state, &day, &verdict, 0.001, &lower, &upper);
		}
		(void) seasonal_learn(state, &day, value, &verdict, verdict.judged && verdict.pvalue < 0.002);
	}
}

/* Gives bytes as a bytea. */
static bytea *
make_bytea(const StringInfo bytes)
{
	bytea	   *result = palloc(VARHDRSZ + bytes->len);

	SET_VARSIZE(result, VARHDRSZ + bytes->len);
	memcpy(VARDATA(result), bytes->data, bytes->len);
	return result;
}

/* The artifact of a detector of three series, one of which still learns. */
Datum
test_series_artifact(PG_FUNCTION_ARGS)
{
	static const int32 holidays[] = {100, 200};
	SeasonalOptions options = {.method = SEASONAL_METHODS, .timezone = "Europe/Berlin", .value = "n", .time = "t",
	.series = "s", .nholidays = 2, .holidays = holidays};
	SeasonalState *state = palloc(sizeof(SeasonalState));
	StringInfoData out;
	Random		random;

	random_seed(&random, PG_GETARG_INT32(0));
	initStringInfo(&out);
	seasonal_artifact_begin(&out, &options);
	seasonal_start(state, SEASONAL_DAY, 0, KIND_AUTO, SEASONAL_METHODS, 0);
	run(state, 10, &random);
	seasonal_artifact_add(&out, "a", state);
	run(state, 100, &random);
	seasonal_artifact_add(&out, "b", state);
	seasonal_start(state, SEASONAL_DAY / 4, 0, KIND_AUTO, SEASONAL_METHODS, 0);
	run(state, 200, &random);
	seasonal_artifact_add(&out, "c", state);
	seasonal_artifact_end(&out, 3);
	PG_RETURN_BYTEA_P(make_bytea(&out));
}

/* Compiles an artifact. */
Datum
test_series_compile(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);
	StringInfoData compiled;

	initStringInfo(&compiled);
	seasonal_compile(bytes, len, &compiled);
	PG_RETURN_BYTEA_P(make_bytea(&compiled));
}

/* Opens a copy of compiled bytes, where such a form may lie. */
static SeasonalDetector *
open_copy(const char *bytes, Size len)
{
	char	   *copy = palloc(len + 1);

	memcpy(copy, bytes, len);
	return seasonal_open(copy, len);
}

/* Gives the number of series of a compiled form. */
Datum
test_series_open(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);

	PG_RETURN_INT32(open_copy(bytes, len)->nseries);
}

/* Uses every series of a detector, and writes it as it was. */
static void
use(const SeasonalDetector *detector, Random *random, StringInfo out)
{
	SeasonalState *state = palloc(sizeof(SeasonalState));

	seasonal_artifact_begin(out, &detector->options);
	for (int i = 0; i < detector->nseries; i++)
	{
		int			len;
		const char *name = seasonal_name(detector, i, &len);

		if (seasonal_find(detector, name, len) != i)
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR), errmsg("series %d is not found", i)));
		seasonal_get(detector, i, state);
		seasonal_artifact_add(out, pnstrdup(name, len), state);
		run(state, 40, random);
	}
	seasonal_artifact_end(out, detector->nseries);
}

/* Takes a mutant the whole way; false when what is written of it reads otherwise. */
static bool
serve(const char *bytes, Size len, bool compiled, Random *random)
{
	StringInfoData form;
	StringInfoData again;
	StringInfoData third;

	initStringInfo(&form);
	initStringInfo(&again);
	initStringInfo(&third);
	if (compiled)
	{
		appendBinaryStringInfo(&form, bytes, len);
		if (len >= CRC_AT + sizeof(uint32))
		{
			uint32		crc = compiled_crc(form.data, len, CRC_AT);

			memcpy(form.data + CRC_AT, &crc, sizeof(crc));
		}
	}
	else
		seasonal_compile(bytes, len, &form);
	use(open_copy(form.data, form.len), random, &again);
	if (compiled)
		return true;
	resetStringInfo(&form);
	seasonal_compile(again.data, again.len, &form);
	use(open_copy(form.data, form.len), random, &third);
	return again.len == third.len && memcmp(again.data, third.data, third.len) == 0;
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
test_series_mutate(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);
	bool		compiled = PG_GETARG_BOOL(1);
	MemoryContext old = CurrentMemoryContext;
	MemoryContext each = AllocSetContextCreate(old, "aipipe_test series", ALLOCSET_DEFAULT_SIZES);
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
	MemoryContextDelete(each);
	values[0] = Int32GetDatum(tally.accepted);
	values[1] = Int32GetDatum(tally.refused);
	values[2] = Int32GetDatum(tally.other);
	values[3] = Int32GetDatum(tally.different);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
