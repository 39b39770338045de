/*-------------------------------------------------------------------------
 *
 * xgb_library.c
 *	  libxgboost in this process: its functions, errors, signals and handles.
 *
 * Nothing links to the library: dlopen() brings it into a process at its first
 * training, so that a backend that only scores does not pay for it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "miscadmin.h"
#include "utils/memutils.h"

#include "learn/xgb_library.h"

#define XGB_NAME(name) #name,

static const char *const xgb_function_names[] = {XGB_FUNCTIONS(XGB_NAME)};

XgbLibrary	xgb_lib;
static bool loaded = false;

/* What the library logged during the current call; written by the log callback on the main thread only. */
static char log_text[1024];
static size_t log_used = 0;
static pthread_t main_thread;

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
void
xgb_library_load(void)
{
	XgbLibrary	loading = {0};
	void	   *handle;
	int			major,
				minor,
				patch;

	if (loaded)
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
	loading.version_number = major * 1000 + minor;
	if (loading.version_number < 1007)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("XGBoost %s is too old", loading.version),
				 errhint("XGBoost 1.7 or newer is needed.")));

	xgb_lib = loading;
	loaded = true;
	main_thread = pthread_self();
}

/* Blocks all signals, those of faults excepted, and gives the mask to return to. */
void
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
void
xgb_restore_signals(const sigset_t *saved)
{
	pthread_sigmask(SIG_SETMASK, saved, NULL);
}

/* Tells whether CHECK_FOR_INTERRUPTS() would now end the query or the session. */
bool
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
void
xgb_copy_error(char *out, size_t size)
{
	const char *text = xgb_lib.XGBGetLastError();
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
void
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
void
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
void
xgb_handle_free(void *arg)
{
	XgbHandle  *owner = arg;
	void	   *handle = owner->handle;

	owner->handle = NULL;
	if (handle != NULL)
		(void) owner->free(handle);
}

/* Prepares a place for a handle that is freed with the current memory context. */
XgbHandle *
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
MemoryContext
xgb_begin(int nthread)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe learn xgboost",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContextCallback *callback = MemoryContextAllocZero(context, sizeof(MemoryContextCallback));

	/* registered first, so it runs last: after the handles are freed */
	callback->func = xgb_return_memory;
	MemoryContextRegisterResetCallback(context, callback);

	/* the booster that loads a model ignores its parameter nthread and takes OpenMP's */
	if (xgb_lib.omp_set_num_threads != NULL)
		xgb_lib.omp_set_num_threads(nthread);
	log_used = 0;
	(void) xgb_lib.XGBRegisterLogCallback(xgb_note_log);
	(void) xgb_lib.XGBSetGlobalConfig("{\"verbosity\":1}");
	return context;
}
