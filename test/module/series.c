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

/* Gives the number of series of a compiled form. */
Datum
test_series_open(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);

	PG_RETURN_INT32(seasonal_open(aligned_copy(bytes, len), len)->nseries);
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
serve(const char *bytes, Size len, bool compiled, Random *random, const void *arg)
{
	StringInfoData form;
	StringInfoData again;
	StringInfoData third;

	initStringInfo(&form);
	initStringInfo(&again);
	initStringInfo(&third);
	if (compiled)
	{
		use(seasonal_open(bytes, len), random, &again);
		return true;
	}
	seasonal_compile(bytes, len, &form);
	use(seasonal_open(form.data, form.len), random, &again);
	resetStringInfo(&form);
	seasonal_compile(again.data, again.len, &form);
	use(seasonal_open(form.data, form.len), random, &third);
	return again.len == third.len && memcmp(again.data, third.data, third.len) == 0;
}

/* Tries mutants of an artifact or of its compiled form; the first is the thing itself. */
Datum
test_series_mutate(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);

	return mutants_run(fcinfo, bytes, len, PG_GETARG_BOOL(1), PG_GETARG_INT32(2), PG_GETARG_INT32(3), serve, NULL);
}
