/*-------------------------------------------------------------------------
 *
 * keys_search.c
 *	  Finds the minimal sets of columns whose values are unique, by their codes.
 *
 * A set is walked until more rows break it than may: values of too few
 * combinations meet their like within a few rows (the birthday paradox), so that most sets
 * are given up at once and what is left is counted to the end.  Sets that hold a key
 * are never looked at, nor those that have too few combinations to be one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "profile/keys.h"

/* Sets that one search looks at. */
#define KEYS_MAX_SETS INT64CONST(2000000)
#define PREFETCH 8

/* What was found of a set: supersets of a key are no news, those of an almost-key only when they are keys. */
typedef enum SetState
{
	SET_NOTHING,
	SET_ALMOST,
	SET_KEY
} SetState;

typedef struct Level
{
	KeySearch  *search;
	int			nusable;
	int		   *usable;			/* columns that larger sets are made of */
	uint8	   *single;			/* SetState by column */
	uint8	   *pair;			/* SetState by column * ncols + column */
} Level;

/* Gives how many rows may break a set; in a sample a few more, for the server decides. */
static int64
broken_limit(const KeySearch *search)
{
	double		limit = search->max_error * search->table->nrows;

	if (search->table->spec.share < 1.0)
		limit += 4.0 * sqrt(limit);
	return (int64) floor(limit + 1e-9);
}

/* Gives the number of combinations that a set's values can have, NULL left out. */
static double
combinations(const CodeTable *table, const KeySet *set)
{
	double		product = 1;

	for (int i = 0; i < set->n; i++)
		product *= table->columns[set->columns[i]].ndistinct;
	return product;
}

/*
 * Gives one number for a row's values, 0 when one is NULL.  Beyond 2^63 combinations two values
 * are mixed, where different ones could meet like values of one hash.
 */
static inline uint64
row_key(const CodeTable *table, const KeySet *set, bool mixed, int64 row)
{
	uint64		key = 0;

	for (int i = 0; i < set->n; i++)
	{
		const CodeColumn *column = &table->columns[set->columns[i]];
		int32		code = column->codes[row];

		if (code == 0)
			return 0;
		if (mixed && i == set->n - 1)
			key = hash_mix(key) ^ (uint32) code;
		else
			key = key * column->ndistinct + (code - 1);
	}
	return key == PG_UINT64_MAX ? key : key + 1;
}

