/*
 * xgb.h
 *	  The wall around libxgboost: the only way to the library.
 *
 * It is loaded with dlopen() in the process that trains, at the first training,
 * never in the postmaster.  Handles are freed by a reset callback of the memory
 * context they were made in, so an ERROR anywhere leaks nothing.  A failure of
 * the library is an ERROR 38000 with its first line, cleaned.
 */
#ifndef LEARN_XGB_H
#define LEARN_XGB_H

#include "lib/stringinfo.h"

#include "core/matrix.h"
#include "core/progress.h"

typedef struct XgbParam
{
	const char *name;
	const char *value;
} XgbParam;

typedef struct XgbTraining
{
	const Matrix *rows;
	const float *labels;
	const float *weights;		/* or NULL */
	const uint8 *categorical;	/* per feature: 1 = categorical; NULL = none */
	int			nparams;
	const XgbParam *params;
	int			max_bin;
	int			nthread;
	int			rounds;
	bool		dart;			/* booster dart: see xgb.c */
	Progress   *progress;
} XgbTraining;

/* "1.7.4"; loads the library. */
extern const char *xgb_version(void);

/* Trains and appends the booster's bytes (UBJ when the library has it) to out. */
extern void xgb_train(const XgbTraining *training, StringInfo out);

/* Margins by the library of a model given as canonical JSON: the oracle of the parity check. */
extern void xgb_margin(const char *json, Size len, const float *rows, int nrows, int ncols, float *out, int noutputs);

/* An upper estimate in bytes of what the library takes to train on such a matrix. */
extern Size xgb_train_estimate(int64 nrows, int ncols, int max_bin, int max_depth, int ngroups, bool dart);

#endif							/* LEARN_XGB_H */
