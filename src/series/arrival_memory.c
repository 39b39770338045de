/*-------------------------------------------------------------------------
 *
 * arrival_memory.c
 *	  The remembered arrivals of one series.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/shmem.h"

#include "core/args.h"
#include "series/arrival_train.h"

/* Gives the whole seconds of a time. */
int64
arrival_seconds(TimestampTz time)
{
	return time / USECS_PER_SEC - (time % USECS_PER_SEC < 0 ? 1 : 0);
}

/* Makes room for the arrivals of one series. */
void
arrival_memory_init(ArrivalMemory *memory, const ArrivalSettings *settings)
{
	memset(memory, 0, sizeof(ArrivalMemory));
	memory->keep = settings->keep;
	memory->zone = arg_zone(settings->timezone);
	memory->arrivals = palloc(mul_size(2 * settings->keep, sizeof(Arrival)));
}

/* Begins another series. */
void
arrival_memory_clear(ArrivalMemory *memory)
{
	memory->n = 0;
	memory->seen = 0;
	memory->last = PG_INT64_MIN;
}

/* Adds the newest arrival. */
void
arrival_memory_add(ArrivalMemory *memory, TimestampTz time)
{
	if (memory->n == 2 * memory->keep)
	{
		memmove(memory->arrivals, memory->arrivals + memory->keep, memory->keep * sizeof(Arrival));
		memory->n = memory->keep;
	}
	memory->arrivals[memory->n++] = arrival_local(time, memory->zone);
	memory->seen++;
	memory->last = arrival_seconds(time);
}

/* Gives the arrivals that are kept. */
Arrival *
arrival_memory_kept(ArrivalMemory *memory, int *n)
{
	*n = Min(memory->n, memory->keep);
	return memory->arrivals + memory->n - *n;
}
