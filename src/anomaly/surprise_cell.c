/*-------------------------------------------------------------------------
 *
 * surprise_cell.c
 *	  Why one cell is strange, in words.
 *
 * The surprise that decides the column's z is told: the value's own, then training's
 * usual values are what was expected; or the one given other columns, then the
 * expectation is that of the parent that makes the value most surprising; or the one by
 * trees: then it is theirs, and the column is named that speaks most for what was expected
 * against what is there.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "storage/shmem.h"

#include "anomaly/surprise.h"

/* Values that are named, the share that is enough together, and the least that one must have. */
#define NAMED_VALUES 3
#define NAMED_ENOUGH 0.9
#define NAMED_LEAST 0.05

/* A range leaves out this share on either side. */
#define RANGE_TAIL 0.05

/* What decides a column's z. */
typedef struct Verdict
{
	int			aspect;
	int			code;			/* its outcome in this row */
	bool		conditional;
	int			link;			/* conditional: the parent that counts most */
	int			given;			/* conditional: that parent's row of the table */
	int			group;			/* outcome of the partition */
	float		power;			/* 2^(power * z) */
	const SurpriseTrees *trees; /* that decide, or NULL */
	float		margins[SURPRISE_FULL_GROUPS];	/* by them */
	int			because;		/* the column that speaks most for what they expect, or -1 */
} Verdict;

/* Finds the parent that adds most to the surprise of an outcome beyond the marginal one. */
static void
find_parent(const SurpriseTables *tables, const SurpriseCodes *codes, Verdict *verdict)
{
	const SurpriseNode *node = &tables->nodes[verdict->aspect];
	float		usual = tables->floats[node->bits + verdict->code] - tables->floats[node->within + verdict->code];
	int			own = codes->pairs[verdict->aspect * SURPRISE_BLOCK];
	float		most = 0;

	for (int k = 0; k < node->nparents; k++)
	{
		const SurpriseLink *link = &tables->links[node->first_parent + k];
		int			given = link->flags & SURPRISE_LINK_WHOLE ? codes->codes[link->aspect * SURPRISE_BLOCK]
			: codes->pairs[link->aspect * SURPRISE_BLOCK];
		float		more = tables->floats[link->cells + given * node->npair + own] - link->weight * usual;

		if (k > 0 && more <= most)
			continue;
		most = more;
		verdict->link = node->first_parent + k;
		verdict->given = given;
	}
}

/* Takes a power into the verdict when it is the greatest so far. */
static void
judge(const SurpriseTables *tables, const SurpriseCodes *codes, int aspect, bool conditional, const SurpriseTrees *trees,
	  float power, Verdict *verdict)
{
	power = surprise_handicap(&tables->nodes[aspect], power);
	if (verdict->aspect >= 0 && power <= verdict->power)
		return;
	verdict->aspect = aspect;
	verdict->code = codes->codes[aspect * SURPRISE_BLOCK];
	verdict->conditional = conditional;
	verdict->trees = trees;
	verdict->power = power;
}

/* Gives the group that trees find likeliest. */
static int
likeliest(const Verdict *verdict)
{
	int			best = 0;

	if (verdict->trees->ngroups == 2)
		return verdict->margins[0] > 0 ? 1 : 0;
	for (int g = 1; g < verdict->trees->ngroups; g++)
		if (verdict->margins[g] > verdict->margins[best])
			best = g;
	return best;
}

/* Adds what the looks of a row contribute to the margin of a group, so many times. */
static void
add_contributions(const SurpriseTrees *trees, int fold, const float *looks, int group, double times, double *sums)
{
	double	   *phi = palloc(sizeof(double) * (trees->nlooks + 1));

	/* of two groups there is one margin, for the second */
	if (trees->ngroups == 2)
		times = group == 1 ? times : -times;
	forest_shap(trees->forest[fold], looks, trees->ngroups == 2 ? 0 : group, phi);
	for (int k = 0; k < trees->nlooks; k++)
		sums[k] += times * phi[k];
	pfree(phi);
}

