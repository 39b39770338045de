/*-------------------------------------------------------------------------
 *
 * encoder_count.c
 *	  The most frequent values of a column in bounded memory.
 *
 * A hash table counts exactly while there is room for every distinct value, in
 * number and in bytes.  When there is not, the median count is subtracted from
 * all and what falls to zero leaves, so at least half of the values are gone (the
 * purge of the "frequent items" sketches).  A kept count is then short of the true
 * one by at most the sum of the medians, and a value more frequent than that sum is
 * never lost.  Nothing is random: same rows, same order, same budget, same result.
 *
 *		values:	dense, in order of arrival		texts:	"red\0" "blue\0" ...	in the same order
 *
 * The texts stand one after the other, so that a purge closes the gaps in place
 * and a move needs no more than a walk over the values.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "port/pg_bitutils.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "core/encoder_int.h"

#define COUNTER_FIRST_SLOTS 256

#define COUNTER_FIRST_TEXTS ((Size) 4 * 1024)

struct ValueCounter
{
	MemoryContext context;		/* the counter and its arrays */
	int			capacity;
	Size		budget;			/* bytes of all arrays */
	int			nvalues;
	ValueCount *values;
	int			maxvalues;
	char	   *texts;			/* of the values, NUL-terminated */
	Size		texts_len;
	Size		texts_size;
	int32	   *slots;			/* index into values, or -1; open addressing */
	uint32		mask;
	int64		dropped;		/* sum of the medians subtracted so far */
};

/* Gives the bytes of a counter of that size, with what its purge takes. */
static Size
counter_bytes(int maxvalues, Size texts_size)
{
	Size		value = sizeof(ValueCount) + sizeof(int64);

	return add_size(add_size(mul_size(maxvalues, value),
							 mul_size(pg_nextpower2_32(maxvalues * 2), sizeof(int32))), texts_size);
}

/* Gives empty slots for twice as many values. */
static void
counter_make_slots(ValueCounter *counter, uint32 nslots)
{
	if (counter->slots != NULL && nslots == counter->mask + 1)
		;
	else
	{
		if (counter->slots != NULL)
			pfree(counter->slots);
		counter->slots = MemoryContextAlloc(counter->context, mul_size(nslots, sizeof(int32)));
		counter->mask = nslots - 1;
	}
	memset(counter->slots, -1, mul_size(nslots, sizeof(int32)));
}

/* Puts a value's index into the first free slot of its hash. */
static void
counter_link(ValueCounter *counter, int index)
{
	uint32		slot = counter->values[index].hash & counter->mask;

	while (counter->slots[slot] >= 0)
		slot = (slot + 1) & counter->mask;
	counter->slots[slot] = index;
}

/* Creates a counter that keeps at most capacity values in a budget of bytes. */
ValueCounter *
value_counter_create(MemoryContext parent, int capacity, Size budget)
{
	MemoryContext context = AllocSetContextCreate(parent, "aipipe encoder counts", ALLOCSET_SMALL_SIZES);
	ValueCounter *counter = MemoryContextAllocZero(context, sizeof(ValueCounter));

	counter->context = context;
	counter->capacity = capacity;
	counter->budget = Max(budget, VALUE_COUNTER_MIN_BYTES);
	counter->maxvalues = Min(capacity, COUNTER_FIRST_SLOTS / 2);
	counter->values = MemoryContextAlloc(context, mul_size(counter->maxvalues, sizeof(ValueCount)));
	counter->texts_size = COUNTER_FIRST_TEXTS;
	counter->texts = MemoryContextAlloc(context, counter->texts_size);
	counter_make_slots(counter, COUNTER_FIRST_SLOTS);
	return counter;
}

/* Compares two counts for qsort. */
static int
counter_compare_counts(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return (x > y) - (x < y);
}

