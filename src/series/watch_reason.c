/*-------------------------------------------------------------------------
 *
 * watch_reason.c
 *	  Outcomes in one plain sentence.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"

#include "series/watch.h"

/* Appends how far a value is from what was expected. */
static void
append_distance(StringInfo out, const WatchOutcome *outcome)
{
	double		ratio = outcome->expected != 0 ? outcome->value / outcome->expected : 0;

	appendStringInfo(out, "%.6g", outcome->value);
	if (ratio >= 1.5 && isfinite(ratio))
		appendStringInfo(out, " is %.1f times the %.6g expected", ratio, outcome->expected);
	else
		appendStringInfo(out, " is %s the %.6g expected",
						 outcome->value > outcome->expected ? "above" : "below", outcome->expected);
}

/* Appends why a point is strange. */
static void
append_strange(StringInfo out, const WatchOutcome *outcome)
{
	const SeasonalVerdict *verdict = &outcome->verdict;

	switch (verdict->test)
	{
		case TEST_STUCK:
			appendStringInfo(out, "%.6g came %d times in a row; values of this series repeat in %.2g %% of all cases",
							 outcome->value, outcome->repeats + 1, 100 * verdict->chance);
			break;
		case TEST_RUN:
			append_distance(out, outcome);
			appendStringInfo(out, ", and the values before it are %s too", verdict->side > 0 ? "high" : "low");
			break;
		default:
			append_distance(out, outcome);
			appendStringInfo(out, "; usual are %.6g to %.6g", outcome->lower, outcome->upper);
	}
	if (outcome->event != NULL && strcmp(outcome->event, "level_shift") == 0)
		appendStringInfoString(out, ", for so long now that this is the new level");
	else if (outcome->status == WATCH_RESTING)
		appendStringInfo(out, ", but the last alarm is only " INT64_FORMAT " steps ago", outcome->since_alarm);
}

/* Gives the outcome in one plain sentence. */
char *
watch_reason(const WatchOutcome *outcome)
{
	StringInfoData out;

	initStringInfo(&out);
	if (isnan(outcome->value))
		appendStringInfoString(&out, "The point has no value");
	else if (!outcome->judged)
		appendStringInfo(&out, "The series is learning: " INT64_FORMAT " of %d values were there before",
						 outcome->seen, outcome->needed);
	else if (outcome->status == WATCH_NORMAL)
		appendStringInfo(&out, "%.6g is as usual: %.6g was expected", outcome->value, outcome->expected);
	else
		append_strange(&out, outcome);
	if (outcome->missing > 0)
		appendStringInfo(&out, "; " INT64_FORMAT " point%s before it %s missing", outcome->missing,
						 outcome->missing == 1 ? "" : "s", outcome->missing == 1 ? "is" : "are");
	appendStringInfoChar(&out, '.');
	return out.data;
}
