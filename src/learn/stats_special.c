/*-------------------------------------------------------------------------
 *
 * stats_special.c
 *	  Distributions: normal, chi-square, Student's t, binomial, beta-binomial, Kolmogorov's.
 *
 * Everything stands on erfc() and lgamma() of the C library, the regularised
 * incomplete gamma and beta functions, and bisection where an inverse is wanted.
 * Tails are computed as tails, so small p-values keep their digits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "learn/stats.h"

/* Terms and steps after which a series counts as converged whatever it does; a million degrees of freedom take some thousand. */
#define SPECIAL_MAX_STEPS 100000

/* Replaces what a division must not meet. */
static inline double
not_zero(double value)
{
	return fabs(value) < DBL_MIN * 1e10 ? DBL_MIN * 1e10 : value;
}

/* Gives the two-sided p-value of a normal statistic. */
double
stats_normal_p(double z)
{
	return erfc(fabs(z) / M_SQRT2);
}

/* Gives the chance that a normal value is greater. */
double
stats_normal_upper(double z)
{
	return 0.5 * erfc(z / M_SQRT2);
}

/*
 * Gives the normal quantile: Abramowitz and Stegun 26.2.23 to start with, then
 * Halley's steps on the tail, which is computed exactly.
 */
double
stats_normal_quantile(double p)
{
	double		tail = Min(p, 1 - p);
	double		t;
	double		z;

	if (isnan(p) || p < 0 || p > 1)
		return NAN;
	if (tail == 0)
		return p == 0 ? -INFINITY : INFINITY;
	t = sqrt(-2 * log(tail));
	z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
	for (int i = 0; i < 4; i++)
	{
		double		density = exp(-0.5 * z * z) / sqrt(2 * M_PI);
		double		step = (stats_normal_upper(z) - tail) / density;

		z += step / (1 - 0.5 * z * step);
	}
	return p < 0.5 ? -z : z;
}

/* Gives the power series of the lower incomplete gamma function (DLMF 8.11.4), regularised. */
static double
gamma_series(double a, double x)
{
	double		term = 1 / a;
	double		sum = term;

	for (int n = 1; n < SPECIAL_MAX_STEPS && fabs(term) > fabs(sum) * DBL_EPSILON; n++)
	{
		term *= x / (a + n);
		sum += term;
	}
	return sum * exp(a * log(x) - x - lgamma(a));
}

/* Gives the continued fraction of the upper incomplete gamma function (DLMF 8.9.2, by Lentz), regularised. */
static double
gamma_fraction(double a, double x)
{
	double		b = x + 1 - a;
	double		c = 1 / DBL_MIN;
	double		d = 1 / not_zero(b);
	double		h = d;

	for (int n = 1; n < SPECIAL_MAX_STEPS; n++)
	{
		double		numerator = -n * (n - a);
		double		step;

		b += 2;
		d = 1 / not_zero(numerator * d + b);
		c = not_zero(b + numerator / c);
		step = c * d;
		h *= step;
		if (fabs(step - 1) < DBL_EPSILON)
			break;
	}
	return h * exp(a * log(x) - x - lgamma(a));
}

/* Gives the regularised upper incomplete gamma function. */
double
stats_gamma_upper(double a, double x)
{
	if (isnan(a) || isnan(x) || a <= 0)
		return NAN;
	if (x <= 0)
		return 1;
	if (isinf(x))
		return 0;
	return x < a + 1 ? 1 - gamma_series(a, x) : gamma_fraction(a, x);
}

/* Gives the continued fraction of the incomplete beta function (DLMF 8.17.22, by Lentz). */
static double
beta_fraction(double x, double a, double b)
{
	double		c = 1;
	double		d = 1 / not_zero(1 - (a + b) * x / (a + 1));
	double		h = d;

	for (int m = 1; m < SPECIAL_MAX_STEPS; m++)
	{
		double		even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double		odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double		step;

		d = 1 / not_zero(1 + even * d);
		c = not_zero(1 + even / c);
		h *= d * c;
		d = 1 / not_zero(1 + odd * d);
		c = not_zero(1 + odd / c);
		step = d * c;
		h *= step;
		if (fabs(step - 1) < DBL_EPSILON)
			break;
	}
	return h;
}

