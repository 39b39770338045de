/*-------------------------------------------------------------------------
 *
 * forest_shap.c
 *	  Exact Shapley values of one row in a compiled forest.
 *
 * A feature that is not known to a coalition is replaced by what training saw:
 * the walk goes both ways, weighted by the shares of cover (path-dependent
 * TreeSHAP, Lundberg et al. 2018).  For one leaf the game is a product over the
 * distinct features on its path: feature i brings one_i (1 when the row itself goes
 * that way at all of i's splits, else 0) when it is in the coalition, zero_i (the
 * product of the shares) when it is not.  Let every feature join with probability t.
 * The Shapley value is the integral over t, from 0 to 1, of what knowing i adds
 * (Owen 1972):
 *
 *		value of the leaf × (one_i - zero_i) × ∫ Π_{j≠i} (t one_j + (1 - t) zero_j) dt
 *
 * The integrand is a polynomial of lower degree than there are features on the
 * path, so a Gauss-Legendre sum of half as many points as the tree is deep gives the
 * integral but for rounding; all its terms have the same sign.  At a fixed t a leaf
 * is a plain product of factors, one a feature, and products of many leaves
 * share what their paths share: one walk over the tree takes the product down
 * and brings the sum over the leaves up.  A tree costs its nodes times half its depth.
 *
 * Where a missing value goes both ways (isolation forests) nobody's value decides:
 * both children count with their shares for every coalition.
 *
 * The sums are double; they add up to the margin but for its own float32 rounding.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"

#include "learn/forest_private.h"

/* 2, 4 … points serve trees of depth up to 4, 8 … */
#define RULES 5
#define MAX_POINTS 32

/* Vectors that a level of a tree works with. */
#define WORK_VECTORS 7

StaticAssertDecl(2 * MAX_POINTS >= FOREST_MAX_DEPTH, "the largest rule must serve the deepest tree");

/* The points of one sum on (0, 1). */
typedef struct Rule
{
	bool		ready;
	double		weight[MAX_POINTS];
	double		known[MAX_POINTS];	/* t */
	double		unknown[MAX_POINTS];	/* 1 - t */
} Rule;

/* By the number of points, made when a tree first needs them. */
static Rule rules[RULES];

/* What the splits above on one feature made of it. */
typedef struct Seen
{
	double		zero;			/* product of their shares; 1 when there are none */
	bool		left;			/* the row does not come this way: one is 0 */
} Seen;

typedef struct Explainer
{
	const CompiledForest *forest;
	const float *row;
	double	   *phi;
	Seen	   *seen;			/* by feature */
	const uint64 *nodes;		/* of the tree at hand */
	const uint64 *marked;		/* the same with the marks; NULL when there are none */
	const CompiledSubtree *subtrees;
	const CompiledStat *stats;
	const Rule *rule;
	int			ndivisions;		/* splits above at which the row divides */
} Explainer;

/*
 * Explains the subtree below a node: adds to phi what its splits bring, and
 * writes to below[] the sum of its leaves, each times the factors of the splits between.
 * above[] is the product of the factors on the way to the node, times the
 * points' weights and the tree's.  work has room for WORK_VECTORS vectors a level.
 */
typedef void (*ExplainNode) (Explainer *explainer, int node, const double *above, double *below, double *work);

/* Finds the points and weights of a rule: zeros of a Legendre polynomial, by Newton's method. */
static void
make_rule(Rule *rule, int n)
{
	for (int i = 0; i < n; i++)
	{
		double		x = cos(M_PI * (i + 0.75) / (n + 0.5));
		double		slope = 1;
		double		step = 1;

		for (int round = 0; round < 20 && fabs(step) > 1e-16; round++)
		{
			double		before = 1;
			double		value = x;

			for (int k = 2; k <= n; k++)
			{
				double		next = ((2 * k - 1) * x * value - (k - 1) * before) / k;

				before = value;
				value = next;
			}
			slope = n * (before - x * value) / (1 - x * x);
			step = value / slope;
			x -= step;
		}
		rule->known[i] = (1 - x) / 2;
		rule->unknown[i] = (1 + x) / 2;
		rule->weight[i] = 1 / ((1 - x * x) * slope * slope);
	}
	rule->ready = true;
}

