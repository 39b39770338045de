/*
 * train.h
 *	  From a source of rows to a new version: the one way to train.
 */
#ifndef MODEL_TRAIN_H
#define MODEL_TRAIN_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "core/source.h"
#include "learn/algorithm.h"
#include "model/cache.h"

typedef struct TrainSpec
{
	const char *function;		/* "model_train", for messages */
	const char *model;
	ModelTask	task;
	const char *source;
	Source	   *rows;			/* what source was resolved to, or a part of it; NULL = it is to be resolved */
	const char *target;			/* anomaly: the labels, or NULL: learn without any */
	List	   *columns;			/* of char *; NIL = all but the target */
	List	   *exclude;			/* of char *: columns that are no features unless they are listed; NIL = none */
	const char *algorithm;		/* NULL = the task's default */
	Jsonb	   *params;			/* common options and the algorithm's own; NULL = none */
	int64		least_rows;		/* train_transient() gives NULL for fewer rows; 0 = a source without rows is an error */
} TrainSpec;

/* Trains and registers the next version as the current user; gives its number. */
extern int	train_version(const TrainSpec *spec);

/*
 * Trains without storing anything: a version that lives in the memory context,
 * number 0 of a model of the spec's name, and the rows that taught it.  No model
 * needs to exist, and no right on one is checked.  NULL when there are fewer rows
 * than the spec's least; then nrows is how many there are.
 */
extern const ModelVersion *train_transient(const TrainSpec *spec, MemoryContext context, int64 *nrows);

#endif							/* MODEL_TRAIN_H */
