/*
 * surprise.h
 *	  How the files of algorithm "cell_surprise" see each other; nobody else includes it.
 *
 *		surprise_learn.c	aspects and their outcomes: bins, core, what is open
 *		surprise_code.c		values → outcomes
 *		surprise_group.c	a table of many groups: the same aspects within their group
 *		surprise_pairs.c	which aspect says how much about which other
 *		surprise_count.c	one pass over the rows: how often which outcome, alone and together
 *		surprise_calibrate.c	how surprising the training rows themselves are
 *		surprise_artifact.c	the counts as canonical JSON
 *		surprise_compile.c	counts → tables of bits
 *		surprise_open.c		the tables opened in place, every index checked
 *		surprise_score.c	the kernel
 *		surprise_cell.c		why one cell is strange
 *		surprise_full.c		the full conditional: small trees tell a value from all the others of its row
 *		surprise_full_artifact.c	they as JSON, and compiled
 *		surprise_full_score.c	what they say of a row
 *		surprise_refresh.c	more rows into an artifact
 *		surprise.c			the algorithm behind learn/algorithm.h
 *
 * An aspect is one feature of a column seen as a variable of few outcomes.  The
 * surprise of an outcome is -log2 of its probability, in bits: alone (marginal), and
 * given the outcomes of the aspects that say most about it, its parents
 * (conditional); when asked for, also given all other columns (full conditional).  How
 * surprising a surprise is, is read off the training rows: -log2 of the share of them
 * that are as surprising there.  The strangest of a
 * column's figures is the column's z, and
 *
 *		margin = log2(sum over columns of 2^(power * z)) / power
 *
 * is the row's.
 */
#ifndef ANOMALY_SURPRISE_H
#define ANOMALY_SURPRISE_H

#include <float.h>
#include <math.h>

#include "learn/algorithm.h"
#include "learn/artifact.h"
#include "learn/forest.h"
#include "learn/severity.h"
#include "learn/tail.h"

#define SURPRISE_MAX_FEATURES 32000
/* With partition_by a feature may be seen within its group too. */
#define SURPRISE_MAX_ASPECTS (2 * SURPRISE_MAX_FEATURES)
#define SURPRISE_MAX_CATEGORIES 10000
/* Bins that a number may ask for; values that stand alone cut others in two. */
#define SURPRISE_MAX_BINS 100
#define SURPRISE_MAX_OUTCOMES (2 * SURPRISE_MAX_BINS + 3)
/* Categories that pairs tell apart, the most frequent ones. */
#define SURPRISE_PAIR_CATEGORIES 64
#define SURPRISE_MAX_PARENTS 16
/* Of a table that holds numbers. */
#define SURPRISE_PARENTS 4
/* Cells of all pairs' tables together, and as many for those of groups. */
#define SURPRISE_MAX_CELLS (8 * 1024 * 1024)
/* Full conditionals: groups of outcomes that the trees tell apart, aspects that they look at, columns that have trees. */
#define SURPRISE_FULL_GROUPS 10
#define SURPRISE_FULL_ASPECTS 128
#define SURPRISE_FULL_COLUMNS 64
/* Kinds of rows, each judged by trees that learned from the others. */
#define SURPRISE_FULL_FOLDS 3
/* The group of what the trees do not judge. */
#define SURPRISE_FULL_NONE SURPRISE_FULL_GROUPS
/* Most bits that count: 2^(power * z) must stay within float32. */
#define SURPRISE_MAX_POWER 120.0f

typedef struct SurpriseOptions
{
	int64		bins;
	int64		parents;
	double		min_information;
	double		smoothing;
	double		tail_share;
	double		power;
	char	   *partition_by;
	bool		full_conditional;
} SurpriseOptions;

/* An aspect that says something about another. */
typedef struct SurpriseParent
{
	int			aspect;
	bool		whole;			/* the parent is the group: all of its outcomes are told apart */
	float		information;	/* mutual information in bits; 1 for the group */
	/* rows by outcome of the parent, then of the child as pairs tell it apart; the parent too unless it is the group */
	float	   *counts;
} SurpriseParent;

/*
 * Outcomes are numbered: the categories or bins, then "unseen or other", then NULL.
 */
