/*-------------------------------------------------------------------------
 *
 * seasonal_tail.c
 *	  How improbable a deviation is beside earlier ones.
 *
 * Nothing is assumed of how deviations are distributed but that their tail falls no slower than an
 * exponential: up to a threshold (a fifth of the earlier ones lie beyond) a size's p-value is its rank, behind it
 * the tail goes on with its mean excess.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "series/seasonal_int.h"

#define TAIL_SHARE 0.2
#define TAIL_LEAST 8			/* deviations that make a tail */
#define PVALUE_LEAST 1e-12

/* Puts the size of a deviation into the ring. */
void
seasonal_tail_add(SeasonalTail *tail, int capacity, double deviation)
{
	tail->ring[tail->at] = (float) fabs(deviation);
	tail->at = (tail->at + 1) % capacity;
	tail->n = Min(tail->n + 1, capacity);
}

/* Sets the tail by what is in the ring. */
void
seasonal_tail_set(SeasonalTail *tail)
{
	double		sizes[SEASONAL_RESIDUALS];
	double		sum = 0;
	int			at;

	tail->total = tail->n;
	tail->beyond = Min(Max((int) (tail->n * TAIL_SHARE), TAIL_LEAST), tail->n / 2);
	tail->threshold = tail->excess = 0;
	if (tail->beyond == 0)
		return;
	for (int i = 0; i < tail->n; i++)
		sizes[i] = tail->ring[i];
	at = tail->n - tail->beyond - 1;
	seasonal_select(sizes, tail->n, at);
	tail->threshold = sizes[at];
	for (int i = at + 1; i < tail->n; i++)
		sum += sizes[i] - tail->threshold;
	tail->excess = sum / tail->beyond;
}

/* Gives the share of deviations that lie in the tail. */
static double
tail_share(const SeasonalTail *tail)
{
	return (tail->beyond + 1.0) / (tail->total + 1.0);
}

/* Gives the probability of a deviation of at least this size. */
double
seasonal_tail_pvalue(const SeasonalTail *tail, double deviation)
{
	double		size = fabs(deviation);
	int			n = 0;

	if (tail->beyond > 0 && size > tail->threshold)
	{
		double		p = tail->excess > 0 ? tail_share(tail) * exp(-(size - tail->threshold) / tail->excess) : 0;

		return Max(p, PVALUE_LEAST);
	}
	for (int i = 0; i < tail->n; i++)
		n += (tail->ring[i] >= size);
	return (n + 1.0) / (tail->n + 1.0);
}

/* Gives the size that has the probability, which is no greater than the tail's share. */
double
seasonal_tail_size(const SeasonalTail *tail, double pvalue)
{
	double		share = tail_share(tail);

	return tail->threshold + (pvalue < share ? tail->excess * log(share / pvalue) : 0);
}
