/*-------------------------------------------------------------------------
 *
 * calibration.c
 *	  From a model's probabilities to calibrated ones.
 *
 * A calibration is one curve from probability to probability for two classes,
 * and one for each of several classes, whose values are then scaled to sum to
 * one.  A curve never falls, so a calibrated probability never contradicts the
 * order of the model's own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "core/options.h"
#include "learn/calibration_private.h"

/* By CalibrationMethod. */
static const char *const method_names[] = {
	[CALIBRATION_NONE] = "none",
	[CALIBRATION_PLATT] = "platt",
	[CALIBRATION_ISOTONIC] = "isotonic"
};

/* Gives the method of that name. */
CalibrationMethod
calibration_method(const char *name)
{
	const char *nearest;

	for (int i = 0; i < lengthof(method_names); i++)
		if (strcmp(method_names[i], name) == 0)
			return (CalibrationMethod) i;
	nearest = options_nearest(name, method_names, lengthof(method_names));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no calibration \"%s\"", name),
			 errdetail("Known are \"none\", \"platt\" and \"isotonic\"."),
			 nearest != NULL ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
	return CALIBRATION_NONE;	/* not reached */
}

/* Gives the name of a method. */
const char *
calibration_method_name(CalibrationMethod method)
{
	return method_names[method];
}

/* Gives the number of classes that a calibration is for. */
int
calibration_nclasses(const Calibration *calibration)
{
	return calibration->nclasses;
}

/* Gives a calibration with empty curves. */
Calibration *
calibration_make(CalibrationMethod method, int nclasses)
{
	Calibration *calibration = palloc(sizeof(Calibration));

	calibration->method = method;
	calibration->nclasses = nclasses;
	calibration->ncurves = nclasses == 2 ? 1 : nclasses;
	calibration->curves = palloc0(mul_size(sizeof(CalibrationCurve), calibration->ncurves));
	return calibration;
}

/* Gives the log odds of a probability; 0 and 1 lie just beyond all others instead of at infinity. */
double
calibration_log_odds(float proba)
{
	/* below the smallest float4, and between the largest one below 1 and 1 */
	double		p = Min(Max((double) proba, 1e-45), 1 - 0x1p-25);

	return log(p) - log1p(-p);
}

/* Gives the value of an isotonic curve: linear between its corners, constant beyond them. */
static double
isotonic_value(const CalibrationCurve *curve, float proba)
{
	const float *x = curve->x;
	const double *y = curve->y;
	int			low = 0;
	int			high = curve->npoints - 1;

	if (proba <= x[low])
		return y[low];
	if (proba >= x[high])
		return y[high];
	while (high - low > 1)
	{
		int			middle = low + (high - low) / 2;

		if (proba < x[middle])
			high = middle;
		else
			low = middle;
	}
	/* rounding must not carry it over the next corner */
	return Min(y[high], y[low] + (y[high] - y[low]) / ((double) x[high] - x[low]) * ((double) proba - x[low]));
}

/* Gives the calibrated probability of one class. */
static inline double
curve_value(CalibrationMethod method, const CalibrationCurve *curve, float proba)
{
	if (curve->identity)
		return proba;
	if (method == CALIBRATION_ISOTONIC)
		return isotonic_value(curve, proba);
	return 1 / (1 + exp(-(curve->slope * calibration_log_odds(proba) + curve->intercept)));
}

/* Calibrates the probabilities of one row of several classes. */
static void
apply_several(const Calibration *calibration, float *proba)
{
	double		total = 0;

	for (int c = 0; c < calibration->nclasses; c++)
	{
		proba[c] = (float) curve_value(calibration->method, &calibration->curves[c], proba[c]);
		total += proba[c];
	}
	for (int c = 0; c < calibration->nclasses; c++)
		proba[c] = total > 0 ? (float) (proba[c] / total) : 1.0f / calibration->nclasses;
}

/* Replaces probabilities by calibrated ones in place. */
void
calibration_apply(const Calibration *calibration, float *proba, int nrows)
{
	for (int row = 0; row < nrows; row++, proba += calibration->nclasses)
	{
		if (calibration->ncurves > 1)
		{
			apply_several(calibration, proba);
			continue;
		}
		proba[1] = (float) curve_value(calibration->method, calibration->curves, proba[1]);
		proba[0] = 1.0f - proba[1];
	}
}

/* Sums the weights of the rows of one class and of the rest. */
static void
weigh_rows(CurveRows *rows)
{
	rows->positive = rows->negative = 0;
	for (int64 i = 0; i < rows->nrows; i++)
	{
		double		weight = rows->weights != NULL ? rows->weights[i] : 1;

		if ((int) rows->labels[i] == rows->label)
			rows->positive += weight;
		else
			rows->negative += weight;
	}
}

/* Learns a calibration; with several classes, one that does not occur keeps its probabilities. */
Calibration *
calibration_fit(CalibrationMethod method, int64 nrows, int nclasses, const float *proba,
				const float *labels, const float *weights)
{
	Calibration *calibration;
	bool		learned = false;

	if (method == CALIBRATION_NONE)
		return NULL;
	calibration = calibration_make(method, nclasses);
	for (int c = 0; c < calibration->ncurves; c++)
	{
		int			label = nclasses == 2 ? 1 : c;
		CurveRows	rows = {nrows, proba + label, nclasses, labels, label, weights};

		weigh_rows(&rows);
		if (rows.positive == 0 || rows.negative == 0)
			calibration->curves[c].identity = true;
		else if (method == CALIBRATION_PLATT)
			calibration_fit_platt(&rows, &calibration->curves[c]);
		else
			calibration_fit_isotonic(&rows, &calibration->curves[c]);
		learned = learned || !calibration->curves[c].identity;
	}
	if (!learned)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("probabilities cannot be calibrated on rows of one class"),
				 errdetail("The " INT64_FORMAT " rows that were kept apart for it have no other.", nrows),
				 errhint("Keep more rows apart, or use calibration none.")));
	return calibration;
}