typedef struct SurpriseAspect
{
	int			feature;
	int			column;
	bool		side;			/* not its column's first */
	bool		paired;			/* has parents and may be one */
	bool		grouped;		/* the aspect before it again, within its group */
	bool		categorical;
	int			nvalues;		/* categories or bins */
	float	   *lo;				/* number: bins in ascending order, lo <= hi */
	float	   *hi;
	bool	   *alone;			/* one heavy value; what lies between two of them was never seen */
	bool		open_below;		/* number: what is below all bins belongs to the first */
	bool		open_above;
	bool		single_lo;		/* only one training row has the least value; known while it learns */
	bool		single_hi;
	float		core_lo;		/* number: beyond it the distance counts */
	float		core_hi;
	float		scale_lo;		/* its unit on either side; 0 = does not count */
	float		scale_hi;
	float	   *center;			/* grouped number: by outcome of the partition; values are standardised by them first */
	float	   *width;
	int			ngroups;		/* of them */
	double	   *counts;			/* rows by outcome */
	double		novelty;		/* rows that an unseen outcome counts for at least */
	int			nparents;
	SurpriseParent parents[SURPRISE_MAX_PARENTS];
	Tail		marginal;		/* npoints = 0: not learned yet */
	Tail		conditional;	/* with parents alone */
	Tail		marginal_unseen;	/* what training rows are judged by; while they are, npoints = 0 else */
	Tail		conditional_unseen;
} SurpriseAspect;

/* Trees that tell the value of a column from the others. */
typedef struct SurpriseFull
{
	int			aspect;			/* the column's first */
	int			ngroups;
	uint8	   *groups;			/* by outcome of the aspect; SURPRISE_FULL_NONE = not judged */
	float		gain;			/* bits by which they tell a value of rows that they did not see better than its share does */
	bool		instead;		/* they tell it better than the pairs, whose place they take */
	int			nlooks;
	int32	   *looks;			/* ascending: aspects of other columns that the trees look at */
	Tail		tail;			/* npoints = 0: not learned yet */
	Tail		tail_unseen;	/* that judges a row of the training as though it had not been there; npoints = 0: read, not trained */
	const char *artifact[SURPRISE_FULL_FOLDS];	/* the trees', by the fold that they judge */
	Size		artifact_len[SURPRISE_FULL_FOLDS];
	StringInfoData compiled[SURPRISE_FULL_FOLDS];	/* of them */
} SurpriseFull;

/* What is learned, as the artifact holds it. */
typedef struct SurpriseModel
{
	int			nfeatures;
	int			ncolumns;
	double		rows;			/* older ones count less after a refresh */
	float		power;
	float		smoothing;
	int			partition;		/* the aspect whose outcomes are the groups, or -1 */
	int			naspects;		/* in the order of their features, so a column's stand together */
	SurpriseAspect *aspects;
	int			nfulls;
	SurpriseFull *fulls;		/* by ascending aspect */
	char	   *library;		/* that trees were grown with in this training, or NULL */
	Severity	severity;		/* of minus the margins; npoints = 0: not learned yet */
} SurpriseModel;

/* Number of outcomes, and the two after the values. */
#define SURPRISE_OUTCOMES(aspect) ((aspect)->nvalues + 2)
#define SURPRISE_UNSEEN(aspect) ((aspect)->nvalues)
#define SURPRISE_NULL(aspect) ((aspect)->nvalues + 1)

/* Gives the number of outcomes that pairs tell apart: rare categories are one. */
static inline int
surprise_npair(const SurpriseAspect *aspect)
{
	if (aspect->categorical && aspect->nvalues > SURPRISE_PAIR_CATEGORIES)
		return SURPRISE_PAIR_CATEGORIES + 3;
	return SURPRISE_OUTCOMES(aspect);
}

/* Gives the number of an outcome among those that pairs tell apart. */
static inline int
surprise_pair(const SurpriseAspect *aspect, int outcome)
{
	if (!aspect->categorical || aspect->nvalues <= SURPRISE_PAIR_CATEGORIES)
		return outcome;
	if (outcome >= aspect->nvalues)
		return outcome - aspect->nvalues + SURPRISE_PAIR_CATEGORIES + 1;
	return Min(outcome, SURPRISE_PAIR_CATEGORIES);
}

