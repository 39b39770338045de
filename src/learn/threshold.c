/*-------------------------------------------------------------------------
 *
 * threshold.c
 *	  The choice of the probability from which on the positive class is predicted.
 *
 * Rows are ordered by probability, the greatest first; each distinct value is a
 * candidate, and so is 1 when no row reaches it, which predicts nothing.  Of
 * candidates that are equally good the greatest is taken.  A probability of zero
 * is no candidate: there would be nothing left to decide.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "core/options.h"
#include "learn/calibration.h"

typedef enum ThresholdKind
{
	THRESHOLD_NUMBER,
	THRESHOLD_ACCURACY,
	THRESHOLD_F1,
	THRESHOLD_MCC,
	THRESHOLD_YOUDEN,
	THRESHOLD_PRECISION,
	THRESHOLD_RECALL,
	THRESHOLD_COST
} ThresholdKind;

struct ThresholdRule
{
	ThresholdKind kind;
	double		number;			/* the threshold, or the least precision or recall */
	double		false_positive; /* costs */
	double		false_negative;
};

static const struct
{
	const char *name;
	ThresholdKind kind;
}			criteria[] = {
	{"accuracy", THRESHOLD_ACCURACY},
	{"f1", THRESHOLD_F1},
	{"mcc", THRESHOLD_MCC},
	{"youden", THRESHOLD_YOUDEN}
};

/* What an object may say; exactly one of them. */
typedef struct ThresholdObject
{
	double		precision;
	double		recall;
	Jsonb	   *cost;
} ThresholdObject;

static const OptionSpec object_specs[] = {
	{"precision", OPTION_REAL, OPTION_FIELD(ThresholdObject, precision), -1, 0, 1},
	{"recall", OPTION_REAL, OPTION_FIELD(ThresholdObject, recall), -1, 0, 1},
	{"cost", OPTION_JSON, OPTION_FIELD(ThresholdObject, cost)},
};

typedef struct ThresholdCost
{
	double		false_positive;
	double		false_negative;
} ThresholdCost;

static const OptionSpec cost_specs[] = {
	{"false_positive", OPTION_REAL, OPTION_FIELD(ThresholdCost, false_positive), -1, 0, 1e100},
	{"false_negative", OPTION_REAL, OPTION_FIELD(ThresholdCost, false_negative), -1, 0, 1e100},
};

/* Reads a threshold that is given as a number. */
static void
parse_number(ThresholdRule *rule, const JsonbValue *value)
{
	rule->kind = THRESHOLD_NUMBER;
	rule->number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	if (!(rule->number > 0 && rule->number <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("threshold %g is out of range", rule->number),
				 errdetail("A threshold is greater than 0 and at most 1.")));
}

/* Reads the name of a criterion. */
static void
parse_criterion(ThresholdRule *rule, const JsonbValue *value)
{
	char	   *name = pnstrdup(value->val.string.val, value->val.string.len);
	const char *names[lengthof(criteria)];
	const char *nearest;

	for (int i = 0; i < lengthof(criteria); i++)
	{
		names[i] = criteria[i].name;
		rule->kind = criteria[i].kind;
		if (strcmp(name, names[i]) == 0)
			return;
	}
	nearest = options_nearest(name, names, lengthof(criteria));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no criterion \"%s\" for a threshold", name),
			 errdetail("Known are \"accuracy\", \"f1\", \"mcc\" and \"youden\"; precision, recall and cost are objects."),
			 nearest != NULL ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
}

