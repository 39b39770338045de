/*-------------------------------------------------------------------------
 *
 * surprise_pairs.c
 *	  Which aspect says how much about which other, and so which are its parents.
 *
 * The measure is mutual information in bits, by the counts of a sample of rows,
 * less what counts of so many cells show by chance (Miller and Madow).  It must reach
 * min_information and be three standard deviations above chance.
 *
 * The work is bounded by PAIR_WORK, whatever the number of columns.  Where all
 * pairs on all rows of the sample are more, pairs are first compared with at most
 * COARSE outcomes an aspect on fewer rows, and the best candidates then as they are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"

#include "anomaly/surprise.h"

/* Pairs times rows that are looked at. */
#define PAIR_WORK INT64CONST(400000000)
#define COARSE 8
#define COARSE_MIN_ROWS 512
#define REFINE_MIN_ROWS 4096
/* Candidates for each parent that there may be. */
#define CANDIDATES 4
#define DEVIATIONS 3.0

/* An aspect and what it says about another. */
typedef struct Ranked
{
	int			member;
	double		information;
} Ranked;

/* The best of what was offered, best first. */
typedef struct Ranking
{
	int			n;
	int			limit;
	Ranked	   *best;
} Ranking;

typedef struct PairSearch
{
	SurpriseModel *model;
	int			nmembers;		/* aspects that take part */
	int		   *members;
	int		   *noutcomes;		/* by member */
	int64		nrows;			/* of the sample */
	uint8	   *codes;			/* [member * nrows + row] */
	uint32	   *table;
	double	   *xlog;			/* x * log2(x) */
	double		least;			/* min_information */
	Progress   *progress;
} PairSearch;

/* Puts a member in its place among the best, if it has one; at a tie the earlier stays before. */
static void
offer(Ranking *ranking, int member, double information)
{
	int			at = ranking->n;

	if (information <= 0)
		return;
	while (at > 0 && ranking->best[at - 1].information < information)
		at--;
	if (at >= ranking->limit)
		return;
	ranking->n = Min(ranking->n + 1, ranking->limit);
	memmove(&ranking->best[at + 1], &ranking->best[at], sizeof(Ranked) * (ranking->n - 1 - at));
	ranking->best[at].member = member;
	ranking->best[at].information = information;
}

/* Makes a ranking for every member. */
static Ranking *
make_rankings(int n, int limit)
{
	Ranking    *rankings = palloc(mul_size(sizeof(Ranking), Max(n, 1)));

	for (int i = 0; i < n; i++)
	{
		rankings[i].n = 0;
		rankings[i].limit = limit;
		rankings[i].best = palloc(mul_size(sizeof(Ranked), limit + 1));
	}
	return rankings;
}

/* Sums x * log2(x) over counts that lie stride apart, and counts those that are not zero. */
static double
sum_xlog(const PairSearch *search, const uint32 *counts, int n, int *nonzero)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
	{
		sum += search->xlog[counts[i]];
		*nonzero += counts[i] > 0;
	}
	return sum;
}

/* Gives the mutual information of two code arrays less what chance shows; 0 when it is not significant. */
static double
information(const PairSearch *search, const uint8 *x, int nx, const uint8 *y, int ny, int64 nrows)
{
	uint32	   *table = search->table;
	uint32		of_x[SURPRISE_MAX_OUTCOMES] = {0};
	uint32		of_y[SURPRISE_MAX_OUTCOMES] = {0};
	int			present_x = 0;
	int			present_y = 0;
	int			cells = 0;
	double		freedom;
	double		value;

	memset(table, 0, sizeof(uint32) * nx * ny);
	for (int64 i = 0; i < nrows; i++)
		table[x[i] * ny + y[i]]++;
	for (int a = 0; a < nx; a++)
		for (int b = 0; b < ny; b++)
		{
			of_x[a] += table[a * ny + b];
			of_y[b] += table[a * ny + b];
		}
	value = sum_xlog(search, table, nx * ny, &cells) - sum_xlog(search, of_x, nx, &present_x) -
		sum_xlog(search, of_y, ny, &present_y) + search->xlog[nrows];
	freedom = (double) (present_x - 1) * (present_y - 1);
	value = value / nrows - freedom / (2 * nrows * M_LN2);
	if (value < DEVIATIONS * sqrt(2 * freedom) / (2 * nrows * M_LN2))
		return 0;
	return value;
}

