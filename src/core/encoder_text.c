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
#include "utils/cash.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
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
	if (type->form == FORM_OUTPUT || !ENCODER_FORM_IS_TEXT(type->form))
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
	return type->form == FORM_OUTPUT || !ENCODER_FORM_IS_TEXT(type->form) ? pin_type_needs(type->base) : 0;
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

/* Gives money as the number that it is, whatever lc_monetary says. */
static const char *
encoder_read_money(Cash value)
{
	return numeric_normalize(int64_div_fast_to_numeric(value, 2));
}

/* Gives a moment: only its day when it is midnight, so that a date and a timestamp of the same moment read the same. */
static const char *
encoder_read_timestamp(Timestamp value)
{
	if (!TIMESTAMP_NOT_FINITE(value) && value % USECS_PER_DAY == 0)
		return DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum((DateADT) (value / USECS_PER_DAY))));
	return DatumGetCString(DirectFunctionCall1(timestamp_out, TimestampGetDatum(value)));
}

/* Gives the text form of what holds no text: the same for one value in each type of its class. */
static const char *
encoder_read_plain(EncoderReader *reader, Datum value)
{
	switch (reader->form)
	{
		case FORM_BOOL:
			return DatumGetBool(value) ? "true" : "false";
		case FORM_INT2:
			pg_lltoa(DatumGetInt16(value), reader->buffer);
			return reader->buffer;
		case FORM_INT4:
			pg_lltoa(DatumGetInt32(value), reader->buffer);
			return reader->buffer;
		case FORM_INT8:
			pg_lltoa(DatumGetInt64(value), reader->buffer);
			return reader->buffer;
		case FORM_OID:
			pg_lltoa((int64) DatumGetObjectId(value), reader->buffer);
			return reader->buffer;
		case FORM_MONEY:
			return encoder_read_money(DatumGetCash(value));
		case FORM_FLOAT4:
			return OutputFunctionCall(&reader->output, Float4GetDatum(DatumGetFloat4(value) + 0.0f));
		case FORM_FLOAT8:
			return OutputFunctionCall(&reader->output, Float8GetDatum(DatumGetFloat8(value) + 0.0));
		case FORM_NUMERIC:
			return numeric_normalize(DatumGetNumeric(value));
		case FORM_TIME:
		case FORM_TIMETZ:
			return DatumGetCString(DirectFunctionCall1(time_out,
													   TimeADTGetDatum(encoder_time_of_day(reader->form, value))));
		case FORM_TIMESTAMP:
			return encoder_read_timestamp(DatumGetTimestamp(value));
		case FORM_INET:
			return DatumGetCString(DirectFunctionCall1(inet_out, value));
		default:
			return OutputFunctionCall(&reader->output, value);
	}
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
			return encoder_read_cstring(encoder_read_plain(reader, value), limit, len, full);
	}
}
