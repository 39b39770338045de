/*-------------------------------------------------------------------------
 *
 * surprise_count.c
 *	  One pass over the rows: how often which outcome, alone and together.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"

#include "anomaly/surprise.h"

/* Counts of one pass, before they are added to what was known. */
typedef struct Counting
{
	SurpriseModel *model;
	SurpriseCoder **coders;
	uint16	   *codes;			/* [aspect * SURPRISE_BLOCK + row] */
	uint8	   *pairs;			/* the same, as pairs tell outcomes apart */
	int64	  **counts;			/* by aspect */
	uint32	 ***tables;			/* by aspect and parent */
} Counting;

/* Allocates the counts of one pass. */
static void
begin_counting(Counting *counting, SurpriseModel *model)
{
	int			n = Max(model->naspects, 1);

	counting->model = model;
	counting->coders = palloc(mul_size(sizeof(SurpriseCoder *), n));
	counting->codes = palloc(mul_size(sizeof(uint16) * SURPRISE_BLOCK, n));
	counting->pairs = palloc(mul_size(SURPRISE_BLOCK, n));
	counting->counts = palloc(mul_size(sizeof(int64 *), n));
	counting->tables = palloc(mul_size(sizeof(uint32 **), n));
	for (int a = 0; a < model->naspects; a++)
	{
		const SurpriseAspect *aspect = &model->aspects[a];

		counting->coders[a] = surprise_coder(aspect);
		counting->counts[a] = palloc0(mul_size(sizeof(int64), SURPRISE_OUTCOMES(aspect)));
		counting->tables[a] = palloc(sizeof(uint32 *) * Max(aspect->nparents, 1));
		for (int k = 0; k < aspect->nparents; k++)
			counting->tables[a][k] =
				palloc0(mul_size(sizeof(uint32), mul_size(surprise_npair(aspect),
														  surprise_npair(&model->aspects[aspect->parents[k].aspect]))));
	}
}

/* Counts the outcomes of one aspect in a block. */
static void
count_alone(Counting *counting, int a, const float *rows, int nrows)
{
	const SurpriseModel *model = counting->model;
	const SurpriseAspect *aspect = &model->aspects[a];
	uint16	   *codes = counting->codes + a * SURPRISE_BLOCK;
	uint8	   *pairs = counting->pairs + a * SURPRISE_BLOCK;
	int64	   *counts = counting->counts[a];

	surprise_code(counting->coders[a], rows + aspect->feature, model->nfeatures, nrows, codes);
	for (int i = 0; i < nrows; i++)
		counts[codes[i]]++;
	for (int i = 0; i < nrows && aspect->paired; i++)
		pairs[i] = (uint8) surprise_pair(aspect, codes[i]);
}

/* Counts the outcomes of one aspect together with its parents' in a block. */
static void
count_together(Counting *counting, int a, int nrows)
{
	const SurpriseAspect *aspect = &counting->model->aspects[a];
	const uint8 *own = counting->pairs + a * SURPRISE_BLOCK;
	int			width = surprise_npair(aspect);

	for (int k = 0; k < aspect->nparents; k++)
	{
		const uint8 *given = counting->pairs + aspect->parents[k].aspect * SURPRISE_BLOCK;
		uint32	   *table = counting->tables[a][k];

		for (int i = 0; i < nrows; i++)
			table[given[i] * width + own[i]]++;
	}
}

/* Adds the counts of the pass to those of the model. */
static void
add_counts(Counting *counting)
{
	SurpriseModel *model = counting->model;

	for (int a = 0; a < model->naspects; a++)
	{
		SurpriseAspect *aspect = &model->aspects[a];

		for (int k = 0; k < SURPRISE_OUTCOMES(aspect); k++)
			aspect->counts[k] += counting->counts[a][k];
		for (int k = 0; k < aspect->nparents; k++)
		{
			SurpriseParent *parent = &aspect->parents[k];
			int			cells = surprise_npair(aspect) * surprise_npair(&model->aspects[parent->aspect]);

			for (int i = 0; i < cells; i++)
				parent->counts[i] = (float) ((double) parent->counts[i] + counting->tables[a][k][i]);
		}
	}
}

/* Adds the rows to the counts of a model. */
void
surprise_count(const Matrix *rows, SurpriseModel *model, Progress *progress)
{
	Counting	counting = {0};
	int64		done = 0;

	if (rows->nrows > PG_UINT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows for a training"),
				 errdetail("There are " INT64_FORMAT " rows; the limit is %u.", rows->nrows, PG_UINT32_MAX),
				 errhint("Set the option \"sample\".")));
	begin_counting(&counting, model);
	for (int c = 0; c < rows->nchunks; c++)
	{
		int			nrows = matrix_chunk_rows(rows, c);

		for (int at = 0; at < nrows; at += SURPRISE_BLOCK)
		{
			const float *block = rows->chunks[c] + (Size) at * rows->ncols;
			int			n = Min(SURPRISE_BLOCK, nrows - at);

			CHECK_FOR_INTERRUPTS();
			for (int a = 0; a < model->naspects; a++)
				count_alone(&counting, a, block, n);
			for (int a = 0; a < model->naspects; a++)
				count_together(&counting, a, n);
		}
		done += nrows;
		if (progress)
			progress_update(progress, done);
	}
	add_counts(&counting);
	model->rows += rows->nrows;
}
