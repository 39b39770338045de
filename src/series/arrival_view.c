/*-------------------------------------------------------------------------
 *
 * arrival_view.c
 *	  What a learned series says of points in time: density, p-value, windows,
 *	  and whether a batch is overdue.
 *
 * The kernel is Student's t with three degrees of freedom: real feeds have heavier tails than a normal
 * curve, it needs no exponential, and its integral is in closed form.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"

#include "series/arrival.h"

/* A batch may come at any time of the day with this probability. */
#define ANY_TIME 0.001

/* Slots that expect more batches than this a day expect any number of them. */
#define MANY 1.5

/* Days that are looked at for a batch that has not come. */
#define MAX_OVERDUE_DAYS 3660

/* Gives the weekday of a day since 2000-01-01, a Saturday; 0 = Monday. */
int
arrival_weekday(int64 day)
{
	return (int) (((day + 5) % ARRIVAL_WEEK + ARRIVAL_WEEK) % ARRIVAL_WEEK);
}

/* Gives a local time as a series with that cut and shift sees it. */
ArrivalPoint
arrival_point(int cut, int shift, int64 day, int second)
{
	ArrivalPoint point;

	point.offset = second - cut;
	if (second < cut)
	{
		point.offset += ARRIVAL_DAY;
		day--;
	}
	point.day = day + shift;
	point.weekday = arrival_weekday(point.day);
	return point;
}

/* Gives the kernel's share below a signed distance. */
static double
kernel_below(double distance, double width)
{
	double		z = distance / width / sqrt(3);

	return 0.5 + (z / (1 + z * z) + atan(z)) / M_PI;
}

/* Gives how much an arrival of weekday a says about weekday b. */
double
arrival_day_factor(const ArrivalSeries *series, int weekend, int a, int b)
{
	if (a == b)
		return 1;
	return ((weekend >> a) & 1) == ((weekend >> b) & 1) ? series->group : series->other;
}

/* Weighs the arrivals of a series. */
void
arrival_view(const ArrivalSettings *settings, const ArrivalPart *part, ArrivalView *view)
{
	int			n = part->series.narrivals;
	const Arrival *newest = &part->arrivals[Max(n - 1, 0)];

	view->settings = settings;
	view->series = part->series;
	view->slots = part->slots;
	view->n = n;
	view->offset = palloc(mul_size(Max(n, 1), sizeof(double)));
	view->weight = palloc(mul_size(Max(n, 1), sizeof(double)));
	view->weekday = palloc(Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		const Arrival *arrival = &part->arrivals[i];
		ArrivalPoint point = arrival_point(part->series.cut, part->series.shift, arrival->day, arrival_second(arrival));
		double		age = (double) newest->day - arrival->day +
			(arrival_second(newest) - arrival_second(arrival)) / (double) ARRIVAL_DAY;

		view->offset[i] = point.offset;
		view->weekday[i] = point.weekday;
		view->weight[i] = arrival_is_outlier(arrival) ? 0 : exp2(-Max(age, 0) / settings->half_life);
	}
}

/* Gives the density of the time of day at an offset of a weekday. */
double
arrival_density(const ArrivalView *view, int weekday, double offset)
{
	double		factor[ARRIVAL_WEEK];
	ArrivalKernel kernel = arrival_kernel(view->series.width);
	double		sum = 0;
	double		total = 0;

	for (int d = 0; d < ARRIVAL_WEEK; d++)
		factor[d] = arrival_day_factor(&view->series, view->settings->weekend, d, weekday);
	for (int i = 0; i < view->n; i++)
	{
		double		weight = view->weight[i] * factor[view->weekday[i]];

		sum += weight * arrival_height(&kernel, arrival_squared(offset, view->offset[i]));
		total += weight;
	}
	return (1 - ANY_TIME) * (total > 0 ? sum / total : 0) + ANY_TIME / ARRIVAL_DAY;
}

/* Gives how much rarer batches are on a weekday than on the best one, as surprise. */
static double
day_surprise(const ArrivalSeries *series, int weekday)
{
	double		most = 0;

	for (int d = 0; d < ARRIVAL_WEEK; d++)
		most = Max(most, series->rate[d]);
	return log(most / series->rate[weekday]);
}

/* Gives the share of arrivals at least as surprising: counted below the median, an exponential tail above it. */
double
arrival_tail(const ArrivalSeries *series, double surprise)
{
	const float *at = series->surprise;
	const int	last = ARRIVAL_NSURPRISES - 1;

	if (surprise >= at[last])
		return 0.5 * exp(-(surprise - at[last]) / series->scale);
	for (int k = last; k > 0; k--)
	{
		/* at[k - 1] <= surprise < at[k] */
		if (surprise >= at[k - 1])
			return 1 - (k - 1 + (surprise - at[k - 1]) / (at[k] - at[k - 1])) * 0.5 / last;
	}
	return 1;
}

