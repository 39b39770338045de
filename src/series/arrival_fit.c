/*-------------------------------------------------------------------------
 *
 * arrival_fit.c
 *	  Learns when the batches of a series arrive.
 *
 * Everything that could be set by hand is chosen by how well each arrival is foretold by the others
 * (leave one out): the kernel's width, and how much days of the same group and of the other group say about
 * a weekday.  So a weekday with little history leans on its group, and the group on all days, as far as they
 * are alike.  The same surprises, sorted, say how rare a new one is.
 *
 * Arrivals that the others make very unlikely are outliers: they neither widen the density nor the tail.
 * They are found anew at every fit, so a new habit becomes normal once it has company.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "series/arrival_height.h"
#include "series/arrival_slot.h"

#define ANY_TIME 0.001
#define NCLASSES 3				/* same weekday, same group, other group */
#define NFACTORS 6
#define OUTLIER_TAIL 0.0002	/* an arrival with a smaller p-value among the others does not teach */
#define PRIOR 20				/* arrivals that a tail of scale 1 counts for */
#define TAIL_CLIP 0.99			/* surprises beyond this share count as that one for the tail's scale */
#define LEAST_SCALE 0.5			/* what lies within the tolerance is never strange, however punctual a series was */
#define BROAD 3600				/* width that looks for the quietest hour */
#define CLEAR 0.05				/* fewer arrivals than this share leave no doubt on which calendar day they lie */

/* Weights of the same group and the other, and from which kind of handling on they are tried. */
static const struct
{
	float		group;
	float		other;
	bool		days[4];		/* by ArrivalDays */
}			factors[NFACTORS] =
{
	{1, 1, {true, true, false, false}},
	{1, 0.05, {true, false, true, false}},
	{1, 0.005, {true, false, true, false}},
	{0.2, 0.05, {true, false, false, true}},
	{0.2, 0.005, {true, false, false, true}},
	{0.02, 0.005, {true, false, false, true}}
};

/* What the others say about one arrival. */
typedef struct Others
{
	double		height[NCLASSES][ARRIVAL_WIDTHS];	/* sums of weight times kernel */
	double		weight[NCLASSES];
} Others;

/* The arrivals as one weekday sees them: those of one class after the other, in their order. */
typedef struct Classes
{
	int			end[NCLASSES];	/* behind a class' last one */
	int32	   *arrivals;
} Classes;

typedef struct Fit
{
	const ArrivalSettings *settings;
	ArrivalHeights *heights;
	Arrival    *arrivals;
	int			n;
	double	   *age_weight;		/* by age alone */
	double	   *weight;			/* 0 of an outlier */
	double	   *offset;
	int32	   *second;			/* the same as a whole number */
	int8	   *weekday;
	Classes		classes[ARRIVAL_WEEK];
	Others	   *others;
	double	   *surprise;
	double		day_surprise[ARRIVAL_WEEK];
	ArrivalSeries *series;
} Fit;

typedef struct Surprise
{
	double		surprise;
	double		weight;
	int			index;
} Surprise;

/* Orders surprises from small to great. */
static int
compare_surprises(const void *a, const void *b)
{
	const Surprise *left = a;
	const Surprise *right = b;

	if (left->surprise != right->surprise)
		return left->surprise < right->surprise ? -1 : 1;
	return left->index - right->index;
}

/* Weighs the arrivals by age. */
static void
weigh(Fit *fit)
{
	const Arrival *newest = &fit->arrivals[fit->n - 1];

	for (int i = 0; i < fit->n; i++)
	{
		const Arrival *arrival = &fit->arrivals[i];
		double		age = (double) newest->day - arrival->day + (newest->second - arrival->second) / (double) ARRIVAL_DAY;

		fit->age_weight[i] = exp2(-Max(age, 0) / fit->settings->half_life);
		fit->weight[i] = fit->age_weight[i];
	}
}

