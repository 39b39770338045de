/*-------------------------------------------------------------------------
 *
 * surprise_learn.c
 *	  Which aspects a table has, and which outcomes each of them.
 *
 * Every feature of the encoder is an aspect of its column, but for the counts of
 * hashed 3-grams.  The outcomes of a category are its codes.  A number's are bins
 * over its distinct values: one that holds a bin's share of the rows or more stands
 * alone, between them neighbours join until they have that share.
 *
 * Beyond the core, which leaves tail_share of the rows outside on either side,
 * the distance counts, in units of how far that side of the core is from the
 * median: dirt of less than that share moves neither.  A little room around the core
 * is free, so that where a bounded number just ends nothing is far.
 *
 * What moves by itself must not become strange by it.  Numbers that rise or fall
 * with the row order are open on the side that they move to.  Dates and timestamps
 * go on: their later side is open whatever the order, and there only the distance
 * counts, from a year behind the last one on.  Where the first rows of such a number were is
 * not far either.
 *
 * With many rows the bins are learned from every k-th; the ends of the range are
 * those of all rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"

#include "anomaly/surprise.h"
#include "learn/clock.h"

/* Rows that bins, pairs and calibration are learned from: less of them with many aspects. */
#define SAMPLE_MAX_ROWS (64 * 1024)
#define SAMPLE_MIN_ROWS 4096
#define SAMPLE_MAX_VALUES (4 * 1024 * 1024)

/* With fewer rows than these, fewer bins. */
#define BINS_16_ROWS 2000
#define BINS_8_ROWS 500

#define DAYS_A_YEAR 365.0f

/* The room around a core, in its unit on that side. */
#define CORE_ROOM 0.05

#define ST_SORT sort_values
#define ST_ELEMENT_TYPE float
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* What all rows show of a numeric feature. */
typedef struct Survey
{
	float		min;
	float		max;
	Clock		clock;
} Survey;

/* Gives the number of rows that are looked at when looking at all takes too long. */
int64
surprise_sample_rows(int64 nrows, int naspects)
{
	int64		most = Min(SAMPLE_MAX_ROWS, SAMPLE_MAX_VALUES / Max(naspects, 1));

	return Min(nrows, Max(most, SAMPLE_MIN_ROWS));
}

/* Tells whether a feature is the count of hashed 3-grams of a text. */
static bool
is_gram(const EncoderColumn *column, const EncoderFeature *feature)
{
	Size		len = strlen(column->name);

	return column->kind == ENCODER_TEXT && strncmp(feature->name, column->name, len) == 0 &&
		strncmp(feature->name + len, ".gram", 5) == 0;
}

/* Tells whether a feature that is not its column's first takes part in pairs: a date's weekday, a timestamp's hour. */
static bool
side_is_paired(const EncoderColumn *column, int place)
{
	return place == 1 && (column->kind == ENCODER_DATE || column->kind == ENCODER_TIMESTAMP);
}

/* Adds the aspects of one column. */
static void
add_column(SurpriseModel *model, const Encoder *encoder, int c)
{
	const EncoderColumn *column = &encoder->columns[c];
	int			place = 0;

	for (int i = 0; i < column->nfeatures; i++)
	{
		const EncoderFeature *feature = &encoder->features[column->first_feature + i];
		SurpriseAspect *aspect = &model->aspects[model->naspects];

		if (is_gram(column, feature))
			continue;
		aspect->feature = column->first_feature + i;
		aspect->column = c;
		aspect->side = place > 0;
		aspect->paired = place == 0 || side_is_paired(column, place);
		aspect->categorical = feature->categorical;
		aspect->nvalues = feature->categorical ? feature->ncategories : 0;
		model->naspects++;
		place++;
	}
}

/* Lists the aspects; without an encoder each feature is a column of numbers. */
static void
list_aspects(SurpriseModel *model, const Encoder *encoder, int nfeatures)
{
	model->nfeatures = nfeatures;
	model->ncolumns = encoder ? encoder->ncolumns : nfeatures;
	model->partition = -1;
	model->aspects = palloc0(mul_size(sizeof(SurpriseAspect), Max(nfeatures, 1)));
	for (int c = 0; c < model->ncolumns; c++)
	{
		if (encoder)
			add_column(model, encoder, c);
		else
		{
			model->aspects[c].feature = model->aspects[c].column = c;
			model->aspects[c].paired = true;
			model->naspects++;
		}
	}
}

