/*-------------------------------------------------------------------------
 *
 * encoder_text.c
 *	  The text form of a column's values.
 *
 * Only as much of a value is detoasted as the caller looks at.  Forms that are
 * made by output functions are read with the settings pinned that they depend on,
 * so that a value has one text whatever the session says.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

#include "compat/compat.h"
#include "core/encoder_int.h"

static const char hex_digits[] = "0123456789abcdef";

/* Prepares to read values of a type. */
void
encoder_reader_init(EncoderReader *reader, const EncoderType *type)
{
	memset(reader, 0, sizeof(EncoderReader));
	reader->form = type->form;
	if (type->form == FORM_OUTPUT)
	{
		Oid			output;
		bool		varlena;

		getTypeOutputInfo(type->base, &output, &varlena);
		fmgr_info(output, &reader->output);
	}
}

/* Gives the settings that the text form depends on: only output functions look at any. */
PinNeeds
encoder_reader_needs(const EncoderType *type)
{
	return type->form == FORM_OUTPUT ? pin_type_needs(type->base) : 0;
}

/* Gives the plain form of a varlena value: whole, or at least its first limit bytes. */
static struct varlena *
encoder_plain(Datum value, int limit, Size *full)
{
	struct varlena *datum = (struct varlena *) DatumGetPointer(value);

	if (!VARATT_IS_EXTENDED(datum) || VARATT_IS_SHORT(datum))
	{
		*full = VARSIZE_ANY_EXHDR(datum);
		return datum;
	}
	*full = toast_raw_datum_size(value) - VARHDRSZ;
	if (*full > (Size) limit)
		return detoast_attr_slice(datum, 0, limit);
	return detoast_attr(datum);
}

/* Gives the start of a text without copying it when it is stored plainly. */
static const char *
encoder_read_varlena(Datum value, int limit, int *len, Size *full)
{
	struct varlena *plain = encoder_plain(value, limit, full);

	*len = Min((int) VARSIZE_ANY_EXHDR(plain), limit);
	return VARDATA_ANY(plain);
}

/* Gives the start of a padded text, its padding left out. */
static const char *
encoder_read_bpchar(Datum value, int limit, int *len, Size *full)
{
	struct varlena *plain = encoder_plain(value, MaxAllocSize, full);
	const char *data = VARDATA_ANY(plain);
	int			trimmed = (int) VARSIZE_ANY_EXHDR(plain);

	while (trimmed > 0 && data[trimmed - 1] == ' ')
		trimmed--;
	*full = trimmed;
	*len = Min(trimmed, limit);
	return data;
}

/* Writes bytes as hexadecimal digits and gives the number of characters. */
static int
encoder_hex(const unsigned char *bytes, int n, char *out)
{
	for (int i = 0; i < n; i++)
	{
		*out++ = hex_digits[bytes[i] >> 4];
		*out++ = hex_digits[bytes[i] & 15];
	}
	return 2 * n;
}

/* Gives the start of a bytea as hexadecimal digits. */
static const char *
encoder_read_bytea(Datum value, int limit, int *len, Size *full)
{
	struct varlena *plain = encoder_plain(value, limit / 2 + 1, full);
	int			nbytes = Min((int) VARSIZE_ANY_EXHDR(plain), limit / 2);
	char	   *hex = palloc(2 * nbytes + 1);

	*len = encoder_hex((const unsigned char *) VARDATA_ANY(plain), nbytes, hex);
	*full *= 2;
	return hex;
}

/* Gives a uuid in its usual form. */
static const char *
encoder_read_uuid(EncoderReader *reader, Datum value, int *len, Size *full)
{
	const unsigned char *bytes = DatumGetUUIDP(value)->data;
	char	   *out = reader->buffer;

	for (int i = 0; i < UUID_LEN; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		out += encoder_hex(&bytes[i], 1, out);
	}
	*len = (int) (out - reader->buffer);
	*full = *len;
	return reader->buffer;
}

/* Gives the character of a "char", or its octal escape when it is no ASCII. */
static const char *
encoder_read_char(EncoderReader *reader, Datum value, int *len, Size *full)
{
	unsigned char c = (unsigned char) DatumGetChar(value);

	if (IS_HIGHBIT_SET(c))
		*len = snprintf(reader->buffer, sizeof(reader->buffer), "\\%03o", c);
	else
	{
		reader->buffer[0] = (char) c;
		*len = (c == '\0') ? 0 : 1;
	}
	*full = *len;
	return reader->buffer;
}

/* Gives the label of an enum value. */
static const char *
encoder_read_enum(EncoderReader *reader, Datum value, int *len, Size *full)
{
	HeapTuple	tuple = SearchSysCache1(ENUMOID, value);

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid internal value for enum: %u", DatumGetObjectId(value))));
	strlcpy(reader->buffer, NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel), sizeof(reader->buffer));
	ReleaseSysCache(tuple);
	*len = (int) strlen(reader->buffer);
	*full = *len;
	return reader->buffer;
}

/* Gives a NUL-terminated text. */
static const char *
encoder_read_cstring(const char *text, int limit, int *len, Size *full)
{
	*full = strlen(text);
	*len = (int) Min(*full, (Size) limit);
	return text;
}

/* Gives the first bytes of a value's text form and the length of the whole. */
const char *
encoder_reader_text(EncoderReader *reader, Datum value, int limit, int *len, Size *full)
{
	switch (reader->form)
	{
		case FORM_TEXT:
			return encoder_read_varlena(value, limit, len, full);
		case FORM_BPCHAR:
			return encoder_read_bpchar(value, limit, len, full);
		case FORM_NAME:
			return encoder_read_cstring(NameStr(*DatumGetName(value)), limit, len, full);
		case FORM_CHAR:
			return encoder_read_char(reader, value, len, full);
		case FORM_ENUM:
			return encoder_read_enum(reader, value, len, full);
		case FORM_UUID:
			return encoder_read_uuid(reader, value, len, full);
		case FORM_BYTEA:
			return encoder_read_bytea(value, limit, len, full);
		case FORM_OUTPUT:
			return encoder_read_cstring(OutputFunctionCall(&reader->output, value), limit, len, full);
		default:
			elog(ERROR, "unexpected encoder form %d", (int) reader->form);
	}
}
