/*-------------------------------------------------------------------------
 *
 * step.c
 *	  One short transaction of a worker, and the locks that say who is alive.
 *
 * A step holds the extension against DROP EXTENSION from its begin to its end,
 * and nothing of it lasts longer.  What is allocated in a step goes with it; after
 * it the memory context is the one from before.
 *
 * The locks that say "there is a scheduler" and "this attempt is alive" last as
 * long as the process, through transactions that fail.  The server's own locks do
 * not: an abort releases those of the session too.  So they are taken
 * with the lock method of advisory locks, which an abort leaves alone, but on
 * objects, of which no user can take such a lock.  pg_advisory_unlock_all() in a
 * job's command gives them up, though: its attempt may then be taken for dead, and
 * is rolled back at its end, as every attempt that is late.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/acl.h"
#include "utils/backend_status.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/wait_event.h"

#include "core/version.h"
#include "worker/worker.h"

/* Sub-object of the extension that a scheduler locks, and of the database that its launcher locks. */
#define SCHEDULER_LOCK 1
#define LAUNCHER_LOCK 1

/* Sub-object of the extension that a serializable transaction locks before it writes how its attempt ended. */
#define END_LOCK 2

/* How often it asks for the lock, and how long it waits in between. */
#define END_TRIES 200
#define END_PAUSE 5000L

/* How often attempt_hold() asks, and how long it waits in between: who looks at the lock has it for microseconds. */
#define HOLD_TRIES 50
#define HOLD_PAUSE 10000L

/* The extension of which this process is the scheduler; InvalidOid in others. */
static Oid	scheduled_extension = InvalidOid;

/* Where the caller of step_begin() was. */
static MemoryContext outside = NULL;

/* Takes a lock on an object that lasts as long as the process. */
static bool
hold_object(LOCKTAG *tag)
{
	tag->locktag_lockmethodid = USER_LOCKMETHOD;
	return LockAcquire(tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

/* Says whether a process of that PID may change or drop the extension. */
static bool
may_change_extension(int pid)
{
	HeapTuple	schema = SearchSysCache1(NAMESPACENAME, CStringGetDatum("aipipe"));
	PGPROC	   *proc = pid == 0 ? NULL : BackendPidGetProc(pid);
	bool		may;

	if (!HeapTupleIsValid(schema))
		return true;
	may = proc != NULL && is_member_of_role(proc->roleId, ((Form_pg_namespace) GETSTRUCT(schema))->nspowner);
	ReleaseSysCache(schema);
	return may;
}

/*
 * Says whether the extension's lock is had, or waited for, by somebody who may change the extension.
 *
 * Everybody may lock it: DROP EXTENSION asks for the lock before it asks for the right, and ALTER FUNCTION ... DEPENDS ON
 * EXTENSION keeps it to the end of its transaction.  That is no reason for jobs to stand still.
 */
static bool
extension_is_changed(const LOCKTAG *tag)
{
	LockData   *locks = GetLockStatusData();

	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];

		if (memcmp(&lock->locktag, tag, sizeof(LOCKTAG)) == 0 &&
			(lock->waitLockMode == AccessExclusiveLock || (lock->holdMask & LOCKBIT_ON(AccessExclusiveLock)) != 0) &&
			may_change_extension(lock->pid))
			return true;
	}
	return false;
}

/* Takes the lock with which the current transaction holds the extension; false when it is being changed. */
static bool
lock_extension(Oid extension, bool wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId, extension, 0);
	if (LockAcquire(&tag, AccessShareLock, false, true) == LOCKACQUIRE_NOT_AVAIL && extension_is_changed(&tag))
	{
		if (!wait)
			return false;
		(void) LockAcquire(&tag, AccessShareLock, false, false);
	}
	AcceptInvalidationMessages();
	return true;
}

/* Holds the extension in the current transaction; the lock is of use only when what it locks is still there. */
static Step
hold_extension(bool wait)
{
	Oid			extension = get_extension_oid("aipipe", true);

	if (!OidIsValid(extension))
		return STEP_GONE;
	if (OidIsValid(scheduled_extension) && extension != scheduled_extension)
		return STEP_GONE;
	if (!lock_extension(extension, wait))
		return STEP_BUSY;
	if (get_extension_oid("aipipe", true) != extension || !core_version_fits())
		return STEP_GONE;
	return STEP_BEGUN;
}

/* Holds the extension in the current transaction, waiting for who changes it; false when it is gone. */
bool
step_hold_extension(void)
{
	return hold_extension(true) == STEP_BEGUN;
}

