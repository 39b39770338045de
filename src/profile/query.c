/*-------------------------------------------------------------------------
 *
 * query.c
 *	  What one sketch answers: distinct values, ranks, histogram, texts.
 *
 * Comparisons of two are in query_compare.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "profile/query.h"
#include "profile/sketch_int.h"

#define POSTGRES_EPOCH_SECONDS ((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (double) SECS_PER_DAY)

/* Share of distinct values that an estimate may miss and still be all: nearly five standard errors of .66 %. */
#define UNIQUE_ERROR 0.0325

/* Gives the number of different values; exact says that all of them are known. */
double
sketch_distinct(const Sketch *sketch, bool *exact)
{
	double		estimate;

	*exact = sketch->minhash.n < MINHASH_K;
	if (*exact)
		return sketch->minhash.n;
	estimate = round(distinct_estimate(sketch->distinct));
	return Min(Max(estimate, sketch->minhash.n), (double) sketch_values(sketch));
}

/* Gives distinct values per value that is not NULL. */
double
sketch_uniqueness(const Sketch *sketch)
{
	bool		exact;

	if (sketch_values(sketch) == 0)
		return NAN;
	return Min(1, sketch_distinct(sketch, &exact) / sketch_values(sketch));
}

/* Says whether no value came twice: none is known to have, and the estimate is near enough to the number of values. */
bool
sketch_is_unique(const Sketch *sketch)
{
	int64		values = sketch_values(sketch);
	double		distinct;
	bool		exact;
	FrequentItem *items;

	if (values == 0)
		return false;
	distinct = sketch_distinct(sketch, &exact);
	if (exact)
		return distinct == values;
	/* A count of a frequent value is never too large. */
	if (sketch->order.equal > 0 ||
		(sketch->values != NULL && frequent_items(sketch->values, &items) > 0 && items[0].count > 1))
		return false;
	return distinct >= (1 - UNIQUE_ERROR) * values;
}

/* Takes the ranked values. */
void
sketch_ranks(const Sketch *sketch, SketchRanks *ranks)
{
	memset(ranks, 0, sizeof(*ranks));
	if (sketch->quantiles == NULL || sketch_ranked(sketch) == 0)
		return;
	ranks->n = quantiles_sorted(sketch->quantiles, &ranks->values, &ranks->cumulative);
	ranks->count = sketch_ranked(sketch);
}

/* Gives the least or greatest ranked value, which is exact. */
static double
end_value(const Sketch *sketch, bool least)
{
	if (!value_kind_is_numeric(sketch->kind))
		return least ? sketch->characters_min : sketch->characters_max;
	return least ? sketch->min.number : sketch->max.number;
}

/* Gives the value of rank p from ranks that were taken once. */
double
sketch_ranks_quantile(const Sketch *sketch, const SketchRanks *ranks, double p)
{
	int64		rank;
	int			low = 0;
	int			high = ranks->n - 1;

	if (ranks->n == 0)
		return NAN;
	if (p <= 0 || p >= 1)
		return end_value(sketch, p <= 0);
	rank = Max(1, (int64) ceil(p * ranks->count));
	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (ranks->cumulative[middle] >= rank)
			high = middle;
		else
			low = middle + 1;
	}
	return Min(Max(ranks->values[low], end_value(sketch, true)), end_value(sketch, false));
}

/* Gives the weight of the ranked values below x, or up to x. */
static int64
weight_below(const SketchRanks *ranks, double x, bool inclusive)
{
	int			low = 0;
	int			high = ranks->n;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (inclusive ? ranks->values[middle] <= x : ranks->values[middle] < x)
			low = middle + 1;
		else
			high = middle;
	}
	return (low == 0) ? 0 : ranks->cumulative[low - 1];
}

/* Gives the share of the ranked values that are at most x, from ranks that were taken once. */
double
sketch_ranks_cdf(const Sketch *sketch, const SketchRanks *ranks, double x)
{
	if (ranks->n == 0 || isnan(x))
		return NAN;
	if (x >= end_value(sketch, false))
		return 1;
	if (x < end_value(sketch, true))
		return 0;
	return (double) weight_below(ranks, x, true) / ranks->count;
}

/* Gives the value of rank p. */
double
sketch_quantile(const Sketch *sketch, double p)
{
	SketchRanks ranks;

	if ((p <= 0 || p >= 1) && sketch_ranked(sketch) > 0)
		return end_value(sketch, p <= 0);
	sketch_ranks(sketch, &ranks);
	return sketch_ranks_quantile(sketch, &ranks, p);
}

/* Gives the share of the ranked values that are at most x. */
double
sketch_cdf(const Sketch *sketch, double x)
{
	SketchRanks ranks;

	sketch_ranks(sketch, &ranks);
	return sketch_ranks_cdf(sketch, &ranks, x);
}

/* Finds the least and the greatest finite ranked value; false when there is none. */
static bool
finite_range(const Sketch *sketch, const SketchRanks *ranks, double *low, double *high)
{
	int			from = 0;
	int			to = ranks->n - 1;

	while (from <= to && isinf(ranks->values[from]))
		from++;
	while (to >= from && isinf(ranks->values[to]))
		to--;
	if (from > to)
		return false;
	*low = isinf(end_value(sketch, true)) ? ranks->values[from] : end_value(sketch, true);
	*high = isinf(end_value(sketch, false)) ? ranks->values[to] : end_value(sketch, false);
	return true;
}

/* Gives the upper edge of the i-th of n bins, also where their ends are farther apart than a double can say. */
static double
bin_edge(double low, double high, int i, int n)
{
	double		edge = low + (high / n - low / n) * i;
	double		share = (double) i / n;

	return isfinite(edge) ? edge : low * (1 - share) + high * share;
}

