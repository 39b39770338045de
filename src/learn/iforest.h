/*
 * iforest.h
 *	  How the isolation forest's files call each other.
 *
 *		iforest_pairs.c		makes features of two columns each
 *		iforest_tree.c		grows the trees
 *		iforest_split.c		chooses where a node is split
 *		iforest_guard.c		adds what (nearly) no training row showed
 *		iforest_refresh.c	replaces the oldest trees by some of more rows
 *		iforest_score.c		scores and explains rows
 *		iforest_severity.c	path length → share of training rows that look more normal
 *		iforest_artifact.c	artifact and compiled form
 *		iforest.c			the algorithm behind learn/algorithm.h
 */
#ifndef LEARN_IFOREST_H
#define LEARN_IFOREST_H

#include "common/pg_prng.h"
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
	int64		ndim;			/* columns that a split looks at, at most */
	double		prob_pooled_gain;	/* of splits of numbers whose threshold is the best one instead of a random one */
	bool		guards;
} IforestOptions;

/* A feature on the scale of pairs: z = (x - centre) * weight. */
typedef struct IforestScaled
{
	int32		feature;
	float		centre;
	float		weight;
} IforestScaled;

/* A feature made of two: z of the first + sign * z of the second; both are indexes into scaled. */
typedef struct IforestPair
{
	int32		first;
	int32		second;
	float		sign;			/* 1 or -1 */
} IforestPair;

/* The features that a forest has beside the given ones, behind them; all zero but ngiven when there are none. */
typedef struct IforestPairs
{
	int			ngiven;
	int			nscaled;
	int			npairs;
	const IforestScaled *scaled;
	const IforestPair *pairs;
} IforestPairs;

/* What all guards together may touch of the rows. */
#define IFOREST_GUARD_SHARE 0.01

#define IFOREST_MAX_PAIRS 64
#define IFOREST_MAX_SCALED (2 * IFOREST_MAX_PAIRS)

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
	IforestPairs pairs;
	int			ndividing;
	int		   *dividing;		/* given features whose missing values go both ways somewhere */
} IforestState;

/* Draws the pairs of a forest from its training rows; none when fewer than two columns have a scale. */
extern void iforest_pairs_learn(const Matrix *rows, const Encoder *encoder, pg_prng_state *rng, IforestPairs *pairs);

/* The reason why pairs are not sound, or NULL. */
extern const char *iforest_pairs_check(const IforestPairs *pairs);

/* Computes the pairs of some rows: ForestDerived's derive(), with the pairs as arg. */
extern void iforest_derive(const void *arg, float *columns, Size stride, int nrows);

/* Adds the contributions of pairs to those of their two columns, by how far the row's values lie from their centres. */
extern void iforest_pairs_divide(const IforestPairs *pairs, const float *row, double *phi);

/* Adds what was summed over the splits on pairs to their two columns, in halves. */
extern void iforest_pairs_halve(const IforestPairs *pairs, double *sums);

/*
 * Grows a forest from resolved options in CurrentMemoryContext, with the pairs
 * as features behind the given ones; encoder may be NULL: each feature is then a numeric column.
 */
extern Forest *iforest_grow(const Matrix *rows, const Encoder *encoder, const IforestOptions *options,
							const IforestPairs *pairs, pg_prng_state *rng, Progress *progress);

/* Bytes that growing takes beside the matrix, the trees included. */
extern Size iforest_grow_estimate(int nfeatures, const IforestOptions *options);

/*
 * Adds the guards that the training rows call for.  scores are path lengths of
 * training rows, ascending; sample is the number of rows that a tree grew from.
 */
extern void iforest_add_guards(Forest *forest, const Matrix *rows, const Encoder *encoder,
							   const float *scores, int64 nscores, int64 sample);

/* Says how many trees new rows replace, an old row counting keep. */
extern int64 iforest_renewed_trees(int64 ntrees, int64 nold, int64 nnew, double keep);

/* Makes the trees of the next forest, without guards, in CurrentMemoryContext: the oldest ones are replaced. */
extern Forest *iforest_renew(const Forest *old, const Matrix *rows, const Encoder *encoder,
							 const IforestOptions *options, const IforestPairs *pairs, int64 nrenewed,
							 uint64 seed, Progress *progress);

/*
 * Adds the guards to the trees of the next forest, in its context: the old forest's as long as what
 * they watch for is rare.  scores are as for iforest_add_guards(); nold is what the old rows still count.
 */
extern void iforest_renew_guards(Forest *forest, const Forest *old, const Matrix *rows, const Encoder *encoder,
								 const float *scores, int64 nscores, int64 sample, double nold);

/* Sorts numbers, ascending: scores then have the strangest first. */
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
extern void iforest_write(const Forest *forest, const IforestPairs *pairs, const Severity *severity, StringInfo out);

/* Reads an artifact; error 22023 unless it is sound. */
extern Forest *iforest_read(const char *artifact, Size len, IforestPairs *pairs, Severity *severity);

/* Artifact → compiled form; error 22023 unless the artifact is sound. */
extern void iforest_compile(const char *artifact, Size len, StringInfo compiled);

/* Opens a compiled form in place; error XX001 when anything is off. */
extern void iforest_open(const char *compiled, Size len, IforestState *state);

/* Scores a block (iforest_score.c). */
extern void iforest_score(const IforestState *state, const float *rows, int nrows, float *out);

/* Contributions of a row to its raw score: phi[given features] and behind them the bias. */
extern void iforest_contributions(const IforestState *state, const float *row, double *phi);

/* Finds what scoring needs to know about a forest that was opened. */
extern void iforest_prepare(IforestState *state);

#endif							/* LEARN_IFOREST_H */
