/*-------------------------------------------------------------------------
 *
 * seasonal.c
 *	  Algorithm "seasonal" of task series.
 *
 * It scores points in time, not rows: room series trains it and asks its detector (seasonal_artifact.h),
 * so of the interface it has what registry and cache need.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "series/seasonal_artifact.h"

/* Tells whether the algorithm serves a task. */
static bool
seasonal_serves(ModelTask task)
{
	return task == TASK_SERIES;
}

/* Opens a compiled form. */
static LoadedModel *
seasonal_load(const char *compiled, Size len)
{
	LoadedModel *model = palloc0(sizeof(LoadedModel));

	model->algorithm = &algorithm_seasonal;
	model->nvalues = 1;
	model->state = seasonal_open(compiled, len);
	return model;
}

const Algorithm algorithm_seasonal = {
	.name = "seasonal",
	.serves = seasonal_serves,
	.compile = seasonal_compile,
	.open = seasonal_load
};
