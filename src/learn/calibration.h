/*
 * calibration.h
 *	  From a model's probabilities to calibrated ones, and the choice of a
 *	  decision threshold.
 *
 * Learned on rows that taught the model nothing, stored with the version as
 * canonical JSON, applied behind the algorithm's values().  Several classes are
 * calibrated one against the rest and scaled to sum to one (Zadrozny and Elkan 2002).
 */
#ifndef LEARN_CALIBRATION_H
#define LEARN_CALIBRATION_H

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

typedef enum CalibrationMethod
{
	CALIBRATION_NONE,
	CALIBRATION_PLATT,			/* logistic curve on the log odds (Platt 1999; Lin, Lin and Weng 2007) */
	CALIBRATION_ISOTONIC		/* pool adjacent violators, linear between the steps */
} CalibrationMethod;

typedef struct Calibration Calibration;

extern CalibrationMethod calibration_method(const char *name);	/* "none", "platt", "isotonic"; ERROR 22023 */

/* Learns from probabilities (row-major, nclasses a row), class indexes and weights (or NULL). */
extern Calibration *calibration_fit(CalibrationMethod method, int64 nrows, int nclasses, const float *proba,
									const float *labels, const float *weights);

/* Bytes that learning on so many rows takes beside them. */
extern Size calibration_estimate(int64 nrows);

/* Replaces probabilities by calibrated ones in place. */
extern void calibration_apply(const Calibration *calibration, float *proba, int nrows);

extern int	calibration_nclasses(const Calibration *calibration);

/* Same calibration, same text. */
extern void calibration_write(const Calibration *calibration, StringInfo out);

/* Reads what calibration_write() wrote; anything else is ERROR XX001. */
extern Calibration *calibration_read(const char *json);

/*
 * What "threshold" may be: a number, the name of a criterion ("f1", "mcc",
 * "accuracy", "youden"), or {"precision": x}, {"recall": x} (the other one as
 * high as can be), {"cost": {"false_positive": a, "false_negative": b}}.
 */
typedef struct ThresholdRule ThresholdRule;

extern ThresholdRule *threshold_parse(const Jsonb *option);	/* ERROR 22023; NULL for NULL */

/* True when rows are needed to choose it; false for NULL. */
extern bool threshold_is_chosen(const ThresholdRule *rule);

/* Bytes that a choice among so many rows takes beside them. */
extern Size threshold_estimate(int64 nrows);

/* Chooses from probabilities of the positive class; ERROR 22023 when no threshold meets the rule. */
extern double threshold_choose(const ThresholdRule *rule, int64 nrows, const float *proba, int stride,
							   const float *labels, const float *weights);

#endif							/* LEARN_CALIBRATION_H */
