/*
 * registry.h
 *	  Models, their immutable versions, aliases and grants in aipipe's tables.
 */
#ifndef MODEL_REGISTRY_H
#define MODEL_REGISTRY_H

#include "fmgr.h"

#include "learn/algorithm.h"

typedef enum ModelPrivilege
{
	MODEL_PREDICT,				/* owner, or granted predict or manage */
	MODEL_MANAGE				/* owner, or granted manage */
} ModelPrivilege;

typedef struct ModelRef
{
	int64		model_id;
	int64		version_id;		/* never reused, so the key of the cache */
	int			version;
	ModelTask	task;
	Oid			owner;
	bool		shadowed;		/* the model has challengers or a split: see serving.h */
} ModelRef;

/*
 * The column compiled starts with this many unused bytes, so that behind a
 * varlena's four-byte header the compiled form itself lies MAXALIGNed and is
 * scored where it was fetched to, without another copy.
 */
#define COMPILED_PAD (MAXIMUM_ALIGNOF - VARHDRSZ)

#define MODEL_CHAMPION 0		/* as a version: whatever alias champion points to */

/*
 * Resolves name and version (or MODEL_CHAMPION) with the active snapshot and
 * checks the role's right; unknown model 42704, unknown version 42704, no
 * champion 55000, no right 42501.
 */
extern ModelRef registry_resolve(const char *model, int version, ModelPrivilege needed, Oid role);

/* A version argument: MODEL_CHAMPION when NULL, else a positive number (ERROR 22023). */
extern int	registry_version_arg(FunctionCallInfo fcinfo, int argno);

/* What a training or import hands in; fields left zero are NULL in the table. */
typedef struct NewVersion
{
	const char *model;
	int64		continues;		/* id of the model that has the version it was made from: error 40001 when the name is another's by now; 0 = any */
	ModelTask	task;
	const char *algorithm;
	const Encoder *encoder;
	const char *artifact;
	Size		artifact_len;
	const char *compiled;		/* what the algorithm's compile() made of it; NULL = not compiled yet */
	Size		compiled_len;
	const char *params;			/* JSON */
	const char *metrics;		/* JSON */
	const char *source;
	const char *source_resolved;
	const char *target;
	char	  **classes;
	int			nclasses;
	int64		nrows;
	uint64		seed;
	double		cpu_seconds;
	Size		peak_bytes;
	const char *library;
	const char *calibration;	/* calibration_write()'s JSON; NULL = none */
	double		threshold;		/* two classes: class 1 from this probability on; detectors: flagged from this severity on; 0 = none */
	const struct Search *search;	/* the trials that chose the parameters (search.h); NULL = none */
} NewVersion;

/*
 * Creates the model when it does not exist (owner: the current user), else
 * checks MODEL_MANAGE and that the task is the same; compiles what is not, stores the next
 * version; the first version becomes champion.  Gives the version number.
 */
extern int	registry_add_version(const NewVersion *version);

/* Ends with an error when the name cannot be a model's. */
extern void registry_check_name(const char *model);

/* Error when the model exists and the role may not manage it or the task differs: called before a long training. */
extern void registry_check_trainable(const char *model, ModelTask task);

/*
 * SHA-256 of all that decides what a version says, as a bytea of 32 bytes: encoder,
 * artifact, then the calibration (unless NULL) and "threshold=" with its number (unless 0).
 */
extern bytea *registry_sha256(const char *encoder, Size encoder_len, const char *artifact, Size artifact_len,
							  const char *calibration, double threshold);

#endif							/* MODEL_REGISTRY_H */
