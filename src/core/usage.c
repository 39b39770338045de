/*-------------------------------------------------------------------------
 *
 * usage.c
 *	  What this process has used so far.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/resource.h>

#include "core/usage.h"

/* Gives the CPU seconds that this process has used. */
double
usage_cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_utime.tv_sec + usage.ru_utime.tv_usec / 1e6 +
		usage.ru_stime.tv_sec + usage.ru_stime.tv_usec / 1e6;
}

/* ru_maxrss counts kB, but bytes where the kernel is Darwin. */
#ifdef __APPLE__
#define MAXRSS_UNIT INT64CONST(1)
#else
#define MAXRSS_UNIT INT64CONST(1024)
#endif

/* Gives the largest resident set that this process has had, in bytes. */
int64
usage_memory_peak(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss * MAXRSS_UNIT;
}
