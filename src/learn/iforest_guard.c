/*-------------------------------------------------------------------------
 *
 * iforest_guard.c
 *	  What (nearly) no training row showed makes a row strange by itself.
 *
 * A tree grows from a few hundred rows, so the forest cannot know that a
 * column was never NULL in a million of them, that a category is new, or that a
 * number is far from every other: it only sees something rare.  Guards know,
 * because they look at all rows once.  A guard is one small tree more in the
 * forest, on one feature: its ordinary leaf adds nothing to the path length, an
 * exit takes a penalty from it.
 *
 *		x < lo ──▶ -penalty
 *		   └─ x < hi ──▶ 0
 *				 └──▶ -penalty			(NULL goes to one of the exits, or to 0)
 *
 * What a guard watches:
 *
 * - NULL where it is rare, or a value where nearly all are NULL; what the
 *	 encoder does not know (a new category) arrives as NULL.
 * - Categories that are rare in all training rows; true and false are two.
 * - Numbers and intervals more than GUARD_WIDTHS times the training range away
 *	 from it, below zero when GUARD_SIGN_ROWS rows never were, or unlike a constant.  Not
 *	 numbers that rise or fall with the rows (keys, clocks) and not dates: they leave
 *	 their range by themselves.
 *
 * The penalty is measured on the forest's own path lengths.  What a share p of
 * the rows shows makes even the most ordinary row as strange as the p
 * strangest, what none shows one split stranger than the strangest.  p is multiplied by the
 * number of columns, and only p below IFOREST_GUARD_SHARE is guarded: all guards together
 * touch at most that share of the training rows, whose order is otherwise the
 * forest's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "learn/clock.h"
#include "learn/iforest.h"

#define GUARD_MIN_ROWS 100
#define GUARD_SIGN_ROWS 1000
#define GUARD_WIDTHS 9.0

/* A feature that is watched and what all training rows show of it. */
typedef struct Watch
{
	int			feature;
	int			ncategories;
	bool		range;			/* far numbers are strange */
	int64		nmissing;
	Clock		clock;
	float		min;
	float		max;
	bool		marks_unseen;	/* a category that is not kept has the code ncategories, not NaN */
	int64	   *counts;			/* rows per category, and of all that are not kept */
} Watch;

/* What turns a share of rows into a penalty. */
typedef struct Scale
{
	const float *scores;		/* path lengths of training rows, ascending */
	int64		nscores;
	int64		nrows;
	int			ncolumns;
} Scale;

/* One node of a guard's tree. */
typedef struct Step
{
	float		threshold;
	int			ncats;			/* > 0: these categories exit instead */
	int32	   *cats;
	bool		exit_left;
	bool		missing_exits;
	double		penalty;
	int64		count;			/* training rows that exit */
} Step;

#define GUARD_MAX_STEPS 3	/* two for the range of numbers or for categories, one for NULL */

typedef struct Guard
{
	int			feature;
	int			nsteps;
	Step		steps[GUARD_MAX_STEPS];
} Guard;

/* Lists the features to watch: each column's first for NULL, numbers for their range too. */
static Watch *
list_watches(const Encoder *encoder, int nfeatures, int *nwatches)
{
	int			ncolumns = encoder ? encoder->ncolumns : nfeatures;
	Watch	   *watches = palloc0(mul_size(sizeof(Watch), ncolumns));

	*nwatches = 0;
	for (int c = 0; c < ncolumns; c++)
	{
		const EncoderColumn *column = encoder ? &encoder->columns[c] : NULL;
		Watch	   *w = &watches[*nwatches];

		if (column && column->nfeatures == 0)
			continue;
		w->feature = column ? column->first_feature : c;
		w->range = column == NULL || column->kind == ENCODER_NUMBER || column->kind == ENCODER_INTERVAL;
		if (column && column->kind == ENCODER_BOOL)
			w->ncategories = 2;
		else if (encoder && encoder->features[w->feature].categorical)
			w->ncategories = encoder->features[w->feature].ncategories;
		w->marks_unseen = encoder && encoder->marks_unseen && encoder->features[w->feature].categorical;
		w->counts = palloc0(mul_size(sizeof(int64), w->ncategories + 1));
		w->min = FLT_MAX;
		w->max = -FLT_MAX;
		clock_begin(&w->clock);
		(*nwatches)++;
	}
	return watches;
}

