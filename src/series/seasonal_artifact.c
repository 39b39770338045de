/*-------------------------------------------------------------------------
 *
 * seasonal_artifact.c
 *	  A seasonal detector's artifact and compiled form.
 *
 * The artifact is the same on every machine: numbers in network order without padding, texts behind their length.
 *
 *		"aipSEASN", format, options, columns, holidays, number of series,
 *		per series in ascending order of names: name, length and bytes of its state (seasonal_record.c)
 *
 * The compiled form is the artifact behind an index:
 *
 *		SeasonalHeader | uint64 offsets[nseries] | artifact
 *
 * Opening it checks the frame; a state is read, with all checks, when its series is asked for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/memutils.h"

#include "learn/compiled.h"
#include "series/seasonal_artifact.h"

#define ARTIFACT_MAGIC "aipSEASN"
#define COMPILED_MAGIC "aipipeSD"
#define MAGIC_LEN 8
#define SEASONAL_FORMAT 1

#define MAX_HOLIDAYS 1000000
#define MAX_NAME (1024 * 1024)

typedef struct SeasonalHeader
{
	char		magic[MAGIC_LEN];
	uint32		format;
	uint32		byte_order;
	uint32		crc;			/* CRC-32C of everything, with this field zero */
	uint32		flags;			/* reserved, zero */
	uint64		length;			/* of everything */
	uint64		nseries;
} SeasonalHeader;

/* An artifact that is being read; wrong says what is, so that the caller can choose the error. */
typedef struct Reader
{
	const char *bytes;
	Size		len;
	Size		at;
	const char *wrong;
} Reader;

/* Appends a text behind its length. */
static void
put_text(StringInfo out, const char *text, int len)
{
	pq_sendint32(out, len);
	appendBinaryStringInfo(out, text, len);
}

/* Begins an artifact. */
void
seasonal_artifact_begin(StringInfo out, const SeasonalOptions *options)
{
	appendBinaryStringInfo(out, ARTIFACT_MAGIC, MAGIC_LEN);
	pq_sendint32(out, SEASONAL_FORMAT);
	pq_sendint32(out, options->kind);
	pq_sendint32(out, options->method);
	pq_sendint32(out, options->direction);
	pq_sendfloat8(out, options->alpha);
	pq_sendfloat8(out, options->least_absolute);
	pq_sendfloat8(out, options->least_relative);
	pq_sendint32(out, options->rest);
	pq_sendint32(out, options->learning);
	pq_sendint32(out, options->wall);
	put_text(out, options->timezone, strlen(options->timezone));
	put_text(out, options->value, strlen(options->value));
	put_text(out, options->time, strlen(options->time));
	put_text(out, options->series, strlen(options->series));
	pq_sendint32(out, options->nholidays);
	for (int i = 0; i < options->nholidays; i++)
		pq_sendint32(out, options->holidays[i]);
}

/* Appends a series. */
void
seasonal_artifact_add(StringInfo out, const char *series, const SeasonalState *state)
{
	int			start;
	uint32		len;

	put_text(out, series, strlen(series));
	start = out->len;
	pq_sendint32(out, 0);
	seasonal_write(state, out);
	len = pg_hton32(out->len - start - sizeof(len));
	memcpy(out->data + start, &len, sizeof(len));
}

/* Ends an artifact: the number of series stands behind them, so that they can be written as they come. */
void
seasonal_artifact_end(StringInfo out, int nseries)
{
	pq_sendint32(out, nseries);
}

/* Takes an integer between bounds. */
static int32
take_int32(Reader *reader, int32 min, int32 max)
{
	uint32		bits;

	if (reader->len - reader->at < sizeof(bits))
	{
		reader->wrong = "it is cut short";
		return min;
	}
	memcpy(&bits, reader->bytes + reader->at, sizeof(bits));
	reader->at += sizeof(bits);
	bits = pg_ntoh32(bits);
	if ((int32) bits >= min && (int32) bits <= max)
		return (int32) bits;
	if (reader->wrong == NULL)
		reader->wrong = "a number is out of range";
	return min;
}

