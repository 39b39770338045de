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

typedef struct TrainSpec
{
	const char *function;		/* "model_train", for messages */
	const char *model;
	ModelTask	task;
	const char *source;
	const char *target;			/* anomaly: the labels, or NULL: learn without any */
	List	   *columns;			/* of char *; NIL = all but the target */
	const char *algorithm;		/* NULL = the task's default */
	Jsonb	   *params;			/* common options and the algorithm's own; NULL = none */
} TrainSpec;

/* Trains and registers the next version as the current user; gives its number. */
extern int	train_version(const TrainSpec *spec);

#endif							/* MODEL_TRAIN_H */