/* Gives at most n bins of equal width over the ranked finite values, no more than there are different values. */
int
sketch_histogram(const Sketch *sketch, int n, SketchBin **bins)
{
	SketchRanks ranks;
	double		low;
	double		high;
	bool		exact;
	int64		before;

	*bins = NULL;
	sketch_ranks(sketch, &ranks);
	if (!finite_range(sketch, &ranks, &low, &high))
		return 0;
	n = (int) Min(n, Max(1, sketch_distinct(sketch, &exact)));
	if (high / n - low / n <= 0)
		n = 1;
	*bins = palloc(sizeof(SketchBin) * n);
	before = weight_below(&ranks, -INFINITY, true);
	for (int i = 0; i < n; i++)
	{
		SketchBin  *bin = &(*bins)[i];
		int64		upto;

		bin->low = (i == 0) ? low : (*bins)[i - 1].high;
		bin->high = (i == n - 1) ? high : bin_edge(low, high, i + 1, n);
		upto = (i == n - 1) ? weight_below(&ranks, INFINITY, false) : weight_below(&ranks, bin->high, false);
		bin->count = upto - before;
		before = upto;
	}
	return n;
}

/* Says whether the name of a sketch's type begins with a word. */
static bool
type_begins(const Sketch *sketch, const char *word)
{
	return strncmp(sketch->type_name, word, strlen(word)) == 0;
}

/* Gives seconds since 1970 as a date or a time in UTC. */
static char *
time_text(const Sketch *sketch, double seconds)
{
	char		text[MAXDATELEN + 1];
	double		micros = (seconds - POSTGRES_EPOCH_SECONDS) * USECS_PER_SEC;
	Timestamp	timestamp;
	struct pg_tm tm;
	fsec_t		fsec;

	if (isinf(seconds))
		return pstrdup(seconds > 0 ? "infinity" : "-infinity");
	/* The last microseconds that there are round up as doubles. */
	if (micros >= END_TIMESTAMP && micros <= END_TIMESTAMP + 2048.0)
		micros = END_TIMESTAMP - 2048.0;
	timestamp = (fabs(micros) < 9.223372036854774e18) ? (Timestamp) rint(micros) : DT_NOEND;
	if (!IS_VALID_TIMESTAMP(timestamp) || TIMESTAMP_NOT_FINITE(timestamp) ||
		timestamp2tm(timestamp, NULL, &tm, &fsec, NULL, NULL) != 0)
		return psprintf("%g", seconds);
	tm.tm_isdst = 0;			/* or no zone is written */
	if (type_begins(sketch, "date"))
		EncodeDateOnly(&tm, USE_ISO_DATES, text);
	else
		EncodeDateTime(&tm, fsec, type_begins(sketch, "timestamp with time zone"), 0, NULL, USE_ISO_DATES, text);
	return pstrdup(text);
}

/* Gives a time beside the values in UTC. */
char *
sketch_moment_text(TimestampTz at)
{
	char		text[MAXDATELEN + 1];
	struct pg_tm tm;
	fsec_t		fsec;

	if (timestamp2tm(at, NULL, &tm, &fsec, NULL, NULL) != 0)
		return psprintf(INT64_FORMAT, at);
	tm.tm_isdst = 0;			/* or no zone is written */
	EncodeDateTime(&tm, fsec, true, 0, "UTC", USE_ISO_DATES, text);
	return pstrdup(text);
}

/* Gives seconds as a time of day or as days and hours. */
static char *
duration_text(const Sketch *sketch, double seconds)
{
	bool		clock = type_begins(sketch, "time");
	double		micros = rint(fabs(seconds) * USECS_PER_SEC);
	const char *sign = seconds < 0 ? "-" : "";
	int64		left;
	int64		days;
	StringInfoData text;

	if (!(micros < 9e18))
		return psprintf("%g s", seconds);
	left = (int64) micros;
	days = clock ? 0 : left / USECS_PER_DAY;
	left -= days * USECS_PER_DAY;
	initStringInfo(&text);
	if (days > 0)
		appendStringInfo(&text, "%s" INT64_FORMAT " day%s", sign, days, (days == 1 && *sign == '\0') ? "" : "s");
	if (days > 0 && left == 0)
		return text.data;
	appendStringInfo(&text, "%s%s%02d:%02d:%02d", days > 0 ? " " : "", sign, (int) (left / USECS_PER_HOUR),
					 (int) (left / USECS_PER_MINUTE % MINS_PER_HOUR), (int) (left / USECS_PER_SEC % SECS_PER_MINUTE));
	if (left % USECS_PER_SEC != 0)
	{
		appendStringInfo(&text, ".%06d", (int) (left % USECS_PER_SEC));
		while (text.data[text.len - 1] == '0')
			text.data[--text.len] = '\0';
	}
	return text.data;
}

/* Gives a number of a kind as its type would print it. */
char *
sketch_number_text(const Sketch *sketch, double number)
{
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (sketch->kind == VALUE_TIME && !isnan(number))
		return time_text(sketch, number);
	if (sketch->kind == VALUE_DURATION && isfinite(number))
		return duration_text(sketch, number);
	if (sketch->kind == VALUE_BOOL && (number == 0 || number == 1))
		return pstrdup(number == 1 ? "true" : "false");
	if (!isfinite(number))
		return pstrdup(isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
	if (number == floor(number) && fabs(number) < 1e15)
		return psprintf("%.0f", number == 0 ? 0 : number);
	double_to_shortest_decimal_buf(number, text);
	return pstrdup(text);
}
