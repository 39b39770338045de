/*-------------------------------------------------------------------------
 *
 * iforest_artifact.c
 *	  The isolation forest's artifact and compiled form.
 *
 * The artifact is JSON in one fixed form, without any freedom of order or
 * spacing, so that the reader needs no JSON parser for its own part; the forest
 * inside is read by forest_read_isolation():
 *
 *		{"format":"aipipe-iforest","format_version":1,
 *		 "severity":{"rows":N,"score":[…],"above":[…]},"forest":{…}}
 *
 * (on one line).  The compiled form is opened in place:
 *
 *		IforestHeader | score float[npoints] | share float[npoints] | pad | forest_compile() bytes
 *
 * The CRC covers the header behind it and both arrays; the forest has its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "port/pg_crc32c.h"
#include "storage/shmem.h"

#include "compat/compat.h"
#include "learn/iforest.h"

#define IFOREST_MAGIC 0x464F5349	/* "ISOF" */
#define IFOREST_FORMAT 1

#define ARTIFACT_HEAD "{\"format\":\"aipipe-iforest\",\"format_version\":1,\"severity\":{\"rows\":"
#define ARTIFACT_SCORE ",\"score\":["
#define ARTIFACT_ABOVE "],\"above\":["
#define ARTIFACT_FOREST "]},\"forest\":"
#define ARTIFACT_TAIL "}"

typedef struct IforestHeader
{
	uint32		magic;
	pg_crc32c	crc;
	uint32		format;
	int32		npoints;
	int64		rows;
	uint64		forest_offset;
	uint64		forest_len;
} IforestHeader;

#define HEADER_CRC_START (offsetof(IforestHeader, crc) + sizeof(pg_crc32c))

/* A place in an artifact that is being read. */
typedef struct Reader
{
	const char *bytes;
	Size		len;
	Size		at;
} Reader;

/* Raises the error for an artifact that is not one of ours. */
static void pg_attribute_noreturn()
artifact_error(const char *why)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("invalid isolation forest"),
			errdetail("The artifact is damaged or was not written by aipipe: %s.", why));
}

/* Raises the error for a compiled form that is not what was stored. */
static void pg_attribute_noreturn()
compiled_error(const char *why)
{
	ereport(ERROR,
			errcode(ERRCODE_DATA_CORRUPTED),
			errmsg("compiled isolation forest is corrupted"),
			errdetail_internal("%s", why));
}

/* Writes the canonical artifact. */
void
iforest_write(const Forest *forest, const Severity *severity, StringInfo out)
{
	appendStringInfoString(out, ARTIFACT_HEAD);
	appendStringInfo(out, INT64_FORMAT, severity->rows);
	appendStringInfoString(out, ARTIFACT_SCORE);
	for (int i = 0; i < severity->npoints; i++)
	{
		char		number[FLOAT_SHORTEST_DECIMAL_LEN];

		float_to_shortest_decimal_buf(severity->score[i], number);
		appendStringInfo(out, "%s%s", i > 0 ? "," : "", number);
	}
	appendStringInfoString(out, ARTIFACT_ABOVE);
	for (int i = 0; i < severity->npoints; i++)
		appendStringInfo(out, "%s" INT64_FORMAT, i > 0 ? "," : "", severity->above[i]);
	appendStringInfoString(out, ARTIFACT_FOREST);
	forest_write(forest, out);
	appendStringInfoString(out, ARTIFACT_TAIL);
}

/* Steps over a text that must come next. */
static void
expect(Reader *r, const char *text)
{
	Size		len = strlen(text);

	if (r->len - r->at < len || memcmp(r->bytes + r->at, text, len) != 0)
		artifact_error("its frame is not in the fixed form");
	r->at += len;
}

/* Copies the number that must come next as text. */
static void
read_number(Reader *r, char *buffer, Size size)
{
	Size		n = 0;

	while (r->at < r->len && n < size - 1 && strchr("+-.0123456789e", r->bytes[r->at]) != NULL &&
		   r->bytes[r->at] != '\0')
		buffer[n++] = r->bytes[r->at++];
	buffer[n] = '\0';
	if (n == 0 || n == size - 1)
		artifact_error("a number is missing or too long");
}

/* Reads a number of rows. */
static int64
read_count(Reader *r)
{
	char		text[32];
	char	   *end;
	int64		value;

	read_number(r, text, sizeof(text));
	errno = 0;
	value = strtoi64(text, &end, 10);
	if (*end != '\0' || errno != 0 || value < 0)
		artifact_error("a row count is not a whole number");
	return value;
}

/* Reads a score. */
static float
read_score(Reader *r)
{
	char		text[32];
	char	   *end;
	float		value;

	read_number(r, text, sizeof(text));
	value = strtof(text, &end);
	if (*end != '\0' || !isfinite(value))
		artifact_error("a score is not a number");
	return value;
}

/* Counts the numbers of the list that begins here, to allocate once. */
static int
count_numbers(const Reader *r)
{
	int			n = 1;

	for (Size i = r->at; i < r->len && r->bytes[i] != ']'; i++)
	{
		if (r->bytes[i] == ',' && ++n > SEVERITY_MAX_POINTS)
			artifact_error("it has too many scores");
	}
	return n;
}

