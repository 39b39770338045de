/*-------------------------------------------------------------------------
 *
 * seasonal_fit.c
 *	  Seasonal effects by medians.
 *
 * A value is a local level (medians of blocks of a week, joined by lines) plus an effect of each factor: of
 * its hour, weekday, hour of the week, of the last days of the month, the day of the month, holidays.  Each effect
 * is the median of what the others leave, shrunk by what chance alone makes of a median of so few
 * (James-Stein's positive part): thin groups have none.  Two passes over all factors settle the first fit, one each later.
 *
 * Strange values are left out, but for the factors with few values a group: what comes back
 * at the same place of the calendar is no accident, and otherwise would be strange for ever.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "series/seasonal_int.h"

#define MEDIAN_VARIANCE 1.57	/* of a median, in variances of a mean */
#define MAD_SCALE 1.4826		/* from a median size to a standard deviation */
#define FIRST_PASSES 2
#define AR_CLIP 2.5
#define AR_PRIOR 20
#define AR_MOST 0.9

/* A way to group slots by their place in the calendar; each group has an effect. */
typedef struct Factor
{
	bool		hourly;			/* of series below a day, or of the others */
	bool		sparse;			/* few values a group: strange ones count too */
	bool		dated;			/* does not come back every week */
	int			first;			/* its place among the effects */
	int			ngroups;
	int			least;			/* values of a group */
	double		doubt;			/* how often its variance by chance an effect must outweigh */
	int			(*group) (const SeasonalDay *day);	/* or -1 */
} Factor;

#define MAX_GROUPS 168

/* Gives the hour. */
static int
group_hour(const SeasonalDay *day)
{
	return day->hour;
}

/* Gives the weekday. */
static int
group_weekday(const SeasonalDay *day)
{
	return day->weekday;
}

/* Gives the hour of the week. */
static int
group_week_hour(const SeasonalDay *day)
{
	return day->weekday * 24 + day->hour;
}

/* Gives the distance to the end of the month, for its last three days. */
static int
group_month_end(const SeasonalDay *day)
{
	return day->left < 3 ? day->left : -1;
}

/* Gives the day of the month. */
static int
group_day(const SeasonalDay *day)
{
	return day->day;
}

/* Gives the one group of holidays. */
static int
group_holiday(const SeasonalDay *day)
{
	return day->holiday ? 0 : -1;
}

static const Factor factors[] = {
	{true, false, false, 0, 24, 1, 1, group_hour},
	{true, false, false, 24, 7, 12, 1, group_weekday},
	{true, true, false, 31, 168, 2, 1, group_week_hour},
	{true, true, true, 199, 1, 12, 1, group_holiday},
	{false, false, false, 0, 7, 2, 1, group_weekday},
	{false, true, true, 7, 3, 2, 4, group_month_end},
	{false, true, true, 10, 31, 3, 9, group_day},
	{false, true, true, 41, 1, 2, 2, group_holiday}
};

/* Puts the k-th of values in its place, smaller ones before it and greater ones behind it. */
void
seasonal_select(double *values, int n, int k)
{
	int			low = 0;
	int			high = n - 1;

	while (low < high)
	{
		double		pivot = values[low + (high - low) / 2];
		int			i = low;
		int			j = high;

		while (i <= j)
		{
			while (values[i] < pivot)
				i++;
			while (values[j] > pivot)
				j--;
			if (i <= j)
			{
				double		swap = values[i];

				values[i++] = values[j];
				values[j--] = swap;
			}
		}
		if (k <= j)
			high = j;
		else if (k >= i)
			low = i;
		else
			break;
	}
}

/* Gives the median of values, whose order changes; 0 of none. */
double
seasonal_median(double *values, int n)
{
	int			k = n / 2;
	double		below;

	if (n == 0)
		return 0;
	seasonal_select(values, n, k);
	if (n % 2 == 1)
		return values[k];
	below = values[0];
	for (int i = 1; i < k; i++)
		below = Max(below, values[i]);
	return (below + values[k]) / 2;
}

