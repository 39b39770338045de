/*-------------------------------------------------------------------------
 *
 * flag.c
 *	  From which severity on a detector's rows are flagged: the choice of a threshold.
 *
 * A severity is a share of training rows, and training rows look more normal to
 * the detector that learned them than the next ones do.  So the threshold is read
 * off clean rows that did not teach: the lowest severity that no more of them than
 * the nominal share reach, and of which one may be sure, at level .95, that no more
 * than one and a half times the nominal share of all such rows reach it
 * (the binomial bound of Clopper and Pearson, 1934).  That takes about two rows
 * over the nominal share; with fewer, training's own severities must do.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "compat/compat.h"
#include "core/args.h"
#include "core/options.h"
#include "learn/flag.h"
#include "learn/stats.h"

/* One may be sure of no more than so many times the nominal share … */
#define TOLERANCE 1.5

/* … but for this chance. */
#define DOUBT 0.05

/* Level of the interval of a share, as 1 - level. */
#define INTERVAL_ALPHA 0.05

#define RULE "a detector's threshold"

/* Sorts severities, the greatest first. */
#define ST_SORT sort_severities
#define ST_ELEMENT_TYPE float
#define ST_COMPARE(a, b) (*(a) > *(b) ? -1 : *(a) < *(b))
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#define ST_CHECK_FOR_INTERRUPTS
#include "lib/sort_template.h"

/* What an object may say. */
typedef struct FlagObject
{
	double		percentile;		/* negative when not given; so are the next ones */
	double		false_alarms;
	char	   *per;
	double		rows_per_day;
	char	   *time;
	Jsonb	   *cost;
} FlagObject;

static const OptionSpec object_specs[] = {
	{"percentile", OPTION_REAL, OPTION_FIELD(FlagObject, percentile), -1, 0, 1},
	{"false_alarms", OPTION_REAL, OPTION_FIELD(FlagObject, false_alarms), -1, 0, 1e15},
	{"per", OPTION_TEXT, OPTION_FIELD(FlagObject, per)},
	{"rows_per_day", OPTION_REAL, OPTION_FIELD(FlagObject, rows_per_day), -1, 0, 1e15},
	{"time", OPTION_TEXT, OPTION_FIELD(FlagObject, time)},
	{"cost", OPTION_JSON, OPTION_FIELD(FlagObject, cost)},
};

typedef struct FlagCosts
{
	double		false_alarm;	/* negative when not given; so are the next ones */
	double		miss;
	double		rate;
} FlagCosts;

static const OptionSpec cost_specs[] = {
	{"false_alarm", OPTION_REAL, OPTION_FIELD(FlagCosts, false_alarm), -1, 0, 1e100},
	{"miss", OPTION_REAL, OPTION_FIELD(FlagCosts, miss), -1, 0, 1e100},
	{"rate", OPTION_REAL, OPTION_FIELD(FlagCosts, rate), -1, 0, 1},
};

static const struct
{
	const char *name;
	double		days;
}			periods[] = {
	{"hour", 1.0 / 24},
	{"day", 1},
	{"week", 7},
	{"month", 30}
};

/* Ends with the error for a number that is not strictly between 0 and 1. */
static void pg_attribute_noreturn()
not_a_share(const char *what, double value)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s of " RULE " is out of range: %g", what, value),
			 errdetail("It is greater than 0 and less than 1.")));
}

/* Gives the days of a word for a period, or of an interval. */
static double
period_days(const char *per)
{
	Interval   *interval;
	double		days;

	for (int i = 0; i < lengthof(periods); i++)
		if (strcmp(per, periods[i].name) == 0)
			return periods[i].days;
	interval = arg_interval(per);
	days = interval->month * (double) DAYS_PER_MONTH + interval->day + interval->time / (double) USECS_PER_DAY;
	if (!(days > 0) || days > 1e9)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"per\" of " RULE " is no time in which rows come: \"%s\"", per),
				 errhint("Use \"hour\", \"day\", \"week\", \"month\" or a positive interval.")));
	return days;
}

/* Settles the share of a budget by the rows that come in a day. */
static void
settle_budget(FlagRule *rule, double rows_per_day)
{
	rule->share = rule->false_alarms / (rows_per_day * rule->days);
	if (!(rule->share < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the budget of " RULE " allows every row to be flagged"),
				 errdetail("%g false alarms in %g days, and %g rows come in that time.", rule->false_alarms,
						   rule->days, rows_per_day * rule->days),
				 errhint("Allow fewer false alarms.")));
}