/* Finds the quietest quarter of an hour, where the days of the series are cut. */
static int
find_cut(const Fit *fit)
{
	ArrivalKernel kernel = arrival_kernel(BROAD);
	int			best = 0;
	double		least = 0;

	for (int second = 0; second < ARRIVAL_DAY; second += 900)
	{
		double		sum = 0;

		for (int i = 0; i < fit->n; i++)
			sum += fit->weight[i] * arrival_height(&kernel, arrival_squared(second, fit->arrivals[i].second));
		if (second == 0 || sum < least * (1 - 1e-9))
		{
			least = sum;
			best = second;
		}
	}
	return best;
}

/* Gives the share of the arrivals that lie between midnight and the cut, and so on the day after the one that it began. */
static double
share_behind(const Fit *fit, int cut)
{
	double		behind = 0;
	double		total = 0;

	for (int i = 0; i < fit->n; i++)
	{
		total += fit->weight[i];
		if (fit->arrivals[i].second < cut)
			behind += fit->weight[i];
	}
	return behind / total;
}

/* Places the arrivals on the days of the series, and learns how rarely batches come on the weekdays. */
static void
place(Fit *fit, int cut, int shift)
{
	double		most = 0;

	fit->series->cut = cut;
	fit->series->shift = shift;
	for (int i = 0; i < fit->n; i++)
	{
		ArrivalPoint point = arrival_point(cut, shift, fit->arrivals[i].day, fit->arrivals[i].second);

		fit->offset[i] = point.offset;
		fit->second[i] = (int32) point.offset;
		fit->weekday[i] = point.weekday;
	}
	arrival_day_rates(fit->arrivals, fit->offset, fit->age_weight, fit->n, fit->settings, fit->series);
	for (int d = 0; d < ARRIVAL_WEEK; d++)
		most = Max(most, fit->series->rate[d]);
	for (int d = 0; d < ARRIVAL_WEEK; d++)
		fit->day_surprise[d] = log(most / fit->series->rate[d]);
}

/* Gives the class of two weekdays: the same, of one group, or of two. */
static int
day_class(int weekend, int a, int b)
{
	if (a == b)
		return 0;
	return ((weekend >> a) & 1) == ((weekend >> b) & 1) ? 1 : 2;
}

/* Sorts the arrivals into classes for every weekday. */
static void
classify(Fit *fit)
{
	for (int d = 0; d < ARRIVAL_WEEK; d++)
	{
		Classes    *classes = &fit->classes[d];
		int			n = 0;

		for (int class = 0; class < NCLASSES; class++)
		{
			for (int i = 0; i < fit->n; i++)
			{
				if (day_class(fit->settings->weekend, d, fit->weekday[i]) == class)
					classes->arrivals[n++] = i;
			}
			classes->end[class] = n;
		}
	}
}

/* Sums what some arrivals but i itself say about arrival i. */
static void
hear(const Fit *fit, int i, const int32 *arrivals, int n, double *height, double *weight)
{
	/* each is named, to live in a register */
	double		sum0 = 0;
	double		sum1 = 0;
	double		sum2 = 0;
	double		sum3 = 0;
	double		sum4 = 0;
	double		sum5 = 0;
	double		sum6 = 0;
	double		total = 0;

	StaticAssertStmt(ARRIVAL_WIDTHS == 7, "a sum for each width");
	for (int k = 0; k < n; k++)
	{
		int			j = arrivals[k];
		const double *heights = arrival_heights_at(fit->heights, fit->second[i], fit->second[j]);
		double		w = j == i ? 0 : fit->weight[j];

		sum0 += w * heights[0];
		sum1 += w * heights[1];
		sum2 += w * heights[2];
		sum3 += w * heights[3];
		sum4 += w * heights[4];
		sum5 += w * heights[5];
		sum6 += w * heights[6];
		total += w;
	}
	height[0] = sum0;
	height[1] = sum1;
	height[2] = sum2;
	height[3] = sum3;
	height[4] = sum4;
	height[5] = sum5;
	height[6] = sum6;
	*weight = total;
}