/* Gives the sum of a slot's effects, of all factors or of those that do not come back every week. */
static double
sum_effects(const SeasonalState *state, const SeasonalDay *day, bool dated)
{
	double		sum = 0;

	for (int f = 0; f < lengthof(factors); f++)
	{
		const Factor *factor = &factors[f];
		int			group;

		if (factor->hourly != state->shape.hourly || (dated && !factor->dated))
			continue;
		group = factor->group(day);
		if (group >= 0)
			sum += state->effects[factor->first + group];
	}
	return sum;
}

/* Gives all of the calendar's part in a slot's value. */
double
seasonal_season(const SeasonalState *state, const SeasonalDay *day)
{
	return sum_effects(state, day, false);
}

/* Gives the part of dates: of the month and of holidays. */
double
seasonal_dates(const SeasonalState *state, const SeasonalDay *day)
{
	return sum_effects(state, day, true);
}

/* What is fitted: the slots of the window, oldest first. */
typedef struct Fit
{
	SeasonalState *state;
	int64		begin;			/* first slot */
	int			n;
	double		y[SEASONAL_WINDOW]; /* NaN = no value, or a strange one */
	double		all[SEASONAL_WINDOW];	/* strange ones too */
	double		season[SEASONAL_WINDOW];	/* sum of the effects */
	double		trend[SEASONAL_WINDOW]; /* local level */
	double		scratch[SEASONAL_WINDOW];
	uint8		group[SEASONAL_WINDOW];
} Fit;

/* Gives the calendar of a slot of the window. */
static const SeasonalDay *
fit_day(const Fit *fit, int i)
{
	return &fit->state->day[(fit->begin + i) % SEASONAL_WINDOW];
}

/* Gives the median of what a block's values have beside their season; false when there are too few. */
static bool
block_level(Fit *fit, int begin, int end, double *level)
{
	int			n = 0;

	for (int i = begin; i < end; i++)
		if (!isnan(fit->y[i]))
			fit->scratch[n++] = fit->y[i] - fit->season[i];
	if (n < (fit->state->shape.block + 2) / 3)
		return false;
	*level = seasonal_median(fit->scratch, n);
	return true;
}

/* Fits the local levels: medians of blocks from the newest back, joined by lines and level beyond the ends. */
static void
fit_trend(Fit *fit)
{
	int			block = fit->state->shape.block;
	double		newer = 0;
	double		newer_at = fit->n;
	bool		first = true;
	int			done = fit->n;

	for (int end = fit->n; end > 0; end -= block)
	{
		int			begin = Max(end - block, 0);
		double		at = (begin + end - 1) / 2.0;
		double		level;

		if (!block_level(fit, begin, end, &level))
			continue;
		if (first)
			newer = level;
		first = false;
		for (; done > 0 && done - 1 >= at; done--)
			fit->trend[done - 1] = level + (newer - level) * (done - 1 - at) / Max(newer_at - at, 1);
		newer = level;
		newer_at = at;
	}
	for (; done > 0; done--)
		fit->trend[done - 1] = newer;
}

/* Gives the standard deviation of what is left, by its median size. */
static double
fit_scale(Fit *fit)
{
	int			n = 0;

	for (int i = 0; i < fit->n; i++)
		if (!isnan(fit->y[i]))
			fit->scratch[n++] = fabs(fit->y[i] - fit->trend[i] - fit->season[i]);
	return MAD_SCALE * seasonal_median(fit->scratch, n);
}

/* Gives what a group's values have in common: their median; of two the one nearer to nothing. */
static double
group_median(double *values, int n)
{
	if (n == 2)
	{
		if (values[0] * values[1] <= 0)
			return 0;
		return fabs(values[0]) < fabs(values[1]) ? values[0] : values[1];
	}
	return seasonal_median(values, n);
}

/* Gives a median shrunk by what chance makes of one. */
static double
shrink(double median, int n, double doubt, double scale)
{
	double		chance = MEDIAN_VARIANCE * scale * scale / n;
	double		square = median * median;

	return square > 0 ? median * Max(1 - doubt * chance / square, 0) : 0;
}

