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

#include "access/detoast.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "profile/joins.h"
#include "profile/value.h"

/* Values that are detoasted together, in bytes. */
#define READ_EXPANDED ((Size) 1024 * 1024)

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

/* One table that is read; its columns that are not read have no reader. */
typedef struct JoinReading
{
	JoinColumn *columns;
	ValueReader **readers;
	bool	   *expands;		/* values may have to be detoasted */
	ValueBlock *block;
	MemoryContext scratch;		/* what one block of values takes */
	JoinTake	take;
	void	   *arg;
} JoinReading;

/* Adds values to the column's signature. */
static void
take_sample(JoinColumn *column, const uint64 *hashes, int n, void *arg)
{
	distinct_add(column->distinct, hashes, n);
	minhash_add(&column->sample, hashes, n);
	column->values += n;
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

/* Marks what of the samples values are. */
static void
take_probe(JoinColumn *column, const uint64 *hashes, int n, void *arg)
{
	const JoinProbe *probe = arg;

	for (int i = 0; i < n; i++)
	{
		uint64		bit = hashes[i] & ((UINT64CONST(8) << probe->bits) - 1);
		int32		entry;

		if ((probe->filter[bit / 64] & (UINT64CONST(1) << (bit % 64))) == 0)
			continue;
		entry = probe->entries[probe_slot(probe, hashes[i])] - 1;
		if (entry < 0)
			continue;
		if (column->met == NULL)
			column->met = MemoryContextAllocZero(probe->context, mul_size(probe->nentries / 64 + 1, sizeof(uint64)));
		column->met[entry / 64] |= UINT64CONST(1) << (entry % 64);
	}
}

/* Gives the bytes that detoasting a value takes, 0 for one that is as it is. */
static inline Size
expanded_size(Datum value)
{
	const struct varlena *stored = (const struct varlena *) DatumGetPointer(value);

	return VARATT_IS_COMPRESSED(stored) || VARATT_IS_EXTERNAL(stored) ? toast_raw_datum_size(value) : 0;
}

/* Reads a column's values of a block of rows. */
static void
read_column(JoinReading *reading, int c, Datum **rows, bool **nulls, int n)
{
	JoinColumn *column = &reading->columns[c];
	ValueBlock *block = reading->block;
	int			place = column->attno - 1;
	Size		expanded = 0;

	block->n = 0;
	for (int i = 0; i < n; i++)
	{
		if (nulls[i][place])
			continue;
		if (reading->expands[c])
			expanded += expanded_size(rows[i][place]);
		block->datums[block->n++] = rows[i][place];
		if (block->n < PROFILE_BLOCK && expanded < READ_EXPANDED)
			continue;
		value_read(reading->readers[c], block);
		reading->take(column, block->hashes, block->n, reading->arg);
		MemoryContextReset(reading->scratch);
		block->n = 0;
		expanded = 0;
	}
	if (block->n == 0)
		return;
	value_read(reading->readers[c], block);
	reading->take(column, block->hashes, block->n, reading->arg);
	MemoryContextReset(reading->scratch);
}

/* Reads a table and gives the hashes of the columns that are read to a function. */
void
joins_read_table(JoinSearch *search, JoinTable *table, double share, JoinTake take, void *arg)
{
	JoinReading reading = {0};
	SourceScan *scan;
	MemoryContext old;
	Datum	  **rows;
	bool	  **nulls;
	int			natts = 0;
	int			n;

	reading.columns = &search->columns[table->first_column];
	reading.readers = palloc0(mul_size(sizeof(ValueReader *), Max(table->ncolumns, 1)));
	reading.expands = palloc0(mul_size(sizeof(bool), Max(table->ncolumns, 1)));
	for (int c = 0; c < table->ncolumns; c++)
	{
		if (!reading.columns[c].read)
			continue;
		natts = Max(natts, reading.columns[c].attno);
		reading.readers[c] = value_reader_create(CurrentMemoryContext, reading.columns[c].type);
		reading.expands[c] = get_typlen(reading.columns[c].type) == -1;
	}
	if (natts == 0)
		return;
	reading.block = palloc0(sizeof(ValueBlock));
	reading.take = take;
	reading.arg = arg;
	reading.scratch = AllocSetContextCreate(CurrentMemoryContext, "aipipe profile values", ALLOCSET_DEFAULT_SIZES);
	scan = source_scan_begin(table->source, share, search->seed);
	old = MemoryContextSwitchTo(reading.scratch);
	while ((n = source_scan_block(scan, natts, &rows, &nulls)) > 0)
		for (int c = 0; c < table->ncolumns; c++)
			if (reading.readers[c] != NULL)
				read_column(&reading, c, rows, nulls, n);
	MemoryContextSwitchTo(old);
	source_scan_end(scan);
	MemoryContextDelete(reading.scratch);
}

/* Draws the samples of a table's columns. */
static void
sample_table(JoinSearch *search, JoinTable *table)
{
	JoinColumn *columns = &search->columns[table->first_column];

	for (int c = 0; c < table->ncolumns; c++)
		columns[c].distinct = distinct_create(CurrentMemoryContext);
	joins_read_table(search, table, search->sample, take_sample, NULL);
	for (int c = 0; c < table->ncolumns; c++)
		columns[c].ndistinct = distinct_estimate(columns[c].distinct);
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
		joins_read_table(search, &search->tables[t], 1.0, take_probe, probe);
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
