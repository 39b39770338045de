/*-------------------------------------------------------------------------
 *
 * rules.c
 *	  Algorithm "rules": the first rule whose conditions all hold decides, as
 *	  in a CASE; and what algorithm "baseline", a table without rules, shares with it.
 *
 * The raw score is what is served: a probability or a value.  In the game in
 * which a row's columns are players and pay only when all that the deciding rule
 * looks at are known, the Shapley value gives each of them the same.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "learn/rules.h"

/* Whether a condition holds for a row; a missing value is in no comparison's favour. */
static inline bool
holds(const RuleTable *table, const RuleCondition *condition, const float *row)
{
	float		value = row[condition->feature];
	const float *constants = table->constants + condition->first;

	switch ((RuleOperator) condition->operator)
	{
		case RULE_NULL:
			return isnan(value);
		case RULE_NOT_NULL:
			return !isnan(value);
		case RULE_NOT:
			return !isnan(value) && value != constants[0];
		case RULE_LESS:
			return value < constants[0];
		case RULE_LESS_EQUAL:
			return value <= constants[0];
		case RULE_GREATER:
			return value > constants[0];
		case RULE_GREATER_EQUAL:
			return value >= constants[0];
		default:
			for (int i = 0; i < condition->nconstants; i++)
			{
				if (value == constants[i])
					return true;
			}
			return false;
	}
}

/* Gives the number of the rule that decides a row; nrules = else. */
int
rules_match(const RuleTable *table, const float *row)
{
	for (int i = 0; i < table->nrules; i++)
	{
		const Rule *rule = &table->rules[i];
		int			k = 0;

		while (k < rule->nconditions && holds(table, &table->conditions[rule->first + k], row))
			k++;
		if (k == rule->nconditions)
			return i;
	}
	return table->nrules;
}

/* Tells whether the algorithm serves a task. */
bool
rules_serves(ModelTask task)
{
	return task != TASK_ANOMALY;
}

/* Checks the parameters before any row is read. */
static void
check_options(ModelTask task, const Jsonb *params, const char *const *common)
{
	(void) rules_read_spec(task, params, common, NULL);
}

/* Gives the bytes of sums and outcomes of so many rules. */
Size
rules_fit_bytes(int nrules, int nclasses)
{
	return mul_size((Size) nrules + 1, mul_size(Max(nclasses, 2), 3 * sizeof(double)));
}

/* Estimates what a training takes beside the data. */
static Size
estimate(const TrainSize *size)
{
	const RuleTable *table = &rules_read_spec(size->task, size->params, size->common, NULL)->table;
	Size		rules = add_size(mul_size(table->nconditions, sizeof(RuleCondition)), VARSIZE_ANY(size->params));

	return add_size(mul_size(4, rules), rules_fit_bytes(table->nrules, size->nclasses));
}

/* Writes artifact, compiled form and the rest of a result. */
void
rules_finish(const RuleTable *table, TrainResult *result)
{
	const char *wrong = rules_check(table);

	if (wrong != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the trained model cannot be served"),
				 errdetail_internal("%s", wrong)));
	rules_write(table, &result->artifact);
	rules_compile_table(table, &result->compiled);
	result->library = pstrdup("aipipe " AIPIPE_VERSION);
}

/* Binds the rules to the encoder and learns what they leave open. */
static void
train(const TrainRequest *request, TrainResult *result)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	RuleSpec   *spec;

	initStringInfo(&result->artifact);
	initStringInfo(&result->compiled);
	initStringInfo(&result->params);
	context = AllocSetContextCreate(caller, "aipipe rules train", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	spec = rules_read_spec(request->task, request->params, request->common, request->encoder);
	rules_set_shape(&spec->table, request->task, request->nclasses, request->rows->ncols);
	rules_fit(&spec->table, spec->outcomes, false, request);
	rules_append_params(spec, &result->params);
	result->peak_bytes = MemoryContextMemAllocated(context, true);
	MemoryContextSwitchTo(caller);
	rules_finish(&spec->table, result);
	MemoryContextDelete(context);
}

/* Checks an artifact and writes the form that is scored. */
void
rules_compile(const char *artifact, Size len, StringInfo compiled)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe rules compile",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	rules_compile_table(rules_read(artifact, len), compiled);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Opens a compiled form for scoring by the given algorithm. */
LoadedModel *
rules_load(const Algorithm *algorithm, const char *compiled, Size len)
{
	LoadedModel *model = palloc(sizeof(LoadedModel));
	const RuleTable *table = rules_open_table(compiled, len);

	model->algorithm = algorithm;
	model->nfeatures = table->nfeatures;
	model->nmargins = table->noutputs;
	model->nvalues = table->nvalues;
	model->state = table;
	return model;
}

