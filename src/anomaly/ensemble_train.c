/*-------------------------------------------------------------------------
 *
 * ensemble_train.c
 *	  Trains and refreshes a detector's components and learns the tails.
 *
 * Components learn one after the other from the same rows.  Then each scores the
 * training rows, where it can as though it had not seen them, its scores make its tail,
 * and the bits that the tail of the other rows gives each add up to the rows' margins,
 * which have a tail and severities of their own.
 *
 * A refresh lets those components learn the new rows that can.  The old rows are
 * gone: what is known of their scores is the old tail, so as many scores as they
 * still weigh are taken from it, evenly by its own shares, and the new rows'
 * scores are put beside them.  A component changes little by one refresh, so
 * that is nearly what the old rows would score now.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "anomaly/ensemble_int.h"

/* With more rows than this, every k-th is scored. */
#define ENSEMBLE_MAX_ROWS (256 * 1024)

#define SCORE_BLOCK 256

/* The rows that are scored, every stride-th of a matrix. */
typedef struct ScoredRows
{
	const Matrix *rows;
	int64		stride;
	int64		n;
	Progress   *progress;
} ScoredRows;

/* What the members of an ensemble are before the tails: components that learned. */
typedef struct Learned
{
	EnsembleChoice choice;
	TrainResult result[ENSEMBLE_MAX_COMPONENTS];
	Size		peak;			/* of the greatest component */
} Learned;

/* Gives the bytes of the scores of so many training rows: a component's, to be sorted, and the margins. */
static Size
score_bytes(int64 nrows)
{
	return mul_size(3 * sizeof(float), Min(nrows, ENSEMBLE_MAX_ROWS));
}

/* Estimates a training: components learn one after the other, and what that took is free again when rows are scored. */
Size
ensemble_training_bytes(const TrainSize *size)
{
	EnsembleChoice choice;
	Size		most = 0;

	ensemble_choose_possible(size->params, &choice);
	for (int i = 0; i < choice.n; i++)
	{
		TrainSize	part = *size;
		Size		bytes;

		part.common = ensemble_passed_over(choice.algorithm[i], size->common);
		bytes = choice.algorithm[i]->estimate(&part);
		most = Max(most, bytes);
	}
	return Max(most, score_bytes(size->nrows));
}

/* Ends with an error before the scores would exceed the memory for training. */
static void
check_budget(const TrainRequest *request)
{
	Size		needed = score_bytes(request->rows->nrows);

	if (request->budget > 0 && needed > request->budget)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("a detector on this data needs more memory than allowed"),
				 errdetail("The scores of the training rows take %zu kB beside the data; %zu kB are left of aipipe.train_max_memory.",
						   needed / 1024, request->budget / 1024),
				 errhint("Train on a sample of the rows, or raise aipipe.train_max_memory.")));
}

/* Refuses what cannot be trained on. */
static void
check_rows(const TrainRequest *request)
{
	if (request->rows->nrows < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no rows to train on"),
				 errdetail("The source gives no row.")));
}

/* Describes the training of a component. */
static TrainRequest
component_request(const TrainRequest *request, const Algorithm *component)
{
	TrainRequest part = *request;

	part.common = ensemble_passed_over(component, request->common);
	part.component = true;
	return part;
}

/* Gives the scores of the rows by a component. */
static float *
score_rows(const LoadedModel *component, const ScoredRows *scored)
{
	Size		width = mul_size(sizeof(float), scored->rows->ncols);
	float	   *block = palloc(mul_size(width, SCORE_BLOCK));
	float	   *scores = palloc_extended(mul_size(sizeof(float), scored->n), MCXT_ALLOC_HUGE);

	if (scored->progress)
		progress_phase(scored->progress, "scoring rows", scored->n);
	for (int64 done = 0; done < scored->n; done += SCORE_BLOCK)
	{
		int			n = (int) Min(SCORE_BLOCK, scored->n - done);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n; i++)
			memcpy((char *) block + width * i, matrix_row(scored->rows, (done + i) * scored->stride), width);
		ensemble_strangeness(component, block, n, scores + done);
		if (scored->progress)
			progress_update(scored->progress, done + n);
	}
	pfree(block);
	return scores;
}

