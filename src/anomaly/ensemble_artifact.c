/*-------------------------------------------------------------------------
 *
 * ensemble_artifact.c
 *	  The ensemble's artifact and compiled form.
 *
 * The artifact is a frame of JSON in the fixed form of learn/artifact.h with the
 * components' own artifacts inside, each behind its length:
 *
 *		{"format":"aipipe-ensemble","format_version":1,"tail":{…},"severity":{…},
 *		 "components":[{"name":"isolation_forest","weight":1,"tail":{…},"length":N,"artifact":…},…]}
 *
 * (on one line).  Components are in the order of the list of algorithms, each once.
 * The compiled form is opened in place; every part begins MAXALIGNed:
 *
 *		EnsembleHeader | tail | severity | EnsembleEntry, tail, compiled component | …
 *
 * The CRC covers everything but the components, which have their own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "port/pg_crc32c.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "anomaly/ensemble_int.h"
#include "learn/compiled.h"

#define ENSEMBLE_MAGIC 0x4C4D534E45504941	/* "AIPENSML" */
#define ENSEMBLE_FORMAT 1

#define ARTIFACT_HEAD "{\"format\":\"aipipe-ensemble\",\"format_version\":1,\"tail\":"
#define ARTIFACT_SEVERITY ",\"severity\":"
#define ARTIFACT_COMPONENTS ",\"components\":["
#define ARTIFACT_NAME "{\"name\":\""
#define ARTIFACT_WEIGHT "\",\"weight\":"
#define ARTIFACT_TAIL ",\"tail\":"
#define ARTIFACT_LENGTH ",\"length\":"
#define ARTIFACT_ARTIFACT ",\"artifact\":"
#define ARTIFACT_END "]}"

typedef struct EnsembleHeader
{
	uint64		magic;
	uint32		format;
	uint32		byte_order;
	uint32		crc;
	int32		ncomponents;
	uint64		length;			/* of everything */
} EnsembleHeader;

typedef struct EnsembleEntry
{
	char		name[NAMEDATALEN];
	double		weight;
	uint64		length;			/* of the compiled component, without padding */
} EnsembleEntry;

/* Writes the canonical artifact. */
void
ensemble_write(const EnsembleModel *model, StringInfo out)
{
	appendStringInfoString(out, ARTIFACT_HEAD);
	tail_write(&model->tail, out);
	appendStringInfoString(out, ARTIFACT_SEVERITY);
	severity_write(&model->severity, out);
	appendStringInfoString(out, ARTIFACT_COMPONENTS);
	for (int i = 0; i < model->n; i++)
	{
		const EnsembleMember *member = &model->member[i];

		if (i > 0)
			appendStringInfoChar(out, ',');
		appendStringInfo(out, ARTIFACT_NAME "%s" ARTIFACT_WEIGHT, member->algorithm->name);
		artifact_put_double(out, member->weight);
		appendStringInfoString(out, ARTIFACT_TAIL);
		tail_write(&member->tail, out);
		appendStringInfo(out, ARTIFACT_LENGTH "%zu" ARTIFACT_ARTIFACT, member->artifact_len);
		appendBinaryStringInfo(out, member->artifact, member->artifact_len);
		appendStringInfoChar(out, '}');
	}
	appendStringInfoString(out, ARTIFACT_END);
}

/* Reads which component comes next; *next is the number of the first that may, and becomes that behind it. */
static const Algorithm *
read_name(ArtifactReader *r, int *next)
{
	const Algorithm *candidate;

	while ((candidate = ensemble_candidate((*next)++)) != NULL)
	{
		ArtifactReader ahead = *r;

		if (artifact_take(&ahead, candidate->name) && artifact_take(&ahead, ARTIFACT_WEIGHT))
		{
			*r = ahead;
			return candidate;
		}
	}
	artifact_error(r, "a component is unknown or out of order");
}

/* Reads one component; its artifact is not looked into. */
static void
read_member(ArtifactReader *r, int *next, EnsembleMember *member)
{
	artifact_expect(r, ARTIFACT_NAME);
	member->algorithm = read_name(r, next);
	member->weight = artifact_double(r);
	if (!(member->weight > 0 && member->weight <= ENSEMBLE_MAX_WEIGHT))
		artifact_error(r, "a weight is out of range");
	artifact_expect(r, ARTIFACT_TAIL);
	tail_read(r, &member->tail);
	artifact_expect(r, ARTIFACT_LENGTH);
	member->artifact_len = (Size) artifact_integer(r, 1, MaxAllocHugeSize);
	artifact_expect(r, ARTIFACT_ARTIFACT);
	member->artifact = artifact_bytes(r, member->artifact_len);
	artifact_expect(r, "}");
}

