/*
 * arrival.h
 *	  What a detector of arrival times knows of a series, and what it says of a point in time.
 *
 * A series is a feed whose batches arrive.  Its clock is local time: a day counts from 2000-01-01, and is
 * cut where the series is quietest, so that a feed around midnight has whole days too.
 *
 *		arrivals → arrival_fit() → ArrivalSeries → arrival_view() → density, p-value, windows
 *
 * The density of the time of day is a sum of kernels over the remembered arrivals.  An arrival weighs by its
 * age and by the weekday that it has in common with the day in question.
 */
#ifndef SERIES_ARRIVAL_H
#define SERIES_ARRIVAL_H

#include <math.h>

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "pgtime.h"
#include "utils/jsonb.h"

#include "learn/algorithm.h"

#define ARRIVAL_DAY 86400		/* seconds */
#define ARRIVAL_WEEK 7
#define ARRIVAL_MAX_KEEP 5000	/* arrivals that one series remembers */
#define ARRIVAL_MAX_SLOTS 48	/* batches that one day expects */
#define ARRIVAL_SELDOM 0.1		/* a batch that is less likely than this on a weekday is not expected there */
#define ARRIVAL_NSURPRISES 17	/* of the quieter half: the least, 16 more up to the median */
#define ARRIVAL_MAX_DAY 110000000	/* days that a timestamp can be away from 2000-01-01, and some */

/* Which days of the week are looked at apart. */
typedef enum ArrivalDays
{
	ARRIVAL_DAYS_AUTO,			/* what the arrivals say */
	ARRIVAL_DAYS_NONE,			/* all alike */
	ARRIVAL_DAYS_WEEKEND,		/* working days and weekend */
	ARRIVAL_DAYS_EACH			/* every weekday */
} ArrivalDays;

/* What holds for all series of a detector. */
typedef struct ArrivalSettings
{
	double		half_life;		/* days */
	double		alpha;			/* an arrival with a smaller p-value is not normal */
	int32		keep;
	int32		min_arrivals;
	int32		tolerance;		/* seconds */
	int32		weekend;		/* bit 0 = Monday … bit 6 = Sunday */
	int32		days;			/* ArrivalDays */
	const char *timezone;
	const char *time;			/* column that it learned from */
	const char *series;			/* column, or NULL */
} ArrivalSettings;

/* An arrival in local time. */
typedef struct Arrival
{
	int32		day;			/* since 2000-01-01 */
	int32		second;			/* of the day; ARRIVAL_OUTLIER is added to what does not teach */
} Arrival;

#define ARRIVAL_OUTLIER 0x40000000
#define arrival_second(a) ((a)->second & ~ARRIVAL_OUTLIER)
#define arrival_is_outlier(a) (((a)->second & ARRIVAL_OUTLIER) != 0)

/* A part of the day in which one batch is expected, or several. */
typedef struct ArrivalSlot
{
	int32		start;			/* seconds behind the cut */
	int32		end;
	float		rate[ARRIVAL_WEEK];	/* batches on a day of the week */
} ArrivalSlot;

/* What is known of one series; fixed size, as in the compiled form. */
typedef struct ArrivalSeries
{
	int64		last;			/* seconds since 2000-01-01 UTC of the newest arrival */
	int64		seen;			/* arrivals so far, forgotten ones too */
	int32		name;			/* its place behind the others, and length */
	int32		name_len;
	int32		arrival;		/* the first of its arrivals */
	int32		narrivals;
	int32		slot;			/* the first of its slots */
	int32		nslots;			/* 0 = still learning; all below is then zero */
	int32		cut;			/* second at which its days begin */
	int32		shift;			/* 1 = what comes behind the cut belongs to the next calendar day */
	int32		width;			/* of the kernel, in seconds */
	float		group;			/* weight of another day of the same group: working day or weekend */
	float		other;			/* weight of a day of the other group */
	float		scale;			/* of the tail of surprises, in nats */
	float		surprise[ARRIVAL_NSURPRISES];	/* at 0, 1/32 … 16/32 of the arrivals */
	float		rate[ARRIVAL_WEEK];
} ArrivalSeries;

/* A series with its parts, wherever they lie. */
typedef struct ArrivalPart
{
	ArrivalSeries series;
	const char *name;
	const ArrivalSlot *slots;
	const Arrival *arrivals;
} ArrivalPart;

/* A detector, ready to be asked. */
typedef struct ArrivalModel
{
	ArrivalSettings settings;
	int			nseries;
	const ArrivalSeries *series;	/* in the byte order of their names */
	const ArrivalSlot *slots;
	const Arrival *arrivals;
	const char *names;
} ArrivalModel;

/* arrival_options.c */

/* Reads the options of a function; the columns' names are left NULL. */
extern void arrival_read_options(const Jsonb *params, const char *function, ArrivalSettings *settings);
extern char *arrival_options_json(const ArrivalSettings *settings);

/* A finite time on the local clock, and back. */
extern Arrival arrival_local(TimestampTz time, pg_tz *zone);
extern TimestampTz arrival_time(int64 day, int64 second, pg_tz *zone);

/* arrival_fit.c */

/* What fits with the same settings share (arrival_height.c); it grows by what they ask. */
typedef struct ArrivalHeights ArrivalHeights;

extern ArrivalHeights *arrival_heights(const ArrivalSettings *settings);

/*
 * Learns a series from its arrivals, oldest first: fills the series but its name and places, marks
 * outliers among the arrivals, and gives the slots (palloc'd; none while it learns).
 */
extern ArrivalSlot *arrival_fit(const ArrivalSettings *settings, ArrivalHeights *heights, Arrival *arrivals, int n,
								ArrivalSeries *series);

