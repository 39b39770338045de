/*
 * bytes.h
 *	  Reading a stored sketch: every step is checked against the end.
 *
 * Numbers are in network order, as pq_send* of libpq writes them.  Whatever is not as written
 * is error 22P03 (invalid binary representation) naming what was wrong.
 */
#ifndef PROFILE_BYTES_H
#define PROFILE_BYTES_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "compat/compat.h"

typedef struct Bytes
{
	const unsigned char *at;
	const unsigned char *end;
} Bytes;

extern void bytes_error(const char *why) pg_attribute_noreturn();	/* errmsg "invalid sketch", the reason as its detail */

extern uint8 bytes_uint8(Bytes *b);
extern uint16 bytes_uint16(Bytes *b);
extern uint32 bytes_uint32(Bytes *b);
extern uint64 bytes_uint64(Bytes *b);
extern double bytes_double(Bytes *b);

/* 64 bits as a varint of 7 bits a byte, least first, in its shortest form; a count within bounds in the same form. */
extern uint64 bytes_varint(Bytes *b);
extern int64 bytes_count(Bytes *b, int64 min, int64 max);
extern const char *bytes_take(Bytes *b, Size len);

/*
 * Bytes as text that is valid in this database, of the same length: in place where they are; else, as in a sketch
 * from a database of another encoding, in CurrentMemoryContext with ? for all that is not ASCII.
 */
extern const char *bytes_text(const char *bytes, int len);

/* Readers of the parts; what they give was checked whole and is in CurrentMemoryContext. */
struct Quantiles;
struct Distinct;
struct MinHash;
struct Frequent;
struct Moments;

extern struct Quantiles *quantiles_read(Bytes *b);
extern struct Distinct *distinct_read(Bytes *b);
extern void minhash_read(Bytes *b, struct MinHash *m);
extern struct Frequent *frequent_read(Bytes *b, int stored);
extern void moments_read(Bytes *b, struct Moments *moments);

extern void bytes_put_varint(StringInfo out, uint64 value);
extern void bytes_put_count(StringInfo out, int64 count);
extern void bytes_put_double(StringInfo out, double value);
extern void moments_write(const struct Moments *moments, StringInfo out);

#endif							/* PROFILE_BYTES_H */
