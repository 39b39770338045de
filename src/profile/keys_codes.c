/*-------------------------------------------------------------------------
 *
 * keys_codes.c
 *	  Reads a table as numbers: each column's different values numbered.
 *
 * One scan keeps the hashes of all values, in chunks by column; then column
 * after column its hashes become codes, and their memory is given back.  So only one
 * column's dictionary is there at a time.
 *
 *		chunk k:	column 0: capacity hashes | column 1: … | …		0 is NULL
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "core/guc.h"
#include "profile/keys_codes.h"
#include "profile/value.h"

#define CHUNK_FIRST 64
#define CHUNK_MOST 8192
#define MAP_FIRST_BITS 8
#define PREFETCH 8

/* Hashes of rows while they are read. */
typedef struct HashChunks
{
	int			n;
	int			max;
	int			capacity;		/* of the last chunk */
	int			filled;			/* of the last chunk */
	int		   *rows;			/* capacity of each */
	uint64	  **hashes;			/* n x ncols arrays */
} HashChunks;

/* Ends with the error of a table that does not fit. */
static void
codes_over_budget(const CodeTable *table, Size need)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("%s needs more memory than allowed", table->spec.what),
			 errdetail("After %lld rows of %d columns it needs %llu kB; the limit is %d kB.", (long long) table->nrows,
					   table->ncols, (unsigned long long) (need / 1024), core_profile_max_memory),
			 errhint("Raise aipipe.profile_max_memory, name fewer columns in the option \"columns\", or read a share of the rows with the option \"sample\".")));
}

/* Gives memory that counts against the budget. */
void *
codes_alloc(CodeTable *table, Size count, Size size, bool zero)
{
	Size		bytes = Max(mul_size(count, size), 1);
	Size		total = add_size(table->bytes, bytes);

	if (total > (Size) core_profile_max_memory * 1024)
		codes_over_budget(table, total);
	table->bytes = total;
	if (bytes >= (Size) 1024 * 1024)
		progress_memory(&table->progress, total);
	return MemoryContextAllocExtended(table->context, bytes, MCXT_ALLOC_HUGE | (zero ? MCXT_ALLOC_ZERO : 0));
}

/* Gives memory back. */
void
codes_free(CodeTable *table, void *memory, Size count, Size size)
{
	table->bytes -= Max(mul_size(count, size), 1);
	pfree(memory);
}

/* Makes an empty map. */
void
code_map_init(CodeMap *map, CodeTable *table)
{
	map->table = table;
	map->bits = MAP_FIRST_BITS;
	map->n = 0;
	map->slots = codes_alloc(table, (Size) 1 << map->bits, sizeof(CodeSlot), true);
}

/* Makes twice the room. */
void
code_map_grow(CodeMap *map)
{
	CodeSlot   *old = map->slots;
	Size		nold = (Size) 1 << map->bits;
	uint64		mask;

	map->bits++;
	mask = (UINT64CONST(1) << map->bits) - 1;
	map->slots = codes_alloc(map->table, nold * 2, sizeof(CodeSlot), true);
	for (Size i = 0; i < nold; i++)
	{
		uint64		j;

		if (old[i].number == 0)
			continue;
		for (j = code_map_start(map, old[i].key); map->slots[j].number != 0; j = (j + 1) & mask)
			;
		map->slots[j] = old[i];
	}
	codes_free(map->table, old, nold, sizeof(CodeSlot));
}

/* Frees the map. */
void
code_map_free(CodeMap *map)
{
	codes_free(map->table, map->slots, (Size) 1 << map->bits, sizeof(CodeSlot));
	map->slots = NULL;
}

/* Numbers the pairs through a table of all that can be. */
static int32
combine_small(CodeTable *table, const int32 *a, int32 na, const int32 *b, int32 nb, int64 nrows, int32 *out)
{
	Size		n = mul_size(na, nb);
	int32	   *numbers = codes_alloc(table, n, sizeof(int32), true);
	int32		next = 0;

	for (int64 i = 0; i < nrows; i++)
	{
		int32	   *number = &numbers[(Size) a[i] * nb + b[i]];

		if (*number == 0)
			*number = ++next;
		out[i] = *number - 1;
	}
	codes_free(table, numbers, n, sizeof(int32));
	return next;
}

