/*-------------------------------------------------------------------------
 *
 * joins_scan.c
 *	  Reads the tables twice: a sample of each column's different values, and who has them.
 *
 * The least hashes of a column's values are a random sample of its different values, whatever
 * their frequencies.  How many of them another column has tells the containment with a standard error of
 * at most 4.4 %, however different the sizes are, where sketches alone could not say it.
 *
 *		hash of a value → bit in the filter → slot → entry: a value of one or more samples
 *		column that was read: bit by entry
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "profile/joins.h"
#include "profile/value.h"

/* All samples' values, found by hash. */
typedef struct JoinProbe
{
	MemoryContext context;		/* for what is met */
	int			bits;			/* 2^bits slots */
	int			nentries;
	uint64	   *hashes;			/* by slot */
	int32	   *entries;		/* by slot: entry + 1, 0 when free */
	uint64	   *filter;			/* 2^(bits + 3) bits */
} JoinProbe;

/* Hashes of one column that wait to be added. */
typedef struct JoinPending
{
	int			n;
	uint64		hashes[PROFILE_BLOCK];
} JoinPending;

/* What is done with one value's hash. */
typedef void (*TakeHash) (JoinColumn *column, JoinPending *pending, uint64 hash, void *arg);

/* Adds what waits to the column's signature. */
static void
flush(JoinColumn *column, JoinPending *pending)
{
	distinct_add(column->distinct, pending->hashes, pending->n);
	minhash_add(&column->sample, pending->hashes, pending->n);
	column->values += pending->n;
	pending->n = 0;
}

/* Adds a value to the column's signature. */
static void
take_sample(JoinColumn *column, JoinPending *pending, uint64 hash, void *arg)
{
	pending->hashes[pending->n++] = hash;
	if (pending->n == PROFILE_BLOCK)
		flush(column, pending);
}

/* Gives the slot where a hash is, or would be. */
static uint64
probe_slot(const JoinProbe *probe, uint64 hash)
{
	uint64		mask = (UINT64CONST(1) << probe->bits) - 1;
	uint64		i = (hash * UINT64CONST(0x9e3779b97f4a7c15)) >> (64 - probe->bits);

	while (probe->entries[i] != 0 && probe->hashes[i] != hash)
		i = (i + 1) & mask;
	return i;
}

/* Marks what of the samples a value is. */
static void
take_probe(JoinColumn *column, JoinPending *pending, uint64 hash, void *arg)
{
	const JoinProbe *probe = arg;
	uint64		bit = hash & ((UINT64CONST(8) << probe->bits) - 1);
	int32		entry;

	if ((probe->filter[bit / 64] & (UINT64CONST(1) << (bit % 64))) == 0)
		return;
	entry = probe->entries[probe_slot(probe, hash)] - 1;
	if (entry < 0)
		return;
	if (column->met == NULL)
		column->met = MemoryContextAllocZero(probe->context, mul_size(probe->nentries / 64 + 1, sizeof(uint64)));
	column->met[entry / 64] |= UINT64CONST(1) << (entry % 64);
}

/* Reads a table and gives every value's hash to a function. */
static void
read_table(JoinSearch *search, JoinTable *table, double share, TakeHash take, JoinPending *pending, void *arg)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "aipipe profile values", ALLOCSET_DEFAULT_SIZES);
	ValueReader **readers = palloc(mul_size(sizeof(ValueReader *), Max(table->ncolumns, 1)));
	ValueBlock *block = palloc0(sizeof(ValueBlock));
	JoinColumn *columns = &search->columns[table->first_column];
	SourceScan *scan = source_scan_begin(table->source, share, search->seed);
	MemoryContext old;
	Datum	   *values;
	bool	   *nulls;

	for (int c = 0; c < table->ncolumns; c++)
		readers[c] = value_reader_create(CurrentMemoryContext, columns[c].type);
	for (int64 row = 1; source_scan_next(scan, &values, &nulls); row++)
	{
		old = MemoryContextSwitchTo(scratch);
		for (int c = 0; c < table->ncolumns; c++)
		{
			if (nulls[columns[c].attno - 1])
				continue;
			block->n = 1;
			block->datums[0] = values[columns[c].attno - 1];
			value_read(readers[c], block);
			take(&columns[c], pending == NULL ? NULL : &pending[c], block->hashes[0], arg);
		}
		MemoryContextSwitchTo(old);
		if (row % PROFILE_BLOCK == 0)
			MemoryContextReset(scratch);
	}
	source_scan_end(scan);
	MemoryContextDelete(scratch);
}

