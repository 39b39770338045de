/*-------------------------------------------------------------------------
 *
 * algorithm.c
 *	  The list of algorithms and of the tasks that they serve.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat/compat.h"
#include "learn/algorithm.h"

/* In the order of preference for a task: the first that serves it is the default. */
static const Algorithm *const algorithms[] = {
	&algorithm_xgboost,
	&algorithm_ensemble,
	&algorithm_iforest,
	&algorithm_surprise,
	&algorithm_xgbod,
	&algorithm_loda,
	&algorithm_baseline,
	&algorithm_rules,
	&algorithm_seasonal,
	&algorithm_arrival
};

/* By ModelTask. */
static const char *const task_names[] = {
	[TASK_CLASSIFICATION] = "classification",
	[TASK_REGRESSION] = "regression",
	[TASK_RANKING] = "ranking",
	[TASK_ANOMALY] = "anomaly",
	[TASK_SERIES] = "series",
	[TASK_ARRIVAL] = "arrival"
};

/* Where models of a task that scores no rows are trained and asked, by ModelTask. */
static const char *const task_functions[][2] = {
	[TASK_SERIES] = {"aipipe.series_train()", "aipipe.series_score()"},
	[TASK_ARRIVAL] = {"aipipe.arrival_train()", "aipipe.arrival_score()"}
};

/* Ends with the error for a name that is not in the list, with the nearest or all names as hint. */
static void pg_attribute_noreturn()
unknown_name(const char *kind, const char *name, const char *const *names, int nnames)
{
	const char *nearest = options_nearest(name, names, nnames);
	StringInfoData all;

	initStringInfo(&all);
	for (int i = 0; i < nnames; i++)
		appendStringInfo(&all, "%s\"%s\"", i == 0 ? "" : ", ", names[i]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no %s \"%s\"", kind, name),
			 errdetail("Known are %s.", all.data),
			 nearest ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
}

/* Gives the algorithm of that name. */
const Algorithm *
algorithm_find(const char *name)
{
	const char *names[lengthof(algorithms)];

	for (int i = 0; i < lengthof(algorithms); i++)
	{
		if (strcmp(algorithms[i]->name, name) == 0)
			return algorithms[i];
		names[i] = algorithms[i]->name;
	}
	unknown_name("algorithm", name, names, lengthof(algorithms));
}

/* Gives the algorithm of that number in the list, or NULL behind the last. */
const Algorithm *
algorithm_at(int i)
{
	return i < lengthof(algorithms) ? algorithms[i] : NULL;
}

/* Gives the algorithm that trains for a task when none is named. */
const Algorithm *
algorithm_default(ModelTask task)
{
	for (int i = 0; i < lengthof(algorithms); i++)
	{
		if (algorithms[i]->serves(task))
			return algorithms[i];
	}
	elog(ERROR, "no algorithm serves task %d", (int) task);
}

/* Gives the task of that name. */
ModelTask
algorithm_task(const char *name)
{
	for (int i = 0; i < lengthof(task_names); i++)
	{
		if (strcmp(task_names[i], name) == 0)
			return (ModelTask) i;
	}
	unknown_name("task", name, task_names, lengthof(task_names));
}

/* Gives the name of a task. */
const char *
algorithm_task_name(ModelTask task)
{
	return task_names[task];
}

/* Tells whether models of the task score rows. */
bool
algorithm_scores_rows(ModelTask task)
{
	return task >= lengthof(task_functions) || task_functions[task][0] == NULL;
}

/* Ends with an error when models of the task score no rows. */
void
algorithm_check_scores_rows(ModelTask task, const char *model)
{
	if (algorithm_scores_rows(task))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 model != NULL ? errmsg("model \"%s\" scores no rows", model)
			 : errmsg("task %s does not learn from rows", task_names[task]),
			 errdetail("Task %s is about points in time.", task_names[task]),
			 errhint("Use %s.", task_functions[task][model != NULL ? 1 : 0])));
}

/* Ends with the error for an artifact that is not that of its version. */
void
refresh_misfit(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("the stored artifact does not fit the rest of its version"),
			 errdetail("%s", detail),
			 errhint("Promote another version, or train a new one.")));
}

/* Ends with an error when an artifact to be refreshed is not for rows of so many features as its version's encoder gives. */
void
refresh_check_features(const RefreshRequest *request, int nfeatures)
{
	if (nfeatures != request->train->rows->ncols)
		refresh_misfit(psprintf("It is for rows of %d features; the version's encoder gives %d.", nfeatures, request->train->rows->ncols));
}
