/*-------------------------------------------------------------------------
 *
 * score.c
 *	  The one kernel: encode a block of rows, score it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "learn/metrics.h"
#include "model/score.h"

/* Share of the greatest contribution that a reason must have. */
#define REASON_LEAST 0.01

/* Binds the version to the row type; everything lives in a child of the given context. */
Scorer *
scorer_create(const ModelVersion *version, TupleDesc desc, MemoryContext context)
{
	MemoryContext own = AllocSetContextCreate(context, "aipipe model scorer", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(own);
	const LoadedModel *loaded = version->loaded;
	Scorer	   *scorer;

	algorithm_check_scores_rows(version->task, version->model);
	scorer = palloc0(sizeof(Scorer));
	scorer->version = version;
	scorer->context = own;
	scorer->binding = encoder_bind(version->encoder, desc, psprintf("model \"%s\"", version->model));
	scorer->last_attno = encoder_last_attno(scorer->binding);
	scorer->rows = palloc(mul_size(mul_size(SCORER_BLOCK, loaded->nfeatures), sizeof(float)));
	scorer->margins = palloc(mul_size(mul_size(SCORER_BLOCK, loaded->nmargins), sizeof(float)));
	scorer->values = palloc(mul_size(mul_size(SCORER_BLOCK, loaded->nvalues), sizeof(float)));
	scorer->scratch = AllocSetContextCreate(own, "aipipe model score", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(old);
	return scorer;
}

/* Encodes one deformed row as the next of the block. */
void
scorer_add(Scorer *scorer, const Datum *values, const bool *nulls)
{
	MemoryContext old = MemoryContextSwitchTo(scorer->scratch);

	Assert(scorer->nrows < SCORER_BLOCK);
	encoder_encode(scorer->binding, values, nulls,
				   scorer->rows + (size_t) scorer->nrows * scorer->version->loaded->nfeatures);
	scorer->nrows++;
	MemoryContextSwitchTo(old);
}

/* Scores the rows of the block. */
void
scorer_run(Scorer *scorer)
{
	const LoadedModel *loaded = scorer->version->loaded;

	if (scorer->nrows == 0)
		return;
	loaded->algorithm->margin(loaded, scorer->rows, scorer->nrows, scorer->margins);
	loaded->algorithm->values(loaded, scorer->margins, scorer->nrows, scorer->values);
	if (scorer->version->calibration != NULL)
		calibration_apply(scorer->version->calibration, scorer->values, scorer->nrows);
}

/* Empties the block. */
void
scorer_reset(Scorer *scorer)
{
	scorer->nrows = 0;
	MemoryContextReset(scorer->scratch);
}

/* Ends with an error when the version has no single value to give for a row. */
void
scorer_check_single(const ModelVersion *version)
{
	if (version->nclasses > 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" has %d classes and so no single value to predict",
						version->model, version->nclasses),
				 errhint("Use aipipe.model_predict_class() or aipipe.model_predict_proba().")));
}

/* Gives the probability of the positive class, the predicted value or the severity of row i. */
double
scorer_value(const Scorer *scorer, int i)
{
	const ModelVersion *version = scorer->version;

	if (version->task == TASK_CLASSIFICATION)
		return scorer_values(scorer, i)[version->positive];
	return scorer_values(scorer, i)[0];
}

/* Gives the index of the class of row i: by the version's threshold, else the most probable, the first of equals. */
int
scorer_class(const Scorer *scorer, int i)
{
	return metrics_decide(scorer_values(scorer, i), scorer->version->nclasses, scorer->version->threshold);
}

/* Orders contributions by absolute size, the largest first; equal ones by column. */
static int
compare_contributions(const void *a, const void *b)
{
	const Contribution *left = a;
	const Contribution *right = b;
	double		difference = fabs(right->contribution) - fabs(left->contribution);

	if (difference != 0)
		return difference > 0 ? 1 : -1;
	return left->column - right->column;
}

