/*
 * paired.h
 *	  What two versions say of the same rows, beside the truth.
 *
 * A source is scanned once and each row is scored by both.  The versions may know
 * other features and other classes: probabilities are those of all classes that
 * either knows, 0 for one that a version does not.
 */
#ifndef MODEL_PAIRED_H
#define MODEL_PAIRED_H

#include "learn/metrics.h"
#include "model/cache.h"

/* Side 0 is the version that is judged, side 1 the one that it is judged against. */
typedef struct Paired
{
	ModelTask	task;
	int64		nrows;
	int64		nskipped;		/* rows of the source without a usable label, or without a group */
	int			nclasses;		/* classification: of both together; the last of two is the positive one */
	char	  **classes;
	int			nvalues;		/* floats a row on each side: nclasses, or 1 */
	float	   *values[2];		/* side 1 may be NULL: then there is but one */
	float	   *labels;			/* class index, value or relevance */
	int32	   *groups;			/* ranking: 0 …, rows of a group adjacent; else NULL */
	double		threshold[2];	/* as in Scored */
	const int  *pair[2];		/* as in Scored: a version of two classes decides for them by its own threshold */
	double		quantile;		/* as in Scored; when it is 0, paired_read() takes the one that side 0 learned, or 0.5 */
} Paired;

/* Where the truth stands in the source; NULL = as the version was trained. */
typedef struct PairedColumns
{
	const char *target;
	const char *group;
} PairedColumns;

typedef struct PairedScan PairedScan;

/*
 * Resolves the source and binds both versions to it as the current user, in the current
 * memory context; *rows has the task and the classes then.
 */
extern PairedScan *paired_begin(const ModelRef refs[2], const char *source, Paired *rows);

/* Reads and scores the source; the task has a target. Error 22023 when no row has a usable label. */
extern void paired_read(PairedScan *scan, const PairedColumns *columns);

/* The rows of one side, for the metrics. */
extern Scored paired_side(const Paired *rows, int side);

#endif							/* MODEL_PAIRED_H */
