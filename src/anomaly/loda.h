/*
 * loda.h
 *	  How the files of LODA call each other.
 *
 *		loda_draw.c			which inputs, on which scale; the random projections
 *		loda_learn.c		histograms: from rows, and from more rows later
 *		loda_score.c		the kernel: a block of rows -> excess bits
 *		loda_explain.c		which columns make a row strange
 *		loda_artifact.c		artifact
 *		loda_compiled.c		compiled form
 *		loda.c				the algorithm behind learn/algorithm.h
 *
 * LODA (Pevný 2016: "Loda: Lightweight on-line detector of anomalies") looks at
 * rows through many sparse random projections, each with a histogram of its own.
 */
#ifndef ANOMALY_LODA_H
#define ANOMALY_LODA_H

#include "common/pg_prng.h"

#include "learn/algorithm.h"
#include "learn/severity.h"

#define LODA_MAX_FEATURES 32000
#define LODA_MAX_PROJECTIONS 1000

/* What an empty place of a histogram is taken for, in rows. */
#define LODA_FLOOR 0.5

/* Bins of the histograms: chosen ones divide LODA_FINE; told ones and those of grown histograms are at most LODA_MAX_BINS. */
#define LODA_FINE 192
#define LODA_MAX_CHOSEN 64
#define LODA_MAX_BINS 384

/* Bounds of what is drawn and laid out, so that no sum of an artifact leaves the floats. */
#define LODA_MAX_INPUTS 256
#define LODA_MAX_WEIGHT 10.0f
#define LODA_MAX_CODE 100.0f
#define LODA_MAX_FROM 4e6f
#define LODA_MIN_WIDTH 1e-6f
#define LODA_MAX_WIDTH 1e6f

/* Rows that are scored at a time, and those of them that are added up together. */
#define LODA_BLOCK 64
#define LODA_LANES 16

/* Standard deviations up to which a number is taken as it is; beyond, only its logarithm counts. */
#define LODA_LINEAR 5.0f

typedef struct LodaOptions
{
	int64		bins;			/* 0 = chosen */
	int64		projections;
} LodaOptions;

/* A feature that projections use, and how it comes to a common scale. */
typedef struct LodaInput
{
	int32		feature;
	int32		column;			/* the encoder's column; without encoder, the feature */
	float		centre;			/* numbers */
	float		scale;			/* > 0 */
	int32		ncodes;			/* > 0: a category, by its code; the last one is for those never seen */
	float	   *codes;
} LodaInput;

/* A projection and what it showed: nbins bins of one width, and two tails. */
typedef struct LodaProjection
{
	int32		ninputs;
	int32	   *input;			/* ascending */
	float	   *weight;
	float		from;
	float		width;			/* of a bin */
	int32		nbins;
	double	   *count;			/* rows, decayed ones with their weight */
	double		below;
	double		above;
} LodaProjection;

/* All that was learned. */
typedef struct Loda
{
	int32		nfeatures;
	double		rows;			/* decayed ones with their weight */
	int32		ninputs;
	LodaInput  *inputs;
	int32		nprojections;
	LodaProjection *projections;
} Loda;

/* The compiled form, opened in place; all arrays lie in it. */
typedef struct LodaState
{
	int32		nfeatures;
	int32		ninputs;
	int32		nprojections;
	const int32 *feature;		/* per input */
	const int32 *column;
	const float *centre;
	const float *inverse;		/* 1 / scale */
	const int32 *code_first;	/* ninputs + 1 */
	const float *codes;
	const int32 *entry_first;	/* nprojections + 1 */
	const int32 *entry_input;
	const float *entry_weight;
	const float *from;			/* per projection */
	const float *inverse_width;
	const float *below;			/* excess bits at the edges */
	const float *above;
	const int32 *cell_first;	/* nprojections + 1 */
	const float *cells;			/* excess bits per bin */
	SeverityTable severity;
} LodaState;

/* loda_draw.c */

/* Finds the inputs and draws the projections, without histograms. */
extern void loda_draw(const TrainRequest *request, const LodaOptions *options, Loda *loda);

/* Rows that scales and ranges are read off. */
extern int64 loda_sample_rows(int64 nrows);

/* loda_score.c */

/*
 * Makes what projecting needs of what was learned so far, in CurrentMemoryContext; unseen:
 * what judges a row that was counted as though it had not been.
 */
extern LodaState *loda_view(const Loda *loda, bool unseen);

/*
 * A block's rows on the common scale: input-major, LODA_BLOCK floats an input;
 * NaN = missing.  Lanes without a row are zero.
 */
extern void loda_scale(const LodaState *state, const float *rows, int nrows, float *inputs);

/* The values of a projection for a block on the common scale; out has LODA_BLOCK floats. */
extern void loda_project(const LodaState *state, int projection, const float *inputs, int nrows, float *out);

/* Excess bits of one value of a projection; not for NaN. */
extern float loda_excess(const LodaState *state, int projection, float value);

/* Mean excess bits of the projections that miss no input; 0 without any. */
extern void loda_margin(const LodaState *state, const float *rows, int nrows, float *out);

/* loda_learn.c */

/* Makes the histograms of drawn projections. */
extern void loda_learn(const TrainRequest *request, const LodaOptions *options, Loda *loda);

/* Adds more rows: one of them counts 1, what was known keep. */
extern void loda_add(const TrainRequest *request, double keep, Loda *loda);

/* loda_explain.c */
extern void loda_explain(const LoadedModel *model, const float *row, int output, double *phi);
extern bool loda_cell(const LoadedModel *model, const Encoder *encoder, const float *row, int column, CellReason *reason);
extern void loda_importance(const LoadedModel *model, double *gain, double *cover, double *weight);

/* loda_artifact.c */
extern void loda_write(const Loda *loda, const Severity *severity, StringInfo out);

/* Error 22023 unless it is sound. */
extern void loda_read(const char *artifact, Size len, Loda *loda, Severity *severity);

/* loda_compiled.c */
extern void loda_compile(const Loda *loda, const Severity *severity, bool unseen, StringInfo compiled);

/* Error XX001 when anything is off. */
extern void loda_open(const char *compiled, Size len, LodaState *state);

#endif							/* ANOMALY_LODA_H */
