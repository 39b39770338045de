/*
 * cache.h
 *	  Per-backend cache of model versions that are ready to score.
 *
 * Contents of versions are immutable and version ids are never reused, so an
 * entry can never be wrong, only unneeded.  LRU by bytes under
 * aipipe.model_cache_size.
 */
#ifndef MODEL_CACHE_H
#define MODEL_CACHE_H

#include "learn/calibration.h"
#include "model/registry.h"

typedef struct ModelVersion
{
	int64		version_id;
	int64		model_id;
	int			version;
	char	   *model;			/* name when it was loaded, for messages */
	ModelTask	task;
	Encoder    *encoder;
	LoadedModel *loaded;
	int			nclasses;
	char	  **classes;
	int			positive;		/* binary: index of the positive class */
	const Calibration *calibration; /* applied to the probabilities; NULL = none */
	double		threshold;		/* binary: class 1 from this probability on; NaN = the most probable class; a detector's: see learn/flag.h */
	Size		bytes;
} ModelVersion;

/*
 * Gives the version, loading it when needed, and keeps it until the memory
 * context holder is reset or deleted.
 */
extern const ModelVersion *cache_acquire(const ModelRef *ref, MemoryContext holder);

/* Whether encoder, learned part, number of classes, calibration (or NULL) and threshold (or NaN) make a version of the task. */
extern bool cache_parts_fit(ModelTask task, const Encoder *encoder, const LoadedModel *loaded, int nclasses,
							const Calibration *calibration, double threshold);

/* Registers the invalidation callback; called from _PG_init. */
extern void cache_init(void);

/* Sends the eviction to all backends at commit; called by whoever deletes versions. */
extern void cache_invalidate_all_at_commit(void);

#endif							/* MODEL_CACHE_H */
