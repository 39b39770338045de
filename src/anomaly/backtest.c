/*-------------------------------------------------------------------------
 *
 * backtest.c
 *	  Replaying history: what a detector would have flagged, period by period.
 *
 *		rows by time ─▶ period ─▶ detector as of its start ─▶ blocks of 64 ─▶ flagged ─▶ one result row a period
 *
 * The executor sorts, and spills where it must; nothing is kept of a row but that it
 * was flagged, or, of the strangest flagged ones, the row.  Nothing is stored.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "storage/shmem.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "anomaly/backtest.h"
#include "model/value.h"

PG_FUNCTION_INFO_V1(aipipe_anomaly_backtest);
PG_FUNCTION_INFO_V1(aipipe_anomaly_backtest_rows);

/* What a period saw. */
typedef struct PeriodCounts
{
	int64		rows;
	int64		flagged;
	int64		explained;
	double		max_severity;
	int64		labelled_flagged;
	int64		anomalies;
	int64		caught;
	int64	   *columns;		/* flagged rows by the column that made them strange, by the encoder's order */
} PeriodCounts;

/* A replay that is under way. */
typedef struct Replay
{
	Backtest	test;
	ReturnSetInfo *rsinfo;
	bool		gives_rows;		/* the flagged rows, not the counts */
	BacktestPeriods periods;
	MemoryContext context;		/* of the period at hand */
	PeriodCounts counts;
	StrangeRows *kept;
	bool		labels[SCORER_BLOCK];	/* of the block's rows: an anomaly; … */
	bool		labelled[SCORER_BLOCK]; /* … whether that is known */
	int64		done;
	int64		unplaced;		/* rows without a time */
} Replay;

/* Counts a flagged row for the column that makes it the strangest. */
static void
blame_column(Replay *replay, int i)
{
	StrangeBlock *block = replay->test.block;
	Contribution *contributions;
	int			worst = -1;
	int			n;

	if (replay->counts.explained >= replay->test.options.explain_limit)
		return;
	replay->counts.explained++;
	strange_deform(block, block->rows[i]);
	contributions = scorer_explain(block->scorer, i, block->values, block->nulls, &n);
	for (int c = 0; c < n; c++)
		if (contributions[c].column >= 0 && contributions[c].contribution > 0 &&
			(worst < 0 || contributions[c].contribution > contributions[worst].contribution))
			worst = c;
	if (worst >= 0)
		replay->counts.columns[contributions[worst].column]++;
}

/* Counts what is known of a scored row beside its severity. */
static void
count_label(Replay *replay, int i, bool flagged)
{
	PeriodCounts *counts = &replay->counts;

	if (!replay->labelled[i])
		return;
	counts->labelled_flagged += flagged;
	counts->anomalies += replay->labels[i];
	counts->caught += flagged && replay->labels[i];
}

/* Scores the rows of the block. */
static void
take_block(Replay *replay)
{
	Backtest   *test = &replay->test;
	PeriodCounts *counts = &replay->counts;
	StrangeBlock *block = test->block;
	MemoryContext old;

	scorer_run(block->scorer);
	old = MemoryContextSwitchTo(block->context);
	for (int i = 0; i < block->scorer->nrows; i++)
	{
		StrangeRow	row = {scorer_value(block->scorer, i), 0, replay->done + i, block->rows[i]};
		bool		flagged = row.severity >= test->threshold;

		counts->max_severity = Max(counts->max_severity, row.severity);
		counts->flagged += flagged;
		count_label(replay, i, flagged);
		if (flagged && replay->gives_rows)
			strange_offer(replay->kept, &row);
		else if (flagged)
			blame_column(replay, i);
	}
	MemoryContextSwitchTo(old);
	replay->done += block->scorer->nrows;
	strange_reset(block);
}

