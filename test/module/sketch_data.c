/*-------------------------------------------------------------------------
 *
 * sketch_data.c
 *	  Columns of numbers to sketch: distributions of values, each in several orders.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <math.h>

#include "profile/quantiles_int.h"

static const char *const value_names[SKETCH_DATA_VALUES] = {
	"uniform", "normal", "lognormal", "pareto", "zipf", "exponential", "cauchy", "constant", "two values",
	"huge offset", "denormal", "infinities", "runs", "clusters", "small integers", "serial", "mostly zero", "all scales"
};

static const char *const order_names[SKETCH_DATA_ORDERS] = {
	"as drawn", "sorted", "reversed", "zigzag", "upper half first", "falling blocks", "strided"
};

/* Gives "values, order". */
const char *
sketch_data_name(int which)
{
	return psprintf("%s, %s", value_names[which % SKETCH_DATA_VALUES], order_names[which / SKETCH_DATA_VALUES]);
}

/* Gives a number of the standard normal distribution. */
static double
normal(Random *random)
{
	return sqrt(-2 * log(1 - random_unit(random))) * cos(2 * M_PI * random_unit(random));
}

/* Gives the i-th value of a distribution. */
static double
value_of(int kind, int i, int n, Random *random)
{
	double		u = random_unit(random);

	switch (kind)
	{
		case 0:
			return u;
		case 1:
			return normal(random);
		case 2:
			return exp(3 * normal(random));
		case 3:
			return pow(1 - u, -2);
		case 4:
			return floor(1 / (1 - u));
		case 5:
			return -log(1 - u);
		case 6:
			return tan(M_PI * (u - 0.5));
		case 7:
			return 42;
		case 8:
			return u < 0.3 ? -1 : 1;
		case 9:
			return 1e15 + floor(u * 1000);
		case 10:
			return (u - 0.5) * 1e-310;
		case 11:
			return u < 0.1 ? -INFINITY : u > 0.85 ? INFINITY : u;
		case 12:
			return i / 1000;
		case 13:
			return floor(u * 5) * 1e6 + normal(random) * pow(10, floor(u * 5));
		case 14:
			return floor(u * 100);
		case 15:
			return i;
		case 16:
			return u < 0.95 ? 0 : u;
		default:
			return (random_next(random) & 1 ? 1 : -1) * pow(10, u * 600 - 300);
	}
}

/* Puts sorted values into an order. */
static void
put_in_order(int order, const double *sorted, double *values, int n)
{
	for (int i = 0; i < n; i++)
	{
		int			from = i;

		switch (order)
		{
			case 2:
				from = n - 1 - i;
				break;
			case 3:
				from = i % 2 ? n - 1 - i / 2 : i / 2;
				break;
			case 4:
				from = (i + n / 2) % n;
				break;
			case 5:
				from = Min(i / 64 * 64 + 63, n - 1) - i % 64;
				from = Max(from, i / 64 * 64);
				break;
			case 6:
				from = (int) ((int64) i * 1000003 % n);
				break;
		}
		values[i] = sorted[from];
	}
}

/* Fills in a column's values. */
void
sketch_data(int which, uint64 seed, double *values, int n)
{
	int			order = which / SKETCH_DATA_VALUES;
	Random		random;

	random_seed(&random, seed * 1000 + which);
	for (int i = 0; i < n; i++)
		values[i] = value_of(which % SKETCH_DATA_VALUES, i, n, &random);
	if (order > 0)
	{
		double	   *sorted = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * (Size) n);

		memcpy(sorted, values, sizeof(double) * (Size) n);
		quantiles_sort(sorted, n);
		put_in_order(order, sorted, values, n);
		pfree(sorted);
	}
}
