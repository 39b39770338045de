/*-------------------------------------------------------------------------
 *
 * surprise_score.c
 *	  The kernel: rows → bits of surprise → 2^(power * z) → margins.
 *
 * Works aspect by aspect on blocks of rows.  All that depends on an outcome alone
 * was put in tables when the model was compiled: the marginal surprise and its
 * 2^(power * z), the weighted conditional surprise by pair, and a grid from the sum
 * of these to 2^(power * z).  Only values beyond a core or surprises beyond the grid
 * need a logarithm and a tail, and they are few.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "storage/shmem.h"

#include "anomaly/surprise.h"

/* Bits for each doubling of the distance from the core, and the greatest distance. */
#define TAIL_BITS 2.0f
#define MAX_DISTANCE 1e30f

/* Allocates the outcomes of a block. */
void
surprise_codes_create(const SurpriseTables *tables, SurpriseCodes *codes)
{
	codes->codes = palloc(mul_size(sizeof(uint16) * SURPRISE_BLOCK, tables->naspects));
	codes->pairs = palloc(mul_size(SURPRISE_BLOCK, tables->naspects));
}

/* Frees the outcomes of a block. */
void
surprise_codes_free(SurpriseCodes *codes)
{
	pfree(codes->codes);
	pfree(codes->pairs);
}

/*
 * Gives where an aspect's values are, and how far apart: in the rows, or
 * standardised by their groups in a place of the caller's.
 */
static const float *
aspect_values(const SurpriseTables *tables, const SurpriseNode *node, const float *rows, int nrows,
			  const SurpriseCodes *codes, float *standardised, Size *stride)
{
	const uint16 *group = codes->codes + Max(tables->partition, 0) * SURPRISE_BLOCK;
	const float *centers = tables->floats + node->groups;
	const float *rates;

	*stride = tables->nfeatures;
	if (!(node->flags & SURPRISE_NODE_STANDARDISED))
		return rows + node->feature;
	rates = centers + tables->nodes[tables->partition].nvalues + 2;
	*stride = 1;
	for (int i = 0; i < nrows; i++)
		standardised[i] = surprise_within(rows[i * (Size) tables->nfeatures + node->feature], centers[group[i]], rates[group[i]]);
	return standardised;
}

/* Gives the outcomes of one aspect. */
static void
encode_aspect(const SurpriseTables *tables, int a, const float *rows, int nrows, SurpriseCodes *codes)
{
	const SurpriseNode *node = &tables->nodes[a];
	const uint8 *pair = tables->bytes + node->pair;
	uint16	   *code = codes->codes + a * SURPRISE_BLOCK;
	uint8	   *pairs = codes->pairs + a * SURPRISE_BLOCK;
	float		standardised[SURPRISE_BLOCK];
	Size		stride;
	const float *values = aspect_values(tables, node, rows, nrows, codes, standardised, &stride);
	SurpriseCoder coder = {
		.categorical = (node->flags & SURPRISE_NODE_CATEGORICAL) != 0,
		.nvalues = node->nvalues,
		.nedges = node->nedges,
		.edges = tables->floats + node->edges,
		.map = tables->shorts + node->map,
	};

	surprise_code(&coder, values, stride, nrows, code);
	for (int i = 0; i < nrows; i++)
		pairs[i] = pair[code[i]];
}

/* Gives the folds of a block of rows, when there are trees. */
static void
encode_folds(const SurpriseTables *tables, const float *rows, int nrows, SurpriseCodes *codes)
{
	for (int i = 0; tables->nfulls > 0 && i < nrows; i++)
		codes->folds[i] = surprise_fold(rows + i * (Size) tables->nfeatures, tables->nfeatures);
}

/* Gives the outcomes of a block of rows; the group first, which others depend on. */
void
surprise_encode(const SurpriseTables *tables, const float *rows, int nrows, SurpriseCodes *codes)
{
	if (tables->partition >= 0)
		encode_aspect(tables, tables->partition, rows, nrows, codes);
	for (int a = 0; a < tables->naspects; a++)
		if (a != tables->partition)
			encode_aspect(tables, a, rows, nrows, codes);
	encode_folds(tables, rows, nrows, codes);
}

/* Gives the outcomes that one aspect's surprises depend on: the group's, its own, its parents' and what its trees look at. */
void
surprise_encode_one(const SurpriseTables *tables, int aspect, const float *rows, int nrows, SurpriseCodes *codes)
{
	const SurpriseNode *node = &tables->nodes[aspect];
	const SurpriseTrees *trees = surprise_trees(tables, aspect);

	if (tables->partition >= 0)
		encode_aspect(tables, tables->partition, rows, nrows, codes);
	encode_aspect(tables, aspect, rows, nrows, codes);
	for (int k = 0; k < node->nparents; k++)
		encode_aspect(tables, tables->links[node->first_parent + k].aspect, rows, nrows, codes);
	for (int k = 0; trees != NULL && k < trees->nlooks; k++)
		encode_aspect(tables, trees->looks[k], rows, nrows, codes);
	encode_folds(tables, rows, nrows, codes);
}

