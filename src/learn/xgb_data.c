/*-------------------------------------------------------------------------
 *
 * xgb_data.c
 *	  From our matrix to the library's.
 *
 * The binned matrix is built from batches.  Labels and weights go with them, as
 * the bins are cut with the weights; groups are told when the matrix is there,
 * because a group need not end with a batch.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "learn/xgb_data.h"

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

/* Writes the library's description of four-byte values in memory: rows of ncols, or one array when ncols is 0. */
static void
array_interface(char *out, size_t size, const void *data, int64 nrows, int ncols, char type)
{
#ifdef WORDS_BIGENDIAN
	const char	order = '>';
#else
	const char	order = '<';
#endif

	if (ncols > 0)
		snprintf(out, size,
				 "{\"data\":[" UINT64_FORMAT ",true],\"shape\":[" INT64_FORMAT ",%d],\"typestr\":\"%c%c4\",\"version\":3}",
				 (uint64) (uintptr_t) data, nrows, ncols, order, type);
	else
		snprintf(out, size,
				 "{\"data\":[" UINT64_FORMAT ",true],\"shape\":[" INT64_FORMAT "],\"typestr\":\"%c%c4\",\"version\":3}",
				 (uint64) (uintptr_t) data, nrows, order, type);
}

/* Writes the library's description of floats in memory. */
void
xgb_array_interface(char *out, size_t size, const float *data, int64 nrows, int ncols)
{
	array_interface(out, size, data, nrows, ncols, 'f');
}

/* Hands one batch of rows with labels and weights to the library; false when it refuses. */
static bool
xgb_feed_batch(XgbFeed *feed, int64 first, int nrows)
{
	const XgbData *data = &feed->training->data;
	char		text[256];

	xgb_array_interface(text, sizeof(text), matrix_row(data->rows, first), nrows, data->rows->ncols);
	if (xgb_lib.XGProxyDMatrixSetDataDense(feed->proxy, text) != 0)
		return false;
	xgb_array_interface(text, sizeof(text), data->labels + first, nrows, 0);
	if (xgb_lib.XGDMatrixSetInfoFromInterface(feed->proxy, "label", text) != 0)
		return false;
	if (data->weights != NULL)
	{
		xgb_array_interface(text, sizeof(text), data->weights + first, nrows, 0);
		if (xgb_lib.XGDMatrixSetInfoFromInterface(feed->proxy, "weight", text) != 0)
			return false;
	}
	if (feed->feature_types != NULL &&
		xgb_lib.XGDMatrixSetStrFeatureInfo(feed->proxy, "feature_type", feed->feature_types,
										   data->rows->ncols) != 0)
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
	const Matrix *rows = feed->training->data.rows;
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
	int			ncols = training->data.rows->ncols;
	const char **types;
	bool		any = false;

	if (training->categorical == NULL)
		return NULL;
	types = palloc(mul_size(ncols, sizeof(char *)));
	for (int i = 0; i < ncols; i++)
	{
		types[i] = training->categorical[i] ? "c" : "q";
		any |= training->categorical[i];
	}
	return any ? types : NULL;
}

/* Gives the rows of each group, and the first one's weight when there are weights. */
static uint32 *
group_sizes(const XgbData *data, int64 *ngroups, float **weights)
{
	int64		nrows = data->rows->nrows;
	uint32	   *sizes;
	int64		n = 0;

	for (int64 row = 0; row < nrows; row++)
		n += (row == 0 || data->groups[row] != data->groups[row - 1]);
	sizes = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(n, sizeof(uint32)));
	*weights = NULL;
	if (data->weights != NULL)
		*weights = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(n, sizeof(float)));
	*ngroups = n;
	n = -1;
	for (int64 row = 0; row < nrows; row++)
	{
		if (row == 0 || data->groups[row] != data->groups[row - 1])
		{
			sizes[++n] = 0;
			if (*weights != NULL)
				(*weights)[n] = data->weights[row];
		}
		sizes[n]++;
	}
	return sizes;
}

/* Tells the library the groups of a matrix's rows, and their weights instead of the rows'. */
static void
set_groups(XgbHandle *matrix, const XgbData *data)
{
	int64		ngroups;
	float	   *weights;
	uint32	   *sizes;
	char		text[256];

	if (data->groups == NULL)
		return;
	sizes = group_sizes(data, &ngroups, &weights);
	array_interface(text, sizeof(text), sizes, ngroups, 0, 'u');
	xgb_check(xgb_lib.XGDMatrixSetInfoFromInterface(matrix->handle, "group", text), "reading the groups");
	pfree(sizes);
	if (weights == NULL)
		return;
	xgb_array_interface(text, sizeof(text), weights, ngroups, 0);
	xgb_check(xgb_lib.XGDMatrixSetInfoFromInterface(matrix->handle, "weight", text), "reading the weights");
	pfree(weights);
}

/* Builds the binned matrix of the training rows, batch by batch, in the current memory context. */
XgbHandle *
xgb_data_binned(const XgbTraining *training)
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
	set_groups(data, &training->data);
	return data;
}

/* Copies our matrix into one piece, as the plain matrix wants it. */
static float *
contiguous_rows(const Matrix *rows)
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

/* Builds a plain matrix in the current memory context. */
XgbHandle *
xgb_data_plain(const XgbTraining *training, const XgbData *data)
{
	XgbHandle  *matrix = xgb_handle_create(xgb_lib.XGDMatrixFree);
	const char **types = xgb_feature_types(training);
	int64		nrows = data->rows->nrows;
	bool		one_piece = data->rows->nchunks == 1;
	float	   *rows = one_piece ? data->rows->chunks[0] : contiguous_rows(data->rows);
	sigset_t	mask;
	char		config[64];
	char		text[256];
	int			rc;

	snprintf(config, sizeof(config), "{\"missing\":NaN,\"nthread\":%d}", training->nthread);
	xgb_array_interface(text, sizeof(text), rows, nrows, data->rows->ncols);
	xgb_block_signals(&mask);
	rc = xgb_lib.XGDMatrixCreateFromDense(text, config, &matrix->handle);
	xgb_restore_signals(&mask);
	xgb_check(rc, "reading the data");
	if (!one_piece)
		pfree(rows);

	xgb_array_interface(text, sizeof(text), data->labels, nrows, 0);
	xgb_check(xgb_lib.XGDMatrixSetInfoFromInterface(matrix->handle, "label", text), "reading the labels");
	if (data->weights != NULL && data->groups == NULL)
	{
		xgb_array_interface(text, sizeof(text), data->weights, nrows, 0);
		xgb_check(xgb_lib.XGDMatrixSetInfoFromInterface(matrix->handle, "weight", text), "reading the weights");
	}
	if (types != NULL)
		xgb_check(xgb_lib.XGDMatrixSetStrFeatureInfo(matrix->handle, "feature_type", types, data->rows->ncols),
				  "reading the features' types");
	set_groups(matrix, data);
	return matrix;
}
