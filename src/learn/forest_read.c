/*-------------------------------------------------------------------------
 *
 * forest_read.c
 *	  From a model's bytes to a checked Forest.
 *
 * A model comes from outside or from a restored table: hostile either way.  The
 * library itself must never see such bytes, only what forest_write() makes of
 * the Forest.  A model that holds more than serves (rounds after the best one,
 * when training stopped early) keeps its trees here; best_iteration_trees says
 * how many serve, and those alone are written and compiled, so the library
 * predicts the same from the canonical bytes as we do, without being told where to stop.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "common/jsonapi.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "learn/forest_build.h"

/*
 * Gives the value of an objective's parameter, the model's or the default.  It
 * says nothing about predictions, but the library must be able to load it.
 */
static const char *
objective_param(const ForestBuilder *builder, const ForestObjectiveInfo *info, int which)
{
	for (int i = 0; i < builder->nparams; i++)
	{
		const ObjectiveParam *param = &builder->params[i];
		const char *text = param->value;
		size_t		len = strlen(text);
		double		value;

		if (strcmp(param->section, info->section) != 0 || strcmp(param->name, info->params[which].name) != 0)
			continue;
		/* a list of one is as good as the one */
		if (info->params[which].list && len > 2 && text[0] == '[' && text[len - 1] == ']')
			text = pnstrdup(text + 1, len - 2);
		value = IsValidJsonNumber(text, strlen(text)) ? strtod(text, NULL) : NAN;
		if (!(value >= info->params[which].min && value <= info->params[which].max) ||
			(value != 0 && value < FLT_MIN) ||
			(info->params[which].whole && strspn(text, "0123456789") != strlen(text)))
			forest_refuse("objective parameter %s is \"%s\"", param->name, param->value);
		return info->params[which].list ? psprintf("[%s]", text) : text;
	}
	return info->params[which].dflt;
}

/* Identifies the objective and keeps its parameters as canonical JSON. */
static void
take_objective(ForestBuilder *builder)
{
	Forest	   *forest = builder->forest;
	const ForestObjectiveInfo *info = forest_objective_find(forest->objective_name);
	StringInfoData params;

	if (info == NULL)
		forest_refuse("objective \"%s\" is not supported", forest->objective_name);
	forest->objective = info->objective;
	forest->objective_name = MemoryContextStrdup(forest->context, info->name);
	if (info->section == NULL)
		return;
	initStringInfo(&params);
	appendStringInfoChar(&params, '{');
	for (int i = 0; i < FOREST_OBJECTIVE_MAX_PARAMS && info->params[i].name != NULL; i++)
	{
		/* the number of classes is known better than from here */
		const char *value = info->objective == FOREST_SOFTPROB
			? psprintf("%d", forest->ngroups) : objective_param(builder, info, i);

		appendStringInfo(&params, "%s\"%s\":\"%s\"", i > 0 ? "," : "", info->params[i].name, value);
	}
	appendStringInfoChar(&params, '}');
	forest->objective_params = MemoryContextStrdup(forest->context, params.data);
}

/*
 * Identifies the booster.  Booster "dart" is a "gbtree" inside with the trees' weights
 * beside it.  From 3.3 on "gbtree" has them itself, beside its model, and from 3.4
 * on inside of it; older libraries ignore them there, so a model of theirs that has
 * them is not what it seems.
 */
