/*-------------------------------------------------------------------------
 *
 * gate_admin.c
 *	  gate_drop(), gate_pause() and gate_resume().
 *
 * They take a table (all of its gates), a gate's id, or both.  A gate whose
 * table is gone has only its id left.  Who can act for the gate's owner or for
 * the table's owner may use them.
 *
 * Triggers that name a gate make no table the gate's: they may be planted, or the
 * table may have gone to another owner.  Who owns such a table can have
 * gate_drop() take them off it, which leaves the gate itself alone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lockdefs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/sql.h"
#include "core/version.h"
#include "gate/gate.h"

PG_FUNCTION_INFO_V1(aipipe_gate_drop);
PG_FUNCTION_INFO_V1(aipipe_gate_pause);
PG_FUNCTION_INFO_V1(aipipe_gate_resume);

/* Gives no row when the gate already is in that state, or was dropped. */
static SqlStatement set_state = {
	"UPDATE aipipe.gate_data SET state = $2, changed_at = pg_catalog.clock_timestamp()"
	" WHERE id OPERATOR(pg_catalog.=) $1 AND state OPERATOR(pg_catalog.<>) $2"
	" AND state OPERATOR(pg_catalog.<>) 'dropped' RETURNING id",
	2, {INT8OID, TEXTOID}
};

/* Ends with an error unless the current user may change the gate. */
static void
check_may_change(const Gate *gate)
{
	Oid			relid = gate_current_relation(gate);

	if (gate_owns(gate, relid) && has_privs_of_role(GetUserId(), gate_relation_owner(relid)))
		return;
	gate_check_manager(gate);
}

/* Gives the gates whose own table this is. */
static List *
gates_of_table(Oid relid)
{
	List	   *gates = NIL;
	ListCell   *cell;

	foreach(cell, gate_ids_on(relid))
	{
		Gate	   *gate = gate_find(*(int64 *) lfirst(cell));

		if (gate != NULL && gate->state != GATE_DROPPED && gate_owns(gate, relid) && gate_current_relation(gate) == relid)
			gates = lappend(gates, gate);
	}
	return gates;
}

/*
 * Takes the triggers of gates that a table is not the own table of off it and what
 * hangs below it, when the current user can act for its owner; gives the number of gates.
 */
static int
take_off_strangers(Oid relid)
{
	int			taken = 0;
	ListCell   *cell;

	if (get_rel_relispartition(relid) || !has_privs_of_role(GetUserId(), gate_relation_owner(relid)))
		return 0;
	foreach(cell, gate_ids_on(relid))
	{
		int64		id = *(int64 *) lfirst(cell);
		Gate	   *gate = gate_find(id);

		if (gate != NULL && gate_owns(gate, relid))
			continue;
		gate_detach(id, find_all_inheritors(relid, AccessExclusiveLock, NULL));
		taken++;
	}
	return taken;
}

/* Ends with an error for a table that has no gate of its own. */
static void
no_gate(Oid relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("table \"%s\" has no gate", get_rel_name(relid)),
			 get_rel_relispartition(relid)
			 ? errhint("A partition is watched by the gates of its partitioned table.") : 0));
}

/* Gives the gates that the arguments (relation, gate) name; none is an error, unless triggers of strangers went. */
static List *
named_gates(FunctionCallInfo fcinfo, bool strangers)
{
	Oid			relid = PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0);
	List	   *gates;
	Gate	   *gate;

	if (PG_ARGISNULL(0) && PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("name a table or the id of a gate")));
	if (!PG_ARGISNULL(0) && get_rel_name(relid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	if (PG_ARGISNULL(1))
	{
		gates = gates_of_table(relid);
		if (gates == NIL && !strangers)
			no_gate(relid);
		return gates;
	}
	gate = gate_read(PG_GETARG_INT64(1));
	if (gate->state == GATE_DROPPED)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("gate " INT64_FORMAT " was dropped", gate->id)));
	if (OidIsValid(relid) && (gate_current_relation(gate) != relid || !gate_owns(gate, relid)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("gate " INT64_FORMAT " is not on table \"%s\"", gate->id, get_rel_name(relid)),
				 errdetail("It was created on \"%s.%s\".", gate->schema, gate->relation)));
	return list_make1(gate);
}

/* Changes the state of the named gates; gives how many changed. */
static int
change_gates(FunctionCallInfo fcinfo, const char *state, const char *command)
{
	bool		drop = strcmp(state, "dropped") == 0;
	int			changed = 0;
	List	   *gates;
	ListCell   *cell;

	PreventCommandIfReadOnly(command);
	core_check_version();
	if (drop && !PG_ARGISNULL(0) && PG_ARGISNULL(1) && get_rel_name(PG_GETARG_OID(0)) != NULL)
		changed = take_off_strangers(PG_GETARG_OID(0));
	gates = named_gates(fcinfo, changed > 0);
	foreach(cell, gates)
		check_may_change(lfirst(cell));
	foreach(cell, gates)
	{
		const Gate *gate = lfirst(cell);
		SqlResult  *result = sql_run(&set_state, SQL_WRITE, Int64GetDatum(gate->id), CStringGetTextDatum(state));

		if (drop && result->nrows > 0)
		{
			gate_detach(gate->id, NIL);
			queue_forget(gate->id);
		}
		changed += result->nrows;
		sql_free(result);
	}
	return changed;
}

/* Drops gates; what they decided stays. */
Datum
aipipe_gate_drop(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(change_gates(fcinfo, "dropped", "dropping a gate"));
}

/* Lets rows pass gates unjudged. */
Datum
aipipe_gate_pause(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(change_gates(fcinfo, "paused", "pausing a gate"));
}

/* Lets gates judge again. */
Datum
aipipe_gate_resume(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(change_gates(fcinfo, "active", "resuming a gate"));
}
