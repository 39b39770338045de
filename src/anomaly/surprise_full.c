/*-------------------------------------------------------------------------
 *
 * surprise_full.c
 *	  Full conditionals: small trees that tell the value of a column from all the others of its row.
 *
 * A pair of columns shows what one tells of the other; what only several tell together
 * takes more.  So a column's outcomes are brought to a few groups, the most
 * frequent categories or ranges of about equal shares, and boosted trees learn
 * the group from the aspects of the other columns, on a sample of the rows.
 *
 * Rows are of three kinds, by their content, and each kind is judged by trees that
 * learned from the other two, in training as ever after.  So tails and severities come
 * from rows that taught nothing to what judges them, and new rows compare with these as
 * equals.  Of training rows that are alike every third one teaches the other
 * trees: one of two or three is judged by trees that saw the others, as a new row would be.
 *
 * The same rows tell how much the trees know: a column whose trees tell no more than
 * the shares of its outcomes do gets none.  Where the groups are the outcomes
 * themselves and trees tell more than the pairs do, they take the pairs' place.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "anomaly/surprise_teach.h"

/* Few and shallow: what is learned must be small enough for one column of many. */
#define TREE_PARAMS "{\"n_estimators\": 12, \"max_depth\": 3, \"learning_rate\": 0.4, \"reg_lambda\": 2, " \
	"\"min_child_weight\": 2, \"max_bin\": 64}"
#define TREE_NODES (12 * 15 * SURPRISE_FULL_FOLDS)

/* Rows that a group must have, and a column whose groups can be learned. */
#define GROUP_MIN_ROWS 10
#define COLUMN_MIN_ROWS 100

/* Groups that a number's values make. */
#define NUMBER_GROUPS 8

/* Where no more than this part of the rows is in a group of several outcomes, groups lose nothing. */
#define EXACT_MERGED 0.05

/* A gain that chance gives is not as many standard errors above zero. */
#define ERRORS 3.0

/* Bytes of a node: as JSON and compiled, twice. */
#define NODE_BYTES 400

/* Gives the trees' parameters. */
static Jsonb *
tree_params(void)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(TREE_PARAMS)));
}

/* Estimates what training trees takes beside the data. */
Size
surprise_full_bytes(int64 nrows, int ncols)
{
	static const char *const none[] = {NULL};
	int64		rows = Min(Max(nrows, 1), TEACHING_ROWS);
	Size		columns = Min(ncols, SURPRISE_FULL_COLUMNS);
	TrainSize	size = {
		.task = TASK_CLASSIFICATION,
		.nrows = rows,
		.ncols = Min(ncols, SURPRISE_FULL_ASPECTS),
		.nclasses = SURPRISE_FULL_GROUPS,
		.params = tree_params(),
		.common = none,
	};
	Size		bytes = algorithm_xgboost.estimate(&size);

	/* what is looked at, once of all columns and once of those that one column's trees see */
	bytes = add_size(bytes, mul_size(mul_size(rows, Min(ncols, 4 * SURPRISE_FULL_ASPECTS) + size.ncols), sizeof(float)));
	bytes = add_size(bytes, mul_size(mul_size(rows, columns), sizeof(uint16)));
	return add_size(bytes, mul_size(columns, TREE_NODES * SURPRISE_FULL_GROUPS * NODE_BYTES));
}

/* Gives a category's group before small ones are left out: itself, the others, NULL. */
static int
category_group(const SurpriseAspect *aspect, int outcome, int64 rows)
{
	if (outcome == SURPRISE_UNSEEN(aspect))
		return SURPRISE_FULL_NONE;
	if (outcome == SURPRISE_NULL(aspect))
		return SURPRISE_FULL_GROUPS - 1;
	return outcome < SURPRISE_FULL_GROUPS - 2 && rows >= GROUP_MIN_ROWS ? outcome : SURPRISE_FULL_GROUPS - 2;
}

/* Gives every outcome of a number its range of about an equal share of the rows. */
static void
number_groups(const SurpriseAspect *aspect, uint8 *groups)
{
	double		total = 0;
	double		below = 0;

	for (int k = 0; k < aspect->nvalues; k++)
		total += aspect->counts[k];
	for (int k = 0; k < aspect->nvalues; k++)
	{
		/* the range in which the middle of the bin's rows falls */
		groups[k] = (uint8) Min((below + aspect->counts[k] / 2) / Max(total, 1) * NUMBER_GROUPS, NUMBER_GROUPS - 1);
		below += aspect->counts[k];
	}
	groups[SURPRISE_UNSEEN(aspect)] = SURPRISE_FULL_NONE;
	groups[SURPRISE_NULL(aspect)] = SURPRISE_FULL_GROUPS - 1;
}

