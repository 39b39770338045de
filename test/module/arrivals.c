/*-------------------------------------------------------------------------
 *
 * arrivals.c
 *	  Mutated detectors of arrival times: artifacts and compiled forms.
 *
 * A mutant must be refused with the error that is promised, or be sound: then every series is asked
 * everything and gives sane answers, and an artifact is written again byte by byte.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "learn/compiled.h"
#include "series/arrival.h"

PG_FUNCTION_INFO_V1(test_arrival_artifact);
PG_FUNCTION_INFO_V1(test_arrival_compile);
PG_FUNCTION_INFO_V1(test_arrival_open);
PG_FUNCTION_INFO_V1(test_arrival_mutate);

/* Where the checksum of a compiled form is. */
#define CRC_AT 16

/* An artifact that is written again. */
typedef struct Copy
{
	StringInfoData bytes;
	ArrivalSettings settings;
	bool		begun;
} Copy;

/* Gives bytes as a bytea. */
static bytea *
make_bytea(const StringInfoData *bytes)
{
	bytea	   *result = palloc(VARHDRSZ + bytes->len);

	SET_VARSIZE(result, VARHDRSZ + bytes->len);
	memcpy(VARDATA(result), bytes->data, bytes->len);
	return result;
}

/* Learns three series, of one batch a day, of two, and of too few, and gives the artifact. */
Datum
test_arrival_artifact(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"daily \"\\\n", "twice", "zero"};
	static const int lengths[] = {30, 40, 2};
	ArrivalSettings settings = {.half_life = 90, .alpha = 0.01, .keep = 400, .min_arrivals = 5, .tolerance = 300,
		.weekend = 96, .timezone = "UTC", .time = "at", .series = "feed"};
	ArrivalHeights *heights = arrival_heights(&settings);
	StringInfoData artifact;
	Random		random;

	random_seed(&random, PG_GETARG_INT32(0));
	initStringInfo(&artifact);
	arrival_write_head(&settings, &artifact);
	for (int s = 0; s < lengthof(names); s++)
	{
		Arrival    *arrivals = palloc(sizeof(Arrival) * lengths[s]);
		ArrivalPart part = {.name = names[s], .arrivals = arrivals};

		for (int i = 0; i < lengths[s]; i++)
		{
			arrivals[i].day = s == 1 ? i / 2 : i;
			arrivals[i].second = (s == 1 && i % 2 == 1 ? 60000 : 20000) + random_below(&random, 1200) +
				(i == 25 ? 9000 : 0);
		}
		part.slots = arrival_fit(&settings, heights, arrivals, lengths[s], &part.series);
		part.series.seen = lengths[s];
		part.series.last = (int64) arrivals[lengths[s] - 1].day * ARRIVAL_DAY + arrival_second(&arrivals[lengths[s] - 1]);
		arrival_write_series(&part, s == 0, &artifact);
	}
	arrival_write_end(&artifact);
	PG_RETURN_BYTEA_P(make_bytea(&artifact));
}

/* Compiles an artifact. */
Datum
test_arrival_compile(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);
	StringInfoData compiled;

	initStringInfo(&compiled);
	arrival_compile(bytes, len, &compiled);
	PG_RETURN_BYTEA_P(make_bytea(&compiled));
}

/* Opens a compiled form and gives the number of its series. */
Datum
test_arrival_open(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);

	PG_RETURN_INT32(arrival_open(aligned_copy(bytes, len), len)->nseries);
}

/* Demands that a number is a probability. */
static void
check_probability(double p, const char *what)
{
	if (!(p >= 0 && p <= 1))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("%s is %g", what, p)));
}

/* Asks a detector everything about random times. */
static void
use(const ArrivalModel *model, Random *random)
{
	for (int s = 0; s < model->nseries; s++)
	{
		ArrivalPart part;
		ArrivalPart found;
		ArrivalView view;
		ArrivalPoint last;
		ArrivalPoint now;
		ArrivalVerdict verdict;

		arrival_get(model, s, &part);
		if (!arrival_find(model, part.name, &found) || found.name != part.name)
			ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("a series is not found by its name")));
		if (part.series.nslots == 0)
			continue;
		arrival_view(&model->settings, &part, &view);
		last = arrival_point(part.series.cut, part.series.shift, random_below(random, 100), random_below(random, ARRIVAL_DAY));
		now = arrival_point(part.series.cut, part.series.shift, last.day + random_below(random, 5), random_below(random, ARRIVAL_DAY));
		check_probability(arrival_pvalue(&view, &now), "a p-value");
		check_probability(arrival_overdue(&view, &last, &now), "an overdue probability");
		if (random_below(random, 20) > 0)
			continue;
		arrival_judge(&view, &now, true, &verdict);
		if (verdict.reason == NULL || (verdict.windowed && !(verdict.window.from <= verdict.window.until)))
			ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("a verdict is incomplete")));
	}
}

/* Writes a series again. */
static void
write_again(const ArrivalPart *part, void *arg)
{
	Copy	   *copy = arg;

	if (!copy->begun)
		arrival_write_head(&copy->settings, &copy->bytes);
	arrival_write_series(part, !copy->begun, &copy->bytes);
	copy->begun = true;
}

/* Reads an artifact and writes it. */
static StringInfoData
copy_artifact(const char *bytes, Size len)
{
	Copy		copy = {{0}};

	initStringInfo(&copy.bytes);
	arrival_read(bytes, len, &copy.settings, write_again, &copy);
	arrival_write_end(&copy.bytes);
	return copy.bytes;
}

/* Takes a mutant the whole way; false when a sound artifact is not written again as it was. */
static bool
serve(const char *bytes, Size len, bool compiled, Random *random, const void *arg)
{
	StringInfoData once;
	StringInfoData twice;

	if (compiled)
	{
		use(arrival_open(bytes, len), random);
		return true;
	}
	initStringInfo(&once);
	arrival_compile(bytes, len, &once);
	use(arrival_open(aligned_copy(once.data, once.len), once.len), random);
	/* a number may be written otherwise than in its shortest form: what is written is stable */
	once = copy_artifact(bytes, len);
	twice = copy_artifact(once.data, once.len);
	return once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0;
}

/* Tries mutants of an artifact or of its compiled form; the first is the thing itself. */
Datum
test_arrival_mutate(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);

	return mutants_run(fcinfo, bytes, len, PG_GETARG_BOOL(1), PG_GETARG_INT32(2), PG_GETARG_INT32(3), serve, NULL);
}
