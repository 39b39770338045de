/*-------------------------------------------------------------------------
 *
 * forest_build.c
 *	  From a stream of events to a Forest.
 *
 * JSON and UBJ say the same thing in different bytes, so their readers only
 * report what they see: an object starts, a key, a scalar.  This file knows what
 * a model looks like.  One table holds every key that may appear and where; what
 * is not in the table is refused, because a key that we do not know may
 * change what the model predicts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "learn/forest_build.h"

/* As error messages call the places. */
static const char *const place_names[] = {
	"start", "model", "version", "learner", "learner.attributes", "learner.feature_names",
	"learner.feature_types", "learner.learner_model_param", "learner.objective",
	"learner.objective", "learner.gradient_booster", "learner.gradient_booster.gbtree",
	"gradient_booster.model", "gbtree_model_param", "tree_info", "iteration_indptr", "weight_drop",
	"cats", "cats.enc", "trees", "tree", "tree_param", "tree", "tree", "ignored part"
};

typedef enum Scalar
{
	BASE_SCORE,
	NUM_CLASS,
	NUM_FEATURE,
	NUM_TARGET,
	OBJECTIVE_NAME,
	BOOSTER_NAME,
	DART_BOOSTER_NAME,
	NUM_TREES,
	NUM_PARALLEL_TREE,
	SIZE_LEAF_VECTOR,
	TREE_ID,
	TREE_NUM_NODES,
	TREE_NUM_DELETED,
	TREE_SIZE_LEAF_VECTOR,
	IGNORED
} Scalar;

typedef enum Shape
{
	IS_OBJECT,
	IS_ARRAY,
	IS_SCALAR
} Shape;

typedef struct Entry
{
	Place		place;			/* where the key may stand */
	const char *key;
	bool		required;
	Shape		shape;
	int			target;			/* a Place for containers, a Scalar for scalars */
	int			which;			/* of the tree's arrays */
} Entry;

#define OPTIONAL false
#define REQUIRED true

