/*
 * forest_build.h
 *	  The state between the events of one model, shared by the files that build
 *	  a Forest from it.
 */
#ifndef LEARN_FOREST_BUILD_H
#define LEARN_FOREST_BUILD_H

#include "learn/forest_private.h"

/* Where in a model we are. */
typedef enum Place
{
	AT_NOTHING,					/* before the model */
	AT_ROOT,
	AT_VERSION,
	AT_LEARNER,
	AT_ATTRIBUTES,
	AT_FEATURE_NAMES,
	AT_FEATURE_TYPES,
	AT_LEARNER_PARAM,
	AT_OBJECTIVE,
	AT_OBJECTIVE_PARAM,
	AT_BOOSTER,
	AT_DART_BOOSTER,
	AT_MODEL,
	AT_MODEL_PARAM,
	AT_TREE_INFO,
	AT_ITERATIONS,
	AT_WEIGHT_DROP,
	AT_CATS,
	AT_CATS_ENC,
	AT_TREES,
	AT_TREE,
	AT_TREE_PARAM,
	AT_TREE_INTS,
	AT_TREE_FLOATS,
	AT_IGNORED
} Place;

struct Entry;

/* One open container. */
typedef struct Frame
{
	Place		place;
	bool		object;
	uint64		seen;			/* entries met in this object */
	const struct Entry *entry;			/* of the last key; NULL for free keys */
	int			which;			/* of the tree's arrays */
	char		key[64];		/* last key where keys are free */
} Frame;

/* An objective's parameter as it stands in the model. */
typedef struct ObjectiveParam
{
	char		section[64];
	char		name[64];
	char		value[64];
} ObjectiveParam;

#define MAX_OBJECTIVE_PARAMS 16

struct ForestBuilder
{
	MemoryContext context;		/* everything that is gone at the end */
	Forest	   *forest;
	int			depth;
	Frame		frames[FOREST_MAX_NESTING];
	bool		done;			/* the one root object was closed */
	int			maxtrees;
	ForestRawTree tree;			/* the tree being read; buffers are reused */
	int			tree_id;
	ForestInts	tree_info;
	ForestInts	iterations;
	ForestInts	version;
	ForestFloats weights;
	ForestFloats base_scores;
	bool		has_model;
	bool		has_iterations;
	bool		has_weights;
	bool		has_outer_weights;	/* beside the model, not inside of it */
	int			nnames;
	int			maxnames;
	int			ntypes;
	int			maxtypes;
	char	   *booster;
	char	   *dart_booster;
	int			num_class;
	int			num_target;
	int			num_trees;
	int			num_parallel_tree;
	int			best_iteration; /* -1 when not said */
	int			nparams;
	ObjectiveParam params[MAX_OBJECTIVE_PARAMS];
};

extern const char *forest_where(const ForestBuilder *builder);

/* Values of scalars, or error 22023 (forest_scalar.c). */
extern int64 forest_scalar_integer(const ForestBuilder *builder, const ForestScalar *scalar, int64 min, int64 max);
extern float forest_scalar_float(const ForestBuilder *builder, const ForestScalar *scalar);
extern const char *forest_scalar_text(const ForestBuilder *builder, const ForestScalar *scalar, size_t max);
extern void forest_scalar_base_scores(const ForestBuilder *builder, const ForestScalar *scalar, ForestFloats *scores);

#endif							/* LEARN_FOREST_BUILD_H */
