/*-------------------------------------------------------------------------
 *
 * train.c
 *	  From a source of rows to a new version: the one way to train.
 *
 *		source ─▶ (categories pass) ─▶ matrix + labels ─▶ held-out rows apart
 *		       ─▶ algorithm ─▶ metrics on the held-out rows ─▶ registry
 *
 * Rows are read as the caller, in a read-only transaction state.  Nothing is
 * written before the last step, so a failure or a cancel leaves no trace.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>
#include <sys/resource.h>

#include "access/htup_details.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/args.h"
#include "core/guc.h"
#include "learn/metrics.h"
#include "learn/split.h"
#include "model/registry.h"
#include "model/target.h"
#include "model/train.h"

PG_FUNCTION_INFO_V1(aipipe_model_train);

/* Options that every training has; the rest is the algorithm's. */
typedef struct TrainOptions
{
	int64		seed;
	double		holdout;		/* share of rows that only measures */
	double		sample;			/* share of the source's rows that is read */
	int64		max_categories;
	int64		text_buckets;
	char	   *positive;
} TrainOptions;

static const OptionSpec common_specs[] = {
	{"seed", OPTION_INT, OPTION_FIELD(TrainOptions, seed), 0, 0, 9007199254740991.0},
	{"holdout", OPTION_REAL, OPTION_FIELD(TrainOptions, holdout), 0.2, 0, 0.9},
	{"sample", OPTION_REAL, OPTION_FIELD(TrainOptions, sample), 1, 0.000001, 1},
	{"max_categories", OPTION_INT, OPTION_FIELD(TrainOptions, max_categories), 64, 1, 10000},
	{"text_buckets", OPTION_INT, OPTION_FIELD(TrainOptions, text_buckets), 8, 0, 1024},
	{"positive", OPTION_TEXT, OPTION_FIELD(TrainOptions, positive)},
};

static const char *const common_names[] = {
	"seed", "holdout", "sample", "max_categories", "text_buckets", "positive", NULL
};

/* What is at hand while one version is trained. */
typedef struct Training
{
	const TrainSpec *spec;
	const Algorithm *algorithm;
	TrainOptions options;
	Progress	progress;
	Source	   *source;
	AttrNumber	target_attno;	/* 0 without a target */
	Encoder    *encoder;
	Matrix	   *rows;
	Matrix	   *held_rows;		/* NULL without held-out rows */
	float	   *labels;			/* NULL without a target */
	float	   *held_labels;
	char	  **classes;
	int			nclasses;
	int64		nread;
	int64		nskipped;		/* rows without a target */
	Size		limit;			/* bytes of everything: aipipe.train_max_memory */
	Size		beside;			/* of it, what is kept beside the rows: labels, categories */
	Size		peak;			/* most bytes that were held or reserved at one time */
} Training;

/* Rows are encoded in a context that is emptied when it has grown to this size. */
#define SCRATCH_BYTES ((Size) 1024 * 1024)

#define FIRST_LABELS 8192

/* Held-out rows that are scored at a time. */
#define MEASURE_BLOCK 256

/* Gives the CPU seconds that this process has used. */
static double
cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_utime.tv_sec + usage.ru_utime.tv_usec / 1e6 +
		usage.ru_stime.tv_sec + usage.ru_stime.tv_usec / 1e6;
}

/* Reads the common options and picks the algorithm; unknown keys are found by the algorithm's own check. */
static void
read_options(Training *training)
{
	const TrainSpec *spec = training->spec;

	training->algorithm = spec->algorithm ? algorithm_find(spec->algorithm) : algorithm_default(spec->task);
	if (!training->algorithm->serves(spec->task))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("algorithm \"%s\" does not serve task %s", training->algorithm->name,
						algorithm_task_name(spec->task))));

	/* everything that is not common is left to the algorithm, which refuses what it does not know */
	options_parse_own(spec->params, spec->function, common_specs, lengthof(common_specs), &training->options);
	training->algorithm->check(spec->task, spec->params, common_names);
	if (spec->task == TASK_ANOMALY)
		training->options.holdout = 0;
	if (spec->task != TASK_CLASSIFICATION && training->options.positive != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"positive\" of %s is for task classification", spec->function)));
}

/* Resolves the source and checks target and feature columns. */
static void
read_source(Training *training)
{
	const TrainSpec *spec = training->spec;
	ListCell   *cell;

	training->source = source_resolve(spec->source);
	if (spec->target != NULL)
	{
		training->target_attno = source_column(training->source->desc, spec->target);
		if (training->target_attno == InvalidAttrNumber)
			source_no_column(spec->target, spec->source, training->source->desc);
	}
	foreach(cell, spec->columns)
	{
		const char *column = lfirst(cell);

		if (source_column(training->source->desc, column) == InvalidAttrNumber)
			source_no_column(column, spec->source, training->source->desc);
		if (spec->target != NULL && strcmp(column, spec->target) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("target column \"%s\" cannot be a feature too", column)));
	}
}

