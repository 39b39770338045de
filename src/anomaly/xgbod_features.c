/*-------------------------------------------------------------------------
 *
 * xgbod_features.c
 *	  A row as the trees of xgbod see it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "storage/shmem.h"
#include "utils/float.h"

#include "anomaly/surprise.h"
#include "anomaly/xgbod.h"

/* Gives the tables of the base's cell surprise, or NULL. */
static const SurpriseTables *
surprise_of(const LoadedModel *base)
{
	for (int i = 0; i < ensemble_ncomponents(base); i++)
	{
		const LoadedModel *component = ensemble_component(base, i);

		if (component->algorithm == &algorithm_surprise)
			return component->state;
	}
	return NULL;
}

/* Finds out what the trees look at. */
void
xgbod_layout(const LoadedModel *base, XgbodLayout *layout)
{
	const SurpriseTables *surprise = surprise_of(base);

	layout->nfeatures = base->nfeatures;
	layout->nparts = ensemble_ncomponents(base);
	layout->ncolumns = surprise ? surprise->ncolumns : 0;
	layout->width = layout->nfeatures + layout->nparts + 1 + layout->ncolumns;
}

/* Puts the surprise of every column in bits where the trees look for it. */
static void
put_surprises(const SurpriseTables *surprise, const XgbodLayout *layout, const float *rows, int nrows, float *augmented)
{
	float	   *powers = palloc0(mul_size(mul_size(surprise->ncolumns, nrows), sizeof(float)));

	surprise_columns(surprise, rows, nrows, powers);
	for (int i = 0; i < nrows; i++)
	{
		float	   *out = augmented + (Size) i * layout->width + XGBOD_SURPRISE(layout);

		for (int c = 0; c < layout->ncolumns; c++)
		{
			float		power = powers[(Size) c * nrows + i];

			out[c] = power > 1 ? log2f(power) / surprise->power : 0;
		}
	}
	pfree(powers);
}

/* Copies a row's features; to the trees, as to every model of the library, an unseen category is missing. */
static void
copy_features(const float *row, const int32 *limits, int nfeatures, float *out)
{
	for (int f = 0; f < nfeatures; f++)
		out[f] = (limits[f] > 0 && row[f] >= limits[f]) ? get_float4_nan() : row[f];
}

/* Gives what the trees look at and the base's margins. */
void
xgbod_augment(const LoadedModel *base, const XgbodLayout *layout, const int32 *limits,
			  const float *rows, int nrows, float *augmented, float *margins)
{
	const SurpriseTables *surprise = surprise_of(base);
	float	   *strangeness = palloc(mul_size(mul_size(nrows, layout->nparts), sizeof(float)));

	ensemble_evidence(base, rows, nrows, strangeness, margins);
	for (int i = 0; i < nrows; i++)
	{
		const float *row = rows + (Size) i * layout->nfeatures;
		float	   *out = augmented + (Size) i * layout->width;

		copy_features(row, limits, layout->nfeatures, out);
		memcpy(out + XGBOD_PART(layout), strangeness + (Size) i * layout->nparts, layout->nparts * sizeof(float));
		out[XGBOD_MARGIN(layout)] = margins[i];
	}
	if (layout->ncolumns > 0)
		put_surprises(surprise, layout, rows, nrows, augmented);
	pfree(strangeness);
}
