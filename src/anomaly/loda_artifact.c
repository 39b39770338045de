/*-------------------------------------------------------------------------
 *
 * loda_artifact.c
 *	  LODA's artifact: JSON in the fixed form of learn/artifact.h.
 *
 *		{"format":"aipipe-loda","format_version":1,"features":N,"rows":R,
 *		 "inputs":[{"feature":i,"column":c,"centre":x,"scale":s}
 *				   | {"feature":i,"column":c,"codes":[…]}, …],
 *		 "projections":[{"input":[…],"weight":[…],"from":x,"width":w,
 *						 "below":n,"count":[…],"above":n}, …],
 *		 "severity":{"rows":N,"score":[…],"above":[…]}}
 *
 * (on one line).  Counts are rows; a refresh makes fractions of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"

#include "anomaly/loda.h"

#define HEAD "{\"format\":\"aipipe-loda\",\"format_version\":1,\"features\":"

/* Rows that an artifact may speak of. */
#define MAX_ROWS 1e15

/* Writes an input. */
static void
write_input(const LodaInput *input, StringInfo out)
{
	appendStringInfo(out, "{\"feature\":%d,\"column\":%d", input->feature, input->column);
	if (input->ncodes > 0)
	{
		appendStringInfoString(out, ",\"codes\":");
		artifact_put_floats(out, input->codes, input->ncodes);
	}
	else
	{
		appendStringInfoString(out, ",\"centre\":");
		artifact_put_float(out, input->centre);
		appendStringInfoString(out, ",\"scale\":");
		artifact_put_float(out, input->scale);
	}
	appendStringInfoChar(out, '}');
}

/* Writes a projection. */
static void
write_projection(const LodaProjection *p, StringInfo out)
{
	appendStringInfoString(out, "{\"input\":[");
	for (int i = 0; i < p->ninputs; i++)
		appendStringInfo(out, "%s%d", i > 0 ? "," : "", p->input[i]);
	appendStringInfoString(out, "],\"weight\":");
	artifact_put_floats(out, p->weight, p->ninputs);
	appendStringInfoString(out, ",\"from\":");
	artifact_put_float(out, p->from);
	appendStringInfoString(out, ",\"width\":");
	artifact_put_float(out, p->width);
	appendStringInfoString(out, ",\"below\":");
	artifact_put_double(out, p->below);
	appendStringInfoString(out, ",\"count\":[");
	for (int b = 0; b < p->nbins; b++)
	{
		if (b > 0)
			appendStringInfoChar(out, ',');
		artifact_put_double(out, p->count[b]);
	}
	appendStringInfoString(out, "],\"above\":");
	artifact_put_double(out, p->above);
	appendStringInfoChar(out, '}');
}

/* Writes all that was learned. */
void
loda_write(const Loda *loda, const Severity *severity, StringInfo out)
{
	appendStringInfo(out, HEAD "%d,\"rows\":", loda->nfeatures);
	artifact_put_double(out, loda->rows);
	appendStringInfoString(out, ",\"inputs\":[");
	for (int i = 0; i < loda->ninputs; i++)
	{
		if (i > 0)
			appendStringInfoChar(out, ',');
		write_input(&loda->inputs[i], out);
	}
	appendStringInfoString(out, "],\"projections\":[");
	for (int p = 0; p < loda->nprojections; p++)
	{
		if (p > 0)
			appendStringInfoChar(out, ',');
		write_projection(&loda->projections[p], out);
	}
	appendStringInfoString(out, "],\"severity\":");
	severity_write(severity, out);
	appendStringInfoChar(out, '}');
}

/* Reads a number of rows, which may be a fraction. */
static double
read_rows(ArtifactReader *r)
{
	double		rows = artifact_double(r);

	if (!(rows >= 0 && rows <= MAX_ROWS))
		artifact_error(r, "a number of rows is out of range");
	return rows;
}

/* Reads a float within bounds. */
static float
read_within(ArtifactReader *r, float min, float max)
{
	float		value = artifact_float(r);

	if (!(value >= min && value <= max))
		artifact_error(r, "a number is out of range");
	return value;
}

/* Reads the opening bracket of a list and gives the number of its elements. */
static int
read_list(ArtifactReader *r, int max)
{
	int			n;

	artifact_expect(r, "[");
	n = artifact_count(r, max);
	if (n == 0)
		artifact_error(r, "a list is empty");
	return n;
}

/* Reads the next of n floats within bounds; the last one closes the list. */
static float
read_element(ArtifactReader *r, int i, int n, float max)
{
	float		value = read_within(r, -max, max);

	artifact_expect(r, i < n - 1 ? "," : "]");
	return value;
}

