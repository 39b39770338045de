/*
 * distinct.h
 *	  How many different values: HyperLogLog++, by 64-bit hashes.
 *
 * Heule, Nunkesser and Hall, "HyperLogLog in practice" (EDBT 2013): 64-bit hashes,
 * a sparse form while few values were seen.  Its bias correction by empirical tables
 * is replaced by Ertl's improved estimator ("New cardinality estimation algorithms for
 * HyperLogLog sketches", 2017, algorithm 6), which is unbiased over the whole range without
 * tables.  Standard error .81 % (2^14 registers).
 */
#ifndef PROFILE_DISTINCT_H
#define PROFILE_DISTINCT_H

#include "lib/stringinfo.h"

#include "compat/compat.h"

#define DISTINCT_PRECISION 14
#define DISTINCT_REGISTERS (1 << DISTINCT_PRECISION)

typedef struct Distinct Distinct;

extern Distinct *distinct_create(MemoryContext context);
extern void distinct_add(Distinct *d, const uint64 *hashes, int n);
extern void distinct_merge(Distinct *into, const Distinct *other);
extern double distinct_estimate(const Distinct *d);

/* Estimate for the union of two, neither changed. */
extern double distinct_union(const Distinct *a, const Distinct *b);

/* Sparse: sorted registers that are not empty; dense: prefix codes about the most frequent rank (about 2.8 bits a register). */
extern void distinct_write(const Distinct *d, StringInfo out);

#endif							/* PROFILE_DISTINCT_H */
