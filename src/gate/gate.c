/*-------------------------------------------------------------------------
 *
 * gate.c
 *	  Gates as they are stored, and whether a trigger belongs to its gate.
 *
 * A trigger's only argument is the id of its gate, which survives dump and
 * restore.  Anybody with the TRIGGER privilege somewhere could attach a trigger
 * with another's id, and a name is free to take once its table was dropped or
 * renamed.  So a gate serves only tables of the role that owned its table when
 * it was made, under whatever name, and partitions below them.  Membership does
 * not count: a superuser is a member of everything.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "compat/compat.h"
#include "core/sql.h"
#include "gate/gate.h"

static SqlStatement find_gate = {
	"SELECT g.id, g.schema_name, g.relation_name, g.owner,"
	" g.table_owner, g.detector,"
	" g.timing, g.on_anomaly, g.threshold, g.score_column, g.on_error, g.on_update,"
	" g.children, g.reasons, g.explain_limit, g.log_share, g.log_always, g.log_key, g.profile_rows, g.state"
	" FROM aipipe.gate_data g WHERE g.id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

static const char *const action_names[] = {"accept", "mark", "quarantine", "reject"};

/* Registers what the gate room needs at transaction ends. */
void
gate_init(void)
{
	batch_init();
}

/* Gives an action's word. */
const char *
gate_action_name(GateAction action)
{
	return action_names[action];
}

/* Gives the action of a word; valid says whether there is one. */
GateAction
gate_action(const char *name, bool *valid)
{
	for (int i = 0; i < lengthof(action_names); i++)
	{
		if (strcmp(name, action_names[i]) == 0)
		{
			*valid = true;
			return (GateAction) i;
		}
	}
	*valid = false;
	return GATE_ACCEPT;
}

/* Reads a stored action. */
static GateAction
stored_action(const SqlResult *result, const char *column)
{
	char	   *name = sql_text(result, 0, column);
	bool		valid;
	GateAction	action = gate_action(name, &valid);

	if (!valid)
		elog(ERROR, "unknown action \"%s\" of a gate", name);
	pfree(name);
	return action;
}

/* Reads a stored state. */
static GateState
stored_state(const SqlResult *result)
{
	char	   *name = sql_text(result, 0, "state");
	GateState	state = GATE_ACTIVE;

	if (strcmp(name, "paused") == 0)
		state = GATE_PAUSED;
	else if (strcmp(name, "dropped") == 0)
		state = GATE_DROPPED;
	pfree(name);
	return state;
}

/* Reads the columns that name a row in the prediction log; NIL when the gate says none. */
static List *
stored_columns(const SqlResult *result)
{
	bool		isnull;
	Datum		array = sql_datum(result, 0, "log_key", &isnull);
	Datum	   *names;
	int			n;
	List	   *columns = NIL;

	if (isnull)
		return NIL;
	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &n);
	for (int i = 0; i < n; i++)
		columns = lappend(columns, TextDatumGetCString(names[i]));
	return columns;
}

/* Gives a gate by id as the active snapshot sees it; NULL when it is not there. */
Gate *
gate_find(int64 id)
{
	SqlResult  *result = sql_run(&find_gate, SQL_READ, Int64GetDatum(id));
	Gate	   *gate;
	char	   *timing;
	bool		own;

	if (result->nrows == 0)
	{
		sql_free(result);
		return NULL;
	}
	gate = palloc0(sizeof(Gate));
	gate->id = id;
	gate->schema = sql_text(result, 0, "schema_name");
	gate->relation = sql_text(result, 0, "relation_name");
	gate->owner = sql_oid(result, 0, "owner", NULL);
	gate->table_owner = sql_oid(result, 0, "table_owner", NULL);
	gate->detector = sql_text(result, 0, "detector");
	timing = sql_text(result, 0, "timing");
	gate->background = strcmp(timing, "background") == 0;
	gate->statement = gate->background || strcmp(timing, "statement") == 0;
	gate->on_anomaly = stored_action(result, "on_anomaly");
	gate->threshold = sql_float8(result, 0, "threshold", &own);
	if (own)
		gate->threshold = NAN;
	gate->score_column = sql_text(result, 0, "score_column");
	gate->on_error = stored_action(result, "on_error");
	gate->on_update = sql_bool(result, 0, "on_update", NULL);
	gate->children = sql_bool(result, 0, "children", NULL);
	gate->reasons = sql_int32(result, 0, "reasons", NULL);
	gate->explain_limit = sql_int32(result, 0, "explain_limit", NULL);
	gate->log_share = sql_float8(result, 0, "log_share", NULL);
	gate->log_always = sql_bool(result, 0, "log_always", NULL);
	gate->log_key = stored_columns(result);
	gate->profile_rows = sql_int64(result, 0, "profile_rows", NULL);
	gate->state = stored_state(result);
	pfree(timing);
	sql_free(result);
	return gate;
}

/*
 * Gives a gate by id in the current context, or ends with an error.
 *
 * The active snapshot decides.  A statement whose snapshot is older than the
 * gate (REPEATABLE READ, or a COPY that waited for gate_create()) already fires
 * its trigger, though; then the gate as committed now is the one to serve.
 */
Gate *
gate_read(int64 id)
{
	Gate	   *gate = gate_find(id);

	if (gate == NULL)
	{
		PushActiveSnapshot(GetLatestSnapshot());
		gate = gate_find(id);
		PopActiveSnapshot();
	}
	if (gate == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("gate " INT64_FORMAT " does not exist", id)));
	return gate;
}

