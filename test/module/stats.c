/*-------------------------------------------------------------------------
 *
 * stats.c
 *	  The statistics on arrays, to be compared with other implementations' values.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "learn/stats.h"

PG_FUNCTION_INFO_V1(test_stats);
PG_FUNCTION_INFO_V1(test_stats_delong);
PG_FUNCTION_INFO_V1(test_stats_bootstrap);

/* Gives the doubles of a float8[] argument without NULLs. */
static double *
double_array(Datum datum, int *n)
{
	ArrayType  *array = DatumGetArrayTypeP(datum);

	if (ARR_ELEMTYPE(array) != FLOAT8OID || array_contains_nulls(array))
		elog(ERROR, "float8[] without NULLs expected");
	*n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	return (double *) ARR_DATA_PTR(array);
}

/* Gives doubles as a float8[]. */
static Datum
double_datum(const double *values, int n)
{
	Datum	   *datums = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		datums[i] = Float8GetDatum(values[i]);
	return PointerGetDatum(construct_array(datums, n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* Fills in a test's two numbers. */
static int
put_test(StatsTest test, double *out)
{
	out[0] = test.statistic;
	out[1] = test.p_value;
	return 2;
}

/* Fills in a difference's numbers, in the order of the struct. */
static int
put_difference(const StatsDifference *difference, double *out)
{
	out[0] = difference->first;
	out[1] = difference->second;
	out[2] = difference->difference;
	out[3] = difference->ci_low;
	out[4] = difference->ci_high;
	out[5] = difference->statistic;
	out[6] = difference->p_value;
	return 7;
}

/* Computes what counts and shares alone decide; gives the number of results. */
static int
compute(const char *what, const double *in, int nin, double *out)
{
	StatsDifference difference;
	StatsMoments moments = {0};

	if (strcmp(what, "mcnemar") == 0)
		return put_test(stats_mcnemar((int64) in[0], (int64) in[1], (McnemarMethod) in[2]), out);
	if (strcmp(what, "mcnemar_difference") == 0)
	{
		stats_mcnemar_difference((int64) in[0], (int64) in[1], (int64) in[2], (int64) in[3], (McnemarMethod) in[4], in[5], &difference);
		return put_difference(&difference, out);
	}
	if (strcmp(what, "two_shares") == 0)
		return put_test(stats_two_shares((int64) in[0], (int64) in[1], (int64) in[2], (int64) in[3]), out);
	if (strcmp(what, "wilson") == 0)
	{
		stats_wilson((int64) in[0], (int64) in[1], in[2], &out[0], &out[1]);
		return 2;
	}
	if (strcmp(what, "sample_size") == 0)
	{
		out[0] = stats_sample_size(in[0], in[1], in[2], in[3]);
		return 1;
	}
	if (strcmp(what, "sample_ratio") == 0)
	{
		int64		counts[16];

		for (int i = 0; i < nin / 2; i++)
			counts[i] = (int64) in[i];
		return put_test(stats_sample_ratio(nin / 2, counts, in + nin / 2), out);
	}
	if (strcmp(what, "distributions") == 0)
	{
		out[0] = stats_normal_quantile(in[0]);
		out[1] = stats_gamma_upper(in[1], in[2]);
		out[2] = stats_beta(in[0], in[1], in[2]);
		out[3] = stats_t_p(in[2], in[1]);
		out[4] = stats_t_quantile(in[0], in[1]);
		out[5] = stats_binomial_lower((int64) in[1], (int64) in[2], in[0]);
		return 6;
	}
	if (strcmp(what, "beta_binomial") == 0)
	{
		out[0] = stats_beta_binomial_upper((int64) in[0], (int64) in[1], in[2], in[3], in[4]);
		return 1;
	}
	if (strcmp(what, "kolmogorov") == 0)
	{
		for (int i = 0; i < nin; i++)
			out[i] = stats_kolmogorov_upper(in[i]);
		return nin;
	}
	if (strcmp(what, "paired_t") != 0)
		elog(ERROR, "unknown statistic \"%s\"", what);
	for (int i = 0; i < nin; i++)
		stats_moments_add(&moments, in[i]);
	stats_paired_t(moments.mean, 0, &moments, 0.05, &difference);
	put_difference(&difference, out);
	stats_mean_interval(&moments, 0.05, &out[7], &out[8]);
	return 9;
}

/* stats(what, numbers): the statistic of that name. */
Datum
test_stats(PG_FUNCTION_ARGS)
{
	int			nin;
	const double *in = double_array(PG_GETARG_DATUM(1), &nin);
	double		out[16];
	int			nout = compute(text_to_cstring(PG_GETARG_TEXT_PP(0)), in, nin, out);

	return double_datum(out, nout);
}

/* Gives labels as bytes. */
static uint8 *
byte_labels(Datum datum, int nrows)
{
	int			n;
	const double *labels = double_array(datum, &n);
	uint8	   *bytes = palloc(n);

	if (n != nrows)
		elog(ERROR, "%d labels for %d rows", n, nrows);
	for (int i = 0; i < n; i++)
		bytes[i] = labels[i] > 0.5;
	return bytes;
}

/* stats_delong(first, second, labels): difference, then the three variances and the first's interval. */
Datum
test_stats_delong(PG_FUNCTION_ARGS)
{
	int			n;
	int			m;
	const double *first = double_array(PG_GETARG_DATUM(0), &n);
	const double *second = double_array(PG_GETARG_DATUM(1), &m);
	uint8	   *labels = byte_labels(PG_GETARG_DATUM(2), n);
	StatsAucs	aucs;
	StatsDifference difference;
	double		out[12];

	if (n != m)
		elog(ERROR, "%d and %d scores", n, m);
	stats_delong(n, first, second, labels, &aucs);
	stats_auc_difference(&aucs, 0.05, &difference);
	put_difference(&difference, out);
	out[7] = aucs.variance[0];
	out[8] = aucs.variance[1];
	out[9] = aucs.difference_variance;
	stats_auc_interval(aucs.auc[0], aucs.variance[0], 0.05, &out[10], &out[11]);
	return double_datum(out, 12);
}

/* stats_bootstrap(figure, first, second, labels, resamples, seed): figure is mean, root or auc. */
Datum
test_stats_bootstrap(PG_FUNCTION_ARGS)
{
	char	   *figure = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			n;
	int			m;
	const double *first = double_array(PG_GETARG_DATUM(1), &n);
	const double *second = double_array(PG_GETARG_DATUM(2), &m);
	uint8	   *labels = byte_labels(PG_GETARG_DATUM(3), n);
	StatsMeans	means = {n, {first, second}, strcmp(figure, "root") == 0};
	StatsOrder *orders[2] = {stats_order(n, first, labels), stats_order(n, second, labels)};
	bool		auc = strcmp(figure, "auc") == 0;
	StatsBootstrap result;
	double		out[12];

	if (n != m)
		elog(ERROR, "%d and %d figures", n, m);
	stats_bootstrap(n, PG_GETARG_INT32(4), PG_GETARG_INT32(5), 0.05, auc ? stats_auc_figures : stats_mean_figures,
					auc ? (void *) orders : (void *) &means, &result);
	put_difference(&result.difference, out);
	for (int s = 0; s < 2; s++)
	{
		out[7 + 2 * s] = result.low[s];
		out[8 + 2 * s] = result.high[s];
	}
	out[11] = result.nresamples;
	return double_datum(out, 12);
}
