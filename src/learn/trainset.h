/*
 * trainset.h
 *	  Rows with all that belongs to them: labels, weights, groups, times.
 *
 * A training splits one set into parts (those that teach, those that say when
 * to stop or calibrate, those that only measure), a search into folds.
 */
#ifndef LEARN_TRAINSET_H
#define LEARN_TRAINSET_H

#include "core/matrix.h"

typedef struct TrainSet
{
	Matrix	   *rows;
	float	   *labels;			/* NULL for anomaly */
	float	   *weights;		/* NULL = all 1 */
	int32	   *groups;			/* ranking and splits by group: dense numbers, rows of one adjacent; or NULL */
	double	   *times;			/* splits by time; or NULL */
} TrainSet;

/* Bytes that a set of so many rows with the same arrays as this one takes. */
extern Size trainset_bytes(const TrainSet *like, int64 nrows);

/*
 * Copies the rows whose part is the wanted one, in their order, into a new set
 * in the current memory context.  Its bytes are charged to budget (0 = none),
 * which holds beside bytes already: error 53400 before it would be exceeded.
 */
extern TrainSet *trainset_copy(const TrainSet *from, const uint8 *part, uint8 wanted,
							   Size budget, Size beside, const char *what);

/* Keeps only the rows whose part is the wanted one, closing the gaps in place. */
extern void trainset_keep(TrainSet *set, const uint8 *part, uint8 wanted);

/* Brings the rows of a group together, in their order; the groups stand in that of their numbers. */
extern void trainset_sort_groups(TrainSet *set);

/* Bytes that it takes meanwhile: groups have no more numbers than there are rows. */
extern Size trainset_sort_bytes(const TrainSet *set);

/* Numbers the groups, whose rows stand together, anew without gaps. */
extern void trainset_number_groups(TrainSet *set);

/* Frees the set and its arrays. */
extern void trainset_free(TrainSet *set);

#endif							/* LEARN_TRAINSET_H */
