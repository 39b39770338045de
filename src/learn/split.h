/*
 * split.h
 *	  Which rows train and which are held out.
 */
#ifndef LEARN_SPLIT_H
#define LEARN_SPLIT_H

/*
 * Marks round(nrows * share) rows as held out (1) in the given array, seeded;
 * with labels (class indexes) the share holds within every class (stratified),
 * and a class keeps at least one training row.
 */
extern void split_holdout(int64 nrows, double share, uint64 seed,
						  const float *labels, int nclasses, uint8 *held_out);

#endif							/* LEARN_SPLIT_H */
