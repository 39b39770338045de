/*-------------------------------------------------------------------------
 *
 * aipipe.c
 *	  Module magic and start-up.
 *
 * _PG_init() must succeed in any process: unpreloaded, in a bare cluster of
 * pg_upgrade, in the postmaster.  It defines settings and registers callbacks
 * and does nothing that could fail.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "compat/compat.h"
#include "core/guc.h"
#include "gate/gate.h"
#include "model/cache.h"
#include "worker/job.h"
#include "worker/worker.h"

COMPAT_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

/* Defines the settings and registers the rooms' callbacks. */
void
_PG_init(void)
{
	core_define_settings();
	cache_init();
	gate_init();
	event_init();
	worker_init();
}
