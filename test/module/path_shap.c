/*-------------------------------------------------------------------------
 *
 * path_shap.c
 *	  Shapley values by another algorithm: the oracle of forest_shap() in double
 *	  precision.
 *
 * A feature that is not known to a coalition is replaced by what training saw:
 * the walk goes both ways, weighted by the shares of cover.  For one leaf the
 * game is a product over the distinct features on its path: feature i
 * brings one_i (1 when the row itself goes that way at all of i's splits, else 0) when it is in the
 * coalition, zero_i (the product of the shares) when it is not.  The Shapley value
 * of such a product follows from the coefficients of a polynomial, which the
 * path keeps up to date while it grows (extend) and from which one feature is
 * taken out again (unwind): Lundberg et al. 2018, algorithm 2.
 *
 * A walk to a leaf costs the square of its depth, so what is inside is free of
 * divisions: a feature's one is 0 or 1, and the factors' denominators are
 * small integers whose reciprocals are at hand.
 *
 * Sums are double; they add up to the margin but for its own float32 rounding.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <math.h>

#include "miscadmin.h"

#include "learn/forest_private.h"

/* One distinct feature on a path; element 0 stands for none. */
typedef struct Element
{
	int			feature;
	double		zero;			/* share of the path when the feature is unknown */
	double		one;			/* the same when it is known: 0 or 1 */
	double		weight;			/* permutations with this many features known */
} Element;

/* Elements of all paths that are open at once: each level copies its parent's and adds one. */
#define MAX_ELEMENTS ((FOREST_MAX_DEPTH + 2) * (FOREST_MAX_DEPTH + 3) / 2)

typedef struct Explainer
{
	const CompiledForest *forest;
	const float *row;
	double	   *phi;
	const uint64 *nodes;		/* of the tree at hand */
	const CompiledStat *stats;
	double		scale;			/* weight of the tree */
	double		inverse[FOREST_MAX_DEPTH + 4];	/* 1 / i */
	Element		elements[MAX_ELEMENTS];
} Explainer;

/* Adds a feature to a path of the given length; one is 0 or 1. */
static void
extend(const double *inverse, Element *path, int length, double zero, double one, int feature)
{
	double		share = inverse[length + 1];

	path[length].feature = feature;
	path[length].zero = zero;
	path[length].one = one;
	path[length].weight = (length == 0) ? 1 : 0;
	for (int i = length - 1; i >= 0; i--)
	{
		double		weight = path[i].weight * share;

		path[i + 1].weight += one * weight * (i + 1);
		path[i].weight = zero * weight * (length - i);
	}
}

/* Takes a feature out of a path whose last element has the given index. */
static void
unwind(const double *inverse, Element *path, int last, int which)
{
	double		zero = path[which].zero;

	if (path[which].one != 0)
	{
		double		next = path[last].weight * (last + 1);
		double		share = zero * inverse[last + 1];

		for (int i = last - 1; i >= 0; i--)
		{
			double		weight = path[i].weight;

			path[i].weight = next * inverse[i + 1];
			next = (weight - path[i].weight * share * (last - i)) * (last + 1);
		}
	}
	else
	{
		double		share = (zero != 0) ? (last + 1) / zero : 0;

		for (int i = last - 1; i >= 0; i--)
			path[i].weight *= share * inverse[last - i];
	}
	for (int i = which; i < last; i++)
	{
		path[i].feature = path[i + 1].feature;
		path[i].zero = path[i + 1].zero;
		path[i].one = path[i + 1].one;
	}
}

/* Gives the sum of a path's weights with a feature of the row's own way taken out. */
static double
unwound_sum_known(const double *inverse, const Element *path, int last, double zero)
{
	double		next = path[last].weight * (last + 1);
	double		share = zero * inverse[last + 1];
	double		sum = 0;

	for (int i = last - 1; i >= 0; i--)
	{
		double		weight = next * inverse[i + 1];

		sum += weight;
		next = (path[i].weight - weight * share * (last - i)) * (last + 1);
	}
	return sum;
}

