/*-------------------------------------------------------------------------
 *
 * evaluate.c
 *	  What a version says of a source that holds the truth: model_evaluate().
 *
 * The source is scanned once; rows are encoded as they come and scored 64 at a
 * time.  Predictions and truth stay in memory until the metrics are computed, a few
 * bytes a row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "core/args.h"
#include "core/guc.h"
#include "core/options.h"
#include "core/source.h"
#include "core/sql.h"
#include "model/evaluate.h"
#include "model/group.h"
#include "model/target.h"

PG_FUNCTION_INFO_V1(aipipe_model_evaluate);

static const OptionSpec evaluate_specs[] = {
	{"target", OPTION_TEXT, OPTION_FIELD(EvaluateOptions, target)},
	{"group", OPTION_TEXT, OPTION_FIELD(EvaluateOptions, group)},
	{"quantile", OPTION_REAL, OPTION_FIELD(EvaluateOptions, quantile), 0, 1e-6, 1 - 1e-6},
	{"threshold", OPTION_REAL, OPTION_FIELD(EvaluateOptions, threshold), 0, 1e-9, 1},
};

/* What is at hand while rows are read. */
typedef struct Reading
{
	Evaluation *evaluation;
	EvaluateOptions options;	/* completed by what the version was trained with */
	Source	   *source;
	Scorer	   *scorer;
	Target	   *target;
	AttrNumber	target_attno;
	GroupColumn *group;			/* ranking only */
	AttrNumber	group_attno;
	int64		nrows;			/* scored; the labels and groups of the block's rows are there already */
	int64		capacity;
	int			nvalues;
	float	   *labels;
	float	   *values;			/* nrows x nvalues */
	int32	   *groups;			/* ranking only */
} Reading;

/* Reads the options of an evaluation. */
EvaluateOptions
evaluate_options(const Jsonb *params, const char *function)
{
	EvaluateOptions options;

	options_parse(params, function, evaluate_specs, lengthof(evaluate_specs), &options);
	return options;
}

/* Ends with an error for an option that says nothing about this version. */
static void
check_options(const EvaluateOptions *options, const ModelVersion *version)
{
	const char *idle = NULL;

	if (options->group != NULL && version->task != TASK_RANKING)
		idle = "\"group\" is for task ranking";
	else if (options->quantile != 0 && version->task != TASK_REGRESSION)
		idle = "\"quantile\" is for task regression";
	else if (options->threshold != 0 && version->nclasses != 2)
		idle = "\"threshold\" is for models of two classes";
	if (idle != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option %s", idle),
				 version->task == TASK_CLASSIFICATION
				 ? errdetail("Model \"%s\" has task %s with %d classes.", version->model,
							 algorithm_task_name(version->task), version->nclasses)
				 : errdetail("Model \"%s\" has task %s.", version->model, algorithm_task_name(version->task))));
}

static SqlStatement find_trained = {
	"SELECT v.target, v.params OPERATOR(pg_catalog.->>) 'group' AS group_column,"
	" (v.params OPERATOR(pg_catalog.->) 'quantile_alpha')::pg_catalog.float8 AS quantile"
	" FROM aipipe.model_version_data v WHERE v.id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* Fills in what the caller did not say and the version was trained with. */
static void
complete_options(EvaluateOptions *options, const ModelVersion *version)
{
	SqlResult  *found = sql_run(&find_trained, SQL_READ, Int64GetDatum(version->version_id));
	bool		none;

	if (found->nrows > 0)
	{
		if (options->target == NULL)
			options->target = sql_text(found, 0, "target");
		if (options->group == NULL && version->task == TASK_RANKING)
			options->group = sql_text(found, 0, "group_column");
		if (options->quantile == 0 && version->task == TASK_REGRESSION)
			options->quantile = sql_float8(found, 0, "quantile", &none);
	}
	sql_free(found);
	algorithm_check_scores_rows(version->task, version->model);
	if (version->task == TASK_ANOMALY)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("model \"%s\" is a detector, which has no target to be evaluated against", version->model),
				 errhint("Compare its versions by late labels with aipipe.model_compare().")));
	if (options->target == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no target column to evaluate against", version->model),
				 errdetail("It was imported."),
				 errhint("Name the column in params, as in {\"target\": \"price\"}.")));
	if (options->group == NULL && version->task == TASK_RANKING)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no group column to evaluate by", version->model),
				 errdetail("It was imported."),
				 errhint("Name the column in params, as in {\"group\": \"query\"}.")));
}

