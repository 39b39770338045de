/*
 * ensemble_int.h
 *	  How the ensemble's files see each other; nobody else includes it.
 *
 *		ensemble_options.c	which components, with which weights and options
 *		ensemble_train.c	trains and refreshes components, learns the tails
 *		ensemble_artifact.c	artifact and compiled form
 *		ensemble.c			the algorithm behind learn/algorithm.h
 */
#ifndef ANOMALY_ENSEMBLE_INT_H
#define ANOMALY_ENSEMBLE_INT_H

#include "anomaly/ensemble.h"
#include "learn/severity.h"

/* Bounds of a component's weight; it is greater than 0. */
#define ENSEMBLE_MAX_WEIGHT 1000000.0

/* Which components, in the order of the list of algorithms. */
typedef struct EnsembleChoice
{
	int			n;
	const Algorithm *algorithm[ENSEMBLE_MAX_COMPONENTS];
	double		weight[ENSEMBLE_MAX_COMPONENTS];
} EnsembleChoice;

/* A component as it is stored. */
typedef struct EnsembleMember
{
	const Algorithm *algorithm;
	double		weight;
	Tail		tail;			/* of its strangeness */
	const char *artifact;
	Size		artifact_len;
} EnsembleMember;

/* An ensemble as its artifact holds it. */
typedef struct EnsembleModel
{
	int			n;
	EnsembleMember member[ENSEMBLE_MAX_COMPONENTS];
	Tail		tail;			/* of the margin */
	Severity	severity;		/* of minus the margin: a lower one is stranger there */
} EnsembleModel;

/* A component ready to score. */
typedef struct EnsembleComponent
{
	const LoadedModel *model;
	double		weight;
	Tail		tail;
} EnsembleComponent;

/* A compiled ensemble opened in place. */
typedef struct EnsembleState
{
	int			n;
	EnsembleComponent component[ENSEMBLE_MAX_COMPONENTS];
	Tail		tail;
	SeverityTable severity;
} EnsembleState;

/* ensemble_options.c */

/* The component of that number, in the order of the list of algorithms, or NULL behind the last. */
extern const Algorithm *ensemble_candidate(int i);

/* Reads which components are asked for; without "components" and "algorithm" the encoder's columns decide. */
extern void ensemble_choose(const Jsonb *params, const Encoder *encoder, EnsembleChoice *choice);

/* Reads which components may come to be, before the columns are known. */
extern void ensemble_choose_possible(const Jsonb *params, EnsembleChoice *choice);

/* ERROR 22023 for an option that no component of the choice has. */
extern void ensemble_check_options(const Jsonb *params, const char *const *common, const EnsembleChoice *choice);

/* Names that a component must pass over: the common ones, the ensemble's own and the other components'. */
extern const char *const *ensemble_passed_over(const Algorithm *component, const char *const *common);

/* A component's own among the parameters of a version, as a JSON object. */
extern void ensemble_component_params(const Algorithm *component, const Jsonb *params, StringInfo out);

/* Effective parameters: components with weights, then each one's own, which are JSON objects. */
extern void ensemble_params(const EnsembleChoice *choice, char *const *params, StringInfo out);

/* ensemble_train.c */
extern void ensemble_train_components(const TrainRequest *request, TrainResult *result);
extern void ensemble_refresh_components(const RefreshRequest *request, TrainResult *result);
extern Size ensemble_training_bytes(const TrainSize *size);

/* ensemble_artifact.c */
extern void ensemble_write(const EnsembleModel *model, StringInfo out);
extern void ensemble_read(const char *artifact, Size len, EnsembleModel *model);

/* compiled[i] is the compiled form of component i. */
extern void ensemble_compile_model(const EnsembleModel *model, const StringInfoData *compiled, StringInfo out);
extern void ensemble_compile(const char *artifact, Size len, StringInfo out);

/* Opens a compiled form in place; error XX001 when anything is off; gives the number of features. */
extern int	ensemble_open(const char *compiled, Size len, EnsembleState *state);

/* ensemble.c */

/* A component's margins of a block, as strangeness: a greater one is stranger. */
extern void ensemble_strangeness(const LoadedModel *component, const float *rows, int nrows, float *out);

#endif							/* ANOMALY_ENSEMBLE_INT_H */
