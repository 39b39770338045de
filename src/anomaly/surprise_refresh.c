/*-------------------------------------------------------------------------
 *
 * surprise_refresh.c
 *	  More rows into what was learned.
 *
 * Counts add up: what was known counts keep times, a new row once.  Bins, cores and
 * parents stay as they were, so what is new in the new rows counts as unseen, and
 * unseen becomes less surprising the more of it comes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "anomaly/surprise.h"

/* Makes all counts of an aspect count less. */
static void
fade_aspect(const SurpriseModel *model, SurpriseAspect *aspect, double keep)
{
	for (int k = 0; k < SURPRISE_OUTCOMES(aspect); k++)
		aspect->counts[k] *= keep;
	aspect->novelty = Max(aspect->novelty * keep, 0.5);
	for (int k = 0; k < aspect->nparents; k++)
	{
		SurpriseParent *parent = &aspect->parents[k];
		int			cells = surprise_npair(aspect) * surprise_npair(&model->aspects[parent->aspect]);

		for (int i = 0; i < cells; i++)
		{
			double		faded = parent->counts[i] * keep;

			/* what is nearly forgotten takes no room */
			parent->counts[i] = faded < 1e-3 ? 0 : (float) faded;
		}
	}
}

/* Adds the new rows to a model. */
void
surprise_refresh_model(const RefreshRequest *request, SurpriseModel *model)
{
	const TrainRequest *train = request->train;
	double		old_rows = model->rows * request->keep;

	for (int a = 0; a < model->naspects; a++)
		fade_aspect(model, &model->aspects[a], request->keep);
	model->rows = old_rows;
	if (train->progress)
		progress_phase(train->progress, "counting", train->rows->nrows);
	surprise_count(train->rows, model, train->progress);
	surprise_calibrate(train->rows, old_rows, model, train->progress);
}
