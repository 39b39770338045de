/*
 * frequent_int.h
 *	  How frequent.c (counting), frequent_door.c (who gets a counter) and frequent_code.c (storing) see each
 *	  other; nobody else includes it.
 */
#ifndef PROFILE_FREQUENT_INT_H
#define PROFILE_FREQUENT_INT_H

#include "profile/frequent.h"

/* Counters that a purge leaves at most. */
#define FREQUENT_KEPT 384

/* Bits of the filter for each slot: few enough to stay in the processor's first cache, enough that most hashes without a counter end there. */
#define FREQUENT_FILTER 8

/* One-counter summaries, and how often a value must come by at most. */
#define DOOR_PLACES 1024
#define DOOR_MOST 200
#define DOOR_LOST_MAX 0xffffff

/* A place of the door: who stands there, how often it came by, and how many were lost here. */
typedef struct DoorPlace
{
	uint32		tag;			/* other bits of the hash */
	uint32		count:8;
	uint32		lost:24;
} DoorPlace;

typedef struct Counter
{
	uint64		hash;
	int64		count;
	uint32		text;			/* where it begins in texts */
	uint32		mark;
	uint8		len;
	bool		clipped;
} Counter;

struct Frequent
{
	MemoryContext context;
	int			stored;
	int64		total;			/* of everything that was seen */

	int			n;
	int			room;
	Counter    *counters;		/* in no order */
	uint32	   *slots;			/* 16 bits of the hash << 16 | index + 1, 0 = free; open addressing */
	int			nslots;			/* four times room */
	uint64	   *filter;			/* FREQUENT_FILTER bits a slot, set for the hashes that have a counter */

	char	   *texts;
	int			texts_len;
	int			texts_room;

	/* what was taken off, and what else an item without a counter may have */
	int64		error;
	int64		absent;

	DoorPlace  *door;			/* from the first purge on */
	int64		door_lost;		/* greatest of its places */
	int64		door_turned;	/* how many it has turned away */
};

extern int64 frequent_sum(const Frequent *f);
extern int	frequent_compare(const void *a, const void *b);
extern void frequent_restore(Frequent *f, const FrequentItem *item);

/* How often a value must come by now. */
extern int	frequent_door_needs(const Frequent *f);

/* Takes what a value that gets a counter has at the door. */
extern int	frequent_door_take(Frequent *f, uint64 hash);

/* Counts what the door holds as taken off, and empties it. */
extern void frequent_door_close(Frequent *f);

#endif							/* PROFILE_FREQUENT_INT_H */
