/*-------------------------------------------------------------------------
 *
 * prepare.c
 *	  The session and the process of an attempt, as its job wants them.
 *
 * Settings are made as the owner could make them with SET, in the session:
 * what they allow, the owner's rights allow.  Nice value and I/O priority belong to
 * the process and only ever go down.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/resource.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "miscadmin.h"
#include "utils/guc.h"

#include "compat/compat.h"
#include "worker/execute.h"
#include "worker/job_int.h"

/* From linux/ioprio.h, which is not everywhere. */
#define IO_WHO_PROCESS 1
#define IO_CLASS_SHIFT 13
#define IO_CLASS_BEST_EFFORT 2
#define IO_CLASS_IDLE 3
#define IO_LOWEST_LEVEL 7

/* What a worker's own steps need, and the owner's work has as the role or the database says. */
static const char *const owner_defaults[] = {
	"default_transaction_deferrable", "default_transaction_isolation", "default_transaction_read_only",
};

/* Sets something in the session as the current user may, NULL: to its default; ERROR when he may not. */
static void
set_as_owner(const char *name, const char *value)
{
	(void) set_config_option(name, value, superuser() ? PGC_SUSET : PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SET, true, 0, false);
}

/* Sets the session up for a job's work. */
void
prepare_session(const Job *job)
{
	char	   *label = psprintf("aipipe job " INT64_FORMAT, job->id);

	for (int i = 0; i < lengthof(owner_defaults); i++)
		set_as_owner(owner_defaults[i], NULL);
	/* everybody sees it, so it has the job's number and not its name */
	set_as_owner("application_name", label);
	set_as_owner("row_security", "on");
	set_as_owner("search_path", job->search_path);
	job_set_settings(job);
}

/* Raises this process's nice value; what cannot be had is logged and no reason to fail. */
static void
set_nice(int nice)
{
	int			current;

	errno = 0;
	current = getpriority(PRIO_PROCESS, 0);
	if (errno != 0 || nice <= current)
		return;
	if (setpriority(PRIO_PROCESS, 0, nice) != 0)
		ereport(LOG,
				(errmsg("aipipe: could not set nice value %d: %m", nice)));
}

/* Lowers this process's I/O priority where the system has one. */
static void
set_io(const char *io)
{
#ifdef SYS_ioprio_set
	int			wanted;

	if (strcmp(io, "low") == 0)
		wanted = IO_CLASS_BEST_EFFORT << IO_CLASS_SHIFT | IO_LOWEST_LEVEL;
	else if (strcmp(io, "idle") == 0)
		wanted = IO_CLASS_IDLE << IO_CLASS_SHIFT;
	else
		return;
	if (syscall(SYS_ioprio_set, IO_WHO_PROCESS, 0, wanted) != 0)
		ereport(LOG,
				(errmsg("aipipe: could not set I/O priority \"%s\": %m", io)));
#endif
}

/* Takes a smaller share of CPU and disk for the life of this process. */
void
prepare_process(int nice, const char *io)
{
	set_nice(nice);
	set_io(io);
}
