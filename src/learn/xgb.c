/*-------------------------------------------------------------------------
 *
 * xgb.c
 *	  The wall around libxgboost.
 *
 * This file and xgb_library.c alone call the library.  What the wall guarantees:
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
 * - Handles are freed by reset callbacks of the memory context of the operation.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "learn/xgb.h"
#include "learn/xgb_library.h"

/* Rows handed to the library at a time: small enough to answer a cancel, large enough not to cost. */
#define XGB_BATCH_ROWS 16384

/* Where the iteration over the matrix stands. */
typedef struct XgbFeed
{
	const XgbTraining *training;
	DMatrixHandle proxy;
	const char **feature_types; /* or NULL when no feature is categorical */
	sigset_t	mask;			/* signal mask outside the wall */
	int			chunk;			/* next rows to hand out: chunk and row in it */
	int			row;
	bool		stopped;		/* a cancel was seen: the iteration gives no more rows */
	bool		failed;			/* the library refused a batch; error holds why */
	char		error[512];
} XgbFeed;

/* Gives the library's version, loading it. */
const char *
xgb_version(void)
{
	xgb_library_load();
	return xgb_lib.version;
}

/* Writes the library's description of a float array in memory. */
static void
xgb_array_interface(char *out, size_t size, const float *data, int64 nrows, int ncols)
{
#ifdef WORDS_BIGENDIAN
	const char *type = ">f4";
#else
	const char *type = "<f4";
#endif

	if (ncols > 0)
		snprintf(out, size,
				 "{\"data\":[" UINT64_FORMAT ",true],\"shape\":[" INT64_FORMAT ",%d],\"typestr\":\"%s\",\"version\":3}",
				 (uint64) (uintptr_t) data, nrows, ncols, type);
	else
		snprintf(out, size,
				 "{\"data\":[" UINT64_FORMAT ",true],\"shape\":[" INT64_FORMAT "],\"typestr\":\"%s\",\"version\":3}",
				 (uint64) (uintptr_t) data, nrows, type);
}

/* Hands one batch of rows with labels and weights to the library; false when it refuses. */
static bool
xgb_feed_batch(XgbFeed *feed, int64 first, int nrows)
{
	const XgbTraining *training = feed->training;
	char		text[256];

	xgb_array_interface(text, sizeof(text), matrix_row(training->rows, first), nrows, training->rows->ncols);
	if (xgb_lib.XGProxyDMatrixSetDataDense(feed->proxy, text) != 0)
		return false;
	xgb_array_interface(text, sizeof(text), training->labels + first, nrows, 0);
	if (xgb_lib.XGDMatrixSetInfoFromInterface(feed->proxy, "label", text) != 0)
		return false;
	if (training->weights != NULL)
	{
		xgb_array_interface(text, sizeof(text), training->weights + first, nrows, 0);
		if (xgb_lib.XGDMatrixSetInfoFromInterface(feed->proxy, "weight", text) != 0)
			return false;
	}
	if (feed->feature_types != NULL &&
		xgb_lib.XGDMatrixSetStrFeatureInfo(feed->proxy, "feature_type", feed->feature_types,
									   training->rows->ncols) != 0)
		return false;
	return true;
}

/*
 * The library asks for the next batch: 1 when there is one, 0 at the end.  C++
 * frames are below, so nothing here may raise an error.
 */
