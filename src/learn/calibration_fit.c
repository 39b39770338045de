/*-------------------------------------------------------------------------
 *
 * calibration_fit.c
 *	  Learning one calibration curve.
 *
 * Platt's curve is a logistic regression of the truth on the log odds with
 * smoothed targets, found by Newton's method with backtracking (Lin, Lin and
 * Weng 2007).  The loss is convex, so there is one answer.  Its slope stays
 * positive: a model whose scores contradict the truth on these rows is flattened,
 * not turned around.
 *
 * The isotonic curve is the nearest one that never falls, found by pooling
 * adjacent violators; rows of equal probability are one point, as in scikit-learn.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "learn/calibration_private.h"

#define PLATT_MAX_STEPS 100
#define PLATT_MIN_SLOPE 1e-3
#define PLATT_RIDGE 1e-12

/* Neighbouring rows that have one calibrated value. */
typedef struct Block
{
	float		first;			/* least and greatest probability */
	float		last;
	double		weight;
	double		positive;		/* of it, weight of positive rows */
} Block;

/* Loss of a logistic curve on rows, with what Newton's method asks for. */
typedef struct PlattLoss
{
	double		value;
	double		gradient[2];	/* by slope, by intercept */
	double		hessian[3];		/* slope twice, both, intercept twice */
} PlattLoss;

/* Gives the bytes that learning a calibration on so many rows takes beside them. */
Size
calibration_estimate(int64 nrows)
{
	return mul_size(nrows, sizeof(Block));
}

/* Computes the loss of slope and intercept with its derivatives. */
static PlattLoss
platt_loss(const CurveRows *rows, const double *log_odds, double slope, double intercept)
{
	double		target[2] = {1 / (rows->negative + 2), (rows->positive + 1) / (rows->positive + 2)};
	PlattLoss	loss = {0};

	for (int64 i = 0; i < rows->nrows; i++)
	{
		double		weight = rows->weights != NULL ? rows->weights[i] : 1;
		double		truth = target[(int) rows->labels[i] == rows->label];
		double		z = slope * log_odds[i] + intercept;
		double		tail = exp(-fabs(z));
		double		p = (z >= 0 ? 1 : tail) / (1 + tail);
		double		slack = weight * (p - truth);
		double		curvature = weight * tail / ((1 + tail) * (1 + tail));

		loss.value += weight * (log1p(tail) + (z >= 0 ? (1 - truth) * z : -truth * z));
		loss.gradient[0] += slack * log_odds[i];
		loss.gradient[1] += slack;
		loss.hessian[0] += curvature * log_odds[i] * log_odds[i];
		loss.hessian[1] += curvature * log_odds[i];
		loss.hessian[2] += curvature;
	}
	return loss;
}

/* Gives Newton's step for both, or for the intercept alone. */
static void
platt_step(const PlattLoss *loss, bool fixed_slope, double step[2])
{
	double		a = loss->hessian[0] + PLATT_RIDGE;
	double		b = loss->hessian[1];
	double		c = loss->hessian[2] + PLATT_RIDGE;
	double		determinant = a * c - b * b;

	step[0] = 0;
	step[1] = -loss->gradient[1] / c;
	if (fixed_slope || !(determinant > 0))
		return;
	step[0] = -(c * loss->gradient[0] - b * loss->gradient[1]) / determinant;
	step[1] = -(a * loss->gradient[1] - b * loss->gradient[0]) / determinant;
}

/* Minimises the loss from where slope and intercept stand. */
static void
platt_minimise(const CurveRows *rows, const double *log_odds, bool fixed_slope, double *slope, double *intercept)
{
	PlattLoss	loss = platt_loss(rows, log_odds, *slope, *intercept);

	for (int i = 0; i < PLATT_MAX_STEPS; i++)
	{
		double		step[2];
		double		share = 1;
		double		descent;
		PlattLoss	next;

		platt_step(&loss, fixed_slope, step);
		descent = loss.gradient[0] * step[0] + loss.gradient[1] * step[1];
		for (;;)
		{
			CHECK_FOR_INTERRUPTS();
			next = platt_loss(rows, log_odds, *slope + share * step[0], *intercept + share * step[1]);
			if (next.value <= loss.value + 1e-4 * share * descent)
				break;
			/* what is left to gain is below what the sums can show */
			if ((share /= 2) < 1e-10)
				return;
		}
		*slope += share * step[0];
		*intercept += share * step[1];
		loss = next;
		if (fabs(step[0]) <= 1e-13 * (1 + fabs(*slope)) && fabs(step[1]) <= 1e-13 * (1 + fabs(*intercept)))
			return;
	}
}

