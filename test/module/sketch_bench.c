/*-------------------------------------------------------------------------
 *
 * sketch_bench.c
 *	  What the parts of sketches take, in CPU time a value.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <math.h>

#include "access/htup_details.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "profile/distinct.h"
#include "profile/frequent.h"
#include "profile/hash.h"
#include "profile/minhash.h"
#include "profile/moments.h"
#include "profile/quantiles_int.h"

PG_FUNCTION_INFO_V1(test_sketch_bench);
PG_FUNCTION_INFO_V1(test_sketch_avalanche);
PG_FUNCTION_INFO_V1(test_sketch_hash);

#define REPEATS 3
#define BLOCK 64

/* What is timed, and on what. */
typedef struct Work
{
	MemoryContext context;
	const char *kernel;
	int			n;
	int			length;			/* of texts */
	double	   *values;
	uint64	   *hashes;
	uint64		result;
} Work;

/* Counts frequent values as a column of numbers does, with a text that is made when it is asked for. */
static void
run_frequent(Work *work, bool others)
{
	Frequent   *f = frequent_create(work->context, FREQUENT_STORED);
	Distinct   *d = distinct_create(work->context);
	MinHash    *m = MemoryContextAllocZero(work->context, sizeof(MinHash));

	for (int i = 0; i + BLOCK <= work->n; i += BLOCK)
	{
		const uint64 *hashes = work->hashes + i;
		uint8		missing[BLOCK];
		uint64		rest[BLOCK];
		int			n = frequent_count_block(f, hashes, BLOCK, missing);

		if (others)
		{
			for (int k = 0; k < n; k++)
				rest[k] = hashes[missing[k]];
			distinct_add(d, rest, n);
			minhash_add(m, rest, n);
		}
		n = frequent_admit_block(f, hashes, missing, n);
		for (int k = 0; k < n; k++)
		{
			char		text[40];
			int			len = snprintf(text, sizeof(text), "%.15g", work->values[i + missing[k]]);

			frequent_enter(f, hashes[missing[k]], text, len, true, 0, 1);
		}
	}
	work->result = frequent_error(f);
}

/* Runs a kernel over all values. */
static void
run(Work *work)
{
	Moments		moments = {0};
	Quantiles  *q = quantiles_create(work->context);
	Distinct   *d = distinct_create(work->context);
	MinHash    *m = MemoryContextAllocZero(work->context, sizeof(MinHash));
	uint64		sum = 0;

	if (strcmp(work->kernel, "frequent") == 0 || strcmp(work->kernel, "all hashes") == 0)
	{
		run_frequent(work, work->kernel[0] == 'a');
		return;
	}
	if (strcmp(work->kernel, "hash_text") == 0 || strcmp(work->kernel, "hash_bytes_extended") == 0)
	{
		for (int i = 0; i < work->n; i++)
		{
			const char *text = (const char *) &work->values[i % 1000] + (i & 7);

			sum += work->kernel[5] == 't' ? hash_text(HASH_TEXT, text, work->length)
				: hash_bytes_extended((const unsigned char *) text, work->length, 0);
		}
		work->result = sum;
		return;
	}
	for (int i = 0; i + BLOCK <= work->n; i += BLOCK)
	{
		switch (work->kernel[0])
		{
			case 'm':
				if (work->kernel[1] == 'o')
					moments_add(&moments, work->values + i, BLOCK);
				else
					minhash_add(m, work->hashes + i, BLOCK);
				break;
			case 'q':
				quantiles_add(q, work->values + i, BLOCK);
				break;
			default:
				distinct_add(d, work->hashes + i, BLOCK);
				break;
		}
	}
}

/* Gives nanoseconds a value; distinct is how many different values there are, 0 for as many as values. */
Datum
test_sketch_bench(PG_FUNCTION_ARGS)
{
	Work		work;
	int			which = PG_GETARG_INT32(1);
	int			distinct = PG_GETARG_INT32(3);
	double		best = INFINITY;
	Random		random;

	work.kernel = text_to_cstring(PG_GETARG_TEXT_PP(0));
	work.n = PG_GETARG_INT32(2);
	work.length = distinct;
	work.values = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * (Size) work.n);
	work.hashes = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint64) * (Size) work.n);
	sketch_data(which, 1, work.values, work.n);
	random_seed(&random, 3);
	for (int i = 0; i < work.n; i++)
		work.hashes[i] = hash_bits(HASH_INTEGER, distinct == 0 ? i : random_below(&random, distinct));
	for (int i = 0; i < REPEATS; i++)
	{
		double		start;

		work.context = AllocSetContextCreate(CurrentMemoryContext, "aipipe_test bench", ALLOCSET_DEFAULT_SIZES);
		start = cpu_seconds();
		run(&work);
		best = Min(best, cpu_seconds() - start);
		MemoryContextDelete(work.context);
	}
	pfree(work.values);
	pfree(work.hashes);
	PG_RETURN_FLOAT8(best / work.n * 1e9);
}

/* Gives the least and the greatest share of an output bit that changes with an input bit, of texts of a length. */
Datum
test_sketch_avalanche(PG_FUNCTION_ARGS)
{
	int			length = PG_GETARG_INT32(0);
	const int	trials = 2000;
	char	   *text = palloc(length);
	double		lowest = 1;
	double		highest = 0;
	Random		random;
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	random_seed(&random, length);
	for (int bit = 0; bit < length * 8; bit++)
	{
		int			changed[64] = {0};

		for (int t = 0; t < trials; t++)
		{
			uint64		difference;

			for (int i = 0; i < length; i++)
				text[i] = (char) random_next(&random);
			difference = hash_text(HASH_TEXT, text, length);
			text[bit / 8] ^= 1 << bit % 8;
			difference ^= hash_text(HASH_TEXT, text, length);
			for (int o = 0; o < 64; o++)
				changed[o] += difference >> o & 1;
		}
		for (int o = 0; o < 64; o++)
		{
			lowest = Min(lowest, (double) changed[o] / trials);
			highest = Max(highest, (double) changed[o] / trials);
		}
	}
	values[0] = Float8GetDatum(lowest);
	values[1] = Float8GetDatum(highest);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* Gives the hash of a text. */
Datum
test_sketch_hash(PG_FUNCTION_ARGS)
{
	text	   *t = PG_GETARG_TEXT_PP(0);

	PG_RETURN_INT64((int64) hash_text(HASH_TEXT, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t)));
}
