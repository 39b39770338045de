/*-------------------------------------------------------------------------
 *
 * table_parallel.c
 *	  One table's profile by several processes.
 *
 * Workers are the server's own, as for CREATE INDEX: each takes pages of one
 * shared scan, adds them to sketches of its own, and sends these when the scan has
 * ended.  This process takes part, then merges what comes, worker by worker.
 *
 *		segment:	TableShared | scan | query text | a queue for each worker
 *		queue:		one message a column, in the columns' order: all that its sketch knows
 *
 * An error or a cancel ends the workers and frees the segment with its
 * (sub)transaction; a worker's error is raised here by the server.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/shm_mq.h"
#include "tcop/tcopprot.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#include "profile/sketch_int.h"
#include "profile/table_int.h"

#define TABLE_KEY_SHARED UINT64CONST(1)
#define TABLE_KEY_SCAN UINT64CONST(2)
#define TABLE_KEY_QUERY UINT64CONST(3)
#define TABLE_KEY_QUEUES UINT64CONST(4)

#define TABLE_QUEUE ((Size) 64 * 1024)

/* Pages for which the second worker pays, as many times more for each further one. */
#define TABLE_WORKER_FACTOR 3

/* What the processes share. The leader writes it before it launches workers; afterwards only rows changes, by atomic additions. */
typedef struct TableShared
{
	Oid			relid;
	int			ncolumns;
	int			natts;
	pg_atomic_uint64 rows;
	int			places[FLEXIBLE_ARRAY_MEMBER];	/* of each column in the table's rows */
} TableShared;

/* The leader's view of it. */
typedef struct TableTeam
{
	ParallelContext *context;
	ParallelTableScanDesc scan;
	shm_mq_handle **queues;		/* of each worker */
} TableTeam;

PGDLLEXPORT void aipipe_profile_worker(dsm_segment *segment, shm_toc *toc);

/* Says whether a type's values can be written as text in a worker: its output function and those of what it is made of. */
static bool
type_is_parallel_safe(Oid type)
{
	Oid			base = getBaseType(type);
	TypeCacheEntry *entry;
	Oid			output;
	bool		varlena;
	bool		safe = true;

	check_stack_depth();
	getTypeOutputInfo(base, &output, &varlena);
	if (func_parallel(output) != PROPARALLEL_SAFE)
		return false;
	if (OidIsValid(get_element_type(base)))
		return type_is_parallel_safe(get_element_type(base));
	if (type_is_range(base))
		return type_is_parallel_safe(get_range_subtype(base));
	if (type_is_multirange(base))
		return type_is_parallel_safe(get_multirange_range(base));
	entry = lookup_type_cache(base, TYPECACHE_TUPDESC);
	if (base == RECORDOID || entry->tupDesc == NULL)
		return base != RECORDOID;
	for (int i = 0; safe && i < entry->tupDesc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(entry->tupDesc, i);

		safe = attr->attisdropped || type_is_parallel_safe(attr->atttypid);
	}
	return safe;
}

/* Says whether workers could read the table and its columns at all. */
static bool
may_have_workers(Relation rel, const TableReading *reading)
{
	if (!IsUnderPostmaster || IsInParallelMode() || IsParallelWorker() || RelationUsesLocalBuffers(rel))
		return false;
	for (int i = 0; i < reading->ncolumns; i++)
		if (!type_is_parallel_safe(reading->columns[i].typeid))
			return false;
	return true;
}

/* Gives the number of workers by the table's own setting or by its size, within the session's limit, as the planner does. */
static int
usual_workers(Relation rel)
{
	int			workers = RelationGetParallelWorkers(rel, -1);

	if (workers < 0)
	{
		BlockNumber pages = RelationGetNumberOfBlocks(rel);
		uint64		threshold = Max(min_parallel_table_scan_size, 1);

		workers = 0;
		for (; threshold <= pages; threshold *= TABLE_WORKER_FACTOR)
			workers++;
	}
	return Min(workers, max_parallel_workers_per_gather);
}

/* Gives the number of workers to ask for. */
static int
wanted_workers(Relation rel, const TableReading *reading, int asked)
{
	int			workers = Min(asked >= 0 ? asked : usual_workers(rel), max_parallel_workers);

	return workers > 0 && may_have_workers(rel, reading) ? workers : 0;
}

