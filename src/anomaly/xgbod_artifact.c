/*-------------------------------------------------------------------------
 *
 * xgbod_artifact.c
 *	  The artifact of algorithm "xgbod" and its compiled form.
 *
 * The artifact is JSON in one fixed form (learn/artifact.h) around two others:
 *
 *		{"format":"aipipe-xgbod","format_version":1,"features":N,"novelty":0.25,"limits":[…],"owners":[…],
 *		 "trees_tail":{…},"tail":{…},"base_bytes":N,"trees_bytes":N,"base":{…},"trees":{…}}
 *
 * (on one line).  The compiled form is opened in place; every part lies MAXALIGNed:
 *
 *		XgbodHeader | int32 limits[nfeatures] | int32 owners[nfeatures] | trees' tail | tail | base | trees
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "storage/shmem.h"
#include "utils/memutils.h"

#include "anomaly/xgbod.h"
#include "learn/compiled.h"

#define XGBOD_MAGIC "aipipeXO"
#define XGBOD_FORMAT 1
#define XGBOD_MAX_FEATURES 32000
#define XGBOD_MAX_NOVELTY 100

typedef struct XgbodHeader
{
	char		magic[8];
	uint32		format;
	uint32		byte_order;
	uint32		crc;			/* CRC-32C of everything, with this field zero */
	int32		nfeatures;
	float		novelty;
	uint32		reserved;		/* zero */
	uint64		length;			/* of everything */
	uint64		base_offset;
	uint64		base_len;
	uint64		trees_offset;
	uint64		trees_len;
} XgbodHeader;

/* Appends "[a,b,…]". */
static void
put_ints(StringInfo out, const int32 *values, int n)
{
	int64	   *wide = palloc(mul_size(Max(n, 1), sizeof(int64)));

	for (int i = 0; i < n; i++)
		wide[i] = values[i];
	artifact_put_integers(out, wide, n);
	pfree(wide);
}

/* Reads "[a,b,…]" of n whole numbers from 0 to a bound. */
static int32 *
read_ints(ArtifactReader *r, int n, int32 max)
{
	int64	   *wide = palloc(mul_size(n, sizeof(int64)));
	int32	   *values = palloc(mul_size(n, sizeof(int32)));

	artifact_integers(r, wide, n, 0, max);
	for (int i = 0; i < n; i++)
		values[i] = (int32) wide[i];
	pfree(wide);
	return values;
}

/* Writes the canonical artifact. */
void
xgbod_write(const XgbodModel *model, const StringInfoData *base, const StringInfoData *trees, StringInfo out)
{
	appendStringInfo(out, "{\"format\":\"aipipe-xgbod\",\"format_version\":1,\"features\":%d,\"novelty\":", model->nfeatures);
	artifact_put_float(out, model->novelty);
	appendStringInfoString(out, ",\"limits\":");
	put_ints(out, model->limits, model->nfeatures);
	appendStringInfoString(out, ",\"owners\":");
	put_ints(out, model->owners, model->nfeatures);
	appendStringInfoString(out, ",\"trees_tail\":");
	tail_write(&model->trees_tail, out);
	appendStringInfoString(out, ",\"tail\":");
	tail_write(&model->tail, out);
	appendStringInfo(out, ",\"base_bytes\":%d,\"trees_bytes\":%d,\"base\":", base->len, trees->len);
	appendBinaryStringInfo(out, base->data, base->len);
	appendStringInfoString(out, ",\"trees\":");
	appendBinaryStringInfo(out, trees->data, trees->len);
	appendStringInfoChar(out, '}');
}

/* Appends zeros up to the next aligned place behind start. */
static void
pad(StringInfo out, int start)
{
	while ((out->len - start) % MAXIMUM_ALIGNOF != 0)
		appendStringInfoChar(out, '\0');
}

