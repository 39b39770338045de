/*
 * job_int.h
 *	  What the calls about jobs share.
 */
#ifndef WORKER_JOB_INT_H
#define WORKER_JOB_INT_H

#include "nodes/parsenodes.h"

#include "worker/job.h"
#include "worker/schedule.h"

/*** job.c ***/

/* The words of JobOverlap and JobCatchUp, NULL-terminated. */
extern const char *const job_overlaps[];
extern const char *const job_catch_ups[];

/*
 * Every call that writes begins with this: ERROR 25006 on a standby or when the transaction is read-only, 42501 inside of a
 * restricted operation (REINDEX, REFRESH, … of somebody's own expressions).  what is "creating a job".
 */
extern void job_begin_write(const char *what);

/* As job_find(), but others may hold the job at the same time; it is not to be changed. */
extern Job *job_find_shared(const char *name);

/* Whether an attempt of the job is under way.  Its queued runs should be locked, or one of them may begin. */
extern bool job_is_running(int64 job);

/*** job_command.c ***/

/* ERROR unless the text can be a job's command; nothing is looked up. */
extern void job_check_command(const char *command);

/* ERROR unless a job of that owner can call the function; gives the function's own owner. */
extern Oid	job_check_function(const char *function, Oid oid, Oid owner);

/* ERROR unless the function is still of the role that it was of when the job was given it. */
extern void job_check_function_owner(const Job *job, Oid now);

/* The schema-qualified signature of a function that the owner may execute as a job's, and whose it is. */
extern char *job_resolve_function(const char *function, Oid owner, Oid *function_owner);

/*** job_options.c ***/

/* What is only said once. */
typedef struct JobFlags
{
	bool		paused;
} JobFlags;

/*
 * Sets what the options say: all of them, defaults included, or those that are given when the job exists.
 * what names the call in messages; flags is NULL where they may not be given.
 */
extern void job_apply_options(Job *job, const Jsonb *params, const char *what, bool exists, JobFlags *flags);

/* ERROR unless the owner may set the job's settings. */
extern void job_check_settings(const Job *job, const char *what);

/* Sets them in this session as the current user; ERROR unless he may. */
extern void job_set_settings(const Job *job);

/*** job_create.c ***/

/* The job's next slot after a time; DT_NOEND when it has none, or waits for rows. */
extern TimestampTz job_next_due(const Job *job, TimestampTz after);

/* Whether a job that has this slot next has run out of them. */
extern bool job_is_finished(const Job *job, TimestampTz next);

#endif							/* WORKER_JOB_INT_H */
