/*
 * algorithm.h
 *	  The one interface behind which every algorithm stands.
 *
 * An algorithm trains on a matrix, gives a canonical artifact, compiles an
 * artifact to what is stored beside it and scored, and scores blocks.  One file
 * an algorithm; algorithm.c holds the list.
 */
#ifndef LEARN_ALGORITHM_H
#define LEARN_ALGORITHM_H

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

#include "compat/compat.h"
#include "core/encoder.h"
#include "core/matrix.h"
#include "core/options.h"
#include "core/progress.h"
#include "learn/trainset.h"

typedef enum ModelTask
{
	TASK_CLASSIFICATION,
	TASK_REGRESSION,
	TASK_RANKING,
	TASK_ANOMALY,
	/* tasks of points in time, not of rows: the room series trains and scores them */
	TASK_SERIES,
	TASK_ARRIVAL
} ModelTask;

typedef struct TrainRequest
{
	ModelTask	task;
	const Matrix *rows;			/* features */
	/* class index, value or relevance, one a row; anomaly: NULL, or 1 = anomalous, 0 = not, NaN = nobody said */
	const float *labels;
	const float *weights;		/* one a row, finite and not negative; NULL = all 1 */
	const int32 *groups;		/* ranking: number of the row's group, rows of a group adjacent; else NULL */
	const TrainSet *validation; /* rows that do not teach but say when to stop; NULL = none */
	const Encoder *encoder;
	int			nclasses;		/* classification: ≥ 2 */
	char *const *classes;		/* classification: their labels, in the order of the indexes */
	const Jsonb *params;		/* this algorithm's own, plus the common ones it must pass over */
	const char *const *common;	/* names of the common keys (NULL-terminated) */
	uint64		seed;
	bool		component;		/* of an ensemble, which has severities of its own: those learned here may be coarse */
	Size		budget;			/* bytes for the library beside the data; 0 = none */
	Progress   *progress;
} TrainRequest;

/* What an estimate of a training's memory goes by: known before any row is read. */
typedef struct TrainSize
{
	ModelTask	task;
	int64		nrows;			/* rows that teach */
	int64		nvalidation;	/* rows that say when to stop; 0 = none */
	int			ncols;			/* features */
	int			nclasses;		/* classification; 0 = unknown, taken for two */
	bool		weighted;
	const Jsonb *params;
	const char *const *common;
} TrainSize;

typedef struct TrainResult
{
	StringInfoData artifact;	/* canonical bytes: same input, same bytes */
	StringInfoData compiled;	/* what compile() makes of them */
	StringInfoData unseen;		/* of a component: the form that judges a row of this training as though it had not been seen; empty when that is compiled */
	StringInfoData params;		/* effective parameters as canonical JSON */
	Size		peak_bytes;		/* estimate of what the algorithm used beside the data */
	char	   *library;		/* "xgboost 1.7.4", "aipipe 0.1.0" */
} TrainResult;

/* A version's learned part, ready to score; in one context, immutable. */
typedef struct LoadedModel
{
	const struct Algorithm *algorithm;
	int			nfeatures;
	int			nmargins;		/* floats a row that margin() writes */
	int			nvalues;		/* floats a row that values() writes: 1, or the number of classes */
	const void *state;			/* the algorithm's own */
} LoadedModel;

/* What an algorithm says about one cell of a row: why this value in this column is strange. */
typedef struct CellReason
{
	double		bits;			/* -log2 of the share of training rows whose cell was as surprising */
	char	   *expected;		/* what was expected there, given the other columns, or NULL: what training saw in the column */
	int			given;			/* the encoder's column whose value makes it surprising, or -1 */
	char	   *note;			/* what a reader should know besides, as a phrase, or NULL */
} CellReason;

/* What more rows are to add to a version that was trained before. */
typedef struct RefreshRequest
{
	const TrainRequest *train;	/* the new rows, encoded by the version's encoder; its params are the version's */
	const char *artifact;		/* the version's */
	Size		artifact_len;
	double		keep;			/* weight of what was known, (0, 1]: one new row counts 1, one old row keep */
} RefreshRequest;

/* ERROR XX001: the artifact to be refreshed, which is for rows of so many features or whatever the detail says, is not its version's. */
extern void refresh_check_features(const RefreshRequest *request, int nfeatures);
extern void refresh_misfit(const char *detail) pg_attribute_noreturn();

