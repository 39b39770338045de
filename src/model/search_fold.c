/*-------------------------------------------------------------------------
 *
 * search_fold.c
 *	  The rows of a search in folds, and one fold of one trial.
 *
 *		number:  fold 0 │ fold 1 │ fold 2        slice 0 │ slice 1 │ slice 2
 *		fold 1:  learn  │ measure│ learn         learn   │ learn   │ measure     (in order of time)
 *
 * The rows that teach are copied, the rows that measure are scored where they
 * are.  All that a fold makes is in one memory context, which goes with it: the
 * booster too, since its handles hang on that context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "learn/split.h"
#include "model/search_private.h"

/* What a row is for in the fold at hand. */
enum
{
	PART_LEARN,
	PART_MEASURE,
	PART_UNUSED
};

/* Rows that are scored at a time. */
#define SCORE_BLOCK 256

const char *const search_split_names[] = {
	[SEARCH_RANDOM] = "random",
	[SEARCH_STRATIFIED] = "stratified",
	[SEARCH_TIME] = "time",
	[SEARCH_GROUP] = "group",
	[SEARCH_GROUP + 1] = NULL
};

/* Checks a split that was asked for against the task and the training's own: only that one reads a column. */
void
folds_check(const char *split, const Jsonb *params, ModelTask task)
{
	if (split == NULL)
		return;
	if (strcmp(split, "stratified") == 0 && task != TASK_CLASSIFICATION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split \"stratified\" of search is for task classification")));
	if (task == TASK_RANKING && strcmp(split, "group") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split \"%s\" of search would part the rows of a group", split),
				 errdetail("Task ranking compares rows of one group."),
				 errhint("Leave it out, or use \"group\".")));
	if (task != TASK_RANKING && (strcmp(split, "time") == 0 || strcmp(split, "group") == 0) &&
		!search_has_text(params, "split", split))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split \"%s\" of search needs a column", split),
				 errhint("Split the training itself so: give it option \"split\" and its \"split_column\".")));
}

/* Gives the split that was asked for, or the one that the set allows. */
static SearchSplit
choose_split(const TrainRequest *request, const TrainSet *set, const char *asked)
{
	SearchSplit split;

	/* folds_check() saw to it that the set has what it needs */
	if (asked != NULL)
		for (split = SEARCH_RANDOM; strcmp(search_split_names[split], asked) != 0; split++);
	else if (request->task == TASK_RANKING)
		split = SEARCH_GROUP;
	else if (set->times != NULL)
		split = SEARCH_TIME;
	else if (set->groups != NULL)
		split = SEARCH_GROUP;
	else
		split = request->task == TASK_CLASSIFICATION ? SEARCH_STRATIFIED : SEARCH_RANDOM;
	if ((split == SEARCH_TIME && set->times == NULL) || (split == SEARCH_GROUP && set->groups == NULL))
		elog(ERROR, "the training set has no column to split \"%s\" by", search_split_names[split]);
	return split;
}

/* Gives every row its fold, or its slice of time. */
static void
number_rows(SearchFolds *folds)
{
	const TrainSet *set = folds->set;
	int64		nrows = set->rows->nrows;
	bool		stratified = folds->split == SEARCH_STRATIFIED;

	if (folds->split == SEARCH_TIME)
		split_time_slices(nrows, folds->nfolds, set->times, folds->number);
	else
		split_folds(nrows, folds->nfolds, folds->seed, stratified ? set->labels : NULL,
					stratified ? folds->request->nclasses : 0,
					folds->split == SEARCH_GROUP ? set->groups : NULL, folds->number);
}

/* Says what the rows of a fold or slice are for when this fold measures. */
static uint8
part_of(const SearchFolds *folds, int fold, uint8 number)
{
	if (folds->split != SEARCH_TIME)
		return number == fold ? PART_MEASURE : PART_LEARN;
	if (number > fold + 1)
		return PART_UNUSED;
	return number == fold + 1 ? PART_MEASURE : PART_LEARN;
}

/* Marks what every row is for when this fold measures and gives how many measure. */
static int64
mark_parts(const SearchFolds *folds, int fold)
{
	int64		nmeasure = 0;

	for (int64 row = 0; row < folds->set->rows->nrows; row++)
	{
		folds->part[row] = part_of(folds, fold, folds->number[row]);
		nmeasure += (folds->part[row] == PART_MEASURE);
	}
	return nmeasure;
}

