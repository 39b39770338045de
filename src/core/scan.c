/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  Reads a source row by row.
 *
 * A plain table that the caller may read whole is scanned through the table
 * access method, in physical order and without joining other backends' scans,
 * so that the order of rows can be relied on.  Everything else runs its analysed
 * query in an executor of its own, some rows at a time.  No SPI is involved:
 * the caller may use SPI between two rows as it likes.
 *
 * While the query runs, and only then, the transaction is read-only, because a
 * function that the query calls must not write.
 *
 *		direct:	heap → slot, deformed in place → values, nulls
 *		query:	executor → receiver: copies of up to SCAN_FETCH rows → values, nulls
 *
 * In blocks the values of up to SOURCE_BLOCK rows are there together: of the heap in
 * their pages, which stay pinned, of other tables and of a query in copies.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/tsmapi.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "rewrite/rewriteHandler.h"
#include "storage/bufmgr.h"
#include "storage/shmem.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat/compat.h"
#include "core/receiver.h"
#include "core/runas.h"
#include "core/source.h"

#define SCAN_FETCH 1000
#define SCAN_FETCH_BYTES ((Size) 4 * 1024 * 1024)

/* Bytes of a block's arrays, which are to stay in the processor's second cache; wide rows come SCAN_BLOCK_LEAST at a time. */
#define SCAN_BLOCK_BYTES 131072
#define SCAN_BLOCK_LEAST 64

/* Takes the executor's rows into the scan's current fetch. */
typedef struct ScanReceiver
{
	DestReceiver base;
	SourceScan *scan;
} ScanReceiver;

/* Values of a block's rows, and what keeps them where they are. */
typedef struct ScanBlock
{
	int			size;			/* rows at most */
	int			npins;
	Buffer		pins[SOURCE_BLOCK]; /* pages of the heap that values lie in */
	TupleTableSlot *copies;		/* reads copied rows of a table that is no heap */
	MemoryContext context;		/* holds them; reset before the next block */
	Datum	   *rows[SOURCE_BLOCK];
	bool	   *nulls[SOURCE_BLOCK];
} ScanBlock;

struct SourceScan
{
	MemoryContext context;		/* of the whole scan */
	Source	   *source;
	Snapshot	snapshot;		/* registered for the scan's life */
	double		share;
	uint64		threshold;		/* rows whose hash is below it are kept */
	uint64		seed;
	uint64		ordinal;		/* rows met so far */
	uint64		kept;			/* of them, those that the sample keeps */

	/* direct */
	Relation	rel;
	TableScanDesc heap;
	TupleTableSlot *slot;

	/* direct, where pages are drawn */
	SampleScanState *draw;
	TsmRoutine	drawer;
	BlockNumber page;			/* the next to decide on */
	BlockNumber npages;
	BlockNumber drawn;
	OffsetNumber offset;		/* of the last row on the page */
	bool		on_page;

	/* blocks, made at the first */
	ScanBlock  *block;

	/* query */
	QueryDesc  *query;
	ScanReceiver receiver;
	MemoryContext fetch;		/* rows of the current fetch; reset before the next */
	MinimalTuple rows[SCAN_FETCH];
	int			nrows;
	int			next;
	uint64		met;			/* rows that this fetch met, kept or not */
	bool		full;			/* this fetch stopped because of its size */
	bool		at_end;			/* of the query; in blocks also of the table */
};

