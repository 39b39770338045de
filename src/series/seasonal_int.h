/*
 * seasonal_int.h
 *	  How the files of seasonal.h see each other; nobody else includes it.
 */
#ifndef SERIES_SEASONAL_INT_H
#define SERIES_SEASONAL_INT_H

#include "series/seasonal.h"

/* Scales are no smaller, so that a constant series divides by something. */
#define SEASONAL_LEAST_SCALE 1e-9

/* seasonal_value.c */
extern void seasonal_choose_kind(SeasonalState *state);
extern double seasonal_transform(SeasonalKind kind, double offset, double value);
extern double seasonal_restore(SeasonalKind kind, double offset, double y);

/* seasonal_fit.c */
extern void seasonal_select(double *values, int n, int k);
extern double seasonal_median(double *values, int n);	/* changes their order */
extern void seasonal_fit(SeasonalState *state);
extern double seasonal_season(const SeasonalState *state, const SeasonalDay *day);
extern double seasonal_dates(const SeasonalState *state, const SeasonalDay *day);

/* seasonal_tail.c */
extern void seasonal_tail_add(SeasonalTail *tail, int capacity, double deviation);
extern void seasonal_tail_set(SeasonalTail *tail);
extern double seasonal_tail_pvalue(const SeasonalTail *tail, double deviation);
extern double seasonal_tail_size(const SeasonalTail *tail, double pvalue);

/* seasonal_judge.c */
extern double seasonal_forecast(const SeasonalState *state, SeasonalMethod method, const SeasonalDay *day);
extern double seasonal_step_scale(const SeasonalState *state, const SeasonalDay *day);
extern double seasonal_level_scale(const SeasonalState *state);
extern int	seasonal_group(const SeasonalState *state, const SeasonalDay *day);
extern double seasonal_clip(double deviation);
extern void seasonal_measure(const SeasonalState *state, const SeasonalDay *day, SeasonalMethod method,
							 SeasonalVerdict *verdict);

#endif							/* SERIES_SEASONAL_INT_H */
