/*-------------------------------------------------------------------------
 *
 * surprise_group.c
 *	  One table of many groups: each value within its group.
 *
 * With partition_by the first aspect of every other column is seen once more, given
 * its row's group.  Outcomes (categories, numbers of few values) get one table more, of
 * all groups.  Other numbers are standardised by their group's median and width,
 * both drawn towards those of the whole, and judged by how the standardised
 * numbers of all groups together are spread: what is usual in a small shop is strange in a
 * large one, although each has seen few rows.
 *
 * Numbers that move by themselves are left out.  A group that training did not see
 * is judged by the whole.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"

#include "anomaly/surprise.h"

/* The usual width counts as so many rows of every group, the whole's median as at most so many. */
#define GROUP_ROWS 10.0
#define MAX_PRIOR_ROWS 1000.0

/* A group's width is never less than this part of the whole's: constants are no measure. */
#define LEAST_WIDTH 1e-4

/* Groups of fewer rows do not say what the usual width is. */
#define MEASURED_ROWS 4

/* With more rows than this, medians are learned from every k-th. */
#define GROUP_MAX_ROWS (4 * 1024 * 1024)

#define ST_SORT sort_group
#define ST_ELEMENT_TYPE float
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Rows' groups, and places to bring the values of one group together. */
typedef struct Grouping
{
	const Matrix *rows;
	int64		stride;
	int64		nrows;			/* that are looked at */
	int			ngroups;		/* outcomes of the partition */
	uint16	   *groups;			/* by row */
	int64	   *ends;			/* where each group's values end */
	float	   *values;
	Size		cells;			/* of the tables so far */
} Grouping;

/* Finds the column that the option names, by its first aspect. */
static int
find_partition(const TrainRequest *request, const char *name, const SurpriseModel *model)
{
	const Encoder *encoder = request->encoder;

	for (int a = 0; a < model->naspects; a++)
	{
		const SurpriseAspect *aspect = &model->aspects[a];

		if (encoder == NULL || aspect->side || strcmp(encoder->columns[aspect->column].name, name) != 0)
			continue;
		if (!aspect->categorical)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" cannot be a partition", name),
					 errdetail("Its values hardly repeat.")));
		return a;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("partition column \"%s\" is not among the columns", name),
			 errhint("Name it in the columns too.")));
}

/* Gives the aspect's values standardised by their groups. */
void
surprise_standardise(const SurpriseAspect *aspect, const float *values, Size stride, int n,
					 const uint16 *groups, float *out)
{
	for (int i = 0; i < n; i++)
		out[i] = surprise_within(values[i * stride], aspect->center[groups[i]], 1.0f / aspect->width[groups[i]]);
}

/* Finds the group of every row that is looked at. */
static void
begin_grouping(Grouping *grouping, const Matrix *rows, const SurpriseAspect *partition)
{
	SurpriseCoder *coder = surprise_coder(partition);

	grouping->rows = rows;
	grouping->stride = (rows->nrows - 1) / GROUP_MAX_ROWS + 1;
	grouping->nrows = (rows->nrows - 1) / grouping->stride + 1;
	grouping->ngroups = SURPRISE_OUTCOMES(partition);
	grouping->groups = palloc_extended(mul_size(sizeof(uint16), grouping->nrows), MCXT_ALLOC_HUGE);
	grouping->values = palloc_extended(mul_size(sizeof(float), grouping->nrows), MCXT_ALLOC_HUGE);
	grouping->ends = palloc(mul_size(sizeof(int64), grouping->ngroups));
	for (int64 i = 0; i < grouping->nrows; i++)
		surprise_code(coder, matrix_row(rows, i * grouping->stride) + partition->feature, 1, 1, &grouping->groups[i]);
}

/* Brings the known values of a feature together by their groups. */
static void
collect(Grouping *grouping, int feature)
{
	int64		start = 0;

	memset(grouping->ends, 0, sizeof(int64) * grouping->ngroups);
	for (int64 i = 0; i < grouping->nrows; i++)
		if (!isnan(matrix_row(grouping->rows, i * grouping->stride)[feature]))
			grouping->ends[grouping->groups[i]]++;
	for (int g = 0; g < grouping->ngroups; g++)
	{
		int64		n = grouping->ends[g];

		grouping->ends[g] = start;
		start += n;
	}
	for (int64 i = 0; i < grouping->nrows; i++)
	{
		float		x = matrix_row(grouping->rows, i * grouping->stride)[feature];

		if (!isnan(x))
			grouping->values[grouping->ends[grouping->groups[i]]++] = x;
	}
}

