/*-------------------------------------------------------------------------
 *
 * train_estimate.c
 *	  model_train_estimate(): what a training would take, without training.
 *
 * The source is read once, to count rows, classes and groups; a learner of
 * categories runs along, because categories become memory.  From the counts the
 * steps of a training are gone through as train_version() goes through them, with
 * the same sizes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/memutils.h"

#include "core/args.h"
#include "core/guc.h"
#include "model/group.h"
#include "model/train_int.h"

PG_FUNCTION_INFO_V1(aipipe_model_train_estimate);

/* What was counted, and what follows from it. */
typedef struct TrainEstimate
{
	int64		nrows;			/* that a training would keep */
	int			nclasses;
	Size		group_bytes;	/* of the groups' values */
	Matrix	   *rows;			/* without any: its chunks are what a training's would be */
	int64		nheld_out;
	int64		nvalidation;
	int64		nteaching;
	Size		data;			/* rows and what is kept beside them while the algorithm trains */
	Size		library;
	Size		peak;
} TrainEstimate;

/* Scans the source, teaches the learner and counts what a training would keep. */
static void
count_rows(Training *training, TrainEstimate *estimate)
{
	bool		needs_rows;
	EncoderLearner *learner = train_encoder_begin(training, &needs_rows);
	GroupColumn *groups = NULL;
	SourceScan *scan;
	Datum	   *values;
	bool	   *nulls;
	float		label;

	if (training->target_attno > 0)
		training->target = target_begin(training->source->desc, training->target_attno, training->spec->task,
										training->spec->target);
	if (training->group_attno > 0)
		groups = group_begin(training->source->desc, training->group_attno);
	progress_phase(&training->progress, "reading rows", 0);
	scan = source_scan_begin(training->source, training->options.sample, training->options.seed);
	while (source_scan_next(scan, &values, &nulls))
	{
		if (++training->nread % 1000 == 0)
			progress_update(&training->progress, training->nread);
		if (needs_rows)
			encoder_learn_row(learner, values, nulls);
		if (training->target != NULL && !target_read(training->target, values, nulls, &label))
			continue;
		if (training->spec->task == TASK_RANKING && nulls[training->group_attno - 1])
			continue;
		if (groups != NULL)
			(void) group_read(groups, values, nulls);
		estimate->nrows++;
	}
	source_scan_end(scan);
	train_encoder_end(training, learner);
	estimate->group_bytes = groups ? group_bytes(groups) : 0;
	if (training->spec->task == TASK_CLASSIFICATION)
		estimate->nclasses = training->nclasses = target_nclasses(training->target);
}

/* Gives the bytes of a part of so many rows. */
static Size
part_bytes(const Training *training, const TrainEstimate *estimate, int64 nrows)
{
	return add_size(matrix_bytes(estimate->rows, nrows), mul_size(train_entry_bytes(training), nrows));
}

/* Takes note of what one step holds. */
static void
note(TrainEstimate *estimate, Size bytes)
{
	estimate->peak = Max(estimate->peak, bytes);
}

/* Goes through reading: rows, their entries, and the groups' values or their sorting. */
static Size
estimate_reading(const Training *training, TrainEstimate *estimate)
{
	Size		beside = add_size(training->beside, train_entries_bytes(training, estimate->nrows));
	Size		passing = training->group_attno > 0
		? Max(estimate->group_bytes, mul_size(estimate->nrows, 2 * sizeof(int64))) : 0;

	note(estimate, add_size(matrix_bytes(estimate->rows, estimate->nrows), add_size(beside, passing)));
	return beside;
}

/* Goes through setting one part apart: its copy stands beside all rows for a moment; gives what stays beside. */
static Size
estimate_apart(const Training *training, TrainEstimate *estimate, int64 nrows, int64 napart, Size beside)
{
	if (napart == 0)
		return beside;
	note(estimate, add_size(matrix_bytes(estimate->rows, nrows),
							add_size(add_size(beside, nrows), part_bytes(training, estimate, napart))));
	return add_size(beside, part_bytes(training, estimate, napart));
}

