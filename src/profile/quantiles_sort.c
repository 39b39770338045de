/*-------------------------------------------------------------------------
 *
 * quantiles_sort.c
 *	  Sorting and merging numbers, none of which is NaN, without branches that depend on them.
 *
 * 64 numbers are looked at as 16 rows of 4 columns.  A network sorts all columns at once (Batcher's
 * merge exchange: each step compares two rows), and the columns, then runs of 64, are merged.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "storage/shmem.h"

#include "profile/quantiles_int.h"

#define ROWS 16
#define COLUMNS 4
#define CHUNK (ROWS * COLUMNS)

/* Numbers that are sorted by insertion. */
#define FEW 12

/* Batcher's network for 16 rows. */
static const uint8 network[][2] = {
	{0, 8}, {1, 9}, {2, 10}, {3, 11}, {4, 12}, {5, 13}, {6, 14}, {7, 15}, {0, 4}, {1, 5}, {2, 6}, {3, 7}, {8, 12},
	{9, 13}, {10, 14}, {11, 15}, {4, 8}, {5, 9}, {6, 10}, {7, 11}, {0, 2}, {1, 3}, {4, 6}, {5, 7}, {8, 10}, {9, 11},
	{12, 14}, {13, 15}, {2, 8}, {3, 9}, {6, 12}, {7, 13}, {2, 4}, {3, 5}, {6, 8}, {7, 9}, {10, 12}, {11, 13},
	{0, 1}, {2, 3}, {4, 5}, {6, 7}, {8, 9}, {10, 11}, {12, 13}, {14, 15}, {1, 8}, {3, 10}, {5, 12}, {7, 14}, {1, 4},
	{3, 6}, {5, 8}, {7, 10}, {9, 12}, {11, 14}, {1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 10}, {11, 12}, {13, 14}
};

/* Puts the lesser numbers of two rows into the first, column by column. */
static inline void
exchange(double *a, double *b)
{
	double		low[COLUMNS];
	double		high[COLUMNS];

	for (int c = 0; c < COLUMNS; c++)
		low[c] = Min(b[c], a[c]);
	for (int c = 0; c < COLUMNS; c++)
		high[c] = Max(a[c], b[c]);
	memcpy(a, low, sizeof(low));
	memcpy(b, high, sizeof(high));
}

/* Merges two sorted arrays of n that follow each other, from both ends at once. */
static inline void
merge_halves(const double *values, int n, double *out)
{
	const double *a = values;
	const double *b = values + n;
	const double *a_end = values + n - 1;
	const double *b_end = values + 2 * n - 1;

	for (int i = 0; i < n; i++)
	{
		double		x = *a;
		double		y = *b;
		bool		second = y < x;

		out[i] = second ? y : x;
		b += second;
		a += !second;

		x = *a_end;
		y = *b_end;
		second = y < x;
		out[2 * n - 1 - i] = second ? x : y;
		a_end -= second;
		b_end -= !second;
	}
}

/* Sorts 64 numbers. */
static void
sort_chunk(double *values)
{
	double		columns[CHUNK];

	for (int i = 0; i < lengthof(network); i++)
		exchange(values + network[i][0] * COLUMNS, values + network[i][1] * COLUMNS);
	for (int c = 0; c < COLUMNS; c++)
		for (int r = 0; r < ROWS; r++)
			columns[c * ROWS + r] = values[r * COLUMNS + c];
	merge_halves(columns, ROWS, values);
	merge_halves(columns + 2 * ROWS, ROWS, values + 2 * ROWS);
	memcpy(columns, values, sizeof(columns));
	merge_halves(columns, 2 * ROWS, values);
}

/* Sorts a few numbers by insertion. */
static inline void
sort_few(double *values, int n)
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

/* Sorts at most 64 numbers. */
static void
sort_run(double *values, int n)
{
	double		chunk[CHUNK];

	if (n == CHUNK)
		sort_chunk(values);
	else if (n <= FEW)
		sort_few(values, n);
	else
	{
		memcpy(chunk, values, sizeof(double) * n);
		for (int i = n; i < CHUNK; i++)
			chunk[i] = INFINITY;
		sort_chunk(chunk);
		memcpy(values, chunk, sizeof(double) * n);
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
	for (int i = 0; i < n; i += CHUNK)
		sort_run(values + i, Min(CHUNK, n - i));
	if (n <= CHUNK)
		return;
	to = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(n, sizeof(double)));
	for (int64 width = CHUNK; width < n; width *= 2)
	{
		double	   *swap = from;

		for (int64 i = 0; i < n; i += 2 * width)
		{
			int			middle = Min(i + width, n);
			int			end = Min(i + 2 * width, n);

			if (end - i == 2 * width)
				merge_halves(from + i, width, to + i);
			else
				quantiles_merge_sorted(from + i, middle - i, from + middle, end - middle, to + i);
		}
		from = to;
		to = swap;
	}
	if (from != values)
		memcpy(values, from, mul_size(n, sizeof(double)));
	pfree(from != values ? from : to);
}
