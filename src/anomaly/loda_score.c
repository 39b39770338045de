/*-------------------------------------------------------------------------
 *
 * loda_score.c
 *	  LODA's kernel: a block of rows becomes mean excess bits.
 *
 * An excess is by how many bits a value of a projection is less probable than
 * the rows of training were on average: -log2 of its density less the mean of that.
 * So projections that a missing value takes away do not shift the mean, and a
 * row of which nothing is known is an average one.
 *
 *		inputs: input-major, LODA_BLOCK floats an input; a projection adds up some of
 *		them, and NaN, a missing value, goes through the sum by itself
 *
 * Beyond the edge of a histogram, the tail's rows thin out with the square of
 * the distance: density(t bins beyond) = tail / (1 + t)^2 per bin.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"

#include "anomaly/loda.h"

/* Brings a number to the common scale. */
static inline float
scale_number(float v, float centre, float inverse)
{
	float		z = (v - centre) * inverse;
	float		distance = fabsf(z);

	if (distance > LODA_LINEAR)
	{
		distance = LODA_LINEAR * (1 + logf(Min(distance, FLT_MAX) / LODA_LINEAR));
		return z > 0 ? distance : -distance;
	}
	return z;
}

/* Gives the place of a category on the common scale; what is none is missing. */
static inline float
scale_code(const float *codes, int ncodes, float v)
{
	return (v >= 0 && v < ncodes) ? codes[(int) v] : NAN;
}

/* Brings a block's rows to the common scale. */
void
loda_scale(const LodaState *state, const float *rows, int nrows, float *inputs)
{
	for (int i = 0; i < state->ninputs; i++)
	{
		const float *in = rows + state->feature[i];
		float	   *out = inputs + (size_t) i * LODA_BLOCK;
		int			ncodes = state->code_first[i + 1] - state->code_first[i];
		float		centre = state->centre[i];
		float		inverse = state->inverse[i];

		if (ncodes > 0)
		{
			for (int r = 0; r < nrows; r++)
				out[r] = scale_code(state->codes + state->code_first[i], ncodes, in[(size_t) r * state->nfeatures]);
		}
		else
		{
			for (int r = 0; r < nrows; r++)
				out[r] = scale_number(in[(size_t) r * state->nfeatures], centre, inverse);
		}
		for (int r = nrows; r % LODA_LANES != 0; r++)
			out[r] = 0;
	}
}

/* Adds up a projection of a block, some rows together; a row alone gets the same sum. */
void
loda_project(const LodaState *state, int projection, const float *inputs, int nrows, float *out)
{
	int			first = state->entry_first[projection];
	int			last = state->entry_first[projection + 1];

	if (nrows == 1)
	{
		float		sum = 0;

		for (int e = first; e < last; e++)
			sum += state->entry_weight[e] * inputs[(size_t) state->entry_input[e] * LODA_BLOCK];
		out[0] = sum;
		return;
	}
	for (int r = 0; r < nrows; r += LODA_LANES)
	{
		float		sums[LODA_LANES] = {0};

		for (int e = first; e < last; e++)
		{
			const float *in = inputs + (size_t) state->entry_input[e] * LODA_BLOCK + r;
			float		weight = state->entry_weight[e];

			for (int i = 0; i < LODA_LANES; i++)
				sums[i] += weight * in[i];
		}
		memcpy(out + r, sums, sizeof(sums));
	}
}

/* Gives the excess bits of a value that lies so many bins beyond an edge. */
static float
tail_excess(float edge, float distance)
{
	return edge + 2 * log2f(1 + Min(distance, FLT_MAX / 2));
}

/* Gives the excess bits of one value of a projection. */
float
loda_excess(const LodaState *state, int projection, float value)
{
	int			first = state->cell_first[projection];
	int			nbins = state->cell_first[projection + 1] - first;
	float		place = (value - state->from[projection]) * state->inverse_width[projection];

	if (place >= 0 && place < nbins)
		return state->cells[first + (int) place];
	return (place < 0) ? tail_excess(state->below[projection], -place)
		: tail_excess(state->above[projection], place - nbins);
}

/* Adds the excess bits of a projection to the sums of a block's rows. */
static void
add_excess(const LodaState *state, int projection, const float *values, int nrows, float *sums, int *used)
{
	const float *cells = state->cells + state->cell_first[projection];
	float		nbins = state->cell_first[projection + 1] - state->cell_first[projection];
	float		from = state->from[projection];
	float		inverse = state->inverse_width[projection];

	for (int r = 0; r < nrows; r++)
	{
		float		place = (values[r] - from) * inverse;

		if (likely(place >= 0 && place < nbins))
		{
			sums[r] += cells[(int) place];
			used[r]++;
		}
		else if (!isnan(values[r]))
		{
			sums[r] += loda_excess(state, projection, values[r]);
			used[r]++;
		}
	}
}

/* Gives the mean excess bits of one block's rows. */
static void
margin_block(const LodaState *state, const float *rows, int nrows, float *inputs, float *out)
{
	float		values[LODA_BLOCK];
	float		sums[LODA_BLOCK] = {0};
	int			used[LODA_BLOCK] = {0};

	loda_scale(state, rows, nrows, inputs);
	for (int p = 0; p < state->nprojections; p++)
	{
		loda_project(state, p, inputs, nrows, values);
		add_excess(state, p, values, nrows, sums, used);
	}
	for (int r = 0; r < nrows; r++)
		out[r] = used[r] > 0 ? sums[r] / used[r] : 0;
}

/* Gives the mean excess bits of rows. */
void
loda_margin(const LodaState *state, const float *rows, int nrows, float *out)
{
	float	   *inputs = palloc(mul_size(sizeof(float) * LODA_BLOCK, Max(state->ninputs, 1)));

	for (int done = 0; done < nrows; done += LODA_BLOCK)
		margin_block(state, rows + (size_t) done * state->nfeatures, Min(LODA_BLOCK, nrows - done), inputs, out + done);
	pfree(inputs);
}

