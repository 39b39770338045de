/*
 * guc.h
 *	  aipipe's settings.  All are defined in one table, guc.c.
 */
#ifndef CORE_GUC_H
#define CORE_GUC_H

extern int	core_model_cache_size;	/* kB; per-backend cache of loaded model versions */
extern int	core_profile_max_memory;	/* kB; one search for keys, dependencies or joins */
extern int	core_progress_interval; /* s; 0 = no progress notices */
extern int	core_train_max_memory;	/* kB; matrix and library together */
extern int	core_train_threads;		/* OpenMP threads while training */
extern char *core_worker_databases; /* list of names; a launcher's */
extern int	core_worker_max;		/* executors at one time in one database */
extern char *core_worker_role;	/* whom schedulers connect as; empty: not said */
extern int	core_worker_time_shift; /* s; added to the clock of schedules */

extern void core_define_settings(void);

#endif							/* CORE_GUC_H */
