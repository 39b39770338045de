/*-------------------------------------------------------------------------
 *
 * xgb.c
 *	  The wall around libxgboost.
 *
 * This file alone includes the library's header, and nothing links to the
 * library: dlopen() brings it into a process at its first training.  What the
 * wall guarantees:
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

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <xgboost/c_api.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "learn/xgb.h"

/* Rows handed to the library at a time: small enough to answer a cancel, large enough not to cost. */
#define XGB_BATCH_ROWS 16384

/* The library's functions that are used; all exist from 1.7 to 3.x. */
#define XGB_FUNCTIONS(apply) \
	apply(XGBoostVersion) \
	apply(XGBGetLastError) \
	apply(XGBRegisterLogCallback) \
	apply(XGBSetGlobalConfig) \
	apply(XGProxyDMatrixCreate) \
	apply(XGProxyDMatrixSetDataDense) \
	apply(XGDMatrixSetInfoFromInterface) \
	apply(XGDMatrixSetStrFeatureInfo) \
	apply(XGQuantileDMatrixCreateFromCallback) \
	apply(XGDMatrixCreateFromDense) \
	apply(XGDMatrixFree) \
	apply(XGBoosterCreate) \
	apply(XGBoosterFree) \
	apply(XGBoosterSetParam) \
	apply(XGBoosterUpdateOneIter) \
	apply(XGBoosterLoadModelFromBuffer) \
	apply(XGBoosterSaveModelToBuffer) \
	apply(XGBoosterPredictFromDense) \
	apply(XGBoosterPredictFromDMatrix)

#define XGB_POINTER(name) __typeof__(name) *name;
#define XGB_NAME(name) #name,

typedef struct XgbLibrary
{
	/* in the order of XGB_FUNCTIONS */
	XGB_FUNCTIONS(XGB_POINTER)
	/* libgomp's; NULL when the library was built without OpenMP */
	void		(*omp_set_num_threads) (int);
	char		version[32];
} XgbLibrary;

static const char *const xgb_function_names[] = {XGB_FUNCTIONS(XGB_NAME)};

static XgbLibrary lib;
static bool lib_loaded = false;

/* What the library logged during the current call; written by the log callback on the main thread only. */
static char log_text[1024];
static size_t log_used = 0;
static pthread_t main_thread;

/* A library handle that lives as long as a memory context. */
typedef struct XgbHandle
{
	void	   *handle;
	int			(*free) (void *);
	MemoryContextCallback callback;
} XgbHandle;

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

/* Keeps a line of the library's log until the call has returned. */
static void
xgb_note_log(const char *line)
{
	size_t		len;

	if (!pthread_equal(pthread_self(), main_thread))
		return;
	len = strlen(line);
	if (log_used + len + 2 > sizeof(log_text))
		return;
	if (log_used > 0)
		log_text[log_used++] = '\n';
	memcpy(log_text + log_used, line, len + 1);
	log_used += len;
}

/* Shows at DEBUG1 what the library logged. */
static void
xgb_show_log(void)
{
	if (log_used == 0)
		return;
	log_used = 0;
	ereport(DEBUG1, (errmsg_internal("xgboost: %s", log_text)));
}

/* Sets an environment variable that the user has not set. */
static void
xgb_default_environment(const char *name, const char *value)
{
	if (getenv(name) == NULL && setenv(name, value, 0) != 0)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
}

/* Opens the shared library, or ends with an error that says what to install. */
static void *
xgb_open_library(void)
{
	void	   *handle;

	/* libgomp reads these when it is loaded: waiting threads must not burn the processors of other backends */
	xgb_default_environment("OMP_WAIT_POLICY", "passive");
	xgb_default_environment("GOMP_SPINCOUNT", "0");

	handle = dlopen("libxgboost.so.0", RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL)
		handle = dlopen("libxgboost.so", RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL)
	{
		const char *reason = dlerror();

		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE),
				 errmsg("could not load the XGBoost library"),
				 errdetail_internal("%s", reason ? reason : "unknown reason"),
				 errhint("Install XGBoost 1.7 or newer on the server (Debian: package libxgboost0).")));
	}
	return handle;
}

