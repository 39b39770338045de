/*
 * evaluate.h
 *	  What a version says of a source that holds the truth, beside that truth.
 */
#ifndef MODEL_EVALUATE_H
#define MODEL_EVALUATE_H

#include "utils/jsonb.h"

#include "learn/metrics.h"
#include "model/score.h"

/* What a caller may say about an evaluation. */
typedef struct EvaluateOptions
{
	char	   *target;			/* column of the truth; NULL = the one that it was trained on */
	char	   *group;			/* ranking: column of the groups; NULL = the same */
	double		quantile;		/* regression: of the pinball loss; 0 = the trained one, if any */
	double		threshold;		/* two classes: from this probability on class 1; 0 = the version's */
} EvaluateOptions;

/* A version's predictions on a source beside the truth. */
typedef struct Evaluation
{
	MemoryContext context;		/* holds all of it, the version too */
	const ModelVersion *version;
	Scored		scored;
	int64		nskipped;		/* rows that were left out: without a truth, or without a group */
	int64		nunknown;		/* of them, rows of a class that the model does not know */
} Evaluation;

/* Reads the options of the named function from jsonb, NULL for none; ERROR 22023. */
extern EvaluateOptions evaluate_options(const Jsonb *params, const char *function);

/*
 * Scores every row of the source and reads its truth, as the current user, in a child of the current
 * memory context; within aipipe.train_max_memory, metrics included (ERROR 53400).  No row with a truth
 * is ERROR 22023.
 */
extern Evaluation *evaluate_source(const ModelRef *ref, const char *source, const EvaluateOptions *options);

extern void evaluate_end(Evaluation *evaluation);

#endif							/* MODEL_EVALUATE_H */
