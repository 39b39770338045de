/*
 * ensemble.h
 *	  The default detector: components whose evidence is added up in bits.
 *
 * Each component is an algorithm of its own.  Its raw scores on the training
 * rows give a tail (learn/tail.h), so a row's evidence from a component is
 * -log2 P(a training row is as strange), and evidence adds up with weights:
 *
 *		margin = sum over components of weight * tail_bits(component's strangeness)
 *
 * A greater margin is stranger.  The severity is the share of training rows with
 * a smaller margin, the p-value comes from the margin's own tail.  Ranks are never
 * averaged: that drowns the one component that knows.
 */
#ifndef ANOMALY_ENSEMBLE_H
#define ANOMALY_ENSEMBLE_H

#include "learn/algorithm.h"
#include "learn/tail.h"

#define ENSEMBLE_MAX_COMPONENTS 8

/* One component's share in a row's margin. */
typedef struct EnsemblePart
{
	const char *component;		/* name of its algorithm */
	double		weight;
	double		strangeness;	/* raw, a greater one is stranger; its unit is the component's */
	double		bits;			/* -log2 of the share of training rows as strange */
} EnsemblePart;

/* The parts of one encoded row's margin; gives their number. */
extern int	ensemble_parts(const LoadedModel *model, const float *row, EnsemblePart parts[ENSEMBLE_MAX_COMPONENTS]);

/* -1 for an algorithm whose margin is low for a strange row, else 1. */
extern int	ensemble_sign(const Algorithm *component);

/* The components, in the order of their parts. */
extern int	ensemble_ncomponents(const LoadedModel *model);
extern const LoadedModel *ensemble_component(const LoadedModel *model, int i);
extern const Tail *ensemble_tail(const LoadedModel *model, int i);

/* Raw strangeness by every component (nrows x components, row-major) and the margins of a block. */
extern void ensemble_evidence(const LoadedModel *model, const float *rows, int nrows, float *strangeness, float *margins);

#endif							/* ANOMALY_ENSEMBLE_H */
