/*
 * tail_private.h
 *	  What the files of the tails share; nobody else includes it.
 *
 *		tail.c			tails learned, asked, stored
 *		tail_unseen.c	what training rows themselves are judged by
 */
#ifndef LEARN_TAIL_PRIVATE_H
#define LEARN_TAIL_PRIVATE_H

#include "learn/tail.h"

#define TAIL_MAX_SHAPE 0.5

/* Points that thinning leaves at most, before the two that a tail may add. */
#define TAIL_THINNED (TAIL_MAX_POINTS - 8)

/* -log2 of the generalised Pareto's survival function at an excess, a straight line near its end. */
extern double tail_excess_bits(double excess, double scale, double shape);

/* Fits a generalised Pareto distribution to a0 = mean excess and a1 = mean of excess * share of the greater ones. */
extern void tail_fit_moments(double a0, double a1, float *scale, float *shape);

/* Adds a point unless a point has that score or a greater one. */
extern void tail_add_point(Tail *tail, float score, double bits);

/* Lets an exponential tail follow the greatest of ascending scores, which is the last point; all but the share. */
extern void tail_follow_greatest(const float *scores, int64 n, Tail *tail);

#endif							/* LEARN_TAIL_PRIVATE_H */