/* Numbers the pairs of two columns of numbers. */
int32
codes_combine(CodeTable *table, const int32 *a, int32 na, const int32 *b, int32 nb, int64 nrows, int32 *out)
{
	CodeMap		map;
	int32		n;

	if ((double) na * nb <= 2.0 * nrows + 1024)
		return combine_small(table, a, na, b, nb, nrows, out);
	code_map_init(&map, table);
	for (int64 i = 0; i < nrows; i++)
	{
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (i + PREFETCH < nrows)
			code_map_prefetch(&map, (uint64) a[i + PREFETCH] * nb + b[i + PREFETCH]);
		out[i] = code_map_number(&map, (uint64) a[i] * nb + b[i]);
	}
	n = map.n;
	code_map_free(&map);
	return n;
}

/* Says whether values of a type that are equal always hash alike; the others are compared by the server. */
static bool
equal_hashes_alike(Oid type, Oid collation)
{
	switch (getBaseType(type))
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case OIDOID:
		case DATEOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case UUIDOID:
		case BYTEAOID:
		case CHAROID:
		case NAMEOID:
			return true;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return !OidIsValid(collation) || get_collation_isdeterministic(collation);
		default:
			return get_typtype(getBaseType(type)) == TYPTYPE_ENUM;
	}
}