/* Says which child the row itself takes; for a numeric split without a branch, which nobody could predict. */
static inline int
taken_child(const Explainer *explainer, int node)
{
	uint64		bits = explainer->nodes[node];
	float		value = known_value(explainer->row[node_column(bits) / 2]);
	int			missing_left = isnan(value) & node_column(bits) & 1;
	int			goes_left = missing_left | (value < node_value(bits));

	if (unlikely(node_is_categorical(bits)))
		goes_left = isnan(value) ? missing_left : category_goes_left(explainer->forest->words, bits, value);
	return node + (int) node_distance(bits) + 1 - goes_left;
}

/*
 * Explains a child: a leaf as it is, a split with the product that the factors
 * of the edge make of that above.
 */
static pg_attribute_always_inline void
explain_child(Explainer *explainer, int n, ExplainNode explain, int child, const double *above,
			  const double *factor, double *below, double *work)
{
	uint64		bits = explainer->nodes[child];
	double	   *product = work;

	if (node_distance(bits) == 0)
	{
		for (int q = 0; q < n; q++)
			below[q] = node_value(bits);
		return;
	}
	for (int q = 0; q < n; q++)
		product[q] = above[q] * factor[q];
	explain(explainer, child, product, below, work + n);
}

/* Explains a split that changes nothing but the shares. */
static pg_attribute_always_inline void
explain_shares(Explainer *explainer, int n, ExplainNode explain, int node,
			 const double *above, double *below, double *work)
{
	int			child = node + node_distance(explainer->nodes[node]);
	double	   *factor = work;
	double	   *sum = work + n;

	for (int q = 0; q < n; q++)
		below[q] = 0;
	for (int i = 0; i < 2; i++, child++)
	{
		for (int q = 0; q < n; q++)
			factor[q] = compiled_share(explainer->stats, node, child);
		explain_child(explainer, n, explain, child, above, factor, sum, work + 2 * n);
		for (int q = 0; q < n; q++)
			below[q] += factor[q] * sum[q];
	}
}

/* Says whether the row divides here. */
static inline bool
divides(const Explainer *explainer, int node)
{
	return explainer->marked != NULL && node_divides(explainer->marked[node]) &&
		isnan(explainer->row[node_column(explainer->nodes[node]) / 2]);
}

/* Explains a split at which the row divides: nobody's value decides there, and after some of them the mean counts. */
static pg_attribute_always_inline void
explain_divided(Explainer *explainer, int n, ExplainNode explain, int node,
				const double *above, double *below, double *work)
{
	if (explainer->ndivisions == FOREST_MAX_DIVISIONS)
	{
		for (int q = 0; q < n; q++)
			below[q] = explainer->subtrees[node].mean;
		return;
	}
	explainer->ndivisions++;
	explain_shares(explainer, n, explain, node, above, below, work);
	explainer->ndivisions--;
}

/* The body of ExplainNode for n points. */
static pg_attribute_always_inline void
explain_split(Explainer *explainer, int n, ExplainNode explain, int node,
			  const double *above, double *below, double *work)
{
	const double *known = explainer->rule->known;
	const double *unknown = explainer->rule->unknown;
	int			feature = node_column(explainer->nodes[node]) / 2;
	Seen	   *seen = &explainer->seen[feature];
	double		zero = seen->zero;
	double	   *factor_taken = work;
	double	   *factor_other = work + n;
	double	   *sum_taken = work + 2 * n;
	double	   *sum_other = work + 3 * n;
	double	   *others = work + 4 * n;	/* the product without this feature's factor */
	double	   *inverse = work + 5 * n; /* one by that */
	int			taken;
	int			other;
	double		zero_taken;
	double		zero_other;
	double		added = 0;

	if (unlikely(divides(explainer, node)))
	{
		explain_divided(explainer, n, explain, node, above, below, work);
		return;
	}
	/* at the splits above on this feature the row went another way */
	if (seen->left)
	{
		explain_shares(explainer, n, explain, node, above, below, work);
		return;
	}
	taken = taken_child(explainer, node);
	other = 2 * (node + (int) node_distance(explainer->nodes[node])) + 1 - taken;
	zero_taken = zero * compiled_share(explainer->stats, node, taken);
	zero_other = zero * compiled_share(explainer->stats, node, other);

	for (int q = 0; q < n; q++)
	{
		factor_taken[q] = known[q] + unknown[q] * zero_taken;
		factor_other[q] = unknown[q] * zero_other;
		others[q] = above[q];
	}
	if (zero != 1)
	{
		for (int q = 0; q < n; q++)
		{
			inverse[q] = 1 / (known[q] + unknown[q] * zero);
			others[q] *= inverse[q];
		}
	}
	seen->zero = zero_taken;
	explain_child(explainer, n, explain, taken, others, factor_taken, sum_taken, work + 6 * n);
	seen->left = true;
	explain_child(explainer, n, explain, other, others, factor_other, sum_other, work + 6 * n);
	seen->left = false;
	seen->zero = zero;

	for (int q = 0; q < n; q++)
	{
		below[q] = factor_taken[q] * sum_taken[q] + factor_other[q] * sum_other[q];
		added += others[q] * ((1 - zero_taken) * sum_taken[q] - zero_other * sum_other[q]);
	}
	if (zero != 1)
	{
		/* the splits above brought all these leaves their part already */
		for (int q = 0; q < n; q++)
		{
			below[q] *= inverse[q];
			added -= others[q] * (1 - zero) * below[q];
		}
	}
	explainer->phi[feature] += added;
}

