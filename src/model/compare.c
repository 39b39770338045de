/*-------------------------------------------------------------------------
 *
 * compare.c
 *	  model_compare(): how versions do on the rows that gates recorded.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/tuplestore.h"

#include "core/args.h"
#include "core/options.h"
#include "model/compare.h"

PG_FUNCTION_INFO_V1(aipipe_model_compare);
PG_FUNCTION_INFO_V1(aipipe_model_sample_size);

static const OptionSpec compare_specs[] = {
	{"since", OPTION_TEXT, OPTION_FIELD(CompareOptions, since), 0, 0, 0, NULL, NULL},
	{"max_rows", OPTION_INT, OPTION_FIELD(CompareOptions, max_rows), 500000, 1, 1e9, NULL, NULL},
	{"metric", OPTION_TEXT, OPTION_FIELD(CompareOptions, test.metric), 0, 0, 0, NULL, NULL},
	{"alpha", OPTION_REAL, OPTION_FIELD(CompareOptions, test.alpha), 0.05, 1e-9, 0.5, NULL, NULL},
	{"resamples", OPTION_INT, OPTION_FIELD(CompareOptions, test.resamples), 2000, 100, 1000000, NULL, NULL},
	{"seed", OPTION_INT, OPTION_FIELD(CompareOptions, test.seed), 0, 0, 9007199254740991.0, NULL, NULL},
};

/* Says with an error of the datatypes' own which option it is about and what that takes. */
static void
since_error(void *arg)
{
	if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_DATA_EXCEPTION)
		return;
	errhint("Option \"since\" of model_compare takes an interval before now, as \"7 days\", or a date or time, as \"2026-01-31\" or \"2026-01-31 12:00+00\".");
	errcontext("reading option \"since\" of model_compare");
}

/* Reads a time, or an interval before now. */
static TimestampTz
read_since(const char *since)
{
	Datum		text = CStringGetDatum(since);

	/* a date begins with its year */
	if (strspn(since, "0123456789") >= 4 && since[strspn(since, "0123456789")] == '-')
		return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, text, ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval,
												   TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()),
												   DirectFunctionCall3(interval_in, text, ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1))));
}

/* Gives the start of the window; without the option all counts. */
static TimestampTz
window_start(const char *since)
{
	ErrorContextCallback context = {error_context_stack, since_error, NULL};
	TimestampTz start;

	if (since == NULL)
		return DT_NOBEGIN;
	error_context_stack = &context;
	start = read_since(since);
	error_context_stack = context.previous;
	return start;
}

/* Numbers of the columns of the result. */
enum
{
	COLUMN_VERSION, COLUMN_ROLE, COLUMN_PREDICTED, COLUMN_SERVED, COLUMN_LABELLED,
	COLUMN_EXPECTED_SHARE, COLUMN_SERVED_SHARE, COLUMN_SRM,
	COLUMN_METRIC, COLUMN_VALUE, COLUMN_LOW, COLUMN_HIGH,
	COLUMN_PAIRS, COLUMN_TEST, COLUMN_DIFFERENCE, COLUMN_DIFFERENCE_LOW, COLUMN_DIFFERENCE_HIGH, COLUMN_P_VALUE,
	NCOLUMNS
};

/* Fills in a number unless it is none. */
static void
put_number(Datum *values, bool *nulls, int column, double number)
{
	values[column] = Float8GetDatum(number);
	nulls[column] = isnan(number);
}

/* Fills in what the split gives the version. */
static void
put_arm(const Arms *arms, int version, Datum *values, bool *nulls)
{
	for (int i = 0; i < arms->narms; i++)
	{
		if (arms->versions[i] != version)
			continue;
		put_number(values, nulls, COLUMN_EXPECTED_SHARE, arms->shares[i]);
		put_number(values, nulls, COLUMN_SERVED_SHARE, arms->total > 0 ? arms->keys[i] / arms->total : NAN);
		put_number(values, nulls, COLUMN_SRM, arms->p_value);
	}
}