/* Counts duplicates and NULLs; gives up, and false, when there are more than limit of them. */
static bool
count_by_bits(const CodeTable *table, KeySet *set, Size ncombinations, uint64 *bits, int64 limit)
{
	memset(bits, 0, (ncombinations / 64 + 1) * sizeof(uint64));
	for (int64 row = 0; row < table->nrows; row++)
	{
		uint64		key = row_key(table, set, false, row);
		uint64		bit = UINT64CONST(1) << (key % 64);

		if (row % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (key == 0)
			set->nulls++;
		else if (bits[key / 64] & bit)
			set->duplicates++;
		else
		{
			bits[key / 64] |= bit;
			set->ndistinct++;
			continue;
		}
		if (key_broken(set) > limit)
			return false;
	}
	return true;
}

/* The same for sets with many combinations. */
static bool
count_by_map(CodeTable *table, KeySet *set, bool mixed, int64 limit)
{
	bool		within = true;
	CodeMap		map;

	code_map_init(&map, table);
	for (int64 row = 0; row < table->nrows && within; row++)
	{
		uint64		key = row_key(table, set, mixed, row);
		int32		before = map.n;

		if (row % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (row + PREFETCH < table->nrows)
			code_map_prefetch(&map, row_key(table, set, mixed, row + PREFETCH));
		if (key == 0)
			set->nulls++;
		else
		{
			(void) code_map_number(&map, key);
			if (map.n > before)
				continue;
			set->duplicates++;
		}
		within = key_broken(set) <= limit;
	}
	set->ndistinct = map.n;
	code_map_free(&map);
	return within;
}

/* Counts a set by its codes; false when it breaks more often than limit. */
static bool
count_set(CodeTable *table, KeySet *set, int64 limit)
{
	double		ncombinations = combinations(table, set);
	bool		within;

	set->nrows = table->nrows;
	set->ndistinct = set->duplicates = set->nulls = 0;
	if (set->n == 1)
	{
		const CodeColumn *column = &table->columns[set->columns[0]];

		set->ndistinct = column->ndistinct;
		set->nulls = column->nulls;
		set->duplicates = table->nrows - column->nulls - column->ndistinct;
		return key_broken(set) <= limit;
	}
	if (ncombinations < table->nrows - limit)
		return false;
	if (ncombinations <= 8.0 * table->nrows)
	{
		Size		nwords = (Size) ncombinations / 64 + 1;
		uint64	   *bits = codes_alloc(table, nwords, sizeof(uint64), false);

		within = count_by_bits(table, set, (Size) ncombinations, bits, limit);
		codes_free(table, bits, nwords, sizeof(uint64));
		return within;
	}
	return count_by_map(table, set, ncombinations >= 9.0e18, limit);
}

/* Says whether the server has to be asked: when not all rows were read, or equality is more than equal hashes. */
static bool
needs_server(const CodeTable *table, const KeySet *set)
{
	if (table->spec.share < 1.0)
		return true;
	for (int i = 0; i < set->n; i++)
		if (!table->columns[set->columns[i]].by_hash)
			return true;
	return false;
}

/* Takes a set into the result. */
static void
keep_set(KeySearch *search, const KeySet *set)
{
	if (search->nfound == search->max_found)
	{
		search->max_found = Max(search->max_found * 2, 64);
		if (search->found == NULL)
			search->found = palloc(mul_size(search->max_found, sizeof(KeySet)));
		else
			search->found = repalloc_huge(search->found, mul_size(search->max_found, sizeof(KeySet)));
	}
	search->found[search->nfound++] = *set;
}

/* Looks at one set; only_key leaves out what is only nearly one. */
static SetState
look_at_set(KeySearch *search, KeySet *set, bool only_key)
{
	CodeTable  *table = search->table;

	if (!count_set(table, set, only_key ? 0 : broken_limit(search)))
		return SET_NOTHING;
	if (needs_server(table, set))
	{
		if (search->nverified == search->max_verified)
		{
			search->nskipped++;
			return SET_NOTHING;
		}
		search->nverified++;
		keys_count_sql(table, set);
		if (key_broken(set) > (only_key ? 0 : search->max_error * set->nrows + 1e-9))
			return SET_NOTHING;
	}
	keep_set(search, set);
	return key_broken(set) == 0 ? SET_KEY : SET_ALMOST;
}

/* Looks at single columns and chooses those that larger sets may need. */
static void
look_at_columns(Level *level)
{
	KeySearch  *search = level->search;
	CodeTable  *table = search->table;

	for (int c = 0; c < table->ncols; c++)
	{
		KeySet		set = {1, {c}};

		if (!table->columns[c].comparable || table->columns[c].nulls > broken_limit(search))
			continue;
		level->single[c] = look_at_set(search, &set, false);
		if (level->single[c] != SET_KEY && table->columns[c].ndistinct > 1)
			level->usable[level->nusable++] = c;
	}
}

/* Looks at pairs of columns. */
static void
look_at_pairs(Level *level)
{
	KeySearch  *search = level->search;
	CodeTable  *table = search->table;

	for (int i = 0; i < level->nusable; i++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int j = i + 1; j < level->nusable; j++)
		{
			int			a = level->usable[i];
			int			b = level->usable[j];
			KeySet		set = {2, {a, b}};

			level->pair[(Size) a * table->ncols + b] =
				look_at_set(search, &set, level->single[a] != SET_NOTHING || level->single[b] != SET_NOTHING);
		}
		progress_update(&table->progress, i + 1);
	}
}

/* Gives the most that was found of the sets within a set of three. */
static SetState
state_within(const Level *level, int a, int b, int c)
{
	Size		ncols = level->search->table->ncols;
	SetState	most = Max(level->single[a], Max(level->single[b], level->single[c]));

	return Max(most, Max(level->pair[a * ncols + b], Max(level->pair[a * ncols + c], level->pair[b * ncols + c])));
}

/* Looks at sets of three columns. */
static void
look_at_triples(Level *level)
{
	KeySearch  *search = level->search;

	for (int i = 0; i < level->nusable; i++)
	{
		for (int j = i + 1; j < level->nusable; j++)
		{
			CHECK_FOR_INTERRUPTS();
			for (int k = j + 1; k < level->nusable; k++)
			{
				KeySet		set = {3, {level->usable[i], level->usable[j], level->usable[k]}};
				SetState	within = state_within(level, set.columns[0], set.columns[1], set.columns[2]);

				if (within != SET_KEY)
					(void) look_at_set(search, &set, within == SET_ALMOST);
			}
		}
		progress_update(&search->table->progress, i + 1);
	}
}

/* Ends with an error when there are more sets than can be looked at. */
static void
check_sets(const Level *level)
{
	double		n = level->nusable;
	double		sets = n * (n - 1) / 2 + (level->search->max_columns > 2 ? n * (n - 1) * (n - 2) / 6 : 0);

	if (level->search->max_columns > 1 && sets > KEYS_MAX_SETS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many sets of columns to look for keys"),
				 errdetail("%d columns make %.0f sets of up to %d; at most %lld are looked at.", level->nusable, sets,
						   level->search->max_columns, (long long) KEYS_MAX_SETS),
				 errhint("Name fewer columns in the option \"columns\", or ask for fewer with max_columns.")));
}

/* Finds the minimal sets, level by level. */
void
keys_search(KeySearch *search)
{
	Size		ncols = search->table->ncols;
	Level		level = {search};

	if (search->table->nrows == 0)
		return;
	level.usable = palloc(mul_size(Max(ncols, 1), sizeof(int)));
	level.single = palloc0(Max(ncols, 1));
	look_at_columns(&level);
	check_sets(&level);
	if (search->max_columns == 1)
		return;
	level.pair = MemoryContextAllocExtended(CurrentMemoryContext, Max(mul_size(ncols, ncols), 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	progress_phase(&search->table->progress, "checking pairs", level.nusable);
	look_at_pairs(&level);
	if (search->max_columns == 2)
		return;
	progress_phase(&search->table->progress, "checking triples", level.nusable);
	look_at_triples(&level);
}