/* Reads a budget of false alarms. */
static void
parse_budget(FlagRule *rule, const FlagObject *object)
{
	rule->kind = FLAG_BUDGET;
	rule->false_alarms = object->false_alarms;
	rule->days = period_days(object->per ? object->per : "day");
	rule->time = object->time;
	if (!(object->false_alarms > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"false_alarms\" of " RULE " must be greater than 0"),
				 errhint("A budget may be less than 1: 0.1 is one false alarm in ten days.")));
	if ((object->rows_per_day >= 0) == (object->time != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a budget of false alarms needs to know how many rows come"),
				 errdetail("It has exactly one of \"rows_per_day\" and \"time\"."),
				 errhint("Give the number as \"rows_per_day\", or name the column that says when a row came in \"time\".")));
	if (object->time == NULL && !(object->rows_per_day > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"rows_per_day\" of " RULE " must be greater than 0")));
	rule->share = NAN;
	if (object->time == NULL)
		settle_budget(rule, object->rows_per_day);
}

/*
 * Gives the p-value at which flagging and not flagging are expected to cost the
 * same.  Flag a row when P(wrong | p) * miss >= P(clean | p) * false_alarm.  A
 * clean row's p-value is uniform; what a wrong row's looks like nobody knows, but
 * as evidence against "clean" a p-value below 1/e is worth no more than a factor
 * of 1 / (-e p ln p) (Sellke, Bayarri, Berger 2001).  With that bound and the
 * prior odds rate / (1 - rate), solve
 *
 *		-e p ln p = rate / (1 - rate) * miss / false_alarm
 *
 * whose left side grows from 0 to 1 on (0, 1/e].
 */
static double
cost_pvalue(double right_side)
{
	double		low = 0;
	double		high = exp(-1);

	for (int i = 0; i < 200; i++)
	{
		double		p = (low + high) / 2;

		if (p > 0 && -exp(1) * p * log(p) < right_side)
			low = p;
		else
			high = p;
	}
	return high;
}

/* Reads costs. */
static void
parse_cost(FlagRule *rule, const Jsonb *object)
{
	FlagCosts	costs;
	double		right_side;

	options_parse(object, "the cost of " RULE, cost_specs, lengthof(cost_specs), &costs);
	if (!(costs.false_alarm > 0) || !(costs.miss > 0) || costs.rate < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the cost of " RULE " needs \"false_alarm\", \"miss\" and \"rate\""),
				 errdetail("Costs are greater than 0; the rate is the share of rows that are assumed to be wrong.")));
	if (!(costs.rate > 0 && costs.rate < 1))
		not_a_share("\"rate\"", costs.rate);
	right_side = costs.rate / (1 - costs.rate) * (costs.miss / costs.false_alarm);
	if (!(right_side < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("at this cost every row would be flagged"),
				 errdetail("Not to look at a row costs %g before anything is known of it, to look at it %g.",
						   costs.rate * costs.miss, (1 - costs.rate) * costs.false_alarm),
				 errhint("Give a lower rate or a lower cost of a miss.")));
	rule->kind = FLAG_COST;
	rule->share = cost_pvalue(right_side);
}

/* Reads a rule that is given as an object. */
static void
parse_object(FlagRule *rule, const Jsonb *option)
{
	FlagObject	object;
	const char *idle = NULL;

	options_parse(option, RULE, object_specs, lengthof(object_specs), &object);
	if ((object.percentile >= 0) + (object.false_alarms >= 0) + (object.cost != NULL) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(RULE " has exactly one of \"percentile\", \"false_alarms\" and \"cost\"")));
	if (object.false_alarms < 0)
		idle = object.per != NULL ? "per" : object.rows_per_day >= 0 ? "rows_per_day" : object.time != NULL ? "time" : NULL;
	if (idle != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" of " RULE " belongs to a budget of \"false_alarms\"", idle)));
	if (object.cost != NULL)
		parse_cost(rule, object.cost);
	else if (object.false_alarms >= 0)
		parse_budget(rule, &object);
	else if (object.percentile > 0 && object.percentile < 1)
	{
		rule->kind = FLAG_PERCENTILE;
		rule->share = 1 - object.percentile;
	}
	else
		not_a_share("\"percentile\"", object.percentile);
}

