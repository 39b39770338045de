/*-------------------------------------------------------------------------
 *
 * loda_draw.c
 *	  What LODA looks at: inputs on a common scale, and random projections of them.
 *
 * A projection adds up the square root of all columns' number of columns, rounded,
 * each times a weight drawn from N(0, 1).  As in the isolation forest a column is drawn first and
 * then one of its features, so that a column of many features has no more votes.
 *
 * Numbers are centred at their median and scaled by their quartiles, as a normal
 * distribution has them, so that faults among the training rows do not set the
 * scale.  From LODA_LINEAR such deviations on only the logarithm counts: one
 * wild value would else stretch a histogram until all others share a bin.
 *
 * A category becomes the bits that its share of the rows is worth, one never
 * seen those of half a row.  The day of dates and timestamps is left out:
 * every new day would be the strangest so far.  So is what never varies.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "anomaly/loda.h"

/* Scales and ranges are read off at most this many rows, evenly taken. */
#define SAMPLE_ROWS 65536

#define ST_SORT sort_floats
#define ST_ELEMENT_TYPE float
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Gives the number of rows that scales and ranges are read off. */
int64
loda_sample_rows(int64 nrows)
{
	int64		stride = (nrows - 1) / SAMPLE_ROWS + 1;

	return (nrows - 1) / stride + 1;
}

/* Copies a feature's values that are not missing, or not infinite, of the sampled rows; gives their number. */
static int
sample_feature(const Matrix *rows, int feature, float *values)
{
	int64		stride = (rows->nrows - 1) / SAMPLE_ROWS + 1;
	int			n = 0;

	for (int64 i = 0; i < rows->nrows; i += stride)
	{
		float		v = matrix_row(rows, i)[feature];

		if (isfinite(v))
			values[n++] = v;
	}
	CHECK_FOR_INTERRUPTS();
	return n;
}

/* Gives half the distance of two opposite quantiles of sorted values. */
static double
half_spread(const float *values, int n, double share)
{
	int			tail = (int) (share * (n - 1));

	return ((double) values[n - 1 - tail] - values[tail]) / 2;
}

/* Reads centre and scale off the sampled rows; false when nothing varies. */
static bool
scale_numbers(const Matrix *rows, int feature, float *values, LodaInput *input)
{
	/* quantiles that lie so many standard deviations from the mean of a normal distribution */
	static const double quantiles[][2] = {{0.25, 0.6744898}, {0.05, 1.6448536}, {0.01, 2.3263479}, {0, 4}};
	int			n = sample_feature(rows, feature, values);

	if (n == 0)
		return false;
	sort_floats(values, n);
	if (values[0] == values[n - 1])
		return false;
	input->centre = values[(n - 1) / 2];
	for (int q = 0; q < lengthof(quantiles); q++)
	{
		double		scale = half_spread(values, n, quantiles[q][0]) / quantiles[q][1];

		if (scale > 0)
		{
			input->scale = (float) Min(Max(scale, FLT_MIN), FLT_MAX);
			return true;
		}
	}
	return false;
}

/* Counts the codes of a feature in all rows; the last count is of those beyond the known ones. */
static int64
count_codes(const Matrix *rows, int feature, int ncategories, int64 *counts)
{
	int64		total = 0;

	memset(counts, 0, sizeof(int64) * (ncategories + 1));
	for (int64 i = 0; i < rows->nrows; i++)
	{
		float		v = matrix_row(rows, i)[feature];

		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		if (!(v >= 0 && v <= ncategories))
			continue;
		counts[(int) v]++;
		total++;
	}
	return total;
}

/* Makes the codes of a category: its bits on a scale of at least one bit; false when fewer than two were seen. */
static bool
scale_categories(const Matrix *rows, int feature, int ncategories, LodaInput *input)
{
	int64	   *counts = palloc(mul_size(sizeof(int64), ncategories + 1));
	int64		total = count_codes(rows, feature, ncategories, counts);
	int			nseen = 0;
	double		mean = 0;
	double		squares = 0;
	double		scale;

	input->ncodes = ncategories + 1;
	input->codes = palloc(mul_size(sizeof(float), input->ncodes));
	for (int c = 0; c < input->ncodes; c++)
	{
		double		bits = -log2(Max((double) counts[c], LODA_FLOOR) / Max(total, 1));

		input->codes[c] = (float) bits;
		nseen += counts[c] > 0;
		mean += bits * counts[c];
		squares += bits * bits * counts[c];
	}
	pfree(counts);
	if (nseen < 2)
		return false;
	mean /= total;
	scale = Max(sqrt(Max(squares / total - mean * mean, 0)), 1);
	for (int c = 0; c < input->ncodes; c++)
		input->codes[c] = (float) ((input->codes[c] - mean) / scale);
	input->scale = 1;
	return true;
}

