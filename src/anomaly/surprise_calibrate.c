/*-------------------------------------------------------------------------
 *
 * surprise_calibrate.c
 *	  How surprising the training rows themselves are: tails and severities.
 *
 * A sample of the rows gives every aspect's tails; then the margins of (at most
 * SEVERITY_ROWS) rows give the severities.  Both judge a row by the others' counts.
 *
 * At a refresh the new rows are judged by the merged counts, and the older ones are
 * remembered by the tails and severities there were: a tail speaks through as many of
 * its quantiles as its rows are worth beside the new ones, a severity through its points.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "anomaly/surprise.h"

/* With more rows than this, every k-th is scored for the severities. */
#define SEVERITY_ROWS (512 * 1024)

/* A tail is thinned to steps of this part of its bits: what is between is interpolated. */
#define THIN_STEPS 100

/* Copies every stride-th row, beginning at one of the sample's rows, into a block. */
static int
gather(const Matrix *rows, int64 stride, int64 from, int64 nrows, float *block)
{
	int			n = (int) Min(SURPRISE_BLOCK, nrows - from);

	for (int i = 0; i < n; i++)
		memcpy(block + (Size) i * rows->ncols, matrix_row(rows, (from + i) * stride), sizeof(float) * rows->ncols);
	return n;
}

/* Drops points of a tail that lie within a step of those kept, where it does not jump. */
static void
thin_tail(Tail *tail)
{
	float		step = tail->bits[tail->npoints - 1] / THIN_STEPS;
	int			kept = 1;

	for (int i = 1; i < tail->npoints; i++)
	{
		bool		last = i == tail->npoints - 1;
		bool		jumps = !last && tail->bits[i + 1] - tail->bits[i] > step;

		if (!last && !jumps && tail->bits[i] - tail->bits[kept - 1] < step)
			continue;
		tail->score[kept] = tail->score[i];
		tail->bits[kept++] = tail->bits[i];
	}
	tail->npoints = kept;
}

/* Gives how many scores what was known is worth beside new ones. */
static int64
worth(double old_rows, double new_rows, int64 scores)
{
	return old_rows > 0 ? (int64) Min(rint(scores * old_rows / new_rows), (double) 4 * scores) : 0;
}

/* Learns a tail from scores, with room behind them for what an older tail is worth, and what judges these rows themselves. */
static void
learn_tail(float *scores, int64 n, int64 nold, Tail *tail, Tail *unseen)
{
	if (tail->npoints > 0 && nold > 0)
	{
		tail_sample(tail, scores + n, nold);
		n += nold;
	}
	tail_learn(scores, n, tail);
	tail_learn_unseen(scores, n, tail, unseen);
	thin_tail(tail);
	thin_tail(unseen);
}

/* Surprises of a sample's rows: of each aspect, and of each column with trees, as many as there is space for. */
typedef struct SampleBits
{
	int64		space;
	float	   *marginal;		/* [aspect * space + row] */
	float	   *conditional;
	float	   *full;			/* [column with trees * space + n] */
	int64	   *nfull;			/* rows that the trees judge */
} SampleBits;

/* Adds what the trees say of a block. */
static void
add_full(const SurpriseTables *tables, const float *block, int n, const SurpriseCodes *codes, SampleBits *bits)
{
	float		own[SURPRISE_BLOCK];

	for (int k = 0; k < tables->nfulls; k++)
	{
		surprise_full_surprise(tables, &tables->fulls[k], block, n, codes, own);
		for (int i = 0; i < n; i++)
			if (own[i] >= 0)
				bits->full[k * bits->space + bits->nfull[k]++] = own[i];
	}
}

/* Fills in the surprises of a sample's rows. */
static void
sample_bits(const SurpriseTables *tables, const Matrix *rows, int64 stride, int64 nrows, SampleBits *bits)
{
	float	   *block = palloc(mul_size(sizeof(float) * SURPRISE_BLOCK, rows->ncols));
	SurpriseCodes codes;

	surprise_codes_create(tables, &codes);
	for (int64 from = 0; from < nrows; from += SURPRISE_BLOCK)
	{
		int			n = gather(rows, stride, from, nrows, block);

		CHECK_FOR_INTERRUPTS();
		surprise_encode(tables, block, n, &codes);
		for (int a = 0; a < tables->naspects; a++)
			surprise_bits(tables, a, block, n, &codes, bits->marginal + a * bits->space + from,
						  bits->conditional + a * bits->space + from);
		add_full(tables, block, n, &codes, bits);
	}
	surprise_codes_free(&codes);
	pfree(block);
}

/* Allocates floats for so many times the space. */
static float *
make_space(int64 space, int times)
{
	return palloc_extended(mul_size(sizeof(float), mul_size(space, Max(times, 1))), MCXT_ALLOC_HUGE);
}

