/*-------------------------------------------------------------------------
 *
 * value_number.c
 *	  Integers, floats, numeric and money as float8, and their hashes.
 *
 * A numeric is read in place.  On disk it is a header and digits of base 10,000, most
 * significant first, without zeros at either end: it is whole when no digit stands
 * behind the point.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/int.h"
#include "utils/cash.h"
#include "utils/float.h"
#include "utils/numeric.h"

#include "profile/value_int.h"

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

/* Digits of base 10,000 whose number surely fits 64 bits, and decimal digits that float8 keeps. */
#define NUMERIC_FITS 4
#define EXACT_LIMIT UINT64CONST(1000000000000000)
/* float8 has all powers of ten up to this one. */
#define EXACT_POWER 22
/* Bytes of digits that are hashed without an allocation. */
#define HASHED_BYTES 64

static const double powers_of_ten[] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
};

/* A numeric taken apart: sign, and digits times 10,000 to the power of (weight - ndigits + 1). */
typedef struct Parts
{
	bool		negative;
	int			weight;
	int			ndigits;
	const unsigned char *digits;	/* int16 each, not aligned */
} Parts;

/* Gives one digit of base 10,000. */
static inline int
digit_at(const Parts *parts, int i)
{
	int16		digit;

	memcpy(&digit, parts->digits + i * sizeof(int16), sizeof(int16));
	return digit;
}

/* Takes a numeric's bytes apart; false when it is NaN or infinite, which is then in special. */
static inline bool
numeric_parts(const unsigned char *data, int size, Parts *parts, double *special)
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

/* Gives value * 10^exponent, rounded once. */
static double
scale_exactly(uint64 value, int exponent)
{
	char		text[48];

	if (exponent >= 0 && exponent <= EXACT_POWER)
		return (double) value * powers_of_ten[exponent];
	if (exponent < 0 && exponent >= -EXACT_POWER)
		return (double) value / powers_of_ten[-exponent];
	snprintf(text, sizeof(text), UINT64_FORMAT "e%d", value, exponent);
	return strtod(text, NULL);
}

/* Gives the hash of a numeric that neither int64 nor float8 holds: of its sign, weight and digits. */
static uint64
hash_digits(const Parts *parts)
{
	char		buffer[HASHED_BYTES];
	int			size = 3 + 2 * parts->ndigits;
	char	   *bytes = size <= HASHED_BYTES ? buffer : palloc(size);
	char	   *at = bytes;
	uint64		hash;

	*at++ = parts->negative ? '-' : '+';
	*at++ = (char) ((parts->weight >> 8) & 0xff);
	*at++ = (char) (parts->weight & 0xff);
	for (int i = 0; i < parts->ndigits; i++)
	{
		int			digit = digit_at(parts, i);

		*at++ = (char) ((digit >> 8) & 0xff);
		*at++ = (char) (digit & 0xff);
	}
	hash = hash_text(HASH_REAL, bytes, size);
	if (bytes != buffer)
		pfree(bytes);
	return hash;
}

/* Says whether a numeric of five digits that is whole fits int64, and gives it. */
static bool
numeric_fits(const Parts *parts, uint64 value, int64 *whole)
{
	uint64		limit = (uint64) PG_INT64_MAX + (parts->negative ? 1 : 0);
	uint64		last = digit_at(parts, NUMERIC_FITS);

	if (parts->ndigits != NUMERIC_FITS + 1 || parts->weight != NUMERIC_FITS || value > (limit - last) / NUMERIC_BASE)
		return false;
	value = value * NUMERIC_BASE + last;
	*whole = (int64) (parts->negative ? 0 - value : value);
	return true;
}

/* Reads a numeric of more digits than float8 holds; value is its first four. */
static double
numeric_long(const Parts *parts, uint64 value, uint64 *hash)
{
	int			used = NUMERIC_FITS;
	int64		whole;
	double		number;

	if (numeric_fits(parts, value, &whole))
	{
		*hash = value_hash_whole(whole);
		return (double) whole;
	}
	if (value < EXACT_LIMIT)
	{
		value = value * NUMERIC_BASE + digit_at(parts, used++);
		number = scale_exactly(value, (parts->weight - used + 1) * NUMERIC_BASE_LOG);
	}
	else
		number = scale_exactly(value, (parts->weight - used + 1) * NUMERIC_BASE_LOG) +
			scale_exactly(digit_at(parts, used), (parts->weight - used) * NUMERIC_BASE_LOG);
	*hash = hash_digits(parts);
	return parts->negative && number != 0.0 ? -number : number;
}

/* Removes zeros from the end of a number whose last four digits are given, and says how many. */
static inline int
strip_zeros(uint64 *value, int last)
{
	if (last % 10 != 0)
		return 0;
	if (last % 100 != 0)
	{
		*value /= 10;
		return 1;
	}
	if (last % 1000 != 0)
	{
		*value /= 100;
		return 2;
	}
	*value /= 1000;
	return 3;
}

/* Says whether a whole numeric of at most four digits fits int64, and gives it. */
static inline bool
numeric_whole(const Parts *parts, uint64 value, int exponent, int64 *whole)
{
	/* Powers of 10,000 that int64 holds. */
	static const int64 powers[] = {1, 10000, 100000000, INT64CONST(1000000000000), INT64CONST(10000000000000000)};

	*whole = (int64) value;
	if (exponent > 0)
	{
		exponent /= NUMERIC_BASE_LOG;
		if (exponent >= lengthof(powers) || pg_mul_s64_overflow(*whole, powers[exponent], whole))
			return false;
	}
	if (parts->negative)
		*whole = -*whole;
	return true;
}