/* Looks at every row once, for what a sample cannot tell. */
static Survey *
survey_rows(const Matrix *rows, const SurpriseModel *model)
{
	Survey	   *surveys = palloc(mul_size(sizeof(Survey), Max(model->naspects, 1)));

	for (int a = 0; a < model->naspects; a++)
	{
		surveys[a].min = FLT_MAX;
		surveys[a].max = -FLT_MAX;
		clock_begin(&surveys[a].clock);
	}
	for (int64 i = 0; i < rows->nrows; i++)
	{
		const float *row = matrix_row(rows, i);

		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		for (int a = 0; a < model->naspects; a++)
		{
			Survey	   *survey = &surveys[a];
			float		x = row[model->aspects[a].feature] + 0.0f;	/* no negative zero */

			if (model->aspects[a].categorical || isnan(x))
				continue;
			survey->min = Min(survey->min, x);
			survey->max = Max(survey->max, x);
			clock_value(&survey->clock, x);
		}
	}
	return surveys;
}

/* Gives the quantile of sorted values, between two of them when it lies there. */
static double
quantile(const float *values, int64 n, double share)
{
	double		place = share * (n - 1);
	int64		at = (int64) place;

	if (at >= n - 1)
		return values[n - 1];
	return values[at] + (place - at) * ((double) values[at + 1] - values[at]);
}

/* Appends a bin. */
static void
add_bin(SurpriseAspect *aspect, float lo, float hi, bool alone)
{
	aspect->lo[aspect->nvalues] = lo;
	aspect->hi[aspect->nvalues] = hi;
	aspect->alone[aspect->nvalues++] = alone;
}

/* Makes the bins from sorted values. */
static void
learn_bins(SurpriseAspect *aspect, const float *values, int64 n, int bins)
{
	double		share = (double) n / bins;
	int64		open = 0;		/* values in the bin that is being filled */
	int64		next;

	aspect->nvalues = 0;
	aspect->lo = palloc(sizeof(float) * (2 * bins + 1));
	aspect->hi = palloc(sizeof(float) * (2 * bins + 1));
	aspect->alone = palloc(sizeof(bool) * (2 * bins + 1));
	for (int64 i = 0; i < n; i = next)
	{
		int64		count;

		next = i + 1;
		while (next < n && values[next] == values[i])
			next++;
		count = next - i;
		if (count >= share && count >= 2)
		{
			if (open > 0)
				add_bin(aspect, values[i - open], values[i - 1], false);
			add_bin(aspect, values[i], values[i], true);
			open = 0;
			continue;
		}
		open += count;
		if (open >= share)
		{
			add_bin(aspect, values[next - open], values[next - 1], false);
			open = 0;
		}
	}
	if (open > 0)
		add_bin(aspect, values[n - open], values[n - 1], false);
}

/* Brings a value into the range of finite floats, from a least one on. */
static float
clamp(double value, double least)
{
	return (float) Min(Max(value, least), FLT_MAX);
}

/* Finds the core of sorted values and how wide its sides are. */
static void
learn_core(SurpriseAspect *aspect, const float *values, int64 n, double tail_share)
{
	double		lo = quantile(values, n, tail_share);
	double		hi = quantile(values, n, 1 - tail_share);
	double		median = quantile(values, n, 0.5);
	double		width = Max(quantile(values, n, 0.9) - quantile(values, n, 0.1), (hi - lo) / 4);

	/* (nearly) constant: what few rows show, else the constant itself, is the only unit there is */
	if (width <= 0)
		width = ((double) values[n - 1] - values[0]) / 4;
	if (width <= 0)
		width = median != 0 ? fabs(median) : 1;
	aspect->scale_lo = clamp(Max(median - lo, width / 4), FLT_MIN);
	aspect->scale_hi = clamp(Max(hi - median, width / 4), FLT_MIN);
	aspect->core_lo = clamp(lo - CORE_ROOM * aspect->scale_lo, -FLT_MAX);
	aspect->core_hi = clamp(hi + CORE_ROOM * aspect->scale_hi, -FLT_MAX);
}

