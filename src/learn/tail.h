/*
 * tail.h
 *	  From a score to the share of training rows that are as strange: tail probabilities.
 *
 * Empirical where there are rows, a generalised Pareto tail (Pickands 1975;
 * Balkema, de Haan 1974) beyond, so that scores stranger than every training row
 * still differ.  A greater score is stranger.  Probabilities are given in bits:
 * -log2 P(score >= s); evidence in bits adds up.  So many rows can
 * teach so much: from TAIL_BEYOND_BITS beyond log2 of their number on, bits grow ever more
 * slowly, to at most TAIL_BEYOND_BITS more.
 */
#ifndef LEARN_TAIL_H
#define LEARN_TAIL_H

#include "lib/stringinfo.h"

#include "learn/artifact.h"

#define TAIL_MAX_POINTS 4096
#define TAIL_BEYOND_BITS 10

/* All floats: what is stored, compiled and used is the same thing. */
typedef struct Tail
{
	int64		rows;
	int			npoints;
	float	   *score;			/* ascending; between two points bits are interpolated */
	float	   *bits;			/* ascending; at score[0] nearly 0 */
	float		threshold;		/* the last point; the GPD serves above: P(s) = share * (1 + shape * (s - threshold) / scale) ^ (-1 / shape) */
	float		share;			/* P(s >= threshold): what the last point's bits say */
	float		scale;			/* > 0 */
	float		shape;			/* within [-0.5, 0.5]; 0 = exponential */
} Tail;

/* Learns from the scores of training rows, which it sorts; finite scores, at least one. */
extern void tail_learn(float *scores, int64 nscores, Tail *tail);

/*
 * Learns what to judge those very rows by: each score gets the bits that a tail of the
 * others' scores gives it.  The scores are as tail_learn() left them, of which the tail was made.
 */
extern void tail_learn_unseen(const float *scores, int64 nscores, const Tail *tail, Tail *unseen);

/* -log2 P(score >= s): 0 or more, finite, never falling with s. */
extern float tail_bits(const Tail *tail, float score);

/* P(score >= s), not interpolated between two points. */
extern double tail_share(const Tail *tail, float score);

/* Gives so many scores that are spread as the tail says, ascending: what it learned from, in short. */
extern void tail_sample(const Tail *tail, float *scores, int64 nscores);

/* The reason why a tail is not sound, or NULL. */
extern const char *tail_check(const Tail *tail);

/* {"rows":…,"score":[…],"bits":[…],"gpd":[threshold,share,scale,shape]} in the fixed form; what is read is checked. */
extern void tail_write(const Tail *tail, StringInfo out);
extern void tail_read(ArtifactReader *r, Tail *tail);

/* The compiled form: a MAXALIGNed block that is opened in place; gives the bytes it takes, or 0 when it is not sound. */
extern void tail_compile(const Tail *tail, StringInfo out);
extern Size tail_open(const char *compiled, Size len, Tail *tail);

#endif							/* LEARN_TAIL_H */
