/*
 * progress.h
 *	  "How far is it" for work that takes long.
 *
 * A NOTICE at most every aipipe.progress_interval seconds, and a row of the view
 * aipipe.progress for everybody who may see this backend's statistics.
 *
 *		progress_begin(&progress, "training model \"churn\"");
 *		progress_phase(&progress, "reading rows", 0);
 *		… progress_update(&progress, done); …
 *		progress_end(&progress);
 *
 * Work may nest: the innermost is shown, and its end shows the outer one again.
 * What an abort cuts off needs no end.
 */
#ifndef CORE_PROGRESS_H
#define CORE_PROGRESS_H

#include "postgres.h"

#include "utils/backend_progress.h"

typedef struct Progress
{
	const char *what;			/* "training model \"churn\"" */
	const char *phase;			/* "reading rows" */
	int64		done;
	int64		total;			/* 0 when unknown */
	int64		rows;			/* 0 when unknown */
	int64		started;		/* TimestampTz */
	int64		last;
	double		metric;			/* NaN while there is none */
	const char *metric_name;
	Size		bytes;			/* memory held or reserved */

	/* kept by progress.c */
	int64		serial;			/* tells this work from others of this backend; 0 after its end */
	bool		nested;			/* outer holds what was shown when it began */
	int64		outer[PGSTAT_NUM_PROGRESS_PARAM];
} Progress;

/* Texts are the caller's and live as long as the work; the view shows 64 bytes of what, 24 of a phase, 16 of a metric. */
extern void progress_begin(Progress *progress, const char *what);
extern void progress_phase(Progress *progress, const char *phase, int64 total);

/* Cheap enough for every thousand rows; accepts a NULL progress. */
extern void progress_update(Progress *progress, int64 done);

/* Rows that the work has to do with, also while it counts rounds; accepts a NULL progress. */
extern void progress_rows(Progress *progress, int64 rows);

/* What the work has reached so far: "logloss", .31; accepts a NULL progress. */
extern void progress_metric(Progress *progress, const char *name, double value);

/* Bytes that the work holds or has reserved; accepts a NULL progress. */
extern void progress_memory(Progress *progress, Size bytes);

/* The work is done: takes its row off the view. An abort does so by itself. */
extern void progress_end(Progress *progress);

#endif							/* CORE_PROGRESS_H */
