/*
 * split.h
 *	  Versions that serve a share of the row keys beside the champion.
 */
#ifndef MODEL_SPLIT_H
#define MODEL_SPLIT_H

#include "model/registry.h"

/* ERROR 2BP01 when the version serves a share of the keys; the model is locked. */
extern void split_check_unused(const char *model, const ModelRef *ref);

#endif							/* MODEL_SPLIT_H */