static const Entry entries[] = {
	{AT_ROOT, "learner", REQUIRED, IS_OBJECT, AT_LEARNER},
	{AT_ROOT, "version", REQUIRED, IS_ARRAY, AT_VERSION},
	{AT_LEARNER, "attributes", OPTIONAL, IS_OBJECT, AT_ATTRIBUTES},
	{AT_LEARNER, "feature_names", OPTIONAL, IS_ARRAY, AT_FEATURE_NAMES},
	{AT_LEARNER, "feature_types", OPTIONAL, IS_ARRAY, AT_FEATURE_TYPES},
	{AT_LEARNER, "gradient_booster", REQUIRED, IS_OBJECT, AT_BOOSTER},
	{AT_LEARNER, "learner_model_param", REQUIRED, IS_OBJECT, AT_LEARNER_PARAM},
	{AT_LEARNER, "objective", REQUIRED, IS_OBJECT, AT_OBJECTIVE},
	{AT_LEARNER_PARAM, "base_score", REQUIRED, IS_SCALAR, BASE_SCORE},
	{AT_LEARNER_PARAM, "boost_from_average", OPTIONAL, IS_SCALAR, IGNORED},
	{AT_LEARNER_PARAM, "num_class", REQUIRED, IS_SCALAR, NUM_CLASS},
	{AT_LEARNER_PARAM, "num_feature", REQUIRED, IS_SCALAR, NUM_FEATURE},
	{AT_LEARNER_PARAM, "num_target", OPTIONAL, IS_SCALAR, NUM_TARGET},
	{AT_OBJECTIVE, "name", REQUIRED, IS_SCALAR, OBJECTIVE_NAME},
	{AT_BOOSTER, "name", REQUIRED, IS_SCALAR, BOOSTER_NAME},
	{AT_BOOSTER, "model", OPTIONAL, IS_OBJECT, AT_MODEL},
	{AT_BOOSTER, "gbtree", OPTIONAL, IS_OBJECT, AT_DART_BOOSTER},
	{AT_BOOSTER, "weight_drop", OPTIONAL, IS_ARRAY, AT_WEIGHT_DROP},
	{AT_DART_BOOSTER, "name", REQUIRED, IS_SCALAR, DART_BOOSTER_NAME},
	{AT_DART_BOOSTER, "model", REQUIRED, IS_OBJECT, AT_MODEL},
	{AT_MODEL, "gbtree_model_param", REQUIRED, IS_OBJECT, AT_MODEL_PARAM},
	{AT_MODEL, "tree_info", REQUIRED, IS_ARRAY, AT_TREE_INFO},
	{AT_MODEL, "trees", REQUIRED, IS_ARRAY, AT_TREES},
	{AT_MODEL, "iteration_indptr", OPTIONAL, IS_ARRAY, AT_ITERATIONS},
	{AT_MODEL, "weight_drop", OPTIONAL, IS_ARRAY, AT_WEIGHT_DROP},
	{AT_MODEL, "cats", OPTIONAL, IS_OBJECT, AT_CATS},
	{AT_MODEL_PARAM, "num_trees", REQUIRED, IS_SCALAR, NUM_TREES},
	{AT_MODEL_PARAM, "num_parallel_tree", OPTIONAL, IS_SCALAR, NUM_PARALLEL_TREE},
	{AT_MODEL_PARAM, "size_leaf_vector", OPTIONAL, IS_SCALAR, SIZE_LEAF_VECTOR},
	{AT_CATS, "enc", OPTIONAL, IS_ARRAY, AT_CATS_ENC},
	{AT_CATS, "feature_segments", OPTIONAL, IS_ARRAY, AT_IGNORED},
	{AT_CATS, "sorted_idx", OPTIONAL, IS_ARRAY, AT_IGNORED},
	{AT_TREE, "id", OPTIONAL, IS_SCALAR, TREE_ID},
	{AT_TREE, "tree_param", REQUIRED, IS_OBJECT, AT_TREE_PARAM},
	{AT_TREE, "base_weights", REQUIRED, IS_ARRAY, AT_TREE_FLOATS, TREE_BASE_WEIGHT},
	{AT_TREE, "loss_changes", REQUIRED, IS_ARRAY, AT_TREE_FLOATS, TREE_GAIN},
	{AT_TREE, "sum_hessian", REQUIRED, IS_ARRAY, AT_TREE_FLOATS, TREE_COVER},
	{AT_TREE, "split_conditions", REQUIRED, IS_ARRAY, AT_TREE_FLOATS, TREE_VALUE},
	{AT_TREE, "left_children", REQUIRED, IS_ARRAY, AT_TREE_INTS, TREE_LEFT},
	{AT_TREE, "right_children", REQUIRED, IS_ARRAY, AT_TREE_INTS, TREE_RIGHT},
	{AT_TREE, "parents", REQUIRED, IS_ARRAY, AT_TREE_INTS, TREE_PARENT},
	{AT_TREE, "split_indices", REQUIRED, IS_ARRAY, AT_TREE_INTS, TREE_FEATURE},
	{AT_TREE, "default_left", REQUIRED, IS_ARRAY, AT_TREE_INTS, TREE_DEFAULT_LEFT},
	{AT_TREE, "split_type", OPTIONAL, IS_ARRAY, AT_TREE_INTS, TREE_SPLIT_TYPE},
	{AT_TREE, "categories", OPTIONAL, IS_ARRAY, AT_TREE_INTS, TREE_CATEGORIES},
	{AT_TREE, "categories_nodes", OPTIONAL, IS_ARRAY, AT_TREE_INTS, TREE_CATEGORY_NODES},
	{AT_TREE, "categories_segments", OPTIONAL, IS_ARRAY, AT_TREE_INTS, TREE_CATEGORY_STARTS},
	{AT_TREE, "categories_sizes", OPTIONAL, IS_ARRAY, AT_TREE_INTS, TREE_CATEGORY_COUNTS},
	{AT_TREE_PARAM, "num_nodes", REQUIRED, IS_SCALAR, TREE_NUM_NODES},
	{AT_TREE_PARAM, "num_deleted", OPTIONAL, IS_SCALAR, TREE_NUM_DELETED},
	{AT_TREE_PARAM, "num_feature", OPTIONAL, IS_SCALAR, IGNORED},
	{AT_TREE_PARAM, "size_leaf_vector", OPTIONAL, IS_SCALAR, TREE_SIZE_LEAF_VECTOR},
};

