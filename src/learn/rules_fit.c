/*-------------------------------------------------------------------------
 *
 * rules_fit.c
 *	  What training saw: shares of the classes, means and medians, in all rows
 *	  and among those that each rule decides.
 *
 * Sums are double and in the rows' order: same rows, same numbers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"

#include "learn/rules.h"

/* Rows between two looks at progress and interrupts. */
#define ROWS_PER_STEP 1000

/* Gives a row's weight. */
static inline double
weight_of(const TrainRequest *request, int64 row)
{
	return request->weights ? request->weights[row] : 1;
}

/* Maps a float to an integer of the same order. */
static inline uint32
ordered_bits(float value)
{
	uint32		bits;

	memcpy(&bits, &value, sizeof(bits));
	return (bits & 0x80000000) ? ~bits : bits | 0x80000000;
}

/* The way back. */
static inline float
from_ordered_bits(uint32 bits)
{
	float		value;

	bits = (bits & 0x80000000) ? bits & 0x7fffffff : ~bits;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Gives the weight of the rows whose label is at most the given one, in ordered bits. */
static double
weight_up_to(const TrainRequest *request, uint32 bits)
{
	double		sum = 0;

	for (int64 row = 0; row < request->rows->nrows; row++)
	{
		if (row % ROWS_PER_STEP == 0)
			CHECK_FOR_INTERRUPTS();
		if (ordered_bits(request->labels[row]) <= bits)
			sum += weight_of(request, row);
	}
	return sum;
}

/*
 * Gives the least label up to which there is half of the weight, or (above) more
 * than half: found bit by bit, so that no copy of the labels is sorted.
 */
static float
half_point(const TrainRequest *request, double half, bool above)
{
	uint32		low = 0;
	uint32		high = PG_UINT32_MAX;

	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;
		double		below = weight_up_to(request, middle);

		if (above ? below > half : below >= half)
			high = middle;
		else
			low = middle + 1;
	}
	return from_ordered_bits(low);
}

/* Gives the weighted median: between two labels when exactly half of the weight is on either side. */
static double
median_label(const TrainRequest *request, double total)
{
	return ((double) half_point(request, total / 2, false) + half_point(request, total / 2, true)) / 2;
}

/* Adds a row's label to the sums of a rule. */
static inline void
add_label(const TrainRequest *request, int noutputs, int64 row, double *sums)
{
	double		weight = weight_of(request, row);
	float		label = request->labels[row];

	if (request->task != TASK_CLASSIFICATION)
		sums[0] += weight * label;
	else if (noutputs == 1)
		sums[0] += weight * (label == 1);
	else
		sums[(int) label] += weight;
}

/* Sums weights and labels by the rule that decides the row. */
static void
sum_rows(const RuleTable *table, const TrainRequest *request, double *weights, double *sums)
{
	const Matrix *rows = request->rows;

	if (request->progress != NULL)
		progress_phase(request->progress, "summing rows", rows->nrows);
	for (int64 row = 0; row < rows->nrows; row++)
	{
		int			rule = rules_match(table, matrix_row(rows, row));

		if (row % ROWS_PER_STEP == 0)
		{
			CHECK_FOR_INTERRUPTS();
			if (request->progress != NULL)
				progress_update(request->progress, row);
		}
		weights[rule] += weight_of(request, row);
		add_label(request, table->noutputs, row, sums + (Size) rule * table->noutputs);
	}
}

/* Writes the outcome that was given for a rule. */
static void
give_outcome(const RuleTable *table, const RuleOutcome *outcome, const TrainRequest *request, float *out)
{
	const char *nearest;

	if (request->task != TASK_CLASSIFICATION)
	{
		out[0] = (float) outcome->value;
		return;
	}
	for (int c = 0; c < request->nclasses; c++)
	{
		if (strcmp(request->classes[c], outcome->label) != 0)
			continue;
		memset(out, 0, table->noutputs * sizeof(float));
		if (table->noutputs == 1)
			out[0] = c;
		else
			out[c] = 1;
		return;
	}
	nearest = options_nearest(outcome->label, (const char *const *) request->classes, request->nclasses);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the target has no class \"%s\"", outcome->label),
			 nearest != NULL ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
}

/* Sets the numbers of outputs and values that a task has. */
void
rules_set_shape(RuleTable *table, ModelTask task, int nclasses, int nfeatures)
{
	table->nfeatures = nfeatures;
	table->nvalues = task == TASK_CLASSIFICATION ? nclasses : 1;
	table->noutputs = table->nvalues == 2 ? 1 : table->nvalues;
}

/* Ends with an error when nothing can be learned from the rows. */
static void
check_total(double total)
{
	if (!(total > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no rows to train on"),
				 errdetail("The weights of all rows sum to %g.", total)));
}

/* Learns overall, outcomes and shares. */
void
rules_fit(RuleTable *table, const RuleOutcome *outcomes, bool median, const TrainRequest *request)
{
	int			noutputs = table->noutputs;
	Size		n = table->nrules + 1;
	double	   *weights = palloc0(mul_size(n, sizeof(double)));
	double	   *sums = palloc0(mul_size(mul_size(n, noutputs), sizeof(double)));
	float	   *overall = palloc(mul_size(noutputs, sizeof(float)));
	float	   *out = palloc(mul_size(mul_size(n, noutputs), sizeof(float)));
	float	   *shares = palloc(mul_size(n, sizeof(float)));
	double		total = 0;

	sum_rows(table, request, weights, sums);
	for (int i = 0; i < n; i++)
		total += weights[i];
	check_total(total);
	for (int k = 0; k < noutputs; k++)
	{
		double		sum = 0;

		for (int i = 0; i < n; i++)
			sum += sums[(Size) i * noutputs + k];
		overall[k] = median ? (float) median_label(request, total) : (float) (sum / total);
	}
	for (int i = 0; i < n; i++)
	{
		float	   *to = out + (Size) i * noutputs;

		shares[i] = (float) (weights[i] / total);
		if (outcomes != NULL && outcomes[i].given)
			give_outcome(table, &outcomes[i], request, to);
		else if (median || weights[i] == 0)
			memcpy(to, overall, noutputs * sizeof(float));
		else
		{
			for (int k = 0; k < noutputs; k++)
				to[k] = (float) (sums[(Size) i * noutputs + k] / weights[i]);
		}
	}
	table->overall = overall;
	table->outcomes = out;
	table->shares = shares;
}
