/*-------------------------------------------------------------------------
 *
 * iforest_artifact.c
 *	  The isolation forest's artifact and compiled form.
 *
 * The artifact is JSON in one fixed form (learn/artifact.h); the forest inside is
 * read by forest_read_isolation():
 *
 *		{"format":"aipipe-iforest","format_version":2,
 *		 "severity":{"rows":N,"score":[…],"above":[…]},
 *		 "nscaled":N,"scaled":[[feature,centre,weight],…],
 *		 "npairs":N,"pairs":[[first,second,sign],…],"forest":{…}}
 *
 * (on one line).  The compiled form is opened in place:
 *
 *		IforestHeader | score float[npoints] | share float[npoints] | IforestScaled[nscaled] |
 *			IforestPair[npairs] | pad | forest_compile() bytes
 *
 * The CRC covers the header behind it and all arrays; the forest has its own.
 * A forest without pairs is written in version 1 of both, which has no place for them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "port/pg_crc32c.h"
#include "storage/shmem.h"

#include "compat/compat.h"
#include "learn/artifact.h"
#include "learn/iforest.h"
#include "learn/severity.h"

#define IFOREST_MAGIC 0x464F5349	/* "ISOF" */
#define IFOREST_FORMAT 2

#define ARTIFACT_HEAD "{\"format\":\"aipipe-iforest\",\"format_version\":"
#define ARTIFACT_SEVERITY ",\"severity\":"
#define ARTIFACT_NSCALED ",\"nscaled\":"
#define ARTIFACT_SCALED ",\"scaled\":["
#define ARTIFACT_NPAIRS "],\"npairs\":"
#define ARTIFACT_PAIRS ",\"pairs\":["
#define ARTIFACT_FOREST ",\"forest\":"
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
	/* from format 2 on */
	int32		nscaled;
	int32		npairs;
} IforestHeader;

#define HEADER_CRC_START (offsetof(IforestHeader, crc) + sizeof(pg_crc32c))

/* Gives the bytes of a header of the format. */
static inline Size
header_size(uint32 format)
{
	return format == 1 ? offsetof(IforestHeader, nscaled) : sizeof(IforestHeader);
}

