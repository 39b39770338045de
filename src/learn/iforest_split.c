/*-------------------------------------------------------------------------
 *
 * iforest_split.c
 *	  Chooses where a node of an isolation tree is split.
 *
 * A column is drawn first, then one of its features that vary in the node: a
 * column that the encoder turned into twelve features counts no more than a plain
 * number.  Where the forest has pairs, a coin decides between the feature and one of the
 * column's pairs.
 *
 * A threshold between numbers is drawn uniformly between the least and the greatest
 * (Liu, Ting, Zhou 2008), or with probability prob_pooled_gain it lies where both sides are
 * most alike inside: in the gap whose sides have the least standard deviation, weighted by
 * their rows (Liu, Ting, Zhou 2010, "SCiForest"; pooled as in Cortes's isotree).  Random
 * thresholds find what is far away, those find small groups that stand apart.
 * Within the gap the threshold is random again.
 *
 * Categories split by a random subset of those present, each going left or right
 * by a coin.  NULL is one more of them, and so are all categories that are not kept.
 *
 * Numbers that are missing in some of the node's rows say nothing at a threshold: they go both
 * ways.  Where the numbers that are there do not vary, having one or not is the split.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "learn/iforest_grow.h"

/* What a node's rows hold of one feature; of numbers the values are in g->values. */
typedef struct Summary
{
	int			nmissing;
	int			nvalues;
	float		min;
	float		max;
	int			npresent;		/* categories */
} Summary;

/* Says what the node's rows hold of a numeric feature. */
static void
summarize_numbers(Grower *g, int node, int feature, Summary *s)
{
	const float *values = g->sample + (size_t) feature * g->nrows;

	memset(s, 0, sizeof(*s));
	s->min = FLT_MAX;
	s->max = -FLT_MAX;
	for (int i = g->start[node]; i < g->end[node]; i++)
	{
		float		v = values[g->rows[i]];

		if (isnan(v))
			continue;
		s->min = Min(s->min, v);
		s->max = Max(s->max, v);
		g->values[s->nvalues++] = v;
	}
	s->nmissing = g->end[node] - g->start[node] - s->nvalues;
}

/* Says which categories of a feature the node's rows hold, in g->present. */
static void
summarize_categories(const Grower *g, int node, int feature, Summary *s)
{
	const float *values = g->sample + (size_t) feature * g->nrows;

	memset(s, 0, sizeof(*s));
	memset(g->present, 0, sizeof(int) * g->ncategories[feature]);
	for (int i = g->start[node]; i < g->end[node]; i++)
	{
		float		v = values[g->rows[i]];

		if (isnan(v))
			s->nmissing++;
		else if (g->present[(int) v]++ == 0)
			s->npresent++;
	}
	s->nvalues = g->end[node] - g->start[node] - s->nmissing;
}

/* Draws a threshold above min and at most max, so that both sides have rows. */
static float
draw_threshold(Grower *g, float min, float max)
{
	double		t = min + pg_prng_double(g->rng) * ((double) max - (double) min);
	float		threshold = (float) t;

	return (threshold > min && threshold <= max) ? threshold : max;
}

/* Gives n times the standard deviation of n numbers from their sum and sum of squares. */
static inline double
spread(int n, double sum, double squares)
{
	return sqrt(Max(n * squares - sum * sum, 0));
}

/* Draws a threshold in the gap between sorted values whose two sides vary least inside. */
static float
best_threshold(Grower *g, int n)
{
	float	   *values = g->values;
	double		middle;
	double		sum = 0;
	double		squares = 0;
	double		sum_left = 0;
	double		squares_left = 0;
	double		least = INFINITY;
	int			best = 1;

	severity_sort(values, n);
	/* about the middle one, so that large values far from zero lose no digits */
	middle = values[n / 2];
	for (int i = 0; i < n; i++)
	{
		double		d = values[i] - middle;

		sum += d;
		squares += d * d;
	}
	for (int i = 1; i < n; i++)
	{
		double		d = values[i - 1] - middle;
		double		both;

		sum_left += d;
		squares_left += d * d;
		if (values[i] == values[i - 1])
			continue;
		both = spread(i, sum_left, squares_left) + spread(n - i, sum - sum_left, squares - squares_left);
		if (both < least)
		{
			least = both;
			best = i;
		}
	}
	return draw_threshold(g, values[best - 1], values[best]);
}

