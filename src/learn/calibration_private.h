/*
 * calibration_private.h
 *	  What the files of the calibration share.
 */
#ifndef LEARN_CALIBRATION_PRIVATE_H
#define LEARN_CALIBRATION_PRIVATE_H

#include "learn/calibration.h"

#define CALIBRATION_MAX_CLASSES 10000

/* From one class's probability to the calibrated one; never falling. */
typedef struct CalibrationCurve
{
	bool		identity;		/* nothing could be learned: the probability stays */
	double		slope;			/* Platt: of the log odds, above 0 */
	double		intercept;
	int			npoints;		/* isotonic: corners, linear between, constant outside */
	float	   *x;				/* strictly ascending */
	double	   *y;				/* not descending, 0 to 1 */
} CalibrationCurve;

/* Two classes have one curve, of class 1; more have one each. */
struct Calibration
{
	CalibrationMethod method;
	int			nclasses;
	int			ncurves;
	CalibrationCurve *curves;
};

/* A calibration with empty curves, in the current memory context. */
extern Calibration *calibration_make(CalibrationMethod method, int nclasses);

/* "platt" or "isotonic". */
extern const char *calibration_method_name(CalibrationMethod method);

/* The log odds of a probability; 0 and 1 lie just beyond all others instead of at infinity. */
extern double calibration_log_odds(float proba);

/* The rows of one class against the rest: what a curve is learned from. */
typedef struct CurveRows
{
	int64		nrows;
	const float *proba;			/* stride floats apart */
	int			stride;
	const float *labels;
	int			label;			/* rows of this one are positive */
	const float *weights;		/* or NULL */
	double		positive;		/* sum of weights */
	double		negative;
} CurveRows;

/* Learns one curve (calibration_fit.c); there are positive and negative rows. */
extern void calibration_fit_platt(const CurveRows *rows, CalibrationCurve *curve);
extern void calibration_fit_isotonic(const CurveRows *rows, CalibrationCurve *curve);

#endif							/* LEARN_CALIBRATION_PRIVATE_H */
