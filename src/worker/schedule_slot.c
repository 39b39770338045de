/*-------------------------------------------------------------------------
 *
 * schedule_slot.c
 *	  The next slot of cron.
 *
 * cron_next_wall() finds the next second on the wall that the fields agree to: a day by bits of whole months,
 * the second in it by bits of hours, minutes and seconds.  What the clock of a time zone makes of it depends on
 * the hours:
 *
 * - Chosen hours are wall times, each of which runs once: when the clock first shows it, or jumps over
 *	 it.  "Reached" is one rule for both (clock_reach), and never goes back, so what is left to do after a
 *	 time is what lies above the highest second that the clock has shown by then.
 * - Every hour is elapsed time: due whenever the clock shows a second that agrees, once or twice.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"
#include "utils/datetime.h"

#include "worker/schedule_int.h"

/* 29 February on a weekday can be 40 years away. */
#define CRON_YEARS 41

/* When clocks hide days in some years; after that, there is none. */
#define CRON_HORIZON (100 * INT64CONST(31556952))

/* Julian day 0 on the wall: nothing is earlier. */
#define FIRST_WALL (-(int64) UNIX_EPOCH_JDATE * SECS_PER_DAY)

/* Gives the first value of a set that is not below a value, or -1. */
static int
set_next(uint64 set, int from)
{
	uint64		rest = from < 64 ? set & ~UINT64CONST(0) << from : 0;

	return rest == 0 ? -1 : pg_rightmost_one_pos64(rest);
}

/* Gives the days of a month that are due: bit d is day d. */
static uint64
days_of_month(const Cron *cron, int year, int month)
{
	int			length = day_tab[isleap(year)][month - 1];
	uint64		whole = (UINT64CONST(2) << length) - 2;
	uint64		days = cron->days;
	uint64		weekdays = 0;
	int			first = j2day(date2j(year, month, 1));

	if (cron->last_day)
		days |= UINT64CONST(1) << length;
	for (int week = 0; week < 6; week++)
	{
		int			shift = 7 * week + 1 - first;

		weekdays |= shift < 0 ? cron->weekdays >> -shift : cron->weekdays << shift;
	}
	return whole & (cron->any_day || cron->any_weekday ? days & weekdays : days | weekdays);
}

/* Gives the first second of a day that is due and not below a second, or -1. */
static int
second_of_day(const Cron *cron, int from)
{
	int			h = from / SECS_PER_HOUR;
	int			m = from / SECS_PER_MINUTE % MINS_PER_HOUR;
	int			s = from % SECS_PER_MINUTE;
	int			hour = set_next(cron->hours, h);

	if (hour == h)
	{
		int			minute = set_next(cron->minutes, m);

		if (minute == m)
		{
			int			second = set_next(cron->seconds, s);

			if (second >= 0)
				return h * SECS_PER_HOUR + m * SECS_PER_MINUTE + second;
			minute = set_next(cron->minutes, m + 1);
		}
		if (minute >= 0)
			return h * SECS_PER_HOUR + minute * SECS_PER_MINUTE + set_next(cron->seconds, 0);
		hour = set_next(cron->hours, h + 1);
	}
	if (hour < 0)
		return -1;
	return hour * SECS_PER_HOUR + set_next(cron->minutes, 0) * SECS_PER_MINUTE + set_next(cron->seconds, 0);
}

/* Gives the first wall second that the fields agree to and that is not below one, or SCHEDULE_NONE. */
static int64
cron_next_wall(const Cron *cron, int64 wall)
{
	int64		day;
	int			second;
	int			year;
	int			month;
	int			mday;

	wall = Max(wall, FIRST_WALL);
	day = schedule_floor(wall, SECS_PER_DAY);
	j2date((int) (day + UNIX_EPOCH_JDATE), &year, &month, &mday);
	second = second_of_day(cron, (int) (wall - day * SECS_PER_DAY));
	if (second < 0)
	{
		second = second_of_day(cron, 0);
		mday++;
	}
	else if ((cron->months >> month & 1) == 0 || (days_of_month(cron, year, month) >> mday & 1) == 0)
		second = second_of_day(cron, 0);
	for (int i = 0; i < CRON_YEARS * MONTHS_PER_YEAR; i++)
	{
		if ((cron->months >> month & 1) != 0)
		{
			int			due = set_next(days_of_month(cron, year, month), mday);

			if (due > 0)
				return (date2j(year, month, due) - UNIX_EPOCH_JDATE) * (int64) SECS_PER_DAY + second;
		}
		mday = 1;
		if (++month > MONTHS_PER_YEAR)
		{
			month = 1;
			year++;
		}
	}
	return SCHEDULE_NONE;
}

/* Gives the first time after one at which the clock shows a second that the fields agree to. */
static int64
next_elapsed(const Cron *cron, int64 after, const pg_tz *zone)
{
	int64		from = after + 1;

	while (from - after < CRON_HORIZON)
	{
		int64		wall = cron_next_wall(cron, from - CLOCK_FARTHEST);
		int64		ahead;
		int64		change;

		/* no clock shows it earlier: skips the changes in between */
		if (wall == SCHEDULE_NONE)
			break;
		from = Max(from, wall - CLOCK_FARTHEST);
		ahead = clock_wall(from, zone) - from;
		wall = cron_next_wall(cron, from + ahead);
		change = clock_change(from, zone);
		if (wall != SCHEDULE_NONE && wall - ahead < change)
			return wall - ahead;
		if (change == SCHEDULE_NONE)
			break;
		from = change;
	}
	return SCHEDULE_NONE;
}

/* Gives the first slot after a time. */
int64
cron_next(const Cron *cron, int64 after, const pg_tz *zone)
{
	int64		wall;

	if (cron->any_hour)
		return next_elapsed(cron, after, zone);
	wall = cron_next_wall(cron, clock_high(after, zone) + 1);
	return wall == SCHEDULE_NONE ? SCHEDULE_NONE : clock_reach(wall, zone);
}

/* Says whether some month has a day on which cron is due. */
bool
cron_has_day(const Cron *cron)
{
	return cron_next_wall(cron, 0) != SCHEDULE_NONE;
}
