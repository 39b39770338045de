/*-------------------------------------------------------------------------
 *
 * xgboost_objective.c
 *	  What an objective of the library asks of a training.
 *
 * A target outside of an objective's domain is an error here rather than a model
 * that says nothing; the score that a model starts from is explicit, so that it does
 * not depend on the version of the library.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "learn/xgb.h"
#include "learn/xgboost_objective.h"

/* Probabilities and rates that a model starts from stay this far from where the link function ends. */
#define BASE_MARGIN 1e-6

/* The library's limit: 2^grade - 1 is the gain of a row. */
#define MAX_GRADE 31

#define CLASSIFICATION TASK_CLASSIFICATION
#define REGRESSION TASK_REGRESSION
#define RANKING TASK_RANKING

/* The first that fits is the default of its task. */
static const XgboostObjective objectives[] = {
	{"binary:logistic", "binary:logistic", CLASSIFICATION, 2, LABEL_ANY, BASE_SHARE, 0, 0,
	{"logloss", "auc", "aucpr", "error"}},
	{"multi:softprob", "multi:softprob", CLASSIFICATION, 0, LABEL_ANY, BASE_HALF, 0, 0,
	{"mlogloss", "auc", "merror"}},
	{"multi:softmax", "multi:softprob", CLASSIFICATION, 0, LABEL_ANY, BASE_HALF, 0, 0,
	{"mlogloss", "auc", "merror"}},
	{"reg:squarederror", "reg:squarederror", REGRESSION, 0, LABEL_ANY, BASE_MEAN, 0, 0,
	{"rmse", "mae", "mape"}},
	{"reg:absoluteerror", "reg:absoluteerror", REGRESSION, 0, LABEL_ANY, BASE_MEDIAN, 0, 0,
	{"mae", "mape", "rmse"}},
	{"reg:pseudohubererror", "reg:pseudohubererror", REGRESSION, 0, LABEL_ANY, BASE_MEDIAN, 0, 0,
	{"mphe", "mae", "mape", "rmse"}},
	{"reg:quantileerror", "reg:quantileerror", REGRESSION, 0, LABEL_ANY, BASE_QUANTILE, 2, 0,
	{"quantile", "mae", "mape", "rmse"}},
	{"reg:squaredlogerror", "reg:squaredlogerror", REGRESSION, 0, LABEL_ABOVE_MINUS_ONE, BASE_LOG_MEAN, 0, 0,
	{"rmsle", "mae", "mape", "rmse"}},
	{"count:poisson", "count:poisson", REGRESSION, 0, LABEL_NOT_NEGATIVE, BASE_POSITIVE_MEAN, 0, 0,
	{"poisson-nloglik", "mae", "mape", "rmse", "rmsle"}},
	{"reg:gamma", "reg:gamma", REGRESSION, 0, LABEL_POSITIVE, BASE_POSITIVE_MEAN, 0, 0,
	{"gamma-nloglik", "gamma-deviance", "mae", "mape", "rmse", "rmsle"}},
	{"reg:tweedie", "reg:tweedie", REGRESSION, 0, LABEL_NOT_NEGATIVE, BASE_POSITIVE_MEAN, 0, 0,
	{"tweedie-nloglik", "mae", "mape", "rmse", "rmsle"}},
	{"rank:ndcg", "rank:ndcg", RANKING, 0, LABEL_GRADE, BASE_HALF, 0, 0,
	{"ndcg", "map"}},
	{"rank:pairwise", "rank:pairwise", RANKING, 0, LABEL_NOT_NEGATIVE, BASE_HALF, 0, 0,
	{"ndcg", "map"}},
	{"rank:map", "rank:map", RANKING, 0, LABEL_TWO_GRADES, BASE_HALF, 0, 0,
	{"map", "ndcg"}}
};

/* Metrics of which more is better; all others are losses. */
static const char *const higher_metrics[] = {"auc", "aucpr", "map", "ndcg"};

/* Gives the objective that was asked for, or the default when none was. */
const XgboostObjective *
xgboost_objective(ModelTask task, int nclasses, const char *name)
{
	const char *fitting[lengthof(objectives)];
	int			nfitting = 0;
	const char *nearest;

	for (int i = 0; i < lengthof(objectives); i++)
	{
		const XgboostObjective *objective = &objectives[i];

		if (objective->task != task ||
			(objective->nclasses != 0 && nclasses != 0 && objective->nclasses != nclasses))
			continue;
		if (name == NULL || strcmp(objective->name, name) == 0)
			return objective;
		fitting[nfitting++] = objective->name;
	}
	nearest = options_nearest(name, fitting, nfitting);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("objective \"%s\" does not serve this training", name),
			 nclasses > 0
			 ? errdetail("The task is %s with %d classes.", algorithm_task_name(task), nclasses)
			 : errdetail("The task is %s.", algorithm_task_name(task)),
			 errhint("Perhaps you want \"%s\".", nearest ? nearest : fitting[0])));
}

