/*
 * seasonal.h
 *	  The detector of one series: a state that judges a point by earlier ones and then learns it.
 *
 *		seasonal_start(&state, step, …);
 *		for each point in time order:
 *			seasonal_skip(&state, …) for every slot before it that had none
 *			seasonal_judge(&state, …, &verdict)
 *			seasonal_learn(&state, …, &verdict, strange)
 *
 *		seasonal_value.c	values and what they are judged as: logarithms, logits
 *		seasonal_fit.c		seasonal effects by medians
 *		seasonal_tail.c		how improbable a deviation is beside earlier ones
 *		seasonal_judge.c	forecasts and verdicts
 *		seasonal_learn.c	what a point changes
 *		seasonal_record.c	a state as bytes
 *
 * A slot is one step of the series' cadence.  The state holds the last ones in a ring:
 *
 *		y, flagged, day: slot s at index s % SEASONAL_WINDOW
 *
 * Training, scoring, replaying: all run this machine, so they say the same of the same point.
 */
#ifndef SERIES_SEASONAL_H
#define SERIES_SEASONAL_H

#include "postgres.h"

#define SEASONAL_WINDOW 1344	/* slots kept: eight weeks of hours */
#define SEASONAL_RESIDUALS 672	/* deviations kept to compare with */
#define SEASONAL_EFFECTS 200
#define SEASONAL_PERIOD 168		/* longest period of Holt-Winters */
#define SEASONAL_RUN 6
#define SEASONAL_LASTING 24

#define SEASONAL_DAY INT64CONST(86400000000)

/* Where a slot lies in the calendar. */
typedef struct SeasonalDay
{
	uint8		hour;
	uint8		weekday;		/* 0 = Monday */
	uint8		day;			/* of the month, from 0 */
	uint8		left;			/* days left in the month */
	bool		holiday;
} SeasonalDay;

/* What values are judged as. */
typedef enum SeasonalKind
{
	KIND_AUTO,					/* not known yet */
	KIND_COUNT,					/* logarithms: what matters is a ratio */
	KIND_SHARE,					/* logits: 0 to 1 */
	KIND_VALUE					/* as they are */
} SeasonalKind;

/* The tests of a point; each compares with its own past. */
typedef enum SeasonalTest
{
	TEST_STEP,					/* the distance to the forecast */
	TEST_LEVEL,					/* the distance to season and slow level */
	TEST_RUN,					/* the mean of the last few of those */
	SEASONAL_TESTS
} SeasonalTest;

typedef enum SeasonalMethod
{
	METHOD_STEADY,				/* season, slow level, part of the last deviation */
	METHOD_SEASONAL,			/* season, quick level, part of the last deviation */
	METHOD_HOLT_WINTERS,
	METHOD_LAST,				/* the last value */
	SEASONAL_METHODS
} SeasonalMethod;

/* What follows from the step alone. */
typedef struct SeasonalShape
{
	bool		hourly;			/* less than a day between slots */
	int			window;			/* slots that the effects are fitted to */
	int			block;			/* slots of one local level */
	int			learning;		/* values before the first verdict */
	int			refit;			/* slots between fits */
	int			lasting;		/* strange values in a row that are a new level */
	int			run;			/* values of TEST_RUN */
	int			residuals;		/* deviations to compare with */
	int			period;			/* slots of a season of Holt-Winters */
	int			neffects;
	int			ngroups;		/* scales by hour or weekday */
	double		quick;			/* weights of a new value in the levels */
	double		slow;
	double		memory;			/* the same in errors; half of it in scales */
} SeasonalShape;

/* Sizes of earlier deviations, and their tail. */
typedef struct SeasonalTail
{
	int			n;				/* in the ring */
	int			at;				/* where the next one goes */
	int			beyond;			/* those beyond the threshold when it was set */
	int			total;			/* of so many */
	double		threshold;
	double		excess;			/* their mean distance to it */
	float		ring[SEASONAL_RESIDUALS];
} SeasonalTail;

