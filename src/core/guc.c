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

#include "utils/guc.h"

#include "core/guc.h"

int			core_model_cache_size;
int			core_profile_max_memory;
int			core_progress_interval;
int			core_train_max_memory;
int			core_train_threads;

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

	MarkGUCPrefixReserved("aipipe");
}
