/*
 * split.h
 *	  Which rows train and which are held out.
 */
#ifndef LEARN_SPLIT_H
#define LEARN_SPLIT_H

#define SPLIT_MAX_FOLDS 255

/*
 * Marks round(nrows * share) rows as held out (1) in the given array, seeded;
 * with labels (class indexes) the share holds within every class (stratified),
 * and a class keeps at least one training row.
 */
extern void split_holdout(int64 nrows, double share, uint64 seed,
						  const float *labels, int nclasses, uint8 *held_out);

/*
 * Marks the latest round(nrows * share) rows as held out; rows of the same time
 * stay together on the side of the earlier ones.  A NaN time is the earliest.
 */
extern void split_latest(int64 nrows, double share, const double *times, uint8 *held_out);

/* Marks whole groups, chosen by seed, until about the share of the rows is held out; at least one group stays on each side. */
extern void split_groups(int64 nrows, double share, uint64 seed, const int32 *groups, uint8 *held_out);

/* Bytes that split_groups() and split_folds() with groups take beside their arguments. */
extern Size split_groups_bytes(int64 nrows, const int32 *groups);

/*
 * Gives every row the number of the fold, 0 … nfolds - 1, in which it measures: seeded; stratified
 * with labels; whole groups with groups.
 */
extern void split_folds(int64 nrows, int nfolds, uint64 seed, const float *labels, int nclasses,
						const int32 *groups, uint8 *fold);

/*
 * Time-ordered folds: gives every row the number of its slice, 0 … nfolds, of nfolds + 1 slices of
 * about the same size in order of time.  Fold f measures on slice f + 1 and learns from slices 0 … f.
 * Rows of the same time stay together, in the earlier slice; a slice may so be empty.
 */
extern void split_time_slices(int64 nrows, int nfolds, const double *times, uint8 *slice);

#endif							/* LEARN_SPLIT_H */
