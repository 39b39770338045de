/*-------------------------------------------------------------------------
 *
 * loda_compiled.c
 *	  LODA's compiled form, opened in place.
 *
 *		LodaHeader
 *		feature[ninputs] column[ninputs] centre[ninputs] inverse[ninputs]
 *		code_first[ninputs + 1] codes[ncodes]
 *		entry_first[nprojections + 1] entry_input[nentries] entry_weight[nentries]
 *		from[nprojections] inverse_width[…] below[…] above[…]
 *		cell_first[nprojections + 1] cells[ncells]				(all of four bytes)
 *		padding, severity_compile() bytes
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"

#include "anomaly/loda.h"
#include "learn/compiled.h"

#define LODA_MAGIC 0x41444F4C	/* "LODA" */
#define LODA_FORMAT 1

#define MAX_ELEMENTS (256 * 1024 * 1024)

typedef struct LodaHeader
{
	uint32		magic;
	uint32		crc;
	uint32		format;
	uint32		byte_order;
	int32		nfeatures;
	int32		ninputs;
	int32		ncodes;
	int32		nprojections;
	int32		nentries;
	int32		ncells;
} LodaHeader;

/* Appends four-byte elements. */
static void
put(StringInfo out, const void *elements, Size n)
{
	appendBinaryStringInfo(out, elements, (int) mul_size(sizeof(float), n));
}

/* Appends the arrays of the inputs. */
static void
put_inputs(const LodaState *state, StringInfo out)
{
	put(out, state->feature, state->ninputs);
	put(out, state->column, state->ninputs);
	put(out, state->centre, state->ninputs);
	put(out, state->inverse, state->ninputs);
	put(out, state->code_first, state->ninputs + 1);
	put(out, state->codes, state->code_first[state->ninputs]);
}

/* Appends the arrays of the projections. */
static void
put_projections(const LodaState *state, StringInfo out)
{
	int			n = state->nprojections;

	put(out, state->entry_first, n + 1);
	put(out, state->entry_input, state->entry_first[n]);
	put(out, state->entry_weight, state->entry_first[n]);
	put(out, state->from, n);
	put(out, state->inverse_width, n);
	put(out, state->below, n);
	put(out, state->above, n);
	put(out, state->cell_first, n + 1);
	put(out, state->cells, state->cell_first[n]);
}

/* Writes the compiled form, or that which judges a counted row as though it had not been counted. */
void
loda_compile(const Loda *loda, const Severity *severity, bool unseen, StringInfo compiled)
{
	const LodaState *state = loda_view(loda, unseen);
	LodaHeader	header = {0};
	int			start = compiled->len;

	header.magic = LODA_MAGIC;
	header.format = LODA_FORMAT;
	header.byte_order = COMPILED_BYTE_ORDER;
	header.nfeatures = state->nfeatures;
	header.ninputs = state->ninputs;
	header.ncodes = state->code_first[state->ninputs];
	header.nprojections = state->nprojections;
	header.nentries = state->entry_first[state->nprojections];
	header.ncells = state->cell_first[state->nprojections];
	appendBinaryStringInfo(compiled, (char *) &header, sizeof(header));
	put_inputs(state, compiled);
	put_projections(state, compiled);
	while ((Size) (compiled->len - start) != MAXALIGN(compiled->len - start))
		appendStringInfoChar(compiled, '\0');
	severity_compile(severity, compiled);
	header.crc = compiled_crc(compiled->data + start, compiled->len - start, offsetof(LodaHeader, crc));
	memcpy(compiled->data + start, &header, sizeof(header));
}

/* Steps over so many four-byte elements and gives the place of the first. */
static const void *
take(const char **at, Size n)
{
	const char *place = *at;

	*at += sizeof(float) * n;
	return place;
}

/* Gives the bytes of all arrays; the counts are within their bounds. */
static Size
array_bytes(const LodaHeader *h)
{
	return sizeof(float) * (4 * (Size) h->ninputs + (h->ninputs + 1) + h->ncodes +
							2 * ((Size) h->nprojections + 1) + 4 * (Size) h->nprojections +
							2 * (Size) h->nentries + h->ncells);
}

/* Finds the arrays behind the header. */
static void
place_arrays(const LodaHeader *h, LodaState *state)
{
	const char *at = (const char *) (h + 1);

	state->nfeatures = h->nfeatures;
	state->ninputs = h->ninputs;
	state->nprojections = h->nprojections;
	state->feature = take(&at, h->ninputs);
	state->column = take(&at, h->ninputs);
	state->centre = take(&at, h->ninputs);
	state->inverse = take(&at, h->ninputs);
	state->code_first = take(&at, h->ninputs + 1);
	state->codes = take(&at, h->ncodes);
	state->entry_first = take(&at, h->nprojections + 1);
	state->entry_input = take(&at, h->nentries);
	state->entry_weight = take(&at, h->nentries);
	state->from = take(&at, h->nprojections);
	state->inverse_width = take(&at, h->nprojections);
	state->below = take(&at, h->nprojections);
	state->above = take(&at, h->nprojections);
	state->cell_first = take(&at, h->nprojections + 1);
	state->cells = take(&at, h->ncells);
}