/*
 * Learns a tail from the new rows' scores, and from the old tail as far as it still
 * weighs; unseen, unless it is NULL, becomes what these rows are judged by.
 */
static void
learn_tail(const ScoredRows *scored, const float *scores, const Tail *old, double keep, Tail *tail, Tail *unseen)
{
	double		old_rows = old ? keep * old->rows : 0;
	double		rows = old_rows + scored->rows->nrows;
	int64		room = (int64) Min(rint(old_rows + scored->n), ENSEMBLE_MAX_ROWS);
	int64		nold = Min((int64) rint(room * (old_rows / rows)), room - 1);
	int64		nnew = Min(room - nold, scored->n);
	float	   *all = palloc_extended(mul_size(sizeof(float), nold + nnew), MCXT_ALLOC_HUGE);

	if (nold > 0)
		tail_sample(old, all, nold);
	for (int64 i = 0; i < nnew; i++)
		all[nold + i] = scores[(int64) ((double) i * scored->n / nnew)];
	tail_learn(all, nold + nnew, tail);
	if (unseen)
		tail_learn_unseen(all, nold + nnew, tail, unseen);
	tail->rows = (int64) Max(rint(rows), 1);
	pfree(all);
}

/* Learns the severities from the new rows' margins, and from the old ones as far as they still weigh. */
static void
learn_severity(const ScoredRows *scored, float *margins, const EnsembleModel *old, double keep, Severity *severity)
{
	/* rows that one score stands for, old and new */
	double		old_share = old ? (double) old->tail.rows / old->severity.rows : 0;
	double		new_share = (double) scored->rows->nrows / scored->n;

	for (int64 i = 0; i < scored->n; i++)
		margins[i] = -margins[i];
	if (old != NULL)
		severity_merge(&old->severity, keep * old_share / new_share, margins, scored->n, severity);
	else
		severity_learn(margins, scored->n, severity);
}

