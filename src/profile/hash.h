/*
 * hash.h
 *	  The 64-bit hash of a value, the same in every column, type of its class, database and version.
 *
 * Equal values of different types hash alike, so that sketches of an integer, a
 * numeric and a text column of the same keys can be compared:
 *
 *		whole number that fits int64	integer rule, whatever its type (5, 5.0, numeric 5.00)
 *		other finite number				of its float8
 *		numeric that float8 cannot hold exactly in 15 digits	of its digits
 *		text that is written as a whole number of at most 18 digits ("-7", no leading zero or plus)	as that number
 *		other text						of its bytes; trailing blanks of bpchar do not count
 *		date, timestamp, timestamptz	of microseconds since 2000-01-01 (UTC): a date is its midnight
 *		interval, time, timetz			of microseconds, a month counted as 30 days, as = does; a zone other than UTC adds to it
 *		boolean							as itself
 *		uuid, inet, enum, json, other	as their text, so that a text column of the same keys compares
 *		array							of its dimensions and its elements' hashes
 *		bytea, jsonb					of their bytes (jsonb: 1.0 and 1.00 differ; machines of one byte order)
 *
 * NaN is one value, and -0 is 0.
 *
 * The hash is part of the sketch's stored format: it never changes.
 */
#ifndef PROFILE_HASH_H
#define PROFILE_HASH_H

#include "postgres.h"

/* What sort of value is hashed: different sorts never collide by construction of their seed. */
typedef enum HashSort
{
	HASH_INTEGER,
	HASH_REAL,
	HASH_TIME,
	HASH_BOOL,
	HASH_TEXT,
	HASH_OTHER,
	HASH_DURATION
} HashSort;

/* Spreads 64 bits over 64 bits: the finalizer of MurmurHash3 (Appleby), variant 13 (Stafford). */
static inline uint64
hash_mix(uint64 x)
{
	x = (x ^ (x >> 30)) * UINT64CONST(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64CONST(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* Hash of a value of 64 bits. */
static inline uint64
hash_bits(HashSort sort, uint64 bits)
{
	return hash_mix(bits + (uint64) (sort + 1) * UINT64CONST(0x9e3779b97f4a7c15));
}

/* Hash of bytes. */
extern uint64 hash_text(HashSort sort, const char *bytes, Size len);

#endif							/* PROFILE_HASH_H */