/* Gives about the bytes of what an encoder keeps of the values that it saw. */
static Size
encoder_bytes(const Encoder *encoder)
{
	Size		bytes = 0;

	for (int c = 0; c < encoder->ncolumns; c++)
		for (int i = 0; i < encoder->columns[c].ncategories; i++)
			bytes += strlen(encoder->columns[c].categories[i]) + sizeof(char *) + sizeof(int64);
	return bytes;
}

/* Takes note of the bytes that are held or reserved at one time. */
static void
note_peak(Training *training, Size bytes)
{
	training->peak = Max(training->peak, bytes);
}

/* Learns the encoder: from types alone, or with a pass over the rows when there are text-like columns. */
static void
learn_encoder(Training *training)
{
	const TrainSpec *spec = training->spec;
	EncoderParams params;
	EncoderLearner *learner;
	bool		needs_rows;

	encoder_default_params(&params);
	params.max_categories = (int) training->options.max_categories;
	params.text_buckets = (int) training->options.text_buckets;
	params.learn_bytes = training->limit / 2;
	learner = encoder_learn_begin(training->source->desc, spec->columns,
								  spec->target ? list_make1(unconstify(char *, spec->target)) : NIL,
								  &params, &needs_rows);
	if (needs_rows)
	{
		SourceScan *scan = source_scan_begin(training->source, training->options.sample, training->options.seed);
		Datum	   *values;
		bool	   *nulls;
		int64		done = 0;

		progress_phase(&training->progress, "reading categories", 0);
		while (source_scan_next(scan, &values, &nulls))
		{
			encoder_learn_row(learner, values, nulls);
			if (++done % 1000 == 0)
				progress_update(&training->progress, done);
		}
		source_scan_end(scan);
	}
	note_peak(training, encoder_learn_bytes(learner));
	training->encoder = encoder_learn_end(learner);
	training->beside = encoder_bytes(training->encoder);
	if (training->encoder->nfeatures == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source \"%s\" has no column to learn from", spec->source)));
}

/* Keeps the label of the next row; labels share the rows' budget. */
static void
keep_label(Training *training, float label, int64 *capacity)
{
	int64		n = training->rows->nrows;

	if (n == *capacity)
	{
		Size		more = mul_size(Max(n, FIRST_LABELS), sizeof(float));

		matrix_reserve(training->rows, add_size(training->beside, more));
		training->beside += more;
		*capacity += more / sizeof(float);
		training->labels = n == 0 ? palloc(more) : repalloc_huge(training->labels, mul_size(*capacity, sizeof(float)));
	}
	training->labels[n] = label;
}

/* Ends with an error for a positive class where there is none to choose. */
static void
check_positive(const Training *training)
{
	if (training->options.positive != NULL && training->nclasses > 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"positive\" of %s is for two classes", training->spec->function),
				 errdetail("Target column \"%s\" has %d classes.", training->spec->target, training->nclasses)));
}

/* Fills matrix and labels; rows without a target are counted and left out. */
static void
fill_matrix(Training *training)
{
	Source	   *source = training->source;
	EncoderBinding *binding = encoder_bind(training->encoder, source->desc, psprintf("model \"%s\"", training->spec->model));
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "aipipe model encode", ALLOCSET_DEFAULT_SIZES);
	Target	   *target = NULL;
	SourceScan *scan;
	int64		capacity = 0;
	Datum	   *values;
	bool	   *nulls;
	float		label = 0;

	training->rows = matrix_create(CurrentMemoryContext, training->encoder->nfeatures,
								   training->limit, "training data");
	matrix_reserve(training->rows, training->beside);
	if (training->target_attno > 0)
		target = target_begin(source->desc, training->target_attno, training->spec->task, training->spec->target);
	progress_phase(&training->progress, "reading rows", 0);
	scan = source_scan_begin(source, training->options.sample, training->options.seed);
	while (source_scan_next(scan, &values, &nulls))
	{
		MemoryContext old;

		if (++training->nread % 1000 == 0)
			progress_update(&training->progress, training->nread);
		if (training->nread % 1000 == 0 || MemoryContextMemAllocated(scratch, false) > SCRATCH_BYTES)
			MemoryContextReset(scratch);
		if (target != NULL && !target_read(target, values, nulls, &label))
		{
			training->nskipped++;
			continue;
		}
		if (target != NULL)
			keep_label(training, label, &capacity);
		old = MemoryContextSwitchTo(scratch);
		encoder_encode(binding, values, nulls, matrix_append(training->rows));
		MemoryContextSwitchTo(old);
	}
	source_scan_end(scan);
	MemoryContextDelete(scratch);
	if (training->nread == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source \"%s\" is empty", training->spec->source)));
	if (target != NULL)
		target_finish(target, training->labels, training->rows->nrows, training->options.positive,
					  &training->classes, &training->nclasses);
	check_positive(training);
	if (training->nskipped > 0)
		ereport(NOTICE,
				(errmsg(INT64_FORMAT " of " INT64_FORMAT " rows have no value in target column \"%s\" and were left out",
						training->nskipped, training->nread, training->spec->target)));
}