/* Fills the table of functions, or ends with an error naming the one that is not there. */
static void
xgb_bind_functions(void *handle, XgbLibrary *library)
{
	void	  **slots = (void **) library;

	StaticAssertStmt(offsetof(XgbLibrary, omp_set_num_threads) ==
					 lengthof(xgb_function_names) * sizeof(void *),
					 "XgbLibrary must begin with one pointer per function name");

	for (int i = 0; i < lengthof(xgb_function_names); i++)
	{
		slots[i] = dlsym(handle, xgb_function_names[i]);
		if (slots[i] == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_FUNCTION),
					 errmsg("the XGBoost library has no function \"%s\"", xgb_function_names[i]),
					 errhint("XGBoost 1.7 or newer is needed.")));
	}
	*(void **) &library->omp_set_num_threads = dlsym(handle, "omp_set_num_threads");
}

/* Brings the library into this process unless it is there. */
static void
xgb_load(void)
{
	XgbLibrary	loading = {0};
	void	   *handle;
	int			major,
				minor,
				patch;

	if (lib_loaded)
		return;

	/* a process forked after OpenMP has run hangs in its first parallel region */
	if (IsPostmasterEnvironment && !IsUnderPostmaster)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("XGBoost cannot be used in the postmaster")));

	handle = xgb_open_library();
	xgb_bind_functions(handle, &loading);
	loading.XGBoostVersion(&major, &minor, &patch);
	snprintf(loading.version, sizeof(loading.version), "%d.%d.%d", major, minor, patch);
	if (major < 1 || (major == 1 && minor < 7))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("XGBoost %s is too old", loading.version),
				 errhint("XGBoost 1.7 or newer is needed.")));

	lib = loading;
	lib_loaded = true;
	main_thread = pthread_self();
}

/* Gives the library's version, loading it. */
const char *
xgb_version(void)
{
	xgb_load();
	return lib.version;
}

/* Blocks all signals, those of faults excepted, and gives the mask to return to. */
static void
xgb_block_signals(sigset_t *saved)
{
	sigset_t	all;

	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGABRT);
	sigdelset(&all, SIGTRAP);
	pthread_sigmask(SIG_SETMASK, &all, saved);
}

/* Restores the signal mask; handlers of pending signals run before this returns. */
static void
xgb_restore_signals(const sigset_t *saved)
{
	pthread_sigmask(SIG_SETMASK, saved, NULL);
}

/* Tells whether CHECK_FOR_INTERRUPTS() would now end the query or the session. */
static bool
xgb_must_stop(void)
{
	if (InterruptHoldoffCount != 0 || CritSectionCount != 0)
		return false;
	return ProcDiePending || (QueryCancelPending && QueryCancelHoldoffCount == 0);
}

/*
 * Copies the message of the library's last failure without time stamp, source
 * position and stack trace.
 */
static void
xgb_copy_error(char *out, size_t size)
{
	const char *text = lib.XGBGetLastError();
	const char *end;
	size_t		len;

	/* "[10:04:07] ./src/data/data.cc:121: Check failed: …" */
	if (text[0] == '[' && (end = strchr(text, ']')) != NULL)
	{
		const char *line_end = strchr(text, '\n');
		const char *position;

		text = end + 1;
		while (*text == ' ')
			text++;
		position = strstr(text, ": ");
		if (position != NULL && (line_end == NULL || position < line_end) &&
			memchr(text, '/', position - text) != NULL)
			text = position + 2;
	}
	len = strcspn(text, "\n");
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\r'))
		len--;
	len = Min(len, size - 1);
	memcpy(out, text, len);
	out[len] = '\0';
}

/* Raises a failure of the library. */
static void
xgb_raise(const char *doing, const char *reason)
{
	if (strstr(reason, "bad_alloc") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("XGBoost could not allocate memory when %s.", doing)));
	ereport(ERROR,
			(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			 errmsg("XGBoost failed when %s", doing),
			 errdetail_internal("%s", reason[0] ? reason : "no reason given")));
}

