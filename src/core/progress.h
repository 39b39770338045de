/*
 * progress.h
 *	  "How far is it" for work that takes long.
 *
 * A NOTICE at most every aipipe.progress_interval seconds, and a row of the view
 * aipipe.progress for everybody who may see this backend's statistics.
 */
#ifndef CORE_PROGRESS_H
#define CORE_PROGRESS_H

#include "postgres.h"

typedef struct Progress
{
	const char *what;			/* "training model \"churn\"" */
	const char *phase;			/* "reading rows" */
	int64		total;			/* 0 when unknown */
	int64		started;		/* TimestampTz */
	int64		last;
	double		metric;			/* NaN while there is none */
	const char *metric_name;
	Size		bytes;			/* memory held or reserved */
} Progress;

extern void progress_begin(Progress *progress, const char *what);
extern void progress_phase(Progress *progress, const char *phase, int64 total);

/* Cheap enough for every thousand rows; accepts a NULL progress. */
extern void progress_update(Progress *progress, int64 done);

/* What the work has reached so far: "logloss", .31; accepts a NULL progress. */
extern void progress_metric(Progress *progress, const char *name, double value);

/* Bytes that the work holds or has reserved; accepts a NULL progress. */
extern void progress_memory(Progress *progress, Size bytes);

/* The work is done: takes its row off the view. An abort does so by itself. */
extern void progress_end(Progress *progress);

#endif							/* CORE_PROGRESS_H */
