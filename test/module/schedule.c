/*-------------------------------------------------------------------------
 *
 * schedule.c
 *	  Mutated schedules: refused with a hint's error, or with slots that go forward.
 *
 * From any time, the slot that follows is later, and is also the one that follows any time in between.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include "utils/timestamp.h"

#include "compat/compat.h"
#include "worker/schedule.h"

PG_FUNCTION_INFO_V1(test_schedule_mutate);

#define STEPS 6

/* Clocks of all sorts; the last ones leave out or repeat days every year. */
static const char *const zones[] = {"UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca",
	"Asia/Manila", "AAA24BBB-24,J60/0,J300/0", "AAA-24BBB24,J60/0,J300/0", "<far>167<near>-167,M3.1.0,M10.1.0"};

/* Gives a time to ask from: near, anywhere, or an end of time. */
static TimestampTz
some_time(Random *random)
{
	static const TimestampTz ends[] = {DT_NOBEGIN, MIN_TIMESTAMP, MIN_TIMESTAMP + 1, -1, 0, END_TIMESTAMP - 1, DT_NOEND};

	switch (random_below(random, 4))
	{
		case 0:
			return ends[random_below(random, lengthof(ends))];
		case 1:
			return MIN_TIMESTAMP + (TimestampTz) (random_unit(random) * (END_TIMESTAMP - 1.0 - MIN_TIMESTAMP));
		default:
			return (TimestampTz) (random_unit(random) * 40 * 366 * USECS_PER_DAY);
	}
}

/* Writes cron at random, nearly always sound. */
static char *
some_cron(Random *random)
{
	static const int highest[] = {60, 60, 24, 29, 13, 8};
	StringInfoData text;

	initStringInfo(&text);
	for (int field = random_below(random, 2); field < lengthof(highest); field++)
	{
		int			pieces = 1 + random_below(random, 2);

		for (int i = 0; i < pieces; i++)
		{
			int			low = random_below(random, highest[field]);
			int			high = random_below(random, highest[field]);
			int			form = random_below(random, 6);

			appendStringInfoString(&text, i > 0 ? "," : "");
			if (form < 2)
				appendStringInfoString(&text, "*");
			else if (form < 4)
				appendStringInfo(&text, "%d", low);
			else
				appendStringInfo(&text, "%d-%d", low, high);
			if (form % 2 == 1)
				appendStringInfo(&text, "/%d", 1 + random_below(random, highest[field] - 2));
		}
		appendStringInfoChar(&text, ' ');
	}
	return text.data;
}

/* Reads a mutant, or cron at random, and walks over its slots; false when they do not go forward, or depend on where one asks from. */
static bool
serve(const char *bytes, Size len, bool compiled, Random *random, const void *arg)
{
	TimestampTz after = some_time(random);
	const char *zone = zones[random_below(random, lengthof(zones))];
	char	   *text = random_below(random, 2) ? some_cron(random) : pnstrdup(bytes, strnlen(bytes, len));
	Schedule   *schedule = schedule_parse(text, zone, some_time(random));

	for (int i = 0; i < STEPS; i++)
	{
		TimestampTz next = schedule_next(schedule, after);
		TimestampTz between;

		if (next <= after && !TIMESTAMP_IS_NOEND(after))
			return false;
		if (!TIMESTAMP_IS_NOEND(next) && !IS_VALID_TIMESTAMP(next))
			return false;
		if (TIMESTAMP_IS_NOEND(next))
			return TIMESTAMP_IS_NOEND(schedule_next(schedule, DT_NOEND));
		between = next - 1 - (TimestampTz) (random_unit(random) * ((double) next - 1.0 - (double) Max(after, MIN_TIMESTAMP)));
		if (between >= after && between < next && schedule_next(schedule, between) != next)
			return false;
		after = next;
	}
	return true;
}

/* Tries mutants of a schedule. */
Datum
test_schedule_mutate(PG_FUNCTION_ARGS)
{
	text	   *schedule = PG_GETARG_TEXT_PP(0);

	return mutants_run_promised(fcinfo, VARDATA_ANY(schedule), VARSIZE_ANY_EXHDR(schedule), false, ERRCODE_INVALID_PARAMETER_VALUE,
								PG_GETARG_INT32(1), PG_GETARG_INT32(2), serve, NULL);
}
