/*-------------------------------------------------------------------------
 *
 * seasonal_learn.c
 *	  What a point changes.
 *
 * A strange value is remembered with its slot and changes nothing else, until so many have come in a row
 * that they are the new level.  The values of the learning phase are kept as they are; with the
 * last of them the machine runs over them once more, and from then on it judges.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "series/seasonal_int.h"

#define SIZE_CLIP 4				/* usual sizes that a deviation counts for at most */
#define LEVEL_CLIP 3			/* the same where levels move */
#define METHOD_LEAD 0.95		/* another method is taken over when its error is so much smaller */
#define WINTERS_SEASON 0.2		/* weight of a new value in Holt-Winters' season */
#define LEARNING_INFLATION 1.1	/* deviations from effects that the same values made are too small */
#define LEARNING_STRANGE 6		/* usual sizes from which a value of the learning phase is left out */
#define REFIT_SHARE 28			/* of the slots, new ones that call for a fit */
#define GROUP_MEMORY 60			/* deviations of a group that its scale goes by */

/* Sets what follows from the step alone. */
void
seasonal_set_shape(SeasonalShape *shape, int64 step, int learning)
{
	int			a_day = (int) Min(SEASONAL_DAY / Max(step, 1), 1000000);

	memset(shape, 0, sizeof(SeasonalShape));
	shape->hourly = step < SEASONAL_DAY;
	if (shape->hourly)
	{
		/* weeks as far as the window holds some, else days, else what there is */
		shape->period = a_day <= 24 ? a_day * 7 : a_day <= SEASONAL_PERIOD ? a_day : 1;
		shape->block = a_day <= 24 ? a_day * 7 : Min(a_day, SEASONAL_WINDOW / 4);
		shape->window = Min(a_day * 56, SEASONAL_WINDOW);
		shape->learning = Min(Max(a_day * 14, 28), 336);
		shape->refit = shape->lasting = Min(Max(a_day, 6), SEASONAL_LASTING);
		shape->run = 6;
		shape->residuals = Min(a_day * 28, SEASONAL_RESIDUALS);
		shape->neffects = 200;
		shape->ngroups = 24;
		shape->quick = 0.1;
		shape->slow = 0.01;
		shape->memory = 1.0 / Min(Max(a_day * 7, 28), 168);
	}
	else
	{
		shape->period = shape->block = shape->refit = shape->ngroups = 7;
		shape->window = 400;
		shape->learning = 28;
		shape->lasting = 5;
		shape->run = 3;
		shape->residuals = 180;
		shape->neffects = 42;
		shape->quick = 0.2;
		shape->slow = 0.05;
		shape->memory = 1 / 28.0;
	}
	if (learning > 0)
		shape->learning = learning;
}

/* Begins a series. */
void
seasonal_start(SeasonalState *state, int64 step, int64 origin, SeasonalKind kind, int method, int learning)
{
	memset(state, 0, sizeof(SeasonalState));
	seasonal_set_shape(&state->shape, step, learning);
	state->step = step;
	state->origin = origin;
	state->last_time = origin;
	state->kind = kind;
	state->fixed = method;
	state->method = method == SEASONAL_METHODS ? METHOD_STEADY : method;
	state->alarm = -1;
	state->last_value = NAN;
}

/* Moves an average towards a value. */
static void
blend(double *average, double value, double weight)
{
	*average += weight * (value - *average);
}

/* Gives a deviation kept within a number of usual sizes; any while there is no usual one. */
static double
limited(double deviation, double usual, double sizes)
{
	double		limit = sizes * usual;

	return usual > 0 ? Min(Max(deviation, -limit), limit) : deviation;
}

/* Learns how far off every method was, and which one is the best of late. */
static void
learn_errors(SeasonalState *state, const SeasonalDay *day, double y)
{
	int			best = 0;

	for (int m = 0; m < SEASONAL_METHODS; m++)
	{
		double		error = fabs(y - seasonal_forecast(state, m, day));

		blend(&state->error[m], limited(error, state->scale[TEST_STEP], SIZE_CLIP), state->shape.memory);
		if (state->error[m] < state->error[best])
			best = m;
	}
	if (state->fixed == SEASONAL_METHODS && state->error[best] < METHOD_LEAD * state->error[state->method])
		state->method = best;
}

/* Learns the sizes of deviations from forecast and level. */
static void
learn_scales(SeasonalState *state, const SeasonalDay *day, double step, double level)
{
	double		memory = state->shape.memory / 2;
	double		size = limited(fabs(step), state->scale[TEST_STEP], SIZE_CLIP);
	int			group = seasonal_group(state, day);

	blend(&state->scale[TEST_STEP], size, memory);
	blend(&state->scale[TEST_LEVEL], limited(fabs(level), state->scale[TEST_LEVEL], SIZE_CLIP), memory);
	state->group_weight[group] = Min(state->group_weight[group] + 1, GROUP_MEMORY);
	blend(&state->group_scale[group], size, 1 / state->group_weight[group]);
}

