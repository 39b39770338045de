/*-------------------------------------------------------------------------
 *
 * arrival_slot.c
 *	  The parts of a day in which a series expects a batch, and how often it comes.
 *
 * A day is parted at the valleys of the density.  A valley that is not deep parts nothing, and a part
 * in which batches hardly ever come belongs to the neighbour across the shallower valley.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "storage/shmem.h"

#include "series/arrival.h"
#include "series/arrival_slot.h"

#define BIN 300					/* seconds */
#define NBINS (ARRIVAL_DAY / BIN)
#define SHALLOW 0.3				/* a valley higher than this share of the lower peak beside it parts nothing */
#define SELDOM 0.25				/* a part with fewer batches even on its best weekday is none */
#define LEAST_RATE 1e-6
#define LONG_AGO 40				/* half-lives after which a day counts nothing */

/* Batches and days by weekday, weighed by age. */
typedef struct Counts
{
	double		batches[ARRIVAL_WEEK];
	double		days[ARRIVAL_WEEK];
} Counts;

/* The first and the last arrival of a series by its own days. */
typedef struct Span
{
	ArrivalPoint first;
	ArrivalPoint last;
} Span;

/* The parts of a day while they are looked for. */
typedef struct Parting
{
	double		height[NBINS];
	int			bound[NBINS + 1];	/* bins at which the parts begin, and NBINS */
	int			n;
} Parting;

/* Counts the days of each weekday from the first arrival to the last. */
static void
count_days(Counts *counts, int64 first, int64 last, double half_life)
{
	double		oldest = LONG_AGO * half_life;
	int64		from = last - first > oldest ? last - (int64) oldest : first;

	memset(counts->days, 0, sizeof(counts->days));
	for (int64 day = from; day <= last; day++)
		counts->days[arrival_weekday(day)] += exp2((day - last) / half_life);
}

/* Gives batches a day by weekday: a weekday with few days leans on its group, the group on all days. */
static void
shrink_rates(const Counts *counts, int weekend, float *rates)
{
	double		batches[3] = {0};	/* working days, weekend, all */
	double		days[3] = {0};
	double		rate[3];

	for (int d = 0; d < ARRIVAL_WEEK; d++)
	{
		int			group = (weekend >> d) & 1;

		batches[group] += counts->batches[d];
		days[group] += counts->days[d];
		batches[2] += counts->batches[d];
		days[2] += counts->days[d];
	}
	rate[2] = (batches[2] + 0.5) / (days[2] + 1);
	for (int g = 0; g < 2; g++)
		rate[g] = (batches[g] + rate[2]) / (days[g] + 1);
	for (int d = 0; d < ARRIVAL_WEEK; d++)
		rates[d] = (float) Max((counts->batches[d] + rate[(weekend >> d) & 1]) / (counts->days[d] + 1), LEAST_RATE);
}

/* Fills the series' batches a day of each weekday. */
void
arrival_day_rates(const Arrival *arrivals, const double *offset, const double *weight, int n,
				  const ArrivalSettings *settings, ArrivalSeries *series)
{
	Counts		counts = {{0}};
	int64		first = PG_INT64_MAX;
	int64		last = PG_INT64_MIN;

	for (int i = 0; i < n; i++)
	{
		ArrivalPoint point = arrival_point(series->cut, series->shift, arrivals[i].day, arrival_second(&arrivals[i]));

		counts.batches[point.weekday] += weight[i];
		first = Min(first, point.day);
		last = Max(last, point.day);
	}
	count_days(&counts, first, last, settings->half_life);
	shrink_rates(&counts, settings->weekend, series->rate);
}

/* Draws the density of all days together. */
static void
draw(const ArrivalView *view, Parting *parting)
{
	ArrivalKernel kernel = arrival_kernel(Max(view->series.width, BIN));

	for (int b = 0; b < NBINS; b++)
	{
		double		sum = 0;

		for (int i = 0; i < view->n; i++)
			sum += view->weight[i] * arrival_height(&kernel, arrival_squared((b + 0.5) * BIN, view->offset[i]));
		parting->height[b] = sum;
	}
}

/* Takes a bound away, so that two parts are one. */
static void
join(Parting *parting, int k)
{
	memmove(&parting->bound[k], &parting->bound[k + 1], sizeof(int) * (parting->n - k));
	parting->n--;
}

/* Gives the greatest height of part k. */
static double
peak(const Parting *parting, int k)
{
	double		most = 0;

	for (int b = parting->bound[k]; b < parting->bound[k + 1]; b++)
		most = Max(most, parting->height[b]);
	return most;
}

