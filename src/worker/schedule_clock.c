/*-------------------------------------------------------------------------
 *
 * schedule_clock.c
 *	  A time zone's clock: what it shows, and when it shows it.
 *
 * Between two changes a clock runs evenly.  Everything here walks over the few
 * changes around a time, so it costs the same in any year, and knows nothing of
 * summer and winter: a clock may be put forward or back by any amount, a day included.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/schedule_int.h"

/* Gives how far the clock is ahead of UTC. */
static int64
clock_offset(int64 time, const pg_tz *zone)
{
	pg_time_t	t = time;
	const struct pg_tm *tm = pg_localtime(&t, zone);

	return tm == NULL ? 0 : tm->tm_gmtoff;
}

/* Gives the wall second of a time. */
int64
clock_wall(int64 time, const pg_tz *zone)
{
	return time + clock_offset(time, zone);
}

/* Gives the next time at which the clock changes. */
int64
clock_change(int64 time, const pg_tz *zone)
{
	pg_time_t	t = time;
	pg_time_t	change;
	long int	before;
	long int	after;
	int			before_isdst;
	int			after_isdst;

	if (pg_next_dst_boundary(&t, &before, &before_isdst, &change, &after, &after_isdst, zone) != 1 || change <= time)
		return SCHEDULE_NONE;
	return change;
}

/* Gives the first time at which the clock shows a wall second or a later one. */
int64
clock_reach(int64 wall, const pg_tz *zone)
{
	int64		from = wall - CLOCK_FARTHEST;

	for (;;)
	{
		int64		time = Max(from, wall - clock_offset(from, zone));
		int64		change = clock_change(from, zone);

		if (time < change)
			return time;
		from = change;
	}
}

/* Gives the latest wall second that the clock has shown up to a time. */
int64
clock_high(int64 time, const pg_tz *zone)
{
	int64		high = clock_wall(time, zone);
	int64		from = time - 2 * CLOCK_FARTHEST;
	int64		change;

	while ((change = clock_change(from, zone)) <= time)
	{
		high = Max(high, change - 1 + clock_offset(from, zone));
		from = change;
	}
	return high;
}
