/*
 * execute.h
 *	  What an attempt consists of: a session as its job wants it, and its work.
 *
 *		prepare.c			settings of the session and the process's share of the machine
 *		execute.c			runs a command, statement by statement
 *		execute_function.c	calls a function or a procedure
 */
#ifndef WORKER_EXECUTE_H
#define WORKER_EXECUTE_H

#include "nodes/params.h"
#include "nodes/parsenodes.h"
#include "tcop/dest.h"

#include "worker/job.h"

/*** prepare.c ***/

/* Makes the session what the job's definition says; in a transaction.  A setting that the owner may not set is an ERROR. */
extern void prepare_session(const Job *job);

/* Takes a smaller share of CPU and disk; never a larger one. */
extern void prepare_process(int nice, const char *io);

/*** execute.c ***/

/* A statement that is about to run. */
typedef struct Statement
{
	RawStmt    *raw;
	const char *text;			/* for messages and the views of the server */
	Oid			argtype;		/* of $1; InvalidOid: it has none */
	ParamListInfo params;		/* or NULL */
	DestReceiver *receiver;		/* or NULL: rows are thrown away */
} Statement;

/* Gives what runs a statement a look at it after parse analysis. */
typedef void (*StatementCheck) (const Query *query, void *arg);

/* Runs one statement of the top level in the current transaction and gives the rows it processed. */
extern int64 execute_statement(const Statement *statement, StatementCheck check, void *arg);

/*
 * Runs a command in the transaction that the caller has begun, as a client's simple query would run: several
 * statements in one transaction, a single one as the top level, so that it may commit by itself.  Gives the
 * rows that its statements processed.  ERROR 0A000 for what ends transactions or talks to a client.
 */
extern int64 execute_command(const char *command);

/*** execute_function.c ***/

/*
 * Calls the job's function or procedure, looked up by its signature as the current user, of no argument or of one jsonb.
 * Gives how many rows a function of a set returned, the value of one that returns an integer, or -1: unknown.
 */
extern int64 execute_function(const Job *job);

#endif							/* WORKER_EXECUTE_H */
