/*-------------------------------------------------------------------------
 *
 * sketch_frequent.c
 *	  Frequent values against exact counts, in orders that are meant to mislead.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "profile/bytes.h"
#include "profile/frequent_int.h"
#include "profile/hash.h"

PG_FUNCTION_INFO_V1(test_sketch_frequent);

#define BLOCK 64

/* Gives which value stands at a place of a column: 0 to n - 1. */
static int
value_at(int kind, int i, int n, Random *random)
{
	double		u = random_unit(random);

	switch (kind)
	{
		case 0:					/* all different */
			return i;
		case 1:					/* as many as there are counters */
			return random_below(random, FREQUENT_COUNTERS);
		case 2:					/* one more, in turn */
			return i % (FREQUENT_COUNTERS + 1);
		case 3:					/* Zipf */
			return Min((int) (1 / (1 - u)), n - 1);
		case 4:					/* a thousand, alike */
			return random_below(random, 1000);
		case 5:					/* one in a hundred is the same, others are different */
			return u < 0.01 ? 0 : i;
		case 6:					/* all different, then 200 alike at the end */
			return i < n / 2 ? i : i % 200;
		case 7:					/* 200 alike, then all different */
			return i < n / 2 ? i % 200 : i;
		case 8:					/* ten thousand in turn */
			return i % 10000;
		case 9:					/* each value twice */
			return i / 2;
		case 10:				/* groups that follow each other */
			return i / 300;
		case 11:				/* one value, never twice within 400 others */
			return i % 400 == 0 ? 0 : i;
		default:				/* few */
			return random_below(random, 50);
	}
}

/* Gives a value's hash; those of kinds from 20 on are made to meet at one place of the door. */
static uint64
hash_of_value(int kind, int value)
{
	uint64		hash = hash_bits(HASH_INTEGER, value);

	if (kind >= 20)
		hash &= ~(UINT64CONST(0xffff) << 16);
	return hash;
}

/* Counts the values of some places as a column does. */
static void
count_values(Frequent *f, int kind, const int *values, int n)
{
	for (int i = 0; i < n; i += BLOCK)
	{
		uint64		hashes[BLOCK];
		uint8		missing[BLOCK];
		int			block = Min(BLOCK, n - i);
		int			m;

		for (int k = 0; k < block; k++)
			hashes[k] = hash_of_value(kind, values[i + k]);
		m = frequent_count_block(f, hashes, block, missing);
		m = frequent_admit_block(f, hashes, missing, m);
		for (int k = 0; k < m; k++)
		{
			char		text[20];
			int			len = snprintf(text, sizeof(text), "%d", values[i + missing[k]]);

			frequent_enter(f, hashes[missing[k]], text, len, true, 7, 1);
		}
	}
}

/* Writes and reads, and makes sure that what was read is written the same. */
static Frequent *
restored(const Frequent *f, int *bytes)
{
	StringInfoData out;
	StringInfoData again;
	Bytes		b;
	Frequent   *read;

	initStringInfo(&out);
	initStringInfo(&again);
	frequent_write(f, &out);
	b.at = (const unsigned char *) out.data;
	b.end = b.at + out.len;
	read = frequent_read(&b, FREQUENT_STORED);
	frequent_write(read, &again);
	if (b.at != b.end || again.len != out.len || memcmp(again.data, out.data, out.len) != 0)
		elog(ERROR, "what was read is not written as it was");
	*bytes = out.len;
	return read;
}

/* What came out of a comparison. */
typedef struct Verdict
{
	double		wrong;			/* counts beyond their bounds, texts that are not the value's */
	double		missed;			/* values that occur more than n / 100 times and are not there */
	double		error;			/* as shares of the count */
	double		absent;
	double		bytes;
	double		exact;
} Verdict;

/* Compares all counts. */
static void
compare(const Frequent *f, int kind, const int *counts, int nvalues, int n, Verdict *verdict)
{
	FrequentItem *items;
	int			nitems = frequent_items(f, &items);
	int64		error = frequent_error(f);
	int64		absent = frequent_absent(f);
	bool	   *there = palloc0(sizeof(bool) * nvalues);

	for (int i = 0; i < nitems; i++)
	{
		int			value = atoi(pnstrdup(items[i].text, items[i].len));

		there[value] = true;
		if (hash_of_value(kind, value) != items[i].hash || items[i].count > counts[value] ||
			items[i].count + error < counts[value] || items[i].mark != 7 || items[i].clipped)
			verdict->wrong++;
	}
	for (int v = 0; v < nvalues; v++)
	{
		if (!there[v] && counts[v] > absent)
			verdict->wrong++;
		if (!there[v] && counts[v] > n / 100)
			verdict->missed++;
	}
	if (f->total != n)
		verdict->wrong++;
	verdict->error = (double) error / n;
	verdict->absent = (double) absent / n;
	verdict->exact = frequent_exact(f);
	pfree(there);
}

/* Counts n values in parts, which are stored before they are merged when asked for. */
Datum
test_sketch_frequent(PG_FUNCTION_ARGS)
{
	int			kind = PG_GETARG_INT32(0);
	int			n = PG_GETARG_INT32(1);
	int			parts = PG_GETARG_INT32(2);
	bool		stored = PG_GETARG_BOOL(3);
	int		   *values = palloc(sizeof(int) * n);
	int			nvalues = Max(n, 10000);	/* no kind has more */
	int		   *counts = palloc0(sizeof(int) * nvalues);
	Frequent   *all = frequent_create(CurrentMemoryContext, FREQUENT_STORED);
	Verdict		verdict = {0};
	int			bytes;
	Random		random;
	TupleDesc	desc;
	Datum		row[6];
	bool		nulls[6] = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	random_seed(&random, PG_GETARG_INT32(4));
	for (int i = 0; i < n; i++)
		counts[values[i] = value_at(kind % 20, i, n, &random)]++;
	if (parts == 1)
		count_values(all, kind, values, n);
	for (int p = 0; p < parts && parts > 1; p++)
	{
		Frequent   *part = frequent_create(CurrentMemoryContext, FREQUENT_STORED);
		int			from = (int) ((int64) n * p / parts);

		count_values(part, kind, values + from, (int) ((int64) n * (p + 1) / parts) - from);
		if (stored)
			part = restored(part, &bytes);
		frequent_merge(all, part);
	}
	compare(all, kind, counts, nvalues, n, &verdict);
	if (parts == 1 && stored)
		compare(restored(all, &bytes), kind, counts, nvalues, n, &verdict);
	(void) restored(all, &bytes);
	verdict.bytes = bytes;
	for (int i = 0; i < desc->natts; i++)
		row[i] = Float8GetDatum(((double *) &verdict)[i]);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), row, nulls));
}