/* Learns a logistic curve on the log odds. */
void
calibration_fit_platt(const CurveRows *rows, CalibrationCurve *curve)
{
	double	   *log_odds = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(rows->nrows, sizeof(double)));

	for (int64 i = 0; i < rows->nrows; i++)
		log_odds[i] = calibration_log_odds(rows->proba[i * rows->stride]);
	curve->slope = 0;
	curve->intercept = log((rows->positive + 1) / (rows->negative + 1));
	platt_minimise(rows, log_odds, false, &curve->slope, &curve->intercept);
	if (!(curve->slope >= PLATT_MIN_SLOPE))
	{
		curve->slope = PLATT_MIN_SLOPE;
		curve->intercept = log((rows->positive + 1) / (rows->negative + 1));
		platt_minimise(rows, log_odds, true, &curve->slope, &curve->intercept);
	}
	pfree(log_odds);
}

/* Orders blocks by probability. */
static int
compare_blocks(const void *a, const void *b)
{
	float		x = ((const Block *) a)->first;
	float		y = ((const Block *) b)->first;

	return (x > y) - (x < y);
}

/* Makes one block of two neighbours. */
static inline void
merge_blocks(Block *into, const Block *next)
{
	into->last = next->last;
	into->weight += next->weight;
	into->positive += next->positive;
}

/* Gives every row with a weight as a block, ordered by probability, equal ones as one. */
static Block *
make_blocks(const CurveRows *rows, int64 *nblocks)
{
	Block	   *blocks = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(rows->nrows, sizeof(Block)));
	int64		n = 0;
	int64		kept = 0;

	for (int64 i = 0; i < rows->nrows; i++)
	{
		double		weight = rows->weights != NULL ? rows->weights[i] : 1;

		if (weight == 0)
			continue;
		blocks[n].first = blocks[n].last = rows->proba[i * rows->stride];
		blocks[n].weight = weight;
		blocks[n++].positive = (int) rows->labels[i] == rows->label ? weight : 0;
	}
	CHECK_FOR_INTERRUPTS();
	qsort(blocks, n, sizeof(Block), compare_blocks);
	CHECK_FOR_INTERRUPTS();
	for (int64 i = 1; i < n; i++)
	{
		if (blocks[i].first == blocks[kept].first)
			merge_blocks(&blocks[kept], &blocks[i]);
		else
			blocks[++kept] = blocks[i];
	}
	*nblocks = kept + 1;
	return blocks;
}

/* Pools neighbours until the shares of positive weight ascend; gives how many blocks are left. */
static int64
pool_violators(Block *blocks, int64 nblocks)
{
	int64		top = 0;

	for (int64 i = 1; i < nblocks; i++)
	{
		blocks[++top] = blocks[i];
		while (top > 0 &&
			   blocks[top - 1].positive / blocks[top - 1].weight >= blocks[top].positive / blocks[top].weight)
		{
			merge_blocks(&blocks[top - 1], &blocks[top]);
			top--;
		}
	}
	return top + 1;
}

/* Learns the nearest curve that never falls: the corners of its steps. */
void
calibration_fit_isotonic(const CurveRows *rows, CalibrationCurve *curve)
{
	int64		nblocks;
	Block	   *blocks = make_blocks(rows, &nblocks);
	Size		corners;
	int			n = 0;

	nblocks = pool_violators(blocks, nblocks);
	corners = mul_size(2, nblocks);
	curve->x = palloc(mul_size(corners, sizeof(float)));
	curve->y = palloc(mul_size(corners, sizeof(double)));
	for (int64 i = 0; i < nblocks; i++)
	{
		double		value = Min(blocks[i].positive / blocks[i].weight, 1);

		curve->x[n] = blocks[i].first;
		curve->y[n++] = value;
		if (blocks[i].last == blocks[i].first)
			continue;
		curve->x[n] = blocks[i].last;
		curve->y[n++] = value;
	}
	curve->npoints = n;
	pfree(blocks);
}
