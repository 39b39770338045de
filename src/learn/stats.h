/*
 * stats.h
 *	  Is a difference real?  Tests and intervals for comparing models.
 *
 * Differences are the first less the second.  Equal to statsmodels, scipy and pROC
 * to 1e-6; each function names where its formula is from.
 *
 *		stats_special.c		distributions: normal, chi-square, t, binomial, beta-binomial
 *		stats.c				counts, shares, means
 *		stats_auc.c			areas under ROC curves
 *		stats_bootstrap.c	whatever has no formula
 */
#ifndef LEARN_STATS_H
#define LEARN_STATS_H

#include "postgres.h"

/* A statistic and its two-sided p-value. */
typedef struct StatsTest
{
	double		statistic;
	double		p_value;
} StatsTest;

/* Two figures, how far they are apart, and how sure that is. */
typedef struct StatsDifference
{
	double		first;
	double		second;
	double		difference;		/* first - second */
	double		ci_low;			/* of the difference, level 1 - alpha */
	double		ci_high;
	double		statistic;		/* NaN when the test has none */
	double		p_value;		/* two-sided */
} StatsDifference;

/* Count, mean and sum of squared deviations, growing value by value (Welford 1962). */
typedef struct StatsMoments
{
	int64		n;
	double		mean;
	double		squares;
} StatsMoments;

/* Takes one more value in. */
static inline void
stats_moments_add(StatsMoments *moments, double value)
{
	double		delta = value - moments->mean;

	moments->n++;
	moments->mean += delta / (double) moments->n;
	moments->squares += delta * (value - moments->mean);
}

/* The sample variance; NaN for fewer than two values. */
extern double stats_variance(const StatsMoments *moments);

/* stats_special.c */
extern double stats_normal_p(double z); /* two-sided */
extern double stats_normal_upper(double z);	/* P(Z > z) */
extern double stats_normal_quantile(double p);
extern double stats_gamma_upper(double a, double x);	/* regularised upper incomplete gamma function */
extern double stats_beta(double x, double a, double b); /* regularised incomplete beta function */
extern double stats_chi2_p(double statistic, double df);	/* upper tail */
extern double stats_t_p(double t, double df);	/* two-sided */
extern double stats_t_quantile(double p, double df);
extern double stats_kolmogorov_upper(double x);	/* of Kolmogorov's limiting distribution */
extern double stats_binomial_lower(int64 successes, int64 trials, double p);	/* P(X <= successes) */
extern double stats_beta_binomial_upper(int64 successes, int64 trials, double a, double b, double enough);

/* stats.c */
typedef enum McnemarMethod
{
	MCNEMAR_EXACT,				/* binomial */
	MCNEMAR_CORRECTED,			/* chi-square with continuity correction */
	MCNEMAR_CHI2				/* chi-square without */
} McnemarMethod;

/* Rows that only the first and only the second got right. */
extern StatsTest stats_mcnemar(int64 only_first, int64 only_second, McnemarMethod method);

/* The same with the shares of right rows, their difference and its interval; of n rows, both were right on so many. */
extern void stats_mcnemar_difference(int64 n, int64 both, int64 only_first, int64 only_second,
									 McnemarMethod method, double alpha, StatsDifference *out);

/* Two shares of independent rows: pooled z test. */
extern StatsTest stats_two_shares(int64 first, int64 first_n, int64 second, int64 second_n);

/* Wilson's interval of a share. */
extern void stats_wilson(int64 successes, int64 n, double alpha, double *low, double *high);

/* Means over the same rows, from the moments of their row-by-row differences: paired t test. */
extern void stats_paired_t(double first, double second, const StatsMoments *differences, double alpha, StatsDifference *out);

/* Two figures whose difference has this variance: z test and normal interval. */
extern void stats_normal_difference(double first, double second, double variance, double alpha, StatsDifference *out);

/* A normal interval of a mean. */
extern void stats_mean_interval(const StatsMoments *moments, double alpha, double *low, double *high);

/* Do the arms have the rows that their shares (summing to 1) promise?  Chi-square with narms - 1 degrees of freedom. */
extern StatsTest stats_sample_ratio(int narms, const int64 *counts, const double *shares);

/* Rows that each of two equal arms needs to tell the shares apart with this power. */
extern double stats_sample_size(double first, double second, double alpha, double power);

/* stats_auc.c */
typedef struct StatsAucs
{
	int64		npositive;
	int64		nnegative;
	double		auc[2];			/* NaN without rows of both classes */
	double		variance[2];	/* NaN with fewer than two rows of a class */
	double		difference_variance;	/* of auc[0] - auc[1] */
} StatsAucs;

/* Areas of one or two (second may be NULL) scores of the same rows; label 1 is positive, 0 negative. */
extern void stats_delong(int64 nrows, const double *first, const double *second, const uint8 *labels, StatsAucs *out);

/* DeLong's test of the two. */
extern void stats_auc_difference(const StatsAucs *aucs, double alpha, StatsDifference *out);

/* DeLong's interval of one area, within 0 and 1. */
extern void stats_auc_interval(double auc, double variance, double alpha, double *low, double *high);

/* Rows in the order of a score, for areas of many resamples; freed with the memory context. */
typedef struct StatsOrder StatsOrder;

extern StatsOrder *stats_order(int64 nrows, const double *scores, const uint8 *labels);
extern double stats_order_auc(const StatsOrder *order, const uint32 *times);

/* stats_bootstrap.c */

/* Gives both figures of a resample in which unit i occurs times[i] times. */
typedef void (*StatsFigures) (void *arg, const uint32 *times, double figures[2]);

typedef struct StatsBootstrap
{
	StatsDifference difference; /* statistic: mean of the resampled differences by their standard deviation */
	double		low[2];			/* interval of each figure */
	double		high[2];
	int			nresamples;		/* that counted: both figures were defined */
} StatsBootstrap;

extern void stats_bootstrap(int64 nunits, int nresamples, uint64 seed, double alpha,
							StatsFigures figures, void *arg, StatsBootstrap *out);

/* A StatsFigures for means of per-row losses, or the roots of them. */
typedef struct StatsMeans
{
	int64		nrows;
	const double *losses[2];	/* second may be NULL */
	bool		root;
} StatsMeans;

extern void stats_mean_figures(void *arg, const uint32 *times, double figures[2]);

/* A StatsFigures for areas under ROC curves: arg is an array of two StatsOrder *, the second may be NULL. */
extern void stats_auc_figures(void *arg, const uint32 *times, double figures[2]);

#endif							/* LEARN_STATS_H */