/* Reads the costs of wrong decisions. */
static void
parse_cost(ThresholdRule *rule, const Jsonb *object)
{
	ThresholdCost cost;

	options_parse(object, "the threshold's cost", cost_specs, lengthof(cost_specs), &cost);
	if (cost.false_positive < 0 || cost.false_negative < 0 || cost.false_positive + cost.false_negative == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a threshold's cost needs \"false_positive\" and \"false_negative\", not both of them zero")));
	rule->kind = THRESHOLD_COST;
	rule->false_positive = cost.false_positive;
	rule->false_negative = cost.false_negative;
}

/* Reads a rule that is given as an object. */
static void
parse_rule(ThresholdRule *rule, const Jsonb *option)
{
	ThresholdObject object;

	options_parse(option, "threshold", object_specs, lengthof(object_specs), &object);
	if ((object.precision >= 0) + (object.recall >= 0) + (object.cost != NULL) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a threshold's rule has exactly one of \"precision\", \"recall\" and \"cost\"")));
	if (object.cost != NULL)
	{
		parse_cost(rule, object.cost);
		return;
	}
	rule->kind = object.precision >= 0 ? THRESHOLD_PRECISION : THRESHOLD_RECALL;
	rule->number = Max(object.precision, object.recall);
}

/* Reads what option "threshold" may be; NULL and null give NULL. */
ThresholdRule *
threshold_parse(const Jsonb *option)
{
	ThresholdRule *rule;
	JsonbValue	value;

	if (option == NULL)
		return NULL;
	rule = palloc0(sizeof(ThresholdRule));
	if (JB_ROOT_IS_OBJECT(option))
	{
		parse_rule(rule, option);
		return rule;
	}
	if (!JB_ROOT_IS_SCALAR(option) || !JsonbExtractScalar(&unconstify(Jsonb *, option)->root, &value))
		value.type = jbvBool;	/* an array is no better than a boolean */
	switch (value.type)
	{
		case jbvNull:
			return NULL;
		case jbvNumeric:
			parse_number(rule, &value);
			return rule;
		case jbvString:
			parse_criterion(rule, &value);
			return rule;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a threshold must be a number, the name of a criterion, or an object")));
	}
	return NULL;				/* not reached */
}

/* Tells whether rows are needed to choose the threshold; not without a rule. */
bool
threshold_is_chosen(const ThresholdRule *rule)
{
	return rule != NULL && rule->kind != THRESHOLD_NUMBER;
}

/* A row for the choice. */
typedef struct ThresholdRow
{
	float		proba;
	bool		positive;
	double		weight;
} ThresholdRow;

/* Gives the bytes that a choice among so many rows takes beside them. */
Size
threshold_estimate(int64 nrows)
{
	return mul_size(nrows, sizeof(ThresholdRow));
}

/* Orders rows by probability, the greatest first. */
static int
compare_rows(const void *a, const void *b)
{
	float		x = ((const ThresholdRow *) a)->proba;
	float		y = ((const ThresholdRow *) b)->proba;

	/* millions of them take longer than a cancel may wait */
	CHECK_FOR_INTERRUPTS();
	return (x < y) - (x > y);
}

/* How good a candidate is; NaN in goal = it does not meet the rule. */
typedef struct Merit
{
	double		goal;
	double		second;			/* decides between equal goals */
} Merit;

/* Judges the decision that has so many true and false positives of all positives and negatives. */
static Merit
judge(const ThresholdRule *rule, double tp, double fp, double positive, double negative)
{
	/* sums of weights in another order may differ by a rounding */
	double		fn = Max(positive - tp, 0);
	double		tn = Max(negative - fp, 0);
	double		precision = tp + fp > 0 ? tp / (tp + fp) : NAN;
	double		recall = positive > 0 ? tp / positive : NAN;
	Merit		merit = {NAN, 0};

	switch (rule->kind)
	{
		case THRESHOLD_NUMBER:
			break;
		case THRESHOLD_ACCURACY:
			merit.goal = (tp + tn) / (positive + negative);
			break;
		case THRESHOLD_F1:
			merit.goal = positive > 0 ? 2 * tp / (2 * tp + fp + fn) : NAN;
			break;
		case THRESHOLD_MCC:
			merit.goal = (tp * tn - fp * fn) /
				(sqrt(tp + fp) * sqrt(positive) * sqrt(negative) * sqrt(tn + fn));
			break;
		case THRESHOLD_YOUDEN:
			merit.goal = negative > 0 ? recall - fp / negative : NAN;
			break;
		case THRESHOLD_PRECISION:
			merit.goal = precision >= rule->number ? recall : NAN;
			merit.second = precision;
			break;
		case THRESHOLD_RECALL:
			merit.goal = recall >= rule->number ? precision : NAN;
			merit.second = recall;
			break;
		case THRESHOLD_COST:
			merit.goal = -(rule->false_positive * fp + rule->false_negative * fn);
			break;
	}
	return merit;
}

/* Gives the rows with a weight, ordered, and the sums of weights of both classes. */
static ThresholdRow *
order_rows(int64 nrows, const float *proba, int stride, const float *labels, const float *weights,
		   int64 *n, double *positive, double *negative)
{
	ThresholdRow *rows = MemoryContextAllocHuge(CurrentMemoryContext,
												mul_size(Max(nrows, 1), sizeof(ThresholdRow)));

	*n = 0;
	*positive = *negative = 0;
	for (int64 i = 0; i < nrows; i++)
	{
		ThresholdRow *row = &rows[*n];

		row->proba = proba[i * stride];
		row->positive = labels[i] > 0.5f;
		row->weight = weights != NULL ? weights[i] : 1;
		if (row->weight == 0)
			continue;
		*(row->positive ? positive : negative) += row->weight;
		++*n;
	}
	CHECK_FOR_INTERRUPTS();
	qsort(rows, *n, sizeof(ThresholdRow), compare_rows);
	CHECK_FOR_INTERRUPTS();
	return rows;
}

/* Takes the candidate when it is better than the best so far. */
static void
consider(Merit merit, double candidate, Merit *best, double *threshold)
{
	if (isnan(merit.goal) || candidate <= 0)
		return;
	if (!isnan(best->goal) &&
		(merit.goal < best->goal || (merit.goal == best->goal && merit.second <= best->second)))
		return;
	*best = merit;
	*threshold = candidate;
}

/* Gives the threshold: the given one, or the best for the rule on the rows. */
double
threshold_choose(const ThresholdRule *rule, int64 nrows, const float *proba, int stride,
				 const float *labels, const float *weights)
{
	Merit		best = {NAN, 0};
	double		threshold = NAN;
	double		positive;
	double		negative;
	double		tp = 0;
	double		fp = 0;
	ThresholdRow *rows;
	int64		n;

	if (rule->kind == THRESHOLD_NUMBER)
		return rule->number;
	rows = order_rows(nrows, proba, stride, labels, weights, &n, &positive, &negative);
	if (n > 0 && rows[0].proba < 1)
		consider(judge(rule, 0, 0, positive, negative), 1, &best, &threshold);
	for (int64 i = 0; i < n;)
	{
		float		candidate = rows[i].proba;

		for (; i < n && rows[i].proba == candidate; i++)
			*(rows[i].positive ? &tp : &fp) += rows[i].weight;
		consider(judge(rule, tp, fp, positive, negative), candidate, &best, &threshold);
	}
	pfree(rows);
	if (isnan(threshold))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no threshold meets the rule"),
				 errdetail("It was looked for among the probabilities of " INT64_FORMAT " rows, of which %g (by weight) are positive.",
						   n, positive),
				 errhint("Ask for less precision or recall, or keep more rows apart.")));
	return threshold;
}
