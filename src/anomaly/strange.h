/*
 * strange.h
 *	  The strangest rows of many, with the rows themselves.
 *
 * Rows are scored in blocks, and what a scan gives lives only until its next row:
 * a StrangeBlock keeps the rows of a block, a StrangeRows the strangest ones of all.
 *
 *		strange_add(block, values, nulls);
 *		if (strange_full(block)) { scorer_run(block->scorer); … strange_offer(kept, severity, ordinal, block->rows[i]) …; strange_reset(block); }
 */
#ifndef ANOMALY_STRANGE_H
#define ANOMALY_STRANGE_H

#include "access/htup.h"

#include "anomaly/detector.h"

typedef struct StrangeBlock
{
	Scorer	   *scorer;
	TupleDesc	desc;
	MemoryContext context;		/* the rows; emptied with the block */
	HeapTuple	rows[SCORER_BLOCK];
	Datum	   *values;			/* of one row, deformed */
	bool	   *nulls;
} StrangeBlock;

/* Binds a version to rows of a type; all of it is in the memory context. */
extern StrangeBlock *strange_block(const ModelVersion *version, TupleDesc desc, MemoryContext context);

/* Takes a row as the block's next one. */
extern void strange_add(StrangeBlock *block, const Datum *values, const bool *nulls);

/* Says whether the block is full, so that it has to be scored before the next row. */
static inline bool
strange_full(const StrangeBlock *block)
{
	return scorer_full(block->scorer);
}

/* Puts a row into values and nulls, deformed. */
extern void strange_deform(StrangeBlock *block, HeapTuple row);

extern void strange_reset(StrangeBlock *block);

typedef struct StrangeRow
{
	double		severity;
	double		pvalue;
	int64		ordinal;		/* of equally strange rows the first is stranger */
	HeapTuple	row;
} StrangeRow;

typedef struct StrangeRows
{
	MemoryContext context;
	int			limit;
	int			nrows;
	StrangeRow *rows;			/* a heap with the least strange one on top, until strange_sort() */
} StrangeRows;

extern StrangeRows *strange_rows(int limit, MemoryContext context);

/* Keeps a copy of the row when it is among the strangest. */
extern void strange_offer(StrangeRows *kept, const StrangeRow *offered);

/* Brings the rows into order, the strangest first; nothing can be offered afterwards. */
extern void strange_sort(StrangeRows *kept);

/* Scores a kept row again, as the only one of the block, and gives its reasons as jsonb. */
extern Datum strange_reasons(StrangeBlock *block, const StrangeRow *row, int nreasons);

/* The row that is deformed, as jsonb. */
extern Datum strange_json(const StrangeBlock *block);

#endif							/* ANOMALY_STRANGE_H */
