/*-------------------------------------------------------------------------
 *
 * runas.c
 *	  Switching the current user for one bounded piece of work.
 *
 * aipipe has no SECURITY DEFINER function.  A C function checks the caller's
 * rights as the caller and then runs one fixed statement as the owner of
 * aipipe's tables.  What users wrote themselves runs as the current user.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_namespace.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "compat/compat.h"
#include "core/runas.h"

/* Gives the owner of schema aipipe, or ends with an error when the extension is not installed here. */
static Oid
runas_tables_owner(void)
{
	HeapTuple	tuple = SearchSysCache1(NAMESPACENAME, CStringGetDatum("aipipe"));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"aipipe\" is not installed in this database"),
				 errhint("Run CREATE EXTENSION aipipe.")));
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* Remembers what runas_end() restores. */
static void
save_state(RunAs *saved, int guc_level)
{
	GetUserIdAndSecContext(&saved->userid, &saved->sec_context);
	saved->guc_level = guc_level;
	saved->read_only = XactReadOnly;
}

/*
 * Becomes the tables' owner until runas_end().
 *
 * A plan that was kept is analysed again under the search_path of the moment.
 * So the path is made safe for every statement, however well its text is
 * qualified: one name that was forgotten would give the owner's rights away.
 */
void
runas_tables_begin(RunAs *saved)
{
	Oid			owner = runas_tables_owner();

	save_state(saved, NewGUCNestLevel());
	SetUserIdAndSecContext(owner, saved->sec_context | SECURITY_LOCAL_USERID_CHANGE);
	compat_restrict_search_path();
}

/* Becomes a role that looks up names until runas_end(), restricted and under a safe search_path. */
void
runas_names_begin(RunAs *saved, Oid role)
{
	save_state(saved, NewGUCNestLevel());
	SetUserIdAndSecContext(role, saved->sec_context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	compat_restrict_search_path();
}

/*
 * Makes the transaction read-only until runas_end().
 *
 * SPI's read-only flag alone does not stop a volatile function in the user's
 * query from writing; this does, and it cannot be switched back from inside,
 * because a transaction that has taken a snapshot refuses that.  The setting of
 * that name may not be set for a while (16 and later), but its variable may, and
 * the end of a failed (sub)transaction restores it.
 */
void
runas_read_only_begin(RunAs *saved)
{
	save_state(saved, NewGUCNestLevel());
	XactReadOnly = true;
}

/* Restores what the matching begin saved. */
void
runas_end(const RunAs *saved)
{
	if (saved->guc_level > 0)
		AtEOXact_GUC(false, saved->guc_level);
	XactReadOnly = saved->read_only;
	SetUserIdAndSecContext(saved->userid, saved->sec_context);
}