/* Gives the height at which part k begins. */
static double
valley(const Parting *parting, int k)
{
	return parting->height[parting->bound[k]];
}

/* Parts the day at its valleys, as far as they are deep. */
static void
part_at_valleys(Parting *parting)
{
	const double *height = parting->height;

	parting->n = 1;
	parting->bound[0] = 0;
	for (int b = 1; b < NBINS - 1; b++)
	{
		if (height[b] <= height[b - 1] && height[b] < height[b + 1])
			parting->bound[parting->n++] = b;
	}
	parting->bound[parting->n] = NBINS;
	while (parting->n > 1)
	{
		int			worst = 0;
		double		ratio = SHALLOW;

		for (int k = 1; k < parting->n; k++)
		{
			double		r = valley(parting, k) / Max(Min(peak(parting, k - 1), peak(parting, k)), 1e-300);

			if (r > ratio)
			{
				ratio = r;
				worst = k;
			}
		}
		if (worst == 0)
			break;
		join(parting, worst);
	}
}

/* Learns the rates of all parts.  A part of the first or last day counts if it lies behind the first or before the last arrival. */
static ArrivalSlot *
learn_slots(const ArrivalView *view, const Parting *parting, const double *weight, const Span *span)
{
	ArrivalSlot *slots = palloc0(mul_size(parting->n, sizeof(ArrivalSlot)));

	for (int k = 0; k < parting->n; k++)
	{
		Counts		counts = {{0}};
		int			start = parting->bound[k] * BIN;
		int			end = parting->bound[k + 1] * BIN;

		count_days(&counts, span->first.day + (end <= span->first.offset ? 1 : 0),
				   span->last.day - (start > span->last.offset ? 1 : 0), view->settings->half_life);
		slots[k].start = parting->bound[k] * BIN;
		slots[k].end = parting->bound[k + 1] * BIN;
		for (int i = 0; i < view->n; i++)
		{
			if (view->offset[i] >= slots[k].start && view->offset[i] < slots[k].end)
				counts.batches[view->weekday[i]] += weight[i];
		}
		shrink_rates(&counts, view->settings->weekend, slots[k].rate);
	}
	return slots;
}

/* Finds the part in which batches come most seldom even on its best weekday; -1 = they come often enough in all. */
static int
seldom_part(const ArrivalSlot *slots, int n)
{
	double		least = SELDOM;
	int			found = -1;

	for (int k = 0; k < n; k++)
	{
		double		most = 0;

		for (int d = 0; d < ARRIVAL_WEEK; d++)
			most = Max(most, slots[k].rate[d]);
		if (most < least)
		{
			least = most;
			found = k;
		}
	}
	return found;
}

/* Gives the slots of a series. */
ArrivalSlot *
arrival_find_slots(const ArrivalSettings *settings, const Arrival *arrivals, int n, ArrivalSeries *series)
{
	ArrivalPart part = {*series, NULL, NULL, arrivals};
	ArrivalView view;
	Parting    *parting = palloc(sizeof(Parting));
	double	   *weight = palloc(mul_size(n, sizeof(double)));
	Span		span;
	ArrivalSlot *slots;

	arrival_view(settings, &part, &view);
	span.first = arrival_point(series->cut, series->shift, arrivals[0].day, arrival_second(&arrivals[0]));
	span.last = arrival_point(series->cut, series->shift, arrivals[n - 1].day, arrival_second(&arrivals[n - 1]));
	for (int i = 0; i < n; i++)
	{
		/* an outlier is a batch that came, too */
		weight[i] = view.weight[i] > 0 ? view.weight[i] :
			exp2(-Max((double) arrivals[n - 1].day - arrivals[i].day, 0) / settings->half_life);
	}
	draw(&view, parting);
	part_at_valleys(parting);
	slots = learn_slots(&view, parting, weight, &span);
	for (int k; parting->n > 1 && (k = seldom_part(slots, parting->n)) >= 0;)
	{
		if (k == 0 || (k < parting->n - 1 && valley(parting, k + 1) > valley(parting, k)))
			k++;
		join(parting, k);
		slots = learn_slots(&view, parting, weight, &span);
	}
	if (parting->n > ARRIVAL_MAX_SLOTS)
	{
		parting->n = 1;
		parting->bound[1] = NBINS;
		slots = learn_slots(&view, parting, weight, &span);
	}
	series->nslots = parting->n;
	return slots;
}
