/*-------------------------------------------------------------------------
 *
 * gate_attach.c
 *	  The triggers of a gate, on its table and on what hangs below it.
 *
 *		row timing			zz_aipipe_gate_N		BEFORE ROW, last of its kind, so that
 *													it judges the row as it will be stored
 *							zz_aipipe_gate_N_open	BEFORE STATEMENT
 *							zz_aipipe_gate_N_close	AFTER STATEMENT
 *		statement timing	zz_aipipe_gate_N_insert	AFTER INSERT STATEMENT, with the new rows
 *							zz_aipipe_gate_N_update	AFTER UPDATE STATEMENT, with the new rows
 *
 * PostgreSQL copies row triggers to partitions, now and later, but statement
 * triggers fire only for the table that the statement names.  So every
 * partition gets the statement triggers of its own here, and an event trigger
 * gives them to partitions that come later.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "compat/compat.h"
#include "core/sql.h"
#include "core/trigger.h"
#include "gate/gate.h"

PG_FUNCTION_INFO_V1(aipipe_gate_follow_partitions);

/* Every relation of a gate carries statement-level triggers of its own, never copies. */
static SqlStatement find_relations = {
	"SELECT DISTINCT t.tgrelid FROM pg_catalog.pg_trigger t"
	" WHERE t.tgfoid OPERATOR(pg_catalog.=) $1 AND t.tgargs OPERATOR(pg_catalog.=) $2"
	" AND (t.tgtype::pg_catalog.int4 OPERATOR(pg_catalog.&) 1) OPERATOR(pg_catalog.=) 0"
	" ORDER BY t.tgrelid",
	2, {OIDOID, BYTEAOID}
};

static SqlStatement find_triggers = {
	"SELECT t.oid, t.tgrelid FROM pg_catalog.pg_trigger t"
	" WHERE t.tgfoid OPERATOR(pg_catalog.=) $1 AND t.tgargs OPERATOR(pg_catalog.=) $2"
	" AND t.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid"
	" ORDER BY t.tgrelid, t.oid",
	2, {OIDOID, BYTEAOID}
};

/* What the command that fires an event trigger created. */
static SqlStatement find_created = {
	"SELECT c.objid FROM pg_catalog.pg_event_trigger_ddl_commands() c"
	" WHERE c.command_tag OPERATOR(pg_catalog.=) 'CREATE TABLE'",
	0, {0}
};

/* Gives the OID of aipipe.gate_trigger(). */
Oid
gate_trigger_function(void)
{
	return LookupFuncName(list_make2(makeString("aipipe"), makeString("gate_trigger")), 0, NULL, false);
}

/* Gives a gate's id as pg_trigger stores it: text and a final zero byte. */
static bytea *
trigger_argument(int64 id)
{
	char	   *text = psprintf(INT64_FORMAT, id);
	Size		len = strlen(text) + 1;
	bytea	   *argument = palloc(add_size(VARHDRSZ, len));

	SET_VARSIZE(argument, VARHDRSZ + len);
	memcpy(VARDATA(argument), text, len);
	return argument;
}

/* Says whether the relation has the trigger, as it was created here before; a planted one may be anything. */
static bool
has_trigger(Relation rel, const Gate *gate, const char *name, int16 type)
{
	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		if (strcmp(trigger->tgname, name) == 0)
			return trigger->tgfoid == gate_trigger_function() && trigger->tgtype == type &&
				trigger->tgqual == NULL && trigger->tgnattr == 0 && gate_trigger_id(trigger) == gate->id;
	}
	return false;
}

/*
 * Creates one trigger of the gate as the current user.  One that is there already
 * is kept if it is the gate's; any other of its name ends in the server's error.
 */
static void
create_trigger(const Gate *gate, Relation rel, const char *suffix, bool row, int16 timing,
			   int16 events, bool with_rows)
{
	char	   *name = gate_trigger_name(gate->id, suffix);

	if (!has_trigger(rel, gate, name, (row ? TRIGGER_TYPE_ROW : 0) | timing | events))
		trigger_create(rel, name, "gate_trigger", gate->id, row, timing, events, with_rows);
}

/*
 * Creates the statement-level triggers on one relation.
 *
 * A partitioned table has them for UPDATE too, even when the gate does not
 * judge updates: a row that an UPDATE moves to another partition fires the
 * INSERT row trigger there, and only the open UPDATE tells it from a new row.
 */
