/*-------------------------------------------------------------------------
 *
 * train_weight.c
 *	  Weights: what a row of each class counts for in training, and how much all may be.
 *
 * "balanced" gives every class the same say: a row of a class weighs
 * rows / (classes * rows of the class), as in scikit-learn, counted on the rows
 * that teach.  An object gives the weights by label; a class that is not in it
 * weighs 1.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "compat/compat.h"
#include "model/train_int.h"

/* Tells whether the option is the word for weights from the classes' frequencies. */
static bool
is_balanced(const Jsonb *option)
{
	JsonbValue	value;

	if (!JB_ROOT_IS_SCALAR(option) || !JsonbExtractScalar(&unconstify(Jsonb *, option)->root, &value) ||
		value.type != jbvString)
		return false;
	return (value.val.string.len == 8 && memcmp(value.val.string.val, "balanced", 8) == 0) ||
		(value.val.string.len == 4 && memcmp(value.val.string.val, "auto", 4) == 0);
}

/* Ends with the error for an option that is neither. */
static void pg_attribute_noreturn()
refuse(const char *function)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"class_weight\" of %s must be \"balanced\" or an object of weights by class", function),
			 errhint("For example, {\"yes\": 5, \"no\": 1}.")));
}

/* Gives a weight of the object. */
static double
object_weight(const char *function, const JsonbValue *key, const JsonbValue *value)
{
	double		weight;

	if (value->type != jbvNumeric)
		refuse(function);
	weight = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	if (!(weight >= 0 && weight <= 1e30))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weight of class \"%.*s\" is out of range: %g", key->val.string.len, key->val.string.val, weight),
				 errdetail("Valid values are 0 to 1e30.")));
	return weight;
}

/* Checks the option before the classes are known. */
void
train_check_class_weight(const Jsonb *option, const char *function)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	if (is_balanced(option))
		return;
	if (!JB_ROOT_IS_OBJECT(option) || JB_ROOT_COUNT(option) == 0)
		refuse(function);
	it = JsonbIteratorInit(&unconstify(Jsonb *, option)->root);
	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &value, true);
		(void) object_weight(function, &key, &value);
	}
}

/* Takes the weights of an object. */
static void
weights_by_label(const Training *training, double *weights)
{
	JsonbIterator *it = JsonbIteratorInit(&training->options.class_weight->root);
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	for (int c = 0; c < training->nclasses; c++)
		weights[c] = 1;
	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		char	   *label;
		int			class;

		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &value, true);
		label = pnstrdup(key.val.string.val, key.val.string.len);
		class = target_class(training->target, label, training->classes, training->nclasses);
		if (class < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"class_weight\" names \"%s\", which is no class of target column \"%s\"", label,
							training->spec->target),
					 errhint("Write a class as aipipe.model_version shows it.")));
		weights[class] = object_weight(training->spec->function, &key, &value);
	}
}

/* Gives the classes weights against their frequencies among the rows that teach. */
static void
balanced_weights(const Training *training, double *weights)
{
	const TrainSet *set = training->set;
	int			present = 0;

	for (int c = 0; c < training->nclasses; c++)
		weights[c] = 0;
	for (int64 row = 0; row < set->rows->nrows; row++)
		weights[(int) set->labels[row]]++;
	for (int c = 0; c < training->nclasses; c++)
		present += (weights[c] > 0);
	for (int c = 0; c < training->nclasses; c++)
		weights[c] = weights[c] > 0 ? set->rows->nrows / (present * weights[c]) : 1;
}

/* Gives the weight of every class, or NULL when all weigh the same. */
double *
train_class_weights(const Training *training)
{
	double	   *weights;

	if (training->options.class_weight == NULL)
		return NULL;
	weights = palloc(mul_size(training->nclasses, sizeof(double)));
	if (is_balanced(training->options.class_weight))
		balanced_weights(training, weights);
	else
		weights_by_label(training, weights);
	return weights;
}

/* Writes the rows' weights times those of their classes; out may be where the rows' weights are. */
void
train_weigh(const TrainSet *set, const double *class_weights, float *out)
{
	int64		nrows = set->rows->nrows;
	bool		any = false;

	for (int64 row = 0; row < nrows; row++)
	{
		double		weight = class_weights[(int) set->labels[row]];

		if (set->weights != NULL)
			weight *= set->weights[row];
		out[row] = (float) Min(weight, FLT_MAX);
		any |= (out[row] > 0);
	}
	if (!any)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no row is left with a weight"),
				 errdetail("Option \"class_weight\" gives the weight 0 to all " INT64_FORMAT " rows of a part.", nrows)));
}

/*
 * Ends with an error when the weights of a part are too large together: the library sums them, and what
 * trees keep of the sums is a float.
 */
void
train_check_weight_sum(const Training *training, const TrainSet *set)
{
	const char *column = training->options.weight;
	double		sum = 0;

	if (set->weights == NULL)
		return;
	for (int64 row = 0; row < set->rows->nrows; row++)
		sum += set->weights[row];
	if (sum > FLT_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 column ? errmsg("weight column \"%s\" holds weights that are too large together", column)
				 : errmsg("option \"class_weight\" gives weights that are too large together"),
				 errdetail("The weights of " INT64_FORMAT " rows%s sum up to %g; the greatest sum is %g.",
						   set->rows->nrows, training->options.class_weight ? ", times those of their classes," : "",
						   sum, FLT_MAX),
				 errhint("Divide all of them by one number.")));
}
