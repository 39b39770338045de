/*
 * distinct_int.h
 *	  How distinct.c (counting) and distinct_code.c (storing) see each other; nobody else includes it.
 */
#ifndef PROFILE_DISTINCT_INT_H
#define PROFILE_DISTINCT_INT_H

#include "profile/distinct.h"

/* Registers that a sparse one holds at most. */
#define DISTINCT_SPARSE 512
/* Ranks of 32 bits are 1 (no zero) to 33 (nothing but zeros); 0 is a register that nothing reached. */
#define DISTINCT_MAX_RANK (DISTINCT_RANKS - 1)

struct Distinct
{
	MemoryContext context;
	int			nreached;		/* registers that are not 0 */

	/* sparse; NULL when dense, or when empty */
	uint32	   *slots;
	int			nslots;

	/* dense; NULL when sparse */
	uint8	   *registers;
	int			counts[DISTINCT_RANKS];	/* registers of each rank */
	uint8		least;			/* rank of all registers */
	uint32		below;			/* greatest last 32 bits of a hash whose rank is above the least */
};

extern void distinct_raise(Distinct *d, uint32 index, uint8 rank);
extern void distinct_settle(Distinct *d);
extern void distinct_histogram(const Distinct *d, int *counts);

#endif							/* PROFILE_DISTINCT_INT_H */
