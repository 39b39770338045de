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

/* Rows as the library gets them. */
typedef struct XgbData
{
	const Matrix *rows;
	const float *labels;
	const float *weights;		/* one a row, the same within a group; or NULL */
	const int32 *groups;		/* ranking: number of the row's group, rows of one adjacent; or NULL */
} XgbData;

typedef struct XgbTraining
{
	XgbData		data;
	XgbData		validation;		/* rows that say when to stop; looked at with patience only */
	const uint8 *categorical;	/* per feature: 1 = categorical; NULL = none */
	int			nparams;
	const XgbParam *params;
	int			max_bin;
	int			nthread;
	int			rounds;
	bool		dart;			/* booster dart: see xgb.c */
	int			patience;		/* rounds without a better score that end the training; 0 = train them all */
	const char *metric;			/* the library's name of what says which score is better */
	bool		higher_is_better;
	Progress   *progress;
} XgbTraining;

/* What a training came to. */
typedef struct XgbOutcome
{
	int			best_round;		/* the last one that serves; -1 without patience */
	double		best_score;		/* on the validation rows, then */
} XgbOutcome;

/* What an estimate of memory goes by. */
typedef struct XgbSize
{
	int64		nrows;
	int64		nvalidation;	/* rows that say when to stop */
	int			ncols;
	int			max_bin;
	int			depth;			/* of the largest tree */
	int			ngroups;		/* outputs */
	int			ntrees;			/* trees a round and output */
	int			rounds;
	int			nthread;
	bool		dart;
	bool		weighted;
	bool		ranked;
} XgbSize;

/* "1.7.4"; loads the library. */
extern const char *xgb_version(void);

/* Tells whether the library is at least of that version; loads it. */
extern bool xgb_version_from(int major, int minor);

/*
 * Trains and puts the booster's bytes (UBJ) into out.  With patience they serve
 * up to the best round, and say so where they hold more.
 */
extern void xgb_train(const XgbTraining *training, StringInfo out, XgbOutcome *outcome);

/*
 * Margins by the library of a model that it has trained, up to so many rounds
 * (0 = all): the oracle of the parity check.  Never given bytes from elsewhere.
 */
extern void xgb_margin(const StringInfo model, int rounds, bool dart, const float *rows, int nrows, int ncols,
					   float *out, int noutputs);

/* An estimate from above, in bytes, of what the library takes for such a training. */
extern Size xgb_train_estimate(const XgbSize *size);

#endif							/* LEARN_XGB_H */
