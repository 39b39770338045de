/*-------------------------------------------------------------------------
 *
 * exact.c
 *	  The shift between two arrays of values, exactly: PSI and Kolmogorov-Smirnov.
 *
 * What sketches estimate, of data that is at hand.  PSI has no one definition: bins
 * and what to put for empty ones differ.  Here both are as in Evidently, whose figures can be checked:
 *
 *		numbers, more than 20 different ones in the reference	bins of equal width over both, as many as
 *																Sturges' rule says (log2 n + 1, rounded up)
 *		all else, or text										a bin a value
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "profile/access.h"

PG_FUNCTION_INFO_V1(aipipe_sketch_psi_exact);
PG_FUNCTION_INFO_V1(aipipe_sketch_ks_exact);

/* With more different values in the reference numbers are compared by ranges. */
#define PSI_BY_VALUE 20
#define MAX_BINS 1000

/* One side. */
typedef struct Sample
{
	Size		n;				/* values that are not NULL */
	Size		nfinite;
	double	   *numbers;		/* finite ones, ascending; kinds with numbers */
	uint64	   *hashes;			/* ascending */
} Sample;

/* Orders doubles. */
static int
by_number(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* Orders hashes. */
static int
by_hash(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	return (x > y) - (x < y);
}

/* Reads an array's values. */
static Sample
read_sample(ArrayType *array, ValueReader *reader)
{
	Sample		sample = {0};
	MemoryContext each = AllocSetContextCreate(CurrentMemoryContext, "aipipe profile psi", ALLOCSET_DEFAULT_SIZES);
	bool		numeric = value_kind_is_numeric(value_reader_kind(reader));
	Size		items = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	ArrayIterator iterator = array_create_iterator(array, 0, NULL);
	ValueBlock	block;
	bool		more = true;

	sample.hashes = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(sizeof(uint64), Max(items, 1)));
	sample.numbers = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(sizeof(double), Max(items, 1)));
	while (more)
	{
		MemoryContext old = MemoryContextSwitchTo(each);

		CHECK_FOR_INTERRUPTS();
		block.n = 0;
		while (block.n < PROFILE_BLOCK && more)
		{
			bool		isnull;

			more = array_iterate(iterator, &block.datums[block.n], &isnull);
			block.n += more && !isnull;
		}
		value_read(reader, &block);
		memcpy(sample.hashes + sample.n, block.hashes, sizeof(uint64) * block.n);
		sample.n += block.n;
		for (int i = 0; i < block.n && numeric; i++)
			if (isfinite(block.numbers[i]))
				sample.numbers[sample.nfinite++] = block.numbers[i];
		MemoryContextSwitchTo(old);
		MemoryContextReset(each);
	}
	MemoryContextDelete(each);
	qsort(sample.hashes, sample.n, sizeof(uint64), by_hash);
	qsort(sample.numbers, sample.nfinite, sizeof(double), by_number);
	return sample;
}

/* Counts different hashes, as far as it matters. */
static int
count_different(const Sample *sample, int enough)
{
	int			n = 0;

	for (Size i = 0; i < sample->n && n < enough; i++)
		n += i == 0 || sample->hashes[i] != sample->hashes[i - 1];
	return n;
}