/* Prepares to read the source's rows for the version. */
static void
open_reading(Reading *reading, const char *source)
{
	const ModelVersion *version = reading->evaluation->version;
	const char *name = reading->options.target;
	TupleDesc	desc;

	reading->source = source_resolve(source);
	desc = reading->source->desc;
	reading->scorer = scorer_create(version, desc, CurrentMemoryContext);
	reading->target_attno = source_need_column(reading->source->desc, name, reading->source->text);
	if (version->task == TASK_CLASSIFICATION)
		reading->target = target_begin_known(desc, reading->target_attno, version->task, name,
											 version->classes, version->nclasses);
	else
		reading->target = target_begin(desc, reading->target_attno, version->task, name);
	if (version->task == TASK_RANKING)
	{
		reading->group_attno = source_need_column(reading->source->desc, reading->options.group, reading->source->text);
		reading->group = group_begin(desc, reading->group_attno);
	}
}

/* Gives the rows that a training's memory can hold together with their metrics. */
static int64
most_rows(const Reading *reading)
{
	Size		row = add_size(mul_size(reading->nvalues + 1, sizeof(float)), metrics_estimate(1));
	Size		limit = (Size) core_train_max_memory * 1024;
	Size		held = 0;

	if (reading->group != NULL)
	{
		/* the group's number, and label, value, number and count again while rows are put together */
		row += sizeof(int32) + 2 * sizeof(float) + sizeof(int32) + sizeof(int64);
		held = group_bytes(reading->group);
	}
	return held < limit ? (limit - held) / row : 0;
}

/* Makes room for one more block, or ends with an error before too much memory is taken. */
static void
grow_reading(Reading *reading)
{
	if (reading->nrows + SCORER_BLOCK <= reading->capacity)
		return;
	reading->capacity = Min(reading->capacity * 2, most_rows(reading));
	if (reading->nrows + SCORER_BLOCK > reading->capacity)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("evaluation needs more memory than allowed"),
				 errdetail("The predictions of " INT64_FORMAT " rows are as much as fits; the limit is %d kB.",
						   reading->nrows, core_train_max_memory),
				 errhint("Raise aipipe.train_max_memory, or evaluate on a sample of the rows.")));
	reading->labels = repalloc_huge(reading->labels, mul_size(reading->capacity, sizeof(float)));
	reading->values = repalloc_huge(reading->values,
									mul_size(mul_size(reading->capacity, reading->nvalues), sizeof(float)));
	if (reading->group != NULL)
		reading->groups = repalloc_huge(reading->groups, mul_size(reading->capacity, sizeof(int32)));
}

/* Scores the block and appends its values. */
static void
take_block(Reading *reading)
{
	Scorer	   *scorer = reading->scorer;

	scorer_run(scorer);
	memcpy(reading->values + (size_t) reading->nrows * reading->nvalues, scorer->values,
		   sizeof(float) * scorer->nrows * reading->nvalues);
	reading->nrows += scorer->nrows;
	scorer_reset(scorer);
}

/* Reads the truth of a row; false when it has none, or no group. */
static bool
read_truth(Reading *reading, const Datum *values, const bool *nulls, float *label)
{
	bool		usable = target_read(reading->target, values, nulls, label);

	if (!usable && reading->evaluation->version->task == TASK_CLASSIFICATION && !nulls[reading->target_attno - 1])
		reading->evaluation->nunknown++;
	return usable && (reading->group == NULL || !nulls[reading->group_attno - 1]);
}

/* Scans the source: scores and truths of all rows. */
static void
read_rows(Reading *reading)
{
	SourceScan *scan;
	Datum	   *values;
	bool	   *nulls;
	float		label;

	reading->nvalues = reading->evaluation->version->loaded->nvalues;
	reading->capacity = SCORER_BLOCK;
	reading->labels = palloc(sizeof(float) * reading->capacity);
	reading->values = palloc(mul_size(sizeof(float) * reading->capacity, reading->nvalues));
	reading->groups = reading->group != NULL ? palloc(sizeof(int32) * reading->capacity) : NULL;
	scan = source_scan_begin(reading->source, 1.0, 0);
	while (source_scan_next(scan, &values, &nulls))
	{
		int64		row;

		if (!read_truth(reading, values, nulls, &label))
		{
			reading->evaluation->nskipped++;
			continue;
		}
		grow_reading(reading);
		row = reading->nrows + reading->scorer->nrows;
		reading->labels[row] = label;
		if (reading->group != NULL)
			reading->groups[row] = group_read(reading->group, values, nulls);
		scorer_add(reading->scorer, values, nulls);
		if (scorer_full(reading->scorer))
			take_block(reading);
	}
	take_block(reading);
	source_scan_end(scan);
}

