/*
 * severity.h
 *	  Severities inside other artifacts, and of a version that learned more rows.
 *
 * The points themselves are iforest.h's, where a lower raw score is stranger: an
 * algorithm whose margin rises with strangeness hands in minus its margin.
 */
#ifndef LEARN_SEVERITY_H
#define LEARN_SEVERITY_H

#include "learn/artifact.h"
#include "learn/iforest.h"

/* {"rows":…,"score":[…],"above":[…]} in the fixed form; what is read is checked. */
extern void severity_write(const Severity *severity, StringInfo out);
extern void severity_read(ArtifactReader *r, Severity *severity);

/* The compiled form: a MAXALIGNed block that is opened in place; gives the bytes it takes, or 0 when it is not sound. */
extern void severity_compile(const Severity *severity, StringInfo out);
extern Size severity_open(const char *compiled, Size len, SeverityTable *table);

/*
 * Makes the points of old rows, each of weight keep, and of the scores of new
 * ones, which it sorts; what less than half a row stands for is dropped.
 */
extern void severity_merge(const Severity *old, double keep, float *scores, int64 nscores, Severity *severity);

#endif							/* LEARN_SEVERITY_H */