/* Gives each column's contribution to the margin of row i, largest first, bias last; without texts. */
static Contribution *
rank_contributions(const Scorer *scorer, int i)
{
	const ModelVersion *version = scorer->version;
	const Encoder *encoder = version->encoder;
	const LoadedModel *loaded = version->loaded;
	double	   *phi = palloc(mul_size(loaded->nfeatures + 1, sizeof(double)));
	Contribution *result = palloc0(mul_size(encoder->ncolumns + 1, sizeof(Contribution)));
	int			output = 0;

	/* several margins mean several classes: explain the predicted one */
	if (loaded->nmargins > 1)
		output = scorer_class(scorer, i);
	loaded->algorithm->explain(loaded, scorer->rows + (size_t) i * loaded->nfeatures, output, phi);

	for (int c = 0; c < encoder->ncolumns; c++)
	{
		const EncoderColumn *column = &encoder->columns[c];

		result[c].column = c;
		result[c].name = column->name;
		for (int f = 0; f < column->nfeatures; f++)
			result[c].contribution += phi[column->first_feature + f];
	}
	qsort(result, encoder->ncolumns, sizeof(Contribution), compare_contributions);
	result[encoder->ncolumns].column = -1;
	result[encoder->ncolumns].name = "(bias)";
	result[encoder->ncolumns].contribution = phi[loaded->nfeatures];
	pfree(phi);
	return result;
}

/* Gives each column's contribution to the margin of row i with the row's value, largest first, bias last. */
Contribution *
scorer_explain(const Scorer *scorer, int i, const Datum *values, const bool *nulls, int *ncontributions)
{
	Contribution *result = rank_contributions(scorer, i);
	int			ncolumns = scorer->version->encoder->ncolumns;

	for (int c = 0; c < ncolumns; c++)
		result[c].value = encoder_column_text(scorer->binding, result[c].column, values, nulls);
	*ncontributions = ncolumns + 1;
	return result;
}

/* Gives what training saw in a contribution's column, or NULL for the bias. */
char *
scorer_expected(const Scorer *scorer, const Contribution *contribution)
{
	if (contribution->column < 0)
		return NULL;
	return encoder_expected(scorer->version->encoder, contribution->column);
}

/* Appends "name": "text" or "name": null. */
static void
append_member(StringInfo out, const char *name, const char *text)
{
	escape_json(out, name);
	appendStringInfoString(out, ": ");
	if (text != NULL)
		escape_json(out, text);
	else
		appendStringInfoString(out, "null");
}

/* Appends one reason as a JSON object. */
static void
append_reason(StringInfo out, const Scorer *scorer, int i, Contribution *contribution, const Datum *values, const bool *nulls)
{
	bool		judges_cells = scorer->version->loaded->algorithm->cell != NULL;
	Reason		reason = {0};

	contribution->value = encoder_column_text(scorer->binding, contribution->column, values, nulls);
	if (judges_cells)
		scorer_reason(scorer, i, contribution, values, nulls, &reason);
	else
		reason.expected = scorer_expected(scorer, contribution);
	appendStringInfoChar(out, '{');
	append_member(out, "column", contribution->name);
	appendStringInfoString(out, ", ");
	append_member(out, "value", contribution->value);
	appendStringInfo(out, ", \"contribution\": %.4g, ", contribution->contribution);
	append_member(out, "expected", reason.expected);
	if (judges_cells)
	{
		appendStringInfoString(out, ", ");
		append_member(out, "given", reason.given);
		appendStringInfoString(out, ", ");
		append_member(out, "sentence", reason.sentence);
	}
	appendStringInfoChar(out, '}');
}

/* Gives the top k positive contributions of row i as the text of a JSON array. */
char *
scorer_reasons(const Scorer *scorer, int i, const Datum *values, const bool *nulls, int k)
{
	int			ncolumns = scorer->version->encoder->ncolumns;
	Contribution *contributions = rank_contributions(scorer, i);
	StringInfoData out;
	double		least = 0;
	int			given = 0;

	/* where every cell has bits, what adds next to nothing is no reason */
	if (ncolumns > 0 && scorer->version->loaded->algorithm->cell != NULL)
		least = contributions[0].contribution * REASON_LEAST;
	initStringInfo(&out);
	appendStringInfoChar(&out, '[');
	for (int c = 0; c < ncolumns && given < k; c++)
	{
		if (contributions[c].contribution <= 0 || contributions[c].contribution < least)
			continue;
		if (given++ > 0)
			appendStringInfoString(&out, ", ");
		append_reason(&out, scorer, i, &contributions[c], values, nulls);
	}
	appendStringInfoChar(&out, ']');
	return out.data;
}
