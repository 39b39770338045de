/*-------------------------------------------------------------------------
 *
 * iforest.c
 *	  Isolation forests: the two-way walk and the pairs against a plain
 *	  recursion over the uncompiled trees, mutants, and timings.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "utils/memutils.h"

#include "learn/algorithm.h"
#include "learn/iforest.h"

PG_FUNCTION_INFO_V1(test_iforest_parity);
PG_FUNCTION_INFO_V1(test_iforest_mutate);
PG_FUNCTION_INFO_V1(test_iforest_mutate_compiled);
PG_FUNCTION_INFO_V1(test_iforest_bench);

#define BLOCK 256

/* An artifact in all its forms. */
typedef struct Subject
{
	LoadedModel *model;
	const IforestState *state;
	Forest	   *forest;
} Subject;

/* Opens an artifact; the forest is read a second time, as the recursion wants it uncompiled. */
static void
open_subject(Subject *subject, const char *bytes, Size len)
{
	static const char mark[] = ",\"forest\":";
	StringInfoData compiled;
	const char *forest = NULL;

	initStringInfo(&compiled);
	algorithm_iforest.compile(bytes, len, &compiled);
	subject->model = algorithm_iforest.open(compiled.data, compiled.len);
	subject->state = subject->model->state;
	for (Size i = 0; i + sizeof(mark) < len && forest == NULL; i++)
	{
		if (memcmp(bytes + i, mark, sizeof(mark) - 1) == 0)
			forest = bytes + i + sizeof(mark) - 1;
	}
	subject->forest = forest_read_isolation(forest, bytes + len - 1 - forest);
}

/* Gives the value of a feature, the pairs computed from their definition. */
static float
feature_value(const Subject *subject, const float *row, int feature)
{
	const IforestPairs *pairs = &subject->state->pairs;
	const IforestPair *pair;
	float		z[2];

	if (feature < pairs->ngiven)
		return row[feature];
	pair = &pairs->pairs[feature - pairs->ngiven];
	for (int i = 0; i < 2; i++)
	{
		const IforestScaled *s = &pairs->scaled[i == 0 ? pair->first : pair->second];

		z[i] = (row[s->feature] - s->centre) * s->weight;
		if (z[i] > 1e18f)
			z[i] = 1e18f;
		if (z[i] < -1e18f)
			z[i] = -1e18f;
	}
	return pair->sign > 0 ? z[0] + z[1] : z[0] - z[1];
}

/* Says whether a value that is there goes left. */
static bool
goes_left(const ForestTree *tree, int node, float value)
{
	if (!tree->has_categories || tree->split_type[node] == 0)
		return value < tree->value[node];
	for (int i = 0; i < tree->cat_count[node]; i++)
	{
		if (value >= 0 && (int) value == tree->cats[tree->cat_start[node] + i])
			return false;
	}
	return true;
}

/* Gives the training rows' mean below a node. */
static double
mean_below(const ForestTree *tree, int node)
{
	int			left = tree->left[node];
	int			right = tree->right[node];

	if (left < 0)
		return tree->value[node];
	return (tree->cover[left] * mean_below(tree, left) + tree->cover[right] * mean_below(tree, right)) / tree->cover[node];
}

/* Gives what a tree says of a row, by recursion; twice counts how often the row divided. */
static double
walk(const Subject *subject, const ForestTree *tree, int node, const float *row, int ndivisions, int *twice)
{
	int			left = tree->left[node];
	int			right = tree->right[node];
	float		value;

	if (left < 0)
		return tree->value[node];
	value = feature_value(subject, row, tree->feature[node]);
	if (!isnan(value))
		return walk(subject, tree, goes_left(tree, node, value) ? left : right, row, ndivisions, twice);
	if (tree->default_left[node] != FOREST_DIVIDES)
		return walk(subject, tree, tree->default_left[node] ? left : right, row, ndivisions, twice);
	(*twice)++;
	if (ndivisions == FOREST_MAX_DIVISIONS)
		return mean_below(tree, node);
	return (tree->cover[left] * walk(subject, tree, left, row, ndivisions + 1, twice) +
			tree->cover[right] * walk(subject, tree, right, row, ndivisions + 1, twice)) / tree->cover[node];
}

/* Makes rows near the thresholds of the forest, some values missing, some far off. */
static float *
make_rows(const Subject *subject, int nrows, double missing, Random *random)
{
	int			ngiven = subject->model->nfeatures;
	float	   *rows = palloc(sizeof(float) * (Size) nrows * ngiven);

	for (Size i = 0; i < (Size) nrows * ngiven; i++)
	{
		const ForestTree *tree = &subject->forest->trees[random_below(random, subject->forest->ntrees)];
		int			node = random_below(random, tree->nnodes);

		rows[i] = (tree->left[node] >= 0 && tree->feature[node] == (int) (i % ngiven) && !tree->has_categories)
			? tree->value[node] : (float) (int) (random_unit(random) * 80) - 2;
		if (random_below(random, 100) == 0)
			rows[i] = (random_below(random, 2) == 0) ? 3e38f : -3e38f;
		if (random_unit(random) < missing)
			rows[i] = NAN;
	}
	return rows;
}

/* Gives |a - b| relative to the size of b, at least 1. */
static double
difference(double a, double b)
{
	return fabs(a - b) / Max(fabs(b), 1);
}

