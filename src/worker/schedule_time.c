/*-------------------------------------------------------------------------
 *
 * schedule_time.c
 *	  A time as it is written in a schedule: 2026-12-01 10:00[:00[.5]][+01[:30]]
 *
 * A schedule is read again by every process that needs it, so what it says must not depend on settings or on
 * when it is read: one order of year, month and day, and no words such as tomorrow.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/datetime.h"

#include "worker/schedule_int.h"

/* What was read. */
typedef struct WrittenTime
{
	int			year;
	int			month;
	int			day;
	int			hour;
	int			minute;
	int			second;
	int			microsecond;
	bool		has_offset;
	int			offset;			/* seconds ahead of UTC */
} WrittenTime;

/* Reads a number of so many digits and moves behind it; false when there are fewer, or the value is beyond its bounds. */
static bool
read_number(const char **at, int min_digits, int max_digits, int min, int max, int *value)
{
	int			digits = 0;

	for (*value = 0; digits < max_digits && **at >= '0' && **at <= '9'; (*at)++, digits++)
		*value = *value * 10 + (**at - '0');
	return digits >= min_digits && *value >= min && *value <= max;
}

/* Moves behind a character when it is there. */
static bool
skip(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

/* Reads the fraction of a second. */
static bool
read_fraction(const char **at, int *microsecond)
{
	const char *start = *at;

	if (!read_number(at, 1, 6, 0, 999999, microsecond))
		return false;
	for (int digits = *at - start; digits < 6; digits++)
		*microsecond *= 10;
	return true;
}

/* Reads an offset, Z or UTC, when there is one. */
static bool
read_offset(const char **at, WrittenTime *out)
{
	bool		west = **at == '-';
	int			hours;
	int			minutes = 0;

	if (pg_strncasecmp(*at, "UTC", 3) == 0 || pg_strncasecmp(*at, "Z", 1) == 0)
	{
		*at += pg_strncasecmp(*at, "Z", 1) == 0 ? 1 : 3;
		out->has_offset = true;
		return true;
	}
	if (**at != '+' && **at != '-')
		return true;
	(*at)++;
	if (!read_number(at, 2, 2, 0, MAX_TZDISP_HOUR, &hours))
		return false;
	if ((skip(at, ':') || **at != '\0') && !read_number(at, 2, 2, 0, 59, &minutes))
		return false;
	out->has_offset = true;
	out->offset = (hours * MINS_PER_HOUR + minutes) * SECS_PER_MINUTE * (west ? -1 : 1);
	return true;
}

/* Reads all of a text. */
static bool
read_written(const char *text, WrittenTime *out)
{
	const char *at = text;

	memset(out, 0, sizeof(*out));
	if (!read_number(&at, 4, 6, 1, 294276, &out->year) || !skip(&at, '-') ||
		!read_number(&at, 2, 2, 1, MONTHS_PER_YEAR, &out->month) || !skip(&at, '-') ||
		!read_number(&at, 2, 2, 1, day_tab[isleap(out->year)][out->month - 1], &out->day))
		return false;
	if (*at == 'T' || *at == 't' || (*at == ' ' && at[1] >= '0' && at[1] <= '9'))
	{
		at++;
		if (!read_number(&at, 1, 2, 0, HOURS_PER_DAY - 1, &out->hour) || !skip(&at, ':') ||
			!read_number(&at, 2, 2, 0, 59, &out->minute))
			return false;
		if (skip(&at, ':') && !read_number(&at, 2, 2, 0, 59, &out->second))
			return false;
		if (skip(&at, '.') && !read_fraction(&at, &out->microsecond))
			return false;
	}
	at += strspn(at, " ");
	return read_offset(&at, out) && *at == '\0';
}

/* Reads a time that is written in a schedule. */
TimestampTz
schedule_read_time(const char *text, const char *schedule, const pg_tz *zone)
{
	WrittenTime written;
	int64		wall;
	TimestampTz timestamp;

	if (!read_written(text, &written))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot read \"%s\" as a time in schedule \"%s\"", text, schedule),
				 errdetail("It must be a day of the calendar from year 1 on, and a time of day; words such as tomorrow mean another time whenever they are read."),
				 errhint("Write 2026-12-01 10:00, or 2026-12-01 10:00:00+01 with an offset from UTC; a zone's name is an argument of its own.")));
	wall = (date2j(written.year, written.month, written.day) - UNIX_EPOCH_JDATE) * (int64) SECS_PER_DAY +
		(written.hour * MINS_PER_HOUR + written.minute) * SECS_PER_MINUTE + written.second;
	timestamp = schedule_timestamp(written.has_offset ? wall - written.offset : clock_reach(wall, zone), written.microsecond);
	if (TIMESTAMP_NOT_FINITE(timestamp))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time \"%s\" in schedule \"%s\" is out of range", text, schedule),
				 errhint("Timestamps end with the year 294276.")));
	return timestamp;
}
