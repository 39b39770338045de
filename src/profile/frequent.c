/*-------------------------------------------------------------------------
 *
 * frequent.c
 *	  Counters of frequent texts.
 *
 *		hash ─▶ filter ─▶ slots ─▶ counters ─▶ texts "redblue…"
 *
 * A purge takes the 385th greatest count off all: at least so many counters lose it, so that all
 * that was ever taken off is at most a 385th of what was counted.  Together with what the door
 * loses (n / 1024) and withholds (n / 4096, or one) that is less than n / FREQUENT_CAPACITY.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "mb/pg_wchar.h"
#include "storage/shmem.h"

#include "profile/frequent_int.h"

#define FIRST_ROOM 16
#define SLOTS_PER_COUNTER 4
#define FIRST_TEXTS 256

/* Creates one that saw nothing. */
Frequent *
frequent_create(MemoryContext context, int stored)
{
	Frequent   *f = MemoryContextAllocZero(context, sizeof(Frequent));

	f->context = context;
	f->stored = Min(stored, FREQUENT_COUNTERS);
	return f;
}

/* Gives the word of the filter that a hash belongs to, and its bit. */
static inline uint64 *
filter_word(const Frequent *f, uint64 hash, uint64 *bit)
{
	uint32		at = (hash >> 32) & (f->nslots * FREQUENT_FILTER - 1);

	*bit = UINT64CONST(1) << (at & 63);
	return &f->filter[at >> 6];
}

/* Says whether a hash may have a counter. */
static inline bool
may_have(const Frequent *f, uint64 hash)
{
	uint64		bit;
	const uint64 *word = filter_word(f, hash, &bit);

	return (*word & bit) != 0;
}

/* Puts a counter where its hash belongs. */
static void
link_counter(Frequent *f, int index)
{
	uint64		hash = f->counters[index].hash;
	uint32		at = hash & (f->nslots - 1);
	uint64		bit;
	uint64	   *word = filter_word(f, hash, &bit);

	*word |= bit;
	while (f->slots[at] != 0)
		at = (at + 1) & (f->nslots - 1);
	f->slots[at] = (uint32) (hash >> 48) << 16 | (index + 1);
}

/* Makes the slots anew. */
static void
link_all(Frequent *f)
{
	memset(f->slots, 0, sizeof(uint32) * f->nslots);
	memset(f->filter, 0, f->nslots * FREQUENT_FILTER / BITS_PER_BYTE);
	for (int i = 0; i < f->n; i++)
		link_counter(f, i);
}

/* Gives the counter of a hash, or NULL. */
static inline Counter *
find(const Frequent *f, uint64 hash)
{
	uint32		mask = f->nslots - 1;
	uint32		tag = hash >> 48;

	if (f->n == 0 || !may_have(f, hash))
		return NULL;
	for (uint32 at = hash & mask; f->slots[at] != 0; at = (at + 1) & mask)
		if (f->slots[at] >> 16 == tag)
		{
			Counter    *counter = &f->counters[(f->slots[at] & 0xffff) - 1];

			if (counter->hash == hash)
				return counter;
		}
	return NULL;
}

/* Makes room for one more counter. */
static void
make_room(Frequent *f)
{
	int			room = f->room == 0 ? FIRST_ROOM : f->room * 2;

	if (f->n < f->room)
		return;
	if (f->counters == NULL)
		f->counters = MemoryContextAlloc(f->context, mul_size(room, sizeof(Counter)));
	else
	{
		f->counters = repalloc(f->counters, mul_size(room, sizeof(Counter)));
		pfree(f->slots);
		pfree(f->filter);
	}
	f->room = room;
	f->nslots = room * SLOTS_PER_COUNTER;
	f->slots = MemoryContextAlloc(f->context, mul_size(f->nslots, sizeof(uint32)));
	f->filter = MemoryContextAlloc(f->context, f->nslots * FREQUENT_FILTER / BITS_PER_BYTE);
	link_all(f);
}