/* The same without the slots, which take their time and which only windows need; false while it learns. */
extern bool arrival_fit_density(const ArrivalSettings *settings, ArrivalHeights *heights, Arrival *arrivals, int n,
								ArrivalSeries *series);

/* arrival_view.c */

/* A series whose arrivals are weighed, in CurrentMemoryContext. */
typedef struct ArrivalView
{
	const ArrivalSettings *settings;
	ArrivalSeries series;
	const ArrivalSlot *slots;
	int			n;
	double	   *offset;			/* seconds behind the cut */
	double	   *weight;			/* by age; 0 of an outlier */
	int8	   *weekday;
} ArrivalView;

/* A point in time as a series sees it. */
typedef struct ArrivalPoint
{
	int64		day;			/* calendar day that it belongs to */
	int			weekday;		/* of that day: 0 = Monday */
	double		offset;			/* seconds behind the cut */
} ArrivalPoint;

/* Where a batch of a slot is expected on a day, seconds behind the cut. */
typedef struct ArrivalWindow
{
	int64		day;
	int			slot;
	double		from;
	double		until;
	double		mode;
} ArrivalWindow;

extern void arrival_view(const ArrivalSettings *settings, const ArrivalPart *part, ArrivalView *view);
extern int	arrival_weekday(int64 day);
extern ArrivalPoint arrival_point(int cut, int shift, int64 day, int second);

/* The kernel of one width, ready for many distances. */
typedef struct ArrivalKernel
{
	double		top;			/* height at no distance */
	double		narrow;			/* what the squared distance is multiplied with */
} ArrivalKernel;

/* Prepares the kernel of a width: Student's t with three degrees of freedom. */
static inline ArrivalKernel
arrival_kernel(double width)
{
	ArrivalKernel kernel = {0.36755259694786135 / width, 1 / (3 * width * width)};

	return kernel;
}

/* Gives the kernel's height at a squared distance. */
static inline double
arrival_height(const ArrivalKernel *kernel, double squared)
{
	double		t = 1 + squared * kernel->narrow;

	return kernel->top / (t * t);
}

/* Gives the square of the distance of two times of day, either way around midnight. */
static inline double
arrival_squared(double a, double b)
{
	double		distance = fabs(a - b);

	distance = Min(distance, ARRIVAL_DAY - distance);
	return distance * distance;
}

/* How much an arrival of one weekday says about another. */
extern double arrival_day_factor(const ArrivalSeries *series, int weekend, int a, int b);

/* The share of arrivals as surprising as that, and its inverse. */
extern double arrival_tail(const ArrivalSeries *series, double surprise);
extern double arrival_tail_inverse(const ArrivalSeries *series, double share);

/* The p-value of an arrival. */
extern double arrival_pvalue(const ArrivalView *view, const ArrivalPoint *point);

/* The window of a slot on a day that holds what is not rarer than 1 - coverage. */
extern void arrival_window(const ArrivalView *view, int64 day, int slot, double coverage, ArrivalWindow *window);

/* The probability that a batch comes in a slot of a weekday at all. */
extern double arrival_slot_probability(const ArrivalSlot *slot, int weekday);

/* The probability that a batch should have come after last and by now. */
extern double arrival_overdue(const ArrivalView *view, const ArrivalPoint *last, const ArrivalPoint *now);

/* Density in 1/seconds at an offset of a weekday. */
extern double arrival_density(const ArrivalView *view, int weekday, double offset);

/* arrival_artifact.c, arrival_compiled.c */
extern void arrival_write_head(const ArrivalSettings *settings, StringInfo out);
extern void arrival_write_series(const ArrivalPart *part, bool first, StringInfo out);
extern void arrival_write_end(StringInfo out);

/* Reads an artifact: calls take for each series in order. */
extern void arrival_read(const char *artifact, Size len, ArrivalSettings *settings,
						 void (*take) (const ArrivalPart *part, void *arg), void *arg);

/* What is wrong with the settings or a series, or NULL. */
extern const char *arrival_check_settings(const ArrivalSettings *settings);
extern const char *arrival_check_part(const ArrivalSettings *settings, const ArrivalPart *part);

/* The compiled form. */
extern void arrival_compile(const char *artifact, Size len, StringInfo compiled);
extern ArrivalModel *arrival_open(const char *compiled, Size len);

/* The series of that name, or false. */
extern bool arrival_find(const ArrivalModel *model, const char *name, ArrivalPart *part);
extern void arrival_get(const ArrivalModel *model, int i, ArrivalPart *part);

/* arrival_say.c */

/* What there is to say about an arrival. */
typedef struct ArrivalVerdict
{
	const char *state;			/* learning, normal, early, late, unexpected */
	double		pvalue;			/* NaN while learning */
	bool		windowed;		/* window is one */
	ArrivalWindow window;
	char	   *reason;			/* NULL unless asked for */
} ArrivalVerdict;

/* Fills the verdict on an arrival that is normal, without a reason; false when it is not. */
extern bool arrival_is_normal(const ArrivalView *view, const ArrivalPoint *point, ArrivalVerdict *verdict);

/* Judges an arrival; always = say a reason for a normal one too. */
extern void arrival_judge(const ArrivalView *view, const ArrivalPoint *point, bool always, ArrivalVerdict *verdict);

/* The verdict about a series that is still learning. */
extern void arrival_learning(const ArrivalSettings *settings, int64 seen, ArrivalVerdict *verdict);

extern const char *arrival_day_name(int weekday);

/* The calendar's weekday of a window's most likely time. */
extern int	arrival_window_weekday(const ArrivalSeries *series, const ArrivalWindow *window);

/* "18:05" of seconds behind a series' cut. */
extern char *arrival_clock(const ArrivalSeries *series, double offset);

#endif							/* SERIES_ARRIVAL_H */