/* Learns the levels, what is left of the deviation from them, and Holt-Winters. */
static void
learn_levels(SeasonalState *state, const SeasonalDay *day, double y)
{
	const SeasonalShape *shape = &state->shape;
	double		usual = seasonal_level_scale(state);
	double		x = y - seasonal_season(state, day);
	double	   *season = &state->winters[state->next % shape->period];
	double		undated = y - seasonal_dates(state, day);
	double		change = limited(undated - state->winters_level - *season, usual, LEVEL_CLIP);

	for (int i = 0; i < 2; i++)
	{
		double		rate = i == METHOD_STEADY ? shape->slow : shape->quick;

		state->level[i] += rate * limited(x - state->level[i], usual, LEVEL_CLIP);
		state->last[i] = limited(x - state->level[i], usual, LEVEL_CLIP);
	}
	state->winters_level += shape->quick * change;
	*season += WINTERS_SEASON * (1 - shape->quick) * change;
	state->last_y = undated;
}

/* Keeps the deviation from the level for the next runs. */
static void
learn_run(SeasonalState *state, double level)
{
	memmove(state->recent + 1, state->recent, sizeof(double) * (SEASONAL_RUN - 1));
	state->recent[0] = seasonal_clip(level);
}

/* Lets the last deviation fade, as it does where nothing tells a new one. */
static void
fade(SeasonalState *state)
{
	state->last[METHOD_STEADY] *= state->ar;
	state->last[METHOD_SEASONAL] *= state->ar;
}

/* Learns a value that is not strange. */
static void
learn_value(SeasonalState *state, const SeasonalDay *day, const SeasonalVerdict *verdict, double inflation)
{
	double		step = verdict->y - verdict->forecast;
	double		level = verdict->level * seasonal_level_scale(state);
	int			capacity = state->shape.residuals;

	seasonal_tail_add(&state->tails[TEST_STEP], capacity, verdict->step * inflation);
	seasonal_tail_add(&state->tails[TEST_LEVEL], capacity, verdict->level * inflation);
	seasonal_tail_add(&state->tails[TEST_RUN], capacity, verdict->run * inflation);
	learn_errors(state, day, verdict->y);
	learn_scales(state, day, step, level);
	learn_levels(state, day, verdict->y);
}

/* Sets the tails by the deviations so far. */
static void
set_tails(SeasonalState *state)
{
	for (int i = 0; i < SEASONAL_TESTS; i++)
		seasonal_tail_set(&state->tails[i]);
}

/* Sets levels, scales and Holt-Winters' season to where the window begins. */
static void
begin_levels(SeasonalState *state, int64 begin)
{
	double		values[SEASONAL_WINDOW];
	int			length = (int) Min(state->next - begin, 2 * state->shape.block);
	double		middle;
	int			n = 0;

	for (int i = 0; i < length; i++)
	{
		int			at = (begin + i) % SEASONAL_WINDOW;

		if (!isnan(state->y[at]))
			values[n++] = state->y[at] - seasonal_season(state, &state->day[at]);
	}
	middle = seasonal_median(values, n);
	for (int i = 0; i < n; i++)
		values[i] = fabs(values[i] - middle);
	state->scale[TEST_STEP] = state->scale[TEST_LEVEL] = 1.2 * seasonal_median(values, n);
	state->level[METHOD_STEADY] = state->level[METHOD_SEASONAL] = middle;
	state->winters_level = state->last_y = middle;
	for (int i = 0; i < Min(state->shape.period, state->next - begin); i++)
	{
		const SeasonalDay *day = &state->day[(begin + i) % SEASONAL_WINDOW];

		state->winters[(begin + i) % state->shape.period] = seasonal_season(state, day) - seasonal_dates(state, day);
	}
}

/* Forgets the deviations of the first season, before the levels had settled, where enough are to come. */
static void
forget_first_season(SeasonalState *state, int64 begin)
{
	if (state->next - begin != state->shape.period || state->shape.learning < 2 * state->shape.period)
		return;
	for (int i = 0; i < SEASONAL_TESTS; i++)
		state->tails[i].n = state->tails[i].at = 0;
}

/* Runs over the values of the learning phase and learns what deviations are usual. */
static void
begin_deviations(SeasonalState *state, int64 begin)
{
	int64		end = state->next;
	SeasonalVerdict verdict = {0};

	for (state->next = begin; state->next < end; state->next++)
	{
		int			at = state->next % SEASONAL_WINDOW;

		forget_first_season(state, begin);
		if (isnan(state->y[at]))
		{
			fade(state);
			continue;
		}
		verdict.y = state->y[at];
		seasonal_measure(state, &state->day[at], state->method, &verdict);
		state->flagged[at] = fabs(verdict.level) > LEARNING_STRANGE && state->scale[TEST_LEVEL] > 0;
		learn_run(state, state->flagged[at] ? 0 : verdict.level);
		if (state->flagged[at])
			fade(state);
		else
			learn_value(state, &state->day[at], &verdict, LEARNING_INFLATION);
	}
}

