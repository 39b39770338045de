/*-------------------------------------------------------------------------
 *
 * scheduler.c
 *	  The scheduler: one process a database that sees to it that jobs run.
 *
 * It runs fixed statements of ours and no user's code.  A look at the tables is
 * one step: ended attempts are reaped, slots become runs, runs are claimed.  Then
 * the claims get their processes; where the server has none left, claims are
 * returned in a second step.  Between looks it sleeps, and once a second asks
 * whether somebody wants the database for himself.
 *
 * A thorough look begins with a survey of what is open.  That costs the more the
 * more dead rows there are, so a pause follows that is many times as long.
 * Looks in between see to the attempts and runs of the last survey and to newer ones, and
 * plan when something is known to be due.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/guc.h"
#include "worker/worker.h"

/* s: a look at the tables is taken at least so often; how often the database's lock is asked; how often a lack of processes is logged. */
#define LOOK_EVERY 10
#define ASK_EVERY 1
#define LOG_EVERY 60

/* ms before a ring is answered when the last look that a ring asked for was in vain, doubled by each, up to here. */
#define VAIN_MS 20
#define VAIN_MAX_MS 250

/* The pause after a survey, in its own length; no longer than so many s, unless that is less than so many times its length. */
#define SURVEY_PAUSE 20
#define SURVEY_PAUSE_LONG 1
#define SURVEY_PAUSE_LEAST 4

/* s between deletions of old runs; ms until what somebody has locked is looked at again; looks that failed count up to here. */
#define PRUNE_EVERY 60
#define AGAIN_MS 200
#define MAX_FAILURES 6

/* A process that was asked for, until a look has seen its end. */
typedef struct Child
{
	int64		attempt;
	BackgroundWorkerHandle *handle; /* NULL: has ended */
} Child;

/* What the scheduler knows beside the tables. */
typedef struct Scheduler
{
	MemoryContext scratch;		/* of one look */
	Oid			database;
	Child	   *children;
	int			nchildren;
	int			max_children;
	Survey		survey;
	TimestampTz due;			/* when a slot or rows that landed are, as of the last plan; by the clock of schedules */
	TimestampTz thorough;		/* when a look is thorough again, by the same clock */
	TimestampTz next;			/* when there is something to do, by the same clock */
	TimestampTz looked;			/* the last look, by the same clock */
	TimestampTz asked;			/* the last time that the database's lock was; by the server's clock */
	TimestampTz logged;			/* the last complaint about a lack of processes; by the server's clock */
	bool		rung;			/* a ring is to be answered */
	int			vain;			/* looks in a row that rings asked for and that neither began nor ended an attempt */
	int			open;			/* attempts, at the last look */
	int			failures;		/* looks in a row that ended with an error */
	TimestampTz pruned;			/* the last time that old runs were deleted; by the server's clock */
	bool		more_to_prune;
} Scheduler;

/* Takes note of processes that have ended, and forgets those of which the last look knew that. */
static void
look_at_children(Scheduler *self)
{
	int			kept = 0;
	pid_t		pid;

	for (int i = 0; i < self->nchildren; i++)
	{
		Child		child = self->children[i];

		if (child.handle == NULL)
			continue;
		if (GetBackgroundWorkerPid(child.handle, &pid) == BGWH_STOPPED)
		{
			pfree(child.handle);
			child.handle = NULL;
		}
		self->children[kept++] = child;
	}
	self->nchildren = kept;
}

/* Says what is known of the attempt's process. */
static AttemptProcess
find_child(int64 attempt, void *arg)
{
	Scheduler  *self = arg;

	for (int i = 0; i < self->nchildren; i++)
		if (self->children[i].attempt == attempt)
			return self->children[i].handle != NULL ? PROCESS_LIVES : PROCESS_ENDED;
	return PROCESS_UNKNOWN;
}

/* Asks for a claim's process; false when the server has none left. */
static bool
start_child(Scheduler *self, const Claim *claim)
{
	WorkerOrder order = {.database = self->database, .role = claim->owner, .attempt = claim->attempt};
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	BackgroundWorkerHandle *handle = NULL;

	if (self->nchildren == self->max_children)
	{
		self->max_children = Max(16, self->max_children * 2);
		self->children = self->children == NULL ? palloc(mul_size(sizeof(Child), self->max_children)) :
			repalloc(self->children, mul_size(sizeof(Child), self->max_children));
	}
	if (worker_register(WORKER_EXECUTOR, &order, &handle))
	{
		self->children[self->nchildren].attempt = claim->attempt;
		self->children[self->nchildren].handle = handle;
		self->nchildren++;
	}
	MemoryContextSwitchTo(old);
	return handle != NULL;
}