/* Keys that say what a model is that we do not serve. */
static const struct
{
	Place		place;
	const char *key;
	const char *reason;
}			refusals[] = {
	{AT_ROOT, "Config", "it is a booster's memory (a pickle), not a saved model"},
	{AT_ROOT, "Model", "it is a booster's memory (a pickle), not a saved model"},
	{AT_MODEL, "boosted_rounds", "booster \"gblinear\" is not supported"},
	{AT_MODEL, "weights", "booster \"gblinear\" is not supported"},
	{AT_TREE, "leaf_weights", "leaves are vectors, which is not supported"},
};

StaticAssertDecl(lengthof(entries) <= 64, "seen is a mask of 64 bits");

/* Names the place that is being read, for messages. */
const char *
forest_where(const ForestBuilder *builder)
{
	Place		place = builder->frames[builder->depth - 1].place;

	if (place >= AT_TREE && place <= AT_TREE_FLOATS)
		return psprintf("tree %d", builder->forest->ntrees);
	return place_names[place];
}

/* Starts to build; everything that was read is in a context of its own. */
ForestBuilder *
forest_build_begin(void)
{
	MemoryContext parent = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(parent, "aipipe learn read", ALLOCSET_DEFAULT_SIZES);
	MemoryContext keep = AllocSetContextCreate(parent, "aipipe learn forest", ALLOCSET_DEFAULT_SIZES);
	ForestBuilder *builder = MemoryContextAllocZero(context, sizeof(ForestBuilder));

	builder->context = context;
	builder->forest = MemoryContextAllocZero(keep, sizeof(Forest));
	builder->forest->context = keep;
	builder->num_target = 1;
	builder->num_parallel_tree = 1;
	builder->best_iteration = -1;
	builder->depth = 1;
	builder->frames[0].place = AT_NOTHING;
	MemoryContextSwitchTo(context);
	return builder;
}

/* Gives the entry of a key at a place, or NULL. */
static const Entry *
find_entry(Place place, const char *key)
{
	for (int i = 0; i < lengthof(entries); i++)
	{
		if (entries[i].place == place && strcmp(entries[i].key, key) == 0)
			return &entries[i];
	}
	return NULL;
}

/* Says whether any key may stand here. */
static bool
keys_are_free(Place place)
{
	return place == AT_IGNORED || place == AT_ATTRIBUTES ||
		place == AT_OBJECTIVE || place == AT_OBJECTIVE_PARAM;
}

/* Takes an object's key. */
void
forest_build_key(ForestBuilder *builder, const char *name)
{
	Frame	   *frame = &builder->frames[builder->depth - 1];
	uint64		bit;

	CHECK_FOR_INTERRUPTS();
	frame->entry = find_entry(frame->place, name);
	strlcpy(frame->key, name, sizeof(frame->key));
	if (frame->entry == NULL)
	{
		for (int i = 0; i < lengthof(refusals); i++)
		{
			if (refusals[i].place == frame->place && strcmp(refusals[i].key, name) == 0)
				forest_refuse("%s: %s", forest_where(builder), refusals[i].reason);
		}
		if (!keys_are_free(frame->place))
			forest_refuse("%s: unknown key \"%s\"", forest_where(builder), frame->key);
		return;
	}
	bit = UINT64CONST(1) << (frame->entry - entries);
	if (frame->seen & bit)
		forest_refuse("%s: key \"%s\" appears twice", forest_where(builder), name);
	frame->seen |= bit;
}

