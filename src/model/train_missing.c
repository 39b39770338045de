/* Weak stand-ins until h/eval and h/search are merged; this file goes away then. */
#include "postgres.h"

#include "learn/calibration.h"
#include "learn/metrics.h"
#include "model/search.h"

#define WEAK __attribute__((weak))

WEAK CalibrationMethod
calibration_method(const char *name)
{
	if (strcmp(name, "none") != 0)
		elog(ERROR, "calibration is not merged yet");
	return CALIBRATION_NONE;
}

WEAK Calibration *
calibration_fit(CalibrationMethod method, int64 nrows, int nclasses, const float *proba, const float *labels, const float *weights)
{
	elog(ERROR, "calibration is not merged yet");
}

WEAK void
calibration_apply(const Calibration *calibration, float *proba, int nrows)
{
}

WEAK void
calibration_write(const Calibration *calibration, StringInfo out)
{
}

WEAK ThresholdRule *
threshold_parse(const Jsonb *option)
{
	if (option != NULL)
		elog(ERROR, "threshold is not merged yet");
	return NULL;
}

WEAK bool
threshold_is_chosen(const ThresholdRule *rule)
{
	return false;
}

WEAK double
threshold_choose(const ThresholdRule *rule, int64 nrows, const float *proba, int stride, const float *labels, const float *weights)
{
	return 0;
}

WEAK void
metrics_append_all(const Scored *scored, StringInfo out)
{
	if (scored->task == TASK_CLASSIFICATION)
		metrics_classification(scored->nrows, scored->nclasses, scored->values, scored->labels, out);
	else
		metrics_regression(scored->nrows, scored->values, scored->labels, out);
}

WEAK void
search_check(const Jsonb *option, ModelTask task, const Algorithm *algorithm)
{
}

WEAK Search *
search_run(const Jsonb *option, const TrainRequest *request, const Algorithm *algorithm, const TrainSet *set)
{
	elog(ERROR, "search is not merged yet");
}