/* Whether nearly every row's group is its very outcome, so that nothing is lost by groups. */
static bool
is_exact(const uint8 *groups, const int64 *rows, int noutcomes)
{
	int			members[SURPRISE_FULL_GROUPS + 1] = {0};
	int64		judged = 0;
	int64		merged = 0;

	for (int k = 0; k < noutcomes; k++)
		members[groups[k]] += rows[k] > 0;
	for (int k = 0; k < noutcomes; k++)
	{
		if (groups[k] == SURPRISE_FULL_NONE)
			continue;
		judged += rows[k];
		merged += members[groups[k]] > 1 ? rows[k] : 0;
	}
	return merged <= EXACT_MERGED * judged;
}

/* Brings the outcomes of a column to groups that are large enough; false when that is less than two. */
static bool
make_groups(const Teaching *teaching, Target *target)
{
	const SurpriseAspect *aspect = &teaching->model->aspects[target->full.aspect];
	int			n = SURPRISE_OUTCOMES(aspect);
	int64	   *rows = palloc0(mul_size(sizeof(int64), n));
	uint8	   *groups = palloc(n);
	int64		size[SURPRISE_FULL_GROUPS + 1] = {0};
	uint8		number[SURPRISE_FULL_GROUPS + 1];
	int64		judged = 0;

	for (int64 i = 0; i < teaching->nrows; i++)
		rows[target->codes[i]]++;
	if (aspect->categorical)
		for (int k = 0; k < n; k++)
			groups[k] = (uint8) category_group(aspect, k, rows[k]);
	else
		number_groups(aspect, groups);
	for (int k = 0; k < n; k++)
		size[groups[k]] += rows[k];
	for (int g = 0; g <= SURPRISE_FULL_GROUPS; g++)
	{
		bool		kept = g < SURPRISE_FULL_GROUPS && size[g] >= GROUP_MIN_ROWS;

		judged += kept ? size[g] : 0;
		number[g] = kept ? (uint8) target->full.ngroups++ : SURPRISE_FULL_NONE;
	}
	for (int k = 0; k < n; k++)
		groups[k] = number[groups[k]];
	target->full.groups = groups;
	target->full.instead = is_exact(groups, rows, n);
	pfree(rows);
	return target->full.ngroups >= 2 && judged >= COLUMN_MIN_ROWS && 2 * judged >= teaching->nrows;
}

/* Describes what the trees of a column look at as an encoder would. */
static void
describe_looks(const Teaching *teaching, Target *target)
{
	int			n = target->full.nlooks;
	Encoder    *encoder = palloc0(sizeof(Encoder));

	encoder->ncolumns = encoder->nfeatures = n;
	encoder->columns = palloc0(mul_size(n, sizeof(EncoderColumn)));
	encoder->features = palloc0(mul_size(n, sizeof(EncoderFeature)));
	target->places = palloc(mul_size(n, sizeof(int)));
	for (int i = 0, place = 0; i < n; i++)
	{
		const SurpriseAspect *aspect = &teaching->model->aspects[target->full.looks[i]];

		while (teaching->looks[place] != target->full.looks[i])
			place++;
		target->places[i] = place;
		encoder->columns[i].name = encoder->features[i].name = psprintf("look %d", i);
		encoder->columns[i].first_feature = encoder->features[i].column = i;
		encoder->columns[i].nfeatures = 1;
		encoder->features[i].categorical = aspect->categorical;
		encoder->features[i].ncategories = aspect->categorical ? Max(surprise_npair(aspect) - 2, 1) : 0;
	}
	target->encoder = encoder;
	target->classes = palloc(sizeof(char *) * target->full.ngroups);
	for (int g = 0; g < target->full.ngroups; g++)
		target->classes[g] = psprintf("%d", g);
}

/* Copies what a column's trees look at in a row. */
static void
copy_looks(const Teaching *teaching, const Target *target, int64 row, float *out)
{
	const float *values = teaching->values + row * teaching->nlooks;

	for (int i = 0; i < target->full.nlooks; i++)
		out[i] = values[target->places[i]];
}

/* Trains trees on the rows that have a group but those of a fold; counts them by group. */
static void
train_trees(const Teaching *teaching, const Target *target, int fold, int64 *counts, TrainResult *result)
{
	static const char *const none[] = {NULL};
	const TrainRequest *outer = teaching->request;
	TrainRequest request = {.task = TASK_CLASSIFICATION, .encoder = target->encoder, .nclasses = target->full.ngroups};
	Matrix	   *rows = matrix_create(CurrentMemoryContext, target->full.nlooks, outer->budget, "what the trees look at");
	float	   *labels = palloc_extended(mul_size(sizeof(float), teaching->nrows), MCXT_ALLOC_HUGE);

	for (int64 i = 0; i < teaching->nrows; i++)
	{
		int			group = target->full.groups[target->codes[i]];

		if (group == SURPRISE_FULL_NONE || teaching->teaches[i] == fold)
			continue;
		labels[rows->nrows] = group;
		counts[group]++;
		copy_looks(teaching, target, i, matrix_append(rows));
	}
	request.rows = rows;
	request.labels = labels;
	request.classes = target->classes;
	request.params = teaching->params;
	request.common = none;
	request.seed = outer->seed;
	request.budget = outer->budget;
	if (rows->nrows > 0)
		algorithm_xgboost.train(&request, result);
	matrix_free(rows);
	pfree(labels);
}

