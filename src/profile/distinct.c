/*-------------------------------------------------------------------------
 *
 * distinct.c
 *	  How many different values: registers, sparse and dense.
 *
 * The first 32 bits of a hash choose a register, which keeps the greatest rank: the
 * number of zeros that the last 32 bits begin with, plus one.  While few registers were reached they are kept in a
 * small hash table:
 *
 *		sparse	slots[nslots]	index << 8 | rank, 0 = free; open addressing, at most half full
 *		dense	registers[24576]	a byte each; counts[34]	registers of each rank
 *
 * Which of the two it is follows from how many registers were reached, and from nothing else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "port/pg_bitutils.h"
#include "utils/float.h"

#include "profile/distinct.h"
#include "profile/distinct_int.h"

#define SPARSE_FIRST_SLOTS 64

/* Hashes that are looked at together. */
#define CHUNK 64

/* Gives the register that a hash reaches. */
static inline uint32
hash_index(uint64 hash)
{
	return (hash >> 32) * DISTINCT_REGISTERS >> 32;
}

/* Gives the rank of a hash, 1 to DISTINCT_MAX_RANK. */
static inline uint8
hash_rank(uint64 hash)
{
	uint32		rest = (uint32) hash;

	return rest == 0 ? DISTINCT_MAX_RANK : 32 - pg_leftmost_one_pos32(rest);
}

/* Creates one that saw nothing. */
Distinct *
distinct_create(MemoryContext context)
{
	Distinct   *d = MemoryContextAllocZero(context, sizeof(Distinct));

	d->context = context;
	d->below = PG_UINT32_MAX;
	return d;
}

/* Gives the slot of a register in a sparse table: its own, or the free one where it belongs. */
static inline uint32 *
sparse_slot(uint32 *slots, int nslots, uint32 index)
{
	uint32		at = index * 0x9e3779b1 >> 16;

	for (;; at++)
	{
		uint32	   *slot = &slots[at & (nslots - 1)];

		if (*slot == 0 || *slot >> 8 == index)
			return slot;
	}
}

/* Doubles a sparse table. */
static void
sparse_grow(Distinct *d)
{
	int			nslots = d->nslots == 0 ? SPARSE_FIRST_SLOTS : d->nslots * 2;
	uint32	   *slots = MemoryContextAllocZero(d->context, mul_size(nslots, sizeof(uint32)));

	for (int i = 0; i < d->nslots; i++)
		if (d->slots[i] != 0)
			*sparse_slot(slots, nslots, d->slots[i] >> 8) = d->slots[i];
	if (d->slots != NULL)
		pfree(d->slots);
	d->slots = slots;
	d->nslots = nslots;
}

/* Finds the least rank and so which hashes need not be looked at. */
static void
dense_find_least(Distinct *d)
{
	d->least = 0;
	while (d->counts[d->least] == 0)
		d->least++;
	d->below = d->least >= 32 ? 0 : PG_UINT32_MAX >> d->least;
}

/* Counts the registers of each rank. */
static void
dense_count(Distinct *d)
{
	int			lanes[4][DISTINCT_RANKS] = {{0}};

	for (int i = 0; i < DISTINCT_REGISTERS; i += 4)
		for (int l = 0; l < 4; l++)
			lanes[l][d->registers[i + l]]++;
	for (int r = 0; r < DISTINCT_RANKS; r++)
		d->counts[r] = lanes[0][r] + lanes[1][r] + lanes[2][r] + lanes[3][r];
}

/* Makes the rest of a dense one right after its registers and their counts were changed. */
void
distinct_settle(Distinct *d)
{
	d->nreached = DISTINCT_REGISTERS - d->counts[0];
	dense_find_least(d);
}

/* Turns a sparse one into a dense one. */
static void
make_dense(Distinct *d)
{
	d->registers = MemoryContextAllocZero(d->context, DISTINCT_REGISTERS);
	memset(d->counts, 0, sizeof(d->counts));
	d->counts[0] = DISTINCT_REGISTERS - d->nreached;
	for (int i = 0; i < d->nslots; i++)
	{
		if (d->slots[i] == 0)
			continue;
		d->registers[d->slots[i] >> 8] = d->slots[i] & 0xff;
		d->counts[d->slots[i] & 0xff]++;
	}
	if (d->slots != NULL)
		pfree(d->slots);
	d->slots = NULL;
	d->nslots = 0;
	dense_find_least(d);
}

/* Raises a register of a dense one. */
static inline void
dense_raise(Distinct *d, uint32 index, uint8 rank)
{
	uint8		old = d->registers[index];

	if (rank <= old)
		return;
	d->registers[index] = rank;
	if (old == 0)
		d->nreached++;
	d->counts[rank]++;
	if (--d->counts[old] == 0 && old == d->least)
		dense_find_least(d);
}

/* Raises a register, whatever the form, which may change it. */
void
distinct_raise(Distinct *d, uint32 index, uint8 rank)
{
	uint32	   *slot;

	if (d->registers != NULL)
	{
		dense_raise(d, index, rank);
		return;
	}
	if (d->nreached < DISTINCT_SPARSE && d->nslots < 2 * (d->nreached + 1))
		sparse_grow(d);
	slot = sparse_slot(d->slots, d->nslots, index);
	if (*slot == 0)
	{
		if (d->nreached == DISTINCT_SPARSE)
		{
			make_dense(d);
			dense_raise(d, index, rank);
			return;
		}
		d->nreached++;
	}
	if (rank > (*slot & 0xff))
		*slot = index << 8 | rank;
}

