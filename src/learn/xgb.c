/*-------------------------------------------------------------------------
 *
 * xgb.c
 *	  The wall around libxgboost.
 *
 * This file, xgb_data.c and xgb_library.c alone call the library.  What the wall guarantees:
 *
 * - No ereport() while a C++ frame is on the stack.  The callbacks that the
 *	 library calls (next batch, log line) only note things; they are acted upon
 *	 after the library has returned.
 * - No thread of the library ever runs a signal handler of the server.  Every
 *	 call that may start one is made with all signals blocked; between batches
 *	 the data callback opens a window in which pending signals are handled, so
 *	 that cancel and timeout are noticed there.
 * - A cancel ends the iteration over the data early.  The library answers that
 *	 with an error of its own (it counts the rows of each of its four passes), is
 *	 left in order, and CHECK_FOR_INTERRUPTS() raises the error afterwards.  What
 *	 cannot be stopped is one boosting round.
 * - Booster dart predicts the training rows with every kept tree anew in each
 *	 round.  Over the binned matrix that takes six times as long as over a plain
 *	 one, so dart gets the plain one; it is built in one call and binned in the
 *	 first round, and neither can be stopped.
 * - The rows that say when to stop are a plain matrix as well: it gives the exact
 *	 scores, and what a round adds to them is predicted much faster.
 * - Handles are freed by reset callbacks of the memory context of the operation.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "learn/xgb_data.h"

/* What the library calls the rows that say when to stop. */
#define VALIDATION_NAME "validation"

/* Gives the library's version, loading it. */
const char *
xgb_version(void)
{
	xgb_library_load();
	return xgb_lib.version;
}

/* Tells whether the library is at least of that version, loading it. */
bool
xgb_version_from(int major, int minor)
{
	xgb_library_load();
	return xgb_lib.version_number >= major * 1000 + minor;
}

/* Makes a booster for the matrices (the second may be NULL) with the training's parameters. */
static XgbHandle *
xgb_create_booster(const XgbTraining *training, XgbHandle *data, XgbHandle *validation)
{
	XgbHandle  *booster = xgb_handle_create(xgb_lib.XGBoosterFree);
	DMatrixHandle matrices[2];
	char		number[16];

	/* the library keeps the predictions of matrices that it knows from the start */
	matrices[0] = data->handle;
	matrices[1] = validation ? validation->handle : NULL;
	xgb_check(xgb_lib.XGBoosterCreate(matrices, validation ? 2 : 1, &booster->handle), "making a model");
	for (int i = 0; i < training->nparams; i++)
		xgb_check(xgb_lib.XGBoosterSetParam(booster->handle, training->params[i].name, training->params[i].value),
				  "setting parameters");

	xgb_check(xgb_lib.XGBoosterSetParam(booster->handle, "tree_method", "hist"), "setting parameters");
	xgb_check(xgb_lib.XGBoosterSetParam(booster->handle, "disable_default_eval_metric", "1"), "setting parameters");
	snprintf(number, sizeof(number), "%d", training->max_bin);
	xgb_check(xgb_lib.XGBoosterSetParam(booster->handle, "max_bin", number), "setting parameters");
	snprintf(number, sizeof(number), "%d", training->nthread);
	xgb_check(xgb_lib.XGBoosterSetParam(booster->handle, "nthread", number), "setting parameters");
	if (validation != NULL)
		xgb_check(xgb_lib.XGBoosterSetParam(booster->handle, "eval_metric", training->metric), "setting parameters");
	return booster;
}

/*
 * Gives the score in the library's line about a round: "[7]", a tab,
 * "validation-logloss:0.31…".  Anything else is an error.
 */