/* Ends with an error when a fold has no row to learn from or to measure on. */
static void
check_filled(const SearchFolds *folds)
{
	int64	   *rows = palloc0(sizeof(int64) * (folds->nfolds + 1));
	int			nparts = folds->split == SEARCH_TIME ? folds->nfolds + 1 : folds->nfolds;

	for (int64 row = 0; row < folds->set->rows->nrows; row++)
		rows[folds->number[row]]++;
	for (int i = 0; i < nparts; i++)
		if (rows[i] == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("there are too few rows for %d folds", folds->nfolds),
					 errdetail("Split \"%s\" leaves a fold without a row.", search_split_names[folds->split]),
					 errhint("Search with fewer folds.")));
	pfree(rows);
}

/* Ends with an error when so many bytes beside the rows are more than allowed, else takes note of them. */
static void
note_bytes(SearchFolds *folds, Size bytes)
{
	Size		budget = folds->request->budget;

	if (budget > 0 && bytes > budget)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("a search needs more memory than allowed"),
				 errdetail("A fold needs %zu kB beside the training data; %zu kB are left of aipipe.train_max_memory.",
						   bytes / 1024, budget / 1024),
				 errhint("Raise aipipe.train_max_memory, or train on fewer columns or on a sample of the rows.")));
	folds->peak = Max(folds->peak, bytes);
}

/* Divides the rows. */
SearchFolds *
folds_make(const TrainRequest *request, const TrainSet *set, const Algorithm *algorithm,
		   const SearchOptions *options, uint64 seed)
{
	SearchFolds *folds = palloc0(sizeof(SearchFolds));
	int64		nrows = set->rows->nrows;

	folds->request = request;
	folds->set = set;
	folds->algorithm = algorithm;
	folds->split = choose_split(request, set, options->split);
	folds->nfolds = (int) options->folds;
	folds->seed = seed;
	if (request->validation != NULL)
		folds->stop_share = (double) request->validation->rows->nrows /
			(double) Max(request->validation->rows->nrows + nrows, 1);
	folds->held = mul_size(Max(nrows, 1), 2);
	note_bytes(folds, add_size(folds->held, set->groups ? split_groups_bytes(nrows, set->groups) : 0));
	folds->number = MemoryContextAllocHuge(CurrentMemoryContext, Max(nrows, 1));
	folds->part = MemoryContextAllocHuge(CurrentMemoryContext, Max(nrows, 1));
	number_rows(folds);
	check_filled(folds);
	return folds;
}

/* Keeps a share of the learning rows apart, to say when to stop, as the training itself does; gives it, or NULL. */
static TrainSet *
take_stopping_rows(const SearchFolds *folds, TrainSet *learn, const Jsonb *params)
{
	const TrainRequest *request = folds->request;
	int64		nrows = learn->rows->nrows;
	TrainSet   *stopping;
	uint8	   *part;
	bool		classes = request->task == TASK_CLASSIFICATION;

	if (folds->stop_share <= 0 || search_number(params, "early_stopping_rounds", 0) <= 0)
		return NULL;
	part = MemoryContextAllocHuge(CurrentMemoryContext, Max(nrows, 1));
	if (folds->split == SEARCH_TIME)
		split_latest(nrows, folds->stop_share, learn->times, part);
	else if (folds->split == SEARCH_GROUP)
		split_groups(nrows, folds->stop_share, folds->seed, learn->groups, part);
	else
		split_holdout(nrows, folds->stop_share, folds->seed, classes ? learn->labels : NULL,
					  classes ? request->nclasses : 0, part);
	stopping = trainset_copy(learn, part, 1, request->budget,
							 add_size(folds->held, trainset_bytes(learn, nrows)), "a fold's rows to stop by");
	trainset_keep(learn, part, 0);
	trainset_number_groups(stopping);
	pfree(part);
	return stopping;
}

