/*
 * check.h
 *	  The condition under which a version may be promoted.
 */
#ifndef MODEL_CHECK_H
#define MODEL_CHECK_H

#include "model/registry.h"
#include "model/test.h"

/*
 * Compares a version with the champion as the check's options say, and gives what the history keeps of
 * it, as JSON; ERROR 55000 with the numbers when the condition is not met.  The caller holds
 * the model's lock, so the champion stays what it is.
 */
extern char *check_promotion(const char *model, const ModelRef *version, const ModelRef *champion,
							 const TestOptions *options);

#endif							/* MODEL_CHECK_H */
