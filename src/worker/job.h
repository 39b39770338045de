/*
 * job.h
 *	  Jobs as they are stored.
 *
 *		job.c				reads definitions, finds jobs by name and checks rights
 *		job_command.c		what may be a job's command or function
 *		job_options.c		the options of job_create() and job_alter()
 *		job_create.c		job_create(), job_alter()
 *		job_admin.c			job_pause(), job_resume(), job_drop()
 *		job_run.c			job_run_now(), job_cancel(), job_wait(), job_current_run()
 *		event.c				the trigger that counts rows for jobs that wait for them
 *		history.c			old runs are forgotten
 */
#ifndef WORKER_JOB_H
#define WORKER_JOB_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "core/sql.h"

typedef enum JobOverlap
{
	JOB_SKIP,
	JOB_QUEUE,
	JOB_PARALLEL
} JobOverlap;

typedef enum JobCatchUp
{
	JOB_CATCH_UP_SKIP,
	JOB_CATCH_UP_ONE,
	JOB_CATCH_UP_ALL
} JobCatchUp;

/* Bytes of a job's name. */
#define JOB_NAME_MAX 255

/* One row of aipipe.job_data. Times in ms; 0 in timeout: none. */
typedef struct Job
{
	int64		id;
	char	   *name;
	Oid			owner;
	char	   *command;		/* or NULL, then function */
	char	   *function;		/* schema-qualified signature */
	Oid			function_owner; /* whose it was when the job was given it; InvalidOid for a command */
	Jsonb	   *arguments;		/* or NULL */
	char	   *schedule;		/* or NULL */
	char	   *timezone;
	char	   *search_path;	/* set before the settings, which may say otherwise */
	int64		timeout;
	int			retries;
	int64		backoff;
	int64		backoff_max;
	double		jitter;
	JobOverlap	overlap;
	int			parallel;		/* runs at one time: 1 unless overlap is parallel */
	int			queue_limit;	/* runs that may wait; further slots are skipped */
	JobCatchUp	catch_up;
	int			catch_up_limit;
	int64		grace;			/* a slot that is no older is late, not missed */
	int			priority;
	int			nice;
	char	   *io;
	Jsonb	   *settings;
	char	   *event_schema;	/* or NULL */
	char	   *event_relation;
	Oid			event_table_owner;
	Oid			event_relid;	/* only while it is being set */
	int64		event_rows;
	int64		event_wait;
	int64		event_quiet;
	int64		keep;			/* how long finished runs are remembered */
	int64		keep_runs;		/* and how many */
	bool		once;
	TimestampTz created_at;		/* anchor of "every" */
} Job;

/* Columns of aipipe.job_data j that job_read() needs, for a SELECT list. */
#define JOB_COLUMNS \
	" j.id, j.name, j.owner::pg_catalog.oid AS owner, j.command, j.function_name," \
	" j.function_owner::pg_catalog.oid AS function_owner, j.arguments, j.schedule, j.timezone, j.search_path," \
	" j.timeout_ms, j.retries, j.backoff_ms, j.backoff_max_ms, j.jitter, j.overlap, j.parallel, j.queue_limit, j.catch_up," \
	" j.catch_up_limit, j.grace_ms, j.priority, j.nice, j.io, j.settings, j.event_schema, j.event_relation," \
	" j.event_table_owner::pg_catalog.oid AS event_table_owner, j.event_rows, j.event_wait_ms, j.event_quiet_ms, j.keep_ms, j.keep_runs, j.once, j.created_at"

/* A job from a row with these columns, in the current memory context. */
extern Job *job_read(const SqlResult *result, uint64 row);

/* The job of that id, or NULL. */
extern Job *job_by_id(int64 id);

/*
 * The job of that name, locked against changes until the transaction ends; ERROR 42704 with the nearest name of
 * those that the caller may see, 42501 unless the current user is the owner or a member of it.
 */
extern Job *job_find(const char *name);

/* Where jobs of this database belong: "<system identifier>/<database oid>". */
extern char *job_home(void);

/* Puts a run in the queue, not before its due time, and gives its id; 0 when the slot has one already. */
extern int64 job_enqueue(const Job *job, const char *cause, TimestampTz due, int64 event_rows);

/* A job that is made for one run: its rows locked as its run's end needs them, and it taken away when no run is left. */
extern void job_lock_once(int64 job);
extern void job_remove_once(int64 job);

/* Pauses a job that cannot run as it is, and logs why; waits for nobody. */
extern void job_disable(int64 job, const char *name, const char *why);

/* A run that was passed over, for the history. */
extern void job_record_skip(const Job *job, const char *cause, TimestampTz due, const char *why);

/* The run and attempt that this process executes; 0 outside of an executor. */
extern int64 job_current_run_id;

/*** job_create.c ***/

/* What a caller in C creates; as job_create() does, with its checks, for the current user. */
typedef struct NewJob
{
	const char *name;
	const char *command;		/* or function */
	const char *function;
	const char *schedule;		/* NULL: on demand */
	const Jsonb *params;		/* options of job_create(), or NULL */
	bool		once;			/* the job goes with its last run */
} NewJob;

extern int64 job_create(const NewJob *job);

/*** event.c ***/

/* Registers for transaction ends; called by _PG_init(). */
extern void event_init(void);

/* Puts the counting trigger on a plain or partitioned table as the current user. */
extern void event_attach(int64 job, Oid relid);

/* Has what was noted of a job's rows make it due, as it runs again: what landed meanwhile was not counted. */
extern void event_release(int64 job);

/* Takes it off the tables of the role that owned the job's table; the caller has checked the right to. */
extern void event_detach(int64 job, Oid table_owner);

#endif							/* WORKER_JOB_H */
