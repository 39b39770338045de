/*
 * minhash.h
 *	  The least hashes of the values seen: a bottom-k MinHash signature.
 *
 * Broder, "On the resemblance and containment of documents" (1997); Cohen and Kaplan,
 * "Summarizing data using bottom-k sketches" (2007).  Jaccard's similarity of two columns is
 * the share of the k least hashes of their union that both have; standard error about
 * sqrt(j (1-j) / k).  While at most k distinct values were seen, it holds them all and counts exactly.
 */
#ifndef PROFILE_MINHASH_H
#define PROFILE_MINHASH_H

#include "lib/stringinfo.h"

#include "compat/compat.h"

#define MINHASH_K 128

typedef struct MinHash
{
	int			n;				/* hashes held */
	uint64		hashes[MINHASH_K];	/* ascending, different */
} MinHash;

/* Adds hashes in any order; one comparison each once the signature is full. */
extern void minhash_add(MinHash *m, const uint64 *hashes, int n);
extern void minhash_merge(MinHash *into, const MinHash *other);

/* Jaccard's similarity of the values, 0 to 1; NaN when neither saw any. */
extern double minhash_similarity(const MinHash *a, const MinHash *b);

extern void minhash_write(const MinHash *m, StringInfo out);

#endif							/* PROFILE_MINHASH_H */
