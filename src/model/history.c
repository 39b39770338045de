/*-------------------------------------------------------------------------
 *
 * history.c
 *	  The lock under which what a model's versions are for changes, and the
 *	  record of every change.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/sql.h"
#include "model/history.h"

/* Updating the model serialises all changes of its aliases; under repeatable read a concurrent one is 40001. */
static SqlStatement lock_model = {
	"UPDATE aipipe.model_data SET last_version = last_version WHERE id OPERATOR(pg_catalog.=) $1 RETURNING id AS model_id",
	1, {INT8OID}
};

static SqlStatement find_version_id = {
	"SELECT v.id AS version_id FROM aipipe.model_version_data v"
	" WHERE v.model_id OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2",
	2, {INT8OID, INT4OID}
};

static SqlStatement insert_history = {
	"INSERT INTO aipipe.model_alias_history_data"
	" (model_id, alias, action, old_version, new_version, previous_id, changed_by, why, evidence)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::pg_catalog.jsonb) RETURNING id",
	9, {INT8OID, TEXTOID, TEXTOID, INT4OID, INT4OID, INT8OID, TEXTOID, TEXTOID, TEXTOID}
};

/* Records one change and gives its id. */
int64
history_record(int64 model_id, const char *alias, const char *action, int old_version,
			   int new_version, int64 previous_id, const char *why, const char *evidence)
{
	Datum		values[9];
	bool		nulls[9] = {0};
	SqlResult  *inserted;
	int64		id;

	values[0] = Int64GetDatum(model_id);
	values[1] = CStringGetTextDatum(alias);
	values[2] = CStringGetTextDatum(action);
	values[3] = Int32GetDatum(old_version);
	nulls[3] = (old_version == 0);
	values[4] = Int32GetDatum(new_version);
	nulls[4] = (new_version == 0);
	values[5] = Int64GetDatum(previous_id);
	nulls[5] = (previous_id == 0);
	values[6] = CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
	values[7] = why ? CStringGetTextDatum(why) : (Datum) 0;
	nulls[7] = (why == NULL);
	values[8] = evidence ? CStringGetTextDatum(evidence) : (Datum) 0;
	nulls[8] = (evidence == NULL);
	inserted = sql_run_values(&insert_history, SQL_WRITE, values, nulls);
	id = sql_int64(inserted, 0, "id", NULL);
	sql_free(inserted);
	return id;
}

/* Gives the id of a version, or 0 when there is none, reading with a new snapshot. */
int64
history_version_id(int64 model_id, int version)
{
	SqlResult  *found = sql_run(&find_version_id, SQL_WRITE, Int64GetDatum(model_id), Int32GetDatum(version));
	int64		id = found->nrows > 0 ? sql_int64(found, 0, "version_id", NULL) : 0;

	sql_free(found);
	return id;
}

/* Resolves a model and version that the caller may manage, locks the model, and looks whether the version is still there. */
ModelRef
history_lock_model(const char *model, int version, const char *command)
{
	ModelRef	ref;
	SqlResult  *locked;

	PreventCommandIfReadOnly(command);
	ref = registry_resolve(model, version, MODEL_MANAGE, GetUserId());
	locked = sql_run(&lock_model, SQL_WRITE, Int64GetDatum(ref.model_id));
	if (locked->nrows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not exist", model),
				 errdetail("It was dropped by a concurrent transaction.")));
	sql_free(locked);
	if (version == MODEL_CHAMPION)
		return ref;
	if (history_version_id(ref.model_id, version) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" has no version %d", model, version),
				 errdetail("It was dropped by a concurrent transaction.")));
	return ref;
}
