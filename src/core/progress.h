/*
 * progress.h
 *	  "How far is it" for work that takes long.
 *
 * A NOTICE at most every aipipe.progress_interval seconds.
 */
#ifndef CORE_PROGRESS_H
#define CORE_PROGRESS_H

typedef struct Progress
{
	const char *what;			/* "training model \"churn\"" */
	const char *phase;			/* "reading rows" */
	int64		total;			/* 0 when unknown */
	int64		started;		/* TimestampTz */
	int64		last;
} Progress;

extern void progress_begin(Progress *progress, const char *what);
extern void progress_phase(Progress *progress, const char *phase, int64 total);

/* Cheap enough for every thousand rows; accepts a NULL progress. */
extern void progress_update(Progress *progress, int64 done);

#endif							/* CORE_PROGRESS_H */