/* Gives the number of a parent's outcomes that its table tells apart. */
static inline int
surprise_height(const SurpriseModel *model, const SurpriseParent *parent)
{
	const SurpriseAspect *aspect = &model->aspects[parent->aspect];

	return parent->whole ? SURPRISE_OUTCOMES(aspect) : surprise_npair(aspect);
}

/* Part of a centre by which rounding to float32 may move it, or a value. */
#define SURPRISE_ROUNDING (4 * FLT_EPSILON)

/* Standardises a value by its group; what float32 hardly tells from the centre is the centre. */
static inline float
surprise_within(float value, float center, float rate)
{
	float		off = value - center;

	return fabsf(off) <= SURPRISE_ROUNDING * fabsf(center) ? 0 : off * rate;
}

/* What turns a feature's values into outcomes; for numbers map[edges <= x] is the outcome. */
typedef struct SurpriseCoder
{
	bool		categorical;
	int			nvalues;
	int			nedges;
	const float *edges;
	const uint16 *map;
} SurpriseCoder;

#define SURPRISE_MAX_EDGES (2 * SURPRISE_MAX_OUTCOMES)

/* Rows are coded in blocks of at most so many. */
#define SURPRISE_BLOCK 64

/* surprise_learn.c */
extern void surprise_learn_aspects(const TrainRequest *request, const SurpriseOptions *options, SurpriseModel *model);
extern int64 surprise_sample_rows(int64 nrows, int naspects);

/* Sorts values and makes an aspect's bins and core of them. */
extern void surprise_learn_number(SurpriseAspect *aspect, float *values, int64 n, int bins, double tail_share);
extern int	surprise_bins(int64 nrows, int64 bins);

/* surprise_group.c: adds the aspects within their group, when there is a partition */
extern void surprise_learn_groups(const TrainRequest *request, const SurpriseOptions *options, SurpriseModel *model);
extern void surprise_standardise(const SurpriseAspect *aspect, const float *values, Size stride, int n,
								 const uint16 *groups, float *out);

/* surprise_code.c: codes at most SURPRISE_BLOCK values that lie stride floats apart */
extern SurpriseCoder *surprise_coder(const SurpriseAspect *aspect);
extern void surprise_code(const SurpriseCoder *coder, const float *values, Size stride, int n, uint16 *codes);

/* surprise_pairs.c */
extern void surprise_choose_parents(const Matrix *rows, const SurpriseOptions *options, SurpriseModel *model,
									Progress *progress);

/* surprise_full.c: trains trees for the columns that other columns tell of; counts must be there */
extern void surprise_learn_full(const TrainRequest *request, const SurpriseOptions *options, SurpriseModel *model);

/* Bytes that this takes beside the data. */
extern Size surprise_full_bytes(int64 nrows, int ncols);

/* surprise_count.c: adds the rows to the counts, which must be there */
extern void surprise_count(const Matrix *rows, SurpriseModel *model, Progress *progress);

/* surprise_calibrate.c: tails and severities from the rows; what is there already counts as old_rows rows */
extern void surprise_calibrate(const Matrix *rows, double old_rows, SurpriseModel *model, Progress *progress);

/* surprise_artifact.c */
extern const char *surprise_check(const SurpriseModel *model);
extern void surprise_write(const SurpriseModel *model, StringInfo out);
extern SurpriseModel *surprise_read(const char *artifact, Size len);

/* surprise_full_artifact.c */
extern const char *surprise_check_full(const SurpriseModel *model, const SurpriseFull *full);
extern void surprise_write_full(const SurpriseModel *model, StringInfo out);
extern void surprise_read_full(ArtifactReader *r, SurpriseModel *model);
extern void surprise_compile_full(const SurpriseModel *model, bool unseen, StringInfo out);

/* Cells of the tables of pairs, or of groups. */
extern Size surprise_cells(const SurpriseModel *model, bool whole);

/*
 * The compiled form, see surprise_compile.c.  Offsets count elements of the pool
 * that they point into.
 */
