/*-------------------------------------------------------------------------
 *
 * alias.c
 *	  What a version is for: aliases, promotion, rollback.
 *
 * Every change is a row of aipipe.model_alias_history.  A row's previous_id is
 * the change that a rollback from there goes back to: a promotion's is the
 * change that was current before it; a rollback takes over that of the change
 * it restores.  So n steps back are n hops, however promotions and rollbacks
 * were mixed.
 *
 * All of it is plain table rows in the caller's transaction: visible to others
 * at their next statement after commit, undone by ROLLBACK.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/args.h"
#include "core/sql.h"
#include "model/alias.h"
#include "model/check.h"
#include "model/history.h"
#include "model/serving.h"

#define ALIAS_MAX 63

PG_FUNCTION_INFO_V1(aipipe_model_alias);
PG_FUNCTION_INFO_V1(aipipe_model_promote);
PG_FUNCTION_INFO_V1(aipipe_model_rollback);

static SqlStatement find_alias = {
	"SELECT a.history_id, a.version_id, v.version FROM aipipe.model_alias_data a"
	" JOIN aipipe.model_version_data v ON v.id OPERATOR(pg_catalog.=) a.version_id"
	" WHERE a.model_id OPERATOR(pg_catalog.=) $1 AND a.alias OPERATOR(pg_catalog.=) $2",
	2, {INT8OID, TEXTOID}
};

static SqlStatement set_alias = {
	"INSERT INTO aipipe.model_alias_data (model_id, alias, version_id, history_id) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT (model_id, alias) DO UPDATE"
	" SET version_id = EXCLUDED.version_id, history_id = EXCLUDED.history_id",
	4, {INT8OID, TEXTOID, INT8OID, INT8OID}
};

static SqlStatement delete_alias = {
	"DELETE FROM aipipe.model_alias_data WHERE model_id OPERATOR(pg_catalog.=) $1"
	" AND alias OPERATOR(pg_catalog.=) $2",
	2, {INT8OID, TEXTOID}
};

/* What an alias points to now; history_id 0 when it points nowhere. */
typedef struct AliasState
{
	int64		history_id;
	int64		version_id;
	int			version;
} AliasState;

/* Gives what the alias points to, reading with a new snapshot after the model was locked. */
static AliasState
read_alias(int64 model_id, const char *alias)
{
	SqlResult  *found = sql_run(&find_alias, SQL_WRITE, Int64GetDatum(model_id), CStringGetTextDatum(alias));
	AliasState	state = {0};

	if (found->nrows > 0)
	{
		state.history_id = sql_int64(found, 0, "history_id", NULL);
		state.version_id = sql_int64(found, 0, "version_id", NULL);
		state.version = sql_int32(found, 0, "version", NULL);
	}
	sql_free(found);
	return state;
}

/* Points an alias of a locked model to a version and records it. */
static void
point_alias(int64 model_id, const char *alias, const char *action, int64 version_id, int version,
			AliasState old, int64 previous_id, const char *why, const char *evidence)
{
	int64		history_id = history_record(model_id, alias, action, old.version, version,
										   previous_id, why, evidence);

	sql_free(sql_run(&set_alias, SQL_WRITE, Int64GetDatum(model_id), CStringGetTextDatum(alias),
					 Int64GetDatum(version_id), Int64GetDatum(history_id)));
	serving_note_change(model_id);
}

/* Makes the version champion when the model has none; the caller holds the model's row lock. */
void
alias_first_champion(int64 model_id, int64 version_id, int version)
{
	AliasState	now = read_alias(model_id, "champion");

	if (now.history_id == 0)
		point_alias(model_id, "champion", "promote", version_id, version, now, 0, "first version", NULL);
}

/* Points an alias to a version unless it already does; check may be NULL, else it must pass. */
static void
move_alias(const char *model, const char *alias, int version, const char *action, const char *why,
		   const TestOptions *check)
{
	ModelRef	ref = history_lock_model(model, version, "changing the alias of a model");
	AliasState	now = read_alias(ref.model_id, alias);
	char	   *evidence = NULL;

	if (now.history_id != 0 && now.version == version)
	{
		ereport(NOTICE,
				(errmsg("alias \"%s\" of model \"%s\" already points to version %d", alias, model, version)));
		return;
	}
	if (check != NULL && now.history_id != 0)
	{
		ModelRef	champion = ref;

		champion.version_id = now.version_id;
		champion.version = now.version;
		evidence = check_promotion(model, &ref, &champion, check);
	}
	point_alias(ref.model_id, alias, action, ref.version_id, version, now, now.history_id, why, evidence);
}

