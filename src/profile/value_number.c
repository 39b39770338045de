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

#include "core/numeric.h"
#include "profile/value_int.h"

/* Digits of base 10,000 whose number surely fits 64 bits, and decimal digits that float8 keeps. */
#define NUMERIC_FITS 4
#define EXACT_LIMIT UINT64CONST(1000000000000000)
/* Bytes of digits that are hashed without an allocation. */
#define HASHED_BYTES 64

/* Gives value * 10^exponent, rounded once, where float8 does not hold the power of ten. */
static pg_noinline double
scale_by_text(uint64 value, int exponent)
{
	char		text[48];

	snprintf(text, sizeof(text), UINT64_FORMAT "e%d", value, exponent);
	return strtod(text, NULL);
}

/* Gives value * 10^exponent, rounded once when value is below 2^53. */
static inline double
scale_exactly(uint64 value, int exponent)
{
	if (exponent < 0 && exponent >= -NUMERIC_EXACT_POWER && value <= (uint64) PG_INT64_MAX)
		return (double) (int64) value / numeric_powers_of_ten[-exponent];
	if (exponent >= 0 && exponent <= NUMERIC_EXACT_POWER && value <= (uint64) PG_INT64_MAX)
		return (double) (int64) value * numeric_powers_of_ten[exponent];
	return scale_by_text(value, exponent);
}

/* Gives the hash of a numeric that neither int64 nor float8 holds: of its sign, weight and digits. */
static pg_noinline uint64
hash_digits(const NumericParts *parts)
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
		int			digit = numeric_digit(parts, i);

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
numeric_fits(const NumericParts *parts, uint64 value, int64 *whole)
{
	uint64		limit = (uint64) PG_INT64_MAX + (parts->negative ? 1 : 0);
	uint64		last = numeric_digit(parts, NUMERIC_FITS);

	if (parts->ndigits != NUMERIC_FITS + 1 || parts->weight != NUMERIC_FITS || value > (limit - last) / NUMERIC_BASE)
		return false;
	value = value * NUMERIC_BASE + last;
	*whole = (int64) (parts->negative ? 0 - value : value);
	return true;
}

/* Reads a numeric of more digits than float8 holds; value is its first four. */
static pg_noinline double
numeric_long(const NumericParts *parts, uint64 value, uint64 *hash)
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
		value = value * NUMERIC_BASE + numeric_digit(parts, used++);
		number = scale_exactly(value, (parts->weight - used + 1) * NUMERIC_BASE_LOG);
	}
	else
		number = scale_exactly(value, (parts->weight - used + 1) * NUMERIC_BASE_LOG) +
			scale_exactly(numeric_digit(parts, used), (parts->weight - used) * NUMERIC_BASE_LOG);
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
numeric_whole(const NumericParts *parts, uint64 value, int exponent, int64 *whole)
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
static inline double
numeric_short(const NumericParts *parts, uint64 value, int exponent, uint64 *hash)
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
static inline double
numeric_finite(const NumericParts *parts, uint64 *hash)
{
	int			exponent = (parts->weight - parts->ndigits + 1) * NUMERIC_BASE_LOG;
	uint64		value = 0;
	uint64		more;
	int64		whole;
	int			last = 0;

	for (int i = 0; i < Min(parts->ndigits, NUMERIC_FITS); i++)
	{
		last = numeric_digit(parts, i);
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
	last = numeric_digit(parts, NUMERIC_FITS);
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
	NumericParts		parts;
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
