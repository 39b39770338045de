/*-------------------------------------------------------------------------
 *
 * surprise_artifact.c
 *	  The counts as canonical JSON, one fixed form on one line:
 *
 *		{"format":"aipipe-cell-surprise","format_version":1,"features":F,"columns":C,"rows":N,
 *		 "power":0.75,"smoothing":2,"partition":-1,"aspects":[
 *		  {"feature":0,"column":0,"side":0,"paired":1,"grouped":0,
 *		   "bins":[[lo,…],[hi,…],[alone,…]],"open":[0,0],"core":[lo,hi,scale_lo,scale_hi],	(a number)
 *		   "categories":K,															(a category)
 *		   "groups":[[center,…],[width,…]],											(a number within its group)
 *		   "counts":[…],"novelty":0.5,
 *		   "parents":[{"aspect":1,"whole":0,"information":0.4,"counts":[cell,rows,cell,rows,…]},…],
 *		   "marginal":{…},"conditional":{…}},…],
 *		 "full":[…],																(see surprise_full_artifact.c)
 *		 "severity":{"rows":N,"score":[…],"above":[…]}}
 *
 * "conditional" stands only with parents, "full" only with trees.  Of the tables of pairs the cells that are not zero are
 * written, each with its distance from the one before.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"

#include "anomaly/surprise.h"

#define ARTIFACT_HEAD "{\"format\":\"aipipe-cell-surprise\",\"format_version\":1,\"features\":"

/* Appends one or zero by flag. */
static void
put_flags(StringInfo out, const bool *flags, int n)
{
	appendStringInfoChar(out, '[');
	for (int i = 0; i < n; i++)
		appendStringInfo(out, "%s%d", i > 0 ? "," : "", flags[i] ? 1 : 0);
	appendStringInfoChar(out, ']');
}

/* Writes what only numbers have. */
static void
write_number(const SurpriseAspect *aspect, StringInfo out)
{
	const bool	open[] = {aspect->open_below, aspect->open_above};
	const float core[] = {aspect->core_lo, aspect->core_hi, aspect->scale_lo, aspect->scale_hi};

	appendStringInfoString(out, "\"bins\":[");
	artifact_put_floats(out, aspect->lo, aspect->nvalues);
	appendStringInfoChar(out, ',');
	artifact_put_floats(out, aspect->hi, aspect->nvalues);
	appendStringInfoChar(out, ',');
	put_flags(out, aspect->alone, aspect->nvalues);
	appendStringInfoString(out, "],\"open\":");
	put_flags(out, open, lengthof(open));
	appendStringInfoString(out, ",\"core\":");
	artifact_put_floats(out, core, lengthof(core));
}

/* Writes a parent and the table of the pair. */
static void
write_parent(const SurpriseModel *model, const SurpriseAspect *aspect, const SurpriseParent *parent, StringInfo out)
{
	int			cells = surprise_npair(aspect) * surprise_height(model, parent);
	int			last = 0;
	bool		first = true;

	CHECK_FOR_INTERRUPTS();
	appendStringInfo(out, "{\"aspect\":%d,\"whole\":%d,\"information\":", parent->aspect, parent->whole ? 1 : 0);
	artifact_put_float(out, parent->information);
	appendStringInfoString(out, ",\"counts\":[");
	for (int i = 0; i < cells; i++)
	{
		if (parent->counts[i] == 0)
			continue;
		appendStringInfo(out, "%s%d,", first ? "" : ",", i - last);
		artifact_put_float(out, parent->counts[i]);
		last = i;
		first = false;
	}
	appendStringInfoString(out, "]}");
}