/* Gives zero times the sum of a path's weights with a feature of another way taken out: the same for all of them. */
static double
unwound_sum_unknown(const double *inverse, const Element *path, int last)
{
	double		sum = 0;

	for (int i = last - 1; i >= 0; i--)
		sum += path[i].weight * inverse[last - i];
	return sum * (last + 1);
}

/* Says which child the row itself takes. */
static int
taken_child(const Explainer *explainer, int node)
{
	uint64		bits = explainer->nodes[node];
	float		value = known_value(explainer->row[node_column(bits) / 2]);
	int			left = node + node_distance(bits);
	bool		goes_left;

	if (isnan(value))
		goes_left = node_column(bits) & 1;
	else if (node_is_categorical(bits))
		goes_left = category_goes_left(explainer->forest->words, bits, value);
	else
		goes_left = value < node_value(bits);
	return goes_left ? left : left + 1;
}

/* Adds a leaf's share to the features on the path to it. */
static void
add_leaf(Explainer *explainer, const Element *path, int last, double output)
{
	double		scaled = output * explainer->scale;
	double		unknown = unwound_sum_unknown(explainer->inverse, path, last) * scaled;

	for (int i = 1; i <= last; i++)
	{
		if (path[i].one != 0)
			explainer->phi[path[i].feature] += (1 - path[i].zero) * scaled *
				unwound_sum_known(explainer->inverse, path, last, path[i].zero);
		else if (path[i].zero != 0)
			explainer->phi[path[i].feature] -= unknown;
	}
}

/*
 * Explains the subtree below a node.  parent is the path to it, whose last
 * element has index last - 1; zero, one and feature are of the edge that leads here.
 */
static void
explain_node(Explainer *explainer, int node, Element *parent, int last, double zero, double one, int feature)
{
	Element    *path = parent + last;
	uint64		bits = explainer->nodes[node];
	double		seen_zero = 1;
	double		seen_one = 1;
	int			taken;
	int			other;
	int			split;

	CHECK_FOR_INTERRUPTS();
	memcpy(path, parent, last * sizeof(Element));
	extend(explainer->inverse, path, last, zero, one, feature);
	if (node_distance(bits) == 0)
	{
		add_leaf(explainer, path, last, node_value(bits));
		return;
	}

	split = node_column(bits) / 2;
	taken = taken_child(explainer, node);
	other = 2 * (node + (int) node_distance(bits)) + 1 - taken;
	for (int i = 1; i <= last; i++)
	{
		/* a feature that is on the path already stays one element */
		if (path[i].feature != split)
			continue;
		seen_zero = path[i].zero;
		seen_one = path[i].one;
		unwind(explainer->inverse, path, last, i);
		last--;
		break;
	}
	explain_node(explainer, taken, path, last + 1,
				 seen_zero * compiled_share(explainer->stats, node, taken), seen_one, split);
	explain_node(explainer, other, path, last + 1,
				 seen_zero * compiled_share(explainer->stats, node, other), 0, split);
}

/* Writes the contributions of a row to one output and, behind them, the bias. */
void
path_shap(const CompiledForest *forest, const float *row, int group, double *phi)
{
	Explainer  *explainer = palloc(sizeof(Explainer));
	int			nfeatures = forest->header->nfeatures;

	for (int f = 0; f < nfeatures; f++)
		phi[f] = 0;
	phi[nfeatures] = forest->header->base_margin;
	explainer->forest = forest;
	explainer->row = row;
	explainer->phi = phi;
	for (int i = 1; i < lengthof(explainer->inverse); i++)
		explainer->inverse[i] = 1.0 / i;
	for (int i = 0; i < forest->header->ntrees; i++)
	{
		const CompiledTree *tree = &forest->trees[i];

		if (tree->group != group)
			continue;
		explainer->nodes = forest->nodes + tree->first;
		explainer->stats = forest->stats + tree->first;
		explainer->scale = tree->weight;
		phi[nfeatures] += forest->means[i] * tree->weight;
		if (tree->depth > 0)
			explain_node(explainer, 0, explainer->elements, 0, 1, 1, -1);
	}
	pfree(explainer);
}