/* Finds the column that speaks most for what trees expect against what is there, by Shapley values. */
static void
find_because(const SurpriseTables *tables, const float *row, const SurpriseCodes *codes, Verdict *verdict)
{
	const SurpriseTrees *trees = verdict->trees;
	float	   *looks = palloc(sizeof(float) * trees->nlooks);
	double	   *sums = palloc0(sizeof(double) * trees->nlooks);
	int			group = trees->groups[verdict->code];
	double		most = 0;

	verdict->because = -1;
	surprise_full_margins(tables, trees, row, 1, codes, verdict->margins);
	surprise_look(tables, trees->looks, trees->nlooks, row, 1, codes, looks);
	add_contributions(trees, codes->folds[0], looks, group, -1, sums);
	if (trees->ngroups > 2)
		add_contributions(trees, codes->folds[0], looks, likeliest(verdict), 1, sums);
	for (int k = 0; k < trees->nlooks; k++)
	{
		int			column = tables->nodes[trees->looks[k]].column;
		double		sum = 0;

		/* the looks of a column stand together */
		for (int i = k; i < trees->nlooks && tables->nodes[trees->looks[i]].column == column; i++)
			sum += sums[i];
		if (sum > most)
		{
			most = sum;
			verdict->because = column;
		}
	}
	pfree(looks);
	pfree(sums);
}

/* Finds what decides a column's z; false when the column has no aspect. */
static bool
find_verdict(const SurpriseTables *tables, const float *row, int column, Verdict *verdict)
{
	SurpriseCodes codes;
	float		marginal[SURPRISE_BLOCK];
	float		conditional[SURPRISE_BLOCK];
	const SurpriseTrees *trees;

	verdict->aspect = -1;
	surprise_codes_create(tables, &codes);
	for (int a = 0; a < tables->naspects; a++)
	{
		if (tables->nodes[a].column != column)
			continue;
		surprise_encode_one(tables, a, row, 1, &codes);
		if (surprise_powers(tables, a, row, 1, &codes, marginal, conditional))
			judge(tables, &codes, a, true, NULL, conditional[0], verdict);
		if ((trees = surprise_trees(tables, a)) != NULL)
		{
			surprise_full_powers(tables, trees, row, 1, &codes, conditional);
			judge(tables, &codes, a, false, trees->groups[codes.codes[a * SURPRISE_BLOCK]] == SURPRISE_FULL_NONE ? NULL : trees,
				  conditional[0], verdict);
		}
		judge(tables, &codes, a, false, NULL, marginal[0], verdict);
	}
	verdict->group = verdict->aspect >= 0 && tables->partition >= 0 ? codes.codes[tables->partition * SURPRISE_BLOCK] : 0;
	if (verdict->aspect >= 0 && verdict->conditional)
		find_parent(tables, &codes, verdict);
	if (verdict->aspect >= 0 && verdict->trees != NULL)
		find_because(tables, row, &codes, verdict);
	surprise_codes_free(&codes);
	return verdict->aspect >= 0;
}

/* Gives the probability of every outcome that trees expect: that of its group, shared as the outcomes alone would. */
static double *
expected_by_trees(const SurpriseTables *tables, const Verdict *verdict)
{
	const SurpriseNode *node = &tables->nodes[verdict->aspect];
	const SurpriseTrees *trees = verdict->trees;
	const float *bits = tables->floats + node->bits;
	int			n = node->nvalues + 2;
	double	   *shares = palloc0(mul_size(sizeof(double), n));
	double		total[SURPRISE_FULL_GROUPS + 1] = {0};

	for (int k = 0; k < n; k++)
		total[trees->groups[k]] += exp2(-bits[k]);
	for (int k = 0; k < n; k++)
		if (trees->groups[k] != SURPRISE_FULL_NONE && total[trees->groups[k]] > 0)
			shares[k] = exp2(-bits[k] - surprise_group_bits(verdict->margins, trees->ngroups, trees->groups[k])) /
				total[trees->groups[k]];
	return shares;
}

