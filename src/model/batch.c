/*-------------------------------------------------------------------------
 *
 * batch.c
 *	  Scoring a whole source in blocks: model_predict_batch(), model_evaluate().
 *
 * The source is scanned once; rows are encoded as they come and scored 64 at a
 * time.  Results go to a tuplestore, which spills to disk at work_mem.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "core/args.h"
#include "core/guc.h"
#include "core/source.h"
#include "core/sql.h"
#include "learn/metrics.h"
#include "model/score.h"
#include "model/target.h"

PG_FUNCTION_INFO_V1(aipipe_model_predict_batch);
PG_FUNCTION_INFO_V1(aipipe_model_evaluate);

/* A model and a source that are being put together. */
typedef struct BatchScan
{
	const ModelVersion *version;
	Source	   *source;
	Scorer	   *scorer;
	SourceScan *scan;
} BatchScan;

/* Resolves model and source as the caller and binds one to the other. */
static BatchScan
open_batch(FunctionCallInfo fcinfo, int version_argno)
{
	BatchScan	batch = {0};
	ModelRef	ref = registry_resolve(arg_text(fcinfo, 0, "model"),
									   registry_version_arg(fcinfo, version_argno),
									   MODEL_PREDICT, GetUserId());

	batch.version = cache_acquire(&ref, CurrentMemoryContext);
	batch.source = source_resolve(arg_text(fcinfo, 1, "source"));
	batch.scorer = scorer_create(batch.version, batch.source->desc, CurrentMemoryContext);
	return batch;
}

/* How a result row gets its key. */
typedef struct BatchKey
{
	AttrNumber	attno;			/* 0 = no key asked for */
	FmgrInfo	output;
	text	   *texts[SCORER_BLOCK];
	MemoryContext context;		/* reset per block */
} BatchKey;

/* Prepares the key column that the caller named, if any. */
static void
open_key(BatchKey *key, FunctionCallInfo fcinfo, int argno, const Source *source)
{
	char	   *name;
	Oid			output;
	bool		varlena;

	key->attno = InvalidAttrNumber;
	key->context = AllocSetContextCreate(CurrentMemoryContext, "aipipe model batch keys", ALLOCSET_DEFAULT_SIZES);
	if (PG_ARGISNULL(argno))
		return;
	name = text_to_cstring(PG_GETARG_TEXT_PP(argno));
	key->attno = source_column(source->desc, name);
	if (key->attno == InvalidAttrNumber)
		source_no_column(name, source->text, source->desc);
	getTypeOutputInfo(TupleDescAttr(source->desc, key->attno - 1)->atttypid, &output, &varlena);
	fmgr_info(output, &key->output);
}

/* Keeps the key of the row that becomes number i of the block. */
static void
keep_key(BatchKey *key, int i, const Datum *values, const bool *nulls)
{
	MemoryContext old;

	if (key->attno == InvalidAttrNumber)
		return;
	old = MemoryContextSwitchTo(key->context);
	key->texts[i] = nulls[key->attno - 1] ? NULL
		: cstring_to_text(OutputFunctionCall(&key->output, values[key->attno - 1]));
	MemoryContextSwitchTo(old);
}

/* Scores the block and puts its rows into the result. */
static void
put_block(ReturnSetInfo *rsinfo, Scorer *scorer, BatchKey *key, int64 first)
{
	Datum		values[3];
	bool		nulls[3] = {0};

	scorer_run(scorer);
	for (int i = 0; i < scorer->nrows; i++)
	{
		values[0] = Int64GetDatum(first + i);
		nulls[1] = (key->attno == InvalidAttrNumber || key->texts[i] == NULL);
		values[1] = PointerGetDatum(key->texts[i]);
		values[2] = Float8GetDatum(scorer_value(scorer, i));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	scorer_reset(scorer);
	MemoryContextReset(key->context);
}

/* model_predict_batch(model, source, key, version): scores every row of a source in blocks. */
Datum
aipipe_model_predict_batch(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	BatchScan	batch;
	BatchKey	key = {0};
	Datum	   *values;
	bool	   *nulls;
	int64		done = 0;

	InitMaterializedSRF(fcinfo, 0);
	batch = open_batch(fcinfo, 3);
	scorer_check_single(batch.version);
	open_key(&key, fcinfo, 2, batch.source);
	batch.scan = source_scan_begin(batch.source, 1.0, 0);
	while (source_scan_next(batch.scan, &values, &nulls))
	{
		keep_key(&key, batch.scorer->nrows, values, nulls);
		scorer_add(batch.scorer, values, nulls);
		if (!scorer_full(batch.scorer))
			continue;
		put_block(rsinfo, batch.scorer, &key, done + 1);
		done += SCORER_BLOCK;
	}
	put_block(rsinfo, batch.scorer, &key, done + 1);
	source_scan_end(batch.scan);
	return (Datum) 0;
}

static SqlStatement find_target = {
	"SELECT v.target FROM aipipe.model_version_data v WHERE v.id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* Gives the target column's name of a version, or ends with an error when it has none. */
static char *
version_target(const ModelVersion *version)
{
	SqlResult  *found = sql_run(&find_target, SQL_READ, Int64GetDatum(version->version_id));
	char	   *target = found->nrows > 0 ? sql_text(found, 0, "target") : NULL;

	sql_free(found);
	if (target == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no target column to evaluate against", version->model),
				 errdetail("It was imported, or its task is anomaly.")));
	return target;
}

/* Scores and labels of an evaluation, growing together. */
typedef struct Evaluation
{
	int64		nrows;
	int64		capacity;
	int			nvalues;
	float	   *labels;
	float	   *values;			/* nrows x nvalues */
	int64		nskipped;		/* rows without a usable label */
} Evaluation;

/* Gives the rows that a training's memory can hold together with their metrics. */
static int64
evaluation_most(const Evaluation *evaluation)
{
	Size		row = add_size(mul_size(evaluation->nvalues + 1, sizeof(float)), metrics_estimate(1));

	return (Size) core_train_max_memory * 1024 / row;
}

/* Makes room for one more block, or ends with an error before too much memory is taken. */
static void
grow_evaluation(Evaluation *evaluation)
{
	int64		most = evaluation_most(evaluation);

	if (evaluation->nrows + SCORER_BLOCK <= evaluation->capacity)
		return;
	evaluation->capacity = Min(evaluation->capacity * 2, most);
	if (evaluation->nrows + SCORER_BLOCK > evaluation->capacity)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("evaluation needs more memory than allowed"),
				 errdetail("The predictions of " INT64_FORMAT " rows are as much as fits; the limit is %d kB.",
						   evaluation->nrows, core_train_max_memory),
				 errhint("Raise aipipe.train_max_memory, or evaluate on a sample of the rows.")));
	evaluation->labels = repalloc_huge(evaluation->labels, mul_size(evaluation->capacity, sizeof(float)));
	evaluation->values = repalloc_huge(evaluation->values,
									   mul_size(mul_size(evaluation->capacity, evaluation->nvalues), sizeof(float)));
}