/* Says how much of the segment the processes' state takes. */
static void
estimate_shared(TableTeam *team, Relation rel, int ncolumns)
{
	shm_toc_estimator *estimator = &team->context->estimator;

	shm_toc_estimate_chunk(estimator, add_size(offsetof(TableShared, places), mul_size(sizeof(int), ncolumns)));
	shm_toc_estimate_chunk(estimator, table_parallelscan_estimate(rel, GetActiveSnapshot()));
	shm_toc_estimate_chunk(estimator, debug_query_string == NULL ? 1 : strlen(debug_query_string) + 1);
	shm_toc_estimate_chunk(estimator, mul_size(TABLE_QUEUE, team->context->nworkers));
	shm_toc_estimate_keys(estimator, 4);
}

/* Writes what workers need to know about the table, and how to show themselves. */
static TableShared *
share_table(TableTeam *team, Relation rel, const TableReading *reading, const TablePart *part)
{
	shm_toc    *toc = team->context->toc;
	TableShared *shared = shm_toc_allocate(toc, add_size(offsetof(TableShared, places), mul_size(sizeof(int), reading->ncolumns)));
	const char *query = debug_query_string == NULL ? "" : debug_query_string;
	char	   *text = shm_toc_allocate(toc, strlen(query) + 1);

	shared->relid = part->source->relid;
	shared->ncolumns = reading->ncolumns;
	shared->natts = part->natts;
	pg_atomic_init_u64(&shared->rows, pg_atomic_read_u64(reading->rows));
	memcpy(shared->places, part->places, mul_size(sizeof(int), reading->ncolumns));
	shm_toc_insert(toc, TABLE_KEY_SHARED, shared);
	memcpy(text, query, strlen(query) + 1);
	shm_toc_insert(toc, TABLE_KEY_QUERY, text);

	team->scan = shm_toc_allocate(toc, table_parallelscan_estimate(rel, GetActiveSnapshot()));
	table_parallelscan_initialize(rel, team->scan, GetActiveSnapshot());
	/* Each process reads its pages from the first to the last, or the order of rows would mean nothing. */
	team->scan->phs_syncscan = false;
	shm_toc_insert(toc, TABLE_KEY_SCAN, team->scan);
	return shared;
}

/* Makes the workers' queues, each of which this process will read. */
static void
share_queues(TableTeam *team)
{
	ParallelContext *context = team->context;
	char	   *space = shm_toc_allocate(context->toc, mul_size(TABLE_QUEUE, context->nworkers));

	team->queues = palloc(mul_size(sizeof(shm_mq_handle *), context->nworkers));
	for (int i = 0; i < context->nworkers; i++)
	{
		shm_mq	   *queue = shm_mq_create(space + i * TABLE_QUEUE, TABLE_QUEUE);

		shm_mq_set_receiver(queue, MyProc);
		team->queues[i] = shm_mq_attach(queue, context->seg, NULL);
	}
	shm_toc_insert(context->toc, TABLE_KEY_QUEUES, space);
}

/* Merges the sketches of one worker, in the order of columns, as they come. */
static void
merge_worker(TableTeam *team, int worker, TableReading *reading)
{
	MemoryContext old = MemoryContextSwitchTo(reading->block);

	for (int i = 0; i < reading->ncolumns; i++)
	{
		Size		size;
		void	   *message;

		CHECK_FOR_INTERRUPTS();
		if (shm_mq_receive(team->queues[worker], &size, &message, false) != SHM_MQ_SUCCESS)
		{
			/* It died; what it had to say about that is said here. */
			WaitForParallelWorkersToFinish(team->context);
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("lost a parallel worker while profiling")));
		}
		sketch_merge(reading->columns[i].sketch, sketch_read_whole(message, reading->block));
		MemoryContextReset(reading->block);
	}
	MemoryContextSwitchTo(old);
}

