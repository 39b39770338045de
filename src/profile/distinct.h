/*
 * distinct.h
 *	  How many different values: HyperLogLog++, by 64-bit hashes.
 *
 * Heule, Nunkesser and Hall, "HyperLogLog in practice" (EDBT 2013): 64-bit hashes,
 * a sparse form while few values were seen.  Its bias correction by empirical tables
 * is replaced by Ertl's improved estimator ("New cardinality estimation algorithms for
 * HyperLogLog sketches", 2017, algorithm 6), which is unbiased over the whole range without
 * tables.  Registers need not be a power of two: with 3 * 2^13 of them the standard error is .66 %.
 */
#ifndef PROFILE_DISTINCT_H
#define PROFILE_DISTINCT_H

#include "lib/stringinfo.h"

#include "compat/compat.h"

#define DISTINCT_REGISTERS (3 << 13)
/* A register holds 0 to 33. */
#define DISTINCT_RANKS 34

typedef struct Distinct Distinct;

extern Distinct *distinct_create(MemoryContext context);

/* A distinct_prefetch() some time before distinct_add() saves waiting for memory. */
extern void distinct_prefetch(const Distinct *d, const uint64 *hashes, int n);
extern void distinct_add(Distinct *d, const uint64 *hashes, int n);
extern void distinct_merge(Distinct *into, const Distinct *other);
extern double distinct_estimate(const Distinct *d);

/* Counts the registers that hold k in a and l in b: pairs[k][l]. */
extern void distinct_pairs(const Distinct *a, const Distinct *b, int (*pairs)[DISTINCT_RANKS]);

/* Sparse: sorted registers that are not empty; dense: prefix codes about the most frequent rank (about 3 bits a register, 10 kB at most). */
extern void distinct_write(const Distinct *d, StringInfo out);

#endif							/* PROFILE_DISTINCT_H */
