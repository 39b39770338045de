/*
 * schedule.h
 *	  When a job is due: a text that is read once, and a pure function of time.
 *
 *		* * * * *					cron: minute, hour, day of month, month, day of week
 *		* * * * * *					the same with seconds in front
 *		@hourly, @daily, …			cron's short names
 *		every 5 minutes				an interval, counted from the anchor
 *		at 2026-12-01 10:00			once
 *		on staging.orders			whenever rows have landed there
 *
 * Cron and local times are read in the schedule's time zone.
 */
#ifndef WORKER_SCHEDULE_H
#define WORKER_SCHEDULE_H

#include "datatype/timestamp.h"
#include "pgtime.h"

typedef enum ScheduleKind
{
	SCHEDULE_CRON,
	SCHEDULE_EVERY,
	SCHEDULE_AT,
	SCHEDULE_ON
} ScheduleKind;

/* One bit for each value that a field takes; bit 0 is value 0. */
typedef struct Cron
{
	uint64		seconds;
	uint64		minutes;
	uint64		hours;
	uint64		days;			/* 1 to 31 */
	uint64		months;			/* 1 to 12 */
	uint64		weekdays;		/* 0 to 6, Sunday is 0 */
	bool		last_day;		/* L in days: the month's last */
	bool		any_day;		/* days hold a *, or weekdays: both must agree; otherwise either will do */
	bool		any_weekday;
	bool		any_hour;		/* hours hold a *, or all 24: follows elapsed time where the clock is put forward or back */
} Cron;

typedef struct Schedule
{
	ScheduleKind kind;
	pg_tz	   *zone;
	Cron		cron;
	Interval	every;
	TimestampTz anchor;			/* of every: the slot from which the others are counted */
	TimestampTz at;
	char	   *relation;		/* of on: as written */
} Schedule;

/*
 * Reads a schedule, in the current memory context; ERROR 22023 with a hint that shows what one looks like.  zone is a
 * time zone's name (ERROR 22023).  An anchor that is not finite is 2000-01-01; "from" in the text goes before it.
 */
extern Schedule *schedule_parse(const char *text, const char *zone, TimestampTz anchor);

/* The first slot after a time; DT_NOEND when there is none. */
extern TimestampTz schedule_next(const Schedule *schedule, TimestampTz after);

#endif							/* WORKER_SCHEDULE_H */