/* Reads a severity that is given as a number. */
static void
parse_severity(FlagRule *rule, const JsonbValue *value)
{
	rule->kind = FLAG_SEVERITY;
	rule->severity = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	rule->share = 1 - rule->severity;
	if (!(rule->severity > 0 && rule->severity < 1))
		not_a_share("the severity", rule->severity);
}

/* Reads a rule; NULL and null give NULL. */
FlagRule *
flag_parse(const Jsonb *option)
{
	FlagRule   *rule;
	JsonbValue	value;

	if (option == NULL)
		return NULL;
	rule = palloc0(sizeof(FlagRule));
	if (JB_ROOT_IS_OBJECT(option))
	{
		parse_object(rule, option);
		return rule;
	}
	if (!JB_ROOT_IS_SCALAR(option) || !JsonbExtractScalar(&unconstify(Jsonb *, option)->root, &value))
		value.type = jbvBool;	/* an array is no better than a boolean */
	if (value.type == jbvNull)
		return NULL;
	if (value.type != jbvNumeric)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(RULE " must be a number or an object"),
				 errhint("Use a severity like 0.999, or an object with \"percentile\", \"false_alarms\" or \"cost\".")));
	parse_severity(rule, &value);
	return rule;
}

/* Tells whether rows choose the threshold. */
bool
flag_is_chosen(const FlagRule *rule)
{
	return rule != NULL && rule->kind != FLAG_SEVERITY;
}

/* Settles the share of a budget whose rows a day are measured. */
void
flag_measured(FlagRule *rule, double nrows, double days)
{
	if (rule->time == NULL)
		return;
	if (!(days > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" does not tell how many rows come in a day", rule->time),
				 errdetail("Its times are all the same, or there are none."),
				 errhint("Give the number as \"rows_per_day\".")));
	settle_budget(rule, nrows / days);
}

/* Gives the greatest number of rows that may be flagged of so many, or -1 when even none says too little. */
static int64
allowed_rows(double share, int64 nrows)
{
	double		bound = Min(TOLERANCE * share, 1);
	int64		low = -1;
	int64		high = Min((int64) floor(share * nrows + 1e-9), nrows - 1);

	/* low is allowed, high perhaps */
	while (low < high)
	{
		int64		middle = low + (high - low + 1) / 2;

		if (bound >= 1 || stats_binomial_lower(middle, nrows, bound) <= DOUBT)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* Gives the lowest threshold that so many of the rows, sorted, reach at most; above 1 when there is none. */
static float
threshold_above(const float *severities, int64 nflagged)
{
	float		first_passed = severities[nflagged];

	while (nflagged > 0 && severities[nflagged - 1] == first_passed)
		nflagged--;
	return nflagged > 0 ? severities[nflagged - 1] : nextafterf(first_passed, 2);
}

/* Chooses the threshold. */
void
flag_choose(const FlagRule *rule, int64 nrows, float *severities, FlagChoice *choice)
{
	int64		nflagged;

	choice->checked = false;
	choice->nominal = rule->share;
	choice->threshold = rule->kind == FLAG_SEVERITY ? rule->severity : 1 - rule->share;
	if (rule->kind == FLAG_SEVERITY || nrows == 0)
		return;
	nflagged = allowed_rows(rule->share, nrows);
	if (nflagged < 0)
		return;
	sort_severities(severities, nrows);
	choice->checked = true;
	choice->threshold = threshold_above(severities, nflagged);
	if (choice->threshold > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no threshold flags so few rows"),
				 errdetail("A share of %g may be flagged, but more of the clean rows have the greatest severity.", rule->share),
				 errhint("Allow more false alarms, or train on rows like these.")));
}

/* Gives the share and its interval. */
void
flag_interval(FlagCount *count)
{
	count->share = count->low = count->high = NAN;
	if (count->rows == 0)
		return;
	count->share = (double) count->flagged / (double) count->rows;
	stats_wilson(count->flagged, count->rows, INTERVAL_ALPHA, &count->low, &count->high);
}

/* Counts the rows that reach a threshold. */
void
flag_count(double threshold, int64 nrows, const float *severities, FlagCount *count)
{
	count->rows = nrows;
	count->flagged = 0;
	for (int64 row = 0; row < nrows; row++)
		count->flagged += severities[row] >= threshold;
	flag_interval(count);
}
