/*-------------------------------------------------------------------------
 *
 * version.c
 *	  Library and SQL must be of one version.
 *
 * After a package upgrade the library on disk is newer than the SQL in the
 * database until ALTER EXTENSION … UPDATE, and a backend may still run the
 * older library after it.  A function that touches aipipe's tables asks here
 * first, instead of failing on a missing column.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "compat/compat.h"
#include "core/version.h"

/* Gives the installed extension's version, or NULL when it is not installed. */
static char *
installed_version(void)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	char	   *version = NULL;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("aipipe"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, Anum_pg_extension_extversion,
										 RelationGetDescr(rel), &isnull);

		if (!isnull)
			version = TextDatumGetCString(value);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return version;
}

/* Says whether the extension is here and its SQL of this library's version. */
bool
core_version_fits(void)
{
	char	   *version = installed_version();

	return version != NULL && strcmp(version, AIPIPE_VERSION) == 0;
}

/* Ends with an error when the extension's SQL is of another version than this library. */
void
core_check_version(void)
{
	static LocalTransactionId checked_in = InvalidLocalTransactionId;
	char	   *version;

	if (compat_lxid() == checked_in && checked_in != InvalidLocalTransactionId)
		return;
	version = installed_version();
	if (version == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"aipipe\" is not installed in this database"),
				 errhint("Run CREATE EXTENSION aipipe.")));
	if (strcmp(version, AIPIPE_VERSION) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("aipipe library %s does not match extension version %s", AIPIPE_VERSION, version),
				 errhint("Run ALTER EXTENSION aipipe UPDATE, then reconnect.")));
	checked_in = compat_lxid();
}
