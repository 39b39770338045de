/*
 * search.h
 *	  Hyper-parameter search: which parameters train best, by measured trials.
 *
 * A trial trains on all folds but one and measures on that one, for every fold;
 * its mean decides.  No booster outlives its fold.
 */
#ifndef MODEL_SEARCH_H
#define MODEL_SEARCH_H

#include "learn/algorithm.h"
#include "learn/metrics.h"

/* One trial at one rung (successive halving gives survivors more rounds rung by rung). */
typedef struct SearchTrial
{
	int			trial;			/* 1 … */
	int			rung;			/* 0 … */
	char	   *params;			/* JSON: what was drawn */
	int			nfolds;
	double	   *scores;			/* of the folds; NaN = not reached or undefined */
	double		mean;			/* NaN when the trial failed */
	double		resource;		/* rounds that a fold trained */
	double		cpu_seconds;
	const char *state;			/* "completed", "eliminated", "failed", "chosen" */
	char	   *error;			/* or NULL */
} SearchTrial;

typedef struct Search
{
	const Metric *metric;
	int			ntrials;		/* entries of trials */
	SearchTrial *trials;
	Jsonb	   *params;			/* the given parameters without "search", with the chosen ones in them */
} Search;

/* Checks option "search" before any row is read; error 22023. */
extern void search_check(const Jsonb *option, ModelTask task, const Algorithm *algorithm);

/*
 * Runs the trials on the rows of the template request (its rows, labels, weights, groups; validation
 * unused) and the set's times, and gives what won.  Everything lives in the current memory context.
 */
extern Search *search_run(const Jsonb *option, const TrainRequest *request, const Algorithm *algorithm,
						  const TrainSet *set);

/* Records the trials beside the version that they led to: called by registry_add_version(). */
extern void search_record(const Search *search, int64 model_id, int version);

#endif							/* MODEL_SEARCH_H */
