/*
 * xgboost_objective.h
 *	  What an objective of the library asks of a training: its target, where the
 *	  model starts, which metrics may say when to stop.
 */
#ifndef LEARN_XGBOOST_OBJECTIVE_H
#define LEARN_XGBOOST_OBJECTIVE_H

#include "learn/algorithm.h"

/* What the labels may be. */
typedef enum LabelDomain
{
	LABEL_ANY,
	LABEL_ABOVE_MINUS_ONE,
	LABEL_NOT_NEGATIVE,
	LABEL_POSITIVE,
	LABEL_GRADE,				/* 0 … 31, whole: their gain is 2^grade - 1 */
	LABEL_TWO_GRADES
} LabelDomain;

/* What a model starts from before its first tree. */
typedef enum BaseScore
{
	BASE_SHARE,					/* share of the positive class */
	BASE_HALF,					/* the same for every class or row */
	BASE_MEAN,
	BASE_MEDIAN,
	BASE_QUANTILE,
	BASE_LOG_MEAN,				/* mean of log(1 + label), turned back */
	BASE_POSITIVE_MEAN
} BaseScore;

#define XGBOOST_MAX_METRICS 6

typedef struct XgboostObjective
{
	const char *name;
	const char *library_name;	/* softmax and softprob learn the same trees */
	ModelTask	task;
	int			nclasses;		/* 0 = any number */
	LabelDomain labels;
	BaseScore	base;
	int			since_major;	/* first version of the library that has it; 0 = all that serve */
	int			since_minor;
	const char *metrics[XGBOOST_MAX_METRICS];	/* the first is the default */
} XgboostObjective;

/* A metric that can say when to stop. */
typedef struct XgboostMetric
{
	const char *name;			/* the library's, with what it wants behind an @ */
	bool		higher_is_better;
	LabelDomain labels;
} XgboostMetric;

/* Gives the objective of that name, or the task's default for NULL; nclasses is 0 while it is unknown; error 22023. */
extern const XgboostObjective *xgboost_objective(ModelTask task, int nclasses, const char *name);

/* Tells whether a round grows a tree for each class. */
extern bool xgboost_objective_multiclass(const XgboostObjective *objective);

/* Ends with error 0A000 when the library that is installed has no such objective. */
extern void xgboost_objective_check_library(const XgboostObjective *objective);

/* Ends with error 22003 when labels are not what the objective learns, or the metric (when given) scores. */
extern void xgboost_check_labels(const float *labels, int64 nrows, const XgboostObjective *objective,
								 const XgboostMetric *metric);

/* Gives the best constant to start from, away from where the link function ends; weights may be NULL. */
extern double xgboost_base_score(const XgboostObjective *objective, const float *labels, const float *weights,
								 int64 nrows, double quantile);

/* Finds the metric of that name, or the objective's default for NULL; error 22023. */
extern void xgboost_metric(const XgboostObjective *objective, const char *name, double tweedie_power,
						   XgboostMetric *metric);

#endif							/* LEARN_XGBOOST_OBJECTIVE_H */
