/*-------------------------------------------------------------------------
 *
 * quantiles_sort.c
 *	  Sorting and merging numbers, none of which is NaN.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "profile/quantiles_int.h"

#define SMALL 8

/* Sorts a few numbers by insertion. */
static inline void
sort_small(double *values, int n)
{
	for (int i = 1; i < n; i++)
	{
		double		value = values[i];
		int			at = i;

		for (; at > 0 && values[at - 1] > value; at--)
			values[at] = values[at - 1];
		values[at] = value;
	}
}

/* Merges two sorted arrays; of equal values a's come first. */
void
quantiles_merge_sorted(const double *a, int na, const double *b, int nb, double *out)
{
	const double *a_end = a + na;
	const double *b_end = b + nb;

	while (a < a_end && b < b_end)
	{
		double		x = *a;
		double		y = *b;
		bool		second = y < x;

		*out++ = second ? y : x;
		b += second;
		a += !second;
	}
	if (a < a_end)
		memmove(out, a, sizeof(double) * (a_end - a));
	else if (b < b_end)
		memmove(out, b, sizeof(double) * (b_end - b));
}

/* Sorts numbers by merging runs, between values and a copy. */
void
quantiles_sort(double *values, int n)
{
	double	   *from = values;
	double	   *to;
	bool		sorted = true;

	for (int i = 1; i < n && sorted; i++)
		sorted = values[i - 1] <= values[i];
	if (sorted)
		return;
	for (int i = 0; i < n; i += SMALL)
		sort_small(values + i, Min(SMALL, n - i));
	if (n <= SMALL)
		return;
	to = palloc(mul_size(n, sizeof(double)));
	for (int width = SMALL; width < n; width *= 2)
	{
		double	   *swap = from;

		for (int i = 0; i < n; i += 2 * width)
		{
			int			middle = Min(i + width, n);
			int			end = Min(i + 2 * width, n);

			quantiles_merge_sorted(from + i, middle - i, from + middle, end - middle, to + i);
		}
		from = to;
		to = swap;
	}
	if (from != values)
		memcpy(values, from, sizeof(double) * n);
	pfree(from != values ? from : to);
}