/* Sorts values and makes an aspect's bins and core of them. */
void
surprise_learn_number(SurpriseAspect *aspect, float *values, int64 n, int bins, double tail_share)
{
	sort_values(values, n);
	aspect->single_lo = n > 1 && values[0] < values[1];
	aspect->single_hi = n > 1 && values[n - 1] > values[n - 2];
	learn_bins(aspect, values, n, bins);
	learn_core(aspect, values, n, tail_share);
}

/* Opens the sides that values leave by themselves. */
static void
open_sides(SurpriseAspect *aspect, const Survey *survey, const Encoder *encoder)
{
	EncoderKind kind = encoder ? encoder->columns[aspect->column].kind : ENCODER_NUMBER;
	int			direction = aspect->side ? 0 : clock_direction(&survey->clock);

	if (direction > 0)
		aspect->core_lo = Min(aspect->core_lo, survey->min);
	if (direction < 0)
		aspect->core_hi = Max(aspect->core_hi, survey->max);
	if (!aspect->side && (kind == ENCODER_DATE || kind == ENCODER_TIMESTAMP))
	{
		aspect->open_above = true;
		aspect->core_hi = survey->max + DAYS_A_YEAR;
		aspect->scale_hi = Max(aspect->scale_hi, DAYS_A_YEAR);
	}
	else if (direction > 0)
	{
		aspect->open_above = true;
		aspect->scale_hi = 0;
	}
	else if (direction < 0)
	{
		aspect->open_below = true;
		aspect->scale_lo = 0;
	}
}

/* Collects the values of a feature from every stride-th row, and the ends of its range; gives their number. */
static int64
collect_values(const Matrix *rows, int feature, int64 stride, const Survey *survey, float *values)
{
	int64		n = 0;

	for (int64 i = 0; i < rows->nrows; i += stride)
	{
		float		x = matrix_row(rows, i)[feature];

		if (!isnan(x))
			values[n++] = x + 0.0f;
	}
	if (stride > 1 && survey->clock.nvalues > 0)
	{
		values[n++] = survey->min;
		values[n++] = survey->max;
	}
	return n;
}

/* Gives the number of bins that so many rows are enough for. */
int
surprise_bins(int64 nrows, int64 bins)
{
	if (nrows < BINS_8_ROWS)
		return (int) Min(bins, 8);
	return (int) (nrows < BINS_16_ROWS ? Min(bins, 16) : bins);
}

/* Learns the aspects and their outcomes, with all counts zero. */
void
surprise_learn_aspects(const TrainRequest *request, const SurpriseOptions *options, SurpriseModel *model)
{
	const Matrix *rows = request->rows;
	int64		stride;
	float	   *values;
	Survey	   *surveys;

	list_aspects(model, request->encoder, rows->ncols);
	stride = (rows->nrows - 1) / surprise_sample_rows(rows->nrows, model->naspects) + 1;
	surveys = survey_rows(rows, model);
	values = palloc_extended(mul_size(sizeof(float), add_size((rows->nrows - 1) / stride + 1, 2)), MCXT_ALLOC_HUGE);
	for (int a = 0; a < model->naspects; a++)
	{
		SurpriseAspect *aspect = &model->aspects[a];

		CHECK_FOR_INTERRUPTS();
		if (!aspect->categorical)
		{
			int64		n = collect_values(rows, aspect->feature, stride, &surveys[a], values);

			if (n > 0)
			{
				surprise_learn_number(aspect, values, n, surprise_bins(rows->nrows, options->bins), options->tail_share);
				open_sides(aspect, &surveys[a], request->encoder);
			}
		}
		aspect->counts = palloc0(mul_size(sizeof(double), SURPRISE_OUTCOMES(aspect)));
		aspect->novelty = 0.5;
		if (request->progress)
			progress_update(request->progress, a + 1);
	}
	pfree(values);
	pfree(surveys);
}