/* Spreads the row's ordinal and the seed over 64 bits. */
static inline uint64
scan_hash(uint64 seed, uint64 ordinal)
{
	uint64		x = seed + ordinal * UINT64CONST(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64CONST(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64CONST(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* Counts the row and says whether the sample keeps it. */
static inline bool
scan_keeps(SourceScan *scan)
{
	uint64		ordinal = scan->ordinal++;

	if (scan->share < 1.0 && scan_hash(scan->seed, ordinal) >= scan->threshold)
		return false;
	scan->kept++;
	return true;
}

/* Copies one row of the executor; false ends the fetch, not the query. */
static bool
scan_receive(TupleTableSlot *slot, DestReceiver *self)
{
	SourceScan *scan = ((ScanReceiver *) self)->scan;
	MemoryContext old;

	scan->met++;
	if (!scan_keeps(scan))
		return true;
	old = MemoryContextSwitchTo(scan->fetch);
	scan->rows[scan->nrows++] = ExecCopySlotMinimalTuple(slot);
	MemoryContextSwitchTo(old);
	if (MemoryContextMemAllocated(scan->fetch, false) > SCAN_FETCH_BYTES)
		scan->full = true;
	return !scan->full;
}

/* Starts a window in which the query may run: read-only, with the scan's snapshot, in a fixed order of rows. */
static void
scan_enter(SourceScan *scan, RunAs *saved)
{
	runas_read_only_begin(saved);
	(void) set_config_option("synchronize_seqscans", "off",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	PushActiveSnapshot(scan->snapshot);
}

/* Ends the window. */
static void
scan_leave(const RunAs *saved)
{
	PopActiveSnapshot();
	runas_end(saved);
}

/* Opens the table itself. */
static void
scan_open_direct(SourceScan *scan)
{
	scan->rel = table_open(scan->source->relid, AccessShareLock);
	scan->slot = table_slot_create(scan->rel, NULL);
}

/* Begins to scan the table itself, all of its pages. */
static void
scan_begin_direct(SourceScan *scan)
{
	scan_open_direct(scan);
	scan->heap = table_beginscan_strat(scan->rel, scan->snapshot, 0, NULL, true, false);
}

/* Gives the next page that the sample keeps, as a sampling method does; of a table that is not empty there is one at least. */
static BlockNumber
scan_draw_page(SampleScanState *state, BlockNumber npages)
{
	SourceScan *scan = state->tsm_state;

	scan->npages = npages;
	while (scan->page < npages)
	{
		BlockNumber page = scan->page++;

		if (scan_hash(scan->seed, page) >= scan->threshold)
			continue;
		scan->drawn++;
		return page;
	}
	if (scan->drawn++ == 0)
		return (BlockNumber) (scan->seed % npages);
	scan->drawn--;
	return InvalidBlockNumber;
}

/* Gives every row of a page, as a sampling method does. */
static OffsetNumber
scan_draw_row(SampleScanState *state, BlockNumber page, OffsetNumber last)
{
	SourceScan *scan = state->tsm_state;

	scan->offset = scan->offset < last ? scan->offset + 1 : InvalidOffsetNumber;
	return scan->offset;
}

/* Begins to scan the table itself, some of its pages. */
static void
scan_begin_pages(SourceScan *scan)
{
	scan_open_direct(scan);
	scan->drawer.type = T_TsmRoutine;
	scan->drawer.NextSampleBlock = scan_draw_page;
	scan->drawer.NextSampleTuple = scan_draw_row;
	scan->draw = makeNode(SampleScanState);
	scan->draw->tsmroutine = &scan->drawer;
	scan->draw->tsm_state = scan;
	scan->heap = table_beginscan_sampling(scan->rel, scan->snapshot, 0, NULL, true, false, true);
}

/* Plans and starts the query. */
static void
scan_begin_query(SourceScan *scan)
{
	RunAs		saved;
	List	   *queries;
	PlannedStmt *plan;

	scan->fetch = AllocSetContextCreate(scan->context, "aipipe scan fetch", ALLOCSET_DEFAULT_SIZES);
	receiver_init(&scan->receiver.base, scan_receive);
	scan->receiver.scan = scan;

	scan_enter(scan, &saved);
	queries = QueryRewrite(copyObject(scan->source->tree));
	if (list_length(queries) != 1)
		elog(ERROR, "source was rewritten to %d queries", list_length(queries));
	plan = pg_plan_query(linitial_node(Query, queries), scan->source->query, 0, NULL);
	scan->query = CreateQueryDesc(plan, scan->source->query, scan->snapshot, InvalidSnapshot,
								  (DestReceiver *) &scan->receiver, NULL, NULL, 0);
	ExecutorStart(scan->query, 0);
	scan_leave(&saved);
	scan->slot = MakeSingleTupleTableSlot(scan->query->tupDesc, &TTSOpsMinimalTuple);
}

/* Makes a scan of the source with the active snapshot that has not begun yet. */
static SourceScan *
scan_create(Source *source, double share, uint64 seed)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe scan source", ALLOCSET_DEFAULT_SIZES);
	SourceScan *scan = MemoryContextAllocZero(context, sizeof(SourceScan));

	scan->context = context;
	scan->source = source;
	scan->share = share;
	scan->threshold = share >= 1.0 ? PG_UINT64_MAX : (uint64) (Max(share, 0.0) * 18446744073709551616.0);
	scan->seed = scan_hash(seed, 0);
	scan->snapshot = RegisterSnapshot(GetActiveSnapshot());
	return scan;
}

/* Begins to read the source with the active snapshot; share and seed choose a reproducible sample. */
SourceScan *
source_scan_begin(Source *source, double share, uint64 seed)
{
	SourceScan *scan = scan_create(source, share, seed);
	MemoryContext old = MemoryContextSwitchTo(scan->context);

	if (source->direct)
		scan_begin_direct(scan);
	else
		scan_begin_query(scan);
	MemoryContextSwitchTo(old);
	return scan;
}

/* The same, but of a table that is scanned itself pages are drawn. */
SourceScan *
source_scan_begin_pages(Source *source, double share, uint64 seed)
{
	SourceScan *scan;
	MemoryContext old;

	if (!source->direct || share >= 1.0)
		return source_scan_begin(source, share, seed);
	scan = scan_create(source, share, seed);
	old = MemoryContextSwitchTo(scan->context);
	scan_begin_pages(scan);
	MemoryContextSwitchTo(old);
	return scan;
}

/* Says which share of the table's pages or of the query's rows the sample took. */
double
source_scan_drawn(const SourceScan *scan)
{
	if (scan->draw != NULL)
		return scan->npages == 0 ? 1.0 : (double) scan->drawn / scan->npages;
	return scan->ordinal == 0 || scan->share >= 1.0 ? 1.0 : (double) scan->kept / scan->ordinal;
}

/* Begins this process's part of a scan that several share; the shared state says which snapshot. */
SourceScan *
source_scan_begin_shared(Source *source, ParallelTableScanDesc shared)
{
	SourceScan *scan = scan_create(source, 1.0, 0);
	MemoryContext old = MemoryContextSwitchTo(scan->context);

	scan_open_direct(scan);
	scan->heap = table_beginscan_parallel(scan->rel, shared);
	MemoryContextSwitchTo(old);
	return scan;
}

/* Gives the next row of the pages that are drawn. */
static bool
scan_next_drawn(SourceScan *scan)
{
	for (;;)
	{
		if (!scan->on_page)
		{
			CHECK_FOR_INTERRUPTS();
			scan->offset = InvalidOffsetNumber;
			if (!table_scan_sample_next_block(scan->heap, scan->draw))
				return false;
			scan->on_page = true;
		}
		if (table_scan_sample_next_tuple(scan->heap, scan->draw, scan->slot))
			return true;
		scan->on_page = false;
	}
}

/* Gives the next row of the table that the sample keeps. */
static bool
scan_next_direct(SourceScan *scan)
{
	if (scan->draw != NULL)
		return scan_next_drawn(scan);
	do
	{
		if (scan->ordinal % SCAN_FETCH == 0)
			CHECK_FOR_INTERRUPTS();
		if (!table_scan_getnextslot(scan->heap, ForwardScanDirection, scan->slot))
			return false;
	} while (!scan_keeps(scan));
	return true;
}

/* Runs the query for the next rows until the sample keeps one or the query ends. */
static void
scan_fill(SourceScan *scan)
{
	MemoryContext old = MemoryContextSwitchTo(scan->context);

	do
	{
		RunAs		saved;

		CHECK_FOR_INTERRUPTS();
		ExecClearTuple(scan->slot);
		MemoryContextReset(scan->fetch);
		scan->nrows = 0;
		scan->next = 0;
		scan->met = 0;
		scan->full = false;
		scan_enter(scan, &saved);
		compat_executor_run(scan->query, SCAN_FETCH);
		scan_leave(&saved);
		if (scan->met < SCAN_FETCH && !scan->full)
			scan->at_end = true;
	} while (scan->nrows == 0 && !scan->at_end);
	MemoryContextSwitchTo(old);
}

/* Puts the next row of the query that the sample keeps into the slot. */
static bool
scan_next_query(SourceScan *scan)
{
	if (scan->next == scan->nrows)
	{
		if (!scan->at_end)
			scan_fill(scan);
		if (scan->next == scan->nrows)
			return false;
	}
	ExecStoreMinimalTuple(scan->rows[scan->next++], scan->slot, false);
	return true;
}

/* Puts the next row into the slot. */
static inline bool
scan_next(SourceScan *scan)
{
	return scan->heap != NULL ? scan_next_direct(scan) : scan_next_query(scan);
}

/* Makes room for blocks of rows. */
static void
scan_make_block(SourceScan *scan, int natts)
{
	MemoryContext old = MemoryContextSwitchTo(scan->context);
	ScanBlock  *block = palloc0(sizeof(ScanBlock));
	int			fits = SCAN_BLOCK_BYTES / (sizeof(Datum) + sizeof(bool)) / Max(natts, 1);
	int			size = Min(Max(fits, SCAN_BLOCK_LEAST), SOURCE_BLOCK);
	Datum	   *values = palloc(Max(mul_size(sizeof(Datum) * size, natts), 1));
	bool	   *nulls = palloc(Max(mul_size(sizeof(bool) * size, natts), 1));

	block->size = size;
	for (int i = 0; i < size; i++)
	{
		block->rows[i] = values + (Size) i * natts;
		block->nulls[i] = nulls + (Size) i * natts;
	}
	if (scan->heap != NULL && !TTS_IS_BUFFERTUPLE(scan->slot))
	{
		block->context = AllocSetContextCreate(scan->context, "aipipe scan block", ALLOCSET_DEFAULT_SIZES);
		block->copies = MakeSingleTupleTableSlot(scan->source->desc, &TTSOpsMinimalTuple);
	}
	scan->block = block;
	MemoryContextSwitchTo(old);
}

/* Lets go of what the last block's values lay in. */
static void
scan_release_block(ScanBlock *block)
{
	for (int i = 0; i < block->npins; i++)
		ReleaseBuffer(block->pins[i]);
	block->npins = 0;
	if (block->copies != NULL)
	{
		ExecClearTuple(block->copies);
		MemoryContextReset(block->context);
	}
}

/* Gives the slot to read the row from, whose values stay where they are until the block is released. */
static TupleTableSlot *
scan_hold_row(SourceScan *scan)
{
	ScanBlock  *block = scan->block;
	MemoryContext old;

	if (scan->heap == NULL)
		return scan->slot;
	if (block->copies == NULL)
	{
		Buffer		buffer = ((BufferHeapTupleTableSlot *) scan->slot)->buffer;

		if (block->npins == 0 || block->pins[block->npins - 1] != buffer)
		{
			IncrBufferRefCount(buffer);
			block->pins[block->npins++] = buffer;
		}
		return scan->slot;
	}
	old = MemoryContextSwitchTo(block->context);
	ExecStoreMinimalTuple(ExecCopySlotMinimalTuple(scan->slot), block->copies, false);
	MemoryContextSwitchTo(old);
	return block->copies;
}

/* Says whether the next row can be read without losing those of the block, and without beginning a table that has ended anew. */
static inline bool
scan_block_goes_on(const SourceScan *scan, int n)
{
	if (scan->heap != NULL)
		return n < scan->block->size && !scan->at_end;
	return n < scan->block->size && (n == 0 || scan->next < scan->nrows);
}

/* Gives the next rows' values, good until the next call; 0 at the end. */
int
source_scan_block(SourceScan *scan, int natts, Datum ***rows, bool ***nulls)
{
	int			n = 0;

	CHECK_FOR_INTERRUPTS();
	if (scan->block == NULL)
		scan_make_block(scan, natts);
	scan_release_block(scan->block);
	while (scan_block_goes_on(scan, n))
	{
		TupleTableSlot *slot;

		if (!scan_next(scan))
		{
			scan->at_end = true;
			break;
		}
		slot = scan_hold_row(scan);
		slot_getsomeattrs(slot, natts);
		memcpy(scan->block->rows[n], slot->tts_values, sizeof(Datum) * natts);
		memcpy(scan->block->nulls[n], slot->tts_isnull, sizeof(bool) * natts);
		n++;
	}
	*rows = scan->block->rows;
	*nulls = scan->block->nulls;
	return n;
}

/* Gives the next row's values, good until the next call, or false at the end. */
bool
source_scan_next(SourceScan *scan, Datum **values, bool **nulls)
{
	if (!scan_next(scan))
		return false;
	slot_getallattrs(scan->slot);
	*values = scan->slot->tts_values;
	*nulls = scan->slot->tts_isnull;
	return true;
}

/* Ends the scan, at the end of the source or before. */
void
source_scan_end(SourceScan *scan)
{
	if (scan->block != NULL)
	{
		scan_release_block(scan->block);
		if (scan->block->copies != NULL)
			ExecDropSingleTupleTableSlot(scan->block->copies);
	}
	ExecDropSingleTupleTableSlot(scan->slot);
	if (scan->heap != NULL)
	{
		table_endscan(scan->heap);
		table_close(scan->rel, NoLock);
	}
	else
	{
		RunAs		saved;

		scan_enter(scan, &saved);
		ExecutorFinish(scan->query);
		ExecutorEnd(scan->query);
		FreeQueryDesc(scan->query);
		scan_leave(&saved);
	}
	UnregisterSnapshot(scan->snapshot);
	MemoryContextDelete(scan->context);
}
