/*
 * forest.h
 *	  Decision forests: strict reader, canonical writer, compiler, evaluator.
 *
 * A Forest is the checked, uncompiled form.  It comes from forest_read()
 * (XGBoost's JSON or UBJ, hostile input) or from a trainer of ours, and goes to
 * forest_write() (canonical JSON in XGBoost's format) and forest_compile() (a
 * flat form of 8-byte nodes that is stored and scored as it is).
 */
#ifndef LEARN_FOREST_H
#define LEARN_FOREST_H

#include "lib/stringinfo.h"

#define FOREST_MAX_DEPTH 64
#define FOREST_MAX_NODES 65535	/* per tree: node numbers are 16 bits in the compiled form */
#define FOREST_MAX_FEATURES 32766	/* two columns per feature and a dummy must fit 16 bits */
#define FOREST_MAX_TREES 100000
#define FOREST_MAX_GROUPS 10000

/* Of one tree and row: after so many splits on a way at which a missing value goes both ways, the mean below counts. */
#define FOREST_MAX_DIVISIONS 1

typedef enum ForestObjective
{
	FOREST_IDENTITY,			/* reg:squarederror, reg:absoluteerror, reg:pseudohubererror, reg:quantileerror, rank:* —
								 * margin is the value */
	FOREST_LOGISTIC,			/* binary:logistic, reg:logistic */
	FOREST_LOGITRAW,			/* binary:logitraw, binary:hinge is not supported */
	FOREST_SOFTPROB,			/* multi:softprob, multi:softmax: both served as probabilities */
	FOREST_EXP,					/* count:poisson, reg:gamma, reg:tweedie */
	FOREST_SQUAREDLOG,			/* reg:squaredlogerror: identity */
	FOREST_ISOLATION			/* "aipipe:isolation": never seen by the library.  Leaves hold their share of the
								 * mean path length, a guard's exit a penalty (iforest_guard.c); base_score is 0. */
} ForestObjective;

/* A missing value goes both ways, each with its share of the training rows (of cover). */
#define FOREST_DIVIDES 2

typedef struct ForestTree
{
	int			nnodes;
	int			depth;			/* longest path, in splits */
	int			group;			/* output that it adds to (tree_info) */
	float		weight;			/* dart; 1 otherwise */
	/* per node; a leaf has left = right = -1 and its output in value */
	int32	   *left;
	int32	   *right;
	int32	   *feature;
	float	   *value;			/* threshold: x < value goes left; for a leaf its output */
	uint8	   *default_left;	/* where missing goes: 1 left, 0 right; numeric splits of isolation trees: also FOREST_DIVIDES */
	float	   *gain;			/* loss_changes */
	float	   *cover;			/* sum_hessian, or training rows for an isolation tree */
	float	   *base_weight;
	/* categorical splits: a category in the set goes right */
	bool		has_categories;
	uint8	   *split_type;		/* 0 numeric, 1 categorical */
	int32	   *cat_start;		/* index into cats, per node */
	int32	   *cat_count;
	int32		ncats;
	int32	   *cats;			/* category codes, ascending per node */
} ForestTree;

typedef struct Forest
{
	MemoryContext context;
	char	   *objective_name;
	ForestObjective objective;
	char	   *objective_params;	/* canonical JSON of the objective's parameter object, or NULL */
	bool		dart;
	int			nfeatures;
	int			ngroups;		/* outputs: 1, or the number of classes */
	float		base_score;		/* as written in the model (probability space for logistic) */
	int			version[3];		/* library version written in the model */
	int			ntrees;
	int			best_iteration_trees;	/* trees that serve: ntrees, or fewer after early stopping; only
										 * these are written and compiled */
	ForestTree *trees;
	/* feature names (in the server's encoding) and types as in the model, or NULL */
	char	  **feature_names;
	char	  **feature_types;
} Forest;

/* A compiled forest opened in place: all pointers go into the bytes given to forest_open(). */
typedef struct CompiledForest CompiledForest;

/*
 * Reads XGBoost JSON or UBJ (told apart by content) into the current context.
 * Whatever is not a complete, consistent model that we can serve exactly is an
 * error 22023 (import) with what and where in the detail.  Never more memory
 * than a small multiple of len.
 */
extern Forest *forest_read(const char *bytes, Size len);

/* The same for what forest_write() made of an isolation forest; imports never take this way. */
extern Forest *forest_read_isolation(const char *bytes, Size len);

/* Checks every invariant of a forest however it was made; the reason, or NULL when sound. */
extern const char *forest_check(const Forest *forest);

/*
 * Writes the canonical JSON in the format of XGBoost 1.7, which the library and
 * Python load from 1.7 on.  Same forest, same bytes.
 */
extern void forest_write(const Forest *forest, StringInfo out);

/* Writes the compiled form: versioned header, CRC-32C, nodes. */
extern void forest_compile(const Forest *forest, StringInfo out);

/*
 * Opens a compiled form in place after checking header, CRC and every index;
 * error XX001 when anything is off.  bytes must be MAXALIGNed and outlive the
 * result.
 */
extern const CompiledForest *forest_open(const char *bytes, Size len);

extern int	forest_nfeatures(const CompiledForest *forest);
extern int	forest_ngroups(const CompiledForest *forest);
extern ForestObjective forest_objective(const CompiledForest *forest);

/*
 * Margins of nrows rows (row-major, nfeatures floats, NaN = missing) into
 * out[nrows * ngroups]; bit-equal to the library's.  One row takes the
 * tree-interleaved path, more the 64-row block path.
 */
extern void forest_margin(const CompiledForest *forest, const float *rows, int nrows, float *out);

/*
 * Rows that lack the last features, which are made of the first ngiven.  derive()
 * finds the given ones, and writes the others, of nrows rows: feature f of row i
 * at columns[f * stride + i], NaN = missing; nothing of it is a category.
 */
typedef struct ForestDerived
{
	int			ngiven;
	void		(*derive) (const void *arg, float *columns, Size stride, int nrows);	/* NULL = none */
	const void *arg;
} ForestDerived;

/* derive() is called for so many rows at most. */
#define FOREST_DERIVE_ROWS 64

/* forest_margin() for such rows. */
extern void forest_margin_derived(const CompiledForest *forest, const ForestDerived *derived,
								  const float *rows, int nrows, float *out);

/* Says of each feature whether a missing value goes both ways in some split; false when none does in any. */
extern bool forest_dividing(const CompiledForest *forest, bool *features);

/*
 * forest_margin_derived() for rows some of whose missing values go both ways, whether one row or
 * many, with the same margins.  forest_margin() does not know of that: there they go right.
 */
extern void forest_margin_divided(const CompiledForest *forest, const ForestDerived *derived,
								  const float *rows, int nrows, float *out);

/* Margins to served values (probabilities, values), bit-equal to the library's float results. */
extern void forest_transform(const CompiledForest *forest, const float *margin, int nrows, float *out);

/*
 * Exact TreeSHAP (Lundberg et al. 2018, path-dependent) of one row and one
 * output: phi[nfeatures] contributions and phi[nfeatures] the bias; they sum to
 * the margin.
 */
extern void forest_shap(const CompiledForest *forest, const float *row, int group, double *phi);

/* gain, cover and weight summed per feature, arrays of nfeatures. */
extern void forest_importance(const CompiledForest *forest, double *gain, double *cover, double *weight);

#endif							/* LEARN_FOREST_H */
