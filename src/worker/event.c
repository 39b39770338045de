/*-------------------------------------------------------------------------
 *
 * event.c
 *	  Rows that land in a table make jobs due.
 *
 * A plain table has an AFTER STATEMENT trigger that asks how many rows its
 * transition table holds: a row trigger would keep COPY from writing block by block.
 * Partitioned tables and partitions have a BEFORE ROW trigger, which partitions get
 * by themselves and which sees what is loaded into one directly.  It is named so
 * that it fires after gates: a row that a row gate holds back has not landed.  Both
 * count in memory and nothing else.  Before commit each job's count becomes one row of
 * job_event_data, and after it the scheduler is rung.  What a subtransaction's
 * abort takes back is not counted.
 *
 * A trigger proves nothing by its argument: whoever may create triggers can write
 * any job's id there.  The count is taken only when the table belongs to the role
 * that owned the job's table when the job was made.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/partition.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "compat/compat.h"
#include "core/sql.h"
#include "core/trigger.h"
#include "worker/job.h"
#include "worker/worker.h"

PG_FUNCTION_INFO_V1(aipipe_job_landed);

/* Behind zz_aipipe_gate_N, which fires before it. */
#define TRIGGER_NAME "zz_aipipe_job_" INT64_FORMAT

/* Rows that a subtransaction has landed for a job; in TopTransactionContext. */
typedef struct Landed
{
	struct Landed *below;
	int64		job;
	Oid			owner;			/* of the table, for a partition of its root */
	SubTransactionId subid;
	int64		rows;
} Landed;

/* Of this transaction, the latest subtransactions' first. */
static Landed *landed = NULL;

/* What a statement's trigger finds out once (fn_extra). */
typedef struct LandedCall
{
	int64		job;
	Oid			owner;
} LandedCall;

/* A job that is paused, or in a copy of its database, is told once: the count is of no use to it. */
static SqlStatement add_event = {
	"INSERT INTO aipipe.job_event_data (job, rows, landed_at)"
	" SELECT j.id, $2, $4 FROM aipipe.job_data j JOIN aipipe.job_state_data s ON s.job OPERATOR(pg_catalog.=) j.id"
	" WHERE j.id OPERATOR(pg_catalog.=) $1 AND j.event_table_owner OPERATOR(pg_catalog.=) $3::pg_catalog.regrole"
	" AND ((s.state OPERATOR(pg_catalog.=) 'active' AND j.home OPERATOR(pg_catalog.=) $5)"
	" OR NOT EXISTS (SELECT FROM aipipe.job_event_data e WHERE e.job OPERATOR(pg_catalog.=) j.id))",
	5, {INT8OID, INT8OID, OIDOID, TIMESTAMPTZOID, TEXTOID}
};

/* So long ago that every event_wait is over. */
static SqlStatement release_events = {
	"UPDATE aipipe.job_event_data SET landed_at = '-infinity' WHERE job OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

static SqlStatement find_triggers = {
	"SELECT t.oid, t.tgrelid FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) t.tgrelid"
	" WHERE t.tgname OPERATOR(pg_catalog.=) $1::pg_catalog.name AND t.tgfoid OPERATOR(pg_catalog.=) $2"
	" AND c.relowner OPERATOR(pg_catalog.=) $3 AND t.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid",
	3, {TEXTOID, OIDOID, OIDOID}
};

/* Gives the OID of aipipe.job_landed(). */
static Oid
landed_function(void)
{
	return LookupFuncName(list_make2(makeString("aipipe"), makeString("job_landed")), 0, NULL, false);
}

/* Writes what has landed before the transaction commits. */
static void
write_events(void)
{
	Datum		now;
	Datum		home;

	if (landed == NULL)
		return;
	PushActiveSnapshot(GetTransactionSnapshot());
	now = TimestampTzGetDatum(GetCurrentTimestamp());
	home = CStringGetTextDatum(job_home());
	while (landed != NULL)
	{
		Landed	   *entry = landed;

		landed = entry->below;
		sql_free(sql_run(&add_event, SQL_WRITE, Int64GetDatum(entry->job), Int64GetDatum(entry->rows),
						 ObjectIdGetDatum(entry->owner), now, home));
	}
	PopActiveSnapshot();
	worker_ring_at_commit();
}

/* Follows the transaction to its end. */
static void
end_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			write_events();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_ABORT:
			landed = NULL;		/* its memory goes with the transaction */
			break;
		default:
			break;
	}
}

/* Gives the counter of a job in a subtransaction, or NULL. */
static Landed *
find_counter(int64 job, Oid owner, SubTransactionId subid)
{
	for (Landed *entry = landed; entry != NULL; entry = entry->below)
		if (entry->job == job && entry->subid == subid && entry->owner == owner)
			return entry;
	return NULL;
}

