/*-------------------------------------------------------------------------
 *
 * frequent_door.c
 *	  Who gets a counter when counters are scarce.
 *
 * Each hash has one place at the door.  A place is a summary of Misra and Gries with one
 * counter: who stands there is counted, anybody else who comes takes one off and is lost itself, so
 * that a value loses at most as many as its place lost.  Who came by often enough gets a real counter
 * and takes its count along.  A place that lost more than its share lets everybody in, which bounds
 * the loss whatever the order of the values.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "profile/frequent_int.h"

/* Gives a hash's place. */
static inline DoorPlace *
place_of(const Frequent *f, uint64 hash)
{
	return &f->door[hash >> 16 & (DOOR_PLACES - 1)];
}

/* Gives what tells hashes of one place apart. */
static inline uint32
tag_of(uint64 hash)
{
	return hash >> 32;
}

/* Gives how often a value must come by: more often in a longer column. */
int
frequent_door_needs(const Frequent *f)
{
	return (int) Min(Max(f->total / (16 * FREQUENT_CAPACITY), 2), DOOR_MOST);
}

/* Gives how many a place may lose. */
static inline int64
may_lose(const Frequent *f)
{
	return Min(f->total / (4 * FREQUENT_CAPACITY), DOOR_LOST_MAX);
}

/* Says whether a value gets a counter; when not, it is counted at its place.  Branches are only for what is rare. */
static inline bool
pass(DoorPlace *place, uint32 tag, int needs, uint32 most)
{
	DoorPlace	now = *place;
	bool		empty = now.count == 0;
	bool		same = now.tag == tag;
	bool		other = !empty & !same;

	if (unlikely(((now.count + 1 >= needs) & same) | ((now.lost >= most) & other)))
		return true;
	now.tag = empty ? tag : now.tag;
	now.count += 1 - 2 * other;
	now.lost += other;
	*place = now;
	return false;
}

/* Counts values that were turned away, whose places lost at most so many. */
static inline void
turn_away(Frequent *f, int n, uint32 lost)
{
	f->door_lost = Max(f->door_lost, lost);
	f->door_turned += n;
	f->total += n;
}

/* Says whether an item that has no counter is worth one. */
bool
frequent_admits(Frequent *f, uint64 hash)
{
	DoorPlace  *place;

	if (f->door == NULL)
		return true;
	place = place_of(f, hash);
	if (pass(place, tag_of(hash), frequent_door_needs(f), may_lose(f)))
		return true;
	turn_away(f, 1, place->lost);
	return false;
}

/* Has the processor fetch what frequent_admit_block() will look at. */
void
frequent_prefetch(const Frequent *f, const uint64 *hashes, int n)
{
	if (f->door == NULL)
		return;
	for (int i = 0; i < n; i++)
		__builtin_prefetch(place_of(f, hashes[i]), 1);
}

/* Leaves those in missing that are worth a counter. */
int
frequent_admit_block(Frequent *f, const uint64 *hashes, uint8 *missing, int n)
{
	int			needs = frequent_door_needs(f);
	uint32		most = may_lose(f);
	uint32		lost = 0;
	int			admitted = 0;

	if (f->door == NULL)
		return n;
	for (int i = 0; i < n; i++)
	{
		uint64		hash = hashes[missing[i]];
		DoorPlace  *place = place_of(f, hash);

		if (pass(place, tag_of(hash), needs, most))
			missing[admitted++] = missing[i];
		else
			lost = Max(lost, place->lost);
	}
	turn_away(f, n - admitted, lost);
	return admitted;
}

/* Takes what a value that gets a counter has at the door. */
int
frequent_door_take(Frequent *f, uint64 hash)
{
	DoorPlace  *place;
	int			count;

	if (f->door == NULL)
		return 0;
	place = place_of(f, hash);
	if (place->count == 0 || place->tag != tag_of(hash))
		return 0;
	count = place->count;
	place->count = 0;
	return count;
}

/* Counts what the door holds as taken off, and empties it. */
void
frequent_door_close(Frequent *f)
{
	if (f->door == NULL)
		return;
	f->error = frequent_error(f);
	f->absent = frequent_absent(f);
	f->door_lost = 0;
	f->door_turned = 0;
	memset(f->door, 0, sizeof(DoorPlace) * DOOR_PLACES);
}
