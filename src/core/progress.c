/*-------------------------------------------------------------------------
 *
 * progress.c
 *	  "How far is it" for work that takes long.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/float.h"
#include "utils/timestamp.h"

#include "core/guc.h"
#include "core/progress.h"

/* Starts the clock; nothing is said before the first interval has passed. */
void
progress_begin(Progress *progress, const char *what)
{
	progress->what = what;
	progress->phase = "starting";
	progress->total = 0;
	progress->started = GetCurrentTimestamp();
	progress->last = progress->started;
	progress->metric = get_float8_nan();
	progress->metric_name = NULL;
	progress->bytes = 0;
}

/* Names the phase and how many steps it has (0 when that is unknown). */
void
progress_phase(Progress *progress, const char *phase, int64 total)
{
	if (progress == NULL)
		return;
	progress->phase = phase;
	progress->total = total;
}

/* Says how many steps are done when the interval has passed since the last notice. */
void
progress_update(Progress *progress, int64 done)
{
	TimestampTz now;
	double		seconds;

	if (progress == NULL || core_progress_interval == 0)
		return;
	now = GetCurrentTimestamp();
	if (!TimestampDifferenceExceeds(progress->last, now, core_progress_interval * 1000))
		return;
	progress->last = now;
	seconds = (double) (now - progress->started) / USECS_PER_SEC;
	if (progress->total > 0)
		ereport(NOTICE,
				(errmsg("%s: %s, " INT64_FORMAT " of " INT64_FORMAT " (%.0f s so far)",
						progress->what, progress->phase, done, progress->total, seconds)));
	else
		ereport(NOTICE,
				(errmsg("%s: %s, " INT64_FORMAT " (%.0f s so far)",
						progress->what, progress->phase, done, seconds)));
}

/* Takes note of what the work has reached so far. */
void
progress_metric(Progress *progress, const char *name, double value)
{
	if (progress == NULL)
		return;
	progress->metric_name = name;
	progress->metric = value;
}

/* Takes note of the memory that the work holds or has reserved. */
void
progress_memory(Progress *progress, Size bytes)
{
	if (progress != NULL)
		progress->bytes = bytes;
}

/* Ends the work. */
void
progress_end(Progress *progress)
{
	if (progress != NULL)
		progress->phase = "done";
}
