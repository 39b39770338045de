/*-------------------------------------------------------------------------
 *
 * surprise_full_rows.c
 *	  What trees of full conditionals learn from: which columns, seen through which others, on which rows.
 *
 * Columns that the pairs say most of come first.  Rows are drawn evenly by the seed,
 * and dealt out by their content, so that no row teaches the trees that judge it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "storage/shmem.h"

#include "anomaly/surprise_teach.h"

/* Fewer rows teach where rows times looks times groups would be more than the work. */
#define TEACHING_MIN_ROWS 4096
#define TEACHING_WORK (256 * 1024 * 1024)

/* A number and where it stands. */
typedef struct Placed
{
	double		weight;
	int			place;
} Placed;

/* A row by its content. */
typedef struct Hashed
{
	uint64		hash;
	int64		row;
} Hashed;

#define ST_SORT sort_placed
#define ST_ELEMENT_TYPE Placed
#define ST_COMPARE(a, b) ((a)->weight != (b)->weight ? ((a)->weight > (b)->weight ? -1 : 1) : (a)->place - (b)->place)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_hashed
#define ST_ELEMENT_TYPE Hashed
#define ST_COMPARE(a, b) ((a)->hash != (b)->hash ? ((a)->hash < (b)->hash ? -1 : 1) : (a)->row < (b)->row ? -1 : (a)->row > (b)->row)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_places
#define ST_ELEMENT_TYPE int32
#define ST_COMPARE(a, b) (*(a) - *(b))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Whether something can be learned from an aspect or about it: it varies, and does not move by itself. */
static bool
is_settled(const SurpriseAspect *aspect)
{
	int			outcomes = 0;

	if (aspect->grouped || aspect->open_below || aspect->open_above)
		return false;
	for (int k = 0; k < SURPRISE_OUTCOMES(aspect); k++)
		outcomes += aspect->counts[k] > 0;
	return outcomes > 1;
}

/* Whether trees may look at an aspect. */
static bool
is_look(const SurpriseModel *model, int a)
{
	return (model->aspects[a].paired || a == model->partition) && is_settled(&model->aspects[a]);
}

/* Whether trees may judge an aspect. */
static bool
is_target(const SurpriseModel *model, int a)
{
	return model->aspects[a].paired && !model->aspects[a].side && is_settled(&model->aspects[a]);
}

/* Adds up what every aspect tells of others and is told by them. */
static void
sum_telling(Teaching *teaching)
{
	const SurpriseModel *model = teaching->model;

	teaching->telling = palloc0(mul_size(sizeof(double), model->naspects));
	for (int a = 0; a < model->naspects; a++)
		for (int k = 0; k < model->aspects[a].nparents; k++)
		{
			const SurpriseParent *parent = &model->aspects[a].parents[k];

			if (parent->whole)
				continue;
			teaching->telling[a] += parent->information;
			teaching->telling[parent->aspect] += parent->information;
		}
}

/* Gives the aspects that a function takes, those first that tell most; sets their number. */
static Placed *
rank_aspects(const Teaching *teaching, bool (*takes) (const SurpriseModel *model, int a), int *n)
{
	const SurpriseModel *model = teaching->model;
	Placed	   *ranked = palloc(mul_size(sizeof(Placed), model->naspects));

	*n = 0;
	for (int a = 0; a < model->naspects; a++)
		if (takes(model, a))
			ranked[(*n)++] = (Placed) {teaching->telling[a], a};
	sort_placed(ranked, *n);
	return ranked;
}

/* Chooses what one column's trees look at: its parents, then the aspects that tell most. */
static void
choose_looks(const Teaching *teaching, const Placed *ranked, int nranked, SurpriseFull *full)
{
	const SurpriseModel *model = teaching->model;
	const SurpriseAspect *aspect = &model->aspects[full->aspect];
	bool	   *taken = palloc0(model->naspects);

	full->looks = palloc(sizeof(int32) * SURPRISE_FULL_ASPECTS);
	for (int k = 0; k < aspect->nparents + nranked && full->nlooks < SURPRISE_FULL_ASPECTS; k++)
	{
		int			look = k < aspect->nparents ? aspect->parents[k].aspect : ranked[k - aspect->nparents].place;

		if (taken[look] || !is_look(model, look) || model->aspects[look].column == aspect->column)
			continue;
		taken[look] = true;
		full->looks[full->nlooks++] = look;
	}
	sort_places(full->looks, full->nlooks);
	pfree(taken);
}

/* Chooses the columns to be judged and what their trees look at; gives the columns. */
Target *
surprise_teach_choose(Teaching *teaching)
{
	SurpriseModel *model = teaching->model;
	bool	   *looked = palloc0(mul_size(model->naspects, 1));
	Placed	   *ranked;
	Target	   *targets;
	int32	   *order;
	int			nranked;

	sum_telling(teaching);
	ranked = rank_aspects(teaching, is_target, &teaching->ntargets);
	teaching->ntargets = Min(teaching->ntargets, SURPRISE_FULL_COLUMNS);
	targets = palloc0(mul_size(sizeof(Target), Max(teaching->ntargets, 1)));
	order = palloc(mul_size(sizeof(int32), Max(teaching->ntargets, 1)));
	for (int t = 0; t < teaching->ntargets; t++)
		order[t] = ranked[t].place;
	sort_places(order, teaching->ntargets);
	ranked = rank_aspects(teaching, is_look, &nranked);
	for (int t = 0; t < teaching->ntargets; t++)
	{
		targets[t].full.aspect = order[t];
		choose_looks(teaching, ranked, nranked, &targets[t].full);
		for (int i = 0; i < targets[t].full.nlooks; i++)
			looked[targets[t].full.looks[i]] = true;
	}
	teaching->looks = palloc(mul_size(sizeof(int32), model->naspects));
	for (int a = 0; a < model->naspects; a++)
		if (looked[a])
			teaching->looks[teaching->nlooks++] = a;
	pfree(looked);
	pfree(ranked);
	return targets;
}