/* Moves the held-out rows to a matrix of their own and closes the gaps they leave. */
static void
hold_out(Training *training)
{
	Matrix	   *rows = training->rows;
	Size		row_bytes = sizeof(float) * rows->ncols;
	Matrix	   *held_rows;
	Size		label_bytes;
	Size		held_bytes;
	uint8	   *held;
	int64		kept = 0;
	int64		nheld = 0;

	if (training->options.holdout == 0 || training->labels == NULL || rows->nrows < 10)
		return;
	matrix_reserve(rows, add_size(training->beside, rows->nrows));
	held = MemoryContextAllocHuge(CurrentMemoryContext, rows->nrows);
	split_holdout(rows->nrows, training->options.holdout, training->options.seed,
				  training->nclasses > 0 ? training->labels : NULL, training->nclasses, held);
	for (int64 i = 0; i < rows->nrows; i++)
		nheld += held[i];
	label_bytes = mul_size(Max(nheld, 1), sizeof(float));
	held_rows = matrix_create(CurrentMemoryContext, rows->ncols, training->limit, "held-out data");
	held_bytes = matrix_bytes(held_rows, nheld);
	matrix_reserve(rows, add_size(rows->beside, add_size(label_bytes, held_bytes)));
	note_peak(training, rows->bytes + rows->beside);
	training->held_rows = held_rows;
	training->held_labels = MemoryContextAllocHuge(CurrentMemoryContext, label_bytes);
	nheld = 0;
	for (int64 i = 0; i < rows->nrows; i++)
	{
		if (held[i])
		{
			memcpy(matrix_append(held_rows), matrix_row(rows, i), row_bytes);
			training->held_labels[nheld++] = training->labels[i];
			continue;
		}
		if (kept != i)
			memcpy(matrix_row(rows, kept), matrix_row(rows, i), row_bytes);
		training->labels[kept++] = training->labels[i];
	}
	matrix_truncate(rows, kept);
	pfree(held);
	training->beside += label_bytes;
}

/* Gives the bytes that measure() takes beside the data. */
static Size
measure_estimate(const Training *training)
{
	const Matrix *rows = training->held_rows;
	int			nvalues = Max(training->nclasses, 1);

	if (rows == NULL)
		return 0;
	return add_size(mul_size(mul_size(rows->nrows + MEASURE_BLOCK, nvalues), sizeof(float)),
					metrics_estimate(rows->nrows));
}

/* Gives the bytes of all data, or ends with an error when they leave too little to measure with afterwards. */
static Size
reserve_data(Training *training, Size measuring)
{
	Size		held = training->held_rows ? training->held_rows->bytes : 0;

	matrix_reserve(training->rows, add_size(training->beside, add_size(held, measuring)));
	return training->rows->bytes + training->beside + held;
}

/* Scores the held-out rows with what was learned and gives the metrics as JSON, or NULL without such rows. */
static char *
measure(Training *training, const TrainResult *result)
{
	const Algorithm *algorithm = training->algorithm;
	const Matrix *rows = training->held_rows;
	Scored		scored = {0};
	StringInfoData out;
	LoadedModel *model;
	float	   *margins;
	float	   *values;

	if (rows == NULL || rows->nrows == 0)
		return NULL;
	model = algorithm->open(result->compiled.data, result->compiled.len);
	margins = palloc(mul_size(mul_size(MEASURE_BLOCK, model->nmargins), sizeof(float)));
	values = MemoryContextAllocHuge(CurrentMemoryContext,
									mul_size(mul_size(rows->nrows, model->nvalues), sizeof(float)));
	for (int64 row = 0, n; row < rows->nrows; row += n)
	{
		n = Min(MEASURE_BLOCK, Min(rows->nrows, (row / rows->chunk_rows + 1) * rows->chunk_rows) - row);
		CHECK_FOR_INTERRUPTS();
		algorithm->margin(model, matrix_row(rows, row), (int) n, margins);
		algorithm->values(model, margins, (int) n, values + (size_t) row * model->nvalues);
	}
	initStringInfo(&out);
	appendStringInfo(&out, "{\"rows\": " INT64_FORMAT, rows->nrows);
	scored.task = training->spec->task;
	scored.nrows = rows->nrows;
	scored.nclasses = training->nclasses;
	scored.nvalues = model->nvalues;
	scored.values = values;
	scored.labels = training->held_labels;
	scored.threshold = NAN;
	scored.classes = training->classes;
	metrics_append_all(&scored, &out);
	appendStringInfoChar(&out, '}');
	return out.data;
}