/* Takes one value into account. */
static inline void
watch_value(Watch *w, float v)
{
	if (isnan(v))
		w->nmissing++;
	else if (w->ncategories > 0)
	{
		if (v >= 0 && v <= w->ncategories)
			w->counts[(int) v]++;
	}
	else
	{
		clock_value(&w->clock, v);
		w->min = Min(w->min, v);
		w->max = Max(w->max, v);
	}
}

/* Looks at every training row once. */
static void
survey(const Matrix *rows, Watch *watches, int nwatches)
{
	for (int64 i = 0; i < rows->nrows; i++)
	{
		const float *row = matrix_row(rows, i);

		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		for (int w = 0; w < nwatches; w++)
			watch_value(&watches[w], row[watches[w].feature]);
	}
}

/* Gives the penalty of what none of the training rows shows. */
static double
penalty_unseen(const Scale *scale)
{
	return (double) scale->scores[scale->nscores - 1] - scale->scores[0] + 1.0;
}

/* Says whether what so many training rows show is rare enough to be guarded. */
static bool
is_rare(const Scale *scale, int64 count)
{
	return (double) count * scale->ncolumns < IFOREST_GUARD_SHARE * scale->nrows;
}

/* Gives the penalty of what so many training rows show; 0 when it is not rare. */
static double
penalty_of(const Scale *scale, int64 count)
{
	double		share = (double) count * scale->ncolumns / scale->nrows;
	int64		rank;

	if (count == 0)
		return penalty_unseen(scale);
	if (!is_rare(scale, count))
		return 0;
	rank = Min((int64) (share * scale->nscores), scale->nscores - 1);
	return (double) scale->scores[scale->nscores - 1] - scale->scores[rank];
}

/* Appends a step that compares with a threshold. */
static Step *
add_threshold(Guard *guard, float threshold, bool exit_left, double penalty, int64 count)
{
	Step	   *step = &guard->steps[guard->nsteps++];

	Assert(guard->nsteps <= GUARD_MAX_STEPS);
	memset(step, 0, sizeof(*step));
	step->threshold = threshold;
	step->exit_left = exit_left;
	step->penalty = penalty;
	step->count = count;
	return step;
}

/* Appends a step that lets only missing values exit: none is below the least float. */
static void
add_missing(Guard *guard, double penalty, int64 count)
{
	add_threshold(guard, -FLT_MAX, true, penalty, count)->missing_exits = true;
}

/* Appends the steps for numbers far from all that were seen. */
static void
add_range(Guard *guard, const Scale *scale, const Watch *w)
{
	double		width = (double) w->max - w->min;
	double		lo = w->min - GUARD_WIDTHS * width;
	double		hi = w->max + GUARD_WIDTHS * width;

	if (width > 0 && clock_direction(&w->clock) != 0)
		return;
	if (width > 0 && w->min >= 0 && scale->nrows >= GUARD_SIGN_ROWS)
		lo = 0;
	if (lo > -FLT_MAX)
		add_threshold(guard, (float) lo, true, penalty_unseen(scale), 0);
	if (hi < FLT_MAX)
		add_threshold(guard, nextafterf((float) hi, FLT_MAX), false, penalty_unseen(scale), 0);
}

/* Makes the guard of a numeric feature. */
static void
guard_numbers(const Scale *scale, const Watch *w, Guard *guard)
{
	int64		nvalues = scale->nrows - w->nmissing;

	if (is_rare(scale, nvalues))
	{
		/* nearly all are NULL: a value is what is strange */
		add_threshold(guard, -FLT_MAX, false, penalty_of(scale, nvalues), nvalues);
		return;
	}
	if (w->range)
		add_range(guard, scale, w);
	if (!is_rare(scale, w->nmissing))
		return;
	if (w->nmissing == 0 && guard->nsteps > 0)
		guard->steps[0].missing_exits = true;
	else
		add_missing(guard, penalty_of(scale, w->nmissing), w->nmissing);
}

