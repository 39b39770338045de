/*
 * frequent.h
 *	  Which texts are frequent, and how often: heavy hitters.
 *
 * Counters as in space-saving (Metwally, Agrawal and El Abbadi, ICDT 2005), kept in the
 * mergeable form of Misra and Gries (Agarwal et al., "Mergeable summaries", PODS 2012): when all
 * counters are taken, what a counter holds beyond the median is kept and the others make room, and
 * what was taken off is the error.  A count is too small by at most frequent_error(), never too large;
 * whatever occurs more often than n / FREQUENT_CAPACITY is there.  While no more than
 * FREQUENT_CAPACITY different texts were seen, all counts are exact.
 *
 * Items are known by the 64-bit hash of the value; their text is asked for once, when a
 * counter is taken, clipped to FREQUENT_TEXT bytes of whole characters.
 */
#ifndef PROFILE_FREQUENT_H
#define PROFILE_FREQUENT_H

#include "lib/stringinfo.h"

#include "compat/compat.h"

/* Counters in memory, and those that are stored at most. */
#define FREQUENT_CAPACITY 256
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

/* stored: how many items are written at most (FREQUENT_STORED or fewer). */
extern Frequent *frequent_create(MemoryContext context, int stored);

/* Adds count to an item that has a counter; false when it has none (then frequent_enter() it). */
extern bool frequent_count(Frequent *f, uint64 hash, int64 count);

/* Gives an item without a counter one; full says the text is the whole value. */
extern void frequent_enter(Frequent *f, uint64 hash, const char *text, int len, bool full, uint32 mark, int64 count);

/*
 * Says whether it is worth entering an item that has no counter: always while all counts are exact;
 * later only when its hash came by lately already (a small filter by recent hashes), so that a column
 * of unique values costs little.  What it turns away is counted as taken off.
 */
extern bool frequent_admits(Frequent *f, uint64 hash);

extern void frequent_merge(Frequent *into, const Frequent *other);

extern int64 frequent_error(const Frequent *f);
extern bool frequent_exact(const Frequent *f);

/* Items by falling count, then by text: array in CurrentMemoryContext, length returned. */
extern int	frequent_items(const Frequent *f, FrequentItem **items);

/* Writes the most frequent items, at most so many; what is left out is counted as taken off. */
extern void frequent_write(const Frequent *f, int most, StringInfo out);

#endif							/* PROFILE_FREQUENT_H */