/* Gives the median of the counts. */
static int64
counter_median(const ValueCounter *counter)
{
	int64	   *counts = palloc(mul_size(counter->nvalues, sizeof(int64)));
	int64		median;

	for (int i = 0; i < counter->nvalues; i++)
		counts[i] = counter->values[i].count;
	qsort(counts, counter->nvalues, sizeof(int64), counter_compare_counts);
	median = counts[counter->nvalues / 2];
	pfree(counts);
	return median;
}

/* Subtracts the median from every count and drops what falls to zero. */
static void
counter_purge(ValueCounter *counter)
{
	int64		median = counter_median(counter);
	char	   *to = counter->texts;
	int			kept = 0;

	for (int i = 0; i < counter->nvalues; i++)
	{
		ValueCount	value = counter->values[i];

		value.count -= median;
		if (value.count <= 0)
			continue;
		memmove(to, value.text, value.len + 1);
		value.text = to;
		to += value.len + 1;
		counter->values[kept++] = value;
	}
	counter->texts_len = to - counter->texts;
	counter->nvalues = kept;
	counter->dropped += median;
	counter_make_slots(counter, counter->mask + 1);
	for (int i = 0; i < kept; i++)
		counter_link(counter, i);
}

/* Makes room for one more value. */
static void
counter_make_room(ValueCounter *counter)
{
	int			larger = Min(counter->maxvalues * 2, counter->capacity);

	if (counter->nvalues < counter->maxvalues)
		return;
	if (larger == counter->maxvalues || counter_bytes(larger, counter->texts_size) > counter->budget)
	{
		counter_purge(counter);
		return;
	}
	counter->maxvalues = larger;
	counter->values = repalloc_huge(counter->values, mul_size(counter->maxvalues, sizeof(ValueCount)));
	counter_make_slots(counter, pg_nextpower2_32(counter->maxvalues * 2));
	for (int i = 0; i < counter->nvalues; i++)
		counter_link(counter, i);
}

/* Makes room for one more text; a purge for it goes on until half of the room is free, so that the next one is far. */
static void
counter_make_text_room(ValueCounter *counter, int len)
{
	char	   *at;

	if (counter->texts_len + len + 1 <= counter->texts_size)
		return;
	if (counter_bytes(counter->maxvalues, counter->texts_size * 2) > counter->budget)
	{
		while (counter->texts_len > counter->texts_size / 2)
			counter_purge(counter);
		return;
	}
	counter->texts_size *= 2;
	counter->texts = at = repalloc_huge(counter->texts, counter->texts_size);
	for (int i = 0; i < counter->nvalues; i++)
	{
		counter->values[i].text = at;
		at += counter->values[i].len + 1;
	}
}

/* Counts one value. */
void
value_counter_add(ValueCounter *counter, const char *text, int len)
{
	uint32		hash = hash_bytes((const unsigned char *) text, len);
	ValueCount *value;

	for (uint32 slot = hash & counter->mask; counter->slots[slot] >= 0; slot = (slot + 1) & counter->mask)
	{
		value = &counter->values[counter->slots[slot]];
		if (value->hash == hash && value->len == len && memcmp(value->text, text, len) == 0)
		{
			value->count++;
			return;
		}
	}
	counter_make_room(counter);
	counter_make_text_room(counter, len);
	value = &counter->values[counter->nvalues];
	value->count = 1;
	value->hash = hash;
	value->len = len;
	value->text = counter->texts + counter->texts_len;
	memcpy(value->text, text, len);
	value->text[len] = '\0';
	counter->texts_len += len + 1;
	counter_link(counter, counter->nvalues++);
}

/* Orders values by falling count, then by their bytes. */
static int
counter_compare_values(const void *a, const void *b)
{
	const ValueCount *x = a;
	const ValueCount *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return strcmp(x->text, y->text);
}

/* Gives the kept values, most frequent first; the counter takes no more values after this. */
ValueCount *
value_counter_sorted(ValueCounter *counter, int *nvalues, int64 *short_by)
{
	qsort(counter->values, counter->nvalues, sizeof(ValueCount), counter_compare_values);
	*nvalues = counter->nvalues;
	*short_by = counter->dropped;
	return counter->values;
}
