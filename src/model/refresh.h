/*
 * refresh.h
 *	  From a champion and more rows to the next version, without training anew.
 */
#ifndef MODEL_REFRESH_H
#define MODEL_REFRESH_H

#include "model/cache.h"

typedef struct RefreshSpec
{
	const char *function;		/* "anomaly_refresh", for messages */
	const char *model;
	const char *source;
	double		keep;			/* weight of what was known, (0, 1] */
	bool		promote;
	/* ends with an error when the champion is nothing to be refreshed here; may be NULL */
	void		(*check) (const ModelVersion *champion);
	/* bytes that measure() takes for a row */
	Size		measure_bytes;
	/* what the champion says of the new rows, as members of the new version's metrics: "\"drift\": […]"; may be NULL */
	char	   *(*measure) (const ModelVersion *champion, const Matrix *rows);
} RefreshSpec;

/*
 * Reads the source as the current user, who must have the right manage, encodes it as
 * the champion does, has its algorithm learn the rows, registers the next version
 * and, when asked for, makes it champion; gives its number.  Error 0A000 when the algorithm cannot.
 */
extern int	refresh_version(const RefreshSpec *spec);

#endif							/* MODEL_REFRESH_H */