/* Writes an aspect. */
static void
write_aspect(const SurpriseModel *model, const SurpriseAspect *aspect, StringInfo out)
{
	appendStringInfo(out, "{\"feature\":%d,\"column\":%d,\"side\":%d,\"paired\":%d,\"grouped\":%d,",
					 aspect->feature, aspect->column, aspect->side ? 1 : 0, aspect->paired ? 1 : 0,
					 aspect->grouped ? 1 : 0);
	if (aspect->categorical)
		appendStringInfo(out, "\"categories\":%d", aspect->nvalues);
	else
		write_number(aspect, out);
	if (aspect->center != NULL)
	{
		int			n = SURPRISE_OUTCOMES(&model->aspects[model->partition]);

		appendStringInfoString(out, ",\"groups\":[");
		artifact_put_floats(out, aspect->center, n);
		appendStringInfoChar(out, ',');
		artifact_put_floats(out, aspect->width, n);
		appendStringInfoChar(out, ']');
	}
	appendStringInfoString(out, ",\"counts\":[");
	for (int k = 0; k < SURPRISE_OUTCOMES(aspect); k++)
	{
		appendStringInfoString(out, k > 0 ? "," : "");
		artifact_put_double(out, aspect->counts[k]);
	}
	appendStringInfoString(out, "],\"novelty\":");
	artifact_put_double(out, aspect->novelty);
	appendStringInfoString(out, ",\"parents\":[");
	for (int k = 0; k < aspect->nparents; k++)
	{
		appendStringInfoString(out, k > 0 ? "," : "");
		write_parent(model, aspect, &aspect->parents[k], out);
	}
	appendStringInfoString(out, "],\"marginal\":");
	tail_write(&aspect->marginal, out);
	if (aspect->nparents > 0)
	{
		appendStringInfoString(out, ",\"conditional\":");
		tail_write(&aspect->conditional, out);
	}
	appendStringInfoChar(out, '}');
}

/* Writes the canonical artifact. */
void
surprise_write(const SurpriseModel *model, StringInfo out)
{
	appendStringInfo(out, ARTIFACT_HEAD "%d,\"columns\":%d,\"rows\":", model->nfeatures, model->ncolumns);
	artifact_put_double(out, model->rows);
	appendStringInfoString(out, ",\"power\":");
	artifact_put_float(out, model->power);
	appendStringInfoString(out, ",\"smoothing\":");
	artifact_put_float(out, model->smoothing);
	appendStringInfo(out, ",\"partition\":%d,\"aspects\":[", model->partition);
	for (int a = 0; a < model->naspects; a++)
	{
		appendStringInfoString(out, a > 0 ? "," : "");
		write_aspect(model, &model->aspects[a], out);
	}
	appendStringInfoChar(out, ']');
	surprise_write_full(model, out);
	appendStringInfoString(out, ",\"severity\":");
	severity_write(&model->severity, out);
	appendStringInfoChar(out, '}');
}

/* Reads a flag. */
static bool
read_flag(ArtifactReader *r)
{
	return artifact_integer(r, 0, 1) == 1;
}

/* Counts the elements of the list whose bracket comes next. */
static int
count_list(const ArtifactReader *r, int max)
{
	ArtifactReader ahead = *r;

	artifact_expect(&ahead, "[");
	return artifact_count(&ahead, max);
}

/* Reads a number of rows, which need not be whole. */
static double
read_rows(ArtifactReader *r)
{
	double		rows = artifact_double(r);

	if (!(rows >= 0 && rows <= 1e15))
		artifact_error(r, "a number of rows is out of range");
	return rows;
}

/* Reads exactly n flags. */
static void
read_flags(ArtifactReader *r, bool *flags, int n)
{
	artifact_expect(r, "[");
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			artifact_expect(r, ",");
		flags[i] = read_flag(r);
	}
	artifact_expect(r, "]");
}

/* Checks a number's bins and core. */
static const char *
check_number(const SurpriseAspect *aspect)
{
	for (int i = 0; i < aspect->nvalues; i++)
	{
		if (aspect->lo[i] > aspect->hi[i] || (i > 0 && aspect->lo[i] <= aspect->hi[i - 1]))
			return "bins do not ascend";
		if (aspect->alone[i] && aspect->lo[i] != aspect->hi[i])
			return "a value alone is a range";
	}
	if (aspect->core_lo > aspect->core_hi || aspect->scale_lo < 0 || aspect->scale_hi < 0)
		return "a core is out of range";
	if ((aspect->scale_lo > 0 && aspect->scale_lo < FLT_MIN) || (aspect->scale_hi > 0 && aspect->scale_hi < FLT_MIN))
		return "a scale is out of range";
	return NULL;
}

