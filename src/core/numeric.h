/*
 * numeric.h
 *	  A numeric taken apart where it lies: no allocation, no detour over its text.
 *
 * On disk, a numeric is a header and digits of base 10,000, most significant first;
 * the server keeps its layout to itself (utils/adt/numeric.c), so it is written down once here.
 */
#ifndef CORE_NUMERIC_H
#define CORE_NUMERIC_H

#include "utils/float.h"

#define NUMERIC_BASE 10000
#define NUMERIC_BASE_LOG 4
#define NUMERIC_FORM_MASK 0xC000
#define NUMERIC_FORM_NEGATIVE 0x4000
#define NUMERIC_FORM_SHORT 0x8000
#define NUMERIC_FORM_SPECIAL 0xC000
#define NUMERIC_SPECIAL_MASK 0xF000
#define NUMERIC_SPECIAL_PLUS_INF 0xD000
#define NUMERIC_SPECIAL_MINUS_INF 0xF000
#define NUMERIC_SHORT_NEGATIVE 0x2000
#define NUMERIC_SHORT_WEIGHT_NEGATIVE 0x0040
#define NUMERIC_SHORT_WEIGHT 0x003F

/* float8 holds all powers of ten up to this one. */
#define NUMERIC_EXACT_POWER 22

static const double numeric_powers_of_ten[NUMERIC_EXACT_POWER + 1] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
};

/* Sign, and digits times 10,000 to the power of (weight - ndigits + 1). */
typedef struct NumericParts
{
	bool		negative;
	int			weight;
	int			ndigits;
	const unsigned char *digits;	/* int16 each, not aligned */
} NumericParts;

/* Gives one digit of base 10,000. */
static inline int
numeric_digit(const NumericParts *parts, int i)
{
	int16		digit;

	memcpy(&digit, parts->digits + i * sizeof(int16), sizeof(int16));
	return digit;
}

/* Takes the bytes behind a numeric's length apart; false when it is NaN or infinite, which is then in special. */
static inline bool
numeric_parts(const unsigned char *data, int size, NumericParts *parts, double *special)
{
	uint16		header;

	*special = get_float8_nan();
	if (size < (int) sizeof(uint16))
		return false;
	memcpy(&header, data, sizeof(uint16));
	data += sizeof(uint16);
	size -= sizeof(uint16);
	if (likely((header & NUMERIC_FORM_MASK) == NUMERIC_FORM_SHORT))
	{
		parts->negative = (header & NUMERIC_SHORT_NEGATIVE) != 0;
		parts->weight = header & NUMERIC_SHORT_WEIGHT;
		if (header & NUMERIC_SHORT_WEIGHT_NEGATIVE)
			parts->weight -= NUMERIC_SHORT_WEIGHT + 1;
	}
	else if ((header & NUMERIC_FORM_MASK) == NUMERIC_FORM_SPECIAL)
	{
		if ((header & NUMERIC_SPECIAL_MASK) == NUMERIC_SPECIAL_PLUS_INF)
			*special = get_float8_infinity();
		else if ((header & NUMERIC_SPECIAL_MASK) == NUMERIC_SPECIAL_MINUS_INF)
			*special = -get_float8_infinity();
		return false;
	}
	else
	{
		int16		weight;

		if (size < (int) sizeof(int16))
			return false;
		parts->negative = (header & NUMERIC_FORM_MASK) == NUMERIC_FORM_NEGATIVE;
		memcpy(&weight, data, sizeof(int16));
		parts->weight = weight;
		data += sizeof(int16);
		size -= sizeof(int16);
	}
	parts->digits = data;
	parts->ndigits = size / (int) sizeof(int16);
	return true;
}

#endif							/* CORE_NUMERIC_H */