/* Reads the severity part of an artifact and checks it. */
static void
read_severity(Reader *r, Severity *severity)
{
	const char *why;

	severity->rows = read_count(r);
	expect(r, ARTIFACT_SCORE);
	severity->npoints = count_numbers(r);
	severity->score = palloc(mul_size(sizeof(float), severity->npoints));
	severity->above = palloc(mul_size(sizeof(int64), severity->npoints));
	for (int i = 0; i < severity->npoints; i++)
	{
		if (i > 0)
			expect(r, ",");
		severity->score[i] = read_score(r);
	}
	expect(r, ARTIFACT_ABOVE);
	for (int i = 0; i < severity->npoints; i++)
	{
		if (i > 0)
			expect(r, ",");
		severity->above[i] = read_count(r);
	}
	if ((why = severity_check(severity)) != NULL)
		artifact_error(why);
}

/* Writes the compiled form of a severity: header, scores, shares, padding. */
static void
compile_severity(const Severity *severity, Size forest_len, StringInfo out)
{
	IforestHeader header = {0};
	Size		start = out->len;
	Size		array = mul_size(sizeof(float), severity->npoints);
	Size		end = add_size(sizeof(IforestHeader), mul_size(2, array));
	pg_crc32c	crc;

	header.magic = IFOREST_MAGIC;
	header.format = IFOREST_FORMAT;
	header.npoints = severity->npoints;
	header.rows = severity->rows;
	header.forest_offset = MAXALIGN(end);
	header.forest_len = forest_len;
	appendBinaryStringInfo(out, (char *) &header, sizeof(header));
	appendBinaryStringInfo(out, (char *) severity->score, array);
	for (int i = 0; i < severity->npoints; i++)
	{
		float		share = (float) ((double) severity->above[i] / severity->rows);

		appendBinaryStringInfo(out, (char *) &share, sizeof(share));
	}
	INIT_CRC32C(crc);
	COMP_CRC32C(crc, out->data + start + HEADER_CRC_START, end - HEADER_CRC_START);
	FIN_CRC32C(crc);
	memcpy(out->data + start + offsetof(IforestHeader, crc), &crc, sizeof(crc));
	while (end++ < header.forest_offset)
		appendStringInfoChar(out, '\0');
}

/* Checks an artifact wholly and writes its compiled form. */
void
iforest_compile(const char *artifact, Size len, StringInfo compiled)
{
	Reader		r = {artifact, len, 0};
	Severity	severity;
	Forest	   *forest;
	StringInfoData trees;

	expect(&r, ARTIFACT_HEAD);
	read_severity(&r, &severity);
	expect(&r, ARTIFACT_FOREST);
	if (r.len - r.at < 2 || r.bytes[r.len - 1] != ARTIFACT_TAIL[0])
		artifact_error("it is cut short");
	forest = forest_read_isolation(r.bytes + r.at, r.len - r.at - 1);

	initStringInfo(&trees);
	forest_compile(forest, &trees);
	compile_severity(&severity, trees.len, compiled);
	appendBinaryStringInfo(compiled, trees.data, trees.len);
	pfree(trees.data);
}

/* Checks that the severity of a compiled form is one. */
static void
check_severity_table(const SeverityTable *table)
{
	for (int i = 0; i < table->npoints; i++)
	{
		if (!isfinite(table->score[i]) || !(table->share[i] >= 0 && table->share[i] < 1))
			compiled_error("A severity is out of range.");
		if (i > 0 && (table->score[i] <= table->score[i - 1] || table->share[i] > table->share[i - 1]))
			compiled_error("The severities are out of order.");
	}
}

/* Opens a compiled form in place after checking header, CRC and every part. */
void
iforest_open(const char *compiled, Size len, IforestState *state)
{
	const IforestHeader *header = (const IforestHeader *) compiled;
	Size		end;
	pg_crc32c	crc;

	if (len < sizeof(IforestHeader) || header->magic != IFOREST_MAGIC || header->format != IFOREST_FORMAT)
		compiled_error("The header is not that of an isolation forest of this version.");
	if (header->npoints < 1 || header->npoints > SEVERITY_MAX_POINTS || header->rows < 1)
		compiled_error("The header holds impossible counts.");
	end = sizeof(IforestHeader) + 2 * sizeof(float) * (Size) header->npoints;
	if (header->forest_offset != MAXALIGN(end) || header->forest_offset > len ||
		header->forest_len != len - header->forest_offset)
		compiled_error("The header does not fit the length.");
	INIT_CRC32C(crc);
	COMP_CRC32C(crc, compiled + HEADER_CRC_START, end - HEADER_CRC_START);
	FIN_CRC32C(crc);
	if (!EQ_CRC32C(crc, header->crc))
		compiled_error("The checksum does not match.");

	state->severity.rows = header->rows;
	state->severity.npoints = header->npoints;
	state->severity.score = (const float *) (compiled + sizeof(IforestHeader));
	state->severity.share = state->severity.score + header->npoints;
	check_severity_table(&state->severity);
	state->forest = forest_open(compiled + header->forest_offset, header->forest_len);
	if (forest_objective(state->forest) != FOREST_ISOLATION || forest_ngroups(state->forest) != 1)
		compiled_error("The trees are not isolation trees.");
}
