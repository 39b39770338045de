/*
 * xgboost_options.h
 *	  What algorithm "xgboost" makes of a training's parameters.
 */
#ifndef LEARN_XGBOOST_OPTIONS_H
#define LEARN_XGBOOST_OPTIONS_H

#include "learn/algorithm.h"
#include "learn/xgb.h"

#define XGBOOST_MAX_PARAMS 40

typedef struct XgboostPlan
{
	XgbParam	params[XGBOOST_MAX_PARAMS]; /* for the library, in its names */
	int			nparams;
	uint8	   *categorical;	/* per feature: split by sets of categories */
	int			rounds;
	int			max_bin;
	bool		dart;
	int			patience;		/* early stopping: rounds without a better score; 0 = none */
	const char *metric;			/* of it, in the library's name */
	bool		higher_is_better;
} XgboostPlan;

/* Checks the parameters before any row is read; error 22023. */
extern void xgboost_check_options(ModelTask task, const Jsonb *params, const char *const *common);

/* The parameter of that name, or NULL. */
extern const OptionSpec *xgboost_option(const char *name);

/*
 * Checks parameters and target and plans the training; appends the effective
 * parameters as JSON.  What the objective cannot learn is an error.
 */
extern void xgboost_plan(const TrainRequest *request, XgboostPlan *plan, StringInfo effective);

/* Gives what the estimate of memory goes by; checks the parameters. */
extern void xgboost_size(const TrainSize *size, XgbSize *out);

#endif							/* LEARN_XGBOOST_OPTIONS_H */