static int
xgb_feed_next(DataIterHandle arg)
{
	XgbFeed    *feed = arg;
	const Matrix *rows = feed->training->rows;
	int64		first;
	int			nrows;
	sigset_t	inside;

	/* the window in which signals that came meanwhile are handled */
	if (!feed->stopped)
	{
		pthread_sigmask(SIG_SETMASK, &feed->mask, &inside);
		feed->stopped = xgb_must_stop();
		pthread_sigmask(SIG_SETMASK, &inside, NULL);
	}
	if (feed->stopped || feed->failed)
		return 0;

	if (feed->chunk < rows->nchunks && feed->row >= matrix_chunk_rows(rows, feed->chunk))
	{
		feed->chunk++;
		feed->row = 0;
	}
	if (feed->chunk >= rows->nchunks || matrix_chunk_rows(rows, feed->chunk) == 0)
		return 0;

	first = (int64) feed->chunk * rows->chunk_rows + feed->row;
	nrows = Min(matrix_chunk_rows(rows, feed->chunk) - feed->row, XGB_BATCH_ROWS);
	if (!xgb_feed_batch(feed, first, nrows))
	{
		feed->failed = true;
		xgb_copy_error(feed->error, sizeof(feed->error));
		return 0;
	}
	feed->row += nrows;
	return 1;
}

/* The library starts another pass over the data. */
static void
xgb_feed_reset(DataIterHandle arg)
{
	XgbFeed    *feed = arg;

	feed->chunk = 0;
	feed->row = 0;
}

/* The library's names of the features' types, or NULL when all are numbers. */
static const char **
xgb_feature_types(const XgbTraining *training)
{
	const char **types;
	bool		any = false;

	if (training->categorical == NULL)
		return NULL;
	types = palloc(mul_size(training->rows->ncols, sizeof(char *)));
	for (int i = 0; i < training->rows->ncols; i++)
	{
		types[i] = training->categorical[i] ? "c" : "q";
		any |= training->categorical[i];
	}
	return any ? types : NULL;
}

/* Builds the library's binned matrix from ours, batch by batch, in the current memory context. */
static XgbHandle *
xgb_build_binned(const XgbTraining *training)
{
	XgbHandle  *proxy = xgb_handle_create(xgb_lib.XGDMatrixFree);
	XgbHandle  *data = xgb_handle_create(xgb_lib.XGDMatrixFree);
	XgbFeed    *feed = palloc0(sizeof(XgbFeed));
	char		config[128];
	int			rc;

	xgb_check(xgb_lib.XGProxyDMatrixCreate(&proxy->handle), "making a matrix");
	feed->training = training;
	feed->proxy = proxy->handle;
	feed->feature_types = xgb_feature_types(training);
	snprintf(config, sizeof(config), "{\"missing\":NaN,\"nthread\":%d,\"max_bin\":%d}",
			 training->nthread, training->max_bin);

	xgb_block_signals(&feed->mask);
	rc = xgb_lib.XGQuantileDMatrixCreateFromCallback(feed, proxy->handle, NULL, xgb_feed_reset,
												 xgb_feed_next, config, &data->handle);
	xgb_restore_signals(&feed->mask);

	if (feed->failed)
		xgb_raise("reading the training data", feed->error);
	if (feed->stopped)
	{
		CHECK_FOR_INTERRUPTS();
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("training was interrupted")));
	}
	xgb_check(rc, "reading the training data");
	xgb_handle_free(proxy);
	return data;
}

/* Copies our matrix into one piece, as the plain matrix wants it. */
static float *
xgb_contiguous_rows(const Matrix *rows)
{
	Size		row_bytes = mul_size(rows->ncols, sizeof(float));
	float	   *copy = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(rows->nrows, row_bytes));

	for (int i = 0; i < rows->nchunks; i++)
	{
		CHECK_FOR_INTERRUPTS();
		memcpy((char *) copy + (Size) i * rows->chunk_rows * row_bytes, rows->chunks[i],
			   matrix_chunk_rows(rows, i) * row_bytes);
	}
	return copy;
}

