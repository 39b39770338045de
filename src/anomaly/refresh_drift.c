/*-------------------------------------------------------------------------
 *
 * refresh_drift.c
 *	  Whether rows are as strange to a detector as its training rows were.
 *
 * Of an ensemble every component's evidence is judged, and the whole; of another
 * detector the whole alone.  Training rows that score alike share a p-value, so the p-values of
 * training are even only where there are some: distance and index are taken at the
 * p-values that the new rows have, where the expected share is the p-value itself.
 * So a detector whose training rows were nearly all alike raises no false alarm.
 * The training rows are a sample themselves: both tests are those of two samples.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"

#include "anomaly/detector.h"
#include "anomaly/refresh_drift.h"
#include "learn/stats.h"

#define BINS 10

/* More training rows than this tell no more: tails and severities are learned from so many. */
#define TRAINING_ROWS (256 * 1024)

/* What chance alone explains is no drift, whatever its size. */
#define SIGNIFICANT 0.01

/* From here on the index of a component is a shift. */
#define SHIFT_PSI 0.1

struct Drift
{
	const ModelVersion *version;
	int			nparts;
	const char *name[DRIFT_MAX_PARTS];
	double		expected;		/* share of training rows at or above the threshold */
	double		training[DRIFT_MAX_PARTS];	/* rows that p-values are shares of */
	Matrix	   *pvalues;		/* rows x parts */
};

#define ST_SORT sort_pvalues
#define ST_ELEMENT_TYPE float
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_DEFINE
#define ST_CHECK_FOR_INTERRUPTS
#include "lib/sort_template.h"

/* Says whether a detector is made of components. */
static bool
has_components(const ModelVersion *version)
{
	return version->loaded->algorithm == &algorithm_ensemble;
}

/* Gives the number of training rows that p-values are shares of. */
static double
training_rows(int64 nrows)
{
	return (double) Min(Max(nrows, 1), TRAINING_ROWS);
}

/* Begins to collect. */
Drift *
drift_begin(const ModelVersion *version, Size budget)
{
	Drift	   *drift = palloc0(sizeof(Drift));

	drift->version = version;
	/* 1 - .999 is to be .001 */
	drift->expected = rint((1 - detector_threshold(version)) * 1e12) / 1e12;
	if (has_components(version))
	{
		drift->nparts = ensemble_ncomponents(version->loaded);
		for (int i = 0; i < drift->nparts; i++)
		{
			drift->name[i] = ensemble_component(version->loaded, i)->algorithm->name;
			drift->training[i] = training_rows(ensemble_tail(version->loaded, i)->rows);
		}
		drift->name[drift->nparts] = "(all)";
	}
	else
		drift->name[drift->nparts] = version->loaded->algorithm->name;
	drift->training[drift->nparts] = version->encoder->ncolumns > 0 ? training_rows(version->encoder->columns[0].nrows) : TRAINING_ROWS;
	drift->nparts++;
	drift->pvalues = matrix_create(CurrentMemoryContext, drift->nparts, budget, "drift");
	return drift;
}

/* Takes in encoded rows with their severities. */
void
drift_add(Drift *drift, const float *rows, const float *severities, int nrows)
{
	const LoadedModel *model = drift->version->loaded;
	int			ncomponents = drift->nparts - 1;
	float		strangeness[DRIFT_BLOCK * ENSEMBLE_MAX_COMPONENTS];
	float		margins[DRIFT_BLOCK];

	Assert(nrows <= DRIFT_BLOCK);
	if (ncomponents > 0 && nrows > 0)
		ensemble_evidence(model, rows, nrows, strangeness, margins);
	for (int r = 0; r < nrows; r++)
	{
		float	   *pvalues = matrix_append(drift->pvalues);

		for (int i = 0; i < ncomponents; i++)
			pvalues[i] = (float) tail_share(ensemble_tail(model, i), strangeness[r * ncomponents + i]);
		pvalues[ncomponents] = (float) (1.0 - severities[r]);
	}
}