/* Gives the columns that made flagged rows strange and how many rows each, the most first. */
static void
top_columns(const Replay *replay, Datum *names, Datum *counts)
{
	const Encoder *encoder = replay->test.version->encoder;
	int			wanted = Min((int) replay->test.options.top, encoder->ncolumns);
	Datum	   *name_values = palloc(mul_size(sizeof(Datum), Max(wanted, 1)));
	Datum	   *count_values = palloc(mul_size(sizeof(Datum), Max(wanted, 1)));
	int			n = 0;

	for (; n < wanted; n++)
	{
		int			best = 0;

		for (int c = 1; c < encoder->ncolumns; c++)
			if (replay->counts.columns[c] > replay->counts.columns[best])
				best = c;
		if (replay->counts.columns[best] == 0)
			break;
		name_values[n] = CStringGetTextDatum(encoder->columns[best].name);
		count_values[n] = Int64GetDatum(replay->counts.columns[best]);
		replay->counts.columns[best] = 0;
	}
	*names = PointerGetDatum(construct_array(name_values, n, TEXTOID, -1, false, TYPALIGN_INT));
	*counts = PointerGetDatum(construct_array(count_values, n, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* Puts a share into a result row, NULL when it is one of nothing. */
static void
set_share(Datum *value, bool *isnull, double part, double whole)
{
	*isnull = !(whole > 0);
	*value = Float8GetDatum(*isnull ? 0 : part / whole);
}

/* Gives one result row for the period. */
static void
put_period(Replay *replay)
{
	const Backtest *test = &replay->test;
	const PeriodCounts *counts = &replay->counts;
	Datum		values[15];
	bool		nulls[15] = {0};

	values[0] = TimestampTzGetDatum(replay->periods.start);
	values[1] = TimestampTzGetDatum(replay->periods.end);
	values[2] = Int64GetDatum(counts->rows);
	values[3] = Int64GetDatum(test->trained_rows);
	nulls[3] = test->trained_rows < 0;
	memset(nulls + 4, test->version == NULL, sizeof(bool) * 6);
	values[4] = Int64GetDatum(counts->flagged);
	values[5] = Float8GetDatum(counts->rows > 0 ? (double) counts->flagged / (double) counts->rows : 0);
	values[6] = Float8GetDatum(counts->max_severity);
	values[7] = Float8GetDatum(test->threshold);
	if (test->version != NULL)
		top_columns(replay, &values[8], &values[9]);
	memset(nulls + 10, test->version == NULL || test->label_attno == 0, sizeof(bool) * 5);
	values[10] = Int64GetDatum(counts->anomalies);
	values[11] = Int64GetDatum(counts->caught);
	if (!nulls[10])
	{
		set_share(&values[12], &nulls[12], (double) counts->caught, (double) counts->labelled_flagged);
		set_share(&values[13], &nulls[13], (double) counts->caught, (double) counts->anomalies);
		set_share(&values[14], &nulls[14], 2.0 * (double) counts->caught, (double) (counts->labelled_flagged + counts->anomalies));
	}
	tuplestore_putvalues(replay->rsinfo->setResult, replay->rsinfo->setDesc, values, nulls);
}

/* Gives the period's strangest flagged rows. */
static void
put_rows(Replay *replay)
{
	Backtest   *test = &replay->test;
	bool		nulls[4] = {0};

	strange_sort(replay->kept);
	for (int i = 0; i < replay->kept->nrows; i++)
	{
		const StrangeRow *row = &replay->kept->rows[i];
		MemoryContext old = MemoryContextSwitchTo(test->block->context);
		Datum		values[4];

		CHECK_FOR_INTERRUPTS();
		values[0] = TimestampTzGetDatum(replay->periods.start);
		values[2] = Float8GetDatum(row->severity);
		values[3] = strange_reasons(test->block, row, (int) test->options.reasons);
		values[1] = strange_json(test->block);
		tuplestore_putvalues(replay->rsinfo->setResult, replay->rsinfo->setDesc, values, nulls);
		MemoryContextSwitchTo(old);
	}
	strange_reset(test->block);
}

/* Ends the period at hand, if there is one. */
static void
end_period(Replay *replay)
{
	MemoryContext old;

	if (replay->context == NULL)
		return;
	if (replay->test.version != NULL)
		take_block(replay);
	old = MemoryContextSwitchTo(replay->context);
	if (!replay->gives_rows)
		put_period(replay);
	else if (replay->test.version != NULL)
		put_rows(replay);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(replay->context);
	replay->context = NULL;
}

/* Begins the period that the periods are at. */
static void
begin_period(Replay *replay)
{
	Backtest   *test = &replay->test;

	backtest_version_at(test, replay->periods.start);
	memset(&replay->counts, 0, sizeof(PeriodCounts));
	replay->context = AllocSetContextCreate(test->context, "aipipe anomaly backtest period", ALLOCSET_DEFAULT_SIZES);
	if (test->version == NULL)
		return;
	if (replay->gives_rows)
		replay->kept = strange_rows((int) test->options.limit, replay->context);
	else
		replay->counts.columns = MemoryContextAllocZero(replay->context,
														mul_size(sizeof(int64), test->version->encoder->ncolumns));
}

/* Has the period that holds the time be the one at hand. */
static void
reach(Replay *replay, TimestampTz time)
{
	BacktestPeriods next = replay->periods;

	if (replay->context != NULL && time < next.end)
		return;
	if (next.number < 0)
		backtest_periods_begin(&next, &replay->test.length, TIMESTAMP_IS_NOBEGIN(replay->test.from) ? time : replay->test.from);
	backtest_periods_reach(&next, time);
	end_period(replay);
	replay->periods = next;
	begin_period(replay);
}

/* Takes the next row of its period. */
static void
take_row(Replay *replay, const Datum *values, const bool *nulls)
{
	Backtest   *test = &replay->test;
	int			i;

	replay->counts.rows++;
	if (test->version == NULL)
		return;
	i = test->block->scorer->nrows;
	replay->labelled[i] = test->label_attno > 0 && !nulls[test->label_attno - 1];
	replay->labels[i] = replay->labelled[i] && value_number(test->label_type, values[test->label_attno - 1]) != 0;
	strange_add(test->block, values, nulls);
	if (strange_full(test->block))
		take_block(replay);
}

/* Replays the source's rows in the order of time. */
static void
replay_rows(Replay *replay)
{
	Backtest   *test = &replay->test;
	SourceScan *scan = source_scan_begin(source_by_time(test->source, test->time.attno, test->from, test->to), 1.0, 0);
	Progress	progress = {0};
	int64		nread = 0;
	Datum	   *values;
	bool	   *nulls;

	progress_begin(&progress, psprintf("replaying \"%s\"", test->source->text));
	progress_phase(&progress, "scoring", 0);
	while (source_scan_next(scan, &values, &nulls))
	{
		TimestampTz time;

		if (++nread % 1000 == 0)
			progress_update(&progress, nread);
		if (!time_column_read(&test->time, values, nulls, &time))
		{
			replay->unplaced++;
			continue;
		}
		reach(replay, time);
		take_row(replay, values, nulls);
	}
	end_period(replay);
	source_scan_end(scan);
	progress_end(&progress);
	if (replay->unplaced > 0)
		ereport(NOTICE,
				(errmsg(INT64_FORMAT " of " INT64_FORMAT " rows have no time in column \"%s\" and were left out",
						replay->unplaced, nread, NameStr(TupleDescAttr(test->source->desc, test->time.attno - 1)->attname))));
}

/* Replays and fills the function's result. */
static void
backtest(FunctionCallInfo fcinfo, bool gives_rows)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe anomaly backtest", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	Replay	   *replay;

	InitMaterializedSRF(fcinfo, 0);
	old = MemoryContextSwitchTo(context);
	replay = palloc0(sizeof(Replay));
	replay->rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	replay->gives_rows = gives_rows;
	replay->periods.number = -1;
	backtest_open(&replay->test, fcinfo, gives_rows);
	replay_rows(replay);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* anomaly_backtest(detector, source, time, params): what would have been flagged, by period. */
Datum
aipipe_anomaly_backtest(PG_FUNCTION_ARGS)
{
	backtest(fcinfo, false);
	return (Datum) 0;
}

/* anomaly_backtest_rows(detector, source, time, params): the strangest of the rows that would have been flagged, by period. */
Datum
aipipe_anomaly_backtest_rows(PG_FUNCTION_ARGS)
{
	backtest(fcinfo, true);
	return (Datum) 0;
}
