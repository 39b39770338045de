/*
 * alias.h
 *	  What a version is for.
 */
#ifndef MODEL_ALIAS_H
#define MODEL_ALIAS_H

#include "postgres.h"

/* Makes the version champion when the model has none; the caller holds the model's row lock. */
extern void alias_first_champion(int64 model_id, int64 version_id, int version);

/*
 * Makes the version champion in the place of the one it was made from, as the
 * current user, who must have the right manage; error 40001 when another is champion by now.
 */
extern void alias_succeed(const char *model, int from, int version, const char *why);

#endif							/* MODEL_ALIAS_H */
