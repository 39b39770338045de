/*-------------------------------------------------------------------------
 *
 * train_measure.c
 *	  What rows that did not teach say: calibration, threshold, metrics.
 *
 * The rows that validate calibrate and choose the threshold, weighted by the
 * weight column alone: class weights change what is learned, and calibration
 * brings the probabilities back to how often the classes are.  The held-out rows
 * then measure what will be served, unweighted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "learn/metrics.h"
#include "model/train_int.h"

/* Rows that are scored at a time. */
#define MEASURE_BLOCK 256

/* Gives the bytes that predicting so many rows takes. */
static Size
predict_bytes(const Training *training, int64 nrows)
{
	return mul_size(mul_size(nrows + MEASURE_BLOCK, Max(training->nclasses, 1)), sizeof(float));
}

/* Gives the bytes that calibrating and measuring take beside the data: one after the other. */
Size
train_measure_bytes(const Training *training, int64 nheld_out, int64 nvalidation)
{
	Size		bytes = 0;

	if (nheld_out > 0)
		bytes = add_size(predict_bytes(training, nheld_out), metrics_estimate(nheld_out));
	if (nvalidation > 0 && training->calibration_method != CALIBRATION_NONE)
		bytes = Max(bytes, add_size(predict_bytes(training, nvalidation), calibration_estimate(nvalidation)));
	if (nvalidation > 0 && train_chooses_threshold(training))
		bytes = Max(bytes, add_size(predict_bytes(training, nvalidation), threshold_estimate(nvalidation)));
	if (nvalidation > 0 && flag_is_chosen(training->flag_rule))
		bytes = Max(bytes, predict_bytes(training, nvalidation));
	return bytes;
}

/* Predicts the rows of a part, calibrated when there is a calibration; row-major. */
float *
train_predict_part(const TrainFit *fit, const TrainSet *set)
{
	const Algorithm *algorithm = fit->model->algorithm;
	const Matrix *rows = set->rows;
	int			nvalues = fit->model->nvalues;
	float	   *margins = palloc(mul_size(mul_size(MEASURE_BLOCK, fit->model->nmargins), sizeof(float)));
	float	   *values = MemoryContextAllocHuge(CurrentMemoryContext,
												mul_size(mul_size(rows->nrows, nvalues), sizeof(float)));

	for (int64 row = 0, n; row < rows->nrows; row += n)
	{
		float	   *out = values + (size_t) row * nvalues;

		n = Min(MEASURE_BLOCK, Min(rows->nrows, (row / rows->chunk_rows + 1) * rows->chunk_rows) - row);
		CHECK_FOR_INTERRUPTS();
		algorithm->margin(fit->model, matrix_row(rows, row), (int) n, margins);
		algorithm->values(fit->model, margins, (int) n, out);
		if (fit->calibration != NULL)
			calibration_apply(fit->calibration, out, (int) n);
	}
	pfree(margins);
	return values;
}

/* Learns the calibration from the rows that validate. */
static void
fit_calibration(Training *training, TrainFit *fit)
{
	const TrainSet *set = training->validation;
	float	   *values = train_predict_part(fit, set);

	fit->calibration = calibration_fit(training->calibration_method, set->rows->nrows, training->nclasses,
									   values, set->labels, set->weights);
	pfree(values);
}

/* Chooses the threshold from the rows that validate, on what will be served. */
static double
fit_threshold(Training *training, const TrainFit *fit)
{
	const TrainSet *set = training->validation;
	float	   *values;
	double		threshold;

	if (!train_chooses_threshold(training))
		return threshold_choose(training->threshold_rule, 0, NULL, 2, NULL, NULL);
	values = train_predict_part(fit, set);
	threshold = threshold_choose(training->threshold_rule, set->rows->nrows, values + 1, 2, set->labels, set->weights);
	pfree(values);
	return threshold;
}

/* Learns the calibration and chooses the threshold, when they are asked for. */
void
train_calibrate(Training *training, TrainFit *fit)
{
	fit->threshold = get_float8_nan();
	if (training->calibration_method != CALIBRATION_NONE || training->threshold_rule != NULL)
		progress_phase(&training->progress, "calibrating", 0);
	if (training->calibration_method != CALIBRATION_NONE)
		fit_calibration(training, fit);
	if (training->threshold_rule != NULL)
		fit->threshold = fit_threshold(training, fit);
	if (training->flag_rule != NULL)
		train_choose_flags(training, fit);
}

/* Gives the quantile that was learned, from the algorithm's effective parameters; 0 for another objective. */
static double
learned_quantile(const char *params)
{
	Jsonb	   *json = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(params)));
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(&json->root, "quantile_alpha", 14, &value) == NULL ||
		value.type != jbvNumeric)
		return 0;
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(value.val.numeric)));
}

/* Gives the metrics on the held-out rows as JSON, or NULL without such rows. */
char *
train_measure(Training *training, const TrainFit *fit, const char *params)
{
	const TrainSet *set = training->held_out;
	Scored		scored = {0};
	StringInfoData out;

	if (set == NULL || set->rows->nrows == 0)
		return NULL;
	progress_phase(&training->progress, "measuring", 0);
	if (training->spec->task == TASK_ANOMALY)
		return train_measure_flags(training, fit);
	scored.task = training->spec->task;
	scored.nrows = set->rows->nrows;
	scored.nclasses = training->nclasses;
	scored.nvalues = fit->model->nvalues;
	scored.values = train_predict_part(fit, set);
	scored.labels = set->labels;
	scored.groups = training->spec->task == TASK_RANKING ? set->groups : NULL;
	scored.threshold = fit->threshold;
	scored.quantile = learned_quantile(params);
	scored.classes = training->classes;
	initStringInfo(&out);
	appendStringInfo(&out, "{\"rows\": " INT64_FORMAT, scored.nrows);
	metrics_append_all(&scored, &out);
	appendStringInfoChar(&out, '}');
	return out.data;
}