/* The arrays of a view while it is made. */
typedef struct View
{
	int32	   *feature;
	int32	   *column;
	float	   *centre;
	float	   *inverse;
	int32	   *code_first;
	float	   *codes;
	int32	   *entry_first;
	int32	   *entry_input;
	float	   *entry_weight;
	float	   *from;
	float	   *inverse_width;
	float	   *below;
	float	   *above;
	int32	   *cell_first;
	float	   *cells;
} View;

/* Allocates as many four-byte elements, at least one. */
static void *
new_array(Size n)
{
	return palloc_extended(mul_size(sizeof(float), Max(n, 1)), MCXT_ALLOC_HUGE);
}

/* Lays out the inputs. */
static void
view_inputs(const Loda *loda, View *view)
{
	int32		ncodes = 0;

	for (int i = 0; i < loda->ninputs; i++)
		ncodes += loda->inputs[i].ncodes;
	view->feature = new_array(loda->ninputs);
	view->column = new_array(loda->ninputs);
	view->centre = new_array(loda->ninputs);
	view->inverse = new_array(loda->ninputs);
	view->code_first = new_array(loda->ninputs + 1);
	view->codes = new_array(ncodes);
	view->code_first[0] = 0;
	for (int i = 0; i < loda->ninputs; i++)
	{
		const LodaInput *input = &loda->inputs[i];

		view->feature[i] = input->feature;
		view->column[i] = input->column;
		view->centre[i] = input->centre;
		view->inverse[i] = Min(1 / input->scale, FLT_MAX);
		view->code_first[i + 1] = view->code_first[i] + input->ncodes;
		if (input->ncodes > 0)
			memcpy(view->codes + view->code_first[i], input->codes, sizeof(float) * input->ncodes);
	}
}

/* Turns a projection's counts into excess bits, those of a row that is itself among the counts so many times. */
static void
view_cells(const LodaProjection *projection, double own, View *view, int p)
{
	float	   *cells = view->cells + view->cell_first[p];
	double		rows = projection->below + projection->above;
	double		total;
	double		bits = 0;		/* rows' -log2 of their share, which differs from that of the density by the width's */

	for (int b = 0; b < projection->nbins; b++)
		rows += projection->count[b];
	total = rows + LODA_FLOOR * (projection->nbins + 2);
	for (int b = 0; b < projection->nbins; b++)
		bits -= projection->count[b] * log2((projection->count[b] + LODA_FLOOR) / total);
	bits -= projection->below * log2((projection->below + LODA_FLOOR) / total);
	bits -= projection->above * log2((projection->above + LODA_FLOOR) / total);
	bits = rows > 0 ? bits / rows : 0;
	total -= own;
	for (int b = 0; b < projection->nbins; b++)
		cells[b] = (float) (-log2((Max(projection->count[b] - own, 0) + LODA_FLOOR) / total) - bits);
	view->below[p] = (float) (-log2((Max(projection->below - own, 0) + LODA_FLOOR) / total) - bits);
	view->above[p] = (float) (-log2((Max(projection->above - own, 0) + LODA_FLOOR) / total) - bits);
}

/* Lays out the projections. */
static void
view_projections(const Loda *loda, double own, View *view)
{
	int32		nentries = 0;
	int32		ncells = 0;

	for (int p = 0; p < loda->nprojections; p++)
	{
		nentries += loda->projections[p].ninputs;
		ncells += loda->projections[p].nbins;
	}
	view->entry_first = new_array(loda->nprojections + 1);
	view->entry_input = new_array(nentries);
	view->entry_weight = new_array(nentries);
	view->from = new_array(loda->nprojections);
	view->inverse_width = new_array(loda->nprojections);
	view->below = new_array(loda->nprojections);
	view->above = new_array(loda->nprojections);
	view->cell_first = new_array(loda->nprojections + 1);
	view->cells = new_array(ncells);
	view->entry_first[0] = view->cell_first[0] = 0;
	for (int p = 0; p < loda->nprojections; p++)
	{
		const LodaProjection *projection = &loda->projections[p];
		int			first = view->entry_first[p];

		view->entry_first[p + 1] = first + projection->ninputs;
		memcpy(view->entry_input + first, projection->input, sizeof(int32) * projection->ninputs);
		memcpy(view->entry_weight + first, projection->weight, sizeof(float) * projection->ninputs);
		view->cell_first[p + 1] = view->cell_first[p] + projection->nbins;
		view->from[p] = projection->from;
		view->inverse_width[p] = 1 / projection->width;
		view_cells(projection, own, view, p);
	}
}

/* Makes what projecting and scoring need of what was learned. */
LodaState *
loda_view(const Loda *loda, bool unseen)
{
	LodaState  *state = palloc0(sizeof(LodaState));
	View		view = {0};

	view_inputs(loda, &view);
	view_projections(loda, unseen ? 1 : 0, &view);
	state->nfeatures = loda->nfeatures;
	state->ninputs = loda->ninputs;
	state->nprojections = loda->nprojections;
	state->feature = view.feature;
	state->column = view.column;
	state->centre = view.centre;
	state->inverse = view.inverse;
	state->code_first = view.code_first;
	state->codes = view.codes;
	state->entry_first = view.entry_first;
	state->entry_input = view.entry_input;
	state->entry_weight = view.entry_weight;
	state->from = view.from;
	state->inverse_width = view.inverse_width;
	state->below = view.below;
	state->above = view.above;
	state->cell_first = view.cell_first;
	state->cells = view.cells;
	return state;
}
