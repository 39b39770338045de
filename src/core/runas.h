/*
 * runas.h
 *	  Switching the current user for one bounded piece of work.
 *
 * An abort restores the previous user by itself, so no PG_TRY is needed.
 */
#ifndef CORE_RUNAS_H
#define CORE_RUNAS_H

typedef struct RunAs
{
	Oid			userid;
	int			sec_context;
	int			guc_level;		/* 0 when no settings were saved */
	bool		read_only;		/* what the transaction was */
} RunAs;

/*
 * Becomes the tables' owner for one fixed, fully qualified statement.
 * Nothing that a user supplied may be evaluated before runas_end().
 */
extern void runas_tables_begin(RunAs *saved);

/*
 * Becomes a role to look up qualified names with its USAGE on their schemas:
 * for parse analysis, and never for anything that runs.
 */
extern void runas_names_begin(RunAs *saved, Oid role);

/* Makes the transaction read-only until runas_end(); the user stays. */
extern void runas_read_only_begin(RunAs *saved);

extern void runas_end(const RunAs *saved);

#endif							/* CORE_RUNAS_H */
