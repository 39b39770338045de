/*-------------------------------------------------------------------------
 *
 * drop.c
 *	  Dropping a version, or a model with all that belongs to it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"

#include "core/args.h"
#include "core/sql.h"
#include "model/cache.h"
#include "model/history.h"
#include "model/rights.h"
#include "model/split.h"

PG_FUNCTION_INFO_V1(aipipe_model_drop);

static SqlStatement delete_version = {
	"DELETE FROM aipipe.model_version_data WHERE id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

static SqlStatement delete_trials = {
	"DELETE FROM aipipe.model_trial_data WHERE model_id OPERATOR(pg_catalog.=) $1"
	" AND version OPERATOR(pg_catalog.=) $2",
	2, {INT8OID, INT4OID}
};

static SqlStatement delete_predictions = {
	"DELETE FROM aipipe.prediction_data WHERE model_id OPERATOR(pg_catalog.=) $1"
	" AND version OPERATOR(pg_catalog.=) $2",
	2, {INT8OID, INT4OID}
};

/* Whatever belongs to a model, the model itself last. */
static SqlStatement delete_model[] = {
	{"DELETE FROM aipipe.model_alias_data WHERE model_id OPERATOR(pg_catalog.=) $1", 1, {INT8OID}},
	{"DELETE FROM aipipe.model_split_data WHERE model_id OPERATOR(pg_catalog.=) $1", 1, {INT8OID}},
	{"DELETE FROM aipipe.model_label_data WHERE model_id OPERATOR(pg_catalog.=) $1", 1, {INT8OID}},
	/* a load that was under way when its model was dropped left its own behind: they go with the next drop */
	{"DELETE FROM aipipe.prediction_data p WHERE p.model_id OPERATOR(pg_catalog.=) $1"
		" OR NOT EXISTS (SELECT FROM aipipe.model_data m WHERE m.id OPERATOR(pg_catalog.=) p.model_id)", 1, {INT8OID}},
	{"DELETE FROM aipipe.model_alias_history_data WHERE model_id OPERATOR(pg_catalog.=) $1", 1, {INT8OID}},
	{"DELETE FROM aipipe.apply_data WHERE model_id OPERATOR(pg_catalog.=) $1", 1, {INT8OID}},
	{"DELETE FROM aipipe.model_grant_data WHERE model_id OPERATOR(pg_catalog.=) $1", 1, {INT8OID}},
	{"DELETE FROM aipipe.model_trial_data WHERE model_id OPERATOR(pg_catalog.=) $1", 1, {INT8OID}},
	{"DELETE FROM aipipe.model_version_data WHERE model_id OPERATOR(pg_catalog.=) $1", 1, {INT8OID}},
	{"DELETE FROM aipipe.model_data WHERE id OPERATOR(pg_catalog.=) $1", 1, {INT8OID}},
};

static SqlStatement aliases_of_version = {
	"SELECT pg_catalog.string_agg(a.alias, ', ') AS aliases FROM aipipe.model_alias_data a"
	" WHERE a.version_id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* Drops one version to which no alias points and that has no share of a split. */
static void
drop_version(const char *model, int version)
{
	ModelRef	ref = history_lock_model(model, version, "dropping a model version");
	SqlResult  *used = sql_run(&aliases_of_version, SQL_WRITE, Int64GetDatum(ref.version_id));
	char	   *aliases = sql_text(used, 0, "aliases");

	if (aliases != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot drop version %d of model \"%s\"", version, model),
				 errdetail("Aliases point to it: %s.", aliases),
				 errhint("Move the alias to another version first.")));
	sql_free(used);
	split_check_unused(model, &ref);
	sql_free(sql_run(&delete_trials, SQL_WRITE, Int64GetDatum(ref.model_id), Int32GetDatum(version)));
	sql_free(sql_run(&delete_predictions, SQL_WRITE, Int64GetDatum(ref.model_id), Int32GetDatum(version)));
	sql_free(sql_run(&delete_version, SQL_WRITE, Int64GetDatum(ref.version_id)));
}

/* Drops a model with all that belongs to it: its owner's right alone. */
static void
drop_model(const char *model)
{
	Datum		model_id = Int64GetDatum(rights_lock_owned(model));

	for (int i = 0; i < lengthof(delete_model); i++)
		sql_free(sql_run(&delete_model[i], SQL_WRITE, model_id));
}

/* model_drop(model, version): drops one version, or the whole model. */
Datum
aipipe_model_drop(PG_FUNCTION_ARGS)
{
	char	   *model;

	PreventCommandIfReadOnly("dropping a model");
	model = arg_text(fcinfo, 0, "model");
	if (PG_ARGISNULL(1))
		drop_model(model);
	else
		drop_version(model, arg_positive(fcinfo, 1, "version"));
	cache_invalidate_all_at_commit();
	PG_RETURN_VOID();
}
