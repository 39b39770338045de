/*-------------------------------------------------------------------------
 *
 * train_flag.c
 *	  The threshold of a detector: from which severity on its rows are flagged.
 *
 * Rows that did not teach choose it (option "validation"), others that did not
 * teach either say what it flags of them (option "holdout").  Both are taken for
 * clean, but for rows that labels call anomalous.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"

#include "learn/metrics.h"
#include "model/train_int.h"

/* Shares of the rows that choose and that check a threshold, when they are not said. */
#define DEFAULT_CHOOSING 0.1
#define DEFAULT_CHECKING 0.1

/* Reads the rule and sets the shares when they are not said. */
void
train_read_flags(Training *training)
{
	TrainOptions *options = &training->options;
	bool		chosen;

	training->flag_rule = flag_parse(options->threshold);
	chosen = flag_is_chosen(training->flag_rule);
	if (!train_option_given(training, "holdout"))
		options->holdout = chosen ? DEFAULT_CHECKING : 0;
	if (options->validation < 0)
		options->validation = chosen ? DEFAULT_CHOOSING : 0;
	if (options->validation > 0 && !chosen)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"validation\" of %s has no effect here", training->spec->function),
				 errdetail("The rows that validate a detector choose its threshold, and none is to be chosen."),
				 errhint("Leave it out, or give option \"threshold\" as an object.")));
}

/* Keeps the severities of rows that nobody called anomalous; gives their number. */
static int64
keep_clean(const TrainSet *set, float *severities)
{
	int64		n = 0;

	for (int64 row = 0; row < set->rows->nrows; row++)
		if (set->labels == NULL || set->labels[row] != 1)
			severities[n++] = severities[row];
	return n;
}

/* Chooses the threshold. */
void
train_choose_flags(Training *training, TrainFit *fit)
{
	FlagRule   *rule = training->flag_rule;
	const TrainSet *set = training->validation;
	float	   *severities = NULL;
	int64		nrows = 0;

	progress_phase(&training->progress, "choosing threshold", 0);
	flag_measured(rule, (double) training->nread / training->options.sample, time_column_days(&training->time));
	if (flag_is_chosen(rule) && set != NULL)
	{
		severities = train_predict_part(fit, set);
		nrows = keep_clean(set, severities);
	}
	flag_choose(rule, nrows, severities, &fit->flags);
	fit->threshold = fit->flags.threshold;
	if (severities != NULL)
		pfree(severities);
}

/* Gives what the detector flags of the held-out rows that nobody called anomalous, as JSON. */
char *
train_measure_flags(const Training *training, const TrainFit *fit)
{
	const TrainSet *set = training->held_out;
	float	   *severities = train_predict_part(fit, set);
	bool		ruled = training->flag_rule != NULL;
	FlagCount	count;
	StringInfoData out;

	flag_count(ruled ? fit->threshold : FLAG_DEFAULT_SEVERITY, keep_clean(set, severities), severities, &count);
	pfree(severities);
	initStringInfo(&out);
	appendStringInfo(&out, "{\"rows\": " INT64_FORMAT ", \"flagged\": " INT64_FORMAT, count.rows, count.flagged);
	metrics_append(&out, "flagged_share", count.share);
	metrics_append(&out, "flagged_low", count.low);
	metrics_append(&out, "flagged_high", count.high);
	metrics_append(&out, "nominal_share", ruled ? fit->flags.nominal : 1 - FLAG_DEFAULT_SEVERITY);
	appendStringInfo(&out, ", \"threshold_chosen_on\": \"%s\"}",
					 !ruled ? "default" : !flag_is_chosen(training->flag_rule) ? "given"
					 : fit->flags.checked ? "validation" : "training");
	return out.data;
}