static void
take_booster(ForestBuilder *builder)
{
	const int  *version = builder->forest->version;
	bool		dart = strcmp(builder->booster, "dart") == 0;
	int			minor = builder->has_outer_weights ? 3 : 4;
	bool		weighted = version[0] > 3 || (version[0] == 3 && version[1] >= minor);

	if (!dart && strcmp(builder->booster, "gbtree") != 0)
		forest_refuse("booster \"%s\" is not supported", builder->booster);
	if (!builder->has_model)
		forest_refuse("learner.gradient_booster: key \"model\" is missing");
	if (builder->dart_booster != NULL && strcmp(builder->dart_booster, "gbtree") != 0)
		forest_refuse("booster \"%s\" inside of \"%s\" is not supported", builder->dart_booster, builder->booster);
	if (dart && !builder->has_weights)
		forest_refuse("weight_drop is missing");
	if (dart != (builder->dart_booster != NULL) || (dart && !builder->has_outer_weights))
		forest_refuse("the parts of booster \"%s\" are not where they belong", builder->booster);
	if (!dart && builder->has_weights && !weighted)
		forest_refuse("weight_drop does not belong to booster \"%s\" of version %d.%d",
					  builder->booster, version[0], version[1]);
	builder->forest->dart = builder->has_weights;
}

/* Gives every tree its output and weight. */
static void
take_tree_info(ForestBuilder *builder)
{
	Forest	   *forest = builder->forest;

	if (builder->num_trees != forest->ntrees)
		forest_refuse("num_trees is %d but there are %d trees", builder->num_trees, forest->ntrees);
	if (builder->tree_info.n != forest->ntrees)
		forest_refuse("tree_info has %d elements for %d trees", builder->tree_info.n, forest->ntrees);
	if (builder->has_weights && builder->weights.n != forest->ntrees)
		forest_refuse("weight_drop has %d elements for %d trees", builder->weights.n, forest->ntrees);
	for (int i = 0; i < forest->ntrees; i++)
	{
		forest->trees[i].group = builder->tree_info.values[i];
		if (builder->has_weights)
			forest->trees[i].weight = builder->weights.values[i];
	}
}

/* Finds how many trees serve, and checks that rounds are whole. */
static void
take_rounds(ForestBuilder *builder)
{
	Forest	   *forest = builder->forest;
	int64		round = (int64) builder->num_parallel_tree * forest->ngroups;
	const ForestInts *starts = &builder->iterations;

	if (forest->ntrees % round != 0)
		forest_refuse("%d trees do not make whole rounds of " INT64_FORMAT, forest->ntrees, round);
	if (builder->has_iterations)
	{
		if (starts->n != forest->ntrees / round + 1)
			forest_refuse("iteration_indptr has %d elements for " INT64_FORMAT " rounds",
						  starts->n, forest->ntrees / round);
		for (int i = 0; i < starts->n; i++)
		{
			if (starts->values[i] != i * round)
				forest_refuse("iteration_indptr: round %d starts at tree %d", i, starts->values[i]);
		}
	}
	forest->best_iteration_trees = forest->ntrees;
	if (builder->best_iteration >= 0)
	{
		if ((builder->best_iteration + 1) * round > forest->ntrees)
			forest_refuse("best_iteration is %d but there are " INT64_FORMAT " rounds",
						  builder->best_iteration, forest->ntrees / round);
		forest->best_iteration_trees = (builder->best_iteration + 1) * round;
	}
}

/*
 * Takes base_score.  From 3.1 on every class has a score of its own, which the
 * canonical form cannot say; they become a first round of trees that are one leaf
 * each, on a base of 0: the same float32 additions in the same order.
 */
static void
take_base_scores(ForestBuilder *builder)
{
	Forest	   *forest = builder->forest;
	const ForestFloats *scores = &builder->base_scores;
	MemoryContext old;
	bool		same = true;

	if (scores->n != 1 && scores->n != forest->ngroups)
		forest_refuse("base_score has %d elements for %d outputs", scores->n, forest->ngroups);
	for (int i = 1; i < scores->n; i++)
		same &= scores->values[i] == scores->values[0];
	forest->base_score = same ? scores->values[0] : 0;
	if (same)
		return;
	if (forest->objective != FOREST_SOFTPROB || forest->ntrees + scores->n > FOREST_MAX_TREES)
		forest_refuse("base_score differs between outputs, which is not supported");
	old = MemoryContextSwitchTo(forest->context);
	forest->trees = repalloc(forest->trees, mul_size(forest->ntrees + scores->n, sizeof(ForestTree)));
	memmove(forest->trees + scores->n, forest->trees, mul_size(forest->ntrees, sizeof(ForestTree)));
	for (int i = 0; i < scores->n; i++)
		forest_tree_constant(&forest->trees[i], scores->values[i], i);
	forest->ntrees += scores->n;
	forest->best_iteration_trees += scores->n;
	MemoryContextSwitchTo(old);
}

