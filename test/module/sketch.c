/*-------------------------------------------------------------------------
 *
 * sketch.c
 *	  The parts of sketches against what is exact.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <float.h>
#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "profile/bytes.h"
#include "profile/distinct.h"
#include "profile/frequent.h"
#include "profile/hash.h"
#include "profile/minhash.h"
#include "profile/moments.h"
#include "profile/quantiles_int.h"

PG_FUNCTION_INFO_V1(test_sketch_data_name);
PG_FUNCTION_INFO_V1(test_sketch_quantiles);
PG_FUNCTION_INFO_V1(test_sketch_moments);
PG_FUNCTION_INFO_V1(test_sketch_distinct);
PG_FUNCTION_INFO_V1(test_sketch_minhash);

/* Writes a part of a sketch to bytes that are to be read. */
#define STORE(write, part, out, bytes) \
	do { \
		initStringInfo(out); \
		write(part, out); \
		(bytes)->at = (const unsigned char *) (out)->data; \
		(bytes)->end = (bytes)->at + (out)->len; \
	} while (0)

/* Ends with an error unless a part that was read is written as it was. */
#define SAME(write, part, out, bytes) \
	do { \
		StringInfoData again; \
		initStringInfo(&again); \
		write(part, &again); \
		if ((bytes)->at != (bytes)->end || again.len != (out)->len || memcmp(again.data, (out)->data, again.len) != 0) \
			elog(ERROR, "what was read is not written as it was"); \
	} while (0)