/* Draws the samples of a table's columns. */
static void
sample_table(JoinSearch *search, JoinTable *table)
{
	JoinPending *pending = palloc0(mul_size(Max(table->ncolumns, 1), sizeof(JoinPending)));
	JoinColumn *columns = &search->columns[table->first_column];

	for (int c = 0; c < table->ncolumns; c++)
		columns[c].distinct = distinct_create(CurrentMemoryContext);
	read_table(search, table, search->sample, take_sample, pending, NULL);
	for (int c = 0; c < table->ncolumns; c++)
	{
		flush(&columns[c], &pending[c]);
		columns[c].ndistinct = distinct_estimate(columns[c].distinct);
	}
}

/* Puts all samples' values where they are found by hash. */
static JoinProbe *
make_probe(JoinSearch *search)
{
	JoinProbe  *probe = palloc0(sizeof(JoinProbe));
	Size		total = 1;

	probe->context = CurrentMemoryContext;
	for (int c = 0; c < search->ncolumns; c++)
		total += search->columns[c].sample.n;
	for (probe->bits = 6; ((Size) 1 << probe->bits) < total * 2; probe->bits++)
		;
	probe->hashes = MemoryContextAllocHuge(CurrentMemoryContext, mul_size((Size) 1 << probe->bits, sizeof(uint64)));
	probe->entries = palloc0(mul_size((Size) 1 << probe->bits, sizeof(int32)));
	probe->filter = palloc0((Size) 1 << probe->bits);
	for (int c = 0; c < search->ncolumns; c++)
		for (int i = 0; i < search->columns[c].sample.n; i++)
		{
			uint64		hash = search->columns[c].sample.hashes[i];
			uint64		slot = probe_slot(probe, hash);
			uint64		bit = hash & ((UINT64CONST(8) << probe->bits) - 1);

			if (probe->entries[slot] != 0)
				continue;
			probe->hashes[slot] = hash;
			probe->entries[slot] = ++probe->nentries;
			probe->filter[bit / 64] |= UINT64CONST(1) << (bit % 64);
		}
	return probe;
}

/* Says of each sample's values which entries they are. */
static void
find_entries(JoinSearch *search, const JoinProbe *probe)
{
	for (int c = 0; c < search->ncolumns; c++)
	{
		JoinColumn *column = &search->columns[c];

		column->entries = palloc(mul_size(Max(column->sample.n, 1), sizeof(int32)));
		for (int i = 0; i < column->sample.n; i++)
			column->entries[i] = probe->entries[probe_slot(probe, column->sample.hashes[i])] - 1;
	}
}

/* Reads everything twice. */
void
joins_scan(JoinSearch *search)
{
	JoinProbe  *probe;

	progress_phase(&search->progress, "sampling values", search->ntables);
	for (int t = 0; t < search->ntables; t++)
	{
		sample_table(search, &search->tables[t]);
		progress_update(&search->progress, t + 1);
	}
	probe = make_probe(search);
	find_entries(search, probe);
	progress_phase(&search->progress, "looking for values", search->ntables);
	for (int t = 0; t < search->ntables; t++)
	{
		read_table(search, &search->tables[t], 1.0, take_probe, NULL, probe);
		progress_update(&search->progress, t + 1);
	}
}

/* Gives the share of the left sample's values that the right column has. */
double
joins_estimate(const JoinColumn *left, const JoinColumn *right)
{
	int			met = 0;

	if (left->sample.n == 0 || right->met == NULL)
		return 0;
	for (int i = 0; i < left->sample.n; i++)
		met += (right->met[left->entries[i] / 64] >> (left->entries[i] % 64)) & 1;
	return (double) met / left->sample.n;
}