/* Names the rows of a relation: the table itself, or its columns one by one where only those may be read. */
Source *
codes_source(const CodeSpec *spec)
{
	char	   *schema = get_namespace_name(get_rel_namespace(spec->relid));
	char	   *name = get_rel_name(spec->relid);
	char	   *relation;
	StringInfoData text;
	ListCell   *cell;

	if (schema == NULL || name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", spec->relid)));
	relation = quote_qualified_identifier(schema, name);
	if (spec->columns == NIL || pg_class_aclcheck(spec->relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
		return source_resolve(relation);
	initStringInfo(&text);
	foreach(cell, spec->columns)
		appendStringInfo(&text, "%s r.%s", foreach_current_index(cell) == 0 ? "SELECT" : ",",
						 quote_identifier(lfirst(cell)));
	appendStringInfo(&text, " FROM %s AS r", relation);
	return source_resolve(text.data);
}

/* Says what is known of a column before it is read. */
static void
codes_add_column(CodeTable *table, AttrNumber attno)
{
	Form_pg_attribute attr = TupleDescAttr(table->source->desc, attno - 1);
	CodeColumn *column = &table->columns[table->ncols++];

	column->name = pstrdup(NameStr(attr->attname));
	column->attno = attno;
	column->type = attr->atttypid;
	column->comparable = OidIsValid(lookup_type_cache(attr->atttypid, TYPECACHE_EQ_OPR)->eq_opr);
	column->by_hash = equal_hashes_alike(attr->atttypid, attr->attcollation);
}

/* Chooses the columns that are read. */
static void
codes_choose_columns(CodeTable *table)
{
	TupleDesc	desc = table->source->desc;
	ListCell   *cell;

	table->columns = palloc0(mul_size(sizeof(CodeColumn), Max(desc->natts + list_length(table->spec.columns), 1)));
	foreach(cell, table->spec.columns)
		codes_add_column(table, source_need_column(desc, lfirst(cell), table->source->resolved));
	if (table->spec.columns != NIL)
		return;
	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
			codes_add_column(table, i + 1);
}

/* Adds a chunk, larger than the one before until they are large. */
static void
chunks_grow(CodeTable *table, HashChunks *chunks)
{
	int			ncols = Max(table->ncols, 1);

	CHECK_FOR_INTERRUPTS();
	if (chunks->n == chunks->max)
	{
		int			max = Max(chunks->max * 2, 64);
		uint64	  **hashes = codes_alloc(table, mul_size(max, ncols), sizeof(uint64 *), false);
		int		   *rows = codes_alloc(table, max, sizeof(int), false);

		if (chunks->n > 0)
		{
			memcpy(hashes, chunks->hashes, mul_size(mul_size(chunks->n, ncols), sizeof(uint64 *)));
			memcpy(rows, chunks->rows, mul_size(chunks->n, sizeof(int)));
			codes_free(table, chunks->hashes, mul_size(chunks->max, ncols), sizeof(uint64 *));
			codes_free(table, chunks->rows, chunks->max, sizeof(int));
		}
		chunks->max = max;
		chunks->hashes = hashes;
		chunks->rows = rows;
	}
	chunks->capacity = chunks->n == 0 ? CHUNK_FIRST : Min(chunks->capacity * 2, CHUNK_MOST);
	for (int c = 0; c < table->ncols; c++)
		chunks->hashes[(Size) chunks->n * ncols + c] = codes_alloc(table, chunks->capacity, sizeof(uint64), false);
	chunks->rows[chunks->n++] = chunks->capacity;
	chunks->filled = 0;
}

/* Gives the hash of one value; no value hashes to 0, which is NULL. */
static inline uint64
hash_of(ValueReader *reader, ValueBlock *block, Datum value)
{
	block->n = 1;
	block->datums[0] = value;
	value_read(reader, block);
	return block->hashes[0] == 0 ? 1 : block->hashes[0];
}

/* Reads the hashes of all rows. */
static void
codes_scan(CodeTable *table, HashChunks *chunks)
{
	MemoryContext scratch = AllocSetContextCreate(table->context, "aipipe profile values", ALLOCSET_DEFAULT_SIZES);
	ValueReader **readers = palloc(mul_size(sizeof(ValueReader *), Max(table->ncols, 1)));
	ValueBlock *block = palloc0(sizeof(ValueBlock));
	SourceScan *scan = source_scan_begin(table->source, table->spec.share, table->spec.seed);
	MemoryContext old;
	Datum	   *values;
	bool	   *nulls;

	for (int c = 0; c < table->ncols; c++)
		readers[c] = value_reader_create(table->context, table->columns[c].type);
	while (source_scan_next(scan, &values, &nulls))
	{
		if (table->nrows == PG_INT32_MAX - 1)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("%s takes at most %d rows", table->spec.what, PG_INT32_MAX - 1),
					 errhint("Read a share of the rows with the option \"sample\".")));
		if (chunks->n == 0 || chunks->filled == chunks->capacity)
			chunks_grow(table, chunks);
		old = MemoryContextSwitchTo(scratch);
		for (int c = 0; c < table->ncols; c++)
		{
			int			i = table->columns[c].attno - 1;

			chunks->hashes[(Size) (chunks->n - 1) * table->ncols + c][chunks->filled] =
				nulls[i] ? 0 : hash_of(readers[c], block, values[i]);
		}
		MemoryContextSwitchTo(old);
		chunks->filled++;
		if (++table->nrows % PROFILE_BLOCK == 0)
			MemoryContextReset(scratch);
		if (table->nrows % 1024 == 0)
			progress_update(&table->progress, table->nrows);
	}
	source_scan_end(scan);
	MemoryContextDelete(scratch);
	if (chunks->n > 0)
		chunks->rows[chunks->n - 1] = chunks->filled;
}

/* Numbers one column's values and frees their hashes. */
static void
codes_encode(CodeTable *table, HashChunks *chunks, int c)
{
	CodeColumn *column = &table->columns[c];
	int32	   *out = codes_alloc(table, table->nrows, sizeof(int32), false);
	CodeMap		map;

	column->codes = out;
	code_map_init(&map, table);
	for (int k = 0; k < chunks->n; k++)
	{
		uint64	   *hashes = chunks->hashes[(Size) k * table->ncols + c];
		int			n = chunks->rows[k];

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n; i++)
		{
			if (i + PREFETCH < n)
				code_map_prefetch(&map, hashes[i + PREFETCH]);
			if (hashes[i] == 0)
			{
				*out++ = 0;
				column->nulls++;
			}
			else
				*out++ = code_map_number(&map, hashes[i]) + 1;
		}
		codes_free(table, hashes, Min((Size) CHUNK_FIRST << Min(k, 7), CHUNK_MOST), sizeof(uint64));
	}
	column->ndistinct = map.n;
	code_map_free(&map);
}

/* Reads the table as codes. */
CodeTable *
codes_read(const CodeSpec *spec, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	CodeTable  *table = palloc0(sizeof(CodeTable));
	HashChunks	chunks = {0};

	table->context = context;
	table->spec = *spec;
	table->source = codes_source(spec);
	codes_choose_columns(table);
	progress_begin(&table->progress, spec->what);
	progress_phase(&table->progress, "reading rows", 0);
	codes_scan(table, &chunks);
	progress_rows(&table->progress, table->nrows);
	progress_phase(&table->progress, "numbering values", table->ncols);
	for (int c = 0; c < table->ncols; c++)
	{
		codes_encode(table, &chunks, c);
		progress_update(&table->progress, c + 1);
	}
	if (chunks.n > 0)
	{
		codes_free(table, chunks.hashes, mul_size(chunks.max, Max(table->ncols, 1)), sizeof(uint64 *));
		codes_free(table, chunks.rows, chunks.max, sizeof(int));
	}
	MemoryContextSwitchTo(old);
	return table;
}