/* Gives the bytes before the padding and the forest. */
static inline Size
own_size(const IforestHeader *header)
{
	Size		size = header_size(header->format) + 2 * sizeof(float) * (Size) header->npoints;

	if (header->format > 1)
		size += sizeof(IforestScaled) * header->nscaled + sizeof(IforestPair) * header->npairs;
	return size;
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

/* Writes the pairs. */
static void
write_pairs(const IforestPairs *pairs, StringInfo out)
{
	appendStringInfo(out, "%s%d%s", ARTIFACT_NSCALED, pairs->nscaled, ARTIFACT_SCALED);
	for (int i = 0; i < pairs->nscaled; i++)
	{
		appendStringInfo(out, "%s[%d,", i > 0 ? "," : "", pairs->scaled[i].feature);
		artifact_put_float(out, pairs->scaled[i].centre);
		appendStringInfoChar(out, ',');
		artifact_put_float(out, pairs->scaled[i].weight);
		appendStringInfoChar(out, ']');
	}
	appendStringInfo(out, "%s%d%s", ARTIFACT_NPAIRS, pairs->npairs, ARTIFACT_PAIRS);
	for (int i = 0; i < pairs->npairs; i++)
		appendStringInfo(out, "%s[%d,%d,%d]", i > 0 ? "," : "", pairs->pairs[i].first, pairs->pairs[i].second,
						 pairs->pairs[i].sign > 0 ? 1 : -1);
	appendStringInfoChar(out, ']');
}

/* Writes the canonical artifact. */
void
iforest_write(const Forest *forest, const IforestPairs *pairs, const Severity *severity, StringInfo out)
{
	appendStringInfoString(out, ARTIFACT_HEAD);
	appendStringInfo(out, "%d", pairs->npairs > 0 ? 2 : 1);
	appendStringInfoString(out, ARTIFACT_SEVERITY);
	severity_write(severity, out);
	if (pairs->npairs > 0)
		write_pairs(pairs, out);
	appendStringInfoString(out, ARTIFACT_FOREST);
	forest_write(forest, out);
	appendStringInfoString(out, ARTIFACT_TAIL);
}

/* Reads the pairs; which features there are is checked when the forest is known. */
static void
read_pairs(ArtifactReader *r, IforestPairs *pairs)
{
	IforestScaled *scaled;
	IforestPair *list;

	artifact_expect(r, ARTIFACT_NSCALED);
	pairs->nscaled = artifact_integer(r, 1, IFOREST_MAX_SCALED);
	pairs->scaled = scaled = palloc(mul_size(sizeof(IforestScaled), pairs->nscaled));
	artifact_expect(r, ARTIFACT_SCALED);
	for (int i = 0; i < pairs->nscaled; i++)
	{
		artifact_expect(r, i > 0 ? ",[" : "[");
		scaled[i].feature = artifact_integer(r, 0, FOREST_MAX_FEATURES);
		artifact_expect(r, ",");
		scaled[i].centre = artifact_float(r);
		artifact_expect(r, ",");
		scaled[i].weight = artifact_float(r);
		artifact_expect(r, "]");
	}
	artifact_expect(r, ARTIFACT_NPAIRS);
	pairs->npairs = artifact_integer(r, 1, IFOREST_MAX_PAIRS);
	pairs->pairs = list = palloc(mul_size(sizeof(IforestPair), pairs->npairs));
	artifact_expect(r, ARTIFACT_PAIRS);
	for (int i = 0; i < pairs->npairs; i++)
	{
		artifact_expect(r, i > 0 ? ",[" : "[");
		list[i].first = artifact_integer(r, 0, IFOREST_MAX_SCALED);
		artifact_expect(r, ",");
		list[i].second = artifact_integer(r, 0, IFOREST_MAX_SCALED);
		artifact_expect(r, ",");
		list[i].sign = artifact_integer(r, -1, 1);
		artifact_expect(r, "]");
	}
	artifact_expect(r, "]");
}

/* Writes the compiled form's own part: header, severity, pairs, padding. */
static void
compile_head(const Severity *severity, const IforestPairs *pairs, Size forest_len, StringInfo out)
{
	IforestHeader header = {0};
	Size		start = out->len;
	Size		array = mul_size(sizeof(float), severity->npoints);
	Size		end;
	pg_crc32c	crc;

	header.magic = IFOREST_MAGIC;
	header.format = (pairs->npairs > 0) ? 2 : 1;
	header.npoints = severity->npoints;
	header.rows = severity->rows;
	header.nscaled = pairs->nscaled;
	header.npairs = pairs->npairs;
	end = own_size(&header);
	header.forest_offset = MAXALIGN(end);
	header.forest_len = forest_len;
	appendBinaryStringInfo(out, (char *) &header, header_size(header.format));
	appendBinaryStringInfo(out, (char *) severity->score, array);
	for (int i = 0; i < severity->npoints; i++)
	{
		float		share = (float) ((double) severity->above[i] / severity->rows);

		appendBinaryStringInfo(out, (char *) &share, sizeof(share));
	}
	if (pairs->npairs > 0)
	{
		appendBinaryStringInfo(out, (const char *) pairs->scaled, sizeof(IforestScaled) * pairs->nscaled);
		appendBinaryStringInfo(out, (const char *) pairs->pairs, sizeof(IforestPair) * pairs->npairs);
	}
	INIT_CRC32C(crc);
	COMP_CRC32C(crc, out->data + start + HEADER_CRC_START, end - HEADER_CRC_START);
	FIN_CRC32C(crc);
	memcpy(out->data + start + offsetof(IforestHeader, crc), &crc, sizeof(crc));
	while (end++ < header.forest_offset)
		appendStringInfoChar(out, '\0');
}

/* Reads an artifact and checks it wholly. */
Forest *
iforest_read(const char *artifact, Size len, IforestPairs *pairs, Severity *severity)
{
	ArtifactReader r;
	Forest	   *forest;
	const char *why;
	int			format;

	memset(pairs, 0, sizeof(*pairs));
	artifact_reader(&r, artifact, len, "isolation forest");
	artifact_expect(&r, ARTIFACT_HEAD);
	format = artifact_integer(&r, 1, IFOREST_FORMAT);
	artifact_expect(&r, ARTIFACT_SEVERITY);
	severity_read(&r, severity);
	if (format > 1)
		read_pairs(&r, pairs);
	artifact_expect(&r, ARTIFACT_FOREST);
	if (r.len - r.at < 2 || r.bytes[r.len - 1] != ARTIFACT_TAIL[0])
		artifact_error(&r, "it is cut short");
	forest = forest_read_isolation(r.bytes + r.at, r.len - r.at - 1);
	pairs->ngiven = forest->nfeatures - pairs->npairs;
	if (pairs->ngiven < 1)
		artifact_error(&r, "its trees have fewer features than there are pairs");
	if ((why = iforest_pairs_check(pairs)) != NULL)
		artifact_error(&r, why);
	return forest;
}

/* Checks an artifact wholly and writes its compiled form. */
void
iforest_compile(const char *artifact, Size len, StringInfo compiled)
{
	Severity	severity;
	IforestPairs pairs;
	Forest	   *forest = iforest_read(artifact, len, &pairs, &severity);
	StringInfoData trees;

	initStringInfo(&trees);
	forest_compile(forest, &trees);
	compile_head(&severity, &pairs, trees.len, compiled);
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

/* Checks that what a compiled form says of itself can be. */
static void
check_header(const IforestHeader *header, Size len)
{
	if (len < header_size(1) || header->magic != IFOREST_MAGIC ||
		header->format < 1 || header->format > IFOREST_FORMAT || len < header_size(header->format))
		compiled_error("The header is not that of an isolation forest of this version.");
	if (header->npoints < 1 || header->npoints > SEVERITY_MAX_POINTS || header->rows < 1)
		compiled_error("The header holds impossible counts.");
	if (header->format > 1 && (header->nscaled < 0 || header->nscaled > IFOREST_MAX_SCALED ||
							   header->npairs < 0 || header->npairs > IFOREST_MAX_PAIRS))
		compiled_error("The header holds impossible counts.");
	if (header->forest_offset != MAXALIGN(own_size(header)) || header->forest_offset > len ||
		header->forest_len != len - header->forest_offset)
		compiled_error("The header does not fit the length.");
}

/* Opens a compiled form in place after checking header, CRC and every part. */
void
iforest_open(const char *compiled, Size len, IforestState *state)
{
	const IforestHeader *header = (const IforestHeader *) compiled;
	const char *at = compiled;
	const char *why;
	pg_crc32c	crc;

	check_header(header, len);
	INIT_CRC32C(crc);
	COMP_CRC32C(crc, compiled + HEADER_CRC_START, own_size(header) - HEADER_CRC_START);
	FIN_CRC32C(crc);
	if (!EQ_CRC32C(crc, header->crc))
		compiled_error("The checksum does not match.");

	at += header_size(header->format);
	state->severity.rows = header->rows;
	state->severity.npoints = header->npoints;
	state->severity.score = (const float *) at;
	state->severity.share = state->severity.score + header->npoints;
	check_severity_table(&state->severity);
	state->forest = forest_open(compiled + header->forest_offset, header->forest_len);
	if (forest_objective(state->forest) != FOREST_ISOLATION || forest_ngroups(state->forest) != 1)
		compiled_error("The trees are not isolation trees.");
	if (header->format > 1)
	{
		at += 2 * sizeof(float) * (Size) header->npoints;
		state->pairs.nscaled = header->nscaled;
		state->pairs.npairs = header->npairs;
		state->pairs.scaled = (const IforestScaled *) at;
		state->pairs.pairs = (const IforestPair *) (at + sizeof(IforestScaled) * header->nscaled);
	}
	state->pairs.ngiven = forest_nfeatures(state->forest) - state->pairs.npairs;
	if (state->pairs.ngiven < 1)
		compiled_error("The trees have fewer features than there are pairs.");
	if ((why = iforest_pairs_check(&state->pairs)) != NULL)
		compiled_error(psprintf("The pairs are not sound: %s.", why));
}