/* Codes every stride-th row for all members, as pairs tell outcomes apart. */
static void
code_sample(PairSearch *search, const Matrix *rows, int64 stride)
{
	float		values[SURPRISE_BLOCK];
	uint16		codes[SURPRISE_BLOCK];

	for (int k = 0; k < search->nmembers; k++)
	{
		const SurpriseAspect *aspect = &search->model->aspects[search->members[k]];
		SurpriseCoder *coder = surprise_coder(aspect);
		uint8	   *out = search->codes + k * search->nrows;

		CHECK_FOR_INTERRUPTS();
		search->noutcomes[k] = surprise_npair(aspect);
		for (int64 done = 0; done < search->nrows; done += SURPRISE_BLOCK)
		{
			int			n = (int) Min(SURPRISE_BLOCK, search->nrows - done);

			for (int i = 0; i < n; i++)
				values[i] = matrix_row(rows, (done + i) * stride)[aspect->feature];
			surprise_code(coder, values, 1, n, codes);
			for (int i = 0; i < n; i++)
				out[done + i] = (uint8) surprise_pair(aspect, codes[i]);
		}
		pfree(coder);
	}
}

/* Merges a member's outcomes to at most COARSE of about equal shares, on every so many-th row; gives their number. */
static int
coarsen(const PairSearch *search, int member, int64 nrows, uint8 *out)
{
	const uint8 *codes = search->codes + member * search->nrows;
	int64		counts[SURPRISE_MAX_OUTCOMES] = {0};
	uint8		group[SURPRISE_MAX_OUTCOMES] = {0};
	int64		below = 0;

	for (int64 i = 0; i < search->nrows; i++)
		counts[codes[i]]++;
	for (int k = 0; k < search->noutcomes[member]; k++)
	{
		/* the group in which the middle of the outcome's rows falls */
		group[k] = (uint8) ((2 * below + counts[k]) * COARSE / (2 * search->nrows + 1));
		below += counts[k];
	}
	for (int64 i = 0; i < nrows; i++)
		out[i] = group[codes[i * search->nrows / nrows]];
	return COARSE;
}

/* Whether two members belong to one column. */
static bool
same_column(const PairSearch *search, int i, int j)
{
	const SurpriseAspect *aspects = search->model->aspects;

	return aspects[search->members[i]].column == aspects[search->members[j]].column;
}

/* Ranks for every member all others by codes of nrows rows. */
static void
rank_all(const PairSearch *search, const uint8 *codes, const int *noutcomes, int64 nrows, double least, Ranking *rankings)
{
	for (int i = 0; i < search->nmembers; i++)
	{
		for (int j = i + 1; j < search->nmembers; j++)
		{
			double		value;

			CHECK_FOR_INTERRUPTS();
			if (same_column(search, i, j))
				continue;
			value = information(search, codes + i * nrows, noutcomes[i], codes + j * nrows, noutcomes[j], nrows);
			if (value < least)
				continue;
			offer(&rankings[i], j, value);
			offer(&rankings[j], i, value);
		}
		if (search->progress)
			progress_update(search->progress, i + 1);
	}
}

/* Finds the candidates of every member with few outcomes on few rows. */
static Ranking *
rank_coarse(const PairSearch *search, int limit)
{
	int64		npairs = (int64) search->nmembers * (search->nmembers - 1) / 2;
	int64		nrows = Min(search->nrows, Max(PAIR_WORK / npairs, COARSE_MIN_ROWS));
	uint8	   *codes = palloc_extended(mul_size(search->nmembers, nrows), MCXT_ALLOC_HUGE);
	int		   *noutcomes = palloc(mul_size(sizeof(int), search->nmembers));
	Ranking    *rankings = make_rankings(search->nmembers, limit);

	for (int k = 0; k < search->nmembers; k++)
		noutcomes[k] = coarsen(search, k, nrows, codes + k * nrows);
	rank_all(search, codes, noutcomes, nrows, 0, rankings);
	pfree(codes);
	pfree(noutcomes);
	return rankings;
}

/* Ranks every member's candidates by all their outcomes. */
static void
refine(const PairSearch *search, const Ranking *candidates, Ranking *rankings)
{
	int64		pairs = (int64) search->nmembers * candidates[0].limit;
	int64		nrows = Min(search->nrows, Max(PAIR_WORK / pairs, REFINE_MIN_ROWS));

	for (int i = 0; i < search->nmembers; i++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int k = 0; k < candidates[i].n; k++)
		{
			int			j = candidates[i].best[k].member;
			double		value = information(search, search->codes + i * search->nrows, search->noutcomes[i],
											search->codes + j * search->nrows, search->noutcomes[j], nrows);

			if (value >= search->least)
				offer(&rankings[i], j, value);
		}
	}
}

