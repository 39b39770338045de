/*
 * xgboost_constraints.h
 *	  Constraints on what trees may say, from names of columns to the library's
 *	  numbers of features.
 */
#ifndef LEARN_XGBOOST_CONSTRAINTS_H
#define LEARN_XGBOOST_CONSTRAINTS_H

#include "utils/jsonb.h"

#include "core/encoder.h"

/* Check the form of the options monotone_constraints and interaction_constraints; NULL passes; error 22023. */
extern void xgboost_check_monotone(const Jsonb *constraints);
extern void xgboost_check_interaction(const Jsonb *constraints);

/* "(1,0,-1)": a direction for every feature; categorical says which features are split by sets. */
extern char *xgboost_monotone(const Jsonb *constraints, const Encoder *encoder, const uint8 *categorical);

/* "[[0,1],[2]]": sets of features that may stand in one branch; NULL when nothing is constrained. */
extern char *xgboost_interaction(const Jsonb *constraints, const Encoder *encoder);

#endif							/* LEARN_XGBOOST_CONSTRAINTS_H */