/* Gives the number of sorted p-values that are at most p. */
static int64
rows_up_to(const float *pvalues, int64 n, double p)
{
	int64		low = 0;
	int64		high = n;

	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (pvalues[middle] <= p)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Gives the distance of sorted p-values from the uniform distribution, at the p-values that there are. */
static double
uniform_distance(const float *pvalues, int64 n)
{
	double		distance = 0;

	for (int64 i = 0; i < n; i++)
	{
		if (i + 1 < n && pvalues[i + 1] == pvalues[i])
			continue;
		distance = Max(distance, fabs((double) (i + 1) / n - pvalues[i]));
	}
	return distance;
}

/* Gives the p-value that there is nearest to p. */
static double
nearest_pvalue(const float *pvalues, int64 n, double p)
{
	int64		behind = rows_up_to(pvalues, n, p);

	if (behind == 0)
		return pvalues[0];
	if (behind == n || p - pvalues[behind - 1] <= pvalues[behind] - p)
		return pvalues[behind - 1];
	return pvalues[behind];
}

/* Gives the population stability index over ten bins that end at p-values that there are; none counts as half a row. */
static double
stability_index(const float *pvalues, int64 n)
{
	double		index = 0;
	double		from = 0;
	int64		before = 0;

	for (int k = 1; k <= BINS; k++)
	{
		double		to = k < BINS ? nearest_pvalue(pvalues, n, (double) k / BINS) : 1;
		int64		behind = k < BINS ? rows_up_to(pvalues, n, to) : n;
		double		share;

		if (to <= from)
			continue;
		share = Max((double) (behind - before), 0.5) / n;
		index += (share - (to - from)) * log(share / (to - from));
		from = to;
		before = behind;
	}
	return index;
}

/* Gives the stability index of rows at or above the threshold against those below it. */
static double
flagged_index(double flagged, double expected)
{
	const double least = 1e-9;

	if (flagged <= expected)
		return 0;
	expected = Min(Max(expected, least), 1 - least);
	flagged = Min(flagged, 1 - least);
	return (flagged - expected) * (log(flagged / expected) - log((1 - flagged) / (1 - expected)));
}

/*
 * Gives the chance that so many rows or more are flagged of rows like the training
 * rows.  A share of `training` rows was flagged, so that of all such rows is
 * Beta(flagged + 1, others), as what lies beyond an order statistic is (Wilks 1942).
 */
static double
flagged_chance(int64 flagged, const DriftReport *report, double training)
{
	double		expected = report->expected * training;

	return stats_beta_binomial_upper(flagged, report->rows, expected + 1, Max(training - expected, 1), SIGNIFICANT);
}

/* Gives the share that is expected of rows like the training rows, beyond whose strangest new ones lie too. */
static double
flagged_mean(const DriftReport *report, double training)
{
	return (report->expected * training + 1) / (training + 1);
}

/* Gives the index that chance alone brings on average. */
static double
chance_index(int64 rows, double training)
{
	return (BINS - 1) * (1.0 / rows + 1 / training);
}

/*
 * Gives the verdict: the greater of two indexes, each if it is more than chance, by how much it is.
 * Ten bins do not see what happens among the few strangest rows, for which a detector is made.
 */
static const char *
judge(const DriftReport *report, double training)
{
	int64		flagged = (int64) rint(report->flagged * report->rows);
	double		index = 0;

	if (report->pvalue < SIGNIFICANT)
		index = report->psi - chance_index(report->rows, training);
	if (flagged_chance(flagged, report, training) < SIGNIFICANT)
		index = Max(index, flagged_index(report->flagged, flagged_mean(report, training)));
	return index > DRIFT_PSI ? "drifted" : index > SHIFT_PSI ? "shifted" : "stable";
}

/* Judges one part by its sorted p-values. */
static void
judge_part(const Drift *drift, int part, const float *pvalues, int64 n, DriftReport *report)
{
	double		training = drift->training[part];
	double		root = sqrt(n * training / (n + training));

	report->component = drift->name[part];
	report->rows = n;
	report->expected = drift->expected;
	report->flagged = (double) rows_up_to(pvalues, n, (float) drift->expected) / n;
	report->ks = uniform_distance(pvalues, n);
	/* of two samples (Smirnov 1948): the training rows are one too; Stephens' (1970) correction for few rows */
	report->pvalue = stats_kolmogorov_upper((root + 0.12 + 0.11 / root) * report->ks);
	report->psi = stability_index(pvalues, n);
	report->verdict = judge(report, training);
}

/* Judges what was collected; nothing when that is nothing. */
int
drift_judge(const Drift *drift, DriftReport reports[DRIFT_MAX_PARTS])
{
	int64		n = drift->pvalues->nrows;
	float	   *pvalues;

	if (n == 0)
		return 0;
	pvalues = palloc_extended(mul_size(sizeof(float), n), MCXT_ALLOC_HUGE);
	for (int part = 0; part < drift->nparts; part++)
	{
		for (int64 i = 0; i < n; i++)
			pvalues[i] = matrix_row(drift->pvalues, i)[part];
		sort_pvalues(pvalues, n);
		judge_part(drift, part, pvalues, n, &reports[part]);
	}
	pfree(pvalues);
	return drift->nparts;
}