typedef struct SurpriseNode
{
	int32		feature;
	int32		column;
	uint32		flags;
	int32		nvalues;
	int32		npair;
	int32		nedges;			/* number */
	int32		first_parent;
	int32		nparents;
	uint32		edges;			/* floats[nedges] */
	uint32		map;			/* shorts[nedges + 1] */
	uint32		pair;			/* bytes[noutcomes] */
	uint32		bits;			/* floats[noutcomes]: marginal surprise */
	uint32		powers;			/* floats[noutcomes]: 2^(power * z) of it */
	uint32		within;			/* floats[noutcomes]: bits of the outcome within what pairs tell apart */
	uint32		bounds;			/* floats[2 * nvalues], number: lo, hi */
	uint32		grid;			/* floats[SURPRISE_GRID + 1], with parents: 2^(power * z) by conditional surprise */
	uint32		groups;			/* floats[2 * outcomes of the partition], standardised: centers, 1 / widths */
	uint32		unused;			/* zero */
	float		grid_lo;
	float		grid_rate;		/* cells a bit */
	float		core_lo;
	float		core_hi;
	float		rate_lo;		/* 1 / scale, or 0 */
	float		rate_hi;
	float		handicap;		/* 2^(-power * log2(aspects of the column)) of a side aspect, else 1 */
	uint32		seen;			/* SURPRISE_SEEN_*: whether training had such rows at all */
	uint64		marginal;		/* where its tails are, in bytes from the start of the tails */
	uint64		conditional;
} SurpriseNode;

#define SURPRISE_NODE_CATEGORICAL 1
#define SURPRISE_NODE_STANDARDISED 2
#define SURPRISE_NODE_GROUPED 4
#define SURPRISE_NODE_FLAGS 7
#define SURPRISE_SEEN_UNSEEN 1
#define SURPRISE_SEEN_NULL 2
#define SURPRISE_GRID 512

typedef struct SurpriseLink
{
	int32		aspect;			/* the parent */
	uint32		cells;			/* floats[parent's npair * child's npair]: weighted conditional surprise */
	float		weight;			/* > 0; the weights of a child sum to 1 */
	uint32		flags;
} SurpriseLink;

/* Its table goes by all outcomes of the parent. */
#define SURPRISE_LINK_WHOLE 1

typedef struct SurpriseHeader
{
	char		magic[8];
	uint32		format;
	uint32		byte_order;
	uint32		crc;			/* CRC-32C of everything, with this field zero */
	uint32		flags;			/* 1 = calibrated; what is stored always is */
	uint64		length;			/* of everything */
	uint64		tails;			/* bytes */
	uint64		severity;		/* bytes */
	int32		nfeatures;
	int32		ncolumns;
	int32		naspects;
	int32		nlinks;
	uint32		nfloats;
	uint32		nshorts;
	uint32		nbytes;
	float		power;
	int32		partition;		/* aspect, or -1 */
	int32		nfulls;			/* columns with trees, whose part is what is left */
} SurpriseHeader;

#define SURPRISE_MAGIC "aipipeCS"
#define SURPRISE_FORMAT 1
#define SURPRISE_CALIBRATED 1

/*
 * Behind the tails: as many as the header says, then of each the groups by outcome
 * (bytes), the looks (int32), the tail when calibrated, and the forests, each padded
 * to 8 bytes.
 */
typedef struct SurpriseFullNode
{
	int32		aspect;
	int32		ngroups;
	int32		nlooks;
	uint32		instead;		/* of the pairs: 0 or 1 */
	uint64		forest[SURPRISE_FULL_FOLDS];	/* bytes */
} SurpriseFullNode;

/* One of them opened in place. */
typedef struct SurpriseTrees
{
	int			aspect;
	int			ngroups;
	const uint8 *groups;
	int			nlooks;
	const int32 *looks;
	const CompiledForest *forest[SURPRISE_FULL_FOLDS];	/* by the fold that it judges */
	bool		instead;		/* of the pairs */
	Tail		tail;
} SurpriseTrees;

/* A compiled form opened in place. */
typedef struct SurpriseTables
{
	int			nfeatures;
	int			ncolumns;
	int			naspects;
	float		power;
	int			partition;
	const SurpriseNode *nodes;
	const SurpriseLink *links;
	const float *floats;
	const uint16 *shorts;
	const uint8 *bytes;
	Tail	   *marginal;		/* one an aspect; NULL before calibration */
	Tail	   *conditional;
	SeverityTable severity;
	int			nfulls;
	SurpriseTrees *fulls;
	const SurpriseTrees **full_of;	/* by aspect: its trees, or NULL; NULL without any */
} SurpriseTables;

