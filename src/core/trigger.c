/*-------------------------------------------------------------------------
 *
 * trigger.c
 *	  Triggers that the library puts on users' tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"

#include "core/trigger.h"

/* Creates a trigger with one argument, a number. */
void
trigger_create(Relation rel, char *name, char *function, int64 id, bool row, int16 timing, int16 events, bool with_rows)
{
	CreateTrigStmt *stmt = makeNode(CreateTrigStmt);

	stmt->trigname = name;
	stmt->relation = makeRangeVar(get_namespace_name(RelationGetNamespace(rel)), pstrdup(RelationGetRelationName(rel)), -1);
	stmt->funcname = list_make2(makeString("aipipe"), makeString(function));
	stmt->args = list_make1(makeString(psprintf(INT64_FORMAT, id)));
	stmt->row = row;
	stmt->timing = timing;
	stmt->events = events;
	if (with_rows)
	{
		TriggerTransition *transition = makeNode(TriggerTransition);

		transition->name = "aipipe_new";
		transition->isNew = true;
		transition->isTable = true;
		stmt->transitionRels = list_make1(transition);
	}
	(void) CreateTrigger(stmt, NULL, RelationGetRelid(rel), InvalidOid, InvalidOid, InvalidOid, InvalidOid, InvalidOid, NULL, false, false);
	CommandCounterIncrement();
}
