/*-------------------------------------------------------------------------
 *
 * compare_judge.c
 *	  A version's metric on labelled predictions, and its difference to the champion.
 *
 * Where a version and the champion scored the same keys (a challenger), the
 * difference is tested on those pairs.  Where each scored keys of its own (an arm of a
 * split), it is the difference of two independent samples.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "core/options.h"
#include "model/compare.h"

/* Metrics of labelled predictions by task, and the test of their paired difference. */
static const struct LiveMetric
{
	ModelTask	task;
	const char *name;
	TestKind	kind;
}			live_metrics[] = {
	{TASK_CLASSIFICATION, "auc", TEST_DELONG},
	{TASK_CLASSIFICATION, "accuracy", TEST_MCNEMAR},
	{TASK_CLASSIFICATION, "brier", TEST_PAIRED_T},
	{TASK_CLASSIFICATION, "log_loss", TEST_PAIRED_T},
	{TASK_REGRESSION, "rmse", TEST_BOOTSTRAP},
	{TASK_REGRESSION, "mae", TEST_PAIRED_T},
};

/* Gives the metric of that name, or the task's usual one. */
const Metric *
compare_metric(const char *name, ModelTask task)
{
	const char *names[lengthof(live_metrics)];
	int			n = 0;
	const char *nearest;

	for (int i = 0; i < lengthof(live_metrics); i++)
	{
		if (live_metrics[i].task != task)
			continue;
		if (name == NULL || strcmp(live_metrics[i].name, name) == 0)
			return metric_find(live_metrics[i].name, task, 2);
		names[n++] = live_metrics[i].name;
	}
	nearest = options_nearest(name, names, n);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("metric \"%s\" is none of the live comparison", name),
			 errdetail("It knows auc, accuracy, brier and log_loss of two classes, rmse and mae of values."),
			 nearest != NULL ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
	return NULL;				/* not reached */
}

/* Gives the test of a metric's paired difference. */
static TestKind
metric_test(const Metric *metric)
{
	int			i = 0;

	while (strcmp(live_metrics[i].name, metric->name) != 0)
		i++;
	return live_metrics[i].kind;
}

/* Makes room for paired rows of two sides, or of one. */
static Paired *
make_rows(ModelTask task, int64 capacity, int nsides)
{
	Paired	   *rows = palloc0(sizeof(Paired));

	rows->task = task;
	rows->nclasses = task == TASK_CLASSIFICATION ? 2 : 0;
	rows->nvalues = task == TASK_CLASSIFICATION ? 2 : 1;
	rows->labels = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(capacity + 1, sizeof(float)));
	for (int side = 0; side < nsides; side++)
		rows->values[side] = MemoryContextAllocHuge(CurrentMemoryContext,
													mul_size(mul_size(capacity + 1, rows->nvalues), sizeof(float)));
	return rows;
}

/* Where the classes of a version stand whose positive class is the champion's other one. */
static const int flipped_pair[2] = {1, 0};

/* Says how a version decides. */
static void
set_decision(Paired *rows, int side, const ComparedVersion *version)
{
	rows->threshold[side] = version->threshold;
	rows->pair[side] = version->flipped ? flipped_pair : NULL;
}

/* Puts one prediction in its place. */
static void
put_row(Paired *rows, int side, const ComparedRow *row)
{
	int			positive = rows->pair[side] != NULL ? rows->pair[side][1] : 1;
	float	   *out = rows->values[side] + (size_t) rows->nrows * rows->nvalues;

	if (rows->nvalues == 1)
		out[0] = row->prediction;
	else
	{
		out[1 - positive] = 1 - row->prediction;
		out[positive] = row->prediction;
	}
	rows->labels[rows->nrows] = row->label;
}

/* Gives the rows of one version. */
static Paired *
rows_of(const ComparedVersion *version, ModelTask task)
{
	Paired	   *rows = make_rows(task, version->nrows, 1);

	set_decision(rows, 0, version);
	for (int64 i = 0; i < version->nrows; i++)
	{
		put_row(rows, 0, &version->rows[i]);
		rows->nrows++;
	}
	return rows;
}

/* Gives the rows of the keys that both versions scored. */
static Paired *
pairs_of(const ComparedVersion *version, const ComparedVersion *champion, ModelTask task)
{
	Paired	   *rows = make_rows(task, Min(version->nrows, champion->nrows), 2);
	int64		j = 0;

	set_decision(rows, 0, version);
	set_decision(rows, 1, champion);
	for (int64 i = 0; i < version->nrows; i++)
	{
		while (j < champion->nrows && champion->rows[j].key < version->rows[i].key)
			j++;
		if (j == champion->nrows)
			break;
		if (champion->rows[j].key != version->rows[i].key)
			continue;
		put_row(rows, 1, &champion->rows[j]);
		put_row(rows, 0, &version->rows[i]);
		rows->nrows++;
	}
	return rows;
}

