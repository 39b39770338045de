/*-------------------------------------------------------------------------
 *
 * matrix.c
 *	  A row-major float32 matrix that grows by chunks inside a memory budget.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/shmem.h"
#include "utils/memutils.h"

#include "core/matrix.h"

#define MATRIX_CHUNK_BYTES ((Size) 4 * 1024 * 1024)
#define MATRIX_CHUNK_UNIT 64

/* Chooses the rows of a chunk: about 4 MB, less under a small budget, a multiple of 64. */
static int
matrix_choose_chunk_rows(int ncols, Size budget)
{
	Size		row = mul_size(ncols, sizeof(float));
	Size		bytes = MATRIX_CHUNK_BYTES;
	Size		rows;

	if (budget > 0 && budget / 8 < bytes)
		bytes = budget / 8;
	rows = bytes / row / MATRIX_CHUNK_UNIT * MATRIX_CHUNK_UNIT;
	return (int) Max(rows, MATRIX_CHUNK_UNIT);
}

/* Creates an empty matrix in a context of its own below the given one. */
Matrix *
matrix_create(MemoryContext parent, int ncols, Size budget, const char *what)
{
	MemoryContext context;
	MemoryContext old;
	Matrix	   *matrix;

	if (ncols <= 0)
		elog(ERROR, "a matrix needs at least one column");
	context = AllocSetContextCreate(parent, "aipipe matrix", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	matrix = palloc0(sizeof(Matrix));
	matrix->context = context;
	matrix->ncols = ncols;
	matrix->chunk_rows = matrix_choose_chunk_rows(ncols, budget);
	matrix->maxchunks = 16;
	matrix->chunks = palloc(mul_size(matrix->maxchunks, sizeof(float *)));
	matrix->budget = budget;
	matrix->what = pstrdup(what);
	MemoryContextSwitchTo(old);
	return matrix;
}

/* Raises the error of a matrix that would outgrow its budget. */
static void
matrix_over_budget(const Matrix *matrix, Size need)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("%s needs more memory than allowed", matrix->what),
			 errdetail("%lld rows of %d features need more than %llu kB; the limit is %llu kB.",
					   (long long) matrix->nrows, matrix->ncols,
					   (unsigned long long) (need / 1024), (unsigned long long) (matrix->budget / 1024)),
			 errhint("Raise aipipe.train_max_memory, or train on fewer columns or on a sample of the rows.")));
}

/* Gives the bytes of the chunks that so many rows take. */
Size
matrix_bytes(const Matrix *matrix, int64 nrows)
{
	Size		chunk = mul_size(mul_size(matrix->chunk_rows, matrix->ncols), sizeof(float));

	return mul_size(chunk, (nrows + matrix->chunk_rows - 1) / matrix->chunk_rows);
}

/* Adds an empty chunk. */
static void
matrix_grow(Matrix *matrix)
{
	Size		bytes = matrix_bytes(matrix, 1);
	Size		total = add_size(matrix->bytes, bytes);

	if (matrix->budget > 0 && add_size(total, matrix->beside) > matrix->budget)
		matrix_over_budget(matrix, total + matrix->beside);
	if (matrix->nchunks == matrix->maxchunks)
	{
		matrix->maxchunks *= 2;
		matrix->chunks = repalloc_huge(matrix->chunks, mul_size(matrix->maxchunks, sizeof(float *)));
	}
	matrix->chunks[matrix->nchunks] = MemoryContextAllocHuge(matrix->context, bytes);
	matrix->nchunks++;
	matrix->bytes = total;
}

/* Says how many bytes of the budget others hold; an error when that leaves too little for the rows that are there. */
void
matrix_reserve(Matrix *matrix, Size beside)
{
	Size		total = add_size(matrix->bytes, beside);

	if (matrix->budget > 0 && total > matrix->budget)
		matrix_over_budget(matrix, total);
	matrix->beside = beside;
}

/* Appends one row and gives the place to write its values. */
float *
matrix_append(Matrix *matrix)
{
	int64		in_last;

	if (matrix->nrows == (int64) matrix->nchunks * matrix->chunk_rows)
		matrix_grow(matrix);
	in_last = matrix->nrows - (int64) (matrix->nchunks - 1) * matrix->chunk_rows;
	matrix->nrows++;
	return matrix->chunks[matrix->nchunks - 1] + (size_t) in_last * matrix->ncols;
}

/* Forgets the rows from nrows on and frees the chunks they leave empty. */
void
matrix_truncate(Matrix *matrix, int64 nrows)
{
	int			keep = (int) ((nrows + matrix->chunk_rows - 1) / matrix->chunk_rows);

	Assert(nrows <= matrix->nrows);
	while (matrix->nchunks > keep)
	{
		pfree(matrix->chunks[--matrix->nchunks]);
		matrix->bytes -= matrix_bytes(matrix, 1);
	}
	matrix->nrows = nrows;
}

/* Frees the matrix and all that it holds. */
void
matrix_free(Matrix *matrix)
{
	MemoryContextDelete(matrix->context);
}