/* Learns the tail of every column with trees from the rows that they judge. */
static void
learn_full_tails(SampleBits *bits, int64 nrows, int64 nold, SurpriseModel *model)
{
	for (int k = 0; k < model->nfulls; k++)
	{
		SurpriseFull *full = &model->fulls[k];
		float	   *own = bits->full + k * bits->space;

		CHECK_FOR_INTERRUPTS();
		if (bits->nfull[k] > 0)
			learn_tail(own, bits->nfull[k], nold * bits->nfull[k] / nrows, &full->tail, &full->tail_unseen);
		else if (full->tail.npoints == 0)
		{
			/* what judges none of the rows has no measure but its own bits */
			own[0] = 0;
			tail_learn(own, 1, &full->tail);
		}
	}
}

/* Learns every aspect's tails. */
static void
learn_tails(const Matrix *rows, double old_rows, SurpriseModel *model, Progress *progress)
{
	int64		stride = (rows->nrows - 1) / surprise_sample_rows(rows->nrows, model->naspects) + 1;
	int64		nrows = (rows->nrows - 1) / stride + 1;
	int64		nold = worth(old_rows, (double) rows->nrows, nrows);
	SampleBits	bits = {.space = add_size(nrows, nold)};
	SurpriseModel bare = *model;
	StringInfoData compiled;

	bits.marginal = make_space(bits.space, model->naspects);
	bits.conditional = make_space(bits.space, model->naspects);
	bits.full = make_space(bits.space, model->nfulls);
	bits.nfull = palloc0(mul_size(sizeof(int64), Max(model->nfulls, 1)));
	initStringInfo(&compiled);
	bare.severity.npoints = 0;
	surprise_compile_model(&bare, true, &compiled);
	sample_bits(surprise_open(compiled.data, compiled.len, false), rows, stride, nrows, &bits);
	pfree(compiled.data);
	for (int a = 0; a < model->naspects; a++)
	{
		SurpriseAspect *aspect = &model->aspects[a];

		CHECK_FOR_INTERRUPTS();
		learn_tail(bits.marginal + a * bits.space, nrows, nold, &aspect->marginal, &aspect->marginal_unseen);
		if (aspect->nparents > 0)
			learn_tail(bits.conditional + a * bits.space, nrows, nold, &aspect->conditional, &aspect->conditional_unseen);
		if (progress)
			progress_update(progress, a + 1);
	}
	learn_full_tails(&bits, nrows, nold, model);
	pfree(bits.marginal);
	pfree(bits.conditional);
	pfree(bits.full);
	pfree(bits.nfull);
}

/* Gives minus the margins of every stride-th row. */
static void
score_rows(const SurpriseTables *tables, const Matrix *rows, int64 stride, int64 nrows, float *scores, Progress *progress)
{
	float	   *block = palloc(mul_size(sizeof(float) * SURPRISE_BLOCK, rows->ncols));

	for (int64 from = 0; from < nrows; from += SURPRISE_BLOCK)
	{
		int			n = gather(rows, stride, from, nrows, block);

		CHECK_FOR_INTERRUPTS();
		surprise_margin(tables, block, n, scores + from);
		for (int i = 0; i < n; i++)
			scores[from + i] = -scores[from + i];
		if (progress && from % (1024 * SURPRISE_BLOCK) == 0)
			progress_update(progress, from);
	}
	pfree(block);
}

/* Learns the severities from the margins; low is strange there. */
static void
learn_severity(const Matrix *rows, double old_rows, SurpriseModel *model, Progress *progress)
{
	int64		stride = (rows->nrows - 1) / SEVERITY_ROWS + 1;
	int64		nrows = (rows->nrows - 1) / stride + 1;
	float	   *scores = palloc_extended(mul_size(sizeof(float), nrows), MCXT_ALLOC_HUGE);
	Severity	old = model->severity;
	StringInfoData compiled;

	initStringInfo(&compiled);
	if (old.npoints == 0)
	{
		/* any severity will do to open the form */
		scores[0] = 0;
		severity_learn(scores, 1, &model->severity);
	}
	surprise_compile_model(model, true, &compiled);
	score_rows(surprise_open(compiled.data, compiled.len, true), rows, stride, nrows, scores, progress);
	if (old.npoints == 0)
		severity_learn(scores, nrows, &model->severity);
	else
		severity_merge(&old, old_rows / old.rows / stride, scores, nrows, &model->severity);
	pfree(compiled.data);
	pfree(scores);
}

/* Learns tails and severities from rows; the model's rows before them count as so many as old_rows. */
void
surprise_calibrate(const Matrix *rows, double old_rows, SurpriseModel *model, Progress *progress)
{
	if (progress)
		progress_phase(progress, "calibrating", model->naspects);
	learn_tails(rows, old_rows, model, progress);
	if (progress)
		progress_phase(progress, "scoring rows", rows->nrows);
	learn_severity(rows, old_rows, model, progress);
}
