/*-------------------------------------------------------------------------
 *
 * rules.c
 *	  Algorithm "rules": the first rule whose conditions all hold decides, as
 *	  in a CASE; what a rule leaves open is learned.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/shmem.h"
#include "utils/memutils.h"

#include "learn/rules.h"

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

/* Opens a compiled form for scoring. */
static LoadedModel *
load(const char *compiled, Size len)
{
	return rules_load(&algorithm_rules, compiled, len);
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