/* Gives the median of sorted values and how far apart their quarters are. */
static void
middle(const float *values, int64 n, double *median, double *width)
{
	*median = ((double) values[(n - 1) / 2] + values[n / 2]) / 2;
	*width = (double) values[n - 1 - n / 4] - values[n / 4];
}

/* Fills every group's own median and width, and gives the usual width within a group, or 0. */
static double
measure_groups(Grouping *grouping, double least, double *medians, double *widths)
{
	double		sum = 0;
	double		rows = 0;
	int64		start = 0;

	for (int g = 0; g < grouping->ngroups; g++)
	{
		int64		n = grouping->ends[g] - start;

		CHECK_FOR_INTERRUPTS();
		if (n > 0)
		{
			sort_group(grouping->values + start, n);
			middle(grouping->values + start, n, &medians[g], &widths[g]);
			widths[g] = Max(widths[g], least);
		}
		if (n >= MEASURED_ROWS)
		{
			sum += n * log(widths[g]);
			rows += n;
		}
		start = grouping->ends[g];
	}
	return rows > 0 ? exp(sum / rows) : 0;
}

/*
 * Draws a group's median towards the whole's, the more the less groups differ in it
 * beside what rows of a group differ (James and Stein), and its width towards the
 * usual one.  A median of few rows is none to be sure of: then the width is larger.
 */
static void
shrink(double rows, double median, double usual, double whole, double *own_median, double *own_width)
{
	double		between = Max(whole * whole - usual * usual, 0);
	double		prior = between > 0 ? Min(usual * usual / between, MAX_PRIOR_ROWS) : MAX_PRIOR_ROWS;

	*own_median = (rows * *own_median + prior * median) / (rows + prior);
	*own_width = exp((rows * log(*own_width) + GROUP_ROWS * log(usual)) / (rows + GROUP_ROWS));
	*own_width *= sqrt(1 + 1 / (rows + prior));
}

/* Learns what the numbers of each group are standardised by; false when the whole has no width. */
static bool
learn_centers(Grouping *grouping, SurpriseAspect *aspect)
{
	int64		n = grouping->ends[grouping->ngroups - 1];
	float	   *all = palloc_extended(mul_size(sizeof(float), Max(n, 1)), MCXT_ALLOC_HUGE);
	double	   *medians = palloc(mul_size(sizeof(double), grouping->ngroups));
	double	   *widths = palloc(mul_size(sizeof(double), grouping->ngroups));
	double		median;
	double		whole;
	double		usual;
	int64		start = 0;

	memcpy(all, grouping->values, sizeof(float) * n);
	sort_group(all, n);
	middle(all, n, &median, &whole);
	pfree(all);
	if (!(whole >= 1e-30 && whole <= 1e30))
		return false;
	usual = measure_groups(grouping, LEAST_WIDTH * whole, medians, widths);
	if (usual == 0)
		usual = whole;
	aspect->ngroups = grouping->ngroups;
	aspect->center = palloc(mul_size(sizeof(float), grouping->ngroups));
	aspect->width = palloc(mul_size(sizeof(float), grouping->ngroups));
	for (int g = 0; g < grouping->ngroups; g++)
	{
		int64		rows = grouping->ends[g] - start;

		start = grouping->ends[g];
		/* a group without rows, others and none are judged by the whole */
		if (rows == 0 || g >= grouping->ngroups - 2)
		{
			medians[g] = median;
			widths[g] = whole;
		}
		else
			shrink((double) rows, median, usual, whole, &medians[g], &widths[g]);
		aspect->center[g] = (float) medians[g];
		aspect->width[g] = (float) Min(Max(widths[g], 1e-30), 1e30);
	}
	pfree(medians);
	pfree(widths);
	return true;
}