/* Makes the version champion in the place of the one it was made from. */
void
alias_succeed(const char *model, int from, int version, const char *why)
{
	/* the version may be of this very statement, whose snapshot does not show it */
	ModelRef	ref = history_lock_model(model, MODEL_CHAMPION, "changing the alias of a model");
	AliasState	now = read_alias(ref.model_id, "champion");
	int64		version_id = history_version_id(ref.model_id, version);

	if (now.version != from || version_id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("the champion of model \"%s\" was changed meanwhile", model),
				 errdetail("Version %d was made from version %d; champion is version %d now.", version, from, now.version),
				 errhint("Retry the statement, or the transaction, and succeed a champion once a statement.")));
	point_alias(ref.model_id, "champion", "promote", version_id, version, now, now.history_id, why, NULL);
}

/* Removes an alias; the champion's can only be moved. */
static void
remove_alias(const char *model, const char *alias, const char *why)
{
	ModelRef	ref;
	AliasState	now;

	if (strcmp(alias, "champion") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("alias \"champion\" cannot be removed"),
				 errhint("Promote another version, or drop the model.")));
	ref = history_lock_model(model, MODEL_CHAMPION, "changing the alias of a model");
	now = read_alias(ref.model_id, alias);
	if (now.history_id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" has no alias \"%s\"", model, alias)));
	(void) history_record(ref.model_id, alias, "remove", now.version, 0, now.history_id, why, NULL);
	sql_free(sql_run(&delete_alias, SQL_WRITE, Int64GetDatum(ref.model_id), CStringGetTextDatum(alias)));
	serving_note_change(ref.model_id);
}

/* model_alias(model, alias, version, why): points an alias to a version, or removes it for a NULL version. */
Datum
aipipe_model_alias(PG_FUNCTION_ARGS)
{
	char	   *model;
	char	   *alias;
	char	   *why = arg_optional_text(fcinfo, 3);

	model = arg_text(fcinfo, 0, "model");
	alias = arg_text(fcinfo, 1, "alias");
	if (alias[0] == '\0' || strlen(alias) > ALIAS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid alias \"%.*s\"", pg_mbcliplen(alias, strlen(alias), ALIAS_MAX), alias),
				 errdetail("An alias has 1 to %d bytes.", ALIAS_MAX)));
	if (PG_ARGISNULL(2))
		remove_alias(model, alias, why);
	else
		move_alias(model, alias, arg_positive(fcinfo, 2, "version"),
				   strcmp(alias, "champion") == 0 ? "promote" : "point", why, NULL);
	PG_RETURN_VOID();
}

/* model_promote(model, version, why, only_if): makes a version the champion, if it passes a check against the one before. */
Datum
aipipe_model_promote(PG_FUNCTION_ARGS)
{
	char	   *model = arg_text(fcinfo, 0, "model");
	int			version = arg_positive(fcinfo, 1, "version");
	TestOptions check;

	if (!PG_ARGISNULL(3))
		test_read_check(PG_GETARG_JSONB_P(3), &check);
	move_alias(model, "champion", version, "promote", arg_optional_text(fcinfo, 2), PG_ARGISNULL(3) ? NULL : &check);
	PG_RETURN_VOID();
}

static SqlStatement find_change = {
	"SELECT h.new_version, h.previous_id FROM aipipe.model_alias_history_data h"
	" WHERE h.id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* Gives the version of one change and the change before it (0 = none). */
static int
read_change(int64 history_id, int64 *previous_id)
{
	SqlResult  *change = sql_run(&find_change, SQL_WRITE, Int64GetDatum(history_id));
	bool		isnull;
	int			version = sql_int32(change, 0, "new_version", NULL);

	*previous_id = sql_int64(change, 0, "previous_id", &isnull);
	if (isnull)
		*previous_id = 0;
	sql_free(change);
	return version;
}

/* model_rollback(model, steps, why): makes an earlier champion champion again and gives its version. */
Datum
aipipe_model_rollback(PG_FUNCTION_ARGS)
{
	char	   *model;
	int			steps;
	ModelRef	ref;
	AliasState	now;
	int64		version_id;
	int64		previous_id;
	int			version;

	model = arg_text(fcinfo, 0, "model");
	steps = arg_positive(fcinfo, 1, "steps");
	ref = history_lock_model(model, MODEL_CHAMPION, "rolling back a model");
	now = read_alias(ref.model_id, "champion");
	version = read_change(now.history_id, &previous_id);
	for (int i = 0; i < steps; i++)
	{
		if (previous_id == 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("model \"%s\" has no champion %d step(s) back", model, steps),
					 errdetail("Its history reaches %d step(s) back from version %d.", i, now.version)));
		version = read_change(previous_id, &previous_id);
	}
	version_id = history_version_id(ref.model_id, version);
	if (version_id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot roll model \"%s\" back to version %d", model, version),
				 errdetail("That version was dropped."),
				 errhint("Promote another version with aipipe.model_promote().")));
	point_alias(ref.model_id, "champion", "rollback", version_id, version,
				now, previous_id, arg_optional_text(fcinfo, 2), NULL);
	PG_RETURN_INT32(version);
}
