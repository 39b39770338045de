/*-------------------------------------------------------------------------
 *
 * gate_log.c
 *	  The prediction log: what versions said of rows that were judged.
 *
 * Predictions wait in their batch until a megabyte of them is there or the batch
 * closes, and are then written with a few multi-row inserts.  They belong to the
 * load's transaction, as its rows and decisions do.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/args.h"
#include "core/sql.h"
#include "core/writer.h"
#include "gate/gate.h"

PG_FUNCTION_INFO_V1(aipipe_prediction_prune);

/* Predictions are written when this much of them waits. */
#define LOG_MAX_BYTES (1024 * 1024)

static const char *const prediction_columns[] = {
	"model_id", "version", "gate", "batch", "key", "prediction", "served", "at"
};

/* Writes the predictions that wait. */
void
log_flush(GateBatch *batch)
{
	MemoryContext old;
	Writer	   *writer;
	bool		nulls[lengthof(prediction_columns)] = {0};

	if (batch->npredictions == 0)
		return;
	old = MemoryContextSwitchTo(batch->log);
	writer = writer_open("prediction_data", lengthof(prediction_columns), prediction_columns, batch->log);
	for (int i = 0; i < batch->npredictions; i++)
	{
		const GatePrediction *prediction = &batch->predictions[i];
		Datum		values[lengthof(prediction_columns)];

		values[0] = Int64GetDatum(prediction->model_id);
		values[1] = Int32GetDatum(prediction->version);
		values[2] = Int64GetDatum(batch->gate->id);
		values[3] = Int64GetDatum(batch_id(batch));
		values[4] = PointerGetDatum(prediction->key);
		values[5] = Float8GetDatum(prediction->prediction);
		values[6] = BoolGetDatum(prediction->served);
		values[7] = TimestampTzGetDatum(prediction->at);
		writer_put(writer, values, nulls);
	}
	writer_close(writer);
	MemoryContextSwitchTo(old);

	batch->predictions = NULL;
	batch->npredictions = batch->max_predictions = 0;
	batch->log_bytes = 0;
	MemoryContextReset(batch->log);
}

/* Makes room for so many more predictions. */
static void
make_room(GateBatch *batch, int more)
{
	if (batch->log == NULL)
		batch->log = AllocSetContextCreate(batch->context, "aipipe gate predictions", ALLOCSET_DEFAULT_SIZES);
	if (batch->npredictions + more <= batch->max_predictions)
		return;
	batch->max_predictions = Max(batch->max_predictions * 2, batch->npredictions + more);
	if (batch->predictions == NULL)
		batch->predictions = MemoryContextAlloc(batch->log, mul_size(sizeof(GatePrediction), batch->max_predictions));
	else
		batch->predictions = repalloc(batch->predictions, mul_size(sizeof(GatePrediction), batch->max_predictions));
}

/* Takes copies of what versions said of one row, and writes what waits when that is much. */
void
log_row(GateBatch *batch, const GatePrediction *predictions, int npredictions,
		const char *key, int keylen, TimestampTz at)
{
	text	   *shared;
	MemoryContext old;

	if (npredictions == 0)
		return;
	make_room(batch, npredictions);
	old = MemoryContextSwitchTo(batch->log);
	shared = cstring_to_text_with_len(key, keylen);
	MemoryContextSwitchTo(old);
	for (int i = 0; i < npredictions; i++)
	{
		GatePrediction *copy = &batch->predictions[batch->npredictions++];

		*copy = predictions[i];
		copy->key = shared;
		copy->at = at;
	}
	batch->recorded += npredictions;
	batch->log_bytes += npredictions * sizeof(GatePrediction) + VARSIZE(shared);
	if (batch->log_bytes >= LOG_MAX_BYTES)
		log_flush(batch);
}

static SqlStatement prune_model = {
	"DELETE FROM aipipe.prediction_data WHERE model_id OPERATOR(pg_catalog.=) $1 AND at OPERATOR(pg_catalog.<) $2",
	2, {INT8OID, TIMESTAMPTZOID}
};

/* prediction_prune(model, before): deletes what was recorded before a time. */
Datum
aipipe_prediction_prune(PG_FUNCTION_ARGS)
{
	ModelRef	ref;
	SqlResult  *deleted;
	int64		pruned;

	PreventCommandIfReadOnly("pruning the prediction log");
	ref = registry_resolve(arg_text(fcinfo, 0, "model"), MODEL_CHAMPION, MODEL_MANAGE, GetUserId());
	arg_require(fcinfo, 1, "before");
	deleted = sql_run(&prune_model, SQL_WRITE, Int64GetDatum(ref.model_id), PG_GETARG_DATUM(1));
	pruned = deleted->nrows;
	sql_free(deleted);
	PG_RETURN_INT64(pruned);
}
