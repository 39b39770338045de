/*
 * forest_walk.h
 *	  The innermost loop: eight walks down compiled trees at once.
 *
 * Inlined into forest_score.c, where a walk ends in a leaf, and into
 * forest_divide.c, where it also stays at a node whose missing value goes both ways.
 */
#ifndef LEARN_FOREST_WALK_H
#define LEARN_FOREST_WALK_H

#include <math.h>

#include "learn/forest_private.h"

#define LANES 8

/* Gives the code of a value that is not missing: its category when it is one that a slot has. */
static inline uint8
code_of(float value)
{
	return (value >= 0 && value < NARROW_CATEGORIES) ? (uint8) value : NARROW_ABSENT;
}

/*
 * Gives the node after this one for the value at index column << shift.  sets is
 * a constant NULL where all splits are numeric.  A categorical split's
 * threshold is NaN, so that the comparison says right and the set decides; a numeric
 * one's set holds everything, so that the comparison decides.  divides is a constant
 * too: with it nodes may bear the mark, and a walk stays where the row divides.
 */
static pg_attribute_always_inline const uint64 *
step(const uint64 *node, const float *values, const uint8 *codes, int shift, const uint32 *sets, bool divides)
{
	uint64		bits = *node;
	uint32		column = (uint32) ((bits >> 32) & 0xFFFF) << shift;
	float		threshold;
	uint32		right;

	memcpy(&threshold, node, sizeof(threshold));
	right = !(values[column] < threshold);
	if (sets != NULL)
	{
		uint32		low = (uint32) bits;
		uint32		slot = (low + 1) & NODE_CATEGORY_MASK & -(uint32) (low >= NODE_CATEGORY_MARK);
		uint32		code = codes[column];

		right &= sets[slot * NARROW_SLOT + code / 32] >> (code % 32);
	}
	if (divides)
	{
		/* a marked node looks at the column where missing is NaN */
		uint32		stays = (uint32) (bits >> 63) & isnan(values[column]);

		/* a mask, not a branch */
		return node + (((uint32) (bits >> 48 & NODE_DISTANCE_MASK) + right) & (stays - 1));
	}
	return node + (bits >> 48) + right;
}

/*
 * Takes eight walks down to their leaves, or to where they divide.  Their nodes live in registers between
 * the steps, so each is named.  Walk i looks at values + i * stride.
 */
static pg_attribute_always_inline void
walk_eight(const uint64 **nodes, int depth, const float *values, const uint8 *codes,
		   int shift, int stride, const uint32 *sets, bool divides)
{
	const uint64 *n0 = nodes[0];
	const uint64 *n1 = nodes[1];
	const uint64 *n2 = nodes[2];
	const uint64 *n3 = nodes[3];
	const uint64 *n4 = nodes[4];
	const uint64 *n5 = nodes[5];
	const uint64 *n6 = nodes[6];
	const uint64 *n7 = nodes[7];

	for (; depth > 0; depth--)
	{
		n0 = step(n0, values, codes, shift, sets, divides);
		n1 = step(n1, values + stride, codes + stride, shift, sets, divides);
		n2 = step(n2, values + 2 * stride, codes + 2 * stride, shift, sets, divides);
		n3 = step(n3, values + 3 * stride, codes + 3 * stride, shift, sets, divides);
		n4 = step(n4, values + 4 * stride, codes + 4 * stride, shift, sets, divides);
		n5 = step(n5, values + 5 * stride, codes + 5 * stride, shift, sets, divides);
		n6 = step(n6, values + 6 * stride, codes + 6 * stride, shift, sets, divides);
		n7 = step(n7, values + 7 * stride, codes + 7 * stride, shift, sets, divides);
	}
	nodes[0] = n0;
	nodes[1] = n1;
	nodes[2] = n2;
	nodes[3] = n3;
	nodes[4] = n4;
	nodes[5] = n5;
	nodes[6] = n6;
	nodes[7] = n7;
}

#endif							/* LEARN_FOREST_WALK_H */