/* Gives the regularised incomplete beta function; the side that converges fast is computed. */
double
stats_beta(double x, double a, double b)
{
	double		front;

	if (isnan(x) || isnan(a) || isnan(b) || a <= 0 || b <= 0)
		return NAN;
	if (x <= 0)
		return 0;
	if (x >= 1)
		return 1;
	front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(x, a, b) / a;
	return 1 - front * beta_fraction(1 - x, b, a) / b;
}

/* Gives the upper tail of the chi-square distribution. */
double
stats_chi2_p(double statistic, double df)
{
	if (df == 1)
		return erfc(sqrt(Max(statistic, 0) / 2));
	return stats_gamma_upper(df / 2, statistic / 2);
}

/* Degrees of freedom from which Student's t is the normal distribution to 1e-7 and better. */
#define T_IS_NORMAL 1e7

/* Gives the two-sided p-value of Student's t (Abramowitz and Stegun 26.7.1). */
double
stats_t_p(double t, double df)
{
	if (isnan(t) || df <= 0)
		return NAN;
	if (isinf(t))
		return 0;
	if (df >= T_IS_NORMAL)
		return stats_normal_p(t);
	return stats_beta(df / (df + t * t), df / 2, 0.5);
}

/* Gives the quantile of Student's t, by bisection on its tail. */
double
stats_t_quantile(double p, double df)
{
	double		tail = 2 * Min(p, 1 - p);
	double		low = 0;
	double		high = 1;

	if (isnan(p) || p <= 0 || p >= 1 || df <= 0)
		return NAN;
	if (df >= T_IS_NORMAL)
		return stats_normal_quantile(p);
	while (stats_t_p(high, df) > tail && high < DBL_MAX / 4)
		high *= 2;
	for (int i = 0; i < 200 && high - low > DBL_EPSILON * high; i++)
	{
		double		middle = low + (high - low) / 2;

		if (stats_t_p(middle, df) > tail)
			low = middle;
		else
			high = middle;
	}
	return p < 0.5 ? -high : high;
}

/* Gives the chance of at most so many successes (Abramowitz and Stegun 26.5.24). */
double
stats_binomial_lower(int64 successes, int64 trials, double p)
{
	if (successes < 0)
		return 0;
	if (successes >= trials)
		return 1;
	return stats_beta(1 - p, (double) (trials - successes), (double) successes + 1);
}

/*
 * Gives the chance of at least so many successes when their probability itself is
 * drawn from Beta(a, b) (Skellam 1948), or less than enough as soon as it is less.
 */
double
stats_beta_binomial_upper(int64 successes, int64 trials, double a, double b, double enough)
{
	double		n = (double) trials;
	double		term;
	double		below = 0;

	if (isnan(a) || isnan(b) || a <= 0 || b <= 0)
		return NAN;
	if (successes <= 0)
		return 1;
	if (successes > trials)
		return 0;
	term = lgamma(a + b) - lgamma(b) + lgamma(b + n) - lgamma(a + b + n);
	for (int64 k = 0; k < successes && below <= 1 - enough; k++)
	{
		below += exp(term);
		term += log((n - k) / (k + 1)) + log((a + k) / (b + n - k - 1));
	}
	return Max(1 - below, 0);
}

/*
 * Gives the chance that Kolmogorov's limiting distribution is greater, by the
 * one of its two series (Kolmogorov 1933; Feller 1948) that converges fast there.
 */
double
stats_kolmogorov_upper(double x)
{
	double		sum = 0;

	if (isnan(x))
		return NAN;
	if (x < 0.04)
		return 1;
	if (x < 1)
	{
		for (int k = 1; k <= 20; k++)
			sum += exp(-(2 * k - 1) * (2 * k - 1) * M_PI * M_PI / (8 * x * x));
		return 1 - sqrt(2 * M_PI) / x * sum;
	}
	for (int k = 1; k <= 20; k++)
		sum += (k % 2 == 1 ? 1 : -1) * exp(-2.0 * k * k * x * x);
	return 2 * sum;
}