/* Opens a container below the current one, at the given place. */
static void
push(ForestBuilder *builder, Place place, bool object, int which)
{
	Frame	   *frame;

	if (builder->depth >= FOREST_MAX_NESTING)
		forest_refuse("%s: nested too deeply", forest_where(builder));
	frame = &builder->frames[builder->depth++];
	frame->place = place;
	frame->object = object;
	frame->seen = 0;
	frame->entry = NULL;
	frame->which = which;
}

/* Gets ready to read the next tree into the buffers. */
static void
start_tree(ForestBuilder *builder)
{
	ForestRawTree *tree = &builder->tree;

	for (int i = 0; i < TREE_NINTS; i++)
		tree->ints[i].n = 0;
	for (int i = 0; i < TREE_NFLOATS; i++)
		tree->floats[i].n = 0;
	tree->num_deleted = 0;
	tree->num_nodes = 0;
	tree->has_split_type = false;
	builder->tree_id = builder->forest->ntrees;
}

/* Finds where a container that starts now belongs, and opens it. */
static void
start_container(ForestBuilder *builder, bool object)
{
	Frame	   *frame = &builder->frames[builder->depth - 1];
	Shape		shape = object ? IS_OBJECT : IS_ARRAY;

	switch (frame->place)
	{
		case AT_NOTHING:
			if (!object || builder->done)
				forest_refuse("the model is not one object");
			push(builder, AT_ROOT, true, 0);
			return;
		case AT_IGNORED:
		case AT_ATTRIBUTES:
		case AT_OBJECTIVE_PARAM:
			push(builder, AT_IGNORED, object, 0);
			return;
		case AT_TREES:
			if (!object)
				break;
			push(builder, AT_TREE, true, 0);
			start_tree(builder);
			return;
		default:
			break;
	}
	if (frame->place == AT_OBJECTIVE && frame->entry == NULL)
	{
		push(builder, object ? AT_OBJECTIVE_PARAM : AT_IGNORED, object, 0);
		return;
	}
	if (frame->place == AT_CATS_ENC)
		forest_refuse("the model re-codes categories itself (\"cats\"), which is not supported");
	if (!frame->object || frame->entry == NULL || frame->entry->shape != shape)
		forest_refuse("%s: %s where none may be%s%s", forest_where(builder), object ? "an object" : "an array",
					  frame->object ? ": " : "", frame->object ? frame->key : "");
	if (frame->entry->target == AT_MODEL)
	{
		if (builder->has_model)
			forest_refuse("gradient_booster holds two models");
		builder->has_model = true;
	}
	if (frame->entry->target == AT_WEIGHT_DROP)
	{
		if (builder->has_weights)
			forest_refuse("weight_drop appears twice");
		builder->has_weights = true;
		builder->has_outer_weights = frame->place == AT_BOOSTER;
	}
	if (frame->entry->target == AT_ITERATIONS)
		builder->has_iterations = true;
	if (frame->entry->target == AT_TREE_INTS && frame->entry->which == TREE_SPLIT_TYPE)
		builder->tree.has_split_type = true;
	push(builder, frame->entry->target, object, frame->entry->which);
}

/* Takes the start of an object. */
void
forest_build_object_start(ForestBuilder *builder)
{
	start_container(builder, true);
}

/* Takes the start of an array. */
void
forest_build_array_start(ForestBuilder *builder)
{
	start_container(builder, false);
}

