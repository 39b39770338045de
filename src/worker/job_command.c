/*-------------------------------------------------------------------------
 *
 * job_command.c
 *	  What may be a job's command or function.
 *
 * A command is only parsed: what it names may come later, and is looked up by
 * each attempt.  A function is looked up when the job is made, kept as text,
 * and looked up again by each attempt.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "parser/scansup.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "compat/compat.h"
#include "worker/job_int.h"

/* Turns a position inside the command into one of an inner query, so that clients point at the right text. */
static void
command_error_callback(void *arg)
{
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(arg);
	}
	errcontext("command of a job");
}

/* Gives where a statement begins in the command, counted in characters from 1. */
static int
statement_position(const char *command, const RawStmt *statement)
{
	int			location = Max(statement->stmt_location, 0);

	while (scanner_isspace(command[location]))
		location++;
	return pg_mbstrlen_with_len(command, location) + 1;
}

/* Ends with an error for a statement that no job can run. */
static void
check_statement(const char *command, const RawStmt *statement)
{
	if (IsA(statement->stmt, TransactionStmt))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a job's command cannot contain transaction control"),
				 errdetail("The whole command is one transaction."),
				 errhint("Leave it out, or CALL a procedure that commits."),
				 errposition(statement_position(command, statement))));
	if (IsA(statement->stmt, CopyStmt) && castNode(CopyStmt, statement->stmt)->filename == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a job's command cannot copy from or to a client"),
				 errdetail("A job has no client."),
				 errhint("Name a file or a program of the server."),
				 errposition(statement_position(command, statement))));
	if (IsA(statement->stmt, ListenStmt))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a job's command cannot listen"),
				 errdetail("A job has no client that would be told."),
				 errposition(statement_position(command, statement))));
}

/* Ends with an error unless the text can be a job's command. */
void
job_check_command(const char *command)
{
	ErrorContextCallback context = {error_context_stack, command_error_callback, unconstify(char *, command)};
	List	   *statements;
	ListCell   *cell;

	error_context_stack = &context;
	statements = raw_parser(command, RAW_PARSE_DEFAULT);
	foreach(cell, statements)
		check_statement(command, lfirst_node(RawStmt, cell));
	error_context_stack = context.previous;
	if (statements == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a job's command must not be empty")));
}

/* Says whether a routine is of a kind that can be called by itself: no trigger function, no aggregate. */
static bool
can_be_called(Form_pg_proc proc)
{
	if (proc->prokind == PROKIND_PROCEDURE)
		return true;
	return proc->prokind == PROKIND_FUNCTION &&
		(get_typtype(proc->prorettype) != TYPTYPE_PSEUDO || proc->prorettype == VOIDOID || proc->prorettype == RECORDOID);
}

/* Ends with an error unless the function's form is one that a job can call. */
static void
check_form(const char *function, Form_pg_proc proc)
{
	if (!can_be_called(proc))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s cannot be a job's function", function),
				 errdetail("A job calls a procedure, or a function that can be called by itself.")));
	if (proc->pronargs > 1 || (proc->pronargs == 1 && proc->proargtypes.values[0] != JSONBOID))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s cannot be a job's function", function),
				 errdetail("A job's function has no argument or one of type jsonb."),
				 errhint("Give a command that calls it with its arguments.")));
}

/* Ends with an error unless a job of that owner can call the function, and gives the function's own owner. */
Oid
job_check_function(const char *function, Oid oid, Oid owner)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(oid));
	Oid			function_owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function with OID %u does not exist", oid)));
	check_form(function, (Form_pg_proc) GETSTRUCT(tuple));
	function_owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	if (compat_proc_aclcheck(oid, owner, ACL_EXECUTE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for function %s", function),
				 errdetail("Role \"%s\", as whom the job runs, may not execute it.", GetUserNameFromId(owner, false))));
	return function_owner;
}

/*
 * Ends with an error unless the function is of the role that it was of when the job was given it, of the job's owner, or
 * of a superuser.  A name is no proof: who may create in a schema can make a function that was dropped there his own.
 */
void
job_check_function_owner(const Job *job, Oid now)
{
	const char *then = GetUserNameFromId(job->function_owner, true);

	if (now == job->function_owner || now == job->owner || superuser_arg(now))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("function %s belongs to another role than when the job was given it", job->function),
			 then != NULL ? errdetail("It is of role \"%s\" and was of role \"%s\".", GetUserNameFromId(now, false), then)
			 : errdetail("It is of role \"%s\" and was of one that no longer exists.", GetUserNameFromId(now, false)),
			 errhint("If that is right, give it to the job again with aipipe.job_alter().")));
}

/* Gives the schema-qualified signature of a function that the owner may execute as a job's, and whose it is. */
char *
job_resolve_function(const char *function, Oid owner, Oid *function_owner)
{
	Oid			oid;

	if (strchr(function, '(') == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is no signature of a function", function),
				 errhint("Write the types of its arguments too: name() or name(jsonb).")));
	oid = DatumGetObjectId(DirectFunctionCall1(regprocedurein, CStringGetDatum(function)));
	*function_owner = job_check_function(function, oid, owner);
	return format_procedure_qualified(oid);
}
