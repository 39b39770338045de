/*-------------------------------------------------------------------------
 *
 * schedule_every.c
 *	  Intervals: slot n is n intervals after the anchor.
 *
 * Each slot is counted from the anchor and not from the one before it, so the 31st stays the 31st after a
 * February.  Months and days go by the calendar and the clock of the zone, the rest is elapsed time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "compat/compat.h"
#include "worker/schedule_int.h"

#define INTERVAL_BUFFER 256		/* as interval's own input has */
#define DAYS_PER_MEAN_MONTH 30.436875	/* 400 years have 4800 months and 146097 days */
#define MAX_YEAR 294277			/* timestamps end before it */
#define SLACK_DAYS 20			/* that a count of mean months and even clocks may be off */

/* Reads an interval as its type does, without its errors. */
static bool
read_interval(const char *text, Interval *out)
{
	char		buffer[INTERVAL_BUFFER];
	char	   *field[MAXDATEFIELDS];
	int			ftype[MAXDATEFIELDS];
	int			nfields;
	int			dtype;
	struct pg_itm_in itm = {0};
	int			error = ParseDateTime(text, buffer, sizeof(buffer), field, ftype, MAXDATEFIELDS, &nfields);

	if (error == 0)
		error = DecodeInterval(field, ftype, nfields, INTERVAL_FULL_RANGE, &dtype, &itm);
	if (error == DTERR_BAD_FORMAT)
	{
		memset(&itm, 0, sizeof(itm));
		error = DecodeISO8601Interval(unconstify(char *, text), &dtype, &itm);
	}
	return error == 0 && dtype == DTK_DELTA && itmin2interval(&itm, out) == 0;
}

/* Ends with an error about an interval. */
static void pg_attribute_noreturn()
refuse_interval(const char *text, const char *schedule, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("cannot read \"%s\" as an interval in schedule \"%s\"", text, schedule),
			 errdetail_internal("%s", detail),
			 errhint("Write \"every 5 minutes\", \"every day\", \"every 1 month from 2026-01-31 06:00\"; cron has days of the week and hours.")));
}

/* Reads what stands behind "every": an interval, or one unit of time. */
void
every_read(const char *text, const char *schedule, Interval *every)
{
	if (text[strspn(text, "0123456789.")] == '\0')
		refuse_interval(text, schedule, "It has no unit.");
	if (!read_interval(text, every) && !read_interval(psprintf("1 %s", text), every))
		refuse_interval(text, schedule, "It is none, or too long.");
	if (every->month < 0 || every->day < 0 || every->time < 0)
		refuse_interval(text, schedule, "No part of it can be negative.");
	if (every->month == 0 && every->day == 0 && every->time < USECS_PER_SEC)
		refuse_interval(text, schedule, "The shortest is 1 second.");
}

/* Gives the anchor's wall time moved by months and days; DT_NOEND when that is too far. */
static TimestampTz
calendar_slot(const Schedule *schedule, int64 months, int64 days)
{
	int64		time = schedule_time(schedule->anchor);
	int64		wall = clock_wall(time, schedule->zone);
	int64		day = schedule_floor(wall, SECS_PER_DAY);
	int			year;
	int			month;
	int			mday;

	j2date((int) (day + UNIX_EPOCH_JDATE), &year, &month, &mday);
	months += month - 1;
	if (months / MONTHS_PER_YEAR > MAX_YEAR - year || days > MAX_YEAR * INT64CONST(366))
		return DT_NOEND;
	year += (int) (months / MONTHS_PER_YEAR);
	month = (int) (months % MONTHS_PER_YEAR) + 1;
	mday = Min(mday, day_tab[isleap(year)][month - 1]);
	wall += (date2j(year, month, mday) - UNIX_EPOCH_JDATE + days - day) * SECS_PER_DAY;
	return schedule_timestamp(clock_reach(wall, schedule->zone), schedule->anchor - schedule_timestamp(time, 0));
}

/* Gives slot n, n > 0; DT_NOEND when it is beyond what a timestamp holds. */
static TimestampTz
slot(const Schedule *schedule, int64 n)
{
	const Interval *every = &schedule->every;
	TimestampTz slot = schedule->anchor;
	int64		months;
	int64		days;
	int64		elapsed;

	if (pg_mul_s64_overflow(every->month, n, &months) || pg_mul_s64_overflow(every->day, n, &days) ||
		pg_mul_s64_overflow(every->time, n, &elapsed))
		return DT_NOEND;
	if (months > 0 || days > 0)
		slot = calendar_slot(schedule, months, days);
	if (TIMESTAMP_IS_NOEND(slot) || pg_add_s64_overflow(slot, elapsed, &slot) || slot >= END_TIMESTAMP)
		return DT_NOEND;
	return slot;
}

/* Gives the first slot of an interval of elapsed time, so long after the anchor. */
static TimestampTz
elapsed_slot(const Schedule *schedule, uint64 passed)
{
	uint64		n = passed / schedule->every.time + 1;

	if (n > ((uint64) END_TIMESTAMP - 1 - (uint64) schedule->anchor) / schedule->every.time)
		return DT_NOEND;
	return (TimestampTz) ((uint64) schedule->anchor + n * schedule->every.time);
}

/* Gives the first slot after a time; the anchor is the first of all. */
TimestampTz
every_next(const Schedule *schedule, TimestampTz after)
{
	const Interval *every = &schedule->every;
	double		day = (double) USECS_PER_DAY;
	double		length = (every->month * DAYS_PER_MEAN_MONTH + every->day) * day + every->time;
	uint64		passed;
	int64		low;
	int64		high;

	if (after < schedule->anchor)
		return schedule->anchor;
	passed = (uint64) after - (uint64) schedule->anchor;
	if (every->month == 0 && every->day == 0)
		return elapsed_slot(schedule, passed);

	/* slots never go back: halves what a mean length leaves open */
	low = Max((int64) ((passed - SLACK_DAYS * day) / length), 1);
	high = Max((int64) ((passed + SLACK_DAYS * day) / length), 0) + 2;
	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (slot(schedule, middle) > after)
			high = middle;
		else
			low = middle + 1;
	}
	return slot(schedule, low);
}
