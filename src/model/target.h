/*
 * target.h
 *	  Reading the target column: class labels or values as float32.
 */
#ifndef MODEL_TARGET_H
#define MODEL_TARGET_H

#include "access/tupdesc.h"

#include "learn/algorithm.h"

typedef struct Target Target;

/* Prepares to read the column for the task; error 42804 when its type cannot be a target. */
extern Target *target_begin(TupleDesc desc, AttrNumber attno, ModelTask task, const char *name);

/* The same with the classes known (evaluation): labels that are none of them give NaN. */
extern Target *target_begin_known(TupleDesc desc, AttrNumber attno, ModelTask task, const char *name,
								  char **classes, int nclasses);

/*
 * Gives the row's label: a provisional class index or the value.  False for NULL
 * and NaN: such a row cannot teach.
 */
extern bool target_read(Target *target, const Datum *values, const bool *nulls, float *label);

/*
 * Sorts the classes (by the type's own order, positive last when given) and
 * rewrites the provisional indexes; error 22023 for one class or none, for a
 * constant or missing value, or when positive is no class.
 */
extern void target_finish(Target *target, float *labels, int64 nlabels, const char *positive,
						  char ***classes, int *nclasses);

/* Classes met so far. */
extern int	target_nclasses(const Target *target);

/* The index of the class that a person calls so among what target_finish() gave, or -1. */
extern int	target_class(const Target *target, const char *text, char **classes, int nclasses);

#endif							/* MODEL_TARGET_H */