/* Checks names and types of features; empty lists mean that there are none. */
static void
take_features(ForestBuilder *builder)
{
	Forest	   *forest = builder->forest;

	if (builder->nnames == 0)
		forest->feature_names = NULL;
	else if (builder->nnames != forest->nfeatures)
		forest_refuse("feature_names has %d elements for %d features", builder->nnames, forest->nfeatures);
	if (builder->ntypes == 0)
		forest->feature_types = NULL;
	else if (builder->ntypes != forest->nfeatures)
		forest_refuse("feature_types has %d elements for %d features", builder->ntypes, forest->nfeatures);
	for (int i = 0; i < builder->ntypes; i++)
	{
		static const char *const known[] = {"float", "int", "i", "q", "c"};
		bool		found = false;

		for (int k = 0; k < lengthof(known); k++)
			found |= strcmp(forest->feature_types[i], known[k]) == 0;
		if (!found)
			forest_refuse("feature_types: \"%s\" is unknown", forest->feature_types[i]);
	}
}

/* Puts together what the events gave and checks the whole. */
Forest *
forest_build_end(ForestBuilder *builder)
{
	Forest	   *forest = builder->forest;
	const char *reason;

	if (!builder->done)
		forest_refuse("the model is not one object");
	if (builder->version.n != 3)
		forest_refuse("version has %d elements instead of 3", builder->version.n);
	memcpy(forest->version, builder->version.values, sizeof(forest->version));
	if (builder->num_target != 1)
		forest_refuse("the model has %d targets, which is not supported", builder->num_target);
	forest->ngroups = Max(builder->num_class, 1);
	take_objective(builder);
	take_booster(builder);
	take_tree_info(builder);
	if (forest->ntrees == 0)
		forest_refuse("the model has no trees");
	take_rounds(builder);
	take_base_scores(builder);
	take_features(builder);
	reason = forest_check(forest);
	if (reason != NULL)
		forest_refuse("%s", reason);
	return forest;
}

/* Reads a model in either format into the current context. */
static Forest *
read_model(const char *bytes, Size len)
{
	MemoryContext old = CurrentMemoryContext;
	ForestBuilder *builder = forest_build_begin();
	Forest	   *forest;
	Size		i = 1;

	/* UBJ has a length after the brace; JSON a quote or white space */
	if (len < 2 || bytes[0] != '{')
		forest_refuse("the model is neither JSON nor UBJ");
	while (i < len && strchr(" \t\r\n", bytes[i]) != NULL && bytes[i] != '\0')
		i++;
	if (i < len && bytes[i] == '"')
		forest_json_parse(builder, bytes, len);
	else
		forest_ubj_parse(builder, bytes, len);
	forest = forest_build_end(builder);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(builder->context);
	return forest;
}

/* Reads an XGBoost model. */
Forest *
forest_read(const char *bytes, Size len)
{
	Forest	   *forest = read_model(bytes, len);

	if (!forest_objective_find(forest->objective_name)->foreign)
		forest_refuse("objective \"%s\" is not supported", forest->objective_name);
	return forest;
}

/* Reads an isolation forest of ours, as forest_write() wrote it. */
Forest *
forest_read_isolation(const char *bytes, Size len)
{
	Forest	   *forest = read_model(bytes, len);

	if (forest->objective != FOREST_ISOLATION || forest->dart)
		forest_refuse("the model is not an isolation forest");
	return forest;
}