/* Reads an artifact; the components' own are not looked into and stay where they are. */
void
ensemble_read(const char *artifact, Size len, EnsembleModel *model)
{
	ArtifactReader r;
	int			next = 0;

	memset(model, 0, sizeof(EnsembleModel));
	artifact_reader(&r, artifact, len, "detector");
	artifact_expect(&r, ARTIFACT_HEAD);
	tail_read(&r, &model->tail);
	artifact_expect(&r, ARTIFACT_SEVERITY);
	severity_read(&r, &model->severity);
	artifact_expect(&r, ARTIFACT_COMPONENTS);
	do
	{
		if (model->n == ENSEMBLE_MAX_COMPONENTS)
			artifact_error(&r, "it has too many components");
		read_member(&r, &next, &model->member[model->n++]);
	} while (artifact_take(&r, ","));
	artifact_expect(&r, ARTIFACT_END);
	artifact_end(&r);
}

/* Appends zeros up to the next aligned place. */
static void
align(StringInfo out, int start)
{
	while ((out->len - start) % MAXIMUM_ALIGNOF != 0)
		appendStringInfoChar(out, '\0');
}

/* Adds bytes to a checksum. */
static void
add_crc(pg_crc32c *crc, const char *bytes, Size len)
{
	COMP_CRC32C(*crc, bytes, len);
}

/* Gives the checksum of a header with the field for it taken as zero. */
static pg_crc32c
header_crc(const EnsembleHeader *header)
{
	EnsembleHeader copy = *header;
	pg_crc32c	crc;

	copy.crc = 0;
	INIT_CRC32C(crc);
	add_crc(&crc, (const char *) &copy, sizeof(copy));
	return crc;
}

/* Writes the compiled form around the compiled components. */
void
ensemble_compile_model(const EnsembleModel *model, const StringInfoData *compiled, StringInfo out)
{
	int			start = out->len;
	int			part = start + sizeof(EnsembleHeader);
	EnsembleHeader header = {0};
	pg_crc32c	crc;
	pg_crc32c	whole;

	StaticAssertStmt(sizeof(EnsembleHeader) % MAXIMUM_ALIGNOF == 0 && sizeof(EnsembleEntry) % MAXIMUM_ALIGNOF == 0,
					 "parts of a compiled ensemble are aligned");
	header.magic = ENSEMBLE_MAGIC;
	header.format = ENSEMBLE_FORMAT;
	header.byte_order = COMPILED_BYTE_ORDER;
	header.ncomponents = model->n;
	appendBinaryStringInfo(out, (char *) &header, sizeof(header));
	tail_compile(&model->tail, out);
	severity_compile(&model->severity, out);
	INIT_CRC32C(crc);
	for (int i = 0; i < model->n; i++)
	{
		EnsembleEntry entry = {0};

		strlcpy(entry.name, model->member[i].algorithm->name, sizeof(entry.name));
		entry.weight = model->member[i].weight;
		entry.length = compiled[i].len;
		appendBinaryStringInfo(out, (char *) &entry, sizeof(entry));
		tail_compile(&model->member[i].tail, out);
		add_crc(&crc, out->data + part, out->len - part);
		appendBinaryStringInfo(out, compiled[i].data, compiled[i].len);
		align(out, start);
		part = out->len;
	}
	header.length = out->len - start;
	whole = header_crc(&header);
	/* the parts' checksum, checksummed behind the header */
	FIN_CRC32C(crc);
	add_crc(&whole, (const char *) &crc, sizeof(crc));
	FIN_CRC32C(whole);
	header.crc = whole;
	memcpy(out->data + start, &header, sizeof(header));
}

/* Checks an artifact wholly, the components' own too, and writes its compiled form. */
void
ensemble_compile(const char *artifact, Size len, StringInfo out)
{
	EnsembleModel model;
	StringInfoData compiled[ENSEMBLE_MAX_COMPONENTS];
	int			nfeatures = 0;

	ensemble_read(artifact, len, &model);
	for (int i = 0; i < model.n; i++)
	{
		const EnsembleMember *member = &model.member[i];
		LoadedModel *loaded;

		initStringInfo(&compiled[i]);
		member->algorithm->compile(member->artifact, member->artifact_len, &compiled[i]);
		loaded = member->algorithm->open(compiled[i].data, compiled[i].len);
		if (i > 0 && loaded->nfeatures != nfeatures)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid detector"),
					 errdetail("The artifact is damaged or was not written by aipipe: its components have %d and %d features.",
							   nfeatures, loaded->nfeatures)));
		nfeatures = loaded->nfeatures;
	}
	ensemble_compile_model(&model, compiled, out);
}