static double
xgb_read_score(const char *line, int round)
{
	char		begin[64];
	const char *number = strrchr(line, ':');
	char	   *end = NULL;
	double		score = 0;

	snprintf(begin, sizeof(begin), "[%d]\t" VALIDATION_NAME "-", round);
	if (strncmp(line, begin, strlen(begin)) == 0 && number != NULL)
		score = strtod(number + 1, &end);
	if (end == NULL || end == number + 1 || *end != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("XGBoost %s answered in an unknown way when scoring the validation rows", xgb_lib.version),
				 errdetail_internal("%s", line)));
	return score;
}

/* Gives the score of the validation rows after a round. */
static double
xgb_evaluate(const XgbTraining *training, XgbHandle *booster, XgbHandle *validation, int round)
{
	DMatrixHandle matrices[1];
	const char *names[1] = {VALIDATION_NAME};
	const char *line = NULL;
	sigset_t	mask;
	double		score;
	int			rc;

	matrices[0] = validation->handle;
	xgb_block_signals(&mask);
	rc = xgb_lib.XGBoosterEvalOneIter(booster->handle, round, matrices, names, 1, &line);
	xgb_restore_signals(&mask);
	xgb_check(rc, "scoring the validation rows");
	score = xgb_read_score(line, round);
	if (!isfinite(score))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("metric \"%s\" of the validation rows is not finite", training->metric),
				 errdetail("After round %d it is %g.", round + 1, score),
				 errhint("Choose another eval_metric, or more validation rows.")));
	return score;
}

/* Replaces what is in out by the booster's bytes. */
static void
xgb_save(XgbHandle *booster, StringInfo out)
{
	bst_ulong	len = 0;
	const char *bytes = NULL;

	xgb_check(xgb_lib.XGBoosterSaveModelToBuffer(booster->handle, "{\"format\":\"ubj\"}", &len, &bytes),
			  "saving the model");
	if (len >= MaxAllocSize - 1)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the trained model is too large"),
				 errdetail("It has " UINT64_FORMAT " bytes.", (uint64) len),
				 errhint("Lower n_estimators or max_depth.")));
	resetStringInfo(out);
	appendBinaryStringInfo(out, bytes, (int) len);
}

/* Boosts round by round until all are done or patience ends; tells whether the best round's bytes are in out already. */
static bool
xgb_boost(const XgbTraining *training, XgbHandle *booster, XgbHandle *data, XgbHandle *validation,
		  StringInfo out, XgbOutcome *outcome)
{
	progress_phase(training->progress, "boosting rounds", training->rounds);
	for (int round = 0; round < training->rounds; round++)
	{
		sigset_t	mask;
		double		score;
		int			rc;

		xgb_block_signals(&mask);
		rc = xgb_lib.XGBoosterUpdateOneIter(booster->handle, round, data->handle);
		xgb_restore_signals(&mask);
		xgb_check(rc, "training");
		progress_update(training->progress, round + 1);
		if (validation == NULL)
			continue;

		score = xgb_evaluate(training, booster, validation, round);
		progress_metric(training->progress, training->metric, score);
		if (outcome->best_round < 0 ||
			(training->higher_is_better ? score > outcome->best_score : score < outcome->best_score))
		{
			outcome->best_round = round;
			outcome->best_score = score;
			/* later rounds change the weights of the trees there are, so they cannot just be left out */
			if (training->dart)
				xgb_save(booster, out);
		}
		else if (round - outcome->best_round >= training->patience)
			break;
	}
	return validation != NULL && training->dart;
}

