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
	double		resource;		/* rounds that a fold trained; NaN when the algorithm has none */
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
	Jsonb	   *summary;		/* what the version's params say under "search" */
	Size		peak_bytes;		/* most that was held or reserved beside the request's own rows */
} Search;

/*
 * Checks the value of option "search" before any row is read, with every
 * parameter that it would draw; error 22023.  params are all that were given to the training, "search"
 * and those named in common among them; seed is the training's.
 */
extern void search_check(const Jsonb *option, const Jsonb *params, const char *const *common,
						 uint64 seed, ModelTask task, const Algorithm *algorithm);

/*
 * Runs the trials on the rows of the set, which the template request points to, and gives what won.
 * Folds are made as the set allows (times: in order of time; groups: whole groups) unless the option says how;
 * with a validation set in the request each fold keeps the same share apart to stop by.
 * Everything lives in the current memory context.
 */
extern Search *search_run(const Jsonb *option, const TrainRequest *request, const Algorithm *algorithm,
						  const TrainSet *set);

/* Records the trials beside the version that they led to: called by registry_add_version(). */
extern void search_record(const Search *search, int64 model_id, int version);

#endif							/* MODEL_SEARCH_H */