/* Sums what the others say about every arrival. */
static void
gather(Fit *fit)
{
	classify(fit);
	for (int i = 0; i < fit->n; i++)
	{
		const Classes *classes = &fit->classes[fit->weekday[i]];
		int			from = 0;

		CHECK_FOR_INTERRUPTS();
		for (int class = 0; class < NCLASSES; class++)
		{
			hear(fit, i, classes->arrivals + from, classes->end[class] - from,
				 fit->others[i].height[class], &fit->others[i].weight[class]);
			from = classes->end[class];
		}
	}
}

/* Takes what arrival i said of the others away. */
static void
silence(Fit *fit, int i)
{
	for (int j = 0; j < fit->n; j++)
	{
		int			class = day_class(fit->settings->weekend, fit->weekday[i], fit->weekday[j]);
		const double *heights = arrival_heights_at(fit->heights, fit->second[i], fit->second[j]);

		if (j == i)
			continue;
		for (int h = 0; h < ARRIVAL_WIDTHS; h++)
			fit->others[j].height[class][h] -= fit->weight[i] * heights[h];
		fit->others[j].weight[class] -= fit->weight[i];
	}
}

/* Gives how likely the others make an arrival. */
static double
likelihood(const Others *others, int h, double group, double other)
{
	double		height = others->height[0][h] + group * others->height[1][h] + other * others->height[2][h];
	double		weight = others->weight[0] + group * others->weight[1] + other * others->weight[2];

	return (1 - ANY_TIME) * (weight > 0 ? height / weight : 0) + ANY_TIME / ARRIVAL_DAY;
}

/* Chooses the weights of other days and the width that make the arrivals most likely, and one width more; gives the logarithm of that. */
static double
choose(Fit *fit)
{
	double		best = 0;
	bool		found = false;
	int			best_h = 0;
	int			best_f = 0;

	for (int f = 0; f < NFACTORS; f++)
	{
		if (!factors[f].days[fit->settings->days])
			continue;
		for (int h = 0; h < ARRIVAL_WIDTHS; h++)
		{
			double		sum = 0;

			for (int i = 0; i < fit->n; i++)
			{
				if (fit->weight[i] > 0)
					sum += fit->weight[i] * log(likelihood(&fit->others[i], h, factors[f].group, factors[f].other));
			}
			if (!found || sum > best + 1e-9)
			{
				found = true;
				best = sum;
				best_h = h;
				best_f = f;
			}
		}
	}
	/* the likelihood is about the middle; the tails, which decide, want a wider kernel */
	best_h = Min(best_h + 1, ARRIVAL_WIDTHS - 1);
	fit->series->width = fit->heights->width[best_h];
	fit->series->group = factors[best_f].group;
	fit->series->other = factors[best_f].other;
	for (int i = 0; i < fit->n; i++)
		fit->surprise[i] = fit->day_surprise[fit->weekday[i]] -
			log(likelihood(&fit->others[i], best_h, factors[best_f].group, factors[best_f].other));
	return best;
}

/* Gives the mean excess over the median, drawn towards 1, without letting the greatest few count fully. */
static double
tail_scale(const Surprise *sorted, int n, double median)
{
	double		most = sorted[n - 1].surprise;
	double		sum = PRIOR;
	double		total = PRIOR;

	if (n > 30)
		most = Max(sorted[(int) (TAIL_CLIP * (n - 1))].surprise, median + 0.1);
	for (int i = 0; i < n; i++)
	{
		if (sorted[i].surprise <= median)
			continue;
		sum += sorted[i].weight * (Min(sorted[i].surprise, most) - median);
		total += sorted[i].weight;
	}
	return Max(sum / total, LEAST_SCALE);
}