/* Learns how the standardised numbers of a sample are spread. */
static void
learn_spread(const Grouping *grouping, const SurpriseOptions *options, int naspects, SurpriseAspect *aspect)
{
	int64		step = (grouping->nrows - 1) / surprise_sample_rows(grouping->nrows, naspects) + 1;
	int64		n = 0;

	for (int64 i = 0; i < grouping->nrows; i += step)
	{
		const float *x = matrix_row(grouping->rows, i * grouping->stride) + aspect->feature;

		if (isnan(*x))
			continue;
		surprise_standardise(aspect, x, 1, 1, &grouping->groups[i], &grouping->values[n]);
		grouping->values[n] = Min(Max(grouping->values[n], -1e30f), 1e30f) + 0.0f;
		n++;
	}
	surprise_learn_number(aspect, grouping->values, n, surprise_bins(grouping->rows->nrows, options->bins),
						  options->tail_share);
	aspect->open_below = aspect->open_above = true;
	if (aspect->nvalues == 1 && aspect->lo[0] == aspect->hi[0])
	{
		/* constant in every group: another value was never seen, and a width is a step away */
		aspect->open_below = aspect->open_above = false;
		aspect->scale_lo = aspect->scale_hi = 1;
	}
}

/* Whether all values of a number stand alone, so that they are outcomes rather than a range. */
static bool
is_discrete(const SurpriseAspect *aspect)
{
	for (int i = 0; i < aspect->nvalues; i++)
		if (!aspect->alone[i])
			return false;
	return true;
}

/* Makes of an aspect the same within its group; false when it has none. */
static bool
make_grouped(Grouping *grouping, const SurpriseOptions *options, int naspects, const SurpriseAspect *aspect,
			 SurpriseAspect *grouped)
{
	Size		cells = mul_size(surprise_npair(aspect), grouping->ngroups);

	*grouped = *aspect;
	grouped->grouped = true;
	grouped->paired = false;
	if (aspect->categorical || is_discrete(aspect))
	{
		if (grouping->cells + cells > SURPRISE_MAX_CELLS)
			return false;
		grouping->cells += cells;
		grouped->nparents = 1;
		grouped->parents[0].whole = true;
		grouped->parents[0].information = 1;
	}
	else
	{
		collect(grouping, aspect->feature);
		if (!learn_centers(grouping, grouped))
			return false;
		learn_spread(grouping, options, naspects, grouped);
	}
	grouped->counts = palloc0(mul_size(sizeof(double), SURPRISE_OUTCOMES(grouped)));
	return true;
}

/* Whether an aspect is seen within its group too. */
static bool
wants_group(const SurpriseAspect *aspect, int partition_column)
{
	if (aspect->side || aspect->column == partition_column)
		return false;
	return aspect->categorical || (aspect->nvalues > 0 && !aspect->open_below && !aspect->open_above);
}

/* Adds behind the aspects the same within their groups, when there is a partition. */
void
surprise_learn_groups(const TrainRequest *request, const SurpriseOptions *options, SurpriseModel *model)
{
	SurpriseAspect *plain = model->aspects;
	int			nplain = model->naspects;
	int			partition;
	Grouping	grouping = {0};

	if (options->partition_by == NULL)
		return;
	partition = find_partition(request, options->partition_by, model);
	begin_grouping(&grouping, request->rows, &plain[partition]);
	model->aspects = palloc0(mul_size(sizeof(SurpriseAspect), 2 * nplain));
	model->naspects = 0;
	for (int a = 0; a < nplain; a++)
	{
		SurpriseAspect *place = &model->aspects[model->naspects];

		CHECK_FOR_INTERRUPTS();
		/* a key is a name: how long it is, or on what day, says nothing of the group's rows */
		if (a != partition && plain[a].column == plain[partition].column)
			continue;
		if (a == partition)
			model->partition = model->naspects;
		place[0] = plain[a];
		/* what a group says is told by the aspects within it */
		if (plain[a].column == plain[partition].column)
			place[0].paired = false;
		model->naspects++;
		if (wants_group(&plain[a], plain[partition].column) &&
			make_grouped(&grouping, options, nplain, &plain[a], &place[1]))
			model->naspects++;
	}
	for (int a = 0; a < model->naspects; a++)
		for (int k = 0; k < model->aspects[a].nparents; k++)
			model->aspects[a].parents[k].aspect = model->partition;
	pfree(grouping.groups);
	pfree(grouping.values);
	pfree(plain);
}