/* Reads what only numbers have. */
static void
read_number(ArtifactReader *r, SurpriseAspect *aspect)
{
	bool		open[2];
	float		core[4];
	const char *why;

	aspect->nvalues = count_list(r, SURPRISE_MAX_OUTCOMES - 2);
	aspect->lo = palloc(sizeof(float) * Max(aspect->nvalues, 1));
	aspect->hi = palloc(sizeof(float) * Max(aspect->nvalues, 1));
	aspect->alone = palloc(sizeof(bool) * Max(aspect->nvalues, 1));
	artifact_floats(r, aspect->lo, aspect->nvalues);
	artifact_expect(r, ",");
	artifact_floats(r, aspect->hi, aspect->nvalues);
	artifact_expect(r, ",");
	read_flags(r, aspect->alone, aspect->nvalues);
	artifact_expect(r, "],\"open\":");
	read_flags(r, open, lengthof(open));
	artifact_expect(r, ",\"core\":");
	artifact_floats(r, core, lengthof(core));
	aspect->open_below = open[0];
	aspect->open_above = open[1];
	aspect->core_lo = core[0];
	aspect->core_hi = core[1];
	aspect->scale_lo = core[2];
	aspect->scale_hi = core[3];
	if ((why = check_number(aspect)) != NULL)
		artifact_error(r, why);
}

/* Where a pair's table is read, once all aspects are known. */
typedef struct PendingTable
{
	ArtifactReader at;
	SurpriseParent *parent;
	const SurpriseAspect *aspect;
} PendingTable;

/* What is read besides the model. */
typedef struct Reading
{
	ArtifactReader r;
	SurpriseModel *model;
	List	   *tables;			/* of PendingTable */
} Reading;

/* Reads an aspect's parents but for their tables, which are stepped over. */
static void
read_parents(Reading *reading, SurpriseAspect *aspect)
{
	ArtifactReader *r = &reading->r;

	artifact_expect(r, "[");
	while (!artifact_take(r, "]"))
	{
		PendingTable *table = palloc(sizeof(PendingTable));
		SurpriseParent *parent = &aspect->parents[aspect->nparents];

		if (aspect->nparents == SURPRISE_MAX_PARENTS)
			artifact_error(r, "an aspect has too many parents");
		if (aspect->nparents++ > 0)
			artifact_expect(r, ",");
		artifact_expect(r, "{\"aspect\":");
		parent->aspect = (int) artifact_integer(r, 0, SURPRISE_MAX_ASPECTS - 1);
		artifact_expect(r, ",\"whole\":");
		parent->whole = read_flag(r);
		artifact_expect(r, ",\"information\":");
		parent->information = artifact_float(r);
		if (!(parent->information > 0 && parent->information <= 64))
			artifact_error(r, "an information is out of range");
		artifact_expect(r, ",\"counts\":[");
		table->at = *r;
		table->parent = parent;
		table->aspect = aspect;
		reading->tables = lappend(reading->tables, table);
		while (r->at < r->len && r->bytes[r->at] != ']')
			r->at++;
		artifact_expect(r, "]}");
	}
}

/* Reads the cells of a pair's table that are not zero. */
static void
read_table(const SurpriseModel *model, PendingTable *table)
{
	ArtifactReader *r = &table->at;
	int			cells = surprise_npair(table->aspect) * surprise_height(model, table->parent);
	int			cell = 0;
	bool		first = true;

	CHECK_FOR_INTERRUPTS();
	table->parent->counts = palloc0(mul_size(sizeof(float), cells));
	while (!artifact_take(r, "]"))
	{
		float		rows;

		if (!first)
			artifact_expect(r, ",");
		cell += (int) artifact_integer(r, first ? 0 : 1, cells - 1);
		if (cell >= cells)
			artifact_error(r, "a cell is beyond its table");
		artifact_expect(r, ",");
		rows = artifact_float(r);
		if (!(rows > 0 && rows <= 1e15f))
			artifact_error(r, "a number of rows is out of range");
		table->parent->counts[cell] = rows;
		first = false;
	}
}

