/*-------------------------------------------------------------------------
 *
 * bytes.c
 *	  Reading and writing the numbers of a stored sketch.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"

#include "profile/bytes.h"

/* Ends with the error that says what is wrong with the bytes. */
void
bytes_error(const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid sketch"),
			 errdetail("%s", why)));
}

/* Gives the next len bytes and steps over them. */
const char *
bytes_take(Bytes *b, Size len)
{
	const unsigned char *at = b->at;

	if (len > (Size) (b->end - at))
		bytes_error("It ends too early.");
	b->at += len;
	return (const char *) at;
}

/* Gives bytes as text that is valid in this database. */
const char *
bytes_text(const char *bytes, int len)
{
	char	   *text;

	if (pg_verify_mbstr(GetDatabaseEncoding(), bytes, len, true))
		return bytes;
	text = palloc(len);
	for (int i = 0; i < len; i++)
		text[i] = (bytes[i] != '\0' && !IS_HIGHBIT_SET(bytes[i])) ? bytes[i] : '?';
	return text;
}

/* Reads an unsigned number of so many bytes in network order. */
static uint64
bytes_fixed(Bytes *b, int width)
{
	const unsigned char *at = (const unsigned char *) bytes_take(b, width);
	uint64		value = 0;

	for (int i = 0; i < width; i++)
		value = value << 8 | at[i];
	return value;
}

/* Reads a byte. */
uint8
bytes_uint8(Bytes *b)
{
	return (uint8) bytes_fixed(b, 1);
}

/* Reads two bytes. */
uint16
bytes_uint16(Bytes *b)
{
	return (uint16) bytes_fixed(b, 2);
}

/* Reads four bytes. */
uint32
bytes_uint32(Bytes *b)
{
	return (uint32) bytes_fixed(b, 4);
}

/* Reads eight bytes. */
uint64
bytes_uint64(Bytes *b)
{
	return bytes_fixed(b, 8);
}

/* Reads a float8, which may be anything; whoever asks for it checks it. */
double
bytes_double(Bytes *b)
{
	uint64		bits = bytes_fixed(b, 8);
	double		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Reads 64 bits as a varint in its shortest form. */
uint64
bytes_varint(Bytes *b)
{
	uint64		value = 0;

	for (int shift = 0; shift < 64; shift += 7)
	{
		uint8		byte = bytes_uint8(b);

		if (shift == 63 && byte > 1)
			break;
		value |= (uint64) (byte & 0x7f) << shift;
		if ((byte & 0x80) == 0)
		{
			if (byte == 0 && shift > 0)
				bytes_error("A number is not written in its shortest form.");
			return value;
		}
	}
	bytes_error("A number is too long.");
}

/* Reads a count that must be within bounds. */
int64
bytes_count(Bytes *b, int64 min, int64 max)
{
	uint64		value = bytes_varint(b);

	if (value > (uint64) PG_INT64_MAX || (int64) value < min || (int64) value > max)
		bytes_error("A count is out of range.");
	return (int64) value;
}

/* Writes 64 bits as a varint. */
void
bytes_put_varint(StringInfo out, uint64 value)
{
	while (value >= 0x80)
	{
		appendStringInfoCharMacro(out, (char) (value | 0x80));
		value >>= 7;
	}
	appendStringInfoCharMacro(out, (char) value);
}

/* Writes a count, which is not negative. */
void
bytes_put_count(StringInfo out, int64 count)
{
	Assert(count >= 0);
	bytes_put_varint(out, (uint64) count);
}

/* Writes a float8. */
void
bytes_put_double(StringInfo out, double value)
{
	pq_sendfloat8(out, value);
}
