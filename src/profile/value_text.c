/*-------------------------------------------------------------------------
 *
 * value_text.c
 *	  What is read as text: strings, enums, uuids, addresses, and whatever has an output function only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/socket.h>

#include "access/detoast.h"
#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "port/pg_bswap.h"
#include "utils/inet.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

#include "profile/value_int.h"

/* Characters of a uuid; and of an IPv4 address with its prefix, at most. */
#define UUID_TEXT 36
#define IPV4_TEXT 18
/* Characters of a "char": an octal escape, at most. */
#define CHAR_TEXT 4

/* A label of an enum that was read already. */
typedef struct ValueLabel
{
	Oid			oid;			/* hash key */
	int			len;
	uint64		hash;
	char		text[NAMEDATALEN];
} ValueLabel;

/* Gives the hash of a text that ends in a digit: as a whole number where it is written as int8 would be, in at most 18 digits. */
uint64
value_hash_digits(const char *text, int len)
{
	const char *at = text;
	const char *end = text + len;
	int64		value = 0;
	bool		negative = (*at == '-');

	at += negative;
	if (at == end || end - at > 18 || (*at == '0' && (negative || end - at > 1)))
		return hash_text(HASH_TEXT, text, len);
	for (; at < end; at++)
	{
		unsigned int digit = (unsigned char) *at - '0';

		if (digit > 9)
			return hash_text(HASH_TEXT, text, len);
		value = value * 10 + digit;
	}
	return value_hash_whole(negative ? -value : value);
}

/* Reads texts and json in place. */
static void
read_strings(ValueBlock *block)
{
	for (int i = 0; i < block->n; i++)
	{
		int			len;
		const char *text = value_varlena(&block->datums[i], &len);

		block->texts[i] = text;
		block->lengths[i] = len;
		block->bytes += len;
		block->hashes[i] = value_hash_string(text, len);
	}
}

/* Reads padded texts in place, without their padding. */
static void
read_padded(ValueBlock *block)
{
	for (int i = 0; i < block->n; i++)
	{
		int			len;
		const char *text = value_varlena(&block->datums[i], &len);

		block->bytes += len;
		while (len > 0 && text[len - 1] == ' ')
			len--;
		block->texts[i] = text;
		block->lengths[i] = len;
		block->hashes[i] = value_hash_string(text, len);
	}
}

/* Reads names in place. */
static void
read_names(ValueBlock *block)
{
	for (int i = 0; i < block->n; i++)
	{
		const char *text = NameStr(*DatumGetName(block->datums[i]));
		int			len = (int) strnlen(text, NAMEDATALEN);

		block->texts[i] = text;
		block->lengths[i] = len;
		block->hashes[i] = value_hash_string(text, len);
	}
	block->bytes = (int64) NAMEDATALEN * block->n;
}

/* Writes each "char", or its octal escape when it is no ASCII, as the output function of newer servers does. */
static void
read_chars(ValueBlock *block)
{
	char	   *out = palloc(CHAR_TEXT * PROFILE_BLOCK);

	for (int i = 0; i < block->n; i++, out += CHAR_TEXT)
	{
		unsigned char c = (unsigned char) DatumGetChar(block->datums[i]);
		int			len = (c != '\0') ? 1 : 0;

		out[0] = (char) c;
		if (IS_HIGHBIT_SET(c))
		{
			out[0] = '\\';
			out[1] = (char) ('0' + (c >> 6));
			out[2] = (char) ('0' + ((c >> 3) & 7));
			out[3] = (char) ('0' + (c & 7));
			len = CHAR_TEXT;
		}
		block->texts[i] = out;
		block->lengths[i] = len;
		block->hashes[i] = value_hash_string(out, len);
	}
	block->bytes = block->n;
}

/* Reads an enum's label and remembers it as long as the reader lives. */
static ValueLabel *
enum_label(ValueReader *reader, Oid oid)
{
	ValueLabel *label;
	bool		found;
	HeapTuple	tuple;

	if (reader->labels == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(ValueLabel);
		ctl.hcxt = reader->context;
		reader->labels = hash_create("aipipe value labels", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	label = hash_search(reader->labels, &oid, HASH_FIND, NULL);
	if (label != NULL)
		return label;
	tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(oid));
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid internal value for enum: %u", oid)));
	label = hash_search(reader->labels, &oid, HASH_ENTER, &found);
	strlcpy(label->text, NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel), NAMEDATALEN);
	ReleaseSysCache(tuple);
	label->len = (int) strlen(label->text);
	label->hash = value_hash_string(label->text, label->len);
	return label;
}

/* Reads enums. */
static void
read_enums(ValueReader *reader, ValueBlock *block)
{
	for (int i = 0; i < block->n; i++)
	{
		Oid			oid = DatumGetObjectId(block->datums[i]);
		ValueLabel **recent = &reader->recent[oid % PROFILE_BLOCK];

		if (*recent == NULL || (*recent)->oid != oid)
			*recent = enum_label(reader, oid);
		block->texts[i] = (*recent)->text;
		block->lengths[i] = (*recent)->len;
		block->hashes[i] = (*recent)->hash;
	}
	block->bytes = (int64) sizeof(Oid) * block->n;
}

