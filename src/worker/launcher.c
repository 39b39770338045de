/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  The launcher: sees to it that databases have a scheduler.
 *
 * The static launcher serves the databases of aipipe.worker_databases; one that
 * worker_start() registers serves the database it was called in.  A launcher is
 * connected to no database and runs no SQL: it looks names up in the shared
 * catalogs, asks the postmaster for schedulers, and is told when one ends.  One that
 * ends early comes back after a pause that doubles, whatever its reason was: the
 * database was wanted by somebody, the extension is not there, worker_stop().
 *
 * It does not matter when two launchers serve one database: they look whether it
 * has a scheduler, and of two schedulers one leaves at once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "portability/instr_time.h"
#include "storage/ipc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "compat/compat.h"
#include "core/guc.h"
#include "worker/worker.h"

/* ms.  A look at all databases is taken at least so often: one may have come or gone. */
#define LOOK_EVERY 10000

/* ms.  The pause before a scheduler's next start; one that lived so long begins again with the shortest. */
#define PAUSE_MIN 1000
#define PAUSE_MAX 60000
#define LIFE_LONG 60000

/* ms between two messages about one database: never less, and more while it is the same message. */
#define SILENCE_MIN 60000
#define SILENCE_MAX 3600000

/* How often a launcher tries to become its database's: one that was dismissed may still be there. */
#define OFFICE_TRIES 5

/* A database that is served.  Times are ms of a clock that cannot be set. */
typedef struct Served
{
	char	   *name;			/* as in aipipe.worker_databases; NULL: served by OID */
	Oid			database;		/* InvalidOid while there is none of that name */
	BackgroundWorkerHandle *handle; /* of the scheduler that was registered last, until its end is known */
	double		began;			/* when it was registered */
	double		pause;			/* before the next start; 0: the next is the first, or follows a long life */
	double		next;			/* no start before */
	char	   *complaint;		/* the last message about it, and when, and how long it is not repeated */
	double		complained;
	double		silence;
} Served;

typedef struct Launcher
{
	const WorkerOrder *order;
	MemoryContext context;		/* of what lasts until the configuration is read again */
	MemoryContext scratch;		/* of one round */
	List	   *served;			/* of Served */
	Served		general;		/* for messages that are about no database */
} Launcher;

/* Gives the ms of a clock that cannot be set. */
static double
now_ms(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return INSTR_TIME_GET_MILLISEC(now);
}

/* Gives why the role cannot connect to the database, or NULL. */
char *
worker_role_obstacle(Oid database, Oid role)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	Form_pg_authid form;
	char	   *why = NULL;

	if (!HeapTupleIsValid(tuple))
		return psprintf("role with OID %u does not exist", role);
	form = (Form_pg_authid) GETSTRUCT(tuple);
	if (!form->rolcanlogin)
		why = psprintf("role \"%s\" is not permitted to log in", NameStr(form->rolname));
	else if (compat_database_aclcheck(database, role, ACL_CONNECT) != ACLCHECK_OK)
		why = psprintf("role \"%s\" has no CONNECT privilege on database \"%s\"", NameStr(form->rolname), get_database_name(database));
	ReleaseSysCache(tuple);
	return why;
}

/* Gives why no scheduler can connect to the database as the role, or NULL. */
char *
worker_obstacle(Oid database, Oid role)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
	Form_pg_database form;
	char	   *why = NULL;

	if (!HeapTupleIsValid(tuple))
		return psprintf("database with OID %u does not exist", database);
	form = (Form_pg_database) GETSTRUCT(tuple);
	if (database_is_invalid_form(form))
		why = psprintf("database \"%s\" is left over from a DROP DATABASE that was interrupted", NameStr(form->datname));
	else if (form->datistemplate)
		why = psprintf("database \"%s\" is a template", NameStr(form->datname));
	else if (!form->datallowconn)
		why = psprintf("database \"%s\" does not accept connections", NameStr(form->datname));
	else
		why = worker_role_obstacle(database, role);
	ReleaseSysCache(tuple);
	return why;
}

