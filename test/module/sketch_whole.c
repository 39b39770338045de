/*-------------------------------------------------------------------------
 *
 * sketch_whole.c
 *	  Mutated sketches: refused as promised, or answering everything that a sketch is asked.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <math.h>

#include "utils/memutils.h"

#include "profile/query.h"
#include "profile/sketch_int.h"

PG_FUNCTION_INFO_V1(test_sketch_whole);

/* Complains about an answer that cannot be. */
static void
must(bool holds, const char *what)
{
	if (!holds)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("%s", what)));
}

/* Says whether a number is none, or within bounds. */
static bool
within(double x, double low, double high)
{
	return isnan(x) || (x >= low && x <= high);
}

/* Asks one sketch everything. */
static void
ask(const Sketch *sketch)
{
	bool		exact;
	SketchBin  *bins;
	int			n = sketch_histogram(sketch, 7, &bins);
	double		before = -INFINITY;

	must(within(sketch_distinct(sketch, &exact), 0, sketch_values(sketch)), "too many different values");
	must(within(sketch_uniqueness(sketch), 0, 1), "uniqueness is no share");
	for (int i = 0; i <= 20; i++)
	{
		double		x = sketch_quantile(sketch, i / 20.0);

		must(isnan(x) || x >= before, "quantiles fall");
		must(within(sketch_cdf(sketch, x), 0, 1), "a share of ranks is none");
		(void) sketch_number_text(sketch, x);
		before = isnan(x) ? before : x;
	}
	for (int i = 0; i < n; i++)
	{
		must(bins[i].count >= 0, "a bin counts less than nothing");
		(void) sketch_number_text(sketch, bins[i].high);
	}
	(void) sketch_moment_text(sketch->min.at);
	(void) moments_kurtosis(&sketch->numbers);
	(void) moments_skewness(&sketch->characters);
}

/* Compares two sketches in every way, and merges them when the result can be stored. */
static void
compare(const Sketch *a, const Sketch *b)
{
	Sketch	   *merged;

	must(within(sketch_similarity(a, b), 0, 1), "similarity is no share");
	must(within(sketch_containment(a, b), 0, 1), "containment is no share");
	if (a->kind != b->kind && a->kind != VALUE_NONE && b->kind != VALUE_NONE)
		return;
	must(within(sketch_psi(a, b), -1e-9, INFINITY), "PSI is negative");
	must(within(sketch_ks(a, b), 0, 1 + 1e-9), "KS is no share");
	if (a->count > SKETCH_MAX_COUNT / 2 || a->bytes > SKETCH_MAX_BYTES / 2)
		return;
	merged = sketch_create(CurrentMemoryContext);
	sketch_merge(merged, a);
	sketch_merge(merged, b);
	must(merged->count == a->count + b->count, "a merged sketch forgot rows");
	(void) sketch_read(sketch_write(merged), CurrentMemoryContext);
	(void) sketch_read_whole(sketch_write_whole(merged), CurrentMemoryContext);
}

/* Asks what was read of a sketch up to a part what that part answers. */
static void
ask_part(const bytea *stored, SketchPart upto)
{
	const Sketch *sketch = sketch_read_upto(stored, CurrentMemoryContext, upto);
	double		least = sketch_quantile(sketch, 0);

	must(isnan(least) || least <= sketch_quantile(sketch, 1), "the least is above the greatest");
	(void) moments_kurtosis(&sketch->numbers);
	must(upto > SKETCH_COUNTS || sketch->quantiles == NULL, "more is read than was asked for");
	must(upto > SKETCH_QUANTILES || (sketch->distinct == NULL && sketch->values == NULL), "more is read than was asked for");
	if (upto == SKETCH_COUNTS)
		return;
	must(isnan(least) || least <= sketch_quantile(sketch, 0.5), "the least is above the median");
	must(within(sketch_cdf(sketch, 0), 0, 1), "a share of ranks is none");
}

/* Takes a mutant the whole way; false when what is written is not read and written again as it is. */
static bool
serve(const char *bytes, Size len, bool compiled, Random *random, const void *arg)
{
	const Sketch *original = arg;
	bytea	   *stored = palloc(VARHDRSZ + len);
	bytea	   *again;
	Sketch	   *sketch;

	SET_VARSIZE(stored, VARHDRSZ + len);
	memcpy(VARDATA(stored), bytes, len);
	ask_part(stored, SKETCH_COUNTS);
	ask_part(stored, SKETCH_QUANTILES);
	sketch = sketch_read(stored, CurrentMemoryContext);
	ask(sketch);
	compare(sketch, original);
	compare(original, sketch);
	stored = sketch_write(sketch);
	again = sketch_write(sketch_read(stored, CurrentMemoryContext));
	return VARSIZE(again) == VARSIZE(stored) && memcmp(again, stored, VARSIZE(stored)) == 0;
}

/* Tries mutants of a sketch's bytes; the first is the sketch itself. */
Datum
test_sketch_whole(PG_FUNCTION_ARGS)
{
	bytea	   *stored = PG_GETARG_BYTEA_PP(0);
	const Sketch *original = sketch_read(stored, CurrentMemoryContext);

	return mutants_run_promised(fcinfo, VARDATA_ANY(stored), VARSIZE_ANY_EXHDR(stored), false, ERRCODE_INVALID_BINARY_REPRESENTATION,
								PG_GETARG_INT32(1), PG_GETARG_INT32(2), serve, original);
}