/* Reads what a number is standardised by, as many groups as there are. */
static void
read_groups(ArtifactReader *r, SurpriseAspect *aspect)
{
	int			n = count_list(r, SURPRISE_MAX_CATEGORIES + 2);

	aspect->center = palloc(sizeof(float) * Max(n, 1));
	aspect->width = palloc(sizeof(float) * Max(n, 1));
	aspect->ngroups = n;
	artifact_floats(r, aspect->center, n);
	artifact_expect(r, ",");
	artifact_floats(r, aspect->width, n);
	artifact_expect(r, "]");
	for (int g = 0; g < n; g++)
		if (!(aspect->width[g] >= 1e-37f && aspect->width[g] <= 1e37f))
			artifact_error(r, "a group's width is out of range");
}

/* Reads an aspect but for the tables of its pairs. */
static void
read_aspect(Reading *reading, SurpriseAspect *aspect)
{
	ArtifactReader *r = &reading->r;
	int			n;

	artifact_expect(r, "{\"feature\":");
	aspect->feature = (int) artifact_integer(r, 0, reading->model->nfeatures - 1);
	artifact_expect(r, ",\"column\":");
	aspect->column = (int) artifact_integer(r, 0, reading->model->ncolumns - 1);
	artifact_expect(r, ",\"side\":");
	aspect->side = read_flag(r);
	artifact_expect(r, ",\"paired\":");
	aspect->paired = read_flag(r);
	artifact_expect(r, ",\"grouped\":");
	aspect->grouped = read_flag(r);
	aspect->categorical = artifact_take(r, ",\"categories\":");
	if (aspect->categorical)
		aspect->nvalues = (int) artifact_integer(r, 0, SURPRISE_MAX_CATEGORIES);
	else
	{
		artifact_expect(r, ",\"bins\":[");
		read_number(r, aspect);
	}
	if (artifact_take(r, ",\"groups\":["))
		read_groups(r, aspect);
	artifact_expect(r, ",\"counts\":[");
	n = SURPRISE_OUTCOMES(aspect);
	aspect->counts = palloc(mul_size(sizeof(double), n));
	for (int k = 0; k < n; k++)
	{
		if (k > 0)
			artifact_expect(r, ",");
		aspect->counts[k] = read_rows(r);
	}
	artifact_expect(r, "],\"novelty\":");
	aspect->novelty = read_rows(r);
	if (!(aspect->novelty >= 0.5))
		artifact_error(r, "a novelty is out of range");
	artifact_expect(r, ",\"parents\":");
	read_parents(reading, aspect);
	artifact_expect(r, ",\"marginal\":");
	tail_read(r, &aspect->marginal);
	if (aspect->nparents > 0)
	{
		artifact_expect(r, ",\"conditional\":");
		tail_read(r, &aspect->conditional);
	}
	artifact_expect(r, "}");
}

/* Reads all aspects, then the tables of their pairs. */
static void
read_aspects(Reading *reading)
{
	SurpriseModel *model = reading->model;
	ListCell   *cell;
	const char *why;

	/* no aspect is shorter than this, so a short artifact cannot ask for much memory */
	model->aspects = palloc0(mul_size(sizeof(SurpriseAspect), Min(2 * model->nfeatures, reading->r.len / 64 + 1)));
	do
	{
		CHECK_FOR_INTERRUPTS();
		if (model->naspects >= 2 * model->nfeatures || model->naspects >= reading->r.len / 64)
			artifact_error(&reading->r, "it has too many aspects");
		read_aspect(reading, &model->aspects[model->naspects++]);
	} while (artifact_take(&reading->r, ","));
	if ((why = surprise_check(model)) != NULL)
		artifact_error(&reading->r, why);
	foreach(cell, reading->tables)
		read_table(model, lfirst(cell));
}