/* A place in a compiled form that is being opened. */
typedef struct Opening
{
	const char *bytes;
	Size		len;
	Size		at;
	pg_crc32c	crc;			/* of the parts read so far */
} Opening;

/* Gives so many bytes that must come next and steps over them. */
static const char *
take(Opening *o, Size len)
{
	const char *bytes = o->bytes + o->at;

	if (len > o->len - o->at)
		compiled_corrupted("The detector is cut short.");
	o->at += len;
	return bytes;
}

/* Opens the tail that must come next. */
static void
take_tail(Opening *o, Tail *tail)
{
	const char *bytes = o->bytes + o->at;
	Size		taken = tail_open(bytes, o->len - o->at, tail);

	if (taken == 0)
		compiled_corrupted("A tail of the detector is not sound.");
	o->at += taken;
}

/* Gives the algorithm of an entry, which must come behind the one before; *next as in read_name(). */
static const Algorithm *
entry_algorithm(const EnsembleEntry *entry, int *next)
{
	const Algorithm *candidate;

	while ((candidate = ensemble_candidate((*next)++)) != NULL)
	{
		if (strncmp(candidate->name, entry->name, sizeof(entry->name)) == 0)
			return candidate;
	}
	compiled_corrupted("A component of the detector is unknown or out of order.");
}

/* Opens the component that must come next. */
static void
take_component(Opening *o, int *next, EnsembleComponent *component)
{
	Size		start = o->at;
	const EnsembleEntry *entry = (const EnsembleEntry *) take(o, sizeof(EnsembleEntry));
	const Algorithm *algorithm = entry_algorithm(entry, next);
	const char *compiled;

	component->weight = entry->weight;
	if (!(component->weight > 0 && component->weight <= ENSEMBLE_MAX_WEIGHT))
		compiled_corrupted("A component's weight is out of range.");
	take_tail(o, &component->tail);
	add_crc(&o->crc, o->bytes + start, o->at - start);
	if (entry->length > o->len)
		compiled_corrupted("A component of the detector is cut short.");
	compiled = take(o, entry->length);
	(void) take(o, MAXALIGN(entry->length) - entry->length);
	component->model = algorithm->open(compiled, entry->length);
	if (component->model->nmargins != 1)
		compiled_corrupted("A component of the detector is none.");
}

/* Opens a compiled form in place; gives the number of features. */
int
ensemble_open(const char *compiled, Size len, EnsembleState *state)
{
	const EnsembleHeader *header = (const EnsembleHeader *) compiled;
	Opening		o = {compiled, len, sizeof(EnsembleHeader)};
	Size		start;
	Size		taken;
	pg_crc32c	whole;
	int			next = 0;

	if (len < sizeof(EnsembleHeader) || header->magic != ENSEMBLE_MAGIC || header->format != ENSEMBLE_FORMAT ||
		header->byte_order != COMPILED_BYTE_ORDER)
		compiled_corrupted("The header is not that of a detector of this version.");
	if (header->length != len || header->ncomponents < 1 || header->ncomponents > ENSEMBLE_MAX_COMPONENTS)
		compiled_corrupted("The header holds impossible counts.");
	take_tail(&o, &state->tail);
	taken = severity_open(o.bytes + o.at, o.len - o.at, &state->severity);
	if (taken == 0)
		compiled_corrupted("The severities are not sound.");
	o.at += taken;
	INIT_CRC32C(o.crc);
	start = sizeof(EnsembleHeader);
	add_crc(&o.crc, compiled + start, o.at - start);
	state->n = header->ncomponents;
	for (int i = 0; i < state->n; i++)
		take_component(&o, &next, &state->component[i]);
	if (o.at != len)
		compiled_corrupted("Bytes follow the last component.");
	FIN_CRC32C(o.crc);
	whole = header_crc(header);
	add_crc(&whole, (const char *) &o.crc, sizeof(o.crc));
	FIN_CRC32C(whole);
	if (!EQ_CRC32C(whole, header->crc))
		compiled_corrupted("The checksum does not match.");
	for (int i = 1; i < state->n; i++)
	{
		if (state->component[i].model->nfeatures != state->component[0].model->nfeatures)
			compiled_corrupted("The components have different features.");
	}
	return state->component[0].model->nfeatures;
}