typedef struct CategoryCount
{
	int			category;		/* -1 = NULL */
	int64		count;
} CategoryCount;

/* Orders categories by their rows, then by their code. */
static int
compare_counts(const void *a, const void *b)
{
	const CategoryCount *x = a;
	const CategoryCount *y = b;

	if (x->count != y->count)
		return (x->count < y->count) ? -1 : 1;
	return (x->category < y->category) ? -1 : (x->category > y->category);
}

/* Orders category codes. */
static int
compare_codes(const void *a, const void *b)
{
	return *(const int32 *) a - *(const int32 *) b;
}

/*
 * Counts what a categorical feature shows: each category, NULL, and where the
 * encoder tells them from NULL all categories that are not kept.  How likely a
 * category is new in the next row is estimated by the share of categories seen once
 * (Good and Turing); it arrives as one that is not kept, or else as NULL.
 */
static int
count_categories(const Watch *w, CategoryCount *order)
{
	int			n = w->ncategories;
	int64		singles = 0;

	for (int c = 0; c < w->ncategories; c++)
	{
		order[c].category = c;
		order[c].count = w->counts[c];
		singles += w->counts[c] == 1;
	}
	order[n].category = -1;
	order[n++].count = w->marks_unseen ? w->nmissing : Max(w->nmissing, singles);
	if (w->marks_unseen)
	{
		order[n].category = w->ncategories;
		order[n++].count = Max(w->counts[w->ncategories], singles);
	}
	return n;
}

/* Appends a step at which some categories exit; count training rows did. */
static void
add_categories(Guard *guard, int32 *cats, int ncats, double penalty, int64 count)
{
	Step	   *step = &guard->steps[guard->nsteps++];

	step->cats = cats;
	step->ncats = ncats;
	step->penalty = penalty;
	step->count = count;
}

/* Makes the guard of a categorical feature.  Rare is a category when it and all rarer ones together are. */
static void
guard_categories(const Scale *scale, const Watch *w, Guard *guard)
{
	CategoryCount *order = palloc(mul_size(sizeof(CategoryCount), w->ncategories + 2));
	int			n = count_categories(w, order);
	int32	   *rare = palloc(mul_size(sizeof(int32), w->ncategories + 1));
	int32	   *other = palloc(sizeof(int32));
	int			nrare = 0;
	int64		total = 0;
	int64		count = 0;

	qsort(order, n, sizeof(CategoryCount), compare_counts);
	for (int i = 0; i < n && is_rare(scale, total + order[i].count); i++)
	{
		int			category = order[i].category;

		total += order[i].count;
		if (category < 0)
			add_missing(guard, penalty_of(scale, total), w->nmissing);
		else if (category == w->ncategories)
		{
			*other = category;
			add_categories(guard, other, 1, penalty_of(scale, total), w->counts[category]);
		}
		else
		{
			rare[nrare++] = category;
			count += w->counts[category];
		}
	}
	if (nrare == 0)
		return;
	qsort(rare, nrare, sizeof(int32), compare_codes);
	add_categories(guard, rare, nrare, penalty_of(scale, total), count);
}

/* Allocates the arrays of a tree of so many nodes, all zero. */
static void
allocate_tree(ForestTree *tree, int nnodes, int ncats)
{
	memset(tree, 0, sizeof(*tree));
	tree->nnodes = nnodes;
	tree->weight = 1;
	tree->left = palloc0(sizeof(int32) * nnodes);
	tree->right = palloc0(sizeof(int32) * nnodes);
	tree->feature = palloc0(sizeof(int32) * nnodes);
	tree->value = palloc0(sizeof(float) * nnodes);
	tree->default_left = palloc0(sizeof(uint8) * nnodes);
	tree->gain = palloc0(sizeof(float) * nnodes);
	tree->cover = palloc0(sizeof(float) * nnodes);
	tree->base_weight = palloc0(sizeof(float) * nnodes);
	tree->split_type = palloc0(sizeof(uint8) * nnodes);
	tree->cat_start = palloc0(sizeof(int32) * nnodes);
	tree->cat_count = palloc0(sizeof(int32) * nnodes);
	tree->cats = palloc0(mul_size(sizeof(int32), Max(ncats, 1)));
}