/* Scores the block and appends its values; the labels are there already. */
static void
take_block(Evaluation *evaluation, Scorer *scorer)
{
	scorer_run(scorer);
	memcpy(evaluation->values + (size_t) evaluation->nrows * evaluation->nvalues, scorer->values,
		   sizeof(float) * scorer->nrows * evaluation->nvalues);
	evaluation->nrows += scorer->nrows;
	scorer_reset(scorer);
}

/* Scans the source and fills the evaluation. */
static void
evaluate_rows(BatchScan *batch, Target *target, Evaluation *evaluation)
{
	Datum	   *values;
	bool	   *nulls;
	float		label;

	evaluation->nvalues = batch->version->loaded->nvalues;
	evaluation->capacity = SCORER_BLOCK;
	evaluation->labels = palloc(sizeof(float) * evaluation->capacity);
	evaluation->values = palloc(mul_size(sizeof(float) * evaluation->capacity, evaluation->nvalues));
	batch->scan = source_scan_begin(batch->source, 1.0, 0);
	while (source_scan_next(batch->scan, &values, &nulls))
	{
		if (!target_read(target, values, nulls, &label))
		{
			evaluation->nskipped++;
			continue;
		}
		grow_evaluation(evaluation);
		evaluation->labels[evaluation->nrows + batch->scorer->nrows] = label;
		scorer_add(batch->scorer, values, nulls);
		if (scorer_full(batch->scorer))
			take_block(evaluation, batch->scorer);
	}
	take_block(evaluation, batch->scorer);
	source_scan_end(batch->scan);
}

/* model_evaluate(model, source, version): the metrics of the task on a source that holds the target column. */
Datum
aipipe_model_evaluate(PG_FUNCTION_ARGS)
{
	BatchScan	batch = open_batch(fcinfo, 2);
	const ModelVersion *version = batch.version;
	char	   *name = version_target(version);
	AttrNumber	attno = source_column(batch.source->desc, name);
	Evaluation	evaluation = {0};
	Scored		scored = {0};
	Target	   *target;
	StringInfoData out;

	if (attno == InvalidAttrNumber)
		source_no_column(name, batch.source->text, batch.source->desc);
	if (version->task == TASK_CLASSIFICATION)
		target = target_begin_known(batch.source->desc, attno, version->task, name, version->classes, version->nclasses);
	else
		target = target_begin(batch.source->desc, attno, version->task, name);
	evaluate_rows(&batch, target, &evaluation);
	if (evaluation.nrows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no row of source \"%s\" has a value in target column \"%s\" that the model knows",
						batch.source->text, name)));
	initStringInfo(&out);
	appendStringInfo(&out, "{\"rows\": " INT64_FORMAT ", \"skipped\": " INT64_FORMAT,
					 evaluation.nrows, evaluation.nskipped);
	scored.task = version->task;
	scored.nrows = evaluation.nrows;
	scored.nclasses = version->nclasses;
	scored.nvalues = version->loaded->nvalues;
	scored.values = evaluation.values;
	scored.labels = evaluation.labels;
	scored.threshold = NAN;
	scored.classes = version->classes;
	metrics_append_all(&scored, &out);
	appendStringInfoChar(&out, '}');
	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data)));
}