/* ExplainNode for 2 points. */
static void
explain_2(Explainer *explainer, int node, const double *above, double *below, double *work)
{
	explain_split(explainer, 2, explain_2, node, above, below, work);
}

/* ExplainNode for 4 points. */
static void
explain_4(Explainer *explainer, int node, const double *above, double *below, double *work)
{
	explain_split(explainer, 4, explain_4, node, above, below, work);
}

/* ExplainNode for 8 points. */
static void
explain_8(Explainer *explainer, int node, const double *above, double *below, double *work)
{
	explain_split(explainer, 8, explain_8, node, above, below, work);
}

/* ExplainNode for 16 points. */
static void
explain_16(Explainer *explainer, int node, const double *above, double *below, double *work)
{
	explain_split(explainer, 16, explain_16, node, above, below, work);
}

/* ExplainNode for 32 points. */
static void
explain_32(Explainer *explainer, int node, const double *above, double *below, double *work)
{
	explain_split(explainer, 32, explain_32, node, above, below, work);
}

/* By rule. */
static const ExplainNode explain_nodes[RULES] = {explain_2, explain_4, explain_8, explain_16, explain_32};

/* Explains one tree that has splits. */
static void
explain_tree(Explainer *explainer, const CompiledTree *tree, double *work)
{
	double		above[MAX_POINTS];
	double		below[MAX_POINTS];
	int			which = 0;
	int			n = 2;

	while (2 * n < tree->depth)
	{
		n *= 2;
		which++;
	}
	if (!rules[which].ready)
		make_rule(&rules[which], n);
	explainer->rule = &rules[which];
	explainer->nodes = explainer->forest->nodes + tree->first;
	explainer->stats = explainer->forest->stats + tree->first;
	if (explainer->forest->marked != NULL)
	{
		explainer->marked = explainer->forest->marked + tree->first;
		explainer->subtrees = explainer->forest->subtrees + tree->first;
	}
	for (int q = 0; q < n; q++)
		above[q] = explainer->rule->weight[q] * tree->weight;
	explain_nodes[which] (explainer, 0, above, below, work);
}

/* Writes the contributions of a row to one output and, behind them, the bias. */
void
forest_shap(const CompiledForest *forest, const float *row, int group, double *phi)
{
	int			nfeatures = forest->header->nfeatures;
	double	   *work = palloc(sizeof(double) * WORK_VECTORS * MAX_POINTS * (FOREST_MAX_DEPTH + 1));
	Explainer	explainer = {.forest = forest, .row = row, .phi = phi};

	explainer.seen = palloc(mul_size(nfeatures, sizeof(Seen)));
	for (int f = 0; f < nfeatures; f++)
	{
		explainer.seen[f].zero = 1;
		explainer.seen[f].left = false;
		phi[f] = 0;
	}
	phi[nfeatures] = forest->header->base_margin;
	for (int i = 0; i < forest->header->ntrees; i++)
	{
		const CompiledTree *tree = &forest->trees[i];

		if (tree->group != group)
			continue;
		CHECK_FOR_INTERRUPTS();
		phi[nfeatures] += forest->means[i] * tree->weight;
		if (tree->depth > 0)
			explain_tree(&explainer, tree, work);
	}
	pfree(explainer.seen);
	pfree(work);
}