static void
attach_statement_triggers(const Gate *gate, Relation rel)
{
	bool		may_move = rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
	int16		events = TRIGGER_TYPE_INSERT;

	if (gate->statement)
	{
		create_trigger(gate, rel, "_insert", false, TRIGGER_TYPE_AFTER, TRIGGER_TYPE_INSERT, true);
		if (gate->on_update)
			create_trigger(gate, rel, "_update", false, TRIGGER_TYPE_AFTER, TRIGGER_TYPE_UPDATE, true);
		return;
	}
	if (gate->on_update || may_move)
		events |= TRIGGER_TYPE_UPDATE;
	create_trigger(gate, rel, "_open", false, TRIGGER_TYPE_BEFORE, events, false);
	create_trigger(gate, rel, "_close", false, TRIGGER_TYPE_AFTER, events, false);
}

/* Ends with an error when a relation below the gate's table cannot carry its triggers. */
static void
check_descendant(const Gate *gate, Relation rel)
{
	if (!has_privs_of_role(GetUserId(), rel->rd_rel->relowner))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, RelationGetRelationName(rel));
	if (rel->rd_rel->relkind != RELKIND_RELATION && rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("a gate cannot watch \"%s\"", RelationGetRelationName(rel)),
				 errdetail("It hangs below the gate's table and is not a table itself.")));
	if (!rel->rd_rel->relispartition && rel->rd_rel->relowner != gate->table_owner)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a gate cannot watch \"%s\" as a child", RelationGetRelationName(rel)),
				 errdetail("It has another owner than the gate's table."),
				 errhint("Give it a gate of its own.")));
	if (!rel->rd_rel->relispartition)
		gate_check_key(gate, rel);
}

/* Creates the gate's triggers on its table and on all partitions (and children, when asked for). */
void
gate_attach(const Gate *gate, Oid relid)
{
	List	   *relids = list_make1_oid(relid);
	ListCell   *cell;
	Relation	rel = table_open(relid, ShareRowExclusiveLock);
	bool		partitioned = rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
	int16		events = TRIGGER_TYPE_INSERT | (gate->on_update ? TRIGGER_TYPE_UPDATE : 0);

	table_close(rel, NoLock);
	if (partitioned || gate->children)
		relids = find_all_inheritors(relid, ShareRowExclusiveLock, NULL);

	foreach(cell, relids)
	{
		bool		root = lfirst_oid(cell) == relid;

		rel = table_open(lfirst_oid(cell), ShareRowExclusiveLock);
		if (!root)
			check_descendant(gate, rel);
		if (!gate->statement && (root || !partitioned))
			create_trigger(gate, rel, "", true, TRIGGER_TYPE_BEFORE, events, false);
		attach_statement_triggers(gate, rel);
		table_close(rel, NoLock);
	}
}

/* Drops the triggers of a gate on the given relations, or everywhere when NIL; their copies on partitions go with them. */
void
gate_detach(int64 id, const List *relids)
{
	SqlResult  *found = sql_run(&find_triggers, SQL_WRITE, ObjectIdGetDatum(gate_trigger_function()),
								PointerGetDatum(trigger_argument(id)));

	for (uint64 i = 0; i < found->nrows; i++)
	{
		Oid			relid = sql_oid(found, i, "tgrelid", NULL);
		ObjectAddress address;

		if (relids != NIL && !list_member_oid(relids, relid))
			continue;
		LockRelationOid(relid, AccessExclusiveLock);
		ObjectAddressSet(address, TriggerRelationId, sql_oid(found, i, "oid", NULL));
		performDeletion(&address, DROP_RESTRICT, 0);
	}
	sql_free(found);
}

/* Gives the relations that carry the gate's triggers. */
List *
gate_relations(int64 id)
{
	SqlResult  *found = sql_run(&find_relations, SQL_READ, ObjectIdGetDatum(gate_trigger_function()),
								PointerGetDatum(trigger_argument(id)));
	List	   *relids = NIL;

	for (uint64 i = 0; i < found->nrows; i++)
		relids = lappend_oid(relids, sql_oid(found, i, "tgrelid", NULL));
	sql_free(found);
	return relids;
}

