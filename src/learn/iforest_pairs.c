/*-------------------------------------------------------------------------
 *
 * iforest_pairs.c
 *	  Sums and differences of two columns, for splits that are not along one axis.
 *
 * A row can be ordinary in every column and strange in two of them together.  A
 * split on the sum or the difference of two columns sees that (Hariri, Carrasco Kind,
 * Brunner 2019, cut along any direction; Liu, Ting, Zhou 2010 along chosen ones).
 * Both columns are brought to one scale first:
 *
 *		z = (x - centre) * weight		centre the median, weight 1.349 / interquartile range
 *		pair = z of the first + sign * z of the second
 *
 * The quartiles are those of all rows, not of the node: what lies far outside of
 * them must not shrink the rest.  A column whose quartiles are equal is scaled by its
 * standard deviation.
 *
 * The pairs are drawn once a forest and are ordinary features to its trees, behind
 * the given ones.  So a row's pairs are computed once, not at every node, and
 * the trees stay those of every other forest.  Drawn is like a tournament: in each round
 * every column meets another one, so all columns are in equally many pairs; when all
 * have met, they meet again with the other sign.  Up to eight columns have all their
 * pairs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"

#include "learn/clock.h"
#include "learn/iforest.h"

/* Rows that a column's scale is learned from, evenly taken. */
#define SCALE_ROWS 4096

/* The interquartile range of a normal distribution of standard deviation 1. */
#define NORMAL_RANGE 1.349

/* A z beyond counts as this: sums stay finite. */
#define MAX_Z 1e18f

/* A column that can be in pairs: its features that have a scale. */
typedef struct Player
{
	int			first;			/* index into scaled */
	int			n;
} Player;

/* Says whether the sum of a feature with another one can mean something; dates only move on. */
static bool
is_measure(const Encoder *encoder, int feature)
{
	EncoderKind kind;

	if (encoder == NULL)
		return true;
	kind = encoder->columns[encoder->features[feature].column].kind;
	return !encoder->features[feature].categorical &&
		(kind == ENCODER_NUMBER || kind == ENCODER_INTERVAL || kind == ENCODER_TIME);
}

/* Gives the standard deviation of numbers. */
static double
deviation(const float *values, int n)
{
	double		sum = 0;
	double		squares = 0;

	for (int i = 0; i < n; i++)
		sum += values[i];
	for (int i = 0; i < n; i++)
	{
		double		d = values[i] - sum / n;

		squares += d * d;
	}
	return sqrt(squares / n);
}

/*
 * Learns a feature's scale; false when it has none, being constant, missing, or a clock:
 * that leaves its range by itself and would take all its pairs with it.
 */
static bool
learn_scale(const Matrix *rows, int feature, float *values, IforestScaled *scaled)
{
	int64		stride = (rows->nrows - 1) / SCALE_ROWS + 1;
	int			n = 0;
	Clock		clock;
	double		range;
	double		weight;

	clock_begin(&clock);
	for (int64 i = 0; i < rows->nrows; i += stride)
	{
		float		v = matrix_row(rows, i)[feature];

		if (!isfinite(v))
			continue;
		clock_value(&clock, v);
		values[n++] = v;
	}
	if (n < 2 || clock_direction(&clock) != 0)
		return false;
	severity_sort(values, n);
	range = (double) values[(int64) 3 * n / 4] - values[n / 4];
	weight = (range > 0) ? NORMAL_RANGE / range : 1 / deviation(values, n);
	scaled->feature = feature;
	scaled->centre = values[n / 2];
	scaled->weight = (float) weight;
	return isfinite(scaled->weight) && scaled->weight > 0;
}

