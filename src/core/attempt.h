/*
 * attempt.h
 *	  A step that may fail without failing its transaction.
 */
#ifndef CORE_ATTEMPT_H
#define CORE_ATTEMPT_H

typedef void (*AttemptStep) (void *arg);

/*
 * Runs a step in a subtransaction, in the current memory context; gives NULL, or
 * the error that it ended with.
 */
extern ErrorData *attempt_run(AttemptStep step, void *arg);

/*
 * Whether an error is about the transaction or the server (a cancel, a lack of
 * resources, a conflict), so that nobody may swallow it.
 */
extern bool attempt_must_go_on(const ErrorData *error);

#endif							/* CORE_ATTEMPT_H */
