/*-------------------------------------------------------------------------
 *
 * forest_write.c
 *	  The canonical JSON of a Forest.
 *
 * The format is XGBoost 1.7.4's, whatever version the model came from, because that is
 * what every library from 1.7 to 3.4 loads.  Keys stand in byte order, floats
 * have the fewest digits that read back as the same float32, trees that do not
 * serve are left out, attributes too: the same forest gives the same bytes, and
 * the bytes predict by themselves what the forest serves.
 *
 * Two liberties, both without effect on predictions: a boosted random forest is written
 * with num_parallel_tree 1 (its trees keep their order and outputs), and the
 * threshold of a categorical split, which the library writes as NaN, is 0, so that
 * the text is valid JSON.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/json.h"

#include "learn/forest_private.h"

/* Appends a float as the library writes it: 1.25E-1, 5E0. */
static void
write_float(StringInfo out, float value)
{
	char		shortest[FLOAT_SHORTEST_DECIMAL_LEN];
	char		digits[FLOAT_SHORTEST_DECIMAL_LEN] = {0};
	int			ndigits = 0;
	int			exponent = 0;	/* of the first digit kept */
	bool		point = false;
	char	   *at = shortest;

	if (isinf(value))
	{
		/* reads back as infinite, here and in the library, and is JSON */
		appendStringInfoString(out, value > 0 ? "1E39" : "-1E39");
		return;
	}
	shortest[float_to_shortest_decimal_bufn(value, shortest)] = '\0';
	if (*at == '-')
	{
		appendStringInfoChar(out, '-');
		at++;
	}
	exponent = -1;
	for (; *at != '\0' && *at != 'e'; at++)
	{
		if (*at == '.')
			point = true;
		else if (ndigits == 0 && *at == '0')
			exponent -= point ? 1 : 0;
		else
		{
			digits[ndigits++] = *at;
			exponent += point ? 0 : 1;
		}
	}
	if (*at == 'e')
		exponent += (int) strtol(at + 1, NULL, 10);
	while (ndigits > 1 && digits[ndigits - 1] == '0')
		ndigits--;
	if (ndigits == 0)
	{
		appendStringInfoString(out, "0E0");
		return;
	}
	appendStringInfoChar(out, digits[0]);
	if (ndigits > 1)
	{
		appendStringInfoChar(out, '.');
		appendBinaryStringInfo(out, digits + 1, ndigits - 1);
	}
	appendStringInfo(out, "E%d", exponent);
}

/* Appends "key":[…] with one float a node. */
static void
write_floats(StringInfo out, const char *key, const float *values, int n)
{
	appendStringInfo(out, "\"%s\":[", key);
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			appendStringInfoChar(out, ',');
		write_float(out, values[i]);
	}
	appendStringInfoString(out, "],");
}

/* Appends "key":[…] of integers. */
static void
write_ints(StringInfo out, const char *key, const int32 *values, int n)
{
	appendStringInfo(out, "\"%s\":[", key);
	for (int i = 0; i < n; i++)
		appendStringInfo(out, "%s%d", i > 0 ? "," : "", values[i]);
	appendStringInfoString(out, "],");
}

/* Appends "key":[…] of small flags; all zero when there are none. */
static void
write_flags(StringInfo out, const char *key, const uint8 *values, int n)
{
	appendStringInfo(out, "\"%s\":[", key);
	for (int i = 0; i < n; i++)
		appendStringInfo(out, "%s%d", i > 0 ? "," : "", values == NULL ? 0 : values[i]);
	appendStringInfoString(out, "],");
}

/* Appends the four arrays that list a tree's categorical splits. */
static void
write_categories(StringInfo out, const ForestTree *tree)
{
	int32	   *codes = palloc(sizeof(int32) * Max(tree->ncats, 1));
	int32	   *nodes = palloc(sizeof(int32) * tree->nnodes);
	int32	   *starts = palloc(sizeof(int32) * tree->nnodes);
	int32	   *counts = palloc(sizeof(int32) * tree->nnodes);
	int			nsplits = 0;
	int			ncodes = 0;

	for (int i = 0; tree->has_categories && i < tree->nnodes; i++)
	{
		if (tree->split_type[i] != 1)
			continue;
		nodes[nsplits] = i;
		starts[nsplits] = ncodes;
		counts[nsplits++] = tree->cat_count[i];
		if (tree->cat_count[i] > tree->ncats - ncodes)
			elog(ERROR, "categories of a tree overlap");
		memcpy(codes + ncodes, tree->cats + tree->cat_start[i], sizeof(int32) * tree->cat_count[i]);
		ncodes += tree->cat_count[i];
	}
	write_ints(out, "categories", codes, ncodes);
	write_ints(out, "categories_nodes", nodes, nsplits);
	write_ints(out, "categories_segments", starts, nsplits);
	write_ints(out, "categories_sizes", counts, nsplits);
	pfree(codes);
	pfree(nodes);
	pfree(starts);
	pfree(counts);
}