/* Learns how rare a surprise is from those of the arrivals that teach. */
static void
calibrate(Fit *fit)
{
	Surprise   *sorted = palloc(mul_size(fit->n, sizeof(Surprise)));
	ArrivalSeries *series = fit->series;
	double		total = 0;
	double		sum = 0;
	int			n = 0;
	int			k = 0;

	for (int i = 0; i < fit->n; i++)
	{
		if (fit->weight[i] == 0)
			continue;
		sorted[n].surprise = fit->surprise[i];
		sorted[n].weight = fit->weight[i];
		sorted[n].index = i;
		total += fit->weight[i];
		n++;
	}
	qsort(sorted, n, sizeof(Surprise), compare_surprises);
	for (int i = 0; i < n && k < ARRIVAL_NSURPRISES; i++)
	{
		sum += sorted[i].weight;
		while (k < ARRIVAL_NSURPRISES && sum >= total * k * 0.5 / (ARRIVAL_NSURPRISES - 1))
			series->surprise[k++] = (float) sorted[i].surprise;
	}
	series->scale = (float) tail_scale(sorted, n, series->surprise[ARRIVAL_NSURPRISES - 1]);
	pfree(sorted);
}

/* Takes the weight, and what they said, from arrivals that are too rare to teach; false when there are none. */
static bool
set_outliers_aside(Fit *fit)
{
	int			noutliers = 0;

	for (int i = 0; i < fit->n; i++)
	{
		if (arrival_tail(fit->series, fit->surprise[i]) >= OUTLIER_TAIL)
			continue;
		silence(fit, i);
		fit->weight[i] = 0;
		noutliers++;
	}
	/* the median is always usual, so something is left */
	return noutliers > 0;
}

/* Cuts the days, and names each after the calendar day of most of its arrivals, or of the others where that tells more. */
static void
learn_days(Fit *fit)
{
	int			cut = find_cut(fit);
	double		behind = share_behind(fit, cut);
	int			shift = behind > 0.5 ? 1 : 0;
	double		likelihood;

	place(fit, cut, shift);
	gather(fit);
	likelihood = choose(fit);
	if (behind < CLEAR || behind > 1 - CLEAR)
		return;
	place(fit, cut, 1 - shift);
	gather(fit);
	if (choose(fit) > likelihood + 1e-9)
		return;
	place(fit, cut, shift);
	gather(fit);
	(void) choose(fit);
}

/* Allocates what a fit works with. */
static void
begin_fit(Fit *fit)
{
	int			n = fit->n;

	fit->age_weight = palloc(mul_size(n, sizeof(double)));
	fit->weight = palloc(mul_size(n, sizeof(double)));
	fit->offset = palloc(mul_size(n, sizeof(double)));
	fit->surprise = palloc(mul_size(n, sizeof(double)));
	fit->second = palloc(mul_size(n, sizeof(int32)));
	fit->weekday = palloc(n);
	for (int d = 0; d < ARRIVAL_WEEK; d++)
		fit->classes[d].arrivals = palloc(mul_size(n, sizeof(int32)));
	fit->others = palloc_extended(mul_size(n, sizeof(Others)), MCXT_ALLOC_HUGE);
}

/* Learns a series from its arrivals, oldest first, but its slots; false while there are too few. */
bool
arrival_fit_density(const ArrivalSettings *settings, ArrivalHeights *heights, Arrival *arrivals, int n, ArrivalSeries *series)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	Fit			fit = {.settings = settings, .heights = heights, .arrivals = arrivals, .n = n, .series = series};

	series->narrivals = n;
	series->nslots = 0;
	for (int i = 0; i < n; i++)
		arrivals[i].second &= ~ARRIVAL_OUTLIER;
	if (n < settings->min_arrivals)
		return false;
	context = AllocSetContextCreate(caller, "aipipe arrival fit", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	begin_fit(&fit);
	weigh(&fit);
	learn_days(&fit);
	calibrate(&fit);
	if (set_outliers_aside(&fit))
	{
		(void) choose(&fit);
		calibrate(&fit);
		for (int i = 0; i < n; i++)
		{
			if (fit.weight[i] == 0)
				arrivals[i].second |= ARRIVAL_OUTLIER;
		}
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return true;
}

/* Learns a series from its arrivals, oldest first, and gives its slots. */
ArrivalSlot *
arrival_fit(const ArrivalSettings *settings, ArrivalHeights *heights, Arrival *arrivals, int n, ArrivalSeries *series)
{
	if (!arrival_fit_density(settings, heights, arrivals, n, series))
		return NULL;
	return arrival_find_slots(settings, arrivals, n, series);
}