/* Checks that places begin at 0, rise by at least so many and end where their array does. */
static void
check_places(const int32 *first, int n, int32 total, int least, int most)
{
	if (first[0] != 0 || first[n] != total)
		compiled_corrupted("Its parts do not fill their arrays.");
	for (int i = 0; i < n; i++)
	{
		if (first[i + 1] < first[i] || first[i + 1] > total ||
			first[i + 1] - first[i] < least || first[i + 1] - first[i] > most)
			compiled_corrupted("A part is out of range.");
	}
}

/* Checks that numbers are within -max and max. */
static void
check_numbers(const float *numbers, int n, float max)
{
	for (int i = 0; i < n; i++)
	{
		if (!(numbers[i] >= -max && numbers[i] <= max))
			compiled_corrupted("A number is out of range.");
	}
}

/* Checks that numbers are positive and finite. */
static void
check_scales(const float *numbers, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (!(numbers[i] > 0) || !isfinite(numbers[i]))
			compiled_corrupted("A scale is out of range.");
	}
}

/* Checks what the arrays hold. */
static void
check_arrays(const LodaHeader *h, const LodaState *state)
{
	for (int i = 0; i < h->ninputs; i++)
	{
		if (state->feature[i] < 0 || state->feature[i] >= h->nfeatures ||
			state->column[i] < 0 || state->column[i] >= h->nfeatures ||
			(i > 0 && (state->feature[i] <= state->feature[i - 1] || state->column[i] < state->column[i - 1])))
			compiled_corrupted("An input is out of range.");
		if (!isfinite(state->centre[i]))
			compiled_corrupted("A centre is not finite.");
	}
	check_scales(state->inverse, h->ninputs);
	check_places(state->code_first, h->ninputs, h->ncodes, 0, h->ncodes);
	check_numbers(state->codes, h->ncodes, LODA_MAX_CODE);
	check_places(state->entry_first, h->nprojections, h->nentries, 1, LODA_MAX_INPUTS);
	for (int e = 0; e < h->nentries; e++)
	{
		if (state->entry_input[e] < 0 || state->entry_input[e] >= h->ninputs)
			compiled_corrupted("A projection adds up what is no input.");
	}
	check_numbers(state->entry_weight, h->nentries, LODA_MAX_WEIGHT);
	check_numbers(state->from, h->nprojections, LODA_MAX_FROM);
	check_scales(state->inverse_width, h->nprojections);
	check_numbers(state->below, h->nprojections, 1000);
	check_numbers(state->above, h->nprojections, 1000);
	check_places(state->cell_first, h->nprojections, h->ncells, 1, LODA_MAX_BINS);
	check_numbers(state->cells, h->ncells, 1000);
}

/* Opens a compiled form in place after checking header, CRC and every part. */
void
loda_open(const char *compiled, Size len, LodaState *state)
{
	const LodaHeader *h = (const LodaHeader *) compiled;
	Size		severity_at;

	if (len < sizeof(LodaHeader) || h->magic != LODA_MAGIC || h->format != LODA_FORMAT ||
		h->byte_order != COMPILED_BYTE_ORDER)
		compiled_corrupted("The header is not that of a LODA of this version.");
	if (compiled_crc(compiled, len, offsetof(LodaHeader, crc)) != h->crc)
		compiled_corrupted("The checksum does not match.");
	if (h->nfeatures < 1 || h->nfeatures > LODA_MAX_FEATURES || h->ninputs < 0 || h->ninputs > h->nfeatures ||
		h->nprojections < 0 || h->nprojections > LODA_MAX_PROJECTIONS ||
		h->ncodes < 0 || h->ncodes > MAX_ELEMENTS || h->nentries < 0 || h->nentries > MAX_ELEMENTS ||
		h->ncells < 0 || h->ncells > MAX_ELEMENTS)
		compiled_corrupted("The header holds impossible counts.");
	severity_at = MAXALIGN(sizeof(LodaHeader) + array_bytes(h));
	if (severity_at >= len)
		compiled_corrupted("The header does not fit the length.");
	place_arrays(h, state);
	check_arrays(h, state);
	if (severity_open(compiled + severity_at, len - severity_at, &state->severity) != len - severity_at)
		compiled_corrupted("The severities are not sound.");
}