/* Lists the columns that have features with a scale, at most two a pair, in random order. */
static Player *
list_players(const Matrix *rows, const Encoder *encoder, pg_prng_state *rng, IforestPairs *pairs,
			 IforestScaled *scaled, int *nplayers)
{
	int			ncolumns = encoder ? encoder->ncolumns : rows->ncols;
	Player	   *players = palloc(mul_size(sizeof(Player), 2 * IFOREST_MAX_PAIRS));
	int		   *columns = palloc(mul_size(sizeof(int), Max(ncolumns, 1)));
	float	   *values = palloc(mul_size(sizeof(float), SCALE_ROWS + 1));

	*nplayers = 0;
	for (int c = 0; c < ncolumns; c++)
		columns[c] = c;
	for (int left = ncolumns; left > 0 && *nplayers < 2 * IFOREST_MAX_PAIRS; left--)
	{
		int			at = (int) pg_prng_uint64_range(rng, 0, left - 1);
		int			column = columns[at];
		int			first = encoder ? encoder->columns[column].first_feature : column;
		int			nfeatures = encoder ? encoder->columns[column].nfeatures : 1;
		Player	   *player = &players[*nplayers];

		CHECK_FOR_INTERRUPTS();
		columns[at] = columns[left - 1];
		player->first = pairs->nscaled;
		for (int f = first; f < first + nfeatures && pairs->nscaled < IFOREST_MAX_SCALED; f++)
		{
			if (is_measure(encoder, f) && learn_scale(rows, f, values, &scaled[pairs->nscaled]))
				pairs->nscaled++;
		}
		player->n = pairs->nscaled - player->first;
		*nplayers += player->n > 0;
	}
	pfree(values);
	pfree(columns);
	return players;
}

/* Draws one of a column's features. */
static int
draw_feature(const Player *player, pg_prng_state *rng)
{
	return player->first + (int) pg_prng_uint64_range(rng, 0, player->n - 1);
}

/* Draws the pairs of a forest from its training rows; none when fewer than two columns have a scale. */
void
iforest_pairs_learn(const Matrix *rows, const Encoder *encoder, pg_prng_state *rng, IforestPairs *pairs)
{
	IforestScaled *scaled = palloc(mul_size(sizeof(IforestScaled), IFOREST_MAX_SCALED));
	IforestPair *list = palloc(mul_size(sizeof(IforestPair), IFOREST_MAX_PAIRS));
	Player	   *players;
	int			nplayers;
	int			seats;
	int			most;

	memset(pairs, 0, sizeof(*pairs));
	pairs->ngiven = rows->ncols;
	pairs->scaled = scaled;
	pairs->pairs = list;
	players = list_players(rows, encoder, rng, pairs, scaled, &nplayers);
	seats = nplayers + nplayers % 2;	/* with an odd number, who meets the empty seat rests */
	most = Min(Min(nplayers * (nplayers - 1), IFOREST_MAX_PAIRS), FOREST_MAX_FEATURES - rows->ncols);

	/* the circle method: in each round all seats but the last move on by one */
	for (int round = 0; pairs->npairs < most; round++)
	{
		int			turn = round % (seats - 1);
		int			nmet = nplayers * (nplayers - 1) / 2;

		for (int table = 0; table < seats / 2 && pairs->npairs < most; table++)
		{
			int			left = (turn + table) % (seats - 1);
			int			right = (table == 0) ? seats - 1 : (turn + seats - 1 - table) % (seats - 1);
			IforestPair *pair = &list[pairs->npairs];

			if (left >= nplayers || right >= nplayers)
				continue;
			pair->first = draw_feature(&players[left], rng);
			pair->second = draw_feature(&players[right], rng);
			pair->sign = (pairs->npairs >= nmet) ? -list[pairs->npairs - nmet].sign : pg_prng_bool(rng) ? 1 : -1;
			pairs->npairs++;
		}
	}
	if (pairs->npairs == 0)
		pairs->nscaled = 0;
	pfree(players);
}

