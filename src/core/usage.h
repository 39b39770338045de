/*
 * usage.h
 *	  What this process has used so far.
 */
#ifndef CORE_USAGE_H
#define CORE_USAGE_H

/* CPU seconds of this process, user and system. */
extern double usage_cpu_seconds(void);

#endif							/* CORE_USAGE_H */
