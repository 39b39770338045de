/*-------------------------------------------------------------------------
 *
 * train_async.c
 *	  model_train_async(): a training as a job that runs once.
 *
 * The job's command is the call of model_train() that the caller would have made;
 * it runs as the caller, on the caller's search_path, in a process of its own,
 * whose memory goes back to the system when it ends.  The new version and the
 * run's success commit together.  The job is named for the model, so a model is
 * trained once at a time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "core/args.h"
#include "core/text.h"
#include "core/version.h"
#include "model/registry.h"
#include "worker/job.h"
#include "worker/worker.h"

PG_FUNCTION_INFO_V1(aipipe_model_train_async);

/* Appends an argument as a literal under its name, unless it is NULL. */
static void
append_text(StringInfo out, const char *name, const char *value)
{
	if (value != NULL)
		appendStringInfo(out, ", %s => %s", name, quote_literal_cstr(value));
}

/* Appends a text[] argument under its name, unless it is NULL. */
static void
append_list(StringInfo out, const char *name, List *values)
{
	ListCell   *cell;

	if (values == NIL)
		return;
	appendStringInfo(out, ", %s => ARRAY[", name);
	foreach(cell, values)
		appendStringInfo(out, "%s%s", foreach_current_index(cell) > 0 ? ", " : "", quote_literal_cstr(lfirst(cell)));
	appendStringInfoString(out, "]::pg_catalog.text[]");
}

/* Gives the call of model_train() with the same arguments. */
static char *
train_command(FunctionCallInfo fcinfo, const char *model)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "SELECT aipipe.model_train(model => %s", quote_literal_cstr(model));
	append_text(&out, "task", arg_text(fcinfo, 1, "task"));
	append_text(&out, "source", arg_text(fcinfo, 2, "source"));
	append_text(&out, "target", arg_optional_text(fcinfo, 3));
	append_list(&out, "features", arg_text_list(fcinfo, 4, "features"));
	append_text(&out, "algorithm", arg_optional_text(fcinfo, 5));
	if (!PG_ARGISNULL(6))
		append_text(&out, "params", JsonbToCString(NULL, &PG_GETARG_JSONB_P(6)->root, VARSIZE(PG_GETARG_JSONB_P(6))));
	appendStringInfoChar(&out, ')');
	return out.data;
}

/* Queues a training and gives its run. */
Datum
aipipe_model_train_async(PG_FUNCTION_ARGS)
{
	NewJob		new = {.once = true};
	char	   *model;
	char	   *name;
	int64		job;

	core_check_version();
	model = arg_text(fcinfo, 0, "model");
	registry_check_name(model);
	name = psprintf("train %s", model);
	name[text_clip(name, strlen(name), JOB_NAME_MAX)] = '\0';
	new.name = name;
	new.command = train_command(fcinfo, model);
	new.params = PG_ARGISNULL(7) ? NULL : PG_GETARG_JSONB_P(7);
	job = job_create(&new);
	worker_notice_none();
	PG_RETURN_INT64(job_enqueue(job_by_id(job), "manual", worker_now(), 0));
}