/* Gives the probability of every outcome that is expected: given the parent, or alone. */
static double *
expected_shares(const SurpriseTables *tables, const Verdict *verdict)
{
	const SurpriseNode *node = &tables->nodes[verdict->aspect];
	int			n = node->nvalues + 2;
	double	   *shares;

	if (verdict->trees != NULL)
		return expected_by_trees(tables, verdict);
	shares = palloc(mul_size(sizeof(double), n));
	for (int k = 0; k < n; k++)
	{
		float		bits = tables->floats[node->bits + k];

		if (verdict->conditional)
		{
			const SurpriseLink *link = &tables->links[verdict->link];
			int			pair = tables->bytes[node->pair + k];

			/* given is a row of the table, which for a group is its code */
			bits = tables->floats[node->within + k] +
				tables->floats[link->cells + verdict->given * node->npair + pair] / link->weight;
		}
		shares[k] = exp2(-bits);
	}
	return shares;
}

/* Gives an outcome's value as people read it; NULL for what is no single value. */
static char *
outcome_text(const SurpriseTables *tables, const SurpriseNode *node, const Encoder *encoder, int outcome)
{
	if (outcome == node->nvalues + 1)
		return pstrdup("NULL");
	if (outcome == node->nvalues)
		return NULL;
	if (node->flags & SURPRISE_NODE_CATEGORICAL)
		return encoder_value_text(encoder, node->feature, outcome);
	if (tables->floats[node->bounds + outcome] != tables->floats[node->bounds + node->nvalues + outcome])
		return NULL;
	return encoder_value_text(encoder, node->feature, tables->floats[node->bounds + outcome]);
}

/* Names the likeliest values, when few of them are enough; else gives NULL. */
static char *
name_values(const SurpriseTables *tables, const SurpriseNode *node, const Encoder *encoder, const double *shares)
{
	bool		category = (node->flags & SURPRISE_NODE_CATEGORICAL) != 0;
	StringInfoData out;
	double		sum = 0;
	int			last = -1;

	initStringInfo(&out);
	for (int named = 0; named < NAMED_VALUES && sum < NAMED_ENOUGH; named++)
	{
		int			best = -1;
		char	   *text;

		/* the next in the order of shares, then of outcomes */
		for (int k = 0; k < node->nvalues + 2; k++)
		{
			if (last >= 0 && (shares[k] > shares[last] || (k <= last && shares[k] == shares[last])))
				continue;
			if (best < 0 || shares[k] > shares[best])
				best = k;
		}
		if (best < 0 || shares[best] < NAMED_LEAST)
			break;
		text = outcome_text(tables, node, encoder, best);
		if (text == NULL)
			break;
		appendStringInfo(&out, "%s%s (%.3g %%)", named > 0 ? ", " : "", text, 100 * shares[best]);
		sum += shares[best];
		last = best;
	}
	/* a few of many numbers say less than a range of them */
	return out.len > 0 && (category || sum >= NAMED_ENOUGH) ? out.data : NULL;
}

/* Gives the range that most of the values are expected in. */
static char *
name_range(const SurpriseTables *tables, const SurpriseNode *node, const Encoder *encoder, int group, const double *shares)
{
	const float *lo = tables->floats + node->bounds;
	const float *hi = lo + node->nvalues;
	double		center = 0;
	double		width = 1;
	double		total = 0;
	double		sum = 0;
	int			first = -1;
	int			last = 0;

	for (int k = 0; k < node->nvalues; k++)
		total += shares[k];
	for (int k = 0; k < node->nvalues; k++)
	{
		sum += shares[k];
		if (first < 0 && sum > RANGE_TAIL * total)
			first = k;
		last = k;
		if (sum >= (1 - RANGE_TAIL) * total)
			break;
	}
	if (node->flags & SURPRISE_NODE_STANDARDISED)
	{
		const float *centers = tables->floats + node->groups;

		center = centers[group];
		width = 1.0 / centers[group + tables->nodes[tables->partition].nvalues + 2];
	}
	return encoder_range_text(encoder, node->feature, (float) (center + width * lo[Max(first, 0)]),
							  (float) (center + width * hi[last]));
}

