/*-------------------------------------------------------------------------
 *
 * arrival_options.c
 *	  Options of detectors of arrival times, and the local clock that one of them names.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "nodes/pg_list.h"
#include "pgtime.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "core/args.h"
#include "core/options.h"
#include "series/arrival.h"

typedef struct ArrivalOptions
{
	double		alpha;
	char	   *days;
	double		half_life;
	int64		keep;
	int64		min_arrivals;
	char	   *timezone;
	double		tolerance;
	List	   *weekend;
} ArrivalOptions;

/* By ArrivalDays. */
static const char *const day_kinds[] = {"auto", "none", "weekend", "weekday", NULL};

static const char *const day_names[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};

static const OptionSpec option_specs[] = {
	{"alpha", OPTION_REAL, OPTION_FIELD(ArrivalOptions, alpha), 0.01, 1e-9, 0.5},
	{"days", OPTION_TEXT, OPTION_FIELD(ArrivalOptions, days), .text_dflt = "auto", .choices = day_kinds},
	{"half_life", OPTION_REAL, OPTION_FIELD(ArrivalOptions, half_life), 90, 1, 36500},
	{"keep", OPTION_INT, OPTION_FIELD(ArrivalOptions, keep), 400, 20, ARRIVAL_MAX_KEEP},
	{"min_arrivals", OPTION_INT, OPTION_FIELD(ArrivalOptions, min_arrivals), 5, 3, 1000},
	{"timezone", OPTION_TEXT, OPTION_FIELD(ArrivalOptions, timezone), .text_dflt = "UTC"},
	{"tolerance", OPTION_REAL, OPTION_FIELD(ArrivalOptions, tolerance), 5, 0.1, 720},
	{"weekend", OPTION_TEXT_LIST, OPTION_FIELD(ArrivalOptions, weekend)}
};

/* Gives the set of days of a list of names; Saturday and Sunday for none. */
static int
read_weekend(List *names)
{
	int			weekend = 0;
	ListCell   *cell;

	foreach(cell, names)
	{
		const char *name = lfirst(cell);
		int			d = 0;

		while (d < ARRIVAL_WEEK && pg_strcasecmp(day_names[d], name) != 0)
			d++;
		if (d == ARRIVAL_WEEK)
		{
			const char *nearest = options_nearest(name, day_names, ARRIVAL_WEEK);

			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"weekend\" names no day of the week with \"%s\"", name),
					 nearest ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
		}
		weekend |= 1 << d;
	}
	return names == NIL ? 1 << 5 | 1 << 6 : weekend;
}

/* Reads the options of a function. */
void
arrival_read_options(const Jsonb *params, const char *function, ArrivalSettings *settings)
{
	ArrivalOptions options;

	options_parse(params, function, option_specs, lengthof(option_specs), &options);
	if (options.min_arrivals > options.keep)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"min_arrivals\" is greater than option \"keep\""),
				 errdetail("A series would never have learned enough.")));
	memset(settings, 0, sizeof(ArrivalSettings));
	settings->alpha = options.alpha;
	settings->half_life = options.half_life;
	settings->keep = (int32) options.keep;
	settings->min_arrivals = (int32) options.min_arrivals;
	settings->timezone = pg_get_timezone_name(arg_zone(options.timezone));
	settings->tolerance = (int32) rint(options.tolerance * 60);
	settings->weekend = read_weekend(options.weekend);
	while (strcmp(day_kinds[settings->days], options.days) != 0)
		settings->days++;
}

/* Gives the effective options as JSON. */
char *
arrival_options_json(const ArrivalSettings *settings)
{
	StringInfoData json;
	ArrivalOptions options = {0};

	options.alpha = settings->alpha;
	options.days = unconstify(char *, day_kinds[settings->days]);
	options.half_life = settings->half_life;
	options.keep = settings->keep;
	options.min_arrivals = settings->min_arrivals;
	options.timezone = unconstify(char *, settings->timezone);
	options.tolerance = settings->tolerance / 60.0;
	for (int d = 0; d < ARRIVAL_WEEK; d++)
	{
		if ((settings->weekend >> d) & 1)
			options.weekend = lappend(options.weekend, unconstify(char *, day_names[d]));
	}
	initStringInfo(&json);
	options_to_json(&json, option_specs, lengthof(option_specs), &options);
	return json.data;
}

/* Gives a finite time on the local clock, in whole seconds. */
Arrival
arrival_local(TimestampTz time, pg_tz *zone)
{
	int64		second = time / USECS_PER_SEC - (time % USECS_PER_SEC < 0 ? 1 : 0);
	pg_time_t	unix_time = second + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (int64) SECS_PER_DAY;
	const struct pg_tm *tm = pg_localtime(&unix_time, zone);
	Arrival		arrival;

	if (tm != NULL)
		second += tm->tm_gmtoff;
	arrival.day = (int32) (second / ARRIVAL_DAY - (second % ARRIVAL_DAY < 0 ? 1 : 0));
	arrival.second = (int32) (second - (int64) arrival.day * ARRIVAL_DAY);
	return arrival;
}

/* Gives the time of a second of a local day; the ends of what a timestamp holds for what lies beyond. */
TimestampTz
arrival_time(int64 day, int64 second, pg_tz *zone)
{
	struct pg_tm tm = {0};
	TimestampTz time;
	int			offset;

	day += second >= 0 ? second / ARRIVAL_DAY : -((ARRIVAL_DAY - 1 - second) / ARRIVAL_DAY);
	second = (second % ARRIVAL_DAY + ARRIVAL_DAY) % ARRIVAL_DAY;
	if (day < -POSTGRES_EPOCH_JDATE)
		return MIN_TIMESTAMP;
	if (day > ARRIVAL_MAX_DAY)
		return END_TIMESTAMP - 1;
	j2date((int) (day + POSTGRES_EPOCH_JDATE), &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	tm.tm_hour = (int) (second / 3600);
	tm.tm_min = (int) (second / 60 % 60);
	tm.tm_sec = (int) (second % 60);
	offset = DetermineTimeZoneOffset(&tm, zone);
	if (tm2timestamp(&tm, 0, &offset, &time) != 0)
		return day < 0 ? MIN_TIMESTAMP : END_TIMESTAMP - 1;
	return time;
}
