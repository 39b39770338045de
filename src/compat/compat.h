/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  The only place that looks at PG_VERSION_NUM.
 *
 * aipipe builds on PostgreSQL 15 to 18.  What changed between them and what
 * we use is given one name here, so that no other file needs an #if.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIPIPE_COMPAT_H
#define AIPIPE_COMPAT_H

#include "postgres.h"

#include "catalog/namespace.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/regproc.h"
#include "utils/wait_event.h"

#if PG_VERSION_NUM < 150000
#error "aipipe needs PostgreSQL 15 or newer"
#endif

/* 16: varlena macros moved out of postgres.h (commit d952373a987). */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 16: one object_aclcheck() instead of one function a catalog (commit c727f511bd7). */
#if PG_VERSION_NUM >= 160000
#include "catalog/pg_database.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#define compat_database_aclcheck(oid, role, mode) object_aclcheck(DatabaseRelationId, oid, role, mode)
#define compat_namespace_aclcheck(oid, role, mode) object_aclcheck(NamespaceRelationId, oid, role, mode)
#define compat_proc_aclcheck(oid, role, mode) object_aclcheck(ProcedureRelationId, oid, role, mode)
#else
#define compat_database_aclcheck(oid, role, mode) pg_database_aclcheck(oid, role, mode)
#define compat_namespace_aclcheck(oid, role, mode) pg_namespace_aclcheck(oid, role, mode)
#define compat_proc_aclcheck(oid, role, mode) pg_proc_aclcheck(oid, role, mode)
#endif

/* 16: giving something to a role takes SET on it, not membership (commit 3d14e171e9e). */
#if PG_VERSION_NUM >= 160000
#define compat_check_can_set_role(member, role) check_can_set_role(member, role)
#else
#define compat_check_can_set_role(member, role) check_is_member_of_role(member, role)
#endif

/* 16: stringToQualifiedNameList() reports soft errors (commit 3ea7329c9a7). */
#if PG_VERSION_NUM >= 160000
#define compat_string_to_names(s) stringToQualifiedNameList(s, NULL)
#else
#define compat_string_to_names(s) stringToQualifiedNameList(s)
#endif

/* 16: ExecInsertIndexTuples() may be told to touch summarizing indexes only (commit 19d8e2308bc). */
#if PG_VERSION_NUM >= 160000
#define compat_insert_index_entries(relinfo, slot, estate) \
	ExecInsertIndexTuples(relinfo, slot, estate, false, false, NULL, NIL, false)
#else
#define compat_insert_index_entries(relinfo, slot, estate) \
	ExecInsertIndexTuples(relinfo, slot, estate, false, false, NULL, NIL)
#endif

/* 17: RestrictSearchPath() (commit 2af07e2f749); before, the same by hand. */
static inline void
compat_restrict_search_path(void)
{
#if PG_VERSION_NUM >= 170000
	RestrictSearchPath();
#else
	(void) set_config_option("search_path",
							 "pg_catalog, pg_temp",
							 PGC_USERSET,
							 PGC_S_SESSION,
							 GUC_ACTION_SAVE,
							 true,
							 0,
							 false);
#endif
}

/* 17: the local transaction id moved into PGPROC.vxid (commit ab355e3a88d). */
#if PG_VERSION_NUM >= 170000
#define compat_lxid() (MyProc->vxid.lxid)
#else
#define compat_lxid() (MyProc->lxid)
#endif

/* 18: pg_attribute_noreturn() gave way to pg_noreturn, which stands elsewhere (commit 28f04984f0c). */
#ifndef pg_attribute_noreturn
#define pg_attribute_noreturn() __attribute__((noreturn))
#endif

/* 18: ExecutorRun() no longer asks whether it is called once (commit 3eea7a0c97e). */
#if PG_VERSION_NUM >= 180000
#define compat_executor_run(desc, count) ExecutorRun(desc, ForwardScanDirection, count)
#else
#define compat_executor_run(desc, count) ExecutorRun(desc, ForwardScanDirection, count, false)
#endif

/* 18: PortalRun() no longer asks whether it is called once (commit 3eea7a0c97e). */
#if PG_VERSION_NUM >= 180000
#define compat_portal_run(portal, top, receiver, completion) PortalRun(portal, FETCH_ALL, top, receiver, receiver, completion)
#else
#define compat_portal_run(portal, top, receiver, completion) PortalRun(portal, FETCH_ALL, top, true, receiver, receiver, completion)
#endif

/* 18: a generated column may be virtual: computed by a query, NULL in the stored row (commit 83ea6c54025). */
#if PG_VERSION_NUM >= 180000
#define compat_has_virtual_columns(desc) ((desc)->constr != NULL && (desc)->constr->has_generated_virtual)
#else
#define compat_has_virtual_columns(desc) false
#endif

/* Gives the status of the n-th backend, from 1, of this transaction's copy; 16: by index and by backend are two functions. */
static inline const PgBackendStatus *
compat_backend_status(int n)
{
#if PG_VERSION_NUM >= 160000
	LocalPgBackendStatus *local = pgstat_get_local_beentry_by_index(n);
#else
	LocalPgBackendStatus *local = pgstat_fetch_stat_local_beentry(n);
#endif

	return local == NULL ? NULL : &local->backendStatus;
}

/* 17: an extension names what it waits for (commit c9af054653). */
static inline uint32
compat_wait_event(const char *name)
{
#if PG_VERSION_NUM >= 170000
	static uint32 event = 0;

	if (event == 0)
		event = WaitEventExtensionNew(name);
	return event;
#else
	return PG_WAIT_EXTENSION;
#endif
}

/* 16: JSON callbacks give a result. */
#if PG_VERSION_NUM >= 160000
#define compat_json_result JsonParseErrorType
#define COMPAT_JSON_OK JSON_SUCCESS
#else
#define compat_json_result void
#define COMPAT_JSON_OK
#endif

/* 17: the JSON lexer may be the caller's. */
#if PG_VERSION_NUM >= 170000
#define compat_json_lexer(json, len, encoding, escapes) makeJsonLexContextCstringLen(NULL, json, len, encoding, escapes)
#else
#define compat_json_lexer(json, len, encoding, escapes) makeJsonLexContextCstringLen(json, len, encoding, escapes)
#endif

/* 18: PG_MODULE_MAGIC_EXT names the module and its version (commit 9324c8c5806). */
#ifdef PG_MODULE_MAGIC_EXT
#define COMPAT_MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "aipipe", .version = AIPIPE_VERSION)
#else
#define COMPAT_MODULE_MAGIC PG_MODULE_MAGIC
#endif

#endif							/* AIPIPE_COMPAT_H */