typedef struct SeasonalState
{
	SeasonalShape shape;
	int64		step;			/* microseconds between slots */
	int64		origin;			/* time of slot 0 */
	int64		last_time;		/* of the last point */
	int64		next;			/* slot behind the last one */
	int64		nvalues;		/* values seen */
	int64		alarm;			/* slot of the last anomaly, -1 = none; kept by watch.c */
	bool		fitted;			/* judges */
	SeasonalKind kind;
	double		offset;			/* of the logarithm or logit */
	int			since_fit;

	/* the last slots: transformed once fitted; NaN = no value */
	float		y[SEASONAL_WINDOW];
	bool		flagged[SEASONAL_WINDOW];
	SeasonalDay day[SEASONAL_WINDOW];

	double		effects[SEASONAL_EFFECTS];
	double		level[2];		/* by METHOD_STEADY and METHOD_SEASONAL */
	double		last[2];		/* what is left of the last deviation from either */
	double		ar;				/* part of a deviation that the next slot still has */
	double		last_y;			/* without the effects of dates */
	double		winters_level;
	double		winters[SEASONAL_PERIOD];
	double		error[SEASONAL_METHODS];	/* recent mean */
	SeasonalMethod method;
	int			fixed;			/* the method that was asked for, SEASONAL_METHODS = the best of late */
	double		scale[2];		/* mean sizes of deviations, by TEST_STEP and TEST_LEVEL */
	double		group_scale[24];	/* of TEST_STEP by hour or weekday */
	double		group_weight[24];
	double		recent[SEASONAL_RUN];	/* last deviations of TEST_LEVEL, newest first */
	SeasonalTail tails[SEASONAL_TESTS];

	int			strange;		/* strange values in a row */
	double		last_value;		/* NaN = none */
	int			repeats;		/* how often it came again without another between */
	int64		nrepeats;		/* repeats so far, and values that could have been one */
	int64		nchances;
} SeasonalState;

typedef struct SeasonalVerdict
{
	bool		judged;			/* false while learning */
	double		y;
	double		forecast;
	double		step;			/* standardised distances of the tests */
	double		level;
	double		run;
	double		pvalue;
	int			test;			/* the one that gave it, or TEST_STUCK */
	int			side;			/* 1 above, -1 below, 0 the same value again */
	double		chance;			/* of a repeat */
} SeasonalVerdict;

#define TEST_STUCK SEASONAL_TESTS

extern void seasonal_start(SeasonalState *state, int64 step, int64 origin, SeasonalKind kind, int method,
						   int learning);

/* Sets what follows from the step; learning = 0: what is usual. */
extern void seasonal_set_shape(SeasonalShape *shape, int64 step, int learning);

/* Judges a value (no NaN) in the next slot. */
extern void seasonal_judge(const SeasonalState *state, const SeasonalDay *day, double value, SeasonalVerdict *verdict);

/* Learns the value in the next slot, or that it was strange; true when that makes a new level. */
extern bool seasonal_learn(SeasonalState *state, const SeasonalDay *day, double value,
						   const SeasonalVerdict *verdict, bool strange);

/* Passes slots without a value. */
extern void seasonal_skip(SeasonalState *state, int64 nslots);

/* What was expected, and the band that p-value alpha leaves around it, as values. */
extern double seasonal_expected(const SeasonalState *state, const SeasonalVerdict *verdict);
extern void seasonal_band(const SeasonalState *state, const SeasonalDay *day, const SeasonalVerdict *verdict,
						  double alpha, double *lower, double *upper);

/*
 * The state as bytes that are the same on every machine, and back: NULL, or the reason why they are none.
 * learning and method are those of seasonal_start().
 */
struct StringInfoData;
extern void seasonal_write(const SeasonalState *state, struct StringInfoData *out);
extern const char *seasonal_read(const char *bytes, Size len, int learning, int method, SeasonalState *state);

#endif							/* SERIES_SEASONAL_H */