/* Gives the reason why pairs are not sound, or NULL. */
const char *
iforest_pairs_check(const IforestPairs *pairs)
{
	if (pairs->npairs < 0 || pairs->npairs > IFOREST_MAX_PAIRS ||
		pairs->nscaled < 0 || pairs->nscaled > IFOREST_MAX_SCALED)
		return "it has too many pairs";
	for (int i = 0; i < pairs->nscaled; i++)
	{
		const IforestScaled *s = &pairs->scaled[i];

		if (s->feature < 0 || s->feature >= pairs->ngiven)
			return "a scaled feature does not exist";
		if (!isfinite(s->centre) || !isfinite(s->weight) || !(s->weight > 0))
			return "a scale is out of range";
	}
	for (int i = 0; i < pairs->npairs; i++)
	{
		const IforestPair *p = &pairs->pairs[i];

		if (p->first < 0 || p->first >= pairs->nscaled || p->second < 0 || p->second >= pairs->nscaled)
			return "a pair is of features that do not exist";
		if (p->sign != 1 && p->sign != -1)
			return "a pair is neither a sum nor a difference";
	}
	return NULL;
}

/* Brings a value to the scale of pairs; NaN stays. */
static inline float
scale(const IforestScaled *s, float value)
{
	float		z = (value - s->centre) * s->weight;

	z = (z > MAX_Z) ? MAX_Z : z;
	return (z < -MAX_Z) ? -MAX_Z : z;
}

/* Computes the pairs of some rows: ForestDerived's derive(). */
void
iforest_derive(const void *arg, float *columns, Size stride, int nrows)
{
	const IforestPairs *pairs = arg;
	float		z[IFOREST_MAX_SCALED][FOREST_DERIVE_ROWS];

	Assert(nrows <= FOREST_DERIVE_ROWS);
	for (int i = 0; i < pairs->nscaled; i++)
	{
		const IforestScaled s = pairs->scaled[i];
		const float *values = columns + s.feature * stride;

		for (int row = 0; row < nrows; row++)
			z[i][row] = scale(&s, values[row]);
	}
	for (int i = 0; i < pairs->npairs; i++)
	{
		const IforestPair p = pairs->pairs[i];
		float	   *values = columns + (pairs->ngiven + i) * stride;

		for (int row = 0; row < nrows; row++)
			values[row] = z[p.first][row] + p.sign * z[p.second][row];
	}
}

/*
 * Says which share of a pair's contribution is its first column's: by how far
 * each lies from its centre.  A missing value is all there is to a missing pair.
 */
static double
first_share(const IforestPairs *pairs, const IforestPair *pair, const float *row)
{
	const IforestScaled *s = &pairs->scaled[pair->first];
	const IforestScaled *t = &pairs->scaled[pair->second];
	double		first = fabs(scale(s, row[s->feature]));
	double		second = fabs(scale(t, row[t->feature]));

	if (isnan(first) != isnan(second))
		return isnan(first) ? 1 : 0;
	return (first + second > 0) ? first / (first + second) : 0.5;
}

/* Divides the contributions of the pairs, which follow those of the given features, between their columns. */
void
iforest_pairs_divide(const IforestPairs *pairs, const float *row, double *phi)
{
	for (int i = 0; i < pairs->npairs; i++)
	{
		const IforestPair *pair = &pairs->pairs[i];
		double		share = first_share(pairs, pair, row);
		double		all = phi[pairs->ngiven + i];

		phi[pairs->scaled[pair->first].feature] += share * all;
		phi[pairs->scaled[pair->second].feature] += all - share * all;
	}
}

/* Divides what was summed over the splits on the pairs in halves. */
void
iforest_pairs_halve(const IforestPairs *pairs, double *sums)
{
	for (int i = 0; i < pairs->npairs; i++)
	{
		const IforestPair *pair = &pairs->pairs[i];

		sums[pairs->scaled[pair->first].feature] += sums[pairs->ngiven + i] / 2;
		sums[pairs->scaled[pair->second].feature] += sums[pairs->ngiven + i] / 2;
	}
}
