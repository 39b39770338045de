/*
 * moments.h
 *	  Count, mean and central moments up to the fourth, of finite numbers.
 *
 * Mergeable, and the only part of a sketch besides counts that could be inverted
 * (Pébay, "Formulas for robust, one-pass parallel computation of covariances and
 * arbitrary-order statistical moments", 2008).  A block is summed about its own
 * mean and merged, so that 1e9 + small noise keeps its variance.
 *
 * The mean is always finite; a central moment that float8 cannot hold is NaN.
 */
#ifndef PROFILE_MOMENTS_H
#define PROFILE_MOMENTS_H

#include "postgres.h"

typedef struct Moments
{
	int64		n;
	double		mean;
	double		mean_rest;		/* what the mean has beyond float8, so that it moves on in a long column */
	double		m2;				/* sum of (x - mean)^2, … */
	double		m3;
	double		m4;
} Moments;

extern void moments_add(Moments *moments, const double *values, int n);

/* The same for n times one number. */
extern void moments_add_equal(Moments *moments, double value, int n);
extern void moments_merge(Moments *into, const Moments *other);

/* Sample variance (n-1), skewness and excess kurtosis of the population; NaN where they are not defined. */
extern double moments_variance(const Moments *moments);
extern double moments_skewness(const Moments *moments);
extern double moments_kurtosis(const Moments *moments);

#endif							/* PROFILE_MOMENTS_H */
