/*-------------------------------------------------------------------------
 *
 * hash.c
 *	  The 64-bit hash of bytes.
 *
 * The construction is that of wyhash (Wang Yi, public domain): 16 bytes at a time
 * are multiplied to 128 bits, whose halves are folded; what is left at the end overlaps
 * what was read already.  Bytes are read least first on every machine.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bswap.h"

#include "profile/hash.h"

/* Odd numbers with as many ones as zeros in each byte, as wyhash asks of its secret. */
#define SECRET_0 UINT64CONST(0x2d358dccaa6c78a5)
#define SECRET_1 UINT64CONST(0x8bb84b93962eacc9)
#define SECRET_2 UINT64CONST(0x4b33a62ed433d4a3)

/* What the hash of a text begins with: hash_mix((HASH_TEXT + 1) * SECRET_2). */
#define SEED_TEXT UINT64CONST(0x51ef4e686471229f)

/* Multiplies to 128 bits. */
static inline void
multiply(uint64 a, uint64 b, uint64 *low, uint64 *high)
{
#ifdef HAVE_INT128
	uint128		product = (uint128) a * b;

	*low = (uint64) product;
	*high = (uint64) (product >> 64);
#else
	uint64		a0 = (uint32) a;
	uint64		a1 = a >> 32;
	uint64		b0 = (uint32) b;
	uint64		b1 = b >> 32;
	uint64		middle = a1 * b0 + (a0 * b0 >> 32);
	uint64		other = a0 * b1 + (uint32) middle;

	*low = a * b;
	*high = a1 * b1 + (middle >> 32) + (other >> 32);
#endif
}

/* Multiplies to 128 bits and folds the halves. */
static inline uint64
fold(uint64 a, uint64 b)
{
	uint64		low;
	uint64		high;

	multiply(a, b, &low, &high);
	return low ^ high;
}

/* Reads eight bytes, least first. */
static inline uint64
read8(const char *at)
{
	uint64		value;

	memcpy(&value, at, sizeof(value));
#ifdef WORDS_BIGENDIAN
	value = pg_bswap64(value);
#endif
	return value;
}

/* Reads four bytes, least first. */
static inline uint64
read4(const char *at)
{
	uint32		value;

	memcpy(&value, at, sizeof(value));
#ifdef WORDS_BIGENDIAN
	value = pg_bswap32(value);
#endif
	return value;
}

/* Gives the hash of bytes. */
uint64
hash_text(HashSort sort, const char *bytes, Size len)
{
	uint64		seed = sort == HASH_TEXT ? SEED_TEXT : hash_mix((uint64) (sort + 1) * SECRET_2);
	uint64		a;
	uint64		b;

	if (len > 16)
	{
		Size		left = len;

		for (; left > 16; left -= 16, bytes += 16)
			seed = fold(read8(bytes) ^ SECRET_1, read8(bytes + 8) ^ seed);
		a = read8(bytes + left - 16);
		b = read8(bytes + left - 8);
	}
	else if (len >= 8)
	{
		a = read8(bytes);
		b = read8(bytes + len - 8);
	}
	else if (len >= 4)
	{
		a = read4(bytes);
		b = read4(bytes + len - 4);
	}
	else if (len > 0)
	{
		const unsigned char *at = (const unsigned char *) bytes;

		a = (uint64) at[0] << 16 | (uint64) at[len >> 1] << 8 | at[len - 1];
		b = 0;
	}
	else
		a = b = 0;
	multiply(a ^ SECRET_1, b ^ seed, &a, &b);
	return fold(a ^ SECRET_0 ^ len, b ^ SECRET_1);
}
