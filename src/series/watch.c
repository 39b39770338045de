/*-------------------------------------------------------------------------
 *
 * watch.c
 *	  A detector at work on one series: times, values and options around the machine of seasonal.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "series/watch.h"

#define ALPHA_DAILY 0.002
#define ALPHA_HOURLY 0.0003
#define MOST_SLOTS 1e12			/* that a gap counts for */

static const char *const status_names[] = {
	[WATCH_LEARNING] = "learning",
	[WATCH_NORMAL] = "normal",
	[WATCH_ANOMALY] = "anomaly",
	[WATCH_RESTING] = "resting"
};

/* Gives the name of a status. */
const char *
watch_status_name(WatchStatus status)
{
	return status_names[status];
}

/* Sets the options. */
void
watch_open(Watch *watch, const SeasonalOptions *options)
{
	watch->options = *options;
	watch->zone = NULL;
	if (options->timezone[0] == '\0')
		return;
	watch->zone = pg_tzset(options->timezone);
	if (watch->zone == NULL || !pg_tz_acceptable(watch->zone))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" is not known", options->timezone),
				 errhint("The view pg_timezone_names lists time zones.")));
}

/* Orders dates. */
static int
compare_int32(const void *a, const void *b)
{
	int32		left = *(const int32 *) a;
	int32		right = *(const int32 *) b;

	return left < right ? -1 : left > right;
}

/* Orders gaps. */
static int
compare_int64(const void *a, const void *b)
{
	int64		left = *(const int64 *) a;
	int64		right = *(const int64 *) b;

	return left < right ? -1 : left > right;
}

/* Gives the usual time between points: the median of the gaps, whole units where it is near one. */
int64
watch_step(const TimestampTz *times, int n)
{
	static const int64 units[] = {7 * SEASONAL_DAY, SEASONAL_DAY, USECS_PER_HOUR, 15 * USECS_PER_MINUTE,
	5 * USECS_PER_MINUTE, USECS_PER_MINUTE};
	int64		gaps[WATCH_STEP_POINTS];
	int64		step;

	if (n < 2)
		return SEASONAL_DAY;
	Assert(n <= WATCH_STEP_POINTS);
	for (int i = 1; i < n; i++)
	{
		double		gap = (double) times[i] - (double) times[i - 1];

		gaps[i - 1] = gap < 1 ? 1 : gap < 1e18 ? (int64) gap : (int64) 1e18;
	}
	qsort(gaps, n - 1, sizeof(int64), compare_int64);
	step = gaps[(n - 1) / 2];
	for (int i = 0; i < lengthof(units); i++)
		if (fabs((double) step - units[i]) < 0.1 * units[i])
			return units[i];
	return step;
}

/* Finds where a time lies in the calendar, and what counts for its slot: the time, or the date for steps of days. */
static void
find_day(const Watch *watch, TimestampTz time, SeasonalDay *day, double *position)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			offset;
	int			date;

	if (timestamp2tm(time, watch->zone ? &offset : NULL, &tm, &fsec, NULL, watch->zone) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	date = date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
	day->hour = tm.tm_hour;
	day->weekday = (j2day(date + POSTGRES_EPOCH_JDATE) + 6) % 7;
	day->day = tm.tm_mday - 1;
	day->left = day_tab[isleap(tm.tm_year)][tm.tm_mon - 1] - tm.tm_mday;
	day->holiday = watch->options.nholidays > 0 &&
		bsearch(&date, watch->options.holidays, watch->options.nholidays, sizeof(int32), compare_int32) != NULL;
	*position = watch->state.step < SEASONAL_DAY ? (double) time : (double) date * SEASONAL_DAY;
}

/* Begins a series. */
void
watch_begin(Watch *watch, int64 step, TimestampTz first)
{
	SeasonalDay day;
	double		origin;

	watch->state.step = step;
	find_day(watch, first, &day, &origin);
	seasonal_start(&watch->state, step, (int64) origin, watch->options.kind, watch->options.method,
				   watch->options.learning);
}

