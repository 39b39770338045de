/*-------------------------------------------------------------------------
 *
 * rights.c
 *	  Who may use a model, model_grant() and model_revoke().
 *
 * A model carries what its owner's rows say, whoever asks it: granting predict
 * is granting a summary of the training data.  "Allowed" is never kept across
 * statements.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "compat/compat.h"
#include "core/sql.h"
#include "model/rights.h"

PG_FUNCTION_INFO_V1(aipipe_model_grant);
PG_FUNCTION_INFO_V1(aipipe_model_revoke);
PG_FUNCTION_INFO_V1(aipipe_model_owner);

static SqlStatement find_grants = {
	"SELECT g.grantee, g.privilege FROM aipipe.model_grant_data g"
	" WHERE g.model_id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* Whether the role owns the model, by membership too, or was granted the privilege. */
bool
rights_on_model(int64 model_id, Oid owner, ModelPrivilege needed, Oid role)
{
	SqlResult  *grants;
	bool		allowed = false;

	if (has_privs_of_role(role, owner))
		return true;
	grants = sql_run(&find_grants, SQL_READ, Int64GetDatum(model_id));
	for (uint64 i = 0; i < grants->nrows && !allowed; i++)
	{
		Oid			grantee = sql_oid(grants, i, "grantee", NULL);

		if (needed == MODEL_MANAGE && strcmp(sql_text(grants, i, "privilege"), "manage") != 0)
			continue;
		allowed = (grantee == InvalidOid || has_privs_of_role(role, grantee));
	}
	sql_free(grants);
	return allowed;
}

/* Ends with an error unless the role has the privilege on the model. */
void
rights_check_model(const char *model, int64 model_id, Oid owner, ModelPrivilege needed, Oid role)
{
	const char *privilege = (needed == MODEL_MANAGE) ? "manage" : "predict";

	if (!rights_on_model(model_id, owner, needed, role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for model \"%s\"", model),
				 errdetail("Role \"%s\" lacks the privilege %s.", GetUserNameFromId(role, false), privilege),
				 errhint("The owner can run aipipe.model_grant(model, role, '%s').", privilege)));
}

static SqlStatement insert_grant = {
	"INSERT INTO aipipe.model_grant_data (model_id, grantee, privilege, granted_by)"
	" VALUES ($1, $2::pg_catalog.regrole, $3, $4) ON CONFLICT DO NOTHING",
	4, {INT8OID, OIDOID, TEXTOID, TEXTOID}
};

static SqlStatement delete_grant = {
	"DELETE FROM aipipe.model_grant_data WHERE model_id OPERATOR(pg_catalog.=) $1"
	" AND grantee::pg_catalog.oid OPERATOR(pg_catalog.=) $2 AND privilege OPERATOR(pg_catalog.=) $3",
	3, {INT8OID, OIDOID, TEXTOID}
};

static SqlStatement lock_owned = {
	"SELECT m.id AS model_id, m.owner FROM aipipe.model_data m WHERE m.name OPERATOR(pg_catalog.=) $1"
	" FOR UPDATE",
	1, {TEXTOID}
};

/* Gives the id of a model that the current user owns, by membership too, and locks it. */
int64
rights_lock_owned(const char *model)
{
	SqlResult  *found = sql_run(&lock_owned, SQL_WRITE, CStringGetTextDatum(model));
	int64		model_id;

	if (found->nrows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not exist", model)));
	if (!has_privs_of_role(GetUserId(), sql_oid(found, 0, "owner", NULL)))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of model \"%s\"", model)));
	model_id = sql_int64(found, 0, "model_id", NULL);
	sql_free(found);
	return model_id;
}

/* Resolves the arguments that grant and revoke share, checking that the caller owns the model. */
static int64
grant_target(FunctionCallInfo fcinfo, Oid *grantee, char **privilege)
{
	char	   *role = text_to_cstring(PG_GETARG_TEXT_PP(1));
	int64		model_id;

	PreventCommandIfReadOnly("changing the grants of a model");
	*privilege = text_to_cstring(PG_GETARG_TEXT_PP(2));
	if (strcmp(*privilege, "predict") != 0 && strcmp(*privilege, "manage") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown privilege \"%s\"", *privilege),
				 errdetail("Privileges on a model are predict and manage.")));
	model_id = rights_lock_owned(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	*grantee = strcmp(role, "public") == 0 ? InvalidOid : get_role_oid(role, false);
	return model_id;
}

/* model_grant(model, role, privilege): lets a role predict with a model or manage it. */
Datum
aipipe_model_grant(PG_FUNCTION_ARGS)
{
	Oid			grantee;
	char	   *privilege;
	int64		model_id = grant_target(fcinfo, &grantee, &privilege);

	sql_free(sql_run(&insert_grant, SQL_WRITE, Int64GetDatum(model_id), ObjectIdGetDatum(grantee),
					 CStringGetTextDatum(privilege),
					 CStringGetTextDatum(GetUserNameFromId(GetUserId(), false))));
	PG_RETURN_VOID();
}

/* model_revoke(model, role, privilege): takes back what model_grant() gave. */
Datum
aipipe_model_revoke(PG_FUNCTION_ARGS)
{
	Oid			grantee;
	char	   *privilege;
	int64		model_id = grant_target(fcinfo, &grantee, &privilege);
	SqlResult  *deleted = sql_run(&delete_grant, SQL_WRITE, Int64GetDatum(model_id),
								  ObjectIdGetDatum(grantee), CStringGetTextDatum(privilege));

	if (deleted->nrows == 0)
		ereport(NOTICE, (errmsg("privilege %s was not granted to that role", privilege)));
	sql_free(deleted);
	PG_RETURN_VOID();
}

static SqlStatement update_owner = {
	"UPDATE aipipe.model_data SET owner = $2::pg_catalog.regrole WHERE id OPERATOR(pg_catalog.=) $1",
	2, {INT8OID, OIDOID}
};

/* model_owner(model, role): gives a model to another role, as ALTER … OWNER TO gives a table. */
Datum
aipipe_model_owner(PG_FUNCTION_ARGS)
{
	Oid			role = get_role_oid(text_to_cstring(PG_GETARG_TEXT_PP(1)), false);
	int64		model_id;

	PreventCommandIfReadOnly("changing the owner of a model");
	model_id = rights_lock_owned(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	compat_check_can_set_role(GetUserId(), role);
	sql_free(sql_run(&update_owner, SQL_WRITE, Int64GetDatum(model_id), ObjectIdGetDatum(role)));
	PG_RETURN_VOID();
}
