/*
 * forest_walk.h
 *	  The innermost loop: eight walks down compiled trees at once.
 *
 * forest_score.c lets them end in leaves.  In forest_divide.c a walk also stays where its row
 * divides: it has nodes of another form, see below, and its eight may be of different rows.
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

/* Says whether the set of a categorical split, or that of every numeric one, holds a code. */
static pg_attribute_always_inline uint32
set_holds(const uint32 *sets, uint32 low, uint32 code)
{
	uint32		slot = (low + 1) & NODE_CATEGORY_MASK & -(uint32) (low >= NODE_CATEGORY_MARK);

	return sets[slot * NARROW_SLOT + code / 32] >> (code % 32);
}

/*
 * Gives the node after this one for the value at index column << shift.  sets is
 * a constant NULL where all splits are numeric.  A categorical split's
 * threshold is NaN, so that the comparison says right and the set decides; a numeric
 * one's set holds everything, so that the comparison decides.
 */
static pg_attribute_always_inline const uint64 *
step(const uint64 *node, const float *values, const uint8 *codes, int shift, const uint32 *sets)
{
	uint64		bits = *node;
	uint32		column = (uint32) ((bits >> 32) & 0xFFFF) << shift;
	float		threshold;
	uint32		right;

	memcpy(&threshold, node, sizeof(threshold));
	right = !(values[column] < threshold);
	if (sets != NULL)
		right &= set_holds(sets, (uint32) bits, codes[column]);
	return node + (bits >> 48) + right;
}

/*
 * Takes eight walks down to their leaves.  Their nodes live in registers between
 * the steps, so each is named.  Walk i looks at values + i * stride.
 */
static pg_attribute_always_inline void
walk_eight(const uint64 **nodes, int depth, const float *values, const uint8 *codes,
		   int shift, int stride, const uint32 *sets)
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
		n0 = step(n0, values, codes, shift, sets);
		n1 = step(n1, values + stride, codes + stride, shift, sets);
		n2 = step(n2, values + 2 * stride, codes + 2 * stride, shift, sets);
		n3 = step(n3, values + 3 * stride, codes + 3 * stride, shift, sets);
		n4 = step(n4, values + 4 * stride, codes + 4 * stride, shift, sets);
		n5 = step(n5, values + 5 * stride, codes + 5 * stride, shift, sets);
		n6 = step(n6, values + 6 * stride, codes + 6 * stride, shift, sets);
		n7 = step(n7, values + 7 * stride, codes + 7 * stride, shift, sets);
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

/*
 * Gives the node after this one of the form that divides, see forest_private.h: the same one where the row
 * divides.  Behind a column's values lie as many masks: all ones, or zero where a missing value is what holds a walk.
 */
static pg_attribute_always_inline const uint64 *
dividing_step(const uint64 *node, const float *values, const uint8 *codes, int shift, const uint32 *sets)
{
	uint64		bits = *node;
	uint32		column = dividing_column(bits);
	uint32		at = column << (shift + 1);
	float		threshold;
	uint32		right;
	uint32		goes;

	memcpy(&threshold, node, sizeof(threshold));
	right = !(values[at] < threshold);
	if (sets != NULL)
		right &= set_holds(sets, (uint32) bits, codes[column << shift]);
	memcpy(&goes, values + at + ((Size) 1 << shift), sizeof(goes));
	return node + ((dividing_distance(bits) + right) & goes);
}

/* Takes eight walks down to their leaves or to where they divide; walk i is one of the row at rows[i]. */
static pg_attribute_always_inline void
dividing_eight(const uint64 **nodes, int depth, const float *values, const uint8 *codes,
			   int shift, const uint32 *rows, const uint32 *sets)
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
		n0 = dividing_step(n0, values + rows[0], codes + rows[0], shift, sets);
		n1 = dividing_step(n1, values + rows[1], codes + rows[1], shift, sets);
		n2 = dividing_step(n2, values + rows[2], codes + rows[2], shift, sets);
		n3 = dividing_step(n3, values + rows[3], codes + rows[3], shift, sets);
		n4 = dividing_step(n4, values + rows[4], codes + rows[4], shift, sets);
		n5 = dividing_step(n5, values + rows[5], codes + rows[5], shift, sets);
		n6 = dividing_step(n6, values + rows[6], codes + rows[6], shift, sets);
		n7 = dividing_step(n7, values + rows[7], codes + rows[7], shift, sets);
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