/* Gives how many rows teach. */
static int64
count_teaching(const Teaching *teaching, const Target *targets)
{
	int64		work = 0;

	for (int t = 0; t < teaching->ntargets; t++)
		work += targets[t].full.nlooks * SURPRISE_FULL_GROUPS;
	return Min(teaching->request->rows->nrows,
			   Min(TEACHING_ROWS, Max(TEACHING_MIN_ROWS, TEACHING_WORK / Max(work, 1))));
}

/* Copies the next of the rows that teach, drawn evenly, into a block; gives their number. */
static int
draw_rows(const Teaching *teaching, pg_prng_state *rng, int64 *row, int64 drawn, float *block)
{
	const Matrix *rows = teaching->request->rows;
	int			n = 0;

	for (; n < SURPRISE_BLOCK && drawn + n < teaching->nrows; (*row)++)
		if (pg_prng_double(rng) * (rows->nrows - *row) < teaching->nrows - drawn - n)
			memcpy(block + (Size) n++ * rows->ncols, matrix_row(rows, *row), sizeof(float) * rows->ncols);
	return n;
}

/* Says which trees a row teaches: of rows that are alike, each fold's by turns. */
static void
deal_folds(Teaching *teaching, Hashed *hashed)
{
	sort_hashed(hashed, teaching->nrows);
	for (int64 i = 0, alike = 0; i < teaching->nrows; i++)
	{
		int64		row = hashed[i].row;

		alike = i > 0 && hashed[i].hash == hashed[i - 1].hash ? alike + 1 : 0;
		teaching->teaches[row] = (uint8) ((teaching->judges[row] + alike) % SURPRISE_FULL_FOLDS);
	}
}

/* Reads the rows that teach. */
static void
read_rows(Teaching *teaching, const Target *targets)
{
	int			ncols = teaching->request->rows->ncols;
	float	   *block = palloc(mul_size(sizeof(float) * SURPRISE_BLOCK, ncols));
	Hashed	   *hashed = palloc_extended(mul_size(sizeof(Hashed), teaching->nrows), MCXT_ALLOC_HUGE);
	StringInfoData compiled;
	SurpriseTables *tables;
	SurpriseCodes codes;
	float		marginal[SURPRISE_BLOCK];
	float		conditional[SURPRISE_BLOCK];
	pg_prng_state rng;
	int64		row = 0;
	int			n;

	initStringInfo(&compiled);
	surprise_compile_model(teaching->model, true, &compiled);
	tables = surprise_open(compiled.data, compiled.len, false);
	surprise_codes_create(tables, &codes);
	pg_prng_seed(&rng, teaching->request->seed ^ UINT64CONST(0x66756c6c));
	for (int64 done = 0; done < teaching->nrows; done += n)
	{
		CHECK_FOR_INTERRUPTS();
		n = draw_rows(teaching, &rng, &row, done, block);
		surprise_encode(tables, block, n, &codes);
		surprise_look(tables, teaching->looks, teaching->nlooks, block, n, &codes, teaching->values + done * teaching->nlooks);
		for (int t = 0; t < teaching->ntargets; t++)
		{
			int			a = targets[t].full.aspect;

			memcpy(teaching->codes + t * teaching->nrows + done, codes.codes + a * SURPRISE_BLOCK, sizeof(uint16) * n);
			surprise_bits(tables, a, block, n, &codes, marginal, conditional);
			for (int i = 0; i < n && tables->nodes[a].nparents > 0; i++)
				teaching->pairs[t] += marginal[i] - conditional[i];
		}
		for (int i = 0; i < n; i++)
		{
			const float *one = block + (Size) i * ncols;

			teaching->judges[done + i] = surprise_fold(one, ncols);
			hashed[done + i].hash = hash_bytes_extended((const unsigned char *) one, (int) (sizeof(float) * ncols), 0);
			hashed[done + i].row = done + i;
		}
	}
	deal_folds(teaching, hashed);
	surprise_codes_free(&codes);
	pfree(hashed);
	pfree(block);
	pfree(compiled.data);
}

/* Makes room for the rows that teach and reads them. */
void
surprise_teach_read(Teaching *teaching, const Target *targets)
{
	teaching->nrows = count_teaching(teaching, targets);
	teaching->values = palloc_extended(mul_size(sizeof(float), mul_size(teaching->nrows, teaching->nlooks)), MCXT_ALLOC_HUGE);
	teaching->codes = palloc_extended(mul_size(sizeof(uint16), mul_size(teaching->nrows, teaching->ntargets)), MCXT_ALLOC_HUGE);
	teaching->judges = palloc_extended(teaching->nrows, MCXT_ALLOC_HUGE);
	teaching->teaches = palloc_extended(teaching->nrows, MCXT_ALLOC_HUGE);
	teaching->pairs = palloc0(mul_size(sizeof(double), teaching->ntargets));
	read_rows(teaching, targets);
}

/* Frees what was read of the rows. */
void
surprise_teach_free(Teaching *teaching)
{
	pfree(teaching->values);
	pfree(teaching->codes);
	pfree(teaching->judges);
	pfree(teaching->teaches);
}