/* Learns the tails of components and margin and writes the ensemble; old is NULL unless it is refreshed. */
static void
learn_tails(const TrainRequest *request, Learned *learned, const EnsembleModel *old, double keep, TrainResult *result)
{
	EnsembleModel *model = palloc0(sizeof(EnsembleModel));
	StringInfoData compiled[ENSEMBLE_MAX_COMPONENTS];
	StringInfoData unseen[ENSEMBLE_MAX_COMPONENTS];
	ScoredRows	scored = {request->rows, (request->rows->nrows - 1) / ENSEMBLE_MAX_ROWS + 1, 0, request->progress};
	float	   *margins;

	scored.n = (request->rows->nrows - 1) / scored.stride + 1;
	margins = palloc_extended(mul_size(sizeof(float), scored.n), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	model->n = learned->choice.n;
	for (int c = 0; c < model->n; c++)
	{
		EnsembleMember *member = &model->member[c];
		TrainResult *part = &learned->result[c];
		Tail		others;
		float	   *scores;

		member->algorithm = learned->choice.algorithm[c];
		member->weight = learned->choice.weight[c];
		member->artifact = part->artifact.data;
		member->artifact_len = part->artifact.len;
		compiled[c] = part->compiled;
		unseen[c] = part->unseen.len > 0 ? part->unseen : part->compiled;
		scores = score_rows(member->algorithm->open(unseen[c].data, unseen[c].len), &scored);
		learn_tail(&scored, scores, old ? &old->member[c].tail : NULL, keep, &member->tail, &others);
		for (int64 i = 0; i < scored.n; i++)
			margins[i] += (float) (member->weight * tail_bits(&others, scores[i]));
		pfree(scores);
	}
	learn_tail(&scored, margins, old ? &old->tail : NULL, keep, &model->tail, NULL);
	learn_severity(&scored, margins, old, keep, &model->severity);
	ensemble_write(model, &result->artifact);
	ensemble_compile_model(model, compiled, &result->compiled);
	if (request->component)
		ensemble_compile_model(model, unseen, &result->unseen);
}

/* Makes an empty result in the current context. */
static void
begin_result(TrainResult *result)
{
	initStringInfo(&result->artifact);
	initStringInfo(&result->compiled);
	initStringInfo(&result->unseen);
	initStringInfo(&result->params);
	result->library = pstrdup("aipipe " AIPIPE_VERSION);
}

/* Writes the effective parameters of all components. */
static void
write_params(const Learned *learned, TrainResult *result)
{
	char	   *params[ENSEMBLE_MAX_COMPONENTS];

	for (int i = 0; i < learned->choice.n; i++)
		params[i] = learned->result[i].params.data;
	ensemble_params(&learned->choice, params, &result->params);
}

/* Trains the components one after the other. */
static void
train_members(const TrainRequest *request, Learned *learned)
{
	for (int i = 0; i < learned->choice.n; i++)
	{
		const Algorithm *component = learned->choice.algorithm[i];
		TrainRequest part = component_request(request, component);

		component->train(&part, &learned->result[i]);
		learned->peak = Max(learned->peak, learned->result[i].peak_bytes);
	}
}

/* Gives the libraries that components were made with: ours, and what one of them names besides. */
static char *
name_library(const Learned *learned)
{
	for (int i = 0; i < learned->choice.n; i++)
		if (strchr(learned->result[i].library, ',') != NULL)
			return learned->result[i].library;
	return learned->result[0].library;
}

/* Trains an ensemble. */
void
ensemble_train_components(const TrainRequest *request, TrainResult *result)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "aipipe ensemble train", ALLOCSET_DEFAULT_SIZES);
	Learned    *learned;

	check_rows(request);
	check_budget(request);
	begin_result(result);
	MemoryContextSwitchTo(context);
	learned = palloc0(sizeof(Learned));
	ensemble_choose(request->params, request->encoder, &learned->choice);
	ensemble_check_options(request->params, request->common, &learned->choice);
	train_members(request, learned);
	learn_tails(request, learned, NULL, 0, result);
	write_params(learned, result);
	result->peak_bytes = Max(learned->peak, score_bytes(request->rows->nrows));
	result->library = MemoryContextStrdup(caller, name_library(learned));
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* Keeps a component as it is. */
static void
keep_member(const RefreshRequest *request, const EnsembleMember *member, TrainResult *result)
{
	begin_result(result);
	appendBinaryStringInfo(&result->artifact, member->artifact, member->artifact_len);
	member->algorithm->compile(member->artifact, member->artifact_len, &result->compiled);
	ensemble_component_params(member->algorithm, request->train->params, &result->params);
}

/* Lets the components learn the new rows that can; says how many could. */
static int
refresh_members(const RefreshRequest *request, const EnsembleModel *old, Learned *learned)
{
	int			refreshed = 0;

	for (int i = 0; i < old->n; i++)
	{
		const EnsembleMember *member = &old->member[i];
		TrainRequest train = component_request(request->train, member->algorithm);
		RefreshRequest part = {&train, member->artifact, member->artifact_len, request->keep};

		learned->choice.algorithm[i] = member->algorithm;
		learned->choice.weight[i] = member->weight;
		if (member->algorithm->refresh == NULL)
			keep_member(request, member, &learned->result[i]);
		else
		{
			member->algorithm->refresh(&part, &learned->result[i]);
			learned->peak = Max(learned->peak, learned->result[i].peak_bytes);
			refreshed++;
		}
	}
	learned->choice.n = old->n;
	return refreshed;
}

/* Learns more rows into an ensemble. */
void
ensemble_refresh_components(const RefreshRequest *request, TrainResult *result)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "aipipe ensemble train", ALLOCSET_DEFAULT_SIZES);
	EnsembleModel *old;
	Learned    *learned;

	check_rows(request->train);
	check_budget(request->train);
	begin_result(result);
	MemoryContextSwitchTo(context);
	learned = palloc0(sizeof(Learned));
	old = palloc0(sizeof(EnsembleModel));
	ensemble_read(request->artifact, request->artifact_len, old);
	if (refresh_members(request, old, learned) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("no component of the detector learns more rows"),
				 errdetail("An isolation forest keeps no counts that new rows could be added to."),
				 errhint("Train a new version.")));
	learn_tails(request->train, learned, old, request->keep, result);
	write_params(learned, result);
	result->peak_bytes = Max(learned->peak, score_bytes(request->train->rows->nrows));
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}
