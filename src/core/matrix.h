/*
 * matrix.h
 *	  A row-major float32 matrix that grows by chunks inside a memory budget.
 *
 *		chunk 0: chunk_rows x ncols floats    chunk 1: ...    last: partly filled
 *
 * Missing is NaN.  Chunks never move, so a pointer to a row stays good.
 */
#ifndef CORE_MATRIX_H
#define CORE_MATRIX_H

#include "postgres.h"

typedef struct Matrix
{
	MemoryContext context;		/* holds the chunks; parent given at creation */
	int			ncols;
	int64		nrows;
	int			chunk_rows;		/* rows in every chunk; a multiple of 64 */
	int			nchunks;
	int			maxchunks;
	float	  **chunks;
	Size		bytes;			/* allocated so far */
	Size		budget;			/* error 53400 before bytes + beside would exceed it; 0 = none */
	Size		beside;			/* bytes of the same budget that others hold */
	const char *what;			/* for that error: "training data" */
} Matrix;

extern Matrix *matrix_create(MemoryContext parent, int ncols, Size budget, const char *what);

/* Says how many bytes of the budget others hold; error 53400 when that leaves too little. */
extern void matrix_reserve(Matrix *matrix, Size beside);

/* Appends one row and gives the place to write its ncols floats. */
extern float *matrix_append(Matrix *matrix);

/* Gives the place of a row. */
static inline float *
matrix_row(const Matrix *matrix, int64 row)
{
	return matrix->chunks[row / matrix->chunk_rows] +
		(size_t) (row % matrix->chunk_rows) * matrix->ncols;
}

/* Rows that chunk i holds now. */
static inline int
matrix_chunk_rows(const Matrix *matrix, int i)
{
	return (i < matrix->nchunks - 1) ? matrix->chunk_rows
		: (int) (matrix->nrows - (int64) i * matrix->chunk_rows);
}

/* Bytes of the chunks that so many rows take. */
extern Size matrix_bytes(const Matrix *matrix, int64 nrows);

/* Forgets the rows from nrows on and frees the chunks they leave empty. */
extern void matrix_truncate(Matrix *matrix, int64 nrows);

extern void matrix_free(Matrix *matrix);

#endif							/* CORE_MATRIX_H */
