/*-------------------------------------------------------------------------
 *
 * backtest_options.c
 *	  What a backtest replays, and how: arguments and options.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "anomaly/backtest.h"
#include "core/args.h"
#include "core/options.h"
#include "model/value.h"

static const char *const modes[] = {"frozen", "walk", NULL};

#define COMMON_OPTIONS \
	{"period", OPTION_TEXT, OPTION_FIELD(BacktestOptions, period), 0, 0, 0, "1 day", NULL}, \
	{"mode", OPTION_TEXT, OPTION_FIELD(BacktestOptions, mode), 0, 0, 0, NULL, modes}, \
	{"window", OPTION_TEXT, OPTION_FIELD(BacktestOptions, window)}, \
	{"retrain", OPTION_TEXT, OPTION_FIELD(BacktestOptions, retrain)}, \
	{"min_rows", OPTION_INT, OPTION_FIELD(BacktestOptions, min_rows), 100, 1, 1e15}, \
	{"columns", OPTION_TEXT_LIST, OPTION_FIELD(BacktestOptions, columns)}, \
	{"params", OPTION_JSON, OPTION_FIELD(BacktestOptions, params)}, \
	{"threshold", OPTION_REAL, OPTION_FIELD(BacktestOptions, threshold), -1, 0, 1}, \
	{"from", OPTION_TEXT, OPTION_FIELD(BacktestOptions, from)}, \
	{"to", OPTION_TEXT, OPTION_FIELD(BacktestOptions, to)}

static const OptionSpec period_options[] = {
	COMMON_OPTIONS,
	{"label", OPTION_TEXT, OPTION_FIELD(BacktestOptions, label)},
	{"top", OPTION_INT, OPTION_FIELD(BacktestOptions, top), 3, 0, 1600},
	{"explain_limit", OPTION_INT, OPTION_FIELD(BacktestOptions, explain_limit), 1000, 0, 1e9},
};

static const OptionSpec row_options[] = {
	COMMON_OPTIONS,
	{"limit", OPTION_INT, OPTION_FIELD(BacktestOptions, limit), 100, 1, 10000},
	{"reasons", OPTION_INT, OPTION_FIELD(BacktestOptions, reasons), 3, 0, 100},
};

/* Gives the interval that an option says, which must be a positive one; NULL when it is absent. */
static Interval *
read_interval(const Backtest *test, const char *option, const char *text)
{
	Interval   *interval;

	if (text == NULL)
		return NULL;
	interval = arg_interval(text);
	if (interval->month < 0 || interval->day < 0 || interval->time < 0 || backtest_interval_usecs(interval) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" of %s must be a positive interval, not \"%s\"", option, test->function, text)));
	return interval;
}

/* Gives the time that an option says, or another one when it is absent. */
static TimestampTz
read_time(const char *text, TimestampTz absent)
{
	if (text == NULL)
		return absent;
	return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(text),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/* Reads the intervals and times and checks that they go together. */
static void
read_times(Backtest *test)
{
	const BacktestOptions *options = &test->options;

	test->length = *read_interval(test, "period", options->period);
	test->window = read_interval(test, "window", options->window);
	test->retrain = read_interval(test, "retrain", options->retrain);
	test->from = read_time(options->from, DT_NOBEGIN);
	test->to = read_time(options->to, DT_NOEND);
	if (test->from >= test->to)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"from\" of %s must be before \"to\"", test->function)));
}

/* Finds the column that says which rows were anomalies. */
static void
find_label(Backtest *test)
{
	const char *label = test->options.label;
	ListCell   *cell;

	if (label == NULL)
		return;
	test->label_attno = source_need_column(test->source->desc, label, test->source->text);
	test->label_type = getBaseType(TupleDescAttr(test->source->desc, test->label_attno - 1)->atttypid);
	if (!value_is_number(test->label_type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("label column \"%s\" is of type %s", label, format_type_be(test->label_type)),
				 errhint("Use a boolean column, or a number that is 0 for ordinary rows.")));
	foreach(cell, test->options.columns)
		if (strcmp(lfirst(cell), label) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("label column \"%s\" cannot be among the columns to learn from", label)));
}

/* Checks the threshold that is given, or makes it none. */
static void
read_threshold(Backtest *test)
{
	double	   *threshold = &test->options.threshold;

	if (*threshold < 0)
		*threshold = NAN;
	else if (!(*threshold > 0 && *threshold < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"threshold\" of %s must be greater than 0 and less than 1, not %g", test->function, *threshold),
				 errhint("For a rule that chooses it, give \"threshold\" in option \"params\".")));
}

/* Reads the arguments and checks them. */
void
backtest_open(Backtest *test, FunctionCallInfo fcinfo, bool rows)
{
	const Jsonb *params = PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3);
	char	   *time;

	test->function = rows ? "anomaly_backtest_rows" : "anomaly_backtest";
	test->context = CurrentMemoryContext;
	test->detector = arg_text(fcinfo, 0, "detector");
	test->source = source_resolve(arg_text(fcinfo, 1, "source"));
	time = arg_text(fcinfo, 2, "time");
	if (rows)
		options_parse(params, test->function, row_options, lengthof(row_options), &test->options);
	else
		options_parse(params, test->function, period_options, lengthof(period_options), &test->options);
	read_threshold(test);
	read_times(test);
	time_column_open(&test->time, test->source->desc, time, test->source->text);
	find_label(test);
	backtest_versions_begin(test);
}
