/*-------------------------------------------------------------------------
 *
 * stats.c
 *	  Tests and intervals of counts, shares and means.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "learn/stats.h"

/* Gives the sample variance. */
double
stats_variance(const StatsMoments *moments)
{
	return moments->n < 2 ? NAN : moments->squares / (double) (moments->n - 1);
}

/* Gives a difference by its standard error; no difference is 0 also where nothing varies. */
static double
standardise(double difference, double error)
{
	if (difference == 0 && !isnan(error))
		return 0;
	return difference / error;
}

/*
 * McNemar (1947): of the rows that exactly one of the two got right, half should be
 * either's.  Exact by the binomial distribution, twice the smaller tail; chi-square
 * with Edwards' (1948) correction, or without.  Without any such row there is no difference: 1.
 */
StatsTest
stats_mcnemar(int64 only_first, int64 only_second, McnemarMethod method)
{
	int64		fewer = Min(only_first, only_second);
	int64		n = only_first + only_second;
	double		distance = fabs((double) only_first - (double) only_second);
	StatsTest	test = {0, 1};

	if (n == 0)
		return test;
	if (method == MCNEMAR_EXACT)
	{
		test.statistic = (double) fewer;
		test.p_value = Min(1, 2 * stats_binomial_lower(fewer, n, 0.5));
		return test;
	}
	if (method == MCNEMAR_CORRECTED)
		distance -= 1;
	test.statistic = distance * distance / (double) n;
	test.p_value = stats_chi2_p(test.statistic, 1);
	return test;
}

/*
 * Gives the difference of two shares of right rows beside McNemar's test.  Its interval is Wald's for
 * paired shares (Agresti 2002, Categorical Data Analysis, 10.1.1).
 */
void
stats_mcnemar_difference(int64 n, int64 both, int64 only_first, int64 only_second,
						 McnemarMethod method, double alpha, StatsDifference *out)
{
	StatsTest	test = stats_mcnemar(only_first, only_second, method);
	double		apart = (double) only_first - (double) only_second;
	double		either = (double) only_first + (double) only_second;
	double		error = sqrt(Max(either - apart * apart / (double) n, 0)) / (double) n;
	double		reach = stats_normal_quantile(1 - alpha / 2) * error;

	out->first = (double) (both + only_first) / (double) n;
	out->second = (double) (both + only_second) / (double) n;
	out->difference = apart / (double) n;
	out->ci_low = out->difference - reach;
	out->ci_high = out->difference + reach;
	out->statistic = test.statistic;
	out->p_value = test.p_value;
}

/* The z test of two shares with their pooled variance (Fleiss, Levin and Paik 2003, 3.1). */
StatsTest
stats_two_shares(int64 first, int64 first_n, int64 second, int64 second_n)
{
	double		p = (double) first / (double) first_n;
	double		q = (double) second / (double) second_n;
	double		pooled = (double) (first + second) / (double) (first_n + second_n);
	double		error = sqrt(pooled * (1 - pooled) * (1 / (double) first_n + 1 / (double) second_n));
	StatsTest	test;

	test.statistic = standardise(p - q, error);
	test.p_value = stats_normal_p(test.statistic);
	return test;
}

/* The score interval of a share (Wilson 1927). */
void
stats_wilson(int64 successes, int64 n, double alpha, double *low, double *high)
{
	double		z = stats_normal_quantile(1 - alpha / 2);
	double		p = (double) successes / (double) n;
	double		scale = 1 + z * z / (double) n;
	double		centre = (p + z * z / (2 * (double) n)) / scale;
	double		reach = z / scale * sqrt(p * (1 - p) / (double) n + z * z / (4 * (double) n * (double) n));

	*low = Max(centre - reach, 0);
	*high = Min(centre + reach, 1);
}

/* The paired t test (Student 1908), with the interval that belongs to it. */
void
stats_paired_t(double first, double second, const StatsMoments *differences, double alpha, StatsDifference *out)
{
	double		df = (double) (differences->n - 1);
	double		error = sqrt(stats_variance(differences) / (double) differences->n);
	double		reach = stats_t_quantile(1 - alpha / 2, df) * error;

	out->first = first;
	out->second = second;
	out->difference = differences->mean;
	out->ci_low = out->difference - reach;
	out->ci_high = out->difference + reach;
	out->statistic = standardise(out->difference, error);
	out->p_value = stats_t_p(out->statistic, df);
}

/* The z test of a difference whose variance is known, with its normal interval. */
void
stats_normal_difference(double first, double second, double variance, double alpha, StatsDifference *out)
{
	double		error = sqrt(Max(variance, 0));
	double		reach = stats_normal_quantile(1 - alpha / 2) * error;

	out->first = first;
	out->second = second;
	out->difference = first - second;
	if (isnan(variance))
		error = reach = NAN;
	out->ci_low = out->difference - reach;
	out->ci_high = out->difference + reach;
	out->statistic = standardise(out->difference, error);
	out->p_value = stats_normal_p(out->statistic);
}

/* Gives the normal interval of a mean. */
void
stats_mean_interval(const StatsMoments *moments, double alpha, double *low, double *high)
{
	double		reach = stats_normal_quantile(1 - alpha / 2) * sqrt(stats_variance(moments) / (double) moments->n);

	*low = moments->mean - reach;
	*high = moments->mean + reach;
}

/*
 * Pearson's chi-square test of counts against shares, which is what a sample-ratio check is (Fabijan
 * et al. 2019, Diagnosing Sample Ratio Mismatch).  A row in an arm of share 0 cannot be by chance.
 */
StatsTest
stats_sample_ratio(int narms, const int64 *counts, const double *shares)
{
	StatsTest	test = {0, 1};
	double		total = 0;
	int			df = -1;

	for (int i = 0; i < narms; i++)
		total += (double) counts[i];
	for (int i = 0; i < narms; i++)
	{
		double		expected = total * shares[i];
		double		distance = (double) counts[i] - expected;

		if (shares[i] > 0)
			df++;
		if (expected > 0)
			test.statistic += distance * distance / expected;
		else if (counts[i] > 0)
			test.statistic = INFINITY;
	}
	if (isinf(test.statistic))
		test.p_value = 0;
	else if (df > 0 && total > 0)
		test.p_value = stats_chi2_p(test.statistic, df);
	return test;
}

/* Gives the power of the two-sided z test of two shares, by Cohen's (1988) effect size h. */
static double
power_of_shares(double h, double rows, double alpha)
{
	double		critical = stats_normal_quantile(1 - alpha / 2);
	double		shift = h * sqrt(rows / 2);

	return stats_normal_upper(critical - shift) + stats_normal_upper(critical + shift);
}

/* Gives the rows that each of two equal arms needs, by bisection on the power. */
double
stats_sample_size(double first, double second, double alpha, double power)
{
	double		h = fabs(2 * asin(sqrt(first)) - 2 * asin(sqrt(second)));
	double		low = 0;
	double		high = 1;

	if (!(h > 0) || !(alpha > 0 && alpha < 1) || !(power > alpha && power < 1))
		return NAN;
	while (power_of_shares(h, high, alpha) < power && high < 1e300)
		high *= 2;
	for (int i = 0; i < 200 && high - low > 1e-12 * high; i++)
	{
		double		middle = low + (high - low) / 2;

		if (power_of_shares(h, middle, alpha) < power)
			low = middle;
		else
			high = middle;
	}
	return high;
}