/* Joins the common and the algorithm's effective parameters to one JSON object. */
static char *
effective_params(const Training *training, const TrainResult *result)
{
	StringInfoData out;

	initStringInfo(&out);
	options_to_json(&out, common_specs, lengthof(common_specs), &training->options);
	if (strlen(result->params.data) > 2)
	{
		out.data[--out.len] = '\0';
		appendStringInfo(&out, ", %s", result->params.data + 1);
	}
	return out.data;
}

/*
 * Profiles the training rows and ends with an error when no column holds a
 * value in any of them.  To a detector that is a lesson: a value is strange then.
 */
static void
profile_rows(Training *training)
{
	const Encoder *encoder = training->encoder;
	bool		empty = training->spec->task != TASK_ANOMALY;

	encoder_profile(training->encoder, training->rows);
	for (int c = 0; c < encoder->ncolumns && empty; c++)
		empty = (encoder->columns[c].nnulls == encoder->columns[c].nrows);
	if (empty)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source \"%s\" holds no value to learn from", training->spec->source),
				 errdetail("Every column is NULL in every row.")));
}

/* Runs the algorithm and registers what it learned. */
static int
learn_and_register(Training *training, double cpu_start)
{
	const TrainSpec *spec = training->spec;
	TrainRequest request = {0};
	TrainResult result = {0};
	NewVersion	version = {0};
	Size		measuring = measure_estimate(training);
	Size		data = reserve_data(training, measuring);

	request.task = spec->task;
	request.rows = training->rows;
	request.labels = training->labels;
	request.encoder = training->encoder;
	request.nclasses = training->nclasses;
	request.params = spec->params;
	request.common = common_names;
	request.seed = training->options.seed;
	request.budget = Max(training->limit - data, 1);
	request.progress = &training->progress;
	training->algorithm->train(&request, &result);
	note_peak(training, data + Max(result.peak_bytes, measuring));

	progress_phase(&training->progress, "measuring", 0);
	version.metrics = measure(training, &result);
	version.model = spec->model;
	version.task = spec->task;
	version.algorithm = training->algorithm->name;
	version.encoder = training->encoder;
	version.artifact = result.artifact.data;
	version.artifact_len = result.artifact.len;
	version.compiled = result.compiled.data;
	version.compiled_len = result.compiled.len;
	version.params = effective_params(training, &result);
	version.source = spec->source;
	version.source_resolved = training->source->resolved;
	version.target = spec->target;
	version.classes = training->classes;
	version.nclasses = training->nclasses;
	version.nrows = training->rows->nrows;
	version.seed = training->options.seed;
	version.peak_bytes = training->peak;
	version.library = result.library;
	version.cpu_seconds = cpu_seconds() - cpu_start;
	return registry_add_version(&version);
}

/* Trains and registers the next version as the current user; gives its number. */
int
train_version(const TrainSpec *spec)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe model train", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	double		cpu_start = cpu_seconds();
	Training	training = {0};
	int			version;

	training.spec = spec;
	training.limit = (Size) core_train_max_memory * 1024;
	registry_check_trainable(spec->model, spec->task);
	read_options(&training);
	read_source(&training);
	progress_begin(&training.progress, psprintf("training model \"%s\"", spec->model));
	learn_encoder(&training);
	fill_matrix(&training);
	hold_out(&training);
	profile_rows(&training);
	version = learn_and_register(&training, cpu_start);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return version;
}

/* model_train(model, task, source, target, features, algorithm, params): trains a new version. */
Datum
aipipe_model_train(PG_FUNCTION_ARGS)
{
	TrainSpec	spec = {0};

	spec.function = "model_train";
	spec.model = arg_text(fcinfo, 0, "model");
	spec.task = algorithm_task(arg_text(fcinfo, 1, "task"));
	spec.source = arg_text(fcinfo, 2, "source");
	spec.target = arg_optional_text(fcinfo, 3);
	spec.columns = arg_text_list(fcinfo, 4, "features");
	spec.algorithm = arg_optional_text(fcinfo, 5);
	spec.params = PG_ARGISNULL(6) ? NULL : PG_GETARG_JSONB_P(6);
	if ((spec.target == NULL) != (spec.task == TASK_ANOMALY))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 spec.target == NULL ? errmsg("task %s needs a target column", algorithm_task_name(spec.task))
				 : errmsg("task anomaly has no target column"),
				 spec.target == NULL ? errhint("Name it in the argument target.") : 0));
	PG_RETURN_INT32(train_version(&spec));
}