/* Begins a step; anything but STEP_BEGUN has ended it again. */
static Step
begin(bool wait)
{
	Step		step;

	outside = CurrentMemoryContext;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	/* whatever a role or the database has for a default: a step waits for a row and then sees what became of it, and it writes */
	XactIsoLevel = XACT_READ_COMMITTED;
	XactReadOnly = false;
	pgstat_report_activity(STATE_RUNNING, "aipipe: step");
	step = hold_extension(wait);
	if (step == STEP_BEGUN)
		PushActiveSnapshot(GetTransactionSnapshot());
	else
	{
		CommitTransactionCommand();
		pgstat_report_activity(STATE_IDLE, NULL);
		MemoryContextSwitchTo(outside);
	}
	return step;
}

/* Begins a step, unless somebody changes the extension. */
Step
step_begin(void)
{
	return begin(false);
}

/* Begins a step, after waiting for who changes the extension. */
Step
step_begin_patiently(void)
{
	return begin(true);
}

/* Ends a step: commits, reports statistics, and goes back to the caller's memory context. */
void
step_end(void)
{
	if (ActiveSnapshotSet())
		PopActiveSnapshot();
	CommitTransactionCommand();
	(void) pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	MemoryContextSwitchTo(outside);
}

/* Takes back what an error left, and leaves the process fit for another step. */
void
step_abort(void)
{
	HOLD_INTERRUPTS();
	error_context_stack = NULL;
	AbortCurrentTransaction();
	/* an error between steps has no transaction that would clean up */
	LWLockReleaseAll();
	pgstat_report_wait_end();
	(void) pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	MemoryContextSwitchTo(outside != NULL ? outside : TopMemoryContext);
	RESUME_INTERRUPTS();
}

/* Logs the error that ended a step, and takes back what it left. */
void
step_failed(void)
{
	HOLD_INTERRUPTS();
	EmitErrorReport();
	FlushErrorState();
	step_abort();
	RESUME_INTERRUPTS();
}

/* Asks for a lock several times, with pauses in between; false when others have it all the time. */
static bool
lock_within(const LOCKTAG *tag, bool session, int tries, long pause)
{
	for (int i = 0; i < tries; i++)
	{
		if (LockAcquire(tag, ExclusiveLock, session, true) != LOCKACQUIRE_NOT_AVAIL)
			return true;
		pg_usleep(pause);
		CHECK_FOR_INTERRUPTS();
	}
	return false;
}

/*
 * Waits for the transactions that write how their attempts ended, and has the others wait for this one; not for long: code of
 * an owner's can follow (a deferred trigger, a cursor that is held), and who goes on too early may have to try again.
 */
void
step_end_one_by_one(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId, get_extension_oid("aipipe", false), END_LOCK);
	(void) lock_within(&tag, false, END_TRIES, END_PAUSE);
}

/* Becomes the only scheduler of this database until the process ends; false when there is one. */
bool
step_become_scheduler(void)
{
	Oid			extension = get_extension_oid("aipipe", false);
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId, extension, SCHEDULER_LOCK);
	if (!hold_object(&tag))
		return false;
	scheduled_extension = extension;
	return true;
}

/* Becomes the only launcher that was started for a database until the process ends; false when there is one. */
bool
launcher_hold(Oid database)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, database, LAUNCHER_LOCK);
	return hold_object(&tag);
}

/*
 * Says whether somebody waits for a database to be without sessions.
 *
 * DROP DATABASE, RENAME and SET TABLESPACE hold AccessExclusiveLock on it while they wait, a copy of it as a template holds
 * ShareLock; a new session wants RowExclusiveLock, and gets it when none of them is there.
 */
bool
database_wanted(Oid database)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, database, 0);
	if (LockAcquire(&tag, RowExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
		return true;
	LockRelease(&tag, RowExclusiveLock, true);
	return false;
}

/* Says whether somebody waits for this database to be without sessions. */
bool
step_database_wanted(void)
{
	return database_wanted(MyDatabaseId);
}

/* Writes the lock of an attempt; its number's low 48 bits are enough to tell those that are alive apart. */
static void
attempt_tag(LOCKTAG *tag, int64 attempt)
{
	Oid			schema = get_namespace_oid("aipipe", false);
	Oid			relation = get_relname_relid("job_attempt_data", schema);

	if (!OidIsValid(relation))
		elog(ERROR, "extension \"aipipe\" has no table job_attempt_data");
	SET_LOCKTAG_OBJECT(*tag, MyDatabaseId, relation, (uint32) attempt, (uint16) (attempt >> 32));
	tag->locktag_lockmethodid = USER_LOCKMETHOD;
}

/* Gives this process's sign of life for an attempt; false when another process has it. */
bool
attempt_hold(int64 attempt)
{
	LOCKTAG		tag;

	attempt_tag(&tag, attempt);
	return lock_within(&tag, true, HOLD_TRIES, HOLD_PAUSE);
}

/* Says whether a process holds an attempt, by asking for the lock and giving it back. */
bool
attempt_is_held(int64 attempt)
{
	LOCKTAG		tag;

	attempt_tag(&tag, attempt);
	if (LockAcquire(&tag, ShareLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return true;
	LockRelease(&tag, ShareLock, false);
	return false;
}
