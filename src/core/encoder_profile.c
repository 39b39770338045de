/*-------------------------------------------------------------------------
 *
 * encoder_profile.c
 *	  What training saw in a column: rows, NULLs, quantiles.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "core/encoder_int.h"
#include "core/matrix.h"

#define ST_SORT profile_sort_floats
#define ST_ELEMENT_TYPE float
#define ST_COMPARE(a, b) ((*(a) > *(b)) - (*(a) < *(b)))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Values that the quantiles of one column are taken from, and of all columns together. */
#define PROFILE_MAX_ROWS 32768
#define PROFILE_MAX_VALUES (16 * 1024 * 1024)

/* Fills one column's quantiles from evenly spread rows. */
static void
profile_quantiles(EncoderColumn *column, const Matrix *matrix, int64 stride, float *values)
{
	int			feature = column->first_feature;
	int			n = 0;

	for (int64 row = 0; row < matrix->nrows; row += stride)
	{
		float		value = matrix_row(matrix, row)[feature];

		if (!isnan(value))
			values[n++] = value + 0.0f; /* no negative zero */
	}
	column->nquantiles = 0;
	if (n == 0)
		return;
	profile_sort_floats(values, n);
	column->nquantiles = lengthof(column->quantiles);
	for (int q = 0; q < column->nquantiles; q++)
		column->quantiles[q] = values[(int64) q * (n - 1) / (column->nquantiles - 1)];
}

/* Counts the rows and the missing ones of the columns that were not learned row by row. */
static void
profile_nulls(Encoder *encoder, const Matrix *matrix)
{
	int			ncounted = 0;
	int		   *counted = palloc(sizeof(int) * encoder->ncolumns);
	int		   *features = palloc(sizeof(int) * encoder->ncolumns);
	int64	   *nnulls = palloc0(sizeof(int64) * encoder->ncolumns);

	for (int c = 0; c < encoder->ncolumns; c++)
	{
		EncoderColumn *column = &encoder->columns[c];

		if (column->kind == ENCODER_CATEGORY || column->kind == ENCODER_TEXT)
			continue;
		column->nrows = matrix->nrows;
		features[ncounted] = column->first_feature;
		counted[ncounted++] = c;
	}
	for (int64 row = 0; row < matrix->nrows; row++)
	{
		const float *values = matrix_row(matrix, row);

		if (row % 1000 == 0)
			CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < ncounted; i++)
			nnulls[i] += (isnan(values[features[i]]) != 0);
	}
	for (int i = 0; i < ncounted; i++)
		encoder->columns[counted[i]].nnulls = nnulls[i];
	pfree(counted);
	pfree(features);
	pfree(nnulls);
}

/* Fills the columns' profile from the training matrix. */
void
encoder_profile(Encoder *encoder, const struct Matrix *matrix)
{
	int64		limit = Min(PROFILE_MAX_ROWS, PROFILE_MAX_VALUES / Max(encoder->ncolumns, 1));
	int64		stride = Max((matrix->nrows + limit - 1) / limit, 1);
	float	   *values = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(limit + 1, sizeof(float)));

	profile_nulls(encoder, matrix);
	for (int c = 0; c < encoder->ncolumns; c++)
	{
		CHECK_FOR_INTERRUPTS();
		if (encoder->columns[c].kind != ENCODER_CATEGORY)
			profile_quantiles(&encoder->columns[c], matrix, stride, values);
	}
	pfree(values);
}
