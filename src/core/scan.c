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
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat/compat.h"
#include "core/runas.h"
#include "core/source.h"

#define SCAN_FETCH 1000
#define SCAN_FETCH_BYTES ((Size) 4 * 1024 * 1024)

/* Takes the executor's rows into the scan's current fetch. */
typedef struct ScanReceiver
{
	DestReceiver base;
	SourceScan *scan;
} ScanReceiver;

struct SourceScan
{
	MemoryContext context;		/* of the whole scan */
	Source	   *source;
	Snapshot	snapshot;		/* registered for the scan's life */
	double		share;
	uint64		threshold;		/* rows whose hash is below it are kept */
	uint64		seed;
	uint64		ordinal;		/* rows met so far */

	/* direct */
	Relation	rel;
	TableScanDesc heap;
	TupleTableSlot *slot;

	/* query */
	QueryDesc  *query;
	ScanReceiver receiver;
	MemoryContext fetch;		/* rows of the current fetch; reset before the next */
	MinimalTuple rows[SCAN_FETCH];
	int			nrows;
	int			next;
	uint64		met;			/* rows that this fetch met, kept or not */
	bool		full;			/* this fetch stopped because of its size */
	bool		at_end;
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

	return scan->share >= 1.0 || scan_hash(scan->seed, ordinal) < scan->threshold;
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

/* Has nothing to prepare. */
static void
scan_receive_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

/* Has nothing to end. */
static void
scan_receive_nothing(DestReceiver *self)
{
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
scan_begin_direct(SourceScan *scan)
{
	scan->rel = table_open(scan->source->relid, AccessShareLock);
	scan->slot = table_slot_create(scan->rel, NULL);
	scan->heap = table_beginscan_strat(scan->rel, scan->snapshot, 0, NULL, true, false);
}

/* Plans and starts the query. */
static void
scan_begin_query(SourceScan *scan)
{
	RunAs		saved;
	List	   *queries;
	PlannedStmt *plan;

	scan->fetch = AllocSetContextCreate(scan->context, "aipipe scan fetch", ALLOCSET_DEFAULT_SIZES);
	scan->receiver.base.receiveSlot = scan_receive;
	scan->receiver.base.rStartup = scan_receive_startup;
	scan->receiver.base.rShutdown = scan_receive_nothing;
	scan->receiver.base.rDestroy = scan_receive_nothing;
	scan->receiver.base.mydest = DestNone;
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

/* Begins to read the source with the active snapshot; share and seed choose a reproducible sample. */
SourceScan *
source_scan_begin(Source *source, double share, uint64 seed)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe scan source", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	SourceScan *scan = palloc0(sizeof(SourceScan));

	scan->context = context;
	scan->source = source;
	scan->share = share;
	scan->threshold = share >= 1.0 ? PG_UINT64_MAX : (uint64) (Max(share, 0.0) * 18446744073709551616.0);
	scan->seed = scan_hash(seed, 0);
	scan->snapshot = RegisterSnapshot(GetActiveSnapshot());
	if (source->direct)
		scan_begin_direct(scan);
	else
		scan_begin_query(scan);
	MemoryContextSwitchTo(old);
	return scan;
}

/* Gives the next row of the table that the sample keeps. */
static bool
scan_next_direct(SourceScan *scan)
{
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

/* Gives the next row's values, good until the next call, or false at the end. */
bool
source_scan_next(SourceScan *scan, Datum **values, bool **nulls)
{
	if (scan->heap != NULL ? !scan_next_direct(scan) : !scan_next_query(scan))
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
