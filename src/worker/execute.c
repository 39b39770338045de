/*-------------------------------------------------------------------------
 *
 * execute.c
 *	  Runs a job's command.
 *
 * The server runs a client's simple query in a function of its own that nobody
 * else can call; this is the same sequence for a process without a client.  One
 * statement alone is of the top level and in no block, so it may commit
 * (VACUUM, CALL of a procedure that commits, CREATE INDEX CONCURRENTLY).
 * Several statements share one implicit block, as they would in psql -c.
 *
 * No snapshot is taken before a statement asks for one: SET TRANSACTION must
 * come first in its transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "parser/analyze.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

#include "compat/compat.h"
#include "worker/execute.h"
#include "worker/job_int.h"

/* Analyses, rewrites and plans a statement under a snapshot that is gone again afterwards. */
static List *
plan_statement(const Statement *statement, StatementCheck check, void *arg)
{
	bool		snapshot = analyze_requires_snapshot(statement->raw);
	List	   *queries;
	List	   *plans;
	ListCell   *cell;

	if (snapshot)
		PushActiveSnapshot(GetTransactionSnapshot());
	queries = pg_analyze_and_rewrite_fixedparams(statement->raw, statement->text, &statement->argtype,
												 OidIsValid(statement->argtype) ? 1 : 0, NULL);
	if (check != NULL)
		foreach(cell, queries)
			check(lfirst_node(Query, cell), arg);
	plans = pg_plan_queries(queries, statement->text, CURSOR_OPT_PARALLEL_OK, statement->params);
	if (snapshot)
		PopActiveSnapshot();
	return plans;
}

/* Runs a statement in a portal of its own and gives the rows it processed. */
int64
execute_statement(const Statement *statement, StatementCheck check, void *arg)
{
	CommandTag	tag = CreateCommandTag(statement->raw->stmt);
	List	   *plans = plan_statement(statement, check, arg);
	Portal		portal = CreatePortal("", true, true);
	DestReceiver *receiver = statement->receiver != NULL ? statement->receiver : None_Receiver;
	QueryCompletion completion;

	CHECK_FOR_INTERRUPTS();
	portal->visible = false;
	PortalDefineQuery(portal, NULL, statement->text, tag, plans, NULL);
	PortalStart(portal, statement->params, 0, InvalidSnapshot);
	InitializeQueryCompletion(&completion);
	(void) compat_portal_run(portal, true, receiver, &completion);
	PortalDrop(portal, false);
	return (int64) completion.nprocessed;
}

/* Runs the statements of a command, one after the other. */
int64
execute_command(const char *command)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "aipipe attempt statement", ALLOCSET_DEFAULT_SIZES);
	List	   *raws;
	bool		several;
	int64		rows = 0;
	ListCell   *cell;

	job_check_command(command);
	raws = pg_parse_query(command);
	several = list_length(raws) > 1;

	foreach(cell, raws)
	{
		Statement	statement = {.raw = lfirst_node(RawStmt, cell), .text = command};

		CHECK_FOR_INTERRUPTS();
		if (several)
			BeginImplicitTransactionBlock();
		MemoryContextSwitchTo(context);
		rows += execute_statement(&statement, NULL, NULL);
		if (several)
			CommandCounterIncrement();
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
	return rows;
}
