/*
 * serving.h
 *	  Which versions of a model serve rows, and which are scored beside them.
 *
 * The champion serves, but for the keys that a split gives to other versions;
 * challengers are scored and recorded.  All of it is resolved at once, with one
 * snapshot.
 */
#ifndef MODEL_SERVING_H
#define MODEL_SERVING_H

#include "model/registry.h"

/* A key belongs to one of so many slots, and a version of a split owns some of them. */
#define SERVING_SLOTS 1000000

typedef struct ServingVersion
{
	ModelRef	ref;
	bool		challenger;		/* never the champion */
	int			nruns;			/* of slots that are the version's; none for the champion */
	int		   *runs;			/* first and end (exclusive) of each, ascending */
} ServingVersion;

typedef struct Serving
{
	int			champion;		/* its place among the versions */
	bool		split;			/* another version serves a share */
	bool		challenged;		/* there is a challenger */
	int			nversions;
	ServingVersion *versions;	/* each once, by id */
} Serving;

/*
 * Resolves champion, challengers and split with the active snapshot, in the
 * current context, and checks the role's right; errors as registry_resolve().
 */
extern Serving *serving_resolve(const char *model, ModelPrivilege needed, Oid role);

/* Called after an alias or a split of a locked model has changed. */
extern void serving_note_change(int64 model_id);

/* The place of the version that serves rows of this key. */
extern int	serving_version(const Serving *serving, const char *key, int len);

/* Whether a sample of the given share of all keys holds this key; independent of splits. */
extern bool serving_sampled(double share, const char *key, int len);

#endif							/* MODEL_SERVING_H */
