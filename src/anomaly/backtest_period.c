/*-------------------------------------------------------------------------
 *
 * backtest_period.c
 *	  Periods of time, one after the other.
 *
 * A period's start is the origin moved by a multiple of the length, so that months
 * stay months and days stay days across changes of the clock.  Rows come in the
 * order of time; gaps are jumped over.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "anomaly/backtest.h"

/* Gives about how many microseconds an interval is, a month at its longest. */
double
backtest_interval_usecs(const Interval *interval)
{
	return (interval->month * 31.0 + interval->day) * USECS_PER_DAY + interval->time;
}

/* Gives a time moved by an interval, times a number. */
TimestampTz
backtest_shift(TimestampTz time, const Interval *interval, int64 times)
{
	Interval	moved = *interval;
	bool		calendar = interval->day != 0 || interval->month != 0;

	if (pg_mul_s64_overflow(interval->time, times, &moved.time) ||
		(calendar && (times > PG_INT32_MAX || times < PG_INT32_MIN)) ||
		(calendar && pg_mul_s32_overflow(interval->day, (int32) times, &moved.day)) ||
		(calendar && pg_mul_s32_overflow(interval->month, (int32) times, &moved.month)))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("a backtest's periods go beyond what timestamps hold"),
				 errhint("Use longer periods, or a shorter span of time with \"from\" and \"to\".")));
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(time),
												   IntervalPGetDatum(&moved)));
}

/* Has a period be the one at hand. */
static void
set_period(BacktestPeriods *periods, int64 number)
{
	periods->number = number;
	periods->start = backtest_shift(periods->origin, &periods->length, number);
	periods->end = backtest_shift(periods->origin, &periods->length, number + 1);
	if (periods->end <= periods->start)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a backtest's period has no length"),
				 errhint("Use a positive interval like \"1 day\".")));
}

/* Begins periods whose first one holds the time: at a midnight of the session's time zone, or at a full hour or minute. */
void
backtest_periods_begin(BacktestPeriods *periods, const Interval *length, TimestampTz time)
{
	double		usecs = backtest_interval_usecs(length);
	const char *unit = length->month > 0 ? "month" : usecs >= USECS_PER_DAY ? "day"
		: usecs >= USECS_PER_HOUR ? "hour" : usecs >= USECS_PER_MINUTE ? "minute" : "second";

	periods->length = *length;
	periods->origin = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_trunc, CStringGetTextDatum(unit),
															  TimestampTzGetDatum(time)));
	set_period(periods, 0);
	backtest_periods_reach(periods, time);
}

/* Moves on to the period that holds the time, when that is a later one. */
void
backtest_periods_reach(BacktestPeriods *periods, TimestampTz time)
{
	double		behind = (double) time - (double) periods->end;

	if (behind < 0)
		return;
	/* no more periods than surely lie between, then one by one */
	behind = behind / backtest_interval_usecs(&periods->length) - 2;
	if (behind > 1)
		set_period(periods, periods->number + (int64) behind);
	while (time >= periods->end)
	{
		CHECK_FOR_INTERRUPTS();
		set_period(periods, periods->number + 1);
	}
}