/* Says whether what the trees look at is what a base shows them. */
static bool
parts_fit(const LoadedModel *base, const LoadedModel *trees, int nfeatures, XgbodLayout *layout)
{
	if (base->nfeatures != nfeatures || trees->nmargins != 1 || trees->nvalues != 2)
		return false;
	xgbod_layout(base, layout);
	return trees->nfeatures == layout->width;
}

/* Writes the compiled form around the compiled base and trees. */
static void
compile_model(const XgbodModel *model, const StringInfoData *base, const StringInfoData *trees, StringInfo out)
{
	XgbodHeader header = {.format = XGBOD_FORMAT, .byte_order = COMPILED_BYTE_ORDER};
	int			start = out->len;

	memcpy(header.magic, XGBOD_MAGIC, sizeof(header.magic));
	header.nfeatures = model->nfeatures;
	header.novelty = model->novelty;
	appendBinaryStringInfo(out, (const char *) &header, sizeof(header));
	appendBinaryStringInfo(out, (const char *) model->limits, mul_size(model->nfeatures, sizeof(int32)));
	appendBinaryStringInfo(out, (const char *) model->owners, mul_size(model->nfeatures, sizeof(int32)));
	pad(out, start);
	tail_compile(&model->trees_tail, out);
	tail_compile(&model->tail, out);
	pad(out, start);
	header.base_offset = out->len - start;
	header.base_len = base->len;
	appendBinaryStringInfo(out, base->data, base->len);
	pad(out, start);
	header.trees_offset = out->len - start;
	header.trees_len = trees->len;
	appendBinaryStringInfo(out, trees->data, trees->len);
	header.length = out->len - start;
	memcpy(out->data + start, &header, sizeof(header));
	header.crc = compiled_crc(out->data + start, header.length, offsetof(XgbodHeader, crc));
	memcpy(out->data + start, &header, sizeof(header));
}

/* Reads an artifact up to the two that it holds. */
static void
read_model(ArtifactReader *r, XgbodModel *model, Size *base_len, Size *trees_len)
{
	artifact_expect(r, "{\"format\":\"aipipe-xgbod\",\"format_version\":1,\"features\":");
	model->nfeatures = (int) artifact_integer(r, 1, XGBOD_MAX_FEATURES);
	artifact_expect(r, ",\"novelty\":");
	model->novelty = artifact_float(r);
	if (model->novelty < 0 || model->novelty > XGBOD_MAX_NOVELTY)
		artifact_error(r, "the weight of the base is out of range");
	artifact_expect(r, ",\"limits\":");
	model->limits = read_ints(r, model->nfeatures, PG_INT32_MAX);
	artifact_expect(r, ",\"owners\":");
	model->owners = read_ints(r, model->nfeatures, model->nfeatures - 1);
	artifact_expect(r, ",\"trees_tail\":");
	tail_read(r, &model->trees_tail);
	artifact_expect(r, ",\"tail\":");
	tail_read(r, &model->tail);
	artifact_expect(r, ",\"base_bytes\":");
	*base_len = (Size) artifact_integer(r, 1, MaxAllocSize);
	artifact_expect(r, ",\"trees_bytes\":");
	*trees_len = (Size) artifact_integer(r, 1, MaxAllocSize);
}

/* Checks an artifact wholly and writes its compiled form. */
void
xgbod_compile(const char *artifact, Size len, StringInfo compiled)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe xgbod compile", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	ArtifactReader r;
	XgbodModel	model = {0};
	XgbodLayout layout;
	Size		base_len;
	Size		trees_len;
	StringInfoData base;
	StringInfoData trees;

	artifact_reader(&r, artifact, len, "xgbod");
	read_model(&r, &model, &base_len, &trees_len);
	initStringInfo(&base);
	initStringInfo(&trees);
	artifact_expect(&r, ",\"base\":");
	algorithm_ensemble.compile(artifact_bytes(&r, base_len), base_len, &base);
	artifact_expect(&r, ",\"trees\":");
	algorithm_xgboost.compile(artifact_bytes(&r, trees_len), trees_len, &trees);
	artifact_expect(&r, "}");
	artifact_end(&r);
	if (!parts_fit(algorithm_ensemble.open(base.data, base.len), algorithm_xgboost.open(trees.data, trees.len),
				   model.nfeatures, &layout))
		artifact_error(&r, "its base and its trees do not belong together");
	compile_model(&model, &base, &trees, compiled);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Opens the tail that begins at a place and gives the place behind it. */