/* Sorts what the other factors leave of the values by group into scratch, and gives how many; start[g] is where group g begins. */
static int
sort_by_group(Fit *fit, const Factor *factor, int start[MAX_GROUPS + 2])
{
	const double *y = factor->sparse ? fit->all : fit->y;
	const double *effects = fit->state->effects + factor->first;
	int			next[MAX_GROUPS + 1];

	memset(start, 0, sizeof(int) * (MAX_GROUPS + 2));
	for (int i = 0; i < fit->n; i++)
	{
		int			group = isnan(y[i]) ? -1 : factor->group(fit_day(fit, i));

		fit->group[i] = group < 0 ? MAX_GROUPS : group;
		start[fit->group[i] + 1]++;
	}
	for (int g = 0; g <= MAX_GROUPS; g++)
	{
		start[g + 1] += start[g];
		next[g] = start[g];
	}
	for (int i = 0; i < fit->n; i++)
	{
		int			g = fit->group[i];

		if (g < MAX_GROUPS)
			fit->scratch[next[g]++] = y[i] - fit->trend[i] - fit->season[i] + effects[g];
	}
	return start[MAX_GROUPS];
}

/* Fits one factor's effects to what all others leave. */
static void
fit_factor(Fit *fit, const Factor *factor, double scale)
{
	double	   *effects = fit->state->effects + factor->first;
	double		change[MAX_GROUPS];
	int			start[MAX_GROUPS + 2];

	if (sort_by_group(fit, factor, start) == 0)
		return;
	for (int g = 0; g < factor->ngroups; g++)
	{
		int			n = start[g + 1] - start[g];
		double		effect = 0;

		if (n >= factor->least)
			effect = shrink(group_median(fit->scratch + start[g], n), n, factor->doubt, scale);
		change[g] = effect - effects[g];
		effects[g] = effect;
	}
	for (int i = 0; i < fit->n; i++)
	{
		int			group = factor->group(fit_day(fit, i));

		if (group >= 0)
			fit->season[i] += change[group];
	}
}

/* Fits which part of a deviation the next slot still has. */
static double
fit_ar(const Fit *fit, double scale)
{
	double		products = 0;
	double		squares = 0;
	double		previous = NAN;
	int			n = 0;

	for (int i = 0; i < fit->n; i++)
	{
		double		deviation = fit->y[i] - fit->trend[i] - fit->season[i];

		if (!isnan(deviation))
			deviation = Min(Max(deviation, -AR_CLIP * scale), AR_CLIP * scale);
		if (!isnan(deviation) && !isnan(previous))
		{
			products += deviation * previous;
			squares += previous * previous;
			n++;
		}
		previous = deviation;
	}
	if (squares <= 0)
		return 0;
	return Min(Max(products / squares * n / (n + AR_PRIOR), 0), AR_MOST);
}

/* Fits the effects, and which part of a deviation stays, to the slots of the window. */
void
seasonal_fit(SeasonalState *state)
{
	Fit			fit;
	double		scale = 0;

	fit.state = state;
	fit.n = (int) Min(state->next, state->shape.window);
	fit.begin = state->next - fit.n;
	for (int i = 0; i < fit.n; i++)
	{
		int			at = (fit.begin + i) % SEASONAL_WINDOW;

		fit.all[i] = state->y[at];
		fit.y[i] = state->flagged[at] ? NAN : state->y[at];
		fit.season[i] = seasonal_season(state, &state->day[at]);
	}
	fit_trend(&fit);
	/* the effects of the last fit are near the new ones */
	for (int pass = 0; pass < (state->fitted ? 1 : FIRST_PASSES); pass++)
	{
		scale = fit_scale(&fit);
		for (int f = 0; f < lengthof(factors); f++)
			if (factors[f].hourly == state->shape.hourly)
				fit_factor(&fit, &factors[f], scale);
		fit_trend(&fit);
	}
	scale = fit_scale(&fit);
	state->ar = fit_ar(&fit, scale);
	state->since_fit = 0;
}