/*
 * Adds hashes to a dense one.  Which of them may raise a register cannot be foreseen, so they are
 * sorted out first, without branches.
 */
static void
dense_add(Distinct *d, const uint64 *hashes, int n)
{
	uint64		above[CHUNK];
	int			nabove = 0;
	uint32		below = d->below;

	for (int i = 0; i < n; i++)
	{
		above[nabove] = hashes[i];
		nabove += (uint32) hashes[i] <= below;
	}
	for (int i = 0; i < nabove; i++)
	{
		uint32		index = hash_index(above[i]);
		uint8		rank = hash_rank(above[i]);

		if (unlikely(rank > d->registers[index]))
			dense_raise(d, index, rank);
	}
}

/* Has the processor fetch the registers that distinct_add() will look at; for what it need not, the first one. */
void
distinct_prefetch(const Distinct *d, const uint64 *hashes, int n)
{
	if (d->registers == NULL)
		return;
	for (int i = 0; i < n; i++)
		__builtin_prefetch(&d->registers[(uint32) hashes[i] <= d->below ? hash_index(hashes[i]) : 0]);
}

/* Adds n hashes. */
void
distinct_add(Distinct *d, const uint64 *hashes, int n)
{
	int			i = 0;

	for (; i < n && d->registers == NULL; i++)
		distinct_raise(d, hash_index(hashes[i]), hash_rank(hashes[i]));
	for (; i < n; i += CHUNK)
		dense_add(d, hashes + i, Min(CHUNK, n - i));
}

/* Adds what other values reached. */
void
distinct_merge(Distinct *into, const Distinct *other)
{
	for (int i = 0; i < other->nslots; i++)
		if (other->slots[i] != 0)
			distinct_raise(into, other->slots[i] >> 8, other->slots[i] & 0xff);
	if (other->registers == NULL)
		return;
	if (into->registers == NULL)
		make_dense(into);
	for (int i = 0; i < DISTINCT_REGISTERS; i++)
		into->registers[i] = Max(into->registers[i], other->registers[i]);
	dense_count(into);
	distinct_settle(into);
}

/* Gives the number of registers of each rank. */
void
distinct_histogram(const Distinct *d, int *counts)
{
	if (d->registers != NULL)
	{
		memcpy(counts, d->counts, sizeof(d->counts));
		return;
	}
	memset(counts, 0, sizeof(d->counts));
	for (int i = 0; i < d->nslots; i++)
		if (d->slots[i] != 0)
			counts[d->slots[i] & 0xff]++;
	counts[0] = DISTINCT_REGISTERS - d->nreached;
}

/* Corrects for registers that nothing reached (Ertl's sigma). */
static double
empty_correction(double x)
{
	double		y = 1;
	double		z = x;
	double		before;

	if (x == 1)
		return get_float8_infinity();
	do
	{
		before = z;
		x *= x;
		z += x * y;
		y += y;
	} while (z != before);
	return z;
}

/* Corrects for registers of the greatest rank (Ertl's tau). */
static double
full_correction(double x)
{
	double		y = 1;
	double		z = 1 - x;
	double		before;

	if (x == 0 || x == 1)
		return 0;
	do
	{
		before = z;
		x = sqrt(x);
		y *= 0.5;
		z -= (1 - x) * (1 - x) * y;
	} while (z != before);
	return z / 3;
}

/* Gives the estimate. */
double
distinct_estimate(const Distinct *d)
{
	const double m = DISTINCT_REGISTERS;
	int			counts[DISTINCT_MAX_RANK + 1];
	double		z;

	if (d->nreached == 0)
		return 0;
	distinct_histogram(d, counts);
	z = m * full_correction(1 - counts[DISTINCT_MAX_RANK] / m);
	for (int r = DISTINCT_MAX_RANK - 1; r >= 1; r--)
		z = 0.5 * (z + counts[r]);
	z += m * empty_correction(counts[0] / m);
	return m * m / (2 * M_LN2 * z);
}

/* Gives the registers of one, a byte each. */
static const uint8 *
registers_of(const Distinct *d, uint8 *room)
{
	if (d->registers != NULL)
		return d->registers;
	memset(room, 0, DISTINCT_REGISTERS);
	for (int i = 0; i < d->nslots; i++)
		if (d->slots[i] != 0)
			room[d->slots[i] >> 8] = d->slots[i] & 0xff;
	return room;
}

/* Counts the registers that hold k in a and l in b. */
void
distinct_pairs(const Distinct *a, const Distinct *b, int (*pairs)[DISTINCT_RANKS])
{
	uint8	   *rooms = palloc(2 * DISTINCT_REGISTERS);
	const uint8 *of_a = registers_of(a, rooms);
	const uint8 *of_b = registers_of(b, rooms + DISTINCT_REGISTERS);

	memset(pairs, 0, sizeof(int) * DISTINCT_RANKS * DISTINCT_RANKS);
	for (int i = 0; i < DISTINCT_REGISTERS; i++)
		pairs[of_a[i]][of_b[i]]++;
	pfree(rooms);
}