/* Gives the surprise that a share of the arrivals reaches. */
double
arrival_tail_inverse(const ArrivalSeries *series, double share)
{
	const int	last = ARRIVAL_NSURPRISES - 1;
	double		place;
	int			k;

	if (share <= 0.5)
		return series->surprise[last] - series->scale * log(Max(share, 1e-300) / 0.5);
	place = (1 - share) * 2 * last;
	k = Min((int) place, last - 1);
	return series->surprise[k] + (place - k) * (series->surprise[k + 1] - series->surprise[k]);
}

/* Gives the p-value of an arrival. */
double
arrival_pvalue(const ArrivalView *view, const ArrivalPoint *point)
{
	double		surprise = day_surprise(&view->series, point->weekday) -
		log(arrival_density(view, point->weekday, point->offset));

	return arrival_tail(&view->series, surprise);
}

/* Gives the offset with the greatest density among steps between bounds. */
static double
best_offset(const ArrivalView *view, int weekday, double from, double until, double step)
{
	double		best = from;
	double		most = -1;

	for (double offset = from; offset <= until; offset += step)
	{
		double		density = arrival_density(view, weekday, offset);

		if (density > most)
		{
			most = density;
			best = offset;
		}
	}
	return best;
}

/* Goes from a place in minutes while the density is high enough. */
static double
spread(const ArrivalView *view, int weekday, double from, double bound, double step, double enough)
{
	for (;;)
	{
		double		next = from + step;

		if ((step < 0 ? next < bound : next > bound) || arrival_density(view, weekday, next) < enough)
			return from;
		from = next;
	}
}

/* Finds the window of a slot on a day: around its most likely minute, as far as arrivals are usual enough. */
void
arrival_window(const ArrivalView *view, int64 day, int slot, double coverage, ArrivalWindow *window)
{
	const ArrivalSlot *s = &view->slots[slot];
	int			weekday = arrival_weekday(day);
	double		enough = exp(-arrival_tail_inverse(&view->series, 1 - coverage));
	double		middle = best_offset(view, weekday, s->start, s->end, 300);
	double		height;

	CHECK_FOR_INTERRUPTS();
	middle = best_offset(view, weekday, Max(middle - 300, s->start), Min(middle + 300, s->end), 60);
	height = arrival_density(view, weekday, middle);
	if (height < enough)
		enough = height / 10;
	window->day = day;
	window->slot = slot;
	window->mode = middle;
	window->from = spread(view, weekday, middle, s->start, -60, enough);
	window->until = spread(view, weekday, middle, s->end, 60, enough);
}

/* Gives the probability that at least one batch comes in a slot of a weekday. */
double
arrival_slot_probability(const ArrivalSlot *slot, int weekday)
{
	double		rate = slot->rate[weekday];

	return rate > MANY ? 1 - exp(-rate) : Min(rate, 1);
}

/* Gives the share of a slot's batches of a weekday that come up to an offset. */
static double
slot_below(const ArrivalView *view, const ArrivalSlot *slot, int weekday, double offset)
{
	double		below = 0;
	double		total = 0;

	if (offset <= slot->start)
		return 0;
	if (offset >= slot->end)
		return 1;
	for (int i = 0; i < view->n; i++)
	{
		double		weight = view->weight[i] *
			arrival_day_factor(&view->series, view->settings->weekend, view->weekday[i], weekday);
		double		start = kernel_below(slot->start - view->offset[i], view->series.width);

		below += weight * (kernel_below(offset - view->offset[i], view->series.width) - start);
		total += weight * (kernel_below(slot->end - view->offset[i], view->series.width) - start);
	}
	return total > 0 ? Min(below / total, 1) : 0;
}

/* Gives the probability that no batch of a slot's day was due in between; the batch at last counts as one of its slot. */
static double
slot_quiet(const ArrivalView *view, const ArrivalSlot *slot, int64 day, const ArrivalPoint *last, const ArrivalPoint *now)
{
	int			weekday = arrival_weekday(day);
	double		from = day > last->day ? 0 : slot_below(view, slot, weekday, last->offset);
	double		until = day < now->day ? 1 : slot_below(view, slot, weekday, now->offset);
	double		rate = slot->rate[weekday];

	if (rate > MANY)
		return exp(-rate * Max(until - from, 0));
	/* one batch: it came, if last lies in the slot or behind it */
	if (day == last->day && last->offset >= slot->start)
		return 1;
	return 1 - Min(rate, 1) * until;
}

/* Gives the probability that a batch should have come after last and by now. */
double
arrival_overdue(const ArrivalView *view, const ArrivalPoint *last, const ArrivalPoint *now)
{
	double		quiet = 1;
	int64		end = Min(now->day, last->day + MAX_OVERDUE_DAYS);

	for (int64 day = last->day; day <= end && quiet > 1e-12; day++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int k = 0; k < view->series.nslots; k++)
			quiet *= slot_quiet(view, &view->slots[k], day, last, now);
	}
	return 1 - quiet;
}