/* Says whether a feature is a day that later rows will have passed. */
static bool
is_day(const Encoder *encoder, int feature)
{
	const EncoderColumn *column = &encoder->columns[encoder->features[feature].column];

	return (column->kind == ENCODER_DATE || column->kind == ENCODER_TIMESTAMP) && feature == column->first_feature;
}

/* Makes a feature an input; false when it says nothing. */
static bool
make_input(const TrainRequest *request, int feature, float *values, LodaInput *input)
{
	const Encoder *encoder = request->encoder;

	memset(input, 0, sizeof(*input));
	input->feature = feature;
	input->column = encoder ? encoder->features[feature].column : feature;
	if (encoder && is_day(encoder, feature))
		return false;
	if (encoder && encoder->features[feature].categorical)
		return scale_categories(request->rows, feature, encoder->features[feature].ncategories, input);
	return scale_numbers(request->rows, feature, values, input);
}

/* Finds the inputs, in the order of the features. */
static void
find_inputs(const TrainRequest *request, Loda *loda)
{
	float	   *values = palloc(mul_size(sizeof(float), loda_sample_rows(request->rows->nrows)));

	loda->nfeatures = request->rows->ncols;
	loda->inputs = palloc_extended(mul_size(sizeof(LodaInput), loda->nfeatures), MCXT_ALLOC_HUGE);
	for (int f = 0; f < loda->nfeatures; f++)
	{
		if (make_input(request, f, values, &loda->inputs[loda->ninputs]))
			loda->ninputs++;
	}
	pfree(values);
}

/* Gives a number drawn from N(0, 1) (Box and Muller). */
static double
draw_normal(pg_prng_state *rng)
{
	double		radius = sqrt(-2 * log(1 - pg_prng_double(rng)));

	return radius * cos(2 * M_PI * pg_prng_double(rng));
}

/* Orders input numbers. */
static int
compare_inputs(const void *a, const void *b)
{
	return *(const int32 *) a - *(const int32 *) b;
}

/* Draws one projection: columns without replacement, an input of each. */
static void
draw_projection(pg_prng_state *rng, const int *first, int *columns, int ncolumns, LodaProjection *projection)
{
	projection->ninputs = Max((int) rint(sqrt(ncolumns)), 1);
	projection->input = palloc(mul_size(sizeof(int32), projection->ninputs));
	projection->weight = palloc(mul_size(sizeof(float), projection->ninputs));
	for (int i = 0; i < projection->ninputs; i++)
	{
		int			at = (int) pg_prng_uint64_range(rng, i, ncolumns - 1);
		int			column = columns[at];

		columns[at] = columns[i];
		columns[i] = column;
		projection->input[i] = (int32) pg_prng_uint64_range(rng, first[column], first[column + 1] - 1);
	}
	qsort(projection->input, projection->ninputs, sizeof(int32), compare_inputs);
	for (int i = 0; i < projection->ninputs; i++)
		projection->weight[i] = (float) draw_normal(rng);
}

/* Finds the inputs and draws the projections; none without inputs. */
void
loda_draw(const TrainRequest *request, const LodaOptions *options, Loda *loda)
{
	pg_prng_state rng;
	int		   *first;
	int		   *columns;
	int			ncolumns = 0;

	memset(loda, 0, sizeof(*loda));
	loda->rows = request->rows->nrows;
	find_inputs(request, loda);
	first = palloc(mul_size(sizeof(int), loda->ninputs + 1));
	columns = palloc(mul_size(sizeof(int), loda->ninputs + 1));
	for (int i = 0; i < loda->ninputs; i++)
	{
		if (i > 0 && loda->inputs[i].column == loda->inputs[i - 1].column)
			continue;
		columns[ncolumns] = ncolumns;
		first[ncolumns++] = i;
	}
	first[ncolumns] = loda->ninputs;
	loda->nprojections = ncolumns > 0 ? (int32) options->projections : 0;
	loda->projections = palloc0(mul_size(sizeof(LodaProjection), Max(loda->nprojections, 1)));
	pg_prng_seed(&rng, request->seed);
	for (int p = 0; p < loda->nprojections; p++)
		draw_projection(&rng, first, columns, ncolumns, &loda->projections[p]);
	pfree(first);
	pfree(columns);
}