/* Adds the tree that was read to the forest, checked and copied to its exact size. */
static void
end_tree(ForestBuilder *builder)
{
	Forest	   *forest = builder->forest;
	MemoryContext old = MemoryContextSwitchTo(forest->context);
	Size		size;

	if (forest->ntrees >= FOREST_MAX_TREES)
		forest_refuse("there are more than %d trees", FOREST_MAX_TREES);
	if (builder->tree_id != forest->ntrees)
		forest_refuse("tree %d: its id is %d", forest->ntrees, builder->tree_id);
	if (forest->ntrees == builder->maxtrees)
	{
		builder->maxtrees = Max(16, builder->maxtrees * 2);
		size = mul_size(builder->maxtrees, sizeof(ForestTree));
		forest->trees = forest->trees == NULL ? palloc(size) : repalloc(forest->trees, size);
	}
	forest_tree_from_raw(&forest->trees[forest->ntrees], &builder->tree, forest->ntrees);
	forest->ntrees++;
	MemoryContextSwitchTo(old);
}

/* Takes the end of an object. */
void
forest_build_object_end(ForestBuilder *builder)
{
	Frame	   *frame = &builder->frames[builder->depth - 1];

	for (int i = 0; i < lengthof(entries); i++)
	{
		if (entries[i].place == frame->place && entries[i].required &&
			(frame->seen & UINT64CONST(1) << i) == 0)
			forest_refuse("%s: key \"%s\" is missing", forest_where(builder), entries[i].key);
	}
	if (frame->place == AT_TREE)
		end_tree(builder);
	if (frame->place == AT_ROOT)
		builder->done = true;
	builder->depth--;
}

/* Takes the end of an array. */
void
forest_build_array_end(ForestBuilder *builder)
{
	builder->depth--;
}

/* Takes a scalar that has a place of its own. */
static void
take_field(ForestBuilder *builder, Scalar field, const ForestScalar *scalar)
{
	Forest	   *forest = builder->forest;
	ForestRawTree *tree = &builder->tree;

	switch (field)
	{
		case BASE_SCORE:
			forest_scalar_base_scores(builder, scalar, &builder->base_scores);
			break;
		case NUM_CLASS:
			builder->num_class = forest_scalar_integer(builder, scalar, 0, FOREST_MAX_GROUPS);
			break;
		case NUM_FEATURE:
			forest->nfeatures = forest_scalar_integer(builder, scalar, 1, FOREST_MAX_FEATURES);
			break;
		case NUM_TARGET:
			builder->num_target = forest_scalar_integer(builder, scalar, 1, PG_INT32_MAX);
			break;
		case OBJECTIVE_NAME:
			forest->objective_name = MemoryContextStrdup(forest->context, forest_scalar_text(builder, scalar, 100));
			break;
		case BOOSTER_NAME:
			builder->booster = pstrdup(forest_scalar_text(builder, scalar, 100));
			break;
		case DART_BOOSTER_NAME:
			builder->dart_booster = pstrdup(forest_scalar_text(builder, scalar, 100));
			break;
		case NUM_TREES:
			builder->num_trees = forest_scalar_integer(builder, scalar, 0, FOREST_MAX_TREES);
			break;
		case NUM_PARALLEL_TREE:
			builder->num_parallel_tree = forest_scalar_integer(builder, scalar, 1, FOREST_MAX_TREES);
			break;
		case SIZE_LEAF_VECTOR:
			if (forest_scalar_integer(builder, scalar, 0, PG_INT32_MAX) > 1)
				forest_refuse("leaves are vectors, which is not supported");
			break;
		case TREE_ID:
			builder->tree_id = forest_scalar_integer(builder, scalar, 0, PG_INT32_MAX);
			break;
		case TREE_NUM_NODES:
			tree->num_nodes = forest_scalar_integer(builder, scalar, 1, PG_INT32_MAX);
			break;
		case TREE_NUM_DELETED:
			tree->num_deleted = forest_scalar_integer(builder, scalar, 0, PG_INT32_MAX);
			break;
		case TREE_SIZE_LEAF_VECTOR:
			if (forest_scalar_integer(builder, scalar, 0, PG_INT32_MAX) > 1)
				forest_refuse("%s: leaves are vectors, which is not supported", forest_where(builder));
			break;
		case IGNORED:
			break;
	}
}

