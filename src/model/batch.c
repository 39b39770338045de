/*-------------------------------------------------------------------------
 *
 * batch.c
 *	  Scoring a whole source in blocks: model_predict_batch().
 *
 * The source is scanned once; rows are encoded as they come and scored 64 at a
 * time.  Results go to a tuplestore, which spills to disk at work_mem.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "core/args.h"
#include "core/source.h"
#include "model/score.h"

PG_FUNCTION_INFO_V1(aipipe_model_predict_batch);

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
	key->attno = source_need_column(source->desc, name, source->text);
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
