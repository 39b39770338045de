/*-------------------------------------------------------------------------
 *
 * check.c
 *	  The condition under which a version may be promoted.
 *
 * "not_worse" without a margin refuses what the test shows to be worse at level
 * alpha: doubt is in favour of the version.  With a margin it is a test of
 * non-inferiority: the lower bound of the lead's interval must be above -margin, so
 * doubt is against it.  "better" asks for a significant lead, with a margin for a
 * lower bound above it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "model/check.h"

/* Says whether the result meets what is required. */
static bool
is_met(const TestResult *result, const TestOptions *options)
{
	double		low;
	double		high;

	(void) test_lead(result, &low, &high);
	if (strcmp(options->require, "better") == 0)
		return options->margin > 0 ? low > options->margin : strcmp(test_verdict(result), "better") == 0;
	return options->margin > 0 ? low > -options->margin : strcmp(test_verdict(result), "worse") != 0;
}

/* Gives what was required in words. */
static char *
requirement(const TestOptions *options)
{
	bool		better = strcmp(options->require, "better") == 0;

	if (options->margin > 0)
		return psprintf("It must be %s %g at level %g.", better ? "better by more than" : "worse by less than",
						options->margin, options->alpha);
	return psprintf("It must %s at level %g.", better ? "be better" : "not be worse", options->alpha);
}

/* Ends with the error of a promotion that its check forbids. */
static void
refuse(const char *model, const ModelRef *version, const ModelRef *champion,
	   const TestOptions *options, const TestResult *result)
{
	const StatsDifference *difference = &result->difference;

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("version %d of model \"%s\" does not pass the check against champion %d",
					version->version, model, champion->version),
			 errdetail("%s Test %s on " INT64_FORMAT " rows: %s %.6g against %.6g, difference %.6g (%.6g to %.6g), p = %.3g.",
					   requirement(options), test_name(result->kind), result->n, result->metric->name,
					   difference->first, difference->second, difference->difference,
					   difference->ci_low, difference->ci_high, difference->p_value),
			 errhint("Promote without a check to overrule it, or let more rows decide.")));
}

/* Compares a version with the champion and gives what the history keeps of it. */
char *
check_promotion(const char *model, const ModelRef *version, const ModelRef *champion, const TestOptions *options)
{
	ModelRef	refs[2] = {*version, *champion};
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe model check", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TestOptions effective = *options;
	TestResult	result;
	StringInfoData out;
	char	   *evidence;

	/* what committed while this waited for the model's lock counts */
	PushActiveSnapshot(GetTransactionSnapshot());
	test_versions(refs, options->source, options, &result);
	PopActiveSnapshot();
	if (!is_met(&result, options))
		refuse(model, version, champion, options, &result);
	initStringInfo(&out);
	appendStringInfoString(&out, "{\"check\": ");
	effective.quantile = result.quantile;
	test_write_check(&effective, &out);
	appendStringInfoString(&out, ", \"result\": ");
	test_write(&result, version->version, champion->version, &out);
	appendStringInfoChar(&out, '}');
	MemoryContextSwitchTo(old);
	evidence = pstrdup(out.data);
	MemoryContextDelete(context);
	return evidence;
}
