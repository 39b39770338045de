/*-------------------------------------------------------------------------
 *
 * forest_ubj.c
 *	  A model in Universal Binary JSON, as events.
 *
 * Reads what the library writes and nothing else: lengths are 64-bit ('L'),
 * arrays are typed, counted or open, objects are open.  Every byte is asked for
 * before it is read, so a wrong length ends in an error; recursion is bounded by
 * the builder, which refuses deep nesting.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/memutils.h"

#include "learn/forest_private.h"

typedef struct Reader
{
	const unsigned char *start;
	const unsigned char *at;
	const unsigned char *end;
	ForestBuilder *builder;
} Reader;

static void read_value(Reader *reader, unsigned char type);

/* Gives the next n bytes, or refuses a model that ends before. */
static const unsigned char *
take(Reader *reader, Size n)
{
	const unsigned char *bytes = reader->at;

	if ((Size) (reader->end - reader->at) < n)
		forest_refuse("the model ends in the middle of a value at byte %zu",
					  (size_t) (reader->at - reader->start));
	reader->at += n;
	return bytes;
}

/* Gives the next byte without taking it. */
static unsigned char
peek(Reader *reader)
{
	if (reader->at >= reader->end)
		forest_refuse("the model ends where a value is expected");
	return *reader->at;
}

/* Refuses the byte that was taken last. */
static void
unexpected(Reader *reader, const char *what)
{
	forest_refuse("%s at byte %zu is not what XGBoost writes", what, (size_t) (reader->at - 1 - reader->start));
}

/* Reads the big-endian integer of a type's width. */
static int64
read_integer(Reader *reader, unsigned char type)
{
	uint16		two;
	uint32		four;
	uint64		eight;

	switch (type)
	{
		case 'i':
			return (int8) *take(reader, 1);
		case 'U':
			return *take(reader, 1);
		case 'I':
			memcpy(&two, take(reader, 2), sizeof(two));
			return (int16) pg_ntoh16(two);
		case 'l':
			memcpy(&four, take(reader, 4), sizeof(four));
			return (int32) pg_ntoh32(four);
		default:
			memcpy(&eight, take(reader, 8), sizeof(eight));
			return (int64) pg_ntoh64(eight);
	}
}

/* Reads a big-endian float32. */
static float
read_float(Reader *reader)
{
	uint32		bits;
	float		value;

	memcpy(&bits, take(reader, 4), sizeof(bits));
	bits = pg_ntoh32(bits);
	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Reads a length: 'L' and 64 bits, not more than bytes are left for elements of this size. */
static Size
read_length(Reader *reader, Size element)
{
	int64		n;

	if (*take(reader, 1) != 'L')
		unexpected(reader, "a length");
	n = read_integer(reader, 'L');
	if (n < 0 || (uint64) n > (Size) (reader->end - reader->at) / element)
		forest_refuse("a length at byte %zu is more than the model holds",
					  (size_t) (reader->at - 8 - reader->start));
	return n;
}

/* Reads a text: palloc'd, in the server's encoding. */
static char *
read_text(Reader *reader)
{
	Size		len = read_length(reader, 1);
	const char *bytes = (const char *) take(reader, len);
	char	   *text;
	char	   *converted;

	if (len > MaxAllocSize / 8)
		forest_refuse("a text is longer than %zu bytes", (size_t) MaxAllocSize / 8);
	text = pnstrdup(bytes, len);
	if (strlen(text) != len || !pg_verify_mbstr(PG_UTF8, text, len, true))
		forest_refuse("a text at byte %zu is not UTF-8", (size_t) ((const unsigned char *) bytes - reader->start));
	converted = pg_any_to_server(text, len, PG_UTF8);
	return converted;
}

/* Reports a scalar of the given type. */
static void
read_scalar(Reader *reader, unsigned char type)
{
	ForestScalar scalar = {0};

	switch (type)
	{
		case 'Z':
			scalar.kind = FOREST_SCALAR_NULL;
			break;
		case 'T':
		case 'F':
			scalar.kind = FOREST_SCALAR_BOOL;
			scalar.integer = type == 'T';
			break;
		case 'd':
			scalar.kind = FOREST_SCALAR_REAL;
			scalar.real = read_float(reader);
			break;
		case 'i':
		case 'U':
		case 'I':
		case 'l':
		case 'L':
			scalar.kind = FOREST_SCALAR_INTEGER;
			scalar.integer = read_integer(reader, type);
			break;
		case 'S':
			scalar.kind = FOREST_SCALAR_TEXT;
			scalar.text = read_text(reader);
			break;
		default:
			unexpected(reader, "a type");
	}
	forest_build_scalar(reader->builder, &scalar);
	if (scalar.text != NULL)
		pfree(unconstify(char *, scalar.text));
}

/* Reports the elements of an array whose bracket was taken. */
static void
read_array(Reader *reader)
{
	Size		n;

	forest_build_array_start(reader->builder);
	if (peek(reader) == '$')
	{
		unsigned char type = take(reader, 2)[1];
		Size		width = type == 'd' || type == 'l' ? 4 : type == 'L' ? 8 : type == 'I' ? 2 : 1;

		if (strchr("dliIUL", type) == NULL || type == '\0')
			unexpected(reader, "an array's type");
		if (*take(reader, 1) != '#')
			unexpected(reader, "an array's head");
		n = read_length(reader, width);
		for (Size i = 0; i < n; i++)
			read_scalar(reader, type);
	}
	else if (peek(reader) == '#')
	{
		(void) take(reader, 1);
		n = read_length(reader, 1);
		for (Size i = 0; i < n; i++)
			read_value(reader, *take(reader, 1));
	}
	else
	{
		while (peek(reader) != ']')
			read_value(reader, *take(reader, 1));
		(void) take(reader, 1);
	}
	forest_build_array_end(reader->builder);
}

/* Reports the fields of an object whose brace was taken. */
static void
read_object(Reader *reader)
{
	forest_build_object_start(reader->builder);
	while (peek(reader) != '}')
	{
		char	   *key = read_text(reader);

		forest_build_key(reader->builder, key);
		pfree(key);
		read_value(reader, *take(reader, 1));
	}
	(void) take(reader, 1);
	forest_build_object_end(reader->builder);
}

/* Reports one value whose type was taken. */
static void
read_value(Reader *reader, unsigned char type)
{
	check_stack_depth();
	if (type == '{')
		read_object(reader);
	else if (type == '[')
		read_array(reader);
	else
		read_scalar(reader, type);
}

/* Reports a model in UBJ to the builder. */
void
forest_ubj_parse(ForestBuilder *builder, const char *bytes, Size len)
{
	Reader		reader;

	reader.start = (const unsigned char *) bytes;
	reader.at = reader.start;
	reader.end = reader.start + len;
	reader.builder = builder;
	read_value(&reader, *take(&reader, 1));
	if (reader.at != reader.end)
		forest_refuse("%zu bytes follow the model", (size_t) (reader.end - reader.at));
}