/* Writes four bytes as eight hexadecimal digits, all at once: a half byte in each byte of a word. */
static inline void
write_hex(const unsigned char *bytes, char *out)
{
	uint64		word = bytes[0] | (uint64) bytes[1] << 16 | (uint64) bytes[2] << 32 | (uint64) bytes[3] << 48;
	uint64		halves = ((word >> 4) & UINT64CONST(0x000f000f000f000f)) | ((word & UINT64CONST(0x000f000f000f000f)) << 8);
	uint64		letters = ((halves + UINT64CONST(0x0606060606060606)) >> 4) & UINT64CONST(0x0101010101010101);
	uint64		digits = halves + UINT64CONST(0x3030303030303030) + letters * ('a' - '0' - 10);

#ifdef WORDS_BIGENDIAN
	digits = pg_bswap64(digits);
#endif
	memcpy(out, &digits, sizeof(digits));
}

/* Writes each uuid in its usual form. */
static void
read_uuids(ValueBlock *block)
{
	char	   *out = palloc(UUID_TEXT * PROFILE_BLOCK);

	for (int i = 0; i < block->n; i++, out += UUID_TEXT)
	{
		const unsigned char *bytes = DatumGetUUIDP(block->datums[i])->data;
		char		hex[32];

		for (int k = 0; k < 4; k++)
			write_hex(bytes + 4 * k, hex + 8 * k);
		memcpy(out, hex, 8);
		out[8] = '-';
		memcpy(out + 9, hex + 8, 4);
		out[13] = '-';
		memcpy(out + 14, hex + 12, 4);
		out[18] = '-';
		memcpy(out + 19, hex + 16, 4);
		out[23] = '-';
		memcpy(out + 24, hex + 20, 12);
		block->texts[i] = out;
		block->lengths[i] = UUID_TEXT;
		block->hashes[i] = hash_text(HASH_TEXT, out, UUID_TEXT);
	}
	block->bytes = (int64) UUID_LEN * block->n;
}

/* Writes a number below 1,000 and gives where it ends. */
static inline char *
write_small(unsigned int value, char *out)
{
	if (value >= 100)
		*out++ = (char) ('0' + value / 100);
	if (value >= 10)
		*out++ = (char) ('0' + value / 10 % 10);
	*out++ = (char) ('0' + value % 10);
	return out;
}

/* Writes an IPv4 address, with its prefix where the type's output has it. */
static int
write_ipv4(const inet *address, bool prefix, char *out)
{
	const unsigned char *bytes = ip_addr(address);
	char	   *at = out;

	for (int i = 0; i < 4; i++)
	{
		if (i > 0)
			*at++ = '.';
		at = write_small(bytes[i], at);
	}
	if (prefix || ip_bits(address) != 32)
	{
		*at++ = '/';
		at = write_small(ip_bits(address), at);
	}
	return (int) (at - out);
}

/* Reads addresses and networks: IPv4 is written here. */
static void
read_addresses(ValueReader *reader, ValueBlock *block)
{
	char	   *out = palloc(IPV4_TEXT * PROFILE_BLOCK);
	bool		cidr = (reader->base == CIDROID);

	for (int i = 0; i < block->n; i++)
	{
		int			len;
		inet	   *address;

		(void) value_varlena(&block->datums[i], &len);
		block->bytes += len;
		address = DatumGetInetPP(block->datums[i]);
		if (ip_family(address) == PGSQL_AF_INET)
		{
			block->texts[i] = out;
			block->lengths[i] = write_ipv4(address, cidr, out);
			out += block->lengths[i];
		}
		else
		{
			block->texts[i] = OutputFunctionCall(&reader->output, block->datums[i]);
			block->lengths[i] = (int) strlen(block->texts[i]);
		}
		block->hashes[i] = hash_text(HASH_TEXT, block->texts[i], block->lengths[i]);
	}
}

/* Reads whatever has an output function, with the settings that it depends on pinned. */
static void
read_outputs(ValueReader *reader, ValueBlock *block)
{
	int			level = pin_begin(reader->needs);

	for (int i = 0; i < block->n; i++)
	{
		const char *text = OutputFunctionCall(&reader->output, block->datums[i]);
		int			len = (int) strlen(text);

		block->texts[i] = text;
		block->lengths[i] = len;
		if (reader->typlen > 0)
			block->bytes += reader->typlen;
		else if (reader->typlen == -1)
			block->bytes += toast_raw_datum_size(block->datums[i]) - VARHDRSZ;
		else
			block->bytes += len;
		block->hashes[i] = value_hash_string(text, len);
	}
	pin_end(level);
}

/* Reads a block of what is read as text. */
void
value_read_text(ValueReader *reader, ValueBlock *block)
{
	switch (reader->form)
	{
		case VALUE_FORM_TEXT:
			read_strings(block);
			break;
		case VALUE_FORM_BPCHAR:
			read_padded(block);
			break;
		case VALUE_FORM_NAME:
			read_names(block);
			break;
		case VALUE_FORM_CHAR:
			read_chars(block);
			break;
		case VALUE_FORM_ENUM:
			read_enums(reader, block);
			break;
		case VALUE_FORM_UUID:
			read_uuids(block);
			break;
		case VALUE_FORM_INET:
			read_addresses(reader, block);
			break;
		default:
			Assert(reader->form == VALUE_FORM_OUTPUT);
			read_outputs(reader, block);
			break;
	}
}