/* Gives the number and the hash of a numeric of at most 15 decimal digits, which float8 tells apart; of others too. */
static double
numeric_short(const Parts *parts, uint64 value, int exponent, uint64 *hash)
{
	double		number = scale_exactly(value, exponent);

	if (parts->negative && number != 0.0)
		number = -number;
	if (value < EXACT_LIMIT && number != 0.0 && !isinf(number))
		*hash = value_hash_real(number);
	else
		*hash = hash_digits(parts);
	return number;
}

/* Gives the number and the hash of a finite numeric. */
static double
numeric_finite(const Parts *parts, uint64 *hash)
{
	int			exponent = (parts->weight - parts->ndigits + 1) * NUMERIC_BASE_LOG;
	uint64		value = 0;
	uint64		more;
	int64		whole;
	int			last = 0;

	for (int i = 0; i < Min(parts->ndigits, NUMERIC_FITS); i++)
	{
		last = digit_at(parts, i);
		value = value * NUMERIC_BASE + last;
	}
	if (value == 0)
	{
		*hash = value_hash_whole(0);
		return 0.0;
	}
	if (parts->ndigits <= NUMERIC_FITS)
	{
		if (exponent >= 0 && numeric_whole(parts, value, exponent, &whole))
		{
			*hash = value_hash_whole(whole);
			return (double) whole;
		}
		if (exponent >= 0 || value >= EXACT_LIMIT)
			exponent += strip_zeros(&value, last);
		return numeric_short(parts, value, exponent, hash);
	}

	/* A fifth digit may be all zeros but its first: 12.3456789012345 has 15 digits in five. */
	if (parts->ndigits > NUMERIC_FITS + 1 || value >= EXACT_LIMIT)
		return numeric_long(parts, value, hash);
	last = digit_at(parts, NUMERIC_FITS);
	more = value * NUMERIC_BASE + last;
	if (exponent >= 0 && numeric_fits(parts, value, &whole))
	{
		*hash = value_hash_whole(whole);
		return (double) whole;
	}
	exponent += strip_zeros(&more, last);
	return numeric_short(parts, more, exponent, hash);
}

/* Gives the number and the hash of a numeric, and its size. */
double
value_numeric(Datum *datum, uint64 *hash, int *len)
{
	const unsigned char *data = (const unsigned char *) value_varlena(datum, len);
	Parts		parts;
	double		special;

	if (likely(numeric_parts(data, *len, &parts, &special)))
		return numeric_finite(&parts, hash);
	*hash = value_hash_real(special);
	return special;
}

/* Gives an amount in its unit, and the hash of that. */
static inline double
read_money(Cash cents, uint64 *hash)
{
	int			len;
	Datum		datum;

	if (cents % 100 == 0)
	{
		*hash = value_hash_whole(cents / 100);
		return (double) (cents / 100);
	}
	if (cents > -(int64) EXACT_LIMIT && cents < (int64) EXACT_LIMIT)
	{
		*hash = value_hash_real((double) cents / 100.0);
		return (double) cents / 100.0;
	}
	datum = NumericGetDatum(int64_div_fast_to_numeric(cents, 2));
	return value_numeric(&datum, hash, &len);
}

/* Reads a block of numbers and booleans. */
void
value_read_number(const ValueReader *reader, ValueBlock *block)
{
	int			n = block->n;
	Datum	   *datums = block->datums;
	double	   *numbers = block->numbers;
	uint64	   *hashes = block->hashes;
	int			len;

	switch (reader->form)
	{
		case VALUE_FORM_BOOL:
			for (int i = 0; i < n; i++)
			{
				numbers[i] = DatumGetBool(datums[i]) ? 1.0 : 0.0;
				hashes[i] = hash_bits(HASH_BOOL, DatumGetBool(datums[i]) ? 1 : 0);
			}
			break;
		case VALUE_FORM_INT2:
			for (int i = 0; i < n; i++)
			{
				numbers[i] = (double) DatumGetInt16(datums[i]);
				hashes[i] = value_hash_whole(DatumGetInt16(datums[i]));
			}
			break;
		case VALUE_FORM_INT4:
			for (int i = 0; i < n; i++)
			{
				numbers[i] = (double) DatumGetInt32(datums[i]);
				hashes[i] = value_hash_whole(DatumGetInt32(datums[i]));
			}
			break;
		case VALUE_FORM_INT8:
			for (int i = 0; i < n; i++)
			{
				numbers[i] = (double) DatumGetInt64(datums[i]);
				hashes[i] = value_hash_whole(DatumGetInt64(datums[i]));
			}
			break;
		case VALUE_FORM_OID:
			for (int i = 0; i < n; i++)
			{
				numbers[i] = (double) DatumGetObjectId(datums[i]);
				hashes[i] = value_hash_whole((int64) DatumGetObjectId(datums[i]));
			}
			break;
		case VALUE_FORM_MONEY:
			for (int i = 0; i < n; i++)
				numbers[i] = read_money(DatumGetCash(datums[i]), &hashes[i]);
			break;
		case VALUE_FORM_FLOAT4:
			for (int i = 0; i < n; i++)
			{
				numbers[i] = (double) DatumGetFloat4(datums[i]) + 0.0;
				hashes[i] = value_hash_real(numbers[i]);
			}
			break;
		case VALUE_FORM_FLOAT8:
			for (int i = 0; i < n; i++)
			{
				numbers[i] = DatumGetFloat8(datums[i]) + 0.0;
				hashes[i] = value_hash_real(numbers[i]);
			}
			break;
		default:
			Assert(reader->form == VALUE_FORM_NUMERIC);
			for (int i = 0; i < n; i++)
			{
				numbers[i] = value_numeric(&datums[i], &hashes[i], &len);
				block->bytes += len;
			}
			return;
	}
	block->bytes = (int64) reader->typlen * n;
}
