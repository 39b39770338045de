/*-------------------------------------------------------------------------
 *
 * gate_remove.c
 *	  Deleting a quarantined row that has landed already.
 *
 * Who inserts needs no DELETE and no SELECT, so both are asked of the table's
 * owner, and the owner's row security applies: the server checks the table as
 * it checks one behind a view of its owner.  But nobody's rights are borrowed for
 * what runs: the DELETE's triggers run as who landed the row, as those of the
 * INSERT did.  Running them as the owner would give his rights to everybody with
 * the TRIGGER privilege on the table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "rewrite/rewriteDefine.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "compat/compat.h"
#include "core/key.h"
#include "core/receiver.h"
#include "core/runas.h"
#include "gate/gate.h"

/* A DELETE by key, planned once a statement; and a look at the row before it. */
struct GateRemoval
{
	const char *text;
	List	   *plans;			/* PlannedStmt; more than one when the table has rules */
	ParamListInfo params;
	const char *look_text;
	PlannedStmt *look;			/* NULL: rows are removed unseen */
};

/* Takes the row that a plan returns. */
typedef struct RemovalReceiver
{
	DestReceiver base;
	MemoryContext context;
	HeapTuple	tuple;			/* the last row, or NULL */
} RemovalReceiver;

/*
 * Has the rights on the statement's own table asked of its owner.  Its names are
 * looked up as the owner, too: who loads through a view needs no USAGE on the
 * schemas of table, operators and types, and a look-up runs nobody's code.
 */
List *
gate_rewrite_as_owner(const char *text, Oid owner, const Oid *types, int ntypes)
{
	List	   *parsed = raw_parser(text, RAW_PARSE_DEFAULT);
	Query	   *query;
	RunAs		saved;

	runas_names_begin(&saved, owner);
	query = parse_analyze_fixedparams(linitial_node(RawStmt, parsed), text, types, ntypes, NULL);
	runas_end(&saved);
	setRuleCheckAsUser((Node *) query, owner);
	return QueryRewrite(query);
}

/* Gives the table as a statement names it: its own rows, or those of its partitions. */
char *
gate_target_text(Relation rel)
{
	return psprintf("%s%s", rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ? "" : "ONLY ",
					quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)), RelationGetRelationName(rel)));
}

/* Plans the DELETE of one row by the table's key. */
GateRemoval *
removal_prepare(const Gate *gate, TupleDesc key_desc, Relation rel)
{
	GateRemoval *removal = palloc0(sizeof(GateRemoval));
	int			nkeys = key_desc->natts;
	Oid			types[INDEX_MAX_KEYS];
	ListCell   *cell;

	removal->params = makeParamList(nkeys);
	for (int i = 0; i < nkeys; i++)
	{
		types[i] = TupleDescAttr(key_desc, i)->atttypid;
		removal->params->params[i].isnull = false;
		removal->params->params[i].pflags = PARAM_FLAG_CONST;
		removal->params->params[i].ptype = types[i];
	}
	removal->text = psprintf("DELETE FROM %s WHERE %s RETURNING *", gate_target_text(rel), key_condition(key_desc, 1));
	foreach(cell, gate_rewrite_as_owner(removal->text, rel->rd_rel->relowner, types, nkeys))
	{
		Query	   *query = lfirst_node(Query, cell);

		if (query->commandType == CMD_UTILITY)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("a gate with model \"%s\" cannot remove rows from table \"%s\"", gate->detector, RelationGetRelationName(rel)),
					 errdetail("A rule on its DELETE runs a utility command."),
					 errhint("Use a gate with timing 'row'.")));
		removal->plans = lappend(removal->plans, pg_plan_query(query, removal->text, CURSOR_OPT_NO_SCROLL, NULL));
	}
	return removal;
}

/* Plans the look at one row, which locks it. */
void
removal_prepare_look(GateRemoval *removal, TupleDesc key_desc, Relation rel)
{
	int			nkeys = key_desc->natts;
	Oid			types[INDEX_MAX_KEYS];
	List	   *queries;

	for (int i = 0; i < nkeys; i++)
		types[i] = removal->params->params[i].ptype;
	removal->look_text = psprintf("SELECT * FROM %s WHERE %s FOR UPDATE", gate_target_text(rel), key_condition(key_desc, 1));
	queries = gate_rewrite_as_owner(removal->look_text, rel->rd_rel->relowner, types, nkeys);
	removal->look = pg_plan_query(linitial_node(Query, queries), removal->look_text, CURSOR_OPT_NO_SCROLL, NULL);
}

/* Copies a row that a plan returned. */
static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	RemovalReceiver *receiver = (RemovalReceiver *) self;
	MemoryContext old = MemoryContextSwitchTo(receiver->context);

	receiver->tuple = ExecCopySlotHeapTuple(slot);
	MemoryContextSwitchTo(old);
	return true;
}

/* Runs a planned statement as the current user, seeing what was done before it; gives how many rows it processed, and their type when asked for. */
uint64
gate_run_plan(PlannedStmt *plan, const char *text, ParamListInfo params, DestReceiver *receiver, TupleDesc *desc)
{
	QueryDesc  *query;
	uint64		processed;

	CommandCounterIncrement();
	UpdateActiveSnapshotCommandId();
	query = CreateQueryDesc(plan, text, GetActiveSnapshot(), InvalidSnapshot, receiver, params, NULL, 0);
	ExecutorStart(query, 0);
	compat_executor_run(query, 0);
	processed = query->estate->es_processed;
	if (desc != NULL)
		*desc = CreateTupleDescCopy(query->tupDesc);
	ExecutorFinish(query);
	ExecutorEnd(query);
	FreeQueryDesc(query);
	return processed;
}

/* Has a plan's row copied to the current context, of the row with this key. */
static void
begin_receiving(const GateRemoval *removal, const Datum *key, RemovalReceiver *receiver)
{
	receiver_init(&receiver->base, receive_row);
	receiver->context = CurrentMemoryContext;
	for (int i = 0; i < removal->params->numParams; i++)
		removal->params->params[i].value = key[i];
}

/*
 * Locks the row with this key, once whoever changes it has committed, and gives it as it is now, in the
 * current context; NULL when there is none.
 */
HeapTuple
removal_look(const GateRemoval *removal, const Datum *key, TupleDesc *desc)
{
	RemovalReceiver receiver = {0};

	begin_receiving(removal, key, &receiver);
	PushCopiedSnapshot(GetTransactionSnapshot());
	(void) gate_run_plan(removal->look, removal->look_text, removal->params, &receiver.base, desc);
	PopActiveSnapshot();
	return receiver.tuple;
}

/*
 * Deletes the row with this key and gives it as it was when it left, in the
 * current context; NULL unless exactly one row went.
 */
HeapTuple
removal_run(const GateRemoval *removal, const Datum *key, TupleDesc *desc)
{
	RemovalReceiver receiver = {0};
	uint64		processed = 0;
	ListCell   *cell;

	begin_receiving(removal, key, &receiver);
	PushCopiedSnapshot(GetTransactionSnapshot());
	foreach(cell, removal->plans)
	{
		PlannedStmt *plan = lfirst_node(PlannedStmt, cell);
		bool		own = plan->canSetTag;
		uint64		n = gate_run_plan(plan, removal->text, removal->params, own ? &receiver.base : None_Receiver, own ? desc : NULL);

		if (own)
			processed = n;
	}
	PopActiveSnapshot();
	CommandCounterIncrement();
	return processed == 1 ? receiver.tuple : NULL;
}
