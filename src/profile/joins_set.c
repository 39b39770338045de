/*-------------------------------------------------------------------------
 *
 * joins_set.c
 *	  All different values of many columns with their counts, sorted by hash, as far as memory goes.
 *
 * Where memory does not go far enough, only the values of a range of hashes are kept: hashes are spread
 * evenly, so half of the range is half of the values.  The range is halved as often as it has to be, and
 * whoever reads the tables reads them again for the rest.
 *
 *		set:	values with counts, sorted | values as they came, each counted once | room
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "profile/joins.h"

/* Values that a set has room for at first, whatever the limit is. */
#define SET_FIRST 64
/* Steps of a comparison between looks at interrupts, and the ratio of sizes from which values are looked up one by one. */
#define MATCH_STEPS 65536
#define MATCH_LOOKUP 64

#define ST_SORT sort_values
#define ST_ELEMENT_TYPE JoinValue
#define ST_COMPARE(a, b) ((a)->hash < (b)->hash ? -1 : (a)->hash > (b)->hash)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* Begins sets of values from a hash on. */
void
join_sets_begin(JoinSets *sets, int n, uint64 first, Size limit, Progress *progress)
{
	memset(sets, 0, sizeof(JoinSets));
	sets->context = AllocSetContextCreate(CurrentMemoryContext, "aipipe profile join values", ALLOCSET_DEFAULT_SIZES);
	sets->first = first;
	sets->last = PG_UINT64_MAX;
	sets->n = n;
	sets->sets = MemoryContextAllocZero(sets->context, mul_size(Max(n, 1), sizeof(JoinSet)));
	sets->progress = progress;
	for (int i = 0; i < n; i++)
	{
		sets->sets[i].room = SET_FIRST;
		sets->sets[i].values = MemoryContextAlloc(sets->context, mul_size(SET_FIRST, sizeof(JoinValue)));
	}
	sets->bytes = mul_size(mul_size(n, SET_FIRST), sizeof(JoinValue));
	sets->limit = Max(limit, mul_size(sets->bytes, 4));
}

/* Brings a set's values into order, each once. */
static void
sort_set(JoinSet *set)
{
	Size		kept = 0;

	if (set->sorted || set->n == 0)
		return;
	sort_values(set->values, set->n);
	for (Size i = 1; i < set->n; i++)
	{
		if (set->values[i].hash == set->values[kept].hash)
			set->values[kept].count += set->values[i].count;
		else
			set->values[++kept] = set->values[i];
	}
	set->n = kept + 1;
	set->sorted = true;
}

/* Changes a set's room. */
static void
resize_set(JoinSets *sets, JoinSet *set, Size room)
{
	set->values = repalloc_huge(set->values, mul_size(room, sizeof(JoinValue)));
	sets->bytes += mul_size(room, sizeof(JoinValue));
	sets->bytes -= mul_size(set->room, sizeof(JoinValue));
	set->room = room;
	progress_memory(sets->progress, sets->bytes);
}

/* Forgets the upper half of the range. */
static void
halve_range(JoinSets *sets)
{
	sets->last = sets->first + (sets->last - sets->first) / 2;
	for (int i = 0; i < sets->n; i++)
	{
		JoinSet    *set = &sets->sets[i];
		Size		kept = 0;

		CHECK_FOR_INTERRUPTS();
		for (Size k = 0; k < set->n; k++)
			if (set->values[k].hash <= sets->last)
				set->values[kept++] = set->values[k];
		set->n = kept;
		if (set->room > Max(SET_FIRST, 2 * kept))
			resize_set(sets, set, Max(SET_FIRST, 2 * kept));
	}
}

/* Makes room in a set that is full: by order, by more memory, or by a smaller range. */
static void
make_room(JoinSets *sets, JoinSet *set)
{
	sort_set(set);
	while (set->n > set->room / 2)
	{
		/* while it grows, what it has and what it gets are both there */
		if (add_size(sets->bytes, mul_size(2 * set->room, sizeof(JoinValue))) <= sets->limit || sets->first == sets->last)
			resize_set(sets, set, 2 * set->room);
		else
			halve_range(sets);
	}
}

/* Adds values to a set. */
void
join_sets_add(JoinSets *sets, int number, const uint64 *hashes, int n)
{
	JoinSet    *set = &sets->sets[number];

	for (int i = 0; i < n; i++)
	{
		if (set->n == set->room)
			make_room(sets, set);
		if (hashes[i] - sets->first > sets->last - sets->first)
			continue;
		set->values[set->n].hash = hashes[i];
		set->values[set->n].count = 1;
		set->n++;
		set->sorted = false;
	}
}

/* Brings all sets into order. */
void
join_sets_end(JoinSets *sets)
{
	for (int i = 0; i < sets->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		sort_set(&sets->sets[i]);
	}
}

/* Frees all sets. */
void
join_sets_free(JoinSets *sets)
{
	MemoryContextDelete(sets->context);
	progress_memory(sets->progress, 0);
}

/* Finds the first value from one place on whose hash is not below another's: in steps that double, then by halves. */
static Size
look_up(const JoinSet *set, Size from, uint64 hash)
{
	Size		step = 1;
	Size		high;

	while (from + step < set->n && set->values[from + step].hash < hash)
		step *= 2;
	high = Min(from + step, set->n);
	while (from < high)
	{
		Size		middle = from + (high - from) / 2;

		if (set->values[middle].hash < hash)
			from = middle + 1;
		else
			high = middle;
	}
	return from;
}

/* Looks each value of a small set up in a large one. */
static void
match_few(const JoinSet *few, const JoinSet *many, bool rows_of_few, int64 *values, int64 *rows)
{
	Size		at = 0;

	for (Size i = 0; i < few->n && at < many->n; i++)
	{
		if (i % MATCH_STEPS == 0)
			CHECK_FOR_INTERRUPTS();
		at = look_up(many, at, few->values[i].hash);
		if (at == many->n || many->values[at].hash != few->values[i].hash)
			continue;
		(*values)++;
		*rows += rows_of_few ? few->values[i].count : many->values[at].count;
	}
}

/* Adds the values of a that b has, and their rows. */
void
join_sets_match(const JoinSet *a, const JoinSet *b, int64 *values, int64 *rows)
{
	const JoinValue *x = a->values;
	const JoinValue *y = b->values;
	const JoinValue *x_end = x + a->n;
	const JoinValue *y_end = y + b->n;

	if (a->n < b->n / MATCH_LOOKUP)
		match_few(a, b, true, values, rows);
	else if (b->n < a->n / MATCH_LOOKUP)
		match_few(b, a, false, values, rows);
	else
		while (x < x_end && y < y_end)
		{
			CHECK_FOR_INTERRUPTS();
			for (int i = 0; i < MATCH_STEPS && x < x_end && y < y_end; i++)
			{
				uint64		left = x->hash;
				uint64		right = y->hash;

				*values += left == right;
				*rows += left == right ? x->count : 0;
				x += left <= right;
				y += right <= left;
			}
		}
}
