/*
 * test.h
 *	  Is one version better than another?  Choosing a statistical test and running it.
 */
#ifndef MODEL_TEST_H
#define MODEL_TEST_H

#include "utils/jsonb.h"

#include "learn/stats.h"
#include "model/paired.h"

/* Options of model_test(), and of the check of a promotion. */
typedef struct TestOptions
{
	char	   *test;			/* NULL = the usual one of metric or task */
	char	   *metric;			/* NULL = the usual one of test or task */
	char	   *method;			/* of McNemar's test */
	double		alpha;
	int64		resamples;
	int64		seed;
	char	   *target;			/* columns of the source; NULL = as the version was trained */
	char	   *group;
	double		quantile;		/* of metric quantile_loss; 0 = the one that the version learned */
	/* of a check alone */
	char	   *source;
	char	   *require;		/* "not_worse" or "better" */
	double		margin;
} TestOptions;

/* Reads model_test()'s options; ERROR 22023. */
extern void test_read_options(const Jsonb *params, TestOptions *options);

/* Reads a check's options, the test among them; ERROR 22023. */
extern void test_read_check(const Jsonb *check, TestOptions *options);

/* The check's options as they took effect, as JSON. */
extern void test_write_check(const TestOptions *options, StringInfo out);

/* The tests. */
typedef enum TestKind
{
	TEST_DELONG,
	TEST_MCNEMAR,
	TEST_BOOTSTRAP,
	TEST_PAIRED_T
} TestKind;

typedef struct TestResult
{
	TestKind	kind;
	const Metric *metric;
	int64		n;				/* rows */
	int64		nskipped;
	double		quantile;		/* that quantile_loss is about */
	int64		alone[2];		/* McNemar: rows that only one side got right */
	double		alpha;
	StatsDifference difference; /* of side 0 less side 1 */
} TestResult;

/* Chooses test and metric; ERROR 22023 when they do not go with the task or each other. */
extern void test_choose(const TestOptions *options, ModelTask task, int nclasses, TestResult *result);

/* Chooses a test, scores the source with both versions and runs it. */
extern void test_versions(const ModelRef refs[2], const char *source, const TestOptions *options, TestResult *result);

/* Runs the chosen test. */
extern void test_run(const Paired *rows, const TestOptions *options, TestResult *result);

extern const char *test_name(TestKind kind);

/* How far side 0 is ahead: the difference, turned so that more is better; with the bounds of its interval. */
extern double test_lead(const TestResult *result, double *low, double *high);

/* "better", "worse" or "no difference" at level alpha, of side 0. */
extern const char *test_verdict(const TestResult *result);

/* The result as the JSON of model_test(). */
extern void test_write(const TestResult *result, int version, int other_version, StringInfo out);

/* measure.c: the parts that the live comparison uses too. */

/* Both sides' probabilities of the positive class, and the truth, as the areas take them. */
extern double *measure_scores(const Paired *rows, int side);
extern uint8 *measure_positive(const Paired *rows);

/* Whether the metric is a mean over rows (or the root of one), so that rows have losses of their own. */
extern bool measure_has_losses(const char *metric, bool *root);

/* Every row's loss (squared where root) on one side. */
extern double *measure_losses(const Paired *rows, int side, const Metric *metric, bool root);

/* A StatsFigures for any metric: resamples of rows, or of groups where there are some. */
typedef struct MeasureResample
{
	const Paired *rows;
	const Metric *metric;
	int64		nunits;
	int64	   *starts;			/* first row of each unit, and the end; NULL when a row is one */
	int64		capacity;
	float	   *values;
	float	   *labels;
	int32	   *groups;
	MemoryContext scratch;		/* reset per resample */
} MeasureResample;

extern void measure_resample_begin(MeasureResample *resample, const Paired *rows, const Metric *metric);
extern void measure_resample_figures(void *arg, const uint32 *times, double figures[2]);

#endif							/* MODEL_TEST_H */