/* Gives the bits that the distances from the core add. */
static void
distance_bits(const SurpriseTables *tables, const SurpriseNode *node, const float *rows, int nrows,
			  const SurpriseCodes *codes, float *bits)
{
	float		standardised[SURPRISE_BLOCK];
	Size		stride;
	const float *x;

	if (node->flags & SURPRISE_NODE_CATEGORICAL)
	{
		memset(bits, 0, sizeof(float) * nrows);
		return;
	}
	x = aspect_values(tables, node, rows, nrows, codes, standardised, &stride);
	for (int i = 0; i < nrows; i++, x += stride)
	{
		float		below = (node->core_lo - *x) * node->rate_lo;
		float		above = (*x - node->core_hi) * node->rate_hi;
		float		distance = above > below ? above : below;

		/* not a number is not greater than 0 */
		bits[i] = 0;
		if (unlikely(distance > 0))
			bits[i] = TAIL_BITS * log2f(1.0f + Min(distance, MAX_DISTANCE));
	}
}

/* Sums the conditional surprise of a block over the parents. */
static void
conditional_bits(const SurpriseTables *tables, int aspect, int nrows, const SurpriseCodes *codes, float *bits)
{
	const SurpriseNode *node = &tables->nodes[aspect];
	const float *within = tables->floats + node->within;
	const uint16 *code = codes->codes + aspect * SURPRISE_BLOCK;
	const uint8 *own = codes->pairs + aspect * SURPRISE_BLOCK;

	for (int i = 0; i < nrows; i++)
		bits[i] = within[code[i]];
	for (int k = 0; k < node->nparents; k++)
	{
		const SurpriseLink *link = &tables->links[node->first_parent + k];
		const uint8 *given = codes->pairs + link->aspect * SURPRISE_BLOCK;
		const uint16 *group = codes->codes + link->aspect * SURPRISE_BLOCK;
		const float *cells = tables->floats + link->cells;

		if (link->flags & SURPRISE_LINK_WHOLE)
			for (int i = 0; i < nrows; i++)
				bits[i] += cells[group[i] * node->npair + own[i]];
		else
			for (int i = 0; i < nrows; i++)
				bits[i] += cells[given[i] * node->npair + own[i]];
	}
}

/* Gives the surprise of one aspect in bits, alone and given its parents. */
void
surprise_bits(const SurpriseTables *tables, int aspect, const float *rows, int nrows,
			  const SurpriseCodes *codes, float *marginal, float *conditional)
{
	const SurpriseNode *node = &tables->nodes[aspect];
	const float *table = tables->floats + node->bits;
	const uint16 *code = codes->codes + aspect * SURPRISE_BLOCK;
	float		far[SURPRISE_BLOCK];

	distance_bits(tables, node, rows, nrows, codes, far);
	for (int i = 0; i < nrows; i++)
		marginal[i] = table[code[i]] + far[i];
	if (node->nparents == 0)
		return;
	conditional_bits(tables, aspect, nrows, codes, conditional);
	for (int i = 0; i < nrows; i++)
		conditional[i] += far[i];
}

/*
 * Gives 2^(power * z) by a tail.  Beyond what its number of rows can teach a
 * surprise counts for no more than its own bits: where the training rows hardly
 * differ, a tail alone would find anything else impossible.
 */
float
surprise_power(float power, const Tail *tail, float bits)
{
	float		taught = log2f((float) (tail->rows + 1));
	float		z = Min(tail_bits(tail, bits), Max(bits, taught));

	return exp2f(Min(power * z, SURPRISE_MAX_POWER));
}

/* Gives 2^(power * z) of marginal surprises: the table's unless the distance adds to them. */
static void
marginal_powers(const SurpriseTables *tables, int aspect, int nrows, const uint16 *code, const float *far, float *powers)
{
	const SurpriseNode *node = &tables->nodes[aspect];
	const float *table = tables->floats + node->powers;

	for (int i = 0; i < nrows; i++)
	{
		powers[i] = table[code[i]];
		if (unlikely(far[i] > 0))
			powers[i] = surprise_power(tables->power, &tables->marginal[aspect],
									   tables->floats[node->bits + code[i]] + far[i]);
	}
}

/* Turns conditional surprises into 2^(power * z), between two points of the grid where it reaches. */
static void
conditional_powers(const SurpriseTables *tables, int aspect, int nrows, float *bits)
{
	const SurpriseNode *node = &tables->nodes[aspect];
	const float *grid = tables->floats + node->grid;

	for (int i = 0; i < nrows; i++)
	{
		float		place = (bits[i] - node->grid_lo) * node->grid_rate;
		int			at;

		place = place > 0 ? place : 0;
		if (unlikely(!(place < SURPRISE_GRID)))
		{
			bits[i] = surprise_power(tables->power, &tables->conditional[aspect], bits[i]);
			continue;
		}
		at = (int) place;
		bits[i] = grid[at] + (place - at) * (grid[at + 1] - grid[at]);
	}
}

