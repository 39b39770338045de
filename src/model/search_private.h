/*
 * search_private.h
 *	  What the files of the search share: its options, its space, its folds.
 *
 *		search.c (which trial runs when, and which wins)
 *		  ├─▶ search_space.c (what can be drawn, and draws)
 *		  └─▶ search_fold.c (rows into folds; one fold of one trial)
 */
#ifndef MODEL_SEARCH_PRIVATE_H
#define MODEL_SEARCH_PRIVATE_H

#include "model/search.h"

/* The value of option "search". */
typedef struct SearchOptions
{
	char	   *method;
	int64		trials;
	int64		folds;
	char	   *split;			/* NULL = as the set allows */
	char	   *metric;			/* NULL = the task's */
	int64		seed;			/* -1 = the training's */
	int64		reduction;
	int64		min_rounds;
	Jsonb	   *space;			/* NULL = the algorithm's */
} SearchOptions;

/* One parameter that is drawn: one of the choices, or a number between the bounds. */
typedef struct SearchParam
{
	const char *name;
	bool		integer;
	bool		log_scale;
	double		min;
	double		max;
	int			nchoices;		/* 0 = a range */
	char	  **choices;		/* JSON texts */
} SearchParam;

typedef struct SearchSpace
{
	bool		by_default;		/* the algorithm's own: its first trial draws nothing */
	int			nparams;
	SearchParam *params;
	const Jsonb *fixed;			/* the given parameters without "search" */
} SearchSpace;

/* Reads the space, or takes the algorithm's own less what is given; error 22023 naming the key. */
extern SearchSpace *space_read(const Jsonb *given_space, const Jsonb *params, const char *const *common,
							   const Algorithm *algorithm);

/* Has the algorithm check both ends of every range and every choice. */
extern void space_check(const SearchSpace *space, const char *const *common, ModelTask task,
						const Algorithm *algorithm);

/* Draws up to n different points as JSON objects; gives how many there are: fewer when the space is smaller. */
extern int	space_draw(const SearchSpace *space, int n, uint64 seed, Jsonb **points);

/* The fixed parameters with those of a point in them. */
extern Jsonb *space_apply(const SearchSpace *space, const Jsonb *point);

/* Appends the space as a JSON object. */
extern void space_to_json(const SearchSpace *space, StringInfo out);

/* Reads JSON that we wrote ourselves. */
extern Jsonb *search_jsonb(const char *text);

/* The number of that key, or the default when it is absent. */
extern double search_number(const Jsonb *params, const char *key, double dflt);

/* Whether the key is there with that text. */
extern bool search_has_text(const Jsonb *object, const char *key, const char *text);

typedef enum SearchSplit
{
	SEARCH_RANDOM,
	SEARCH_STRATIFIED,
	SEARCH_TIME,
	SEARCH_GROUP
} SearchSplit;

/* By SearchSplit, NULL-terminated. */
extern const char *const search_split_names[];

/* The rows in folds. */
typedef struct SearchFolds
{
	const TrainRequest *request;	/* the template: all rows */
	const TrainSet *set;
	const Algorithm *algorithm;
	const Metric *metric;
	SearchSplit split;
	int			nfolds;
	uint64		seed;
	double		stop_share;		/* of a fold's learning rows kept apart to stop by; 0 = none */
	uint8	   *number;			/* fold or slice of every row */
	uint8	   *part;			/* what a row is for in the fold at hand */
	Size		held;			/* bytes of these two arrays */
	Size		peak;			/* most bytes that a fold held or reserved, with these */
} SearchFolds;

/* Checks a split that was asked for against the task and the training's own split. */
extern void folds_check(const char *split, const Jsonb *params, ModelTask task);

/* Divides the rows; an error when a fold would have no rows to learn from or to measure on. */
extern SearchFolds *folds_make(const TrainRequest *request, const TrainSet *set, const Algorithm *algorithm,
							   const SearchOptions *options, uint64 seed);

/* Trains on all but one fold with these parameters and gives the metric on that one; NaN when it is undefined. */
extern double folds_score(SearchFolds *folds, int fold, const Jsonb *params);

#endif							/* MODEL_SEARCH_PRIVATE_H */
