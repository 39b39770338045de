/*
 * rights.h
 *	  Who may use a model: its owner, and whom it was granted to.
 */
#ifndef MODEL_RIGHTS_H
#define MODEL_RIGHTS_H

#include "model/registry.h"

/* Whether the role owns the model, by membership too, or was granted the privilege. */
extern bool rights_on_model(int64 model_id, Oid owner, ModelPrivilege needed, Oid role);

/* ERROR 42501 unless it has. */
extern void rights_check_model(const char *model, int64 model_id, Oid owner,
							   ModelPrivilege needed, Oid role);

/* The id of a model that the current user owns, locked against all changes; else ERROR 42704 or 42501. */
extern int64 rights_lock_owned(const char *model);

#endif							/* MODEL_RIGHTS_H */