/* Opens a compiled form for scoring. */
static LoadedModel *
load(const char *compiled, Size len)
{
	return rules_load(&algorithm_rules, compiled, len);
}

/* Gives the outcomes of a block. */
void
rules_margin(const LoadedModel *model, const float *rows, int nrows, float *out)
{
	const RuleTable *table = model->state;
	int			n = table->noutputs;

	for (int i = 0; i < nrows; i++)
	{
		CHECK_FOR_INTERRUPTS();
		memcpy(out + (Size) i * n,
			   table->outcomes + (Size) rules_match(table, rows + (Size) i * table->nfeatures) * n, n * sizeof(float));
	}
}

/* Outcomes are what is served; of two classes the other one's probability is added. */
void
rules_values(const LoadedModel *model, const float *margin, int nrows, float *out)
{
	if (model->nvalues == model->nmargins)
	{
		memmove(out, margin, mul_size(mul_size(nrows, model->nvalues), sizeof(float)));
		return;
	}
	for (int i = nrows - 1; i >= 0; i--)
	{
		float		p = margin[i];

		out[2 * i] = 1.0f - p;
		out[2 * i + 1] = p;
	}
}

/* Marks the features that some conditions look at and gives their number. */
static int
mark_features(const RuleTable *table, int first, int nconditions, double *mark)
{
	int			n = 0;

	for (int i = first; i < first + nconditions; i++)
	{
		double	   *at = &mark[table->conditions[i].feature];

		n += *at == 0;
		*at = 1;
	}
	return n;
}

/*
 * Shares what the deciding rule adds to the overall outcome among the columns that it looks at.
 * Else is decided by all columns that any rule looks at.
 */
void
rules_explain(const LoadedModel *model, const float *row, int output, double *phi)
{
	const RuleTable *table = model->state;
	int			rule = rules_match(table, row);
	double		outcome = table->outcomes[(Size) rule * table->noutputs + output];
	double		overall = table->overall[output];
	int			ncolumns;

	memset(phi, 0, sizeof(double) * table->nfeatures);
	if (rule < table->nrules)
		ncolumns = mark_features(table, table->rules[rule].first, table->rules[rule].nconditions, phi);
	else
		ncolumns = mark_features(table, 0, table->nconditions, phi);
	for (int f = 0; f < table->nfeatures && ncolumns > 0; f++)
		phi[f] *= (outcome - overall) / ncolumns;
	phi[table->nfeatures] = ncolumns > 0 ? overall : outcome;
}

/*
 * Gives for each column, of the rules that look at it: gain, the squared
 * distance of their outcomes from the overall one, times the share of training rows
 * that they decide; cover, that share; weight, the number of conditions on it.
 */
void
rules_importance(const LoadedModel *model, double *gain, double *cover, double *weight)
{
	const RuleTable *table = model->state;
	int		   *last = palloc(mul_size(table->nfeatures, sizeof(int)));	/* rule that looked at the feature */

	for (int f = 0; f < table->nfeatures; f++)
	{
		gain[f] = cover[f] = weight[f] = 0;
		last[f] = -1;
	}
	for (int i = 0; i < table->nrules; i++)
	{
		const RuleCondition *conditions = table->conditions + table->rules[i].first;
		double		squares = 0;

		for (int k = 0; k < table->noutputs; k++)
		{
			double		distance = (double) table->outcomes[(Size) i * table->noutputs + k] - table->overall[k];

			squares += distance * distance;
		}
		for (int c = 0; c < table->rules[i].nconditions; c++)
		{
			int			feature = conditions[c].feature;

			weight[feature] += 1;
			if (last[feature] == i)
				continue;
			last[feature] = i;
			gain[feature] += squares * table->shares[i];
			cover[feature] += table->shares[i];
		}
	}
	pfree(last);
}

const Algorithm algorithm_rules = {
	.name = "rules",
	.serves = rules_serves,
	.check = check_options,
	.estimate = estimate,
	.train = train,
	.compile = rules_compile,
	.open = load,
	.margin = rules_margin,
	.values = rules_values,
	.explain = rules_explain,
	.importance = rules_importance
};
