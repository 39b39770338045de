/*
 * schedule_int.h
 *	  What the files of schedules share; nobody else includes it.
 *
 *		schedule.c			which kind of schedule a text is; the next slot of each kind
 *		schedule_cron.c		cron's fields as sets of values
 *		schedule_slot.c		the next slot of cron
 *		schedule_every.c	intervals
 *		schedule_time.c		a time as it is written in a schedule
 *		schedule_clock.c	a time zone's clock
 *		schedule_call.c		job_schedule_next()
 *
 * Two counts of seconds, both from 1970-01-01 00:00:00: a *time* is an instant (UTC), a *wall* second is what
 * a time zone's clock shows.
 */
#ifndef WORKER_SCHEDULE_INT_H
#define WORKER_SCHEDULE_INT_H

#include "worker/schedule.h"

#define SCHEDULE_NONE PG_INT64_MAX	/* no such second */

/* What a schedule looks like, for hints. */
#define SCHEDULE_FORMS \
	"A schedule is cron (\"0 3 * * *\", with seconds in front \"*/10 * * * * *\", or @daily), \"every 5 minutes\", " \
	"\"at 2026-12-01 10:00\" or \"on staging.orders\"."

/* Division that rounds down, whatever the sign. */
static inline int64
schedule_floor(int64 dividend, int64 divisor)
{
	return dividend / divisor - (dividend % divisor < 0 ? 1 : 0);
}

/*** schedule.c ***/

/* A finite timestamp as a time, rounded down, and back; DT_NOEND for what a timestamp cannot hold. */
extern int64 schedule_time(TimestampTz timestamp);
extern TimestampTz schedule_timestamp(int64 time, int64 microseconds);

/*** schedule_clock.c ***/

/* The wall second of a time. */
extern int64 clock_wall(int64 time, const pg_tz *zone);

/* The first time at which the clock shows a wall second, or a later one because it was put forward over it. */
extern int64 clock_reach(int64 wall, const pg_tz *zone);

/* The latest wall second that the clock has shown up to a time. */
extern int64 clock_high(int64 time, const pg_tz *zone);

/* The next time at which the clock is put forward or back; SCHEDULE_NONE when it never is again. */
extern int64 clock_change(int64 time, const pg_tz *zone);

/* No clock is as far from UTC, in seconds: a zone written as a rule may be a week away. */
#define CLOCK_FARTHEST (8 * SECS_PER_DAY)

/*** schedule_cron.c ***/

extern void cron_read(const char *text, Cron *cron);

/*** schedule_slot.c ***/

/* The first slot after a time, or SCHEDULE_NONE. */
extern int64 cron_next(const Cron *cron, int64 after, const pg_tz *zone);

/* Whether there is a day at all on which it can be due. */
extern bool cron_has_day(const Cron *cron);

/*** schedule_every.c ***/

/* Reads what stands behind "every"; schedule is the whole text, for messages. */
extern void every_read(const char *text, const char *schedule, Interval *every);

extern TimestampTz every_next(const Schedule *schedule, TimestampTz after);

/*** schedule_time.c ***/

/* Reads a time that is written in a schedule: in the zone, unless it has an offset of its own. */
extern TimestampTz schedule_read_time(const char *text, const char *schedule, const pg_tz *zone);

#endif							/* WORKER_SCHEDULE_INT_H */