/* Keeps a text; gives where. */
static uint32
keep_text(Frequent *f, const char *text, int len)
{
	uint32		at = f->texts_len;

	if (f->texts_room - f->texts_len < len)
	{
		int			room = Max(f->texts_room * 2, FIRST_TEXTS);

		if (f->texts == NULL)
			f->texts = MemoryContextAlloc(f->context, room);
		else
			f->texts = repalloc(f->texts, room);
		f->texts_room = room;
	}
	if (len > 0)
		memcpy(f->texts + at, text, len);
	f->texts_len += len;
	return at;
}

/* Adds a counter that is not there yet, of a text that is short enough. */
static void
add_counter(Frequent *f, const Counter *counter, const char *text)
{
	make_room(f);
	f->counters[f->n] = *counter;
	f->counters[f->n].text = keep_text(f, text, counter->len);
	link_counter(f, f->n);
	f->n++;
}

/* Gives the k-th greatest (from 0) of some numbers, whose order changes. */
static int64
select_greatest(int64 *values, int n, int k)
{
	int			low = 0;
	int			high = n - 1;

	while (low < high)
	{
		int64		pivot = values[low + (high - low) / 2];
		int			i = low;
		int			j = high;

		while (i <= j)
		{
			while (values[i] > pivot)
				i++;
			while (values[j] < pivot)
				j--;
			if (i <= j)
			{
				int64		swap = values[i];

				values[i++] = values[j];
				values[j--] = swap;
			}
		}
		if (k <= j)
			high = j;
		else if (k >= i)
			low = i;
		else
			break;
	}
	return values[k];
}

/* Takes off what more than FREQUENT_KEPT counters hold, so that no more are left. */
static void
purge(Frequent *f)
{
	int64	   *counts = palloc(mul_size(f->n, sizeof(int64)));
	char	   *texts = palloc(f->texts_len + 1);
	int64		off;
	int			kept = 0;

	for (int i = 0; i < f->n; i++)
		counts[i] = f->counters[i].count;
	off = select_greatest(counts, f->n, FREQUENT_KEPT);
	memcpy(texts, f->texts, f->texts_len);
	f->texts_len = 0;
	for (int i = 0; i < f->n; i++)
	{
		Counter		counter = f->counters[i];

		if (counter.count <= off)
			continue;
		counter.count -= off;
		counter.text = keep_text(f, texts + counter.text, counter.len);
		f->counters[kept++] = counter;
	}
	f->n = kept;
	f->error += off;
	f->absent += off;
	link_all(f);
	if (f->door == NULL)
		f->door = MemoryContextAllocZero(f->context, sizeof(DoorPlace) * DOOR_PLACES);
	pfree(counts);
	pfree(texts);
}

/* Adds up what was seen. */
static void
add_total(Frequent *f, int64 count)
{
	if (pg_add_s64_overflow(f->total, count, &f->total))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("bigint out of range")));
}

/* Counts those of a block that have a counter; gives the places of the others. */
int
frequent_count_block(Frequent *f, const uint64 *hashes, int n, uint8 *missing)
{
	int			nmissing = 0;

	for (int i = 0; i < n; i++)
	{
		Counter    *counter = find(f, hashes[i]);

		if (counter != NULL)
			counter->count++;
		else
			missing[nmissing++] = i;
	}
	add_total(f, n - nmissing);
	return nmissing;
}

/* Adds to an item that has a counter. */
bool
frequent_count(Frequent *f, uint64 hash, int64 count)
{
	Counter    *counter = find(f, hash);

	if (counter == NULL)
		return false;
	add_total(f, count);
	counter->count += count;
	return true;
}

