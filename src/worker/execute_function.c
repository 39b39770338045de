/*-------------------------------------------------------------------------
 *
 * execute_function.c
 *	  Calls a job's function or procedure.
 *
 * What is stored is a signature; it is looked up at each attempt as the owner, so
 * that a function's rename, drop or loss of rights counts, and it is never made
 * part of a text: the call is built as a tree, its argument is a parameter, and
 * what the analysis made of the tree must be the function that was looked up.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "compat/compat.h"
#include "core/receiver.h"
#include "core/runas.h"
#include "worker/execute.h"
#include "worker/job_int.h"

/* What the catalog says of the function. */
typedef struct Callee
{
	Oid			oid;
	List	   *name;			/* schema and name */
	bool		procedure;
	bool		argument;		/* takes a jsonb */
	bool		set;			/* returns rows */
	Oid			result;
} Callee;

/* Keeps the integer that a call returned. */
typedef struct ValueReceiver
{
	DestReceiver receiver;		/* must be first */
	Oid			type;
	bool		null;			/* no row, NULL, or not an integer */
	int64		value;
} ValueReceiver;

/* Gives the function's OID or InvalidOid; names of types are those of pg_catalog unless they are qualified. */
static Oid
look_up(const char *signature)
{
	LOCAL_FCINFO(fcinfo, 1);
	RunAs		saved;
	Datum		found;

	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = CStringGetTextDatum(signature);
	fcinfo->args[0].isnull = false;
	runas_names_begin(&saved, GetUserId());
	found = to_regprocedure(fcinfo);
	runas_end(&saved);
	return fcinfo->isnull ? InvalidOid : DatumGetObjectId(found);
}

/* Reads what a call needs to know. */
static void
read_callee(Callee *callee)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(callee->oid));
	Form_pg_proc proc;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", callee->oid);
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	callee->name = list_make2(makeString(get_namespace_name(proc->pronamespace)), makeString(pstrdup(NameStr(proc->proname))));
	callee->procedure = proc->prokind == PROKIND_PROCEDURE;
	callee->argument = proc->pronargs == 1;
	callee->set = proc->proretset;
	callee->result = proc->prorettype;
	ReleaseSysCache(tuple);
}

/* Builds SELECT name($1) or CALL name($1). */
static RawStmt *
build_call(const Callee *callee)
{
	RawStmt    *raw = makeNode(RawStmt);
	List	   *arguments = NIL;
	FuncCall   *call;

	if (callee->argument)
	{
		ParamRef   *argument = makeNode(ParamRef);

		argument->number = 1;
		argument->location = -1;
		arguments = list_make1(argument);
	}
	call = makeFuncCall(callee->name, arguments, COERCE_EXPLICIT_CALL, -1);
	if (callee->procedure)
	{
		CallStmt   *statement = makeNode(CallStmt);

		statement->funccall = call;
		raw->stmt = (Node *) statement;
	}
	else
	{
		SelectStmt *statement = makeNode(SelectStmt);
		ResTarget  *target = makeNode(ResTarget);

		target->val = (Node *) call;
		target->location = -1;
		statement->targetList = list_make1(target);
		raw->stmt = (Node *) statement;
	}
	return raw;
}

/* Makes sure that what is called is what was looked up, whatever else has its name by now. */
static void
check_call(const Query *query, void *arg)
{
	const Callee *callee = arg;
	Node	   *call;

	if (callee->procedure)
		call = (Node *) castNode(CallStmt, query->utilityStmt)->funcexpr;
	else
		call = (Node *) linitial_node(TargetEntry, query->targetList)->expr;
	if (!IsA(call, FuncExpr) || ((FuncExpr *) call)->funcid != callee->oid)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_FUNCTION),
				 errmsg("a call of %s would call something else", format_procedure(callee->oid))));
}

/* Takes one row of the result: an integer is kept. */
static bool
take_row(TupleTableSlot *slot, DestReceiver *self)
{
	ValueReceiver *receiver = (ValueReceiver *) self;
	Datum		value = slot_getattr(slot, 1, &receiver->null);

	if (receiver->null)
		return true;
	if (receiver->type == INT8OID)
		receiver->value = DatumGetInt64(value);
	else if (receiver->type == INT4OID)
		receiver->value = DatumGetInt32(value);
	else if (receiver->type == INT2OID)
		receiver->value = DatumGetInt16(value);
	else
		receiver->null = true;
	return true;
}

/* Gives the call's argument as a parameter list; NULL for a function without one. */
static ParamListInfo
build_params(const Callee *callee, const Jsonb *arguments)
{
	ParamListInfo params;

	if (!callee->argument)
		return NULL;
	params = makeParamList(1);
	params->params[0].ptype = JSONBOID;
	params->params[0].pflags = PARAM_FLAG_CONST;
	params->params[0].isnull = arguments == NULL;
	params->params[0].value = arguments == NULL ? (Datum) 0 : JsonbPGetDatum(arguments);
	return params;
}

/* Looks the function up, calls it, and gives its rows, its integer, or -1 when it says nothing. */
int64
execute_function(const Job *job)
{
	Callee		callee = {.oid = look_up(job->function)};
	ValueReceiver receiver = {.null = true};
	Statement	statement = {.text = job->function, .receiver = &receiver.receiver};
	int64		rows;

	if (!OidIsValid(callee.oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function %s does not exist", job->function),
				 errhint("Use aipipe.job_alter() to name the function that takes its place.")));
	job_check_function_owner(job, job_check_function(job->function, callee.oid, GetUserId()));
	read_callee(&callee);
	statement.raw = build_call(&callee);
	statement.argtype = callee.argument ? JSONBOID : InvalidOid;
	statement.params = build_params(&callee, job->arguments);
	receiver_init(&receiver.receiver, take_row);
	receiver.type = callee.result;

	rows = execute_statement(&statement, check_call, &callee);
	if (callee.set)
		return rows;
	return receiver.null ? -1 : Max(receiver.value, -1);
}