/* Passes the slots before a time, and gives how many. */
static int64
pass_slots(SeasonalState *state, double position)
{
	double		slot = rint((position - (double) state->origin) / state->step);
	int64		gap;

	if (!(slot > state->next))
		return 0;
	gap = (int64) Min(slot - state->next, MOST_SLOTS);
	seasonal_skip(state, gap);
	return gap;
}

/* Whether a deviation is too small to count, or on the side that is not looked at. */
static bool
is_idle(const Watch *watch, const WatchOutcome *outcome)
{
	const SeasonalOptions *options = &watch->options;
	double		floor = Max(options->least_absolute, options->least_relative * fabs(outcome->expected));

	if (outcome->verdict.side == 0)
		return false;
	if (fabs(outcome->value - outcome->expected) < floor)
		return true;
	return options->direction == (outcome->verdict.side > 0 ? DIRECTION_DOWN : DIRECTION_UP);
}

/* The p-value below which a point is strange. */
static double
watch_alpha(const Watch *watch)
{
	if (watch->options.alpha > 0)
		return watch->options.alpha;
	return watch->state.shape.hourly ? ALPHA_HOURLY : ALPHA_DAILY;
}

/* Gives what kind of strange a point is. */
static const char *
event_name(const SeasonalVerdict *verdict)
{
	if (verdict->test == TEST_STUCK)
		return "stuck";
	if (verdict->test == TEST_RUN)
		return "drift";
	return verdict->side > 0 ? "spike" : "drop";
}

/* Decides what a strange point is: part of an alarm, or too soon after one. */
static WatchStatus
strange_status(const Watch *watch, WatchOutcome *outcome)
{
	const SeasonalState *state = &watch->state;

	outcome->since_alarm = state->next - state->alarm;
	if (state->alarm >= 0 && outcome->since_alarm > 1 && outcome->since_alarm <= (int64) watch->options.rest + 1)
		return WATCH_RESTING;
	return WATCH_ANOMALY;
}

/* Judges a point behind the last one; passes the slots between. */
void
watch_judge(Watch *watch, TimestampTz time, double value, WatchOutcome *outcome)
{
	SeasonalState *state = &watch->state;
	double		alpha = watch_alpha(watch);
	double		position;

	memset(outcome, 0, sizeof(WatchOutcome));
	outcome->time = time;
	outcome->value = value;
	outcome->seen = state->nvalues;
	outcome->needed = state->shape.learning;
	find_day(watch, time, &outcome->day, &position);
	outcome->missing = pass_slots(state, position);
	outcome->status = state->fitted ? WATCH_NORMAL : WATCH_LEARNING;
	if (isnan(value))
		outcome->event = "missing";
	else if (outcome->missing > 0)
		outcome->event = "gap";
	if (isnan(value) || !state->fitted)
		return;
	value = Min(Max(value, -DBL_MAX), DBL_MAX);
	seasonal_judge(state, &outcome->day, value, &outcome->verdict);
	outcome->judged = true;
	outcome->repeats = value == state->last_value ? state->repeats + 1 : 0;
	outcome->expected = seasonal_expected(state, &outcome->verdict);
	seasonal_band(state, &outcome->day, &outcome->verdict, alpha, &outcome->lower, &outcome->upper);
	outcome->pvalue = is_idle(watch, outcome) ? 1 : Min(outcome->verdict.pvalue, 1);
	if (outcome->pvalue < alpha)
	{
		outcome->status = strange_status(watch, outcome);
		outcome->event = event_name(&outcome->verdict);
	}
}

/* Learns the point that was judged, which may add an event to it. */
void
watch_learn(Watch *watch, WatchOutcome *outcome)
{
	SeasonalState *state = &watch->state;
	bool		strange = outcome->status == WATCH_ANOMALY || outcome->status == WATCH_RESTING;

	state->last_time = outcome->time;
	if (isnan(outcome->value))
	{
		seasonal_skip(state, 1);
		return;
	}
	if (outcome->status == WATCH_ANOMALY)
		state->alarm = state->next;
	if (seasonal_learn(state, &outcome->day, Min(Max(outcome->value, -DBL_MAX), DBL_MAX), &outcome->verdict, strange))
		outcome->event = "level_shift";
}