/* Takes the best of every member as its parents. */
static void
take_parents(PairSearch *search, const Ranking *rankings)
{
	for (int i = 0; i < search->nmembers; i++)
	{
		SurpriseAspect *aspect = &search->model->aspects[search->members[i]];

		aspect->nparents = rankings[i].n;
		for (int k = 0; k < rankings[i].n; k++)
		{
			aspect->parents[k].aspect = search->members[rankings[i].best[k].member];
			aspect->parents[k].information = (float) rankings[i].best[k].information;
		}
	}
}

/* Gives the cells of the table of an aspect and a parent. */
static Size
table_cells(const SurpriseModel *model, const SurpriseAspect *aspect, const SurpriseParent *parent)
{
	return (Size) surprise_npair(aspect) * surprise_height(model, parent);
}

/* Gives the cells of all tables of pairs, or of groups. */
Size
surprise_cells(const SurpriseModel *model, bool whole)
{
	Size		cells = 0;

	for (int a = 0; a < model->naspects; a++)
		for (int k = 0; k < model->aspects[a].nparents; k++)
			if (model->aspects[a].parents[k].whole == whole)
				cells += table_cells(model, &model->aspects[a], &model->aspects[a].parents[k]);
	return cells;
}

/* Leaves out every aspect's last parents until the tables are not too large, and makes the tables. */
static void
make_tables(SurpriseModel *model)
{
	for (int keep = SURPRISE_MAX_PARENTS; surprise_cells(model, false) > SURPRISE_MAX_CELLS; keep--)
		for (int a = 0; a < model->naspects; a++)
			if (!model->aspects[a].grouped)
				model->aspects[a].nparents = Min(model->aspects[a].nparents, keep);
	for (int a = 0; a < model->naspects; a++)
		for (int k = 0; k < model->aspects[a].nparents; k++)
		{
			SurpriseParent *parent = &model->aspects[a].parents[k];

			parent->counts = palloc0(mul_size(sizeof(float), table_cells(model, &model->aspects[a], parent)));
		}
}

/* Reads the sample that pairs are compared on. */
static void
begin_search(PairSearch *search, const Matrix *rows, SurpriseModel *model)
{
	int64		stride = (rows->nrows - 1) / surprise_sample_rows(rows->nrows, model->naspects) + 1;

	search->model = model;
	search->nrows = (rows->nrows - 1) / stride + 1;
	search->members = palloc(mul_size(sizeof(int), Max(model->naspects, 1)));
	for (int a = 0; a < model->naspects; a++)
		if (model->aspects[a].paired)
			search->members[search->nmembers++] = a;
	search->noutcomes = palloc(mul_size(sizeof(int), Max(search->nmembers, 1)));
	search->codes = palloc_extended(mul_size(search->nmembers, search->nrows), MCXT_ALLOC_HUGE);
	search->table = palloc(sizeof(uint32) * SURPRISE_MAX_OUTCOMES * SURPRISE_MAX_OUTCOMES);
	search->xlog = palloc(mul_size(sizeof(double), search->nrows + 1));
	search->xlog[0] = 0;
	for (int64 i = 1; i <= search->nrows; i++)
		search->xlog[i] = i * log2((double) i);
	code_sample(search, rows, stride);
}

/* Chooses every aspect's parents and makes their tables, empty. */
void
surprise_choose_parents(const Matrix *rows, const SurpriseOptions *options, SurpriseModel *model, Progress *progress)
{
	PairSearch	search = {.least = options->min_information, .progress = progress};
	Ranking    *rankings;
	int64		npairs;

	if (options->parents > 0)
	{
		begin_search(&search, rows, model);
		npairs = (int64) search.nmembers * (search.nmembers - 1) / 2;
		rankings = make_rankings(search.nmembers, (int) options->parents);
		if (npairs <= PAIR_WORK / search.nrows)
			rank_all(&search, search.codes, search.noutcomes, search.nrows, search.least, rankings);
		else
			refine(&search, rank_coarse(&search, (int) options->parents * CANDIDATES), rankings);
		take_parents(&search, rankings);
	}
	make_tables(model);
}
