/*-------------------------------------------------------------------------
 *
 * label.c
 *	  What turned out to be true of rows that were predicted: model_label().
 *
 * A label joins predictions by the row's key in text.  Late labels come from people
 * or from a table, more than once if need be: the last one counts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/args.h"
#include "core/options.h"
#include "core/rowjson.h"
#include "core/source.h"
#include "core/sql.h"
#include "model/label.h"
#include "model/registry.h"
#include "model/value.h"

PG_FUNCTION_INFO_V1(aipipe_model_label);
PG_FUNCTION_INFO_V1(aipipe_model_label_source);

/* Longest key that the table's index takes. */
#define LABEL_MAX_KEY 2600

/* Labels that one statement stores. */
#define LABEL_BLOCK 1000

/* In the order of the keys, so that two loads lock rows in one order; of one key the last label counts. */
static SqlStatement store_labels = {
	"INSERT INTO aipipe.model_label_data (model_id, key, label, labeled_by)"
	" SELECT $1, s.key, s.label, $4 FROM"
	" (SELECT DISTINCT ON (u.key) u.key, u.label"
	"  FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) WITH ORDINALITY AS u (key, label, n)"
	"  ORDER BY u.key, u.n DESC) AS s"
	" ON CONFLICT (model_id, key) DO UPDATE SET label = EXCLUDED.label, labeled_by = EXCLUDED.labeled_by,"
	" labeled_at = pg_catalog.clock_timestamp()",
	4, {INT8OID, TEXTARRAYOID, TEXTARRAYOID, TEXTOID}
};

static SqlStatement find_classes = {
	"SELECT DISTINCT c.class FROM aipipe.model_version_data v"
	" CROSS JOIN LATERAL pg_catalog.unnest(v.classes) AS c (class)"
	" WHERE v.model_id OPERATOR(pg_catalog.=) $1 ORDER BY c.class",
	1, {INT8OID}
};

/* Keeps the model from being dropped until the labels are there. */
static SqlStatement hold_model = {
	"SELECT m.id AS model_id FROM aipipe.model_data m WHERE m.id OPERATOR(pg_catalog.=) $1 FOR KEY SHARE",
	1, {INT8OID}
};

/* A model's labels on their way into the table. */
typedef struct Labelling
{
	const char *model;
	ModelRef	ref;
	int			nclasses;		/* of all versions; classification alone */
	const char **classes;
	int			nrows;			/* that wait */
	Datum		keys[LABEL_BLOCK];
	Datum		labels[LABEL_BLOCK];
	MemoryContext waiting;		/* holds their texts; reset when they are stored */
} Labelling;

/* Reads a label as a number; false when it is none. */
bool
label_number(const char *label, double *number)
{
	char	   *end;

	*number = strtod(label, &end);
	return end != label && *end == '\0' && isfinite(*number);
}

/* Reads a label as the truth about an anomaly; false when it says neither yes nor no. */
bool
label_truth(const char *label, bool *truth)
{
	return parse_bool(label, truth);
}

/* Resolves the model as one that the caller may manage and learns which labels make sense. */
static void
begin_labelling(Labelling *labelling, const char *model)
{
	SqlResult  *held;

	PreventCommandIfReadOnly("labelling predictions");
	memset(labelling, 0, sizeof(Labelling));
	labelling->model = model;
	labelling->ref = registry_resolve(model, MODEL_CHAMPION, MODEL_MANAGE, GetUserId());
	held = sql_run(&hold_model, SQL_WRITE, Int64GetDatum(labelling->ref.model_id));
	if (held->nrows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not exist", model),
				 errdetail("It was dropped by a concurrent transaction.")));
	sql_free(held);
	labelling->waiting = AllocSetContextCreate(CurrentMemoryContext, "aipipe model labels", ALLOCSET_DEFAULT_SIZES);
	if (labelling->ref.task == TASK_CLASSIFICATION)
	{
		SqlResult  *found = sql_run(&find_classes, SQL_READ, Int64GetDatum(labelling->ref.model_id));

		labelling->nclasses = (int) found->nrows;
		labelling->classes = palloc(mul_size(found->nrows + 1, sizeof(char *)));
		for (int c = 0; c < labelling->nclasses; c++)
			labelling->classes[c] = sql_text(found, c, "class");
		sql_free(found);
	}
}

/* Ends with an error for a label that is no class of any version. */
static void
check_class(const Labelling *labelling, const char *key, const char *label)
{
	const char *nearest;

	for (int c = 0; c < labelling->nclasses; c++)
		if (strcmp(labelling->classes[c], label) == 0)
			return;
	nearest = options_nearest(label, labelling->classes, labelling->nclasses);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("label \"%s\" is no class of model \"%s\"", label, labelling->model),
			 errdetail("It is that of key \"%s\".", key),
			 nearest != NULL ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
}

