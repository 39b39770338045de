/*-------------------------------------------------------------------------
 *
 * detect.c
 *	  anomaly_detect(): the strangest rows of a source, with reasons, in one call.
 *
 * A detector is trained on the source and asked about the same rows; it ends with
 * the call.  Both passes read the rows that one snapshot sees.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "anomaly/strange.h"
#include "core/args.h"
#include "model/train.h"

PG_FUNCTION_INFO_V1(aipipe_anomaly_detect);

/* Rows that can be asked for. */
#define DETECT_MAX_ROWS 10000

/* Reasons of a row. */
#define DETECT_REASONS 3

/* Options of a training that would leave rows out of it or choose what nobody asks for. */
static const char *const idle_options[] = {"threshold", "holdout", "validation"};

/* Ends with an error for options that have no effect here. */
static void
check_params(const Jsonb *params)
{
	JsonbValue	value;

	if (params == NULL || !JB_ROOT_IS_OBJECT(params))
		return;
	for (int i = 0; i < lengthof(idle_options); i++)
		if (getKeyJsonValueFromContainer(&unconstify(Jsonb *, params)->root, idle_options[i],
										 strlen(idle_options[i]), &value) != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" has no effect in anomaly_detect", idle_options[i]),
					 errdetail("It learns from all rows and gives the strangest ones, whatever their severity."),
					 errhint("Use aipipe.anomaly_train() for a detector with a threshold.")));
}

/* Reads the number of rows that are asked for. */
static int
read_top(FunctionCallInfo fcinfo, int argno)
{
	int			top = arg_positive(fcinfo, argno, "top");

	if (top > DETECT_MAX_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be at most %d, not %d", "top", DETECT_MAX_ROWS, top),
				 errhint("Train a detector with aipipe.anomaly_train() and score all rows with aipipe.model_predict_batch().")));
	return top;
}

/* Scores the rows of the block and keeps the strangest. */
static void
take_block(StrangeBlock *block, StrangeRows *kept, int64 first)
{
	scorer_run(block->scorer);
	for (int i = 0; i < block->scorer->nrows; i++)
	{
		StrangeRow	row = {scorer_value(block->scorer, i), detector_pvalue(block->scorer, i), first + i, block->rows[i]};

		strange_offer(kept, &row);
	}
	strange_reset(block);
}

/* Scores every row of the source and gives the strangest. */
static StrangeRows *
scan_rows(Source *source, StrangeBlock *block, int top)
{
	StrangeRows *kept = strange_rows(top, CurrentMemoryContext);
	SourceScan *scan = source_scan_begin(source, 1.0, 0);
	Progress	progress = {0};
	int64		done = 0;
	Datum	   *values;
	bool	   *nulls;

	progress_begin(&progress, "looking for strange rows");
	progress_phase(&progress, "scoring", 0);
	while (source_scan_next(scan, &values, &nulls))
	{
		strange_add(block, values, nulls);
		if (!strange_full(block))
			continue;
		take_block(block, kept, done);
		done += SCORER_BLOCK;
		progress_update(&progress, done);
	}
	take_block(block, kept, done);
	source_scan_end(scan);
	progress_end(&progress);
	strange_sort(kept);
	return kept;
}

/* Puts the rows into the result. */
static void
put_rows(ReturnSetInfo *rsinfo, StrangeBlock *block, const StrangeRows *kept)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "aipipe anomaly reasons", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	bool		nulls[5] = {0};

	for (int i = 0; i < kept->nrows; i++)
	{
		Datum		values[5];

		CHECK_FOR_INTERRUPTS();
		values[0] = Int32GetDatum(i + 1);
		values[1] = Float8GetDatum(kept->rows[i].severity);
		values[2] = Float8GetDatum(kept->rows[i].pvalue);
		values[4] = strange_reasons(block, &kept->rows[i], DETECT_REASONS);
		values[3] = strange_json(block);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		MemoryContextReset(scratch);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}

/* anomaly_detect(source, columns, top, params): the strangest rows of a source, with reasons; nothing is stored. */
Datum
aipipe_anomaly_detect(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe anomaly detect", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	TrainSpec	spec = {0};
	const ModelVersion *version;
	StrangeBlock *block;
	int64		nrows;
	int			top;

	InitMaterializedSRF(fcinfo, 0);
	old = MemoryContextSwitchTo(context);
	spec.function = "anomaly_detect";
	spec.model = "anomaly_detect";
	spec.task = TASK_ANOMALY;
	spec.source = arg_text(fcinfo, 0, "source");
	spec.columns = arg_text_list(fcinfo, 1, "columns");
	top = read_top(fcinfo, 2);
	spec.params = PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3);
	check_params(spec.params);
	spec.rows = source_resolve(spec.source);
	version = train_transient(&spec, context, &nrows);
	block = strange_block(version, spec.rows->desc, context);
	put_rows(rsinfo, block, scan_rows(spec.rows, block, top));
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}