/* Gives about the rows of a share, as a split by rows has them. */
static int64
share_rows(int64 nrows, double share)
{
	return (int64) rint((double) nrows * share);
}

/* Goes through reading and splitting; leaves what is held while the algorithm trains. */
static void
estimate_data(const Training *training, TrainEstimate *estimate)
{
	const TrainOptions *options = &training->options;
	Size		beside = estimate_reading(training, estimate);
	int64		left = estimate->nrows;

	if (training->target_attno > 0 || training->spec->task == TASK_ANOMALY)
	{
		estimate->nheld_out = left >= TRAIN_LEAST_TO_HOLD_OUT ? share_rows(left, options->holdout) : 0;
		estimate->nvalidation = share_rows(estimate->nrows, options->validation);
	}
	beside = estimate_apart(training, estimate, left, estimate->nheld_out, beside);
	left -= estimate->nheld_out;
	beside = estimate_apart(training, estimate, left, estimate->nvalidation, beside);
	estimate->nteaching = left - estimate->nvalidation;
	if (options->class_weight != NULL)
	{
		if (training->stops_early)
			beside = add_size(beside, mul_size(estimate->nvalidation, sizeof(float)));
		if (training->weight_attno == 0)
			beside = add_size(beside, mul_size(estimate->nteaching, sizeof(float)));
	}
	estimate->data = add_size(matrix_bytes(estimate->rows, estimate->nteaching), beside);
	note(estimate, estimate->data);
}

/* Goes through searching, training and measuring. */
static void
estimate_learning(const Training *training, TrainEstimate *estimate)
{
	TrainSize	size = {0};
	Size		search = 0;

	size.task = training->spec->task;
	size.nrows = Max(estimate->nteaching, 1);
	size.nvalidation = training->stops_early ? estimate->nvalidation : 0;
	size.ncols = training->encoder->nfeatures;
	size.nclasses = estimate->nclasses;
	size.weighted = training->weight_attno > 0 || training->options.class_weight != NULL;
	size.params = training->params;
	size.common = training->common;
	estimate->library = training->algorithm->estimate(&size);
	/* a fold copies most of the rows */
	if (training->options.search != NULL)
		search = add_size(mul_size(estimate->nteaching, 2), part_bytes(training, estimate, estimate->nteaching));
	note(estimate, add_size(estimate->data, add_size(estimate->library, search)));
	note(estimate, add_size(estimate->data,
							train_measure_bytes(training, estimate->nheld_out, estimate->nvalidation)));
}

/* Counts and estimates. */
static void
estimate_training(Training *training, TrainEstimate *estimate)
{
	train_read_options(training);
	train_read_source(training);
	progress_begin(&training->progress, "estimating a training");
	count_rows(training, estimate);
	if (training->nread == 0)
		train_source_empty(training);
	estimate->peak = training->peak;
	estimate->rows = matrix_create(CurrentMemoryContext, training->encoder->nfeatures, training->limit, "training data");
	estimate_data(training, estimate);
	estimate_learning(training, estimate);
	progress_end(&training->progress);
}

/* model_train_estimate(task, source, target, features, algorithm, params): what a training would take. */
Datum
aipipe_model_train_estimate(PG_FUNCTION_ARGS)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe model estimate", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TrainSpec	spec = {0};
	Training	training = {0};
	TrainEstimate estimate = {0};
	TupleDesc	desc;
	Datum		values[7];
	bool		nulls[7] = {0};

	train_read_arguments(fcinfo, 0, &spec);
	spec.function = "model_train_estimate";
	training.spec = &spec;
	training.limit = (Size) core_train_max_memory * 1024;
	estimate_training(&training, &estimate);
	values[0] = Int64GetDatum(estimate.nrows);
	values[1] = Int32GetDatum(training.encoder->nfeatures);
	values[2] = Int64GetDatum((int64) estimate.data);
	values[3] = Int64GetDatum((int64) estimate.library);
	values[4] = Int64GetDatum((int64) estimate.peak);
	values[5] = Int64GetDatum((int64) training.limit);
	values[6] = BoolGetDatum(estimate.peak <= training.limit);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "the result is no row");
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
