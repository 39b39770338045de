/*
 * history.h
 *	  The lock under which what a model's versions are for changes, and the
 *	  record of every change.
 */
#ifndef MODEL_HISTORY_H
#define MODEL_HISTORY_H

#include "model/registry.h"

/*
 * Resolves a model and version (or MODEL_CHAMPION) that the current user may
 * manage, locks the model against other changes of what its versions are for, and
 * looks whether the version is still there; command is for the error on a standby.
 */
extern ModelRef history_lock_model(const char *model, int version, const char *command);

/* The id of a version of a locked model, or 0. */
extern int64 history_version_id(int64 model_id, int version);

/*
 * Records one change of a locked model and gives its id; zero versions and
 * previous, and NULL why and evidence (a check's result, JSON) are stored as NULL.
 */
extern int64 history_record(int64 model_id, const char *alias, const char *action, int old_version, int new_version,
							int64 previous_id, const char *why, const char *evidence);

#endif							/* MODEL_HISTORY_H */