/* Builds the library's plain matrix from ours in the current memory context. */
static XgbHandle *
xgb_build_plain(const XgbTraining *training)
{
	XgbHandle  *data = xgb_handle_create(xgb_lib.XGDMatrixFree);
	const char **types = xgb_feature_types(training);
	int64		nrows = training->rows->nrows;
	float	   *rows = xgb_contiguous_rows(training->rows);
	sigset_t	mask;
	char		config[64];
	char		text[256];
	int			rc;

	snprintf(config, sizeof(config), "{\"missing\":NaN,\"nthread\":%d}", training->nthread);
	xgb_array_interface(text, sizeof(text), rows, nrows, training->rows->ncols);
	xgb_block_signals(&mask);
	rc = xgb_lib.XGDMatrixCreateFromDense(text, config, &data->handle);
	xgb_restore_signals(&mask);
	xgb_check(rc, "reading the training data");
	pfree(rows);

	xgb_array_interface(text, sizeof(text), training->labels, nrows, 0);
	xgb_check(xgb_lib.XGDMatrixSetInfoFromInterface(data->handle, "label", text), "reading the labels");
	if (training->weights != NULL)
	{
		xgb_array_interface(text, sizeof(text), training->weights, nrows, 0);
		xgb_check(xgb_lib.XGDMatrixSetInfoFromInterface(data->handle, "weight", text), "reading the weights");
	}
	if (types != NULL)
		xgb_check(xgb_lib.XGDMatrixSetStrFeatureInfo(data->handle, "feature_type", types, training->rows->ncols),
				  "reading the features' types");
	return data;
}

/* Makes a booster for the matrix with the training's parameters. */
static XgbHandle *
xgb_create_booster(const XgbTraining *training, XgbHandle *data)
{
	XgbHandle  *booster = xgb_handle_create(xgb_lib.XGBoosterFree);
	DMatrixHandle matrices[1];
	char		number[16];

	matrices[0] = data->handle;
	xgb_check(xgb_lib.XGBoosterCreate(matrices, 1, &booster->handle), "making a model");
	for (int i = 0; i < training->nparams; i++)
		xgb_check(xgb_lib.XGBoosterSetParam(booster->handle, training->params[i].name, training->params[i].value),
				  "setting parameters");

	xgb_check(xgb_lib.XGBoosterSetParam(booster->handle, "tree_method", "hist"), "setting parameters");
	xgb_check(xgb_lib.XGBoosterSetParam(booster->handle, "disable_default_eval_metric", "1"), "setting parameters");
	snprintf(number, sizeof(number), "%d", training->max_bin);
	xgb_check(xgb_lib.XGBoosterSetParam(booster->handle, "max_bin", number), "setting parameters");
	snprintf(number, sizeof(number), "%d", training->nthread);
	xgb_check(xgb_lib.XGBoosterSetParam(booster->handle, "nthread", number), "setting parameters");
	return booster;
}

/* Trains on the matrix and appends the booster's bytes to out. */
void
xgb_train(const XgbTraining *training, StringInfo out)
{
	MemoryContext context;
	MemoryContext old;
	XgbHandle  *data;
	XgbHandle  *booster;
	sigset_t	mask;
	bst_ulong	len = 0;
	const char *bytes = NULL;
	int			rc;

	/* the library would crash */
	if (training->rows->nrows == 0 || training->rows->ncols == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is nothing to train on"),
				 errdetail("The training data have " INT64_FORMAT " rows and %d features.",
						   training->rows->nrows, training->rows->ncols)));
	xgb_library_load();
	context = xgb_begin(training->nthread);
	old = MemoryContextSwitchTo(context);

	progress_phase(training->progress, "preparing rows", 0);
	data = training->dart ? xgb_build_plain(training) : xgb_build_binned(training);
	booster = xgb_create_booster(training, data);

	progress_phase(training->progress, "boosting rounds", training->rounds);
	for (int round = 0; round < training->rounds; round++)
	{
		xgb_block_signals(&mask);
		rc = xgb_lib.XGBoosterUpdateOneIter(booster->handle, round, data->handle);
		xgb_restore_signals(&mask);
		xgb_check(rc, "training");
		progress_update(training->progress, round + 1);
	}

	xgb_check(xgb_lib.XGBoosterSaveModelToBuffer(booster->handle, "{\"format\":\"ubj\"}", &len, &bytes),
			  "saving the model");
	if (len >= MaxAllocSize - 1)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the trained model is too large"),
				 errdetail("It has " UINT64_FORMAT " bytes.", (uint64) len),
				 errhint("Train fewer or smaller trees.")));
	appendBinaryStringInfo(out, bytes, (int) len);

	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Tells whether a model given as canonical JSON is of booster dart. */
