/*-------------------------------------------------------------------------
 *
 * surprise_full_score.c
 *	  The kernel of full conditionals: a block of rows → what trees expect → bits of surprise.
 *
 * Trees look at the aspects of other columns: of a category at its code as pairs
 * tell them apart, of a number at the number itself.  What training never saw tells them
 * nothing and is missing to them, as NULL is: one wrong cell should not make the others
 * of its row look wrong.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "storage/shmem.h"
#include "utils/float.h"

#include "anomaly/surprise.h"

/* Bits that a z by trees pays: what does not fit the others is less surely wrong than what never was. */
#define HANDICAP_BITS 1.0f

/* Probabilities below 2^-this are told as this. */
#define MAX_GROUP_BITS 64.0

/* Gives the fold of a row: rows that are alike are in one, on every machine. */
uint8
surprise_fold(const float *row, int nfeatures)
{
	uint32		hash = 0;

	for (int f = 0; f < nfeatures; f++)
	{
		/* no negative zero, one kind of not a number */
		float		value = isnan(row[f]) ? get_float4_nan() : row[f] + 0.0f;
		uint32		bits;

		memcpy(&bits, &value, sizeof(bits));
		hash = hash_combine(hash, murmurhash32(bits));
	}
	return (uint8) (murmurhash32(hash) % SURPRISE_FULL_FOLDS);
}

/* Gives what the trees see of one aspect of a row. */
static float
look_at(const SurpriseTables *tables, int aspect, const float *row, const SurpriseCodes *codes, int i)
{
	const SurpriseNode *node = &tables->nodes[aspect];
	Size		place = (Size) aspect * SURPRISE_BLOCK + i;

	if (node->flags & SURPRISE_NODE_CATEGORICAL)
		return codes->pairs[place] < node->npair - 2 ? codes->pairs[place] : get_float4_nan();
	return codes->codes[place] == node->nvalues ? get_float4_nan() : row[node->feature];
}

/* Gives what the trees look at, row by row. */
void
surprise_look(const SurpriseTables *tables, const int32 *looks, int nlooks, const float *rows, int nrows,
			  const SurpriseCodes *codes, float *out)
{
	for (int i = 0; i < nrows; i++)
		for (int k = 0; k < nlooks; k++)
			*out++ = look_at(tables, looks[k], rows + (Size) i * tables->nfeatures, codes, i);
}

/* Gives -log2 P(a group) by the margins of one row. */
float
surprise_group_bits(const float *margins, int ngroups, int group)
{
	double		bits;

	if (ngroups == 2)
	{
		double		against = group == 1 ? -margins[0] : margins[0];

		bits = Max(against, 0) + log1p(exp(-fabs(against)));
	}
	else
	{
		double		most = margins[0];
		double		sum = 0;

		for (int g = 1; g < ngroups; g++)
			most = Max(most, margins[g]);
		for (int g = 0; g < ngroups; g++)
			sum += exp(margins[g] - most);
		/* the greatest margin's own part of the sum is 1 */
		bits = log(Max(sum, 1)) + most - margins[group];
	}
	/* margins beyond the floats, which only damaged trees have, say nothing */
	return isfinite(bits) ? (float) Min(Max(bits / M_LN2, 0), MAX_GROUP_BITS) : 0;
}

/* Gives the margins of the rows that are in one fold. */
static void
judge_fold(const SurpriseTrees *trees, const SurpriseCodes *codes, int fold, const float *looks, int nrows, float *part,
		   float *margins)
{
	int			width = trees->ngroups == 2 ? 1 : trees->ngroups;
	float		own[SURPRISE_BLOCK * SURPRISE_FULL_GROUPS];
	int			n = 0;

	for (int i = 0; i < nrows; i++)
		if (codes->folds[i] == fold)
			memcpy(part + (Size) n++ * trees->nlooks, looks + (Size) i * trees->nlooks, sizeof(float) * trees->nlooks);
	if (n == 0)
		return;
	forest_margin(trees->forest[fold], part, n, own);
	n = 0;
	for (int i = 0; i < nrows; i++)
		if (codes->folds[i] == fold)
			memcpy(margins + i * width, own + n++ * width, sizeof(float) * width);
}

/* Gives the margins of a block of rows. */
void
surprise_full_margins(const SurpriseTables *tables, const SurpriseTrees *trees, const float *rows, int nrows,
					  const SurpriseCodes *codes, float *margins)
{
	float	   *looks = palloc(mul_size(2 * sizeof(float) * nrows, trees->nlooks));
	float	   *part = looks + (Size) nrows * trees->nlooks;

	surprise_look(tables, trees->looks, trees->nlooks, rows, nrows, codes, looks);
	for (int f = 0; f < SURPRISE_FULL_FOLDS; f++)
		judge_fold(trees, codes, f, looks, nrows, part, margins);
	pfree(looks);
}

/* Gives the surprise of a column by its trees; -1 where they do not judge. */
void
surprise_full_surprise(const SurpriseTables *tables, const SurpriseTrees *trees, const float *rows, int nrows,
					   const SurpriseCodes *codes, float *bits)
{
	const uint16 *code = codes->codes + trees->aspect * SURPRISE_BLOCK;
	int			width = trees->ngroups == 2 ? 1 : trees->ngroups;
	float		margins[SURPRISE_BLOCK * SURPRISE_FULL_GROUPS];

	surprise_full_margins(tables, trees, rows, nrows, codes, margins);
	for (int i = 0; i < nrows; i++)
	{
		int			group = trees->groups[code[i]];

		bits[i] = group == SURPRISE_FULL_NONE ? -1 : surprise_group_bits(margins + i * width, trees->ngroups, group);
	}
}

/* Gives 2^(power * z) of a column by its trees, less a handicap; 1 where they do not judge. */
void
surprise_full_powers(const SurpriseTables *tables, const SurpriseTrees *trees, const float *rows, int nrows,
					 const SurpriseCodes *codes, float *powers)
{
	float		handicap = exp2f(-tables->power * HANDICAP_BITS);

	surprise_full_surprise(tables, trees, rows, nrows, codes, powers);
	for (int i = 0; i < nrows; i++)
		powers[i] = powers[i] < 0 ? 1 : Max(handicap * surprise_power(tables->power, &trees->tail, powers[i]), 1.0f);
}