/* Gives an item a counter. */
void
frequent_enter(Frequent *f, uint64 hash, const char *text, int len, bool full, uint32 mark, int64 count)
{
	Counter		counter = {0};

	if (frequent_count(f, hash, count))
		return;
	if (f->n >= FREQUENT_COUNTERS)
		purge(f);
	add_total(f, count);
	counter.hash = hash;
	counter.count = count + frequent_door_take(f, hash);
	counter.mark = mark;
	counter.len = len > FREQUENT_TEXT ? pg_mbcliplen(text, len, FREQUENT_TEXT) : len;
	counter.clipped = !full || counter.len < len;
	add_counter(f, &counter, text);
}

/* Gives a stored item its counter, as it was. */
void
frequent_restore(Frequent *f, const FrequentItem *item)
{
	Counter		counter = {0};

	counter.hash = item->hash;
	counter.count = item->count;
	counter.mark = item->mark;
	counter.len = item->len;
	counter.clipped = item->clipped;
	add_counter(f, &counter, item->text);
}

/* Adds what others counted. */
void
frequent_merge(Frequent *into, const Frequent *other)
{
	int64		other_error = frequent_error(other);
	int64		other_absent = frequent_absent(other);
	int			before = into->n;
	int			common = 0;
	int64		error = 0;

	frequent_door_close(into);
	add_total(into, other->total);
	for (int i = 0; i < other->n; i++)
	{
		const Counter *theirs = &other->counters[i];
		Counter    *ours = find(into, theirs->hash);

		if (ours == NULL)
			add_counter(into, theirs, other->texts + theirs->text);
		else
		{
			ours->count += theirs->count;
			ours->mark |= theirs->mark;
			common++;
		}
	}
	if (common > 0)
		error = into->error + other_error;
	if (common < before)
		error = Max(error, into->error + other_absent);
	if (common < other->n)
		error = Max(error, into->absent + other_error);
	into->absent += other_absent;
	into->error = into->n > 0 ? error : into->absent;
	if (into->n > FREQUENT_COUNTERS)
		purge(into);
}

/* Gives the sum of all counts. */
int64
frequent_sum(const Frequent *f)
{
	int64		sum = 0;

	for (int i = 0; i < f->n; i++)
		sum += f->counters[i].count;
	return sum;
}

/* Gives by how much counts may be too small: never by more than all counts together lack. */
int64
frequent_error(const Frequent *f)
{
	return Min(f->error + f->door_lost, f->total - frequent_sum(f));
}

/* Gives how often an item without a counter may occur. */
int64
frequent_absent(const Frequent *f)
{
	int64		waiting = Min(frequent_door_needs(f) - 1, f->door_turned);

	return Min(f->absent + f->door_lost + waiting, f->total - frequent_sum(f));
}

/* Says whether all counts are exact and no item is missing. */
bool
frequent_exact(const Frequent *f)
{
	return frequent_absent(f) == 0;
}

/* Compares items for qsort: falling count, then text, then hash. */
int
frequent_compare(const void *a, const void *b)
{
	const FrequentItem *x = a;
	const FrequentItem *y = b;
	int			order;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	order = memcmp(x->text, y->text, Min(x->len, y->len));
	if (order == 0)
		order = (int) x->len - (int) y->len;
	if (order == 0)
		order = (x->hash > y->hash) - (x->hash < y->hash);
	return order;
}

/* Gives all items in order. */
int
frequent_items(const Frequent *f, FrequentItem **items)
{
	FrequentItem *all = palloc(mul_size(Max(f->n, 1), sizeof(FrequentItem)));

	for (int i = 0; i < f->n; i++)
	{
		const Counter *counter = &f->counters[i];

		all[i].hash = counter->hash;
		all[i].count = counter->count;
		all[i].mark = counter->mark;
		all[i].len = counter->len;
		all[i].clipped = counter->clipped;
		all[i].text = counter->len > 0 ? f->texts + counter->text : "";
	}
	qsort(all, f->n, sizeof(FrequentItem), frequent_compare);
	*items = all;
	return f->n;
}