/* Writes a message to the server's log, unless it was written a short time ago. */
static void
complain(Launcher *self, Served *about, const char *what, const char *hint)
{
	double		now = now_ms();
	bool		again = about->complaint != NULL && strcmp(about->complaint, what) == 0;

	if (about->complaint != NULL && now < about->complained + (again ? about->silence : SILENCE_MIN))
		return;
	about->complained = now;
	about->silence = again ? Min(about->silence * 2, SILENCE_MAX) : SILENCE_MIN;
	if (!again)
	{
		if (about->complaint != NULL)
			pfree(about->complaint);
		about->complaint = MemoryContextStrdup(self->context, what);
	}
	ereport(LOG,
			(errmsg("aipipe: %s", what),
			 hint != NULL ? errhint("%s", hint) : 0));
}

/* Takes note that a scheduler has ended, and when the next may begin. */
static void
take_end(Served *served, double now)
{
	if (now - served->began >= LIFE_LONG)
		served->pause = 0;
	served->pause = Min(Max(served->pause * 2, PAUSE_MIN), PAUSE_MAX);
	served->next = now + served->pause;
	pfree(served->handle);
	served->handle = NULL;
}

/* Asks for the database's scheduler; the end of it will be told. */
static void
start_scheduler(Launcher *self, Served *served, Oid role, double now)
{
	WorkerOrder order = {.database = served->database, .role = role};
	MemoryContext old = MemoryContextSwitchTo(self->context);

	served->next = now + PAUSE_MIN;
	if (worker_register(WORKER_SCHEDULER, &order, &served->handle))
		served->began = now;
	else
		complain(self, served,
				 psprintf("no background worker slot is free for the scheduler of database \"%s\"", get_database_name(served->database)),
				 "Raise max_worker_processes.");
	MemoryContextSwitchTo(old);
}

/* Sees to one database; gives in how many ms it wants to be looked at again. */
static double
serve(Launcher *self, Served *served, Oid role)
{
	double		now = now_ms();
	char	   *obstacle;
	pid_t		pid;

	if (served->handle != NULL && GetBackgroundWorkerPid(served->handle, &pid) == BGWH_STOPPED)
		take_end(served, now);
	if (served->handle != NULL || worker_find(WORKER_SCHEDULER, served->database) != 0)
	{
		served->silence = SILENCE_MIN;
		return LOOK_EVERY;
	}
	if (now < served->next)
		return served->next - now;
	if (database_wanted(served->database))
		return PAUSE_MIN;
	obstacle = worker_obstacle(served->database, role);
	if (obstacle != NULL)
	{
		complain(self, served, obstacle, NULL);
		return LOOK_EVERY;
	}
	start_scheduler(self, served, role, now);
	return served->handle != NULL ? LOOK_EVERY : PAUSE_MIN;
}

/*
 * Gives the database of a name, or InvalidOid.
 *
 * Without a database of its own, a process may find that the descriptions of the shared catalogs' indexes are not there:
 * the server throws them away when it starts, and only a session with a database can make them.  Then the table
 * is read through, as the server's caches of roles and databases do by themselves.
 */
static Oid
find_database(const char *name)
{
	Relation	rel = table_open(DatabaseRelationId, AccessShareLock);
	Oid			database = InvalidOid;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_database_datname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum(name));
	scan = systable_beginscan(rel, DatabaseNameIndexId, criticalSharedRelcachesBuilt, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		database = ((Form_pg_database) GETSTRUCT(tuple))->oid;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return database;
}

/* Looks up the role of aipipe.worker_role; InvalidOid, with a message, when there is none. */
static Oid
configured_role(Launcher *self)
{
	Oid			role = InvalidOid;

	if (core_worker_role[0] == '\0')
		complain(self, &self->general, "aipipe.worker_role is not set, so no scheduler is started",
				 "Set it to a role that may log in, and reload the configuration.");
	else
	{
		role = get_role_oid(core_worker_role, true);
		if (!OidIsValid(role))
			complain(self, &self->general, psprintf("role \"%s\" of aipipe.worker_role does not exist", core_worker_role), NULL);
	}
	return role;
}

