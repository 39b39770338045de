/*-------------------------------------------------------------------------
 *
 * iforest_severity.c
 *	  From a raw score to the share of training rows that look more normal.
 *
 * The training rows' own raw scores are kept as points (score, rows above).
 * Up to SEVERITY_EXACT_ROWS every distinct score is a point.  Beyond, the
 * points thin out towards the normal end: between two points lies at most one
 * part in SEVERITY_FINENESS of the rows that are as strange or stranger.  So the
 * small share that decides, one minus the severity, is right to 0.05 %, and
 * exact for the strangest 2 * SEVERITY_FINENESS rows.
 *
 * A row stranger than every training row gets a severity still nearer to 1, the
 * lower its score, so that such rows can be told apart.  That band is at most
 * one training row and SEVERITY_TAIL wide.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"

#include "learn/iforest.h"

#define SEVERITY_EXACT_ROWS 8192
#define SEVERITY_FINENESS 2048
#define SEVERITY_TAIL 1e-5

#define ST_SORT severity_sort
#define ST_ELEMENT_TYPE float
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE extern
#define ST_DEFINE
#define ST_CHECK_FOR_INTERRUPTS
#include "lib/sort_template.h"

/* Says after how many rows of rank `rank` the next point is due. */
int64
severity_step(int64 nscores, int64 rank)
{
	if (nscores <= SEVERITY_EXACT_ROWS)
		return 1;
	return Max(1, rank / SEVERITY_FINENESS);
}

/* Makes the severity points from the raw scores of training rows, which it sorts. */
void
severity_learn(float *scores, int64 nscores, Severity *severity)
{
	int			capacity = 1024;
	int64		due = 1;
	int64		rank;

	severity_sort(scores, nscores);
	severity->rows = nscores;
	severity->npoints = 0;
	severity->score = palloc(mul_size(sizeof(float), capacity));
	severity->above = palloc(mul_size(sizeof(int64), capacity));

	for (int64 i = 0; i < nscores; i = rank)
	{
		/* rank counts the rows as strange as this one or stranger */
		rank = i + 1;
		while (rank < nscores && scores[rank] == scores[i])
			rank++;
		if (rank < due && rank < nscores)
			continue;
		if (severity->npoints == capacity)
		{
			capacity *= 2;
			severity->score = repalloc(severity->score, mul_size(sizeof(float), capacity));
			severity->above = repalloc(severity->above, mul_size(sizeof(int64), capacity));
		}
		severity->score[severity->npoints] = scores[i];
		severity->above[severity->npoints++] = nscores - rank;
		due = rank + severity_step(nscores, rank);
	}
}

/* Gives the reason why the points are not sound, or NULL. */
const char *
severity_check(const Severity *severity)
{
	if (severity->rows < 1)
		return "it has no rows";
	if (severity->npoints < 1)
		return "it has no scores";
	for (int i = 0; i < severity->npoints; i++)
	{
		if (!isfinite(severity->score[i]))
			return "a score is not a number";
		if (i > 0 && severity->score[i] <= severity->score[i - 1])
			return "its scores do not ascend";
		if (severity->above[i] >= (i > 0 ? severity->above[i - 1] : severity->rows))
			return "its row counts do not descend";
	}
	if (severity->above[severity->npoints - 1] != 0)
		return "its last row count is not zero";
	return NULL;
}

/* Gives the severity of one raw score, in [0, 1], never rising with it. */
float
severity_of(const SeverityTable *table, float score)
{
	const float *base = table->score;
	int			n = table->npoints;

	if (!(score >= base[0]))
	{
		double		width = Min(1.0 / table->rows, SEVERITY_TAIL);
		double		beyond = (score < base[0]) ? (double) base[0] - score : INFINITY;

		return (float) (1.0 - width / (1.0 + beyond));
	}
	/* the last point at or below the score, without a branch that could be mispredicted */
	while (n > 1)
	{
		int			half = n / 2;

		base = (base[half] <= score) ? base + half : base;
		n -= half;
	}
	return table->share[base - table->score];
}