/* Ends the learning phase: from here on values are judged. */
static void
begin_verdicts(SeasonalState *state)
{
	int64		begin = state->next - Min(state->next, state->shape.window);

	seasonal_choose_kind(state);
	seasonal_fit(state);
	begin_levels(state, begin);
	begin_deviations(state, begin);
	set_tails(state);
	state->fitted = true;
}

/* Takes what was strange for so long as the new level. */
static void
take_level(SeasonalState *state)
{
	int			n = 0;
	int			length = (int) Min(state->shape.lasting, state->next);
	double		levels[SEASONAL_LASTING] = {0};
	double		sorted[SEASONAL_LASTING];
	double		middle;

	for (int64 slot = state->next - length; slot < state->next; slot++)
	{
		int			at = slot % SEASONAL_WINDOW;

		if (!isnan(state->y[at]))
			levels[n++] = state->y[at] - seasonal_season(state, &state->day[at]);
		state->flagged[at] = false;
	}
	memcpy(sorted, levels, sizeof(double) * n);
	middle = seasonal_median(sorted, n);
	state->winters_level += middle - state->level[METHOD_STEADY];
	state->level[METHOD_STEADY] = state->level[METHOD_SEASONAL] = middle;
	state->last[METHOD_STEADY] = state->last[METHOD_SEASONAL] = 0;
	/* what varies more from now on must not stay strange */
	for (int i = 0; i < n; i++)
	{
		double		deviation = (levels[i] - middle) / seasonal_level_scale(state);

		seasonal_tail_add(&state->tails[TEST_STEP], state->shape.residuals, deviation);
		seasonal_tail_add(&state->tails[TEST_LEVEL], state->shape.residuals, deviation);
	}
	set_tails(state);
	memset(state->recent, 0, sizeof(state->recent));
	state->nrepeats += Min(state->repeats, state->strange);
	state->nchances += state->strange;
	state->strange = 0;
}

/* Passes slots without a value. */
void
seasonal_skip(SeasonalState *state, int64 nslots)
{
	int64		seen = Min(nslots, SEASONAL_WINDOW);

	state->next += nslots - seen;
	for (int64 i = 0; i < seen; i++)
	{
		int			at = state->next % SEASONAL_WINDOW;

		state->y[at] = NAN;
		state->flagged[at] = false;
		memset(&state->day[at], 0, sizeof(SeasonalDay));
		state->next++;
		fade(state);
	}
	state->since_fit += (int) seen;
}

/* Keeps the value with its slot, and counts repeats. */
static void
keep_value(SeasonalState *state, const SeasonalDay *day, double value, double y, bool strange)
{
	int			at = state->next % SEASONAL_WINDOW;
	bool		repeat = (value == state->last_value);

	state->y[at] = (float) y;
	state->day[at] = *day;
	state->flagged[at] = strange;
	state->repeats = repeat ? state->repeats + 1 : 0;
	if (!strange && !isnan(state->last_value))
	{
		state->nchances++;
		state->nrepeats += repeat;
	}
	state->last_value = value;
	state->nvalues++;
}

/* Whether enough is new since the last fit: the more there is, the less a few slots change. */
static bool
fit_is_due(const SeasonalState *state)
{
	return state->since_fit >= Max(state->shape.refit, Min(state->next, state->shape.window) / REFIT_SHARE);
}

/* Learns the value in the next slot, or that it was strange; true when that makes a new level. */
bool
seasonal_learn(SeasonalState *state, const SeasonalDay *day, double value,
			   const SeasonalVerdict *verdict, bool strange)
{
	bool		lasting = false;

	if (!state->fitted)
	{
		keep_value(state, day, value, Min(Max(value, -FLT_MAX), FLT_MAX), false);
		state->next++;
		if (state->nvalues >= state->shape.learning)
			begin_verdicts(state);
		return false;
	}
	keep_value(state, day, value, verdict->y, strange);
	/* a value that is strange by itself says nothing of a drift */
	learn_run(state, strange && verdict->test != TEST_RUN ? 0 : verdict->level);
	if (strange)
	{
		state->strange++;
		fade(state);
	}
	else
	{
		state->strange = 0;
		learn_value(state, day, verdict, 1);
	}
	state->next++;
	if (state->strange >= state->shape.lasting)
	{
		take_level(state);
		lasting = true;
	}
	state->since_fit++;
	if (fit_is_due(state))
	{
		seasonal_fit(state);
		set_tails(state);
	}
	return lasting;
}