/* Puts the rows of each group together, in the order in which they came. */
static void
gather_groups(Reading *reading)
{
	int64		n = reading->nrows;
	int32		ngroups = 0;
	int64	   *next;			/* where the next row of a group goes */
	float	   *labels = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(n, sizeof(float)));
	float	   *values = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(n, sizeof(float)));
	int32	   *groups = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(n, sizeof(int32)));

	for (int64 row = 0; row < n; row++)
		ngroups = Max(ngroups, reading->groups[row] + 1);
	next = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(ngroups + (Size) 1, sizeof(int64)));
	memset(next, 0, sizeof(int64) * (ngroups + (Size) 1));
	for (int64 row = 0; row < n; row++)
		next[reading->groups[row] + 1]++;
	for (int32 group = 0; group < ngroups; group++)
		next[group + 1] += next[group];
	CHECK_FOR_INTERRUPTS();
	for (int64 row = 0; row < n; row++)
	{
		int64		to = next[reading->groups[row]]++;

		labels[to] = reading->labels[row];
		values[to] = reading->values[row];
		groups[to] = reading->groups[row];
	}
	pfree(next);
	pfree(reading->labels);
	pfree(reading->values);
	pfree(reading->groups);
	reading->labels = labels;
	reading->values = values;
	reading->groups = groups;
}

/* Hands over what was read. */
static void
set_scored(Reading *reading)
{
	const ModelVersion *version = reading->evaluation->version;
	Scored	   *scored = &reading->evaluation->scored;

	scored->task = version->task;
	scored->nrows = reading->nrows;
	scored->nclasses = version->nclasses;
	scored->nvalues = reading->nvalues;
	scored->values = reading->values;
	scored->labels = reading->labels;
	scored->groups = reading->groups;
	scored->threshold = reading->options.threshold != 0 ? reading->options.threshold : version->threshold;
	scored->quantile = reading->options.quantile;
	scored->classes = version->classes;
}

/* Scores every row of the source and reads its truth. */
Evaluation *
evaluate_source(const ModelRef *ref, const char *source, const EvaluateOptions *options)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe model evaluate", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Reading		reading = {0};
	Evaluation *evaluation = palloc0(sizeof(Evaluation));

	evaluation->context = context;
	evaluation->version = cache_acquire(ref, context);
	reading.evaluation = evaluation;
	reading.options = *options;
	check_options(options, evaluation->version);
	complete_options(&reading.options, evaluation->version);
	open_reading(&reading, source);
	read_rows(&reading);
	if (reading.nrows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no row of source \"%s\" has a value in target column \"%s\" that the model knows",
						reading.source->text, reading.options.target)));
	if (reading.group != NULL)
	{
		gather_groups(&reading);
		group_end(reading.group);
	}
	set_scored(&reading);
	MemoryContextSwitchTo(old);
	return evaluation;
}

/* Frees all of an evaluation. */
void
evaluate_end(Evaluation *evaluation)
{
	MemoryContextDelete(evaluation->context);
}

/* model_evaluate(model, source, version, params): the metrics of the task on a source that holds the target column. */
Datum
aipipe_model_evaluate(PG_FUNCTION_ARGS)
{
	char	   *model = arg_text(fcinfo, 0, "model");
	char	   *source = arg_text(fcinfo, 1, "source");
	EvaluateOptions options = evaluate_options(PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3), "model_evaluate");
	ModelRef	ref = registry_resolve(model, registry_version_arg(fcinfo, 2), MODEL_PREDICT, GetUserId());
	Evaluation *evaluation = evaluate_source(&ref, source, &options);
	StringInfoData out;
	Datum		result;

	initStringInfo(&out);
	appendStringInfo(&out, "{\"rows\": " INT64_FORMAT ", \"skipped\": " INT64_FORMAT,
					 evaluation->scored.nrows, evaluation->nskipped);
	if (evaluation->scored.task == TASK_CLASSIFICATION)
		appendStringInfo(&out, ", \"unknown_class\": " INT64_FORMAT, evaluation->nunknown);
	metrics_append_all(&evaluation->scored, &out);
	appendStringInfoChar(&out, '}');
	result = DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data));
	evaluate_end(evaluation);
	PG_RETURN_DATUM(result);
}
