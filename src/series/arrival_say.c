/*-------------------------------------------------------------------------
 *
 * arrival_say.c
 *	  What there is to say about an arrival, in one plain sentence.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "series/arrival.h"

#define USUAL 0.95				/* of the arrivals lie in a usual window */

/* Gives the name of a weekday; 0 = Monday. */
const char *
arrival_day_name(int weekday)
{
	static const char *const names[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};

	return names[weekday];
}

/* Gives the calendar's weekday of a window's most likely time: a series' days need not begin at midnight. */
int
arrival_window_weekday(const ArrivalSeries *series, const ArrivalWindow *window)
{
	return arrival_weekday(window->day - series->shift + (series->cut + (int) window->mode) / ARRIVAL_DAY);
}

/* Gives the time of day of an offset. */
char *
arrival_clock(const ArrivalSeries *series, double offset)
{
	int			second = ((int) offset + series->cut) % ARRIVAL_DAY;

	return psprintf("%02d:%02d", second / 3600, second / 60 % 60);
}

/* Says a length of time in words. */
static char *
say_seconds(double seconds)
{
	int64		minutes = (int64) (seconds / 60);

	if (minutes < 1)
		return psprintf("%d s", (int) seconds);
	if (minutes < 60)
		return psprintf("%d min", (int) minutes);
	return psprintf(INT64_FORMAT " h %d min", minutes / 60, (int) (minutes % 60));
}

/* Gives how far a point lies before (negative) or after a window, 0 inside. */
static double
distance_to(const ArrivalWindow *window, const ArrivalPoint *point)
{
	double		at = (double) (point->day - window->day) * ARRIVAL_DAY + point->offset;

	if (at < window->from)
		return at - window->from;
	return at > window->until ? at - window->until : 0;
}

/* Finds the window nearest to a point, of the slots in which batches come on those days; false when there is none. */
static bool
nearest_window(const ArrivalView *view, const ArrivalPoint *point, ArrivalWindow *nearest)
{
	bool		found = false;

	for (int64 day = point->day - 1; day <= point->day + 1; day++)
	{
		for (int k = 0; k < view->series.nslots; k++)
		{
			ArrivalWindow window;

			if (arrival_slot_probability(&view->slots[k], arrival_weekday(day)) < ARRIVAL_SELDOM)
				continue;
			arrival_window(view, day, k, USUAL, &window);
			if (!found || fabs(distance_to(&window, point)) < fabs(distance_to(nearest, point)))
				*nearest = window;
			found = true;
		}
	}
	return found;
}

/* Says where an arrival lies. */
static char *
say_place(const ArrivalView *view, const ArrivalVerdict *verdict, double distance)
{
	const ArrivalWindow *window = &verdict->window;
	char	   *usual = psprintf("the usual window %s-%s of a %s", arrival_clock(&view->series, window->from),
								 arrival_clock(&view->series, window->until),
								 arrival_day_name(arrival_window_weekday(&view->series, window)));

	if (window->until - window->from > ARRIVAL_DAY - 600)
		return pstrdup("batches come at any time of the day");
	if (distance == 0)
		return psprintf("came within %s", usual);
	return psprintf("came %s %s %s", say_seconds(fabs(distance)), distance < 0 ? "before" : "after", usual);
}

/* Says whether an arrival that is not normal is neither early nor late. */
static bool
is_unexpected(const ArrivalView *view, const ArrivalPoint *point, const ArrivalVerdict *verdict, double distance)
{
	return !verdict->windowed || distance == 0 ||
		(fabs(distance) > ARRIVAL_DAY / 2 && view->series.rate[point->weekday] < ARRIVAL_SELDOM);
}

/* Begins the verdict on an arrival, and ends it when it is normal; then no slot was looked at. */
bool
arrival_is_normal(const ArrivalView *view, const ArrivalPoint *point, ArrivalVerdict *verdict)
{
	memset(verdict, 0, sizeof(ArrivalVerdict));
	verdict->pvalue = arrival_pvalue(view, point);
	verdict->state = "normal";
	return verdict->pvalue >= view->settings->alpha;
}

/* Judges an arrival. */
void
arrival_judge(const ArrivalView *view, const ArrivalPoint *point, bool always, ArrivalVerdict *verdict)
{
	bool		normal = arrival_is_normal(view, point, verdict);
	bool		unexpected;
	double		distance;

	if (normal && !always)
		return;
	verdict->windowed = nearest_window(view, point, &verdict->window);
	distance = verdict->windowed ? distance_to(&verdict->window, point) : 0;
	unexpected = !normal && is_unexpected(view, point, verdict, distance);
	if (!normal)
		verdict->state = unexpected ? "unexpected" : distance < 0 ? "early" : "late";
	if (unexpected)
		verdict->reason = psprintf("came on a %s, when a batch comes on %.0f of 100 days", arrival_day_name(point->weekday),
								   100 * Min(view->series.rate[point->weekday], 1));
	else if (verdict->windowed)
		verdict->reason = say_place(view, verdict, distance);
	else
		verdict->reason = pstrdup("batches come too seldom for a usual window");
}

/* Gives the verdict about a series that is still learning. */
void
arrival_learning(const ArrivalSettings *settings, int64 seen, ArrivalVerdict *verdict)
{
	memset(verdict, 0, sizeof(ArrivalVerdict));
	verdict->state = "learning";
	verdict->pvalue = NAN;
	if (seen == 0)
		verdict->reason = pstrdup("the series was never seen");
	else
		verdict->reason = psprintf(INT64_FORMAT " of %d arrivals seen", seen, settings->min_arrivals);
}