static Size
open_tail(const char *bytes, Size at, Size end, Tail *tail)
{
	Size		taken = at < end ? tail_open(bytes + at, end - at, tail) : 0;

	if (taken == 0)
		compiled_corrupted("A tail in it is not sound.");
	return at + taken;
}

/* Checks header and checksum. */
static const XgbodHeader *
check_header(const char *bytes, Size len)
{
	const XgbodHeader *header = (const XgbodHeader *) bytes;

	if (bytes != (const char *) MAXALIGN(bytes))
		elog(ERROR, "compiled xgbod is not aligned");
	if (len < sizeof(XgbodHeader) || memcmp(header->magic, XGBOD_MAGIC, sizeof(header->magic)) != 0)
		compiled_corrupted("It does not start as a compiled xgbod does.");
	if (header->byte_order != COMPILED_BYTE_ORDER)
		compiled_corrupted("It was made on a machine of another byte order.");
	if (header->format != XGBOD_FORMAT || header->reserved != 0)
		compiled_corrupted(psprintf("Its format is %u; this version of aipipe reads format %d.", header->format, XGBOD_FORMAT));
	if (header->length != len || header->crc != compiled_crc(bytes, len, offsetof(XgbodHeader, crc)))
		compiled_corrupted("Its checksum does not match.");
	if (header->nfeatures < 1 || header->nfeatures > XGBOD_MAX_FEATURES ||
		!(header->novelty >= 0 && header->novelty <= XGBOD_MAX_NOVELTY))
		compiled_corrupted("A number in its header is out of range.");
	if (header->base_offset > len || header->base_len > len - header->base_offset ||
		header->trees_offset != MAXALIGN(header->base_offset + header->base_len) || header->trees_offset > len ||
		header->trees_len != len - header->trees_offset || header->base_offset != MAXALIGN(header->base_offset))
		compiled_corrupted("Its sections do not fit its length.");
	return header;
}

/* Opens a compiled form in place, in the current context. */
XgbodState *
xgbod_open_state(const char *bytes, Size len)
{
	const XgbodHeader *header = check_header(bytes, len);
	XgbodState *state = palloc0(sizeof(XgbodState));
	XgbodModel *model = &state->model;
	Size		at = sizeof(XgbodHeader);

	model->nfeatures = header->nfeatures;
	model->novelty = header->novelty;
	if (header->base_offset < at + 2 * sizeof(int32) * (Size) model->nfeatures)
		compiled_corrupted("Its sections do not fit its length.");
	model->limits = (int32 *) (bytes + at);
	model->owners = model->limits + model->nfeatures;
	for (int f = 0; f < model->nfeatures; f++)
		if (model->limits[f] < 0 || model->owners[f] < 0 || model->owners[f] >= model->nfeatures)
			compiled_corrupted("A feature in it is not sound.");
	at = MAXALIGN(at + 2 * sizeof(int32) * (Size) model->nfeatures);
	at = open_tail(bytes, at, header->base_offset, &model->trees_tail);
	at = open_tail(bytes, at, header->base_offset, &model->tail);
	if (MAXALIGN(at) != header->base_offset)
		compiled_corrupted("Its sections do not fit its length.");
	state->base = algorithm_ensemble.open(bytes + header->base_offset, header->base_len);
	state->trees = algorithm_xgboost.open(bytes + header->trees_offset, header->trees_len);
	if (!parts_fit(state->base, state->trees, model->nfeatures, &state->layout))
		compiled_corrupted("Its base and its trees do not belong together.");
	return state;
}
