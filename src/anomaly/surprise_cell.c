/*-------------------------------------------------------------------------
 *
 * surprise_cell.c
 *	  Why one cell is strange, in words.
 *
 * The surprise that decides the column's z is told: the value's own, then training's
 * usual values are what was expected; or the one given other columns, then the
 * expectation is that of the parent that makes the value most surprising.
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
judge(const SurpriseTables *tables, const SurpriseCodes *codes, int aspect, bool conditional, float power, Verdict *verdict)
{
	power = surprise_handicap(&tables->nodes[aspect], power);
	if (verdict->aspect >= 0 && power <= verdict->power)
		return;
	verdict->aspect = aspect;
	verdict->code = codes->codes[aspect * SURPRISE_BLOCK];
	verdict->conditional = conditional;
	verdict->power = power;
}

/* Finds what decides a column's z; false when the column has no aspect. */
static bool
find_verdict(const SurpriseTables *tables, const float *row, int column, Verdict *verdict)
{
	SurpriseCodes codes;
	float		marginal[SURPRISE_BLOCK];
	float		conditional[SURPRISE_BLOCK];

	verdict->aspect = -1;
	surprise_codes_create(tables, &codes);
	for (int a = 0; a < tables->naspects; a++)
	{
		if (tables->nodes[a].column != column)
			continue;
		surprise_encode_one(tables, a, row, 1, &codes);
		if (surprise_powers(tables, a, row, 1, &codes, marginal, conditional))
			judge(tables, &codes, a, true, conditional[0], verdict);
		judge(tables, &codes, a, false, marginal[0], verdict);
	}
	verdict->group = verdict->aspect >= 0 && tables->partition >= 0 ? codes.codes[tables->partition * SURPRISE_BLOCK] : 0;
	if (verdict->aspect >= 0 && verdict->conditional)
		find_parent(tables, &codes, verdict);
	surprise_codes_free(&codes);
	return verdict->aspect >= 0;
}

/* Gives the probability of every outcome that is expected: given the parent, or alone. */
static double *
expected_shares(const SurpriseTables *tables, const Verdict *verdict)
{
	const SurpriseNode *node = &tables->nodes[verdict->aspect];
	int			n = node->nvalues + 2;
	double	   *shares = palloc(mul_size(sizeof(double), n));

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
			if (last >= 0 && (shares[k] > shares[last] || (shares[k] == shares[last] && k <= last)))
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

	if (!verdict->conditional && node->handicap == 1 && !(node->flags & SURPRISE_NODE_STANDARDISED))
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
	else if (verdict.conditional)
		reason->given = tables->nodes[tables->links[verdict.link].aspect].column;
	reason->note = remark(tables, encoder, &verdict, row);
	return true;
}