/* Fills in how the version differs from the champion. */
static void
put_comparison(const Comparison *comparison, Datum *values, bool *nulls)
{
	values[COLUMN_PAIRS] = Int64GetDatum(comparison->pairs);
	nulls[COLUMN_PAIRS] = false;
	if (comparison->test == NULL)
		return;
	values[COLUMN_TEST] = CStringGetTextDatum(comparison->test);
	nulls[COLUMN_TEST] = false;
	put_number(values, nulls, COLUMN_DIFFERENCE, comparison->difference.difference);
	put_number(values, nulls, COLUMN_DIFFERENCE_LOW, comparison->difference.ci_low);
	put_number(values, nulls, COLUMN_DIFFERENCE_HIGH, comparison->difference.ci_high);
	put_number(values, nulls, COLUMN_P_VALUE, comparison->difference.p_value);
}

/* Puts one version's row into the result. */
static void
put_version(ReturnSetInfo *rsinfo, const Compare *compare, const Arms *arms,
			const ComparedVersion *version, const Judgement *champion_judged)
{
	Datum		values[NCOLUMNS];
	bool		nulls[NCOLUMNS];
	Judgement	judged;
	Comparison	comparison;

	memset(nulls, true, sizeof(nulls));
	memset(nulls, false, COLUMN_LABELLED + 1);
	values[COLUMN_VERSION] = Int32GetDatum(version->version);
	values[COLUMN_ROLE] = CStringGetTextDatum(version->role);
	values[COLUMN_PREDICTED] = Int64GetDatum(version->predicted);
	values[COLUMN_SERVED] = Int64GetDatum(version->served);
	values[COLUMN_LABELLED] = Int64GetDatum(version->nrows);
	nulls[COLUMN_LABELLED] = compare->metric == NULL;
	put_arm(arms, version->version, values, nulls);
	if (compare->metric != NULL)
	{
		values[COLUMN_METRIC] = CStringGetTextDatum(compare->metric->name);
		nulls[COLUMN_METRIC] = false;
		judged = *champion_judged;
		if (version != compare->champion)
			compare_measure(version, compare->task, compare->metric, &compare->options.test, &judged);
		put_number(values, nulls, COLUMN_VALUE, judged.measured ? judged.value : NAN);
		put_number(values, nulls, COLUMN_LOW, judged.measured ? judged.low : NAN);
		put_number(values, nulls, COLUMN_HIGH, judged.measured ? judged.high : NAN);
		if (compare->champion != NULL && version != compare->champion)
		{
			compare_difference(version, &judged, compare->champion, champion_judged, compare->task,
							   compare->metric, &compare->options.test, &comparison);
			put_comparison(&comparison, values, nulls);
		}
	}
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* model_compare(model, params): versions side by side, by the predictions that gates recorded and the labels that came later. */
Datum
aipipe_model_compare(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Compare    *compare = palloc0(sizeof(Compare));
	char	   *model = arg_text(fcinfo, 0, "model");
	Judgement	champion_judged = {0};
	TimestampTz since;
	Arms		arms;

	InitMaterializedSRF(fcinfo, 0);
	options_parse(PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), "model_compare", compare_specs,
				  lengthof(compare_specs), &compare->options);
	compare->options.test.method = "exact";
	compare->ref = registry_resolve(model, MODEL_CHAMPION, MODEL_PREDICT, GetUserId());
	since = window_start(compare->options.since);
	compare_choose_metric(compare);
	compare_read(compare, since);
	arms = compare_read_arms(compare, since);
	if (compare->champion != NULL && compare->metric != NULL)
		compare_measure(compare->champion, compare->task, compare->metric, &compare->options.test, &champion_judged);
	for (int i = 0; i < compare->nversions; i++)
		put_version(rsinfo, compare, &arms, &compare->versions[i], &champion_judged);
	return (Datum) 0;
}

/* model_sample_size(first, second, alpha, power): rows that each of two equal arms needs to tell two shares apart. */
Datum
aipipe_model_sample_size(PG_FUNCTION_ARGS)
{
	double		first = PG_GETARG_FLOAT8(0);
	double		second = PG_GETARG_FLOAT8(1);
	double		size;

	if (!(first >= 0 && first <= 1) || !(second >= 0 && second <= 1) || first == second)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("two different shares between 0 and 1 are needed, not %g and %g", first, second)));
	size = stats_sample_size(first, second, PG_GETARG_FLOAT8(2), PG_GETARG_FLOAT8(3));
	if (isnan(size))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("alpha must be above 0 and below 1, and power between alpha and 1")));
	PG_RETURN_FLOAT8(size);
}
