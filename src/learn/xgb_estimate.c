/*-------------------------------------------------------------------------
 *
 * xgb_estimate.c
 *	  What a training takes of memory, before it takes any.
 *
 * Estimated from above, as what is estimated too low ends in the kernel's hands.
 * Three times count, and what the library holds at each (measured with 1.7.4 to
 * 3.2.0); the largest is the estimate:
 *
 *		building	the sketches of all columns beside the row index, which doubles as it
 *					grows; then the validation rows, once copied and once as entries
 *		boosting	row and column index, gradients and predictions, the validation
 *					rows, the histograms of one tree's nodes, the trees so far
 *		writing		the trees several times: the library's, ours, as text
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/shmem.h"
#include "utils/memutils.h"

#include "learn/forest.h"
#include "learn/xgb.h"

/* The library's code and constant parts. */
#define FIXED_BYTES ((Size) 24 * 1024 * 1024)

/* An entry of a sketch; a sketch holds eight for every bin, in levels. */
#define SKETCH_ENTRY 16
#define SKETCH_PER_BIN 8

/* Bytes of an artifact that a node takes at least: more nodes than fit a value are never written. */
#define NODE_TEXT 60

/* What a node takes while its tree grows and while the model is written, read, compiled and compared. */
#define NODE_BOOSTING 110
#define NODE_WRITING 330

/* Gives the bytes of one column's sketch, with the library's own choice of its size. */
static Size
sketch_bytes(Size nrows, int max_bin)
{
	Size		values = (Size) max_bin * SKETCH_PER_BIN;
	Size		limit;
	int			levels = 1;
	Size		entries;

	for (;; levels++)
	{
		limit = Min(levels * values + 1, nrows);
		if ((limit << levels) >= nrows)
			break;
	}
	/* the queue, a scratch copy and the levels; without a full queue there are no levels */
	entries = limit * (nrows <= 2 * limit ? 2 : 3 + levels);
	entries += Min(values, nrows);
	return mul_size(entries, SKETCH_ENTRY * 6 / 5);
}

/* Gives the nodes of all trees when every one is full. */
static Size
model_nodes(const XgbSize *size)
{
	Size		nodes = ((Size) 2 << Min(size->depth, 15)) - 1;

	nodes = Min(nodes, Min((Size) size->nrows * 2, FOREST_MAX_NODES));
	nodes = mul_size(nodes, mul_size(mul_size(size->ngroups, size->ntrees), size->rounds));
	return Min(nodes, MaxAllocSize / NODE_TEXT);
}

/* Gives the bytes of the histograms of one tree's nodes. */
static Size
histogram_bytes(const XgbSize *size)
{
	Size		nodes = Min((Size) 2 << Min(size->depth, 15), (Size) size->nrows * 2);
	Size		bytes = mul_size(mul_size(nodes, size->ncols), mul_size(size->max_bin, 16));

	/* each further thread has those of a level for itself */
	return add_size(bytes, mul_size(bytes / 2, size->nthread - 1));
}

/* Gives the bytes that a cell takes in the column index. */
static Size
column_cell(const XgbSize *size)
{
	return size->max_bin <= 256 ? 1 : 2;
}

/* Gives the bytes while the matrices are built. */
static Size
building_bytes(const XgbSize *size)
{
	Size		cells = mul_size(size->nrows, size->ncols);
	Size		sketches = mul_size(sketch_bytes(size->nrows, size->max_bin), size->ncols);
	Size		validation = mul_size(mul_size(size->nvalidation, size->ncols), 12);

	if (size->dart)
		return Max(add_size(mul_size(cells, 12), validation), add_size(mul_size(cells, 9), sketches));
	return Max(add_size(mul_size(cells, 8), sketches),
			   add_size(mul_size(cells, 4 + column_cell(size)), validation));
}

/* Gives the bytes in the rounds. */
static Size
boosting_bytes(const XgbSize *size)
{
	Size		cell = 4 + column_cell(size) + (size->dart ? 8 : 0);
	Size		row = 54 + (Size) 14 * size->ngroups + (size->weighted ? 8 : 0) + (size->ranked ? 24 : 0);
	Size		validation = (Size) 8 * size->ncols + (Size) 12 * size->ngroups + 32;
	Size		bytes = mul_size(mul_size(size->nrows, size->ncols), cell);

	bytes = add_size(bytes, mul_size(size->nrows, row));
	bytes = add_size(bytes, mul_size(size->nvalidation, validation));
	bytes = add_size(bytes, histogram_bytes(size));
	return add_size(bytes, mul_size(model_nodes(size), NODE_BOOSTING));
}

/* Estimates from above what a training takes beside the data. */
Size
xgb_train_estimate(const XgbSize *size)
{
	XgbSize		rows = *size;
	Size		bytes;

	rows.nrows = Max(rows.nrows, 1);
	bytes = Max(building_bytes(&rows), boosting_bytes(&rows));
	bytes = Max(bytes, mul_size(model_nodes(&rows), NODE_WRITING));
	bytes = add_size(bytes, bytes / 16);
	return add_size(bytes, FIXED_BYTES);
}