/* What held-out rows say of trees. */
typedef struct Gain
{
	int64		rows;
	double		sum;			/* of the bits by which they beat the shares */
	double		squares;
} Gain;

/* Measures on the rows of a fold how much better trees tell the group than its share among those that taught them. */
static void
measure(const Teaching *teaching, const Target *target, int fold, const int64 *counts, const StringInfoData *compiled, Gain *gain)
{
	const CompiledForest *forest = forest_open(compiled->data, compiled->len);
	float	   *looks = palloc(mul_size(sizeof(float), target->full.nlooks));
	float		margins[SURPRISE_FULL_GROUPS];
	double		total = 0;

	for (int g = 0; g < target->full.ngroups; g++)
		total += counts[g] + 0.5;
	for (int64 i = 0; i < teaching->nrows; i++)
	{
		int			group = target->full.groups[target->codes[i]];
		double		more;

		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		if (group == SURPRISE_FULL_NONE || teaching->judges[i] != fold)
			continue;
		copy_looks(teaching, target, i, looks);
		forest_margin(forest, looks, 1, margins);
		more = -log2((counts[group] + 0.5) / total) - surprise_group_bits(margins, target->full.ngroups, group);
		gain->rows++;
		gain->sum += more;
		gain->squares += more * more;
	}
	pfree(looks);
}

/* Copies bytes to another context. */
static void
keep_bytes(MemoryContext keeper, const StringInfoData *from, StringInfo to)
{
	MemoryContext old = MemoryContextSwitchTo(keeper);

	initStringInfo(to);
	appendBinaryStringInfo(to, from->data, from->len);
	MemoryContextSwitchTo(old);
}

/* Trains the trees that do not see a fold, and measures them on it; false when no row is left for either. */
static bool
train_fold(const Teaching *teaching, Target *target, int fold, Gain *gain)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "aipipe surprise fold", ALLOCSET_DEFAULT_SIZES);
	int64		counts[SURPRISE_FULL_GROUPS] = {0};
	TrainResult result = {0};
	StringInfoData artifact;
	int64		before = gain->rows;

	MemoryContextSwitchTo(context);
	train_trees(teaching, target, fold, counts, &result);
	if (result.compiled.len > 0)
	{
		measure(teaching, target, fold, counts, &result.compiled, gain);
		keep_bytes(caller, &result.artifact, &artifact);
		keep_bytes(caller, &result.compiled, &target->full.compiled[fold]);
		target->full.artifact[fold] = artifact.data;
		target->full.artifact_len[fold] = artifact.len;
		teaching->model->library = MemoryContextStrdup(caller, result.library);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return gain->rows > before;
}

/* Says whether what trees gained on rows that they did not see is worth having, and more than chance. */
static bool
is_gain(const Teaching *teaching, const Gain *gain, float *mean)
{
	double		average = gain->sum / gain->rows;
	double		variance = Max(gain->squares / gain->rows - average * average, 0);

	*mean = (float) average;
	return average > 0 && average >= teaching->min_gain && average > ERRORS * sqrt(variance / gain->rows);
}

/* Trains the trees of one column; false when they do not help. */
static bool
teach(const Teaching *teaching, Target *target)
{
	Gain		gain = {0};

	if (target->full.nlooks == 0 || !make_groups(teaching, target))
		return false;
	describe_looks(teaching, target);
	for (int f = 0; f < SURPRISE_FULL_FOLDS; f++)
	{
		/* what does not help on one part is not tried on another */
		if (!train_fold(teaching, target, f, &gain) || gain.sum <= 0)
			return false;
	}
	return is_gain(teaching, &gain, &target->full.gain);
}

/* Trains the trees of the columns that other columns tell of. */
void
surprise_learn_full(const TrainRequest *request, const SurpriseOptions *options, SurpriseModel *model)
{
	Teaching	teaching = {.request = request, .min_gain = options->min_information, .model = model};
	Target	   *targets;

	targets = surprise_teach_choose(&teaching);
	if (teaching.ntargets == 0 || teaching.nlooks == 0)
		return;
	teaching.params = tree_params();
	progress_phase(request->progress, "growing trees", teaching.ntargets);
	surprise_teach_read(&teaching, targets);
	model->fulls = palloc0(mul_size(sizeof(SurpriseFull), teaching.ntargets));
	for (int t = 0; t < teaching.ntargets; t++)
	{
		targets[t].codes = teaching.codes + t * teaching.nrows;
		if (teach(&teaching, &targets[t]))
		{
			targets[t].full.instead &= targets[t].full.gain > teaching.pairs[t] / teaching.nrows;
			model->fulls[model->nfulls++] = targets[t].full;
		}
		progress_update(request->progress, t + 1);
	}
	surprise_teach_free(&teaching);
}
