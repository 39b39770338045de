/*-------------------------------------------------------------------------
 *
 * guc.c
 *	  The table of aipipe's settings, in alphabetical order.
 *
 * A setting that can raise cost is PGC_SUSET; one that only chooses between
 * equals is PGC_USERSET.  docs/reference.md lists each of them (a check
 * compares the two lists).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "core/guc.h"

int			core_model_cache_size;
int			core_profile_max_memory;
int			core_progress_interval;
int			core_train_max_memory;
int			core_train_threads;
char	   *core_worker_databases;
int			core_worker_max;
char	   *core_worker_role;
int			core_worker_time_shift;

/* Refuses what is no list of names. */
static bool
check_names(char **value, void **extra, GucSource source)
{
	char	   *copy = pstrdup(*value);
	List	   *names = NIL;
	bool		good = SplitIdentifierString(copy, ',', &names);

	if (!good)
		GUC_check_errdetail("List syntax is invalid.");
	list_free(names);
	pfree(copy);
	return good;
}

/* Defines every setting and reserves the prefix, so that a misspelt one is an error. */
void
core_define_settings(void)
{
	DefineCustomIntVariable("aipipe.model_cache_size",
							"Memory that one backend may use to keep model versions ready to score.",
							"The least recently used versions leave first. A version in use stays, even beyond the limit.",
							&core_model_cache_size,
							64 * 1024, 1024, INT_MAX / 2,
							PGC_SUSET, GUC_UNIT_KB,
							NULL, NULL, NULL);

	DefineCustomIntVariable("aipipe.profile_max_memory",
							"Memory that one search for keys, dependencies or joins may use.",
							"A search for keys or dependencies that would need more ends with an error before it allocates it; one for joins reads the tables more often.",
							&core_profile_max_memory,
							1024 * 1024, 1024, INT_MAX,
							PGC_SUSET, GUC_UNIT_KB,
							NULL, NULL, NULL);

	DefineCustomIntVariable("aipipe.progress_interval",
							"Time between progress notices of a long operation.",
							"Training and other work that takes long says how far it is. Zero turns the notices off.",
							&core_progress_interval,
							10, 0, 86400,
							PGC_USERSET, GUC_UNIT_S,
							NULL, NULL, NULL);

	DefineCustomIntVariable("aipipe.train_max_memory",
							"Memory that one training may use for its data, the library's copy included.",
							"A training or an evaluation that would need more ends with an error before it allocates it.",
							&core_train_max_memory,
							2 * 1024 * 1024, 1024, INT_MAX,
							PGC_SUSET, GUC_UNIT_KB,
							NULL, NULL, NULL);

	DefineCustomIntVariable("aipipe.train_threads",
							"Threads that one training may use.",
							"They exist only inside the training library and with all signals blocked.",
							&core_train_threads,
							1, 1, 256,
							PGC_SUSET, 0,
							NULL, NULL, NULL);

	DefineCustomStringVariable("aipipe.worker_databases",
							   "Databases whose jobs run, by name and separated by commas.",
							   "A launcher sees to it that each has a scheduler; it starts with the server when aipipe is in shared_preload_libraries.",
							   &core_worker_databases,
							   "",
							   PGC_SIGHUP, GUC_LIST_INPUT | GUC_SUPERUSER_ONLY,
							   check_names, NULL, NULL);

	DefineCustomIntVariable("aipipe.worker_max",
							"Attempts of jobs that may run at one time in one database.",
							"Each takes one of max_worker_processes while it runs; so does each scheduler and launcher.",
							&core_worker_max,
							4, 1, 1000,
							PGC_SIGHUP, 0,
							NULL, NULL, NULL);

	DefineCustomStringVariable("aipipe.worker_role",
							   "Role that schedulers connect as.",
							   "Any role that may log in and connect will do: schedulers run no user's code, and jobs run as their owners.",
							   &core_worker_role,
							   "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   NULL, NULL, NULL);

	DefineCustomIntVariable("aipipe.worker_time_shift",
							"Time added to the clock that schedules go by.",
							"For rehearsals: what will be due tomorrow, what happens when the clock is put back.",
							&core_worker_time_shift,
							0, INT_MIN, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_S | GUC_SUPERUSER_ONLY,
							NULL, NULL, NULL);

	MarkGUCPrefixReserved("aipipe");
}
