/*
 * compare.h
 *	  The live comparison of versions by recorded predictions and late labels.
 *
 *		compare.c			model_compare(): options, and the result's rows
 *		compare_read.c		what the tables hold
 *		compare_judge.c		a version's metric, and its difference to the champion
 */
#ifndef MODEL_COMPARE_H
#define MODEL_COMPARE_H

#include "utils/timestamp.h"

#include "model/registry.h"
#include "model/test.h"

/* The newest labelled prediction of one key. */
typedef struct ComparedRow
{
	int64		key;			/* number of the key, ascending */
	float		prediction;		/* probability of the version's own positive class, or value */
	float		label;			/* 0 or 1, or value */
} ComparedRow;

typedef struct ComparedVersion
{
	int			version;
	char	   *role;
	int64		predicted;
	int64		served;
	double		threshold;		/* as in Scored */
	bool		flipped;		/* its positive class is the champion's other one */
	bool		foreign;		/* its classes are not the champion's: its predictions are of something else */
	int64		nrows;
	int64		capacity;
	ComparedRow *rows;
} ComparedVersion;

/* What a version's predictions are worth. */
typedef struct Judgement
{
	bool		measured;
	double		value;
	double		low;
	double		high;
	double		variance;		/* of the value */
	int64		right;			/* accuracy: right decisions */
} Judgement;

/* How a version differs from the champion. */
typedef struct Comparison
{
	const char *test;			/* NULL = too little to compare */
	int64		pairs;			/* keys that both scored */
	StatsDifference difference;
} Comparison;

typedef struct CompareOptions
{
	TestOptions test;			/* alpha, metric, resamples, seed, method */
	char	   *since;
	int64		max_rows;
} CompareOptions;

/* The versions that share the keys out, and whether each got its share. */
typedef struct Arms
{
	int			narms;
	int		   *versions;
	int64	   *keys;
	double	   *shares;
	double		total;
	double		p_value;		/* NaN while no key was served */
} Arms;

/* A comparison that is being made. */
typedef struct Compare
{
	ModelRef	ref;			/* of the champion */
	ModelTask	task;			/* detectors are compared as classifications */
	CompareOptions options;
	const Metric *metric;		/* NULL = the task has none */
	char	   *classes[2];		/* of the champion; the positive one last */
	int			nversions;
	ComparedVersion *versions;
	ComparedVersion *champion;	/* NULL without predictions */
	int64		nlabelled;		/* predictions with a label, all versions */
	int64		nrows;
	int64		nunusable;		/* labels that the metric cannot read */
	int64		key;			/* number of the last key */
	char	   *last_key;
} Compare;

/* Chooses the metric, where the task has one that single predictions can be measured by; ERROR 22023 for one that is none. */
extern void compare_choose_metric(Compare *compare);

/* Reads versions and labelled predictions of a window, with a NOTICE when there are more than are to be taken. */
extern void compare_read(Compare *compare, TimestampTz since);

/* Reads how many keys each version of the split was served to. */
extern Arms compare_read_arms(const Compare *compare, TimestampTz since);

/* Which metrics the live comparison knows for the task; the first is the usual one. */
extern const Metric *compare_metric(const char *name, ModelTask task);

extern void compare_measure(const ComparedVersion *version, ModelTask task, const Metric *metric,
							const TestOptions *options, Judgement *out);

extern void compare_difference(const ComparedVersion *version, const Judgement *judged,
							   const ComparedVersion *champion, const Judgement *champion_judged,
							   ModelTask task, const Metric *metric, const TestOptions *options, Comparison *out);

#endif							/* MODEL_COMPARE_H */