/* surprise_compile.c */
/* With unseen, every outcome counts one row less: so a row of the training is judged as though it had not been seen. */
extern void surprise_compile_model(const SurpriseModel *model, bool unseen, StringInfo out);

/* surprise_open.c: error XX001 when anything is off; calibrated says what is expected */
extern SurpriseTables *surprise_open(const char *compiled, Size len, bool calibrated);

/* Outcomes of a block of rows: [aspect * SURPRISE_BLOCK + row]. */
typedef struct SurpriseCodes
{
	uint16	   *codes;
	uint8	   *pairs;			/* as pairs tell them apart */
	uint8		folds[SURPRISE_BLOCK];	/* of the rows; only with trees */
} SurpriseCodes;

/* surprise_score.c: blocks of at most SURPRISE_BLOCK rows */
extern void surprise_codes_create(const SurpriseTables *tables, SurpriseCodes *codes);
extern void surprise_codes_free(SurpriseCodes *codes);
extern void surprise_encode(const SurpriseTables *tables, const float *rows, int nrows, SurpriseCodes *codes);

/* What the surprises of one aspect need of that, and no more. */
extern void surprise_encode_one(const SurpriseTables *tables, int aspect, const float *rows, int nrows, SurpriseCodes *codes);

/* Surprise of one aspect in bits, distance included; conditional is left alone without parents. */
extern void surprise_bits(const SurpriseTables *tables, int aspect, const float *rows, int nrows,
						  const SurpriseCodes *codes, float *marginal, float *conditional);

/* The trees that judge an aspect, or NULL. */
extern const SurpriseTrees *surprise_trees(const SurpriseTables *tables, int aspect);

/* 2^(power * z) of one aspect by either surprise; gives whether there is a conditional one, which is 1 where trees judge in its place. */
extern bool surprise_powers(const SurpriseTables *tables, int aspect, const float *rows, int nrows,
							const SurpriseCodes *codes, float *marginal, float *conditional);

/* surprise_full_artifact.c: opens what stands behind the tails */
extern void surprise_open_full(const SurpriseHeader *header, const char *bytes, Size len, bool calibrated,
							   SurpriseTables *tables);

/* surprise_full_score.c */

/* The fold of a row, which says which trees judge it. */
extern uint8 surprise_fold(const float *row, int nfeatures);

/* What the trees look at of a block of rows, row by row. */
extern void surprise_look(const SurpriseTables *tables, const int32 *looks, int nlooks, const float *rows, int nrows,
						  const SurpriseCodes *codes, float *out);

/* -log2 P(a group | what the trees look at), by the margins of one row. */
extern float surprise_group_bits(const float *margins, int ngroups, int group);

/* The margins of a block of rows: one a group, or one of two groups. */
extern void surprise_full_margins(const SurpriseTables *tables, const SurpriseTrees *trees, const float *rows, int nrows,
								  const SurpriseCodes *codes, float *margins);

/* Surprise of a column by its trees; -1 where they do not judge. */
extern void surprise_full_surprise(const SurpriseTables *tables, const SurpriseTrees *trees, const float *rows, int nrows,
								   const SurpriseCodes *codes, float *bits);

/* The same as 2^(power * z); 1 where they do not judge. */
extern void surprise_full_powers(const SurpriseTables *tables, const SurpriseTrees *trees, const float *rows, int nrows,
								 const SurpriseCodes *codes, float *powers);

/* 2^(power * z) by a tail. */
extern float surprise_power(float power, const Tail *tail, float bits);

/* What an aspect counts for in its column: a side aspect less. */
static inline float
surprise_handicap(const SurpriseNode *node, float power)
{
	power *= node->handicap;
	return Max(power, 1.0f);
}

/* 2^(power * z) of every column of one row; columns without aspects keep what is there. */
extern void surprise_columns(const SurpriseTables *tables, const float *rows, int nrows, float *columns);

extern void surprise_margin(const SurpriseTables *tables, const float *rows, int nrows, float *out);

/* surprise_cell.c */
extern bool surprise_cell(const LoadedModel *model, const Encoder *encoder, const float *row, int column,
						  CellReason *reason);

/* surprise_refresh.c */
extern void surprise_refresh_model(const RefreshRequest *request, SurpriseModel *model);

#endif							/* ANOMALY_SURPRISE_H */
