/*-------------------------------------------------------------------------
 *
 * moments.c
 *	  Moments of finite numbers, block by block.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "common/int.h"
#include "utils/float.h"

#include "profile/bytes.h"
#include "profile/moments.h"

/* Sums that run side by side, so that one need not wait for the other. */
#define LANES 4

/* Sets the mean to a sum, with what float8 cannot hold of it (Knuth's two-sum). */
static inline void
set_mean(Moments *moments, double a, double b)
{
	double		sum = a + b;
	double		part = sum - a;

	moments->mean = sum;
	moments->mean_rest = (a - (sum - part)) + (b - part);
}

/* Gives the mean of what a few numbers differ from a pivot. */
static double
mean_difference(const double *values, int n, double pivot)
{
	double		sums[LANES] = {0};
	int			i;

	for (i = 0; i + LANES <= n; i += LANES)
		for (int j = 0; j < LANES; j++)
			sums[j] += values[i + j] - pivot;
	for (; i < n; i++)
		sums[0] += values[i] - pivot;
	return ((sums[0] + sums[1]) + (sums[2] + sums[3])) / n;
}

/* Gives the mean of numbers whose differences are too large for float8. */
static double
huge_mean(const double *values, int n)
{
	double		mean = 0;

	for (int i = 0; i < n; i++)
		mean += values[i] / n;
	return Min(Max(mean, -DBL_MAX), DBL_MAX);
}

/* Sums the powers of what numbers differ from their mean, which is a pivot and a difference. */
static void
block_moments(const double *values, int n, Moments *block)
{
	double		pivot = values[0];
	double		difference = mean_difference(values, n, pivot);
	double		m2[LANES] = {0};
	double		m3[LANES] = {0};
	double		m4[LANES] = {0};
	int			i;

	block->n = n;
	set_mean(block, pivot, difference);
	if (unlikely(!isfinite(block->mean)))
	{
		block->mean = pivot = huge_mean(values, n);
		block->mean_rest = difference = 0;
	}
	for (i = 0; i + LANES <= n; i += LANES)
	{
		for (int j = 0; j < LANES; j++)
		{
			double		d = values[i + j] - pivot - difference;
			double		square = d * d;

			m2[j] += square;
			m3[j] += square * d;
			m4[j] += square * square;
		}
	}
	for (; i < n; i++)
	{
		double		d = values[i] - pivot - difference;
		double		square = d * d;

		m2[0] += square;
		m3[0] += square * d;
		m4[0] += square * square;
	}
	block->m2 = (m2[0] + m2[1]) + (m2[2] + m2[3]);
	block->m3 = (m3[0] + m3[1]) + (m3[2] + m3[3]);
	block->m4 = (m4[0] + m4[1]) + (m4[2] + m4[3]);
}

/* Makes what float8 cannot hold NaN, always the same one, so that it stays so; sums of squares do not round to less than nothing. */
static void
settle(Moments *moments)
{
	if (unlikely(moments->m2 < 0))
		moments->m2 = 0;
	if (unlikely(moments->m4 < 0))
		moments->m4 = 0;
	if (unlikely(!isfinite(moments->m2)))
		moments->m2 = get_float8_nan();
	if (unlikely(!isfinite(moments->m3) || isnan(moments->m2)))
		moments->m3 = get_float8_nan();
	if (unlikely(!isfinite(moments->m4) || isnan(moments->m2)))
		moments->m4 = get_float8_nan();
}

/* Adds n finite numbers. */
void
moments_add(Moments *moments, const double *values, int n)
{
	Moments		block;

	if (n <= 0)
		return;
	block_moments(values, n, &block);
	settle(&block);
	moments_merge(moments, &block);
}

/* Adds a finite number n times. */
void
moments_add_equal(Moments *moments, double value, int n)
{
	Moments		block = {0};

	block.n = n;
	block.mean = value;
	moments_merge(moments, &block);
}

