/*-------------------------------------------------------------------------
 *
 * search_record.c
 *	  The trials of a search beside the version that they led to.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/sql.h"
#include "model/search.h"

static SqlStatement insert_trial = {
	"INSERT INTO aipipe.model_trial_data (model_id, version, trial, rung, params, metric, scores, mean,"
	" resource, cpu_seconds, state, error)"
	" VALUES ($1, $2, $3, $4, $5::pg_catalog.jsonb, $6, $7, $8, $9, $10, $11, $12)",
	12, {INT8OID, INT4OID, INT4OID, INT4OID, TEXTOID, TEXTOID, FLOAT8ARRAYOID, FLOAT8OID, FLOAT8OID, FLOAT8OID,
		 TEXTOID, TEXTOID}
};

/* Gives the scores of a trial's folds as a float8[], where a fold without one is NULL. */
static Datum
scores_array(const SearchTrial *trial)
{
	Datum	   *values = palloc(sizeof(Datum) * trial->nfolds);
	bool	   *nulls = palloc(sizeof(bool) * trial->nfolds);
	int			lower = 1;
	int			n = trial->nfolds;

	for (int i = 0; i < trial->nfolds; i++)
	{
		nulls[i] = isnan(trial->scores[i]);
		values[i] = Float8GetDatum(trial->scores[i]);
	}
	return PointerGetDatum(construct_md_array(values, nulls, 1, &n, &lower, FLOAT8OID, sizeof(float8),
											  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* Records one trial. */
static void
record_trial(const Search *search, const SearchTrial *trial, int64 model_id, int version)
{
	Datum		values[12];
	bool		nulls[12] = {0};

	values[0] = Int64GetDatum(model_id);
	values[1] = Int32GetDatum(version);
	values[2] = Int32GetDatum(trial->trial);
	values[3] = Int32GetDatum(trial->rung);
	values[4] = CStringGetTextDatum(trial->params);
	values[5] = CStringGetTextDatum(search->metric->name);
	values[6] = scores_array(trial);
	values[7] = Float8GetDatum(trial->mean);
	nulls[7] = isnan(trial->mean);
	values[8] = Float8GetDatum(trial->resource);
	nulls[8] = isnan(trial->resource);
	values[9] = Float8GetDatum(trial->cpu_seconds);
	values[10] = CStringGetTextDatum(trial->state);
	nulls[11] = (trial->error == NULL);
	values[11] = trial->error ? CStringGetTextDatum(trial->error) : (Datum) 0;
	sql_free(sql_run_values(&insert_trial, SQL_WRITE, values, nulls));
}

/* Records the trials beside the version that they led to. */
void
search_record(const Search *search, int64 model_id, int version)
{
	for (int i = 0; i < search->ntrials; i++)
		record_trial(search, &search->trials[i], model_id, version);
}