/* Sees to the databases of aipipe.worker_databases. */
static double
serve_configured(Launcher *self)
{
	double		soonest = LOOK_EVERY;
	ListCell   *cell;
	Oid			role;

	if (self->served == NIL)
		return soonest;
	role = configured_role(self);
	foreach(cell, self->served)
	{
		Served	   *served = lfirst(cell);
		Oid			database = find_database(served->name);

		if (database != served->database)
		{
			served->database = database;
			served->pause = served->next = 0;
		}
		if (!OidIsValid(database))
			complain(self, served, psprintf("database \"%s\" of aipipe.worker_databases does not exist", served->name), NULL);
		else if (OidIsValid(role))
			soonest = Min(soonest, serve(self, served, role));
	}
	return soonest;
}

/* Sees to the one database that a dynamic launcher is for, and ends with it. */
static double
serve_own(Launcher *self)
{
	HeapTuple	database = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(self->order->database));

	if (!HeapTupleIsValid(database))
		proc_exit(0);
	ReleaseSysCache(database);
	return serve(self, linitial(self->served), self->order->role);
}

/* Takes a look at all databases; gives in how many ms the next is wanted. */
static double
look(Launcher *self)
{
	double		again;

	StartTransactionCommand();
	MemoryContextSwitchTo(self->scratch);
	again = OidIsValid(self->order->database) ? serve_own(self) : serve_configured(self);
	CommitTransactionCommand();
	MemoryContextReset(self->scratch);
	return again;
}

/* Takes a look; an error is logged, and the next look is as far away as any. */
static double
guarded_look(Launcher *self)
{
	volatile double again = LOOK_EVERY;

	PG_TRY();
	{
		again = look(self);
	}
	PG_CATCH();
	{
		step_failed();
	}
	PG_END_TRY();
	return again;
}

/* Gives a new entry for a database. */
static Served *
new_served(const char *name, Oid database)
{
	Served	   *served = palloc0(sizeof(Served));

	served->name = name != NULL ? pstrdup(name) : NULL;
	served->database = database;
	return served;
}

/* Dismisses the schedulers of databases that are served no more, unless another launcher was started for them. */
static void
leave_others(const Launcher *self, const List *names)
{
	ListCell   *cell;

	foreach(cell, self->served)
	{
		const Served *served = lfirst(cell);
		bool		stays = false;
		ListCell   *name;

		foreach(name, names)
			stays |= strcmp(lfirst(name), served->name) == 0;
		if (!stays && OidIsValid(served->database) && worker_find(WORKER_LAUNCHER, served->database) == 0)
			(void) worker_dismiss(WORKER_SCHEDULER, served->database);
	}
}

/* Makes the list of databases anew; pauses and messages begin again, and schedulers that run are found. */
static void
read_configuration(Launcher *self)
{
	bool		own = OidIsValid(self->order->database);
	MemoryContext old = MemoryContextSwitchTo(self->scratch);
	List	   *names = NIL;
	ListCell   *cell;

	if (!own && SplitIdentifierString(pstrdup(core_worker_databases), ',', &names))
		leave_others(self, names);
	MemoryContextReset(self->context);
	MemoryContextSwitchTo(self->context);
	memset(&self->general, 0, sizeof(Served));
	self->served = NIL;
	if (own)
		self->served = list_make1(new_served(NULL, self->order->database));
	foreach(cell, names)
		self->served = lappend(self->served, new_served(lfirst(cell), InvalidOid));
	MemoryContextSwitchTo(old);
}

/* Becomes the only launcher that was started for this database, or ends because there is one. */
static void
take_office(Oid database)
{
	int			tries = OFFICE_TRIES;

	while (!launcher_hold(database))
	{
		if (--tries == 0)
			proc_exit(0);
		(void) worker_sleep(PAUSE_MIN);
	}
}

/* The launcher's main function. */
void
aipipe_launcher_main(Datum arg)
{
	Launcher	self = {.order = worker_begin()};

	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	self.context = AllocSetContextCreate(TopMemoryContext, "aipipe worker served", ALLOCSET_SMALL_SIZES);
	self.scratch = AllocSetContextCreate(TopMemoryContext, "aipipe worker look", ALLOCSET_SMALL_SIZES);
	if (OidIsValid(self.order->database))
		take_office(self.order->database);
	read_configuration(&self);
	for (;;)
	{
		double		again = guarded_look(&self);

		(void) worker_sleep((long) again);
		if (worker_reload())
			read_configuration(&self);
	}
}