/* Gives the ids (int64 *) of the gates whose triggers a relation carries, each once. */
List *
gate_ids_on(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	Oid			function = gate_trigger_function();
	List	   *ids = NIL;

	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		if (trigger->tgfoid == function && !TRIGGER_FOR_ROW(trigger->tgtype) && trigger->tgnargs == 1)
		{
			int64		id = gate_trigger_id(trigger);
			ListCell   *cell;
			bool		known = false;

			foreach(cell, ids)
				known |= *(int64 *) lfirst(cell) == id;
			if (!known)
				ids = lappend(ids, memcpy(palloc(sizeof(int64)), &id, sizeof(int64)));
		}
	}
	table_close(rel, AccessShareLock);
	return ids;
}

/* Gives the gates of a partitioned table and of all above it; a planted trigger makes no gate one of theirs. */
static List *
gates_above(Oid relid)
{
	List	   *relids = list_make1_oid(relid);
	List	   *gates = NIL;
	ListCell   *cell;

	if (get_rel_relispartition(relid))
		relids = list_concat(relids, get_partition_ancestors(relid));
	foreach(cell, relids)
	{
		ListCell   *id;

		foreach(id, gate_ids_on(lfirst_oid(cell)))
		{
			Gate	   *gate = gate_find(*(int64 *) lfirst(id));

			if (gate != NULL && gate_current_relation(gate) == lfirst_oid(cell))
				gates = lappend(gates, gate);
		}
	}
	return gates;
}

/* Gives a new partition, and all below it, the statement triggers of the gates above. */
static void
follow_partition(Oid partition)
{
	ListCell   *cell;

	if (!OidIsValid(partition) || !get_rel_relispartition(partition))
		return;
	foreach(cell, gates_above(get_partition_parent(partition, true)))
	{
		const Gate *gate = lfirst(cell);
		ListCell   *member;

		foreach(member, find_all_inheritors(partition, ShareRowExclusiveLock, NULL))
		{
			Relation	rel = table_open(lfirst_oid(member), ShareRowExclusiveLock);

			if (rel->rd_rel->relkind == RELKIND_RELATION || rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
				attach_statement_triggers(gate, rel);
			table_close(rel, NoLock);
		}
	}
}

/* Takes the triggers of the gates above off a partition that was detached, and off all below it. */
static void
leave_partition(Oid parent, Oid partition)
{
	ListCell   *cell;

	if (!OidIsValid(parent) || !OidIsValid(partition) || get_rel_relispartition(partition))
		return;
	foreach(cell, gates_above(parent))
		gate_detach(((const Gate *) lfirst(cell))->id, find_all_inheritors(partition, AccessExclusiveLock, NULL));
}

/* Follows what an ALTER TABLE attached or detached. */
static void
follow_alter(const AlterTableStmt *command)
{
	ListCell   *cell;

	foreach(cell, command->cmds)
	{
		const AlterTableCmd *step = lfirst_node(AlterTableCmd, cell);
		Oid			partition;

		if (step->subtype != AT_AttachPartition && step->subtype != AT_DetachPartition &&
			step->subtype != AT_DetachPartitionFinalize)
			continue;
		partition = RangeVarGetRelid(castNode(PartitionCmd, step->def)->name, NoLock, true);
		if (step->subtype == AT_AttachPartition)
			follow_partition(partition);
		else
			leave_partition(RangeVarGetRelid(command->relation, NoLock, true), partition);
	}
}

/* Follows the partitions among the tables that a CREATE SCHEMA made. */
static void
follow_schema(void)
{
	SqlResult  *found = sql_run(&find_created, SQL_READ);

	for (uint64 i = 0; i < found->nrows; i++)
		follow_partition(sql_oid(found, i, "objid", NULL));
	sql_free(found);
}

/* Event trigger at the end of CREATE TABLE, CREATE SCHEMA and ALTER TABLE: lets gates follow partitions that come and go. */
Datum
aipipe_gate_follow_partitions(PG_FUNCTION_ARGS)
{
	const Node *command;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("aipipe.gate_follow_partitions() must be called by an event trigger")));
	command = ((const EventTriggerData *) fcinfo->context)->parsetree;

	if (IsA(command, CreateStmt) && ((const CreateStmt *) command)->partbound != NULL)
		follow_partition(RangeVarGetRelid(((const CreateStmt *) command)->relation, NoLock, true));
	else if (IsA(command, CreateSchemaStmt) && ((const CreateSchemaStmt *) command)->schemaElts != NIL)
		follow_schema();
	else if (IsA(command, AlterTableStmt) && ((const AlterTableStmt *) command)->objtype == OBJECT_TABLE)
		follow_alter((const AlterTableStmt *) command);
	PG_RETURN_NULL();
}