/* Gives the name of one of the gate's triggers. */
char *
gate_trigger_name(int64 id, const char *suffix)
{
	return psprintf("zz_aipipe_gate_" INT64_FORMAT "%s", id, suffix);
}

/* Gives the gate's id out of a trigger's argument. */
int64
gate_trigger_id(const Trigger *trigger)
{
	if (trigger->tgnargs != 1)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" must have a gate's id as its only argument", trigger->tgname),
				 errhint("Let aipipe.gate_create() attach gates.")));
	return pg_strtoint64(trigger->tgargs[0]);
}

/* Says whether the relation bears the name that the gate records. */
static bool
is_recorded(const Gate *gate, Oid relid)
{
	char	   *name = get_rel_name(relid);
	char	   *schema = get_namespace_name(get_rel_namespace(relid));

	return name != NULL && schema != NULL &&
		strcmp(name, gate->relation) == 0 && strcmp(schema, gate->schema) == 0;
}

/* Gives a relation's owner, or InvalidOid when there is no such relation. */
Oid
gate_relation_owner(Oid relid)
{
	HeapTuple	tuple = OidIsValid(relid) ? SearchSysCache1(RELOID, ObjectIdGetDatum(relid)) : NULL;
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * Says whether a table may be the gate's own: one of the recorded owner's, or
 * the recorded one when a superuser owns it, as after a restore without owners.
 */
bool
gate_owns(const Gate *gate, Oid relid)
{
	Oid			owner = gate_relation_owner(relid);

	return OidIsValid(owner) &&
		(owner == gate->table_owner || (superuser_arg(owner) && is_recorded(gate, relid)));
}

/* Says whether the gate may serve on the relation: judge what lands there, and give rows back to it. */
bool
gate_serves(const Gate *gate, Relation rel)
{
	ListCell   *cell;

	if (gate_owns(gate, RelationGetRelid(rel)))
		return true;
	if (!rel->rd_rel->relispartition)
		return false;
	foreach(cell, get_partition_ancestors(RelationGetRelid(rel)))
	{
		if (gate_owns(gate, lfirst_oid(cell)))
			return true;
	}
	return false;
}

/* Ends with an error unless a trigger of this gate may serve on the relation. */
static void
check_relation(const Gate *gate, Relation rel)
{
	if (gate_serves(gate, rel))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("gate " INT64_FORMAT " does not belong to table \"%s\"",
					gate->id, RelationGetRelationName(rel)),
			 errdetail("It was created on \"%s.%s\" of another owner.", gate->schema, gate->relation),
			 errhint("Drop the gate or the trigger, and create a gate as the owner of this table.")));
}

/*
 * Ends with an error unless the trigger that fired is one of the gate's own.
 *
 * Names are unique on a table, so a second trigger with the same gate's id,
 * which would judge rows twice, cannot pass.
 */
void
gate_check_call(const Gate *gate, const TriggerData *trigdata, const char *suffix)
{
	const char *name = trigdata->tg_trigger->tgname;

	check_relation(gate, trigdata->tg_relation);
	if (gate->state == GATE_DROPPED)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("gate " INT64_FORMAT " was dropped", gate->id),
				 errhint("Drop trigger \"%s\" of table \"%s\".", name, RelationGetRelationName(trigdata->tg_relation))));
	if (gate->statement != (trigdata->tg_newtable != NULL) || strcmp(name, gate_trigger_name(gate->id, suffix)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("trigger \"%s\" is not one that gate " INT64_FORMAT " was created with", name, gate->id),
				 errhint("Let aipipe.gate_create() attach gates, and do not rename their triggers.")));
}

/*
 * Names the table that a batch or decision on this relation is about, and that
 * takes a quarantined row back: for a partition the gate's own table.
 */
void
gate_name_target(const Gate *gate, Relation rel, const char **schema, const char **relation)
{
	if (rel->rd_rel->relispartition)
	{
		*schema = gate->schema;
		*relation = gate->relation;
	}
	else
	{
		*schema = get_namespace_name(RelationGetNamespace(rel));
		*relation = pstrdup(RelationGetRelationName(rel));
	}
}

/*
 * Gives the table that the gate watches now: of those that carry its triggers
 * and may be its own, the recorded one if it is there, else (after a rename) the
 * first, partitions last.  When there is none, what bears the recorded name now.
 */
Oid
gate_current_relation(const Gate *gate)
{
	Oid			schema = get_namespace_oid(gate->schema, true);
	Oid			recorded = OidIsValid(schema) ? get_relname_relid(gate->relation, schema) : InvalidOid;
	Oid			found = InvalidOid;
	ListCell   *cell;

	foreach(cell, gate_relations(gate->id))
	{
		Oid			relid = lfirst_oid(cell);

		if (!gate_owns(gate, relid))
			continue;
		if (relid == recorded)
			return recorded;
		if (!OidIsValid(found) || (get_rel_relispartition(found) && !get_rel_relispartition(relid)))
			found = relid;
	}
	return OidIsValid(found) ? found : recorded;
}

/* Ends with an error unless the current user can act for the gate's owner. */
void
gate_check_manager(const Gate *gate)
{
	const char *owner = GetUserNameFromId(gate->owner, true);

	if (!has_privs_of_role(GetUserId(), gate->owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for gate " INT64_FORMAT, gate->id),
				 owner ? errdetail("It belongs to role \"%s\".", owner)
				 : errdetail("It belongs to a role that was dropped.")));
}
