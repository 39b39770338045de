/*
 * xgbod.h
 *	  Algorithm "xgbod": its files, and what it tells of a row.
 *
 *		xgbod_features.c	a row → what the trees look at
 *		xgbod_train.c		learning from labels
 *		xgbod_artifact.c	artifact and compiled form
 *		xgbod.c				the algorithm behind learn/algorithm.h
 *
 * XGBOD (Zhao, Hryniewicki 2018): boosted trees on a row's features and on what
 * detectors that know no labels say about it.  The base is an ensemble that knows no
 * labels.  The trees look at
 *
 *		features | strangeness by each component | the base's margin | surprise of each column
 *
 * and their evidence is calibrated as every component's is.  A part of the base's
 * evidence is added, so that what is strange in a way that no label told of is
 * still found:
 *
 *		margin = tail_bits(trees) + novelty * base's margin
 */
#ifndef ANOMALY_XGBOD_H
#define ANOMALY_XGBOD_H

#include "anomaly/ensemble.h"

typedef struct XgbodOptions
{
	double		novelty;		/* weight of the base's evidence */
	int64		folds;			/* parts that the trees are calibrated on without having learned from them; 0 = in sample */
	Jsonb	   *boost;			/* parameters of the trees; NULL = the defaults */
} XgbodOptions;

/* What the trees look at, by place. */
typedef struct XgbodLayout
{
	int			nfeatures;
	int			nparts;			/* components of the base */
	int			ncolumns;		/* columns with a surprise; 0 when the base has none */
	int			width;			/* of all */
} XgbodLayout;

#define XGBOD_PART(layout) ((layout)->nfeatures)
#define XGBOD_MARGIN(layout) ((layout)->nfeatures + (layout)->nparts)
#define XGBOD_SURPRISE(layout) ((layout)->nfeatures + (layout)->nparts + 1)

typedef struct XgbodModel
{
	float		novelty;
	int32	   *limits;			/* per feature: categories of a category, else 0; codes from there on are no value to the trees */
	int32	   *owners;			/* per feature: the encoder's column */
	int			nfeatures;
	Tail		trees_tail;		/* of the trees' margins on rows not called anomalous */
	Tail		tail;			/* of the margins */
} XgbodModel;

/* A compiled form opened in place. */
typedef struct XgbodState
{
	XgbodModel	model;
	XgbodLayout layout;
	const LoadedModel *base;
	const LoadedModel *trees;
} XgbodState;

#define XGBOD_BLOCK 64

extern const OptionSpec xgbod_specs[];
extern const int xgbod_nspecs;

/* Reads the own options; the others are the base's, which are checked too.  *base_common lists what the base passes over. */
extern void xgbod_read_options(ModelTask task, const Jsonb *params, const char *const *common,
							   XgbodOptions *options, const char *const **base_common);

/* The trees' parameters: what was given over the defaults. */
extern Jsonb *xgbod_boost_params(const Jsonb *given);

/* Bytes that a training takes beside the data. */
extern Size xgbod_train_bytes(const TrainSize *size);

extern void xgbod_train(const TrainRequest *request, TrainResult *result);

/* The parts of one encoded row's margin: the trees' evidence first, then what the base's components add; gives their number. */
extern int	xgbod_parts(const LoadedModel *model, const float *row, EnsemblePart parts[ENSEMBLE_MAX_COMPONENTS]);

/* xgbod_features.c */
extern void xgbod_layout(const LoadedModel *base, XgbodLayout *layout);

/* What the trees look at, nrows x layout->width, and the base's margins; nrows is at most XGBOD_BLOCK. */
extern void xgbod_augment(const LoadedModel *base, const XgbodLayout *layout, const int32 *limits,
						  const float *rows, int nrows, float *augmented, float *margins);

/* xgbod_artifact.c */
extern void xgbod_write(const XgbodModel *model, const StringInfoData *base, const StringInfoData *trees, StringInfo out);
extern void xgbod_compile(const char *artifact, Size len, StringInfo compiled);
extern XgbodState *xgbod_open_state(const char *compiled, Size len);

#endif							/* ANOMALY_XGBOD_H */