/* Takes a finite number between bounds. */
static double
take_number(Reader *reader, double min, double max)
{
	uint64		bits;
	double		value;

	if (reader->len - reader->at < sizeof(bits))
	{
		reader->wrong = "it is cut short";
		return min;
	}
	memcpy(&bits, reader->bytes + reader->at, sizeof(bits));
	reader->at += sizeof(bits);
	bits = pg_ntoh64(bits);
	memcpy(&value, &bits, sizeof(value));
	if (isfinite(value) && value >= min && value <= max)
		return value;
	if (reader->wrong == NULL)
		reader->wrong = "a number is out of range";
	return min;
}

/* Steps over bytes behind their length and gives where they are. */
static const char *
take_bytes(Reader *reader, int32 max, int *len)
{
	const char *bytes;

	*len = take_int32(reader, 0, max);
	if (reader->len - reader->at < *len)
	{
		reader->wrong = "it is cut short";
		*len = 0;
	}
	bytes = reader->bytes + reader->at;
	reader->at += *len;
	return bytes;
}

/* Takes a text. */
static const char *
take_text(Reader *reader)
{
	int			len;
	const char *bytes = take_bytes(reader, MAX_NAME, &len);

	if ((memchr(bytes, '\0', len) != NULL || !pg_verifymbstr(bytes, len, true)) && reader->wrong == NULL)
		reader->wrong = "a text is none of this encoding";
	return pnstrdup(bytes, len);
}

/* Takes the holidays. */
static void
take_holidays(Reader *reader, SeasonalOptions *options)
{
	int			n = take_int32(reader, 0, MAX_HOLIDAYS);
	int32	   *days;

	if ((reader->len - reader->at) / sizeof(int32) < n)
		reader->wrong = "it is cut short";
	if (reader->wrong != NULL)
		return;
	days = palloc(mul_size(sizeof(int32), Max(n, 1)));
	for (int i = 0; i < n; i++)
	{
		days[i] = take_int32(reader, PG_INT32_MIN, PG_INT32_MAX);
		if (i > 0 && days[i] <= days[i - 1])
			reader->wrong = "the holidays are out of order";
	}
	options->nholidays = n;
	options->holidays = days;
}

/* Takes magic, format and options. */
static void
take_options(Reader *reader, SeasonalOptions *options)
{
	if (reader->len < MAGIC_LEN || memcmp(reader->bytes, ARTIFACT_MAGIC, MAGIC_LEN) != 0)
	{
		reader->wrong = "it does not begin as one";
		return;
	}
	reader->at = MAGIC_LEN;
	(void) take_int32(reader, SEASONAL_FORMAT, SEASONAL_FORMAT);
	options->kind = take_int32(reader, KIND_AUTO, KIND_VALUE);
	options->method = take_int32(reader, 0, SEASONAL_METHODS);
	options->direction = take_int32(reader, DIRECTION_BOTH, DIRECTION_DOWN);
	options->alpha = take_number(reader, 0, 1);
	options->least_absolute = take_number(reader, 0, HUGE_VAL);
	options->least_relative = take_number(reader, 0, HUGE_VAL);
	options->rest = take_int32(reader, 0, PG_INT32_MAX);
	options->learning = take_int32(reader, 0, SEASONAL_WINDOW);
	options->wall = take_int32(reader, 0, 1);
	options->timezone = take_text(reader);
	options->value = take_text(reader);
	options->time = take_text(reader);
	options->series = take_text(reader);
	take_holidays(reader, options);
}

/* Whether one name comes before another in byte order. */
static int
compare_names(const char *a, Size alen, const char *b, Size blen)
{
	int			difference = memcmp(a, b, Min(alen, blen));

	return difference != 0 ? difference : alen < blen ? -1 : alen > blen;
}