/* Tells whether a round grows a tree for each class. */
bool
xgboost_objective_multiclass(const XgboostObjective *objective)
{
	return objective->task == TASK_CLASSIFICATION && objective->nclasses == 0;
}

/* Ends with an error when the library that is installed has no such objective. */
void
xgboost_objective_check_library(const XgboostObjective *objective)
{
	if (objective->since_major == 0 || xgb_version_from(objective->since_major, objective->since_minor))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("objective \"%s\" needs XGBoost %d.%d or newer",
					objective->name, objective->since_major, objective->since_minor),
			 errdetail("The library on this server is XGBoost %s.", xgb_version())));
}

/* Tells whether a label lies in the domain; infinities and NaN never do. */
static bool
label_in_domain(float label, LabelDomain domain)
{
	if (!isfinite(label))
		return false;
	switch (domain)
	{
		case LABEL_ANY:
			return true;
		case LABEL_ABOVE_MINUS_ONE:
			return label > -1;
		case LABEL_NOT_NEGATIVE:
			return label >= 0;
		case LABEL_POSITIVE:
			return label > 0;
		case LABEL_GRADE:
			return label >= 0 && label <= MAX_GRADE && label == floorf(label);
		case LABEL_TWO_GRADES:
			return label == 0 || label == 1;
	}
	return false;
}

/* Refuses labels that the objective does not learn, or the metric does not score, counting them. */
void
xgboost_check_labels(const float *labels, int64 nrows, const XgboostObjective *objective, const XgboostMetric *metric)
{
	static const char *const domains[] = {
		[LABEL_ANY] = "be finite",
		[LABEL_ABOVE_MINUS_ONE] = "be greater than -1",
		[LABEL_NOT_NEGATIVE] = "not be negative",
		[LABEL_POSITIVE] = "be greater than 0",
		[LABEL_GRADE] = "be a whole number from 0 to 31",
		[LABEL_TWO_GRADES] = "be 0 or 1"
	};
	LabelDomain domain = metric ? metric->labels : objective->labels;
	int64		nbad = 0;
	float		bad = 0;

	for (int64 i = 0; i < nrows; i++)
	{
		if (label_in_domain(labels[i], domain))
			continue;
		if (nbad++ == 0)
			bad = labels[i];
	}
	if (nbad > 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 metric ? errmsg("metric \"%s\" cannot score this target", metric->name)
				 : errmsg("objective \"%s\" cannot learn this target", objective->name),
				 errdetail("The target must %s; " INT64_FORMAT " of " INT64_FORMAT " values are not so, the first is %g.",
						   domains[domain], nbad, nrows, bad)));
}

/* A label with its weight. */
typedef struct WeightedLabel
{
	float		label;
	float		weight;
} WeightedLabel;

/* Orders labels. */
static int
label_compare(const void *a, const void *b)
{
	float		x = ((const WeightedLabel *) a)->label;
	float		y = ((const WeightedLabel *) b)->label;

	/* millions of them take longer than a cancel may wait */
	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

/* Gives a quantile of sorted labels that all weigh the same, between two of them where it falls there. */
static double
plain_quantile(const WeightedLabel *sorted, int64 nrows, double quantile)
{
	double		at = quantile * (double) (nrows - 1);
	int64		below = (int64) floor(at);
	int64		above = Min(below + 1, nrows - 1);
	double		part = at - (double) below;

	return sorted[below].label * (1 - part) + sorted[above].label * part;
}

/* Gives the first of the sorted labels up to which the quantile's share of all weight lies. */
static double
weighted_quantile(const WeightedLabel *sorted, int64 nrows, double quantile)
{
	double		total = 0;
	double		reached = 0;
	int64		i = 0;

	for (int64 row = 0; row < nrows; row++)
		total += sorted[row].weight;
	for (; i < nrows - 1; i++)
	{
		reached += sorted[i].weight;
		if (reached >= quantile * total)
			break;
	}
	return sorted[i].label;
}

/* Gives a quantile of the labels. */
static double
labels_quantile(const float *labels, const float *weights, int64 nrows, double quantile)
{
	WeightedLabel *sorted = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(nrows, sizeof(WeightedLabel)));
	double		value;

	for (int64 i = 0; i < nrows; i++)
	{
		sorted[i].label = labels[i];
		sorted[i].weight = weights ? weights[i] : 1;
	}
	CHECK_FOR_INTERRUPTS();
	qsort(sorted, nrows, sizeof(WeightedLabel), label_compare);
	value = weights ? weighted_quantile(sorted, nrows, quantile) : plain_quantile(sorted, nrows, quantile);
	pfree(sorted);
	return value;
}

