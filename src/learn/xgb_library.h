/*
 * xgb_library.h
 *	  libxgboost in this process: its functions, errors, signals and handles.
 *
 * Private to xgb.c, xgb_data.c and xgb_library.c; the only place that includes the
 * library's header.
 */
#ifndef LEARN_XGB_LIBRARY_H
#define LEARN_XGB_LIBRARY_H

#include <signal.h>

#include <xgboost/c_api.h>

#include "compat/compat.h"

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
	apply(XGBoosterEvalOneIter) \
	apply(XGBoosterSetAttr) \
	apply(XGBoosterLoadModelFromBuffer) \
	apply(XGBoosterSaveModelToBuffer) \
	apply(XGBoosterPredictFromDense) \
	apply(XGBoosterPredictFromDMatrix)

#define XGB_POINTER(name) __typeof__(name) *name;

typedef struct XgbLibrary
{
	/* in the order of XGB_FUNCTIONS */
	XGB_FUNCTIONS(XGB_POINTER)
	/* libgomp's; NULL when the library was built without OpenMP */
	void		(*omp_set_num_threads) (int);
	int			version_number; /* major * 1000 + minor */
	char		version[32];
} XgbLibrary;

/* A library handle that lives as long as a memory context. */
typedef struct XgbHandle
{
	void	   *handle;
	int			(*free) (void *);
	MemoryContextCallback callback;
} XgbHandle;

/* Filled by xgb_library_load(). */
extern XgbLibrary xgb_lib;

/* Brings the library into this process unless it is there. */
extern void xgb_library_load(void);

/*
 * Makes the memory context of one operation and prepares the library for it:
 * threads, log.  Deleting the context undoes everything.
 */
extern MemoryContext xgb_begin(int nthread);

/* Prepares a place for a handle that is freed with the current memory context. */
extern XgbHandle *xgb_handle_create(int (*free_function) (void *));

/* Frees a handle early. */
extern void xgb_handle_free(void *handle);

/* Blocks all signals, those of faults excepted, and gives the mask to return to. */
extern void xgb_block_signals(sigset_t *saved);

/* Restores the signal mask; handlers of pending signals run before this returns. */
extern void xgb_restore_signals(const sigset_t *saved);

/* Tells whether CHECK_FOR_INTERRUPTS() would now end the query or the session. */
extern bool xgb_must_stop(void);

/* Copies the message of the library's last failure, cleaned. */
extern void xgb_copy_error(char *out, size_t size);

/* Raises a failure of the library. */
extern void xgb_raise(const char *doing, const char *reason) pg_attribute_noreturn();

/* Checks for interrupts after a call of the library and raises its last error when the call has failed. */
extern void xgb_check(int rc, const char *doing);

#endif							/* LEARN_XGB_LIBRARY_H */