/* Takes all records up to the number behind them; offsets may be NULL, else it has room for max. Gives how many there are. */
static int
take_records(Reader *reader, const SeasonalOptions *options, bool deep, uint64 *offsets, int max)
{
	const char *previous = NULL;
	int			previous_len = 0;
	int			n = 0;
	SeasonalState *state = deep ? palloc(sizeof(SeasonalState)) : NULL;

	while (reader->wrong == NULL && reader->len - reader->at > sizeof(int32))
	{
		uint64		offset = reader->at;
		int			len;
		int			state_len;
		const char *name = take_bytes(reader, MAX_NAME, &len);
		const char *bytes = take_bytes(reader, PG_INT32_MAX, &state_len);

		if (n % 1000 == 0)
			CHECK_FOR_INTERRUPTS();
		if (reader->wrong != NULL)
			break;
		if ((n > 0 && compare_names(previous, previous_len, name, len) >= 0) || memchr(name, '\0', len) != NULL)
			reader->wrong = "the series are out of order";
		else if (deep)
			reader->wrong = seasonal_read(bytes, state_len, options->learning, options->method, state);
		if (offsets != NULL && n < max)
			offsets[n] = offset;
		previous = name;
		previous_len = len;
		n++;
	}
	(void) take_int32(reader, n, n);
	return n;
}

/* Checks an artifact wholly and writes its compiled form. */
void
seasonal_compile(const char *artifact, Size len, StringInfo compiled)
{
	Reader		reader = {artifact, len, 0, NULL};
	SeasonalOptions options = {0};
	SeasonalHeader header = {.format = SEASONAL_FORMAT, .byte_order = COMPILED_BYTE_ORDER};
	uint64	   *offsets = NULL;
	Size		records;
	int			n = 0;

	take_options(&reader, &options);
	records = reader.at;
	if (reader.wrong == NULL)
		n = take_records(&reader, &options, true, NULL, 0);
	if (reader.wrong != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid seasonal detector"),
				 errdetail("The artifact is damaged or was not written by aipipe: %s.", reader.wrong)));
	offsets = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(sizeof(uint64), Max(n, 1)));
	reader.at = records;
	(void) take_records(&reader, &options, false, offsets, n);
	memcpy(header.magic, COMPILED_MAGIC, MAGIC_LEN);
	header.nseries = n;
	header.length = add_size(add_size(sizeof(header), mul_size(sizeof(uint64), n)), len);
	if (header.length > MaxAllocSize / 2)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the detector is too large"),
				 errdetail("Its compiled form takes %zu bytes.", (Size) header.length),
				 errhint("Train several detectors with a part of the series each.")));
	appendBinaryStringInfo(compiled, (const char *) &header, sizeof(header));
	appendBinaryStringInfo(compiled, (const char *) offsets, n * sizeof(uint64));
	appendBinaryStringInfo(compiled, artifact, len);
	header.crc = compiled_crc(compiled->data + compiled->len - header.length, header.length, offsetof(SeasonalHeader, crc));
	memcpy(compiled->data + compiled->len - header.length, &header, sizeof(header));
	pfree(offsets);
}

/* Checks the header of a compiled form. */
static void
check_header(const SeasonalHeader *header, Size len)
{
	if (len < sizeof(SeasonalHeader) || memcmp(header->magic, COMPILED_MAGIC, MAGIC_LEN) != 0)
		compiled_corrupted("It does not start as a compiled seasonal detector does.");
	if (header->byte_order != COMPILED_BYTE_ORDER)
		compiled_corrupted("It was made on a machine of another byte order.");
	if (header->format != SEASONAL_FORMAT || header->flags != 0)
		compiled_corrupted(psprintf("Its format is %u, flags %u; this version of aipipe reads format %d.",
									header->format, header->flags, SEASONAL_FORMAT));
	if (header->length != len || header->nseries > PG_INT32_MAX ||
		header->nseries > (len - sizeof(SeasonalHeader)) / sizeof(uint64))
		compiled_corrupted("Its length is not what its header says.");
	if (header->crc != compiled_crc((const char *) header, len, offsetof(SeasonalHeader, crc)))
		compiled_corrupted("Its checksum does not match.");
}

