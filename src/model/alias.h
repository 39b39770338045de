/*
 * alias.h
 *	  What a version is for: the model's lock under which that changes, and the history of changes.
 */
#ifndef MODEL_ALIAS_H
#define MODEL_ALIAS_H

#include "model/registry.h"

/*
 * Resolves a model and version (or MODEL_CHAMPION) that the current user may
 * manage, locks the model against other changes of what its versions are for, and
 * looks whether the version is still there; command is for the error on a standby.
 */
extern ModelRef alias_lock_model(const char *model, int version, const char *command);

/* Records one change of a locked model and gives its id; zero versions and previous are stored as NULL. */
extern int64 alias_record_change(int64 model_id, const char *alias, const char *action, int old_version,
								 int new_version, int64 previous_id, const char *why);

#endif							/* MODEL_ALIAS_H */
