/*-------------------------------------------------------------------------
 *
 * rules.c
 *	  Mutated rule tables: artifacts and compiled forms.
 *
 * A mutant must be refused with the error that is promised, or be sound: then
 * it is scored and explained, and an artifact is written again byte by byte.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "learn/compiled.h"
#include "learn/rules.h"

PG_FUNCTION_INFO_V1(test_rules_compile);
PG_FUNCTION_INFO_V1(test_rules_open);
PG_FUNCTION_INFO_V1(test_rules_mutate);

/* Where the checksum of a compiled form is. */
#define CRC_AT 16

/* Compiles an artifact. */
Datum
test_rules_compile(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);
	StringInfoData compiled;
	bytea	   *result;

	initStringInfo(&compiled);
	rules_compile(bytes, len, &compiled);
	result = palloc(VARHDRSZ + compiled.len);
	SET_VARSIZE(result, VARHDRSZ + compiled.len);
	memcpy(VARDATA(result), compiled.data, compiled.len);
	PG_RETURN_BYTEA_P(result);
}

/* Opens a compiled form and gives the number of its rules. */
Datum
test_rules_open(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);

	PG_RETURN_INT32(rules_open_table(aligned_copy(bytes, len), len)->nrules);
}

/* Scores and explains three rows by an opened table. */
static void
use(RuleTable *table, Random *random)
{
	LoadedModel model = {.nfeatures = table->nfeatures, .nmargins = table->noutputs, .nvalues = table->nvalues, .state = table};
	Size		n = table->nfeatures;
	float	   *rows = palloc(sizeof(float) * 3 * n);
	float	   *margins = palloc(sizeof(float) * 3 * table->noutputs);
	float	   *values = palloc(sizeof(float) * 3 * table->nvalues);
	double	   *phi = palloc(sizeof(double) * 3 * (n + 1));
	double		sum = 0;

	for (Size i = 0; i < 3 * n; i++)
		rows[i] = random_below(random, 5) == 0 ? NAN : random_below(random, 2000);
	rules_margin(&model, rows, 3, margins);
	rules_values(&model, margins, 3, values);
	rules_explain(&model, rows, table->noutputs - 1, phi);
	for (Size f = 0; f <= n; f++)
		sum += phi[f];
	if (!(fabs(sum - margins[table->noutputs - 1]) <= 1e-6 * Max(1, fabs(sum) + fabs(table->overall[table->noutputs - 1]))))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("contributions sum to %g, not %g", sum, margins[table->noutputs - 1])));
	rules_importance(&model, phi, phi + n, phi + 2 * n);
}

/* Takes a mutant the whole way; false when a sound artifact is not written again as it was. */
static bool
serve(const char *bytes, Size len, bool compiled, Random *random, const void *arg)
{
	StringInfoData again;

	if (compiled)
	{
		use(rules_open_table(bytes, len), random);
		return true;
	}
	use(rules_read(bytes, len), random);
	initStringInfo(&again);
	rules_write(rules_read(bytes, len), &again);
	/* a number may be written otherwise than in its shortest form: what is written is stable */
	bytes = pnstrdup(again.data, again.len);
	len = again.len;
	resetStringInfo(&again);
	rules_write(rules_read(bytes, len), &again);
	return again.len == len && memcmp(again.data, bytes, len) == 0;
}

/* Tries mutants of an artifact or of its compiled form; the first is the thing itself. */
Datum
test_rules_mutate(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);

	return mutants_run(fcinfo, bytes, len, PG_GETARG_BOOL(1), PG_GETARG_INT32(2), PG_GETARG_INT32(3), serve, NULL);
}