/* Gives what trees judge an aspect, or NULL. */
const SurpriseTrees *
surprise_trees(const SurpriseTables *tables, int aspect)
{
	return tables->full_of ? tables->full_of[aspect] : NULL;
}

/* Gives 2^(power * z) of one aspect by its marginal and its conditional surprise; false when there is no conditional one.  It is 1 where trees judge in its place. */
bool
surprise_powers(const SurpriseTables *tables, int aspect, const float *rows, int nrows,
				const SurpriseCodes *codes, float *marginal, float *conditional)
{
	const SurpriseNode *node = &tables->nodes[aspect];
	const SurpriseTrees *trees = surprise_trees(tables, aspect);
	float		far[SURPRISE_BLOCK];

	distance_bits(tables, node, rows, nrows, codes, far);
	marginal_powers(tables, aspect, nrows, codes->codes + aspect * SURPRISE_BLOCK, far, marginal);
	if (node->nparents == 0)
		return false;
	conditional_bits(tables, aspect, nrows, codes, conditional);
	for (int i = 0; i < nrows; i++)
		conditional[i] += far[i];
	conditional_powers(tables, aspect, nrows, conditional);
	for (int i = 0; trees != NULL && trees->instead && i < nrows; i++)
		if (trees->groups[codes->codes[aspect * SURPRISE_BLOCK + i]] != SURPRISE_FULL_NONE)
			conditional[i] = 1;
	return true;
}

/* Takes an aspect's powers into its column's. */
static void
take_powers(const SurpriseNode *node, int nrows, const float *powers, float *best)
{
	for (int i = 0; i < nrows; i++)
	{
		float		power = surprise_handicap(node, powers[i]);

		best[i] = power > best[i] ? power : best[i];
	}
}

/* Takes what an aspect's trees say into its column's, when it has some. */
static void
take_full(const SurpriseTables *tables, int aspect, const float *rows, int nrows, const SurpriseCodes *codes, float *best)
{
	const SurpriseTrees *trees = surprise_trees(tables, aspect);
	float		powers[SURPRISE_BLOCK];

	if (trees == NULL)
		return;
	surprise_full_powers(tables, trees, rows, nrows, codes, powers);
	for (int i = 0; i < nrows; i++)
		best[i] = Max(best[i], powers[i]);
}

/* Scores one block. */
static void
score_block(const SurpriseTables *tables, const float *rows, int nrows, SurpriseCodes *codes, float *out)
{
	float		sum[SURPRISE_BLOCK] = {0};
	float		best[SURPRISE_BLOCK] = {0};
	float		marginal[SURPRISE_BLOCK];
	float		conditional[SURPRISE_BLOCK];

	surprise_encode(tables, rows, nrows, codes);
	for (int a = 0; a < tables->naspects; a++)
	{
		const SurpriseNode *node = &tables->nodes[a];
		bool		both = surprise_powers(tables, a, rows, nrows, codes, marginal, conditional);

		take_powers(node, nrows, marginal, best);
		if (both)
			take_powers(node, nrows, conditional, best);
		take_full(tables, a, rows, nrows, codes, best);
		if (a + 1 < tables->naspects && tables->nodes[a + 1].column == node->column)
			continue;
		for (int i = 0; i < nrows; i++)
		{
			sum[i] += best[i];
			best[i] = 0;
		}
	}
	for (int i = 0; i < nrows; i++)
		out[i] = log2f(sum[i]) / tables->power;
}

/* Gives the margins of rows. */
void
surprise_margin(const SurpriseTables *tables, const float *rows, int nrows, float *out)
{
	SurpriseCodes codes;

	surprise_codes_create(tables, &codes);
	for (int done = 0; done < nrows; done += SURPRISE_BLOCK)
		score_block(tables, rows + (Size) done * tables->nfeatures, Min(SURPRISE_BLOCK, nrows - done), &codes, out + done);
	surprise_codes_free(&codes);
}

/* Gives 2^(power * z) of every column of at most SURPRISE_BLOCK rows, a column's rows together; columns without aspects keep what is there. */
void
surprise_columns(const SurpriseTables *tables, const float *rows, int nrows, float *columns)
{
	SurpriseCodes codes;
	float		marginal[SURPRISE_BLOCK];
	float		conditional[SURPRISE_BLOCK];

	surprise_codes_create(tables, &codes);
	surprise_encode(tables, rows, nrows, &codes);
	for (int a = 0; a < tables->naspects; a++)
	{
		const SurpriseNode *node = &tables->nodes[a];
		float	   *best = columns + (Size) node->column * nrows;

		if (surprise_powers(tables, a, rows, nrows, &codes, marginal, conditional))
			take_powers(node, nrows, conditional, best);
		take_powers(node, nrows, marginal, best);
		take_full(tables, a, rows, nrows, &codes, best);
	}
	surprise_codes_free(&codes);
}