/* Says what was expected; NULL leaves it to what training saw in the column. */
static char *
expectation(const SurpriseTables *tables, const Encoder *encoder, const Verdict *verdict)
{
	const SurpriseNode *node = &tables->nodes[verdict->aspect];
	double	   *shares;
	char	   *text;

	if (!verdict->conditional && verdict->trees == NULL && node->handicap == 1 && !(node->flags & SURPRISE_NODE_STANDARDISED))
		return NULL;
	shares = expected_shares(tables, verdict);
	text = node->flags & SURPRISE_NODE_STANDARDISED ? NULL : name_values(tables, node, encoder, shares);
	if (text == NULL && !(node->flags & SURPRISE_NODE_CATEGORICAL) && node->nvalues > 0)
		text = name_range(tables, node, encoder, verdict->group, shares);
	pfree(shares);
	return text;
}

/* Says whether a number lies beyond all that training saw. */
static bool
is_outside(const SurpriseTables *tables, const SurpriseNode *node, float value)
{
	const float *bounds = tables->floats + node->bounds;

	if ((node->flags & (SURPRISE_NODE_CATEGORICAL | SURPRISE_NODE_STANDARDISED)) || node->nvalues == 0)
		return false;
	return value < bounds[0] || value > bounds[2 * node->nvalues - 1];
}

/* Says what a reader should know besides. */
static char *
remark(const SurpriseTables *tables, const Encoder *encoder, const Verdict *verdict, const float *row)
{
	const SurpriseNode *node = &tables->nodes[verdict->aspect];
	float		value = row[node->feature];
	const char *what = NULL;

	if ((node->flags & SURPRISE_NODE_GROUPED) && verdict->group >= tables->nodes[tables->partition].nvalues)
		return psprintf("\"%s\" is %s, so the whole is the measure",
						encoder->columns[tables->nodes[tables->partition].column].name,
						verdict->group == tables->nodes[tables->partition].nvalues ? "none that training knows" : "NULL");
	if (verdict->code == node->nvalues + 1)
		return node->seen & SURPRISE_SEEN_NULL ? NULL : pstrdup("never NULL in training");
	if (is_outside(tables, node, value))
		what = "outside the training range";
	else if (verdict->code == node->nvalues)
		what = node->seen & SURPRISE_SEEN_UNSEEN ? "rare or never seen in training" : "never seen in training";
	if (node->handicap == 1)
		return what ? pstrdup(what) : NULL;
	/* another feature than the value itself decides: name it */
	if ((node->flags & SURPRISE_NODE_CATEGORICAL) && verdict->code == node->nvalues)
		return psprintf("%s: %s", encoder->features[node->feature].name, what);
	return psprintf("%s%s%s", encoder_value_text(encoder, node->feature, value), what ? ", " : "", what ? what : "");
}

/* Says why a column's value is strange; false when it is not. */
bool
surprise_cell(const LoadedModel *model, const Encoder *encoder, const float *row, int column, CellReason *reason)
{
	const SurpriseTables *tables = model->state;
	Verdict		verdict;

	/* a damaged version's encoder may be another one's */
	if (encoder == NULL || encoder->ncolumns < tables->ncolumns || encoder->nfeatures < tables->nfeatures)
		return false;
	if (!find_verdict(tables, row, column, &verdict) || verdict.power <= 1)
		return false;
	reason->bits = log2(verdict.power) / tables->power;
	reason->expected = expectation(tables, encoder, &verdict);
	reason->given = -1;
	if (tables->nodes[verdict.aspect].flags & SURPRISE_NODE_STANDARDISED)
		reason->given = tables->nodes[tables->partition].column;
	else if (verdict.trees != NULL)
		reason->given = verdict.because;
	else if (verdict.conditional)
		reason->given = tables->nodes[tables->links[verdict.link].aspect].column;
	reason->note = remark(tables, encoder, &verdict, row);
	return true;
}