static bool
xgb_is_dart(const char *json, Size len)
{
	static const char key[] = "\"name\":\"dart\"";
	Size		keylen = sizeof(key) - 1;

	for (const char *p = json; p + keylen <= json + len; p++)
	{
		p = memchr(p, '"', json + len - p);
		if (p == NULL || p + keylen > json + len)
			return false;
		if (memcmp(p, key, keylen) == 0)
			return true;
	}
	return false;
}

/*
 * Predicts the margins with the library.  Booster dart is predicted from a
 * matrix, because its prediction in place subtracts the base score from every
 * tree's sum and so rounds differently; a matrix refuses infinities, so the
 * other boosters take the way in place.
 */
static int
xgb_predict(XgbHandle *booster, bool dart, const float *rows, int nrows, int ncols,
			XgbHandle *data, bst_ulong *dims, const bst_ulong **shape, const float **result)
{
	static const char config[] = "{\"type\":1,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,"
		"\"strict_shape\":true,\"cache_id\":0,\"missing\":NaN}";
	char		array[256];
	int			rc;

	xgb_array_interface(array, sizeof(array), rows, nrows, ncols);
	if (!dart)
		return xgb_lib.XGBoosterPredictFromDense(booster->handle, array, config, NULL, shape, dims, result);

	rc = xgb_lib.XGDMatrixCreateFromDense(array, "{\"missing\":NaN,\"nthread\":1}", &data->handle);
	if (rc == 0)
		rc = xgb_lib.XGBoosterPredictFromDMatrix(booster->handle, data->handle, config, shape, dims, result);
	return rc;
}

/* Gives the library's margins of a model in canonical JSON: the oracle of the parity check. */
void
xgb_margin(const char *json, Size len, const float *rows, int nrows, int ncols, float *out, int noutputs)
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
	rc = xgb_lib.XGBoosterLoadModelFromBuffer(booster->handle, json, len);
	xgb_restore_signals(&mask);
	xgb_check(rc, "loading a model");

	xgb_block_signals(&mask);
	rc = xgb_predict(booster, xgb_is_dart(json, len), rows, nrows, ncols, data, &dims, &shape, &result);
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

/*
 * Estimates from above what the library takes.
 *
 * A cell costs four bytes in the row index when values are missing and up to
 * two more in the column index, with the plain matrix eight beside; a row costs
 * gradients, predictions, its place in the tree and label.  Before the first
 * round every column has a sketch of eight values a bin, in the rounds every node
 * of the largest tree has a histogram of all bins.
 */
Size
xgb_train_estimate(int64 nrows, int ncols, int max_bin, int max_depth, int ngroups, bool dart)
{
	Size		cell = 4 + (max_bin <= 256 ? 1 : 2) + (dart ? 8 : 0);
	Size		row = add_size(48, mul_size(20, ngroups));
	Size		nodes = ((Size) 2) << Min(max_depth, 15);
	Size		sketch_values = Min((Size) max_bin * 8, (Size) nrows);
	Size		sketches = mul_size(mul_size(sketch_values, ncols), 120);
	Size		histograms;
	Size		estimate;

	/* no more nodes than rows can fill */
	nodes = Min(nodes, (Size) nrows * 2);
	histograms = mul_size(mul_size(nodes, ncols), mul_size(max_bin, 16));

	estimate = mul_size(mul_size(nrows, ncols), cell);
	estimate = add_size(estimate, mul_size(nrows, row));
	estimate = add_size(estimate, Max(sketches, histograms));
	estimate = add_size(estimate, estimate / 16);
	return add_size(estimate, 24 * 1024 * 1024);
}