/* Says once a minute that the server has no process left. */
static void
complain(Scheduler *self)
{
	TimestampTz now = GetCurrentTimestamp();

	if (self->logged != 0 && !TimestampDifferenceExceeds(self->logged, now, LOG_EVERY * 1000))
		return;
	self->logged = now;
	ereport(LOG,
			(errmsg("aipipe: no background worker slot is free; jobs wait"),
			 errhint("Raise max_worker_processes, or lower aipipe.worker_max.")));
}

/* Gives every claim its process; what gets none goes back to the queue. */
static void
start_children(Scheduler *self, const Claim *claims, int nclaims)
{
	int			started = 0;

	while (started < nclaims && start_child(self, &claims[started]))
		started++;
	if (started == nclaims)
		return;

	complain(self);
	if (step_begin_patiently() != STEP_BEGUN)
		return;
	for (int i = started; i < nclaims; i++)
		claim_return(claims[i].attempt);
	step_end();
	self->next = Min(self->next, worker_now() + USECS_PER_SEC);
}

/* Gives the time of the schedules' clock at which events are to be looked at again. */
static TimestampTz
look_at_events(TimestampTz now)
{
	TimestampTz clock = GetCurrentTimestamp();
	TimestampTz due = plan_events(clock);

	return due == DT_NOEND ? DT_NOEND : now + (due - clock);
}

/* Begins the pause after a survey that began then. */
static void
begin_pause(Scheduler *self, instr_time begun)
{
	instr_time	now;
	double		took;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, begun);
	took = INSTR_TIME_GET_DOUBLE(now);
	self->thorough = worker_now() +
		(TimestampTz) (Min(SURVEY_PAUSE * took, Max(SURVEY_PAUSE_LONG, SURVEY_PAUSE_LEAST * took)) * USECS_PER_SEC);
}

/* Plans slots that are due, and gives when the next one is. */
static TimestampTz
plan_slots(TimestampTz now)
{
	TimestampTz next;

	plan_due(now);
	next = plan_next();
	return next > now ? next : now + AGAIN_MS * 1000;	/* somebody has one locked */
}

/* Reaps and plans; gives how many attempts are open. */
static int
survey(Scheduler *self, TimestampTz now, bool clock_set)
{
	bool		thorough = clock_set || now >= self->thorough;
	instr_time	begun;
	int			open;

	INSTR_TIME_SET_CURRENT(begun);
	if (thorough)
		survey_take(&self->survey);
	self->next = DT_NOEND;
	open = reap_attempts(&self->survey, find_child, self, &self->next);
	if (clock_set)
		plan_set_back(now);
	if (thorough || now >= self->due)
	{
		TimestampTz slot = plan_next();

		self->due = look_at_events(now);
		if (thorough)
			begin_pause(self, begun);
		if (slot <= now)
			slot = plan_slots(now);
		self->due = Min(self->due, slot);
	}
	self->next = Min(self->next, thorough ? self->due : Min(self->due, self->thorough));
	return open;
}

/* Takes one look at the tables and does what is to be done. */
static void
look(Scheduler *self)
{
	Claim	   *claims = palloc(mul_size(sizeof(Claim), core_worker_max));
	TimestampTz now;
	bool		clock_set;
	int			nclaims;
	int			open;

	look_at_children(self);
	switch (step_begin())
	{
		case STEP_BUSY:
			self->next = worker_now() + USECS_PER_SEC;
			return;
		case STEP_GONE:
			proc_exit(0);		/* the launcher tries again later */
		case STEP_BEGUN:
			break;
	}
	if (!worker_enabled(false))
	{
		step_end();
		proc_exit(0);
	}
	now = worker_now();
	clock_set = now < self->looked || self->looked == 0;
	self->looked = now;
	open = survey(self, now, clock_set);
	nclaims = claim_runs(&self->survey, now, core_worker_max - open, claims, &self->next);
	step_end();
	if (nclaims > 0 || open != self->open)
		self->vain = 0;
	else if (self->rung)
		self->vain++;
	self->open = open + nclaims;
	start_children(self, claims, nclaims);
}