/* Compares scores in blocks, row by row and by recursion, and the sum of the contributions. */
Datum
test_iforest_parity(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);
	int			nrows = PG_GETARG_INT32(1);
	Subject		subject;
	Random		random;
	TupleDesc	desc;
	Datum		values[6];
	bool		nulls[6] = {0};
	float	   *rows;
	float	   *scores = palloc(sizeof(float) * nrows);
	double	   *phi;
	int			ngiven;
	int			ndivided = 0;
	int			differ = 0;
	double		to_recursion = 0;
	double		to_sum = 0;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	open_subject(&subject, bytes, len);
	random_seed(&random, PG_GETARG_INT32(3));
	ngiven = subject.model->nfeatures;
	rows = make_rows(&subject, nrows, PG_GETARG_FLOAT8(2), &random);
	phi = palloc(sizeof(double) * (ngiven + 1));
	algorithm_iforest.margin(subject.model, rows, nrows, scores);
	for (int i = 0; i < nrows; i++)
	{
		const float *row = rows + (Size) i * ngiven;
		double		recursion = 0;
		double		sum = 0;
		float		alone;
		int			twice = 0;

		CHECK_FOR_INTERRUPTS();
		algorithm_iforest.margin(subject.model, row, 1, &alone);
		differ += memcmp(&alone, &scores[i], sizeof(float)) != 0;
		for (int t = 0; t < subject.forest->ntrees; t++)
			recursion += walk(&subject, &subject.forest->trees[t], 0, row, 0, &twice);
		ndivided += twice > 0;
		to_recursion = Max(to_recursion, difference(scores[i], recursion));
		if (i % 16 == 0)
		{
			algorithm_iforest.explain(subject.model, row, 0, phi);
			for (int f = 0; f <= ngiven; f++)
				sum -= phi[f];
			to_sum = Max(to_sum, difference(sum, recursion));
		}
	}
	values[0] = Int32GetDatum(subject.state->pairs.npairs);
	values[1] = Int32GetDatum(nrows);
	values[2] = Int32GetDatum(ndivided);
	values[3] = Int32GetDatum(differ);
	values[4] = Float8GetDatum(to_recursion);
	values[5] = Float8GetDatum(to_sum);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* Scores and explains a few rows with an opened forest. */
static void
use(const LoadedModel *model, Random *random)
{
	float	   *rows = palloc(sizeof(float) * 3 * model->nfeatures);
	double	   *phi = palloc(sizeof(double) * (model->nfeatures + 1) * 3);
	float		scores[3];
	float		severities[3];

	for (int i = 0; i < 3 * model->nfeatures; i++)
		rows[i] = (random_below(random, 4) == 0) ? NAN : (float) (random_unit(random) * 40 - 20);
	algorithm_iforest.margin(model, rows, 3, scores);
	algorithm_iforest.values(model, scores, 3, severities);
	algorithm_iforest.explain(model, rows, 0, phi);
	algorithm_iforest.importance(model, phi, phi + model->nfeatures, phi + 2 * model->nfeatures);
}

/* Compiles, opens and uses an artifact. */
static bool
serve(const char *bytes, Size len, bool compiled, Random *random, const void *arg)
{
	StringInfoData form;

	if (!compiled)
	{
		initStringInfo(&form);
		algorithm_iforest.compile(bytes, len, &form);
		bytes = form.data;
		len = form.len;
	}
	use(algorithm_iforest.open(bytes, len), random);
	return true;
}

/* Tries mutants of an artifact. */
Datum
test_iforest_mutate(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);

	return mutants_run(fcinfo, bytes, len, false, PG_GETARG_INT32(1), PG_GETARG_INT32(2), serve, NULL);
}

/* Tries mutants of the compiled form of an artifact. */
Datum
test_iforest_mutate_compiled(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);
	StringInfoData form;

	initStringInfo(&form);
	algorithm_iforest.compile(bytes, len, &form);
	return mutants_run(fcinfo, form.data, form.len, true, PG_GETARG_INT32(1), PG_GETARG_INT32(2), serve, NULL);
}

/* Times scoring in blocks and row by row, and explaining: nanoseconds of CPU a row, the best of five. */
Datum
test_iforest_bench(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);
	int			nrows = TYPEALIGN(BLOCK, PG_GETARG_INT32(1));
	Subject		subject;
	Random		random;
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {0};
	double		best[3] = {INFINITY, INFINITY, INFINITY};
	float	   *rows;
	float	   *scores;
	double	   *phi;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	open_subject(&subject, bytes, len);
	random_seed(&random, 1);
	rows = make_rows(&subject, nrows, PG_GETARG_FLOAT8(2), &random);
	scores = palloc(sizeof(float) * nrows);
	phi = palloc(sizeof(double) * (subject.model->nfeatures + 1));
	for (int round = 0; round < 15; round++)
	{
		int			what = round % 3;
		int			n = (what == 2) ? nrows / 64 : nrows;
		int			step = (what == 0) ? BLOCK : 1;
		double		start = cpu_seconds();

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n; i += step)
		{
			const float *row = rows + (Size) i * subject.model->nfeatures;

			if (what == 2)
				algorithm_iforest.explain(subject.model, row, 0, phi);
			else
				algorithm_iforest.margin(subject.model, row, step, scores + i);
		}
		best[what] = Min(best[what], (cpu_seconds() - start) / n * 1e9);
	}
	for (int i = 0; i < 3; i++)
		values[i] = Float8GetDatum(best[i]);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
