/*-------------------------------------------------------------------------
 *
 * encoder_profile.c
 *	  What training saw in a column: quantiles, and the same in words.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/memutils.h"

#include "core/encoder_int.h"
#include "core/matrix.h"
#include "core/text.h"

#define ST_SORT profile_sort_floats
#define ST_ELEMENT_TYPE float
#define ST_COMPARE(a, b) ((*(a) > *(b)) - (*(a) < *(b)))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Values that the quantiles of one column are taken from, and of all columns together. */
#define PROFILE_MAX_ROWS 32768
#define PROFILE_MAX_VALUES (16 * 1024 * 1024)
/* Categories that are named, and bytes of each. */
#define EXPECTED_CATEGORIES 3
#define EXPECTED_CATEGORY_BYTES 40

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

/* Writes a number as people would: no exponent unless it needs one. */
static void
expected_number(StringInfo out, double value)
{
	if (value == floor(value) && fabs(value) < 1e15)
		appendStringInfo(out, "%.0f", value);
	else if (fabs(value) >= 1e-4 && fabs(value) < 1e6)
		appendStringInfo(out, "%.6g", value);
	else
		appendStringInfo(out, "%.4g", value);
}

/* Writes days since 2000-01-01 as a date. */
static void
expected_date(StringInfo out, double days)
{
	int			year;
	int			month;
	int			day;

	if (days < -POSTGRES_EPOCH_JDATE || days > DATE_END_JULIAN - POSTGRES_EPOCH_JDATE)
	{
		appendStringInfoString(out, days < 0 ? "-infinity" : "infinity");
		return;
	}
	j2date((int) floor(days) + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	appendStringInfo(out, "%04d-%02d-%02d%s", year > 0 ? year : 1 - year, month, day, year > 0 ? "" : " BC");
}

/* Writes seconds since midnight as a time. */
static void
expected_time(StringInfo out, double seconds)
{
	int			whole = (int) Max(0.0, Min(seconds, 86400.0));

	appendStringInfo(out, "%02d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
}

/* Writes a span of seconds in the unit that suits it. */
static void
expected_span(StringInfo out, double seconds)
{
	double		size = fabs(seconds);

	if (size < 120)
		appendStringInfo(out, "%.3g s", seconds);
	else if (size < 7200)
		appendStringInfo(out, "%.3g min", seconds / 60);
	else if (size < 2 * 86400)
		appendStringInfo(out, "%.3g h", seconds / 3600);
	else
		appendStringInfo(out, "%.4g days", seconds / 86400);
}

/* Writes the first 32 bits of an address; float32 blurs the last ones. */
static void
expected_address(StringInfo out, double value)
{
	uint32		bits = value >= 4294967295.0 ? PG_UINT32_MAX : (uint32) Max(value, 0.0);

	appendStringInfo(out, "%u.%u.%u.%u", bits >> 24, (bits >> 16) & 255, (bits >> 8) & 255, bits & 255);
}

/* Writes one value of a column's first feature. */
static void
expected_value(StringInfo out, EncoderKind kind, double value)
{
	switch (kind)
	{
		case ENCODER_DATE:
		case ENCODER_TIMESTAMP:
			expected_date(out, value);
			break;
		case ENCODER_TIME:
			expected_time(out, value);
			break;
		case ENCODER_INTERVAL:
			expected_span(out, value);
			break;
		case ENCODER_INET:
			expected_address(out, value);
			break;
		default:
			expected_number(out, value);
	}
}

/* Writes the most frequent categories and their shares. */
static void
expected_categories(StringInfo out, const EncoderColumn *column)
{
	int64		present = column->nrows - column->nnulls;
	int			named = Min(column->ncategories, EXPECTED_CATEGORIES);

	for (int i = 0; i < named; i++)
	{
		const char *text = column->categories[i];
		int			len = (int) strlen(text);
		int			shown = text_clip(text, len, EXPECTED_CATEGORY_BYTES);

		appendStringInfo(out, "%s'%.*s%s' (%.3g %%)", i > 0 ? ", " : "", shown, text,
						 shown < len ? "..." : "",
						 100.0 * column->category_counts[i] / Max(present, 1));
	}
	if (column->ncategories > named)
		appendStringInfo(out, " or %d more", column->ncategories - named);
}

/* Writes which value of few is the usual one, with its share among the quantiles. */
static void
expected_usual(StringInfo out, const EncoderColumn *column)
{
	int			best = 0;
	int			best_count = 0;
	int			count = 0;

	for (int q = 0; q < column->nquantiles; q++)
	{
		count = (q > 0 && column->quantiles[q] == column->quantiles[q - 1]) ? count + 1 : 1;
		if (count > best_count)
		{
			best_count = count;
			best = (int) column->quantiles[q];
		}
	}
	appendStringInfoString(out, column->kind == ENCODER_BOOL ? (best ? "true" : "false") : encoder_json_type(best));
	if (best_count < column->nquantiles)
		appendStringInfo(out, " (%.0f %%)", 100.0 * best_count / column->nquantiles);
}

/* Writes the range in which nearly all values were. */
static void
expected_range(StringInfo out, const EncoderColumn *column)
{
	double		low = column->quantiles[1];
	double		median = column->quantiles[50];
	double		high = column->quantiles[99];

	if (column->kind == ENCODER_TEXT)
		appendStringInfoString(out, "a length ");
	else if (column->kind == ENCODER_ARRAY)
		appendStringInfoString(out, "a number of elements ");
	if (column->quantiles[0] == column->quantiles[100])
	{
		if (column->kind == ENCODER_TEXT || column->kind == ENCODER_ARRAY)
			appendStringInfoString(out, "of ");
		else
			appendStringInfoString(out, "always ");
		expected_value(out, column->kind, median);
		return;
	}
	appendStringInfoString(out, "between ");
	expected_value(out, column->kind, low);
	appendStringInfoString(out, " and ");
	expected_value(out, column->kind, high);
	appendStringInfoString(out, " (median ");
	expected_value(out, column->kind, median);
	appendStringInfoChar(out, ')');
}

/* Gives what training saw in a column as a short phrase. */
char *
encoder_expected(const Encoder *encoder, int c)
{
	const EncoderColumn *column = &encoder->columns[c];
	StringInfoData out;

	initStringInfo(&out);
	if (column->kind == ENCODER_CATEGORY ? column->ncategories == 0 : column->nquantiles == 0)
		appendStringInfoString(&out, "NULL always");
	else if (column->kind == ENCODER_CATEGORY)
		expected_categories(&out, column);
	else if (column->kind == ENCODER_BOOL || column->kind == ENCODER_JSON)
		expected_usual(&out, column);
	else
		expected_range(&out, column);
	return out.data;
}
