/*-------------------------------------------------------------------------
 *
 * learn.c
 *	  Algorithm "xgboost" on seeded random rows, called as a training calls it.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <fcntl.h>
#include <math.h>
#include <unistd.h>

#include "funcapi.h"
#include "utils/builtins.h"

#include "core/guc.h"
#include "learn/algorithm.h"

PG_FUNCTION_INFO_V1(test_learn);
PG_FUNCTION_INFO_V1(test_estimate);

/* aipipe.so has them as settings and as a view; here are no others than these. */
int			core_train_threads = 1;

/* The last score that a training reported, and how often it did. */
static double last_score;
static int	nscores;

/* Stands in for the view of running work. */
void
progress_phase(Progress *progress, const char *phase, int64 total)
{
}

/* Stands in for the view of running work. */
void
progress_update(Progress *progress, int64 done)
{
}

/* Notes what the work has reached. */
void
progress_metric(Progress *progress, const char *name, double value)
{
	last_score = value;
	nscores++;
}

/* Stands in for the view of running work. */
void
progress_memory(Progress *progress, Size bytes)
{
}

/* Gives a figure of this process in bytes: "VmRSS:" or "VmHWM:". */
static int64
process_bytes(const char *what)
{
	char		text[8192];
	int			file = open("/proc/self/status", O_RDONLY);
	int			len = file < 0 ? -1 : read(file, text, sizeof(text) - 1);
	const char *at;

	if (file >= 0)
		close(file);
	text[Max(len, 0)] = '\0';
	at = strstr(text, what);
	return at == NULL ? 0 : strtol(at + strlen(what), NULL, 10) * 1024;
}

/* Makes the peak of this process's memory start from what it has now. */
static void
forget_peak(void)
{
	int			file = open("/proc/self/clear_refs", O_WRONLY);

	if (file < 0)
		return;
	if (write(file, "5", 1) < 0)
		elog(WARNING, "the peak of memory cannot be reset");
	close(file);
}

/* What is trained on. */
typedef struct Lesson
{
	const char *objective;		/* whose labels */
	int			classes;
	bool		categorical;
	int			nfeatures;
	int			seed;
	bool		weighted;
	int			group_rows;		/* 0 = no groups */
} Lesson;

/* Makes rows with everything that belongs to them. */
static TrainSet *
make_set(const Lesson *lesson, int nrows, int seed)
{
	TrainSet   *set = palloc0(sizeof(TrainSet));
	float	   *rows = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * (Size) nrows * lesson->nfeatures);
	Random		random;

	set->labels = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float) * (Size) nrows);
	data_training(nrows, lesson->nfeatures, lesson->categorical, lesson->classes, lesson->objective,
				  seed, rows, set->labels);
	set->rows = matrix_create(CurrentMemoryContext, lesson->nfeatures, 0, "rows");
	for (int i = 0; i < nrows; i++)
		memcpy(matrix_append(set->rows), rows + (Size) i * lesson->nfeatures, sizeof(float) * lesson->nfeatures);
	pfree(rows);
	random_seed(&random, seed + 77);
	if (lesson->group_rows > 0)
	{
		set->groups = palloc(sizeof(int32) * nrows);
		for (int i = 0; i < nrows; i++)
			set->groups[i] = i / lesson->group_rows;
	}
	if (lesson->weighted)
	{
		set->weights = palloc(sizeof(float) * nrows);
		for (int i = 0; i < nrows; i++)
			set->weights[i] = (i > 0 && set->groups && set->groups[i] == set->groups[i - 1])
				? set->weights[i - 1] : random_below(&random, 8) * 0.5;
	}
	return set;
}

/* Makes the encoder that such rows would have: one feature a column, f0, f1, … */
static Encoder *
make_encoder(const Lesson *lesson)
{
	Encoder    *encoder = palloc0(sizeof(Encoder));

	encoder->ncolumns = encoder->nfeatures = lesson->nfeatures;
	encoder->columns = palloc0(sizeof(EncoderColumn) * lesson->nfeatures);
	encoder->features = palloc0(sizeof(EncoderFeature) * lesson->nfeatures);
	for (int f = 0; f < lesson->nfeatures; f++)
	{
		encoder->columns[f].name = psprintf("f%d", f);
		encoder->columns[f].first_feature = f;
		encoder->columns[f].nfeatures = 1;
		encoder->features[f].name = encoder->columns[f].name;
		encoder->features[f].column = f;
		encoder->features[f].categorical = lesson->categorical && data_is_categorical(f);
		encoder->features[f].ncategories = 7 + 5 * f;
	}
	return encoder;
}

/* Trains on seeded random rows. */
Datum
test_learn(PG_FUNCTION_ARGS)
{
	Lesson		lesson = {0};
	TrainRequest request = {0};
	TrainResult result = {0};
	TrainSet   *set;
	Progress	progress = {0};
	TupleDesc	desc;
	Datum		values[6];
	bool		nulls[6] = {0};
	bytea	   *model;
	int64		held;
	int			nvalidation = PG_GETARG_INT32(9);

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	lesson.objective = text_to_cstring(PG_GETARG_TEXT_PP(1));
	lesson.classes = PG_GETARG_INT32(3);
	lesson.categorical = PG_GETARG_BOOL(4);
	lesson.nfeatures = PG_GETARG_INT32(6);
	lesson.seed = PG_GETARG_INT32(7);
	lesson.weighted = PG_GETARG_BOOL(8);
	lesson.group_rows = PG_GETARG_INT32(10);
	set = make_set(&lesson, PG_GETARG_INT32(5), lesson.seed);
	request.task = algorithm_task(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	request.rows = set->rows;
	request.labels = set->labels;
	request.weights = set->weights;
	request.groups = set->groups;
	request.validation = nvalidation > 0 ? make_set(&lesson, nvalidation, lesson.seed + 1000) : NULL;
	request.encoder = make_encoder(&lesson);
	request.nclasses = request.task == TASK_CLASSIFICATION ? Max(lesson.classes, 2) : 0;
	request.params = PG_GETARG_JSONB_P(2);
	request.seed = lesson.seed;
	request.progress = &progress;
	nscores = 0;
	last_score = NAN;
	algorithm_xgboost.check(request.task, request.params, NULL);
	forget_peak();
	held = process_bytes("VmRSS:");
	algorithm_xgboost.train(&request, &result);
	values[5] = Int64GetDatum(process_bytes("VmHWM:") - held);

	model = palloc(VARHDRSZ + result.artifact.len);
	SET_VARSIZE(model, VARHDRSZ + result.artifact.len);
	memcpy(VARDATA(model), result.artifact.data, result.artifact.len);
	values[0] = PointerGetDatum(model);
	values[1] = DirectFunctionCall1(jsonb_in, CStringGetDatum(result.params.data));
	values[2] = Int64GetDatum(result.peak_bytes);
	values[3] = Int32GetDatum(nscores);
	values[4] = Float8GetDatum(last_score);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* Gives what a training of some size would take beside its data. */
Datum
test_estimate(PG_FUNCTION_ARGS)
{
	TrainSize	size = {0};

	size.task = algorithm_task(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	size.params = PG_GETARG_JSONB_P(2);
	size.nrows = PG_GETARG_INT64(3);
	size.ncols = PG_GETARG_INT32(4);
	size.nvalidation = PG_GETARG_INT64(5);
	size.nclasses = PG_GETARG_INT32(6);
	size.weighted = PG_GETARG_BOOL(7);
	PG_RETURN_INT64(algorithm_find(text_to_cstring(PG_GETARG_TEXT_PP(0)))->estimate(&size));
}