/* Raises the library's last error when a call has failed, after showing its log and checking for interrupts. */
static void
xgb_check(int rc, const char *doing)
{
	char		reason[512];

	if (rc != 0)
		xgb_copy_error(reason, sizeof(reason));
	xgb_show_log();
	CHECK_FOR_INTERRUPTS();
	if (rc != 0)
		xgb_raise(doing, reason);
}

/* Frees a handle; the reset callback of its context calls it too. */
static void
xgb_handle_free(void *arg)
{
	XgbHandle  *owner = arg;
	void	   *handle = owner->handle;

	owner->handle = NULL;
	if (handle != NULL)
		(void) owner->free(handle);
}

/* Prepares a place for a handle that is freed with the current memory context. */
static XgbHandle *
xgb_handle_create(int (*free_function) (void *))
{
	XgbHandle  *owner = palloc0(sizeof(XgbHandle));

	owner->free = free_function;
	owner->callback.func = xgb_handle_free;
	owner->callback.arg = owner;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &owner->callback);
	return owner;
}

/* Gives memory that the library has freed back to the system. */
static void
xgb_return_memory(void *arg)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

/*
 * Makes the memory context of one operation and prepares the library for it:
 * threads, log.  Deleting the context undoes everything.
 */
static MemoryContext
xgb_begin(int nthread)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe learn xgboost",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContextCallback *callback = MemoryContextAllocZero(context, sizeof(MemoryContextCallback));

	/* registered first, so it runs last: after the handles are freed */
	callback->func = xgb_return_memory;
	MemoryContextRegisterResetCallback(context, callback);

	/* the booster that loads a model ignores its parameter nthread and takes OpenMP's */
	if (lib.omp_set_num_threads != NULL)
		lib.omp_set_num_threads(nthread);
	log_used = 0;
	(void) lib.XGBRegisterLogCallback(xgb_note_log);
	(void) lib.XGBSetGlobalConfig("{\"verbosity\":1}");
	return context;
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
	if (lib.XGProxyDMatrixSetDataDense(feed->proxy, text) != 0)
		return false;
	xgb_array_interface(text, sizeof(text), training->labels + first, nrows, 0);
	if (lib.XGDMatrixSetInfoFromInterface(feed->proxy, "label", text) != 0)
		return false;
	if (training->weights != NULL)
	{
		xgb_array_interface(text, sizeof(text), training->weights + first, nrows, 0);
		if (lib.XGDMatrixSetInfoFromInterface(feed->proxy, "weight", text) != 0)
			return false;
	}
	if (feed->feature_types != NULL &&
		lib.XGDMatrixSetStrFeatureInfo(feed->proxy, "feature_type", feed->feature_types,
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
	XgbHandle  *proxy = xgb_handle_create(lib.XGDMatrixFree);
	XgbHandle  *data = xgb_handle_create(lib.XGDMatrixFree);
	XgbFeed    *feed = palloc0(sizeof(XgbFeed));
	char		config[128];
	int			rc;

	xgb_check(lib.XGProxyDMatrixCreate(&proxy->handle), "making a matrix");
	feed->training = training;
	feed->proxy = proxy->handle;
	feed->feature_types = xgb_feature_types(training);
	snprintf(config, sizeof(config), "{\"missing\":NaN,\"nthread\":%d,\"max_bin\":%d}",
			 training->nthread, training->max_bin);

	xgb_block_signals(&feed->mask);
	rc = lib.XGQuantileDMatrixCreateFromCallback(feed, proxy->handle, NULL, xgb_feed_reset,
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
	XgbHandle  *data = xgb_handle_create(lib.XGDMatrixFree);
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
	rc = lib.XGDMatrixCreateFromDense(text, config, &data->handle);
	xgb_restore_signals(&mask);
	xgb_check(rc, "reading the training data");
	pfree(rows);

	xgb_array_interface(text, sizeof(text), training->labels, nrows, 0);
	xgb_check(lib.XGDMatrixSetInfoFromInterface(data->handle, "label", text), "reading the labels");
	if (training->weights != NULL)
	{
		xgb_array_interface(text, sizeof(text), training->weights, nrows, 0);
		xgb_check(lib.XGDMatrixSetInfoFromInterface(data->handle, "weight", text), "reading the weights");
	}
	if (types != NULL)
		xgb_check(lib.XGDMatrixSetStrFeatureInfo(data->handle, "feature_type", types, training->rows->ncols),
				  "reading the features' types");
	return data;
}

/* Makes a booster for the matrix with the training's parameters. */
static XgbHandle *
xgb_create_booster(const XgbTraining *training, XgbHandle *data)
{
	XgbHandle  *booster = xgb_handle_create(lib.XGBoosterFree);
	DMatrixHandle matrices[1];
	char		number[16];

	matrices[0] = data->handle;
	xgb_check(lib.XGBoosterCreate(matrices, 1, &booster->handle), "making a model");
	for (int i = 0; i < training->nparams; i++)
		xgb_check(lib.XGBoosterSetParam(booster->handle, training->params[i].name, training->params[i].value),
				  "setting parameters");

	xgb_check(lib.XGBoosterSetParam(booster->handle, "tree_method", "hist"), "setting parameters");
	xgb_check(lib.XGBoosterSetParam(booster->handle, "disable_default_eval_metric", "1"), "setting parameters");
	snprintf(number, sizeof(number), "%d", training->max_bin);
	xgb_check(lib.XGBoosterSetParam(booster->handle, "max_bin", number), "setting parameters");
	snprintf(number, sizeof(number), "%d", training->nthread);
	xgb_check(lib.XGBoosterSetParam(booster->handle, "nthread", number), "setting parameters");
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
	xgb_load();
	context = xgb_begin(training->nthread);
	old = MemoryContextSwitchTo(context);

	progress_phase(training->progress, "preparing rows", 0);
	data = training->dart ? xgb_build_plain(training) : xgb_build_binned(training);
	booster = xgb_create_booster(training, data);

	progress_phase(training->progress, "boosting rounds", training->rounds);
	for (int round = 0; round < training->rounds; round++)
	{
		xgb_block_signals(&mask);
		rc = lib.XGBoosterUpdateOneIter(booster->handle, round, data->handle);
		xgb_restore_signals(&mask);
		xgb_check(rc, "training");
		progress_update(training->progress, round + 1);
	}

	xgb_check(lib.XGBoosterSaveModelToBuffer(booster->handle, "{\"format\":\"ubj\"}", &len, &bytes),
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
		return lib.XGBoosterPredictFromDense(booster->handle, array, config, NULL, shape, dims, result);

	rc = lib.XGDMatrixCreateFromDense(array, "{\"missing\":NaN,\"nthread\":1}", &data->handle);
	if (rc == 0)
		rc = lib.XGBoosterPredictFromDMatrix(booster->handle, data->handle, config, shape, dims, result);
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
	xgb_load();
	context = xgb_begin(1);
	old = MemoryContextSwitchTo(context);

	booster = xgb_handle_create(lib.XGBoosterFree);
	data = xgb_handle_create(lib.XGDMatrixFree);
	xgb_check(lib.XGBoosterCreate(NULL, 0, &booster->handle), "making a model");
	xgb_check(lib.XGBoosterSetParam(booster->handle, "nthread", "1"), "setting parameters");

	xgb_block_signals(&mask);
	rc = lib.XGBoosterLoadModelFromBuffer(booster->handle, json, len);
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
 * gradients, predictions, its place in the tree and label; a node of the widest
 * tree a histogram of every bin.
 */
Size
xgb_train_estimate(int64 nrows, int ncols, int max_bin, int max_depth, int ngroups, bool dart)
{
	Size		cell = 4 + (max_bin <= 256 ? 1 : 2) + (dart ? 8 : 0);
	Size		row = add_size(48, mul_size(20, ngroups));
	Size		nodes = ((Size) 1) << Min(max_depth, 15);
	Size		estimate;

	/* no more nodes than rows can fill */
	nodes = Min(nodes * 2, (Size) nrows * 2);
	estimate = mul_size(mul_size(nrows, ncols), cell);
	estimate = add_size(estimate, mul_size(nrows, row));
	estimate = add_size(estimate, mul_size(mul_size(nodes, ncols), mul_size(max_bin, 16)));
	return add_size(estimate, 32 * 1024 * 1024);
}