/* Trains on the learning rows of the fold that is marked; nothing but the result stays. */
static void
train_fold(SearchFolds *folds, const Jsonb *params, TrainResult *result)
{
	TrainRequest request = *folds->request;
	TrainSet   *learn = trainset_copy(folds->set, folds->part, PART_LEARN, request.budget, folds->held,
									  "a fold's training data");
	TrainSet   *stopping = take_stopping_rows(folds, learn, params);
	Size		held = add_size(folds->held, trainset_bytes(learn, learn->rows->nrows));

	if (stopping != NULL)
		held = add_size(held, trainset_bytes(stopping, stopping->rows->nrows));
	note_bytes(folds, held);
	trainset_number_groups(learn);
	request.rows = learn->rows;
	request.labels = learn->labels;
	request.weights = learn->weights;
	request.groups = request.groups ? learn->groups : NULL;
	request.validation = stopping;
	request.params = params;
	if (request.budget > 0)
		request.budget = Max(request.budget - held, 1);
	request.progress = NULL;
	folds->algorithm->train(&request, result);
	folds->peak = Max(folds->peak, add_size(held, result->peak_bytes));
	if (stopping != NULL)
		trainset_free(stopping);
	trainset_free(learn);
}

/* Scores a block of rows that were gathered. */
static void
score_block(const LoadedModel *model, const float *rows, int n, float *margins, float *values)
{
	CHECK_FOR_INTERRUPTS();
	model->algorithm->margin(model, rows, n, margins);
	model->algorithm->values(model, margins, n, values);
}

/* Scores the measuring rows in their order into values. */
static void
score_rows(const SearchFolds *folds, const LoadedModel *model, float *values)
{
	const Matrix *rows = folds->set->rows;
	Size		row_bytes = mul_size(rows->ncols, sizeof(float));
	float	   *block = palloc(mul_size(SCORE_BLOCK, row_bytes));
	float	   *margins = palloc(mul_size(mul_size(SCORE_BLOCK, model->nmargins), sizeof(float)));
	int			n = 0;

	for (int64 row = 0; row < rows->nrows; row++)
	{
		if (folds->part[row] != PART_MEASURE)
			continue;
		memcpy(block + (size_t) n * rows->ncols, matrix_row(rows, row), row_bytes);
		if (++n < SCORE_BLOCK)
			continue;
		score_block(model, block, n, margins, values);
		values += (size_t) n * model->nvalues;
		n = 0;
	}
	if (n > 0)
		score_block(model, block, n, margins, values);
}

/* Gathers the truth of the measuring rows. */
static void
gather_truth(const SearchFolds *folds, float *labels, int32 *groups)
{
	const TrainSet *set = folds->set;
	int64		n = 0;

	for (int64 row = 0; row < set->rows->nrows; row++)
	{
		if (folds->part[row] != PART_MEASURE)
			continue;
		labels[n] = set->labels[row];
		if (groups != NULL)
			groups[n] = set->groups[row];
		n++;
	}
}

/* Measures what the fold learned on the rows that did not teach. */
static double
measure_fold(SearchFolds *folds, const Jsonb *params, const TrainResult *result, int64 nmeasure)
{
	const TrainRequest *request = folds->request;
	LoadedModel *model = folds->algorithm->open(result->compiled.data, result->compiled.len);
	const OptionSpec *quantile = folds->algorithm->option("quantile_alpha");
	Size		value_bytes = mul_size(mul_size(nmeasure, model->nvalues), sizeof(float));
	Scored		scored = {0};
	float	   *values;
	float	   *labels;
	int32	   *groups = NULL;

	note_bytes(folds, add_size(add_size(folds->held, value_bytes),
							   add_size(mul_size(nmeasure, sizeof(float) + sizeof(int32)), metrics_estimate(nmeasure))));
	values = MemoryContextAllocHuge(CurrentMemoryContext, value_bytes);
	labels = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(nmeasure, sizeof(float)));
	if (request->task == TASK_RANKING)
		groups = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(nmeasure, sizeof(int32)));
	score_rows(folds, model, values);
	gather_truth(folds, labels, groups);

	scored.task = request->task;
	scored.nrows = nmeasure;
	scored.nclasses = request->nclasses;
	scored.nvalues = model->nvalues;
	scored.values = values;
	scored.labels = labels;
	scored.groups = groups;
	scored.threshold = get_float8_nan();
	scored.quantile = quantile ? search_number(params, quantile->name, quantile->dflt) : 0;
	return folds->metric->compute(&scored);
}

/* Trains on all but one fold with these parameters and gives the metric on that one. */
double
folds_score(SearchFolds *folds, int fold, const Jsonb *params)
{
	int64		nmeasure = mark_parts(folds, fold);
	TrainResult result = {0};

	train_fold(folds, params, &result);
	return measure_fold(folds, params, &result, nmeasure);
}