/* Reads an input; features ascend, and columns with them. */
static void
read_input(ArtifactReader *r, const Loda *loda, LodaInput *input)
{
	const LodaInput *before = loda->ninputs > 0 ? &loda->inputs[loda->ninputs - 1] : NULL;

	memset(input, 0, sizeof(*input));
	artifact_expect(r, "{\"feature\":");
	input->feature = (int32) artifact_integer(r, before ? before->feature + 1 : 0, loda->nfeatures - 1);
	artifact_expect(r, ",\"column\":");
	input->column = (int32) artifact_integer(r, before ? before->column : 0, loda->nfeatures - 1);
	if (artifact_take(r, ",\"codes\":"))
	{
		input->scale = 1;
		input->ncodes = read_list(r, 1000001);
		input->codes = palloc(mul_size(sizeof(float), input->ncodes));
		for (int c = 0; c < input->ncodes; c++)
			input->codes[c] = read_element(r, c, input->ncodes, LODA_MAX_CODE);
	}
	else
	{
		artifact_expect(r, ",\"centre\":");
		input->centre = artifact_float(r);
		artifact_expect(r, ",\"scale\":");
		input->scale = artifact_float(r);
		if (!(input->scale > 0))
			artifact_error(r, "a scale is not positive");
	}
	artifact_expect(r, "}");
}

/* Reads which inputs a projection adds up. */
static void
read_entries(ArtifactReader *r, const Loda *loda, LodaProjection *p)
{
	artifact_expect(r, "{\"input\":");
	p->ninputs = read_list(r, LODA_MAX_INPUTS);
	p->input = palloc(sizeof(int32) * p->ninputs);
	p->weight = palloc(sizeof(float) * p->ninputs);
	for (int i = 0; i < p->ninputs; i++)
	{
		p->input[i] = (int32) artifact_integer(r, i > 0 ? p->input[i - 1] + 1 : 0, loda->ninputs - 1);
		artifact_expect(r, i < p->ninputs - 1 ? "," : "]");
	}
	artifact_expect(r, ",\"weight\":[");
	for (int i = 0; i < p->ninputs; i++)
		p->weight[i] = read_element(r, i, p->ninputs, LODA_MAX_WEIGHT);
}

/* Reads a projection. */
static void
read_projection(ArtifactReader *r, const Loda *loda, LodaProjection *p)
{
	read_entries(r, loda, p);
	artifact_expect(r, ",\"from\":");
	p->from = read_within(r, -LODA_MAX_FROM, LODA_MAX_FROM);
	artifact_expect(r, ",\"width\":");
	p->width = read_within(r, LODA_MIN_WIDTH, LODA_MAX_WIDTH);
	artifact_expect(r, ",\"below\":");
	p->below = read_rows(r);
	artifact_expect(r, ",\"count\":");
	p->nbins = read_list(r, LODA_MAX_BINS);
	p->count = palloc(sizeof(double) * p->nbins);
	for (int b = 0; b < p->nbins; b++)
	{
		p->count[b] = read_rows(r);
		artifact_expect(r, b < p->nbins - 1 ? "," : "]");
	}
	artifact_expect(r, ",\"above\":");
	p->above = read_rows(r);
	artifact_expect(r, "}");
}

/* Reads the list of inputs. */
static void
read_inputs(ArtifactReader *r, Loda *loda)
{
	int			capacity = 64;

	loda->inputs = palloc(sizeof(LodaInput) * capacity);
	artifact_expect(r, ",\"inputs\":[");
	while (!artifact_take(r, "]"))
	{
		if (loda->ninputs > 0)
			artifact_expect(r, ",");
		if (loda->ninputs == capacity)
		{
			capacity *= 2;
			loda->inputs = repalloc(loda->inputs, mul_size(sizeof(LodaInput), capacity));
		}
		CHECK_FOR_INTERRUPTS();
		read_input(r, loda, &loda->inputs[loda->ninputs]);
		loda->ninputs++;
	}
}

/* Reads the list of projections; without inputs there is none. */
static void
read_projections(ArtifactReader *r, Loda *loda)
{
	loda->projections = palloc0(sizeof(LodaProjection) * LODA_MAX_PROJECTIONS);
	artifact_expect(r, ",\"projections\":[");
	while (!artifact_take(r, "]"))
	{
		if (loda->nprojections > 0)
			artifact_expect(r, ",");
		if (loda->nprojections == LODA_MAX_PROJECTIONS || loda->ninputs == 0)
			artifact_error(r, "it has too many projections");
		CHECK_FOR_INTERRUPTS();
		read_projection(r, loda, &loda->projections[loda->nprojections]);
		loda->nprojections++;
	}
	if (loda->ninputs > 0 && loda->nprojections == 0)
		artifact_error(r, "it has no projections");
}

/* Reads all that was learned and checks it. */
void
loda_read(const char *artifact, Size len, Loda *loda, Severity *severity)
{
	ArtifactReader r;

	memset(loda, 0, sizeof(*loda));
	artifact_reader(&r, artifact, len, "loda");
	artifact_expect(&r, HEAD);
	loda->nfeatures = (int32) artifact_integer(&r, 1, LODA_MAX_FEATURES);
	artifact_expect(&r, ",\"rows\":");
	loda->rows = read_rows(&r);
	read_inputs(&r, loda);
	read_projections(&r, loda);
	artifact_expect(&r, ",\"severity\":");
	severity_read(&r, severity);
	artifact_expect(&r, "}");
	artifact_end(&r);
}