/* Opens a compiled form in place. */
SeasonalDetector *
seasonal_open(const char *compiled, Size len)
{
	const SeasonalHeader *header = (const SeasonalHeader *) compiled;
	SeasonalDetector *detector = palloc0(sizeof(SeasonalDetector));
	Reader		reader = {0};
	Size		start;

	if (compiled != (const char *) MAXALIGN(compiled))
		elog(ERROR, "compiled seasonal detector is not aligned");
	check_header(header, len);
	detector->nseries = (int) header->nseries;
	detector->offsets = (const uint64 *) (compiled + sizeof(SeasonalHeader));
	start = sizeof(SeasonalHeader) + header->nseries * sizeof(uint64);
	detector->artifact = compiled + start;
	reader.bytes = detector->artifact;
	reader.len = len - start;
	take_options(&reader, &detector->options);
	for (int i = 0; i < detector->nseries && reader.wrong == NULL; i++)
	{
		Size		expected = reader.at;
		int			ignored;
		const char *previous = i > 0 ? seasonal_name(detector, i - 1, &ignored) : NULL;
		int			previous_len = i > 0 ? ignored : 0;
		int			name_len;
		const char *name = take_bytes(&reader, MAX_NAME, &name_len);

		(void) take_bytes(&reader, PG_INT32_MAX, &ignored);
		if (reader.wrong == NULL && (detector->offsets[i] != expected ||
									 (i > 0 && compare_names(previous, previous_len, name, name_len) >= 0)))
			reader.wrong = "its index does not fit its series";
	}
	(void) take_int32(&reader, detector->nseries, detector->nseries);
	if (reader.wrong == NULL && reader.at != reader.len)
		reader.wrong = "something follows it";
	if (reader.wrong != NULL)
		compiled_corrupted(psprintf("It is not sound: %s.", reader.wrong));
	return detector;
}

/* Gives the text or state behind an offset, and where it ends. */
static const char *
bytes_at(const SeasonalDetector *detector, Size at, int *len)
{
	uint32		bits;

	memcpy(&bits, detector->artifact + at, sizeof(bits));
	*len = (int) pg_ntoh32(bits);
	return detector->artifact + at + sizeof(bits);
}

/* Gives the name of a series, without a NUL. */
const char *
seasonal_name(const SeasonalDetector *detector, int i, int *len)
{
	return bytes_at(detector, detector->offsets[i], len);
}

/* Gives the bytes of a series' state. */
static const char *
state_bytes(const SeasonalDetector *detector, int i, int *len)
{
	int			name_len;
	const char *name = seasonal_name(detector, i, &name_len);

	return bytes_at(detector, name + name_len - detector->artifact, len);
}

/* Appends a series as it is. */
void
seasonal_artifact_copy(StringInfo out, const SeasonalDetector *detector, int i)
{
	int			len;
	const char *end = state_bytes(detector, i, &len) + len;
	const char *begin = detector->artifact + detector->offsets[i];

	appendBinaryStringInfo(out, begin, end - begin);
}

/* Gives the place of a series, or -1. */
int
seasonal_find(const SeasonalDetector *detector, const char *series, Size len)
{
	int			low = 0;
	int			high = detector->nseries - 1;

	while (low <= high)
	{
		int			middle = low + (high - low) / 2;
		int			name_len;
		const char *name = seasonal_name(detector, middle, &name_len);
		int			order = compare_names(series, len, name, name_len);

		if (order == 0)
			return middle;
		if (order < 0)
			high = middle - 1;
		else
			low = middle + 1;
	}
	return -1;
}

/* Reads the state of a series. */
void
seasonal_get(const SeasonalDetector *detector, int i, SeasonalState *state)
{
	int			len;
	const char *bytes = state_bytes(detector, i, &len);
	const char *wrong = seasonal_read(bytes, len, detector->options.learning, detector->options.method, state);

	if (wrong != NULL)
		compiled_corrupted(psprintf("The state of a series is not sound: %s.", wrong));
}
