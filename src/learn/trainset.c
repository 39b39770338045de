/*-------------------------------------------------------------------------
 *
 * trainset.c
 *	  Rows with all that belongs to them: labels, weights, groups, times.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "learn/trainset.h"

/* Gives the bytes of one row's entries in the arrays beside the matrix. */
static Size
entry_bytes(const TrainSet *set)
{
	return (set->labels ? sizeof(float) : 0) + (set->weights ? sizeof(float) : 0) +
		(set->groups ? sizeof(int32) : 0) + (set->times ? sizeof(double) : 0);
}

/* Gives the bytes that so many rows take with the same arrays as this set has. */
Size
trainset_bytes(const TrainSet *like, int64 nrows)
{
	return add_size(matrix_bytes(like->rows, nrows), mul_size(entry_bytes(like), Max(nrows, 1)));
}

/* Allocates an array when the other set has one. */
static void *
array_like(const void *like, int64 nrows, Size size)
{
	return like ? MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(nrows, 1), size)) : NULL;
}

/* Copies one row's entries in the arrays. */
static inline void
copy_entries(TrainSet *to, int64 at, const TrainSet *from, int64 row)
{
	if (from->labels)
		to->labels[at] = from->labels[row];
	if (from->weights)
		to->weights[at] = from->weights[row];
	if (from->groups)
		to->groups[at] = from->groups[row];
	if (from->times)
		to->times[at] = from->times[row];
}

/* Copies the rows of one part into a new set within the budget. */
TrainSet *
trainset_copy(const TrainSet *from, const uint8 *part, uint8 wanted, Size budget, Size beside, const char *what)
{
	TrainSet   *to = palloc0(sizeof(TrainSet));
	int64		nrows = from->rows->nrows;
	int64		n = 0;
	Size		row_bytes = mul_size(from->rows->ncols, sizeof(float));

	for (int64 row = 0; row < nrows; row++)
		n += (part[row] == wanted);
	to->rows = matrix_create(CurrentMemoryContext, from->rows->ncols, budget, what);
	matrix_reserve(to->rows, add_size(beside, mul_size(entry_bytes(from), n)));
	to->labels = array_like(from->labels, n, sizeof(float));
	to->weights = array_like(from->weights, n, sizeof(float));
	to->groups = array_like(from->groups, n, sizeof(int32));
	to->times = array_like(from->times, n, sizeof(double));
	n = 0;
	for (int64 row = 0; row < nrows; row++)
	{
		if (row % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (part[row] != wanted)
			continue;
		memcpy(matrix_append(to->rows), matrix_row(from->rows, row), row_bytes);
		copy_entries(to, n++, from, row);
	}
	return to;
}

/* Keeps the rows of one part and closes the gaps that the others leave. */
void
trainset_keep(TrainSet *set, const uint8 *part, uint8 wanted)
{
	int64		nrows = set->rows->nrows;
	Size		row_bytes = mul_size(set->rows->ncols, sizeof(float));
	int64		kept = 0;

	for (int64 row = 0; row < nrows; row++)
	{
		if (row % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (part[row] != wanted)
			continue;
		if (kept != row)
		{
			memcpy(matrix_row(set->rows, kept), matrix_row(set->rows, row), row_bytes);
			copy_entries(set, kept, set, row);
		}
		kept++;
	}
	matrix_truncate(set->rows, kept);
}

/* Frees one array of a set. */
static void
free_array(void *array)
{
	if (array != NULL)
		pfree(array);
}

/* Frees the set and its arrays. */
void
trainset_free(TrainSet *set)
{
	matrix_free(set->rows);
	free_array(set->labels);
	free_array(set->weights);
	free_array(set->groups);
	free_array(set->times);
	pfree(set);
}

/* Gives every row its place when rows of a group stand together, in their order, and the groups in that of their numbers. */
static int64 *
group_places(const TrainSet *set, int64 ngroups)
{
	int64		nrows = set->rows->nrows;
	int64	   *place = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(nrows, 1), sizeof(int64)));
	int64	   *next = MemoryContextAllocExtended(CurrentMemoryContext, mul_size(ngroups + 1, sizeof(int64)),
												 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (int64 row = 0; row < nrows; row++)
		next[set->groups[row] + 1]++;
	for (int64 group = 1; group < ngroups; group++)
		next[group] += next[group - 1];
	for (int64 row = 0; row < nrows; row++)
		place[row] = next[set->groups[row]]++;
	pfree(next);
	return place;
}

/* One row with its entries, on the way to its place. */
typedef struct MovedRow
{
	float	   *row;
	float		label;
	float		weight;
	int32		group;
	double		time;
} MovedRow;

/* Exchanges the row in hand with the one at a place. */
static void
exchange_row(TrainSet *set, int64 at, MovedRow *hand, MovedRow *other, Size row_bytes)
{
	MovedRow	taken = *other;

	memcpy(taken.row, matrix_row(set->rows, at), row_bytes);
	memcpy(matrix_row(set->rows, at), hand->row, row_bytes);
#define EXCHANGE(array, field) \
	if (set->array) \
		taken.field = set->array[at], set->array[at] = hand->field
	EXCHANGE(labels, label);
	EXCHANGE(weights, weight);
	EXCHANGE(groups, group);
	EXCHANGE(times, time);
#undef EXCHANGE
	*other = *hand;
	*hand = taken;
}

/* Moves the rows to their places, cycle by cycle; place is used up. */
static void
move_rows(TrainSet *set, int64 *place)
{
	Size		row_bytes = mul_size(set->rows->ncols, sizeof(float));
	MovedRow	hand = {0};
	MovedRow	other = {0};

	hand.row = palloc0(row_bytes);
	other.row = palloc(row_bytes);
	for (int64 row = 0; row < set->rows->nrows; row++)
	{
		int64		at = place[row];

		if (row % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (at == row || at < 0)
			continue;
		/* what the hand holds first goes to waste: this row's place is filled last */
		exchange_row(set, row, &hand, &other, row_bytes);
		while (at != row)
		{
			int64		next = place[at];

			exchange_row(set, at, &hand, &other, row_bytes);
			place[at] = -1;
			at = next;
		}
		exchange_row(set, row, &hand, &other, row_bytes);
	}
	pfree(hand.row);
	pfree(other.row);
}

/* Gives the bytes that trainset_sort_groups() takes. */
Size
trainset_sort_bytes(const TrainSet *set)
{
	return mul_size(set->rows->nrows, 2 * sizeof(int64)) + 2 * sizeof(int64);
}

/* Brings the rows of a group together. */
void
trainset_sort_groups(TrainSet *set)
{
	int64		nrows = set->rows->nrows;
	int32		last = -1;
	bool		sorted = true;
	int64	   *place;

	for (int64 row = 0; row < nrows; row++)
	{
		sorted &= (set->groups[row] >= last);
		last = Max(last, set->groups[row]);
	}
	if (sorted)
		return;
	place = group_places(set, (int64) last + 1);
	move_rows(set, place);
	pfree(place);
}

/* Numbers the groups, whose rows stand together, 0 … without gaps. */
void
trainset_number_groups(TrainSet *set)
{
	int32		number = -1;
	int32		current = -1;

	if (set->groups == NULL)
		return;
	for (int64 row = 0; row < set->rows->nrows; row++)
	{
		if (set->groups[row] != current)
		{
			current = set->groups[row];
			number++;
		}
		set->groups[row] = number;
	}
}