/* Appends a text to an array of texts in the forest's context. */
static void
add_text(ForestBuilder *builder, char ***texts, int *n, int *max, const char *text)
{
	MemoryContext old = MemoryContextSwitchTo(builder->forest->context);
	Size		size;

	if (*n >= FOREST_MAX_FEATURES)
		forest_refuse("%s: more than %d elements", forest_where(builder), FOREST_MAX_FEATURES);
	if (*n == *max)
	{
		*max = Max(16, *max * 2);
		size = mul_size(*max, sizeof(char *));
		*texts = *texts == NULL ? palloc(size) : repalloc(*texts, size);
	}
	(*texts)[(*n)++] = pstrdup(text);
	MemoryContextSwitchTo(old);
}

/* Remembers an objective's parameter; which of them count is decided when its name is known. */
static void
add_objective_param(ForestBuilder *builder, const ForestScalar *scalar)
{
	ObjectiveParam *param;

	if (scalar->kind != FOREST_SCALAR_TEXT || builder->nparams >= MAX_OBJECTIVE_PARAMS ||
		strlen(scalar->text) >= sizeof(param->value))
		return;
	param = &builder->params[builder->nparams++];
	strlcpy(param->section, builder->frames[builder->depth - 2].key, sizeof(param->section));
	strlcpy(param->name, builder->frames[builder->depth - 1].key, sizeof(param->name));
	strlcpy(param->value, scalar->text, sizeof(param->value));
}

/* Takes a scalar of a model. */
void
forest_build_scalar(ForestBuilder *builder, const ForestScalar *scalar)
{
	Frame	   *frame = &builder->frames[builder->depth - 1];
	Forest	   *forest = builder->forest;

	CHECK_FOR_INTERRUPTS();
	switch (frame->place)
	{
		case AT_TREE_INTS:
			forest_ints_add(&builder->tree.ints[frame->which],
							forest_scalar_integer(builder, scalar, PG_INT32_MIN, PG_INT32_MAX));
			break;
		case AT_TREE_FLOATS:
			forest_floats_add(&builder->tree.floats[frame->which], forest_scalar_float(builder, scalar));
			break;
		case AT_TREE_INFO:
			forest_ints_add(&builder->tree_info, forest_scalar_integer(builder, scalar, 0, FOREST_MAX_GROUPS));
			break;
		case AT_ITERATIONS:
			forest_ints_add(&builder->iterations, forest_scalar_integer(builder, scalar, 0, FOREST_MAX_TREES));
			break;
		case AT_VERSION:
			forest_ints_add(&builder->version, forest_scalar_integer(builder, scalar, 0, 999999));
			break;
		case AT_WEIGHT_DROP:
			forest_floats_add(&builder->weights, forest_scalar_float(builder, scalar));
			break;
		case AT_FEATURE_NAMES:
			add_text(builder, &forest->feature_names, &builder->nnames, &builder->maxnames,
					 forest_scalar_text(builder, scalar, 10000));
			break;
		case AT_FEATURE_TYPES:
			add_text(builder, &forest->feature_types, &builder->ntypes, &builder->maxtypes,
					 forest_scalar_text(builder, scalar, 100));
			break;
		case AT_ATTRIBUTES:
			if (strcmp(frame->key, "best_iteration") == 0)
				builder->best_iteration = forest_scalar_integer(builder, scalar, 0, FOREST_MAX_TREES);
			break;
		case AT_OBJECTIVE_PARAM:
			add_objective_param(builder, scalar);
			break;
		case AT_IGNORED:
			break;
		case AT_CATS_ENC:
			forest_refuse("the model re-codes categories itself (\"cats\"), which is not supported");
			break;
		default:
			if (!frame->object || (frame->entry != NULL && frame->entry->shape != IS_SCALAR))
				forest_refuse("%s: a single value where none may be", forest_where(builder));
			if (frame->entry != NULL)
				take_field(builder, frame->entry->target, scalar);
			break;
	}
}
