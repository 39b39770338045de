/*-------------------------------------------------------------------------
 *
 * forest_objective.c
 *	  What an objective means for serving: the base margin and the last step
 *	  from margin to value.
 *
 * The float operations and their order are the library's (1.7.4 to 3.4), so
 * that results are equal bit by bit.  An objective that is not in the list
 * below is refused, never guessed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "learn/forest_private.h"

#define REG_LOSS "reg_loss_param", {{"scale_pos_weight", "1", 0, FLT_MAX}}
#define LAMBDA_RANK "lambda_rank_param", {{"fix_list_weight", "0", 0, FLT_MAX}, {"num_pairsample", "1", 1, 1000000, true}}
#define SOFTMAX "softmax_multiclass_param", {{"num_class", "1", 1, FOREST_MAX_GROUPS, true}}

static const ForestObjectiveInfo objectives[] = {
	{"binary:logistic", FOREST_LOGISTIC, true, REG_LOSS},
	{"binary:logitraw", FOREST_LOGITRAW, true, REG_LOSS},
	{"count:poisson", FOREST_EXP, true,
	"poisson_regression_param", {{"max_delta_step", "0.7", 0, FLT_MAX}}},
	{"multi:softmax", FOREST_SOFTPROB, true, SOFTMAX},
	{"multi:softprob", FOREST_SOFTPROB, true, SOFTMAX},
	{"rank:map", FOREST_IDENTITY, true, LAMBDA_RANK},
	{"rank:ndcg", FOREST_IDENTITY, true, LAMBDA_RANK},
	{"rank:pairwise", FOREST_IDENTITY, true, LAMBDA_RANK},
	{"reg:absoluteerror", FOREST_IDENTITY, true, NULL},
	{"reg:gamma", FOREST_EXP, true, REG_LOSS},
	{"reg:logistic", FOREST_LOGISTIC, true, REG_LOSS},
	{"reg:pseudohubererror", FOREST_IDENTITY, true,
	"pseudo_huber_param", {{"huber_slope", "1", 0, FLT_MAX}}},
	{"reg:quantileerror", FOREST_IDENTITY, true,
	"quantile_loss_param", {{"quantile_alpha", "[0.5]", 0, 1, false, true}}},
	{"reg:squarederror", FOREST_IDENTITY, true, REG_LOSS},
	{"reg:squaredlogerror", FOREST_SQUAREDLOG, true, REG_LOSS},
	{"reg:tweedie", FOREST_EXP, true,
	"tweedie_regression_param", {{"tweedie_variance_power", "1.5", 1, 1.999}}},
	{"aipipe:isolation", FOREST_ISOLATION, false, NULL},
};

/* Finds an objective by its name, or gives NULL when we do not serve it. */
const ForestObjectiveInfo *
forest_objective_find(const char *name)
{
	/* the library's former name of the same thing */
	if (strcmp(name, "reg:linear") == 0)
		name = "reg:squarederror";
	for (int i = 0; i < lengthof(objectives); i++)
	{
		if (strcmp(objectives[i].name, name) == 0)
			return &objectives[i];
	}
	return NULL;
}

/* Computes the margin that every sum of leaves starts from; false when base_score has none. */
bool
forest_base_margin(const Forest *forest, float *margin)
{
	float		score = forest->base_score;

	switch (forest->objective)
	{
		case FOREST_LOGISTIC:
			if (!(score > 0.0f && score < 1.0f))
				return false;
			*margin = -logf(1.0f / score - 1.0f);
			break;
		case FOREST_EXP:
			if (!(score > 0.0f))
				return false;
			*margin = logf(score);
			break;
		case FOREST_IDENTITY:
		case FOREST_LOGITRAW:
		case FOREST_SOFTPROB:
		case FOREST_SQUAREDLOG:
		case FOREST_ISOLATION:
			*margin = score;
			break;
	}
	return isfinite(*margin);
}

/* Gives the logistic function as the library computes it. */
static inline float
sigmoid(float x)
{
	const float eps = 1e-16f;

	x = (88.7f < -x) ? 88.7f : -x;
	return 1.0f / (expf(x) + 1.0f + eps);
}

/* Turns one row's margins into probabilities that sum to one. */
static void
softmax(const float *margin, int n, float *out)
{
	float		max = margin[0];
	double		sum = 0.0;
	float		divisor;

	for (int i = 1; i < n; i++)
		max = fmaxf(margin[i], max);
	for (int i = 0; i < n; i++)
	{
		out[i] = expf(margin[i] - max);
		sum += out[i];
	}
	divisor = (float) sum;
	for (int i = 0; i < n; i++)
		out[i] /= divisor;
}

/* Turns margins into served values; out may be margin itself. */
void
forest_transform(const CompiledForest *forest, const float *margin, int nrows, float *out)
{
	int			ngroups = forest->header->ngroups;
	Size		n = (Size) nrows * ngroups;

	switch ((ForestObjective) forest->header->objective)
	{
		case FOREST_LOGISTIC:
			for (Size i = 0; i < n; i++)
				out[i] = sigmoid(margin[i]);
			break;
		case FOREST_EXP:
			for (Size i = 0; i < n; i++)
				out[i] = expf(margin[i]);
			break;
		case FOREST_SOFTPROB:
			for (int row = 0; row < nrows; row++)
				softmax(margin + (Size) row * ngroups, ngroups, out + (Size) row * ngroups);
			break;
		case FOREST_IDENTITY:
		case FOREST_LOGITRAW:
		case FOREST_SQUAREDLOG:
		case FOREST_ISOLATION:
			if (out != margin)
				memcpy(out, margin, n * sizeof(float));
			break;
	}
}