/* Gives a row of float8s. */
static Datum
row(FunctionCallInfo fcinfo, const double *figures)
{
	TupleDesc	desc;
	Datum		values[8];
	bool		nulls[8] = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (int i = 0; i < desc->natts; i++)
		values[i] = Float8GetDatum(figures[i]);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* Gives how many of sorted values are less than x, or at most x. */
static int64
rank_of(const double *sorted, int64 n, double x, bool inclusive)
{
	int64		low = 0;
	int64		high = n;

	while (low < high)
	{
		int64		middle = (low + high) / 2;

		if (sorted[middle] < x || (inclusive && sorted[middle] == x))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Gives the quantiles of values in so many parts, each stored and read before it is merged when asked for. */
static Quantiles *
sketch_of(const double *values, int n, int parts, bool stored, int *bytes)
{
	Quantiles  *all = quantiles_create(CurrentMemoryContext);
	MemoryContext each = AllocSetContextCreate(CurrentMemoryContext, "aipipe_test part", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(each);
	int			from = 0;

	for (int p = 0; p < parts; p++)
	{
		int			to = (int) ((int64) n * (p + 1) / parts);
		Quantiles  *part = parts == 1 && !stored ? all : quantiles_create(each);

		for (; from < to; from += 64)
			quantiles_add(part, values + from, Min(64, to - from));
		from = to;
		if (stored)
		{
			StringInfoData out;
			Bytes		b;

			STORE(quantiles_write, part, &out, &b);
			part = quantiles_read(&b);
			SAME(quantiles_write, part, &out, &b);
			*bytes = Max(*bytes, out.len);
		}
		if (part != all)
			quantiles_merge(all, part);
		MemoryContextReset(each);
	}
	MemoryContextSwitchTo(old);
	return all;
}

/* Gives the greatest rank error of 99 quantiles, and of the shares below 99 true quantiles. */
static void
rank_errors(const Quantiles *q, const double *sorted, int64 n, double *of_quantiles, double *of_shares)
{
	double	   *values;
	int64	   *cumulative;
	int			m = quantiles_sorted(q, &values, &cumulative);

	if (m == 0 || cumulative[m - 1] != n)
		elog(ERROR, "weights do not add up");
	*of_quantiles = *of_shares = 0;
	for (int i = 1; i < 100; i++)
	{
		double		target = n * (i / 100.0);
		double		exact = sorted[(int64) target];
		int			at = 0;
		int64		below;
		int64		upto;
		int64		estimated = 0;

		while (cumulative[at] < target)
			at++;
		below = rank_of(sorted, n, values[at], false);
		upto = rank_of(sorted, n, values[at], true);
		if (below == upto)
			elog(ERROR, "a quantile is none of the values");
		*of_quantiles = Max(*of_quantiles, Max(below - target, target - upto) / n);
		for (at = 0; at < m && values[at] <= exact; at++)
			estimated = cumulative[at];
		*of_shares = Max(*of_shares, fabs((double) (estimated - rank_of(sorted, n, exact, true))) / n);
	}
}

/* Gives the name of a column. */
Datum
test_sketch_data_name(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(sketch_data_name(PG_GETARG_INT32(0))));
}

/* Sketches a column and compares its quantiles with those of the sorted column. */
Datum
test_sketch_quantiles(PG_FUNCTION_ARGS)
{
	int			which = PG_GETARG_INT32(0);
	int			n = PG_GETARG_INT32(1);
	int			parts = PG_GETARG_INT32(2);
	bool		stored = PG_GETARG_BOOL(3);
	Size		size = sizeof(double) * (Size) n;
	double	   *values = MemoryContextAllocHuge(CurrentMemoryContext, size);
	double		figures[4];
	int			bytes = 0;
	Quantiles  *q;

	sketch_data(which, PG_GETARG_INT32(4), values, n);
	q = sketch_of(values, n, parts, stored, &bytes);
	quantiles_sort(values, n);
	rank_errors(q, values, n, &figures[0], &figures[1]);
	figures[2] = q->retained;
	if (!stored)
	{
		StringInfoData out;

		initStringInfo(&out);
		quantiles_write(q, &out);
		bytes = out.len;
	}
	figures[3] = bytes;
	pfree(values);
	return row(fcinfo, figures);
}

/* Gives a relative difference. */
static double
relative(double a, double b, double least)
{
	return fabs(a - b) / Max(fabs(b), least);
}

/* Compares moments with sums in long double about the true mean. */
Datum
test_sketch_moments(PG_FUNCTION_ARGS)
{
	int			which = PG_GETARG_INT32(0);
	int			n = PG_GETARG_INT32(1);
	double	   *values = palloc(sizeof(double) * n);
	Moments		left = {0};
	Moments		right = {0};
	Moments		read;
	long double mean = 0;
	long double m[5] = {0};
	double		figures[4];
	double		scale;
	StringInfoData out;
	Bytes		b;

	sketch_data(which, PG_GETARG_INT32(2), values, n);
	for (int i = 0; i < n; i++)
		mean += (long double) values[i] / n;
	for (int i = 0; i < n; i++)
	{
		long double d = values[i] - mean;

		m[2] += d * d;
		m[3] += d * d * d;
		m[4] += d * d * d * d;
	}
	for (int i = 0; i < n; i += 64)
		moments_add(i < n / 3 ? &left : &right, values + i, Min(64, n - i));
	moments_merge(&left, &right);
	STORE(moments_write, &left, &out, &b);
	moments_read(&b, &read);
	SAME(moments_write, &read, &out, &b);
	scale = sqrt(m[2] / n);
	figures[0] = fabs((double) (read.mean - mean)) / Max(scale, fabs((double) mean));
	figures[1] = relative(moments_variance(&read), m[2] / (n - 1), DBL_MIN);
	figures[2] = relative(read.m3, m[3], scale * scale * scale * n);
	figures[3] = relative(read.m4, m[4], DBL_MIN);
	return row(fcinfo, figures);
}

/* Gives the i-th hash of one of several sequences of different values. */
static uint64
hash_of(int kind, int64 i)
{
	char		text[40];

	switch (kind)
	{
		case 0:
			return hash_bits(HASH_INTEGER, i);
		case 1:
			return hash_bits(HASH_INTEGER, i << 32);
		case 2:
			return hash_bits(HASH_TIME, i * 86400000000);
		case 3:
			{
				double		number = i * 0.01;
				uint64		bits;

				memcpy(&bits, &number, sizeof(bits));
				return hash_bits(HASH_REAL, bits);
			}
		case 4:
			return hash_text(HASH_TEXT, text, snprintf(text, sizeof(text), "%lld", (long long) i));
		case 5:
			return hash_text(HASH_TEXT, text, snprintf(text, sizeof(text), "customer-%08lld", (long long) i));
		case 6:
			return hash_text(HASH_TEXT, text, snprintf(text, sizeof(text), "%016llx-0000-0000", (long long) i));
		case 7:
			text[0] = i & 0xff;
			text[1] = i >> 8 & 0xff;
			text[2] = i >> 16;
			return hash_text(HASH_TEXT, text, 3);
		default:
			memset(text, 'a', 32);
			for (int bit = 0; bit < 32; bit++)
				text[bit] += i >> bit & 1;
			return hash_text(HASH_TEXT, text, 32);
	}
}

/* Estimates how many different values a sequence has, each shown some times, in parts that are stored, and the union of its halves. */
Datum
test_sketch_distinct(PG_FUNCTION_ARGS)
{
	int			kind = PG_GETARG_INT32(0);
	int64		n = PG_GETARG_INT32(1);
	int			times = PG_GETARG_INT32(2);
	int			parts = PG_GETARG_INT32(3);
	int64		from = PG_GETARG_INT32(4);
	Distinct   *all = distinct_create(CurrentMemoryContext);
	Distinct   *merged = distinct_create(CurrentMemoryContext);
	Distinct   *halves[2] = {distinct_create(CurrentMemoryContext), distinct_create(CurrentMemoryContext)};
	double		figures[4];
	StringInfoData out;
	Bytes		b;

	for (int64 i = 0; i < n * times; i++)
	{
		uint64		hash = hash_of(kind, from + i % n);

		distinct_add(all, &hash, 1);
	}
	for (int p = 0; p < parts; p++)
	{
		Distinct   *part = distinct_create(CurrentMemoryContext);

		for (int64 i = n * p / parts; i < n * (p + 1) / parts; i++)
		{
			uint64		hash = hash_of(kind, from + i);

			distinct_add(part, &hash, 1);
			distinct_add(halves[i >= n / 2], &hash, 1);
		}
		STORE(distinct_write, part, &out, &b);
		part = distinct_read(&b);
		SAME(distinct_write, part, &out, &b);
		distinct_merge(merged, part);
	}
	STORE(distinct_write, all, &out, &b);
	b.at = b.end;
	SAME(distinct_write, merged, &out, &b);
	figures[0] = distinct_estimate(all);
	figures[1] = distinct_estimate(merged);
	distinct_merge(halves[0], halves[1]);
	figures[2] = distinct_estimate(halves[0]);
	figures[3] = out.len;
	return row(fcinfo, figures);
}

/* Compares two sequences of n values of which some are common, each shown in parts. */
Datum
test_sketch_minhash(PG_FUNCTION_ARGS)
{
	int			n = PG_GETARG_INT32(0);
	int			common = PG_GETARG_INT32(1);
	int			from = PG_GETARG_INT32(2);
	MinHash		whole[2] = {{0}};
	MinHash		merged[2] = {{0}};
	double		figures[3];

	for (int side = 0; side < 2; side++)
	{
		MinHash		part[3] = {{0}};

		for (int i = 0; i < n; i++)
		{
			uint64		hash = hash_of(0, from + (side == 0 ? i : i + n - common));

			minhash_add(&whole[side], &hash, 1);
			minhash_add(&part[i % 3], &hash, 1);
		}
		for (int p = 0; p < 3; p++)
		{
			StringInfoData out;
			Bytes		b;
			MinHash		read;

			STORE(minhash_write, &part[p], &out, &b);
			minhash_read(&b, &read);
			SAME(minhash_write, &read, &out, &b);
			minhash_merge(&merged[side], &read);
		}
		if (merged[side].n != whole[side].n ||
			memcmp(merged[side].hashes, whole[side].hashes, sizeof(uint64) * whole[side].n) != 0)
			elog(ERROR, "merged signatures differ from the whole");
	}
	figures[0] = minhash_similarity(&whole[0], &whole[1]);
	figures[1] = (double) common / (2 * n - common);
	figures[2] = whole[0].n;
	return row(fcinfo, figures);
}
