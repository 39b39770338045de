/*-------------------------------------------------------------------------
 *
 * train_split.c
 *	  Which rows teach, which validate, which are held out.
 *
 *		all rows ─▶ held out: measure what was learned, once
 *		         ─▶ validate: when to stop, calibration, threshold
 *		         ─▶ the rest teaches
 *
 * Both shares are of all rows.  By time, the latest rows are held out and the
 * latest of the rest validate.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "compat/compat.h"
#include "learn/split.h"
#include "model/train_int.h"

/* Marks about the share of the set's rows in the way that the options say. */
static void
mark_rows(const Training *training, double share, uint64 seed, uint8 *part)
{
	const TrainSet *set = training->set;
	int64		nrows = set->rows->nrows;

	if (set->times != NULL)
		split_latest(nrows, share, set->times, part);
	else if (set->groups != NULL)
		split_groups(nrows, share, seed, set->groups, part);
	else if (training->nclasses > 0 && strcmp(training->options.split, "stratified") == 0)
		split_holdout(nrows, share, seed, set->labels, training->nclasses, part);
	else
		split_holdout(nrows, share, seed, NULL, 0, part);
}

/*
 * Ends with the error for a part that stays empty although rows were asked for:
 * rows of one time, and those of one group, stay together.
 */
static void pg_attribute_noreturn()
cannot_part(const Training *training, const char *option)
{
	bool		by_time = training->set->times != NULL;
	const char *remedy = by_time ? "another split or a column that tells more times apart"
		: training->spec->task == TASK_RANKING ? "more groups" : "another split or more groups";
	bool		needed = training->validates && strcmp(option, "validation") == 0;

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("split \"%s\" sets no rows apart for option \"%s\"", training->options.split, option),
			 by_time ? errdetail("Rows of one time stay together, and too many of the " INT64_FORMAT " rows are of the latest time.",
								 training->set->rows->nrows)
			 : errdetail("Rows of one group stay together, and all of the " INT64_FORMAT " rows are of one group.",
						 training->set->rows->nrows),
			 needed ? errhint("Use %s.", remedy)
			 : errhint("Set option \"%s\" to 0, or use %s.", option, remedy)));
}

/* Sets about so many of the rows apart; NULL when so few are asked for that it would be none. */
static TrainSet *
set_apart(Training *training, double wanted, uint64 seed, const char *option, const char *what)
{
	TrainSet   *set = training->set;
	int64		nrows = set->rows->nrows;
	Size		mask_bytes = Max(nrows, 1);
	TrainSet   *apart;
	uint8	   *part;
	int64		n = 0;
	Size		bytes;

	if (wanted <= 0 || nrows == 0)
		return NULL;
	train_reserve(training, add_size(mask_bytes, set->groups ? split_groups_bytes(nrows, set->groups) : 0));
	part = MemoryContextAllocHuge(CurrentMemoryContext, mask_bytes);
	mark_rows(training, wanted / nrows, seed, part);
	for (int64 row = 0; row < nrows; row++)
		n += part[row];
	if (n == 0)
	{
		pfree(part);
		if ((set->times != NULL || set->groups != NULL) && nrows > 1 && rint(wanted) >= 1)
			cannot_part(training, option);
		return NULL;
	}
	bytes = trainset_bytes(set, n);
	train_reserve(training, add_size(mask_bytes, bytes));
	apart = trainset_copy(set, part, 1, training->limit,
						  add_size(set->rows->bytes, add_size(training->beside, mask_bytes)), what);
	trainset_keep(set, part, 0);
	pfree(part);
	training->beside = add_size(training->beside, bytes);
	train_reserve(training, 0);
	trainset_number_groups(set);
	trainset_number_groups(apart);
	return apart;
}

/* Ends with an error when the rows that teach are of one class; others may lie in the other parts. */
static void
check_teaching(const Training *training)
{
	const TrainSet *set = training->set;
	bool		one_class = true;

	for (int64 row = 1; row < set->rows->nrows && one_class; row++)
		one_class = (set->labels[row] == set->labels[0]);
	if (one_class)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the rows that teach have only one class"),
				 errdetail("Split \"%s\" leaves " INT64_FORMAT " rows, every one of them \"%s\".",
						   training->options.split, set->rows->nrows, training->classes[(int) set->labels[0]]),
				 errhint("Use another split, or a smaller holdout and validation.")));
}

/* Tells whether a row of the part counts. */
static bool
any_weight(const TrainSet *set)
{
	for (int64 row = 0; row < set->rows->nrows; row++)
		if (set->weights[row] > 0)
			return true;
	return false;
}

/* Ends with an error when no row that teaches has a weight, or none of those that are needed to validate. */
static void
check_weights(const Training *training)
{
	if (!any_weight(training->set))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weight column \"%s\" is 0 in every row that teaches", training->options.weight)));
	if (training->validates && !any_weight(training->validation))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weight column \"%s\" is 0 in every row that validates", training->options.weight),
				 errdetail("Split \"%s\" sets " INT64_FORMAT " rows apart to validate; early stopping, calibration and the choice of a threshold take them by weight.",
						   training->options.split, training->validation->rows->nrows),
				 errhint("Use another split, or a larger share in option \"validation\".")));
}

/* Sets the held-out rows and those that validate apart. */
void
train_split(Training *training)
{
	const TrainOptions *options = &training->options;
	int64		nrows = training->set->rows->nrows;

	if (training->set->labels == NULL && options->holdout + options->validation == 0)
		return;
	progress_phase(&training->progress, "splitting", 0);
	if (nrows >= TRAIN_LEAST_TO_HOLD_OUT)
		training->held_out = set_apart(training, options->holdout * nrows, options->seed, "holdout", "held-out data");
	training->validation = set_apart(training, options->validation * nrows, options->seed + 1, "validation",
									 "validation data");
	if (training->validates && training->validation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are too few rows to validate with"),
				 errdetail("Split \"%s\" of " INT64_FORMAT " rows sets none apart.", options->split, nrows),
				 errhint("Use more rows, another split, or a larger share in option \"validation\".")));
	if (training->nclasses > 0)
		check_teaching(training);
	if (training->set->weights != NULL)
		check_weights(training);
}