/* Adds what other numbers gave. */
void
moments_merge(Moments *into, const Moments *other)
{
	Moments		a = *into;
	const Moments *b = other;
	double		na = a.n;
	double		nb = b->n;
	double		n = na + nb;
	double		delta = b->mean - a.mean + (b->mean_rest - a.mean_rest);
	double		step = delta / n;
	double		shift = step * nb;

	if (b->n == 0)
		return;
	if (a.n == 0)
	{
		*into = *other;
		return;
	}
	if (pg_add_s64_overflow(a.n, b->n, &into->n))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("bigint out of range")));
	set_mean(into, a.mean, a.mean_rest + shift);
	if (unlikely(!isfinite(into->mean) || !isfinite(into->mean_rest)))
	{
		into->mean = Min(Max(a.mean * (na / n) + b->mean * (nb / n), -DBL_MAX), DBL_MAX);
		into->mean_rest = 0;
	}
	into->m2 = a.m2 + b->m2 + delta * step * na * nb;
	into->m3 = a.m3 + b->m3 + delta * step * step * na * nb * (na - nb) +
		3 * step * (na * b->m2 - nb * a.m2);
	into->m4 = a.m4 + b->m4 + delta * step * step * step * na * nb * (na * na - na * nb + nb * nb) +
		6 * step * step * (na * na * b->m2 + nb * nb * a.m2) +
		4 * step * (na * b->m3 - nb * a.m3);
	settle(into);
}

/* Gives the variance of a sample. */
double
moments_variance(const Moments *moments)
{
	return moments->n > 1 ? moments->m2 / (moments->n - 1) : get_float8_nan();
}

/* Gives the skewness of a population. */
double
moments_skewness(const Moments *moments)
{
	double		variance = moments->m2 / moments->n;

	if (moments->n < 1 || !(variance > 0))
		return get_float8_nan();
	return moments->m3 / moments->n / variance / sqrt(variance);
}

/* Gives the excess kurtosis of a population. */
double
moments_kurtosis(const Moments *moments)
{
	double		variance = moments->m2 / moments->n;

	if (moments->n < 1 || !(variance > 0))
		return get_float8_nan();
	return moments->m4 / moments->n / variance / variance - 3;
}

/* Writes the count and, when there is any, the mean and the sums. */
void
moments_write(const Moments *moments, StringInfo out)
{
	bytes_put_count(out, moments->n);
	if (moments->n == 0)
		return;
	bytes_put_double(out, moments->mean);
	bytes_put_double(out, moments->mean_rest);
	bytes_put_double(out, moments->m2);
	bytes_put_double(out, moments->m3);
	bytes_put_double(out, moments->m4);
}

/* Reads a sum that is finite, or NaN as settle() makes it. */
static double
read_sum(Bytes *b)
{
	double		sum = bytes_double(b);
	double		nan = get_float8_nan();

	if (isinf(sum) || (isnan(sum) && memcmp(&sum, &nan, sizeof(sum)) != 0))
		bytes_error("A moment is not finite.");
	return sum;
}

/* Reads what moments_write() wrote. */
void
moments_read(Bytes *b, Moments *moments)
{
	memset(moments, 0, sizeof(Moments));
	moments->n = bytes_count(b, 0, PG_INT64_MAX);
	if (moments->n == 0)
		return;
	moments->mean = bytes_double(b);
	moments->mean_rest = bytes_double(b);
	moments->m2 = read_sum(b);
	moments->m3 = read_sum(b);
	moments->m4 = read_sum(b);
	if (!isfinite(moments->mean) || moments->mean + moments->mean_rest != moments->mean)
		bytes_error("A mean is not finite, or its rest is too large.");
	if (moments->m2 < 0 || moments->m4 < 0)
		bytes_error("An even moment is negative.");
	if (isnan(moments->m2) && (!isnan(moments->m3) || !isnan(moments->m4)))
		bytes_error("A moment is known whose variance is not.");
	if (moments->n == 1 && (moments->m2 != 0 || moments->m3 != 0 || moments->m4 != 0))
		bytes_error("One value has a variance.");
}