/* Ends with an error for a key or label that cannot be used. */
static void
check_label(const Labelling *labelling, const char *key, const char *label)
{
	double		number;
	bool		truth;

	if (strlen(key) > LABEL_MAX_KEY)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a key of %zu bytes is too long to be labelled", strlen(key)),
				 errdetail("The limit is %d bytes.", LABEL_MAX_KEY)));
	if (labelling->ref.task == TASK_CLASSIFICATION)
		check_class(labelling, key, label);
	else if (labelling->ref.task == TASK_ANOMALY ? !label_truth(label, &truth) : !label_number(label, &number))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("label \"%s\" of model \"%s\" is not %s", label, labelling->model,
						labelling->ref.task == TASK_ANOMALY ? "true or false" : "a finite number"),
				 errdetail("It is that of key \"%s\".", key)));
}

/* Stores the labels that wait. */
static void
flush_labels(Labelling *labelling)
{
	ArrayType  *keys;
	ArrayType  *labels;

	if (labelling->nrows == 0)
		return;
	keys = construct_array(labelling->keys, labelling->nrows, TEXTOID, -1, false, TYPALIGN_INT);
	labels = construct_array(labelling->labels, labelling->nrows, TEXTOID, -1, false, TYPALIGN_INT);
	sql_free(sql_run(&store_labels, SQL_WRITE, Int64GetDatum(labelling->ref.model_id), PointerGetDatum(keys),
					 PointerGetDatum(labels), CStringGetTextDatum(GetUserNameFromId(GetUserId(), false))));
	pfree(keys);
	pfree(labels);
	labelling->nrows = 0;
	MemoryContextReset(labelling->waiting);
}

/* Takes a copy of one label. */
static void
add_label(Labelling *labelling, const char *key, const char *label)
{
	MemoryContext old;

	check_label(labelling, key, label);
	old = MemoryContextSwitchTo(labelling->waiting);
	labelling->keys[labelling->nrows] = CStringGetTextDatum(key);
	labelling->labels[labelling->nrows++] = CStringGetTextDatum(label);
	MemoryContextSwitchTo(old);
	if (labelling->nrows == LABEL_BLOCK)
		flush_labels(labelling);
}

/* model_label(model, key, label): says what turned out to be true of the row with that key. */
Datum
aipipe_model_label(PG_FUNCTION_ARGS)
{
	char	   *model = arg_text(fcinfo, 0, "model");
	char	   *key = arg_text(fcinfo, 1, "key");
	char	   *label = arg_text(fcinfo, 2, "label");
	Labelling  *labelling = palloc(sizeof(Labelling));

	begin_labelling(labelling, model);
	add_label(labelling, key, label);
	flush_labels(labelling);
	PG_RETURN_VOID();
}

/* Columns of a source that hold keys and labels. */
typedef struct LabelColumns
{
	AttrNumber	key;
	AttrNumber	label;
	TupleDesc	key_desc;
	ValueText	reader;
	MemoryContext scratch;		/* reset per row */
} LabelColumns;

/* Prepares to read keys and labels. */
static void
open_columns(LabelColumns *columns, const Source *source, const char *key, const char *label)
{
	columns->key = source_need_column(source->desc, key, source->text);
	columns->label = source_need_column(source->desc, label, source->text);
	columns->key_desc = CreateTemplateTupleDesc(1);
	TupleDescCopyEntry(columns->key_desc, 1, source->desc, columns->key);
	value_text_init(&columns->reader, TupleDescAttr(source->desc, columns->label - 1)->atttypid);
	columns->scratch = AllocSetContextCreate(CurrentMemoryContext, "aipipe model label row", ALLOCSET_SMALL_SIZES);
}

/* Takes one row's label; false when it has none or no key. */
static bool
take_row(Labelling *labelling, LabelColumns *columns, const Datum *values, const bool *nulls)
{
	MemoryContext old;

	if (nulls[columns->key - 1] || nulls[columns->label - 1])
		return false;
	old = MemoryContextSwitchTo(columns->scratch);
	add_label(labelling, rowjson_key_text(columns->key_desc, &values[columns->key - 1], &nulls[columns->key - 1]),
			  value_text(&columns->reader, values[columns->label - 1]));
	MemoryContextSwitchTo(old);
	MemoryContextReset(columns->scratch);
	return true;
}

/* model_label(model, source, key_column, label_column): takes labels from a relation or SELECT and gives their number. */
Datum
aipipe_model_label_source(PG_FUNCTION_ARGS)
{
	char	   *model = arg_text(fcinfo, 0, "model");
	char	   *text = arg_text(fcinfo, 1, "source");
	char	   *key = arg_text(fcinfo, 2, "key_column");
	char	   *label = arg_text(fcinfo, 3, "label_column");
	Labelling  *labelling = palloc(sizeof(Labelling));
	LabelColumns columns;
	Source	   *source;
	SourceScan *scan;
	Datum	   *values;
	bool	   *nulls;
	int64		taken = 0;
	int64		skipped = 0;

	begin_labelling(labelling, model);
	source = source_resolve(text);
	open_columns(&columns, source, key, label);
	scan = source_scan_begin(source, 1.0, 0);
	while (source_scan_next(scan, &values, &nulls))
	{
		if (take_row(labelling, &columns, values, nulls))
			taken++;
		else
			skipped++;
	}
	source_scan_end(scan);
	flush_labels(labelling);
	if (skipped > 0)
		ereport(NOTICE,
				(errmsg(INT64_FORMAT " rows without a key or a label were passed over", skipped)));
	PG_RETURN_INT64(taken);
}
