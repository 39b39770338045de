/*-------------------------------------------------------------------------
 *
 * sketch_mutants.c
 *	  Mutants of stored parts of sketches: refused as promised, or served and written as they were read.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include "utils/builtins.h"

#include "profile/bytes.h"
#include "profile/distinct.h"
#include "profile/frequent.h"
#include "profile/hash.h"
#include "profile/minhash.h"
#include "profile/moments.h"
#include "profile/quantiles.h"

PG_FUNCTION_INFO_V1(test_sketch_mutate);
PG_FUNCTION_INFO_V1(test_sketch_part);

/* Everything that is stored in parts, made of n different numbers. */
typedef struct Parts
{
	Moments		moments;
	Quantiles  *quantiles;
	Distinct   *distinct;
	MinHash		minhash;
	Frequent   *frequent;
} Parts;

/* Adds numbers to all parts. */
static void
add(Parts *parts, int n, uint64 seed)
{
	for (int i = 0; i < n; i++)
	{
		uint64		hash = hash_bits(HASH_INTEGER, seed + i);
		double		value = (double) (hash >> 40) / 16;
		char		text[32];

		moments_add(&parts->moments, &value, 1);
		quantiles_add(parts->quantiles, &value, 1);
		distinct_add(parts->distinct, &hash, 1);
		minhash_add(&parts->minhash, &hash, 1);
		if (frequent_admits(parts->frequent, hash))
			frequent_enter(parts->frequent, hash, text, snprintf(text, sizeof(text), "%g", value), true, 0, 1 + i % 7);
	}
}

/* Makes parts of n numbers. */
static void
make(Parts *parts, int n, uint64 seed)
{
	memset(parts, 0, sizeof(Parts));
	parts->quantiles = quantiles_create(CurrentMemoryContext);
	parts->distinct = distinct_create(CurrentMemoryContext);
	parts->frequent = frequent_create(CurrentMemoryContext, FREQUENT_STORED);
	add(parts, n, seed);
}

/* Writes the named part. */
static void
write_part(const Parts *parts, char part, StringInfo out)
{
	switch (part)
	{
		case 'm':
			moments_write(&parts->moments, out);
			break;
		case 'q':
			quantiles_write(parts->quantiles, out);
			break;
		case 'd':
			distinct_write(parts->distinct, out);
			break;
		case 'l':
			minhash_write(&parts->minhash, out);
			break;
		default:
			frequent_write(parts->frequent, out);
			break;
	}
}

/* Reads the named part into parts. */
static void
read_part(Parts *parts, char part, Bytes *b)
{
	switch (part)
	{
		case 'm':
			moments_read(b, &parts->moments);
			break;
		case 'q':
			parts->quantiles = quantiles_read(b);
			break;
		case 'd':
			parts->distinct = distinct_read(b);
			break;
		case 'l':
			minhash_read(b, &parts->minhash);
			break;
		default:
			parts->frequent = frequent_read(b, FREQUENT_STORED);
			break;
	}
}

/* Asks a part everything, adds to it, merges it both ways, and stores it again. */
static void
use(Parts *parts, char part)
{
	Parts		other;
	int			pairs[DISTINCT_RANKS][DISTINCT_RANKS];
	StringInfoData out;
	Bytes		b;
	double	   *values;
	int64	   *cumulative;
	FrequentItem *items;

	(void) moments_kurtosis(&parts->moments);
	(void) quantiles_sorted(parts->quantiles, &values, &cumulative);
	(void) distinct_estimate(parts->distinct);
	(void) frequent_items(parts->frequent, &items);
	make(&other, 700, 99);
	distinct_pairs(parts->distinct, other.distinct, pairs);
	(void) minhash_similarity(&parts->minhash, &other.minhash);
	moments_merge(&other.moments, &parts->moments);
	quantiles_merge(other.quantiles, parts->quantiles);
	distinct_merge(other.distinct, parts->distinct);
	minhash_merge(&other.minhash, &parts->minhash);
	frequent_merge(other.frequent, parts->frequent);
	add(parts, 3000, 5);
	initStringInfo(&out);
	write_part(parts, part, &out);
	b.at = (const unsigned char *) out.data;
	b.end = b.at + out.len;
	read_part(&other, part, &b);
}

/* Reads a mutant, says whether it is written the same, and uses it. */
static bool
serve(const char *bytes, Size len, bool compiled, Random *random, const void *arg)
{
	char		part = *(const char *) arg;
	Parts		parts;
	Bytes		b;
	StringInfoData again;
	Size		used;
	bool		same;

	make(&parts, 0, 0);
	b.at = (const unsigned char *) bytes;
	b.end = b.at + len;
	read_part(&parts, part, &b);
	used = (const char *) b.at - bytes;
	initStringInfo(&again);
	write_part(&parts, part, &again);
	same = again.len == used && memcmp(again.data, bytes, used) == 0;
	PG_TRY();
	{
		use(&parts, part);
	}
	PG_CATCH();
	{
		/* sums that would be more than a bigint are refused when they are made */
		if (geterrcode() != ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE)
			PG_RE_THROW();
		FlushErrorState();
	}
	PG_END_TRY();
	return same;
}

/* Serves mutants of a part that saw n numbers. */
Datum
test_sketch_mutate(PG_FUNCTION_ARGS)
{
	char	   *part = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Parts		parts;
	StringInfoData out;

	make(&parts, PG_GETARG_INT32(1), 1);
	initStringInfo(&out);
	write_part(&parts, *part, &out);
	return mutants_run_promised(fcinfo, out.data, out.len, false, ERRCODE_INVALID_BINARY_REPRESENTATION,
								PG_GETARG_INT32(2), PG_GETARG_INT32(3), serve, part);
}

/* Reads bytes as a part and gives what is left over, or the error. */
Datum
test_sketch_part(PG_FUNCTION_ARGS)
{
	char	   *part = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(1), &len);
	Parts		parts;
	Bytes		b;

	make(&parts, 0, 0);
	b.at = (const unsigned char *) bytes;
	b.end = b.at + len;
	read_part(&parts, *part, &b);
	PG_RETURN_INT32(b.end - b.at);
}
