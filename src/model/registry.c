/*-------------------------------------------------------------------------
 *
 * registry.c
 *	  Finding models and versions.
 *
 * Resolution runs with the active snapshot: what alias champion points to is
 * a fact of the statement, the same in every backend and on a standby.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "core/args.h"
#include "core/sql.h"
#include "core/version.h"
#include "model/registry.h"
#include "model/rights.h"

#define MODEL_NAME_MAX 255

static SqlStatement find_champion = {
	"SELECT m.id AS model_id, m.task, m.owner, m.shadowed, v.id AS version_id, v.version"
	" FROM aipipe.model_data m"
	" LEFT JOIN (aipipe.model_alias_data a"
	"            JOIN aipipe.model_version_data v ON v.id OPERATOR(pg_catalog.=) a.version_id)"
	" ON a.model_id OPERATOR(pg_catalog.=) m.id AND a.alias OPERATOR(pg_catalog.=) 'champion'"
	" WHERE m.name OPERATOR(pg_catalog.=) $1",
	1, {TEXTOID}
};

static SqlStatement find_version = {
	"SELECT m.id AS model_id, m.task, m.owner, m.shadowed, v.id AS version_id, v.version"
	" FROM aipipe.model_data m"
	" LEFT JOIN aipipe.model_version_data v"
	" ON v.model_id OPERATOR(pg_catalog.=) m.id AND v.version OPERATOR(pg_catalog.=) $2"
	" WHERE m.name OPERATOR(pg_catalog.=) $1",
	2, {TEXTOID, INT4OID}
};

static SqlStatement all_names = {
	"SELECT m.id AS model_id, m.name, m.owner FROM aipipe.model_data m ORDER BY m.name COLLATE pg_catalog.\"C\" USING OPERATOR(pg_catalog.<)",
	0
};

/* Ends with the error for a model that does not exist, naming the nearest that the role may use. */
static void
unknown_model(const char *model, Oid role)
{
	SqlResult  *result = sql_run(&all_names, SQL_READ);
	const char **names = palloc(sizeof(char *) * Max(result->nrows, 1));
	int			nnames = 0;
	const char *nearest;

	for (uint64 i = 0; i < result->nrows; i++)
		if (rights_on_model(sql_int64(result, i, "model_id", NULL),
							sql_oid(result, i, "owner", NULL),
							MODEL_PREDICT, role))
			names[nnames++] = sql_text(result, i, "name");
	nearest = options_nearest(model, names, nnames);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model \"%s\" does not exist", model),
			 nearest != NULL ? errhint("Perhaps you meant \"%s\".", nearest)
			 : errhint("The view aipipe.model lists the models that you may use.")));
}

/* Resolves name and version with the active snapshot and checks the role's right. */
ModelRef
registry_resolve(const char *model, int version, ModelPrivilege needed, Oid role)
{
	SqlResult  *result;
	ModelRef	ref = {0};
	bool		no_version;

	core_check_version();
	if (version == MODEL_CHAMPION)
		result = sql_run(&find_champion, SQL_READ, CStringGetTextDatum(model));
	else
		result = sql_run(&find_version, SQL_READ, CStringGetTextDatum(model), Int32GetDatum(version));
	if (result->nrows == 0)
		unknown_model(model, role);

	ref.model_id = sql_int64(result, 0, "model_id", NULL);
	ref.owner = sql_oid(result, 0, "owner", NULL);
	ref.task = algorithm_task(sql_text(result, 0, "task"));
	ref.shadowed = sql_bool(result, 0, "shadowed", NULL);
	rights_check_model(model, ref.model_id, ref.owner, needed, role);

	ref.version_id = sql_int64(result, 0, "version_id", &no_version);
	if (no_version && version == MODEL_CHAMPION)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no champion", model),
				 errhint("Choose one with aipipe.model_promote().")));
	if (no_version)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("version %d of model \"%s\" does not exist", version, model),
				 errhint("The view aipipe.model_version lists the versions.")));
	ref.version = sql_int32(result, 0, "version", NULL);
	sql_free(result);
	return ref;
}

/* Gives a version argument: MODEL_CHAMPION when it is NULL. */
int
registry_version_arg(FunctionCallInfo fcinfo, int argno)
{
	return PG_ARGISNULL(argno) ? MODEL_CHAMPION : arg_positive(fcinfo, argno, "version");
}

/* Ends with an error when the name cannot be a model's. */
void
registry_check_name(const char *model)
{
	if (model[0] == '\0' || strlen(model) > MODEL_NAME_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid model name \"%.*s\"", pg_mbcliplen(model, strlen(model), 64), model),
				 errdetail("A model name has 1 to %d bytes; this one has %zu.", MODEL_NAME_MAX, strlen(model))));
}

/* Ends with an error when the current user could not add a version to the model. */
void
registry_check_trainable(const char *model, ModelTask task)
{
	SqlResult  *result;
	ModelTask	existing;

	core_check_version();
	PreventCommandIfReadOnly("training a model");
	registry_check_name(model);
	result = sql_run(&find_champion, SQL_READ, CStringGetTextDatum(model));
	if (result->nrows == 0)
		return;
	rights_check_model(model, sql_int64(result, 0, "model_id", NULL),
					   sql_oid(result, 0, "owner", NULL),
					   MODEL_MANAGE, GetUserId());
	existing = algorithm_task(sql_text(result, 0, "task"));
	if (existing != task)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("model \"%s\" has task %s, not %s", model,
						algorithm_task_name(existing), algorithm_task_name(task)),
				 errhint("Choose another name, or drop the model first.")));
	sql_free(result);
}
