/*-------------------------------------------------------------------------
 *
 * data.c
 *	  Seeded random rows: for training, and to provoke differences.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <float.h>
#include <math.h>

/* Starts a sequence. */
void
random_seed(Random *random, uint64 seed)
{
	random->state = seed * UINT64CONST(0x9E3779B97F4A7C15) + 1;
	(void) random_next(random);
}

/* Gives the next 64 bits (splitmix64). */
uint64
random_next(Random *random)
{
	uint64		z = (random->state += UINT64CONST(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64CONST(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64CONST(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* Gives a number from 0 up to but not 1. */
double
random_unit(Random *random)
{
	return (random_next(random) >> 11) * (1.0 / 9007199254740992.0);
}

/* Gives a number from 0 to n - 1. */
int
random_below(Random *random, int n)
{
	return random_next(random) % (uint64) n;
}

/* Says whether a feature of the training data is categorical when categories are asked for. */
bool
data_is_categorical(int feature)
{
	return feature % 3 == 0;
}

/* Gives a label that fits the objective. */
static float
label(double signal, int classes, const char *objective, Random *random)
{
	if (strncmp(objective, "multi:", 6) == 0)
	{
		int			class = (int) floor((signal + 2) * classes / 4.0);

		return Max(0, Min(classes - 1, class));
	}
	if (strncmp(objective, "binary:", 7) == 0 || strcmp(objective, "reg:logistic") == 0)
		return signal + random_unit(random) - 0.5 > 0;
	if (strcmp(objective, "count:poisson") == 0)
		return floor(exp(signal) + random_unit(random));
	if (strcmp(objective, "rank:map") == 0)
		return signal > 0;		/* the library wants two grades from 3.0 on */
	if (strncmp(objective, "rank:", 5) == 0)
		return Max(0, Min(4, (int) floor(signal + 2)));
	if (strcmp(objective, "reg:gamma") == 0 || strcmp(objective, "reg:tweedie") == 0)
		return exp(signal) + 0.01;
	if (strcmp(objective, "reg:squaredlogerror") == 0)
		return exp(signal);
	return 10 * signal + random_unit(random);
}

/* Makes training rows with five percent missing values and a signal in the first features. */
void
data_training(int nrows, int nfeatures, bool categorical, int classes, const char *objective,
			  uint64 seed, float *rows, float *labels)
{
	Random		random;

	random_seed(&random, seed);
	for (int i = 0; i < nrows; i++)
	{
		double		signal = 0;

		for (int f = 0; f < nfeatures; f++)
		{
			float	   *value = &rows[(Size) i * nfeatures + f];
			bool		last = f > 0 && f == nfeatures - 1 && !(categorical && data_is_categorical(f));

			if (categorical && data_is_categorical(f))
			{
				*value = random_below(&random, 7 + 5 * f);
				signal += ((int) *value * 7 % 5 - 2) * 0.3 / (f + 1);
			}
			else
			{
				*value = random_unit(&random) * 4 - 2;
				signal += sin(*value * (f + 1)) / (f + 1);
			}
			/* the last column is of the kind that makes the library split at +inf */
			if (last && random_below(&random, 50) == 0)
				*value = random_below(&random, 2) == 0 ? FLT_MAX : -FLT_MAX;
			if (random_below(&random, 20) == 0)
			{
				*value = NAN;
				if (last)
					signal += 2;
			}
		}
		labels[i] = label(signal, classes, objective, &random);
	}
}

/* Gives a threshold of the forest that looks at the feature, or 0. */
static float
some_threshold(const Forest *forest, int feature, Random *random)
{
	for (int try = 0; try < 20; try++)
	{
		const ForestTree *tree = &forest->trees[random_below(random, forest->ntrees)];
		int			node = random_below(random, tree->nnodes);

		if (tree->left[node] >= 0 && tree->feature[node] == feature)
			return tree->value[node];
	}
	return 0;
}

/*
 * Makes rows of what could make a difference: missing, infinities (of one sign a
 * row, as a DMatrix can take no more), zeros, extremes, thresholds and their
 * neighbours, category codes in and out of range.
 */
void
data_hostile(const Forest *forest, int nrows, uint64 seed, float *rows)
{
	Random		random;

	random_seed(&random, seed ^ 0x5bd1e995);
	for (int i = 0; i < nrows; i++)
	{
		float		infinity = (i & 1) ? INFINITY : -INFINITY;

		for (int f = 0; f < forest->nfeatures; f++)
		{
			static const float special[] = {0.0f, -0.0f, FLT_MAX, -FLT_MAX, 1e-40f, -1e-40f, FLT_MIN, 1.0f,
			16777215.0f, 16777216.0f, 16777217.0f, 0.5f, -0.5f, 2147483648.0f, 1e10f};
			float		value;

			switch (random_below(&random, 10))
			{
				case 0:
					value = NAN;
					break;
				case 1:
					value = infinity;
					break;
				case 2:
					value = special[random_below(&random, lengthof(special))];
					break;
				case 3:
				case 4:
				case 5:
					value = some_threshold(forest, f, &random);
					if (random_below(&random, 3) == 0)
						value = nextafterf(value, -INFINITY);
					else if (random_below(&random, 2) == 0)
						value = nextafterf(value, INFINITY);
					break;
				case 6:
				case 7:
					value = random_below(&random, 60);
					break;
				default:
					value = random_unit(&random) * 5 - 2.5;
					break;
			}
			rows[(Size) i * forest->nfeatures + f] = isinf(value) ? infinity : value;
		}
	}
}
