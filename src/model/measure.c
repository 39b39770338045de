/*-------------------------------------------------------------------------
 *
 * measure.c
 *	  What tests are computed from: scores, per-row losses, and metrics of resamples.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "model/test.h"

/* Gives the probabilities of the positive class of two. */
double *
measure_scores(const Paired *rows, int side)
{
	double	   *scores = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(rows->nrows + 1, sizeof(double)));

	for (int64 row = 0; row < rows->nrows; row++)
		scores[row] = rows->values[side][2 * row + 1];
	return scores;
}

/* Gives which rows are of the positive class of two. */
uint8 *
measure_positive(const Paired *rows)
{
	uint8	   *positive = MemoryContextAllocHuge(CurrentMemoryContext, rows->nrows + 1);

	for (int64 row = 0; row < rows->nrows; row++)
		positive[row] = rows->labels[row] > 0.5f;
	return positive;
}

/* Metrics that are means over rows. */
static const struct RowMetric
{
	const char *name;
	bool		root;			/* of the mean of squares */
}			row_metrics[] = {
	{"accuracy", false},
	{"brier", false},
	{"log_loss", false},
	{"mae", false},
	{"mape", false},
	{"quantile_loss", false},
	{"rmse", true},
};

/* Says whether a metric is a mean over rows. */
bool
measure_has_losses(const char *metric, bool *root)
{
	for (int i = 0; i < lengthof(row_metrics); i++)
		if (strcmp(row_metrics[i].name, metric) == 0)
		{
			*root = row_metrics[i].root;
			return true;
		}
	return false;
}

/* Gives every row's loss: what the metric says of that row alone. */
double *
measure_losses(const Paired *rows, int side, const Metric *metric, bool root)
{
	double	   *losses = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(rows->nrows + 1, sizeof(double)));
	Scored		scored = paired_side(rows, side);

	scored.nrows = 1;
	for (int64 row = 0; row < rows->nrows; row++)
	{
		if (row % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		losses[row] = metric->compute(&scored);
		if (root)
			losses[row] *= losses[row];
		scored.values += rows->nvalues;
		scored.labels++;
	}
	return losses;
}

/* Prepares to resample rows, or groups of them. */
void
measure_resample_begin(MeasureResample *resample, const Paired *rows, const Metric *metric)
{
	memset(resample, 0, sizeof(MeasureResample));
	resample->rows = rows;
	resample->metric = metric;
	resample->nunits = rows->nrows;
	resample->scratch = AllocSetContextCreate(CurrentMemoryContext, "aipipe model resample", ALLOCSET_DEFAULT_SIZES);
	if (rows->groups == NULL)
		return;
	resample->nunits = rows->groups[rows->nrows - 1] + 1;
	resample->starts = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(resample->nunits + 1, sizeof(int64)));
	for (int64 row = rows->nrows; row-- > 0;)
		resample->starts[rows->groups[row]] = row;
	resample->starts[resample->nunits] = rows->nrows;
}

/* Gives a buffer with room for so many elements, keeping nothing. */
static void *
buffer_for(void *old, int64 n, Size size)
{
	if (old != NULL)
		pfree(old);
	return MemoryContextAllocHuge(CurrentMemoryContext, mul_size(n, size));
}

/* Gives the bounds of a unit's rows. */
static void
unit_rows(const MeasureResample *resample, int64 unit, int64 *start, int64 *end)
{
	*start = resample->starts != NULL ? resample->starts[unit] : unit;
	*end = resample->starts != NULL ? resample->starts[unit + 1] : unit + 1;
}

/* Makes room for the rows of a resample. */
static void
make_room(MeasureResample *resample, const uint32 *times)
{
	int64		nrows = 0;

	for (int64 unit = 0; unit < resample->nunits; unit++)
	{
		int64		start;
		int64		end;

		unit_rows(resample, unit, &start, &end);
		nrows += times[unit] * (end - start);
	}
	if (nrows <= resample->capacity)
		return;
	resample->capacity = nrows + nrows / 4;
	resample->values = buffer_for(resample->values, resample->capacity * resample->rows->nvalues, sizeof(float));
	resample->labels = buffer_for(resample->labels, resample->capacity, sizeof(float));
	if (resample->starts != NULL)
		resample->groups = buffer_for(resample->groups, resample->capacity, sizeof(int32));
}

/* Copies one side's rows as often as they were drawn; copies of a group are groups of their own. */
static int64
copy_rows(MeasureResample *resample, const uint32 *times, int side)
{
	const Paired *rows = resample->rows;
	int64		n = 0;
	int32		group = 0;

	for (int64 unit = 0; unit < resample->nunits; unit++)
	{
		int64		start;
		int64		end;

		unit_rows(resample, unit, &start, &end);
		for (uint32 t = 0; t < times[unit]; t++, group++)
		{
			memcpy(resample->values + (size_t) n * rows->nvalues, rows->values[side] + (size_t) start * rows->nvalues,
				   sizeof(float) * (end - start) * rows->nvalues);
			memcpy(resample->labels + n, rows->labels + start, sizeof(float) * (end - start));
			for (int64 row = start; row < end && resample->groups != NULL; row++)
				resample->groups[n + row - start] = group;
			n += end - start;
		}
	}
	return n;
}

/* Gives the metric of both sides on a resample. */
void
measure_resample_figures(void *arg, const uint32 *times, double figures[2])
{
	MeasureResample *resample = arg;
	MemoryContext old;

	make_room(resample, times);
	old = MemoryContextSwitchTo(resample->scratch);
	for (int side = 0; side < 2; side++)
	{
		Scored		scored = paired_side(resample->rows, side);

		scored.nrows = copy_rows(resample, times, side);
		scored.values = resample->values;
		scored.labels = resample->labels;
		scored.groups = resample->groups;
		figures[side] = resample->metric->compute(&scored);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(resample->scratch);
}
