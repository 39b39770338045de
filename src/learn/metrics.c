/*-------------------------------------------------------------------------
 *
 * metrics.c
 *	  Metrics of predictions against the truth: the list, and all of them as JSON.
 *
 * The definitions are scikit-learn's; where it falls back to an arbitrary value
 * or warns, the metric is null here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/shmem.h"

#include "core/options.h"
#include "learn/metrics_private.h"

/* Gives the bytes that the metrics of so many rows take beside the rows. */
Size
metrics_estimate(int64 nrows)
{
	return mul_size(nrows, Max(sizeof(ScoredRow), sizeof(double)));
}

/* Gives the decisions' metrics of scored rows. */
static DecisionMetrics
decisions(const Scored *scored)
{
	int64	   *confusion = metrics_confusion(scored);
	DecisionMetrics metrics = metrics_decisions(confusion, scored->nclasses);

	pfree(confusion);
	return metrics;
}

/* Gives the log loss. */
static double
compute_log_loss(const Scored *scored)
{
	double		log_loss;
	double		brier;

	metrics_class_losses(scored, &log_loss, &brier);
	return log_loss;
}

/* Gives the Brier score. */
static double
compute_brier(const Scored *scored)
{
	double		log_loss;
	double		brier;

	metrics_class_losses(scored, &log_loss, &brier);
	return brier;
}

/* Gives the area under the ROC curve. */
static double
compute_auc(const Scored *scored)
{
	double		auc;
	double		average_precision;

	metrics_curves(scored, &auc, &average_precision);
	return auc;
}

/* Gives the average precision. */
static double
compute_pr_auc(const Scored *scored)
{
	double		auc;
	double		average_precision;

	metrics_curves(scored, &auc, &average_precision);
	return average_precision;
}

/* Gives the share of right decisions. */
static double
compute_accuracy(const Scored *scored)
{
	return decisions(scored).accuracy;
}

/* Gives the mean share of right decisions over the classes. */
static double
compute_balanced_accuracy(const Scored *scored)
{
	return decisions(scored).balanced_accuracy;
}

/* Gives the F1 score. */
static double
compute_f1(const Scored *scored)
{
	return decisions(scored).f1;
}

/* Gives the Matthews correlation coefficient. */
static double
compute_mcc(const Scored *scored)
{
	return decisions(scored).mcc;
}

/* Gives the precision. */
static double
compute_precision(const Scored *scored)
{
	return decisions(scored).precision;
}

/* Gives the recall. */
static double
compute_recall(const Scored *scored)
{
	return decisions(scored).recall;
}

/* Gives the root of the mean squared error. */
static double
compute_rmse(const Scored *scored)
{
	return metrics_values(scored).rmse;
}

/* Gives the mean absolute error. */
static double
compute_mae(const Scored *scored)
{
	return metrics_values(scored).mae;
}

/* Gives the share of the variance that is explained. */
static double
compute_r2(const Scored *scored)
{
	return metrics_values(scored).r2;
}

/* Gives the mean absolute error relative to the truth. */
static double
compute_mape(const Scored *scored)
{
	return metrics_values(scored).mape;
}

/* Gives the normalised discounted cumulative gain of whole groups. */
static double
compute_ndcg(const Scored *scored)
{
	return metrics_ndcg(scored, 0);
}

/* Gives the same of the ten best. */
static double
compute_ndcg_10(const Scored *scored)
{
	return metrics_ndcg(scored, 10);
}

/* The metrics by task; the first of a task is its default. */
static const struct TaskMetric
{
	ModelTask	task;
	Metric		metric;
}			task_metrics[] = {
	{TASK_CLASSIFICATION, {"log_loss", false, compute_log_loss}},
	{TASK_CLASSIFICATION, {"accuracy", true, compute_accuracy}},
	{TASK_CLASSIFICATION, {"auc", true, compute_auc}},
	{TASK_CLASSIFICATION, {"balanced_accuracy", true, compute_balanced_accuracy}},
	{TASK_CLASSIFICATION, {"brier", false, compute_brier}},
	{TASK_CLASSIFICATION, {"ece", false, metrics_calibration_error}},
	{TASK_CLASSIFICATION, {"f1", true, compute_f1}},
	{TASK_CLASSIFICATION, {"mcc", true, compute_mcc}},
	{TASK_CLASSIFICATION, {"pr_auc", true, compute_pr_auc}},
	{TASK_CLASSIFICATION, {"precision", true, compute_precision}},
	{TASK_CLASSIFICATION, {"recall", true, compute_recall}},
	{TASK_REGRESSION, {"rmse", false, compute_rmse}},
	{TASK_REGRESSION, {"mae", false, compute_mae}},
	{TASK_REGRESSION, {"mape", false, compute_mape}},
	{TASK_REGRESSION, {"median_absolute_error", false, metrics_median_absolute_error}},
	{TASK_REGRESSION, {"quantile_loss", false, metrics_quantile_loss}},
	{TASK_REGRESSION, {"r2", true, compute_r2}},
	{TASK_RANKING, {"ndcg", true, compute_ndcg}},
	{TASK_RANKING, {"map", true, metrics_map}},
	{TASK_RANKING, {"ndcg@10", true, compute_ndcg_10}},
};