/* Gives the place of the first number that is not below x. */
static Size
place_of(const Sample *sample, double x)
{
	Size		low = 0;
	Size		high = sample->nfinite;

	while (low < high)
	{
		Size		middle = low + (high - low) / 2;

		if (sample->numbers[middle] < x)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Gives PSI over ranges: from each edge up to the next, the last bin with its upper edge. */
static double
psi_of_ranges(const Sample *reference, const Sample *current, const double *edges, int nbins)
{
	double	   *expected = palloc(sizeof(double) * nbins);
	double	   *actual = palloc(sizeof(double) * nbins);
	int			n = 0;

	for (int i = 0; i < nbins; i++)
	{
		Size		upper_r = (i == nbins - 1) ? reference->nfinite : place_of(reference, edges[i + 1]);
		Size		upper_c = (i == nbins - 1) ? current->nfinite : place_of(current, edges[i + 1]);
		Size		lower_r = (i == 0) ? 0 : place_of(reference, edges[i]);
		Size		lower_c = (i == 0) ? 0 : place_of(current, edges[i]);

		expected[n] = (double) (upper_r - lower_r) / reference->nfinite;
		actual[n] = (double) (upper_c - lower_c) / current->nfinite;
		n++;
	}
	return psi_of_shares(expected, actual, n);
}

/* Gives PSI over bins of equal width. */
static double
psi_by_width(const Sample *reference, const Sample *current)
{
	double		low = Min(reference->numbers[0], current->numbers[0]);
	double		high = Max(reference->numbers[reference->nfinite - 1], current->numbers[current->nfinite - 1]);
	double		width = (high - low) / (log2((double) (reference->nfinite + current->nfinite)) + 1);
	double	   *edges;
	int			n;

	if (!isfinite(high - low) || width <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("values are too far apart, or too close, for bins"),
				 errhint("Give \"bins\" for bins of equal shares.")));
	n = (int) ceil((high - low) / width);
	edges = palloc(sizeof(double) * (n + 1));
	for (int i = 0; i < n; i++)
		edges[i] = i * ((high - low) / n) + low;
	edges[n] = high;
	return psi_of_ranges(reference, current, edges, n);
}

/* Gives PSI over bins that hold equal shares of the reference. */
static double
psi_by_share(const Sample *reference, const Sample *current, int nbins)
{
	double	   *edges = palloc(sizeof(double) * (nbins + 1));
	int			n = 0;

	edges[0] = -INFINITY;
	for (int i = 1; i < nbins; i++)
	{
		Size		rank = (Size) ceil((double) i / nbins * reference->nfinite);
		double		edge = nextafter(reference->numbers[Max(rank, 1) - 1], INFINITY);

		if (edge > edges[n])
			edges[++n] = edge;
	}
	edges[++n] = INFINITY;
	return psi_of_ranges(reference, current, edges, n);
}

/* Gives PSI over values. */
static double
psi_by_value(const Sample *reference, const Sample *current)
{
	Size		most = reference->n + current->n;
	double	   *expected = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(sizeof(double), most));
	double	   *actual = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(sizeof(double), most));
	Size		i = 0;
	Size		j = 0;
	int			n = 0;

	while (i < reference->n || j < current->n)
	{
		uint64		hash;
		Size		from_i = i;
		Size		from_j = j;

		if (j == current->n || (i < reference->n && reference->hashes[i] <= current->hashes[j]))
			hash = reference->hashes[i];
		else
			hash = current->hashes[j];
		while (i < reference->n && reference->hashes[i] == hash)
			i++;
		while (j < current->n && current->hashes[j] == hash)
			j++;
		expected[n] = (double) (i - from_i) / reference->n;
		actual[n] = (double) (j - from_j) / current->n;
		n++;
	}
	return psi_of_shares(expected, actual, n);
}

/* Reads the number of bins, 0 when NULL. */
static int
bins_argument(FunctionCallInfo fcinfo, int argno)
{
	int			n = PG_ARGISNULL(argno) ? 0 : PG_GETARG_INT32(argno);

	if (!PG_ARGISNULL(argno) && (n < 2 || n > MAX_BINS))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"bins\" must be between 2 and %d", MAX_BINS),
				 errdetail("It is %d.", n)));
	return n;
}

/* Gives the population stability index of an array of values against a reference; NULL when one has no values. */
Datum
aipipe_sketch_psi_exact(PG_FUNCTION_ARGS)
{
	int			bins = bins_argument(fcinfo, 2);
	ValueReader *reader;
	Sample		reference;
	Sample		current;
	double		psi;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	reader = value_reader_create(CurrentMemoryContext, ARR_ELEMTYPE(PG_GETARG_ARRAYTYPE_P(0)));
	reference = read_sample(PG_GETARG_ARRAYTYPE_P(0), reader);
	current = read_sample(PG_GETARG_ARRAYTYPE_P(1), reader);
	if (bins > 0 && !value_kind_is_numeric(value_reader_kind(reader)))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("values of type %s have no ranges", value_reader_type_name(reader)),
				 errhint("Leave \"bins\" away: each value is a bin.")));
	if (!value_kind_is_numeric(value_reader_kind(reader)) ||
		(bins == 0 && count_different(&reference, PSI_BY_VALUE + 1) <= PSI_BY_VALUE))
	{
		if (reference.n == 0 || current.n == 0)
			PG_RETURN_NULL();
		psi = psi_by_value(&reference, &current);
	}
	else
	{
		if (reference.nfinite == 0 || current.nfinite == 0)
			PG_RETURN_NULL();
		psi = (bins > 0) ? psi_by_share(&reference, &current, bins) : psi_by_width(&reference, &current);
	}
	PG_RETURN_FLOAT8(psi);
}

/* Gives Kolmogorov and Smirnov's distance of two arrays of numbers; NULL when one has none. */
Datum
aipipe_sketch_ks_exact(PG_FUNCTION_ARGS)
{
	ValueReader *reader = value_reader_create(CurrentMemoryContext, FLOAT8OID);
	Sample		a = read_sample(PG_GETARG_ARRAYTYPE_P(0), reader);
	Sample		b = read_sample(PG_GETARG_ARRAYTYPE_P(1), reader);
	double		largest = 0;
	Size		i = 0;
	Size		j = 0;

	if (a.nfinite == 0 || b.nfinite == 0)
		PG_RETURN_NULL();
	while (i < a.nfinite && j < b.nfinite)
	{
		double		x = Min(a.numbers[i], b.numbers[j]);

		while (i < a.nfinite && a.numbers[i] <= x)
			i++;
		while (j < b.nfinite && b.numbers[j] <= x)
			j++;
		largest = Max(largest, fabs((double) i / a.nfinite - (double) j / b.nfinite));
	}
	PG_RETURN_FLOAT8(largest);
}
