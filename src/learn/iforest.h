/*
 * iforest.h
 *	  How the isolation forest's files call each other.
 *
 *		iforest_tree.c		grows the trees
 *		iforest_guard.c		adds what (nearly) no training row showed
 *		iforest_severity.c	path length → share of training rows that look more normal
 *		iforest_artifact.c	artifact and compiled form
 *		iforest.c			the algorithm behind learn/algorithm.h
 */
#ifndef LEARN_IFOREST_H
#define LEARN_IFOREST_H

#include "lib/stringinfo.h"

#include "core/encoder.h"
#include "core/matrix.h"
#include "core/progress.h"
#include "learn/forest.h"

typedef struct IforestOptions
{
	int64		n_estimators;
	int64		max_samples;	/* rows a tree grows from; after the parser at most the rows there are */
	int64		max_depth;		/* 0 = ceil(log2(max_samples)) until the trainer resolves it */
	bool		guards;
} IforestOptions;

/*
 * Turns a row's raw score (its mean path length less the guards' penalties)
 * into its severity.  above[i] of rows training rows have a greater score than
 * score[i]; scores ascend.
 */
typedef struct Severity
{
	int64		rows;
	int			npoints;
	float	   *score;
	int64	   *above;
} Severity;

#define SEVERITY_MAX_POINTS 1000000

/* The same in its compiled form, opened in place. */
typedef struct SeverityTable
{
	int64		rows;
	int			npoints;
	const float *score;
	const float *share;			/* above / rows */
} SeverityTable;

/* A compiled isolation forest opened in place. */
typedef struct IforestState
{
	const CompiledForest *forest;
	SeverityTable severity;
} IforestState;

/* Grows a forest from resolved options in CurrentMemoryContext; encoder may be NULL: each feature is then a numeric column. */
extern Forest *iforest_grow(const Matrix *rows, const Encoder *encoder, const IforestOptions *options,
							uint64 seed, Progress *progress);

/* Bytes that growing takes beside the matrix, the trees included. */
extern Size iforest_grow_estimate(int nfeatures, const IforestOptions *options);

/*
 * Adds the guards that the training rows call for.  scores are path lengths of
 * training rows, ascending; sample is the number of rows that a tree grew from.
 */
extern void iforest_add_guards(Forest *forest, const Matrix *rows, const Encoder *encoder,
							   const float *scores, int64 nscores, int64 sample);

/* Sorts scores, strangest first. */
extern void severity_sort(float *scores, size_t nscores);

/* Says after how many rows of rank `rank`, counted from the strangest, the next point is due. */
extern int64 severity_step(int64 nscores, int64 rank);

/* Makes the severity points from the raw scores of training rows, which it sorts. */
extern void severity_learn(float *scores, int64 nscores, Severity *severity);

/* The reason why the points are not sound, or NULL. */
extern const char *severity_check(const Severity *severity);

/* The severity of one raw score, in [0, 1], never rising with it. */
extern float severity_of(const SeverityTable *table, float score);

/* Writes the canonical artifact. */
extern void iforest_write(const Forest *forest, const Severity *severity, StringInfo out);

/* Artifact → compiled form; error 22023 unless the artifact is sound. */
extern void iforest_compile(const char *artifact, Size len, StringInfo compiled);

/* Opens a compiled form in place; error XX001 when anything is off. */
extern void iforest_open(const char *compiled, Size len, IforestState *state);

#endif							/* LEARN_IFOREST_H */