/* Gives the metric of that name for the task. */
const Metric *
metric_find(const char *name, ModelTask task, int nclasses)
{
	const char *names[lengthof(task_metrics)];
	const char *nearest;
	int			n = 0;
	StringInfoData known;

	initStringInfo(&known);
	for (int i = 0; i < lengthof(task_metrics); i++)
	{
		const Metric *metric = &task_metrics[i].metric;

		if (task_metrics[i].task != task)
			continue;
		if (strcmp(metric->name, name) == 0)
			return metric;
		appendStringInfo(&known, "%s\"%s\"", n > 0 ? ", " : "", metric->name);
		names[n++] = metric->name;
	}
	nearest = options_nearest(name, names, n);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("task %s has no metric \"%s\"", algorithm_task_name(task), name),
			 n > 0 ? errdetail("Known are %s.", known.data) : 0,
			 nearest != NULL ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
	return NULL;				/* not reached */
}

/* Gives the metric that decides when none is named. */
const Metric *
metric_default(ModelTask task)
{
	for (int i = 0; i < lengthof(task_metrics); i++)
		if (task_metrics[i].task == task)
			return &task_metrics[i].metric;
	elog(ERROR, "task %s has no metric", algorithm_task_name(task));
}

/* Appends the metrics of a classification. */
static void
append_classification(const Scored *scored, StringInfo out)
{
	int64	   *confusion = metrics_confusion(scored);
	DecisionMetrics metrics = metrics_decisions(confusion, scored->nclasses);
	double		log_loss;
	double		brier;
	double		auc;
	double		pr_auc;

	metrics_class_losses(scored, &log_loss, &brier);
	metrics_curves(scored, &auc, &pr_auc);
	metrics_append(out, "log_loss", log_loss);
	metrics_append(out, "accuracy", metrics.accuracy);
	metrics_append(out, "balanced_accuracy", metrics.balanced_accuracy);
	metrics_append(out, "brier", brier);
	metrics_append(out, "ece", metrics_calibration_error(scored));
	metrics_append(out, "auc", auc);
	metrics_append(out, "pr_auc", pr_auc);
	metrics_append(out, "f1", metrics.f1);
	metrics_append(out, "precision", metrics.precision);
	metrics_append(out, "recall", metrics.recall);
	metrics_append(out, "mcc", metrics.mcc);
	if (scored->nclasses == 2)
		metrics_append(out, "base_rate", metrics.base_rate);
	if (scored->classes != NULL)
		metrics_append_classes(scored, confusion, out);
	pfree(confusion);
}

/* Appends the metrics of a regression. */
static void
append_regression(const Scored *scored, StringInfo out)
{
	ValueMetrics metrics = metrics_values(scored);

	metrics_append(out, "rmse", metrics.rmse);
	metrics_append(out, "mae", metrics.mae);
	metrics_append(out, "median_absolute_error", metrics_median_absolute_error(scored));
	metrics_append(out, "r2", metrics.r2);
	metrics_append(out, "mape", metrics.mape);
	metrics_append(out, "mean_error", metrics.mean_error);
	if (scored->quantile > 0)
		metrics_append(out, "quantile_loss", metrics_quantile_loss(scored));
}

/* Appends all metrics of the task to an open JSON object. */
void
metrics_append_all(const Scored *scored, StringInfo out)
{
	switch (scored->task)
	{
		case TASK_CLASSIFICATION:
			append_classification(scored, out);
			break;
		case TASK_REGRESSION:
			append_regression(scored, out);
			break;
		case TASK_RANKING:
			metrics_append(out, "ndcg", metrics_ndcg(scored, 0));
			metrics_append(out, "ndcg@10", metrics_ndcg(scored, 10));
			metrics_append(out, "map", metrics_map(scored));
			metrics_append(out, "groups", metrics_ngroups(scored));
			break;
		case TASK_ANOMALY:
		case TASK_SERIES:
		case TASK_ARRIVAL:
			break;
	}
}