/* Deletes old runs, some of them a minute; more often while there are more. */
static void
prune(Scheduler *self)
{
	TimestampTz now = GetCurrentTimestamp();

	if ((self->pruned == 0 || TimestampDifferenceExceeds(self->pruned, now, (self->more_to_prune ? 1 : PRUNE_EVERY) * 1000)) &&
		step_begin() == STEP_BEGUN)
	{
		self->pruned = now;
		self->more_to_prune = history_prune(now);
		step_end();
	}
	if (self->more_to_prune)
		self->next = Min(self->next, worker_now() + USECS_PER_SEC);
}

/* Takes a look; an error is logged, and the next look waits longer after each. */
static void
guarded_look(Scheduler *self)
{
	MemoryContext old = MemoryContextSwitchTo(self->scratch);

	PG_TRY();
	{
		look(self);
		prune(self);
		self->failures = 0;
	}
	PG_CATCH();
	{
		step_failed();
		self->failures = Min(self->failures + 1, MAX_FAILURES);
		self->looked = worker_now();
		self->thorough = self->looked;
		self->next = self->looked + (INT64CONST(1) << self->failures) * USECS_PER_SEC;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	MemoryContextReset(self->scratch);
}

/*
 * Gives when a ring is answered.  Whoever lands rows rings with each commit, and most of these looks find nothing
 * to do: the more of them were in vain, the more rings are answered together.
 */
static TimestampTz
answer_at(const Scheduler *self)
{
	int			ms = self->vain == 0 ? 0 : Min(VAIN_MS << Min(self->vain - 1, 8), VAIN_MAX_MS);

	return self->looked + ms * INT64CONST(1000);
}

/* Says whether it is time for a look: the clock may have been set since the last one.  A ring that must wait makes it time later. */
static bool
time_to_look(Scheduler *self)
{
	TimestampTz now = worker_now();

	if (self->failures > 0)
		return now >= self->next || now < self->looked;
	if (self->rung)
		self->next = Min(self->next, answer_at(self));
	return now >= self->next || now < self->looked || now - self->looked >= LOOK_EVERY * USECS_PER_SEC;
}

/*
 * Sleeps until there is something to do, at most until the database's lock is asked again.  While a ring waits for its answer,
 * others are not listened to: writers ring with each commit.
 */
static void
sleep_until_next(Scheduler *self)
{
	int64		left = (self->next - worker_now() + 999) / 1000;
	long		ms = (long) Max(0, Min(left, ASK_EVERY * 1000));

	if (self->rung && self->failures == 0)
		worker_doze(Min(ms, VAIN_MAX_MS));
	else
		self->rung = worker_sleep(ms);
}

/* Asks, once in a while, whether somebody wants the database without us; many rings are many awakenings. */
static bool
must_leave(Scheduler *self)
{
	TimestampTz now = GetCurrentTimestamp();

	if (now >= self->asked && !TimestampDifferenceExceeds(self->asked, now, ASK_EVERY * 1000))
		return false;
	self->asked = now;
	return step_database_wanted();
}

/* Becomes the database's scheduler, or ends because there is one, or none is wanted. */
static void
take_office(void)
{
	NameData	name;
	bool		alone;

	if (step_begin_patiently() != STEP_BEGUN)
		proc_exit(0);
	namestrcpy(&name, get_database_name(MyDatabaseId));
	alone = step_become_scheduler() && worker_enabled(true);
	step_end();
	if (!alone)
		proc_exit(0);
	ereport(LOG,
			(errmsg("aipipe: scheduler of database \"%s\" begins", NameStr(name))));
}

/* The scheduler's main function. */
void
aipipe_scheduler_main(Datum arg)
{
	const WorkerOrder *order = worker_begin();
	Scheduler	self = {.database = order->database, .rung = true};

	BackgroundWorkerInitializeConnectionByOid(order->database, order->role, 0);
	worker_settings();

	/* A look that a crash takes back left nothing behind: executors' commits come after it in the WAL and flush it. */
	SetConfigOption("synchronous_commit", "off", PGC_USERSET, PGC_S_OVERRIDE);
	self.scratch = AllocSetContextCreate(TopMemoryContext, "aipipe worker look", ALLOCSET_DEFAULT_SIZES);
	take_office();

	for (;;)
	{
		if (worker_reload())
			self.rung = true;
		if (must_leave(&self))
			proc_exit(0);
		if (time_to_look(&self))
		{
			guarded_look(&self);
			self.rung = false;
		}
		sleep_until_next(&self);
	}
}
