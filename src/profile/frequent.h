/*
 * frequent.h
 *	  Which texts are frequent, and how often: heavy hitters.
 *
 * Counters as in space-saving (Metwally, Agrawal and El Abbadi, ICDT 2005), kept in the
 * mergeable form of Misra and Gries (Agarwal et al., "Mergeable summaries", PODS 2012): when all
 * counters are taken, what most of them hold in common is taken off and the others make room.
 * From then on a value must come by some times before it gets a counter, which a small table of
 * one-counter summaries (the "door") decides.  What is guaranteed, whatever the order of the values:
 *
 *		a count is never too large, and too small by at most frequent_error();
 *		a value that has no counter occurred at most frequent_absent() times;
 *		before anything was stored, neither exceeds n / FREQUENT_CAPACITY + 2 (for each sketch that was merged);
 *		while no more than FREQUENT_COUNTERS different texts were seen, all counts are exact.
 *
 * Storing keeps the most frequent items only: frequent_absent() of what was stored is that of the greatest
 * count that was left out, at most n / stored.
 *
 * Items are known by the 64-bit hash of the value; their text is asked for once, when a
 * counter is taken, clipped to FREQUENT_TEXT bytes of whole characters.
 */
#ifndef PROFILE_FREQUENT_H
#define PROFILE_FREQUENT_H

#include "lib/stringinfo.h"

#include "compat/compat.h"

/* The error is at most this share of the count; counters in memory, and those that are stored at most. */
#define FREQUENT_CAPACITY 256
#define FREQUENT_COUNTERS 512
#define FREQUENT_STORED 64
/* Bytes of a text that are kept. */
#define FREQUENT_TEXT 64

typedef struct Frequent Frequent;

typedef struct FrequentItem
{
	uint64		hash;
	int64		count;			/* lower bound; the upper is count + frequent_error() */
	uint32		mark;			/* the caller's: looks of a pattern, … */
	uint8		len;
	bool		clipped;		/* the value is longer than its text here */
	const char *text;			/* not NUL-terminated; good until the next change */
} FrequentItem;

/* stored: how many items are written at most (FREQUENT_COUNTERS or fewer). */
extern Frequent *frequent_create(MemoryContext context, int stored);

/*
 * Blocks of at most 255 hashes go in two steps:
 *
 *		nmissing = frequent_count_block(f, hashes, n, missing);			counts those that have a counter
 *		nentered = frequent_admit_block(f, hashes, missing, nmissing);	leaves those in missing that are worth one
 *		for each: frequent_enter(f, hashes[missing[i]], its text, …, 1);
 *
 * A frequent_prefetch() some time before them saves waiting for memory.
 *
 * A value that has a counter was missing once: whoever shows all that are missing to other parts
 * (distinct values, least hashes) need not show them the rest.
 */
extern void frequent_prefetch(const Frequent *f, const uint64 *hashes, int n);
extern int	frequent_count_block(Frequent *f, const uint64 *hashes, int n, uint8 *missing);
extern int	frequent_admit_block(Frequent *f, const uint64 *hashes, uint8 *missing, int n);

/* Adds count to an item that has a counter; false when it has none (then frequent_admits() and frequent_enter() it). */
extern bool frequent_count(Frequent *f, uint64 hash, int64 count);

/*
 * Says whether an item that has no counter is worth one: always while all counts are exact, later when it came
 * by some times.  Then it must be entered; what is turned away was counted at the door.
 */
extern bool frequent_admits(Frequent *f, uint64 hash);

/* Gives an item a counter, or adds to that which it has got since; full says the text is the whole value. */
extern void frequent_enter(Frequent *f, uint64 hash, const char *text, int len, bool full, uint32 mark, int64 count);

extern void frequent_merge(Frequent *into, const Frequent *other);

/* By how much counts may be too small, how often an item without a counter may occur, and whether both are 0. */
extern int64 frequent_error(const Frequent *f);
extern int64 frequent_absent(const Frequent *f);
extern bool frequent_exact(const Frequent *f);

/* Items by falling count, then by text: array in CurrentMemoryContext, length returned. */
extern int	frequent_items(const Frequent *f, FrequentItem **items);

extern void frequent_write(const Frequent *f, StringInfo out);

/* The same with another limit, FREQUENT_COUNTERS for all. */
extern void frequent_write_most(const Frequent *f, int most, StringInfo out);

#endif							/* PROFILE_FREQUENT_H */
