/*-------------------------------------------------------------------------
 *
 * session.c
 *	  Settings of a worker's session.
 *
 * A worker starts with what ALTER ROLE, ALTER DATABASE and the configuration say,
 * as any session does.  Some of that is meant for people at a prompt and would end
 * a worker's work half-way; it is set to what a worker needs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/guc.h"

#include "worker/worker.h"

/* Name and value; transaction_timeout exists from 17 on. */
static const char *const settings[][2] = {
	{"default_transaction_deferrable", "off"},
	{"default_transaction_isolation", "read committed"},
	{"default_transaction_read_only", "off"},
	{"exit_on_error", "off"},
	{"idle_in_transaction_session_timeout", "0"},
	{"idle_session_timeout", "0"},
	{"lock_timeout", "0"},
	{"max_parallel_maintenance_workers", "0"},
	{"max_parallel_workers_per_gather", "0"},
	{"statement_timeout", "0"},
	{"transaction_timeout", "0"},
};

/* Sets what every worker needs. */
void
worker_settings(void)
{
	for (int i = 0; i < lengthof(settings); i++)
		if (GetConfigOption(settings[i][0], true, false) != NULL)
			SetConfigOption(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION);
}