/* Tries to split the node by a numeric feature; false when nothing varies. */
static bool
split_numbers(Grower *g, int node, int feature, Split *split)
{
	Summary		s;

	summarize_numbers(g, node, feature, &s);
	split->feature = feature;
	split->categorical = false;
	if (s.nvalues == 0 || !(s.min < s.max))
	{
		/* values against NULLs: no value is below the least float */
		split->threshold = -FLT_MAX;
		split->missing = MISSING_LEFT;
		return s.nvalues > 0 && s.nmissing > 0;
	}
	split->threshold = (g->prob_pooled_gain > 0 && pg_prng_double(g->rng) < g->prob_pooled_gain)
		? best_threshold(g, s.nvalues) : draw_threshold(g, s.min, s.max);
	split->missing = (s.nmissing > 0) ? MISSING_BOTH : MISSING_SMALLER;
	if (s.nmissing > 0)
	{
		int			nleft = 0;

		for (int i = 0; i < s.nvalues; i++)
			nleft += g->values[i] < split->threshold;
		split->left_share = (double) nleft / s.nvalues;
	}
	return true;
}

/* Tries to split the node by a random subset of the categories present, NULL being one of them. */
static bool
split_categories(Grower *g, int node, int feature, Split *split)
{
	Summary		s;
	int			nright;
	int			nsides;

	summarize_categories(g, node, feature, &s);
	nsides = s.npresent + (s.nmissing > 0);
	if (nsides < 2)
		return false;

	split->feature = feature;
	split->categorical = true;
	split->missing = MISSING_SMALLER;
	do
	{
		nright = 0;
		for (int c = 0; c < g->ncategories[feature]; c++)
		{
			if (g->present[c] > 0)
				nright += (g->side[c] = coin(g));
		}
		if (s.nmissing > 0)
		{
			split->missing = coin(g) ? MISSING_LEFT : MISSING_RIGHT;
			nright += split->missing == MISSING_RIGHT;
		}
	} while (nright == 0 || nright == nsides);
	return true;
}

/* Tries to split the node by one of the column's pairs, drawn at random. */
static bool
split_pair(Grower *g, int node, int column, Split *split)
{
	int			npairs = g->column_pairs[column + 1] - g->column_pairs[column];

	if (npairs == 0 || coin(g))
		return false;
	return split_numbers(g, node, g->ngiven + g->pairs_of[g->column_pairs[column] + draw(g, npairs)], split);
}

/* Tries to split the node by one of the column's features, drawn at random until one varies. */
static bool
split_feature(Grower *g, int node, int column, Split *split)
{
	int			nfeatures = g->column_first[column + 1] - g->column_first[column];

	for (int i = 0; i < nfeatures; i++)
		g->features[i] = g->column_first[column] + i;
	for (; nfeatures > 0; nfeatures--)
	{
		int			pick = (nfeatures > 1) ? draw(g, nfeatures) : 0;
		int			feature = g->features[pick];

		g->features[pick] = g->features[nfeatures - 1];
		if (g->ncategories[feature] > 0
			? split_categories(g, node, feature, split)
			: split_numbers(g, node, feature, split))
			return true;
	}
	return false;
}

/* Finds a split: a column uniformly at random, then one of its pairs or features, until something varies. */
bool
iforest_find_split(Grower *g, int node, Split *split)
{
	for (int ncolumns = g->ncolumns; ncolumns > 0; ncolumns--)
	{
		int			pick = draw(g, ncolumns);
		int			column = g->columns[pick];

		g->columns[pick] = g->columns[ncolumns - 1];
		g->columns[ncolumns - 1] = column;
		if (split_pair(g, node, column, split) || split_feature(g, node, column, split))
			return true;
	}
	return false;
}
