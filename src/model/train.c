/*-------------------------------------------------------------------------
 *
 * train.c
 *	  From a source of rows to a new version: the one way to train.
 *
 *		options ─▶ source ─▶ (categories pass) ─▶ all rows ─▶ teach | validate | hold out
 *		        ─▶ (search) ─▶ algorithm ─▶ (calibration, threshold) ─▶ metrics ─▶ registry
 *
 * Rows are read as the caller, in a read-only transaction state.  Nothing is
 * written before the last step, so a failure or a cancel leaves no trace.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/args.h"
#include "core/guc.h"
#include "core/usage.h"
#include "model/registry.h"
#include "model/train_int.h"

PG_FUNCTION_INFO_V1(aipipe_model_train);

/*
 * Profiles the training rows and ends with an error when no column holds a
 * value in any of them.  To a detector that is a lesson: a value is strange then.
 */
static void
profile_rows(Training *training)
{
	const Encoder *encoder = training->encoder;
	bool		empty = training->spec->task != TASK_ANOMALY;

	encoder_profile(training->encoder, training->set->rows);
	for (int c = 0; c < encoder->ncolumns && empty; c++)
		empty = (encoder->columns[c].nnulls == encoder->columns[c].nrows);
	if (empty)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source \"%s\" holds no value to learn from", training->spec->source),
				 errdetail("Every column is NULL in every row.")));
}

/* Allocates weights for a part's rows and charges them. */
static float *
new_weights(Training *training, const TrainSet *set)
{
	Size		bytes = mul_size(Max(set->rows->nrows, 1), sizeof(float));

	train_reserve(training, bytes);
	training->beside += bytes;
	return MemoryContextAllocHuge(CurrentMemoryContext, bytes);
}

/*
 * Applies the class weights: to the rows that teach for good, to those that
 * validate in a copy, because calibration takes them as they are.
 */
static void
apply_class_weights(Training *training, TrainSet *validation)
{
	TrainSet   *set = training->set;
	double	   *class_weights = train_class_weights(training);

	if (class_weights == NULL)
		return;
	if (validation->rows != NULL)
	{
		float	   *weights = new_weights(training, validation);

		train_weigh(validation, class_weights, weights);
		validation->weights = weights;
	}
	if (set->weights == NULL)
	{
		float	   *weights = new_weights(training, set);

		train_weigh(set, class_weights, weights);
		set->weights = weights;
	}
	else
		train_weigh(set, class_weights, set->weights);
}

/* Describes what is to be learned to the algorithm; validation stays empty when it has no use for such rows. */
static void
fill_request(Training *training, TrainRequest *request, TrainSet *validation)
{
	const TrainSet *set = training->set;

	if (training->stops_early)
		*validation = *training->validation;
	apply_class_weights(training, validation);
	train_check_weight_sum(training, set);
	train_check_weight_sum(training, validation);
	request->task = training->spec->task;
	request->rows = set->rows;
	request->labels = set->labels;
	request->weights = set->weights;
	request->groups = request->task == TASK_RANKING ? set->groups : NULL;
	request->validation = validation->rows ? validation : NULL;
	request->encoder = training->encoder;
	request->nclasses = training->nclasses;
	request->classes = training->classes;
	request->params = training->params;
	request->common = training->common;
	request->seed = training->options.seed;
	request->progress = &training->progress;
}

/* Searches for the parameters that train best, when that is asked for, and takes them over. */
static Search *
search_params(Training *training, TrainRequest *request)
{
	Search	   *search;

	if (training->options.search == NULL)
		return NULL;
	progress_phase(&training->progress, "searching", 0);
	search = search_run(training->options.search, request, training->algorithm, training->set);
	train_note_peak(training, add_size(training->set->rows->bytes,
									   add_size(training->beside, search->peak_bytes)));
	training->params = search->params;
	training->options.search = search->summary;
	request->params = search->params;
	return search;
}

/* What an algorithm learned, ready to be stored or to serve. */
typedef struct Learned
{
	TrainResult result;
	TrainFit	fit;
	Search	   *search;			/* NULL without one */
	char	   *metrics;		/* NULL without held-out rows */
} Learned;

/* Stores what was learned as the model's next version. */
static int
store(Training *training, const Learned *learned, double cpu_start)
{
	const TrainSpec *spec = training->spec;
	const TrainResult *result = &learned->result;
	const TrainFit *fit = &learned->fit;
	NewVersion	new = {0};
	NewVersion *version = &new;
	StringInfoData calibration;

	progress_phase(&training->progress, "storing", 0);
	if (fit->calibration != NULL)
	{
		initStringInfo(&calibration);
		calibration_write(fit->calibration, &calibration);
		version->calibration = calibration.data;
	}
	if (!isnan(fit->threshold))
		version->threshold = fit->threshold;
	version->search = learned->search;
	version->metrics = learned->metrics;
	version->model = spec->model;
	version->task = spec->task;
	version->algorithm = training->algorithm->name;
	version->encoder = training->encoder;
	version->artifact = result->artifact.data;
	version->artifact_len = result->artifact.len;
	version->compiled = result->compiled.data;
	version->compiled_len = result->compiled.len;
	version->params = train_effective_params(training, result->params.data);
	version->source = spec->source;
	version->source_resolved = training->source->resolved;
	version->target = spec->target;
	version->classes = training->classes;
	version->nclasses = training->nclasses;
	version->nrows = training->set->rows->nrows;
	version->seed = training->options.seed;
	version->peak_bytes = training->peak;
	version->library = result->library;
	version->cpu_seconds = usage_cpu_seconds() - cpu_start;
	return registry_add_version(version);
}