/* Trains and puts the booster's bytes into out. */
void
xgb_train(const XgbTraining *training, StringInfo out, XgbOutcome *outcome)
{
	MemoryContext context;
	MemoryContext old;
	XgbHandle  *data;
	XgbHandle  *validation = NULL;
	XgbHandle  *booster;

	/* the library would crash */
	if (training->data.rows->nrows == 0 || training->data.rows->ncols == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is nothing to train on"),
				 errdetail("The training data have " INT64_FORMAT " rows and %d features.",
						   training->data.rows->nrows, training->data.rows->ncols)));
	xgb_library_load();
	context = xgb_begin(training->nthread);
	old = MemoryContextSwitchTo(context);

	progress_phase(training->progress, "preparing rows", 0);
	data = training->dart ? xgb_data_plain(training, &training->data) : xgb_data_binned(training);
	if (training->patience > 0)
		validation = xgb_data_plain(training, &training->validation);
	booster = xgb_create_booster(training, data, validation);

	outcome->best_round = -1;
	outcome->best_score = 0;
	if (!xgb_boost(training, booster, data, validation, out, outcome))
	{
		/* where the reader stops */
		if (validation != NULL)
			xgb_check(xgb_lib.XGBoosterSetAttr(booster->handle, "best_iteration", psprintf("%d", outcome->best_round)),
					  "saving the model");
		xgb_save(booster, out);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/*
 * Predicts the margins with the library.  Booster dart is predicted from a
 * matrix, because its prediction in place subtracts the base score from every
 * tree's sum and so rounds differently; a matrix refuses infinities, so the
 * other boosters take the way in place.
 */
static int
xgb_predict(XgbHandle *booster, int rounds, bool dart, const float *rows, int nrows, int ncols,
			XgbHandle *data, bst_ulong *dims, const bst_ulong **shape, const float **result)
{
	char		config[160];
	char		array[256];
	int			rc;

	snprintf(config, sizeof(config), "{\"type\":1,\"training\":false,\"iteration_begin\":0,\"iteration_end\":%d,"
			 "\"strict_shape\":true,\"cache_id\":0,\"missing\":NaN}", rounds);
	xgb_array_interface(array, sizeof(array), rows, nrows, ncols);
	if (!dart)
		return xgb_lib.XGBoosterPredictFromDense(booster->handle, array, config, NULL, shape, dims, result);

	rc = xgb_lib.XGDMatrixCreateFromDense(array, "{\"missing\":NaN,\"nthread\":1}", &data->handle);
	if (rc == 0)
		rc = xgb_lib.XGBoosterPredictFromDMatrix(booster->handle, data->handle, config, shape, dims, result);
	return rc;
}

/* Gives the library's margins of a model that it has trained, up to so many rounds (0 = all). */
void
xgb_margin(const StringInfo model, int rounds, bool dart, const float *rows, int nrows, int ncols,
		   float *out, int noutputs)
{
	MemoryContext context;
	MemoryContext old;
	XgbHandle  *booster;
	XgbHandle  *data;
	sigset_t	mask;
	bst_ulong	dims = 0;
	const bst_ulong *shape = NULL;
	const float *result = NULL;
	uint64		got = 1;
	int			rc;

	if (nrows == 0)
		return;
	xgb_library_load();
	context = xgb_begin(1);
	old = MemoryContextSwitchTo(context);

	booster = xgb_handle_create(xgb_lib.XGBoosterFree);
	data = xgb_handle_create(xgb_lib.XGDMatrixFree);
	xgb_check(xgb_lib.XGBoosterCreate(NULL, 0, &booster->handle), "making a model");
	xgb_check(xgb_lib.XGBoosterSetParam(booster->handle, "nthread", "1"), "setting parameters");

	xgb_block_signals(&mask);
	rc = xgb_lib.XGBoosterLoadModelFromBuffer(booster->handle, model->data, model->len);
	xgb_restore_signals(&mask);
	xgb_check(rc, "loading a model");

	xgb_block_signals(&mask);
	rc = xgb_predict(booster, rounds, dart, rows, nrows, ncols, data, &dims, &shape, &result);
	xgb_restore_signals(&mask);
	xgb_check(rc, "predicting");

	for (bst_ulong i = 0; i < dims; i++)
		got *= shape[i];
	if (got != (uint64) nrows * noutputs)
		elog(ERROR, "XGBoost gave " UINT64_FORMAT " margins for %d rows and %d outputs", got, nrows, noutputs);
	memcpy(out, result, got * sizeof(float));

	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
