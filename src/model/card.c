/*-------------------------------------------------------------------------
 *
 * card.c
 *	  model_describe(): what only a person can say about a model, for its card.
 *
 * The card itself is put together in SQL from the views and from this.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/args.h"
#include "core/options.h"
#include "core/sql.h"
#include "model/registry.h"

PG_FUNCTION_INFO_V1(aipipe_model_describe);

typedef struct Description
{
	char	   *contact;
	char	   *documentation;
	char	   *license;
	List	   *limitations;
	char	   *overview;
	List	   *references;
	List	   *risks;
	List	   *sensitive;
	List	   *tradeoffs;
	List	   *use_cases;
	List	   *users;
} Description;

static const OptionSpec description_members[] = {
	{"contact", OPTION_TEXT, OPTION_FIELD(Description, contact)},
	{"documentation", OPTION_TEXT, OPTION_FIELD(Description, documentation)},
	{"license", OPTION_TEXT, OPTION_FIELD(Description, license)},
	{"limitations", OPTION_TEXT_LIST, OPTION_FIELD(Description, limitations)},
	{"overview", OPTION_TEXT, OPTION_FIELD(Description, overview)},
	{"references", OPTION_TEXT_LIST, OPTION_FIELD(Description, references)},
	{"risks", OPTION_TEXT_LIST, OPTION_FIELD(Description, risks)},
	{"sensitive", OPTION_TEXT_LIST, OPTION_FIELD(Description, sensitive)},
	{"tradeoffs", OPTION_TEXT_LIST, OPTION_FIELD(Description, tradeoffs)},
	{"use_cases", OPTION_TEXT_LIST, OPTION_FIELD(Description, use_cases)},
	{"users", OPTION_TEXT_LIST, OPTION_FIELD(Description, users)},
};

static SqlStatement set_description = {
	"UPDATE aipipe.model_data SET description = $2::pg_catalog.jsonb WHERE id OPERATOR(pg_catalog.=) $1 RETURNING id",
	2, {INT8OID, TEXTOID}
};

/* model_describe(model, description): sets what the model's card says of its purpose, limits and risks. */
Datum
aipipe_model_describe(PG_FUNCTION_ARGS)
{
	char	   *model = arg_text(fcinfo, 0, "model");
	Description description;
	StringInfoData json;
	ModelRef	ref;
	SqlResult  *updated;

	PreventCommandIfReadOnly("describing a model");
	arg_require(fcinfo, 1, "description");
	options_parse(PG_GETARG_JSONB_P(1), "model_describe", description_members, lengthof(description_members), &description);
	initStringInfo(&json);
	options_to_json(&json, description_members, lengthof(description_members), &description);
	ref = registry_resolve(model, MODEL_CHAMPION, MODEL_MANAGE, GetUserId());
	updated = sql_run(&set_description, SQL_WRITE, Int64GetDatum(ref.model_id), CStringGetTextDatum(json.data));
	if (updated->nrows != 1)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not exist", model),
				 errdetail("It was dropped by a concurrent transaction.")));
	sql_free(updated);
	PG_RETURN_VOID();
}