/* Gives the rows of a part that there may be none of. */
static int64
part_rows(const TrainSet *part)
{
	return part ? part->rows->nrows : 0;
}

/* Runs the algorithm and sees how well it did. */
static void
learn(Training *training, Learned *learned)
{
	TrainSet	validation = {0};
	TrainRequest request = {0};
	TrainResult *result = &learned->result;
	Size		measuring = train_measure_bytes(training, part_rows(training->held_out), part_rows(training->validation));
	Size		data;

	fill_request(training, &request, &validation);
	/* what measuring will take is made sure of before the long part */
	train_reserve(training, measuring);
	data = training->set->rows->bytes + training->beside;
	request.budget = Max(training->limit - data, 1);
	learned->search = search_params(training, &request);
	if (learned->search != NULL)
		train_note_peak(training, add_size(data, learned->search->peak_bytes));
	training->algorithm->train(&request, result);
	train_note_peak(training, add_size(data, result->peak_bytes));

	learned->fit.model = training->algorithm->open(result->compiled.data, result->compiled.len);
	train_calibrate(training, &learned->fit);
	learned->metrics = train_measure(training, &learned->fit, result->params.data);
}

/* Begins a training: what can be wrong before a row is read is an error here. */
static void
begin(Training *training, const TrainSpec *spec)
{
	training->spec = spec;
	training->limit = (Size) core_train_max_memory * 1024;
	train_read_options(training);
	train_read_source(training);
}

/* Reads the rows and learns from them; false when there are fewer than there have to be. */
static bool
run(Training *training, Learned *learned)
{
	progress_begin(&training->progress, psprintf("training model \"%s\"", training->spec->model));
	train_learn_encoder(training);
	train_read_rows(training);
	if (training->set->rows->nrows < training->spec->least_rows)
		return false;
	train_split(training);
	profile_rows(training);
	learn(training, learned);
	return true;
}

/* Trains and registers the next version as the current user; gives its number. */
int
train_version(const TrainSpec *spec)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe model train", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	double		cpu_start = usage_cpu_seconds();
	Training	training = {0};
	Learned		learned = {0};
	int			version;

	registry_check_trainable(spec->model, spec->task);
	begin(&training, spec);
	(void) run(&training, &learned);
	version = store(&training, &learned, cpu_start);
	progress_end(&training.progress);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return version;
}

/* Copies what was learned into a version of its own, in the current memory context. */
static ModelVersion *
copy_version(const Training *training, const Learned *learned)
{
	ModelVersion *version = palloc0(sizeof(ModelVersion));
	const StringInfoData *compiled = &learned->result.compiled;
	char	   *bytes = MemoryContextAllocHuge(CurrentMemoryContext, Max(compiled->len, 1));
	StringInfoData text;

	version->model = pstrdup(training->spec->model);
	version->task = training->spec->task;
	initStringInfo(&text);
	encoder_write(training->encoder, &text);
	version->encoder = encoder_read(text.data, text.len);
	memcpy(bytes, compiled->data, compiled->len);
	version->loaded = training->algorithm->open(bytes, compiled->len);
	version->nclasses = training->nclasses;
	version->classes = palloc(mul_size(sizeof(char *), Max(training->nclasses, 1)));
	for (int i = 0; i < training->nclasses; i++)
		version->classes[i] = pstrdup(training->classes[i]);
	version->positive = training->nclasses - 1;
	version->threshold = learned->fit.threshold;
	if (learned->fit.calibration != NULL)
	{
		resetStringInfo(&text);
		calibration_write(learned->fit.calibration, &text);
		version->calibration = calibration_read(text.data);
	}
	pfree(text.data);
	return version;
}

/* Trains without storing anything; gives a version that lives in the memory context. */
const ModelVersion *
train_transient(const TrainSpec *spec, MemoryContext context, int64 *nrows)
{
	MemoryContext own = AllocSetContextCreate(CurrentMemoryContext, "aipipe model train", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(own);
	Training	training = {0};
	Learned		learned = {0};
	ModelVersion *version = NULL;
	bool		learnt;

	begin(&training, spec);
	learnt = run(&training, &learned);
	*nrows = training.set->rows->nrows;
	MemoryContextSwitchTo(context);
	if (learnt)
		version = copy_version(&training, &learned);
	progress_end(&training.progress);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(own);
	return version;
}

/* Reads the arguments that say what is to be learned, task and those behind it, from argument argno on. */
void
train_read_arguments(FunctionCallInfo fcinfo, int argno, TrainSpec *spec)
{
	spec->task = algorithm_task(arg_text(fcinfo, argno, "task"));
	algorithm_check_scores_rows(spec->task, NULL);
	spec->source = arg_text(fcinfo, argno + 1, "source");
	spec->target = arg_optional_text(fcinfo, argno + 2);
	spec->columns = arg_text_list(fcinfo, argno + 3, "features");
	spec->algorithm = arg_optional_text(fcinfo, argno + 4);
	spec->params = PG_ARGISNULL(argno + 5) ? NULL : PG_GETARG_JSONB_P(argno + 5);
	if ((spec->target == NULL) != (spec->task == TASK_ANOMALY))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 spec->target == NULL ? errmsg("task %s needs a target column", algorithm_task_name(spec->task))
				 : errmsg("task anomaly has no target column"),
				 spec->target == NULL ? errhint("Name it in the argument target.") : 0));
}

/* model_train(model, task, source, target, features, algorithm, params): trains a new version. */
Datum
aipipe_model_train(PG_FUNCTION_ARGS)
{
	TrainSpec	spec = {0};

	spec.function = "model_train";
	spec.model = arg_text(fcinfo, 0, "model");
	train_read_arguments(fcinfo, 1, &spec);
	PG_RETURN_INT32(train_version(&spec));
}