/* Measures the area under the ROC curve. */
static void
measure_auc(const Paired *rows, double alpha, Judgement *out)
{
	StatsAucs	aucs;

	stats_delong(rows->nrows, measure_scores(rows, 0), NULL, measure_positive(rows), &aucs);
	out->measured = !isnan(aucs.auc[0]);
	out->value = aucs.auc[0];
	out->variance = aucs.variance[0];
	stats_auc_interval(out->value, out->variance, alpha, &out->low, &out->high);
}

/* Measures a mean of losses, or the root of one. */
static void
measure_mean(const Paired *rows, const Metric *metric, bool root, const TestOptions *options, Judgement *out)
{
	double	   *losses = measure_losses(rows, 0, metric, root);
	StatsMoments moments = {0};

	for (int64 row = 0; row < rows->nrows; row++)
		stats_moments_add(&moments, losses[row]);
	out->measured = true;
	out->value = moments.mean;
	out->variance = stats_variance(&moments) / (double) moments.n;
	stats_mean_interval(&moments, options->alpha, &out->low, &out->high);
	if (root)
	{
		StatsMeans	means = {rows->nrows, {losses, NULL}, true};
		StatsBootstrap bootstrap;

		/* the variance of a root by the delta method */
		out->variance = moments.mean > 0 ? out->variance / (4 * moments.mean) : 0;
		stats_bootstrap(rows->nrows, (int) options->resamples, (uint64) options->seed, options->alpha,
						stats_mean_figures, &means, &bootstrap);
		out->value = bootstrap.difference.first;
		out->low = bootstrap.low[0];
		out->high = bootstrap.high[0];
	}
	out->right = (int64) rint(moments.mean * (double) moments.n);
	if (strcmp(metric->name, "accuracy") == 0)
	{
		out->value = (double) out->right / (double) rows->nrows;
		stats_wilson(out->right, rows->nrows, options->alpha, &out->low, &out->high);
	}
}

/* Measures one version's labelled predictions. */
void
compare_measure(const ComparedVersion *version, ModelTask task, const Metric *metric,
				const TestOptions *options, Judgement *out)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe model measure", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	bool		root;

	memset(out, 0, sizeof(Judgement));
	if (version->nrows > 0 && measure_has_losses(metric->name, &root))
		measure_mean(rows_of(version, task), metric, root, options, out);
	else if (version->nrows > 0)
		measure_auc(rows_of(version, task), options->alpha, out);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Says whether the pairs suffice for the test. */
static bool
pairs_suffice(const Paired *rows, TestKind kind)
{
	int64		positive = 0;

	if (kind != TEST_DELONG)
		return rows->nrows >= 2;
	for (int64 row = 0; row < rows->nrows; row++)
		positive += rows->labels[row] > 0.5f;
	return positive >= 2 && rows->nrows - positive >= 2;
}

/* Compares two versions that scored keys of their own. */
static void
compare_independent(const ComparedVersion *version, const Judgement *judged,
					const ComparedVersion *champion, const Judgement *champion_judged,
					const Metric *metric, double alpha, Comparison *out)
{
	double		variance = judged->variance + champion_judged->variance;

	if (!judged->measured || !champion_judged->measured || isnan(variance))
		return;
	stats_normal_difference(judged->value, champion_judged->value, variance, alpha, &out->difference);
	if (strcmp(metric->name, "accuracy") == 0)
	{
		StatsTest	test = stats_two_shares(judged->right, version->nrows, champion_judged->right, champion->nrows);

		out->difference.statistic = test.statistic;
		out->difference.p_value = test.p_value;
	}
	out->test = "independent z";
}

/* Compares a version with the champion: on the keys that both scored where most are, else as independent samples. */
void
compare_difference(const ComparedVersion *version, const Judgement *judged,
				   const ComparedVersion *champion, const Judgement *champion_judged,
				   ModelTask task, const Metric *metric, const TestOptions *options, Comparison *out)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe model compare", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Paired	   *rows = pairs_of(version, champion, task);
	TestResult	result = {metric_test(metric), metric};

	memset(out, 0, sizeof(Comparison));
	out->pairs = rows->nrows;
	result.alpha = options->alpha;
	if (2 * rows->nrows < version->nrows)
		compare_independent(version, judged, champion, champion_judged, metric, options->alpha, out);
	else if (pairs_suffice(rows, result.kind))
	{
		test_run(rows, options, &result);
		out->difference = result.difference;
		out->test = test_name(result.kind);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