/* Forgets what an aborted subtransaction landed, or adds it to what its parent did: the list stays as short as jobs and nesting are few. */
static void
end_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	for (Landed **link = &landed; *link != NULL;)
	{
		Landed	   *entry = *link;
		Landed	   *above = NULL;

		if (entry->subid != mine)
		{
			link = &entry->below;
			continue;
		}
		if (event == SUBXACT_EVENT_COMMIT_SUB)
		{
			above = find_counter(entry->job, entry->owner, parent);
			if (above == NULL)
			{
				entry->subid = parent;
				link = &entry->below;
				continue;
			}
			above->rows += entry->rows;
		}
		*link = entry->below;
	}
}

/* Registers for transaction ends. */
void
event_init(void)
{
	RegisterXactCallback(end_transaction, NULL);
	RegisterSubXactCallback(end_subtransaction, NULL);
}

/* Gives the owner of a table, for a partition that of the table that it is part of in the end. */
static Oid
root_owner(Relation rel)
{
	Oid			owner = rel->rd_rel->relowner;

	if (rel->rd_rel->relispartition)
	{
		Relation	root = table_open(llast_oid(get_partition_ancestors(RelationGetRelid(rel))), AccessShareLock);

		owner = root->rd_rel->relowner;
		table_close(root, AccessShareLock);
	}
	return owner;
}

/* Reads the trigger's argument; one that was not put there by event_attach() is an error. */
static LandedCall *
begin_call(FunctionCallInfo fcinfo, TriggerData *trigger)
{
	LandedCall *call = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(LandedCall));

	if (trigger->tg_trigger->tgnargs != 1 || !TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ||
		(TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ? !TRIGGER_FIRED_BEFORE(trigger->tg_event) : trigger->tg_newtable == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("aipipe.job_landed() serves only in triggers that aipipe.job_create() made")));
	call->job = pg_strtoint64(trigger->tg_trigger->tgargs[0]);
	call->owner = root_owner(trigger->tg_relation);
	fcinfo->flinfo->fn_extra = call;
	return call;
}

/* Gives the counter of this job in this subtransaction. */
static Landed *
counter(const LandedCall *call)
{
	SubTransactionId subid = GetCurrentSubTransactionId();
	Landed	   *entry = find_counter(call->job, call->owner, subid);

	if (entry != NULL)
		return entry;
	entry = MemoryContextAlloc(TopTransactionContext, sizeof(Landed));
	entry->below = landed;
	entry->job = call->job;
	entry->owner = call->owner;
	entry->subid = subid;
	entry->rows = 0;
	landed = entry;
	return entry;
}

/* The trigger function of jobs that wait for rows: counts the row and lets it pass, or counts the statement's. */
Datum
aipipe_job_landed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	LandedCall *call;
	int64		rows = 1;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("aipipe.job_landed() must be called as a trigger")));
	call = fcinfo->flinfo->fn_extra;
	if (call == NULL)
		call = begin_call(fcinfo, trigger);
	if (trigger->tg_newtable != NULL)
		rows = tuplestore_tuple_count(trigger->tg_newtable);
	if (rows > 0)
		counter(call)->rows += rows;
	PG_RETURN_POINTER(trigger->tg_trigtuple);
}

/* Puts a job's trigger on a table as the current user, who needs the right to create triggers there. */
void
event_attach(int64 job, Oid relid)
{
	Relation	rel = table_open(relid, ShareRowExclusiveLock);
	bool		row = rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE || rel->rd_rel->relispartition;

	trigger_create(rel, psprintf(TRIGGER_NAME, job), "job_landed", job, row, row ? TRIGGER_TYPE_BEFORE : TRIGGER_TYPE_AFTER,
				   TRIGGER_TYPE_INSERT, !row);
	table_close(rel, NoLock);
}

/* Has what was noted of a job's rows make it due at once: of what landed while the job was paused, or in a copy, only the first is noted. */
void
event_release(int64 job)
{
	sql_free(sql_run(&release_events, SQL_WRITE, Int64GetDatum(job)));
}

/*
 * Takes a job's trigger off the tables of the role that its table was of; copies on partitions go with it.  One of that name
 * on another's table is nobody's business, and waiting for that table would be at the mercy of its owner.
 */
void
event_detach(int64 job, Oid table_owner)
{
	SqlResult  *found = sql_run(&find_triggers, SQL_WRITE, CStringGetTextDatum(psprintf(TRIGGER_NAME, job)),
								ObjectIdGetDatum(landed_function()), ObjectIdGetDatum(table_owner));

	for (uint64 i = 0; i < found->nrows; i++)
	{
		ObjectAddress address;

		LockRelationOid(sql_oid(found, i, "tgrelid", NULL), AccessExclusiveLock);
		ObjectAddressSet(address, TriggerRelationId, sql_oid(found, i, "oid", NULL));
		performDeletion(&address, DROP_RESTRICT, 0);
	}
	sql_free(found);
}