/* Runs the scan with the workers that could be had and takes in what they found. */
static int64
run_team(TableTeam *team, TableReading *reading, const TablePart *part, TableShared *shared)
{
	ParallelContext *context = team->context;
	pg_atomic_uint64 *own = reading->rows;
	uint64		before = pg_atomic_read_u64(own);
	SourceScan *scan;

	LaunchParallelWorkers(context);
	for (int i = 0; i < context->nworkers_launched; i++)
		shm_mq_set_handle(team->queues[i], context->worker[i].bgwhandle);
	reading->rows = &shared->rows;
	if (parallel_leader_participation || context->nworkers_launched == 0)
	{
		scan = source_scan_begin_shared(part->source, team->scan);
		table_read(reading, part, scan);
		source_scan_end(scan);
	}
	for (int i = 0; i < context->nworkers_launched; i++)
		merge_worker(team, i, reading);
	WaitForParallelWorkersToFinish(context);
	reading->rows = own;
	pg_atomic_write_u64(own, pg_atomic_read_u64(&shared->rows));
	return pg_atomic_read_u64(own) - before;
}

/* Reads a table by several processes; false when there is to be one only. */
bool
table_read_parallel(TableReading *reading, const TablePart *part, int workers, int64 *rows, int *helpers)
{
	Relation	rel = table_open(part->source->relid, AccessShareLock);
	TableTeam	team = {0};
	int			wanted = wanted_workers(rel, reading, workers);

	if (wanted == 0)
	{
		table_close(rel, NoLock);
		return false;
	}
	EnterParallelMode();
	team.context = CreateParallelContext("aipipe", "aipipe_profile_worker", wanted);
	estimate_shared(&team, rel, reading->ncolumns);
	InitializeParallelDSM(team.context);
	if (team.context->seg != NULL)
	{
		TableShared *shared = share_table(&team, rel, reading, part);

		share_queues(&team);
		*rows += run_team(&team, reading, part, shared);
		*helpers = Max(*helpers, team.context->nworkers_launched);
	}
	workers = team.context->seg != NULL;
	DestroyParallelContext(team.context);
	ExitParallelMode();
	table_close(rel, NoLock);
	return workers;
}

/* Makes this worker's columns from the table's. */
static ProfileColumn *
worker_columns(const TableShared *shared, TupleDesc desc)
{
	ProfileColumn *columns = palloc0(mul_size(sizeof(ProfileColumn), shared->ncolumns));

	for (int i = 0; i < shared->ncolumns; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, shared->places[i]);

		columns[i].name = NameStr(attr->attname);
		columns[i].attno = attr->attnum;
		columns[i].typeid = attr->atttypid;
	}
	return columns;
}

/* Sends every column's sketch to the leader. */
static void
send_sketches(TableReading *reading, shm_mq_handle *queue)
{
	MemoryContext old = MemoryContextSwitchTo(reading->block);

	for (int i = 0; i < reading->ncolumns; i++)
	{
		bytea	   *sketch = sketch_write_whole(reading->columns[i].sketch);

		CHECK_FOR_INTERRUPTS();
		/* A leader that is gone has no use for it. */
		if (shm_mq_send(queue, VARSIZE(sketch), sketch, false, true) != SHM_MQ_SUCCESS)
			break;
		MemoryContextReset(reading->block);
	}
	MemoryContextSwitchTo(old);
}

/* Is the main function of a worker: reads its share of the table. The leader has checked the rights. */
void
aipipe_profile_worker(dsm_segment *segment, shm_toc *toc)
{
	TableShared *shared = shm_toc_lookup(toc, TABLE_KEY_SHARED, false);
	char	   *queues = shm_toc_lookup(toc, TABLE_KEY_QUEUES, false);
	shm_mq	   *queue = (shm_mq *) (queues + ParallelWorkerNumber * TABLE_QUEUE);
	TableReading reading = {0};
	TablePart	part = {0};
	shm_mq_handle *handle;
	SourceScan *scan;

	debug_query_string = shm_toc_lookup(toc, TABLE_KEY_QUERY, false);
	pgstat_report_activity(STATE_RUNNING, debug_query_string);
	shm_mq_set_sender(queue, MyProc);
	handle = shm_mq_attach(queue, segment, NULL);

	part.source = source_of_table(shared->relid);
	part.natts = shared->natts;
	part.places = shared->places;
	table_reading_begin(&reading, worker_columns(shared, part.source->desc), shared->ncolumns);
	reading.rows = &shared->rows;
	scan = source_scan_begin_shared(part.source, shm_toc_lookup(toc, TABLE_KEY_SCAN, false));
	table_read(&reading, &part, scan);
	source_scan_end(scan);
	send_sketches(&reading, handle);
	shm_mq_detach(handle);
}
