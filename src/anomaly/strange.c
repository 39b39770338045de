/*-------------------------------------------------------------------------
 *
 * strange.c
 *	  The strangest rows of many, with the rows themselves.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "anomaly/strange.h"
#include "core/rowjson.h"

/* Binds a version to rows of a type. */
StrangeBlock *
strange_block(const ModelVersion *version, TupleDesc desc, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	StrangeBlock *block = palloc0(sizeof(StrangeBlock));

	block->scorer = scorer_create(version, desc, context);
	block->desc = desc;
	block->context = AllocSetContextCreate(context, "aipipe anomaly rows", ALLOCSET_DEFAULT_SIZES);
	block->values = palloc(mul_size(sizeof(Datum), Max(desc->natts, 1)));
	block->nulls = palloc(mul_size(sizeof(bool), Max(desc->natts, 1)));
	MemoryContextSwitchTo(old);
	return block;
}

/* Takes a row as the block's next one. */
void
strange_add(StrangeBlock *block, const Datum *values, const bool *nulls)
{
	MemoryContext old = MemoryContextSwitchTo(block->context);

	block->rows[block->scorer->nrows] = heap_form_tuple(block->desc, unconstify(Datum *, values), unconstify(bool *, nulls));
	MemoryContextSwitchTo(old);
	scorer_add(block->scorer, values, nulls);
}

/* Puts a row into values and nulls, deformed. */
void
strange_deform(StrangeBlock *block, HeapTuple row)
{
	heap_deform_tuple(row, block->desc, block->values, block->nulls);
}

/* Empties the block. */
void
strange_reset(StrangeBlock *block)
{
	scorer_reset(block->scorer);
	MemoryContextReset(block->context);
}

/* Makes room for the strangest rows. */
StrangeRows *
strange_rows(int limit, MemoryContext context)
{
	StrangeRows *kept = MemoryContextAllocZero(context, sizeof(StrangeRows));

	kept->context = context;
	kept->limit = limit;
	kept->rows = MemoryContextAlloc(context, mul_size(sizeof(StrangeRow), limit));
	return kept;
}

/* Orders rows, the strangest first, of equals the earliest. */
static int
compare_rows(const void *a, const void *b)
{
	const StrangeRow *left = a;
	const StrangeRow *right = b;

	if (left->severity != right->severity)
		return left->severity > right->severity ? -1 : 1;
	return left->ordinal < right->ordinal ? -1 : left->ordinal > right->ordinal;
}

/* Moves a row up to where it is no less strange than the one above. */
static void
sift_up(StrangeRow *rows, int place, StrangeRow row)
{
	while (place > 0 && compare_rows(&row, &rows[(place - 1) / 2]) > 0)
	{
		rows[place] = rows[(place - 1) / 2];
		place = (place - 1) / 2;
	}
	rows[place] = row;
}

/* Puts a row on top and moves it down to where both below are stranger. */
static void
sift_down(StrangeRow *rows, int nrows, StrangeRow row)
{
	int			place = 0;

	for (;;)
	{
		int			below = 2 * place + 1;

		if (below >= nrows)
			break;
		if (below + 1 < nrows && compare_rows(&rows[below + 1], &rows[below]) > 0)
			below++;
		if (compare_rows(&rows[below], &row) <= 0)
			break;
		rows[place] = rows[below];
		place = below;
	}
	rows[place] = row;
}

/* Keeps a copy of the row when it is among the strangest. */
void
strange_offer(StrangeRows *kept, const StrangeRow *offered)
{
	StrangeRow	row = *offered;
	MemoryContext old;

	if (kept->nrows == kept->limit && compare_rows(offered, &kept->rows[0]) > 0)
		return;
	old = MemoryContextSwitchTo(kept->context);
	row.row = heap_copytuple(offered->row);
	MemoryContextSwitchTo(old);
	if (kept->nrows < kept->limit)
	{
		kept->nrows++;
		sift_up(kept->rows, kept->nrows - 1, row);
		return;
	}
	heap_freetuple(kept->rows[0].row);
	sift_down(kept->rows, kept->nrows, row);
}

/* Brings the rows into order, the strangest first. */
void
strange_sort(StrangeRows *kept)
{
	qsort(kept->rows, kept->nrows, sizeof(StrangeRow), compare_rows);
}

/* Scores a kept row again and gives its reasons as jsonb. */
Datum
strange_reasons(StrangeBlock *block, const StrangeRow *row, int nreasons)
{
	char	   *reasons;

	strange_reset(block);
	strange_deform(block, row->row);
	scorer_add(block->scorer, block->values, block->nulls);
	scorer_run(block->scorer);
	reasons = scorer_reasons(block->scorer, 0, block->values, block->nulls, nreasons);
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(reasons));
}

/* Gives the row that is deformed, as jsonb. */
Datum
strange_json(const StrangeBlock *block)
{
	return JsonbPGetDatum(rowjson_build(block->desc, block->values, block->nulls));
}
