/*-------------------------------------------------------------------------
 *
 * split.c
 *	  Splits and sorted groups on arrays, to be looked at row by row.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "learn/split.h"
#include "learn/trainset.h"

PG_FUNCTION_INFO_V1(test_split);
PG_FUNCTION_INFO_V1(test_sort_groups);

/* Gives an array argument's elements, all of the type and none NULL; NULL for a NULL argument. */
static void *
array_elements(FunctionCallInfo fcinfo, int argno, Oid type, int nrows)
{
	ArrayType  *array;

	if (PG_ARGISNULL(argno))
		return NULL;
	array = PG_GETARG_ARRAYTYPE_P(argno);
	if (ARR_ELEMTYPE(array) != type || array_contains_nulls(array) ||
		(nrows >= 0 && ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) != nrows))
		elog(ERROR, "argument %d is not an array of so many", argno);
	return ARR_DATA_PTR(array);
}

/* Gives small numbers as an int[]. */
static Datum
int_array(const uint8 *numbers, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = Int32GetDatum(numbers[i]);
	return PointerGetDatum(construct_array(elements, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

/* split(how, n, amount, seed, labels, nclasses, groups, times): what every row is marked with. */
Datum
test_split(PG_FUNCTION_ARGS)
{
	char	   *how = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			n = PG_GETARG_INT32(1);
	double		amount = PG_GETARG_FLOAT8(2);
	uint64		seed = (uint64) PG_GETARG_INT64(3);
	const float *labels = array_elements(fcinfo, 4, FLOAT4OID, n);
	int			nclasses = PG_GETARG_INT32(5);
	const int32 *groups = array_elements(fcinfo, 6, INT4OID, n);
	const double *times = array_elements(fcinfo, 7, FLOAT8OID, n);
	uint8	   *marks = palloc(Max(n, 1));

	memset(marks, 77, n);
	if (strcmp(how, "holdout") == 0)
		split_holdout(n, amount, seed, labels, nclasses, marks);
	else if (strcmp(how, "latest") == 0)
		split_latest(n, amount, times, marks);
	else if (strcmp(how, "groups") == 0)
		split_groups(n, amount, seed, groups, marks);
	else if (strcmp(how, "folds") == 0)
		split_folds(n, (int) amount, seed, labels, nclasses, groups, marks);
	else if (strcmp(how, "slices") == 0)
		split_time_slices(n, (int) amount, times, marks);
	else
		elog(ERROR, "no such split");
	PG_RETURN_DATUM(int_array(marks, n));
}

/* sort_groups(groups): the numbers, from 0 on, of the rows in the order they were brought to; all that belongs to a row has come along. */
Datum
test_sort_groups(PG_FUNCTION_ARGS)
{
	int			n = ArrayGetNItems(ARR_NDIM(PG_GETARG_ARRAYTYPE_P(0)), ARR_DIMS(PG_GETARG_ARRAYTYPE_P(0)));
	int32	   *groups = array_elements(fcinfo, 0, INT4OID, n);
	TrainSet	set = {0};
	Datum	   *order = palloc(sizeof(Datum) * Max(n, 1));

	set.rows = matrix_create(CurrentMemoryContext, 1, 0, "test data");
	set.labels = palloc(sizeof(float) * Max(n, 1));
	set.weights = palloc(sizeof(float) * Max(n, 1));
	set.groups = palloc(sizeof(int32) * Max(n, 1));
	set.times = palloc(sizeof(double) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		*matrix_append(set.rows) = (float) i;
		set.labels[i] = (float) i;
		set.weights[i] = (float) i;
		set.groups[i] = groups[i];
		set.times[i] = i;
	}
	trainset_sort_groups(&set);
	for (int i = 0; i < n; i++)
	{
		int			row = (int) *matrix_row(set.rows, i);

		if (set.labels[i] != row || set.weights[i] != row || set.times[i] != row || set.groups[i] != groups[row])
			elog(ERROR, "row %d was torn apart", row);
		order[i] = Int32GetDatum(row);
	}
	PG_RETURN_DATUM(PointerGetDatum(construct_array(order, n, INT4OID, sizeof(int32), true, TYPALIGN_INT)));
}