/* Gives the mean of the labels, of log(1 + label) when asked for. */
static double
labels_mean(const float *labels, const float *weights, int64 nrows, bool of_logs)
{
	double		sum = 0;
	double		total = 0;

	for (int64 i = 0; i < nrows; i++)
	{
		double		weight = weights ? weights[i] : 1;

		sum += weight * (of_logs ? log1p(labels[i]) : (double) labels[i]);
		total += weight;
	}
	return sum / total;
}

/* Gives what the model starts from: the best constant, away from where the link function ends. */
double
xgboost_base_score(const XgboostObjective *objective, const float *labels, const float *weights,
				   int64 nrows, double quantile)
{
	switch (objective->base)
	{
		case BASE_SHARE:
			return Min(Max(labels_mean(labels, weights, nrows, false), BASE_MARGIN), 1 - BASE_MARGIN);
		case BASE_HALF:
			return 0.5;
		case BASE_MEAN:
			return labels_mean(labels, weights, nrows, false);
		case BASE_MEDIAN:
			return labels_quantile(labels, weights, nrows, 0.5);
		case BASE_QUANTILE:
			return labels_quantile(labels, weights, nrows, quantile);
		case BASE_LOG_MEAN:
			return Max(expm1(labels_mean(labels, weights, nrows, true)), -1 + BASE_MARGIN);
		case BASE_POSITIVE_MEAN:
			return Max(labels_mean(labels, weights, nrows, false), 1e-30);
	}
	return 0.5;
}

/* Tells whether a name is the metric's, alone or, for ranking, with the number of first rows that count behind an @. */
static bool
metric_is(const char *name, const char *metric, bool ranking)
{
	size_t		len = strlen(metric);

	if (strncmp(name, metric, len) != 0)
		return false;
	if (name[len] == '\0')
		return true;
	return ranking && name[len] == '@' && name[len + 1] >= '1' && name[len + 1] <= '9' &&
		strspn(name + len + 1, "0123456789") == strlen(name + len + 1) && strlen(name + len + 1) <= 9;
}

/* Finds the metric of that name, or the objective's default. */
void
xgboost_metric(const XgboostObjective *objective, const char *name, double tweedie_power, XgboostMetric *metric)
{
	bool		ranking = objective->task == TASK_RANKING;
	const char *base = NULL;
	int			nmetrics = 0;
	StringInfoData all;

	initStringInfo(&all);
	for (; nmetrics < XGBOOST_MAX_METRICS && objective->metrics[nmetrics] != NULL; nmetrics++)
	{
		appendStringInfo(&all, "%s\"%s\"", nmetrics > 0 ? ", " : "", objective->metrics[nmetrics]);
		if (base == NULL && (name == NULL || metric_is(name, objective->metrics[nmetrics], ranking)))
			base = objective->metrics[nmetrics];
	}
	if (base == NULL)
	{
		const char *nearest = options_nearest(name, objective->metrics, nmetrics);

		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("eval_metric \"%s\" does not serve objective \"%s\"", name, objective->name),
				 errdetail("Known are %s%s.", all.data, ranking ? ", also with @ and a number of rows" : ""),
				 nearest ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
	}
	metric->name = name != NULL ? name : base;
	if (strcmp(base, "tweedie-nloglik") == 0)
		metric->name = psprintf("tweedie-nloglik@%.9g", tweedie_power);
	metric->higher_is_better = false;
	for (int i = 0; i < lengthof(higher_metrics); i++)
		metric->higher_is_better |= strcmp(base, higher_metrics[i]) == 0;
	metric->labels = objective->labels;
	if (ranking)
		metric->labels = strcmp(base, "map") == 0 ? LABEL_TWO_GRADES : LABEL_GRADE;
}