/* Makes a node a leaf that adds value. */
static void
set_leaf(ForestTree *tree, int node, float value, double cover)
{
	tree->left[node] = tree->right[node] = -1;
	tree->value[node] = tree->base_weight[node] = value;
	tree->cover[node] = cover;
}

/* Writes one step into a node with its exit as a leaf, and gives the node where the tree goes on. */
static int
write_step(ForestTree *tree, int node, int first_child, int feature, const Step *step)
{
	bool		exit_left = step->exit_left && step->ncats == 0;

	tree->feature[node] = feature;
	tree->value[node] = step->threshold;
	tree->left[node] = first_child;
	tree->right[node] = first_child + 1;
	tree->default_left[node] = step->missing_exits == exit_left;
	if (step->ncats > 0)
	{
		tree->has_categories = true;
		tree->split_type[node] = 1;
		tree->cat_start[node] = tree->ncats;
		tree->cat_count[node] = step->ncats;
		memcpy(tree->cats + tree->ncats, step->cats, sizeof(int32) * step->ncats);
		tree->ncats += step->ncats;
	}
	return exit_left ? tree->right[node] : tree->left[node];
}

/*
 * Writes a guard as a tree.  Covers are the shares of the rows scaled to a
 * sample of the other trees, so that explanations weigh alike; an exit that no
 * row took counts half a row.
 */
static void
write_guard(const Guard *guard, int64 nrows, double sample, ForestTree *tree)
{
	double		unit = sample / nrows;
	double		rest = sample;
	int			ncats = 0;
	int			node = 0;

	for (int i = 0; i < guard->nsteps; i++)
		ncats += guard->steps[i].ncats;
	allocate_tree(tree, 2 * guard->nsteps + 1, ncats);
	tree->depth = guard->nsteps;
	for (int i = 0; i < guard->nsteps; i++)
	{
		const Step *step = &guard->steps[i];
		double		exits = unit * Max((double) step->count, 0.5);
		int			next = write_step(tree, node, 2 * i + 1, guard->feature, step);
		int			out = (next == tree->left[node]) ? tree->right[node] : tree->left[node];

		tree->cover[node] = rest;
		rest = Max(rest - exits, unit * 0.5);
		set_leaf(tree, out, (float) -step->penalty, exits);
		node = next;
	}
	set_leaf(tree, node, 0, rest);
}

/* Adds the guards that the training rows call for to a forest, in its context. */
void
iforest_add_guards(Forest *forest, const Matrix *rows, const Encoder *encoder,
				   const float *scores, int64 nscores, int64 sample)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch;
	Scale		scale = {scores, nscores, rows->nrows};
	Watch	   *watches;
	int			nwatches;

	if (rows->nrows < GUARD_MIN_ROWS)
		return;
	scratch = AllocSetContextCreate(caller, "aipipe iforest guards", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(scratch);
	watches = list_watches(encoder, rows->ncols, &nwatches);
	scale.ncolumns = nwatches;
	survey(rows, watches, nwatches);
	forest->trees = repalloc_huge(forest->trees,
								  mul_size(sizeof(ForestTree), forest->ntrees + nwatches));
	for (int w = 0; w < nwatches; w++)
	{
		Guard		guard = {.feature = watches[w].feature};

		if (watches[w].ncategories > 0)
			guard_categories(&scale, &watches[w], &guard);
		else
			guard_numbers(&scale, &watches[w], &guard);
		if (guard.nsteps == 0)
			continue;
		MemoryContextSwitchTo(forest->context);
		write_guard(&guard, rows->nrows, sample, &forest->trees[forest->ntrees++]);
		MemoryContextSwitchTo(scratch);
	}
	forest->best_iteration_trees = forest->ntrees;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}
