/*-------------------------------------------------------------------------
 *
 * seasonal_judge.c
 *	  Forecasts and verdicts.
 *
 * Three tests look at a value: its distance to the forecast finds what breaks with the last slots, its
 * distance to the slow level what the forecast has got used to, and the mean of the last few of those a
 * drift whose single values are ordinary.  The least p-value counts, doubled, because the first two
 * mostly agree.  The very same value again is a test of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "series/seasonal_int.h"

#define GROUP_PRIOR 5			/* deviations that the common scale counts for beside a group's own */
#define RUN_CLIP 3				/* a single value has no more weight in a run */
#define TESTS_FACTOR 2			/* p-values of several tests: the least one times this */

/* Gives what a method expects in the next slot. */
double
seasonal_forecast(const SeasonalState *state, SeasonalMethod method, const SeasonalDay *day)
{
	switch (method)
	{
		case METHOD_HOLT_WINTERS:
			return state->winters_level + state->winters[state->next % state->shape.period] +
				seasonal_dates(state, day);
		case METHOD_LAST:
			return state->last_y + seasonal_dates(state, day);
		default:
			return seasonal_season(state, day) + state->level[method] + state->ar * state->last[method];
	}
}

/* Gives the group of slots that has a scale of its own. */
int
seasonal_group(const SeasonalState *state, const SeasonalDay *day)
{
	return state->shape.hourly ? day->hour : day->weekday;
}

/* Gives the usual distance to the forecast in a slot. */
double
seasonal_step_scale(const SeasonalState *state, const SeasonalDay *day)
{
	int			group = seasonal_group(state, day);
	double		weight = state->group_weight[group];
	double		scale = (state->group_scale[group] * weight + GROUP_PRIOR * state->scale[TEST_STEP]) /
		(weight + GROUP_PRIOR);

	return Max(scale, SEASONAL_LEAST_SCALE);
}

/* Gives the usual distance to season and slow level. */
double
seasonal_level_scale(const SeasonalState *state)
{
	return Max(state->scale[TEST_LEVEL], SEASONAL_LEAST_SCALE);
}

/* Gives a deviation as it counts in a run. */
double
seasonal_clip(double deviation)
{
	return Min(Max(deviation, -RUN_CLIP), RUN_CLIP);
}

/* Measures the distances of the tests for a value that the verdict holds. */
void
seasonal_measure(const SeasonalState *state, const SeasonalDay *day, SeasonalMethod method, SeasonalVerdict *verdict)
{
	double		sum;

	verdict->forecast = seasonal_forecast(state, method, day);
	verdict->step = (verdict->y - verdict->forecast) / seasonal_step_scale(state, day);
	verdict->level = (verdict->y - seasonal_season(state, day) - state->level[METHOD_STEADY]) /
		seasonal_level_scale(state);
	sum = seasonal_clip(verdict->level);
	for (int i = 0; i < state->shape.run - 1; i++)
		sum += state->recent[i];
	verdict->run = sum / state->shape.run;
}

/* Takes a test's p-value over when it is the least so far. */
static void
consider(SeasonalVerdict *verdict, int test, double pvalue, int side)
{
	/* written so that NaN, of a damaged state, counts as ordinary */
	if (!(pvalue < verdict->pvalue))
		return;
	verdict->pvalue = pvalue;
	verdict->test = test;
	verdict->side = side;
}

/* Judges a value in the next slot by what was learned before. */
void
seasonal_judge(const SeasonalState *state, const SeasonalDay *day, double value, SeasonalVerdict *verdict)
{
	memset(verdict, 0, sizeof(SeasonalVerdict));
	if (!state->fitted)
		return;
	verdict->judged = true;
	verdict->pvalue = 1;
	/* as it is kept: what is equal to earlier values is no deviation */
	verdict->y = (float) seasonal_transform(state->kind, state->offset, value);
	seasonal_measure(state, day, state->method, verdict);
	consider(verdict, TEST_STEP, TESTS_FACTOR * seasonal_tail_pvalue(&state->tails[TEST_STEP], verdict->step),
			 verdict->step > 0 ? 1 : -1);
	consider(verdict, TEST_LEVEL, TESTS_FACTOR * seasonal_tail_pvalue(&state->tails[TEST_LEVEL], verdict->level),
			 verdict->level > 0 ? 1 : -1);
	consider(verdict, TEST_RUN, TESTS_FACTOR * seasonal_tail_pvalue(&state->tails[TEST_RUN], verdict->run),
			 verdict->run > 0 ? 1 : -1);
	verdict->chance = (state->nrepeats + 0.5) / (state->nchances + 1.0);
	if (value == state->last_value)
		consider(verdict, TEST_STUCK, pow(verdict->chance, state->repeats + 1.0), 0);
}

/* Gives what was expected, as a value. */
double
seasonal_expected(const SeasonalState *state, const SeasonalVerdict *verdict)
{
	return seasonal_restore(state->kind, state->offset, verdict->forecast);
}

/* Gives the values between which the p-value of a single value stays above alpha. */
void
seasonal_band(const SeasonalState *state, const SeasonalDay *day, const SeasonalVerdict *verdict,
			  double alpha, double *lower, double *upper)
{
	double		step = seasonal_step_scale(state, day) * seasonal_tail_size(&state->tails[TEST_STEP], alpha / TESTS_FACTOR);
	double		level = seasonal_level_scale(state) * seasonal_tail_size(&state->tails[TEST_LEVEL], alpha / TESTS_FACTOR);
	double		middle = seasonal_season(state, day) + state->level[METHOD_STEADY];
	double		low = Max(verdict->forecast - step, middle - level);
	double		high = Min(verdict->forecast + step, middle + level);

	*lower = seasonal_restore(state->kind, state->offset, Min(low, verdict->forecast));
	*upper = seasonal_restore(state->kind, state->offset, Max(high, verdict->forecast));
}