/* A parameter that a search draws when it is not told which: evenly between the bounds, or evenly in its logarithm. */
typedef struct AlgorithmRange
{
	const char *name;
	const char *other_name;		/* another name of the same parameter, or NULL */
	double		min;
	double		max;
	bool		log_scale;
} AlgorithmRange;

typedef struct Algorithm
{
	const char *name;
	bool		(*serves) (ModelTask task);
	/* checks the parameters before any row is read; error 22023 */
	void		(*check) (ModelTask task, const Jsonb *params, const char *const *common);
	/* bytes that train() takes beside the data, from above but not by far; checks the parameters */
	Size		(*estimate) (const TrainSize *size);
	void		(*train) (const TrainRequest *request, TrainResult *result);
	/* artifact (hostile when imported or restored) → compiled bytes; checks everything */
	void		(*compile) (const char *artifact, Size len, StringInfo compiled);
	/* compiled bytes (MAXALIGNed, kept by the caller) → ready to score, in CurrentMemoryContext */
	LoadedModel *(*open) (const char *compiled, Size len);
	/* raw scores of a block */
	void		(*margin) (const LoadedModel *model, const float *rows, int nrows, float *out);
	/*
	 * Raw scores → served values: classification: nvalues = nclasses
	 * probabilities (binary: 2, [0] = 1 - p); regression: the value; anomaly: the
	 * severity percentile.
	 */
	void		(*values) (const LoadedModel *model, const float *margin, int nrows, float *out);
	/* detectors: P(a training row has this margin or a stranger one), in (0, 1]; NULL = no better than its severity tells */
	double		(*pvalue) (const LoadedModel *model, float margin);
	/* contributions of one row to one raw score: phi[nfeatures], phi[nfeatures] = bias; for anomaly, positive = stranger */
	void		(*explain) (const LoadedModel *model, const float *row, int output, double *phi);
	/* why the value of a column is strange; false = nothing to say about it; NULL function = says nothing about cells */
	bool		(*cell) (const LoadedModel *model, const Encoder *encoder, const float *row, int column,
						 CellReason *reason);
	/* learns more rows into an artifact of its own; NULL function = must be trained anew */
	void		(*refresh) (const RefreshRequest *request, TrainResult *result);
	/* gain, cover, weight per feature */
	void		(*importance) (const LoadedModel *model, double *gain, double *cover, double *weight);
	const OptionSpec *specs;	/* all parameters of its own; NULL = not to be combined with others' */
	int			nspecs;
	/* the parameter of that name, or NULL: its kind, default and bounds; NULL function = nothing to search */
	const OptionSpec *(*option) (const char *name);
	const AlgorithmRange *space;	/* what a search draws by itself, ended by a NULL name; or NULL */
	const char *resource;		/* parameter of which successive halving gives survivors more; or NULL */
} Algorithm;

extern const Algorithm *algorithm_find(const char *name);	/* ERROR 22023 naming the nearest */
extern const Algorithm *algorithm_default(ModelTask task);

/* The algorithm of that number in the list, or NULL behind the last. */
extern const Algorithm *algorithm_at(int i);

extern ModelTask algorithm_task(const char *name);	/* ERROR 22023 */
extern const char *algorithm_task_name(ModelTask task);

/* Whether models of the task score rows; those of the others leave train, margin, values, explain and importance NULL. */
extern bool algorithm_scores_rows(ModelTask task);

/* ERROR 22023 naming the functions of the task when its models do not score rows; model = NULL while none is known. */
extern void algorithm_check_scores_rows(ModelTask task, const char *model);

extern const Algorithm algorithm_xgboost;
extern const Algorithm algorithm_iforest;
extern const Algorithm algorithm_ensemble;	/* src/anomaly */
extern const Algorithm algorithm_surprise;	/* src/anomaly */
extern const Algorithm algorithm_loda;	/* src/anomaly */
extern const Algorithm algorithm_xgbod;	/* src/anomaly */
extern const Algorithm algorithm_baseline;
extern const Algorithm algorithm_rules;
extern const Algorithm algorithm_seasonal;	/* src/series */
extern const Algorithm algorithm_arrival;	/* src/series */

#endif							/* LEARN_ALGORITHM_H */