/* Gives the reason why an aspect's parents are none, or NULL. */
static const char *
check_parents(const SurpriseModel *model, const SurpriseAspect *aspect)
{
	for (int k = 0; k < aspect->nparents; k++)
	{
		const SurpriseParent *parent = &aspect->parents[k];

		if (parent->aspect >= model->naspects || model->aspects[parent->aspect].column == aspect->column)
			return "a parent is none";
		if (parent->whole ? !aspect->grouped || parent->aspect != model->partition
			: !aspect->paired || !model->aspects[parent->aspect].paired)
			return "a parent is none";
	}
	return NULL;
}

/* Gives the reason why an aspect is not one that may be within its group, or NULL. */
static const char *
check_grouped(const SurpriseModel *model, int a)
{
	const SurpriseAspect *aspect = &model->aspects[a];

	if (a == 0 || model->partition < 0 || aspect->paired || aspect->side ||
		aspect->feature != model->aspects[a - 1].feature || model->aspects[a - 1].grouped)
		return "an aspect is in no group";
	if (aspect->center != NULL && (aspect->categorical || aspect->nparents > 0 ||
								   aspect->ngroups != SURPRISE_OUTCOMES(&model->aspects[model->partition])))
		return "an aspect's groups are not those of the partition";
	return NULL;
}

/* Gives the reason why aspects do not fit each other, or NULL. */
const char *
surprise_check(const SurpriseModel *model)
{
	const char *why = NULL;

	if (model->partition >= model->naspects ||
		(model->partition >= 0 && (model->aspects[model->partition].grouped || !model->aspects[model->partition].categorical)))
		return "its partition is none";
	for (int a = 0; a < model->naspects && why == NULL; a++)
	{
		const SurpriseAspect *aspect = &model->aspects[a];

		if (a > 0 && (aspect->feature < model->aspects[a - 1].feature || aspect->column < model->aspects[a - 1].column ||
					  (aspect->feature == model->aspects[a - 1].feature && !aspect->grouped)))
			return "aspects do not ascend";
		if (aspect->center != NULL && !aspect->grouped)
			return "an aspect is in no group";
		if (aspect->grouped)
			why = check_grouped(model, a);
		if (why == NULL)
			why = check_parents(model, aspect);
	}
	if (why != NULL)
		return why;
	if (surprise_cells(model, false) > SURPRISE_MAX_CELLS || surprise_cells(model, true) > SURPRISE_MAX_CELLS)
		return "its tables are too large";
	return NULL;
}

/* Reads what surprise_write() wrote. */
SurpriseModel *
surprise_read(const char *artifact, Size len)
{
	SurpriseModel *model = palloc0(sizeof(SurpriseModel));
	Reading		reading = {.model = model};
	ArtifactReader *r = &reading.r;

	artifact_reader(r, artifact, len, "detector of cell surprise");
	artifact_expect(r, ARTIFACT_HEAD);
	model->nfeatures = (int) artifact_integer(r, 1, SURPRISE_MAX_FEATURES);
	artifact_expect(r, ",\"columns\":");
	model->ncolumns = (int) artifact_integer(r, 1, SURPRISE_MAX_FEATURES);
	artifact_expect(r, ",\"rows\":");
	model->rows = read_rows(r);
	artifact_expect(r, ",\"power\":");
	model->power = artifact_float(r);
	artifact_expect(r, ",\"smoothing\":");
	model->smoothing = artifact_float(r);
	if (!(model->power >= 0.01f && model->power <= 1) || !(model->smoothing >= 0.001f && model->smoothing <= 1e6f))
		artifact_error(r, "an option is out of range");
	artifact_expect(r, ",\"partition\":");
	model->partition = (int) artifact_integer(r, -1, SURPRISE_MAX_ASPECTS - 1);
	artifact_expect(r, ",\"aspects\":[");
	read_aspects(&reading);
	artifact_expect(r, "]");
	surprise_read_full(r, model);
	artifact_expect(r, ",\"severity\":");
	severity_read(r, &model->severity);
	artifact_expect(r, "}");
	artifact_end(r);
	return model;
}
