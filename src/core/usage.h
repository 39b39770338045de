/*
 * usage.h
 *	  What this process has used so far.
 */
#ifndef CORE_USAGE_H
#define CORE_USAGE_H

/* CPU seconds of this process, user and system. */
extern double usage_cpu_seconds(void);

/* Bytes of the largest resident set that this process has had, shared memory that it touched included. */
extern int64 usage_memory_peak(void);

#endif							/* CORE_USAGE_H */
