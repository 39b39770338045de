/*
 * backtest.h
 *	  How the files of a backtest see each other; nobody else includes it.
 *
 *		backtest_options.c	what is to be replayed, and how
 *		backtest_period.c	periods of time, one after the other
 *		backtest_version.c	the detector as it would have been at the start of a period
 *		backtest.c			the replay, and the two functions
 */
#ifndef ANOMALY_BACKTEST_H
#define ANOMALY_BACKTEST_H

#include "fmgr.h"
#include "utils/timestamp.h"

#include "anomaly/strange.h"
#include "core/source.h"
#include "model/time_column.h"
#include "model/train.h"

typedef struct BacktestOptions
{
	char	   *period;
	char	   *mode;			/* "frozen", "walk", or NULL */
	char	   *window;			/* NULL = everything before */
	char	   *retrain;		/* NULL = each period */
	int64		min_rows;
	List	   *columns;
	Jsonb	   *params;
	double		threshold;		/* NaN = the version's own */
	char	   *from;			/* NULL = the first row; so is the next one, the last row */
	char	   *to;
	char	   *label;			/* anomaly_backtest() alone, as the next two */
	int64		top;
	int64		explain_limit;
	int64		limit;			/* anomaly_backtest_rows() alone, as the next one */
	int64		reasons;
} BacktestOptions;

/* Periods of one length from an origin on; the k-th begins at origin + k * length. */
typedef struct BacktestPeriods
{
	TimestampTz origin;
	Interval	length;
	int64		number;			/* of the period at hand; -1 = none yet */
	TimestampTz start;
	TimestampTz end;
} BacktestPeriods;

/* What is replayed. */
typedef struct Backtest
{
	const char *function;		/* for messages */
	MemoryContext context;		/* of the whole call */
	const char *detector;
	BacktestOptions options;
	Source	   *source;			/* in the caller's order */
	TimeColumn	time;
	AttrNumber	label_attno;	/* 0 without one */
	Oid			label_type;
	Interval	length;			/* of a period */
	Interval   *window;
	Interval   *retrain;
	TimestampTz from;			/* DT_NOBEGIN, DT_NOEND when not said */
	TimestampTz to;
	bool		walks;
	TrainSpec	spec;			/* walking: what is trained before a period */

	/* the detector at hand */
	MemoryContext held;			/* the version and all that was made for it */
	const ModelVersion *version;	/* NULL: too few rows came before */
	int64		trained_rows;
	TimestampTz next_training;
	double		threshold;
	StrangeBlock *block;
} Backtest;

/* Reads the arguments (detector, source, time, params) as the caller and checks them; rows: for anomaly_backtest_rows(). */
extern void backtest_open(Backtest *test, FunctionCallInfo fcinfo, bool rows);

/* Gives a time moved by an interval, times a number; ERROR 22008 beyond what timestamptz holds. */
extern TimestampTz backtest_shift(TimestampTz time, const Interval *interval, int64 times);

/* About how many microseconds an interval is, a month at its longest. */
extern double backtest_interval_usecs(const Interval *interval);

/* Begins periods whose first one holds the time. */
extern void backtest_periods_begin(BacktestPeriods *periods, const Interval *length, TimestampTz time);

/* Moves on to the period that holds the time, when that is a later one. */
extern void backtest_periods_reach(BacktestPeriods *periods, TimestampTz time);

/* Finds the detector, or prepares to train one. */
extern void backtest_versions_begin(Backtest *test);

/* Has the detector be as it would have been at the start of a period. */
extern void backtest_version_at(Backtest *test, TimestampTz start);

#endif							/* ANOMALY_BACKTEST_H */