/* Appends the array of every node's parent. */
static void
write_parents(StringInfo out, const ForestTree *tree)
{
	int32	   *parents = palloc(sizeof(int32) * tree->nnodes);

	parents[0] = PG_INT32_MAX;
	for (int i = 0; i < tree->nnodes; i++)
	{
		if (tree->left[i] >= 0)
		{
			parents[tree->left[i]] = i;
			parents[tree->right[i]] = i;
		}
	}
	write_ints(out, "parents", parents, tree->nnodes);
	pfree(parents);
}

/* Appends one tree. */
static void
write_tree(StringInfo out, const Forest *forest, int number)
{
	const ForestTree *tree = &forest->trees[number];
	int			n = tree->nnodes;

	appendStringInfoChar(out, '{');
	write_floats(out, "base_weights", tree->base_weight, n);
	write_categories(out, tree);
	write_flags(out, "default_left", tree->default_left, n);
	appendStringInfo(out, "\"id\":%d,", number);
	write_ints(out, "left_children", tree->left, n);
	write_floats(out, "loss_changes", tree->gain, n);
	write_parents(out, tree);
	write_ints(out, "right_children", tree->right, n);
	write_floats(out, "split_conditions", tree->value, n);
	write_ints(out, "split_indices", tree->feature, n);
	write_flags(out, "split_type", tree->has_categories ? tree->split_type : NULL, n);
	write_floats(out, "sum_hessian", tree->cover, n);
	appendStringInfo(out,
					 "\"tree_param\":{\"num_deleted\":\"0\",\"num_feature\":\"%d\","
					 "\"num_nodes\":\"%d\",\"size_leaf_vector\":\"0\"}}",
					 forest->nfeatures, n);
}

/* Appends the object "model": the trees and what they add to. */
static void
write_model(StringInfo out, const Forest *forest)
{
	int			ntrees = forest->best_iteration_trees;

	appendStringInfo(out,
					 "\"model\":{\"gbtree_model_param\":{\"num_parallel_tree\":\"1\","
					 "\"num_trees\":\"%d\",\"size_leaf_vector\":\"0\"},\"tree_info\":[",
					 ntrees);
	for (int i = 0; i < ntrees; i++)
		appendStringInfo(out, "%s%d", i > 0 ? "," : "", forest->trees[i].group);
	appendStringInfoString(out, "],\"trees\":[");
	for (int i = 0; i < ntrees; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (i > 0)
			appendStringInfoChar(out, ',');
		write_tree(out, forest, i);
	}
	appendStringInfoString(out, "]},\"name\":\"gbtree\"");
}

/* Appends the object "gradient_booster". */
static void
write_booster(StringInfo out, const Forest *forest)
{
	appendStringInfoString(out, "\"gradient_booster\":{");
	if (forest->dart)
	{
		appendStringInfoString(out, "\"gbtree\":{");
		write_model(out, forest);
		appendStringInfoString(out, "},\"name\":\"dart\",\"weight_drop\":[");
		for (int i = 0; i < forest->best_iteration_trees; i++)
		{
			if (i > 0)
				appendStringInfoChar(out, ',');
			write_float(out, forest->trees[i].weight);
		}
		appendStringInfoChar(out, ']');
	}
	else
		write_model(out, forest);
	appendStringInfoString(out, "},");
}

/* Appends "key":[…] of texts, which are in the server's encoding. */
static void
write_texts(StringInfo out, const char *key, char **texts, int n)
{
	appendStringInfo(out, "\"%s\":[", key);
	for (int i = 0; texts != NULL && i < n; i++)
	{
		char	   *utf8 = pg_server_to_any(texts[i], strlen(texts[i]), PG_UTF8);

		if (i > 0)
			appendStringInfoChar(out, ',');
		escape_json(out, utf8);
	}
	appendStringInfoString(out, "],");
}

/* Appends the objective and its parameters. */
static void
write_objective(StringInfo out, const Forest *forest)
{
	const ForestObjectiveInfo *info = forest_objective_find(forest->objective_name);

	appendStringInfoString(out, "\"objective\":{");
	/* byte order: the section of rank:* comes before "name" */
	if (forest->objective_params != NULL && strcmp(info->section, "name") < 0)
		appendStringInfo(out, "\"%s\":%s,", info->section, forest->objective_params);
	appendStringInfo(out, "\"name\":\"%s\"", info->name);
	if (forest->objective_params != NULL && strcmp(info->section, "name") > 0)
		appendStringInfo(out, ",\"%s\":%s", info->section, forest->objective_params);
	appendStringInfoChar(out, '}');
}

/* Appends the canonical JSON of a sound forest. */
void
forest_write(const Forest *forest, StringInfo out)
{
	appendStringInfoString(out, "{\"learner\":{\"attributes\":{},");
	write_texts(out, "feature_names", forest->feature_names, forest->nfeatures);
	write_texts(out, "feature_types", forest->feature_types, forest->nfeatures);
	write_booster(out, forest);
	appendStringInfoString(out, "\"learner_model_param\":{\"base_score\":\"");
	write_float(out, forest->base_score);
	appendStringInfo(out,
					 "\",\"boost_from_average\":\"0\",\"num_class\":\"%d\","
					 "\"num_feature\":\"%d\",\"num_target\":\"1\"},",
					 forest->ngroups > 1 ? forest->ngroups : 0, forest->nfeatures);
	write_objective(out, forest);
	appendStringInfoString(out, "},\"version\":[1,7,4]}");
}
